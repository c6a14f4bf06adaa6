"""A raw table and a block's declaration to coded features: numbers with their kinds, nothing dropped yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from phenotyper.cohort.course import courses
from phenotyper.cohort.days import Days, days_of, days_of_dates
from phenotyper.cohort.declaration import DATE, DECLARED_KINDS, NUMERIC_KINDS, BlockSpec
from phenotyper.cohort.dictionary import Dictionary, feature_of
from phenotyper.cohort.kinds import CodedColumn, Feature, code_column
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.values import Offences, text_of
from phenotyper.cohort.visits import Summary, summarised


class Visits(NamedTuple):
    """Visits of a block: patient and day of each of r, and the values (r x p) of the named measurements."""

    ids: np.ndarray
    day: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class CodedBlock:
    """A block as numbers.

    Parameters
    ----------
    spec : BlockSpec
        Its declaration.
    source : str
        The table as people know it.
    ids : ndarray of str, shape (n,)
        Patient ids.
    rows : ndarray of int, shape (n,)
        Spreadsheet rows.
    features : tuple of Feature, length p
        In the order of the file.
    values : ndarray of float64, shape (n, p)
        NaN = missing or not understood.
    censored : ndarray of int8, shape (n, p), or None
        -1 below the limit of detection, 1 above, 0 measured.
    misfits : mapping of str to dict
        For a feature, the texts that do not fit its kind and their rows.
    kindless : tuple of str
        Columns whose kind nobody states.
    conflicts : tuple of str
        Columns whose dictionary kind contradicts the kind of the block.
    described : bool
        Whether a dictionary, or the file itself, states kinds.
    errors : ndarray of float64, shape (n, p), or None
        Standard errors of values that were estimated from visits; NaN = none.
    visits : Visits or None
        The visits that the features were made of.
    dates : tuple of str
        Features that are declared as dates: days since the index date, or misfits where none is declared.
    index : mapping of str to float, or None
        Index date of each patient in days; None where none is declared.
    cells : CodedBlock or None
        The block as its table has it, where several rows became one row a patient.
    """

    spec: BlockSpec
    source: str
    ids: np.ndarray
    rows: np.ndarray
    features: tuple[Feature, ...]
    values: np.ndarray
    censored: np.ndarray | None = None
    misfits: Mapping[str, Offences] | None = None
    kindless: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    described: bool = True
    errors: np.ndarray | None = None
    visits: Visits | None = None
    dates: tuple[str, ...] = ()
    index: Mapping[str, float] | None = None
    cells: CodedBlock | None = None

    def part(self, *, patients: np.ndarray, features: np.ndarray) -> CodedBlock:
        """Return the block with only the chosen patients and features (masks)."""
        if patients.all() and features.all():
            return self
        chosen = np.ix_(patients, features)
        return replace(
            self,
            ids=self.ids[patients],
            rows=self.rows[patients],
            features=tuple(one for one, kept in zip(self.features, features, strict=True) if kept),
            values=self.values[chosen],
            censored=None if self.censored is None else self.censored[chosen],
            errors=None if self.errors is None else self.errors[chosen],
        )


def columns_of(spec: BlockSpec, table: RawTable) -> list[str]:
    """Return the columns of a table that a block takes; absent ones are left out."""
    known = dict.fromkeys(table.frame.columns)
    if spec.columns:
        return [column for column in dict.fromkeys(spec.columns) if column in known]
    aside = {*spec.exclude, *table.hidden, table.time_column, spec.visits.time if spec.visits else ""}
    return [column for column in known if column not in aside]


def code_block(
    spec: BlockSpec,
    table: RawTable,
    dictionary: Dictionary,
    *,
    index: Mapping[str, float] | None = None,
) -> CodedBlock:
    """Code the columns of a block; what does not fit is kept as misfits for the checks.

    Parameters
    ----------
    spec : BlockSpec
        The block's declaration.
    table : RawTable
        Its table as read.
    dictionary : mapping of str to Feature
        What its dictionary says.
    index : mapping of str to float, optional
        Index date of each patient in days, for visits and dates; None where none is declared.
    """
    names = columns_of(spec, table)
    features = [_feature(spec, name, table, dictionary) for name in names]
    kindless = tuple(feature.name for feature in features if not feature.kind)
    known = [feature for feature in features if feature.kind]
    conflicts = tuple(
        name
        for name in names
        if spec.kind != "mixed" and name in dictionary and dictionary[name].kind != spec.kind
    )
    frame = table.frame.loc[:, ~table.frame.columns.duplicated()]
    columns = _coded(frame, known, table, limits=spec.censored == "lod", index=index)
    dates = tuple(feature.name for feature in known if feature.kind == DATE)
    known = [column.feature for column in columns]
    censored = _stacked([column.censored for column in columns], len(table.rows))
    values = _matrix(frame, columns)
    if spec.censored == "lod":
        values, censored = with_limits(values, censored, _limits(known, table, frame))
    block = CodedBlock(
        spec=spec,
        source=table.name,
        ids=np.array([] if table.ids is None else table.ids, dtype=object),
        rows=table.rows,
        features=tuple(column.feature for column in columns),
        values=values,
        censored=censored,
        misfits={column.feature.name: column.misfits for column in columns if column.misfits},
        kindless=kindless,
        conflicts=conflicts,
        described=bool(dictionary) or any("kind" in facts for facts in table.features.values()),
        dates=dates,
        index=index,
    )
    if spec.visits is not None:
        return _of_visits(block, days_of(table, spec, index or {}))
    return _one_row_a_patient(block)


def _matrix(frame: pd.DataFrame, columns: list[CodedColumn]) -> np.ndarray:
    """Return the values of all columns; without a copy where they are all numbers that the table has."""
    names = [column.feature.name for column in columns]
    plain = frame.select_dtypes(np.float64)
    if names == list(plain.columns) and all(column.feature.kind in NUMERIC_KINDS for column in columns):
        return plain.to_numpy()
    matrix = np.empty((len(frame), len(columns)))
    for place, column in enumerate(columns):
        matrix[:, place] = column.values
    return matrix


def _limits(features: list[Feature], table: RawTable, frame: pd.DataFrame) -> np.ndarray | None:
    """Return the limit of detection of each cell: that of the file, else of the dictionary; NaN = none."""
    stated = np.array([feature.lod if feature.kind in NUMERIC_KINDS else np.nan for feature in features])
    if table.limits is None:
        return None if np.isnan(stated).all() else np.broadcast_to(stated, (len(frame), len(features)))
    places = {name: place for place, name in reversed(list(enumerate(table.frame.columns)))}
    cells = table.limits[:, [places[feature.name] for feature in features]]
    return np.where(np.isnan(cells), stated, cells)


def with_limits(
    values: np.ndarray, censored: np.ndarray | None, limits: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Take values below their limit of detection as censored at it.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        NaN = missing.
    censored : ndarray of int8, shape (n, p), or None
        What the cells themselves said ("<0.5").
    limits : ndarray of float64, shape (n, p), or None
        NaN = none.

    Examples
    --------
    >>> with_limits(np.array([[0.2, 3.0]]), None, np.array([[0.5, 0.5]]))
    (array([[0.5, 3. ]]), array([[-1,  0]], dtype=int8))
    """
    if limits is None:
        return values, censored
    with np.errstate(invalid="ignore"):
        below = values < limits
    if not below.any():
        return values, censored
    flags = np.zeros(values.shape, dtype=np.int8) if censored is None else censored.copy()
    below &= flags == 0
    flags[below] = -1
    return np.where(below, limits, values), flags


def _of_visits(block: CodedBlock, days: Days) -> CodedBlock:
    """Make features of a block of many rows a patient."""
    visits = block.spec.visits
    if visits is None:
        return block
    course, order, patients = courses(block.ids.tolist(), days.day, window=visits.window, moment=days.moment)
    made: list[Summary] = []
    for place, feature in enumerate(block.features):
        flags = None if block.censored is None else block.censored[order, place]
        made += summarised(course, block.values[order, place], feature=feature, spec=visits, censored=flags)
    first = {patient: row for row, patient in reversed(list(enumerate(block.ids.tolist())))}
    names = tuple(feature.name for feature in block.features)
    empty = np.empty((len(patients), 0))
    return replace(
        block,
        ids=np.array(patients, dtype=object),
        rows=np.array([block.rows[first[patient]] for patient in patients], dtype=int),
        features=tuple(summary.feature for summary in made),
        values=np.column_stack([empty, *(summary.values for summary in made)]),
        errors=np.column_stack([empty, *(summary.errors for summary in made)]),
        censored=_stacked([summary.censored for summary in made], len(patients)),
        visits=Visits(block.ids[order], course.day, names, block.values[order]),
        cells=block,
    )


def _feature(spec: BlockSpec, name: str, table: RawTable, dictionary: Dictionary) -> Feature:
    from_file = feature_of(name, table.features.get(name, {}))
    stated = dictionary.get(name)
    kind = spec.kind if spec.kind != "mixed" else (stated.kind if stated else from_file.kind)
    kind = kind if kind in DECLARED_KINDS else ""
    if stated is None:
        return replace(from_file, kind=kind, unit=from_file.unit or spec.unit)
    return replace(
        stated,
        kind=kind,
        unit=stated.unit or from_file.unit or spec.unit,
        levels=stated.levels or from_file.levels,
    )


def _coded(
    frame: pd.DataFrame,
    features: list[Feature],
    table: RawTable,
    *,
    limits: bool,
    index: Mapping[str, float] | None,
) -> list[CodedColumn]:
    return [
        _days_from(frame[feature.name], feature, table, index=index)
        if feature.kind == DATE
        else code_column(
            frame[feature.name],
            feature,
            table.rows,
            decimal=table.decimal,
            limits=limits and feature.kind in NUMERIC_KINDS,
        )
        for feature in features
    ]


def _days_from(
    cells: pd.Series, feature: Feature, table: RawTable, *, index: Mapping[str, float] | None
) -> CodedColumn:
    """Return a column of dates as whole days since the index date; without any such date all are misfits."""
    texts = text_of(cells).reset_index(drop=True)
    day = np.full(len(texts), np.nan) if index is None else np.floor(days_of_dates(texts))
    ids = [""] * len(texts) if table.ids is None else table.ids.tolist()
    start = np.floor([(index or {}).get(str(patient), np.nan) for patient in ids])
    wrong = texts.notna().to_numpy(dtype=bool) & np.isnan(day)
    misfits = {
        str(text): tuple(table.rows[(texts == text).to_numpy(dtype=bool, na_value=False)].tolist())
        for text in texts[wrong].unique()
    }
    label = f"{feature.label or feature.name}, days since the index date"
    return CodedColumn(
        replace(feature, kind="number", unit="days", label=label, levels=()), day - start, misfits
    )


def _stacked(flags: list[np.ndarray | None], patients: int) -> np.ndarray | None:
    if not any(flag is not None and flag.any() for flag in flags):
        return None
    return np.column_stack([np.zeros(patients, dtype=np.int8) if flag is None else flag for flag in flags])


def _one_row_a_patient(block: CodedBlock) -> CodedBlock:
    """Join the rows of a patient: the mean (most frequent level), the first or the last value there is."""
    ids, first = np.unique(block.ids.astype(str), return_index=True)
    if len(ids) == len(block.ids):
        return block
    order = np.sort(first)
    places = pd.Series(range(len(order)), index=block.ids[order])
    group = places.loc[block.ids].to_numpy()
    joined = np.full((len(order), block.values.shape[1]), np.nan)
    censored = None if block.censored is None else np.zeros(joined.shape, dtype=np.int8)
    for column, feature in enumerate(block.features):
        joined[:, column] = _joined(block.values[:, column], group, len(order), feature, block.spec.aggregate)
        if censored is not None and block.censored is not None:
            flags, how = block.censored[:, column], block.spec.aggregate
            censored[:, column] = _joined_flags(flags, block.values[:, column], group, len(order), how)
    return replace(
        block, ids=block.ids[order], rows=block.rows[order], values=joined, censored=censored, cells=block
    )


def _joined(values: np.ndarray, group: np.ndarray, patients: int, feature: Feature, how: str) -> np.ndarray:
    known = pd.Series(values).groupby(group)
    if how != "mean":
        found = known.last() if how == "last" else known.first()
    elif feature.kind in NUMERIC_KINDS:
        found = known.mean()
    else:
        counts = pd.Series(values).groupby([group, values]).size().rename("times").reset_index()
        counts.columns = pd.Index(["patient", "level", "times"])
        found = (
            counts.sort_values(["patient", "times", "level"], ascending=[True, False, True])
            .groupby("patient")["level"]
            .first()
        )
    return found.reindex(range(patients)).to_numpy(dtype=np.float64)


def _joined_flags(
    flags: np.ndarray, values: np.ndarray, group: np.ndarray, patients: int, how: str
) -> np.ndarray:
    """Return the flag of the value that was taken; a mean is censored when all of its values are."""
    known = pd.Series(np.where(np.isnan(values), np.nan, flags)).groupby(group)
    if how != "mean":
        found = known.last() if how == "last" else known.first()
    else:
        low = known.min()
        found = low.where(low == known.max(), 0)
    return found.reindex(range(patients)).fillna(0).to_numpy(dtype=np.int8)
