"""Loadings and noise by expectation-maximisation over what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.linalg import leading_svd
from phenotyper._kernels.posterior import interval_sums, observed_sums
from phenotyper.integrate.columns import Posterior, one_layout, posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.integrate.columns import Columns

    Matrix = NDArray[np.float64]

EM_STEPS = 100
TOLERANCE = 1e-4
LEAST_NOISE = 1e-3


@dataclass(frozen=True)
class Fit:
    """Loadings (q, f) of scores with unit variance, and noise variances (q,)."""

    loadings: Matrix
    noise: Matrix


def principal_start(columns: Columns, k: int) -> Matrix:
    """Return (q, k) loadings from singular vectors, missing values at the mean, and made up for those."""
    values = np.nan_to_num(columns.values)
    n = len(values)
    _, d, v = leading_svd(values, k)
    share = np.maximum(np.isfinite(columns.values).mean(axis=0), 1 / n)
    return v * (d / np.sqrt(n)) / np.sqrt(share)[:, None]


def maximise(columns: Columns, start: Matrix, *, steps: int = EM_STEPS) -> Fit:
    """Fit from (q, k) starting loadings; ends when their sum of squares settles.

    Every round goes once through the intervals and moves their stand-ins on, which are kept from round to
    round.
    """
    seen = np.ascontiguousarray(np.isfinite(columns.values))
    filled = np.where(seen, columns.values, 0.0)
    count = np.maximum(seen.sum(axis=0), 1)
    squares = (filled**2).sum(axis=0)
    total = np.where(columns.latent, columns.weights**2, squares / count)
    fit = _settled(columns, start, np.maximum(total - (start**2).sum(axis=1), 0.0), total)
    sites, before = None, (fit.loadings**2).sum()
    for _ in range(steps):
        found = posterior(columns, loadings=fit.loadings, noise=fit.noise, sites=sites, sweeps=1)
        sites = found.sites
        second = found.covariance + found.mean[:, :, None] * found.mean[:, None, :]
        moments = observed_sums(seen, np.ascontiguousarray(second)) + 1e-9 * np.eye(start.shape[1])
        crossed, expected = filled.T @ found.mean, squares.copy()
        if len(columns.coarse):
            expected[columns.coarse], crossed[columns.coarse] = _interval_sums(columns, fit, found)
        loadings = np.linalg.solve(moments, crossed[:, :, None])[:, :, 0]
        fit = _settled(columns, loadings, (expected - (crossed * loadings).sum(axis=1)) / count, total)
        after = (fit.loadings**2).sum()
        if abs(after - before) <= TOLERANCE * before:
            break
        before = after
    return Fit(_orthogonal(fit.loadings), fit.noise)


def _interval_sums(columns: Columns, fit: Fit, found: Posterior) -> tuple[Matrix, Matrix]:
    at = columns.coarse
    spread = np.sqrt(fit.noise[at])
    low, high, rows = columns.lower / spread, columns.upper / spread, fit.loadings[at] / spread[:, None]
    squares, crossed = interval_sums(*one_layout(low, high, rows, found.sites, found.mean, found.covariance))
    return squares * spread**2, crossed * spread[:, None]


def _settled(columns: Columns, loadings: Matrix, residual: Matrix, total: Matrix) -> Fit:
    """Pool the noise over the columns of a block; bring latent columns to their variance.

    The noise is kept above a thousandth of the block's variance. Of a column of intervals only the ratio of
    loadings and noise can be seen.
    """
    noise = np.empty_like(residual)
    for b in np.unique(columns.block_of):
        mine = columns.block_of == b
        noise[mine] = max(residual[mine].mean(), LEAST_NOISE * total[mine].mean())
    size = (loadings**2).sum(axis=1) + noise
    shrink = np.where(columns.latent, columns.weights**2 / size, 1.0)
    return Fit(loadings * np.sqrt(shrink)[:, None], noise * shrink)


def _orthogonal(loadings: Matrix) -> Matrix:
    _, _, v = leading_svd(loadings, loadings.shape[1])
    turned = loadings @ v
    sign = np.sign(turned[np.argmax(np.abs(turned), axis=0), np.arange(turned.shape[1])])
    return np.asarray(turned * np.where(sign == 0, 1.0, sign))
