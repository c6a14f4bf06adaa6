"""Adjustment of the patients of a fit, each by what the others show; the model of all for new patients.

A residual from a spline that the patient helped to fit is too small. Here every patient's residual comes from
the nine tenths of the patients that the patient is not in (cross-fitting; Chernozhukov 2018), and so does the
change with age of the standard deviation that it is divided by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.prepare.adjust import LIMIT, Adjustment, Basis, Effects, adjusted, design_of, ratio
from phenotyper.prepare.intervals import Cells
from phenotyper.prepare.latent import latent_regression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Covariate

    Matrix = NDArray[np.float64]

FOLDS = 10
RIDGE = 1e-3
MOST_EXPLAINED = 0.995
"""What is left of a column that covariates explain better is rounding: no feature."""
_CELLS = 4_000_000


def folds_of(ties: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the fold of each patient; patients with equal content share one.

    Examples
    --------
    >>> folds_of(np.array([0, 1, 1, 2])).tolist()
    [0, 1, 1, 2]
    """
    return np.unique(ties, return_inverse=True)[1] % FOLDS


def cross_fitted(
    values: Matrix,
    cells: Cells,
    covariates: Sequence[Covariate],
    *,
    folds: NDArray[np.intp],
    free: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
) -> tuple[Adjustment, Matrix, Cells]:
    """Fit an adjustment and return it with the adjusted columns of the patients of the fit.

    Parameters
    ----------
    values : ndarray, shape (n, q)
        Standardised columns with NaN.
    cells : Cells
        Intervals among them.
    covariates : sequence of Covariate
        Of the same n patients.
    folds : ndarray of int, shape (n,)
        From :func:`folds_of`.
    free : ndarray of bool, shape (q,)
        Columns whose standard deviation is fitted and divided by.
    wanted : ndarray of bool, shape (q,)
        Columns to adjust; the others stay as they are.
    """
    bases = tuple(Basis.fit(covariate) for covariate in covariates)
    raw = design_of(bases, covariates, len(values))
    middle = raw.mean(axis=0)
    design = raw - middle
    (n, d), q = design.shape, values.shape[1]
    limit = np.where(free & wanted, LIMIT, np.inf)
    empty = (np.zeros((d, q)), np.zeros(q), np.zeros((d, q)), np.ones(q), limit, np.zeros(q))
    found = Adjustment(bases, middle, *empty)
    if not d or not q:
        return found, values, cells
    numeric = np.concatenate([np.full(basis.n_columns, not basis.levels) for basis in bases])
    result, lower, upper = values.copy(), cells.lower.copy(), cells.upper.copy()
    step = max(1, _CELLS // ((d + 1) ** 2 * (FOLDS + 1) + n))
    columns = np.flatnonzero(wanted)
    for at in (columns[start : start + step] for start in range(0, len(columns), step)):
        inside = np.isin(cells.coarse, at)
        own = Cells(np.searchsorted(at, cells.coarse[inside]), lower[:, inside], upper[:, inside])
        part = _fit_part(values[:, at], own, design, folds=folds, numeric=numeric, limit=limit[at])
        found.effects[:, at], found.spread[:, at] = part.effects.slopes, part.effects.spread
        found.offset[at], found.sd[at] = part.effects.offset, part.effects.sd
        found.explained[at] = part.explained
        result[:, at] = part.values
        lower[:, inside], upper[:, inside] = part.cells.lower, part.cells.upper
    return found, result, Cells(cells.coarse, lower, upper)


@dataclass(frozen=True)
class _Part:
    effects: Effects
    explained: Matrix
    values: Matrix
    cells: Cells


def _fit_part(
    values: Matrix,
    cells: Cells,
    design: Matrix,
    *,
    folds: NDArray[np.intp],
    numeric: NDArray[np.bool_],
    limit: Matrix,
) -> _Part:
    solver = _Solver.fit(design, np.isfinite(values), folds)
    effects = solver.solve(values)
    residual = values - solver.out_of_fold(effects)
    before = np.nanvar(values, axis=0)
    explained = np.clip(1 - np.nanvar(residual, axis=0) / np.where(before > 0, before, 1.0), 0.0, 1.0)
    spread = np.zeros_like(effects)
    free = np.isfinite(limit)
    free[cells.coarse] = False
    centre = np.where(free, np.nanmean(residual, axis=0), 0.0)
    residual -= centre
    if numeric.any() and free.any():
        spread[:, :, free] = _spread(residual[:, free], solver.only(free), numeric)
    relative = np.ones((1, 1))
    if spread.any():
        relative = np.empty(values.shape)
        for k in range(FOLDS):
            relative[folds == k] = ratio(design[folds == k], spread[k])
    sd = np.nanstd(residual / relative, axis=0)
    sd = np.where(free & (sd > 0), sd, 1.0)
    offset = np.tile(centre, (FOLDS + 1, 1))
    if len(cells.coarse):
        full = np.hstack([np.ones((len(design), 1)), design])
        ridge = RIDGE * len(design) * np.r_[0.0, np.ones(design.shape[1])]
        latent = latent_regression(cells.lower, cells.upper, full, folds=folds, n_folds=FOLDS, ridge=ridge)
        offset[:, cells.coarse], effects[:, :, cells.coarse] = (
            latent.coefficients[:, 0],
            latent.coefficients[:, 1:],
        )
        sd[cells.coarse] = latent.sd
    every = [Effects(effects[k], offset[k], spread[k], sd, limit) for k in range(FOLDS + 1)]
    done, bounds = np.empty(values.shape), Cells(cells.coarse, cells.lower.copy(), cells.upper.copy())
    for k in range(FOLDS):
        mine = folds == k
        own = Cells(cells.coarse, cells.lower[mine], cells.upper[mine])
        done[mine], new = adjusted(values[mine], own, design[mine], every[k])
        bounds.lower[mine], bounds.upper[mine] = new.lower, new.upper
    return _Part(every[-1], explained, done, bounds)


def _spread(residual: Matrix, solver: _Solver, numeric: NDArray[np.bool_]) -> Matrix:
    """Return how the standard deviation changes with the numeric covariates, (FOLDS + 1, d, q), relative.

    Least squares of the residual's size, drawn to none by 1 - h / chi squared of its h coefficients.
    """
    size = np.abs(residual)
    level = np.nanmean(size, axis=0)
    level = np.where(level > 0, level, 1.0)
    slopes = solver.among(numeric).solve(size)
    fitted = solver.design @ slopes[-1]
    seen = np.isfinite(size)
    signal = np.where(seen, fitted**2, 0.0).sum(axis=0)
    noise = np.nanvar(size - fitted, axis=0)
    strength = signal / np.where(noise > 0, noise, 1.0)
    kept = np.maximum(0.0, 1 - int(numeric.sum()) / np.maximum(strength, 1e-12))
    return slopes * (kept / level)


@dataclass(frozen=True)
class _Solver:
    """Least squares with an intercept over the observed rows of each column, without each fold and on all.

    Columns with the same rows missing share their inverse. A small ridge keeps collinear designs (a site that
    is one age band) solvable.

    Parameters
    ----------
    design : ndarray, shape (n, d)
    folds : ndarray of int, shape (n,)
    grams : ndarray, shape (patterns, FOLDS + 1, d + 1, d + 1)
        Sums of products of each pattern of missing rows: without each fold, and over all patients.
    pattern : ndarray of int, shape (q,)
        Pattern of each column.
    used : ndarray of bool, shape (d,)
        Columns of the design that take part.
    """

    design: Matrix
    folds: NDArray[np.intp]
    grams: Matrix
    pattern: NDArray[np.intp]
    used: NDArray[np.bool_]

    @classmethod
    def fit(cls, design: Matrix, observed: NDArray[np.bool_], folds: NDArray[np.intp]) -> _Solver:
        """Sum up the products for every pattern of missing rows."""
        n, d = design.shape
        packed = np.ascontiguousarray(np.packbits(observed, axis=0).T)
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, pattern = np.unique(keys, return_index=True, return_inverse=True)
        full = np.hstack([np.ones((n, 1)), design])
        products = (full[:, :, None] * full[:, None, :]).reshape(n, -1)
        weight = observed[:, first].astype(np.float64)
        own = np.stack([weight[folds == k].T @ products[folds == k] for k in range(FOLDS)], axis=1)
        own = own.reshape(len(first), FOLDS, d + 1, d + 1)
        total = own.sum(axis=1, keepdims=True)
        return cls(
            design, folds, np.concatenate([total - own, total], axis=1), pattern, np.ones(d, dtype=bool)
        )

    def only(self, columns: NDArray[np.bool_]) -> _Solver:
        """Return the solver of some columns."""
        return replace(self, pattern=self.pattern[columns])

    def among(self, used: NDArray[np.bool_]) -> _Solver:
        """Return the solver with some columns of the design."""
        return replace(self, used=used)

    def solve(self, values: Matrix) -> Matrix:
        """Return the slopes (FOLDS + 1, d, q) of (n, q) values: without each fold, and of all patients."""
        n, d = self.design.shape
        full = np.hstack([np.ones((n, 1)), self.design[:, self.used]])
        filled = np.where(np.isfinite(values), values, 0.0)
        own = np.stack([full[self.folds == k].T @ filled[self.folds == k] for k in range(FOLDS)])
        total = own.sum(axis=0, keepdims=True)
        right = np.concatenate([total - own, total])
        at = np.concatenate([[0], 1 + np.flatnonzero(self.used)])
        grams = self.grams[:, :, at[:, None], at]
        grams = grams + RIDGE * n * np.diag(np.r_[0.0, np.ones(len(at) - 1)]) + 1e-12 * np.eye(len(at))
        slopes = np.zeros((FOLDS + 1, d, values.shape[1]))
        slopes[:, self.used] = _solved(grams, right, self.pattern)[:, 1:]
        return slopes

    def out_of_fold(self, slopes: Matrix) -> Matrix:
        """Return what the covariates predict for each patient by the slopes without the patient's fold."""
        found = np.empty((len(self.design), slopes.shape[2]))
        for k in range(FOLDS):
            found[self.folds == k] = self.design[self.folds == k] @ slopes[k]
        return found


def _solved(grams: Matrix, right: Matrix, pattern: NDArray[np.intp]) -> Matrix:
    """Solve (K, D, q) right hand sides, each column by the (K, D, D) matrices of its pattern."""
    inverse = np.linalg.inv(grams)
    if len(inverse) == 1:
        return inverse[0] @ right
    return np.einsum("qkij,kjq->kiq", inverse[pattern], right)
