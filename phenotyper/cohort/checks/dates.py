"""Rules on dates: none among the features, none in the future, none before 1900."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenotyper.cohort.checks.looks import (
    TextColumn,
    compact_dates,
    is_birth,
    is_date_column,
    person_in,
    text_columns,
)
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.checks.wording import described, quoted
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.dateforms import day_of, forms_met
from phenotyper.cohort.declaration import BORN
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, listed, number_of

FIRST_DAY = dt.date(1900, 1, 1)
"""The day that spreadsheets and registries write for "unknown"; nothing is measured on it or before."""


@rule("cells")
def date_features(block: CodedBlock) -> Iterator[Problem]:
    """Refuse features that are dates, in whatever form they are written."""
    columns = [
        column
        for column in text_columns(block)
        if is_date_column(column) and not person_in(column) and column.name not in block.dates
    ]
    found = [(column.name, f"as {' and '.join(forms_met(column.dates))}") for column in columns]
    found += [(name, "as 20210403") for name in compact_dates(block) if not is_birth(name)]
    if not found:
        return
    names = [name for name, _ in found]
    rows = sorted({row for column in columns for row in column.rows(column.dates)})
    message = f"block {block.spec.name} of {block.source} has dates among its features: {described(found)}"
    remedy = (
        f"Leave them out: exclude = [{quoted(names)}]. What counts is the time from the index date to them: "
        'give that in days, as a number, or declare the kind "date" and an index_date.'
    )
    if any(_partly(column) for column in columns):
        remedy += " Where a spreadsheet has turned 3.4 into 3-Apr, export the numbers again."
    yield Problem("DATE_FEATURE", message, remedy, where=block.source, rows=tuple(rows))


@rule("cells")
def declared_dates(block: CodedBlock) -> Iterator[Problem]:
    """Refuse features declared as dates that cannot be counted from a day of the patient."""
    misfits = {name: found for name in block.dates if (found := (block.misfits or {}).get(name))}
    if not misfits:
        return
    rows = tuple(sorted({row for found in misfits.values() for at in found.values() for row in at}))
    named = described([(name, f"as {' and '.join(forms_met(found))}") for name, found in misfits.items()])
    message = f"block {block.spec.name} of {block.source} has dates "
    if block.index is not None:
        message += f"that are not written 2021-04-03: {named}"
        remedy = "Write year-month-day in the whole column, and name what means missing in missing_codes."
    else:
        message += f"among its features, and no index date to count them from: {named}"
        remedy = (
            'Add index_date = "..." to [patients]: the features are then the days since it. '
            f"Or leave them out: exclude = [{quoted(list(misfits))}]."
        )
    yield Problem("DATE_FEATURE", message, remedy, where=block.source, rows=rows)


@rule("cells")
def dates_without_a_start(block: CodedBlock) -> Iterator[Problem]:
    """Warn of patients whose dates cannot be counted, as their index date is not known."""
    if not block.dates or block.index is None:
        return
    cells = block.cells or block
    without = np.array([str(patient) not in block.index for patient in cells.ids.tolist()], dtype=bool)
    if without.any():
        message = (
            f"{block.source} has {number_of(int(without.sum()), 'row')} of patients without an index date: "
            f"{listed(block.dates)} cannot be counted from it and is missing there"
        )
        remedy = "Fill in the index date of these patients."
        rows = tuple(np.asarray(cells.rows)[without].tolist())
        yield Problem("DATE_NO_START", message, remedy, where=block.source, rows=rows, severity="warning")


def _partly(column: TextColumn) -> bool:
    """Tell whether numbers stand beside the dates of a number column."""
    return not column.levels and column.cells > sum(map(len, column.misfits.values()))


def dated_columns(tables: Tables) -> Iterator[tuple[str, pd.Series, RawTable]]:
    """Yield the columns of the table of patients that hold dates by their role, with their texts."""
    patients, table = tables.declaration.patients, tables.patients
    if table is None or table.ids is None:
        return
    born = patients.age.column if patients.age and patients.age.unit == BORN else ""
    for column in filter(None, (patients.index_date, born)):
        yield column, texts(table, column), table


def days_of(cells: pd.Series) -> dict[str, dt.date]:
    """Return the day of each distinct text that is a date."""
    days = {str(text): day_of(str(text)) for text in cells.dropna().unique()}
    return {text: day for text, day in days.items() if day is not None}


def _rows(cells: pd.Series, table: RawTable, wrong: list[str]) -> tuple[int, ...]:
    return tuple(table.rows[cells.isin(wrong).to_numpy(dtype=bool)].tolist())


@rule("cohort")
def future_dates(tables: Tables, *, today: dt.date | None = None) -> Iterator[Problem]:
    """Refuse index dates and dates of birth after tomorrow (a day is left for other time zones)."""
    last = (today or dt.date.today()) + dt.timedelta(days=1)
    for column, cells, table in dated_columns(tables):
        wrong = {text: day for text, day in days_of(cells).items() if day > last}
        if wrong:
            rows = _rows(cells, table, list(wrong))
            latest = max(wrong.values()).isoformat()
            message = (
                f"{table.name} has {number_of(len(rows), 'date')} in the future in {column}, up to {latest}"
            )
            remedy = "Correct them: a day and a month, or two digits of the year, may have been exchanged."
            yield Problem("DATE_FUTURE", message, remedy, where=table.name, rows=rows)


@rule("cohort")
def impossible_dates(tables: Tables) -> Iterator[Problem]:
    """Refuse index dates and dates of birth on 1900-01-01 or before."""
    for column, cells, table in dated_columns(tables):
        wrong = {text: day for text, day in days_of(cells).items() if day <= FIRST_DAY}
        if wrong:
            rows = _rows(cells, table, list(wrong))
            first = min(wrong.values()).isoformat()
            message = (
                f"{table.name} has {number_of(len(rows), 'date')} in {column} that cannot be, down to {first}"
            )
            remedy = (
                f'Correct them; if they mean unknown, add missing_codes = ["{min(wrong)}"] to cohort.toml.'
            )
            yield Problem("DATE_IMPOSSIBLE", message, remedy, where=table.name, rows=rows)
