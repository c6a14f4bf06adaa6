"""Rules on outcomes and treatments: times, event codes, levels, the control arm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.checks.values import coerce_problems
from phenotyper.cohort.declaration import BORN, OutcomeSpec
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.roles import (
    binary_codes,
    distinct_codes,
    ordinal_levels,
    status_codes,
    texts,
    treatment_levels,
)
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import code_text, counted, numbers_of, offences
from phenotyper.errors import Problem, did_you_mean, listed, number_of


def _outcomes(tables: Tables, *kinds: str) -> Iterator[tuple[OutcomeSpec, RawTable]]:
    table = tables.patients
    if table is None or table.ids is None:
        return
    for outcome in tables.declaration.outcomes:
        if outcome.kind in kinds and outcome.column in table.frame.columns:
            yield outcome, table


@rule("cohort")
def numbers_that_are_text(tables: Tables) -> Iterator[Problem]:
    """Refuse text in an age, a time, a number or count outcome."""
    table = tables.patients
    if table is None or table.ids is None:
        return
    declaration = tables.declaration
    age = declaration.patients.age
    columns = [age.column] if age and age.unit != BORN else []
    columns += [outcome.time for outcome in declaration.outcomes if outcome.time]
    columns += [outcome.column for outcome in declaration.outcomes if outcome.kind in {"number", "count"}]
    found = {
        column: numbers_of(texts(table, column), table.rows, decimal=table.decimal)[1]
        for column in dict.fromkeys(columns)
    }
    yield from coerce_problems(
        table.name, {column: wrong for column, wrong in found.items() if wrong}, section="[patients]"
    )


@rule("cohort")
def negative_times(tables: Tables) -> Iterator[Problem]:
    """Refuse times below zero (survival packages accept them)."""
    for outcome, table in _outcomes(tables, "survival"):
        times, _ = numbers_of(texts(table, outcome.time), table.rows, decimal=table.decimal)
        with np.errstate(invalid="ignore"):
            wrong = times < 0
        if wrong.any():
            message = (
                f"{table.name} has {number_of(int(wrong.sum()), 'time')} below zero in {outcome.time} "
                f"(outcome {outcome.name}), down to {times[wrong].min():g}"
            )
            remedy = "Correct them: an event before the index date cannot be followed up."
            yield Problem(
                "NEG_TIME", message, remedy, where=table.name, rows=tuple(table.rows[wrong].tolist())
            )


@rule("cohort")
def infinite_numbers(tables: Tables) -> Iterator[Problem]:
    """Refuse infinity in outcomes and times."""
    for outcome, table in _outcomes(tables, "survival", "number", "count"):
        column = outcome.time or outcome.column
        wrong = np.isinf(numbers_of(texts(table, column), table.rows, decimal=table.decimal)[0])
        if wrong.any():
            message = (
                f"{table.name} has {number_of(int(wrong.sum()), 'infinite value')} in {column} "
                f"(outcome {outcome.name})"
            )
            yield Problem(
                "INF", message, "Correct the cells.", where=table.name, rows=tuple(table.rows[wrong].tolist())
            )


@rule("cohort")
def event_codes(tables: Tables) -> Iterator[Problem]:
    """Refuse codes of an event that have no declared meaning."""
    for outcome, table in _outcomes(tables, "binary", "survival"):
        found = distinct_codes(table, outcome.column)
        known = binary_codes(outcome, found) if outcome.kind == "binary" else status_codes(outcome, found)
        unknown = [code for code in found if code not in known]
        event = code_text(outcome.event) if outcome.event else ""
        if event and event not in found and len(found) > 1:
            message = (
                f'{table.name} has no "{outcome.event}" in {outcome.column}, which is the event of outcome '
                f"{outcome.name}; it has {listed(found)}"
            )
            yield Problem(
                "EVENT_CODES",
                message,
                f"Set event to one of its values.{did_you_mean(outcome.event, found)}",
                where=table.name,
            )
        elif unknown:
            yield _unknown_codes(outcome, table, unknown)


def _unknown_codes(outcome: OutcomeSpec, table: RawTable, unknown: list[str]) -> Problem:
    codes = texts(table, outcome.column).map(code_text, na_action="ignore")
    wrong = offences(codes, table.rows, unknown)
    rows = tuple(sorted({row for found in wrong.values() for row in found}))
    message = (
        f"{table.name} has codes in {outcome.column} whose meaning for outcome {outcome.name} nobody "
        f"states: {listed(counted(wrong))}"
    )
    if outcome.kind == "binary":
        remedy = (
            'Set event = "..." to the value that counts; one other value may stand beside it, further '
            "ones to missing_codes."
        )
    else:
        remedy = (
            'Set event = "...", competing = "..." and censored = ["...", "..."] to the codes of the column.'
        )
    return Problem("EVENT_CODES", message, remedy, where=table.name, rows=rows)


@rule("cohort")
def no_events(tables: Tables) -> Iterator[Problem]:
    """Warn of an outcome that nobody had, or everybody."""
    for outcome, table in _outcomes(tables, "binary", "survival"):
        found = distinct_codes(table, outcome.column)
        known = binary_codes(outcome, found) if outcome.kind == "binary" else status_codes(outcome, found)
        values = {known[code] for code in found if code in known}
        if len(found) < 2 and (outcome.kind == "binary" or 1.0 not in values):
            what = "no value" if not found else f"only the value {found[0]}"
            message = f"outcome {outcome.name} has {what} in {outcome.column} of {table.name}"
            yield Problem(
                "NO_EVENTS",
                message,
                "It cannot be compared between subphenotypes.",
                where=table.name,
                severity="warning",
            )


@rule("cohort")
def counts_are_whole(tables: Tables) -> Iterator[Problem]:
    """Refuse count outcomes that are negative or no whole numbers."""
    for outcome, table in _outcomes(tables, "count"):
        values = numbers_of(texts(table, outcome.column), table.rows, decimal=table.decimal)[0]
        with np.errstate(invalid="ignore"):
            wrong = np.isfinite(values) & ((values < 0) | (values != np.round(values)))
        if wrong.any():
            message = (
                f"{table.name} has {number_of(int(wrong.sum()), 'value')} in {outcome.column} (outcome "
                f"{outcome.name}) that {'is no count' if wrong.sum() == 1 else 'are no counts'}"
            )
            remedy = 'Correct them, or declare kind = "number".'
            yield Problem(
                "COUNT_VALUE", message, remedy, where=table.name, rows=tuple(table.rows[wrong].tolist())
            )


@rule("cohort")
def ordinal_outcomes(tables: Tables) -> Iterator[Problem]:
    """Refuse an ordinal outcome whose order nobody states, or with values outside its levels."""
    for outcome, table in _outcomes(tables, "ordinal"):
        found = distinct_codes(table, outcome.column)
        levels = ordinal_levels(outcome, found)
        known = {code_text(level) for level in levels} | set(levels)
        unknown = [code for code in found if code not in known]
        if not unknown:
            continue
        code = "LEVEL_UNKNOWN" if levels else "LEVELS_ABSENT"
        message = (
            f"{table.name} has values in {outcome.column} without a place in the order of outcome "
            f"{outcome.name}: {listed(unknown)}"
        )
        rows = offences(texts(table, outcome.column).map(code_text, na_action="ignore"), table.rows, unknown)
        remedy = 'Set levels = ["lowest", ..., "highest"] for the outcome.'
        yield Problem(
            code,
            message,
            remedy,
            where=table.name,
            rows=tuple(sorted(row for some in rows.values() for row in some)),
        )


@rule("cohort")
def control_arms(tables: Tables) -> Iterator[Problem]:
    """Refuse a treatment whose control arm does not occur; warn of one with a single arm."""
    table = tables.patients
    for treatment in tables.declaration.treatments if table is not None and table.ids is not None else ():
        if table is None or treatment.column not in table.frame.columns:
            continue
        found = distinct_codes(table, treatment.column)
        levels = treatment_levels(treatment, found)
        if levels[0] not in found and found:
            message = (
                f'{table.name} has no "{treatment.control}" in {treatment.column}, the control of '
                f"treatment {treatment.name}; it has {listed(found)}"
            )
            yield Problem(
                "CONTROL_ABSENT",
                message,
                f"Set control to one of its values.{did_you_mean(treatment.control, found)}",
                where=table.name,
            )
        elif len(levels) < 2:
            message = f"treatment {treatment.name} has one arm only in {treatment.column} of {table.name}"
            yield Problem("ONE_ARM", message, "It cannot be compared.", where=table.name, severity="warning")
