"""Boxes with text and arrows in points, on axes that scale letters with the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from phenotyper.present.plots.style import INK, figure_of, points_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 8.0
LEADING = 1.35 * SIZE
PAD = 0.7 * SIZE
_MARGIN = 4.0


class ScaledText(Text):
    """Text whose size is given in units of its axes' data, not in points on paper."""

    def __init__(self, *args: Any, size: float, **kwargs: Any) -> None:
        super().__init__(*args, fontsize=size, **kwargs)
        self.set_in_layout(False)
        self._units = size

    def draw(self, renderer: Any) -> None:
        """Draw in the size that the axes have now."""
        if self.axes is not None:
            (_, low), (_, high) = self.axes.transData.transform([(0, 0), (0, 1)])
            self.set_fontsize(self._units * (high - low) * 72 / figure_of(self).dpi)
        super().draw(renderer)


@dataclass(frozen=True)
class Line:
    """A line of a box: one text, or one at the left and one at the right."""

    text: str
    right: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Box:
    """A box with lines of text, placed by the middle of its upper edge; sizes in points."""

    lines: tuple[Line, ...]
    width: float
    x: float = 0.0
    top: float = 0.0
    face: str = "white"
    edge: str = INK

    @property
    def height(self) -> float:
        """Height of all lines with a margin."""
        return len(self.lines) * LEADING + 2 * PAD

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top - self.height

    @property
    def bounds(self) -> Bbox:
        """Left, bottom, right, top."""
        return Bbox.from_extents(self.x - self.width / 2, self.bottom, self.x + self.width / 2, self.top)


def width_of(axes: Axes, lines: Sequence[Line]) -> float:
    """Return the width in points of a box that holds the lines."""
    gap = 2 * SIZE
    widths = [
        _measured(axes, line.text, bold=line.bold) + (gap + _measured(axes, line.right) if line.right else 0)
        for line in lines
    ]
    return max(widths) + 2 * PAD


def _measured(axes: Axes, text: str, *, bold: bool = False) -> float:
    if not text:
        return 0.0
    figure = figure_of(axes)
    probe = Text(0, 0, text, fontsize=SIZE, fontweight="bold" if bold else "normal")
    probe.set_figure(figure)
    return float(probe.get_window_extent().width * 72 / figure.dpi)


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a box with its text."""
    left, bottom, right, top = box.bounds.extents
    shape = FancyBboxPatch(
        (left, bottom),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=2.5",
        facecolor=box.face,
        edgecolor=box.edge,
        linewidth=0.8,
    )
    axes.add_patch(shape)
    for place, line in enumerate(box.lines):
        height = top - PAD - (place + 0.5) * LEADING
        weight = "bold" if line.bold else "normal"
        if line.right:
            _write(axes, left + PAD, height, line.text, "left", weight)
            _write(axes, right - PAD, height, line.right, "right", weight)
        else:
            _write(axes, box.x, height, line.text, "center", weight)


def _write(axes: Axes, x: float, y: float, text: str, side: str, weight: str) -> None:
    axes.add_artist(
        ScaledText(
            x, y, text, size=SIZE, ha=side, va="center_baseline", color=INK, fontweight=weight, zorder=3
        )
    )


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two points."""
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=7,
        shrinkA=0,
        shrinkB=0,
        linewidth=0.8,
        color=INK,
        zorder=1,
    )
    axes.add_patch(arrow)


def draw_line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a plain connecting line."""
    axes.plot(
        [start[0], end[0]], [start[1], end[1]], color=INK, linewidth=0.8, solid_capstyle="butt", zorder=1
    )


def show_all(axes: Axes, bounds: Bbox, *, own: bool, heading: float) -> None:
    """Show all that is drawn at one point a unit, or smaller where the axes are small.

    Parameters
    ----------
    axes : Axes
        Where; its own axis is switched off.
    bounds : Bbox
        Of everything drawn.
    own : bool
        Whether the figure is ours and takes its size from the drawing.
    heading : float
        Lines to leave above for the title.
    """
    width, height = bounds.width + 2 * _MARGIN, bounds.height + 2 * _MARGIN
    if own:
        figure_of(axes).set_size_inches((width + 8) / 72, (height + heading * LEADING) / 72)
    else:
        wide, high = points_of(axes)
        width, height = max(width, wide), max(height, high)
    x, y = (bounds.x0 + bounds.x1) / 2, (bounds.y0 + bounds.y1) / 2
    axes.set_axis_off()
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)
    axes.set_aspect("equal", adjustable="box", anchor="NW")
