"""Folders and files that are written whole or not at all, locks, hashes, safe names."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phenotyper.errors import OutputError, Problem

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT}


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False, marker: str = "run.json") -> Iterator[Path]:
    """Give a ``.partial`` folder to write into and rename it to ``path`` when the block ends well.

    When the block fails, what was written is removed and an older ``path`` stays as it was. A lock beside it keeps a
    second run out.

    Parameters
    ----------
    path : str or Path
        The folder to make.
    overwrite : bool
        Replace an existing folder (only once the new one is whole).
    marker : str
        A file that tells a folder of ours; without it a folder is never replaced.

    Yields
    ------
    Path
        The folder to write into.

    Raises
    ------
    OutputError
        EXISTS, LOCKED, NO_SPACE or NOT_WRITABLE.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with whole_folder(Path(home) / "run") as folder:
    ...         _ = (folder / "note.txt").write_text("done")
    ...     sorted(entry.name for entry in Path(home).iterdir())
    ['run']
    """
    target = Path(path).expanduser().absolute()
    refuse_existing(target, overwrite=overwrite, marker=marker)
    partial = target.with_name(target.name + ".partial")
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                yield partial
                _sync(partial)
                refuse_existing(target, overwrite=overwrite, marker=marker)
                _swap(partial, target)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise


def refuse_existing(path: str | Path, *, overwrite: bool, marker: str = "run.json") -> None:
    """Raise ``OutputError EXISTS`` when the path is there and may not be replaced."""
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputError(
            Problem("EXISTS", f"{path} exists already", "Choose another folder, or overwrite (--overwrite, overwrite=True).")
        )
    if path.exists() and not path.is_dir():
        raise OutputError(Problem("EXISTS", f"{path} is a file, not a folder", "Choose another folder."))
    if path.exists() and any(path.iterdir()) and not (path / marker).exists():
        raise OutputError(
            Problem("EXISTS", f"{path} was not written by phenotyper (it holds no {marker})", "It is never replaced: choose another folder.")
        )


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file whole: a temporary file beside it, flushed to disk, then renamed."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_name(text: str, *, longest: int = 60) -> str:
    """Return a file name made of letters, digits, ``-`` and ``_``; different texts stay different.

    Examples
    --------
    >>> safe_name("days_to_relapse")
    'days_to_relapse'
    >>> safe_name("../../x") == safe_name("x")
    False
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:longest]
    if plain == text:
        return plain
    return f"{plain or 'name'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    lock = target.with_name(target.name + ".lock")
    mine = f"{os.getpid()} {socket.gethostname()}"
    if not _take(lock, mine):
        if _holder_is_gone(lock):
            lock.unlink(missing_ok=True)
        if not _take(lock, mine):
            raise OutputError(
                Problem(
                    "LOCKED",
                    f"another run writes to {target} ({lock.name} is there)",
                    f"Wait for it, or choose another folder. Delete {lock.name} only if no such run is alive.",
                )
            )
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _take(lock: Path, mine: str) -> bool:
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(mine)
    return True


def _holder_is_gone(lock: Path) -> bool:
    try:
        pid, host = lock.read_text(encoding="utf-8").split()
        if host != socket.gethostname():
            return False
        os.kill(int(pid), 0)
    except FileNotFoundError:
        return True
    except ProcessLookupError:
        return True
    except (ValueError, OSError):
        return False
    return False


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _swap(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn what the disk says into a coded error; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            problem = Problem("NO_SPACE", f"the disk is full or the quota is used up at {target}", "Free space, or choose another disk.")
        elif error.errno in _REFUSED and _concerns(error, target):
            reason = (error.strerror or "not possible").lower()
            problem = Problem("NOT_WRITABLE", f"{target} cannot be written ({reason})", "Choose a folder that you may write to.")
        else:
            raise
        raise OutputError(problem) from error


def _concerns(error: OSError, target: Path) -> bool:
    """Tell whether the error is about the place written to, not about some input read meanwhile."""
    return error.filename is None or Path(str(error.filename)).absolute().is_relative_to(target.absolute().parent)
