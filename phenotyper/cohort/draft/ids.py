"""Which column holds the patient ids, file by file: it tells rows apart, and other files share its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from phenotyper.cohort.draft.look import OWN_IDS, Seen
from phenotyper.cohort.draft.words import FEATURE_NAMES, ID, PATIENT_ID, says, tokens
from phenotyper.cohort.readers import Source, read_table
from phenotyper.cohort.reshape import ANNOTATIONS
from phenotyper.cohort.values import code_text

_LEAST = 2.5
"""Score below which no column is taken as the id."""
_SHARED = 0.5


def with_ids(tables: list[Seen]) -> list[Seen]:
    """Return the tables with their id column, ids and orientation; a table without one has no ids.

    A column scores for its name, for standing first, for having one value a row, and most for sharing values
    with the other files.
    """
    candidates = [_candidates(table) for table in tables]
    everything = [frozenset().union(*found.values()) if found else frozenset() for found in candidates]
    chosen = []
    for place, table in enumerate(tables):
        others = frozenset().union(*(ids for other, ids in enumerate(everything) if other != place))
        if table.ids or OWN_IDS in candidates[place]:
            chosen.append(table.id_column or OWN_IDS)
            continue
        scores = {
            name: _score(table, name, ids, others) for name, ids in candidates[place].items() if len(ids) > 1
        }
        best = max(scores, key=lambda name: scores[name], default="")
        chosen.append(best if best and scores[best] >= _LEAST else "")
    named = [_named(table, column) for table, column in zip(tables, chosen, strict=True)]
    return _turned(named)


def common_id(tables: Iterable[Seen]) -> str:
    """Return the id column that most tables have: what ``id`` at the top says."""
    times = Counter(
        table.id_column for table in tables if table.ids and not table.rows and table.id_column != OWN_IDS
    )
    return max(times, key=lambda name: (times[name], name == "patient_id"), default="")


def _candidates(table: Seen) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for place, name in enumerate(table.places):
        likely = place < 3 or says(name, ID)
        if not likely and (name in table.floats or len(found) > 20):
            continue
        cells = table.cells(name)
        if not likely and cells.nunique() < len(cells):
            continue
        if not _whole(cells):
            continue
        found[name] = frozenset(code_text(cell) for cell in cells.dropna().unique())
    return found


def _whole(cells: pd.Series) -> bool:
    """Tell whether cells may be ids: texts or whole numbers, not measurements."""
    if cells.dtype != np.float64:
        return not cells.dropna().astype(str).str.fullmatch(r"\s*[+-]?\d*[.,]\d*[1-9]\d*\s*").mean() > 0.3
    values = cells.dropna().to_numpy()
    return bool(len(values) and np.isfinite(values).all() and (values == np.floor(values)).all())


def _score(table: Seen, name: str, ids: frozenset[str], others: frozenset[str]) -> float:
    parts = tokens(name)
    score = 2.0 if "".join(parts) in PATIENT_ID else 0.0
    score += 1.5 if not ID.isdisjoint(parts) or not PATIENT_ID.isdisjoint(parts) else 0.0
    score += 1.0 if table.frame.columns[0] == name else 0.0
    score += 1.0 if name == "(column 1)" else 0.0
    score += 1.5 if len(ids) == len(table.frame) else 0.0
    text = table.frame.columns[0] == name or any(
        not code.replace(".", "").isdigit() for code in list(ids)[:5]
    )
    return score + (4.0 * len(ids & others) / len(ids) if text or score >= 2.5 else 0.0)


def _named(table: Seen, column: str) -> Seen:
    if not column or table.ids:
        return table
    cells = table.cells(column)
    if cells.dtype == np.float64 and table.path is not None and column != OWN_IDS:
        source = Source(
            table.file, table.path, id_column=column, text_columns=frozenset(),
            delimiter=table.delimiter, decimal=table.decimal, part=table.part,
        )  # fmt: skip
        read = read_table(source)
        if read.ids is not None:
            cells = pd.Series(read.ids, dtype="str")
    ids = tuple("" if pd.isna(cell) else str(cell) for cell in cells)
    return replace(table, id_column=column, ids=ids)


def _turned(tables: list[Seen]) -> list[Seen]:
    """Find matrices whose columns are the patients of other tables, or whose rows are named as features."""
    found = []
    for table in tables:
        if table.format:
            found.append(table)
            continue
        others = frozenset().union(*(other.patients for other in tables if other is not table))
        columns = [name for name in table.frame.columns[1:] if name.casefold() not in ANNOTATIONS]
        hits = sum(name in others for name in columns)
        by_name = (
            says(table.frame.columns[0], FEATURE_NAMES) and len(columns) > 3 and not others & table.patients
        )
        if (hits >= 2 and hits >= _SHARED * len(columns) and not others & table.patients) or (
            by_name and all(dtype == np.float64 for dtype in table.frame.dtypes.iloc[1:])
        ):
            table = _as_features(table, columns)
        found.append(table)
    return found


def _as_features(table: Seen, columns: list[str]) -> Seen:
    first = table.frame.columns[0]
    columns = [name for name in columns if name.casefold() not in ANNOTATIONS]
    numbers = table.frame[columns].to_numpy().T
    names = [str(name) for name in table.frame[first].fillna("")]
    turned = pd.DataFrame(numbers, columns=pd.Index(names, dtype="str"))
    if any(dtype != np.float64 for dtype in table.frame[columns].dtypes):
        turned = turned.astype("str").where(turned.notna())
    frame = pd.concat([pd.Series(columns, name=first, dtype="str"), turned], axis=1)
    return replace(table, frame=frame, id_column=str(first), rows="features", ids=tuple(columns))


def repeats(table: Seen) -> int:
    """Return how many patients stand on more than one row."""
    return sum(times > 1 for text, times in Counter(table.ids).items() if text)
