"""Scores of patients on factors given values and intervals: row by row, the same alone or among others.

With scores s ~ N(0, I) and columns x_j = v_j's + noise, a known value is a Gaussian observation of s. A cell
of which only an interval is known is a probit-like one: its exact factor is replaced by the Gaussian that
expectation propagation finds (Minka 2001; for probit factors Rasmussen and Williams 2006, 3.6). Sums run in
the order of the columns, so that no bit depends on which patients are placed together.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from phenotyper._kernels.truncated import interval_moments

SMALLEST = 1e-14


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _invert(matrix, inverse, work):  # type: ignore[no-untyped-def]
    """Invert a positive definite matrix, of which the lower triangle is read, through Cholesky."""
    f = len(matrix)
    for i in range(f):
        for j in range(i + 1):
            left = matrix[i, j]
            for k in range(j):
                left -= work[i, k] * work[j, k]
            work[i, j] = math.sqrt(left) if i == j else left / work[j, j]
    for i in range(f):
        inverse[i, i] = 1 / work[i, i]
        for j in range(i):
            left = 0.0
            for k in range(j, i):
                left -= work[i, k] * inverse[k, j]
            inverse[i, j] = left / work[i, i]
    for i in range(f):
        for j in range(i + 1):
            left = 0.0
            for k in range(i, f):
                left += inverse[k, i] * inverse[k, j]
            work[i, j] = left
    for i in range(f):
        for j in range(i + 1):
            inverse[i, j] = inverse[j, i] = work[i, j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _known(values, loadings, products, total, precision, pull):  # type: ignore[no-untyped-def]
    """Collect what the known values of one row say; NaN says nothing."""
    q, f = loadings.shape
    missing = 0
    for j in range(q):
        missing += math.isnan(values[j])
    mostly = 2 * missing <= q
    pull[:] = 0.0
    for a in range(f):
        for b in range(a + 1):
            precision[a, b] = total[a, b] if mostly else 0.0
    for j in range(q):
        known = not math.isnan(values[j])
        if known:
            for a in range(f):
                pull[a] += loadings[j, a] * values[j]
        if known != mostly:
            at = 0
            for a in range(f):
                for b in range(a + 1):
                    precision[a, b] += products[j, at] if known else -products[j, at]
                    at += 1
    for a in range(f):
        precision[a, a] += 1.0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _without(row, covariance, mean, site, away):  # type: ignore[no-untyped-def]
    """Return what a row's other cells say of one column: variance, mean, and the share that is left."""
    f = len(row)
    variance, middle = 0.0, 0.0
    for a in range(f):
        total = 0.0
        for b in range(f):
            total += covariance[a, b] * row[b]
        away[a] = total
        variance += total * row[a]
        middle += mean[a] * row[a]
    left = 1 - site[0] * variance
    return variance / left, (middle - site[1] * variance) / left, left


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _sweep(low, high, rows, site, mean, covariance, away):  # type: ignore[no-untyped-def]
    """Renew the stand-in of every interval of one row in turn; return the largest step of a score."""
    m, f = rows.shape
    largest = 0.0
    for j in range(m):
        if math.isnan(low[j]) or low[j] == high[j]:
            continue
        variance, middle, left = _without(rows[j], covariance, mean, site[j], away)
        if variance <= SMALLEST:
            continue
        spread = math.sqrt(variance + 1)
        inside, narrowed = interval_moments((low[j] - middle) / spread, (high[j] - middle) / spread)
        gain = variance / (variance + 1)
        kept = 1 - gain * (1 - narrowed)
        tau = (1 - narrowed) / ((variance + 1) * kept)
        nu = ((middle + gain * spread * inside) / kept - middle) / variance
        now, here = variance * left, middle * left + site[j, 1] * variance * left
        more = tau - site[j, 0]
        shift = (nu - site[j, 1] - more * here) / (1 + more * now)
        shrink = more / (1 + more * now)
        site[j, 0], site[j, 1] = tau, nu
        for a in range(f):
            mean[a] += shift * away[a]
            largest = max(largest, abs(shift * away[a]))
            for b in range(f):
                covariance[a, b] -= shrink * away[a] * away[b]
    return largest


@numba.njit(nogil=True, cache=True, error_model="numpy")
def row_posteriors(  # type: ignore[no-untyped-def]
    values, loadings, products, total, low, high, rows, sites, most, tolerance
):
    """Return posterior means and covariances of the scores.

    Parameters
    ----------
    values : ndarray, shape (n, q)
        Known values, divided by the noise's standard deviation of their column; NaN elsewhere.
    loadings : ndarray, shape (q, f)
        Loadings, divided likewise.
    products : ndarray, shape (q, f (f + 1) / 2)
        Lower triangle, row by row, of each column's loadings times themselves.
    total : ndarray, shape (f, f)
        Sum of those over all columns, as a lower triangle.
    low, high : ndarray, shape (n, m)
        Bounds of cells of which an interval is known, divided likewise; equal where the value is known (it
        stands in ``values``), NaN where missing.
    rows : ndarray, shape (m, f)
        Loadings of those columns.
    sites : ndarray, shape (n, m, 2)
        Precision and precision times mean of the stand-ins, to start from; overwritten.
    most : int
        Sweeps at most.
    tolerance : float
        A row is done when no score moves by more in a sweep.

    Returns
    -------
    mean : ndarray, shape (n, f)
    covariance : ndarray, shape (n, f, f)
    """
    n, f, m = len(values), loadings.shape[1], len(rows)
    means, covariances = np.empty((n, f)), np.empty((n, f, f))
    precision, work = np.zeros((f, f)), np.zeros((f, f))
    pull, away = np.empty(f), np.empty(f)
    for i in range(n):
        _known(values[i], loadings, products, total, precision, pull)
        for j in range(m):
            if sites[i, j, 0] > 0:
                for a in range(f):
                    pull[a] += sites[i, j, 1] * rows[j, a]
                    for b in range(a + 1):
                        precision[a, b] += sites[i, j, 0] * rows[j, a] * rows[j, b]
        mean, covariance = means[i], covariances[i]
        _invert(precision, covariance, work)
        for a in range(f):
            mean[a] = 0.0
            for b in range(f):
                mean[a] += covariance[a, b] * pull[b]
        for _ in range(most if m else 0):
            if _sweep(low[i], high[i], rows, sites[i], mean, covariance, away) <= tolerance:
                break
    return means, covariances


@numba.njit(nogil=True, cache=True, error_model="numpy")
def interval_sums(low, high, rows, sites, means, covariances):  # type: ignore[no-untyped-def]
    """Sum, over patients, what a regression of interval columns on the scores needs.

    Parameters
    ----------
    low, high, rows, sites, means, covariances
        As taken and given by :func:`row_posteriors`.

    Returns
    -------
    ndarray, shape (m,)
        Expected squares of the columns.
    ndarray, shape (m, f)
        Expected products of the columns with the scores.
    """
    n, (m, f) = len(low), rows.shape
    squares, crossed, away = np.zeros(m), np.zeros((m, f)), np.empty(f)
    for i in range(n):
        mean = means[i]
        for j in range(m):
            if math.isnan(low[i, j]):
                continue
            if low[i, j] == high[i, j]:
                squares[j] += low[i, j] ** 2
                for a in range(f):
                    crossed[j, a] += low[i, j] * mean[a]
                continue
            variance, middle, left = _without(rows[j], covariances[i], mean, sites[i, j], away)
            spread = math.sqrt(variance + 1)
            inside, narrowed = interval_moments((low[i, j] - middle) / spread, (high[i, j] - middle) / spread)
            here = middle + spread * inside
            square = narrowed * spread**2 + here**2
            squares[j] += square
            # Scores given the column: those without the cell, moved along the regression on the column.
            back = sites[i, j, 0] * middle - sites[i, j, 1]
            slope = (square - middle * here) / (variance + 1) / left
            for a in range(f):
                crossed[j, a] += (mean[a] + back * away[a]) * here + slope * away[a]
    return squares, crossed


@numba.njit(nogil=True, cache=True, error_model="numpy")
def observed_sums(seen, second):  # type: ignore[no-untyped-def]
    """Return, for each column, the sum of ``second`` over the rows where the column is seen.

    Parameters
    ----------
    seen : ndarray of bool, shape (n, q)
    second : ndarray, shape (n, f, f)

    Returns
    -------
    ndarray, shape (q, f, f)
    """
    n, q = seen.shape
    f = second.shape[1]
    total = np.zeros((f, f))
    for i in range(n):
        total += second[i]
    sums = np.empty((q, f, f))
    for j in range(q):
        count = 0
        for i in range(n):
            count += seen[i, j]
        mostly = 2 * count >= n
        for a in range(f):
            for b in range(f):
                sums[j, a, b] = total[a, b] if mostly else 0.0
        for i in range(n):
            if seen[i, j] != mostly:
                for a in range(f):
                    for b in range(f):
                        sums[j, a, b] += -second[i, a, b] if mostly else second[i, a, b]
    return sums
