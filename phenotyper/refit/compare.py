"""Several recipes on one cohort: who agrees with whom, and what all agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.blocks import Blocks, blocks_of
from phenotyper.cohort.container import block_names, declaration_of, patients_of
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.discover.consensus import combine
from phenotyper.discover.fitting import fit_blocks
from phenotyper.discover.methods.common import silhouette, smallest
from phenotyper.discover.phenotypes import UNASSIGNED, group_name
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import (
    PhenotyperError,
    Problem,
    RecipeError,
    ResultError,
    did_you_mean,
    listed,
    number_of,
)
from phenotyper.prepare.automatic import resolve_adjustment
from phenotyper.refit.agree import known_table, pair_table
from phenotyper.refit.brought import brought_along, register
from phenotyper.refit.comparison import CONSENSUS, MethodComparison, consensus_frame, label_frame
from phenotyper.refit.loop import Failed, Shared, bytes_of, counted, run_tasks
from phenotyper.refit.selection import Tried, selection_of

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.recipe import Progress

EXTRAS = {"mofa": "mofapy2", "leiden": "igraph"}


def usual_recipes(base: Recipe | None = None) -> dict[str, Recipe]:
    """Return the recipes that are compared by default: several integrations and methods, all else as in one.

    Parameters
    ----------
    base : Recipe, optional
        Its seed, covariates, blocks and other settings.

    Examples
    --------
    >>> list(usual_recipes())[:3]
    ['factors + hdbscan', 'factors + kmeans', 'factors + mixture']
    """
    base = base or Recipe()
    pairs = [("factors", method) for method in ("hdbscan", "kmeans", "mixture", "leiden")]
    pairs += [(integration, "hdbscan") for integration in ("concat", "graph", "snf", "mofa")]
    present = [pair for pair in pairs if all(find_spec(EXTRAS.get(part, "numpy")) for part in pair)]
    return {
        f"{integration} + {method}": replace(base, integration=integration, method=method)
        for integration, method in present
    }


def compare_methods(
    cohort: MuData,
    recipes: Mapping[str, Recipe] | Recipe | None = None,
    *,
    n_jobs: int = 1,
    known: str | Sequence[str] | None = None,
    progress: Progress = False,
) -> MethodComparison:
    """Fit several recipes to a cohort and compare what they find.

    Parameters
    ----------
    cohort : MuData
        From :func:`phenotyper.read_cohort`.
    recipes : mapping of str to Recipe, or Recipe, optional
        Recipes by name; or one whose integration and method are varied (:func:`usual_recipes`), by default
        with the default settings.
    n_jobs : int
        Workers, one recipe each; -1 for all cores. The answer does not depend on it.
    known : str or sequence of str, optional
        Declared known classes to compare with afterwards.
    progress : bool or callable
        Show a bar, or call with (recipes done, recipes in all).

    Returns
    -------
    MethodComparison

    Raises
    ------
    RecipeError
        COMPARE_RECIPES: fewer than two, or no recipe. Whatever :meth:`Recipe.fit` raises.
    ResultError
        UNKNOWN_NAME: a known class that is not declared.
    MissingExtraError
        A recipe needs a package that is not installed.
    """
    wanted = _checked(recipes)
    classes = _known_classes(cohort, known)
    found, ids = _fits(cohort, wanted, n_jobs=n_jobs, progress=progress)
    codes = np.array([one.labels for one in found])
    names = [*(group_name(g) for g in range(codes.max(initial=-1) + 1)), UNASSIGNED]
    labels = label_frame(ids, np.array(names, dtype=str)[codes].T, list(wanted))
    pairs = pair_table(list(wanted), codes)
    together = _consensus(ids, codes)
    return MethodComparison(
        _table(wanted, found, pairs),
        pairs,
        selection_of({name: one.tried for name, one in zip(wanted, found, strict=True)}),
        labels,
        together,
        known_table([*wanted, CONSENSUS], [*codes, _codes(together)], labels.index, classes),
        wanted,
        fingerprint(cohort),
    )


def _checked(recipes: Any) -> dict[str, Recipe]:
    if recipes is None or isinstance(recipes, Recipe):
        return usual_recipes(recipes)
    remedy = 'Give two or more by name: {"ours": Recipe(), "k-means": Recipe(method="kmeans")}.'
    if not isinstance(recipes, Mapping):
        said = f"recipes are of type {type(recipes).__name__}"
    elif len(recipes) < 2:
        said = f"there is {number_of(len(recipes), 'recipe')} to compare"
    elif wrong := [name for name, one in recipes.items() if not isinstance(one, Recipe)]:
        said = f"{listed(wrong)} is no Recipe"
    elif wrong := [
        name for name in recipes if not isinstance(name, str) or name == CONSENSUS or not name.strip()
    ]:
        said = f"a recipe cannot be named {wrong[0]!r}"
    else:
        return dict(recipes)
    raise RecipeError(Problem("COMPARE_RECIPES", said, remedy))


def _known_classes(cohort: MuData, known: str | Sequence[str] | None) -> dict[str, pd.Series]:
    names = [known] if isinstance(known, str) else list(known or ())
    declared = declaration_of(cohort).patients.known_classes
    unknown = [name for name in names if name not in declared]
    if unknown:
        raise ResultError(
            Problem(
                "UNKNOWN_NAME",
                f"known names {listed(unknown)}, which the cohort does not declare as known classes",
                f"Declared are: {listed(declared, 12) or 'none'}.{did_you_mean(unknown[0], declared)}",
            )
        )
    return {name: patients_of(cohort)[name] for name in names}


@dataclass(frozen=True)
class _Found:
    """What is kept of one fit: labels of the n patients, silhouette, agreement of its runs, what it tried."""

    labels: NDArray[np.intp]
    silhouette: float
    agreement: float
    tried: Tried


def _fits(
    cohort: MuData, recipes: Mapping[str, Recipe], *, n_jobs: int, progress: Progress
) -> tuple[list[_Found], NDArray[np.str_]]:
    """Fit all recipes in the loop that runs every refit; return patients in the order of their ids."""
    if n_jobs == 0:
        raise RecipeError(Problem("RECIPE_SETTING", "n_jobs is 0", "Give 1 or more, or -1 for all cores."))
    brought = brought_along(recipes.values())
    keys = [_arrays_for(recipe, cohort) for recipe in recipes.values()]
    sources = {
        (adjust_for, wanted): blocks_of(cohort, adjust_for=adjust_for, blocks=wanted)
        for adjust_for, wanted in dict.fromkeys(keys)
    }
    places = {key: at for at, key in enumerate(sources)}
    shared = Shared(
        (tuple(blocks for blocks, _ in sources.values()), brought), bytes_of(tuple(sources.values()))
    )
    tasks = [(recipe, places[key]) for recipe, key in zip(recipes.values(), keys, strict=True)]
    found: dict[int, _Found] = {}
    with (
        counted(progress, len(tasks)) as step,
        closing(run_tasks(_fit, shared, tasks, n_jobs=min(n_jobs, len(tasks)))) as answers,
    ):
        for number, answer in answers:
            if isinstance(answer, Failed):
                raise _with_name(answer.error, list(recipes)[number])
            found[number] = answer
            step()
    orders = [np.argsort(ids, kind="stable") for _, ids in sources.values()]
    sorted_rows = [
        replace(found[at], labels=found[at].labels[orders[place]]) for at, (_, place) in enumerate(tasks)
    ]
    return sorted_rows, np.sort(next(iter(sources.values()))[1])


def _arrays_for(recipe: Recipe, cohort: MuData) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return what decides the arrays that a recipe is fitted to: covariates and blocks."""
    known = block_names(cohort)
    unknown = [name for name in recipe.blocks or () if name not in known]
    if unknown or (recipe.blocks is not None and not recipe.blocks):
        said = f"names {listed(unknown)}, which the cohort does not have" if unknown else "is empty"
        remedy = f"The cohort's blocks are {listed(known, 12)}."
        raise RecipeError(Problem("BLOCK_UNKNOWN", f"blocks {said}", remedy))
    wanted = None if recipe.blocks is None else tuple(recipe.blocks)
    return resolve_adjustment(cohort, recipe.adjust_for).names, wanted


def _fit(shared: tuple[Sequence[Blocks], Any], task: tuple[Recipe, int]) -> _Found:
    """Fit one recipe in a worker."""
    sources, brought = shared
    register(brought)
    recipe, source = task
    fitted = fit_blocks(recipe, sources[source])
    runs = fitted.runs[:, fitted.measured]
    rows = [
        {
            **setting,
            "n_subphenotypes": int(run.max(initial=-1)) + 1,
            "coverage": float((run >= 0).mean()),
            "smallest": smallest(run) if (run >= 0).any() else 0,
            "agreement": float(fitted.consensus.agreement[at]),
            "reference": at == fitted.consensus.reference,
        }
        for at, (run, setting) in enumerate(zip(runs, fitted.settings, strict=True))
    ]
    measured = fitted.measured
    return _Found(
        fitted.labels,
        silhouette(fitted.scores.mean[measured], fitted.labels[measured]),
        fitted.consensus.mean_agreement,
        Tried(recipe.integration, recipe.method, list(fitted.criteria), rows),
    )


def _with_name(error: Exception, name: str) -> Exception:
    """Return the error with the name of its recipe."""
    if isinstance(error, PhenotyperError):
        problems = [replace(one, message=f'recipe "{name}": {one.message}') for one in error.problems]
        return type(error)(problems).with_traceback(error.__traceback__)
    error.add_note(f'in the recipe "{name}"')
    return error


def _codes(together: pd.DataFrame) -> NDArray[np.intp]:
    """Return the groups of the consensus as numbers; -1 for the unassigned."""
    groups = together["group"]
    names = sorted(set(groups) - {UNASSIGNED})
    return np.array([names.index(one) if one != UNASSIGNED else -1 for one in groups], dtype=np.intp)


def _consensus(ids: NDArray[np.str_], codes: NDArray[np.intp]) -> pd.DataFrame:
    """Combine the partitions as a fit combines its runs; the largest group is A."""
    one_each = np.ones(len(codes), dtype=np.intp)
    combined = combine(codes, np.arange(len(ids)), least=one_each)
    labels, k = combined.labels, combined.memberships.shape[1]
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    name = dict(zip(order.tolist(), map(group_name, range(len(order))), strict=True))
    groups = np.array([name.get(label, UNASSIGNED) for label in labels.tolist()], dtype=str)
    share = combined.memberships.max(axis=1, initial=0.0)
    return consensus_frame(ids, groups, share, (codes >= 0).sum(axis=0))


def _table(recipes: Mapping[str, Recipe], found: Sequence[_Found], pairs: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for (name, recipe), one in zip(recipes.items(), found, strict=True):
        mine = pairs.loc[(pairs["first"] == name) | (pairs["second"] == name), "adjusted_rand"]
        assigned = one.labels >= 0
        rows.append(
            {
                "recipe": name,
                "integration": recipe.integration,
                "method": recipe.method,
                "n_subphenotypes": int(one.labels.max(initial=-1)) + 1,
                "coverage": float(assigned.mean()),
                "smallest": smallest(one.labels) if assigned.any() else 0,
                "silhouette": one.silhouette,
                "agreement_of_runs": one.agreement,
                "mean_adjusted_rand": float(mine.mean()),
            }
        )
    return pd.DataFrame(rows)
