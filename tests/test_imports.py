"""What is loaded when (``sys.modules`` of a fresh process), and the names of ``import phenotyper as ph``."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import phenotyper

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"anndata", "hdbscan", "matplotlib", "mudata", "numba", "scanpy", "sklearn", "statsmodels", "umap"}
LIBRARIES = {*HEAVY, "joblib", "numpy", "pandas", "scipy", "tqdm"}


def loaded_by(code):
    """Run code in a fresh process and return the top-level names of the modules that it loaded."""
    code += (
        "\nimport json, sys\nprint('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stdout.splitlines()[-1]))


COMMAND = """
import runpy, sys
sys.argv = ["phenotyper", *{arguments!r}]
try:
    runpy.run_module("phenotyper", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["demo", "--help"], ["run", "--help"]], ids=" ".join
)
def test_asking_the_command_line_for_help_loads_neither_numpy_nor_pandas(arguments):
    said, names = loaded_by(COMMAND.format(arguments=arguments))
    assert "phenotyper" in said.splitlines()[0]
    assert not names & LIBRARIES


def test_importing_phenotyper_loads_no_library():
    _, names = loaded_by("import phenotyper as ph\nassert 'Recipe' in dir(ph)\nph.__version__")
    assert not names & LIBRARIES


def test_an_error_class_is_had_without_any_library():
    _, names = loaded_by("import phenotyper as ph\nph.CohortError")
    assert not names & LIBRARIES


def test_reading_a_cohort_needs_neither_umap_nor_scanpy_nor_matplotlib():
    _, names = loaded_by("import phenotyper as ph\nph.read_cohort('data/demo/cohort.toml', quiet=True)")
    assert "mudata" in names
    assert not names & {"hdbscan", "matplotlib", "scanpy", "umap"}


def test_every_public_name_is_there_and_documented():
    for name in phenotyper.__all__:
        assert (getattr(phenotyper, name).__doc__ or "").strip(), name


def test_dir_shows_the_public_names_and_no_more():
    assert dir(phenotyper) == sorted([*phenotyper.__all__, "__version__"])


def test_the_names_for_type_checkers_are_those_that_load():
    tree = ast.parse(Path(phenotyper.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names}
    assert typed == phenotyper._HOME_OF
    assert sorted(typed) == phenotyper.__all__


def test_an_unknown_name_is_an_attribute_error_that_helps():
    with pytest.raises(AttributeError, match="no attribute 'read_cohrt'") as caught:
        _ = phenotyper.read_cohrt
    assert caught.value.obj is phenotyper
