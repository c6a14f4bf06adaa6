"""What a family of cohorts draws: who is in which group, and scores with standard deviation 1 in a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from phenotyper.datasets.family_list import GROUPED, Family
from phenotyper.datasets.streams import Floats, rounded, shuffled, stream, weighted_sum, whole_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

WITHOUT: Final = "none"
SITES: Final = ("Eastbrook", "Northfield", "Southlake", "Westport", "Midvale", "Highgate")
AGES: Final = ((18.0, 35.0), (60.0, 80.0))
"""Years; adults, so that nothing is adjusted for age unasked."""
FAMILY_SIZE: Final = 3
ALIKE: Final = 0.5
"""Correlation of siblings, and of the sets of correlated features of two blocks that have the same number."""
SHARE_SLOPED: Final = 0.5
TAIL: Final = 3
"""Degrees of freedom of the heavy tails."""
STEEPNESS: Final = 2.0
_EDGE: Final = float(np.sqrt(3.0))
"""Positions on a continuum are uniform to this, which has standard deviation 1."""


@dataclass(frozen=True)
class Layout:
    """Who is where, before any feature is measured.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        Group, or site, sex, band of age; -1 for patients in none.
    position : ndarray, shape (n,)
        Place on the continuum, mean 0 and standard deviation 1; zeros without one.
    roles : dict of str to ndarray, each of shape (n,)
        What the table of patients says: age, sex, site, family, exposure.
    """

    group: NDArray[np.intp]
    position: Floats
    roles: dict[str, NDArray[np.object_] | Floats]


def draw_layout(family: Family, seed: int) -> Layout:
    """Draw groups of exact sizes in random order, positions, and what the table of patients says."""
    n = family.n_patients
    group = np.full(n, -1, dtype=np.intp)
    if family.structure in GROUPED:
        sizes = whole_parts(np.append(shares_of(family), family.share_without), n)
        codes = np.repeat(np.append(np.arange(family.n_groups), -1), sizes)
        group = codes[shuffled(stream(seed, family.name, "order"), n)].astype(np.intp)
    place = _EDGE * (2 * stream(seed, family.name, "position").random(n) - 1)
    position = np.zeros(n)
    if family.slope:
        position = _towards_the_ends(place) if family.structure == "sigmoid" else place
    return Layout(group, position, _roles(family, group, place, seed))


def labels_of(family: Family, layout: Layout) -> NDArray[np.str_]:
    """Return the subphenotype of each patient: "group 1" on, or "none"; sites and the like are none."""
    names = np.array([*(f"group {number + 1}" for number in range(family.n_groups)), WITHOUT])
    if family.structure != "groups":
        return np.full(len(layout.group), WITHOUT, dtype=names.dtype)
    return names[layout.group]


def shares_of(family: Family) -> Floats:
    """Return the share of each group among all patients."""
    sizes = np.array(family.sizes or (1.0,) * family.n_groups, dtype=np.float64)
    return (1 - family.share_without) * sizes / sizes.sum()


def _towards_the_ends(place: Floats) -> Floats:
    """Bend uniform positions (a sigmoid), at standard deviation 1."""
    steep = STEEPNESS * _EDGE
    return np.tanh(STEEPNESS * place) / np.sqrt(1 - np.tanh(steep) / steep)


def _roles(
    family: Family, group: NDArray[np.intp], place: Floats, seed: int
) -> dict[str, NDArray[np.object_] | Floats]:
    if family.structure == "site":
        return {"site": np.array(SITES, dtype=object)[group]}
    if family.structure == "sex":
        return {"sex": np.array(("F", "M"), dtype=object)[group]}
    if family.structure == "age":
        low, high = np.array(AGES)[group].T
        return {"age": rounded(low + (high - low) * stream(seed, family.name, "age").random(len(group)), 1)}
    if family.structure == "sigmoid":
        return {"exposure": rounded(50 + 50 * place / _EDGE, 2)}
    if family.background == "siblings":
        names = np.array([f"F{number + 1:04d}" for number in range(len(group))], dtype=object)
        return {"family": names[_siblings(family, seed)]}
    return {}


def _siblings(family: Family, seed: int) -> NDArray[np.intp]:
    """Return the number of each patient's family."""
    n = family.n_patients
    return (np.arange(n) // FAMILY_SIZE)[shuffled(stream(seed, family.name, "families"), n)]


def draw_scores(family: Family, layout: Layout, seed: int) -> dict[str, Floats]:
    """Draw the scores of each block, n x p: background, then what groups and the continuum add."""
    widths = whole_parts(np.full(len(family.blocks), 1 / len(family.blocks)), family.n_features).tolist()
    scores: dict[str, Floats] = {}
    marked = 0
    for block, width in zip(family.blocks, widths, strict=True):
        values = _background(family, block, width, seed)
        if family.structure in GROUPED and block in (family.informative or family.blocks):
            marks = _marks(family, block, width, first=marked, seed=seed)
            marked += int(marks.any(axis=0).sum())
            values = values + family.separation * _levels(family, block, marks, layout, seed)
        if family.slope:
            values = values + family.slope * layout.position[:, None] * _slopes(family, block, width, seed)
        scores[block] = values
    return scores


def _background(family: Family, block: str, width: int, seed: int) -> Floats:
    """Draw features of variance 1: a factor for each set of correlated ones, and noise."""
    noise = _normals(family, seed, width, "noise", block)
    if family.background == "independent":
        return noise
    factors = _normals(family, seed, family.sets, "factors", block)
    if len(family.blocks) > 1:
        shared = _normals(family, seed, family.sets, "factors")
        factors = np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * factors
    factors = factors[:, np.arange(width) * family.sets // width]
    scores = np.sqrt(family.correlation) * factors + np.sqrt(1 - family.correlation) * noise
    if family.background == "heavy":
        squares = stream(seed, family.name, "tails").standard_normal((len(scores), TAIL)) ** 2
        scores = scores / np.sqrt(weighted_sum(squares, np.ones((1, TAIL))))
    return scores


def _normals(family: Family, seed: int, width: int, *part: str) -> Floats:
    """Draw n x width standard normals; of siblings, correlated ones."""
    own = stream(seed, family.name, *part).standard_normal((family.n_patients, width))
    if family.background != "siblings":
        return own
    number = _siblings(family, seed)
    theirs = stream(seed, family.name, *part, "family").standard_normal((int(number.max()) + 1, width))
    return np.sqrt(ALIKE) * theirs[number] + np.sqrt(1 - ALIKE) * own


def informative_in(family: Family, width: int) -> int:
    """Return how many of a block's features show the groups."""
    return round(family.share_informative * width)


def _marks(family: Family, block: str, width: int, *, first: int, seed: int) -> Floats:
    """Return groups x features: +1 or -1 where a feature marks a group, dealt in turn; 0 elsewhere."""
    rng = stream(seed, family.name, "marks", block)
    chosen = shuffled(rng, width)[: informative_in(family, width)]
    marks = np.zeros((family.n_groups, width))
    turn = (first + np.arange(len(chosen))) % family.n_groups
    marks[turn, chosen] = np.where(rng.random(width) < 0.5, 1.0, -1.0)[chosen]
    return marks


def _levels(family: Family, block: str, marks: Floats, layout: Layout, seed: int) -> Floats:
    """Return n x p levels; patients in no group are scattered with the mean and spread of those in groups."""
    without = layout.group < 0
    levels = marks[layout.group]
    share = shares_of(family)[:, None] / shares_of(family).sum()
    mean = (share * marks).sum(axis=0)
    spread = np.sqrt((share * (marks - mean) ** 2).sum(axis=0))
    scatter = stream(seed, family.name, "scatter", block).standard_normal(levels.shape)
    levels[without] = (mean + spread * scatter)[without]
    return levels


def _slopes(family: Family, block: str, width: int, seed: int) -> Floats:
    """Return +1 or -1 for the features that the continuum moves, 0 for the others."""
    rng = stream(seed, family.name, "slopes", block)
    chosen = shuffled(rng, width)[: round(SHARE_SLOPED * width)]
    slopes = np.zeros(width)
    slopes[chosen] = np.where(rng.random(width) < 0.5, 1.0, -1.0)[chosen]
    return slopes
