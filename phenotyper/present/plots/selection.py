"""Why so many groups: every number of groups that was tried, by each criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from phenotyper.errors import number_of
from phenotyper.present.plots.style import (
    CATEGORY_COLOURS,
    FAINT_INK,
    INK,
    clean,
    distinct,
    drawing,
    point_size,
    title,
)
from phenotyper.refit.selection import Tried, selection_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

PANELS = {
    "bic": ("BIC above its least", "less is better"),
    "icl": ("ICL above its least", "less is better"),
    "silhouette": ("silhouette", "more is better"),
    "gap": ("gap statistic", "more is better"),
    "pac": ("ambiguous pairs (PAC)", "less is better"),
    "eigengap": ("gap of eigenvalues", "more is better"),
    "stability": ("stability on parts", "more is better"),
    "agreement": ("agreement of runs", "more is better"),
    "entropy": ("sureness (entropy)", "more is better"),
    "smallest": ("patients in smallest group", ""),
}
START = "run the groups start from"
_ABOVE_LEAST = ("bic", "icl")
_COLUMNS, _WIDE, _HIGH = 3, 1.55, 1.15
_GAP_WIDE, _GAP_HIGH, _HEAD, _LINE = 0.72, 0.72, 0.75, 0.16
_LETTERS, _LETTER = 34, 0.062
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (4, 1.5, 1, 1.5)))


class _Line(NamedTuple):
    """What one recipe tried in one form: what it found in the end, its rows, and how they are drawn."""

    name: str
    result: str
    rows: pd.DataFrame
    colour: str
    dash: Any


def plot_selection(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the criteria by the number of groups: what was tried, where the groups start, how many remain.

    One panel a criterion, one line a recipe and form; where several settings gave the same number of groups
    there are points in place of a line. A large point is the setting of the run that the groups start from:
    the consensus of all runs may find another number, which the title, or of several recipes the legend,
    says. BIC and ICL are drawn as what lies above the least of the same recipe: between recipes they cannot
    be compared.

    Parameters
    ----------
    found : Phenotypes or MethodComparison
        A fit, or several.
    ax : Axes, optional
        Axes whose area takes the picture, their own axis switched off.

    Returns
    -------
    Axes
        The frame; its ``child_axes`` are the panels. A notebook shows it.
    """
    several = hasattr(found, "selection")
    table = found.selection if several else _of_one(found)
    lines = _lines(table, _numbers_found(found.table) if several else {})
    panels = [name for name in PANELS if name in table and table[name].notna().any()]
    across = 2 if len(panels) == 4 else min(_COLUMNS, max(len(panels), 1))
    down = -(-max(len(panels), 1) // across)
    columns = _legend_columns(lines, width=across * (_WIDE + _GAP_WIDE))
    below = 0.15 + _LINE * -(-(len(lines) + 1) // columns)
    width = across * (_WIDE + _GAP_WIDE)
    height = down * (_HIGH + _GAP_HIGH) + below
    with drawing(ax, size=(max(width, 2.6) + 0.2, height + _HEAD)) as frame:
        frame.set_axis_off()
        for at, name in enumerate(panels):
            row, column = divmod(at, across)
            left = (column * (_WIDE + _GAP_WIDE) + _GAP_WIDE * 0.75) / width
            bottom = 1 - (row * (_HIGH + _GAP_HIGH) + 0.2 + _HIGH) / height
            panel = frame.inset_axes((left, bottom, _WIDE / width, _HIGH / height))
            _draw(panel, name, lines)
        if panels:
            _legend(frame, lines, top=(below - 0.1) / height, columns=columns)
        else:
            frame.text(0, 0.9, "no number of groups was tried", color=FAINT_INK, transform=frame.transAxes)
        title(frame, _title(len(table), "" if several else _said(len(found.names), "group")), found.status)
    return frame


def _of_one(found: Any) -> pd.DataFrame:
    """Return what one fit tried."""
    recipe = found.recipe
    criteria, runs = (table.to_dict("records") for table in (found.criteria, found.runs))
    tried = Tried(recipe.integration, recipe.method, criteria, runs)
    return selection_of({f"{recipe.integration} + {recipe.method}": tried})


def _title(n: int, found: str) -> str:
    tried = f"{n:,} settings tried" if n != 1 else "1 setting tried"
    return f"Choice of the number of groups, {tried}{f': {found}' if found else ''}"


def _said(groups: int, noun: str = "") -> str:
    return f"{number_of(groups, noun) if groups and noun else groups or 'none'} found"


def _numbers_found(table: pd.DataFrame) -> dict[str, int]:
    return dict(zip(table["recipe"].astype(str), table["n_subphenotypes"].astype(int), strict=True))


def _lines(table: pd.DataFrame, numbers: Mapping[str, int]) -> list[_Line]:
    """Return what is drawn, recipes in their order, the forms of one in one colour."""
    lines = []
    for at, (recipe, rows) in enumerate(table.groupby("recipe", sort=False)):
        forms = rows["form"].where(rows["form"].notna(), "") if "form" in rows else None
        names = list(dict.fromkeys(forms)) if forms is not None else [""]
        named = [name for name in names if name]
        for place, form in enumerate(names):
            mine = rows[forms == form] if forms is not None else rows
            title_ = f"{recipe} ({form})" if form and len(named) > 1 else str(recipe)
            colour = CATEGORY_COLOURS[at % len(CATEGORY_COLOURS)]
            result = f": {_said(numbers[str(recipe)])}" if str(recipe) in numbers else ""
            lines.append(_Line(title_, result, mine, colour, _DASHES[place % len(_DASHES)]))
    return lines


def _draw(panel: Axes, name: str, lines: list[_Line]) -> None:
    heading, better = PANELS[name]
    for line in lines:
        rows = line.rows[line.rows[name].notna()].sort_values("k", kind="stable")
        if rows.empty:
            continue
        k, values = rows["k"].to_numpy(dtype=float), rows[name].to_numpy(dtype=float)
        if name in _ABOVE_LEAST:
            values = values - _least(lines, line, name)
        chosen = rows["chosen"].to_numpy(dtype=bool)
        once = len(set(k.tolist())) == len(k)
        if once and len(k) > 1:
            panel.plot(k, values, color=line.colour, linestyle=line.dash, linewidth=1.0, zorder=2)
        if name == "gap" and "gap_error" in rows and once:
            error = rows["gap_error"].to_numpy(dtype=float)
            panel.vlines(k, values - error, values + error, color=line.colour, linewidth=0.8, zorder=2)
        panel.scatter(k, values, s=6, color=line.colour, linewidths=0, zorder=3)
        panel.scatter(
            k[chosen], values[chosen], s=34, color=line.colour, edgecolors="white", linewidths=0.7, zorder=4
        )
    panel.set_title(heading, loc="left", fontsize=point_size("axes.labelsize"), pad=4)
    panel.set_xlabel(f"groups ({better})" if better else "groups", fontsize=point_size("xtick.labelsize"))
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    panel.yaxis.set_major_locator(MaxNLocator(4, integer=name == "smallest", min_n_ticks=1))
    shown = np.concatenate([line.rows.loc[line.rows[name].notna(), "k"].to_numpy() for line in lines])
    panel.set_xlim(min(shown) - 0.5, max(shown) + 0.5)
    panel.margins(y=0.12)
    if name in _ABOVE_LEAST:
        panel.set_ylim(*_worth_seeing(lines, name))


def _least(lines: list[_Line], line: _Line, name: str) -> float:
    """Return the least of a criterion over all forms of the same recipe."""
    recipe = line.rows["recipe"].iloc[0]
    same = [one.rows[name].min() for one in lines if len(one.rows) and one.rows["recipe"].iloc[0] == recipe]
    return float(np.nanmin(same))


def _worth_seeing(lines: list[_Line], name: str) -> tuple[float, float]:
    """Return limits that show the lines with a large point; far worse ones leave the panel at the top."""
    tops = [
        float((line.rows[name] - _least(lines, line, name)).max())
        for line in lines
        if line.rows.loc[line.rows[name].notna(), "chosen"].any()
    ]
    top = max(max(tops, default=1.0), 10.0)
    return -0.12 * top, 1.15 * top


def _legend_columns(lines: list[_Line], *, width: float) -> int:
    """Return how many columns of names fit into so many inches."""
    longest = max([len(clean(line.name, _LETTERS) + line.result) for line in lines], default=1)
    return max(1, min(_COLUMNS, int(width / (0.4 + _LETTER * longest))))


def _legend(frame: Axes, lines: list[_Line], *, top: float, columns: int) -> None:
    texts = distinct([clean(line.name, 200) for line in lines], _LETTERS)
    marks: list[Line2D] = [
        Line2D([], [], color=line.colour, linestyle=line.dash, linewidth=1.0, marker="o", markersize=2.5)
        for line in lines
    ]
    chosen = Line2D([], [], linestyle="none", marker="o", markersize=6, color=INK, markeredgecolor="white")
    frame.legend(
        [*marks, chosen],
        [*(text + line.result for text, line in zip(texts, lines, strict=True)), START],
        loc="upper left",
        bbox_to_anchor=(0.0, top),
        ncols=columns,
        frameon=False,
        borderaxespad=0,
        handlelength=2.2,
    )
