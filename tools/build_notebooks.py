"""Execute ``notebooks/*.py`` (jupytext, percent format) into ``.ipynb``, the same bytes each time.

    build_notebooks.py                  write notebooks/*.ipynb, executed on the demo cohort
    build_notebooks.py --check          they agree with their sources, and each still runs (CI)
    build_notebooks.py --out FOLDER     write them elsewhere, on the cohort that PHENOTYPER_COHORT names

Cell ids are hashes of the source; times, widget state, machine paths and third-party warnings are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from notebook_outputs import cleaned, faults_of

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LONGEST_SECONDS = 120
COHORT = "PHENOTYPER_COHORT"


def main() -> int:
    """Build or check; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing: compare, and execute afresh")
    parser.add_argument("--no-run", action="store_true", help="with --check: compare only")
    parser.add_argument(
        "--out", type=Path, help=f"another folder to write to; then {COHORT} chooses the cohort"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks", help="where the sources are")
    options = parser.parse_args()
    sources = sorted(options.folder.glob("*.py"))
    if not sources:
        print(f"{options.folder} holds no .py to build from", file=sys.stderr)
        return 1
    if options.check:
        faults = check(options.folder, sources, execute=not options.no_run)
    else:
        faults = build(sources, out=options.out or options.folder, any_cohort=options.out is not None)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def build(sources: list[Path], *, out: Path, any_cohort: bool) -> list[str]:
    """Execute each source and write it as ``.ipynb``; return what went wrong."""
    faults = []
    out.mkdir(parents=True, exist_ok=True)
    for source in sources:
        notebook, found = executed(source, any_cohort=any_cohort)
        faults += found
        if notebook is not None:
            (out / f"{source.stem}.ipynb").write_text(text_of(notebook), encoding="utf-8", newline="\n")
    return faults


def check(folder: Path, sources: list[Path], *, execute: bool) -> list[str]:
    """Return where sources and committed notebooks disagree, or do not run."""
    faults = []
    for orphan in sorted({path.stem for path in folder.glob("*.ipynb")} - {path.stem for path in sources}):
        faults.append(f"{orphan}.ipynb has no {orphan}.py. Delete it, or bring its source.")
    for source in sources:
        faults += disagreements(source)
        if execute:
            faults += executed(source, any_cohort=False)[1]
    return faults


def disagreements(source: Path) -> list[str]:
    """Compare a source with its committed notebook, cell by cell."""
    path = source.with_suffix(".ipynb")
    again = f"Run make notebooks and commit {path.name}."
    if not path.is_file():
        return [f"{source.name} has no {path.name}. {again}"]
    written, wanted = nbformat.read(path, as_version=4), read_source(source)
    if len(written.cells) != len(wanted.cells):
        return [f"{path.name} has {len(written.cells)} cells, {source.name} {len(wanted.cells)}. {again}"]
    faults = parameter_faults(source, wanted)
    count = 0
    for number, (one, other) in enumerate(zip(written.cells, wanted.cells, strict=True), start=1):
        if (one.id, one.cell_type, one.source, one.metadata) != (
            other.id,
            other.cell_type,
            other.source,
            other.metadata,
        ):
            faults.append(f"{path.name}, cell {number} is not that of {source.name}. {again}")
        if one.cell_type == "code" and one.source.strip():
            count += 1
            if one.execution_count != count:
                faults.append(f"{path.name}, cell {number} was not executed in its turn. {again}")
    return faults + [f"{path.name}, {fault}. {again}" for fault in faults_of(written)]


def parameter_faults(source: Path, notebook: NotebookNode) -> list[str]:
    """Ask for exactly one cell tagged ``parameters``, through which any cohort.toml can be given."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) == 1 and COHORT in tagged[0].source:
        return []
    return [f'{source.name} needs one cell tagged "parameters" that reads the environment variable {COHORT}.']


def read_source(source: Path) -> NotebookNode:
    """Return the notebook of a ``.py``, not executed, with ids that depend on the cells' text."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        key = f"{cell.cell_type}\n{cell.source}"
        cell.id = hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:12]
        seen[key] += 1
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def executed(source: Path, *, any_cohort: bool) -> tuple[NotebookNode | None, list[str]]:
    """Execute a source in a fresh kernel; return it cleaned (None after an error) and what went wrong."""
    notebook = read_source(source)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(source.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    started = time.monotonic()
    with kernel_environment(any_cohort=any_cohort):
        try:
            client.execute()
        except CellExecutionError as error:
            return None, [f"{source.name} stops with an error:\n{error}"]
    seconds = time.monotonic() - started
    print(f"{source.name}: {seconds:.0f} s", flush=True)
    notebook = cleaned(notebook, root=ROOT, metadata=METADATA)
    faults = [f"{source.name}, {fault}." for fault in faults_of(notebook)]
    if seconds > LONGEST_SECONDS and not any_cohort:
        faults.append(
            f"{source.name} took {seconds:.0f} s. On the demo cohort {LONGEST_SECONDS} s are allowed."
        )
    return notebook, faults


@contextmanager
def kernel_environment(*, any_cohort: bool) -> Iterator[None]:
    """Give the kernel no profile of the person's, no progress bars, and the demo cohort unless told."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as profile:
        os.environ.update(IPYTHONDIR=profile, JUPYTER_PREFER_ENV_PATH="1", TQDM_DISABLE="1")
        os.environ.pop("MPLBACKEND", None)
        if not any_cohort:
            os.environ.pop(COHORT, None)
        elif COHORT in os.environ:
            os.environ[COHORT] = str(Path(os.environ[COHORT]).expanduser().resolve())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def text_of(notebook: NotebookNode) -> str:
    """Return the JSON text of a notebook, keys sorted, one final newline."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(main())
