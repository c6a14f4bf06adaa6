"""Every setting that a fit tried: how many groups, how many patients in one, how far all runs agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.present.plots.style import (
    INK,
    OTHER_COLOUR,
    drawing,
    point_size,
    title,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WORDS = {
    "n_factors": "factors",
    "n_neighbors": "neighbours",
    "min_cluster_size": "least size",
    "min_samples": "min. samples",
    "k": "groups asked",
}
MOST = 60
"""Settings drawn one by one; of more, those that agree most with the others."""
PANELS = {"n_subphenotypes": "groups", "coverage": "share in a group", "agreement": "agreement"}
_ROW, _HEAD, _NAME, _PANEL, _GAP = 0.17, 1.45, 0.78, 1.15, 0.22
_REFERENCE = "#0072b2"


def plot_settings(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw what each setting found: a row a setting, the one whose run the groups start from in blue.

    Left: groups, the mean over the seeds as a dot, fewest to most as a line. Middle: share of patients in a
    group. Right: agreement of its runs with all runs (pair Jaccard). Settings that were the same throughout
    stand in the title.

    Parameters
    ----------
    found : Phenotypes
        A fit.
    ax : Axes, optional
        Axes whose area takes the picture, their own axis switched off.

    Returns
    -------
    Axes
        The frame; its ``child_axes`` are the three panels. A notebook shows it.
    """
    table, varied, constant = _rows(found)
    rows = max(len(table), 1)
    names = _NAME * max(len(varied), 1)
    width = names + 3 * (_PANEL + _GAP)
    with drawing(ax, size=(width + 0.3, _HEAD + _ROW * max(rows, 4))) as frame:
        frame.set_axis_off()
        left = [0.0, *((names + _GAP + at * (_PANEL + _GAP)) / width for at in range(3))]
        wide = [names / width, *[_PANEL / width] * 3]
        areas = [frame.inset_axes((x, 0.0, w, 1.0)) for x, w in zip(left, wide, strict=True)]
        y = np.arange(len(table))[::-1]
        colours = [_REFERENCE if chosen else OTHER_COLOUR for chosen in table["reference"]]
        _write_settings(areas[0], table, varied, y)
        areas[1].hlines(y, table["fewest"], table["most"], colors=colours, linewidth=1.2)
        for area, (column, head) in zip(areas[1:], PANELS.items(), strict=True):
            area.scatter(table[column], y, s=16, c=colours, zorder=3, clip_on=False)
            area.set_xlabel(head)
            area.set_yticks([])
            area.set_xlim(0, 1)
            area.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        most = max(int(table["most"].max()) if len(table) else 0, 1)
        areas[1].set_xlim(-0.5, most + 0.5)
        ticks = range(0, most + 1, -(-most // 6))
        areas[1].set_xticks(list(ticks), [str(tick) for tick in ticks])
        for area in areas:
            area.set_ylim(-0.7, rows - 0.3)
        title(frame, _title(found, constant), found.status, pad=16 if varied else None)
    return frame


def _write_settings(area: Axes, table: pd.DataFrame, varied: list[str], y: Any) -> None:
    """Write the settings that varied as columns of numbers under their names."""
    area.set_xlim(0, max(len(varied), 1))
    area.set_axis_off()
    for at, name in enumerate(varied):
        place = at + 0.75
        area.annotate(
            WORDS[name],
            (place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=point_size("xtick.labelsize"),
            color=INK,
        )
        for row, value in zip(y, table[name], strict=True):
            area.text(place, row, f"{int(value)}", ha="right", va="center", color=INK)


def _rows(found: Any) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """Return the settings to draw, the names of those that varied, and what was the same in all of them."""
    table = found.settings.copy()
    tried = [name for name in WORDS if name in table]
    constant = {name: int(table[name].iloc[0]) for name in tried if len(table) and table[name].nunique() == 1}
    varied = [name for name in tried if name not in constant]
    runs = found.runs
    reference = runs.loc[runs["reference"].astype(bool), tried] if len(runs) else runs
    table["reference"] = [
        bool(len(reference)) and all(row[name] == reference[name].iloc[0] for name in tried)
        for row in table.to_dict("records")
    ]
    if len(table) > MOST:
        table = table.sort_values(["reference", "agreement"], ascending=False, kind="stable").head(MOST)
    return table, varied, constant


def _title(found: Any, constant: dict[str, int]) -> str:
    tried, runs = len(found.settings), len(found.runs)
    shown = f", the {MOST} that agree most" if tried > MOST else ""
    same = ", ".join(f"{value} {WORDS[name]}" for name, value in constant.items())
    settings = "1 setting" if tried == 1 else f"{tried} settings"
    lines = [f"{settings}, {runs} runs{shown}", f"in all: {same}" if same else ""]
    blue = "blue: its run agrees best, the groups start from it" if tried > 1 else ""
    return "\n".join(line for line in (*lines, blue) if line)
