"""FHIR R4 resources as they stand in files: bundles and lines, who a reference means, codes and values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from phenotyper.cohort.readers.contract import Source
from phenotyper.cohort.readers.json_files import not_an_object, read_items
from phenotyper.cohort.readers.long import warning
from phenotyper.cohort.readers.packets import entries, mapping
from phenotyper.cohort.values import LIMIT, NUMBER
from phenotyper.errors import CohortError, Problem, listed, number_of

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD = (
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-11",
)
_COMPARATORS = {"", "<", "<=", ">", ">="}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")
_PATIENT = re.compile(r"(?:^|.*/)Patient/([A-Za-z0-9.\-]{1,64})$")
_OTHER = re.compile(r"(?:^|.*/)(?!Patient/)([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}$")


class Value(NamedTuple):
    """What was measured: a number with sign and unit, or a level; ``skipped`` says why there is neither."""

    number: float = float("nan")
    sign: str = ""
    text: str = ""
    unit: str = ""
    skipped: str = ""


@dataclass
class Resources:
    """All that is kept of the files.

    Parameters
    ----------
    wanted : str
        Type of the resources to take.
    take : callable
        Called with each of them and its number.
    """

    wanted: str
    take: Callable[[Mapping[str, Any], int], None]
    patients: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    newest: dict[str, tuple[str, int]] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)
    _urls: dict[str, str] = field(default_factory=dict)
    _pages: dict[str, str] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)
    _strangers: list[str] = field(default_factory=list)

    def read(self, source: Source) -> Resources:
        """Read every file of a source.

        Raises
        ------
        CohortError
            What is wrong with the files; FILE_DAMAGED for documents that are no resources.
        """
        for item in read_items(source):
            self._sort(item.value, item.where, url="")
        if self._strangers:
            raise not_an_object(source, self._strangers)
        return self

    def _sort(self, resource: Any, where: str, *, url: str) -> None:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str):
            self._strangers.append(where)
            return
        if kind == "Bundle":
            self._open(resource, where)
            return
        name = str(resource.get("id") or url.rsplit(":", 1)[-1])
        number = self.types.total()
        self.types[kind] += 1
        if kind in {self.wanted, "Patient"} and name and not self._is_newest(kind, name, resource, number):
            return
        if kind == "Patient":
            self.patients[name] = _patient(resource)
            self._urls |= {url: name} if url else {}
        elif kind == "Organization":
            places = {url, f"Organization/{name}"} - {""}
            self.sites |= dict.fromkeys(places, str(resource.get("name") or name))
        if kind == self.wanted and kind != "Patient":
            self.take(resource, number)

    def _open(self, bundle: Mapping[str, Any], where: str) -> None:
        for link in entries(bundle, "link"):
            address = str(link.get("url") or "")
            if link.get("relation") == "self":
                self._read.add(address)
            elif link.get("relation") == "next":
                self._pages[address] = where
        for entry in entries(bundle, "entry"):
            if "resource" in entry:
                self._sort(entry["resource"], where, url=str(entry.get("fullUrl") or ""))

    def _is_newest(self, kind: str, name: str, resource: Mapping[str, Any], number: int) -> bool:
        """Keep the last version of a resource that stands in the files more than once."""
        key = f"{kind}/{name}"
        updated = str(mapping(resource.get("meta")).get("lastUpdated") or "")
        if key in self.newest:
            self.repeated += 1
            old, place = self.newest[key]
            if updated <= old:
                return False
            self.stale.add(place)
        self.newest[key] = (updated, number)
        return True

    def patient_of(self, reference: str) -> str:
        """Return the patient that a reference means; "" when it means none that is known."""
        plain = reference.split("/_history/", 1)[0]
        if plain in self._urls:
            return self._urls[plain]
        match = _PATIENT.match(plain)
        found = match[1] if match else ""
        return found if not self.patients or found in self.patients else ""

    def problems(self, source: Source) -> list[Problem]:
        """Return what a person should know of the files."""
        found = []
        absent = sorted(set(self._pages) - self._read)
        if absent:
            first = self._pages[absent[0]]
            pages = number_of(len(absent), "further page")
            said = f"{source.name} names {pages} that are not there (in {first})"
            found.append(warning(source, "FHIR_PAGES", said, "Fetch every page of the search first."))
        if self.repeated:
            said = f"{source.name} holds {number_of(self.repeated, 'resource')} more than once"
            found.append(warning(source, "FHIR_REPEATED", said, "The version last updated was taken."))
        return found


def resolved(source: Source, resources: Resources, references: Iterable[str]) -> dict[str, str]:
    """Return the patient of each reference; "" for those to groups, devices and places.

    Raises
    ------
    CohortError
        FHIR_REFERENCE when one means no patient of the files.
    """
    times = Counter(references)
    found = {reference: resources.patient_of(reference) for reference in times}
    lost = [
        reference
        for reference, patient in found.items()
        if not patient and not _OTHER.match(reference.split("/_history/", 1)[0])
    ]
    if lost:
        number = sum(times[reference] for reference in lost)
        shown = listed(f'"{reference}"' if reference else "no subject" for reference in lost)
        counted = number_of(number, "resource")
        message = f"{source.name} has {counted} of patients that are not in the files: {shown}"
        remedy = "Add the file with the Patient resources, or export all of it again."
        raise CohortError(Problem("FHIR_REFERENCE", message, remedy, where=source.name))
    return found


def _patient(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is kept of a patient: neither name nor address nor telephone."""
    return {
        "gender": resource.get("gender"),
        "birthDate": resource.get("birthDate"),
        "deceasedBoolean": resource.get("deceasedBoolean"),
        "deceasedDateTime": resource.get("deceasedDateTime"),
        "site": str(mapping(resource.get("managingOrganization")).get("reference") or ""),
    }


def reference_of(resource: Mapping[str, Any]) -> str:
    """Return whom a resource is about, as it is written."""
    return str(mapping(resource.get("subject")).get("reference") or "")


def day_of(text: Any) -> str:
    """Return the day of a date or moment, "" when the day is not given."""
    match = _DATE.match(str(text or ""))
    return match[0] if match else ""


def code_of(concept: Any, preferred: Iterable[str]) -> tuple[str, str, str]:
    """Return system, code and label of a concept, of the first preferred system that it is coded in.

    Examples
    --------
    >>> code_of({"coding": [{"system": "local", "code": "HB"}, {"system": LOINC, "code": "718-7"}],
    ...          "text": "Haemoglobin"}, (LOINC,))
    ('http://loinc.org', '718-7', 'Haemoglobin')
    """
    body = mapping(concept)
    text = str(body.get("text") or "")
    codings = [coding for coding in entries(body, "coding") if coding.get("code")]
    order = {system: place for place, system in enumerate(preferred)}
    codings.sort(key=lambda coding: order.get(str(coding.get("system")), len(order)))
    if not codings:
        return "", text, text
    first = codings[0]
    return str(first.get("system") or ""), str(first["code"]), str(first.get("display") or text)


def value_of(holder: Mapping[str, Any]) -> Value:
    """Return the value of an observation or of a component of it."""
    key = next((name for name in holder if name.startswith("value") and name != "value"), "")
    content = holder.get(key)
    if key == "valueQuantity":
        return _quantity(mapping(content))
    if key == "valueInteger" and isinstance(content, int):
        return Value(number=float(content))
    if key == "valueBoolean":
        return Value(text="yes" if content is True else "no")
    if key == "valueString":
        return _string(str(content).strip())
    if key == "valueCodeableConcept":
        _, code, label = code_of(content, (SNOMED, LOINC))
        return Value(text=label or code, skipped="" if label or code else "an empty code")
    if key:
        return Value(skipped=key)
    return Value(skipped="dataAbsentReason" if "dataAbsentReason" in holder else "no value")


def _quantity(quantity: Mapping[str, Any]) -> Value:
    number, sign = quantity.get("value"), str(quantity.get("comparator") or "")
    if isinstance(number, bool) or not isinstance(number, (int, float)) or sign not in _COMPARATORS:
        return Value(skipped="a quantity without a number")
    return Value(float(number), sign, unit=str(quantity.get("code") or quantity.get("unit") or ""))


def _string(text: str) -> Value:
    if match := LIMIT.fullmatch(text):
        return Value(float(match[2]), match[1])
    return Value(float(text)) if NUMBER.fullmatch(text) else Value(text=text)
