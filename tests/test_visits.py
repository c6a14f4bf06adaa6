"""Repeated visits become features: values by hand, against slow references, and through a declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from phenotyper.cohort.container import block_frame, features_of, visits_of
from phenotyper.cohort.declaration import SUMMARIES, Declaration, VisitSpec
from phenotyper.cohort.kinds import Feature
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.visits import courses, least_squares, random_effects, shrunken, summarised

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
    declared = cohort({"summaries": ["slope"]})
    weeks = cohort({"summaries": ["slope"], "unit": "weeks"})
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
