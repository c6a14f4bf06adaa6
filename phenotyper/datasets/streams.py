"""Named random streams, and arithmetic whose bits do not depend on the machine's linear algebra."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stream(seed: int, *part: str) -> np.random.Generator:
    """Return the child generator of ``seed`` for a named part.

    Children are keyed by name, not by order: a part that is added or draws more leaves the others alone.

    Examples
    --------
    >>> float(stream(7, "labs").random()) == float(stream(7, "labs").random())
    True
    >>> float(stream(7, "labs").random()) == float(stream(7, "labs", "noise").random())
    False
    """
    key = zlib.crc32("/".join(part).encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(key,))))


def shuffled(rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    """Return 0..n-1 in random order."""
    return np.argsort(rng.random(n), kind="stable")


def weighted_sum(scores: Floats, weights: Floats) -> Floats:
    """Return ``scores @ weights.T`` (n x k, p x k -> n x p) added in a fixed order, without BLAS."""
    total = np.zeros((scores.shape[0], weights.shape[0]))
    for column in range(scores.shape[1]):
        total += scores[:, column, None] * weights[None, :, column]
    return total


def rounded(values: Floats, decimals: int) -> Floats:
    """Round, with -0 as 0."""
    return np.round(values, decimals) + 0.0


def whole_parts(shares: Floats, total: int) -> NDArray[np.int64]:
    """Divide ``total`` in whole numbers near ``shares`` (rows that sum to 1), by largest remainder.

    Examples
    --------
    >>> whole_parts(np.array([0.5, 0.3, 0.2]), 11).tolist()
    [6, 3, 2]
    """
    exact = np.round(np.atleast_2d(shares) * total, 9)
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, axis=1, kind="stable")
    short = total - parts.sum(axis=1)
    extra = (np.arange(exact.shape[1])[None, :] < short[:, None]).astype(np.int64)
    np.put_along_axis(parts, order, np.take_along_axis(parts, order, axis=1) + extra, axis=1)
    return parts.reshape(np.shape(shares))
