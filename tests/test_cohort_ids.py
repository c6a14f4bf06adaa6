"""Patient ids: doubled, nearly doubled, empty, mangled, joined wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cohort_factory import found, sound

from phenotyper.cohort.container import block_frame, features_of, patients_of, warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.errors import CohortError


def test_the_sound_cohort_passes_without_a_word(tmp_path: Path):
    report = check_cohort(sound().write(tmp_path))
    assert report.problems == ()
    assert report.ok


def test_a_patient_on_two_rows_is_refused_with_rows_and_remedy(tmp_path: Path):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 5, "P001")
    cohort.set("labs.csv", "patient_id", 9, "P001")
    problem = found(check_cohort(cohort.write(tmp_path)), "DUP_ID")
    assert problem.rows == (2, 5, 9)
    assert problem.text() == (
        'DUP_ID: labs.csv has 1 patient id on more than one row: "P001" (rows 2, 5, 9). '
        'Give one row a patient, or aggregate = "mean" for block labs in cohort.toml.'
    )


def test_a_table_of_visits_is_called_one(tmp_path: Path):
    cohort = sound()
    labs = cohort.tables["labs.csv"]
    cohort.tables["labs.csv"] = labs.loc[labs.index.repeat(2)]
    problem = found(check_cohort(cohort.write(tmp_path)), "DUP_ID")
    assert "look like visits" in problem.remedy
    assert len(problem.rows) == 78


def test_a_patient_twice_in_the_table_of_patients_cannot_be_aggregated(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "patient_id", 5, "P001")
    problem = found(check_cohort(cohort.write(tmp_path)), "DUP_ID")
    assert problem.where == "clinical.csv"
    assert "aggregate" not in problem.remedy


@pytest.mark.parametrize(
    ("how", "crp", "diet", "cough"),
    [("mean", 30.0, "vegan", "some"), ("first", 10.0, "mixed", "none"), ("last", 50.0, "vegan", "much")],
)
def test_rows_of_a_patient_are_joined_as_declared(
    tmp_path: Path, how: str, crp: float, diet: str, cough: str
):
    cohort = sound()
    values = {4: ("10", "mixed", "none"), 5: ("", "vegan", "some"), 6: ("50", "vegan", "much")}
    for row, cells in values.items():
        cohort.set("labs.csv", "patient_id", row, "P003")
        for column, cell in zip(("crp", "diet", "cough"), cells, strict=True):
            cohort.set("labs.csv", column, row, cell)
    cohort.set("labs.csv", "cough", 5, "" if how == "last" else "none" if how == "first" else "some")
    if how == "mean":
        cohort.set("labs.csv", "cough", 4, "some")
    cohort.declared["blocks"]["labs"]["aggregate"] = how
    labs = block_frame(read_cohort(cohort.write(tmp_path)), "labs")
    assert labs.loc["P003", ["crp", "diet", "cough"]].tolist() == [crp, diet, cough]
    assert labs.index.is_unique


@pytest.mark.parametrize("odd", ["P003 ", "p003", "P003\u00a0", "\u200bP003", "\uff30003"])
def test_an_id_in_another_spelling_is_refused_with_the_pair(tmp_path: Path, odd: str):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 4, odd)
    report = check_cohort(cohort.write(tmp_path))
    problem = found(report, "ID_NEAR_DUP")
    assert problem.rows == (4,)
    assert f'{json.dumps(odd)} and "P003" of clinical.csv' in problem.message
    assert "normalise_ids = true" in problem.remedy


def test_ids_are_written_one_way_when_that_is_declared(tmp_path: Path):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 4, "p003 ")
    cohort.declared["normalise_ids"] = True
    read = read_cohort(cohort.write(tmp_path), quiet=True)
    assert read.n_obs == 40
    assert "P003" in read["labs"].obs_names
    assert [problem.code for problem in warnings_of(read)] == ["ID_NORMALISED"]


def test_two_spellings_in_one_table_are_one_patient_twice_when_ids_are_normalised(tmp_path: Path):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 5, "p003")
    cohort.declared["normalise_ids"] = True
    assert found(check_cohort(cohort.write(tmp_path)), "DUP_ID").rows == (4, 5)


def test_leading_zeros_are_kept(tmp_path: Path):
    cohort = sound()
    for table in ("clinical.csv", "labs.csv", "expression.csv.gz", "microbes.tsv"):
        cohort.tables[table]["patient_id"] = cohort.tables[table]["patient_id"].str.removeprefix("P")
    assert "001" in read_cohort(cohort.write(tmp_path)).obs_names


@pytest.mark.parametrize("name", ["NA", "NaN", "null", "None", "TRUE", "-9"])
def test_an_id_that_looks_missing_is_an_id(tmp_path: Path, name: str):
    cohort = sound()
    cohort.set("clinical.csv", "patient_id", 2, name)
    cohort.set("labs.csv", "patient_id", 2, name)
    cohort.declared["missing_codes"] = ["-9", "NA"]
    assert name in read_cohort(cohort.write(tmp_path)).obs_names


@pytest.mark.parametrize("empty", ["", "  ", "\u00a0"])
def test_a_row_without_an_id_is_refused(tmp_path: Path, empty: str):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 7, empty)
    cohort.set("labs.csv", "patient_id", 8, empty)
    report = check_cohort(cohort.write(tmp_path))
    assert found(report, "ID_EMPTY").rows == (7, 8)
    assert [problem.code for problem in report.problems] == ["ID_EMPTY"]


@pytest.mark.parametrize("mangled", ["1001.0", "1.23E+12", "1e+15"])
def test_an_id_that_went_through_a_number_is_refused(tmp_path: Path, mangled: str):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 3, mangled)
    problem = found(check_cohort(cohort.write(tmp_path)), "ID_MANGLED")
    assert problem.rows == (3,)
    assert mangled in problem.message


@pytest.mark.parametrize("fine", ["12.1", "E10", "1E10", "10.0.1"])
def test_an_id_that_only_looks_like_a_number_passes(tmp_path: Path, fine: str):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 3, fine)
    assert check_cohort(cohort.write(tmp_path)).ok


def test_ids_with_a_point_pass_when_some_of_them_mean_it(tmp_path: Path):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 3, "12.0")
    cohort.set("labs.csv", "patient_id", 4, "12.1")
    assert check_cohort(cohort.write(tmp_path)).ok


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (lambda text: f"X{text[1:]}-sample", "Only their digits agree"),
        (lambda text: f"{text}-01A", "cut them"),
        (lambda text: f"00{text}", "leading zeros"),
        (lambda text: text.translate(str.maketrans("P0123456789", "wabcdefghij")), "Check that all tables"),
    ],
)  # fmt: skip
def test_a_table_that_shares_no_patient_is_refused_with_examples(
    tmp_path: Path, here: Callable[[str], str], said: str
):
    cohort = sound()
    table = cohort.tables["microbes.tsv"]
    table["patient_id"] = [here(text) for text in table["patient_id"]]
    problem = found(check_cohort(cohort.write(tmp_path)), "NO_OVERLAP")
    assert '"P001"' in problem.message
    assert problem.where == "microbes.tsv"
    assert said in problem.remedy


def test_samples_of_patients_are_told_of_the_table_of_samples(tmp_path: Path):
    cohort = sound()
    table = cohort.tables["microbes.tsv"]
    table["patient_id"] = [f"{text}-01A" for text in table["patient_id"]]
    assert "samples = { file = ..." in found(check_cohort(cohort.write(tmp_path)), "NO_OVERLAP").remedy


def test_ids_that_lost_their_leading_zeros_in_one_table_are_refused(tmp_path: Path):
    cohort = sound()
    for name, table in cohort.tables.items():
        if "patient_id" in table:
            numbers = [int(text[1:]) + 80 for text in table["patient_id"]]
            table["patient_id"] = [str(n) if name == "labs.csv" else f"{n:03d}" for n in numbers]
    problem = found(check_cohort(cohort.write(tmp_path)), "ID_MANGLED")
    assert problem.where == "labs.csv"
    assert (
        '19 patient ids that are in the other tables with leading zeros: "81" is "081" there'
        in problem.message
    )
    assert problem.rows == tuple(range(2, 21))


def test_one_and_zero_one_in_the_same_tables_are_two_patients(tmp_path: Path):
    cohort = sound()
    for table in cohort.tables.values():
        if "patient_id" in table:
            table["patient_id"] = table["patient_id"].replace({"P001": "1", "P002": "01"})
    assert check_cohort(cohort.write(tmp_path)).ok


def test_a_matrix_that_names_genes_is_told_how_to_turn_it(tmp_path: Path):
    cohort = sound()
    cohort.tables["microbes.tsv"] = cohort.tables["microbes.tsv"].rename(columns={"patient_id": "gene"})
    assert 'rows = "features"' in found(check_cohort(cohort.write(tmp_path)), "COLUMN_ABSENT").remedy


def test_ids_that_agree_but_for_case_get_the_switch_as_remedy(tmp_path: Path):
    cohort = sound()
    cohort.tables["microbes.tsv"]["patient_id"] = cohort.tables["microbes.tsv"]["patient_id"].str.lower()
    assert "normalise_ids" in found(check_cohort(cohort.write(tmp_path)), "NO_OVERLAP").remedy


def test_features_as_rows_are_seen_by_the_ids_among_the_columns(tmp_path: Path):
    cohort = sound()
    turned = cohort.tables["expression.csv.gz"].set_index("patient_id").T
    cohort.tables["expression.csv.gz"] = turned.reset_index(names="gene")
    report = check_cohort(cohort.write(tmp_path))
    assert [problem.code for problem in report.errors] == ["TRANSPOSED"]
    assert report.errors[0].where == "expression.csv.gz"
    assert 'rows = "features"' in report.errors[0].remedy


def test_features_as_rows_are_seen_when_their_column_is_called_like_the_id(tmp_path: Path):
    cohort = sound()
    turned = cohort.tables["expression.csv.gz"].set_index("patient_id").T
    cohort.tables["expression.csv.gz"] = turned.reset_index(names="patient_id")
    assert [problem.code for problem in check_cohort(cohort.write(tmp_path)).errors] == ["TRANSPOSED"]


def test_a_table_without_the_id_column_is_refused_with_a_hint(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"] = cohort.tables["labs.csv"].rename(columns={"patient_id": "PatientID"})
    problem = found(check_cohort(cohort.write(tmp_path)), "COLUMN_ABSENT")
    assert 'no column "patient_id"' in problem.message
    assert 'Did you mean "PatientID"?' in problem.remedy


def test_the_union_of_patients_is_kept(tmp_path: Path):
    cohort = sound()
    cohort.tables["clinical.csv"] = cohort.tables["clinical.csv"].iloc[2:]
    del cohort.declared["consent"]
    read = read_cohort(cohort.write(tmp_path))
    assert read.n_obs == 40
    assert patients_of(read).loc["P001"].isna().all()
    assert read["labs"].n_obs == 39
    assert list(features_of(read, "labs").index) == ["crp", "wbc", "neutrophils", "fever", "cough", "diet"]


def test_nothing_is_raised_before_everything_was_looked_at(tmp_path: Path):
    cohort = sound()
    cohort.set("labs.csv", "patient_id", 3, "1001.0")
    cohort.set("labs.csv", "crp", 8, "n/a")
    cohort.set("clinical.csv", "days", 4, "-3")
    cohort.set("clinical.csv", "sex", 4, "x")
    cohort.declared["blocks"]["microbes"]["file"] = "microbs.tsv"
    with pytest.raises(CohortError) as caught:
        read_cohort(cohort.write(tmp_path))
    assert set(caught.value.codes) == {"ID_MANGLED", "COERCE", "NEG_TIME", "SEX_CODES", "FILE_ABSENT"}
