"""A whole study from one cohort.toml: fit, profile, tables, figures, notebook, in one whole folder."""

from __future__ import annotations

import datetime
import html
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper import __version__
from phenotyper.cohort.container import (
    block_names,
    declaration_of,
    flow_of,
    sources_of,
    warnings_of,
)
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.contract import method_named
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import OutputError, Problem
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
from phenotyper.integrate.contract import integration_named
from phenotyper.outcomes.profile import Profile, profile
from phenotyper.present.notebook import write_notebook
from phenotyper.present.summary import found_sentence, outcome_sentence, summary_page
from phenotyper.results import csv_text, to_json

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

SCHEMA = 1
NOTEBOOK = "analysis.ipynb"
FIGURE_ENDINGS = (".svg", ".png")
PACKAGES = (
    "anndata", "hdbscan", "matplotlib", "mudata", "numba", "numpy", "pandas", "scanpy", "scikit-learn",
    "scipy", "statsmodels", "umap-learn",
)  # fmt: skip
DEMO_RECIPE = Recipe(adjust_for=("age", "site"), seed=7)
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} steps, {elapsed} gone, {remaining} left"

Step = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, repr=False, eq=False)
class Study:
    """A finished run.

    Parameters
    ----------
    folder : Path
        What was written.
    found : Phenotypes
        The candidate subphenotypes.
    profile : Profile
        Who they are and how they fared.
    warnings : tuple of Problem
        What was odd about the cohort.
    note : str
        What is known of this cohort beside: of a simulated one, how well the truth was found.
    """

    folder: Path
    found: Phenotypes
    profile: Profile
    warnings: tuple[Problem, ...] = ()
    note: str = ""

    def sentences(self) -> tuple[str, str, str]:
        """Say in three sentences what was found and where to look."""
        here = Path.cwd()
        shown = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        notebook = f"{NOTEBOOK} opens in JupyterLab, " if (self.folder / NOTEBOOK).is_file() else ""
        look = (
            f"Look at {shown}: start with share/summary.md; share/ holds tables and figures, private/ what "
            f"shows single patients (assignments, maps), {notebook}run.json says how it was made."
        )
        return found_sentence(self.found), outcome_sentence(self.profile), look

    def __repr__(self) -> str:
        return f"<Study: {self.found.sentence()}; in {self.folder}>"


def run_study(
    cohort: str | Path,
    *,
    out: str | Path,
    recipe: Recipe | None = None,
    n_jobs: int = 1,
    overwrite: bool = False,
    notebook: bool = True,
    progress: bool = False,
) -> Study:
    """Run a whole study and write its folder.

    Parameters
    ----------
    cohort : str or Path
        ``cohort.toml``, the folder that holds it, or an ``.h5mu`` file of a cohort.
    out : str or Path
        Folder to write; whole or not at all.
    recipe : Recipe, optional
        Settings; the defaults when not given.
    n_jobs : int
        Threads for the layouts; -1 for all cores. The answer does not depend on it.
    overwrite : bool
        Replace an earlier run in ``out`` once the new one is whole.
    notebook : bool
        Write and execute ``analysis.ipynb`` (it fits once more, to compare).
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    Study

    Raises
    ------
    CohortError, RecipeError, FitError
        The input cannot be used; nothing is written.
    OutputError
        The folder exists, is locked, or the disk refuses.
    """
    target = place_of(out)
    refuse_existing(target, overwrite=overwrite)
    recipe = recipe or Recipe()
    integration_named(recipe.integration), method_named(recipe.method)
    source = Path(cohort).expanduser().absolute()
    data = read_cohort(source, quiet=True, progress=progress)
    source = source / "cohort.toml" if source.is_dir() else source
    _refuse_own_input(target, source, data)
    run = _Run(data, source, str(source), recipe, n_jobs, notebook)
    with whole_folder(target, overwrite=overwrite) as folder, run.bar(shown=progress) as step:
        found, described = run.write(folder, step)
    return Study(target, found, described, warnings_of(data))


def run_demo(
    *,
    out: str | Path,
    recipe: Recipe = DEMO_RECIPE,
    n_jobs: int = 1,
    overwrite: bool = False,
    notebook: bool = True,
    progress: bool = False,
) -> Study:
    """Write the demo cohort (simulated childhood wheeze) into ``out/cohort`` and run a whole study on it.

    Parameters and errors are those of :func:`run_study`; ``note`` of the study compares with the truth.
    """
    from phenotyper.datasets.demo import demo_cohort

    integration_named(recipe.integration), method_named(recipe.method)
    simulated = demo_cohort()
    target = place_of(out)
    with whole_folder(target, overwrite=overwrite) as folder:
        source = simulated.write(folder / "cohort") / "cohort.toml"
        data = read_cohort(source, quiet=True)
        run = _Run(data, source, "cohort/cohort.toml", recipe, n_jobs, notebook)
        with run.bar(shown=progress) as step:
            found, described = run.write(folder, step)
    study = Study(target, found, described, warnings_of(data))
    return replace(study, note=_beside_the_truth(found, simulated.truth))


def _beside_the_truth(found: Phenotypes, truth: pd.DataFrame) -> str:
    """Say how well the simulated subphenotypes were found among the assigned."""
    from sklearn.metrics import adjusted_rand_score

    table = found.table.merge(truth, on="patient_id", suffixes=("", "_true"))
    table = table[table["subphenotype"].isin(found.names)]
    if table.empty:
        return "The cohort is simulated and has subphenotypes: none was found."
    score = adjusted_rand_score(table["subphenotype_true"], table["subphenotype"])
    return (
        f"The cohort is simulated, so the truth is known: among the {len(table)} assigned the adjusted Rand "
        f"index with it is {score:.2f} (1 = the same groups, 0 = chance)."
    )


def _refuse_own_input(target: Path, source: Path, cohort: MuData) -> None:
    """Refuse to replace a folder that the cohort is read from."""
    inputs = {source.resolve(), (source.parent / declaration_of(cohort).folder).resolve()}
    if any(place.is_relative_to(target) for place in inputs):
        message = f"the cohort is read from {target}, which the run would replace"
        raise OutputError(Problem("EXISTS", message, "Choose another folder to write."))


@dataclass(frozen=True)
class _Run:
    """One cohort and all choices of a run; ``declared`` is its path as run.json and the notebook name it."""

    cohort: MuData
    source: Path
    declared: str
    recipe: Recipe
    n_jobs: int
    notebook: bool

    @property
    def name(self) -> str:
        return declaration_of(self.cohort).name or self.source.parent.name or self.source.name

    def write(self, folder: Path, step: Step) -> tuple[Phenotypes, Profile]:
        """Write everything; run.json, with the hashes of all else, comes last."""
        started = time.monotonic()
        found = self.recipe.fit(
            self.cohort, n_jobs=self.n_jobs, progress=lambda done, total: step("layouts", done, total)
        )
        step("profile", 0, 1)
        described = profile(found, self.cohort)
        _write_private(folder / "private", found)
        _write_tables(folder / "share" / "tables", found, described)
        self._write_figures(folder, found, described, step)
        if self.notebook:
            step("notebook", 0, 1)
            write_notebook(
                folder / NOTEBOOK,
                cohort=self.declared,
                recipe=self.recipe,
                profile=described,
                name=self.name,
                progress=lambda done, total: step("notebook", done, total),
            )
        about = self._about(found) | {"seconds": round(time.monotonic() - started, 1)}
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != UNFINISHED]
        about["files"] = {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
        write_text(folder / "run.json", to_json(about))
        return found, described

    def _write_figures(self, folder: Path, found: Phenotypes, described: Profile, step: Step) -> None:
        from phenotyper.present.plots import save_figure

        private, shared = _pictures(self.cohort, found, described)
        drawn = {f"private/figures/{name}": draw for name, (_, draw) in private.items()}
        drawn |= {f"share/figures/{name}": draw for name, (_, draw) in shared.items()}
        for done, (place, draw) in enumerate(drawn.items()):
            step("figures", done, len(drawn))
            axes = draw()
            for ending in FIGURE_ENDINGS:
                save_figure(axes, folder / f"{place}{ending}")
        titles = {title: f"figures/{name}.png" for name, (title, _) in shared.items()}
        page = summary_page(found, self.cohort, described, name=self.name, figures=titles)
        write_text(folder / "share" / "summary.md", page)

    def _about(self, found: Phenotypes) -> dict[str, Any]:
        """Return run.json: enough to run again, nothing of a single patient."""
        return {
            "schema": SCHEMA,
            "status": found.status,
            "verdict": "not yet assessed",
            "finding": {
                "sentence": found.sentence(),
                "sizes": found.sizes,
                "coverage": round(found.coverage, 6),
                "agreement_of_runs": round(found.agreement, 6) if len(found.runs) else None,
                "adjusted_for": list(found.adjusted_for),
            },
            "recipe": found.recipe.to_dict(),
            "recipes_tried": [found.recipe.to_dict()],
            "seed": found.seed,
            "cohort": self._about_cohort(),
            "disclosure": "internal",
            "versions": _versions(),
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "cores": os.cpu_count(),
                "n_jobs": self.n_jobs,
            },
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }

    def _about_cohort(self) -> dict[str, Any]:
        cohort = self.cohort
        return {
            "declaration": self.declared,
            "declaration_sha256": sha256_of(self.source),
            "name": self.name,
            "fingerprint": fingerprint(cohort),
            "sources_sha256": sources_of(cohort),
            "flow": [[label, n] for label, n in flow_of(cohort)],
            "patients": int(cohort.n_obs),
            "blocks": {name: list(cohort[name].shape) for name in block_names(cohort)},
            "warnings": [{"code": problem.code, "where": problem.where} for problem in warnings_of(cohort)],
        }

    @contextmanager
    def bar(self, *, shown: bool) -> Iterator[Step]:
        """Count the steps of a run; the notebook, which fits once more, weighs as much as the layouts."""
        from tqdm.auto import tqdm

        outcomes = declaration_of(self.cohort).outcomes
        layouts, pictures = self.recipe.n_layouts + 1, 5 + sum(one.kind == "survival" for one in outcomes)
        weights = {"layouts": layouts, "profile": 1, "figures": pictures, "notebook": self.notebook * layouts}
        ends = dict(zip(weights, accumulate(weights.values()), strict=True))
        with tqdm(total=ends["notebook"], disable=not shown, desc="layouts", bar_format=BAR) as bar:

            def step(stage: str, done: int, total: int) -> None:
                bar.n = ends[stage] - weights[stage] + weights[stage] * done // total
                bar.set_description_str(stage)

            yield step
            bar.n = bar.total
            bar.refresh()


def _write_private(folder: Path, found: Phenotypes) -> None:
    make_folder(folder)
    write_text(folder / "assignments.csv", assignments_text(found))
    found.save(folder / "phenotypes")


def assignments_text(found: Phenotypes) -> str:
    """Return assignments.csv: one row a patient, the columns of ``found.table`` rounded to 6 decimals."""
    return str(found.table.round(6).to_csv(index=False, lineterminator="\n"))


def _write_tables(folder: Path, found: Phenotypes, described: Profile) -> None:
    make_folder(folder)
    tables = {"table_one": described.table_one, "features": described.feature_table}
    tables |= {f"outcome_{safe_name(outcome)}": table for outcome, table in described.outcome_tables.items()}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv")
        head = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(table.title)}</title>'
        )
        write_text(folder / f"{name}.html", f"{head}{table.to_html()}</html>\n")
    frames = {
        "outcome_facts": described.table,
        "feature_differences": described.features,
        "prepared_features": found.features,
        "runs": found.runs,
        "settings_tried": found.settings,
        "factors": found.factors,
    }
    if len(found.criteria):
        frames["numbers_of_groups"] = found.criteria
    for name, frame in frames.items():
        write_text(folder / f"{name}.csv", csv_text(frame))


Pictures = Mapping[str, tuple[str, Callable[[], Any]]]
"""File name: title, and how it is drawn."""


def _pictures(cohort: MuData, found: Phenotypes, described: Profile) -> tuple[Pictures, Pictures]:
    """Return the pictures that show single patients, and those that may stand in ``share/``."""
    from phenotyper.present.plots import (
        plot_flow,
        plot_kaplan_meier,
        plot_map,
        plot_missingness,
        plot_settings,
    )

    private: Pictures = {
        "map": ("Map", lambda: plot_map(found)),
        "map_probability": ("Map by probability", lambda: plot_map(found, colour_by="probability")),
        "missingness": ("Missing values", lambda: plot_missingness(cohort)),
    }
    shared = {"patient_flow": ("Patient flow", lambda: plot_flow(cohort, found))}
    if len(found.runs):
        shared["settings"] = ("Settings tried", lambda: plot_settings(found))
    for outcome, curves in described.survival.items():
        name = f"kaplan_meier_{safe_name(outcome)}"
        shared[name] = (curves.label, partial(plot_kaplan_meier, described, outcome))
    return private, shared


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version(), "phenotyper": __version__}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions
