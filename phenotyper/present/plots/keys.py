"""What explains the colours, to the right of a picture: legends and colour bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea, HPacker, OffsetBox, TextArea, VPacker
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation

from phenotyper.present.plots.style import INK, figure_of, fold, point_size, points_of

if TYPE_CHECKING:
    from typing import Any

    from matplotlib.artist import Artist
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


_SWATCH, _SCALE_LENGTH, _SCALE_STEPS = 7.0, 44.0, 22
_LINE_POINTS, _LEAST_LINES = 9.2, 12.0
Section = tuple[str, list[OffsetBox]]
"""Heading of a key and its lines, from :func:`swatch_line` and :func:`scale_line`."""


def swatch_line(text: str, **look: Any) -> OffsetBox:
    """Return a line of a key: a square that looks as a ``Rectangle`` with these settings, and its text."""
    area = DrawingArea(_SWATCH, _SWATCH, 0, 0)
    area.add_artist(Rectangle((0, 0), _SWATCH, _SWATCH, **({"linewidth": 0} | look)))
    return HPacker(children=[area, _text(text)], pad=0, sep=4, align="center")


def scale_line(colours: ScalarMappable, low: str, high: str) -> OffsetBox:
    """Return a line of a key: a bar of colours between its limits in words."""
    area = DrawingArea(_SCALE_LENGTH, _SWATCH, 0, 0)
    step = _SCALE_LENGTH / _SCALE_STEPS
    least, most = colours.get_clim()
    values = np.linspace(float(least or 0.0), float(most or 0.0), _SCALE_STEPS)
    for at, colour in enumerate(colours.to_rgba(values)):
        area.add_artist(
            Rectangle((at * step, 0), step, _SWATCH, facecolor=colour, edgecolor=colour, linewidth=0.3)
        )
    return HPacker(children=[_text(low), area, _text(high)], pad=0, sep=4, align="center")


def keys_right(axes: Axes, sections: Sequence[Section], *, aside: float = 8.0) -> None:
    """Put several keys to the right of axes, one below the other, in columns no higher than the axes.

    Parameters
    ----------
    axes : Axes
        Where. The keys keep their size and distances when the picture is made smaller.
    sections : sequence of (str, list of OffsetBox)
        Headings and lines.
    aside : float
        Points between axes and keys.
    """
    most = max(points_of(axes)[1] / _LINE_POINTS, _LEAST_LINES)
    columns: list[list[Artist]] = [[]]
    used = 0.0
    for heading, lines in sections:
        head = fold(heading, LETTERS)
        lines_high = len(lines) + 1.5 + head.count("\n")
        if columns[-1] and used + lines_high > most:
            columns.append([])
            used = 0.0
        children: list[Artist] = [*([_text(head, weight="bold")] if head else []), *lines]
        columns[-1].append(VPacker(children=children, pad=0, sep=2.5, align="left"))
        used += lines_high
    packed: list[Artist] = [
        VPacker(children=column, pad=0, sep=8, align="left") for column in columns if column
    ]
    box = AnchoredOffsetbox(
        "upper left",
        child=HPacker(children=packed, pad=0, sep=10, align="top"),
        pad=0,
        borderpad=0,
        frameon=False,
        bbox_to_anchor=(1.0, 1.0),
        bbox_transform=axes.transAxes + ScaledTranslation(aside / 72, 0, figure_of(axes).dpi_scale_trans),
    )
    box.set_clip_on(False)
    axes.add_artist(box)


def _text(text: str, *, weight: str = "normal") -> TextArea:
    size = point_size("font.size") * 0.83
    return TextArea(text, textprops={"fontsize": size, "color": INK, "fontweight": weight})
