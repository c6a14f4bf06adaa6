"""Preparation: scales, standardising, adjustment, and what is left out."""

import numpy as np
import pytest

from phenotyper.cohort.blocks import Block, Blocks, Covariate
from phenotyper.errors import FitError
from phenotyper.prepare.adjust import Adjustment, Basis
from phenotyper.prepare.preparation import Preparation
from phenotyper.prepare.scales import CentredLogRatio, Counts, Levels, Logit, NormalScores, Number
from phenotyper.prepare.standardise import Standard

RNG = np.random.default_rng(0)


def block_of(values, kinds, *, levels=(), units=(), censored=None, name="a"):
    values = np.asarray(values, dtype=np.float64)
    n, p = values.shape
    kinds = (kinds,) * p if isinstance(kinds, str) else tuple(kinds)
    return Block(
        name,
        values,
        np.isfinite(values).any(axis=1),
        np.zeros((n, p), dtype=np.int8) if censored is None else np.asarray(censored, dtype=np.int8),
        tuple(f"f{j}" for j in range(p)),
        kinds,
        tuple(units) or ("",) * p,
        tuple(levels) or ((),) * p,
    )


def blocks_of(*blocks, covariates=()):
    return Blocks(tuple(blocks), tuple(covariates), np.arange(len(blocks[0].values)))


def prepared(*blocks, covariates=()):
    cohort = blocks_of(*blocks, covariates=covariates)
    preparation = Preparation.fit(cohort)
    return preparation, preparation.apply(cohort)


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


def test_ordered_levels_become_normal_scores_of_their_mid_ranks():
    from scipy.stats import norm

    codes = np.array([[0.0]] * 2 + [[1.0]] * 6 + [[2.0]] * 2)
    scale = NormalScores.fit(codes, [("low", "middle", "high")])
    expected = norm.ppf([(1 + 0.5) / 11, (5 + 0.5) / 11, (9 + 0.5) / 11])
    assert scale.apply(np.array([[0.0], [1.0], [2.0]]))[:, 0] == pytest.approx(expected)
    assert np.isnan(scale.apply(np.array([[7.0], [np.nan]]))).all()


def test_a_step_between_levels_counts_two_however_rare_and_an_unseen_level_is_missing():
    codes = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    scale = Levels.fit(codes)
    rows = scale.apply(codes)
    assert abs(rows[0, 0] - rows[1, 0]) == 2
    assert np.linalg.norm(rows[0, 1:] - rows[1, 1:]) == pytest.approx(2)
    assert np.linalg.norm(rows[0, 1:] - rows[2, 1:]) == pytest.approx(2)
    assert np.isnan(scale.apply(np.array([[5.0, 9.0]]))).all()
    assert np.isnan(scale.apply(np.array([[np.nan, 1.0]]))[0]).tolist() == [True, False, False, False]


def test_standardising_is_robust_and_has_unit_variance_afterwards():
    values = RNG.normal(5, 2, size=(300, 2))
    values[0, 0] = 1e6
    standard = Standard.fit(values, discrete=np.zeros(2, dtype=bool))
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


def test_adjustment_takes_age_and_site_out_and_new_patients_get_the_same():
    age, site = RNG.uniform(1, 17, size=500), RNG.integers(0, 2, size=500).astype(float)
    noise = RNG.normal(size=(500, 3))
    values = noise + np.column_stack([np.sin(age / 4) * 3, 2 * site, 0 * age])
    values[RNG.random(values.shape) < 0.1] = np.nan
    covariates = (Covariate("age", age), Covariate("site", site, ("x", "y")))
    adjustment = Adjustment.fit(values, covariates, rescale=np.ones(3, dtype=bool))
    found = adjustment.apply(values, covariates)
    seen = np.isfinite(found)
    for j in range(3):
        assert abs(np.corrcoef(found[seen[:, j], j], noise[seen[:, j], j])[0, 1]) > 0.97
        assert abs(np.corrcoef(found[seen[:, j], j], site[seen[:, j]])[0, 1]) < 0.02
    assert np.nanstd(found, axis=0) == pytest.approx(1)
    assert adjustment.explained[2] < 0.05 < 0.4 < adjustment.explained[0]
    one = tuple(Covariate(c.name, c.values[:1], c.levels) for c in covariates)
    assert adjustment.apply(values[:1], one)[0] == pytest.approx(found[0], nan_ok=True)


def test_a_patient_without_the_covariate_is_left_as_the_average_patient():
    age = RNG.uniform(1, 17, size=200)
    values = age[:, None] + RNG.normal(size=(200, 1))
    adjustment = Adjustment.fit(values, (Covariate("age", age),), rescale=np.zeros(1, dtype=bool))
    unknown = adjustment.apply(np.array([[9.0]]), (Covariate("age", np.array([np.nan])),))
    assert unknown[0, 0] == pytest.approx(9.0)


def test_a_patient_whose_site_is_unknown_is_shifted_as_the_average_patient():
    rng = np.random.default_rng(8)
    site = (rng.random(1000) < 0.1).astype(float)
    values = 2 * site[:, None] + rng.normal(size=(1000, 1))
    site[rng.random(1000) < 0.1] = np.nan
    covariate = Covariate("site", site, ("x", "y"))
    adjustment = Adjustment.fit(values, (covariate,), rescale=np.zeros(1, dtype=bool))
    unknown = np.isnan(site)
    found = adjustment.apply(values, (covariate,))
    assert found[unknown] == pytest.approx(values[unknown])
    assert abs(found[~unknown].mean() - values[~unknown].mean()) < 1e-6


def test_features_that_cannot_be_used_are_left_out_with_the_reason():
    values = RNG.normal(size=(60, 4))
    values[:, 1] = 3.0
    values[5:, 2] = np.nan
    values[11:, 3] = np.nan
    preparation, (block,) = prepared(block_of(values, "number"))
    said = dict(zip(preparation.table["feature"], preparation.table["done"], strict=True))
    assert said["f1"] == "left out: constant"
    assert said["f2"] == "left out: observed in 5 patients"
    assert said["f3"] == "left out: 82% missing"
    assert block.values.shape == (60, 1)
    assert preparation.table.loc[0, "n_columns"] == 1


def test_a_value_below_its_limit_stands_at_the_limit_over_the_root_of_two():
    values = RNG.normal(10, 1, size=(50, 2))
    values[0] = 8.0
    censored = np.zeros((50, 2))
    censored[0] = -1
    plain, _ = prepared(block_of(values, ("number", "log"))), None
    lowered = values.copy()
    lowered[0] = [8.0 / np.sqrt(2), 7.5]
    by_hand = prepared(block_of(lowered, ("number", "log")))[1][0]
    found = prepared(block_of(values, ("number", "log"), censored=censored))[1][0]
    assert found.values == pytest.approx(by_hand.values)
    assert (found.values[0] < plain[1][0].values[0]).all()


def test_nothing_that_varies_is_refused_with_a_code():
    with pytest.raises(FitError) as caught:
        prepared(block_of(np.ones((30, 3)), "number"))
    assert caught.value.codes == ("NO_FEATURES",)


def test_replaying_on_single_patients_gives_the_same_numbers():
    values = np.abs(RNG.normal(size=(80, 6)))
    values[RNG.random(values.shape) < 0.2] = np.nan
    kinds = ("number", "log", "counts", "proportion", "ordinal", "yes/no")
    values[:, 3] /= 10
    values[:, 4:] = np.where(np.isnan(values[:, 4:]), np.nan, values[:, 4:] > 0.6)
    levels = ((), (), (), (), ("a", "b"), ("no", "yes"))
    age = Covariate("age", RNG.uniform(1, 17, size=80))
    cohort = blocks_of(block_of(values, kinds, levels=levels), covariates=(age,))
    preparation = Preparation.fit(cohort)
    whole = preparation.apply(cohort)[0].values
    for row in (0, 41):
        alone = preparation.apply(cohort.rows(np.array([row])))[0].values
        assert alone[0] == pytest.approx(whole[row], nan_ok=True, abs=1e-12)
