"""The one kind of a whole matrix of numbers, read from all its columns together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.words import tokens

MATRIX = 15
"""Number columns from which a table is looked at as one matrix."""
OMICS = 50
"""Number columns from which it is taken as an omics matrix."""
_HUGE = 1000.0
_LOG_HIGH = 30.0
_FEW = 7


def guess_matrix(table: Seen, columns: Mapping[str, Column]) -> tuple[str, str]:
    """Return the one kind of a matrix of numbers and a question about it; an empty kind when it has none.

    Parameters
    ----------
    table : Seen
        The table.
    columns : mapping of str to Column
        The columns that would be features; all are looked at together.
    """
    names = [name for name in columns if name in table.floats]
    if len(names) < MATRIX or len(names) < len(columns):
        return "", ""
    return kind_of_matrix(table.matrix(names), f"{table.label} {names[0]}")


def kind_of_matrix(values: np.ndarray, name: str = "") -> tuple[str, str]:
    """Return the kind of n x p numbers as one matrix, and a question about it.

    Examples
    --------
    >>> kind_of_matrix(np.random.default_rng(0).normal(size=(30, 60)))[0]
    'log'
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return "", ""
    low, high, wide = float(known.min()), float(known.max()), values.shape[1] >= OMICS
    if (known == np.floor(known)).all():
        return _whole_matrix(values, low, high)
    if not {"npx", "olink"}.isdisjoint(tokens(name)):
        return "npx", ""
    if low >= 0 and _one_total(values):
        return "composition", ""
    if low >= 0 and high <= 1:
        return "proportion", ""
    if low >= 0 and high <= 2 and tokens(name)[-2:-1] == ("rs",):
        return "dosage", ""
    if _some_whole(values):
        return "", ""
    if low < 0 and (wide or not _scales_differ(values)):
        return "log", ""
    if wide and high <= _LOG_HIGH:
        return (
            "log",
            "values of 0 to 30 in a wide matrix: taken as on a log scale already; counts if they are not",
        )
    if wide and high >= _HUGE and low >= 0:
        question = (
            "thousands and more, not logged: taken as counts (totals are brought together, then logged); "
            "number if each column has a unit of its own"
        )
        return "counts", question
    return "", ""


def _whole_matrix(values: np.ndarray, low: float, high: float) -> tuple[str, str]:
    if low >= 0 and high <= 1:
        return "yes/no", ""
    if low >= 0 and high <= 2:
        return "dosage", "0, 1 and 2 throughout: taken as allele dosages; ordinal if they are grades"
    if low < 0 and low >= -5 and high <= 5:
        return "ordinal", ""
    if low >= 0 and high > 50 and values.shape[1] >= OMICS:
        return "counts", ""
    return "", ""


def _one_total(values: np.ndarray) -> bool:
    totals = np.nansum(values, axis=1)
    totals = totals[~np.isnan(values).all(axis=1)]
    if len(totals) < 3 or totals.mean() <= 0:
        return False
    whole = min(abs(totals.mean() - 1), abs(totals.mean() / 100 - 1)) < 0.02
    return bool(totals.std() < (0.02 if whole else 0.001) * totals.mean())


def _some_whole(values: np.ndarray) -> bool:
    """Tell whether a few columns of few whole numbers stand among fractions: codes, so no one matrix."""
    if values.shape[1] > 20 * OMICS:
        values = values[:, :: values.shape[1] // (10 * OMICS)]
    filled = np.where(np.isnan(values), 0.0, values)
    whole = (filled == np.floor(filled)).all(axis=0) & (filled.max(axis=0) > filled.min(axis=0))
    return bool((whole & (filled.max(axis=0) <= _FEW)).sum() > 0.02 * values.shape[1])


def _scales_differ(values: np.ndarray) -> bool:
    """Tell whether some columns are a hundred times as spread as others: a panel of units, no matrix."""
    spread = np.nanstd(values, axis=0)
    spread = spread[spread > 0]
    return bool(spread.size and np.quantile(spread, 0.95) > 100 * np.quantile(spread, 0.05))
