"""Exact nearest neighbours, with ties broken by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREE_FROM = 8_000
"""Rows from which a k-d tree is used: the same exact neighbours, less memory."""
CHUNK_CELLS = 4_000_000


def nearest_neighbours(points: NDArray[np.float64], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the k nearest rows of each row, itself first.

    Distances are summed coordinate by coordinate, never through a matrix product, so that equal rows are at
    distance exactly 0 and the result does not depend on the number of threads.

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
    index = _by_tree(points, k) if len(points) >= TREE_FROM else _by_chunks(points, k)
    index = _itself_first(index)
    distance = np.sqrt(((points[index] - points[:, None, :]) ** 2).sum(axis=2))
    order = np.lexsort((index[:, 1:], distance[:, 1:]), axis=1)
    index[:, 1:] = np.take_along_axis(index[:, 1:], order, axis=1)
    distance[:, 1:] = np.take_along_axis(distance[:, 1:], order, axis=1)
    return index.astype(np.int32), distance.astype(np.float32)


def _by_chunks(points: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    from scipy.spatial.distance import cdist

    n = len(points)
    step = max(1, CHUNK_CELLS // n)
    found = np.empty((n, k), dtype=np.intp)
    for start in range(0, n, step):
        distance = cdist(points[start : start + step], points, "sqeuclidean")
        rows = np.arange(len(distance))
        distance[rows, start + rows] = -1.0
        found[start : start + step] = _smallest(distance, k)
    return found


def _smallest(distance: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Return the k smallest of each row; among equals at the edge the lowest positions."""
    if k == distance.shape[1]:
        return np.tile(np.arange(k), (len(distance), 1))
    edge = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    below = distance < edge
    room = k - below.sum(axis=1, keepdims=True)
    equal = distance == edge
    chosen = below | (equal & (np.cumsum(equal, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(distance), k)


def _by_tree(points: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    from scipy.spatial import cKDTree

    index = cKDTree(points).query(points, k=k, workers=1)[1]
    return index.reshape(len(points), k)


def _itself_first(index: NDArray[np.intp]) -> NDArray[np.intp]:
    """Put each row's own number first; where ties pushed it out, it takes the last place's."""
    own = np.arange(len(index))[:, None]
    place = np.argmax(index == own, axis=1)
    place[~(index == own).any(axis=1)] = index.shape[1] - 1
    rows = np.arange(len(index))
    index[rows, place] = index[:, 0]
    index[:, 0] = rows
    return index
