"""Rules on patient ids and on how tables join."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.identity import key_of
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, did_you_mean, listed, number_of

_SCIENTIFIC = re.compile(r"\d+\.\d+[eE][+-]?\d+|\d+[eE]\+\d+")
_WHOLE = re.compile(r"\d+\.0+")
_FRACTION = re.compile(r"\d+\.\d*[1-9]\d*")
_NAMES_FEATURES = re.compile(
    r"gene|symbol|feature|probe|taxon|\botu\b|\basv\b|cpg|metabolite|protein|snp|ensembl|hugo", re.IGNORECASE
)
_VISITS = ' Declare visits = { time = "..." } for the block to make features of them, or aggregate = "mean".'


def ids_of(table: RawTable) -> list[str]:
    """Return the ids of a table as plain texts; none when it has no id column."""
    return [] if table.ids is None else [str(text) for text in table.ids.tolist()]


def _rows(table: RawTable, chosen: Iterable[bool]) -> tuple[int, ...]:
    return tuple(table.rows[np.fromiter(chosen, dtype=bool, count=len(table.rows))].tolist())


@rule("table")
def empty_ids(table: RawTable) -> Iterator[Problem]:
    """Refuse rows without a patient id; an id "NA" or "null" is an id."""
    rows = _rows(table, (not key_of(text) for text in ids_of(table))) if table.ids is not None else ()
    if rows:
        message = f"{table.name} has {number_of(len(rows), 'row')} without a {table.id_column}"
        yield Problem(
            "ID_EMPTY", message, "Fill the ids in, or delete the rows.", where=table.name, rows=rows
        )


@rule("table")
def mangled_ids(table: RawTable) -> Iterator[Problem]:
    """Refuse ids that went through a number: 1001.0, 1.23E+12."""
    ids = [text.strip() for text in ids_of(table)]
    fractions = any(_FRACTION.fullmatch(text) for text in ids)
    wrong = [
        bool(_SCIENTIFIC.fullmatch(text)) or (not fractions and bool(_WHOLE.fullmatch(text))) for text in ids
    ]
    if any(wrong):
        shown = listed(
            f'"{text}"' for text in dict.fromkeys(text for text, bad in zip(ids, wrong, strict=True) if bad)
        )
        verb = "was turned into a number" if sum(wrong) == 1 else "were turned into numbers"
        message = f"{table.name} has {number_of(sum(wrong), 'patient id')} that {verb}: {shown}"
        remedy = "Export it again with the id column as text; digits that are lost cannot be brought back."
        yield Problem("ID_MANGLED", message, remedy, where=table.name, rows=_rows(table, wrong))


@rule("joined")
def duplicate_ids(tables: Tables) -> Iterator[Problem]:
    """Refuse a patient on several rows, unless the blocks of the table say how to join them."""
    for table in tables.with_ids():
        open_blocks = [spec.name for spec in tables.uses(table) if not (spec.aggregate or spec.visits)]
        is_patients = table is tables.patients
        seen = Counter(text for text in ids_of(table) if key_of(text))
        repeated = {text for text, times in seen.items() if times > 1}
        if not repeated or not (open_blocks or is_patients):
            continue
        shown = listed((json.dumps(text) for text in seen if text in repeated), most=3)
        message = f"{table.name} has {number_of(len(repeated), 'patient id')} on more than one row: {shown}"
        remedy = "Give one row a patient" + (
            f', or aggregate = "mean" for {_blocks(open_blocks)} in cohort.toml.'
            if open_blocks and not is_patients
            else "."
        )
        if len(repeated) > len(seen) / 2:
            remedy += " Most patients repeat: these look like visits."
            remedy += _VISITS if open_blocks and not is_patients else ""
        yield Problem(
            "DUP_ID",
            message,
            remedy,
            where=table.name,
            rows=_rows(table, (text in repeated for text in ids_of(table))),
        )


def _blocks(names: list[str]) -> str:
    return f"block {names[0]}" if len(names) == 1 else f"blocks {listed(names)}"


@rule("joined")
def near_duplicate_ids(tables: Tables) -> Iterator[Problem]:
    """Refuse ids that differ in spaces, case, Unicode form or invisible characters only."""
    spelling: dict[str, tuple[str, str]] = {}
    for table in tables.with_ids():
        odd: dict[str, str] = {}
        for text in ids_of(table):
            known, where = spelling.setdefault(key_of(text), (text, table.name))
            if known != text and key_of(text):
                odd[text] = f"{json.dumps(text)} and {json.dumps(known)}" + (
                    f" of {where}" if where != table.name else ""
                )
        if odd:
            noun = "patient id differs" if len(odd) == 1 else "patient ids differ"
            message = (
                f"{len(odd)} {noun} from another only in spaces, case or Unicode form in {table.name}: "
                f"{listed(odd.values(), most=3)}"
            )
            remedy = (
                "Correct the ids, or set normalise_ids = true in cohort.toml if they are the same patients."
            )
            yield Problem(
                "ID_NEAR_DUP",
                message,
                remedy,
                where=table.name,
                rows=_rows(table, (text in odd for text in ids_of(table))),
            )


@rule("joined")
def id_column(tables: Tables) -> Iterator[Problem]:
    """Refuse a table without the id column."""
    for table in tables.distinct():
        if table.ids is None and not looks_transposed(table, tables):
            names = list(table.frame.columns)
            hint = did_you_mean(table.id_column, names) or _like(table.id_column, names)
            remedy = f'Name the column {table.id_column} there, or set id = "..." in cohort.toml.{hint}'
            if names and _NAMES_FEATURES.search(names[0]):
                remedy += ' If its rows are features and its columns patients: rows = "features".'
            message = (
                f'{table.name} has no column "{table.id_column}" of patient ids; it starts with '
                f"{listed(names, most=3)}"
            )
            yield Problem("COLUMN_ABSENT", message, remedy, where=table.name)


def _like(wanted: str, names: list[str]) -> str:
    plain = {re.sub(r"[\W_]", "", name).casefold(): name for name in names}
    near = plain.get(re.sub(r"[\W_]", "", wanted).casefold())
    return f' Did you mean "{near}"?' if near else ""


@rule("joined")
def transposed(tables: Tables) -> Iterator[Problem]:
    """Refuse features x patients: the ids of other tables stand among the columns."""
    for table in tables.distinct():
        if looks_transposed(table, tables):
            shown = listed(list(table.frame.columns), most=3)
            message = f"{table.name} has patients as columns ({shown}) and features as rows"
            remedy = 'Add rows = "features" where cohort.toml names this file, or turn it: one row a patient.'
            yield Problem("TRANSPOSED", message, remedy, where=table.name)


def looks_transposed(table: RawTable, tables: Tables) -> bool:
    """Tell whether at least half of the columns of a table are ids of other tables, and its rows are not."""
    others = {key_of(text) for other in tables.with_ids() if other is not table for text in ids_of(other)}
    columns = [key_of(name) for name in table.frame.columns]
    hits = sum(name in others for name in columns)
    return hits >= 2 and hits >= len(columns) / 2 and not others & {key_of(text) for text in ids_of(table)}


@rule("joined")
def no_overlap(tables: Tables) -> Iterator[Problem]:
    """Refuse a table that shares no patient with any other."""
    readable = tables.with_ids()
    for table in readable:
        others = [other for other in readable if other is not table]
        elsewhere = {text for other in others for text in ids_of(other)}
        here = set(ids_of(table))
        if (
            not others
            or here & elsewhere
            or looks_transposed(table, tables)
            or any(looks_transposed(other, tables) for other in others)
        ):
            continue
        message = (
            f"{table.name} shares no patient with the other tables: its ids look like {_examples(here)}, "
            f"theirs like {_examples(elsewhere)}"
        )
        yield Problem("NO_OVERLAP", message, _joining_hint(here, elsewhere), where=table.name)
        if len(readable) == 2:
            return


@rule("joined")
def leading_zeros(tables: Tables) -> Iterator[Problem]:
    """Refuse ids that lost the leading zeros which another table has: 1 and 0001 would be two patients."""
    readable = tables.with_ids()
    everywhere = Counter(text for table in readable for text in set(ids_of(table)))
    for table in readable:
        here = set(ids_of(table))
        elsewhere = {text for other in readable if other is not table for text in ids_of(other)}
        if not here & elsewhere:
            continue
        padded = {text.lstrip("0"): text for text in sorted(elsewhere - here) if text.startswith("0")}
        bare = {text for text in here - elsewhere if text in padded and everywhere[text] == 1}
        if bare:
            shown = min(bare, key=lambda text: (len(text), text))
            noun = "patient id that is" if len(bare) == 1 else "patient ids that are"
            message = (
                f"{table.name} has {len(bare)} {noun} in the other tables with leading zeros: "
                f"{json.dumps(shown)} is {json.dumps(padded[shown])} there"
            )
            remedy = "Export the ids as text: a spreadsheet takes zeros away, and one patient becomes two."
            rows = _rows(table, (text in bare for text in ids_of(table)))
            yield Problem("ID_MANGLED", message, remedy, where=table.name, rows=rows)


def _examples(ids: set[str]) -> str:
    return ", ".join(json.dumps(text) for text in sorted(ids)[:3])


def _joining_hint(here: set[str], elsewhere: set[str]) -> str:
    if {key_of(text) for text in here} & {key_of(text) for text in elsewhere}:
        return (
            "They agree but for spaces, case or Unicode form: set normalise_ids = true in cohort.toml, or "
            "correct them."
        )
    if {text.lstrip("0") for text in here} & {text.lstrip("0") for text in elsewhere}:
        return "They agree but for leading zeros, which a spreadsheet removes: export the ids as text."
    short, long = sorted((here, elsewhere), key=lambda ids: max(map(len, ids)))
    lengths = {len(text) for text in short if text}
    if any(text[:length] in short for text in long for length in lengths):
        return (
            "The ids of one begin with those of the other (samples of patients?): cut them to the "
            "patient's part, or set samples = { file = ..., sample = ..., patient = ... } in the block."
        )
    digits = [{re.sub(r"\D", "", text).lstrip("0") for text in ids} - {""} for ids in (here, elsewhere)]
    if digits[0] & digits[1]:
        return "Only their digits agree: write them the same way in every table."
    return "Check that all tables use the same id column (id in cohort.toml) and the same cohort."
