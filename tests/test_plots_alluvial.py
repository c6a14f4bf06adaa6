"""Bands between partitions: every box and band against a slow count."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle
from plot_checks import assert_no_text_overlaps, every_check
from plot_factory import IDS, LABELS, NASTY, STATUS, cohort, found_with, many, texts_of

from phenotyper.cohort.container import patients_of
from phenotyper.errors import CohortError, ResultError
from phenotyper.present.plots import save_figure
from phenotyper.present.plots.alluvial import _BAND_STRENGTH, plot_alluvial
from phenotyper.present.plots.boxes import ScaledText
from phenotyper.present.plots.style import blend, colour_of

OTHER = dict(zip(IDS, ["A", "B", "C"] * 20, strict=True))


def boxes_of(ax):
    """Return the boxes as (left, top, height), from left to right and from top to bottom."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_zorder() == 2]
    placed = [(box.get_x(), box.get_y() + box.get_height(), box.get_height()) for box in found]
    return sorted(placed, key=lambda box: (round(box[0], 6), -box[1]))


def written(ax):
    """Return name and number beside each box, in the order of :func:`boxes_of`."""
    texts = [text for text in ax.get_children() if isinstance(text, ScaledText)]
    found = []
    for left, top, height in boxes_of(ax):
        row = [text for text in texts if abs(text.get_position()[1] - (top - height / 2)) < 1e-6]
        right = sorted(
            (text.get_position()[0], text.get_text()) for text in row if text.get_position()[0] > left
        )
        found.append((right[0][1], int(right[1][1].replace(",", ""))))
    return found


def columns_of(ax):
    """Return, for each partition, its groups with their numbers from top to bottom."""
    lefts = sorted({round(left, 6) for left, _, _ in boxes_of(ax)})
    named = list(zip(boxes_of(ax), written(ax), strict=True))
    return [{name: n for box, (name, n) in named if round(box[0], 6) == left} for left in lefts]


def bands_of(ax):
    """Return colour, both upper corners and height at both ends of each band."""
    found = []
    for patch in ax.patches:
        if isinstance(patch, PathPatch):
            corners = patch.get_path().vertices
            high = (corners[0, 1] - corners[7, 1], corners[3, 1] - corners[4, 1])
            found.append((to_hex(patch.get_facecolor()), tuple(corners[0]), tuple(corners[3]), high))
    return found


def unit_of(ax):
    return boxes_of(ax)[0][2] / written(ax)[0][1]


def counted(*partitions):
    return Counter(zip(*partitions, strict=True))


def test_boxes_say_how_many_patients_each_group_has():
    first, second = columns_of(plot_alluvial(found_with(), OTHER))
    assert first == {"A": 25, "B": 20, "unassigned": 15}
    assert second == {"A": 20, "B": 20, "C": 20}


def test_boxes_are_as_high_as_their_patients_are_many():
    ax = plot_alluvial(found_with(), "clinic", cohort=cohort())
    heights = [height for _, _, height in boxes_of(ax)]
    numbers = np.array([n for _, n in written(ax)])
    assert heights == pytest.approx(numbers * unit_of(ax))


def test_bands_are_as_wide_as_the_patients_that_two_groups_share():
    ax = plot_alluvial(found_with(), OTHER)
    unit = unit_of(ax)
    widths = Counter()
    for colour, _, _, (start, end) in bands_of(ax):
        assert start == pytest.approx(end)
        widths[colour, round(start / unit)] += 1
    expected = Counter()
    for (name, _), n in counted(LABELS, OTHER.values()).items():
        expected[blend(colour_of(name), "white", 1 - _BAND_STRENGTH), n] += 1
    assert widths == expected


def test_bands_fill_the_side_of_each_box_exactly():
    ax = plot_alluvial(found_with(), OTHER, "site", cohort=cohort())
    boxes = boxes_of(ax)
    lefts = sorted({round(left, 6) for left, _, _ in boxes})
    used = {side: Counter() for side in (0, 1)}
    for _, *corners, (high, _) in bands_of(ax):
        for side, (x, y) in enumerate(corners):
            column = max(left for left in lefts if left <= x + 1e-6)
            (box,) = [
                box
                for box in boxes
                if round(box[0], 6) == column and box[1] + 1e-6 >= y and y - high >= box[1] - box[2] - 1e-6
            ]
            used[side][box] += high
    for side, columns in ((0, lefts[:-1]), (1, lefts[1:])):
        heights = {box: box[2] for box in boxes if round(box[0], 6) in columns}
        assert dict(used[side]) == pytest.approx(heights)


def test_three_partitions_keep_the_colour_of_the_first_throughout():
    ax = plot_alluvial(found_with(), OTHER, "site", cohort=cohort())
    site = patients_of(cohort())["site"].astype(str).loc[IDS]
    unit = unit_of(ax)
    middle = sorted({round(left, 6) for left, _, _ in boxes_of(ax)})[1]
    later = Counter(
        (colour, round(high / unit)) for colour, start, _, (high, _) in bands_of(ax) if start[0] > middle
    )
    expected = Counter()
    for (name, _, _), n in counted(LABELS, OTHER.values(), site).items():
        expected[blend(colour_of(name), "white", 1 - _BAND_STRENGTH), n] += 1
    assert later == expected


def test_unassigned_missing_and_absent_patients_have_boxes_of_their_own():
    some = pd.Series({one: label for one, label in OTHER.items() if one not in IDS[:10]}, name="second")
    some.iloc[:3] = None
    some["stranger"] = "A"
    first, second = columns_of(plot_alluvial(found_with(), some, names=["fit", "second"]))
    assert list(first) == ["A", "B", "unassigned", "not in fit"]
    assert first["not in fit"] == 1
    assert (second["missing"], second["not in second"]) == (3, 10)
    assert sum(first.values()) == sum(second.values()) == 61


def test_a_binary_outcome_of_the_cohort_counts_its_missing_values():
    _, second = columns_of(plot_alluvial(found_with(), "relapse", cohort=cohort()))
    assert {name: second[name] for name in ("no", "yes", "missing")} == {"no": 30, "yes": 15, "missing": 15}


def test_only_columns_of_the_cohort():
    first, second = columns_of(plot_alluvial("site", "labs:hunger", cohort=cohort()))
    assert first == {"north": 30, "south": 30}
    assert list(second) == ["none", "some", "much"], "ordered levels keep their order"


def test_groups_are_ordered_so_that_bands_cross_little():
    left = {f"p{at}": f"g{at % 4}" for at in range(40)}
    right = {one: {"g0": "w", "g1": "z", "g2": "y", "g3": "x"}[label] for one, label in left.items()}
    _, second = columns_of(plot_alluvial(left, right))
    assert list(second) == ["w", "z", "y", "x"]


def test_the_title_names_the_partitions_and_carries_the_status():
    ax = plot_alluvial(found_with(), OTHER, names=["seed 1", "seed 2"])
    assert ax.get_title() == f"seed 1 and seed 2: 60 patients\n{STATUS}"
    assert {"seed 1", "seed 2"} <= set(texts_of(ax))
    twice = plot_alluvial(found_with(), found_with())
    assert twice.get_title().startswith("subphenotypes 1 and subphenotypes 2: 60")


def test_labels_of_subphenotypes_in_a_series_have_their_colours():
    labels = pd.Series(LABELS, index=IDS)
    colours = {colour for colour, *_ in bands_of(plot_alluvial(labels, OTHER))}
    assert colours == {colour for colour, *_ in bands_of(plot_alluvial(found_with(), OTHER))}


def test_numbered_clusters_are_read_as_whole_numbers_and_sorted():
    numbers = pd.Series([float(at % 11) for at in range(60)], index=IDS)
    numbers.iloc[0] = np.nan
    first, _ = columns_of(plot_alluvial(numbers, OTHER))
    assert list(first) == [*(str(at) for at in range(11)), "missing"]


def test_the_rarest_of_very_many_groups_are_pooled():
    found = many(60, each=1)
    ids = found.table["patient_id"]
    first, second = columns_of(plot_alluvial(found, dict(zip(ids, found.table["subphenotype"], strict=True))))
    assert first["unassigned"] == 5
    assert sum(first.values()) == sum(second.values()) == len(ids)
    (others,) = [name for name in first if name.endswith(" others")]
    assert first[others] == int(others.split()[0])


def test_the_order_of_patients_does_not_matter():
    turned = dict(reversed(OTHER.items()))
    assert bands_of(plot_alluvial(found_with(), OTHER)) == bands_of(plot_alluvial(found_with(), turned))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((LABELS, OTHER), "PARTITION.*partition 1 is of type list"),
        (({}, OTHER), "PARTITION.*no patients"),
        ((pd.Series(["A", "B"], index=["p1", "p1"]), OTHER), r"PARTITION.*more than once \(p1\)"),
        (("age", OTHER), 'PARTITION.*"age" holds numbers'),
        (({"q1": "A"}, OTHER), "NO_OVERLAP.*share no patient.*Compare the ids"),
    ],
)
def test_what_is_no_partition_is_refused(given, code):
    with pytest.raises(ResultError, match=code):
        plot_alluvial(*given, cohort=cohort())


def test_names_need_a_cohort_and_must_be_known_and_as_many_as_partitions():
    with pytest.raises(ResultError, match=r'NEEDS_COHORT.*"site"'):
        plot_alluvial(found_with(), "site")
    with pytest.raises(CohortError, match=r'UNKNOWN_NAME.*Did you mean "site"\?'):
        plot_alluvial(found_with(), "sites", cohort=cohort())
    for names in (["one"], "two"):
        with pytest.raises(ResultError, match=r"PARTITION.*for 2 partitions"):
            plot_alluvial(found_with(), OTHER, names=names)


def test_one_patient_and_no_subphenotypes_are_drawn():
    assert columns_of(plot_alluvial({"p": "A"}, {"p": "x"})) == [{"A": 1}, {"x": 1}]
    first, _ = columns_of(plot_alluvial(found_with(["unassigned"] * 60), OTHER))
    assert first == {"unassigned": 60}


def test_hostile_names_stay_text_and_similar_ones_stay_apart(tmp_path):
    ax = plot_alluvial(found_with(), "ward", cohort=cohort(), names=["$x_{", NASTY])
    drawn = save_figure(ax, tmp_path / "bands.svg").read_text(encoding="utf-8")
    assert "<img" not in drawn
    assert ">$x_{</text>" in drawn
    long = {one: f"a very long name of a group, {label}, and of the same end" for one, label in OTHER.items()}
    _, second = columns_of(plot_alluvial(found_with(), long))
    assert len(second) == 3


@pytest.mark.parametrize("groups", [2, 12, 40])
def test_no_text_overlaps(groups):
    found = many(groups, each=2 if groups > 12 else 40)
    ids = found.table["patient_id"]
    sites = {one: f"site {at % 7}" if at % 50 else "a rare site" for at, one in enumerate(ids)}
    assert_no_text_overlaps(lambda: plot_alluvial(found, sites, {one: NASTY for one in ids}))


def test_arguments_are_not_changed():
    found, labels = found_with(), pd.Series(OTHER)
    before, kept = found.table.copy(), labels.copy()
    plot_alluvial(found, labels)
    pd.testing.assert_frame_equal(found.table, before)
    pd.testing.assert_series_equal(labels, kept)


@every_check
def test_the_picture_keeps_the_rules_of_the_house(check, tmp_path):
    draw = lambda ax=None: plot_alluvial(found_with(), OTHER, "relapse", cohort=cohort(), ax=ax)  # noqa: E731
    check(draw, tmp_path)
