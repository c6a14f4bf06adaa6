"""Rules on repeated visits: when they were, and whether they lie where the declaration looks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.coding import CodedBlock, columns_of
from phenotyper.cohort.days import Days, days_of, index_days, time_column
from phenotyper.cohort.declaration import BlockSpec
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import counted
from phenotyper.cohort.visits import left_out, wanted_of
from phenotyper.errors import Problem, did_you_mean, listed, number_of

MOST_DAYS = 120 * 365.25
"""A visit further from the index date is none of a patient's life: a date that was written as a number."""


def _with_visits(tables: Tables) -> Iterator[tuple[BlockSpec, RawTable, Days]]:
    index = index_days(tables.patients, tables.declaration)
    for name, table in tables.blocks.items():
        spec = tables.spec(name)
        if spec.visits is not None and table.ids is not None:
            yield spec, table, days_of(table, spec, index)


@rule("cohort")
def visit_times(tables: Tables) -> Iterator[Problem]:
    """Refuse visits without a time, or with times that are neither numbers nor dates."""
    for spec, table, days in _with_visits(tables):
        column = time_column(table, spec)
        if column not in table.frame.columns:
            known = list(table.frame.columns)
            named = f'no column "{column}"' if column else "no column that says when a row was measured"
            remedy = f'Name it: visits = {{ time = "..." }}.{did_you_mean(column or "day", known)}'
            message = f"{table.name} has {named} (visits of block {spec.name})"
            yield Problem("COLUMN_ABSENT", message, remedy, where=table.name)
        elif days.wrong:
            rows = tuple(sorted(row for found in days.wrong.values() for row in found))
            message = (
                f"{table.name} has times in {column} that are neither numbers nor dates written 2021-04-03: "
                f"{listed(counted(days.wrong))}"
            )
            remedy = "Write days since the index date, or dates as year-month-day, in the whole column."
            yield Problem("VISIT_TIME", message, remedy, where=table.name, rows=rows)
        elif days.dates and not tables.declaration.patients.index_date:
            message = f"{table.name} has dates in {column}, and no index date is declared to count days from"
            remedy = 'Add index_date = "..." to [patients], or give days since the index date.'
            yield Problem("VISIT_TIME", message, remedy, where=table.name)
        elif (far := np.abs(days.day) > MOST_DAYS).any():
            furthest = days.day[np.nanargmax(np.abs(days.day))]
            message = (
                f"{table.name} has {number_of(int(far.sum()), 'visit')} more than 120 years from the index "
                f"date in {column} (day {furthest:.10g})"
            )
            remedy = "Write dates as 2021-04-03, or look at the unit of visits and at the index date."
            rows = tuple(table.rows[far].tolist())
            yield Problem("VISIT_TIME", message, remedy, where=table.name, rows=rows)


@rule("cohort")
def visits_without_index(tables: Tables) -> Iterator[Problem]:
    """Warn of visits that cannot be placed: no time, or a patient without an index date."""
    for spec, table, days in _with_visits(tables):
        if days.dates and not tables.declaration.patients.index_date:
            continue
        if days.wrong or time_column(table, spec) not in table.frame.columns:
            continue
        measured = table.frame[columns_of(spec, table)].notna().any(axis=1).to_numpy(dtype=bool)
        lost = np.isnan(days.day) & measured
        if lost.any():
            no_index = int((days.without_index & lost).sum())
            why = f", {no_index} of them because the patient has no index date" if no_index else ""
            message = f"{table.name} has {number_of(int(lost.sum()), 'row')} without a day{why}: not used"
            remedy = f"Fill in {time_column(table, spec)}, or the index date."
            rows = tuple(table.rows[lost].tolist())
            yield Problem("VISIT_LOST", message, remedy, where=table.name, rows=rows, severity="warning")


@rule("cohort")
def visits_on_one_day(tables: Tables) -> Iterator[Problem]:
    """Warn of several rows of a patient at one time, whose order nobody states."""
    for spec, table, days in _with_visits(tables):
        seen = pd.DataFrame({"id": np.asarray(table.ids), "time": days.moment})
        again = seen.duplicated().to_numpy(dtype=bool) & np.isfinite(days.moment)
        if again.any() and not table.time_column:
            message = (
                f"{table.name} has {number_of(int(again.sum()), 'row')} of a patient and day that have a row "
                f"already (visits of block {spec.name})"
            )
            remedy = (
                "First and last take them in the order of the file, other summaries count each: delete "
                "copied rows, or give the time of day."
            )
            rows = tuple(table.rows[again].tolist())
            yield Problem("VISIT_TWICE", message, remedy, where=table.name, rows=rows, severity="warning")


@rule("block")
def features_without_a_summary(block: CodedBlock) -> Iterator[Problem]:
    """Warn of measurements of which the declared summaries make nothing."""
    if block.spec.visits is None or block.cells is None:
        return
    names = left_out(block.cells.features, block.spec.visits)
    if names:
        message = (
            f"visits of block {block.spec.name} make nothing of {listed(names)}: "
            f"{listed(wanted_of(block.spec.visits))} cannot be had of levels"
        )
        remedy = 'Add "baseline" or "last" to summaries, or leave the columns out: exclude = [...].'
        yield Problem("VISIT_LEVELS", message, remedy, where=block.source, severity="warning")


@rule("cohort")
def visits_outside_the_window(tables: Tables) -> Iterator[Problem]:
    """Refuse a window that holds no visit; warn when it leaves most patients without one."""
    for spec, table, days in _with_visits(tables):
        window = spec.visits.window if spec.visits else ()
        known = np.isfinite(days.day)
        if not window or not known.any():
            continue
        inside = known & (days.day >= window[0]) & (days.day <= window[1])
        ids = np.asarray(table.ids)
        everyone, seen = len(set(ids[known].tolist())), len(set(ids[inside].tolist()))
        if seen >= everyone / 2:
            continue
        span = f"{np.nanmin(days.day):g} to {np.nanmax(days.day):g}"
        message = (
            f"{table.name} has visits of {seen} of {everyone} patients between day {window[0]:g} and "
            f"{window[1]:g} (its days run from {span})"
        )
        remedy = f"Look at window and unit of visits of block {spec.name}."
        yield Problem(
            "VISIT_WINDOW", message, remedy, where=table.name, severity="warning" if seen else "error"
        )


@rule("cohort")
def visits_after_the_start(tables: Tables) -> Iterator[Problem]:
    """Warn of features from after day 0 when an outcome counts its time from there (immortal time)."""
    timed = [outcome.name for outcome in tables.declaration.outcomes if outcome.kind == "survival"]
    for spec, table, days in _with_visits(tables):
        last = spec.visits.window[1] if spec.visits and spec.visits.window else np.inf
        used = days.day[np.isfinite(days.day) & (days.day <= last)]
        if timed and used.size and used.max() > 0 and _uses_later_days(spec):
            message = (
                f"block {spec.name} uses visits up to day {used.max():g}, and follow-up of {listed(timed)} "
                "starts at day 0: who had the event early could not have them"
            )
            remedy = (
                "End the window at 0, as window = [-365, 0], or start the follow-up where the window ends."
            )
            yield Problem("IMMORTAL_TIME", message, remedy, where=table.name, severity="warning")


def _uses_later_days(spec: BlockSpec) -> bool:
    return spec.visits is None or wanted_of(spec.visits) != ("baseline",)


@rule("cohort")
def limits_of_visits(tables: Tables) -> Iterator[Problem]:
    """Refuse limits for columns that are not there, and a summary above without a limit."""
    for spec, table, _ in _with_visits(tables):
        if spec.visits is None:
            continue
        known = columns_of(spec, table)
        for column, _limit in spec.visits.above:
            if column not in known:
                message = (
                    f'visits of block {spec.name} give a limit for "{column}", which is no feature of it'
                )
                remedy = f"It has {listed(known)}.{did_you_mean(column, known)}"
                yield Problem("COLUMN_ABSENT", message, remedy, where=table.name)
        if "above" in spec.visits.summaries and not spec.visits.above:
            message = f'visits of block {spec.name} ask for "above" and give no limit'
            remedy = "Add above = { crp = 10 }, a limit for each column that is to have one."
            yield Problem("VISIT_LIMIT", message, remedy, where=table.name)
