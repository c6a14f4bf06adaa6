"""The patient flow: who came in, who left and why, who has which blocks, who is in which subphenotype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.transforms import Bbox

from phenotyper.cohort.container import block_names, flow_of, patients_of
from phenotyper.errors import number_of
from phenotyper.outcomes.groups import UNASSIGNED, groups_of
from phenotyper.outcomes.wording import percent
from phenotyper.present.plots.boxes import (
    SIZE,
    Box,
    Line,
    draw_arrow,
    draw_box,
    draw_line,
    show_all,
    width_of,
)
from phenotyper.present.plots.style import blend, clean, colour_of, drawing, fold, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

_DOWN = 2.4 * SIZE
_ASIDE = 2.5 * SIZE
_BETWEEN = 0.9 * SIZE
_WIDEST_ROW = 340.0
_LETTERS = 30
_REMOVED = "removed"


def plot_flow(cohort: MuData, found: Phenotypes | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw how the patients came to be in the cohort, its blocks and its subphenotypes.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    found : Phenotypes, optional
        Subphenotypes of these patients; the unassigned are a box of their own.
    ax : Axes, optional
        Axes to draw on; boxes and letters shrink to fit.

    Returns
    -------
    Axes
        The diagram; a notebook shows it. Letters grow and shrink with it.

    Raises
    ------
    ResultError
        OTHER_COHORT: the subphenotypes are of other patients.
    """
    with drawing(ax, size=(4, 4)) as axes:
        chain, asides = _chain(axes, cohort)
        groups = _groups(axes, cohort, found) if found is not None else []
        chain, asides = _stacked(chain, asides)
        rows = _in_rows(groups, top=chain[-1].bottom - 2 * _DOWN, x=chain[-1].x)
        _draw_chain(axes, chain, asides)
        frame = _draw_groups(axes, chain[-1], rows)
        everything = [box.bounds for box in (*chain, *asides.values(), *(box for row in rows for box in row))]
        show_all(axes, Bbox.union([*everything, *frame]), own=ax is None, heading=3)
        title(axes, "Patient flow", found.status if found is not None else "")
    return axes


def _chain(axes: Axes, cohort: MuData) -> tuple[list[Box], dict[int, Box]]:
    """Return the boxes from top to bottom, and by the box that they follow those of the patients who left."""
    chain: list[Box] = []
    left: dict[int, list[Line]] = {}
    for label, n in flow_of(cohort):
        if label.startswith("with "):
            continue
        if label.endswith(_REMOVED):
            left.setdefault(len(chain) - 1, []).extend(_lines(label, n))
        else:
            chain.append(_box(axes, _lines(label, n)))
    chain.append(_box(axes, _block_lines(cohort)))
    return chain, {place: _box(axes, lines) for place, lines in left.items()}


def _box(axes: Axes, lines: Sequence[Line]) -> Box:
    return Box(tuple(lines), width_of(axes, lines))


def _lines(label: str, n: int) -> list[Line]:
    words = clean(label[:1].upper() + label[1:], 90)
    return [*(Line(part) for part in fold(words, _LETTERS).split("\n")), Line(f"n = {n:,}")]


def _block_lines(cohort: MuData) -> list[Line]:
    """Return how many patients have each block, and how many blocks."""
    ids, names = patients_of(cohort).index, block_names(cohort)
    present = np.stack([ids.isin(cohort[name].obs_names) for name in names], axis=1)
    lines = [Line("Patients with block", bold=True)]
    lines += [
        Line(clean(name, _LETTERS), _share(int(held), len(ids)))
        for name, held in zip(names, present.sum(axis=0), strict=True)
    ]
    if len(names) == 1:
        return lines
    lines += [Line(""), Line("Patients with", bold=True)]
    counts = np.bincount(present.sum(axis=1), minlength=len(names) + 1)
    return lines + [
        Line(_how_many(k, len(names)), _share(int(counts[k]), len(ids)))
        for k in range(len(names), -1, -1)
        if counts[k]
    ]


def _how_many(k: int, blocks: int) -> str:
    if k == blocks:
        return f"all {blocks} blocks"
    return number_of(k, "block") if k else "no block"


def _share(n: int, of: int) -> str:
    return f"{n:,} ({percent(n, of)})"


def _groups(axes: Axes, cohort: MuData, found: Phenotypes) -> list[Box]:
    groups = groups_of(found, patients_of(cohort).index)
    boxes = []
    for name in (*groups.names, UNASSIGNED):
        n = int(groups.mask(name).sum())
        lines = (Line(name, bold=True), Line(f"n = {n:,}"), Line(f"({percent(n, len(groups.labels))})"))
        boxes.append(
            replace(_box(axes, lines), edge=colour_of(name), face=blend(colour_of(name), "white", 0.88))
        )
    widest = max(box.width for box in boxes[:-1]) if len(boxes) > 1 else 0.0
    return [replace(box, width=max(box.width, widest)) for box in boxes]


def _stacked(chain: list[Box], asides: dict[int, Box]) -> tuple[list[Box], dict[int, Box]]:
    """Place the chain downwards, leaving room for the boxes aside."""
    placed: list[Box] = []
    beside: dict[int, Box] = {}
    top = 0.0
    right = max((chain[at].width for at in range(len(chain) - 1)), default=0.0) / 2
    for place, box in enumerate(chain):
        placed.append(replace(box, top=top))
        gap = _DOWN
        if place in asides:
            aside = asides[place]
            gap = aside.height + _DOWN
            beside[place] = replace(
                aside, x=right / 2 + _ASIDE + aside.width / 2, top=placed[-1].bottom - _DOWN / 2
            )
        top = placed[-1].bottom - gap
    return placed, beside


def _in_rows(boxes: list[Box], *, top: float, x: float) -> list[list[Box]]:
    """Place boxes in rows no wider than a page."""
    rows: list[list[Box]] = []
    for box in boxes:
        if not rows or sum(other.width + _BETWEEN for other in rows[-1]) + box.width > _WIDEST_ROW:
            rows.append([])
        rows[-1].append(box)
    placed = []
    for row in rows:
        left = x - (sum(box.width for box in row) + _BETWEEN * (len(row) - 1)) / 2
        line = []
        for box in row:
            line.append(replace(box, x=left + box.width / 2, top=top))
            left += box.width + _BETWEEN
        placed.append(line)
        top = line[0].bottom - _BETWEEN
    return placed


def _draw_chain(axes: Axes, chain: list[Box], asides: dict[int, Box]) -> None:
    for place, box in enumerate(chain):
        draw_box(axes, box)
        if place + 1 < len(chain):
            draw_arrow(axes, (box.x, box.bottom), (box.x, chain[place + 1].top))
        if place in asides:
            aside = asides[place]
            middle = (aside.top + aside.bottom) / 2
            draw_box(axes, aside)
            draw_arrow(axes, (box.x, middle), (aside.bounds.x0, middle))


def _draw_groups(axes: Axes, last: Box, rows: list[list[Box]]) -> list[Bbox]:
    """Draw the subphenotypes: an arrow to each when they are in one row, else one to a frame around all."""
    if not rows:
        return []
    for row in rows:
        for box in row:
            draw_box(axes, box)
    top = rows[0][0].top
    if len(rows) == 1:
        bus = top + _DOWN
        draw_line(axes, (last.x, last.bottom), (last.x, bus))
        draw_line(axes, (rows[0][0].x, bus), (rows[0][-1].x, bus))
        for box in rows[0]:
            draw_arrow(axes, (box.x, bus), (box.x, top))
        return []
    inside = Bbox.union([box.bounds for row in rows for box in row])
    frame = Bbox.from_extents(*(inside.extents + np.array([-1, -1, 1, 1]) * _BETWEEN))
    corners = [(frame.x0, frame.y0), (frame.x1, frame.y0), (frame.x1, frame.y1), (frame.x0, frame.y1)]
    for start, end in pairwise([*corners, corners[0]]):
        draw_line(axes, start, end)
    draw_arrow(axes, (last.x, last.bottom), (last.x, frame.y1))
    return [frame]
