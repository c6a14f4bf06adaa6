"""Preparation: scales, standardising, adjustment, and what is left out."""

import io
import json

import numpy as np
import pytest
from prepare_factory import block_of, blocks_of, prepared, row_of

from phenotyper.cohort.blocks import Covariate
from phenotyper.errors import FitError, ResultError
from phenotyper.prepare.adjust import Basis
from phenotyper.prepare.preparation import Preparation
from phenotyper.prepare.scales import CentredLogRatio, Counts, Dosage, Logit, NormalScores, Number
from phenotyper.prepare.standardise import Standard, medians

RNG = np.random.default_rng(0)


def test_a_long_right_tail_is_logged_also_with_zeros_and_a_symmetric_number_is_not():
    tailed = np.exp(RNG.normal(size=400))
    with_zeros = np.where(RNG.random(400) < 0.2, 0.0, np.exp(RNG.normal(2, 1, size=400)))
    values = np.column_stack([tailed, RNG.normal(10, 1, size=400), with_zeros, -tailed])
    scale = Number.fit(values)
    assert scale.logged.tolist() == [True, False, True, False]
    assert scale.apply(values)[:, 0] == pytest.approx(np.log(tailed))
    smallest = with_zeros[with_zeros > 0].min()
    assert scale.apply(values)[with_zeros == 0, 2] == pytest.approx(np.log(smallest / 2))
    assert "log" in scale.words(0)
    assert "log" not in scale.words(1)


def test_a_block_of_counts_is_normalised_to_the_median_library_and_logged():
    counts = np.array([[1.0, 3.0], [10.0, 10.0], [0.0, 8.0]])
    scale = Counts.fit(counts, whole_block=True)
    totals = counts.sum(axis=1, keepdims=True)
    assert scale.apply(counts) == pytest.approx(np.log1p(counts / totals * np.median(totals)))
    holes = np.array([[1.0, np.nan], [0.0, 0.0]])
    assert scale.apply(holes)[0, 0] == pytest.approx(np.log1p(8.0))
    assert np.isnan(scale.apply(holes)[0, 1])
    assert scale.apply(holes)[1].tolist() == [0.0, 0.0]


def test_single_counts_in_a_mixed_table_are_logged_only():
    values = np.array([[0.0], [4.0]])
    assert Counts.fit(values, whole_block=False).apply(values) == pytest.approx(np.log1p(values))


def test_a_proportion_in_percent_goes_to_the_logit_and_stays_finite_at_its_ends():
    values = np.array([[0.0], [20.0], [50.0], [100.0]])
    found = Logit.fit(values, ["%"]).apply(values)[:, 0]
    assert found[1:3] == pytest.approx([np.log(0.25), 0.0])
    assert np.isfinite(found).all()
    assert found[0] < found[1]
    assert found[3] > found[2]


def test_a_composition_becomes_centred_log_ratios():
    parts = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.0, 0.5, 0.5]])
    found = CentredLogRatio.fit(parts).apply(parts)
    logs = np.log(parts[:2])
    assert found[:2] == pytest.approx(logs - logs.mean(axis=1, keepdims=True))
    assert found.sum(axis=1) == pytest.approx(0)
    third = np.log([0.05, 0.5, 0.5])
    assert found[2] == pytest.approx(third - third.mean())
    assert CentredLogRatio.fit(parts).apply(parts * 7) == pytest.approx(found)


def test_standardising_is_robust_and_has_unit_variance_afterwards():
    values = RNG.normal(5, 2, size=(300, 2))
    values[0, 0] = 1e6
    standard = Standard.fit(values, fixed=np.zeros(2, dtype=bool))
    found = standard.apply(values)
    assert found.mean(axis=0) == pytest.approx(0)
    assert found.std(axis=0) == pytest.approx(1)
    assert found[0, 0] < 6
    assert standard.winsorised(values)[0] == pytest.approx(1 / 300)


def test_the_spline_of_age_has_the_span_of_that_of_statsmodels():
    patsy = pytest.importorskip("patsy")
    ages = np.sort(RNG.uniform(1, 17, size=200))
    basis = Basis.fit(Covariate("age", ages))
    inner, low, high = basis.knots[1:-1], basis.knots[0], basis.knots[-1]
    theirs = np.asarray(
        patsy.dmatrix(
            "cr(x, knots=k, lower_bound=a, upper_bound=b)", {"x": ages, "k": inner, "a": low, "b": high}
        )
    )
    ours = np.column_stack([np.ones(200), basis.columns(ages)])
    fitted = theirs @ np.linalg.lstsq(theirs, ours, rcond=None)[0]
    assert fitted == pytest.approx(ours, abs=1e-8)


def test_columns_that_are_comparable_already_are_left_as_they_are():
    values = RNG.normal(5, 2, size=(50, 2))
    values[0, 0] = 1e6
    found = Standard.fit(values, fixed=np.array([True, False])).apply(values)
    assert (found[:, 0] == values[:, 0]).all()
    assert found[:, 1].std() == pytest.approx(1)


def test_medians_are_those_of_numpy_over_what_was_observed():
    rows = RNG.normal(size=(30, 41))
    rows[RNG.random(rows.shape) < 0.3] = np.nan
    assert medians(rows) == pytest.approx(np.nanmedian(rows, axis=1))


def test_counts_are_normalised_as_scanpy_does():
    import anndata
    import scanpy

    counts = RNG.poisson(RNG.gamma(1, 20, size=30), size=(50, 30)).astype(float)
    data = anndata.AnnData(counts.copy())
    scale = Counts.fit(counts, whole_block=True)
    scanpy.pp.normalize_total(data, target_sum=scale.target_sum)
    scanpy.pp.log1p(data)
    assert scale.apply(counts) == pytest.approx(np.asarray(data.X), rel=1e-6)


def test_a_dosage_is_standardised_by_its_frequency_and_a_rare_one_counts_less():
    calls = np.column_stack([RNG.binomial(2, p, size=4000) for p in (0.3, 0.9, 0.02)]).astype(float)
    found = Dosage.fit(calls).apply(calls)
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert found[:, :2].std(axis=0) == pytest.approx(1, abs=0.05)
    assert found[:, 2].std() == pytest.approx(np.sqrt(0.02 * 0.98 / (0.05 * 0.95)), abs=0.1)
    _, (block,) = prepared(block_of(calls, "dosage"))
    assert block.values == pytest.approx(found)
    assert not len(block.coarse)


def test_a_variant_that_hardly_anybody_carries_is_left_out():
    calls = np.column_stack([RNG.binomial(2, p, size=1000) for p in (0.3, 0.004, 0.997)]).astype(float)
    preparation, (block,) = prepared(block_of(calls, "dosage"))
    assert block.values.shape[1] == 1
    assert "rare variant" in row_of(preparation, "f1")["why"]
    assert "rare variant" in row_of(preparation, "f2")["why"]


def test_normal_scores_are_those_of_the_ranks_and_hold_no_extreme_patient():
    from scipy.stats import norm, rankdata

    values = np.exp(RNG.normal(size=(500, 1)))
    scale = NormalScores.fit(values)
    expected = norm.ppf((rankdata(values) - 0.5) / 500)
    inside = np.abs(expected) < 2
    assert scale.apply(values)[inside, 0] == pytest.approx(expected[inside], abs=0.08)
    assert scale.knots[0].max() < np.sort(values[:, 0])[-3]
    assert len(scale.knots[0]) == 40


def test_nothing_that_varies_is_refused_with_a_code():
    with pytest.raises(FitError) as caught:
        prepared(block_of(np.ones((30, 3)), "number"))
    assert caught.value.codes == ("NO_FEATURES",)


def everything(n=120, seed=3):
    """Return a block with all kinds, limits of detection, heaps, holes and rare levels, and covariates."""
    rng = np.random.default_rng(seed)
    parts = rng.gamma(1, size=(n, 3))
    parts[rng.random(parts.shape) < 0.3] = 0
    columns = {
        "number": np.exp(rng.normal(size=n)),
        "log": rng.normal(size=n),
        "npx": rng.normal(size=n),
        "counts": rng.poisson(12, n),
        "proportion": rng.beta(2, 4, n),
        "dosage": rng.binomial(2, 0.3, n),
        "ordinal": rng.integers(0, 4, n),
        "category": rng.choice(5, n, p=[0.4, 0.3, 0.24, 0.04, 0.02]),
        "yes/no": rng.random(n) < 0.3,
    }
    values = np.column_stack(
        [*columns.values(), parts, np.where(rng.random(n) < 0.4, 0, rng.gamma(2, size=n))]
    )
    kinds = (*columns, *["composition"] * 3, "number")
    censored = np.zeros(values.shape, dtype=np.int8)
    for j, side in ((0, -1), (1, 1)):
        limit = np.quantile(values[:, j], 0.3 if side < 0 else 0.8)
        beyond = side * values[:, j] > side * limit
        values[beyond, j], censored[beyond, j] = limit, side
    holes = rng.random(values.shape) < 0.15
    values[holes], censored[holes] = np.nan, 0
    levels = [()] * len(kinds)
    levels[6:9] = [tuple("abcd"), tuple("vwxyz"), ("no", "yes")]
    age = Covariate("age", rng.uniform(1, 17, size=n))
    site = rng.integers(0, 3, size=n).astype(float)
    site[:4] = np.nan
    block = block_of(values, kinds, levels=levels, censored=censored)
    library = block_of(rng.poisson(20, (n, 15)), "counts", name="b", features=[f"g{j}" for j in range(15)])
    return blocks_of(block, library, covariates=(age, Covariate("site", site, ("x", "y", "z"))))


def same(first, second):
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for one, other in zip(first, second, strict=True)
        for name in ("values", "lower", "upper", "coarse", "source", "lumpy", "present")
    )


def test_a_patient_alone_gets_the_same_bits_as_among_others():
    cohort = everything()
    preparation = Preparation.fit(cohort)
    whole = preparation.apply(cohort)
    for rows in ([0], [41], [3, 77, 5], list(range(50, 120))):
        chosen = np.array(rows)
        assert same(preparation.apply(cohort.rows(chosen)), [block.rows(chosen) for block in whole])


def test_a_preparation_is_rebuilt_from_json_and_arrays_to_the_bit():
    cohort = everything()
    preparation = Preparation.fit(cohort, top_features=4, overrides={"a.f3": "normal scores", "a.f2": "keep"})
    state, arrays = preparation.to_state()
    kept = io.BytesIO()
    np.savez(kept, allow_pickle=False, **arrays)
    kept.seek(0)
    again = Preparation.from_state(json.loads(json.dumps(state, allow_nan=False)), np.load(kept))
    assert same(again.apply(cohort), preparation.apply(cohort))
    assert again.table.equals(preparation.table)


def test_what_is_kept_of_a_preparation_has_no_entry_a_patient():
    cohort = everything(n=200)
    _, arrays = Preparation.fit(cohort).to_state()
    assert all(200 not in values.shape for values in arrays.values())
    assert max(values.size for values in arrays.values()) < 150


def test_a_damaged_state_is_refused_with_a_code():
    preparation = Preparation.fit(everything())
    state, arrays = preparation.to_state()
    arrays.pop(next(iter(arrays)))
    with pytest.raises(ResultError) as caught:
        Preparation.from_state(state, arrays)
    assert caught.value.codes == ("RESULT_DAMAGED",)


def test_the_fit_on_one_half_knows_nothing_of_the_other():
    cohort = everything(n=200)
    half = cohort.rows(np.arange(100))
    changed = everything(n=200)
    changed.blocks[0].values[100:] += 1
    assert same(Preparation.fit(half).apply(half), Preparation.fit(changed.rows(np.arange(100))).apply(half))
