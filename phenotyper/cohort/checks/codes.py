"""Codes for "missing" that stand among the values: -9, 99, 999, 1900-01-01."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import numpy as np

from phenotyper.cohort.checks.columns import (
    is_kind,
    number_rule,
    order_of,
    patient_numbers,
    rows_where,
    toml_list,
)
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.declaration import LEVEL_KINDS
from phenotyper.cohort.kinds import all_numbers
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, listed, number_of

_REPEATED = [float(digit * times) for digit in "789" for times in range(2, 7)]
_ODD = [-1.0, -7.0, -8.0, -9.0, 99.9, 999.9, 9999.9, 999.99, -99.9, -999.9]
_LIMITS = [32767.0, -32768.0, 65535.0, -2147483648.0, 2147483647.0]
CODES = frozenset([*_REPEATED, *(-number for number in _REPEATED), *_ODD, *_LIMITS])
"""Numbers that stand for "missing" in files of other programs."""
LEVEL_CODES = frozenset({9.0, 8.0, 7.0, -1.0} | CODES)
DATES = ("1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01", "9999-12-31", "9999-09-09")
LEAST = 10
"""Fewest values that make a bulk."""
THREE_DIGITS = 100
SMALL_BLOCK = 200
"""In a wider block a code that is met once is a coincidence."""


def spikes(values: np.ndarray, *, single: bool = True) -> dict[float, int]:
    """Return the codes for missing that lie alone outside all other values, and how often each is met.

    A code counts when it is met twice and lies half the range of the other values away from them, when it is
    met once, has three digits and lies their whole range away, or when it is the only negative number. -1
    counts only among whole numbers.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN = missing.
    single : bool
        Whether a code that is met once counts.

    Examples
    --------
    >>> spikes(np.array([*range(25), 999.0, 999.0, -9.0]))
    {-9.0: 1, 999.0: 2}
    """
    bulk = np.sort(values[np.isfinite(values)])
    met: list[float] = []
    while len(bulk) >= LEAST and (ends := [end for end in (bulk[0], bulk[-1]) if float(end) in CODES]):
        met.append(float(ends[0]))
        bulk = bulk[bulk != ends[0]]
    found: dict[float, int] = {}
    if len(bulk) < LEAST:
        return found
    for code in reversed(met):
        times = int((values == code).sum())
        if (times > 1 or single) and _alone(code, times, bulk):
            found[code] = times
        else:
            bulk = np.sort(np.append(bulk, code))
    return dict(sorted(found.items()))


def _alone(code: float, times: int, bulk: np.ndarray) -> bool:
    low, high = float(bulk[0]), float(bulk[-1])
    if code == -1 and (low < 0 or times < 2 or high < 2 or not bool((bulk == np.rint(bulk)).all())):
        return False
    if code < 0 <= low:
        return times > 1 or len(bulk) >= 2 * LEAST
    if times == 1 and abs(code) < THREE_DIGITS:
        return False
    gap = low - code if code < low else code - high
    width = max(high - low, 1e-3 * abs(high))
    return gap >= (0.5 if times > 1 else 1.0) * width


def code_name(code: float) -> str:
    """Return a code as it would stand in ``missing_codes``."""
    return str(int(code)) if code.is_integer() else repr(code)


def _problem(where: str, found: Mapping[str, Mapping[float, int]], rows: tuple[int, ...]) -> Problem:
    words = [
        f"{column} {code_name(code)} ({'once' if times == 1 else f'{times} times'})"
        for column, codes in found.items()
        for code, times in codes.items()
    ]
    codes = sorted({code for some in found.values() for code in some})
    message = f"{where} has values far outside the others that look like codes for missing: {listed(words)}"
    remedy = (
        f"If they mean missing, add missing_codes = {toml_list(code_name(code) for code in codes)} to "
        "cohort.toml (for every table); else correct the cells."
    )
    return Problem("SENTINEL", message, remedy, where=where, rows=rows, severity="warning")


@number_rule("cells")
def codes_among_numbers(block: CodedBlock) -> Iterator[Problem]:
    """Warn of 999, -9 and the like far outside the other values of a number."""
    order = order_of(block)
    ends = np.isin(np.column_stack([order.low, order.high]), list(CODES)).any(axis=1)
    found: dict[str, dict[float, int]] = {}
    chosen = np.zeros(len(block.ids), dtype=bool)
    for place in np.flatnonzero(ends & is_kind(block) & ~is_kind(block, "dosage") & (order.known >= LEAST)):
        codes = spikes(block.values[:, place], single=len(block.features) <= SMALL_BLOCK)
        if codes:
            found[block.features[place].name] = codes
            chosen |= np.isin(block.values[:, place], list(codes))
    if found:
        yield _problem(block.source, found, rows_where(block.rows, chosen))


def _counted_up(levels: np.ndarray) -> set[float]:
    """Return the levels that stand one after the other from the smallest at 0 or above: 1 to 9 is a scale."""
    ordered = np.sort(levels[levels >= 0])
    steps = np.flatnonzero(np.diff(ordered) > 1)
    return set(ordered[: int(steps[0]) + 1 if len(steps) else len(ordered)].tolist())


@number_rule("cells")
def codes_among_levels(block: CodedBlock) -> Iterator[Problem]:
    """Warn of a level 9, 99 or -9 far from the other levels, which are small whole numbers."""
    found: dict[str, dict[float, int]] = {}
    chosen = np.zeros(len(block.ids), dtype=bool)
    for place in np.flatnonzero(is_kind(block, *LEVEL_KINDS)):
        feature = block.features[place]
        if len(feature.levels) > 2 and all_numbers(feature.levels):
            levels = np.array([float(level) for level in feature.levels])
            for code in sorted(LEVEL_CODES & set(levels.tolist()) - _counted_up(levels)):
                others = levels[~np.isin(levels, list(LEVEL_CODES)) & (levels != code)]
                met = block.values[:, place] == int(np.flatnonzero(levels == code)[0])
                if met.any() and len(others) > 1 and _beyond(code, others):
                    found.setdefault(feature.name, {})[code] = int(met.sum())
                    chosen |= met
    if found:
        yield _problem(block.source, found, rows_where(block.rows, chosen))


def _beyond(code: float, others: np.ndarray) -> bool:
    whole = bool((others == np.rint(others)).all()) and others.min() >= 0
    return whole and (code < -1 or (code == -1 and others.min() >= 1) or code >= others.max() + 3)


@number_rule("cohort")
def codes_among_patients(tables: Tables) -> Iterator[Problem]:
    """Warn of such codes in age, covariates, times and number outcomes, and of dates like 1900-01-01."""
    found: dict[str, dict[float, int]] = {}
    rows: set[int] = set()
    for column in patient_numbers(tables):
        codes = spikes(column.values)
        if codes:
            found[column.name] = codes
            rows |= set(rows_where(column.rows, np.isin(column.values, list(codes))))
    if found and tables.patients is not None:
        yield _problem(tables.patients.name, found, tuple(sorted(rows)))


@number_rule("cohort")
def dates_that_stand_for_missing(tables: Tables) -> Iterator[Problem]:
    """Warn of 1900-01-01 and the like, twenty years and more from the usual date."""
    column, table = tables.declaration.patients.index_date, tables.patients
    if not column or table is None:
        return
    written = texts(table, column).fillna("").astype(str).str.strip().str[:10].to_numpy(dtype=object)
    years = np.array([_year(text) for text in written])
    odd = np.isin(written, DATES)
    if odd.any() and np.isfinite(years[~odd]).any():
        odd &= np.abs(years - np.nanmedian(years[~odd])) >= 20
        if odd.any():
            dates = sorted({str(text) for text in written[odd]})
            message = (
                f"{table.name} has {number_of(int(odd.sum()), 'date')} in {column} like codes for missing: "
                f"{listed(dates)}"
            )
            remedy = f"If they mean missing, add missing_codes = {toml_list(dates)} to cohort.toml."
            rows = rows_where(table.rows, odd)
            yield Problem("SENTINEL", message, remedy, where=table.name, rows=rows, severity="warning")


def _year(text: str) -> float:
    try:
        return float(dt.date.fromisoformat(text).year)
    except ValueError:
        return float("nan")
