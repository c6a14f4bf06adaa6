"""What every reader takes and gives, and the registries of readers by file ending and by format."""

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
        The file, or the folder where a format is one; None for a table in memory.
    table : object
        The DataFrame or AnnData in memory.
    id_column : str
        Column of the patient ids; empty: the table has none.
    missing_codes : tuple of str
        Cells that mean "missing" beside the empty one.
    text_columns : frozenset of str or None
        Columns whose text must stay as it stands in the file (levels, dates, codes); None: all of them.
    delimiter, decimal : str
        As declared; empty for the usual.
    part : str
        Which sheet, modality, table or resource of the file; empty for the only one.
    format : str
        Name of the format; empty: the ending says it.
    options : mapping of str to object
        What the format asks for beside, as declared.
    home : Path or None
        Folder that further files of the format (``ontology = "hp.json"``) start from.
    others : mapping of str to object
        Further files that were given in memory, by the name that ``options`` holds.
    progress : callable or None
        Called with (bytes done, bytes in all) now and then.
    """

    name: str
    path: Path | None = None
    table: Any = None
    id_column: str = "patient_id"
    missing_codes: tuple[str, ...] = ()
    text_columns: frozenset[str] | None = None
    delimiter: str = ""
    decimal: str = ""
    part: str = ""
    format: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    home: Path | None = None
    others: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[int, int], None] | None = None

    @property
    def file(self) -> Path:
        """The file; a table in memory has none."""
        if self.path is None:
            message = f"{self.name} is not a file"
            raise TypeError(message)
        return self.path

    def beside(self, option: str) -> Source | None:
        """Return the further file that an option names, to be read as a plain table; None when not given."""
        name = self.options.get(option)
        if not name:
            return None
        if name in self.others:
            return Source(name, table=self.others[name], id_column="", missing_codes=self.missing_codes)
        path = (self.home or Path()) / Path(name).expanduser()
        return Source(str(name), path, id_column="", missing_codes=self.missing_codes)


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
    problems : tuple of Problem
        What the reader noticed, or left out, and a person should know.
    limits : ndarray of float64, shape (n, p), or None
        Limit of detection of each cell where the file gives one (NaN = none), columns as in ``frame``.
    time_column : str
        Column that says when a row was measured, in files with many rows a patient; never a feature.
    hidden : frozenset of str
        Columns that serve to read the table and are never features unless named in ``columns``.
    """

    name: str
    frame: pd.DataFrame
    ids: np.ndarray | None
    rows: np.ndarray
    id_column: str
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decimal: str = "."
    problems: tuple[Problem, ...] = ()
    limits: np.ndarray | None = None
    time_column: str = ""
    hidden: frozenset[str] = frozenset()

    def keep(self, chosen: np.ndarray) -> RawTable:
        """Return the table with only the chosen patients (a mask or positions)."""
        ids = None if self.ids is None else self.ids[chosen]
        limits = None if self.limits is None else self.limits[chosen]
        frame = self.frame.iloc[chosen].reset_index(drop=True)
        return replace(self, frame=frame, ids=ids, rows=self.rows[chosen], limits=limits)

    def with_ids_as(self, ids: np.ndarray) -> RawTable:
        """Return the table with ids written another way."""
        return replace(self, ids=ids)


Reader = Callable[[Source], RawTable]
Check = Callable[[Any], Any]


@dataclass(frozen=True)
class Format:
    """One way to read a file.

    Parameters
    ----------
    read : callable
        Source to RawTable.
    endings : tuple of str
        Endings of its files; for a named format those that it is recommended for.
    name : str
        Value of ``format`` in cohort.toml; empty: the ending decides.
    options : mapping of str to callable
        Further keys in cohort.toml and the check of each (see ``cohort/parsing.py``).
    files : tuple of str
        Those options that name a further file.
    folder : bool
        Whether ``file`` may be a folder.
    parts : callable or None
        Path to the names of the sheets, modalities or tables of a file.
    patients_part : str
        The part that is the table of patients, where a file holds both; taken for ``[patients]``.
    """

    read: Reader
    endings: tuple[str, ...] = ()
    name: str = ""
    options: Mapping[str, Check] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    folder: bool = False
    parts: Callable[[Path], list[str]] | None = None
    patients_part: str = ""


READERS: dict[str, Format] = {}
"""By file ending."""
FORMATS: dict[str, Format] = {}
"""By name, as ``format`` in cohort.toml gives it."""
CONVERT: dict[str, str] = {}
"""What to do with files that are known and not read, by file ending."""


def reads(
    *endings: str, parts: Callable[[Path], list[str]] | None = None, patients_part: str = ""
) -> Callable[[Reader], Reader]:
    """Register a reader for file endings (``.csv``, ``.csv.gz``)."""

    def register(reader: Reader) -> Reader:
        READERS.update(
            dict.fromkeys(endings, Format(reader, endings, parts=parts, patients_part=patients_part))
        )
        return reader

    return register


def reads_format(
    name: str,
    *,
    options: Mapping[str, Check] | None = None,
    files: tuple[str, ...] = (),
    folder: bool = False,
    endings: tuple[str, ...] = (),
    parts: Callable[[Path], list[str]] | None = None,
    patients_part: str = "",
) -> Callable[[Reader], Reader]:
    """Register a reader for ``format = name``; its options become keys of cohort.toml."""

    def register(reader: Reader) -> Reader:
        FORMATS[name] = Format(reader, endings, name, options or {}, files, folder, parts, patients_part)
        return reader

    return register


def ending_of(name: str) -> str:
    """Return the longest known ending of a file name, or an empty text."""
    endings = sorted(READERS, key=len, reverse=True)
    return next((ending for ending in endings if name.lower().endswith(ending)), "")


def format_of(source: Source) -> Format:
    """Return how a source is read: by its format, else by its ending.

    Raises
    ------
    CohortError
        FILE_TYPE when there is no such way.
    """
    if source.format:
        return FORMATS[source.format]
    name = source.file.name
    if ending := ending_of(name):
        return READERS[ending]
    named = [form.name for form in FORMATS.values() if form.endings and name.lower().endswith(form.endings)]
    if told := [remedy for ending, remedy in CONVERT.items() if name.lower().endswith(ending)]:
        remedy = told[0]
    elif named:
        remedy = f"Say what it is: format = {listed((f'"{form}"' for form in named), most=9)}."
    else:
        remedy = f"Give one of {listed(sorted(READERS), most=40)}."
    raise CohortError(Problem("FILE_TYPE", f"{name} has an ending that is not read", remedy, where=name))


def parts_of(path: Path, *, form: str = "") -> list[str]:
    """Return the sheets, modalities or tables of a file; none where a file is one table."""
    known = FORMATS.get(form) or READERS.get(ending_of(path.name))
    return [] if known is None or known.parts is None else known.parts(path)


def read_table(source: Source) -> RawTable:
    """Read one table from a file or from memory.

    Raises
    ------
    CohortError
        FILE_ABSENT, FILE_TYPE, or what the reader found.
    """
    if source.path is None:
        if source.format:
            return FORMATS[source.format].read(source)
        from phenotyper.cohort.readers.memory import read_memory

        return read_memory(source)
    folder = bool(source.format) and FORMATS[source.format].folder
    require_file(source.path, folder=folder)
    return format_of(source).read(source)


def plain_table(
    source: Source, *, id_column: str = "", text_columns: frozenset[str] | None = None
) -> RawTable:
    """Read a source as a plain table, by its ending: what a named format starts from.

    Parameters
    ----------
    source : Source
        Its format is left aside.
    id_column : str
        Column of ids; by default every column is a column.
    text_columns : frozenset of str or None
        Columns to keep as text; None: all of them.
    """
    return read_table(replace(source, format="", options={}, id_column=id_column, text_columns=text_columns))


def require_file(path: Path, *, folder: bool = False) -> None:
    """Raise ``FILE_ABSENT`` with the nearest name in the folder when a file is not there."""
    if path.is_file() or (folder and path.is_dir()):
        return
    home = path.parent
    if not home.is_dir():
        remedy = f"The folder {home} does not exist: correct folder or file."
    else:
        names = sorted(entry.name for entry in home.iterdir() if folder or entry.is_file())
        remedy = did_you_mean(path.name, names).strip() or f"{home} holds {listed(names) or 'no file'}."
    raise CohortError(Problem("FILE_ABSENT", f"{path.name} is not in {home}", remedy, where=path.name))


def file_problem(
    source: Source, code: str, message: str, remedy: str, *, rows: tuple[int, ...] = ()
) -> CohortError:
    """Return the error that a file as a whole is wrong."""
    return CohortError(Problem(code, f"{source.name} {message}", remedy, where=source.name, rows=rows))
