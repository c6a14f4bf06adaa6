"""The recipe on arrays: what every refit runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.consensus import Consensus, combine, over_ties
from phenotyper.discover.contract import MethodTask, Runs, checked_runs, method_named
from phenotyper.discover.groups import REASONS, groups_of
from phenotyper.discover.layouts import draw_map
from phenotyper.discover.place import Placer
from phenotyper.discover.recipe import SMALLEST_CLUSTER
from phenotyper.discover.residuals import Residuals
from phenotyper.integrate.contract import Integrated, IntegrationTask, checked, integration_named
from phenotyper.integrate.factors import FactorModel, Scores, fit_factors
from phenotyper.prepare.preparation import Preparation, PreparedBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks
    from phenotyper.discover.recipe import Progress, Recipe


@dataclass(frozen=True)
class Fitted:
    """What a fit gives, patients in canonical order.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        0 for the largest group and so on, -1 for unassigned.
    reasons : ndarray of int, shape (n,)
        Why a patient is unassigned: number in ``REASONS``, 0 for the assigned.
    memberships, probabilities : ndarray, shape (n, k)
        How far the runs place the patient among each group; probability of each group by the placer.
    map : ndarray, shape (n, 2)
        The map for eyes.
    scores : Scores
        Latent coordinates.
    preparation, factors, placer, residuals : Preparation, FactorModel, Placer, Residuals
        Frozen transforms, the groups in latent space, and how large what the factors leave over is.
    runs : ndarray of int, shape (r, n)
        Labels of every run; r is 0 when the patients have too few different profiles.
    settings : sequence of mapping, length r
        What each run was made with.
    criteria : sequence of mapping
        What numbers of groups were judged by, of methods that choose one.
    consensus : Consensus
        Agreement between the runs, over the measured patients.
    tree : ndarray, shape (m, 4)
        Condensed tree of the reference run: parent, child, lambda, size.
    measured : ndarray of bool, shape (n,)
        False for a patient with no usable value, who takes no part; other arrays hold NaN there.
    """

    labels: NDArray[np.intp]
    reasons: NDArray[np.intp]
    memberships: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    map: NDArray[np.float64]
    scores: Scores
    preparation: Preparation
    factors: FactorModel
    placer: Placer
    residuals: Residuals
    runs: NDArray[np.intp]
    settings: Sequence[Mapping[str, Any]]
    criteria: Sequence[Mapping[str, Any]]
    consensus: Consensus
    tree: NDArray[np.float64]
    measured: NDArray[np.bool_]


@dataclass(frozen=True)
class _Space:
    """The patients with one number of factors, and the runs there."""

    factors: FactorModel
    scores: Scores
    integrated: Integrated
    runs: Runs


@dataclass(frozen=True)
class _Patients:
    """The measured patients of a fit as each stage wants them."""

    blocks: Blocks
    prepared: Sequence[PreparedBlock]


def fit_blocks(recipe: Recipe, blocks: Blocks, *, n_jobs: int = 1, progress: Progress = False) -> Fitted:
    """Run a recipe on arrays in canonical order; deterministic given the recipe's seed.

    Raises
    ------
    FitError
        MIN_N or NO_FEATURES.
    RecipeError
        An unknown integration or method.
    """
    recipe.demand(blocks.n_patients)
    integration_named(recipe.integration), method_named(recipe.method)
    with one_thread():
        preparation, everybody = Preparation.fit_apply(
            blocks,
            overrides=recipe.features,
            max_missing=recipe.max_missing,
            top_features=recipe.top_features,
        )
        measured = np.any([np.isfinite(block.values).any(axis=1) for block in everybody], axis=0)
        recipe.demand(int(measured.sum()))
        here = _Patients(blocks.rows(np.flatnonzero(measured)), [block.rows(measured) for block in everybody])
        spaces, picture = _spaces(recipe, here, n_jobs=n_jobs, progress=progress)
        ties = here.blocks.ties
        runs, settings = _together(spaces)
        reportable = np.array([setting.get("min_cluster_size", 1) for setting in settings], dtype=np.intp)
        consensus = combine(runs, ties, least=reportable)
        space = _space_of(spaces, consensus.reference)
        least = min(recipe.cluster_sizes_for(len(ties)))
        residuals = Residuals.fit(here.prepared, space.factors, space.scores)
        groups = groups_of(
            consensus.labels,
            space.scores,
            least=min(least, max(SMALLEST_CLUSTER, least // 2)),
            oddness=residuals.oddness(here.prepared, space.factors, space.scores),
        )
    if not len(runs):
        groups.reasons[:] = REASONS.index("too few different profiles")
    trees = [tree for one in spaces for tree in one.runs.trees]
    return Fitted(
        _spread(groups.labels, measured, -1),
        _spread(groups.reasons, measured, REASONS.index("nothing measured")),
        _spread(consensus.memberships[:, groups.order], measured, 0.0),
        _spread(groups.probabilities, measured, 0.0),
        _spread(over_ties(picture.astype(np.float64), ties), measured, np.nan),
        space.factors.scores(everybody),
        preparation,
        space.factors,
        groups.placer,
        residuals,
        np.array([_spread(run, measured, -1) for run in runs], dtype=np.intp).reshape(
            len(runs), len(measured)
        ),
        settings,
        [row for one in spaces for row in one.runs.criteria],
        consensus,
        trees[consensus.reference] if len(runs) else np.empty((0, 4)),
        measured,
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS and OpenMP at one thread: faster at this size, and the same bytes on any machine's cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _spaces(
    recipe: Recipe, here: _Patients, *, n_jobs: int, progress: Progress
) -> tuple[list[_Space], NDArray[np.float32]]:
    """Integrate with every number of factors, find groups in each, and draw the map in the first."""
    of_factors, of_space, of_map, *of_runs = np.random.SeedSequence(recipe.seed).spawn(3 + recipe.n_layouts)
    n, tried = here.blocks.n_patients, recipe.factors_tried()
    neighbors = recipe.neighbors_for(n)
    enough = _profiles(here.blocks, 2 * min(recipe.cluster_sizes_for(n)))
    graphs = len(neighbors) if recipe.method == "hdbscan" else 1
    find = method_named(recipe.method)
    spaces: list[_Space] = []
    unit = "layout" if recipe.method == "hdbscan" else "run"
    with _reporter(progress, 1 + len(tried) * graphs * recipe.n_layouts, unit=unit) as done:
        for number in tried:
            rng = np.random.default_rng(of_factors)
            factors = fit_factors(here.prepared, n_factors=number, rng=rng)
            scores = factors.scores(here.prepared)
            if not enough:
                nobody = Runs(np.empty((0, n), dtype=np.intp), (), ())
                return [_Space(factors, scores, Integrated(scores.mean), nobody)], _plain_picture(scores.mean)
            if any(scores.mean.shape == one.scores.mean.shape for one in spaces):
                continue  # more factors were asked for than there can be
            for own, integrated in _integrations(recipe, here.prepared, scores, seed=of_space):
                task = MethodTask(integrated, here.prepared, here.blocks, own, of_runs, n_jobs, done)
                space = {"n_factors": scores.mean.shape[1]}
                if own is not recipe:
                    space["n_neighbors"] = own.neighbors_for(n)[0]
                runs = checked_runs(find(task), recipe.method, n=n)
                spaces.append(_Space(factors, scores, integrated, _with_space(runs, space)))
        picture = draw_map(spaces[0].integrated, neighbors, seed=of_map)
        done()
    return spaces, picture


def _profiles(blocks: Blocks, wanted: int) -> bool:
    """Say whether the features show as many different patients; covariates do not count.

    What has fewer is a cross-table, and adjusting it for a number only blurs its cells.
    """
    known: list[list[bytes]] = []
    for block in sorted(blocks.blocks, key=lambda block: len(block.features)):
        known.append([row.tobytes() for row in np.where(np.isnan(block.values), np.nan, block.values + 0.0)])
        if len(set(zip(*known, strict=True))) >= wanted:
            return True
    return False


def _integrations(
    recipe: Recipe, prepared: Sequence[PreparedBlock], scores: Scores, *, seed: np.random.SeedSequence
) -> Iterator[tuple[Recipe, Integrated]]:
    """Integrate; an integration that makes a graph once for each number of neighbours, with its recipe."""
    integrate, neighbors = integration_named(recipe.integration), recipe.neighbors_for(len(scores.mean))
    for near in neighbors:
        task = IntegrationTask(prepared, scores, near, np.random.default_rng(seed))
        found = checked(integrate(task), recipe.integration, n=len(scores.mean))
        if found.graph is None or len(neighbors) == 1:
            yield recipe, found
            return
        yield replace(recipe, n_neighbors=near), found


def _with_space(runs: Runs, space: Mapping[str, int]) -> Runs:
    return Runs(
        runs.labels,
        [{**space, **setting} for setting in runs.settings],
        runs.trees,
        [{**space, **row} for row in runs.criteria],
    )


def _together(spaces: Sequence[_Space]) -> tuple[NDArray[np.intp], list[Mapping[str, Any]]]:
    labels = np.concatenate([space.runs.labels for space in spaces])
    return labels.astype(np.intp), [setting for space in spaces for setting in space.runs.settings]


def _space_of(spaces: Sequence[_Space], run: int) -> _Space:
    """Return the space in which a run was made."""
    ends = np.cumsum([len(space.runs.labels) for space in spaces])
    return spaces[int(np.searchsorted(ends, max(run, 0), side="right")) if run >= 0 else 0]


def _plain_picture(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the first two factors as a map."""
    return np.hstack([points, np.zeros((len(points), 2))])[:, :2].astype(np.float32)


@contextmanager
def _reporter(progress: Progress, total: int, *, unit: str) -> Iterator[Callable[[], None]]:
    """Count runs; ``done`` reports one more."""
    if not progress:
        yield lambda: None
        return
    count = 0

    def step(report: Callable[[int], object]) -> None:
        nonlocal count
        count = min(count + 1, total)
        report(count)

    if callable(progress):
        yield lambda: step(lambda done: progress(done, total))
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=f"{unit}s", unit=unit) as bar:
        yield lambda: step(lambda done: bar.update(done - bar.n))


def _spread[Scalar: np.generic](
    values: NDArray[Scalar], measured: NDArray[np.bool_], empty: float
) -> NDArray[Scalar]:
    """Put rows of the measured patients back among all patients."""
    full = np.full((len(measured), *values.shape[1:]), empty, dtype=values.dtype)
    full[measured] = values
    return full
