"""The dictionary of features: column, kind, unit, label, levels, limit of detection, reference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from phenotyper.cohort.declaration import DECLARED_KINDS
from phenotyper.cohort.kinds import Feature
from phenotyper.cohort.readers import Source, read_table
from phenotyper.cohort.values import NUMBER, levels_of
from phenotyper.errors import CohortError, Problem, did_you_mean, listed

COLUMNS = ("column", "kind", "unit", "label", "levels", "lod", "reference")
Dictionary = Mapping[str, Feature]


def read_dictionary(name: str, *, path: Path | None = None, table: Any = None) -> Dictionary:
    """Read a dictionary from a file or a DataFrame.

    Raises
    ------
    CohortError
        DICT_COLUMNS, DICT_KIND, DICT_DUP, DICT_LOD, DICT_LEVELS, all at once, or what the reader found.
    """
    read = read_table(Source(name, path, table, id_column=""))
    frame = read.frame.astype("str").fillna("")
    frame.columns = pd.Index([str(column).strip().lower() for column in frame.columns])
    absent = [column for column in ("column", "kind") if column not in frame.columns]
    if absent:
        hint = did_you_mean(absent[0], frame.columns)
        remedy = (
            f"A dictionary has the columns {listed(COLUMNS, most=9)}; only column and kind are needed.{hint}"
        )
        raise CohortError(
            Problem("DICT_COLUMNS", f"{name} lacks the column {listed(absent)}", remedy, where=name)
        )
    frame = frame.loc[:, ~frame.columns.duplicated()].reindex(columns=list(COLUMNS), fill_value="")
    rows = dict(enumerate(read.rows.tolist()))
    entries = [{key: str(cell).strip() for key, cell in entry.items()} for entry in frame.to_dict("records")]
    problems = [
        *_kinds(name, entries, rows),
        *_twice(name, entries, rows),
        *_limits(name, entries, rows),
        *_levels(name, entries, rows),
    ]
    if problems:
        raise CohortError(problems)
    return {entry["column"]: feature_of(entry["column"], entry) for entry in entries if entry["column"]}


def feature_of(name: str, facts: Mapping[str, Any]) -> Feature:
    """Return a feature from the facts of a dictionary row or of an AnnData's var."""
    lod = facts.get("lod")
    return Feature(
        name=name,
        kind=str(facts.get("kind") or ""),
        unit=str(facts.get("unit") or ""),
        label=str(facts.get("label") or ""),
        levels=levels_of(facts.get("levels")),
        lod=math.nan if lod in (None, "") else float(lod),
        reference=str(facts.get("reference") or ""),
    )


def _kinds(name: str, entries: list[dict[str, str]], rows: Mapping[int, int]) -> list[Problem]:
    wrong = {
        place: entry["kind"]
        for place, entry in enumerate(entries)
        if entry["column"] and entry["kind"] not in DECLARED_KINDS
    }
    if not wrong:
        return []
    shown = listed(f'"{kind}"' for kind in dict.fromkeys(wrong.values()))
    hint = did_you_mean(next(iter(wrong.values())), DECLARED_KINDS)
    remedy = f"Kinds are {listed(DECLARED_KINDS, most=20)}.{hint}"
    return [
        Problem(
            "DICT_KIND",
            f"{name} has kinds that are not known: {shown}",
            remedy,
            where=name,
            rows=tuple(rows[place] for place in wrong),
        )
    ]


def _twice(name: str, entries: list[dict[str, str]], rows: Mapping[int, int]) -> list[Problem]:
    times = Counter(entry["column"] for entry in entries)
    twice = {column for column, number in times.items() if number > 1 and column}
    if not twice:
        return []
    found = tuple(rows[place] for place, entry in enumerate(entries) if entry["column"] in twice)
    return [
        Problem(
            "DICT_DUP",
            f"{name} describes {listed(sorted(twice))} more than once",
            "Keep one row a column.",
            where=name,
            rows=found,
        )
    ]


def _limits(name: str, entries: list[dict[str, str]], rows: Mapping[int, int]) -> list[Problem]:
    wrong = [
        place for place, entry in enumerate(entries) if entry["lod"] and not NUMBER.fullmatch(entry["lod"])
    ]
    if not wrong:
        return []
    shown = listed(f'"{entries[place]["lod"]}"' for place in wrong)
    found = tuple(rows[place] for place in wrong)
    return [
        Problem(
            "DICT_LOD",
            f"{name} has limits of detection that are no numbers: {shown}",
            "Give a number, or leave it empty.",
            where=name,
            rows=found,
        )
    ]


def _levels(name: str, entries: list[dict[str, str]], rows: Mapping[int, int]) -> list[Problem]:
    wrong = []
    for place, entry in enumerate(entries):
        levels = levels_of(entry["levels"])
        two = entry["kind"] != "yes/no" or len(levels) == 2
        if levels and (not two or len(set(levels)) < len(levels) or "" in levels):
            wrong.append(place)
    if not wrong:
        return []
    shown = listed(f'{entries[place]["column"]} "{entries[place]["levels"]}"' for place in wrong)
    remedy = (
        'Write each level once, as "none | mild | severe"; a yes/no feature has two, "no-level | yes-level".'
    )
    found = tuple(rows[place] for place in wrong)
    return [
        Problem(
            "DICT_LEVELS", f"{name} has levels that cannot be used: {shown}", remedy, where=name, rows=found
        )
    ]
