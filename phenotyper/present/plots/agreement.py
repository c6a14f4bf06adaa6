"""How far several recipes agree: a matrix with its numbers, and beside each agreement its coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from phenotyper.present.plots.keys import keys_right, scale_line, swatch_line
from phenotyper.present.plots.style import (
    FAINT_INK,
    INK,
    MISSING_COLOUR,
    clean,
    distinct,
    drawing,
    point_size,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORDS = {
    "adjusted_rand": "adjusted Rand index",
    "adjusted_mutual_info": "adjusted mutual information",
    "adjusted_rand_all": "adjusted Rand index, the unassigned as a group",
    "adjusted_mutual_info_all": "adjusted mutual information, the unassigned as a group",
    "pair_jaccard": "Jaccard index of pairs",
}
_CELL, _NAMES, _EDGES, _KEYS = 0.46, 1.6, 0.9, 1.9
_LETTERS = 30
_AGREEING, _COVERING = "viridis", ("#ffffff", "#b8b8b8")


def plot_agreement(comparison: Any, *, measure: str = "adjusted_rand", ax: Axes | None = None) -> Axes:
    """Draw how far the recipes of a comparison agree, two by two.

    Below the diagonal stands the agreement, above it the share of patients whom both recipes assign: an
    agreement among few is no agreement. On the diagonal stands what each recipe finds. A dash means that
    there is nothing to compare: nobody is assigned in both, or one of them divides nobody.

    Parameters
    ----------
    comparison : MethodComparison
        From ``compare_methods``.
    measure : str
        A column of ``comparison.pairs``: ``adjusted_rand``, ``adjusted_mutual_info``, either with ``_all``
        (over all patients), or ``pair_jaccard``.
    ax : Axes, optional
        Axes to draw on.

    Returns
    -------
    Axes
        A notebook shows it.

    Raises
    ------
    ResultError
        UNKNOWN_NAME: there is no such measure.
    """
    agreement = comparison.agreement(measure).to_numpy(dtype=float)
    coverage = comparison.agreement("coverage").to_numpy(dtype=float)
    n = len(agreement)
    with drawing(ax, size=(_NAMES + _CELL * n + _KEYS, _EDGES + _CELL * max(n, 3))) as axes:
        agreeing = ScalarMappable(Normalize(0, 1), mpl.colormaps[_AGREEING])
        covering = ScalarMappable(Normalize(0, 1), LinearSegmentedColormap.from_list("", _COVERING))
        for row, column in np.ndindex(n, n):
            if row > column:
                _cell(axes, (row, column), agreement[row, column], agreeing, percent=False)
            elif row < column:
                _cell(axes, (row, column), coverage[row, column], covering, percent=True)
            else:
                own = comparison.table.iloc[row]
                _diagonal(axes, row, int(own["n_subphenotypes"]), float(own["coverage"]))
        _frame(axes, comparison.names)
        keys_right(axes, _keys(measure, agreeing, covering))
        title(axes, f"Agreement of {n} recipes on {comparison.n_patients:,} patients", comparison.status)
    return axes


def _keys(measure: str, agreeing: ScalarMappable, covering: ScalarMappable) -> list[Any]:
    among = "" if measure.endswith("_all") or measure == "pair_jaccard" else ", among those whom both assign"
    look: Any = {"facecolor": "white", "edgecolor": FAINT_INK, "linewidth": 0.7}
    own = swatch_line("subphenotypes found,\nshare of patients in one", **look)
    return [
        (f"Below: {WORDS[measure]}{among}", [scale_line(agreeing, "0", "1")]),
        ("Above: share of patients whom both assign", [scale_line(covering, "0 %", "100 %")]),
        ("Diagonal: each recipe", [own]),
    ]


def _cell(
    axes: Axes, place: tuple[int, int], value: float, colours: ScalarMappable, *, percent: bool
) -> None:
    row, column = place
    known = np.isfinite(value)
    colour = colours.to_rgba(np.array([min(max(value, 0.0), 1.0)]))[0] if known else MISSING_COLOUR
    axes.add_patch(Rectangle((column + 0.02, row + 0.02), 0.96, 0.96, facecolor=colour, linewidth=0))
    text = "-" if not known else f"{100 * value:.0f} %" if percent else f"{value:.2f}".replace("-", "\u2212")
    axes.text(
        column + 0.5,
        row + 0.5,
        text,
        ha="center",
        va="center",
        fontsize=point_size("xtick.labelsize"),
        color=INK if not known else _on(colour),
    )


def _on(colour: Any) -> str:
    """Return the ink that is read best on a colour."""
    red, green, blue = mpl.colors.to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _diagonal(axes: Axes, at: int, groups: int, coverage: float) -> None:
    look: Any = {"facecolor": "white", "edgecolor": FAINT_INK, "linewidth": 0.7}
    axes.add_patch(Rectangle((at + 0.02, at + 0.02), 0.96, 0.96, **look))
    size = point_size("xtick.labelsize")
    text = "none" if not groups else f"{groups}\n{100 * coverage:.0f} %"
    axes.text(at + 0.5, at + 0.5, text, ha="center", va="center", color=INK, fontsize=size, linespacing=1.1)


def _frame(axes: Axes, names: tuple[str, ...]) -> None:
    """Name the rows, and number rows and columns."""
    n = len(names)
    texts = distinct([clean(name, 200) for name in names], _LETTERS)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.set_aspect("equal")
    axes.set_yticks(np.arange(n) + 0.5, [f"{text}  {at}" for at, text in enumerate(texts, start=1)])
    axes.set_xticks(np.arange(n) + 0.5, [str(at) for at in range(1, n + 1)])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
