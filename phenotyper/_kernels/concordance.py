"""How well each of many columns orders patients by an outcome: AUC, correlation, Harrell's C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

PAIRS = 4_000
"""Pairs of patients that a first look at Harrell's C takes."""


def column_ranks(values: Matrix) -> tuple[Matrix, Matrix]:
    """Return average ranks from 1 within each column, 0 where missing, and the sum of t^3 - t over its ties.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN = missing.

    Examples
    --------
    >>> ranks, ties = column_ranks(np.array([[3.0], [1.0], [3.0], [np.nan]]))
    >>> ranks[:, 0].tolist(), ties.tolist()
    ([2.5, 1.0, 2.5, 0.0], [6.0])
    """
    by_column = np.ascontiguousarray(values.T)
    p, n = by_column.shape
    order = np.argsort(by_column, axis=1)
    ordered = np.take_along_axis(by_column, order, axis=1)
    place = np.broadcast_to(np.arange(1.0, n + 1), (p, n)).copy()
    ties = np.zeros(p)
    equal = ordered[:, 1:] == ordered[:, :-1]
    tied = np.flatnonzero(equal.any(axis=1))
    if len(tied):
        place[tied], ties[tied] = _shared_places(equal[tied])
    place[np.isnan(ordered)] = 0.0
    ranks = np.empty((p, n))
    np.put_along_axis(ranks, order, place, axis=1)
    return ranks.T, ties


def _shared_places(equal: NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
    """Return the mean place of each run of equals, and the sum of t^3 - t over runs of length t."""
    rows, steps = equal.shape
    places = np.arange(steps + 1)
    edge = np.ones((rows, 1), dtype=bool)
    starts = np.maximum.accumulate(np.where(np.hstack([edge, ~equal]), places, 0), axis=1)
    ends = np.where(np.hstack([~equal, edge]), places, steps)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    length = (ends - starts + 1).astype(np.float64)
    return (starts + ends) / 2 + 1.0, (length**2 - 1).sum(axis=1)


def auc_and_chance(ranks: Matrix, ties: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """Return max(AUC, 1 - AUC) of each column and its two-sided p-value.

    The p-value is exact for a perfect order and normal else, with the variance of Mann and Whitney's U
    corrected for ties (Lehmann 1975, Nonparametrics, eq. 1.34).

    Parameters
    ----------
    ranks, ties : ndarray, shapes (n, p) and (p,)
        From :func:`column_ranks`.
    target : ndarray, shape (n,)
        1 = event, 0 = none.
    """
    from scipy.special import gammaln, ndtr

    known = ranks > 0
    events = target @ known
    total = known.sum(axis=0).astype(np.float64)
    others = total - events
    with np.errstate(invalid="ignore", divide="ignore"):
        above = (target @ ranks - events * (events + 1) / 2) / (events * others)
        strength = np.maximum(above, 1 - above)
        variance = (total + 1 - ties / (total * (total - 1))) / (12 * events * others)
        chance = 2 * ndtr(-(strength - 0.5) / np.sqrt(variance))
    perfect = 2 * np.exp(gammaln(events + 1) + gammaln(others + 1) - gammaln(total + 1))
    chance = np.where(strength > 1 - 1e-12, perfect, chance)
    unknown = np.isnan(strength)
    return np.where(unknown, 0.0, strength), np.where(unknown | np.isnan(chance), 1.0, chance)


def absolute_correlation(values: Matrix, target: Matrix) -> Matrix:
    """Return Pearson's abs(r) of each column with a target, over the patients it knows; 0 where none.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN = missing.
    target : ndarray, shape (n,)
        Without NaN.
    """
    y = target - target.mean()
    y = y / max(float(np.abs(y).max(initial=0.0)), 1e-300)
    unknown = np.isnan(values)
    if unknown.any():
        known = (~unknown).astype(np.float64)
        count = np.maximum(known.sum(axis=0), 1)
        x = np.where(unknown, 0.0, values)
        x -= x.sum(axis=0) / count
        x *= known
        y_square = (y**2) @ known - (y @ known) ** 2 / count
    else:
        x = values - values.mean(axis=0)
        y_square = np.full(values.shape[1], y @ y)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (y @ x) / np.sqrt(np.einsum("ij,ij->j", x, x) * np.maximum(y_square, 0.0))
    return np.minimum(np.abs(np.nan_to_num(r, nan=0.0, posinf=0.0, neginf=0.0)), 1.0)


def quick_correlation(values: Matrix, target: Matrix) -> Matrix:
    """Return :func:`absolute_correlation` to a few digits, without a copy where nothing is missing."""
    y = target - target.mean()
    y = y / max(float(np.abs(y).max(initial=0.0)), 1e-300)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total, square = values.sum(axis=0), np.einsum("ij,ij->j", values, values)
        centred = square - total**2 / len(values)
        r = np.abs(y @ values) / np.sqrt(centred * (y @ y))
        unsure = ~np.isfinite(r) | (centred < 1e-9 * square)
    if unsure.any():
        r[unsure] = absolute_correlation(values[:, unsure], target)
    return r


def usable_pairs(time: Matrix, event: Matrix) -> NDArray[np.intp]:
    """Return pairs of which the first patient surely had the event before the second had (Harrell 1982).

    Examples
    --------
    >>> usable_pairs(np.array([1.0, 2.0, 2.0]), np.array([1.0, 0.0, 1.0])).tolist()
    [[0, 1], [0, 2], [2, 1]]
    """
    first = np.flatnonzero(event == 1)
    later = time[None, :] > time[first, None]
    later |= (time[None, :] == time[first, None]) & (event != 1)[None, :]
    rows, second = np.nonzero(later)
    return np.column_stack([first[rows], second]).astype(np.intp)


def quick_concordance(values: Matrix, pairs: NDArray[np.intp]) -> Matrix:
    """Return max(C, 1 - C) of each column over some ``PAIRS`` pairs, evenly taken; 0.5 if none is known."""
    step = max(1, len(pairs) // PAIRS)
    few = pairs[::step]
    with np.errstate(invalid="ignore"):
        gap = np.sign(values[few[:, 0]] - values[few[:, 1]])
    return _strength(np.nansum(gap, axis=0), (~np.isnan(gap)).sum(axis=0))


def _strength(score: Matrix, known: NDArray[np.intp]) -> Matrix:
    return 0.5 + np.abs(score) / (2 * np.maximum(known, 1))


def concordance_and_chance(column: Matrix, pairs: NDArray[np.intp]) -> tuple[float, float]:
    """Return max(C, 1 - C) of a column and its two-sided p-value (normal).

    Were the column without a link, the score S = sum of signs over P usable pairs has the variance
    (P + sum over patients of A^2) / 3, where A is the number of a patient's pairs that come later less those
    that come earlier: signs of two pairs that share a patient have covariance 1/3.

    Parameters
    ----------
    column : ndarray, shape (n,)
        NaN = missing.
    pairs : ndarray of int, shape (q, 2)
        From :func:`usable_pairs`.
    """
    from scipy.special import ndtr

    used = pairs[~np.isnan(column[pairs]).any(axis=1)]
    if not len(used):
        return 0.5, 1.0
    score = float(np.sign(column[used[:, 0]] - column[used[:, 1]]).sum())
    n = len(column)
    balance = np.bincount(used[:, 0], minlength=n) - np.bincount(used[:, 1], minlength=n)
    variance = (len(used) + float((balance.astype(np.float64) ** 2).sum())) / 3
    return 0.5 + abs(score) / (2 * len(used)), float(2 * ndtr(-abs(score) / np.sqrt(variance)))
