"""Unsupervised patient phenotyping: from a cohort's files to subphenotypes and what can be claimed of them.

``import phenotyper as ph`` shows every public verb and result; each loads on first use.

Examples
--------
>>> import phenotyper as ph
>>> "read_cohort" in dir(ph)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phenotyper.cohort.read import check_cohort, read_cohort
    from phenotyper.cohort.report import CheckReport
    from phenotyper.datasets.simulate import SimulatedCohort, simulate_cohort
    from phenotyper.discover.phenotypes import Phenotypes, load_phenotypes
    from phenotyper.discover.recipe import Recipe
    from phenotyper.errors import (
        CohortError,
        FitError,
        MissingExtraError,
        OutputError,
        PhenotyperError,
        PhenotyperWarning,
        Problem,
        RecipeError,
        ResultError,
    )
    from phenotyper.outcomes.profile import Profile, profile
    from phenotyper.outcomes.table_one import table_one
    from phenotyper.present.plots.flow import plot_flow
    from phenotyper.present.plots.kaplan_meier import plot_kaplan_meier
    from phenotyper.present.plots.map import plot_map
    from phenotyper.present.plots.missingness import plot_missingness
    from phenotyper.present.plots.saving import save_figure
    from phenotyper.results import Table
    from phenotyper.study import Study, run_study

__version__ = "0.1.0.dev0"

__all__ = [
    "CheckReport",
    "CohortError",
    "FitError",
    "MissingExtraError",
    "OutputError",
    "PhenotyperError",
    "PhenotyperWarning",
    "Phenotypes",
    "Problem",
    "Profile",
    "Recipe",
    "RecipeError",
    "ResultError",
    "SimulatedCohort",
    "Study",
    "Table",
    "check_cohort",
    "load_phenotypes",
    "plot_flow",
    "plot_kaplan_meier",
    "plot_map",
    "plot_missingness",
    "profile",
    "read_cohort",
    "run_study",
    "save_figure",
    "simulate_cohort",
    "table_one",
]

_HOMES = {
    "cohort.read": ("check_cohort", "read_cohort"),
    "cohort.report": ("CheckReport",),
    "datasets.simulate": ("SimulatedCohort", "simulate_cohort"),
    "discover.phenotypes": ("Phenotypes", "load_phenotypes"),
    "discover.recipe": ("Recipe",),
    "errors": (
        "CohortError",
        "FitError",
        "MissingExtraError",
        "OutputError",
        "PhenotyperError",
        "PhenotyperWarning",
        "Problem",
        "RecipeError",
        "ResultError",
    ),
    "outcomes.profile": ("Profile", "profile"),
    "outcomes.table_one": ("table_one",),
    "present.plots.flow": ("plot_flow",),
    "present.plots.kaplan_meier": ("plot_kaplan_meier",),
    "present.plots.map": ("plot_map",),
    "present.plots.missingness": ("plot_missingness",),
    "present.plots.saving": ("save_figure",),
    "results": ("Table",),
    "study": ("Study", "run_study"),
}
_HOME_OF = {name: f"phenotyper.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOME_OF:
        import sys

        message = f"module 'phenotyper' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
    import importlib

    value: object = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
