"""Which features are used and how: the filter, overrides, the table, and what a person sees of it."""

import numpy as np
import pandas as pd
import pytest
from prepare_factory import block_of, blocks_of, prepared, row_of

import phenotyper as ph
from phenotyper.cohort.blocks import Covariate
from phenotyper.errors import FitError, RecipeError, ResultError
from phenotyper.prepare.automatic import resolve_adjustment
from phenotyper.prepare.filter import dispersions, most_variable
from phenotyper.prepare.preparation import Preparation
from phenotyper.prepare.prepared import prepare_cohort
from phenotyper.prepare.table import COLUMNS

RNG = np.random.default_rng(0)


def test_features_that_cannot_be_used_are_left_out_with_the_reason():
    values = RNG.normal(size=(60, 6))
    values[:, 1] = 3.0
    values[5:, 2] = np.nan
    values[11:, 3] = np.nan
    values[:, 4] = np.where(np.arange(60) < 2, RNG.normal(size=60), 7.0)
    values[:, 5] = np.nan
    preparation, (block,) = prepared(block_of(values, "number"))
    said = dict(zip(preparation.table["feature"], preparation.table["why"], strict=True))
    assert said["f1"] == "constant"
    assert said["f2"] == "observed in 5 patients"
    assert said["f3"] == "82 % missing"
    assert said["f4"] == "nearly constant: 2 patients unlike the rest"
    assert said["f5"] == "observed in no patient"
    assert preparation.table["done"].tolist()[1:] == ["left out"] * 5
    assert preparation.table["n_columns"].tolist() == [1, 0, 0, 0, 0, 0]
    assert block.values.shape == (60, 1)


def test_the_largest_share_of_missing_values_is_that_of_the_recipe():
    values = RNG.normal(size=(100, 2))
    values[:30, 1] = np.nan
    assert prepared(block_of(values, "number"))[1][0].values.shape[1] == 2
    assert prepared(block_of(values, "number"), max_missing=0.2)[1][0].values.shape[1] == 1


def test_a_category_of_rare_levels_only_is_left_out():
    codes = (np.arange(200) // 5).astype(float)[:, None]
    values = np.hstack([codes, RNG.normal(size=(200, 1))])
    levels = [tuple(f"l{k}" for k in range(40)), ()]
    preparation, (block,) = prepared(block_of(values, ("category", "number"), levels=levels))
    assert row_of(preparation, "f0")["why"] == "every level is rare"
    assert block.values.shape[1] == 1


def test_the_most_variable_features_of_a_block_are_kept_and_levels_always():
    spread = np.array([0.2, 3.0, 1.0, 0.5, 2.0])
    values = np.hstack([RNG.normal(8, 1, size=(150, 5)) * spread, RNG.integers(0, 2, size=(150, 1))])
    block = block_of(values, ("log",) * 5 + ("yes/no",), levels=[()] * 5 + [("no", "yes")])
    preparation, (found,) = prepared(block, top_features=2)
    used = preparation.table.loc[preparation.table["n_columns"] > 0, "feature"].tolist()
    assert used == ["f1", "f4", "f5"]
    assert row_of(preparation, "f2")["why"] == "not among the 2 most variable"
    whole = prepared(block)[1][0]
    of_feature = {int(j): whole.values[:, column] for column, j in enumerate(whole.source)}
    assert all((found.values[:, c] == of_feature[int(j)]).all() for c, j in enumerate(found.source))
    kept = prepared(block, top_features=2, overrides={"a.f0": "keep"})[0].table
    assert kept.loc[kept["n_columns"] > 0, "feature"].tolist() == ["f0", "f1", "f4", "f5"]


def test_numbers_in_different_units_are_ranked_by_their_relative_spread():
    grams = RNG.normal(5000, 100, size=200)
    litres = RNG.normal(1, 0.3, size=200)
    block = block_of(np.column_stack([grams, litres]), "number")
    table = prepared(block, top_features=1)[0].table
    assert table["n_columns"].tolist() == [0, 1]


def test_variable_genes_are_those_of_scanpy():
    import anndata
    import scanpy

    counts = RNG.poisson(RNG.gamma(1, 20, size=60) * np.exp(RNG.normal(size=(100, 60)) * RNG.random(60)))
    genes = [f"g{j:02d}" for j in range(60)]
    block = block_of(counts.astype(float), "counts", features=genes)
    table = prepared(block, top_features=15)[0].table
    data = anndata.AnnData(counts.astype(float))
    scanpy.pp.normalize_total(data)
    scanpy.pp.log1p(data)
    scanpy.pp.highly_variable_genes(data, flavor="seurat", n_top_genes=15)
    mine = set(table.loc[table["n_columns"] > 0, "feature"])
    theirs = {gene for gene, there in zip(genes, data.var["highly_variable"], strict=True) if there}
    assert mine == theirs


def test_a_missing_count_stands_at_the_mean_of_its_gene_when_genes_are_ranked():
    rng = np.random.default_rng(5)
    logs = np.log1p(rng.poisson(30, size=(100, 50)) * np.exp(rng.normal(size=(100, 50)) * rng.random(50)))
    holes = np.where(rng.random(logs.shape) < 0.05, np.nan, logs)
    filled = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
    assert dispersions(holes, 10).tolist() == dispersions(filled, 10).tolist()
    assert (
        dispersions(np.vstack([holes, np.full((5, 50), np.nan)]), 10).tolist()
        == dispersions(filled, 10).tolist()
    )


def test_columns_without_a_common_scale_are_kept_beside_the_most_variable():
    chosen = most_variable(np.array([1.0, np.nan, 3.0, 2.0]), np.array([0, 1, 2, 3]), 1)
    assert chosen.tolist() == [False, True, True, False]


def numbers(n=200):
    rng = np.random.default_rng(1)
    columns = {
        "crp": np.exp(rng.normal(size=n)),
        "wbc": rng.normal(9, 1, size=n),
        "share": rng.beta(2, 5, size=n),
        "grade": rng.integers(0, 4, size=n),
        "pet": rng.integers(0, 3, size=n),
        "fever": rng.integers(0, 2, size=n),
        "base": rng.normal(size=n),
    }
    kinds = ("number", "number", "proportion", "ordinal", "category", "yes/no", "number")
    levels = [(), (), (), tuple("abcd"), ("none", "cat", "dog"), ("no", "yes"), ()]
    return block_of(
        np.column_stack(list(columns.values())), kinds, levels=levels, name="labs", features=columns
    )


@pytest.mark.parametrize(
    ("feature", "action", "done", "n_columns"),
    [
        ("crp", "as measured", "as measured", 1),
        ("crp", "normal scores", "normal scores", 1),
        ("wbc", "log", "log", 1),
        ("share", "log", "log", 1),
        ("share", "as measured", "as measured", 1),
        ("share", "logit", "logit", 1),
        ("grade", "indicators", "levels as intervals of a normal score", 3),
        ("grade", "as measured", "as measured", 1),
        ("grade", "normal scores", "ordered values as intervals of a normal score", 1),
        ("pet", "indicators", "levels as intervals of a normal score", 2),
        ("fever", "leave out", "left out", 0),
    ],
)
def test_what_is_done_with_a_feature_can_be_overridden(feature, action, done, n_columns):
    preparation, _ = prepared(numbers(), overrides={f"labs.{feature}": action})
    row = row_of(preparation, feature)
    assert row["done"].startswith(done)
    assert row["why"].startswith("asked for")
    assert row["n_columns"] == n_columns
    others = preparation.table["feature"] != feature
    plain = prepared(numbers())[0].table
    assert preparation.table[others].equals(plain[others])


def test_an_override_changes_the_numbers():
    block = numbers()
    crp = block.values[:, 0]
    for action, scaled in (("as measured", crp), ("log", np.log(crp))):
        _, (found,) = prepared(block, overrides={"labs.crp": action})
        mine = found.values[:, found.source == 0][:, 0]
        inside = np.abs(mine) < 2.5
        assert np.corrcoef(mine[inside], scaled[inside])[0, 1] > 0.999


def test_a_feature_may_be_kept_that_the_filter_would_leave_out():
    values = RNG.normal(size=(100, 2))
    values[15:, 1] = np.nan
    block = block_of(values, "number")
    assert prepared(block)[1][0].values.shape[1] == 1
    preparation, (found,) = prepared(block, overrides={"a.f1": "keep"})
    assert found.values.shape[1] == 2
    assert row_of(preparation, "f1")["why"].endswith("kept as asked for")


def test_stars_stand_for_any_text_and_the_nearer_name_wins():
    table = prepared(
        numbers(), overrides={"labs.*": "leave out", "labs.w*": "keep", "labs.wbc": "log, not adjusted"}
    )[0].table
    assert table.loc[table["n_columns"] > 0, "feature"].tolist() == ["wbc"]
    assert row_of(prepared(numbers(), overrides={"*.wbc": "log"})[0], "wbc")["done"].startswith("log")


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"labs.crq": "log"}, 'Did you mean "labs.crp"?'),
        ({"labs.crp": "lgo"}, 'Did you mean "log"?'),
        ({"nowhere.*": "leave out"}, "no such feature"),
    ],
)
def test_an_unknown_feature_or_action_is_refused_with_the_nearest(overrides, hint):
    with pytest.raises(RecipeError) as caught:
        prepared(numbers(), overrides=overrides)
    assert caught.value.codes == ("OVERRIDE_UNKNOWN",)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        ({"labs.pet": "log"}, "Possible are indicators, leave out, keep, not adjusted."),
        ({"labs.crp": "indicators"}, "kind number"),
        ({"labs.base": "log"}, "values down to -"),
        ({"labs.wbc": "logit"}, "not from 0 to 1"),
        ({"labs.*": "log"}, "labs.fever"),
        ({"labs.wbc": "logit"}, "or for leave out, keep, not adjusted, or correct the values"),
    ],
)
def test_an_impossible_scale_is_refused_with_what_is_possible(overrides, hint):
    with pytest.raises(RecipeError) as caught:
        prepared(numbers(), overrides=overrides)
    assert caught.value.codes == ("OVERRIDE_IMPOSSIBLE",)
    assert hint in str(caught.value)


def test_all_faults_of_the_overrides_come_at_once():
    with pytest.raises(RecipeError) as caught:
        prepared(numbers(), overrides={"labs.crq": "log", "labs.pet": "log", "labs.wbc": "loog"})
    assert sorted(caught.value.codes) == ["OVERRIDE_IMPOSSIBLE", "OVERRIDE_UNKNOWN", "OVERRIDE_UNKNOWN"]


def test_the_table_has_a_row_a_feature_also_of_a_block_of_which_nothing_is_used():
    empty = block_of(np.full((200, 2), 3.0), "number", name="empty")
    preparation, blocks = prepared(
        numbers(), empty, covariates=(Covariate("age", RNG.uniform(1, 17, size=200)),)
    )
    table = preparation.table
    assert list(table) == list(COLUMNS)
    assert table["block"].tolist() == ["empty"] * 2 + ["labs"] * 7
    assert [block.name for block in blocks] == ["labs"]
    used = table["n_columns"] > 0
    assert (table.loc[used, "adjusted_for"] == "age").all()
    assert (table.loc[~used, "adjusted_for"] == "").all()
    assert not (table["why"] == "").any()


def test_shares_of_missing_and_winsorised_values_stand_in_the_table():
    values = RNG.normal(size=(200, 2))
    values[:3, 0] = 100
    values[3:53, 0] = np.nan
    row = row_of(prepared(block_of(values, "log"))[0], "f0")
    assert row["missing"] == pytest.approx(0.25)
    assert row["n_observed"] == 150
    assert row["winsorised_share"] == pytest.approx(3 / 150)


def test_a_block_that_few_have_counts_its_missing_values_among_those_who_have_it():
    values = RNG.normal(size=(200, 2))
    values[50:] = np.nan
    values[:10, 1] = np.nan
    preparation, _ = prepared(block_of(values, "log"))
    assert preparation.table["missing"].tolist() == pytest.approx([0.0, 0.2])


def test_nothing_that_is_left_is_refused_also_when_asked_for():
    with pytest.raises(FitError) as caught:
        prepared(numbers(), overrides={"*": "leave out"})
    assert caught.value.codes == ("NO_FEATURES",)


def cohort(ages=None):
    rng = np.random.default_rng(2)
    n = 60
    ids = [f"p{number:02d}" for number in range(n)]
    labs = pd.DataFrame({"crp": np.exp(rng.normal(size=n)), "wbc": rng.normal(size=n)}, index=ids)
    clinical = pd.DataFrame(
        {
            "age": rng.uniform(1, 17, size=n) if ages is None else ages,
            "pet": rng.choice(["cat", "dog", "none"], n),
        },
        index=ids,
    )
    dictionary = pd.DataFrame({"column": ["pet"], "kind": ["category"]})
    blocks = {
        "labs": {"file": labs, "kind": "number"},
        "life": {"file": clinical[["pet"]], "kind": "mixed", "dictionary": dictionary},
    }
    return ph.read_cohort(
        {"blocks": blocks, "patients": {"file": clinical[["age"]], "age": {"column": "age", "unit": "years"}}}
    )


def test_age_is_adjusted_for_by_default_when_children_are_there_and_it_is_said():
    children, adults = cohort(), cohort(np.linspace(18, 80, 60))
    assert resolve_adjustment(children, None).names == ("age",)
    assert resolve_adjustment(children, None).sentence == "adjusted for age: 60 of 60 patients are under 18"
    assert resolve_adjustment(adults, None).names == ()
    assert resolve_adjustment(children, ()).names == ()
    assert resolve_adjustment(adults, ["age"]).names == ("age",)


def test_a_person_sees_what_a_recipe_does_with_the_features():
    found = prepare_cohort(cohort(), ph.Recipe(features={"labs.wbc": "leave out"}))
    assert found.sentence() == (
        "2 of 3 features in 2 blocks made comparable for 60 patients, "
        "adjusted for age: 60 of 60 patients are under 18"
    )
    assert list(found.frame("life")) == ["pet: dog", "pet: none"]
    assert found.frame("labs").index.tolist() == sorted(found.ids)
    assert found.frame("labs").shape == (60, 1)
    assert "asked for" in found._repr_html_()
    assert found.table["adjusted_for"].tolist() == ["age", "", "age"]
    with pytest.raises(ResultError) as caught:
        found.frame("lab")
    assert caught.value.codes == ("UNKNOWN_NAME",)


def test_the_frame_holds_the_numbers_of_each_patient():
    data = cohort(np.linspace(18, 80, 60))
    found = prepare_cohort(data, ph.Recipe())
    frame = found.frame("labs")
    measured = data["labs"].to_df().loc[frame.index, "wbc"]
    assert np.corrcoef(frame["wbc"], measured)[0, 1] > 0.999


def test_settings_of_the_filter_reach_the_blocks():
    cohort = blocks_of(numbers())
    found = Preparation.fit(cohort, top_features=1).table
    assert (found["why"] == "not among the 1 most variable").sum() == 2
