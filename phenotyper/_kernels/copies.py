"""Which columns, or rows, of a matrix are copies of each other, without comparing every pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.gaps import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

WIDTH = 8
"""Random directions of a sketch."""


def sketches(values: Matrix, *, rows: Matrix, columns: Matrix) -> tuple[Matrix, Matrix]:
    """Project standardised columns, and rows, on random directions.

    Missing values count as the mean. Columns with equal standardised values have the same sketch; columns
    that correlate with r are about ``sqrt(2 (1 - r) w)`` apart in it (Johnson and Lindenstrauss 1984).

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN = missing.
    rows : ndarray, shape (n, w)
        A random direction for each row; standard normal.
    columns : ndarray, shape (p, w)
        A random direction for each column.

    Returns
    -------
    ndarray, shape (p, w)
        Sketch of the columns scaled to length 1 and signed so that its largest entry is positive; 0 where a
        column is constant.
    ndarray, shape (n, w)
        Sketch of the rows, of columns with variance 1.
    """
    of_columns = np.zeros((values.shape[1], rows.shape[1]))
    of_rows = np.zeros((values.shape[0], columns.shape[1]))
    for part in chunks(values.shape):
        cells = values[:, part]
        length = _lengths(cells)
        if length is None:
            unit = unit_columns(cells)
            of_columns[part] = unit.T @ rows
            of_rows += unit @ columns[part]
        else:
            mean = cells.mean(axis=0)
            of_columns[part] = (cells.T @ rows - mean[:, None] * rows.sum(axis=0)) / length[:, None]
            weight = columns[part] / length[:, None]
            of_rows += cells @ weight - mean @ weight
    largest = np.argmax(np.abs(of_columns), axis=1)
    sign = np.sign(of_columns[np.arange(len(of_columns)), largest])
    return of_columns * sign[:, None], of_rows * np.sqrt(len(values))


def _lengths(cells: Matrix) -> Matrix | None:
    """Return the lengths of the centred columns; None where gaps or rounding forbid the short way."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.einsum("ij,ij->j", cells, cells)
        centred = square - cells.sum(axis=0) ** 2 / max(1, len(cells))
        fine = np.isfinite(square).all() and (centred > 1e-6 * square).all()
    return np.sqrt(centred) if fine else None


def unit_columns(values: Matrix) -> Matrix:
    """Return columns centred and scaled to length 1; missing values and constant columns are 0."""
    known = np.isfinite(values)
    complete = bool(known.all())
    count = len(values) if complete else np.maximum(known.sum(axis=0), 1)
    unit = values.copy() if complete else np.where(known, values, 0.0)
    size = np.abs(unit).max(axis=0, initial=0.0)
    unit /= np.where(size > 0, size, 1.0)
    unit -= unit.sum(axis=0) / count
    if not complete:
        unit[~known] = 0.0
    length = np.sqrt(np.einsum("ij,ij->j", unit, unit))
    unit *= np.where(length > 1e-9 * np.sqrt(len(values)), 1 / np.where(length > 0, length, 1.0), 0.0)
    return unit


def links(points: Matrix, *, radius: float) -> NDArray[np.intp]:
    """Return pairs of points within a radius: each point with its nearest, and all that are the same.

    Connected, they give the groups of near points; not every pair is named. Points at 0 are alone.

    Parameters
    ----------
    points : ndarray, shape (m, w)
    radius : float
        Largest distance.

    Returns
    -------
    ndarray of int, shape (q, 2)
        Positions, the lower first.

    Examples
    --------
    >>> links(np.array([[0.0, 1.0], [5.0, 5.0], [0.0, 1.0], [5.1, 5.0]]), radius=0.2).tolist()
    [[0, 2], [1, 3]]
    """
    from scipy.spatial import cKDTree

    if len(points) < 2:
        return np.empty((0, 2), dtype=np.intp)
    grid = np.round(points / max(radius, 1e-300) * 1e4)
    nothing = ~points.any(axis=1)
    grid[nothing, 0] = np.arange(len(points))[nothing] + grid.max() + 1
    _, first, group = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    same = np.flatnonzero(first[group] != np.arange(len(points)))
    pairs = [np.column_stack([first[group[same]], same])]
    first = first[~nothing[first]]
    if len(first) > 1:
        distance, nearest = cKDTree(points[first]).query(points[first], k=2, workers=1)
        near = np.flatnonzero(distance[:, 1] <= radius)
        pairs.append(np.sort(np.column_stack([first[near], first[nearest[near, 1]]]), axis=1))
    found = np.unique(np.vstack(pairs), axis=0)
    return found[found[:, 0] != found[:, 1]].astype(np.intp)


def groups(pairs: NDArray[np.intp], size: int) -> list[list[int]]:
    """Return groups of two or more among ``size`` points that pairs connect, by their first member.

    Examples
    --------
    >>> groups(np.array([[0, 2], [2, 3]]), 5)
    [[0, 2, 3]]
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return []
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    members: dict[int, list[int]] = {}
    for place in np.unique(pairs):
        members.setdefault(int(label[place]), []).append(int(place))
    return sorted(members.values())


def distinct_orders(counts: NDArray[np.intp]) -> float:
    """Return the logarithm of in how many ways values with these frequencies can be dealt to patients.

    Two columns with the same frequencies agree by chance with one over this probability.

    Examples
    --------
    >>> round(float(np.exp(distinct_orders(np.array([1, 9])))), 6)
    10.0
    """
    from scipy.special import gammaln

    return float(gammaln(counts.sum() + 1) - gammaln(counts + 1).sum())
