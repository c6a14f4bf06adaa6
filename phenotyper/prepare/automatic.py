"""What a fit is adjusted for when nobody says it: age, where children are among the patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phenotyper.cohort.container import patients_of
from phenotyper.errors import listed, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData

ADULT = 18.0
"""Years."""


class Adjusting(NamedTuple):
    """Covariates that are taken out, and why, as a sentence."""

    names: tuple[str, ...]
    sentence: str


def resolve_adjustment(cohort: MuData, adjust_for: Sequence[str] | None) -> Adjusting:
    """Return the covariates to adjust for: those asked for; by default age if patients under 18 are there.

    Parameters
    ----------
    cohort : MuData
        From :func:`phenotyper.read_cohort`.
    adjust_for : sequence of str, optional
        As in the recipe; empty for none.
    """
    if adjust_for is not None:
        names = tuple(dict.fromkeys(adjust_for))
        return Adjusting(
            names, f"adjusted for {listed(names, 12)}" if names else "not adjusted, as asked for"
        )
    patients = patients_of(cohort)
    if "age" not in patients:
        return Adjusting((), "not adjusted: the cohort has no age")
    ages = patients["age"].to_numpy(dtype=np.float64)
    known, young = int(np.isfinite(ages).sum()), int((ages < ADULT).sum())
    if not young:
        return Adjusting((), "not adjusted: no patient is under 18")
    verb = "is" if young == 1 else "are"
    return Adjusting(("age",), f"adjusted for age: {young} of {number_of(known, 'patient')} {verb} under 18")
