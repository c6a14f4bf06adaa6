"""Which patients have which blocks: combinations of blocks as bars over dots, and the blocks' sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import Patch

from phenotyper.cohort.container import block_names, patients_of
from phenotyper.outcomes.groups import UNASSIGNED, groups_of
from phenotyper.outcomes.wording import percent
from phenotyper.present.plots.style import (
    INK,
    OTHER_COLOUR,
    clean,
    colour_of,
    counted,
    drawing,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.phenotypes import Phenotypes

MOST = 20
"""Combinations drawn one by one; the patients of all others are counted in the title."""
_ABSENT_DOT = "#dedede"
_BAND = "#f5f5f5"
_ROW, _COLUMN, _BARS, _SIZES, _NAMES, _GAP = 0.22, 0.3, 1.5, 0.9, 1.4, 0.08
_NARROW, _MANY = 0.23, 12


class _Part(NamedTuple):
    """Patients of one colour: all, a subphenotype or the unassigned."""

    name: str
    colour: str
    mask: NDArray[np.bool_]


class _Combinations(NamedTuple):
    """Blocks, largest first; combinations x blocks, most frequent first; and each patient's combination."""

    blocks: tuple[str, ...]
    has: NDArray[np.bool_]
    of_patient: NDArray[np.intp]
    present: NDArray[np.bool_]


def plot_upset(cohort: MuData, *, found: Phenotypes | None = None, ax: Axes | None = None) -> Axes:
    """Draw which patients have which blocks.

    Below: a row a block, a column a combination of blocks that some patients have. Above: how many patients
    have exactly these blocks. Left: how many have the block at all.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    found : Phenotypes, optional
        Split every bar by the subphenotypes of these patients, the unassigned in grey.
    ax : Axes, optional
        Axes whose area takes the picture, their own axis switched off.

    Returns
    -------
    Axes
        The frame; its ``child_axes`` are the bars of the combinations, the dots and the bars of the blocks. A
        notebook shows it.

    Raises
    ------
    ResultError
        OTHER_COHORT: the subphenotypes are of other patients.
    """
    combinations = _combinations(cohort)
    parts = _parts(cohort, found)
    columns, rows = max(len(combinations.has), 4), len(combinations.blocks)
    high = _BARS + _ROW * rows
    wide = _SIZES + _GAP + (_COLUMN if columns <= _MANY else _NARROW) * columns
    with drawing(ax, size=(wide + _NAMES + 0.9, high + 0.9)) as frame:
        frame.set_axis_off()
        left, low = (_SIZES + _GAP) / wide, _ROW * rows / high
        bars = frame.inset_axes((left, low + 0.02, 1 - left, 1 - low - 0.02))
        dots = frame.inset_axes((left, 0.0, 1 - left, low))
        sizes = frame.inset_axes((0.0, 0.0, _SIZES / wide, low))
        _draw_bars(bars, combinations, parts)
        _draw_dots(dots, combinations)
        _draw_sizes(sizes, combinations, parts)
        if found is not None:
            _legend(frame, parts)
        title(frame, _heading(combinations), found.status if found is not None else "", pad=16)
    return frame


def _combinations(cohort: MuData) -> _Combinations:
    ids, names = patients_of(cohort).index, block_names(cohort)
    present = np.array([ids.isin(cohort[name].obs_names) for name in names], dtype=bool)
    order = np.argsort(-present.sum(axis=1), kind="stable")
    present = present[order].T
    has, of_patient, counts = np.unique(present, axis=0, return_inverse=True, return_counts=True)
    rank = np.lexsort((*(~has).T[::-1], -has.sum(axis=1), -counts))
    place = np.empty(len(rank), dtype=np.intp)
    place[rank] = np.arange(len(rank))
    return _Combinations(
        tuple(names[at] for at in order), has[rank][:MOST], place[of_patient.ravel()], present
    )


def _parts(cohort: MuData, found: Phenotypes | None) -> list[_Part]:
    ids = patients_of(cohort).index
    if found is None:
        return [_Part("all", OTHER_COLOUR, np.ones(len(ids), dtype=bool))]
    groups = groups_of(found, ids)
    return [_Part(name, colour_of(name), groups.mask(name)) for name in (*groups.names, UNASSIGNED)]


def _heading(combinations: _Combinations) -> str:
    n, blocks = len(combinations.of_patient), len(combinations.blocks)
    what = f"Who has which blocks: {n:,} patient{'s' * (n != 1)}, {blocks} block{'s' * (blocks != 1)}"
    left = int(combinations.of_patient.max(initial=0)) + 1 - len(combinations.has)
    if left <= 0:
        return what
    inside = int((combinations.of_patient >= len(combinations.has)).sum())
    return f"{what}\n{left:,} more combinations ({inside:,} patients) are not drawn"


def _draw_bars(panel: Axes, combinations: _Combinations, parts: list[_Part]) -> None:
    count = len(combinations.has)
    bottom = np.zeros(count)
    for part in parts:
        heights = np.bincount(combinations.of_patient[part.mask], minlength=count)[:count]
        panel.bar(np.arange(count), heights, bottom=bottom, width=0.66, color=part.colour, linewidth=0)
        bottom += heights
    for at, height in enumerate(bottom.astype(int).tolist()):
        panel.annotate(
            f"{height:,}",
            (at, height),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize="x-small",
        )
    panel.set_xlim(-0.7, max(count, 4) - 0.5)
    panel.set_ylim(0, max(float(bottom.max(initial=0)), 1.0) * 1.12)
    panel.set_xticks([])
    panel.locator_params(axis="y", nbins=4, integer=True)
    panel.spines[["top", "right", "bottom"]].set_visible(False)
    panel.set_ylabel("patients with exactly\nthese blocks", fontsize="small")


def _draw_dots(panel: Axes, combinations: _Combinations) -> None:
    count, rows = combinations.has.shape
    for row in range(0, rows, 2):
        panel.axhspan(row - 0.5, row + 0.5, color=_BAND, linewidth=0)
    look: Any = {"linestyle": "none", "marker": "o", "markersize": 6, "markeredgewidth": 0}
    panel.plot(*np.nonzero(~combinations.has), color=_ABSENT_DOT, **look)
    for at, has in enumerate(combinations.has):
        inside = np.flatnonzero(has)
        panel.plot([at] * len(inside), inside, color=INK, **look)
        if len(inside) > 1:
            panel.plot([at, at], [inside[0], inside[-1]], color=INK, linewidth=1.4)
    panel.set_xlim(-0.7, max(count, 4) - 0.5)
    panel.set_ylim(rows - 0.5, -0.5)
    panel.set_xticks([])
    panel.set_yticks(np.arange(rows), [clean(name, 24) for name in combinations.blocks])
    panel.yaxis.tick_right()
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _draw_sizes(panel: Axes, combinations: _Combinations, parts: list[_Part]) -> None:
    rows, n = len(combinations.blocks), len(combinations.of_patient)
    left = np.zeros(rows)
    for part in parts:
        widths = combinations.present[part.mask].sum(axis=0)
        panel.barh(np.arange(rows), widths, left=left, height=0.6, color=part.colour, linewidth=0)
        left += widths
    for at, size in enumerate(left.astype(int).tolist()):
        panel.annotate(
            f"{size:,} ({percent(size, n)})",
            (size, at),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize="x-small",
        )
    panel.set_xlim(max(float(left.max(initial=0)), 1.0), 0)
    panel.set_ylim(rows - 0.5, -0.5)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[["top", "left", "bottom"]].set_visible(False)
    panel.spines["right"].set_visible(True)
    panel.set_xlabel("patients with block", loc="right", fontsize="small")


def _legend(frame: Axes, parts: list[_Part]) -> None:
    frame.legend(
        [Patch(facecolor=part.colour, linewidth=0) for part in parts],
        [counted(part.name, int(part.mask.sum())) for part in parts],
        title="Subphenotype",
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        alignment="left",
        handlelength=0.9,
        handleheight=0.9,
        frameon=False,
        borderaxespad=0,
        ncols=-(-len(parts) // 12),
    )
