"""From what the runs agree on to named groups: the placer decides for everybody, patients of the fit too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.discover.place import Placer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.integrate.factors import Scores

REASONS = (
    "",
    "nothing measured",
    "too few different profiles",
    "no stable group",
    "between groups",
    "unlike any group",
    "too little observed",
    "group too small",
)
_DECIDED = np.array([0, 4, 5, 6], dtype=np.intp)
"""Numbers in ``REASONS`` of what a placement says: fits, between, unlike, too little observed."""


@dataclass(frozen=True)
class Groups:
    """Groups of n patients, the largest first.

    Parameters
    ----------
    labels, reasons : ndarray of int, shape (n,)
        Group, -1 for unassigned; number in ``REASONS``.
    probabilities : ndarray, shape (n, k)
        Probability of each group, given that the patient is of one of them.
    order : list of int, length k
        Number of each group among those that were given.
    placer : Placer
        The groups in latent space.
    """

    labels: NDArray[np.intp]
    reasons: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    order: list[int]
    placer: Placer


def groups_of(
    found: NDArray[np.intp], scores: Scores, *, least: int, oddness: NDArray[np.float64] | None = None
) -> Groups:
    """Describe the groups that were found in latent space and place every patient anew.

    Ties of size go to the group of the earlier patient in canonical order. A group of fewer than ``least``
    patients is dropped and everybody placed among the others, until all are large enough.

    Parameters
    ----------
    found : ndarray of int, shape (n,)
        Groups by consensus of the runs, -1 for none.
    scores : Scores
        Latent coordinates.
    least : int
        Smallest group.
    oddness : ndarray, shape (n,), optional
        From ``Residuals.oddness``.
    """
    first, order = ranked(found, int(found.max(initial=-1)) + 1, least)
    placer = Placer.settled(scores, first, oddness=oddness)
    while True:
        labels, reasons, probabilities = _placed(placer, scores, oddness)
        labels, ranks = ranked(labels, len(order), least)
        order, placer = [order[g] for g in ranks], placer.subset(ranks)
        if len(ranks) == probabilities.shape[1]:
            break
    lost = (found >= 0) & ~np.isin(found, order) & (labels < 0)
    reasons[lost] = REASONS.index("group too small")
    return Groups(labels, reasons, probabilities[:, ranks], order, placer)


def _placed(
    placer: Placer, scores: Scores, oddness: NDArray[np.float64] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    n, k = len(scores.mean), len(placer.shares)
    if k == 0:
        none = np.full(n, REASONS.index("no stable group"), dtype=np.intp)
        return np.full(n, -1, dtype=np.intp), none, np.zeros((n, 0))
    placement = placer.place(scores, oddness=oddness)
    labels, why = placement.decide()
    return labels, _DECIDED[why], placement.probability


def ranked(labels: NDArray[np.intp], k: int, least: int) -> tuple[NDArray[np.intp], list[int]]:
    """Rank the groups of ``least`` patients or more by size; give the old numbers in the new order too."""
    sizes = np.bincount(labels[labels >= 0], minlength=k)
    first = [int(np.argmax(labels == g)) for g in range(k)]
    order = sorted((g for g in range(k) if sizes[g] >= least), key=lambda g: (-sizes[g], first[g]))
    place = np.full(k + 1, -1, dtype=np.intp)
    place[order] = np.arange(len(order))
    return place[labels], order
