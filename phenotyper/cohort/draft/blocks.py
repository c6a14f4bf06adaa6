"""Blocks of features: what each table gives, its kind, and which of its columns are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from phenotyper.cohort.draft.classes import is_class, never_a_feature
from phenotyper.cohort.draft.codebook import NO_HINT, Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.guess import DOUBTS, MOST_LEVELS, Guess, guess_column
from phenotyper.cohort.draft.ids import repeats
from phenotyper.cohort.draft.levels import in_order
from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.matrix import guess_matrix
from phenotyper.cohort.draft.outcomes import is_outcome
from phenotyper.cohort.draft.words import (
    BATCH,
    CONSENT,
    FAMILY,
    SEX,
    SITE,
    TREATMENT,
    VISIT_TIME,
    says,
    tokens,
)
from phenotyper.cohort.parsing import RESERVED
from phenotyper.errors import listed

_STRAYS = {
    "site": SITE,
    "batch": BATCH,
    "consent": CONSENT,
    "sex": SEX,
    "treatment": TREATMENT,
    "family": FAMILY,
}
MANY_LEFT = 15
WIDE = 400


@dataclass(frozen=True)
class BlockDraft:
    """One block as it will be declared."""

    name: str
    table: Seen
    kind: str
    columns: tuple[str, ...] = ()
    exclude: Mapping[str, str] = field(default_factory=dict)
    """Column -> why it is not taken."""
    guesses: tuple[Guess, ...] = ()
    censored: bool = False
    question: str = ""
    """About the kind."""
    notes: tuple[str, ...] = ()


def block_of(table: Seen, hints: Mapping[str, Hint]) -> tuple[BlockDraft | None, str]:
    """Return the block of a table that is not the patients', or a question when it holds no features."""
    columns = table.columns(name for name in table.names if name not in table.hidden)
    if all(
        is_class(column) or is_outcome(column, hints.get(name, NO_HINT)) for name, column in columns.items()
    ):
        names = listed(columns)
        return None, (
            f"{table.label} holds {names}: a classification or an outcome, left out; to compare with it, "
            "put what it holds into the table of patients"
        )
    exclude = {} if len(columns) > WIDE else _strays(columns, hints)
    visit = visit_column(table, columns)
    if visit:
        exclude.pop(visit, None)
    aside = {*exclude, *table.hidden, visit}
    kept = {name: column for name, column in columns.items() if name not in aside}
    if not kept or (len(kept) <= WIDE and all(column.constant for column in kept.values())):
        return (
            None,
            f"{table.label} holds no column that could be a feature and differs between patients: left out",
        )
    return kinded(BlockDraft(block_name(table), table, "", exclude=exclude), kept, hints=hints), ""


def _strays(columns: Mapping[str, Column], hints: Mapping[str, Hint]) -> dict[str, str]:
    """Return columns that must not be features, and why: persons, dates, texts, sites, batches, outcomes."""
    found: dict[str, str] = {}
    numeric = all(column.numeric or not column.counts for column in columns.values())
    for name, column in columns.items():
        hint = hints.get(name, NO_HINT)
        if numeric and len(columns) > MANY_LEFT:
            continue
        reason = never_a_feature(column, hint)
        if reason and column.counts:
            found[name] = reason
        elif not hint.kind and (
            role := next((role for role, known in _STRAYS.items() if _stray(column, known)), "")
        ):
            found[name] = f"looks like {role}: it belongs in the table of patients"
        elif is_outcome(column, hint) and not hint.kind:
            found[name] = "named as an outcome: it belongs in the table of patients"
        elif column.odd and len(column.counts) > MOST_LEVELS and not column.numbers.size:
            found[name] = f"has {len(column.counts)} levels"
    return found


def _stray(column: Column, known: frozenset[str]) -> bool:
    parts = tokens(column.name)
    return bool(parts) and len(parts) <= 2 and not known.isdisjoint(parts) and len(column.counts) <= 60


def visit_column(table: Seen, columns: Mapping[str, Column]) -> str:
    """Return the column of the time of a table of visits, or an empty text."""
    if repeats(table) < 0.3 * len(table.patients):
        return ""
    found = [
        name
        for name, column in columns.items()
        if says(name, VISIT_TIME) and (column.numeric or column.dates)
    ]
    return found[0] if found else ""


def kinded(block: BlockDraft, columns: Mapping[str, Column], *, hints: Mapping[str, Hint]) -> BlockDraft:
    """Give a block its kind: one for a matrix, else "mixed" with a row of the dictionary for each column."""
    empty = [name for name, column in columns.items() if len(columns) <= WIDE and column.constant]
    notes = (f"One value or none, so to be dropped: {listed(empty)}",) if empty else ()
    known = sum(name in hints for name in columns)
    said = {
        name: str(facts.get("kind") or "") for name, facts in block.table.facts.items() if name in columns
    }
    ordered = {
        name for name in said if said[name] == "category" and in_order(hints.get(name, NO_HINT).levels)
    }
    said = {name: kind for name, kind in said.items() if name not in ordered}
    hints = {name: replace(hint, kind="") if name in ordered else hint for name, hint in hints.items()}
    if columns and all(said.get(name) for name in columns):
        kinds = {said[name] for name in columns}
        return replace(block, kind=kinds.pop() if len(kinds) == 1 else "mixed", notes=notes)
    kind, question = guess_matrix(block.table, columns)
    if kind and known < 0.5 * len(columns):
        return replace(block, kind=kind, question=question, notes=notes)
    guesses = tuple(
        guess_column(column, hints.get(name, NO_HINT))
        for name, column in columns.items()
        if not said.get(name)
    )
    return replace(
        block,
        kind="mixed",
        guesses=guesses,
        notes=notes,
        censored=any(column.limits for column in columns.values()),
    )


def block_name(table: Seen) -> str:
    """Return the name of a block: that of the sheet or of the file."""
    name = re.sub(r"\.(gz|zip)$", "", table.file, flags=re.IGNORECASE)
    name = table.part or name.rpartition(".")[0] or name
    name = re.sub(r"[^\w .+-]", "_", name).lstrip("_ .+-")
    return f"{name}_table" if name in RESERVED or not name else name


def named_apart(blocks: Sequence[BlockDraft]) -> tuple[BlockDraft, ...]:
    """Return the blocks with names that differ."""
    taken: set[str] = set()
    found = []
    for block in blocks:
        name, number = block.name, 2
        while name in taken:
            name, number = f"{block.name}_{number}", number + 1
        taken.add(name)
        found.append(replace(block, name=name))
    return tuple(found)


def dictionary_rows(blocks: Sequence[BlockDraft]) -> list[Guess]:
    """Return one row a column of all mixed blocks; a column of two blocks keeps the levels of both."""
    found: dict[str, Guess] = {}
    for guess in (guess for block in blocks for guess in block.guesses):
        known = found.get(guess.column)
        if known is None:
            found[guess.column] = guess
        elif known.levels and guess.levels and known.levels != guess.levels:
            both = tuple(dict.fromkeys((*known.levels, *guess.levels)))
            levels = in_order(both) or (tuple(sorted(both)) if known.kind == "category" else both)
            kind = known.kind if known.kind == guess.kind != "yes/no" or len(both) == 2 else "category"
            found[guess.column] = replace(known, kind=kind, levels=levels)
    return list(found.values())


def doubts_of(block: BlockDraft) -> dict[str, list[str]]:
    """Return the doubts about the columns of a block: question -> columns."""
    found: dict[str, list[str]] = {}
    for guess in block.guesses:
        if guess.doubt:
            found.setdefault(DOUBTS[guess.doubt], []).append(guess.column)
    return found
