"""Partitions of refits held against a reference: by hand, by slow loops, by scikit-learn."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import adjusted_rand_score

from phenotyper.refit.matching import (
    co_assignment,
    found_again,
    jaccard_table,
    match_clusters,
    pair_agreement,
)

labels = hnp.arrays(np.intp, 14, elements=st.integers(-2, 3))
references = hnp.arrays(np.intp, 14, elements=st.integers(-1, 3))
several = hnp.arrays(np.intp, (4, 14), elements=st.integers(-2, 3))


def clusters(partition):
    return range(partition.max(initial=-1) + 1)


def members(partition, cluster, among):
    return {i for i in among if partition[i] == cluster}


def common(one, other):
    return [i for i in range(len(one)) if one[i] != -2 and other[i] != -2]


def jaccard(one, other):
    return len(one & other) / len(one | other) if one | other else 0.0


def slow_jaccards(reference, run):
    among = common(reference, run)
    return [
        [jaccard(members(reference, a, among), members(run, b, among)) for b in clusters(run)]
        for a in clusters(reference)
    ]


@given(references, labels)
def test_jaccards_count_patients_of_both_partitions_only(reference, run):
    table = jaccard_table(reference, run)
    among = common(reference, run)
    for a, row in enumerate(slow_jaccards(reference, run)):
        if members(reference, a, among):
            assert table[a].tolist() == pytest.approx(row)
        else:
            assert np.isnan(table[a]).all()


@given(references, labels)
def test_the_match_of_clusters_is_the_best_of_all_one_to_one_matches(reference, run):
    partner, found = match_clusters(reference, run)
    table = slow_jaccards(reference, run)
    matched = partner[partner >= 0]
    assert len(set(matched.tolist())) == len(matched)
    assert all(found[a] == pytest.approx(table[a][b]) for a, b in enumerate(partner) if b >= 0)
    k, m = len(table), run.max(initial=-1) + 1
    places = [*range(m), *[None] * k]
    best = max(
        (
            sum(table[a][b] for a, b in enumerate(chosen) if b is not None)
            for chosen in set(permutations(places, k))
        ),
        default=0.0,
    )
    assert found.sum() == pytest.approx(best)


@given(references, several)
def test_stability_and_support_are_those_of_a_slow_loop(reference, runs):
    found = found_again(reference, runs)
    for a in clusters(reference):
        best = []
        for run in runs:
            among = common(reference, run)
            own = members(reference, a, among)
            if own:
                others = clusters(run)
                best.append(max((jaccard(own, members(run, b, among)) for b in others), default=0.0))
        assert found.stability[a] == pytest.approx(np.mean(best) if best else np.nan, nan_ok=True)
    for i in range(len(reference)):
        holding = [run for run in runs if run[i] != -2]
        assert found.held[i] == len(holding)
        if reference[i] < 0 or not holding:
            assert np.isnan(found.support[i])
        else:
            inside = [match_clusters(reference, run)[0][reference[i]] == run[i] >= 0 for run in holding]
            assert found.support[i] == pytest.approx(np.mean(inside))


def test_a_cluster_that_is_merged_supports_one_of_two_and_both_are_less_stable():
    reference = np.repeat([0, 1], [6, 4])
    merged = np.zeros((1, 10), dtype=np.intp)
    found = found_again(reference, merged)
    assert found.stability == pytest.approx([0.6, 0.4])
    assert found.matched.tolist() == [[0.6, 0.0]]
    assert found.support.tolist() == [1.0] * 6 + [0.0] * 4


def test_clusters_found_whole_in_every_subsample_are_perfectly_stable():
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 3, size=60)
    runs = np.array([np.where(rng.random(60) < 0.8, (reference + shift) % 3, -2) for shift in range(5)])
    found = found_again(reference, runs)
    assert found.stability.tolist() == [1.0, 1.0, 1.0]
    assert (found.support[found.held > 0] == 1).all()


def test_refits_without_clusters_find_none_again():
    found = found_again(np.array([0, 0, 1, 1]), np.array([[-1, -1, -1, -2]]))
    assert found.stability.tolist() == [0.0, 0.0]
    assert found.support.tolist()[:3] == [0.0, 0.0, 0.0]
    assert np.isnan(found.support[3])


def test_a_reference_without_clusters_has_nothing_to_find():
    found = found_again(np.full(4, -1), np.array([[0, 0, 1, -2]]))
    assert found.stability.shape == (0,)
    assert np.isnan(found.support).all()


@given(several)
def test_pairs_agree_as_scikit_learn_says(runs):
    found = pair_agreement(runs)
    for i, j in combinations(range(len(runs)), 2):
        held = (runs[i] != -2) & (runs[j] != -2)
        both = (runs[i] >= 0) & (runs[j] >= 0)
        if both.sum() < 2:
            assert np.isnan(found.assigned[i, j])
        else:
            expected = adjusted_rand_score(runs[i][both], runs[j][both])
            assert found.assigned[i, j] == pytest.approx(expected)
        if held.sum() >= 2:
            expected = adjusted_rand_score(runs[i][held], runs[j][held])
            assert found.overall[i, j] == pytest.approx(expected)
        share = both.sum() / held.sum() if held.any() else np.nan
        assert found.coverage[i, j] == pytest.approx(share, nan_ok=True)
    assert found.overall == pytest.approx(found.overall.T, nan_ok=True)


def test_agreement_among_the_assigned_stands_beside_its_coverage():
    runs = np.array([[0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 1, 1, -1, -1, -1, -1]])
    means = pair_agreement(runs).means()
    assert means["assigned"] == 1.0
    assert means["coverage"] == 0.5
    assert means["overall"] == 1.0
    lost = pair_agreement(np.array([runs[0], [0, 0, 1, -1, -1, 2, 2, 2]])).means()
    assert lost["assigned"] == 1.0
    assert lost["overall"] < 0.8


@given(several)
def test_co_assignment_is_the_share_of_refits_that_hold_both(runs):
    found = co_assignment(runs)
    assert found.dtype == np.float32
    for i, j in combinations(range(14), 2):
        held = [run for run in runs if run[i] != -2 and run[j] != -2]
        expected = np.mean([run[i] == run[j] >= 0 for run in held]) if held else np.nan
        assert found[i, j] == pytest.approx(expected, nan_ok=True)
        assert found[j, i] == pytest.approx(expected, nan_ok=True)


def test_co_assignment_in_pieces_is_the_whole(monkeypatch):
    runs = np.random.default_rng(1).integers(-2, 4, size=(6, 50))
    whole = co_assignment(runs)
    monkeypatch.setattr("phenotyper.refit.matching._ROWS_AT_ONCE", 7)
    assert np.array_equal(co_assignment(runs), whole, equal_nan=True)
