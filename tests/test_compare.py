"""Several recipes side by side: every figure against a slow count, consensus, known classes after the fit."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from phenotyper.cohort.blocks import blocks_of
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.contract import Runs, finds_groups
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import FitError, RecipeError, ResultError
from phenotyper.refit.agree import pair_table, partition_agreement, partitions_said
from phenotyper.refit.compare import _consensus, _fit, compare_methods, usual_recipes
from phenotyper.refit.comparison import load_comparison
from phenotyper.refit.selection import SELECTION, Tried, selection_of

FAST = {
    "k-means": Recipe(method="kmeans", n_layouts=4),
    "mixture": Recipe(method="mixture", n_layouts=4, seed=1),
    "side by side": Recipe(integration="concat", method="mixture", n_layouts=4),
}


@cache
def cohort(away=6.0):
    """Return 90 patients of three groups in two blocks, 20 of whom lack the second; classes are declared."""
    rng = np.random.default_rng(0)
    group = np.arange(90) % 3
    ids = [f"p{at:02d}" for at in range(90)]
    first = pd.DataFrame(rng.normal(size=(90, 6)), index=ids, columns=[f"a{at}" for at in range(6)])
    second = pd.DataFrame(rng.normal(size=(70, 5)), index=ids[:70], columns=[f"b{at}" for at in range(5)])
    for at in range(3):
        first.iloc[:, at] += away * (group == at)
        second.iloc[:, at] += away * (group[:70] == at)
    stage = pd.Series(np.array(["i", "ii", "iii"])[group], index=ids).where(np.arange(90) % 10 > 0)
    clinical = pd.DataFrame({"patient_id": ids, "stage": stage.to_numpy()})
    return read_cohort(
        {
            "name": "three groups",
            "id": "patient_id",
            "blocks": {
                "first": {"file": first, "kind": "number"},
                "second": {"file": second, "kind": "number"},
            },
            "patients": {"file": clinical, "known_classes": ["stage"]},
        },
        quiet=True,
    )


@cache
def compared():
    return compare_methods(cohort(), FAST, known="stage")


def test_all_recipes_find_the_planted_groups_and_so_does_their_consensus():
    found = compared()
    assert found.table["recipe"].tolist() == list(FAST)
    assert (found.table["n_subphenotypes"] == 3).all()
    assert (found.pairs["adjusted_rand"] > 0.95).all()
    groups = found.consensus.set_index("patient_id")["group"]
    assert sorted(set(groups)) in (["A", "B", "C"], ["A", "B", "C", "unassigned"])
    known = found.known.set_index("recipe")
    assert (known["adjusted_rand"] > 0.95).all()
    assert list(known.index) == [*FAST, "consensus"]


def test_every_figure_of_a_pair_is_that_of_a_slow_count():
    found = compared()
    assert len(found.pairs) == 3
    for _, row in found.pairs.iterrows():
        one, two = found.labels[row["first"]], found.labels[row["second"]]
        both = (one != "unassigned") & (two != "unassigned")
        assert row["n_both"] == both.sum()
        assert row["coverage"] == pytest.approx(both.mean())
        assert row["adjusted_rand"] == pytest.approx(adjusted_rand_score(one[both], two[both]))
        assert row["adjusted_mutual_info"] == pytest.approx(adjusted_mutual_info_score(one[both], two[both]))
        assert row["adjusted_rand_all"] == pytest.approx(adjusted_rand_score(one, two))
        together = [
            {(i, j) for i in range(90) for j in range(i) if p.iloc[i] == p.iloc[j] != "unassigned"}
            for p in (one, two)
        ]
        assert row["pair_jaccard"] == pytest.approx(
            len(together[0] & together[1]) / len(together[0] | together[1])
        )


def test_the_table_says_what_each_recipe_found():
    found = compared()
    for _, row in found.table.iterrows():
        labels = found.labels[row["recipe"]]
        counts = labels[labels != "unassigned"].value_counts()
        assert row["n_subphenotypes"] == len(counts)
        assert row["smallest"] == counts.min()
        assert row["coverage"] == pytest.approx((labels != "unassigned").mean())
        mine = found.pairs[(found.pairs[["first", "second"]] == row["recipe"]).any(axis=1)]
        assert row["mean_adjusted_rand"] == pytest.approx(mine["adjusted_rand"].mean())
        assert row["silhouette"] > 0.3
        assert 0.8 < row["agreement_of_runs"] <= 1


def test_a_recipe_finds_here_what_it_finds_alone():
    for name, recipe in FAST.items():
        alone = recipe.fit(cohort())
        np.testing.assert_array_equal(alone.table["patient_id"], compared().labels.index)
        np.testing.assert_array_equal(alone.table["subphenotype"], compared().labels[name])


def test_the_number_of_workers_changes_nothing():
    import joblib

    with joblib.parallel_config(backend="threading"):
        parallel = compare_methods(cohort(), FAST, n_jobs=2, known="stage")
    for name in ("table", "pairs", "selection", "labels", "consensus", "known"):
        pd.testing.assert_frame_equal(getattr(parallel, name), getattr(compared(), name))


def test_what_goes_to_a_worker_and_comes_back_can_be_pickled():
    import pickle

    blocks, _ = blocks_of(cohort())
    shared, task = pickle.loads(pickle.dumps((((blocks,), ()), (FAST["k-means"], 0))))
    found = pickle.loads(pickle.dumps(_fit(shared, task)))
    np.testing.assert_array_equal(found.labels, _fit(((blocks,), ()), task).labels)
    assert [row["k"] for row in found.tried.criteria] == list(range(1, 9))


def test_recipes_on_different_blocks_are_compared_patient_by_patient():
    one = Recipe(method="mixture", n_layouts=4, blocks=["first"])
    two = Recipe(method="mixture", n_layouts=4, blocks=["second"])
    found = compare_methods(cohort(), {"one": one, "two": two})
    row = found.pairs.iloc[0]
    assert row["adjusted_rand"] > 0.9
    assert row["n_both"] <= 70
    assert (found.labels.loc[[f"p{at}" for at in range(70, 90)], "two"] == "unassigned").all()


def test_a_known_class_is_compared_among_those_who_have_it():
    found = compared().known.set_index("recipe")
    labels = compared().labels["k-means"]
    assert found.loc["k-means", "n_both"] == sum(
        label != "unassigned" and at % 10 > 0 for at, label in enumerate(labels)
    )
    assert compare_methods(cohort(), dict(list(FAST.items())[:2])).known.empty


def test_the_selection_holds_every_number_that_was_tried_and_marks_the_chosen():
    table = compared().selection
    assert tuple(table.columns[: len(SELECTION)]) == SELECTION
    kmeans = table[table["recipe"] == "k-means"]
    assert kmeans["k"].tolist() == list(range(1, 9))
    assert kmeans.loc[kmeans["chosen"], "k"].tolist() == [3]
    assert kmeans["bic"].isna().all()
    mixture = table[table["recipe"] == "mixture"]
    assert set(mixture["form"]) == {"tied", "full"}
    assert mixture["bic"].notna().all()
    assert table.groupby("recipe")["chosen"].sum().tolist() == [1, 1, 1]


def test_a_method_without_criteria_has_a_row_for_each_setting():
    runs = [
        {
            "n_neighbors": 10,
            "n_subphenotypes": k,
            "coverage": c,
            "agreement": 0.5,
            "reference": r,
            "smallest": 9,
        }
        for k, c, r in ((2, 0.5, False), (3, 0.7, False), (3, 0.9, True))
    ]
    runs.append({**runs[0], "n_neighbors": 20, "n_subphenotypes": 0, "smallest": 0})
    table = selection_of({"ours": Tried("factors", "hdbscan", (), runs)})
    assert table["k"].tolist() == [3, 0]
    assert table["chosen"].tolist() == [True, False]
    assert table["coverage"].tolist() == pytest.approx([0.7, 0.5])
    assert table["n_neighbors"].tolist() == [10, 20]


def test_saved_and_read_again_it_is_the_same(tmp_path):
    found = compared()
    found.save(tmp_path / "comparison")
    again = load_comparison(tmp_path / "comparison")
    for name in ("table", "pairs", "selection", "labels", "consensus", "known"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))
    assert again.recipes == dict(found.recipes)
    assert list(again.recipes) == list(FAST)
    assert again.sentence() == found.sentence()
    assert again.fingerprint == found.fingerprint
    found.save(tmp_path / "twice")
    for ending in ("json", "npz"):
        one, two = (tmp_path / folder / f"comparison.{ending}" for folder in ("comparison", "twice"))
        assert one.read_bytes() == two.read_bytes()


def test_the_sentence_says_how_many_agree_and_among_how_many():
    said = compared().sentence()
    covered = 100 * (compared().consensus["group"] != "unassigned").mean()
    assert said.startswith(
        "3 recipes, 90 patients: 3 find 3 subphenotypes; adjusted Rand between two of them "
    )
    assert "together they find 3 subphenotypes (A " in said
    assert f"{covered:.0f} % assigned" in said
    assert said.endswith("(candidate, evidence not assessed)")
    assert said.split(";")[0] in compared()._repr_html_()
    assert "k-means" in compared()._repr_html_()


def test_a_measure_as_a_matrix_is_symmetric_and_an_unknown_one_is_refused():
    matrix = compared().agreement("pair_jaccard")
    assert matrix.loc["k-means", "mixture"] == compared().pairs.iloc[0]["pair_jaccard"]
    pd.testing.assert_frame_equal(matrix, matrix.T)
    assert matrix.to_numpy().diagonal().shape == (3,)
    assert np.isnan(matrix.to_numpy().diagonal()).all()
    with pytest.raises(ResultError) as caught:
        compared().agreement("rand")
    assert caught.value.codes == ("UNKNOWN_NAME",)


def test_the_partitions_go_into_an_alluvial_diagram():
    from phenotyper.present.plots import plot_alluvial

    partitions = compared().partitions()
    assert [part.name for part in partitions] == [*FAST, "consensus"]
    assert plot_alluvial(*partitions).get_title(loc="left") or True
    assert partitions[0].index.name == "patient_id"


def test_agreement_among_those_assigned_in_both_and_over_all():
    one = np.array([0, 0, 1, 1, -1, -1])
    two = np.array([1, 1, 0, -1, 0, -1])
    found = partition_agreement(one, two)
    assert found["n_both"] == 3
    assert found["coverage"] == 0.5
    assert found["adjusted_rand"] == 1.0
    assert found["adjusted_rand_all"] == pytest.approx(adjusted_rand_score(one, two))
    assert found["pair_jaccard"] == pytest.approx(1 / 3)


def test_where_there_is_nothing_to_compare_there_is_no_figure():
    nobody, everybody, halves = np.full(6, -1), np.zeros(6, dtype=int), np.array([0, 0, 0, 1, 1, 1])
    for first, second in ((nobody, nobody), (nobody, halves), (everybody, everybody), (everybody, halves)):
        found = partition_agreement(first, second)
        assert np.isnan(found["adjusted_rand"])
        assert np.isnan(found["adjusted_mutual_info"])
    assert partition_agreement(everybody, halves)["adjusted_rand_all"] == 0
    assert np.isnan(partition_agreement(nobody, halves)["pair_jaccard"])
    assert pair_table(["a", "b", "c"], np.array([nobody, everybody, halves])).shape == (3, 9)
    assert partitions_said([0, 0]) == "2 find none"
    assert partitions_said([2, 1, 2]) == "2 find 2 subphenotypes, 1 finds 1 (no division)"


def test_the_consensus_is_where_most_recipes_agree_whatever_their_letters():
    truth = np.repeat([0, 1], [30, 20])
    other = np.where(truth == 0, 1, 0)
    third = truth.copy()
    third[:5] = 1
    third[45:] = -1
    found = _consensus(np.array([f"p{at:02d}" for at in range(50)]), np.array([truth, other, third]))
    assert found["group"].tolist() == ["A"] * 30 + ["B"] * 20
    assert found["share"].iloc[10] > found["share"].iloc[0] > 0.5
    assert found["n_recipes"].tolist() == [3] * 45 + [2] * 5


def test_recipes_of_which_most_find_nothing_agree_on_nothing():
    halves, nobody = np.repeat([0, 1], 25), np.full(50, -1)
    ids = np.array([f"p{at:02d}" for at in range(50)])
    assert set(_consensus(ids, np.array([halves, nobody, nobody]))["group"]) == {"unassigned"}
    found = compare_methods(noise_cohort(), dict(list(FAST.items())[:2]))
    assert "together they find no subphenotypes, as none of them finds any" in found.sentence()
    assert "no two of them can be compared" in found.sentence()
    assert found.consensus_sizes == {"unassigned": 90}


def test_a_recipe_that_divides_nobody_does_not_lower_the_agreement_and_is_named():
    @finds_groups("everybody in one")
    def everybody(task):
        labels = np.zeros((len(task.seeds), len(task.integrated.points)), dtype=np.intp)
        return Runs(labels, [{}] * len(labels), [np.empty((0, 4))] * len(labels))

    one = Recipe(method="everybody in one", n_layouts=2)
    found = compare_methods(cohort(), {**dict(list(FAST.items())[:2]), "one": one, "one again": one})
    alike = found.agreement().loc["k-means", "mixture"]
    assert found.pairs["adjusted_rand"].notna().sum() == 1
    said = found.sentence()
    assert "2 find 3 subphenotypes, 2 find 1 (no division)" in said
    assert f"{alike:.2f} (median of 1 pair of 6; " in said
    assert "together they find 1 subphenotype (A 90; 100 % assigned, no division)" in said
    assert found.table.set_index("recipe").loc["k-means", "mean_adjusted_rand"] == alike


def test_a_consensus_that_assigns_nobody_says_why():
    @finds_groups("nobody")
    def nobody(task):
        labels = np.full((len(task.seeds), len(task.integrated.points)), -1)
        return Runs(labels, [{}] * len(labels), [np.empty((0, 4))] * len(labels))

    none = Recipe(method="nobody", n_layouts=2)
    said = compare_methods(cohort(), {"k-means": FAST["k-means"], "no": none, "nor": none}).sentence()
    assert "find no subphenotypes, as no group is found again by the recipes (mean Jaccard 0.6" in said
    assert "; 2 of 3 divide nobody)" in said


@cache
def noise_cohort():
    frame = pd.DataFrame(
        np.random.default_rng(1).normal(size=(90, 8)),
        index=[f"p{at:02d}" for at in range(90)],
        columns=[f"a{at}" for at in range(8)],
    )
    spec = {"name": "noise", "blocks": {"only": {"file": frame, "kind": "number"}}}
    return read_cohort(spec, quiet=True)


@pytest.mark.parametrize(
    "recipes",
    [
        {"one": Recipe()},
        {},
        [Recipe(), Recipe()],
        {"a": Recipe(), "b": "kmeans"},
        {"a": Recipe(), "consensus": Recipe()},
    ],
)
def test_fewer_than_two_recipes_or_something_else_is_refused(recipes):
    with pytest.raises(RecipeError) as caught:
        compare_methods(cohort(), recipes)
    assert caught.value.codes == ("COMPARE_RECIPES",)


def test_an_undeclared_known_class_is_refused_before_anything_is_fitted():
    with pytest.raises(ResultError) as caught:
        compare_methods(cohort(), FAST, known=["stadium", "stage"])
    assert caught.value.codes == ("UNKNOWN_NAME",)
    assert "stage" in str(caught.value)


def test_an_unknown_block_is_refused():
    wrong = {"a": FAST["mixture"], "b": Recipe(method="mixture", blocks=["first", "thrid"])}
    with pytest.raises(RecipeError) as caught:
        compare_methods(cohort(), wrong)
    assert caught.value.codes == ("BLOCK_UNKNOWN",)


def test_an_error_names_its_recipe():
    with pytest.raises(FitError) as caught:
        compare_methods(cohort(), {"small": Recipe(method="kmeans"), "large": Recipe(min_cluster_size=60)})
    assert caught.value.codes == ("MIN_N",)
    assert 'recipe "large"' in str(caught.value)


def test_the_usual_recipes_vary_integration_and_method_and_nothing_else(monkeypatch):
    base = Recipe(seed=7, adjust_for=["age"], n_layouts=3)
    every = usual_recipes(base)
    assert {"factors + hdbscan", "factors + kmeans", "factors + mixture", "concat + hdbscan"} <= set(every)
    assert {"graph + hdbscan", "snf + hdbscan"} <= set(every)
    for name, recipe in every.items():
        assert name == f"{recipe.integration} + {recipe.method}"
        assert (recipe.seed, recipe.adjust_for, recipe.n_layouts) == (7, ("age",), 3)
    monkeypatch.setattr("phenotyper.refit.compare.find_spec", lambda name: name == "numpy")
    assert not [name for name in usual_recipes() if "mofa" in name or "leiden" in name]


def test_a_method_of_ones_own_takes_part():
    @finds_groups("first letter of the test")
    def halves(task):
        n = len(task.integrated.points)
        labels = np.tile((task.integrated.points[:, 0] > 0).astype(np.intp), (len(task.seeds), 1))
        settings = [{"seed": at} for at in range(len(labels))]
        assert labels.shape == (len(task.seeds), n)
        return Runs(labels, settings, [np.empty((0, 4))] * len(labels))

    own = Recipe(method="first letter of the test", n_layouts=2)
    found = compare_methods(cohort(), {"own": own, "k-means": FAST["k-means"]})
    assert found.selection.loc[found.selection["recipe"] == "own", "k"].tolist() == [2]


def test_progress_is_counted_in_recipes():
    seen = []
    compare_methods(
        noise_cohort(), dict(list(FAST.items())[:2]), progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]
