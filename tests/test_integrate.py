"""Balanced factors: the right subspace, missing entries, absent blocks."""

import numpy as np
import pytest

from phenotyper.integrate.factors import fit_factors
from phenotyper.prepare.preparation import PreparedBlock


def block_of(values, *, name="a", lumpy=None, source=None):
    q = values.shape[1]
    return PreparedBlock(
        name,
        values,
        np.isfinite(values).any(axis=1),
        np.arange(q) if source is None else source,
        np.zeros(q, dtype=bool) if lumpy is None else lumpy,
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
