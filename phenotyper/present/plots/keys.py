"""What explains the colours, to the right of a picture: legends and colour bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from phenotyper.present.plots.style import figure_of, fold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from numpy.typing import NDArray

LETTERS = 22
ENTRIES_A_COLUMN = 18
Entry = tuple[str, Line2D]
"""Text with its number of patients, and the mark that it explains."""


def dot(colour: str) -> Line2D:
    """Return the mark of a point."""
    return Line2D([], [], linestyle="none", marker="o", markersize=4.5, color=colour, markeredgewidth=0)


def legend_right(axes: Axes, entries: Sequence[Entry], *, heading: str = "", top: float = 1.0) -> None:
    """Put a legend to the right of the axes, in several columns when it is long.

    Parameters
    ----------
    axes : Axes
        Where.
    entries : sequence of (str, Line2D)
        From top to bottom; none draws nothing.
    heading : str
        Title of the legend.
    top : float
        Its upper edge, as a share of the axes' height.
    """
    if not entries:
        return
    axes.legend(
        [mark for _, mark in entries],
        [text for text, _ in entries],
        title=fold(heading, LETTERS),
        loc="upper left",
        bbox_to_anchor=(1.03, top),
        alignment="left",
        frameon=False,
        borderaxespad=0,
        handletextpad=0.4,
        columnspacing=1.0,
        ncols=-(-len(entries) // ENTRIES_A_COLUMN),
    )


def colour_bar_right(axes: Axes, colours: ScalarMappable, data: NDArray[np.float64], *, heading: str) -> None:
    """Put a colour bar to the right of the axes, with arrows where data lie beyond its limits.

    Parameters
    ----------
    axes : Axes
        Where; the bar takes the upper part, a legend below it may start at .28 of the height.
    colours : ScalarMappable
        Colour map and limits.
    data : ndarray
        The values shown, none missing.
    heading : str
        Text above the bar.
    """
    low, high = colours.get_clim()
    below = low is not None and bool(data.min() < low)
    above = high is not None and bool(data.max() > high)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
    place = axes.inset_axes((1.05, 0.36, 0.045, 0.44))
    bar = figure_of(axes).colorbar(colours, cax=place, extend=extend, extendfrac=0.06)
    bar.outline.set_visible(False)
    place.tick_params(width=0.5, length=2)
    place.set_title(fold(heading, LETTERS), loc="left", fontsize="small")
