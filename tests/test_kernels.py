"""Kernels against plain references and against the libraries of the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from phenotyper._kernels import neighbours
from phenotyper._kernels.agreement import (
    agreement_matrix,
    best_jaccards,
    company,
    contingency,
    pair_jaccard,
)
from phenotyper._kernels.linalg import leading_eigenvalues, leading_svd
from phenotyper._kernels.neighbours import nearest_neighbours

LABELS = hnp.arrays(np.intp, 12, elements=st.integers(-1, 3))


def pairs_together(labels):
    return {(i, j) for i in range(len(labels)) for j in range(i) if labels[i] == labels[j] >= 0}


@given(LABELS, LABELS)
def test_pair_jaccard_is_the_share_of_pairs_together_in_both(first, second):
    one, other = pairs_together(first), pairs_together(second)
    expected = len(one & other) / len(one | other) if one | other else 1.0
    assert pair_jaccard(first, second) == pytest.approx(expected)


@given(LABELS, LABELS)
def test_contingency_counts_patients_assigned_in_both(first, second):
    table = contingency(first, second)
    for i in range(table.shape[0]):
        for j in range(table.shape[1]):
            assert table[i, j] == np.sum((first == i) & (second == j))


@settings(max_examples=50)
@given(hnp.arrays(np.intp, (4, 12), elements=st.integers(-1, 3)))
def test_company_and_best_jaccards_equal_slow_loops(runs):
    reference = np.unique(np.where(runs[0] >= 0, runs[0], -1), return_inverse=True)[1] - (runs[0] < 0).any()
    k = reference.max() + 1
    for run, found in zip(runs, best_jaccards(runs, reference), strict=True):
        slow, best = np.zeros((12, k)), np.zeros(k)
        for i in range(12):
            beside = [j for j in range(12) if run[j] == run[i] and reference[j] >= 0]
            if run[i] >= 0 and beside:
                slow[i] = [np.mean([reference[j] == g for j in beside]) for g in range(k)]
        for g in range(k):
            for h in range(run.max() + 1):
                both, either = (reference == g) & (run == h), (reference == g) | (run == h)
                best[g] = max(best[g], both.sum() / either.sum())
        assert company(run, reference) == pytest.approx(slow)
        assert found == pytest.approx(best)


def test_agreement_matrix_is_symmetric_with_ones_on_its_diagonal():
    runs = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [-1, -1, 0, 0]])
    found = agreement_matrix(runs)
    assert (found == found.T).all()
    assert (np.diag(found) == 1).all()
    assert found[0, 1] == pytest.approx(1 / 4)


@pytest.mark.parametrize("by_tree", [False, True])
def test_neighbours_equal_those_of_scikit_learn(by_tree, monkeypatch):
    from sklearn.neighbors import NearestNeighbors

    monkeypatch.setattr(neighbours, "TREE_FROM", 0 if by_tree else 10**9)
    points = np.random.default_rng(1).normal(size=(120, 4))
    index, distance = nearest_neighbours(points, 9)
    expected_distance, expected = NearestNeighbors(n_neighbors=9, algorithm="brute").fit(points).kneighbors()
    whole = NearestNeighbors(n_neighbors=9, algorithm="brute").fit(points).kneighbors(points)
    assert (index == whole[1]).all()
    assert distance[:, 1:] == pytest.approx(expected_distance[:, :8], abs=1e-6)
    assert (index[:, 1:] == expected[:, :8]).all()


@pytest.mark.parametrize("by_tree", [False, True])
def test_equal_patients_are_at_distance_zero_and_each_is_its_own_first_neighbour(by_tree, monkeypatch):
    monkeypatch.setattr(neighbours, "TREE_FROM", 0 if by_tree else 10**9)
    points = np.repeat(np.random.default_rng(2).normal(size=(3, 5)), 20, axis=0)
    index, distance = nearest_neighbours(points, 10)
    assert (index[:, 0] == np.arange(60)).all()
    assert (distance == 0).all()
    assert all(len(set(row)) == 10 for row in index)
    assert (index // 20 == np.arange(60)[:, None] // 20).all()


def test_all_patients_may_be_neighbours():
    index, _ = nearest_neighbours(np.arange(4.0)[:, None], 4)
    assert sorted(index[0]) == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_leading_svd_equals_that_of_numpy_up_to_sign(shape):
    matrix = np.random.default_rng(3).normal(size=shape)
    u, d, v = leading_svd(matrix, 4)
    full_u, full_d, full_v = np.linalg.svd(matrix, full_matrices=False)
    assert d == pytest.approx(full_d[:4])
    assert np.abs(np.sum(u * full_u[:, :4], axis=0)) == pytest.approx(1)
    assert np.abs(np.sum(v * full_v[:4].T, axis=0)) == pytest.approx(1)
    assert (v[np.argmax(np.abs(v), axis=0), range(4)] > 0).all()
    assert leading_eigenvalues(matrix, 4) == pytest.approx(full_d[:4] ** 2 / shape[0])
