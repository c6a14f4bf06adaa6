"""Columns as a reader has them, to a table: ids apart, numbers in one matrix, texts beside."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem
from phenotyper.cohort.values import NUMBER, code_text, numbers_of, without_missing
from phenotyper.errors import Problem

_INSERTED = 50
Column = tuple[str, np.ndarray | pd.Series]
"""A name, and float64 or text cells (NaN = missing)."""


def stays_text(source: Source, name: str) -> bool:
    """Tell whether a column is to be read as text: the id, and those asked for."""
    return name == source.id_column or source.text_columns is None or name in source.text_columns


def text_column(cells: Iterable[str | None], source: Source) -> pd.Series:
    """Return cells as text, NaN where a cell is empty or a missing code."""
    return without_missing(pd.Series(list(cells), dtype="str"), source.missing_codes)


def number_codes(source: Source) -> list[float]:
    """Return the missing codes that are numbers."""
    return [float(code_text(code)) for code in source.missing_codes if NUMBER.fullmatch(code.strip())]


def without_codes(values: np.ndarray, source: Source) -> np.ndarray:
    """Return numbers with NaN for the missing codes that are numbers."""
    codes = number_codes(source)
    return np.where(np.isin(values, codes), np.nan, values) if codes else values


def joined(matrix: np.ndarray, numeric: list[int], texts: Mapping[int, pd.Series]) -> pd.DataFrame:
    """Return numbers and texts as one frame in the order of their positions.

    The matrix is not copied unless there are many texts: then they take the room anyway.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, k)
        Its columns stand at the positions ``numeric``, ascending.
    texts : mapping of int to Series
        By position.
    """
    frame = pd.DataFrame(matrix, columns=numeric, copy=False)
    order = sorted([*numeric, *texts])
    if len(texts) > _INSERTED:
        both = pd.concat([frame, pd.DataFrame(texts, index=frame.index)], axis=1)
        return both if list(both.columns) == order else both[order]
    for position in sorted(texts):
        frame.insert(bisect_left(order, position), position, texts[position])
    return frame


def table_of(
    source: Source,
    columns: Iterable[Column],
    *,
    width: int,
    rows: np.ndarray | None = None,
    features: Mapping[str, Mapping[str, Any]] | None = None,
    problems: Iterable[Problem] = (),
) -> RawTable:
    """Put columns together; the first one called as the id column becomes the ids.

    Parameters
    ----------
    source : Source
        Says the id column and the decimal mark.
    columns : iterable of (str, ndarray or Series)
        Of one length n; missing codes have been taken out, but for the ids, which are text as they stand.
    width : int
        The most columns that there can be.
    rows : ndarray of int, shape (n,), or None
        Spreadsheet rows; by default from 2 on.
    features : mapping of str to mapping or None
        What the file says of its columns; may be filled while ``columns`` are gone through.
    problems : iterable of Problem
        What the reader noticed.

    Raises
    ------
    CohortError
        FILE_EMPTY when there is no patient.
    """
    ids: np.ndarray | None = None
    names: list[str] = []
    numeric: list[int] = []
    texts: dict[int, pd.Series] = {}
    matrix = np.empty((0, width))
    for name, cells in columns:
        if not names and ids is None:
            matrix = np.empty((len(cells), width), dtype=np.float64, order="F")
        if ids is None and source.id_column and name == source.id_column:
            ids = _id_texts(cells)
            continue
        if isinstance(cells, pd.Series):
            texts[len(names)] = cells.reset_index(drop=True)
        else:
            matrix[:, len(numeric)] = cells
            numeric.append(len(names))
        names.append(name)
    if not len(matrix):
        raise file_problem(source, "FILE_EMPTY", "holds no patients", "Give a file with one row a patient.")
    frame = joined(matrix[:, : len(numeric)], numeric, texts)
    frame.columns = pd.Index(names, dtype="str")
    return RawTable(
        source.name, frame, ids, np.arange(len(matrix)) + FIRST_ROW if rows is None else rows,
        source.id_column, features or {}, source.decimal or ".", tuple(problems),
    )  # fmt: skip


def _id_texts(cells: np.ndarray | pd.Series) -> np.ndarray:
    return pd.Series(cells).astype("str").fillna("").to_numpy(dtype=object)


def index_as_column(source: Source) -> Source:
    """Return the source of a DataFrame with its index, where that names the rows, as the first column."""
    table = source.table
    if not isinstance(table, pd.DataFrame) or isinstance(table.index, pd.MultiIndex):
        return source
    if table.index.name is None and table.index.dtype.kind in "iu":
        return source
    name = str(table.index.name or "(feature)")
    return replace(source, table=table.rename_axis(name).reset_index())


def with_problems(table: RawTable, problems: Iterable[Problem]) -> RawTable:
    """Return the table with further problems noted."""
    return replace(table, problems=(*table.problems, *problems))


def transposed(read: RawTable, *, as_text: np.ndarray | None = None) -> pd.DataFrame:
    """Return the frame of a table turned: a feature (a row of the file) is numbers where all its cells are.

    Parameters
    ----------
    read : RawTable
        Features as rows; columns of numbers or text.
    as_text : ndarray of bool, or None
        Features that stay text.
    """
    frame = read.frame
    if (as_text is None or not as_text.any()) and all(dtype == np.float64 for dtype in frame.dtypes):
        return pd.DataFrame(frame.to_numpy().T, copy=False)
    numbers = np.empty(frame.shape, dtype=np.float64)
    wordy = np.zeros(len(frame), dtype=bool) if as_text is None else as_text.copy()
    for place in range(frame.shape[1]):
        cells = frame.iloc[:, place]
        numbers[:, place], wrong = numbers_of(cells, np.arange(len(frame)), decimal=read.decimal)
        wordy[[row for rows in wrong.values() for row in rows]] = True
    plain, rest = np.flatnonzero(~wordy), np.flatnonzero(wordy).tolist()
    found = pd.DataFrame(np.ascontiguousarray(numbers[plain].T), columns=plain)
    if not rest:
        return found
    words = {
        row: pd.Series([_cell(cell, read.decimal) for cell in frame.iloc[row].tolist()], dtype="str")
        for row in rest
    }
    both = pd.concat([found, pd.DataFrame(words, index=found.index)], axis=1)
    return both[list(range(len(frame)))]


def _cell(cell: Any, decimal: str) -> str | None:
    if pd.isna(cell):
        return None
    return cell if isinstance(cell, str) else code_text(cell).replace(".", decimal)
