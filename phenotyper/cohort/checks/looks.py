"""What the texts of a block's columns look like: dates, or what points at a person.

Rules that print values leave these columns to the rules on dates and on private columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.dateforms import compact, forms_of
from phenotyper.cohort.declaration import LEVEL_KINDS
from phenotyper.cohort.values import Offences

_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-Z])")
_BIRTH = re.compile(r"(?:^|_)(?:dob|birth\w*|born|geb|geburt\w*|naissance|nacimiento)(?:_|$)")
_PERSON = re.compile(
    r"(?:^|_)(?:surname|forename|lastname|firstname|maiden\w*|nachname|vorname|familienname|prenom|apellidos?|"
    r"(?:first|last|given|family|full|patient|child|mother|father|parent|next_of_kin)s?_?name|patient_name)(?:_|$)"
    r"|^names?$"
)
PLACE = re.compile(
    r"(?:^|_)(?:post_?code|postal\w*|zip|zip_?code|plz|postleitzahl|address|adresse|street|strasse|wohnort)(?:_|$)"
)
PHONE = re.compile(r"(?:^|_)(?:tel|telefon|telephone|phone|mobile|cell_?phone|handy|fax)(?:_|$)")
RECORD = re.compile(
    r"(?:^|_)(?:mrn|nhs|ssn|insurance|medical_record|passport|fallnummer|fallnr|national_id|"
    r"(?:record|hospital|case|chart|insurance|patient|pat|subject|study|nhs|social_security)_?(?:id|no|nr|number))"
    r"(?:_|$)"
)
"""Names of columns of record numbers, in the form of :func:`plain_name`."""
_HINT = re.compile(
    r"name|nom|apell|maiden|post|zip|plz|addr|street|stra|wohn|tel|phone|mobile|handy|fax|mrn|nhs|ssn|insur|medic|"
    r"passp|fall|id|no|nr|number",
    re.IGNORECASE,
)
"""Part of every name that says something of a person: looked for first, as there may be many names."""
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER_TO_CALL = re.compile(r"(?:\+|00|\(?0)[\d()/ .-]{7,20}\d")
_TWO_NAMES = re.compile(r"[A-ZÀ-Þ][\w'-]+,? [A-ZÀ-Þ][\w'-]+")
_FIRST = 32
FEW = 10
"""Texts needed before their look says what a column is."""


def plain_name(name: str) -> str:
    """Return a name in small letters, its words joined by ``_``.

    Examples
    --------
    >>> plain_name("DateOfBirth"), plain_name("Patient name")
    ('date_of_birth', 'patient_name')
    """
    return re.sub(r"\W+", "_", _CAMEL.sub("_", name)).casefold().strip("_")


@dataclass(frozen=True)
class TextColumn:
    """The texts of a feature: its levels, or what stands among its numbers.

    Parameters
    ----------
    name, kind : str
        Of the feature.
    texts : tuple of str
        Distinct texts.
    place : int
        Column of the block.
    levels : tuple of str
        Those texts that the codes of the block stand for.
    block : CodedBlock
        Where it stands.
    """

    name: str
    kind: str
    texts: tuple[str, ...]
    place: int
    levels: tuple[str, ...]
    block: CodedBlock = field(repr=False)

    @property
    def misfits(self) -> Offences:
        """Texts that do not fit the kind, and their rows."""
        return (self.block.misfits or {}).get(self.name, {})

    @cached_property
    def cells(self) -> int:
        """Number of cells that hold something."""
        known = int((~np.isnan(self.block.values[:, self.place])).sum())
        return known + sum(len(rows) for rows in self.misfits.values())

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """Texts that are dates."""
        return tuple(text for text, form in zip(self.texts, forms_of(self.texts), strict=True) if form)

    def rows(self, texts: Iterable[str]) -> tuple[int, ...]:
        """Return the spreadsheet rows of some texts."""
        wanted = set(texts)
        codes = [code for code, level in enumerate(self.levels) if level in wanted]
        found = set(self.block.rows[np.isin(self.block.values[:, self.place], codes)].tolist())
        return tuple(sorted(found.union(*(self.misfits.get(text, ()) for text in wanted))))


def text_columns(block: CodedBlock) -> Iterator[TextColumn]:
    """Yield each feature that holds text."""
    misfits = block.misfits or {}
    for place, feature in enumerate(block.features):
        levels = feature.levels if feature.kind in LEVEL_KINDS else ()
        texts = (*levels, *misfits[feature.name]) if feature.name in misfits else levels
        if texts:
            yield TextColumn(feature.name, feature.kind, texts, place, levels, block)


def is_date_column(column: TextColumn) -> bool:
    """Tell whether at least half of the texts of a column are dates."""
    return 2 * len(column.dates) >= len(column.texts)


def is_birth(name: str) -> bool:
    """Tell whether a column is called after a birth."""
    return bool(_BIRTH.search(plain_name(name)))


def person_in(column: TextColumn) -> str:
    """Return what in a column of text points at a person, or ""."""
    texts = column.texts
    if any(_EMAIL.fullmatch(text.strip()) for text in texts if "@" in text):
        return "e-mail addresses"
    if is_date_column(column):
        return "birth dates" if is_birth(column.name) and len(texts) > 2 else ""
    return _by_name(column) or _by_look(column)


def _by_name(column: TextColumn) -> str:
    if len(column.texts) < 3 or not _HINT.search(column.name):
        return ""
    name = plain_name(column.name)
    if _PERSON.search(name) and _share(column.texts, lambda text: any(map(str.isalpha, text))):
        return "names of persons"
    if PLACE.search(name):
        return "postcodes or addresses"
    if PHONE.search(name) and _share(column.texts, lambda text: sum(map(str.isdigit, text)) >= 6):
        return "telephone numbers"
    if RECORD.search(name) and len(column.texts) >= FEW and len(column.texts) > 0.9 * column.cells:
        return "record numbers"
    return ""


def _by_look(column: TextColumn) -> str:
    texts = column.texts
    if len(texts) < FEW or len(texts) <= column.cells / 2:
        return ""
    if _share(texts, lambda text: bool(_NUMBER_TO_CALL.fullmatch(text.strip()))):
        return "telephone numbers"
    if _share(texts, lambda text: bool(_TWO_NAMES.fullmatch(text.strip())), least=0.9):
        return "names of persons"
    if np.median([len(text) for text in texts]) >= 20 and np.median([text.count(" ") for text in texts]) >= 2:
        return "free text"
    return ""


def _share(texts: tuple[str, ...], fits: Callable[[str], bool], *, least: float = 0.5) -> bool:
    return sum(map(fits, texts)) > least * len(texts)


def private_texts(block: CodedBlock) -> dict[str, str]:
    """Return the columns of text that point at persons, and what they look like."""
    return {column.name: what for column in text_columns(block) if (what := person_in(column))}


def compact_dates(block: CodedBlock) -> list[str]:
    """Return the number features whose values are all dates such as 20210403."""
    start = block.values[:_FIRST]
    with np.errstate(invalid="ignore"):
        outside = ((start < 19000101) | (start > 21001231)).any(axis=0)
    found = []
    for place in np.flatnonzero(~outside):
        feature = block.features[place]
        distinct = np.unique(block.values[:, place]) if feature.kind == "number" else np.array([])
        distinct = distinct[np.isfinite(distinct)]
        if len(distinct) > 1 and all(map(compact, distinct)):
            found.append(feature.name)
    return found


def left_to_others(block: CodedBlock) -> set[str]:
    """Return the features whose texts are private or dates: other rules say so, and print no value."""
    return {column.name for column in text_columns(block) if is_date_column(column) or person_in(column)}
