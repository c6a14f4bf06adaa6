"""The kind of every column: the safe reading, and a doubt where two are possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phenotyper.cohort.draft.codebook import NO_HINT, Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.levels import in_order, yes_no
from phenotyper.cohort.draft.words import (
    COUNTED,
    LOGGED,
    NAMED_TYPE,
    ORDERED,
    PROPORTION,
    says,
    tokens,
    unit_in,
    words,
)
from phenotyper.cohort.values import NUMBER

MOST_LEVELS = 30
_FEW = 7
_PLAIN = words(
    "low medium middle moderate high mild severe none never rarely seldom sometimes often always minimal "
    "small "
    "large"
)
_TEMPERATURE = words("temp temperature")


@dataclass(frozen=True)
class Guess:
    """A row of the dictionary, and what could not be decided about it."""

    column: str
    kind: str
    unit: str = ""
    label: str = ""
    levels: tuple[str, ...] = ()
    lod: str = ""
    reference: str = ""
    doubt: str = ""
    """Key of ``DOUBTS``; empty when nothing is open."""


DOUBTS = {
    "whole": "few whole numbers, taken as ordinal (steps in order): category if they are codes without "
    "order, number if they count",
    "order": "taken as category: ordinal, with the levels in order, if they are grades",
    "two": "two values of which neither says no, taken as category: yes/no, with the no-level first, if "
    "they are",
    "ladder": "the order of the levels was read from their words: correct it in the dictionary if it is not "
    "lowest to highest",
    "none": 'a level called "None", taken as a real answer (no such thing), not as missing: add it to '
    "missing_codes if it means missing",
    "text": "text among numbers: correct the cells, or name in missing_codes what means missing",
}


def guess_column(column: Column, hint: Hint = NO_HINT) -> Guess:
    """Return kind, unit, levels and limit of detection of one column.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.Series(["no", "+", "+++", "++", "no", "+"], dtype="str")
    >>> guess_column(Column("ketones", cells)).levels
    ('no', '+', '++', '+++')
    """
    unit = hint.unit or unit_in(column.name)
    kind, levels, doubt = _kind(column, hint)
    if kind == "proportion" and not unit and column.high > 1:
        unit = "%"
    if (
        kind == "number"
        and not unit
        and says(column.name, _TEMPERATURE)
        and 30 < float(np.median(column.numbers)) < 43
    ):
        unit = "°C"
    lod = hint.lod or (_lod(column) if column.limits else "")
    spelled = {level for level in levels if level.casefold() == "none"}
    if spelled and len(levels) > 2 and not hint.levels and ("None" in spelled or not doubt):
        doubt = "none"
    return Guess(
        column.name,
        kind,
        "" if levels else unit,
        hint.label,
        levels,
        lod if not levels else "",
        hint.reference,
        doubt,
    )


def _kind(column: Column, hint: Hint) -> tuple[str, tuple[str, ...], str]:
    if hint.kind and _fits(column, hint):
        levels = hint.levels or (_levels(column) if hint.kind in {"ordinal", "category"} else ())
        if hint.kind == "yes/no" and not hint.levels:
            return _two(column)
        return hint.kind, levels, ""
    if column.numeric and not column.limits:
        return _of_numbers(column, hint)
    if column.numbers.size > 10 and len(column.odd) <= 0.2 * len(column.counts) and not _worded(column):
        return "number", (), "" if len(column.odd) == len(column.limits) else "text"
    if column.limits and column.numeric:
        return "number", (), ""
    return _of_words(column, hint)


def _worded(column: Column) -> bool:
    return bool(in_order(column.levels) or yes_no(column.levels))


def _fits(column: Column, hint: Hint) -> bool:
    if hint.kind in {"ordinal", "category", "yes/no"}:
        return not hint.levels or set(column.levels) <= {level.strip() for level in hint.levels}
    return column.numeric


def _of_numbers(column: Column, hint: Hint) -> tuple[str, tuple[str, ...], str]:
    levels = _levels(column)
    if hint.meanings and set(column.levels) <= {code for code, _ in hint.meanings}:
        if set(column.levels) <= {"0", "1"}:
            return "yes/no", ("0", "1"), ""
        return "ordinal", tuple(code for code, _ in hint.meanings), "whole"
    if set(column.levels) <= {"0", "1"} and (hint.factor is not False or len(levels) == 2):
        return "yes/no", ("0", "1"), ""
    if not LOGGED.isdisjoint((tokens(column.name)[0], tokens(column.name)[-1])) or _log2(column.name):
        return "log", (), ""
    if _is_proportion(column):
        return "proportion", (), ""
    few = column.whole and len(levels) <= _FEW and column.low >= -5 and column.high <= 20
    if hint.factor is False or not few or says(column.name, COUNTED):
        return (
            ("ordinal", levels, "whole") if hint.factor and len(levels) <= MOST_LEVELS else ("number", (), "")
        )
    if says(column.name, NAMED_TYPE):
        return "category", levels, ""
    if hint.factor or says(column.name, ORDERED):
        return "ordinal", levels, "" if hint.factor is None else "whole"
    return "ordinal", levels, "whole"


def _log2(name: str) -> bool:
    parts = tokens(name)
    return parts[-2:] in {("log", "2"), ("log", "10")}


def _is_proportion(column: Column) -> bool:
    if not says(column.name, PROPORTION) or column.low < 0:
        return False
    return column.high <= 100


def _of_words(column: Column, hint: Hint) -> tuple[str, tuple[str, ...], str]:
    if len(hint.levels) > 2 and set(column.levels) <= set(hint.levels):
        order = in_order(hint.levels)
        return ("ordinal", order, "") if order else ("category", hint.levels, "")
    if len(column.counts) == 2:
        return _two(column)
    if len(column.counts) == 1:
        word = column.levels[0].casefold()
        pairs = {"no": ("no", "yes"), "yes": ("no", "yes"), "n": ("n", "y"), "y": ("n", "y")}
        if word in pairs and column.levels[0] == word:
            return "yes/no", pairs[word], ""
        return "category", (), ""
    order = in_order(column.levels)
    if order:
        return "ordinal", order, "" if _plain_order(order) else "ladder"
    levels = tuple(sorted(column.levels))
    graded = says(column.name, ORDERED) or (hint.factor and says(column.name, ("cat", "ter")))
    return "category", levels, "order" if graded else ""


def _plain_order(levels: Sequence[str]) -> bool:
    """Tell whether an order needs no second look: intervals, plus signs, Roman numerals, low to high."""
    words_of = {level.casefold() for level in levels}
    roman = all(set(level) <= set("iv") for level in words_of)
    signed = any(set(level) == {"+"} for level in words_of) or levels[0].startswith(("(", "[", "<"))
    return roman or signed or len(words_of & _PLAIN) >= min(2, len(levels) - 1)


def _two(column: Column) -> tuple[str, tuple[str, ...], str]:
    levels = column.levels
    if set(levels) <= {"0", "1"}:
        return "yes/no", ("0", "1"), ""
    if found := yes_no(levels):
        return "yes/no", found, ""
    if found := in_order(levels):
        return "ordinal", found, ""
    return "category", tuple(sorted(levels)), "two"


def _levels(column: Column) -> tuple[str, ...]:
    texts = column.levels
    if all(NUMBER.fullmatch(text) for text in texts):
        return tuple(sorted(texts, key=float))
    return in_order(texts) or tuple(sorted(texts))


def _lod(column: Column) -> str:
    below = [text.lstrip("<= ").strip() for text in column.limits if text.startswith("<")]
    return below[0] if len(below) == 1 else ""
