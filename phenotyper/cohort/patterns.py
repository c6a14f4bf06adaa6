"""Which values are missing together: patterns over whole blocks and groups of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.container import block_names, patients_of
from phenotyper.errors import Problem, ResultError, did_you_mean, listed

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData
    from numpy.typing import NDArray

COMPLETE = "complete"
_NAMED = 2


@dataclass(frozen=True)
class Item:
    """What is missing as one: a whole block, or features that are always missing together.

    Parameters
    ----------
    block : str
        Block that it belongs to.
    features : tuple of str
        Its features; all features of the block when the block itself is absent.
    absent : bool
        The patient does not have the block at all.
    pooled : bool
        Features that are not always missing together: at least one of them is missing.
    """

    block: str
    features: tuple[str, ...]
    absent: bool = False
    pooled: bool = False

    @property
    def text(self) -> str:
        """Say what is missing, without the block.

        Examples
        --------
        >>> Item("urine", ("ph",)).text, Item("urine", ("ph", "zinc", "lead")).text
        ('ph', 'ph and 2 more')
        >>> Item("urine", ("ph", "zinc"), absent=True).text
        'whole block'
        """
        if self.absent:
            return "whole block"
        if self.pooled:
            return f"any of {len(self.features):,} others"
        if len(self.features) <= _NAMED:
            return ", ".join(self.features)
        return f"{self.features[0]} and {len(self.features) - 1:,} more"


@dataclass(frozen=True, eq=False)
class Patterns:
    """Distinct patterns of missing values, the most frequent first.

    Parameters
    ----------
    items : tuple of Item
        Block by block, the most missing first.
    lacking : ndarray of bool, patterns x items
        What each pattern lacks.
    patients : ndarray of int, patterns
        Patients who have it.
    n_features : int
        Features considered.
    """

    items: tuple[Item, ...]
    lacking: NDArray[np.bool_]
    patients: NDArray[np.intp]
    n_features: int


def missing_patterns(cohort: MuData, *, block: str | None = None) -> pd.DataFrame:
    """Return which features are missing together, and in how many patients.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    block : str, optional
        Only this block and the patients who have it; all blocks and patients by default.

    Returns
    -------
    DataFrame
        A row a distinct pattern, the most frequent first: ``pattern`` in words, ``patients``,
        ``n_features`` (missing in it) and ``lacking``, a tuple with the name of each block that is absent and
        ``block:feature`` of each other missing feature.

    Raises
    ------
    ResultError
        UNKNOWN_NAME: the cohort has no such block.

    Examples
    --------
    >>> from phenotyper.cohort.read import read_cohort
    >>> labs = {"crp": [1.0, 2, None, 4], "wbc": [1.0, 2, None, 5], "hb": [9.0, 8, 7, 6]}
    >>> labs = {"file": pd.DataFrame(labs, index=list("abcd")), "kind": "number"}
    >>> cohort = read_cohort({"name": "x", "blocks": {"labs": labs}}, quiet=True)
    >>> missing_patterns(cohort)[["pattern", "patients"]].values.tolist()
    [['complete', 3], ['labs: crp, wbc', 1]]
    """
    found = patterns_of(cohort, block=block)
    rows = [[found.items[at] for at in np.flatnonzero(row)] for row in found.lacking]
    columns: dict[str, Any] = {
        "pattern": pd.array([pattern_text(items) for items in rows], dtype="str"),
        "patients": found.patients.astype(np.int64),
        "n_features": np.array([sum(len(item.features) for item in items) for items in rows], dtype=np.int64),
    }
    table = pd.DataFrame(columns)
    table["lacking"] = pd.Series([_names(items) for items in rows], dtype=object, index=table.index)
    return table


def pattern_text(items: Sequence[Item]) -> str:
    """Say in words what is missing: "complete", "diet: whole block; labs: crp, wbc"."""
    if not items:
        return COMPLETE
    by_block: dict[str, list[str]] = {}
    for item in items:
        by_block.setdefault(item.block, []).append(item.text)
    return "; ".join(f"{block}: {', '.join(texts)}" for block, texts in by_block.items())


def patterns_of(cohort: MuData, *, block: str | None = None, most_items: int | None = None) -> Patterns:
    """Find the patterns; see :func:`missing_patterns`.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    block : str, optional
        Only this block and the patients who have it.
    most_items : int, optional
        Of each block keep so many items apart, the most missing ones; the others count as one, missing when
        any of them is.
    """
    names = block_names(cohort)
    if block is not None and block not in names:
        raise ResultError(
            Problem(
                "UNKNOWN_NAME",
                f'there is no block "{block}" in this cohort',
                f"Its blocks: {listed(names, 12) or 'none'}.{did_you_mean(block, names)}",
                where=block,
            )
        )
    chosen = names if block is None else (block,)
    ids = patients_of(cohort).index if block is None else pd.Index(cohort[block].obs_names)
    items: list[Item] = []
    columns = [np.zeros((len(ids), 0), dtype=bool)]
    for name in chosen:
        mine, lacking = _items(name, cohort[name], ids, most=most_items)
        items += mine
        columns.append(lacking)
    patterns, patients = _distinct(np.hstack(columns))
    return Patterns(tuple(items), patterns, patients, sum(cohort[name].n_vars for name in chosen))


def _items(
    name: str, part: AnnData, ids: pd.Index, *, most: int | None
) -> tuple[list[Item], NDArray[np.bool_]]:
    """Return the items of a block, and which patients lack them (patients x items)."""
    rows = ids.get_indexer(part.obs_names)
    stored: Any = part.X
    missing = np.isnan(stored.toarray() if hasattr(stored, "toarray") else np.asarray(stored))
    features = [str(feature) for feature in part.var_names]
    groups: dict[bytes, list[int]] = {}
    for at in np.flatnonzero(missing.any(axis=0)).tolist():
        groups.setdefault(np.packbits(missing[:, at]).tobytes(), []).append(at)
    ordered = sorted(groups.values(), key=lambda group: -int(missing[:, group[0]].sum()))
    items, columns = [], []
    absent = np.ones(len(ids), dtype=bool)
    absent[rows] = False
    if absent.any():
        items.append(Item(name, tuple(features), absent=True))
        columns.append(absent)
    pooled: list[int] = []
    if most is not None and len(ordered) > most:
        pooled = sorted(at for group in ordered[most - 1 :] for at in group)
        ordered = [*ordered[: most - 1], pooled]
    for group in ordered:
        items.append(Item(name, tuple(features[at] for at in group), pooled=group is pooled))
        lacking = np.zeros(len(ids), dtype=bool)
        lacking[rows] = missing[:, group].any(axis=1)
        columns.append(lacking)
    return items, np.array(columns, dtype=bool).reshape(len(columns), len(ids)).T


def _distinct(lacking: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return the distinct rows and how often each occurs: most frequent first, then what lacks least."""
    if not lacking.shape[0]:
        return lacking, np.zeros(0, dtype=np.intp)
    if not lacking.shape[1]:
        return lacking[:1], np.array([len(lacking)])
    _, first, counts = np.unique(np.packbits(lacking, axis=1), axis=0, return_index=True, return_counts=True)
    rows = lacking[first]
    order = np.lexsort((*(~rows).T[::-1], rows.sum(axis=1), -counts))
    return rows[order], counts[order]


def _names(items: Sequence[Item]) -> tuple[str, ...]:
    names: list[str] = []
    for item in items:
        names += [item.block] if item.absent else [f"{item.block}:{feature}" for feature in item.features]
    return tuple(names)
