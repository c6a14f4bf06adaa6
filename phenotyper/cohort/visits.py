"""Repeated visits to features: what each patient had first and last, how it went and how it varied.

Days count from the index date, so that day 0 is the same for everybody; a row outside the declared window is
not used. The slope is that of least squares in each patient, drawn towards the slope of all patients by its
own uncertainty (random-effects shrinkage, method of moments: DerSimonian and Laird 1986), because two visits
a day apart would otherwise give the largest slopes of the cohort. Its standard error is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from phenotyper._kernels.shrinkage import shrunken
from phenotyper.cohort.course import Course, first_rows, last_rows, spread, sums
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
    known = np.isfinite(values)
    seen = Course(course.patient[known], course.day[known], course.n_patients)
    flags = np.zeros(len(values), dtype=np.int8) if censored is None else censored
    measured, flags = values[known], flags[known]
    wanted = wanted_of(spec)
    limit = dict(spec.above).get(feature.name)
    found = []
    for name in wanted:
        if not _can_be(name, feature) or (name == "above" and limit is None):
            continue
        number, error, flag = _MAKERS[name](seen, measured, flags, limit)
        found.append(Summary(_feature(feature, name, limit), number, error, flag))
    return found


def wanted_of(spec: VisitSpec) -> tuple[str, ...]:
    """Return the summaries that are declared, or the usual ones; with limits the time above them too.

    Examples
    --------
    >>> wanted_of(VisitSpec(above=(("crp", 10.0),)))
    ('baseline', 'last', 'slope', 'variability', 'above')
    """
    wanted = spec.summaries or USUAL
    return wanted if "above" in wanted or not spec.above else (*wanted, "above")


def _can_be(name: str, feature: Feature) -> bool:
    return feature.kind in NUMERIC_KINDS or name in OF_LEVELS


def left_out(features: Iterable[Feature], spec: VisitSpec) -> list[str]:
    """Return the features of which the declared summaries make nothing, limits for ``above`` apart.

    Examples
    --------
    >>> left_out([Feature("crp", "number"), Feature("fever", "yes/no")], VisitSpec(summaries=("slope",)))
    ['fever']
    """
    wanted = wanted_of(spec)
    return [one.name for one in features if not any(_can_be(name, one) for name in wanted)]


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


def _baseline(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    """Return the last value up to day 0; nobody who was first measured later has one."""
    rows = np.flatnonzero(course.day <= 0)
    before = Course(course.patient[rows], course.day[rows], course.n_patients)
    return _picked(before, values[rows], flags[rows], last_rows(before))


def _first(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    return _picked(course, values, flags, first_rows(course))


def _last(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    return _picked(course, values, flags, last_rows(course))


def _mean(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    count, mean, squares = spread(course, values)
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
    count, _, squares = spread(course, values)
    number, error, flag = _empty(course.n_patients)
    several = count > 1
    number[several] = np.sqrt(squares[several] / (count[several] - 1))
    error[several] = number[several] / np.sqrt(2 * (count[several] - 1))
    return number, error, flag


def _slope(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    number, error, flag = _empty(course.n_patients)
    slope, variance = least_squares(course, values)
    known = np.isfinite(slope)
    if known.any():
        number[known], error[known] = shrunken(slope[known], variance[known])
    return number, error, flag


def least_squares(course: Course, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope per year of each patient and its variance.

    The scatter about the lines is pooled over patients with three values or more, since two values leave
    none.

    Returns
    -------
    slope : ndarray, shape (n,)
        NaN with values on fewer than two days.
    variance : ndarray, shape (n,)
        NaN for all when no patient has three values, since nobody knows the scatter then.
    """
    year = course.day / DAYS_A_YEAR
    count, mean_year, width = spread(course, year)
    _, mean, _ = spread(course, values)
    left = year - mean_year[course.patient]
    (joint,) = sums(course, left * (values - mean[course.patient]))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(width > 0, joint / width, np.nan)
    rest = values - mean[course.patient] - np.nan_to_num(slope)[course.patient] * left
    (squares,) = sums(course, rest**2)
    enough = (count > 2) & (width > 0)
    free = (count[enough] - 2).sum()
    pooled = squares[enough].sum() / free if free else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(width > 0, pooled / width, np.nan)
    return slope, variance


def _above(course: Course, values: np.ndarray, flags: np.ndarray, limit: float | None) -> Made:
    """Return the share of the observed time above the limit, values joined by straight lines.

    A value beyond a limit of detection counts where that tells its side of the limit, else it is left out.
    """
    number, error, flag = _empty(course.n_patients)
    bound = np.inf if limit is None else limit
    sure = ~(((flags < 0) & (values > bound)) | ((flags > 0) & (values <= bound)))
    course, values = Course(course.patient[sure], course.day[sure], course.n_patients), values[sure]
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
