"""Patient flow and missing values."""

import numpy as np
import pytest
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch, Rectangle
from plot_factory import IDS, LABELS, STATUS, cohort, found_with, many, texts_of

from phenotyper.cohort.read import read_cohort
from phenotyper.errors import ResultError
from phenotyper.present.plots import plot_flow, plot_missingness
from phenotyper.present.plots.boxes import Line, ScaledText, width_of
from phenotyper.present.plots.missingness import MOST_CELLS, _Held, _order


def bounds(ax):
    return [box.get_bbox() for box in ax.patches if isinstance(box, FancyBboxPatch)]


def overlap(first, second):
    return first.x0 < second.x1 and second.x0 < first.x1 and first.y0 < second.y1 and second.y0 < first.y1


def pairs(items):
    return [(first, second) for place, first in enumerate(items) for second in items[place + 1 :]]


def in_memory(blocks, **more):
    specs = {name: {"file": frame, "kind": "number"} for name, frame in blocks.items()}
    return read_cohort({"name": "small", "blocks": specs, **more}, quiet=True)


def numbers(rows, columns, *, ids=None, seed=0):
    import pandas as pd

    values = np.random.default_rng(seed).normal(size=(rows, columns))
    return pd.DataFrame(values, columns=[f"f{at}" for at in range(columns)], index=(ids or IDS)[:rows])


def test_the_flow_counts_who_came_left_and_stayed():
    told = texts_of(plot_flow(cohort(), found_with()))
    assert told[told.index("In any table") + 1] == "n = 64"
    assert told[told.index("In the cohort") + 1] == "n = 60"
    assert told[told.index("removed") + 1] == "n = 4"


def test_the_flow_counts_blocks_and_how_many_a_patient_has():
    told = texts_of(plot_flow(cohort()))
    shown = {
        name: told[told.index(name) + 1]
        for name in ("labs", "expression", "diet", "all 3 blocks", "2 blocks")
    }
    assert shown == {
        "labs": "60 (100 %)",
        "expression": "40 (67 %)",
        "diet": "30 (50 %)",
        "all 3 blocks": "10 (17 %)",
        "2 blocks": "50 (83 %)",
    }


def test_the_flow_ends_in_the_subphenotypes_and_the_unassigned():
    ax = plot_flow(cohort(), found_with())
    told = texts_of(ax)
    assert told[told.index("A") + 1] == "n = 25"
    assert told[told.index("B") + 1] == "n = 20"
    assert told[told.index("unassigned") + 1] == "n = 15"
    assert ax.get_title() == f"Patient flow\n{STATUS}"


def test_a_flow_without_subphenotypes_found_or_asked_for():
    assert "unassigned" not in texts_of(plot_flow(cohort()))
    told = texts_of(plot_flow(cohort(), found_with(["unassigned"] * 60)))
    assert told[told.index("unassigned") + 1] == "n = 60"


def test_the_flow_of_other_patients_is_refused():
    with pytest.raises(ResultError, match="OTHER_COHORT"):
        plot_flow(cohort(), found_with(LABELS, [f"other{number}" for number in range(60)]))


@pytest.mark.parametrize("groups", [1, 3, 8, 30])
def test_boxes_of_the_flow_do_not_overlap_and_hold_their_text(groups):
    found = many(groups)
    frame = numbers(len(found.table), 2, ids=list(found.table["patient_id"]))
    ax = plot_flow(in_memory({"a block with quite a long name": frame, "b": frame.iloc[:20]}), found)
    ax.figure.savefig("/dev/null", format="png")
    placed = bounds(ax)
    assert len(placed) == groups + 4
    assert not [pair for pair in pairs(placed) if overlap(*pair)]
    written = [text for text in ax.get_children() if isinstance(text, ScaledText) and text.get_text()]
    areas = [text.get_window_extent().transformed(ax.transData.inverted()) for text in written]
    assert not [pair for pair in pairs(areas) if overlap(*pair)]
    for area in areas:
        inside = [box for box in placed if overlap(box, area)]
        assert len(inside) == 1
        assert inside[0].x0 <= area.x0
        assert area.x1 <= inside[0].x1
        assert inside[0].y0 <= area.y0
        assert area.y1 <= inside[0].y1


def test_letters_of_the_flow_shrink_with_the_picture():
    ax = plot_flow(cohort(), found_with())
    text = next(child for child in ax.get_children() if isinstance(child, ScaledText))
    ax.figure.savefig("/dev/null", format="png")
    large = text.get_fontsize()
    ax.figure.set_size_inches(ax.figure.get_size_inches() / 2)
    ax.figure.savefig("/dev/null", format="png")
    assert large == pytest.approx(8, rel=0.05)
    assert large / 3 < text.get_fontsize() <= large / 2


def test_a_wider_text_gets_a_wider_box():
    ax = plot_flow(cohort())
    narrow, wide = (width_of(ax, [Line("x" * letters)]) for letters in (5, 50))
    assert wide > 5 * narrow


def panels(ax):
    """Return (profile, cells) of each block."""
    return list(zip(ax.child_axes[0:-1:2], ax.child_axes[1:-1:2], strict=True))


def cells_of(panel):
    return np.ma.filled(
        next(child for child in panel.get_children() if isinstance(child, AxesImage)).get_array(), np.nan
    )


def test_each_block_says_who_has_it_and_what_is_missing():
    ax = plot_missingness(cohort())
    headings = [profile.get_title(loc="left").replace("\n", " ") for profile, _ in panels(ax)]
    assert headings[0] == "labs n = 60 (100 %) 3.8 % missing"
    assert headings[1].startswith("expression n = 40 (67 %)")
    assert headings[2] == "diet n = 30 (50 %) 0 % missing"
    assert ax.get_title() == "Missing values: 60 patients, 3 blocks"


def test_absent_blocks_are_hatched_and_missing_values_are_not():
    ax = plot_missingness(cohort())
    for (_, panel), absent in zip(panels(ax), (0, 20, 30), strict=True):
        hatched = [patch for patch in panel.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
        assert sum(patch.get_height() for patch in hatched) == absent
        assert int(np.isnan(cells_of(panel)).all(axis=1).sum()) == absent
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["block\nabsent"]


def test_cells_hold_the_shares_of_missing_values():
    _, panel = panels(plot_missingness(cohort()))[0]
    cells = cells_of(panel)
    assert cells.shape == (60, 4)
    assert cells.sum() == 9
    assert cells[:, 0].sum() == 9, "the feature with most missing values comes first"


def test_wide_and_long_blocks_are_averaged():
    ids = [f"p{number:04d}" for number in range(500)]
    frame = numbers(500, 900, ids=ids)
    frame.iloc[:, 100] = [np.nan if number % 4 == 0 else float(number) for number in range(500)]
    profile, panel = panels(plot_missingness(in_memory({"wide": frame})))[0]
    cells = cells_of(panel)
    assert cells.shape == (MOST_CELLS, MOST_CELLS)
    assert profile.get_xlim() == (0, 900)
    assert np.nanmax(cells) <= 0.25
    assert cells.mean() == pytest.approx(125 / (500 * 900), rel=0.35)
    assert panel.get_xlabel().replace("\n", " ") == "900 features"


def test_patients_with_most_blocks_come_first_then_the_most_complete():
    lacking = np.array([[True, False], [False, False], [True, True], [False, False]])
    first = _Held(lacking, np.arange(4))
    second = _Held(np.zeros((2, 1), dtype=bool), np.array([2, 3]))
    assert _order(4, [first, second]).tolist() == [3, 2, 1, 0]


def test_a_complete_cohort_has_no_key_for_absent_blocks():
    assert plot_missingness(in_memory({"labs": numbers(20, 3)})).get_legend() is None


def test_few_features_are_named_and_hostile_names_stay_text():
    frame = numbers(20, 2).rename(columns={"f0": "$x_{", "f1": "<img>"})
    _, panel = panels(plot_missingness(in_memory({"labs": frame})))[0]
    assert sorted(label.get_text() for label in panel.get_xticklabels()) == ["$x_{", "<img>"]
