"""Features that predict an outcome too well for chance, given how many features were looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenotyper.cohort.assemble import Parts, useless
from phenotyper.cohort.checks.features import leak_allowed
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.tables import role_columns
from phenotyper.errors import Problem, listed

LIMIT = 0.95
ALPHA = 0.05
SCREENED = 1000
"""Patients of each outcome group that are looked at first in a large cohort."""
_CHUNK = 256


@rule("assembled")
def features_that_predict_outcomes(parts: Parts) -> Iterator[Problem]:
    """Refuse a feature with AUC or abs(r) above 0.95 for an outcome, where chance does not explain it."""
    targets = _targets(parts)
    by_name = set(role_columns(parts.declaration))
    usable = [block.select(~useless(block)) for block in parts.blocks if len(block.ids)]
    tests = sum(len(block.features) for block in usable) * len(targets)
    for block in usable:
        for outcome, column, binary in targets:
            values = parts.obs[column].reindex(pd.Index(block.ids, dtype="str")).to_numpy(dtype=np.float64)
            found = leaks(block, values, binary=binary, tests=tests)
            copied = [name for name in found if not (name in by_name and found[name] > 1 - 1e-12)]
            allowed = [name for name in copied if name in parts.declaration.allow_leak]
            refused = {name: found[name] for name in copied if name not in allowed}
            if refused:
                yield _problem(block, outcome, refused, binary=binary)
            if allowed:
                yield leak_allowed(block.spec.name, allowed, block.source)


def _problem(block: CodedBlock, outcome: str, found: dict[str, float], *, binary: bool) -> Problem:
    measure = "AUC" if binary else "r"
    shown = listed(f"{name} ({measure} {value:.2f})" for name, value in found.items())
    names = ", ".join(f'"{name}"' for name in list(found)[:5])
    message = f"block {block.spec.name} has features that give the outcome {outcome} away: {shown}"
    remedy = f"Leave them out with exclude, or, if they were measured before it, set allow_leak = [{names}]."
    return Problem("LEAK", message, remedy, where=block.source)


def _targets(parts: Parts) -> list[tuple[str, str, bool]]:
    """Return (outcome, obs column, whether it has two values); of survival, event and time are looked at."""
    found = []
    for outcome in parts.declaration.outcomes:
        if outcome.kind == "survival":
            found += [
                (outcome.name, f"{outcome.name}_event", True),
                (outcome.name, f"{outcome.name}_time", False),
            ]
        elif outcome.kind in {"binary", "number", "count"}:
            found.append((outcome.name, outcome.name, outcome.kind == "binary"))
    return [target for target in found if target[1] in parts.obs]


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
    known = np.flatnonzero(np.isfinite(outcome))
    target = (outcome[known] == 1).astype(float) if binary else outcome[known]
    if len(known) < 4 or len(np.unique(target)) < 2:
        return {}
    measure = _auc if binary else _correlation
    some = _some(target, block.ids[known]) if binary else np.arange(len(known))
    found: dict[str, float] = {}
    for names, values in _chunks(block):
        values = np.where(np.isfinite(values[known]), values[known], np.nan)
        strength, chance = measure(values[some], target[some])
        if len(some) < len(known):
            likely = np.flatnonzero(np.abs(strength) > LIMIT - 0.1)
            strength, chance = np.zeros(len(names)), np.ones(len(names))
            strength[likely], chance[likely] = measure(values[:, likely], target)
        for place in np.flatnonzero((strength > LIMIT) & (chance * tests < ALPHA)):
            found[names[place]] = max(found.get(names[place], 0.0), float(strength[place]))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _some(target: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return patients to look at first: all, or the first of each group by id, whatever the order of rows."""
    if len(target) <= 2 * SCREENED:
        return np.arange(len(target))
    order = np.argsort(ids.astype(str))
    return np.concatenate([order[target[order] == group][:SCREENED] for group in (0.0, 1.0)])


def _chunks(block: CodedBlock) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield features a few hundred at a time; each level of a category is a column of its own."""
    plain = [place for place, feature in enumerate(block.features) if feature.kind != "category"]
    for start in range(0, len(plain), _CHUNK):
        places = plain[start : start + _CHUNK]
        yield [block.features[place].name for place in places], block.values[:, places]
    for place, feature in enumerate(block.features):
        if feature.kind == "category":
            codes = block.values[:, [place]]
            levels = np.unique(codes[~np.isnan(codes)])
            yield [feature.name] * len(levels), np.where(np.isnan(codes), np.nan, codes == levels)


def _ranks(values: np.ndarray) -> np.ndarray:
    return pd.DataFrame(values).rank().to_numpy(dtype=np.float64)


def _auc(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return max(AUC, 1 - AUC) and its two-sided p-value: exact for a perfect order, else normal."""
    from scipy.special import gammaln, ndtr

    known = ~np.isnan(values)
    ranks = np.nan_to_num(_ranks(values))
    events = (known & (target[:, None] == 1)).sum(axis=0).astype(float)
    others = known.sum(axis=0) - events
    with np.errstate(invalid="ignore", divide="ignore"):
        above = (target @ ranks - events * (events + 1) / 2) / (events * others)
        strength = np.maximum(above, 1 - above)
        score = (strength - 0.5) / np.sqrt((events + others + 1) / (12 * events * others))
    perfect = 2 * np.exp(gammaln(events + 1) + gammaln(others + 1) - gammaln(events + others + 1))
    chance = np.where(strength > 1 - 1e-12, perfect, 2 * ndtr(-score))
    return np.nan_to_num(strength), np.where(np.isnan(strength), 1.0, chance)


def _correlation(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the larger of abs(r) of values and of ranks, and its two-sided p-value (t distribution)."""
    from scipy.special import stdtr

    strength = np.maximum(_pearson(values, target), _pearson(_ranks(values), _ranks(target[:, None])[:, 0]))
    free = np.maximum((~np.isnan(values)).sum(axis=0) - 2, 0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = 2 * stdtr(
            np.maximum(free, 1), -strength * np.sqrt(free / np.maximum(1 - strength**2, 1e-300))
        )
    return strength, np.where(free < 2, 1.0, chance)


def _pearson(values: np.ndarray, target: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, values, 0.0)
    x = np.where(known, x - x.sum(axis=0) / n, 0.0)
    y = np.where(known, target[:, None], 0.0)
    y = np.where(known, y - y.sum(axis=0) / n, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.abs(np.nan_to_num(r))
