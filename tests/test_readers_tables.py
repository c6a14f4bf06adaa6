"""Excel, Parquet, Feather and .h5ad: the same table comes out of each, and a spoiled one is refused."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from cohort_factory import sound, toml_of
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet
from pyarrow import feather
from scipy import sparse

from phenotyper.cohort.container import block_frame, patients_of
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.cohort.readers.contract import parts_of
from phenotyper.cohort.readers.excel_xml import parsed
from phenotyper.errors import CohortError

Filled = Callable[[Worksheet], object]


def read(path: Path, **options: Any) -> RawTable:
    return read_table(Source(path.name, path, **{"text_columns": frozenset(), **options}))


def refused(path: Path, **options: Any) -> Any:
    with pytest.raises(CohortError) as caught:
        read(path, **options)
    assert len(caught.value.problems) == 1, str(caught.value)
    assert path.name in str(caught.value)
    return caught.value.problems[0]


def ids_of(table: RawTable) -> list[str]:
    assert table.ids is not None
    return table.ids.tolist()


ROWS: list[list[Any]] = [
    ["patient_id", "crp", "wbc", "diet"],
    ["p1", 1.5, 7, "None"],
    ["p2", None, 12, "mixed"],
    ["p3", 80.25, 9, None],
]


def workbook(path: Path, rows: list[list[Any]] = ROWS, change: Filled | None = None, **sheets: Any) -> Path:
    """Write rows to a sheet called labs; change it; further sheets are named by their rows."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "labs"
    for name, more in {"labs": rows, **sheets}.items():
        page = book[name] if name in book.sheetnames else book.create_sheet(name)
        for row in more:
            page.append(row)
    if change is not None:
        change(book["labs"])
    book.save(path)
    return path


def test_a_sheet_is_read_cell_by_cell(tmp_path: Path):
    table = read(workbook(tmp_path / "a.xlsx"))
    assert ids_of(table) == ["p1", "p2", "p3"]
    assert table.rows.tolist() == [2, 3, 4]
    assert list(table.frame.columns) == ["crp", "wbc", "diet"]
    np.testing.assert_array_equal(table.frame["crp"], [1.5, np.nan, 80.25])
    assert table.frame["wbc"].tolist() == [7.0, 12.0, 9.0]
    assert table.frame["diet"].tolist()[:2] == ["None", "mixed"]
    assert table.frame["diet"].isna().tolist() == [False, False, True]
    assert table.problems == ()


def test_cells_are_text_as_they_are_shown(tmp_path: Path):
    rows = [
        ["patient_id", "site", "born", "seen", "ok", "share"],
        [7, 3, datetime.date(2020, 2, 1), datetime.datetime(2021, 3, 4, 5, 6), True, 0.5],
        [123, 12, datetime.date(1999, 12, 31), datetime.datetime(2021, 3, 4), False, 2.0],
    ]

    def padded(page: Worksheet) -> None:
        for row in (2, 3):
            page.cell(row, 1).number_format = "00000"
            page.cell(row, 2).number_format = '"S"000'

    table = read(workbook(tmp_path / "a.xlsx", rows, padded), text_columns=frozenset({"site", "share"}))
    assert ids_of(table) == ["00007", "00123"]
    assert table.frame["site"].tolist() == ["S003", "S012"]
    assert table.frame["born"].tolist() == ["2020-02-01", "1999-12-31"]
    assert table.frame["seen"].tolist() == ["2021-03-04T05:06:00", "2021-03-04"]
    assert table.frame["ok"].tolist() == ["true", "false"]
    assert table.frame["share"].tolist() == ["0.5", "2"]


@pytest.mark.parametrize(("cell", "form"), [(1001, "0.0"), (12345678901234567890, "General")])
def test_an_id_that_went_through_a_number_is_refused(tmp_path: Path, cell: int, form: str):
    rows = [["patient_id", "crp"], [cell, 1.0], ["p2", 2.0], ["p3", 3.0]]

    def shown(page: Worksheet) -> None:
        page["A2"].number_format = form

    path = workbook(tmp_path / "a.xlsx", rows, shown)
    report = check_cohort({"blocks": {"labs": {"file": str(path), "kind": "number"}}})
    problem = next(problem for problem in report.errors if problem.code == "ID_MANGLED")
    assert problem.rows == (2,)


def test_missing_codes_do_not_make_a_column_of_numbers_text(tmp_path: Path):
    rows = [["patient_id", "a", "b"], ["p1", "NA", "<0.5"], ["p2", -9, -9], ["p3", 3, 1.5]]
    table = read(workbook(tmp_path / "a.xlsx", rows), missing_codes=("NA", "-9"))
    np.testing.assert_array_equal(table.frame["a"], [np.nan, np.nan, 3.0])
    assert table.frame["b"].tolist()[::2] == ["<0.5", "1.5"]
    assert table.frame["b"].isna().tolist() == [False, True, False]


def test_numbers_beside_texts_get_the_declared_decimal_mark(tmp_path: Path):
    rows = [["patient_id", "a"], ["p1", "1,5"], ["p2", 2.5], ["p3", 4]]
    table = read(workbook(tmp_path / "a.xlsx", rows), decimal=",")
    assert table.frame["a"].tolist() == ["1,5", "2,5", "4"]
    assert table.decimal == ","


def test_a_sheet_is_named_or_the_only_one_that_holds_something(tmp_path: Path):
    rows = [["patient_id", "x"], ["q1", 1]]
    path = workbook(tmp_path / "a.xlsx", more=rows, Sheet2=[])
    assert ids_of(read(path, part="more")) == ["q1"]
    assert parts_of(path) == ["labs", "more", "Sheet2"]
    problem = refused(path)
    assert (problem.code, "labs, more" in problem.remedy) == ("SHEET", True)
    problem = refused(path, part="lab")
    assert problem.code == "SHEET"
    assert 'Did you mean "labs"?' in problem.remedy
    assert ids_of(read(workbook(tmp_path / "b.xlsx", Sheet2=[], Sheet3=[]))) == ["p1", "p2", "p3"]


def test_hidden_parts_are_told_and_rows_and_columns_are_read(tmp_path: Path):
    def hide(page: Worksheet) -> None:
        page.row_dimensions[3].hidden = True
        page.column_dimensions["C"].hidden = True
        page.parent["old"].sheet_state = "hidden"

    path = workbook(tmp_path / "a.xlsx", change=hide, old=ROWS)
    table = read(path)
    assert ids_of(table) == ["p1", "p2", "p3"]
    assert table.frame["wbc"].tolist() == [7.0, 12.0, 9.0]
    assert [(problem.code, problem.severity) for problem in table.problems] == [
        ("EXCEL_HIDDEN", "warning")
    ] * 2
    assert "column C, row 3" in table.problems[0].message
    assert "old" in table.problems[1].message
    assert ids_of(read(path, part="old")) == ["p1", "p2", "p3"]
    assert parts_of(path) == ["labs"]


def test_colours_that_differ_in_a_column_are_told(tmp_path: Path):
    red = PatternFill("solid", fgColor="FF0000")

    def paint(page: Worksheet) -> None:
        for cell in page[1]:
            cell.fill = red
        page["B4"].fill = red

    (problem,) = read(workbook(tmp_path / "a.xlsx", change=paint)).problems
    assert (problem.code, problem.severity) == ("EXCEL_COLOUR", "warning")
    assert "labs!B4" in problem.message

    def alike(page: Worksheet) -> None:
        for row in range(2, 5):
            page.cell(row, 2).fill = red

    assert read(workbook(tmp_path / "b.xlsx", change=alike)).problems == ()


def test_rows_that_alternate_in_colour_mean_nothing(tmp_path: Path):
    def zebra(page: Worksheet) -> None:
        for row in range(2, 12, 2):
            for column in range(1, 5):
                page.cell(row, column).fill = PatternFill("solid", fgColor="DDDDDD")

    rows = [ROWS[0], *([f"p{place}", place, place, "x"] for place in range(10))]
    assert read(workbook(tmp_path / "a.xlsx", rows, zebra)).problems == ()


def errors_in(page: Worksheet) -> None:
    page["B3"], page["C4"] = "#N/A", "#DIV/0!"


def merged(page: Worksheet) -> None:
    page.merge_cells("B2:B3")


def formula(page: Worksheet) -> None:
    page["C3"] = "=SUM(C1:C2)"


def titled(page: Worksheet) -> None:
    page.insert_rows(1)
    page["A1"] = "Laboratory values"


def almost_empty(page: Worksheet) -> None:
    page.insert_rows(1)
    page["D1"] = "Food"


def pushed_down(page: Worksheet) -> None:
    page.insert_rows(1, 2)


def units_below(page: Worksheet) -> None:
    page.insert_rows(2)
    page["B2"], page["C2"] = "mg/l", "10^9/l"


def second_names(page: Worksheet) -> None:
    page.insert_rows(2)
    for column, name in enumerate(["id", "CRP", "leucocytes", "food"], start=1):
        page.cell(2, column, name)


def notes(page: Worksheet) -> None:
    page["A7"] = "Values of 2021"


@pytest.mark.parametrize(
    ("spoil", "code", "said", "remedy"),
    [
        (
            errors_in,
            "EXCEL_ERROR",
            "2 cells with an error of Excel (#N/A, #DIV/0!): labs!B3, labs!C4",
            "#N/A",
        ),
        (merged, "EXCEL_MERGED", "labs!B2:B3", "Unmerge"),
        (formula, "EXCEL_FORMULA", "labs!C3", "save it"),
        (titled, "EXCEL_HEADER", "title", "row 2"),
        (almost_empty, "EXCEL_HEADER", "almost empty row", "row 2"),
        (pushed_down, "EXCEL_HEADER", "starts in row 3", "Delete"),
        (units_below, "EXCEL_HEADER", "second row of names or units", "one row of names"),
        (second_names, "EXCEL_HEADER", "second row of names or units", "one row of names"),
        (notes, "EXCEL_HEADER", "labs!A7", "notes"),
    ],
)
def test_a_spoiled_sheet_is_refused_with_its_cells(
    tmp_path: Path, spoil: Filled, code: str, said: str, remedy: str
):
    problem = refused(workbook(tmp_path / "a.xlsx", change=spoil))
    assert problem.code == code
    assert said in problem.message
    assert remedy in problem.remedy


def test_all_faults_of_a_sheet_are_told_at_once(tmp_path: Path):
    def spoil(page: Worksheet) -> None:
        errors_in(page)
        page["D2"] = "=A1"
        page.merge_cells("A3:A4")

    with pytest.raises(CohortError) as caught:
        read(workbook(tmp_path / "a.xlsx", change=spoil))
    assert set(caught.value.codes) == {"EXCEL_ERROR", "EXCEL_FORMULA", "EXCEL_MERGED"}


def test_an_error_of_excel_that_is_declared_missing_is_missing(tmp_path: Path):
    def spoil(page: Worksheet) -> None:
        page["B2"] = "#N/A"

    table = read(workbook(tmp_path / "a.xlsx", change=spoil), missing_codes=("#N/A",))
    np.testing.assert_array_equal(table.frame["crp"], [np.nan, np.nan, 80.25])


def test_one_text_under_the_header_is_no_second_header(tmp_path: Path):
    rows = [["patient_id", "a", "b"], ["p1", "n/a", 1], ["p2", 2, 2], ["p3", 3, 3]]
    assert read(workbook(tmp_path / "a.xlsx", rows)).frame["a"].tolist() == ["n/a", "2", "3"]


def test_empty_rows_are_left_out_and_counted_and_empty_columns_dropped(tmp_path: Path):
    rows = [["patient_id", "a", None, "b"], ["p1", 1, None, 2], [], ["p2", 3, " ", 4], [None, None], [" "]]
    table = read(workbook(tmp_path / "a.xlsx", rows))
    assert list(table.frame.columns) == ["a", "b"]
    assert table.rows.tolist() == [2, 4]


def test_a_column_without_a_name_gets_one_and_a_name_twice_stays_twice(tmp_path: Path):
    rows = [["patient_id", "a", None, "a", 56], ["p1", 1, 2, 3, 4]]
    assert list(read(workbook(tmp_path / "a.xlsx", rows)).frame.columns) == ["a", "(column 3)", "a", "56"]


def test_a_gene_that_became_a_date_is_named_as_it_is_shown(tmp_path: Path):
    def shown(page: Worksheet) -> None:
        page["B1"] = datetime.date(2021, 9, 2)
        page["B1"].number_format = "d-mmm"

    assert read(workbook(tmp_path / "a.xlsx", change=shown)).frame.columns[0] == "2-Sep"


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("a.xlsx", b"", "FILE_EMPTY", "is empty"),
        ("a.xlsx", b"patient_id,a\np1,1\n", "FILE_DAMAGED", "no Excel workbook"),
        ("a.xlsx", b"PK\x03\x04rubbish", "FILE_DAMAGED", "cannot be read as an Excel workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"x" * 99, "FILE_DAMAGED", "old Excel file"),
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0" + b"x" * 9 + "EncryptedPackage".encode("utf-16-le"),
            "FILE_DAMAGED",
            "protected by a password",
        ),
        ("a.xls", b"\xd0\xcf\x11\xe0", "FILE_TYPE", "an ending that is not read"),
        ("a.xlsb", b"PK\x03\x04", "FILE_TYPE", "an ending that is not read"),
    ],
)
def test_a_file_that_is_no_sound_workbook_is_refused(
    tmp_path: Path, name: str, data: bytes, code: str, said: str
):
    (tmp_path / name).write_bytes(data)
    problem = refused(tmp_path / name)
    assert problem.code == code
    assert said in problem.message
    assert code == "FILE_EMPTY" or ".xlsx" in problem.remedy


def test_a_truncated_workbook_is_refused(tmp_path: Path):
    path = workbook(tmp_path / "a.xlsx")
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(path).code == "FILE_DAMAGED"


def test_a_sheet_without_patients_is_refused(tmp_path: Path):
    assert refused(workbook(tmp_path / "a.xlsx", ROWS[:1])).code == "FILE_EMPTY"
    assert refused(workbook(tmp_path / "b.xlsx", [])).code == "FILE_EMPTY"


CELLS = """<?xml version="1.0" encoding="UTF-8"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row><c t="inlineStr"><is><t>patient_id</t></is></c><c t="inlineStr"><is><t>a</t></is></c>
<c t="inlineStr"><is><t>b</t></is></c><c t="inlineStr"><is><t>seen</t></is></c></row>
<row><c><v>1001.0</v></c><c><v>2.5E-1</v></c><c t="str"><f>""</f><v></v></c>
<c t="d"><v>2020-01-02</v></c></row>
<row><c><v>1002.0</v></c><c t="n"><f>1+1</f><v>2</v></c><c t="str"><f>"x"</f><v>x</v></c>
<c t="d"><v>2020-01-02T03:04:05</v></c></row>
<row r="9"><c r="A9"><v>7</v></c><c r="D9" t="b"><v>1</v></c></row>
</sheetData></worksheet>"""


def test_a_workbook_of_another_program_is_read(tmp_path: Path):
    workbook(tmp_path / "plain.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "plain.xlsx") as plain,
        zipfile.ZipFile(tmp_path / "a.xlsx", "w") as other,
    ):
        for name in plain.namelist():
            other.writestr(name, CELLS if name == "xl/worksheets/sheet1.xml" else plain.read(name))
    table = read(tmp_path / "a.xlsx")
    assert ids_of(table) == ["1001", "1002", "7"]
    assert table.rows.tolist() == [2, 3, 9]
    np.testing.assert_array_equal(table.frame["a"], [0.25, 2.0, np.nan])
    assert table.frame["b"].fillna("-").tolist() == ["-", "x", "-"]
    assert table.frame["seen"].tolist() == ["2020-01-02", "2020-01-02T03:04:05", "true"]


def test_the_pass_over_a_sheet_sees_what_openpyxl_sees(tmp_path: Path):
    rng = np.random.default_rng(3)
    kinds: list[Callable[[int], Any]] = [
        lambda number: number, lambda number: number / 7, lambda number: f"t {number} & <é>",
        lambda number: number % 2 == 0, lambda number: datetime.datetime(2000, 1, 1, number % 24),
        lambda number: None, lambda number: datetime.date(1900, 3, 1) + datetime.timedelta(days=number),
    ]  # fmt: skip
    rows = [
        [kinds[kind](int(number)) for kind, number in zip(line, line * 37 + 11, strict=True)]
        for line in rng.integers(0, len(kinds), (40, 30))
    ]
    path = workbook(tmp_path / "a.xlsm", rows)
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    expected = [list(row) for row in book["labs"].iter_rows(values_only=True)]
    sheet = parsed(book, "labs")
    book.close()
    assert [[row.cell(place) for place in range(30)] for row in sheet.rows] == expected


def test_a_dictionary_may_be_a_sheet(tmp_path: Path):
    words = [["column", "kind", "levels"], ["crp", "number", None], ["diet", "category", "None | mixed"]]
    workbook(tmp_path / "words.xlsx", words)
    block = {
        "file": workbook(tmp_path / "a.xlsx", more=ROWS), "sheet": "labs", "kind": "mixed",
        "dictionary": tmp_path / "words.xlsx", "columns": ["crp", "diet"],
    }  # fmt: skip
    frame = block_frame(read_cohort({"blocks": {"labs": block}}, quiet=True), "labs")
    assert frame["diet"].astype(object).fillna("-").tolist() == ["None", "mixed", "-"]


# Parquet and Feather


def test_parquet_columns_are_read_by_their_types(tmp_path: Path):
    table = pa.table(
        {
            "patient_id": pa.array([9007199254740993, 2, 3], pa.int64()),
            "whole": pa.array([1, None, 3], pa.int32()),
            "single": pa.array([0.5, -9.0, None], pa.float32()),
            "money": pa.array([Decimal("1.10"), None, Decimal("2.00")], pa.decimal128(9, 2)),
            "flag": pa.array([True, None, False]),
            "day": pa.array([datetime.date(2020, 1, 2), None, datetime.date(2021, 3, 4)]),
            "moment": pa.array([datetime.datetime(2020, 1, 2, 3, 4), datetime.datetime(2020, 1, 2), None]),
            "diet": pa.array(["None", "-9", ""]),
            "code": pa.array([1, 2, None], pa.int64()),
            "nothing": pa.nulls(3),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", missing_codes=("-9",), text_columns=frozenset({"code"}))
    assert ids_of(found) == ["9007199254740993", "2", "3"]
    frame = found.frame
    np.testing.assert_array_equal(frame["whole"], [1, np.nan, 3])
    np.testing.assert_array_equal(frame["single"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(frame["money"], [1.1, np.nan, 2.0])
    np.testing.assert_array_equal(frame["nothing"], [np.nan] * 3)
    assert frame["flag"].fillna("-").tolist() == ["true", "-", "false"]
    assert frame["day"].fillna("-").tolist() == ["2020-01-02", "-", "2021-03-04"]
    assert frame["moment"].fillna("-").tolist() == ["2020-01-02T03:04:00", "2020-01-02", "-"]
    assert frame["diet"].fillna("-").tolist() == ["None", "-", "-"]
    assert frame["code"].fillna("-").tolist() == ["1", "2", "-"]


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_levels_keep_their_order_and_the_index_holds_the_ids(tmp_path: Path, name: str):
    frame = pd.DataFrame(
        {
            "stage": pd.Categorical(["II", "I", None], categories=["I", "II", "III"], ordered=True),
            "arm": pd.Categorical(["b", "a", "a"]),
            "x": [1.0, 2.0, np.nan],
        },
        index=pd.Index(["001", "NA", "x 1"], name="name"),
    )
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        feather.write_feather(pa.Table.from_pandas(frame), tmp_path / name)
    table = read(tmp_path / name)
    assert ids_of(table) == ["001", "NA", "x 1"]
    assert table.frame["stage"].fillna("-").tolist() == ["II", "I", "-"]
    assert table.frame["arm"].tolist() == ["b", "a", "a"]
    assert table.features == {"stage": {"levels": ["I", "II", "III"]}}


def test_a_count_of_rows_is_no_id(tmp_path: Path):
    pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").ids is None
    pd.DataFrame({"patient_id": ["a", "b"], "x": [1.0, 2.0]}, index=[5, 7]).to_parquet(tmp_path / "b.parquet")
    table = read(tmp_path / "b.parquet")
    assert (ids_of(table), list(table.frame.columns)) == (["a", "b"], ["x"])


def test_nested_columns_and_damaged_files_are_refused(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"patient_id": ["a"], "tags": [["x", "y"]], "raw": [b"1"]}), path)
    problem = refused(path)
    assert problem.code == "COERCE"
    assert '"tags"' in problem.message
    assert '"raw"' in problem.message
    path.write_bytes(path.read_bytes()[:-20])
    assert refused(path).code == "FILE_DAMAGED"
    path.write_bytes(b"")
    assert refused(path).code == "FILE_EMPTY"
    (tmp_path / "a.feather").write_bytes(b"patient_id,a\n")
    assert refused(tmp_path / "a.feather").code == "FILE_DAMAGED"
    pq.write_table(pa.table({"patient_id": pa.array([], pa.string())}), path)
    assert refused(path).code == "FILE_EMPTY"


# .h5ad


def an_h5ad(path: Path) -> Path:
    counts = np.array([[0.0, 4.0], [9.0, 0.0], [1.0, 1.0]])
    obs = pd.DataFrame({"sex": ["F", "M", "F"]}, index=["p1", "p2", "p3"])
    var = pd.DataFrame({"unit": ["log", "log"], "label": ["gene a", None]}, index=["A", "B"])
    with third_party_quiet():
        adata = anndata.AnnData(np.log1p(counts), obs=obs, var=var)
        adata.raw = anndata.AnnData(counts * 10, obs=obs, var=pd.DataFrame(index=["RA", "RB"]))
        adata.layers["counts"] = sparse.csr_matrix(counts)
        adata.write_h5ad(path)
    return path


def test_an_h5ad_gives_x_a_layer_raw_or_its_patients(tmp_path: Path):
    path = an_h5ad(tmp_path / "a.h5ad")
    table = read(path)
    assert ids_of(table) == ["p1", "p2", "p3"]
    np.testing.assert_allclose(table.frame["B"], [np.log(5), 0, np.log(2)])
    assert table.features["A"] == {"unit": "log", "label": "gene a"}
    (problem,) = table.problems
    assert (problem.code, problem.severity) == ("ANNDATA_LAYERS", "warning")
    assert "layer:counts, raw" in problem.message
    assert read(path, part="X").problems == ()
    assert read(path, part="layer:counts").frame["A"].tolist() == [0, 9, 1]
    assert read(path, part="raw").frame["RB"].tolist() == [40, 0, 10]
    assert read(path, part="obs").frame["sex"].tolist() == ["F", "M", "F"]
    assert parts_of(path) == ["X", "layer:counts", "raw"]


def test_an_h5ad_has_its_ids_in_obs_where_their_column_is(tmp_path: Path):
    obs = pd.DataFrame({"patient_id": ["007", "8"]}, index=["s1", "s2"])
    with third_party_quiet():
        anndata.AnnData(np.eye(2), obs=obs).write_h5ad(tmp_path / "a.h5ad")
    assert ids_of(read(tmp_path / "a.h5ad")) == ["007", "8"]
    assert ids_of(read(tmp_path / "a.h5ad", part="obs")) == ["007", "8"]
    assert ids_of(read(tmp_path / "a.h5ad", id_column="patient")) == ["s1", "s2"]


def test_a_wrong_part_or_a_damaged_h5ad_is_refused(tmp_path: Path):
    path = an_h5ad(tmp_path / "a.h5ad")
    problem = refused(path, part="layer:count")
    assert problem.code == "ANNDATA_PART"
    assert 'Did you mean "layer:counts"?' in problem.remedy
    path.write_bytes(path.read_bytes()[:1000])
    assert refused(path).code == "FILE_DAMAGED"
    path.write_bytes(b"patient_id,a\np1,1\n")
    assert refused(path).code == "FILE_DAMAGED"


def test_an_h5ad_that_is_open_in_memory_is_read(tmp_path: Path):
    path = an_h5ad(tmp_path / "a.h5ad")
    with third_party_quiet():
        backed = anndata.read_h5ad(path, backed="r")
        table = read_table(Source("memory", table=backed, text_columns=frozenset()))
        backed.file.close()
    pd.testing.assert_frame_equal(table.frame, read(path).frame)


def test_an_id_that_is_a_float_shows_it(tmp_path: Path):
    pd.DataFrame({"patient_id": [1001.0, 1002.0], "x": [1.0, 2.0]}).to_parquet(tmp_path / "a.parquet")
    report = check_cohort({"blocks": {"labs": {"file": tmp_path / "a.parquet", "kind": "number"}}})
    assert "ID_MANGLED" in {problem.code for problem in report.errors}


# One cohort, whatever the file


def as_xlsx(frame: pd.DataFrame, path: Path) -> None:
    frame.reset_index().to_excel(path, index=False)


def as_h5ad(frame: pd.DataFrame, path: Path) -> None:
    with third_party_quiet():
        anndata.AnnData(frame.to_numpy(), obs=frame[[]], var=pd.DataFrame(index=frame.columns)).write_h5ad(
            path
        )


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "csv": lambda frame, path: frame.to_csv(path),
    "xlsx": as_xlsx,
    "parquet": lambda frame, path: frame.to_parquet(path),
    "feather": lambda frame, path: frame.reset_index().to_feather(path),
    "h5ad": as_h5ad,
    "dta": lambda frame, path: pyreadstat.write_dta(frame.reset_index(), str(path)),
    "sav": lambda frame, path: pyreadstat.write_sav(frame.reset_index(), str(path)),
}
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False, width=64).map(lambda value: float(f"{value:.12g}"))


@settings(max_examples=6)
@given(
    cells=st.lists(st.tuples(*[st.one_of(st.none(), NUMBERS)] * 3), min_size=4, max_size=8),
    prefix=st.sampled_from(["p", "00", "TCGA-"]),
)
def test_a_table_of_any_file_gives_the_same_cohort(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[float | None, ...]], prefix: str
):
    folder = tmp_path_factory.mktemp("any")
    ids = pd.Index([f"{prefix}{place}" for place in range(len(cells))], name="patient_id")
    frame = pd.DataFrame(cells, index=ids, columns=["a", "b", "c"], dtype="float64")
    frame["d"] = np.arange(len(cells)) * 1.25
    found = {}
    for ending, write in WRITERS.items():
        path = folder / f"labs.{ending}"
        write(frame, path)
        found[ending] = fingerprint(
            read_cohort({"blocks": {"labs": {"file": path, "kind": "number"}}}, quiet=True)
        )
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "sav", "dta"])
def test_a_whole_cohort_may_come_as_another_kind_of_file(tmp_path: Path, ending: str):
    cohort = sound()
    (tmp_path / "csv").mkdir()
    expected = read_cohort(cohort.write(tmp_path / "csv"), quiet=True)
    for name in ("clinical.csv", "labs.csv"):
        frame = pd.read_csv(tmp_path / "csv" / name, dtype={"patient_id": str}, keep_default_na=False)
        frame = frame.apply(lambda cells: pd.to_numeric(cells) if _numeric(cells) else cells)
        WRITERS[ending](frame.set_index("patient_id"), tmp_path / "csv" / name.replace("csv", ending))
    text = toml_of(cohort.declared)
    for name in ("clinical", "labs"):
        text = text.replace(f'"{name}.csv"', f'"{name}.{ending}"')
    (tmp_path / "csv" / "cohort.toml").write_text(text, encoding="utf-8")
    found = read_cohort(tmp_path / "csv", quiet=True)
    pd.testing.assert_frame_equal(patients_of(found), patients_of(expected))
    for block in ("labs", "expression"):
        pd.testing.assert_frame_equal(block_frame(found, block), block_frame(expected, block))


def _numeric(cells: pd.Series) -> bool:
    return bool(pd.to_numeric(cells.replace("", "0"), errors="coerce").notna().all())
