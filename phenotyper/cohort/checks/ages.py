"""Rules on ages: possible ones, after birth, in the unit that is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phenotyper.cohort.checks.dates import FIRST_DAY, days_of
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.declaration import AGE_UNITS, BORN
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import numbers_of
from phenotyper.errors import Problem, number_of

OLDEST = 120.0
"""Years."""
IMPLAUSIBLE = 0.01
"""Share of ages beyond possible ones from which the unit is in doubt, not the cells."""
WEEKS_AT_BIRTH = (22.0, 44.0)
_GESTATION = re.compile(r"(?:^|[^a-z])(?:gest\w*|ga|gac|pma|ssw|postmenstrual\w*)(?:[^a-z]|$)", re.IGNORECASE)
_UNIT_IN_NAME = re.compile(
    r"(?:(?P<days>days|tagen?)|(?P<weeks>weeks|wochen|wks)|(?P<months>months|monaten?|mths)|(?P<years>years|jahren?|yrs)"
    r"|[_\W](?:(?P<wk>wk)|(?P<mo>mo)|(?P<yr>yr|y)))\W*$",
    re.IGNORECASE,
)
_SHORT = {"wk": "weeks", "mo": "months", "yr": "years"}


@dataclass(frozen=True)
class Ages:
    """The declared ages: column, unit, the cells as numbers in that unit, and the table."""

    column: str
    unit: str
    values: np.ndarray
    table: RawTable

    @property
    def years(self) -> np.ndarray:
        """Ages in years."""
        return self.values / AGE_UNITS[self.unit]

    @property
    def known(self) -> np.ndarray:
        """Ages that are there, in the declared unit."""
        return self.values[np.isfinite(self.values)]

    def rows(self, wrong: np.ndarray) -> tuple[int, ...]:
        """Return spreadsheet rows."""
        return tuple(self.table.rows[wrong].tolist())


def ages_of(tables: Tables) -> Ages | None:
    """Return the ages as declared in a unit; None without, or where the column holds dates of birth."""
    spec, table = tables.declaration.patients.age, tables.patients
    if spec is None or spec.unit == BORN or table is None or table.ids is None:
        return None
    values = numbers_of(texts(table, spec.column), table.rows, decimal=table.decimal)[0]
    return Ages(spec.column, spec.unit, values, table)


def _too_old(ages: Ages) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return ages.years > OLDEST


def _unit_in_doubt(ages: Ages) -> bool:
    """Tell whether more than 1 % are too old, in more than one value (which would be a code)."""
    too_old = ages.values[_too_old(ages)]
    return len(np.unique(too_old)) > 1 and len(too_old) > IMPLAUSIBLE * len(ages.known)


@rule("cohort")
def possible_ages(tables: Tables) -> Iterator[Problem]:
    """Refuse ages below zero or above 120 years."""
    ages = ages_of(tables)
    if ages is None:
        return
    with np.errstate(invalid="ignore"):
        wrong = ages.values < 0
    if not _unit_in_doubt(ages):
        wrong = wrong | _too_old(ages)
    if wrong.any():
        low, high = f"{ages.values[wrong].min():g}", f"{ages.values[wrong].max():g}"
        span = low if low == high else f"{low} to {high}"
        message = (
            f"{ages.table.name} has {number_of(int(wrong.sum()), 'age')} in {ages.column} below zero or "
            f"above {OLDEST:g} years ({span} {ages.unit})"
        )
        remedy = "Correct the cells; add codes for unknown to missing_codes."
        yield Problem("AGE_RANGE", message, remedy, where=ages.table.name, rows=ages.rows(wrong))


@rule("cohort")
def born_before_the_index_date(tables: Tables) -> Iterator[Problem]:
    """Refuse patients who were born after the index date, or more than 120 years before it."""
    spec, table = tables.declaration.patients, tables.patients
    if spec.age is None or spec.age.unit != BORN or not spec.index_date or table is None or table.ids is None:
        return
    born, seen = (texts(table, column) for column in (spec.age.column, spec.index_date))
    birthdays, days = days_of(born), days_of(seen)
    wrong = np.zeros(len(table.rows), dtype=bool)
    for place, (birth, day) in enumerate(zip(born, seen, strict=True)):
        if birth in birthdays and day in days and birthdays[birth] > FIRST_DAY:
            years = (days[day] - birthdays[birth]).days / 365.25
            wrong[place] = not 0 <= years <= OLDEST
    if wrong.any():
        message = (
            f"{table.name} has {number_of(int(wrong.sum()), 'patient')} whose {spec.index_date} is before "
            f"{spec.age.column} or more than {OLDEST:g} years after it"
        )
        remedy = f"Correct one of the two dates, or name another column as index_date than {spec.index_date}."
        yield Problem("AGE_RANGE", message, remedy, where=table.name, rows=tuple(table.rows[wrong].tolist()))


@rule("cohort")
def ages_after_birth(tables: Tables) -> Iterator[Problem]:
    """Refuse gestational ages where ages after birth are wanted."""
    ages = ages_of(tables)
    if ages is None or not len(ages.known):
        return
    low, high = ages.known.min(), ages.known.max()
    inside = WEEKS_AT_BIRTH[0] <= low and high <= WEEKS_AT_BIRTH[1]
    named = bool(_GESTATION.search(ages.column))
    if (inside and len(ages.known) >= 10 and ages.unit == "weeks") or (
        named and (inside or ages.unit == "weeks")
    ):
        message = (
            f"{ages.column} of {ages.table.name} looks like the age at birth, counted from the last period: "
            f"{low:g} to {high:g} {ages.unit}"
        )
        remedy = (
            "Name the age after birth in age, and this one as a covariate. If these are ages after birth, "
            'give them in another unit, as unit = "days".'
        )
        yield Problem("AGE_GESTATION", message, remedy, where=ages.table.name)


def unit_in_name(column: str) -> str:
    """Return the unit that a name ends in, or "".

    Examples
    --------
    >>> unit_in_name("age_months"), unit_in_name("AgeYears"), unit_in_name("age (y)"), unit_in_name("age")
    ('months', 'years', 'years', '')
    """
    match = _UNIT_IN_NAME.search(column)
    found = match.lastgroup if match else ""
    return _SHORT.get(found or "", found or "")


@rule("cohort")
def unit_of_age(tables: Tables) -> Iterator[Problem]:
    """Refuse a unit that the name of the column contradicts, or under which more than 1 % are impossible."""
    ages = ages_of(tables)
    if ages is None:
        return
    table, column, named = ages.table, ages.column, unit_in_name(ages.column)
    wrong = _too_old(ages)
    if _unit_in_doubt(ages):
        message = (
            f"{number_of(int(wrong.sum()), 'age')} of {len(ages.known)} in {column} of {table.name} are "
            f"above {OLDEST:g} years when the unit is {ages.unit} (up to {ages.known.max():g} {ages.unit})"
        )
        part = (
            "" if wrong.sum() > len(ages.known) / 2 else " If only these are in another unit, convert them."
        )
        remedy = f"Correct the unit of age{_units_that_fit(ages)}.{part}"
        yield Problem("AGE_UNIT", message, remedy, where=table.name, rows=ages.rows(wrong))
    elif named and named != ages.unit and not _GESTATION.search(column):
        message = f"{column} of {table.name} is declared in {ages.unit}, but its name says {named}"
        remedy = f'Set unit = "{named}" for age, or rename the column if its name is wrong.'
        yield Problem("AGE_UNIT", message, remedy, where=table.name)


def _units_that_fit(ages: Ages) -> str:
    oldest = {unit: ages.known.max() / AGE_UNITS[unit] for unit in ("months", "days")}
    fitting = [
        f'unit = "{unit}" (then the oldest is {years:.3g} years)'
        for unit, years in oldest.items()
        if years <= OLDEST and unit != ages.unit
    ]
    return f", to {' or '.join(fitting)}" if fitting else ""


@rule("cohort")
def two_units_of_age(tables: Tables) -> Iterator[Problem]:
    """Warn of ages in two groups that differ by the factor between two units, with a gap between them."""
    ages = ages_of(tables)
    if ages is None or _unit_in_doubt(ages):
        return
    for unit in ("days", "months", "years"):
        factor = AGE_UNITS[unit] / AGE_UNITS[ages.unit]
        odd = None if unit == ages.unit else _other_unit(ages.values, factor)
        if odd is None:
            continue
        message = (
            f"{number_of(int(odd.sum()), 'age')} in {ages.column} of {ages.table.name} would be like all "
            f"others if {'it' if odd.sum() == 1 else 'they'} were in {unit}, not in {ages.unit}"
        )
        remedy = f"Convert these cells to {ages.unit} unless the cohort has two groups of such ages."
        yield Problem(
            "AGE_UNIT", message, remedy, where=ages.table.name, rows=ages.rows(odd), severity="warning"
        )
        return


def _other_unit(values: np.ndarray, factor: float) -> np.ndarray | None:
    """Return the group apart that fits onto the others when it is divided by a factor.

    The groups are split at the widest gap between logarithms, which must be a factor of two at least, with
    three patients and 1 % on either side; the median of the group apart (the upper one when the factor is
    above 1) must land within the middle 80 % of the others and be spread like them.
    """
    known = np.flatnonzero(np.isfinite(values) & (values > 0))
    if len(known) < 20:
        return None
    logs = np.log(values[known])
    order = np.sort(logs)
    least = max(3, int(np.ceil(IMPLAUSIBLE * len(order))))
    gaps = np.diff(order)[least - 1 : len(order) - least]
    if not len(gaps) or gaps.max() < np.log(2):
        return None
    above = logs > order[least - 1 + int(np.argmax(gaps))]
    apart = above if factor > 1 else ~above
    moved, rest = logs[apart] - np.log(factor), logs[~apart]
    low, high = np.quantile(rest, [0.1, 0.9])
    if not low <= np.median(moved) <= high or not _alike(moved, rest):
        return None
    odd = np.zeros(len(values), dtype=bool)
    odd[known[apart]] = True
    return odd


def _alike(group: np.ndarray, others: np.ndarray) -> bool:
    """Tell whether a Kolmogorov-Smirnov test finds no difference (p >= 0.05)."""
    from scipy.stats import ks_2samp

    return bool(ks_2samp(group, others).pvalue >= 0.05)
