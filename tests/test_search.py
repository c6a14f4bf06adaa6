"""Settings searched over as part of the recipe, and what is kept of them."""

import numpy as np
import pytest
from plot_checks import every_check
from plot_factory import texts_of
from sklearn.metrics import adjusted_rand_score
from test_recipe import cohort_of, planted

from phenotyper import Recipe, plot_settings
from phenotyper.errors import RecipeError


@pytest.fixture(scope="module")
def searched():
    frame, truth = planted()
    recipe = Recipe(
        n_neighbors=[15, 30],
        min_cluster_size=(12, 20),
        min_samples=(5, 10),
        n_factors=(5, 7),
        n_layouts=2,
        seed=1,
    )
    return recipe.fit(cohort_of(frame)), truth


def test_every_setting_is_tried_with_every_seed_and_kept(searched):
    found, _ = searched
    tried = ["n_factors", "n_neighbors", "min_cluster_size", "min_samples"]
    assert len(found.runs) == 2 * 2 * 2 * 2 * 2
    assert len(found.settings) == 16
    assert (found.settings["n_runs"] == 2).all()
    assert len(found.settings[tried].drop_duplicates()) == 16
    assert found.runs["reference"].sum() == 1
    means = found.runs.groupby(tried)["agreement"].mean().to_numpy()
    assert found.settings.sort_values(tried)["agreement"].to_numpy() == pytest.approx(means)


def test_a_search_finds_the_planted_groups(searched):
    found, truth = searched
    labels = found.labels(truth.index)
    inside = labels != "unassigned"
    assert inside.mean() > 0.7
    assert adjusted_rand_score(truth[inside], labels[inside]) > 0.9


def test_the_scores_are_those_of_the_setting_that_agrees_best(searched):
    found, _ = searched
    chosen = found.runs.loc[found.runs["reference"], "n_factors"].item()
    assert found.latent.shape[1] == chosen


def test_the_picture_shows_every_setting(searched, tmp_path):
    found, _ = searched
    ax = plot_settings(found)
    drawn = ax.child_axes[2].collections[0].get_offsets()[:, 0]
    assert np.sort(np.asarray(drawn)) == pytest.approx(np.sort(found.settings["coverage"]))
    assert any("16 settings, 32 runs" in text for text in texts_of(ax))
    every_check(lambda ax=None: plot_settings(found, ax=ax), tmp_path)


@pytest.mark.parametrize("wrong", [{"n_neighbors": ()}, {"min_samples": (5, 0)}, {"n_factors": "5"}])
def test_impossible_searches_are_refused(wrong):
    with pytest.raises(RecipeError, match=f"{next(iter(wrong))} is .* or several to try") as caught:
        Recipe(**wrong)
    assert caught.value.codes == ("RECIPE_SETTING",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"integration": 3},
        {"method": None},
        {"max_missing": 2},
        {"features": [("a", "log")]},
        {"top_features": 0},
    ],
)
def test_impossible_choices_are_refused(wrong):
    with pytest.raises(RecipeError) as caught:
        Recipe(**wrong)
    assert caught.value.codes == ("RECIPE_SETTING",)


def test_unknown_ways_are_named_with_those_known():
    cohort = cohort_of(planted(n=60, p=5)[0])
    with pytest.raises(RecipeError, match='Did you mean "hdbscan"') as caught:
        Recipe(method="hdbscn").fit(cohort)
    assert caught.value.codes == ("METHOD_UNKNOWN",)
    with pytest.raises(RecipeError, match='Did you mean "factors"') as caught:
        Recipe(integration="factor").fit(cohort)
    assert caught.value.codes == ("INTEGRATION_UNKNOWN",)
