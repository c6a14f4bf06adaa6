"""What an integration gives, and how one is added.

An integration takes the comparable columns of all blocks and returns one place for every patient, and where
it has one a graph of who resembles whom. Groups are looked for there. New patients are placed in the factors,
whichever the integration: see ``discover/place.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import Problem, RecipeError, did_you_mean, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import coo_matrix

    from phenotyper.integrate.factors import Scores
    from phenotyper.prepare.preparation import PreparedBlock


@dataclass(frozen=True)
class Integrated:
    """All blocks as one space.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Coordinates; Euclidean distances mean unlikeness.
    graph : coo_matrix, shape (n, n), optional
        Symmetric memberships in (0, 1], zero diagonal, of an integration that works on graphs; layouts and
        communities use it in place of the nearest neighbours of ``points``.
    """

    points: NDArray[np.float64]
    graph: coo_matrix | None = None


@dataclass(frozen=True)
class IntegrationTask:
    """What an integration may use.

    Parameters
    ----------
    blocks : sequence of PreparedBlock
        Comparable columns of n patients, with NaN; every patient has at least one value.
    scores : Scores
        Scores of the patients on the factors of the common model.
    n_neighbors : int
        Neighbours of a patient, the patient included.
    rng : numpy.random.Generator
        For whatever is drawn.
    """

    blocks: Sequence[PreparedBlock]
    scores: Scores
    n_neighbors: int
    rng: np.random.Generator


Integration = Callable[[IntegrationTask], Integrated]

OURS = ("factors", "concat", "graph", "snf", "mofa")
_KNOWN: dict[str, Integration] = {}


def integrates(name: str) -> Callable[[Integration], Integration]:
    """Register an integration under the name that ``Recipe(integration=...)`` takes.

    Raises
    ------
    RecipeError
        NAME_TAKEN: one of the package's own names.

    Examples
    --------
    >>> @integrates("doctest: first columns")
    ... def first_columns(task):
    ...     return Integrated(np.hstack([np.nan_to_num(block.values[:, :2]) for block in task.blocks]))
    """

    def keep(made: Integration) -> Integration:
        refuse_taken(name, OURS, made)
        _KNOWN[name] = made
        return made

    return keep


def refuse_taken(name: str, ours: Sequence[str], made: Callable[..., object]) -> None:
    """Refuse a name that the package uses itself.

    Raises
    ------
    RecipeError
        NAME_TAKEN.
    """
    if name in ours and not made.__module__.startswith("phenotyper."):
        said = f"{name!r} is a name of the package's own"
        raise RecipeError(Problem("NAME_TAKEN", said, "Register yours under another name."))


def registered[Way](known: Mapping[str, Way], name: str, *, what: str, code: str) -> Way:
    """Return the integration or method of that name.

    Raises
    ------
    RecipeError
        With that code: the name is not known.
    """
    if name not in known:
        remedy = f"Known are {listed(sorted(known), 12)}.{did_you_mean(name, known)}"
        raise RecipeError(Problem(code, f"{what} is {name!r}, which is not known", remedy))
    return known[name]


def checked(integrated: object, name: str, *, n: int) -> Integrated:
    """Return what an integration gave, if it is what it must be.

    Raises
    ------
    RecipeError
        INTEGRATION_RESULT: another type or shape, or numbers that are not finite.
    """
    said = ""
    if not isinstance(integrated, Integrated):
        said = f"gave {type(integrated).__name__}, not Integrated"
    elif not isinstance(integrated.points, np.ndarray) or integrated.points.ndim != 2:
        said = "gave points that are no array of patients x dimensions"
    elif integrated.points.shape[0] != n or integrated.points.shape[1] == 0:
        said = f"gave points of shape {integrated.points.shape} for {n} patients"
    elif not np.isfinite(integrated.points).all():
        said = "gave points that are not finite (a missing value that was left?)"
    elif integrated.graph is not None and integrated.graph.shape != (n, n):
        said = f"gave a graph of shape {integrated.graph.shape} for {n} patients"
    if said:
        remedy = "Return ph.Integrated(points): finite numbers, a row for every patient, in their order."
        raise RecipeError(Problem("INTEGRATION_RESULT", f"the integration {name!r} {said}", remedy))
    assert isinstance(integrated, Integrated)
    return Integrated(np.asarray(integrated.points, dtype=np.float64), integrated.graph)


def integration_named(name: str) -> Integration:
    """Return an integration by its name.

    Raises
    ------
    RecipeError
        INTEGRATION_UNKNOWN.
    """
    import phenotyper.integrate.others  # noqa: F401  (registers what the package brings)

    return registered(_KNOWN, name, what="integration", code="INTEGRATION_UNKNOWN")


@integrates("factors")
def factors(task: IntegrationTask) -> Integrated:
    """Return the scores on the factors themselves."""
    return Integrated(task.scores.mean)
