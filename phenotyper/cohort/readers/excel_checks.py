"""What a sheet may have that a table must not: titles, merged cells, errors, colours, hidden parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from phenotyper.cohort.readers.contract import Source
from phenotyper.cohort.readers.excel_cells import Row, Sheet, is_empty
from phenotyper.cohort.values import LIKE_MISSING, NUMBER
from phenotyper.errors import Problem, Severity, listed

_LOOKED_AT = 50
_MISSING_WORDS = LIKE_MISSING | {"not done"}


def problems_of(source: Source, sheet: Sheet) -> list[Problem]:
    """Return everything that is wrong with a sheet, and what a person should know of it."""
    found = [
        _header(source, sheet),
        _merged(source, sheet),
        _errors(source, sheet),
        _formulas(source, sheet),
        _hidden(source, sheet),
        _colours(source, sheet),
    ]
    return [problem for problem in found if problem is not None]


def hidden_sheets(source: Source, names: list[str]) -> list[Problem]:
    """Warn of hidden sheets that hold something."""
    if not names:
        return []
    message = f"{source.file.name} has hidden sheets that hold something: {listed(names)}"
    remedy = f'They were not read; sheet = "{names[0]}" reads one.'
    return [_problem(source, "EXCEL_HIDDEN", message, remedy, severity="warning")]


def _problem(
    source: Source, code: str, message: str, remedy: str, *, severity: Severity = "error"
) -> Problem:
    return Problem(code, message, remedy, where=source.name, severity=severity)


def _cells(sheet: Sheet, places: Iterable[tuple[int, int]]) -> str:
    return listed(f"{sheet.name}!{_letters(column)}{row}" for row, column in places)


def _letters(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column))


def _header(source: Source, sheet: Sheet) -> Problem | None:
    """Refuse anything but one row of names on top and rows of patients below."""
    first, body = sheet.rows[0], sheet.rows[1:]
    width = max((row.filled() for row in body[:_LOOKED_AT]), default=0)
    if first.number > 1:
        message = f"starts in row {first.number} of sheet {sheet.name}, not in row 1"
        remedy = "Delete the empty rows above the names of the columns."
    elif width >= 2 and (first.filled() == 1 or first.filled() < width / 2):
        names = next((row.number for row in body if row.filled() >= max(2, width / 2)), 2)
        message = f"has a title or an almost empty row above its table in sheet {sheet.name}"
        remedy = f"Delete the rows above the names of the columns, which seem to stand in row {names}."
    elif len(body) >= 2 and _is_second_header(body[0], body[1:_LOOKED_AT], source):
        message = f"has a second row of names or units in sheet {sheet.name} (row {body[0].number})"
        remedy = "Keep one row of names on top: join the two, and give units in the dictionary."
    elif notes := _notes(body, width):
        message = f"has text below its table in sheet {sheet.name} ({_cells(sheet, notes)})"
        remedy = "Delete the notes, or put them on a sheet of their own."
    else:
        return None
    return _problem(source, "EXCEL_HEADER", f"{source.name} {message}", remedy)


def _is_second_header(row: Row, others: list[Row], source: Source) -> bool:
    """Tell whether a row has words where the rows below it have only numbers or dates."""
    columns = [
        place
        for place in range(max(len(other.values) for other in others))
        if (cells := [other.cell(place) for other in others if not is_empty(other.cell(place))])
        and not any(isinstance(cell, str) for cell in cells)
    ]
    words = [place for place in columns if _is_word(row.cell(place), source)]
    return len(words) >= max(1, len(columns) / 2) and (len(words) > 1 or is_empty(row.cell(0)))


def _is_word(cell: object, source: Source) -> bool:
    if not isinstance(cell, str) or is_empty(cell):
        return False
    text = cell.strip()
    known = text.casefold() in _MISSING_WORDS or text in source.missing_codes
    word = text == "%" or any(letter.isalpha() for letter in text)
    return word and not known and not NUMBER.fullmatch(text.lstrip("<>= ").replace(",", "."))


def _notes(body: list[Row], width: int) -> list[tuple[int, int]]:
    """Return lines of one cell that follow an empty row."""
    if width < 3:
        return []
    gap, notes = False, []
    for before, row in itertools.pairwise(body):
        gap = gap or row.number > before.number + 1
        if gap and row.filled() == 1:
            place = next(place for place, cell in enumerate(row.values) if not is_empty(cell))
            notes += [(row.number, place + 1)]
    return notes


def _merged(source: Source, sheet: Sheet) -> Problem | None:
    from openpyxl.utils import range_boundaries

    last = sheet.rows[-1].number
    inside = [
        found
        for found in sheet.merged
        if (bounds := range_boundaries(found))[0] <= sheet.width and bounds[1] <= last
    ]
    if not inside:
        return None
    shown = listed(f"{sheet.name}!{found}" for found in inside)
    message = f"{source.name} has merged cells: {shown}"
    remedy = "Unmerge them, and write the value into each cell that it is meant for."
    return _problem(source, "EXCEL_MERGED", message, remedy)


def _errors(source: Source, sheet: Sheet) -> Problem | None:
    wrong = [(row, column, text) for row, column, text in sheet.errors if text not in source.missing_codes]
    if not wrong:
        return None
    kinds = listed(dict.fromkeys(text for *_, text in wrong))
    place = _cells(sheet, ((row, column) for row, column, _ in wrong))
    noun = "1 cell" if len(wrong) == 1 else f"{len(wrong)} cells"
    message = f"{source.name} has {noun} with an error of Excel ({kinds}): {place}"
    codes = ", ".join(f'"{text}"' for text in dict.fromkeys(text for *_, text in wrong))
    remedy = f"Correct the formulas, empty the cells, or set missing_codes = [{codes}] in cohort.toml."
    return _problem(source, "EXCEL_ERROR", message, remedy)


def _formulas(source: Source, sheet: Sheet) -> Problem | None:
    if not sheet.formulas:
        return None
    place = _cells(sheet, sheet.formulas)
    noun = "1 formula" if len(sheet.formulas) == 1 else f"{len(sheet.formulas)} formulas"
    message = f"{source.name} has {noun} without a computed value: {place}"
    remedy = "Open it in Excel and save it, or paste the values in place of the formulas."
    return _problem(source, "EXCEL_FORMULA", message, remedy)


def _hidden(source: Source, sheet: Sheet) -> Problem | None:
    rows = [f"row {number}" for number in sheet.hidden_rows]
    columns = [f"column {_letters(column)}" for column in sheet.hidden_columns]
    if not rows and not columns:
        return None
    message = f"{source.name} has hidden rows or columns in sheet {sheet.name}: {listed(columns + rows)}"
    remedy = "They were read like all others; delete them if they do not belong."
    return _problem(source, "EXCEL_HIDDEN", message, remedy, severity="warning")


def _colours(source: Source, sheet: Sheet) -> Problem | None:
    """Warn when cells of one column differ in colour, unless rows alternate only."""
    if not sheet.fills or _alternate(sheet):
        return None
    found: list[tuple[int, int]] = []
    for place in range(sheet.width):
        by_colour: dict[str, list[tuple[int, int]]] = {}
        for row in sheet.rows[1:]:
            if not is_empty(row.cell(place)):
                colour = sheet.fills.get(row.style(place), "")
                by_colour.setdefault(colour, []).append((row.number, place + 1))
        if len(by_colour) > 1:
            usual = max(by_colour, key=lambda colour: len(by_colour[colour]))
            found += [cell for colour, cells in by_colour.items() if colour != usual for cell in cells]
    if not found:
        return None
    message = (
        f"{source.name} has cells of another colour than the rest of their column: {_cells(sheet, found)}"
    )
    remedy = "Colours carry no meaning here: if they do to you, put it into a column."
    return _problem(source, "EXCEL_COLOUR", message, remedy, severity="warning")


def _alternate(sheet: Sheet) -> bool:
    """Tell whether colours depend on nothing but a row being odd or even."""
    patterns: tuple[set[tuple[str, ...]], set[tuple[str, ...]]] = (set(), set())
    for row in sheet.rows[1:]:
        pattern = tuple(sheet.fills.get(row.style(place), "") for place in range(sheet.width))
        patterns[row.number % 2].add(pattern)
        if len(patterns[row.number % 2]) > 1:
            return False
    return len(sheet.rows) > 4
