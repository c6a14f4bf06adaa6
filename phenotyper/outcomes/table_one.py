"""Table 1: who the patients of each subphenotype are, the unassigned beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.container import block_names, declaration_of, patients_of
from phenotyper.outcomes.declared import refuse_unknown
from phenotyper.outcomes.differences import Largest, largest_between_numbers, largest_between_shares, moments
from phenotyper.outcomes.groups import ALL, UNASSIGNED, Groups, groups_of, shown_name
from phenotyper.outcomes.intervals import quartiles
from phenotyper.outcomes.simple_kinds import precision
from phenotyper.outcomes.wording import INFINITE, NONE, median_quartiles, n_percent, rounded
from phenotyper.results import Table

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData

ROLES = ("age", "sex", "site", "batch", "known class", "covariate", "treatment")
"""Roles of the variables that stand in Table 1 unless others are asked for, in their order."""

_LABELS = {"age": "Age (years)", "sex": "Sex", "site": "Site", "batch": "Batch"}


@dataclass(frozen=True)
class Row:
    """One row: label, cells by column, the patient counts behind them, step of indentation."""

    label: str
    cells: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    smd: str = ""
    indent: int = 0


def table_one(found: Any, cohort: MuData, *, variables: Iterable[str] | None = None) -> Table:
    """Describe the patients of each subphenotype.

    Numbers as median [quartiles], categories as n (%) of those with a known value, missing values and
    measured blocks as n (%) of all. The last column is the largest absolute standardised mean difference
    between any two subphenotypes and names the pair: numbers by the mean of both variances, categories by
    Yang & Dalton (2012). There are no p values.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes; none, one or many.
    cohort : MuData
        From ``read_cohort``.
    variables : iterable of str, optional
        Columns of the patients' table; by default age, sex, site, batch, known classes, covariates and
        treatments, as declared.

    Returns
    -------
    Table
        Columns: Characteristic, All, each subphenotype, Unassigned, SMD.

    Raises
    ------
    ResultError
        UNKNOWN_VARIABLE, OTHER_COHORT.
    """
    patients = patients_of(cohort)
    groups = groups_of(found, patients.index)
    labels = _variables(cohort, patients, variables)
    columns = (ALL, *groups.names, UNASSIGNED)
    sizes = [int(groups.mask(name).sum()) for name in columns]
    rows = [Row("Patients, n", tuple(str(size) for size in sizes), tuple((size,) for size in sizes))]
    for name, label in labels.items():
        rows += _variable_rows(patients[name], label, groups, columns)
    rows += _block_rows(cohort, patients.index, groups, columns)
    return Table(
        title=groups.title("Patients by subphenotype"),
        columns=("Characteristic", *(shown_name(name) for name in columns), "SMD"),
        rows=tuple((row.label, *row.cells, row.smd) for row in rows),
        indents=tuple(row.indent for row in rows),
        footnotes=(*_NOTES, *_separated(rows), *groups.notes()),
        counts=tuple(((), *row.counts, ()) for row in rows),
    )


_NOTES = (
    "Median [lower quartile, upper quartile]; n (% of patients with a known value); missing: % of all.",
    "SMD: largest absolute standardised mean difference between two subphenotypes, which are named; the "
    "unassigned are not compared.",
)


def _separated(rows: Iterable[Row]) -> tuple[str, ...]:
    apart = any(row.smd.startswith(INFINITE) for row in rows)
    return (f"{INFINITE}: the two subphenotypes have no value in common.",) if apart else ()


def _variables(cohort: MuData, patients: pd.DataFrame, wanted: Iterable[str] | None) -> dict[str, str]:
    """Return name and label of each variable."""
    declared = declaration_of(cohort)
    titles = _LABELS | {spec.name: spec.label for spec in declared.outcomes if spec.label}
    titles |= {spec.name: spec.label for spec in declared.treatments if spec.label}
    if wanted is None:
        columns = declared.obs_columns()
        names = [column.name for role in ROLES for column in columns if column.role == role]
    else:
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        refuse_unknown(
            names,
            [str(name) for name in patients.columns],
            code="UNKNOWN_VARIABLE",
            what="variable of the patients",
        )
    return {name: titles.get(name, name.replace("_", " ")) for name in dict.fromkeys(names)}


def _variable_rows(column: pd.Series, label: str, groups: Groups, columns: tuple[str, ...]) -> list[Row]:
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    rows = (
        _number_rows(column, label, groups, columns)
        if numeric
        else _category_rows(column, label, groups, columns)
    )
    missing = column.isna().to_numpy()
    return [*rows, _share_row("missing", missing, groups, columns)] if missing.any() else rows


def _number_rows(column: pd.Series, label: str, groups: Groups, columns: tuple[str, ...]) -> list[Row]:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    decimals, whole = precision(values)
    cells, counts = [], []
    for name in columns:
        known = values[groups.mask(name) & ~np.isnan(values)]
        low, middle, high = quartiles(known)
        cells.append(median_quartiles(middle, low, high, decimals=decimals, whole=whole))
        counts.append((len(known),))
    largest = largest_between_numbers(moments(values[:, None], groups.codes, len(groups.names)))
    return [Row(f"{label}, median [IQR]", tuple(cells), tuple(counts), _smd_text(largest, groups))]


def _category_rows(column: pd.Series, label: str, groups: Groups, columns: tuple[str, ...]) -> list[Row]:
    levels, codes = _levels(column)
    by_level = {
        name: np.bincount(codes[groups.mask(name) & (codes >= 0)], minlength=len(levels)) for name in columns
    }
    compared = np.array([by_level[name] for name in groups.names], dtype=np.int64).reshape(
        len(groups.names), len(levels)
    )
    head = Row(
        f"{label}, n (%)",
        ("",) * len(columns),
        ((),) * len(columns),
        _smd_text(largest_between_shares(compared), groups),
    )
    rows = [head]
    for at, level in enumerate(levels):
        shown = [(int(by_level[name][at]), int(by_level[name].sum())) for name in columns]
        cells = tuple(n_percent(count, total) for count, total in shown)
        rows.append(Row(level, cells, tuple((count,) for count, _ in shown), indent=1))
    return rows


def _levels(column: pd.Series) -> tuple[list[str], np.ndarray]:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return [str(level) for level in column.cat.categories], column.cat.codes.to_numpy().astype(np.intp)
    codes, levels = pd.factorize(column, sort=True)
    names = {"True": "yes", "False": "no"} if pd.api.types.is_bool_dtype(column.dtype) else {}
    return [names.get(str(level), str(level)) for level in levels], np.asarray(codes, dtype=np.intp)


def _block_rows(cohort: MuData, ids: pd.Index, groups: Groups, columns: tuple[str, ...]) -> list[Row]:
    names = block_names(cohort)
    if not names:
        return []
    rows = [Row("Block measured, n (%)", ("",) * len(columns), ((),) * len(columns))]
    for name in names:
        present = np.asarray(ids.isin(cohort.mod[name].obs_names))
        counts = [
            [int((present[groups.mask(group)] == is_present).sum()) for is_present in (False, True)]
            for group in groups.names
        ]
        compared = np.array(counts, dtype=np.int64).reshape(len(groups.names), 2)
        rows.append(
            _share_row(
                name, present, groups, columns, smd=_smd_text(largest_between_shares(compared), groups)
            )
        )
    return rows


def _share_row(
    label: str, flag: np.ndarray, groups: Groups, columns: tuple[str, ...], *, smd: str = ""
) -> Row:
    shown = [(int(flag[groups.mask(name)].sum()), int(groups.mask(name).sum())) for name in columns]
    cells = tuple(n_percent(count, total) for count, total in shown)
    return Row(label, cells, tuple((count,) for count, _ in shown), smd, indent=1)


def _smd_text(largest: Largest | None, groups: Groups) -> str:
    if largest is None:
        return NONE
    if largest.value == 0:
        return rounded(0.0, 2)
    return f"{rounded(largest.value, 2)} ({groups.names[largest.first]} vs {groups.names[largest.second]})"
