"""The executed notebook of a run: written once, whole, and ended by Ctrl-C."""

import base64
import json
import os
import signal

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from study_factory import RECIPE, ids_of, listing, small_cohort

from phenotyper.cohort.read import read_cohort
from phenotyper.outcomes.profile import profile
from phenotyper.present.notebook import _execute, write_notebook
from phenotyper.study import run_study


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return small_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def finished(cohort, tmp_path_factory):
    """Return a run with its notebook, and what was printed meanwhile."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return run_study(cohort, out=out, recipe=RECIPE, progress=True)


@pytest.fixture(scope="module")
def notebook(finished):
    return nbformat.read(finished.folder / "analysis.ipynb", as_version=4)


def every_output(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def outputs_of(notebook, kind):
    """Return every output of a MIME type."""
    return [output["data"][kind] for output in every_output(notebook) if kind in output.get("data", {})]


def test_every_cell_ran_in_order_and_without_a_complaint(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for output in every_output(notebook) if output.output_type == "error"]
    assert not [output.text for output in every_output(notebook) if output.get("name") == "stderr"]


def test_the_fit_of_the_notebook_is_that_of_the_run(notebook, finished):
    said = [output.text for output in every_output(notebook) if output.get("name") == "stdout"]
    assert said == ["100.0% of the patients have the assignment of the run\n"]
    assert any(finished.found.sentence() in text for text in outputs_of(notebook, "text/plain"))


def test_pictures_and_tables_are_in_it(notebook, finished):
    pictures = [base64.b64decode(text) for text in outputs_of(notebook, "image/png")]
    assert len(pictures) == 5
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5000 for picture in pictures)
    pages = "".join(outputs_of(notebook, "text/html"))
    for table in (finished.profile.table_one, *finished.profile.outcome_tables.values()):
        assert table.to_html() in pages


def test_no_patient_is_named_in_it(notebook, cohort, finished):
    text = (finished.folder / "analysis.ipynb").read_text(encoding="utf-8")
    assert not [name for name in ids_of(cohort) if name in text]


def test_it_says_what_it_is_and_how_it_was_made(notebook, cohort):
    heading = notebook.cells[0].source
    assert heading.startswith("# Childhood wheeze, two hospitals (simulated)\n")
    for words in ("one point a patient", "evidence has not been assessed", "not a medical device"):
        assert words in heading
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert f"ph.read_cohort('{cohort}/cohort.toml', quiet=True)" in code
    assert "ph.Recipe(\n    adjust_for=['age'],\n    seed=1,\n" in code
    assert "ph.plot_kaplan_meier(profile, 'time_to_exacerbation')" in code


def test_it_holds_no_times_and_no_folder_of_the_run(notebook, finished):
    text = (finished.folder / "analysis.ipynb").read_text(encoding="utf-8")
    assert "iopub" not in text
    assert str(finished.folder) not in text
    assert notebook.metadata.kernelspec.name == "python3"
    assert json.loads(text)["nbformat"] == 4


def test_it_is_one_of_the_files_that_run_json_hashes(finished):
    assert "analysis.ipynb" in json.loads((finished.folder / "run.json").read_text())["files"]
    assert "analysis.ipynb opens in JupyterLab" in finished.sentences()[2]


# Without executing


@pytest.fixture(scope="module")
def plain(finished, cohort):
    """Return what a notebook is made from."""
    return {"cohort": "cohort.toml", "recipe": RECIPE, "profile": finished.profile, "name": "A <b>\n# name"}


def test_the_same_run_has_the_same_notebook(tmp_path, plain):
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(tmp_path / name, **plain, execute=False)
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()
    cells = nbformat.read(tmp_path / "a.ipynb", as_version=4).cells
    assert len({cell.id for cell in cells}) == len(cells)


def test_a_name_cannot_become_markup(tmp_path, plain):
    write_notebook(tmp_path / "a.ipynb", **plain, execute=False)
    assert nbformat.read(tmp_path / "a.ipynb", as_version=4).cells[0].source.startswith("# A &lt;b> # name\n")


def test_a_cohort_without_outcomes_has_no_heading_of_them(tmp_path, plain, finished, cohort):
    bare = profile(finished.found, read_cohort(cohort, quiet=True), outcomes=[])
    for name, described in (("bare", bare), ("full", finished.profile)):
        write_notebook(tmp_path / f"{name}.ipynb", **(plain | {"profile": described}), execute=False)
    bare_text, full_text = ((tmp_path / f"{name}.ipynb").read_text() for name in ("bare", "full"))
    assert "How they fared" in full_text
    assert "How they fared" not in bare_text
    assert "outcome_tables" not in bare_text


# What goes wrong


def test_a_cell_that_fails_leaves_no_notebook(tmp_path, plain):
    with pytest.raises(CellExecutionError, match="FILE_ABSENT"):
        write_notebook(tmp_path / "analysis.ipynb", **plain)
    assert listing(tmp_path) == []


def test_control_c_in_the_middle_of_a_cell_is_an_interruption(tmp_path):
    notebook = nbformat.v4.new_notebook()
    sources = ["1", "import time; time.sleep(60)"]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def press(done, total):
        assert (done, total) == (1, 2)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _execute(notebook, tmp_path, press)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
