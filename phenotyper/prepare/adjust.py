"""Taking covariates out of features: least squares on splines of numbers and levels of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phenotyper.prepare.intervals import Cells, interval_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Covariate

    Matrix = NDArray[np.float64]

KNOT_QUANTILES = (0.05, 0.35, 0.65, 0.95)
RARE_LEVEL = 5
MOST_RATIO = 3.0
LIMIT = 5.0
"""Adjusted numbers beyond this many standard deviations are brought to it."""
_CELLS = 1 << 17


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

    @property
    def n_columns(self) -> int:
        """Number of design columns."""
        return len(self.centre)

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
        Mean of the design columns.
    effects : ndarray, shape (d, q)
        Coefficients.
    offset : ndarray, shape (q,)
        Taken off besides, so that the spread is around 0; of intervals, whose cuts are those of everybody.
    spread : ndarray, shape (d, q)
        Change of the residual's standard deviation with the design, relative to its mean.
    sd : ndarray, shape (q,)
        Standard deviation of the residuals after that.
    limit : ndarray, shape (q,)
        Residuals beyond it are brought to it; infinite where there is none.
    explained : ndarray, shape (q,)
        Share of each column's variance that the covariates explain in patients who were not fitted.
    """

    bases: tuple[Basis, ...]
    middle: Matrix
    effects: Matrix
    offset: Matrix
    spread: Matrix
    sd: Matrix
    limit: Matrix
    explained: Matrix

    @classmethod
    def none(cls, q: int) -> Adjustment:
        """Return no adjustment of q columns."""
        empty = np.zeros((0, q))
        return cls((), np.zeros(0), empty, np.zeros(q), empty, np.ones(q), np.full(q, np.inf), np.zeros(q))

    def design(self, covariates: Sequence[Covariate], n: int) -> Matrix:
        """Return the (n, d) centred design of patients."""
        return design_of(self.bases, covariates, n) - self.middle

    def apply(self, values: Matrix, cells: Cells, covariates: Sequence[Covariate]) -> tuple[Matrix, Cells]:
        """Return adjusted (n, q) columns and cells of patients who were not fitted, each by itself."""
        design = self.design(covariates, len(values))
        if not design.shape[1]:
            return values, cells
        effects = Effects(self.effects, self.offset, self.spread, self.sd, self.limit)
        return adjusted(values, cells, design, effects)


def design_of(bases: Sequence[Basis], covariates: Sequence[Covariate], n: int) -> Matrix:
    """Return the (n, d) design of all covariates, not centred."""
    parts = [basis.columns(covariate.values) for basis, covariate in zip(bases, covariates, strict=True)]
    return np.hstack([np.zeros((n, 0)), *parts])


class Effects(NamedTuple):
    """What is taken out: slopes and relative spread (d, q), offset and sd (q,); limit (q,) of the rest."""

    slopes: Matrix
    offset: Matrix
    spread: Matrix
    sd: Matrix
    limit: Matrix


def adjusted(values: Matrix, cells: Cells, design: Matrix, effects: Effects) -> tuple[Matrix, Cells]:
    """Take fitted effects out of values and bounds, and divide by the fitted standard deviation.

    Where only an interval is known, the value is the mean of the standard normal in it. No sum runs over
    patients, and every sum in a fixed order: a patient alone gets the same bits as among others.
    """
    shift = product(design, effects.slopes) + effects.offset
    scale = np.broadcast_to(effects.sd, values.shape)
    if effects.spread.any():
        scale = effects.sd * ratio(design, effects.spread)
    found = np.clip((values - shift) / scale, -effects.limit, effects.limit)
    if not len(cells.coarse):
        return found, cells
    at = cells.coarse
    known, limit = cells.lower == cells.upper, effects.limit[at]
    lower, upper = ((bound - shift[:, at]) / scale[:, at] for bound in (cells.lower, cells.upper))
    lower, upper = (np.where(known, np.clip(bound, -limit, limit), bound) for bound in (lower, upper))
    found[:, at] = interval_mean(lower, upper)
    return found, Cells(at, lower, upper)


def ratio(design: Matrix, spread: Matrix) -> Matrix:
    """Return the fitted standard deviation relative to its mean, kept between a third and three."""
    return np.clip(1.0 + product(design, spread), 1 / MOST_RATIO, MOST_RATIO)


def product(design: Matrix, effects: Matrix) -> Matrix:
    """Return ``design @ effects``, summed in the order of the columns whatever the number of rows."""
    result = np.zeros((len(design), effects.shape[1]))
    step = max(1, _CELLS // max(1, effects.shape[1]))
    for start in range(0, len(design), step):
        part = result[start : start + step]
        for column, effect in zip(design[start : start + step].T, effects, strict=True):
            if effect.any():
                part += column[:, None] * effect
    return result


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
