"""Stochastic gradient descent of a UMAP layout, one seed at a time, free of Python's lock.

The updates, their order and their random numbers are those of umap-learn's ``optimize_layout_euclidean``
(McInnes, Healy and Melville 2018, section 4.2). Only the two coefficients of the gradient, which hold a power
and a division, are read off a table of squared distances. Arithmetic is strict (no reordering), so the same
input gives the same bytes on one thread or many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEGATIVES = 5
"""Points pushed off for each edge that pulls, umap-learn's default."""
_SHIFT = 15
_LOW, _HIGH = (127 - 62) << 23, (127 + 18) << 23
_LAST = _HIGH - _LOW - 1
_STEP = np.float32(1 / (1 << _SHIFT))
_INSIDE = np.int32((1 << _SHIFT) - 1)
_MOST = np.float32(4.0)


def coefficients(a: float, b: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tabulate pull and push for squared distances from 2^-62 to 2^18, 256 to each doubling.

    Parameters
    ----------
    a, b : float
        Of the layout's similarity 1 / (1 + a d^2b).

    Returns
    -------
    pull, push : ndarray of float32
        Factors of the difference of two points: -2ab d^(2b-2) / (1 + a d^2b) for the ends of an edge and
        2b / ((0.001 + d^2)(1 + a d^2b)) for other points; read between entries by straight lines, to 1.2e-5
        of the value at most.
    """
    squared = np.arange(_LOW, _HIGH + 1, 1 << _SHIFT, dtype=np.int32).view(np.float32).astype(np.float64)
    power = a * squared**b
    pull = -2 * b * power / (squared * (power + 1))
    push = 2 * b / ((0.001 + squared) * (power + 1))
    return pull.astype(np.float32), push.astype(np.float32)


@numba.njit(inline="always")
def _read(table, squared):  # type: ignore[no-untyped-def]
    """Read a table at a squared distance: the bits of a float are its place."""
    bits = max(np.int32(0), min(np.float32(squared).view(np.int32) - np.int32(_LOW), np.int32(_LAST)))
    entry = table[bits >> _SHIFT]
    return entry + np.float32(bits & _INSIDE) * _STEP * (table[(bits >> _SHIFT) + 1] - entry)


@numba.njit(inline="always")
def _clip(step):  # type: ignore[no-untyped-def]
    if step > _MOST:
        return _MOST
    return -_MOST if step < -_MOST else step


@numba.njit(inline="always")
def _draw(state):  # type: ignore[no-untyped-def]
    """Draw 32 random bits, as umap-learn's ``tau_rand_int`` (Tausworthe; L'Ecuyer 1996)."""
    one, two, three = state[0], state[1], state[2]
    one = (((one & 4294967294) << 12) & 0xFFFFFFFF) ^ ((((one << 13) & 0xFFFFFFFF) ^ one) >> 19)
    two = (((two & 4294967288) << 4) & 0xFFFFFFFF) ^ ((((two << 2) & 0xFFFFFFFF) ^ two) >> 25)
    three = (((three & 4294967280) << 17) & 0xFFFFFFFF) ^ ((((three << 3) & 0xFFFFFFFF) ^ three) >> 11)
    state[0], state[1], state[2] = one, two, three
    return np.int32(one ^ two ^ three)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def descend(place, head, tail, every, state, pull, push, n_epochs):  # type: ignore[no-untyped-def]
    """Move the points of a layout in place.

    Parameters
    ----------
    place : ndarray of float32, shape (n, d)
        Layout to start from; overwritten.
    head, tail : ndarray of int32, shape (m,)
        Ends of the edges.
    every : ndarray of float64, shape (m,)
        Epochs between two visits of an edge.
    state : ndarray of int64, shape (n, 3)
        Random state of every point; overwritten.
    pull, push : ndarray of float32
        From ``coefficients``.
    n_epochs : int
        Rounds; the step falls from 1 to 0 over them.
    """
    n, n_dims = np.int32(place.shape[0]), place.shape[1]
    due, due_push = every.copy(), every / NEGATIVES
    here = np.empty(n_dims, dtype=np.float32)
    rate = np.float32(1.0)
    for epoch in range(n_epochs):
        for i in range(len(head)):
            if due[i] > epoch:
                continue
            j, k = head[i], tail[i]
            squared = np.float32(0.0)
            for d in range(n_dims):
                squared += (place[j, d] - place[k, d]) ** 2
            factor = _read(pull, squared) if squared > 0 else np.float32(0.0)
            for d in range(n_dims):
                step = _clip(factor * (place[j, d] - place[k, d])) * rate
                here[d] = place[j, d] + step
                place[k, d] -= step
            due[i] += every[i]
            n_push = int((epoch - due_push[i]) / (every[i] / NEGATIVES))
            for _ in range(n_push):
                k = _draw(state[j]) % n
                squared = np.float32(0.0)
                for d in range(n_dims):
                    squared += (here[d] - place[k, d]) ** 2
                if k != j and squared > 0:
                    factor = _read(push, squared)
                    for d in range(n_dims):
                        here[d] += _clip(factor * (here[d] - place[k, d])) * rate
            for d in range(n_dims):
                place[j, d] = here[d]
            due_push[i] += n_push * (every[i] / NEGATIVES)
        rate = np.float32(1.0 - epoch / n_epochs)
