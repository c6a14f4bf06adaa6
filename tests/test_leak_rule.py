"""The leak rule: its measures against slow references, and how far chance goes."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import found
from scipy.stats import mannwhitneyu, pearsonr, rankdata

from phenotyper._kernels.concordance import (
    absolute_correlation,
    auc_and_chance,
    column_ranks,
    concordance_and_chance,
    quick_concordance,
    quick_correlation,
    usable_pairs,
)
from phenotyper.cohort.read import check_cohort


def test_ranks_and_ties_agree_with_scipy():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, (50, 7)).astype(float)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, 6] = rng.permutation(50)
    ranks, ties = column_ranks(values)
    for column, found_ranks, tie in zip(values.T, ranks.T, ties, strict=True):
        known = ~np.isnan(column)
        np.testing.assert_array_equal(found_ranks[known], rankdata(column[known]))
        assert (found_ranks[~known] == 0).all()
        times = np.unique(column[known], return_counts=True)[1]
        assert tie == (times**3 - times).sum()


def test_the_chance_of_an_auc_is_corrected_for_ties_as_mann_and_whitney():
    rng = np.random.default_rng(1)
    target = (np.arange(80) < 30).astype(float)
    values = rng.integers(0, 3, (80, 5)) + target[:, None] * rng.integers(0, 2, (80, 5))
    strength, chance = auc_and_chance(*column_ranks(values.astype(float)), target)
    for column, auc, p in zip(values.T, strength, chance, strict=True):
        test = mannwhitneyu(column[:30], column[30:], use_continuity=False, method="asymptotic")
        share = test.statistic / (30 * 50)
        assert auc == pytest.approx(max(share, 1 - share))
        assert p == pytest.approx(test.pvalue)


def test_correlations_agree_with_scipy_and_the_quick_one_agrees_with_the_exact_one():
    rng = np.random.default_rng(2)
    target = rng.normal(1e6, 1, 60)
    values = np.column_stack([target + rng.normal(0, 1, 60), rng.normal(size=60), np.full(60, 3.0)])
    exact = absolute_correlation(values, target)
    assert exact[0] == pytest.approx(pearsonr(values[:, 0], target).statistic)
    assert exact[2] == 0
    np.testing.assert_allclose(quick_correlation(values, target), exact, atol=1e-6)
    values[3, 1] = np.nan
    known = np.arange(60) != 3
    expected = abs(pearsonr(values[known, 1], target[known]).statistic)
    assert absolute_correlation(values, target)[1] == pytest.approx(expected)
    assert quick_correlation(values, target)[1] == pytest.approx(expected)


def plain_concordance(column: np.ndarray, time: np.ndarray, event: np.ndarray) -> float:
    """Harrell 1982 by the definition, over all pairs."""
    score, pairs = 0.0, 0
    for one, other in combinations(range(len(time)), 2):
        first, second = (
            (one, other) if (time[one], 1 - event[one]) < (time[other], 1 - event[other]) else (other, one)
        )
        same_moment = time[first] == time[second] and event[first] == event[second]
        if event[first] == 1 and not same_moment:
            pairs += 1
            score += 0.5 if column[first] == column[second] else float(column[first] > column[second])
    return max(score / pairs, 1 - score / pairs)


def test_harrells_c_agrees_with_its_definition():
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 15, 40).astype(float), rng.integers(0, 2, 40).astype(float)
    column = rng.integers(0, 8, 40).astype(float)
    pairs = usable_pairs(time, event)
    expected = plain_concordance(column, time, event)
    assert concordance_and_chance(column, pairs)[0] == pytest.approx(expected)
    assert quick_concordance(column[:, None], pairs)[0] == pytest.approx(expected)


def test_the_variance_of_harrells_c_is_that_over_all_orders():
    time, event = np.array([1.0, 2.0, 3.0, 3.0, 5.0, 6.0]), np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    pairs = usable_pairs(time, event)
    scores = []
    for order in permutations(range(6)):
        column = np.array(order, dtype=float)
        scores.append(np.sign(column[pairs[:, 0]] - column[pairs[:, 1]]).sum())
    balance = np.bincount(pairs[:, 0], minlength=6) - np.bincount(pairs[:, 1], minlength=6)
    assert np.var(scores) == pytest.approx((len(pairs) + (balance**2).sum()) / 3)
    from scipy.special import ndtr

    column = np.array([6.0, 5, 4, 3, 2, 1])
    expected = 2 * ndtr(-len(pairs) / np.std(scores))
    assert concordance_and_chance(column, pairs) == pytest.approx((1.0, expected))


def cohort(n: int, p: int, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return features, follow-up with half of the events censored, and when each event would come."""
    rng = np.random.default_rng(seed)
    ids = [f"p{row}" for row in range(n)]
    comes, leaves = rng.exponential(200, n), rng.exponential(200, n)
    people = pd.DataFrame(
        {"time": np.minimum(comes, leaves), "dead": (comes < leaves).astype(int)}, index=ids
    )
    genes = pd.DataFrame(rng.normal(size=(n, p)), index=ids, columns=[f"g{place}" for place in range(p)])
    return genes, people, comes


def declared(genes: pd.DataFrame, people: pd.DataFrame, **options: Any) -> dict[str, Any]:
    return {
        "blocks": {"genes": {"file": genes, "kind": "log"}},
        "patients": {"file": people},
        "outcomes": {"death": {"kind": "survival", "column": "dead", "time": "time"}},
        **options,
    }


@pytest.mark.parametrize("n", [120, 900])
def test_a_score_that_orders_survival_is_refused_although_it_tells_neither_event_nor_time_alone(n: int):
    genes, people, comes = cohort(n, 30)
    assert check_cohort(declared(genes, people)).problems == ()
    genes["g7"] = -np.log(comes)
    problem = found(check_cohort(declared(genes, people)), "LEAK")
    assert "outcome death away: g7 (C 1.00)" in problem.message


def test_a_leak_in_a_large_cohort_is_found_although_most_patients_are_only_looked_at_later():
    genes, people, _ = cohort(3000, 40)
    genes["g3"] = people["dead"] + np.random.default_rng(1).normal(0, 0.3, 3000)
    genes["g4"] = np.nan
    genes.loc[genes.index[::40], "g4"] = people.loc[people.index[::40], "dead"] * 9 + np.arange(75) / 75
    message = found(check_cohort(declared(genes, people)), "LEAK").message
    assert "g3 (AUC" in message
    assert "g4 (AUC 1.00)" in message


def test_more_outcomes_make_chance_reach_further():
    """Six against six, a perfect order has p = 2 / 924: 20 features bear it, 20 x 5 outcomes do not."""
    rng = np.random.default_rng(2)
    ids = [f"p{row}" for row in range(12)]
    genes = pd.DataFrame(rng.normal(size=(12, 20)), index=ids, columns=[f"g{place}" for place in range(20)])
    people = pd.DataFrame({f"o{place}": rng.permutation([0, 1] * 6) for place in range(5)}, index=ids)
    genes["g0"] = people["o0"] * 5 + np.arange(12) / 12

    def report(outcomes: int) -> list[str]:
        names = [f"o{place}" for place in range(outcomes)]
        source = {
            "blocks": {"genes": {"file": genes, "kind": "log"}},
            "patients": {"file": people},
            "outcomes": {name: {"kind": "binary", "column": name} for name in names},
        }
        return [problem.code for problem in check_cohort(source).errors]

    assert report(1) == ["LEAK"]
    assert report(5) == []
