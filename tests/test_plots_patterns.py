"""Patterns of missing values: who is counted where, and how it is drawn."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from plot_checks import assert_no_text_overlaps, every_check
from plot_factory import IDS, NASTY, cohort, texts_of

from phenotyper.cohort.container import block_frame, block_names, patients_of
from phenotyper.cohort.patterns import missing_patterns, patterns_of
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import read_cohort
from phenotyper.errors import ResultError
from phenotyper.present.plots.patterns import plot_missing_patterns


def in_memory(blocks, **more):
    specs = {name: {"file": frame, "kind": "number"} for name, frame in blocks.items()}
    return read_cohort({"name": "small", "blocks": specs, **more}, quiet=True)


def numbers(rows, columns, *, seed=0):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    ids = [f"p{at:05d}" for at in range(rows)]
    return pd.DataFrame(values, columns=[f"f{at}" for at in range(columns)], index=ids)


def counted_slowly(cohort):
    """Return how many patients lack exactly these blocks and features, patient by patient."""
    frames = {name: block_frame(cohort, name) for name in block_names(cohort)}
    found = Counter()
    for patient in patients_of(cohort).index:
        lacks = []
        for name, frame in frames.items():
            if patient not in frame.index:
                lacks.append(name)
            else:
                row = frame.loc[patient]
                lacks += [f"{name}:{feature}" for feature in frame.columns if pd.isna(row[feature])]
        found[frozenset(lacks)] += 1
    return found


def urine():
    """Return 40 patients: three urine items missing together in 6, one in 7, all four in 2."""
    frame = numbers(40, 6).rename(columns={"f0": "ph", "f1": "zinc", "f2": "lead", "f3": "salt"})
    frame.iloc[:6, :3] = np.nan
    frame.iloc[4:11, 3] = np.nan
    return in_memory({"urine": frame})


def bars_of(ax):
    return [round(bar.get_width()) for bar in ax.child_axes[1].patches if isinstance(bar, Rectangle)]


def rows_of(ax):
    return [label.get_text() for label in ax.child_axes[0].get_yticklabels()]


def columns_of(ax):
    return [label.get_text() for label in ax.child_axes[0].get_xticklabels()]


def cells_of(ax):
    """Return which cells are drawn as missing or absent, rows x columns."""
    panel = ax.child_axes[0]
    known = {patch for patch in panel.patches if patch.get_facecolor()[:3] == (230 / 255,) * 3}
    cells = np.zeros((len(rows_of(ax)), len(columns_of(ax))), dtype=bool)
    for patch in set(panel.patches) - known:
        cells[int(patch.get_y()), int(patch.get_x())] = True
    return cells


def test_the_table_counts_what_a_slow_count_counts():
    table = missing_patterns(cohort())
    found = {frozenset(lacking): n for lacking, n in zip(table["lacking"], table["patients"], strict=True)}
    assert found == counted_slowly(cohort())
    assert table["patients"].sum() == 60


def test_the_table_is_sorted_and_says_what_is_missing():
    table = missing_patterns(urine())
    assert table.drop(columns="lacking").to_numpy().tolist() == [
        ["complete", 29, 0],
        ["urine: salt", 5, 1],
        ["urine: ph and 2 more", 4, 3],
        ["urine: salt, ph and 2 more", 2, 4],
    ]
    assert table["lacking"].tolist()[1] == ("urine:salt",)


def test_features_that_are_always_missing_together_are_one_item():
    items = patterns_of(urine()).items
    assert sorted(item.features for item in items) == [("ph", "zinc", "lead"), ("salt",)]


def test_an_absent_block_is_one_item_and_its_features_are_not_listed():
    table = missing_patterns(cohort())
    row = table[table["pattern"] == "expression: whole block"].iloc[0]
    assert (row["patients"], row["n_features"], row["lacking"]) == (20, 260, ("expression",))


def test_one_block_counts_only_the_patients_who_have_it():
    table = missing_patterns(cohort(), block="expression")
    assert table["patients"].tolist() == [20, 20]
    assert table["pattern"].tolist() == ["complete", "expression: gene7"]


def test_a_complete_cohort_has_one_pattern():
    table = missing_patterns(in_memory({"labs": numbers(20, 3)}))
    assert table["pattern"].tolist() == ["complete"]
    assert table["patients"].tolist() == [20]


def test_the_order_of_patients_does_not_matter():
    frame = numbers(200, 5)
    frame = frame.mask(np.random.default_rng(3).random(frame.shape) < 0.2)
    turned = in_memory({"labs": frame.iloc[::-1]})
    pd.testing.assert_frame_equal(missing_patterns(in_memory({"labs": frame})), missing_patterns(turned))


def test_many_groups_share_an_item_that_is_missing_when_any_of_them_is():
    frame = numbers(300, 12)
    for at in range(12):
        frame.iloc[10 * at : 10 * at + 24 - at, at] = np.nan
    exact, pooled = (patterns_of(in_memory({"labs": frame}), most_items=most) for most in (None, 4))
    assert len(exact.items) == 12
    assert [item.pooled for item in pooled.items] == [False, False, False, True]
    assert pooled.items[3].text == "any of 9 others"
    lacking = frame.isna().iloc[:, 3:].any(axis=1).sum()
    assert pooled.patients[pooled.lacking[:, 3]].sum() == lacking
    assert pooled.patients.sum() == 300


def test_an_unknown_block_is_refused_with_the_nearest_one():
    for draw in (missing_patterns, plot_missing_patterns):
        with pytest.raises(ResultError, match=r'UNKNOWN_NAME.*"labz".*Did you mean "labs"\?'):
            draw(cohort(), block="labz")


def test_bars_and_cells_show_the_patterns():
    ax = plot_missing_patterns(cohort())
    table = missing_patterns(cohort())
    assert bars_of(ax) == table["patients"].tolist()
    assert columns_of(ax) == [
        "labs: crp",
        "expression: whole block",
        "expression: gene7",
        "diet: whole block",
    ]
    cells = cells_of(ax)
    expected = [
        [name in lacking for name in ("labs:crp", "expression", "expression:gene7", "diet")]
        for lacking in table["lacking"]
    ]
    assert cells.tolist() == expected
    assert rows_of(ax)[3] == "complete"


def test_the_rest_is_summed_in_a_last_row_and_complete_is_always_shown():
    ax = plot_missing_patterns(cohort(), most=2)
    assert rows_of(ax) == ["1 block", "complete", "5 other patterns"]
    assert bars_of(ax) == [20, 5]
    assert "35 (58 %)" in texts_of(ax)


def test_the_heading_counts_patients_patterns_and_who_is_complete():
    assert plot_missing_patterns(cohort()).get_title().split("\n") == [
        "Missing together: 60 patients, 266 features",
        "7 patterns, 5 patients (8 %) complete",
    ]


def test_nothing_missing_is_drawn_and_said():
    ax = plot_missing_patterns(in_memory({"labs": numbers(20, 3)}))
    assert ax.get_title().endswith("nothing is missing")
    assert bars_of(ax) == [20]
    assert rows_of(ax) == ["complete"]


@pytest.mark.parametrize("ids", [["p000"], []], ids=["one", "nobody"])
def test_one_patient_and_nobody_are_drawn(ids):
    with third_party_quiet():
        part = cohort()[ids].copy()
    ax = plot_missing_patterns(part)
    n = len(ids)
    assert ax.get_title().startswith(f"Missing together: {n} patient{'s' * (n != 1)}, 266 features\n")
    assert bars_of(ax) == [1] * n
    assert missing_patterns(part)["patients"].sum() == n


def test_the_key_names_what_is_drawn():
    legend = plot_missing_patterns(cohort()).child_axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["missing", "block absent", "known"]
    assert plot_missing_patterns(in_memory({"labs": numbers(20, 3)})).child_axes[1].get_legend() is None


def nasty():
    frame = numbers(60, 3).rename(columns={"f0": "$x_{", "f1": NASTY, "f2": "long name " * 9})
    frame.index = IDS
    frame.iloc[:20, 0] = frame.iloc[5:30, 1] = frame.iloc[25:50, 2] = np.nan
    return in_memory({"labs": frame, "b": numbers(60, 1).set_axis(IDS)})


def test_hostile_names_stay_text():
    columns = columns_of(plot_missing_patterns(nasty()))
    assert f"labs: {NASTY}" in columns
    assert "labs: $x_{" in columns
    assert max(len(name) for name in columns) <= 30


def lots():
    frame = numbers(400, 60)
    return in_memory({"wide": frame.mask(np.random.default_rng(1).random(frame.shape) < 0.02)})


@pytest.mark.parametrize("make", [cohort, urine, nasty, lots], ids=lambda make: make.__name__)
def test_no_text_overlaps(make):
    assert_no_text_overlaps(lambda: plot_missing_patterns(make()))


@every_check
def test_the_picture_keeps_the_rules_of_the_house(check, tmp_path):
    check(lambda ax=None: plot_missing_patterns(cohort(), ax=ax), tmp_path)
