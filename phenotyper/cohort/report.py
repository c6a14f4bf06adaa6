"""What ``check_cohort`` finds."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phenotyper.errors import Problem, number_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CheckReport:
    """Every problem of a cohort, errors first.

    Parameters
    ----------
    name : str
        The cohort, as it was given.
    problems : tuple of Problem
        Errors, then warnings.
    n_patients : int or None
        Patients of the cohort; None when it is refused.
    """

    name: str
    problems: tuple[Problem, ...]
    n_patients: int | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that refuse the cohort."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Problems that are recorded with the cohort."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether the cohort can be used."""
        return not self.errors

    @property
    def table(self) -> pd.DataFrame:
        """One row a problem: severity, code, where, message, remedy, rows (spreadsheet rows as text)."""
        import pandas as pd

        columns = ["severity", "code", "where", "message", "remedy", "rows"]
        records = [
            (problem.severity, problem.code, problem.where, problem.message, problem.remedy, _rows(problem))
            for problem in self.problems
        ]
        return pd.DataFrame(records, columns=columns, dtype="str")

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        if self.errors:
            return (
                f"{self.name} is refused: {number_of(len(self.errors), 'error')}, "
                f"{number_of(len(self.warnings), 'warning')}."
            )
        return (
            f"{self.name} can be used: {self.n_patients or 0:,} patients, "
            f"{number_of(len(self.warnings), 'warning')}."
        )

    def __str__(self) -> str:
        lines = [self.sentence()]
        lines += [
            f"  {number}. {problem.severity} {problem.text()}"
            for number, problem in enumerate(self.problems, start=1)
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<CheckReport: {self.sentence()}>"

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{problem.severity} {html.escape(problem.code)}</b> {html.escape(_words(problem))}</li>"
            for problem in self.problems
        )
        return f"<p>{html.escape(self.sentence())}</p>" + (f"<ol>{items}</ol>" if items else "")


def _words(problem: Problem) -> str:
    return problem.text().removeprefix(f"{problem.code}: ")


def _rows(problem: Problem) -> str:
    return " ".join(str(row) for row in problem.rows)
