"""CSV and TSV, plain or .gz: ids and levels stay text, numbers are exact, nothing is guessed."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.frames import joined, number_codes
from phenotyper.cohort.readers.textfile import open_bytes, open_lines, scanned
from phenotyper.cohort.values import numbers_of, without_missing

_CELLS, _PARTS = 4_000_000, 8
"""A table is parsed in pieces of so many cells, or in so many parts when these are larger: a part costs
memory, a piece of a wide table costs time for each column."""
_ROWS = 256
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
    cells = _read(source, delimiter, texts=_text_positions(source, names), width=len(names), most=most)
    if not len(cells.rows):
        raise file_problem(
            source, "FILE_EMPTY", "holds a header and no patients", "Give a file with one row a patient."
        )
    _refuse_ragged(source, delimiter, cells)
    return _table(source, cells, names)


class _Cells(NamedTuple):
    """What a file holds: a matrix of the columns of numbers, texts by position, and the rows of both."""

    numbers: np.ndarray
    numeric: list[int]
    words: pd.DataFrame
    rows: np.ndarray


def _table(source: Source, cells: _Cells, names: list[str]) -> RawTable:
    ids, words = None, cells.words
    if source.id_column in names:
        ids = words.pop(names.index(source.id_column)).fillna("").to_numpy(dtype=object)
    texts = {
        position: without_missing(words[position].astype("str"), source.missing_codes) for position in words
    }
    frame = joined(cells.numbers, cells.numeric, texts)
    frame.columns = pd.Index([names[position] for position in frame.columns], dtype="str")
    return RawTable(source.name, frame, ids, cells.rows, source.id_column, decimal=source.decimal or ".")


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


def _read(source: Source, delimiter: str, *, texts: set[int], width: int, most: int) -> _Cells:
    """Read all cells: one float64 matrix of the numeric columns, which is filled piece by piece, and texts.

    A column that turns out to hold something else than numbers, or True and False, is read again as text.
    """
    numeric = [position for position in range(width) if position not in texts]
    numbers = np.empty((most, len(numeric)), dtype=np.float64)
    step = max(_CELLS // width, most // _PARTS, 1)
    words: list[pd.DataFrame] = []
    rows: list[np.ndarray] = []
    doubtful: set[int] = set()
    at = record = 0
    for read in _pieces(source, delimiter, width=width, texts=texts, step=step):
        filled = ~_blank_lines(read)
        rows.append(record + np.flatnonzero(filled))
        record += len(read)
        piece = read if filled.all() else read[filled]
        kinds = zip(piece.columns, piece.dtypes, strict=True)
        doubtful |= {position for position, dtype in kinds if dtype.kind not in "iuf"} - texts
        _fill(numbers[at : at + len(piece)], piece, numeric, doubtful, number_codes(source))
        words.append(piece[sorted(texts)])
        at += len(piece)
    records = np.concatenate(rows) if rows else np.zeros(0, dtype=int)
    told = pd.concat(words, ignore_index=True) if words else pd.DataFrame()
    numbers = numbers[:at]
    if doubtful:
        every = set(range(width))
        again = _pieces(source, delimiter, width=width, texts=every, step=step, only=sorted(doubtful))
        doubted = pd.concat(again, ignore_index=True).iloc[records].reset_index(drop=True)
        doubtful -= _numbers_after_all(source, doubted, numbers, numeric)
        numbers = _without(numbers, [numeric.index(position) for position in sorted(doubtful)])
        numeric = [position for position in numeric if position not in doubtful]
        told = pd.concat([told, doubted[sorted(doubtful)]], axis=1)
    return _Cells(numbers, numeric, told, records + FIRST_ROW)


def _fill(
    numbers: np.ndarray, piece: pd.DataFrame, numeric: list[int], doubtful: set[int], codes: list[float]
) -> None:
    """Write a piece into its rows of the matrix; columns in doubt are left as they are."""
    fine = [place for place, position in enumerate(numeric) if position not in doubtful]
    chosen = piece[[numeric[place] for place in fine]].to_numpy(dtype=np.float64)
    if codes:
        chosen = np.where(np.isin(chosen, codes), np.nan, chosen)
    if len(fine) == len(numeric):
        numbers[:] = chosen
    else:
        numbers[:, fine] = chosen


def _numbers_after_all(
    source: Source, doubted: pd.DataFrame, numbers: np.ndarray, numeric: list[int]
) -> set[int]:
    """Write columns that hold numbers too large for an integer into the matrix; return their positions."""
    found = set()
    for position in doubted:
        cells = without_missing(doubted[position].astype("str"), source.missing_codes)
        values, wrong = numbers_of(cells, np.arange(len(cells)), decimal=source.decimal or ".")
        if not wrong:
            numbers[:, numeric.index(position)] = values
            found.add(position)
    return found


def _without(numbers: np.ndarray, places: list[int]) -> np.ndarray:
    """Return a matrix without some columns, in the memory that it has: the others move up."""
    kept = np.delete(np.arange(numbers.shape[1]), places)
    for start in range(0, len(numbers) if places else 0, _ROWS):
        some = numbers[start : start + _ROWS]
        some[:, : len(kept)] = some[:, kept]
    return numbers[:, : len(kept)]


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


def _refuse_ragged(source: Source, delimiter: str, cells: _Cells) -> None:
    """Look for short rows, which pandas fills up, wherever the last column has an empty cell."""
    last = max([*cells.numeric, *cells.words.columns])
    if last in cells.words:
        gaps = cells.words[last].isna() | (cells.words[last] == "")
    else:
        gaps = np.isnan(cells.numbers[:, -1])
    if gaps.any():
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
