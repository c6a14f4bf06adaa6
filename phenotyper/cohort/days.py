"""Dates and times to days since the index date, and birth dates to ages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenotyper.cohort.dateforms import moment_of
from phenotyper.cohort.declaration import AGE_UNITS, BORN, BlockSpec, Declaration
from phenotyper.cohort.readers.contract import RawTable
from phenotyper.cohort.values import numbers_of, text_of

DAYS_A_YEAR = AGE_UNITS["days"]


@dataclass(frozen=True)
class Days:
    """Day of each row of a table, and what stood in the way.

    Parameters
    ----------
    day : ndarray of float64, shape (r,)
        Days since the index date; NaN where there is none. Whole days where the index date has no time of
        day, so that all of its day is day 0.
    moment : ndarray of float64, shape (r,)
        The same with the time of day: the order within a day.
    wrong : dict of str to tuple of int
        Texts that are neither a number nor a date, with their spreadsheet rows.
    dates : bool
        Whether the column holds dates.
    without_index : ndarray of bool, shape (r,)
        Rows with a date whose patient has no index date.
    """

    day: np.ndarray
    moment: np.ndarray
    wrong: Mapping[str, tuple[int, ...]]
    dates: bool
    without_index: np.ndarray


def day_number(text: object) -> float:
    """Return a date written 2021-04-03 (a time of day may follow) as a number of days; NaN for all else.

    Examples
    --------
    >>> day_number("2021-04-03") - day_number("2021-04-01"), day_number("03/04/2021")
    (2.0, nan)
    """
    moment = moment_of(text) if isinstance(text, str) else None
    if moment is None:
        return np.nan
    midnight = dt.datetime(1970, 1, 1, tzinfo=moment.tzinfo)
    return (moment - midnight).total_seconds() / 86_400


def days_of_dates(texts: pd.Series) -> np.ndarray:
    """Return a column of dates as days since 1970-01-01, NaN where a cell is empty or no date."""
    known = {text: day_number(text) for text in texts.dropna().unique()}
    return texts.map(known).to_numpy(dtype=np.float64, na_value=np.nan)


def index_days(patients: RawTable | None, declaration: Declaration) -> dict[str, float]:
    """Return the index date of each patient as days since 1970-01-01; patients without one are left out."""
    column = declaration.patients.index_date
    if not column or patients is None or patients.ids is None or column not in patients.frame.columns:
        return {}
    days = days_of_dates(_texts(patients, column))
    pairs = zip(patients.ids.tolist(), days.tolist(), strict=True)
    return {str(patient): day for patient, day in pairs if np.isfinite(day)}


def ages_at_index(patients: RawTable, declaration: Declaration) -> np.ndarray:
    """Return the age in years at the index date from a column of birth dates, one a row."""
    age = declaration.patients.age
    if age is None or age.unit != BORN:
        message = "the age is not declared by a birth date"
        raise ValueError(message)
    born = days_of_dates(_texts(patients, age.column))
    index = days_of_dates(_texts(patients, declaration.patients.index_date))
    return (index - born) / DAYS_A_YEAR


def days_of(table: RawTable, spec: BlockSpec, index: Mapping[str, float]) -> Days:
    """Return the day of each row of a block with visits.

    Parameters
    ----------
    table : RawTable
        r rows.
    spec : BlockSpec
        ``spec.visits`` names the column; without a name the one that the reader knows.
    index : mapping of str to float
        Index date of each patient, see :func:`index_days`.
    """
    column, unit = time_column(table, spec), spec.visits.unit if spec.visits else "days"
    if column not in table.frame.columns:
        return _in_numbers(np.full(len(table.rows), np.nan), {})
    cells = table.frame.loc[:, ~table.frame.columns.duplicated()][column]
    numbers, misfits = numbers_of(cells, table.rows, decimal=table.decimal)
    in_days = numbers * DAYS_A_YEAR / AGE_UNITS[unit]
    texts = text_of(cells)
    days = days_of_dates(texts) if misfits else np.full(len(numbers), np.nan)
    if np.isnan(days).all():
        return _in_numbers(in_days, misfits)
    wrong = {text: found for text, found in misfits.items() if np.isnan(day_number(text))}
    plain = texts[texts.notna().to_numpy() & np.isnan(days)]
    wrong |= {
        text: tuple(table.rows[(texts == text).to_numpy(dtype=bool, na_value=False)].tolist())
        for text in plain.unique()
    }
    start = np.array([index.get(str(patient), np.nan) for patient in np.asarray(table.ids)])
    moment = days - start
    day = np.where(start == np.floor(start), np.floor(moment), moment)
    return Days(day, moment, wrong, dates=True, without_index=np.isfinite(days) & np.isnan(start))


def _in_numbers(day: np.ndarray, wrong: Mapping[str, tuple[int, ...]]) -> Days:
    return Days(day, day, wrong, dates=False, without_index=np.zeros(len(day), dtype=bool))


def time_column(table: RawTable, spec: BlockSpec) -> str:
    """Return the column that says when a row was measured; empty when nobody says it."""
    return (spec.visits.time if spec.visits else "") or table.time_column


def _texts(table: RawTable, column: str) -> pd.Series:
    return text_of(table.frame.loc[:, ~table.frame.columns.duplicated()][column]).reset_index(drop=True)
