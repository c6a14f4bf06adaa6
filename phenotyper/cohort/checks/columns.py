"""What several rules ask of the columns of a block, worked out once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, NamedTuple

import numpy as np

from phenotyper._kernels.gaps import OrderStatistics, order_statistics
from phenotyper.cohort.checks.registry import Rule, rule
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.declaration import NUMERIC_KINDS
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import numbers_of
from phenotyper.errors import Problem

_KEPT: dict[int, tuple[weakref.ref[CodedBlock], OrderStatistics]] = {}
"""Order statistics of the blocks that are alive, by ``id``; they go when the block goes."""


def number_rule(stage: str) -> Callable[[Rule], Rule]:
    """Register a rule that computes: what overflows or is not finite is none of what it looks for."""

    def register(function: Rule) -> Rule:
        @wraps(function)
        def quiet(thing: Any) -> list[Problem]:
            with np.errstate(all="ignore"):
                return list(function(thing))

        return rule(stage)(quiet)

    return register


def order_of(block: CodedBlock) -> OrderStatistics:
    """Return the order statistics of a block's columns; sorted once however many rules ask."""
    key = id(block)
    kept = _KEPT.get(key)
    if kept is None or kept[0]() is not block:
        kept = (weakref.ref(block, lambda _: _KEPT.pop(key, None)), order_statistics(block.values))
        _KEPT[key] = kept
    return kept[1]


def is_kind(block: CodedBlock, *kinds: str) -> np.ndarray:
    """Return which features of a block are of one of the kinds; of a number by default."""
    wanted = kinds or NUMERIC_KINDS
    return np.array([feature.kind in wanted for feature in block.features], dtype=bool)


def has_values(block: CodedBlock) -> np.ndarray:
    """Return which features hold two different values or more, beyond rounding."""
    order = order_of(block)
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(order.low), np.abs(order.high))
        return order.high - order.low > 1e-12 * size


class NumberColumn(NamedTuple):
    """A column of numbers: its name, its unit if any is stated, values and spreadsheet rows."""

    name: str
    unit: str
    values: np.ndarray
    rows: np.ndarray


def patient_numbers(tables: Tables, *, outcomes: bool = True) -> Iterator[NumberColumn]:
    """Yield age, covariates, times and number outcomes of the table of patients that hold numbers only."""
    table, declaration = tables.patients, tables.declaration
    if table is None or table.ids is None:
        return
    age = declaration.patients.age
    units = {age.column: age.unit} if age else {}
    units |= dict.fromkeys(declaration.patients.covariates, "")
    for outcome in declaration.outcomes if outcomes else ():
        if outcome.kind in {"survival", "number", "count"}:
            units[outcome.time or outcome.column] = outcome.unit
    for column, unit in units.items():
        if column in table.frame.columns:
            values, misfits = numbers_of(texts(table, column), table.rows, decimal=table.decimal)
            if not misfits and np.isfinite(values).any():
                yield NumberColumn(column, unit, values, table.rows)


def rows_where(rows: np.ndarray, chosen: np.ndarray) -> tuple[int, ...]:
    """Return the spreadsheet rows of the chosen patients, in order."""
    return tuple(sorted(int(row) for row in rows[chosen]))


def toml_list(words: Iterable[str]) -> str:
    """Return words as a TOML list of texts, for a remedy.

    Examples
    --------
    >>> toml_list(["999", "-9"])
    '["999", "-9"]'
    """
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
