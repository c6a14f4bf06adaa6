"""What every reader takes and gives, and the registry of readers by file ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.errors import CohortError, Problem, did_you_mean, listed

FIRST_ROW = 2
"""Spreadsheet row of the first patient; the header is row 1."""


@dataclass(frozen=True)
class Source:
    """What is to be read, and how.

    Parameters
    ----------
    name : str
        The table as people know it: ``labs.csv``, ``all.h5mu [rna]``.
    path : Path or None
        The file; None for a table in memory.
    table : object
        The DataFrame or AnnData in memory.
    id_column : str
        Column of the patient ids.
    missing_codes : tuple of str
        Cells that mean "missing" beside the empty one.
    text_columns : frozenset of str or None
        Columns whose text must stay as it stands in the file (levels, dates, codes); None: all of them.
    delimiter, decimal, modality : str
        As declared; empty for the usual.
    """

    name: str
    path: Path | None = None
    table: Any = None
    id_column: str = "patient_id"
    missing_codes: tuple[str, ...] = ()
    text_columns: frozenset[str] | None = None
    delimiter: str = ""
    decimal: str = ""
    modality: str = ""

    @property
    def file(self) -> Path:
        """The file; a table in memory has none."""
        if self.path is None:
            message = f"{self.name} is not a file"
            raise TypeError(message)
        return self.path


@dataclass(frozen=True)
class RawTable:
    """One table as read: nothing dropped, nothing repaired.

    Parameters
    ----------
    name : str
        The table as people know it.
    frame : DataFrame
        All columns but the id, names as in the file (a name may occur twice). A column is float64 or text
        (``str``); NaN = missing.
    ids : ndarray of str or None
        Patient ids as read, "" where empty; None when the id column is absent.
    rows : ndarray of int
        Spreadsheet row of each patient.
    id_column : str
        Where the ids were looked for.
    features : mapping of str to mapping
        What the file itself says of a column: kind, unit, label, levels, lod, reference.
    decimal : str
        Decimal mark of numbers in text columns.
    """

    name: str
    frame: pd.DataFrame
    ids: np.ndarray | None
    rows: np.ndarray
    id_column: str
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decimal: str = "."

    def keep(self, chosen: np.ndarray) -> RawTable:
        """Return the table with only the chosen patients (a mask or positions)."""
        ids = None if self.ids is None else self.ids[chosen]
        return replace(
            self, frame=self.frame.iloc[chosen].reset_index(drop=True), ids=ids, rows=self.rows[chosen]
        )

    def with_ids_as(self, ids: np.ndarray) -> RawTable:
        """Return the table with ids written another way."""
        return replace(self, ids=ids)


Reader = Callable[[Source], RawTable]
READERS: dict[str, Reader] = {}


def reads(*endings: str) -> Callable[[Reader], Reader]:
    """Register a reader for file endings (``.csv``, ``.csv.gz``)."""

    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(endings, reader))
        return reader

    return register


def reader_of(path: Path) -> Reader:
    """Return the reader for a file's ending.

    Raises
    ------
    CohortError
        FILE_TYPE when there is none.
    """
    name = path.name.lower()
    for ending in sorted(READERS, key=len, reverse=True):
        if name.endswith(ending):
            return READERS[ending]
    raise CohortError(
        Problem(
            "FILE_TYPE",
            f"{path.name} has an ending that is not read",
            f"Give one of {listed(sorted(READERS), most=20)}.",
            where=path.name,
        )
    )


def read_table(source: Source) -> RawTable:
    """Read one table from a file or from memory.

    Raises
    ------
    CohortError
        FILE_ABSENT, FILE_TYPE, or what the reader found.
    """
    if source.path is None:
        from phenotyper.cohort.readers.memory import read_memory

        return read_memory(source)
    require_file(source.path)
    return reader_of(source.path)(source)


def require_file(path: Path) -> None:
    """Raise ``FILE_ABSENT`` with the nearest name in the folder when a file is not there."""
    if path.is_file():
        return
    folder = path.parent
    if not folder.is_dir():
        remedy = f"The folder {folder} does not exist: correct folder or file."
    else:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
        remedy = did_you_mean(path.name, names).strip() or f"{folder} holds {listed(names) or 'no file'}."
    raise CohortError(Problem("FILE_ABSENT", f"{path.name} is not in {folder}", remedy, where=path.name))


def file_problem(
    source: Source, code: str, message: str, remedy: str, *, rows: tuple[int, ...] = ()
) -> CohortError:
    """Return the error that a file as a whole is wrong."""
    return CohortError(Problem(code, f"{source.name} {message}", remedy, where=source.name, rows=rows))
