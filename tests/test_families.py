"""Families of simulated cohorts have the shape, the groups and the holes that they state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenotyper.cli import main
from phenotyper.cohort.blocks import Block, Blocks, blocks_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.datasets import (
    degrade,
    families,
    family_blocks,
    family_names,
    simulate_cohort,
    simulate_family,
)
from phenotyper.datasets.family_list import FAMILIES
from phenotyper.errors import CohortError

SMALL = {"wide": {"n_features": 400}, "planted_wide": {"n_features": 400}}
PINNED = ([-0.9148, -0.4638, -1.32], ["group 2", "group 2", "group 2"])
HOLES = {"share_missing": 0.2, "share_absent": 0.2}


def small(name):
    """Return settings that keep a test short."""
    return SMALL.get(name, {})


def values_of(blocks):
    return np.hstack([block.values for block in blocks.blocks])


def family_values(name, **settings):
    blocks, truth = family_blocks(name, **settings)
    return values_of(blocks), truth


def same_blocks(one, other):
    """Tell whether two cohorts hold the same in the same order, to the last bit."""
    assert [block.name for block in one.blocks] == [block.name for block in other.blocks]
    for here, there in zip(one.blocks, other.blocks, strict=True):
        np.testing.assert_array_equal(here.values, there.values)
        np.testing.assert_array_equal(here.present, there.present)
        np.testing.assert_array_equal(here.censored, there.censored)
        about = ("features", "kinds", "units", "levels")
        assert [getattr(here, key) for key in about] == [getattr(there, key) for key in about]
    for here, there in zip(one.covariates, other.covariates, strict=True):
        assert (here.name, here.levels) == (there.name, there.levels)
        np.testing.assert_array_equal(here.values, there.values)
    np.testing.assert_array_equal(one.ties, other.ties)


def group_means(values, truth):
    """Return the mean of each group (groups x features) and the standard deviation within groups."""
    names = sorted(set(truth.tolist()) - {"none"})
    means = np.array([values[truth == name].mean(axis=0) for name in names])
    inside = np.concatenate([values[truth == name] - values[truth == name].mean(axis=0) for name in names])
    return means, np.sqrt((inside**2).sum(axis=0) / (len(inside) - len(names)))


def kurtosis(values):
    scores = (values - values.mean(axis=0)) / values.std(axis=0)
    return (scores**4).mean()


def smallest_bic(values, most=4):
    """Return the number of components that a Gaussian mixture on the leading components prefers."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    scores = PCA(5, random_state=0).fit_transform(values)
    bic = [GaussianMixture(k, random_state=0, n_init=3).fit(scores).bic(scores) for k in range(1, most + 1)]
    return int(np.argmin(bic)) + 1


# --- all families


@pytest.mark.parametrize("name", family_names())
@pytest.mark.parametrize("holes", [{}, {**HOLES, "missing": "mar"}], ids=["whole", "holes"])
def test_reading_the_tables_gives_the_arrays_of_the_fast_road(name, holes):
    settings = {"seed": 3, **small(name), **holes}
    cohort = simulate_family(name, **settings)
    adjust_for = [role for role in cohort.covariates if role not in ("patient_id", "family")]
    read, ids = blocks_of(read_cohort(cohort.declaration, quiet=True), adjust_for=adjust_for)
    fast, truth = family_blocks(name, adjust_for=adjust_for, **settings)
    same_blocks(fast, read)
    told = cohort.truth.set_index("patient_id")["subphenotype"]
    assert truth.tolist() == told[ids].tolist()


@pytest.mark.parametrize("name", family_names())
def test_reading_a_family_warns_of_nothing_but_what_it_is(name):
    expected = {"heavy_tails": {"OUTLIER"}}
    report = check_cohort(simulate_family(name, seed=3, **small(name)).declaration)
    assert {problem.code for problem in report.warnings} <= expected.get(name, set())
    assert report.ok


@pytest.mark.parametrize("name", family_names())
def test_the_same_seed_gives_the_same_values_and_another_seed_others(name):
    first, again, other = (family_blocks(name, seed=seed, **small(name))[0] for seed in (5, 5, 6))
    same_blocks(first, again)
    assert np.mean(values_of(first) == values_of(other)) < 0.6


@pytest.mark.parametrize("name", family_names())
def test_holes_leave_every_other_value_as_it_was(name):
    whole = by_patient(simulate_family(name, seed=4, n_blocks=deal(name), share_absent=0, **small(name)))
    holed = by_patient(simulate_family(name, seed=4, **small(name), **HOLES))
    if FAMILIES[name].share_missing:
        whole = by_patient(
            simulate_family(name, seed=4, n_blocks=deal(name), share_missing=0, share_absent=0)
        )
    assert set(whole) == set(holed)
    for column in whole:
        left = holed[column].dropna()
        assert left.tolist() == whole[column][left.index].tolist()


def deal(name):
    return 3 if len(FAMILIES[name].blocks) == 1 else None


def by_patient(cohort):
    """Return every feature as a Series by patient."""
    found = {}
    for block in cohort.declaration["blocks"]:
        table = cohort.tables[block].set_index("patient_id")
        found |= {column: table[column] for column in table}
    return found


@pytest.mark.parametrize("name", family_names())
def test_the_shares_of_holes_are_those_asked_for_and_nobody_is_left_without_a_block(name):
    blocks, _ = family_blocks(name, seed=2, **small(name), share_missing=0.3, share_absent=0.4)
    present = np.column_stack([block.present for block in blocks.blocks])
    assert 1 - present.mean() == pytest.approx(0.4, abs=0.002)
    assert present.any(axis=1).all()
    inside = np.concatenate([np.isnan(block.values[block.present]).ravel() for block in blocks.blocks])
    assert inside.mean() == pytest.approx(0.3, abs=0.015)
    for block in blocks.blocks:
        assert not np.isnan(block.values[block.present]).all(axis=1).any()
        assert np.isnan(block.values[~block.present]).all()


def test_the_global_random_state_is_neither_read_nor_moved():
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    family_blocks("planted_mixed", seed=1, share_missing=0.1)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_values_are_pinned_so_that_published_figures_can_be_made_again():
    values, truth = family_values("planted", seed=1)
    assert (values[0, :3].tolist(), truth[:3].tolist()) == PINNED


# --- groups


@pytest.mark.parametrize("separation", [1.5, 2.5, 3.0])
def test_a_marked_group_lies_as_many_standard_deviations_apart_as_was_asked(separation):
    values, truth = family_values("planted", seed=1, n_patients=6000, separation=separation)
    means, within = group_means(values, truth)
    assert within == pytest.approx(np.ones(50), abs=0.05)
    away = np.sort(np.abs(means - np.median(means, axis=0)).max(axis=0))
    assert away[-12:] == pytest.approx(np.full(12, separation), abs=0.15)
    assert away[:-12].max() < 0.15


@pytest.mark.parametrize(("groups", "share"), [(2, 0.2), (3, 0.3), (4, 0.4)])
def test_the_centres_lie_as_far_apart_as_the_docstring_says(groups, share):
    values, truth = family_values(
        "planted", seed=2, n_patients=8000, n_groups=groups, share_informative=share
    )
    means, _ = group_means(values, truth)
    squared = ((means[:, None] - means[None]) ** 2).sum(axis=2)[np.triu_indices(groups, 1)]
    assert np.sqrt(squared.mean()) == pytest.approx(2.5 * np.sqrt(2 * share * 50 / groups), rel=0.03)


def test_a_discriminant_tells_groups_apart_as_well_as_their_distance_allows():
    from scipy.stats import norm
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    settings = {"n_patients": 8000, "n_groups": 2, "separation": 1.0}
    values, truth = family_values("planted", seed=3, **settings)
    half = len(truth) // 2
    model = LinearDiscriminantAnalysis().fit(values[:half], truth[:half])
    means, _ = group_means(values, truth)
    inside = np.cov(values - means[(truth == "group 2").astype(int)], rowvar=False)
    gap = means[1] - means[0]
    distance = np.sqrt(gap @ np.linalg.solve(inside, gap))
    assert model.score(values[half:], truth[half:]) == pytest.approx(norm.cdf(distance / 2), abs=0.02)


def test_another_separation_moves_groups_and_nothing_else():
    close, far = (
        simulate_family("planted", seed=4, separation=size).tables["features"] for size in (2.0, 3.0)
    )
    moved = far.drop(columns="patient_id") - close.drop(columns="patient_id")
    assert (moved.abs().to_numpy() > 1e-3).any(axis=0).sum() == 12
    np.testing.assert_allclose(np.unique(moved.abs().round(3)), [0.0, 1.0], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "sizes"),
    [
        ("planted", {}, [100, 100, 100]),
        ("planted", {"n_groups": 4}, [75, 75, 75, 75]),
        ("planted", {"sizes": (0.5, 0.3, 0.2)}, [150, 90, 60]),
        ("planted_unequal", {}, [180, 75, 45]),
        ("planted_unequal", {"n_groups": 2}, [150, 150]),
        ("planted_small", {}, [736, 64]),
        ("planted_noise", {}, [85, 85, 85, 45]),
        ("planted_noise", {"share_without": 0.4, "n_groups": 2}, [90, 90, 120]),
    ],
)
def test_groups_have_the_sizes_asked_for(name, settings, sizes):
    truth = simulate_family(name, seed=5, **settings).truth["subphenotype"]
    assert truth.value_counts().reindex(sorted(set(truth))).tolist() == sizes


def test_patients_of_a_group_stand_in_no_order():
    truth = simulate_family("planted", seed=5).truth["subphenotype"].to_numpy()
    assert (truth[1:] == truth[:-1]).mean() == pytest.approx(1 / 3, abs=0.1)


def test_groups_of_one_block_leave_the_others_alone():
    blocks, truth = family_blocks("planted_one_block", seed=6, n_patients=4000)
    far = {}
    for block in blocks.blocks:
        means, within = group_means(block.values, truth)
        far[block.name] = int((np.ptp(means, axis=0) / within > 1).sum())
    assert far == {"genes": 0, "metabolites": 0, "proteins": 12}


def test_groups_of_all_blocks_are_marked_in_each():
    blocks, truth = family_blocks("planted_all_blocks", seed=6, n_patients=4000)
    for block in blocks.blocks:
        means, within = group_means(block.values, truth)
        assert (np.ptp(means, axis=0) / within > 1).sum() == 4


def test_patients_in_no_group_spread_over_all_groups():
    values, truth = family_values("planted_noise", seed=7, n_patients=6000)
    means, within = group_means(values, truth)
    informative = np.ptp(means, axis=0) > 1
    without = values[truth == "none"][:, informative]
    assert without.mean(axis=0) == pytest.approx(means[:, informative].mean(axis=0), abs=0.2)
    assert without.std(axis=0) == pytest.approx(np.sqrt(1 + 2.5**2 * 2 / 9) * within[informative], rel=0.08)


def test_groups_on_a_gradient_have_both():
    values, truth = family_values("planted_gradient", seed=8, n_patients=4000)
    flat, _ = family_values("planted_gradient", seed=8, n_patients=4000, slope=0)
    means, within = group_means(values, truth)
    assert (np.ptp(means, axis=0) > 1).sum() == 12
    assert np.sort(within)[:25] == pytest.approx(np.ones(25), abs=0.05)
    assert np.sort(within)[25:] == pytest.approx(np.full(25, np.sqrt(2)), abs=0.06)
    assert np.sort(flat.std(axis=0))[:38] == pytest.approx(np.ones(38), abs=0.05)


def test_planted_groups_show_in_levels_as_well():
    blocks, truth = family_blocks("planted_mixed", seed=9, n_patients=3000)
    block = blocks.blocks[0]
    differ = dict.fromkeys(block.kinds, 0)
    for values, kind in zip(block.values.T, block.kinds, strict=True):
        if kind == "number":
            means, within = group_means(values[:, None], truth)
            differ[kind] += int(np.ptp(means) > 2 * within[0])
        else:
            counts = pd.crosstab(values, truth, normalize="columns").to_numpy()
            differ[kind] += int(np.ptp(counts, axis=1).max() > 0.2)
    assert sum(differ.values()) == 20
    assert min(differ.values()) >= 3


# --- shapes of null families


def test_independent_features_are_normal_and_uncorrelated():
    values, truth = family_values("independent", seed=1, n_patients=4000)
    assert set(truth.tolist()) == {"none"}
    assert np.abs(values.mean(axis=0)).max() < 0.07
    assert values.std(axis=0) == pytest.approx(np.ones(50), abs=0.05)
    assert np.abs(np.corrcoef(values, rowvar=False) - np.eye(50)).max() < 0.08
    assert kurtosis(values) == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("settings", "expected"), [({}, 0.5), ({"correlation": 0.2}, 0.2)])
def test_correlated_features_come_in_five_sets(settings, expected):
    values, _ = family_values("correlated", seed=1, n_patients=4000, **settings)
    together = np.repeat(np.arange(5), 10)
    expected = np.where(together[:, None] == together[None], expected, 0.0)
    np.fill_diagonal(expected, 1.0)
    assert np.abs(np.corrcoef(values, rowvar=False) - expected).max() < 0.08


def test_sets_of_three_blocks_are_correlated_between_the_blocks():
    values, _ = family_values("three_blocks", seed=1, n_patients=4000, share_absent=0)
    together, block = np.tile(np.repeat(np.arange(5), 8), 3), np.repeat(np.arange(3), 40)
    expected = np.where(together[:, None] == together[None], 0.25, 0.0)
    expected[(block[:, None] == block[None]) & (expected > 0)] = 0.5
    np.fill_diagonal(expected, 1.0)
    assert np.abs(np.corrcoef(values, rowvar=False) - expected).max() < 0.08


def test_skewed_features_are_lognormal():
    skewed, _ = family_values("skewed", seed=1, n_patients=4000)
    logs = np.log(np.maximum(skewed, 1e-4)) / 0.75
    assert (skewed > 0).mean() > 0.999
    assert kurtosis(logs) == pytest.approx(3, abs=0.15)
    assert kurtosis(skewed) > 10


def test_heavy_tails_are_common_to_all_features_of_a_patient():
    values, _ = family_values("heavy_tails", seed=1, n_patients=4000)
    normal, _ = family_values("correlated", seed=1, n_patients=4000)
    spread, usual = (np.log((one**2).mean(axis=1)).std() for one in (values, normal))
    assert spread > 1.8 * usual
    quartiles = np.quantile(values, [0.25, 0.75], axis=0)
    assert np.ptp(quartiles, axis=0) == pytest.approx(np.full(50, 2 * 0.7649 / np.sqrt(3)), abs=0.08)


def test_mixed_features_are_of_four_kinds_and_still_correlated():
    blocks, _ = family_blocks("mixed", seed=1, n_patients=3000)
    block = blocks.blocks[0]
    assert {kind: block.kinds.count(kind) for kind in block.kinds} == {
        "number": 13,
        "ordinal": 13,
        "yes/no": 12,
        "category": 12,
    }
    for column, kind, levels in zip(block.values.T, block.kinds, block.levels, strict=True):
        assert len(np.unique(column)) == len(levels) if levels else len(np.unique(column)) > 2000
        assert kind != "yes/no" or 0.17 < column.mean() < 0.53
    numbers = [place for place, kind in enumerate(block.kinds) if kind == "number" and place < 10]
    assert np.corrcoef(block.values[:, numbers], rowvar=False)[0, 1:] == pytest.approx(0.5, abs=0.06)


def test_a_gradient_is_uniform_and_a_sigmoid_crowds_its_ends():
    shares = {}
    for name in ("gradient", "sigmoid"):
        values, _ = family_values(name, seed=1, n_patients=4000)
        left, size, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
        assert size[0] > 3 * size[1]
        place = left[:, 0] / left[:, 0].std()
        shares[name] = np.mean(np.abs(place) < 0.5)
    assert shares["gradient"] == pytest.approx(0.5 / np.sqrt(3), abs=0.03)
    assert shares["sigmoid"] < 0.6 * shares["gradient"]


def test_the_exposure_orders_the_sigmoid_and_takes_it_out_when_adjusted_for():
    cohort = simulate_family("sigmoid", seed=1, n_patients=2000)
    values = cohort.tables["features"].drop(columns="patient_id").to_numpy()
    exposure = cohort.covariates["exposure"].to_numpy()
    assert (exposure.min(), exposure.max()) == pytest.approx((0, 100), abs=0.5)
    knots = np.clip(exposure[:, None] / 100 - np.linspace(0, 0.9, 10), 0, None)
    design = np.column_stack([np.ones(len(exposure)), knots])
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    assert np.corrcoef(np.linalg.svd(values)[0][:, 0], exposure)[0, 1] ** 2 > 0.8
    assert np.abs(np.corrcoef(rest, rowvar=False) - np.eye(50)).max() < 0.12


@pytest.mark.parametrize(
    ("name", "role", "levels"), [("site", "site", 3), ("sex", "sex", 2), ("batch_residualised", "site", 3)]
)
def test_sites_and_sexes_move_values_and_taking_their_means_off_leaves_the_background(name, role, levels):
    cohort = simulate_family(name, seed=2, n_patients=3000)
    values = cohort.tables["features"].drop(columns="patient_id")
    groups = cohort.covariates[role]
    assert groups.nunique() == levels
    assert set(cohort.truth["subphenotype"]) == {"none"}
    means = values.groupby(groups).mean()
    assert (np.ptp(means.to_numpy(), axis=0) > 1).sum() == (50 if name == "batch_residualised" else 15)
    rest = (values - values.groupby(groups).transform("mean")).to_numpy()
    together = np.repeat(np.arange(5), 10)
    expected = np.where(together[:, None] == together[None], 0.5, 0.0) + 0.5 * np.eye(50)
    assert np.abs(np.corrcoef(rest, rowvar=False) - expected).max() < 0.1


def test_the_young_and_the_old_are_adults_who_lie_apart():
    cohort = simulate_family("age", seed=2, n_patients=2000)
    age = cohort.covariates["age"]
    assert age.min() >= 18
    assert not age.between(35.5, 59.5).any()
    values = cohort.tables["features"].drop(columns="patient_id")
    means = values.groupby(age > 50).mean().to_numpy()
    assert (np.abs(means[1] - means[0]) > 1).sum() == 15


def test_siblings_are_alike_and_strangers_are_not():
    cohort = simulate_family("siblings", seed=2, n_patients=3000)
    values = cohort.tables["features"].drop(columns="patient_id").to_numpy()
    family = cohort.covariates["family"].to_numpy()
    order = np.argsort(family, kind="stable")
    trios = values[order].reshape(-1, 3, 50)
    assert pd.Series(family).value_counts().eq(3).all()
    alike = [np.corrcoef(trios[:, 0, place], trios[:, 1, place])[0, 1] for place in range(50)]
    strange = [np.corrcoef(trios[:-1, 0, place], trios[1:, 1, place])[0, 1] for place in range(50)]
    assert np.mean(alike) == pytest.approx(0.5, abs=0.04)
    assert np.mean(strange) == pytest.approx(0.0, abs=0.04)
    assert values.std() == pytest.approx(1, abs=0.03)


def test_counts_are_whole_and_have_more_zeros_than_their_mean_explains():
    values, _ = family_values("zero_inflated", seed=3, n_patients=2000)
    assert (values == np.round(values)).all()
    assert values.min() == 0
    zeros = (values == 0).mean(axis=0)
    poisson = np.exp(-values.mean(axis=0))
    assert (zeros > poisson + 0.1).all()
    above = np.where(values > 0, np.log(np.maximum(values, 1)), np.nan)
    assert pd.DataFrame(above).corr().to_numpy()[0, 1] > 0.2


def test_parts_sum_to_one_and_some_are_not_seen():
    values, _ = family_values("composition", seed=3)
    assert values.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-9)
    assert 0.02 < (values == 0).mean() < 0.4


def test_a_wide_cohort_has_many_more_features_than_patients():
    values, _ = family_values("wide", seed=3)
    assert values.shape == (100, 5000)


@pytest.mark.parametrize("name", ["independent", "correlated"])
def test_a_mixture_finds_one_component_where_there_are_no_groups(name):
    assert smallest_bic(family_values(name, seed=4)[0]) == 1


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_a_mixture_finds_planted_groups(groups):
    values, _ = family_values("planted", seed=4, n_groups=groups, share_informative=0.4, separation=3.0)
    assert smallest_bic(values, most=6) == groups


def test_only_planted_families_have_groups():
    for name in family_names():
        truth = family_blocks(name, seed=1, **small(name))[1]
        planted = FAMILIES[name].kind == "planted"
        assert (set(truth.tolist()) == {"none"}) != planted
        assert (FAMILIES[name].expected == "distinct") == planted


# --- holes


@pytest.fixture(scope="module")
def whole():
    return family_blocks("three_blocks", seed=1, share_absent=0)[0]


def test_more_holes_hold_the_fewer(whole):
    few, many = (degrade(whole, share_missing=share, seed=2) for share in (0.1, 0.5))
    assert (np.isnan(values_of(many)) | ~np.isnan(values_of(few))).all()


def test_absent_blocks_leave_the_other_holes_where_they_are(whole):
    holes = degrade(whole, share_missing=0.3, seed=2)
    both = degrade(whole, share_missing=0.3, share_absent=0.2, seed=2)
    for one, other in zip(holes.blocks, both.blocks, strict=True):
        np.testing.assert_array_equal(one.values[other.present], other.values[other.present])


def test_nothing_to_take_away_changes_nothing(whole):
    same_blocks(degrade(whole, seed=2), whole)


def test_holes_completely_at_random_depend_on_nothing(whole):
    block = degrade(whole, share_missing=0.3, seed=3).blocks[0]
    gone = np.isnan(block.values)
    slope = [
        np.corrcoef(gone[:, place], whole.blocks[0].values[:, other])[0, 1]
        for place, other in zip(range(40), range(1, 41), strict=True)
        if other < 40
    ]
    assert np.abs(slope).mean() < 0.08


def test_holes_at_random_given_others_follow_features_that_stay_observed(whole):
    block = degrade(whole, share_missing=0.3, missing="mar", seed=3).blocks[0]
    gone = np.isnan(block.values)
    stay = np.flatnonzero(~gone.any(axis=0))
    assert len(stay) == 4
    related = [
        max(np.corrcoef(gone[:, place], block.values[:, driver])[0, 1] for driver in stay)
        for place in np.flatnonzero(gone.any(axis=0))
    ]
    assert min(related) > 0.2
    assert gone.mean() == pytest.approx(0.3, abs=0.02)


def test_holes_are_punched_beside_those_that_are_there_already():
    cohort = read_cohort(simulate_cohort(seed=7).declaration, quiet=True)
    blocks, _ = blocks_of(cohort)
    less = degrade(blocks, share_missing=0.3, share_absent=0.2, seed=1)
    before, after = (np.column_stack([block.present for block in one.blocks]) for one in (blocks, less))
    assert not (after & ~before).any()
    assert 1 - after.sum() / before.sum() == pytest.approx(0.2, abs=0.001)
    assert after.any(axis=1).all()
    for one, other in zip(blocks.blocks, less.blocks, strict=True):
        assert not (np.isnan(one.values) & ~np.isnan(other.values)).any()
        assert (other.censored[np.isnan(other.values)] == 0).all()
        known = np.isfinite(one.values[other.present])
        assert np.isnan(other.values[other.present])[known].mean() == pytest.approx(0.3, abs=0.03)
        assert not np.isnan(other.values[other.present]).all(axis=1).any()


def test_patients_alike_after_the_holes_are_told_as_tied():
    values = np.array([[1.0, 5.0], [1.0, 6.0], [2.0, 7.0]])
    block = Block(
        "b",
        values,
        np.ones(3, dtype=bool),
        np.zeros((3, 2), dtype=np.int8),
        ("x", "y"),
        ("number",) * 2,
        ("",) * 2,
        ((),) * 2,
    )
    found = [degrade(Blocks((block,), (), np.arange(3)), share_missing=0.5, seed=seed) for seed in range(40)]
    for one in found:
        cells = one.blocks[0].values
        alike = np.array_equal(cells[0], cells[1], equal_nan=True)
        assert (one.ties[0] == one.ties[1]) == alike
    assert any(one.ties[0] == one.ties[1] for one in found)


def test_a_patient_with_one_block_never_loses_it(whole):
    first = replace(whole.blocks[0], present=np.arange(300) < 200)
    lacking = replace(
        whole, blocks=(replace(first, values=np.where(first.present[:, None], first.values, np.nan)),)
    )
    with pytest.raises(CohortError, match=r"share_absent is 0\.1"):
        degrade(lacking, share_absent=0.1)


# --- settings


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("plantd", {}, "no family is called 'plantd'"),
        ("correlated", {"separation": 2.0}, "'correlated' has no such setting"),
        ("correlated", {"n_groups": 3}, "'correlated' has no such setting"),
        ("sex", {"n_groups": 3}, "'sex' has no such setting"),
        ("planted", {"slope": 1.0}, "'planted' has no such setting"),
        ("independent", {"correlation": 0.1}, "'independent' has no such setting"),
        ("correlated", {"correlation": 1.0}, "correlation is 1.0"),
        ("three_blocks", {"n_blocks": 2}, "'three_blocks' has no such setting"),
        ("planted", {"n_patients": 10}, "n_patients is 10"),
        ("planted", {"n_groups": 1}, "n_groups is 1"),
        ("planted", {"n_groups": 3, "sizes": (0.5, 0.5)}, "for 3 groups"),
        ("planted", {"sizes": (0.5, -0.5)}, "sizes is"),
        ("planted", {"separation": float("nan")}, "separation is nan"),
        ("planted", {"share_informative": 0.01}, "0 features for 3 groups"),
        ("planted", {"share_without": 1.0}, "share_without is 1.0"),
        ("planted", {"share_missing": 0.95}, "share_missing is 0.95"),
        ("planted", {"share_absent": 0.7}, "give a share from 0 to 0.66"),
        ("planted", {"share_absent": 0.1, "n_blocks": 1}, "give a share from 0 to 0"),
        ("planted", {"share_missing": 0.1, "missing": "mnar"}, "missing is 'mnar'"),
        ("planted", {"share_missing": 0.85, "missing": "mar"}, 'share_missing is 0.85 with "mar"'),
        ("planted", {"n_blocks": 4}, "n_blocks is 4"),
    ],
)
@pytest.mark.parametrize("road", [simulate_family, family_blocks])
def test_an_impossible_setting_is_refused_in_words(road, name, settings, said):
    with pytest.raises(CohortError) as told:
        road(name, **settings)
    assert told.value.codes == ("SIMULATION",)
    assert said in str(told.value)


def test_a_covariate_that_the_family_lacks_is_refused():
    with pytest.raises(CohortError, match=r"adjust_for names age, which 'site' does not have\. It has site"):
        family_blocks("site", adjust_for=["age"])


def test_features_are_dealt_out_to_blocks_with_their_values_as_they_were():
    one = by_patient(simulate_family("planted_mixed", seed=1))
    three = simulate_family("planted_mixed", seed=1, n_blocks=3)
    assert [len(three.tables[name].columns) for name in ("part1", "part2", "part3")] == [18, 18, 17]
    dealt = by_patient(three)
    assert set(one) == set(dealt)
    assert all(one[column].tolist() == dealt[column].tolist() for column in one)


# --- the list, the files, the command


def test_the_table_of_families_says_what_each_is():
    table = families().set_index("name")
    assert tuple(table.index) == family_names() == (*family_names("null"), *family_names("planted"))
    assert set(table["expected"]) == {"none", "graded", "distinct", "explained"}
    assert table["about"].str.len().between(20, 110).all()
    assert table.loc["batch_residualised", ["expected", "adjust_for"]].tolist() == ["none", "site"]
    with pytest.raises(CohortError, match="kind is 'real'"):
        family_names("real")


@pytest.mark.parametrize(
    "name", ["planted_mixed", "sigmoid", "siblings", "three_blocks", "composition", "age"]
)
def test_a_family_written_to_files_reads_back_as_it_was(tmp_path, name):
    cohort = simulate_family(name, seed=2, share_missing=0.1)
    cohort.write(tmp_path / "one")
    read, _ = blocks_of(read_cohort(tmp_path / "one", quiet=True))
    memory, _ = family_blocks(name, seed=2, share_missing=0.1)
    same_blocks(memory, read)
    simulate_family(name, seed=2, share_missing=0.1).write(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_command_writes_a_cohort_that_reads_back(tmp_path, capsys):
    out = tmp_path / "cohort"
    arguments = [
        "simulate",
        "planted",
        "--n",
        "60",
        "--seed",
        "1",
        "--share-missing",
        "0.1",
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    assert "60 patients, 3 subphenotypes, blocks features" in capsys.readouterr().out
    read, _ = blocks_of(read_cohort(out, quiet=True))
    same_blocks(family_blocks("planted", seed=1, n_patients=60, share_missing=0.1)[0], read)
    assert main(arguments) == 4
    assert "exists already" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


def test_the_command_lists_the_families_and_refuses_what_it_cannot_do(tmp_path, capsys):
    assert main(["simulate", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(family_names())
    assert main(["simulate", "plantd", "--out", str(tmp_path / "x")]) == 2
    assert "no family is called 'plantd'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["simulate", "planted"])
    assert stopped.value.code == 2
    assert "give FAMILY and --out, or --list" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_the_table_of_patients_says_comes_by_role():
    demo = simulate_cohort(n_patients=40, seed=1)
    covariates = demo.covariates.set_index("patient_id")
    clinical = demo.tables["clinical"].set_index("patient_id")
    assert list(covariates) == ["age", "sex", "site", "batch", "family"]
    assert covariates["site"].to_dict() == clinical["hospital"].to_dict()
    assert list(simulate_family("planted", seed=1).covariates) == ["patient_id"]
