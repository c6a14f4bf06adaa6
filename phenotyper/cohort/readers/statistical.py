"""SPSS, Stata and SAS files: cells as their value labels, declared missing values as missing."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.excel_cells import iso_text
from phenotyper.cohort.readers.frames import Column, stays_text, table_of, text_column, without_codes
from phenotyper.cohort.values import NUMBER, code_text
from phenotyper.errors import Problem, listed

_READ_BY = {
    ".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por",
    ".dta": "read_dta", ".sas7bdat": "read_sas7bdat", ".xpt": "read_xport",
}  # fmt: skip
_MISSING_LETTERS = {".dta", ".sas7bdat"}
_PADDED = re.compile(r"N(\d+)|Z(\d+)(?:\.0*)?|%0(\d+)(?:\.0)?[fg]")
_YES_NO = ({"no", "yes"}, {"false", "true"})
_LOST = 2**53


@dataclass(frozen=True)
class _Variable:
    """What the file says of a column, and its cells with declared missing values taken out."""

    name: str
    numbers: np.ndarray | None
    others: list[Any]
    labels: Mapping[str, str]
    measure: str
    label: str
    form: str
    numeric: bool
    user_missing: tuple[str, ...] = ()
    gone: int = 0

    @property
    def cells(self) -> list[Any]:
        """The cells one by one, None where there is none."""
        if self.numbers is None:
            return self.others
        return [None if np.isnan(number) else number for number in self.numbers.tolist()]


@reads(*_READ_BY)
def read_statistical(source: Source) -> RawTable:
    """Read an SPSS, Stata or SAS file.

    A labelled column becomes text: the labels, as levels in the order of their codes. Its kind is "ordinal"
    where SPSS says so, "yes/no" when the labels are yes and no, else "category". A column of numbers that
    has labels for some of its values only (missing codes, the ends of a scale) stays a number.

    Raises
    ------
    CohortError
        MISSING_EXTRA, FILE_DAMAGED, FILE_EMPTY, ENCODING.
    """
    frame, meta = _opened(source)
    variables = [_variable(frame.iloc[:, place], meta, place) for place in range(frame.shape[1])]
    columns: list[Column] = []
    features: dict[str, dict[str, Any]] = {}
    partly: list[str] = []
    for variable in variables:
        cells, facts, unlabelled = _read(variable, source)
        columns.append((variable.name, cells))
        features[variable.name] = facts
        partly += [f"{variable.name} ({listed(unlabelled, most=3)})"] if unlabelled else []
    problems = [*_user_missing(source, variables), *_unlabelled(source, partly)]
    return table_of(source, columns, width=len(columns), features=features, problems=problems)


def _opened(source: Source) -> tuple[pd.DataFrame, Any]:
    try:
        import pyreadstat
    except ModuleNotFoundError as error:
        said = "needs pyreadstat, which is not installed"
        remedy = 'Install it: pip install "phenotyper[stat]".'
        raise file_problem(source, "MISSING_EXTRA", said, remedy) from error
    ending = source.file.suffix.lower()
    if not source.file.stat().st_size:
        raise file_problem(source, "FILE_EMPTY", "is empty", "Give a file with one row a patient.")
    options = {"user_missing": True} if ending not in {".por", ".xpt"} else {}
    try:
        return getattr(pyreadstat, _READ_BY[ending])(str(source.file), **options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        if "encoding" in reason.lower() or isinstance(error, UnicodeDecodeError):
            said = f"holds texts in an encoding that cannot be read ({reason})"
            raise file_problem(source, "ENCODING", said, "Save it as Unicode in its program.") from error
        said = f"cannot be read as {ending} ({reason})"
        raise file_problem(source, "FILE_DAMAGED", said, "Copy it again, or export it anew.") from error


def _variable(cells: pd.Series, meta: Any, place: int) -> _Variable:
    name = meta.column_names[place]
    ranges = (meta.missing_ranges or {}).get(name, [])
    letters = set((meta.missing_user_values or {}).get(name, []))
    labels = (meta.variable_value_labels or {}).get(name) or {}
    numbers, kept, gone = None, [], dict[str, int]()
    if cells.dtype.kind in "iuf":
        numbers = cells.to_numpy(dtype=np.float64)
        declared = np.zeros(len(numbers), dtype=bool)
        for span in ranges:
            declared |= (numbers >= span["lo"]) & (numbers <= span["hi"])
        values, times = np.unique(numbers[declared], return_counts=True)
        gone = {_code(value): int(number) for value, number in zip(values, times, strict=True)}
        numbers = np.where(declared, np.nan, numbers)
    else:
        wrong = [_is_user_missing(cell, ranges, letters) for cell in cells]
        gone = Counter(_code(cell) for cell, bad in zip(cells, wrong, strict=True) if bad)
        kept = [None if bad or _is_empty(cell) else cell for cell, bad in zip(cells, wrong, strict=True)]
    return _Variable(
        name=name,
        numbers=numbers,
        others=kept,
        labels={
            _code(code): str(label).strip() for code, label in labels.items()
            if str(label).strip() and not _is_user_missing(code, ranges, letters)
        },
        measure=str((meta.variable_measure or {}).get(name, "")),
        label=str(meta.column_names_to_labels.get(name) or "").strip(),
        form=str((meta.original_variable_types or {}).get(name) or ""),
        numeric=(meta.readstat_variable_types or {}).get(name) != "string",
        user_missing=tuple(gone),
        gone=sum(gone.values()),
    )  # fmt: skip


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip()) or bool(pd.isna(cell))


def _is_user_missing(cell: Any, ranges: list[Any], letters: set[str]) -> bool:
    if isinstance(cell, str) and cell in letters:
        return True
    for span in ranges:
        low, high = span["lo"], span["hi"]
        if isinstance(low, str) == isinstance(cell, str) and not _is_empty(cell):
            try:
                if low <= (cell.strip() if isinstance(cell, str) else cell) <= high:
                    return True
            except TypeError:
                continue
    return False


def _code(value: Any) -> str:
    return value.strip() if isinstance(value, str) else code_text(value)


def _read(variable: _Variable, source: Source) -> tuple[np.ndarray | pd.Series, dict[str, Any], list[str]]:
    """Return the cells of a column, the facts of it, and the values without a label."""
    facts: dict[str, Any] = {"label": variable.label} if variable.label else {}
    if _is_plain(variable, source):
        return without_codes(np.asarray(variable.numbers), source), {**facts, "kind": "number"}, []
    codes = _declared_codes(source)
    codes |= {code for code, label in variable.labels.items() if label in codes}
    cells = [None if cell is None or _code(cell) in codes else cell for cell in variable.cells]
    if variable.name == source.id_column:
        ids = [None if cell is None else _shown(cell, variable.form) for cell in variable.cells]
        return pd.Series(ids, dtype="str"), facts, []
    labels = {code: label for code, label in variable.labels.items() if code not in codes}
    unlabelled = sorted({_code(cell) for cell in cells if cell is not None} - set(labels), key=_order)
    scale = variable.numeric and variable.measure not in {"nominal", "ordinal"}
    if labels and not (scale and unlabelled):
        texts, levels = _labelled(cells, labels, unlabelled)
        return text_column(texts, source), {**facts, **_level_facts(levels, variable)}, unlabelled
    if not variable.numeric:
        return text_column(cells, source), {**facts, "kind": "category"}, []
    if any(isinstance(cell, (datetime.date, datetime.time)) for cell in cells):
        return text_column([None if cell is None else iso_text(cell) for cell in cells], source), facts, []
    kind = {"nominal": "category", "ordinal": "ordinal"}.get(variable.measure, "number")
    if kind != "number" or stays_text(source, variable.name):
        shown = [None if cell is None else _shown(cell, variable.form) for cell in cells]
        return text_column(shown, source), {**facts, "kind": kind}, unlabelled if labels else []
    numbers = np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    return numbers, {**facts, "kind": kind}, unlabelled if labels else []


def _is_plain(variable: _Variable, source: Source) -> bool:
    """Tell whether a column is numbers without labels, wanted as numbers."""
    unlabelled = variable.numbers is not None and not variable.labels
    measured = variable.measure not in {"nominal", "ordinal"}
    return unlabelled and measured and not stays_text(source, variable.name)


def _declared_codes(source: Source) -> set[str]:
    return {code_text(code) for code in source.missing_codes} | {
        code.strip() for code in source.missing_codes
    }


def _order(code: str) -> tuple[bool, float, str]:
    number = bool(NUMBER.fullmatch(code))
    return not number, float(code) if number else 0.0, code


def _labelled(
    cells: list[Any], labels: Mapping[str, str], unlabelled: list[str]
) -> tuple[list[str | None], list[str]]:
    """Return cells as labels and all levels in the order of their codes; a label of two codes names both."""
    times = pd.Series(list(labels.values())).value_counts()
    shown = {code: f"{label} ({code})" if times[label] > 1 else label for code, label in labels.items()}
    shown |= {code: code for code in unlabelled}
    texts = [None if cell is None else shown[_code(cell)] for cell in cells]
    return texts, [shown[code] for code in sorted(shown, key=_order)]


def _level_facts(levels: list[str], variable: _Variable) -> dict[str, Any]:
    if {level.casefold() for level in levels} in _YES_NO:
        return {"kind": "yes/no"}
    return {"kind": "ordinal" if variable.measure == "ordinal" else "category", "levels": levels}


def _shown(cell: Any, form: str) -> str:
    """Return a cell as text: with the zeros that its format shows; lost digits as a power of ten."""
    if isinstance(cell, (datetime.date, datetime.time)):
        return iso_text(cell)
    if isinstance(cell, str):
        return cell.strip()
    number = float(cell)
    if abs(number) >= _LOST:
        return f"{number:.15E}"
    padded = _PADDED.fullmatch(form)
    if padded and number.is_integer() and number >= 0:
        return f"{int(number):0{int(next(filter(None, padded.groups())))}d}"
    return code_text(cell)


def _user_missing(source: Source, variables: list[_Variable]) -> list[Problem]:
    found = [
        f"{variable.name} {variable.gone} ({listed(variable.user_missing, most=3)})"
        for variable in variables
        if variable.gone
    ]
    if not found:
        return []
    number = sum(variable.gone for variable in variables)
    cells = "1 cell" if number == 1 else f"{number} cells"
    message = f"{source.name} has {cells} that the file declares missing: {listed(found)}"
    remedy = "Read as missing; a reason for being missing that matters needs a column of its own."
    return [Problem("USER_MISSING", message, remedy, where=source.name, severity="warning")]


def _unlabelled(source: Source, columns: list[str]) -> list[Problem]:
    if not columns:
        return []
    message = (
        f"{source.name} has columns with labels for some of their values only; without: {listed(columns)}"
    )
    remedy = (
        "Numbers were read as numbers, and values without a label as they stand: add the labels, or the kind "
        "in the dictionary; add codes for missing to missing_codes."
    )
    return [Problem("LABELS_PARTLY", message, remedy, where=source.name, severity="warning")]
