"""Cells: what each kind of feature accepts, what is refused, what is dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import found, sound

from phenotyper.cohort.container import block_frame, block_names, dropped_of, features_of, warnings_of
from phenotyper.cohort.kinds import Feature, code_column
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.values import code_text
from phenotyper.errors import PhenotyperWarning, Problem

IDS = [f"p{number}" for number in range(30)]


def block(kind: str, values: Any, **options: Any) -> dict[str, Any]:
    """Return a declaration of one block with one spoiled column beside a sound one."""
    frame = pd.DataFrame({"a": values, "b": [0.0, 1.0] * 15}, index=IDS)
    if kind in {"ordinal", "category", "yes/no"}:
        frame["b"] = ["0", "1"] * 15
    return {"blocks": {"labs": {"file": frame, "kind": kind, **options}}}


def dictionary(kind: str, levels: str = "", unit: str = "") -> pd.DataFrame:
    return pd.DataFrame(
        {"column": ["a", "b"], "kind": [kind, "number"], "levels": [levels, ""], "unit": [unit, ""]}
    )


def mixed(values: Any, kind: str, levels: str = "", unit: str = "", **options: Any) -> dict[str, Any]:
    frame = pd.DataFrame({"a": values, "b": np.arange(30.0)}, index=IDS)
    return {
        "blocks": {
            "labs": {"file": frame, "kind": "mixed", "dictionary": dictionary(kind, levels, unit), **options}
        }
    }


def only(declared: dict[str, Any]) -> Problem:
    report = check_cohort(declared)
    assert len(report.problems) == 1, str(report)
    return report.problems[0]


def spoiled(texts: dict[int, str]) -> list[str]:
    return [texts.get(row, str(1 + row / 10)) for row in range(2, 32)]


@pytest.mark.parametrize(
    ("texts", "remedy"),
    [
        ({4: "<0.5", 9: "<0.5", 20: ">200"}, 'censored = "lod"'),
        ({4: "1,5", 9: "2,25"}, "Write a decimal point there"),
        ({row: f"{row},5" for row in range(2, 7)} | {row: str(row) for row in range(7, 32)}, 'decimal = ","'),
        ({4: "n/a", 9: "--"}, 'missing_codes = ["--", "n/a"]'),
        ({4: "3 mg/L", 9: "high"}, "category or ordinal"),
    ],
)
def test_text_among_numbers_is_refused_with_the_way_out(texts: dict[int, str], remedy: str):
    problem = only(block("number", spoiled(texts)))
    assert problem.code == "COERCE"
    wrong = {row: text for row, text in texts.items() if not text.isdigit()}
    assert problem.rows == tuple(wrong)
    assert all(f'"{text}"' in problem.message for text in wrong.values())
    assert remedy in problem.remedy


def test_percentages_out_of_range_are_not_told_to_be_declared_as_such():
    problem = only(mixed([*np.linspace(5, 95, 29), 140.0], "proportion", unit="%"))
    assert problem.message.endswith("has 1 proportion out of range in a (140)")
    assert "unit" not in problem.remedy


def test_a_level_that_is_a_number_is_found_with_a_decimal_comma(tmp_path: Path):
    (tmp_path / "x.csv").write_text("patient_id;a\n" + "".join(f"P{i};{i % 2},0\n" for i in range(30)))
    (tmp_path / "d.csv").write_text("column,kind,levels\na,yes/no,0 | 1\n")
    (tmp_path / "cohort.toml").write_text(
        '[blocks.x]\nfile = "x.csv"\nkind = "mixed"\ndictionary = "d.csv"\ndelimiter = ";"\ndecimal = ","\n'
    )
    assert check_cohort(tmp_path / "cohort.toml").ok


@pytest.mark.parametrize(
    ("texts", "options", "block_options"),
    [
        ({4: "<0.5", 9: ">200"}, {}, {"censored": "lod"}),
        ({4: "n/a", 9: "--"}, {"missing_codes": ["--", "n/a"]}, {}),
    ],
)
def test_the_way_out_works(texts: dict[int, str], options: dict[str, Any], block_options: dict[str, Any]):
    assert check_cohort({**block("number", spoiled(texts), **block_options), **options}).problems == ()


def test_decimal_commas_are_read_when_declared():
    cells = [text.replace(".", ",") for text in spoiled({})]
    cohort = read_cohort(block("number", cells, decimal=","))
    assert cohort["labs"].X[:, 0].tolist() == [float(text) for text in spoiled({})]
    mixed_marks = [*cells[:-1], "1.5"]
    assert only(block("number", mixed_marks, decimal=",")).rows == (31,)


def test_text_in_many_columns_is_one_problem_with_counts(tmp_path: Path):
    cohort = sound()
    for column in ("crp", "wbc"):
        for row in (3, 8):
            cohort.set("labs.csv", column, row, "n/a")
    problem = found(check_cohort(cohort.write(tmp_path)), "COERCE")
    assert problem.rows == (3, 8)
    assert problem.message == 'labs.csv has text in 2 number columns (crp, wbc): "n/a" (4 times)'


def test_different_texts_get_different_remedies():
    report = check_cohort(block("number", spoiled({4: "<0.5", 9: "n/a"})))
    assert [problem.code for problem in report.errors] == ["COERCE", "COERCE"]
    assert [problem.rows for problem in report.errors] == [(4,), (9,)]


def test_values_beyond_a_limit_are_kept_as_censored_when_declared():
    cells = spoiled({4: "<0.5", 9: "> 200", 11: "<=.25"})
    cohort = read_cohort(block("number", cells, censored="lod"))
    values, flags = cohort["labs"].X[:, 0], cohort["labs"].layers["censored"]
    assert values[[2, 7, 9]].tolist() == [0.5, 200.0, 0.25]
    assert flags.dtype == np.int8
    assert flags[:, 0].nonzero()[0].tolist() == [2, 7, 9]
    assert flags[[2, 7, 9], 0].tolist() == [-1, 1, -1]
    assert not flags[:, 1].any()


def test_a_block_without_limits_has_no_censored_layer():
    assert "censored" not in read_cohort(block("number", np.arange(30.0), censored="lod"))["labs"].layers


def test_declared_missing_codes_are_missing():
    cohort = read_cohort({**block("number", spoiled({4: "n/a", 9: "-9.0"})), "missing_codes": ["n/a", -9]})
    assert np.isnan(cohort["labs"].X[:, 0]).nonzero()[0].tolist() == [2, 7]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_with_its_row(value: float):
    values = np.arange(30.0)
    values[3] = value
    problem = only(block("log", values))
    assert (problem.code, problem.rows) == ("INF", (5,))
    assert "in a" in problem.message


def test_infinity_in_a_file_is_refused(tmp_path: Path):
    cohort = sound()
    cohort.set("expression.csv.gz", "GENE1", 6, "-Inf")
    assert found(check_cohort(cohort.write(tmp_path)), "INF").rows == (6,)


@pytest.mark.parametrize(
    ("kind", "unit", "bad", "good", "code"),
    [
        ("counts", "", -1.0, 1e6, "COUNTS_NEGATIVE"),
        ("proportion", "", 1.01, 1.0, "PROPORTION_RANGE"),
        ("proportion", "%", 100.5, 100.0, "PROPORTION_RANGE"),
        ("proportion", "%", -0.5, 0.0, "PROPORTION_RANGE"),
        ("composition", "", -0.1, 7.0, "COMPOSITION_NEGATIVE"),
        ("dosage", "", 2.1, 2.0, "DOSAGE_RANGE"),
        ("dosage", "", -9.0, 1.5, "DOSAGE_RANGE"),
    ],
)
def test_each_kind_has_its_range(kind: str, unit: str, bad: float, good: float, code: str):
    values = np.linspace(0, 1, 30)
    values[7] = bad
    problem = only(mixed(values, kind, unit=unit))
    assert (problem.code, problem.rows) == (code, (9,))
    assert f"{bad:g}" in problem.message
    values[7] = good
    assert check_cohort(mixed(values, kind, unit=unit)).ok


def test_an_empty_column_is_dropped_with_a_warning(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"]["crp"] = ""
    with pytest.warns(PhenotyperWarning, match=r"ALL_MISSING: 1 feature of block labs without a value: crp"):
        read = read_cohort(cohort.write(tmp_path))
    assert "crp" not in read["labs"].var_names
    assert read["labs"].n_vars == 5
    assert dropped_of(read)["labs"] == {"crp": None}


def test_a_constant_column_is_dropped_and_its_value_kept(tmp_path: Path):
    cohort = sound()
    cohort.tables["labs.csv"]["wbc"] = "7.5"
    cohort.tables["labs.csv"]["fever"] = "yes"
    read = read_cohort(cohort.write(tmp_path), quiet=True)
    assert [problem.code for problem in warnings_of(read)] == ["CONSTANT"]
    assert "2 features" in warnings_of(read)[0].message
    assert dropped_of(read)["labs"] == {"wbc": 7.5, "fever": 1.0}
    assert list(features_of(read, "labs").index) == ["crp", "neutrophils", "cough", "diet"]


def test_rounding_is_no_difference():
    values = np.full(30, 0.3)
    values[::2] = 0.1 + 0.2
    assert only(block("number", values)).code == "CONSTANT"


def test_one_patient_who_differs_is_warned_of_and_kept():
    values = ["no"] * 30
    values[4] = "yes"
    declared = block("yes/no", values)
    problem = only(declared)
    assert (problem.code, problem.severity) == ("NEAR_CONSTANT", "warning")
    assert "1 feature of block labs with the same value in every patient but one: a" in problem.message
    assert read_cohort(declared, quiet=True)["labs"].n_vars == 2
    values[5] = "yes"
    assert check_cohort(block("yes/no", values)).problems == ()


def test_one_of_few_patients_who_differs_is_no_news():
    frame = pd.DataFrame({"a": [0.0] * 9 + [1.0], "b": np.arange(10.0)}, index=IDS[:10])
    assert check_cohort({"blocks": {"labs": {"file": frame, "kind": "number"}}}).problems == ()


@pytest.mark.parametrize(("value", "code"), [(np.nan, "ALL_MISSING"), (1.0, "CONSTANT")])
def test_a_block_of_which_nothing_would_be_left_is_refused(value: float, code: str):
    frame = pd.DataFrame({"a": [value] * 30, "b": [value] * 30}, index=IDS)
    problem = only({"blocks": {"labs": {"file": frame, "kind": "number"}}})
    assert (problem.code, problem.severity) == (code, "error")


def coded(cells: list[Any], kind: str, levels: tuple[str, ...] = ()) -> tuple[list[Any], tuple[str, ...]]:
    column = code_column(
        pd.Series(cells, dtype="str"), Feature("a", kind, levels=levels), np.arange(2, 2 + len(cells))
    )
    assert column.misfits == {}
    return [None if np.isnan(value) else int(value) for value in column.values], column.feature.levels


@pytest.mark.parametrize(
    "pair", [("no", "yes"), ("No", "YES"), ("false", "true"), ("FALSE", "TRUE"), ("0", "1"), ("0.0", "1.0")]
)
def test_yes_and_no_are_understood_in_three_spellings(pair: tuple[str, str]):
    assert coded([pair[0], pair[1], None], "yes/no") == ([0, 1, None], ("no", "yes"))


def test_other_words_for_yes_and_no_need_levels():
    declared = mixed(["ja", "nein"] * 15, "yes/no")
    problem = only(declared)
    assert (problem.code, len(problem.rows)) == ("LEVELS_ABSENT", 30)
    assert "no-level | yes-level" in problem.remedy
    assert coded(["ja", "nein"], "yes/no", ("nein", "ja")) == ([1, 0], ("nein", "ja"))


def test_two_spellings_of_yes_in_one_column_are_refused():
    values = ["yes", "no"] * 15
    values[3] = "1"
    assert only(mixed(values, "yes/no")).rows == (5,)


def test_levels_are_coded_in_their_order_and_none_is_a_level():
    assert coded(["much", "None", "some", None], "ordinal", ("None", "some", "much")) == (
        [2, 0, 1, None],
        ("None", "some", "much"),
    )


def test_intervals_with_commas_are_levels():
    levels = ("(0,9]", "(9,27.3]", "(27.3,Inf]")
    assert coded(["(27.3,Inf]", "(0,9]"], "ordinal", levels)[0] == [2, 0]


def test_undeclared_levels_are_sorted():
    assert coded(["b", "a", "c"], "category") == ([1, 0, 2], ("a", "b", "c"))
    assert coded(["10", "9", "9.0"], "category") == ([1, 0, 0], ("9", "10"))


def test_ordinal_numbers_need_no_levels_and_ordinal_words_do():
    assert coded(["-2", "0", "10"], "ordinal") == ([0, 1, 2], ("-2", "0", "10"))
    problem = only(mixed(["low", "high"] * 15, "ordinal"))
    assert problem.code == "LEVELS_ABSENT"
    assert "lowest" in problem.remedy


def test_an_unknown_level_is_refused_with_its_rows():
    values = ["low", "high"] * 15
    values[4], values[9] = "hihg", "hihg"
    problem = only(mixed(values, "ordinal", "low | high"))
    assert (problem.code, problem.rows) == ("LEVEL_UNKNOWN", (6, 11))
    assert '"hihg" (2 times)' in problem.message


def test_an_ordered_categorical_brings_its_levels():
    values = pd.Categorical(["low", "high"] * 15, categories=["low", "high", "never"], ordered=True)
    frame = pd.DataFrame({"a": values, "b": pd.Categorical(["x", "y"] * 15)}, index=IDS)
    parts = pd.DataFrame({"column": ["a", "b"], "kind": ["ordinal", "category"]})
    cohort = read_cohort({"blocks": {"labs": {"file": frame, "kind": "mixed", "dictionary": parts}}})
    assert features_of(cohort, "labs")["levels"].tolist() == ['["low", "high", "never"]', '["x", "y"]']
    labels = block_frame(cohort, "labs")["a"]
    assert labels.cat.ordered
    assert labels.tolist()[:2] == ["low", "high"]


def test_kind_unit_and_limit_stand_in_var(tmp_path: Path):
    cohort = read_cohort(sound().write(tmp_path))
    labs = features_of(cohort, "labs")
    assert labs.loc["crp"].tolist() == ["number", "mg/l", "C-reactive protein", "", 0.5, ""]
    assert labs.loc["wbc", "reference"] == "4-12"
    assert labs.loc["cough", "levels"] == '["none", "some", "much"]'
    assert features_of(cohort, "expression")["unit"].tolist() == ["log2"] * 8
    assert cohort["labs"].X.dtype == np.float64
    assert block_names(cohort) == ("expression", "labs", "microbes")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.0, "1"),
        ("1.0", "1"),
        (" 1 ", "1"),
        (np.float32(2.5), "2.5"),
        (True, "true"),
        ("yes", "yes"),
        ("1e3", "1000"),
    ],
)
def test_one_code_has_one_text(value: Any, code: str):
    assert code_text(value) == code
