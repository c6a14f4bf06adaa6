"""What stands in the files of a folder: every table, every column, and facts of each."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.foreign import form_of
from phenotyper.cohort.draft.words import ID, says
from phenotyper.cohort.readers import Source, read_table
from phenotyper.cohort.readers.contract import READERS, ending_of, parts_of
from phenotyper.cohort.values import NUMBER, code_text
from phenotyper.errors import PhenotyperError

DELIMITED = (".csv", ".tsv", ".tab", ".txt")
_NEVER = re.compile(
    r"readme|licen[cs]e|changelog|\.md$|\.rst$|\.toml$|\.pdf$|\.docx?$|\.html?$|^\.|~$", re.IGNORECASE
)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_DATA = re.compile(
    r"\.(json|rds|rdata|rda|h5|hdf5|ods|zip|vcf|vcf\.gz|mtx|loom|xml|mdb|sqlite|db)$", re.IGNORECASE
)
TAXA_HEADS = ("# Constructed from biom", "#mpa_")
OWN_IDS = "(ids)"
"""Stands for the ids of files that keep them apart from the columns."""


@dataclass(frozen=True)
class Seen:
    """One table of the folder.

    Parameters
    ----------
    file, part : str
        File name and, where it has several, the sheet or modality.
    frame : DataFrame
        All columns, ids included; float64 or text.
    delimiter, decimal : str
        What cohort.toml must say; empty for the usual.
    facts : mapping
        What the file itself says of its columns (kind, unit, levels).
    id_column : str
        Column of the patient ids, once found.
    rows : str
        "features" for a matrix with features as rows.
    ids : tuple of str
        Patient ids, once found, one a row (one a column where rows are features).
    """

    file: str
    part: str
    frame: pd.DataFrame
    delimiter: str = ""
    decimal: str = ""
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    id_column: str = ""
    rows: str = ""
    ids: tuple[str, ...] = ()
    path: Path | None = None
    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further keys of the format."""
    hidden: frozenset[str] = frozenset()
    """Columns that the format keeps for reading, and that are no features."""
    samples: Mapping[str, str] = field(default_factory=dict)
    """Where its ids are samples: file, sample and patient of the table that names their patients."""
    patients_side: bool = False
    """Whether it is the table of patients of a file that holds features as well."""

    @property
    def label(self) -> str:
        """The table as people know it."""
        if self.patients_side:
            return f"{self.file} [patients]"
        return f"{self.file} [{self.part}]" if self.part else self.file

    @property
    def names(self) -> list[str]:
        """Names of the columns but the id's."""
        return [name for name in dict.fromkeys(self.frame.columns) if name != self.id_column]

    @property
    def patients(self) -> frozenset[str]:
        """The distinct patient ids."""
        return frozenset(self.ids) - {""}

    def columns(self, names: Iterable[str] | None = None) -> dict[str, Column]:
        """Return columns with facts; a name that stands twice counts once."""
        return {
            name: Column(name, functools.partial(self.cells, name))
            for name in (self.names if names is None else names)
        }

    def cells(self, name: str) -> pd.Series:
        """Return one column, the first of its name."""
        return self.frame.iloc[:, self.places[name]]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each column stands, the first of its name."""
        found: dict[str, int] = {}
        for place, name in enumerate(self.frame.columns):
            found.setdefault(name, place)
        return found

    @cached_property
    def floats(self) -> frozenset[str]:
        """Columns that hold numbers only."""
        dtypes = self.frame.dtypes.to_numpy()
        return frozenset(name for name, place in self.places.items() if dtypes[place] == np.float64)

    def matrix(self, names: Iterable[str]) -> np.ndarray:
        """Return number columns as an array."""
        return self.frame.iloc[:, [self.places[name] for name in names]].to_numpy()

    def without(self, codes: Iterable[str]) -> Seen:
        """Return the table with missing codes gone (never among the ids)."""
        codes = {code_text(code) for code in codes}
        values = [float(code) for code in codes if NUMBER.fullmatch(code)]
        parts: dict[int, pd.Series] = {}
        if not codes:
            return self
        for place, name in enumerate(self.frame.columns):
            if name == self.id_column or (name in self.floats and not values):
                continue
            cells = self.frame.iloc[:, place]
            if cells.dtype == np.float64:
                hit = np.isin(cells.to_numpy(), values)
            else:
                gone = [text for text in cells.dropna().unique() if code_text(text) in codes]
                hit = cells.isin(gone).to_numpy()
            if hit.any():
                parts[place] = cells.mask(hit)
        if not parts:
            return self
        series = [parts.get(place, self.frame.iloc[:, place]) for place in range(self.frame.shape[1])]
        frame = pd.concat(series, axis=1)
        frame.columns = self.frame.columns
        return replace(self, frame=frame)


@dataclass(frozen=True)
class Unread:
    """A file that was not read, and why."""

    file: str
    reason: str
    remedy: str = ""


def why(file: str, error: PhenotyperError) -> Unread:
    """Return a file that was refused, with the reason and the remedy as one reads them after its name."""
    problem = error.problems[0]
    rest = re.sub(rf"^{re.escape(file)}(?: \[[^\]]*\])? ", "it ", problem.message)
    return Unread(file, rest, problem.remedy)


def look(folder: Path) -> tuple[list[Seen], list[Unread]]:
    """Read every table of a folder (not of the folders in it); what cannot be read is listed."""
    seen: list[Seen] = []
    unread: list[Unread] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or _NEVER.search(path.name):
            continue
        if not ending_of(path.name):
            if _DATA.search(path.name) and not form_of(path):
                unread.append(Unread(path.name, "its ending is not read", "Export it as CSV."))
            continue
        if head := _taxa_head(path):
            seen.append(Seen(path.name, "", pd.DataFrame({head: pd.Series(dtype="str")}), path=path))
            continue
        try:
            seen += [_read(path, part) for part in _parts(path)]
            if side := READERS[ending_of(path.name)].patients_part:
                seen.append(replace(_read(path, side), part="", patients_side=True))
        except PhenotyperError as error:
            unread.append(why(path.name, error))
        except (OSError, ValueError, KeyError) as error:
            unread.append(Unread(path.name, f"could not be read ({type(error).__name__})"))
    return seen, unread


def _taxa_head(path: Path) -> str:
    """Return the first line of a table of taxa that begins with a comment, as BIOM and MetaPhlAn write it."""
    if not path.name.lower().removesuffix(".gz").endswith(DELIMITED):
        return ""
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            line = file.readline(200).decode("utf-8", errors="replace").strip()
    except (OSError, EOFError):
        return ""
    return line if line.startswith(TAXA_HEADS) else ""


def _parts(path: Path) -> list[str]:
    """Return the sheets or modalities to read; of a file of one matrix in several forms, the usual one."""
    side = READERS[ending_of(path.name)].patients_part
    if path.name.lower().endswith(".h5ad"):
        return [""]
    found = [part for part in parts_of(path) if part != side]
    return found if len(found) > 1 else [""]


def _read(path: Path, part: str) -> Seen:
    delimiter, decimal, names = _sniffed(path)
    texts = frozenset(name for place, name in enumerate(names) if place == 0 or says(name, ID))
    source = Source(
        path.name,
        path,
        id_column="patient_id" if READERS[ending_of(path.name)].patients_part else "",
        text_columns=texts if names else frozenset(),
        delimiter=delimiter,
        decimal=decimal,
        part=part,
    )
    table = read_table(source)
    frame = table.frame
    if table.ids is not None:
        frame = pd.concat([pd.Series(table.ids, name=OWN_IDS, dtype="str"), frame], axis=1)
    if not names:
        frame = _numbers_where_possible(frame)
    return Seen(path.name, part, frame, delimiter, decimal, table.features, path=path)


def _numbers_where_possible(frame: pd.DataFrame) -> pd.DataFrame:
    """Make text columns of numbers float64, but for the first and those named as ids."""
    parts = []
    for place, name in enumerate(frame.columns):
        cells = frame.iloc[:, place]
        if cells.dtype != np.float64 and place > 0 and not says(str(name), ID):
            known = cells.dropna().unique()
            if len(known) and all(NUMBER.fullmatch(str(text).strip()) for text in known):
                cells = cells.astype(np.float64)
        parts.append(cells)
    joined = pd.concat(parts, axis=1) if parts else frame
    joined.columns = pd.Index([str(name) for name in frame.columns])
    return joined


def _sniffed(path: Path) -> tuple[str, str, list[str]]:
    """Return delimiter and decimal mark where they are not the usual ones, and the header, of a text file."""
    name = path.name.lower().removesuffix(".gz")
    if not name.endswith(DELIMITED):
        return "", "", []
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            lines = [line for line in itertools.islice(text, 25) if line.strip()]
    except (OSError, EOFError, UnicodeError):
        return "", "", []
    usual = "," if name.endswith(".csv") else "\t"
    best = max((usual, ",", ";", "\t", "|"), key=lambda mark: _width(lines, mark))
    best = usual if _width(lines, best) <= _width(lines, usual) else best
    rows = list(csv.reader(lines, delimiter=best))
    header = (
        [cell.strip() or f"(column {place})" for place, cell in enumerate(rows[0], start=1)] if rows else []
    )
    cells = [cell.strip() for row in rows[1:] for cell in row[:2000]]
    commas = sum(bool(_COMMA_NUMBER.fullmatch(cell)) for cell in cells)
    points = sum(bool(re.fullmatch(r"[+-]?\d+\.\d+", cell)) for cell in cells)
    return "" if best == usual else best, "," if commas > points else "", header


def _width(lines: list[str], mark: str) -> int:
    """Return how many columns a mark parts every line into; 0 when the lines differ."""
    try:
        widths = {len(row) for row in csv.reader(lines, delimiter=mark)}
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0
