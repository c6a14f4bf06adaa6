"""The first lines of a file, before it is read: its delimiter, told by names that its header holds."""

from __future__ import annotations

import contextlib
import csv
import gzip
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, cast

import pandas as pd

from phenotyper.cohort.readers.contract import Source

_TEXT = re.compile(r"\.(?:csv|tsv|tab|txt)(?:\.gz)?$", re.IGNORECASE)
_MARKS = (",", ";", "\t", "|")


def key_of(name: object) -> str:
    """Return the name of a column without case, spaces and signs.

    Examples
    --------
    >>> key_of("Variable / Field Name"), key_of("Sample_Type")
    ('variablefieldname', 'sampletype')
    """
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def with_delimiter(source: Source, names: Collection[str]) -> Source:
    """Return the source with the delimiter at which its header holds one of the names; declared ones stay.

    Parameters
    ----------
    source : Source
        The file; a table in memory, or a file that is no text, comes back as it is.
    names : collection of str
        Names as :func:`key_of` writes them.
    """
    if source.delimiter or source.path is None or not _TEXT.search(source.path.name):
        return source
    for line in islice(_lines(source), 1):
        for mark in _MARKS:
            cells = next(csv.reader([line], delimiter=mark), [])
            if {key_of(cell) for cell in cells} & set(names):
                return replace(source, delimiter=mark)
    return source


def first_rows(source: Source, *, most: int = 8) -> list[list[str]]:
    """Return the first rows of text, of a sheet or of a table in memory, cells as text.

    Text is split at the usual delimiters alike: what is wanted is which words stand there.
    """
    if isinstance(source.table, pd.DataFrame):
        rows = [list(source.table.columns), *source.table.head(most).to_numpy(dtype=object).tolist()]
    elif source.path is None:
        return []
    elif _TEXT.search(source.path.name):
        return [
            [cell.strip(' "') for cell in re.split(r"[,;\t|]", line)] for line in islice(_lines(source), most)
        ]
    elif source.path.suffix.lower() == ".xlsx":
        rows = _sheet_rows(source, most)
    else:
        return []
    return [["" if cell is None else str(cell).strip() for cell in row] for row in rows]


def _lines(source: Source) -> Iterator[str]:
    path = source.file
    packed = path.name.lower().endswith(".gz")
    with contextlib.suppress(OSError, EOFError, zlib.error), _opened(path, packed=packed) as file:
        for line in file:
            yield line.decode("utf-8-sig", errors="replace").rstrip("\r\n")


def _opened(path: Path, *, packed: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb") if packed else path.open("rb"))


def _sheet_rows(source: Source, most: int) -> list[list[object]]:
    """Return the first rows of a sheet; what is wrong with a file is for its reader to say."""
    with contextlib.suppress(Exception):
        import openpyxl

        book = openpyxl.load_workbook(source.file, read_only=True, data_only=True)
        sheet = book[source.part] if source.part in book.sheetnames else book.worksheets[0]
        rows = [list(row) for row in sheet.iter_rows(max_row=most, values_only=True)]
        book.close()
        return rows
    return []
