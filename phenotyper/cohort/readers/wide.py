"""Records to tables: a column a feature over time, or yes and no for each patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source
from phenotyper.cohort.readers.long import DATE, Records, records_of, warning
from phenotyper.cohort.values import code_text
from phenotyper.errors import Problem


def spread(source: Source, records: Records, units: Mapping[str, str] | None = None) -> RawTable:
    """Return a row for each patient and day, a column for each feature.

    Two values of a feature on one day stand in two rows, in their order. Numbers and levels of one feature
    become two columns, the second with " (level)" behind its name.

    Parameters
    ----------
    source : Source
        What was read.
    records : Records
        The values.
    units : mapping of str to str, optional
        Unit of each feature.
    """
    frame = records.frame.assign(person=pd.factorize(records.frame["id"])[0])
    frame = frame.sort_values("moment", kind="stable").reset_index(drop=True)
    place, first = _rows(frame)
    columns: dict[str, Any] = {DATE: _or_none(_texts(frame[DATE].iloc[first]))}
    facts: dict[str, dict[str, Any]] = {}
    feature, count = frame["feature"].cat, len(first)
    codes = feature.codes.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(feature.categories) + 1))
    for number, name in enumerate(map(str, feature.categories)):
        rows = order[ends[number] : ends[number + 1]]
        for column, cells, kind in _cells(frame.iloc[rows], name):
            values = np.full(count, np.nan if cells.dtype == np.float64 else None, dtype=cells.dtype)
            known = ~np.isnan(cells) if cells.dtype == np.float64 else cells != ""
            values[place[rows[known]]] = cells[known]
            columns[column] = values if cells.dtype == np.float64 else pd.Series(values, dtype="str")
            facts[column] = {"kind": kind, "label": records.labels.get(name, "")}
            facts[column] |= {"unit": (units or {}).get(name, "")} if kind == "number" else {}
    wide = pd.DataFrame(columns)
    ids = _texts(frame["id"].iloc[first])
    return RawTable(
        source.name, wide, ids, frame["row"].to_numpy()[first], source.id_column, facts,
        problems=records.problems, time_column=DATE, hidden=frozenset((DATE,)),
    )  # fmt: skip


def _rows(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of each record in the table, and for each such row one of its records.

    Rows follow the first appearance of a patient, then the day; unknown days come first.
    """
    day = np.argsort(np.argsort(frame[DATE].cat.categories.to_numpy(dtype=object)))[frame[DATE].cat.codes]
    days = len(frame[DATE].cat.categories) or 1
    visit = frame["person"].to_numpy(dtype=np.int64) * days + day
    features = len(frame["feature"].cat.categories) or 1
    key = visit * features + frame["feature"].cat.codes.to_numpy()
    order = np.argsort(key, kind="stable")
    fresh = np.diff(key[order], prepend=-1) != 0
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(key)), 0))
    again = np.empty(len(key), dtype=np.int64)
    again[order] = np.arange(len(key)) - start
    wanted = visit * (int(again.max(initial=0)) + 1) + again
    _, first, place = np.unique(wanted, return_index=True, return_inverse=True)
    return place, first


def _cells(frame: pd.DataFrame, name: str) -> list[tuple[str, np.ndarray, str]]:
    """Return the one or two columns of a feature: numbers ("<0.5" as text), and levels."""
    number = frame["number"].to_numpy(dtype=np.float64)
    text = _texts(frame["text"])
    found: list[tuple[str, np.ndarray, str]] = []
    if not np.isnan(number).all():
        sign = _texts(frame["sign"])
        signed = np.flatnonzero(sign != "")
        found.append((name, _as_text(number, sign, signed) if len(signed) else number, "number"))
    if (text != "").any():
        kind = "yes/no" if set(text) <= {"", "yes", "no"} else "category"
        found.append((f"{name} (level)" if found else name, text, kind))
    return found


def _texts(cells: pd.Series) -> np.ndarray:
    return np.asarray(cells.cat.categories, dtype=object)[cells.cat.codes.to_numpy()]


def _or_none(texts: np.ndarray) -> pd.Series:
    return pd.Series([text or None for text in texts], dtype="str")


def _as_text(number: np.ndarray, sign: np.ndarray, signed: np.ndarray) -> np.ndarray:
    distinct, place = np.unique(number, return_inverse=True)
    words = np.array(["" if np.isnan(value) else code_text(value) for value in distinct], dtype=object)
    cells: np.ndarray = words[place]
    cells[signed] = [f"{sign[spot]}{cells[spot]}" if cells[spot] else "" for spot in signed]
    return cells


def ever(source: Source, records: Records, persons: Sequence[str]) -> RawTable:
    """Return a row for each patient: yes where a feature was ever recorded, else no.

    A record with the text "no" says that it was looked for and not found, one with "?" that nobody knows;
    a yes of the same patient outweighs both.

    Parameters
    ----------
    source : Source
        What was read.
    records : Records
        The records; numbers and units play no part.
    persons : sequence of str
        All patients, in their order.
    """
    records = _of_known(source, records, persons)
    frame = records.frame
    place = {person: row for row, person in enumerate(persons)}
    who = np.array([place.get(str(name), -1) for name in frame["id"].cat.categories], dtype=np.int64)
    row = who[frame["id"].cat.codes.to_numpy()]
    names = [str(name) for name in frame["feature"].cat.categories]
    rank = frame["text"].astype("str").map({"no": 0, "?": 1}).fillna(2).to_numpy(dtype=np.int8)
    state = np.zeros((len(persons), len(names)), dtype=np.int8)
    column = frame["feature"].cat.codes.to_numpy()
    np.maximum.at(state, (row, column), rank)
    used = sorted(set(column.tolist()))
    words = np.array(["no", None, "yes"], dtype=object)
    columns = {names[spot]: pd.Series(words[state[:, spot]], dtype="str") for spot in used}
    wide = pd.DataFrame(columns, index=range(len(persons)))
    facts = {names[spot]: {"kind": "yes/no", "label": records.labels.get(names[spot], "")} for spot in used}
    problems = (*records.problems, *_any_date(source, frame))
    ids = np.array(list(persons), dtype=object)
    rows = np.arange(len(ids)) + FIRST_ROW
    return RawTable(source.name, wide, ids, rows, source.id_column, facts, problems=problems)


def _of_known(source: Source, records: Records, persons: Sequence[str]) -> Records:
    """Leave out the records of patients that the table of patients lacks."""
    people = records.frame["id"].cat
    known = people.categories.isin(persons)[people.codes.to_numpy()]
    if known.all():
        return records
    strangers = np.unique(people.codes.to_numpy()[~known]).size
    said = f"{source.name} has records of {strangers} patients that the table of patients lacks"
    return records.where(known, warning(source, "RECORD_PATIENT", said, "Their records were left out."))


def _any_date(source: Source, frame: pd.DataFrame) -> list[Problem]:
    days = sorted(day for day in frame[DATE].unique() if day)
    if not days:
        return []
    message = f"{source.name} counts records of any date ({days[0]} to {days[-1]}), also after the index date"
    remedy = (
        'What came later can give an outcome away: every = true with visits = { summaries = ["visits"], '
        "window = [-3650, 0] } counts only what came before."
    )
    return [warning(source, "RECORD_ANY_DATE", message, remedy)]


def each(source: Source, records: Records, persons: Sequence[str]) -> RawTable:
    """Return a row for each patient and day with a record, "yes" in the columns recorded that day.

    Patients without any record have one row without a date, so that they count as having none.
    """
    records = _of_known(source, records, persons)
    frame = records.frame
    kept = ((frame["text"] != "no") & (frame["text"] != "?")).to_numpy(dtype=bool)
    seen = set(frame["id"][kept])
    absent = [person for person in persons if person not in seen]
    columns = {name: frame[name] for name in ("id", DATE, "feature")}
    told = records_of(
        {
            **{name: column[kept] for name, column in columns.items()},
            "text": np.full(int(kept.sum()), "yes", dtype=object),
            "row": frame["row"][kept].to_numpy(),
        },
        labels=records.labels,
        problems=records.problems,
    )
    table = spread(source, told)
    if not absent or table.ids is None:
        return table
    empty = pd.DataFrame(index=range(len(absent)), columns=table.frame.columns, dtype="str")
    whole = pd.concat([table.frame, empty], ignore_index=True).astype("str")
    ids = np.concatenate([table.ids, np.array(absent, dtype=object)])
    rows = np.concatenate([table.rows, np.full(len(absent), FIRST_ROW)])
    return RawTable(
        table.name, whole, ids, rows, table.id_column, table.features,
        problems=table.problems, time_column=DATE, hidden=table.hidden,
    )  # fmt: skip
