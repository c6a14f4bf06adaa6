"""95 % intervals of a proportion, of a mean and of a mean count. Arrays in, numbers out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

LEVEL = 0.95
Z = float(ndtri(0.5 + LEVEL / 2))


class Interval(NamedTuple):
    """An estimate with its 95 % limits; NaN where it cannot be estimated."""

    estimate: float
    low: float
    high: float


NOT_ESTIMABLE = Interval(np.nan, np.nan, np.nan)


def wilson(events: int, n: int) -> Interval:
    """Return a proportion with Wilson's score interval.

    Wilson 1927; method 3 of Newcombe, *Stat Med* 1998;17:857-872:
    ``(2 n p + z^2 -+ z sqrt(z^2 + 4 n p (1 - p))) / (2 (n + z^2))``.

    Parameters
    ----------
    events, n : int
        Patients with the event, and all patients with a known outcome.

    Examples
    --------
    >>> [round(limit, 4) for limit in wilson(81, 263)]
    [0.308, 0.2553, 0.3662]
    """
    if n == 0:
        return NOT_ESTIMABLE
    share = events / n
    centre = 2 * events + Z**2
    half = Z * np.sqrt(Z**2 + 4 * events * (1 - share))
    below = 2 * (n + Z**2)
    low = 0.0 if events == 0 else (centre - half) / below
    high = 1.0 if events == n else (centre + half) / below
    return Interval(share, float(low), float(high))


def mean_t(values: NDArray[np.float64]) -> Interval:
    """Return a mean with Student's t interval; without limits for a single value.

    Parameters
    ----------
    values : ndarray
        Known values, no NaN.

    Examples
    --------
    >>> [round(float(limit), 3) for limit in mean_t(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))]
    [3.0, 1.037, 4.963]
    """
    n = len(values)
    if n == 0:
        return NOT_ESTIMABLE
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, np.nan, np.nan)
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * float(np.std(values, ddof=1)) / np.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def mean_count(values: NDArray[np.float64]) -> Interval:
    """Return a mean count with an interval on the log scale that stays above 0 and allows for overdispersion.

    ``mean * exp(-+ t s / (mean sqrt(n)))``: the interval of a Poisson model of the mean alone with the robust
    variance HC1. Without limits for a single value or when all counts are 0.

    Parameters
    ----------
    values : ndarray
        Known counts, no NaN.

    Examples
    --------
    >>> [round(limit, 3) for limit in mean_count(np.array([0.0, 1.0, 0.0, 4.0, 2.0]))]
    [1.4, 0.317, 6.175]
    """
    centre, low, high = mean_t(values)
    if not centre > 0 or np.isnan(low):
        return Interval(centre, np.nan, np.nan)
    ratio = float(np.exp((high - centre) / centre))
    return Interval(centre, centre / ratio, centre * ratio)


def quartiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile (R's type 7); NaN without values.

    Examples
    --------
    >>> quartiles(np.array([1.0, 2.0, 3.0, 4.0]))
    (1.75, 2.5, 3.25)
    """
    if len(values) == 0:
        return (np.nan, np.nan, np.nan)
    low, middle, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return low, middle, high
