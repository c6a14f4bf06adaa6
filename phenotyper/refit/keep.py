"""Finished refits on disk: one npz each, named by all that decides the answer, whole or absent. No pickle."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.files import make_folder, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SCHEMA = 1
_DECIDING = ("hdbscan", "joblib", "numba", "numpy", "scanpy", "scikit-learn", "scipy", "umap-learn")
_EXTRAS = ("igraph", "mofapy2")
_DAMAGE = (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_ROWS_AT_ONCE = 1_024


def digest(thing: Any) -> str:
    """Return a hash of what a thing holds: arrays, texts, numbers, tuples, mappings, dataclasses of these.

    Examples
    --------
    >>> digest((1, "a")) == digest((1, "a")), digest(("1", "a")) == digest((1, "a"))
    (True, False)
    """
    found = hashlib.blake2b(digest_size=32)
    _feed(found, thing)
    return found.hexdigest()


def _feed(found: Any, thing: Any) -> None:
    if isinstance(thing, np.ndarray):
        found.update(f"array {thing.dtype.str} {thing.shape} ".encode())
        for start in range(0, len(thing), _ROWS_AT_ONCE):
            found.update(_plain(thing[start : start + _ROWS_AT_ONCE]))
    elif is_dataclass(thing):
        found.update(f"{type(thing).__name__} ".encode())
        for field in fields(thing):
            _feed(found, (field.name, getattr(thing, field.name)))
    elif isinstance(thing, dict):
        _feed(found, tuple(sorted(thing.items())))
    elif isinstance(thing, tuple | list):
        found.update(f"{len(thing)} of ".encode())
        for part in thing:
            _feed(found, part)
    elif thing is None or isinstance(thing, str | int | float | np.generic):
        plain = thing.item() if isinstance(thing, np.generic) else thing
        text = repr(plain).encode("utf-8", "backslashreplace")
        found.update(f"{len(text)} ".encode() + text)
    else:
        message = f"{type(thing).__name__} cannot be hashed by content"
        raise TypeError(message)


def _plain(rows: NDArray[Any]) -> bytes:
    """Return the bytes of some rows, every missing number and every zero the same."""
    if rows.dtype.kind == "f":
        rows = rows + 0.0
        rows[np.isnan(rows)] = np.nan
    return rows.tobytes()


@cache
def versions() -> dict[str, str]:
    """Return the versions of whatever an answer may change with."""
    from importlib.metadata import PackageNotFoundError, version

    from phenotyper import __version__

    found = {"phenotyper": __version__, "schema": str(SCHEMA), **{name: version(name) for name in _DECIDING}}
    for name in _EXTRAS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


class Keep:
    """A folder of finished answers. It holds a group for each patient, and belongs under ``private/``.

    Parameters
    ----------
    folder : Path
        Made when the first answer is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def read(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays kept under a key; None where there are none, or the file is damaged."""
        try:
            archive = io.BytesIO(self._place(key).read_bytes())
            with np.load(archive, allow_pickle=False) as parts:
                found = {name: parts[name] for name in parts.files}
            return found if str(found.pop("key")) == key else None
        except _DAMAGE:
            return None

    def write(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under a key, whole or not at all.

        Raises
        ------
        OutputError
            NO_SPACE or NOT_WRITABLE.
        """
        archive = io.BytesIO()
        np.savez(archive, allow_pickle=False, key=np.array(key), **arrays)
        make_folder(self.folder)
        write_bytes(self._place(key), archive.getvalue())

    def _place(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def key_of(*parts: Any) -> str:
    """Return the name of an answer: a hash of what it was made from and of the versions.

    Examples
    --------
    >>> key_of("a") == key_of("a"), key_of("a") == key_of("b"), len(key_of("a"))
    (True, False, 40)
    """
    return hashlib.sha256(json.dumps([digest(parts), versions()], sort_keys=True).encode()).hexdigest()[:40]
