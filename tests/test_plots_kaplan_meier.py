"""Survival curves by subphenotype."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from plot_factory import curves, found_with, legend_of, many, texts_of

from phenotyper.errors import ResultError
from phenotyper.present.plots import plot_kaplan_meier
from phenotyper.present.plots.style import colour_of


@dataclass
class Profiled:
    """Stands for Profile: its curves."""

    survival: dict[str, Any]


def steps(ax):
    return {line.get_color(): line for line in ax.lines if line.get_drawstyle() == "steps-post"}


def test_legend_and_numbers_at_risk_agree_with_the_curves():
    drawn = curves()
    ax = plot_kaplan_meier(drawn)
    assert legend_of(ax) == [f"{name}, n = {drawn.curves[name].n}" for name in ("A", "B", "unassigned")]
    assert sum(drawn.curves[name].n for name in ("A", "B", "unassigned")) == 58
    written = [text.get_text() for text in ax.texts]
    for name in ("A", "B", "unassigned"):
        start = written.index(name) + 1
        assert written[start : start + len(drawn.risk_times)] == [str(n) for n in drawn.curves[name].at_risk]


def test_numbers_at_risk_stand_below_their_ticks():
    drawn = curves()
    ax = plot_kaplan_meier(drawn)
    counts = [text for text in ax.texts if text.get_text().isdigit()]
    assert (
        sorted({text.get_position()[0] for text in counts}) == list(drawn.risk_times) == list(ax.get_xticks())
    )


def test_curves_step_in_the_colour_of_the_subphenotype_and_end_with_follow_up():
    drawn = curves()
    lines = steps(plot_kaplan_meier(drawn))
    assert set(lines) == {colour_of(name) for name in ("A", "B", "unassigned")}
    for name in ("A", "B", "unassigned"):
        line, curve = lines[colour_of(name)], drawn.curves[name]
        assert line.get_ydata()[:-1] == pytest.approx(curve.estimate)
        assert line.get_xdata()[-1] == curve.longest


def test_bands_show_the_95_percent_limits():
    drawn = curves()
    bands = plot_kaplan_meier(drawn).collections
    assert len(bands) == 3
    curve = drawn.curves["A"]
    heights = np.concatenate([path.vertices[:, 1] for path in bands[0].get_paths()])
    assert heights.min() == pytest.approx(np.nanmin(curve.ci_low))


def test_the_test_is_told_and_leaves_out_the_unassigned():
    drawn = curves()
    told = " ".join(texts_of(plot_kaplan_meier(drawn))).replace("\n", " ")
    assert drawn.note.replace("\n", " ") in told
    assert "not tested" in told
    assert "p = " in told or "p < " in told


def test_the_title_carries_the_status():
    assert "candidate, evidence not assessed" in plot_kaplan_meier(curves()).get_title()


def test_censoring_is_marked_unless_unwanted():
    drawn = curves()
    marked = [line for line in plot_kaplan_meier(drawn).lines if line.get_marker() == "|"]
    assert sum(len(line.get_xdata()) for line in marked) == sum(
        len(np.unique(drawn.curves[name].censored)) for name in drawn.drawn
    )
    assert not [
        line for line in plot_kaplan_meier(drawn, censor_ticks=False).lines if line.get_marker() == "|"
    ]


def test_competing_events_are_drawn_as_cumulative_incidence():
    drawn = curves(competing=True)
    ax = plot_kaplan_meier(drawn)
    assert ax.get_ylabel().replace("\n", " ") == drawn.y_label
    assert "incidence" in drawn.y_label.lower()
    for line in steps(ax).values():
        assert line.get_ydata()[0] == 0
        assert (np.diff(line.get_ydata()) >= 0).all()


def test_no_events_and_no_subphenotypes_are_drawn():
    ax = plot_kaplan_meier(curves(events=False))
    assert all((line.get_ydata() == 1).all() for line in steps(ax).values())
    assert legend_of(plot_kaplan_meier(curves(found_with(["unassigned"] * 60)))) == ["all, n = 58"]


def test_more_subphenotypes_than_letters_are_drawn():
    assert len(legend_of(plot_kaplan_meier(curves(many(28))))) == 29


def test_a_profile_with_one_survival_outcome_needs_no_name():
    drawn = curves()
    assert legend_of(plot_kaplan_meier(Profiled({"death": drawn}))) == legend_of(plot_kaplan_meier(drawn))


def test_an_outcome_that_is_not_there_is_refused():
    both = Profiled({"death": curves(), "relapse": curves()})
    with pytest.raises(ResultError, match=r"WHICH_OUTCOME.*death, relapse"):
        plot_kaplan_meier(both)
    with pytest.raises(ResultError, match=r'UNKNOWN_OUTCOME.*Did you mean "relapse"\?'):
        plot_kaplan_meier(both, "relaps")
    with pytest.raises(ResultError, match="0 survival outcomes"):
        plot_kaplan_meier(Profiled({}))
