"""Tables of microbes with taxa as rows: counts or shares, by lineage, brought to one rank when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import one_of
from phenotyper.cohort.readers.contract import (
    CONVERT,
    RawTable,
    Source,
    file_problem,
    reads_format,
)
from phenotyper.cohort.readers.frames import transposed
from phenotyper.cohort.readers.lineages import RANKS, Lineage, cut, depth_of, lineage_of, nested, short_names
from phenotyper.cohort.readers.taxa_files import key_of_column, taxa_rows
from phenotyper.errors import CohortError, Problem, listed, number_of

_LINEAGE_COLUMNS = {"taxonomy", "taxon", "consensuslineage", "consensus lineage", "lineage"}
_ASIDE = {
    "ncbi_tax_id",
    "clade_taxid",
    "additional_species",
    "confidence",
    "sequence",
    "taxid",
    "taxonomy_id",
}
CONVERT[".biom"] = "Write it as text: biom convert -i table.biom -o table.tsv --to-tsv --header-key taxonomy."
CONVERT[".qza"] = "Export it (qiime tools export), then biom convert --to-tsv --header-key taxonomy."
_OFF = 0.05
"""A sample's sum this far from the usual one is named."""
_DOUBLE = 0.9


@dataclass(frozen=True)
class _Taxa:
    """Rows of a file: names and lineages, and the samples as columns of numbers or text."""

    names: list[str]
    texts: list[str]
    lineages: list[Lineage]
    depths: np.ndarray
    samples: RawTable
    places: tuple[int, ...]


@reads_format("taxa", options={"rank": one_of(*RANKS, "kingdom")})
def read_taxa(source: Source) -> RawTable:
    """Read a table of taxa x samples as patients x taxa.

    With ``rank``, rows are summed to it; in tables that hold every rank as rows (MetaPhlAn), the rows of the
    rank are taken.

    Raises
    ------
    CohortError
        TAXA_RANK, TAXA_SAMPLES, TAXA_EMPTY, COERCE, or what the reader of the file found.
    """
    taxa, problems = _rows(source)
    rank = _rank(source)
    double = _counted_twice(taxa)
    if double and rank is None:
        raise _rank_error(source, taxa)
    if rank is not None and not (taxa.depths == rank if double else taxa.depths >= rank).any():
        raise _rank_error(source, taxa, asked=RANKS[rank])
    values = _numbers(source, taxa) if rank is not None else None
    if values is None:
        names = _own_names(taxa)
        frame, labels = transposed(taxa.samples), taxa.texts
    else:
        names, labels, summed = _at_rank(taxa, values, rank or 0, double=double)
        frame = pd.DataFrame(np.ascontiguousarray(summed.T))
    frame.columns = pd.Index(names, dtype="str")
    kind, odd = _kind(source, frame, taxa.places)
    features = {
        name: {"kind": kind} | ({"label": label} if label and label != name else {})
        for name, label in zip(names, labels, strict=True)
    }
    ids = np.array([str(name) for name in taxa.samples.frame.columns], dtype=object)
    return RawTable(
        f"{source.name} (turned: a row here is a column of the file)", frame, ids, np.array(taxa.places),
        source.id_column, features, taxa.samples.decimal, (*problems, *odd),
    )  # fmt: skip


def _rank(source: Source) -> int | None:
    name = str(source.options.get("rank") or "")
    return RANKS.index("domain" if name == "kingdom" else name) if name else None


def _rows(source: Source) -> tuple[_Taxa, list[Problem]]:
    read = taxa_rows(source)
    columns = [str(name) for name in read.frame.columns]
    lineage = next(
        (place for place, name in enumerate(columns) if place and key_of_column(name) in _LINEAGE_COLUMNS), 0
    )
    aside = [place for place, name in enumerate(columns) if place and key_of_column(name) in _ASIDE]
    kept = [place for place in range(1, len(columns)) if place != lineage and place not in aside]
    if not kept:
        said = "has no column of a sample"
        raise file_problem(source, "TAXA_SAMPLES", said, "Give taxa as rows and samples as columns.")
    names = ["" if pd.isna(cell) else str(cell).strip() for cell in read.frame.iloc[:, 0]]
    texts = ["" if pd.isna(cell) else str(cell).strip() for cell in read.frame.iloc[:, lineage]]
    samples = replace(read, frame=read.frame.iloc[:, kept])
    depths = np.array([depth_of(text) for text in texts])
    taxa = _Taxa(
        names, texts, [lineage_of(text) for text in texts], depths, samples, tuple(p + 1 for p in kept)
    )
    noted = []
    if aside:
        message = (
            f"{source.name} has columns that describe taxa, no samples: {listed(columns[p] for p in aside)}"
        )
        noted = [
            Problem("ANNOTATION", message, "They were left aside.", where=source.name, severity="warning")
        ]
    return taxa, [*read.problems, *noted]


def _numbers(source: Source, taxa: _Taxa) -> np.ndarray:
    """Return the cells as numbers, taxa x samples; an empty cell is refused: a sum would hide it.

    Raises
    ------
    CohortError
        COERCE for a text, TAXA_EMPTY for an empty cell.
    """
    frame = transposed(taxa.samples)
    wordy = [place for place, dtype in enumerate(frame.dtypes) if dtype != np.float64]
    if wordy:
        shown = listed(f"{taxa.texts[place] or taxa.names[place]}" for place in wordy)
        said = f"has taxa with texts among their numbers: {shown}"
        raise _at_rows(
            source, "COERCE", said, "Give numbers, or declare the text in missing_codes.", taxa, wordy
        )
    values = frame.to_numpy(dtype=np.float64).T
    holes = np.flatnonzero(np.isnan(values).any(axis=1))
    if len(holes):
        said = "has empty cells, which cannot be summed to a rank"
        raise _at_rows(
            source, "TAXA_EMPTY", said, "Write 0 where a taxon was not seen.", taxa, holes.tolist()
        )
    return values


def _at_rows(
    source: Source, code: str, message: str, remedy: str, taxa: _Taxa, places: Sequence[int]
) -> CohortError:
    rows = tuple(int(taxa.samples.rows[place]) for place in places)
    return file_problem(source, code, message, remedy, rows=rows)


def _counted_twice(taxa: _Taxa) -> bool:
    """Tell whether rows of higher ranks hold the sums of the rows below them, so that all counts twice."""
    ranked = [lineage for lineage, depth in zip(taxa.lineages, taxa.depths, strict=True) if depth >= 0]
    if len(set(ranked)) < len(ranked):
        return False
    below = nested(ranked)
    if not below:
        return False
    place = {lineage: spot for spot, lineage in enumerate(taxa.lineages)}
    frame = transposed(taxa.samples)
    if any(dtype != np.float64 for dtype in frame.dtypes):
        frame = frame.apply(pd.to_numeric, errors="coerce")
    values = np.nan_to_num(frame.to_numpy(dtype=np.float64).T)
    covered = [
        parts <= values[place[parent]] * 1.01 + 1e-9
        for parent, children in below.items()
        if (parts := values[[place[child] for child in children]].sum(axis=0)).any()
    ]
    return bool(covered) and float(np.mean(np.concatenate(covered))) >= _DOUBLE


def _rank_error(source: Source, taxa: _Taxa, asked: str = "") -> CohortError:
    ranks = [RANKS[depth] for depth in sorted(set(taxa.depths.tolist())) if 0 <= depth < len(RANKS)]
    if asked and not ranks:
        said, remedy = f"has no lineages (k__..; p__..), so no {asked} can be told", "Leave rank out."
    elif asked:
        said, remedy = f"has no rows that reach the {asked}", f"Its ranks are {listed(ranks, most=8)}."
    else:
        said = f"has rows of several ranks ({listed(ranks, most=8)}), which hold one another's sums"
        remedy = (
            f'Add rank = "{ranks[-2] if len(ranks) > 1 else ranks[-1]}", or another: else all counts twice.'
        )
    return file_problem(source, "TAXA_RANK", said, remedy)


def _own_names(taxa: _Taxa) -> list[str]:
    """Return the names in the first column; where these are lineages, the last name that each has."""
    if taxa.names != taxa.texts:
        return [name or text for name, text in zip(taxa.names, taxa.texts, strict=True)]
    short = short_names(taxa.lineages)
    return [
        known if depth >= 0 and lineage else name
        for known, depth, lineage, name in zip(short, taxa.depths, taxa.lineages, taxa.names, strict=True)
    ]


def _at_rank(
    taxa: _Taxa, values: np.ndarray, rank: int, *, double: bool
) -> tuple[list[str], list[str], np.ndarray]:
    """Return names, full lineages and numbers of the taxa of a rank, in the order of the file."""
    groups: dict[Lineage, list[int]] = {}
    for place, (lineage, depth) in enumerate(zip(taxa.lineages, taxa.depths, strict=True)):
        if not double or depth in {rank, -1}:
            groups.setdefault(cut(lineage, rank), []).append(place)
    summed = np.array([values[places].sum(axis=0) for places in groups.values()])
    lineages = list(groups)
    return (
        short_names(lineages, rank),
        ["; ".join(name or "-" for name in found) for found in lineages],
        summed,
    )


def _kind(source: Source, frame: pd.DataFrame, places: Sequence[int]) -> tuple[str, list[Problem]]:
    """Return what the numbers are, by their sums, and a warning where some samples have another sum."""
    if any(dtype != np.float64 for dtype in frame.dtypes):
        return "", []
    values = frame.to_numpy(dtype=np.float64)
    sums = np.nansum(values, axis=1)
    known = values[~np.isnan(values)]
    parts = any((np.abs(sums - whole) <= 0.01 * whole).all() for whole in (1.0, 100.0))
    if (known == np.floor(known)).all() and not parts:
        return "counts", []
    usual = float(np.median(sums))
    whole = next((whole for whole in (1.0, 100.0) if abs(usual - whole) <= _OFF * whole), 0.0)
    if not whole:
        return "", []
    off = np.flatnonzero(np.abs(sums - whole) > _OFF * whole)
    if not len(off):
        return "composition", []
    message = f"{source.name} has {number_of(len(off), 'sample')} whose taxa do not sum "
    message += f"to {whole:g} as the others' do"
    shown = listed(f"column {places[int(place)]} sums to {sums[place]:.4g}" for place in off)
    remedy = "Look whether taxa are missing there, or whether they are of another scale."
    return "composition", [
        Problem("TAXA_SUM", f"{message}: {shown}", remedy, where=source.name, severity="warning")
    ]
