"""The committed cohorts of data/ are what the generator makes, byte for byte, and can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from phenotyper.cohort.read import read_cohort
from phenotyper.datasets.demo import main, second_hospital, write_demo_data

DATA = Path(__file__).parents[1] / "data"
COHORTS = ("demo", "second_hospital", "no_subphenotypes")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("data")
    write_demo_data(folder)
    return contents(folder)


@pytest.mark.parametrize("cohort", COHORTS)
def test_regenerating_gives_the_committed_bytes(regenerated, cohort):
    made = {name: content for name, content in regenerated.items() if name.startswith(f"{cohort}/")}
    committed = {f"{cohort}/{name}": content for name, content in contents(DATA / cohort).items()}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


@pytest.mark.parametrize(
    ("cohort", "n_patients"), [("demo", 404), ("second_hospital", 202), ("no_subphenotypes", 404)]
)
def test_a_committed_cohort_is_read_without_problems(cohort, n_patients):
    read = read_cohort(DATA / cohort / "cohort.toml")
    assert read.n_obs == n_patients
    assert json.loads(read.uns["phenotyper"])["problems"] == []


def test_the_truth_is_in_no_declaration_and_no_other_table():
    for cohort in COHORTS:
        assert "truth" not in (DATA / cohort / "cohort.toml").read_text(encoding="utf-8")
        for path in (DATA / cohort).glob("*.csv"):
            if path.name != "truth.csv":
                assert "subphenotype" not in path.read_text(encoding="utf-8")


def test_the_second_hospital_has_the_same_features_in_another_order_and_no_microbiome():
    for block in ("expression", "labs", "lifestyle"):
        first = list(pd.read_csv(DATA / "demo" / f"{block}.csv", nrows=1))
        second = list(pd.read_csv(DATA / "second_hospital" / f"{block}.csv", nrows=1))
        assert sorted(first) == sorted(second)
        assert first != second
    assert not (DATA / "second_hospital" / "microbiome.csv").exists()
    assert set(second_hospital().truth["subphenotype"]) == {"atopic", "neutrophilic", "metabolic", "none"}


def test_the_hospitals_share_no_child():
    first, second = (pd.read_csv(DATA / cohort / "clinical.csv") for cohort in COHORTS[:2])
    assert not set(first["patient_id"]) & set(second["patient_id"])
    assert not set(first["hospital"]) & set(second["hospital"])
    assert not set(first["family_id"]) & set(second["family_id"])


def test_the_data_folders_stay_small():
    assert sum(path.stat().st_size for cohort in COHORTS for path in (DATA / cohort).iterdir()) < 3_000_000


def test_the_command_line_needs_one_folder(tmp_path, capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    assert main([str(tmp_path / "made")]) == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == list(COHORTS)
