"""The rows of many patients in the order of their days, and sums over each patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Course:
    """Rows of all patients of one block, sorted by patient and day.

    Parameters
    ----------
    patient : ndarray of int, shape (r,)
        Number of the patient of each row, ascending.
    day : ndarray of float64, shape (r,)
        Days since the index date, ascending within a patient.
    n_patients : int
        Number of patients, those without a row included.
    """

    patient: np.ndarray
    day: np.ndarray
    n_patients: int


def courses(
    ids: Sequence[str], day: np.ndarray, *, window: tuple[float, ...], moment: np.ndarray | None = None
) -> tuple[Course, np.ndarray, list[str]]:
    """Sort rows by patient and day, and leave out those outside the window or without a day.

    Parameters
    ----------
    ids : sequence of str
        Patient of each of r rows.
    day : ndarray of float64, shape (r,)
        Days since the index date; NaN = unknown.
    window : tuple of float
        First and last day that count; empty for all.
    moment : ndarray of float64, shape (r,), optional
        Order of the rows within a day; by default that of the table.

    Returns
    -------
    course : Course
        Of the rows that count.
    order : ndarray of int
        Their positions in the table.
    patients : list of str
        All patients of the table, in the order of their first row.
    """
    patients = list(dict.fromkeys(ids))
    number = {patient: place for place, patient in enumerate(patients)}
    place = np.array([number[patient] for patient in ids], dtype=np.intp)
    inside = np.isfinite(day)
    if window:
        with np.errstate(invalid="ignore"):
            inside &= (day >= window[0]) & (day <= window[1])
    rows = np.flatnonzero(inside)
    within = np.zeros(len(rows)) if moment is None else moment[rows]
    order = rows[np.lexsort((rows, within, day[rows], place[rows]))]
    return Course(place[order], day[order], len(patients)), order, patients


def first_rows(course: Course) -> np.ndarray:
    """Return the first row of each patient who has one."""
    return np.flatnonzero(np.diff(course.patient, prepend=-1))


def last_rows(course: Course) -> np.ndarray:
    """Return the last row of each patient who has one."""
    return np.flatnonzero(np.diff(course.patient, append=course.n_patients))


def sums(course: Course, *columns: np.ndarray) -> list[np.ndarray]:
    """Return the sum over each patient of some columns; 0 where a patient has no row."""
    return [np.bincount(course.patient, column, course.n_patients) for column in columns]


def spread(course: Course, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number of values, mean, and centred sum of squares of each patient.

    Distances count from the first value of a patient, so that equal values have a spread of exactly 0.
    """
    start = np.zeros(course.n_patients)
    rows = first_rows(course)
    start[course.patient[rows]] = values[rows]
    shifted = values - start[course.patient]
    count, total = sums(course, np.ones(len(values)), shifted)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    (squares,) = sums(course, (shifted - mean[course.patient]) ** 2)
    return count, start + mean, squares
