"""What a method of finding groups gives, and how one is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.errors import Problem, RecipeError
from phenotyper.integrate.contract import refuse_taken, registered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks
    from phenotyper.discover.recipe import Recipe
    from phenotyper.integrate.contract import Integrated
    from phenotyper.prepare.preparation import PreparedBlock


@dataclass(frozen=True)
class MethodTask:
    """What a method may use; all of the same n patients, each with at least one value.

    Parameters
    ----------
    integrated : Integrated
        Where to look for groups.
    prepared : sequence of PreparedBlock
        Comparable columns, for methods that model the features.
    blocks : Blocks
        Values as measured, likewise.
    recipe : Recipe
        Settings.
    seeds : sequence of numpy.random.SeedSequence
        One for each repetition: ``recipe.n_layouts`` of them.
    n_jobs : int
        Threads; the answer does not depend on it.
    done : callable
        To be called after each run.
    """

    integrated: Integrated
    prepared: Sequence[PreparedBlock]
    blocks: Blocks
    recipe: Recipe
    seeds: Sequence[np.random.SeedSequence]
    n_jobs: int = 1
    done: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Runs:
    """Partitions of the same n patients, to be combined by consensus.

    Parameters
    ----------
    labels : ndarray of int, shape (r, n)
        Labels from 0, -1 for unassigned.
    settings : sequence of mapping, length r
        What each run was made with: ``n_neighbors``, ``min_cluster_size``, ``min_samples``, ``k``, ``seed``
        (number of the repetition), whatever applies.
    trees : sequence of ndarray, length r
        Condensed trees (parent, child, lambda, size), of shape (0, 4) where there is none.
    criteria : sequence of mapping
        One row a number of groups tried: ``k``, ``chosen`` and what it was judged by (``bic``,
        ``silhouette``, ...).
    """

    labels: NDArray[np.intp]
    settings: Sequence[Mapping[str, Any]]
    trees: Sequence[NDArray[np.float64]]
    criteria: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


Method = Callable[[MethodTask], Runs]

OURS = ("hdbscan", "kmeans", "mixture", "latent_class", "leiden")
_KNOWN: dict[str, Method] = {}


def finds_groups(name: str) -> Callable[[Method], Method]:
    """Register a method under the name that ``Recipe(method=...)`` takes.

    Raises
    ------
    RecipeError
        NAME_TAKEN: one of the package's own names.
    """

    def keep(made: Method) -> Method:
        refuse_taken(name, OURS, made)
        _KNOWN[name] = made
        return made

    return keep


def checked_runs(runs: object, name: str, *, n: int) -> Runs:
    """Return what a method gave, if it is what it must be.

    Raises
    ------
    RecipeError
        METHOD_RESULT: another type or shape, or labels below -1.
    """
    said = ""
    if not isinstance(runs, Runs):
        said = f"gave {type(runs).__name__}, not Runs"
    elif np.ndim(runs.labels) != 2 or runs.labels.shape[1] != n or not len(runs.labels):
        said = f"gave labels of shape {np.shape(runs.labels)} for {n} patients"
    elif not np.issubdtype(runs.labels.dtype, np.integer) or runs.labels.min() < -1:
        said = "gave labels that are not whole numbers from -1"
    elif not len(runs.settings) == len(runs.trees) == len(runs.labels):
        said = "gave not one setting and one tree for each run"
    if said:
        remedy = "Return ph.Runs(labels, settings, trees): labels of runs x patients, -1 for unassigned."
        raise RecipeError(Problem("METHOD_RESULT", f"the method {name!r} {said}", remedy))
    assert isinstance(runs, Runs)
    return runs


def method_named(name: str) -> Method:
    """Return a method by its name.

    Raises
    ------
    RecipeError
        METHOD_UNKNOWN.
    """
    import phenotyper.discover.layouts
    import phenotyper.discover.methods  # noqa: F401  (both register what the package brings)

    return registered(_KNOWN, name, what="method", code="METHOD_UNKNOWN")
