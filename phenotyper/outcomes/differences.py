"""Standardised mean differences of many features at once, between any number of groups. Arrays only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phenotyper.outcomes.intervals import Z

Floats = NDArray[np.float64]

_CONSTANT = 1e-12
"""Relative standard deviation below which a group's values are the same value, rounding aside."""


class Moments(NamedTuple):
    """Per group (rows) and feature (columns): known values, mean, and variance with n - 1 below."""

    n: Floats
    mean: Floats
    variance: Floats


class Largest(NamedTuple):
    """The largest absolute standardised mean difference between two groups, and which two."""

    value: float
    first: int
    second: int


def moments(values: Floats, codes: NDArray[np.intp], k: int) -> Moments:
    """Return number, mean and variance of each feature in each group, missing values left out.

    Parameters
    ----------
    values : ndarray, patients x features
        NaN = missing.
    codes : ndarray of int, patients
        Group of each patient, 0 to k - 1; others (-1) belong to none.
    k : int
        Number of groups.
    """
    n, mean, variance = (np.full((k, values.shape[1]), np.nan) for _ in range(3))
    for group in range(k):
        here = values[codes == group]
        known = ~np.isnan(here)
        n[group] = known.sum(axis=0)
        some, several = np.maximum(n[group], 1), np.maximum(n[group] - 1, 1)
        mean[group] = np.where(known, here, 0.0).sum(axis=0) / some
        squares = (np.where(known, here - mean[group], 0.0) ** 2).sum(axis=0) / several
        squares[squares <= (_CONSTANT * np.abs(mean[group])) ** 2] = 0.0
        mean[group][n[group] == 0] = np.nan
        variance[group] = np.where(n[group] > 1, squares, np.nan)
    return Moments(n, mean, variance)


def hedges_against_rest(each: Moments) -> tuple[Floats, Floats, Floats, Floats]:
    """Return Hedges' g of each group against all other groups together, with 95 % limits.

    Pooled standard deviation with ``df = n1 + n2 - 2``, correction ``J = 1 - 3 / (4 df - 1)``, variance
    ``J^2 ((n1 + n2) / (n1 n2) + d^2 / (2 (n1 + n2)))`` (Hedges 1981; Borenstein 2009, equations 4.18-4.24).

    Parameters
    ----------
    each : Moments
        From :func:`moments`, groups x features.

    Returns
    -------
    g, low, high, n_rest : ndarray, groups x features
        NaN where either side has fewer than two values or neither varies.
    """
    count, mean, squares = _sums(each)
    g, low, high, n_rest = (np.full_like(count, np.nan) for _ in range(4))
    for group in range(len(count)):
        others = np.arange(len(count)) != group
        n_rest[group], rest_mean, rest_squares = _joined(count[others], mean[others], squares[others])
        g[group], low[group], high[group] = _hedges(
            count[group], n_rest[group], mean[group] - rest_mean, squares[group] + rest_squares
        )
    return g, low, high, n_rest


def largest_between_numbers(each: Moments) -> Largest | None:
    """Return the largest difference of one numeric variable, ``|m1 - m2| / sqrt((s1^2 + s2^2) / 2)``.

    Parameters
    ----------
    each : Moments
        Groups x 1 feature.

    Returns
    -------
    Largest or None
        None when no two groups can be compared. Infinite where neither group varies and their means differ.
    """
    mean, variance = each.mean[:, 0], each.variance[:, 0]
    return _largest(len(mean), lambda i, j: _ratio(mean[i] - mean[j], (variance[i] + variance[j]) / 2))


def largest_between_shares(counts: NDArray[np.int64]) -> Largest | None:
    """Return the largest difference of one categorical variable (Yang & Dalton 2012, multinomial).

    ``sqrt(d' S^-1 d)`` with the difference d of the shares of all levels but one and S the mean of both
    multinomial covariances; for two levels ``|p1 - p2| / sqrt((p1 (1 - p1) + p2 (1 - p2)) / 2)``.

    Parameters
    ----------
    counts : ndarray of int, groups x levels
        Patients of each group at each level.

    Returns
    -------
    Largest or None
        None when no two groups have patients. Infinite where the levels separate two groups completely.
    """
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]

    def between(i: int, j: int) -> float:
        return _multinomial(shares[i], shares[j]) if totals[i] and totals[j] else np.nan

    return _largest(len(counts), between)


def _sums(each: Moments) -> tuple[Floats, Floats, Floats]:
    return each.n, np.nan_to_num(each.mean), np.nan_to_num(each.variance) * np.maximum(each.n - 1, 0)


def _joined(count: Floats, mean: Floats, squares: Floats) -> tuple[Floats, Floats, Floats]:
    """Return number, mean and sum of squares of several groups taken as one."""
    total = count.sum(axis=0)
    together = (count * mean).sum(axis=0) / np.maximum(total, 1)
    spread = np.where(count > 0, (mean - together) ** 2, 0.0)
    spread[spread <= (_CONSTANT * np.abs(together)) ** 2] = 0.0
    return total, together, squares.sum(axis=0) + (count * spread).sum(axis=0)


def _hedges(n1: Floats, n2: Floats, difference: Floats, squares: Floats) -> tuple[Floats, Floats, Floats]:
    usable = (n1 > 1) & (n2 > 1) & (squares > 0)
    df = np.where(usable, n1 + n2 - 2, 2.0)
    d = difference / np.sqrt(np.where(usable, squares, 1.0) / df)
    correction = 1 - 3 / (4 * df - 1)
    total, product = np.where(usable, n1 + n2, 1.0), np.where(usable, n1 * n2, 1.0)
    half = Z * correction * np.sqrt(total / product + d**2 / (2 * total))
    g = np.where(usable, correction * d, np.nan)
    return g, g - half, g + half


def _largest(k: int, between: Callable[[int, int], float]) -> Largest | None:
    pairs = [Largest(between(i, j), i, j) for i in range(k) for j in range(i + 1, k)]
    known = [pair for pair in pairs if not np.isnan(pair.value)]
    return max(known, key=lambda pair: pair.value) if known else None


def _ratio(difference: float, variance: float) -> float:
    if np.isnan(difference) or np.isnan(variance):
        return np.nan
    if variance == 0:
        return 0.0 if difference == 0 else np.inf
    return float(abs(difference) / np.sqrt(variance))


def _multinomial(first: Floats, second: Floats) -> float:
    seen = (first + second) > 0
    p, q = first[seen][:-1], second[seen][:-1]
    difference = p - q
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    sizes, axes = np.linalg.eigh(covariance)
    along = axes.T @ difference
    flat = sizes <= 1e-12
    if np.any(np.abs(along[flat]) > 1e-9):
        return np.inf
    return float(np.sqrt(np.sum(along[~flat] ** 2 / sizes[~flat])))
