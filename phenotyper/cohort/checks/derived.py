"""Features that others determine: sums, scores, and a body mass index that its parts contradict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from phenotyper._kernels.copies import unit_columns
from phenotyper.cohort.checks.columns import (
    NumberColumn,
    has_values,
    number_rule,
    patient_numbers,
    rows_where,
)
from phenotyper.cohort.coding import CodedBlock, columns_of
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import numbers_of
from phenotyper.errors import Problem, listed

DETERMINED = 0.99
"""R squared by the other features of the block."""
MOST = 60
"""Features of a small block."""
PATIENTS_EACH = 5
"""Complete patients a feature."""
MOSTLY_KNOWN = 0.8
TELLING = 0.05
"""Share of the largest coefficient from which a feature is named as a part."""
TOLERANCE = 1.0
"""Difference of a body mass index in kg/m2."""


@number_rule("block")
def determined_features(block: CodedBlock) -> Iterator[Problem]:
    """Warn of features of a small block that a sum of others gives (linear, R squared above 0.99)."""
    if len(block.features) > MOST or block.spec.kind == "composition" or block.misfits:
        return
    ordered = np.array(
        [feature.kind not in {"category", "composition"} for feature in block.features], dtype=bool
    )
    known = np.isfinite(block.values).mean(axis=0) >= MOSTLY_KNOWN if len(block.ids) else ordered
    places = np.flatnonzero(ordered & known & has_values(block))
    values = block.values[:, places]
    values = values[np.isfinite(values).all(axis=1)]
    found = []
    while len(places) > 2 and len(values) >= max(20, PATIENTS_EACH * len(places)):
        worst, share, parts = _most_determined(unit_columns(values))
        if share < DETERMINED:
            break
        names = [block.features[place].name for place in places]
        if len(parts) > 1:
            found.append(f"{names[worst]} from {listed(names[part] for part in parts)} (R2 {share:.3f})")
        places, values = np.delete(places, worst), np.delete(values, worst, axis=1)
    if found:
        noun = (
            "1 feature that the others determine"
            if len(found) == 1
            else f"{len(found)} features that others determine"
        )
        message = f"block {block.spec.name} has {noun}: {listed(found)}"
        remedy = "The same thing counts twice: leave the sum or one of its parts out with exclude."
        yield Problem("DERIVED", message, remedy, where=block.source, severity="warning")


def _most_determined(unit: np.ndarray) -> tuple[int, float, list[int]]:
    """Return the column of unit columns that the others determine best, R squared, and by which others."""
    size = np.sqrt((unit**2).sum(axis=0))
    if (size < 0.5).any():
        return int(np.argmin(size)), 1.0, []
    inverse = np.linalg.inv(unit.T @ unit + 1e-10 * np.eye(unit.shape[1]))
    worst = int(np.argmax(np.diag(inverse)))
    share = 1 - 1 / float(inverse[worst, worst])
    weight = np.abs(inverse[worst] / inverse[worst, worst])
    weight[worst] = 0.0
    return worst, share, [int(part) for part in np.argsort(-weight) if weight[part] >= TELLING * weight.max()]


class _Body(NamedTuple):
    mass: NumberColumn
    height: NumberColumn
    weight: NumberColumn


_NOT = r"(z|sds|score|perc|cent|cat|class|mother|mat|father|birth|gain|delta|change|ideal|goal)"
_INDEX = re.compile(r"(^|[^a-z])bmi([^a-z]|$)|body.?mass.?index", re.IGNORECASE)
_HEIGHT = re.compile(r"height|stature|groesse|größe|taille", re.IGNORECASE)
_WEIGHT = re.compile(r"weight|gewicht|poids", re.IGNORECASE)


def _named(columns: list[NumberColumn], pattern: re.Pattern[str]) -> NumberColumn | None:
    fits = [
        column
        for column in columns
        if pattern.search(column.name) and not re.search(_NOT, pattern.sub("", column.name), re.IGNORECASE)
    ]
    return fits[0] if len(fits) == 1 else None


def _body(tables: Tables) -> _Body | None:
    """Return body mass index, height and weight of one table, each named once, features or covariates."""
    for table in tables.with_ids():
        columns = list(patient_numbers(tables, outcomes=False)) if table is tables.patients else []
        taken = {column.name for column in columns}
        for spec in tables.uses(table):
            for name in columns_of(spec, table):
                fits = any(pattern.search(name) for pattern in (_INDEX, _HEIGHT, _WEIGHT))
                if fits and name not in taken:
                    taken.add(name)
                    values, misfits = numbers_of(texts(table, name), table.rows, decimal=table.decimal)
                    if not misfits:
                        columns.append(NumberColumn(name, "", values, table.rows))
        index, height, weight = (_named(columns, pattern) for pattern in (_INDEX, _HEIGHT, _WEIGHT))
        if index and height and weight:
            return _Body(index, height, weight)
    return None


@number_rule("cohort")
def body_mass_index(tables: Tables) -> Iterator[Problem]:
    """Warn where weight / height^2 is not the body mass index that stands beside it."""
    body = _body(tables)
    if body is None:
        return
    worked_out = _fitted(body)
    if worked_out is None:
        return
    with np.errstate(invalid="ignore"):
        wrong = np.abs(worked_out - body.mass.values) > TOLERANCE
    known = int(np.isfinite(worked_out - body.mass.values).sum())
    if wrong.any():
        where = next(table.name for table in tables.with_ids() if table.rows is body.mass.rows)
        worst = int(np.nanargmax(np.where(wrong, np.abs(worked_out - body.mass.values), np.nan)))
        message = (
            f"{body.mass.name} of {where} is not {body.weight.name} / {body.height.name}^2 in {wrong.sum()} "
            f"of {known} patients (off by more than {TOLERANCE:g} kg/m2; most in row "
            f"{body.mass.rows[worst]}: {body.mass.values[worst]:g}, by its parts {worked_out[worst]:.1f})"
        )
        remedy = "One of the three is wrong in these rows: correct them, or leave the doubtful column out."
        rows = rows_where(body.mass.rows, wrong)
        yield Problem("BMI_MISMATCH", message, remedy, where=where, rows=rows, severity="warning")


def _fitted(body: _Body) -> np.ndarray | None:
    """Return the body mass index by weight and height, in the units (m or cm, kg or g) that fit best."""
    best: tuple[float, np.ndarray] | None = None
    for metres in (1.0, 100.0):
        for kilograms in (1.0, 1000.0):
            with np.errstate(invalid="ignore", divide="ignore"):
                index = (body.weight.values / kilograms) / (body.height.values / metres) ** 2
                ratio = index / body.mass.values
            ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
            if len(ratio) >= 10:
                off = float(abs(np.log(np.median(ratio))))
                if off < np.log(1.25) and (best is None or off < best[0]):
                    best = (off, index)
    return None if best is None else np.where(np.isfinite(best[1]), best[1], np.nan)
