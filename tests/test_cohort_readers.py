"""Readers: ids and levels stay text, numbers are exact, damaged files are told from sound ones."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from cohort_factory import write_text
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.errors import CohortError


def read(path: Path, text: str | bytes, **options: Any) -> RawTable:
    if isinstance(text, bytes):
        path.write_bytes(text)
    else:
        write_text(path, text)
    return read_table(Source(path.name, path, **{"text_columns": frozenset(), **options}))


def code_of(path: Path, text: str | bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(CohortError) as caught:
        read(path, text, **options)
    assert len(caught.value.codes) == 1
    assert path.name in str(caught.value)
    return caught.value.codes[0], str(caught.value)


def test_ids_are_text_as_they_stand(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,crp\n001,1\nNA,2\nnull,3\n1e5,4\n")
    assert table.ids is not None
    assert table.ids.tolist() == ["001", "NA", "null", "1e5"]
    assert table.rows.tolist() == [2, 3, 4, 5]


def test_a_level_called_none_stays_a_level(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,diet\np1,None\np2,NA\np3,\np4, \n", text_columns=None)
    assert table.frame["diet"].tolist()[:2] == ["None", "NA"]
    assert table.frame["diet"].isna().tolist() == [False, False, True, True]


def test_missing_codes_are_missing_in_numbers_and_in_text(tmp_path: Path):
    text = "patient_id,crp,diet\np1,-9,-9\np2,-9.0,NA\np3,9,x\n"
    table = read(tmp_path / "a.csv", text, missing_codes=("-9", "NA"), text_columns=frozenset({"diet"}))
    assert table.frame["crp"].isna().tolist() == [True, True, False]
    assert table.frame["diet"].isna().tolist() == [True, True, False]


def test_true_and_false_are_never_numbers(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,a,b\np1,True,1\np2,False,0\n")
    assert table.frame["a"].tolist() == ["True", "False"]
    assert table.frame["b"].dtype == np.float64


def test_a_column_with_one_text_is_text_with_its_cells_untouched(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,a,b\np1,1.50,1\np2,<0.5,2\n")
    assert table.frame["a"].tolist() == ["1.50", "<0.5"]
    assert table.frame["b"].tolist() == [1.0, 2.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_are_read_exactly(tmp_path_factory: pytest.TempPathFactory, values: list[float]):
    path = tmp_path_factory.getbasetemp() / "exact.csv"
    lines = "".join(f"p{place},{value!r}\n" for place, value in enumerate(values))
    assert read(path, "patient_id,a\n" + lines).frame["a"].tolist() == values
    path.unlink()


def test_bom_windows_line_ends_and_quoted_newlines_are_read(tmp_path: Path):
    text = b'\xef\xbb\xbf"patient_id","a, b"\r\np1,"x\r\ny"\r\np2,z\r\n'
    table = read(tmp_path / "a.csv", text, text_columns=None)
    assert list(table.frame.columns) == ["a, b"]
    assert table.ids is not None
    assert table.ids.tolist() == ["p1", "p2"]
    assert table.frame.iloc[0, 0].replace("\r\n", "\n") == "x\ny"


def test_empty_lines_are_left_out_but_counted(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,a\np1,1\n\np2,2\n,\n\n")
    assert table.rows.tolist() == [2, 4]


def test_tabs_and_gz_are_told_by_the_ending(tmp_path: Path):
    table = read(tmp_path / "a.tsv.gz", "patient_id\ta,b\np1\t1\n")
    assert list(table.frame.columns) == ["a,b"]


def test_a_decimal_comma_is_read_when_declared(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id;a\np1;1,5\np2;2,25\n", delimiter=";", decimal=",")
    assert table.frame["a"].tolist() == [1.5, 2.25]


def test_columns_without_a_name_get_one(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,a,\np1,1,\n")
    assert list(table.frame.columns) == ["a", "(column 3)"]


def test_a_column_name_that_stands_twice_is_kept_twice(tmp_path: Path):
    table = read(tmp_path / "a.csv", "patient_id,a,a\np1,1,2\n")
    assert list(table.frame.columns) == ["a", "a"]


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("a.csv", b"", "FILE_EMPTY", "is empty"),
        ("a.csv", b"\n\n", "FILE_EMPTY", "empty first line"),
        ("a.csv", b"patient_id,a\n", "FILE_EMPTY", "no patients"),
        ("a.csv", b"patient_id,a\np1,\xe9\n", "ENCODING", "byte 16 is 0xe9"),
        ("a.csv", "patient_id,a\np1,1\n".encode("utf-16"), "ENCODING", "UTF-16"),
        ("a.csv", b"patient_id,a\np1,\x00\n", "ENCODING", "NUL byte at byte 16"),
        ("a.csv", b"PK\x03\x04rest", "FILE_DAMAGED", "Excel"),
        ("a.csv", gzip.compress(b"patient_id,a\np1,1\n"), "FILE_DAMAGED", ".gz"),
        ("a.csv.gz", b"patient_id,a\np1,1\n", "FILE_DAMAGED", "unpacked"),
        ("a.csv.gz", gzip.compress(b"patient_id,a\np1,1\n" * 99)[:-12], "FILE_DAMAGED", "unpacked"),
        ("a.csv", b"patient_id;a\np1;1,5\np2;2,5\n", "DELIMITER", 'delimiter = ";" and decimal = ","'),
        ("a.csv", b"patient_id\ta\np1\t1\n", "DELIMITER", 'delimiter = "tab"'),
        ("a.csv", b"patient_id,a,b\np1,1\np2,1,\n", "RAGGED", "(row 2)"),
        ("a.csv", b"patient_id,a\np1,1\np2,1,5\np3,1,5\n", "RAGGED", "(rows 3, 4)"),
        ("a.csv", b"patient_id,a\np1,1,000\n", "RAGGED", "3 for 2"),
        ("a.csv", b'patient_id,a\np1,"1\np2,2\n', "FILE_DAMAGED", "quote"),
        ("a.doc", b"patient_id,a\np1,1\n", "FILE_TYPE", ".csv.gz"),
        ("a.h5mu", b"patient_id,a\np1,1\n", "FILE_DAMAGED", "h5mu"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_name_and_place(
    tmp_path: Path, name: str, data: bytes, code: str, said: str
):
    found, text = code_of(tmp_path / name, data)
    assert found == code
    assert said in text


def test_an_absent_file_names_its_neighbour(tmp_path: Path):
    (tmp_path / "labs.csv").write_text("x")
    with pytest.raises(CohortError, match=r'FILE_ABSENT.*Did you mean "labs.csv"'):
        read_table(Source("lab.csv", tmp_path / "lab.csv"))
    with pytest.raises(CohortError, match="does not exist"):
        read_table(Source("lab.csv", tmp_path / "nowhere" / "lab.csv"))


def memory(table: Any, **options: Any) -> RawTable:
    return read_table(Source("labs", table=table, **{"text_columns": frozenset(), **options}))


def test_ids_of_a_dataframe_are_its_column_or_its_index():
    frame = pd.DataFrame({"patient_id": [7, 8], "a": [1.0, 2.0]})
    by_column, by_index = memory(frame), memory(frame.set_index("patient_id"))
    assert by_column.ids is not None
    assert by_index.ids is not None
    assert by_column.ids.tolist() == by_index.ids.tolist() == ["7", "8"]
    assert list(by_column.frame.columns) == ["a"]


def test_positions_are_never_taken_for_ids():
    with pytest.raises(CohortError, match="ID_INDEX"):
        memory(pd.DataFrame({"a": [1.0, 2.0]}))


def test_every_dtype_of_a_dataframe_has_one_meaning():
    frame = pd.DataFrame(
        {
            "float32": np.array([1.5, np.nan], dtype=np.float32),
            "int8": np.array([100, 27], dtype=np.int8),
            "nullable": pd.array([1, None], dtype="Int64"),
            "bool": [True, False],
            "object": [1.0, "<0.5"],
            "date": pd.to_datetime(["2020-01-02", None]),
            "ordered": pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True),
            "text": pd.array(["None", None], dtype="string"),
        },
        index=["p1", "p2"],
    )
    table = memory(frame, missing_codes=("27",))
    assert table.frame["float32"].tolist()[0] == 1.5
    assert table.frame["int8"].tolist()[0] == 100.0
    assert math.isnan(table.frame["int8"][1])
    assert table.frame["nullable"].dtype == np.float64
    assert table.frame["bool"].tolist() == ["True", "False"]
    assert table.frame["object"].tolist() == ["1", "<0.5"]
    assert table.frame["date"].tolist()[0] == "2020-01-02"
    assert table.features["ordered"]["levels"] == ["low", "high"]
    assert table.frame["text"].isna().tolist() == [False, True]


def test_a_table_is_not_changed_by_reading_it():
    frame = pd.DataFrame({"patient_id": ["p1"], "a": [1.0]})
    before = frame.copy(deep=True)
    memory(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_several_levels_of_names_are_refused():
    frame = pd.DataFrame(
        [[1.0, 2.0]], index=["p1"], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    )
    with pytest.raises(CohortError, match="COLUMN_NAMES"):
        memory(frame)


@pytest.mark.parametrize(
    "form",
    [np.asarray, sparse.csr_matrix, sparse.csc_array, np.asfortranarray, lambda values: values.astype(">f4")],
)
def test_an_anndata_gives_the_same_values_in_any_form(form: Any):
    values = np.array([[1.0, 0.0], [0.0, 2.5]])
    var = pd.DataFrame({"unit": ["mg", "ng"], "gene_class": ["a", "b"]}, index=["a", "b"])
    with third_party_quiet():
        adata = anndata.AnnData(form(values), obs=pd.DataFrame(index=["p1", "p2"]), var=var)
    table = memory(adata)
    assert table.frame.to_numpy().tolist() == values.tolist()
    assert table.features["b"] == {"unit": "ng"}


def test_one_modality_of_an_h5mu_file_is_a_table(tmp_path: Path):
    path = tmp_path / "all.h5mu"
    with third_party_quiet():
        obs = pd.DataFrame(index=["p1", "p2"])
        parts = {
            name: anndata.AnnData(np.eye(2), obs=obs, var=pd.DataFrame(index=["a", name]))
            for name in ("rna", "protein")
        }
        whole = mudata.MuData(parts)
        whole.obs["age"] = [3.0, 4.0]
        whole.write(path)
    table = read_table(Source("all", path, part="protein"))
    assert list(table.frame.columns) == ["a", "protein"]
    people = read_table(Source("all", path, part="obs"))
    assert people.frame["age"].tolist() == [3.0, 4.0]
    with pytest.raises(CohortError, match=r"MODALITY.*one of: protein, rna"):
        read_table(Source("all", path))
    with pytest.raises(CohortError, match='Did you mean "rna"'):
        read_table(Source("all", path, part="rnaa"))
