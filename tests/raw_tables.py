"""A table as a reader gives it, in plain types."""

from __future__ import annotations

from typing import Any

import numpy as np

from phenotyper.cohort.readers import RawTable


def cells(table: RawTable) -> dict[str, list[Any]]:
    """Return the cells by column; None = missing."""
    return {
        str(name): [None if cell != cell else cell for cell in column] for name, column in table.frame.items()
    }


def ids(table: RawTable) -> list[str]:
    return np.asarray(table.ids).tolist()


def said(table: RawTable) -> dict[str, str]:
    """Return what the reader noticed, by code."""
    return {problem.code: problem.text() for problem in table.problems}
