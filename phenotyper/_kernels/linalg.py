"""Leading singular vectors by the smaller side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def leading_svd(
    matrix: NDArray[np.float64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the k leading singular triplets through the Gram matrix of the smaller side.

    Signs are fixed: the largest loading in absolute value of every component is positive.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, p)
        Centred or not; nothing is subtracted.
    k : int
        Number of components, at most min(n, p).

    Returns
    -------
    u : ndarray, shape (n, k)
    d : ndarray, shape (k,)
        Singular values, largest first.
    v : ndarray, shape (p, k)

    Examples
    --------
    >>> u, d, v = leading_svd(np.diag([3.0, 2.0, 1.0]), 2)
    >>> d.round(6).tolist()
    [3.0, 2.0]
    """
    from scipy.linalg import eigh

    n, p = matrix.shape
    small = matrix @ matrix.T if n <= p else matrix.T @ matrix
    size = len(small)
    values, vectors = eigh(small, subset_by_index=[size - k, size - 1])
    d = np.sqrt(np.maximum(values[::-1], 0.0))
    vectors = vectors[:, ::-1]
    safe = np.where(d > 0, d, 1.0)
    u, v = (vectors, matrix.T @ vectors / safe) if n <= p else (matrix @ vectors / safe, vectors)
    sign = np.sign(v[np.argmax(np.abs(v), axis=0), np.arange(k)])
    sign[sign == 0] = 1.0
    return u * sign, d, v * sign


def leading_eigenvalues(matrix: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return the k largest eigenvalues of ``matrix.T @ matrix / n``, largest first."""
    from scipy.linalg import eigh

    n, p = matrix.shape
    small = matrix @ matrix.T if n <= p else matrix.T @ matrix
    size = len(small)
    values = eigh(small, eigvals_only=True, subset_by_index=[size - k, size - 1])
    return np.maximum(values[::-1], 0.0) / n
