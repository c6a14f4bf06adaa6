"""Weighted nearest neighbours: each patient's blocks count by how well they foretell his neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.neighbours import nearest_neighbours
from phenotyper.integrate.contract import Integrated, IntegrationTask, integrates
from phenotyper.integrate.factors import fit_factors
from phenotyper.integrate.others.pieces import memberships, rows_with_values, spectral

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

LEAST_AFFINITY = 1e-4
"""Added to the affinity that is divided by, as in Hao 2021."""
MOST_RATIO = 200.0
"""Ratios above this count as this, as in Seurat: exp must not overflow."""
CHUNK = 512
"""Patients compared with all others at a time."""


@dataclass(frozen=True)
class _Part:
    """One block: who has it, places of all n patients in its own factors (NaN for others), neighbours.

    ``near`` is (n, k), -1 where there is none; ``closest`` and ``width`` are distances of each patient: to
    the nearest other, and to those who share fewest neighbours.
    """

    has: NDArray[np.bool_]
    points: Matrix
    near: NDArray[np.intp]
    closest: Matrix
    width: Matrix


@integrates("graph")
def graph(task: IntegrationTask) -> Integrated:
    """Return the weighted nearest neighbours of all blocks as a graph, and its spectral embedding.

    Each block is first brought onto its own factors, fitted to those who have it (missing values inside a
    block are left open there, none is filled in). A patient's weight of a block grows with how much better
    the neighbours in that block foretell him there than neighbours in the other blocks do (weighted nearest
    neighbours; Hao et al. 2021, Cell 184:3573, equations of the supplement). A block that the patient lacks
    weighs nothing; towards a patient who lacks a block, it says what it says of the neighbours in the others.
    The graph is the fuzzy simplicial set of the neighbours by weighted affinity; the points are its diffusion
    map. All pairs are compared: time grows with the square of the patients.
    """
    k = max(min(task.n_neighbors, len(task.scores.mean)) - 1, 1)
    parts = [_part(block, k, rng=task.rng) for block in task.blocks if rows_with_values(block).sum() > 2]
    own, from_others = zip(*(_affinities(parts, at) for at in range(len(parts))), strict=True)
    has = np.array([part.has for part in parts])
    ratio = np.minimum(np.array(own) / (np.array(from_others) + LEAST_AFFINITY), MOST_RATIO)
    weight = np.where(has, np.exp(ratio - np.where(has, ratio, -np.inf).max(axis=0)), 0.0)
    weight /= weight.sum(axis=0)
    index, affinity = _neighbours(parts, weight, np.array(from_others), k=k)
    fuzzy = memberships(index, np.sqrt(np.maximum(1 - affinity, 0.0) / 2))
    return Integrated(spectral(fuzzy, task.scores.mean.shape[1]), fuzzy)


def _part(block: PreparedBlock, k: int, *, rng: np.random.Generator) -> _Part:
    has = rows_with_values(block)
    mine = block.rows(has)
    places = fit_factors([mine], n_factors=None, rng=rng).scores([mine]).mean
    places = places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), np.finfo(float).tiny)
    rows, n = np.flatnonzero(has), len(has)
    k = min(k, len(rows) - 1)
    index, distance = nearest_neighbours(places, k + 1)
    points = np.full((n, places.shape[1]), np.nan)
    points[has] = places
    near, closest, width = np.full((n, k), -1, dtype=np.intp), np.zeros(n), np.ones(n)
    near[has] = rows[index[:, 1:]]
    closest[has] = distance[:, 1]
    width[has] = _widths(places, index[:, 1:].astype(np.intp), k)
    return _Part(has, points, near, closest, width)


def _widths(points: Matrix, near: NDArray[np.intp], k: int) -> Matrix:
    """Return the mean distance to the k who share some of a patient's neighbours, but fewest (Hao 2021)."""
    from scipy.sparse import csr_matrix

    n = len(points)
    ones = np.ones(n * (k + 1))
    index = np.hstack([np.arange(n)[:, None], near]).ravel()
    mine = csr_matrix((ones, index, np.arange(0, n * (k + 1) + 1, k + 1)), shape=(n, n))
    shared = (mine @ mine.T).tocsr()
    width = np.empty(n)
    for i in range(n):
        others = shared.indices[shared.indptr[i] : shared.indptr[i + 1]]
        common = shared.data[shared.indptr[i] : shared.indptr[i + 1]]
        away = np.linalg.norm(points[others] - points[i], axis=1)
        width[i] = away[np.lexsort((others, -away, common))[:k]].mean()
    return width


def _affinity(part: _Part, rows: NDArray[np.intp], away: Matrix) -> Matrix:
    """Turn distances (m, ...) of some patients into affinities: 1 up to the nearest other, then falling."""
    shape = (-1, *(1,) * (away.ndim - 1))
    closest = part.closest[rows].reshape(shape)
    room = np.maximum(part.width[rows].reshape(shape) - closest, 1e-6)
    return np.exp(-np.maximum(away - closest, 0.0) / room)


def _affinities(parts: list[_Part], at: int) -> tuple[Matrix, Matrix]:
    """Return how near each patient is, in block ``at``, to the mean of his neighbours there and elsewhere.

    The second is the largest over the other blocks; 0 where no other block has neighbours with this one.
    """
    part = parts[at]
    rows = np.arange(len(part.has))
    found = [_affinity(part, rows, _from_mean(part, one.near)) for one in parts]
    others = [one for number, one in enumerate(found) if number != at]
    best = np.max(others, axis=0) if others else np.zeros(len(rows))
    return np.where(part.has, found[at], 0.0), np.where(part.has, best, 0.0)


def _from_mean(part: _Part, near: NDArray[np.intp]) -> Matrix:
    """Return the distance in a block from the mean place of these neighbours, of those who have the block."""
    known = (near >= 0) & part.has[np.maximum(near, 0)]
    places = np.where(known[:, :, None], part.points[np.maximum(near, 0)], 0.0)
    count = known.sum(axis=1)
    mean = places.sum(axis=1) / np.maximum(count, 1)[:, None]
    away = np.linalg.norm(np.nan_to_num(part.points) - mean, axis=1)
    return np.where((count > 0) & part.has, away, np.inf)


def _neighbours(
    parts: list[_Part], weight: Matrix, expected: Matrix, *, k: int
) -> tuple[NDArray[np.intp], Matrix]:
    """Return the k others of largest weighted affinity, the earlier first among equals, and the affinity."""
    from scipy.spatial.distance import cdist

    n = len(parts[0].has)
    index, affinity = np.empty((n, k), dtype=np.intp), np.empty((n, k))
    for start in range(0, n, CHUNK):
        rows = np.arange(start, min(start + CHUNK, n))
        total = np.zeros((len(rows), n))
        for part, mine, unknown in zip(parts, weight, expected, strict=True):
            one = np.tile(unknown[rows, None], (1, n))
            away = cdist(np.nan_to_num(part.points[rows]), np.nan_to_num(part.points[part.has]))
            one[:, part.has] = _affinity(part, rows, away)
            total += mine[rows, None] * one
        total[np.arange(len(rows)), rows] = -1.0
        order = np.argsort(-total, axis=1, kind="stable")[:, :k]
        index[rows], affinity[rows] = order, np.take_along_axis(total, order, axis=1)
    return index, affinity
