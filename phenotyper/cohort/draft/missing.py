"""Cells that mean "missing": words among numbers and levels, and numbers that stand far from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.words import MAYBE_MISSING, MISSING_NUMBERS, SURELY_MISSING

_WIDE = 400
"""Columns beyond which numbers are looked at all at once."""
_FAR = 3.0


@dataclass
class Code:
    """One code, and where it stands."""

    text: str
    sure: bool
    columns: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Columns where the same number looks like a value."""


def missing_codes(tables: Sequence[Seen]) -> list[Code]:
    """Return codes for missing over all tables; never the word None, which may be a level."""
    codes: dict[str, Code] = {}
    for table in tables:
        wide = table.frame.shape[1] > _WIDE
        numeric = [] if wide else [name for name in table.names if name in table.floats]
        for name, column in table.columns(name for name in table.names if name not in table.floats).items():
            _words(codes, name, column)
            if column.numeric or column.numbers.size:
                _spikes(codes, name, column.numbers, _times(column))
        for name in numeric:
            values = table.columns([name])[name].numbers
            _spikes(codes, name, values, {})
        if wide:
            _wide_spikes(codes, table)
    return [code for code in codes.values() if code.columns]


def _times(column: Column) -> dict[float, int]:
    return {float(text): times for text, times in column.counts.items() if text not in column.odd}


def _words(codes: dict[str, Code], name: str, column: Column) -> None:
    if column.dates or len(column.counts) > max(200, 0.9 * column.known):
        odd = (
            [text for text in column.odd if text.casefold() in SURELY_MISSING] if column.numbers.size else []
        )
    else:
        odd = list(column.odd)
    plain = {text.strip().casefold() for text in column.counts}
    for text in odd:
        word = text.strip().casefold()
        if word == "-" and plain & {"+", "++"}:
            continue
        sure = word in SURELY_MISSING
        if (sure or word in MAYBE_MISSING) and len(column.counts) > 1:
            codes.setdefault(text.strip(), Code(text.strip(), sure)).columns.append(name)


def _spikes(codes: dict[str, Code], name: str, values: np.ndarray, times: dict[float, int]) -> None:
    if values.size < 2:
        return
    for number in MISSING_NUMBERS:
        hit = values == number
        count = times.get(float(number), int(hit.sum()))
        if not count:
            continue
        code = codes.setdefault(str(number), Code(str(number), sure=True))
        rest = values[
            ~hit & ~np.isin(values, [other for other in MISSING_NUMBERS if abs(other) > abs(number)])
        ]
        (code.columns if _is_spike(number, rest, count) else code.elsewhere).append(name)


def _is_spike(number: int, rest: np.ndarray, count: int) -> bool:
    if not rest.size:
        return False
    if number < 0:
        return bool(rest.min() >= 0)
    return bool(count >= 2 and rest.max() * _FAR < number)


def _wide_spikes(codes: dict[str, Code], table: Seen) -> None:
    """Look for -9, -99 in a matrix that otherwise holds nothing below zero."""
    names = [name for name in table.names if name in table.floats]
    if not names:
        return
    values = table.matrix(names)
    found = np.unique(values[:5][values[:5] < 0])
    found = found if found.size > 2 else np.unique(values[values < 0])
    if 0 < found.size <= 2 and all(value in MISSING_NUMBERS for value in found):
        for value in found:
            text = str(int(value))
            codes.setdefault(text, Code(text, sure=True)).columns.append(f"{table.label} (many columns)")
