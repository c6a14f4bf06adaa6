"""Robust centring, winsorising and scaling to unit variance."""

from __future__ import annotations

from dataclasses import dataclass
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
    def fit(cls, values: Matrix, *, discrete: NDArray[np.bool_]) -> Standard:
        """Fit on (n, q) numbers; discrete columns are centred, but neither winsorised nor rescaled.

        The spread is 1.4826 x the median absolute deviation, or the standard deviation where that is 0.
        """
        centre = np.where(discrete, np.nanmean(values, axis=0), np.nanmedian(values, axis=0))
        mad = 1.4826 * np.nanmedian(np.abs(values - centre), axis=0)
        deviation = np.nanstd(values, axis=0)
        spread = np.where(discrete, 1.0, np.where(mad > 0, mad, np.where(deviation > 0, deviation, 1.0)))
        limit = np.where(discrete, np.inf, WINSOR)
        clipped = np.clip((values - centre) / spread, -limit, limit)
        sd = np.nanstd(clipped, axis=0)
        return cls(
            centre, spread, limit, np.nanmean(clipped, axis=0), np.where(discrete | (sd == 0), 1.0, sd)
        )

    def apply(self, values: Matrix) -> Matrix:
        """Return standardised values; NaN stays NaN."""
        return (np.clip((values - self.centre) / self.spread, -self.limit, self.limit) - self.mean) / self.sd

    def winsorised(self, values: Matrix) -> Matrix:
        """Return, for each column, the share of observed values that were brought to the limit."""
        beyond = np.abs((values - self.centre) / self.spread) > self.limit
        return beyond.sum(axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1)
