"""Placing in the latent space."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from phenotyper.discover.anchors import LEAST, Anchors
from phenotyper.discover.place import BETWEEN, FITS, LEAST_INFORMATION, TOO_LITTLE, UNLIKE, Placer
from phenotyper.integrate.factors import Scores


def two_groups(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [n, n // 2])
    points = rng.normal(size=(len(labels), 2)) * np.where(labels == 0, 1.0, 1.5)[:, None]
    points[labels == 1] += [6.0, 0.0]
    return points, labels


def certain(points):
    points = np.atleast_2d(points)
    return Scores(points, np.zeros((len(points), points.shape[1], points.shape[1])))


def said(placer, scores, **more):
    return placer.place(scores, **more).decide()[1].tolist()


def test_probabilities_are_those_of_quadratic_discriminant_analysis():
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    points, labels = two_groups()
    found = Placer.fit(points, labels).place(certain(points)).probability
    expected = QuadraticDiscriminantAnalysis().fit(points, labels).predict_proba(points)
    assert np.abs(found - expected).max() < 0.05
    assert np.abs(found - expected).mean() < 0.002


def test_most_patients_of_a_group_are_placed_there_and_nobody_far_away():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    placed, _ = placer.place(certain(points)).decide()
    assert (placed == labels).mean() > 0.95
    assert said(placer, certain([[60.0, 60.0], [3.0, 40.0], [-9.0, 0.0]])) == [UNLIKE] * 3


def test_somebody_half_way_is_between_and_in_the_middle_of_a_group_is_not():
    placer = Placer.fit(*two_groups(seed=2))
    half_way = placer.place(certain(np.linspace([0.0, 0.0], [6.0, 0.0], 601)))
    at = np.argmin(np.abs(half_way.probability[:, 0] - 0.5))
    codes = half_way.decide()[1]
    assert codes[0] == codes[-1] == FITS
    assert half_way.probability[at].max() < 0.8
    assert codes[at] in (BETWEEN, UNLIKE)


def test_far_patients_among_the_labelled_hardly_change_a_group():
    points, labels = two_groups()
    rng = np.random.default_rng(1)
    spoiled = points.copy()
    strays = rng.choice(np.flatnonzero(labels == 0), 100, replace=False)
    spoiled[strays] = rng.normal(size=(100, 2)) * 6
    plain = [np.cov(values[labels == 0].T).trace() for values in (points, spoiled)]
    robust = [Placer.fit(values, labels).covariances[0].trace() for values in (points, spoiled)]
    assert plain[1] / plain[0] > 2.5
    assert robust[1] / robust[0] < 1.5


def shrunk(places, lost):
    """Return scores as a factor model gives them: prior variance 1, a share ``lost`` of it not observed."""
    rng = np.random.default_rng(3)
    n, f = places.shape
    observed = places + rng.normal(size=(n, f)) * np.sqrt(lost / (1 - lost))
    missing = np.zeros((n, f, f))
    missing[:, range(f), range(f)] = lost
    return Scores(observed * (1 - lost), missing)


def test_the_shrinkage_of_what_was_not_observed_is_undone():
    """One axis is lost to 60 %: probabilities are those of Bayes' rule for the raw observation."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 6000)
    centres, inner = np.array([[-0.9, 0.0], [0.9, 0.0]]), 0.19
    places = centres[labels] + rng.normal(size=(6000, 2)) * np.sqrt([inner, 1.0])
    lost = np.array([0.6, 0.0])
    placer = Placer.fit(places, labels)
    scores = shrunk(places, lost)
    found = placer.place(scores).probability[:, 0]
    raw, blur = scores.mean / (1 - lost), np.diag(lost / (1 - lost))
    within = np.diag([inner, 1.0]) + blur
    density = np.column_stack([multivariate_normal(centre, within).pdf(raw) for centre in centres])
    assert np.abs(found - density[:, 0] / density.sum(axis=1)).mean() < 0.02


def test_groups_are_described_rightly_by_patients_of_whom_half_is_not_observed():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 4000)
    centres, inner = np.array([[-0.9, 0.0], [0.9, 0.0]]), np.array([0.19, 1.0])
    scores = shrunk(centres[labels] + rng.normal(size=(4000, 2)) * np.sqrt(inner), np.full(2, 0.5))
    placer = Placer.fit(scores.mean, labels, missing_cov=scores.missing_cov)
    assert placer.centres == pytest.approx(centres, abs=0.08)
    assert np.diagonal(placer.covariances, axis1=1, axis2=2) == pytest.approx(
        np.tile(inner, (2, 1)), abs=0.15
    )
    assert np.abs(scores.mean[labels == 1].mean(axis=0)[0] - 0.9) > 0.4


def test_of_whom_too_little_was_observed_nobody_is_told():
    points, labels = two_groups()
    standard = (points - points.mean(axis=0)) / points.std(axis=0)
    placer = Placer.fit(standard, labels)
    nothing = Scores(np.zeros((1, 2)), np.cov(standard.T)[None])
    placement = placer.place(nothing)
    assert placement.information[0] < LEAST_INFORMATION
    assert placement.probability[0] == pytest.approx(placer.shares, abs=0.02)
    assert placement.decide() == ([-1], [TOO_LITTLE])
    half = np.diag([0.97, 0.0])[None] * np.diag(np.cov(standard.T))
    assert said(placer, Scores(np.array([[0.02, 0.0]]), half)) == [TOO_LITTLE]
    assert said(placer, certain(placer.centres)) == [FITS, FITS]


def test_one_group_takes_nobody_of_whom_nothing_is_known():
    rng = np.random.default_rng(6)
    points = np.vstack([rng.normal(size=(200, 2)) * 0.3, rng.normal(size=(200, 2)) * 1.5])
    placer = Placer.fit(points, np.repeat([0, -1], 200))
    nothing = Scores(np.zeros((1, 2)), placer.spread[None])
    assert said(placer, nothing) == [TOO_LITTLE]
    assert said(placer, certain([[0.0, 0.0], [3.0, 3.0]])) == [FITS, UNLIKE]


def test_oddness_makes_a_patient_in_the_centre_unlike():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    centre = certain(placer.centres[:1])
    assert said(placer, centre, oddness=np.array([0.0])) == [FITS]
    assert said(placer, centre, oddness=np.array([1000.0])) == [UNLIKE]


def test_unassigned_patients_do_not_describe_a_group():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    more = np.vstack([points, [[50.0, 50.0]]])
    again = Placer.fit(more, np.r_[labels, -1])
    assert again.centres == pytest.approx(placer.centres, abs=1e-2)
    assert again.covariances == pytest.approx(placer.covariances, rel=0.02, abs=0.02)
    assert (again.shares == placer.shares).all()


def test_a_small_group_borrows_its_covariance_from_the_pooled_one():
    rng = np.random.default_rng(1)
    points = np.vstack([rng.normal(size=(300, 2)), [[9.0, 9.0], [9.001, 9.0], [9.0, 9.001]]])
    placer = Placer.fit(points, np.repeat([0, 1], [300, 3]))
    assert np.linalg.eigvalsh(placer.covariances[1]).min() > 0.3
    assert placer.shares == pytest.approx([300 / 303, 3 / 303])


def test_no_groups_place_nobody():
    rng = np.random.default_rng(0)
    placement = Placer.fit(rng.normal(size=(5, 2)), np.full(5, -1)).place(certain(np.zeros((5, 2))))
    assert placement.probability.shape == (5, 0)
    assert placement.decide()[0].tolist() == [-1] * 5


def test_some_groups_of_a_placer_are_placed_in_as_if_there_were_no_others():
    points, labels = two_groups()
    one = Placer.fit(points, labels).subset([1])
    assert one.shares.tolist() == [1.0]
    assert one.place(certain(points[:5])).probability.tolist() == [[1.0]] * 5


def test_everybody_is_placed_the_same_alone_to_the_last_bit():
    points, labels = two_groups(n=200)
    rng = np.random.default_rng(7)
    wide = rng.normal(size=(300, 2, 2))
    scores = Scores(points, 0.05 * wide @ np.swapaxes(wide, 1, 2))
    placer = Placer.fit(points, labels, missing_cov=scores.missing_cov)
    together = placer.place(scores)
    for i in range(0, 300, 17):
        alone = placer.place(Scores(scores.mean[[i]], scores.missing_cov[[i]]))
        assert (alone.probability[0] == together.probability[i]).all()
        assert alone.likeness[0] == together.likeness[i]
        assert alone.information[0] == together.information[i]


def test_an_anchor_is_a_group_of_five_or_more_and_nobody_s_place():
    rng = np.random.default_rng(8)
    points = rng.normal(size=(203, 3))
    places = points[:, :2] * 2 + 0.01 * rng.normal(size=(203, 2))
    anchors = Anchors.fit(points, places)
    assert 10 < len(anchors.centres) <= 203 // LEAST
    assert np.abs(anchors.centres[:, None] - points[None]).max(axis=2).min() > 1e-6
    inner = np.abs(points).max(axis=1) < 1
    error = np.hypot(*(anchors.place(points[inner]) - places[inner]).T)
    assert np.median(error) < 0.2 * np.ptp(places, axis=0).max()


def test_anchors_of_equal_or_few_patients_still_hold_five():
    equal = Anchors.fit(np.zeros((40, 2)), np.ones((40, 2)))
    assert equal.places.tolist() == [[1.0, 1.0]]
    few = Anchors.fit(np.zeros((4, 2)), np.ones((4, 2)))
    assert np.isnan(few.place(np.zeros((2, 2)))).all()
    spread = np.arange(12.0)[:, None] ** 3
    assert len(Anchors.fit(spread, np.hstack([spread, spread])).centres) <= 2
