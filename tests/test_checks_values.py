"""Rules on values: a spoiled cohort is met with its code, rows and remedy; the unspoiled one passes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import Cohort, found, sound

from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.report import CheckReport
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import PhenotyperError

COHORTS = Path(__file__).parent / "cohorts"
SHARED = Path(__file__).parents[2] / "shared" / "data"
OWN = Path(__file__).parents[1] / "data"
MINE = {
    *("SENTINEL", "UNIT_MIX", "UNIT_SITE", "MISSING_HIGH", "MISSING_BY", "LOOKS_LOGGED", "LOOKS_RAW"),
    *("NPX_RANGE", "COPIES", "DERIVED", "BMI_MISMATCH", "OUTLIER", "DUP_ROWS", "FEW_PROFILES", "IMPLAUSIBLE"),
}


def codes(report: CheckReport) -> list[str]:
    """Return the codes of the rules tested here."""
    return [problem.code for problem in report.problems if problem.code in MINE]


def memory(
    blocks: dict[str, tuple[pd.DataFrame, str]], people: pd.DataFrame | None = None, **options: Any
) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "blocks": {name: {"file": table, "kind": kind} for name, (table, kind) in blocks.items()}
    }
    if people is not None:
        declared["patients"] = {"file": people, **options.pop("patients", {})}
    return declared | options


def table(n: int, p: int, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = [f"g{place}" for place in range(p)]
    return pd.DataFrame(rng.normal(8, 2, (n, p)), index=[f"p{row:04d}" for row in range(n)], columns=names)


def shared(name: str, tmp_path: Path, spoil: Any = None, *, only: str = "", **declared: Any) -> CheckReport:
    """Check a copy of a shared cohort, or one block of it.

    ``spoil`` changes its tables of text, ``declared`` keys of its blocks.
    """
    values = tomllib.loads((COHORTS / f"{name}.toml").read_text(encoding="utf-8"))
    folder = SHARED / Path(values["folder"]).name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    if only:
        values["blocks"] = {only: values["blocks"][only]}
    for block in values["blocks"].values():
        if "dictionary" in block:
            block["dictionary"] = str(COHORTS / block["dictionary"])
    for block, keys in declared.items():
        values["blocks"][block] |= keys
    files = {block["file"] for block in values["blocks"].values()} | {values["patients"]["file"]}
    for file in files if spoil else ():
        cells = pd.read_csv(folder / file, dtype=str, keep_default_na=False)
        spoil(file, cells)
        cells.to_csv(tmp_path / file, index=False)
    return check_cohort(values | {"folder": str(tmp_path if spoil else folder)})


def set_cells(file: str, column: str, rows: list[int], text: str) -> Any:
    """Return a change of some cells by spreadsheet row."""

    def spoil(name: str, cells: pd.DataFrame) -> None:
        if name == file:
            cells.loc[[row - 2 for row in rows], column] = text

    return spoil


@pytest.mark.parametrize("seed", range(8))
def test_the_sound_cohort_has_nothing_to_be_said_about(tmp_path: Path, seed: int):
    assert codes(check_cohort(sound(seed).write(tmp_path))) == []


@pytest.mark.parametrize("name", ["demo", "no_subphenotypes", "second_hospital"])
def test_the_simulated_cohorts_have_nothing_to_be_said_about(name: str):
    assert check_cohort(OWN / name / "cohort.toml").problems == ()


@pytest.mark.parametrize("kind", ["log", "number"])
@pytest.mark.parametrize("seed", range(3))
def test_plain_and_skewed_numbers_are_quiet(kind: str, seed: int):
    numbers = table(300, 200, seed=seed)
    if kind == "number":
        numbers = np.exp(numbers / 2)
    people = pd.DataFrame(
        {"site": np.repeat(["a", "b", "c"], 100), "dead": np.arange(300) % 2}, numbers.index
    )
    outcomes = {"death": {"kind": "binary", "column": "dead"}}
    declared = memory({"x": (numbers, kind)}, people, patients={"site": "site"}, outcomes=outcomes)
    assert codes(check_cohort(declared)) == []


# Codes for missing


@pytest.mark.parametrize(
    ("column", "rows", "text", "said"),
    [
        ("crp", [3, 9], "999", "crp 999 (2 times)"),
        ("wbc", [4], "-9", "wbc -9 (once)"),
        ("wbc", [4], "9999", "wbc 9999 (once)"),
    ],
)
def test_a_code_for_missing_far_outside_is_met_with_its_rows(
    tmp_path: Path, column: str, rows: list[int], text: str, said: str
):
    cohort = sound()
    for row in rows:
        cohort.set("labs.csv", column, row, text)
    problem = found(check_cohort(cohort.write(tmp_path)), "SENTINEL")
    assert said in problem.message
    assert problem.rows == tuple(rows)
    assert f'missing_codes = ["{text}"]' in problem.remedy
    assert problem.severity == "warning"


def test_codes_of_several_columns_are_one_problem_and_go_once_they_are_declared(tmp_path: Path):
    cohort = sound()
    for column, row, text in (("crp", 3, "999"), ("crp", 4, "999"), ("wbc", 5, "-99"), ("wbc", 6, "-99")):
        cohort.set("labs.csv", column, row, text)
    problem = found(check_cohort(cohort.write(tmp_path)), "SENTINEL")
    assert problem.rows == (3, 4, 5, 6)
    assert 'missing_codes = ["-99", "999"]' in problem.remedy
    cohort.declared["missing_codes"] = ["-99", "999"]
    assert codes(check_cohort(cohort.write(tmp_path))) == []


def test_a_usual_value_that_looks_like_a_code_is_none(tmp_path: Path):
    cohort = sound()
    rng = np.random.default_rng(4)
    cohort.tables["labs.csv"]["crp"] = [*rng.integers(60, 130, 37).astype(str), "99", "99"]
    cohort.tables["labs.csv"]["wbc"] = [*rng.normal(0, 5, 37).round(1).astype(str), "-9", "-8"]
    assert codes(check_cohort(cohort.write(tmp_path))) == []


def test_codes_in_covariates_and_times_and_odd_dates_are_met(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "weight", 7, "999")
    cohort.set("clinical.csv", "days", 8, "99999")
    cohort.set("clinical.csv", "admitted", 9, "1900-01-01")
    said = [
        problem for problem in check_cohort(cohort.write(tmp_path)).problems if problem.code == "SENTINEL"
    ]
    assert [problem.rows for problem in said] == [(7, 8), (9,)]
    assert "weight 999 (once), days 99999 (once)" in said[0].message
    assert "1900-01-01" in said[1].remedy


def test_a_level_nine_far_from_the_others_is_met():
    people = table(60, 1)
    people["pain"] = [0, 1, 2, 9] * 15
    people["colour"] = [0, 1, 2, 3] * 15
    problem = found(check_cohort(memory({"x": (people[["pain", "colour"]], "ordinal")})), "SENTINEL")
    assert "pain 9 (15 times)" in problem.message
    assert "colour" not in problem.message
    assert problem.rows[:2] == (5, 9)


@pytest.mark.parametrize("name", ["appendicitis_two_hospitals", "appendicitis_duesseldorf"])
def test_codes_in_a_real_cohort_are_met_and_the_real_values_are_none(name: str, tmp_path: Path):
    file = "clinical.csv" if name.endswith("hospitals") else "external_clinical.csv"
    assert "SENTINEL" not in codes(shared(name, tmp_path))
    problem = found(shared(name, tmp_path, set_cells(file, "BodyTemp", [12, 40, 77], "99.9")), "SENTINEL")
    assert "BodyTemp 99.9 (3 times)" in problem.message
    assert problem.rows == (12, 40, 77)
    assert 'missing_codes = ["99.9"]' in problem.remedy


# Units


def test_white_cells_in_another_unit_are_met_with_rows_and_factor(tmp_path: Path):
    report = shared("appendicitis_duesseldorf", tmp_path)
    problem = found(report, "UNIT_MIX")
    assert "WBCCount (25 values about 1,000 times too large)" in problem.message
    cells = pd.read_csv(SHARED / "appendicitis_two_hospitals" / "external_clinical.csv")
    assert problem.rows == tuple(np.flatnonzero(cells["WBCCount"] > 500) + 2)
    assert "UNIT_MIX" not in codes(shared("appendicitis_two_hospitals", tmp_path))


@pytest.mark.parametrize(
    ("name", "centre", "factor", "said"),
    [
        ("glucose", 5.0, 18.016, "18.02 times too large"),
        ("creatinine", 60.0, 1 / 88.42, "88.42 times too small"),
        ("ferritin", 40.0, 1000.0, "1,000 times too large"),
    ],
)
def test_a_minority_in_the_other_usual_unit_is_met(name: str, centre: float, factor: float, said: str):
    rng = np.random.default_rng(2)
    values = rng.lognormal(np.log(centre), 0.25, 200)
    other = values.copy()
    other[[5, 30, 31, 90, 150]] *= factor
    people = table(200, 2)
    report = check_cohort(memory({"x": (people.assign(**{name: other}), "number")}))
    problem = found(report, "UNIT_MIX")
    assert f"{name} (5 values about {said})" in problem.message
    assert problem.rows == (7, 32, 33, 92, 152)
    assert codes(check_cohort(memory({"x": (people.assign(**{name: values}), "number")}))) == []


def test_two_groups_whose_distance_is_no_unit_are_quiet():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.lognormal(0, 0.3, 60), rng.lognormal(np.log(40), 0.3, 60)])
    people = table(120, 2).assign(hormone=values)
    assert codes(check_cohort(memory({"x": (people, "number")}))) == []


def test_a_site_with_its_own_unit_is_named():
    rng = np.random.default_rng(5)
    blood = table(240, 2).assign(crp=rng.lognormal(1, 0.4, 240), iron=rng.lognormal(2, 0.4, 240))
    site = np.repeat(["Bonn", "Kiel", "Ulm"], 80)
    people = pd.DataFrame({"site": site}, index=blood.index)
    assert codes(check_cohort(memory({"x": (blood, "number")}, people, patients={"site": "site"}))) == []
    blood.loc[site == "Kiel", "crp"] *= 10
    problem = found(
        check_cohort(memory({"x": (blood, "number")}, people, patients={"site": "site"})), "UNIT_SITE"
    )
    assert "crp (Kiel about 10 times too large)" in problem.message
    assert "iron" not in problem.message


def test_a_covariate_in_two_units_is_met(tmp_path: Path):
    cohort = sound()
    for row in (4, 8, 15):
        kilograms = float(cohort.tables["clinical.csv"].loc[row - 2, "weight"])
        cohort.set("clinical.csv", "weight", row, f"{kilograms * 1000:.0f}")
    problem = found(check_cohort(cohort.write(tmp_path)), "UNIT_MIX")
    assert "weight (3 values about 1,000 times too large)" in problem.message
    assert problem.rows == (4, 8, 15)


# Missing


def test_features_that_most_lack_are_one_warning_a_block(tmp_path: Path):
    cohort = sound()
    for row in range(2, 32):
        cohort.set("labs.csv", "crp", row, "")
        cohort.set("labs.csv", "fever", row + 3, "")
    problem = found(check_cohort(cohort.write(tmp_path)), "MISSING_HIGH")
    assert (
        "2 features of block labs missing in more than half of its 39 patients: crp (77%)" in problem.message
    )


def test_what_is_missing_by_site_or_outcome_is_named_once_for_what_is_missing_together():
    values = table(200, 6)
    people = pd.DataFrame({"site": np.repeat(["a", "b"], 100), "ill": np.arange(200) % 2}, values.index)
    values.loc[values.index[110:190], ["g1", "g2"]] = np.nan
    values.loc[values.index[1:150:2], "g4"] = np.nan
    rng = np.random.default_rng(0)
    values.loc[rng.random(200) < 0.3, "g5"] = np.nan
    declared = memory(
        {"x": (values, "log")},
        people,
        patients={"site": "site"},
        outcomes={"illness": {"kind": "binary", "column": "ill"}},
    )
    problem = found(check_cohort(declared), "MISSING_BY")
    assert (
        "g1 and 1 missing with it by site (missing in 0% of site a, 80% of site b; Cramer's V 0.82)"
        in problem.message
    )
    assert "g4 by outcome illness (missing in 0% of those without, 75% of those with it" in problem.message
    assert "g5" not in problem.message


def test_the_metabolome_of_helix_is_missing_by_centre_and_nothing_else_is(tmp_path: Path):
    problem = found(shared("helix_children", tmp_path), "MISSING_BY")
    assert "block metabolome" in problem.message
    assert (
        "the whole block by site (missing in 0% of site 1, 22% of site 2; Cramer's V 0.32)" in problem.message
    )


def test_ultrasound_findings_are_missing_by_diagnosis(tmp_path: Path):
    problem = found(shared("appendicitis_two_hospitals", tmp_path), "MISSING_BY")
    assert "AppendixDiameter by outcome diagnosis (missing in 17% of those with it, 66%" in problem.message


# Scale


def test_logarithms_declared_as_counts_are_met(tmp_path: Path):
    assert "LOOKS_LOGGED" not in codes(shared("neuroblastoma_seqc", tmp_path, only="genes"))
    problem = found(
        shared("neuroblastoma_seqc", tmp_path, only="genes", genes={"kind": "counts"}), "LOOKS_LOGGED"
    )
    assert "of block genes are declared as counts but hold fractions" in problem.message
    assert 'kind = "log" for [blocks.genes]' in problem.remedy


@pytest.mark.parametrize("block", ["mrna", "mirna"])
def test_counts_declared_as_logarithms_are_refused(tmp_path: Path, block: str):
    assert not {"LOOKS_RAW", "LOOKS_LOGGED"} & set(codes(shared("acc_tcga", tmp_path, only=block)))
    problem = found(shared("acc_tcga", tmp_path, only=block, **{block: {"kind": "log"}}), "LOOKS_RAW")
    assert problem.severity == "error"
    assert 'kind = "counts"' in problem.remedy


def test_small_counts_are_quiet_and_small_fractions_are_not():
    rng = np.random.default_rng(0)
    whole = table(50, 20) * 0 + rng.poisson(3, (50, 20))
    assert codes(check_cohort(memory({"x": (whole, "counts")}))) == []
    assert codes(check_cohort(memory({"x": (np.log2(whole + 1.5), "counts")}))) == ["LOOKS_LOGGED"]


def test_logarithms_above_fifty_are_warned_of():
    rng = np.random.default_rng(0)
    raw = table(50, 20) * 0 + rng.lognormal(3, 1, (50, 20))
    problem = found(check_cohort(memory({"x": (raw, "log")})), "LOOKS_RAW")
    assert problem.severity == "warning"


def test_npx_outside_its_range_is_warned_of_with_rows():
    npx = table(50, 5)
    assert codes(check_cohort(memory({"x": (npx, "npx")}))) == []
    npx.iloc[[3, 9], 2] = [41.0, 300.0]
    problem = found(check_cohort(memory({"x": (npx, "npx")})), "NPX_RANGE")
    assert "1 feature (g2)" in problem.message
    assert problem.rows == (5, 11)


# Copies


def test_a_scaled_copy_is_met_within_and_between_blocks():
    first, second = table(60, 40), table(60, 30, seed=1).rename(columns=lambda name: f"h{name}")
    assert codes(check_cohort(memory({"a": (first, "log"), "b": (second, "log")}))) == []
    first["g9"] = 40 - 3 * first["g2"]
    second["hg7"] = first["g5"] / 1000
    shuffled = second.sample(frac=1, random_state=1).iloc[:50]
    problem = found(check_cohort(memory({"a": (first, "log"), "b": (shuffled, "log")})), "COPIES")
    assert problem.message.startswith("2 features are copies of another")
    assert "a/g2 = a/g9" in problem.message
    assert "a/g5 = b/hg7" in problem.message


def test_features_that_only_correlate_are_no_copies():
    values = table(400, 5)
    rng = np.random.default_rng(1)
    values["g1"] = values["g0"] + rng.normal(0, 0.1, 400)
    assert 0.998 < values["g0"].corr(values["g1"]) < 0.9999
    assert codes(check_cohort(memory({"x": (values, "log")}))) == []


def test_rare_findings_in_the_same_patient_are_no_copies():
    values = pd.DataFrame(0, index=table(90, 1).index, columns=[f"m{place}" for place in range(60)])
    rng = np.random.default_rng(1)
    for place in range(60):
        values.iloc[rng.choice(90, 30, replace=False), place] = 1
    values.iloc[:, :20] = 0
    values.iloc[4, :20] = 1
    assert "COPIES" not in codes(check_cohort(memory({"x": (values, "yes/no")})))
    values["twin"] = values["m30"]
    assert "m30 = twin" in found(check_cohort(memory({"x": (values, "yes/no")})), "COPIES").message


def test_a_lab_of_a_real_cohort_twice_under_two_names_is_met(tmp_path: Path):
    def twice(name: str, cells: pd.DataFrame) -> None:
        if name == "serum_metabolome.csv.gz":
            cells["again"] = (cells["log.Asn"].astype(float) * 2.5).round(5).astype(str)

    assert "COPIES" not in codes(shared("helix_children", tmp_path, only="metabolome"))
    problem = found(shared("helix_children", tmp_path, twice, only="metabolome"), "COPIES")
    assert "1 feature is a copy of another" in problem.message
    assert "log.Asn = again" in problem.message


def test_a_sum_of_others_is_derived():
    values = table(80, 5)
    assert codes(check_cohort(memory({"x": (values, "number")}))) == []
    values["total"] = values["g0"] + values["g1"] + values["g4"]
    problem = found(check_cohort(memory({"x": (values, "number")})), "DERIVED")
    assert "1 feature that the others determine" in problem.message
    named = problem.message.split(": ")[1]
    assert all(name in named for name in ("g0", "g1", "g4", "total"))
    assert "g2" not in named
    assert "g3" not in named


def test_a_sum_of_many_features_among_few_patients_is_no_finding():
    assert codes(check_cohort(memory({"x": (table(40, 30), "number")}))) == []


@pytest.mark.parametrize(("metres", "grams"), [(1, 1), (100, 1), (1, 1000)])
def test_a_body_mass_index_that_its_parts_contradict_is_met_in_any_unit(metres: int, grams: int):
    rng = np.random.default_rng(1)
    height, bmi = rng.normal(1.4, 0.1, 60), rng.normal(18, 2, 60)
    people = pd.DataFrame(
        {"Height": height * metres, "Weight": bmi * height**2 * grams, "BMI": bmi.round(2)},
        index=[f"p{row}" for row in range(60)],
    )
    declared = memory({"x": (table(60, 3).set_axis(people.index), "log")}, people)
    declared["patients"]["covariates"] = ["BMI", "Height", "Weight"]
    assert codes(check_cohort(declared)) == []
    people.loc[["p3", "p7"], "BMI"] += [1.5, -2.0]
    problem = found(check_cohort(declared), "BMI_MISMATCH")
    assert problem.rows == (5, 9)
    assert "in 2 of 60 patients" in problem.message


def test_the_contradicted_body_mass_indices_of_appendicitis_are_met(tmp_path: Path):
    assert found(shared("appendicitis_duesseldorf", tmp_path), "BMI_MISMATCH").rows == (93, 201, 269)
    assert "BMI_MISMATCH" not in codes(shared("appendicitis_two_hospitals", tmp_path))


# Outliers and copied patients


def test_one_value_far_out_is_met_and_a_long_tail_is_not():
    values = table(100, 4)
    values["tail"] = np.random.default_rng(0).lognormal(0, 1.5, 100)
    assert codes(check_cohort(memory({"x": (values, "number")}))) == []
    values.loc["p0031", "g2"] = 80.3
    values.loc["p0044", "g3"] = -60.1
    problem = found(check_cohort(memory({"x": (values, "number")})), "OUTLIER")
    assert "values of 2 features" in problem.message
    assert "g2 80.3, g3 -60.1" in problem.message
    assert problem.rows == (33, 46)


def test_three_values_far_out_are_a_group_and_no_outlier():
    values = table(100, 4)
    values.iloc[[5, 6, 7], 1] = [280.3, 283.9, 281.4]
    assert codes(check_cohort(memory({"x": (values, "number")}))) == []


def test_a_slip_in_a_real_block_is_met_with_its_row(tmp_path: Path):
    spoil = set_cells("serum_metabolome.csv.gz", "log.Ala", [17], "911.5")
    said = [
        problem
        for problem in shared("helix_children", tmp_path, spoil, only="metabolome").problems
        if problem.code == "OUTLIER"
    ]
    assert any("log.Ala 911.5" in problem.message and problem.rows == (17,) for problem in said)


def test_copied_rows_are_met_with_their_rows_and_siblings_are_not():
    values = table(80, 30)
    values.loc["p0040"] = values.loc["p0003"].to_numpy()
    values.loc["p0050"] = values.loc["p0009"].to_numpy() + 0.001
    values.loc["p0060"] = 0.8 * values.loc["p0011"].to_numpy() + 0.2 * values.loc["p0012"].to_numpy()
    problem = found(check_cohort(memory({"x": (values, "log")})), "DUP_ROWS")
    assert "4 patients are copies or near copies" in problem.message
    assert "rows 5 = 42, rows 11 = 52" in problem.message
    assert problem.rows == (5, 11, 42, 52)


def test_patients_are_copies_only_when_all_their_blocks_agree():
    first, second = table(60, 20), table(60, 20, seed=1)
    first.loc["p0040"] = first.loc["p0003"].to_numpy()
    assert codes(check_cohort(memory({"a": (first, "log"), "b": (second, "log")}))) == []
    second.loc["p0040"] = second.loc["p0003"].to_numpy()
    problem = found(check_cohort(memory({"a": (first, "log"), "b": (second, "log")})), "DUP_ROWS")
    assert problem.rows == (5, 42)


def test_a_copied_patient_of_a_real_cohort_is_met(tmp_path: Path):
    def copy(name: str, cells: pd.DataFrame) -> None:
        here = {identity: row for row, identity in enumerate(cells["patient_id"])}
        if name != "clinical.csv" and {"TCGA-OR-A5J2", "TCGA-OR-A5J9"} <= set(here):
            cells.iloc[here["TCGA-OR-A5J9"], 1:] = cells.iloc[here["TCGA-OR-A5J2"], 1:].to_numpy()

    assert "DUP_ROWS" not in codes(shared("acc_tcga", tmp_path, only="mirna"))
    problem = found(shared("acc_tcga", tmp_path, copy, only="mirna"), "DUP_ROWS")
    assert "2 patients are copies" in problem.message
    assert len(problem.rows) == 2


def test_few_categories_are_few_profiles_and_no_copied_rows(tmp_path: Path):
    report = shared("wilms_nwtco", tmp_path)
    assert codes(report) == ["FEW_PROFILES"]
    assert "4,028 patients have 16 different profiles" in found(report, "FEW_PROFILES").message


# What a living patient can have


def test_a_body_temperature_of_27_and_a_height_of_42_cm_at_nine_years_are_met(tmp_path: Path):
    said = [p for p in shared("appendicitis_two_hospitals", tmp_path).problems if p.code == "IMPLAUSIBLE"]
    assert any("BodyTemp 26.9 (possible: 30 to 43 °C)" in p.message and p.rows == (320,) for p in said)
    said = [p for p in shared("appendicitis_duesseldorf", tmp_path).problems if p.code == "IMPLAUSIBLE"]
    assert [p.rows for p in said] == [(269,)]
    assert "Height 42" in said[0].message


@pytest.mark.parametrize(
    ("name", "unit", "usual", "wrong"),
    [
        ("heart_rate", "/min", 90.0, 900.0),
        ("spo2", "%", 97.0, 5.0),
        ("sodium", "mmol/L", 140.0, 14.0),
        ("ph", "", 7.4, 74.0),
        ("crp", "mg/L", 20.0, 2300.0),
        ("haemoglobin", "g/L", 120.0, 400.0),
        ("neutrophils", "%", 60.0, 105.0),
    ],
)
def test_an_impossible_value_is_met_by_name_and_unit(name: str, unit: str, usual: float, wrong: float):
    rng = np.random.default_rng(1)
    values = table(60, 2).assign(**{name: usual * rng.normal(1, 0.01, 60)})
    dictionary = pd.DataFrame({"column": ["g0", "g1", name], "kind": "number", "unit": ["", "", unit]})
    declared = {"blocks": {"x": {"file": values, "kind": "mixed", "dictionary": dictionary}}}
    assert codes(check_cohort(declared)) == []
    values.loc["p0020", name] = wrong
    problem = found(check_cohort(declared), "IMPLAUSIBLE")
    assert f"{name} {wrong:g}" in problem.message
    assert problem.rows == (22,)


def test_the_same_name_in_an_unknown_unit_or_as_a_score_is_quiet():
    rng = np.random.default_rng(1)
    values = table(60, 1).assign(
        height_z=rng.normal(0, 1, 60), sodium=rng.normal(4, 1, 60), fev1_pred=rng.normal(98, 9, 60)
    )
    dictionary = pd.DataFrame(
        {
            "column": ["g0", "height_z", "sodium", "fev1_pred"],
            "kind": "number",
            "unit": ["", "z", "g/day", "%"],
        }
    )
    declared = {"blocks": {"x": {"file": values, "kind": "mixed", "dictionary": dictionary}}}
    assert codes(check_cohort(declared)) == []


def test_spoiling_a_sound_cohort_says_nothing_about_other_columns(tmp_path: Path):
    cohort: Cohort = sound()
    cohort.set("labs.csv", "neutrophils", 6, "-99")
    report = check_cohort(cohort.write(tmp_path))
    assert set(codes(report)) == {"SENTINEL"}


# Few patients, many features


@pytest.mark.parametrize(("n", "p"), [(24, 5000), (40, 1)])
def test_many_features_of_few_patients_and_a_single_feature_are_read_and_fitted(n: int, p: int):
    declared = memory({"x": (table(n, p), "log")})
    assert check_cohort(declared).problems == ()
    fitted = Recipe(seed=1, n_layouts=2).fit(read_cohort(declared))
    assert fitted.n_patients == n
    assert 0 <= fitted.coverage <= 1


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_patients_for_a_fit_are_refused_with_a_code(n: int):
    cohort = read_cohort(memory({"x": (table(n, 50), "log")}), quiet=True)
    with pytest.raises(PhenotyperError) as caught:
        Recipe(seed=1, n_layouts=2).fit(cohort)
    assert caught.value.codes


@pytest.mark.parametrize("n", [3, 12, 60])
def test_the_largest_and_smallest_floats_end_in_a_report_without_a_warning_of_numpy(n: int):
    rng = np.random.default_rng(n)
    ids = [f"p{row}" for row in range(n)]
    odd = pd.DataFrame(
        {
            "huge": rng.choice([1e308, -1e308, 0, 1], n),
            "tiny": rng.choice([5e-324, 1e-310, 1e-300], n),
            "infinite": rng.choice([np.inf, -np.inf, 1, 2], n),
            "empty": np.full(n, np.nan),
            "same": np.full(n, 7.0),
            "gaps": np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
        },
        index=ids,
    )
    people = pd.DataFrame({"site": rng.choice(["a", "b"], n), "x": rng.choice([1e308, -1e308, 0], n)}, ids)
    outcomes = {"x": {"kind": "number", "column": "x"}}
    report = check_cohort(
        memory({"x": (odd, "number")}, people, patients={"site": "site"}, outcomes=outcomes)
    )
    assert "INF" in [problem.code for problem in report.errors]


def test_a_scale_of_one_to_nine_has_no_code_among_its_levels():
    rng = np.random.default_rng(9)
    ids = [f"p{place}" for place in range(200)]
    pain = pd.DataFrame({"pain": rng.integers(1, 10, 200).astype(str), "itch": ["1", "2"] * 100}, index=ids)
    assert codes(check_cohort(memory({"x": (pain, "ordinal")}))) == []
