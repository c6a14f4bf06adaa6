"""Which scale each feature goes to, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phenotyper.prepare.levels import Levels, Ordered
from phenotyper.prepare.overrides import Wish, impossible
from phenotyper.prepare.scales import CentredLogRatio, Counts, Dosage, Logit, NormalScores, Number, Plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block
    from phenotyper.prepare.filter import Facts
    from phenotyper.prepare.scales import Scale

    Matrix = NDArray[np.float64]

BY_KIND = {
    "number": "number",
    "log": "plain",
    "npx": "plain",
    "counts": "counts",
    "proportion": "logit",
    "composition": "parts",
    "dosage": "dosage",
    "ordinal": "ordered",
    "category": "levels",
    "yes/no": "levels",
}
"""What becomes of a kind of feature."""
WHY = {
    "plain": "on a log scale already",
    "counts": "a count",
    "library": "counts of one library",
    "logit": "a proportion",
    "parts": "a part of a whole",
    "dosage": "an allele dosage",
    "ordered": "levels in order",
    "few values": "5 different values or fewer",
    "levels": "levels",
}
PILED = ("number", "log", "logit", "counts")
"""Ways on which many equal values at an end are taken as beyond the next value."""
INTERVALS = (Levels, Ordered)
AS_THEY_ARE = (Levels, Ordered, Dosage)
"""Scales that are comparable as they are: not winsorised, not brought to unit variance."""


def ways_of(block: Block, facts: Facts, wishes: Sequence[Wish]) -> list[str]:
    """Return the way of every feature."""
    library = set(block.kinds) == {"counts"} and len(block.kinds) > 1
    ways = ["library" if library else BY_KIND[kind] for kind in block.kinds]
    for j in np.flatnonzero(facts.few).tolist():
        if ways[j] in ("number", "plain", "counts", "logit"):
            ways[j] = "few values"
    for j, wish in enumerate(wishes):
        if wish.scale:
            ways[j] = _asked(block, j, wish.scale)
    return ways


def _asked(block: Block, j: int, scale: str) -> str:
    """Return the way of a scale that was asked for, if the values allow it."""
    kind, values = block.kinds[j], block.values[:, j]
    seen = values[np.isfinite(values)]
    if scale == "log":
        if len(seen) and seen.min() < 0:
            raise impossible(
                block.name, block.features[j], action=scale, why=f"it has values down to {seen.min():g}"
            )
        return "counts" if kind == "counts" else "log"
    if scale == "logit":
        most = 100.0 if block.units[j].strip() == "%" else 1.0
        if len(seen) and not (seen.min() >= 0 and seen.max() <= most):
            why = f"its values reach from {seen.min():g} to {seen.max():g}, not from 0 to {most:g}"
            raise impossible(block.name, block.features[j], action=scale, why=why)
    if scale == "normal scores" and kind == "ordinal":
        return "ordered"
    return "levels" if scale == "indicators" else scale


def scale_for(way: str, block: Block, values: Matrix, columns: NDArray[np.intp]) -> Scale:
    """Fit the scale of a way on the values of some columns of a block."""
    levels = [block.levels[j] for j in columns]
    if way in ("number", "log"):
        return Number.fit(values, always=way == "log")
    if way in ("counts", "library"):
        return Counts.fit(values, whole_block=way == "library")
    if way == "logit":
        return Logit.fit(values, [block.units[j] for j in columns])
    if way in ("ordered", "few values"):
        return Ordered.fit(values, levels if way == "ordered" else ())
    if way == "levels":
        return Levels.fit(values, levels)
    if way == "parts":
        return CentredLogRatio.fit(values)
    if way == "dosage":
        return Dosage.fit(values)
    if way == "normal scores":
        return NormalScores.fit(values)
    return Plain.fit(values, "already on a log scale" if way == "plain" else way)


def why(way: str, said: str, wish: Wish) -> str:
    """Say why a feature went to its scale."""
    if wish.scale:
        return "asked for"
    if way == "number":
        return "long right tail" if said.startswith("log") else "no long right tail"
    return WHY[way]
