"""What is missing: for each block who has it, what each feature lacks, and patients by features in cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter

from phenotyper.cohort.container import block_names, patients_of
from phenotyper.errors import number_of
from phenotyper.outcomes.wording import percent
from phenotyper.present.plots.style import (
    clean,
    drawing,
    figure_of,
    fold,
    point_size,
    points_of,
    setting,
    title,
)
from phenotyper.present.plots.values import matrix_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_CELLS = 200
HEIGHT = 3.9
_SHADES = mpl.colormaps["Blues"]
_SCALE = PowerNorm(0.5, 0, 1)
_ABSENT: Any = {"facecolor": "#f2f2f2", "edgecolor": "#b0b0b0", "hatch": "//////", "linewidth": 0}
_GAP, _BAR = 0.025, 0.03
_HEAT, _PROFILE = 0.76, (0.81, 0.19)
_POINTS_A_NAME = 7.0


class _Held(NamedTuple):
    """What a block holds: which values are missing, patients x features, and whose rows they are."""

    lacking: NDArray[np.bool_]
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class _Block:
    """One block: who has it (in the order drawn), its features' missing shares (most first), the cells."""

    name: str
    present: NDArray[np.bool_]
    features: tuple[str, ...]
    by_feature: Floats
    cells: Floats


@dataclass(frozen=True)
class _Place:
    """Where a block's panel stands: left edge and width as shares of the frame, width in points."""

    left: float
    width: float
    points: float
    first: bool

    @property
    def letters(self) -> int:
        """Letters that fit on a line."""
        return max(6, int(self.points / (0.6 * point_size("xtick.labelsize"))))


def plot_missingness(cohort: MuData, *, ax: Axes | None = None) -> Axes:
    """Draw what is missing, block by block.

    Each block is a panel. Above: the share of its patients that lacks each feature, most missing first.
    Below: patients (most blocks first, then fewest missing values) by features, in at most 200 x 200
    cells of averages; patients without the block are hatched.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.
    ax : Axes, optional
        Axes whose area takes the whole picture, their own axis switched off. For a narrow column give axes of
        that width: the headings fold to it.

    Returns
    -------
    Axes
        The frame; its panels are ``child_axes``. A notebook shows it.
    """
    blocks = _summaries(cohort)
    n, count = len(patients_of(cohort)), len(blocks)
    with drawing(ax, size=(1.5 + max(1.15 * count, 1.8), HEIGHT)) as frame:
        frame.set_axis_off()
        places = _places(frame, count)
        headings = [_heading(block, place.letters) for block, place in zip(blocks, places, strict=True)]
        highest = max([0.1, *(float(block.by_feature.max()) for block in blocks)])
        for block, place, heading in zip(blocks, places, headings, strict=True):
            _draw_profile(frame, block, place=place, highest=highest, heading=heading)
            _draw_cells(frame, block, place=place)
        _key(frame, absent=any(not block.present.all() for block in blocks))
        what = f"Missing values: {n:,} patients, {number_of(count, 'block')}"
        lines = max(heading.count("\n") + 1 for heading in headings)
        title(frame, what, pad=lines * point_size("xtick.labelsize") * 1.25 + 10)
    return frame


def _summaries(cohort: MuData) -> list[_Block]:
    ids = patients_of(cohort).index
    names = [name for name in block_names(cohort) if cohort[name].n_vars]
    held = [
        _Held(np.isnan(matrix_of(cohort[name])), ids.get_indexer(cohort[name].obs_names)) for name in names
    ]
    rank = np.argsort(_order(len(ids), held))
    return [
        _summary(name, tuple(cohort[name].var_names), block, rank)
        for name, block in zip(names, held, strict=True)
    ]


def _order(n: int, blocks: list[_Held]) -> NDArray[np.intp]:
    """Return the patients sorted: most blocks first, the same blocks together, then fewest missing values."""
    present = np.zeros((n, len(blocks)), dtype=bool)
    missing, asked = np.zeros(n), np.zeros(n)
    for place, (lacking, rows) in enumerate(blocks):
        present[rows, place] = True
        missing[rows] += lacking.sum(axis=1)
        asked[rows] += lacking.shape[1]
    share = missing / np.maximum(asked, 1)
    return np.lexsort((share, *(~present).T[::-1], -present.sum(axis=1)))


def _summary(name: str, features: tuple[str, ...], block: _Held, rank: NDArray[np.intp]) -> _Block:
    rows = rank[block.rows]
    by_feature = block.lacking.mean(axis=0) if len(rows) else np.zeros(len(features))
    columns = np.argsort(-by_feature, kind="stable")
    present = np.zeros(len(rank), dtype=bool)
    present[rows] = True
    cells = _cells(block.lacking, rows, columns, n=len(rank))
    return _Block(name, present, tuple(features[column] for column in columns), by_feature[columns], cells)


def _cells(
    lacking: NDArray[np.bool_], place: NDArray[np.intp], columns: NDArray[np.intp], *, n: int
) -> Floats:
    """Average to at most 200 x 200 cells; NaN where no patient of the cell has the block."""
    height = min(n, MOST_CELLS)
    bands = place * height // n
    held = np.bincount(bands, minlength=height)
    groups = np.array_split(columns, min(len(columns), MOST_CELLS))
    sums = np.stack(
        [np.bincount(bands, weights=lacking[:, group].mean(axis=1), minlength=height) for group in groups],
        axis=1,
    )
    return np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], np.nan)


def _places(frame: Axes, count: int) -> list[_Place]:
    width = (1 - _BAR - _GAP * count) / count
    return [
        _Place(at * (width + _GAP), width, points_of(frame)[0] * width, first=at == 0) for at in range(count)
    ]


def _heading(block: _Block, letters: int) -> str:
    has, of = int(block.present.sum()), len(block.present)
    values = has * len(block.by_feature)
    missing = percent(round(float(block.by_feature.mean()) * values), values)
    lines = (clean(block.name, 24), f"n = {has:,} ({percent(has, of)})", f"{missing} missing")
    return "\n".join(fold(line, letters) for line in lines)


def _draw_profile(frame: Axes, block: _Block, *, place: _Place, highest: float, heading: str) -> None:
    """Draw the features' missing shares, most first, above their columns of cells."""
    panel = frame.inset_axes((place.left, _PROFILE[0], place.width, _PROFILE[1]))
    edges = np.arange(len(block.by_feature) + 1)
    panel.stairs(block.by_feature, edges, fill=True, color=_SHADES(0.75), linewidth=0)
    panel.set_xlim(0, len(block.by_feature))
    panel.set_ylim(0, min(1.0, highest * 1.05))
    panel.set_xticks([])
    panel.spines[["top", "right"]].set_visible(False)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    panel.locator_params(axis="y", nbins=3)
    if place.first:
        panel.set_ylabel("missing", fontsize="small")
    else:
        panel.tick_params(labelleft=False)
    panel.set_title(heading, loc="left", fontsize=setting("xtick.labelsize"))


def _draw_cells(frame: Axes, block: _Block, *, place: _Place) -> None:
    panel = frame.inset_axes((place.left, 0.0, place.width, _HEAT))
    across, n = len(block.by_feature), len(block.present)
    for start, end in _runs(~block.present):
        panel.add_patch(Rectangle((0, start), across, end - start, zorder=0, **_ABSENT))
    cells = panel.imshow(
        np.ma.masked_invalid(block.cells), cmap=_SHADES, norm=_SCALE, interpolation="nearest"
    )
    cells.set_extent((0, across, n, 0))
    panel.set_aspect("auto")
    panel.set_yticks([])
    _name_features(panel, block, place=place)
    if place.first:
        panel.set_ylabel(f"{n:,} patients, sorted", fontsize="small")
    for spine in panel.spines.values():
        spine.set(visible=True, color="#999999", linewidth=0.5)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and one past the last position of each run of True.

    Examples
    --------
    >>> _runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    steps = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _name_features(panel: Axes, block: _Block, *, place: _Place) -> None:
    """Name the features where there is room, else count them."""
    across = len(block.by_feature)
    if across * _POINTS_A_NAME <= place.points:
        names = [clean(name, 20) for name in block.features]
        panel.set_xticks(np.arange(across) + 0.5, names, rotation=90, fontsize="x-small")
        panel.tick_params(axis="x", length=0)
    else:
        panel.set_xticks([])
        panel.set_xlabel(fold(f"{across:,} features", place.letters), fontsize="small")


def _key(frame: Axes, *, absent: bool) -> None:
    left = 1 - _BAR + 0.01
    place = frame.inset_axes((left, 0.3, _BAR, _HEAT - 0.3))
    shades = ScalarMappable(_SCALE, _SHADES)
    bar = figure_of(frame).colorbar(shades, cax=place, ticks=[0, 0.05, 0.25, 0.5, 1])
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    place.set_title("missing\nin cell", loc="left", fontsize="small")
    if absent:
        patch, at = Patch(**_ABSENT), (left, 0.24)
        legend = frame.legend(
            [patch], ["block\nabsent"], loc="upper left", bbox_to_anchor=at, handlelength=1.4
        )
        legend.set_frame_on(False)
