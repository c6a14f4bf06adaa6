"""Columns: absent, doubled, without a kind, and those that give an outcome away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import Cohort, found, sound, write_text

from phenotyper.cohort.checks.leak import leaks
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.container import warnings_of
from phenotyper.cohort.declaration import BlockSpec
from phenotyper.cohort.kinds import Feature
from phenotyper.cohort.read import check_cohort, read_cohort


def test_a_column_name_that_stands_twice_is_refused(tmp_path: Path):
    cohort = sound()
    labs = cohort.tables["labs.csv"]
    path = cohort.write(tmp_path)
    lines = labs.to_csv(None, index=False).replace("crp,wbc", "crp,crp")
    write_text(tmp_path / "labs.csv", lines)
    problem = found(check_cohort(path), "DUP_COL")
    assert problem.message == "labs.csv has 1 column name more than once: crp"


def test_the_id_column_may_not_stand_twice(tmp_path: Path):
    cohort = sound()
    path = cohort.write(tmp_path)
    write_text(
        tmp_path / "labs.csv",
        cohort.tables["labs.csv"].to_csv(None, index=False).replace("crp,wbc", "crp,patient_id"),
    )
    assert "patient_id" in found(check_cohort(path), "DUP_COL").message


def test_a_column_that_pandas_would_have_renamed_to_is_its_own(tmp_path: Path):
    cohort = sound()
    cohort.tables["expression.csv.gz"] = cohort.tables["expression.csv.gz"].rename(
        columns={"GENE1": "GENE0.1"}
    )
    assert list(read_cohort(cohort.write(tmp_path))["expression"].var_names)[:2] == ["GENE0", "GENE0.1"]


def test_declared_columns_that_are_absent_are_refused_with_hints(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["labs"]["columns"] = ["crp", "wbcc"]
    cohort.declared["patients"]["site"] = "hospitl"
    cohort.declared["outcomes"]["relapsed"]["column"] = "relaps"
    report = check_cohort(cohort.write(tmp_path))
    assert [problem.code for problem in report.errors] == ["COLUMN_ABSENT"] * 3
    assert [problem.remedy for problem in report.errors] == [
        'Did you mean "wbc"?',
        'Did you mean "hospital"?',
        'Did you mean "relapse"?',
    ]
    assert "(outcomes.relapsed)" in report.errors[2].message


def test_an_excluded_column_that_is_absent_is_only_warned_of(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["labs"]["exclude"] = ["fever", "relaps"]
    report = check_cohort(cohort.write(tmp_path))
    assert report.ok
    assert report.warnings[0].code == "COLUMN_ABSENT"
    assert "fever" not in read_cohort(tmp_path / "cohort.toml", quiet=True)["labs"].var_names


def test_columns_are_taken_in_the_declared_order(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["labs"]["columns"] = ["diet", "crp"]
    assert list(read_cohort(cohort.write(tmp_path))["labs"].var_names) == ["diet", "crp"]


def test_a_feature_without_a_dictionary_row_is_refused_with_the_line_to_paste(tmp_path: Path):
    cohort = sound()
    cohort.tables["dictionary.csv"] = cohort.tables["dictionary.csv"].iloc[2:]
    problem = found(check_cohort(cohort.write(tmp_path)), "KIND_MISSING")
    assert "2 columns of block labs have no kind: crp, wbc" in problem.message
    assert 'exclude = ["crp", "wbc"]' in problem.remedy


def test_a_mixed_block_needs_a_dictionary(tmp_path: Path):
    cohort = sound()
    del cohort.declared["blocks"]["labs"]["dictionary"]
    assert [problem.code for problem in check_cohort(cohort.write(tmp_path)).errors] == ["DICT_ABSENT"]


def test_an_absent_dictionary_is_one_problem_with_the_nearest_name(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["labs"]["dictionary"] = "dictonary.csv"
    report = check_cohort(cohort.write(tmp_path))
    assert [problem.code for problem in report.errors] == ["DICT_ABSENT"]
    assert 'Did you mean "dictionary.csv"?' in report.errors[0].remedy


@pytest.mark.parametrize(
    ("column", "text", "code", "said"),
    [
        ("kind", "nubmer", "DICT_KIND", 'Did you mean "number"?'),
        ("column", "wbc", "DICT_DUP", "Keep one row"),
        ("lod", "low", "DICT_LOD", "Give a number"),
    ],
)
def test_a_faulty_dictionary_is_refused_with_its_row(
    tmp_path: Path, column: str, text: str, code: str, said: str
):
    cohort = sound()
    cohort.set("dictionary.csv", column, 2, text)
    problem = found(check_cohort(cohort.write(tmp_path)), code)
    assert 2 in problem.rows
    assert said in problem.remedy


@pytest.mark.parametrize("levels", ["no", "a | b | c", "a | a", "a | "])
def test_levels_of_yes_no_are_two_different_ones(tmp_path: Path, levels: str):
    cohort = sound()
    cohort.set("dictionary.csv", "levels", 5, levels)
    assert found(check_cohort(cohort.write(tmp_path)), "DICT_LEVELS").rows == (5,)


def test_a_dictionary_needs_column_and_kind(tmp_path: Path):
    cohort = sound()
    cohort.tables["dictionary.csv"] = cohort.tables["dictionary.csv"].rename(columns={"kind": "type"})
    assert "lacks the column kind" in found(check_cohort(cohort.write(tmp_path)), "DICT_COLUMNS").message


def test_a_dictionary_may_not_contradict_the_kind_of_the_block(tmp_path: Path):
    cohort = sound()
    cohort.declared["blocks"]["microbes"]["dictionary"] = "dictionary.csv"
    cohort.set("dictionary.csv", "column", 2, "Taxon 1")
    assert "Taxon 1" in found(check_cohort(cohort.write(tmp_path)), "KIND_CONFLICT").message


def one_table(**block: Any) -> Cohort:
    """Return a cohort whose labs stand in the table of patients."""
    cohort = sound()
    clinical = cohort.tables["clinical.csv"].merge(cohort.tables.pop("labs.csv"), on="patient_id", how="left")
    cohort.tables["clinical.csv"] = clinical.fillna("")
    cohort.declared["blocks"]["labs"] = {"file": "clinical.csv", "kind": "number", **block}
    return cohort


def test_one_file_feeds_a_block_and_the_patients(tmp_path: Path):
    read = read_cohort(one_table(columns=["crp", "wbc"]).write(tmp_path), quiet=True)
    assert list(read["labs"].var_names) == ["crp", "wbc"]
    assert read.n_obs == 40
    assert read["labs"].n_obs == 39  # the one without a row in the laboratory's table lacks the block


@pytest.mark.parametrize(
    ("column", "role"),
    [("fev", "outcomes.lung"), ("days", "outcomes.followed"), ("attacks", "outcomes.visits")],
)
def test_an_outcome_among_the_features_is_refused(tmp_path: Path, column: str, role: str):
    problem = found(check_cohort(one_table(columns=["crp", column]).write(tmp_path)), "LEAK")
    assert f"{column} ({role})" in problem.message
    assert f'exclude = ["{column}"]' in problem.remedy


@pytest.mark.parametrize(
    ("column", "role"),
    [("arm", "treatments.treatment"), ("stage", "known_classes"), ("relapse", "outcomes.relapsed")],
)
def test_treatments_and_known_classes_are_never_features(tmp_path: Path, column: str, role: str):
    problem = found(check_cohort(one_table(columns=["sex", column], kind="category").write(tmp_path)), "LEAK")
    assert f"{column} ({role})" in problem.message


def test_a_known_class_cannot_be_let_through(tmp_path: Path):
    cohort = one_table(columns=["diet", "stage"], kind="category")
    cohort.declared["allow_leak"] = ["stage"]
    assert not check_cohort(cohort.write(tmp_path)).ok


def test_an_outcome_is_let_through_by_name_only_with_a_warning(tmp_path: Path):
    cohort = one_table(columns=["crp", "fev"])
    cohort.declared["allow_leak"] = ["fev"]
    report = check_cohort(cohort.write(tmp_path))
    assert report.ok
    assert found(report, "LEAK_ALLOWED").severity == "warning"


def test_an_outcome_copied_into_another_file_is_refused(tmp_path: Path):
    cohort = sound()
    labs = cohort.tables["labs.csv"]
    cohort.tables["labs.csv"] = labs.assign(fev=cohort.tables["clinical.csv"]["fev"].iloc[:-1])
    cohort.declared["blocks"]["labs"].update(columns=["crp", "fev"])
    cohort.tables["dictionary.csv"].loc[5, ["column", "kind"]] = ["fev", "number"]
    problem = found(check_cohort(cohort.write(tmp_path)), "LEAK")
    assert "fev (outcomes.lung)" in problem.message
    assert problem.where == "labs.csv"


def test_a_feature_of_the_same_name_with_other_values_is_a_feature(tmp_path: Path):
    cohort = sound()
    cohort.tables["expression.csv.gz"] = cohort.tables["expression.csv.gz"].rename(columns={"GENE1": "fev"})
    assert check_cohort(cohort.write(tmp_path)).ok


def test_site_and_dates_cannot_be_features_and_age_is_warned_of(tmp_path: Path):
    cohort = one_table(columns=["crp", "age_months", "plate"])
    report = check_cohort(cohort.write(tmp_path))
    assert (
        "plate of clinical.csv cannot be a feature of block labs: declared as batch"
        in report.errors[0].message
    )
    assert report.warnings[0].code == "ROLE_FEATURE"
    assert "age_months" in report.warnings[0].message


def leaking(n: int = 60, p: int = 50, *, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    ids = [f"p{number}" for number in range(n)]
    events = np.arange(n) % 2
    people = pd.DataFrame(
        {"relapse": events, "fev": rng.normal(size=n), "days": rng.uniform(1, 900, n)}, index=ids
    )
    return pd.DataFrame(
        rng.normal(size=(n, p)), index=ids, columns=[f"g{place}" for place in range(p)]
    ), people


def declared(genes: pd.DataFrame, people: pd.DataFrame, **options: Any) -> dict[str, Any]:
    return {
        "blocks": {"genes": {"file": genes, "kind": "log"}},
        "patients": {"file": people},
        "outcomes": {
            "relapsed": {"kind": "survival", "column": "relapse", "time": "days"},
            "lung": {"kind": "number", "column": "fev"},
        },
        **options,
    }


def test_features_without_a_link_pass():
    assert check_cohort(declared(*leaking())).problems == ()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_feature_that_tells_the_event_is_refused_with_its_auc(sign: int):
    genes, people = leaking()
    genes["g7"] = sign * (people["relapse"] + np.linspace(0, 0.9, 60))
    problem = found(check_cohort(declared(genes, people)), "LEAK")
    assert "relapsed away: g7 (AUC 1.00)" in problem.message
    assert 'allow_leak = ["g7"]' in problem.remedy


def test_a_feature_that_is_the_outcome_on_another_scale_is_refused():
    genes, people = leaking()
    genes["g3"] = np.exp(3 * people["fev"])
    assert "lung away: g3 (r 1.00)" in found(check_cohort(declared(genes, people)), "LEAK").message


def test_a_feature_that_tells_the_time_is_refused():
    genes, people = leaking()
    genes["g3"] = -people["days"]
    assert "relapsed away: g3 (r 1.00)" in found(check_cohort(declared(genes, people)), "LEAK").message


def test_a_feature_with_missing_values_is_judged_by_the_rest():
    genes, people = leaking()
    genes["g7"] = people["relapse"] + np.linspace(0, 0.9, 60)
    genes.loc[genes.index[:20], "g7"] = np.nan
    assert "g7" in found(check_cohort(declared(genes, people)), "LEAK").message


def test_a_leak_that_is_let_through_is_warned_of():
    genes, people = leaking()
    genes["g7"] = people["relapse"] + np.linspace(0, 0.9, 60)
    cohort = read_cohort(declared(genes, people, allow_leak=["g7"]), quiet=True)
    assert [problem.code for problem in warnings_of(cohort)] == ["LEAK_ALLOWED"]
    assert "g7" in cohort["genes"].var_names


def test_strong_features_that_chance_explains_pass():
    genes, people = leaking(12, 4000)
    report = check_cohort(declared(genes, people))
    assert report.problems == ()


def test_the_bound_of_chance_lets_a_perfect_feature_among_few_patients_pass_only_with_many_features():
    names = ("a", "b")
    values = np.column_stack([np.arange(12.0), np.tile([0.0, 1.0], 6)])
    block = CodedBlock(
        BlockSpec("x", "log", file="x"),
        "x",
        np.array([f"p{n}" for n in range(12)]),
        np.arange(12),
        tuple(Feature(n, "log") for n in names),
        values,
    )
    outcome = (np.arange(12) >= 6).astype(float)
    assert leaks(block, outcome, binary=True, tests=2) == {"a": 1.0}
    assert leaks(block, outcome, binary=True, tests=2000) == {}


def test_a_rare_event_that_one_of_many_features_tells_perfectly_is_refused():
    genes, people = leaking(200, 1000)
    people["relapse"] = [1.0] * 4 + [0.0] * 196
    genes["g7"] = np.where(people["relapse"] == 1, 9.0, 0.0) + np.linspace(0, 1, 200)
    assert "g7 (AUC 1.00)" in found(check_cohort(declared(genes, people)), "LEAK").message


def test_levels_of_a_category_are_judged_one_by_one():
    people = pd.DataFrame({"relapse": np.arange(60) % 2}, index=[f"p{n}" for n in range(60)])
    diet = np.where(people["relapse"] == 1, "b", np.where(np.arange(60) % 4 == 0, "a", "c"))
    block = pd.DataFrame({"diet": diet, "other": ["x", "y", "z"] * 20}, index=people.index)
    values = {
        "blocks": {"diet": {"file": block, "kind": "category"}},
        "patients": {"file": people},
        "outcomes": {"relapsed": {"kind": "binary", "column": "relapse"}},
    }
    assert "diet (AUC 1.00)" in found(check_cohort(values), "LEAK").message


def test_a_large_cohort_is_screened_first_with_the_same_answer():
    rng = np.random.default_rng(3)
    n = 5000
    outcome = (rng.random(n) < 0.3).astype(float)
    values = rng.normal(size=(n, 20))
    values[:, 4] += 4 * outcome
    values[:, 5] += 1.5 * outcome
    ids = np.array([f"p{number}" for number in range(n)], dtype=object)
    block = CodedBlock(
        BlockSpec("x", "log", file="x"),
        "x",
        ids,
        np.arange(n),
        tuple(Feature(f"g{place}", "log") for place in range(20)),
        values,
    )
    assert list(leaks(block, outcome, binary=True, tests=20)) == ["g4"]


def test_auc_and_its_chance_agree_with_mann_whitney():
    from scipy.stats import mannwhitneyu

    from phenotyper.cohort.checks.leak import _auc

    rng = np.random.default_rng(5)
    target = (np.arange(40) < 15).astype(float)
    values = rng.normal(size=(40, 3))
    values[5, 1] = np.nan
    strength, chance = _auc(values, target)
    for column in range(3):
        known = ~np.isnan(values[:, column])
        x, y = values[known & (target == 1), column], values[known & (target == 0), column]
        test = mannwhitneyu(x, y, method="asymptotic", use_continuity=False)
        area = test.statistic / (len(x) * len(y))
        assert strength[column] == pytest.approx(max(area, 1 - area))
        assert chance[column] == pytest.approx(test.pvalue)


def test_a_block_without_a_patient_of_the_cohort_is_refused_in_words_and_does_not_crash():
    ids = [f"P{number:03d}" for number in range(30)]
    rng = np.random.default_rng(0)
    labs = pd.DataFrame({"crp": rng.normal(5, 1, 30), "wbc": rng.normal(9, 2, 30)}, index=ids)
    others = labs.add_suffix("_2").set_axis([f"Q{name}" for name in ids])
    declared = {
        "blocks": {"a": {"file": labs, "kind": "number"}, "b": {"file": others, "kind": "number"}},
        "patients": {"file": pd.DataFrame({"ok": "yes"}, index=ids)},
        "consent": {"research": "ok"},
    }
    assert {"NO_OVERLAP", "BLOCK_EMPTY"} <= {problem.code for problem in check_cohort(declared).errors}
