"""A REDCap export, raw or labelled, read by its data dictionary: facts of every field, nothing guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import Wrong, codes, flag, text
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, plain_table, reads_format
from phenotyper.cohort.readers.headers import key_of, with_delimiter
from phenotyper.cohort.readers.redcap_cells import Export, holds_labels
from phenotyper.cohort.readers.redcap_columns import KEEP, Columns
from phenotyper.cohort.readers.redcap_dictionary import Field, Fields, read_fields
from phenotyper.cohort.readers.redcap_rows import MERGE, chosen_rows, filled_ids, is_own, merged
from phenotyper.errors import Problem, did_you_mean, listed


def _event(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        return (value,)
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(one, str) for one in value):
        wrong = 'an event or a list of them, "merge" or "all"'
        raise Wrong(wrong)
    return tuple(value)


def _identifiers(value: Any) -> tuple[str, ...]:
    if value in (KEEP, (KEEP,), [KEEP]):
        return (KEEP,)
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        wrong = '"keep", or a list of the fields to keep, as ["birth_date"]'
        raise Wrong(wrong)
    return tuple(value)


@reads_format(
    "redcap",
    options={
        "event": _event,
        "instrument": text,
        "labels": flag,
        "identifiers": _identifiers,
        "missing_data_codes": codes,
    },
    files=("data_dictionary",),
)
def read_redcap(source: Source) -> RawTable:
    """Read a REDCap export with its data dictionary.

    Cells of chosen fields become the labels of their choices, raw export or labelled; boxes become yes, no,
    or missing where nobody was asked. Dates and free text are hidden, identifiers are left out.

    Raises
    ------
    CohortError
        REDCAP_DICTIONARY, REDCAP_FIELD, REDCAP_EVENTS, REDCAP_INSTRUMENT, COLUMN_ABSENT, or what the readers
        of the two files found.
    """
    fields = _fields(source)
    export, notes = _export(source, fields)
    export = replace(export, table=export.table.with_ids_as(filled_ids(export)))
    chosen, left_out = chosen_rows(export, source)
    made = Columns(export, chosen, source)
    for name in export.names:
        made.add(name)
    frame = pd.DataFrame(made.columns, index=range(len(chosen)))
    frame.columns = pd.Index(list(made.columns), dtype="str")
    ids, rows = np.asarray(export.table.ids, dtype=object)[chosen], export.table.rows[chosen]
    problems = [*notes, *left_out, *made.notes(fields)]
    if source.options.get("event") == (MERGE,):
        frame, ids, rows, found = merged(frame, ids, rows, name=source.name, hidden=made.hidden)
        problems += found
    return RawTable(
        source.name,
        frame,
        ids,
        rows,
        source.id_column,
        features={name: facts for name, facts in made.facts.items() if name in frame},
        problems=tuple(problems),
        hidden=frozenset(made.hidden & set(frame.columns)),
    )


def _fields(source: Source) -> Fields:
    beside = source.beside("data_dictionary")
    if beside is None:
        remedy = 'Add data_dictionary = "DataDictionary.csv", the 18 columns that REDCap saves.'
        raise file_problem(source, "REDCAP_DICTIONARY", "is read by its data dictionary, not given", remedy)
    return read_fields(replace(beside, missing_codes=()))


def _export(source: Source, fields: Fields) -> tuple[Export, list[Problem]]:
    lost = (*source.missing_codes, *source.options.get("missing_data_codes", ()))
    known = {key_of(name) for name in fields.by_name}
    table = plain_table(
        with_delimiter(replace(source, missing_codes=lost), known), id_column=source.id_column
    )
    names = [str(name) for name in table.frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"has column names more than once: {listed(twice)}"
        raise file_problem(source, "DUP_COL", message, "Export it again with raw headers.")
    notes = [*table.problems, *_headers(source, table, fields, names)]
    export = Export(table, fields.by_name, lost=source.options.get("missing_data_codes", ()))
    labelled, said = _labels(source, export)
    return replace(export, labelled=labelled), [*notes, *said]


def _labels(source: Source, export: Export) -> tuple[bool, list[Problem]]:
    """Return whether cells hold labels: as declared, or as most cells have it, which is said."""
    only_codes, only_labels = holds_labels(export)
    declared = source.options.get("labels")
    contrary = {True: (only_codes, only_labels), False: (only_labels, only_codes)}
    if declared is not None:
        against, for_it = contrary[declared]
        if against and not for_it:
            found = "codes, not labels" if declared else "labels, not codes"
            message = f"holds {found} ({against} cells), but labels = {str(declared).lower()} is declared"
            raise file_problem(source, "REDCAP_LABELS", message, "Leave labels out: it is found out.")
        return declared, []
    if only_labels <= only_codes:
        return False, []
    message = f"{source.name} holds labels, not codes ({only_labels} cells)"
    remedy = "It was read so; add labels = true to be rid of this note."
    return True, [Problem("REDCAP_LABELS", message, remedy, where=source.name, severity="warning")]


def _headers(source: Source, table: RawTable, fields: Fields, names: list[str]) -> list[Problem]:
    """Refuse an export that is not of this dictionary, or has labels as headers; name what is in one only."""
    known = Export(table, fields.by_name, lost=source.options.get("missing_data_codes", ()))
    owner, aside = known.owner, {*known.owner, *known.lost_boxes}
    strange = [name for name in names if name not in aside and not is_own(name)]
    labels = {one.label for one in fields.by_name.values() if one.label and one.name not in names}
    if any("(choice=" in name or name in labels for name in strange) or (strange and not owner):
        message = f"has columns that are no fields of {fields.name}: {listed(strange)}"
        remedy = 'Export it with "raw" headers (labels may stand in the cells), or give its own dictionary.'
        raise file_problem(source, "REDCAP_FIELD", message, remedy)
    if table.ids is None:
        first = next((name for name in names if name in fields.by_name), "record_id")
        remedy = f'The record id of this export is its first column: set id = "{first}".'
        remedy += did_you_mean(source.id_column, names)
        message = f'has no column "{source.id_column}" of patient ids'
        raise file_problem(source, "COLUMN_ABSENT", message, remedy)
    found = []
    if strange:
        message = f"{source.name} has columns that {fields.name} does not describe: {listed(strange)}"
        remedy = "They are no features; give the dictionary of the same day, or name them in columns."
        found.append(Problem("REDCAP_FIELD", message, remedy, where=source.name, severity="warning"))
    return [*found, *_absent(source, fields, {*names, table.id_column}, owner)]


def _absent(
    source: Source, fields: Fields, names: set[str], owner: dict[str, tuple[Field, str]]
) -> list[Problem]:
    there = names | {known.name for known, _ in owner.values()}
    lost = [
        known for known in fields.by_name.values() if known.name not in there and known.type != "descriptive"
    ]
    lost = [known for known in lost if known.use != "identifier"]
    forms = {known.form for known in fields.by_name.values() if known.name in there}
    whole = list(dict.fromkeys(known.form for known in lost if known.form not in forms))
    single = [known.name for known in lost if known.form in forms]
    if not lost:
        return []
    parts = [f"the forms {listed(whole)}"] if whole else []
    parts += [f"the fields {listed(single)}"] if single else []
    message = f"{source.name} lacks {' and '.join(parts)} of {fields.name}"
    remedy = "Nothing is wrong if they were not exported on purpose."
    return [Problem("REDCAP_ABSENT", message, remedy, where=source.name, severity="warning")]
