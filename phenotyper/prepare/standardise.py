"""Robust centring, winsorising and scaling to unit variance."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

WINSOR = 4.0
"""Values beyond this many robust standard deviations from the median are brought to it."""


@dataclass(frozen=True)
class Standard:
    """Frozen centre, spread and limits of q columns; arrays of shape (q,)."""

    centre: Matrix
    spread: Matrix
    limit: Matrix
    mean: Matrix
    sd: Matrix

    @classmethod
    def fit(cls, values: Matrix, *, fixed: NDArray[np.bool_]) -> Standard:
        """Fit on (n, q) numbers; fixed columns stay as they are.

        The spread is 1.4826 x the median absolute deviation, or the standard deviation where that is 0.
        """
        free = ~fixed
        found = cls.none(values.shape[1])
        if not free.any():
            return found
        columns = np.ascontiguousarray(values.T[free])
        centre = medians(columns)
        columns -= centre[:, None]
        mad, deviation = 1.4826 * medians(np.abs(columns)), _deviation(columns)
        spread = np.where(mad > 0, mad, np.where(deviation > 0, deviation, 1.0))
        columns /= spread[:, None]
        clipped = np.clip(columns, -WINSOR, WINSOR, out=columns)
        sd = _deviation(clipped)
        found.centre[free], found.spread[free], found.limit[free] = centre, spread, WINSOR
        found.mean[free], found.sd[free] = np.nanmean(clipped, axis=1), np.where(sd == 0, 1.0, sd)
        return found

    @classmethod
    def none(cls, q: int) -> Standard:
        """Return the standardising that leaves q columns as they are."""
        return cls(np.zeros(q), np.ones(q), np.full(q, np.inf), np.zeros(q), np.ones(q))

    def only(self, columns: NDArray[np.intp]) -> Standard:
        """Return the standardising of some columns."""
        return Standard(*(getattr(self, field.name)[columns] for field in fields(self)))

    def with_normal(self, columns: NDArray[np.intp], *, mean: Matrix, sd: Matrix) -> Standard:
        """Return the same with some columns standardised by a fitted mean and standard deviation."""
        values = (("centre", mean), ("spread", sd), ("limit", WINSOR), ("mean", 0.0), ("sd", 1.0))
        new = {name: getattr(self, name).copy() for name, _ in values}
        for name, value in values:
            new[name][columns] = value
        return replace(self, **new)

    def apply(self, values: Matrix) -> Matrix:
        """Return standardised values; NaN stays NaN."""
        found = values - self.centre
        found /= self.spread
        np.clip(found, -self.limit, self.limit, out=found)
        found -= self.mean
        found /= self.sd
        return found

    def winsorised(self, values: Matrix) -> Matrix:
        """Return, for each column, the share of observed values that were brought to the limit."""
        beyond = np.abs((values - self.centre) / self.spread) > self.limit
        return beyond.sum(axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1)


def medians(rows: Matrix) -> Matrix:
    """Return the median of each row over its observed values.

    Examples
    --------
    >>> medians(np.array([[3.0, np.nan, 1.0], [1.0, 2.0, 9.0]])).tolist()
    [2.0, 2.0]
    """
    count = (~np.isnan(rows)).sum(axis=1)
    ordered, at = np.sort(rows, axis=1), np.arange(len(rows))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows.shape[1] - 1)
    return 0.5 * (ordered[at, low] + ordered[at, high])


def _deviation(rows: Matrix) -> Matrix:
    return np.nanstd(rows, axis=1)
