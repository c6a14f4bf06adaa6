"""One block to comparable columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phenotyper.prepare.adjust import Adjustment
from phenotyper.prepare.censored import Limits, Piles, normal_of
from phenotyper.prepare.crossfit import MOST_EXPLAINED, cross_fitted
from phenotyper.prepare.filter import Facts, dispersions, most_variable, rare_variants, reasons
from phenotyper.prepare.intervals import Cells, interval_mean
from phenotyper.prepare.levels import Levels
from phenotyper.prepare.overrides import KEEP, LEAVE_OUT, Wish
from phenotyper.prepare.standardise import Standard
from phenotyper.prepare.ways import AS_THEY_ARE, INTERVALS, PILED, scale_for, ways_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Covariate
    from phenotyper.prepare.scales import Scale

    Matrix = NDArray[np.float64]
    Groups = tuple[tuple[NDArray[np.intp], Scale], ...]


@dataclass(frozen=True)
class PreparedBlock:
    """Comparable columns of one block.

    Parameters
    ----------
    name : str
        Name of the block.
    values : ndarray, shape (n, q)
        NaN where missing; where only an interval is known (a level, a value below a limit) its middle.
    present : ndarray of bool, shape (n,)
        Whether the patient has the block.
    source : ndarray of int, shape (q,)
        Number of the feature that a column comes from.
    lumpy : ndarray of bool, shape (q,)
        Whether the feature takes few different values.
    coarse : ndarray of int, shape (m,)
        Columns that hold intervals, ascending.
    lower, upper : ndarray, shape (n, m)
        Bounds of the cells of those columns; equal where the value is known, infinite where open, NaN where
        missing.
    """

    name: str
    values: Matrix
    present: NDArray[np.bool_]
    source: NDArray[np.intp]
    lumpy: NDArray[np.bool_]
    coarse: NDArray[np.intp]
    lower: Matrix
    upper: Matrix

    def rows(self, chosen: NDArray[np.bool_]) -> PreparedBlock:
        """Return the block for some patients."""
        kept = {name: getattr(self, name)[chosen] for name in ("values", "present", "lower", "upper")}
        return replace(self, **kept)


class Settings(NamedTuple):
    """What a recipe says of the features of a block: wishes one a feature."""

    wishes: Sequence[Wish]
    max_missing: float
    top_features: int | None


@dataclass(frozen=True)
class BlockPreparation:
    """Frozen transforms of one block.

    Parameters
    ----------
    name : str
        Name of the block.
    features, kinds : tuple of str, length p
        Names and kinds of its features.
    ways : tuple of str, length p
        See ``prepare/ways.py``.
    wishes : dict of int to Wish
        What a person asked for.
    left_out : dict of int to str
        Features that are not used, and why.
    groups : tuple of (ndarray of int, Scale)
        Features of a way, and their scale.
    chosen : ndarray of int, shape (q,)
        Columns that are used, among those of all groups.
    source, lumpy : ndarray, shape (q,)
        As in :class:`PreparedBlock`.
    fixed : ndarray of bool, shape (q,)
        Columns that are comparable as their scale gives them.
    piles, limits, standard, adjustment
        Heaps of equal values, limits, standardising, covariates.
    observed, missing, winsorised : ndarray, shapes (p,), (p,), (q,)
        Patients with a value, share of those with the block who lack it, share of values brought to a limit.
    """

    name: str
    features: tuple[str, ...]
    kinds: tuple[str, ...]
    ways: tuple[str, ...]
    wishes: dict[int, Wish]
    left_out: dict[int, str]
    groups: Groups
    chosen: NDArray[np.intp]
    source: NDArray[np.intp]
    lumpy: NDArray[np.bool_]
    fixed: NDArray[np.bool_]
    piles: Piles
    limits: Limits
    standard: Standard
    adjustment: Adjustment
    observed: NDArray[np.intp]
    missing: Matrix
    winsorised: Matrix

    @classmethod
    def fit(
        cls, block: Block, covariates: tuple[Covariate, ...], *, folds: NDArray[np.intp], settings: Settings
    ) -> tuple[BlockPreparation, PreparedBlock]:
        """Fit on all patients who have the block; return their columns too, adjusted by what others show."""
        found = cls._scaled_only(block, settings)
        while True:
            columns, cells = found._columns(block)
            wanted = np.array([settings.wishes[j].adjusted for j in found.source], dtype=bool)
            adjustment, columns, cells = cross_fitted(
                columns, cells, covariates, folds=folds, free=~found.fixed, wanted=wanted
            )
            gone = wanted & ~found.fixed & (adjustment.explained > MOST_EXPLAINED)
            if not gone.any():
                break
            found = found._without_empty(~gone, "the covariates explain all of it")
        found = replace(found, adjustment=adjustment)
        return found, found._prepared(block, columns, cells)

    @classmethod
    def _scaled_only(cls, block: Block, settings: Settings) -> BlockPreparation:
        """Fit all but the adjustment."""
        facts = Facts.of(block.values, block.present)
        ways = ways_of(block, facts, settings.wishes)
        left_out = reasons(
            facts,
            max_missing=settings.max_missing,
            kept=np.array([wish.use == KEEP for wish in settings.wishes], dtype=bool),
            dropped=np.array([wish.use == LEAVE_OUT for wish in settings.wishes], dtype=bool),
            rare=rare_variants(block),
        )
        p = len(block.features)
        used = ~np.isin(np.arange(p), list(left_out))
        piled = np.array([way in PILED for way in ways], dtype=bool) & used
        parts = np.array([way == "parts" for way in ways], dtype=bool) & used
        measured = np.where(block.censored == 0, block.values, np.nan)
        piles = Piles.fit(measured, piled, parts=parts)
        values, flags = piles.apply(block.values, block.censored)
        groups = tuple(_groups(block, values, ways, kept=np.flatnonzero(used)))
        none = np.zeros(0, dtype=np.intp)
        source = np.concatenate([none, *(columns[scale.source] for columns, scale in groups)])
        fixed = [np.full(len(scale.source), isinstance(scale, AS_THEY_ARE)) for _, scale in groups]
        found = cls(
            name=block.name,
            features=block.features,
            kinds=block.kinds,
            ways=tuple(ways),
            wishes={j: wish for j, wish in enumerate(settings.wishes) if wish.words},
            left_out=left_out,
            groups=groups,
            chosen=np.arange(len(source)),
            source=source,
            lumpy=facts.few[source],
            fixed=np.concatenate([none.astype(bool), *fixed]),
            piles=piles,
            limits=Limits.none(),
            standard=Standard.none(len(source)),
            adjustment=Adjustment.none(len(source)),
            observed=facts.observed,
            missing=facts.missing,
            winsorised=np.zeros(len(source)),
        )
        return found._standardised(values, flags, settings)

    def _standardised(self, values: Matrix, flags: NDArray[np.int8], settings: Settings) -> BlockPreparation:
        """Fit standardising and limits, and choose the most variable features."""
        scaled = self._scaled(values)
        standard = Standard.fit(scaled, fixed=self.fixed)
        beyond = self._flags(flags)
        limits = Limits.none()
        if beyond.any():
            limits = Limits.fit(beyond, np.isfinite(scaled))
            at = limits.fitted
            mean, sd = normal_of(scaled[:, at], beyond[:, at])
            standard = standard.with_normal(at, mean=mean, sd=sd)
        found = replace(self, standard=standard, limits=limits, winsorised=standard.winsorised(scaled))
        if settings.top_features is None:
            return found._without_empty(np.ones(len(self.source), dtype=bool), "")
        spread = found._spread(scaled, settings.top_features)
        kept = [settings.wishes[j].use == KEEP for j in self.source]
        chosen = most_variable(np.where(kept, np.nan, spread), self.source, settings.top_features)
        return found._without_empty(chosen, f"not among the {settings.top_features} most variable")

    def _spread(self, scaled: Matrix, most: int) -> Matrix:
        """Return how much each column varies, NaN where there is no scale common to the others."""
        ways = np.array([self.ways[j] for j in self.source])
        if len(ways) and (ways == "library").all():
            return dispersions(scaled, most)
        spread = (self.standard.spread * self.standard.sd) ** 2
        logged = np.concatenate([np.zeros(0), *(_logged(scale) for _, scale in self.groups)]) == 1
        plain = np.isin(ways, ("number", "as measured")) & ~logged
        low = np.nanmin(scaled, axis=0, initial=np.inf)
        relative = spread / np.where(self.standard.centre == 0, np.nan, self.standard.centre) ** 2
        spread = np.where(plain & (low >= 0), relative, spread)
        if not (plain & (low < 0)).all():
            spread = np.where(plain & (low < 0), np.nan, spread)
        one_sided = np.zeros(len(spread), dtype=bool)
        one_sided[self.limits.columns[self.limits.side != 0]] = True
        return np.where(self.fixed | one_sided | (ways == "normal scores"), np.nan, spread)

    def _without_empty(self, wanted: NDArray[np.bool_], why: str) -> BlockPreparation:
        """Return the same with the wanted columns, and with the reason of features that have none left."""
        left_out = dict(self.left_out)
        for j in range(len(self.features)):
            if j not in left_out and not (self.source == j).any():
                left_out[j] = "every level is rare"
        for j in np.setdiff1d(self.source, self.source[wanted]).tolist():
            left_out[j] = why
        at = np.flatnonzero(wanted)
        return replace(
            self,
            left_out=left_out,
            chosen=self.chosen[at],
            source=self.source[at],
            lumpy=self.lumpy[at],
            fixed=self.fixed[at],
            limits=self.limits.only(wanted),
            standard=self.standard.only(at),
            adjustment=Adjustment.none(len(at)),
            winsorised=self.winsorised[at],
        )

    def apply(self, block: Block, covariates: tuple[Covariate, ...]) -> PreparedBlock:
        """Replay on a block with the same features in the same order."""
        columns, cells = self._columns(block)
        return self._prepared(block, *self.adjustment.apply(columns, cells, covariates))

    def column_names(self) -> list[tuple[int, str]]:
        """Return the feature and the level of every column; the level is empty where there is none."""
        names = [
            (int(columns[at]), scale.names[place] if isinstance(scale, Levels) else "")
            for columns, scale in self.groups
            for place, at in enumerate(scale.source)
        ]
        return [names[at] for at in self.chosen]

    def _prepared(self, block: Block, columns: Matrix, cells: Cells) -> PreparedBlock:
        return PreparedBlock(self.name, columns, block.present, self.source, self.lumpy, *cells)

    def _scaled(self, values: Matrix) -> Matrix:
        """Return the chosen columns of all scales."""
        parts = [scale.apply(np.take(values, columns, axis=1)) for columns, scale in self.groups]
        scaled = np.hstack([np.zeros((len(values), 0)), *parts])
        return scaled if len(self.chosen) == scaled.shape[1] else np.take(scaled, self.chosen, axis=1)

    def _flags(self, flags: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return which cells of the columns are beyond a limit; levels are not."""
        if not flags.any():
            return np.zeros((1, len(self.source)), dtype=np.int8)
        return np.where(self._intervals(), 0, flags[:, self.source]).astype(np.int8)

    def _intervals(self) -> NDArray[np.bool_]:
        """Tell which columns hold levels."""
        own = [np.full(len(scale.source), isinstance(scale, INTERVALS)) for _, scale in self.groups]
        return np.concatenate([np.zeros(0, dtype=bool), *own])[self.chosen]

    def _columns(self, block: Block) -> tuple[Matrix, Cells]:
        """Return standardised columns, and the intervals among them."""
        values, flags = self.piles.apply(block.values, block.censored)
        columns = self.standard.apply(self._scaled(values))
        beyond = self._flags(flags)
        cells = self._cells(values, columns, np.broadcast_to(beyond, columns.shape))
        if beyond.any():
            low, high = (
                np.where(side, np.inf * sign, columns) for side, sign in ((beyond < 0, -1), (beyond > 0, 1))
            )
            at = beyond != 0
            columns[at] = interval_mean(low[at], high[at])
        two = self.limits.columns[self.limits.side != 0]
        if len(two):
            place = np.searchsorted(cells.coarse, two)
            columns[:, two] = interval_mean(cells.lower[:, place], cells.upper[:, place])
        return columns, cells

    def _cells(self, values: Matrix, columns: Matrix, flags: NDArray[np.int8]) -> Cells:
        """Return the intervals; ``columns`` hold the limits where values are beyond them."""
        parts = []
        if len(self.limits.columns):
            parts.append((self.limits.columns, *self.limits.cells(columns, flags)))
        start = 0
        for features, scale in self.groups:
            own = np.arange(start, start + len(scale.source))
            start += len(own)
            if isinstance(scale, INTERVALS) and len(own):
                at = np.searchsorted(self.chosen, own)
                parts.append((at, *scale.cells(np.take(values, features, axis=1))))
        if not parts:
            return Cells.none(len(values))
        coarse, lower, upper = (np.concatenate(some, axis=-1) for some in zip(*parts, strict=True))
        order = np.argsort(coarse)
        return Cells(coarse[order], lower[:, order], upper[:, order])


def _groups(
    block: Block, values: Matrix, ways: Sequence[str], *, kept: NDArray[np.intp]
) -> list[tuple[NDArray[np.intp], Scale]]:
    chosen = np.array([ways[j] for j in kept], dtype=str)
    found = []
    for way in sorted(set(chosen.tolist())):
        columns = kept[chosen == way]
        found.append((columns, scale_for(way, block, np.take(values, columns, axis=1), columns)))
    return found


def _logged(scale: Scale) -> Matrix:
    return np.asarray(getattr(scale, "logged", np.zeros(len(scale.source))), dtype=np.float64)
