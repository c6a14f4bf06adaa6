"""The set-up decides rightly what to do, and a committed notebook holds nothing of the machine."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import bootstrap
import build_notebooks
import matplotlib.figure
import matplotlib.image
import nbformat
import notebook_outputs
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A title

# %% tags=["parameters"]
import os

cohort = os.environ.get("PHENOTYPER_COHORT", "demo")

# %%
1 + 1

# %%
1 + 1
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that the set-up takes for the project, with an environment that is ready."""
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    for name in ("pyproject.toml", "constraints.txt", ".venv/pyvenv.cfg"):
        (tmp_path / name).write_text("as it is\n", encoding="utf-8")
    for name, value in {"ROOT": tmp_path, "VENV": venv, "STAMP": venv / "ready.json"}.items():
        monkeypatch.setattr(bootstrap, name, str(value))
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", str(venv / "bin" / "python"))
    monkeypatch.delenv("PYTHON", raising=False)
    (venv / "ready.json").write_text(json.dumps({"key": bootstrap.key(), "wanted": ""}), encoding="utf-8")
    return tmp_path


def test_an_environment_made_from_the_same_files_is_ready(project):
    assert bootstrap.is_ready()


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "constraints.txt", ".venv/pyvenv.cfg", ".venv/ready.json"]
)
def test_an_environment_made_from_other_files_is_not_ready(project, name):
    (project / name).write_text("changed\n", encoding="utf-8")
    assert not bootstrap.is_ready()


def test_an_environment_whose_python_is_gone_or_another_is_not_ready(project, monkeypatch):
    monkeypatch.setenv("PYTHON", "another")
    assert not bootstrap.is_ready()
    monkeypatch.delenv("PYTHON")
    (project / ".venv" / "bin" / "python").unlink()
    assert not bootstrap.is_ready()


def test_a_moved_project_is_set_up_again(project, monkeypatch):
    monkeypatch.setattr(bootstrap, "ROOT", str(project.parent))
    assert not bootstrap.is_ready()


def test_a_python_named_by_hand_is_taken_or_refused(monkeypatch):
    monkeypatch.setenv("PYTHON", sys.executable)
    assert bootstrap.find_python() == sys.executable
    monkeypatch.setenv("PYTHON", "python-that-is-not-there")
    with pytest.raises(bootstrap.Failed, match="PYTHON=python-that-is-not-there"):
        bootstrap.find_python()


def test_a_python_behind_the_shims_of_pyenv_is_found(tmp_path, monkeypatch):
    hidden = tmp_path / "versions" / "3.12.9" / "bin" / "python"
    hidden.parent.mkdir(parents=True)
    hidden.symlink_to(sys.executable)
    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap.sys, "executable", "")
    assert bootstrap.find_python() == str(hidden)


def test_a_failed_set_up_says_in_a_sentence_what_to_do():
    command = [sys.executable, str(ROOT / "tools" / "bootstrap.py")]
    environment = {**os.environ, "PYTHON": "python-that-is-not-there"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "phenotyper set-up: PYTHON=python-that-is-not-there is no CPython 3.12 or later. Set or unset it.\n"
    )


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_demo.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def write_executed(source):
    """Write the notebook of a source as if it had been executed."""
    notebook = build_notebooks.read_source(source)
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    source.with_suffix(".ipynb").write_text(build_notebooks.text_of(notebook), encoding="utf-8")
    return notebook


def test_ids_of_cells_depend_on_their_text_and_differ(source):
    first, second = build_notebooks.read_source(source), build_notebooks.read_source(source)
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == 4


def test_a_notebook_that_agrees_with_its_source_passes(source):
    write_executed(source)
    assert build_notebooks.check(source.parent, [source], execute=False) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("A title", "Another title", "cell 1 is not that of 01_demo.py"),
        ('tags=["parameters"]', "", 'one cell tagged "parameters"'),
        ("PHENOTYPER_COHORT", "COHORT", 'one cell tagged "parameters"'),
        ("# # A title\n", "# # A title\n\n# %%\n2\n", "has 4 cells, 01_demo.py 5"),
    ],
)
def test_a_source_changed_since_is_told(source, old, new, says):
    write_executed(source)
    source.write_text(SOURCE.replace(old, new), encoding="utf-8")
    assert any(says in fault for fault in build_notebooks.check(source.parent, [source], execute=False))


def test_a_notebook_without_its_source_or_not_executed_is_told(source):
    assert "has no 01_demo.ipynb" in build_notebooks.disagreements(source)[0]
    notebook = write_executed(source)
    notebook.cells[1].execution_count = None
    source.with_suffix(".ipynb").write_text(build_notebooks.text_of(notebook), encoding="utf-8")
    assert "cell 2 was not executed" in build_notebooks.disagreements(source)[0]
    source.with_suffix(".ipynb").rename(source.parent / "other.ipynb")
    assert "other.ipynb has no other.py" in build_notebooks.check(source.parent, [], execute=False)[0]


def test_the_committed_notebooks_agree_with_their_sources():
    sources = sorted((ROOT / "notebooks").glob("*.py"))
    assert sources
    assert build_notebooks.check(ROOT / "notebooks", sources, execute=False) == []


def notebook_with(*outputs):
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.from_dict(output) for output in outputs])
    return nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})


def cleaned(*outputs):
    return notebook_outputs.cleaned(notebook_with(*outputs), root=Path("/somewhere/project"), metadata={})


def test_outputs_keep_neither_places_nor_warnings_of_third_parties():
    theirs = "/x/lib/site-packages/theirs.py:12: FutureWarning: soon\n  call()\n"
    ours = "/x/ipykernel_1234/987.py:2: PhenotyperWarning: 3 values\n  read()\n"
    notebook = cleaned(
        {"output_type": "stream", "name": "stderr", "text": theirs},
        {"output_type": "stream", "name": "stderr", "text": theirs + ours},
        {"output_type": "stream", "name": "stdout", "text": "in /somewhere/project/data\n"},
    )
    assert [output.text for output in notebook.cells[0].outputs] == [
        "PhenotyperWarning: 3 values\n  read()\n",
        "in data\n",
    ]
    assert "widgets" not in notebook.metadata
    assert notebook_outputs.faults_of(notebook) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{Path.home()}/secret", "a path of this machine"),
        ("<object at 0x7f0012345678>", "the address of an object"),
    ],
)
def test_outputs_that_no_rule_can_clean_are_told(text, says):
    shown = {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
    (fault,) = notebook_outputs.faults_of(cleaned(shown))
    assert "cell 1" in fault
    assert says in fault


def test_a_picture_keeps_its_pixels_and_loses_its_words():
    file = io.BytesIO()
    matplotlib.figure.Figure().savefig(file, format="png", metadata={"Author": "a name"})
    words, pixels = file.getvalue(), notebook_outputs.without_words(file.getvalue())
    assert b"a name" in words
    assert b"a name" not in pixels
    assert b"Software" not in pixels
    assert (matplotlib.image.imread(io.BytesIO(words)) == matplotlib.image.imread(io.BytesIO(pixels))).all()
    data = {
        "output_type": "display_data",
        "data": {"image/png": base64.b64encode(words).decode()},
        "metadata": {},
    }
    assert cleaned(data).cells[0].outputs[0].data["image/png"] == base64.b64encode(pixels).decode()
