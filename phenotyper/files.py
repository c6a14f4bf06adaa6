"""Folders and files that are written whole or not at all, locks, hashes, safe names."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phenotyper.errors import OutputError, Problem

UNFINISHED = ".unfinished"
"""A file in every folder that is being written; a folder with it is ours and not whole."""

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
_EMPTY_LOCK_SECONDS = 60.0
_held: set[Path] = set()
_one_thread = threading.Lock()


@contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False, marker: str = "run.json") -> Iterator[Path]:
    """Give a ``.partial`` folder to write into and rename it to ``path`` when the block ends well.

    When the block fails, what was written is removed (parent folders made for it as well) and an older
    ``path`` stays as it was. A lock beside it keeps a second run out; the lock and the ``.partial`` folder of
    a run that was killed are cleared away by the next one.

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
    target = place_of(path)
    refuse_existing(target, overwrite=overwrite, marker=marker)
    partial, old = target.with_name(target.name + ".partial"), target.with_name(f".{target.name}.replaced")
    with _explained(target), _parents(target), _locked(target):
        _recover(target, old)
        refuse_existing(target, overwrite=overwrite, marker=marker)
        _clear(partial, marker)
        try:
            partial.mkdir()
            (partial / UNFINISHED).touch()
            yield partial
            _sync(partial)
            refuse_existing(target, overwrite=overwrite, marker=marker)
            (partial / UNFINISHED).unlink()
            _swap(partial, target, old)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def place_of(path: str | Path) -> Path:
    """Return the absolute path of a folder to write: ``~``, ``..`` and links are followed.

    Raises
    ------
    OutputError
        NOT_WRITABLE: the text cannot be a path.
    """
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        message = f"{str(path)!r} is no path of a folder ({error})"
        raise OutputError(Problem("NOT_WRITABLE", message, "Choose another folder.")) from error


def refuse_existing(path: str | Path, *, overwrite: bool, marker: str = "run.json") -> None:
    """Raise ``OutputError EXISTS`` when the path is there and may not be replaced."""
    path = Path(path)
    with _explained(path):
        if not path.exists():
            return
        if not path.is_dir():
            message, remedy = "is a file, not a folder", "Choose another folder."
        elif any(path.iterdir()) and not (path / marker).is_file():
            message = f"was not written by phenotyper (it holds no {marker})"
            remedy = "It is never replaced: choose another folder."
        elif overwrite:
            return
        else:
            message = "exists already"
            remedy = "Choose another folder, or overwrite (--overwrite, overwrite=True)."
    raise OutputError(Problem("EXISTS", f"{path} {message}", remedy))


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it where they are absent.

    Raises
    ------
    OutputError
        NO_SPACE or NOT_WRITABLE.
    """
    path = Path(path)
    with _explained(path):
        path.mkdir(parents=True, exist_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file whole, see :func:`write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole: a temporary file beside it, flushed to disk, then renamed.

    Raises
    ------
    OutputError
        NO_SPACE or NOT_WRITABLE; a file that was there before stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and digests of all files of a folder."""
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(inner for inner in path.rglob("*") if inner.is_file())
    lines = "".join(f"{sha256_of(file)} {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


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
    if plain and plain == text:
        return plain
    return f"{plain or 'name'}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


@contextmanager
def _parents(target: Path) -> Iterator[None]:
    """Make the folders above; those that were made go again when the block fails."""
    absent = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in absent:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    lock = target.with_name(target.name + ".lock")
    with _one_thread:
        if not _take(lock) and not (_clear_stale(lock) and _take(lock)):
            message = f"another run writes to {target} ({lock.name} is there)"
            remedy = (
                f"Wait for it, or choose another folder. Delete {lock.name} only if no such run is alive."
            )
            raise OutputError(Problem("LOCKED", message, remedy))
        _held.add(lock)
    try:
        yield
    finally:
        _held.discard(lock)
        with suppress(OSError):
            lock.unlink()


def _take(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {_birth(os.getpid())} {socket.gethostname()}")
    return True


def _clear_stale(lock: Path) -> bool:
    """Remove the lock of a dead process; say whether the place is free to be taken.

    The lock is first moved aside, which only one of several waiting runs can do, and looked at once more:
    another run may have cleared it and taken the place meanwhile.
    """
    seen = _holder(lock)
    if not _is_gone(lock, seen):
        return False
    aside = lock.with_name(f".{lock.name}.{os.getpid()}")
    try:
        lock.rename(aside)
    except FileNotFoundError:
        return True
    if _holder(aside) == seen:
        aside.unlink()
        return True
    with suppress(OSError):
        os.link(aside, lock)
    aside.unlink()
    return False


def _holder(lock: Path) -> str | None:
    try:
        return lock.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _is_gone(lock: Path, holder: str | None) -> bool:
    if holder is None:
        return True
    if not holder:
        with suppress(FileNotFoundError):
            return time.time() - lock.stat().st_mtime > _EMPTY_LOCK_SECONDS
        return True
    number, birth, host = (*holder.split(maxsplit=2), "", "", "")[:3]
    if not number.isdecimal() or host != socket.gethostname():
        return False
    if int(number) == os.getpid():
        return lock not in _held
    return not _lives(int(number), birth)


def _lives(number: int, birth: str) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    now = _birth(number)
    return "-" in (now, birth) or now == birth


def _birth(number: int) -> str:
    """Return when a process started, where the system tells: numbers of processes are used again."""
    try:
        return Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"


def _recover(target: Path, old: Path) -> None:
    """Undo or end the exchange of two folders that a killed run had begun."""
    if old.is_dir() and not target.exists():
        old.rename(target)
    else:
        shutil.rmtree(old, ignore_errors=True)


def _clear(partial: Path, marker: str) -> None:
    """Remove what a killed run left; never a folder of somebody else."""
    if partial.is_dir() and not partial.is_symlink():
        ours = any((partial / name).is_file() for name in (UNFINISHED, marker))
        if ours or not any(partial.iterdir()):
            shutil.rmtree(partial)
    if partial.exists() or partial.is_symlink():
        message = f"{partial} is in the way and was not written by phenotyper"
        raise OutputError(Problem("EXISTS", message, "Remove it, or choose another folder."))


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _swap(partial: Path, target: Path, old: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    target.rename(old)
    try:
        partial.rename(target)
    except BaseException:
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
            message, remedy = (
                "the disk is full or the quota is used up at",
                "Free space, or choose another disk.",
            )
            problem = Problem("NO_SPACE", f"{message} {target}", remedy)
        elif _concerns(error, target):
            reason = (error.strerror or "not possible").lower()
            message = f"{target} cannot be written ({reason})"
            problem = Problem("NOT_WRITABLE", message, "Choose a folder that you may write to.")
        else:
            raise
        raise OutputError(problem) from error


def _concerns(error: OSError, target: Path) -> bool:
    """Tell whether the error is about the place written to, not about something read or run meanwhile."""
    if not isinstance(error.filename, str | bytes):
        return error.errno in _REFUSED
    place, target = Path(os.fsdecode(error.filename)).absolute(), target.absolute()
    above, beside = target.is_relative_to(place), place.parent == target.parent
    return above or beside or place.is_relative_to(target.with_name(target.name + ".partial"))
