"""Columns that must not be features: earlier classifications, names of persons, dates, free text."""

from __future__ import annotations

from phenotyper.cohort.draft.codebook import NO_HINT, Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.outcomes import is_year
from phenotyper.cohort.draft.words import (
    CLASS,
    CLASS_NAMES,
    DESIGN,
    MARKER_LEVELS,
    MOLECULAR,
    NAMED_PERSON,
    says,
    tokens,
)

MOST_CLASSES = 15


def is_class(column: Column) -> bool:
    """Tell whether a column looks like an earlier classification of the patients."""
    name, levels = column.name, column.levels
    if not 2 <= len(levels) <= MOST_CLASSES or is_year(column) or says(name, DESIGN):
        return False
    parts = tokens(name)
    if says(name, CLASS | CLASS_NAMES) or ("group" in parts and "age" in parts) or parts[-2:-1] == ("k",):
        return True
    if column.odd and (says(name, MOLECULAR) or any(says(level, MARKER_LEVELS) for level in levels)):
        return True
    plain = name.replace("_", "").casefold()
    numbered = all(level.casefold().startswith(plain) and level[len(plain) :].isdigit() for level in levels)
    return numbered or set(parts) == {part for level in levels for part in tokens(level)}


def never_a_feature(column: Column, hint: Hint = NO_HINT) -> str:
    """Return why a column cannot be a feature (a person, empty, dates, free text); else an empty text."""
    if (
        hint.personal
        or says(column.name, NAMED_PERSON)
        or tokens(column.name) in {("name",), ("patient", "name")}
    ):
        return "names a person: better not in this file at all"
    if "birth" in tokens(column.name) and column.dates:
        return "names a person: better not in this file at all"
    if any("@" in level for level in column.levels[:20]):
        return "holds e-mail addresses: better not in this file at all"
    if not column.counts:
        return "is empty"
    if column.dates:
        return "holds dates"
    return "is text that is new in nearly every patient" if column.free_text else ""
