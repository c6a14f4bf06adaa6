"""What chance decides about refits, decided before the first of them runs: seeds and subsamples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.discover.recipe import Recipe

_RECIPES, _SUBSAMPLES = 1_001, 1_002
"""Branches of the seed that no stage of a fit draws from."""


def spawn_recipes(recipe: Recipe, n: int) -> tuple[Recipe, ...]:
    """Return the recipe with n other seeds; the i-th is the same whatever n is.

    Examples
    --------
    >>> from phenotyper import Recipe
    >>> few, many = spawn_recipes(Recipe(seed=7), 2), spawn_recipes(Recipe(seed=7), 5)
    >>> few == many[:2], len({recipe.seed for recipe in many})
    (True, 5)
    """
    seeds = [int(_branch(recipe.seed, _RECIPES, i).integers(2**53)) for i in range(n)]
    return tuple(replace(recipe, seed=seed) for seed in seeds)


def draw_subsamples(
    n_patients: int, *, n: int, seed: int, share: float = 0.8
) -> tuple[NDArray[np.intp], ...]:
    """Draw subsamples without replacement; the i-th is the same whatever n is.

    Never a bootstrap: copies of a patient make tight clusters that are not there.

    Returns
    -------
    tuple of ndarray of int
        Row numbers, ascending, ``round(share * n_patients)`` in each.

    Examples
    --------
    >>> [rows.tolist() for rows in draw_subsamples(5, n=2, seed=1, share=0.6)]
    [[0, 1, 4], [2, 3, 4]]
    """
    size = round(share * n_patients)
    return tuple(
        np.sort(_branch(seed, _SUBSAMPLES, i).choice(n_patients, size, replace=False)).astype(np.intp)
        for i in range(n)
    )


def _branch(seed: int, branch: int, i: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(branch, i)))
