"""Columns of a REDCap export as features: each field type decoded, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import Source
from phenotyper.cohort.readers.redcap_cells import Export, as_numbers, slug
from phenotyper.cohort.readers.redcap_dictionary import CHOSEN, Field, Fields
from phenotyper.cohort.values import Offences, counted, numbers_of, offences
from phenotyper.errors import Problem, listed

_SURVEY = "redcap_survey_identifier"
KEEP = "keep"
"""Value of ``identifiers`` that leaves none out."""


@dataclass
class Columns:
    """Gathers decoded columns of the chosen rows, and what is to be said of them.

    Parameters
    ----------
    export : Export
        All rows.
    chosen : ndarray of int
        Positions of the rows wanted.
    source : Source
        Its options say which identifiers and which instrument are wanted.
    """

    export: Export
    chosen: np.ndarray
    source: Source
    columns: dict[str, pd.Series] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    numeric: list[str] = field(default_factory=list)
    unasked: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """Decode a column of the export, or leave it out."""
        if name in self.export.lost_boxes:
            return
        known, code = self.export.owner.get(name, (Field(name, "notes"), ""))
        instrument = self.source.options.get("instrument", "")
        of_instrument = slug(known.form) == slug(instrument) or known.form == "" or not instrument
        use = "identifier" if name == _SURVEY else known.use
        if use == "identifier":
            keep = self.source.options.get("identifiers", ())
            if KEEP not in keep and known.name not in keep:
                self.dropped.append(known.name)
                return
            use = "hidden"
        if use == "nothing" or not of_instrument:
            return
        if use == "hidden":
            self._hide(name, known)
        elif use == "number":
            self._number(name, known)
        elif code:
            self._box(name, known, code)
        elif known.choices:
            self._choice(name, known)
        else:
            self._put(name, self._cells(name), kind="category", label=known.label)

    def _cells(self, name: str) -> pd.Series:
        return self.export.text(name).iloc[self.chosen].reset_index(drop=True)

    def _put(self, name: str, cells: pd.Series, **facts: Any) -> None:
        self.columns[name] = cells
        self.facts[name] = {key: value for key, value in facts.items() if value}

    def _hide(self, name: str, known: Field) -> None:
        cells = self._cells(name)
        self._put(name, cells, label=known.label)
        self.hidden.add(name)
        free = name in self.export.owner and known.type == "text" and not known.validation
        if free and known.use == "hidden" and as_numbers(cells.dropna(), comma=False).dtype == np.float64:
            self.numeric += [name] if cells.notna().any() else []

    def _number(self, name: str, known: Field) -> None:
        cells = self._cells(name)
        values = as_numbers(cells, comma=known.comma or self.source.decimal == ",")
        label = f"{known.label} (computed)" if known.type == "calc" else known.label
        self._put(name, values, kind="number", unit=known.unit, label=label, reference=known.reference)
        numbers, _ = numbers_of(values, self.rows)
        low, high = known.bounds
        outside = (numbers < low) | (numbers > high)
        if outside.any():
            count = int(outside.sum())
            values = "1 value" if count == 1 else f"{count} values"
            message = f"{self._place(name)} has {values} outside {known.reference}"
            remedy = "They were kept; look at unit and typing, or correct them in REDCap."
            found = tuple(self.rows[outside].tolist())
            self._say("REDCAP_RANGE", message, remedy, rows=found)

    def _choice(self, name: str, known: Field) -> None:
        found = self.export.codes(name)[self.chosen]
        if known.use == "yes/no":
            levels = {"1": "yes", "0": "no"}
        else:
            words = [label for _, label in known.choices] if self.export.labelled else known.levels
            levels = {code: word for (code, _), word in zip(known.choices, words, strict=True)}
        self._put(
            name,
            pd.Series([levels.get(code) for code in found], dtype="str"),
            kind=known.use,
            label=known.label,
            levels=[] if known.use == "yes/no" else list(dict.fromkeys(levels.values())),
        )
        self._misfits(name, known, found)

    def _box(self, name: str, known: Field, code: str) -> None:
        opened, seen = self.export.asked(known)
        found = self.export.codes(name)[self.chosen]
        zero = found == "0"
        shut, unseen = zero & ~opened[self.chosen], zero & opened[self.chosen] & ~seen[self.chosen]
        before = self.unasked.get(known.name, (0, 0))
        self.unasked[known.name] = before[0] + int(shut.sum()), before[1] + int(unseen.sum())
        self._misfits(name, known, found)
        answers = {"1": "yes", "0": "no"}
        cells = [
            None if gone else answers.get(answer) for answer, gone in zip(found, shut | unseen, strict=True)
        ]
        label = ": ".join(part for part in (known.label, dict(known.choices)[code]) if part)
        self._put(name, pd.Series(cells, dtype="str"), kind="yes/no", label=label)

    def _misfits(self, name: str, known: Field, found: np.ndarray) -> None:
        wrong = found == None  # noqa: E711
        if not wrong.any():
            return
        cells = self._cells(name).str.strip()
        shown: Offences = offences(cells, self.rows, list(cells[wrong].unique()))
        codes_of = listed((f"{code} {label}" for code, label in known.choices), most=6)
        message = f"{self._place(name)} holds {listed(counted(shown))}, no choice of it ({codes_of})"
        remedy = "Correct the cells, or name codes that mean missing: missing_data_codes = [...]."
        remedy += " The export was read as one of labels." if self.export.labelled else ""
        rows = tuple(sorted(row for places in shown.values() for row in places))
        self.problems.append(Problem("REDCAP_CHOICE", message, remedy, where=self.source.name, rows=rows))

    @property
    def rows(self) -> np.ndarray:
        """Spreadsheet rows of the chosen patients."""
        return self.export.table.rows[self.chosen]

    def _place(self, name: str) -> str:
        return f'{self.source.name}, field "{name}"'

    def _say(self, code: str, message: str, remedy: str, *, rows: tuple[int, ...] = ()) -> None:
        self.problems.append(
            Problem(code, message, remedy, where=self.source.name, rows=rows, severity="warning")
        )

    def notes(self, fields: Fields) -> list[Problem]:
        """Return everything that was noticed, what concerns many fields in one note."""
        if self.dropped:
            message = f"{self.source.name} has fields that identify patients: {_names(self.dropped)}"
            remedy = 'They were left out; identifiers = ["..."] keeps those that a role needs.'
            self._say("REDCAP_IDENTIFIERS", message, remedy)
        if self.numeric:
            message = f"{self.source.name} has text fields that hold numbers only: {_names(self.numeric)}"
            remedy = (
                "They are no features; name them in columns, and their kind in a dictionary, if they are."
            )
            self._say("REDCAP_TEXT", message, remedy)
        present = {name: self.export.owner[name][0] for name in self.facts if name in self.export.owner}
        computed = [name for name, known in present.items() if known.type == "calc"]
        if computed:
            message = f"{self.source.name} has fields computed from others: {_names(computed)}"
            self._say(
                "REDCAP_CALC", message, "What they are computed from counts twice: exclude one of the two."
            )
        chosen = [
            name for name, known in present.items() if known.type in CHOSEN[:2] and len(known.choices) > 2
        ]
        if chosen:
            message = f"{self.source.name} has fields with three or more choices: {_names(chosen)}"
            remedy = "They are read as category; give those whose order counts kind ordinal in a dictionary."
            self._say("REDCAP_ORDER", message, remedy)
        self._say_unasked(fields)
        return self.problems

    def _say_unasked(self, fields: Fields) -> None:
        shut, unseen = (sum(pair[place] for pair in self.unasked.values()) for place in (0, 1))
        if shut + unseen:
            names = [name for name, pair in self.unasked.items() if sum(pair)]
            message = (
                f"{self.source.name} has {shut + unseen} empty boxes of questions never asked "
                f"({_names(names)}): "
                f"{shut} in forms never opened, {unseen} hidden by the branching logic"
            )
            self._say("REDCAP_UNASKED", message, 'They were set missing, not "no".')
        unsure = dict(self.export.unsure)
        lacking = [word for word in ("branching", "form") if word in fields.absent]
        if lacking and self.unasked:
            unsure |= dict.fromkeys(self.unasked, f"{fields.name} has no column of {' and '.join(lacking)}")
        if unsure:
            shown = listed(f"{name} ({why})" for name, why in unsure.items())
            message = f"{self.source.name} has checkboxes of which it cannot be told who was asked: {shown}"
            self._say("REDCAP_BRANCHING", message, 'Their empty boxes are "no"; look at them before use.')


def _names(names: Iterable[str]) -> str:
    return listed(dict.fromkeys(names), most=10)
