"""What a person says about a cohort in ``cohort.toml``, as frozen dataclasses.

Examples
--------
>>> declared = Declaration.from_dict({"blocks": {"labs": {"file": "labs.csv", "kind": "number"}}})
>>> declared.blocks[0].file
'labs.csv'
>>> Declaration.from_json(declared.to_json()) == declared
True
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

NUMERIC_KINDS = ("number", "log", "counts", "proportion", "composition", "npx", "dosage")
LEVEL_KINDS = ("ordinal", "category", "yes/no")
KINDS = NUMERIC_KINDS + LEVEL_KINDS
DATE = "date"
"""Declared kind of a column of dates: the cohort holds the days from a patient's index date, a number."""
DECLARED_KINDS = (*KINDS, DATE)
OUTCOME_KINDS = ("binary", "survival", "number", "ordinal", "count")
SUMMARIES = ("baseline", "first", "last", "mean", "slope", "variability", "above", "visits")
"""What visits become, see ``cohort/visits.py``."""
BORN = "birth date"
"""Unit of an age column that holds the date of birth: the age is that at the index date."""
AGE_UNITS = {"days": 365.25, "weeks": 365.25 / 7, "months": 12.0, "years": 1.0}
"""How many of a unit make a year."""


class ObsColumn(NamedTuple):
    """A column that the declaration puts into ``cohort.obs``, and what stands in it."""

    name: str
    type: str
    """``number``, ``category``, ``levels`` (ordered), ``text``, ``flag``, ``either`` (number if possible)."""
    role: str


@dataclass(frozen=True)
class SampleMap:
    """A table that says which patient a sample is of: the file, and its two columns."""

    file: str
    sample: str
    patient: str = ""


@dataclass(frozen=True)
class VisitSpec:
    """How many rows of a patient become features.

    Parameters
    ----------
    time : str
        Column of the day of each row: a number in ``unit``, or a date (then days since the index date).
    unit : str
        Unit of the time when it is a number.
    summaries : tuple of str
        What is made of each feature (see ``cohort/visits.py``).
    window : tuple of float
        First and last day, relative to the index date, that count; empty for all.
    above : tuple of (str, float)
        Limits of features for the summary ``above``.
    """

    time: str = ""
    unit: str = "days"
    summaries: tuple[str, ...] = ()
    window: tuple[float, ...] = ()
    above: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileSpec:
    """Where a table is, and how it is read.

    Parameters
    ----------
    file : str
        File or folder, relative to the folder of the declaration.
    format, part : str
        Name of the format (empty: by the ending); which sheet, modality, table or resource.
    id : str
        Column of the ids, when the file names it otherwise than the declaration.
    rows : str
        "features" for a matrix that has features as rows and patients as columns.
    samples : SampleMap or None
        Which patient each id of the file is of.
    delimiter, decimal : str
        As in :class:`~phenotyper.cohort.readers.contract.Source`.
    options : tuple of (str, object)
        Further keys of the format.
    """

    file: str = ""
    format: str = ""
    part: str = ""
    id: str = ""
    rows: str = ""
    samples: SampleMap | None = None
    delimiter: str = ""
    decimal: str = ""
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class BlockSpec(FileSpec):
    """One block: which file, which columns, what kind of features."""

    name: str
    kind: str = ""
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    dictionary: str = ""
    aggregate: str = ""
    censored: str = ""
    unit: str = ""
    visits: VisitSpec | None = None


@dataclass(frozen=True)
class AgeSpec:
    """Column of the age and its unit (days, weeks, months, years), or of the birth date (``BORN``)."""

    column: str
    unit: str


@dataclass(frozen=True)
class SexSpec:
    """Column of the sex and its codes; without codes f, m, female and male are understood."""

    column: str
    female: str = ""
    male: str = ""


@dataclass(frozen=True)
class PatientsSpec(FileSpec):
    """The table of patients and the roles of its columns."""

    age: AgeSpec | None = None
    sex: SexSpec | None = None
    site: str = ""
    batch: str = ""
    family: str = ""
    index_date: str = ""
    known_classes: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutcomeSpec:
    """One outcome.

    For ``survival``, ``column`` holds the status and ``event``, ``competing`` and ``censored`` are its codes.
    """

    name: str
    kind: str
    column: str
    event: str = ""
    time: str = ""
    unit: str = ""
    competing: str = ""
    censored: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class TreatmentSpec:
    """One treatment: its column, the control arm, and how it was assigned (randomised or observed)."""

    name: str
    column: str
    control: str
    assigned: str = "observed"
    label: str = ""


@dataclass(frozen=True)
class ConsentSpec:
    """Columns that hold consent to research and to sharing."""

    research: str = ""
    sharing: str = ""


@dataclass(frozen=True)
class Declaration:
    """Everything that ``cohort.toml`` says.

    Parameters
    ----------
    name : str
        Title of the cohort.
    id_column : str
        Column of the patient id in every table (key ``id``).
    folder : str
        Where the files are, relative to the declaration.
    missing_codes : tuple of str
        Cells that mean "missing" beside the empty one.
    normalise_ids : bool
        Take ids that differ only in spaces, case or Unicode form as one patient.
    allow_leak : tuple of str
        Features that may stay although they give an outcome away.
    """

    name: str
    id_column: str
    folder: str
    missing_codes: tuple[str, ...]
    normalise_ids: bool
    allow_leak: tuple[str, ...]
    blocks: tuple[BlockSpec, ...]
    patients: PatientsSpec
    outcomes: tuple[OutcomeSpec, ...]
    treatments: tuple[TreatmentSpec, ...]
    consent: ConsentSpec | None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Declaration:
        """Parse the keys of ``cohort.toml``.

        Raises
        ------
        CohortError
            DECLARATION, with every fault.
        """
        from phenotyper.cohort.declare import declare

        return declare(values).declaration

    def to_dict(self) -> dict[str, Any]:
        """Return the keys of ``cohort.toml``; what has its default is left out."""
        named: dict[str, tuple[Any, ...]] = {
            "blocks": self.blocks,
            "outcomes": self.outcomes,
            "treatments": self.treatments,
        }
        plain = {
            "name": self.name,
            "id": self.id_column,
            "folder": self.folder,
            "missing_codes": list(self.missing_codes),
            "normalise_ids": self.normalise_ids,
            "allow_leak": list(self.allow_leak),
            "patients": _plain(self.patients),
            "consent": _plain(self.consent) if self.consent else {},
        }
        plain |= {
            key: {spec.name: _plain(spec, but="name") for spec in specs} for key, specs in named.items()
        }
        return {key: value for key, value in plain.items() if value}

    @classmethod
    def from_json(cls, text: str) -> Declaration:
        """Parse what :meth:`to_json` wrote."""
        return cls.from_dict(json.loads(text))

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def obs_columns(self) -> tuple[ObsColumn, ...]:
        """Return every column that ``cohort.obs`` will have, in its order."""
        patients = self.patients
        found = [ObsColumn("age", "number", "age")] if patients.age else []
        found += [ObsColumn("sex", "category", "sex")] if patients.sex else []
        roles = {"site": "category", "batch": "category", "family": "category", "index_date": "text"}
        found += [ObsColumn(role, kind, role) for role, kind in roles.items() if getattr(patients, role)]
        found += [ObsColumn(name, "category", "known class") for name in patients.known_classes]
        found += [ObsColumn(name, "either", "covariate") for name in patients.covariates]
        for outcome in self.outcomes:
            found += _outcome_columns(outcome)
        found += [ObsColumn(treatment.name, "category", "treatment") for treatment in self.treatments]
        for name in ("research", "sharing"):
            if self.consent and getattr(self.consent, name):
                found.append(ObsColumn(f"consent_{name}", "flag", "consent"))
        return tuple(found)


def _outcome_columns(outcome: OutcomeSpec) -> list[ObsColumn]:
    if outcome.kind == "survival":
        return [ObsColumn(f"{outcome.name}_{part}", "number", "outcome") for part in ("time", "event")]
    return [ObsColumn(outcome.name, "levels" if outcome.kind == "ordinal" else "number", "outcome")]


def _plain(spec: Any, *, but: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name == but or not value:
            continue
        if isinstance(value, AgeSpec):
            value = {"birth_date": value.column} if value.unit == BORN else _plain(value)
        elif is_dataclass(value):
            value = _plain(value)
        if field.name == "options":
            found |= {key: list(option) if isinstance(option, tuple) else option for key, option in value}
        elif field.name == "above":
            found[field.name] = dict(value)
        else:
            found[field.name] = list(value) if isinstance(value, tuple) else value
    return found
