"""Bands between partitions of the same patients: who of this group is in which group there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from phenotyper.present.plots.boxes import LEADING, PAD, SIZE, Line, ScaledText, show_all, width_of
from phenotyper.present.plots.partitions import Partition, partitions_of
from phenotyper.present.plots.style import (
    FAINT_INK,
    INK,
    blend,
    clean,
    distinct,
    drawing,
    fold,
    title,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

    type Group = Phenotypes | pd.Series | Mapping[str, Any] | str

_HIGH, _LEAST_SLOT, _WIDE = 200.0, 1.25 * SIZE, 500.0
_BETWEEN = (60.0, 110.0)
_GAP, _BEND = 5.0, 0.45
_LETTERS = 24
_BAND_STRENGTH = 0.55


class _Box(NamedTuple):
    """A group of one partition: left edge, top, height and width in points, and its patients."""

    left: float
    top: float
    height: float
    n: int
    width: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.top - self.height / 2


def plot_alluvial(
    left: Group,
    right: Group,
    *more: Group,
    cohort: MuData | None = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how two or more partitions of the same patients go together.

    Each partition is a column of boxes, as high as their patients are many; bands join the groups that share
    patients and keep the colour of the first partition. The unassigned and the missing are boxes of their
    own, and so are the patients whom a partition does not know.

    Parameters
    ----------
    left, right, *more : Phenotypes, Series, Mapping or str
        Subphenotypes; labels by patient id; or the name of a known class, covariate or any column with
        categories of ``cohort``.
    cohort : MuData, optional
        Needed where a partition is given by name.
    names : sequence of str, optional
        Headings, one a partition.
    ax : Axes, optional
        Axes to draw on; boxes and letters shrink to fit.

    Returns
    -------
    Axes
        The diagram; a notebook shows it.

    Raises
    ------
    ResultError
        NEEDS_COHORT: a name without the cohort. PARTITION: numbers, repeated ids, no labels, or as many
        names as there are not partitions. NO_OVERLAP: two partitions share no patient.
    CohortError
        UNKNOWN_NAME: there is no such column or feature.

    Examples
    --------
    >>> first, second = {"p1": "A", "p2": "A", "p3": "B"}, {"p1": "x", "p2": "y", "p3": "y"}
    >>> plot_alluvial(first, second, names=["old", "new"]).get_title()
    'old and new: 3 patients'
    """
    parts = partitions_of((left, right, *more), cohort=cohort, names=names)
    status = next((part.status for part in parts if part.status), "")
    with drawing(ax, size=(5, 4)) as axes:
        parts = _untangled(parts)
        columns = _columns(axes, parts)
        _draw_bands(axes, parts, columns)
        drawn = [_draw_boxes(axes, parts, columns), *_headings(axes, parts, columns)]
        show_all(axes, Bbox.union(drawn), own=ax is None, heading=3.5)
        n = len(parts[0].codes)
        what = f"{_listed([clean(part.name, _LETTERS) for part in parts])}: {n:,} patient{'s' * (n != 1)}"
        title(axes, what, status)
    return axes


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _untangled(parts: Sequence[Partition]) -> list[Partition]:
    """Order the groups of each later partition by where their patients come from; special boxes stay last."""
    done = [parts[0]]
    for part in parts[1:]:
        before, count = done[-1], len(part.labels)
        if part.ordered:
            done.append(part)
            continue
        sums = np.bincount(part.codes, weights=before.codes, minlength=count)
        mean = sums / np.maximum(np.bincount(part.codes, minlength=count), 1)
        special = np.array([label in part.special for label in part.labels])
        order = np.lexsort((np.arange(count), np.where(special, 0.0, mean), special))
        done.append(part.reordered(order))
    return done


def _columns(axes: Axes, parts: Sequence[Partition]) -> list[list[_Box]]:
    """Place the boxes: heights in proportion to patients, apart enough for their text."""
    n = max(len(parts[0].codes), 1)
    most = max(len(part.labels) for part in parts)
    scale = max(_HIGH, 14.0 * most) / n
    heights = [part.counts * scale for part in parts]
    slots = [np.maximum(one, _LEAST_SLOT) + _GAP for one in heights]
    tallest = max(float(one.sum()) for one in slots)
    widths = [_width(axes, part) for part in parts]
    between = float(np.clip((_WIDE - sum(widths)) / (len(parts) - 1), *_BETWEEN))
    columns: list[list[_Box]] = []
    left = 0.0
    for part, high, slot, width in zip(parts, heights, slots, widths, strict=True):
        free = (tallest - slot.sum()) / max(len(slot), 1)
        tops = -(np.cumsum(slot + free) - (slot + free) / 2 - high / 2)
        column = zip(tops.tolist(), high.tolist(), part.counts.tolist(), strict=True)
        columns.append([_Box(left, top, height, n, width) for top, height, n in column])
        left += width + between
    return columns


def _texts(part: Partition) -> list[str]:
    return distinct(part.labels, _LETTERS)


def _width(axes: Axes, part: Partition) -> float:
    return width_of(axes, [Line(text, f"{n:,}") for text, n in zip(_texts(part), part.counts, strict=True)])


def _draw_bands(axes: Axes, parts: Sequence[Partition], columns: list[list[_Box]]) -> None:
    """Draw a band for each first group and pair of neighbouring groups."""
    root = parts[0]
    for (one, two), (before, after) in zip(pairwise(parts), pairwise(columns), strict=True):
        right, left = before[0].left + before[0].width, after[0].left
        for first, start, end, n in _flows(root, one, two, before, after):
            colour = blend(root.colours[first], "white", 1 - _BAND_STRENGTH)
            path = _band((right, start), (left, end), n * _unit(before))
            axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0, zorder=1))


def _unit(column: list[_Box]) -> float:
    """Return points a patient."""
    return sum(box.height for box in column) / max(sum(box.n for box in column), 1)


def _flows(
    root: Partition, one: Partition, two: Partition, left: list[_Box], right: list[_Box]
) -> list[tuple[int, float, float, int]]:
    """Return first group, upper edge at the left and at the right, and patients of each band."""
    keys, counts = np.unique(np.stack([one.codes, two.codes, root.codes], axis=1), axis=0, return_counts=True)
    starts, ends = np.empty(len(keys)), np.empty(len(keys))
    for edges, boxes, side, order in (
        (starts, left, 0, np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))),
        (ends, right, 1, np.lexsort((keys[:, 2], keys[:, 0], keys[:, 1]))),
    ):
        used = [box.top for box in boxes]
        for at in order.tolist():
            group = int(keys[at, side])
            edges[at] = used[group]
            used[group] -= counts[at] * _unit(boxes)
    return [
        (int(key[2]), float(start), float(end), int(n))
        for key, start, end, n in zip(keys, starts, ends, counts, strict=True)
    ]


def _band(start: tuple[float, float], end: tuple[float, float], height: float) -> Path:
    """Return a band of constant height between two upper corners, bent as two cubic Bezier curves."""
    (x0, y0), (x1, y1) = start, end
    bend = _BEND * (x1 - x0)
    corners = [
        (x0, y0),
        (x0 + bend, y0),
        (x1 - bend, y1),
        (x1, y1),
        (x1, y1 - height),
        (x1 - bend, y1 - height),
        (x0 + bend, y0 - height),
        (x0, y0 - height),
        (x0, y0),
    ]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path(corners, codes)


def _draw_boxes(axes: Axes, parts: Sequence[Partition], columns: list[list[_Box]]) -> Bbox:
    """Draw the boxes with names and numbers; return the area that they take."""
    drawn = []
    for at, (part, column) in enumerate(zip(parts, columns, strict=True)):
        for name, label, colour, box in zip(_texts(part), part.labels, part.colours, column, strict=True):
            own = at == 0 or part.lettered or label in part.special
            look: Any = {"facecolor": "white", "edgecolor": FAINT_INK, "linewidth": 0.7}
            if own:
                look |= {"facecolor": blend(colour, "white", 0.75), "edgecolor": colour}
            bottom = box.top - box.height
            axes.add_patch(Rectangle((box.left, bottom), box.width, box.height, zorder=2, **look))
            _name(axes, box, name)
            slot = max(box.height, _LEAST_SLOT) / 2
            drawn.append(
                Bbox.from_extents(box.left, box.middle - slot, box.left + box.width, box.middle + slot)
            )
    return Bbox.union(drawn)


def _name(axes: Axes, box: _Box, name: str) -> None:
    """Write name and number into a box, on white where it is lower than the letters."""
    texts = ((name, box.left + PAD, "left"), (f"{box.n:,}", box.left + box.width - PAD, "right"))
    for text, x, side in texts:
        if box.height < SIZE:
            wide = width_of(axes, [Line(text)]) - 2 * PAD + 3
            left = x - 1.5 if side == "left" else x + 1.5 - wide
            corner = (left, box.middle - SIZE / 2)
            axes.add_patch(Rectangle(corner, wide, SIZE, facecolor="white", linewidth=0, zorder=2.5))
        _write(axes, x, box.middle, text, side)


def _write(axes: Axes, x: float, y: float, text: str, side: str, weight: str = "normal") -> None:
    axes.add_artist(
        ScaledText(
            x, y, text, size=SIZE, ha=side, va="center_baseline", color=INK, fontweight=weight, zorder=3
        )
    )


def _headings(axes: Axes, parts: Sequence[Partition], columns: list[list[_Box]]) -> list[Bbox]:
    """Write the name of each partition above its boxes."""
    top = max(box.top for column in columns for box in column) + LEADING
    between = columns[1][0].left - columns[0][0].left - columns[0][0].width
    drawn = []
    for part, column in zip(parts, columns, strict=True):
        width = column[0].width
        lines = fold(clean(part.name, 60), max(int((width + 0.8 * between) / (0.62 * SIZE)), 8)).split("\n")
        middle = column[0].left + width / 2
        for at, line in enumerate(reversed(lines)):
            _write(axes, middle, top + at * LEADING, line, "center", "bold")
        half = max(width_of(axes, [Line(line, bold=True) for line in lines]), width) / 2
        drawn.append(Bbox.from_extents(middle - half, top, middle + half, top + len(lines) * LEADING))
    return drawn
