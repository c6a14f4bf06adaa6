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
    from phenotyper.datasets.degrade import degrade
    from phenotyper.datasets.families import families, family_blocks, family_names, simulate_family
    from phenotyper.datasets.simulate import SimulatedCohort, simulate_cohort
    from phenotyper.discover.assign import assign
    from phenotyper.discover.assignment import Assignment, load_assignment
    from phenotyper.discover.contract import MethodTask, Runs, finds_groups
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
    from phenotyper.integrate.contract import Integrated, IntegrationTask, integrates
    from phenotyper.outcomes.profile import Profile, profile
    from phenotyper.outcomes.table_one import table_one
    from phenotyper.prepare.prepared import Prepared, prepare_cohort
    from phenotyper.present.plots.agreement import plot_agreement
    from phenotyper.present.plots.alluvial import plot_alluvial
    from phenotyper.present.plots.assigned import plot_assigned
    from phenotyper.present.plots.flow import plot_flow
    from phenotyper.present.plots.heatmap import plot_heatmap
    from phenotyper.present.plots.kaplan_meier import plot_kaplan_meier
    from phenotyper.present.plots.map import plot_map
    from phenotyper.present.plots.means import plot_means
    from phenotyper.present.plots.membership import plot_membership
    from phenotyper.present.plots.missingness import plot_missingness
    from phenotyper.present.plots.patterns import plot_missing_patterns
    from phenotyper.present.plots.saving import save_figure
    from phenotyper.present.plots.selection import plot_selection
    from phenotyper.present.plots.settings import plot_settings
    from phenotyper.present.plots.tree import plot_tree
    from phenotyper.present.plots.upset import plot_upset
    from phenotyper.refit.compare import compare_methods, usual_recipes
    from phenotyper.refit.comparison import MethodComparison, load_comparison
    from phenotyper.results import Table
    from phenotyper.study import Study, run_study

__version__ = "0.1.0.dev0"

__all__ = [
    "Assignment",
    "CheckReport",
    "CohortDescription",
    "CohortError",
    "Draft",
    "FitError",
    "Integrated",
    "IntegrationTask",
    "MethodComparison",
    "MethodTask",
    "MissingExtraError",
    "OutputError",
    "PhenotyperError",
    "PhenotyperWarning",
    "Phenotypes",
    "Prepared",
    "Problem",
    "Profile",
    "Recipe",
    "RecipeError",
    "ResultError",
    "Runs",
    "SimulatedCohort",
    "Study",
    "Table",
    "assign",
    "block_frame",
    "check_cohort",
    "compare_methods",
    "degrade",
    "describe_cohort",
    "draft_cohort",
    "families",
    "family_blocks",
    "family_names",
    "features_of",
    "finds_groups",
    "integrates",
    "load_assignment",
    "load_comparison",
    "load_phenotypes",
    "missing_patterns",
    "patients_of",
    "plot_agreement",
    "plot_alluvial",
    "plot_assigned",
    "plot_flow",
    "plot_heatmap",
    "plot_kaplan_meier",
    "plot_map",
    "plot_means",
    "plot_membership",
    "plot_missing_patterns",
    "plot_missingness",
    "plot_selection",
    "plot_settings",
    "plot_tree",
    "plot_upset",
    "prepare_cohort",
    "profile",
    "read_cohort",
    "run_study",
    "save_figure",
    "simulate_cohort",
    "simulate_family",
    "table_one",
    "usual_recipes",
    "visits_of",
]

_HOMES = {
    "cohort.container": ("block_frame", "features_of", "patients_of", "visits_of"),
    "cohort.describe": ("CohortDescription", "describe_cohort"),
    "cohort.draft": ("Draft", "draft_cohort"),
    "cohort.patterns": ("missing_patterns",),
    "cohort.read": ("check_cohort", "read_cohort"),
    "cohort.report": ("CheckReport",),
    "datasets.degrade": ("degrade",),
    "datasets.families": ("families", "family_blocks", "family_names", "simulate_family"),
    "datasets.simulate": ("SimulatedCohort", "simulate_cohort"),
    "discover.assign": ("assign",),
    "discover.assignment": ("Assignment", "load_assignment"),
    "discover.contract": ("MethodTask", "Runs", "finds_groups"),
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
    "integrate.contract": ("Integrated", "IntegrationTask", "integrates"),
    "outcomes.profile": ("Profile", "profile"),
    "outcomes.table_one": ("table_one",),
    "prepare.prepared": ("Prepared", "prepare_cohort"),
    "present.plots.agreement": ("plot_agreement",),
    "present.plots.alluvial": ("plot_alluvial",),
    "present.plots.assigned": ("plot_assigned",),
    "present.plots.flow": ("plot_flow",),
    "present.plots.heatmap": ("plot_heatmap",),
    "present.plots.kaplan_meier": ("plot_kaplan_meier",),
    "present.plots.map": ("plot_map",),
    "present.plots.means": ("plot_means",),
    "present.plots.membership": ("plot_membership",),
    "present.plots.missingness": ("plot_missingness",),
    "present.plots.patterns": ("plot_missing_patterns",),
    "present.plots.saving": ("save_figure",),
    "present.plots.selection": ("plot_selection",),
    "present.plots.settings": ("plot_settings",),
    "present.plots.tree": ("plot_tree",),
    "present.plots.upset": ("plot_upset",),
    "refit.compare": ("compare_methods", "usual_recipes"),
    "refit.comparison": ("MethodComparison", "load_comparison"),
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
