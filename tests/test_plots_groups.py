"""Ranked means, probabilities and the condensed tree: what is drawn equals what can be counted apart."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from plot_checks import every_check
from plot_factory import Found, cohort, found_with, legend_of, many, texts_of

from phenotyper.cohort.container import block_frame
from phenotyper.errors import ResultError
from phenotyper.outcomes.means import standardised_means
from phenotyper.present.plots.means import plot_means
from phenotyper.present.plots.membership import plot_membership
from phenotyper.present.plots.style import UNASSIGNED, colour_of
from phenotyper.present.plots.tree import branches_of, plot_tree


@dataclass(frozen=True)
class WithTree(Found):
    tree: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))


def found_with_tree():
    """Return 60 patients whose tree splits at density 1 into the first 25 and the next 20; 15 left before."""
    base = found_with()
    rows = [(60, child, 0.5, 1) for child in range(45, 60)]
    rows += [(60, 61, 1.0, 25), (60, 62, 1.0, 20)]
    rows += [(61, child, 2.0 + child / 100, 1) for child in range(25)]
    rows += [(62, child, 3.0, 1) for child in range(25, 45)]
    return WithTree(base.table, base.names, tree=np.array(rows, dtype=float))


def test_standardised_means_are_those_of_the_whole_cohort_in_standard_deviations():
    found = found_with()
    means = standardised_means(found, cohort()).set_index(["feature", "subphenotype"])
    gene = block_frame(cohort(), "expression")["gene3"]
    labels = pd.Series(found.labels(gene.index), index=gene.index)
    for name in ("A", "B"):
        mine = gene[labels == name]
        expected = (mine.mean() - gene.mean()) / gene.std()
        half = 1.959964 * mine.std() / np.sqrt(len(mine)) / gene.std()
        row = means.loc[("gene3", name)]
        assert row["mean"] == pytest.approx(expected)
        assert row["ci_high"] - row["mean"] == pytest.approx(half, rel=1e-4)
        assert row["n"] == len(mine)


def test_the_most_separating_feature_stands_on_top():
    found = found_with()
    ax = plot_means(found, cohort(), most=6)
    means = standardised_means(found, cohort())
    best = means.sort_values("separation", ascending=False).iloc[0]
    labels = {
        int(tick): text.get_text() for tick, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    }
    assert len(labels) == 6
    assert labels[5] == best["label"]
    assert "6 of" in ax.get_title()


def test_every_dot_is_a_mean_in_the_colour_of_its_subphenotype():
    found = found_with()
    ax = plot_means(found, cohort(), features=["labs:crp", "gene3"])
    means = standardised_means(found, cohort())
    for name in found.names:
        (line,) = [
            line for line in ax.lines if line.get_marker() == "o" and line.get_color() == colour_of(name)
        ]
        mine = means[(means["subphenotype"] == name) & means["feature"].isin(["crp", "gene3"])]
        assert sorted(line.get_xdata()) == pytest.approx(sorted(mine["mean"]))
    assert legend_of(ax) == ["A, n = 25", "B, n = 20"]


def test_an_unknown_feature_is_refused_with_a_near_name():
    with pytest.raises(ResultError, match=r'UNKNOWN_NAME.*"milk"'):
        plot_means(found_with(), cohort(), features=["milc"])


def test_no_subphenotypes_is_said():
    assert "no subphenotypes" in texts_of(plot_means(found_with([UNASSIGNED] * 60), cohort()))


def drawn_lengths(ax, name):
    """Return the probabilities that are drawn in a colour, the largest first."""
    (area,) = [one for one in ax.collections if to_hex(one.get_facecolor()[0]) == colour_of(name)]
    corners = area.get_paths()[0].vertices
    return corners[:, 0].max(), -np.ptp(corners[:, 1])


def test_each_group_takes_the_room_of_its_patients_and_its_largest_probability():
    found = found_with()
    ax = plot_membership(found)
    heights = {}
    for name in ("A", "B", UNASSIGNED):
        longest, height = drawn_lengths(ax, name)
        mine = found.table.loc[found.table["subphenotype"] == name, "probability"]
        assert longest == pytest.approx(mine.max())
        heights[name] = height
    assert heights["A"] / heights["B"] == pytest.approx(25 / 20)


def test_the_words_beside_a_group_count_its_patients_and_the_reasons():
    found = found_with()
    table = found.table.assign(reason=[""] * 45 + ["between groups"] * 10 + ["nothing measured"] * 5)
    said = " ".join(" ".join(texts_of(plot_membership(Found(table, found.names)))).split())
    assert "A, n = 25" in said
    assert "unassigned, n = 15 between groups 10, nothing measured 5" in said


def test_branches_hold_every_patient_once_and_know_their_parent():
    found = found_with_tree()
    branches = branches_of(found.tree, 60)
    assert [(branch.number, branch.parent, len(branch.points)) for branch in branches] == [
        (60, -1, 15),
        (61, 60, 25),
        (62, 60, 20),
    ]
    assert sorted(np.concatenate([branch.points for branch in branches])) == list(range(60))


def test_a_branch_is_as_wide_as_it_has_patients_and_has_their_colour():
    ax = plot_tree(found_with_tree())
    widths = {
        to_hex(area.get_facecolor()[0]): np.ptp(area.get_paths()[0].vertices[:, 0]) for area in ax.collections
    }
    assert widths[colour_of("A")] == 25
    assert widths[colour_of("B")] == 20
    assert max(widths.values()) == 60
    assert legend_of(ax) == ["A, n = 25", "B, n = 20", "unassigned, n = 15"]


def test_a_result_without_a_tree_says_so():
    base = found_with([UNASSIGNED] * 60)
    assert "no tree" in " ".join(texts_of(plot_tree(WithTree(base.table, base.names))))


def test_infinite_density_is_drawn_at_the_largest_finite_one():
    tree = np.array([[4, 0, 1.0, 1], [4, 1, np.inf, 1], [4, 2, 2.0, 1], [4, 3, 2.0, 1]])
    assert branches_of(tree, 4)[0].leaves.tolist() == [1.0, 2.0, 2.0, 2.0]


def test_twelve_subphenotypes_fit():
    found = many(12, 4)
    assert len(plot_membership(found).collections) == 13


@every_check
@pytest.mark.parametrize(
    "draw",
    [
        lambda ax=None: plot_means(found_with(), cohort(), most=8, ax=ax),
        lambda ax=None: plot_membership(found_with(), ax=ax),
        lambda ax=None: plot_tree(found_with_tree(), ax=ax),
    ],
    ids=["means", "membership", "tree"],
)
def test_the_pictures_keep_the_rules_of_the_house(check, draw, tmp_path):
    check(draw, tmp_path)
