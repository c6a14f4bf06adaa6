"""Balanced factors from what was observed.

Blocks are weighted as in multiple factor analysis (each block's first component gets the same inertia;
Escofier and Pages 1983), and one low-rank Gaussian model with a noise variance a block is fitted to the
observed entries by expectation-maximisation (probabilistic principal components, Tipping and Bishop 1999;
missing rows of a block as in Husson and Josse 2013). A patient's scores are the posterior mean given
whatever was observed in that patient, so a missing value is never filled in and a patient without a block
is placed by the others.
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
MOST_LEVERAGE = 0.5
"""A lumpy feature whose fitted value rests on itself by more than this is set aside: a group by itself."""


@dataclass(frozen=True)
class Scores:
    """Latent coordinates of n patients.

    Parameters
    ----------
    mean : ndarray, shape (n, f)
        Posterior means of scores with unit variance: every factor counts alike, shrunk by what it is
        blurred by. Groups often lie in minor directions beside strong continuous factors; on the raw scale
        those hide them.
    missing_cov : ndarray, shape (n, f, f)
        Covariance of the scores that is due to what was not observed in the patient (0 for a complete
        patient).
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
        Columns orthogonal, largest first; scores have unit variance, so a column's length is the spread
        along the factor.
    noise : ndarray, shape (q,)
        Noise variance of each weighted column.
    used : ndarray of bool, shape (q,)
        False for columns that were set aside, whose loadings are 0.
    eigenvalues, permuted : ndarray
        Eigenvalues of the weighted data and the 95th percentile of the same with permuted columns.
    """

    weights: Matrix
    loadings: Matrix
    noise: Matrix
    used: NDArray[np.bool_]
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


def fit_factors(
    blocks: Sequence[PreparedBlock], *, n_factors: int | None, rng: np.random.Generator
) -> FactorModel:
    """Fit the model.

    Parameters
    ----------
    blocks : sequence of PreparedBlock
        Standardised columns with NaN, all of the same n patients.
    n_factors : int, optional
        Number of factors; by default those whose eigenvalue exceeds the 95th percentile of ten
        column-permuted copies (Horn 1965), 2 to 15.
    rng : numpy.random.Generator
        For the permutations.

    Returns
    -------
    FactorModel
    """
    weights = np.concatenate([np.full(block.values.shape[1], _block_weight(block)) for block in blocks])
    block_of = np.concatenate([np.full(block.values.shape[1], b) for b, block in enumerate(blocks)])
    values, mask = _stack(blocks, weights)
    used = np.ones(len(weights), dtype=bool)
    while True:
        fitted = _fit_columns(values[:, used], mask[:, used], block_of[used], n_factors, rng)
        alone = _alone(blocks, used, fitted)
        if not alone.any() or (used & ~alone).sum() < max(LEAST_FACTORS + 1, used.sum() // 2):
            break
        used &= ~alone
    loadings, noise = np.zeros((len(used), fitted.loadings.shape[1])), np.ones(len(used))
    loadings[used], noise[used] = fitted.loadings, fitted.noise
    return FactorModel(weights, loadings, noise, used, fitted.eigenvalues, fitted.permuted)


@dataclass(frozen=True)
class _Fit:
    loadings: Matrix
    noise: Matrix
    eigenvalues: Matrix
    permuted: Matrix


def _fit_columns(
    values: Matrix, mask: Matrix, block_of: NDArray[np.intp], n_factors: int | None, rng: np.random.Generator
) -> _Fit:
    most = min(MOST_FACTORS if n_factors is None else n_factors, *(size - 1 for size in values.shape))
    most = max(most, 1)
    _, d, v = leading_svd(values, most)
    eigenvalues = d**2 / len(values)
    permuted = _permuted_eigenvalues(values, mask, most, rng)
    if n_factors is None:
        above = eigenvalues > permuted
        most = int(np.clip(np.argmin(above) if not above.all() else most, min(LEAST_FACTORS, most), most))
    loadings, noise = _fit(values, mask, block_of, start=v[:, :most] * d[:most] / np.sqrt(len(values)))
    return _Fit(loadings, noise, eigenvalues, permuted)


def _alone(blocks: Sequence[PreparedBlock], used: NDArray[np.bool_], fitted: _Fit) -> NDArray[np.bool_]:
    """Mark the columns of lumpy features (few values) that hold up a factor by themselves.

    The leverage of a feature is the largest eigenvalue of its part of V C V' / noise, C the posterior
    covariance of a complete patient's scores: near 1 when its fitted value comes from itself alone.
    """
    k = fitted.loadings.shape[1]
    full, noise = np.zeros((len(used), k)), np.ones(len(used))
    full[used], noise[used] = fitted.loadings, fitted.noise
    scaled = full / np.sqrt(noise)[:, None]
    cov = np.linalg.inv(scaled.T @ scaled + np.eye(k))
    alone, start = np.zeros(len(used), dtype=bool), 0
    for block in blocks:
        for feature in np.unique(block.source[block.lumpy]):
            columns = start + np.flatnonzero(block.source == feature)
            part = scaled[columns]
            alone[columns] = np.linalg.eigvalsh(part @ cov @ part.T)[-1] > MOST_LEVERAGE
        start += block.values.shape[1]
    return alone & used


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
    """Return the 95th percentile of each leading eigenvalue, columns shuffled among their observed rows.

    Single precision halves the time; its error of 1e-6 is far below that of a percentile of ten copies.
    """
    columns = np.ascontiguousarray(values.T)
    whole = mask.all(axis=0)
    found = np.empty((PERMUTATIONS, k))
    for b in range(PERMUTATIONS):
        shuffled = np.zeros_like(columns)
        shuffled[whole] = rng.permuted(columns[whole], axis=1)
        for j in np.flatnonzero(~whole):
            rows = np.flatnonzero(mask[:, j])
            shuffled[j, rows] = rng.permutation(columns[j, rows])
        found[b] = leading_eigenvalues(shuffled.T.astype(np.float32), k)
    return np.quantile(found, 0.95, axis=0)


def _fit(values: Matrix, mask: Matrix, block_of: NDArray[np.intp], *, start: Matrix) -> tuple[Matrix, Matrix]:
    """Run expectation-maximisation from singular vectors; return (q, k) loadings and (q,) noise."""
    n, k = len(values), start.shape[1]
    share = np.maximum(mask.mean(axis=0), 1 / n)
    total = (values**2).sum(axis=0) / mask.sum(axis=0)
    loadings = start / np.sqrt(share)[:, None]
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
    """Pool the noise over the columns of a block, kept above a thousandth of the block's variance."""
    noise = np.empty_like(residual)
    for b in np.unique(block_of):
        mine = block_of == b
        noise[mine] = max(residual[mine].mean(), LEAST_NOISE * total[mine].mean())
    return noise


def _orthogonal(loadings: Matrix) -> Matrix:
    _, _, v = leading_svd(loadings, loadings.shape[1])
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
