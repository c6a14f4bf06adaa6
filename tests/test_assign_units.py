"""Units that slipped in a new cohort: named where they did, not where they did not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assign_factory import LABS, draw, fitted

from phenotyper.cohort.blocks import Block, Blocks, blocks_of
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.assign import assign
from phenotyper.discover.slips import TOGETHER, Typical, slips_of
from phenotyper.discover.units import SLIPS, Slip

COHORTS = Path(__file__).parent / "cohorts"
NUMBERS = {
    "crp": (1.0, 1.2),
    "glucose": (np.log(5.2), 0.2),
    "total_cholesterol": (np.log(4.4), 0.2),
    "creatinine": (np.log(0.8), 0.3),
    "haemoglobin": (np.log(13.0), 0.12),
    "wbc": (np.log(9.0), 0.4),
}


def block_of(columns, *, kind="number", units=None):
    values = np.column_stack(list(columns.values()))
    p = values.shape[1]
    return Block(
        "labs",
        values,
        np.ones(len(values), dtype=bool),
        np.zeros(values.shape, dtype=np.int8),
        tuple(columns),
        (kind,) * p,
        units or ("",) * p,
        ((),) * p,
    )


def labs(n, seed):
    rng = np.random.default_rng(seed)
    columns = {name: np.exp(rng.normal(middle, spread, n)) for name, (middle, spread) in NUMBERS.items()}
    return columns | {"BodyTemp": rng.normal(37.6, 0.8, n), "hba1c": rng.normal(6.0, 0.8, n)}


def slips(new, *, kind="number", units=None, seen=None):
    typical = (Typical.fit(block_of(seen or labs(400, 0), kind=kind, units=units)),)
    n = len(next(iter(new.values())))
    given = units if units is None else ("",) * len(new)
    return slips_of(typical, Blocks((block_of(new, kind=kind, units=given),), (), np.arange(n)))


@pytest.mark.parametrize(
    ("feature", "factor", "words"),
    [
        ("glucose", 18.016, "18 times as large as those of the training cohort (mg/dL for mmol/L?)"),
        ("glucose", 1 / 18.016, "18 times as small as those of the training cohort (mmol/L for mg/dL?)"),
        (
            "total_cholesterol",
            38.67,
            "38.7 times as large as those of the training cohort (mg/dL for mmol/L?)",
        ),
        ("creatinine", 88.42, "88.4 times as large as those of the training cohort (umol/L for mg/dL?)"),
        ("haemoglobin", 10.0, "10 times as large as those of the training cohort (another unit?)"),
        ("wbc", 1000.0, "1,000 times as large as those of the training cohort (another unit?)"),
        ("wbc", 0.001, "1,000 times as small as those of the training cohort (another unit?)"),
    ],
)
@pytest.mark.parametrize("n", [10, 200])
def test_a_cohort_in_another_unit_is_named(feature, factor, words, n):
    new = labs(n, 1)
    new[feature] = new[feature] * factor
    (problem,) = slips(new)
    assert problem.code == "UNIT_SLIP"
    assert problem.severity == "warning"
    assert problem.message.startswith(f"labs.{feature}: values look {words}")


def test_c_reactive_protein_ten_times_too_large_is_named_although_it_varies_that_much():
    new = labs(60, 2)
    new["crp"] = new["crp"] * 10
    (problem,) = slips(new, units=("mg/L",) + ("",) * 7)
    assert "labs.crp: values look 10 times as large" in problem.message
    assert problem.message.endswith("(training: mg/L); not used in 60 patients")


def test_scales_with_another_zero_are_named():
    new = labs(30, 3)
    new["BodyTemp"] = new["BodyTemp"] * 1.8 + 32
    new["hba1c"] = 10.929 * new["hba1c"] - 23.5
    said = {problem.where: problem.message for problem in slips(new)}
    assert "degrees F for degrees C" in said["labs.BodyTemp"]
    assert "mmol/mol for %" in said["labs.hba1c"]


def test_some_patients_in_another_unit_are_counted():
    new = labs(100, 4)
    new["wbc"][:25] *= 1000
    (problem,) = slips(new)
    assert "labs.wbc: 25 patients have values that look 1,000 times as large" in problem.message


def test_a_single_patient_far_beyond_everybody_is_named_in_words_of_one():
    new = labs(1, 5)
    new["BodyTemp"] = np.array([99.5])
    new["wbc"] = np.array([9000.0])
    said = [problem.message for problem in slips(new)]
    assert len(said) == 2
    assert all("1 patient has a value that looks" in message for message in said)


def test_true_shifts_are_not_taken_for_slips():
    """Sicker patients: a third more, twice as much, four times as much of what varies a lot."""
    for factor, feature in ((1.33, "glucose"), (2.0, "wbc"), (4.0, "crp")):
        new = labs(200, 6)
        new[feature] = new[feature] * factor
        assert not slips(new)


def test_random_parts_of_one_cohort_are_never_flagged():
    rng = np.random.default_rng(7)
    everybody = labs(600, 8)
    everybody["count"] = rng.poisson(0.4, 600).astype(float)
    everybody["tailed"] = np.exp(rng.standard_t(4, 600))
    false = 0
    for _ in range(100):
        order = rng.permutation(600)
        first, second = order[:300], order[300 : 300 + int(rng.choice([1, 10, 40, 300]))]
        seen, new = ({name: column[rows] for name, column in everybody.items()} for rows in (first, second))
        false += len(slips(new, seen=seen)) > 0
    assert false <= 1


@pytest.mark.parametrize(("there", "meant"), [("log2", "log10"), ("log10", "log2"), ("log2.72", "log2")])
def test_another_base_of_the_logarithm_is_named_once_for_a_block(there, meant):
    bases = {"log2": 2.0, "log10": 10.0, "log2.72": np.e}
    rng = np.random.default_rng(9)
    middle = rng.uniform(3, 9, 12)

    def block(n):
        return {f"g{j}": middle[j] + rng.normal(size=n) for j in range(12)}

    ratio = np.log(bases[meant]) / np.log(bases[there])
    new = {name: values * ratio for name, values in block(40).items()}
    (problem,) = slips(new, kind="log", seen=block(200))
    said = f"labs: values look like {there} where those of the training cohort are {meant}"
    assert problem.message == f"{said}; not used in 40 patients"
    assert not slips(block(40), kind="log", seen=block(200))


def test_a_declared_unit_that_differs_is_said_without_looking_at_values():
    units = ("mg/L",) + ("",) * 7
    typical = (Typical.fit(block_of(labs(400, 0), units=units)),)
    new = block_of(labs(5, 10), units=("mg/dL",) + ("",) * 7)
    (problem,) = slips_of(typical, Blocks((new,), (), np.arange(5)))
    said = "labs.crp is declared in mg/dL, in the training cohort in mg/L; not used in 5 patients"
    assert problem.message == said
    same = block_of(labs(5, 10), units=("MG / L",) + ("",) * 7)
    assert not slips_of(typical, Blocks((same,), (), np.arange(5)))


def test_nothing_is_put_right_silently():
    new = draw(60, seed=22, prefix="n")
    wrong = new.tables["labs"].assign(glucose=new.tables["labs"]["glucose"] * 18.016)
    found = assign(fitted(), new.cohort(labs=wrong), quiet=True)
    assert [problem.code for problem in found.problems] == ["UNIT_SLIP"]
    assert not np.allclose(found.probabilities, assign(fitted(), new.cohort(), quiet=True).probabilities)
    lacking = assign(fitted(), new.cohort(labs=new.tables["labs"].drop(columns="glucose")), quiet=True)
    assert (found.probabilities == lacking.probabilities).all()


def test_what_is_kept_of_a_feature_is_the_mean_of_five_patients_at_least():
    values = np.random.default_rng(11).normal(50, 9, 101)
    kept = Typical.fit(block_of({"x": values})).quantiles[0]
    assert np.abs(kept[:, None] - values[None]).min() > 1e-6
    assert kept[0] == pytest.approx(np.sort(values)[:TOGETHER].mean())
    assert kept[-1] == pytest.approx(np.sort(values)[-TOGETHER:].mean())
    assert (np.diff(kept) > 0).all()
    assert np.isnan(Typical.fit(block_of({"x": values[:9]})).quantiles).all()


def test_every_slip_has_its_opposite():
    values = np.array([0.5, 7.0])
    for slip in SLIPS:
        assert slip.undone(slip.of(values)) == pytest.approx(values)
        back = slip.backwards()
        assert back.of(slip.of(values)) == pytest.approx(values)
        assert any(np.isclose(back.factor, other.factor) for other in SLIPS)
    assert Slip(38.67, names=r"\bldl").applies("LDL-cholesterol")
    assert not Slip(38.67, names=r"\bldl").applies("wildlife")


def test_a_feature_in_another_unit_is_found_whatever_the_order_of_columns():
    new = draw(40, seed=23, prefix="n")
    wrong = new.tables["labs"].assign(ldl=new.tables["labs"]["ldl"] * 38.67)
    found = assign(fitted(), new.cohort(labs=wrong[[*reversed(LABS)]]), quiet=True)
    assert [problem.where for problem in found.problems if problem.code == "UNIT_SLIP"] == ["labs.ldl"]


@pytest.mark.skipif(
    not (COHORTS.parents[2] / "shared" / "data" / "appendicitis_two_hospitals").is_dir(),
    reason="the shared cohorts are not here",
)
def test_the_25_white_cell_counts_of_duesseldorf_are_named():
    first = read_cohort(COHORTS / "appendicitis_two_hospitals.toml", quiet=True)
    second = read_cohort(COHORTS / "appendicitis_duesseldorf.toml", quiet=True)
    typical = tuple(Typical.fit(block) for block in blocks_of(first)[0].blocks)
    problems = slips_of(typical, blocks_of(second)[0])
    assert len(problems) == 1
    assert "WBCCount: 25 patients have values that look 1,000 times as large" in problems[0].message
    raw = pd.read_csv(COHORTS.parents[2] / "shared/data/appendicitis_two_hospitals/external_clinical.csv")
    assert (raw["WBCCount"] > 1000).sum() == 25
