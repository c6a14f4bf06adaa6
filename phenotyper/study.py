"""A whole study from one cohort.toml: fit, profile, tables, figures, notebook, in one folder that is whole or absent."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.cohort.container import block_names, declaration_of, fingerprint, flow_of, sources_of, warnings_of
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.recipe import Recipe
from phenotyper.files import refuse_existing, safe_name, sha256_of, whole_folder, write_text
from phenotyper.outcomes.profile import Profile, profile
from phenotyper.present.notebook import write_notebook
from phenotyper.present.summary import found_sentence, outcome_sentence, summary_page
from phenotyper.results import to_json

if TYPE_CHECKING:
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

SCHEMA = 1
FIGURE_ENDINGS = (".svg", ".png")
PACKAGES = ("phenotyper", "anndata", "hdbscan", "matplotlib", "mudata", "numba", "numpy", "pandas", "scanpy", "scikit-learn", "scipy", "statsmodels", "umap-learn")
DEMO_RECIPE = {"adjust_for": ("age", "site"), "seed": 7}

Step = Callable[[str], None]


@dataclass(frozen=True, repr=False, eq=False)
class Study:
    """A finished run: its folder, what was found and how the groups fared."""

    folder: Path
    found: Phenotypes
    profile: Profile

    def sentences(self) -> tuple[str, str, str]:
        """Say in three sentences what was found and where to look."""
        look = (
            f"Look at {self.folder}: share/summary.md, share/tables and share/figures; private/assignments.csv and private/figures hold "
            "single patients; analysis.ipynb opens in JupyterLab; run.json says how it was made."
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
        Processes for the layouts; -1 for all cores. The answer does not depend on it.
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
    refuse_existing(out, overwrite=overwrite)
    source = Path(cohort).expanduser().absolute()
    data = read_cohort(source, quiet=True)
    recipe = recipe or Recipe()
    with whole_folder(out, overwrite=overwrite) as folder, _bar(recipe, data, notebook=notebook, shown=progress) as step:
        found, described = _write(folder, data, str(source), recipe, n_jobs=n_jobs, notebook=notebook, step=step)
    return Study(Path(out), found, described)


def run_demo(*, out: str | Path, n_jobs: int = 1, overwrite: bool = False, notebook: bool = True, progress: bool = False) -> Study:
    """Write the demo cohort (simulated childhood wheeze) into ``out/cohort`` and run a whole study on it.

    Parameters and errors are those of :func:`run_study`.
    """
    from phenotyper.datasets.demo import demo_cohort

    recipe = Recipe(**DEMO_RECIPE)
    with whole_folder(out, overwrite=overwrite) as folder:
        demo_cohort().write(folder / "cohort")
        data = read_cohort(folder / "cohort", quiet=True)
        with _bar(recipe, data, notebook=notebook, shown=progress) as step:
            found, described = _write(folder, data, "cohort/cohort.toml", recipe, n_jobs=n_jobs, notebook=notebook, step=step)
    return Study(Path(out), found, described)


def _write(
    folder: Path, cohort: MuData, source: str, recipe: Recipe, *, n_jobs: int, notebook: bool, step: Step
) -> tuple[Phenotypes, Profile]:
    started = time.time()
    found = recipe.fit(cohort, n_jobs=n_jobs, progress=lambda done, total: step(f"layouts {done} of {total}"))
    described = profile(found, cohort)
    step("profile")
    name = declaration_of(cohort).name
    _write_private(folder / "private", found)
    _write_tables(folder / "share" / "tables", found, described)
    write_text(folder / "share" / "summary.md", summary_page(found, cohort, described, name=name))
    _write_figures(folder, cohort, found, described, step)
    if notebook:
        write_notebook(folder / "analysis.ipynb", cohort=source, recipe=recipe, profile=described, name=name)
        step("notebook")
    about = _about(cohort, source, found, n_jobs=n_jobs, seconds=time.time() - started)
    about["files"] = {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    write_text(folder / "run.json", to_json(about))
    return found, described


def _write_private(folder: Path, found: Phenotypes) -> None:
    folder.mkdir(parents=True)
    write_text(folder / "assignments.csv", assignments_text(found))
    found.save(folder / "phenotypes")


def assignments_text(found: Phenotypes) -> str:
    """Return assignments.csv: patient_id, subphenotype, membership, reason, map_x, map_y; rounded to 6 decimals."""
    return str(found.table.round(6).to_csv(index=False, lineterminator="\n"))


def _write_tables(folder: Path, found: Phenotypes, described: Profile) -> None:
    folder.mkdir(parents=True)
    tables = {"table_one": described.table_one, "features": described.feature_table}
    tables |= {f"outcome_{safe_name(outcome)}": table for outcome, table in described.outcome_tables.items()}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv")
        write_text(folder / f"{name}.html", f'<!doctype html><meta charset="utf-8"><title>{name}</title>{table.to_html()}\n')
    frames = {
        "outcome_facts": described.table,
        "feature_differences": described.features,
        "prepared_features": found.features,
        "layouts": found.layouts,
        "factors": found.factors,
    }
    for name, frame in frames.items():
        write_text(folder / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))


def _write_figures(folder: Path, cohort: MuData, found: Phenotypes, described: Profile, step: Step) -> None:
    from phenotyper.present.plots import plot_flow, plot_kaplan_meier, plot_map, plot_missingness, save_figure

    pictures: dict[str, Callable[[], Any]] = {
        "private/figures/map": lambda: plot_map(found),
        "private/figures/map_membership": lambda: plot_map(found, colour_by="membership"),
        "private/figures/missingness": lambda: plot_missingness(cohort),
        "share/figures/patient_flow": lambda: plot_flow(cohort, found),
    }
    for outcome in described.survival:
        pictures[f"share/figures/kaplan_meier_{safe_name(outcome)}"] = lambda outcome=outcome: plot_kaplan_meier(described, outcome)
    for name, draw in pictures.items():
        axes = draw()
        for ending in FIGURE_ENDINGS:
            save_figure(axes, folder / f"{name}{ending}")
        step("figures")


def _about(cohort: MuData, source: str, found: Phenotypes, *, n_jobs: int, seconds: float) -> dict[str, Any]:
    """Return run.json: enough to run again, nothing of a single patient."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {
        "schema": SCHEMA,
        "status": found.status,
        "verdict": "not yet assessed",
        "finding": {
            "sentence": found.sentence(),
            "sizes": found.sizes,
            "coverage": round(found.coverage, 6),
            "agreement_of_layouts": round(float(found.layouts["agreement"].mean()), 6) if len(found.layouts) else None,
        },
        "recipe": found.recipe.to_dict(),
        "recipes_tried": [found.recipe.to_dict()],
        "seed": found.seed,
        "cohort": {
            "declaration": source,
            "name": declaration_of(cohort).name,
            "fingerprint": fingerprint(cohort),
            "sources_sha256": sources_of(cohort),
            "flow": [[label, n] for label, n in flow_of(cohort)],
            "patients": int(cohort.n_obs),
            "blocks": {name: list(cohort[name].shape) for name in block_names(cohort)},
            "warnings": [{"code": problem.code, "where": problem.where} for problem in warnings_of(cohort)],
        },
        "disclosure": "internal",
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count(), "n_jobs": n_jobs},
        "seconds": round(seconds, 1),
    }


@contextmanager
def _bar(recipe: Recipe, cohort: MuData, *, notebook: bool, shown: bool) -> Iterator[Step]:
    """Count the steps of a run: layouts and map, profile, figures, notebook (which lays out once more)."""
    from tqdm.auto import tqdm

    layouts = recipe.n_layouts + 1
    pictures = 4 + sum(outcome.kind == "survival" for outcome in declaration_of(cohort).outcomes)
    weights = {"layouts": 1, "profile": 1, "figures": 1, "notebook": layouts}
    with tqdm(total=layouts + 1 + pictures + notebook * layouts, disable=not shown, mininterval=0.5, unit="step") as bar:

        def step(said: str) -> None:
            bar.set_description_str(said, refresh=False)
            bar.update(weights[said.split()[0]])

        yield step
