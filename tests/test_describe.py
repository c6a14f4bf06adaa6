"""A cohort described: counts by hand, and traces of the order of patients that were put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohort_factory import sound

import phenotyper as ph
from phenotyper._kernels.order import rank_von_neumann, strangest_stretch
from phenotyper.cohort.describe import describe_cohort
from phenotyper.cohort.order import order_effects
from phenotyper.cohort.read import read_cohort
from phenotyper.cohort.values import reference_of

ROOT = Path(__file__).parents[1]


def test_the_rank_von_neumann_ratio_is_that_of_the_definition():
    values = np.random.default_rng(1).normal(size=(31, 3))
    ratio, _ = rank_von_neumann(values)
    for column in range(3):
        rank = pd.Series(values[:, column]).rank().to_numpy()
        steps = sum((rank[place + 1] - rank[place]) ** 2 for place in range(30))
        assert ratio[column] == pytest.approx(steps / sum((rank - 16) ** 2))


def test_in_random_order_the_p_values_are_uniform():
    _, p = rank_von_neumann(np.random.default_rng(2).normal(size=(60, 4000)))
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.012)
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.03)


def test_the_strangest_stretch_is_the_one_that_was_shifted():
    values = np.random.default_rng(3).normal(size=300)
    values[120:160] += 2.5
    found = strangest_stretch(values)
    assert found.first == pytest.approx(120, abs=4)
    assert found.last == pytest.approx(159, abs=4)
    assert found.difference > 1


def test_a_stretch_of_equal_values_is_no_defect():
    assert strangest_stretch(np.zeros(40)).difference == 0


def shifted(rows: slice, *, site: bool = False):
    rng = np.random.default_rng(4)
    ids = [f"p{place:03d}" for place in range(200)]
    rna = pd.DataFrame(rng.normal(size=(200, 30)), index=ids, columns=[f"g{place}" for place in range(30)])
    rna.iloc[rows] += 1.5 * rng.normal(size=30)
    people = pd.DataFrame({"patient_id": ids, "hospital": ["north"] * 60 + ["south"] * 140})
    declared = {"blocks": {"rna": {"file": rna, "kind": "log"}}, "patients": {"file": people}}
    if site:
        declared["patients"]["site"] = "hospital"
    return read_cohort(declared, quiet=True)


def test_a_run_of_consecutive_patients_is_found_and_placed():
    found = order_effects(shifted(slice(100, 140))).iloc[0]
    assert (found["block"], found["component"]) == ("rna", 1)
    assert found["first"] == pytest.approx(101, abs=3)
    assert found["last"] == pytest.approx(140, abs=3)


def test_random_order_leaves_no_trace():
    assert len(order_effects(shifted(slice(0, 0)))) == 0


def test_what_a_declared_site_explains_is_no_trace_of_the_order():
    assert len(order_effects(shifted(slice(0, 60)))) > 0
    assert len(order_effects(shifted(slice(0, 60), site=True))) == 0


def test_the_counts_of_a_description_are_those_of_the_files(tmp_path: Path):
    cohort = sound()
    found = describe_cohort(read_cohort(cohort.write(tmp_path), quiet=True))
    crp = found.table.set_index("feature").loc["crp"]
    numbers = pd.to_numeric(cohort.tables["labs.csv"]["crp"].replace("", None)).dropna()
    assert crp["patients"] == len(numbers)
    assert crp["median"] == numbers.median()
    assert (crp["low"], crp["high"]) == (numbers.min(), numbers.max())
    fever = found.table.set_index("feature").loc["fever"]
    times = cohort.tables["labs.csv"]["fever"].value_counts()
    assert fever["levels"] == f"no {times['no']}, yes {times['yes']}"
    assert found.blocks["features"].sum() == len(found.table)
    assert "patients" in found.sentence()
    assert "<table" in found._repr_html_()


def test_values_outside_their_reference_are_counted():
    labs = pd.DataFrame({"crp": [1.0, 7.0, 3.0, 9.0], "wbc": [1.0, 2, 7, 5]}, index=list("abcd"))
    dictionary = pd.DataFrame({"column": ["crp", "wbc"], "kind": "number", "reference": ["0-5", ""]})
    block = {"file": labs, "kind": "mixed", "dictionary": dictionary}
    table = describe_cohort(read_cohort({"blocks": {"labs": block}}, quiet=True)).table
    assert table["outside"].iloc[0] == 2
    assert np.isnan(table["outside"].iloc[1])


@pytest.mark.parametrize(
    ("text", "interval"),
    [("-2 to 2.5", (-2, 2.5)), ("<=5", (-np.inf, 5)), ("4\u20135", (4, 5)), ("", None), ("A-B", None)],
)
def test_reference_intervals_are_read_as_people_write_them(text, interval):
    assert reference_of(text) == interval


def test_the_demo_is_described_without_a_trace():
    found = ph.describe_cohort(ph.read_cohort(ROOT / "data" / "demo", quiet=True))
    assert len(found.order) == 0
    assert found.problems == ()


NEUROBLASTOMA = ROOT.parent / "shared" / "data" / "neuroblastoma_seqc"


@pytest.mark.skipif(not NEUROBLASTOMA.is_dir(), reason="the shared cohort is absent")
def test_the_neuroblastoma_cohort_shows_its_technical_group_by_order():
    cohort = read_cohort(ROOT / "tests" / "cohorts" / "neuroblastoma_seqc.toml", quiet=True)
    found = order_effects(cohort)
    inside = found[(found["first"] >= 320) & (found["last"] <= 490)]
    assert inside["difference"].abs().max() > 1.2


def test_patients_who_may_be_one_person_are_named_apart():
    rng = np.random.default_rng(6)
    labs = pd.DataFrame(rng.normal(size=(60, 12)), index=[f"p{place:02d}" for place in range(60)])
    labs.iloc[7] = labs.iloc[31]
    found = describe_cohort(read_cohort({"blocks": {"labs": {"file": labs, "kind": "number"}}}, quiet=True))
    assert [problem.code for problem in found.duplicates] == ["DUP_ROWS"]
    assert describe_cohort(shifted(slice(0, 0))).duplicates == ()
