"""New patients on the map: rings, counted, called approximate."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from plot_checks import every_check
from plot_factory import STATUS, found_with, legend_of

from phenotyper.discover.assignment import Assignment
from phenotyper.present.plots.assigned import plot_assigned
from phenotyper.present.plots.style import colour_of


def assignment(labels=("A",) * 6 + ("B",) * 3 + ("unassigned",) * 4, *, lost=1):
    n = len(labels)
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "patient_id": [f"n{number:03d}" for number in range(n)],
            "subphenotype": list(labels),
            "map_x": rng.uniform(-1, 8, n),
            "map_y": rng.uniform(-2, 2, n),
        }
    )
    table.loc[n - lost :, ["map_x", "map_y"]] = np.nan
    return Assignment(table, np.zeros((n, 2)), pd.DataFrame(), (), ("A", "B"), STATUS)


def draw(ax=None):
    return plot_assigned(assignment(), found_with(), ax=ax)


@every_check
def test_the_picture_keeps_to_the_rules(check, tmp_path):
    check(draw, tmp_path)


def test_the_legend_counts_new_patients_and_says_that_their_place_is_approximate():
    ax = draw()
    assert legend_of(ax) == [
        "A, n = 6",
        "B, n = 3",
        "unassigned, n = 4",
        "not on the map, n = 1",
        "patients of the fit, n = 60",
    ]
    assert ax.get_legend().get_title().get_text().replace("\n", " ") == "New patients (approximate position)"
    assert ax.get_title() == f"13 new patients, 69 % placed\n{STATUS}"


def test_each_new_patient_is_a_hollow_ring_in_the_colour_of_the_subphenotype():
    table = assignment().table.iloc[:-1]
    ax = draw()
    rings = [layer for layer in ax.collections if not len(layer.get_facecolors())]
    assert len(rings) == 1
    at = {
        tuple(place): to_hex(colour)
        for place, colour in zip(rings[0].get_offsets(), rings[0].get_edgecolors(), strict=True)
    }
    for row in table.itertuples():
        assert at[row.map_x, row.map_y] == colour_of(row.subphenotype)
    others = [layer.get_alpha() for layer in ax.collections if layer is not rings[0]]
    assert all(alpha == pytest.approx(0.22) for alpha in others)
    assert sum(len(layer.get_offsets()) for layer in ax.collections) == 60 + 12


def test_nobody_on_the_map_draws_the_fit_alone():
    ax = plot_assigned(assignment(("unassigned",) * 3, lost=3), found_with())
    assert legend_of(ax)[-2:] == ["not on the map, n = 3", "patients of the fit, n = 60"]
