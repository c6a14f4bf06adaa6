"""Repeated visits become features: values by hand, against slow references, and through a declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from phenotyper._kernels.shrinkage import random_effects, shrunken
from phenotyper.cohort.container import block_frame, features_of, visits_of
from phenotyper.cohort.course import courses
from phenotyper.cohort.dateforms import is_iso
from phenotyper.cohort.days import day_number
from phenotyper.cohort.declaration import SUMMARIES, Declaration, VisitSpec
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.kinds import Feature
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.visits import least_squares, summarised

CRP = Feature("crp", "number", unit="mg/L", label="C-reactive protein")


def course_of(rows: list[tuple[str, float, float]], window: tuple[float, ...] = ()) -> Any:
    ids, days, values = zip(*rows, strict=True)
    course, order, patients = courses(ids, np.array(days, dtype=float), window=window)
    return course, np.array(values, dtype=float)[order], patients


def made(
    rows: list[tuple[str, float, float]], *summaries: str, window: tuple[float, ...] = (), **more: Any
) -> Any:
    course, values, patients = course_of(rows, window)
    found = summarised(course, values, feature=CRP, spec=VisitSpec(summaries=summaries, **more))
    return {summary.feature.name: dict(zip(patients, summary.values, strict=True)) for summary in found}


ROWS = [("a", 10, 4.0), ("a", -5, 1.0), ("a", 0, 2.0), ("b", 3, 8.0), ("b", 30, np.nan), ("c", -9, np.nan)]


def test_baseline_is_the_last_value_up_to_day_zero_and_first_and_last_are_by_day():
    found = made(ROWS, "baseline", "first", "last", "visits", "mean")
    assert found["crp (baseline)"]["a"] == 2.0
    assert np.isnan(found["crp (baseline)"]["b"])
    assert (found["crp (first)"]["a"], found["crp (last)"]["a"]) == (1.0, 4.0)
    assert (found["crp (first)"]["b"], found["crp (last)"]["b"]) == (8.0, 8.0)
    assert found["crp (visits)"] == {"a": 3.0, "b": 1.0, "c": 0.0}
    assert found["crp (mean)"]["a"] == pytest.approx(7 / 3)
    assert np.isnan(found["crp (mean)"]["c"])


def test_a_window_leaves_out_what_lies_outside_it():
    found = made(ROWS, "last", "visits", window=(-5, 0))
    assert found["crp (last)"]["a"] == 2.0
    assert found["crp (visits)"] == {"a": 2.0, "b": 0.0, "c": 0.0}


def test_variability_is_the_standard_deviation_within_a_patient():
    found = made(ROWS, "variability")
    assert found["crp (variability)"]["a"] == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert np.isnan(found["crp (variability)"]["b"])


def test_time_above_a_limit_follows_straight_lines_between_the_visits():
    rows = [("a", 0, 5.0), ("a", 10, 15.0), ("a", 20, 5.0), ("b", 0, 20.0), ("b", 4, 30.0), ("c", 0, 1.0)]
    found = made([*rows, ("d", 0, 0.0), ("d", 8, 40.0)], "above", above=(("crp", 10.0),))["crp (above)"]
    assert found["a"] == pytest.approx(0.5)
    assert found["b"] == 1.0
    assert np.isnan(found["c"])
    assert found["d"] == pytest.approx(0.75)


def test_slopes_are_those_of_least_squares_in_every_patient():
    rng = np.random.default_rng(1)
    rows = [
        (f"p{k}", float(day), float(rng.normal())) for k in range(9) for day in rng.uniform(0, 900, 2 + k)
    ]
    course, values, patients = course_of(rows)
    slope, variance = least_squares(course, values)
    rest = degrees = 0.0
    for place in range(len(patients)):
        mine = course.patient == place
        year = course.day[mine] / 365.25
        line = np.polyfit(year, values[mine], 1)
        assert slope[place] == pytest.approx(line[0])
        rest += ((values[mine] - np.polyval(line, year)) ** 2).sum()
        degrees += mine.sum() - 2
    pooled = rest / degrees
    year = course.day[course.patient == 3] / 365.25
    assert variance[3] == pytest.approx(pooled / ((year - year.mean()) ** 2).sum())


def test_the_variance_between_patients_is_that_of_metafor_on_the_bcg_trials():
    # R metafor 4: rma(yi, vi, data = dat.bcg (log relative risks), method = "DL"): -0.7141, tau^2 = 0.3088
    estimate = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713,
                -0.3394, 0.4459, -0.0173]  # fmt: skip
    variance = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124,
                0.5325, 0.0714]  # fmt: skip
    centre, between = random_effects(np.array(estimate), np.array(variance))
    assert between == pytest.approx(0.3088, abs=2e-3)
    assert centre == pytest.approx(-0.7141, abs=2e-3)


def test_shrunken_slopes_are_nearer_to_the_truth_and_their_errors_are_honest():
    rng = np.random.default_rng(2)
    truth = rng.normal(0.3, 0.5, 2000)
    variance = rng.uniform(0.05, 2.0, 2000)
    raw = truth + rng.normal(0, np.sqrt(variance))
    value, error = shrunken(raw, variance)
    assert np.mean((value - truth) ** 2) < 0.5 * np.mean((raw - truth) ** 2)
    covered = np.mean(np.abs(value - truth) < 1.96 * error)
    assert covered == pytest.approx(0.95, abs=0.02)


def test_slopes_that_differ_by_noise_alone_are_all_the_same():
    rng = np.random.default_rng(3)
    estimate = np.array([-1.0, 1.0, -0.5, 0.5]) * 0.1 + 0 * rng.normal(size=4)
    value, error = shrunken(estimate, np.ones(4))
    assert np.ptp(value) == 0
    assert np.all(error == 0)


def cohort(visits: dict[str, Any] | None = None, *, dates: bool = False, **patients: Any) -> dict[str, Any]:
    """Return a cohort of 30 children with three to five measurements each."""
    rng = np.random.default_rng(4)
    rows = [(f"p{k:02d}", day) for k in range(30) for day in [-3, 0, 40, 80, 400][: 3 + k % 3]]
    long = pd.DataFrame(rows, columns=["patient_id", "day"])
    long["crp"] = rng.lognormal(2, 1, len(long)).round(2)
    long["fever"] = rng.choice(["yes", "no"], len(long))
    if dates:
        start = pd.Timestamp("2020-02-01")
        long["day"] = [str((start + pd.Timedelta(days=int(day))).date()) for day in long["day"]]
    dictionary = pd.DataFrame(
        {"column": ["crp", "fever"], "kind": ["number", "yes/no"], "unit": ["mg/L", ""], "label": ["CRP", ""]}
    )
    people = pd.DataFrame({"patient_id": [f"p{k:02d}" for k in range(30)], "admitted": "2020-02-01"})
    block = {
        "file": long,
        "kind": "mixed",
        "dictionary": dictionary,
        "visits": {"time": "day", **(visits or {})},
    }
    return {"blocks": {"course": block}, "patients": {"file": people, **patients}}


def test_a_declared_course_becomes_features_with_labels_units_and_errors():
    read = read_cohort(
        cohort({"summaries": ["baseline", "slope", "variability", "above"], "above": {"crp": 10}})
    )
    facts = features_of(read, "course")
    assert list(facts.index) == [
        "crp (baseline)",
        "crp (slope)",
        "crp (variability)",
        "crp (above)",
        "fever (baseline)",
    ]
    assert facts.loc["crp (slope)", "unit"] == "mg/L/year"
    assert facts.loc["crp (above)", "kind"] == "proportion"
    assert facts.loc["crp (above)", "label"] == "CRP, share of time above 10"
    assert read["course"].shape == (30, 5)
    errors = pd.DataFrame(read["course"].layers["error"], columns=facts.index)
    assert (errors["crp (slope)"] >= 0).all()
    assert errors["crp (baseline)"].isna().all()


def test_the_visits_stay_beside_the_features_and_survive_a_file(tmp_path: Path):
    read = read_cohort(cohort())
    assert len(visits_of(read, "course")) == 120
    with third_party_quiet():
        read.write(tmp_path / "cohort.h5mu")
    again = visits_of(read_cohort(tmp_path / "cohort.h5mu"), "course")
    pd.testing.assert_frame_equal(again, visits_of(read, "course"))
    assert list(again.columns) == ["patient_id", "day", "crp", "fever"]


def test_dates_count_from_the_index_date():
    by_day = block_frame(read_cohort(cohort()), "course")
    by_date = block_frame(read_cohort(cohort(dates=True, index_date="admitted")), "course")
    pd.testing.assert_frame_equal(by_day, by_date)


def test_the_unit_of_time_is_heeded():
    declared = cohort({"summaries": ["slope", "last"]})
    weeks = cohort({"summaries": ["slope", "last"], "unit": "weeks"})
    weeks["blocks"]["course"]["file"]["day"] /= 7
    pd.testing.assert_frame_equal(
        block_frame(read_cohort(declared), "course"), block_frame(read_cohort(weeks), "course")
    )


def test_a_date_without_an_index_date_is_refused():
    problem = check_cohort(cohort(dates=True)).errors[0]
    assert problem.code == "VISIT_TIME"
    assert "index_date" in problem.remedy


def test_times_in_words_are_refused_with_their_rows():
    declared = cohort()
    long = declared["blocks"]["course"]["file"]
    long["day"] = long["day"].astype(str)
    long.loc[[4, 7], "day"] = ["discharge", "12/03/2020"]
    problem = check_cohort(declared).errors[0]
    assert (problem.code, problem.rows) == ("VISIT_TIME", (6, 9))
    assert "discharge" in problem.message


def test_a_patient_without_an_index_date_is_warned_of():
    declared = cohort(dates=True, index_date="admitted")
    declared["patients"]["file"].loc[0, "admitted"] = None
    problem = next(one for one in check_cohort(declared).warnings if one.code == "VISIT_LOST")
    assert problem.rows == (2, 3, 4)
    assert "no index date" in problem.message


def test_patients_whose_visits_give_no_feature_are_not_said_to_have_no_value():
    declared = cohort({"summaries": ["baseline"]})
    declared["blocks"]["course"]["file"].loc[:2, "day"] = [1, 2, 3]
    texts = [problem.message for problem in check_cohort(declared).warnings if problem.code == "EMPTY_ROWS"]
    assert all("no feature could be made of them" in text for text in texts)
    assert texts


def test_a_window_without_visits_is_refused():
    report = check_cohort(cohort({"window": [1000, 2000]}))
    assert "VISIT_WINDOW" in [problem.code for problem in report.errors]


def test_visits_after_the_start_of_follow_up_are_warned_of():
    declared = cohort()
    declared["patients"]["file"]["time"] = np.arange(30) + 1.0
    declared["patients"]["file"]["died"] = [0, 1] * 15
    declared["outcomes"] = {"death": {"kind": "survival", "column": "died", "time": "time", "unit": "days"}}
    assert "IMMORTAL_TIME" in [problem.code for problem in check_cohort(declared).warnings]
    declared["blocks"]["course"]["visits"] = {
        "time": "day",
        "window": [-30, 0],
        "summaries": ["last", "mean"],
    }
    assert "IMMORTAL_TIME" not in [problem.code for problem in check_cohort(declared).warnings]


def test_a_limit_for_no_column_and_above_without_a_limit_are_refused():
    assert check_cohort(cohort({"above": {"crq": 1}})).errors[0].code == "COLUMN_ABSENT"
    assert check_cohort(cohort({"summaries": ["above"]})).errors[0].code == "VISIT_LIMIT"


@pytest.mark.parametrize(
    "visits",
    [{"summaries": ["slopes"]}, {"window": [3]}, {"window": [5, 1]}, {"above": {"crp": "x"}}, {"unit": "h"}],
)
def test_faults_of_a_declared_course_are_told(visits: dict[str, Any]):
    assert check_cohort(cohort(visits)).errors[0].code == "DECLARATION"


def test_a_declaration_with_visits_survives_json():
    declared = Declaration.from_dict(
        {
            "blocks": {
                "b": {
                    "file": "b.csv",
                    "kind": "number",
                    "visits": {
                        "time": "day",
                        "summaries": list(SUMMARIES),
                        "window": [-3, 9],
                        "above": {"crp": 2},
                    },
                    "samples": {"file": "m.csv", "sample": "s"},
                    "rows": "features",
                }
            },
            "patients": {"file": "p.csv", "age": {"birth_date": "born"}, "index_date": "admitted"},
        }
    )
    assert Declaration.from_json(declared.to_json()) == declared


def test_a_birth_date_becomes_the_age_at_the_index_date():
    declared = cohort(index_date="admitted", age={"birth_date": "born"})
    declared["patients"]["file"]["born"] = "2018-02-01"
    assert read_cohort(declared, quiet=True).obs["age"].iloc[0] == pytest.approx(2.0, abs=0.01)


def test_equal_values_vary_by_exactly_nothing():
    rows = [(f"p{k}", float(day), 0.1 * k) for k in range(1, 9) for day in (0, 7, 21)]
    found = made(rows, "variability", "slope")
    assert set(found["crp (variability)"].values()) == {0.0}
    assert set(found["crp (slope)"].values()) == {0.0}


def test_several_values_on_one_day_give_no_slope():
    found = made(
        [("a", 0.1, 1.0), ("a", 0.1, 2.0), ("a", 0.1, 4.0), ("b", 0, 1.0), ("b", 365.25, 3.0)], "slope"
    )
    assert np.isnan(found["crp (slope)"]["a"])
    assert found["crp (slope)"]["b"] == pytest.approx(2.0)


def test_nobody_claims_to_know_the_error_of_slopes_through_two_points():
    course, values, _ = course_of([("a", 0, 1.0), ("a", 50, 2.0), ("b", 0, 1.0), ("b", 80, 9.0)])
    (slope,) = summarised(course, values, feature=CRP, spec=VisitSpec(summaries=("slope",)))
    assert slope.values == pytest.approx([365.25 / 50, 8 * 365.25 / 80])
    assert np.isnan(slope.errors).all()


def test_a_value_beyond_a_limit_of_detection_counts_only_where_its_side_of_the_limit_is_known():
    course, values, _ = course_of([("a", 0, 0.5), ("a", 10, 0.5), ("b", 0, 0.5), ("b", 10, 0.5)])
    flags = np.array([0, 0, -1, -1], dtype=np.int8)
    spec = VisitSpec(summaries=("above",), above=(("crp", 0.3),))
    (found,) = summarised(course, values, feature=CRP, spec=spec, censored=flags)
    assert found.values[0] == 1.0
    assert np.isnan(found.values[1])


def test_slopes_are_those_of_simulated_children_and_their_errors_cover_the_truth():
    rng = np.random.default_rng(8)
    truth = rng.normal(2.0, 1.5, 600)
    rows = [
        (f"p{k:03d}", day, 10 + truth[k] * day / 365.25 + rng.normal(0, 1))
        for k in range(600)
        for day in rng.uniform(0, 900, rng.integers(2, 7))
    ]
    course, values, patients = course_of(rows)
    (slope,) = summarised(course, values, feature=CRP, spec=VisitSpec(summaries=("slope",)))
    true = truth[[int(name[1:]) for name in patients]]
    plain, _ = least_squares(course, values)
    assert np.mean((slope.values - true) ** 2) < 0.5 * np.mean((plain - true) ** 2)
    assert np.mean(np.abs(slope.values - true) < 1.96 * slope.errors) == pytest.approx(0.95, abs=0.03)


def long_of(declared: dict[str, Any]) -> pd.DataFrame:
    return declared["blocks"]["course"]["file"]


def test_a_visit_at_any_hour_of_the_index_day_is_on_day_zero():
    by_day = cohort(dates=True, index_date="admitted")
    by_hour = cohort(dates=True, index_date="admitted")
    long_of(by_hour)["day"] += "T08:30:00"
    pd.testing.assert_frame_equal(
        block_frame(read_cohort(by_day, quiet=True), "course"),
        block_frame(read_cohort(by_hour, quiet=True), "course"),
    )


def test_the_hour_orders_the_visits_of_a_day():
    declared = cohort({"summaries": ["last"]}, dates=True, index_date="admitted")
    declared["blocks"]["course"]["columns"] = ["crp"]
    long = long_of(declared)
    more = pd.DataFrame(
        {"patient_id": "p00", "day": ["2021-06-01T17:00", "2021-06-01T09:00"], "crp": [5.5, 9.9]}
    )
    declared["blocks"]["course"]["file"] = pd.concat([long, more], ignore_index=True)
    assert block_frame(read_cohort(declared, quiet=True), "course").loc["p00", "crp (last)"] == 5.5


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("crp", "abc", "COERCE"),
        ("crp", "<0.5", "COERCE"),
        ("crp", "inf", "INF"),
        ("fever", "maybe", "LEVELS_ABSENT"),
    ],
)
def test_a_cell_of_any_visit_that_does_not_fit_is_refused_with_its_row(column: str, cell: str, code: str):
    declared = cohort()
    long = long_of(declared).astype(object)
    long.loc[5, column] = float("inf") if cell == "inf" else cell
    declared["blocks"]["course"]["file"] = long.astype({"crp": float}) if cell in {"inf", "maybe"} else long
    problem = check_cohort(declared).errors[0]
    assert (problem.code, problem.rows) == (code, (7,))


def test_cells_are_judged_before_the_rows_of_a_patient_are_joined():
    labs = pd.DataFrame({"patient_id": [f"p{k // 2}" for k in range(60)], "share": 0.5})
    labs["share"] += np.arange(60) / 200
    labs.loc[3, "share"] = 1.1
    block = {"file": labs, "kind": "proportion", "aggregate": "mean"}
    problem = check_cohort({"blocks": {"labs": block}}).errors[0]
    assert (problem.code, problem.rows) == ("PROPORTION_RANGE", (5,))


def test_values_below_a_limit_keep_their_flag_at_baseline_and_in_the_mean_only_when_all_are():
    long = pd.DataFrame({"patient_id": np.repeat([f"p{k:02d}" for k in range(12)], 2), "day": [-1, 3] * 12})
    long["crp"] = [str(1 + k / 7) for k in range(24)]
    long.loc[[0, 1, 2], "crp"] = ["<0.5", "<0.5", "<0.5"]
    visits = {"time": "day", "summaries": ["baseline", "last", "mean"]}
    block = {"file": long, "kind": "number", "censored": "lod", "visits": visits}
    read = read_cohort({"blocks": {"course": block}}, quiet=True)
    flags = pd.DataFrame(
        read["course"].layers["censored"], read["course"].obs_names, read["course"].var_names
    )
    assert flags.loc["p00"].tolist() == [-1, -1, -1]
    assert flags.loc["p01"].tolist() == [-1, 0, 0]
    assert (flags.loc["p02":] == 0).all(axis=None)


def test_a_patient_without_a_visit_in_the_window_lacks_the_block_and_is_told_of():
    declared = cohort({"window": [-3, 50]})
    long = long_of(declared)
    long.loc[long["patient_id"] == "p01", "day"] += 1000
    report = check_cohort(declared)
    assert [problem.rows for problem in report.warnings if problem.code == "EMPTY_ROWS"] == [(5,)]
    read = read_cohort(declared, quiet=True)
    assert "p01" not in read["course"].obs_names
    assert "p01" in read.obs_names


def test_dates_that_were_written_as_numbers_are_refused():
    declared = cohort()
    long_of(declared)["day"] += 20_200_201
    assert check_cohort(declared).errors[0].code == "VISIT_TIME"


def test_a_row_of_a_day_that_the_patient_has_already_is_warned_of():
    declared = cohort()
    long = long_of(declared)
    declared["blocks"]["course"]["file"] = pd.concat([long, long.iloc[[3]]], ignore_index=True)
    problem = next(one for one in check_cohort(declared).warnings if one.code == "VISIT_TWICE")
    assert problem.rows == (122,)


def test_a_measurement_of_which_the_summaries_make_nothing_is_named():
    problem = next(one for one in check_cohort(cohort({"summaries": ["slope"]})).warnings)
    assert (problem.code, "fever" in problem.message) == ("VISIT_LEVELS", True)


def test_a_row_without_a_day_and_without_a_value_is_not_worth_a_word():
    declared = cohort()
    nothing = pd.DataFrame({"patient_id": ["p77"], "day": [np.nan], "crp": [np.nan], "fever": [None]})
    declared["blocks"]["course"]["file"] = pd.concat([long_of(declared), nothing], ignore_index=True)
    assert "VISIT_LOST" not in [problem.code for problem in check_cohort(declared).warnings]


@pytest.mark.parametrize("name", ["day", "patient_id", "CD4/CD8"])
def test_a_measurement_may_have_any_name(name: str, tmp_path: Path):
    declared = cohort()
    block = declared["blocks"]["course"]
    long = block["file"].rename(columns={"day": "when", "patient_id": "who", "crp": name})
    block |= {"file": long, "id": "who", "visits": {"time": "when"}}
    block["dictionary"]["column"] = [name, "fever"]
    read = read_cohort(declared, quiet=True)
    with third_party_quiet():
        read.write(tmp_path / "cohort.h5mu")
    again = read_cohort(tmp_path / "cohort.h5mu", quiet=True)
    assert visits_of(again, "course").iloc[:, 2].tolist() == long[name].tolist()
    assert fingerprint(again) == fingerprint(read)
    np.testing.assert_array_equal(again["course"].layers["error"], read["course"].layers["error"])


def test_tables_in_memory_are_not_changed_and_blocks_share_nothing():
    labs = pd.DataFrame(np.arange(60.0).reshape(20, 3) ** 1.5, [f"p{k}" for k in range(20)], ["a", "b", "c"])
    before = labs.copy()
    blocks = {name: {"file": labs, "kind": "number"} for name in ("one", "two")}
    read = read_cohort({"blocks": blocks}, quiet=True)
    read["one"].X[:] = -1
    pd.testing.assert_frame_equal(labs, before)
    assert read["two"].X.tolist() == before.to_numpy().tolist()


def test_patients_without_consent_leave_the_visits_too():
    declared = cohort()
    declared["patients"]["file"]["agrees"] = ["no", *["yes"] * 29]
    declared["consent"] = {"research": "agrees"}
    assert "p00" not in set(visits_of(read_cohort(declared, quiet=True), "course")["patient_id"])


def test_the_time_of_a_table_is_no_feature_of_another_block_of_it():
    declared = cohort()
    course = declared["blocks"]["course"]
    course["columns"] = ["fever"]
    declared["blocks"]["mean"] = {
        "file": course["file"],
        "kind": "number",
        "exclude": ["fever"],
        "aggregate": "mean",
    }
    read = read_cohort(declared, quiet=True)
    assert list(read["mean"].var_names) == ["crp"]
    expected = course["file"].groupby("patient_id")["crp"].mean()
    assert read["mean"].X[:, 0] == pytest.approx(expected[read["mean"].obs_names])


def test_a_limit_that_is_given_is_used_whatever_the_summaries():
    names = features_of(read_cohort(cohort({"above": {"crp": 10}}), quiet=True), "course").index
    assert "crp (above)" in names
    only = cohort({"above": {"crp": 10}, "summaries": ["baseline"]})
    assert "crp (above)" in features_of(read_cohort(only, quiet=True), "course").index


@pytest.mark.parametrize(
    ("how", "flags"), [("first", [-1, 0, -1]), ("last", [0, -1, -1]), ("mean", [0, 0, -1])]
)
def test_joined_rows_keep_the_flag_of_the_value_that_is_taken(how: str, flags: list[int]):
    labs = pd.DataFrame({"patient_id": [f"p{k // 2:02d}" for k in range(40)], "crp": np.arange(40) / 8 + 2})
    labs["crp"] = labs["crp"].astype(str)
    labs.loc[:5, "crp"] = ["<0.5", "3", "3", "<0.5", "<0.5", ""]
    block = {"file": labs, "kind": "number", "aggregate": how, "censored": "lod"}
    read = read_cohort({"blocks": {"labs": block}}, quiet=True)
    assert read["labs"].layers["censored"][:4, 0].tolist() == [*flags, 0]


@pytest.mark.parametrize("text", ["2021-W05-3", "20210403", "2021-4-3", "2021-02-30"])
def test_what_the_index_date_may_not_be_is_no_day_of_a_visit_either(text: str):
    assert np.isnan(day_number(text))
    assert not is_iso(text)
