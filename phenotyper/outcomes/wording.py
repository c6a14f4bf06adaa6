"""Numbers as a paper prints them: rounded half up, with as many digits as the spread carries."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

NONE = "-"
"""What stands in a cell where nothing can be said."""

INFINITE = "\u221e"

_HUGE, _TINY, _MOST_DECIMALS = 1e9, 1e-5, 6


def rounded(value: float, decimals: int) -> str:
    """Round half up, as people do (``format`` gives 2 for 2.5), and never write a negative zero.

    Examples
    --------
    >>> rounded(2.5, 0), rounded(0.285, 2), rounded(-0.001, 1), rounded(float("nan"), 1)
    ('3', '0.29', '0.0', '-')
    """
    if not math.isfinite(value):
        return NONE if math.isnan(value) else (INFINITE if value > 0 else f"-{INFINITE}")
    if abs(value) >= _HUGE or 0 < abs(value) < _TINY:
        return f"{value:.2e}"
    shown = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{abs(shown) if shown == 0 else shown:f}"


def decimals_for(spread: float) -> int:
    """Return the decimals that show two significant digits of the spread (0 to 6).

    Examples
    --------
    >>> decimals_for(8.2), decimals_for(140.0), decimals_for(0.031), decimals_for(0.0)
    (1, 0, 3, 1)
    """
    if not math.isfinite(spread) or spread <= 0:
        return 1
    return min(max(1 - math.floor(math.log10(spread)), 0), _MOST_DECIMALS)


def number(value: float, decimals: int, *, whole: bool = False) -> str:
    """Round a measured value; values of a ``whole`` variable (counts, months) show no idle ".0".

    Examples
    --------
    >>> number(37.0, 1), number(37.0, 1, whole=True), number(37.5, 1, whole=True)
    ('37.0', '37', '37.5')
    """
    if whole and math.isfinite(value):
        return rounded(value, 0 if float(value).is_integer() else 1)
    return rounded(value, decimals)


def percent(count: int, total: int) -> str:
    """Return a percentage: whole for fewer than 100 patients, else one decimal; never a false 0 or 100.

    Examples
    --------
    >>> percent(1, 40), percent(81, 263), percent(1, 4028), percent(4027, 4028), percent(0, 0)
    ('3 %', '30.8 %', '< 0.1 %', '> 99.9 %', '-')
    """
    if total == 0:
        return NONE
    decimals = 0 if total < 100 else 1
    unit = Decimal(1).scaleb(-decimals)
    share = (Decimal(100 * count) / Decimal(total)).quantize(unit, rounding=ROUND_HALF_UP)
    if share == 0 and count:
        return f"< {unit} %"
    if share == 100 and count < total:
        return f"> {100 - unit} %"
    return f"{share} %"


def n_percent(count: int, total: int) -> str:
    """Return a count with its percentage.

    Examples
    --------
    >>> n_percent(81, 263), n_percent(0, 0)
    ('81 (30.8 %)', '0')
    """
    return f"{count} ({percent(count, total)})" if total else f"{count}"


def median_quartiles(median: float, low: float, high: float, *, decimals: int, whole: bool = False) -> str:
    """Return ``median [lower quartile, upper quartile]``.

    Examples
    --------
    >>> median_quartiles(7.42, 3.2, 11.04, decimals=1)
    '7.4 [3.2, 11.0]'
    """
    if math.isnan(median):
        return NONE
    shown = [number(value, decimals, whole=whole) for value in (median, low, high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def with_interval(
    estimate: float, low: float, high: float, *, decimals: int, scale: float = 1.0, unit: str = ""
) -> str:
    """Return ``estimate (low to high)``; a limit that is not finite is "not reached".

    Parameters
    ----------
    estimate, low, high : float
        The estimate and its limits; both limits NaN: no interval is shown.
    decimals : int
        Decimals of all three.
    scale : float
        Multiplies all three (100 for percentages).
    unit : str
        Written after the estimate.

    Examples
    --------
    >>> with_interval(0.308, 0.2553, 0.3662, decimals=1, scale=100, unit=" %")
    '30.8 % (25.5 to 36.6)'
    >>> with_interval(23, 13, float("nan"), decimals=0)
    '23 (13 to not reached)'
    """
    if math.isnan(estimate):
        return NONE
    shown = rounded(estimate * scale, decimals) + unit
    if math.isnan(low) and math.isnan(high):
        return shown
    limits = [
        "not reached" if math.isnan(limit) else rounded(limit * scale, decimals) for limit in (low, high)
    ]
    return f"{shown} ({limits[0]} to {limits[1]})"


def p_value(p: float) -> str:
    """Return a p value with its sign.

    Examples
    --------
    >>> p_value(3e-33), p_value(0.0123), p_value(0.391), p_value(0.999)
    ('p < 0.001', 'p = 0.012', 'p = 0.39', 'p > 0.99')
    """
    if math.isnan(p):
        return NONE
    if p < 0.001:
        return "p < 0.001"
    if p > 0.99:
        return "p > 0.99"
    return f"p = {rounded(p, 3 if p < 0.1 else 2)}"
