"""All blocks side by side: weighted columns with what is known of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.linalg import leading_eigenvalues
from phenotyper._kernels.posterior import row_posteriors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

SWEEPS = 50
SETTLED = 1e-10


@dataclass(frozen=True)
class Columns:
    """Weighted columns of n patients.

    Parameters
    ----------
    values : ndarray, shape (n, q)
        NaN where missing; the middle where an interval is known.
    known : ndarray, shape (n, q)
        The same, NaN where only an interval is known.
    coarse : ndarray of int, shape (m,)
        Columns that hold intervals.
    lower, upper : ndarray, shape (n, m)
        Their bounds, equal where the value is known, NaN where missing.
    latent : ndarray of bool, shape (q,)
        Columns in which no value is known, intervals only: their scale is a convention.
    weights : ndarray, shape (q,)
        Weight by which values and bounds were multiplied.
    block_of : ndarray of int, shape (q,)
        Number of the block.
    """

    values: Matrix
    known: Matrix
    coarse: NDArray[np.intp]
    lower: Matrix
    upper: Matrix
    latent: NDArray[np.bool_]
    weights: Matrix
    block_of: NDArray[np.intp]

    @classmethod
    def of(cls, blocks: Sequence[PreparedBlock], *, weights: Matrix | None = None) -> Columns:
        """Put blocks side by side, under the weights of a fit or their own."""
        widths = [block.values.shape[1] for block in blocks]
        if weights is None:
            weights = np.repeat([_block_weight(block) for block in blocks], widths)
        starts = np.cumsum([0, *widths])[:-1]
        coarse = np.concatenate([start + block.coarse for start, block in zip(starts, blocks, strict=True)])
        lower, upper = (
            np.hstack([getattr(block, side) for block in blocks]) * weights[coarse]
            for side in ("lower", "upper")
        )
        values = np.hstack([block.values for block in blocks]) * weights
        known = values.copy()
        known[:, coarse] = np.where(lower == upper, lower, np.nan)
        latent = np.zeros(len(weights), dtype=bool)
        latent[coarse] = ~(lower == upper).any(axis=0)
        block_of = np.repeat(np.arange(len(blocks)), widths)
        return cls(values, known, coarse, lower, upper, latent, weights, block_of)

    def only(self, chosen: NDArray[np.bool_]) -> Columns:
        """Return some of the columns."""
        inside = chosen[self.coarse]
        place = np.cumsum(chosen) - 1
        return Columns(
            self.values[:, chosen],
            self.known[:, chosen],
            place[self.coarse[inside]],
            self.lower[:, inside],
            self.upper[:, inside],
            self.latent[chosen],
            self.weights[chosen],
            self.block_of[chosen],
        )

    def without(self, held: NDArray[np.bool_]) -> Columns:
        """Return the columns with the cells marked in ``held``, shape (n, q), missing."""
        gone = held[:, self.coarse]
        return Columns(
            np.where(held, np.nan, self.values),
            np.where(held, np.nan, self.known),
            self.coarse,
            np.where(gone, np.nan, self.lower),
            np.where(gone, np.nan, self.upper),
            self.latent,
            self.weights,
            self.block_of,
        )

    def as_numbers(self) -> Columns:
        """Return the columns with the middle of each interval as if it were the value."""
        none = np.zeros(0, dtype=np.intp)
        empty, nowhere = np.zeros((len(self.values), 0)), np.zeros_like(self.latent)
        return Columns(self.values, self.values, none, empty, empty, nowhere, self.weights, self.block_of)

    def complete(self) -> Columns:
        """Return one made-up patient in whom every value is known."""
        zeros, none = np.zeros((1, len(self.weights))), np.zeros(0, dtype=np.intp)
        empty = np.zeros((1, 0))
        return Columns(zeros, zeros, none, empty, empty, self.latent, self.weights, self.block_of)


@dataclass(frozen=True)
class Posterior:
    """What is known of the scores of n patients.

    Means (n, f), covariances (n, f, f), and for the next round the stand-ins of the intervals (n, m, 2).
    """

    mean: Matrix
    covariance: Matrix
    sites: Matrix


def posterior(
    columns: Columns,
    *,
    loadings: Matrix,
    noise: Matrix,
    sites: Matrix | None = None,
    sweeps: int = SWEEPS,
    tolerance: float = SETTLED,
) -> Posterior:
    """Place patients on the factors.

    Parameters
    ----------
    columns : Columns
        Of n patients.
    loadings, noise : ndarray, shapes (q, f) and (q,)
        Of the weighted columns.
    sites : ndarray, shape (n, m, 2), optional
        Stand-ins of the intervals to start from.
    sweeps, tolerance
        The intervals are gone through until no score moves by more, or so many times.
    """
    spread = np.sqrt(noise)
    scaled = loadings / spread[:, None]
    f = scaled.shape[1]
    a, b = np.tril_indices(f)
    products = scaled[:, a] * scaled[:, b]
    total = np.zeros((f, f))
    total[a, b] = products.sum(axis=0)
    at = columns.coarse
    sites = np.zeros((len(columns.values), len(at), 2)) if sites is None else sites.copy()
    values, low, high = columns.known / spread, columns.lower / spread[at], columns.upper / spread[at]
    arrays = one_layout(values, scaled, products, total, low, high, scaled[at], sites)
    mean, covariance = row_posteriors(*arrays, sweeps, tolerance)  # type: ignore[call-arg]
    return Posterior(mean, covariance, arrays[-1])


def one_layout(*arrays: Matrix) -> tuple[Matrix, ...]:
    """Return arrays in C order, so that a kernel is compiled once only."""
    return tuple(np.ascontiguousarray(array, dtype=np.float64) for array in arrays)


def _block_weight(block: PreparedBlock) -> float:
    first = leading_eigenvalues(np.nan_to_num(block.values[block.present]), 1)[0]
    return float(1 / np.sqrt(first)) if first > 0 else 1.0
