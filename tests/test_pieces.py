"""A large file is read in pieces: the same table comes out as of one piece, and memory is not wasted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import delimited
from phenotyper.cohort.readers.contract import RawTable, Source
from phenotyper.errors import CohortError

CELLS = ["1", "2.5", "-9", "-9.0", "-09", " -9", "", "NA", "nan", "inf", "True", "false", "abc", "<0.5",
         "1e400", "1,5", "9007199254740993", "18446744073709551615", "18446744073709551616", '"a\nb"',
         '"x,y"']  # fmt: skip


def read(path: Path, *, rows: int, codes: tuple[str, ...], texts: frozenset[str] | None) -> Any:
    """Return the table, or what is said against it, when so many rows make a piece."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_PARTS", 10**6)
        patch.setattr(delimited, "_CELLS", 4 * rows)
        try:
            return delimited.read_delimited(Source("t.csv", path, missing_codes=codes, text_columns=texts))
        except CohortError as error:
            return error.problems


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=3), min_size=1, max_size=9),
    spoiled=st.sampled_from(["", "", "", "\n", "p9,1\n", "p9,1,2,3,4\n"]),
    where=st.integers(0, 9),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    codes=st.sampled_from([(), ("-9", "NA")]),
    texts=st.sampled_from([frozenset(), frozenset({"a"}), None]),
    size=st.integers(1, 4),
)
def test_pieces_of_any_size_make_the_same_table(
    rows, spoiled, where, ends, codes, texts, size, tmp_path: Path
):
    lines = [f"p{place},{','.join(cells)}\n" for place, cells in enumerate(rows)]
    lines.insert(min(where, len(lines)), spoiled)
    path = tmp_path / "t.csv"
    path.write_bytes(("id,a,b,c\n" + "".join(lines)).replace("\n", ends).encode("utf-8-sig"))
    whole = read(path, rows=10**6, codes=codes, texts=texts)
    pieces = read(path, rows=size, codes=codes, texts=texts)
    if not isinstance(whole, RawTable):
        assert pieces == whole
        return
    pd.testing.assert_frame_equal(pieces.frame, whole.frame)
    assert pieces.rows.tolist() == whole.rows.tolist()


def test_a_column_that_is_text_in_its_last_rows_only_is_text_in_all(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text(
        "patient_id,a,b,c\n" + "".join(f"p{k},{k},{k + 0.5},{k}\n" for k in range(20)) + "p20,<3,1,x\n"
    )
    frame = read(path, rows=4, codes=(), texts=frozenset()).frame
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame["a"].tolist() == [*map(str, range(20)), "<3"]
    assert frame["b"].tolist() == [*(k + 0.5 for k in range(20)), 1.0]
    assert frame["c"].iloc[-2:].tolist() == ["19", "x"]


def test_a_missing_code_is_found_however_the_number_is_written(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("patient_id,a\np1,4\np2, -9\np3,-09\np4,-9\n")
    frame = read(path, rows=99, codes=("-9",), texts=frozenset()).frame
    assert frame["a"].isna().tolist() == [False, True, True, True]


def test_lines_may_end_in_any_mixture(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"patient_id,a\rp1,1\np2,2\rp3,3\np4,4\r\np5,5\rp6,6\n")
    assert read(path, rows=2, codes=(), texts=frozenset()).frame["a"].tolist() == [1, 2, 3, 4, 5, 6]


def test_progress_only_goes_forward_and_ends_at_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delimited, "_CELLS", 2000)
    monkeypatch.setattr(delimited, "_PARTS", 10**6)
    path = tmp_path / "t.csv"
    cells = np.random.default_rng(0).normal(size=(30_000, 2)).round(3)
    lines = [f"p{place},{a},{b},{'x' if place > 29_000 else 1}" for place, (a, b) in enumerate(cells)]
    path.write_text("\n".join(["patient_id,a,b,c", *lines]))
    told: list[tuple[int, int]] = []
    block = {"file": str(path), "kind": "number", "exclude": ["c"]}
    read_cohort(
        {"blocks": {"x": block}}, quiet=True, progress=lambda _, done, size: told.append((done, size))
    )
    done = [at for at, _ in told]
    assert len(done) >= 3
    assert done == sorted(set(done))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def test_what_a_file_says_is_said_once_though_it_is_read_for_two_parts(tmp_path: Path):
    lines = [
        "patient_id,a,arm,group",
        *(f"p{k},{k}.5,{'xy'[k % 2]},{'xy'[k % 2]}" for k in range(30)),
        "p30,1001.0,x,y",
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n ,1,x,y\n")
    blocks = {"x": {"file": str(tmp_path / "t.csv"), "kind": "number", "columns": ["a"]}}
    patients = {"file": str(tmp_path / "t.csv"), "id": "patient_id", "site": "arm"}
    report = check_cohort({"blocks": blocks, "patients": patients})
    texts = [problem.text() for problem in report.problems]
    assert "ID_EMPTY" in " ".join(texts)
    assert len(texts) == len(set(texts))
