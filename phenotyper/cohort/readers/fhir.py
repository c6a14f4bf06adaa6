"""FHIR R4: a Bundle, a bulk export (NDJSON), or a folder of them; Patient, Observation, Condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import codes, flag
from phenotyper.cohort.readers.contract import FIRST_ROW, RawTable, Source, file_problem, reads_format
from phenotyper.cohort.readers.fhir_resources import (
    ICD,
    LOINC,
    SNOMED,
    Resources,
    Value,
    code_of,
    day_of,
    reference_of,
    resolved,
    value_of,
)
from phenotyper.cohort.readers.long import (
    Records,
    chosen,
    one_unit,
    records_of,
    share,
    units_asked,
    unused,
    warning,
)
from phenotyper.cohort.readers.packets import entries, mapping
from phenotyper.cohort.readers.wide import each, ever, spread
from phenotyper.errors import Problem, did_you_mean, listed, number_of

PARTS = ("Observation", "Patient", "Condition")
_COLUMNS = ("id", "date", "moment", "feature", "number", "sign", "text", "unit", "row")
_DEAD_STATUS = {"entered-in-error", "cancelled"}
_UNSURE = {"unconfirmed", "provisional", "differential"}


@reads_format(
    "fhir",
    options={"concepts": codes, "least": share, "unit_of": units_asked, "every": flag},
    folder=True,
    endings=(".json", ".ndjson", ".json.gz", ".ndjson.gz"),
    parts=lambda path: list(PARTS),
    patients_part="Patient",
)
def read_fhir(source: Source) -> RawTable:
    """Read the resources of one type.

    Raises
    ------
    CohortError
        PART_UNKNOWN, FHIR_REFERENCE, FHIR_UNITS, CONCEPT_UNKNOWN, FILE_EMPTY, and what is wrong with the
        files.
    """
    part = source.part or PARTS[0]
    if part not in PARTS:
        remedy = f"Give part = one of {listed(PARTS)}.{did_you_mean(part, PARTS)}"
        raise file_problem(source, "PART_UNKNOWN", f'has no part "{part}"', remedy)
    taking = _Taking()
    take = taking.condition if part == "Condition" else taking.observation
    resources = Resources(part, take).read(source)
    if not resources.types[part]:
        held = listed(f"{kind} ({number})" for kind, number in resources.types.most_common())
        raise file_problem(source, "FILE_EMPTY", f"holds no {part}", f"It holds {held or 'no resource'}.")
    if part == "Patient":
        return _patients(source, resources)
    records = _records(source, taking, resources)
    everybody = list(resources.patients) or [str(name) for name in records.frame["id"].unique()]
    records = chosen(source, records, everybody)
    if part == "Condition":
        return (each if source.options.get("every") else ever)(source, records, everybody)
    records, units = one_unit(source, records, "FHIR_UNITS")
    return spread(source, records, units)


def _patients(source: Source, resources: Resources) -> RawTable:
    found = resources.patients
    rows = [_row(patient, resources.sites) for patient in found.values()]
    frame = pd.DataFrame(rows)
    for column in frame.columns:
        if column != "birth_year":
            frame[column] = pd.Series([cell or None for cell in frame[column]], dtype="str")
    frame["birth_year"] = frame["birth_year"].astype(np.float64)
    problems = [*resources.problems(source), *unused(source, ())]
    partial = int((frame["birth_date"].isna() & frame["birth_year"].notna()).sum())
    if partial:
        said = f"{source.name} has {number_of(partial, 'patient')} without a whole birth date"
        remedy = "birth_date is missing for them; birth_year stands in its own column."
        problems.append(warning(source, "FHIR_DATE", said, remedy))
    ids = np.array(list(found), dtype=object)
    places = np.arange(len(ids)) + FIRST_ROW
    return RawTable(source.name, frame, ids, places, source.id_column, problems=tuple(problems))


def _row(patient: Mapping[str, Any], sites: Mapping[str, str]) -> dict[str, Any]:
    born, died = str(patient["birthDate"] or ""), patient["deceasedDateTime"]
    alive = patient["deceasedBoolean"]
    gender = str(patient["gender"] or "")
    return {
        "sex": "" if gender == "unknown" else gender,
        "birth_date": day_of(born),
        "birth_year": float(born[:4]) if born[:4].isdecimal() else float("nan"),
        "deceased": "yes" if died or alive is True else "no" if alive is False else "",
        "death_date": day_of(died),
        "site": sites.get(patient["site"], patient["site"].removeprefix("Organization/")),
    }


@dataclass
class _Taking:
    """Takes values out of resources as they come by, so that no resource is kept."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})
    labels: dict[str, str] = field(default_factory=dict)
    status: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    undated: int = 0

    def observation(self, resource: Mapping[str, Any], number: int) -> None:
        """Take the values of an observation and of its components."""
        status = str(resource.get("status") or "")
        if status in _DEAD_STATUS:
            self.status[status] += 1
            return
        period = mapping(resource.get("effectivePeriod")).get("start")
        moment = resource.get("effectiveDateTime") or resource.get("effectiveInstant") or period
        parts = list(entries(resource, "component"))
        own = value_of(resource)
        holders = [] if parts and own.skipped == "no value" else [(resource, own)]
        holders += [(part, value_of(part)) for part in parts]
        taken = False
        for holder, value in holders:
            feature = self._feature(holder.get("code"), (LOINC,))
            if value.skipped or not feature:
                self.skipped[value.skipped or "no code"] += 1
                continue
            self._add(resource, feature, value, moment=str(moment or ""), number=number)
            taken = True
        self.undated += taken and not day_of(moment)

    def condition(self, resource: Mapping[str, Any], number: int) -> None:
        """Take a condition: yes, no when refuted, "?" when unconfirmed."""
        verified = resource.get("verificationStatus")
        status = verified if isinstance(verified, str) else code_of(verified, ())[1]
        if status == "entered-in-error":
            self.status[status] += 1
            return
        feature = self._feature(resource.get("code"), (SNOMED, *ICD))
        if not feature:
            self.skipped["no code"] += 1
            return
        onset = mapping(resource.get("onsetPeriod")).get("start")
        moment = str(resource.get("onsetDateTime") or onset or resource.get("recordedDate") or "")
        word = "no" if status == "refuted" else "?" if status in _UNSURE else "yes"
        self.skipped["unconfirmed"] += word == "?"
        self._add(resource, feature, Value(text=word), moment=moment, number=number)

    def _feature(self, concept: Any, preferred: Iterable[str]) -> str:
        system, code, label = code_of(concept, preferred)
        if not code:
            return ""
        self.labels.setdefault(f"{system}|{code}", label)
        return f"{system}|{code}"

    def _add(
        self, resource: Mapping[str, Any], feature: str, value: Value, *, moment: str, number: int
    ) -> None:
        cells = (
            reference_of(resource), day_of(moment), moment, feature,
            value.number, value.sign, value.text, value.unit, number,
        )  # fmt: skip
        for column, cell in zip(self.columns.values(), cells, strict=True):
            column.append(cell)


def _records(source: Source, taking: _Taking, resources: Resources) -> Records:
    columns = taking.columns
    used = ("concepts", "least", "every" if resources.wanted == "Condition" else "unit_of")
    problems = [*resources.problems(source), *_notes(source, taking), *unused(source, used)]
    if not columns["id"]:
        raise file_problem(source, "FILE_EMPTY", "holds no value that is read", _why(taking))
    patients = resolved(source, resources, columns["id"])
    features = pd.Series(columns["feature"], dtype="category")
    names = _names([str(key) for key in features.cat.categories])
    ids = pd.Series(columns["id"], dtype="str").map(patients)
    number = np.array(columns["row"], dtype=np.int64)
    records = records_of(
        {
            **columns,
            "id": ids,
            "feature": features.cat.rename_categories(names),
            "moment": pd.factorize(pd.Series(columns["moment"], dtype="str"), sort=True)[0],
            "row": number + FIRST_ROW,
        },
        labels={names[key]: label for key, label in taking.labels.items() if key in names},
        problems=problems,
    )
    foreign = (ids == "").to_numpy(dtype=bool)
    stale = np.isin(number, list(resources.stale))
    if not foreign.any():
        return records.where(~stale)
    values = number_of(int(foreign.sum()), "value")
    said = f"{source.name} has {values} of groups, devices or places, not of patients"
    return records.where(~foreign & ~stale, warning(source, "FHIR_SUBJECT", said, "They were left out."))


def _names(keys: list[str]) -> dict[str, str]:
    """Return a name for each "system|code": the code, with its system where two systems share it."""
    times = Counter(key.rsplit("|", 1)[1] for key in keys)
    return {key: code if times[code := key.rsplit("|", 1)[1]] == 1 else key for key in keys}


def _notes(source: Source, taking: _Taking) -> list[Problem]:
    found = []
    if taking.status:
        shown = listed(f"{number} {status}" for status, number in taking.status.items())
        said = f"{source.name} has resources that do not hold: {shown}"
        found.append(warning(source, "FHIR_STATUS", said, "They were left out."))
    unconfirmed = taking.skipped["unconfirmed"]
    if unconfirmed:
        said = f"{source.name} has {number_of(unconfirmed, 'condition')} that are not confirmed"
        found.append(warning(source, "FHIR_UNCONFIRMED", said, "They are missing, neither yes nor no."))
    if why := _why(taking):
        said = f"{source.name} has observations without a value that is read: {why.rstrip('.')}"
        found.append(warning(source, "FHIR_NO_VALUE", said, "They are missing."))
    if taking.undated:
        said = f"{source.name} has {number_of(taking.undated, 'observation')} without a day"
        remedy = "Their date is missing; visits leave them out."
        found.append(warning(source, "FHIR_DATE", said, remedy))
    return found


def _why(taking: _Taking) -> str:
    known = [(why, times) for why, times in taking.skipped.items() if times and why != "unconfirmed"]
    return f"{listed(f'{times} with {why}' for why, times in known)}." if known else ""
