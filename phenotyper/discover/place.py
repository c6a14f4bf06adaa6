"""Who is typical of which group in the latent space: frozen, without patient rows, for old and new patients.

Layouts find groups, but they also pull in whoever lies between or outside them. Each group is described by
its centre and a covariance shrunk towards the pooled one (Friedman 1989), far patients counting less (the
EM algorithm of the t distribution, Peel and McLachlan 2000). A wide background of everybody stands for those
of no group (Banfield and Raftery 1993). A patient is placed by what was observed alone: scores come shrunk
towards the middle where little was observed, which is undone here, and what was not observed says nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.integrate.factors import Scores

    Matrix = NDArray[np.float64]

REGION = 0.99
"""Nobody outside this region of a group is of it."""
LEAST_PROBABILITY = 0.8
LEAST_INFORMATION = 0.15
"""Nobody is assigned of whose scores a smaller share of the variance was observed."""
WITHOUT = 0.12
"""Share of patients of no group, beforehand."""
BACKGROUND = 1.5
"""How much larger than everybody's the covariance of those of no group is."""
ODD_SPREAD = 3.0
"""How much wider than in a group their oddness is spread."""
SHRINKAGE = 3.0
"""Pooled patients added to a group's covariance, per dimension."""
TAIL = 8.0
"""Degrees of freedom by which far patients count less in the description of a group."""
STEPS = 20
REFITS = 2
LEAST_KEPT = 0.5
"""A group that would lose more of its patients is not described anew."""
LEAST_RELIABILITY = 1e-3
"""Directions of which less was observed count as not observed."""
CHUNK = 1024

FITS, BETWEEN, UNLIKE, TOO_LITTLE = range(4)
"""What :meth:`Placement.decide` says of a patient."""


@dataclass(frozen=True)
class Placement:
    """How n patients stand to k groups.

    Parameters
    ----------
    probability : ndarray, shape (n, k)
        Probability of each group, given that the patient is of one of them.
    inside : ndarray of bool, shape (n, k)
        Whether the patient lies in the group's 99 % region.
    likeness : ndarray, shape (n,)
        Probability of being of any of the groups rather than of none.
    information : ndarray, shape (n,)
        Share of the variance of the scores that was observed in the patient.
    tellable : ndarray of bool, shape (n,)
        Whether a patient in the very centre of the nearest group, observed as little, could be assigned.
    """

    probability: Matrix
    inside: NDArray[np.bool_]
    likeness: Matrix
    information: Matrix
    tellable: NDArray[np.bool_]

    def rows(self, chosen: NDArray[np.bool_]) -> Placement:
        """Return the placement of some patients."""
        return Placement(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def nearest(self) -> NDArray[np.intp]:
        """Most probable group of each patient."""
        return np.argmax(self.probability, axis=1)

    def decide(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the group of each patient, -1 for none, and why: FITS, BETWEEN, UNLIKE or TOO_LITTLE."""
        n, k = self.probability.shape
        if k == 0:
            return np.full(n, -1, dtype=np.intp), np.full(n, UNLIKE, dtype=np.intp)
        rows, best = np.arange(n), self.nearest
        clear = self.probability[rows, best] >= LEAST_PROBABILITY
        like = self.inside[rows, best] & (self.likeness >= 0.5)
        little = (self.information < LEAST_INFORMATION) | (~(clear & like) & ~self.tellable)
        said = np.select([little, ~like, ~clear], [TOO_LITTLE, UNLIKE, BETWEEN], FITS).astype(np.intp)
        return np.where(said == FITS, best, -1).astype(np.intp), said


@dataclass(frozen=True)
class Placer:
    """Frozen groups.

    Parameters
    ----------
    centres : ndarray, shape (k, f)
    covariances : ndarray, shape (k, f, f)
    shares : ndarray, shape (k,)
        Share of each group among the assigned.
    middle : ndarray, shape (f,)
        Mean of everybody's scores.
    spread : ndarray, shape (f, f)
        Covariance that everybody's scores would have, were all observed.
    """

    centres: Matrix
    covariances: Matrix
    shares: Matrix
    middle: Matrix
    spread: Matrix

    @classmethod
    def fit(cls, points: Matrix, labels: NDArray[np.intp], *, missing_cov: Matrix | None = None) -> Placer:
        """Describe the groups of labelled points.

        Parameters
        ----------
        points : ndarray, shape (n, f)
            Latent scores.
        labels : ndarray of int, shape (n,)
            0 to k-1, -1 for patients in no group; every group has two patients or more.
        missing_cov : ndarray, shape (n, f, f), optional
            Covariance of the scores that is due to what was not observed; 0 by default.
        """
        k, f = int(labels.max(initial=-1)) + 1, points.shape[1]
        missing = np.zeros((len(points), f, f)) if missing_cov is None else missing_cov
        middle = points.mean(axis=0)
        spread = np.cov(points, rowvar=False).reshape(f, f) + missing.mean(axis=0)
        spread += (1e-6 * np.trace(spread) / f + np.finfo(float).tiny) * np.eye(f)
        everybody = cls(np.zeros((0, f)), np.zeros((0, f, f)), np.zeros(0), middle, spread)
        seen = everybody._seen(points, missing)
        members = [seen.rows(np.flatnonzero(labels == g)) for g in range(k)]
        sizes = np.array([len(group.places) for group in members], dtype=np.float64)
        centres, covariances = _groups(members, sizes, spread)
        return cls(centres, covariances, sizes / max(sizes.sum(), 1.0), middle, spread)

    @classmethod
    def settled(cls, scores: Scores, labels: NDArray[np.intp], *, oddness: Matrix | None = None) -> Placer:
        """Describe groups, then twice anew by the patients who are placed in them.

        Layouts put nearly everybody somewhere: those between and around the groups would widen them.

        Parameters
        ----------
        scores : Scores
            Latent coordinates of n patients.
        labels : ndarray of int, shape (n,)
            As in :meth:`fit`.
        oddness : ndarray, shape (n,), optional
            As in :meth:`place`.
        """
        found = cls.fit(scores.mean, labels, missing_cov=scores.missing_cov)
        k = len(found.shares)
        before = np.bincount(labels[labels >= 0], minlength=k)
        for _ in range(REFITS):
            placed = found.place(scores, oddness=oddness).decide()[0]
            now = np.bincount(placed[placed >= 0], minlength=k)
            if k == 0 or (now < np.maximum(LEAST_KEPT * before, 2)).any():
                break
            found = cls.fit(scores.mean, placed, missing_cov=scores.missing_cov)
        return found

    def subset(self, groups: list[int]) -> Placer:
        """Return some of the groups, in this order, shares summing to 1."""
        shares = self.shares[groups]
        whole = max(shares.sum(), np.finfo(float).tiny)
        return Placer(
            self.centres[groups], self.covariances[groups], shares / whole, self.middle, self.spread
        )

    def place(self, scores: Scores, *, oddness: Matrix | None = None) -> Placement:
        """Judge patients; each by itself.

        Parameters
        ----------
        scores : Scores
            Latent coordinates and what was not observed.
        oddness : ndarray, shape (n,), optional
            How odd what the factors leave over is: about chi-squared in patients of the groups, larger in
            others; see ``residuals.py``.
        """
        n = len(scores.mean)
        odd = np.zeros(n) if oddness is None else oddness
        parts = []
        for start in range(0, max(n, 1), CHUNK):
            rows = slice(start, start + CHUNK)
            parts.append(self._placed(self._seen(scores.mean[rows], scores.missing_cov[rows]), odd[rows]))
        joined = (np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Placement))
        return Placement(*joined)

    def _placed(self, seen: _Seen, odd: Matrix) -> Placement:
        from scipy.stats import chi2

        n, k = len(seen.places), len(self.shares)
        if k == 0:
            nothing = np.zeros((n, 0))
            return Placement(nothing, nothing > 0, np.zeros(n), seen.information, np.zeros(n, dtype=bool))
        distance, log_weight = self._weights(seen, seen.places)
        probability, likeness = self._chances(seen, log_weight - odd[:, None] / 2, odd, seen.places)
        inside = chi2.sf(distance, seen.directions[:, None]) >= 1 - REGION
        tellable = np.zeros(n, dtype=bool)
        best = np.argmax(probability, axis=1)
        for g in range(k):
            mine = np.flatnonzero(best == g)
            typical = np.broadcast_to(self.centres[g], (len(mine), len(self.middle)))
            some = seen.rows(mine)
            chance, like = self._chances(some, self._weights(some, typical)[1], np.zeros(len(mine)), typical)
            tellable[mine] = (chance[:, g] >= LEAST_PROBABILITY) & (like >= 0.5)
        return Placement(probability, inside, likeness, seen.information, tellable)

    def _weights(self, seen: _Seen, places: Matrix) -> tuple[Matrix, Matrix]:
        """Return squared distances and log weights, (n, k), of patients observed like these."""
        pairs = [
            _density(places - centre, covariance + seen.blur)
            for centre, covariance in zip(self.centres, self.covariances, strict=True)
        ]
        distance = np.column_stack([squared for squared, _ in pairs])
        return distance, np.column_stack([log for _, log in pairs]) + np.log(self.shares)

    def _chances(self, seen: _Seen, log_weight: Matrix, odd: Matrix, places: Matrix) -> tuple[Matrix, Matrix]:
        """Return the probability of each group and that of being of any."""
        none = _density(places - self.middle, BACKGROUND * self.spread + seen.blur)[1]
        none = none + np.log(WITHOUT / (1 - WITHOUT)) - odd / (2 * ODD_SPREAD**2)
        top = log_weight.max(axis=1)
        weight = np.exp(log_weight - top[:, None])
        total = weight.sum(axis=1)
        likeness = 1 / (1 + np.exp(np.clip(none - top - np.log(total), -700, 700)))
        return weight / total[:, None], likeness

    def _seen(self, points: Matrix, missing: Matrix) -> _Seen:
        """Undo the shrinkage of the scores.

        With covariance S of everybody and M of what was not observed in a patient, the score m stands for an
        observation S (S - M)^-1 m with covariance M (S - M)^-1 S, both from the middle.
        """
        root = np.linalg.cholesky(self.spread)
        inverse = np.linalg.inv(root)
        lost, turn = np.linalg.eigh(inverse @ missing @ inverse.T)
        kept = 1 - np.clip(lost, 0.0, 1 - LEAST_RELIABILITY)
        axes = root @ turn
        place = np.swapaxes(turn, 1, 2) @ (inverse @ (points - self.middle)[:, :, None]) / kept[:, :, None]
        blur = (axes * ((1 - kept) / kept)[:, None, :]) @ np.swapaxes(axes, 1, 2)
        observed = kept > LEAST_RELIABILITY * (1 + 1e-6)
        information = np.where(observed, kept, 0.0).sum(axis=1) / points.shape[1]
        return _Seen(
            (axes @ place)[:, :, 0] + self.middle, blur, np.maximum(observed.sum(axis=1), 1), information
        )


@dataclass(frozen=True)
class _Seen:
    """Where n patients were observed, how blurred, in how many directions and with what reliability."""

    places: Matrix
    blur: Matrix
    directions: NDArray[np.intp]
    information: Matrix

    def rows(self, index: NDArray[np.intp]) -> _Seen:
        return _Seen(self.places[index], self.blur[index], self.directions[index], self.information[index])


def _density(away: Matrix, covariances: Matrix) -> tuple[Matrix, Matrix]:
    """Return squared distances and log densities (but for a constant) of n vectors."""
    solved = np.linalg.solve(covariances, away[:, :, None])[:, :, 0]
    squared = (away * solved).sum(axis=1)
    return squared, -(squared + np.linalg.slogdet(covariances)[1]) / 2


def _groups(members: list[_Seen], sizes: Matrix, spread: Matrix) -> tuple[Matrix, Matrix]:
    """Return centres (k, f) and covariances (k, f, f) by expectation-maximisation."""
    k, f = len(members), len(spread)
    if k == 0:
        return np.zeros((0, f)), np.zeros((0, f, f))
    centres = np.array([np.median(group.places, axis=0) for group in members])
    covariances = np.repeat(spread[None] / 2, k, axis=0)
    for _ in range(STEPS):
        moments = [_moments(members[g], centres[g], covariances[g]) for g in range(k)]
        centres = np.array([centre for centre, _ in moments])
        scatter = np.array([found for _, found in moments])
        pooled = scatter.sum(axis=0) / sizes.sum() + 1e-6 * np.trace(spread) / f * np.eye(f)
        covariances = (scatter + SHRINKAGE * f * pooled) / (sizes + SHRINKAGE * f)[:, None, None]
    return centres, covariances


def _moments(group: _Seen, centre: Matrix, covariance: Matrix) -> tuple[Matrix, Matrix]:
    """Return a group's next centre, and its scatter about that (far patients count less)."""
    away, f = group.places - centre, len(centre)
    whole = covariance + group.blur
    squared = (away * np.linalg.solve(whole, away[:, :, None])[:, :, 0]).sum(axis=1)
    weight = (TAIL + group.directions) / (TAIL + squared)
    gain = np.swapaxes(np.linalg.solve(whole, np.broadcast_to(covariance, (len(away), f, f))), 1, 2)
    expected = centre + (gain @ away[:, :, None])[:, :, 0]
    found = np.average(expected, axis=0, weights=weight)
    rest = expected - found
    weight = weight * np.array([_consistency(d) for d in range(1, f + 1)])[group.directions - 1]
    scatter = (weight[:, None] * rest).T @ rest + (covariance - gain @ covariance).sum(axis=0)
    return found, (scatter + scatter.T) / 2


@functools.cache
def _consistency(directions: int) -> float:
    """Return the factor by which the weights give the covariance of a normal distribution unchanged."""
    from scipy.stats import chi2

    squared = chi2.ppf((np.arange(2000) + 0.5) / 2000, directions)
    return float(directions / np.mean(squared * (TAIL + directions) / (TAIL + squared)))
