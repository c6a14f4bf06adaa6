"""Olink NPX in the long format: samples by proteins, controls aside, warnings and limits kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from phenotyper.cohort.container import block_frame, patients_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.errors import CohortError

WORKED = """\
SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;Panel_Lot_Nr;PlateID;QC_Warning;LOD;NPX;Normalization;Assay_Warning;Sample_Type
S1;1;OID20563;P05231;IL6;0.1;Inflammation;B1;P1;PASS;-1.0;2.5;Intensity;PASS;SAMPLE
S1;1;OID20101;P05231;IL6;0.1;Oncology;B2;P1;PASS;-0.5;2.25;Intensity;PASS;SAMPLE
S1;1;OID20153;P01375;TNF;0.0;Inflammation;B1;P1;PASS;0.5;0.125;Intensity;WARN;SAMPLE
S2;2;OID20153;P01375;TNF;0.0;Inflammation;B1;P2;WARN;1.5;1.75;Intensity;WARN;SAMPLE
S2;2;OID20563;P05231;IL6;0.1;Inflammation;B1;P2;WARN;-2.0;NA;Intensity;PASS;SAMPLE
S3;3;OID20153;P01375;TNF;0.0;Inflammation;B1;P1;PASS;0.75;-3.5;Intensity;PASS;SAMPLE
CS1;4;OID20153;P01375;TNF;0.0;Inflammation;B1;P1;PASS;0.5;9;Intensity;PASS;CONTROL
S1;1;OID20999;;Incubation control 1;0.0;Inflammation;B1;P1;PASS;0;7;Intensity;PASS;SAMPLE
"""


def read(
    text: str | pd.DataFrame, *, id_column: str = "patient_id", folder: Path | None = None, **options: Any
) -> RawTable:
    if isinstance(text, pd.DataFrame):
        return read_table(Source("npx", table=text, id_column=id_column, format="olink", options=options))
    assert folder is not None
    (folder / "npx.csv").write_text(text, encoding="utf-8")
    return read_table(
        Source(
            "npx.csv",
            folder / "npx.csv",
            id_column=id_column,
            format="olink",
            options=options,
            text_columns=frozenset(),
        )
    )


def long_frame(**changes: Any) -> pd.DataFrame:
    """Three samples of four proteins, NPX = 10 x sample + protein."""
    pairs = [(sample, protein) for sample in range(3) for protein in range(4)]
    frame = pd.DataFrame(
        {
            "SampleID": [f"S{sample}" for sample, _ in pairs],
            "OlinkID": [f"OID{protein}" for _, protein in pairs],
            "UniProt": "P1",
            "Assay": [f"A{protein}" for _, protein in pairs],
            "Panel": "Explore HT",
            "NPX": [10.0 * sample + protein for sample, protein in pairs],
        }
    )
    return frame.assign(**changes)


def problem(table: RawTable, code: str) -> Any:
    found = [one for one in table.problems if one.code == code]
    assert len(found) == 1, [one.code for one in table.problems]
    return found[0]


def refusal(*args: Any, **options: Any) -> CohortError:
    with pytest.raises(CohortError) as caught:
        read(*args, **options)
    return caught.value


@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_the_worked_example_is_as_checked_by_hand(tmp_path: Path, mark: str):
    table = read(WORKED.replace(";", mark), folder=tmp_path)
    assert table.ids is not None
    assert table.ids.tolist() == ["S1", "S2", "S3"]
    assert table.rows.tolist() == [2, 5, 7]
    assert table.frame.columns.tolist() == ["IL6 (OID20563)", "IL6 (OID20101)", "TNF", "PlateID"]
    npx = [[2.5, 2.25, 0.125], [np.nan, np.nan, 1.75], [np.nan, np.nan, -3.5]]
    np.testing.assert_array_equal(table.frame.iloc[:, :3].to_numpy(dtype=float), npx)
    assert table.limits is not None
    lod = [[-1.0, -0.5, 0.5, np.nan], [-2.0, np.nan, 1.5, np.nan], [np.nan, np.nan, 0.75, np.nan]]
    np.testing.assert_array_equal(table.limits, lod)
    assert table.features["TNF"] == {"kind": "npx", "unit": "NPX", "label": "TNF (P01375)", "lod": 0.75}
    assert table.features["IL6 (OID20563)"]["lod"] == -1.5
    assert table.frame["PlateID"].tolist() == ["P1", "P2", "P1"]
    assert table.hidden == {"PlateID"}
    assert table.id_column == "SampleID"


def test_what_is_left_out_repeated_or_doubtful_is_said(tmp_path: Path):
    table = read(WORKED, folder=tmp_path)
    assert [one.code for one in table.problems] == ["OLINK_CONTROLS", "OLINK_QC", "OLINK_REPEATED"]
    assert "1 control sample and 1 control assay (2 rows)" in problem(table, "OLINK_CONTROLS").message
    assert "3 values of 2 samples" in problem(table, "OLINK_QC").message
    assert "(2 by sample, 2 by assay)" in problem(table, "OLINK_QC").message
    assert problem(table, "OLINK_REPEATED").message.endswith("1 proteins by several assays: IL6")


def test_values_with_a_warning_of_quality_are_missing_when_that_is_declared(tmp_path: Path):
    table = read(WORKED, folder=tmp_path, qc="drop")
    npx = [[2.5, 2.25, np.nan], [np.nan, np.nan, np.nan], [np.nan, np.nan, -3.5]]
    np.testing.assert_array_equal(table.frame.iloc[:, :3].to_numpy(dtype=float), npx)
    assert problem(table, "OLINK_QC").remedy == "They were set missing."


def test_the_order_of_the_rows_changes_nothing_but_the_order():
    frame = long_frame()
    shuffled = read(frame.sample(frac=1, random_state=4))
    assert shuffled.ids is not None
    cells = shuffled.frame.set_axis(shuffled.ids).sort_index()[[f"A{protein}" for protein in range(4)]]
    np.testing.assert_array_equal(cells, [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]])


def test_a_large_export_is_pivoted_as_pandas_does():
    rng = np.random.default_rng(5)
    samples, proteins = 60, 200
    frame = pd.DataFrame(
        {
            "SampleID": np.repeat([f"S{n}" for n in range(samples)], proteins),
            "OlinkID": np.tile([f"OID{n}" for n in range(proteins)], samples),
            "Assay": np.tile([f"A{n}" for n in range(proteins)], samples),
            "NPX": rng.normal(size=samples * proteins),
        }
    ).sample(frac=0.9, random_state=6)
    table = read(frame)
    assert table.ids is not None
    expected = frame.pivot(index="SampleID", columns="Assay", values="NPX")
    found = table.frame.set_axis(table.ids).loc[expected.index, expected.columns]
    np.testing.assert_array_equal(found, expected)
    assert table.limits is None


def test_controls_are_told_by_type_in_explore_ht():
    frame = long_frame(
        SampleType=["SAMPLE"] * 4 + ["SAMPLE_CONTROL"] * 4 + ["SAMPLE"] * 4,
        AssayType=["assay", "assay", "ext_ctrl", "inc_ctrl"] * 3,
    )
    table = read(frame)
    assert table.ids is not None
    assert table.ids.tolist() == ["S0", "S2"]
    assert table.frame.columns.tolist() == ["A0", "A1"]


def test_healthy_controls_are_no_control_samples():
    names = ["control_12"] * 4 + ["CONTROL_SAMPLE_AS 1"] * 4 + ["Negative Control 2"] * 4
    table = read(long_frame(SampleID=names))
    assert table.ids is not None
    assert table.ids.tolist() == ["control_12"]


def test_a_sample_and_protein_twice_is_refused_with_rows_and_plates():
    frame = pd.concat([long_frame(PlateID="P1"), long_frame(PlateID="P2").iloc[[5, 6]]])
    error = refusal(frame)
    assert error.codes == ("OLINK_TWICE",)
    assert "(rows 14, 15)" in str(error)
    assert "P1, P2" in str(error)


def test_mixed_products_versions_and_normalisations_are_named():
    frame = long_frame(
        Panel=["Explore HT", "Explore HT", "Target 96 Inflammation", "Target 96 Inflammation"] * 3,
        Panel_Lot_Nr=["B1"] * 6 + ["B2"] * 6,
        Normalization=["Plate control", "Intensity", "Intensity", "Intensity"] * 2
        + ["Intensity"] * 3
        + ["EXCLUDED"],
    )
    table = read(frame)
    said = problem(table, "OLINK_MIXED").message
    assert "EXPLORE HT, TARGET 96" in said
    assert "B1, B2 of Explore HT" in said
    said = problem(table, "OLINK_NORMALISATION").message
    assert "Intensity (9 values), Plate control (2 values); 1 proteins have more than one" in said
    same = read(long_frame(Panel_Lot_Nr="B1", Normalization="Intensity"))
    assert same.problems == ()


def test_a_plate_that_differs_within_a_sample_is_no_column():
    table = read(long_frame(PlateID=["P1", "P1", "P2", "P2"] * 3, LOD=0.5))
    assert table.hidden == frozenset()
    assert "PlateID" not in table.frame
    assert table.limits is not None
    assert table.limits.shape == table.frame.shape


def test_a_column_of_patients_in_the_export_gives_the_ids():
    table = read(long_frame(patient_id=["c"] * 4 + ["a"] * 4 + ["c"] * 4))
    assert table.ids is not None
    assert table.ids.tolist() == ["c", "a", "c"]
    assert table.id_column == "patient_id"
    error = refusal(long_frame(patient_id=["a", "b"] * 6))
    assert error.codes == ("OLINK_ID",)


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"NPX": ["1,5"] * 12}, "COERCE", 'decimal = ","'),
        ({"SampleID": ["S0"] * 11 + [None]}, "OLINK_ID", "row 13"),
        ({"OlinkID": [""] * 12}, "OLINK_ID", "12 rows without OlinkID"),
        ({"SampleID": ["Plate Control"] * 12}, "FILE_EMPTY", "control samples"),
    ],
)
def test_spoiled_cells_are_refused(changes: dict[str, Any], code: str, said: str):
    error = refusal(long_frame(**changes))
    assert error.codes == (code,)
    assert said in str(error)


def test_an_export_of_counts_is_refused():
    error = refusal(long_frame(Count=5, PCNormalizedNPX=1.0).drop(columns="NPX"))
    assert error.codes == ("OLINK_COLUMNS",)
    assert "Count, PCNormalizedNPX" in str(error)


def test_any_other_table_is_refused(tmp_path: Path):
    error = refusal("patient_id,crp\np1,2\np2,3\n", folder=tmp_path)
    assert error.codes == ("OLINK_COLUMNS",)
    assert "SampleID, OlinkID, Assay, NPX" in str(error)


WIDE = """\
Project name:;;;
NPX data;;;
Panel;Olink Inflammation(v.3022);Olink Inflammation(v.3022);Plate ID
Assay;IL6;TNF;
Uniprot ID;P05231;P01375;
OlinkID;OID00471;OID00472;
;;;
p1;2.5;0.1;P1
"""


def test_the_wide_format_is_refused_with_advice(tmp_path: Path):
    for text in (WIDE, WIDE.replace(";", ",")):
        error = refusal(text, folder=tmp_path)
        assert error.codes == ("OLINK_WIDE",)
        assert "Export it long" in str(error)


def toml(folder: Path, text: str, *, more: str = "") -> Path:
    (folder / "npx.csv").write_text(text, encoding="utf-8")
    (folder / "samples.csv").write_text("sample,patient_id\nS1,p1\nS2,p2\nS3,p3\n", encoding="utf-8")
    (folder / "cohort.toml").write_text(
        '[blocks.plasma]\nfile = "npx.csv"\nformat = "olink"\nkind = "npx"\n'
        f'samples = {{ file = "samples.csv", sample = "sample" }}\n{more}',
        encoding="utf-8",
    )
    return folder / "cohort.toml"


def test_a_cohort_is_read_by_its_declaration_with_patients_of_samples(tmp_path: Path):
    path = toml(tmp_path, WORKED)
    cohort = read_cohort(path, quiet=True)
    frame = block_frame(cohort, "plasma")
    assert frame.index.tolist() == ["p1", "p2", "p3"]
    assert frame["TNF"].tolist() == [0.125, 1.75, -3.5]
    assert "PlateID" not in frame
    assert cohort["plasma"].var.loc["TNF", ["kind", "unit", "label"]].tolist() == [
        "npx",
        "NPX",
        "TNF (P01375)",
    ]
    codes = {one.code for one in check_cohort(path).warnings}
    assert {"OLINK_CONTROLS", "OLINK_QC", "OLINK_REPEATED"} <= codes


def test_values_below_the_limit_of_their_plate_are_censored_when_that_is_declared(tmp_path: Path):
    cohort = read_cohort(toml(tmp_path, WORKED, more='censored = "lod"'), quiet=True)
    plasma = cohort["plasma"]
    place = list(plasma.var_names).index("TNF")
    assert plasma.layers["censored"][:, place].tolist() == [-1, 0, -1]
    assert plasma.X[:, place].tolist() == [0.5, 1.75, 0.75]


def test_the_plate_is_the_batch_where_the_export_is_the_table_of_patients(tmp_path: Path):
    path = toml(tmp_path, WORKED)
    samples = 'samples = { file = "samples.csv", sample = "sample" }\n'
    more = f'[patients]\nfile = "npx.csv"\nformat = "olink"\n{samples}batch = "PlateID"\n'
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert patients_of(read_cohort(path, quiet=True))["batch"].tolist() == ["P1", "P2", "P1"]


def test_an_unknown_way_with_warnings_of_quality_is_refused(tmp_path: Path):
    errors = check_cohort(toml(tmp_path, WORKED, more='qc = "dorp"')).errors
    assert [one.code for one in errors] == ["DECLARATION"]
    assert 'Did you mean "drop"' in errors[0].remedy


@pytest.mark.parametrize("ending", [".xlsx", ".parquet"])
def test_a_sheet_and_a_parquet_file_say_the_same(tmp_path: Path, ending: str):
    frame = long_frame(LOD=0.5, PlateID=1, QC_Warning="PASS")
    pytest.importorskip("openpyxl" if ending == ".xlsx" else "pyarrow")
    path = tmp_path / f"npx{ending}"
    if ending == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path)
    table = read_table(Source(path.name, path, format="olink", text_columns=frozenset()))
    np.testing.assert_array_equal(table.frame[["A0", "A3"]], [[0, 3], [10, 13], [20, 23]])
    assert table.frame["PlateID"].tolist() == ["1", "1", "1"]
    assert table.problems == ()


def test_the_wide_sheet_is_refused_with_advice(tmp_path: Path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "npx.xlsx"
    rows = [line.split(";") for line in WIDE.splitlines()]
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    with pytest.raises(CohortError, match="OLINK_WIDE"):
        read_table(Source(path.name, path, format="olink"))
