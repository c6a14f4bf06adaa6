"""The analysis of a run as a notebook that fits again and compares."""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.files import write_text

if TYPE_CHECKING:
    from phenotyper.discover.recipe import Recipe
    from phenotyper.outcomes.profile import Profile

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_IMPORTS = "import pandas as pd\n\nimport phenotyper as ph\n\n"


def write_notebook(
    path: str | Path,
    *,
    cohort: str,
    recipe: Recipe,
    profile: Profile,
    name: str,
    execute: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the notebook of a run, executed in the folder it lies in.

    Parameters
    ----------
    path : str or Path
        ``analysis.ipynb``, beside ``private/``.
    cohort : str
        Path of cohort.toml as the notebook is to read it.
    recipe : Recipe
        Settings to fit again.
    profile : Profile
        Tells which outcomes have curves.
    name : str
        Name of the cohort, for the heading.
    execute : bool
        Run it; otherwise it is written without outputs.
    progress : callable, optional
        Called with (cells done, cells in all).

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed: a defect of ours.
    """
    import nbformat

    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for position, (kind, source) in enumerate(_cells(cohort, recipe, profile, name)):
        new_cell = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        cell = new_cell(source)
        cell["id"] = hashlib.sha256(f"{position} {source}".encode()).hexdigest()[:12]
        notebook.cells.append(cell)
    if execute:
        _execute(notebook, Path(path).parent, progress)
    write_text(path, nbformat.writes(notebook))


def _execute(notebook: Any, folder: Path, progress: Callable[[int, int], None] | None) -> None:
    from nbclient import NotebookClient

    def executed(*, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if progress:
            progress(cell_index + 1, len(notebook.cells))

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name=KERNEL["name"],
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=executed,
        shutdown_kernel="immediate",
    )
    try:
        with _own_signals():
            client.execute()
    except Exception as error:
        # nbclient takes Ctrl-C for itself, ends the kernel and then stumbles over its absence.
        if hasattr(client, "_async_cleanup_kernel_future"):
            raise KeyboardInterrupt from error
        raise
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give Ctrl-C back to whom it belonged: nbclient keeps it when it was pressed."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _cells(cohort: str, recipe: Recipe, profile: Profile, name: str) -> list[tuple[str, str]]:
    """Return kind and source of every cell."""
    heading = " ".join(name.split()).replace("<", "&lt;")
    cells = [
        (
            "markdown",
            f"# {heading}\n\nThis notebook fits the recipe of this run again and compares. It shows one "
            "point a patient: keep it inside the project.\n\nSubphenotypes are **candidates; their evidence "
            "has not been assessed**. For research only, not a medical device.",
        ),
        ("markdown", "## The cohort"),
        ("code", f"{_IMPORTS}cohort = ph.read_cohort({cohort!r}, quiet=True)"),
        ("code", "ph.plot_flow(cohort)"),
        ("code", "ph.plot_missingness(cohort)"),
        ("markdown", "## Fit again"),
        ("code", f"recipe = {_recipe_code(recipe)}\nfound = recipe.fit(cohort)\nfound"),
        (
            "code",
            'saved = pd.read_csv("private/assignments.csv", dtype=str, keep_default_na=False)\n'
            'same = saved["subphenotype"].to_numpy() == found.table["subphenotype"].to_numpy()\n'
            'print(f"{same.mean():.1%} of the patients have the assignment of the run")',
        ),
        ("code", "ph.plot_map(found)"),
        ("markdown", "Every setting that was tried, what it found and how far the others agree with it:"),
        ("code", "found.settings"),
        ("code", "ph.plot_settings(found)"),
        ("markdown", "## Who they are"),
        ("code", "profile = ph.profile(found, cohort)\nprofile.table_one"),
        ("code", "profile.feature_table"),
    ]
    if profile.outcome_tables:
        cells.append(("markdown", "## How they fared"))
    for outcome in profile.outcome_tables:
        cells.append(("code", f"profile.outcome_tables[{outcome!r}]"))
        if outcome in profile.survival:
            cells.append(("code", f"ph.plot_kaplan_meier(profile, {outcome!r})"))
    return cells


def _recipe_code(recipe: Recipe) -> str:
    settings = {key: value for key, value in recipe.to_dict().items() if value not in (None, {})}
    lines = "".join(f"    {key}={value!r},\n" for key, value in settings.items())
    return f"ph.Recipe(\n{lines})"
