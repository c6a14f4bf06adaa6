"""Who belongs together: subphenotypes, children in none, and positions in the space that all blocks see.

Subphenotype k has its centre at the k-th unit vector. Children in none are scattered widely around the middle
of the centres, and their continuous factors vary more. Without subphenotypes positions are drawn from the
normal distribution with the same mean and covariance, so that every correlation stays and the groups go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phenotyper.datasets.streams import Floats, shuffled, stream, whole_parts

SUBPHENOTYPES = ("atopic", "neutrophilic", "metabolic")
WITHOUT = "none"
RELATIVE_SIZES = (0.424, 0.341, 0.235)
SCATTER = 0.8
"""Standard deviation, in each direction, of children in no subphenotype; two centres lie 1.41 apart."""
STRETCH = 2.0
"""How much wider than others children in no subphenotype vary in the continuous factors."""


@dataclass(frozen=True)
class Population:
    """The mixture that children are drawn from: shares and centres.

    Parameters
    ----------
    shares : array of float, shape (k + 1,)
        Share of each subphenotype, then of the children in none.
    centres : array of float, shape (k + 1, axes)
        Mean position of each.
    scatter : float
        Standard deviation of the positions of the children in none.
    stretch : float
        Standard deviation of their continuous factors; 1 in the other children.
    """

    shares: Floats
    centres: Floats
    scatter: float = SCATTER
    stretch: float = STRETCH

    @property
    def mean(self) -> Floats:
        """Mean position."""
        return (self.shares[:, None] * self.centres).sum(axis=0)

    @property
    def covariance(self) -> Floats:
        """Covariance of positions, axes x axes."""
        away = self.centres - self.mean
        between: Floats = (self.shares[:, None, None] * away[:, :, None] * away[:, None, :]).sum(axis=0)
        scattered: Floats = self.shares[-1] * self.scatter**2 * np.eye(len(self.mean))
        return between + scattered

    @property
    def factor_variance(self) -> float:
        """Variance of a continuous factor."""
        return float(1 + self.shares[-1] * (self.stretch**2 - 1))


@dataclass(frozen=True)
class Structure:
    """The truth about children: a label and a position each.

    Parameters
    ----------
    label : array of str, shape (n,)
        Subphenotype, or "none".
    position : array of float, shape (n, axes)
        Where the child lies between the centres.
    stretch : array, shape (n,)
        Standard deviation of the child's continuous factors.
    """

    label: NDArray[np.str_]
    position: Floats
    stretch: Floats


def population(subphenotypes: int, share_without: float) -> Population:
    """Return the mixture of the first subphenotypes; 0 gives the one that a groupless cohort imitates."""
    k = subphenotypes or len(SUBPHENOTYPES)
    sizes = np.array(RELATIVE_SIZES[:k])
    shares = np.append((1 - share_without) * sizes / sizes.sum(), share_without)
    vertices = np.eye(len(SUBPHENOTYPES))[:k]
    return Population(shares, np.vstack([vertices, vertices.mean(axis=0)]))


def draw_groups(mixture: Population, n: int, seed: int) -> Structure:
    """Draw children in subphenotypes of exact sizes, in random order, and the scattered rest."""
    names = np.array([*SUBPHENOTYPES[: len(mixture.shares) - 1], WITHOUT])
    sizes = whole_parts(mixture.shares, n)
    group = np.repeat(np.arange(len(names)), sizes)[shuffled(stream(seed, "structure", "order"), n)]
    scatter = mixture.scatter * stream(seed, "structure", "scatter").standard_normal((n, len(mixture.mean)))
    without = names[group] == WITHOUT
    scatter[~without] = 0.0
    return Structure(names[group], mixture.centres[group] + scatter, np.where(without, mixture.stretch, 1.0))


def draw_continuum(mixture: Population, n: int, seed: int) -> Structure:
    """Draw children without groups from the normal distribution with mean and covariance of ``mixture``."""
    rng = stream(seed, "structure", "continuum")
    position = np.tile(mixture.mean, (n, 1))
    for share, centre in zip(mixture.shares, mixture.centres, strict=True):
        position += np.sqrt(share) * (centre - mixture.mean) * rng.standard_normal((n, 1))
    position += np.sqrt(mixture.shares[-1]) * mixture.scatter * rng.standard_normal(position.shape)
    return Structure(np.full(n, WITHOUT), position, np.full(n, np.sqrt(mixture.factor_variance)))
