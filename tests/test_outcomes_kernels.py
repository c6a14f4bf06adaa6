"""Intervals and standardised mean differences against published values and slow, plain references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenotyper.outcomes.differences import (
    hedges_against_rest,
    largest_between_numbers,
    largest_between_shares,
    moments,
)
from phenotyper.outcomes.intervals import mean_count, mean_t, quartiles, wilson


@pytest.mark.parametrize(
    ("events", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_limits_of_newcombe_1998_table_one_method_three(events, n, low, high):
    # Newcombe RG. Stat Med 1998;17:857-872, table I, method 3 (score, no continuity correction).
    found = wilson(events, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.estimate == events / n


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_lies_within_zero_and_one_and_mirrors(events, n):
    events = min(events, n)
    found, mirrored = wilson(events, n), wilson(n - events, n)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-12)
    assert mirrored.high == pytest.approx(1 - found.low, abs=1e-12)


def test_no_patients_have_no_proportion():
    assert np.isnan(wilson(0, 0)).all()


def test_the_mean_has_students_interval_as_r_gives_it_for_the_sleep_data():
    # R: t.test(extra ~ 1, data = sleep, subset = group == 1)$conf.int -> -0.5297804 2.0297804; mean 0.75.
    found = mean_t(np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
    assert found == pytest.approx((0.75, -0.5297804, 2.0297804), abs=1e-6)


def test_one_value_has_a_mean_and_no_interval():
    found = mean_t(np.array([2.5]))
    assert found.estimate == 2.5
    assert np.isnan([found.low, found.high]).all()


def test_the_mean_count_has_the_interval_of_a_robust_poisson_model():
    import statsmodels.api as sm

    values = np.array([0, 0, 1, 3, 7, 0, 2, 1, 0, 12], dtype=float)
    fitted = sm.GLM(values, np.ones(10), family=sm.families.Poisson()).fit(cov_type="HC0")
    half = 2.262157 * fitted.bse[0] * np.sqrt(10 / 9)  # t with 9 degrees of freedom; HC1 = HC0 x n / (n - 1)
    expected = np.exp(fitted.params[0] + np.array([0, -half, half]))
    assert mean_count(values) == pytest.approx(tuple(expected), rel=1e-5)


def test_counts_that_are_all_zero_have_no_interval():
    assert mean_count(np.zeros(5)).estimate == 0
    assert np.isnan(mean_count(np.zeros(5))[1:]).all()


def test_quartiles_are_those_of_r_type_seven():
    # R: quantile(c(1, 2, 4, 8, 16, 32), c(.25, .5, .75)) -> 2.5 6 14.
    assert quartiles(np.array([1.0, 2, 4, 8, 16, 32])) == (2.5, 6.0, 14.0)


def of_groups(*groups):
    values = np.concatenate([np.asarray(group, dtype=float) for group in groups])[:, None]
    codes = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return moments(values, codes, len(groups))


def with_moments(n, mean, sd):
    """Return values with exactly this mean and standard deviation."""
    base = np.linspace(-1, 1, n)
    return mean + sd * (base - base.mean()) / base.std(ddof=1)


def test_hedges_g_is_that_of_the_worked_example_of_borenstein_2009():
    # Introduction to Meta-Analysis, chapter 4: 103 and 100, sd 5.5 and 4.5, 50 each: g 0.5924, V 0.0411.
    g, low, high, n_rest = hedges_against_rest(
        of_groups(with_moments(50, 103, 5.5), with_moments(50, 100, 4.5))
    )
    assert round(g[0, 0], 4) == 0.5924
    assert round(((high - low)[0, 0] / (2 * 1.959964)) ** 2, 4) == 0.0411
    assert g[1, 0] == pytest.approx(-g[0, 0])
    assert n_rest[0, 0] == 50


def slow_hedges(values, codes, group):
    """Hedges' g of one feature, the plain way."""
    known = ~np.isnan(values)
    ours, rest = values[known & (codes == group)], values[known & (codes != group) & (codes >= 0)]
    n1, n2 = len(ours), len(rest)
    if n1 < 2 or n2 < 2:
        return (np.nan,) * 3
    pooled = np.sqrt(((n1 - 1) * ours.var(ddof=1) + (n2 - 1) * rest.var(ddof=1)) / (n1 + n2 - 2))
    if pooled < 1e-10:
        return (np.nan,) * 3
    d = (ours.mean() - rest.mean()) / pooled
    j = 1 - 3 / (4 * (n1 + n2 - 2) - 1)
    half = 1.959963984540054 * j * np.sqrt((n1 + n2) / (n1 * n2) + d**2 / (2 * (n1 + n2)))
    return j * d, j * d - half, j * d + half


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 40), st.floats(0, 0.7))
def test_vectorised_hedges_equals_the_plain_loop_with_missing_values_and_unassigned(seed, k, n, gaps):
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(5, 2, (n, 7)), 1)
    values[rng.random(values.shape) < gaps] = np.nan
    codes = rng.integers(-1, k, n)
    fast = np.stack(hedges_against_rest(moments(values, codes, k))[:3], axis=-1)
    slow = np.array([[slow_hedges(values[:, at], codes, group) for at in range(7)] for group in range(k)])
    assert np.allclose(fast, slow, rtol=1e-8, atol=1e-8, equal_nan=True)


def test_a_feature_that_never_varies_has_no_difference():
    g, low, high, _ = hedges_against_rest(of_groups([0.1] * 9, [0.1] * 7))
    assert np.isnan([g, low, high]).all()


def test_the_difference_of_numbers_is_that_of_tableone_for_age_in_pbc():
    # R tableone vignette, pbc by treatment: age 51.42 (11.01) n 158, 48.58 (9.96) n 154, SMD 0.270.
    largest = largest_between_numbers(
        of_groups(with_moments(158, 51.42, 11.01), with_moments(154, 48.58, 9.96))
    )
    assert largest.value == pytest.approx(0.270, abs=0.001)  # the printed means are rounded
    assert (largest.first, largest.second) == (0, 1)


@pytest.mark.parametrize(
    ("first", "second", "smd"),
    [
        ((21, 137), (15, 139), 0.111),  # sex
        ((132, 16, 10), (131, 13, 10), 0.058),  # edema
        ((12, 35, 56, 55), (4, 32, 64, 54), 0.246),  # stage
    ],
)
def test_the_difference_of_categories_is_that_of_tableone_for_pbc(first, second, smd):
    # R tableone vignette, pbc by treatment (Yang & Dalton 2012 for more than two levels).
    assert round(largest_between_shares(np.array([first, second])).value, 3) == smd


def test_the_largest_difference_names_its_pair():
    largest = largest_between_shares(np.array([[50, 50], [52, 48], [90, 10]]))
    assert (largest.first, largest.second) == (0, 2)


@given(
    st.lists(st.integers(0, 30), min_size=4, max_size=4), st.lists(st.integers(0, 30), min_size=4, max_size=4)
)
def test_the_order_of_levels_and_absent_levels_do_not_matter(first, second):
    counts = np.array([first, second])
    shuffled = np.column_stack([counts[:, ::-1], np.zeros((2, 1), dtype=int)])
    one, other = largest_between_shares(counts), largest_between_shares(shuffled)
    if one is None:
        assert other is None
    else:
        assert one.value == pytest.approx(other.value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("counts", [[[5, 0], [0, 7]], [[3, 4, 0], [0, 0, 5]]])
def test_levels_that_separate_two_groups_completely_differ_infinitely(counts):
    assert largest_between_shares(np.array(counts)).value == np.inf


def test_groups_without_values_are_not_compared():
    assert largest_between_shares(np.array([[4, 5], [0, 0]])) is None
    assert largest_between_numbers(of_groups([1.0, 2.0], [np.nan, 3.0])) is None
    assert largest_between_shares(np.zeros((0, 2), dtype=int)) is None


def test_a_number_that_is_constant_in_both_groups_differs_infinitely_or_not_at_all():
    assert largest_between_numbers(of_groups([0.1] * 5, [0.3] * 4)).value == np.inf
    assert largest_between_numbers(of_groups([0.1] * 5, [0.1] * 4)).value == 0
