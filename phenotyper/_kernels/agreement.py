"""Agreement between partitions that leave some patients unassigned, and their consensus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.intp]


def contingency(first: Labels, second: Labels) -> NDArray[np.intp]:
    """Count patients by cluster of either partition; unassigned (-1) in either are not counted.

    Returns
    -------
    ndarray of int, shape (k_first, k_second)

    Examples
    --------
    >>> contingency(np.array([0, 0, 1, -1]), np.array([1, 1, 0, 0])).tolist()
    [[0, 2], [1, 0]]
    """
    table = np.zeros((first.max(initial=-1) + 1, second.max(initial=-1) + 1), dtype=np.intp)
    both = (first >= 0) & (second >= 0)
    np.add.at(table, (first[both], second[both]), 1)
    return table


def pair_jaccard(first: Labels, second: Labels) -> float:
    """Share of the pairs together in either partition that are together in both (Jaccard; Ben-Hur 2002).

    The unassigned are together with nobody, so coverage counts. Two partitions without any pair agree: 1.

    Examples
    --------
    >>> pair_jaccard(np.array([0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, -1]))
    0.75
    """
    in_both = _pairs(contingency(first, second))
    either = _pairs(np.bincount(first[first >= 0])) + _pairs(np.bincount(second[second >= 0])) - in_both
    return 1.0 if either == 0 else float(in_both / either)


def _pairs(counts: NDArray[np.intp]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def agreement_matrix(runs: Labels) -> NDArray[np.float64]:
    """Return the pair Jaccard between all runs.

    Parameters
    ----------
    runs : ndarray of int, shape (r, n)

    Returns
    -------
    ndarray, shape (r, r)
    """
    r = len(runs)
    found = np.eye(r)
    for i in range(r):
        for j in range(i):
            found[i, j] = found[j, i] = pair_jaccard(runs[i], runs[j])
    return found


def company(run: Labels, reference: Labels) -> NDArray[np.float64]:
    """Return how far a run places each patient among the patients of each reference cluster.

    A patient's share in cluster g is the share of g among those whom the run puts with the patient (and who
    are in any reference cluster); 0 when the run leaves the patient out. A run that splits g still supports
    it, one that merges it with another supports both in proportion.

    Parameters
    ----------
    run, reference : ndarray of int, shape (n,)
        Labels, -1 for unassigned; the k clusters of the second are asked for.

    Returns
    -------
    ndarray, shape (n, k)

    Examples
    --------
    >>> company(np.array([0, 0, 0, -1]), np.array([0, 0, 1, 1])).round(2).tolist()
    [[0.67, 0.33], [0.67, 0.33], [0.67, 0.33], [0.0, 0.0]]
    """
    table = contingency(run, reference).astype(np.float64)
    size = table.sum(axis=1, keepdims=True)
    share = np.divide(table, size, out=np.zeros_like(table), where=size > 0)
    return np.vstack([share, np.zeros((1, table.shape[1]))])[run]


def best_jaccards(runs: Labels, reference: Labels) -> NDArray[np.float64]:
    """Return how well each cluster of a partition is found again in runs: best Jaccard (Hennig 2007).

    Parameters
    ----------
    runs : ndarray of int, shape (r, n)
        Labels, -1 for unassigned.
    reference : ndarray of int, shape (n,)
        The partition whose k clusters are asked for.

    Returns
    -------
    ndarray, shape (r, k)

    Examples
    --------
    >>> runs = np.array([[0, 0, 1, 1], [0, 0, 0, 1]])
    >>> best_jaccards(runs, runs[0]).round(2).tolist()
    [[1.0, 1.0], [0.67, 0.5]]
    """
    size = np.bincount(reference[reference >= 0], minlength=reference.max(initial=-1) + 1)
    return np.array(
        [_best_jaccard(contingency(reference, run), size, np.bincount(run[run >= 0])) for run in runs]
    ).reshape(len(runs), len(size))


def _best_jaccard(
    table: NDArray[np.intp], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float64]:
    if table.shape[1] == 0:
        return np.zeros(len(first))
    return (table / (first[:, None] + second[None, :] - table)).max(axis=1)
