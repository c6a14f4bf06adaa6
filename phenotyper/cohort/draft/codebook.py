"""Tables whose rows describe columns of the others: codebooks, dictionaries, REDCap data dictionaries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenotyper.cohort.declaration import KINDS
from phenotyper.cohort.draft.levels import stated
from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.words import FEATURE_NAMES, says, tokens, unit_in, words

_LEAST_ROWS = 2
_KIND = words("kind type var vartype datatype")
_HEADS = {
    "label": ("field label", "labels", "label", "title", "question", "short description"),
    "description": ("description", "definition", "meaning", "field note"),
    "levels": ("choices", "levels", "values", "codes", "categories", "coding"),
    "unit": ("unit", "units"),
    "domain": ("domain", "section", "role", "form name", "category"),
    "scale": ("transformation", "transform", "scale"),
    "lod": ("lod", "limit of detection"),
    "reference": ("reference", "reference range", "normal range"),
    "personal": ("identifier",),
}
_NAMING = words("column columns variable variables var field fieldname name feature item variablename")
_FACTOR = words(
    "factor categorical category nominal dichotomous binary radio dropdown yesno checkbox truefalse"
)
_NUMERIC = words("numeric number continuous float integer int double calc slider real")
_OUTCOME = words("outcome outcomes phenotype phenotypes endpoint endpoints")
_COVARIATE = words("covariate covariates confounder confounders demographics demographic")


@dataclass(frozen=True)
class Hint:
    """What a codebook says of a column."""

    kind: str = ""
    unit: str = ""
    label: str = ""
    levels: tuple[str, ...] = ()
    meanings: tuple[tuple[str, str], ...] = ()
    """Codes and what they stand for."""
    factor: bool | None = None
    """Whether it holds classes; None when nothing is said."""
    role: str = ""
    """outcome, covariate or empty."""
    lod: str = ""
    reference: str = ""
    personal: bool = False


NO_HINT = Hint()


@dataclass(frozen=True)
class Codebook:
    """A table that describes columns: where it is, and what it says."""

    file: str
    hints: Mapping[str, Hint]
    ours: bool
    """Whether it is a dictionary as cohort.toml takes it."""
    redcap: bool


def codebooks_of(tables: Sequence[Seen]) -> tuple[list[Codebook], list[Seen]]:
    """Part the tables into those that describe columns and those that hold patients."""
    found, rest = [], []
    for table in tables:
        others = {name for other in tables if other is not table for name in other.frame.columns}
        book = _codebook(table, others)
        if book:
            found.append(book)
        else:
            rest.append(table)
    return found, rest


def without_annotations(tables: Sequence[Seen]) -> tuple[list[Seen], list[str]]:
    """Part off tables that describe features of the others, a row a gene; return the rest and their names."""
    kept, aside = [], []
    for table in tables:
        first = str(table.frame.columns[0])
        numeric = len(table.floats) >= 5 and len(table.floats) > 0.8 * (len(table.places) - 1)
        if table.frame.iloc[:, 0].dtype != np.float64 and says(first, FEATURE_NAMES) and not numeric:
            names = set(table.frame.iloc[:, 0].dropna().astype(str))
            others = [other for other in tables if other is not table]
            known = {name for other in others for name in other.places}
            known |= {
                str(cell) for other in others if says(str(other.frame.columns[0]), FEATURE_NAMES)
                for cell in other.frame.iloc[:, 0].dropna()
            }  # fmt: skip
            if len(names & known) >= 0.3 * max(len(names), 1):
                aside.append(table.label)
                continue
        kept.append(table)
    return kept, aside


def _codebook(table: Seen, others: set[str]) -> Codebook | None:
    heads = {str(name).strip().casefold(): name for name in table.frame.columns}
    if len(heads) < 2:
        return None
    redcap = any("field name" in head for head in heads) and "field type" in heads
    for name in list(table.frame.columns)[:3]:
        cells = table.frame.loc[:, ~table.frame.columns.duplicated()][name]
        if cells.dtype == np.float64 or not says(str(name), _NAMING):
            continue
        texts = cells.dropna().astype(str).str.strip()
        hits = int(texts.isin(others).sum())
        if redcap or (hits >= _LEAST_ROWS and hits >= 0.3 * len(texts) and texts.is_unique):
            places = _places(heads)
            if not any(places[fact] for fact in ("type", "label", "description", "levels", "unit")):
                continue
            rows = table.frame.loc[:, ~table.frame.columns.duplicated()]
            hints = {
                str(row[name]).strip(): _hint(row, places)
                for _, row in rows.iterrows()
                if pd.notna(row[name])
            }
            return Codebook(table.file, hints, {"column", "kind"} <= set(heads), redcap)
    return None


def _places(heads: Mapping[str, str]) -> dict[str, str]:
    """Return which column of the codebook says what."""
    found = {}
    for fact, names in _HEADS.items():
        place = next(
            (heads[head] for name in names for head in heads if head == name or head.startswith(f"{name},")),
            "",
        )
        if not place and fact != "domain":
            place = next((heads[head] for name in names for head in heads if head.startswith(name)), "")
        found[fact] = place
    kinds = [head for head in heads if "kind" in tokens(head)] + [
        head for head in heads if not _KIND.isdisjoint(tokens(head)) and "validation" not in head
    ]
    typed = [head for head in kinds if {"kind", "type", "vartype", "datatype"} & set(tokens(head))]
    found["type"] = heads[typed[0]] if typed else ""
    found["kind"] = heads.get("kind", "")
    return found


def _hint(row: pd.Series, places: Mapping[str, str]) -> Hint:
    said = {
        fact: str(row[place]).strip() if place and pd.notna(row[place]) else ""
        for fact, place in places.items()
    }
    kind = said["kind"] if said["kind"] in KINDS else _scale_kind(said["scale"])
    type_words = frozenset(tokens(said["type"]))
    factor = True if type_words & _FACTOR else (False if type_words & _NUMERIC else None)
    meanings = stated(said["levels"]) or stated(said["description"])
    levels = tuple(meanings) if said["levels"] else ()
    domain = frozenset(tokens(said["domain"]))
    role = "outcome" if domain & _OUTCOME else ("covariate" if domain & _COVARIATE else "")
    unit = said["unit"] or unit_in(said["label"]) or unit_in(said["description"])
    return Hint(
        kind="yes/no" if type_words & {"yesno", "truefalse", "dichotomous", "binary"} and not kind else kind,
        unit=unit,
        label=_tidy(said["label"] or said["description"]),
        levels=levels,
        meanings=tuple((code, meaning) for code, meaning in meanings.items() if meaning),
        factor=factor,
        role=role,
        lod=said["lod"],
        reference=said["reference"],
        personal=said["personal"].casefold() in {"y", "yes"},
    )


def _tidy(text: str) -> str:
    return re.sub(r"<[^>]*>", "", re.sub(r"\s+", " ", text)).strip()[:120]


def _scale_kind(scale: str) -> str:
    parts = frozenset(tokens(scale))
    if parts & words("log logarithm ln log2 log10"):
        return "log"
    return "yes/no" if parts & words("dichotomous binary") else ""
