"""The usual preparation, the same for every peer, and what a peer returns.

Counts: library size, then log(1 + x). Compositions: centred log ratios, zeros as half of the least share.
Numbers of 0 and more with a skewness above 1: log. Logs, ordered levels (0, 1, 2, ...) and proportions: as
they are. Values below a limit: limit / sqrt(2). Then mean 0 and standard deviation 1. Yes/no and
categories: one column a level. Left out: features that are constant, or missing in more than 80 % of the
patients who have the block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Blocks

UNASSIGNED, LOST = -1, -2
MOST_MISSING = 0.8
DISCRETE = ("yes/no", "category")


@dataclass(frozen=True)
class Table:
    """One block of n patients after the usual preparation, NaN where missing.

    Parameters
    ----------
    name : str
        Name of the block.
    numbers : ndarray, shape (n, p)
        Standardised.
    levels : ndarray, shape (n, q)
        0 and 1, a column a level (of yes/no one).
    text : DataFrame, n rows
        Yes/no and categories as text.
    present : ndarray of bool, shape (n,)
        Who has the block.
    """

    name: str
    numbers: NDArray[np.float64]
    levels: NDArray[np.float64]
    text: pd.DataFrame
    present: NDArray[np.bool_]

    @property
    def columns(self) -> NDArray[np.float64]:
        """Numbers and standardised levels side by side."""
        return np.hstack([self.numbers, _standardised(self.levels)])

    @property
    def filled(self) -> NDArray[np.float64]:
        """The same with means in place of what is missing."""
        return np.nan_to_num(self.columns)


Tables = tuple[Table, ...]


@dataclass(frozen=True)
class Grouping:
    """Groups of n patients.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        From 0; -1 unassigned, -2 lost (the method takes no such patient).
    points : ndarray, shape (n, f), optional
        Where the groups were looked for.
    everyone : ndarray of int, shape (n,), optional
        The nearest group of everybody, where the method has an answer of its own; -2 lost.
    """

    labels: NDArray[np.intp]
    points: NDArray[np.float64] | None = None
    everyone: NDArray[np.intp] | None = None


def least_size(n: int) -> int:
    """Return the least size of a group that all methods are given: 5 % of the patients, at least 10."""
    return max(10, round(n / 20))


def placed(found: Grouping) -> NDArray[np.intp]:
    """Return the labels with the unassigned in the group of the nearest centroid; the lost stay lost."""
    if found.everyone is not None:
        return found.everyone
    groups = np.unique(found.labels[found.labels >= 0])
    result = found.labels.copy()
    away = found.labels == UNASSIGNED
    if not len(groups) or not away.any():
        result[away] = 0
        return result
    assert found.points is not None
    centres = np.array([found.points[found.labels == group].mean(axis=0) for group in groups])
    distances = ((found.points[away][:, None, :] - centres) ** 2).sum(axis=2)
    result[away] = groups[distances.argmin(axis=1)]
    return result


def tables_of(blocks: Blocks) -> Tables:
    """Prepare the blocks of a cohort; a block with no usable feature is left out."""
    made = (_table(block) for block in blocks.blocks)
    return tuple(table for table in made if table.numbers.shape[1] + table.levels.shape[1])


def least_pieces(tables: Tables) -> NDArray[np.bool_]:
    """Return who has every block."""
    return np.all([table.present for table in tables], axis=0)


def _table(block: Block) -> Table:
    values = np.where(block.censored < 0, block.values / np.sqrt(2), block.values)
    kinds = np.array(block.kinds)
    here = values[block.present]
    missing = np.isnan(here).mean(axis=0) if len(here) else np.ones(len(kinds))
    varies = np.array([len(np.unique(column[np.isfinite(column)])) > 1 for column in values.T], dtype=bool)
    kept = varies & (missing <= MOST_MISSING)
    numeric, discrete = kept & ~np.isin(kinds, DISCRETE), np.flatnonzero(kept & np.isin(kinds, DISCRETE))
    numbers = [_scaled(values[:, numeric & (kinds == kind)], kind) for kind in np.unique(kinds[numeric])]
    text = {block.features[j]: _words(values[:, j], block.levels[j]) for j in discrete}
    levels = [_indicators(values[:, j]) for j in discrete]
    n = len(values)
    return Table(
        block.name,
        _standardised(np.hstack([np.empty((n, 0)), *numbers])),
        np.hstack([np.empty((n, 0)), *levels]),
        pd.DataFrame(text, index=range(n)),
        block.present,
    )


def _scaled(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    if kind == "counts":
        totals = np.nansum(values, axis=1, keepdims=True)
        size = np.median(totals[totals > 0])
        return np.log1p(values * size / np.where(totals > 0, totals, np.nan))
    if kind == "composition":
        share = values / np.nansum(values, axis=1, keepdims=True).clip(1e-300)
        least = np.nanmin(np.where(share > 0, share, np.nan)) / 2
        logs = np.log(np.maximum(share, least))
        mean = np.nan_to_num(logs).sum(axis=1, keepdims=True) / np.isfinite(logs).sum(
            axis=1, keepdims=True
        ).clip(1)
        return logs - mean
    if kind == "number":
        return np.column_stack([_logged(column) for column in values.T])
    return values


def _logged(column: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import skew

    known = column[np.isfinite(column)]
    if known.min() < 0 or skew(known) <= 1:
        return column
    return np.log(np.maximum(column, known[known > 0].min() / 2))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not values.shape[1]:
        return values
    spread = np.nanstd(values, axis=0)
    return (values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1.0)


def _words(column: NDArray[np.float64], levels: tuple[str, ...]) -> list[Any]:
    names = dict(enumerate(levels))
    return [names.get(int(code), f"{code:g}") if np.isfinite(code) else np.nan for code in column]


def _indicators(column: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.unique(column[np.isfinite(column)])
    seen = seen[1:] if len(seen) == 2 else seen
    return np.where(np.isnan(column)[:, None], np.nan, column[:, None] == seen)
