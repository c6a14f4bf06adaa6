"""The analysis of a run as a notebook that fits again and compares."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.files import write_text

if TYPE_CHECKING:
    from phenotyper.discover.recipe import Recipe
    from phenotyper.outcomes.profile import Profile


def write_notebook(path: str | Path, *, cohort: str, recipe: Recipe, profile: Profile, name: str, execute: bool = True) -> None:
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

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed: a defect of ours.
    """
    import nbformat

    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})
    for number, (kind, source) in enumerate(_cells(cohort, recipe, profile, name)):
        cell = (nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell)(source)
        cell["id"] = hashlib.sha256(f"{number} {source}".encode()).hexdigest()[:12]
        notebook.cells.append(cell)
    if execute:
        _execute(notebook, Path(path).parent)
    write_text(path, nbformat.writes(notebook))


def _execute(notebook: Any, folder: Path) -> None:
    from nbclient import NotebookClient

    NotebookClient(notebook, timeout=None, kernel_name="python3", extra_arguments=["--log-level=40"], resources={"metadata": {"path": str(folder)}}).execute()
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)


def _cells(cohort: str, recipe: Recipe, profile: Profile, name: str) -> list[tuple[str, str]]:
    settings = {key: value for key, value in recipe.to_dict().items() if value not in (None, [])}
    arguments = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    cells = [
        (
            "markdown",
            f"# {name}\n\nThis notebook fits the recipe of this run again and compares. It shows one point a patient: "
            "keep it inside the project. Subphenotypes are **candidates; their evidence has not been assessed**. "
            "For research only, not a medical device.",
        ),
        ("code", f"import pandas as pd\nimport phenotyper as ph\n\ncohort = ph.read_cohort({cohort!r}, quiet=True)\ncohort"),
        ("code", "ph.plot_flow(cohort)"),
        ("code", "ph.plot_missingness(cohort)"),
        ("markdown", "## Fit again"),
        ("code", f"recipe = ph.Recipe({arguments})\nfound = recipe.fit(cohort)\nfound"),
        (
            "code",
            'saved = pd.read_csv("private/assignments.csv", dtype={"patient_id": str}, keep_default_na=False)\n'
            'same = (saved["subphenotype"].to_numpy() == found.table["subphenotype"].to_numpy()).mean()\n'
            'print(f"{same:.1%} of the patients have the assignment of the run")',
        ),
        ("code", "found.layouts"),
        ("code", "ph.plot_map(found)"),
        ("markdown", "## Who they are and how they fared"),
        ("code", "profile = ph.profile(found, cohort)\nprofile.table_one"),
        ("code", "profile.feature_table"),
    ]
    cells += [("code", f"profile.outcome_tables[{outcome!r}]") for outcome in profile.outcome_tables]
    cells += [("code", f"ph.plot_kaplan_meier(profile, {outcome!r})") for outcome in profile.survival]
    return cells
