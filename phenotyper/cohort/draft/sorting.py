"""The roles that columns of the table of patients get, one each, and the table that hands them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from phenotyper.cohort.draft.codebook import NO_HINT, Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.outcomes import OutcomeDraft
from phenotyper.cohort.draft.words import says


@dataclass(frozen=True)
class TreatmentDraft:
    """A treatment as it will be declared."""

    name: str
    column: str
    control: str
    assigned: str
    questions: Mapping[str, str] = field(default_factory=dict)
    off: bool = False


@dataclass
class Roles:
    """Which column is what; texts in ``asked`` stand above the column or key that they are about."""

    age: tuple[str, str] = ("", "")
    birth_date: str = ""
    sex: tuple[str, str, str] = ("", "", "")
    sex_off: bool = False
    site: str = ""
    batch: str = ""
    family: str = ""
    index_date: str = ""
    index_date_off: bool = False
    known_classes: list[str] = field(default_factory=list)
    covariates: list[str] = field(default_factory=list)
    outcomes: list[OutcomeDraft] = field(default_factory=list)
    treatments: list[TreatmentDraft] = field(default_factory=list)
    consent: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    """Columns without a role: features, if nothing else is."""
    asked: dict[str, str] = field(default_factory=dict)


class Sorting:
    """Takes columns one role after the other; each column gets one role."""

    def __init__(self, columns: Mapping[str, Column], hints: Mapping[str, Hint]) -> None:
        self.columns = dict(columns)
        self.hints = hints
        self.roles = Roles()

    def hint(self, name: str) -> Hint:
        """Return what is said of a column."""
        return self.hints.get(name, NO_HINT)

    def take(self, name: str) -> Column:
        """Take a column away: it has its role."""
        return self.columns.pop(name)

    def named(self, known: frozenset[str], fits: Callable[[Column], bool] = lambda _: True) -> list[str]:
        """Return the columns left that hold one of some words in their name, and fit."""
        return [name for name, column in self.columns.items() if says(name, known) and fits(column)]
