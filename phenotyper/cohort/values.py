"""Cells to text, text to numbers: the one place where a cell's meaning is decided."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
LIMIT = re.compile(r"([<>])\s*=?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
LIKE_MISSING = frozenset(
    (
        "na",
        "n/a",
        "nan",
        "null",
        "none",
        "-",
        "--",
        ".",
        "?",
        "missing",
        "unknown",
        "nd",
        "n.d.",
        "#n/a",
        "<na>",
    )
)
"""Words that people write where a value is missing, in lower case: never taken so without being asked."""
_INTERVAL = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:-|to|\u2013|\.\.)\s*([+-]?\d+(?:\.\d+)?)", re.ASCII)

Offences = dict[str, tuple[int, ...]]
"""Text that does not fit -> spreadsheet rows where it stands."""


def code_text(value: Any) -> str:
    """Return a value as a code: 1.0, "1.0" and 1 are the same code "1".

    Examples
    --------
    >>> code_text(1.0), code_text(" 2.50 "), code_text("yes"), code_text(True)
    ('1', '2.5', 'yes', 'true')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    text = str(value).strip()
    if text.casefold() in {"true", "false"}:
        return text.casefold()
    if not NUMBER.fullmatch(text) or not text.isascii():
        return text
    number = float(text)
    if np.isinf(number) or abs(number) >= 2**53:
        return text
    return str(int(number)) if number.is_integer() else repr(number)


def levels_of(value: Any) -> tuple[str, ...]:
    """Return levels from ``"a | b"``, from JSON text, or from a list.

    Examples
    --------
    >>> levels_of("low | high"), levels_of('["low", "high"]')
    (('low', 'high'), ('low', 'high'))
    """
    if not value:
        return ()
    if not isinstance(value, str):
        return tuple(str(level) for level in value)
    if value.startswith('["') and value.endswith('"]'):
        return tuple(str(level) for level in json.loads(value))
    return tuple(level.strip() for level in value.split("|"))


def reference_of(text: str) -> tuple[float, float] | None:
    """Return the ends of a reference interval; None when it cannot be read as one.

    Examples
    --------
    >>> reference_of("3.5-5.1"), reference_of("< 5"), reference_of(">= 90"), reference_of("see table")
    ((3.5, 5.1), (-inf, 5.0), (90.0, inf), None)
    """
    plain = text.strip()
    if match := LIMIT.fullmatch(plain):
        bound = float(match[2])
        return (-np.inf, bound) if match[1] == "<" else (bound, np.inf)
    if match := _INTERVAL.fullmatch(plain):
        return float(match[1]), float(match[2])
    return None


def text_of(values: pd.Series, missing_codes: Iterable[str] = ()) -> pd.Series:
    """Return a column as text, NaN where a cell is empty or a missing code; whole floats lose ``.0``."""
    if pd.api.types.is_float_dtype(values.dtype):
        cells = pd.Series(
            [None if pd.isna(cell) else code_text(cell) for cell in values], index=values.index, dtype="str"
        )
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        cells = pd.Series(
            [None if pd.isna(cell) else _iso(cell) for cell in values], index=values.index, dtype="str"
        )
    elif isinstance(values.dtype, pd.StringDtype):
        cells = values.astype("str")
    else:
        cells = pd.Series(
            [None if _is_missing(cell) else _plain(cell) for cell in values], index=values.index, dtype="str"
        )
    return without_missing(cells, missing_codes)


def _is_missing(cell: Any) -> bool:
    return cell is None or (np.ndim(cell) == 0 and bool(pd.isna(cell)))


def _plain(cell: Any) -> str:
    return code_text(cell) if isinstance(cell, (float, np.floating)) else str(cell)


def _iso(moment: pd.Timestamp) -> str:
    return moment.isoformat() if moment != moment.normalize() else moment.date().isoformat()


def without_missing(cells: pd.Series, missing_codes: Iterable[str] = ()) -> pd.Series:
    """Return text with NaN for empty cells and missing codes."""
    codes = {code_text(code) for code in missing_codes} | {code.strip() for code in missing_codes}
    distinct = pd.Series(cells.dropna().unique(), dtype="str")
    gone = [
        cell for cell in distinct if not cell.strip() or cell.strip() in codes or code_text(cell) in codes
    ]
    return cells.mask(cells.isin(gone)) if gone else cells


def numbers_of(values: pd.Series, rows: np.ndarray, *, decimal: str = ".") -> tuple[np.ndarray, Offences]:
    """Return a column as float64 and the texts in it that are no numbers.

    Parameters
    ----------
    values : Series
        Float64, or text with NaN = missing; length n.
    rows : ndarray of int, shape (n,)
        Spreadsheet rows.
    decimal : str
        Decimal mark of the file.
    """
    if pd.api.types.is_float_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64), {}
    distinct = values.dropna().unique()
    parsed: dict[str, float] = {text: _number(text, decimal) for text in distinct}
    numbers = values.map(parsed).to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = [text for text, number in parsed.items() if np.isnan(number)]
    return numbers, offences(values, rows, wrong)


def _number(text: str, decimal: str) -> float:
    plain = text.strip()
    if decimal != ".":
        plain = plain.replace(".", " ").replace(decimal, ".")
    return float(plain) if NUMBER.fullmatch(plain) else np.nan


def limits_of(values: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Take the sign off values beyond a limit of detection.

    Returns
    -------
    values : Series
        "<0.5" as "0.5".
    censored : ndarray of int8
        -1 below the limit, 1 above, 0 measured.
    """
    censored = np.zeros(len(values), dtype=np.int8)
    if pd.api.types.is_float_dtype(values.dtype):
        return values, censored
    limits = {text: match for text in values.dropna().unique() if (match := LIMIT.fullmatch(text.strip()))}
    for text, match in limits.items():
        censored[(values == text).to_numpy(dtype=bool, na_value=False)] = -1 if match[1] == "<" else 1
    return values.replace({text: match[2] for text, match in limits.items()}), censored


def offences(values: pd.Series, rows: np.ndarray, wrong: Iterable[str]) -> Offences:
    """Return the rows of each wrong text, in the order of its first row."""
    found = {
        text: tuple(rows[(values == text).to_numpy(dtype=bool, na_value=False)].tolist()) for text in wrong
    }
    return dict(sorted(found.items(), key=lambda item: item[1][:1]))


def counted(found: Mapping[str, Iterable[int]]) -> list[str]:
    """Return ``"<0.5" (3 times)`` for each offence, for a message."""
    times = {text: len(tuple(rows)) for text, rows in found.items()}
    return [
        f'"{text}" ({number} times)' if number > 1 else f'"{text}" (once)' for text, number in times.items()
    ]
