"""Placing in the latent space."""

import numpy as np
import pytest
from scipy.stats import chi2

from phenotyper.discover.place import REGION, Placer
from phenotyper.integrate.factors import Scores


def two_groups(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [n, n // 2])
    points = rng.normal(size=(len(labels), 2)) * np.where(labels == 0, 1.0, 1.5)[:, None]
    points[labels == 1] += [6.0, 0.0]
    return points, labels


def certain(points):
    return Scores(np.atleast_2d(points), np.zeros((len(np.atleast_2d(points)), 2, 2)))


def test_probabilities_are_those_of_quadratic_discriminant_analysis():
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    points, labels = two_groups()
    found = Placer.fit(points, labels).place(certain(points)).probability
    expected = QuadraticDiscriminantAnalysis().fit(points, labels).predict_proba(points)
    assert np.abs(found - expected).max() < 0.05
    assert np.abs(found - expected).mean() < 0.002


def test_the_region_holds_its_share_of_a_group_and_nobody_far_away():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    inside = placer.place(certain(points)).inside
    assert inside[labels == 0, 0].mean() == pytest.approx(REGION, abs=0.02)
    far = placer.place(certain([[60.0, 60.0]]))
    assert not far.inside.any()


def test_what_was_not_observed_widens_the_region_and_blurs_the_choice():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    where = np.array([[3.2, 0.0]])
    sure = placer.place(certain(where))
    unsure = placer.place(Scores(where, np.eye(2)[None] * 9))
    assert unsure.inside.sum() > sure.inside.sum()
    assert unsure.probability.max() < sure.probability.max()


def test_unassigned_patients_do_not_describe_a_group():
    points, labels = two_groups()
    placer = Placer.fit(points, labels)
    more = np.vstack([points, [[500.0, 500.0]]])
    again = Placer.fit(more, np.r_[labels, -1])
    assert (again.centres == placer.centres).all()
    assert (again.covariances == placer.covariances).all()


def test_a_small_group_borrows_its_covariance_from_the_pooled_one():
    rng = np.random.default_rng(1)
    points = np.vstack([rng.normal(size=(300, 2)), [[9.0, 9.0], [9.001, 9.0], [9.0, 9.001]]])
    placer = Placer.fit(points, np.repeat([0, 1], [300, 3]))
    assert np.linalg.eigvalsh(placer.covariances[1]).min() > 0.3
    assert placer.shares == pytest.approx([300 / 303, 3 / 303])


def test_no_groups_place_nobody():
    placement = Placer.fit(np.zeros((5, 2)), np.full(5, -1)).place(certain(np.zeros((5, 2))))
    assert placement.probability.shape == (5, 0)
    assert chi2.ppf(REGION, 2) > 0
