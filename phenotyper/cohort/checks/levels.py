"""Rules on categories with too many levels, and on numbers that are codes of categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phenotyper.cohort.checks.looks import is_date_column, person_in, plain_name, text_columns
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.checks.wording import described, quoted
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem, listed, number_of

MOST_LEVELS = 50
LEAST = 20
MANY_PATIENTS = 50
FEW_VALUES = 5
FEW_CODES = 12
_FIRST = 64
_CHUNK = 512
_CODED = re.compile(
    r"(?:^|_)\d*(?:site|center|centre|zentrum|code|coded|cat|category|group|grp|gruppe|type|typ|class|klasse|"
    r"hospital|clinic|klinik|ward|station|sex|gender|geschlecht|race|ethnic|ethnicity|ethnie|region|country|batch|"
    r"plate|arm|cohort|stratum|district|school|department)\d*(?:_|$)"
)


@rule("cells")
def many_levels(block: CodedBlock) -> Iterator[Problem]:
    """Refuse categories with nearly one level a patient; warn of those with more than 50 levels."""
    each: list[tuple[str, str]] = []
    many: list[tuple[str, str]] = []
    for column in text_columns(block):
        if column.kind != "category" or len(column.texts) <= LEAST / 2:
            continue
        codes = block.values[:, column.place]
        levels, known = len(np.unique(codes[~np.isnan(codes)])), int((~np.isnan(codes)).sum())
        said = (column.name, f"{levels} in {number_of(known, 'patient')}")
        if is_date_column(column) or person_in(column):
            continue
        if known >= LEAST and levels > known / 2:
            each.append(said)
        elif levels > MOST_LEVELS:
            many.append(said)
    names = quoted(name for name, _ in each)
    if each:
        message = (
            f"block {block.spec.name} of {block.source} has "
            f"{'a category' if len(each) == 1 else 'categories'} with nearly one level a patient: "
            f"{described(each)}"
        )
        remedy = (
            f"A text or an id is no trait: exclude = [{names}]; if it holds numbers, declare kind number; "
            "else join its levels to few."
        )
        yield Problem("MANY_LEVELS", message, remedy, where=block.source)
    if many:
        message = (
            f"block {block.spec.name} of {block.source} has "
            f"{'a category' if len(many) == 1 else 'categories'} with more than {MOST_LEVELS} levels: "
            f"{described(many)}"
        )
        remedy = "Each level weighs next to nothing; join levels that mean alike, or leave the column out."
        yield Problem("MANY_LEVELS", message, remedy, where=block.source, severity="warning")


@rule("cells")
def numbers_that_are_codes(block: CodedBlock) -> Iterator[Problem]:
    """Warn of number features that are called like a category, or take a handful of whole values."""
    values = _whole_columns(block)
    coded = [name for name, column in values.items() if _is_coded(name, column)]
    if coded:
        message = (
            f"block {block.spec.name} of {block.source} takes {listed(coded)} as "
            f"{'a number, but it is' if len(coded) == 1 else 'numbers, but they are'} called like a "
            "category, with whole numbers only"
        )
        remedy = (
            'Declare them with kind "category" (or "ordinal", when a higher code is more of the same) in a '
            'dictionary, with kind = "mixed" for the block.'
        )
        yield Problem("CODED_CATEGORY", message, remedy, where=block.source, severity="warning")
    few = [name for name in values if name not in coded and _is_few(values[name])]
    if few:
        shown = listed([*(_with_values(name, values[name]) for name in few[:5]), *few[5:]])
        message = (
            f"block {block.spec.name} of {block.source} has {number_of(len(few), 'number feature')} with "
            f"{FEW_VALUES} whole values or fewer: {shown}"
        )
        remedy = (
            'Is it "yes/no", "ordinal" or "category"? Say so in the dictionary; distances between codes mean '
            "nothing."
        )
        yield Problem("FEW_VALUES", message, remedy, where=block.source, severity="warning")


@dataclass(frozen=True)
class _Whole:
    """A column of whole numbers: its least and greatest value, how many there are, and the cells."""

    low: float
    high: float
    known: int
    cells: np.ndarray

    @cached_property
    def distinct(self) -> np.ndarray:
        """Values that occur."""
        return np.unique(self.cells[np.isfinite(self.cells)])

    def at_most(self, number: int) -> bool:
        """Tell whether few values occur; a narrow range says so at once."""
        return self.high - self.low < number or len(self.distinct) <= number


def _with_values(name: str, column: _Whole) -> str:
    return f"{name} ({'/'.join(f'{value:g}' for value in column.distinct)})"


def _is_few(column: _Whole) -> bool:
    return column.known >= MANY_PATIENTS and column.at_most(FEW_VALUES)


def _is_coded(name: str, column: _Whole) -> bool:
    """Tell whether name and values are those of codes; under three patients a value it could be a count."""
    called = bool(_CODED.search(plain_name(name)))
    return called and column.at_most(FEW_CODES) and 3 * len(column.distinct) <= column.known


def _whole_columns(block: CodedBlock) -> dict[str, _Whole]:
    """Return the number features that hold whole numbers only, and a dozen at most in the first patients."""
    places = np.array(
        [place for place, feature in enumerate(block.features) if feature.kind == "number"], int
    )
    if not len(block.ids):
        return {}
    start = block.values[:_FIRST, places]
    with np.errstate(invalid="ignore"):
        broken = (start != np.round(start)) & ~np.isnan(start)
    places = places[~broken.any(axis=0)]
    found: dict[str, _Whole] = {}
    for first in range(0, len(places), _CHUNK):
        some = places[first : first + _CHUNK]
        some = some[
            [len(set(column[~np.isnan(column)])) <= FEW_CODES for column in block.values[:_FIRST, some].T]
        ]
        cells = np.ascontiguousarray(block.values[:, some].T)
        known = np.isfinite(cells)
        low, high = np.where(known, cells, np.inf).min(axis=1), np.where(known, cells, -np.inf).max(axis=1)
        whole = ((cells == np.floor(cells)) | ~known).all(axis=1) & (low < high)
        for row in np.flatnonzero(whole):
            column = _Whole(
                float(low[row]), float(high[row]), int(known[row].sum()), block.values[:, some[row]]
            )
            found[block.features[some[row]].name] = column
    return {name: column for name, column in found.items() if name not in (block.misfits or {})}
