"""Who belongs where: the subphenotypes of one result, aligned by patient id to the rows at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phenotyper.errors import Problem, ResultError, listed

UNASSIGNED = "unassigned"
ALL = "all"
ASSIGNED = "assigned"
"""In a tidy table: all assigned subphenotypes compared with each other."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Subphenotypes of a list of patients.

    Parameters
    ----------
    names : tuple of str
        Subphenotypes, largest first.
    labels : ndarray of str, patients
        Subphenotype of each patient, or "unassigned".
    status : str
        What may be said of the subphenotypes; it ends every title.
    absent : int
        Patients of the result that are not among these.
    """

    names: tuple[str, ...]
    labels: NDArray[np.str_]
    status: str
    absent: int = 0

    @property
    def rows(self) -> tuple[str, ...]:
        """Every group that is reported: subphenotypes, the unassigned, all."""
        return (*self.names, UNASSIGNED, ALL)

    @property
    def codes(self) -> NDArray[np.intp]:
        """Position of each patient's subphenotype in ``names``; -1 for the unassigned."""
        codes = np.full(len(self.labels), -1, dtype=np.intp)
        for code, name in enumerate(self.names):
            codes[self.labels == name] = code
        return codes

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return which patients are in a group."""
        if name == ALL:
            return np.ones(len(self.labels), dtype=bool)
        return np.asarray(self.labels == name)

    def title(self, text: str) -> str:
        """Return a title that ends with the status in brackets."""
        return f"{text} ({self.status})"

    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know about who is counted."""
        if not self.absent:
            return ()
        who = "1 patient" if self.absent == 1 else f"{self.absent} patients"
        return (f"{who} of the phenotypes {'is' if self.absent == 1 else 'are'} not in this cohort.",)


def groups_of(found: Any, ids: Iterable[str]) -> Groups:
    """Align the subphenotypes of a result to patients.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes of the same patients, or of more.
    ids : iterable of str
        Patients, in the order wanted.

    Raises
    ------
    ResultError
        OTHER_COHORT: some patients are unknown to the result.
    """
    ids = [str(patient) for patient in ids]
    known = set(found.table["patient_id"])
    strangers = [patient for patient in ids if patient not in known]
    if strangers:
        share = f"{len(strangers)} of {len(ids)} patients"
        raise ResultError(
            Problem(
                "OTHER_COHORT",
                f"{share} of this cohort are not in the phenotypes ({listed(strangers)})",
                "Give the cohort that the phenotypes were found in, or a part of it.",
            )
        )
    labels = np.asarray(found.labels(ids), dtype=np.str_)
    return Groups(tuple(found.names), labels, found.status, absent=len(known - set(ids)))


def shown_name(group: str) -> str:
    """Return a group's name as a table head.

    Examples
    --------
    >>> [shown_name(group) for group in ("A", "unassigned", "all")]
    ['A', 'Unassigned', 'All']
    """
    return group.capitalize() if group in (UNASSIGNED, ALL) else group
