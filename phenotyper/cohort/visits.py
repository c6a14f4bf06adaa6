"""Repeated visits to features: what each patient had first and last, how it went and how it varied.

Days count from the index date, so that day 0 is the same for everybody; a row outside the declared window is
not used. The slope is that of least squares in each patient, drawn towards the slope of all patients by its
own uncertainty (random-effects shrinkage, method of moments: DerSimonian and Laird 1986), because two visits
a day apart would otherwise give the largest slopes of the cohort. Its standard error is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from phenotyper.cohort.declaration import AGE_UNITS, NUMERIC_KINDS, VisitSpec
from phenotyper.cohort.kinds import Feature

DAYS_A_YEAR = AGE_UNITS["days"]
USUAL = ("baseline", "last", "slope", "variability")
"""What is made of numbers when nothing else is declared; of levels baseline and last."""
OF_LEVELS = ("baseline", "first", "last", "visits")
SAID = {
    "baseline": "at baseline",
    "first": "first value",
    "last": "last value",
    "mean": "mean over time",
    "slope": "slope per year",
    "variability": "spread within the patient",
    "above": "share of time above",
    "visits": "visits with a value",
}


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


@dataclass(frozen=True)
class Summary:
    """One feature made of visits: n values, their standard errors (NaN where there is none)."""

    feature: Feature
    values: np.ndarray
    errors: np.ndarray
    censored: np.ndarray


def summarised(
    course: Course,
    values: np.ndarray,
    *,
    feature: Feature,
    spec: VisitSpec,
    censored: np.ndarray | None = None,
) -> list[Summary]:
    """Make features of one measurement over time.

    Parameters
    ----------
    course : Course
        Patient and day of each of r rows, all within the window.
    values : ndarray of float64, shape (r,)
        The measurement; NaN = not measured at that visit.
    feature : Feature
        The measurement's name, kind, unit and label.
    spec : VisitSpec
        Which summaries, and the limit for ``above``.
    censored : ndarray of int8, shape (r,), optional
        -1 below the limit of detection that ``values`` holds, 1 above.

    Returns
    -------
    list of Summary
        In the order of the declaration.
    """
    known = ~np.isnan(values)
    seen = Course(course.patient[known], course.day[known], course.n_patients)
    flags = np.zeros(len(values), dtype=np.int8) if censored is None else censored
    measured, flags = values[known], flags[known]
    wanted = spec.summaries or USUAL
    limit = dict(spec.above).get(feature.name)
    numeric = feature.kind in NUMERIC_KINDS
    found = []
    for name in wanted:
        if (not numeric and name not in OF_LEVELS) or (name == "above" and limit is None):
            continue
        number, error, flag = _MAKERS[name](seen, measured, flags, limit)
        found.append(Summary(_feature(feature, name, limit), number, error, flag))
    return found


def _feature(feature: Feature, name: str, limit: float | None) -> Feature:
    said = f"{SAID[name]} {limit:g}" if name == "above" and limit is not None else SAID[name]
    label = f"{feature.label or feature.name}, {said}"
    named = replace(feature, name=f"{feature.name} ({name})", label=label)
    if name in {"baseline", "first", "last", "mean"}:
        return named
    if name == "above":
        return replace(named, kind="proportion", unit="", lod=np.nan, reference="", levels=())
    if name == "visits":
        return replace(named, kind="counts", unit="", lod=np.nan, reference="", levels=())
    unit = f"{feature.unit}/year" if name == "slope" and feature.unit else feature.unit
    return replace(named, kind="number", unit=unit, lod=np.nan, reference="", levels=())


Made = tuple[np.ndarray, np.ndarray, np.ndarray]
Maker = Callable[[Course, np.ndarray, np.ndarray, float | None], Made]


def _empty(n: int) -> Made:
    return np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=np.int8)


def _picked(course: Course, values: np.ndarray, flags: np.ndarray, rows: np.ndarray) -> Made:
    number, error, flag = _empty(course.n_patients)
    number[course.patient[rows]] = values[rows]
    flag[course.patient[rows]] = flags[rows]
    return number, error, flag


def _first_rows(course: Course) -> np.ndarray:
    return np.flatnonzero(np.diff(course.patient, prepend=-1))


def _last_rows(course: Course) -> np.ndarray:
    return np.flatnonzero(np.diff(course.patient, append=course.n_patients))


def _baseline(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    """Return the last value up to day 0; nobody who was first measured later has one."""
    rows = np.flatnonzero(course.day <= 0)
    before = Course(course.patient[rows], course.day[rows], course.n_patients)
    return _picked(before, values[rows], flags[rows], _last_rows(before))


def _first(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    return _picked(course, values, flags, _first_rows(course))


def _last(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    return _picked(course, values, flags, _last_rows(course))


def _sums(course: Course, *columns: np.ndarray) -> list[np.ndarray]:
    return [np.bincount(course.patient, column, course.n_patients) for column in columns]


def _spread(course: Course, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number of values, mean, and centred sum of squares of each patient."""
    count, total = _sums(course, np.ones(len(values)), values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    (squares,) = _sums(course, (values - mean[course.patient]) ** 2)
    return count, mean, squares


def _mean(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    count, mean, squares = _spread(course, values)
    number, error, flag = _empty(course.n_patients)
    number[:] = mean
    several = count > 1
    error[several] = np.sqrt(squares[several] / (count[several] - 1) / count[several])
    low, high = (np.bincount(course.patient, flags == sign, course.n_patients) for sign in (-1, 1))
    flag[(count > 0) & (low == count)] = -1
    flag[(count > 0) & (high == count)] = 1
    return number, error, flag


def _variability(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    """Return the standard deviation of a patient with two values or more, and its usual standard error."""
    count, _, squares = _spread(course, values)
    number, error, flag = _empty(course.n_patients)
    several = count > 1
    number[several] = np.sqrt(squares[several] / (count[several] - 1))
    error[several] = number[several] / np.sqrt(2 * (count[several] - 1))
    return number, error, flag


def _slope(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    number, error, flag = _empty(course.n_patients)
    slope, variance = least_squares(course, values)
    known = np.isfinite(slope) & np.isfinite(variance)
    if known.any():
        number[known], error[known] = shrunken(slope[known], variance[known])
    return number, error, flag


def least_squares(course: Course, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope per year of each patient and its variance.

    The scatter about the lines is pooled over patients with three values or more, since two values leave
    none; without such a patient the variances are 0 for all.

    Returns
    -------
    slope : ndarray, shape (n,)
        NaN with values on fewer than two days.
    variance : ndarray, shape (n,)
    """
    year = course.day / DAYS_A_YEAR
    count, mean_year, width = _spread(course, year)
    _, mean, _ = _spread(course, values)
    left = year - mean_year[course.patient]
    (joint,) = _sums(course, left * (values - mean[course.patient]))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(width > 0, joint / width, np.nan)
    rest = values - mean[course.patient] - np.nan_to_num(slope)[course.patient] * left
    (squares,) = _sums(course, rest**2)
    enough = (count > 2) & (width > 0)
    free = (count[enough] - 2).sum()
    pooled = squares[enough].sum() / free if free else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(width > 0, pooled / width, np.nan)
    return slope, variance


def random_effects(estimate: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Return the common mean and the variance between patients (DerSimonian and Laird 1986).

    Parameters
    ----------
    estimate, variance : ndarray of float64, shape (m,)
        One of each patient, m >= 2; variances above 0.
    """
    weight = 1 / variance
    common = (weight * estimate).sum() / weight.sum()
    heterogeneity = (weight * (estimate - common) ** 2).sum()
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(0.0, float((heterogeneity - (len(estimate) - 1)) / scale))
    total = between + variance
    return float((estimate / total).sum() / (1 / total).sum()), between


def shrunken(estimate: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw estimates towards their common mean, each by its own uncertainty.

    Parameters
    ----------
    estimate, variance : ndarray of float64, shape (m,)
        One of each patient; where all variances are 0 nothing is drawn.

    Returns
    -------
    value, error : ndarray, shape (m,)
        The best linear prediction of each patient's own slope, and its standard error given the mean and
        the variance between patients.

    Examples
    --------
    >>> value, error = shrunken(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0]))
    >>> value.tolist(), error.tolist()
    ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0])
    """
    if len(estimate) < 2 or not (variance > 0).any():
        return estimate.copy(), np.sqrt(variance)
    centre, between = random_effects(estimate, variance)
    share = between / (between + variance)
    return centre + share * (estimate - centre), np.sqrt(share * variance)


def _above(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    """Return the share of the observed time above the limit, values joined by straight lines."""
    number, error, flag = _empty(course.n_patients)
    bound = np.inf if limit is None else limit
    same = np.diff(course.patient) == 0
    span = np.where(same, np.diff(course.day), 0.0)
    before, after = values[:-1] - bound, values[1:] - bound
    with np.errstate(invalid="ignore", divide="ignore"):
        crossing = np.clip(np.maximum(before, after) / np.abs(after - before), 0, 1)
    share = np.where((before > 0) & (after > 0), 1.0, np.where((before <= 0) & (after <= 0), 0.0, crossing))
    whole = np.bincount(course.patient[:-1], span, course.n_patients)
    high = np.bincount(course.patient[:-1], span * share, course.n_patients)
    seen = whole > 0
    number[seen] = high[seen] / whole[seen]
    return number, error, flag


def _visits(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    number, error, flag = _empty(course.n_patients)
    number[:] = np.bincount(course.patient, minlength=course.n_patients)
    return number, error, flag


_MAKERS: dict[str, Maker] = {
    "baseline": _baseline,
    "first": _first,
    "last": _last,
    "mean": _mean,
    "slope": _slope,
    "variability": _variability,
    "above": _above,
    "visits": _visits,
}


def courses(
    ids: Sequence[str], day: np.ndarray, *, window: tuple[float, ...]
) -> tuple[Course, np.ndarray, list[str]]:
    """Sort rows by patient and day, and leave out those outside the window or without a day.

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
    order = rows[np.lexsort((rows, day[rows], place[rows]))]
    return Course(place[order], day[order], len(patients)), order, patients
