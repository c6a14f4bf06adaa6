"""Parquet and Feather: columns by their types, ids from a column or from the index of pandas."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.frames import (
    Column,
    stays_text,
    table_of,
    text_column,
    without_codes,
)
from phenotyper.cohort.values import code_text
from phenotyper.errors import listed

_UNNAMED = "__index_level_"
_AT_A_TIME = 500


@reads(".parquet", ".feather")
def read_parquet(source: Source) -> RawTable:
    """Read a Parquet or Feather file.

    Raises
    ------
    CohortError
        FILE_EMPTY, FILE_DAMAGED, COERCE for nested and binary columns, COLUMN_NAMES, ID_INDEX.
    """
    import pyarrow as pa

    if not source.file.stat().st_size:
        raise file_problem(source, "FILE_EMPTY", "is empty", "Give a file with one row a patient.")
    try:
        with _opened(source) as (schema, columns):
            return _table(source, schema, columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise file_problem(
            source, "FILE_DAMAGED", f"cannot be read ({reason})", "Copy it again from where it came."
        ) from error


def _table(source: Source, schema: Any, columns: Iterator[Any]) -> RawTable:
    _refuse_nested(source, schema)
    index = _index_columns(schema)
    place = _id_place(source, list(schema.names), index)
    features: dict[str, dict[str, Any]] = {}

    def cells() -> Iterator[Column]:
        for spot, (name, column) in enumerate(zip(schema.names, columns, strict=True)):
            unnamed = name.startswith(_UNNAMED) and name in index
            if unnamed and source.id_column and spot != place:
                continue
            shown = source.id_column if spot == place else "(index)" if unnamed else name
            if levels := _ordered(column):
                features[shown] = {"levels": levels}
            yield shown, _cells(column, shown, source)

    found: Iterable[Column] = cells()
    if index and not source.id_column:
        found = sorted(found, key=lambda pair: pair[0] not in {*index, "(index)"})
    return table_of(source, found, width=len(schema.names), features=features)


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Any, Iterator[Any]]]:
    """Yield the schema, and the columns one after another: some hundreds in memory at a time."""
    from pyarrow import feather, parquet

    if source.file.name.lower().endswith(".feather"):
        table = feather.read_table(source.file, memory_map=False)
        yield table.schema, iter(table.columns)
        return
    with parquet.ParquetFile(source.file) as file:
        yield file.schema_arrow, _by_hundreds(file)


def _by_hundreds(file: Any) -> Iterator[Any]:
    width = len(file.schema_arrow.names)
    for start in range(0, width, _AT_A_TIME):
        chosen = list(range(start, min(width, start + _AT_A_TIME)))
        yield from file.reader.read_all(column_indices=chosen, use_threads=False).columns


def _refuse_nested(source: Source, schema: Any) -> None:
    from pyarrow import types

    nested = [
        f'"{field.name}" ({field.type})'
        for field in schema
        if types.is_nested(field.type)
        or types.is_binary(field.type)
        or types.is_large_binary(field.type)
        or types.is_fixed_size_binary(field.type)
    ]
    if nested:
        message = f"has columns that hold lists, structures or bytes in one cell: {listed(nested)}"
        raise file_problem(
            source, "COERCE", message, "Give each value a column of its own, or leave them out."
        )


def _index_columns(schema: Any) -> list[str]:
    """Return the columns that were the index of a DataFrame; a plain count of rows is none."""
    stated = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in stated if isinstance(name, str) and name in schema.names]


def _id_place(source: Source, names: list[str], index: list[str]) -> int | None:
    """Return where the ids are: the id column, else the index that pandas wrote with it."""
    if not source.id_column:
        return None
    if source.id_column in names:
        return names.index(source.id_column)
    if len(index) > 1:
        message = "has an index of several levels"
        raise file_problem(source, "COLUMN_NAMES", message, "Give one column of patient ids.")
    return names.index(index[0]) if index else None


def _ordered(column: Any) -> list[str]:
    """Return the levels of an ordered column; none of any other."""
    from pyarrow import types

    if not types.is_dictionary(column.type) or not column.type.ordered or not column.num_chunks:
        return []
    return [str(_text(level)) for level in column.unify_dictionaries().chunk(0).dictionary.to_pylist()]


def _cells(column: Any, name: str, source: Source) -> np.ndarray | pd.Series:
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    plain = number and not types.is_dictionary(column.type)
    if types.is_null(kind) or (plain and not stays_text(source, name)):
        return without_codes(_numbers(column), source)
    if types.is_timestamp(kind):
        cells = column.to_pandas(date_as_object=False)
        texts = [None if pd.isna(cell) else str(_text(cell)) for cell in cells]
    else:
        texts = _distinct_texts(column, as_id=name == source.id_column)
    if name == source.id_column:
        return pd.Series(texts, dtype="str")
    return text_column(texts, source)


def _numbers(column: Any) -> np.ndarray:
    import pyarrow as pa
    from pyarrow import types

    if types.is_decimal(column.type):
        cells = column.to_pylist()
        return np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    whole = column.cast(pa.float64(), safe=False)
    return np.asarray(whole.to_numpy(), dtype=np.float64)


def _distinct_texts(column: Any, *, as_id: bool) -> list[str | None]:
    """Return cells as text, each distinct value formed once; an id that is a float shows that it is one."""
    coded = column.combine_chunks()
    coded = coded if hasattr(coded, "dictionary") else coded.dictionary_encode()
    values = coded.dictionary.to_pylist()
    shown = [str(value) if as_id and isinstance(value, float) else _text(value) for value in values]
    return [None if place is None else shown[place] for place in coded.indices.to_pylist()]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (datetime.datetime, pd.Timestamp)):
        midnight = value.time() == datetime.time() and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return code_text(format(value, "f"))
    if isinstance(value, float) and np.isnan(value):
        return None
    return code_text(value) if isinstance(value, (bool, float)) else str(value)
