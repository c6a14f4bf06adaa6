"""Survival outcomes by subphenotype: curves, log-rank, medians, survival at a round time, numbers at risk."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from phenotyper.outcomes.curves import INCIDENCE, SURVIVAL, Curve, LogRankTest, SurvivalCurves
from phenotyper.outcomes.facts import Described, Fact, Member, Outcome, members
from phenotyper.outcomes.groups import ALL, ASSIGNED, UNASSIGNED, Groups, shown_name
from phenotyper.outcomes.intervals import NOT_ESTIMABLE, Interval
from phenotyper.outcomes.simple_kinds import Cell, group_table, percent_interval
from phenotyper.outcomes.survival_kernels import (
    CENSORED,
    COMPETING,
    EVENT,
    Steps,
    cumulative_incidence,
    kaplan_meier,
    log_rank,
    median_follow_up,
    median_of,
    number_at_risk,
)
from phenotyper.outcomes.times import landmark, risk_times
from phenotyper.outcomes.wording import NONE, decimals_for, number, with_interval
from phenotyper.results import Table

NO_EVENTS = "not estimable: 0 events"
FEW_EVENTS = 10


def describe_survival(outcome: Outcome, groups: Groups) -> Described:
    """Return curves, log-rank, median follow-up, median survival and survival at a landmark in each group."""
    split = members(outcome, groups)
    everybody = split[-1]
    times = risk_times(float(everybody.values.max(initial=0.0)), unit=outcome.unit)
    mark = _common_landmark(everybody, outcome.unit)
    drawn = {member.name: _curve(member, times=times, mark=mark) for member in split}
    test = _log_rank(outcome, groups)
    curves = SurvivalCurves(
        outcome=outcome.name,
        label=outcome.label,
        unit=outcome.unit,
        quantity=INCIDENCE if outcome.competing else SURVIVAL,
        title=groups.title(outcome.heading),
        curves=MappingProxyType(drawn),
        risk_times=times,
        landmark=mark,
        log_rank=test,
    )
    facts = [fact for member in split for fact in _facts(member, drawn[member.name], mark=mark)]
    table = _table(outcome, groups, curves)
    return Described((*facts, *_test_facts(split, test)), table, curves)


def _common_landmark(everybody: Member, unit: str) -> float:
    if not everybody.n:
        return np.nan
    follow_up = median_follow_up(everybody.values, everybody.event)
    return landmark(float(np.median(everybody.values)) if np.isnan(follow_up) else follow_up, unit=unit)


def _curve(member: Member, *, times: np.ndarray, mark: float) -> Curve:
    time, event = member.values, member.event
    competing = member.outcome.competing
    steps = cumulative_incidence(time, event) if competing else kaplan_meier(time, event == EVENT)
    steps = steps if member.n else Steps(*(np.full(1, value) for value in (0.0, np.nan, np.nan, np.nan)))
    events = int((event == EVENT).sum())
    longest = float(time.max(initial=0.0))
    at_mark = steps.at(mark) if member.n and mark <= longest else NOT_ESTIMABLE
    if events == 0:
        at_mark = Interval(at_mark.estimate, np.nan, np.nan)
    return Curve(
        name=member.name,
        n=member.n,
        n_missing=member.n_missing,
        events=events,
        competing_events=int((event == COMPETING).sum()),
        times=steps.times,
        estimate=steps.estimate,
        ci_low=steps.low,
        ci_high=steps.high,
        censored=np.sort(time[event == CENSORED]),
        at_risk=number_at_risk(time, times),
        longest=longest,
        follow_up=median_follow_up(time, event),
        median=NOT_ESTIMABLE if competing or not events else median_of(steps),
        at_landmark=at_mark,
    )


def _log_rank(outcome: Outcome, groups: Groups) -> LogRankTest:
    assert outcome.event is not None
    known = ~np.isnan(outcome.values) & ~np.isnan(outcome.event)
    codes, event = groups.codes[known], outcome.event[known] == EVENT
    test = log_rank(outcome.values[known], event, codes=codes, k=len(groups.names))
    compared = tuple(groups.names[code] for code in test.used)
    if not compared:
        return LogRankTest(test.chi2, test.df, test.p, (), _why_no_test(groups, codes, event))
    notes = [
        f"{name} left out: nobody at risk when events happened"
        for name in groups.names
        if name not in compared
    ]
    if event[codes >= 0].sum() < FEW_EVENTS:
        notes.append(f"Fewer than {FEW_EVENTS} events: the p value is a rough one")
    if outcome.competing:
        notes.append(
            "It compares cause-specific hazards (competing events censor), not the cumulative incidence"
        )
    return LogRankTest(test.chi2, test.df, test.p, compared, ". ".join(notes))


def _why_no_test(groups: Groups, codes: np.ndarray, event: np.ndarray) -> str:
    if len(groups.names) < 2:
        return "there is only one subphenotype" if groups.names else "there are no subphenotypes"
    if not event[codes >= 0].any():
        return "no events in the subphenotypes"
    return "only one subphenotype has patients at risk when events happened"


def _facts(member: Member, curve: Curve, *, mark: float) -> list[Fact]:
    bare = NO_EVENTS if member.n and not curve.events else ""
    beyond = "follow-up ends earlier" if member.n and mark > curve.longest else ""
    quantity = INCIDENCE if member.outcome.competing else SURVIVAL
    events = curve.events
    facts = [
        member.fact(
            "median follow-up",
            Interval(curve.follow_up, np.nan, np.nan),
            note=_unreached(member, curve.follow_up),
            events=events,
        ),
        member.fact(
            quantity,
            curve.at_landmark,
            unit="",
            time=mark,
            note=beyond or (f"interval {bare}" if bare else ""),
            events=events,
        ),
    ]
    if member.outcome.competing:
        competing = Interval(curve.competing_events, np.nan, np.nan)
        return [*facts, member.fact("competing events", competing, unit="patients", events=events)]
    note = bare or _unreached(member, curve.median.estimate)
    return [*facts, member.fact("median survival", curve.median, note=note, events=events)]


def _unreached(member: Member, value: float) -> str:
    return "not reached" if member.n and np.isnan(value) else ""


def _test_facts(split: list[Member], test: LogRankTest) -> list[Fact]:
    assigned = [member for member in split if member.name not in (UNASSIGNED, ALL)]
    n, n_missing = sum(member.n for member in assigned), sum(member.n_missing for member in assigned)
    events = sum(float((member.event == EVENT).sum()) for member in assigned)
    outcome = split[0].outcome
    values = {
        "log-rank chi2": test.chi2,
        "log-rank df": float(test.df) if test.compared else np.nan,
        "log-rank p": test.p,
    }
    note = (
        " vs ".join(test.compared) + (f"; {test.note}" if test.note else "")
        if test.compared
        else f"no test: {test.note}"
    )
    return [
        Fact(
            outcome.name, outcome.kind, ASSIGNED, n, n_missing, events, name, value, np.nan, np.nan, note=note
        )
        for name, value in values.items()
    ]


def _table(outcome: Outcome, groups: Groups, curves: SurvivalCurves) -> Table:
    unit = f" {outcome.unit}" if outcome.unit else ""
    at = f"{number(curves.landmark, 2, whole=True)}{unit}"
    heads = ["Events", "Median follow-up"]
    if outcome.competing:
        heads += ["Competing events", f"Cumulative incidence at {at} (95 % interval)"]
    else:
        heads += ["Median time to event (95 % interval)", f"Event-free at {at} (95 % interval)"]
    first = 3 + len(heads)
    heads += [number(float(time), 2, whole=True) for time in curves.risk_times]
    decimals = decimals_for(curves.curves[ALL].longest / 4)
    return group_table(
        outcome,
        groups,
        heads=heads,
        rows=[
            _row(curve, competing=outcome.competing, decimals=decimals) for curve in curves.curves.values()
        ],
        notes=_notes(outcome, curves),
        spanners=((f"Number at risk{f' ({outcome.unit})' if outcome.unit else ''}", first, 2 + len(heads)),),
    )


def _row(curve: Curve, *, competing: bool, decimals: int) -> list[Cell]:
    bare = NO_EVENTS if curve.n and not curve.events else ""
    follow_up = _time_text(Interval(curve.follow_up, np.nan, np.nan), curve.n, decimals=decimals)
    median = bare or _time_text(curve.median, curve.n, decimals=decimals)
    at_mark = percent_interval(curve.at_landmark, curve.n)
    if bare and at_mark != NONE:
        at_mark = f"{at_mark} (interval {bare})"
    third: Cell = (
        (str(curve.competing_events), (curve.competing_events,)) if competing else (median, (curve.n,))
    )
    return [
        (shown_name(curve.name), ()),
        (str(curve.n), (curve.n,)),
        (str(curve.n_missing), (curve.n_missing,)),
        (str(curve.events), (curve.events,)),
        (follow_up, (curve.n,)),
        third,
        (at_mark, (curve.n,)),
        *((str(count), (count,)) for count in curve.at_risk.tolist()),
    ]


def _time_text(interval: Interval, n: int, *, decimals: int) -> str:
    if not n:
        return NONE
    return "not reached" if np.isnan(interval.estimate) else with_interval(*interval, decimals=decimals)


def _notes(outcome: Outcome, curves: SurvivalCurves) -> tuple[str, ...]:
    if outcome.competing:
        method = "Cumulative incidence by Aalen-Johansen beside competing events, log(-log) intervals."
    else:
        method = "Kaplan-Meier with log(-log) intervals by Greenwood's variance."
    beside = ("The unassigned are shown, not tested.",) if curves.curves[UNASSIGNED].n else ()
    return (f"{method} Median follow-up by reverse Kaplan-Meier.", curves.log_rank.sentence(), *beside)
