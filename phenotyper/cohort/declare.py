"""Parse a declaration, gathering every fault."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phenotyper.cohort.declaration import (
    AGE_UNITS,
    BORN,
    DECLARED_KINDS,
    OUTCOME_KINDS,
    SUMMARIES,
    AgeSpec,
    BlockSpec,
    ConsentSpec,
    Declaration,
    OutcomeSpec,
    PatientsSpec,
    SampleMap,
    SexSpec,
    TreatmentSpec,
    VisitSpec,
)
from phenotyper.cohort.parsing import (
    RESERVED,
    Parser,
    Wrong,
    code,
    codes,
    delimiter,
    flag,
    limits,
    one_of,
    several_of,
    text,
    texts,
    window,
)
from phenotyper.cohort.readers.contract import FORMATS
from phenotyper.errors import CohortError, Problem, listed

_WITH_UNIT = (
    'the column with its unit, as { column = "age_months", unit = "months" }, or { birth_date = "born" }'
)


def _as_given(value: Any) -> Any:
    return value


_TOP: dict[str, Callable[[Any], Any]] = {
    "name": text,
    "id": text,
    "folder": text,
    "missing_codes": codes,
    "normalise_ids": flag,
    "allow_leak": texts,
    **dict.fromkeys(("blocks", "patients", "outcomes", "treatments", "consent"), _as_given),
}


@dataclass(frozen=True)
class Declared:
    """A declaration, the tables that were given in memory, and the folder that file names start from."""

    declaration: Declaration
    memory: Mapping[str, Any]
    home: Path


def declare(raw: Mapping[str, Any], *, title: str = "cohort.toml", home: Path | None = None) -> Declared:
    """Parse the keys of ``cohort.toml``.

    Raises
    ------
    CohortError
        DECLARATION, with every fault at once.
    """
    parser = Parser(title)
    top = parser.section(raw, "", _TOP, needed=("blocks",))
    if "blocks" in top and not top["blocks"]:
        parser.fault("[blocks]", "is empty", "Declare at least one block, [blocks.labs] with file and kind.")
    declaration = Declaration(
        name=top.get("name", ""),
        id_column=top.get("id", "patient_id"),
        folder=top.get("folder", ""),
        missing_codes=top.get("missing_codes", ()),
        normalise_ids=top.get("normalise_ids", False),
        allow_leak=top.get("allow_leak", ()),
        blocks=_named(parser, top, "blocks", _block),
        patients=_patients(parser, top.get("patients", {})),
        outcomes=_named(parser, top, "outcomes", _outcome),
        treatments=_named(parser, top, "treatments", _treatment),
        consent=_consent(parser, top["consent"]) if top.get("consent") else None,
    )
    _whole(parser, declaration)
    if parser.faults:
        raise CohortError(parser.faults)
    return Declared(declaration, parser.memory, home or Path.cwd())


def _named[Spec](
    parser: Parser, top: Mapping[str, Any], section: str, parse: Callable[[Parser, str, Any], Spec]
) -> tuple[Spec, ...]:
    return tuple(parse(parser, *item) for item in parser.sections(top.get(section, {}), section).items())


_SAME = {"sheet": "part", "modality": "part", "table": "part", "resource": "part"}
"""Other words for one key."""


def _file_keys(parser: Parser, label: str, raw: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the keys that say where a table is and how it is read, those of its format included."""
    keys: dict[str, Callable[[Any], Any]] = {
        "file": parser.file(label), "format": one_of(*FORMATS), "id": text,
        "rows": one_of("patients", "features"),
        "samples": _samples(parser, label), "delimiter": delimiter, "decimal": one_of(".", ","),
        **dict.fromkeys(("part", *_SAME), text),
    }  # fmt: skip
    form = FORMATS.get(str(raw.get("format"))) if isinstance(raw, Mapping) else None
    if form is not None:
        further = {name: parser.file(f"{label} {name}") for name in form.files}
        keys |= dict(form.options) | further
    return keys


def _file_spec(parser: Parser, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Gather the keys of a format under ``options``, and the words for part under one."""
    named = [name for name in ("part", *_SAME) if name in values]
    if len(named) > 1:
        parser.fault(where, f"has {' and '.join(named)}, which mean the same", "Give one of them.")
    part = {"part": values[named[0]]} if named else {}
    form = FORMATS.get(values.get("format", ""))
    own = {name for name in (*form.options, *form.files) if name in values} if form else set()
    kept = {name: value for name, value in values.items() if name not in own and name not in _SAME}
    if kept.get("rows") == "patients":
        del kept["rows"]
    return {**kept, **part, "options": tuple((name, values[name]) for name in sorted(own))}


def _samples(parser: Parser, label: str) -> Callable[[Any], SampleMap | None]:
    def check(value: Any) -> SampleMap | None:
        where = f"samples of {label}"
        keys = {"file": parser.file(f"{label} samples"), "sample": text, "patient": text}
        values = parser.section(value, where, keys, needed=("file", "sample"))
        return SampleMap(**values) if {"file", "sample"} <= set(values) else None

    return check


def _visits(parser: Parser, where: str) -> Callable[[Any], VisitSpec]:
    def check(value: Any) -> VisitSpec:
        keys = {
            "time": text,
            "unit": one_of(*AGE_UNITS),
            "summaries": several_of(*SUMMARIES),
            "window": window,
            "above": limits,
        }
        return VisitSpec(**parser.section(value, f"{where} visits", keys))

    return check


def _block(parser: Parser, name: str, raw: Any) -> BlockSpec:
    where = f"[blocks.{name}]"
    keys = _file_keys(parser, name, raw) | {
        "kind": one_of(*DECLARED_KINDS, "mixed"), "columns": texts, "exclude": texts,
        "dictionary": parser.file(f"{name} dictionary"), "aggregate": one_of("mean", "first", "last"),
        "censored": one_of("lod"), "unit": text, "visits": _visits(parser, where),
    }  # fmt: skip
    values = parser.section(raw, where, keys, needed=("file", "kind"))
    if values.get("columns") and values.get("exclude"):
        parser.fault(where, "has both columns and exclude", "Give one of the two.")
    if values.get("visits") and values.get("aggregate"):
        parser.fault(where, "has both visits and aggregate", "Give one of the two.")
    return BlockSpec(name, **_file_spec(parser, values, where))


def _patients(parser: Parser, raw: Any) -> PatientsSpec:
    def age(value: Any) -> AgeSpec | None:
        if isinstance(value, str):
            raise Wrong(_WITH_UNIT)
        if isinstance(value, Mapping) and "birth_date" in value:
            values = parser.section(value, "[patients] age", {"birth_date": text})
            return AgeSpec(values["birth_date"], BORN) if "birth_date" in values else None
        known = {"column": text, "unit": one_of(*AGE_UNITS)}
        values = parser.section(value, "[patients] age", known, needed=known)
        return AgeSpec(**values) if len(values) == len(known) else None

    def sex(value: Any) -> SexSpec | None:
        given = {"column": value} if isinstance(value, str) else value
        values = parser.section(
            given, "[patients] sex", {"column": text, "female": code, "male": code}, needed=("column",)
        )
        if len({"female", "male"} & set(values)) == 1:
            parser.fault(
                "[patients] sex", "has a code for one sex only", 'Give both, as female = "F", male = "M".'
            )
        return SexSpec(**values) if "column" in values else None

    keys = _file_keys(parser, "patients", raw) | {"age": age, "sex": sex}
    keys |= dict.fromkeys(("site", "batch", "family", "index_date"), text)
    keys |= {"known_classes": texts, "covariates": texts}
    return PatientsSpec(**_file_spec(parser, parser.section(raw, "[patients]", keys), "[patients]"))


_OUTCOME_NEEDS = {"survival": ("time",)}
_OUTCOME_KEYS = {
    "binary": ("column", "event"),
    "survival": ("column", "event", "time", "competing", "censored"),
    "ordinal": ("column", "levels"),
}


def _outcome(parser: Parser, name: str, raw: Any) -> OutcomeSpec:
    where = f"[outcomes.{name}]"
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    if kind == "repeated":
        parser.fault(
            where,
            'has kind = "repeated", which this version does not read',
            f"Declare one value a patient: {listed(OUTCOME_KINDS)}.",
        )
        return OutcomeSpec(name, "", "")
    keys: dict[str, Callable[[Any], Any]] = {"kind": one_of(*OUTCOME_KINDS), "label": text, "unit": text}
    known = kind if kind in OUTCOME_KINDS else ""
    every = {
        "column": text,
        "event": code,
        "time": text,
        "competing": code,
        "censored": codes,
        "levels": codes,
    }
    keys |= {key: every[key] for key in (_OUTCOME_KEYS.get(known, ("column",)) if known else every)}
    values = parser.section(
        raw, where, keys, needed=("kind", *_OUTCOME_NEEDS.get(known, ("column",) if known else ()))
    )
    if known == "survival" and "column" not in values:
        if "event" not in values:
            parser.fault(
                where,
                "lacks column",
                "Give the column of the status, and event = the code that counts (1 if absent).",
            )
        values["column"] = values.pop("event", "")
    return OutcomeSpec(name, **{"kind": "", "column": "", **values})


def _treatment(parser: Parser, name: str, raw: Any) -> TreatmentSpec:
    keys = {"column": text, "control": code, "assigned": one_of("randomised", "observed"), "label": text}
    values = parser.section(raw, f"[treatments.{name}]", keys, needed=("column", "control"))
    return TreatmentSpec(name, **{"column": "", "control": "", **values})


def _consent(parser: Parser, raw: Any) -> ConsentSpec:
    return ConsentSpec(
        **parser.section(raw, "[consent]", {"research": text, "sharing": text}, needed=("research",))
    )


def _whole(parser: Parser, declaration: Declaration) -> None:
    """Find faults that only show when the parts are seen together."""
    columns = declaration.obs_columns()
    if columns and not declaration.patients.file:
        parser.fault(
            "[patients]",
            f"lacks file, but {listed(sorted({column.role for column in columns}))} are declared",
            'Add file = "clinical.csv".',
        )
    for name, times in Counter(column.name for column in columns).items():
        if times > 1:
            roles = listed(column.role for column in columns if column.name == name)
            parser.fault(
                "",
                f'gives the name "{name}" to {times} columns ({roles})',
                "Rename the outcome or treatment, or leave one of them out.",
            )
    for column in columns:
        if "/" in column.name or column.name in RESERVED:
            parser.fault(
                "",
                f'names the column "{column.name}", which .h5mu files cannot hold',
                "Rename the column in the file.",
            )
    if (
        declaration.patients.age
        and declaration.patients.age.unit == BORN
        and not declaration.patients.index_date
    ):
        parser.fault(
            "[patients] age",
            "is a birth date, and no index_date is declared",
            'Add index_date = "...": the age is that at the index date.',
        )
    by_file: dict[str, set[tuple[str, str]]] = {}
    specs: list[BlockSpec | PatientsSpec] = [*declaration.blocks, declaration.patients]
    for spec in specs:
        by_file.setdefault(spec.file, set()).add((spec.delimiter, spec.decimal))
    for file, formats in by_file.items():
        if any(len({pair[part] for pair in formats} - {""}) > 1 for part in (0, 1)):
            parser.fault("", f"gives {file} two delimiters or decimal marks", "Give one file one format.")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a declaration file.

    Raises
    ------
    CohortError
        DECLARATION when it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        problem = Problem(
            "DECLARATION",
            f"{path.name} is not TOML ({error})",
            "Correct that line; texts stand in quotes.",
            where=path.name,
        )
    except UnicodeDecodeError:
        problem = Problem(
            "DECLARATION", f"{path.name} is not UTF-8 text", "Save it as UTF-8.", where=path.name
        )
    raise CohortError(problem)
