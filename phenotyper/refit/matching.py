"""Partitions of refits held against a reference and against each other.

Labels are -1 for the unassigned and -2 for patients who were not in the refit. Whoever is not in a refit
counts neither for nor against it; the unassigned are together with nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper._kernels.agreement import contingency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.intp]
    Numbers = NDArray[np.float64]

_ROWS_AT_ONCE = 1_024


@dataclass(frozen=True, eq=False)
class Found:
    """How the k clusters of a reference were found again in r refits.

    Parameters
    ----------
    best : ndarray, shape (r, k)
        Best Jaccard with any cluster of the refit, among its patients (Hennig 2007); NaN where the refit
        holds none of the cluster.
    matched : ndarray, shape (r, k)
        Jaccard with the cluster that is matched one to one; 0 where there is none.
    support : ndarray, shape (n,)
        For every patient of a cluster the share of the refits that hold the patient whose matched cluster
        holds the patient as well; NaN for the unassigned and where no refit holds the patient.
    held : ndarray of int, shape (n,)
        Refits that hold the patient.
    """

    best: Numbers
    matched: Numbers
    support: Numbers
    held: NDArray[np.intp]

    @property
    def stability(self) -> Numbers:
        """Mean best Jaccard of each cluster, shape (k,); NaN for one that no refit holds."""
        inside = np.isfinite(self.best)
        total, count = np.where(inside, self.best, 0.0).sum(axis=0), inside.sum(axis=0)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """Agreement between all pairs of r partitions; diagonals are 1 where anything can be compared.

    Parameters
    ----------
    assigned : ndarray, shape (r, r)
        Adjusted Rand index among patients assigned in both; NaN where there are fewer than two.
    overall : ndarray, shape (r, r)
        The same over all patients of both, the unassigned as one more group.
    coverage : ndarray, shape (r, r)
        Share of the patients of both who are assigned in both.
    """

    assigned: Numbers
    overall: Numbers
    coverage: Numbers

    def means(self) -> dict[str, float]:
        """Return the means over pairs of different partitions, NaN left out."""
        upper = np.triu_indices(len(self.assigned), k=1)
        parts = {"assigned": self.assigned, "overall": self.overall, "coverage": self.coverage}
        return {name: _mean(values[upper]) for name, values in parts.items()}


def jaccard_table(reference: Labels, other: Labels) -> Numbers:
    """Return the Jaccard index of every cluster of the reference with every other, among common patients.

    Returns
    -------
    ndarray, shape (k_reference, k_other)
        Rows of NaN for clusters of which no patient is common.

    Examples
    --------
    >>> jaccard_table(np.array([0, 0, 0, 1, 1]), np.array([1, 1, -2, 0, -1])).tolist()
    [[0.0, 1.0], [0.5, 0.0]]
    """
    common = (reference != -2) & (other != -2)
    first, second = np.where(common, reference, -2), np.where(common, other, -2)
    k_first, k_second = reference.max(initial=-1) + 1, other.max(initial=-1) + 1
    table = np.zeros((k_first, k_second))
    inner = contingency(first, second)
    table[: inner.shape[0], : inner.shape[1]] = inner
    sizes = np.bincount(first[first >= 0], minlength=k_first)
    others = np.bincount(second[second >= 0], minlength=k_second)
    found = table / np.maximum(sizes[:, None] + others[None, :] - table, 1)
    found[sizes == 0] = np.nan
    return found


def match_clusters(reference: Labels, other: Labels) -> tuple[Labels, Numbers]:
    """Match the clusters of two partitions one to one, so that their Jaccard indices add up to the most.

    Returns
    -------
    ndarray of int, shape (k,)
        The other's cluster for each of the reference, -1 for none.
    ndarray, shape (k,)
        Its Jaccard index; 0 for none.

    Examples
    --------
    >>> partner, jaccard = match_clusters(np.array([0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 0]))
    >>> partner.tolist(), jaccard.round(2).tolist()
    ([1, 0, -1], [1.0, 0.67, 0.0])
    """
    return _matched(jaccard_table(reference, other))


def _matched(table: Numbers) -> tuple[Labels, Numbers]:
    from scipy.optimize import linear_sum_assignment

    partner, jaccard = np.full(len(table), -1, dtype=np.intp), np.zeros(len(table))
    values = np.nan_to_num(table)
    rows, columns = linear_sum_assignment(values, maximize=True)
    real = values[rows, columns] > 0
    partner[rows[real]], jaccard[rows[real]] = columns[real], values[rows[real], columns[real]]
    return partner, jaccard


def found_again(reference: Labels, runs: Labels) -> Found:
    """Hold refits against the partition whose clusters are asked for.

    Parameters
    ----------
    reference : ndarray of int, shape (n,)
    runs : ndarray of int, shape (r, n)

    Returns
    -------
    Found

    Examples
    --------
    >>> runs = np.array([[0, 0, 1, -2], [0, -2, 0, 0]])
    >>> found = found_again(np.array([0, 0, 1, 1]), runs)
    >>> found.stability.round(2).tolist(), found.support.tolist()
    ([0.67, 0.83], [0.5, 1.0, 1.0, 1.0])
    """
    k, n = int(reference.max(initial=-1)) + 1, len(reference)
    best, matched = np.full((len(runs), k), np.nan), np.zeros((len(runs), k))
    held, together = np.zeros(n, dtype=np.intp), np.zeros(n, dtype=np.intp)
    own = np.maximum(reference, 0)
    for i, run in enumerate(runs):
        table = jaccard_table(reference, run)
        best[i] = table.max(axis=1) if table.shape[1] else np.where(_common(reference, run, k), 0.0, np.nan)
        partner, matched[i] = _matched(table)
        held += run != -2
        if k:
            together += (reference >= 0) & (run >= 0) & (partner[own] == run)
    asked = (reference >= 0) & (held > 0)
    support = np.divide(together, held, out=np.full(n, np.nan), where=asked)
    return Found(best, matched, support, held)


def _common(reference: Labels, run: Labels, k: int) -> NDArray[np.bool_]:
    return np.bincount(reference[(reference >= 0) & (run != -2)], minlength=k) > 0


def pair_agreement(runs: Labels) -> PairAgreement:
    """Return adjusted Rand index and coverage of all pairs of partitions (Hubert and Arabie 1985).

    Parameters
    ----------
    runs : ndarray of int, shape (r, n)

    Examples
    --------
    >>> found = pair_agreement(np.array([[0, 0, 1, 1, -1], [1, 1, 0, 0, 0]]))
    >>> {name: round(value, 2) for name, value in found.means().items()}
    {'assigned': 1.0, 'overall': 0.55, 'coverage': 0.8}
    """
    held, inside = (runs != -2).astype(np.float64), (runs >= 0).astype(np.float64)
    common, both = held @ held.T, inside @ inside.T
    coverage = np.divide(both, common, out=np.full(common.shape, np.nan), where=common > 0)
    return PairAgreement(_adjusted_rand(runs), _adjusted_rand(np.where(runs == -2, -2, runs + 1)), coverage)


def _adjusted_rand(runs: Labels) -> Numbers:
    """Return the index of all pairs from one product of all memberships, patients below 0 left out."""
    columns, starts = _one_hot(runs, np.float64)
    if columns.shape[1] == 0:
        return np.full((len(runs), len(runs)), np.nan)
    counts = columns.T @ columns
    margin = np.add.reduceat(counts, starts, axis=1)
    n = np.add.reduceat(margin, starts, axis=0)
    together = np.add.reduceat(np.add.reduceat(_pairs(counts), starts, axis=0), starts, axis=1)
    first = np.add.reduceat(_pairs(margin), starts, axis=0)
    pairs, mean = _pairs(n), (first + first.T) / 2
    expected = np.divide(first * first.T, pairs, out=np.zeros_like(pairs), where=pairs > 0)
    found = np.divide(together - expected, mean - expected, out=np.ones_like(pairs), where=mean != expected)
    return np.where(pairs > 0, found, np.nan)


def _pairs(counts: Numbers) -> Numbers:
    return counts * (counts - 1) / 2


def _one_hot(runs: Labels, kind: type) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return memberships in all clusters of all runs side by side, and where each run begins.

    A run without clusters has one empty column, so that every run has its place.
    """
    sizes = np.maximum(runs.max(axis=1, initial=-1) + 1, 1)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    columns: NDArray[Any] = np.zeros((runs.shape[1], int(sizes.sum())), dtype=kind)
    run, patient = np.nonzero(runs >= 0)
    columns[patient, starts[run] + runs[run, patient]] = 1
    return columns, starts


def co_assignment(runs: Labels) -> NDArray[np.float32]:
    """Return for every pair of patients the share of the refits holding both that put them together.

    Parameters
    ----------
    runs : ndarray of int, shape (r, n)

    Returns
    -------
    ndarray of float32, shape (n, n)
        1 on the diagonal for patients who are in a cluster each time; NaN where no refit holds both.

    Examples
    --------
    >>> co_assignment(np.array([[0, 0, 1], [0, 1, -2]])).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    columns, _ = _one_hot(runs, np.float32)
    held = np.ascontiguousarray((runs != -2).T, dtype=np.float32)
    n = len(columns)
    found = np.empty((n, n), dtype=np.float32)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        np.matmul(columns[rows], columns.T, out=found[rows])
        both = held[rows] @ held.T
        found[rows] /= np.where(both > 0, both, np.nan)
    return found


def _mean(values: Numbers) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
