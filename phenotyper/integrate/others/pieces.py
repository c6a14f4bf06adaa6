"""What integrations share: blocks over those who have them, memberships of neighbours, spectral embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import coo_matrix

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

DENSE_UP_TO = 1500
"""Patients up to whom all eigenvectors are found at once; above, the leading ones by iteration."""
_HALVINGS = 64
_LEAST_WIDTH = 1e-3


def rows_with_values(block: PreparedBlock) -> NDArray[np.bool_]:
    """Return which patients have at least one value in a block."""
    return np.isfinite(block.values).any(axis=1)


def memberships(index: NDArray[np.intp], distance: Matrix) -> coo_matrix:
    """Return the fuzzy simplicial set of nearest neighbours.

    Each patient's nearest other has membership 1, others fall off exponentially, scaled so that a patient's
    memberships add up to log2 of the neighbours; both directions are joined by a + b - ab (McInnes, Healy and
    Melville 2018, section 3.1).

    Parameters
    ----------
    index : ndarray of int, shape (n, k)
        Neighbours of each patient without the patient, nearest first.
    distance : ndarray, shape (n, k)
        Their distances; infinite where there is no such neighbour.

    Returns
    -------
    coo_matrix, shape (n, n)
        Symmetric, in (0, 1], zero diagonal.
    """
    nearest = np.min(distance, axis=1, keepdims=True, initial=np.inf)
    away = np.maximum(distance - np.where(np.isfinite(nearest), nearest, 0.0), 0.0)
    width = _widths(away, np.log2(distance.shape[1] + 1))
    known = np.isfinite(distance)
    spread = np.mean(distance, axis=1, keepdims=True, where=known) if known.all() else _mean(distance, known)
    strength = np.exp(-away / np.maximum(width, np.maximum(_LEAST_WIDTH * spread, np.finfo(float).tiny)))
    return joined(index, np.where(known, strength, 0.0))


def joined(index: NDArray[np.intp], strength: Matrix) -> coo_matrix:
    """Return the union a + b - ab of directed memberships in both directions.

    Examples
    --------
    >>> joined(np.array([[1], [0]]), np.array([[1.0], [0.5]])).toarray().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    from scipy.sparse import coo_matrix

    n, k = index.shape
    rows = np.repeat(np.arange(n), k)
    kept = (strength.ravel() > 0) & (index.ravel() != rows)
    one = coo_matrix((strength.ravel()[kept], (rows[kept], index.ravel()[kept])), shape=(n, n)).tocsr()
    both = (one + one.T - one.multiply(one.T)).tocoo()
    both.sum_duplicates()
    both.eliminate_zeros()
    return both


def _mean(distance: Matrix, known: NDArray[np.bool_]) -> Matrix:
    total = np.where(known, distance, 0.0).sum(axis=1, keepdims=True)
    return total / np.maximum(known.sum(axis=1, keepdims=True), 1)


def _widths(away: Matrix, target: float) -> Matrix:
    """Find each row's width w with sum(exp(-away / w)) = target, by halving."""
    low, high = np.zeros((len(away), 1)), np.full((len(away), 1), np.inf)
    width = np.ones((len(away), 1))
    for _ in range(_HALVINGS):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            total = np.where(away > 0, np.exp(-away / width), 1.0).sum(axis=1, keepdims=True)
        too_wide = total > target
        high, low = np.where(too_wide, width, high), np.where(too_wide, low, width)
        width = np.where(np.isinf(high), 2 * width, (low + np.where(np.isinf(high), low, high)) / 2)
    return width


def spectral(graph: coo_matrix, n_dims: int) -> Matrix:
    """Return a diffusion map of a graph (Coifman and Lafon 2006, one step).

    Eigenvectors of the normalised Laplacian, divided by the root of the degree and weighted by the
    eigenvalue, so that Euclidean distances are diffusion distances.

    Parameters
    ----------
    graph : coo_matrix, shape (n, n)
        Symmetric, not negative.
    n_dims : int
        Dimensions.

    Returns
    -------
    ndarray, shape (n, n_dims)
        Each column's sign is fixed; zeros where the graph has fewer dimensions.
    """
    from scipy.sparse import diags

    n, k = graph.shape[0], min(n_dims + 1, graph.shape[0])
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), np.finfo(float).tiny)
    half = diags(1 / np.sqrt(degree))
    values, vectors = _leading((half @ graph.tocsr() @ half).tocsr(), k)
    flat = vectors * np.sqrt(degree.sum() / degree)[:, None]
    steady = int(np.argmin(flat.std(axis=0))) if k else 0
    places = np.delete(flat * np.maximum(values, 0.0), steady, axis=1)
    sign = np.sign(places[np.argmax(np.abs(places), axis=0), np.arange(places.shape[1])])
    places *= np.where(sign == 0, 1.0, sign)
    return np.hstack([places, np.zeros((n, n_dims))])[:, :n_dims]


def _leading(matrix: Any, k: int) -> tuple[Matrix, Matrix]:
    """Return the k largest eigenvalues of a symmetric matrix and their vectors, largest first."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    n = matrix.shape[0]
    if n <= max(DENSE_UP_TO, 3 * k):
        values, vectors = eigh(matrix.toarray(), subset_by_index=[n - k, n - 1])
    else:
        start = np.random.default_rng(0).normal(size=n)
        values, vectors = eigsh(matrix, k=k, which="LA", v0=start, ncv=max(4 * k, 40), maxiter=100 * n)
    return values[::-1], vectors[:, ::-1]
