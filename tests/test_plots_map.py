"""The map: who is drawn, in which colour, counted how."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgba
from plot_factory import IDS, LABELS, NASTY, STATUS, cohort, found_with, legend_of, many, texts_of

from phenotyper.errors import CohortError, ResultError
from phenotyper.present.plots import plot_map, save_figure
from phenotyper.present.plots.map import _apart
from phenotyper.present.plots.style import MISSING_COLOUR, colour_of


def layers(ax):
    """Return (colours, x) of each layer of points, the lowest first."""
    found = sorted(ax.collections, key=lambda layer: layer.get_zorder())
    return [
        ([to_hex(colour) for colour in layer.get_facecolors()], layer.get_offsets()[:, 0]) for layer in found
    ]


def counts_in(labels):
    return {label.rsplit(", n = ", 1)[0]: int(label.rsplit(" ", 1)[1].replace(",", "")) for label in labels}


def test_the_legend_counts_every_patient_once():
    assert legend_of(plot_map(found_with())) == ["A, n = 25", "B, n = 20", "unassigned, n = 15"]


def test_each_patient_is_drawn_once_in_the_colour_of_the_subphenotype():
    found = found_with()
    (below, outside), (above, inside) = layers(plot_map(found))
    assert set(below) == {colour_of("unassigned")}
    assert sorted([*outside, *inside]) == pytest.approx(sorted(found.table["map_x"]))
    colour_at = dict(zip(np.round(inside, 9), above, strict=True))
    for row in found.table.itertuples():
        if row.subphenotype != "unassigned":
            assert colour_at[round(row.map_x, 9)] == colour_of(row.subphenotype)


def test_the_title_carries_the_status_and_the_axes_disclaim_distances():
    ax = plot_map(found_with())
    assert ax.get_title() == f"Map: 2 subphenotypes\n{STATUS}"
    assert "carry no meaning" in ax.get_xlabel()
    assert not len(ax.get_xticks())
    assert not len(ax.get_yticks())


def test_both_axes_show_the_same_range():
    ax = plot_map(found_with())
    assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))
    assert ax.get_box_aspect() == 1


def test_letters_stand_on_a_patient_of_their_subphenotype():
    found = found_with()
    ax = plot_map(found)
    for text in ax.texts:
        own = found.table[found.table["subphenotype"] == text.get_text()]
        assert text.get_position() in set(zip(own["map_x"], own["map_y"], strict=True))
        assert text.get_path_effects()
    assert [text.get_text() for text in ax.texts] == ["A", "B"]


def test_letters_of_overlapping_subphenotypes_are_moved_apart():
    places = _apart(np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]]), least=1.0)
    assert np.hypot(*(places[0] - places[1])) >= 1 - 1e-9
    assert places[2].tolist() == [5.0, 5.0]


def test_missing_values_are_grey_below_and_counted():
    ax = plot_map(found_with(), cohort(), colour_by="labs:crp")
    (below, x), (above, _) = layers(ax)
    assert set(below) == {MISSING_COLOUR}
    assert sorted(x) == pytest.approx(sorted(found_with().table["map_x"][:9]))
    assert MISSING_COLOUR not in above
    assert legend_of(ax) == ["missing, n = 9"]
    assert "C-reactive protein\n(mg/L)\nn = 51" in texts_of(ax)


def test_patients_without_the_block_count_as_missing():
    ax = plot_map(found_with(), cohort(), colour_by="expression:gene7")
    assert counts_in(legend_of(ax)) == {"missing": 40}


def test_numbers_are_coloured_between_the_2nd_and_98th_percentile():
    ax = plot_map(found_with(), cohort(), colour_by="labs:wbc")
    values = np.asarray(cohort()["labs"].X)[:, 1]
    bar = ax.child_axes[0]
    assert bar.get_ylim() == pytest.approx(np.percentile(values, [2, 98]))
    colours = layers(ax)[1][0]
    assert to_hex(mpl.colormaps["viridis"](1.0)) in colours
    assert len(bar.patches) == 2, "arrows at both ends"
    assert not plot_map(found_with(), colour_by="membership").child_axes[0].patches


def test_age_is_in_years_and_its_missing_values_are_counted():
    ax = plot_map(found_with(), cohort(), colour_by="age")
    assert counts_in(legend_of(ax)) == {"missing": 7}
    assert ax.get_title().startswith("Map by age (years)")


def test_categories_are_counted_by_level():
    ax = plot_map(found_with(), cohort(), colour_by="site")
    assert legend_of(ax) == ["north, n = 30", "south, n = 30"]


def test_an_ordinal_feature_keeps_its_order_from_dark_to_light():
    ax = plot_map(found_with(), cohort(), colour_by="labs:hunger")
    shown = counts_in(legend_of(ax))
    assert list(shown) == ["none", "some", "much"]
    assert sum(shown.values()) == 60
    light = [sum(to_rgba(mark.get_color())[:3]) for mark in ax.get_legend().legend_handles]
    assert light == sorted(light)


def test_a_binary_outcome_shows_its_label_and_says_yes_and_no():
    ax = plot_map(found_with(), cohort(), colour_by="relapse")
    assert legend_of(ax) == ["no, n = 30", "yes, n = 15", "missing, n = 15"]
    assert ax.get_title().startswith("Map by asthma relapse")


def test_rare_categories_are_pooled_when_there_are_more_than_colours():
    shown = counts_in(legend_of(plot_map(found_with(), cohort(), colour_by="clinic")))
    assert shown["5 others"] == 60 - sum(n for name, n in shown.items() if name != "5 others")
    assert len(shown) == 9


def test_hostile_category_names_stay_text(tmp_path):
    ax = plot_map(found_with(), cohort(), colour_by="ward")
    assert set(counts_in(legend_of(ax))) == {"$x", "_y", NASTY, "\u03b1"}
    drawn = save_figure(ax, tmp_path / "map.svg").read_text()
    assert "<img" not in drawn
    assert "&lt;img onerror=" in drawn
    assert re.search(r"<text[^>]*>\$x, n = 15</text>", drawn)


def test_membership_is_coloured_from_0_to_1():
    ax = plot_map(found_with(), colour_by="membership")
    assert ax.child_axes[0].get_ylim() == (0, 1)


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(CohortError, match=r'UNKNOWN_NAME.*Did you mean "site"\?'):
        plot_map(found_with(), cohort(), colour_by="sites")
    with pytest.raises(CohortError, match=r'Did you mean "labs:crp"\?'):
        plot_map(found_with(), cohort(), colour_by="crp")
    with pytest.raises(CohortError, match=r'Did you mean "labs:crp"\?'):
        plot_map(found_with(), cohort(), colour_by="labs:crpp")


def test_a_variable_needs_the_cohort_of_these_patients():
    with pytest.raises(ResultError, match="NEEDS_COHORT"):
        plot_map(found_with(), colour_by="age")
    others = found_with(LABELS, [f"other{number}" for number in range(60)])
    with pytest.raises(ResultError, match="OTHER_COHORT"):
        plot_map(others, cohort(), colour_by="age")


def test_the_order_of_the_cohort_does_not_matter():
    found = found_with()
    turned = found_with()
    turned.table.iloc[:] = found.table.iloc[::-1].to_numpy()
    first, second = (layers(plot_map(one, cohort(), colour_by="labs:wbc"))[1] for one in (found, turned))
    assert dict(zip(first[1], first[0], strict=True)) == dict(zip(second[1], second[0], strict=True))


def test_no_subphenotypes_is_a_map_of_unassigned():
    ax = plot_map(found_with(["unassigned"] * 60))
    assert legend_of(ax) == ["unassigned, n = 60"]
    assert ax.get_title() == f"Map: no subphenotypes\n{STATUS}"
    assert not ax.texts


def test_more_subphenotypes_than_letters_are_drawn():
    ax = plot_map(many(30))
    shown = counts_in(legend_of(ax))
    assert len(shown) == 31
    assert shown["AD"] == 3


def test_a_variable_that_nobody_differs_in_is_drawn():
    ax = plot_map(found_with(), cohort(), colour_by="height")
    assert ax.child_axes[0].get_ylim() == (99.5, 100.5)
    assert len(set(layers(ax)[1][0])) == 1


def test_patients_without_a_place_are_counted_beside_the_map():
    found = found_with()
    found.table.loc[:2, ["map_x", "map_y"]] = np.nan
    assert legend_of(plot_map(found))[-1] == "not on the map, n = 3"


def test_points_are_an_image_above_two_thousand():
    few, lots = many(2, each=900), many(2, each=1200)
    assert not any(layer.get_rasterized() for layer in plot_map(few).collections)
    assert all(layer.get_rasterized() for layer in plot_map(lots).collections)


def test_ids_of_the_map_are_not_in_the_file(tmp_path):
    drawn = save_figure(plot_map(found_with()), tmp_path / "map.svg").read_text()
    assert not any(patient in drawn for patient in IDS)


def test_the_table_is_not_changed():
    found = found_with()
    before = found.table.copy()
    plot_map(found, cohort(), colour_by="age")
    pd.testing.assert_frame_equal(found.table, before)
