"""What methods share: how many groups to try, copies without groups, repetitions on parts of the patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.contract import Runs
from phenotyper.discover.recipe import SMALLEST_CLUSTER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.discover.contract import MethodTask

    Labels = NDArray[np.intp]
    Points = NDArray[np.float64]

K_MAX = 8
"""Most groups that are tried."""
SHARE = 0.8
"""Patients that a repetition sees (Monti et al. 2003); the others are placed by what it found."""
COPIES = 19
"""Copies without groups: the real data stand out when they exceed them all, p = 1 / 20."""
_PLACES = 9

type Once = Callable[[np.random.Generator], Labels]


def numbers_tried(task: MethodTask) -> range:
    """Return the numbers of groups to try: 1 to ``K_MAX``, or to as many as have room or differ."""
    n = len(task.integrated.points)
    different = len(np.unique(task.integrated.points.round(_PLACES), axis=0))
    return range(1, max(1, min(K_MAX, n // least_patients(task), different // 2)) + 1)


def least_patients(task: MethodTask) -> int:
    """Return the least patients of a group for a number of groups to be chosen.

    Half of the recipe's least size, because placing patients afterwards makes groups smaller or larger.
    """
    least = min(task.recipe.cluster_sizes_for(len(task.integrated.points)))
    return max(2, min(least, max(SMALLEST_CLUSTER, least // 2)))


def smallest(labels: Labels) -> int:
    """Return the patients of the smallest group."""
    counts = np.bincount(labels[labels >= 0])
    return int(counts[counts > 0].min(initial=len(labels)))


def silhouette(points: Points, labels: Labels) -> float:
    """Return the mean silhouette (Rousseeuw 1987) of at most 2,000 patients; NaN for one group or none."""
    from sklearn.metrics import silhouette_score

    rows = np.flatnonzero(labels >= 0)
    if len(rows) > 2000:
        rows = np.sort(np.random.default_rng(0).choice(rows, 2000, replace=False))
    groups = len(np.unique(labels[rows]))
    if not 2 <= groups < len(rows):
        return float("nan")
    return float(silhouette_score(points[rows], labels[rows]))


def copies_of(points: Points, *, rng: np.random.Generator) -> list[Points]:
    """Return normal copies of points with the same mean and covariance, and without groups."""
    centred = points - points.mean(axis=0)
    _, d, axes = np.linalg.svd(centred, full_matrices=False)
    spread = axes.T * (d / np.sqrt(len(points)))
    return [rng.normal(size=(len(points), len(d))) @ spread.T for _ in range(COPIES)]


def part_of(n: int, *, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw the patients of one repetition."""
    return np.sort(rng.choice(n, max(2, round(SHARE * n)), replace=False))


def repeated(
    task: MethodTask,
    once: Once | None,
    *,
    criteria: Sequence[Mapping[str, Any]],
    setting: Mapping[str, Any],
) -> Runs:
    """Run the chosen setting once a seed, in as many threads as asked for.

    Parameters
    ----------
    task : MethodTask
    once : callable, optional
        Labels of all patients from one generator; None where there are no groups: everybody is unassigned.
    criteria : sequence of mapping
        One row a number of groups tried.
    setting : mapping
        What was chosen.

    Returns
    -------
    Runs
    """
    from joblib import Parallel, delayed

    n, r = len(task.integrated.points), len(task.seeds)
    labels = np.full((r, n), -1, dtype=np.intp)
    if once is not None:
        jobs = (delayed(once)(np.random.default_rng(seed)) for seed in task.seeds)
        found = Parallel(n_jobs=task.n_jobs, prefer="threads", return_as="generator")(jobs)
        for at, run in enumerate(found):
            labels[at] = run
            task.done()
    else:
        for _ in range(r):
            task.done()
    settings = [{**setting, "seed": at} for at in range(r)]
    return Runs(labels, settings, [np.empty((0, 4))] * r, tuple(criteria))


def int_seed(rng: np.random.Generator) -> int:
    """Draw a seed for a library that takes an int."""
    return int(rng.integers(2**31 - 1))


def evaluation_rng(task: MethodTask) -> np.random.Generator:
    """Return the generator for choosing a setting, apart from those of the repetitions."""
    first = task.seeds[0]
    return np.random.default_rng(np.random.SeedSequence(first.entropy, spawn_key=(*first.spawn_key, 1)))
