"""CSV and TSV, plain or .gz: ids and levels stay text, numbers are exact, nothing is guessed."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, cast

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem, reads
from phenotyper.cohort.values import without_missing

_CHUNK = 1 << 20
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
    _scan(source)
    delimiter = source.delimiter or ("," if ".csv" in source.file.name.lower()[-7:] else "\t")
    header = _header(source, delimiter)
    names = [name.strip() or f"(column {position})" for position, name in enumerate(header, start=1)]
    texts = _text_positions(source, names)
    frame = _parsed(source, delimiter, len(names), texts)
    frame = _with_text(frame, source, delimiter, texts)
    rows = np.arange(len(frame)) + FIRST_ROW
    filled = ~_blank_lines(frame)
    frame, rows = frame[filled], rows[filled]
    if not len(frame):
        raise file_problem(
            source, "FILE_EMPTY", "holds a header and no patients", "Give a file with one row a patient."
        )
    _refuse_ragged(source, delimiter, frame)
    return _table(source, frame.reset_index(drop=True), names, rows)


def _table(source: Source, frame: pd.DataFrame, names: list[str], rows: np.ndarray) -> RawTable:
    for position in frame.columns:
        if frame[position].dtype != np.float64 and names[position] != source.id_column:
            frame[position] = without_missing(frame[position].astype("str"), source.missing_codes)
    ids = None
    if source.id_column in names:
        place = names.index(source.id_column)
        ids = frame.pop(place).fillna("").to_numpy(dtype=object)
        names = names[:place] + names[place + 1 :]
    frame.columns = pd.Index(names, dtype="str")
    return RawTable(source.name, frame, ids, rows, source.id_column, decimal=source.decimal or ".")


def _open(source: Source) -> IO[bytes]:
    packed = source.file.name.lower().endswith(".gz")
    return cast("IO[bytes]", gzip.open(source.file, "rb") if packed else source.file.open("rb"))


def _lines(source: Source) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open(source), encoding="utf-8-sig", newline="")


def _scan(source: Source) -> None:
    """Read the bytes once: whole archive, UTF-8, no NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    try:
        with _open(source) as file:
            while chunk := file.read(_CHUNK):
                if at == 0:
                    _refuse_start(source, chunk)
                if b"\0" in chunk:
                    place = at + chunk.index(b"\0")
                    raise file_problem(
                        source,
                        "ENCODING",
                        f"holds a NUL byte at byte {place}",
                        "Export it again as UTF-8 text.",
                    )
                decoder.decode(chunk)
                at += len(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        place = at + error.start
        message = f"is not UTF-8 (byte {place} is 0x{error.object[error.start]:02x})"
        raise file_problem(
            source, "ENCODING", message, "Save it as UTF-8; it may be Latin-1 or Windows-1252 now."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise file_problem(
            source, "FILE_DAMAGED", f"cannot be unpacked ({error})", "Copy it again from where it came."
        ) from error
    except PermissionError as error:
        raise file_problem(
            source, "FILE_DAMAGED", "may not be read by you", "Change its permissions."
        ) from error
    if at == 0:
        raise file_problem(
            source, "FILE_EMPTY", "is empty", "Give a file with a header and one row a patient."
        )


def _refuse_start(source: Source, start: bytes) -> None:
    kinds = {
        b"PK\x03\x04": "a zip or Excel file",
        b"\x1f\x8b": "a gzip file without the ending .gz",
        b"\x89HDF": "an HDF5 file",
        b"%PDF": "a PDF",
    }
    for magic, kind in kinds.items():
        if start.startswith(magic):
            raise file_problem(
                source,
                "FILE_DAMAGED",
                f"is {kind}, not text",
                "Give it its right ending, or export it as CSV.",
            )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise file_problem(source, "ENCODING", "is UTF-16", "Save it as UTF-8.")


def _header(source: Source, delimiter: str) -> list[str]:
    try:
        with _lines(source) as lines:
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


def _parsed(
    source: Source, delimiter: str, width: int, texts: set[int], only: list[int] | None = None
) -> pd.DataFrame:
    numeric = [position for position in range(width) if position not in texts]
    options: dict[str, Any] = {
        "header": 0,
        "index_col": False,
        "dtype": dict.fromkeys(sorted(texts), str),
        "keep_default_na": False,
        "na_values": {position: ["", *source.missing_codes] for position in numeric},
        "decimal": source.decimal or ".",
        "skip_blank_lines": False,
        "encoding": "utf-8-sig",
        "low_memory": False,
        **_EXACT,
    }
    try:
        with warnings.catch_warnings(), _open(source) as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(file, sep=delimiter, names=list(range(width)), usecols=only, **options)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _refuse_widths(source, delimiter)
        reason = str(error).split("C error: ")[-1].strip()
        raise file_problem(source, "FILE_DAMAGED", f"cannot be read as a table ({reason})", _QUOTE) from error


def _with_text(frame: pd.DataFrame, source: Source, delimiter: str, texts: set[int]) -> pd.DataFrame:
    """Make numeric columns float64; read those that are no numbers, or True and False, again as text."""
    plain = {position for position, dtype in frame.dtypes.items() if dtype.kind in "iuf"}
    doubtful = [position for position in frame.columns if position not in texts and position not in plain]
    numbers = frame[
        [position for position in frame.columns if position not in texts and position in plain]
    ].astype(np.float64)
    parts = [frame[sorted(texts)], numbers]
    if doubtful:
        parts.append(_parsed(source, delimiter, frame.shape[1], set(frame.columns), only=doubtful))
    return pd.concat(parts, axis=1)[list(range(frame.shape[1]))]


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
    last = frame.iloc[:, -1]
    if last.isna().any() or (last.dtype != np.float64 and (last == "").any()):
        _refuse_widths(source, delimiter)


def _refuse_widths(source: Source, delimiter: str) -> None:
    wrong: list[tuple[int, int, int]] = []
    with _lines(source) as lines, contextlib.suppress(csv.Error):
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
