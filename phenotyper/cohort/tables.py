"""All tables of a cohort as read, beside what was declared of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phenotyper.cohort.declaration import NUMERIC_KINDS, BlockSpec, Declaration, PatientsSpec
from phenotyper.cohort.declare import Declared
from phenotyper.cohort.dictionary import Dictionary, read_dictionary
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.errors import CohortError, Problem
from phenotyper.files import sha256_of


@dataclass(frozen=True)
class Tables:
    """The raw tables of a cohort.

    Parameters
    ----------
    declaration : Declaration
        What was declared.
    blocks : mapping of str to RawTable
        Table of each block that could be read; blocks of one file share a table.
    patients : RawTable or None
        The table of patients.
    dictionaries : mapping of str to dict
        Features by name, for each block that has a dictionary.
    sources : mapping of str to str
        SHA-256 of each file; "memory" for tables in memory.
    """

    declaration: Declaration
    blocks: Mapping[str, RawTable]
    patients: RawTable | None
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def distinct(self) -> list[RawTable]:
        """Return each table once: the patients first, then by block."""
        tables = [self.patients] if self.patients is not None else []
        for table in self.blocks.values():
            if not any(table is known for known in tables):
                tables.append(table)
        return tables

    def with_ids(self) -> list[RawTable]:
        """Return each table that has an id column, once."""
        return [table for table in self.distinct() if table.ids is not None]

    def uses(self, table: RawTable) -> list[BlockSpec]:
        """Return the blocks that a table feeds."""
        return [spec for spec in self.declaration.blocks if self.blocks.get(spec.name) is table]

    def spec(self, name: str) -> BlockSpec:
        """Return the declaration of a block."""
        return next(spec for spec in self.declaration.blocks if spec.name == name)

    def mapped(self, change: Mapping[int, RawTable]) -> Tables:
        """Return the tables with some replaced; keys are ``id(table)``. What is shared stays shared."""
        blocks = {name: change.get(id(table), table) for name, table in self.blocks.items()}
        patients = None if self.patients is None else change.get(id(self.patients), self.patients)
        return replace(self, blocks=blocks, patients=patients)

    def without(self, names: AbstractSet[str]) -> Tables:
        """Return the tables but for those of the names."""
        blocks = {name: table for name, table in self.blocks.items() if table.name not in names}
        patients = None if self.patients is None or self.patients.name in names else self.patients
        return replace(self, blocks=blocks, patients=patients)


def role_columns(declaration: Declaration) -> dict[str, str]:
    """Return the columns of the table of patients that have a role, and the role as it is declared.

    Examples
    --------
    >>> role_columns(Declaration.from_dict({"blocks": {"b": {"file": "b.csv", "kind": "log"}},
    ...                                     "patients": {"file": "c.csv", "site": "hospital"}}))
    {'hospital': 'site'}
    """
    patients = declaration.patients
    found = {patients.age.column: "age"} if patients.age else {}
    found |= {patients.sex.column: "sex"} if patients.sex else {}
    found |= {
        column: role
        for role in ("site", "batch", "family", "index_date")
        if (column := getattr(patients, role))
    }
    found |= dict.fromkeys(patients.covariates, "covariates")
    if declaration.consent:
        pairs = {"research": declaration.consent.research, "sharing": declaration.consent.sharing}
        found |= {column: f"consent {name}" for name, column in pairs.items() if column}
    found |= {
        column: f"outcomes.{outcome.name}"
        for outcome in declaration.outcomes
        for column in (outcome.column, outcome.time)
        if column
    }
    found |= {treatment.column: f"treatments.{treatment.name}" for treatment in declaration.treatments}
    return found | dict.fromkeys(patients.known_classes, "known_classes")


def read_tables(declared: Declared) -> tuple[Tables, list[Problem]]:
    """Read every file once; what cannot be read becomes a problem and is left out."""
    reading = _Reading(declared)
    declaration = declared.declaration
    dictionaries = {
        spec.name: reading.dictionary(spec.dictionary) for spec in declaration.blocks if spec.dictionary
    }
    blocks = {spec.name: reading.block(spec) for spec in declaration.blocks}
    patients = reading.patients() if declaration.patients.file else None
    known = {name: table for name, table in blocks.items() if table is not None}
    return Tables(declaration, known, patients, dictionaries, reading.sources), reading.problems


class _Reading:
    """Keeps what has been read, so that a file that feeds several blocks is read once."""

    def __init__(self, declared: Declared) -> None:
        self.declaration = declared.declaration
        self.memory = declared.memory
        self.home = declared.home
        self.problems: list[Problem] = []
        self.sources: dict[str, str] = {}
        self._tables: dict[tuple[str, str], RawTable | None] = {}
        self._dictionaries: dict[str, Dictionary] = {}

    def dictionary(self, name: str) -> Dictionary:
        if name not in self._dictionaries:
            self._dictionaries[name] = {}
            try:
                path, table = self._place(name, self.home)
                self._dictionaries[name] = read_dictionary(_known_as(name), path=path, table=table)
                self._note(name, path)
            except CohortError as error:
                renamed = (
                    replace(problem, code="DICT_ABSENT") if problem.code == "FILE_ABSENT" else problem
                    for problem in error.problems
                )
                self.problems += renamed
        return self._dictionaries[name]

    def block(self, spec: BlockSpec) -> RawTable | None:
        return self._read(spec.file, spec.modality)

    def patients(self) -> RawTable | None:
        file = self.declaration.patients.file
        return self._read(file, "obs" if file.lower().endswith(".h5mu") or self._is_anndata(file) else "")

    def _is_anndata(self, file: str) -> bool:
        return type(self.memory.get(file)).__name__ == "AnnData"

    def _read(self, file: str, modality: str) -> RawTable | None:
        if (file, modality) not in self._tables:
            self._tables[file, modality] = None
            try:
                path, table = self._place(file, self.home / Path(self.declaration.folder).expanduser())
                self._tables[file, modality] = read_table(self._source(file, modality, path, table))
                self._note(file, path)
            except CohortError as error:
                self.problems += error.problems
        return self._tables[file, modality]

    def _place(self, name: str, folder: Path) -> tuple[Path | None, Any]:
        if name in self.memory:
            return None, self.memory[name]
        return folder / Path(name).expanduser(), None

    def _note(self, name: str, path: Path | None) -> None:
        if name not in self.sources:
            self.sources[name] = "memory" if path is None else sha256_of(path)

    def _source(self, file: str, modality: str, path: Path | None, table: Any) -> Source:
        specs: list[BlockSpec | PatientsSpec] = [*self.declaration.blocks, self.declaration.patients]
        users = [spec for spec in specs if spec.file == file]
        name = _known_as(file)
        return Source(
            name=f"{name} [{modality}]" if modality else name,
            path=path,
            table=table,
            id_column=self.declaration.id_column,
            missing_codes=self.declaration.missing_codes,
            text_columns=self._text_columns(file),
            delimiter=next((spec.delimiter for spec in users if spec.delimiter), ""),
            decimal=next((spec.decimal for spec in users if spec.decimal), ""),
            modality=modality,
        )

    def _text_columns(self, file: str) -> frozenset[str] | None:
        """Return the columns to be read as text; None for all, when a block of levels names no columns."""
        found = set(role_columns(self.declaration)) if self.declaration.patients.file == file else set()
        for spec in self.declaration.blocks:
            if spec.file != file or spec.kind in NUMERIC_KINDS:
                continue
            stated = self.dictionary(spec.dictionary) if spec.dictionary else {}
            if spec.kind != "mixed" and not spec.columns:
                return None
            found |= (
                set(spec.columns)
                if spec.kind != "mixed"
                else {name for name, feature in stated.items() if feature.kind not in NUMERIC_KINDS}
            )
        return frozenset(found)


def _known_as(file: str) -> str:
    """Return a file as people know it: as declared, without the folders of an absolute path."""
    return Path(file).name if Path(file).is_absolute() else file


def all_ids(tables: list[RawTable]) -> list[str]:
    """Return every patient once, in the order of the tables."""
    found: dict[str, None] = {}
    for table in tables:
        found |= dict.fromkeys(np.asarray(table.ids, dtype=object).tolist())
    return list(found)
