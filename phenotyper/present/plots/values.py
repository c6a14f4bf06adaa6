"""A patient's value of anything that has a name: a feature ("block:feature") or a column of the patients."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.container import block_names, declaration_of, features_of, patients_of
from phenotyper.errors import CohortError, Problem, did_you_mean, listed
from phenotyper.present.plots.style import clean

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData
    from numpy.typing import NDArray

_UNITS_OF_ROLES = {"age": " (years)"}


@dataclass(frozen=True)
class Values:
    """Values of one variable, one a patient.

    Parameters
    ----------
    label : str
        Name for a reader, with the unit.
    data : Series
        Indexed by patient id: float with NaN, or text with None where missing.
    levels : tuple of str
        Categories in the order to show; empty for numbers.
    ordered : bool
        The categories have an order.
    """

    label: str
    data: pd.Series
    levels: tuple[str, ...] = ()
    ordered: bool = False

    def of(self, ids: Iterable[str]) -> Values:
        """Return the values of these patients, in their order; a patient without any is missing."""
        return replace(self, data=self.data.reindex(list(ids)))


def values_of(cohort: MuData, name: str) -> Values:
    """Return the values of ``name``: a column of the patients, or ``block:feature``.

    Raises
    ------
    CohortError
        UNKNOWN_NAME, with the nearest known name.
    """
    patients = patients_of(cohort)
    if name in patients.columns:
        return _column(patients[name], _label_of_column(cohort, name))
    for block in block_names(cohort):
        feature = name.removeprefix(f"{block}:")
        if feature != name and feature in cohort[block].var_names:
            return _feature(cohort, block, feature).of(patients.index)
    raise CohortError(_unknown(cohort, name, [str(column) for column in patients.columns]))


def matrix_of(block: AnnData) -> NDArray[np.float64]:
    """Return the values of a block, patients x features, NaN = missing."""
    values: Any = block.X
    values = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(values, dtype=np.float64)


def _label_of_column(cohort: MuData, name: str) -> str:
    declared = {outcome.name: outcome.label for outcome in declaration_of(cohort).outcomes}
    return clean(declared.get(name) or name.replace("_", " ")) + _UNITS_OF_ROLES.get(name, "")


def _column(column: pd.Series, label: str) -> Values:
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = [str(level) for level in column.cat.categories]
        return _categories(label, column, levels, ordered=bool(column.cat.ordered))
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return _categories(label, column, sorted({str(value) for value in column.dropna()}), ordered=False)
    numbers = column.astype("float64")
    known = set(numbers.dropna())
    if known and known <= {0.0, 1.0}:
        return _categories(label, numbers.map({0.0: "no", 1.0: "yes"}), ["no", "yes"], ordered=False)
    return Values(label, numbers)


def _feature(cohort: MuData, block: str, feature: str) -> Values:
    about = features_of(cohort, block).loc[feature]
    label = clean(about["label"] or feature) + (f" ({clean(about['unit'], 12)})" if about["unit"] else "")
    place = cohort[block].var_names.get_loc(feature)
    numbers = pd.Series(matrix_of(cohort[block])[:, place], index=cohort[block].obs_names)
    if not about["levels"]:
        return Values(label, numbers)
    levels = [str(level) for level in json.loads(about["levels"])]
    return _categories(
        label, numbers.map(dict(enumerate(levels))), levels, ordered=about["kind"] == "ordinal"
    )


def _categories(label: str, column: pd.Series, levels: list[str], *, ordered: bool) -> Values:
    text = pd.Series(
        [None if pd.isna(value) else str(value) for value in column], index=column.index, dtype=object
    )
    return Values(label, text, tuple(levels), ordered)


def _unknown(cohort: MuData, name: str, columns: list[str]) -> Problem:
    hint = ""
    for block in block_names(cohort):
        features = cohort[block].var_names
        if name in features:
            hint = f' Did you mean "{block}:{name}"?'
        elif name.startswith(f"{block}:"):
            hint = did_you_mean(name, [f"{block}:{feature}" for feature in features])
        if hint:
            break
    hint = hint or did_you_mean(name, ["subphenotype", "probability", "membership", *columns])
    blocks = listed(block_names(cohort))
    known = f"Patients have {listed(columns, most=8)}; a feature is block:feature, blocks: {blocks}."
    what = f'there is no column or feature "{name}" in this cohort'
    return Problem("UNKNOWN_NAME", what, known + hint, where=name)
