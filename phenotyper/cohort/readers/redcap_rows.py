"""Rows of a REDCap export: events, repeating instruments, and events joined to one row a patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import Source, file_problem
from phenotyper.cohort.readers.redcap_cells import EVENT, INSTRUMENT, Export, slug
from phenotyper.errors import Problem, did_you_mean, listed, number_of

ALL, MERGE = "all", "merge"
_OWN = ("_complete", "_timestamp", "_return_code")


def is_own(name: str) -> bool:
    """Tell whether a column is one that REDCap adds: event, instance, status and time of a form."""
    return name.startswith("redcap_") or name.endswith(_OWN)


def chosen_rows(export: Export, source: Source) -> tuple[np.ndarray, list[Problem]]:
    """Return the rows that ``event`` and ``instrument`` ask for.

    Raises
    ------
    CohortError
        REDCAP_EVENTS, REDCAP_INSTRUMENT.
    """
    instruments, events = export.texts(INSTRUMENT), export.texts(EVENT)
    wanted = source.options.get("instrument", "")
    chosen = instruments == "" if not wanted else _of_instrument(source, instruments, wanted)
    problems = [] if wanted else _left_out(source, instruments)
    asked = source.options.get("event", ())
    if asked and not (events != "").any():
        raise file_problem(
            source, "REDCAP_EVENTS", f"has no column {EVENT}", "Leave event out: the project has one event."
        )
    known = list(dict.fromkeys(events[chosen & (events != "")]))
    if asked and asked not in {(ALL,), (MERGE,)}:
        chosen &= _of_events(source, events, asked, known)
    elif not asked and not wanted:
        _refuse_events(source, export, events, chosen, known)
    if not chosen.any():
        message = "has no row of a patient that is not of a repeating instrument"
        raise file_problem(source, "FILE_EMPTY", message, 'Say which it is: instrument = "...".')
    return np.flatnonzero(chosen), problems


def _of_instrument(source: Source, instruments: np.ndarray, wanted: str) -> np.ndarray:
    chosen = np.array([slug(text) == slug(wanted) for text in instruments], dtype=bool)
    if not chosen.any():
        known = list(dict.fromkeys(text for text in instruments if text))
        message = f'has no rows of the repeating instrument "{wanted}"'
        remedy = f"It has {listed(known)}.{did_you_mean(wanted, known)}" if known else "Leave instrument out."
        raise file_problem(source, "REDCAP_INSTRUMENT", message, remedy)
    return chosen


def _left_out(source: Source, instruments: np.ndarray) -> list[Problem]:
    times = Counter(text for text in instruments if text)
    if not times:
        return []
    shown = listed(f"{name} ({number_of(number, 'row')})" for name, number in times.items())
    message = f"{source.name} has repeating instruments: {shown}"
    remedy = f'Their rows were left out; declare a block with instrument = "{next(iter(times))}" to use them.'
    return [Problem("REDCAP_REPEATS", message, remedy, where=source.name, severity="warning")]


def _of_events(source: Source, events: np.ndarray, asked: Iterable[str], known: list[str]) -> np.ndarray:
    names = {slug(name): name for name in known}
    unknown = [name for name in asked if name not in known and slug(name) not in names]
    if unknown:
        remedy = f"It has {listed(known, most=12)}.{did_you_mean(unknown[0], known)}"
        raise file_problem(source, "REDCAP_EVENTS", f'has no event "{unknown[0]}"', remedy)
    return np.isin(events, [name if name in known else names[slug(name)] for name in asked])


def _refuse_events(
    source: Source, export: Export, events: np.ndarray, chosen: np.ndarray, known: list[str]
) -> None:
    rows = np.flatnonzero(chosen)
    pairs = pd.DataFrame({"id": np.asarray(export.table.ids, dtype=object)[rows], "event": events[rows]})
    later = pairs["id"].duplicated() & ~pairs.duplicated()
    if len(known) < 2 or not later.any():
        return
    message = f"has {len(known)} events a patient: {listed(known, most=12)}"
    remedy = (
        f'Choose one, event = "{known[0]}"; or event = "merge" where each field is filled in one event; or '
        'event = "all" with visits or aggregate in the block.'
    )
    found = tuple(export.table.rows[rows[later.to_numpy()]].tolist())
    raise file_problem(source, "REDCAP_EVENTS", message, remedy, rows=found)


def filled_ids(export: Export) -> np.ndarray:
    """Return the ids, those that stand in one event of a record taken for its other rows."""
    ids = np.asarray(export.table.ids, dtype=object).copy()
    record = next(iter(export.fields), "")
    if record not in export.names or not {EVENT, INSTRUMENT} & set(export.names):
        return ids
    known = pd.DataFrame({"record": export.texts(record), "id": ids})
    known = known[(known["id"] != "") & (known["record"] != "")].drop_duplicates()
    if known["record"].duplicated().any():
        return ids
    of_record = dict(zip(known["record"], known["id"], strict=True))
    empty = np.flatnonzero(ids == "")
    ids[empty] = [of_record.get(text, "") for text in export.texts(record)[empty]]
    return ids


def merged(
    frame: pd.DataFrame, ids: np.ndarray, rows: np.ndarray, *, name: str, hidden: Collection[str]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, list[Problem]]:
    """Join the events of each patient: the one value that stands in any of them.

    Parameters
    ----------
    frame : DataFrame
        Decoded columns, one row a patient and event.
    ids, rows : ndarray
        Patient and spreadsheet row of each row.
    name : str
        The table as people know it.
    hidden : collection of str
        Columns that are no features: with two values they are left out, with a warning; of the columns that
        REDCap adds itself the first value stays.
    """
    group, patients = pd.factorize(ids)
    grouped = frame.groupby(group, sort=True)
    several = grouped.nunique() > 1
    first = np.unique(group, return_index=True)[1]
    wrong = [str(column) for column in frame.columns if several[column].any() and not is_own(str(column))]
    aside = [column for column in wrong if column in hidden]
    wrong = [column for column in wrong if column not in hidden]
    said = "with two values in the events of a patient"
    problems = []
    if aside:
        message = f"{name} has dates or texts {said}: {listed(aside)}"
        remedy = 'They were left out; take them from an event, event = "...", where a role needs them.'
        problems.append(Problem("REDCAP_MERGE", message, remedy, where=name, severity="warning"))
    if wrong:
        message = f"{name} has fields {said}: {listed(wrong)}"
        remedy = 'Choose an event, event = "...", for the block of these fields; they cannot be merged.'
        found = tuple(rows[first[several[wrong].any(axis=1).to_numpy()]].tolist())
        problems.append(Problem("REDCAP_MERGE", message, remedy, where=name, rows=found))
    joined = grouped.first().reset_index(drop=True)
    joined.columns = frame.columns
    return joined.drop(columns=aside), np.asarray(patients, dtype=object), rows[first], problems
