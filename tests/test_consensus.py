"""Many runs to one partition: what is found again, who belongs where, and that luck does not decide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from phenotyper.discover.consensus import combine

N = 60
TRUTH = np.repeat([0, 1, 2], 20)


def combined(runs, *, least=None, ties=None):
    runs = np.asarray(runs, dtype=np.intp)
    return combine(
        runs,
        np.arange(runs.shape[1]) if ties is None else ties,
        least=np.ones(len(runs), dtype=np.intp) if least is None else np.asarray(least),
    )


def noisy(truth, share, rng):
    """Return the truth with a share of the patients left out, groups numbered at random."""
    names = rng.permutation(truth.max() + 1)
    return np.where(rng.uniform(size=len(truth)) < share, -1, names[truth])


def test_groups_that_all_runs_find_are_found_whatever_their_numbers():
    rng = np.random.default_rng(0)
    found = combined([noisy(TRUTH, 0.1, rng) for _ in range(12)])
    assert found.memberships.shape == (N, 3)
    assert all(len(set(found.labels[g == TRUTH])) == 1 for g in range(3))
    assert len(set(found.labels)) == 3
    assert found.memberships.mean(axis=0) == pytest.approx(0.9 / 3, abs=0.03)


def test_a_group_that_one_run_alone_shows_is_not_reported():
    rng = np.random.default_rng(1)
    once = np.where(np.arange(N) < 8, 3, TRUTH)
    found = combined([once, *(noisy(TRUTH, 0.1, rng) for _ in range(9))])
    assert found.memberships.shape[1] == 3


def test_runs_at_random_leave_nothing():
    rng = np.random.default_rng(2)
    found = combined(rng.integers(-1, 4, size=(15, N)))
    assert found.memberships.shape == (N, 0)
    assert (found.labels == -1).all()


def test_runs_that_may_not_report_so_small_a_group_do_not_speak_against_it():
    small = np.where(np.arange(N) < 6, 0, np.where(np.arange(N) < 40, 1, 2))
    without = np.where(small == 0, -1, small - 1)
    runs = [small] * 3 + [without] * 6
    assert combined(runs, least=[5] * 9).memberships.shape[1] == 2
    found = combined(runs, least=[5] * 3 + [15] * 6)
    assert found.memberships.shape[1] == 3
    assert len(set(found.labels[:6])) == 1
    assert found.labels[0] not in found.labels[6:]


def test_patients_with_the_same_data_have_the_same_memberships():
    rng = np.random.default_rng(3)
    ties = np.arange(N) // 2
    found = combined([noisy(TRUTH, 0.4, rng) for _ in range(6)], ties=ties)
    assert np.array_equal(found.memberships[::2], found.memberships[1::2])


def test_no_run_gives_no_group():
    found = combined(np.empty((0, 5)))
    assert (found.reference, found.memberships.shape, found.agreement.shape) == (-1, (5, 0), (0,))


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.intp, (5, 15), elements=st.integers(-1, 3)), st.randoms(use_true_random=False))
def test_the_names_of_a_runs_groups_do_not_matter(runs, random):
    runs = np.array([_numbered(run) for run in runs])
    turned = []
    for run in runs:
        names = list(range(run.max() + 1))
        random.shuffle(names)
        turned.append(np.array([*names, -1])[run])
    one, other = combined(runs), combined(turned)
    assert one.agreement == pytest.approx(other.agreement)
    assert np.sort(one.stability) == pytest.approx(np.sort(other.stability))
    assert np.array_equal(one.labels >= 0, other.labels >= 0)


def _numbered(run):
    names = {old: new for new, old in enumerate(sorted(set(run[run >= 0].tolist())))}
    return np.array([names.get(label, -1) for label in run.tolist()])
