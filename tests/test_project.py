"""The files around the package agree with each other, and hold nothing of one machine."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import phenotyper

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
COPYLEFT = re.compile(r"GPL|General Public Licen[sc]e", re.IGNORECASE)
COMMANDS = ("demo", "test", "lint", "notebooks", "lab")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def settings():
    return tomllib.loads(text_of("pyproject.toml"))


def requirements(*extras):
    """Return what the core and the named extras ask for, by canonical name."""
    texts = list(settings()["project"]["dependencies"])
    for extra in extras:
        texts += settings()["project"]["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name): Requirement(text) for text in texts}


def constraints():
    """Return the pinned requirements of constraints.txt, by canonical name, split by marker."""
    pinned = {}
    for line in text_of("constraints.txt").splitlines():
        requirement = Requirement(line)
        pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pinned


def tracked_texts():
    """Return path and text of the files that git tracks, or would, but for binary ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode("utf-8")


def closure_of(roots):
    """Return the installed distributions that these requirements pull in, by name."""
    found, seen, todo = {}, set(), list(roots)
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = metadata.distribution(name)
        wanted = map(Requirement, found[name].requires or [])
        todo += [
            one
            for one in wanted
            if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in {"", *extras})
        ]
    return found


def licence_of(distribution):
    """Return what the metadata say of the licence, without the full texts that some put there."""
    fields = distribution.metadata
    said = [fields.get("License-Expression") or (fields.get("License") or "").strip().split("\n")[0]]
    said += [
        text.split("::")[-1].strip()
        for text in fields.get_all("Classifier") or []
        if text.startswith("License ::")
    ]
    return "; ".join(text for text in said if text and text != "UNKNOWN")


def is_permissive(licence):
    """Tell whether one may choose a licence of the text that is not of the GPL family."""
    return any(not COPYLEFT.search(choice) for choice in licence.split(" OR "))


def test_the_conda_environment_asks_for_what_the_package_does():
    environment = yaml.safe_load(text_of("environment.yml"))
    *packages, pip = environment["dependencies"]
    wanted = {
        CONDA_NAMES.get(name, name) + str(one.specifier) for name, one in requirements("notebook").items()
    }
    assert set(packages) == wanted | {f"python{settings()['project']['requires-python']}", "pip"}
    assert pip == {"pip": ["-e ."]}


def test_the_constraints_pin_every_requirement_to_a_version_that_it_allows():
    pinned = constraints()
    for name, requirement in requirements("dev", "notebook").items():
        for one in pinned[name]:
            assert [clause.operator for clause in one.specifier] == ["=="], name
            assert all(requirement.specifier.contains(clause.version) for clause in one.specifier), name


def test_every_requirement_states_its_oldest_version():
    for name, requirement in requirements("dev", "notebook").items():
        assert [clause.operator for clause in requirement.specifier] == [">="], name


@pytest.mark.parametrize(
    "name",
    ["constraints.txt", "pyproject.toml", "environment.yml", "Makefile", ".ci/run", "tools/bootstrap.py"],
)
def test_no_set_up_file_names_a_host(name):
    assert "://" not in text_of(name)
    assert not re.search(r"index[-_]url(?!\")|find[-_]links(?!\")", text_of(name).replace("--no-emit", ""))


def test_the_core_pulls_in_permissive_licences_only():
    licences = {name: licence_of(one) for name, one in closure_of(requirements().values()).items()}
    assert len(licences) > len(requirements())
    assert [name for name, licence in licences.items() if not licence] == []
    assert {name: licence for name, licence in licences.items() if not is_permissive(licence)} == {}


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [("BSD-3-Clause", True), ("GPL-3.0-or-later", False), ("LGPLv2+", False), ("MIT OR GPL-2.0-only", True)],
)
def test_a_licence_of_the_gpl_family_is_told(licence, permissive):
    assert is_permissive(licence) is permissive


def test_the_readme_shows_both_commands():
    assert "make demo" in text_of("README.md")
    assert "make test" in text_of("README.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_make_knows_the_command_and_sets_up_for_it(command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    dry = ["make", "--dry-run", "--no-print-directory", command]
    done = subprocess.run(dry, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "tools/bootstrap.py" in done.stdout.splitlines()[0]


def test_ci_ends_with_the_test_command_of_the_readme():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    lines = text_of(".ci/run").strip().splitlines()
    assert lines[-1].endswith("make test")
    for command in ("make lint", "make types", "make notebooks-check"):
        assert any(line.endswith(command) for line in lines), command


def test_the_set_up_runs_on_an_old_python_with_nothing_installed():
    tree = ast.parse(text_of("tools/bootstrap.py"), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names
    assert names <= sys.stdlib_module_names
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def test_the_oldest_python_is_the_same_everywhere():
    oldest = settings()["project"]["requires-python"].removeprefix(">=")
    assert settings()["tool"]["mypy"]["python_version"] == oldest
    assert settings()["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert f"OLDEST = ({oldest.replace('.', ', ')})" in text_of("tools/bootstrap.py")


def test_the_version_to_cite_is_the_version():
    assert yaml.safe_load(text_of("CITATION.cff"))["version"] == phenotyper.__version__


def test_the_changelog_has_a_place_for_the_next_change():
    headings = [line for line in text_of("CHANGELOG.md").splitlines() if line.startswith("#")]
    assert headings[:2] == ["# Changelog", "## Unreleased"]


def test_no_file_names_a_place_of_this_machine():
    places = {str(ROOT), str(ROOT.parent), str(Path.home()), sys.prefix, sys.base_prefix} - {
        "/",
        "/usr",
        "/usr/local",
    }
    here = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, places))})/")
    assert [f"{name}: {found[0]}" for name, text in tracked_texts() if (found := here.search(text))] == []
