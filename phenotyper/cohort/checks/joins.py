"""Rules on how many patients the blocks share, on families, and on visits in the ids."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.looks import plain_name
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.presence import empty_rows
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.roles import texts
from phenotyper.cohort.tables import Tables, all_ids
from phenotyper.errors import Problem, listed, number_of

FEWEST = 10
SMALL_COHORT = 20
_FAMILY = re.compile(
    r"(?:^|_)(?:fam(?:ily|ilie|ilien)?|household|haushalt|sib(?:ling|s|ship)?s?|twins?|pedigree|mother|father|"
    r"parents?|maternal)_?(?:id|no|nr|nummer|number|code|key|group|pair)(?:_|$)"
    r"|^(?:family|familyid|fid|famid|household|twin_?pair|pedigree|sibship|family_cluster)$"
)
_FAMILY_START = re.compile(r"fam|fid|hous|haus|sib|twin|pedi|moth|fath|paren|mater", re.IGNORECASE)
_VISIT = re.compile(
    r"(?P<stem>.*\d.*?)(?:[\s_./-]+(?:visit|vis|v|timepoint|tp|time|t|day|d|week|w|month|m|wave|sample|s|rep)?"
    r"[_-]?(?P<number>\d{1,2}|[a-d]|pre|post|bl|baseline|fu\d?)|(?P<marked>v\d{1,2}|t\d{1,2}|(?<=\d)[a-d]))",
    re.IGNORECASE,
)


@rule("block")
def rows_without_values(block: CodedBlock) -> Iterator[Problem]:
    """Warn of patients who have a row in a block but no value in it."""
    if not block.features or not len(block.ids):
        return
    empty = empty_rows(block.values)
    written = {row for found in (block.misfits or {}).values() for rows in found.values() for row in rows}
    rows = tuple(int(row) for row in block.rows[empty] if int(row) not in written)
    if rows and len(rows) < len(block.ids):
        message = (
            f"{number_of(len(rows), 'patient')} of block {block.spec.name} "
            f"{'has' if len(rows) == 1 else 'have'} a row in {block.source} but no value in it"
        )
        remedy = (
            "Counted as lacking the block, as if they had no row; right when nothing was measured in them."
        )
        if block.spec.visits:
            verb = "has" if len(rows) == 1 else "have"
            message = (
                f"{number_of(len(rows), 'patient')} of block {block.spec.name} {verb} visits in "
                f"{block.source}, but no feature could be made of them"
            )
            remedy = "Counted as lacking the block; look at window and summaries of its visits."
        yield Problem("EMPTY_ROWS", message, remedy, where=block.source, rows=rows, severity="warning")


@rule("assembled")
def small_overlap(parts: Parts) -> Iterator[Problem]:
    """Refuse blocks that share fewer than ten patients with the others, warn of those that share few.

    Few is less than half of the cohort; from 180 patients on that is at least three times the 30 neighbours
    of a map, and a smaller cohort is not warned of being small.
    """
    holders = {block.spec.name: set(block.ids[~empty_rows(block.values)].tolist()) for block in parts.blocks}
    holders = {name: ids for name, ids in holders.items() if ids}
    cohort = len(set().union(*holders.values())) if holders else 0
    if len(holders) < 2 or cohort < SMALL_COHORT:
        return
    times = Counter(patient for ids in holders.values() for patient in ids)
    shared = {name: sum(times[patient] > 1 for patient in ids) for name, ids in holders.items()}
    table = listed((f"{name} {number} of {len(holders[name])}" for name, number in shared.items()), most=20)
    few = [name for name, number in shared.items() if number < FEWEST]
    joined = [name for name in few if shared[name] or _in_patients_table(parts, holders[name])]
    if joined:
        noun, verb = ("block", "shares") if len(joined) == 1 else ("blocks", "share")
        message = (
            f"{noun} {listed(joined)} {verb} fewer than {FEWEST} patients with the other blocks "
            f"(patients who stand in another block too: {table}; cohort {cohort})"
        )
        remedy = "Check that the ids are those of the same patients, or leave the block out of cohort.toml."
        yield Problem("OVERLAP_FEW", message, remedy, where=f"[blocks.{joined[0]}]")
    small = [name for name, number in shared.items() if number < cohort / 2]
    if small and not few:
        message = (
            f"few patients of {'block' if len(small) == 1 else 'blocks'} {listed(small)} have another block "
            f"too: {table} (cohort {cohort})"
        )
        remedy = (
            "What the blocks have in common rests on these patients; leave out a block that few share, or "
            "look at the ids."
        )
        yield Problem("SMALL_OVERLAP", message, remedy, where=f"[blocks.{small[0]}]", severity="warning")


def _in_patients_table(parts: Parts, ids: set[str]) -> bool:
    """Tell whether anything but consent is known of some of the patients; else NO_OVERLAP says it."""
    flags = [column.name for column in parts.declaration.obs_columns() if column.type == "flag"]
    known = parts.obs.drop(columns=flags, errors="ignore").notna().any(axis=1)
    return bool(ids & set(known.index[known]))


@rule("cohort")
def families(tables: Tables) -> Iterator[Problem]:
    """Warn of a column of families, siblings or households that is declared nowhere, or that says nothing."""
    declared = tables.declaration.patients.family
    if declared:
        yield from _one_family(declared, tables.patients)
        return
    for table in tables.distinct():
        names = [name for name in table.frame.columns if _FAMILY_START.search(str(name))]
        found = [name for name in dict.fromkeys(names) if _FAMILY.search(plain_name(name))]
        found = [name for name in found if _groups_patients(table, name)]
        if not found:
            continue
        message = f"{table.name} has what looks like families in {listed(found)}, and family is not declared"
        where = "" if table is tables.patients else " after copying the column into the table of patients"
        remedy = (
            f'Add family = "{found[0]}" to [patients]{where}: brothers, sisters and repeat admissions are '
            "then kept together wherever patients are drawn."
        )
        yield Problem("FAMILY", message, remedy, where=table.name, severity="warning")


def _one_family(column: str, table: RawTable | None) -> Iterator[Problem]:
    if table is None or column not in table.frame.columns:
        return
    found = texts(table, column).dropna()
    if len(found) > 1 and found.nunique() == 1:
        message = f"{table.name} has one value only in {column}, which is declared as family"
        remedy = "Name the column that numbers the families, or leave family out."
        yield Problem("FAMILY", message, remedy, where=table.name, severity="warning")


def _groups_patients(table: RawTable, column: str) -> bool:
    """Tell whether a column numbers many small groups, as families are: not yes or no, not all different."""
    sizes = texts(table, column).dropna().value_counts()
    known = int(sizes.sum())
    return len(sizes) >= max(5, known / 10) and 2 <= int(sizes.max()) <= max(12, known / 10)


@rule("joined")
def visits_in_ids(tables: Tables) -> Iterator[Problem]:
    """Warn of ids such as P001_1 and P001_2: one patient would be taken for several."""
    ids = sorted(set(all_ids(tables.with_ids())))
    stems: dict[str, list[str]] = {}
    for text in ids:
        if match := _VISIT.fullmatch(text.strip()):
            ending = match["number"] or match["marked"]
            stems.setdefault(match["stem"], []).append(ending.casefold())
    repeated = {stem: endings for stem, endings in stems.items() if len(endings) > 1}
    grouped = sum(map(len, repeated.values()))
    if len(repeated) < 5 or grouped <= len(ids) / 2 or np.median([len(e) for e in repeated.values()]) > 12:
        return
    common = Counter(ending for endings in repeated.values() for ending in endings).most_common(1)[0][1]
    if common < len(repeated) / 2:
        return
    shown = _examples(repeated, ids)
    message = (
        f"{grouped} of {len(ids)} patient ids look like several visits, samples or members of "
        f"{number_of(len(repeated), 'patient or family', 'patients or families')}, as {shown}"
    )
    remedy = (
        'Give the id of the patient alone and declare visits = { time = "..." } or aggregate = "mean" for '
        "the block; of a family, declare the common part as family in [patients]."
    )
    yield Problem("ID_VISITS", message, remedy, where=tables.with_ids()[0].name, severity="warning")


def _examples(repeated: dict[str, list[str]], ids: list[str]) -> str:
    stem = min(repeated)
    return " and ".join(json.dumps(text) for text in [text for text in ids if text.startswith(stem)][:2])
