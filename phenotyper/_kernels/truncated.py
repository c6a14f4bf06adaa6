"""Mean and variance of a standard normal between two bounds, accurate far out in the tails."""

from __future__ import annotations

import math

import numba
import numpy as np

NARROW = 1e-4
FAR = 30.0
LEAST_VARIANCE = 1e-12
_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@numba.njit(inline="always")
def _scaled_tail(x):  # type: ignore[no-untyped-def]
    """Return exp(x^2 / 2) times the mass of a standard normal above x, for 0 <= x (to 1e-8 beyond 35)."""
    u = x * _ROOT_HALF
    if u < 25.0:
        return 0.5 * math.exp(u * u) * math.erfc(u)
    i = 1 / (u * u)
    return (0.5 - 0.25 * i + 0.375 * i * i) / (u * math.sqrt(math.pi))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def interval_moments(low, high):  # type: ignore[no-untyped-def]
    """Return the mean and the variance of a standard normal known to lie in [low, high].

    Parameters
    ----------
    low, high : float
        Bounds, low < high; infinite where open.

    Returns
    -------
    tuple of float
        Mean, variance.

    Examples
    --------
    >>> mean, variance = interval_moments(0.0, np.inf)
    >>> round(mean**2 * np.pi / 2, 12), round(variance + 2 / np.pi, 12)
    (1.0, 1.0)
    """
    if high - low < NARROW:
        return 0.5 * (low + high), max((high - low) ** 2 / 12, LEAST_VARIANCE)
    turned = low + high < 0
    a, b = (-high, -low) if turned else (low, high)
    if a > FAR:
        mean, variance = min(a + 1 / a, 0.5 * (a + b)), min(1 / (a * a), (b - a) ** 2 / 12)
    else:
        if a > 0.0:
            beyond = math.exp(0.5 * (a - b) * (a + b)) if b < np.inf else 0.0
            mass = _scaled_tail(a) - (beyond * _scaled_tail(b) if beyond > 0 else 0.0)
            at_a = 1 / (_ROOT_TWO_PI * mass)
            at_b = beyond * at_a
        else:
            mass = 0.5 * (math.erf(b * _ROOT_HALF) - math.erf(a * _ROOT_HALF))
            at_a = math.exp(-0.5 * a * a) / (_ROOT_TWO_PI * mass)
            at_b = math.exp(-0.5 * b * b) / (_ROOT_TWO_PI * mass)
        mean = at_a - at_b
        variance = 1 - mean * mean + (a * at_a if at_a > 0 else 0.0) - (b * at_b if at_b > 0 else 0.0)
    mean = min(max(mean, a), b)
    return -mean if turned else mean, min(max(variance, LEAST_VARIANCE), 1.0)
