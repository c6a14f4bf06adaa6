"""Tables as text, CSV and HTML; results as JSON and npz."""

import csv
import errno
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from phenotyper.errors import OutputError, ResultError
from phenotyper.results import Result, Table, csv_text, inert, read_parts, to_json, write_parts

NASTY = '<img src=x onerror="alert(1)">'
TABLE = Table(
    title="Patients (candidate)",
    columns=("", "A", "B", "p"),
    rows=(("Sex", "", "", ""), ("female", "3", "12", "-"), ("=cmd()", "-0.5", "@x", "+1+1")),
    indents=(0, 1, 0),
    spanners=(("Subphenotype", 1, 2),),
    footnotes=("-2+3 is a note",),
    counts=(((), (), (), ()), ((), (3,), (12,), ()), ((), (), (), ())),
)


class Seen(HTMLParser):
    """Tags, and the columns that each row of a table spans."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.widths, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.widths.append(0)
        if tag in ("td", "th"):
            self.widths[-1] += int(dict(attrs).get("colspan", 1))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rows": (("a", "b"),)}, "every row needs 4 cells"),
        ({"indents": (0,)}, "indents need 3 steps"),
        ({"counts": (((),),)}, "counts need the shape of the rows"),
        ({"counts": (((), ()),) * 3}, "counts need the shape of the rows"),
    ],
)
def test_a_table_whose_parts_do_not_fit_is_refused(wrong, said):
    parts = {"title": "T", "columns": TABLE.columns, "rows": TABLE.rows, **wrong}
    with pytest.raises(ValueError, match=said):
        Table(**parts)


def test_a_table_is_a_frame_of_text_by_row_label():
    frame = TABLE.to_frame()
    assert frame.columns.tolist() == ["A", "B", "p"]
    assert frame.index.tolist() == ["Sex", "female", "=cmd()"]
    assert frame.loc["female"].tolist() == ["3", "12", "-"]


def test_a_table_as_csv_has_title_heads_rows_and_notes_without_formulas(tmp_path):
    TABLE.to_csv(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_bytes()
    assert b"\r" not in text
    assert list(csv.reader(text.decode().splitlines())) == [
        ["Patients (candidate)"],
        ["", "A", "B", "p"],
        ["Sex", "", "", ""],
        ["female", "3", "12", "-"],
        ["'=cmd()", "-0.5", "'@x", "'+1+1"],
        ["'-2+3 is a note"],
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "", "-", "A", "12", "-0.5", "+1.5", "-.5", "-1,204", "-1.20e-07", "-∞", "-3 %",
        "-0.50 (-0.80 to -0.20)", "-1.2 [-1.7, -0.4]", "-0.5 (-0.9 to not reached)", "-3 % (-9 to 2)",
        "1+1=2", "a=b", "x@y", "n = 3",
    ],
)  # fmt: skip
def test_figures_and_plain_text_are_not_quoted(cell):
    assert inert(cell) == cell


@pytest.mark.parametrize(
    "cell",
    [
        "=cmd()", "+1+1", "@x", "-2+3+cmd|' /C calc'!A0", "-cmd", "-A1", "--", "-1-1", "-0.5 (A1)",
        "-0.5 (=1)",
        "\t=1", "\r=1", "\n=1", "  =1", "-0.5\n=1", "\uff1d1", "-1 (2", "-1*2", "-1 to 2", "-\u0661",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_quoted(cell):
    assert inert(cell) == f"'{cell}"


def test_a_tidy_frame_as_csv_keeps_numbers_and_quotes_formulas_in_cells_and_heads():
    frame = pd.DataFrame(
        {
            "feature": ["=cmd()", "crp"],
            "kind": pd.Categorical(["@a", "b"]),
            "-x+1": [-0.5, float("nan")],
            "n": [-3, 4],
            "used": [True, False],
            "note": [None, "-0.5 (-1 to 2)"],
        },
        index=[7, 9],
    )
    before = frame.copy(deep=True)
    lines = csv_text(frame).split("\n")
    assert lines == [
        "feature,kind,'-x+1,n,used,note",
        "'=cmd(),'@a,-0.5,-3,True,",
        "crp,b,,4,False,-0.5 (-1 to 2)",
        "",
    ]
    pd.testing.assert_frame_equal(frame, before)


def test_a_table_as_html_escapes_every_text():
    table = Table(NASTY, (NASTY, NASTY), ((NASTY, NASTY),), spanners=((NASTY, 1, 1),), footnotes=(NASTY,))
    seen = Seen(table.to_html())
    assert "img" not in seen.tags
    assert seen.text.count(NASTY) == 7
    assert table._repr_html_() == table.to_html()


def test_every_row_of_a_table_as_html_spans_all_columns():
    wide = Table(
        "T", tuple("abcdef"), (tuple("123456"),), spanners=(("late", 4, 5), ("early", 1, 2)), footnotes=("n",)
    )
    seen = Seen(wide.to_html())
    assert seen.widths == [6, 6, 6, 6]
    assert seen.text.index("early") < seen.text.index("late")
    assert Seen(TABLE.to_html()).widths == [4, 4, 4, 4, 4, 4]


def test_section_heads_are_bold_and_labels_are_set_in():
    rows = re.findall(r'<tr><td style="(.*?)">(.*?)</td>', TABLE.to_html())
    styles = {text: style for style, text in rows}
    assert "font-weight:bold" in styles["Sex"]
    assert "font-weight:normal" in styles["female"]
    assert "8px 2px 8px" in styles["Sex"]
    assert "8px 2px 24px" in styles["female"]


def test_the_same_values_are_the_same_json_whatever_their_order():
    assert (
        to_json({"b": 1, "a": ["µ"]})
        == to_json({"a": ["µ"], "b": 1})
        == '{\n  "a": [\n    "µ"\n  ],\n  "b": 1\n}\n'
    )


def test_json_has_no_nan():
    with pytest.raises(ValueError):
        to_json({"a": float("nan")})


def test_a_file_name_that_is_not_utf_8_survives_json():
    name = os.fsdecode(b"/data/\xff\xfe.toml")
    text = to_json({"declaration": name})
    assert json.loads(text.encode("utf-8").decode("utf-8"))["declaration"] == name


META = {"seed": 3, "names": ["A", "B"]}
ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "ids": np.array(["p1", "é"])}


def saved(folder):
    write_parts(folder, kind="thing", schema=2, meta=META, arrays=ARRAYS)
    return folder


def test_a_result_comes_back_as_it_was_written(tmp_path):
    meta, arrays = read_parts(saved(tmp_path / "deep" / "er"), kind="thing", schema=2)
    assert meta == META
    assert arrays.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], values)
        assert arrays[name].dtype == values.dtype


def test_an_older_result_is_read_by_a_newer_version(tmp_path):
    assert read_parts(saved(tmp_path), kind="thing", schema=3)[0] == META


def test_the_same_result_is_the_same_bytes(tmp_path):
    for name in ("thing.json", "thing.npz"):
        assert (saved(tmp_path / "a") / name).read_bytes() == (saved(tmp_path / "b") / name).read_bytes()


def test_no_pickle_is_written(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_parts(tmp_path, kind="thing", schema=1, meta={}, arrays={"x": np.array([object()])})
    assert list(tmp_path.iterdir()) == []


def code_of(folder, schema=2):
    with pytest.raises(ResultError) as caught:
        read_parts(folder, kind="thing", schema=schema)
    return caught.value.codes[0]


@pytest.mark.parametrize("lost", ["thing.json", "thing.npz"])
def test_a_result_without_one_of_its_files_is_absent(tmp_path, lost):
    (saved(tmp_path) / lost).unlink()
    assert code_of(tmp_path) == "RESULT_ABSENT"


def test_a_result_of_a_newer_version_asks_for_an_update(tmp_path):
    assert code_of(saved(tmp_path), schema=1) == "RESULT_NEWER"


def test_an_array_file_that_was_changed_is_refused(tmp_path):
    path = saved(tmp_path) / "thing.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert code_of(tmp_path) == "RESULT_CHANGED"


@pytest.mark.parametrize(
    "text", [b"{", b"\xff", b"[]", b"{}", b'{"schema": "x"}', b'{"schema": 1, "npz_sha256": "", "meta": 5}']
)
def test_a_damaged_json_file_is_told_as_damage(tmp_path, text):
    (saved(tmp_path) / "thing.json").write_bytes(text)
    assert code_of(tmp_path) == "RESULT_DAMAGED"


def test_a_full_disk_is_told_when_a_result_is_saved(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        saved(tmp_path / "r")
    assert caught.value.codes == ("NO_SPACE",)
    assert list((tmp_path / "r").iterdir()) == []


def test_a_place_that_cannot_be_a_folder_is_told_when_a_result_is_saved(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        saved(tmp_path / "file" / "r")
    assert caught.value.codes == ("NOT_WRITABLE",)


class Finding(Result):
    def sentence(self):
        return f"2 groups {NASTY}"


def test_a_result_prints_as_its_sentence():
    assert repr(Finding()) == f"<Finding: 2 groups {NASTY}>"
    seen = Seen(Finding()._repr_html_())
    assert seen.tags == ["p"]
    assert seen.text == Finding().sentence()


def test_a_result_must_have_a_sentence():
    with pytest.raises(TypeError, match="Result lacks sentence"):
        repr(Result())
