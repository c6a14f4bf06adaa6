"""Reading as a whole: what is accepted, what is said, and that nothing is written."""

from __future__ import annotations

import warnings
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from cohort_factory import found, sound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phenotyper.cohort import checks, tables
from phenotyper.cohort.container import warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.errors import CohortError, PhenotyperWarning, Problem


def test_a_folder_stands_for_its_cohort_toml(tmp_path: Path):
    sound().write(tmp_path)
    assert read_cohort(tmp_path).n_obs == read_cohort(str(tmp_path / "cohort.toml")).n_obs == 40


def test_an_absent_declaration_is_refused_with_its_neighbour(tmp_path: Path):
    sound().write(tmp_path)
    with pytest.raises(CohortError, match=r'FILE_ABSENT.*Did you mean "cohort.toml"'):
        read_cohort(tmp_path / "cohrt.toml")


def test_something_else_is_refused_with_what_is_accepted():
    with pytest.raises(CohortError, match=r"COHORT_TYPE: a DataFrame is not a cohort"):
        read_cohort(pd.DataFrame())


def test_files_may_stand_in_another_folder(tmp_path: Path):
    cohort = sound()
    (tmp_path / "data").mkdir()
    cohort.write(tmp_path / "data")
    cohort.declared = {"folder": "data", **cohort.declared}
    (tmp_path / "data" / "dictionary.csv").rename(tmp_path / "dictionary.csv")
    cohort.tables = {}
    assert read_cohort(cohort.write(tmp_path)).n_obs == 40


def test_two_files_of_one_name_are_told_apart(tmp_path: Path):
    cohort = sound()
    for place in ("north", "south"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "labs.csv").write_text("patient_id,a\nP001,1\nP002,x\n", encoding="utf-8")
        cohort.declared["blocks"][place] = {"file": f"{place}/labs.csv", "kind": "number"}
    report = check_cohort(cohort.write(tmp_path))
    assert [problem.where for problem in report.errors if problem.code == "COERCE"] == [
        "north/labs.csv",
        "south/labs.csv",
    ]


def test_each_file_is_read_once(tmp_path: Path):
    cohort = sound()
    for name in ("first", "second"):
        cohort.declared["blocks"][name] = {"file": "clinical.csv", "kind": "number", "columns": ["weight"]}
    path = cohort.write(tmp_path)
    with mock.patch.object(tables, "as_declared", side_effect=tables.as_declared) as reading:
        read_cohort(path, quiet=True)
    assert sorted(call.args[0].name for call in reading.call_args_list) == [
        "clinical.csv",
        "expression.csv.gz",
        "labs.csv",
        "microbes.tsv",
    ]


def test_warnings_are_said_once_and_kept(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"]["wbc"] = "7"
    cohort.tables["labs.csv"]["crp"] = ""
    path = cohort.write(tmp_path)
    with pytest.warns(PhenotyperWarning) as said:
        read = read_cohort(path)
    assert len(said) == 1
    assert (
        str(said[0].message)
        == "The cohort was read with 2 warnings: ALL_MISSING, CONSTANT. check_cohort() lists them."
    )
    assert said[0].filename == __file__
    assert [problem.code for problem in warnings_of(read)] == ["ALL_MISSING", "CONSTANT"]


def test_quiet_keeps_warnings_in_the_cohort_only(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"]["wbc"] = "7"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_cohort(cohort.write(tmp_path), quiet=True)
    assert len(warnings_of(read)) == 1


def test_a_check_says_everything_and_writes_nothing(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"]["wbc"] = "7"
    cohort.set("labs.csv", "crp", 3, "<b>")
    cohort.set("clinical.csv", "days", 4, "-3")
    path = cohort.write(tmp_path)
    before = {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()}
    report = check_cohort(path)
    assert {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()} == before
    assert not report.ok
    assert [problem.code for problem in report.errors] == ["NEG_TIME", "COERCE"]
    assert [problem.code for problem in report.warnings] == ["CONSTANT"]
    assert report.table["code"].tolist() == ["NEG_TIME", "COERCE", "CONSTANT"]
    assert report.table["rows"].tolist() == ["4", "3", ""]
    assert "2 errors, 1 warning" in repr(report)
    assert "1. error NEG_TIME: clinical.csv" in str(report)
    assert "&lt;b&gt;" in report._repr_html_()
    assert '<b>"' not in report._repr_html_()


def test_a_check_of_a_sound_cohort_says_how_many_patients(tmp_path: Path):
    report = check_cohort(sound().write(tmp_path))
    assert report.ok
    assert report.n_patients == 40
    assert str(report).endswith("cohort.toml can be used: 40 patients, 0 warnings.")
    assert report.table.empty


def test_a_faulty_declaration_is_a_report_too(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["labs"]["kind"] = "mixd"
    report = check_cohort(cohort.write(tmp_path))
    assert found(report, "DECLARATION").where == "cohort.toml [blocks.labs]"


CELLS = [
    "",
    "NA",
    "<0.5",
    ">200",
    "1,5",
    "inf",
    "nan",
    "-1",
    "1e999",
    "True",
    "None",
    "x" * 300,
    "\u00a0",
    "=cmd()",
]
CELLS += ["2020-01-01", "03/04/2021", "1.0", "999", "a,b", '"', "\n", "e\u0301", "0x1", "\uff11", "\u202eabc"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    spoils=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 17), st.integers(2, 31), st.sampled_from(CELLS)),
        max_size=4,
    )
)
def test_whatever_stands_in_a_cell_ends_in_a_report(
    tmp_path_factory: pytest.TempPathFactory, spoils: list[tuple[int, int, int, str]]
):
    cohort = sound()
    files = ["clinical.csv", "labs.csv", "expression.csv.gz", "dictionary.csv"]
    for file, column, row, cell in spoils:
        table = cohort.tables[files[file]]
        cohort.set(files[file], table.columns[column % table.shape[1]], 2 + (row - 2) % len(table), cell)
    report = check_cohort(cohort.write(tmp_path_factory.mktemp("spoiled")))
    assert report.ok == (not report.errors)
    assert (report.n_patients is not None) == report.ok


def test_every_rule_has_a_sentence_and_a_known_stage():
    for stage, rules in checks.RULES.items():
        assert stage in checks.STAGES
        for function in rules:
            assert function.__doc__
            assert function.__doc__.startswith(("Refuse", "Warn")), function.__name__


def test_a_further_rule_is_one_more_function(tmp_path: Path):
    def nobody_over_ten(parts):  # type: ignore[no-untyped-def]
        """Refuse what this test does not like."""
        yield Problem("TEST", f"{len(parts.obs)} patients", "None.")

    with mock.patch.dict(checks.RULES, {"assembled": [*checks.RULES["assembled"], nobody_over_ten]}):
        report = check_cohort(sound().write(tmp_path))
    assert found(report, "TEST").message == "40 patients"


def test_the_same_files_give_the_same_cohort_twice(tmp_path: Path):
    path = sound().write(tmp_path)
    one, other = read_cohort(path), read_cohort(path)
    assert one.uns["phenotyper"] == other.uns["phenotyper"]
    pd.testing.assert_frame_equal(one.obs, other.obs)


def test_a_dict_is_not_changed_by_reading_it(tmp_path: Path):
    cohort = sound()
    cohort.write(tmp_path)
    declared = {**cohort.declared, "folder": str(tmp_path)}
    declared["blocks"]["labs"]["dictionary"] = str(tmp_path / "dictionary.csv")
    before = repr(declared)
    assert read_cohort(declared).n_obs == 40
    assert repr(declared) == before
