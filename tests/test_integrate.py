"""Balanced factors: the right subspace, missing cells, absent blocks, levels and limits as intervals."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm, truncnorm

from phenotyper._kernels.truncated import interval_moments
from phenotyper.integrate.columns import Columns
from phenotyper.integrate.factors import FactorModel, fit_factors
from phenotyper.integrate.rank import held_out
from phenotyper.prepare.intervals import interval_mean
from phenotyper.prepare.preparation import PreparedBlock


def block_of(values, *, name="a", lumpy=None, source=None, coarse=None, lower=None, upper=None):
    n, q = values.shape
    return PreparedBlock(
        name,
        values,
        np.isfinite(values).any(axis=1),
        np.arange(q) if source is None else source,
        np.zeros(q, dtype=bool) if lumpy is None else lumpy,
        np.empty(0, dtype=np.intp) if coarse is None else coarse,
        np.empty((n, 0)) if lower is None else lower,
        np.empty((n, 0)) if upper is None else upper,
    )


def yes_no(answers, *, name="items"):
    """Return a block of yes/no columns (1, 0, NaN) as intervals of a standard normal."""
    cut = norm.isf(np.nanmean(answers, axis=0))
    lower = np.where(answers == 1, cut, -np.inf)
    upper = np.where(answers == 1, np.inf, cut)
    lower[np.isnan(answers)] = upper[np.isnan(answers)] = np.nan
    every = np.arange(answers.shape[1])
    middles = interval_mean(lower, upper)
    return block_of(
        middles, name=name, lumpy=np.ones(len(every), dtype=bool), coarse=every, lower=lower, upper=upper
    )


def simulated(n=400, q=(40, 15), k=3, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, k))
    blocks = []
    for width in q:
        values = scores @ rng.normal(size=(k, width)) + noise * rng.normal(size=(n, width))
        blocks.append((values - values.mean(axis=0)) / values.std(axis=0))
    return scores, blocks


def overlap(found, truth):
    """Return the smallest canonical correlation between two sets of scores."""
    first = np.linalg.qr(found - found.mean(axis=0))[0]
    second = np.linalg.qr(truth - truth.mean(axis=0))[0]
    return np.linalg.svd(first.T @ second)[1].min()


def fit(blocks, n_factors=None):
    parts = [block_of(values, name=str(i)) for i, values in enumerate(blocks)]
    model = fit_factors(parts, n_factors=n_factors, rng=np.random.default_rng(0))
    return model, model.scores(parts)


def test_complete_data_give_the_principal_subspace_and_the_true_scores():
    from sklearn.decomposition import PCA

    truth, (values, _) = simulated()
    model, scores = fit([values])
    assert model.n_factors == 3
    assert overlap(scores.mean, PCA(3).fit_transform(values)) > 0.999
    assert overlap(scores.mean, truth) > 0.98
    assert np.abs(scores.missing_cov).max() < 1e-12


def test_the_loadings_are_those_of_maximum_likelihood_probabilistic_components():
    from sklearn.decomposition import PCA

    _, (values, _) = simulated()
    model, _ = fit([values], n_factors=3)
    pca = PCA(3).fit(values)
    n = len(values)
    variances = pca.explained_variance_ * (n - 1) / n
    noise = (values.var(axis=0).sum() - variances.sum()) / (values.shape[1] - 3)
    lengths = np.sqrt((model.loadings**2).sum(axis=0)) / model.weights[0]
    assert lengths == pytest.approx(np.sqrt(variances - noise), rel=0.02)
    assert model.noise[0] / model.weights[0] ** 2 == pytest.approx(noise, rel=0.02)


def test_pure_noise_keeps_the_least_number_of_factors():
    values = np.random.default_rng(5).normal(size=(300, 30))
    model, _ = fit([values])
    assert model.n_factors == 2


def test_a_third_of_the_values_missing_leaves_the_scores():
    truth, (values, _) = simulated()
    holes = np.where(np.random.default_rng(1).random(values.shape) < 0.3, np.nan, values)
    _, complete = fit([values])
    _, scores = fit([holes])
    assert overlap(scores.mean, truth) > 0.96
    assert overlap(scores.mean, complete.mean) > 0.97


def test_a_patient_without_a_block_is_placed_by_the_others_and_its_doubt_is_told():
    truth, (first, second) = simulated()
    first[:120] = np.nan
    model, scores = fit([first, second])
    assert model.n_factors == 3
    correlation = overlap(scores.mean[:120], truth[:120])
    assert correlation > 0.85
    doubt = np.trace(scores.missing_cov, axis1=1, axis2=2)
    assert doubt[:120].min() > 10 * max(doubt[120:].max(), 1e-12)
    assert np.linalg.eigvalsh(scores.missing_cov).min() > -1e-9


def test_lacking_a_block_does_not_shift_a_patient_on_the_average():
    _, (first, second) = simulated(n=2000)
    first[:1000] = np.nan
    _, scores = fit([first, second])
    assert np.abs(scores.mean[:1000].mean(axis=0) - scores.mean[1000:].mean(axis=0)).max() < 0.12


def test_blocks_are_balanced_so_that_many_columns_do_not_outweigh_few():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(400, 2))
    wide = shared[:, :1] @ np.ones((1, 300)) + rng.normal(size=(400, 300))
    narrow = shared[:, 1:] @ np.ones((1, 6)) + rng.normal(size=(400, 6))
    standardised = [(x - x.mean(axis=0)) / x.std(axis=0) for x in (wide, narrow)]
    model, scores = fit(standardised)
    assert model.n_factors == 2
    assert overlap(scores.mean, shared) > 0.9
    lengths = [
        np.linalg.norm(model.loadings[part], axis=0).max() for part in (slice(0, 300), slice(300, 306))
    ]
    assert max(lengths) / min(lengths) < 1.3


def test_a_yes_no_feature_that_stands_alone_is_set_aside():
    rng = np.random.default_rng(3)
    truth, (values, _) = simulated()
    answer = 2.0 * (rng.random((400, 1)) < 0.5)
    alone = block_of(answer - answer.mean(), name="item", lumpy=np.array([True]))
    model = fit_factors([block_of(values), alone], n_factors=None, rng=np.random.default_rng(0))
    scores = model.scores([block_of(values), alone])
    assert model.used.tolist() == [True] * 40 + [False]
    assert max(abs(np.corrcoef(column, answer[:, 0])[0, 1]) for column in scores.mean.T) < 0.15
    assert overlap(scores.mean, truth) > 0.98


def test_yes_no_features_that_go_together_are_used():
    rng = np.random.default_rng(4)
    truth = rng.normal(size=(400, 1))
    answers = 2.0 * (truth + 0.5 * rng.normal(size=(400, 8)) > 0)
    part = block_of(answers - answers.mean(axis=0), lumpy=np.ones(8, dtype=bool))
    model = fit_factors([part], n_factors=1, rng=np.random.default_rng(0))
    assert model.used.all()
    assert overlap(model.scores([part]).mean, truth) > 0.85


def test_a_patient_alone_is_placed_as_among_the_others():
    _, (values, _) = simulated()
    values[3, :20] = np.nan
    model, scores = fit([values])
    alone = model.scores([block_of(values[3:4])])
    assert alone.mean[0] == pytest.approx(scores.mean[3], abs=1e-12)
    assert alone.missing_cov[0] == pytest.approx(scores.missing_cov[3], abs=1e-12)


def test_the_posterior_is_that_of_the_conditional_normal():
    _, (values, _) = simulated()
    values[0, 10:] = np.nan
    model, scores = fit([values])
    seen = slice(0, 10)
    loadings, noise = model.loadings[seen], np.diag(model.noise[seen])
    joint = loadings @ loadings.T + noise
    expected = loadings.T @ np.linalg.solve(joint, values[0, seen] * model.weights[seen])
    assert scores.mean[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 0.5), (-np.inf, -2.0), (0.3, np.inf), (5.0, 5.1), (-8.0, -7.0), (-np.inf, 9.0), (20.0, np.inf)],
)
def test_moments_in_an_interval_are_those_of_scipy(low, high):
    mean, variance = interval_moments(low, high)
    assert mean == pytest.approx(truncnorm.mean(low, high), rel=1e-9, abs=1e-12)
    assert variance == pytest.approx(truncnorm.var(low, high), rel=1e-6)


def test_far_out_the_moments_stay_inside_the_interval():
    for low, high in ((200.0, np.inf), (-np.inf, -1e6), (40.0, 41.0), (3.0, 3.0 + 1e-9)):
        mean, variance = interval_moments(low, high)
        assert low <= mean <= high
        assert 0 < variance < 1e-3


def model_of(loadings, noise):
    q = len(loadings)
    return FactorModel(
        np.ones(q), loadings, np.full(q, noise), np.ones(q, dtype=bool), np.ones(2), np.zeros(2)
    )


def test_scores_given_intervals_are_those_of_numerical_integration():
    rng = np.random.default_rng(11)
    loadings = rng.normal(size=(7, 2))
    lower = np.array([[-np.inf, 0.2, -0.5, -np.inf, 1.0, np.nan]])
    upper = np.array([[-0.4, np.inf, 0.7, 1.5, np.inf, np.nan]])
    values = np.hstack([interval_mean(lower, upper), [[0.8]]])
    part = block_of(values, coarse=np.arange(6), lower=lower, upper=upper)
    scores = model_of(loadings, 0.6).scores([part])
    grid = np.linspace(-6, 6, 601)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    said = points @ loadings.T
    density = multivariate_normal.pdf(points, np.zeros(2)) * norm.pdf(0.8, said[:, 6], np.sqrt(0.6))
    for j in range(5):
        low, high = (norm.cdf(side[0, j], said[:, j], np.sqrt(0.6)) for side in (lower, upper))
        density *= high - low
    weight = density / density.sum()
    mean = weight @ points
    cov = (points - mean).T @ ((points - mean) * weight[:, None])
    assert scores.mean[0] == pytest.approx(mean, abs=0.01)
    complete = np.linalg.inv(np.eye(2) + loadings.T @ loadings / 0.6)
    assert scores.missing_cov[0] + complete == pytest.approx(cov, abs=0.02)


def test_loadings_of_rare_answers_are_recovered_as_numbers_cannot():
    rng = np.random.default_rng(12)
    n, q, true = 1200, 16, 0.7
    latent = true * rng.normal(size=(n, 1)) + np.sqrt(1 - true**2) * rng.normal(size=(n, q))
    answers = (latent > norm.isf(np.linspace(0.03, 0.5, q))).astype(float)
    model = fit_factors([yes_no(answers)], n_factors=1, rng=np.random.default_rng(0))
    found = model.loadings[:, 0] / model.weights
    standard = (answers - answers.mean(axis=0)) / answers.std(axis=0)
    as_numbers = fit_factors([block_of(standard)], n_factors=1, rng=np.random.default_rng(0))
    wrong = as_numbers.loadings[:, 0] / as_numbers.weights
    assert np.abs(found - true).max() < 0.1
    assert abs(found.mean() - true) < 0.03
    assert np.abs(wrong - true).min() > 0.1
    assert (model.loadings**2).sum(axis=1) + model.noise == pytest.approx(model.weights**2)


def test_values_below_a_limit_do_not_bend_the_loadings():
    rng = np.random.default_rng(13)
    n, q = 1500, 12
    latent = 0.8 * rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, q))
    limit = 0.3
    below = latent[:, :4] < limit
    lower, upper = np.where(below, -np.inf, latent[:, :4]), np.where(below, limit, latent[:, :4])
    values = latent.copy()
    values[:, :4] = interval_mean(lower, upper)
    part = block_of(values, coarse=np.arange(4), lower=lower, upper=upper)
    model = fit_factors([part], n_factors=1, rng=np.random.default_rng(0))
    found = model.loadings[:, 0] / model.weights
    assert np.abs(found - 0.8).max() < 0.06
    replaced = latent.copy()
    replaced[:, :4] = np.where(below, limit / np.sqrt(2), latent[:, :4])
    by_limit = fit_factors([block_of(replaced)], n_factors=1, rng=np.random.default_rng(0))
    assert np.abs(by_limit.loadings[:4, 0] / by_limit.weights[:4] - 0.8).min() > 0.15


def mixed(n=300):
    """Return prepared blocks of all sorts: holes, an absent block, yes/no, a limit."""
    rng = np.random.default_rng(14)
    _, (first, second) = simulated(n=n, q=(20, 12))
    first[rng.random(first.shape) < 0.2] = np.nan
    second[: n // 4] = np.nan
    lower = np.where(second[:, :3] < -0.5, -np.inf, second[:, :3])
    upper = np.where(second[:, :3] < -0.5, -0.5, second[:, :3])
    second[:, :3] = interval_mean(lower, upper)
    answers = (rng.normal(size=(n, 6)) + np.nan_to_num(first[:, :1]) > 0.6).astype(float)
    answers[rng.random(answers.shape) < 0.1] = np.nan
    return [
        block_of(first, name="a"),
        block_of(second, name="b", coarse=np.arange(3), lower=lower, upper=upper),
        yes_no(answers, name="c"),
    ]


def test_alone_or_among_others_no_bit_of_the_scores_differs():
    parts = mixed()
    model = fit_factors(parts, n_factors=None, rng=np.random.default_rng(0))
    among = model.scores(parts)
    for i in (0, 7, 150, 299):
        only = np.arange(300) == i
        alone = model.scores([part.rows(only) for part in parts])
        assert np.array_equal(alone.mean[0], among.mean[i])
        assert np.array_equal(alone.missing_cov[0], among.missing_cov[i])


def test_a_model_comes_back_from_its_arrays_to_the_bit(tmp_path):
    parts = mixed()
    model = fit_factors(parts, n_factors=3, rng=np.random.default_rng(0))
    np.savez(tmp_path / "model.npz", **model.to_arrays())
    with np.load(tmp_path / "model.npz") as arrays:
        again = FactorModel.from_arrays(dict(arrays))
    assert np.array_equal(again.scores(parts).mean, model.scores(parts).mean)
    assert again.n_factors == 3


def test_a_patient_with_nothing_measured_stands_at_the_centre_with_full_doubt():
    parts = mixed()
    model = fit_factors(parts, n_factors=3, rng=np.random.default_rng(0))
    complete = [block_of(np.zeros((1, part.values.shape[1]))) for part in parts]
    assert np.abs(model.scores(complete).missing_cov).max() < 1e-12
    for part in complete:
        part.values[:] = np.nan
    nothing = model.scores(complete)
    assert nothing.mean[0].tolist() == [0.0, 0.0, 0.0]
    assert np.linalg.eigvalsh(nothing.missing_cov[0]).min() > 0.3


@pytest.mark.parametrize("k", [1, 3, 6])
def test_held_out_cells_tell_the_number_of_factors(k):
    _, parts = simulated(k=k, seed=k)
    columns = Columns.of([block_of(values) for values in parts])
    assert held_out(columns, most=10, rng=np.random.default_rng(0)).n_factors == k


def test_held_out_cells_of_noise_tell_of_no_factor():
    columns = Columns.of([block_of(np.random.default_rng(5).normal(size=(300, 30)))])
    found = held_out(columns, most=8, rng=np.random.default_rng(0))
    assert found.n_factors == 0
    assert found.error[0] == pytest.approx(columns.weights[0] ** 2, rel=0.15)


def test_a_rare_answer_that_stands_alone_makes_no_factor():
    rng = np.random.default_rng(15)
    truth, (values, _) = simulated()
    answers = (rng.random((400, 2)) < [0.04, 0.5]).astype(float)
    parts = [block_of(values), yes_no(answers)]
    model = fit_factors(parts, n_factors=None, rng=np.random.default_rng(0))
    scores = model.scores(parts).mean
    assert overlap(scores, truth) > 0.98
    for answer in answers.T:
        assert max(abs(np.corrcoef(column, answer)[0, 1]) for column in scores.T) < 0.15
