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

    A zero counts as half of the smallest positive value.
    """

    source: NDArray[np.intp]
    logged: NDArray[np.bool_]
    floor: Matrix

    @classmethod
    def fit(cls, values: Matrix) -> Number:
        """Choose the scale of every column of (n, p) values."""
        low = np.nanmin(np.where(values > 0, values, np.nan), axis=0, initial=np.inf, where=values > 0)
        floor = np.where(np.isfinite(low), low / 2, 1.0)
        positive = np.nanmin(values, axis=0) >= 0
        logs = np.log(np.maximum(values, floor))
        skew, log_skew = _skewness(values), _skewness(logs)
        logged = positive & (skew > LOG_SKEW) & (np.abs(log_skew) < skew / 2)
        return cls(np.arange(values.shape[1]), logged, floor)

    def apply(self, values: Matrix) -> Matrix:
        """Return logs where chosen, the values elsewhere."""
        return np.where(self.logged, np.log(np.maximum(values, self.floor)), values)

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "log (long right tail)" if self.logged[feature] else "as measured"


@dataclass(frozen=True)
class Counts:
    """Sequencing counts: total-count normalisation by scanpy, then log(1 + x). Single counts: log only."""

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
        import anndata
        import scanpy

        filled = anndata.AnnData(np.nan_to_num(values))
        measured = np.asarray(filled.X).sum(axis=1) > 0
        result = np.array(values)
        if measured.any():
            part = filled[measured].copy()
            scanpy.pp.normalize_total(part, target_sum=self.target_sum)
            scanpy.pp.log1p(part)
            result[measured] = np.asarray(part.X)
        result[np.isnan(values)] = np.nan
        return result

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
class NormalScores:
    """Ordered levels as normal scores of their mid-ranks."""

    source: NDArray[np.intp]
    scores: tuple[Matrix, ...]

    @classmethod
    def fit(cls, values: Matrix, levels: Sequence[Sequence[str]]) -> NormalScores:
        """Fit on (n, p) codes 0..K-1."""
        from scipy.special import ndtri

        tables = []
        for column, names in zip(values.T, levels, strict=True):
            seen = column[np.isfinite(column)].astype(np.intp)
            counts = np.bincount(seen, minlength=max(len(names), int(seen.max(initial=0)) + 1))
            below = np.cumsum(counts) - counts / 2
            tables.append(ndtri((below + 0.5) / (counts.sum() + 1)))
        return cls(np.arange(values.shape[1]), tuple(tables))

    def apply(self, values: Matrix) -> Matrix:
        """Return the score of each level; unknown codes are missing."""
        result = np.full(values.shape, np.nan)
        for j, table in enumerate(self.scores):
            known = (values[:, j] >= 0) & (values[:, j] < len(table))
            result[known, j] = table[values[known, j].astype(np.intp)]
        return result

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "normal scores of the ordered levels"


@dataclass(frozen=True)
class Levels:
    """Yes/no and categories: one column a level; a step between levels counts 2 however rare it is.

    A balanced yes/no then has standard deviation 1, a rare one less, so that no single one carves out a
    cluster.
    """

    source: NDArray[np.intp]
    level: NDArray[np.intp]
    other: NDArray[np.intp]

    @classmethod
    def fit(cls, values: Matrix) -> Levels:
        """Fit on (n, p) codes; two levels give one column, whose ``other`` level is kept too."""
        source, level, other = [], [], []
        for j, column in enumerate(values.T):
            seen = np.unique(column[np.isfinite(column)]).astype(np.intp).tolist()
            two = len(seen) == 2
            kept = seen[1:] if two else seen
            source += [j] * len(kept)
            level += kept
            other += [seen[0] if two else -1] * len(kept)
        return cls(
            np.array(source, dtype=np.intp), np.array(level, dtype=np.intp), np.array(other, dtype=np.intp)
        )

    def apply(self, values: Matrix) -> Matrix:
        """Return 2 x indicator for two levels, sqrt(2) x indicator for more; unseen levels are missing."""
        columns = values[:, self.source]
        here = columns == self.level
        known = np.zeros(values.shape)
        np.add.at(known.T, self.source, (here | (columns == self.other)).T)
        step = np.where(self.other < 0, np.sqrt(2.0), 2.0)
        return np.where(known[:, self.source] > 0, here * step, np.nan)

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "indicators, a step between levels counts 2"


def _skewness(values: Matrix) -> Matrix:
    """Return the sample skewness of each column over its observed values; 0 where constant."""
    centred = values - np.nanmean(values, axis=0)
    largest = np.nanmax(np.abs(centred), axis=0)
    centred = centred / np.where(largest > 0, largest, 1.0)
    spread = np.sqrt(np.nanmean(centred**2, axis=0))
    return np.nanmean(centred**3, axis=0) / np.where(spread > 0, spread, 1.0) ** 3
