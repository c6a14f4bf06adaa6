"""Which patients have which blocks: every bar and dot against a slow count."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from plot_checks import assert_no_text_overlaps, every_check
from plot_factory import IDS, LABELS, STATUS, cohort, found_with, legend_of, many, texts_of

from phenotyper.cohort.container import block_names, patients_of
from phenotyper.cohort.read import read_cohort
from phenotyper.errors import ResultError
from phenotyper.present.plots.style import INK, colour_of
from phenotyper.present.plots.upset import MOST, plot_upset


def in_memory(blocks):
    specs = {name: {"file": frame, "kind": "number"} for name, frame in blocks.items()}
    return read_cohort({"name": "small", "blocks": specs}, quiet=True)


def random_blocks(names, *, patients=400, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.array([f"p{at:05d}" for at in range(patients)])
    blocks = {}
    for place, name in enumerate(names):
        chosen = ids[rng.random(patients) < 0.25 + 0.1 * place]
        blocks[name] = pd.DataFrame(rng.normal(size=(len(chosen), 2)), columns=["x", "y"], index=chosen)
    return in_memory(blocks)


def combinations_of(cohort, only=None):
    """Return how many patients have exactly these blocks, patient by patient."""
    has = {name: set(cohort[name].obs_names) for name in block_names(cohort)}
    ids = [one for one in patients_of(cohort).index if only is None or one in only]
    return Counter(frozenset(name for name, ids in has.items() if one in ids) for one in ids)


def drawn(ax):
    """Return the blocks of each column of dots, and its bar's pieces by colour."""
    bars, dots, _ = ax.child_axes
    names = [label.get_text() for label in dots.get_yticklabels()]
    columns = {}
    for line in dots.lines:
        if line.get_marker() == "o" and to_hex(line.get_color()) == INK:
            where = round(float(line.get_xdata()[0])) if len(line.get_xdata()) else None
            if where is not None:
                columns[where] = frozenset(names[int(y)] for y in line.get_ydata())
    pieces = {}
    for bar in bars.patches:
        at = round(bar.get_x() + bar.get_width() / 2)
        if bar.get_height():
            pieces.setdefault(at, {})[to_hex(bar.get_facecolor())] = round(bar.get_height())
    return [(columns.get(at, frozenset()), pieces[at]) for at in sorted(pieces)]


def test_bars_count_the_patients_with_exactly_the_blocks_of_their_dots():
    shown = {has: sum(pieces.values()) for has, pieces in drawn(plot_upset(cohort()))}
    assert shown == combinations_of(cohort())


def test_bars_are_sorted_and_labelled():
    ax = plot_upset(random_blocks("abcd"))
    heights = [sum(pieces.values()) for _, pieces in drawn(ax)]
    assert heights == sorted(heights, reverse=True)
    assert [text.get_text() for text in ax.child_axes[0].texts] == [str(height) for height in heights]


def test_blocks_are_sorted_by_size_and_their_bars_count_them():
    ax = plot_upset(cohort())
    _, dots, sizes = ax.child_axes
    assert [label.get_text() for label in dots.get_yticklabels()] == ["labs", "expression", "diet"]
    assert [round(bar.get_width()) for bar in sizes.patches] == [60, 40, 30]
    assert [text.get_text() for text in sizes.texts] == ["60 (100 %)", "40 (67 %)", "30 (50 %)"]


def test_bars_are_split_by_subphenotype_in_its_colour():
    found = found_with()
    shown = drawn(plot_upset(cohort(), found=found))
    for name in ("A", "B", "unassigned"):
        members = {one for one, label in zip(IDS, LABELS, strict=True) if label == name}
        mine = {has: pieces.get(colour_of(name), 0) for has, pieces in shown}
        assert {has: n for has, n in mine.items() if n} == combinations_of(cohort(), members)


def test_pieces_stand_on_each_other():
    ax = plot_upset(cohort(), found=found_with())
    tops = Counter()
    for bar in ax.child_axes[0].patches:
        at = round(bar.get_x() + bar.get_width() / 2)
        assert bar.get_y() == tops[at]
        tops[at] += bar.get_height()


def test_the_legend_counts_everybody_and_the_title_carries_the_status():
    ax = plot_upset(cohort(), found=found_with())
    assert legend_of(ax) == ["A, n = 25", "B, n = 20", "unassigned, n = 15"]
    assert ax.get_title() == f"Who has which blocks: 60 patients, 3 blocks\n{STATUS}"
    assert plot_upset(cohort()).get_legend() is None
    assert STATUS not in plot_upset(cohort()).get_title()


def test_many_combinations_are_counted_and_not_drawn():
    everyone = random_blocks("abcdefg", patients=900)
    ax = plot_upset(everyone)
    counts = sorted(combinations_of(everyone).values(), reverse=True)
    assert [sum(pieces.values()) for _, pieces in drawn(ax)] == counts[:MOST]
    said = f"{len(counts) - MOST} more combinations ({sum(counts[MOST:])} patients) are not drawn"
    assert said in ax.get_title()


def test_patients_without_any_block_have_a_column_without_dots():
    clinical = pd.DataFrame({"patient_id": [*IDS, "q1", "q2"], "age": 5.0})
    labs = pd.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0) % 7}, index=IDS)
    ax = plot_upset(
        read_cohort(
            {
                "name": "x",
                "id": "patient_id",
                "blocks": {"labs": {"file": labs, "kind": "number"}},
                "patients": {"file": clinical, "age": {"column": "age", "unit": "years"}},
            },
            quiet=True,
        )
    )
    assert [(has, sum(pieces.values())) for has, pieces in drawn(ax)] == [
        (frozenset({"labs"}), 60),
        (frozenset(), 2),
    ]


def test_one_block_and_no_subphenotypes_are_drawn():
    one = in_memory({"labs": pd.DataFrame({"x": np.arange(60.0)}, index=IDS)})
    ax = plot_upset(one, found=found_with(["unassigned"] * 60))
    assert drawn(ax) == [(frozenset({"labs"}), {colour_of("unassigned"): 60})]
    assert legend_of(ax) == ["unassigned, n = 60"]


def test_subphenotypes_of_other_patients_are_refused():
    with pytest.raises(ResultError, match="OTHER_COHORT"):
        plot_upset(cohort(), found=found_with(LABELS, [f"other{at}" for at in range(60)]))


def test_no_patient_id_is_written():
    assert not set(texts_of(plot_upset(cohort(), found=found_with()))) & set(IDS)


LONG = ("a block with a name that nobody would want to read", "labs", "x_y", "diet", "scans", "genome-wide")


def test_long_names_many_combinations_and_twelve_subphenotypes_do_not_overlap():
    everyone = random_blocks(LONG, patients=3000)
    ids = list(patients_of(everyone).index)
    labels = [[*"ABCDEFGHIJKL", "unassigned"][at % 13] for at in range(len(ids))]
    assert_no_text_overlaps(lambda: plot_upset(everyone, found=found_with(labels, ids)))
    assert_no_text_overlaps(lambda: plot_upset(random_blocks(["one"], patients=2000)))


def test_many_subphenotypes_are_drawn():
    found = many(30)
    frame = pd.DataFrame({"x": np.arange(95.0)}, index=found.table["patient_id"].tolist())
    assert len(legend_of(plot_upset(in_memory({"labs": frame}), found=found))) == 31


@every_check
def test_the_picture_keeps_the_rules_of_the_house(check, tmp_path):
    check(lambda ax=None: plot_upset(cohort(), found=found_with(), ax=ax), tmp_path)
