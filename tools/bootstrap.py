"""Make ``.venv`` ready: the package and its extras, beside the project.

``make`` calls this before every target; when nothing has changed it returns at once. It needs one of: a
Python >= 3.12 with venv; any Python >= 3.8 with venv or pip (they bring uv, which brings a Python); uv.
Written for the standard library of Python 3.8.
"""

import argparse
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "ready.json")
TOOLS = os.path.join(ROOT, ".tools")
UV_IN_VENV = os.path.join(TOOLS, "uv")
UV_BY_PIP = os.path.join(TOOLS, "uv-by-pip")
OLDEST = (3, 12)
NAMES = ("python3.12", "python3.13", "python3.14", "python3", "python")
PACKAGE = ["-c", os.path.join(ROOT, "constraints.txt"), "-e", ROOT + "[dev,notebook]"]
PIP = ["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--no-input"]
ELSEWHERE = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_SYSTEM_PYTHON", "UV_PYTHON")
AGAIN = "then run the same command again."


class Failed(Exception):
    """A step failed; the text says what to do."""


def main():
    """Make the environment, or resolve constraints.txt anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--constraints", action="store_true", help="resolve constraints.txt anew")
    options = parser.parse_args()
    try:
        if options.constraints:
            resolve()
        elif not is_ready():
            with one_at_a_time():
                if not is_ready():
                    set_up()
    except Failed as failure:
        sys.exit("phenotyper set-up: %s" % failure)
    except KeyboardInterrupt:
        sys.exit(130)


def set_up():
    """Build the environment from nothing and stamp it."""
    started = time.time()
    uv, python = find_uv(), find_python()
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    uv = uv or install_uv(python)
    if uv is None and python is None:
        raise Failed(
            "this machine's python3 has neither venv nor pip. Install one of them "
            "(Debian, Ubuntu: apt-get install python3-venv), or uv, " + AGAIN
        )
    say("set-up, once: installing the packages of constraints.txt into .venv (a minute or so) ...")
    if uv is None or not install_with_uv(uv, python):
        install_with_pip(python or base_of_venv())
    with open(STAMP, "w", encoding="utf-8") as file:
        json.dump({"key": key(), "wanted": os.environ.get("PYTHON", "")}, file)
    say("set-up done in %.0f s." % (time.time() - started))


def resolve():
    """Write constraints.txt: one set of versions for every system and every Python >= 3.12, no host."""
    uv = find_uv() or install_uv(find_python())
    if uv is None:
        raise Failed("uv could not be installed. Install it, or python3-venv, " + AGAIN)
    command = [uv, "pip", "compile", "--quiet", "--upgrade", "--all-extras", "--universal"]
    command += ["--python-version", "%d.%d" % OLDEST, "--no-annotate", "--no-header", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--output-file", "constraints.txt", "pyproject.toml"]
    if not runs(command, show="no set of versions fits"):
        raise Failed("constraints.txt was left as it was. Mend the bounds in pyproject.toml, " + AGAIN)


@contextlib.contextmanager
def one_at_a_time():
    """Let a second ``make`` wait for the first one's set-up."""
    os.makedirs(TOOLS, exist_ok=True)
    with open(os.path.join(TOOLS, "lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_ready():
    """Tell whether .venv was made from the same files, in this place, by a Python that is still there."""
    try:
        with open(STAMP, encoding="utf-8") as file:
            stamp = json.load(file)
        same_python = os.environ.get("PYTHON", stamp["wanted"]) == stamp["wanted"]
        return same_python and stamp["key"] == key() and os.path.exists(VENV_PYTHON)
    except (OSError, ValueError, KeyError):
        return False


def key():
    """Return a hash of all that the environment depends on."""
    digest = hashlib.sha256(ROOT.encode())
    ours = [os.path.join(ROOT, name) for name in ("pyproject.toml", "constraints.txt")]
    for path in [*ours, os.path.abspath(__file__), os.path.join(VENV, "pyvenv.cfg")]:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def find_python():
    """Return a CPython >= 3.12, or None: $PYTHON, this one, PATH's, those that pyenv's shims hide."""
    wanted = os.environ.get("PYTHON")
    if wanted:
        if not is_recent(wanted):
            raise Failed("PYTHON=%s is no CPython %d.%d or later. Set or unset it." % (wanted, *OLDEST))
        return shutil.which(wanted)
    pyenv = os.environ.get("PYENV_ROOT", os.path.join(os.path.expanduser("~"), ".pyenv"))
    of_pyenv = []
    for minor in (12, 13, 14):
        of_pyenv += glob.glob(os.path.join(pyenv, "versions", "3.%d*" % minor, "bin", "python"))
    for candidate in [os.path.realpath(sys.executable), *map(shutil.which, NAMES), *of_pyenv]:
        if candidate and is_recent(candidate):
            return candidate
    return None


def is_recent(python):
    """Tell whether this runs and is a CPython >= 3.12."""
    code = "import sys; sys.exit(sys.implementation.name != 'cpython' or sys.version_info < (%d, %d))"
    return runs([python, "-c", code % OLDEST])


def find_uv():
    """Return a uv that runs (PATH, or installed here before), or None."""
    here = [os.path.join(folder, "bin", "uv") for folder in (UV_IN_VENV, UV_BY_PIP)]
    for candidate in [shutil.which("uv"), *here]:
        if candidate and runs([candidate, "--version"]):
            return candidate
    return None


def install_uv(python):
    """Install uv into .tools with venv or pip of this or the given Python; return its path, or None."""
    for host in dict.fromkeys([sys.executable, python]):
        in_venv = [os.path.join(UV_IN_VENV, "bin", "python"), *PIP, "uv"]
        if host and runs([host, "-m", "venv", UV_IN_VENV]) and runs(in_venv):
            return find_uv()
        shutil.rmtree(UV_IN_VENV, ignore_errors=True)
        if host and runs([host, *PIP, "--target", UV_BY_PIP, "uv"]):
            return find_uv()
        shutil.rmtree(UV_BY_PIP, ignore_errors=True)
    return None


def install_with_uv(uv, python):
    """Make .venv with uv; False when pip, which reads another configuration, is to be tried."""
    wanted = python or "%d.%d" % OLDEST
    command = [uv, "venv", "--quiet", "--python", wanted, VENV]
    made = runs(command, show="uv could not make .venv with Python %s" % wanted)
    command = [uv, "pip", "install", "--quiet", "--python", VENV_PYTHON, *PACKAGE]
    return made and runs(command, show="uv could not install the packages, so pip is tried")


def install_with_pip(python):
    """Make .venv with the venv and pip of a Python >= 3.12."""
    if python is None:
        raise Failed(
            "no Python %d.%d or later was found and uv could not fetch one. Install one, "
            "or name it: make PYTHON=/path/to/python%d.%d" % (OLDEST + OLDEST)
        )
    shutil.rmtree(VENV, ignore_errors=True)
    if not runs([python, "-m", "venv", VENV], show="%s -m venv failed" % python):
        raise Failed("%s lacks venv. Install it (Debian, Ubuntu: python3-venv), %s" % (python, AGAIN))
    if not runs([VENV_PYTHON, *PIP, *PACKAGE], show="pip could not install the packages"):
        raise Failed("the packages are not installed. Check the network and pip's configuration, " + AGAIN)


def base_of_venv():
    """Return the Python that uv made .venv from (it may have fetched it), or None."""
    return os.path.realpath(VENV_PYTHON) if os.path.exists(VENV_PYTHON) else None


def runs(command, show=""):
    """Tell whether a command ends well; with ``show``, if it does not say so, with its output."""
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment["PIP_USER"] = "0"
    if "UV_SYSTEM_CERTS" not in environment and "UV_NATIVE_TLS" not in environment:
        environment.update(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1")  # one setting, its newer and older name
    try:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, env=environment, cwd=ROOT, **streams)
        code, output = done.returncode, done.stdout.decode("utf-8", "replace")
    except OSError as error:
        code, output = 1, str(error)
    if code and show:
        say("%s:\n%s" % (show, output[-2000:].rstrip()))
    return code == 0


def say(text):
    """Print a line at once."""
    print("phenotyper: %s" % text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
