"""A table as declared: features turned from rows into columns, samples brought to their patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from phenotyper.cohort.declaration import FileSpec, SampleMap
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, read_table
from phenotyper.cohort.readers.frames import index_as_column, transposed
from phenotyper.cohort.values import LIMIT, numbers_of, text_of
from phenotyper.errors import CohortError, Problem, did_you_mean, listed, number_of

ANNOTATIONS = frozenset(
    (
        "description", "gene_name", "gene_symbol", "symbol", "gene_id", "entrez", "entrez_id", "entrezid",
        "ensembl", "ensembl_id", "gene_biotype", "biotype", "gene_type", "chr", "chrom", "chromosome",
        "start", "end", "strand", "length", "width", "gene_length", "cytoband", "taxonomy", "uniprot",
    )
)  # fmt: skip
"""Names of columns that describe a feature beside its name, in matrices with features as rows."""


def as_declared(source: Source, spec: FileSpec, samples: Source | None, *, id_column: str = "") -> RawTable:
    """Read a table, turn it where features are rows, and name the patients of its samples.

    Parameters
    ----------
    source : Source
        What is to be read.
    spec : FileSpec
        Says ``rows`` and ``samples``.
    samples : Source or None
        The table of samples.
    id_column : str
        Column of the patient ids in the other tables; by default that of this one.

    Raises
    ------
    CohortError
        What the reader found; SAMPLE_MAP when the table of samples cannot be used.
    """
    if spec.rows == "features" and source.format:
        message = f'{source.name} has rows = "features", but format = "{source.format}" turns it by itself'
        raise CohortError(Problem("DECLARATION", message, "Leave rows out.", where=source.name))
    patient = id_column or source.id_column
    turning = spec.rows == "features"
    table = turned(replace(source, id_column=patient), spec.id) if turning else read_table(source)
    if spec.samples is None or samples is None or table.ids is None:
        return table
    return with_patients(table, spec.samples, samples=samples, id_column=patient)


def turned(source: Source, names_column: str = "") -> RawTable:
    """Read a matrix of features x patients as patients x features.

    A row of the returned table, in messages too, is a column of the file: 1 is column A.

    Parameters
    ----------
    source : Source
        The file or the table in memory.
    names_column : str
        Column of the names of the features; by default the index of a DataFrame, else the first column.

    Raises
    ------
    CohortError
        COLUMN_ABSENT when the column of names is not there; FILE_EMPTY when there are only names.
    """
    read = _features_as_rows(source, names_column)
    columns = [str(column) for column in read.frame.columns]
    if read.ids is not None:
        names, kept, aside = read.ids.tolist(), list(range(len(columns))), []
    else:
        place = columns.index(names_column) if names_column else 0
        names = [_name(cell, row) for cell, row in zip(read.frame.iloc[:, place], read.rows, strict=True)]
        others = [spot for spot in range(len(columns)) if spot != place]
        aside = [spot for spot in others if _describes(read.frame.iloc[:, spot], source)]
        kept = [spot for spot in others if spot not in aside]
    if not kept:
        said, remedy = "has no column of a patient", "Give features as rows and patients as columns."
        raise file_problem(source, "FILE_EMPTY", said, remedy)
    of_patients = replace(read, frame=_some_columns(read.frame, kept))
    frame = transposed(of_patients, as_text=_kept_as_text(source, names))
    frame.columns = pd.Index(names, dtype="str")
    return RawTable(
        f"{source.name} (turned: a row here is a column of the file)",
        frame,
        np.array([columns[spot] for spot in kept], dtype=object),
        np.array(kept) + 1,
        source.id_column,
        decimal=read.decimal,
        problems=(*read.problems, *_left_aside(source.name, [columns[spot] for spot in aside])),
    )


def _some_columns(frame: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    """Return columns by their places, without a copy where they stand side by side."""
    first, last = places[0], places[-1]
    return frame.iloc[:, first : last + 1] if len(places) == last - first + 1 else frame.iloc[:, places]


def _kept_as_text(source: Source, names: list[str]) -> np.ndarray:
    """Return which features are to stay text."""
    wanted = source.text_columns
    return np.array([wanted is None or name in wanted for name in names], dtype=bool)


def _features_as_rows(source: Source, names_column: str) -> RawTable:
    """Read the file as it stands, the names of the features as text."""
    if not names_column or getattr(getattr(source.table, "index", None), "name", None) == names_column:
        source = index_as_column(source)
    plain = replace(source, id_column="")
    plainly_numbers = source.text_columns is not None and not source.text_columns
    texts = frozenset({names_column} - {""}) if plainly_numbers else None
    read = read_table(replace(plain, text_columns=texts))
    columns = [str(column) for column in read.frame.columns]
    if names_column and names_column not in columns:
        remedy = f"It has {listed(columns)}.{did_you_mean(names_column, columns)}"
        message = f'{source.name} has no column "{names_column}" of feature names'
        raise CohortError(Problem("COLUMN_ABSENT", message, remedy, where=source.name))
    if read.ids is None and not names_column and read.frame.dtypes.iloc[0] == np.float64:
        return read_table(replace(plain, text_columns=frozenset({columns[0]})))
    return read


def _name(cell: object, row: int) -> str:
    return f"(row {row})" if pd.isna(cell) or not str(cell).strip() else str(cell).strip()


def _describes(cells: pd.Series, source: Source) -> bool:
    """Tell whether a column describes features: by its name, or because it holds words and no number."""
    if str(cells.name).casefold() in ANNOTATIONS:
        return True
    if source.text_columns is None or cells.dtype == np.float64:
        return False
    known = cells.dropna()
    numbers, _ = numbers_of(known, np.arange(len(known)), decimal=source.decimal or ".")
    return known.nunique() > 1 and bool(np.isnan(numbers).all()) and not known.map(_is_limit).any()


def _is_limit(text: str) -> bool:
    return LIMIT.fullmatch(text.strip()) is not None


def _left_aside(name: str, columns: list[str]) -> list[Problem]:
    if not columns:
        return []
    message = f"{name} has columns that describe features, no patients: {listed(columns)}"
    return [Problem("ANNOTATION", message, "They were left aside.", where=name, severity="warning")]


def with_patients(table: RawTable, spec: SampleMap, *, samples: Source, id_column: str) -> RawTable:
    """Return the table with patient ids instead of sample ids; samples of no known patient are left out.

    Raises
    ------
    CohortError
        SAMPLE_MAP: a column is absent, a sample is of two patients, or no sample is known.
    """
    patient_of = _sample_map(samples, spec, id_column)
    ids = np.array([patient_of.get(str(name), "") for name in np.asarray(table.ids)], dtype=object)
    known = np.array([bool(name) for name in ids], dtype=bool)
    if not known.any():
        shown = ", ".join(f'"{name}"' for name in np.asarray(table.ids)[:3])
        message = f"no sample of {table.name} stands in {spec.sample} of {samples.name}; it has {shown}"
        raise CohortError(
            Problem("SAMPLE_MAP", message, "Look at sample and file of samples.", where=table.name)
        )
    chosen = table.with_ids_as(ids).keep(np.flatnonzero(known))
    if known.all():
        return chosen
    lost = int((~known).sum())
    message = f"{table.name} has {number_of(lost, 'sample')} that {samples.name} gives no patient"
    remedy = "Left out, which is right for controls; add patients to the table of samples."
    left_out = Problem(
        "SAMPLE_UNKNOWN", message, remedy, where=table.name, severity="warning",
        rows=tuple(table.rows[~known].tolist()),
    )  # fmt: skip
    return replace(chosen, problems=(*chosen.problems, left_out))


def _sample_map(source: Source, spec: SampleMap, id_column: str) -> dict[str, str]:
    read = read_table(source)
    patient = spec.patient or id_column
    names = [str(column) for column in read.frame.columns]
    absent = [column for column in (spec.sample, patient) if column not in names]
    if absent:
        message = f'{source.name} has no column "{absent[0]}"; it has {listed(names)}'
        remedy = f"Correct sample or patient of samples.{did_you_mean(absent[0], names)}"
        raise CohortError(Problem("SAMPLE_MAP", message, remedy, where=source.name))
    pairs = pd.DataFrame(
        {"sample": text_of(read.frame[spec.sample]), "patient": text_of(read.frame[patient])}
    )
    pairs = pairs.dropna().drop_duplicates()
    twice = pairs["sample"][pairs["sample"].duplicated()].tolist()
    if twice:
        message = f"{source.name} gives {listed(dict.fromkeys(twice), most=3)} to two patients"
        rows = tuple(int(read.rows[place]) for place in pairs.index[pairs["sample"].duplicated()])
        remedy = "Give each sample one patient."
        raise CohortError(Problem("SAMPLE_MAP", message, remedy, where=source.name, rows=rows))
    return dict(zip(pairs["sample"], pairs["patient"], strict=True))
