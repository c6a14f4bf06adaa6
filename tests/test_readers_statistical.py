"""SPSS, Stata and SAS: labels are levels in the order of their codes, declared missing values are missing."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from phenotyper.cohort.container import block_frame
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.errors import CohortError


def read(path: Path, **options: Any) -> RawTable:
    return read_table(Source(path.name, path, **{"text_columns": frozenset(), **options}))


def refused(path: Path) -> Any:
    with pytest.raises(CohortError) as caught:
        read(path)
    assert path.name in str(caught.value)
    return caught.value.problems[0]


def cells(table: RawTable, column: str) -> list[str]:
    return table.frame[column].fillna("-").tolist()


CHILDREN = pd.DataFrame(
    {
        "patient_id": ["001", "002", "003", "004"],
        "crp": [1.5, -9.0, 950.0, np.nan],
        "stage": [3.0, 1.0, 2.0, np.nan],
        "diet": [2.0, 1.0, 2.0, 8.0],
        "fever": [1.0, 2.0, 1.0, 1.0],
        "pain": [0.0, 7.0, 10.0, 3.0],
        "site": [11.0, 12.0, 11.0, 11.0],
        "born": [datetime.date(2020, 1, 2), None, datetime.date(2021, 3, 4), None],
        "clinic": ["north", "", "south", "x"],
    }
)


@pytest.fixture(params=["sav", "zsav"])
def spss(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / f"children.{request.param}"
    pyreadstat.write_sav(
        CHILDREN,
        str(path),
        compress=request.param == "zsav",
        column_labels={"crp": "C-reactive protein", "stage": "Tumour stage"},
        variable_value_labels={
            "crp": {-9.0: "not measured", 999.0: "refused"},
            "stage": {3.0: "severe", 1.0: "none", 2.0: "mild"},
            "diet": {1.0: "vegan", 2.0: "mixed", 8.0: "unknown"},
            "fever": {1.0: "Yes", 2.0: "No"},
            "pain": {0.0: "no pain", 10.0: "worst"},
        },
        missing_ranges={"crp": [-9, {"lo": 900, "hi": 999}], "diet": [8]},
        variable_measure={
            "crp": "scale", "stage": "ordinal", "diet": "nominal", "fever": "nominal", "pain": "scale",
            "site": "nominal", "clinic": "nominal",
        },
    )  # fmt: skip
    return path


def test_spss_labels_are_levels_in_the_order_of_their_codes(spss: Path):
    table = read(spss)
    assert table.ids is not None
    assert table.ids.tolist() == ["001", "002", "003", "004"]
    assert cells(table, "stage") == ["severe", "none", "mild", "-"]
    assert table.features["stage"] == {
        "label": "Tumour stage",
        "kind": "ordinal",
        "levels": ["none", "mild", "severe"],
    }
    assert cells(table, "diet") == ["mixed", "vegan", "mixed", "-"]
    assert table.features["diet"] == {"kind": "category", "levels": ["vegan", "mixed"]}
    assert table.features["site"] == {"kind": "category"}
    assert cells(table, "site") == ["11", "12", "11", "11"]
    assert cells(table, "born") == ["2020-01-02", "-", "2021-03-04", "-"]
    assert cells(table, "clinic") == ["north", "-", "south", "x"]


def test_yes_and_no_mean_themselves_whatever_their_codes(spss: Path):
    table = read(spss)
    assert table.features["fever"] == {"kind": "yes/no"}
    cohort = read_cohort(
        {"blocks": {"signs": {"file": spss, "kind": "yes/no", "columns": ["fever"]}}}, quiet=True
    )
    assert block_frame(cohort, "signs")["fever"].tolist() == ["yes", "no", "yes", "yes"]


def test_a_number_with_labels_of_missing_codes_stays_a_number(spss: Path):
    table = read(spss)
    np.testing.assert_array_equal(table.frame["crp"], [1.5, np.nan, np.nan, np.nan])
    assert table.features["crp"] == {"label": "C-reactive protein", "kind": "number"}
    missing = next(problem for problem in table.problems if problem.code == "USER_MISSING")
    assert missing.severity == "warning"
    assert "3 cells" in missing.message
    assert "crp 2 (-9, 950), diet 1 (8)" in missing.message


def test_a_scale_with_labels_at_its_ends_stays_a_number_and_is_told(spss: Path):
    table = read(spss)
    assert table.frame["pain"].tolist() == [0.0, 7.0, 10.0, 3.0]
    assert table.features["pain"] == {"kind": "number"}
    partly = next(problem for problem in table.problems if problem.code == "LABELS_PARTLY")
    assert "pain (3, 7)" in partly.message


def test_kinds_of_the_file_serve_a_mixed_block(spss: Path):
    columns = ["crp", "stage", "diet", "fever", "pain"]
    declared = {"blocks": {"all": {"file": spss, "kind": "mixed", "columns": columns}}}
    report = check_cohort(declared)
    assert report.errors == (), str(report)
    cohort = read_cohort(declared, quiet=True)
    codes = pd.DataFrame(cohort["all"].X, columns=cohort["all"].var_names)
    assert codes["stage"].tolist()[:3] == [2.0, 0.0, 1.0]
    assert codes["fever"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert cohort["all"].var.loc["stage", "kind"] == "ordinal"
    assert cohort["all"].var.loc["diet", "kind"] == "category"


def test_missing_codes_of_the_declaration_hold_for_codes_and_labels(spss: Path):
    assert cells(read(spss, missing_codes=("2",)), "diet") == ["-", "vegan", "-", "-"]
    table = read(spss, missing_codes=("vegan",))
    assert cells(table, "diet") == ["mixed", "-", "mixed", "-"]
    assert table.features["diet"]["levels"] == ["mixed"]


def test_a_label_of_two_codes_stays_two_levels_and_a_value_without_one_itself(tmp_path: Path):
    frame = pd.DataFrame({"patient_id": ["a", "b", "c"], "x": [1.0, 2.0, 7.0]})
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "a.sav"),
        variable_value_labels={"x": {1.0: "other", 2.0: "other"}},
        variable_measure={"x": "nominal"},
    )
    table = read(tmp_path / "a.sav")
    assert cells(table, "x") == ["other (1)", "other (2)", "7"]
    assert table.features["x"]["levels"] == ["other (1)", "other (2)", "7"]
    assert [problem.code for problem in table.problems] == ["LABELS_PARTLY"]


@pytest.mark.parametrize(("form", "shown"), [("N5", "00007"), ("F8.0", "7")])
def test_an_id_has_the_zeros_that_its_format_shows(tmp_path: Path, form: str, shown: str):
    frame = pd.DataFrame({"patient_id": [7.0, 8.0], "x": [1.0, 2.0]})
    pyreadstat.write_sav(frame, str(tmp_path / "a.sav"), variable_format={"patient_id": form})
    table = read(tmp_path / "a.sav")
    assert table.ids is not None
    assert table.ids[0] == shown


def test_stata_labels_and_letters_of_missing_values(tmp_path: Path):
    frame = pd.DataFrame(
        {"patient_id": ["a", "b", "c"], "dose": [1.5, "a", np.nan], "group": [1, 2, "b"], "n": [1, 2, 3]}
    )
    pyreadstat.write_dta(
        frame,
        str(tmp_path / "a.dta"),
        missing_user_values={"dose": ["a"], "group": ["b"]},
        variable_value_labels={"group": {2: "early", 1: "late", "b": "refused"}},
        column_labels={"dose": "Dose (mg)"},
    )
    table = read(tmp_path / "a.dta", text_columns=frozenset({"n"}))
    np.testing.assert_array_equal(table.frame["dose"], [1.5, np.nan, np.nan])
    assert table.features["dose"] == {"label": "Dose (mg)", "kind": "number"}
    assert cells(table, "group") == ["late", "early", "-"]
    assert table.features["group"] == {"kind": "category", "levels": ["late", "early"]}
    assert cells(table, "n") == ["1", "2", "3"]
    (problem,) = table.problems
    assert problem.code == "USER_MISSING"
    assert "dose 1 (a), group 1 (b)" in problem.message


def test_a_sas_transport_file_is_read(tmp_path: Path):
    frame = pd.DataFrame(
        {"PATIENT": ["a", "b"], "CRP": [1.5, np.nan], "SEEN": [datetime.date(2020, 1, 2), None]}
    )
    pyreadstat.write_xport(frame, str(tmp_path / "a.xpt"), column_labels={"CRP": "C-reactive protein"})
    table = read(tmp_path / "a.xpt", id_column="PATIENT")
    assert table.ids is not None
    assert table.ids.tolist() == ["a", "b"]
    np.testing.assert_array_equal(table.frame["CRP"], [1.5, np.nan])
    assert cells(table, "SEEN") == ["2020-01-02", "-"]
    assert table.features["CRP"]["label"] == "C-reactive protein"


def test_an_spss_portable_file_is_read(tmp_path: Path):
    frame = pd.DataFrame({"PATIENT": ["a", "b"], "CRP": [1.5, np.nan]})
    pyreadstat.write_por(frame, str(tmp_path / "a.por"), column_labels={"CRP": "C-reactive protein"})
    table = read(tmp_path / "a.por", id_column="PATIENT")
    np.testing.assert_array_equal(table.frame["CRP"], [1.5, np.nan])
    assert table.features["CRP"]["label"] == "C-reactive protein"


def test_an_id_that_lost_its_digits_is_refused(tmp_path: Path):
    frame = pd.DataFrame({"patient_id": [12345678901234567000.0, 2.0], "crp": [1.0, 2.0]})
    pyreadstat.write_sav(frame, str(tmp_path / "a.sav"))
    report = check_cohort({"blocks": {"labs": {"file": tmp_path / "a.sav", "kind": "number"}}})
    assert "ID_MANGLED" in {problem.code for problem in report.errors}


@pytest.mark.parametrize("ending", ["sav", "zsav", "por", "dta", "sas7bdat", "xpt"])
def test_a_damaged_file_is_refused(tmp_path: Path, ending: str):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"patient_id,a\np1,1\n" * 50)
    assert refused(path).code == "FILE_DAMAGED"
    path.write_bytes(b"")
    assert refused(path).code == "FILE_EMPTY"


def test_a_file_without_patients_or_cut_short_is_refused(tmp_path: Path, spss: Path):
    spss.write_bytes(spss.read_bytes()[:300])
    assert refused(spss).code == "FILE_DAMAGED"
    pyreadstat.write_dta(CHILDREN[["patient_id", "crp"]].iloc[:0], str(tmp_path / "a.dta"))
    assert refused(tmp_path / "a.dta").code == "FILE_EMPTY"


def test_without_pyreadstat_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pyreadstat.write_dta(CHILDREN[["patient_id", "crp"]], str(tmp_path / "a.dta"))
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    report = check_cohort({"blocks": {"labs": {"file": tmp_path / "a.dta", "kind": "number"}}})
    assert [problem.code for problem in report.errors] == ["MISSING_EXTRA"]
    assert 'pip install "phenotyper[stat]"' in report.errors[0].remedy
