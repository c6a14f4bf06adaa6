"""Taking covariates out of features: least squares on splines of numbers and levels of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Covariate

    Matrix = NDArray[np.float64]

KNOT_QUANTILES = (0.05, 0.35, 0.65, 0.95)
RARE_LEVEL = 5
RIDGE = 1e-3


@dataclass(frozen=True)
class Basis:
    """Frozen design columns of one covariate: natural cubic spline of a number, or indicators of levels."""

    name: str
    knots: Matrix
    centre: Matrix
    scale: Matrix
    levels: tuple[int, ...]

    @classmethod
    def fit(cls, covariate: Covariate) -> Basis:
        """Fit on a covariate of n patients. Levels with fewer than five patients share the reference."""
        values = covariate.values
        seen = values[np.isfinite(values)]
        if covariate.levels:
            codes, counts = np.unique(seen.astype(np.intp), return_counts=True)
            kept = [int(code) for code, count in zip(codes, counts, strict=True) if count >= RARE_LEVEL]
            shares = np.array([np.mean(seen == code) for code in kept])
            return cls(covariate.name, np.zeros(0), shares, np.zeros(0), tuple(kept))
        if not len(seen):
            return cls(covariate.name, np.zeros(0), np.zeros(0), np.zeros(0), ())
        knots = np.unique(np.quantile(seen, KNOT_QUANTILES))
        columns = _natural_spline(seen, knots)
        spread = columns.std(axis=0)
        return cls(covariate.name, knots, columns.mean(axis=0), np.where(spread > 0, spread, 1.0), ())

    def columns(self, values: Matrix) -> Matrix:
        """Return (n, d) design columns; a patient without the covariate gets the average patient's."""
        missing = np.isnan(values)
        if self.levels or not len(self.knots):
            indicators = (values[:, None] == np.array(self.levels, dtype=np.float64)).astype(np.float64)
            indicators[missing] = self.centre
            return indicators
        inside = np.where(missing, self.knots[0], values)
        columns = (_natural_spline(inside, self.knots) - self.centre) / self.scale
        columns[missing] = 0.0
        return columns


@dataclass(frozen=True)
class Adjustment:
    """Fitted effects of the covariates on q columns.

    Parameters
    ----------
    bases : tuple of Basis
        Design of each covariate.
    middle : ndarray, shape (d,)
        Mean of the design columns, so that adjusted features keep their mean.
    effects : ndarray, shape (d, q)
        Coefficients.
    sd : ndarray, shape (q,)
        Standard deviation of the residuals.
    explained : ndarray, shape (q,)
        Share of each column's variance that the covariates explained.
    """

    bases: tuple[Basis, ...]
    middle: Matrix
    effects: Matrix
    sd: Matrix
    explained: Matrix

    @classmethod
    def fit(
        cls, values: Matrix, covariates: Sequence[Covariate], *, rescale: NDArray[np.bool_]
    ) -> Adjustment:
        """Fit on (n, q) standardised columns with NaN; columns marked ``rescale`` get unit variance again."""
        bases = tuple(Basis.fit(covariate) for covariate in covariates)
        raw = _design(bases, covariates, len(values))
        middle = raw.mean(axis=0) if raw.shape[1] else np.zeros(0)
        effects = _least_squares(raw - middle, values)
        residual = values - (raw - middle) @ effects
        sd = np.nanstd(residual, axis=0)
        before = np.nanvar(values, axis=0)
        explained = 1 - sd**2 / np.where(before > 0, before, 1.0)
        return cls(
            bases, middle, effects, np.where(rescale & (sd > 0), sd, 1.0), np.clip(explained, 0.0, 1.0)
        )

    def apply(self, values: Matrix, covariates: Sequence[Covariate]) -> Matrix:
        """Return adjusted columns."""
        design = _design(self.bases, covariates, len(values)) - self.middle
        return (values - design @ self.effects) / self.sd


def _design(bases: Sequence[Basis], covariates: Sequence[Covariate], n: int) -> Matrix:
    parts = [basis.columns(covariate.values) for basis, covariate in zip(bases, covariates, strict=True)]
    return np.hstack([np.zeros((n, 0)), *parts])


def _least_squares(design: Matrix, values: Matrix) -> Matrix:
    """Solve each column of ``values`` over its observed rows, with an intercept that is fitted and left out.

    A small ridge keeps collinear designs (a site that is one age band) solvable.
    """
    n, d = design.shape
    if d == 0:
        return np.zeros((0, values.shape[1]))
    full = np.hstack([np.ones((n, 1)), design])
    observed = np.isfinite(values).astype(np.float64)
    products = (full[:, :, None] * full[:, None, :]).reshape(n, -1)
    gram = (observed.T @ products).reshape(-1, d + 1, d + 1)
    gram += RIDGE * n * np.diag(np.r_[0.0, np.ones(d)]) + 1e-12 * np.eye(d + 1)
    right = full.T @ np.where(observed > 0, values, 0.0)
    return np.linalg.solve(gram, right.T[:, :, None])[:, 1:, 0].T


def _natural_spline(x: Matrix, knots: Matrix) -> Matrix:
    """Return natural cubic spline columns (Hastie, Tibshirani and Friedman 2009, equations 5.4 and 5.5)."""
    if len(knots) < 3:
        return x[:, None].astype(np.float64)
    low, high = knots[0], knots[-1]
    unit = (x - low) / (high - low)
    at = (knots - low) / (high - low)

    def bend(k: int) -> Matrix:
        return (np.maximum(unit - at[k], 0) ** 3 - np.maximum(unit - at[-1], 0) ** 3) / (at[-1] - at[k])

    last = bend(len(knots) - 2)
    return np.column_stack([unit, *(bend(k) - last for k in range(len(knots) - 2))])
