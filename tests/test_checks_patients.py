"""Overlap, families, dates, ages, names of genes, levels, and what points at persons."""

from __future__ import annotations

import csv
import datetime as dt
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import found, sound, write_table

from phenotyper.cohort.checks import dates as dates_rules
from phenotyper.cohort.checks.ages import unit_in_name
from phenotyper.cohort.checks.looks import plain_name
from phenotyper.cohort.checks.names import former_name
from phenotyper.cohort.container import block_frame, flow_of
from phenotyper.cohort.dateforms import date_form, forms_met
from phenotyper.cohort.presence import empty_rows
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.files import safe_name
from phenotyper.present.plots.saving import save_figure
from phenotyper.present.plots.style import clean, drawing
from phenotyper.results import Table

COHORTS = Path(__file__).parent / "cohorts"
DATA = Path(__file__).parents[2] / "shared" / "data"
N = 120


def ids(number: int = N) -> list[str]:
    return [f"P{place:03d}" for place in range(1, number + 1)]


def features(columns: dict[str, Any], number: int = N) -> pd.DataFrame:
    """Return a table of features beside two sound ones."""
    rng = np.random.default_rng(4)
    sound_ones = {"crp": rng.lognormal(1, 1, number), "wbc": rng.normal(9, 2, number)}
    return pd.DataFrame(sound_ones | columns, index=ids(number))


def declared(columns: dict[str, Any], kinds: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return a cohort of one block; the kind of an added column is category unless it is given."""
    kinds = {"crp": "number", "wbc": "number"} | dict.fromkeys(columns, "category") | (kinds or {})
    dictionary = pd.DataFrame({"column": list(kinds), "kind": list(kinds.values())})
    number = len(next(iter(columns.values()))) if columns else N
    table = features(columns, number)
    return {"blocks": {"labs": {"file": table, "kind": "mixed", "dictionary": dictionary}}, **more}


def with_ages(
    values: list[float] | np.ndarray, unit: str, *, column: str = "age", **more: Any
) -> dict[str, Any]:
    people = pd.DataFrame({column: values}, index=ids(len(values)))
    patients = {"file": people, "age": {"column": column, "unit": unit}, **more}
    return {
        "blocks": {"labs": {"file": features({}, len(values)), "kind": "number"}}, "patients": patients
    }  # fmt: skip


def codes(values: Any) -> list[str]:
    return [problem.code for problem in check_cohort(values).problems]


def blocks(**held: list[str]) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    tables = {
        name: pd.DataFrame(
            rng.normal(size=(len(who), 3)), index=who, columns=[f"{name}{i}" for i in range(3)]
        )
        for name, who in held.items()
    }
    return {"blocks": {name: {"file": table, "kind": "log"} for name, table in tables.items()}}


def real(
    name: str, folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame] | None = None, *, file: str = "",
    only: tuple[str, ...] = (), edit: Callable[[dict[str, Any]], None] | None = None,
) -> Any:  # fmt: skip
    """Check a copy of a shared cohort with one file changed, and the declaration too."""
    values = tomllib.loads((COHORTS / f"{name}.toml").read_text(encoding="utf-8"))
    home = (COHORTS / values["folder"]).resolve()
    if not home.is_dir():
        pytest.skip(f"{home} is absent")
    values["folder"] = str(home)
    if only:
        values["blocks"] = {block: spec for block, spec in values["blocks"].items() if block in only}
    for spec in values["blocks"].values():
        if "dictionary" in spec:
            spec["dictionary"] = str(COHORTS / spec["dictionary"])
    if change is not None:
        table = pd.read_csv(home / file, dtype=str, keep_default_na=False)
        write_table(folder / file, change(table))
        for spec in [*values["blocks"].values(), values["patients"]]:
            if spec["file"] == file:
                spec["file"] = str(folder / file)
    if edit is not None:
        edit(values)
    return check_cohort(values)


# --- overlap of blocks -------------------------------------------------------------------------------------


def test_blocks_that_share_enough_patients_pass():
    assert codes(blocks(a=ids(200), b=ids(200)[:150], c=ids(200)[60:])) == []


def test_a_block_that_shares_less_than_half_of_the_cohort_is_warned_of_with_the_sizes():
    report = check_cohort(blocks(a=ids(300), b=ids(300)[:250], c=ids(300)[:120]))
    problem = found(report, "SMALL_OVERLAP")
    assert problem.severity == "warning"
    assert "block c have another" in problem.message
    assert "a 250 of 300, b 250 of 250, c 120 of 120 (cohort 300)" in problem.message


def test_half_of_the_cohort_is_enough():
    assert "SMALL_OVERLAP" in codes(blocks(a=ids(100), b=ids(100)[:49]))
    assert codes(blocks(a=ids(100), b=ids(100)[:50])) == []


def test_fewer_than_ten_shared_patients_are_refused():
    report = check_cohort(blocks(a=ids(100), b=ids(100), c=[*ids(100)[:9], *(f"Q{i}" for i in range(40))]))
    problem = found(report, "OVERLAP_FEW")
    assert problem.severity == "error"
    assert "block c shares fewer than 10 patients" in problem.message
    assert "c 9 of 49" in problem.message
    assert "OVERLAP_FEW" not in codes(blocks(a=ids(19), b=ids(19)[:5]))


def test_patients_without_a_value_do_not_count_as_shared():
    values = blocks(a=ids(100), b=ids(100))
    values["blocks"]["b"]["file"].iloc[5:] = np.nan
    assert "b 5 of 5" in found(check_cohort(values), "OVERLAP_FEW").message
    assert len(found(check_cohort(values), "EMPTY_ROWS").rows) == 95


def test_a_block_without_any_known_patient_is_named_once():
    assert codes(blocks(a=ids(50), b=ids(50), c=[f"X{i}" for i in range(50)])) == ["NO_OVERLAP"]


def test_a_real_block_with_five_patients_left_is_refused(tmp_path: Path):
    some = ("protein", "copy_number", "mrna")
    assert not {"SMALL_OVERLAP", "OVERLAP_FEW"} & {
        p.code for p in real("acc_tcga", tmp_path, only=some).problems
    }
    report = real("acc_tcga", tmp_path, lambda table: table.head(45), file="protein.csv", only=some)
    assert "protein 45 of 45" in found(report, "SMALL_OVERLAP").message
    report = real("acc_tcga", tmp_path, lambda table: table.head(5), file="protein.csv", only=some)
    assert "protein 5 of 5" in found(report, "OVERLAP_FEW").message


# --- rows without values -----------------------------------------------------------------------------------


def test_rows_without_a_value_are_warned_of_with_their_rows():
    values = declared({})
    values["blocks"]["labs"]["file"].iloc[[3, 7]] = np.nan
    problem = found(check_cohort(values), "EMPTY_ROWS")
    assert problem.severity == "warning"
    assert problem.rows == (5, 9)
    assert "2 patients of block labs have a row" in problem.message


def test_a_row_that_holds_a_text_which_does_not_fit_is_not_empty():
    values = declared({})
    table = values["blocks"]["labs"]["file"].astype(object)
    table.iloc[3] = [np.nan, "<0.5"]
    values["blocks"]["labs"]["file"] = table
    assert codes(values) == ["COERCE"]


def test_empty_rows_are_found_as_by_looking_at_every_cell():
    rng = np.random.default_rng(0)
    values = np.where(rng.random((300, 200)) < 0.98, np.nan, 1.0)
    values[:, 64:] = np.nan
    assert 0 < empty_rows(values).sum() < 300
    np.testing.assert_array_equal(empty_rows(values), np.isnan(values).all(axis=1))


# --- families and visits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column", ["family_id", "FamilyID", "sibling group", "twin_pair", "household", "mother_id"]
)
def test_a_column_of_families_that_is_not_declared_is_warned_of(column: str):
    people = pd.DataFrame({column: [f"f{place // 2}" for place in range(N)]}, index=ids())
    problem = found(check_cohort(declared({}, patients={"file": people})), "FAMILY")
    assert problem.severity == "warning"
    assert f'family = "{column}"' in problem.remedy
    assert "FAMILY" not in codes(declared({}, patients={"file": people, "family": column}))


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("family_id", [f"f{place}" for place in range(N)]),
        ("family", ["one parent", "two parents"] * 60),
        ("family_history", [f"f{place // 2}" for place in range(N)]),
        ("siblings", [place % 4 for place in range(N)]),
        ("mother_age", [20 + place % 20 for place in range(N)]),
    ],
)
def test_what_only_sounds_like_a_family_passes(column: str, cells: list[Any]):
    people = pd.DataFrame({column: cells}, index=ids())
    assert codes(declared({}, patients={"file": people})) == []


def test_families_in_the_file_of_a_block_are_met_too():
    values = declared({"fam_id": [f"f{place // 3}" for place in range(N)]})
    problem = found(check_cohort(values), "FAMILY")
    assert "after copying the column into the table of patients" in problem.remedy


def test_a_family_of_all_patients_is_warned_of():
    people = pd.DataFrame({"fam": ["f1"] * N}, index=ids())
    assert "one value only in fam" in found(
        check_cohort(declared({}, patients={"file": people, "family": "fam"})), "FAMILY"
    ).message  # fmt: skip


@pytest.mark.parametrize("form", ["P{0:03d}_{1}", "P{0:03d}-V{1}", "P{0:03d}.visit_{1}", "K{0:03d}t{1}"])
def test_ids_that_number_visits_are_warned_of(form: str):
    who = [form.format(patient, visit) for patient in range(40) for visit in (1, 2, 3)]
    problem = found(check_cohort(blocks(a=who)), "ID_VISITS")
    assert problem.severity == "warning"
    assert "120 of 120 patient ids" in problem.message
    assert "40 patients or families" in problem.message


@pytest.mark.parametrize(
    "who",
    [
        [f"P-{place}" for place in range(60)],
        [f"WZ-{place:04d}" for place in range(60)],
        [f"{site:02d}-{place}" for site in range(3) for place in range(20)],
        [f"TCGA-OR-A5J{place}" for place in range(60)],
        [f"P{place:03d}_1" for place in range(60)],
        [f"R{place:03d}" for place in range(60)],
    ],
)
def test_ids_that_number_patients_pass(who: list[str]):
    assert codes(blocks(a=who)) == []


def test_repeated_patients_are_told_how_to_declare_visits(tmp_path: Path):
    cohort = sound()
    labs = cohort.tables["labs.csv"]
    cohort.tables["labs.csv"] = pd.concat([labs, labs], ignore_index=True)
    problem = found(check_cohort(cohort.write(tmp_path)), "DUP_ID")
    assert problem.remedy.endswith(
        'Declare visits = { time = "..." } for the block to make features of them, or aggregate = "mean".'
    )


# --- dates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2021-04-03", "2021-04-03"),
        ("2021-04-03 10:30:00", "2021-04-03"),
        ("2021/04/03", "2021/04/03"),
        ("03.04.2021", "03/04/2021, day or month first"),
        ("3-4-2021", "03/04/2021, day or month first"),
        ("03/04/21", "03/04/21, a year of two digits"),
        ("3. März 2021", "3 Apr 2021"),
        ("Apr 3, 2021", "3 Apr 2021"),
        ("03-Apr-21", "3-Apr-21, a year of two digits"),
        ("3-Apr", "3-Apr, without a year"),
        ("1.5", ""),
        ("13/13/2021", ""),
        ("2021-13-03", ""),
        ("10-12", ""),
        ("120/80", ""),
        ("2021", ""),
        ("mar", ""),
        ("(10.8,34.9]", ""),
        ("1.234.567", ""),
    ],
)
def test_forms_of_dates_are_told_apart(text: str, form: str):
    assert date_form(text) == form


def test_forms_that_are_met_are_named_once_the_frequent_first():
    assert forms_met(["3-Apr", "2021-04-03", "2021-05-03", "soon"]) == [
        "2021-04-03", "3-Apr, without a year", "no date"
    ]  # fmt: skip


DAYS = [dt.date(2019, 1, 1) + dt.timedelta(days=11 * place) for place in range(N)]


@pytest.mark.parametrize("kind", ["number", "category", "ordinal"])
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y", "%d %b %Y"])
def test_dates_among_the_features_are_refused_by_one_rule(kind: str, form: str):
    report = check_cohort(declared({"seen": [day.strftime(form) for day in DAYS]}, {"seen": kind}))
    assert [problem.code for problem in report.errors] == ["DATE_FEATURE"]
    problem = report.errors[0]
    assert 'exclude = ["seen"]' in problem.remedy
    assert problem.rows[:3] == (2, 3, 4)
    assert len(problem.rows) == N


def test_mixed_forms_of_dates_are_named_and_all_columns_stand_in_one_problem():
    mixed = [day.isoformat() if place % 3 else day.strftime("%d/%m/%Y") for place, day in enumerate(DAYS)]
    problem = found(
        check_cohort(declared({"seen": mixed, "left": [day.isoformat() for day in DAYS]})), "DATE_FEATURE"
    )
    assert "seen (as 2021-04-03 and 03/04/2021, day or month first), left (as 2021-04-03)" in problem.message


def test_numbers_that_a_spreadsheet_turned_into_dates_are_refused_with_their_rows():
    cells = [f"{place / 10:.1f}" for place in range(N)]
    cells[34] = "3-Apr"
    problem = found(check_cohort(declared({"crp_ratio": cells}, {"crp_ratio": "number"})), "DATE_FEATURE")
    assert problem.rows == (36,)
    assert "turned 3.4 into 3-Apr" in problem.remedy


def test_dates_written_as_numbers_are_refused():
    numbers = [int(day.strftime("%Y%m%d")) for day in DAYS]
    problem = found(check_cohort(declared({"seen": numbers}, {"seen": "number"})), "DATE_FEATURE")
    assert "seen (as 20210403)" in problem.message
    assert codes(declared({"reads": [n + 60 for n in numbers]}, {"reads": "counts"})) == []


def test_years_and_ranges_are_no_dates():
    columns = {"year": [2000 + place % 20 for place in range(N)], "range": ["1-2", "3-4", "10-12"] * 40}
    assert codes(declared(columns, {"year": "number"})) == []


def test_a_real_cohort_with_a_date_among_its_features_is_refused(tmp_path: Path):
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(
            Stool=[f"{1 + place % 28:02d}.03.{2015 + place % 5}" for place in range(len(table))]
        )

    report = real("appendicitis_two_hospitals", tmp_path, spoil, file="clinical.csv")
    assert [problem.code for problem in report.errors] == ["DATE_FEATURE"]
    assert "Stool (as 03/04/2021" in report.errors[0].message


def dated(cells: dict[int, str], column: str = "admitted") -> Any:
    cohort = sound()
    for row, text in cells.items():
        cohort.set("clinical.csv", column, row, text)
    return cohort


def test_forms_of_the_index_date_are_named(tmp_path: Path):
    report = check_cohort(dated({3: "03/04/2021", 9: "3.4.21", 11: "soon"}).write(tmp_path))
    problem = found(report, "DATE_FORMAT")
    assert problem.rows == (3, 9, 11)
    assert "3 dates in admitted that are not written as 2021-04-03" in problem.message
    for form in ("03/04/2021, day or month first", "03/04/21, a year of two digits", "no date"):
        assert form in problem.message
    assert "years of two digits are refused" in problem.remedy


def test_one_odd_date_is_said_in_the_singular(tmp_path: Path):
    assert "1 date in admitted that is not" in found(
        check_cohort(dated({3: "03/04/2021"}).write(tmp_path)), "DATE_FORMAT"
    ).message  # fmt: skip


def test_index_dates_in_the_future_are_refused(tmp_path: Path):
    report = check_cohort(dated({4: "2921-01-05", 7: "2099-01-01"}).write(tmp_path))
    problem = found(report, "DATE_FUTURE")
    assert problem.severity == "error"
    assert problem.rows == (4, 7)
    assert "2 dates in the future in admitted, up to 2921-01-05" in problem.message


def test_the_day_after_today_is_not_yet_the_future(monkeypatch: pytest.MonkeyPatch):
    cells = pd.Series(["2020-01-02", "2020-01-03", None], dtype="str")
    table = type("Table", (), {"name": "c.csv", "rows": np.arange(2, 5)})()
    monkeypatch.setattr(dates_rules, "dated_columns", lambda _: [("seen", cells, table)])
    assert list(dates_rules.future_dates(None, today=dt.date(2020, 1, 2))) == []
    (problem,) = dates_rules.future_dates(None, today=dt.date(2020, 1, 1))
    assert problem.rows == (3,)


def test_dates_before_1900_or_on_its_first_day_are_refused(tmp_path: Path):
    report = check_cohort(dated({4: "1900-01-01", 7: "0201-01-05"}).write(tmp_path))
    problem = found(report, "DATE_IMPOSSIBLE")
    assert problem.rows == (4, 7)
    assert "2 dates in admitted that cannot be, down to 0201-01-05" in problem.message
    assert codes(dated({4: "1900-01-02"}).write(tmp_path)) == []


# --- ages --------------------------------------------------------------------------------------------------


def born(births: dict[int, str]) -> dict[str, Any]:
    """Return a cohort with dates of birth, some of them another by spreadsheet row."""
    people = pd.DataFrame({"born": "2010-01-05", "seen": "2020-03-04"}, index=ids())
    for row, text in births.items():
        people.iloc[row - 2, 0] = text
    return declared({}, patients={"file": people, "age": {"birth_date": "born"}, "index_date": "seen"})


def test_who_is_born_after_the_index_date_is_refused():
    assert codes(born({})) == []
    problem = found(check_cohort(born({4: "2020-03-05", 9: "2021-01-01"})), "AGE_RANGE")
    assert problem.rows == (4, 9)
    assert "2 patients whose seen is before born" in problem.message


def test_impossible_and_future_dates_of_birth_and_other_forms_are_refused():
    report = check_cohort(born({4: "1900-01-01", 6: "2095-01-01", 8: "03.04.2011"}))
    assert found(report, "DATE_IMPOSSIBLE").rows == (4,)
    assert found(report, "DATE_FUTURE").rows == (6,)
    assert "day or month first" in found(report, "DATE_FORMAT").message


def test_plausible_ages_pass_in_every_unit():
    years = np.linspace(0, 17.9, 200)
    for unit, per_year in {"days": 365.25, "weeks": 365.25 / 7, "months": 12.0, "years": 1.0}.items():
        assert codes(with_ages((years * per_year).round(2), unit)) == []
    assert codes(with_ages(np.linspace(14, 101, 200), "years")) == []


def test_ages_below_zero_and_above_120_years_are_refused_with_their_rows():
    values = np.linspace(1, 200, 250)
    values[[2, 8]] = [-4, 9000]
    problem = found(check_cohort(with_ages(values, "months")), "AGE_RANGE")
    assert problem.rows == (4, 10)
    assert "(-4 to 9000 months)" in problem.message


def test_a_code_for_an_unknown_age_does_not_put_the_unit_in_doubt():
    values = np.linspace(1, 17, 50)
    values[:4] = 999
    problem = found(check_cohort(with_ages(values, "years")), "AGE_RANGE")
    assert problem.rows == (2, 3, 4, 5)
    assert "missing_codes" in problem.remedy


def test_months_declared_as_years_are_refused_with_the_unit_that_fits():
    problem = found(check_cohort(with_ages(np.arange(12, 212), "years")), "AGE_UNIT")
    assert problem.severity == "error"
    assert "91 ages of 200" in problem.message
    assert 'unit = "months" (then the oldest is 17.6 years)' in problem.remedy


def test_a_real_age_in_days_declared_in_years_or_months_is_refused(tmp_path: Path):
    def years(values: dict[str, Any]) -> None:
        values["patients"]["age"]["unit"] = "years"

    report = real("neuroblastoma_seqc", tmp_path, only=("genes",), edit=years)
    assert "498 in age_at_diagnosis_days" in found(report, "AGE_UNIT").message
    assert 'unit = "days"' in found(report, "AGE_UNIT").remedy


def test_a_real_age_in_months_declared_in_years_is_refused(tmp_path: Path):
    def years(values: dict[str, Any]) -> None:
        values["patients"]["age"]["unit"] = "years"

    report = real("wilms_nwtco", tmp_path, edit=years)
    assert "age_months" in found(report, "AGE_UNIT").message


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("age_months", "months"),
        ("AgeYears", "years"),
        ("age (days)", "days"),
        ("Alter in Monaten", "months"),
        ("age_yr", "years"),
        ("age", ""),
        ("hs_child_age_None", ""),
        ("age_at_month_6", ""),
        ("birthday", ""),
    ],
)
def test_the_unit_in_the_name_of_a_column_is_read(column: str, unit: str):
    assert unit_in_name(column) == unit


def test_a_unit_that_the_name_contradicts_is_refused():
    problem = found(check_cohort(with_ages(np.arange(1, 61), "years", column="age_months")), "AGE_UNIT")
    assert 'Set unit = "months"' in problem.remedy
    assert codes(with_ages(np.arange(1, 61), "months", column="age_months")) == []
    assert "AGE_UNIT" in codes(with_ages(np.linspace(5, 12, 60), "days", column="age_years"))


def test_a_few_ages_in_another_unit_are_met():
    rng = np.random.default_rng(2)
    years = rng.uniform(1, 5, 200)
    mixed = years.copy()
    mixed[[10, 20, 30, 40, 50]] *= 12
    problem = found(check_cohort(with_ages(mixed, "years")), "AGE_UNIT")
    assert problem.rows == (12, 22, 32, 42, 52)
    assert problem.severity == "warning"
    assert "in months, not in years" in problem.message
    days = (years * 365.25).round()
    days[[10, 20, 30]] = years[[10, 20, 30]]
    assert found(check_cohort(with_ages(days, "days")), "AGE_UNIT").rows == (12, 22, 32)


def test_infants_and_adolescents_in_one_cohort_are_not_two_units():
    rng = np.random.default_rng(3)
    ages = np.concatenate([rng.uniform(0.1, 1, 60), rng.uniform(12, 18, 60)])
    assert codes(with_ages(ages, "years")) == []
    assert codes(with_ages(ages * 12, "months")) == []


@pytest.mark.parametrize(
    ("column", "unit"), [("age", "weeks"), ("gestational_age", "years"), ("ga_weeks", "weeks")]
)
def test_the_age_at_birth_is_refused_as_an_age(column: str, unit: str):
    weeks = np.random.default_rng(1).normal(38, 2, 80).clip(24, 42).round(1)
    problem = found(check_cohort(with_ages(weeks, unit, column=column)), "AGE_GESTATION")
    assert "24" in problem.message or "33" in problem.message or "42" in problem.message
    assert "covariate" in problem.remedy


def test_infants_with_their_age_in_weeks_pass():
    assert codes(with_ages(np.linspace(0, 60, 80), "weeks")) == []


# --- names of genes ----------------------------------------------------------------------------------------


def genes(*odd: str, number: int = 60) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    names = [*(f"GENE{place}" for place in range(number)), "SEPT2", "IL-6", "C1orf112", *odd]
    table = pd.DataFrame(rng.normal(8, 2, (50, len(names))), index=ids(50), columns=names)
    return {"blocks": {"rna": {"file": table, "kind": "log"}}}


@pytest.mark.parametrize(
    ("name", "was"),
    [
        ("2-Sep", "SEPT2, now SEPTIN2"),
        ("Sep-02", "SEPT2, now SEPTIN2"),
        ("02. Sep", "SEPT2, now SEPTIN2"),
        ("2021-09-02", "SEPT2, now SEPTIN2"),
        ("2021-09-02 00:00:00", "SEPT2, now SEPTIN2"),
        ("44806", "SEPT2, now SEPTIN2"),
        ("15-Sep", "SEP15, now SELENOF"),
        ("1-Mar", "MARCH1, now MARCHF1, or MARC1, now MTARC1"),
        ("3. Mrz", "MARCH3, now MARCHF3"),
        ("1-Dec", "DEC1, now DELEC1"),
        ("1-Dez", "DEC1, now DELEC1"),
        ("4-Oct", "OCT4, an alias of POU5F1"),
        ("2-Feb", "perhaps FEB2"),
        ("2.31E+13", "a RIKEN clone"),
        ("23100000000000", "a RIKEN clone"),
    ],
)
def test_genes_turned_into_dates_are_refused_with_what_they_were(name: str, was: str):
    problem = found(check_cohort(genes(name)), "GENE_DATE")
    assert problem.severity == "error"
    assert f'"{name}" ({was}' in problem.message
    assert "nothing is renamed" in problem.remedy


@pytest.mark.parametrize(
    "name",
    ["SEPTIN2", "SEPT7", "MARCHF1", "DEC1", "12345", "5S_rRNA", "3.8-1.5", "7SK", "1007_s_at", "99999"],
)
def test_names_of_genes_pass(name: str):
    assert former_name(name) == "" or name == "12345"
    assert codes(genes(name)) == []


def test_names_that_are_numbers_throughout_are_no_genes():
    rng = np.random.default_rng(5)
    names = [str(number) for number in range(40000, 45000, 100)]
    table = pd.DataFrame(rng.normal(8, 2, (50, len(names))), index=ids(50), columns=names)
    assert codes({"blocks": {"peaks": {"file": table, "kind": "log"}}}) == []


def test_a_real_gene_turned_into_a_date_is_refused_and_the_true_one_passes(tmp_path: Path):
    def few(table: pd.DataFrame) -> pd.DataFrame:
        return table[[*table.columns[:200], "SEPT2"]]

    whole = real("neuroblastoma_seqc", tmp_path, few, file="genes.csv.gz", only=("genes",))
    assert not {"GENE_DATE", "DUP_COL"} & {problem.code for problem in whole.problems}
    report = real(
        "neuroblastoma_seqc",
        tmp_path,
        lambda table: few(table).rename(columns={"SEPT2": "2-Sep"}),
        file="genes.csv.gz",
        only=("genes",),
    )
    assert "SEPTIN2" in found(report, "GENE_DATE").message
    assert not report.ok


# --- levels ------------------------------------------------------------------------------------------------


def test_a_category_with_nearly_one_level_a_patient_is_refused():
    problem = found(
        check_cohort(declared({"device": [f"D{place // 1.5:.0f}" for place in range(N)]})), "MANY_LEVELS"
    )
    assert problem.severity == "error"
    assert "device (80 in 120 patients)" in problem.message
    assert 'exclude = ["device"]' in problem.remedy


def test_a_category_with_more_than_fifty_levels_is_warned_of():
    problem = found(
        check_cohort(declared({"device": [f"D{place % 55}" for place in range(N)]})), "MANY_LEVELS"
    )
    assert problem.severity == "warning"
    assert "device (55 in 120 patients)" in problem.message


def test_fifty_levels_and_a_level_of_one_patient_pass():
    assert codes(declared({"device": [f"D{place % 50}" for place in range(N)]})) == []
    assert codes(declared({"diet": ["odd", *["mixed", "vegan"] * 59, "mixed"]})) == []


@pytest.mark.parametrize(
    "column", ["centre", "SiteCode", "h_edu_3cat", "ethnicity", "patient_group", "blood type"]
)
def test_whole_numbers_called_like_a_category_are_warned_of(column: str):
    values = declared({column: [1 + place % 9 for place in range(N)]}, {column: "number"})
    problem = found(check_cohort(values), "CODED_CATEGORY")
    assert problem.severity == "warning"
    assert column in problem.message
    assert '"category"' in problem.remedy
    coded = declared({column: [1 + place % 8 for place in range(N)]}, {column: "ordinal"})
    assert codes(coded) == []


@pytest.mark.parametrize("column", ["weight", "catalase", "platelets", "typhus_titre", "recode"])
def test_numbers_with_other_names_or_many_values_pass(column: str):
    assert codes(declared({column: [1 + place % 9 for place in range(N)]}, {column: "number"})) == []
    assert codes(declared({"site": np.arange(N) / 7}, {"site": "number"})) == []


def test_a_handful_of_whole_values_in_many_patients_is_asked_about_in_one_warning():
    columns = {"folate": [place % 2 for place in range(N)], "noise": [1 + place % 5 for place in range(N)]}
    problem = found(check_cohort(declared(columns, dict.fromkeys(columns, "number"))), "FEW_VALUES")
    assert problem.severity == "warning"
    assert "folate (0/1), noise (1/2/3/4/5)" in problem.message
    assert codes(declared(columns, {"folate": "yes/no", "noise": "ordinal"})) == []
    assert codes(declared({"copies": [place % 3 for place in range(N)]}, {"copies": "counts"})) == []


def test_number_coded_factors_of_a_real_cohort_declared_as_numbers_are_met(tmp_path: Path):
    def naive(values: dict[str, Any]) -> None:
        del values["blocks"]["outdoor"]["dictionary"]
        values["blocks"]["outdoor"]["kind"] = "number"

    asked = {"FEW_VALUES", "CODED_CATEGORY"}
    assert not asked & {p.code for p in real("helix_children", tmp_path, only=("outdoor",)).problems}
    report = real("helix_children", tmp_path, only=("outdoor",), edit=naive)
    said = " ".join(p.message for p in report.warnings if p.code in asked)
    assert "hs_ln_cat_h_None" in said
    assert {p.code for p in report.warnings} >= asked


# --- what points at persons --------------------------------------------------------------------------------

FIRST = ["Anna", "Ben", "Clara", "David", "Emma", "Finn"]
NOTES = [
    "seen by the ward at night and sent home",
    "came again with a high fever",
    "mother asked for a second view",
]
PRIVATE = {
    "contact": ([f"parent{place}@example.org" for place in range(N)], "e-mail addresses"),
    "remarks": ([f"{NOTES[place % 3]}, case {place}" for place in range(N)], "free text"),
    "first_name": ([FIRST[place % 6] for place in range(N)], "names of persons"),
    "Nachname": ([f"Name{'abcdefgh'[place % 8]}" for place in range(N)], "names of persons"),
    "who": (
        [f"{FIRST[place % 6]} M{'abcdefghij'[place % 10]}ller{place}" for place in range(N)],
        "names of persons",
    ),
    "mobile": ([f"0171 {5550000 + place}" for place in range(N)], "telephone numbers"),
    "reach": ([f"+49 171 {5550000 + place}" for place in range(N)], "telephone numbers"),
    "post_code": ([f"CB{place % 9} {place % 8}AB" for place in range(N)], "postcodes or addresses"),
    "MRN": ([f"H-{77000 + place}" for place in range(N)], "record numbers"),
    "date_of_birth": ([day.isoformat() for day in DAYS], "birth dates"),
}


@pytest.mark.parametrize("column", PRIVATE)
@pytest.mark.parametrize("kind", ["category", "number", "ordinal"])
def test_what_points_at_a_person_is_refused_and_no_value_is_printed(column: str, kind: str):
    cells, what = PRIVATE[column]
    report = check_cohort(declared({column: cells}, {column: kind}))
    assert [problem.code for problem in report.errors] == ["PHI_COLUMN"]
    problem = report.errors[0]
    assert f"{column} ({what})" in problem.message
    assert f'exclude = ["{column}"]' in problem.remedy
    assert not any(cell in report.table.to_csv() for cell in cells)


@pytest.mark.parametrize(
    ("column", "numbers", "what"),
    [
        ("record_id", [1001 + place for place in range(N)], "record numbers"),
        ("x1", [7_310_000 + 7 * place for place in range(N)], "record numbers"),
        ("PLZ", [93000 + place % 40 for place in range(N)], "postcodes or addresses"),
        ("phone", [1_715_550_000 + place for place in range(N)], "telephone numbers"),
        ("dob", [int(day.strftime("%Y%m%d")) for day in DAYS], "birth dates"),
    ],
)
def test_numbers_that_point_at_a_person_are_refused(column: str, numbers: list[int], what: str):
    report = check_cohort(declared({column: numbers}, {column: "number"}))
    assert f"{column} ({what})" in found(report, "PHI_COLUMN").message
    assert not any(str(number) in report.table.to_csv() for number in numbers[:20])


@pytest.mark.parametrize(
    ("column", "cells", "kind"),
    [
        ("NHS", np.linspace(3, 9, N), "number"),
        ("TEL1", np.linspace(3, 9, N), "log"),
        ("NOM1", np.arange(N) * 1000 + 200_000, "counts"),
        ("platelets", 150_000 + 1000 * (np.arange(N) * 7 % 90), "number"),
        ("zip4_expression", np.linspace(3, 9, N), "number"),
        ("address", ["town", "village"] * 60, "category"),
        ("activity", ["Very Often", "Often", "Sometimes"] * 40, "category"),
        ("name_of_drug", ["salbutamol", "budesonide", "none"] * 40, "category"),
        ("born_abroad", ["yes", "no"] * 60, "category"),
    ],
)
def test_features_that_only_sound_private_pass(column: str, cells: Any, kind: str):
    assert "PHI_COLUMN" not in codes(declared({column: cells}, {column: kind}))


def test_a_matrix_of_large_whole_numbers_holds_no_record_numbers():
    rng = np.random.default_rng(6)
    table = pd.DataFrame(rng.permuted(np.tile(np.arange(100_000, 100_050), (30, 1)), axis=1).T, index=ids(50))
    table.columns = [f"peptide{place}" for place in range(30)]
    assert "PHI_COLUMN" not in codes({"blocks": {"ms": {"file": table, "kind": "number"}}})


def test_an_e_mail_in_one_cell_of_a_real_cohort_is_refused(tmp_path: Path):
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(Stool=["doctor@clinic.example", *table["Stool"].iloc[1:]])

    report = real("appendicitis_two_hospitals", tmp_path, spoil, file="clinical.csv")
    assert "Stool (e-mail addresses)" in found(report, "PHI_COLUMN").message
    assert "doctor@clinic" not in report.table.to_csv()


# --- odd names of columns ----------------------------------------------------------------------------------

ODD = [
    "fever \U0001f912",
    "\u05d7\u05d5\u05dd",
    "two\nlines",
    "../../x",
    "=cmd()",
    "a,b;c\td",
    '"quoted"',
    "x" * 300,
]


def test_odd_names_of_features_come_in_and_go_out_whole(tmp_path: Path):
    cohort = sound()
    table = cohort.tables["expression.csv.gz"]
    names = dict(zip(table.columns[1:], ODD, strict=True))
    cohort.tables["expression.csv.gz"] = table.rename(columns=names)
    read = read_cohort(cohort.write(tmp_path))
    assert list(read["expression"].var_names) == ODD
    frame = block_frame(read, "expression")
    again = pd.read_csv(pd.io.common.StringIO(frame.to_csv()), index_col=0)
    assert list(again.columns) == ODD


def test_file_names_of_odd_names_are_plain_and_differ():
    made = [safe_name(name) for name in ODD]
    assert len(set(made)) == len(ODD)
    assert all(name.isascii() and len(name) < 80 and not set(name) & set("./\\\n ") for name in made)


def test_odd_names_in_a_table_cannot_become_formulas_or_break_lines(tmp_path: Path):
    path = tmp_path / "table.csv"
    Table("=1+1", ("", *ODD), tuple((name, *ODD) for name in ODD)).to_csv(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        title, head, *rows = csv.reader(file)
    assert len(rows) == len(ODD)
    assert all(len(row) == len(ODD) + 1 for row in (head, *rows))
    assert [row[0].lstrip("'") for row in rows] == ODD
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in (title, head, *rows) for cell in row)


def test_odd_names_can_be_drawn_and_stay_text(tmp_path: Path):
    with drawing(None, size=(6, 4)) as ax:
        ax.barh(range(len(ODD)), 1)
        ax.set_yticks(range(len(ODD)), [clean("$x_" + name) for name in ODD])
        ax.set_title(ODD[4])
    save_figure(ax, tmp_path / "odd.svg")
    drawn = (tmp_path / "odd.svg").read_text(encoding="utf-8")
    assert "$x_../../x" in drawn
    assert "=cmd()" in drawn


def test_names_of_columns_that_are_numbers_become_text():
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(50, 4)), index=ids(50), columns=[1, 2, 30, 4])
    read = read_cohort({"blocks": {"peaks": {"file": table, "kind": "log"}}})
    assert list(read["peaks"].var_names) == ["1", "2", "30", "4"]
    assert dict(flow_of(read))["with peaks"] == 50


@pytest.mark.parametrize(
    ("name", "plain"),
    [("DateOfBirth", "date_of_birth"), ("Patient name", "patient_name"), ("MRN", "mrn"), ("e3_bw", "e3_bw")],
)
def test_words_of_a_name_are_told_apart(name: str, plain: str):
    assert plain_name(name) == plain


# --- grammar -----------------------------------------------------------------------------------------------


def test_one_column_has_no_kind_and_two_have_none(tmp_path: Path):
    cohort = sound()
    cohort.tables["dictionary.csv"] = cohort.tables["dictionary.csv"].iloc[1:]
    problem = found(check_cohort(cohort.write(tmp_path)), "KIND_MISSING")
    assert problem.message == "1 column of block labs has no kind: crp"
    assert problem.remedy == 'Add it to dictionary.csv, or leave it out: exclude = ["crp"].'


def test_one_time_below_zero_is_said_in_the_singular(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "days", 6, "-3")
    problem = found(check_cohort(cohort.write(tmp_path)), "NEG_TIME")
    assert "has 1 time below zero in days" in problem.message
    assert problem.rows == (6,)


def test_the_sound_cohort_has_nothing_to_warn_of(tmp_path: Path):
    assert check_cohort(sound().write(tmp_path)).problems == ()
