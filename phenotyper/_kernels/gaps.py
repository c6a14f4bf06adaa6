"""Order statistics of many columns at once, some columns in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

CHUNK_CELLS = 1_000_000
"""Cells of a matrix that are copied at a time."""
SORTED_CELLS = 10_000_000
"""Cells that are sorted; of a larger matrix so many evenly spaced rows are."""
FEWEST_ROWS = 256


@dataclass(frozen=True)
class OrderStatistics:
    """Ends, quartiles and widest gap of p columns.

    Parameters
    ----------
    known : ndarray of int, shape (p,)
        Values that are not NaN.
    low, high : ndarray, shape (p,)
        Smallest and largest value; NaN where there is none.
    tails : ndarray, shape (p, 2)
        5th and 95th percentile, of the rows that were sorted.
    quartiles : ndarray, shape (p, 3)
        Lower quartile, median and upper quartile, of the rows that were sorted.
    gap : ndarray, shape (p,)
        Largest ratio of two neighbours in order with two values or more on either side, of the rows that were
        sorted; 1 where a column holds zero or less, or too little.
    """

    known: NDArray[np.intp]
    low: Matrix
    high: Matrix
    tails: Matrix
    quartiles: Matrix
    gap: Matrix


def chunks(shape: tuple[int, int]) -> Iterator[slice]:
    """Yield slices of the columns of an n x p matrix that hold about ``CHUNK_CELLS`` cells each."""
    step = max(1, CHUNK_CELLS // max(1, shape[0]))
    for start in range(0, shape[1], step):
        yield slice(start, min(start + step, shape[1]))


def order_statistics(values: Matrix) -> OrderStatistics:
    """Return order statistics of every column of n x p values; NaN = missing.

    Ends and counts are exact. All rows are sorted up to ten million cells, else evenly spaced ones: this is a
    first look at what is then worked out in full.

    Examples
    --------
    >>> found = order_statistics(np.array([[1.0], [2.0], [30.0], [40.0], [np.nan]]))
    >>> int(found.known[0]), float(found.high[0]), float(found.gap[0])
    (4, 40.0, 15.0)
    """
    n, p = values.shape
    known = np.zeros(p, dtype=np.intp)
    low, high = np.full(p, np.nan), np.full(p, np.nan)
    tails, quartiles, gap = np.full((p, 2), np.nan), np.full((p, 3), np.nan), np.ones(p)
    rows = max(FEWEST_ROWS, SORTED_CELLS // max(1, p))
    some = np.arange(n) if rows >= n else np.linspace(0, n - 1, rows).astype(np.intp)
    for part in chunks(values.shape) if n else ():
        cells = values[:, part]
        known[part] = n - np.count_nonzero(np.isnan(cells), axis=0)
        low[part], high[part] = np.fmin.reduce(cells, axis=0), np.fmax.reduce(cells, axis=0)
        ordered = np.sort(np.ascontiguousarray(cells[some].T), axis=1)
        count = len(some) - np.count_nonzero(np.isnan(ordered), axis=1)
        tails[part] = _at(ordered, count, [0.05, 0.95])
        quartiles[part] = _at(ordered, count, [0.25, 0.5, 0.75])
        gap[part] = _widest(ordered, count)
    return OrderStatistics(known, low, high, tails, quartiles, gap)


def _at(ordered: Matrix, count: NDArray[np.intp], shares: list[float]) -> Matrix:
    places = np.rint((count[:, None] - 1) * np.array(shares)[None, :]).astype(np.intp)
    found = np.take_along_axis(ordered, np.maximum(places, 0), axis=1)
    return np.where(count[:, None] > 0, found, np.nan)


def _widest(ordered: Matrix, count: NDArray[np.intp]) -> Matrix:
    gap = np.ones(len(ordered))
    rows = np.arange(len(ordered))
    second, last = np.clip(1, 0, count - 1), np.maximum(count - 2, 0)
    with np.errstate(invalid="ignore"):
        wide = (count > 3) & (ordered[:, 0] > 0) & (ordered[rows, last] > 1.5 * ordered[rows, second])
    if wide.any():
        inner = ordered[wide, 1:-1]
        with np.errstate(invalid="ignore", over="ignore"):
            ratio = inner[:, 1:] / inner[:, :-1]
        ratio[np.arange(ratio.shape[1])[None, :] >= count[wide, None] - 3] = 1.0
        gap[wide] = np.fmax.reduce(ratio, axis=1)
    return gap
