"""Features as rows are turned, samples are brought to their patients; nothing is lost on the way unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from cohort_factory import sound, write_text
from hypothesis import given, settings
from hypothesis import strategies as st

from phenotyper.cohort.container import block_frame, warnings_of
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source
from phenotyper.cohort.reshape import turned
from phenotyper.errors import CohortError

DATA = Path(__file__).parents[2] / "shared" / "data"


def turn(path: Path, text: str, *, names: str = "", **options: Any) -> RawTable:
    write_text(path, text)
    return turned(Source(path.name, path, **{"text_columns": frozenset(), **options}), names)


def ids_of(table: RawTable) -> list[str]:
    assert table.ids is not None
    return table.ids.tolist()


def test_features_become_columns_and_patients_rows(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "gene,p1,p2,p3\nTP53,1,2,3\nMYC,4.5,,6\n")
    assert ids_of(table) == ["p1", "p2", "p3"]
    assert table.frame["TP53"].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(table.frame["MYC"], [4.5, np.nan, 6.0])


def test_rows_of_a_turned_table_are_columns_of_the_file_and_it_says_so(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "gene,length,p1,p2\nTP53,9,1,2\n")
    assert table.rows.tolist() == [3, 4]
    assert "a row here is a column of the file" in table.name


def test_names_of_features_stay_text(tmp_path: Path):
    assert list(turn(tmp_path / "a.csv", "entrez,p1\n0012,1\n7157,2\n").frame.columns) == ["0012", "7157"]
    table = turn(tmp_path / "a.csv", "n,code,p1\n1,0012,1\n2,7157,2\n", names="code")
    assert list(table.frame.columns) == ["0012", "7157"]
    assert ids_of(table) == ["n", "p1"]


def test_a_feature_without_a_name_is_named_by_its_row(tmp_path: Path):
    assert list(turn(tmp_path / "a.csv", "gene,p1\nA,1\n,2\n").frame.columns) == ["A", "(row 3)"]


def test_columns_that_describe_features_are_left_aside_and_named(tmp_path: Path):
    text = "gene,Description,chr,group,p1,p2\nA,alpha,1,x,1,2\nB,beta,X,y,3,<4\n"
    table = turn(tmp_path / "a.csv", text)
    assert ids_of(table) == ["p1", "p2"]
    (problem,) = table.problems
    assert (problem.code, problem.severity) == ("ANNOTATION", "warning")
    assert "Description, chr, group" in problem.message


def test_a_patient_whose_cells_all_lie_below_the_limit_is_kept(tmp_path: Path):
    assert ids_of(turn(tmp_path / "a.csv", "gene,p1,p2\nA,<1,2\nB,<3,4\n")) == ["p1", "p2"]


def test_a_text_among_numbers_makes_only_its_feature_text(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "gene,p1,p2\nA,1.5,<0.5\nB,2,3\n")
    assert table.frame["A"].tolist() == ["1.5", "<0.5"]
    assert table.frame["B"].dtype == np.float64


def test_decimal_commas_are_numbers_beside_texts_too(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "gene;p1;p2\nA;1,5;<0,5\nB;2,25;3\n", delimiter=";", decimal=",")
    assert table.frame["A"].tolist() == ["1,5", "<0,5"]
    assert table.frame["B"].tolist() == [2.25, 3.0]
    assert table.decimal == ","


def test_missing_codes_are_missing_in_a_turned_table(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "gene,p1,p2\nA,-9,1\nB,ND,2\n", missing_codes=("-9", "ND"))
    np.testing.assert_array_equal(table.frame["A"], [np.nan, 1.0])
    np.testing.assert_array_equal(table.frame["B"], [np.nan, 2.0])


def test_levels_stay_text_in_a_turned_table(tmp_path: Path):
    table = turn(tmp_path / "a.csv", "sign,p1,p2\ndiet,None,vegan\ncode,01,2\n", text_columns=None)
    assert table.frame["diet"].tolist() == ["None", "vegan"]
    assert table.frame["code"].tolist() == ["01", "2"]


def test_only_the_features_that_are_levels_stay_text(tmp_path: Path):
    text = "sign,p1,p2\ndiet,01,2\ncrp,01,2\n"
    table = turn(tmp_path / "a.csv", text, text_columns=frozenset({"diet"}))
    assert table.frame["diet"].tolist() == ["01", "2"]
    assert table.frame["crp"].tolist() == [1.0, 2.0]


def test_a_table_in_memory_has_its_features_in_the_index_or_in_a_column():
    frame = pd.DataFrame({"p1": [1.0, 2.0], "p2": [3.0, 4.0]}, index=["A", "B"])
    in_column = frame.reset_index(names="gene")
    for given_frame in (frame, frame.rename_axis("gene"), in_column, in_column.set_axis([4, 9])):
        table = turned(Source("memory", table=given_frame, text_columns=frozenset()))
        assert (ids_of(table), list(table.frame.columns)) == (["p1", "p2"], ["A", "B"])
        assert table.frame["B"].tolist() == [2.0, 4.0]
    with third_party_quiet():
        adata = anndata.AnnData(frame)
    table = turned(Source("memory", table=adata, text_columns=frozenset()))
    assert (ids_of(table), list(table.frame.columns)) == (["p1", "p2"], ["A", "B"])


@pytest.mark.parametrize(
    ("text", "names", "code"),
    [("gene,p1\nA,1\n", "genes", "COLUMN_ABSENT"), ("gene\nA\nB\n", "", "FILE_EMPTY")],
)
def test_a_matrix_without_names_or_patients_is_refused(tmp_path: Path, text: str, names: str, code: str):
    with pytest.raises(CohortError) as caught:
        turn(tmp_path / "a.csv", text, names=names)
    assert caught.value.codes == (code,)


@settings(max_examples=30)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=6))
def test_turning_keeps_every_number(tmp_path_factory: pytest.TempPathFactory, cells: list[list[float]]):
    path = tmp_path_factory.getbasetemp() / "turned.csv"
    lines = "".join(f"g{row},{first!r},{second!r}\n" for row, (first, second) in enumerate(cells))
    table = turn(path, "gene,p1,p2\n" + lines)
    np.testing.assert_array_equal(table.frame.to_numpy(), np.array(cells).T)
    path.unlink()


# Through cohort.toml


def features_as_rows() -> Any:
    cohort = sound()
    matrix = cohort.tables["expression.csv.gz"].set_index("patient_id").T
    cohort.tables["expression.csv.gz"] = matrix.reset_index(names="gene")
    cohort.declared["blocks"]["expression"]["rows"] = "features"
    return cohort


def test_a_turned_block_gives_the_same_cohort(tmp_path: Path):
    (tmp_path / "plain").mkdir()
    plain = read_cohort(sound().write(tmp_path / "plain"), quiet=True)
    found = read_cohort(features_as_rows().write(tmp_path), quiet=True)
    pd.testing.assert_frame_equal(block_frame(found, "expression"), block_frame(plain, "expression"))


def test_a_feature_on_two_rows_is_refused(tmp_path: Path):
    cohort = features_as_rows()
    cohort.set("expression.csv.gz", "gene", 4, "GENE0")
    (problem,) = check_cohort(cohort.write(tmp_path)).errors
    assert problem.code == "DUP_COL"
    assert "GENE0" in problem.message


def test_a_patient_in_two_columns_is_refused_with_the_columns(tmp_path: Path):
    cohort = features_as_rows()
    table = cohort.tables["expression.csv.gz"]
    table.insert(3, "again", table["P004"])
    table.columns = table.columns.str.replace("again", "P004")
    (problem,) = check_cohort(cohort.write(tmp_path)).errors
    assert (problem.code, problem.rows) == ("DUP_ID", (2, 4))
    assert "a row here is a column of the file" in problem.message


def test_a_text_in_a_turned_block_is_refused_by_feature_and_column(tmp_path: Path):
    cohort = features_as_rows()
    cohort.set("expression.csv.gz", "P005", 3, "low")
    problem = next(p for p in check_cohort(cohort.write(tmp_path)).errors if p.code == "COERCE")
    assert "GENE1" in problem.message
    assert problem.rows == (3,)


def test_a_format_that_turns_by_itself_takes_no_rows(tmp_path: Path):
    write_text(tmp_path / "gut.csv", "taxon,p1,p2\nA,1,2\n")
    block = {"file": tmp_path / "gut.csv", "kind": "counts", "format": "taxa", "rows": "features"}
    (problem,) = check_cohort({"blocks": {"gut": block}}).errors
    assert (problem.code, problem.remedy) == ("DECLARATION", "Leave rows out.")


def with_samples(samples: str = "sample,patient\nS1,p1\nS2,p2\nS3,p3\n") -> dict[str, Any]:
    table = pd.read_csv(pd.io.common.StringIO(samples), dtype=str)
    labs = pd.DataFrame({"sample": ["S1", "S2", "S3"], "crp": [1.0, 2.0, 4.0], "wbc": [9.0, 8.0, 7.0]})
    block = {
        "file": labs, "kind": "number", "id": "sample",
        "samples": {"file": table, "sample": "sample", "patient": "patient"},
    }  # fmt: skip
    return {"blocks": {"labs": block}}


def test_samples_are_brought_to_their_patients():
    frame = block_frame(read_cohort(with_samples(), quiet=True), "labs")
    assert frame["crp"].to_dict() == {"p1": 1.0, "p2": 2.0, "p3": 4.0}


def test_the_patients_of_samples_stand_in_the_id_column_unless_named():
    declared = with_samples("sample,patient_id\nS1,p1\nS2,p2\nS3,p3\n")
    del declared["blocks"]["labs"]["samples"]["patient"]
    assert list(block_frame(read_cohort(declared, quiet=True), "labs").index) == ["p1", "p2", "p3"]
    matrix = pd.DataFrame({"gene": ["A", "B"], "S1": [1.0, 2.0], "S3": [4.0, 3.0]})
    samples = declared["blocks"]["labs"]["samples"]
    block = {"file": matrix, "kind": "number", "rows": "features", "id": "gene", "samples": samples}
    found = block_frame(read_cohort({"blocks": {"genes": block}}, quiet=True), "genes")
    assert found["B"].to_dict() == {"p1": 2.0, "p3": 3.0}


def test_two_samples_of_a_patient_are_refused_unless_joined():
    declared = with_samples("sample,patient\nS1,p1\nS2,p2\nS3,p1\n")
    (problem,) = check_cohort(declared).errors
    assert (problem.code, problem.rows) == ("DUP_ID", (2, 4))
    declared["blocks"]["labs"]["aggregate"] = "mean"
    assert block_frame(read_cohort(declared, quiet=True), "labs")["crp"].to_dict() == {"p1": 2.5, "p2": 2.0}


def test_a_sample_of_nobody_is_left_out_and_told():
    cohort = read_cohort(with_samples("sample,patient\nS1,p1\nS2,\nS3,p3\n"), quiet=True)
    assert list(block_frame(cohort, "labs").index) == ["p1", "p3"]
    problem = next(problem for problem in warnings_of(cohort) if problem.code == "SAMPLE_UNKNOWN")
    assert problem.rows == (3,)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ("probe,patient\nS1,p1\nS2,p2\n", 'no column "sample"'),
        ("sample,patient\nX1,p1\nX2,p2\n", "no sample of"),
        ("sample,patient\nS1,p1\nS1,p2\nS2,p2\nS3,p3\n", "gives S1 to two patients"),
    ],
)
def test_a_table_of_samples_that_cannot_serve_is_refused(samples: str, said: str):
    (problem,) = check_cohort(with_samples(samples)).errors
    assert problem.code == "SAMPLE_MAP"
    assert said in problem.message


def test_aliquots_of_tcga_find_their_patients(tmp_path: Path):
    folder = DATA / "acc_tcga"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    protein = pd.read_csv(folder / "protein.csv", index_col=0)
    barcodes = [f"{patient}-01A-11R-A29S-07" for patient in protein.index]
    assert {len(barcode) for barcode in barcodes} == {28}
    pd.DataFrame({"aliquot": barcodes, "patient_id": protein.index}).to_csv(tmp_path / "map.csv", index=False)
    protein.set_axis(barcodes, axis=0).T.to_csv(tmp_path / "rppa.tsv", sep="\t", index_label="protein")
    toml = (
        '[blocks.protein]\nfile = "rppa.tsv"\nkind = "log"\nrows = "features"\n'
        'samples = { file = "map.csv", sample = "aliquot" }\n'
    )
    (tmp_path / "cohort.toml").write_text(toml, encoding="utf-8")
    found = read_cohort(tmp_path, quiet=True)
    plain = read_cohort(
        {"blocks": {"protein": {"file": protein.rename_axis("patient_id"), "kind": "log"}}}, quiet=True
    )
    assert fingerprint(found) == fingerprint(plain)
    assert found["protein"].shape == (46, 33)
