"""One scale a kind of feature: from values as measured to numbers that may be averaged.

Each scale is fitted on a matrix of features of one kind and replays itself on new patients row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

LEAST_FREQUENCY = 0.05
N_QUANTILES = 40
LOG_SKEW = 1.0
"""Skewness above which a number of 0 and more is logged, if that halves the skewness at least."""


class Scale(Protocol):
    """A fitted scale: ``apply`` takes (n, p) values to (n, q) numbers; ``source`` is the feature of each."""

    @property
    def source(self) -> NDArray[np.intp]:
        """Feature number (0..p-1) of every column that ``apply`` gives."""
        ...

    def apply(self, values: Matrix) -> Matrix:
        """Return the values on this scale; NaN stays NaN."""
        ...

    def words(self, feature: int) -> str:
        """Say what was done with a feature."""
        ...


@dataclass(frozen=True)
class Plain:
    """Values as they are (already on an additive scale)."""

    source: NDArray[np.intp]
    said: str

    @classmethod
    def fit(cls, values: Matrix, said: str) -> Plain:
        """Fit on (n, p) values."""
        return cls(np.arange(values.shape[1]), said)

    def apply(self, values: Matrix) -> Matrix:
        """Return the values."""
        return values.copy()

    def words(self, feature: int) -> str:
        """Say what was done."""
        return self.said


@dataclass(frozen=True)
class Number:
    """Numbers; one of 0 and more with a long right tail on the log scale.

    A zero counts as half of the smallest positive value (``floor``; 1 where there is no log).
    """

    source: NDArray[np.intp]
    logged: NDArray[np.bool_]
    floor: Matrix

    @classmethod
    def fit(cls, values: Matrix, *, always: bool = False) -> Number:
        """Choose the scale of every column of (n, p) values; ``always`` the log."""
        columns = np.ascontiguousarray(values.T)
        low = np.min(columns, axis=1, initial=np.inf, where=columns > 0)
        floor = np.where(np.isfinite(low), low / 2, 1.0)
        logged = np.ones(len(columns), dtype=bool)
        if not always:
            skew = _skewness(columns)
            logged = (np.nanmin(columns, axis=1) >= 0) & (skew > LOG_SKEW)
            log_skew = _skewness(np.log(np.maximum(columns[logged], floor[logged, None])))
            logged[logged] = np.abs(log_skew) < skew[logged] / 2
        return cls(np.arange(values.shape[1]), logged, np.where(logged, floor, 1.0))

    def apply(self, values: Matrix) -> Matrix:
        """Return logs where chosen, the values elsewhere."""
        result = np.array(values)
        if self.logged.any():
            result[:, self.logged] = np.log(np.maximum(values[:, self.logged], self.floor[self.logged]))
        return result

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "log (long right tail)" if self.logged[feature] else "as measured"


@dataclass(frozen=True)
class Counts:
    """Sequencing counts: each patient's total to the median total, then log(1 + x). Single counts: log only.

    The same as scanpy's ``normalize_total`` and ``log1p``; summed here, so that a patient alone gets the same
    bits as among others.
    """

    source: NDArray[np.intp]
    target_sum: float | None

    @classmethod
    def fit(cls, values: Matrix, *, whole_block: bool) -> Counts:
        """Take the patients' median total as the common library size when the block consists of counts."""
        totals = np.nansum(values, axis=1)
        totals = totals[totals > 0]
        target = float(np.median(totals)) if whole_block and len(totals) else None
        return cls(np.arange(values.shape[1]), target)

    def apply(self, values: Matrix) -> Matrix:
        """Return log(1 + normalised counts)."""
        if self.target_sum is None:
            return np.log1p(values)
        total = np.where(np.isnan(values), 0.0, values).sum(axis=1, keepdims=True)
        return np.log1p(values / np.where(total > 0, total, self.target_sum) * self.target_sum)

    def words(self, feature: int) -> str:
        """Say what was done."""
        return (
            "log(1 + count)" if self.target_sum is None else f"counts per {self.target_sum:.4g}, log(1 + x)"
        )


@dataclass(frozen=True)
class Logit:
    """Proportions on the logit scale, kept off 0 and 1 by half of the smallest distance seen."""

    source: NDArray[np.intp]
    unit: Matrix
    margin: Matrix

    @classmethod
    def fit(cls, values: Matrix, units: Sequence[str]) -> Logit:
        """Fit on (n, p) proportions; the unit "%" means 0 to 100."""
        unit = np.array([100.0 if text.strip() == "%" else 1.0 for text in units])
        share = values / unit
        inside = np.where((share > 0) & (share < 1), np.minimum(share, 1 - share), np.inf)
        margin = np.minimum(np.nanmin(inside, axis=0, initial=np.inf), 0.05) / 2
        return cls(np.arange(values.shape[1]), unit, margin)

    def apply(self, values: Matrix) -> Matrix:
        """Return log(x / (1 - x))."""
        share = np.clip(values / self.unit, self.margin, 1 - self.margin)
        return np.log(share) - np.log1p(-share)

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "logit"


@dataclass(frozen=True)
class CentredLogRatio:
    """Parts of a whole: log of each part over the geometric mean of the patient's parts (Aitchison 1986).

    Zeros count as half of the smallest positive share of the part in the cohort.
    """

    source: NDArray[np.intp]
    least: Matrix

    @classmethod
    def fit(cls, values: Matrix) -> CentredLogRatio:
        """Fit on (n, p) parts, each row on any common scale."""
        share = values / np.nansum(values, axis=1, keepdims=True).clip(np.finfo(float).tiny)
        least = np.min(np.where(share > 0, share, np.inf), axis=0, initial=np.inf) / 2
        whole = least[np.isfinite(least)]
        return cls(
            np.arange(values.shape[1]),
            np.where(np.isfinite(least), least, whole.min() if len(whole) else 1.0),
        )

    def apply(self, values: Matrix) -> Matrix:
        """Return centred log ratios over the parts observed in each patient."""
        total = np.nansum(values, axis=1, keepdims=True)
        logs = np.log(np.maximum(values / np.where(total > 0, total, 1.0), self.least))
        observed = np.isfinite(logs)
        mean = np.where(observed, logs, 0.0).sum(axis=1, keepdims=True) / np.maximum(
            observed.sum(axis=1, keepdims=True), 1
        )
        return logs - mean

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "centred log ratio"


@dataclass(frozen=True)
class Dosage:
    """Allele dosages in standard deviations of an allele in equilibrium: (x - 2p) / sqrt(2p(1 - p)).

    A patient's number of alleles is known exactly and its steps are equal, so that no intervals are needed,
    and the covariance of such columns is that by which ancestry is found (Patterson, Price and Reich 2006).
    Below a frequency of 5 % the divisor stays that of 5 %, so that rare variants count less.
    """

    source: NDArray[np.intp]
    frequency: Matrix

    @classmethod
    def fit(cls, values: Matrix) -> Dosage:
        """Fit on (n, p) dosages, 0 to 2."""
        return cls(np.arange(values.shape[1]), np.clip(np.nanmean(values, axis=0) / 2, 0.0, 1.0))

    def apply(self, values: Matrix) -> Matrix:
        """Return standardised dosages."""
        minor = np.maximum(np.minimum(self.frequency, 1 - self.frequency), LEAST_FREQUENCY)
        return (values - 2 * self.frequency) / np.sqrt(2 * minor * (1 - minor))

    def words(self, feature: int) -> str:
        """Say what was done."""
        return f"dosage over its spread at allele frequency {100 * self.frequency[feature]:.2g} %"


@dataclass(frozen=True)
class NormalScores:
    """Values by their rank: interpolated between normal scores of quantiles of the cohort.

    Parameters
    ----------
    source : ndarray of int, shape (p,)
    knots : tuple of ndarray
        Distinct quantiles of each feature, ascending.
    scores : tuple of ndarray
        Their normal scores; a quantile that many patients share has the middle one.
    """

    source: NDArray[np.intp]
    knots: tuple[Matrix, ...]
    scores: tuple[Matrix, ...]

    @classmethod
    def fit(cls, values: Matrix) -> NormalScores:
        """Fit on (n, p) values: quantiles 1.25 % to 98.75 %, so that no figure is an extreme patient's."""
        from scipy.special import ndtri

        shares = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
        knots, scores = [], []
        for column in values.T:
            at = np.quantile(column[~np.isnan(column)], shares)
            distinct, place = np.unique(at, return_inverse=True)
            middle = np.bincount(place, weights=shares) / np.bincount(place)
            knots.append(distinct)
            scores.append(ndtri(middle))
        return cls(np.arange(values.shape[1]), tuple(knots), tuple(scores))

    def apply(self, values: Matrix) -> Matrix:
        """Return normal scores; beyond the outer quantiles those of these."""
        result = np.empty(values.shape)
        for j, (knots, scores) in enumerate(zip(self.knots, self.scores, strict=True)):
            result[:, j] = np.interp(values[:, j], knots, scores)
        result[np.isnan(values)] = np.nan
        return result

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "normal scores"


def _skewness(columns: Matrix) -> Matrix:
    """Return the sample skewness of each row over its observed values; 0 where constant."""
    centred = columns - np.nanmean(columns, axis=1, keepdims=True)
    largest = np.nanmax(np.abs(centred), axis=1, keepdims=True)
    centred /= np.where(largest > 0, largest, 1.0)
    squares = centred**2
    spread = np.sqrt(np.nanmean(squares, axis=1))
    squares *= centred
    return np.nanmean(squares, axis=1) / np.where(spread > 0, spread, 1.0) ** 3
