"""Phenopackets as they stand in files: which documents they are, their version, ages and dates in them.

Version 2 of the schema (Jacobsen et al. 2022, Nature Biotechnology 40:817). Version 1 says ``negated`` for
``excluded`` and ``ageAtCollection`` for ``timeAtLastEncounter``; both words are understood in every packet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phenotyper.cohort.readers.contract import FIRST_ROW, Source
from phenotyper.cohort.readers.json_files import Item, not_an_object, read_items
from phenotyper.errors import CohortError, Problem, listed, number_of

DAYS_A_YEAR = 365.25
_DURATION = re.compile(
    r"P(?:(?P<y>\d+(?:\.\d+)?)Y)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<w>\d+(?:\.\d+)?)W)?(?:(?P<d>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?S)?)?"
)
_YEARS = {"y": 1.0, "m": 1 / 12, "w": 7 / DAYS_A_YEAR, "d": 1 / DAYS_A_YEAR, "h": 1 / 24 / DAYS_A_YEAR}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")


@dataclass(frozen=True)
class Packet:
    """One phenopacket.

    Parameters
    ----------
    body : mapping
        What it holds, keys in camel case.
    where : str
        File and place.
    family : str
        Family that it is the proband of.
    row : int
        Place among all packets, from 2 on as rows of a spreadsheet.
    version : str
        Schema version that it states.
    """

    body: Mapping[str, Any]
    where: str
    family: str = ""
    row: int = FIRST_ROW
    version: str = ""

    @property
    def subject(self) -> Mapping[str, Any]:
        """Return the individual."""
        return mapping(self.body.get("subject"))

    @property
    def patient(self) -> str:
        """Return the id of the individual, "" when it has none."""
        return str(self.subject.get("id") or "")

    def entries(self, key: str) -> Iterator[Mapping[str, Any]]:
        """Yield the objects of a list."""
        yield from entries(self.body, key)


@dataclass(frozen=True)
class Time:
    """A time element: age in years, day, or the name of a span of life; NaN and "" where it is none."""

    years: float = float("nan")
    date: str = ""
    span: str = ""
    wrong: str = ""
    range: bool = False


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def entries(body: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; nothing when there is none."""
    found = body.get(key)
    yield from (entry for entry in (found if isinstance(found, list) else []) if isinstance(entry, dict))


def is_excluded(entry: Mapping[str, Any]) -> bool:
    """Tell whether a feature or disease was looked for and not found."""
    return bool(entry.get("excluded") or entry.get("negated"))


def note(source: Source, code: str, said: str, remedy: str, packets: Iterable[Packet] = ()) -> Problem:
    """Return a warning of what stands in phenopackets."""
    rows = tuple(packet.row for packet in packets)
    return Problem(code, f"{source.name} {said}", remedy, where=source.name, rows=rows, severity="warning")


def word_of(value: Any, words: Mapping[Any, str]) -> str:
    """Return what a word or number of an enumeration means; one that is not known stays as it is."""
    plain = value if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return words.get(plain, str(plain))


def term_of(value: Any) -> tuple[str, str]:
    """Return id and label of an ontology class."""
    return str(mapping(value).get("id") or "").strip(), str(mapping(value).get("label") or "").strip()


def duration_years(text: str) -> float:
    """Return an ISO 8601 duration in years, NaN when it is none.

    Examples
    --------
    >>> duration_years("P3Y6M"), duration_years("P14Y"), duration_years("14 years")
    (3.5, 14.0, nan)
    >>> round(duration_years("P3Y2M5D"), 4)
    3.1804
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groupdict().values()):
        return float("nan")
    return sum(float(match[unit]) * years for unit, years in _YEARS.items() if match[unit])


def date_of(text: Any) -> str:
    """Return the day of a timestamp as 2020-03-17, "" when it is none."""
    match = _DATE.match(str(text or ""))
    return match[0] if match else ""


def time_of(value: Any) -> Time:
    """Return what a time element of version 2, or an age of version 1, says."""
    element = mapping(value)
    age = element.get("age", element.get("iso8601duration"))
    if age is not None:
        text = _duration_text(age)
        years = duration_years(text)
        return Time(years, wrong=text if math.isnan(years) else "")
    if "ageRange" in element:
        ends = mapping(element["ageRange"])
        low, high = (duration_years(_duration_text(ends.get(end))) for end in ("start", "end"))
        return Time((low + high) / 2, range=True)
    if "ontologyClass" in element:
        term, label = term_of(element["ontologyClass"])
        return Time(span=label or term)
    return Time(date=date_of(element.get("timestamp")))


def _duration_text(value: Any) -> str:
    inner = mapping(value)
    return str(inner.get("iso8601duration", inner.get("age", "")) if inner else value or "")


@dataclass
class _Sorted:
    packets: list[Packet] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    relatives: int = 0

    def take(self, body: Any, item: Item, *, family: str = "", version: str = "") -> None:
        """Sort one document: a packet, a family with a proband, or a cohort with members."""
        body = _camel(body) if isinstance(body, dict) else {}
        version = str(mapping(body.get("metaData")).get("phenopacketSchemaVersion") or version)
        if "proband" in body:
            self.relatives += len(list(entries(body, "relatives")))
            self.take(body["proband"], item, family=str(body.get("id") or ""), version=version)
        elif "members" in body:
            for member in entries(body, "members"):
                self.take(member, item, version=version)
        elif body.keys() & {"subject", "phenotypicFeatures", "metaData"}:
            row = len(self.packets) + FIRST_ROW
            self.packets.append(Packet(body, item.where, family, row, version))
        else:
            self.strangers.append(item.where)


def _camel(value: Any) -> Any:
    """Return a document with keys in camel case, as protobuf writes them by default."""
    if isinstance(value, dict):
        return {_camel_key(key): _camel(inner) for key, inner in value.items()}
    return [_camel(inner) for inner in value] if isinstance(value, list) else value


def _camel_key(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest) if rest and first else key


def read_packets(source: Source, *, apart: tuple[Path, ...] = ()) -> tuple[list[Packet], list[Problem]]:
    """Read every phenopacket of a file or folder; of families the probands.

    Raises
    ------
    CohortError
        PHENOPACKET_VERSION for a version that is not known, and what is wrong with the files.
    """
    found = _Sorted()
    for item in read_items(source, apart=apart):
        found.take(item.value, item)
    if found.strangers:
        raise not_an_object(source, found.strangers)
    if not found.packets:
        problem = Problem(
            "FILE_EMPTY", f"{source.name} holds no phenopacket", "Look at file.", where=source.name
        )
        raise CohortError(problem)
    _refuse_versions(source, found.packets)
    return found.packets, [*_first_version(source, found.packets), *_relatives(source, found.relatives)]


def major(packet: Packet) -> str:
    """Return the major version of a packet: that stated, else what its words tell; "" when neither does."""
    if packet.version:
        return packet.version.lstrip("vV").split(".")[0]
    old = "ageAtCollection" in packet.subject or any(
        feature.keys() & {"negated", "ageOfOnset", "classOfOnset"}
        for feature in packet.entries("phenotypicFeatures")
    )
    return "1" if old else ""


def _refuse_versions(source: Source, packets: list[Packet]) -> None:
    other = [packet for packet in packets if major(packet) not in {"", "1", "2"}]
    if other:
        shown = listed(sorted({f'"{packet.version}"' for packet in other}))
        message = (
            f"{source.name} has {number_of(len(other), 'phenopacket')} of version {shown} ({other[0].where})"
        )
        remedy = "Versions 1 and 2 of the schema are read: convert the others with phenopacket-tools."
        rows = tuple(packet.row for packet in other)
        raise CohortError(Problem("PHENOPACKET_VERSION", message, remedy, where=source.name, rows=rows))


def _first_version(source: Source, packets: list[Packet]) -> list[Problem]:
    old = [packet for packet in packets if major(packet) == "1"]
    if not old:
        return []
    remedy = (
        "negated was read as excluded and ageAtCollection as the age; convert them with phenopacket-tools to "
        "be rid of this."
    )
    return [
        note(
            source,
            "PHENOPACKET_VERSION",
            f"has {number_of(len(old), 'phenopacket')} of version 1",
            remedy,
            old,
        )
    ]


def _relatives(source: Source, number: int) -> list[Problem]:
    if not number:
        return []
    remedy = 'Only probands are patients; family = "family" in [patients] keeps families together.'
    return [note(source, "PHENOPACKET_FAMILY", f"has {number_of(number, 'relative')} of probands", remedy)]
