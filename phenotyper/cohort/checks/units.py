"""Two units in one column, or a site that reports in another unit: perfect false clusters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from phenotyper._kernels.gaps import chunks
from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.columns import is_kind, number_rule, order_of, patient_numbers, rows_where
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, listed, number_of

TENFOLD = (10.0, 100.0, 1000.0, 1e6, 1e9)
"""Prefixes of a unit, percent against share, per microlitre against per litre."""
BY_NAME = (
    ("gluc|glyc(?!er)", (18.016,)),
    ("chol|ldl|hdl", (38.67,)),
    ("triglyc|^tg$", (88.57,)),
    ("creat|krea", (88.42,)),
    ("bili", (17.1,)),
    ("urea|bun|harnstoff", (2.801, 6.006, 2.144)),
    ("urat|uric", (59.48, 16.81)),
    ("calc|^ca$", (4.008,)),
    ("phosph", (3.097,)),
    ("h[a]?emoglob|^hb$|^hgb$", (16.11,)),
    ("vit.*d|25.?oh", (2.496,)),
    ("insulin", (6.945, 6.0)),
    ("cortisol", (27.59,)),
    ("testost", (28.84, 3.467)),
    ("estradiol|oestradiol|^e2$", (3.671,)),
    ("lact", (9.008,)),
    ("height|length|stature|size", (2.54,)),
    ("weight|gewicht", (2.2046,)),
)
"""Factors between the two units in which a quantity is reported (mass against moles, inch, pound)."""
_ANY_NAME = re.compile("|".join(pattern for pattern, _ in BY_NAME))
LEAST = 10
"""Fewest values of the larger part."""
EXACT = 1.2
"""How far a part may reach beyond the other once brought to it."""
LOOKED_AT = 100
"""Patients of a site that a first look takes."""
BEYOND = 4.5
"""Spreads of the logarithms by which every value of the smaller part is off: no tail reaches there."""
SEVERAL = 5
"""Values that show a factor below 10, or stand half as near: two newborns among children are no inches."""
MARGIN = 4.0
"""The factor is at least this many spreads of the logarithms."""


class Mix(NamedTuple):
    """Values in another unit: how many times larger (below 1: smaller), and which ones."""

    factor: float
    odd: np.ndarray


def factors(name: str) -> tuple[float, ...]:
    """Return the factors that may lie between two units of a quantity of this name, its own ones first."""
    plain = name.casefold()
    if not _ANY_NAME.search(plain):
        return TENFOLD
    own = (factor for pattern, found in BY_NAME if re.search(pattern, plain) for factor in found)
    return (*own, *TENFOLD)


def mixed_units(values: np.ndarray, known: tuple[float, ...] = TENFOLD) -> Mix | None:
    """Return the smaller part of a column that one of the known factors brings into the larger part.

    The two parts of positive values must be apart by a quarter of the factor on the log scale, have the
    spread of each other, and lie in the same place once divided by the factor. Values that are too small must
    be apart as they stand as well: the logarithms of numbers near zero have a long lower tail.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN = missing; nothing is said unless all are positive.
    known : tuple of float
        Factors above 1.

    Examples
    --------
    >>> mixed_units(np.array([*range(4, 30), 5000.0, 9000.0, 12000.0, 20000.0])).factor
    1000.0
    """
    if not (values[np.isfinite(values)] > 0).all():
        return None
    with np.errstate(invalid="ignore"):
        logs = np.log(values)
    ordered = np.sort(logs[np.isfinite(logs)])
    if len(ordered) < LEAST + 2:
        return None
    steps = np.diff(ordered)
    places = np.argsort(-steps[1:-1], kind="stable")[:5] + 1
    for place in places:
        low, high = ordered[: place + 1], ordered[place + 1 :]
        few, many = (high, low) if len(high) <= len(low) else (low, high)
        factor = _factor(few, many, step=float(steps[place]), known=known)
        if factor:
            above = logs > ordered[place] + steps[place] / 2
            odd = np.isfinite(logs) & (above if few is high else ~above)
            return Mix(factor if few is high else 1 / factor, odd)
    return None


def _factor(few: np.ndarray, many: np.ndarray, *, step: float, known: tuple[float, ...]) -> float:
    """Return the factor between two parts of sorted logarithms; 0 when none fits."""
    if len(many) < LEAST or len(few) < 2:
        return 0.0
    spread, own, centre = _spread(many), _spread(few), float(np.median(many))
    nearest = min(abs(float(few[0]) - centre), abs(float(few[-1]) - centre))
    if nearest < (BEYOND if len(few) >= SEVERAL else 1.5 * BEYOND) * spread:
        return 0.0
    if few[0] < many[0] and np.exp(many[0]) - np.exp(few[-1]) < _spread(np.exp(many)):
        return 0.0
    shift = float(abs(np.median(few) - centre))
    sure = 3 * 1.2533 * spread * np.sqrt(1 / len(few) + 1 / len(many))
    for factor in known:
        size = np.log(factor)
        near = abs(shift - size) <= min(max(sure, 0.02), 0.15 * size)
        apart = step >= 0.25 * size and size >= MARGIN * spread
        alike = len(few) < 8 or 0.4 * spread <= own <= 2.5 * spread
        enough = len(few) >= SEVERAL or factor >= 10
        if near and apart and alike and enough and _inside(few, many, size):
            return factor
    return 0.0


def _spread(ordered: np.ndarray) -> float:
    low, high = np.quantile(ordered, [0.25, 0.75])
    return max(float(high - low) / 1.349, 1e-6)


def _inside(few: np.ndarray, many: np.ndarray, size: float) -> bool:
    moved = few - size if few[0] > many[0] else few + size
    beyond = np.log(EXACT)
    return bool(moved[0] >= many[0] - beyond and moved[-1] <= many[-1] + beyond)


def _times(factor: float) -> str:
    return f"{factor:,.4g} times too large" if factor > 1 else f"{1 / factor:,.4g} times too small"


def _mix_problem(where: str, found: dict[str, Mix], rows: tuple[int, ...]) -> Problem:
    shown = listed(
        f"{name} ({number_of(int(mix.odd.sum()), 'value')} about {_times(mix.factor)})"
        for name, mix in found.items()
    )
    message = f"{where} seems to mix units: {shown}, with a gap to the other values"
    remedy = (
        "Bring them to the unit of the column in the file (unit in the dictionary says which that is): mixed "
        "units make perfect false groups."
    )
    return Problem("UNIT_MIX", message, remedy, where=where, rows=rows, severity="warning")


@number_rule("assembled")
def units_of_features(parts: Parts) -> Iterator[Problem]:
    """Warn of two units in a feature, by patient or by site."""
    for block in parts.blocks:
        site = _sites(parts, block)
        by_site = {} if site is None else dict(_by_site(block, site))
        if by_site:
            yield _site_problem(block, by_site)
        found = {name: mix for name, mix in _mixes(block) if name not in by_site}
        if found:
            chosen = np.logical_or.reduce([mix.odd for mix in found.values()])
            yield _mix_problem(block.source, found, rows_where(block.rows, chosen))


@number_rule("cohort")
def units_of_patients(tables: Tables) -> Iterator[Problem]:
    """Warn of two units in a covariate, a time or a number outcome."""
    found: dict[str, Mix] = {}
    rows: set[int] = set()
    age = tables.declaration.patients.age
    for column in patient_numbers(tables):
        mix = mixed_units(column.values, factors(column.name))
        if mix and not (age and column.name == age.column):
            found[column.name] = mix
            rows |= set(rows_where(column.rows, mix.odd))
    if found and tables.patients is not None:
        yield _mix_problem(tables.patients.name, found, tuple(sorted(rows)))


def _mixes(block: CodedBlock) -> Iterator[tuple[str, Mix]]:
    order = order_of(block)
    number = is_kind(block, "number", "proportion") & (order.known >= LEAST + 2)
    for place in np.flatnonzero(number & (order.gap > 1.2)):
        name = block.features[place].name
        known = factors(name)
        if order.gap[place] >= min(known) ** 0.25:
            mix = mixed_units(block.values[:, place], known)
            if mix:
                yield name, mix


def _sites(parts: Parts, block: CodedBlock) -> pd.Series | None:
    if "site" not in parts.obs:
        return None
    return parts.obs["site"].reindex(pd.Index(block.ids, dtype="str")).astype("str").reset_index(drop=True)


def _by_site(block: CodedBlock, site: pd.Series) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the features of which whole sites lie a known factor from the others, by site."""
    order = order_of(block)
    members = {
        str(name): index.to_numpy() for name, index in site.groupby(site, observed=True).groups.items()
    }
    members = {name: rows for name, rows in members.items() if len(rows) >= LEAST}
    if len(members) < 2:
        return
    number = np.flatnonzero(is_kind(block, "number") & (order.low > 0) & (order.high > 2 * order.low))
    for place in number[_apart(block, number, members)]:
        name = block.features[place].name
        odd = _odd_sites(np.log(block.values[:, place]), members, factors(name))
        if odd:
            yield name, odd


def _apart(block: CodedBlock, places: np.ndarray, members: dict[str, np.ndarray]) -> np.ndarray:
    """Return which features have medians of sites as far apart as their units may be, by some patients."""
    far = np.zeros(len(places), dtype=bool)
    least = np.array([min(factors(block.features[place].name)) for place in places])
    for part in chunks((LOOKED_AT * len(members), len(places))):
        medians = []
        for rows in members.values():
            some = rows[np.linspace(0, len(rows) - 1, min(len(rows), LOOKED_AT)).astype(np.intp)]
            ordered = np.sort(block.values[np.ix_(some, places[part])], axis=0)
            middle = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=0) - 1, 0) // 2
            medians.append(ordered[middle, np.arange(ordered.shape[1])])
        with np.errstate(invalid="ignore"):
            ratio = np.fmax.reduce(medians) / np.fmin.reduce(medians)
            far[part] = ratio > least[part] ** 0.7
    return far


def _odd_sites(
    logs: np.ndarray, members: dict[str, np.ndarray], known: tuple[float, ...]
) -> dict[str, float]:
    parts = {name: np.sort(logs[rows][np.isfinite(logs[rows])]) for name, rows in members.items()}
    parts = {name: part for name, part in parts.items() if len(part) >= LEAST}
    if len(parts) < 2:
        return {}
    medians = {name: float(np.median(part)) for name, part in parts.items()}
    usual = min(
        medians, key=lambda name: (sum(abs(medians[name] - other) for other in medians.values()), name)
    )
    within = max(_spread(part) for part in parts.values())
    odd: dict[str, float] = {}
    for name, part in parts.items():
        for factor in known if name != usual else ():
            size = np.log(factor)
            sure = 3 * 1.2533 * within * np.sqrt(1 / len(part) + 1 / len(parts[usual]))
            exact = abs(abs(medians[name] - medians[usual]) - size) <= min(max(sure, 0.05), 0.15 * size)
            alike = 0.5 <= _spread(part) / _spread(parts[usual]) <= 2
            if exact and alike and size >= MARGIN * within:
                odd[name] = factor if medians[name] > medians[usual] else 1 / factor
    return odd


def _site_problem(block: CodedBlock, found: dict[str, dict[str, float]]) -> Problem:
    shown = listed(
        f"{name} ({listed(f'{site} about {_times(factor)}' for site, factor in odd.items())})"
        for name, odd in found.items()
    )
    message = f"{block.source} seems to hold another unit in whole sites: {shown}"
    remedy = (
        "Bring all sites to one unit in the file, and state it as unit in the dictionary: else the groups "
        "are the sites."
    )
    return Problem("UNIT_SITE", message, remedy, where=block.source, severity="warning")
