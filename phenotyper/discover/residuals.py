"""What the factors leave over in a patient: somebody may lie inside a group and yet be odd in other ways.

In each block the mean square of the residuals, each over its variance among the patients of the fit (squared
prediction error; Jackson and Mudholkar 1979), on a log scale. Those far above the usual make a patient odd.
One block alone says so much and no more: another batch or platform shifts all its features at once, while the
other blocks still tell the groups. Only a block beyond all measure speaks for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.integrate.factors import FactorModel, Scores
    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

UPPER, UPPER_SDS = 0.75, 0.6745
"""Quantile of the log mean square that gives its spread, and its place in a normal distribution."""
MOST_LEVERAGE = 0.5
MOST_EXCESS = 2.0
"""Standard deviations at most that one block counts."""
BEYOND_RATIO, BEYOND_EXCESS = 9.0, 6.0
"""A block with a mean square of so many times the usual, and so many standard deviations above it."""
BEYOND = 1e3
SHIFTED = 2.0
LEAST_SHIFTED = 10


@dataclass(frozen=True)
class Excess:
    """For n patients and b blocks: standardised log excess, ratio to the usual, columns observed."""

    excess: Matrix
    ratio: Matrix
    count: NDArray[np.intp]


@dataclass(frozen=True)
class Residuals:
    """Frozen residual sizes of q columns in b blocks.

    Parameters
    ----------
    variance : ndarray, shape (q,)
        Mean squared residual of each column, weighted as in the factor model; infinite where it is not used.
    middle, spread : ndarray, shape (b,)
        Median of a patient's log mean square, and how far (in standard deviations) it reaches upwards.
    width : ndarray, shape (b,)
        Columns observed in the median patient who has the block.
    """

    variance: Matrix
    middle: Matrix
    spread: Matrix
    width: Matrix

    @classmethod
    def fit(cls, prepared: Sequence[PreparedBlock], model: FactorModel, scores: Scores) -> Residuals:
        """Fit on the patients that the model was fitted to.

        The model was drawn towards each of them; their residuals are as if it had been fitted to the others
        (division by 1 - leverage).
        """
        gram = scores.mean.T @ scores.mean + scores.missing_cov.sum(axis=0)
        leverage = (scores.mean * np.linalg.solve(gram, scores.mean.T).T).sum(axis=1)
        left = leftover(prepared, model, scores) / (1 - np.minimum(leverage, MOST_LEVERAGE))[:, None]
        seen = np.isfinite(left)
        variance = np.where(seen, left, 0.0) ** 2
        variance = variance.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        variance[~model.used | (variance <= 0)] = np.inf
        logs, count = _log_squares(prepared, left, variance)
        middle, spread, width = np.zeros(len(prepared)), np.ones(len(prepared)), np.ones(len(prepared))
        for b in range(len(prepared)):
            mine = logs[count[:, b] > 0, b]
            if len(mine):
                middle[b], upper = np.quantile(mine, (0.5, UPPER))
                spread[b] = max((upper - middle[b]) / UPPER_SDS, 1e-3)
                width[b] = np.median(count[count[:, b] > 0, b])
        return cls(variance, middle, spread, width)

    def oddness(self, prepared: Sequence[PreparedBlock], model: FactorModel, scores: Scores) -> Matrix:
        """Return (n,) sums over the blocks of squared standardised excesses; each patient by itself.

        At most 4 a block, but 1,000 where a block is beyond all measure.
        """
        return self.oddness_of(self.excess(prepared, leftover(prepared, model, scores)))

    def oddness_of(self, found: Excess) -> Matrix:
        """Return the same from what :meth:`excess` found."""
        excess, ratio = found.excess, found.ratio
        beyond = (ratio >= BEYOND_RATIO) & (excess >= BEYOND_EXCESS)
        odd = np.where(beyond, BEYOND, np.clip(excess, 0.0, MOST_EXCESS) ** 2)
        return np.asarray(np.ascontiguousarray(odd).sum(axis=1))

    def shifted(self, found: Excess, names: Sequence[str]) -> dict[str, tuple[int, int, float]]:
        """Return the blocks in which most new patients are odd: how many, of how many, median ratio."""
        told = {}
        for b, name in enumerate(names):
            mine = found.count[:, b] > 0
            odd = int((found.excess[mine, b] > SHIFTED).sum())
            if mine.sum() >= LEAST_SHIFTED and 2 * odd > mine.sum():
                told[name] = (odd, int(mine.sum()), float(np.median(found.ratio[mine, b])))
        return told

    def excess(self, prepared: Sequence[PreparedBlock], left: Matrix) -> Excess:
        """Compare what :func:`leftover` gave with the usual."""
        logs, count = _log_squares(prepared, left, self.variance)
        wider = np.sqrt(np.maximum(1.0, self.width / np.maximum(count, 1)))
        above = np.where(count > 0, logs - self.middle, 0.0)
        return Excess(above / (self.spread * wider), np.exp(above), count)


def leftover(prepared: Sequence[PreparedBlock], model: FactorModel, scores: Scores) -> Matrix:
    """Return (n, q) weighted values less what the factors say, NaN where missing."""
    values = np.hstack([block.values for block in prepared]) * model.weights
    said = (scores.mean[:, None, :] @ model.loadings.T)[:, 0, :]
    return np.asarray(np.ascontiguousarray(values) - said)


def _log_squares(
    prepared: Sequence[PreparedBlock], left: Matrix, variance: Matrix
) -> tuple[Matrix, NDArray[np.intp]]:
    """Return for n patients and b blocks the log of the mean square, and of how many columns."""
    logs, count = np.zeros((len(left), len(prepared))), np.zeros((len(left), len(prepared)), dtype=np.intp)
    start = 0
    for b, block in enumerate(prepared):
        end = start + block.values.shape[1]
        scale = 1 / variance[start:end]
        seen = np.isfinite(block.values) & (scale > 0)
        squares = np.where(seen, left[:, start:end], 0.0) ** 2 * scale
        count[:, b] = seen.sum(axis=1)
        logs[:, b] = np.log(np.maximum(squares.sum(axis=1), 1e-12) / np.maximum(count[:, b], 1))
        start = end
    return logs, count
