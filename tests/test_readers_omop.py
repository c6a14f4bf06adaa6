"""OMOP tables: persons, measurements over time and conditions come in as typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from raw_tables import cells, ids, said

from phenotyper.cohort.container import block_frame, patients_of, warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.cohort.readers.contract import parts_of
from phenotyper.errors import CohortError

CREATININE, CULTURE, ASTHMA, FEVER = 3016723, 3023368, 317009, 437663
LESS, MG, UMOL = 4171756, 8840, 8749

PERSON = """person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,race_concept_id,\
ethnicity_concept_id,care_site_id,location_id
1,8507,2012,3,4,8527,0,10,
2,8532,2015,,,0,0,11,7
3,8551,2010,2,30,0,0,,
"""
MEASUREMENT = """measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,\
operator_concept_id,value_as_number,value_as_concept_id,unit_concept_id,unit_source_value
1,1,3016723,2020-01-05,2020-01-05 18:00:00,,0.6,,8840,mg/dl
2,1,3016723,2020-01-05,2020-01-05 07:00:00,0,0.5,0,8840,mg/dl
3,2,3016723,2020-02-01,,4171756,0.2,,8840,mg/dl
4,2,3023368,2020-02-01,,,,9191,,
5,2,3023368,2020-03-01,,,,9189,0,
6,3,0,2020-03-01,,,5,,,
7,1,3016723,2020-04-01,,,,,8840,
"""
CONDITION = """condition_occurrence_id,person_id,condition_concept_id,condition_start_date
1,1,317009,2019-05-01
2,1,317009,2020-05-01
3,2,437663,2020-02-02
4,2,0,2020-02-03
5,9,317009,2020-02-03
"""
CONCEPT = """concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_code
3016723\tCreatinine [Mass/volume] in "Serum"\tMeasurement\tLOINC\t2160-0
317009\tAsthma\tCondition\tSNOMED\t195967001
8840\tmilligram per deciliter\tUnit\tUCUM\tmg/dL
8749\tmicromole per liter\tUnit\tUCUM\tumol/L
9191\tPositive\tMeas Value\tSNOMED\t10828004
9189\tNegative\tMeas Value\tSNOMED\t260385009
8527\tWhite\tRace\tRace\t5
"""
TABLES = {
    "person.csv": PERSON,
    "measurement.csv": MEASUREMENT,
    "condition_occurrence.csv": CONDITION,
    "CONCEPT.csv": CONCEPT,
    "death.csv": "person_id,death_date\n2,2021-01-01\n",
    "observation_period.csv": (
        "person_id,observation_period_start_date,observation_period_end_date\n"
        "1,2019-01-01,2019-12-31\n1,2020-02-01,2021-12-31\n"
    ),
}


def folder_of(home: Path, **changed: str) -> Path:
    folder = home / "omop"
    folder.mkdir(exist_ok=True)
    texts = TABLES | {f"{name}.csv": text for name, text in changed.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, part: str, **options: Any) -> RawTable:
    return read_table(Source("omop", folder, part=part, format="omop", options=options))


def refused(folder: Path, part: str, **options: Any) -> CohortError:
    with pytest.raises(CohortError) as caught:
        read(folder, part, **options)
    return caught.value


def test_persons_have_sex_birth_site_death_and_time_under_observation(tmp_path: Path):
    table = read(folder_of(tmp_path), "person")
    assert ids(table) == ["1", "2", "3"]
    assert cells(table) == {
        "sex": ["male", "female", None],
        "year_of_birth": [2012.0, 2015.0, 2010.0],
        "birth_date": ["2012-03-04", None, None],
        "race": ["White", None, None],
        "ethnicity": [None, None, None],
        "site": ["10", "11", None],
        "location": [None, "7", None],
        "died": ["no", "yes", "no"],
        "death_date": [None, "2021-01-01", None],
        "observed_from": ["2019-01-01", None, None],
        "observed_to": ["2021-12-31", None, None],
    }
    assert "2 persons" in said(table)["OMOP_BIRTH"]


def test_measurements_are_a_row_a_day_with_units_limits_and_levels(tmp_path: Path):
    table = read(folder_of(tmp_path), "measurement")
    assert ids(table) == ["1", "1", "2", "2"]
    assert cells(table) == {
        "date": ["2020-01-05", "2020-01-05", "2020-02-01", "2020-03-01"],
        "3016723": ["0.5", "0.6", "<0.2", None],
        "3023368": [None, None, "Positive", "Negative"],
    }
    assert table.time_column == "date"
    assert table.features["3016723"] == {
        "kind": "number", "label": 'Creatinine [Mass/volume] in "Serum"', "unit": "mg/dL",
    }  # fmt: skip
    assert table.features["3023368"]["kind"] == "category"
    assert table.rows.tolist() == [3, 2, 4, 6]
    assert "1 record" in said(table)["OMOP_UNMAPPED"]
    assert "1 record" in said(table)["OMOP_NO_VALUE"]


def test_without_a_concept_table_numbers_stand_for_names(tmp_path: Path):
    folder = folder_of(tmp_path)
    (folder / "CONCEPT.csv").unlink()
    table = read(folder, "measurement")
    assert table.features["3016723"] == {"kind": "number", "label": "", "unit": "8840"}
    assert cells(table)["3023368"] == [None, None, "9191", "9189"]


def test_conditions_are_yes_ever_and_no_for_persons_without(tmp_path: Path):
    table = read(folder_of(tmp_path), "condition_occurrence")
    assert ids(table) == ["1", "2", "3"]
    assert cells(table) == {"317009": ["yes", "no", "no"], "437663": ["no", "yes", "no"]}
    assert table.features["317009"] == {"kind": "yes/no", "label": "Asthma"}
    assert "records of 1 patient" in said(table)["RECORD_PATIENT"]
    assert "2019-05-01 to 2020-05-01" in said(table)["RECORD_ANY_DATE"]


def test_every_record_has_its_day_so_that_only_those_before_the_index_date_count(tmp_path: Path):
    table = read(folder_of(tmp_path), "condition_occurrence", every=True)
    assert list(zip(ids(table), table.frame["date"].fillna(""), strict=True)) == [
        ("1", "2019-05-01"), ("1", "2020-05-01"), ("2", "2020-02-02"), ("3", ""),
    ]  # fmt: skip
    assert cells(table)["317009"] == ["yes", "yes", None, None]


def test_concepts_are_chosen_by_number_or_name_and_rare_ones_left_out(tmp_path: Path):
    folder = folder_of(tmp_path)
    for words in (("317009",), ("asthma",)):
        assert list(read(folder, "condition_occurrence", concepts=words).frame) == ["317009"]
    error = refused(folder, "condition_occurrence", concepts=("asthm",))
    assert error.codes == ("CONCEPT_UNKNOWN",)
    assert 'Did you mean "Asthma"' in str(error)
    table = read(folder, "condition_occurrence", least=0.5)
    assert list(table.frame) == ["317009"]
    assert "1 of 2 features in less than 0.5 of 3 patients" in said(table)["CONCEPT_RARE"]


def test_several_units_are_refused_and_one_may_be_kept(tmp_path: Path):
    spoiled = (
        f"{MEASUREMENT}8,3,{CREATININE},2020-05-01,,,44,,{UMOL},\n9,3,{CREATININE},2020-05-02,,,0.4,,,\n"
    )
    folder = folder_of(tmp_path, measurement=spoiled)
    error = refused(folder, "measurement")
    assert error.codes == ("OMOP_UNITS",)
    assert "in mg/dL (3 times)" in str(error)
    assert "umol/L (1 time)" in str(error)
    assert "none (1 time)" in str(error)
    assert 'unit_of = { "3016723"' in str(error)
    table = read(folder, "measurement", unit_of=((str(CREATININE), ("mg/dL",)),))
    assert cells(table)["3016723"] == ["0.5", "0.6", "<0.2", None]
    assert "2 numbers" in said(table)["OMOP_UNITS"]
    both = read(folder, "measurement", unit_of=((str(CREATININE), ("mg/dL", "none")),))
    assert cells(both)["3016723"][-1] == "0.4"


def test_observations_are_ever_or_values_as_asked(tmp_path: Path):
    text = (
        "person_id,observation_concept_id,observation_date,value_as_number,value_as_string\n"
        "1,4275495,2020-01-01,,daily\n2,4144272,2020-01-02,3,\n"
    )
    folder = folder_of(tmp_path, observation=text)
    assert "FILE_EMPTY" in refused(folder, "condition_occurrence", values=True).codes
    assert cells(read(folder, "observation")) == {
        "4144272": ["no", "yes", "no"],
        "4275495": ["yes", "no", "no"],
    }
    values = read(folder, "observation", values=True)
    assert cells(values)["4144272"] == [None, 3.0]
    assert cells(values)["4275495"] == ["daily", None]


def test_upper_case_tabs_gz_and_parquet_read_as_the_csv_does(tmp_path: Path):
    plain = read(folder_of(tmp_path), "measurement")
    other = tmp_path / "other"
    other.mkdir()
    frame = pd.read_csv(tmp_path / "omop" / "measurement.csv")
    frame.columns = frame.columns.str.upper()
    dated = frame.assign(MEASUREMENT_DATE=pd.to_datetime(frame["MEASUREMENT_DATE"]))
    dated.to_parquet(other / "Measurement.parquet")
    pd.read_csv(tmp_path / "omop" / "person.csv").to_csv(other / "PERSON.tsv.gz", sep="\t", index=False)
    (other / "concept.txt").write_text(CONCEPT, encoding="utf-8")
    read_again = read(other, "measurement")
    assert cells(read_again) == cells(plain)
    assert ids(read_again) == ids(plain)
    assert read_again.features == plain.features
    assert cells(read(other, "person"))["birth_date"] == ["2012-03-04", None, None]
    assert parts_of(other, form="omop") == ["measurement", "person"]


@pytest.mark.parametrize(
    ("table", "old", "new", "code", "words"),
    [
        ("measurement", "measurement_concept_id,", "concept,", "OMOP_COLUMNS", "measurement_concept_id"),
        ("measurement", ",0.6,", ",0.6 mg,", "OMOP_NUMBER", '"0.6 mg" (row 2)'),
        ("measurement", ",0.6,", ",inf,", "OMOP_NUMBER", "(row 2)"),
        ("measurement", ",0.6,,8840,mg/dl", ",0.6,,8840,mg,dl", "RAGGED", "1 row with another"),
        ("measurement", "\n7,1,", '\n"7","1","x",', "RAGGED", "(row 8)"),
        ("measurement", "2020-02-01", "01/02/2020", "OMOP_DATE", '"01/02/2020" (rows 4, 5)'),
        ("measurement", MEASUREMENT, "", "FILE_EMPTY", "measurement.csv"),
        ("measurement", "mg/dl", '"mg/dl', "FILE_DAMAGED", "measurement.csv"),
    ],
)
def test_a_spoiled_table_is_refused_with_its_place(
    tmp_path: Path, table: str, old: str, new: str, code: str, words: str
):
    folder = folder_of(tmp_path, **{table: TABLES[f"{table}.csv"].replace(old, new)})
    error = refused(folder, table)
    assert error.codes == (code,)
    assert words in str(error)


def test_bytes_that_are_no_text_and_broken_archives_are_refused(tmp_path: Path):
    folder = folder_of(tmp_path)
    (folder / "measurement.csv").write_bytes(MEASUREMENT.encode().replace(b"mg/dl", b"\xb5g"))
    assert refused(folder, "measurement").codes == ("ENCODING",)
    (folder / "measurement.csv").unlink()
    (folder / "measurement.parquet").write_bytes(b"PAR1 nothing")
    assert refused(folder, "measurement").codes == ("FILE_DAMAGED",)
    (folder / "measurement.csv").write_text(MEASUREMENT, encoding="utf-8")
    assert refused(folder, "measurement").codes == ("OMOP_TABLE",)


def test_a_part_that_is_absent_or_unknown_is_refused(tmp_path: Path):
    folder = folder_of(tmp_path)
    error = refused(folder, "drug_exposure")
    assert error.codes == ("OMOP_TABLE",)
    assert "condition_occurrence" in str(error)
    assert refused(folder, "").codes == ("PART_UNKNOWN",)
    assert 'Did you mean "measurement"' in str(refused(folder, "measurements"))


def test_missing_codes_and_whole_numbers_as_floats_are_understood(tmp_path: Path):
    text = MEASUREMENT.replace("\n3,2,", "\n3,2.0,").replace(",0.6,", ",NULL,")
    source = Source("omop", folder_of(tmp_path, measurement=text), part="measurement", format="omop")
    with pytest.raises(CohortError, match="OMOP_NUMBER"):
        read_table(source)
    table = read_table(Source(**{**source.__dict__, "missing_codes": ("NULL",)}))
    assert ids(table) == ["1", "2", "2"]


TOML = """
folder = "omop"

[patients]
file = "."
format = "omop"
age = { birth_date = "birth_date" }
sex = "sex"
site = "site"
index_date = "observed_from"

[blocks.labs]
file = "."
format = "omop"
table = "measurement"
kind = "mixed"
censored = "lod"
VISITS

[blocks.conditions]
file = "."
format = "omop"
table = "condition_occurrence"
kind = "yes/no"
"""


def cohort_of(home: Path, visits: str) -> Path:
    people = range(1, 31)
    person = "".join(
        f"{one},{8507 + 25 * (one % 2)},2012,3,{one % 28 + 1},0,0,{one % 3},\n" for one in people
    )
    rows = [
        f"{one},{one},{CREATININE},2020-0{month}-01,,{LESS if one % 10 == 0 else 0},"
        f"{one / 10 + month:.2f},,{MG},\n"
        for one in people
        for month in (1, 3, 5)
    ]
    conditions = "".join(
        f"{one},{one},{ASTHMA if one % 3 else FEVER},2019-05-01\n" for one in people if one % 5
    )
    period = "".join(f"{one},2020-03-01,2021-12-31\n" for one in people)
    heads = {name: TABLES[f"{name}.csv"].split("\n", 1)[0] + "\n" for name in ("person", "measurement")}
    folder_of(
        home,
        person=heads["person"] + person,
        measurement=heads["measurement"] + "".join(rows),
        condition_occurrence=CONDITION.split("\n", 1)[0] + "\n" + conditions,
        observation_period=TABLES["observation_period.csv"].split("\n", 1)[0] + "\n" + period,
    )
    (home / "cohort.toml").write_text(TOML.replace("VISITS", visits), encoding="utf-8")
    return home / "cohort.toml"


def test_a_cohort_of_omop_tables_is_read_with_a_mean_and_with_visits(tmp_path: Path):
    cohort = read_cohort(cohort_of(tmp_path, 'aggregate = "mean"'), quiet=True)
    labs = block_frame(cohort, "labs")
    assert labs.loc["7", "3016723"] == pytest.approx(0.7 + 3)
    patients = patients_of(cohort)
    assert patients.loc["1", "age"] == pytest.approx(
        (pd.Timestamp("2020-03-01") - pd.Timestamp("2012-03-02")).days / 365.25
    )
    assert patients["sex"].tolist()[:2] == ["female", "male"]
    assert set(block_frame(cohort, "conditions").columns) == {str(ASTHMA), str(FEVER)}
    assert "RECORD_ANY_DATE" in {problem.code for problem in warnings_of(cohort)}
    visits = 'visits = { summaries = ["baseline", "last"] }'
    again = block_frame(read_cohort(cohort_of(tmp_path, visits), quiet=True), "labs")
    assert again.loc["7", "3016723 (baseline)"] == pytest.approx(0.7 + 3)
    assert again.loc["7", "3016723 (last)"] == pytest.approx(0.7 + 5)


def test_a_spoiled_cohort_of_omop_tables_says_what_and_where(tmp_path: Path):
    path = cohort_of(tmp_path, 'aggregate = "mean"')
    file = tmp_path / "omop" / "measurement.csv"
    file.write_text(file.read_text().replace("2020-03-01,,0,", "2020-13-01,,0,", 1), encoding="utf-8")
    report = check_cohort(path)
    assert [problem.code for problem in report.errors] == ["OMOP_DATE"]
    assert report.errors[0].rows == (3,)


def test_conditions_before_the_index_date_are_counted_by_visits(tmp_path: Path):
    path = cohort_of(tmp_path, 'aggregate = "mean"')
    wanted = 'every = true\nvisits = { summaries = ["visits"], window = [-400, 0] }\nkind = "yes/no"'
    head, tail = path.read_text().rsplit('kind = "yes/no"', 1)
    path.write_text(head + wanted + tail, encoding="utf-8")
    file = tmp_path / "omop" / "condition_occurrence.csv"
    more = f"90,1,{ASTHMA},2019-06-01\n91,2,{ASTHMA},2021-01-01\n"
    file.write_text(file.read_text() + more, encoding="utf-8")
    counts = block_frame(read_cohort(path, quiet=True), "conditions")
    assert counts.loc[["1", "2", "3", "5"], f"{ASTHMA} (visits)"].tolist() == [2.0, 1.0, 0.0, 0.0]
    assert counts.loc[["1", "2", "3", "5"], f"{FEVER} (visits)"].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_options_that_name_nothing_are_refused_or_said(tmp_path: Path):
    folder = folder_of(tmp_path)
    error = refused(folder, "measurement", unit_of=(("301672", ("mg/dL",)),))
    assert error.codes == ("CONCEPT_UNKNOWN",)
    assert "Correct unit_of" in str(error)
    assert "without every" in said(read(folder, "measurement", every=True))["OPTION_UNUSED"]
    assert "OPTION_UNUSED" not in said(read(folder, "condition_occurrence", every=True))
    assert "without least" in said(read(folder, "person", least=0.2))["OPTION_UNUSED"]


def test_a_table_with_tabs_may_have_its_texts_in_quotes(tmp_path: Path):
    folder = folder_of(tmp_path)
    plain = cells(read(folder, "condition_occurrence"))
    frame = pd.read_csv(folder / "condition_occurrence.csv", dtype=str)
    frame.to_csv(folder / "condition_occurrence.csv", sep="\t", index=False, quoting=1)
    assert cells(read(folder, "condition_occurrence")) == plain


def test_concepts_that_none_of_the_persons_has_leave_the_persons(tmp_path: Path):
    strangers = CONDITION.split("\n", 1)[0] + f"\n1,9,{ASTHMA},2020-01-01\n"
    table = read(folder_of(tmp_path, condition_occurrence=strangers), "condition_occurrence")
    assert (ids(table), table.frame.shape) == (["1", "2", "3"], (3, 0))
