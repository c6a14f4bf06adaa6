"""Features that predict an outcome too well for chance, given how many features were looked at."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from phenotyper._kernels.concordance import (
    absolute_correlation,
    auc_and_chance,
    column_ranks,
    concordance_and_chance,
    quick_concordance,
    quick_correlation,
    usable_pairs,
)
from phenotyper._kernels.gaps import chunks
from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.columns import has_values, number_rule
from phenotyper.cohort.checks.features import leak_allowed
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.tables import role_columns
from phenotyper.errors import Problem, listed

LIMIT = 0.95
ALPHA = 0.05
NEAR = 0.1
"""A feature that comes this near to the limit among some patients is looked at in all."""
SCREENED = 128
"""Patients of each outcome group that are looked at first in a large cohort."""
ENOUGH = 40
"""A feature known in fewer of those is looked at in all patients."""
COMPARED = 2_000
"""Patients among whom Harrell's C is worked out in full."""


class Target(NamedTuple):
    """What features are held against: ``values`` alone, or a time (``values``) with its ``event``."""

    outcome: str
    measure: str
    values: np.ndarray
    event: np.ndarray | None = None


@number_rule("assembled")
def features_that_predict_outcomes(parts: Parts) -> Iterator[Problem]:
    """Refuse a feature with AUC, C or abs(r) above 0.95 for an outcome, where chance does not explain it."""
    targets = _targets(parts)
    if not targets:
        return
    by_name = set(role_columns(parts.declaration))
    usable = [(block, has_values(block)) for block in parts.blocks if len(block.ids)]
    tests = sum(_columns(block, kept) for block, kept in usable) * len(targets)
    for block, kept in usable:
        places = parts.obs.index.get_indexer(pd.Index(block.ids, dtype="str"))
        found = _leaks(block, kept, [_rows(target, places) for target in targets], tests=tests)
        for outcome in dict.fromkeys(target.outcome for target in targets):
            said: dict[str, tuple[str, float]] = {}
            for target, values in zip(targets, found, strict=True):
                for name, value in values.items() if target.outcome == outcome else ():
                    said.setdefault(name, (target.measure, value))
            yield from _problems(
                block, said, outcome=outcome, by_name=by_name, allow=parts.declaration.allow_leak
            )


def _problems(
    block: CodedBlock,
    found: Mapping[str, tuple[str, float]],
    *,
    outcome: str,
    by_name: set[str],
    allow: tuple[str, ...],
) -> Iterator[Problem]:
    new = {name: said for name, said in found.items() if not (name in by_name and said[1] > 1 - 1e-12)}
    allowed = [name for name in new if name in allow]
    refused = {name: said for name, said in new.items() if name not in allowed}
    if refused:
        shown = listed(f"{name} ({measure} {value:.2f})" for name, (measure, value) in refused.items())
        names = ", ".join(f'"{name}"' for name in list(refused)[:5])
        noun = "a feature that gives" if len(refused) == 1 else "features that give"
        message = f"block {block.spec.name} has {noun} the outcome {outcome} away: {shown}"
        remedy = (
            f"Leave them out with exclude, or, if they were measured before it, set allow_leak = [{names}]."
        )
        yield Problem("LEAK", message, remedy, where=block.source)
    if allowed:
        yield leak_allowed(block.spec.name, allowed, block.source)


def _targets(parts: Parts) -> list[Target]:
    """Return what is looked at: of survival the event, the time, and both."""
    found = []
    obs = {name: parts.obs[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in _numbers(parts)}
    for outcome in parts.declaration.outcomes:
        name = outcome.name
        if outcome.kind == "survival" and {f"{name}_event", f"{name}_time"} <= set(obs):
            time, event = obs[f"{name}_time"], obs[f"{name}_event"]
            happened = np.where(np.isnan(event), np.nan, event == 1)
            found += [Target(name, "AUC", event), Target(name, "r", time), Target(name, "C", time, happened)]
        elif name in obs:
            found.append(Target(name, "AUC" if outcome.kind == "binary" else "r", obs[name]))
    return found


def _numbers(parts: Parts) -> list[str]:
    kinds = {outcome.name: outcome.kind for outcome in parts.declaration.outcomes}
    names = [name for name, kind in kinds.items() if kind in {"binary", "number", "count"}]
    names += [
        f"{name}_{part}" for name, kind in kinds.items() if kind == "survival" for part in ("event", "time")
    ]
    return [name for name in names if name in parts.obs]


def _rows(target: Target, places: np.ndarray) -> Target:
    known = np.where(places >= 0, target.values[places], np.nan)
    event = None if target.event is None else np.where(places >= 0, target.event[places], np.nan)
    return target._replace(values=known, event=event)


def _columns(block: CodedBlock, kept: np.ndarray) -> int:
    """Return how many columns are looked at: one a feature, one a level of a category."""
    levels = [max(1, len(feature.levels)) if feature.kind == "category" else 1 for feature in block.features]
    return int(np.array(levels, dtype=int)[kept].sum()) if levels else 0


def leaks(block: CodedBlock, outcome: np.ndarray, *, binary: bool, tests: int) -> dict[str, float]:
    """Return the features that give an outcome away, with their AUC or r.

    Parameters
    ----------
    block : CodedBlock
        n patients x p features.
    outcome : ndarray of float64, shape (n,)
        NaN = unknown; for ``binary``, 1 is the event and all else is none.
    binary : bool
        AUC (Hanley and McNeil 1982) when True, else Pearson's r of values and of ranks.
    tests : int
        How many features x outcomes are looked at: the p-value times this must stay below 0.05 (Bonferroni).
    """
    target = Target("", "AUC" if binary else "r", outcome)
    return _leaks(block, np.ones(len(block.features), dtype=bool), [target], tests=tests)[0]


def _leaks(
    block: CodedBlock, kept: np.ndarray, targets: list[Target], *, tests: int
) -> list[dict[str, float]]:
    """Look at some patients first, and at all of them for the features that come near."""
    judges = [_judge(target, block.ids) for target in targets]
    found: list[dict[str, float]] = [{} for _ in targets]
    for names, cells in _chunks(block, kept):
        for judge, strong in zip(judges, found, strict=True):
            if judge is None:
                continue
            likely = judge.likely(cells)
            if len(likely):
                strength, chance = judge.whole.strength(_finite(cells[np.ix_(judge.whole.rows, likely)]))
                for place in np.flatnonzero((strength > LIMIT) & (chance * tests < ALPHA)):
                    name = names[likely[place]]
                    strong[name] = max(strong.get(name, 0.0), float(strength[place]))
    return [dict(sorted(strong.items(), key=lambda item: -item[1])) for strong in found]


def _finite(values: np.ndarray) -> np.ndarray:
    wrong = np.isinf(values)
    return np.where(wrong, np.nan, values) if wrong.any() else values


def _some(target: Target, rows: np.ndarray, ids: np.ndarray, *, most: int) -> np.ndarray:
    """Return places in ``rows``: up to ``most`` with and without the event, by a hash of the id."""
    if len(rows) <= 2 * most:
        return np.arange(len(rows))
    hashes = [zlib.crc32(str(patient).encode("utf-8", "surrogatepass")) for patient in ids[rows]]
    order = np.argsort(hashes, kind="stable")
    if target.measure == "r":
        return order[: 2 * most]
    happened = (target.values if target.event is None else target.event)[rows] == 1
    return np.concatenate([order[happened[order] == group][:most] for group in (False, True)])


def _chunks(block: CodedBlock, kept: np.ndarray) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield features some at a time; each level of a category is a column of its own."""
    category = np.array([feature.kind == "category" for feature in block.features], dtype=bool)
    plain = np.flatnonzero(kept & ~category)
    for part in chunks((len(block.ids), len(plain))):
        places = plain[part]
        in_a_row = places[-1] - places[0] == len(places) - 1
        cells = block.values[:, places[0] : places[-1] + 1] if in_a_row else block.values[:, places]
        yield [block.features[place].name for place in places], cells
    for place in np.flatnonzero(kept & category):
        codes = block.values[:, [place]]
        levels = np.unique(codes[~np.isnan(codes)])
        yield (
            [block.features[place].name] * len(levels),
            np.where(np.isnan(codes), np.nan, codes == levels),
        )


class _View(NamedTuple):
    """An outcome among some patients: their rows, their values, and for Harrell's C their pairs."""

    measure: str
    rows: np.ndarray
    values: np.ndarray
    pairs: np.ndarray

    def look(self, columns: np.ndarray) -> np.ndarray:
        """Return about how strong each column is."""
        if self.measure == "C":
            return quick_concordance(columns, self.pairs)
        ranks, ties = column_ranks(columns)
        if self.measure == "AUC":
            return auc_and_chance(ranks, ties, self.values)[0]
        return _rank_correlation(ranks, columns, self.values)

    def strength(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the strength of each column and its p-value."""
        if self.measure == "C":
            found = [concordance_and_chance(column, self.pairs) for column in columns.T]
            return np.array([strength for strength, _ in found]), np.array([chance for _, chance in found])
        ranks, ties = column_ranks(columns)
        if self.measure == "AUC":
            return auc_and_chance(ranks, ties, self.values)
        strength = np.maximum(
            absolute_correlation(columns, self.values), _rank_correlation(ranks, columns, self.values)
        )
        return strength, _chance_of_r(strength, (ranks > 0).sum(axis=0))


class _Judge(NamedTuple):
    """An outcome among all patients who have it, and among the few that are looked at first."""

    whole: _View
    few: _View

    def likely(self, cells: np.ndarray) -> np.ndarray:
        """Return the columns that may be above the limit in all patients."""
        if len(self.few.rows) == len(self.whole.rows):
            return np.arange(cells.shape[1])
        few = _finite(cells[self.few.rows])
        near = (len(few) - np.count_nonzero(np.isnan(few), axis=0)) < ENOUGH
        near |= self.few.look(few) > LIMIT - NEAR
        if self.whole.measure == "r":
            everyone = len(self.whole.rows) == len(cells)
            columns = cells if everyone else cells[self.whole.rows]
            near |= quick_correlation(columns, self.whole.values) > LIMIT - NEAR
        return np.flatnonzero(near)


def _judge(target: Target, ids: np.ndarray) -> _Judge | None:
    """Return how to judge an outcome; None when it has one value."""
    known = np.isfinite(target.values)
    known &= True if target.event is None else np.isfinite(target.event)
    rows = np.flatnonzero(known)
    values = target.values[rows] == 1 if target.measure == "AUC" else target.values[rows]
    if len(rows) < 4 or len(np.unique(values)) < 2:
        return None
    if target.measure == "C":
        rows = rows[np.sort(_some(target, rows, ids, most=COMPARED // 2))]
    return _Judge(_view(target, rows), _view(target, rows[_some(target, rows, ids, most=SCREENED)]))


def _view(target: Target, rows: np.ndarray) -> _View:
    values = target.values[rows]
    if target.event is not None:
        return _View("C", rows, values, usable_pairs(values, target.event[rows]))
    values = (values == 1).astype(np.float64) if target.measure == "AUC" else values
    return _View(target.measure, rows, values, np.empty((0, 2), dtype=np.intp))


def _rank_correlation(ranks: np.ndarray, columns: np.ndarray, target: np.ndarray) -> np.ndarray:
    own = column_ranks(target[:, None])[0][:, 0]
    return absolute_correlation(np.where(np.isnan(columns), np.nan, ranks), own)


def _chance_of_r(strength: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the two-sided p-value of a correlation (t distribution)."""
    from scipy.special import stdtr

    free = np.maximum(known - 2, 0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = -strength * np.sqrt(free / np.maximum(1 - strength**2, 1e-300))
    return np.where(free < 2, 1.0, 2 * stdtr(np.maximum(free, 1), score))


def _auc(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return max(AUC, 1 - AUC) of each column and its two-sided p-value."""
    return auc_and_chance(*column_ranks(values), target)
