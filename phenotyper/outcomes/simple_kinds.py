"""Binary, number, count and ordinal outcomes by subphenotype: facts with intervals, and a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phenotyper.outcomes.facts import Described, Fact, Member, Outcome, members
from phenotyper.outcomes.groups import Groups, shown_name
from phenotyper.outcomes.intervals import NOT_ESTIMABLE, Interval, mean_count, mean_t, quartiles, wilson
from phenotyper.outcomes.wording import NONE, decimals_for, median_quartiles, n_percent, with_interval
from phenotyper.results import Table

Cell = tuple[str, tuple[int, ...]]
"""What is printed, and the patient counts that it shows."""


def describe_binary(outcome: Outcome, groups: Groups) -> Described:
    """Return n, events and the proportion with Wilson's interval in each group."""
    facts, rows = [], []
    for member in members(outcome, groups):
        events = int(member.values.sum())
        share = wilson(events, member.n)
        facts.append(member.fact("proportion", share, events=events, unit=""))
        rows.append(
            [*_counted(member), (str(events), (events,)), (percent_interval(share, member.n), (events,))]
        )
    notes = ("Proportion of patients with a known outcome; 95 % interval by Wilson's score method.",)
    heads = ("Events", "Proportion (95 % interval)")
    return Described(tuple(facts), group_table(outcome, groups, heads=heads, rows=rows, notes=notes))


def describe_number(outcome: Outcome, groups: Groups) -> Described:
    """Return the mean with Student's t interval, the standard deviation and the quartiles in each group."""
    facts, rows = [], []
    decimals, whole = precision(outcome.values)
    for member in members(outcome, groups):
        mean = mean_t(member.values)
        deviation = float(np.std(member.values, ddof=1)) if member.n > 1 else np.nan
        note = "1 value: no interval" if member.n == 1 else ""
        facts += [
            member.fact("mean", mean, note=note),
            member.fact("standard deviation", Interval(deviation, np.nan, np.nan)),
        ]
        facts += _quartile_facts(member)
        rows.append([*_counted(member), *_centre(member, mean, decimals=decimals, whole=whole)])
    notes = ("95 % interval of the mean by Student's t.",)
    heads = ("Mean (95 % interval)", "Median [IQR]")
    return Described(tuple(facts), group_table(outcome, groups, heads=heads, rows=rows, notes=notes))


def describe_count(outcome: Outcome, groups: Groups) -> Described:
    """Return the mean count with a robust Poisson interval and the quartiles in each group."""
    facts, rows = [], []
    decimals, whole = precision(outcome.values)
    for member in members(outcome, groups):
        mean, total = mean_count(member.values), float(member.values.sum())
        facts.append(member.fact("mean", mean, events=total, note=_count_note(member, total)))
        facts += _quartile_facts(member, events=total)
        centre = _centre(member, mean, decimals=decimals, whole=whole)
        rows.append([*_counted(member), (f"{total:.0f}", (member.n,)), *centre])
    notes = ("95 % interval of the mean count on the log scale (Poisson mean with robust variance).",)
    heads = ("Sum", "Mean (95 % interval)", "Median [IQR]")
    return Described(tuple(facts), group_table(outcome, groups, heads=heads, rows=rows, notes=notes))


def describe_ordinal(outcome: Outcome, groups: Groups) -> Described:
    """Return n and proportion (Wilson) of each level and the median level in each group."""
    facts: list[Fact] = []
    rows = []
    for member in members(outcome, groups):
        at_level = np.bincount(member.values.astype(np.intp), minlength=len(outcome.levels))
        for level, count in zip(outcome.levels, at_level.tolist(), strict=True):
            facts.append(
                member.fact("proportion", wilson(count, member.n), events=count, unit="", level=level)
            )
        middle = int(np.searchsorted(np.cumsum(at_level), member.n / 2)) if member.n else -1
        name = outcome.levels[middle] if member.n else ""
        position = Interval(float(middle), np.nan, np.nan) if member.n else NOT_ESTIMABLE
        facts.append(member.fact("median level", position, unit="position from 0", level=name))
        cells = [(n_percent(count, member.n), (count,)) for count in at_level.tolist()]
        rows.append([*_counted(member), *cells, (name or NONE, (member.n,))])
    heads = (*(f"{level}, n (%)" for level in outcome.levels), "Median level")
    notes = ("Percent of patients with a known outcome.",)
    return Described(tuple(facts), group_table(outcome, groups, heads=heads, rows=rows, notes=notes))


def group_table(
    outcome: Outcome,
    groups: Groups,
    *,
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    notes: Sequence[str],
    spanners: Sequence[tuple[str, int, int]] = (),
) -> Table:
    """Return a table with a row a group; each row of cells begins with the group, n and the missing."""
    return Table(
        title=groups.title(outcome.heading),
        columns=("Subphenotype", "n", "Missing", *heads),
        rows=tuple(tuple(text for text, _ in row) for row in rows),
        spanners=tuple(spanners),
        footnotes=(*notes, *groups.notes()),
        counts=tuple(tuple(counts for _, counts in row) for row in rows),
    )


def percent_interval(interval: Interval, n: int) -> str:
    """Return a proportion as a percentage with its interval; whole percent below 100 patients."""
    return with_interval(*interval, decimals=0 if n < 100 else 1, scale=100, unit=" %")


def precision(values: np.ndarray) -> tuple[int, bool]:
    """Return decimals from the spread of all values, and whether all are whole numbers."""
    known = values[~np.isnan(values)]
    low, _, high = quartiles(known)
    spread = high - low if high > low else float(np.std(known)) if len(known) else 0.0
    return decimals_for(spread), bool(len(known)) and bool(np.all(known == np.round(known)))


def _counted(member: Member) -> list[Cell]:
    return [
        (shown_name(member.name), ()),
        (str(member.n), (member.n,)),
        (str(member.n_missing), (member.n_missing,)),
    ]


def _centre(member: Member, mean: Interval, *, decimals: int, whole: bool) -> list[Cell]:
    low, middle, high = quartiles(member.values)
    shown = with_interval(*mean, decimals=decimals + 1)
    return [
        (shown, (member.n,)),
        (median_quartiles(middle, low, high, decimals=decimals, whole=whole), (member.n,)),
    ]


def _quartile_facts(member: Member, *, events: float = np.nan) -> list[Fact]:
    names = ("lower quartile", "median", "upper quartile")
    values = quartiles(member.values)
    return [
        member.fact(name, Interval(value, np.nan, np.nan), events=events)
        for name, value in zip(names, values, strict=True)
    ]


def _count_note(member: Member, total: float) -> str:
    if member.n and total == 0:
        return "interval not estimable: 0 events"
    return "1 value: no interval" if member.n == 1 else ""
