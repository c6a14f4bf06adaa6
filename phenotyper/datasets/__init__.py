"""The demo cohort, the simulator that made it, and families of cohorts whose truth is known."""

from phenotyper.datasets.degrade import degrade
from phenotyper.datasets.families import families, family_blocks, family_names, simulate_family
from phenotyper.datasets.simulate import SimulatedCohort, simulate_cohort

__all__ = [
    "SimulatedCohort",
    "degrade",
    "families",
    "family_blocks",
    "family_names",
    "simulate_cohort",
    "simulate_family",
]
