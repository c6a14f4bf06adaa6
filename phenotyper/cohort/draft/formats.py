"""Files that a named format reads better: REDCap exports, long Olink tables, tables of taxa."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from phenotyper.cohort.draft.codebook import Codebook, Hint
from phenotyper.cohort.draft.look import OWN_IDS, TAXA_HEADS, Seen, Unread, why
from phenotyper.cohort.readers import FORMATS, RawTable, Source, read_table
from phenotyper.cohort.values import levels_of
from phenotyper.errors import CohortError

_OLINK = {"sampleid", "olinkid", "assay", "npx"}
_TAXA = {"otuid", "taxonomy", "cladename", "taxon", "lineage", "featureid"}
_LINEAGE = re.compile(r"^\s*(?:[dkp]_{1,2}\w+)(?:[;|]|$)")
_RANK = "genus"


def with_formats(
    tables: Sequence[Seen], books: Sequence[Codebook], *, folder: Path
) -> tuple[list[Seen], list[Unread]]:
    """Read again, by its format, every table that one fits; what then cannot be read is named."""
    found: list[Seen] = []
    unread: list[Unread] = []
    for table in tables:
        name, options, ids = _format(table, books)
        if not name or name not in FORMATS or table.path is None:
            found.append(table)
            continue
        try:
            found.append(_again(table, name, options, ids=ids, folder=folder))
        except CohortError as error:
            unread.append(why(table.file, error))
    return found, unread


def _format(table: Seen, books: Sequence[Codebook]) -> tuple[str, dict[str, str], str]:
    """Return the format of a table, what it asks for beside, and the column of the ids."""
    if str(table.frame.columns[0]).startswith(TAXA_HEADS):
        return "taxa", {}, ""
    heads = {re.sub(r"[\W_]", "", str(name)).casefold(): str(name) for name in table.frame.columns}
    if heads.keys() >= _OLINK:
        return "olink", {}, heads["sampleid"]
    for book in books:
        record = next(iter(book.hints), "")
        owned = {str(name).split("___")[0] for name in table.frame.columns}
        if book.redcap and (record in owned or len(owned & book.hints.keys()) > 0.5 * len(owned)):
            first = record if record in table.frame.columns else str(table.frame.columns[0])
            return "redcap", {"data_dictionary": book.file}, first
    first = re.sub(r"[\W_]", "", str(table.frame.columns[0])).casefold()
    cells = table.frame.iloc[:, 0].dropna().astype(str)
    lineages = len(cells) > 0 and cells.map(lambda cell: bool(_LINEAGE.match(cell))).mean() > 0.5
    if lineages or (first in _TAXA and "taxonomy" in heads):
        return "taxa", {}, ""
    return "", {}, ""


def _again(table: Seen, name: str, options: dict[str, str], *, ids: str, folder: Path) -> Seen:
    source = Source(
        table.file, table.path, id_column=ids or "patient_id", text_columns=frozenset(), part=table.part,
        delimiter=table.delimiter, decimal=table.decimal, format=name, options=options, home=folder,
    )  # fmt: skip
    try:
        read = read_table(source)
    except CohortError as error:
        if name != "taxa" or error.codes != ("TAXA_RANK",):
            raise
        options = {"rank": _RANK}
        read = read_table(replace(source, options=options))
    return _seen(table, read, ids or OWN_IDS, name, options)


def _seen(table: Seen, read: RawTable, ids: str, name: str, options: Mapping[str, str]) -> Seen:
    texts = tuple(str(one) for one in (read.ids if read.ids is not None else ()))
    frame = pd.concat([pd.Series(texts, name=ids, dtype="str"), read.frame.reset_index(drop=True)], axis=1)
    return replace(
        table, frame=frame, facts=read.features, id_column=ids, ids=texts, format=name, options=dict(options),
        hidden=read.hidden,
    )  # fmt: skip


def facts_as_hints(table: Seen) -> dict[str, Hint]:
    """Return what the file itself says of its columns."""
    found = {}
    for name, facts in table.facts.items():
        kind = str(facts.get("kind") or "")
        if kind or facts.get("label") or facts.get("unit"):
            levels = levels_of(facts.get("levels"))
            found[name] = Hint(
                kind=kind,
                unit=str(facts.get("unit") or ""),
                label=str(facts.get("label") or ""),
                levels=levels,
                factor=bool(levels) or None,
            )
    return found
