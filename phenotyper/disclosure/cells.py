"""Small cells: counts of patients so few that they could point to somebody.

This version knows the profile ``internal``: nothing is hidden, and a banner says what a publication would
hide.
"""

from __future__ import annotations

from collections.abc import Iterable

from phenotyper.errors import number_of
from phenotyper.results import Table

THRESHOLD = 10
"""Counts of 1 to 9 are small: the usual default of statistical disclosure control."""


def small_cells(table: Table, *, threshold: int = THRESHOLD) -> list[tuple[int, int]]:
    """Return the cells of a table that show between one and ``threshold - 1`` patients.

    Parameters
    ----------
    table : Table
        A table with its ``counts``; one without shows no counts and gives an empty list.
    threshold : int
        Smallest number of patients that may be shown.

    Returns
    -------
    list of (int, int)
        Row and column of each such cell, counted from 0, in reading order.

    Examples
    --------
    >>> table = Table("Sex", ("", "A", "B"), (("female, n", "3", "12"),), counts=(((), (3,), (12,)),))
    >>> small_cells(table)
    [(0, 1)]
    """
    return [
        (row, column)
        for row, cells in enumerate(table.counts)
        for column, counts in enumerate(cells)
        if any(0 < count < threshold for count in counts)
    ]


def banner(tables: Iterable[Table], *, threshold: int = THRESHOLD) -> str:
    """Say how many cells a publication would hide.

    Examples
    --------
    >>> table = Table("Sex", ("", "A"), (("female, n", "3"),), counts=(((), (3,)),))
    >>> banner([table])
    'Internal: 1 cell in 1 table shows fewer than 10 patients and would be hidden in a publication.'
    """
    found = [len(small_cells(table, threshold=threshold)) for table in tables]
    cells, holding = sum(found), sum(number > 0 for number in found)
    if not cells:
        return f"Internal: no table cell shows fewer than {threshold} patients."
    what = f"{number_of(cells, 'cell')} in {number_of(holding, 'table')}"
    show = "shows" if cells == 1 else "show"
    return f"Internal: {what} {show} fewer than {threshold} patients and would be hidden in a publication."
