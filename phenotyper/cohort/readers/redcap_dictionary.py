"""The data dictionary of a REDCap project: fields, their types, choices and logic."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from phenotyper.cohort.readers.contract import Source, plain_table
from phenotyper.cohort.readers.headers import key_of, with_delimiter
from phenotyper.cohort.values import NUMBER, text_of
from phenotyper.errors import CohortError, Problem, did_you_mean, listed

_COLUMNS = {
    "name": ("variablefieldname", "fieldname"),
    "form": ("formname",),
    "type": ("fieldtype",),
    "label": ("fieldlabel",),
    "choices": ("choicescalculationsorsliderlabels", "selectchoicesorcalculations"),
    "note": ("fieldnote",),
    "validation": ("textvalidationtypeorshowslidernumber",),
    "low": ("textvalidationmin",),
    "high": ("textvalidationmax",),
    "identifier": ("identifier",),
    "branching": ("branchinglogicshowfieldonlyif", "branchinglogic"),
}
NAMES = frozenset(_COLUMNS["name"])
TYPES = (
    "text", "notes", "calc", "dropdown", "radio", "checkbox", "yesno", "truefalse", "slider", "file",
    "descriptive", "sql", "signature",
)  # fmt: skip
CHOSEN = ("dropdown", "radio", "checkbox")
YES_NO = {"yesno": (("1", "Yes"), ("0", "No")), "truefalse": (("1", "True"), ("0", "False"))}
_NUMBERS = re.compile(r"(?:integer|number(?:_\d+dp)?(?:_comma_decimal)?)")
_IDENTIFYING = ("email", "phone", "zipcode", "postalcode", "ssn", "mrn", "vmrn")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ONE = (
    r"(?:(?:[unpfkcdmµμ]?(?:g|mol|m|Eq|IU|Osm|osm|kat|Pa|cal|Hz)|[umndcµμ][lL]|[mkµμu]?U|[nmµμ]s|mmHg|cmH2O|bpm"
    r"|mm Hg|%|‰|°C|°F|min|minutes?|h|hrs?|hours?|days?|wks?|weeks?|mos?|months?|yrs?|years?|cells?|breaths"
    r"|beats)"
    r"[23²³]?)"
)
_POWER = r"(?:x? ?10(?:\^|\*\*?|e)?\d{1,2} ?|x? ?10[⁰¹²³⁴-⁹]+ ?|1000 ?|1\.73 ?)?"
_UNIT = re.compile(rf"{_POWER}{_ONE}?(?: ?[/·.*] ?{_POWER}(?:{_ONE}|[lLsdh]))*")


def plain(label: str) -> str:
    """Return a label without HTML and double spaces; "<5" is no tag.

    Examples
    --------
    >>> plain("<b>Age</b>&nbsp;<5 <br/>years")
    'Age <5 years'
    """
    return re.sub(r"\s+", " ", html.unescape(_TAG.sub(" ", label)).replace("\u00a0", " ")).strip()


def choices_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return (code, label) of each choice.

    Raises
    ------
    ValueError
        A choice has no comma, or a code stands twice.

    Examples
    --------
    >>> choices_of("1, Yes | -2, No, <i>never</i> | 03,")
    (('1', 'Yes'), ('-2', 'No, never'), ('03', '03'))
    """
    found = []
    for part in text.split("|"):
        code, comma, label = part.strip().partition(",")
        if not comma or not code.strip():
            raise ValueError(part.strip())
        found.append((code.strip(), plain(label) or code.strip()))
    twice = [code for code, times in Counter(code for code, _ in found).items() if times > 1]
    if twice:
        raise ValueError(twice[0])
    return tuple(found)


def unit_of(label: str, note: str) -> str:
    """Return the unit that stands in brackets at the end of a label or note, or that a whole note is.

    Examples
    --------
    >>> unit_of("CRP (mg/L)", ""), unit_of("Weight", "kg"), unit_of("Leucocytes [10^9/L]", "")
    ('mg/L', 'kg', '10^9/L')
    >>> unit_of("Grip, left (L)", "0-10")
    ''
    """
    ended = re.compile(r".*[(\[]([^()\[\]]+)[)\]]\s*[:.]?")
    for text in (label, note):
        match = ended.fullmatch(text)
        if match and _is_unit(match[1].strip()):
            return match[1].strip()
    return note if _is_unit(note) else ""


def _is_unit(text: str) -> bool:
    return bool(text) and bool(re.search(r"[A-Za-zµμ%‰°]", text)) and bool(_UNIT.fullmatch(text))


@dataclass(frozen=True)
class Field:
    """One field of a project, as its dictionary has it; labels are plain text."""

    name: str
    type: str
    form: str = ""
    label: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    note: str = ""
    validation: str = ""
    low: str = ""
    high: str = ""
    identifier: bool = False
    branching: str = ""
    ontology: bool = False

    @property
    def use(self) -> str:
        """What its cells are: number, category, yes/no, checkbox, identifier, hidden or nothing."""
        if self.identifier or self.validation.startswith(_IDENTIFYING):
            return "identifier"
        if self.type == "text":
            numeric = bool(_NUMBERS.fullmatch(self.validation))
            return "number" if numeric else "category" if self.ontology else "hidden"
        uses = {"calc": "number", "slider": "number", "dropdown": "category", "radio": "category"}
        uses |= {"sql": "category", "yesno": "yes/no", "truefalse": "yes/no", "checkbox": "checkbox"}
        return {**uses, "notes": "hidden"}.get(self.type, "nothing")

    @property
    def unit(self) -> str:
        """Unit of a number, where label or note says it plainly."""
        return unit_of(self.label, self.note)

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value that data entry takes without a word; infinite where there is none."""
        low, high = (text.replace(",", ".") if self.comma else text for text in (self.low, self.high))
        return (
            float(low) if NUMBER.fullmatch(low) else -float("inf"),
            float(high) if NUMBER.fullmatch(high) else float("inf"),
        )

    @property
    def reference(self) -> str:
        """The bounds as text."""
        if self.low and self.high:
            return f"{self.low}{' to ' if self.low.startswith('-') else '-'}{self.high}"
        return f">= {self.low}" if self.low else f"<= {self.high}" if self.high else ""

    @property
    def comma(self) -> bool:
        """Whether its numbers have a decimal comma."""
        return self.validation.endswith("comma_decimal")

    @property
    def levels(self) -> tuple[str, ...]:
        """Labels of the choices, told apart by their codes where two are the same."""
        times = Counter(label for _, label in self.choices)
        return tuple(f"{label} ({code})" if times[label] > 1 else label for code, label in self.choices)


@dataclass(frozen=True)
class Fields:
    """All fields by name, and which columns the dictionary lacks."""

    name: str
    by_name: Mapping[str, Field]
    absent: tuple[str, ...] = ()


def read_fields(source: Source) -> Fields:
    """Read a data dictionary, in the words of the download or of the API, columns in any order.

    Raises
    ------
    CohortError
        REDCAP_DICTIONARY, with everything that is wrong in it; or what the reader of the file found.
    """
    read = plain_table(with_delimiter(source, NAMES))
    known = {key_of(column): place for place, column in reversed(list(enumerate(read.frame.columns)))}
    places = {name: next((known[key] for key in keys if key in known), -1) for name, keys in _COLUMNS.items()}
    absent = tuple(name for name, place in places.items() if place < 0)
    if "name" in absent or "type" in absent:
        shown = listed(read.frame.columns, most=4)
        message = f"{source.name} is no data dictionary of REDCap: it starts with {shown}"
        remedy = "Give data_dictionary the 18 columns that REDCap saves under Codebook or Data Dictionary."
        raise CohortError(Problem("REDCAP_DICTIONARY", message, remedy, where=source.name))
    columns = {
        name: text_of(read.frame.iloc[:, place]).fillna("").str.strip().tolist()
        for name, place in places.items()
        if place >= 0
    }
    entries = pd.DataFrame(columns).to_dict("records")
    faults: list[Problem] = []
    fields = [
        _field({str(key): str(cell) for key, cell in entry.items()}, source.name, int(row), faults)
        for entry, row in zip(entries, read.rows, strict=True)
    ]
    twice = [name for name, times in Counter(field.name for field in fields).items() if times > 1]
    if twice:
        message = f"{source.name} has the fields {listed(twice)} more than once"
        faults.append(Problem("REDCAP_DICTIONARY", message, "Keep one row a field.", where=source.name))
    if faults:
        raise CohortError(faults)
    return Fields(source.name, {field.name: field for field in fields}, absent)


def _field(entry: Mapping[str, str], table: str, row: int, faults: list[Problem]) -> Field:
    name, kind = entry["name"], entry["type"].casefold()
    text = entry.get("choices", "")

    def fault(message: str, remedy: str) -> None:
        said = f'{table}, field "{name}" {message}'
        faults.append(Problem("REDCAP_DICTIONARY", said, remedy, where=table, rows=(row,)))

    if kind not in TYPES:
        hint = did_you_mean(kind, TYPES)
        fault(f'has the type "{kind}", which is not known', f"Types are {listed(TYPES, most=20)}.{hint}")
    choices: tuple[tuple[str, str], ...] = YES_NO.get(kind, ())
    if kind in CHOSEN and not text:
        fault("has no choices", "Give the dictionary whole: a chosen field is read by its choices.")
    elif kind in CHOSEN:
        try:
            choices = choices_of(text)
        except ValueError as error:
            said = f'has the choice "{error}", which has no code of its own'
            fault(said, 'Choices are written as "1, Yes | 2, No, never".')
    return Field(
        name=name,
        type=kind,
        form=entry.get("form", ""),
        label=plain(entry.get("label", "")),
        choices=choices,
        note=plain(entry.get("note", "")),
        validation=entry.get("validation", "").casefold(),
        low=entry.get("low", ""),
        high=entry.get("high", ""),
        identifier=entry.get("identifier", "").casefold() in {"y", "yes", "1"},
        branching=entry.get("branching", ""),
        ontology=kind == "text" and text.upper().startswith("BIOPORTAL:"),
    )
