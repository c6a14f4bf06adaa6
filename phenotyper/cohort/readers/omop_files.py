"""Tables of an OMOP CDM folder: which file holds which, and the columns of one that are needed."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd

from phenotyper.cohort.dateforms import is_iso
from phenotyper.cohort.readers.contract import FIRST_ROW, Source, file_problem
from phenotyper.errors import CohortError, Problem, did_you_mean, listed, number_of

TABLES = (
    "person", "measurement", "observation", "condition_occurrence", "drug_exposure", "procedure_occurrence",
    "device_exposure", "visit_occurrence", "death", "observation_period", "concept", "care_site",
)  # fmt: skip
_TEXT_ENDINGS = tuple(f".{kind}{packed}" for kind in ("csv", "tsv", "txt") for packed in ("", ".gz"))
_ENDINGS = (*_TEXT_ENDINGS, ".parquet", ".pq")
_DELIMITERS = (",", "\t", ";", "|")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_AGAIN = "Copy it again from where it came."


def tables_of(folder: Path) -> dict[str, Path]:
    """Return the file of each table that a folder holds; names in any case.

    Raises
    ------
    CohortError
        OMOP_TABLE when one table stands in two files.
    """
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        name = file.name.lower()
        ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
        table = name.removesuffix(ending) if ending else ""
        if table not in TABLES or not file.is_file():
            continue
        if table in found:
            message = f"{folder.name} has the table {table} twice: {found[table].name} and {file.name}"
            raise CohortError(
                Problem("OMOP_TABLE", message, "Keep one of them in the folder.", where=folder.name)
            )
        found[table] = file
    return found


def read_columns(
    source: Source, file: Path, kinds: Mapping[str, str], *, optional: Iterable[str] = ()
) -> pd.DataFrame:
    """Read some columns of a table.

    Parameters
    ----------
    source : Source
        Says missing codes and delimiter.
    file : Path
        CSV, TSV (plain or .gz) or Parquet; column names in any case.
    kinds : mapping of str to str
        For each column id, text or date (a category, "" = missing), or number (float64).
    optional : iterable of str
        Columns that may be absent; they hold nothing then.

    Returns
    -------
    DataFrame
        The columns, and ``row``: the spreadsheet row.

    Raises
    ------
    CohortError
        OMOP_COLUMNS, OMOP_DATE, OMOP_NUMBER, FILE_EMPTY, FILE_DAMAGED, ENCODING.
    """
    needed = [column for column in kinds if column not in set(optional)]
    reader = _from_parquet if file.name.lower().endswith((".parquet", ".pq")) else _from_text
    read = reader(source, file, kinds, needed)
    if not len(read):
        raise _problem(file, "FILE_EMPTY", "holds no rows", "Give the whole table.")
    rows = np.arange(len(read)) + FIRST_ROW
    columns: dict[str, Any] = {}
    for column, kind in kinds.items():
        if column not in read:
            empty = pd.Categorical.from_codes(np.zeros(len(read), dtype=np.int8), categories=[""])
            columns[column] = np.full(len(read), np.nan) if kind == "number" else empty
        elif kind == "number":
            columns[column] = _numbers(read[column], file, column)
        else:
            columns[column] = _category(read[column], source, file, column, kind=kind)
    return pd.DataFrame({**columns, "row": rows})


def _problem(file: Path, code: str, said: str, remedy: str, rows: tuple[int, ...] = ()) -> CohortError:
    return CohortError(Problem(code, f"{file.name} {said}", remedy, where=file.name, rows=rows))


def _require(file: Path, names: Iterable[str], needed: list[str]) -> None:
    lower = [name.lower() for name in names]
    absent = [column for column in needed if column not in lower]
    if absent:
        said = f"has no column {listed(absent)}; it has {listed(names, most=12)}"
        remedy = f"Export the table with the columns of OMOP CDM 5.{did_you_mean(absent[0], lower)}"
        raise _problem(file, "OMOP_COLUMNS", said, remedy)


def _from_text(source: Source, file: Path, kinds: Mapping[str, str], needed: list[str]) -> pd.DataFrame:
    try:
        with _opened(file) as stream:
            line = stream.readline().decode("utf-8-sig")
        if not line.strip():
            raise _problem(file, "FILE_EMPTY", "is empty", "Give the whole table.")
        sep, header = _split(source, line, needed)
        _require(file, header, needed)
        place = {name.lower(): spot for spot, name in enumerate(header)}
        wanted = {place[column]: column for column in kinds if column in place}
        # Athena's CONCEPT.csv holds names with quotes that do not quote
        bare = sep == "\t" and "concept_name" in place and '"' not in line
        _refuse_ragged(file, sep, width=len(header), bare=bare)
        with _opened(file) as stream:
            read = pd.read_csv(
                stream,
                sep=sep,
                header=0,
                names=list(range(len(header))),
                index_col=False,
                usecols=sorted(wanted),
                dtype={spot: "category" for spot, column in wanted.items() if kinds[column] != "number"},
                keep_default_na=False,
                na_values=["", *source.missing_codes],
                encoding="utf-8-sig",
                low_memory=False,
                quoting=csv.QUOTE_NONE if bare else csv.QUOTE_MINIMAL,
            )
    except UnicodeDecodeError as error:
        raise _problem(file, "ENCODING", f"is not UTF-8 ({error.reason})", "Save it as UTF-8.") from error
    except (pd.errors.ParserError, csv.Error, EOFError, zlib.error, OSError) as error:
        raise _problem(file, "FILE_DAMAGED", f"cannot be read ({str(error).strip()})", _AGAIN) from error
    return read.rename(columns=wanted)


def _refuse_ragged(file: Path, sep: str, *, width: int, bare: bool) -> None:
    """Refuse rows with more or fewer cells than the header, which pandas would cut or fill.

    Bytes are counted first; the rows are only looked at one by one where the counts, or quotes, ask for it.
    """
    cells = lines = quotes = 0
    end = b"\n"
    with _opened(file) as stream:
        while chunk := stream.read(1 << 22):
            cells += chunk.count(sep.encode())
            lines += chunk.count(b"\n")
            quotes += not bare and b'"' in chunk
            end = chunk[-1:]
    if not quotes and cells == (lines + (end != b"\n")) * (width - 1):
        return
    with _opened(file) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        records = csv.reader(text, delimiter=sep, quoting=csv.QUOTE_NONE if bare else csv.QUOTE_MINIMAL)
        wrong = [row for row, record in enumerate(records, start=1) if record and len(record) != width]
    if wrong:
        said = f"has {number_of(len(wrong), 'row')} with another number of cells than the header ({width})"
        remedy = "Put texts that hold the delimiter in quotes, or give each row all its cells."
        raise _problem(file, "RAGGED", said, remedy, tuple(wrong))


def _opened(file: Path) -> IO[bytes]:
    packed = file.name.lower().endswith(".gz")
    return cast("IO[bytes]", gzip.open(file, "rb") if packed else file.open("rb"))


def _split(source: Source, line: str, needed: list[str]) -> tuple[str, list[str]]:
    """Return the delimiter under which the header names most of the columns, and the names."""
    best: tuple[int, str, list[str]] = (-1, "", [])
    for sep in (source.delimiter,) if source.delimiter else _DELIMITERS:
        names = [name.strip() for name in next(csv.reader([line], delimiter=sep))]
        hits = len({name.lower() for name in names} & set(needed))
        best = max(best, (hits, sep, names), key=lambda one: one[0])
    return best[1], best[2]


def _from_parquet(source: Source, file: Path, kinds: Mapping[str, str], needed: list[str]) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    del source
    try:
        names = [str(name) for name in parquet.read_schema(file).names]
        _require(file, names, needed)
        actual = {name.lower(): name for name in names}
        table = parquet.read_table(file, columns=[actual[column] for column in kinds if column in actual])
    except (pa.ArrowException, OSError) as error:
        raise _problem(file, "FILE_DAMAGED", f"cannot be read ({str(error)[:120]})", _AGAIN) from error
    columns = {}
    for column, kind in kinds.items():
        if column not in actual:
            continue
        cells = table.column(actual[column])
        if pa.types.is_dictionary(cells.type):
            cells = cells.cast(cells.type.value_type)
        is_text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
        if kind != "number":
            columns[column] = cells.cast(pa.string()).dictionary_encode().to_pandas()
        else:
            columns[column] = cells.to_pandas() if is_text else cells.cast(pa.float64()).to_pandas()
    return pd.DataFrame(columns)


def _numbers(cells: pd.Series, file: Path, column: str) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(cells.dtype):
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.flatnonzero(np.isinf(numbers))
    else:
        numbers = pd.to_numeric(cells.replace("", None), errors="coerce").to_numpy(dtype=np.float64)
        filled = (cells.notna() & (cells.astype("str") != "")).to_numpy(dtype=bool, na_value=False)
        wrong = np.flatnonzero(~np.isfinite(numbers) & filled)
    if len(wrong):
        shown = listed(f'"{text}"' for text in cells.iloc[wrong].astype("str").unique())
        remedy = 'Correct them; if they mean "missing", add them to missing_codes.'
        rows = tuple(int(place) + FIRST_ROW for place in wrong)
        raise _problem(file, "OMOP_NUMBER", f"has texts in {column}: {shown}", remedy, rows)
    return numbers


def _category(cells: pd.Series, source: Source, file: Path, column: str, *, kind: str) -> pd.Series:
    known = isinstance(cells.dtype, pd.CategoricalDtype)
    category = cells if known else cells.astype("str").astype("category")
    texts = [str(text).strip() for text in category.cat.categories]
    gone = set(source.missing_codes)
    clean = ["" if text in gone else _CLEAN.get(kind, str)(text) for text in texts]
    codes = category.cat.codes.to_numpy()
    wrong = [place for place, text in enumerate(clean) if kind == "date" and text and not is_iso(text)]
    if wrong:
        shown = listed(f'"{texts[place]}"' for place in wrong)
        rows = tuple(int(place) + FIRST_ROW for place in np.flatnonzero(np.isin(codes, wrong)))
        raise _problem(file, "OMOP_DATE", f"has no dates in {column}: {shown}", "Write 2021-04-03.", rows)
    distinct = sorted({"", *clean})
    place_of = {text: place for place, text in enumerate(distinct)}
    recoded = np.array([*(place_of[text] for text in clean), place_of[""]], dtype=np.int64)
    return pd.Series(pd.Categorical.from_codes(recoded[codes], categories=distinct))


def _whole_number(text: str) -> str:
    return re.sub(r"(?<=\d)\.0+$", "", text)


def _day(text: str) -> str:
    match = _COMPACT.fullmatch(text)
    return "-".join(match.groups()) if match else text[:10]


_CLEAN = {"id": _whole_number, "date": _day}


def concept_names(source: Source, tables: Mapping[str, Path], wanted: Iterable[float]) -> dict[int, str]:
    """Return the name of each concept (of units the UCUM code), its number where no table names it."""
    numbers = {int(number) for number in wanted if np.isfinite(number) and number > 0}
    names = {number: str(number) for number in numbers}
    if "concept" not in tables or not numbers:
        return names
    kinds = {"concept_id": "number", "concept_name": "text", "concept_code": "text", "vocabulary_id": "text"}
    read = read_columns(source, tables["concept"], kinds, optional=("concept_code", "vocabulary_id"))
    read = read[read["concept_id"].isin(numbers)]
    unit = (read["vocabulary_id"] == "UCUM") & (read["concept_code"] != "")
    shown = read["concept_name"].astype("str").where(~unit, read["concept_code"].astype("str"))
    pairs = zip(read["concept_id"].astype(np.int64).tolist(), shown.tolist(), strict=True)
    return names | {number: name for number, name in pairs if name}


def require_table(source: Source, tables: Mapping[str, Path], part: str) -> Path:
    """Return the file of a table.

    Raises
    ------
    CohortError
        OMOP_TABLE when it is not there.
    """
    if part in tables:
        return tables[part]
    remedy = f"The folder has {listed(sorted(tables), most=12) or 'no OMOP table'}."
    raise file_problem(source, "OMOP_TABLE", f"has no table {part}", remedy)
