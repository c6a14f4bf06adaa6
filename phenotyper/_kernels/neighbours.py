"""Exact nearest neighbours, with ties broken by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREE_FROM = 20_000
"""Rows from which a k-d tree looks first: the same neighbours; below, comparing all pairs is quicker."""


def nearest_neighbours(points: NDArray[np.float64], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the k nearest rows of each row, itself first.

    Distances are summed coordinate by coordinate, never through a matrix product, so that equal rows are at
    distance exactly 0 and the result does not depend on the number of threads. Of rows at the same distance
    the earlier comes first, also where only some of them find room.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Points; k <= n.
    k : int
        Number of neighbours, the point itself included.

    Returns
    -------
    ndarray of int32, shape (n, k)
        Row numbers, nearest first.
    ndarray of float32, shape (n, k)
        Euclidean distances.

    Examples
    --------
    >>> index, distance = nearest_neighbours(np.array([[0.0], [1.0], [3.0]]), 2)
    >>> index.tolist(), distance.tolist()
    ([[0, 1], [1, 0], [2, 1]], [[0.0, 1.0], [0.0, 1.0], [0.0, 2.0]])
    """
    columns = np.ascontiguousarray(np.asarray(points, dtype=np.float64).T)
    if len(points) >= TREE_FROM and k < len(points):
        index, squared, unclear = _by_tree(points, k)
    else:
        index = np.empty((len(points), k), dtype=np.int32)
        squared = np.empty((len(points), k))
        unclear = np.arange(len(points))
    _compare(columns, unclear, index, squared)
    return index, np.sqrt(squared).astype(np.float32)


def _by_tree(
    points: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.intp]]:
    """Return neighbours, squared distances and those rows where rows as far as the last were left out."""
    from scipy.spatial import cKDTree

    far, near = cKDTree(points).query(points, k=k + 1, workers=1)
    squared = np.zeros(near.shape)
    for column in points.T:
        squared += (column[near] - column[:, None]) ** 2
    squared[near == np.arange(len(points))[:, None]] = -1.0
    order = np.lexsort((near, squared), axis=1)
    near, squared = np.take_along_axis(near, order, axis=1), np.take_along_axis(squared, order, axis=1)
    # The tree rounds in another order, so a last place that is close to the next is looked at again.
    unclear = np.flatnonzero((far[:, k] <= far[:, k - 1] * (1 + 1e-12)) | (squared[:, 0] != -1.0))
    squared[:, 0] = 0.0
    return near[:, :k].astype(np.int32), squared[:, :k].copy(), unclear


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _compare(columns, rows, index, squared):  # type: ignore[no-untyped-def]
    """Fill in the neighbours of some rows from all points; columns are (f, n), the results (n, k)."""
    n_dims, n = columns.shape
    k = index.shape[1]
    away = np.empty(n)
    for i in rows:
        away[:] = 0.0
        for d in range(n_dims):
            own = columns[d, i]
            for j in range(n):
                away[j] += (columns[d, j] - own) ** 2
        index[i, 0], squared[i, 0] = i, 0.0
        found = 1
        for j in range(n):
            if j == i or (found == k and away[j] >= squared[i, k - 1]):
                continue
            place = min(found, k - 1)
            while place > 1 and squared[i, place - 1] > away[j]:
                index[i, place], squared[i, place] = index[i, place - 1], squared[i, place - 1]
                place -= 1
            index[i, place], squared[i, place] = j, away[j]
            found = min(found + 1, k)
