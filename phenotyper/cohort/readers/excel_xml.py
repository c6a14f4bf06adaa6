"""One pass over the XML of a sheet: cells, styles, merged ranges, hidden parts, formulas without a value.

openpyxl opens the workbook (sheets, shared strings, formats); its own way over the cells takes several times
as long, and does not tell a formula that was never computed from an empty cell.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.etree.ElementTree import Element, iterparse

from phenotyper.cohort.readers.excel_cells import Row, Sheet, is_empty

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _COLUMN, _MERGED = f"{_MAIN}row", f"{_MAIN}col", f"{_MAIN}mergeCell"
_VALUE, _FORMULA, _INLINE = f"{_MAIN}v", f"{_MAIN}f", f"{_MAIN}is"
_YES = {"1", "true"}


def parsed(book: Any, name: str) -> Sheet:
    """Read a sheet of a workbook that openpyxl opened read-only."""
    page, sheet = book[name], Sheet(name)
    cells = _Cells(book, page._shared_strings, sheet)
    number = 0
    with page._get_source() as xml:
        for _, element in iterparse(xml):
            if element.tag == _ROW:
                number = int(float(element.get("r") or number + 1))
                row = cells.row(number, element)
                element.clear()
                if any(not is_empty(value) for value in row.values):
                    sheet.rows.append(row)
            elif element.tag == _COLUMN and element.get("hidden") in _YES:
                span = range(int(element.get("min", 1)), min(int(element.get("max", 1)), 16_384) + 1)
                sheet.hidden_columns += span
            elif element.tag == _MERGED:
                sheet.merged.append(element.get("ref", ""))
    sheet.finish(page)
    return sheet


@cache
def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


class _Cells:
    """Turns the elements of rows to values."""

    def __init__(self, book: Any, shared: Any, sheet: Sheet) -> None:
        self.shared, self.sheet, self.epoch = shared, sheet, book.epoch
        self.dates, self.spans = book._date_formats, book._timedelta_formats

    def row(self, number: int, element: Element) -> Row:
        values: list[Any] = []
        styles: list[int] = []
        if element.get("hidden") in _YES:
            self.sheet.hidden_rows.append(number)
        for cell in element:
            facts = cell.attrib
            column = _column(facts["r"].rstrip("0123456789")) if "r" in facts else len(values) + 1
            while len(values) < column - 1:
                values.append(None)
                styles.append(0)
            style = int(facts.get("s", 0))
            if "t" not in facts and style not in self.dates and len(cell) == 1 and cell[0].tag == _VALUE:
                values.append(float(cell[0].text) if cell[0].text else None)
            else:
                values.append(self._value(cell, style, (number, column)))
            styles.append(style)
        return Row(number, values, styles)

    def _value(self, cell: Element, style: int, place: tuple[int, int]) -> Any:
        kind = cell.get("t", "n")
        text, formula, inline = "", False, None
        for part in cell:
            if part.tag == _VALUE:
                text = part.text or ""
            elif part.tag == _FORMULA:
                formula = True
            elif part.tag == _INLINE:
                inline = part
        if inline is not None:
            from openpyxl.cell.text import Text

            return Text.from_tree(inline).content
        if not text:
            if formula and kind != "str":
                self.sheet.formulas.append(place)
            return None
        return self._typed(kind, text, style, place)

    def _typed(self, kind: str, text: str, style: int, place: tuple[int, int]) -> Any:
        if kind == "n":
            return self._date(float(text), style, place) if style in self.dates else float(text)
        if kind == "s":
            return self.shared[int(text)]
        if kind == "b":
            return text in _YES
        if kind == "e":
            self.sheet.errors.append((*place, text))
        if kind == "d":
            from openpyxl.utils.datetime import from_ISO8601

            return from_ISO8601(text)
        return text

    def _date(self, number: float, style: int, place: tuple[int, int]) -> Any:
        """Return a date; a number that is none is an error of Excel, which shows ####."""
        from openpyxl.utils.datetime import from_excel

        try:
            return from_excel(number, self.epoch, timedelta=style in self.spans)
        except (OverflowError, ValueError):
            self.sheet.errors.append((*place, "#VALUE!"))
            return "#VALUE!"
