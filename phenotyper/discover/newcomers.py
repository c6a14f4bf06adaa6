"""New patients in the order of a fit's features: by name; what is missing, additional or unknown is said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.cohort.blocks import Block, Blocks, Covariate, blocks_of
from phenotyper.cohort.container import block_names, declaration_of, dropped_of, patients_of
from phenotyper.discover.slips import LOGS
from phenotyper.errors import CohortError, Problem, listed, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.frozen import Frozen, Known
    from phenotyper.discover.slips import Typical
    from phenotyper.discover.units import Slipped

    Matrix = NDArray[np.float64]

YES_NO = ("no", "yes")
LEVELLED = ("category", "yes/no", "ordinal")


@dataclass(frozen=True)
class Newcomers:
    """New patients, sorted by id.

    Parameters
    ----------
    blocks : Blocks
        Blocks, features and codes of the fit; NaN where the new cohort has nothing.
    measured : Blocks
        As the new cohort has them.
    ids : ndarray of str, shape (n,)
    problems : list of Problem
        Warnings.
    aside : tuple of str, length n
        Features of each patient that slipped; empty where nothing did.
    """

    blocks: Blocks
    measured: Blocks
    ids: NDArray[np.str_]
    problems: list[Problem]
    aside: tuple[str, ...] = ()

    def without(self, slipped: Sequence[Slipped]) -> Newcomers:
        """Return them with what slipped not observed, and said."""
        if not slipped:
            return self
        cells = {block.name: np.zeros(block.values.shape, dtype=bool) for block in self.blocks.blocks}
        names = {block.name: block.features for block in self.blocks.blocks}
        aside: list[list[str]] = [[] for _ in self.ids]
        for one in slipped:
            cells[one.block] |= np.outer(one.rows, np.isin(names[one.block], one.features))
            number = f" ({number_of(len(one.features), 'feature')})" if len(one.features) > 1 else ""
            for row in np.flatnonzero(one.rows):
                aside[row].append(f"{one.problem.where}{number}")
        blocks = tuple(
            replace(
                block,
                values=np.where(cells[block.name], np.nan, block.values),
                censored=np.where(cells[block.name], np.int8(0), block.censored),
            )
            for block in self.blocks.blocks
        )
        return replace(
            self,
            blocks=replace(self.blocks, blocks=blocks),
            problems=[*self.problems, *(one.problem for one in slipped)],
            aside=tuple(", ".join(words) for words in aside),
        )


def newcomers_of(frozen: Frozen, cohort: MuData) -> Newcomers:
    """Match a cohort to what a fit knew.

    Raises
    ------
    CohortError
        ASSIGN_NOTHING: they have no feature in common.
    """
    wanted = [part.name for part in frozen.typical]
    there = [name for name in block_names(cohort) if name in wanted]
    if not there:
        raise CohortError(
            _nothing(f"blocks {listed(block_names(cohort)) or 'none'}", f"blocks {listed(wanted)}")
        )
    patients, declared = patients_of(cohort), declaration_of(cohort).patients.covariates
    roles = [*(role for role in ("age", "sex", "site", "batch") if role in patients), *declared]
    measured, ids = blocks_of(
        cohort, adjust_for=[one.name for one in frozen.covariates if one.name in roles], blocks=there
    )
    order = np.argsort(ids, kind="stable")
    measured, ids = _with_constants(measured.rows(order), frozen, dropped_of(cohort)), ids[order]
    problems = _extra_blocks(cohort, wanted)
    by_name = {block.name: block for block in measured.blocks}
    blocks = []
    for part in frozen.typical:
        block, said = _matched(part, by_name.get(part.name), len(ids), _used(frozen, part))
        blocks.append(block)
        problems += said
    if not any(np.isfinite(block.values).any() for block in blocks):
        have = f"features {listed([name for block in measured.blocks for name in block.features])}"
        nothing = _nothing(have, f"features {listed([f for part in frozen.typical for f in part.features])}")
        why = [replace(one, severity="error") for one in problems if one.code == "KIND_DIFFERS"]
        raise CohortError([nothing, *why])
    covariates = []
    for known in frozen.covariates:
        covariate, said = _covariate(known, measured.covariates, len(ids))
        problems += said
        covariates += [covariate] if known.adjusted else []
    return Newcomers(Blocks(tuple(blocks), tuple(covariates), measured.ties), measured, ids, problems)


def _with_constants(blocks: Blocks, frozen: Frozen, dropped: dict[str, dict[str, float | None]]) -> Blocks:
    """Put back what reading dropped because all new patients have the same value.

    Numbers, and yes or no; the code of another level says nothing without the levels that are gone with it.
    """
    known = {part.name: part for part in frozen.typical}
    parts = []
    for block in blocks.blocks:
        part = known[block.name]
        for i, feature in enumerate(part.features):
            value = dropped.get(block.name, {}).get(feature)
            plain = part.kinds[i] not in LEVELLED or part.levels[i] == YES_NO
            if value is not None and plain and feature not in block.features:
                block = _with_column(block, part, i, value)
        parts.append(block)
    return replace(blocks, blocks=tuple(parts))


def _with_column(block: Block, part: Typical, i: int, value: float) -> Block:
    column = np.where(block.present, value, np.nan)[:, None]
    return replace(
        block,
        values=np.hstack([block.values, column]),
        censored=np.hstack([block.censored, np.zeros(column.shape, dtype=np.int8)]),
        features=(*block.features, part.features[i]),
        kinds=(*block.kinds, part.kinds[i]),
        units=(*block.units, ""),
        levels=(*block.levels, part.levels[i]),
    )


def _used(frozen: Frozen, part: Typical) -> frozenset[int]:
    """Return the numbers of the features that the factors use."""
    start = 0
    for prepared in frozen.preparation.blocks:
        end = start + len(prepared.source)
        if prepared.name == part.name:
            return frozenset(int(j) for j in prepared.source[frozen.factors.used[start:end]])
        start = end
    return frozenset()


def _matched(part: Typical, block: Block | None, n: int, used: frozenset[int]) -> tuple[Block, list[Problem]]:
    p = len(part.features)
    values, censored = np.full((n, p), np.nan), np.zeros((n, p), dtype=np.int8)
    empty = Block(
        part.name,
        values,
        np.zeros(n, dtype=bool),
        censored,
        part.features,
        part.kinds,
        part.units,
        part.levels,
    )
    if block is None:
        said = f"the cohort has no block {part.name} ({number_of(len(used), 'feature')} of the fit)"
        return empty, [_warning("MISSING_FEATURES", said, _BY_OTHERS, part.name)]
    place = {feature: j for j, feature in enumerate(block.features)}
    problems = _missing_and_extra(part, block, used)
    for i, feature in enumerate(part.features):
        if feature in place:
            values[:, i], told = _recoded(part, i, block, place[feature])
            censored[:, i] = np.where(np.isfinite(values[:, i]), block.censored[:, place[feature]], 0)
            problems += told
    return replace(empty, present=block.present), problems


_BY_OTHERS = "The patients are placed by the other features; the fewer there are, the more stay unassigned."


def _missing_and_extra(part: Typical, block: Block, used: frozenset[int]) -> list[Problem]:
    have, known, problems = set(block.features), set(part.features), []
    lacking = [part.features[i] for i in sorted(used) if part.features[i] not in have]
    extra = [feature for feature in block.features if feature not in known]
    if lacking:
        said = f"block {part.name} lacks {len(lacking)} of the {number_of(len(used), 'feature')} of the fit"
        problems.append(_warning("MISSING_FEATURES", f"{said}: {listed(lacking)}", _BY_OTHERS, part.name))
    if extra:
        said = f"block {part.name} has {number_of(len(extra), 'feature')} that the fit did not see"
        remedy = "They are not used. If they are known by other names there, rename them."
        problems.append(_warning("EXTRA_FEATURES", f"{said}: {listed(extra)}", remedy, part.name))
    return problems


def _extra_blocks(cohort: MuData, wanted: list[str]) -> list[Problem]:
    extra = [name for name in block_names(cohort) if name not in wanted]
    if not extra:
        return []
    said = f"the fit did not use {number_of(len(extra), 'block')} of the cohort: {listed(extra)}"
    return [_warning("EXTRA_FEATURES", said, "Nothing of it is used here either.", extra[0])]


def _recoded(part: Typical, i: int, block: Block, column: int) -> tuple[Matrix, list[Problem]]:
    """Return a feature's values in the codes of the fit."""
    values, told = block.values[:, column], f"{part.name}.{part.features[i]}"
    levelled = part.kinds[i] in LEVELLED
    if any((part.kinds[i] in kinds) != (block.kinds[column] in kinds) for kinds in (LEVELLED, LOGS)):
        said = f"{told} is of kind {block.kinds[column]}, in the fit it was {part.kinds[i]}"
        remedy = "Its values are not used. Declare the kind of the fit in cohort.toml or the dictionary."
        return np.full(len(values), np.nan), [_warning("KIND_DIFFERS", said, remedy, told)]
    if not levelled:
        return values, []
    codes, unseen = _codes(values, block.levels[column], part.levels[i])
    return codes, _unseen(told, unseen, "They count as missing.")


def _codes(values: Matrix, levels: tuple[str, ...], known: tuple[str, ...]) -> tuple[Matrix, dict[str, int]]:
    """Return codes among the known levels, and how many patients have which other level."""
    if levels == known:
        return values, {}
    table = np.array([known.index(level) if level in known else np.nan for level in levels], dtype=np.float64)
    seen = np.isfinite(values)
    codes = np.full(len(values), np.nan)
    codes[seen] = table[values[seen].astype(np.intp)]
    lost = values[seen & np.isnan(codes)].astype(np.intp)
    return codes, {levels[code]: int((lost == code).sum()) for code in np.unique(lost)}


def _unseen(told: str, unseen: dict[str, int], remedy: str) -> list[Problem]:
    if not unseen:
        return []
    named = listed(f'"{level}" ({number_of(count, "patient")})' for level, count in unseen.items())
    said = f"{told} has {'a level' if len(unseen) == 1 else 'levels'} that the fit did not see: {named}"
    return [_warning("UNSEEN_LEVEL", said, remedy, told)]


def _covariate(known: Known, measured: tuple[Covariate, ...], n: int) -> tuple[Covariate, list[Problem]]:
    own = next((one for one in measured if one.name == known.name), None)
    average = "These patients count as average in it."
    if own is None or bool(own.levels) != bool(known.levels):
        said = f"the fit was adjusted for {known.name}, which the cohort does not have in this form"
        problem = _warning(
            "MISSING_FEATURES", said, f"All patients count as average in it: declare {known.name}."
        )
        return Covariate(known.name, np.full(n, np.nan), known.levels), [problem] if known.adjusted else []
    if known.levels:
        codes, unseen = _codes(own.values, own.levels, known.levels)
        return Covariate(known.name, codes, known.levels), _unseen(known.name, unseen, average)
    outside = int(((own.values < known.low) | (own.values > known.high)).sum())
    if not outside:
        return own, []
    lie = f"{number_of(outside, 'patient')} of {n} {'lies' if outside == 1 else 'lie'}"
    said = f"{lie} outside the range of {known.name} seen in the fit ({known.low:.3g} to {known.high:.3g})"
    remedy = "Nothing is known of such patients: take their subphenotypes with caution."
    return own, [_warning("OUTSIDE_RANGE", said, remedy, known.name)]


def _nothing(have: str, wanted: str) -> Problem:
    said = f"the cohort has no feature in common with the fit: it has {have}, the fit used {wanted}"
    return Problem("ASSIGN_NOTHING", said, "Give blocks and features the names that they had in the fit.")


def _warning(code: str, said: str, remedy: str, where: str = "") -> Problem:
    return Problem(code, said, remedy, where=where, severity="warning")
