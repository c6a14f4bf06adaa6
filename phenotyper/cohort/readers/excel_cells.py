"""A sheet of a workbook: its rows and styles, and a cell as it is shown."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phenotyper.cohort.values import code_text

_ZEROS = re.compile(r'(?:"([^"]*)")?(0+)(?:"([^"]*)")?')
_DECIMALS = re.compile(r"#?0\.(0+)")
_LOST = 1e15
"""Whole numbers from here on have lost their last digits: Excel keeps 15."""


@dataclass(frozen=True)
class Row:
    """One row of a sheet: its number in the sheet, values and styles by column."""

    number: int
    values: list[Any]
    styles: list[int]

    def cell(self, place: int) -> Any:
        """Return the value of a column (0 = A), None beyond the last."""
        return self.values[place] if place < len(self.values) else None

    def style(self, place: int) -> int:
        """Return the style of a column."""
        return self.styles[place] if place < len(self.styles) else 0

    def filled(self) -> int:
        """Return how many cells hold something."""
        return sum(not is_empty(value) for value in self.values)


@dataclass
class Sheet:
    """A sheet: its rows that hold something, and what may be wrong with it (cells as row, column from 1)."""

    name: str
    rows: list[Row] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)
    formulas: list[tuple[int, int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    width: int = 0
    formats: dict[int, str] = field(default_factory=dict)
    fills: dict[int, str] = field(default_factory=dict)

    def finish(self, page: Any) -> None:
        """Find the width, what of the hidden parts lies in the table, and formats and fills of the styles."""
        from openpyxl.cell.read_only import ReadOnlyCell

        self.width = max((_filled_width(row) for row in self.rows), default=0)
        last = self.rows[-1].number if self.rows else 0
        self.hidden_rows = [number for number in self.hidden_rows if number <= last]
        self.hidden_columns = [column for column in self.hidden_columns if column <= self.width]
        for style in {style for row in self.rows for style in row.styles}:
            cell = ReadOnlyCell(page, 1, 1, None, "n", style)
            self.formats[style] = str(cell.number_format)
            if cell.fill.patternType not in (None, "none"):
                colour = cell.fill.fgColor
                self.fills[style] = f"{cell.fill.patternType} {colour.type} {colour.value} {colour.tint}"

    def format(self, style: int) -> str:
        """Return the number format of a style."""
        return self.formats.get(style, "General")


def _filled_width(row: Row) -> int:
    for place in range(len(row.values) - 1, -1, -1):
        if not is_empty(row.values[place]):
            return place + 1
    return 0


def is_empty(value: Any) -> bool:
    """Tell whether a cell holds nothing, or spaces only."""
    return value is None or (isinstance(value, str) and not value.strip())


def as_text(value: Any, form: str = "General", *, as_id: bool = False, decimal: str = ".") -> str | None:
    """Return a cell as it is shown; None when it is empty.

    Parameters
    ----------
    value : object
        As openpyxl gives it.
    form : str
        Number format of the cell: under "00000", 123 is "00123".
    as_id : bool
        Show decimals as formatted, and digits that Excel has lost as a power of ten, for the check of ids.
    decimal : str
        Decimal mark that numbers get.

    Examples
    --------
    >>> as_text(123, "00000"), as_text(2.0), as_text(True), as_text(1001, "0.00", as_id=True)
    ('00123', '2', 'true', '1001.00')
    """
    if is_empty(value):
        return None
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return iso_text(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return code_text(value) if isinstance(value, bool) else str(value)
    zeros = _ZEROS.fullmatch(form)
    if zeros and float(value).is_integer() and value >= 0:
        before, digits, after = zeros.groups(default="")
        return f"{before}{int(value):0{len(digits)}d}{after}"
    if as_id and (decimals := _DECIMALS.fullmatch(form)):
        return f"{value:.{len(decimals[1])}f}"
    if as_id and abs(value) >= _LOST:
        return f"{float(value):.14E}"
    return code_text(value).replace(".", decimal)


def iso_text(moment: datetime.datetime | datetime.date | datetime.time) -> str:
    """Return a date as YYYY-MM-DD, with the time where it is not midnight."""
    if isinstance(moment, datetime.datetime) and moment.time() == datetime.time():
        return moment.date().isoformat()
    return moment.isoformat()


def header_text(value: Any, form: str) -> str:
    """Return a column name as it is shown: a date as "2-Sep" where its format says so."""
    if isinstance(value, datetime.datetime) and "yyyy" not in form.lower():
        if form.lower().startswith("d"):
            return f"{value.day}-{value:%b}"
        if form.lower().startswith("mmm"):
            return f"{value:%b-%y}"
    return as_text(value, form) or ""


def as_numbers(values: list[Any], missing_codes: Iterable[str]) -> np.ndarray | None:
    """Return a column as float64 when all its cells are numbers, empty or missing codes, else None."""
    others = {
        place: value for place, value in enumerate(values) if type(value) is not float and value is not None
    }
    codes = {code_text(code) for code in missing_codes} | {code.strip() for code in missing_codes}
    if not all(
        isinstance(value, str) and (is_empty(value) or _is_code(value, codes)) for value in others.values()
    ):
        return None
    return np.array(
        [np.nan if value is None or place in others else value for place, value in enumerate(values)],
        dtype=np.float64,
    )


def _is_code(value: str, codes: set[str]) -> bool:
    return value.strip() in codes or code_text(value) in codes
