"""From a fit to new patients, by the verb and by the command."""

import csv

import numpy as np
import pandas as pd
import pytest
from study_factory import small_cohort

from phenotyper.cli import main
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.assign import assign
from phenotyper.discover.phenotypes import load_phenotypes
from phenotyper.discover.recipe import Recipe


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    """A small fit, where it was saved, and its cohort."""
    folder = tmp_path_factory.mktemp("fit")
    cohort = small_cohort(folder / "cohort", n_patients=200, separation=6.0)
    found = Recipe(seed=1, n_layouts=2, adjust_for=("age",)).fit(read_cohort(cohort, quiet=True))
    found.save(folder / "run" / "private" / "phenotypes")
    return found, folder


def test_patients_of_the_fit_get_their_own_label_back(fit):
    found, folder = fit
    placed = assign(found, read_cohort(folder / "cohort", quiet=True), quiet=True)
    before, after = found.table["subphenotype"], placed.table["subphenotype"]
    assert len(found.names) >= 2
    assert found.coverage > 0.4
    assert (before == after).mean() >= 0.95
    assert placed.coverage == pytest.approx(found.coverage, abs=0.03)


def test_a_fit_from_disk_places_the_same_to_the_last_bit(fit):
    found, folder = fit
    cohort = read_cohort(folder / "cohort", quiet=True)
    again = load_phenotypes(folder / "run" / "private" / "phenotypes")
    first, second = assign(found, cohort, quiet=True), assign(again, cohort, quiet=True)
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_new_patients_lie_on_the_map_near_those_of_their_subphenotype(fit):
    found, folder = fit
    table = assign(found, read_cohort(folder / "cohort", quiet=True), quiet=True).table
    mine = found.table[["map_x", "map_y"]].to_numpy()
    error = np.hypot(*(table[["map_x", "map_y"]].to_numpy() - mine).T)
    assert np.nanmedian(error) < 0.2 * np.ptp(mine, axis=0).max()


def test_the_command_writes_one_row_a_patient_and_says_what_was_odd(fit, tmp_path, capsys):
    _, folder = fit
    second = small_cohort(tmp_path / "second", n_patients=60, seed=8, separation=6.0, hospital="Southby")
    out = tmp_path / "placed.csv"
    assert main(["assign", str(folder / "run"), str(second), "--out", str(out), "--quiet"]) == 0
    assert "patients placed (candidate" in capsys.readouterr().out
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == read_cohort(second, quiet=True).n_obs
    assert {row["subphenotype"] for row in rows} <= {"A", "B", "C", "D", "unassigned"}
    assert main(["assign", str(folder / "run"), str(second), "--out", str(out)]) == 4
    assert "EXISTS" in capsys.readouterr().err
    again = ["assign", str(folder / "run" / "private" / "phenotypes"), str(second), "--out", str(out)]
    assert main([*again, "--overwrite"]) == 0
    assert "BLOCK_SHIFTED" in capsys.readouterr().err


def test_a_folder_without_a_fit_is_refused(fit, tmp_path, capsys):
    _, folder = fit
    out = tmp_path / "placed.csv"
    assert main(["assign", str(tmp_path), str(folder / "cohort"), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "RESULT_ABSENT" in said
    assert "the folder that `phenotyper run` wrote" in said
    assert not out.exists()


@pytest.mark.parametrize("name", ["placed.xlsx", "placed.tsv", "placed"])
def test_a_table_with_another_ending_is_refused_before_anything_is_read(tmp_path, capsys, name):
    assert (
        main(["assign", str(tmp_path / "none"), str(tmp_path / "none"), "--out", str(tmp_path / name)]) == 4
    )
    said = capsys.readouterr().err
    assert "TABLE_FORMAT" in said
    assert "Give a .csv" in said
    assert not (tmp_path / name).exists()


def test_the_table_that_the_command_writes_tells_what_was_set_aside(fit, tmp_path, capsys):
    _, folder = fit
    out = tmp_path / "placed.csv"
    assert main(["assign", str(folder / "run"), str(folder / "cohort"), "--out", str(out), "--quiet"]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["set_aside"] for row in rows} == {""}
