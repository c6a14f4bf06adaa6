"""What is missing together: distinct patterns of missing blocks and features, and who has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.patches import Patch, Rectangle

from phenotyper.cohort.container import block_names
from phenotyper.cohort.patterns import COMPLETE, Patterns, patterns_of
from phenotyper.outcomes.wording import percent
from phenotyper.present.plots.style import (
    FAINT_INK,
    INK,
    OTHER_COLOUR,
    clean,
    distinct,
    drawing,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import NDArray

MOST_ITEMS = 30
"""Columns that the picture aims at; each block has at least a few."""
_LEAST_ITEMS = 4
_ROW, _COLUMN, _BARS, _BESIDE = 0.19, 0.17, 1.5, 1.3
_MISSING = mpl.colormaps["Blues"](0.75)
_KNOWN = "#e6e6e6"
_ABSENT: Any = {"facecolor": "#f2f2f2", "edgecolor": "#8a8a8a", "hatch": "//////", "linewidth": 0}
_NAME_LETTERS = 30


class _Rows(NamedTuple):
    """What is drawn: the patterns shown, the items that any of them lacks, and who is left."""

    lacking: NDArray[np.bool_]
    patients: NDArray[np.intp]
    items: tuple[Any, ...]
    others: int
    in_others: int

    @property
    def labels(self) -> list[str]:
        """Name of each row."""
        shown = [
            _row_text([item for item, lacks in zip(self.items, row, strict=True) if lacks])
            for row in self.lacking
        ]
        return [*shown, f"{self.others:,} other pattern{'s' * (self.others != 1)}"] if self.others else shown

    @property
    def counts(self) -> list[int]:
        """Patients of each row."""
        return [*self.patients.tolist(), self.in_others] if self.others else self.patients.tolist()


def plot_missing_patterns(
    cohort: MuData, *, block: str | None = None, most: int = 20, ax: Axes | None = None
) -> Axes:
    """Draw which features are missing together, and in how many patients.

    A row a distinct pattern, the most frequent first; a column a whole block, or features that are always
    missing together. Where a block has many such groups the least missing ones share a column.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    block : str, optional
        Only this block and the patients who have it; all by default.
    most : int
        Patterns drawn one by one; the patients of all others are summed in a last row.
    ax : Axes, optional
        Axes whose area takes the picture, their own axis switched off.

    Returns
    -------
    Axes
        The frame; its ``child_axes`` are the patterns and the bars. A notebook shows it.

    Raises
    ------
    ResultError
        UNKNOWN_NAME: the cohort has no such block.
    """
    blocks = 1 if block is not None else max(len(block_names(cohort)), 1)
    found = patterns_of(cohort, block=block, most_items=max(MOST_ITEMS // blocks, _LEAST_ITEMS))
    rows = _shown(found, max(most, 1))
    columns = max(len(rows.items), 3)
    below = 1.5 if rows.items else 0.0
    size = (_BESIDE + _COLUMN * columns + _BARS, 0.75 + below + _ROW * max(len(rows.counts), 1))
    with drawing(ax, size=(max(size[0], 4.0), max(size[1], 1.7))) as frame:
        frame.set_axis_off()
        share = _COLUMN * columns / (_COLUMN * columns + _BARS)
        panel = frame.inset_axes((0.0, 0.0, share - 0.01, 1.0))
        bars = frame.inset_axes((share + 0.01, 0.0, 1 - share - 0.01, 1.0))
        _draw_patterns(panel, rows)
        _draw_bars(bars, rows, of=int(found.patients.sum()))
        _name_items(panel, rows, several=block is None and len(block_names(cohort)) > 1)
        _key(bars, rows)
        title(frame, *_heading(found, block), pad=18)
    return frame


def _shown(found: Patterns, most: int) -> _Rows:
    """Keep the most frequent patterns, the complete one always, and the items that they lack."""
    keep = np.arange(len(found.patients)) < most
    complete = ~found.lacking.any(axis=1)
    if complete.any() and not keep[complete].any():
        keep[most - 1], keep[complete] = False, True
    rows = found.lacking[keep]
    used = rows.any(axis=0)
    items = tuple(item for item, shown in zip(found.items, used, strict=True) if shown)
    return _Rows(
        rows[:, used], found.patients[keep], items, int((~keep).sum()), int(found.patients[~keep].sum())
    )


def _row_text(items: list[Any]) -> str:
    if not items:
        return COMPLETE
    blocks = sum(item.absent for item in items)
    features = sum(1 if item.pooled else len(item.features) for item in items if not item.absent)
    at_least = "\u2265 " if any(item.pooled for item in items) else ""
    parts = [f"{blocks} block{'s' * (blocks != 1)}"] if blocks else []
    if features:
        parts.append(f"{at_least}{features:,} feature{'s' * (features != 1)}")
    return " + ".join(parts)


def _heading(found: Patterns, block: str | None) -> tuple[str, str]:
    n, count = int(found.patients.sum()), len(found.patients)
    who = f"{n:,} patient{'s' * (n != 1)}"
    where = f" of {clean(block, 24)}" if block is not None else ""
    what = f"Missing together{where}: {who}, {found.n_features:,} feature{'s' * (found.n_features != 1)}"
    if not found.items:
        return what, "nothing is missing" if n else "no patient"
    complete = int(found.patients[~found.lacking.any(axis=1)].sum())
    pooled = any(item.pooled for item in found.items)
    said = f"{count:,} pattern{'s' * (count != 1)}, {complete:,} patients ({percent(complete, n)}) complete"
    return what, said + "\nrarely missing features share a column" * pooled


def _draw_patterns(panel: Axes, rows: _Rows) -> None:
    for y, row in enumerate(rows.lacking):
        for x, lacks in enumerate(row):
            look: Any = {"facecolor": _MISSING if lacks else _KNOWN, "linewidth": 0}
            if lacks and rows.items[x].absent:
                look = _ABSENT
            panel.add_patch(Rectangle((x + 0.08, y + 0.1), 0.84, 0.8, **look))
    if not rows.items:
        panel.add_patch(Rectangle((0.02, 0.1), 0.96, 0.8, facecolor=_KNOWN, linewidth=0))
    panel.set_xlim(0, max(len(rows.items), 1))
    panel.set_ylim(max(len(rows.counts), 1), 0)
    panel.set_yticks(np.arange(len(rows.counts)) + 0.5, rows.labels)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _draw_bars(bars: Axes, rows: _Rows, *, of: int) -> None:
    y = np.arange(len(rows.counts)) + 0.5
    shown = len(rows.patients)
    bars.barh(y[:shown], rows.patients, height=0.72, color=OTHER_COLOUR, linewidth=0)
    for place, count in enumerate(rows.counts):
        end, colour = (count, INK) if place < shown else (0, FAINT_INK)
        bars.annotate(
            f"{count:,} ({percent(count, of)})",
            (end, y[place]),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize="x-small",
            annotation_clip=False,
        )
    bars.set_xlim(0, max([*rows.patients.tolist(), 1]) * 1.75)
    bars.set_ylim(max(len(rows.counts), 1), 0)
    bars.set_xticks([])
    bars.set_yticks([])
    bars.set_title("patients", loc="left", fontsize="small")
    bars.spines[["top", "right", "bottom"]].set_visible(False)


def _name_items(panel: Axes, rows: _Rows, *, several: bool) -> None:
    """Name the columns; where there are several blocks each name begins with its block."""
    texts = [f"{item.block}: {item.text}" if several else item.text for item in rows.items]
    names = distinct(texts, _NAME_LETTERS)
    panel.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90, fontsize="x-small")
    for at in range(1, len(rows.items)):
        if rows.items[at].block != rows.items[at - 1].block:
            panel.axvline(at, color=INK, linewidth=0.8)


def _key(bars: Axes, rows: _Rows) -> None:
    marks = [Patch(facecolor=_MISSING, linewidth=0), Patch(**_ABSENT), Patch(facecolor=_KNOWN, linewidth=0)]
    texts = ["missing", "block absent", "known"]
    shown = [
        any(not item.absent for item in rows.items),
        any(item.absent for item in rows.items),
        bool(rows.items),
    ]
    entries = [(mark, text) for mark, text, here in zip(marks, texts, shown, strict=True) if here]
    if entries:
        bars.legend(
            *zip(*entries, strict=True),
            loc="upper left",
            bbox_to_anchor=(0, -0.2 / max(len(rows.counts), 1)),
            handlelength=1.0,
            handleheight=0.9,
            frameon=False,
            borderaxespad=0,
        )
