"""Rules on columns: names, kinds, and what may not be a feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.checks.wording import quoted
from phenotyper.cohort.coding import CodedBlock, columns_of
from phenotyper.cohort.declaration import BlockSpec
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables, role_columns
from phenotyper.cohort.values import code_text
from phenotyper.errors import Problem, did_you_mean, listed, number_of

_NEVER_FEATURES = {"site", "batch", "family", "index_date", "consent research", "consent sharing"}


@rule("table")
def duplicate_columns(table: RawTable) -> Iterator[Problem]:
    """Refuse a column name that stands twice (pandas would rename it a, a.1 without a word)."""
    twice = [name for name, times in Counter(table.frame.columns).items() if times > 1]
    if table.ids is not None and table.id_column in table.frame.columns:
        twice.append(table.id_column)
    if twice:
        message = f"{table.name} has {number_of(len(twice), 'column name')} more than once: {listed(twice)}"
        yield Problem("DUP_COL", message, "Give every column its own name.", where=table.name)


@rule("cohort")
def absent_columns(tables: Tables) -> Iterator[Problem]:
    """Refuse declared columns that the file does not have; warn of excluded ones that it does not have."""
    for spec in tables.declaration.blocks:
        table = tables.blocks.get(spec.name)
        if table is not None:
            yield from _absent(table, spec.columns, f"columns of [blocks.{spec.name}]")
            yield from _absent(table, spec.exclude, f"exclude of [blocks.{spec.name}]", severity="warning")
    if tables.patients is not None:
        for column, role in role_columns(tables.declaration).items():
            yield from _absent(tables.patients, (column,), role)


def _absent(
    table: RawTable, wanted: tuple[str, ...], role: str, *, severity: str = "error"
) -> Iterator[Problem]:
    known = [*table.frame.columns, table.id_column]
    absent = [column for column in wanted if column not in known]
    if absent:
        shown = listed(f'"{column}"' for column in absent)
        message = f"{table.name} has no column {shown} ({role})"
        remedy = did_you_mean(absent[0], known).strip() or f"It has {listed(table.frame.columns)}."
        yield Problem(
            "COLUMN_ABSENT",
            message,
            remedy,
            where=table.name,
            severity="warning" if severity == "warning" else "error",
        )


@rule("block")
def kinds_missing(block: CodedBlock) -> Iterator[Problem]:
    """Refuse features of a mixed block whose kind nobody states."""
    unread = bool(block.spec.dictionary) and not block.described
    if not block.kindless or unread:
        return
    name = block.spec.name
    if not block.described:
        message = f'block {name} is of kind "mixed" and has no dictionary'
        remedy = (
            'Add dictionary = "dictionary.csv" with the columns column and kind, or give the block one kind.'
        )
        yield Problem("DICT_ABSENT", message, remedy, where=block.source)
        return
    one = len(block.kindless) == 1
    message = (
        f"{number_of(len(block.kindless), 'column')} of block {name} {'has' if one else 'have'} no kind: "
        f"{listed(block.kindless)}"
    )
    remedy = (
        f"Add {'it' if one else 'them'} to {block.spec.dictionary or 'a dictionary'}, or leave "
        f"{'it' if one else 'them'} out: exclude = [{quoted(block.kindless)}]."
    )
    yield Problem("KIND_MISSING", message, remedy, where=block.source)


@rule("block")
def kinds_conflict(block: CodedBlock) -> Iterator[Problem]:
    """Refuse a dictionary that contradicts the kind of the block."""
    if block.conflicts:
        message = (
            f'{block.spec.dictionary} gives another kind than "{block.spec.kind}" to features of block '
            f"{block.spec.name}: {listed(block.conflicts)}"
        )
        yield Problem(
            "KIND_CONFLICT", message, 'Correct one of the two, or set kind = "mixed".', where=block.source
        )


@rule("block")
def empty_block(block: CodedBlock) -> Iterator[Problem]:
    """Refuse a block without columns or without patients."""
    if not block.features and not block.kindless:
        yield Problem(
            "BLOCK_EMPTY",
            f"block {block.spec.name} has no column of {block.source}",
            "Look at columns and exclude.",
            where=block.source,
        )
    elif not len(block.ids):
        message = f"block {block.spec.name} of {block.source} holds no patient who consents to research"
        yield Problem(
            "BLOCK_EMPTY",
            message,
            "Leave the block out, or look at the column of consent.",
            where=block.source,
        )


@rule("cohort")
def roles_among_features(tables: Tables) -> Iterator[Problem]:
    """Refuse site, batch, family, dates and consent as features; warn of age, sex and covariates."""
    roles = role_columns(tables.declaration)
    for spec, table in _own_file(tables):
        taken = {column: roles[column] for column in columns_of(spec, table) if column in roles}
        never = [column for column, role in taken.items() if role in _NEVER_FEATURES]
        if never:
            message = (
                f"{listed(never)} of {table.name} cannot be "
                f"{'a feature' if len(never) == 1 else 'features'} of block {spec.name}: declared as "
                f"{listed(dict.fromkeys(taken[column] for column in never))}"
            )
            yield Problem(
                "ROLE_FEATURE",
                message,
                f"Leave them out: exclude = [{quoted(never, most=100)}].",
                where=table.name,
            )
        both = [column for column, role in taken.items() if role in {"age", "sex", "covariates"}]
        if both:
            message = (
                f"block {spec.name} takes {listed(both)} of {table.name} as "
                f"{'a feature' if len(both) == 1 else 'features'}, and [patients] declares "
                f"{'it' if len(both) == 1 else 'them'} as {listed(dict.fromkeys(taken[one] for one in both))}"
            )
            remedy = (
                f"Groups will differ in them by construction; exclude = [{quoted(both, most=100)}] unless "
                "that is wanted."
            )
            yield Problem("ROLE_FEATURE", message, remedy, where=table.name, severity="warning")


def _own_file(tables: Tables) -> Iterator[tuple[BlockSpec, RawTable]]:
    for name, table in tables.blocks.items():
        if table is tables.patients:
            yield tables.spec(name), table


@rule("cohort")
def outcomes_among_features(tables: Tables) -> Iterator[Problem]:
    """Refuse an outcome, its time, a treatment or a known class as a feature, in any file."""
    roles = {
        column: role
        for column, role in role_columns(tables.declaration).items()
        if role.startswith(("outcomes.", "treatments.", "known_classes"))
    }
    for name, table in tables.blocks.items():
        spec = tables.spec(name)
        taken = [
            column
            for column in columns_of(spec, table)
            if column in roles and _same_column(tables, table, column)
        ]
        allowed = [
            column
            for column in taken
            if column in tables.declaration.allow_leak and roles[column] != "known_classes"
        ]
        refused = [column for column in taken if column not in allowed]
        if refused:
            message = (
                f"block {name} has features that are what it must not see: "
                f"{listed(f'{column} ({roles[column]})' for column in refused)}"
            )
            yield Problem(
                "LEAK", message, f"Leave them out: exclude = [{quoted(refused, most=100)}].", where=table.name
            )
        if allowed:
            yield leak_allowed(name, allowed, table.name)


def leak_allowed(block: str, columns: list[str], where: str) -> Problem:
    """Return the warning that a leak was let through."""
    noun = "a feature that gives" if len(columns) == 1 else "features that give"
    message = f"block {block} has {noun} an outcome away, let through by allow_leak: {listed(columns)}"
    remedy = "Differences in that outcome between subphenotypes are circular: say so wherever you show them."
    return Problem("LEAK_ALLOWED", message, remedy, where=where, severity="warning")


def _same_column(tables: Tables, table: RawTable, column: str) -> bool:
    """Tell whether a column is that of the table of patients: same table, or same name and values."""
    if table is tables.patients:
        return True
    if tables.patients is None or tables.patients.ids is None or table.ids is None:
        return False
    here, there = (_by_patient(part, column) for part in (table, tables.patients))
    joint = pd.concat([here, there], axis=1, join="inner").dropna()
    return (
        len(joint) > 0
        and bool((joint.iloc[:, 0] == joint.iloc[:, 1]).all())
        and joint.iloc[:, 0].nunique() > 1
    )


def _by_patient(table: RawTable, column: str) -> pd.Series:
    values = texts(table, column).map(code_text, na_action="ignore")
    values.index = pd.Index(np.asarray(table.ids, dtype=object), dtype="str")
    return values[~values.index.duplicated()]
