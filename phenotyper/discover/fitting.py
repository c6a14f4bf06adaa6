"""The recipe on arrays: what every refit runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.agreement import agreement_matrix, cluster_stability, shared_memberships
from phenotyper.discover.cluster import Clustering, cluster
from phenotyper.discover.embed import lay_out, neighbour_graph, starting_places
from phenotyper.discover.place import LEAST_PROBABILITY, Placer
from phenotyper.discover.recipe import SMALLEST_CLUSTER
from phenotyper.integrate.factors import FactorModel, Scores, fit_factors
from phenotyper.prepare.preparation import Preparation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks
    from phenotyper.discover.recipe import Progress, Recipe

MAP_MIN_DIST = 0.1
LEAST_MEMBERSHIP = 0.5
"""A patient belongs to a group when at least this share of the company that the layouts give is of it."""
LEAST_STABILITY = 0.6
"""Least mean best Jaccard of a group over the other layouts (Hennig 2007); others are not reported."""
REASONS = (
    "",
    "nothing measured",
    "too few different profiles",
    "no stable group",
    "between groups",
    "unlike any group",
    "group too small",
)


@dataclass(frozen=True)
class Fitted:
    """What a fit gives, patients in canonical order.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        0 for the largest group and so on, -1 for unassigned.
    reasons : ndarray of int, shape (n,)
        Why a patient is unassigned: number in ``REASONS``, 0 for the assigned.
    memberships : ndarray, shape (n, k)
        How far the layouts place the patient among each group.
    map : ndarray, shape (n, 2)
        The map for eyes.
    scores : Scores
        Latent coordinates.
    preparation, factors, placer : Preparation, FactorModel, Placer
        Frozen transforms, and the groups in latent space.
    runs : ndarray of int, shape (r, n)
        Labels of every layout; r is 0 when the patients have too few different profiles to be laid out.
    agreement : ndarray, shape (r, r)
        Pair Jaccard between the layouts.
    reference : int
        The layout that agrees best with the others, -1 when there is none.
    tree : ndarray, shape (m, 4)
        Its condensed tree: parent, child, lambda, size.
    measured : ndarray of bool, shape (n,)
        False for a patient with no usable value, who takes no part; other arrays hold NaN there.
    """

    labels: NDArray[np.intp]
    reasons: NDArray[np.intp]
    memberships: NDArray[np.float64]
    map: NDArray[np.float64]
    scores: Scores
    preparation: Preparation
    factors: FactorModel
    placer: Placer
    runs: NDArray[np.intp]
    agreement: NDArray[np.float64]
    reference: int
    tree: NDArray[np.float64]
    measured: NDArray[np.bool_]


def fit_blocks(recipe: Recipe, blocks: Blocks, *, n_jobs: int = 1, progress: Progress = False) -> Fitted:
    """Run a recipe on arrays in canonical order; deterministic given the recipe's seed.

    Raises
    ------
    FitError
        MIN_N or NO_FEATURES.
    """
    recipe.demand(blocks.n_patients)
    of_factors, of_map, *of_layouts = np.random.SeedSequence(recipe.seed).spawn(2 + recipe.n_layouts)
    with one_thread():
        preparation = Preparation.fit(blocks)
        prepared = preparation.apply(blocks)
        measured = np.any([np.isfinite(block.values).any(axis=1) for block in prepared], axis=0)
        recipe.demand(int(measured.sum()))
        factors = fit_factors(prepared, n_factors=recipe.n_factors, rng=np.random.default_rng(of_factors))
        scores = factors.scores(prepared)
        points = scores.mean[measured]
        least = recipe.cluster_size_for(len(points))
        enough = len(np.unique(blocks.ties[measured])) >= 2 * least
        layouts: list[Clustering] = []
        picture = _plain_picture(points)
        if enough:
            layouts, picture = _layouts(recipe, points, of_layouts, of_map, n_jobs=n_jobs, progress=progress)
    runs = np.array([layout.labels for layout in layouts], dtype=np.intp).reshape(len(layouts), len(points))
    agreement = agreement_matrix(runs)
    reference = int(np.argmax(agreement.sum(axis=0))) if enough else -1
    memberships = _memberships(runs, reference, blocks.ties[measured])
    groups = _groups(memberships, scores.rows(measured), least=min(least, max(SMALLEST_CLUSTER, least // 2)))
    if not enough:
        groups.reasons[:] = REASONS.index("too few different profiles")
    return Fitted(
        _spread(groups.labels, measured, -1),
        _spread(groups.reasons, measured, REASONS.index("nothing measured")),
        _spread(memberships[:, groups.order], measured, 0.0),
        _spread(_over_ties(picture.astype(np.float64), blocks.ties[measured]), measured, np.nan),
        scores,
        preparation,
        factors,
        groups.placer,
        np.array([_spread(run, measured, -1) for run in runs], dtype=np.intp).reshape(
            len(runs), len(measured)
        ),
        agreement,
        reference,
        layouts[reference].tree if enough else np.empty((0, 4)),
        measured,
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS and OpenMP at one thread: faster at this size, and the same bytes on any machine's cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _layouts(
    recipe: Recipe,
    points: NDArray[np.float64],
    of_layouts: list[np.random.SeedSequence],
    of_map: np.random.SeedSequence,
    *,
    n_jobs: int,
    progress: Progress,
) -> tuple[list[Clustering], NDArray[np.float32]]:
    """Make the map and cluster all layouts of one graph, in as many threads as asked for, in order."""
    from joblib import Parallel, delayed

    n, f = points.shape
    graph = neighbour_graph(points, n_neighbors=recipe.neighbors_for(n))
    start, map_start = (starting_places(graph, n_dims=d) for d in (min(recipe.n_dims, f), 2))
    jobs = [
        delayed(lay_out)(graph, map_start, min_dist=MAP_MIN_DIST, seed=_int_seed(of_map)),
        *(delayed(lay_out)(graph, start, min_dist=0.0, seed=_int_seed(one)) for one in of_layouts),
    ]
    with _reporter(progress, len(jobs)) as done:
        drawn = iter(Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs))
        picture = next(drawn)
        done(1)
        found = []
        for layout in drawn:
            found.append(
                cluster(layout, min_cluster_size=recipe.cluster_size_for(n), min_samples=recipe.min_samples)
            )
            done(1 + len(found))
    return found, picture


def _memberships(runs: NDArray[np.intp], reference: int, ties: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return memberships in those groups of the reference layout that the others find again."""
    if reference < 0:
        return np.zeros((len(ties), 0))
    stable = cluster_stability(runs, reference) >= LEAST_STABILITY
    return _over_ties(shared_memberships(runs, runs[reference]), ties)[:, stable]


def _plain_picture(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the first two factors as a map."""
    return np.hstack([points, np.zeros((len(points), 2))])[:, :2].astype(np.float32)


def _int_seed(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1)[0])


@contextmanager
def _reporter(progress: Progress, total: int) -> Iterator[Callable[[int], None]]:
    if callable(progress):
        report = progress
        yield lambda done: report(done, total)
    elif progress:
        from tqdm.auto import tqdm

        with tqdm(total=total, desc="layouts", unit="layout") as bar:
            yield lambda done: bar.update(done - bar.n) and None
    else:
        yield lambda done: None


def _over_ties(values: NDArray[np.float64], ties: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give patients with the same content the mean over them: the same data, the same answer."""
    group = np.unique(ties, return_inverse=True)[1]
    count = np.bincount(group)
    if len(count) == len(group):
        return values
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, group, values)
    return (total / count[:, None])[group]


@dataclass(frozen=True)
class _Groups:
    labels: NDArray[np.intp]
    reasons: NDArray[np.intp]
    order: list[int]
    placer: Placer


def _groups(memberships: NDArray[np.float64], scores: Scores, *, least: int) -> _Groups:
    """Assign each patient on whom layouts and latent space agree; the largest group first.

    Ties of size go to the group of the earlier patient in canonical order.
    """
    n, k = memberships.shape
    reasons = np.full(n, REASONS.index("no stable group"), dtype=np.intp)
    if k == 0:
        return _Groups(
            np.full(n, -1, dtype=np.intp), reasons, [], Placer.fit(scores.mean, np.full(n, -1, dtype=np.intp))
        )
    best = np.argmax(memberships, axis=1)
    best[memberships.max(axis=1) < LEAST_MEMBERSHIP] = -1
    best, order = _ranked(best, k, least)
    placer = Placer.fit(scores.mean, best)
    if order:
        kept, reasons = _typical(best, placer, scores, reasons)
        labels, ranks = _ranked(kept, len(order), least)
        reasons[(kept >= 0) & (labels < 0)] = REASONS.index("group too small")
        return _Groups(labels, reasons, [order[g] for g in ranks], placer.subset(ranks))
    return _Groups(best, reasons, order, placer)


def _typical(
    best: NDArray[np.intp], placer: Placer, scores: Scores, reasons: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    placement = placer.place(scores)
    rows, own = np.arange(len(best)), np.maximum(best, 0)
    inside, clear = placement.inside[rows, own], placement.probability[rows, own] >= LEAST_PROBABILITY
    reasons = np.where(
        best < 0,
        reasons,
        np.where(
            ~inside, REASONS.index("unlike any group"), np.where(clear, 0, REASONS.index("between groups"))
        ),
    )
    return np.where((best >= 0) & inside & clear, best, -1), reasons.astype(np.intp)


def _ranked(labels: NDArray[np.intp], k: int, least: int) -> tuple[NDArray[np.intp], list[int]]:
    """Rank the groups of ``least`` patients or more by size; give the old numbers in the new order too."""
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    first = [int(np.argmax(labels == g)) for g in range(k)]
    order = sorted((g for g in range(k) if sizes[g] >= least), key=lambda g: (-sizes[g], first[g]))
    place = np.full(k + 1, -1, dtype=np.intp)
    place[order] = np.arange(len(order))
    return place[labels], order


def _spread[Scalar: np.generic](
    values: NDArray[Scalar], measured: NDArray[np.bool_], empty: float
) -> NDArray[Scalar]:
    """Put rows of the measured patients back among all patients."""
    full = np.full((len(measured), *values.shape[1:]), empty, dtype=values.dtype)
    full[measured] = values
    return full
