"""Records, one value a row, as clinical formats list them: which are wanted, and in one unit each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import Wrong, code
from phenotyper.cohort.readers.contract import FIRST_ROW, Source
from phenotyper.errors import CohortError, Problem, did_you_mean, listed, number_of

DATE = "date"
"""Column that holds the day of each row."""
NO_UNIT = "none"
"""How a record without a unit is called."""
_TEXTS = ("id", DATE, "feature", "text", "unit", "sign")
_LEAST = 0.01


@dataclass(frozen=True)
class Records:
    """Values as a file lists them.

    Parameters
    ----------
    frame : DataFrame
        Columns id, date, feature, text, unit, sign (categories; "" = none), number (float64, NaN = none),
        moment (order within a day) and row (spreadsheet row).
    labels : mapping of str to str
        What a feature is called by people.
    problems : tuple of Problem
        What was noticed so far.
    """

    frame: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def where(self, kept: np.ndarray, *problems: Problem) -> Records:
        """Return some of the records (a mask), and what is to be said of the rest."""
        frame = self.frame if kept.all() else self.frame[kept].reset_index(drop=True)
        return Records(frame, self.labels, (*self.problems, *problems))


def records_of(
    columns: Mapping[str, Any],
    *,
    labels: Mapping[str, str] | None = None,
    problems: Iterable[Problem] = (),
) -> Records:
    """Return records from columns of one length; those that are absent hold nothing.

    Examples
    --------
    >>> records = records_of({"id": ["a"], "feature": ["crp"], "number": [2.0]})
    >>> records.frame["unit"].tolist(), records.frame["row"].tolist()
    ([''], [2])
    """
    length = len(columns["id"])
    frame = {name: _category(columns.get(name), length) for name in _TEXTS}
    number = columns.get("number")
    number = np.full(length, np.nan) if number is None else np.asarray(number, dtype=np.float64)
    moment, row = columns.get("moment"), columns.get("row")
    frame["number"] = pd.Series(np.where(np.isfinite(number), number, np.nan))
    frame["moment"] = pd.Series(np.zeros(length) if moment is None else moment)
    frame["row"] = pd.Series(np.arange(length) + FIRST_ROW if row is None else row)
    return Records(pd.DataFrame(frame), labels or {}, tuple(problems))


def _category(values: Any, length: int) -> pd.Series:
    if values is None:
        return pd.Series(pd.Categorical.from_codes(np.zeros(length, dtype=np.int8), categories=[""]))
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        return values.reset_index(drop=True)
    return pd.Series(pd.Categorical(pd.Index(np.asarray(values, dtype=object), dtype=object)))


def share(value: Any) -> float:
    """Return a share of the patients, for an option."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        expected = "a share of the patients between 0 and 1, as 0.05"
        raise Wrong(expected)
    return float(value)


def units_asked(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the units to keep of each feature, for an option.

    Examples
    --------
    >>> units_asked({"3004249": "mg/dL", "crp": ["mg/L", "none"]})
    (('3004249', ('mg/dL',)), ('crp', ('mg/L', 'none')))
    """
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    expected = 'a unit for each feature, as { "3004249" = "mg/dL" } or { crp = ["mg/L", "none"] }'
    if not isinstance(pairs, (list, tuple)) or not pairs:
        raise Wrong(expected)
    found = []
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise Wrong(expected)
        units = [pair[1]] if isinstance(pair[1], str) else pair[1]
        if not isinstance(units, (list, tuple)) or not units or not all(isinstance(u, str) for u in units):
            raise Wrong(expected)
        found.append((code(pair[0]), tuple(units)))
    return tuple(found)


def chosen(source: Source, records: Records, persons: Sequence[str]) -> Records:
    """Keep the features that were asked for (``concepts``), or that enough patients have (``least``).

    Raises
    ------
    CohortError
        CONCEPT_UNKNOWN when one that was asked for does not occur.
    """
    feature = records.frame["feature"].cat
    names = [str(name) for name in feature.categories]
    codes = feature.codes.to_numpy()
    asked = source.options.get("concepts", ())
    if asked:
        wanted = named(source, asked, names, labels=records.labels)
        return records.where(np.array([name in wanted for name in names], dtype=bool)[codes])
    least = float(source.options.get("least", _LEAST))
    pairs = pd.DataFrame({"feature": codes, "id": records.frame["id"].cat.codes}).drop_duplicates()
    patients = np.bincount(pairs["feature"], minlength=len(names))
    enough = (patients > 0) & (patients >= least * max(1, len(persons)))
    rare = int(((patients > 0) & ~enough).sum())
    if not rare:
        return records
    message = f"{source.name} has {rare} of {int((patients > 0).sum())} features in less than {least:.3g} of "
    message += f"{number_of(len(persons), 'patient')}"
    remedy = "They were left out: give least = a lower share, or concepts = [...] to name what you need."
    return records.where(enough[codes], warning(source, "CONCEPT_RARE", message, remedy))


def named(
    source: Source,
    asked: Iterable[str],
    names: Sequence[str],
    *,
    labels: Mapping[str, str],
    option: str = "concepts",
) -> set[str]:
    """Return the features that are asked for by code or by label.

    Raises
    ------
    CohortError
        CONCEPT_UNKNOWN when one does not occur.
    """
    by_label: dict[str, set[str]] = {}
    for name in names:
        by_label.setdefault(labels.get(name, name).casefold(), set()).add(name)
    found: set[str] = set()
    unknown = []
    for word in asked:
        hits = {word} if word in names else by_label.get(word.casefold(), set())
        found |= hits
        unknown += [] if hits else [word]
    if unknown:
        known = [*names, *(labels[name] for name in names if labels.get(name))]
        message = f"{source.name} has no records of {listed(f'"{word}"' for word in unknown)}"
        remedy = f"Correct {option}: it takes codes or names.{did_you_mean(unknown[0], known)}"
        raise CohortError(Problem("CONCEPT_UNKNOWN", message, remedy, where=source.name))
    return found


def one_unit(source: Source, records: Records, error_code: str) -> tuple[Records, dict[str, str]]:
    """Return records with one unit a feature, and the units; nothing is converted.

    Raises
    ------
    CohortError
        With the code given, when numbers of a feature stand in several units and none was chosen.
    """
    kept, units = np.ones(len(records.frame), dtype=bool), {}
    asked = dict(source.options.get("unit_of", ()))
    frame = records.frame
    named(source, asked, list(frame["feature"].cat.categories), labels=records.labels, option="unit_of")
    numeric = frame["number"].notna().to_numpy()
    counts = frame[numeric].groupby(["feature", "unit"], observed=True).size()
    several: dict[str, str] = {}
    lost = 0
    for feature, times in counts.groupby(level="feature", observed=True):
        name = str(feature)
        found = {str(unit) or NO_UNIT: int(count) for (_, unit), count in times.items()}
        wanted = asked.get(name) or asked.get(records.labels.get(name, ""))
        if wanted:
            other = numeric & (frame["feature"] == feature) & ~frame["unit"].isin(_as_stored(wanted))
            lost += int(other.sum())
            kept &= ~other.to_numpy()
            units[name] = "" if wanted[0] == NO_UNIT else wanted[0]
        elif len(found) > 1:
            several[name] = f"{_shown(name, records.labels)} in {listed(_counted(found), most=9)}"
        else:
            units[name] = next(unit if unit != NO_UNIT else "" for unit in found)
    if several:
        raise _in_several(source, several, error_code)
    if not lost:
        return records, units
    message = f"{source.name} has {number_of(lost, 'number')} in other units than unit_of says"
    return records.where(kept, warning(source, error_code, message, "They were left out.")), units


def _in_several(source: Source, several: Mapping[str, str], error_code: str) -> CohortError:
    shown = listed(several.values(), most=9)
    message = f"{source.name} has {number_of(len(several), 'feature')} in several units: {shown}"
    example = next(iter(several))
    remedy = f'Nothing is converted. Keep one, unit_of = {{ "{example}" = "..." }}, or convert the file.'
    return CohortError(Problem(error_code, message, remedy, where=source.name))


def _as_stored(units: Iterable[str]) -> list[str]:
    return ["" if unit == NO_UNIT else unit for unit in units]


def _counted(found: Mapping[str, int]) -> list[str]:
    return [
        f"{unit} ({number_of(times, 'time')})"
        for unit, times in sorted(found.items(), key=lambda pair: -pair[1])
    ]


def _shown(name: str, labels: Mapping[str, str]) -> str:
    label = labels.get(name, "")
    return f"{name} ({label})" if label and label != name else name


def unused(source: Source, used: Iterable[str]) -> list[Problem]:
    """Return a warning of options that were given and play no part in what is read."""
    names = sorted(set(source.options) - set(used))
    if not names:
        return []
    message = f"{source.name} is read without {listed(names)}"
    return [warning(source, "OPTION_UNUSED", message, "Take it out: it says nothing of this part.")]


def warning(source: Source, error_code: str, message: str, remedy: str) -> Problem:
    """Return a warning of what a table holds."""
    return Problem(error_code, message, remedy, where=source.name, severity="warning")
