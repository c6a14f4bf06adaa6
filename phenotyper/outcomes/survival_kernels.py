"""Kaplan-Meier, cumulative incidence and log-rank. Arrays only; times in any unit, events 0 / 1 / 2."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from phenotyper.outcomes.intervals import Interval, Z

Floats = NDArray[np.float64]

CENSORED, EVENT, COMPETING = 0.0, 1.0, 2.0


class Steps(NamedTuple):
    """A step function from time 0, with 95 % limits; each value holds from its time on."""

    times: Floats
    estimate: Floats
    low: Floats
    high: Floats

    def at(self, time: float) -> Interval:
        """Return the estimate and its limits at a time."""
        index = np.searchsorted(self.times, time, side="right") - 1
        return Interval(float(self.estimate[index]), float(self.low[index]), float(self.high[index]))


class LogRank(NamedTuple):
    """A log-rank test: NaN where it cannot be made, and then ``used`` is empty."""

    chi2: float
    df: int
    p: float
    used: tuple[int, ...]


NO_TEST = LogRank(np.nan, 0, np.nan, ())


def kaplan_meier(time: Floats, event: NDArray[np.bool_]) -> Steps:
    """Return the Kaplan-Meier estimate with log(-log) limits from Greenwood's variance.

    The limits are ``S^exp(-+ z se / (S log S))`` (Kalbfleisch & Prentice 1980); none (NaN) where S is 0, as
    in R.

    Parameters
    ----------
    time : ndarray
        Time of event or censoring; 0 is allowed.
    event : ndarray of bool
        Whether the event was seen.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    if not event.any():
        return Steps(np.zeros(1), np.ones(1), np.ones(1), np.ones(1))
    fitted = SurvfuncRight(time, event.astype(np.float64))
    survival, error = fitted.surv_prob, fitted.surv_prob_se
    low, high = _log_log(survival, error, inside=(survival > 0) & (survival < 1))
    return _from_zero(fitted.surv_times, survival, low, high, start=1.0)


def cumulative_incidence(time: Floats, event: Floats) -> Steps:
    """Return the Aalen-Johansen cumulative incidence of event 1 beside event 2, with log(-log) limits.

    Variance by the delta method (Marubini & Valsecchi 1995, equation 10.12; the same as statsmodels'
    ``CumIncidenceRight``, which however divides by zero where all patients still at risk fail together).

    Parameters
    ----------
    time : ndarray
        Time of event or censoring.
    event : ndarray
        0 censored, 1 event, 2 competing event.
    """
    when = np.unique(time[event > CENSORED])
    if len(when) == 0:
        return Steps(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    at_risk = number_at_risk(time, when).astype(np.float64)
    ours = _number_at(time[event == EVENT], when)
    ended = ours + _number_at(time[event == COMPETING], when)
    before = np.concatenate([[1.0], np.cumprod(1 - ended / at_risk)[:-1]])
    incidence = np.cumsum(before * ours / at_risk)
    variance = _incidence_variance(incidence, before=before, at_risk=at_risk, ours=ours, ended=ended)
    low, high = _log_log(
        incidence, np.sqrt(np.maximum(variance, 0)), inside=(incidence > 0) & (incidence < 1) & (variance > 0)
    )
    low[incidence == 0], high[incidence == 0] = 0.0, 0.0
    return _from_zero(when, incidence, low, high, start=0.0)


def number_at_risk(time: Floats, when: Floats) -> NDArray[np.int64]:
    """Return how many patients are still followed just before each time.

    Examples
    --------
    >>> number_at_risk(np.array([0.0, 2.0, 2.0, 5.0]), np.array([0.0, 2.0, 4.0])).tolist()
    [4, 3, 1]
    """
    return (len(time) - np.searchsorted(np.sort(time), when, side="left")).astype(np.int64)


def median_of(steps: Steps) -> Interval:
    """Return the median survival time with its limits (Brookmeyer & Crowley 1982); NaN where not reached.

    Where the curve is level at exactly one half, the middle of that stretch, as in R.
    """
    return Interval(
        _crossing(steps.times, steps.estimate),
        _crossing(steps.times, steps.low),
        _crossing(steps.times, steps.high),
    )


def median_follow_up(time: Floats, event: Floats) -> float:
    """Return the median follow-up by reverse Kaplan-Meier (Schemper & Smith 1996); NaN where not reached."""
    if len(time) == 0:
        return np.nan
    return median_of(kaplan_meier(time, event == CENSORED)).estimate


def log_rank(time: Floats, event: NDArray[np.bool_], *, codes: NDArray[np.intp], k: int) -> LogRank:
    """Compare k groups by the log-rank test; a group with nobody at risk when events happen is left out.

    Parameters
    ----------
    time, event : ndarray
        As for :func:`kaplan_meier`.
    codes : ndarray of int
        Group, 0 to k - 1; patients with another code are left out.
    k : int
        Number of groups.
    """
    from statsmodels.duration.survfunc import survdiff

    grouped = (codes >= 0) & (codes < k)
    if not event[grouped].any():
        return NO_TEST
    first_event = time[grouped & event].min()
    used = tuple(group for group in range(k) if (time[codes == group] >= first_event).any())
    chosen = np.isin(codes, used)
    if len(used) < 2 or not _can_differ(time[chosen], event[chosen]):
        return NO_TEST
    chi2, _ = survdiff(time[chosen], event[chosen].astype(np.float64), codes[chosen])
    return LogRank(float(chi2), len(used) - 1, float(chdtrc(len(used) - 1, chi2)), used)


def _can_differ(time: Floats, event: NDArray[np.bool_]) -> bool:
    """Tell whether at some event time not all at risk have the event: else the test has no variance."""
    when = np.unique(time[event])
    return bool(np.any(_number_at(time[event], when) < number_at_risk(time, when)))


def _number_at(time: Floats, when: Floats) -> Floats:
    ordered = np.sort(time)
    return (
        np.searchsorted(ordered, when, side="right") - np.searchsorted(ordered, when, side="left")
    ).astype(np.float64)


def _incidence_variance(
    incidence: Floats, *, before: Floats, at_risk: Floats, ours: Floats, ended: Floats
) -> Floats:
    left = at_risk - ended
    any_event = np.where(left > 0, ended / (at_risk * np.where(left > 0, left, 1.0)), 0.0)
    variance = (
        incidence**2 * np.cumsum(any_event)
        - 2 * incidence * np.cumsum(incidence * any_event)
        + np.cumsum(incidence**2 * any_event)
    )
    variance += np.cumsum(before**2 * (at_risk - ours) * ours / at_risk**3)
    shared = before * ours / at_risk**2
    return variance - 2 * incidence * np.cumsum(shared) + 2 * np.cumsum(incidence * shared)


def _log_log(estimate: Floats, error: Floats, *, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    safe = np.where(inside, estimate, 0.5)
    shift = Z * np.where(inside, error, 0.0) / (safe * np.abs(np.log(safe)))
    low = np.where(inside, safe ** np.exp(shift), np.nan)
    high = np.where(inside, safe ** np.exp(-shift), np.nan)
    return low, high


def _from_zero(times: Floats, estimate: Floats, low: Floats, high: Floats, *, start: float) -> Steps:
    parts = [
        np.concatenate([[first], rest])
        for first, rest in ((0.0, times), (start, estimate), (start, low), (start, high))
    ]
    return Steps(*parts)


def _crossing(times: Floats, values: Floats) -> float:
    tolerance = np.sqrt(np.finfo(np.float64).eps)
    below = np.flatnonzero(values < 0.5 + tolerance)
    if len(below) == 0:
        return np.nan
    first = below[0]
    lower = below[values[below] < values[first] - tolerance]
    if abs(values[first] - 0.5) < tolerance and len(lower):
        return float((times[first] + times[lower[0]]) / 2)
    return float(times[first])
