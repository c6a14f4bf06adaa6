"""How many factors: those above shuffled copies, or those that foretell held-out cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.linalg import leading_eigenvalues
from phenotyper.integrate.columns import posterior
from phenotyper.integrate.maximisation import maximise, principal_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.integrate.columns import Columns

    Matrix = NDArray[np.float64]

PERMUTATIONS = 10
HELD_OUT = 0.1
MOST_COLUMNS = 500
"""Columns of a block that take part in the held-out choice; of a wider one so many are drawn."""
FIRST_STEPS, MORE_STEPS = 20, 4


@dataclass(frozen=True)
class HeldOut:
    """How well 0, 1, ... factors foretell held-out cells.

    Parameters
    ----------
    error : ndarray, shape (most + 1,)
        Mean squared error of the weighted cells.
    """

    error: Matrix

    @property
    def n_factors(self) -> int:
        """Number of factors with the least error.

        Fewer within its standard error would foretell nearly as well, but lose minor directions, and groups
        with them.
        """
        return int(np.argmin(self.error))


def held_out(columns: Columns, *, most: int, rng: np.random.Generator) -> HeldOut:
    """Hold out a tenth of the observed cells and foretell them by 0 to ``most`` factors.

    Models are fitted from the largest down, each from the leading factors of the one before. The middle of an
    interval stands for it.
    """
    columns = columns.only(_drawn(columns.block_of, rng)).as_numbers()
    seen = np.isfinite(columns.values)
    held = seen & (rng.random(seen.shape) < HELD_OUT)
    rest = columns.without(held)
    target = np.where(held, columns.values, 0.0)
    error = np.empty(most + 1)
    error[0] = (target**2).sum()
    start, steps = principal_start(rest, most), FIRST_STEPS
    for k in range(most, 0, -1):
        fit = maximise(rest, start[:, :k], steps=steps)
        start, steps = fit.loadings, MORE_STEPS
        found = posterior(rest, loadings=fit.loadings, noise=fit.noise)
        error[k] = (np.where(held, target - found.mean @ fit.loadings.T, 0.0) ** 2).sum()
    return HeldOut(error / max(int(held.sum()), 1))


def _drawn(block_of: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.bool_]:
    chosen = np.ones(len(block_of), dtype=bool)
    for b in np.unique(block_of):
        mine = np.flatnonzero(block_of == b)
        if len(mine) > MOST_COLUMNS:
            chosen[mine] = False
            chosen[rng.choice(mine, MOST_COLUMNS, replace=False)] = True
    return chosen


def shuffled_eigenvalues(columns: Columns, k: int, rng: np.random.Generator) -> Matrix:
    """Return the 95th percentile of each leading eigenvalue, columns shuffled among their observed rows.

    Single precision halves the time; its error of 1e-6 is far below that of a percentile of ten copies.
    """
    mask = np.isfinite(columns.values)
    rows = np.ascontiguousarray(np.where(mask, columns.values, 0.0).T)
    whole = mask.all(axis=0)
    found = np.empty((PERMUTATIONS, k))
    for b in range(PERMUTATIONS):
        shuffled = np.zeros_like(rows)
        shuffled[whole] = rng.permuted(rows[whole], axis=1)
        for j in np.flatnonzero(~whole):
            observed = np.flatnonzero(mask[:, j])
            shuffled[j, observed] = rng.permutation(rows[j, observed])
        found[b] = leading_eigenvalues(shuffled.T.astype(np.float32), k)
    return np.asarray(np.quantile(found, 0.95, axis=0))
