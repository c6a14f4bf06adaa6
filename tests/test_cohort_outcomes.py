"""Outcomes, treatments and roles of the table of patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import Cohort, found, sound

from phenotyper.cohort.container import patients_of
from phenotyper.cohort.read import check_cohort, read_cohort

IDS = [f"p{number}" for number in range(6)]


def people(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns, index=IDS)


def declared(table: pd.DataFrame, **parts: Any) -> dict[str, Any]:
    labs = pd.DataFrame({"a": [1.0, 5.0, 2.0, 8.0, 3.0, 0.5]}, index=IDS)
    patients = {"file": table, **parts.pop("patients", {})}
    return {"blocks": {"labs": {"file": labs, "kind": "number"}}, "patients": patients, **parts}


def outcome(table: pd.DataFrame, **spec: Any) -> dict[str, Any]:
    return declared(table, outcomes={"x": spec})


def values(cohort: dict[str, Any], column: str) -> list[Any]:
    read = patients_of(read_cohort(cohort, quiet=True))[column]
    return [None if pd.isna(value) else value for value in read]


def test_negative_times_are_refused_with_rows(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "days", 4, "-1")
    cohort.set("clinical.csv", "days", 7, "-30")
    problem = found(check_cohort(cohort.write(tmp_path)), "NEG_TIME")
    assert problem.rows == (4, 7)
    assert "down to -30" in problem.message


def test_time_zero_is_no_negative_time(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "days", 4, "0")
    assert check_cohort(cohort.write(tmp_path)).ok


def test_without_declared_codes_only_0_and_1_are_an_event():
    survival = {"kind": "survival", "time": "days", "column": "status"}
    sound_codes = people(days=[1.0] * 6, status=[0, 1, 1, 0, None, 1])
    assert values(outcome(sound_codes, **survival), "x_event") == [0.0, 1.0, 1.0, 0.0, None, 1.0]
    problem = found(
        check_cohort(outcome(people(days=[1.0] * 6, status=[0, 1, 2, 0, 2, 1]), **survival)), "EVENT_CODES"
    )
    assert problem.rows == (4, 6)
    assert '"2" (2 times)' in problem.message
    assert "competing" in problem.remedy
    words = check_cohort(outcome(people(days=[1.0] * 6, status=["dead", "alive"] * 3), **survival))
    assert len(found(words, "EVENT_CODES").rows) == 6


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        ([0, 1, 2, 0, 1, 2], {"competing": 2}, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]),
        (["dead", "alive"] * 3, {"event": "dead"}, [1.0, 0.0] * 3),
        (["d", "a", "t"] * 2, {"event": "d", "competing": "t"}, [1.0, 0.0, 2.0] * 2),
        (["d", "a", "l"] * 2, {"event": "d", "censored": ["a", "l"]}, [1.0, 0.0, 0.0] * 2),
        ([True, False] * 3, {"event": True}, [1.0, 0.0] * 3),
        (["1.0", "2.0"] * 3, {"event": 2}, [0.0, 1.0] * 3),
    ],
)
def test_declared_codes_of_survival(status: list[Any], codes: dict[str, Any], expected: list[float]):
    table = people(days=np.arange(6.0), status=status)
    assert (
        values(outcome(table, kind="survival", time="days", column="status", **codes), "x_event") == expected
    )


def test_two_values_beside_the_event_are_refused():
    table = people(days=[1.0] * 6, status=["d", "a", "l"] * 2)
    problem = found(
        check_cohort(outcome(table, kind="survival", time="days", column="status", event="d")), "EVENT_CODES"
    )
    assert problem.rows == (3, 4, 6, 7)


def test_a_binary_outcome_counts_its_event():
    assert values(
        outcome(people(y=["yes", "no", "no", None, "yes", "no"]), kind="binary", column="y", event="yes"), "x"
    ) == [1.0, 0.0, 0.0, None, 1.0, 0.0]
    assert (
        values(outcome(people(y=["a", "b"] * 3), kind="binary", column="y", event="b"), "x") == [0.0, 1.0] * 3
    )
    assert values(outcome(people(y=[0, 1] * 3), kind="binary", column="y"), "x") == [0.0, 1.0] * 3
    assert values(outcome(people(y=["No", "Yes"] * 3), kind="binary", column="y"), "x") == [0.0, 1.0] * 3


def test_a_third_value_of_a_binary_outcome_is_refused():
    problem = found(
        check_cohort(outcome(people(y=["yes", "no", "maybe"] * 2), kind="binary", column="y", event="yes")),
        "EVENT_CODES",
    )
    assert problem.rows == (3, 4, 6, 7)
    assert "missing_codes" in problem.remedy


def test_an_event_that_never_occurs_is_refused_with_the_nearest_value():
    problem = found(
        check_cohort(outcome(people(y=["yes", "no"] * 3), kind="binary", column="y", event="Yes")),
        "EVENT_CODES",
    )
    assert 'no "Yes" in y' in problem.message
    assert 'Did you mean "yes"?' in problem.remedy


def test_an_outcome_that_nobody_had_is_a_warning():
    report = check_cohort(outcome(people(y=["no"] * 6), kind="binary", column="y", event="yes"))
    assert [(problem.code, problem.severity) for problem in report.problems] == [("NO_EVENTS", "warning")]
    assert values(outcome(people(y=["no"] * 6), kind="binary", column="y", event="yes"), "x") == [0.0] * 6
    censored = outcome(people(days=np.arange(6.0), y=[0] * 6), kind="survival", time="days", column="y")
    assert [problem.code for problem in check_cohort(censored).problems] == ["NO_EVENTS"]


def test_numbers_and_counts():
    assert values(outcome(people(y=["1.5", "", "2", "3", "4", "-5"]), kind="number", column="y"), "x") == [
        1.5,
        None,
        2.0,
        3.0,
        4.0,
        -5.0,
    ]
    problem = found(
        check_cohort(outcome(people(y=[1, 2, -1, 2.5, 0, 3]), kind="count", column="y")), "COUNT_VALUE"
    )
    assert problem.rows == (4, 5)


def test_text_in_an_age_a_time_or_a_number_is_refused(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "age_months", 3, "12 months")
    cohort.set("clinical.csv", "days", 4, "n/a")
    cohort.set("clinical.csv", "fev", 5, "inf")
    report = check_cohort(cohort.write(tmp_path))
    assert [problem.rows for problem in report.errors if problem.code == "COERCE"] == [(3,), (4,)]
    assert found(report, "INF").rows == (5,)


def test_ordinal_outcomes_keep_their_order():
    table = people(y=["high", "low", None, "mid", "low", "high"])
    read = patients_of(
        read_cohort(outcome(table, kind="ordinal", column="y", levels=["low", "mid", "high"]))
    )["x"]
    assert read.cat.ordered
    assert list(read.cat.categories) == ["low", "mid", "high"]
    assert read.astype(object).where(read.notna(), None).tolist() == [
        "high",
        "low",
        None,
        "mid",
        "low",
        "high",
    ]
    assert found(
        check_cohort(outcome(table, kind="ordinal", column="y", levels=["low", "high"])), "LEVEL_UNKNOWN"
    ).rows == (5,)
    assert found(check_cohort(outcome(table, kind="ordinal", column="y")), "LEVELS_ABSENT")
    numbers = patients_of(read_cohort(outcome(people(y=[10, 9, 1, 1, 9, 10]), kind="ordinal", column="y")))[
        "x"
    ]
    assert list(numbers.cat.categories) == ["1", "9", "10"]


def test_the_control_arm_comes_first_and_must_occur():
    table = people(arm=["b", "a", "c", None, "b", "a"])
    spec = {"column": "arm", "control": "c"}
    arms = patients_of(read_cohort(declared(table, treatments={"drug": spec})))["drug"]
    assert list(arms.cat.categories) == ["c", "a", "b"]
    problem = found(
        check_cohort(declared(table, treatments={"drug": {**spec, "control": "placebo"}})), "CONTROL_ABSENT"
    )
    assert "it has a, b, c" in problem.message
    one = check_cohort(declared(people(arm=["c"] * 6), treatments={"drug": spec}))
    assert [problem.code for problem in one.problems] == ["ONE_ARM"]


@pytest.mark.parametrize(
    ("unit", "years"), [("years", 73.05), ("months", 6.0875), ("weeks", 1.4), ("days", 0.2)]
)
def test_ages_become_years(unit: str, years: float):
    cohort = declared(people(age=[73.05] * 5 + [None]), patients={"age": {"column": "age", "unit": unit}})
    read = values(cohort, "age")
    assert read[0] == pytest.approx(years)
    assert read[5] is None


def test_sex_is_mapped_and_other_codes_are_refused():
    coded = {"column": "s", "female": 2, "male": 1}
    assert values(declared(people(s=[1, 2, None, 1, 2, 1]), patients={"sex": coded}), "sex") == [
        "male",
        "female",
        None,
        "male",
        "female",
        "male",
    ]
    assert values(declared(people(s=["F", "m", "Male", "female", "f", "M"]), patients={"sex": "s"}), "sex")[
        :3
    ] == ["female", "male", "male"]
    assert found(
        check_cohort(declared(people(s=[1, 2, 3] * 2), patients={"sex": coded})), "SEX_CODES"
    ).rows == (4, 7)
    assert found(check_cohort(declared(people(s=[1, 2] * 3), patients={"sex": "s"})), "SEX_CODES")


def test_site_is_a_category_and_a_covariate_a_number_if_it_can_be():
    table = people(
        centre=[1, 2, 10, 2, 1, 10],
        weight=["3.5", "4", "", "5", "6", "7"],
        ward=["a", "b", "", "a", "b", "1"],
        stage=[4, 1, 2, 3, 4, 1],
    )
    cohort = declared(
        table, patients={"site": "centre", "covariates": ["weight", "ward"], "known_classes": ["stage"]}
    )
    read = patients_of(read_cohort(cohort))
    assert list(read["site"].cat.categories) == ["1", "2", "10"]
    assert read["weight"].dtype == np.float64
    assert list(read["ward"].cat.categories) == ["1", "a", "b"]
    assert list(read["stage"].cat.categories) == ["1", "2", "3", "4"]


def test_dates_are_iso_or_refused():
    dates = people(day=["2020-01-02", "2020-1-2", "03/04/2021", None, "2020-02-30", "2020-01-02T10:30"])
    cohort = declared(dates, patients={"index_date": "day"})
    assert found(check_cohort(cohort), "DATE_FORMAT").rows == (3, 4, 6)
    moments = declared(
        people(day=pd.to_datetime(["2020-01-02"] * 5 + [None])), patients={"index_date": "day"}
    )
    assert values(moments, "index_date") == ["2020-01-02"] * 5 + [None]


def spoil_consent(cohort: Cohort) -> Cohort:
    cohort.set("clinical.csv", "consent_research", 3, "no")
    cohort.set("clinical.csv", "consent_research", 4, "")
    cohort.tables["clinical.csv"] = cohort.tables["clinical.csv"].iloc[:-1]
    return cohort


def test_patients_without_consent_to_research_are_removed_everywhere(tmp_path: Path):
    read = read_cohort(spoil_consent(sound()).write(tmp_path))
    for name in ("patients", "labs", "expression", "microbes"):
        assert not {"P002", "P003", "P040"} & set(read[name].obs_names)
    assert read.n_obs == 37
    assert patients_of(read)["consent_research"].all()
    assert patients_of(read)["consent_sharing"].dtype == bool


def test_what_is_wrong_with_a_removed_patient_is_not_looked_at(tmp_path: Path):
    cohort = spoil_consent(sound())
    cohort.set("labs.csv", "crp", 3, "n/a")
    cohort.set("clinical.csv", "days", 3, "-9")
    assert check_cohort(cohort.write(tmp_path)).ok


def test_unclear_answers_of_consent_are_refused(tmp_path: Path):
    cohort = sound()
    cohort.set("clinical.csv", "consent_sharing", 6, "asked again")
    assert found(check_cohort(cohort.write(tmp_path)), "CONSENT_VALUE").rows == (6,)


def test_a_cohort_in_which_nobody_consents_is_refused(tmp_path: Path):
    cohort = sound()
    cohort.tables["clinical.csv"]["consent_research"] = "no"
    assert [problem.code for problem in check_cohort(cohort.write(tmp_path)).errors] == ["CONSENT_NOBODY"]


def test_an_absent_column_of_consent_is_said_to_be_absent(tmp_path: Path):
    cohort = sound()
    cohort.declared["consent"]["research"] = "consent"
    assert [problem.code for problem in check_cohort(cohort.write(tmp_path)).errors] == ["COLUMN_ABSENT"]


def test_a_block_without_any_consenting_patient_is_refused(tmp_path: Path):
    cohort = sound()
    kept = set(cohort.tables["microbes.tsv"]["patient_id"])
    clinical = cohort.tables["clinical.csv"]
    clinical["consent_research"] = ["no" if patient in kept else "yes" for patient in clinical["patient_id"]]
    assert "microbes" in found(check_cohort(cohort.write(tmp_path)), "BLOCK_EMPTY").message
