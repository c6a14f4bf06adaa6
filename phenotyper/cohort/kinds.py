"""What each kind of feature means: how its cells become numbers, and which cells do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from phenotyper.cohort.values import NUMBER, Offences, code_text, limits_of, numbers_of, offences

_CELLS = 2_000_000
YES_NO = ({"no": 0, "yes": 1}, {"false": 0, "true": 1}, {"0": 0, "1": 1})


@dataclass(frozen=True)
class Feature:
    """One feature: its name in the file, its kind, and what is known of it."""

    name: str
    kind: str
    unit: str = ""
    label: str = ""
    levels: tuple[str, ...] = ()
    lod: float = float("nan")
    reference: str = ""


@dataclass(frozen=True)
class CodedColumn:
    """A column as numbers, its feature (levels filled in), and what did not fit.

    Parameters
    ----------
    feature : Feature
        With the levels that the codes stand for.
    values : ndarray of float64, shape (n,)
        NaN = missing or not understood.
    misfits : dict of str to tuple of int
        Text that does not fit, with its spreadsheet rows.
    censored : ndarray of int8 or None
        -1 below the limit of detection, 1 above, 0 measured.
    """

    feature: Feature
    values: np.ndarray
    misfits: Offences = field(default_factory=dict)
    censored: np.ndarray | None = None


def code_column(
    cells: pd.Series, feature: Feature, rows: np.ndarray, *, decimal: str = ".", limits: bool = False
) -> CodedColumn:
    """Code one column by its kind.

    Parameters
    ----------
    cells : Series
        Float64 or text, NaN = missing; length n.
    feature : Feature
        Name, kind and declared levels.
    rows : ndarray of int, shape (n,)
        Spreadsheet rows.
    decimal : str
        Decimal mark in text.
    limits : bool
        Take "<0.5" as censored at 0.5.

    Examples
    --------
    >>> cells = pd.Series(["no", "Yes", None], dtype="str")
    >>> code_column(cells, Feature("pets", "yes/no"), np.arange(2, 5)).values
    array([ 0.,  1., nan])
    """
    if feature.kind == "yes/no" and not feature.levels:
        return _code_yes_no(cells, feature, rows)
    if feature.kind in {"ordinal", "category", "yes/no"}:
        return _code_levels(_as_text(cells), feature, rows, decimal=decimal)
    censored = None
    if limits:
        cells, censored = limits_of(cells)
    values, misfits = numbers_of(cells, rows, decimal=decimal)
    return CodedColumn(feature, values, misfits, censored)


def _as_text(cells: pd.Series) -> pd.Series:
    if not pd.api.types.is_float_dtype(cells.dtype):
        return cells.astype("str")
    return pd.Series(
        [None if np.isnan(cell) else code_text(cell) for cell in cells], index=cells.index, dtype="str"
    )


def _code_yes_no(cells: pd.Series, feature: Feature, rows: np.ndarray) -> CodedColumn:
    text = _as_text(cells)
    found = {cell: code_text(cell).casefold() for cell in text.dropna().unique()}
    codes = next((pair for pair in YES_NO if set(found.values()) <= set(pair)), None)
    if codes is None:
        most = max(YES_NO, key=lambda pair: sum(code in pair for code in found.values()))
        wrong = [cell for cell, code in found.items() if code not in most]
        return CodedColumn(feature, np.full(len(text), np.nan), offences(text, rows, wrong))
    values = text.map({cell: float(codes[code]) for cell, code in found.items()}).to_numpy(
        dtype=np.float64, na_value=np.nan
    )
    return CodedColumn(replace(feature, levels=("no", "yes")), values)


def _code_levels(text: pd.Series, feature: Feature, rows: np.ndarray, *, decimal: str = ".") -> CodedColumn:
    distinct = [str(cell) for cell in text.dropna().unique()]
    if not feature.levels and feature.kind == "ordinal" and not all_numbers(distinct):
        return CodedColumn(feature, np.full(len(text), np.nan), offences(text, rows, distinct))
    levels = feature.levels or sorted_levels(distinct)
    places = level_places(levels)
    codes = {
        cell: places.get(cell.strip(), places.get(code_text(cell.replace(decimal, ".")))) for cell in distinct
    }
    known = {cell: float(place) for cell, place in codes.items() if place is not None}
    values = text.map(known).to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = [cell for cell, place in codes.items() if place is None]
    return CodedColumn(replace(feature, levels=tuple(levels)), values, offences(text, rows, unknown))


def level_places(levels: Iterable[str]) -> dict[str, int]:
    """Return the place of each level, by its text and by its number ("1.0" finds the level "1")."""
    levels = list(levels)
    by_number = {code_text(level): place for place, level in enumerate(levels)}
    return by_number | {level: place for place, level in enumerate(levels)}


def all_numbers(texts: Iterable[str]) -> bool:
    """Tell whether every text is a finite number."""
    return all(NUMBER.fullmatch(text.strip()) and np.isfinite(float(text)) for text in texts)


def sorted_levels(texts: Iterable[str]) -> tuple[str, ...]:
    """Return distinct levels in order: by value if all are numbers (one level a value), else by text."""
    distinct = {text.strip() for text in texts}
    if all_numbers(distinct):
        by_value = {code_text(text) for text in distinct}
        return tuple(sorted(by_value, key=float))
    return tuple(sorted(distinct))


def _by_columns(judge: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Judge some columns at a time, so that a large matrix is never held twice."""
    step = max(1, _CELLS // max(1, len(values)))
    parts = [judge(values[:, start : start + step]) for start in range(0, values.shape[1], step)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def all_missing(values: np.ndarray) -> np.ndarray:
    """Return which columns of n x p values hold nothing."""
    return _by_columns(lambda some: np.isnan(some).all(axis=0), values)


def constant(values: np.ndarray) -> np.ndarray:
    """Return which columns of n x p values hold one value, or differ by rounding only; empty ones do not.

    Of a single patient none is: there is nobody to differ from.
    """
    return _by_columns(_constant, values) if len(values) > 1 else np.zeros(values.shape[1], dtype=bool)


def _constant(values: np.ndarray) -> np.ndarray:
    empty = np.isnan(values).all(axis=0)
    filled = np.where(empty, 0.0, values)
    low, high = np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(invalid="ignore", over="ignore"):
        return ~empty & np.isfinite(size) & (high - low <= 1e-12 * size)


def near_constant(values: np.ndarray, *, least: int = 20) -> np.ndarray:
    """Return which columns have one value in all patients but one (of at least ``least`` observed)."""
    return _by_columns(lambda some: _near_constant(some, least), values)


def _near_constant(values: np.ndarray, least: int) -> np.ndarray:
    ordered = np.sort(values, axis=0)
    known = (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    second, last_but_one = ordered[min(1, len(ordered) - 1)], ordered[np.maximum(known - 2, 0), columns]
    first, last = ordered[0], ordered[np.maximum(known - 1, 0), columns]
    one_off = (first == last_but_one) | (second == last)
    return (known >= least) & one_off & (first != last)
