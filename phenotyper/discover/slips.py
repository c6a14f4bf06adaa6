"""How each number was spread among the patients of the fit, and units that slipped in a new cohort.

Nothing is put right silently: a slip is named, for whoever has the files to correct it, and not used.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.units import LOG_SLIPS, SLIPS, Slip, Slipped, same_unit
from phenotyper.errors import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Blocks
    from phenotyper.errors import Problem

    Matrix = NDArray[np.float64]

NUMBERS = ("number", "proportion")
LOGS = ("log", "npx")
TOGETHER = 5
"""Patients whose mean stands for a quantile, so that no figure is one patient's."""
LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
QUARTILES = slice(2, 5)
LEAST_PATIENTS = 10
LEAST_ERRORS = 3.3
"""A shift of fewer standard errors is no slip."""
FIT_ERRORS, FIT_SHARE = 3.0, 0.3
"""How near the shift comes to the slip: standard errors, and at most this share of it."""
FAR, BEYOND, TYPICAL = 6.0, 2.5, 1.0
"""A single patient: spreads from the median, times as far as anybody seen, spreads once it is undone."""
NEAR_NOTHING = 0.2
"""Where somebody has less than this share of the median, very small values are nothing to wonder at."""
SEVERAL = 3
"""So many patients with the same slip: others need but lie where somebody was seen once it is undone."""
LEAST_LOGS = 5
_NORMAL_IQR = 1.349


@dataclass(frozen=True)
class Typical:
    """The p features of one block, as the fit knew them.

    Parameters
    ----------
    name : str
        Name of the block.
    features, kinds, units : tuple of str, length p
    levels : tuple of tuple of str, length p
        As in :class:`phenotyper.cohort.blocks.Block`.
    observed : ndarray of int, shape (p,)
        Patients in whom the feature was observed.
    quantiles : ndarray, shape (p, 7)
        From lowest to highest, each the mean of the five patients around it; NaN for what is no number.
    """

    name: str
    features: tuple[str, ...]
    kinds: tuple[str, ...]
    units: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    observed: NDArray[np.intp]
    quantiles: Matrix

    @classmethod
    def fit(cls, block: Block) -> Typical:
        """Describe a block."""
        observed = np.isfinite(block.values).sum(axis=0)
        quantiles = np.array([_quantiles(column) for column in block.values.T]).reshape(-1, len(LEVELS))
        numbers = np.isin(block.kinds, (*NUMBERS, *LOGS)) & (observed >= LEAST_PATIENTS)
        quantiles[~numbers] = np.nan
        words = (block.features, block.kinds, block.units, block.levels)
        return cls(block.name, *words, observed, quantiles)

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain types for JSON, and arrays."""
        words = {name: list(getattr(self, name)) for name in ("features", "kinds", "units")}
        words["levels"] = [list(levels) for levels in self.levels]
        return {"name": self.name, **words}, {"observed": self.observed, "quantiles": self.quantiles}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Typical:
        """Rebuild from :meth:`to_state`."""
        return cls(
            state["name"],
            tuple(state["features"]),
            tuple(state["kinds"]),
            tuple(state["units"]),
            tuple(tuple(names) for names in state["levels"]),
            arrays["observed"].astype(np.intp),
            arrays["quantiles"],
        )


def slips_of(typical: tuple[Typical, ...], blocks: Blocks) -> list[Problem]:
    """Return the problems alone of :func:`slipped_in`, without ids."""
    return [one.problem for one in slipped_in(typical, blocks)]


def slipped_in(typical: tuple[Typical, ...], blocks: Blocks, *, ids: Sequence[str] = ()) -> list[Slipped]:
    """Find the values of a new cohort that look like measured in another unit; judged over all patients.

    Parameters
    ----------
    typical : tuple of Typical
        Of the patients of the fit.
    blocks : Blocks
        Of the new cohort; features in any order.
    ids : sequence of str, optional
        Of its patients, to name those of a slip of some.
    """
    known = {part.name: part for part in typical}
    return [
        one
        for block in blocks.blocks
        if block.name in known
        for one in _of_block(known[block.name], block, ids)
    ]


def _of_block(typical: Typical, block: Block, ids: Sequence[str]) -> list[Slipped]:
    place = {feature: j for j, feature in enumerate(block.features)}
    found, logs = [], []
    for i, feature in enumerate(typical.features):
        if feature not in place:
            continue
        column = place[feature]
        values, unit, kind = block.values[:, column], block.units[column], block.kinds[column]
        known = bool(np.isfinite(typical.quantiles[i]).all() and np.isfinite(values).any())
        if unit and typical.units[i] and not same_unit(unit, typical.units[i]):
            said = (
                f"{block.name}.{feature} is declared in {unit}, in the training cohort in {typical.units[i]}"
            )
            found.append(Slipped.of(said, block.name, (feature,), np.isfinite(values)))
        elif known and typical.kinds[i] in NUMBERS and kind not in LOGS and not block.levels[column]:
            found += _of_feature(typical, i, values, ids)
        elif typical.kinds[i] in LOGS and kind in LOGS:
            logs.append((i, column))
    return found + _of_logs(typical, block, logs)


def _of_feature(typical: Typical, i: int, values: Matrix, ids: Sequence[str]) -> list[Slipped]:
    """Look for a slip of everybody, then of some."""
    feature, usual, unit = typical.features[i], typical.quantiles[i], typical.units[i]
    told, fits = f"{typical.name}.{feature}", _fitting(feature)
    meant = f" (training: {unit})" if unit else ""
    rows = np.isfinite(values)
    slip = _everybody(usual, int(typical.observed[i]), values[rows], fits)
    if slip is not None:
        middle = f"median {np.median(values[rows]):.3g} against {usual[3]:.3g}"
        said = f"{told}: values look {_beside(slip)}: {middle}{meant}"
        return [Slipped.of(said, typical.name, (feature,), rows)]
    alone = _alone(usual, values, fits)
    if not alone:
        return []
    slip = max(alone, key=lambda one: (len(alone[one]), -abs(np.log(one.factor))))
    rows = np.zeros(len(values), dtype=bool)
    rows[np.concatenate([*alone.values()])] = True
    count = int(rows.sum())
    who = number_of(count, "patient has a value", "patients have values")
    said = f"{told}: {who} that look{'s' * (count == 1)} {_beside(slip)}{meant}"
    return [Slipped.of(said, typical.name, (feature,), rows, ids)]


@functools.cache
def _fitting(feature: str) -> list[Slip]:
    return [slip for slip in SLIPS if slip.applies(feature)]


def _beside(slip: Slip) -> str:
    words, _, which = slip.words().partition(" (")
    return f"{words} those of the training cohort ({which}"


def _everybody(usual: Matrix, n_usual: int, seen: Matrix, fits: list[Slip]) -> Slip | None:
    """Return the slip that brings the quartiles of all new values to the usual ones."""
    if len(seen) < LEAST_PATIENTS:
        return None
    usual, now = usual[QUARTILES], _quantiles(seen)[QUARTILES]
    if np.abs(now - usual).min() < 0.1 * _spread(usual):
        return None
    best, least = None, np.inf
    for slip in fits:
        linear = bool(slip.offset)
        if not linear and min(usual.min(), now.min()) <= 0:
            continue
        before, after, shifted = (_scaled(part, linear=linear) for part in (usual, now, slip.of(usual)))
        spread = max(_spread(before), _spread(after))
        error = 1.2533 * spread * np.sqrt(1 / len(seen) + 1 / n_usual)
        shift, size, off = after - before, np.abs(shifted - before), np.abs(after - shifted)
        moved = np.abs(shift).min() >= max(LEAST_ERRORS * error, spread, 0.6 * size.max())
        same_way = np.ptp(np.sign(shift)) == 0
        near = off.max() <= min(max(FIT_ERRORS * error, 0.05 * size.max()), FIT_SHARE * size.min())
        if moved and same_way and near and off.max() < least:
            best, least = slip, off.max()
    return best


def _spread(quantiles: Matrix) -> float:
    inner = quantiles if len(quantiles) == 3 else quantiles[QUARTILES]
    return float(inner[-1] - inner[0]) / _NORMAL_IQR


def _alone(usual: Matrix, values: Matrix, fits: list[Slip]) -> dict[Slip, NDArray[np.intp]]:
    """Return whose values lie beyond everything seen and are typical once a slip is undone, by slip."""
    left = np.flatnonzero((values > usual[-1]) | (values < usual[0]))
    found: dict[Slip, NDArray[np.intp]] = {}
    for slip in sorted(fits, key=lambda one: abs(np.log(one.factor))):
        if not len(left):
            break
        linear = bool(slip.offset)
        if not linear and usual[QUARTILES].min() <= 0:
            continue
        before, shifted = _scaled(usual, linear=linear), _scaled(slip.of(usual), linear=linear)
        here = _scaled(values[left], linear=linear)
        middle, spread, step = before[3], _spread(before), shifted[3] - before[3]
        reach = np.where(here > middle, before[-1] - middle, middle - before[0])
        out = np.abs(here - middle) >= np.maximum(np.maximum(BEYOND * reach, FAR * spread), 1e-9)
        undone = here - step - middle
        fit = out & (np.abs(undone) <= TYPICAL * spread)
        if fit.sum() < SEVERAL and usual[0] < NEAR_NOTHING * usual[3]:
            fit &= here > middle
        if fit.sum() >= SEVERAL:
            fit = out & (undone >= before[0] - middle - spread) & (undone <= before[-1] - middle + spread)
        if fit.any():
            found[slip] = left[fit]
            left = left[~fit]
    return found


def _scaled(values: Matrix, *, linear: bool) -> Matrix:
    """Return values as they are, or their logarithms (minus infinity at 0 and below)."""
    return (
        values
        if linear
        else np.log(np.maximum(values, 0.0), where=values > 0, out=np.full(values.shape, -np.inf))
    )


def _of_logs(typical: Typical, block: Block, places: list[tuple[int, int]]) -> list[Slipped]:
    """Look for another base of the logarithm in all features of a block together."""
    usable = [
        (typical.quantiles[i], _quantiles(block.values[:, column]))
        for i, column in places
        if np.isfinite(block.values[:, column]).sum() >= LEAST_PATIENTS
        and np.isfinite(typical.quantiles[i]).all()
    ]
    if len(usable) < LEAST_LOGS:
        return []
    usual, now = (np.array(part)[:, 1:-1] for part in zip(*usable, strict=True))
    spread = np.maximum(np.ptp(usual[:, 1:4], axis=1), 1e-9)[:, None]

    def off(factor: float) -> float:
        return float(np.median(np.abs(now - factor * usual) / spread / max(factor, 1.0)))

    best = min(LOG_SLIPS, key=lambda slip: off(slip.factor))
    if not (off(best.factor) < 0.5 * off(1.0) and off(1.0) > 0.3):
        return []
    first, second = best.units
    said = f"{block.name}: values look like {first} where those of the training cohort are {second}"
    rows = np.isfinite(block.values[:, [column for _, column in places]]).any(axis=1)
    return [Slipped.of(said, block.name, tuple(typical.features[i] for i, _ in places), rows)]


def _quantiles(column: Matrix) -> Matrix:
    """Return means of the five values around each level (all, where there are fewer)."""
    values = np.sort(column[np.isfinite(column)])
    if not len(values):
        return np.full(len(LEVELS), np.nan)
    width = min(TOGETHER, len(values))
    starts = [round(level * (len(values) - width)) for level in LEVELS]
    return np.array([values[start : start + width].mean() for start in starts])
