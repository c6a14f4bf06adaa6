"""Facts about outcomes: one a row, under named columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.outcomes.groups import Groups
from phenotyper.outcomes.intervals import NOT_ESTIMABLE, Interval
from phenotyper.results import Table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from phenotyper.outcomes.curves import SurvivalCurves


@dataclass(frozen=True)
class Fact:
    """One number about one outcome in one group.

    Parameters
    ----------
    outcome, kind : str
        Declared name and kind.
    subphenotype : str
        A subphenotype, "unassigned", "all", or "assigned" (the subphenotypes compared with each other).
    n, n_missing : int
        Patients of the group whose outcome is known, and is missing.
    events : float
        Patients with the event (binary, survival), sum of the counts (count); NaN for other kinds.
    statistic : str
        What is estimated: "proportion", "mean", "median survival", "log-rank p", ...
    estimate, ci_low, ci_high : float
        Estimate and 95 % limits; NaN where there are none.
    unit : str
        Unit of the estimate.
    level : str
        Level of an ordinal outcome, or "".
    time : float
        Time that a survival estimate is for; NaN otherwise.
    note : str
        Why something is lacking.
    """

    outcome: str
    kind: str
    subphenotype: str
    n: int
    n_missing: int
    events: float
    statistic: str
    estimate: float
    ci_low: float
    ci_high: float
    unit: str = ""
    level: str = ""
    time: float = np.nan
    note: str = ""


FACT_COLUMNS = tuple(field.name for field in fields(Fact))


@dataclass(frozen=True)
class Outcome:
    """A declared outcome with the patients' values.

    Parameters
    ----------
    name, label, kind, unit : str
        As declared; the label is what people read.
    values : ndarray of float, patients
        Value, 0 / 1, position of the level, or time; NaN = missing.
    event : ndarray of float, patients
        Survival only: 0 censored, 1 event, 2 competing event; NaN = missing.
    levels : tuple of str
        Ordinal only, lowest first.
    competing : bool
        Survival only: competing events are declared or occur.
    """

    name: str
    label: str
    kind: str
    unit: str
    values: NDArray[np.float64]
    event: NDArray[np.float64] | None = None
    levels: tuple[str, ...] = ()
    competing: bool = False

    @property
    def heading(self) -> str:
        """Label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


@dataclass(frozen=True)
class Member:
    """A group's share of an outcome: who is counted, and who lacks it."""

    outcome: Outcome
    name: str
    n: int
    n_missing: int
    values: NDArray[np.float64]
    event: NDArray[np.float64]

    def fact(
        self,
        statistic: str,
        interval: Interval = NOT_ESTIMABLE,
        *,
        events: float = np.nan,
        unit: str | None = None,
        level: str = "",
        time: float = np.nan,
        note: str = "",
    ) -> Fact:
        """Return a fact about this group; a group without values says so."""
        shown = self.outcome.unit if unit is None else unit
        note = note or ("" if self.n else "no known values")
        estimate, low, high = (float(value) for value in interval)
        about = (self.outcome.name, self.outcome.kind, self.name, self.n, self.n_missing)
        return Fact(*about, float(events), statistic, estimate, low, high, shown, level, time, note)


@dataclass(frozen=True)
class Described:
    """One outcome by subphenotype: facts, a printed table, and curves when it is survival."""

    facts: tuple[Fact, ...]
    table: Table
    curves: SurvivalCurves | None = None


def members(outcome: Outcome, groups: Groups) -> list[Member]:
    """Split an outcome by group (subphenotypes, unassigned, all), counting who lacks it."""
    event = np.zeros_like(outcome.values) if outcome.event is None else outcome.event
    known = ~np.isnan(outcome.values) & ~np.isnan(event)
    split = []
    for name in groups.rows:
        here = groups.mask(name)
        use = here & known
        split.append(
            Member(outcome, name, int(use.sum()), int((here & ~known).sum()), outcome.values[use], event[use])
        )
    return split


def to_frame(facts: Iterable[Fact]) -> pd.DataFrame:
    """Return facts as a tidy DataFrame with the columns of :class:`Fact`, also when there are none."""
    import pandas as pd

    frame = pd.DataFrame([astuple(fact) for fact in facts], columns=list(FACT_COLUMNS))
    text = {"outcome", "kind", "subphenotype", "statistic", "unit", "level", "note"}
    whole = {"n", "n_missing"}
    return frame.astype(
        {name: "str" if name in text else "int64" if name in whole else "float64" for name in FACT_COLUMNS}
    )
