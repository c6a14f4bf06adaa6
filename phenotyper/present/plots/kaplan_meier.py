"""Survival by subphenotype: step curves with bands, numbers at risk below, the test in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import ScaledTranslation

from phenotyper.errors import Problem, ResultError, did_you_mean, listed
from phenotyper.outcomes.curves import SURVIVAL, Curve, SurvivalCurves
from phenotyper.outcomes.wording import number
from phenotyper.present.plots.style import (
    COLOURS,
    FAINT_INK,
    colour_of,
    counted,
    drawing,
    figure_of,
    fold,
    point_size,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

    from phenotyper.outcomes.profile import Profile

WIDTH, HEIGHT = 4.8, 3.1
_ROW = 0.14
_NOTE_LETTERS = 56
_LEGEND_COLUMNS = 2
_MOST_TICKS = 200
"""Distinct censoring times of a curve above which their ticks would merge into a line."""
_LINE = 1.3
_HIGHEST_ZOOM = 0.5


def plot_kaplan_meier(
    curves: SurvivalCurves | Profile,
    outcome: str | None = None,
    *,
    censor_ticks: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw Kaplan-Meier curves with 95 % bands and numbers at risk.

    Where events compete, the curves are cumulative incidences. The unassigned are drawn in
    grey and not tested.

    Parameters
    ----------
    curves : SurvivalCurves or Profile
        Curves of one outcome, or a profile that holds them.
    outcome : str, optional
        Which survival outcome of the profile; needless when it has one.
    censor_ticks : bool
        Mark where patients left the study, on curves with at most 200 such times.
    ax : Axes, optional
        Axes to draw on. The numbers at risk stand below it.

    Returns
    -------
    Axes
        The curves; a notebook shows them.

    Raises
    ------
    ResultError
        UNKNOWN_OUTCOME or WHICH_OUTCOME: the profile has no such survival outcome, or several.
    """
    chosen = curves if isinstance(curves, SurvivalCurves) else _of_profile(curves, outcome)
    groups = [chosen.curves[name] for name in chosen.drawn]
    legend_rows = -(-len(groups) // _LEGEND_COLUMNS)
    with drawing(ax, size=(WIDTH, HEIGHT + _ROW * (len(groups) + legend_rows))) as axes:
        for curve in groups:
            _draw(axes, curve, alpha=0.15 if len(groups) <= len(COLOURS) else 0.04, censor_ticks=censor_ticks)
        _scales(axes, chosen, groups)
        _legend(axes, groups)
        lines = _numbers_at_risk(axes, chosen, groups)
        _note(axes, chosen, below=lines)
        what, _, status = chosen.title.removesuffix(")").rpartition(" (")
        title(axes, what, status, pad=legend_rows * point_size("legend.fontsize") * 1.6 + 6)
    return axes


def _of_profile(profile: Profile, outcome: str | None) -> SurvivalCurves:
    known = profile.survival
    if outcome is None:
        if len(known) == 1:
            return next(iter(known.values()))
        what = f"the profile has {len(known)} survival outcomes" + (f": {listed(known)}" if known else "")
        remedy = "Name one: plot_kaplan_meier(profile, outcome)." if known else "Declare one in cohort.toml."
        raise ResultError(Problem("WHICH_OUTCOME", what, remedy))
    if outcome not in known:
        what = f'the profile has no survival outcome "{outcome}"'
        remedy = f"Its survival outcomes: {listed(known) or 'none'}.{did_you_mean(outcome, known)}"
        raise ResultError(Problem("UNKNOWN_OUTCOME", what, remedy, where=outcome))
    return known[outcome]


def _draw(axes: Axes, curve: Curve, *, alpha: float, censor_ticks: bool) -> None:
    colour = colour_of(curve.name)
    times = np.append(curve.times, max(curve.longest, curve.times[-1]))
    estimate, low, high = (
        np.append(part, part[-1]) for part in (curve.estimate, curve.ci_low, curve.ci_high)
    )
    behind = 0.0 if curve.name == "unassigned" else 0.5
    axes.fill_between(
        times, low, high, step="post", color=colour, alpha=alpha, linewidth=0, zorder=1 + behind
    )
    axes.step(
        times, estimate, where="post", color=colour, linewidth=1.4, zorder=2 + behind, solid_joinstyle="miter"
    )
    at = np.unique(curve.censored)
    if censor_ticks and 0 < len(at) <= _MOST_TICKS:
        height = curve.estimate[np.searchsorted(curve.times, at, side="right") - 1]
        axes.plot(
            at,
            height,
            linestyle="none",
            marker="|",
            markersize=4,
            markeredgewidth=0.6,
            color=colour,
            zorder=2 + behind,
        )


def _scales(axes: Axes, curves: SurvivalCurves, groups: list[Curve]) -> None:
    longest = max([curve.longest for curve in groups] + [float(curves.risk_times[-1])])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0, longest * 1.02 if longest > 0 else 1)
    axes.set_xticks(curves.risk_times, [number(float(time), 2, whole=True) for time in curves.risk_times])
    axes.set_xlabel(curves.x_label)
    axes.set_ylim(0, 1.02 if curves.quantity == SURVIVAL else _top(groups))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylabel(fold(curves.y_label, 34))


def _top(groups: list[Curve]) -> float:
    """Return the upper end of an axis of cumulative incidence: less than all when the bands stay low."""
    heights = np.concatenate([np.append(curve.ci_high, curve.estimate) for curve in groups])
    highest = float(np.nanmax(heights)) if np.isfinite(heights).any() else 1.0
    return 1.02 if highest > _HIGHEST_ZOOM else max(0.1, np.ceil(highest * 10) / 10)


def _legend(axes: Axes, groups: list[Curve]) -> None:
    handles = [Line2D([], [], color=colour_of(curve.name), linewidth=1.6) for curve in groups]
    labels = [counted(curve.name, curve.n) for curve in groups]
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1.02),
        ncols=_LEGEND_COLUMNS,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.2,
        columnspacing=1.2,
    )


def _numbers_at_risk(axes: Axes, curves: SurvivalCurves, groups: list[Curve]) -> float:
    """Write the table below the axis label, aligned with the ticks; return the lines down to its end."""
    size, start = point_size("xtick.labelsize"), 3.7
    aside = -0.35 * len(f"{max(curve.at_risk[0] for curve in groups):,}") - 0.6
    axes.text(0, 0, "Number at risk", transform=_below(axes, start), ha="left", va="top", fontsize=size)
    for place, curve in enumerate(groups, start=1):
        label = _below(axes, start + place, left=aside)
        axes.text(0, 0, curve.name, transform=label, ha="right", va="top", fontsize=size, fontweight="bold")
        where = _below(axes, start + place)
        for time, count in zip(curves.risk_times, curve.at_risk, strict=True):
            axes.text(time, 0, f"{count:,}", transform=where, ha="center", va="top", fontsize=size)
    return start + len(groups) + 1.3


def _note(axes: Axes, curves: SurvivalCurves, *, below: float) -> None:
    size = point_size("font.size") * 0.8
    axes.text(
        0,
        0,
        fold(curves.note.replace(". ", ".\n"), _NOTE_LETTERS),
        transform=_below(axes, below),
        ha="left",
        va="top",
        fontsize=size,
        color=FAINT_INK,
    )


def _below(axes: Axes, lines: float, *, left: float = 0.0) -> Transform:
    """Return data along x, lines of text below the axis along y, shifted by letters to the side."""
    size = point_size("xtick.labelsize") / 72
    return axes.get_xaxis_transform() + ScaledTranslation(
        left * size, -lines * _LINE * size, figure_of(axes).dpi_scale_trans
    )
