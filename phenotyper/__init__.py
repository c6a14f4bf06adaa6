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
    from phenotyper.cohort.container import block_frame, features_of, patients_of, visits_of
    from phenotyper.cohort.describe import CohortDescription, describe_cohort
    from phenotyper.cohort.draft import Draft, draft_cohort
    from phenotyper.cohort.patterns import missing_patterns
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
    from phenotyper.present.plots.alluvial import plot_alluvial
    from phenotyper.present.plots.flow import plot_flow
    from phenotyper.present.plots.heatmap import plot_heatmap
    from phenotyper.present.plots.kaplan_meier import plot_kaplan_meier
    from phenotyper.present.plots.map import plot_map
    from phenotyper.present.plots.means import plot_means
    from phenotyper.present.plots.membership import plot_membership
    from phenotyper.present.plots.missingness import plot_missingness
    from phenotyper.present.plots.patterns import plot_missing_patterns
    from phenotyper.present.plots.saving import save_figure
    from phenotyper.present.plots.tree import plot_tree
    from phenotyper.present.plots.upset import plot_upset
    from phenotyper.results import Table
    from phenotyper.study import Study, run_study

__version__ = "0.1.0.dev0"

__all__ = [
    "CheckReport",
    "CohortDescription",
    "CohortError",
    "Draft",
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
    "block_frame",
    "check_cohort",
    "describe_cohort",
    "draft_cohort",
    "features_of",
    "load_phenotypes",
    "missing_patterns",
    "patients_of",
    "plot_alluvial",
    "plot_flow",
    "plot_heatmap",
    "plot_kaplan_meier",
    "plot_map",
    "plot_means",
    "plot_membership",
    "plot_missing_patterns",
    "plot_missingness",
    "plot_tree",
    "plot_upset",
    "profile",
    "read_cohort",
    "run_study",
    "save_figure",
    "simulate_cohort",
    "table_one",
    "visits_of",
]

_HOMES = {
    "cohort.container": ("block_frame", "features_of", "patients_of", "visits_of"),
    "cohort.describe": ("CohortDescription", "describe_cohort"),
    "cohort.draft": ("Draft", "draft_cohort"),
    "cohort.patterns": ("missing_patterns",),
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
    "present.plots.alluvial": ("plot_alluvial",),
    "present.plots.flow": ("plot_flow",),
    "present.plots.heatmap": ("plot_heatmap",),
    "present.plots.kaplan_meier": ("plot_kaplan_meier",),
    "present.plots.map": ("plot_map",),
    "present.plots.means": ("plot_means",),
    "present.plots.membership": ("plot_membership",),
    "present.plots.missingness": ("plot_missingness",),
    "present.plots.patterns": ("plot_missing_patterns",),
    "present.plots.saving": ("save_figure",),
    "present.plots.tree": ("plot_tree",),
    "present.plots.upset": ("plot_upset",),
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
