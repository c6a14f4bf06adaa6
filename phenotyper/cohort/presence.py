"""Who holds nothing in a matrix, found without looking at every cell."""

from __future__ import annotations

import numpy as np

_CHUNK = 64


def empty_rows(values: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
    """Return which rows of n x p values hold no value at all.

    Parameters
    ----------
    values : ndarray of float, shape (n, p)
        NaN = missing.
    columns : ndarray of bool, shape (p,), optional
        Which columns are looked at; by default all.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> empty_rows(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    array([False,  True])
    """
    left = np.arange(len(values))
    places = np.arange(values.shape[1]) if columns is None else np.flatnonzero(columns)
    for start in range(0, len(places), _CHUNK):
        left = left[np.isnan(values[np.ix_(left, places[start : start + _CHUNK])]).all(axis=1)]
        if not len(left):
            break
    empty = np.zeros(len(values), dtype=bool)
    empty[left] = True
    return empty
