"""Dates among the features: only as days since the index date."""

import numpy as np
import pandas as pd
import pytest

import phenotyper as ph
from phenotyper.cohort.blocks import blocks_of
from phenotyper.cohort.container import features_of
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.errors import CohortError

N = 40


def declared(*, onset=None, admitted=None, kind="date", index_date="admitted", block_kind="mixed", **block):
    rng = np.random.default_rng(0)
    ids = [f"p{number:02d}" for number in range(N)]
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, N), unit="D")
    gap = pd.to_timedelta(rng.integers(-30, 100, N), unit="D")
    labs = pd.DataFrame({"patient_id": ids, "crp": rng.normal(size=N)})
    labs["onset"] = (days + gap).strftime("%Y-%m-%d") if onset is None else onset
    clinical = pd.DataFrame({"patient_id": ids, "admitted": days.strftime("%Y-%m-%d")})
    if admitted is not None:
        clinical.loc[admitted, "admitted"] = None
    dictionary = pd.DataFrame({"column": ["crp", "onset"], "kind": ["number", kind]})
    spec = {
        "file": labs,
        "kind": block_kind,
        **({"dictionary": dictionary} if block_kind == "mixed" else block),
    }
    patients = {"file": clinical, **({"index_date": index_date} if index_date else {})}
    return {"blocks": {"labs": spec}, "patients": patients}, np.asarray(gap.days, dtype=np.float64)


def test_a_date_becomes_the_days_since_the_index_date_as_a_number():
    declaration, gap = declared()
    cohort = ph.read_cohort(declaration)
    facts = features_of(cohort, "labs").loc["onset"]
    assert (facts["kind"], facts["unit"]) == ("number", "days")
    assert facts["label"] == "onset, days since the index date"
    blocks, ids = blocks_of(cohort)
    order = np.argsort(ids)
    assert blocks.blocks[0].values[order, 1].tolist() == gap.tolist()


def test_a_block_of_dates_needs_no_dictionary():
    declaration, gap = declared(block_kind="date", columns=["onset"])
    cohort = ph.read_cohort(declaration)
    assert cohort["labs"].to_df()["onset"].sort_index().tolist() == gap.tolist()


def test_dates_that_are_dates_in_memory_already_are_understood():
    declaration, gap = declared()
    labs = declaration["blocks"]["labs"]["file"]
    labs["onset"] = pd.to_datetime(labs["onset"])
    assert ph.read_cohort(declaration)["labs"].to_df()["onset"].sort_index().tolist() == gap.tolist()


def test_a_cohort_with_dates_is_read_again_from_h5mu(tmp_path):
    declaration, _ = declared()
    cohort = ph.read_cohort(declaration)
    with third_party_quiet():
        cohort.write(tmp_path / "cohort.h5mu")
    again = ph.read_cohort(tmp_path / "cohort.h5mu")
    assert again["labs"].to_df().equals(cohort["labs"].to_df())


def test_without_an_index_date_a_date_is_refused_with_the_remedy():
    declaration, _ = declared(index_date="")
    with pytest.raises(CohortError) as caught:
        ph.read_cohort(declaration)
    assert caught.value.codes == ("DATE_FEATURE",)
    assert "no index date to count them from" in str(caught.value)
    assert 'index_date = "..."' in caught.value.problems[0].remedy


def test_a_date_in_a_form_that_leaves_the_day_open_is_refused_with_its_row():
    declaration, _ = declared()
    declaration["blocks"]["labs"]["file"].loc[[3, 8], "onset"] = ["03/04/2021", "unknown"]
    with pytest.raises(CohortError) as caught:
        ph.read_cohort(declaration)
    assert caught.value.codes == ("DATE_FEATURE",)
    assert caught.value.problems[0].rows == (5, 10)
    assert "year-month-day" in caught.value.problems[0].remedy


def test_a_date_that_is_not_declared_as_one_is_refused_as_before_and_the_kind_is_named():
    declaration, _ = declared(kind="number")
    with pytest.raises(CohortError) as caught:
        ph.read_cohort(declaration)
    assert caught.value.codes == ("DATE_FEATURE",)
    assert 'the kind "date"' in caught.value.problems[0].remedy


def test_a_patient_without_an_index_date_lacks_the_feature_and_it_is_said():
    declaration, _ = declared(admitted=5)
    report = ph.check_cohort(declaration)
    problem = next(one for one in report.warnings if one.code == "DATE_NO_START")
    assert problem.rows == (7,)
    values = ph.read_cohort(declaration, quiet=True)["labs"].to_df()["onset"]
    assert values[values.isna()].index.tolist() == ["p05"]


def test_an_empty_date_is_missing():
    declaration, _ = declared()
    declaration["blocks"]["labs"]["file"].loc[4, "onset"] = None
    assert ph.read_cohort(declaration)["labs"].to_df()["onset"].isna().sum() == 1
