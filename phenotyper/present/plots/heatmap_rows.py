"""What a heatmap shows: features on the scale of the fit, which of them, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phenotyper.cohort.blocks import blocks_of
from phenotyper.cohort.container import block_names, features_of
from phenotyper.errors import FitError, Problem, ResultError
from phenotyper.outcomes.differences import hedges_against_rest, moments
from phenotyper.prepare.preparation import BlockPreparation, Preparation
from phenotyper.present.plots.style import RASTER_ABOVE, UNASSIGNED, clean
from phenotyper.present.plots.values import values_of

if TYPE_CHECKING:
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.outcomes.groups import Groups

    Floats = NDArray[np.float64]

_LONGEST = 34
MOST_COLUMNS = 600
"""Columns of all groups together when there are more than 2,000 patients."""
_GROUP_GAP, _BLOCK_GAP = 0.008, 0.35


@dataclass(frozen=True)
class Row:
    """One row: block, feature and the name to write."""

    block: str
    feature: str
    label: str
    left_out: bool = False
    """The preparation of a fit does not use the feature: it does not vary, or too few patients have it."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Features of all blocks on the scale of a fit.

    Parameters
    ----------
    ids : ndarray of str, patients
        In an order that does not depend on the files.
    values : ndarray, patients x rows
        z-scores; NaN = missing.
    rows : tuple of Row
        What each column of ``values`` is.
    adjusted : tuple of str
        Covariates that were taken out.
    """

    ids: NDArray[np.str_]
    values: Floats
    rows: tuple[Row, ...]
    adjusted: tuple[str, ...]

    def take(self, which: Sequence[int]) -> Rows:
        """Return some rows, in this order."""
        at = list(which)
        return replace(self, values=self.values[:, at], rows=tuple(self.rows[place] for place in at))


def rows_of(found: Any, cohort: MuData) -> Rows:
    """Prepare every feature of a cohort as the fit of ``found`` did, over the patients at hand."""
    adjusted = tuple(getattr(found, "adjusted_for", ()))
    blocks, ids = blocks_of(cohort, adjust_for=adjusted)
    try:
        preparation, columns = Preparation.fit_apply(blocks)
    except FitError:
        return Rows(ids, np.empty((len(ids), 0)), (), adjusted)
    prepared = {part.name: part.values for part in columns}
    fitted = {part.name: part for part in preparation.blocks}
    names = [name for name in block_names(cohort) if name in fitted]
    rows = tuple(row for name in names for row in _named(fitted[name], features_of(cohort, name)))
    return Rows(ids, np.hstack([prepared[name] for name in names]), rows, adjusted)


def _named(block: BlockPreparation, facts: Any) -> list[Row]:
    """Name each column of a prepared block; of a category, the level as well."""
    rows = []
    for j, level in block.column_names():
        feature = block.features[j]
        label = str(facts.loc[feature, "label"] or feature)
        if level and level != "yes":
            label = f"{clean(label, _LONGEST - min(len(level), 16) - 2)}: {clean(level, 16)}"
        rows.append(Row(block.name, feature, clean(label, _LONGEST)))
    return rows


def asked_for(rows: Rows, cohort: MuData, features: Sequence[str]) -> tuple[Rows, list[int], list[int]]:
    """Return the rows with those that a fit leaves out, and the numbers of the named and the possible ones.

    Parameters
    ----------
    rows : Rows
        All rows of the cohort.
    cohort : MuData
        Their cohort.
    features : sequence of str
        ``"block:feature"``, or the name of a block for those of its features that differ most.

    Returns
    -------
    Rows, list of int, list of int
        Rows; numbers of rows named one by one; numbers of rows in named blocks.

    Raises
    ------
    CohortError, ResultError
        UNKNOWN_NAME: there is no such feature; it is a column of the patients.
    """
    named: list[int] = []
    possible: list[int] = []
    for name in dict.fromkeys(features):
        if name in block_names(cohort):
            possible += [at for at, row in enumerate(rows.rows) if row.block == name]
            continue
        values_of(cohort, name)
        block = next((one for one in block_names(cohort) if name.startswith(f"{one}:")), None)
        if block is None:
            raise ResultError(
                Problem(
                    "UNKNOWN_NAME",
                    f'"{name}" is a column of the patients, not a feature',
                    f'Draw it above the heatmap: annotate=["{name}"].',
                    where=name,
                )
            )
        feature = name.removeprefix(f"{block}:")
        mine = [at for at, row in enumerate(rows.rows) if (row.block, row.feature) == (block, feature)]
        if not mine:
            rows = _with_empty(rows, Row(block, feature, f"{clean(feature, 22)} (left out)", left_out=True))
            mine = [len(rows.rows) - 1]
        named += mine
    return rows, named, [at for at in possible if at not in named]


def _with_empty(rows: Rows, row: Row) -> Rows:
    empty = np.full((len(rows.ids), 1), np.nan)
    return replace(rows, values=np.hstack([rows.values, empty]), rows=(*rows.rows, row))


def most_different(values: Floats, codes: NDArray[np.intp], k: int, *, most: int) -> list[int]:
    """Return the numbers of the columns that differ most surely between groups, each group in its turn.

    The interval of Hedges' g of a group against the rest of the assigned that keeps farthest from 0 comes
    first. With fewer than two groups: the most complete columns.
    """
    if k < 2:
        return np.argsort(np.isnan(values).sum(axis=0), kind="stable")[:most].tolist()
    _, low, high, _ = hedges_against_rest(moments(values, codes, k))
    distance = np.where(low > 0, low, np.where(high < 0, -high, 0.0))
    distance[np.isnan(low)] = -1.0
    queues = [iter(np.argsort(-one, kind="stable").tolist()) for one in distance]
    chosen: dict[int, None] = {}
    for turn in range(min(most, values.shape[1])):
        chosen[next(at for at in queues[turn % k] if at not in chosen)] = None
    return list(chosen)


def in_order(
    rows: Rows, which: Sequence[int], codes: NDArray[np.intp], k: int, *, blocks: Sequence[str]
) -> Rows:
    """Sort rows by block, then by the group in which they stand out, high before low."""
    some = rows.take(which)
    if not some.rows:
        return some
    place = np.array([list(blocks).index(row.block) for row in some.rows])
    if k < 2:
        return some.take(np.argsort(place, kind="stable").tolist())
    g = np.nan_to_num(hedges_against_rest(moments(some.values, codes, k))[0])
    strongest = np.abs(g).argmax(axis=0)
    return some.take(np.lexsort((-g[strongest, np.arange(len(place))], strongest, place)).tolist())


def seriated(values: Floats) -> NDArray[np.intp]:
    """Return an order of patients in which similar ones are neighbours: by their first principal component.

    Missing values count as the mean of 0, for the order only; who lacks more than half of them stands last.
    """
    late = np.isnan(values).mean(axis=1) > 0.5 if values.shape[1] else np.zeros(len(values), dtype=bool)
    filled = np.nan_to_num(values)
    filled = filled - filled.mean(axis=0, keepdims=True) if len(filled) else filled
    if min(filled.shape) < 2:
        return np.lexsort((filled.sum(axis=1), late))
    _, axes = np.linalg.eigh(filled.T @ filled)
    first = axes[:, -1] * (1.0 if axes[:, -1].sum() >= 0 else -1.0)
    return np.lexsort((np.round(filled @ first, 9), late))


class Group(NamedTuple):
    """Patients of one subphenotype: where they stand, in how many columns, and who is in each."""

    name: str
    start: float
    n: int
    bins: list[NDArray[np.intp]]


def columns_of(rows: Rows, groups: Groups) -> list[Group]:
    """Order the patients of each group; average neighbours when there are too many."""
    n = len(rows.ids)
    found, start = [], 0.0
    for name in (*groups.names, UNASSIGNED):
        members = np.flatnonzero(groups.mask(name))
        if not len(members):
            continue
        members = members[seriated(rows.values[members])] if rows.rows else members
        pieces = len(members) if n <= RASTER_ABOVE else max(round(MOST_COLUMNS * len(members) / n), 1)
        bins = np.array_split(members, min(pieces, len(members)))
        found.append(Group(name, start, len(members), bins))
        start += len(members) + _GROUP_GAP * n
    return found


def averaged(values: Floats, bins: Sequence[NDArray[np.intp]]) -> Floats:
    """Return the mean of the known values of each bin of patients, bins x features; NaN where none is."""
    out = np.full((len(bins), values.shape[1]), np.nan)
    for at, members in enumerate(bins):
        part = values[members]
        known = np.isfinite(part)
        count = known.sum(axis=0)
        out[at] = np.where(count > 0, np.where(known, part, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return out


def tops_of(rows: Rows) -> list[float]:
    """Return the upper edge of each row; blocks stand apart."""
    tops: list[float] = []
    for at, row in enumerate(rows.rows):
        new = at > 0 and row.block != rows.rows[at - 1].block
        tops.append((tops[-1] + 1 if tops else 0.0) + _BLOCK_GAP * new)
    return tops


def note_of(rows: Rows, columns: list[Group], groups: Groups) -> str:
    """Say on which scale the values are, what order means, and what was averaged or left out."""
    if not rows.rows:
        return ""
    adjusted = f", adjusted for {', '.join(rows.adjusted)}" if rows.adjusted else ""
    parts = [f"z-scores on the scale of the fit{adjusted}"]
    if len(groups.names) > 1:
        parts.append("descriptive: features that defined the clusters always differ")
    parts.append("similar patients are neighbours within a subphenotype")
    if any(row.left_out for row in rows.rows):
        parts.append("left out: constant, or known in too few patients")
    most = max(len(members) for group in columns for members in group.bins)
    if most > 1:
        parts.append(f"a column is the mean of up to {most} patients")
    return "; ".join(parts) + "."
