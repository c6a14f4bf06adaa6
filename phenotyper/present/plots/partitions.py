"""Partitions of patients from whatever holds them: subphenotypes, labels by id, a column of the cohort."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from phenotyper.errors import Problem, ResultError, listed
from phenotyper.present.plots.style import (
    MISSING_COLOUR,
    OTHER_COLOUR,
    UNASSIGNED,
    UNASSIGNED_COLOUR,
    category_colours,
    colour_of,
)
from phenotyper.present.plots.values import values_of

if TYPE_CHECKING:
    from mudata import MuData
    from numpy.typing import NDArray

MOST_GROUPS = 24
"""Groups with a box of their own; the rarest of more are pooled."""
MISSING = "missing"
_SUBPHENOTYPE = re.compile(r"[A-Z]{1,2}")


@dataclass(frozen=True, eq=False)
class Partition:
    """Groups of the same list of patients.

    Parameters
    ----------
    name : str
        Heading.
    labels : tuple of str
        Groups from top to bottom.
    codes : ndarray of int, patients
        Group of each patient.
    colours : tuple of str
        One a group.
    special : frozenset of str
        Groups that are none: unassigned, missing, not in this partition, the pooled.
    ordered : bool
        The order of the groups means something.
    status : str
        What may be said of subphenotypes.
    lettered : bool
        The colours are those of subphenotypes.
    """

    name: str
    labels: tuple[str, ...]
    codes: NDArray[np.intp]
    colours: tuple[str, ...]
    special: frozenset[str] = frozenset()
    ordered: bool = False
    status: str = ""
    lettered: bool = False

    @property
    def counts(self) -> NDArray[np.intp]:
        """Patients of each group."""
        return np.bincount(self.codes, minlength=len(self.labels))

    def reordered(self, order: NDArray[np.intp]) -> Partition:
        """Return the same groups in another order."""
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        return replace(
            self,
            labels=tuple(self.labels[at] for at in order),
            colours=tuple(self.colours[at] for at in order),
            codes=place[self.codes],
        )


@dataclass(frozen=True, eq=False)
class _Labels:
    """Labels by patient id, None = missing, and the order of the groups."""

    name: str
    data: pd.Series
    levels: tuple[str, ...]
    ordered: bool = False
    status: str = ""


def partitions_of(
    given: Sequence[Any], *, cohort: MuData | None, names: Sequence[str] | None
) -> list[Partition]:
    """Align partitions by patient id, over all patients that any of them knows.

    Raises
    ------
    ResultError
        NEEDS_COHORT, PARTITION, NO_OVERLAP.
    CohortError
        UNKNOWN_NAME.
    """
    if names is not None and (isinstance(names, str) or len(names) != len(given)):
        said = "1 text" if isinstance(names, str) else f"{len(names)} names"
        _refuse(f"{said} for {len(given)} partitions", "Give names=[...], one name a partition.")
    read = [_read(one, cohort, number) for number, one in enumerate(given, start=1)]
    titles = list(names) if names is not None else _distinct([one.name for one in read])
    ids = _universe(given, read)
    return [_partition(one, str(title), ids) for one, title in zip(read, titles, strict=True)]


def _read(one: Any, cohort: MuData | None, number: int) -> _Labels:
    if isinstance(one, str):
        return _column(one, cohort)
    if hasattr(one, "names") and isinstance(getattr(one, "table", None), pd.DataFrame):
        labels = one.table.set_index("patient_id")["subphenotype"]
        levels = (*one.names, *sorted({str(label) for label in labels} - set(one.names)))
        return _Labels("subphenotypes", _text(labels, "subphenotypes"), levels, status=str(one.status))
    if not isinstance(one, pd.Series | Mapping):
        _refuse(
            f"partition {number} is of type {type(one).__name__}",
            "Give Phenotypes, a Series or dict of labels by patient id, or the name of a column.",
        )
    series = one if isinstance(one, pd.Series) else pd.Series(dict(one), dtype=object)
    name = str(series.name) if series.name is not None else f"partition {number}"
    data = _text(series, name)
    present = set(data.dropna())
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = tuple(str(level) for level in series.cat.categories if str(level) in present)
        return _Labels(name, data, levels, ordered=bool(series.cat.ordered))
    return _Labels(name, data, tuple(sorted(present, key=_natural)))


def _column(name: str, cohort: MuData | None) -> _Labels:
    if cohort is None:
        remedy = "Give it: plot_alluvial(left, right, cohort=cohort)."
        raise ResultError(Problem("NEEDS_COHORT", f'"{name}" cannot be looked up without the cohort', remedy))
    values = values_of(cohort, name)
    if not values.levels:
        _refuse(
            f'"{name}" holds numbers, not groups', "Cut them into groups: a Series of labels by patient id."
        )
    present = set(values.data.dropna())
    levels = tuple(level for level in values.levels if level in present)
    return _Labels(values.label, values.data, levels, ordered=values.ordered)


def _text(series: pd.Series, name: str) -> pd.Series:
    ids = [str(patient) for patient in series.index]
    if not ids:
        _refuse(f'"{name}" has no patients', "Give one label a patient.")
    if len(set(ids)) < len(ids):
        twice = [str(one) for one in pd.Index(ids)[pd.Index(ids).duplicated()].unique()]
        _refuse(
            f'"{name}" has {len(twice)} patient ids more than once ({listed(twice)})',
            "Give one label a patient.",
        )
    labels = [None if value is None or pd.isna(value) else _plain(value) for value in series]
    return pd.Series(labels, index=ids, dtype=object)


def _plain(value: Any) -> str:
    """Write a whole number without its idle ".0": numbers of clusters come so when some are missing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _natural(label: str) -> tuple[bool, list[tuple[int, int, str]]]:
    """Sort cluster 2 before cluster 10, and the unassigned last."""
    parts = [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"([0-9]+)", label)
        if part
    ]
    return label.startswith(UNASSIGNED), parts


def _universe(given: Sequence[Any], read: Sequence[_Labels]) -> list[str]:
    """Return all patients; columns of the cohort add theirs only where nothing else is given."""
    first = read[0]
    for number, other in enumerate(read[1:], start=2):
        if not set(first.data.index) & set(other.data.index):
            some = f"{listed(first.data.index, 2)} and {listed(other.data.index, 2)}"
            raise ResultError(
                Problem(
                    "NO_OVERLAP",
                    f"partitions 1 and {number} share no patient (ids {some})",
                    "Compare the ids: leading zeros, prefixes, another cohort?",
                )
            )
    own = [one for one, how in zip(read, given, strict=True) if not isinstance(how, str)] or list(read)
    return sorted({patient for one in own for patient in one.data.index})


def _kept(levels: Sequence[str], labels: pd.Series) -> tuple[list[str], set[str]]:
    """Return the groups with a box of their own, and the rarest where there are too many."""
    if len(levels) <= MOST_GROUPS:
        return list(levels), set()
    counts = labels.value_counts()
    often = sorted(levels, key=lambda level: -int(counts.get(level, 0)))
    often.sort(key=lambda level: not level.startswith(UNASSIGNED))
    kept = set(often[: MOST_GROUPS - 1])
    return [level for level in levels if level in kept], set(levels) - kept


def _partition(one: _Labels, title: str, ids: list[str]) -> Partition:
    """Name the group of each patient; the missing, the absent and the rarest of too many are groups too."""
    absent = f"not in {title}"
    labels = one.data.reindex(ids)
    levels, pooled = _kept(one.levels, labels)
    others = f"{len(pooled)} others"
    text = [
        (others if label in pooled else label) if isinstance(label, str) else MISSING if known else absent
        for label, known in zip(labels, pd.Index(ids).isin(one.data.index), strict=True)
    ]
    outside = [level for level in levels if level.startswith(UNASSIGNED)]
    inside = [level for level in levels if level not in outside]
    present = set(text)
    shown = [
        label for label in dict.fromkeys([*inside, others, *outside, MISSING, absent]) if label in present
    ]
    special = frozenset({others, MISSING, absent, *outside})
    place = {label: at for at, label in enumerate(shown)}
    codes = np.array([place[label] for label in text], dtype=np.intp)
    plain = [label for label in shown if label not in special]
    lettered = bool(one.status) or all(_SUBPHENOTYPE.fullmatch(label) for label in plain)
    colours = (
        {label: colour_of(label) for label in plain}
        if lettered
        else category_colours(plain, ordered=one.ordered)
    )
    colours |= dict.fromkeys(outside, UNASSIGNED_COLOUR) | {others: OTHER_COLOUR}
    painted = tuple(colours.get(label, MISSING_COLOUR) for label in shown)
    return Partition(title, tuple(shown), codes, painted, special, one.ordered, one.status, lettered)


def _distinct(names: list[str]) -> list[str]:
    """Add numbers to names that repeat."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(f"{name} {seen[name]}" if names.count(name) > 1 else name)
    return out


def _refuse(what: str, remedy: str) -> NoReturn:
    raise ResultError(Problem("PARTITION", what, remedy))
