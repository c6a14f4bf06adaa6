"""Agreement of recipes and the choice of the number of groups, drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from plot_checks import assert_inside, assert_no_text_overlaps, every_check
from plot_factory import NASTY, STATUS, texts_of

from phenotyper.discover.recipe import Recipe
from phenotyper.errors import ResultError
from phenotyper.present.plots.agreement import plot_agreement
from phenotyper.present.plots.selection import plot_selection
from phenotyper.refit.agree import pair_table
from phenotyper.refit.comparison import MethodComparison
from phenotyper.refit.selection import Tried, selection_of

NAMES = ("factors + hdbscan", "k-means", "$x_1$ " + NASTY, "nothing found")


def codes_of():
    truth = np.repeat([0, 1, 2], [40, 30, 10])
    some = np.where(np.arange(80) % 5 == 0, -1, truth)
    return np.array([truth, some, np.roll(truth, 13), np.full(80, -1)])


def kmeans(best=3):
    return [
        {
            "k": k,
            "chosen": k == best,
            "gap": 0.05 * k,
            "gap_error": 0.01,
            "silhouette": 0.3 - 0.05 * abs(k - 3) if k > 1 else np.nan,
            "pac": 0.1 * k if k > 1 else np.nan,
            "smallest": 80 // k,
        }
        for k in range(1, 9)
    ]


def mixture():
    return [
        {"k": k, "form": form, "chosen": (k, form) == (2, "tied"), "bic": 1e4 + worse + 30 * abs(k - 2)}
        for form, worse in (("tied", 0), ("full", 900))
        for k in range(1, 6)
    ]


def layouts():
    return [
        {
            "n_neighbors": near,
            "n_subphenotypes": 2 + seed % 2,
            "coverage": 0.8,
            "agreement": 0.6 + near / 100,
            "reference": (near, seed) == (20, 1),
            "smallest": 12,
        }
        for near in (10, 20, 30)
        for seed in range(3)
    ]


def comparison(names=NAMES, codes=None):
    codes = codes_of() if codes is None else codes
    table = pd.DataFrame(
        {
            "recipe": names,
            "n_subphenotypes": [int(one.max()) + 1 for one in codes],
            "coverage": [float((one >= 0).mean()) for one in codes],
        }
    )
    tried = [
        Tried("factors", "hdbscan", (), layouts()),
        Tried("factors", "kmeans", kmeans(), ()),
        Tried("factors", "mixture", mixture(), ()),
        Tried("concat", "kmeans", kmeans(1), ()),
    ]
    labels = pd.DataFrame(codes.T.astype(str), columns=names)
    several = {name: tried[at % 4] for at, name in enumerate(names)}
    return MethodComparison(
        table,
        pair_table(names, codes),
        selection_of(several),
        labels,
        pd.DataFrame(),
        pd.DataFrame(),
        dict.fromkeys(names, Recipe()),
        "f",
        STATUS,
    )


def found_by(method, criteria, runs=(), *, names=("A", "B")):
    return SimpleNamespace(
        recipe=Recipe(method=method),
        criteria=pd.DataFrame(criteria),
        runs=pd.DataFrame(list(runs)),
        status=STATUS,
        names=names,
    )


def cells(ax):
    """Return the text of each cell of the matrix by row and column."""
    found = {}
    for text in ax.texts:
        x, y = text.get_position()
        found[int(y), int(x)] = text.get_text()
    return found


@every_check
def test_the_matrix_keeps_to_the_rules(check, tmp_path):
    check(lambda ax=None: plot_agreement(comparison(), ax=ax), tmp_path)


@every_check
def test_the_choice_of_several_recipes_keeps_to_the_rules(check, tmp_path):
    narrow = {"widths": (None, 5.5)} if check is assert_inside else {}  # six panels need two columns
    check(lambda ax=None: plot_selection(comparison(), ax=ax), tmp_path, **narrow)


@every_check
@pytest.mark.parametrize("found", [found_by("kmeans", kmeans()), found_by("hdbscan", [], layouts())])
def test_the_choice_of_one_fit_keeps_to_the_rules(check, found, tmp_path):
    check(lambda ax=None: plot_selection(found, ax=ax), tmp_path)


def test_agreement_stands_below_the_diagonal_and_its_coverage_above():
    made = comparison()
    shown = cells(plot_agreement(made))
    matrix, coverage = made.agreement(), made.agreement("coverage")
    assert len(shown) == 16
    for row in range(3):
        for column in range(row):
            assert shown[row, column] == f"{matrix.iloc[row, column]:.2f}".replace("-", "\u2212")
            assert shown[column, row] == f"{100 * coverage.iloc[row, column]:.0f} %"
    assert [shown[at, at] for at in range(4)] == ["3\n100 %", "3\n80 %", "3\n100 %", "none"]
    assert [shown[3, column] for column in range(3)] == ["-"] * 3


def test_another_measure_is_drawn_and_named():
    ax = plot_agreement(comparison(), measure="adjusted_rand_all")
    assert cells(ax)[1, 0] == f"{comparison().agreement('adjusted_rand_all').iloc[1, 0]:.2f}"
    said = " ".join(texts_of(ax)).replace("\n", " ")
    assert "Below: adjusted Rand index, the unassigned as a group" in said
    with pytest.raises(ResultError):
        plot_agreement(comparison(), measure="rand")


def test_rows_are_named_and_columns_numbered_alike():
    ax = plot_agreement(comparison())
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert [row.rsplit("  ", 1)[1] for row in rows] == ["1", "2", "3", "4"]
    assert rows[2].startswith("$x_1$")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3", "4"]
    assert ax.get_title(loc="left") or "Agreement of 4 recipes on 80 patients" in ax.get_title()


@pytest.mark.parametrize("n", [2, 12])
def test_few_and_many_recipes_fit(n):
    names = tuple(f"a recipe with a long name, number {at}" for at in range(n))
    codes = np.array([np.random.default_rng(at).integers(-1, 3, 60) for at in range(n)])
    assert_no_text_overlaps(lambda: plot_agreement(comparison(names, codes)))
    assert_no_text_overlaps(lambda: plot_selection(comparison(names, codes)))


def panel_of(ax, heading):
    return next(panel for panel in ax.child_axes if panel.get_title(loc="left") == heading)


def points_in(panel):
    return np.vstack(
        [np.asarray(part.get_offsets()) for part in panel.collections if len(part.get_offsets())]
    )


def test_each_criterion_has_a_panel_with_all_that_was_tried_and_a_large_point_for_the_start():
    ax = plot_selection(found_by("kmeans", kmeans()))
    assert [panel.get_title(loc="left") for panel in ax.child_axes] == [
        "silhouette",
        "gap statistic",
        "ambiguous pairs (PAC)",
        "patients in smallest group",
    ]
    panel = panel_of(ax, "silhouette")
    small = [part for part in panel.collections if part.get_sizes()[0] < 10]
    large = [part for part in panel.collections if part.get_sizes()[0] > 30]
    assert np.asarray(small[0].get_offsets())[:, 0].tolist() == list(range(2, 9))
    np.testing.assert_allclose(np.asarray(large[0].get_offsets()), [[3, 0.3]])
    assert "8 settings tried: 2 groups found" in ax.get_title() + ax.get_title(loc="left")
    none = plot_selection(found_by("kmeans", kmeans(), names=()))
    assert "8 settings tried: none found" in none.get_title() + none.get_title(loc="left")


def test_the_legend_says_how_many_groups_each_recipe_found_in_the_end():
    made = comparison()
    said = [text.get_text() for text in plot_selection(made).get_legend().get_texts()]
    assert said[:2] == ["factors + hdbscan: 3 found", "k-means: 3 found"]
    assert [text.rsplit(": ", 1)[1] for text in said[2:-1]] == ["3 found", "3 found", "none found"]
    assert said[-1] == "run the groups start from"


def test_bic_is_drawn_above_the_least_of_its_recipe():
    ax = plot_selection(comparison())
    panel = panel_of(ax, "BIC above its least")
    drawn = points_in(panel)
    assert drawn[:, 1].min() == 0
    assert sorted(set(drawn[:, 1].tolist())) == [0, 30, 60, 90, 900, 930, 960, 990]
    assert panel.get_ylim()[1] < 200
    assert any("(tied)" in text for text in texts_of(ax))


def test_settings_of_layouts_are_points_at_the_number_that_most_runs_show():
    ax = plot_selection(found_by("hdbscan", [], layouts()))
    drawn = points_in(panel_of(ax, "agreement of runs"))
    np.testing.assert_allclose(sorted({(x, round(y, 6)) for x, y in drawn}), [(2, 0.7), (2, 0.8), (2, 0.9)])


def test_a_fit_that_tried_nothing_says_so():
    assert "no number of groups was tried" in texts_of(plot_selection(found_by("hdbscan", [])))
