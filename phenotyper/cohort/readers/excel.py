"""Excel workbooks (.xlsx, .xlsm): one sheet as a table, cells as they are shown, nothing guessed."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import CONVERT, RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.excel_cells import Sheet, as_numbers, as_text, header_text, is_empty
from phenotyper.cohort.readers.excel_checks import hidden_sheets, problems_of
from phenotyper.cohort.readers.excel_xml import parsed
from phenotyper.cohort.readers.frames import Column, stays_text, table_of, text_column, without_codes
from phenotyper.errors import CohortError, Problem, did_you_mean, listed

_OLE = b"\xd0\xcf\x11\xe0"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_SAVE = "Open it in Excel and save it as an Excel workbook (.xlsx)"
CONVERT.update(dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), f"{_SAVE}."))


def sheet_names(path: Path) -> list[str]:
    """Return the names of the visible sheets of a workbook."""
    with _workbook(Source(path.name, path)) as book:
        return _visible(book)


@reads(".xlsx", ".xlsm", parts=sheet_names)
def read_excel(source: Source) -> RawTable:
    """Read a sheet: the one named, or the only visible one that holds something.

    Raises
    ------
    CohortError
        SHEET, FILE_EMPTY, FILE_DAMAGED, EXCEL_HEADER, EXCEL_MERGED, EXCEL_ERROR, EXCEL_FORMULA.
    """
    with _workbook(source) as book:
        name = _chosen(source, book)
        sheet = parsed(book, name)
        if not sheet.rows:
            raise file_problem(source, "FILE_EMPTY", f"holds nothing in sheet {name}", "Name another sheet.")
        hidden = _hidden(book) if name == _visible(book)[0] else []
    problems = [*problems_of(source, sheet), *hidden_sheets(source, hidden)]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise CohortError(errors)
    if len(sheet.rows) == 1:
        said = f"holds a header and no patients in sheet {name}"
        raise file_problem(source, "FILE_EMPTY", said, "Give a sheet with one row a patient.")
    rows = np.array([row.number for row in sheet.rows[1:]])
    return table_of(source, _columns(source, sheet), width=sheet.width, rows=rows, problems=problems)


def _columns(source: Source, sheet: Sheet) -> Iterator[Column]:
    header, body = sheet.rows[0], sheet.rows[1:]
    for place in range(sheet.width):
        title, values = header.cell(place), [row.cell(place) for row in body]
        if is_empty(title) and all(is_empty(value) for value in values):
            continue
        name = header_text(title, sheet.format(header.style(place))).strip() or f"(column {place + 1})"
        as_id = name == source.id_column
        if not as_id and not stays_text(source, name):
            numbers = as_numbers(values, source.missing_codes)
            if numbers is not None:
                yield name, without_codes(numbers, source)
                continue
        forms = [sheet.format(row.style(place)) for row in body]
        texts = [
            as_text(value, form, as_id=as_id, decimal="." if as_id else source.decimal or ".")
            for value, form in zip(values, forms, strict=True)
        ]
        yield name, pd.Series(texts, dtype="str") if as_id else text_column(texts, source)


@contextmanager
def _workbook(source: Source) -> Iterator[Any]:
    _refuse_start(source)
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    broken = (
        zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, ValueError, TypeError, AttributeError,
        ParseError, OSError, SyntaxError, InvalidFileException,
    )  # fmt: skip
    try:
        with warnings.catch_warnings(), source.file.open("rb") as file:
            warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            if not book.worksheets:
                raise file_problem(source, "FILE_DAMAGED", "holds no sheet", f"{_SAVE}, not as Strict.")
            yield book
    except broken as error:
        reason = " ".join(str(error).split())[:120]
        message = f"cannot be read as an Excel workbook ({reason})"
        raise file_problem(source, "FILE_DAMAGED", message, f"Copy it again, or: {_SAVE}.") from error


def _refuse_start(source: Source) -> None:
    try:
        with source.file.open("rb") as file:
            start = file.read(8)
            rest = file.read() if start.startswith(_OLE) else b""
    except PermissionError as error:
        said = "may not be read by you"
        raise file_problem(source, "FILE_DAMAGED", said, "Change its permissions.") from error
    if not start:
        raise file_problem(source, "FILE_EMPTY", "is empty", "Give a workbook with one row a patient.")
    if _LOCKED in rest:
        said = "is protected by a password"
        raise file_problem(source, "FILE_DAMAGED", said, f"{_SAVE} without a password.")
    if rest:
        raise file_problem(source, "FILE_DAMAGED", "is an old Excel file (.xls)", f"{_SAVE}.")
    if not start.startswith(b"PK"):
        said = "is no Excel workbook, whatever its ending says"
        raise file_problem(source, "FILE_DAMAGED", said, f"Give it its right ending, or: {_SAVE}.")


def _visible(book: Any) -> list[str]:
    return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _hidden(book: Any) -> list[str]:
    hidden = [sheet for sheet in book.worksheets if sheet.sheet_state != "visible"]
    return [sheet.title for sheet in hidden if _holds_data(book, sheet.title)]


def _holds_data(book: Any, name: str) -> bool:
    return any(not is_empty(cell) for row in book[name].iter_rows(values_only=True) for cell in row)


def _chosen(source: Source, book: Any) -> str:
    """Return the sheet to read; one that is hidden only when it is named."""
    names = [sheet.title for sheet in book.worksheets]
    if source.part in names:
        return source.part
    if source.part:
        said = f'has no sheet "{source.part}"'
    else:
        full = [name for name in _visible(book) if _holds_data(book, name)] or _visible(book)[:1]
        if len(full) == 1:
            return full[0]
        names, said = full, f"has {len(full)} sheets, and none is named"
    remedy = f'Add sheet = "...", one of: {listed(names, most=20)}.{did_you_mean(source.part, names)}'
    raise CohortError(
        Problem(
            "SHEET", f"{source.path.name if source.path else source.name} {said}", remedy, where=source.name
        )
    )
