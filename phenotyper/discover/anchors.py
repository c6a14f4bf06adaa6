"""Where a new patient would come to lie on the map, about: by groups of patients of the fit.

A map made by UMAP has no place for anybody else: its transform moved one patient by up to 2.7 on a map 13.5
wide, depending on who came along. Here each anchor is a group of five patients or more who are near each
other in latent space, known by its means alone; a new patient lies among the nearest.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

LEAST = 5
"""Patients of an anchor."""
EACH = 6
MOST = 200
NEAREST = 3


@dataclass(frozen=True)
class Anchors:
    """Means of groups of patients: in latent space (m, f) and on the map (m, 2)."""

    centres: Matrix
    places: Matrix

    @classmethod
    def fit(cls, points: Matrix, places: Matrix, *, seed: int = 0) -> Anchors:
        """Group n patients by k-means of their (n, f) scores; those without a (n, 2) place take no part."""
        from scipy.cluster.vq import kmeans2

        placed = np.isfinite(places).all(axis=1) & np.isfinite(points).all(axis=1)
        points, places = points[placed], places[placed]
        if len(points) < LEAST:
            return cls(np.zeros((0, points.shape[1])), np.zeros((0, 2)))
        k = int(np.clip(len(points) // EACH, 1, min(MOST, len(np.unique(points, axis=0)))))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="One of the clusters is empty")
            _, label = kmeans2(points, k, minit="++", rng=np.random.default_rng(seed), iter=20)
        while np.bincount(label)[label].min() < LEAST:
            label = _without_smallest(points, label)
        groups = np.unique(label)
        return cls(
            np.array([points[label == g].mean(axis=0) for g in groups]),
            np.array([places[label == g].mean(axis=0) for g in groups]),
        )

    def place(self, points: Matrix) -> Matrix:
        """Return (n, 2) approximate places; each patient by itself, NaN where there is no anchor."""
        if not len(self.centres):
            return np.full((len(points), 2), np.nan)
        distance = np.column_stack([((points - centre) ** 2).sum(axis=1) for centre in self.centres])
        near = np.argsort(distance, axis=1, kind="stable")[:, :NEAREST]
        away = np.take_along_axis(distance, near, axis=1)
        weight = 1 / np.maximum(away, 1e-12) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray((weight[:, :, None] * self.places[near]).sum(axis=1))


def _without_smallest(points: Matrix, label: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give the patients of the smallest group to the groups whose centre is nearest."""
    groups, sizes = np.unique(label, return_counts=True)
    smallest = groups[np.argmin(sizes)]
    others = groups[groups != smallest]
    centres = np.array([points[label == g].mean(axis=0) for g in others])
    moved = label.copy()
    mine = np.flatnonzero(label == smallest)
    distance = ((points[mine, None, :] - centres[None]) ** 2).sum(axis=2)
    moved[mine] = others[np.argmin(distance, axis=1)]
    return moved
