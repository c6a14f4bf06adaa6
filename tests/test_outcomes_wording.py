"""Right rounding, and round times."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenotyper.outcomes.times import landmark, risk_times
from phenotyper.outcomes.wording import (
    decimals_for,
    median_quartiles,
    n_percent,
    number,
    p_value,
    percent,
    rounded,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-2.5, 0, "-3"),
        (1.005, 2, "1.01"),
        (-0.04, 1, "0.0"),
        (1e-9, 2, "1.00e-09"),
    ],
)
def test_halves_are_rounded_away_from_zero(value, decimals, shown):
    assert rounded(value, decimals) == shown


@given(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-4), st.integers(0, 4))
def test_rounding_never_moves_a_number_by_more_than_half_a_unit(value, decimals):
    shown = rounded(value, decimals)
    assert abs(Decimal(shown) - Decimal(repr(value))) <= Decimal(1).scaleb(-decimals) / 2
    assert not (shown.startswith("-") and Decimal(shown) == 0)


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_a_percentage_is_never_a_false_zero_or_a_false_hundred(count, total):
    count = min(count, total)
    shown = percent(count, total)
    assert (shown in ("0 %", "0.0 %")) == (count == 0)
    assert (shown in ("100 %", "100.0 %")) == (count == total)
    if shown[0] not in "<>":
        wide = Fraction(1, 2) if total < 100 else Fraction(1, 20)
        assert abs(Fraction(shown.removesuffix(" %")) - Fraction(100 * count, total)) <= wide


def test_small_groups_show_whole_percentages():
    assert n_percent(1, 3) == "1 (33 %)"
    assert n_percent(137, 412) == "137 (33.3 %)"
    assert n_percent(0, 0) == "0"


@pytest.mark.parametrize(
    ("spread", "decimals"), [(3, 1), (30, 0), (300, 0), (0.3, 2), (0.03, 3), (1e-9, 6), (float("nan"), 1)]
)
def test_decimals_follow_the_spread(spread, decimals):
    assert decimals_for(spread) == decimals


def test_whole_variables_show_no_idle_decimals():
    assert median_quartiles(37.0, 12.0, 60.5, decimals=1, whole=True) == "37 [12, 60.5]"
    assert number(float("nan"), 1, whole=True) == "-"


def test_intervals_say_what_is_lacking():
    nan = float("nan")
    assert with_interval(nan, nan, nan, decimals=1) == "-"
    assert with_interval(2.0, nan, nan, decimals=1) == "2.0"
    assert with_interval(-0.5, -0.8, -0.2, decimals=2) == "-0.50 (-0.80 to -0.20)"


def test_p_values_carry_their_sign_and_no_false_precision():
    assert [p_value(p) for p in (0.0004, 0.001, 0.0499, 0.25, 1.0)] == [
        "p < 0.001",
        "p = 0.001",
        "p = 0.050",
        "p = 0.25",
        "p > 0.99",
    ]


@given(st.floats(0.01, 50_000), st.sampled_from(["days", "day", "weeks", "months", "years", "", "visits"]))
def test_round_times_stay_within_follow_up_and_are_few(longest, unit):
    times = risk_times(longest, unit=unit)
    assert times[0] == 0
    assert times[-1] <= longest * (1 + 1e-6)
    assert 2 <= len(times) <= 7
    assert np.allclose(np.diff(times), times[1])
    assert 0 < landmark(longest, unit=unit) <= longest * (1 + 1e-6)


def test_days_are_read_at_whole_years():
    assert landmark(1939, unit="days") == 1825
    assert landmark(400, unit="Day") == 365


def test_no_follow_up_gives_time_zero_only():
    assert risk_times(0.0, unit="days").tolist() == [0]
    assert landmark(0.0, unit="days") == 0
