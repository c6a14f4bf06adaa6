"""Tables in memory of every dtype: the same cohort as plain float64, or a coded refusal."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse

from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort

N = 30
IDS = [f"p{row:02d}" for row in range(N)]


def whole() -> pd.DataFrame:
    """Return small whole numbers with a gap: they fit int8, float32 and text alike."""
    rng = np.random.default_rng(7)
    values = rng.permuted(np.tile(np.arange(-14.0, 16.0), (3, 1)), axis=1).T
    frame = pd.DataFrame(values, index=IDS, columns=["a", "b", "c"])
    frame.loc["p04", "b"] = np.nan
    return frame


def print_of(table: Any, kind: str = "number", **options: Any) -> str:
    return fingerprint(
        read_cohort({"blocks": {"labs": {"file": table, "kind": kind, **options}}}, quiet=True)
    )


def as_objects(frame: pd.DataFrame, make: Any, missing: Any) -> pd.DataFrame:
    cells = {
        name: pd.Series(
            [missing if np.isnan(cell) else make(cell) for cell in column], index=frame.index, dtype=object
        )
        for name, column in frame.items()
    }
    return pd.DataFrame(cells)


def arrow(frame: pd.DataFrame, kind: pa.DataType) -> pd.DataFrame:
    return frame.astype("Int64").astype(pd.ArrowDtype(kind))


SAME = {
    "float32": lambda frame: frame.astype(np.float32),
    "float16": lambda frame: frame.astype(np.float16),
    "big-endian float64": lambda frame: frame.astype(">f8"),
    "nullable Int64": lambda frame: frame.astype("Int64"),
    "nullable Int8": lambda frame: frame.astype("Int64").astype("Int8"),
    "nullable Float64": lambda frame: frame.astype("Float64"),
    "nullable Float32": lambda frame: frame.astype("Float32"),
    "Arrow int64": lambda frame: arrow(frame, pa.int64()),
    "Arrow int8": lambda frame: arrow(frame, pa.int8()),
    "Arrow double": lambda frame: arrow(frame, pa.float64()),
    "Arrow decimal": lambda frame: arrow(frame, pa.decimal128(38, 3)),
    "Arrow strings": lambda frame: arrow(frame, pa.string()),
    "Decimal": lambda frame: as_objects(frame, lambda cell: Decimal(str(cell)), None),
    "Decimal with NA": lambda frame: as_objects(frame, lambda cell: Decimal(str(cell)), pd.NA),
    "objects that are floats": lambda frame: as_objects(frame, float, np.nan),
    "objects that are ints": lambda frame: as_objects(frame, int, None),
    "objects that are numpy ints": lambda frame: as_objects(frame, np.int16, None),
    "mixed objects": lambda frame: as_objects(frame, lambda cell: int(cell) if cell > 0 else str(cell), None),
    "text": lambda frame: as_objects(frame, str, ""),
    "str": lambda frame: as_objects(frame, str, None).astype("str"),
    "categorical of numbers": lambda frame: frame.astype("category"),
    "sparse columns": lambda frame: frame.astype(pd.SparseDtype("float64", np.nan)),
    "Fortran order": lambda frame: pd.DataFrame(
        np.asfortranarray(frame.to_numpy()), index=frame.index, columns=frame.columns
    ),
    "every other row of a larger array": lambda frame: pd.DataFrame(
        np.repeat(frame.to_numpy(), 2, axis=0)[::2], index=frame.index, columns=frame.columns
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_dtype_gives_the_cohort_of_plain_floats(name: str):
    frame = whole()
    assert print_of(SAME[name](frame)) == print_of(frame)


@pytest.mark.parametrize("dtype", ["int8", "int16", ">i4", "uint8", "uint64", ">u2"])
def test_whole_numbers_of_any_width_and_byte_order_are_the_same(dtype: str):
    frame = whole()[["a", "c"]] + 14
    assert print_of(frame.astype(dtype)) == print_of(frame)


def test_int8_does_not_overflow_when_it_is_summed_or_averaged():
    frame = pd.DataFrame({"a": np.tile([120, 127, 126], 10), "b": np.arange(30) * 4}, index=IDS)
    small = frame.assign(a=frame["a"].astype("int8"), b=frame["b"].astype("int8"))
    assert print_of(small, aggregate="mean") == print_of(frame.astype(float), aggregate="mean")


def test_float32_keeps_its_own_digits_and_is_not_rounded_to_others():
    frame = whole() / 7
    single = frame.astype(np.float32)
    assert print_of(single) == print_of(single.astype(np.float64))
    assert print_of(single) != print_of(frame)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_booleans_of_any_kind_are_yes_and_no(dtype: str):
    truth = np.arange(N) % 3 == 0
    plain = pd.DataFrame({"a": np.where(truth, "yes", "no"), "b": ["yes", "no"] * 15}, index=IDS)
    given = pd.DataFrame({"a": pd.Series(truth, index=IDS, dtype=dtype), "b": [True, False] * 15}, index=IDS)
    assert print_of(given, "yes/no") == print_of(plain, "yes/no")


def test_a_missing_nullable_boolean_is_missing():
    truth = [True, False, None] * 10
    given = pd.DataFrame({"a": pd.array(truth, dtype="boolean"), "b": [True, False] * 15}, index=IDS)
    values = np.asarray(read_cohort({"blocks": {"x": {"file": given, "kind": "yes/no"}}})["x"].X)
    np.testing.assert_array_equal(values[:3, 0], [1.0, 0.0, np.nan])


@pytest.mark.parametrize("dtype", ["str", "string", "string[pyarrow]", "large", "object", "category"])
def test_text_of_any_kind_gives_the_same_levels(dtype: str):
    diet = ["None", "mixed", "vegan"] * 10
    plain = pd.DataFrame({"a": diet, "b": ["x", "y"] * 15}, index=IDS)
    given = plain.astype(pd.ArrowDtype(pa.large_string()) if dtype == "large" else dtype)
    assert print_of(given, "category") == print_of(plain, "category")


def test_arrow_dictionary_text_gives_the_same_levels():
    plain = pd.DataFrame({"a": ["u", "v", "w"] * 10, "b": ["x", "y"] * 15}, index=IDS)
    given = plain.astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    assert print_of(given, "category") == print_of(plain, "category")


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([[1.0, 2.0]] * N, id="nested lists"),
        pytest.param([np.array([1.0, float(row)]) for row in range(N)], id="nested arrays"),
        pytest.param([{"value": row} for row in range(N)], id="dicts"),
        pytest.param([complex(row, 1) for row in range(N)], id="complex"),
    ],
)
@pytest.mark.parametrize("kind", ["number", "log"])
def test_cells_that_hold_no_single_real_number_are_refused(cells: list[Any], kind: str):
    column = pd.Series(cells, index=IDS, dtype=complex if isinstance(cells[0], complex) else object)
    frame = whole().assign(a=column)
    report = check_cohort({"blocks": {"labs": {"file": frame, "kind": kind}}})
    assert [problem.code for problem in report.errors] == ["COERCE"]
    assert "a" in report.errors[0].message
    assert len(report.errors[0].rows) == N


def test_arrow_lists_are_refused():
    column = pd.Series([[1.0, 2.0]] * N, index=IDS, dtype=pd.ArrowDtype(pa.list_(pa.float64())))
    report = check_cohort({"blocks": {"labs": {"file": whole().assign(a=column), "kind": "number"}}})
    assert [problem.code for problem in report.errors] == ["COERCE"]


def in_anndata(values: Any) -> anndata.AnnData:
    with third_party_quiet():
        return anndata.AnnData(
            values,
            obs=pd.DataFrame(index=pd.Index(IDS, dtype="str")),
            var=pd.DataFrame(index=pd.Index(["a", "b", "c"], dtype="str")),
        )


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_in_an_anndata_are_refused(dtype: type):
    values = whole().fillna(0).to_numpy().astype(dtype)
    report = check_cohort({"blocks": {"labs": {"file": in_anndata(values), "kind": "number"}}})
    assert [problem.code for problem in report.errors] == ["COERCE"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(np.asarray, id="C order"),
        pytest.param(np.asfortranarray, id="Fortran order"),
        pytest.param(lambda values: values.astype(np.float32), id="float32"),
        pytest.param(lambda values: values.astype(np.int8), id="int8"),
        pytest.param(lambda values: values.astype(">f8"), id="big-endian"),
        pytest.param(scipy.sparse.csr_matrix, id="CSR matrix"),
        pytest.param(scipy.sparse.csc_matrix, id="CSC matrix"),
        pytest.param(scipy.sparse.csr_array, id="CSR array"),
        pytest.param(lambda values: scipy.sparse.csr_matrix(values.astype(np.int8)), id="CSR of int8"),
    ],
)
def test_an_anndata_of_any_layout_gives_the_same_cohort(make: Any):
    values = whole().fillna(0).to_numpy()
    assert print_of(in_anndata(make(values))) == print_of(in_anndata(values.copy()))


def test_a_read_only_memmap_is_read_and_left_alone(tmp_path: Path):
    values = whole().fillna(3).to_numpy()
    np.save(tmp_path / "x.npy", values)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    frame = pd.DataFrame(mapped, index=IDS, columns=["a", "b", "c"])
    plain = pd.DataFrame(values, index=IDS, columns=["a", "b", "c"])
    assert print_of(frame) == print_of(plain)
    assert print_of(in_anndata(mapped)) == print_of(in_anndata(values))
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), values)


def test_what_was_given_is_not_changed():
    frame = whole().astype("Int64")
    before = frame.copy(deep=True)
    read_cohort({"missing_codes": ["3"], "blocks": {"labs": {"file": frame, "kind": "number"}}}, quiet=True)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "int64[pyarrow]", "object", "str"])
def test_a_missing_code_is_missing_in_any_dtype(dtype: str):
    plain = whole()[["a", "c"]]
    given = plain.astype("int64").astype(dtype)
    declared = {"missing_codes": ["3"], "blocks": {"labs": {"file": given, "kind": "number"}}}
    expected = {"blocks": {"labs": {"file": plain.mask(plain == 3), "kind": "number"}}}
    found, wanted = (np.asarray(read_cohort(source, quiet=True)["labs"].X) for source in (declared, expected))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "object", "string[pyarrow]", "category"])
def test_covariates_and_outcomes_of_any_dtype_are_the_same(dtype: str):
    people = pd.DataFrame(
        {"age": np.arange(N) % 17, "dead": np.arange(N) % 2, "days": np.arange(N) + 5}, index=IDS
    )
    given = people.astype(dtype)

    def source(table: pd.DataFrame) -> dict[str, Any]:
        return {
            "blocks": {"labs": {"file": whole(), "kind": "number"}},
            "patients": {"file": table, "age": {"column": "age", "unit": "years"}},
            "outcomes": {"death": {"kind": "survival", "column": "dead", "time": "days"}},
        }

    wanted = fingerprint(read_cohort(source(people.astype(float)), quiet=True))
    assert fingerprint(read_cohort(source(given), quiet=True)) == wanted
