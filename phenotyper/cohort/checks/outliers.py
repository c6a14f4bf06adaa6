"""Single values so far out that they would be a dimension of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phenotyper.cohort.checks.codes import spikes
from phenotyper.cohort.checks.columns import is_kind, number_rule, order_of, rows_where
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem, listed

FAR = 20.0
"""Median absolute deviations from the median."""
NEAR = 10.0
"""All other values lie nearer."""
MOST = 2
"""Patients who are out; more of them are a tail or a group."""
LEAST = 20
TAIL = 0.15
"""Skewness from which numbers are taken by their logarithms."""


def far_out(values: np.ndarray, *, logged: bool = False) -> np.ndarray:
    """Return which values lie more than 20 median absolute deviations out while all others lie within 10.

    Values of zero or more with a long tail must lie so far out by their logarithms as well.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN = missing.
    logged : bool
        Take them as values with a long tail whatever they look like: counts.

    Examples
    --------
    >>> np.flatnonzero(far_out(np.append(np.arange(1.0, 50.0), 1e6))).tolist()
    [49]
    """
    known = np.isfinite(values)
    if known.sum() < LEAST:
        return np.zeros(len(values), dtype=bool)
    distance = _deviations(values, known)
    low, centre, high = np.quantile(values[known], [0.05, 0.5, 0.95])
    if (logged or _tailed(low, centre, high)) and values[known].min() >= 0:
        distance = np.minimum(distance, _deviations(np.log(values + _offset(values[known])), known))
    out = known & (distance > FAR)
    alone = 0 < out.sum() <= MOST and not (known & ~out & (distance > NEAR)).any()
    return out if alone else np.zeros(len(values), dtype=bool)


def _tailed(low: np.ndarray, centre: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Tell which columns have a long upper tail (Bowley's skewness of the 5th, 50th, 95th percentile)."""
    return (high + low - 2 * centre) > TAIL * (high - low)


def _offset(known: np.ndarray) -> float:
    return 0.0 if known.min() > 0 else max(float(np.median(known)), 1e-300)


def _deviations(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    centre = np.median(values[known])
    distance = np.where(known, np.abs(values - centre), 0.0)
    spread = float(np.median(distance[known]))
    return distance / spread if spread > 0 else np.zeros(len(values))


def _reaches(low: np.ndarray, quartiles: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return which columns may have a value so far out, by their ends and quartiles."""
    first, centre, third = quartiles.T
    with np.errstate(invalid="ignore"):
        return np.maximum(high - centre, centre - low) > FAR / 2 * np.minimum(third - centre, centre - first)


@number_rule("block")
def values_far_out(block: CodedBlock) -> Iterator[Problem]:
    """Warn of one or two patients whose value lies more than 20 median absolute deviations out."""
    order = order_of(block)
    likely = (
        is_kind(block, "number", "log", "counts", "npx")
        & (order.known >= LEAST)
        & _reaches(order.low, order.quartiles, order.high)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = _reaches(np.log(order.low), np.log(order.quartiles), np.log(order.high))
        tailed = _tailed(order.tails[:, 0], order.quartiles[:, 1], order.tails[:, 1])
        likely &= logs | ~(order.low > 0) | ~tailed
    found: dict[str, float] = {}
    chosen = np.zeros(len(block.ids), dtype=bool)
    for place in np.flatnonzero(likely):
        values = block.values[:, place]
        if block.censored is not None:
            values = np.where(block.censored[:, place] == 0, values, np.nan)
        out = far_out(values, logged=block.features[place].kind == "counts")
        if out.any() and not spikes(values):
            found[block.features[place].name] = float(
                values[out][np.argmax(np.abs(values[out] - order.quartiles[place, 1]))]
            )
            chosen |= out
    if found:
        shown = listed(f"{name} {value:g}" for name, value in found.items())
        rows = rows_where(block.rows, chosen)
        noun = "a value" if len(rows) == 1 else "values"
        noun = noun if len(found) == 1 else f"values of {len(found)} features"
        message = (
            f"{block.source} has {noun} far from all others (more than 20 median absolute deviations): "
            f"{shown}"
        )
        remedy = (
            "Check the cells. A recipe brings them to 4 spreads from the median, so that they make no group."
        )
        yield Problem("OUTLIER", message, remedy, where=block.source, rows=rows, severity="warning")
