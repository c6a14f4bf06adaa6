"""Likely outcomes: a time with its event, and columns named as what happened afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from phenotyper.cohort.draft.codebook import NO_HINT, Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.levels import in_order, yes_no
from phenotyper.cohort.draft.words import (
    EVENT,
    OUTCOME,
    SURVIVAL,
    TIME,
    TIME_UNITS,
    says,
    tokens,
    unit_in,
    words,
)
from phenotyper.cohort.values import NUMBER, code_text

_FILLER = TIME | words(
    "to in at of or and last seen the until since event status censor censored follow up date d m y t e flag "
    "from"
)
_STATES = ({"0", "1"}, {"0", "1", "2"}, {"1", "2"})
_YEARS = (1900, 2035)


@dataclass(frozen=True)
class OutcomeDraft:
    """An outcome as it will be declared; with ``off`` it is written commented out."""

    name: str
    kind: str
    column: str
    keys: Mapping[str, object] = field(default_factory=dict)
    label: str = ""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Key -> question that stands above it."""
    off: bool = False


@dataclass(frozen=True)
class Survival:
    """What the search for times and events came to."""

    outcomes: tuple[OutcomeDraft, ...]
    left_out: Mapping[str, str]
    """Column -> why it is not used: it says the same as an outcome."""


def is_year(column: Column) -> bool:
    """Tell whether a column holds calendar years."""
    return column.whole and _YEARS[0] <= column.low and column.high <= _YEARS[1]


def stem(name: str) -> tuple[str, ...]:
    """Return what a name is about, without words for time and event.

    Examples
    --------
    >>> stem("time_to_relapse_or_last_seen_days"), stem("os_event"), stem("days_followed")
    (('relapse',), ('os',), ())
    """
    return tuple(part for part in tokens(name) if part not in _FILLER and not part.isdigit())


def time_unit(name: str) -> str:
    """Return the unit of time that a name says anywhere."""
    parts = tokens(name)
    found = [unit_in(f"x {part}") for part in parts]
    return next((unit for unit in found if unit in TIME_UNITS), "")


def survival_of(columns: Mapping[str, Column]) -> Survival:
    """Pair times with events, by what their names share, and name the columns that repeat them."""
    times = {name: column for name, column in columns.items() if _is_time(column)}
    events = {name: column for name, column in columns.items() if _is_event(column)}
    pairs = _paired(times, events)
    left_out: dict[str, str] = {}
    for time, event in pairs:
        left_out |= _repeated(columns, time, event)
    used = {name for pair in pairs for name in pair}
    names = _names(pairs, [name for name in events if name not in used | set(left_out)])
    outcomes = [
        _survival(name, columns[time], columns[event])
        for name, (time, event) in zip(names, pairs, strict=True)
    ]
    spare = {
        name: "a time, and no event that belongs to it was found"
        for name in times
        if name not in used and name not in left_out
    }
    return Survival(tuple(outcomes), left_out | spare)


def _is_time(column: Column) -> bool:
    if not column.numeric or column.low < 0 or says(column.name, ("age", "alter", "gestational")):
        return False
    about = frozenset(stem(column.name))
    timed = says(column.name, TIME) and (
        time_unit(column.name) or says(column.name, ("time", "followup", "follow"))
    )
    related = not about or bool(about & (SURVIVAL | OUTCOME | {"death", "ed"}))
    return bool(timed and related and len(column.counts) > 10 and not is_year(column))


def _is_event(column: Column) -> bool:
    levels = set(column.levels)
    named = says(column.name, EVENT | SURVIVAL | OUTCOME)
    return bool(named and (levels in _STATES or yes_no(column.levels)))


def _paired(times: Mapping[str, Column], events: Mapping[str, Column]) -> list[tuple[str, str]]:
    ranked = sorted(
        (
            (len(common), says(event, EVENT), -len(stem(time)), time, event)
            for time in times
            for event in events
            if (common := set(stem(time)) & set(stem(event)))
        ),
        key=lambda item: item[:3],
        reverse=True,
    )
    pairs: list[tuple[str, str]] = []
    for *_, time, event in ranked:
        if all(time != other and event != happened for other, happened in pairs):
            pairs.append((time, event))
    spare = [name for name in times if all(name != time for time, _ in pairs)]
    waiting = [
        name
        for name in events
        if says(name, EVENT)
        and frozenset(stem(name)) <= SURVIVAL | OUTCOME | EVENT
        and all(name != event for _, event in pairs)
    ]
    repeated = {name for time, event in pairs for name in _repeated({**times, **events}, time, event)}
    spare = [name for name in spare if name not in repeated]
    waiting = [name for name in waiting if name not in repeated]
    full = [name for name in waiting if set(events[name].levels) in _STATES] or waiting
    if len(spare) == 1 and len(full) == 1:
        pairs.append((spare[0], full[0]))
    order = list(times)
    return sorted(pairs, key=lambda pair: order.index(pair[0]))


def _repeated(columns: Mapping[str, Column], time: str, event: str) -> dict[str, str]:
    """Return columns that hold the same as the event, or a part of the time."""
    found = {}
    happened, days = _as_flag(columns[event]), columns[time].cells
    for name, column in columns.items():
        if name in {time, event}:
            continue
        flag = _as_flag(column)
        if flag is not None and happened is not None and bool((flag == happened).all()):
            found[name] = f"the same as {event}"
        elif column.cells.dtype == np.float64 and days.dtype == np.float64 and _is_time(column):
            both = column.cells.notna() & days.notna()
            if both.sum() > 5 and bool(np.isclose(column.cells[both], days[both]).mean() > 0.95):
                found[name] = f"the same as {time} where it is known"
    return found


def _as_flag(column: Column) -> np.ndarray | None:
    """Return 1, 0 and -1 for yes, no and missing, or None for a column of anything else."""
    levels = ("0", "1") if set(column.levels) == {"0", "1"} else yes_no(column.levels)
    if not levels:
        return None
    codes = column.cells.map(lambda cell: code_text(cell), na_action="ignore")
    return np.where(codes == levels[1], 1, np.where(codes == levels[0], 0, -1))


def _names(pairs: Sequence[tuple[str, str]], others: Sequence[str]) -> list[str]:
    names: list[str] = []
    for time, event in pairs:
        shared = [part for part in stem(event) if part in stem(time)] or list(stem(event)) or ["event"]
        name = "_".join(shared)
        names.append(f"time_to_{name}" if name in others or name in names else name)
    return names


def _survival(name: str, time: Column, event: Column) -> OutcomeDraft:
    levels = set(event.levels)
    keys: dict[str, object] = {"time": time.name}
    questions: dict[str, str] = {}
    unit = time_unit(time.name)
    if levels == {"0", "1", "2"}:
        keys |= {"event": 1, "censored": [0], "competing": 2}
        questions["competing"] = f"{event.name} holds 0, 1 and 2: taken as none, the event, a competing event"
    elif levels == {"1", "2"}:
        keys |= {"event": 2, "censored": [1]}
        questions["event"] = (
            f"{event.name} holds 1 and 2: taken as 1 = not seen, 2 = happened (as in R); or the reverse"
        )
    else:
        keys |= {"event": _value(yes_no(event.levels)[1] if levels != {"0", "1"} else "1")}
    if unit:
        keys["unit"] = unit
    else:
        questions["time"] = 'no unit in the name: add unit = "days", "months" or "years"'
    return OutcomeDraft(name, "survival", event.name, keys, questions=questions)


def _value(code: str) -> object:
    return int(code) if code.lstrip("-").isdigit() else code


def is_outcome(column: Column, hint: Hint = NO_HINT) -> bool:
    """Tell whether a column is named, or described, as what happened afterwards."""
    if hint.role:
        return hint.role == "outcome"
    dated = says(column.name, ("date", "year", "age", "at")) or is_year(column) or column.dates
    return says(column.name, OUTCOME) and not dated and not column.free_text


def outcome_of(column: Column, hint: Hint = NO_HINT) -> OutcomeDraft | None:
    """Return the outcome that a column is; None where it has classes without an order."""
    name, label, unit = column.name, hint.label, hint.unit or unit_in(column.name)
    levels = column.levels
    if len(levels) == 2:
        pair = ("0", "1") if set(levels) == {"0", "1"} else yes_no(levels)
        if pair:
            return OutcomeDraft(name, "binary", name, {"event": _value(pair[1])}, label)
        question = (
            f'which value is the event: "{levels[0]}" or "{levels[1]}"? Then delete the # of these lines'
        )
        return OutcomeDraft(
            name, "binary", name, {"event": _value(levels[-1])}, label, {"": question}, off=True
        )
    if all(NUMBER.fullmatch(level) for level in levels):
        if (
            len(levels) <= 10
            and column.whole
            and (hint.factor or says(name, ("cat", "category", "grade", "scale")))
        ):
            return OutcomeDraft(
                name,
                "ordinal",
                name,
                {"levels": [_value(level) for level in sorted(levels, key=float)]},
                label,
            )
        keys: dict[str, object] = {"unit": unit} if unit else {}
        return OutcomeDraft(name, "number", name, keys, label)
    if order := in_order(levels):
        asked = {"levels": "lowest to highest? The order was read from the words"}
        return OutcomeDraft(name, "ordinal", name, {"levels": list(order)}, label, asked)
    return None
