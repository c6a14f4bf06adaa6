"""Rule on what points at a person: names, addresses, numbers of records. No value is ever printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from phenotyper.cohort.checks.looks import (
    PHONE,
    PLACE,
    RECORD,
    compact_dates,
    is_birth,
    plain_name,
    private_texts,
)
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.checks.wording import described, quoted
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem

_FIRST = 32
_MATRIX = 50
"""Columns of large whole numbers that make a matrix of counts or intensities."""
_LEAST = 20
"""Patients needed before a number that differs in each of them is taken for that of a record."""
_HINT = re.compile(
    r"mrn|nhs|ssn|insur|medic|passp|fall|nation|id|no|nr|num|zip|post|plz|addr|tel|phone|mobile|handy|fax",
    re.IGNORECASE,
)


@rule("cells")
def private_columns(block: CodedBlock) -> Iterator[Problem]:
    """Refuse free text, names, addresses, telephone and record numbers and birth dates among the features."""
    found = private_texts(block) | private_numbers(block)
    if not found:
        return
    noun = "a feature that points" if len(found) == 1 else f"{len(found)} features that point"
    message = f"block {block.spec.name} of {block.source} has {noun} at persons: {described(found.items())}"
    remedy = (
        f"Leave them out: exclude = [{quoted(found)}]; nothing that identifies a child may stand in a cohort."
    )
    yield Problem("PHI_COLUMN", message, remedy, where=block.source)


def private_numbers(block: CodedBlock) -> dict[str, str]:
    """Return the number features that are postcodes, telephone or record numbers, by name and by value.

    A feature whose name says nothing counts when its whole numbers of at least six digits, all of one length,
    differ in every patient, and few features of the block are like that (raw counts and intensities are).
    """
    found: dict[str, str] = {}
    places = {feature.name: place for place, feature in enumerate(block.features) if feature.kind == "number"}
    for name in filter(_HINT.search, places):
        if what := _named(plain_name(name), block.values[:, places[name]]):
            found[name] = what
    dates = compact_dates(block)
    found |= {name: "birth dates" for name in dates if is_birth(name)}
    long = _of_one_length(block, [place for name, place in places.items() if name not in dates])
    alike = [block.features[place].name for place in long[:_MATRIX] if _differs(block.values[:, place])]
    if len(long) < _MATRIX and len(alike) <= 3 and len(alike) <= max(1, len(places) / 10):
        found = dict.fromkeys(alike, "record numbers") | found
    return found


def _named(name: str, column: np.ndarray) -> str:
    known = column[np.isfinite(column)]
    if not len(known) or (known != np.round(known)).any():
        return ""
    distinct = len(np.unique(known))
    if RECORD.search(name) and distinct >= 10 and distinct > 0.9 * len(known) and known.max() >= 1000:
        return "record numbers"
    if PLACE.search(name) and distinct >= 3 and known.min() >= 100:
        return "postcodes or addresses"
    if PHONE.search(name) and distinct >= 3 and known.min() >= 10**5:
        return "telephone numbers"
    return ""


def _of_one_length(block: CodedBlock, places: list[int]) -> list[int]:
    """Return the columns whose first values are whole numbers of at least six digits."""
    start = block.values[:_FIRST, places]
    with np.errstate(invalid="ignore"):
        odd = (start < 10**5) | (start != np.round(start))
    odd &= ~np.isnan(start)
    return [place for place, wrong in zip(places, odd.any(axis=0), strict=True) if not wrong]


def _differs(column: np.ndarray) -> bool:
    known = column[~np.isnan(column)]
    if len(known) < _LEAST or not np.isfinite(known).all() or (known != np.round(known)).any():
        return False
    digits = {len(f"{number:.0f}") for number in (known.min(), known.max())}
    return known.min() >= 10**5 and len(digits) == 1 and len(np.unique(known)) == len(known)
