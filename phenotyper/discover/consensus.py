"""Many partitions of the same patients to one: what they find again, and who belongs where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.agreement import agreement_matrix, best_jaccards, company

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_MEMBERSHIP = 0.5
"""A patient belongs to a group when at least this share of the company that the runs give is of it."""
LEAST_STABILITY = 0.6
"""Least mean best Jaccard of a group over the runs (Hennig 2007); others are not reported."""
MOST_ROUNDS = 10


@dataclass(frozen=True)
class Consensus:
    """What r runs over n patients agree on.

    Parameters
    ----------
    agreement : ndarray, shape (r,)
        Mean pair Jaccard of each run with the others; 1 where there is no other.
    reference : int
        The run that agrees best with the others, -1 when there is none; the candidates start from its groups.
    memberships : ndarray, shape (n, k)
        How far the runs place each patient in the company of each candidate that is found again.
    stability : ndarray, shape (k,)
        Mean best Jaccard of each over the runs.
    """

    agreement: NDArray[np.float64]
    reference: int
    memberships: NDArray[np.float64]
    stability: NDArray[np.float64]

    @property
    def mean_agreement(self) -> float:
        """Mean pair Jaccard between the runs, NaN when there are none."""
        return float(self.agreement.mean()) if len(self.agreement) else np.nan

    @property
    def labels(self) -> NDArray[np.intp]:
        """Best candidate of each patient, shape (n,), -1 where no run's company is mostly of one."""
        return _labels(self.memberships)


def combine(runs: NDArray[np.intp], ties: NDArray[np.intp], *, least: NDArray[np.intp]) -> Consensus:
    """Combine runs.

    The groups of the run that agrees best with the others, of those that may report the smallest groups, are
    the first candidates; each patient goes where the runs' company is, and so on until nobody moves. A
    candidate stays when the runs find it again. Runs that could not have found it, as it is smaller than the
    least group they may report, do not count.

    Parameters
    ----------
    runs : ndarray of int, shape (r, n)
        Labels from 0, -1 for unassigned.
    ties : ndarray of int, shape (n,)
        Patients with the same number have the same data, and get the same memberships.
    least : ndarray of int, shape (r,)
        Least group that a run may report.
    """
    pairs = agreement_matrix(runs)
    reference = _reference(pairs, least) if len(runs) else -1
    labels = runs[reference] if len(runs) else np.full(len(ties), -1, dtype=np.intp)
    for _ in range(MOST_ROUNDS):
        before, memberships = labels, over_ties(_memberships(runs, labels, least), ties)
        labels = _numbered(_labels(memberships))
        if np.array_equal(before, labels):
            break
    memberships = over_ties(_memberships(runs, labels, least), ties)
    stability = _over_able(best_jaccards(runs, labels), labels, least)
    stable = stability >= LEAST_STABILITY
    agreement = (pairs.sum(axis=0) - 1) / (len(runs) - 1) if len(runs) > 1 else np.ones(len(runs))
    return Consensus(agreement, reference, memberships[:, stable], stability[stable])


def _reference(agreement: NDArray[np.float64], least: NDArray[np.intp]) -> int:
    """Return the run that agrees best with all others, of those that may report the smallest groups."""
    finest = np.flatnonzero(least == least.min())
    return int(finest[np.argmax(agreement[finest].sum(axis=1))])


def _memberships(
    runs: NDArray[np.intp], labels: NDArray[np.intp], least: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the mean share of each group in the patients' company, over the runs that could find it."""
    total, weights = np.zeros((runs.shape[1], labels.max(initial=-1) + 1)), _able(labels, least)
    for run, weight in zip(runs, weights, strict=True):
        total += company(run, labels) * weight
    return total


def _able(labels: NDArray[np.intp], least: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (r, k) weights: equal over the runs that may report a group of that size, all if none may."""
    able = (least[:, None] <= np.bincount(labels[labels >= 0], minlength=labels.max(initial=-1) + 1)).astype(
        np.float64
    )
    able[:, ~able.any(axis=0)] = 1.0
    return able / np.maximum(able.sum(axis=0), 1.0)


def _over_able(
    found: NDArray[np.float64], labels: NDArray[np.intp], least: NDArray[np.intp]
) -> NDArray[np.float64]:
    return np.asarray((found * _able(labels, least)).sum(axis=0))


def _labels(memberships: NDArray[np.float64]) -> NDArray[np.intp]:
    if memberships.shape[1] == 0:
        return np.full(len(memberships), -1, dtype=np.intp)
    best = np.argmax(memberships, axis=1)
    return np.where(memberships.max(axis=1) >= LEAST_MEMBERSHIP, best, -1).astype(np.intp)


def _numbered(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return labels in which groups that have patients are numbered from 0."""
    left, numbers = np.unique(labels[labels >= 0], return_inverse=True)
    result = np.full(len(labels), -1, dtype=np.intp)
    result[labels >= 0] = numbers if len(left) else 0
    return result


def over_ties(values: NDArray[np.float64], ties: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give patients with the same content the mean over them: the same data, the same answer."""
    group = np.unique(ties, return_inverse=True)[1]
    count = np.bincount(group)
    if len(count) == len(group):
        return values
    total = np.zeros((len(count), values.shape[1]))
    np.add.at(total, group, values)
    return (total / count[:, None])[group]
