"""Other integrations: against plain references and the packages they come from."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.spatial.distance import cdist, pdist, squareform

from phenotyper.discover.embed import umap_module
from phenotyper.errors import MissingExtraError, RecipeError
from phenotyper.integrate.contract import IntegrationTask, integration_named
from phenotyper.integrate.factors import Scores
from phenotyper.integrate.others import graph as graph_module
from phenotyper.integrate.others.pieces import memberships, spectral
from phenotyper.integrate.others.snf import affinity, distances, fuse
from phenotyper.prepare.preparation import PreparedBlock

NAMES = ("concat", "graph", "snf")


def block_of(values, name="one"):
    values = np.asarray(values, dtype=float)
    n, q = values.shape
    none = np.empty((n, 0))
    return PreparedBlock(
        name,
        values,
        np.isfinite(values).any(axis=1),
        np.arange(q),
        np.zeros(q, dtype=bool),
        np.empty(0, dtype=np.intp),
        none,
        none,
    )


def task_of(*values, f=3, k=10, seed=0):
    blocks = [block_of(one, f"block{at}") for at, one in enumerate(values)]
    n = len(values[0])
    return IntegrationTask(
        blocks, Scores(np.zeros((n, f)), np.zeros((n, f, f))), k, np.random.default_rng(seed)
    )


def integrated(name, *values, **more):
    return integration_named(name)(task_of(*values, **more))


def planted(n=120, seed=0):
    """Return three groups that show in the first of two blocks only, and who is in which."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 3
    signal = rng.normal(size=(n, 8))
    signal[:, :3] += 4.0 * (group[:, None] == np.arange(3))
    return signal, rng.normal(size=(n, 6)), group


def lacking(values, share, seed=1):
    values = values.copy()
    values[np.random.default_rng(seed).random(len(values)) < share] = np.nan
    return values


def within(graph, group):
    """Return the share of the weight of a graph that joins patients of the same group."""
    same = group[graph.row] == group[graph.col]
    return graph.data[same].sum() / graph.data.sum()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_patients_changes_nothing_but_the_order(name):
    signal, noise, _ = planted(60)
    noise = lacking(noise, 0.3)
    order = np.random.default_rng(3).permutation(60)
    first = integrated(name, signal, noise)
    second = integrated(name, signal[order], noise[order])
    one, two = squareform(pdist(first.points)), squareform(pdist(second.points))
    np.testing.assert_allclose(one[np.ix_(order, order)], two, rtol=1e-6, atol=1e-6 * one.max())
    if first.graph is not None:
        np.testing.assert_allclose(
            first.graph.toarray()[np.ix_(order, order)], second.graph.toarray(), atol=1e-9
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_patient_gets_a_finite_place_whatever_is_missing(name):
    signal, noise, _ = planted(60)
    signal[5, 2:] = np.nan
    signal[:4] = np.nan
    noise[4:9] = np.nan
    found = integrated(name, signal, noise, np.full((60, 1), 1.0), f=4)
    assert found.points.shape == (60, 4)
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize("name", ["graph", "snf"])
def test_a_graph_is_symmetric_in_0_to_1_without_loops(name):
    signal, noise, _ = planted(60)
    found = integrated(name, signal, lacking(noise, 0.4)).graph
    dense = found.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert not dense.diagonal().any()
    assert found.data.min() > 0
    assert found.data.max() <= 1
    assert dense.max(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["graph", "snf"])
def test_a_block_without_groups_does_not_hide_those_of_another(name):
    signal, noise, group = planted()
    found = integrated(name, signal, noise, k=15)
    assert within(found.graph, group) > 0.65
    centres = np.array([found.points[group == g].mean(axis=0) for g in range(3)])
    assert (np.argmin(cdist(found.points, centres), axis=1) == group).mean() > 0.9


@pytest.mark.parametrize("name", ["graph", "snf"])
def test_patients_who_lack_a_block_are_joined_with_their_group_not_with_each_other(name):
    signal, _, group = planted(150)
    copy = signal[:, :4] + np.random.default_rng(9).normal(size=(150, 4))
    copy = lacking(copy, 0.4)
    lacks = np.isnan(copy[:, 0]).astype(int)
    found = integrated(name, signal, copy, k=15).graph
    assert within(found, group) > 0.65
    expected = lacks.mean() ** 2 + (1 - lacks.mean()) ** 2
    assert within(found, lacks) < expected + 0.1


def test_concat_is_the_principal_components_of_balanced_columns():
    signal, noise, _ = planted(50)
    found = integrated("concat", signal, noise, f=3).points
    parts = []
    for block in (signal, noise):
        centred = block - block.mean(axis=0)
        parts.append(centred / np.linalg.svd(centred / np.sqrt(50), compute_uv=False)[0])
    u, d, _ = np.linalg.svd(np.hstack(parts), full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs((u * d)[:, :3]), atol=1e-8)


def test_concat_fills_the_mean_of_the_column_and_so_draws_the_lacking_to_the_middle():
    signal, noise, _ = planted(50)
    holed = signal.copy()
    holed[:3] = np.nan
    filled = holed.copy()
    filled[:3] = np.nanmean(holed, axis=0)
    one = integrated("concat", holed, noise, f=5).points
    two = integrated("concat", filled, noise, f=5).points
    np.testing.assert_allclose(one, two, atol=1e-8)


def test_concat_gives_a_block_of_many_copies_no_more_weight():
    signal, noise, _ = planted(50)
    one = integrated("concat", signal, noise, f=6).points
    two = integrated("concat", np.hstack([signal] * 5), noise, f=6).points
    np.testing.assert_allclose(pdist(one), pdist(two), rtol=1e-6)


def test_memberships_are_those_of_umap():
    fuzzy_simplicial_set = umap_module().umap_.fuzzy_simplicial_set
    points = np.random.default_rng(2).normal(size=(80, 3))
    away = cdist(points, points)
    index = np.argsort(away, axis=1, kind="stable")[:, :12]
    near = np.take_along_axis(away, index, axis=1)
    theirs = fuzzy_simplicial_set(
        points.astype(np.float32), 12, None, "euclidean", knn_indices=index, knn_dists=near.astype(np.float32)
    )[0].toarray()
    ours = memberships(index[:, 1:], near[:, 1:]).toarray()
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_distances_in_a_spectral_embedding_are_those_of_one_step_of_diffusion():
    rng = np.random.default_rng(4)
    weight = rng.random((12, 12))
    weight = np.triu(weight, 1) + np.triu(weight, 1).T
    points = spectral(coo_matrix(weight), 11)
    walk = weight / weight.sum(axis=1, keepdims=True)
    steady = weight.sum(axis=1) / weight.sum()
    values = np.linalg.eigvalsh(weight / np.sqrt(np.outer(weight.sum(axis=1), weight.sum(axis=1))))
    assert values.min() < 0
    full = squareform(pdist(walk / np.sqrt(steady)))
    ours = squareform(pdist(points))
    assert (ours <= full + 1e-8).all()
    positive = spectral(coo_matrix(weight + 30 * np.eye(12)), 11)
    lazy = (weight + 30 * np.eye(12)) / (weight.sum(axis=1, keepdims=True) + 30)
    steady = (weight.sum(axis=1) + 30) / (weight.sum() + 360)
    np.testing.assert_allclose(
        squareform(pdist(positive)), squareform(pdist(lazy / np.sqrt(steady))), atol=1e-8
    )


def test_a_spectral_embedding_keeps_apart_what_is_not_joined():
    pair = np.kron(np.eye(3), np.ones((5, 5))) - np.eye(15)
    points = spectral(coo_matrix(pair), 2)
    away = squareform(pdist(points))
    apart = np.kron(np.eye(3), np.ones((5, 5))) == 0
    assert away[apart].min() > 1.0
    assert away[~apart].max() < 1e-6


def oracle(monkeypatch):
    """Return snfpy's functions; it passes scikit-learn an argument that 1.8 has renamed."""
    snf = pytest.importorskip("snf")
    real = snf.compute.check_array

    def renamed(values, *, force_all_finite=True, **more):
        return real(values, ensure_all_finite=force_all_finite, **more)

    monkeypatch.setattr(snf.compute, "check_array", renamed)
    return snf.compute


def test_the_kernel_and_the_fused_network_are_those_of_snfpy(monkeypatch):
    theirs = oracle(monkeypatch)
    blocks = [block_of(np.random.default_rng(seed).normal(size=(40, 5))) for seed in range(3)]
    away = [distances(block) for block in blocks]
    mine = [affinity(one, k=12) for one in away]
    named = [theirs.affinity_matrix(one.copy(), K=12, mu=0.5) for one in away]
    for one, two in zip(mine, named, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-8)
    fused = fuse(mine, [np.arange(40)] * 3, n_patients=40, k=12)
    expected = theirs.snf(*named, K=12, t=20) - np.eye(40) / 2
    np.testing.assert_allclose(fused, expected, rtol=1e-6)


def test_fusing_takes_from_other_networks_only_the_pairs_that_they_know():
    rng = np.random.default_rng(6)
    kernels = [affinity(cdist(x, x), k=5) for x in (rng.normal(size=(10, 3)), rng.normal(size=(8, 3)))]
    rows = [np.arange(10), np.arange(4, 12)]
    fused = fuse(kernels, rows, n_patients=12, k=5)
    assert not fused[:4, 10:].any()
    assert (fused[:4, 4:10] > 0).all()
    np.testing.assert_allclose(fused, fused.T)


def test_distances_are_over_the_columns_that_both_have_scaled_up_to_all():
    block = block_of([[0.0, 0.0, np.nan, 0.0], [3.0, np.nan, 1.0, 4.0], [np.nan, 5.0, np.nan, np.nan]])
    away = distances(block)
    assert away[0, 1] == pytest.approx(np.sqrt(25 * 4 / 2))
    assert away[0, 2] == pytest.approx(10.0)
    assert away[1, 2] == pytest.approx(np.median([0, 0, 0, *[np.sqrt(50)] * 2, *[10.0] * 2]))


def weights_slowly(first, second, k):
    """Return the weight of the first of two blocks in each patient (Hao 2021), patient by patient."""
    blocks = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (first, second)]
    away = [cdist(one, one) for one in blocks]
    near = [
        [
            sorted(range(len(one)), key=lambda j, i=i, one=one: (one[i, j], j))[1 : k + 1]
            for i in range(len(one))
        ]
        for one in away
    ]
    found = []
    for i in range(len(first)):
        ratio = []
        for mine, other in ((0, 1), (1, 0)):
            own = [set(near[mine][j]) | {j} for j in range(len(first))]
            shared = {j: len(own[i] & own[j]) for j in range(len(first)) if own[i] & own[j]}
            far = sorted(shared, key=lambda j, mine=mine: (shared[j], -away[mine][i, j], j))[:k]
            width = np.mean([away[mine][i, j] for j in far])
            closest = away[mine][i, near[mine][i][0]]
            theta = []
            for side in (mine, other):
                guess = blocks[mine][near[side][i]].mean(axis=0)
                off = np.linalg.norm(blocks[mine][i] - guess)
                theta.append(np.exp(-max(off - closest, 0) / max(width - closest, 1e-6)))
            ratio.append(min(theta[0] / (theta[1] + 1e-4), 200))
        found.append(1 / (1 + np.exp(ratio[1] - ratio[0])))
    return np.array(found)


def test_weights_of_blocks_are_those_of_weighted_nearest_neighbours(monkeypatch):
    signal, noise, _ = planted(45)
    kept = {}
    real = graph_module._neighbours

    def spy(parts, weight, expected, **more):
        kept.update(parts=parts, weight=weight)
        return real(parts, weight, expected, **more)

    monkeypatch.setattr(graph_module, "_neighbours", spy)
    integrated("graph", signal, noise, k=9)
    points = [part.points for part in kept["parts"]]
    np.testing.assert_allclose(kept["weight"][0], weights_slowly(*points, 8), rtol=1e-5)
    np.testing.assert_allclose(kept["weight"].sum(axis=0), 1.0)
    assert np.median(kept["weight"][0]) > 0.5


def test_a_lacking_block_weighs_nothing(monkeypatch):
    signal, noise, _ = planted(60)
    noise[:20] = np.nan
    kept = {}
    real = graph_module._neighbours
    monkeypatch.setattr(
        graph_module, "_neighbours", lambda p, w, e, **more: (kept.update(w=w), real(p, w, e, **more))[1]
    )
    integrated("graph", signal, noise)
    assert not kept["w"][1, :20].any()
    assert (kept["w"][1, 20:] > 0).all()


def test_mofa_finds_the_planted_factor_silently_and_again(capfd):
    pytest.importorskip("mofapy2")
    rng = np.random.default_rng(0)
    latent = rng.normal(size=100)
    first = latent[:, None] * rng.normal(size=12) + 0.3 * rng.normal(size=(100, 12))
    second = latent[:, None] * rng.normal(size=8) + 0.3 * rng.normal(size=(100, 8))
    second[:30] = np.nan
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (integrated("mofa", first, second, f=2, seed=3).points for _ in range(2))
    assert one.shape == (100, 2)
    assert max(abs(np.corrcoef(latent, column)[0, 1]) for column in one.T if column.std()) > 0.98
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


def test_mofa_that_is_not_installed_is_asked_for_in_one_sentence(monkeypatch):
    for name in ("mofapy2", "mofapy2.run", "mofapy2.run.entry_point"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError) as caught:
        integrated("mofa", *planted(30)[:2])
    assert caught.value.codes == ("MISSING_EXTRA",)
    assert 'pip install "phenotyper[mofa]"' in str(caught.value)


def test_an_unknown_integration_is_refused_with_those_there_are():
    with pytest.raises(RecipeError) as caught:
        integration_named("snff")
    assert caught.value.codes == ("INTEGRATION_UNKNOWN",)
    assert all(name in str(caught.value) for name in (*NAMES, "factors", "mofa", 'Did you mean "snf"'))


def test_a_graph_of_a_few_patients_takes_all_others_as_neighbours():
    points = np.random.default_rng(0).normal(size=(6, 4))
    for name in ("graph", "snf"):
        found = integrated(name, points, points[:, :3], k=30, f=2)
        assert found.graph.shape == (6, 6)
        assert SimpleNamespace(**vars(found)).points.shape == (6, 2)
