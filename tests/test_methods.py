"""Other ways to find groups: planted groups are found, none where there are none, figures as published."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import adjusted_rand_score

from phenotyper.cohort.blocks import Block, Blocks, Covariate
from phenotyper.discover.contract import MethodTask, method_named
from phenotyper.discover.fitting import fit_blocks
from phenotyper.discover.methods import latent_class, mixture
from phenotyper.discover.methods.common import copies_of, least_patients, numbers_tried
from phenotyper.discover.methods.kmeans import gap_statistic
from phenotyper.discover.methods.latent_class import Mixed, fit_classes, mixed_of
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import MissingExtraError, RecipeError
from phenotyper.integrate.contract import Integrated
from phenotyper.integrate.others.pieces import memberships, spectral
from phenotyper.prepare.preparation import PreparedBlock
from phenotyper.study import run_study

NAMES = ("kmeans", "mixture", "latent_class", "leiden")
every_method = pytest.mark.parametrize("name", NAMES)


def task_of(points, *, blocks=None, prepared=None, runs=4, seed=0, n_jobs=1, done=lambda: None, **recipe):
    """Return a task whose only block is the points, unless told otherwise."""
    points = np.asarray(points, dtype=float)
    n, f = points.shape
    if prepared is None:
        none = np.empty((n, 0))
        lumpy, coarse = np.zeros(f, dtype=bool), np.empty(0, dtype=np.intp)
        prepared = [PreparedBlock("one", points, np.ones(n, bool), np.arange(f), lumpy, coarse, none, none)]
    if blocks is None:
        blocks = blocks_of_numbers(points)
    seeds = np.random.SeedSequence(seed).spawn(runs)
    return MethodTask(
        Integrated(points), prepared, blocks, Recipe(n_layouts=runs, **recipe), seeds, n_jobs, done
    )


def blocks_of_numbers(points):
    n, f = points.shape
    names = tuple(f"x{at}" for at in range(f))
    one = Block(
        "one",
        points,
        np.ones(n, bool),
        np.zeros((n, f), np.int8),
        names,
        ("number",) * f,
        ("",) * f,
        ((),) * f,
    )
    return Blocks((one,), (), np.arange(n))


def run(name, points, **more):
    if name == "leiden":
        pytest.importorskip("igraph")
    return method_named(name)(task_of(points, **more))


def planted(n=150, away=5.0, seed=0, dims=4):
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 3
    points = rng.normal(size=(n, dims))
    points[:, :3] += away * (group[:, None] == np.arange(3))
    return points, group


def noise(n=150, seed=0, dims=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dims)) @ np.diag([2.0, 1.0, 1.0, 0.5][:dims])


def chosen(found):
    rows = [row for row in found.criteria if row["chosen"]]
    assert len(rows) == 1
    return rows[0]


@every_method
def test_planted_groups_are_found_in_every_repetition(name):
    points, group = planted()
    found = run(name, points)
    assert chosen(found)["k"] == 3
    assert found.labels.shape == (4, 150)
    for labels in found.labels:
        assigned = labels >= 0
        assert assigned.mean() > 0.9
        assert adjusted_rand_score(group[assigned], labels[assigned]) > 0.95


@every_method
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_has_no_groups_and_nobody_is_assigned(name, seed):
    found = run(name, noise(seed=seed))
    assert chosen(found)["k"] == 1
    assert (found.labels == -1).all()
    assert [setting["k"] for setting in found.settings] == [1] * 4


@every_method
def test_the_answer_does_not_depend_on_the_number_of_threads_and_each_run_is_reported(name):
    points, _ = planted(90)
    count = []
    one = run(name, points, done=lambda: count.append(1))
    two = run(name, points, n_jobs=2)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert len(count) == 4
    assert [setting["seed"] for setting in one.settings] == [0, 1, 2, 3]
    assert len(one.trees) == 4
    assert all(tree.shape == (0, 4) for tree in one.trees)


@every_method
def test_a_small_number_of_patients_or_equal_ones_have_no_groups(name):
    few = run(name, noise(12))
    same = run(name, np.ones((60, 3)))
    for found in (few, same):
        assert chosen(found)["k"] == 1
        assert (found.labels == -1).all()


@every_method
def test_patients_with_the_same_data_are_put_together(name):
    points, _ = planted(60)
    found = run(name, np.repeat(points, 2, axis=0))
    assert chosen(found)["k"] == 3
    assert (found.labels[:, ::2] == found.labels[:, 1::2]).mean() > (0.95 if name == "leiden" else 0.999)


@every_method
def test_two_sorts_of_patients_are_two_groups(name):
    points = np.repeat([[0.0, 0.0], [3.0, 1.0]], 40, axis=0)
    found = run(name, points)
    assert chosen(found)["k"] in (1, 2)
    for labels in found.labels:
        assert len(set(labels[:40])) == len(set(labels[40:])) == 1


@pytest.mark.parametrize("name", ["kmeans", "mixture", "latent_class"])
def test_every_number_of_groups_that_was_tried_is_in_the_criteria(name):
    points, _ = planted()
    found = run(name, points, min_cluster_size=60)
    assert {row["k"] for row in found.criteria} == set(range(1, 6))
    assert all(0 <= row["smallest"] <= 150 for row in found.criteria)
    assert chosen(found)["smallest"] >= 30


def test_no_number_is_tried_for_which_there_is_no_room():
    assert numbers_tried(task_of(noise(1000))) == range(1, 9)
    assert numbers_tried(task_of(noise(45))) == range(1, 5)
    assert least_patients(task_of(noise(1000))) == 25
    assert least_patients(task_of(noise(1000), min_cluster_size=(40, 16))) == 10
    assert numbers_tried(task_of(np.repeat(noise(5), 40, axis=0))) == range(1, 3)


def test_copies_have_the_mean_covariance_and_no_groups():
    points, _ = planted(3000, away=8.0)
    copies = copies_of(points, rng=np.random.default_rng(0))
    assert len(copies) == 19
    for copy in copies[:3]:
        np.testing.assert_allclose(np.cov(copy.T), np.cov(points.T), atol=0.8)
        assert abs((copy[:, 0] ** 4).mean() / (copy[:, 0] ** 2).mean() ** 2 - 3) < 0.4


def test_the_gap_is_the_mean_log_ratio_to_the_copies_and_p_its_rank():
    within = np.array([100.0, 40.0, 35.0])
    rng = np.random.default_rng(0)
    copied = 100 * np.array([1.0, 0.8, 0.7]) * np.exp(0.02 * rng.normal(size=(19, 3)))
    gap, error, p = gap_statistic(within, copied)
    logs = np.log(copied) - np.log(copied[:, :1])
    np.testing.assert_allclose(gap, logs.mean(axis=0) - np.log(within / 100))
    np.testing.assert_allclose(error, logs.std(axis=0) * np.sqrt(1 + 1 / 19))
    assert p == pytest.approx(1 / 20)
    _, _, middling = gap_statistic(np.median(copied, axis=0), copied)
    assert 0.2 < middling < 0.9


def test_ambiguous_pairs_are_few_for_the_planted_number_and_many_for_another():
    points, _ = planted(120, away=8.0)
    pac = {row["k"]: row["pac"] for row in run("kmeans", points).criteria}
    assert pac[3] == 0
    assert pac[4] > 0.02
    assert np.isnan(pac[1])


def test_calinski_and_silhouette_are_those_of_scikit_learn():
    from sklearn.cluster import KMeans
    from sklearn.metrics import calinski_harabasz_score, silhouette_score

    points, _ = planted(90, away=8.0)
    labels = KMeans(3, n_init=5, random_state=0).fit_predict(points)
    row = next(row for row in run("kmeans", points).criteria if row["k"] == 3)
    assert row["calinski"] == pytest.approx(calinski_harabasz_score(points, labels))
    assert row["silhouette"] == pytest.approx(silhouette_score(points, labels))


def with_graph(points, k=12):
    """Return a task whose integration gives the graph of the nearest neighbours."""
    away = cdist(points, points)
    index = np.argsort(away, axis=1, kind="stable")[:, 1:k]
    graph = memberships(index, np.take_along_axis(away, index, axis=1))
    task = task_of(points)
    return replace(task, integrated=Integrated(spectral(graph, 4), graph))


@pytest.mark.parametrize("name", ["kmeans", "leiden"])
def test_groups_are_found_in_the_graph_of_an_integration(name):
    if name == "leiden":
        pytest.importorskip("igraph")
    points, group = planted(away=6.0)
    found = method_named(name)(with_graph(points))
    assert chosen(found)["k"] == 3
    assert all(adjusted_rand_score(group, labels) > 0.95 for labels in found.labels)


def test_the_number_of_groups_in_a_graph_is_by_the_gap_of_its_eigenvalues():
    task = with_graph(planted(away=6.0)[0])
    dense = task.integrated.graph.toarray()
    degree = dense.sum(axis=1)
    values = np.linalg.eigvalsh(dense / np.sqrt(np.outer(degree, degree)))[::-1]
    rows = method_named("kmeans")(task).criteria
    assert [row["k"] for row in rows] == list(range(2, 9))
    for row in rows:
        expected = values[row["k"] - 1] - max(values[row["k"]], 0)
        assert row["eigengap"] == pytest.approx(expected, abs=1e-9)


def test_the_bic_of_one_normal_class_is_that_of_the_formula():
    points = noise(400)
    row = next(row for row in run("mixture", points).criteria if row["k"] == 1)
    floor = 0.01 * points.var(axis=0).mean() * np.eye(4)
    fitted = multivariate_normal(points.mean(axis=0), np.cov(points.T, bias=True) + floor)
    assert row["bic"] == pytest.approx(-2 * fitted.logpdf(points).sum() + 14 * np.log(400), rel=1e-6)
    assert row["icl"] == pytest.approx(row["bic"])


def test_who_lies_between_two_classes_is_unassigned():
    points, _ = planted(200, away=6.0, dims=3)
    points[:5] = (
        points[np.arange(200) % 3 == 0].mean(axis=0) / 2 + points[np.arange(200) % 3 == 1].mean(axis=0) / 2
    )
    found = run("mixture", points)
    assert (found.labels[:, :5] == -1).mean() > 0.7
    assert (found.labels[:, 5:] >= 0).mean() > 0.95


def test_the_smallest_criterion_with_room_for_each_class_wins():
    rows = [
        {"k": 1, "bic": 10.0, "smallest": 50},
        {"k": 2, "bic": 8.0, "smallest": 20},
        {"k": 3, "bic": 5.0, "smallest": 3},
    ]
    assert mixture.chosen(rows, least=10, by="bic")["k"] == 2
    assert [row["chosen"] for row in rows] == [False, True, False]
    assert mixture.chosen(rows, least=30, by="bic")["k"] == 1
    assert mixture.entropy(np.array([[0.5, 0.5], [0.9, 0.1]])) == pytest.approx(
        1 + (0.9 * np.log(0.9) + 0.1 * np.log(0.1) - np.log(2)) / (2 * np.log(2))
    )


@pytest.mark.parametrize(
    ("name", "code"), [("method", "METHOD_UNKNOWN"), ("integration", "INTEGRATION_UNKNOWN")]
)
def test_an_unknown_name_is_refused_before_the_cohort_is_read(name, code, tmp_path, capsys):
    with pytest.raises(RecipeError) as caught:
        run_study(
            tmp_path / "absent.toml", out=tmp_path / "run", recipe=Recipe(**{name: "kmean"}), progress=True
        )
    assert caught.value.codes == (code,)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("method", "word"), [("kmeans", "runs:"), ("hdbscan", "layouts:")])
def test_the_bar_counts_layouts_only_where_there_are_any(method, word, capsys):
    points = np.random.default_rng(0).normal(size=(60, 4))
    fit_blocks(Recipe(method=method, n_layouts=1), blocks_of_numbers(points), progress=True)
    said = capsys.readouterr().err
    assert word in said
    assert ("layout" in said) == (method == "hdbscan")


def mixed(n=300, seed=0, missing=0.2):
    """Return mixed features of three classes, with holes, and the class of each patient."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    numbers = rng.normal(size=(n, 4)) + 1.5 * np.array([[0, 0, 0, 0], [1, 1, 1, 0], [2, 0, 1, 0]])[group]
    numbers[rng.random(numbers.shape) < missing] = np.nan
    codes = np.column_stack(
        [
            (rng.random(n) < np.array([0.1, 0.5, 0.9])[group]).astype(float),
            np.where(rng.random(n) < 0.7, group, rng.integers(0, 3, n)).astype(float),
        ]
    )
    codes[rng.random(codes.shape) < missing] = np.nan
    levels = np.column_stack([codes[:, j] == code for j, k in ((0, 2), (1, 3)) for code in range(k)])
    return Mixed(numbers, levels.astype(float), np.array([0, 0, 1, 1, 1])), codes, group


def starts_of(group, k, n=4, seed=0):
    rng = np.random.default_rng(seed)
    noisy = [np.where(rng.random(len(group)) < 0.7, group, rng.integers(0, k, len(group))) for _ in range(n)]
    return [(one[:, None] == np.arange(k)).astype(float) for one in noisy]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_latent_classes_are_those_of_stepmix(missing):
    stepmix = pytest.importorskip("stepmix")
    import pandas as pd

    data, codes, group = mixed(missing=missing)
    ours = fit_classes(data, starts_of(group, 3), form="free", prior=1e-9, steps=3000)
    frame = pd.DataFrame(np.hstack([data.numbers, codes]), columns=list("abcdef"))
    kinds = {"continuous_nan": list("abcd"), "categorical_nan": list("ef")}
    table, measurement = stepmix.utils.get_mixed_descriptor(frame, **kinds)
    theirs = stepmix.StepMix(
        3,
        measurement=measurement,
        n_init=10,
        random_state=0,
        verbose=0,
        progress_bar=0,
        max_iter=3000,
        abs_tol=1e-9,
        rel_tol=1e-9,
    ).fit(table)
    assert ours.n_parameters == theirs.n_parameters
    assert ours.log_likelihood == pytest.approx(theirs.score(table) * 300, rel=2e-4)
    assert ours.bic(300) == pytest.approx(theirs.bic(table), rel=2e-4)
    assert adjusted_rand_score(np.argmax(ours.posterior(data), axis=1), theirs.predict(table)) > 0.97


def test_what_is_missing_is_left_out_of_a_patients_likelihood():
    data, codes, group = mixed()
    classes = fit_classes(data, starts_of(group, 3), form="equal")
    np.testing.assert_allclose(classes.variances, classes.variances[:1].repeat(3, axis=0))
    for i in range(0, 300, 17):
        for k in range(3):
            expected = np.log(classes.shares[k])
            for j in np.flatnonzero(np.isfinite(data.numbers[i])):
                spread = np.sqrt(classes.variances[k, j])
                expected += norm.logpdf(data.numbers[i, j], classes.means[k, j], spread)
            for j, first in ((0, 0), (1, 2)):
                if np.isfinite(codes[i, j]):
                    expected += np.log(classes.chances[k, first + int(codes[i, j])])
            assert classes.joint(data)[i, k] == pytest.approx(expected)
    np.testing.assert_allclose(classes.chances[:, :2].sum(axis=1), 1)
    np.testing.assert_allclose(classes.chances[:, 2:].sum(axis=1), 1)
    assert classes.shares.sum() == pytest.approx(1)


def clinical(n=300, seed=0):
    """Return a clinical table of three classes: values as measured, and prepared columns."""
    data, codes, group = mixed(n, seed)
    values = np.hstack([data.numbers, codes])
    kinds = ("number",) * 4 + ("yes/no", "category")
    names = tuple("abcdef")
    levels = ((), (), (), (), ("no", "yes"), ("x", "y", "z"))
    one = Block("labs", values, np.ones(n, bool), np.zeros((n, 6), np.int8), names, kinds, ("",) * 6, levels)
    blocks = Blocks((one,), (), np.arange(n))
    columns = np.column_stack(
        [values[:, :5], *(np.where(np.isnan(codes[:, 1]), np.nan, codes[:, 1] == k) for k in range(3))]
    )
    source = np.array([0, 1, 2, 3, 4, 5, 5, 5])
    none = np.empty((n, 0))
    lumpy = source > 3
    prepared = [
        PreparedBlock("labs", columns, np.ones(n, bool), source, lumpy, np.empty(0, np.intp), none, none)
    ]
    return blocks, prepared, group, np.nan_to_num(data.numbers)


def test_classes_are_found_in_mixed_features_with_holes_and_nobody_is_dropped():
    blocks, prepared, group, points = clinical(600)
    found = run("latent_class", points, blocks=blocks, prepared=prepared)
    assert chosen(found)["k"] == 3
    labels = found.labels[0]
    assert adjusted_rand_score(group[labels >= 0], labels[labels >= 0]) > 0.6
    assert (labels >= 0).mean() > 0.6


def test_levels_are_taken_as_measured_unless_covariates_are_adjusted_for():
    blocks, prepared, _, points = clinical()
    data = mixed_of(task_of(points, blocks=blocks, prepared=prepared))
    assert data.numbers.shape == (300, 4)
    assert data.levels.shape == (300, 5)
    assert data.feature.tolist() == [0, 0, 1, 1, 1]
    known = np.isfinite(blocks.blocks[0].values[:, 5])
    np.testing.assert_array_equal(data.levels[:, 2:].sum(axis=1), known)
    adjusted = replace(blocks, covariates=(Covariate("age", np.arange(300.0)),))
    data = mixed_of(task_of(points, blocks=adjusted, prepared=prepared))
    assert data.numbers.shape == (300, 8)
    assert data.levels.shape == (300, 0)


def test_a_class_of_equal_patients_keeps_a_variance():
    data, _, group = mixed(60, missing=0.0)
    data.numbers[:20] = data.numbers[0]
    start = [(np.where(np.arange(60) < 20, 0, 1 + group % 2)[:, None] == np.arange(3)).astype(float)]
    classes = fit_classes(data, start)
    assert classes.variances.min() > 1e-3
    assert np.isfinite(classes.log_likelihood)
    assert latent_class.PRIOR > 0


def test_a_patient_without_ties_to_a_part_is_unassigned_by_leiden():
    pytest.importorskip("igraph")
    from scipy.sparse import csr_matrix

    from phenotyper.discover.methods.leiden import _communities, _placed

    pair = np.kron(np.eye(2), np.ones((6, 6))) - np.eye(12)
    pair = np.pad(pair, ((0, 1), (0, 1)))
    labels = _placed(csr_matrix(pair), 0.5, np.array([0, 1, 2, 3, 6, 7, 8, 9]), seed=1)
    assert labels[12] == -1
    assert len(set(labels[:6])) == len(set(labels[6:12])) == 1
    assert labels[0] != labels[6]
    found, modularity = _communities(csr_matrix(pair), 1.0, seed=1)
    assert len(set(found[:12])) == 2
    assert modularity == pytest.approx(0.5)


def test_a_single_community_is_no_group_and_agrees_with_nothing():
    pytest.importorskip("igraph")
    from scipy.sparse import csr_matrix

    from phenotyper.discover.methods.leiden import _alike, _drawn

    whole = csr_matrix(np.ones((20, 20)) - np.eye(20))
    assert (_drawn(whole, 0.5, rng=np.random.default_rng(0)) == -1).all()
    one, halves = np.zeros(20, dtype=int), np.repeat([0, 1], 10)
    assert _alike(one, one) == 0
    assert _alike(halves, 1 - halves) == 1
    assert abs(_alike(halves, np.tile([0, 1], 10))) < 0.1


def test_leiden_does_not_touch_the_global_random_state():
    pytest.importorskip("igraph")
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    run("leiden", planted(60)[0])
    assert random.random() == expected


def test_leiden_that_is_not_installed_is_asked_for_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(MissingExtraError) as caught:
        method_named("leiden")(task_of(noise(60)))
    assert caught.value.codes == ("MISSING_EXTRA",)
    assert 'pip install "phenotyper[leiden]"' in str(caught.value)


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(RecipeError) as caught:
        method_named("k-means")
    assert caught.value.codes == ("METHOD_UNKNOWN",)
    assert all(name in str(caught.value) for name in (*NAMES, "hdbscan"))
