"""Checks: one small function a rule, registered for the stage at which it can be judged.

A further rule is one more function with ``@rule(stage)`` in one of the modules imported here.
"""

from phenotyper.cohort.checks import features, ids, leak, outcomes, patients, values
from phenotyper.cohort.checks.registry import RULES, STAGES, rule, run

__all__ = ["RULES", "STAGES", "features", "ids", "leak", "outcomes", "patients", "rule", "run", "values"]
