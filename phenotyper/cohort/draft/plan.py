"""From what was seen to what will be declared: blocks, the table of patients, and everything left open."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from phenotyper.cohort.draft.blocks import (
    MANY_LEFT,
    WIDE,
    BlockDraft,
    block_name,
    block_of,
    kinded,
    named_apart,
)
from phenotyper.cohort.draft.codebook import Codebook, Hint, codebooks_of, without_annotations
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.foreign import records_in, what_to_write
from phenotyper.cohort.draft.formats import facts_as_hints, with_formats
from phenotyper.cohort.draft.guess import MOST_LEVELS
from phenotyper.cohort.draft.ids import common_id, repeats, with_ids
from phenotyper.cohort.draft.look import Seen, Unread, look
from phenotyper.cohort.draft.missing import Code, missing_codes
from phenotyper.cohort.draft.roles import roles_of, to_features
from phenotyper.cohort.draft.samples import with_samples
from phenotyper.cohort.draft.sorting import Roles
from phenotyper.cohort.draft.words import (
    says,
    words,
)
from phenotyper.cohort.identity import key_of
from phenotyper.errors import listed

_PATIENT_FILES = words(
    "clinical clinic patient patients pheno phenotype phenotypes metadata meta demographics demography "
    "covariates outcome outcomes baseline cohort obs participants subjects samples characteristics"
)
_OTHER_COHORT = words("external validation replication test second holdout")
_FEW_FEATURES = 5
_LEFT = (
    "covariates for now; move them to a block if they should shape the groups, to outcomes if they came "
    "afterwards"
)


@dataclass(frozen=True)
class Plan:
    """All that the draft says, before it is written."""

    title: str
    tables: tuple[Seen, ...]
    unread: tuple[Unread, ...]
    books: tuple[Codebook, ...]
    id_column: str
    spelled: int
    """How many ids differ from others only in spaces, case or Unicode form."""
    codes: tuple[Code, ...]
    patients: Seen | None
    roles: Roles
    blocks: tuple[BlockDraft, ...]
    annotations: tuple[str, ...]
    """Files that describe features."""
    asides: tuple[str, ...]
    """Questions about whole files."""
    records: Mapping[str, str]
    """Where records of a format stand that is not drafted."""


def plan_of(folder: Path) -> Plan:
    """Look at a folder and decide, table by table and column by column, what to declare."""
    records = records_in(folder)
    seen, unread = ([], []) if records.get(".") == "omop" else look(folder)
    books, tables = codebooks_of(seen)
    hints = {name: hint for book in books for name, hint in book.hints.items()}
    tables, annotations = without_annotations(tables)
    tables, failed = with_formats(tables, books, folder=folder)
    unread += failed
    tables = with_samples(with_ids(tables))
    codes = missing_codes(tables)
    tables = [table.without(code.text for code in codes) for table in tables]
    asides = [what_to_write(place, form) for place, form in records.items()]
    asides += [_unread_question(file) for file in unread] + [*filter(None, map(_twice, tables))]
    used, said = _one_cohort(tables)
    asides += said
    patients = _table_of_patients(used, hints)
    roles, columns = Roles(), {}
    if patients is not None:
        columns = patients.columns()
        roles = roles_of(columns, _hints(patients, hints), hidden=patients.hidden)
    others = [table for table in used if table is not patients and not table.patients_side]
    blocks = []
    for table in others:
        block, question = block_of(table, _hints(table, hints))
        asides += [question] if question else []
        blocks += [block] if block else []
    blocks = _with_clinical(blocks, patients, roles, columns, _hints(patients, hints))
    return Plan(
        title=_title(folder),
        tables=tuple(used),
        unread=tuple(unread),
        books=tuple(books),
        id_column=common_id(used) or "patient_id",
        spelled=_spelled(used),
        codes=tuple(codes),
        patients=patients,
        roles=roles,
        blocks=named_apart(blocks),
        annotations=tuple(annotations),
        asides=tuple(asides),
        records=records,
    )


def _hints(table: Seen | None, hints: Mapping[str, Hint]) -> Mapping[str, Hint]:
    """Return what is said of the columns of a table: by the file itself, else by a codebook."""
    if table is None:
        return hints
    said = facts_as_hints(table)
    personal = {name: hint for name, hint in hints.items() if hint.personal}
    return {**(personal if table.format else hints), **said}


def _spelled(tables: Sequence[Seen]) -> int:
    everybody = frozenset().union(*(table.patients for table in tables))
    return len(everybody) - len({key_of(text) for text in everybody})


def _title(folder: Path) -> str:
    name = re.sub(r"[_\W]+", " ", folder.resolve().name).strip()
    return name[:1].upper() + name[1:] or "Cohort"


def _unread_question(file: Unread) -> str:
    said = f"{file.file} is not in this draft: {file.reason}"
    return f"{said}. {file.remedy.rstrip('.')}" if file.remedy else said


def _twice(table: Seen) -> str:
    twice = [str(name) for name, times in Counter(table.frame.columns).items() if times > 1]
    if not twice:
        return ""
    return f"{table.label} has several columns called {listed(twice)}: give every column its own name"


def _one_cohort(tables: Sequence[Seen]) -> tuple[list[Seen], list[str]]:
    """Leave out tables without ids, and tables of other patients with the same columns (a second cohort)."""
    said = [
        f"{table.label} has no column of patient ids, one value a patient, as the other files have it: left "
        "out; give it one if it holds patients"
        for table in tables
        if not table.ids
    ]
    said += [f"{table.label} has no column beside the ids: left out" for table in tables if _bare(table)]
    kept = [table for table in tables if table.ids and not _bare(table)]
    second: list[Seen] = []
    for table in kept:
        for other in kept:
            if other is table or other in second or table in second or not _same_columns(table, other):
                continue
            if table.patients & other.patients:
                continue
            later = max(table, other, key=lambda one: (says(one.file, _OTHER_COHORT), -len(one.patients)))
            first = other if later is table else table
            second.append(later)
            said.append(
                f"{later.label} has the columns of {first.label} and none of its patients: a second cohort, "
                f"left out; to declare it, copy this file and put {later.file} for {first.file}"
            )
    return [table for table in kept if table not in second], said


def _bare(table: Seen) -> bool:
    return bool(table.ids) and not table.names


def _same_columns(table: Seen, other: Seen) -> bool:
    here, there = set(table.frame.columns), set(other.frame.columns)
    return len(here) > 2 and len(here & there) >= 0.8 * len(here | there)


def _table_of_patients(tables: Sequence[Seen], hints: Mapping[str, Hint]) -> Seen | None:
    """Return the table with most columns that have a role: age, sex, outcomes, treatments, consent."""
    scores: dict[int, float] = {}
    for place, table in enumerate(tables):
        if table.rows or table.frame.shape[1] > WIDE:
            continue
        roles = roles_of(table.columns(), _hints(table, hints), hidden=table.hidden)
        found = [roles.age[0], roles.sex[0], roles.site, roles.batch, roles.family, roles.index_date]
        count = sum(map(bool, found)) + len(roles.outcomes) + len(roles.treatments) + len(roles.consent)
        score = count + min(len(roles.known_classes), 1) + 3.0 * says(table.file, _PATIENT_FILES)
        if (count and score >= 2) or says(table.file, _PATIENT_FILES) or table.patients_side:
            scores[place] = score - 2.0 * bool(repeats(table))
    return tables[max(scores, key=lambda place: scores[place])] if scores else None


def _with_clinical(
    blocks: list[BlockDraft], patients: Seen | None, roles: Roles, columns: Mapping[str, Column],
    hints: Mapping[str, Hint],
) -> list[BlockDraft]:  # fmt: skip
    """Make what is left of the table of patients covariates; features where nothing else is, or many are."""
    if patients is None:
        return blocks
    if blocks and len(roles.rest) <= MANY_LEFT:
        for name in list(roles.rest):
            roles.covariates.append(name)
            roles.asked.setdefault(name, _LEFT)
        return blocks
    if not blocks and len(roles.rest) < _FEW_FEATURES:
        to_features(roles)
    rest = [name for name in columns if name in roles.rest]
    kept = []
    for name in rest:
        column = columns[name]
        if column.odd and not column.numbers.size and len(column.counts) > MOST_LEVELS:
            roles.left_out[name] = f"has {len(column.counts)} levels"
        else:
            kept.append(name)
    if not kept:
        return blocks
    block = BlockDraft(block_name(patients), patients, "", columns=tuple(kept))
    return [kinded(block, {name: columns[name] for name in kept}, hints=hints), *blocks]
