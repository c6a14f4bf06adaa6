"""Who is typical of which group in the latent space: frozen, without patient rows, for old and new patients.

Layouts find groups, but they also pull in whoever lies between or outside them. Each group is described by
its centre and a covariance shrunk towards the pooled one (Friedman 1989); what was not observed in a
patient widens it for that patient. A patient stays in a group only when inside its 95 % region and clearly
nearer to it than to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.integrate.factors import Scores

    Matrix = NDArray[np.float64]

REGION = 0.95
LEAST_PROBABILITY = 0.8
SHRINKAGE = 3.0
"""Pooled patients added to a group's covariance, per dimension."""


@dataclass(frozen=True)
class Placement:
    """How n patients stand to k groups.

    Parameters
    ----------
    probability : ndarray, shape (n, k)
        Probability of each group, given that the patient is of one of them.
    inside : ndarray of bool, shape (n, k)
        Whether the patient lies in the group's 95 % region.
    """

    probability: Matrix
    inside: NDArray[np.bool_]


@dataclass(frozen=True)
class Placer:
    """Frozen groups: centres (k, f), covariances (k, f, f) and shares (k,)."""

    centres: Matrix
    covariances: Matrix
    shares: Matrix

    @classmethod
    def fit(cls, points: Matrix, labels: NDArray[np.intp]) -> Placer:
        """Describe the groups of labelled points.

        Parameters
        ----------
        points : ndarray, shape (n, f)
            Latent scores.
        labels : ndarray of int, shape (n,)
            0 to k-1, -1 for patients in no group; every group has two patients or more.
        """
        k, f = labels.max(initial=-1) + 1, points.shape[1]
        members = [points[labels == g] for g in range(k)]
        sizes = np.array([len(group) for group in members], dtype=np.float64)
        centres = np.array([np.median(group, axis=0) for group in members]).reshape(k, f)
        scatter = np.array(
            [(group - centre).T @ (group - centre) for group, centre in zip(members, centres, strict=True)]
        ).reshape(k, f, f)
        pooled = scatter.sum(axis=0) / max(sizes.sum(), 1.0)
        pooled += 1e-6 * np.trace(pooled) / f * np.eye(f)
        covariances = (scatter + SHRINKAGE * f * pooled) / (sizes + SHRINKAGE * f)[:, None, None]
        return cls(centres, covariances, sizes / max(sizes.sum(), 1.0))

    def subset(self, groups: list[int]) -> Placer:
        """Return some of the groups, in this order, shares summing to 1."""
        shares = self.shares[groups]
        return Placer(
            self.centres[groups], self.covariances[groups], shares / max(shares.sum(), np.finfo(float).tiny)
        )

    def place(self, scores: Scores) -> Placement:
        """Judge patients by their scores and by what was not observed in them."""
        from scipy.stats import chi2

        n, f = scores.mean.shape
        k = len(self.shares)
        distance, log_weight = np.empty((n, k)), np.empty((n, k))
        for g in range(k):
            covariance = self.covariances[g] + scores.missing_cov
            away = scores.mean - self.centres[g]
            distance[:, g] = np.einsum(
                "ni,ni->n", away, np.linalg.solve(covariance, away[:, :, None])[:, :, 0]
            )
            log_weight[:, g] = (
                np.log(self.shares[g]) - (distance[:, g] + np.linalg.slogdet(covariance)[1]) / 2
            )
        weight = (
            np.exp(log_weight - log_weight.max(axis=1, keepdims=True, initial=-np.inf)) if k else log_weight
        )
        return Placement(weight / weight.sum(axis=1, keepdims=True), distance <= chi2.ppf(REGION, f))
