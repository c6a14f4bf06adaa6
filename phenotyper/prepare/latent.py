"""Effects of covariates on values of which only intervals are known: regression of the score behind them.

Of a yes/no this is probit regression, of ordered levels ordered probit with the cuts kept, of a censored
number Tobin's (1958). A patient's residual is again an interval of a standard normal: whoever says yes at an
age at which all do is no exception, and stands near 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phenotyper.prepare.intervals import FAR, ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MOST_STEPS = 12
CLOSE = 0.01
LONGEST = 2.0
LEAST_SD = 0.05


class Latent(NamedTuple):
    """Fits of m columns.

    Parameters
    ----------
    coefficients : ndarray, shape (folds + 1, d + 1, m)
        Intercept and slopes: without each fold, and of all patients.
    sd : ndarray, shape (m,)
        Standard deviation of the residual score; 1 where only two levels are told apart.
    """

    coefficients: Matrix
    sd: Matrix


def latent_regression(
    lower: Matrix, upper: Matrix, full: Matrix, *, folds: NDArray[np.intp], n_folds: int, ridge: Matrix
) -> Latent:
    """Fit by Newton's method; the fits without a fold are one more step from that of all.

    Parameters
    ----------
    lower, upper : ndarray, shape (n, m)
        Bounds of each score, NaN where missing.
    full : ndarray, shape (n, d + 1)
        Design; the first column is 1.
    folds : ndarray of int, shape (n,)
        0 to ``n_folds - 1``.
    ridge : ndarray, shape (d + 1,)
        Penalty of each coefficient.
    """
    scores = _Scores(lower, upper)
    n, width = full.shape
    products = (full[:, :, None] * full[:, None, :]).reshape(n, -1)
    beta, sd = np.zeros((width, lower.shape[1])), np.ones(lower.shape[1])
    fitted = np.zeros(lower.shape)
    for _ in range(MOST_STEPS):
        slope, bend, second = scores.at(fitted, sd)
        gradient = full.T @ slope - ridge[:, None] * beta
        hessian = (bend.T @ products).reshape(-1, width, width) + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient.T[:, :, None])[:, :, 0].T
        moved = np.abs(full @ step).max(axis=0)
        length = np.minimum(1.0, LONGEST / np.maximum(moved, 1e-12))
        beta += length * step
        fitted = full @ beta
        new = np.where(scores.two, 1.0, np.maximum(np.sqrt(second / np.maximum(scores.count, 1)), LEAST_SD))
        change = max(float((length * moved).max(initial=0.0)), float(np.abs(new - sd).max(initial=0.0)))
        sd = new
        if change < CLOSE:
            break
    slope, bend, _ = scores.at(fitted, sd)
    gradient = full.T @ slope - ridge[:, None] * beta
    hessian = (bend.T @ products).reshape(-1, width, width) + np.diag(ridge + 1e-9)
    found = []
    for k in range(n_folds):
        own = folds == k
        without = gradient - full[own].T @ slope[own]
        left = hessian - (bend[own].T @ products[own]).reshape(-1, width, width)
        found.append(beta + np.linalg.solve(left, without.T[:, :, None])[:, :, 0].T)
    return Latent(np.array([*found, beta]), sd)


class _Scores:
    """Slope and bend of the log likelihood of m columns, and what a residual's square is expected to be.

    Columns of cells that are all open on one side (two levels) take a shorter way.
    """

    def __init__(self, lower: Matrix, upper: Matrix) -> None:
        seen = ~np.isnan(lower)
        one = seen & (np.isinf(lower) ^ np.isinf(upper))
        self.count = seen.sum(axis=0)
        self.easy: NDArray[np.bool_] = one.sum(axis=0) == self.count
        self.shape = lower.shape
        self.two = np.zeros(lower.shape[1], dtype=bool)
        self.two[self.easy] = True
        self.two[~self.easy] = _two_levels(lower[:, ~self.easy], upper[:, ~self.easy])
        low = np.isneginf(lower[:, self.easy])
        self.side = np.where(low, -1.0, 1.0)
        self.side[~seen[:, self.easy]] = 0.0
        self.bound = np.where(low, upper[:, self.easy], lower[:, self.easy])
        self.bound[self.side == 0] = 0.0
        self.two[self.easy] = _same(self.bound, self.side)
        self.lower, self.upper = lower[:, ~self.easy], upper[:, ~self.easy]
        self.seen: NDArray[np.bool_] = seen[:, ~self.easy]

    def at(self, fitted: Matrix, sd: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Return slope (n, m), bend (n, m) and the sums of expected squared residuals (m,)."""
        if self.easy.all():
            return self._one_sided(fitted, sd)
        slope, bend, second = np.empty(self.shape), np.empty(self.shape), np.empty(self.shape[1])
        hard = ~self.easy
        slope[:, hard], bend[:, hard], squares = _scores(
            self.lower, self.upper, fitted[:, hard], sd[hard], self.seen
        )
        second[hard] = squares.sum(axis=0)
        if self.easy.any():
            parts = self._one_sided(fitted[:, self.easy], sd[self.easy])
            slope[:, self.easy], bend[:, self.easy], second[self.easy] = parts
        return slope, bend, second

    def _one_sided(self, fitted: Matrix, sd: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        from scipy.special import ndtr

        u = fitted - self.bound
        u *= self.side
        u /= sd
        np.clip(u, -FAR, FAR, out=u)
        mills = u * u
        mills *= -0.5
        np.exp(mills, out=mills)
        mills /= ndtr(u)
        mills *= np.abs(self.side) / ROOT
        product = u * mills
        second = (self.count[self.easy] - product.sum(axis=0)) * sd**2
        product += mills**2
        np.maximum(product, 0.0, out=product)
        product /= sd**2
        mills *= self.side
        mills /= sd
        return mills, product, second


def _same(bound: Matrix, side: Matrix) -> NDArray[np.bool_]:
    """Tell which columns have one and the same bound in all cells."""
    seen = side != 0
    high, low = (np.where(seen, bound, end).T for end in (-np.inf, np.inf))
    return np.asarray(high.max(axis=1, initial=-np.inf) <= low.min(axis=1, initial=np.inf))


def _two_levels(lower: Matrix, upper: Matrix) -> NDArray[np.bool_]:
    """Tell which columns have one finite bound only, which says nothing of the scale."""
    both = np.concatenate([lower, upper])
    inside = np.isfinite(both)
    low = np.where(inside, both, np.inf).min(axis=0)
    high = np.where(inside, both, -np.inf).max(axis=0)
    return np.asarray(low >= high)


def _scores(
    lower: Matrix, upper: Matrix, fitted: Matrix, sd: Matrix, seen: NDArray[np.bool_]
) -> tuple[Matrix, Matrix, Matrix]:
    """Return slope and bend of the log likelihood by the fitted value, and the expected squared residual."""
    from scipy.special import ndtr

    slope, bend, second = (np.zeros(lower.shape) for _ in range(3))
    scale = np.broadcast_to(sd, lower.shape)
    exact = seen & (lower == upper)
    residual = (lower - fitted)[exact] / scale[exact]
    slope[exact], bend[exact], second[exact] = (
        residual / scale[exact],
        scale[exact] ** -2,
        (residual * scale[exact]) ** 2,
    )
    open_low, open_high = np.isinf(lower), np.isinf(upper)
    one = seen & (open_low ^ open_high)
    side = np.where(open_high, 1.0, -1.0)[one]
    u = np.clip(side * ((fitted - np.where(open_high, lower, upper))[one] / scale[one]), -FAR, FAR)
    mills = np.exp(-0.5 * u**2) / (ROOT * ndtr(u))
    _put(slope, bend, second, one, scale, mean=side * mills, extra=-u * mills)
    between = seen & ~exact & ~one
    if between.any():
        a = np.clip((lower - fitted)[between] / scale[between], -FAR, FAR)
        b = np.clip((upper - fitted)[between] / scale[between], -FAR, FAR)
        turned = a + b > 0
        low, high = np.where(turned, -b, a), np.where(turned, -a, b)
        mass = np.maximum(ndtr(high) - ndtr(low), 1e-300) * ROOT
        at_low, at_high = np.exp(-0.5 * low**2), np.exp(-0.5 * high**2)
        mean = np.where(turned, -1.0, 1.0) * (at_low - at_high) / mass
        _put(slope, bend, second, between, scale, mean=mean, extra=(low * at_low - high * at_high) / mass)
    return slope, bend, second


def _put(
    slope: Matrix,
    bend: Matrix,
    second: Matrix,
    where: NDArray[np.bool_],
    scale: Matrix,
    *,
    mean: Matrix,
    extra: Matrix,
) -> None:
    """Set what follows from a truncated normal with this mean, and with 1 + extra as its second moment."""
    own = scale[where]
    slope[where] = mean / own
    bend[where] = np.maximum(mean**2 - extra, 1e-9) / own**2
    second[where] = np.maximum(1 + extra, 0.0) * own**2
