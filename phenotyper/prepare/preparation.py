"""All blocks to comparable columns: scale by kind, take covariates out; fitted once, replayed on anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import FitError, Problem
from phenotyper.prepare.adjust import Adjustment
from phenotyper.prepare.scales import (
    CentredLogRatio,
    Counts,
    Levels,
    Logit,
    NormalScores,
    Number,
    Plain,
    Scale,
)
from phenotyper.prepare.standardise import Standard

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Blocks, Covariate

    Matrix = NDArray[np.float64]

LEAST_OBSERVED = 10
"""A feature observed in fewer patients than this is left out."""
MOST_MISSING = 0.8
"""A feature missing in more than this share of the patients who have its block is left out."""
DISCRETE = ("category", "yes/no")
LOG_LIKE = ("log", "npx")
FEW_VALUES = 5
"""A feature with this many different values or fewer comes in lumps, whatever its kind."""


@dataclass(frozen=True)
class PreparedBlock:
    """Comparable columns of one block: (n, q) values with NaN, unit variance but for rare levels.

    ``source`` numbers the feature of each column, ``discrete`` marks indicators.
    """

    name: str
    values: Matrix
    present: NDArray[np.bool_]
    source: NDArray[np.intp]
    lumpy: NDArray[np.bool_]


@dataclass(frozen=True)
class BlockPreparation:
    """Frozen transforms of one block. ``groups`` pairs the features of a kind with their scale."""

    name: str
    features: tuple[str, ...]
    kinds: tuple[str, ...]
    left_out: dict[int, str]
    groups: tuple[tuple[NDArray[np.intp], Scale], ...]
    source: NDArray[np.intp]
    lumpy: NDArray[np.bool_]
    standard: Standard
    adjustment: Adjustment
    observed: NDArray[np.intp]
    winsorised: Matrix

    @classmethod
    def fit(cls, block: Block, covariates: tuple[Covariate, ...]) -> BlockPreparation:
        """Fit on all patients who have the block."""
        values = _uncensored(block)
        left_out = _left_out(values, block.present)
        kept = np.array([j for j in range(len(block.features)) if j not in left_out], dtype=np.intp)
        groups = tuple(_groups(block, values, kept))
        source = np.concatenate(
            [columns[scale.source] for columns, scale in groups] or [np.zeros(0, dtype=np.intp)]
        )
        discrete = np.array([block.kinds[j] in DISCRETE for j in source], dtype=bool)
        scaled = _scaled(values, groups)
        standard = Standard.fit(scaled, discrete=discrete)
        columns = standard.apply(scaled)
        adjustment = Adjustment.fit(columns, covariates, rescale=~discrete)
        observed = np.isfinite(block.values).sum(axis=0)
        return cls(
            block.name,
            block.features,
            block.kinds,
            left_out,
            groups,
            source,
            _lumpy(values[:, source]),
            standard,
            adjustment,
            observed,
            standard.winsorised(scaled),
        )

    def apply(self, block: Block, covariates: tuple[Covariate, ...]) -> PreparedBlock:
        """Replay on a block with the same features in the same order."""
        scaled = self.standard.apply(_scaled(_uncensored(block), self.groups))
        return PreparedBlock(
            self.name, self.adjustment.apply(scaled, covariates), block.present, self.source, self.lumpy
        )

    def records(self) -> list[dict[str, object]]:
        """Return one record a feature: what was done and why."""
        said = {int(j): scale.words(i) for columns, scale in self.groups for i, j in enumerate(columns)}
        records = []
        for j, feature in enumerate(self.features):
            mine = self.source == j
            done = f"left out: {self.left_out[j]}" if j in self.left_out else said[j]
            records.append(
                {
                    "block": self.name,
                    "feature": feature,
                    "kind": self.kinds[j],
                    "n_observed": int(self.observed[j]),
                    "done": done,
                    "n_columns": int(mine.sum()),
                    "winsorised_share": float(self.winsorised[mine].max()) if mine.any() else 0.0,
                    "explained_by_covariates": float(self.adjustment.explained[mine].max())
                    if mine.any()
                    else 0.0,
                }
            )
        return records


@dataclass(frozen=True)
class Preparation:
    """Frozen transforms of every block of a cohort."""

    blocks: tuple[BlockPreparation, ...]

    @classmethod
    def fit(cls, blocks: Blocks) -> Preparation:
        """Fit on a cohort's arrays.

        Raises
        ------
        FitError
            No feature is left.
        """
        fitted = tuple(BlockPreparation.fit(block, blocks.covariates) for block in blocks.blocks)
        if not any(len(part.source) for part in fitted):
            raise FitError(
                Problem(
                    "NO_FEATURES",
                    f"no feature varies and is observed in {LEAST_OBSERVED} or more patients",
                    "Add features or patients.",
                )
            )
        return cls(tuple(part for part in fitted if len(part.source)))

    def apply(self, blocks: Blocks) -> tuple[PreparedBlock, ...]:
        """Replay on arrays with the same blocks and features; every row by itself."""
        by_name = {block.name: block for block in blocks.blocks}
        return tuple(part.apply(by_name[part.name], blocks.covariates) for part in self.blocks)

    @property
    def table(self) -> pd.DataFrame:
        """One row a feature: what was done and why, how often it was observed, what covariates explained."""
        import pandas as pd

        return pd.DataFrame([record for part in self.blocks for record in part.records()])


def _uncensored(block: Block) -> Matrix:
    """Put values below a limit at limit / sqrt(2) (Hornung & Reed 1990), on log scales half a unit lower."""
    if not block.censored.any():
        return block.values
    log_like = np.isin(block.kinds, LOG_LIKE)
    below = np.where(log_like, block.values - 0.5, block.values / np.sqrt(2.0))
    return np.where(block.censored < 0, below, block.values)


def _left_out(values: Matrix, present: NDArray[np.bool_]) -> dict[int, str]:
    observed = np.isfinite(values)
    count = observed.sum(axis=0)
    share = count / max(int(present.sum()), 1)
    low = np.min(np.where(observed, values, np.inf), axis=0, initial=np.inf)
    high = np.max(np.where(observed, values, -np.inf), axis=0, initial=-np.inf)
    reasons = {}
    for j in np.flatnonzero((count < LEAST_OBSERVED) | (1 - share > MOST_MISSING) | (low >= high)):
        if count[j] < LEAST_OBSERVED:
            reasons[int(j)] = f"observed in {count[j]} patients"
        elif low[j] >= high[j]:
            reasons[int(j)] = "constant"
        else:
            reasons[int(j)] = f"{1 - share[j]:.0%} missing"
    return reasons


def _lumpy(values: Matrix) -> NDArray[np.bool_]:
    return np.array(
        [len(np.unique(column[np.isfinite(column)])) <= FEW_VALUES for column in values.T], dtype=bool
    )


def _groups(block: Block, values: Matrix, kept: NDArray[np.intp]) -> list[tuple[NDArray[np.intp], Scale]]:
    kinds = np.array(block.kinds)
    groups: list[tuple[NDArray[np.intp], Scale]] = []
    for kind in sorted(set(kinds[kept])):
        columns = kept[kinds[kept] == kind]
        groups.append((columns, _scale(kind, block, values[:, columns], columns)))
    return groups


def _scale(kind: str, block: Block, values: Matrix, columns: NDArray[np.intp]) -> Scale:
    if kind == "number":
        return Number.fit(values)
    if kind == "counts":
        return Counts.fit(values, whole_block=set(block.kinds) == {"counts"} and len(block.kinds) > 1)
    if kind == "proportion":
        return Logit.fit(values, [block.units[j] for j in columns])
    if kind == "composition":
        return CentredLogRatio.fit(values)
    if kind == "ordinal":
        return NormalScores.fit(values, [block.levels[j] for j in columns])
    if kind in DISCRETE:
        return Levels.fit(values)
    return Plain.fit(values, {"dosage": "allele dosage"}.get(kind, "already on a log scale"))


def _scaled(values: Matrix, groups: tuple[tuple[NDArray[np.intp], Scale], ...]) -> Matrix:
    return np.hstack(
        [np.zeros((len(values), 0)), *(scale.apply(values[:, columns]) for columns, scale in groups)]
    )
