"""The settings of a family: its own unless others are given, and none that mean nothing for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict

import numpy as np

from phenotyper.datasets.degrade import WHYS, Missing
from phenotyper.datasets.family_draw import SITES, informative_in
from phenotyper.datasets.family_list import FAMILIES, GROUPED, Family
from phenotyper.errors import CohortError, Problem, did_you_mean

LEAST_PATIENTS: Final = 20
MOST_GROUPS: Final = len(SITES)
BLOCKS_DEALT: Final = 3
"""Blocks that a family of one block is dealt out to when patients are to lack blocks."""


class Settings(TypedDict, total=False):
    """The settings of :func:`~phenotyper.datasets.simulate_family`; None takes the family's own."""

    n_patients: int | None
    n_features: int | None
    n_groups: int | None
    sizes: Sequence[float] | None
    separation: float | None
    share_informative: float | None
    share_without: float | None
    slope: float | None
    correlation: float | None
    n_blocks: int | None
    share_missing: float | None
    share_absent: float | None
    missing: Missing


def family_named(name: str) -> Family:
    """Return a family with its own settings.

    Raises
    ------
    CohortError
        SIMULATION: there is none of that name.
    """
    if name not in FAMILIES:
        remedy = f"Families are {', '.join(FAMILIES)}.{did_you_mean(name, FAMILIES)}"
        raise CohortError(Problem("SIMULATION", f"no family is called {name!r}", remedy))
    return FAMILIES[name]


def with_settings(name: str, settings: Mapping[str, Any]) -> Family:
    """Return a family with the settings that are given.

    Raises
    ------
    CohortError
        SIMULATION: a setting lies outside its range, or means nothing for this family.
    """
    own = family_named(name)
    given = {key: value for key, value in settings.items() if value is not None}
    problems = list(_meaningless(own, given))
    n_blocks = given.pop("n_blocks", None)
    if n_blocks is not None and n_blocks not in (1, 2, 3):
        problems.append(_problem(f"n_blocks is {n_blocks}", "Give 1 to 3."))
    if problems:
        raise CohortError(problems)
    if "sizes" in given:
        given["sizes"] = tuple(given["sizes"])
        given.setdefault("n_groups", len(given["sizes"]))
    elif given.get("n_groups", own.n_groups) != own.n_groups:
        given["sizes"] = ()
    family = replace(own, **given)
    if len(family.blocks) == 1:
        dealt = n_blocks or (BLOCKS_DEALT if family.share_absent else 1)
        family = replace(family, dealt=dealt)
    problems = list(_impossible(family))
    if problems:
        raise CohortError(problems)
    return family


def _problem(message: str, remedy: str) -> Problem:
    return Problem("SIMULATION", message, remedy)


def _meaningless(own: Family, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Find settings that this family does not have."""
    without = {
        "separation": own.structure not in GROUPED,
        "share_informative": own.structure not in GROUPED,
        "sizes": own.structure not in GROUPED,
        "n_groups": own.structure not in ("groups", "site"),
        "share_without": own.structure != "groups",
        "slope": not own.slope,
        "correlation": own.background == "independent",
        "n_blocks": len(own.blocks) > 1,
    }
    for key, absent in without.items():
        if absent and key in given:
            yield _problem(f"{key} is {given[key]}, but {own.name!r} has no such setting", "Leave it out.")


def _impossible(family: Family) -> Iterator[Problem]:
    """Find values outside their range; the shares of holes are looked at where they are made."""
    blocks = max(len(family.blocks), family.dealt)
    rules = [
        (
            family.n_patients >= LEAST_PATIENTS,
            f"n_patients is {family.n_patients}",
            f"Give {LEAST_PATIENTS} or more.",
        ),
        (
            family.n_features >= 4 * blocks,
            f"n_features is {family.n_features}",
            f"Give {4 * blocks} or more.",
        ),
        (family.missing in WHYS, f"missing is {family.missing!r}", f"Choose from {', '.join(WHYS)}."),
        (
            0 <= family.slope < np.inf,
            f"slope is {family.slope}",
            "Give a number of standard deviations, 0 or more.",
        ),
        (0 <= family.correlation < 1, f"correlation is {family.correlation}", "Give 0 or more, below 1."),
    ]
    if family.structure in GROUPED:
        rules += _of_groups(family)
    for holds, message, remedy in rules:
        if not holds:
            yield _problem(message, remedy)


def _of_groups(family: Family) -> list[tuple[bool, str, str]]:
    width = family.n_features // len(family.blocks)
    marks = informative_in(family, width) * len(family.informative or family.blocks)
    return [
        (
            2 <= family.n_groups <= MOST_GROUPS,
            f"n_groups is {family.n_groups}",
            f"Give 2 to {MOST_GROUPS}; for none, take a null family.",
        ),
        (
            _are_shares(family.sizes, family.n_groups),
            f"sizes is {family.sizes} for {family.n_groups} groups",
            "Give a share above 0 for each group.",
        ),
        (
            0 <= family.separation < np.inf,
            f"separation is {family.separation}",
            "Give a number of standard deviations, 0 or more.",
        ),
        (
            0 < family.share_informative <= 1 and marks >= family.n_groups - 1,
            f"share_informative is {family.share_informative}: {marks} features for {family.n_groups} groups",
            "Give a share up to 1 that leaves each group but one a feature.",
        ),
        (
            0 <= family.share_without <= 0.9,
            f"share_without is {family.share_without}",
            "Give a share from 0 to 0.9.",
        ),
    ]


def _are_shares(sizes: tuple[float, ...], n_groups: int) -> bool:
    """Tell whether there is a share above 0 for each group, or none at all."""
    return not sizes or (len(sizes) == n_groups and all(0 < share < np.inf for share in sizes))
