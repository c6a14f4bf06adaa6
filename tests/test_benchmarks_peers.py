"""Every peer of the side-by-side benchmark finds groups that nobody could overlook."""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from phenotyper import read_cohort
from phenotyper.cohort.blocks import blocks_of

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))

from peers import LOST, PEERS, Grouping, package_of, peer_named, placed, tables_of  # noqa: E402
from peers.running import scores  # noqa: E402
from peers.tables import least_pieces  # noqa: E402

N = 180
TRUTH = np.arange(N) % 3


def cohort_with_three_groups(*, lacking: int = 0):
    """Return blocks of numbers, counts and yes/no, and the group of each patient."""
    rng = np.random.default_rng(5)
    ids = [f"P{i:03d}" for i in range(N)]
    shown = TRUTH[:, None] == np.arange(18) % 3
    numbers = pd.DataFrame(rng.normal(size=(N, 18)) + 3.0 * shown, index=ids).add_prefix("n")
    counts = pd.DataFrame(rng.poisson(np.where(shown, 400, 60)), index=ids).add_prefix("c")
    signs = pd.DataFrame(
        np.where(rng.random((N, 18)) < 0.05 + 0.9 * shown, "yes", "no"), index=ids
    ).add_prefix("s")
    declared = {
        "numbers": {"file": numbers.rename_axis("patient_id").reset_index(), "kind": "number"},
        "counts": {"file": counts.iloc[lacking:].rename_axis("patient_id").reset_index(), "kind": "counts"},
        "signs": {"file": signs.rename_axis("patient_id").reset_index(), "kind": "yes/no"},
    }
    blocks, order = blocks_of(read_cohort({"blocks": declared}, quiet=True))
    return blocks, np.array([TRUTH[int(patient[1:])] for patient in order])


@pytest.mark.parametrize("name", [name for name in PEERS if name.startswith(("SNF", "MOFA + k", "MOFA + H"))])
def test_a_peer_finds_three_clear_groups(name):
    if find_spec(package_of(name)) is None:
        pytest.skip(f"{package_of(name)} is absent")
    blocks, truth = cohort_with_three_groups()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = peer_named(name)(tables_of(blocks), 1)
    assert adjusted_rand_score(truth, placed(found)) > 0.9


def test_fusion_of_complete_patients_loses_who_lacks_a_block():
    pytest.importorskip("snf")
    blocks, _ = cohort_with_three_groups(lacking=12)
    tables = tables_of(blocks)
    found = peer_named("SNF + spectral, complete patients")(tables, 1)
    assert ((found.labels == LOST) == ~least_pieces(tables)).all()
    assert (found.labels == LOST).sum() == 12


def test_tables_have_the_usual_preparation():
    blocks, _ = cohort_with_three_groups(lacking=12)
    tables = {table.name: table for table in tables_of(blocks)}
    assert tables["signs"].levels.shape == (N, 18)
    assert set(np.unique(tables["signs"].levels)) == {0.0, 1.0}
    counts = tables["counts"].numbers
    assert np.isnan(counts).all(axis=1).sum() == 12
    assert np.allclose(np.nanmean(counts, axis=0), 0)
    assert np.allclose(np.nanstd(counts, axis=0), 1)


def test_an_unassigned_patient_goes_to_the_nearest_centroid_and_the_lost_stay_lost():
    points = np.array([[0.0], [0.2], [5.0], [5.2], [4.0], [0.9], [9.0]])
    found = Grouping(np.array([0, 0, 1, 1, -1, -1, LOST]), points)
    assert placed(found).tolist() == [0, 0, 1, 1, 1, 0, LOST]


def test_scores_say_what_leaving_out_costs():
    truth = np.array(["a", "a", "b", "b", "none", ""])
    points = np.array([[0.0], [0.1], [5.0], [5.1], [2.0], [0.0]])
    found = scores(Grouping(np.array([0, 0, 1, -1, -1, 0]), points), truth)
    assert found["ari_placed"] == found["ari_assigned"] == 1.0
    assert found["ari_all"] < 1.0
