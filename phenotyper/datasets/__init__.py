"""The demo cohort and the simulator that made it."""

from phenotyper.datasets.simulate import SimulatedCohort, simulate_cohort

__all__ = ["SimulatedCohort", "simulate_cohort"]
