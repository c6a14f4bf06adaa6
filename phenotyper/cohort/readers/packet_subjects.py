"""The individuals of phenopackets: age, sex, vital status, family, diseases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import Source
from phenotyper.cohort.readers.packets import (
    DAYS_A_YEAR,
    Packet,
    date_of,
    is_excluded,
    mapping,
    note,
    term_of,
    time_of,
    word_of,
)
from phenotyper.errors import Problem, number_of

_SEX = {
    "MALE": "male", "FEMALE": "female", "OTHER_SEX": "other", "UNKNOWN_SEX": "",
    0: "", 1: "female", 2: "male", 3: "other",
}  # fmt: skip
_VITAL = {
    "ALIVE": "alive", "DECEASED": "deceased", "UNKNOWN_STATUS": "",
    0: "", 1: "alive", 2: "deceased",
}  # fmt: skip
_HUMAN = "9606"
_PROGRESS = {2: "COMPLETED", 3: "SOLVED"}
_NUMBERS = {"age", "survival_days"}


def subjects_of(source: Source, packets: list[Packet]) -> tuple[pd.DataFrame, list[Problem]]:
    """Return a row for each packet with what it says of its subject, and what a person should know."""
    frame = pd.DataFrame([_subject(packet) for packet in packets])
    for column in frame.columns:
        values = frame[column]
        frame[column] = values.astype(np.float64) if column in _NUMBERS else _texts(values)
    return frame, [*_ages(source, packets), *_species(source, packets)]


def _texts(values: Iterable[Any]) -> pd.Series:
    return pd.Series([str(value) if value else None for value in values], dtype="str")


def _subject(packet: Packet) -> dict[str, Any]:
    subject = packet.subject
    seen = time_of(subject.get("timeAtLastEncounter") or subject.get("ageAtCollection"))
    born = date_of(subject.get("dateOfBirth"))
    vital = mapping(subject.get("vitalStatus"))
    death = time_of(vital.get("timeOfDeath"))
    diseases = sorted(
        {term_of(entry.get("term")) for entry in packet.entries("diseases") if not is_excluded(entry)}
    )
    karyotype = subject.get("karyotypicSex")
    return {
        "age": seen.years if np.isfinite(seen.years) else _between(born, seen.date),
        "sex": word_of(subject.get("sex"), _SEX),
        "birth_date": born,
        "last_encounter": seen.date,
        "age_span": seen.span,
        "vital_status": word_of(vital.get("status"), _VITAL),
        "death_date": death.date,
        "survival_days": _days(vital.get("survivalTimeInDays")),
        "karyotypic_sex": "" if karyotype in (None, 0, "UNKNOWN_KARYOTYPE") else str(karyotype),
        "family": packet.family,
        "disease": " | ".join(label or term for term, label in diseases),
        "disease_id": " | ".join(term for term, _ in diseases),
        "diagnosis": " | ".join(_diagnoses(packet)),
    }


def _days(value: Any) -> float:
    """Return a number of days; 0 stands for not known in this schema."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return float(value) if known else float("nan")


def _diagnoses(packet: Packet) -> list[str]:
    """Return the diseases of interpretations that are closed."""
    found = [
        term_of(mapping(entry.get("diagnosis")).get("disease"))
        for entry in packet.entries("interpretations")
        if word_of(entry.get("progressStatus"), _PROGRESS) in {"SOLVED", "COMPLETED"}
    ]
    return sorted({label or term for term, label in found} - {""})


def _between(born: str, seen: str) -> float:
    if not born or not seen:
        return float("nan")
    days = np.datetime64(seen, "D") - np.datetime64(born, "D")
    return float(days.astype(np.int64)) / DAYS_A_YEAR


def _ages(source: Source, packets: list[Packet]) -> list[Problem]:
    times = [
        time_of(p.subject.get("timeAtLastEncounter") or p.subject.get("ageAtCollection")) for p in packets
    ]
    kinds = {
        "an age range, of which the middle was taken": [time.range for time in times],
        "only a span of life (column age_span)": [bool(time.span) for time in times],
        "an age that is no ISO 8601 duration": [bool(time.wrong) for time in times],
    }
    found = []
    for said, chosen_times in kinds.items():
        some = [packet for packet, one in zip(packets, chosen_times, strict=True) if one]
        if some:
            remedy = "Write ages as durations, as P3Y2M5D, to have them exactly."
            found.append(
                note(
                    source, "PHENOPACKET_AGE", f"gives {number_of(len(some), 'patient')} {said}", remedy, some
                )
            )
    return found


def _species(source: Source, packets: list[Packet]) -> list[Problem]:
    other = [
        packet
        for packet in packets
        if (taxon := term_of(packet.subject.get("taxonomy"))[0]) and taxon.rsplit(":", 1)[-1] != _HUMAN
    ]
    if not other:
        return []
    said = f"has {number_of(len(other), 'subject')} that are not human"
    return [note(source, "PHENOPACKET_TAXON", said, "Take them out of the folder.", other)]
