"""Values that no living patient has, by the name and unit of a quantity (``plausible.csv``).

The bounds are generous: what lies outside is a slip of the pen, not a rare disease. ``taken_from`` of the
table says for which medians a column without a unit is taken to be in that unit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.codes import CODES
from phenotyper.cohort.checks.columns import (
    NumberColumn,
    is_kind,
    number_rule,
    order_of,
    patient_numbers,
    rows_where,
)
from phenotyper.cohort.checks.units import factors, mixed_units
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.roles import years_of
from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, listed

FEW = 0.2
"""Where a larger share is out of range the column is another quantity than its name says."""
SHARE = 0.05
"""Where a larger share is above 100 % it is a percentage of something else."""
_NOT = re.compile(
    r"(?<![a-z])z(?![a-z])|zscore|sds|perc(entile)?|centile|mother|father|matern|patern|gain|loss|delta|change|diff|"
    r"ratio|pred|log|growth|velocity|days|dose|target|urin|csf|cord",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"pred|change|delta|diff|ratio|of.?normal|baseline|expected|target|z", re.IGNORECASE)
_AGES = (0.0, 1.0, 2.0, 5.0, 10.0, 14.0, 18.0)
_BY_AGE = {
    ("height", "cm"): ((20, 50, 58, 70, 85, 90, 95), (70, 95, 115, 150, 190, 215, 250)),
    ("height", "m"): ((0.2, 0.5, 0.58, 0.7, 0.85, 0.9, 0.95), (0.7, 0.95, 1.15, 1.5, 1.9, 2.15, 2.5)),
    ("weight", "kg"): ((0.3, 2.5, 3.5, 6, 9, 12, 14), (12, 25, 40, 80, 150, 230, 400)),
}
"""Crude lowest and highest values at the ages above; between them a straight line."""


@dataclass(frozen=True)
class Range:
    """What is possible of a quantity in a unit."""

    quantity: str
    names: re.Pattern[str]
    unit: str
    spellings: frozenset[str]
    low: float
    high: float
    medians: tuple[float, float] | None


@cache
def ranges() -> tuple[Range, ...]:
    """Return the table of plausible ranges."""
    text = files("phenotyper.cohort.checks").joinpath("plausible.csv").read_text(encoding="utf-8")
    return tuple(_range(row) for row in csv.DictReader(text.splitlines()))


@cache
def _any_name() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{known.names.pattern})" for known in ranges()), re.IGNORECASE)


def _range(row: dict[str, str]) -> Range:
    medians = [float(end) for end in row["taken_from"].split(":")] if row["taken_from"] else []
    units = row["units"].split("|")
    return Range(
        row["quantity"],
        re.compile(row["names"], re.IGNORECASE),
        units[-1] if not units[0] else units[0],
        frozenset(_unit(unit) for unit in units),
        float(row["low"]),
        float(row["high"]),
        (medians[0], medians[1]) if medians else None,
    )


def _unit(text: str) -> str:
    return text.replace("μ", "u").replace("µ", "u").replace(" ", "").casefold()


def range_of(name: str, *, unit: str, median: float) -> Range | None:
    """Return what is possible of a column; None when neither its name nor its unit tell.

    Examples
    --------
    >>> range_of("BodyTemp", unit="°C", median=37.2).high
    43.0
    >>> range_of("height_z", unit="", median=0.1) is None
    True
    """
    if not _any_name().search(name):
        return None
    for known in ranges():
        if known.names.search(name) and not _NOT.search(known.names.sub("", name)):
            if unit and _unit(unit) in known.spellings:
                return known
            if not unit and known.medians and known.medians[0] <= median <= known.medians[1]:
                return known
    return None


def implausible(column: NumberColumn, *, age: np.ndarray | None = None) -> tuple[np.ndarray, str]:
    """Return which values are impossible, and the range in words.

    Parameters
    ----------
    column : NumberColumn
        n values.
    age : ndarray, shape (n,), optional
        Years, for height and weight.
    """
    known = np.isfinite(column.values)
    none = np.zeros(len(column.values), dtype=bool)
    if not known.any():
        return none, ""
    found = range_of(column.name, unit=column.unit, median=float(np.median(column.values[known])))
    if found is None:
        return none, ""
    with np.errstate(invalid="ignore"):
        wrong = (column.values < found.low) | (column.values > found.high)
    words = f"{found.low:g} to {found.high:g} {found.unit}".rstrip()
    curve = _BY_AGE.get((found.quantity, found.unit))
    if age is not None and curve and np.isfinite(age).any():
        low, high = (np.interp(age, _AGES, bound) for bound in curve)
        with np.errstate(invalid="ignore"):
            wrong |= (column.values < low) | (column.values > high)
        words += ", narrower at a given age"
    return (none, "") if wrong.sum() > max(FEW * known.sum(), 1) else (wrong, words)


def _problem(
    where: str, found: dict[str, tuple[np.ndarray, np.ndarray, str]], rows: tuple[int, ...]
) -> Problem:
    shown = listed(
        f"{name} {', '.join(f'{value:g}' for value in values[wrong][:3])}"
        f"{f' and {wrong.sum() - 3} more' if wrong.sum() > 3 else ''} (possible: {words})"
        for name, (values, wrong, words) in found.items()
    )
    message = f"{where} has values that no patient can have: {shown}"
    remedy = "Correct the cells or their unit, or add what means missing to missing_codes."
    return Problem("IMPLAUSIBLE", message, remedy, where=where, rows=rows, severity="warning")


@number_rule("assembled")
def implausible_features(parts: Parts) -> Iterator[Problem]:
    """Warn of features outside what a living patient can have, and of percentages outside 0 to 100."""
    for block in parts.blocks:
        age = None
        if "age" in parts.obs:
            age = parts.obs["age"].reindex(pd.Index(block.ids, dtype="str")).to_numpy(dtype=np.float64)
        found = dict(_in_block(block, age))
        if found:
            chosen = np.logical_or.reduce([wrong for _, wrong, _ in found.values()])
            yield _problem(block.source, found, rows_where(block.rows, chosen))


def _in_block(
    block: CodedBlock, age: np.ndarray | None
) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray, str]]]:
    known = order_of(block).known > 0
    for place in np.flatnonzero(is_kind(block, "number", "proportion") & known):
        feature = block.features[place]
        percent = feature.unit.strip() == "%" and feature.kind == "number"
        if not percent and not _any_name().search(feature.name):
            continue
        column = NumberColumn(feature.name, feature.unit, block.values[:, place], block.rows)
        wrong, words = implausible(column, age=age)
        if not words and percent:
            wrong, words = _percent(column, feature.label)
        if wrong.any() and not _explained(column, wrong):
            yield feature.name, (column.values, wrong, words)


def _explained(column: NumberColumn, wrong: np.ndarray) -> bool:
    """Tell whether these values are reported already: as codes for missing, or as another unit."""
    mix = mixed_units(column.values, factors(column.name))
    as_unit = mix is not None and not (wrong & ~mix.odd).any()
    return as_unit or bool(np.isin(column.values[wrong], list(CODES)).all())


def _percent(column: NumberColumn, label: str) -> tuple[np.ndarray, str]:
    with np.errstate(invalid="ignore"):
        wrong = (column.values < 0) | (column.values > 100)
    relative = _RELATIVE.search(column.name) or _RELATIVE.search(label)
    many = wrong.sum() > SHARE * np.isfinite(column.values).sum()
    return (np.zeros(len(wrong), dtype=bool), "") if relative or many else (wrong, "0 to 100 %")


@number_rule("cohort")
def implausible_patients(tables: Tables) -> Iterator[Problem]:
    """Warn of covariates and number outcomes outside what a living patient can have, height by age."""
    table, spec = tables.patients, tables.declaration.patients.age
    if table is None or table.ids is None:
        return
    age = None
    if spec and spec.column in table.frame.columns:
        age = years_of(table, tables.declaration)
    found: dict[str, tuple[np.ndarray, np.ndarray, str]] = {}
    rows: set[int] = set()
    for column in patient_numbers(tables):
        wrong, words = implausible(column, age=age)
        if wrong.any() and not _explained(column, wrong):
            found[column.name] = (column.values, wrong, words)
            rows |= set(rows_where(table.rows, wrong))
    if found:
        yield _problem(table.name, found, tuple(sorted(rows)))
