"""Folders that are whole or absent, whatever happens meanwhile; locks; names."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenotyper import files
from phenotyper.errors import OutputError
from phenotyper.files import (
    UNFINISHED,
    make_folder,
    place_of,
    refuse_existing,
    safe_name,
    sha256_of,
    whole_folder,
    write_text,
)

DIES_WHILE_WRITING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from phenotyper.files import whole_folder
with whole_folder(sys.argv[1], overwrite=True) as folder:
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    signal.pause()
"""


def listing(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def write_run(path, text="new", **options):
    """Write a folder as a run does: some files, run.json last."""
    with whole_folder(path, **options) as folder:
        (folder / "share").mkdir()
        (folder / "share" / "page.md").write_text(text)
        (folder / "run.json").write_text(text)


def fail_to_write(path, error, **options):
    with whole_folder(path, **options) as folder:
        (folder / "half.txt").write_text("half")
        raise error


def code_of(work, *arguments, **options):
    """Return the code of the output error that a call raises."""
    with pytest.raises(OutputError) as caught:
        work(*arguments, **options)
    assert len(caught.value.problems) == 1
    return caught.value.codes[0]


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


WHOLE = ["run", "run/run.json", "run/share", "run/share/page.md"]


# Whole or absent


def test_a_folder_is_whole_and_nothing_is_beside_it(tmp_path):
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


def test_while_it_is_written_there_is_only_the_partial_folder_and_the_lock(tmp_path):
    with whole_folder(tmp_path / "run") as folder:
        assert folder == tmp_path / "run.partial"
        assert listing(tmp_path) == ["run.lock", "run.partial", f"run.partial/{UNFINISHED}"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), SystemExit(3)], ids=type)
def test_a_run_that_fails_leaves_nothing_not_even_folders_above(tmp_path, error):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(type(error)) as caught:
        fail_to_write(tmp_path / "there" / "a" / "b" / "run", error)
    assert caught.value is error
    assert listing(tmp_path) == ["there", "there/mine.txt"]


def test_folders_above_stay_when_somebody_else_uses_them_meanwhile(tmp_path):
    def others_write_too():
        with whole_folder(tmp_path / "a" / "b" / "run"):
            (tmp_path / "a" / "theirs.txt").write_text("theirs")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        others_write_too()
    assert listing(tmp_path) == ["a", "a/theirs.txt"]


def test_an_existing_run_is_refused_and_stays(tmp_path):
    write_run(tmp_path / "run", "old")
    assert code_of(write_run, tmp_path / "run") == "EXISTS"
    assert (tmp_path / "run" / "run.json").read_text() == "old"
    assert listing(tmp_path) == WHOLE


def test_an_existing_run_is_replaced_only_when_the_new_one_is_whole(tmp_path):
    write_run(tmp_path / "run", "old")
    (tmp_path / "run" / "only_in_old.txt").touch()
    with whole_folder(tmp_path / "run", overwrite=True) as folder:
        (folder / "run.json").write_text("new")
        assert (tmp_path / "run" / "run.json").read_text() == "old"
    assert listing(tmp_path) == ["run", "run/run.json"]
    assert (tmp_path / "run" / "run.json").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt()], ids=type)
def test_an_existing_run_stays_whole_when_the_new_one_fails(tmp_path, error):
    write_run(tmp_path / "run", "old")
    with pytest.raises(type(error)):
        fail_to_write(tmp_path / "run", error, overwrite=True)
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "share" / "page.md").read_text() == "old"


def test_an_existing_run_comes_back_when_the_exchange_fails(tmp_path, monkeypatch):
    write_run(tmp_path / "run", "old")
    rename = Path.rename

    def refuse_partial(self, target):
        if self.name == "run.partial":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_partial)
    assert code_of(write_run, tmp_path / "run", overwrite=True) == "NOT_WRITABLE"
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_what_a_run_killed_in_the_middle_of_the_exchange_left_is_mended(tmp_path):
    write_run(tmp_path / ".run.replaced", "old")
    assert code_of(write_run, tmp_path / "run") == "EXISTS"
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_what_a_run_killed_after_the_exchange_left_is_removed(tmp_path):
    write_run(tmp_path / "run", "old")
    write_run(tmp_path / ".run.replaced", "older")
    write_run(tmp_path / "run", "new", overwrite=True)
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "run.json").read_text() == "new"


# What is not ours


def test_a_folder_that_is_not_ours_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="not written by phenotyper") as caught:
            write_run(tmp_path / "thesis", overwrite=overwrite)
        assert caught.value.codes == ("EXISTS",)
    assert listing(tmp_path) == ["thesis", "thesis/chapter.txt"]


def test_a_file_is_never_replaced(tmp_path):
    (tmp_path / "run").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is a file"):
            write_run(tmp_path / "run", overwrite=overwrite)
    assert (tmp_path / "run").read_text() == "mine"


def test_an_empty_folder_needs_overwrite_as_well(tmp_path):
    (tmp_path / "run").mkdir()
    assert code_of(write_run, tmp_path / "run") == "EXISTS"
    write_run(tmp_path / "run", overwrite=True)
    assert listing(tmp_path) == WHOLE


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path):
    def appear():
        with whole_folder(tmp_path / "run", overwrite=True):
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "theirs.txt").touch()

    assert code_of(appear) == "EXISTS"
    assert listing(tmp_path) == ["run", "run/theirs.txt"]


def test_folders_with_names_like_ours_are_left_alone(tmp_path):
    for name in ("run.old", "run.new", "run.partial.kept", "run2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").touch()
    write_run(tmp_path / "run")
    write_run(tmp_path / "run", overwrite=True)
    assert {path for path in listing(tmp_path) if path.endswith("mine.txt")} == {
        "run.old/mine.txt",
        "run.new/mine.txt",
        "run.partial.kept/mine.txt",
        "run2/mine.txt",
    }


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_something_of_others_in_place_of_the_partial_folder_stops_the_run(tmp_path, what):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").touch()
    place = tmp_path / "run.partial"
    if what == "folder":
        (tmp_path / "mine").rename(place)
    elif what == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "mine")
    before = listing(tmp_path)
    with pytest.raises(OutputError, match=r"run\.partial is in the way"):
        write_run(tmp_path / "run")
    assert listing(tmp_path) == before


# Killed and interrupted runs


def test_a_killed_run_leaves_only_partial_folder_and_lock_and_the_next_one_clears_them(tmp_path):
    command = [sys.executable, "-c", DIES_WHILE_WRITING, str(tmp_path / "run"), "SIGKILL"]
    assert subprocess.run(command, cwd=Path(files.__file__).parents[1]).returncode == -signal.SIGKILL
    assert listing(tmp_path) == [
        "run.lock",
        "run.partial",
        f"run.partial/{UNFINISHED}",
        "run.partial/half.txt",
    ]
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


def test_a_run_killed_while_overwriting_leaves_the_old_one_whole(tmp_path):
    write_run(tmp_path / "run", "old")
    command = [sys.executable, "-c", DIES_WHILE_WRITING, str(tmp_path / "run"), "SIGKILL"]
    subprocess.run(command, cwd=Path(files.__file__).parents[1])
    assert [path for path in listing(tmp_path) if path.startswith("run/")] == WHOLE[1:]
    assert (tmp_path / "run" / "run.json").read_text() == "old"
    assert code_of(write_run, tmp_path / "run") == "EXISTS"
    write_run(tmp_path / "run", overwrite=True)
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "run.json").read_text() == "new"


def test_control_c_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", DIES_WHILE_WRITING, str(tmp_path / "a" / "run"), "SIGINT"]
    done = subprocess.run(command, cwd=Path(files.__file__).parents[1], capture_output=True)
    assert b"KeyboardInterrupt" in done.stderr
    assert listing(tmp_path) == []


# Locks


def lock_text(number, *, birth=None, host=None):
    return f"{number} {birth or files._birth(number)} {host or socket.gethostname()}"


@pytest.fixture
def dead():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def alive():
    """Return the number of a process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_a_second_run_is_kept_out_and_the_first_is_not_disturbed(tmp_path):
    with whole_folder(tmp_path / "run") as folder:
        (folder / "run.json").write_text("first")
        with pytest.raises(OutputError, match=r"run\.lock is there") as caught:
            write_run(tmp_path / "run")
        assert caught.value.codes == ("LOCKED",)
        write_run(tmp_path / "other")
    assert (tmp_path / "run" / "run.json").read_text() == "first"
    assert not (tmp_path / "run.lock").exists()


def test_the_lock_of_a_living_process_holds(tmp_path, alive):
    (tmp_path / "run.lock").write_text(lock_text(alive))
    assert code_of(write_run, tmp_path / "run") == "LOCKED"
    assert listing(tmp_path) == ["run.lock"]


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, dead):
    (tmp_path / "run.lock").write_text(lock_text(dead, birth="123"))
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


def test_the_lock_of_another_machine_holds(tmp_path, dead):
    (tmp_path / "run.lock").write_text(lock_text(dead, birth="123", host="elsewhere"))
    assert code_of(write_run, tmp_path / "run") == "LOCKED"


def test_a_machine_may_have_spaces_in_its_name(tmp_path, monkeypatch, dead, alive):
    monkeypatch.setattr(socket, "gethostname", lambda: "ward 3 laptop")
    (tmp_path / "run.lock").write_text(lock_text(alive))
    assert code_of(write_run, tmp_path / "run") == "LOCKED"
    (tmp_path / "run.lock").write_text(lock_text(dead, birth="123"))
    with whole_folder(tmp_path / "run"):
        assert (tmp_path / "run.lock").read_text() == lock_text(os.getpid())


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="the system does not tell when a process started"
)
def test_a_process_that_has_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path, alive):
    (tmp_path / "run.lock").write_text(lock_text(alive, birth="123"))
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


def test_where_the_system_does_not_tell_when_a_process_started_a_living_one_holds(tmp_path, alive):
    (tmp_path / "run.lock").write_text(lock_text(alive, birth="-"))
    assert code_of(write_run, tmp_path / "run") == "LOCKED"


def test_a_lock_that_this_process_left_behind_is_taken_over(tmp_path):
    (tmp_path / "run.lock").write_text(lock_text(os.getpid()))
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


@pytest.mark.parametrize("text", ["something else", "x y z", "12"])
def test_a_lock_that_cannot_be_read_holds(tmp_path, text):
    (tmp_path / "run.lock").write_text(text)
    assert code_of(write_run, tmp_path / "run") == "LOCKED"
    assert (tmp_path / "run.lock").read_text() == text


def test_an_empty_lock_holds_only_as_long_as_its_writer_may_need(tmp_path):
    lock = tmp_path / "run.lock"
    lock.touch()
    assert code_of(write_run, tmp_path / "run") == "LOCKED"
    os.utime(lock, (time.time() - 3600,) * 2)
    write_run(tmp_path / "run")
    assert listing(tmp_path) == WHOLE


def test_of_two_that_clear_a_stale_lock_the_later_one_gives_the_place_back(tmp_path, monkeypatch, dead):
    lock = tmp_path / "run.lock"
    lock.write_text(lock_text(dead, birth="123"))
    theirs = lock_text(1, host="elsewhere")

    def other_run_takes_it(lock, holder):
        lock.write_text(theirs)
        return True

    monkeypatch.setattr(files, "_is_gone", other_run_takes_it)
    assert code_of(write_run, tmp_path / "run") == "LOCKED"
    assert listing(tmp_path) == ["run.lock"]
    assert lock.read_text() == theirs


def test_of_many_that_start_at_once_over_a_stale_lock_one_runs(tmp_path, dead):
    (tmp_path / "run.lock").write_text(lock_text(dead, birth="123"))
    start, done, said = threading.Barrier(8), threading.Barrier(8), []

    def compete():
        start.wait()
        try:
            with whole_folder(tmp_path / "run"):
                said.append("ran")
                done.wait()
        except OutputError as error:
            said.append(error.codes[0])
            done.wait()

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(said) == ["LOCKED"] * 7 + ["ran"]
    assert listing(tmp_path) == ["run"]


# Paths


@pytest.mark.parametrize("given", ["run", "run/", "./run", "run/.", "sub/../run", "run//"])
def test_a_path_may_be_written_in_many_ways(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    assert place_of(given) == tmp_path / "run"
    write_run(given)
    assert listing(tmp_path) == WHOLE
    assert code_of(write_run, given) == "EXISTS"


def test_a_name_may_end_in_a_dot(tmp_path):
    write_run(f"{tmp_path}/run.")
    assert (tmp_path / "run." / "run.json").is_file()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_run("~/deep/run")
    assert (tmp_path / "deep" / "run" / "run.json").is_file()


def test_a_link_to_a_run_is_followed(tmp_path):
    write_run(tmp_path / "run", "old")
    (tmp_path / "latest").symlink_to(tmp_path / "run")
    write_run(tmp_path / "latest", "new", overwrite=True)
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "run" / "run.json").read_text() == "new"
    assert listing(tmp_path / "run") == ["run.json", "share", "share/page.md"]


@pytest.mark.parametrize("given", ["~nobody-of-that-name/run", "run\0"])
def test_text_that_is_no_path_is_refused(given):
    assert code_of(place_of, given) == "NOT_WRITABLE"


@pytest.mark.parametrize("below", ["run", "deep/er/run"])
def test_a_path_below_a_file_cannot_be_written(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    assert code_of(write_run, tmp_path / "file" / below) == "NOT_WRITABLE"
    assert (tmp_path / "file").read_text() == "mine"


def test_a_name_that_is_too_long_cannot_be_written(tmp_path):
    assert code_of(write_run, tmp_path / ("x" * 300)) == "NOT_WRITABLE"
    assert code_of(write_run, tmp_path / ("x" * 250)) == "NOT_WRITABLE"
    assert listing(tmp_path) == []


def test_a_folder_without_permission_is_told_with_the_reason(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def refuse(self, *arguments, **options):
        if self.name.endswith(".partial"):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"run cannot be written \(permission denied\)"):
        write_run(tmp_path / "a" / "run")
    assert listing(tmp_path) == []


def test_a_folder_that_may_not_even_be_looked_into_is_told(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", refuse)
    assert code_of(refuse_existing, tmp_path / "run", overwrite=False) == "NOT_WRITABLE"


# Disks


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_half(tmp_path, monkeypatch, number):
    def full(handle):
        raise OSError(number, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert code_of(write_run, tmp_path / "a" / "run") == "NO_SPACE"
    assert listing(tmp_path) == []


def test_a_disk_that_is_full_when_overwriting_leaves_the_old_run(tmp_path, monkeypatch):
    write_run(tmp_path / "run", "old")
    monkeypatch.setattr(os, "fsync", full_disk)
    assert code_of(write_run, tmp_path / "run", overwrite=True) == "NO_SPACE"
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / "run" / "run.json").read_text() == "old"


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/usr/share/kernel.json"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset"),
        OSError("a library's own words"),
    ],
    ids=type,
)
def test_what_has_nothing_to_do_with_the_place_is_not_called_an_output_error(tmp_path, error):
    with pytest.raises(OSError) as caught:
        fail_to_write(tmp_path / "run", error)
    assert caught.value is error


def test_an_error_inside_of_the_folder_is_an_output_error(tmp_path):
    inside = OSError(errno.EIO, "Input/output error", str(tmp_path / "run.partial" / "share" / "x.csv"))
    with pytest.raises(OutputError, match=r"\(input/output error\)"):
        fail_to_write(tmp_path / "run", inside)
    assert code_of(fail_to_write, tmp_path / "run", OSError(errno.EROFS, "Read-only")) == "NOT_WRITABLE"


# Files


def test_text_is_written_byte_for_byte(tmp_path):
    write_text(tmp_path / "a.txt", "µ\nb\r\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb5\nb\r\n"
    write_text(tmp_path / "a.txt", "again")
    assert listing(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "again"


def test_a_file_stays_as_it_was_when_its_new_text_cannot_be_written(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")
    monkeypatch.setattr(os, "fsync", full_disk)
    assert code_of(write_text, tmp_path / "a.txt", "new") == "NO_SPACE"
    assert listing(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_in_a_folder_that_is_absent_is_told(tmp_path):
    assert code_of(write_text, tmp_path / "absent" / "a.txt", "x") == "NOT_WRITABLE"


def test_a_folder_is_made_with_those_above_and_may_be_there(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert listing(tmp_path) == ["a", "a/b"]


def test_a_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("text", ["relapse", "days_to_relapse", "FEV1-z", "0"])
def test_a_plain_name_stays_as_it_is(text):
    assert safe_name(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "../x", "a/b", "a\\b", "🫁", "con.txt", "x" * 300, "a b", "é", "\ud800"]
)
def test_any_other_text_becomes_a_name_that_every_disk_takes(tmp_path, text):
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,69}", name)
    assert name != text
    (tmp_path / f"{name}.csv").touch()


@given(st.text(max_size=80), st.text(max_size=80))
def test_different_texts_have_different_names(first, second):
    assert (safe_name(first) == safe_name(second)) == (first == second)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,69}", safe_name(first))
