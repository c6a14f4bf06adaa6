"""From scores to blocks: numbers, long tails, levels, counts with many zeros, compositions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from phenotyper.cohort.blocks import Block
from phenotyper.datasets.family_list import Family
from phenotyper.datasets.streams import Floats, rounded, shuffled, stream, whole_parts

if TYPE_CHECKING:
    from collections.abc import Callable

DECIMALS: Final = 4
TAIL: Final = 0.75
"""Standard deviation of the logarithm of skewed features."""
KINDS_IN_TURN: Final = ("number", "ordinal", "yes/no", "category")
STEPS: Final = ("0", "1", "2", "3", "4")
NAMES: Final = ("brown", "green", "red", "white")
SHARE_YES: Final = (0.2, 0.5)
LOG_COUNT: Final = (1.0, 4.0)
"""Logarithm of the mean count of a feature, drawn evenly from this range."""
SPREAD_OF_COUNTS: Final = 0.8
SHARE_OF_ZEROS: Final = (0.2, 0.6)
"""Share of zeros that no count explains, drawn for each feature."""
READS: Final = 10_000
SEEN: Final = 0.001
"""A part below this share is not seen."""
PREFIX: Final = {"features": "f", "genes": "gene", "metabolites": "metabolite", "proteins": "protein"}

Columns = tuple[Floats, tuple[str, ...], tuple[tuple[str, ...], ...]]
"""Values or codes, kinds, levels."""


def record(family: Family, block: str, scores: Floats, *, seed: int) -> Block:
    """Return the whole block, every patient in it, of scores (n x p)."""
    values, kinds, levels = RECORDS[family.record](scores, (family.name, "record", block), seed)
    n, p = scores.shape
    digits = len(str(p))
    return Block(
        block,
        values,
        np.ones(n, dtype=bool),
        np.zeros((n, p), dtype=np.int8),
        tuple(f"{PREFIX[block]}{place + 1:0{digits}d}" for place in range(p)),
        kinds,
        ("",) * p,
        levels,
    )


def _of_one_kind(values: Floats, kind: str) -> Columns:
    p = values.shape[1]
    return values, (kind,) * p, ((),) * p


def _numbers(scores: Floats, part: tuple[str, ...], seed: int) -> Columns:
    return _of_one_kind(rounded(scores, DECIMALS), "number")


def _skewed(scores: Floats, part: tuple[str, ...], seed: int) -> Columns:
    return _of_one_kind(rounded(np.exp(TAIL * scores), DECIMALS), "number")


def _counts(scores: Floats, part: tuple[str, ...], seed: int) -> Columns:
    """Poisson counts of lognormal rates, some set to zero."""
    from scipy.stats import poisson

    rng = stream(seed, *part)
    low, high = LOG_COUNT
    rate = np.exp(low + (high - low) * rng.random(scores.shape[1]) + SPREAD_OF_COUNTS * scores)
    few, many = SHARE_OF_ZEROS
    none = rng.random(scores.shape) < few + (many - few) * rng.random(scores.shape[1])
    return _of_one_kind(np.where(none, 0.0, poisson.ppf(rng.random(scores.shape), rate)), "counts")


def _composition(scores: Floats, part: tuple[str, ...], seed: int) -> Columns:
    abundance = np.exp(stream(seed, *part).standard_normal(scores.shape[1]) + scores)
    share = abundance / abundance.sum(axis=1, keepdims=True)
    seen = np.where(share >= SEEN, share, 0.0)
    return _of_one_kind(whole_parts(seen / seen.sum(axis=1, keepdims=True), READS) / READS, "composition")


def _mixed(scores: Floats, part: tuple[str, ...], seed: int) -> Columns:
    """Numbers, ordinal, yes/no and categories in turn; levels are cut from the scores."""
    rng = stream(seed, *part)
    kinds = tuple(KINDS_IN_TURN[place % len(KINDS_IN_TURN)] for place in range(scores.shape[1]))
    cut: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
        "number": lambda score, rng: rounded(score, DECIMALS),
        "ordinal": lambda score, rng: _cut(score, _shares(rng, len(STEPS))),
        "yes/no": lambda score, rng: _cut(score, _yes(rng)),
        "category": lambda score, rng: _named(score, rng),
    }
    columns = [cut[kind](scores[:, place], rng) for place, kind in enumerate(kinds)]
    texts = {"number": (), "ordinal": STEPS, "yes/no": ("no", "yes"), "category": NAMES}
    return np.column_stack(columns), kinds, tuple(texts[kind] for kind in kinds)


def _shares(rng: np.random.Generator, levels: int) -> Floats:
    weights = 0.5 + rng.random(levels)
    return weights / weights.sum()


def _yes(rng: np.random.Generator) -> Floats:
    low, high = SHARE_YES
    yes = low + (high - low) * rng.random()
    return np.array([1 - yes, yes])


def _named(score: Floats, rng: np.random.Generator) -> Floats:
    """Cut into levels whose names stand in no order."""
    place = _cut(score, _shares(rng, len(NAMES))).astype(np.intp)
    return shuffled(rng, len(NAMES))[place].astype(np.float64)


def _cut(score: Floats, shares: Floats) -> Floats:
    """Return levels from 0 with about these shares."""
    from scipy.special import ndtri

    cuts = ndtri(np.cumsum(shares)[:-1])
    return np.searchsorted(cuts, (score - score.mean()) / score.std()).astype(np.float64)


RECORDS: Final[dict[str, Callable[[Floats, tuple[str, ...], int], Columns]]] = {
    "number": _numbers,
    "skewed": _skewed,
    "mixed": _mixed,
    "counts": _counts,
    "composition": _composition,
}
