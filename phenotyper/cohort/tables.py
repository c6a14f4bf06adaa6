"""All tables of a cohort as read, beside what was declared of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phenotyper.cohort.declaration import NUMERIC_KINDS, BlockSpec, Declaration, FileSpec, PatientsSpec
from phenotyper.cohort.declare import Declared
from phenotyper.cohort.dictionary import Dictionary, read_dictionary
from phenotyper.cohort.readers import FORMATS, READERS, RawTable, Source
from phenotyper.cohort.readers.contract import ending_of
from phenotyper.cohort.readers.memory import OBS
from phenotyper.cohort.reshape import as_declared
from phenotyper.errors import CohortError, Problem
from phenotyper.files import digest_of


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


Progress = Callable[[str, int, int], None]
"""Called with the file, the bytes done, and the bytes in all."""


def read_tables(declared: Declared, *, progress: Progress | None = None) -> tuple[Tables, list[Problem]]:
    """Read every file once; what cannot be read becomes a problem and is left out."""
    reading = _Reading(declared, progress)
    declaration = declared.declaration
    dictionaries = {
        spec.name: reading.dictionary(spec.dictionary) for spec in declaration.blocks if spec.dictionary
    }
    blocks = {spec.name: reading.table(spec) for spec in declaration.blocks}
    patients = reading.table(declaration.patients) if declaration.patients.file else None
    known = {name: table for name, table in blocks.items() if table is not None}
    return Tables(declaration, known, patients, dictionaries, reading.sources), reading.problems


class _Reading:
    """Keeps what has been read, so that a file that feeds several blocks is read once."""

    def __init__(self, declared: Declared, progress: Progress | None) -> None:
        self.declaration = declared.declaration
        self.memory = declared.memory
        self.home = declared.home
        self.folder = self.home / Path(self.declaration.folder).expanduser()
        self.progress = progress
        self.problems: list[Problem] = []
        self.sources: dict[str, str] = {}
        self._tables: dict[tuple[Any, ...], RawTable | None] = {}
        self._dictionaries: dict[str, Dictionary] = {}
        self._done: dict[str, int] = {}

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

    def table(self, spec: FileSpec) -> RawTable | None:
        """Return the table of a block or of the patients, read once for all who use it alike."""
        key = self._key(spec)
        if key not in self._tables:
            self._tables[key] = None
            try:
                known_as = self.declaration.id_column
                table = as_declared(self._source(spec), spec, self._others(spec), id_column=known_as)
                hidden = table.hidden | self._times(key)
                self._tables[key] = replace(table, problems=(), hidden=hidden)
                self.problems += table.problems
                self._note_all(spec)
            except CohortError as error:
                self.problems += error.problems
        return self._tables[key]

    def _times(self, key: tuple[Any, ...]) -> set[str]:
        """Return the columns that say when a row was measured, for whichever block of a table."""
        return {
            spec.visits.time
            for spec in self.declaration.blocks
            if spec.visits and spec.visits.time and self._key(spec) == key
        }

    def _key(self, spec: FileSpec) -> tuple[Any, ...]:
        return (spec.file, spec.format, self._part(spec), spec.id, spec.rows, spec.samples, spec.options)

    def _part(self, spec: FileSpec) -> str:
        """Return the part of a file: that declared, or where the patients stand in files that hold both."""
        if spec.part or not isinstance(spec, PatientsSpec):
            return spec.part
        if type(self.memory.get(spec.file)).__name__ == "AnnData":
            return OBS
        form = FORMATS.get(spec.format) or READERS.get(ending_of(spec.file))
        return form.patients_part if form else ""

    def _place(self, name: str, folder: Path) -> tuple[Path | None, Any]:
        if name in self.memory:
            return None, self.memory[name]
        return folder / Path(name).expanduser(), None

    def _others(self, spec: FileSpec) -> Source | None:
        if spec.samples is None:
            return None
        path, table = self._place(spec.samples.file, self.folder)
        return Source(_known_as(spec.samples.file), path, table, id_column="")

    def _note_all(self, spec: FileSpec) -> None:
        files = FORMATS[spec.format].files if spec.format else ()
        names = [spec.file, *(name for option, name in spec.options if option in files)]
        for name in [*names, *([spec.samples.file] if spec.samples else [])]:
            self._note(name, self._place(name, self.folder)[0])

    def _note(self, name: str, path: Path | None) -> None:
        if name not in self.sources:
            self.sources[name] = "memory" if path is None else digest_of(path)

    def _source(self, spec: FileSpec) -> Source:
        file, part = spec.file, self._part(spec)
        path, table = self._place(file, self.folder)
        specs: list[BlockSpec | PatientsSpec] = [*self.declaration.blocks, self.declaration.patients]
        users = [other for other in specs if other.file == file]
        return Source(
            name=f"{_known_as(file)} [{part}]" if part else _known_as(file),
            path=path,
            table=table,
            id_column=spec.id or self.declaration.id_column,
            missing_codes=self.declaration.missing_codes,
            text_columns=self._text_columns(spec),
            delimiter=next((user.delimiter for user in users if user.delimiter), ""),
            decimal=next((user.decimal for user in users if user.decimal), ""),
            part=part,
            format=spec.format,
            options=dict(spec.options),
            home=self.folder,
            others=self.memory,
            progress=None if self.progress is None else functools.partial(self._tell, _known_as(file)),
        )

    def _tell(self, file: str, done: int, total: int) -> None:
        """Say how far a file is read; what is read a second time counts no more."""
        if self.progress is not None and done > self._done.get(file, -1):
            self._done[file] = done
            self.progress(file, done, total)

    def _text_columns(self, asked: FileSpec) -> frozenset[str] | None:
        """Return the columns to be read as text; None for all, when a block of levels names no columns."""
        key = self._key(asked)
        found = set(role_columns(self.declaration)) if self._key(self.declaration.patients) == key else set()
        for spec in self.declaration.blocks:
            if self._key(spec) != key:
                continue
            found |= {spec.visits.time} if spec.visits and spec.visits.time else set()
            if spec.kind in NUMERIC_KINDS:
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
