"""CSV and TSV, plain or .gz: ids and levels stay text, numbers are exact, nothing is guessed."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.textfile import open_bytes, open_lines, scanned
from phenotyper.cohort.values import without_missing

_CELLS, _PARTS = 4_000_000, 4
"""A table is parsed in pieces of so many cells, or in so many parts when these are larger: a part costs
memory, a piece of a wide table costs time for each column."""
_OTHERS = {";": '";"', "\t": '"tab"', "|": '"|"', ",": '","'}
_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".tab", ".tab.gz", ".txt", ".txt.gz")
_DECIMAL_COMMA = re.compile(r"\d,\d")
_QUOTE = "Look for a quote that is not closed."
_EXACT: dict[str, Any] = (
    {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
)


@reads(*_ENDINGS)
def read_delimited(source: Source) -> RawTable:
    """Read a delimited text file.

    Raises
    ------
    CohortError
        FILE_EMPTY, FILE_DAMAGED, ENCODING, DELIMITER, RAGGED.
    """
    most = scanned(source)
    delimiter = source.delimiter or ("," if ".csv" in source.file.name.lower()[-7:] else "\t")
    header = _header(source, delimiter)
    names = [name.strip() or f"(column {position})" for position, name in enumerate(header, start=1)]
    frame = _read(source, delimiter, texts=_text_positions(source, names), width=len(names), most=most)
    rows = np.arange(len(frame)) + FIRST_ROW
    filled = ~_blank_lines(frame)
    if not filled.all():
        frame, rows = frame[filled], rows[filled]
    if not len(frame):
        raise file_problem(
            source, "FILE_EMPTY", "holds a header and no patients", "Give a file with one row a patient."
        )
    _refuse_ragged(source, delimiter, frame)
    return _table(source, frame.reset_index(drop=True), names, rows)


def _table(source: Source, frame: pd.DataFrame, names: list[str], rows: np.ndarray) -> RawTable:
    ids = None
    if source.id_column in names:
        place = names.index(source.id_column)
        ids = frame.pop(place).fillna("").to_numpy(dtype=object)
    texts = {
        position: without_missing(frame[position].astype("str"), source.missing_codes)
        for position, dtype in zip(frame.columns, frame.dtypes, strict=True)
        if dtype != np.float64
    }
    order = sorted(frame.columns)
    if texts:
        numbers = frame[[position for position in order if position not in texts]]
        frame = pd.concat([numbers, pd.DataFrame(texts, index=frame.index)], axis=1)
    frame = frame if list(frame.columns) == order else frame[order]
    frame.columns = pd.Index([names[position] for position in order], dtype="str")
    return RawTable(source.name, frame, ids, rows, source.id_column, decimal=source.decimal or ".")


def _header(source: Source, delimiter: str) -> list[str]:
    try:
        with open_lines(source) as lines:
            start = list(itertools.islice(csv.reader(lines, delimiter=delimiter), 20))
    except csv.Error as error:
        raise file_problem(source, "FILE_DAMAGED", f"cannot be read as a table ({error})", _QUOTE) from error
    header = start[0] if start else []
    if not any(cell.strip() for cell in header):
        raise file_problem(
            source, "FILE_EMPTY", "has an empty first line", "The first line must name the columns."
        )
    if len(start) == 1:
        raise file_problem(
            source, "FILE_EMPTY", "holds a header and no patients", "Give a file with one row a patient."
        )
    if len(header) == 1:
        _refuse_delimiter(source, start, delimiter)
    return header


def _refuse_delimiter(source: Source, start: list[list[str]], delimiter: str) -> None:
    lines = [delimiter.join(record) for record in start if record]
    for other, shown in _OTHERS.items():
        if other != delimiter and all(other in line for line in lines):
            decimal = (
                ' and decimal = ","'
                if other == ";" and any(_DECIMAL_COMMA.search(line) for line in lines[1:])
                else ""
            )
            message = (
                f"has one column when it is split at {_OTHERS.get(delimiter, delimiter)}, but {shown} in "
                "every line"
            )
            raise file_problem(
                source,
                "DELIMITER",
                message,
                f"Add delimiter = {shown}{decimal} where cohort.toml names this file.",
            )


def _text_positions(source: Source, names: list[str]) -> set[int]:
    """Return the columns to keep as text: the id, those asked for, and names that occur twice."""
    if source.text_columns is None:
        return set(range(len(names)))
    twice = {name for name, times in Counter(names).items() if times > 1}
    wanted = {source.id_column, *source.text_columns, *twice}
    return {position for position, name in enumerate(names) if name in wanted}


def _read(source: Source, delimiter: str, *, texts: set[int], width: int, most: int) -> pd.DataFrame:
    """Read all cells: one float64 matrix of the numeric columns, which is filled piece by piece, and texts.

    A column that turns out to hold something else than numbers, or True and False, is read again as text.
    """
    numeric = [position for position in range(width) if position not in texts]
    numbers = np.empty((most, len(numeric)), dtype=np.float64)
    words: list[pd.DataFrame] = []
    doubtful: set[int] = set()
    at = 0
    step = max(_CELLS // width, most // _PARTS, 1)
    for piece in _pieces(source, delimiter, width=width, texts=texts, step=step):
        end = at + len(piece)
        plain = [dtype.kind in "iuf" for dtype in piece.dtypes]
        doubtful |= {
            position
            for position, good in zip(piece.columns, plain, strict=True)
            if not good and position not in texts
        }
        fine = [place for place, position in enumerate(numeric) if position not in doubtful]
        if len(fine) == len(numeric):
            numbers[at:end] = piece[numeric].to_numpy(dtype=np.float64)
        else:
            numbers[at:end, fine] = piece[[numeric[place] for place in fine]].to_numpy(dtype=np.float64)
        words.append(piece[sorted(texts)])
        at = end
    parts = [pd.DataFrame(numbers[:at], columns=numeric, copy=False)]
    if doubtful:
        parts[0] = parts[0][[position for position in numeric if position not in doubtful]]
        again = _pieces(
            source, delimiter, width=width, texts=set(range(width)), step=step, only=sorted(doubtful)
        )
        parts.append(pd.concat(again, ignore_index=True))
    if texts and words:
        parts.append(pd.concat(words, ignore_index=True))
    return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)


def _pieces(
    source: Source,
    delimiter: str,
    *,
    width: int,
    texts: set[int],
    step: int,
    only: list[int] | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the table some rows at a time, columns named by their position."""
    codes = ["", *source.missing_codes]
    options: dict[str, Any] = {
        "header": 0,
        "index_col": False,
        "dtype": dict.fromkeys(sorted(texts), str),
        "keep_default_na": False,
        "na_values": {position: codes for position in range(width) if position not in texts},
        "decimal": source.decimal or ".",
        "skip_blank_lines": False,
        "encoding": "utf-8-sig",
        "low_memory": False,
        "chunksize": step,
        **_EXACT,
    }
    try:
        with warnings.catch_warnings(), open_bytes(source) as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            with pd.read_csv(
                file, sep=delimiter, names=list(range(width)), usecols=only, **options
            ) as reading:
                for piece in reading:
                    yield piece
                    _report(source, file)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _refuse_widths(source, delimiter)
        reason = str(error).split("C error: ")[-1].strip()
        raise file_problem(source, "FILE_DAMAGED", f"cannot be read as a table ({reason})", _QUOTE) from error


def _report(source: Source, file: IO[bytes]) -> None:
    if source.progress is not None:
        raw = getattr(file, "fileobj", None) or file
        source.progress(raw.tell(), source.file.stat().st_size)


def _blank_lines(frame: pd.DataFrame) -> np.ndarray:
    first = frame[0]
    suspects = np.flatnonzero((first.isna() | (first.astype("str").str.strip() == "")).to_numpy())
    blank = np.zeros(len(frame), dtype=bool)
    for row in suspects:
        blank[row] = all(_is_empty(cell) for cell in frame.iloc[row])
    return blank


def _is_empty(cell: Any) -> bool:
    return not cell.strip() if isinstance(cell, str) else bool(pd.isna(cell))


def _refuse_ragged(source: Source, delimiter: str, frame: pd.DataFrame) -> None:
    """Look for short rows, which pandas fills up, wherever the last column has an empty cell."""
    last = frame[max(frame.columns)]
    if last.isna().any() or (last.dtype != np.float64 and (last == "").any()):
        _refuse_widths(source, delimiter)


def _refuse_widths(source: Source, delimiter: str) -> None:
    wrong: list[tuple[int, int, int]] = []
    with open_lines(source) as lines, contextlib.suppress(csv.Error):
        wrong = list(_wrong_widths(csv.reader(lines, delimiter=delimiter)))
    if not wrong:
        return
    width, first = wrong[0][1:]
    noun = "row" if len(wrong) == 1 else "rows"
    message = f"has {len(wrong)} {noun} with another number of cells than the header ({first} for {width})"
    remedy = "Put texts that hold the delimiter in quotes, or give each row all its cells."
    raise file_problem(source, "RAGGED", message, remedy, rows=tuple(row for row, *_ in wrong))


def _wrong_widths(records: Iterator[list[str]]) -> Iterator[tuple[int, int, int]]:
    width = len(next(records))
    for row, record in enumerate(records, start=FIRST_ROW):
        if record and len(record) != width and not (len(record) == 1 and not record[0].strip()):
            yield row, width, len(record)
