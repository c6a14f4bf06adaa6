"""Checks: one small function a rule, registered for the stage at which it can be judged.

A further rule is one more function with ``@rule(stage)`` in one of the modules imported here.
"""

from phenotyper.cohort.checks import (
    ages,
    codes,
    copies,
    dates,
    derived,
    features,
    ids,
    joins,
    leak,
    levels,
    missing,
    names,
    outcomes,
    outliers,
    patients,
    plausible,
    private,
    scale,
    units,
    values,
    visits,
)
from phenotyper.cohort.checks.registry import RULES, STAGES, rule, run

__all__ = [
    "RULES",
    "STAGES",
    "ages",
    "codes",
    "copies",
    "dates",
    "derived",
    "features",
    "ids",
    "joins",
    "leak",
    "levels",
    "missing",
    "names",
    "outcomes",
    "outliers",
    "patients",
    "plausible",
    "private",
    "rule",
    "run",
    "scale",
    "units",
    "values",
    "visits",
]
