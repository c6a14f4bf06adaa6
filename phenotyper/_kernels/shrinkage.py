"""Estimates of many patients drawn towards their common mean (random effects)."""

from __future__ import annotations

import numpy as np


def random_effects(estimate: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Return the common mean and the variance between patients (DerSimonian and Laird 1986).

    Parameters
    ----------
    estimate, variance : ndarray of float64, shape (m,)
        One of each patient, m >= 2; variances above 0.
    """
    weight = 1 / variance
    common = (weight * estimate).sum() / weight.sum()
    heterogeneity = (weight * (estimate - common) ** 2).sum()
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(0.0, float((heterogeneity - (len(estimate) - 1)) / scale))
    total = between + variance
    return float((estimate / total).sum() / (1 / total).sum()), between


def shrunken(estimate: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw estimates towards their common mean, each by its own uncertainty.

    Parameters
    ----------
    estimate, variance : ndarray of float64, shape (m,)
        One of each patient; where all variances are 0, or unknown (NaN), nothing is drawn.

    Returns
    -------
    value, error : ndarray, shape (m,)
        The best linear prediction of each patient's own slope, and its standard error given the mean and
        the variance between patients.

    Examples
    --------
    >>> value, error = shrunken(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0]))
    >>> value.tolist(), error.tolist()
    ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0])
    """
    if len(estimate) < 2 or not (variance > 0).any():
        return estimate.copy(), np.sqrt(variance)
    centre, between = random_effects(estimate, variance)
    share = between / (between + variance)
    return centre + share * (estimate - centre), np.sqrt(share * variance)
