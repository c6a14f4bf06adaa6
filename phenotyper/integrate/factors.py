"""Balanced factors from what was observed.

Blocks are weighted as in multiple factor analysis (each block's first component gets the same inertia; Escofier and Pages 1983), and one
low-rank Gaussian model with a noise variance a block is fitted to the observed entries by expectation-maximisation (probabilistic principal
components, Tipping and Bishop 1999; missing rows of a block as in Husson and Josse 2013). A patient's scores are the posterior mean
given whatever was observed in that patient, so a missing value is never filled in and a patient without a block is placed by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.linalg import leading_eigenvalues, leading_svd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

MOST_FACTORS = 15
LEAST_FACTORS = 2
PERMUTATIONS = 10
EM_STEPS = 100
TOLERANCE = 1e-4
LEAST_NOISE = 1e-3
ONE_FEATURE = 0.5
"""A factor of which one yes/no or category feature makes up more than this share is left out."""


@dataclass(frozen=True)
class Scores:
    """Latent coordinates of n patients.

    Parameters
    ----------
    mean : ndarray, shape (n, f)
        Posterior means of scores with unit variance: every factor counts alike, shrunk by what it is blurred by.
        Groups often lie in minor directions beside strong continuous factors; on the raw scale those hide them.
    missing_cov : ndarray, shape (n, f, f)
        Covariance of the scores that is due to what was not observed in the patient (0 for a complete patient).
    """

    mean: Matrix
    missing_cov: Matrix

    def rows(self, chosen: NDArray[np.bool_]) -> Scores:
        """Return the scores of some patients."""
        return Scores(self.mean[chosen], self.missing_cov[chosen])


@dataclass(frozen=True)
class FactorModel:
    """Frozen low-rank model of q columns.

    Parameters
    ----------
    weights : ndarray, shape (q,)
        Block weight of each column.
    loadings : ndarray, shape (q, f)
        Columns orthogonal, largest first; scores have unit variance, so a column's length is the spread along the factor.
    noise : ndarray, shape (q,)
        Noise variance of each weighted column.
    eigenvalues, permuted : ndarray
        Eigenvalues of the weighted data and the 95th percentile of the same with permuted columns.
    """

    weights: Matrix
    loadings: Matrix
    noise: Matrix
    eigenvalues: Matrix
    permuted: Matrix

    @property
    def n_factors(self) -> int:
        """Number of factors."""
        return self.loadings.shape[1]

    def scores(self, blocks: Sequence[PreparedBlock]) -> Scores:
        """Place patients: the same for a patient alone or among others."""
        values, mask = _stack(blocks, self.weights)
        mean, cov = _posterior(values, mask, self.loadings, self.noise)
        whole = _posterior_cov(np.ones((1, len(self.noise))), self.loadings, self.noise)
        return Scores(mean, cov - whole)


def fit_factors(blocks: Sequence[PreparedBlock], *, n_factors: int | None, rng: np.random.Generator) -> FactorModel:
    """Fit the model.

    Parameters
    ----------
    blocks : sequence of PreparedBlock
        Standardised columns with NaN, all of the same n patients.
    n_factors : int, optional
        Number of factors; by default those whose eigenvalue exceeds the 95th percentile of ten column-permuted copies (Horn 1965), 2 to 15.
    rng : numpy.random.Generator
        For the permutations.

    Returns
    -------
    FactorModel
    """
    weights = np.concatenate([np.full(block.values.shape[1], _block_weight(block)) for block in blocks])
    values, mask = _stack(blocks, weights)
    most = min(MOST_FACTORS if n_factors is None else n_factors, *(size - 1 for size in values.shape))
    most = max(most, 1)
    eigenvalues = leading_eigenvalues(values, most)
    permuted = _permuted_eigenvalues(values, mask, most, rng)
    if n_factors is None:
        above = eigenvalues > permuted
        most = int(np.clip(np.argmin(above) if not above.all() else most, min(LEAST_FACTORS, most), most))
    block_of = np.concatenate([np.full(block.values.shape[1], b) for b, block in enumerate(blocks)])
    loadings, noise = _fit(values, mask, block_of, most)
    loadings = _without_single_features(loadings, blocks)
    return FactorModel(weights, loadings, noise, eigenvalues, permuted)


def _block_weight(block: PreparedBlock) -> float:
    rows = block.present
    filled = np.nan_to_num(block.values[rows])
    first = leading_eigenvalues(filled, 1)[0]
    return float(1 / np.sqrt(first)) if first > 0 else 1.0


def _stack(blocks: Sequence[PreparedBlock], weights: Matrix) -> tuple[Matrix, Matrix]:
    values = np.hstack([block.values for block in blocks]) * weights
    observed = np.isfinite(values)
    return np.where(observed, values, 0.0), observed.astype(np.float64)


def _permuted_eigenvalues(values: Matrix, mask: Matrix, k: int, rng: np.random.Generator) -> Matrix:
    """Return the 95th percentile of each leading eigenvalue when every column is shuffled among its observed rows."""
    columns = np.ascontiguousarray(values.T)
    whole = mask.all(axis=0)
    found = np.empty((PERMUTATIONS, k))
    for b in range(PERMUTATIONS):
        shuffled = np.zeros_like(columns)
        shuffled[whole] = rng.permuted(columns[whole], axis=1)
        for j in np.flatnonzero(~whole):
            rows = np.flatnonzero(mask[:, j])
            shuffled[j, rows] = rng.permutation(columns[j, rows])
        found[b] = leading_eigenvalues(shuffled.T, k)
    return np.quantile(found, 0.95, axis=0)


def _fit(values: Matrix, mask: Matrix, block_of: NDArray[np.intp], k: int) -> tuple[Matrix, Matrix]:
    """Run expectation-maximisation from the singular vectors; return (q, k) loadings, orthogonal, and (q,) noise."""
    n = len(values)
    _, d, v = leading_svd(values, k)
    share = np.maximum(mask.mean(axis=0), 1 / n)
    total = (values**2).sum(axis=0) / mask.sum(axis=0)
    loadings = v * (d / np.sqrt(n)) / np.sqrt(share)[:, None]
    noise = _by_block(np.maximum(total - (loadings**2).sum(axis=1), 0.0), total, block_of)
    before = (loadings**2).sum()
    for _ in range(EM_STEPS):
        mean, cov = _posterior(values, mask, loadings, noise)
        second = cov + mean[:, :, None] * mean[:, None, :]
        moments = (mask.T @ second.reshape(n, -1)).reshape(-1, k, k) + 1e-9 * np.eye(k)
        loadings = np.linalg.solve(moments, (values.T @ mean)[:, :, None])[:, :, 0]
        explained = ((values.T @ mean) * loadings).sum(axis=1)
        residual = ((values**2).sum(axis=0) - explained) / mask.sum(axis=0)
        noise = _by_block(residual, total, block_of)
        after = (loadings**2).sum()
        if abs(after - before) <= TOLERANCE * before:
            break
        before = after
    return _orthogonal(loadings), noise


def _by_block(residual: Matrix, total: Matrix, block_of: NDArray[np.intp]) -> Matrix:
    """Pool the noise variance over the columns of a block, kept above a thousandth of the block's variance."""
    noise = np.empty_like(residual)
    for b in np.unique(block_of):
        mine = block_of == b
        noise[mine] = max(residual[mine].mean(), LEAST_NOISE * total[mine].mean())
    return noise


def _orthogonal(loadings: Matrix) -> Matrix:
    _, d, v = leading_svd(loadings, loadings.shape[1])
    turned = loadings @ v
    sign = np.sign(turned[np.argmax(np.abs(turned), axis=0), np.arange(turned.shape[1])])
    return turned * np.where(sign == 0, 1.0, sign)


def _posterior_cov(mask: Matrix, loadings: Matrix, noise: Matrix) -> Matrix:
    """Return (n, k, k) posterior covariances of unit-variance scores given which columns were observed."""
    k = loadings.shape[1]
    scaled = loadings / noise[:, None]
    products = (scaled[:, :, None] * loadings[:, None, :]).reshape(len(noise), k * k)
    precision = (mask @ products).reshape(-1, k, k) + np.eye(k)
    return np.linalg.inv(precision)


def _posterior(values: Matrix, mask: Matrix, loadings: Matrix, noise: Matrix) -> tuple[Matrix, Matrix]:
    cov = _posterior_cov(mask, loadings, noise)
    projected = values @ (loadings / noise[:, None])
    return np.einsum("nij,nj->ni", cov, projected), cov


def _without_single_features(loadings: Matrix, blocks: Sequence[PreparedBlock]) -> Matrix:
    """Leave out factors that are one yes/no or category feature, as long as two stay."""
    keep = np.ones(loadings.shape[1], dtype=bool)
    start = 0
    squares = loadings**2 / np.maximum((loadings**2).sum(axis=0), np.finfo(float).tiny)
    for block in blocks:
        part = squares[start : start + block.values.shape[1]]
        start += block.values.shape[1]
        for feature in np.unique(block.source[block.discrete]):
            keep &= part[block.source == feature].sum(axis=0) <= ONE_FEATURE
    if keep.sum() < min(LEAST_FACTORS, len(keep)):
        return loadings
    return loadings[:, keep]
