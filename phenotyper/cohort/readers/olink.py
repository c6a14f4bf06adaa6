"""Olink NPX, long (one row a sample and protein), to one row a sample and one column a protein."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import one_of
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, plain_table, reads_format
from phenotyper.cohort.readers.headers import first_rows, key_of, with_delimiter
from phenotyper.cohort.readers.olink_notes import mixed_notes, quality
from phenotyper.cohort.values import numbers_of, text_of
from phenotyper.errors import Problem, listed, number_of

_NAMES = {
    "sample": ("sampleid",),
    "protein": ("olinkid",),
    "assay": ("assay",),
    "npx": ("npx",),
    "lod": ("lod", "platelod", "maxlod"),
    "uniprot": ("uniprot", "uniprotid"),
    "panel": ("panel",),
    "version": ("panelversion", "panellotnr"),
    "plate": ("plateid",),
    "sample_type": ("sampletype",),
    "assay_type": ("assaytype",),
    "normalization": ("normalization", "normalisation"),
    "sample_qc": ("sampleqc", "qcwarning"),
    "assay_qc": ("assayqc", "assaywarning"),
}
_NEEDED = ("sample", "protein", "assay", "npx")
_NUMBERS = ("npx", "lod")
_WRITTEN_BY_R = ("NA", "NaN")
_WIDE = {"npxdata", "panel", "assay", "uniprotid", "olinkid", "assayname", "uniprot"}
_CONTROL_SAMPLE = re.compile(
    r"control[ _]sample.*|(?:sample|plate|negative|inter[ _-]?plate|pooled?)[ _-]?controls?(?:[ _-].*)?",
    re.IGNORECASE,
)
_CONTROL_ASSAY = re.compile(
    r"(?:incubation|extension|amplification|detection|inc|ext|amp|det)[ _.-]?(?:control|ctrl)(?:[ _.-]?\d+)?",
    re.IGNORECASE,
)
PLATE = "PlateID"
"""Hidden column of the plate, where all proteins of a sample stand on one."""


@dataclass(frozen=True)
class Long:
    """The long table: one row a sample and protein.

    Parameters
    ----------
    frame : DataFrame
        Columns by the keys of ``_NAMES``, "" for missing texts, NaN for missing numbers.
    rows : ndarray of int
        Spreadsheet rows.
    id_column : str
        Column of the patient ids.
    problems : tuple of Problem
        What the reader of the file noticed.
    """

    frame: pd.DataFrame
    rows: np.ndarray
    id_column: str
    problems: tuple[Problem, ...] = ()

    def keep(self, chosen: np.ndarray) -> Long:
        """Return the table with only the chosen rows (a mask)."""
        return replace(self, frame=self.frame[chosen].reset_index(drop=True), rows=self.rows[chosen])


@reads_format("olink", options={"qc": one_of("keep", "drop")})
def read_olink(source: Source) -> RawTable:
    """Read NPX of Explore, Explore HT, Reveal or Target in the long format.

    The patient id is the declared column, or SampleID where the file has no such column: then ``samples``
    says which patient a sample is of, or the two are the same.

    Raises
    ------
    CohortError
        OLINK_WIDE, OLINK_COLUMNS, OLINK_ID, OLINK_TWICE, COERCE, or what the reader of the file found.
    """
    long = _read(source)
    long, problems = _patients_only(long, source)
    _refuse_repeats(long, source)
    problems += mixed_notes(long.frame, name=source.name)
    flags, notes = quality(long.frame, name=source.name, drop=source.options.get("qc") == "drop")
    if source.options.get("qc") == "drop":
        long = replace(long, frame=long.frame.assign(npx=long.frame["npx"].mask(flags)))
    names, named_twice = _feature_names(long.frame, source.name)
    return _pivoted(long, names, source, problems=[*long.problems, *problems, *notes, *named_twice])


def _read(source: Source) -> Long:
    keys = {key for name, names in _NAMES.items() for key in names if name not in _NUMBERS}
    start = first_rows(source)
    if start and "sampleid" not in {key_of(cell) for cell in start[0]}:
        _refuse_wide(source, start)
    found = with_delimiter(source, set(_NAMES["sample"]))
    header = start[0] if start else []
    texts = frozenset(cell for cell in header if key_of(cell) in keys) | {source.id_column}
    codes = (*source.missing_codes, *_WRITTEN_BY_R)
    read = plain_table(replace(found, missing_codes=codes), text_columns=texts)
    places = {key_of(column): place for place, column in reversed(list(enumerate(read.frame.columns)))}
    known = {name: next((places[key] for key in keys if key in places), -1) for name, keys in _NAMES.items()}
    _refuse_columns(source, read, [name for name in _NEEDED if known[name] < 0])
    columns = {}
    for name, place in known.items():
        if place >= 0:
            cells = read.frame.iloc[:, place]
            columns[name] = _numbers(source, cells, read) if name in _NUMBERS else _texts(cells)
    id_column = source.id_column if source.id_column in read.frame.columns else ""
    columns["id"] = _texts(read.frame[id_column]) if id_column else columns["sample"]
    frame = pd.DataFrame(columns)
    _refuse_nameless(source, frame, read.rows)
    id_column = id_column or str(read.frame.columns[known["sample"]])
    return Long(frame, read.rows, id_column, read.problems)


def _texts(cells: pd.Series) -> pd.Series:
    """Return texts as a categorical, stripped, "" where missing: millions of cells, few words."""
    text = text_of(cells) if pd.api.types.is_float_dtype(cells.dtype) else cells
    codes, distinct = pd.factorize(text)
    places, words = pd.factorize(np.array([*(str(word).strip() for word in distinct), ""], dtype=object))
    return pd.Series(pd.Categorical.from_codes(places[codes], categories=pd.Index(words, dtype=object)))


def _numbers(source: Source, cells: pd.Series, read: RawTable) -> pd.Series:
    values, misfits = numbers_of(cells, read.rows, decimal=read.decimal)
    if misfits:
        word, rows = next(iter(misfits.items()))
        message = (
            f'has {sum(map(len, misfits.values()))} cells of {cells.name} that are no numbers, as "{word}"'
        )
        remedy = 'Add decimal = "," where numbers have a comma; else correct the cells.'
        raise file_problem(source, "COERCE", message, remedy, rows=rows)
    return pd.Series(values)


def _refuse_wide(source: Source, start: list[list[str]]) -> None:
    first = {key_of(row[0]) for row in start if row}
    words = {key_of(cell) for row in start for cell in row}
    if len(first & _WIDE) > 1 or (
        "olinkid" in words and "olinkid" not in {key_of(cell) for cell in start[0]}
    ):
        message = "is the wide format of NPX, with a block of headers above one row a sample"
        remedy = (
            "Export it long (one row a sample and protein; in R: OlinkAnalyze::read_NPX, then write.csv)."
        )
        raise file_problem(source, "OLINK_WIDE", message, remedy)


def _refuse_columns(source: Source, read: RawTable, absent: list[str]) -> None:
    if not absent:
        return
    names = {"sample": "SampleID", "protein": "OlinkID", "assay": "Assay", "npx": "NPX"}
    others = [name for name in read.frame.columns if key_of(name) in {"count", "extnpx", "pcnormalizednpx"}]
    remedy = "Export NPX in the long format, with SampleID, OlinkID, Assay and NPX."
    if absent == ["npx"] and others:
        remedy = f"It has {listed(others)}, which cannot stand for NPX: export it again with NPX."
    message = f"lacks the column {listed(names[name] for name in absent)} of the long format of Olink"
    raise file_problem(source, "OLINK_COLUMNS", message, remedy)


def _refuse_nameless(source: Source, frame: pd.DataFrame, rows: np.ndarray) -> None:
    names = {"sample": "SampleID", "protein": "OlinkID", "assay": "Assay", "id": source.id_column}
    for column, name in names.items():
        empty = (frame[column] == "").to_numpy()
        if empty.any():
            message = f"has {number_of(int(empty.sum()), 'row')} without {name}"
            raise file_problem(
                source,
                "OLINK_ID",
                message,
                "Fill them in, or delete the rows.",
                rows=tuple(rows[empty].tolist()),
            )


def _matches(cells: pd.Series, pattern: re.Pattern[str]) -> np.ndarray:
    found = np.array([bool(pattern.fullmatch(str(word))) for word in cells.cat.categories], dtype=bool)
    return found[cells.cat.codes.to_numpy()]


def _patients_only(long: Long, source: Source) -> tuple[Long, list[Problem]]:
    """Leave out control samples and control assays, by their types, or by the names that Olink gives them."""
    frame = long.frame
    control = re.compile(r".*(?:control|ctrl).*", re.IGNORECASE)
    by_type = "sample_type" in frame
    samples = _matches(frame["sample_type" if by_type else "sample"], control if by_type else _CONTROL_SAMPLE)
    assays = _matches(frame["assay"], _CONTROL_ASSAY)
    if "assay_type" in frame:
        assays |= _matches(frame["assay_type"], control)
    gone = samples | assays
    if gone.all():
        message = "holds control samples and control assays only"
        raise file_problem(source, "FILE_EMPTY", message, "Give the export with the samples of patients.")
    if not gone.any():
        return long, []
    said = number_of(frame.loc[samples, "sample"].nunique(), "control sample")
    said += f" and {number_of(frame.loc[assays, 'protein'].nunique(), 'control assay')}"
    message = f"{source.name} has {said} ({number_of(int(gone.sum()), 'row')})"
    note = Problem("OLINK_CONTROLS", message, "They were left out.", where=source.name, severity="warning")
    return long.keep(~gone), [note]


def _refuse_repeats(long: Long, source: Source) -> None:
    frame = long.frame
    sample, protein = (frame[name].cat.codes.to_numpy(dtype=np.int64) for name in ("sample", "protein"))
    again = pd.Series(sample * (protein.max() + 1) + protein).duplicated().to_numpy()
    if not again.any():
        return
    samples = list(frame.loc[again, "sample"].unique())
    plates = list(frame.loc[frame["sample"] == samples[0], "plate"].unique()) if "plate" in frame else []
    message = f"has {number_of(int(again.sum()), 'value')} of a sample and protein twice ({listed(samples)})"
    remedy = "Keep one run of each sample, or give the runs SampleIDs of their own and join them by samples."
    if len(plates) > 1:
        remedy += f" {samples[0]} stands on the plates {listed(plates)}: a bridging sample, perhaps."
    raise file_problem(source, "OLINK_TWICE", message, remedy, rows=tuple(long.rows[again].tolist()))


def _feature_names(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the proteins, their names and labels; a protein of several panels is named with its OlinkID."""
    first = ~frame["protein"].duplicated()
    texts = [name for name in ("protein", "assay", "uniprot") if name in frame]
    proteins = frame.loc[first, texts].astype(object).set_index("protein")
    assays = proteins["assay"]
    twice = assays.duplicated(keep=False)
    names = assays.where(~twice, assays + " (" + proteins.index.to_series().astype(str) + ")")
    uniprot = proteins["uniprot"] if "uniprot" in proteins else pd.Series("", index=proteins.index)
    labels = [f"{assay} ({code})" if code else assay for assay, code in zip(assays, uniprot, strict=True)]
    found = pd.DataFrame({"name": names, "label": labels}, index=proteins.index)
    if not twice.any():
        return found, []
    message = f"{name} measures {assays[twice].nunique()} proteins by several assays: {_named(assays[twice])}"
    remedy = "Each assay is a feature, named with its OlinkID, and counts; exclude all but one of a protein."
    return found, [Problem("OLINK_REPEATED", message, remedy, where=name, severity="warning")]


def _named(assays: Iterable[str]) -> str:
    return listed(sorted(set(assays)), most=10)


def _pivoted(long: Long, features: pd.DataFrame, source: Source, *, problems: list[Problem]) -> RawTable:
    frame = long.frame
    samples, order = pd.factorize(frame["sample"])
    known = frame["protein"].cat
    proteins = features.index.get_indexer(known.categories)[known.codes]
    first = np.unique(samples, return_index=True)[1]
    shape = len(order), len(features)
    values = np.full(shape, np.nan)
    values[samples, proteins] = frame["npx"]
    limits = None
    if "lod" in frame:
        limits = np.full(shape, np.nan)
        limits[samples, proteins] = frame["lod"]
    wide = pd.DataFrame(values, columns=pd.Index(features["name"].tolist(), dtype="str"))
    hidden = frozenset[str]()
    if "plate" in frame and _one_each(frame["plate"], samples, first):
        wide[PLATE] = pd.Series(frame["plate"].iloc[first].to_numpy(dtype=object), dtype="str")
        hidden = frozenset({PLATE})
        limits = None if limits is None else np.column_stack([limits, np.full(shape[0], np.nan)])
    if not _one_each(frame["id"], samples, first):
        message = f"gives a sample several values of {long.id_column}"
        raise file_problem(source, "OLINK_ID", message, "Give each SampleID one patient.")
    return RawTable(
        source.name,
        wide,
        frame["id"].iloc[first].to_numpy(dtype=object),
        long.rows[first],
        long.id_column,
        features=_facts(features, frame),
        problems=tuple(problems),
        limits=limits,
        hidden=hidden,
    )


def _one_each(cells: pd.Series, samples: np.ndarray, first: np.ndarray) -> bool:
    codes = cells.cat.codes.to_numpy()
    return bool((codes == codes[first][samples]).all())


def _facts(features: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Mapping[str, object]]:
    lods = frame.groupby("protein")["lod"].median() if "lod" in frame else pd.Series(dtype=np.float64)
    found: dict[str, Mapping[str, object]] = {}
    for protein, name, label in features.itertuples():
        lod = lods.get(protein, np.nan)
        found[name] = {"kind": "npx", "unit": "NPX", "label": label}
        if not np.isnan(lod):
            found[name] = {**found[name], "lod": float(lod)}
    return found
