"""A text file as bytes: whole, unpacked, in UTF-8, without NUL."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from typing import IO, cast

from phenotyper.cohort.readers.contract import Source, file_problem

_CHUNK = 1 << 20


def open_bytes(source: Source) -> IO[bytes]:
    """Open a plain or gzipped file."""
    packed = source.file.name.lower().endswith(".gz")
    return cast("IO[bytes]", gzip.open(source.file, "rb") if packed else source.file.open("rb"))


def open_lines(source: Source) -> io.TextIOWrapper:
    """Open a plain or gzipped file as text; a byte order mark is taken off."""
    return io.TextIOWrapper(open_bytes(source), encoding="utf-8-sig", newline="")


def scanned(source: Source) -> int:
    """Read the bytes once: whole archive, UTF-8, no NUL. Return the most rows that the table can have."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    at = ends = 0
    try:
        with open_bytes(source) as file:
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
                ends += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
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
    return ends + 1


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
