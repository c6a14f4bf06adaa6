"""Adjustment: cross-fitted residuals over their fitted standard deviation, and what new patients get."""

import numpy as np
import pytest
from prepare_factory import block_of, blocks_of, prepared, row_of

from phenotyper.cohort.blocks import Covariate
from phenotyper.prepare.adjust import Basis, product
from phenotyper.prepare.crossfit import cross_fitted, folds_of
from phenotyper.prepare.intervals import Cells
from phenotyper.prepare.latent import latent_regression
from phenotyper.prepare.preparation import Preparation


def adjusted(values, covariates, *, ties=None):
    n, q = values.shape
    folds = folds_of(np.arange(n) if ties is None else ties)
    every = np.ones(q, dtype=bool)
    found = cross_fitted(values, Cells.none(n), covariates, folds=folds, free=every, wanted=every)
    return found[0], found[1]


def age_of(n, rng):
    return rng.uniform(1, 17, size=n)


def test_age_and_site_are_taken_out_and_what_is_left_is_the_rest():
    rng = np.random.default_rng(0)
    age, site = age_of(500, rng), rng.integers(0, 2, size=500).astype(float)
    noise = rng.normal(size=(500, 3))
    values = noise + np.column_stack([np.sin(age / 4) * 3, 2 * site, 0 * age])
    values[rng.random(values.shape) < 0.1] = np.nan
    covariates = (Covariate("age", age), Covariate("site", site, ("x", "y")))
    adjustment, found = adjusted(values, covariates)
    for j in range(3):
        seen = np.isfinite(found[:, j])
        assert abs(np.corrcoef(found[seen, j], noise[seen, j])[0, 1]) > 0.97
        assert abs(np.corrcoef(found[seen, j], site[seen])[0, 1]) < 0.05
    assert np.nanstd(found, axis=0) == pytest.approx(1, abs=1e-6)
    assert adjustment.explained[2] < 0.02 < 0.4 < adjustment.explained[0]
    new, _ = adjustment.apply(values, Cells.none(500), covariates)
    assert np.nanmax(np.abs(new - found)) < 0.5
    assert np.isnan(new).tolist() == np.isnan(found).tolist()


def test_cross_fitting_removes_the_optimism_of_a_covariate_that_explains_nothing():
    rng = np.random.default_rng(1)
    n, sites = 100, tuple(f"s{k}" for k in range(8))
    site = rng.integers(0, 8, size=n).astype(float)
    values = rng.normal(size=(n, 400))
    covariates = (Covariate("age", age_of(n, rng)), Covariate("site", site, sites))
    adjustment, _ = adjusted(values, covariates)
    design = adjustment.design(covariates, n)
    naive = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    optimism = 1 - (naive.var(axis=0) / values.var(axis=0)).mean()
    assert optimism > 0.08
    assert adjustment.explained.mean() < 0.01


def test_each_patient_is_adjusted_by_what_the_other_folds_show():
    rng = np.random.default_rng(2)
    site = rng.integers(0, 3, size=200).astype(float)
    covariates = (Covariate("site", site, ("x", "y", "z")),)
    values = site[:, None] + rng.normal(size=(200, 1))
    changed = values.copy()
    changed[7] += 30
    residuals = []
    for columns in (values, changed):
        adjustment, found = adjusted(columns, covariates)
        residuals.append(found[:, 0] * adjustment.sd[0])
    moved, fold = residuals[1] - residuals[0], folds_of(np.arange(200))
    mates = (fold == fold[7]) & (np.arange(200) != 7)
    assert np.ptp(moved[mates]) < 1e-9
    assert np.ptp(moved[fold != fold[7]]) > 0.1


def test_patients_with_the_same_data_share_a_fold_whatever_their_number():
    ties = np.array([0, 1, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11])
    folds = folds_of(ties)
    assert all(len(set(folds[ties == tie])) == 1 for tie in ties)
    assert set(folds) == set(range(10))
    assert (folds == folds_of(ties)).all()


def test_the_spread_that_grows_with_age_is_divided_out_for_old_and_new_patients():
    rng = np.random.default_rng(3)
    age, new_age = age_of(1500, rng), age_of(3000, rng)

    def drawn(age):
        return age[:, None] / 5 + rng.normal(size=(len(age), 4)) * (0.4 + age[:, None] / 8)

    values = drawn(age)
    adjustment, found = adjusted(values, (Covariate("age", age),))
    plain = values - np.poly1d(np.polyfit(age, values[:, 0], 1))(age)[:, None]
    new, _ = adjustment.apply(drawn(new_age), Cells.none(3000), (Covariate("age", new_age),))
    for years, rows in ((age, found), (new_age, new)):
        bands = [(years >= low) & (years < low + 4) for low in (1, 5, 9, 13)]
        spreads = np.array([rows[band].std() for band in bands])
        assert spreads == pytest.approx(np.ones(4), abs=0.12)
    assert plain[age > 13, 0].std() > 2 * plain[age < 5, 0].std()


def test_a_spread_that_does_not_change_is_left_nearly_as_it_is():
    rng = np.random.default_rng(4)
    age = age_of(400, rng)
    adjustment, found = adjusted(rng.normal(size=(400, 50)), (Covariate("age", age),))
    bands = [found[(age >= low) & (age < low + 4)].std() for low in (1, 5, 9, 13)]
    assert bands == pytest.approx([1.0] * 4, abs=0.06)
    ratios = product(adjustment.design((Covariate("age", age),), 400), adjustment.spread)
    assert np.abs(ratios).mean() < 0.05


def test_columns_with_the_same_holes_get_what_each_would_get_alone():
    rng = np.random.default_rng(5)
    age = age_of(120, rng)
    values = rng.normal(size=(120, 6)) + age[:, None] / 4
    values[:30, 2:4] = np.nan
    values[rng.random(120) < 0.2, 5] = np.nan
    covariates = (Covariate("age", age),)
    _, together = adjusted(values, covariates)
    for j in range(6):
        _, alone = adjusted(values[:, [j]], covariates)
        assert alone[:, 0] == pytest.approx(together[:, j], nan_ok=True, abs=1e-9)


def test_a_patient_without_the_covariate_is_shifted_as_the_average_patient():
    rng = np.random.default_rng(8)
    age = rng.uniform(1, 17, size=1000)
    values = age[:, None] + rng.normal(size=(1000, 1))
    adjustment, _ = adjusted(values, (Covariate("age", age),))
    new, _ = adjustment.apply(np.array([[9.0]]), Cells.none(1), (Covariate("age", np.array([np.nan])),))
    assert new[0, 0] * adjustment.sd[0] == pytest.approx(9.0 - values.mean(), abs=0.01)
    site = (rng.random(1000) < 0.1).astype(float)
    values = 2 * site[:, None] + rng.normal(size=(1000, 1))
    site[rng.random(1000) < 0.1] = np.nan
    adjustment, found = adjusted(values, (Covariate("site", site, ("x", "y")),))
    unknown = np.isnan(site)
    shift = found[unknown] * adjustment.sd - values[unknown]
    assert np.ptp(shift) < 1e-9
    assert shift[0] == pytest.approx(-values.mean(), abs=0.05)


def test_the_regression_of_a_yes_no_is_that_of_probit_and_folds_are_left_out():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.7, 1.7, size=800)
    full = np.column_stack([np.ones(800), x])
    yes = 0.8 * x + rng.normal(size=800) > 1.0
    lower, upper = np.where(yes, 1.0, -np.inf)[:, None], np.where(yes, np.inf, 1.0)[:, None]
    folds = np.arange(800) % 10
    found = latent_regression(lower, upper, full, folds=folds, n_folds=10, ridge=np.zeros(2))
    assert found.sd.tolist() == [1.0]
    for k, rows in ((10, folds >= 0), (0, folds != 0), (7, folds != 7)):
        theirs = sm.Probit(yes[rows].astype(int), full[rows]).fit(disp=0).params
        assert found.coefficients[k][:, 0] - [1.0, 0.0] == pytest.approx(theirs, abs=5e-3)


def test_the_regression_of_ordered_levels_and_of_censored_values_finds_the_truth():
    rng = np.random.default_rng(7)
    x = rng.uniform(-1.7, 1.7, size=3000)
    score = 0.8 * x + 0.7 * rng.normal(size=3000)
    bounds = np.array([-np.inf, -0.6, 0.2, 1.0, np.inf])
    place = np.searchsorted(bounds[1:-1], score)
    low = np.column_stack([bounds[place], np.where(score < -0.4, -np.inf, score)])
    high = np.column_stack([bounds[place + 1], np.where(score < -0.4, -0.4, score)])
    full = np.column_stack([np.ones(3000), x])
    found = latent_regression(
        low, high, full, folds=np.zeros(3000, dtype=np.intp), n_folds=1, ridge=np.zeros(2)
    )
    assert found.coefficients[-1][1] == pytest.approx([0.8, 0.8], abs=0.05)
    assert found.coefficients[-1][0] == pytest.approx([0.0, 0.0], abs=0.05)
    assert found.sd == pytest.approx([0.7, 0.7], abs=0.04)


def test_a_yes_that_comes_with_age_says_little_of_the_old_and_much_of_the_young():
    rng = np.random.default_rng(9)
    age = age_of(600, rng)
    yes = (age - 9) / 3 + rng.normal(size=600) > 0
    block = block_of(yes[:, None].astype(float), "yes/no", levels=[("no", "yes")])
    preparation, (found,) = prepared(block, covariates=(Covariate("age", age),))
    values = found.values[:, 0]
    assert values[yes & (age < 6)].mean() > 1.5
    assert abs(values[yes & (age > 14)].mean()) < 0.3
    assert abs(np.corrcoef(values, age)[0, 1]) < 0.06
    assert found.lower[yes, 0].tolist() == pytest.approx(
        np.where(np.isinf(found.upper[yes, 0]), found.lower[yes, 0], 0).tolist()
    )
    assert row_of(preparation, "f0")["explained_by_covariates"] > 0.4


def test_bounds_are_shifted_and_scaled_as_values_are():
    rng = np.random.default_rng(10)
    age = age_of(500, rng)
    truth = age[:, None] / 3 + rng.normal(size=(500, 1))
    limit = np.quantile(truth, 0.25)
    below = truth < limit
    block = block_of(np.maximum(truth, limit), "log", censored=-below.astype(np.int8))
    _, (found,) = prepared(block, covariates=(Covariate("age", age),))
    exact = ~below[:, 0]
    assert found.lower[exact, 0] == pytest.approx(found.values[exact, 0])
    residual = truth[:, 0] - age / 3
    assert np.corrcoef(found.values[exact, 0], residual[exact])[0, 1] > 0.98
    assert (found.values[~exact, 0] < found.upper[~exact, 0]).all()
    assert abs(np.corrcoef(found.values[:, 0], age)[0, 1]) < 0.1
    assert np.polyfit(residual[exact], found.values[exact, 0], 1)[0] == pytest.approx(1, abs=0.1)


def test_groups_that_are_age_bands_only_are_not_there_any_more():
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(11)
    band = rng.integers(0, 3, size=400)
    age = np.array([2.0, 8.0, 14.0])[band] + rng.uniform(-1.5, 1.5, size=400)
    values = 2 * np.sin(age[:, None] / 4 + np.arange(12)) + rng.normal(size=(400, 12))
    levels = (values[:, :3] > values[:, :3].mean(axis=0)).astype(float)
    block = block_of(
        np.hstack([values, levels]),
        ("log",) * 12 + ("yes/no",) * 3,
        levels=[()] * 12 + [("no", "yes")] * 3,
    )

    def agreement(covariates):
        columns = prepared(block, covariates=covariates)[1][0].values
        return adjusted_rand_score(band, KMeans(3, n_init=5, random_state=0).fit_predict(columns))

    assert agreement(()) > 0.7
    assert agreement((Covariate("age", age),)) < 0.1


def test_a_feature_that_is_not_to_be_adjusted_stays_as_it_is():
    rng = np.random.default_rng(12)
    age = age_of(200, rng)
    block = block_of(age[:, None] + rng.normal(size=(200, 3)), "log")
    covariates = (Covariate("age", age),)
    preparation, (found,) = prepared(block, covariates=covariates, overrides={"a.f1": "not adjusted"})
    plain = prepared(block)[1][0].values
    assert found.values[:, 1].tolist() == plain[:, 1].tolist()
    assert abs(np.corrcoef(found.values[:, 0], age)[0, 1]) < 0.1
    assert preparation.table["adjusted_for"].tolist() == ["age", "", "age"]
    new = preparation.apply(blocks_of(block, covariates=covariates))[0].values
    assert new[:, 1].tolist() == plain[:, 1].tolist()


def test_no_patient_is_far_out_only_because_others_of_that_age_vary_little():
    rng = np.random.default_rng(15)
    age = age_of(800, rng)
    values = rng.normal(size=(800, 1)) * (0.05 + age[:, None] / 8)
    values[np.argmin(age)] = 3.5
    adjustment, found = adjusted(values, (Covariate("age", age),))
    assert np.abs(found).max() == 5.0
    new = adjustment.apply(np.array([[-9.0]]), Cells.none(1), (Covariate("age", np.array([1.5])),))[0]
    assert new[0, 0] == -5.0


def test_without_anything_to_adjust_for_old_and_new_patients_are_treated_alike():
    rng = np.random.default_rng(13)
    cohort = blocks_of(block_of(rng.normal(size=(80, 5)), "log"))
    preparation, (found,) = Preparation.fit_apply(cohort)
    assert preparation.apply(cohort)[0].values.tobytes() == found.values.tobytes()


def test_the_product_is_that_of_the_matrices():
    rng = np.random.default_rng(14)
    design, effects = rng.normal(size=(70, 4)), rng.normal(size=(4, 5))
    assert product(design, effects) == pytest.approx(design @ effects)
    assert product(design[[3]], effects).tobytes() == product(design, effects)[3].tobytes()


def test_levels_of_few_patients_share_the_reference():
    site = np.repeat([0.0, 1.0, 2.0], [50, 40, 3])
    assert Basis.fit(Covariate("site", site, ("x", "y", "z"))).levels == (0, 1)
