"""Cells of a REDCap export: codes or labels, boxes ticked, not ticked or never asked, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import RawTable
from phenotyper.cohort.readers.redcap_branching import UnsupportedError, shown
from phenotyper.cohort.readers.redcap_dictionary import Field, plain
from phenotyper.cohort.values import NUMBER, code_text, text_of

EVENT, INSTRUMENT = "redcap_event_name", "redcap_repeat_instrument"
BOX = (("1", "Checked"), ("0", "Unchecked"))
STATUS = (("0", "Incomplete"), ("1", "Unverified"), ("2", "Complete"))
_CHECKBOX = re.compile(r"(\w+)\((.+)\)")


def slug(text: str) -> str:
    """Return the name of a form or event without case, spaces and signs."""
    return re.sub(r"[\W_]+", "_", text).strip("_").casefold()


def box_columns(field: Field, columns: Iterable[str]) -> dict[str, str]:
    """Return the column of each choice of a checkbox, by its code.

    Examples
    --------
    >>> race = Field("race", "checkbox", choices=(("1", "a"), ("-9", "b"), ("X y", "c"), ("1.5", "d")))
    >>> box_columns(race, ["race___1", "race____9", "race___xy", "race___1_5"])
    {'1': 'race___1', '-9': 'race____9', 'X y': 'race___xy', '1.5': 'race___1_5'}
    """
    ends = {
        name[len(field.name) + 3 :].casefold(): name
        for name in columns
        if name.casefold().startswith(f"{field.name}___".casefold())
    }
    loose = {end.replace("_", ""): name for end, name in ends.items()}
    found: dict[str, str] = {}
    for code, _ in field.choices:
        end = next((end for end in _endings(code) if end in ends), "")
        if end:
            found[code] = ends[end]
    for code, _ in field.choices:
        name = loose.get(re.sub(r"[^a-z0-9]", "", code.casefold()))
        if code not in found and name and name not in found.values():
            found[code] = name
    return {code: found[code] for code, _ in field.choices if code in found}


def _endings(code: str) -> list[str]:
    """Return what REDCap makes of a code in a column name: of today, and before it kept the place of a dot.

    Source: REDCap, Project::getExtendedCheckboxCodeFormatted.
    """
    plain_code = code.casefold().replace("-", "_")
    return [re.sub(r"[^a-z0-9_]", "", text) for text in (plain_code.replace(".", "_"), plain_code)]


def by_code(choices: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what a cell of a raw export may hold -> code; "1.0" and "1" find "01" if that alone is 1."""
    codes = [code for code, _ in choices]
    numbers = [code_text(code) for code in codes]
    loose = {number: code for code, number in zip(codes, numbers, strict=True) if numbers.count(number) == 1}
    return loose | {code: code for code in codes}


def by_label(choices: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what a cell of a labelled export may hold -> code, the first of those with one label."""
    return {label: code for code, label in reversed(list(choices))}


@dataclass
class Export:
    """An export with its fields; what is asked of all rows is worked out once.

    Parameters
    ----------
    table : RawTable
        As read; every column text.
    fields : mapping of str to Field
        By name.
    labelled : bool
        Whether cells hold labels.
    lost : tuple of str
        Codes of the project that mean missing; a checkbox has a box of its own for each.
    """

    table: RawTable
    fields: Mapping[str, Field]
    labelled: bool = False
    lost: tuple[str, ...] = ()
    unsure: dict[str, str] = field(default_factory=dict)
    """Checkbox -> why it cannot be told whether it was asked."""

    def __post_init__(self) -> None:
        names = [str(name) for name in self.table.frame.columns]
        self.names = names
        self.boxes = {
            known.name: box_columns(known, names)
            for known in self.fields.values()
            if known.type == "checkbox"
        }
        self.owner: dict[str, tuple[Field, str]] = {
            name: (self.fields[name], "") for name in names if name in self.fields
        }
        for name, columns in self.boxes.items():
            self.owner |= {column: (self.fields[name], code) for code, column in columns.items()}
        self.lost_boxes: dict[str, str] = {
            column: known.name
            for known in self.fields.values()
            if known.type == "checkbox"
            for column in (f"{known.name}___{_endings(code)[0]}" for code in self.lost)
            if column in names and column not in self.owner
        }
        self._records = {"record_id", self.table.id_column, *list(self.fields)[:1]}
        self._codes: dict[str, np.ndarray] = {}
        self._opened: dict[str, np.ndarray] = {}
        self._asked: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._base: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.table.rows)

    def text(self, column: str) -> pd.Series:
        """Return a column as text, NaN = missing; whole numbers of sheets without ".0"."""
        values = self.table.frame[column]
        return text_of(values) if pd.api.types.is_float_dtype(values.dtype) else values

    def texts(self, column: str) -> np.ndarray:
        """Return a column as plain texts, "" = missing; all "" when it is not there."""
        if column not in self.names:
            return np.full(self.size, "", dtype=object)
        return self.text(column).fillna("").str.strip().to_numpy(dtype=object)

    def lookup(self, column: str, *, labelled: bool) -> dict[str, str]:
        """Return what a cell of a chosen field may hold -> its code."""
        known, code = self.owner[column]
        if not code:
            return by_label(known.choices) if labelled else by_code(known.choices)
        own = {dict(known.choices)[code]: "1"} if labelled else {}
        return own | (by_label(BOX) if labelled else by_code(BOX))

    def codes(self, column: str) -> np.ndarray:
        """Return the raw codes of a column, "" = missing, None = not a choice; other columns as they are."""
        if column not in self._codes:
            found = self.texts(column)
            if column in self.owner and self.owner[column][0].choices:
                known = self.lookup(column, labelled=self.labelled)
                known |= {"true": "1", "false": "0"} if self.owner[column][0].type == "truefalse" else {}
                cells = {cell: _code(cell, known) for cell in dict.fromkeys(found)}
                found = _mapped(found, cells)
                if self.owner[column][1] and self.labelled and "" in cells and _names_its_choice(cells):
                    found[found == ""] = "0"
            self._codes[column] = found
        return self._codes[column]

    def opened(self, form: str) -> np.ndarray:
        """Return in which rows a form was opened: it has a status, or one of its fields holds something."""
        if form not in self._opened:
            status = f"{slug(form)}_complete"
            known = {**by_label(STATUS), **by_code(STATUS)}
            state = _mapped(
                self.texts(status), {text: known.get(text, "") for text in set(self.texts(status))}
            )
            found = np.isin(state, ["1", "2"])
            others = 0
            for name, (owner, code) in self.owner.items():
                if owner.form != form or owner.type == "calc" or name in self._records:
                    continue
                others += not code
                found |= self.codes(name) == "1" if code else self.texts(name) != ""
            if status not in self.names and not others:
                found[:] = True
                self.unsure |= {
                    name: f"neither {status} nor another field of its form was exported"
                    for name in self.boxes
                    if self.fields[name].form == form and self.boxes[name]
                }
            self._opened[form] = found
        return self._opened[form]

    def asked(self, checkbox: Field) -> tuple[np.ndarray, np.ndarray]:
        """Return in which rows the form of a checkbox was opened, and in which the field was shown."""
        if checkbox.name not in self._asked:
            self._asked[checkbox.name] = self._was_asked(checkbox)
        return self._asked[checkbox.name]

    def _was_asked(self, checkbox: Field) -> tuple[np.ndarray, np.ndarray]:
        ticked = np.zeros(self.size, dtype=bool)
        for column in self.boxes[checkbox.name].values():
            ticked |= self.codes(column) == "1"
        lost = np.zeros(self.size, dtype=bool)
        for column, name in self.lost_boxes.items():
            lost |= np.isin(self.texts(column), ["1", "Checked"]) & (name == checkbox.name)
        seen = np.ones(self.size, dtype=bool)
        if checkbox.branching:
            try:
                seen = shown(checkbox.branching, self._operand).true
            except UnsupportedError as error:
                self.unsure[checkbox.name] = f'its branching logic has "{error}"'
        return self.opened(checkbox.form) | ticked, (seen & ~lost) | ticked

    def _operand(self, event: str, name: str) -> np.ndarray:
        if name == "event-name" and not event and EVENT in self.names and not self.labelled:
            return self.texts(EVENT)
        match = _CHECKBOX.fullmatch(name)
        column = self.boxes.get(match[1], {}).get(match[2], "") if match else name
        if column not in self.names and column != self.table.id_column:
            raise UnsupportedError(f"[{event}][{name}]" if event else f"[{name}]")
        known = self.codes(column) if column in self.names else np.asarray(self.table.ids, dtype=object)
        known = np.where(known == None, "", known)  # noqa: E711
        if event:
            return self._at_event(known, event)
        return self._with_base(known, box=match is not None)

    def _at_event(self, known: np.ndarray, event: str) -> np.ndarray:
        rows = np.flatnonzero((self.texts(EVENT) == event) & (self.texts(INSTRUMENT) == ""))
        if not len(rows):
            message = f"[{event}]"
            raise UnsupportedError(message)
        ids = np.asarray(self.table.ids, dtype=object)
        values = dict(zip(ids[rows], known[rows], strict=True))
        return np.array([values.get(patient, "") for patient in ids], dtype=object)

    def _with_base(self, known: np.ndarray, *, box: bool) -> np.ndarray:
        """Fill the rows of a repeating instrument from the row of their record and event."""
        if INSTRUMENT not in self.names:
            return known
        if self._base is None:
            ids, events = np.asarray(self.table.ids, dtype=object), self.texts(EVENT)
            plain_rows = np.flatnonzero(self.texts(INSTRUMENT) == "")
            first = {(ids[row], events[row]): row for row in plain_rows[::-1]}
            self._base = np.array([first.get(key, -1) for key in zip(ids, events, strict=True)])
        base = np.where(self._base < 0, "", known[self._base])
        empty = np.isin(known, ["", "0"] if box else [""])
        return np.where(empty & (base != ""), base, known)


def _code(cell: str, known: Mapping[str, str]) -> str | None:
    if not cell:
        return ""
    tried = (cell, code_text(cell), plain(cell))
    return next((known[text] for text in tried if text in known), None)


def _names_its_choice(cells: Mapping[str, str | None]) -> bool:
    """Tell whether ticked boxes hold their label, and the others nothing."""
    return any(code == "1" and cell != "Checked" for cell, code in cells.items()) and "Unchecked" not in cells


def _mapped(texts: np.ndarray, values: Mapping[str, str | None]) -> np.ndarray:
    found = np.empty(len(texts), dtype=object)
    found[:] = [values[text] for text in texts]
    return found


def holds_labels(export: Export) -> tuple[int, int]:
    """Return how many cells of the chosen fields can only be codes, and how many can only be labels."""
    only_codes = only_labels = 0
    for column, (owner, _) in export.owner.items():
        if not owner.choices:
            continue
        codes, labels = (export.lookup(column, labelled=flag) for flag in (False, True))
        for cell, times in pd.Series(export.texts(column)).value_counts().items():
            as_code = _code(str(cell), codes) not in {None, ""}
            as_label = _code(str(cell), labels) not in {None, ""}
            only_codes += int(times) * (as_code and not as_label)
            only_labels += int(times) * (as_label and not as_code)
    return only_codes, only_labels


def as_numbers(cells: pd.Series, *, comma: bool) -> pd.Series:
    """Return numbers as float64 when all cells are; else as text with a decimal point."""
    text = cells.str.strip()
    text = text.str.replace(",", ".", regex=False) if comma else text
    values = {cell: float(cell) if NUMBER.fullmatch(cell) else np.nan for cell in text.dropna().unique()}
    if any(np.isnan(value) for value in values.values()):
        return text
    return text.map(values).astype(np.float64)
