"""Survival curves by subphenotype, ready to print or draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.outcomes.groups import UNASSIGNED
from phenotyper.outcomes.intervals import Interval
from phenotyper.outcomes.wording import p_value, rounded
from phenotyper.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SURVIVAL, INCIDENCE = "survival", "cumulative incidence"


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of one group.

    Parameters
    ----------
    name : str
        Subphenotype, "unassigned" or "all".
    n, n_missing, events, competing_events : int
        Patients with a known outcome, without, with the event, with a competing event.
    times : ndarray
        0 and every time at which the curve steps; each value holds from its time on.
    estimate, ci_low, ci_high : ndarray
        Survival (from 1 down) or cumulative incidence (from 0 up), with 95 % limits; NaN where there are
        none.
    censored : ndarray
        Times of censoring, for tick marks.
    at_risk : ndarray of int
        Patients still followed at the common ``risk_times``.
    longest : float
        Last time that anybody of the group was followed: the curve ends there.
    follow_up : float
        Median follow-up (reverse Kaplan-Meier); NaN when not reached.
    median : Interval
        Median survival with 95 % limits; NaN when not reached, and under competing events.
    at_landmark : Interval
        Estimate at the common landmark; NaN beyond ``longest``.
    """

    name: str
    n: int
    n_missing: int
    events: int
    competing_events: int
    times: NDArray[np.float64]
    estimate: NDArray[np.float64]
    ci_low: NDArray[np.float64]
    ci_high: NDArray[np.float64]
    censored: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    longest: float
    follow_up: float
    median: Interval
    at_landmark: Interval


@dataclass(frozen=True)
class LogRankTest:
    """Log-rank test over the assigned subphenotypes; NaN with a reason in ``note`` where it cannot be made.

    Parameters
    ----------
    chi2, df, p : float, int, float
        Statistic, degrees of freedom, p value.
    compared : tuple of str
        Subphenotypes compared.
    note : str
        Why there is no test, or who was left out of it.
    """

    chi2: float
    df: int
    p: float
    compared: tuple[str, ...]
    note: str = ""

    def sentence(self) -> str:
        """Say the test in a sentence."""
        if not self.compared:
            return f"No log-rank test: {self.note}."
        compared = " vs ".join(self.compared)
        chi2 = rounded(self.chi2, 1 if self.chi2 >= 10 else 2)
        said = f"Log-rank {compared}: chi2 {chi2}, df {self.df}, {p_value(self.p)}."
        return f"{said} {self.note}." if self.note else said


@dataclass(frozen=True, eq=False, repr=False)
class SurvivalCurves(Result):
    """Kaplan-Meier or, under competing events, cumulative incidence curves of every group.

    Parameters
    ----------
    outcome, label, unit : str
        Declared name, what people read, unit of time.
    quantity : {"survival", "cumulative incidence"}
        What ``Curve.estimate`` is.
    title : str
        Title with the status of the subphenotypes.
    curves : Mapping of str to Curve
        By group: subphenotypes, "unassigned", "all".
    risk_times : ndarray
        Round times at which the patients at risk are counted.
    landmark : float
        Round time at which the curves are read.
    log_rank : LogRankTest
        Over the assigned subphenotypes only.
    """

    outcome: str
    label: str
    unit: str
    quantity: str
    title: str
    curves: Mapping[str, Curve]
    risk_times: NDArray[np.float64]
    landmark: float
    log_rank: LogRankTest

    @property
    def drawn(self) -> tuple[str, ...]:
        """Groups to draw: subphenotypes and any unassigned; "all" when there is no subphenotype."""
        named = tuple(name for name in self.curves if name not in (UNASSIGNED, "all") and self.curves[name].n)
        if not named:
            return ("all",)
        return (*named, UNASSIGNED) if self.curves[UNASSIGNED].n else named

    @property
    def note(self) -> str:
        """What stands below the picture: the test, and who is not in it."""
        beside = " The unassigned are drawn, not tested." if UNASSIGNED in self.drawn else ""
        return self.log_rank.sentence() + beside

    @property
    def y_label(self) -> str:
        """What the vertical axis shows."""
        return "Proportion event-free" if self.quantity == SURVIVAL else "Cumulative incidence"

    @property
    def x_label(self) -> str:
        """What the horizontal axis shows."""
        return f"Time ({self.unit})" if self.unit else "Time"

    @property
    def table(self) -> pd.DataFrame:
        """Every step: outcome, quantity, subphenotype, n, time, estimate, ci_low, ci_high, unit."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "outcome": self.outcome,
                    "quantity": self.quantity,
                    "subphenotype": curve.name,
                    "n": curve.n,
                    "time": curve.times,
                    "estimate": curve.estimate,
                    "ci_low": curve.ci_low,
                    "ci_high": curve.ci_high,
                    "unit": self.unit,
                }
            )
            for curve in self.curves.values()
        ]
        return pd.concat(parts, ignore_index=True)

    def sentence(self) -> str:
        """Say who was followed, how many events there were, and the test."""
        everybody = self.curves["all"]
        return f"{self.label}: {everybody.events} events in {everybody.n} patients. {self.note}"
