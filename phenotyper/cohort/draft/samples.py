"""Tables whose ids are samples, and the table that says which patient each sample is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.words import says, words

_PATIENT = words(
    "patient patientid subject subjectid participant participantid person personid child childid pid"
)
_MOST = 12
"""Columns of a table of samples."""
_SHARE = 0.5


def with_samples(tables: Sequence[Seen]) -> list[Seen]:
    """Return the tables with samples turned into patients, without the tables that say no more than that."""
    found, used = [], []
    for table in tables:
        others = [other for other in tables if other is not table]
        if not table.ids:
            found.append(table)
            continue
        mapped = next((one for other in others if (one := _mapped(table, other, others))), None)
        used += [mapped.samples["file"]] if mapped else []
        found.append(mapped or table)
    return [table for table in found if not (table.file in used and _says_no_more(table))]


def _mapped(table: Seen, manifest: Seen, others: Sequence[Seen]) -> Seen | None:
    """Return a table with the patients of its samples, where another table names them."""
    if len(manifest.frame.columns) > _MOST or manifest.rows or manifest.part:
        return None
    elsewhere = [other for other in others if other is not manifest]
    patients = frozenset().union(*(other.patients for other in elsewhere))
    if table.patients & patients:
        return None
    texts = {name: _texts(manifest, name) for name in manifest.places}
    called = [name for name in texts if not says(name, _PATIENT)]
    sample = max(called, key=lambda name: len(table.patients & set(texts[name])), default="")
    if not sample or len(table.patients & set(texts[sample])) < _SHARE * len(table.patients):
        return None
    named = [name for name in texts if name != sample and _names_patients(name, texts[name], patients)]
    if not named or len(set(texts[sample]) - {""}) < len([text for text in texts[sample] if text]):
        return None
    of = {key: value for key, value in zip(texts[sample], texts[named[0]], strict=True) if key and value}
    if all(of.get(key) == key for key in table.patients & of.keys()):
        return None
    samples = {"file": manifest.file, "sample": sample, "patient": named[0]}
    return replace(table, ids=tuple(of.get(text, "") for text in table.ids), samples=samples)


def _texts(table: Seen, name: str) -> list[str]:
    cells = table.cells(name)
    if cells.dtype == np.float64:
        return ["" if np.isnan(cell) else f"{cell:g}" for cell in cells]
    return ["" if text is None or text != text else str(text).strip() for text in cells.tolist()]


def _names_patients(name: str, texts: Sequence[str], patients: frozenset[str]) -> bool:
    known = {text for text in texts if text}
    if patients:
        return len(known) > 1 and len(known & patients) >= _SHARE * len(known)
    return len(known) > 1 and says(name, _PATIENT)


def _says_no_more(table: Seen) -> bool:
    return len(table.frame.columns) <= 2 or all(
        column.constant for name, column in list(table.columns().items())[2:]
    )
