"""Levels, limits of detection and heaps of equal values as intervals of a normal score."""

import numpy as np
import pytest
from prepare_factory import block_of, blocks_of, prepared, row_of
from scipy.stats import norm, truncnorm

from phenotyper.prepare.censored import normal_of
from phenotyper.prepare.intervals import cuts, interval_mean, merged
from phenotyper.prepare.levels import Levels, Ordered
from phenotyper.prepare.preparation import Preparation


def test_the_mean_in_an_interval_is_that_of_scipys_truncated_normal():
    bounds = [
        (-np.inf, -1.0),
        (-np.inf, 2.0),
        (0.3, np.inf),
        (-1.0, 0.5),
        (4.0, 5.0),
        (6.0, np.inf),
        (-9.0, -8.9),
    ]
    low, high = np.array(bounds).T
    expected = [truncnorm.mean(*pair) for pair in bounds]
    assert interval_mean(low, high) == pytest.approx(expected, rel=1e-6)


def test_the_mean_stays_finite_and_inside_far_in_the_tails_and_in_narrow_intervals():
    low, high = np.array([-np.inf, 50.0, 3.0, 1.0]), np.array([-45.0, np.inf, 3.0 + 1e-9, 1.0])
    found = interval_mean(low, high)
    assert np.isfinite(found).all()
    assert found[2:] == pytest.approx([3.0, 1.0])
    assert np.isnan(interval_mean(np.array([np.nan]), np.array([np.nan]))).all()


def test_a_yes_lies_above_the_threshold_of_its_share_and_stands_at_the_mean_there():
    codes = np.repeat([0.0, 1.0], [90, 30])[:, None]
    _, (block,) = prepared(block_of(codes, "yes/no", levels=[("no", "yes")]))
    cut = norm.ppf(0.75)
    assert block.coarse.tolist() == [0]
    assert block.lower[[0, -1], 0].tolist() == [-np.inf, pytest.approx(cut)]
    assert block.upper[[0, -1], 0].tolist() == [pytest.approx(cut), np.inf]
    assert block.values[-1, 0] == pytest.approx(norm.pdf(cut) / 0.25)
    assert block.values[:, 0].mean() == pytest.approx(0, abs=1e-12)
    assert block.values.std() < 1


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05, 0.02])
def test_a_rare_yes_varies_less_and_its_step_stays_modest(share):
    codes = (np.arange(1000) < 1000 * share).astype(float)[:, None]
    _, (block,) = prepared(block_of(codes, "yes/no", levels=[("no", "yes")]))
    assert block.values.var() <= 2 / np.pi + 1e-9
    assert 1.5 < np.ptp(block.values) < 2.6


def test_ordered_levels_are_intervals_between_their_cumulative_shares():
    codes = np.repeat([0.0, 1.0, 2.0], [30, 50, 20])[:, None]
    _, (block,) = prepared(block_of(codes, "ordinal", levels=[("low", "middle", "high")]))
    assert block.lower[[0, 40, 99], 0].tolist() == [
        -np.inf,
        pytest.approx(norm.ppf(0.3)),
        pytest.approx(norm.ppf(0.8)),
    ]
    assert block.upper[40, 0] == pytest.approx(norm.ppf(0.8))
    assert block.values[40, 0] == pytest.approx(truncnorm.mean(norm.ppf(0.3), norm.ppf(0.8)))


def test_a_category_has_an_interval_for_each_level_but_the_most_frequent_and_missing_stays_missing():
    codes = np.repeat([0.0, 1.0, 2.0], [50, 30, 20])[:, None]
    codes[0] = np.nan
    preparation, (block,) = prepared(block_of(codes, "category", levels=[("none", "cat", "dog")]))
    assert [level for _, level in preparation.blocks[0].column_names()] == ["cat", "dog"]
    assert np.isnan(block.values[0]).all()
    assert np.isnan(block.lower[0]).all()
    for column, share in enumerate((30 / 99, 20 / 99)):
        assert np.nanmax(block.lower[:, column]) == pytest.approx(norm.ppf(1 - share))


def test_rare_levels_of_a_category_are_merged_and_the_table_says_which():
    codes = np.repeat([0.0, 1.0, 2.0, 3.0], [200, 150, 6, 5])[:, None]
    levels = ("none", "cat", "parrot", "snake")
    preparation, (block,) = prepared(block_of(codes, "category", levels=[levels]))
    assert [level for _, level in preparation.blocks[0].column_names()] == ["cat", "other (rare)"]
    assert row_of(preparation, "f0")["merged"] == "parrot, snake in other (rare)"
    assert (block.values[350:] == block.values[350]).all()
    assert block.lower[-1, 1] == pytest.approx(norm.ppf(1 - 11 / 361))


def test_rare_ordered_levels_join_their_rarer_neighbour():
    assert merged(np.array([50, 4, 30, 3, 20]), least=10).tolist() == [0, 1, 1, 2, 2]
    codes = np.repeat([0.0, 1.0, 2.0, 3.0], [40, 60, 5, 3])[:, None]
    preparation, (block,) = prepared(block_of(codes, "ordinal", levels=[("0", "1", "2", "3")]))
    assert row_of(preparation, "f0")["merged"] == "1 + 2 + 3"
    assert len(np.unique(block.values)) == 2


def test_the_cuts_are_where_the_shares_of_the_normal_are_those_of_the_levels():
    counts = np.array([10, 60, 30])
    assert np.diff(norm.cdf(cuts(counts))) == pytest.approx(counts / 100)


def test_a_level_that_nobody_had_is_missing_in_a_new_patient():
    fitted = Levels.fit(np.repeat([0.0, 1.0], 50)[:, None], [("no", "yes", "perhaps")])
    assert np.isnan(fitted.apply(np.array([[2.0], [7.0], [0.5], [np.nan]]))).all()
    assert np.isfinite(fitted.apply(np.array([[0.0], [1.0]]))).all()


def test_an_ordered_level_that_nobody_had_counts_with_its_neighbour_and_one_beyond_is_missing():
    fitted = Ordered.fit(np.repeat([0.0, 1.0], 50)[:, None], [("never", "sometimes", "always")])
    found = fitted.apply(np.array([[0.0], [1.0], [2.0], [3.0]]))[:, 0]
    assert found[2] == found[1]
    assert np.isnan(found[3])


def test_a_number_of_few_values_is_taken_as_ordered_levels():
    values = np.repeat([1.0, 2.0, 4.0], [40, 40, 40])[:, None]
    cohort = blocks_of(block_of(values, "number"))
    preparation, (block,) = Preparation.fit_apply(cohort)
    assert block.coarse.tolist() == [0]
    assert row_of(preparation, "f0")["why"] == "5 different values or fewer"
    between = preparation.apply(blocks_of(block_of([[2.9], [3.1]], "number")))[0].values[:, 0]
    assert between.tolist() == [block.values[40, 0], block.values[-1, 0]]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_censored_value_stands_near_the_truth_and_nearer_than_limit_over_root_two(share):
    rng = np.random.default_rng(5)
    truth = np.exp(rng.normal(1, 1, size=(600, 1)))
    limit = np.quantile(truth, share)
    below = truth < limit
    block = block_of(np.maximum(truth, limit), "number", censored=-below.astype(np.int8))
    preparation, (found,) = prepared(block, overrides={"a.f0": "log"})
    standard = preparation.blocks[0].standard
    scale = standard.spread * standard.sd
    logs = found.values * scale + standard.centre
    expected = np.log(truth)[below].mean()
    usual = np.log(limit / np.sqrt(2))
    assert abs(logs[below].mean() - expected) < min(0.15, 0.5 * abs(usual - expected))
    assert standard.centre[0] == pytest.approx(1, abs=0.1)
    assert scale[0] == pytest.approx(1, abs=0.1)
    assert (found.lower[below[:, 0], 0] == -np.inf).all()
    assert found.upper[below[:, 0], 0] == pytest.approx((np.log(limit) - standard.centre[0]) / scale[0])
    assert (found.lower[~below[:, 0]] == found.upper[~below[:, 0]]).all()
    assert row_of(preparation, "f0")["censored_share"] == pytest.approx(share, abs=0.01)
    assert "beyond a limit" in row_of(preparation, "f0")["why"]


def test_the_normal_behind_censored_values_is_that_of_maximum_likelihood():
    from scipy.optimize import minimize

    rng = np.random.default_rng(2)
    y = rng.normal(3, 2, size=200)
    flags = np.where(y < 2, -1, np.where(y > 5, 1, 0)).astype(np.int8)
    seen = np.clip(y, 2, 5)

    def loss(at):
        mean, sd = at[0], np.exp(at[1])
        parts = np.where(flags == 0, norm.logpdf(seen, mean, sd), 0)
        parts = np.where(flags < 0, norm.logcdf(seen, mean, sd), parts)
        return -np.where(flags > 0, norm.logsf(seen, mean, sd), parts).sum()

    best = minimize(loss, [3.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    mean, sd = normal_of(seen[:, None], flags[:, None])
    assert [mean[0], sd[0]] == pytest.approx([best.x[0], np.exp(best.x[1])], rel=1e-4)


def test_values_above_a_limit_are_open_upwards():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(300, 1))
    above = values > 1
    _, (block,) = prepared(block_of(np.minimum(values, 1), "log", censored=above.astype(np.int8)))
    assert (block.upper[above[:, 0]] == np.inf).all()
    assert block.values[above].mean() > block.lower[above[:, 0], 0].max()


def test_where_nearly_all_are_below_the_limit_only_the_side_counts():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(300, 1))
    limit = np.quantile(values, 0.9)
    below = values < limit
    preparation, (block,) = prepared(
        block_of(np.maximum(values, limit), "log", censored=-below.astype(np.int8))
    )
    assert len(np.unique(block.values)) == 2
    assert block.values[~below].min() == pytest.approx(norm.pdf(norm.ppf(0.9)) / 0.1, rel=0.02)
    assert "only on which side" in row_of(preparation, "f0")["why"]


def test_a_heap_of_zeros_lies_below_the_smallest_other_value():
    rng = np.random.default_rng(4)
    values = np.where(rng.random((300, 1)) < 0.4, 0.0, np.exp(rng.normal(size=(300, 1))))
    preparation, (block,) = prepared(block_of(values, "number"))
    zero = values[:, 0] == 0
    assert (block.lower[zero, 0] == -np.inf).all()
    assert block.upper[zero, 0] == pytest.approx(block.values[~zero, 0].min())
    assert block.values[zero].max() < block.values[~zero].min()
    assert "at the lowest value" in row_of(preparation, "f0")["why"]
    few = np.where(rng.random((300, 1)) < 0.05, 0.0, np.exp(rng.normal(size=(300, 1))))
    assert not len(prepared(block_of(few, "number"))[1][0].coarse)


def test_a_new_patient_below_a_limit_that_the_fit_never_met_stands_below_it():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(100, 1))
    preparation, (block,) = prepared(block_of(values, "log"))
    new = block_of([[0.0], [0.0]], "log", censored=[[0], [-1]])
    measured, below = preparation.apply(blocks_of(new))[0].values[:, 0]
    assert below == pytest.approx(interval_mean(np.array([-np.inf]), np.array([measured]))[0])
    assert not len(block.coarse)


def test_zeros_of_a_composition_are_below_half_of_the_smallest_share():
    rng = np.random.default_rng(6)
    parts = rng.gamma(2, size=(200, 4))
    parts[rng.random(200) < 0.3, 0] = 0
    _, (block,) = prepared(block_of(parts, "composition"))
    zero = parts[:, 0] == 0
    assert block.coarse.tolist() == [0]
    assert (block.lower[zero, 0] == -np.inf).all()
    assert (block.values[zero, 0] < block.upper[zero, 0]).all()
