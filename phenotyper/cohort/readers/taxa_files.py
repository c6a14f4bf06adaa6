"""The rows of a table of taxa, under whatever lines of comment its program has put above the header."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import RawTable, Source, plain_table
from phenotyper.cohort.readers.frames import index_as_column

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_FIRST_NAMES = {"clade_name", "id", "otu id", "feature id", "taxon"}


def key_of_column(name: str) -> str:
    """Return the name of a column without "#", spaces around it and case."""
    return name.strip().lstrip("#").casefold()


def taxa_rows(source: Source) -> RawTable:
    """Read the table under its header; lines of comment above it are passed over."""
    if source.path is None or not source.path.name.lower().removesuffix(".gz").endswith(_TEXT):
        source = index_as_column(source)
        return _named(source, plain_table(source, text_columns=frozenset()))
    lines = _lines(source.path)
    start = _header_line(lines, source)
    head = next(csv.reader([lines[start]], delimiter=_delimiter(source)), []) if lines else []
    first = (head[0].strip() if head else "") or "(column 1)"
    if not start:
        return plain_table(source, text_columns=frozenset({first}))
    with tempfile.TemporaryDirectory(prefix="phenotyper-taxa-") as folder:
        path = Path(folder) / source.path.name.removesuffix(".gz")
        path.write_text("".join(lines[start:]), encoding="utf-8", newline="")
        read = plain_table(replace(source, path=path), text_columns=frozenset({first}))
    return replace(read, rows=read.rows + start)


def _named(source: Source, read: RawTable) -> RawTable:
    """Return the table with its first column as text, ids of a table in memory put there."""
    if read.ids is not None:
        frame = read.frame.copy()
        frame.insert(0, "(taxon)", pd.Series(read.ids, dtype="str"))
        return replace(read, frame=frame, ids=None)
    first = str(read.frame.columns[0])
    if read.frame.iloc[:, 0].dtype == np.float64:
        return plain_table(source, text_columns=frozenset({first}))
    return read


def _delimiter(source: Source) -> str:
    return source.delimiter or ("," if ".csv" in source.file.name.lower()[-7:] else "\t")


def _lines(path: Path) -> list[str]:
    """Return the lines of a text; none when it is no text, which the reader of the file says better."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.name.lower().endswith(".gz") else path.read_bytes()
        return io.StringIO(data.decode("utf-8-sig"), newline="").readlines()
    except (UnicodeDecodeError, OSError, EOFError, zlib.error):
        return []


def _header_line(lines: Sequence[str], source: Source) -> int:
    """Return the line of the header: the last one with "#" if it names each column, else the next."""
    after = next((place for place, line in enumerate(lines) if not line.startswith("#")), 0)
    if after == 0:
        return 0
    last, first = (
        next(csv.reader([lines[after - 1]], delimiter=_delimiter(source)), []),
        next(csv.reader([lines[after]], delimiter=_delimiter(source)), []),
    )
    own = key_of_column(first[0] if first else "") in _FIRST_NAMES
    return after - 1 if len(last) == len(first) > 1 and not own else after
