"""JSON files of a folder, plain or .gz: one document, a list, or one document a line."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from phenotyper.cohort.readers.contract import Source, file_problem
from phenotyper.errors import CohortError, Problem, listed, number_of

ENDINGS = (".json", ".ndjson", ".jsonl")
_AGAIN = "Copy it again from where it came."


@dataclass(frozen=True)
class Item:
    """One document: what it holds, its file, and its place there ("line 3", "item 2", or "")."""

    value: Any
    file: str
    place: str = ""

    @property
    def where(self) -> str:
        """Return file and place as a person reads them."""
        return f"{self.file} {self.place}".rstrip()


def read_items(source: Source, *, apart: tuple[Path, ...] = ()) -> Iterator[Item]:
    """Yield every document of a file or a folder, files in the order of their names.

    Parameters
    ----------
    source : Source
        The file or the folder.
    apart : tuple of Path
        Files of the folder that are read otherwise.

    Raises
    ------
    CohortError
        FILE_TYPE, FILE_EMPTY, ENCODING, FILE_DAMAGED with the place, all damaged files at once.
    """
    files = json_files(source, apart=apart)
    total = sum(file.stat().st_size for file in files)
    problems: list[Problem] = []
    done = 0
    for file in files:
        name = file.name if file == source.path else file.relative_to(source.file).as_posix()
        try:
            yield from _items(file, name)
        except CohortError as error:
            problems += error.problems
        done += file.stat().st_size
        if source.progress is not None:
            source.progress(done, total)
    if problems:
        raise CohortError(problems)


def json_files(source: Source, *, apart: tuple[Path, ...] = ()) -> list[Path]:
    """Return the JSON files of a source.

    Raises
    ------
    CohortError
        FILE_TYPE for a table in memory, FILE_EMPTY for a folder without such files.
    """
    if source.path is None:
        raise file_problem(source, "FILE_TYPE", "is a table in memory", f"{source.format} reads files.")
    if not source.path.is_dir():
        return [source.path]
    beside = {path.resolve() for path in apart}
    found = sorted(
        file
        for file in source.path.rglob("*")
        if file.is_file()
        and file.name.lower().removesuffix(".gz").endswith(ENDINGS)
        and not file.name.startswith(".")
        and file.resolve() not in beside
    )
    if not found:
        remedy = f"Give a folder with {listed(ENDINGS)} files."
        raise file_problem(source, "FILE_EMPTY", "holds no JSON file", remedy)
    return found


def read_json(file: Path, name: str) -> Any:
    """Read one document.

    Raises
    ------
    CohortError
        ENCODING, FILE_EMPTY, FILE_DAMAGED with line and column.
    """
    text = _text(file, name)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _damaged(name, error) from error


def _items(file: Path, name: str) -> Iterator[Item]:
    if not name.lower().removesuffix(".gz").endswith(".json"):
        with _opened(file, name) as stream:
            yield from _by_line(stream, name)
        return
    text = _text(file, name)
    try:
        whole = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        if not _is_by_line(text):
            raise _damaged(name, error) from error
        yield from _by_line(io.BytesIO(text.encode()), name)
        return
    if isinstance(whole, list):
        yield from (Item(value, name, f"item {number}") for number, value in enumerate(whole, start=1))
    else:
        yield Item(whole, name)


def _by_line(stream: IO[bytes], name: str) -> Iterator[Item]:
    empty = True
    for number, line in enumerate(_explained(stream, name), start=1):
        if not line.strip():
            continue
        empty = False
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise _not_utf8(name, error, line=number) from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise _damaged(name, error, line=number) from error
        yield Item(value, name, f"line {number}")
    if empty:
        raise CohortError(Problem("FILE_EMPTY", f"{name} is empty", _AGAIN, where=name))


def _is_by_line(text: str) -> bool:
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    try:
        return isinstance(json.loads(first), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


@contextmanager
def _opened(file: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise _unreadable(name, error) from error
    with stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if packed else stream


def _explained(stream: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from stream
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(name, error) from error


def _text(file: Path, name: str) -> str:
    with _opened(file, name) as stream:
        raw = b"".join(_explained(stream, name))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error) from error
    if not text.strip():
        raise CohortError(Problem("FILE_EMPTY", f"{name} is empty", _AGAIN, where=name))
    return text


def _unreadable(name: str, error: Exception) -> CohortError:
    return CohortError(Problem("FILE_DAMAGED", f"{name} cannot be read ({error})", _AGAIN, where=name))


def _not_utf8(name: str, error: UnicodeDecodeError, *, line: int = 0) -> CohortError:
    place = f"line {line}, byte {error.start}" if line else f"byte {error.start}"
    message = f"{name} is not UTF-8 ({place} is 0x{error.object[error.start]:02x})"
    return CohortError(Problem("ENCODING", message, "Save it as UTF-8.", where=name))


def _damaged(name: str, error: Exception, *, line: int = 0) -> CohortError:
    if isinstance(error, json.JSONDecodeError):
        at = f"line {line or error.lineno}, column {error.colno}"
        message = f"{name} is not whole JSON ({at}: {error.msg})"
    else:
        message = f"{name} is nested too deeply"
    return CohortError(Problem("FILE_DAMAGED", message, _AGAIN, where=name))


def not_an_object(source: Source, items: list[str]) -> CohortError:
    """Return the error that documents are no objects, or none of those that the format knows."""
    message = (
        f"{source.name} has {number_of(len(items), 'document')} that are no {source.format}: {listed(items)}"
    )
    remedy = "Take them out of the folder, or correct file."
    return CohortError(Problem("FILE_DAMAGED", message, remedy, where=source.name))
