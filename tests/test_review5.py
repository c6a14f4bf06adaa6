"""What a sceptical reading of issue 5 found: copies of covariates, contradictions, one patient alone."""

import numpy as np
import pandas as pd
import pytest
from assign_factory import GENES, Drawn, draw, fitted
from prepare_factory import block_of, blocks_of, prepared, row_of

from phenotyper import Recipe, assign, read_cohort
from phenotyper.cohort.blocks import Covariate
from phenotyper.cohort.kinds import constant
from phenotyper.errors import CohortError, FitError, RecipeError
from phenotyper.prepare.overrides import wishes_of
from phenotyper.prepare.preparation import Preparation
from phenotyper.refit.keep import versions


def children(n=200):
    rng = np.random.default_rng(0)
    age = rng.uniform(2, 17, n).round(2)
    values = np.column_stack([rng.normal(size=(n, 3)), age, np.round(12 * age), age + 2 * rng.normal(size=n)])
    names = ("f0", "f1", "f2", "years", "months", "height")
    return block_of(values, "number", features=names), Covariate("age", age)


def test_a_copy_of_a_covariate_is_left_out_rather_than_blown_up_from_its_rounding():
    block, age = children()
    preparation, (columns,) = prepared(block, covariates=(age,))
    for feature in ("years", "months"):
        assert row_of(preparation, feature)["why"] == "the covariates explain all of it"
    assert columns.source.tolist() == [0, 1, 2, 5]
    assert np.nanstd(columns.values, axis=0) == pytest.approx(1, abs=0.02)
    height = row_of(preparation, "height")
    assert height["done"] == "as measured"
    assert 0.6 < height["explained_by_covariates"] < 0.95
    (again,) = preparation.apply(blocks_of(block, covariates=(age,)))
    assert again.values.shape == columns.values.shape
    assert np.abs(again.values - columns.values).max() < 0.5


def test_a_copy_of_a_covariate_stays_where_nothing_is_adjusted_or_where_it_is_asked_for():
    block, age = children()
    assert prepared(block)[1][0].source.tolist() == [0, 1, 2, 3, 4, 5]
    asked = prepared(block, covariates=(age,), overrides={"a.years": "not adjusted"})[1][0]
    assert asked.source.tolist() == [0, 1, 2, 3, 5]
    assert abs(np.corrcoef(asked.values[:, 3], age.values)[0, 1]) > 0.99


def test_the_error_of_a_cohort_without_a_usable_feature_says_of_each_why():
    block, age = children()
    for settings, why in (
        ({"overrides": {"*": "leave out"}}, "a.f0 (asked for)"),
        ({"covariates": (age,), "overrides": {"a.f*": "leave out", "a.height": "leave out"}}, "asked for"),
    ):
        with pytest.raises(FitError, match="none of 6 features is left") as raised:
            prepared(block, **settings)
        assert raised.value.problems[0].code == "NO_FEATURES"
        assert why in str(raised.value)
    holed = block.values.copy()
    holed[:20, :3], holed[20:40, 3:] = np.nan, np.nan
    with pytest.raises(FitError, match=r"a\.f0 \(10 % missing\)"):
        prepared(block_of(holed, "number"), max_missing=0.05)


@pytest.mark.parametrize("text", ["log, logit", "leave out, keep", "keep, as measured, leave out"])
def test_actions_that_contradict_each_other_are_refused(text):
    block = block_of(np.random.default_rng(0).uniform(size=(30, 2)), "number")
    with pytest.raises(RecipeError, match="at once") as raised:
        wishes_of({"a.f0": text}, [block])
    assert raised.value.problems[0].code == "OVERRIDE_IMPOSSIBLE"
    wish = wishes_of({"a.f*": "log", "a.f0": "logit, keep, not adjusted"}, [block])["a", "f0"]
    assert (wish.scale, wish.use, wish.adjusted) == ("logit", "keep", False)


def test_the_most_variable_are_chosen_beside_a_block_in_which_nothing_is_usable():
    rng = np.random.default_rng(0)
    numbers = block_of(np.exp(rng.normal(size=(60, 6)) * np.arange(1, 7) / 3), "number")
    rare = block_of(np.eye(60)[:, :4], "yes/no", name="b", levels=(("no", "yes"),) * 4)
    preparation, columns = prepared(numbers, rare, top_features=2)
    assert [block.name for block in columns] == ["a"]
    most = np.sort(np.argsort(np.log(numbers.values).var(axis=0))[-2:])
    assert columns[0].source.tolist() == most.tolist()
    assert [part.name for part in preparation.empty] == ["b"]


def test_too_small_a_cohort_for_min_samples_is_told_so():
    with pytest.raises(FitError, match=r"need 41 \(.*min_samples 40\)") as raised:
        Recipe(min_samples=(5, 40)).demand(40)
    assert "min_samples" in raised.value.problems[0].remedy
    Recipe(min_samples=(5, 40)).demand(41)
    with pytest.raises(FitError) as raised:
        Recipe(n_neighbors=60).demand(40)
    assert "min_samples" not in raised.value.problems[0].message


def test_one_patient_is_read_alone_and_placed_as_among_others_to_the_last_bit():
    new = draw(12, seed=3, prefix="n")
    together = assign(fitted(), new.cohort(), quiet=True)
    for row in (0, 7):
        tables = {name: table.iloc[row : row + 1] for name, table in new.tables.items()}
        alone = assign(fitted(), Drawn(tables, new.truth).cohort(), quiet=True)
        expected = together.table.iloc[[row]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.table, expected, check_exact=True)
        assert not alone.problems


def test_a_column_is_constant_only_where_two_patients_could_differ():
    assert constant(np.array([[1.0, np.nan]])).tolist() == [False, False]
    assert constant(np.array([[1.0, 2.0], [1.0, 3.0]])).tolist() == [True, False]


def test_what_is_kept_is_named_by_the_extras_that_decided_it_too():
    pytest.importorskip("igraph")
    from importlib.metadata import version

    assert versions()["igraph"] == version("igraph")
    assert versions()["scanpy"] == version("scanpy")


def test_a_saved_preparation_leaves_the_same_copies_out():
    block, age = children()
    preparation, _ = prepared(block, covariates=(age,))
    state, arrays = preparation.to_state()
    (again,) = Preparation.from_state(state, arrays).apply(blocks_of(block, covariates=(age,)))
    (first,) = preparation.apply(blocks_of(block, covariates=(age,)))
    assert (again.values == first.values).all()
    assert again.source.tolist() == [0, 1, 2, 5]


def test_nothing_of_a_single_patient_is_kept_of_numbers_that_are_not_logged():
    values = np.random.default_rng(0).normal(50, 5, size=(60, 4)).round(3)
    preparation, _ = prepared(block_of(values, "number"))
    _, arrays = preparation.to_state()
    kept = np.concatenate([np.ravel(array) for array in arrays.values() if array.dtype.kind == "f"])
    assert not np.isin(values.min(axis=0) / 2, kept).any()


def test_raw_values_where_the_fit_had_logs_are_not_used_and_named():
    new = draw(40, seed=5, prefix="n")
    raw = {name: {"file": new.tables[name], "kind": "number"} for name in ("labs", "genes")}
    raw["genes"]["file"] = 2 ** raw["genes"]["file"]
    found = assign(fitted(), read_cohort({"blocks": raw}, quiet=True), quiet=True)
    told = [problem for problem in found.problems if problem.code == "KIND_DIFFERS"]
    assert len(told) == len(GENES)
    assert "genes.gene00 is of kind number, in the fit it was log" in told[0].message
    without = assign(fitted(), new.cohort(genes=None, habits=None), quiet=True)
    assert (found.probabilities == without.probabilities).all()
    with pytest.raises(CohortError, match="no feature in common") as raised:
        assign(fitted(), read_cohort({"blocks": {"genes": raw["genes"]}}, quiet=True), quiet=True)
    assert "in the fit it was log" in str(raised.value)


@pytest.fixture(scope="module")
def cohort():
    return draw(90, seed=1).cohort(habits=None)


def test_each_number_of_neighbours_makes_its_own_graph(cohort):
    plain = {"integration": "graph", "method": "kmeans", "n_layouts": 2}
    both = Recipe(n_neighbors=(8, 30), **plain).fit(cohort)
    assert both.runs["n_neighbors"].tolist() == [8, 8, 30, 30]
    judged = "silhouette"
    for near in (8, 30):
        alone = Recipe(n_neighbors=near, **plain).fit(cohort)
        mine = both.criteria[both.criteria["n_neighbors"] == near]
        assert mine[judged].tolist() == alone.criteria[judged].tolist()
    first, second = (both.criteria.loc[both.criteria["n_neighbors"] == near, judged] for near in (8, 30))
    assert first.tolist() != second.tolist()


def test_numbers_of_factors_that_come_to_the_same_are_tried_once(cohort):
    found = Recipe(n_factors=(2, 33, 50), method="kmeans", n_layouts=2).fit(cohort)
    assert found.runs["n_factors"].tolist() == [2, 2, 33, 33]
