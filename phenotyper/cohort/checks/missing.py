"""Much that is missing, and missingness that goes with the site or an outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from phenotyper._kernels.gaps import chunks
from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.columns import number_rule, order_of
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem, listed

MOSTLY = 0.5
STRONG = 0.3
"""Cramer's V from which missingness goes with something."""
ALPHA = 0.05
LEAST = 20
"""Fewest patients for a share."""
FEWEST = 5
"""Fewest patients who miss, and who have, a feature."""
PARTS = 4
"""Into how many equal parts a number outcome is cut."""


@number_rule("block")
def mostly_missing(block: CodedBlock) -> Iterator[Problem]:
    """Warn of features that most patients of the block lack."""
    n = len(block.ids)
    if n < LEAST:
        return
    misfit = np.array([feature.name in (block.misfits or {}) for feature in block.features], dtype=bool)
    known = order_of(block).known
    share = 1 - known / n
    much = np.flatnonzero((share > MOSTLY) & (known > 0) & ~misfit)
    if len(much):
        worst = much[np.argsort(-share[much], kind="stable")]
        shown = listed(f"{block.features[place].name} ({share[place]:.0%})" for place in worst)
        noun = "feature" if len(much) == 1 else "features"
        message = (
            f"{len(much)} {noun} of block {block.spec.name} missing in more than half of its {n} patients: "
            f"{shown}"
        )
        way = "take other summaries or a wider window" if block.spec.visits else "leave them out with exclude"
        remedy = (
            f"Groups may form on what was measured, not on its value: {way}, or look at "
            "ph.plot_missingness(cohort) first."
        )
        yield Problem("MISSING_HIGH", message, remedy, where=block.source, severity="warning")


class _Split(NamedTuple):
    """What patients are split by: its name, and a group number a patient (-1 = unknown)."""

    name: str
    group: np.ndarray
    labels: tuple[str, ...]


def _splits(parts: Parts) -> list[_Split]:
    found = []
    outcomes = {}
    for outcome in parts.declaration.outcomes:
        column = f"{outcome.name}_event" if outcome.kind == "survival" else outcome.name
        outcomes[column] = f"outcome {outcome.name}"
    for column, name in {"site": "site", "batch": "batch", **outcomes}.items():
        if column in parts.obs:
            split = _split(name, parts.obs[column])
            if 2 <= len(split.labels) <= 50:
                found.append(split)
    return found


def _split(name: str, column: pd.Series) -> _Split:
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = tuple(f"{name} {level}" for level in column.cat.categories)
        return _Split(name, column.cat.codes.to_numpy().astype(int), labels)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    levels = np.unique(values[~np.isnan(values)])
    if len(levels) <= PARTS:
        group = np.where(np.isnan(values), -1, np.searchsorted(levels, np.nan_to_num(values)))
        events = {0.0: "those without", 1.0: "those with it", 2.0: "those with another event"}
        yes_no = set(levels.tolist()) <= set(events)
        return _Split(
            name, group, tuple(events[level] if yes_no else f"{name} {level:g}" for level in levels)
        )
    cuts = np.unique(np.nanquantile(values, np.arange(1, PARTS) / PARTS))
    group = np.where(np.isnan(values), -1, np.searchsorted(cuts, np.nan_to_num(values), side="right"))
    ends = [f"below {cuts[0]:g}", *(f"from {cut:g}" for cut in cuts)]
    return _Split(name, group, tuple(ends))


@number_rule("assembled")
def missing_by(parts: Parts) -> Iterator[Problem]:
    """Warn where what is missing, a feature or a whole block, goes with the site, the batch or an outcome."""
    splits = _splits(parts)
    everyone = pd.Index(parts.obs.index)
    if not splits or len(everyone) < LEAST:
        return
    tests = len(splits) * sum(len(block.features) + 1 for block in parts.blocks)
    for block in parts.blocks:
        places = everyone.get_indexer(pd.Index(block.ids, dtype="str"))
        lacks = np.ones((len(everyone), 1), dtype=bool)
        lacks[places] = False
        own = [split._replace(group=split.group[places]) for split in splits]
        found = [
            (strength, f"the whole block {text}")
            for strength, _, text in _associations(lacks, splits, tests=tests)
        ]
        found = sorted(found + _features(block, own, tests=tests), key=lambda item: -item[0])
        if found:
            shown = listed(text for _, text in found)
            message = f"what is missing in block {block.spec.name} goes with something else: {shown}"
            remedy = (
                "Groups may form on who was measured: leave these features out with exclude, or look "
                "whether the groups go with it before believing them."
            )
            yield Problem("MISSING_BY", message, remedy, where=block.source, severity="warning")


def _features(block: CodedBlock, splits: list[_Split], *, tests: int) -> list[tuple[float, str]]:
    """Return the features whose gaps go with a split; those that are missing together are named once."""
    known = order_of(block).known
    some = np.flatnonzero((known >= FEWEST) & (known <= len(block.ids) - FEWEST))
    names: dict[tuple[bytes, float, str], list[str]] = {}
    for part in chunks((len(block.ids), len(some))):
        missing = np.isnan(block.values[:, some[part]])
        for strength, place, text in _associations(missing, splits, tests=tests):
            pattern = np.packbits(missing[:, place]).tobytes()
            names.setdefault((pattern, strength, text), []).append(block.features[some[part][place]].name)
    found = []
    for (_, strength, text), together in names.items():
        more = f" and {len(together) - 1} missing with it" if len(together) > 1 else ""
        found.append((strength, f"{together[0]}{more} {text}"))
    return found


def _associations(missing: np.ndarray, splits: list[_Split], *, tests: int) -> list[tuple[float, int, str]]:
    """Return V, column and words where gaps go with a split (Pearson's chi-square, Bonferroni).

    Parameters
    ----------
    missing : ndarray of bool, shape (n, p)
        What is missing.
    splits : list of _Split
        Each of n patients.
    tests : int
        By how much the p-value is multiplied.
    """
    from scipy.special import chdtrc

    gone = missing.astype(np.float32)
    found = []
    for split in splits:
        used = np.unique(split.group[split.group >= 0])
        member = split.group[:, None] == used[None, :]
        size = member.sum(axis=0).astype(np.float64)
        total = size.sum()
        if len(used) < 2 or total < LEAST:
            continue
        gaps = (member.astype(np.float32).T @ gone).astype(np.float64)
        all_gaps = gaps.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = size[:, None] * all_gaps[None, :] / total
            chi = ((gaps - expected) ** 2 / expected).sum(axis=0) / (1 - all_gaps / total)
            strength, chance = np.sqrt(chi / total), chdtrc(len(used) - 1, chi)
        rare = np.minimum(all_gaps, total - all_gaps) < FEWEST
        for place in np.flatnonzero(~rare & (strength >= STRONG) & (chance * tests < ALPHA)):
            share = gaps[:, place] / size
            least, most = (split.labels[used[at]] for at in (np.argmin(share), np.argmax(share)))
            text = (
                f"by {split.name} (missing in {share.min():.0%} of {least}, {share.max():.0%} of {most}; "
                f"Cramer's V {strength[place]:.2f})"
            )
            found.append((round(float(strength[place]), 6), int(place), text))
    return found
