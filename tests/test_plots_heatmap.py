"""The annotated heatmap: cells, strips and keys against values computed apart."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from plot_checks import assert_inside, assert_no_text_overlaps, every_check
from plot_factory import IDS, LABELS, NASTY, STATUS, Found, cohort, found_with, texts_of

from phenotyper.cohort.container import block_frame, patients_of
from phenotyper.cohort.read import read_cohort
from phenotyper.errors import CohortError, ResultError
from phenotyper.present.plots import save_figure
from phenotyper.present.plots.heatmap import plot_heatmap
from phenotyper.present.plots.heatmap_rows import MOST_COLUMNS, averaged, most_different, seriated
from phenotyper.present.plots.strips import strip_of
from phenotyper.present.plots.style import MISSING_COLOUR, colour_of


class Adjusted(Found):
    """Stands for Phenotypes of a fit that takes the age out."""

    adjusted_for = ("age",)


def in_memory(blocks, kind="log", **more):
    specs = {name: {"file": frame, "kind": kind} for name, frame in blocks.items()}
    return read_cohort({"name": "small", "blocks": specs, **more}, quiet=True)


def numbers(rows, columns, *, seed=0, ids=None):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    ids = ids or [f"p{at:05d}" for at in range(rows)]
    return pd.DataFrame(values, columns=[f"f{at}" for at in range(columns)], index=ids)


def shifted():
    """Return 60 patients of whom A is high in f1, B high in f4 of "one" and low in f2 of "two"."""
    one, two = numbers(60, 6, ids=IDS), numbers(60, 4, seed=1, ids=IDS)
    inside = {name: [label == name for label in LABELS] for name in "AB"}
    one.loc[inside["A"], "f1"] += 4
    one.loc[inside["B"], "f4"] += 4
    two.loc[inside["B"], "f2"] -= 4
    two.iloc[:7, 2] = np.nan
    return in_memory({"one": one, "two": two})


def z_scores(column):
    """Return a column as the preparation makes it: centred, winsorised at 4 robust SD, standardised."""
    centre = np.nanmedian(column)
    spread = 1.4826 * np.nanmedian(np.abs(column - centre))
    clipped = np.clip((column - centre) / spread, -4, 4)
    return (clipped - np.nanmean(clipped)) / np.nanstd(clipped)


def images_of(ax, panel=1):
    """Return (left, right, top, array) of each picture in the heatmap (panel 1) or the strips (0)."""
    band = ax.child_axes[1 - panel] if panel else ax.child_axes[1]
    found = [(*image.get_extent()[:2], image.get_extent()[3], image.get_array()) for image in band.images]
    return sorted(found, key=lambda image: (image[0], image[2]))


def cells_of(ax, start):
    """Return the cells of the group that begins at ``start``, rows x columns, NaN where missing."""
    pictures = [array for left, _, _, array in images_of(ax) if abs(left - start) < 1e-9]
    return np.vstack([np.ma.filled(array, np.nan) for array in pictures])


def starts_of(ax):
    return sorted({left for left, *_ in images_of(ax)})


def rows_of(ax):
    return [label.get_text() for label in ax.child_axes[0].get_yticklabels()]


def as_set(columns):
    return Counter(tuple(np.round(column, 6).tolist()) for column in np.nan_to_num(columns, nan=99))


def test_cells_are_the_z_scores_of_the_patients_of_each_subphenotype():
    ax = plot_heatmap(found_with(), shifted(), features=["one:f1", "two:f2"])
    one, two = block_frame(shifted(), "one"), block_frame(shifted(), "two")
    table = pd.DataFrame(
        {"f1": z_scores(one["f1"].to_numpy()), "f2": z_scores(two["f2"].to_numpy())}, one.index
    )
    labels = pd.Series(LABELS, IDS).loc[table.index]
    assert rows_of(ax) == ["f1", "f2"]
    for start, name in zip(starts_of(ax), ("A", "B", "unassigned"), strict=True):
        assert as_set(cells_of(ax, start).T) == as_set(table[labels == name].to_numpy())


def test_missing_values_are_left_out_over_hatching_and_never_0():
    ax = plot_heatmap(found_with(), shifted(), features=["two:f2"])
    masked = [int(np.ma.getmaskarray(array).sum()) for *_, array in images_of(ax)]
    assert masked == [7, 0, 0]
    hatched = [
        patch for patch in ax.child_axes[0].patches if isinstance(patch, Rectangle) and patch.get_hatch()
    ]
    assert [round(patch.get_width()) for patch in hatched] == [25, 20, 15]
    assert "missing, 12 % of cells" in texts_of(ax)


def test_patients_without_the_block_are_missing_in_all_its_features():
    ax = plot_heatmap(found_with(), cohort(), features=["expression:gene3", "diet:nuts"])
    cells = np.hstack([cells_of(ax, start) for start in starts_of(ax)])
    assert np.isnan(cells).sum(axis=1).tolist() == [20, 30]


def test_groups_stand_by_size_with_the_unassigned_last_and_their_colours_below_the_strips():
    ax = plot_heatmap(found_with(), shifted())
    lowest = [
        (to_hex(array[0, 0]), round(right - left, 6)) for left, right, _, array in images_of(ax, panel=0)
    ]
    assert lowest == [(colour_of("A"), 25), (colour_of("B"), 20), (colour_of("unassigned"), 15)]


def test_the_features_that_differ_most_come_by_default_block_by_block():
    ax = plot_heatmap(found_with(), shifted(), most=3)
    assert rows_of(ax) == ["f1", "f4", "f2"]
    assert ax.get_title() == f"Heatmap: 3 of 10 features, those that differ most\n{STATUS}"
    assert {"one", "two"} <= set(texts_of(ax))


def test_each_group_chooses_in_its_turn_by_the_interval_farthest_from_0():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, -1], 30)
    values = rng.normal(size=(120, 9))
    values[codes == 0, 2] += 6
    values[codes == 0, 3] += 5
    values[codes == 1, 5] -= 4
    values[codes == 2, 7] += 3
    assert most_different(values, codes, 3, most=3) == [2, 5, 7]
    assert most_different(values, codes, 3, most=4)[3] == 3
    assert sorted(most_different(values, codes, 3, most=50)) == list(range(9))


def test_without_two_groups_the_most_complete_features_are_drawn():
    ax = plot_heatmap(found_with(["unassigned"] * 60), shifted(), most=9)
    assert (
        ax.get_title()
        == f"Heatmap: 9 of 10 features, those known in most patients, no subphenotypes\n{STATUS}"
    )
    assert rows_of(ax) == ["f0", "f1", "f2", "f3", "f4", "f5", "f0", "f1", "f3"]
    assert "A, n = 25" not in texts_of(ax)


def test_a_block_may_be_named_and_features_named_are_all_drawn():
    ax = plot_heatmap(found_with(), shifted(), features=["two", "one:f0", "one:f4"], most=3)
    assert sorted(rows_of(ax)[:2]) == ["f0", "f4"]
    assert rows_of(ax)[2:] == ["f2"], "three features in all"
    whole = plot_heatmap(found_with(), shifted(), features="two")
    assert sorted(rows_of(whole)) == ["f0", "f1", "f2", "f3"]


def test_covariates_of_the_fit_are_taken_out_and_named():
    age = np.linspace(1, 17, 60)
    frame = numbers(60, 3, ids=IDS)
    frame["f0"] += age
    everyone = in_memory(
        {"labs": frame},
        id="patient_id",
        patients={
            "file": pd.DataFrame({"patient_id": IDS, "age": age}),
            "age": {"column": "age", "unit": "years"},
        },
    )
    found = Adjusted(found_with().table, ("A", "B"))
    ax = plot_heatmap(found, everyone, features=["labs:f0"])
    raw = plot_heatmap(found_with(), everyone, features=["labs:f0"])
    means = [[cells_of(one, start).mean() for start in starts_of(one)] for one in (ax, raw)]
    assert np.ptp(means[0]) < 0.5 < 1.5 < np.ptp(means[1])
    assert "adjusted for age" in ax.child_axes[0].get_xlabel().replace("\n", " ")
    assert "adjusted" not in raw.child_axes[0].get_xlabel()


def test_strips_count_every_category_of_every_group():
    ax = plot_heatmap(found_with(), cohort(), features=["labs:wbc"], annotate=["site", "relapse"])
    strips = {
        "site": strip_of(cohort(), "site", IDS, turn=0),
        "relapse": strip_of(cohort(), "relapse", IDS, turn=1),
    }
    heights = {"site": 2, "relapse": 1}
    patients = patients_of(cohort()).loc[IDS]
    texts = {
        "site": patients["site"].astype(object),
        "relapse": patients["relapse"].map({0.0: "no", 1.0: "yes"}),
    }
    for name, strip in strips.items():
        level_of = {colour: level for level, colour, _ in strip.levels} | {MISSING_COLOUR: None}
        pictures = [one for one in images_of(ax, panel=0) if int(one[2]) == heights[name]]
        for (*_, array), group in zip(pictures, ("A", "B", "unassigned"), strict=True):
            drawn = Counter(level_of[to_hex(colour)] for colour in array[0])
            mine = texts[name][[label == group for label in LABELS]]
            assert drawn == Counter(None if pd.isna(level) else level for level in mine)


def test_keys_count_patients_of_every_annotation():
    told = texts_of(plot_heatmap(found_with(), cohort(), annotate=["site", "age", "relapse", "labs:hunger"]))
    assert {"north, n = 30", "south, n = 30", "no, n = 30", "yes, n = 15", "missing, n = 15"} <= set(told)
    assert {"age (years), n = 53", "missing, n = 7"} <= set(told)
    assert {"A, n = 25", "B, n = 20", "unassigned, n = 15"} <= set(told)
    hunger = block_frame(cohort(), "labs")["hunger"].value_counts()
    assert {f"{level}, n = {n}" for level, n in hunger.items()} <= set(told)


def test_strips_stand_in_the_order_asked_for_above_the_subphenotypes():
    band = plot_heatmap(found_with(), cohort(), annotate=["age", "site"]).child_axes[1]
    labels = [label.get_text() for label in band.get_yticklabels()]
    assert labels == ["subphenotype", "site", "age (years)"]


def test_rare_categories_are_pooled_and_neighbouring_strips_begin_with_other_colours():
    strip = strip_of(cohort(), "clinic", IDS)
    assert strip.levels[-1][0] == "5 others"
    assert sum(n for *_, n in strip.levels) == 60
    first = [strip_of(cohort(), "site", IDS, turn=turn).levels[0][1] for turn in range(3)]
    assert len(set(first)) == 3


def test_numbers_of_a_strip_run_from_the_2nd_to_the_98th_percentile():
    strip = strip_of(cohort(), "labs:wbc", IDS)
    assert strip.limits == pytest.approx(np.percentile(block_frame(cohort(), "labs")["wbc"], [2, 98]))
    assert np.isnan(strip_of(cohort(), "age", IDS).data).sum() == 7


def test_the_scale_is_symmetric():
    ax = plot_heatmap(found_with(), shifted())
    low, high = ax.child_axes[0].images[0].get_clim()
    assert low == -high
    assert {f"\u2264 \u2212{high:g}", f"\u2265 {high:g}"} <= set(texts_of(ax))


def big(n=5000):
    frame = numbers(n, 12)
    frame = frame.mask(np.random.default_rng(2).random(frame.shape) < 0.1)
    labels = [[*"ABC", "unassigned"][at % 4] for at in range(n)]
    return found_with(labels, list(frame.index)), in_memory({"labs": frame}), frame


def test_above_two_thousand_patients_columns_are_means_of_neighbours(tmp_path):
    found, everyone, _ = big()
    ax = plot_heatmap(found, everyone, features=["labs"])
    columns = [cells_of(ax, start).shape[1] for start in starts_of(ax)]
    assert sum(columns) == MOST_COLUMNS
    assert [round(right - left) for left, right, *_ in images_of(ax)] == [1250] * 4
    assert "mean of up to 9 patients" in ax.child_axes[0].get_xlabel().replace("\n", " ")
    assert save_figure(ax, tmp_path / "big.svg").stat().st_size < 400_000


def test_an_average_leaves_missing_values_out():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 4.0], [5.0, 6.0]])
    means = averaged(values, [np.array([0, 1, 2]), np.array([3]), np.array([0, 1])])
    np.testing.assert_allclose(means, [[2, 4], [5, 6], [2, np.nan]])


def test_similar_patients_are_neighbours_and_those_with_little_data_last():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=80)
    values = hidden[:, None] * np.array([1.0, -1, 1, 1, 1]) + rng.normal(scale=0.05, size=(80, 5))
    values[:5, :4] = np.nan
    order = seriated(values)
    assert set(order[-5:]) == set(range(5))
    assert np.abs(np.diff(hidden[order[:-5]])).mean() < 0.15
    assert seriated(np.empty((3, 0))).tolist() == [0, 1, 2]


def test_the_order_of_patients_and_columns_in_the_files_does_not_matter():
    frame = numbers(60, 5, ids=IDS)
    first, second = (
        plot_heatmap(found_with(), in_memory({"labs": one})) for one in (frame, frame.iloc[::-1, ::-1])
    )
    for one, two in zip(images_of(first), images_of(second), strict=True):
        np.testing.assert_array_equal(one[3], two[3])


def test_a_category_has_a_row_a_level_but_the_most_frequent():
    kinds = pd.DataFrame({"pet": ["cat", "dog", "none", "none"] * 15, "hay": ["no", "yes"] * 30}, index=IDS)
    dictionary = pd.DataFrame(
        [("pet", "category", "Pets"), ("hay", "yes/no", "Hay fever")], columns=["column", "kind", "label"]
    )
    block = {"file": kinds, "kind": "mixed", "dictionary": dictionary}
    ax = plot_heatmap(found_with(), read_cohort({"name": "x", "blocks": {"home": block}}, quiet=True))
    assert sorted(rows_of(ax)) == ["Hay fever", "Pets: cat", "Pets: dog"]
    assert ax.get_title().startswith("Heatmap: 2 features")


def test_a_feature_that_the_fit_leaves_out_is_drawn_and_said():
    frame = numbers(60, 3, ids=IDS)
    frame.iloc[5:, 0] = np.nan
    ax = plot_heatmap(found_with(), in_memory({"labs": frame}), features=["labs:f0", "labs:f1"])
    assert sorted(rows_of(ax)) == ["f0 (left out)", "f1"]
    assert any(text.startswith("missing or left out, 50.0 %") for text in texts_of(ax))
    assert "known in too few patients" in ax.child_axes[0].get_xlabel().replace("\n", " ")


@pytest.mark.parametrize("patients", [2, 4])
def test_a_cohort_that_cannot_be_prepared_says_so(patients):
    few = in_memory({"labs": numbers(patients, 2, ids=IDS[:patients])})
    found = found_with((["A", "A", "unassigned", "B"])[:patients], IDS[:patients])
    ax = plot_heatmap(found, few)
    assert "no feature varies and is known in enough patients" in texts_of(ax)
    assert ax.get_title().startswith("Heatmap: 0 features")


def test_one_patient_of_the_phenotypes_in_a_part_of_the_cohort():
    part = in_memory({"labs": numbers(25, 2, ids=IDS[:25])})
    ax = plot_heatmap(found_with(), part)
    assert {"A, n = 25", "B, n = 0"} <= set(texts_of(ax))
    assert len(starts_of(ax)) == 1


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(CohortError, match=r'UNKNOWN_NAME.*Did you mean "labs:crp"\?'):
        plot_heatmap(found_with(), cohort(), features=["labs:crpp"])
    with pytest.raises(CohortError, match=r'UNKNOWN_NAME.*Did you mean "site"\?'):
        plot_heatmap(found_with(), cohort(), annotate=["sites"])
    with pytest.raises(ResultError, match=r'UNKNOWN_NAME.*"age" is a column.*annotate=\["age"\]'):
        plot_heatmap(found_with(), cohort(), features=["age"])


def test_subphenotypes_of_other_patients_are_refused():
    with pytest.raises(ResultError, match="OTHER_COHORT"):
        plot_heatmap(found_with(LABELS, [f"other{at}" for at in range(60)]), cohort())


def nasty():
    frame = numbers(60, 4, ids=IDS)
    frame.columns = ["$x_{", NASTY, "y" * 90, "\u03b1 z"]
    return in_memory({"labs of a long and winding name": frame, "b": numbers(60, 2, ids=IDS)})


def test_hostile_names_stay_text(tmp_path):
    drawn = save_figure(plot_heatmap(found_with(), nasty()), tmp_path / "map.svg").read_text(encoding="utf-8")
    assert "<img" not in drawn
    assert ">$x_{</text>" in drawn
    assert not any(patient in drawn for patient in IDS)


ANNOTATIONS = ("ward", "clinic", "labs:hunger", "age", "relapse", "site", "labs:crp")


@pytest.mark.parametrize(
    ("make", "annotate"), [(nasty, ()), (shifted, ()), (cohort, ANNOTATIONS)], ids=["nasty", "plain", "keys"]
)
def test_no_text_overlaps(make, annotate):
    assert_no_text_overlaps(lambda: plot_heatmap(found_with(), make(), annotate=annotate))


def test_many_keys_stay_inside_the_picture():
    assert_inside(lambda: plot_heatmap(found_with(), cohort(), most=5, annotate=ANNOTATIONS), widths=(None,))


def test_twelve_subphenotypes_of_very_different_sizes_do_not_overlap():
    labels = ["A"] * 300 + [name for name in "BCDEFGHIJKL" for _ in range(4)] + ["unassigned"] * 5
    found = found_with(labels, [f"p{at:05d}" for at in range(len(labels))])
    ax = plot_heatmap(found, in_memory({"labs": numbers(len(labels), 15)}))
    assert_no_text_overlaps(lambda: ax)
    letters = {text.get_text(): text.xy[0] for text in ax.child_axes[1].texts}
    assert "A" in letters
    for name, at in letters.items():
        mine = [
            (left, right)
            for left, right, top, array in images_of(ax, panel=0)
            if to_hex(array[0, 0]) == colour_of(name)
        ]
        assert mine[0][0] < at < mine[0][1], "a letter stands above its own group"


@every_check
def test_the_picture_keeps_the_rules_of_the_house(check, tmp_path):
    draw = lambda ax=None: plot_heatmap(  # noqa: E731
        found_with(), cohort(), most=8, annotate=["site"], ax=ax
    )
    check(draw, tmp_path)
