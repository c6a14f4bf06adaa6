"""Intervals of a standard normal score: where only a level, or a side of a limit, is known of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

FAR = 30.0
NARROW = 1e-5
ROOT = np.sqrt(2 * np.pi)


class Cells(NamedTuple):
    """Cells of which only an interval is known.

    Parameters
    ----------
    coarse : ndarray of int, shape (m,)
        Columns, ascending.
    lower, upper : ndarray, shape (n, m)
        Bounds; equal where the value is known, infinite where open, NaN where missing.
    """

    coarse: NDArray[np.intp]
    lower: Matrix
    upper: Matrix

    @classmethod
    def none(cls, n: int) -> Cells:
        """Return no columns for n patients."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros((n, 0)), np.zeros((n, 0)))


def interval_mean(lower: Matrix, upper: Matrix) -> Matrix:
    """Return the mean of a standard normal between two bounds (any shape); the value where they are equal.

    Examples
    --------
    >>> interval_mean(np.array([-np.inf, 0.0, -1.0]), np.array([np.inf, np.inf, -1.0])).round(4).tolist()
    [0.0, 0.7979, -1.0]
    """
    from scipy.special import ndtr

    below, above = np.clip(lower, -FAR, FAR), np.clip(upper, -FAR, FAR)
    turned = below + above > 0
    low, high = np.where(turned, -above, below), np.where(turned, -below, above)
    narrow = ~(high - low > NARROW)
    mass = np.where(narrow, 1.0, ndtr(high) - ndtr(low))
    mean = (np.exp(-0.5 * low**2) - np.exp(-0.5 * high**2)) / (ROOT * mass)
    mean = np.where(narrow, 0.5 * (low + high), mean)
    mean = np.where(turned, -mean, mean)
    return np.where(lower == upper, lower, mean)


def cuts(counts: NDArray[np.intp] | Matrix) -> Matrix:
    """Return the bounds of ordered levels on the normal scale, from -inf to inf, by how often each is met.

    Examples
    --------
    >>> cuts(np.array([50, 50])).tolist()
    [-inf, 0.0, inf]
    """
    from scipy.special import ndtri

    shares = np.cumsum(counts)[:-1] / np.sum(counts)
    return np.concatenate([[-np.inf], ndtri(shares), [np.inf]])


def merged(counts: NDArray[np.intp], *, least: float) -> NDArray[np.intp]:
    """Return the group of each ordered level: the rarest joins its rarer neighbour until none is rare.

    Two groups stay at least.

    Examples
    --------
    >>> merged(np.array([3, 40, 2, 5, 60]), least=10).tolist()
    [0, 0, 0, 0, 1]
    """
    groups = [[level] for level in range(len(counts))]
    while len(groups) > 2:
        sizes = [int(sum(counts[level] for level in group)) for group in groups]
        at = int(np.argmin(sizes))
        if sizes[at] >= least:
            break
        sides = [side for side in (at - 1, at + 1) if 0 <= side < len(groups)]
        other = min(sides, key=lambda side: sizes[side])
        low, high = sorted((at, other))
        groups[low : high + 1] = [groups[low] + groups[high]]
    found = np.zeros(len(counts), dtype=np.intp)
    for number, group in enumerate(groups):
        found[group] = number
    return found
