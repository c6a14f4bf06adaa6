"""Rules on cells: text among numbers, unknown levels, infinity, ranges, empty and constant columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np

from phenotyper.cohort.assemble import useless
from phenotyper.cohort.checks.looks import left_to_others
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.declaration import LEVEL_KINDS, NUMERIC_KINDS
from phenotyper.cohort.kinds import Feature, all_missing, constant, near_constant
from phenotyper.cohort.values import LIKE_MISSING, LIMIT, Offences, counted
from phenotyper.errors import Problem, listed, number_of

_COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})*,\d+(?:[eE][+-]?\d+)?|[+-]?\d+,\d+")


def remedy_of_text(text: str) -> str:
    """Return what to do about a text among numbers: ``limit``, ``comma``, ``missing`` or ``other``."""
    plain = text.strip()
    if LIMIT.fullmatch(plain.replace(",", ".")):
        return "limit"
    if _COMMA.fullmatch(plain):
        return "comma"
    return "missing" if plain.casefold() in LIKE_MISSING else "other"


def coerce_problems(
    where: str, misfits: Mapping[str, Offences], *, section: str, pointed: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield one problem for each way in which text stands among numbers, over all columns.

    A comma in a ``pointed`` column, whose other cells have decimal points, is a slip of the pen.
    """
    groups: dict[str, dict[str, Offences]] = {}
    for column, found in misfits.items():
        for text, rows in found.items():
            way = remedy_of_text(text)
            way = "slip" if way == "comma" and column in pointed else way
            groups.setdefault(way, {}).setdefault(column, {})[text] = rows
    for way, columns in groups.items():
        texts = _merged(columns)
        codes = ", ".join(f'"{text.strip()}"' for text in list(texts)[:5])
        remedies = {
            "limit": f'Add censored = "lod" to {section} in cohort.toml.',
            "comma": (
                f'These are decimal commas: add decimal = "," to {section} in cohort.toml, or export with '
                "decimal points."
            ),
            "slip": "Write a decimal point there, as in the other cells of the column.",
            "missing": f"If they mean missing, add missing_codes = [{codes}] to cohort.toml.",
            "other": (
                "Correct the cells, declare the column as category or ordinal, or name what means missing "
                "in missing_codes."
            ),
        }
        message = f"{where} has text in {_columns(columns)}: {listed(counted(texts), most=8)}"
        yield Problem("COERCE", message, remedies[way], where=where, rows=_all_rows(texts))


def _merged(columns: Mapping[str, Offences]) -> Offences:
    found: Offences = {}
    for texts in columns.values():
        for text, rows in texts.items():
            found[text] = (*found.get(text, ()), *rows)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def _columns(names: Mapping[str, object]) -> str:
    return (
        f"the number column {next(iter(names))}"
        if len(names) == 1
        else f"{len(names)} number columns ({listed(names)})"
    )


def _all_rows(texts: Offences) -> tuple[int, ...]:
    return tuple(sorted({row for rows in texts.values() for row in rows}))


@rule("cells")
def text_among_numbers(block: CodedBlock) -> Iterator[Problem]:
    """Refuse "<0.5", "1,5", "n/a" in a number column, with the distinct texts and what to do."""
    numeric = {feature.name for feature in block.features if feature.kind in NUMERIC_KINDS}
    numeric -= (left_to_others(block) if block.misfits else set()) | set(block.dates)
    misfits = {name: found for name, found in (block.misfits or {}).items() if name in numeric}
    pointed = {
        feature.name
        for place, feature in enumerate(block.features)
        if feature.name in misfits and _fractions(block.values[:, place])
    }
    yield from coerce_problems(block.source, misfits, section=f"[blocks.{block.spec.name}]", pointed=pointed)


def _fractions(values: np.ndarray) -> bool:
    return bool((np.isfinite(values) & (values != np.rint(values))).any())


@rule("cells")
def unknown_levels(block: CodedBlock) -> Iterator[Problem]:
    """Refuse values that are not among the declared levels."""
    others = left_to_others(block) if block.misfits else set()
    for feature in block.features:
        found = (block.misfits or {}).get(feature.name)
        if found and feature.kind in LEVEL_KINDS and feature.levels and feature.name not in others:
            message = (
                f"{block.source} has values in {feature.name} that are not among its levels "
                f"({listed(feature.levels)}): {listed(counted(found))}"
            )
            remedy = (
                "Add them to levels in the dictionary, correct the cells, or name what means missing in "
                "missing_codes."
            )
            yield Problem("LEVEL_UNKNOWN", message, remedy, where=block.source, rows=_all_rows(found))


@rule("cells")
def levels_absent(block: CodedBlock) -> Iterator[Problem]:
    """Refuse ordinal text whose order nobody states, and yes/no columns in other words."""
    others = left_to_others(block) if block.misfits else set()
    for feature in block.features:
        found = (block.misfits or {}).get(feature.name)
        if found and feature.kind in LEVEL_KINDS and not feature.levels and feature.name not in others:
            wanted = "no-level | yes-level" if feature.kind == "yes/no" else "lowest | ... | highest"
            message = (
                f"{block.source} has {feature.kind} values in {feature.name} without declared levels: "
                f"{listed(counted(found))}"
            )
            remedy = f'Add levels "{wanted}" for it to the dictionary of [blocks.{block.spec.name}].'
            yield Problem("LEVELS_ABSENT", message, remedy, where=block.source, rows=_all_rows(found))


def _features(block: CodedBlock, wrong: np.ndarray) -> list[Feature]:
    return [feature for feature, bad in zip(block.features, wrong.any(axis=0), strict=True) if bad]


def _where(block: CodedBlock, wrong: np.ndarray) -> tuple[str, tuple[int, ...]]:
    return listed(feature.name for feature in _features(block, wrong)), tuple(
        block.rows[wrong.any(axis=1)].tolist()
    )


@rule("cells")
def infinite(block: CodedBlock) -> Iterator[Problem]:
    """Refuse plus and minus infinity."""
    wrong = np.isinf(block.values)
    if wrong.any():
        names, rows = _where(block, wrong)
        remedy = "Correct the cells; the logarithm of zero is a common cause."
        yield Problem(
            "INF",
            f"{block.source} has {number_of(int(wrong.sum()), 'infinite value')} in {names}",
            remedy,
            where=block.source,
            rows=rows,
        )


def _outside(block: CodedBlock, kind: str, wrong: Callable[[np.ndarray, Feature], np.ndarray]) -> np.ndarray:
    found = np.zeros(block.values.shape, dtype=bool)
    for place, feature in enumerate(block.features):
        if feature.kind == kind:
            with np.errstate(invalid="ignore"):
                found[:, place] = wrong(block.values[:, place], feature) & np.isfinite(block.values[:, place])
    return found


def _range_problem(
    block: CodedBlock, wrong: np.ndarray, code: str, what: tuple[str, str], remedy: str
) -> Iterator[Problem]:
    if wrong.any():
        names, rows = _where(block, wrong)
        worst = block.values[wrong]
        span = " to ".join(dict.fromkeys((f"{worst.min():g}", f"{worst.max():g}")))
        message = f"{block.source} has {number_of(int(wrong.sum()), *what)} in {names} ({span})"
        yield Problem(code, message, remedy, where=block.source, rows=rows)


@rule("cells")
def negative_counts(block: CodedBlock) -> Iterator[Problem]:
    """Refuse counts below zero."""
    wrong = _outside(block, "counts", lambda values, _: values < 0)
    remedy = 'If the values are on a log scale or centred, declare kind = "log"; else correct the cells.'
    yield from _range_problem(
        block, wrong, "COUNTS_NEGATIVE", ("count below zero", "counts below zero"), remedy
    )


@rule("cells")
def proportions_outside(block: CodedBlock) -> Iterator[Problem]:
    """Refuse proportions outside 0 to 1, or 0 to 100 where the unit is %."""
    wrong = _outside(
        block,
        "proportion",
        lambda values, feature: (values < 0) | (values > (100 if feature.unit.strip() == "%" else 1)),
    )
    remedy = 'Correct the cells, or declare kind = "number".'
    if {feature.unit.strip() for feature in _features(block, wrong)} != {"%"}:
        remedy += ' If they run from 0 to 100, give unit = "%".'
    yield from _range_problem(
        block, wrong, "PROPORTION_RANGE", ("proportion out of range", "proportions out of range"), remedy
    )


@rule("cells")
def negative_composition(block: CodedBlock) -> Iterator[Problem]:
    """Refuse parts of a whole below zero."""
    wrong = _outside(block, "composition", lambda values, _: values < 0)
    remedy = 'If they are log-ratios already, declare kind = "log"; else correct the cells.'
    yield from _range_problem(
        block, wrong, "COMPOSITION_NEGATIVE", ("part below zero", "parts below zero"), remedy
    )


@rule("cells")
def dosage_outside(block: CodedBlock) -> Iterator[Problem]:
    """Refuse allele dosages outside 0 to 2."""
    wrong = _outside(block, "dosage", lambda values, _: (values < 0) | (values > 2))
    remedy = "A dosage counts alleles, 0 to 2: declare -9 or the like in missing_codes, or another kind."
    yield from _range_problem(
        block, wrong, "DOSAGE_RANGE", ("dosage outside 0 to 2", "dosages outside 0 to 2"), remedy
    )


@rule("block")
def all_missing_columns(block: CodedBlock) -> Iterator[Problem]:
    """Warn of empty columns, which are dropped."""
    misfit = np.array([feature.name in (block.misfits or {}) for feature in block.features], dtype=bool)
    empty = (
        all_missing(block.values) & ~misfit if len(block.ids) else np.zeros(len(block.features), dtype=bool)
    )
    if empty.any() and not useless(block).all():
        yield _dropped(block, empty, "ALL_MISSING", "without a value")


@rule("block")
def constant_columns(block: CodedBlock) -> Iterator[Problem]:
    """Warn of columns with one value, which are dropped."""
    still = constant(block.values) if len(block.ids) else np.zeros(len(block.features), dtype=bool)
    if still.any() and not useless(block).all():
        remedy = "Dropped from the block."
        if block.spec.visits and any(
            block.features[at].name.endswith(" (slope)") for at in np.flatnonzero(still)
        ):
            remedy += " Slopes that differ by no more than chance are drawn to one slope for all."
        yield _dropped(block, still, "CONSTANT", "with the same value in every patient", remedy=remedy)


@rule("block")
def nearly_constant_columns(block: CodedBlock) -> Iterator[Problem]:
    """Warn of columns with one value in all patients but one; they are kept."""
    nearly = near_constant(block.values) if len(block.ids) else np.zeros(len(block.features), dtype=bool)
    if nearly.any():
        remedy = "Kept, but no subphenotype can rest on them: exclude them if they mean nothing."
        yield _dropped(
            block, nearly, "NEAR_CONSTANT", "with the same value in every patient but one", remedy=remedy
        )


@rule("block")
def nothing_left(block: CodedBlock) -> Iterator[Problem]:
    """Refuse a block of which no feature would be left."""
    if not block.features or not len(block.ids) or block.misfits or not useless(block).all():
        return
    empty = bool(all_missing(block.values).all())
    what = "holds no value at all" if empty else "has no feature that differs between patients"
    remedy = "Look at columns, exclude and missing_codes of the block, or leave the block out."
    message = f"block {block.spec.name} of {block.source} {what}"
    yield Problem("ALL_MISSING" if empty else "CONSTANT", message, remedy, where=block.source)


def _dropped(
    block: CodedBlock, wrong: np.ndarray, code: str, what: str, *, remedy: str = "Dropped from the block."
) -> Problem:
    names = [feature.name for feature, bad in zip(block.features, wrong, strict=True) if bad]
    noun = "feature" if len(names) == 1 else "features"
    message = f"{len(names)} {noun} of block {block.spec.name} {what}: {listed(names)}"
    return Problem(code, message, remedy, where=block.source, severity="warning")
