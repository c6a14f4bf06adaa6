"""Features that are the same, and patients who are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from phenotyper._kernels.concordance import column_ranks
from phenotyper._kernels.copies import WIDTH, distinct_orders, groups, links, sketches, unit_columns
from phenotyper.cohort.assemble import Parts
from phenotyper.cohort.checks.columns import is_kind, number_rule, order_of
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem, listed

SAME = 0.9999
"""Correlation from which two features are one."""
SAME_ORDER = 0.98
"""Correlation of their ranks: one huge value in both makes no copies."""
RADIUS = 0.12
"""Distance of sketches within which features with r above ``SAME`` lie (expected: 0.04)."""
LEAST = 10
FEW_VALUES = 5
LEAST_FOR_FEW = 40
"""Fewest patients among whom features with at most ``FEW_VALUES`` values are called the same."""
CONTINUOUS = 5
"""Features with many values in which two patients must agree."""
NEARLY = 0.02
"""Root mean square difference, in standard deviations, of nearly equal patients."""
PER_PROFILE = 20
UNEVEN = 0.02
"""Share of the features that one of two equal patients may lack and the other have."""
LOOKED_AT = 64
"""Features of a block that are enough to tell a copy from a coincidence."""
MOST_PAIRS = 2000
SEED = 20_190_416


class _Sketch(NamedTuple):
    block: CodedBlock
    features: np.ndarray
    patients: np.ndarray


def _directions(words: Sequence[str]) -> np.ndarray:
    """Return random directions that depend on the words, not on their order."""
    rng = np.random.default_rng(SEED)
    place = np.argsort(np.argsort(np.array(words, dtype=str), kind="stable"), kind="stable")
    return rng.standard_normal((len(words), WIDTH))[place]


def _sketched(block: CodedBlock) -> _Sketch:
    names = [f"{block.spec.name} {feature.name}" for feature in block.features]
    of_columns, of_rows = sketches(
        block.values, rows=_directions(block.ids.tolist()), columns=_directions(names)
    )
    return _Sketch(block, of_columns, of_rows)


@number_rule("assembled")
def copied_features_and_patients(parts: Parts) -> Iterator[Problem]:
    """Warn of features that are the same, within and between blocks, and of patients who are the same."""
    found = [_sketched(block) for block in parts.blocks if len(block.ids) >= LEAST and block.features]
    if found:
        yield from _copied_features(found)
        yield from _copied_patients(found)


def _copied_features(found: list[_Sketch]) -> Iterator[Problem]:
    owner = [(number, place) for number, sketch in enumerate(found) for place in range(len(sketch.features))]
    start = np.cumsum([0, *(len(sketch.features) for sketch in found)])
    pairs = [np.empty((0, 2), dtype=np.intp)]
    for number, sketch in enumerate(found):
        near = links(sketch.features, radius=RADIUS)
        pairs.append(_confirmed(near, sketch.block, sketch.block) + start[number])
    for one, other in combinations(range(len(found)), 2):
        near = _links_between(found[one], found[other])
        sure = _confirmed(near, found[one].block, found[other].block)
        pairs.append(sure + np.array([start[one], start[other]]))
    same = groups(np.vstack(pairs), len(owner))
    if same:
        yield _copies_problem([[owner[place] for place in group] for group in same], found)


def _links_between(one: _Sketch, other: _Sketch) -> np.ndarray:
    """Return pairs of features of two blocks whose sketches over their shared patients are near."""
    from scipy.spatial import cKDTree

    first, second = one.features, other.features
    if one.block.ids.tolist() != other.block.ids.tolist():
        rows, columns = _shared(one.block, other.block)
        if len(rows) < LEAST:
            return np.empty((0, 2), dtype=np.intp)
        ways = _directions(one.block.ids[rows].tolist())
        first, second = (
            sketches(values, rows=ways, columns=np.zeros((values.shape[1], 1)))[0]
            for values in (one.block.values[rows], other.block.values[columns])
        )
    distance, nearest = cKDTree(first).query(second, k=1, workers=1)
    near = np.flatnonzero((distance <= RADIUS) & (np.abs(second).max(axis=1) > 0))
    return np.column_stack([nearest[near], near]).astype(np.intp)


def _shared(one: CodedBlock, other: CodedBlock) -> tuple[np.ndarray, np.ndarray]:
    places = pd.Index(other.ids, dtype="str").get_indexer(pd.Index(one.ids, dtype="str"))
    rows = np.flatnonzero(places >= 0)
    return rows, places[rows]


def _confirmed(pairs: np.ndarray, one: CodedBlock, other: CodedBlock) -> np.ndarray:
    """Return the pairs that correlate above ``SAME`` in both blocks' patients, beyond chance."""
    if not len(pairs):
        return pairs
    rows, columns = _shared(one, other) if one is not other else (np.arange(len(one.ids)),) * 2
    tries = 2 * np.log(max(len(one.features), len(other.features), 2))
    sure = []
    for first, second in pairs:
        x, y = one.values[rows, first], other.values[columns, second]
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() >= LEAST:
            pair = np.column_stack([x[both], y[both]])
            same = _correlation(pair) > SAME and _correlation(column_ranks(pair)[0]) > SAME_ORDER
            times = np.unique(x[both], return_counts=True)[1]
            enough = len(times) > FEW_VALUES or both.sum() >= LEAST_FOR_FEW
            if same and enough and distinct_orders(times) > tries + np.log(1e4):
                sure.append((first, second))
    return np.array(sure, dtype=np.intp).reshape(-1, 2)


def _correlation(pair: np.ndarray) -> float:
    unit = unit_columns(pair)
    return abs(float(unit[:, 0] @ unit[:, 1]))


def _copies_problem(same: list[list[tuple[int, int]]], found: list[_Sketch]) -> Problem:
    many = len(found) > 1
    shown = []
    for group in same:
        names = [
            (found[number].block.spec.name, found[number].block.features[place].name)
            for number, place in group
        ]
        shown.append(" = ".join(f"{block}/{name}" if many else name for block, name in names[:3]))
        shown[-1] += f" and {len(names) - 3} more" if len(names) > 3 else ""
    surplus = sum(len(group) - 1 for group in same)
    noun = "feature is a copy" if surplus == 1 else "features are copies"
    message = f"{surplus} {noun} of another (|r| above {SAME}): {listed(shown)}"
    remedy = (
        "Each copy counts as a feature more: keep one of each with exclude, or let it weigh so on purpose."
    )
    blocks = {found[number].block.source for group in same for number, _ in group}
    return Problem("COPIES", message, remedy, where=listed(sorted(blocks)), severity="warning")


def _copied_patients(found: list[_Sketch]) -> Iterator[Problem]:
    everyone = pd.Index(
        sorted({str(patient) for sketch in found for patient in sketch.block.ids}), dtype="str"
    )
    places = [everyone.get_indexer(pd.Index(sketch.block.ids, dtype="str")) for sketch in found]
    points = np.zeros((len(everyone), WIDTH + len(found)))
    for number, sketch in enumerate(found):
        points[places[number], :WIDTH] += sketch.patients
        points[places[number], WIDTH + number] = 1e6
    size = np.sqrt(sum(len(sketch.features) for sketch in found) * WIDTH)
    if sum(int(is_kind(sketch.block).sum()) for sketch in found) >= CONTINUOUS:
        near = links(points, radius=2 * NEARLY * size)[:MOST_PAIRS]
        sure = np.array([pair for pair in near if _agree(pair, found, places)], dtype=np.intp).reshape(-1, 2)
        same = groups(sure, len(everyone))
        if same:
            yield _rows_problem(same, found, places)
    profiles = len(np.unique(np.round(points / size, 6), axis=0))
    if len(everyone) >= 2 * PER_PROFILE and profiles * PER_PROFILE < len(everyone):
        profiled = f"{profiles} different profiles" if profiles > 1 else "one and the same profile"
        message = f"{len(everyone):,} patients have {profiled} over all features"
        remedy = (
            "Subphenotypes can only re-code these combinations: add features with more values, or take the "
            "combinations themselves."
        )
        where = listed(dict.fromkeys(sketch.block.source for sketch in found))
        yield Problem("FEW_PROFILES", message, remedy, where=where, severity="warning")


def _agree(pair: np.ndarray, found: list[_Sketch], places: list[np.ndarray]) -> bool:
    """Tell whether two patients have nearly the same values throughout, and too many for a coincidence."""
    squares: list[np.ndarray] = []
    telling, surprise = 0, 0.0
    patients = max(len(place) for place in places)
    for sketch, place in zip(found, places, strict=True):
        rows = [np.flatnonzero(place == patient) for patient in pair]
        if len(rows[0]) != len(rows[1]):
            return False
        if len(rows[0]):
            first, second = (sketch.block.values[row[0]] for row in rows)
            known = np.isfinite(first) & np.isfinite(second)
            number = is_kind(sketch.block)
            unlike = (known & ~number & (first != second)).any()
            if unlike or (np.isfinite(first) != np.isfinite(second)).sum() > UNEVEN * len(first):
                return False
            gap = np.where(known, first - second, 0.0) / _spread(sketch.block)
            squares.append(gap[known & number] ** 2)
            counted, nats = _surprise(
                sketch.block, first, np.flatnonzero(known & number & (np.abs(gap) < 0.1))
            )
            telling, surprise = telling + counted, surprise + nats
    near = bool(squares) and np.sqrt(np.concatenate(squares).mean()) < NEARLY if telling else False
    return bool(near and telling >= CONTINUOUS and surprise >= 4 * np.log(patients) + 10)


def _spread(block: CodedBlock) -> np.ndarray:
    """Return about the standard deviation of each feature, 1 where its middle is constant."""
    tails = order_of(block).tails
    spread = (tails[:, 1] - tails[:, 0]) / 3.29
    return np.where(spread > 0, spread, 1.0)


def _surprise(block: CodedBlock, row: np.ndarray, places: np.ndarray) -> tuple[int, float]:
    """Return how many features hold a value here that few patients share, and minus the log of the shares."""
    spread = _spread(block)[places[:LOOKED_AT]]
    values = block.values[:, places[:LOOKED_AT]]
    with np.errstate(invalid="ignore"):
        like = (np.abs(values - row[places[:LOOKED_AT]]) <= 0.02 * spread).mean(axis=0)
    few = (like > 0) & (like <= np.maximum(0.1, 2 / len(values)))
    return int(few.sum()), float(-np.log(like[few]).sum())


def _rows_problem(same: list[list[int]], found: list[_Sketch], places: list[np.ndarray]) -> Problem:
    wanted = {patient for group in same for patient in group}
    covering = [number for number, place in enumerate(places) if wanted <= set(place.tolist())]
    number = (
        covering[0] if covering else int(np.argmax([np.isin(place, list(wanted)).sum() for place in places]))
    )
    block = found[number].block
    rows_of = dict(zip(places[number].tolist(), block.rows.tolist(), strict=True))
    named = [sorted(rows_of[patient] for patient in group if patient in rows_of) for group in same]
    shown = listed("rows " + " = ".join(map(str, rows[:4])) for rows in named if rows)
    message = f"{len(wanted)} patients are copies or near copies of each other over all features: {shown}"
    remedy = (
        "If rows were copied or imputed, delete them in the files: they make tight false groups. Siblings or "
        "repeated visits: name their column as family in [patients]."
    )
    rows = tuple(sorted(row for some in named for row in some))
    return Problem("DUP_ROWS", message, remedy, where=block.source, rows=rows, severity="warning")
