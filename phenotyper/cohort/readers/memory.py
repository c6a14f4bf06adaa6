"""Tables in memory: a DataFrame with ids in a column or in the index, or an AnnData."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem
from phenotyper.cohort.readers.frames import without_codes
from phenotyper.cohort.values import code_text, levels_of, text_of

if TYPE_CHECKING:
    from anndata import AnnData

OBS = "obs"
"""Modality that stands for the table of patients."""
FEATURE_FACTS = ("kind", "unit", "label", "levels", "lod", "reference")


def read_memory(source: Source) -> RawTable:
    """Read a DataFrame, or an AnnData: its X, or its obs for the table of patients.

    Raises
    ------
    CohortError
        COLUMN_NAMES, ID_INDEX, FILE_EMPTY.
    """
    if isinstance(source.table, pd.DataFrame):
        return from_frame(source, source.table)
    if source.part == OBS:
        return from_frame(source, source.table.obs.rename_axis("patient"))
    return from_anndata(source, source.table)


def from_anndata(source: Source, adata: AnnData) -> RawTable:
    """Return X (dense or sparse) as a table; ids are obs_names, facts about features come from var.

    Where var gives levels, X holds their codes (0 = the first), as in the cohorts that phenotyper makes.
    """
    values = adata.X
    if values is None or 0 in adata.shape:
        raise file_problem(
            source, "FILE_EMPTY", f"has shape {adata.shape}", "Give an AnnData with patients, features and X."
        )
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    names = [str(name) for name in adata.var_names]
    if dense.dtype.kind == "c":
        raise file_problem(source, "COERCE", "holds complex numbers", "Give real numbers.")
    features = features_of_var(adata.var)
    frame = pd.DataFrame(without_codes(dense.astype(np.float64), source))
    labels = {
        place: levels
        for place, name in enumerate(names)
        if (levels := levels_of(features.get(name, {}).get("levels")))
    }
    if labels:
        frame = _with_labels(frame, labels)
    frame.columns = pd.Index(names, dtype="str")
    ids = np.array([str(name) for name in adata.obs_names], dtype=object)
    return RawTable(source.name, frame, ids, np.arange(len(ids)) + FIRST_ROW, source.id_column, features)


def _with_labels(frame: pd.DataFrame, labels: Mapping[int, tuple[str, ...]]) -> pd.DataFrame:
    columns = {place: frame[place] for place in frame.columns}
    for place, levels in labels.items():
        known = dict(enumerate(levels))
        cells = [None if np.isnan(code) else known.get(code, code_text(code)) for code in frame[place]]
        columns[place] = pd.Series(cells, dtype="str")
    return pd.DataFrame(columns)


def features_of_var(var: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return what a var table says of each feature: the facts that a dictionary gives."""
    facts = [fact for fact in FEATURE_FACTS if fact in var.columns]
    columns = {
        fact: [None if pd.isna(value) else value for value in _fact(var, fact).to_list()] for fact in facts
    }
    return (
        {str(name): {fact: columns[fact][place] for fact in facts} for place, name in enumerate(var.index)}
        if facts
        else {}
    )


def _fact(var: pd.DataFrame, fact: str) -> pd.Series:
    return pd.to_numeric(var[fact], errors="coerce") if fact == "lod" else var[fact].astype(object)


def from_frame(source: Source, given: pd.DataFrame) -> RawTable:
    """Return a DataFrame as a table; column types decide, text is never taken for a number here."""
    if isinstance(given.columns, pd.MultiIndex) or isinstance(given.index, pd.MultiIndex):
        raise file_problem(
            source, "COLUMN_NAMES", "has several levels of names", "Give one name a column and one id a row."
        )
    if not len(given):
        raise file_problem(source, "FILE_EMPTY", "holds no patients", "Give a table with one row a patient.")
    names = [str(name) for name in given.columns]
    ids = _ids(source, given, names)
    places = [place for place, name in enumerate(names) if name != source.id_column]
    twice = {name for name, times in Counter(names).items() if times > 1}
    columns = {
        place: _column(given.iloc[:, place], source, as_text=names[place] in twice) for place in places
    }
    frame = pd.DataFrame(columns, index=range(len(given)))
    frame.columns = pd.Index([names[place] for place in places], dtype="str")
    features = _ordered_levels(given, names)
    rows = np.arange(len(given)) + FIRST_ROW
    return RawTable(source.name, frame, ids, rows, source.id_column, features, source.decimal or ".")


def _ids(source: Source, given: pd.DataFrame, names: list[str]) -> np.ndarray | None:
    if not source.id_column:
        return None
    if source.id_column in names:
        values = given.iloc[:, names.index(source.id_column)]
    elif isinstance(given.index, pd.RangeIndex) and given.index.name is None:
        message = f'has neither a column "{source.id_column}" nor ids in its index'
        raise file_problem(
            source,
            "ID_INDEX",
            message,
            "Set the patient ids as index, or name their column: id = ... in the declaration.",
        )
    else:
        values = pd.Series(given.index)
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=object)


def _column(values: pd.Series, source: Source, *, as_text: bool) -> np.ndarray | pd.Series:
    kept_as_text = as_text or (source.text_columns is not None and str(values.name) in source.text_columns)
    if _is_number(values) and not kept_as_text:
        return without_codes(values.to_numpy(dtype=np.float64, na_value=np.nan), source)
    return pd.Series(text_of(values, source.missing_codes).to_numpy(dtype=object), dtype="str")


def _is_number(values: pd.Series) -> bool:
    kind = getattr(values.dtype, "kind", "O")
    return kind in "iuf" and not isinstance(values.dtype, pd.CategoricalDtype)


def _ordered_levels(given: pd.DataFrame, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the order of levels that ordered categoricals bring with them."""
    dtypes = zip(names, given.dtypes, strict=True)
    ordered = {
        name: dtype for name, dtype in dtypes if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered
    }
    return {
        name: {"levels": [code_text(level) for level in dtype.categories]} for name, dtype in ordered.items()
    }
