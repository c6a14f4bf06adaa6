"""Does a quantity depend on the order of its rows? A rank test, and the stretch that differs most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BINS = 2_000
"""Points at which the scan looks for the ends of a stretch."""


class Stretch(NamedTuple):
    """Consecutive rows, ``first`` to ``last`` (both from 0), and how far their mean lies off, in SD."""

    first: int
    last: int
    difference: float


def rank_von_neumann(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Test whether neighbouring rows are more alike than rows in random order (Bartels 1982).

    Parameters
    ----------
    values : ndarray, shape (n, m)
        m quantities of n rows in their order, none missing; n >= 10. Ties get mean ranks.

    Returns
    -------
    ratio : ndarray, shape (m,)
        Sum of squared differences of the ranks of neighbours over that about the mean; 2 in random order.
    p : ndarray, shape (m,)
        One-sided p-value of a small ratio, by the normal approximation.

    Examples
    --------
    >>> ratio, p = rank_von_neumann(np.arange(50.0)[:, None])
    >>> bool(ratio[0] < 0.01 and p[0] < 1e-9)
    True
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    n = len(values)
    ranks = rankdata(values, axis=0)
    about = ((ranks - ranks.mean(axis=0)) ** 2).sum(axis=0)
    steps = (np.diff(ranks, axis=0) ** 2).sum(axis=0)
    ratio = np.divide(steps, about, out=np.full(values.shape[1], 2.0), where=about > 0)
    variance = 4 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    return ratio, ndtr((ratio - 2) / np.sqrt(variance))


def strangest_stretch(values: NDArray[np.float64], *, least: int = 10) -> Stretch:
    """Return the consecutive rows whose mean lies furthest off, weighed by their number (Olshen 2004).

    Parameters
    ----------
    values : ndarray, shape (n,)
        In order, none missing; n >= 2 * least.
    least : int
        Fewest rows of a stretch, and of the rest.
    """
    n = len(values)
    spread = values.std()
    scaled = (values - values.mean()) / (spread if spread > 0 else 1.0)
    sums = np.concatenate([[0.0], np.cumsum(scaled)])
    ends = np.unique(np.linspace(0, n, min(n, MOST_BINS) + 1).round().astype(int))
    best = (-1.0, 0, n)
    for start in ends[ends <= n - least]:
        stop = ends[(ends >= start + least) & (ends - start <= n - least)]
        if not len(stop):
            continue
        length = stop - start
        weight = np.abs(sums[stop] - sums[start]) / np.sqrt(length * (1 - length / n))
        at = int(np.argmax(weight))
        if weight[at] > best[0] + 1e-12:
            best = (float(weight[at]), int(start), int(stop[at]))
    _, start, stop = best
    rest = np.concatenate([scaled[:start], scaled[stop:]])
    return Stretch(start, stop - 1, float(scaled[start:stop].mean() - (rest.mean() if len(rest) else 0.0)))
