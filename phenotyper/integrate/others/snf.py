"""Similarity network fusion: blocks as networks of patients that take each other's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phenotyper.integrate.contract import Integrated, IntegrationTask, integrates
from phenotyper.integrate.others.pieces import joined, rows_with_values, spectral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

MU = 0.5
ROUNDS = 20
"""Width of the kernel and rounds of fusion, as in Wang 2014."""


@integrates("snf")
def snf(task: IntegrationTask) -> Integrated:
    """Return the fused network of the blocks, and its spectral embedding (Wang et al. 2014).

    Distances within a block are Euclidean over the columns that both patients have observed, scaled up to all
    columns; none is filled in. Each block's network holds only the patients who have it; what it takes from
    the other networks is, pair by pair, their mean over those that know both patients, and so is the result.
    Two patients who share no block are not joined. The graph keeps each patient's strongest ties, as many as
    neighbours. Time and memory grow with the square of the patients.
    """
    n = len(task.scores.mean)
    k = max(min(task.n_neighbors, n) - 1, 1)
    rows = [np.flatnonzero(rows_with_values(block)) for block in task.blocks]
    kernels = [affinity(distances(block), k=k) for block in task.blocks]
    fused = fuse(kernels, rows, n_patients=n, k=k)
    np.fill_diagonal(fused, 0.0)
    index = np.argsort(-fused, axis=1, kind="stable")[:, :k]
    strength = np.take_along_axis(fused, index, axis=1)
    strongest = np.maximum(strength[:, :1], np.finfo(float).tiny)
    graph = joined(index, strength / strongest)
    return Integrated(spectral(graph, task.scores.mean.shape[1]), graph)


def distances(block: PreparedBlock) -> Matrix:
    """Return distances between those who have a block, over the columns observed in both.

    Pairs without a common column are at the median distance.
    """
    from sklearn.metrics.pairwise import nan_euclidean_distances

    away = nan_euclidean_distances(block.values[rows_with_values(block)])
    known = np.isfinite(away)
    return np.where(known, away, np.median(away[known]) if known.any() else 1.0)


def affinity(distance: Matrix, *, k: int) -> Matrix:
    """Return the scaled exponential kernel of distances (Wang 2014, equations 1 and 2).

    Parameters
    ----------
    distance : ndarray, shape (n, n)
    k : int
        Neighbours whose mean distance sets the width.

    Returns
    -------
    ndarray, shape (n, n)
    """
    near = np.sort(distance, axis=1)[:, 1 : k + 1].mean(axis=1) + np.finfo(float).eps
    width = MU * np.maximum((near[:, None] + near[None, :] + distance) / 3, np.finfo(float).eps)
    kernel = np.exp(-((distance / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    return (kernel + kernel.T) / 2


def fuse(kernels: Sequence[Matrix], rows: Sequence[NDArray[np.intp]], *, n_patients: int, k: int) -> Matrix:
    """Fuse networks of partly different patients (Wang 2014, equations 4 to 7, pair by pair).

    Parameters
    ----------
    kernels : sequence of ndarray, shape (m, m)
        One a block, of its own m patients.
    rows : sequence of ndarray of int, shape (m,)
        Their numbers among all patients.
    n_patients : int
        Number of all patients.
    k : int
        Neighbours kept in the sparse kernel.

    Returns
    -------
    ndarray, shape (n_patients, n_patients)
        Symmetric; 0 for pairs that no block knows.
    """
    full = [_normalised(kernel) for kernel in kernels]
    local = [_strongest(one, k) for one in full]
    for _ in range(ROUNDS):
        total, count = _summed(full, rows, n_patients)
        after = []
        for own, sparse, mine in zip(full, local, rows, strict=True):
            pairs = np.ix_(mine, mine)
            others = count[pairs] - 1
            mean = np.where(others > 0, (total[pairs] - own) / np.maximum(others, 1), own)
            moved = sparse @ mean @ sparse.T
            after.append((moved + moved.T) / 2 + np.eye(len(mine)))
        full = after
    total, count = _summed(full, rows, n_patients)
    mean = total / np.maximum(count, 1)
    mean /= np.maximum(mean.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return (mean + mean.T) / 2


def _summed(
    networks: Sequence[Matrix], rows: Sequence[NDArray[np.intp]], n: int
) -> tuple[Matrix, NDArray[np.intp]]:
    """Add networks up over all patients; count how many know each pair."""
    total, count = np.zeros((n, n)), np.zeros((n, n), dtype=np.intp)
    for network, mine in zip(networks, rows, strict=True):
        total[np.ix_(mine, mine)] += network
        count[np.ix_(mine, mine)] += 1
    return total, count


def _normalised(network: Matrix) -> Matrix:
    """Scale rows to 1 and make the network symmetric."""
    scaled = network / np.maximum(network.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return (scaled + scaled.T) / 2


def _strongest(network: Matrix, k: int) -> Matrix:
    """Keep the k strongest ties of each patient, scaled to 1."""
    kept = np.zeros_like(network)
    index = np.argsort(-network, axis=1, kind="stable")[:, :k]
    np.put_along_axis(kept, index, np.take_along_axis(network, index, axis=1), axis=1)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), np.finfo(float).tiny)
