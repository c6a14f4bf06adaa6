"""Layouts of one shared graph against umap-learn's own, and what they must not depend on."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import adjusted_rand_score

from phenotyper._kernels import neighbours
from phenotyper._kernels.descent import _read, coefficients, descend
from phenotyper._kernels.neighbours import nearest_neighbours
from phenotyper.discover import embed
from phenotyper.discover.cluster import cluster
from phenotyper.discover.embed import EPOCHS, lay_out, neighbour_graph, starting_places, umap_module


def planted(n=150, f=4, apart=6.0, seed=0):
    truth = np.arange(n) % 3
    points = np.random.default_rng(seed).normal(size=(n, f))
    points[:, 0] += apart * (truth == 1)
    points[:, 1] += apart * (truth == 2)
    return points, truth


def edges(graph):
    return graph.fuzzy.row.astype(np.int32), graph.fuzzy.col.astype(np.int32)


@pytest.fixture(scope="module")
def graph():
    return neighbour_graph(planted()[0], n_neighbors=12)


@pytest.mark.parametrize("n_dims", [2, 5])
def test_the_first_rounds_of_a_descent_are_those_of_umap_learn(graph, n_dims):
    from umap.layouts import optimize_layout_euclidean

    n = len(graph.points)
    place = np.random.default_rng(1).uniform(0, 10, size=(n, n_dims)).astype(np.float32)
    of_seed, (a, b) = np.array([3, -5, 7]), umap_module().umap_.find_ab_params(1.0, 0.1)
    theirs = place.copy()
    optimize_layout_euclidean(
        theirs, theirs, *edges(graph), 2, n, graph.every, a, b, of_seed, parallel=False, move_other=True
    )
    ours = place.copy()
    state = of_seed + place[:, :1].astype(np.float64).view(np.int64)
    descend(ours, *edges(graph), graph.every, state, *coefficients(a, b), 2)
    assert np.abs(theirs - place).max() > 1
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert np.median(np.abs(ours - theirs)) < 1e-5


@given(st.floats(1e-6, 1e4), st.sampled_from([(1.93, 0.79), (1.58, 0.9), (1.0, 1.0)]))
def test_tabulated_coefficients_are_the_formula(squared, shape):
    a, b = shape
    pull, push = coefficients(a, b)
    squared = float(np.float32(squared))
    expected_pull = -2 * a * b * squared ** (b - 1) / (1 + a * squared**b)
    expected_push = 2 * b / ((0.001 + squared) * (1 + a * squared**b))
    assert _read.py_func(pull, np.float32(squared)) == pytest.approx(expected_pull, rel=1.5e-5)
    assert _read.py_func(push, np.float32(squared)) == pytest.approx(expected_push, rel=1.5e-5)


def test_the_graph_and_its_rounds_are_those_of_umap_learn(graph):
    from umap import UMAP

    with pytest.warns(UserWarning, match="n_jobs value"):
        model = UMAP(n_neighbors=12, random_state=0, n_epochs=0).fit(graph.points)
    theirs, ours = model.graph_.toarray(), graph.fuzzy.toarray()
    kept = theirs >= theirs.max() / EPOCHS
    assert (ours > 0).sum() == kept.sum()
    assert ours == pytest.approx(np.where(kept, theirs, 0), abs=1e-4)
    assert graph.n_epochs == EPOCHS
    assert graph.every == pytest.approx(graph.fuzzy.data.max() / graph.fuzzy.data)


def test_layouts_tell_planted_groups_apart_whatever_the_seed(graph):
    truth = planted()[1]
    start = starting_places(graph, n_dims=4)
    for seed in range(3):
        found = cluster(
            lay_out(graph, start, min_dist=0.0, seed=seed), min_cluster_sizes=(15,), min_samples=5
        )[0]
        inside = found.labels >= 0
        assert inside.mean() > 0.9
        assert adjusted_rand_score(truth[inside], found.labels[inside]) > 0.95


def test_a_seed_gives_its_layout_whatever_was_laid_out_before(graph):
    start = starting_places(graph, n_dims=2)
    first = lay_out(graph, start, min_dist=0.1, seed=3)
    other = lay_out(graph, start, min_dist=0.1, seed=4)
    assert (lay_out(graph, start, min_dist=0.1, seed=3) == first).all()
    assert not np.allclose(first, other)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()


def test_threads_give_the_bytes_of_one(graph):
    from joblib import Parallel, delayed

    start = starting_places(graph, n_dims=2)
    jobs = [delayed(lay_out)(graph, start, min_dist=0.0, seed=seed) for seed in range(4)]
    one, two = (Parallel(n_jobs=n, prefer="threads")(jobs) for n in (1, 2))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_the_start_is_spectral_and_the_same_each_time():
    graph = neighbour_graph(planted(apart=1.0)[0], n_neighbors=12)
    start = starting_places(graph, n_dims=3)
    assert (start == starting_places(graph, n_dims=3)).all()
    weights = graph.fuzzy.toarray().astype(np.float64)
    scale = 1 / np.sqrt(weights.sum(axis=0))
    values, vectors = np.linalg.eigh(np.eye(len(weights)) - scale[:, None] * weights * scale)
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert np.abs((start[:, 0] * vectors[:, 1]).sum()) == pytest.approx(1, abs=1e-3)


def test_equal_patients_start_from_principal_components_and_take_fewer_rounds():
    points = np.repeat(planted(n=9)[0], 30, axis=0)
    graph = neighbour_graph(points, n_neighbors=20)
    start = starting_places(graph, n_dims=2)
    centred = points - points.mean(axis=0)
    assert np.abs(start.T @ start)[0, 1] == pytest.approx(0, abs=1e-6)
    assert (start[:, 0] ** 2).sum() == pytest.approx(np.linalg.svd(centred, compute_uv=False)[0] ** 2)
    moves = (1 / graph.every).sum() * graph.n_epochs
    assert graph.n_epochs < EPOCHS / 2
    assert moves <= EPOCHS * 2 * len(points) * np.log2(20) * 1.02
    layout = lay_out(graph, start, min_dist=0.0, seed=0)
    assert np.isfinite(layout).all()


def test_a_solver_that_does_not_settle_leaves_the_principal_components(graph, monkeypatch):
    monkeypatch.setattr(embed, "MOST_RESTARTS", 1)
    ring = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = np.column_stack([np.cos(ring), 0.5 * np.sin(ring)])
    start = starting_places(neighbour_graph(points, n_neighbors=3), n_dims=2)
    assert np.abs(start[:, 0]) == pytest.approx(np.abs(points[:, 0]), abs=1e-9)


def test_one_factor_alone_is_laid_out_in_two_dimensions():
    points = np.repeat(np.arange(6.0), 10)[:, None]
    graph = neighbour_graph(points, n_neighbors=10)
    layout = lay_out(graph, starting_places(graph, n_dims=2), min_dist=0.1, seed=0)
    assert layout.shape == (60, 2)
    assert np.isfinite(layout).all()


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, (14, 2), elements=st.integers(-2, 2)),
    st.integers(1, 14),
    st.sampled_from([0, 10**9]),
)
def test_neighbours_are_those_of_a_stable_sort(points, k, tree_from):
    before = neighbours.TREE_FROM
    neighbours.TREE_FROM = tree_from
    try:
        index, distance = nearest_neighbours(points, k)
    finally:
        neighbours.TREE_FROM = before
    far = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    far[np.diag_indices(14)] = -1
    expected = np.argsort(far, axis=1, kind="stable")[:, :k]
    assert (index == expected).all()
    assert distance[:, 1:] ** 2 == pytest.approx(np.take_along_axis(far, expected, axis=1)[:, 1:], abs=1e-5)


def test_numba_gets_a_folder_where_none_can_be_written(monkeypatch):
    from numba import config
    from numba.core import caching

    monkeypatch.setattr(config, "CACHE_DIR", "")

    def nowhere(_):
        message = "cannot cache function: no locator available"
        raise RuntimeError(message)

    monkeypatch.setattr(caching, "FunctionCache", nowhere)
    embed.keep_compiled()
    assert Path(config.CACHE_DIR).is_dir()
    shutil.rmtree(config.CACHE_DIR)


def test_sizes_that_share_a_tree_give_what_hdbscan_gives_for_each():
    from hdbscan import HDBSCAN

    rng = np.random.default_rng(3)
    layout = np.vstack([rng.normal(centre, 1, (60, 3)) for centre in (0, 4, 7)]).astype(np.float32)
    sizes = (8, 20, 45)
    for size, found in zip(sizes, cluster(layout, min_cluster_sizes=sizes, min_samples=6), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = HDBSCAN(min_cluster_size=size, min_samples=6).fit(layout.astype(np.float64))
        assert np.array_equal(found.labels, expected.labels_)
        assert found.strength == pytest.approx(expected.probabilities_)
        assert len(found.tree) == len(expected.condensed_tree_.to_numpy())
