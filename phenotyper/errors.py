"""Coded errors: what was wrong, where, and what to do about it.

Every problem carries a stable code (``DUP_ID``). A reader gathers all problems of a cohort and raises them
together.

Examples
--------
>>> problem = Problem("DUP_ID", "labs.csv has 2 ids on many rows", "Give one row a patient.", rows=(14, 90))
>>> print(CohortError([problem]))
CohortError DUP_ID: labs.csv has 2 ids on many rows (rows 14, 90). Give one row a patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

Severity = Literal["error", "warning"]
ROWS_NAMED = 5


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Parameters
    ----------
    code : str
        Stable code in capitals, ``DUP_ID``.
    message : str
        What was wrong, with the value and the place, without a final full stop.
    remedy : str
        What to do, one or two whole sentences.
    where : str
        File, table or column that it belongs to.
    rows : tuple of int
        Spreadsheet rows (the header is row 1); the first five are named.
    severity : {"error", "warning"}
        Errors refuse the cohort, warnings are recorded with it.
    """

    code: str
    message: str
    remedy: str
    where: str = ""
    rows: tuple[int, ...] = ()
    severity: Severity = "error"

    def text(self) -> str:
        """Return the problem as one sentence with its remedy."""
        return f"{self.code}: {self.message}{_rows_text(self.rows)}. {self.remedy}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {**asdict(self), "rows": list(self.rows)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Problem:
        """Rebuild a problem from :meth:`to_dict`."""
        return cls(**{**values, "rows": tuple(values["rows"])})


def _rows_text(rows: Sequence[int]) -> str:
    if not rows:
        return ""
    named = ", ".join(str(row) for row in rows[:ROWS_NAMED])
    more = f" and {len(rows) - ROWS_NAMED} more" if len(rows) > ROWS_NAMED else ""
    return f" ({'row' if len(rows) == 1 else 'rows'} {named}{more})"


class PhenotyperError(Exception):
    """Base of every error that phenotyper raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self._text())

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of all problems, in order."""
        return tuple(problem.code for problem in self.problems)

    def _text(self) -> str:
        if len(self.problems) == 1:
            return f"{type(self).__name__} {self.problems[0].text()}"
        lines = [f"{type(self).__name__}: {len(self.problems)} problems"]
        lines += [f"  {number}. {problem.text()}" for number, problem in enumerate(self.problems, start=1)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self._text()

    def __reduce__(self) -> tuple[type[PhenotyperError], tuple[tuple[Problem, ...]]]:
        """Come out of a worker process whole: by default only the text would."""
        return type(self), (self.problems,)


class CohortError(PhenotyperError):
    """The files or the declaration of a cohort cannot be used as they are."""

    exit_code = 2


class RecipeError(PhenotyperError):
    """A setting of a recipe is impossible, by itself or for this cohort."""

    exit_code = 2


class FitError(PhenotyperError):
    """A fit cannot be made from this cohort."""

    exit_code = 2


class ResultError(PhenotyperError):
    """A saved result cannot be read, or does not belong to this cohort."""

    exit_code = 2


class OutputError(PhenotyperError):
    """A folder or file cannot be written: it exists, is locked, full or not permitted."""

    exit_code = 4


class MissingExtraError(PhenotyperError):
    """An optional dependency is absent."""

    exit_code = 2


class PhenotyperWarning(UserWarning):
    """Something was repaired or looks wrong; it is recorded with the result as well."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``' Did you mean "x"?'`` for the nearest known word, or an empty string.

    Examples
    --------
    >>> did_you_mean("colums", ["columns", "exclude"])
    ' Did you mean "columns"?'
    """
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def listed(words: Iterable[object], most: int = 5) -> str:
    """Join words for a message, naming the first few.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    items = [str(word) for word in words]
    if len(items) <= most:
        return ", ".join(items)
    return f"{', '.join(items[:most])} and {len(items) - most} more"


def number_of(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> number_of(1, "column"), number_of(3, "column"), number_of(2, "study", "studies")
    ('1 column', '3 columns', '2 studies')
    """
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"
