"""Values of which only a side of a limit is known: limits of detection, many zeros, ceilings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.prepare.intervals import ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Flags = NDArray[np.int8]

PILE_SHARE = 0.2
PILE_COUNT = 10
"""So large a share, and as many patients, at the lowest or highest value count as beyond its neighbour."""
LEAST_EXACT = 10
MOST_CENSORED = 0.8
"""With fewer values measured, or more beyond a limit, all that is used is on which side they are."""
STEPS = 30


@dataclass(frozen=True)
class Piles:
    """Heaps of equal values at the ends of columns, taken as beyond the nearest other value.

    Parameters
    ----------
    low, high : ndarray, shape (p,)
        A value at or beyond it is in the heap; -inf and inf where there is none.
    above_low, below_high : ndarray, shape (p,)
        The limit that such a value is beyond.
    """

    low: Matrix
    above_low: Matrix
    high: Matrix
    below_high: Matrix

    @classmethod
    def fit(cls, values: Matrix, eligible: NDArray[np.bool_], *, parts: NDArray[np.bool_]) -> Piles:
        """Find heaps in the eligible columns of (n, p) values; of parts of a whole, zeros, which stay."""
        p = values.shape[1]
        found = cls(np.full(p, -np.inf), np.zeros(p), np.full(p, np.inf), np.zeros(p))
        for j in np.flatnonzero(eligible | parts):
            column = values[:, j]
            seen = column[~np.isnan(column)]
            if len(seen) == 0:
                continue
            least = max(PILE_COUNT, PILE_SHARE * len(seen))
            lowest, highest = seen.min(), seen.max()
            if lowest < highest and (seen == lowest).sum() >= least:
                found.low[j], found.above_low[j] = lowest, seen[seen > lowest].min()
            if parts[j]:
                if lowest > 0:
                    found.low[j] = -np.inf
                found.above_low[j] = 0.0
                continue
            if lowest < highest and (seen == highest).sum() >= least:
                found.high[j], found.below_high[j] = highest, seen[seen < highest].max()
        return found

    @property
    def any(self) -> NDArray[np.bool_]:
        """Return which columns have a heap."""
        return np.isfinite(self.low) | np.isfinite(self.high)

    def apply(self, values: Matrix, censored: Flags) -> tuple[Matrix, Flags]:
        """Return the values with heaps brought to their limits, and the flags (-1 below, +1 above)."""
        if not self.any.any():
            return values, censored
        own = censored == 0
        low, high = (values <= self.low) & own, (values >= self.high) & own
        flags = np.where(low, -1, np.where(high, 1, censored)).astype(np.int8)
        return np.where(low, self.above_low, np.where(high, self.below_high, values)), flags


def normal_of(values: Matrix, censored: Flags) -> tuple[Matrix, Matrix]:
    """Fit a normal to each column of (n, p) values, some of them limits, by maximum likelihood (Tobin 1958).

    Newton's method in 1 / sd and mean / sd, where the likelihood is concave (Olsen 1978).

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN = missing; the limit where censored.
    censored : ndarray of int8, shape (n, p)
        -1 below the limit, +1 above, 0 measured.

    Returns
    -------
    mean, sd : ndarray, shape (p,)
    """
    from scipy.special import log_ndtr

    shift, unit = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    y = (values - shift) / unit
    seen, side = ~np.isnan(y), censored.astype(np.float64)
    y = np.where(seen, y, 0.0)
    exact = seen & (censored == 0)
    beyond = seen & (censored != 0)
    theta, delta = np.ones(y.shape[1]), np.zeros(y.shape[1])
    n_exact, s_y, s_yy = exact.sum(axis=0), (y * exact).sum(axis=0), (y**2 * exact).sum(axis=0)

    def fit_of(theta: Matrix, delta: Matrix) -> Matrix:
        tail = np.where(beyond, log_ndtr(side * (delta - theta * y)), 0.0).sum(axis=0)
        return (
            n_exact * np.log(theta)
            - 0.5 * (theta**2 * s_yy - 2 * theta * delta * s_y + n_exact * delta**2)
            + tail
        )

    best = fit_of(theta, delta)
    for _ in range(STEPS):
        z = side * (delta - theta * y)
        ratio = np.where(beyond, np.exp(-0.5 * z**2 - log_ndtr(z)) / ROOT, 0.0)
        bend = ratio * (ratio + z)
        g_delta = theta * s_y - n_exact * delta + (ratio * side).sum(axis=0)
        g_theta = n_exact / theta - theta * s_yy + delta * s_y - (ratio * side * y).sum(axis=0)
        h_dd = n_exact + bend.sum(axis=0)
        h_dt = -s_y - (bend * y).sum(axis=0)
        h_tt = n_exact / theta**2 + s_yy + (bend * y**2).sum(axis=0)
        det = np.maximum(h_dd * h_tt - h_dt**2, 1e-300)
        step_d, step_t = (h_tt * g_delta - h_dt * g_theta) / det, (h_dd * g_theta - h_dt * g_delta) / det
        length = np.ones(len(theta))
        for _ in range(20):
            new_theta = theta + length * step_t
            new = fit_of(np.maximum(new_theta, 1e-9), delta + length * step_d)
            worse = ~((new >= best - 1e-12 * np.abs(best)) & (new_theta > 0))
            if not worse.any():
                break
            length[worse] /= 2
        length[worse] = 0.0
        moved = np.maximum(np.abs(length * step_t), np.abs(length * step_d)).max(initial=0.0)
        theta, delta = theta + length * step_t, delta + length * step_d
        best = np.maximum(best, fit_of(theta, delta))
        if moved < 1e-8:
            break
    return shift + unit * delta / theta, unit / theta


@dataclass(frozen=True)
class Limits:
    """Columns with values beyond a limit, and how they are read.

    Parameters
    ----------
    columns : ndarray of int, shape (m,)
        Numbers of the columns, ascending.
    side : ndarray of int8, shape (m,)
        0: a normal was fitted to the column. -1 or +1: so many values lie beyond a limit on this side that
        only being beyond it is used.
    cut : ndarray, shape (m,)
        Normal threshold between the two, where ``side`` is not 0.
    share : ndarray, shape (m,)
        Share of the observed values that are beyond a limit.
    """

    columns: NDArray[np.intp]
    side: Flags
    cut: Matrix
    share: Matrix

    @classmethod
    def fit(cls, flags: Flags, observed: NDArray[np.bool_]) -> Limits:
        """Choose how to read each column of (n, q) flags."""
        from scipy.special import ndtri

        columns = np.flatnonzero((flags != 0).any(axis=0))
        flags, seen = flags[:, columns], observed[:, columns].sum(axis=0)
        below, above = (flags == -1).sum(axis=0), (flags == 1).sum(axis=0)
        beyond = below + above
        few = (seen - beyond < LEAST_EXACT) | (beyond > MOST_CENSORED * seen)
        side = np.where(few, np.where(below >= above, -1, 1), 0).astype(np.int8)
        share = np.where(side == -1, below, seen - above) / np.maximum(seen, 1)
        edge = 0.5 / np.maximum(seen, 1)
        cut = np.where(side == 0, 0.0, ndtri(np.clip(share, edge, 1 - edge)))
        return cls(columns, side, cut, beyond / np.maximum(seen, 1))

    @classmethod
    def none(cls) -> Limits:
        """Return no columns."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int8), np.zeros(0), np.zeros(0))

    def only(self, wanted: NDArray[np.bool_]) -> Limits:
        """Return the limits of the wanted of all q columns, numbered anew."""
        mine = wanted[self.columns]
        number = np.cumsum(wanted) - 1
        return Limits(number[self.columns[mine]], self.side[mine], self.cut[mine], self.share[mine])

    @property
    def fitted(self) -> NDArray[np.intp]:
        """Return the columns to which a normal is fitted."""
        return self.columns[self.side == 0]

    def cells(self, values: Matrix, flags: Flags) -> tuple[Matrix, Matrix]:
        """Return bounds (n, m) of standardised values (n, q), limits where flagged."""
        z, flag = values[:, self.columns], flags[:, self.columns]
        lower, upper = np.where(flag < 0, -np.inf, z), np.where(flag > 0, np.inf, z)
        high = np.where(self.side < 0, flag >= 0, flag > 0)
        two = self.side != 0
        lower = np.where(two, np.where(high, self.cut, -np.inf), lower)
        upper = np.where(two, np.where(high, np.inf, self.cut), upper)
        missing = np.isnan(z)
        lower[missing], upper[missing] = np.nan, np.nan
        return lower, upper
