"""Balanced factors from what was observed, whatever its kind.

Blocks are weighted as in multiple factor analysis (each block's first component gets the same inertia;
Escofier and Pages 1983), and one low-rank Gaussian model with a noise variance a block is fitted to the
observed cells by expectation-maximisation (probabilistic principal components, Tipping and Bishop 1999;
missing rows of a block as in Husson and Josse 2013). Of a level (yes/no, category, ordinal) and of a value
beyond a limit of detection only an interval of a latent normal column is known (Hoff 2007; Zhao and Udell
2020). A patient's scores are the posterior mean given whatever was observed in that patient, so a missing
value is never filled in and a patient without a block is placed by the others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from phenotyper._kernels.linalg import leading_eigenvalues
from phenotyper.integrate.columns import Columns, posterior
from phenotyper.integrate.maximisation import Fit, maximise, principal_start
from phenotyper.integrate.rank import held_out, shuffled_eigenvalues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from numpy.typing import NDArray

    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]
    Rule = Literal["both", "shuffled", "held out"]

MOST_FACTORS = 15
LEAST_FACTORS = 2
PATIENTS_A_FACTOR = 20
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
        patient in whom every value is known; levels and values beyond a limit leave some).
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
        """Place patients: the same for a patient alone or among others, to the last bit."""
        columns = Columns.of(blocks, weights=self.weights)
        found = posterior(columns, loadings=self.loadings, noise=self.noise)
        whole = posterior(columns.complete(), loadings=self.loadings, noise=self.noise)
        return Scores(found.mean, found.covariance - whole.covariance)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return plain arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FactorModel:
        """Rebuild from :meth:`to_arrays`, to the last bit.

        Raises
        ------
        KeyError
            An array is missing.
        """
        return cls(**{field.name: np.asarray(arrays[field.name]) for field in fields(cls)})


def fit_factors(
    blocks: Sequence[PreparedBlock],
    *,
    n_factors: int | None,
    rng: np.random.Generator,
    rule: Rule = "both",
) -> FactorModel:
    """Fit the model.

    Parameters
    ----------
    blocks : sequence of PreparedBlock
        Standardised columns with NaN, all of the same n patients.
    n_factors : int, optional
        Number of factors; by default by ``rule``, 2 to 15 and not more than a factor for 20 patients: each
        counts alike where groups are looked for, and few patients are lost in many directions.
    rng : numpy.random.Generator
        For what is shuffled or held out.
    rule : {"both", "shuffled", "held out"}
        ``shuffled``: the factors whose eigenvalue exceeds the 95th percentile of ten column-permuted copies
        (Horn 1965). ``held out``: the number that foretells held-out cells best. ``both``: the fewer of the
        two. With many holes shuffled copies let through more factors than can be fitted; in complete data
        the two mostly agree.

    Returns
    -------
    FactorModel
    """
    columns = Columns.of(blocks)
    features = _features(blocks)
    used = np.ones(len(columns.weights), dtype=bool)
    while True:
        part = columns.only(used)
        most = _most(part, n_factors)
        eigenvalues = leading_eigenvalues(np.nan_to_num(part.values), most)
        permuted = shuffled_eigenvalues(part, most, rng)
        k = most if n_factors is not None else _by_rule(part, eigenvalues > permuted, rule=rule, rng=rng)
        fit = maximise(part, principal_start(part, k))
        alone = np.zeros(len(used), dtype=bool)
        alone[used] = _alone(features[used], fit)
        if not alone.any() or (used & ~alone).sum() < max(LEAST_FACTORS + 1, used.sum() // 2):
            break
        used &= ~alone
    loadings, noise = np.zeros((len(used), k)), np.ones(len(used))
    loadings[used], noise[used] = fit.loadings, fit.noise
    return FactorModel(columns.weights, loadings, noise, used, eigenvalues, permuted)


def _by_rule(columns: Columns, above: NDArray[np.bool_], *, rule: Rule, rng: np.random.Generator) -> int:
    """Choose the number of factors, given which leading eigenvalues exceed shuffled copies."""
    most = len(above)
    least = min(LEAST_FACTORS, most)
    shuffled = most if above.all() else int(np.argmin(above))
    if rule == "shuffled" or (rule == "both" and shuffled <= least):
        return max(shuffled, least)
    foretold = held_out(columns, most=shuffled if rule == "both" else most, rng=rng)
    return max(foretold.n_factors, least)


def _most(columns: Columns, n_factors: int | None) -> int:
    n, q = columns.values.shape
    by_size = min(MOST_FACTORS, max(LEAST_FACTORS, n // PATIENTS_A_FACTOR))
    return max(min(by_size if n_factors is None else n_factors, n - 1, q - 1), 1)


def _features(blocks: Sequence[PreparedBlock]) -> NDArray[np.intp]:
    """Return a number for each lumpy feature (few values) over all blocks, -1 for columns of others."""
    found, start = [], 0
    for block in blocks:
        found.append(np.where(block.lumpy, start + block.source, -1))
        start += int(block.source.max(initial=-1)) + 1
    return np.concatenate(found).astype(np.intp)


def _alone(features: NDArray[np.intp], fit: Fit) -> NDArray[np.bool_]:
    """Mark the columns of lumpy features that hold up a factor by themselves.

    The leverage of a feature is the largest eigenvalue of its part of V C V' / noise, C the posterior
    covariance of a complete patient's scores: near 1 when its fitted value comes from itself alone.
    """
    scaled = fit.loadings / np.sqrt(fit.noise)[:, None]
    cov = np.linalg.inv(scaled.T @ scaled + np.eye(scaled.shape[1]))
    alone = np.zeros(len(features), dtype=bool)
    for feature in np.unique(features[features >= 0]):
        own = features == feature
        part = scaled[own]
        alone[own] = np.linalg.eigvalsh(part @ cov @ part.T)[-1] > MOST_LEVERAGE
    return alone
