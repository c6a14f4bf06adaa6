"""The annotated heatmap: features of all blocks by patients, who are grouped by subphenotype."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from phenotyper.cohort.container import block_names
from phenotyper.outcomes.groups import UNASSIGNED, groups_of
from phenotyper.outcomes.wording import percent
from phenotyper.present.plots.heatmap_rows import (
    Group,
    Rows,
    asked_for,
    averaged,
    columns_of,
    in_order,
    most_different,
    note_of,
    rows_of,
    tops_of,
)
from phenotyper.present.plots.keys import Section, keys_right, scale_line, swatch_line
from phenotyper.present.plots.strips import Strip, strip_of, strip_section
from phenotyper.present.plots.style import (
    FAINT_INK,
    PictureAxes,
    clean,
    colour_of,
    counted,
    drawing,
    fold,
    point_size,
    points_of,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.phenotypes import Phenotypes
    from phenotyper.outcomes.groups import Groups

    Floats = NDArray[np.float64]

WIDTH = 7.2
_ROW, _STRIP = 0.135, 0.125
_LEAST_ROW_POINTS = 6.5
_KEY_LINE, _HIGHEST_KEYS = 0.13, 3.6
_MISSING: Any = {"facecolor": "#efefef", "edgecolor": "#b9b9b9", "hatch": "////////", "linewidth": 0}
_COLOURS = mpl.colormaps["RdBu_r"]


def plot_heatmap(
    found: Phenotypes,
    cohort: MuData,
    *,
    features: Sequence[str] | None = None,
    most: int = 40,
    annotate: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw features of all blocks for every patient, grouped by subphenotype, the unassigned last.

    Values are z-scores on the scale of the fit; missing ones are hatched grey, never 0. Within a subphenotype
    similar patients are neighbours. Above 2,000 patients columns are averages of neighbours.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes.
    cohort : MuData
        Their cohort.
    features : sequence of str, optional
        ``"block:feature"``, or the name of a block for those of its features that differ most. By default the
        features of all blocks that differ most between the subphenotypes, each choosing in its turn.
    most : int
        Features chosen where they are not named one by one.
    annotate : sequence of str
        Strips above: ``"age"``, ``"site"``, an outcome, a known class, any column or ``"block:feature"``.
    ax : Axes, optional
        Axes whose area takes the picture, their own axis switched off.

    Returns
    -------
    Axes
        The frame; its ``child_axes`` are the strips and the heatmap. A notebook shows it.

    Raises
    ------
    ResultError
        OTHER_COHORT: the subphenotypes are of other patients. UNKNOWN_NAME: no feature, but a column.
    CohortError
        UNKNOWN_NAME: neither a column nor a feature.
    """
    every = rows_of(found, cohort)
    groups = groups_of(found, every.ids)
    rows, what = _chosen(every, groups, cohort, features=features, most=max(most, 0))
    columns = columns_of(rows, groups)
    strips = [
        strip_of(cohort, name, every.ids, turn=turn)
        for turn, name in enumerate(dict.fromkeys(_list(annotate)))
    ]
    tops = tops_of(rows)
    above = _STRIP * (len(strips) + 1) + 0.05
    high = max(_ROW * (tops[-1] + 1 if tops else 8), _high_for_keys(groups, strips) - above)
    with drawing(ax, size=(WIDTH, high + above + 1.0)) as frame:
        frame.set_axis_off()
        share = above / (high + above)
        panel = frame.inset_axes((0.0, 0.0, 1.0, 1 - share))
        band = frame.inset_axes((0.0, 1 - share, 1.0, share))
        norm = _scale(rows)
        _draw_cells(panel, rows, columns, tops, norm=norm)
        aside = _name_rows(panel, rows, tops, frame)
        _draw_strips(band, columns, strips)
        keys_right(frame, _keys(rows, groups, columns, strips, norm), aside=aside)
        _write_note(panel, frame, note_of(rows, columns, groups))
        title(frame, what, found.status, pad=18)
    return frame


def _chosen(
    every: Rows, groups: Groups, cohort: MuData, *, features: Sequence[str] | None, most: int
) -> tuple[Rows, str]:
    """Return the rows to draw, in order, and a heading."""
    codes, k, blocks = groups.codes, len(groups.names), block_names(cohort)
    if features is None:
        which = most_different(every.values, codes, k, most=most)
        rows = in_order(every, which, codes, k, blocks=blocks)
        shown, of = (len({(row.block, row.feature) for row in some.rows}) for some in (rows, every))
        how = "that differ most" if k > 1 else "known in most patients"
        what = f"{shown:,} of {of:,} features, those {how}" if shown < of else f"{of:,} features"
        return rows, f"Heatmap: {what}{', no subphenotypes' * (k == 0)}"
    every, named, possible = asked_for(every, cohort, _list(features))
    best = most_different(every.values[:, possible], codes, k, most=max(most - len(named), 0))
    rows = in_order(every, [*named, *(possible[at] for at in best)], codes, k, blocks=blocks)
    shown = len({(row.block, row.feature) for row in rows.rows})
    return rows, f"Heatmap: {shown:,} feature{'s' * (shown != 1)}{', no subphenotypes' * (k == 0)}"


def _list(names: Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _high_for_keys(groups: Groups, strips: list[Strip]) -> float:
    """Return the inches that the keys want in one column, up to a limit; beyond it they take several."""
    lines = 4.0 + len(groups.names) + sum(len(strip.levels) + 3.0 for strip in strips)
    return min(lines * _KEY_LINE, _HIGHEST_KEYS)


def _scale(rows: Rows) -> Normalize:
    known = np.abs(rows.values[np.isfinite(rows.values)])
    limit = float(np.clip(np.ceil(2 * np.percentile(known, 98)) / 2, 1.0, 3.0)) if known.size else 1.0
    return Normalize(-limit, limit)


def _draw_cells(panel: Axes, rows: Rows, columns: list[Group], tops: list[float], *, norm: Normalize) -> None:
    starts = [at for at in range(len(tops)) if at == 0 or rows.rows[at].block != rows.rows[at - 1].block]
    for group in columns:
        cells = averaged(rows.values, group.bins).T
        for first, last in pairwise([*starts, len(tops)]):
            left, right, top, bottom = group.start, group.start + group.n, tops[first], tops[last - 1] + 1
            panel.add_patch(Rectangle((left, top), group.n, bottom - top, zorder=0, **_MISSING))
            image = panel.imshow(
                np.ma.masked_invalid(cells[first:last]),
                cmap=_COLOURS,
                norm=norm,
                interpolation="nearest",
                zorder=1,
            )
            image.set_extent((left, right, bottom, top))
    panel.set_aspect("auto")
    panel.set_xlim(0, _end(columns))
    panel.set_ylim(tops[-1] + 1 if tops else 1, 0)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    if not tops:
        said = "no feature varies and is known in enough patients"
        panel.text(0.5, 0.5, said, transform=panel.transAxes, ha="center", va="center", color=FAINT_INK)


def _end(columns: list[Group]) -> float:
    return columns[-1].start + columns[-1].n if columns else 1.0


def _name_rows(panel: Axes, rows: Rows, tops: list[float], frame: Axes) -> float:
    """Write features at the left where there is room, blocks at the right; return the points these take."""
    if not tops:
        return 8.0
    if points_of(frame)[1] * 0.85 / (tops[-1] + 1) >= _LEAST_ROW_POINTS:
        panel.set_yticks(np.array(tops) + 0.5, [row.label for row in rows.rows], fontsize="x-small")
        panel.tick_params(length=0, pad=2)
    else:
        panel.set_ylabel(f"{len(tops):,} rows", fontsize="small")
    names = list(dict.fromkeys(row.block for row in rows.rows))
    if len(names) < 2:
        return 8.0
    for name in names:
        mine = [top for top, row in zip(tops, rows.rows, strict=True) if row.block == name]
        panel.annotate(
            clean(name, 16),
            (1.0, (mine[0] + mine[-1] + 1) / 2),
            xycoords=panel.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="x-small",
            fontweight="bold",
            annotation_clip=False,
        )
    return 10.0 + 0.5 * point_size("font.size") * max(len(clean(name, 16)) for name in names)


def _draw_strips(band: Axes, columns: list[Group], strips: list[Strip]) -> None:
    """Draw the annotations, the subphenotypes below them, and the letters above."""
    for group in columns:
        colour = mpl.colors.to_rgb(colour_of(group.name))
        pictures = [np.array([[colour]]), *(strip.picture(group.bins) for strip in strips[::-1])]
        for at, picture in enumerate(pictures):
            image = band.imshow(picture, interpolation="nearest")
            image.set_extent((group.start, group.start + group.n, at + 0.12, at + 0.94))
    band.set_aspect("auto")
    band.set_xlim(0, _end(columns))
    band.set_ylim(0, len(strips) + 1.0)
    band.set_xticks([])
    labels = ["subphenotype", *(clean(strip.label, 34) for strip in strips[::-1])]
    band.set_yticks(np.arange(len(labels)) + 0.53, labels, fontsize="x-small")
    band.tick_params(length=0, pad=2)
    band.spines[:].set_visible(False)
    _letters(band, columns)


def _letters(band: Axes, columns: list[Group]) -> None:
    """Write names above the groups, larger ones first; where they would meet, the key must do."""
    point = _end(columns) / max(points_of(band)[0] * 0.6, 1e-9)
    taken: list[tuple[float, float]] = []
    for group in sorted(columns, key=lambda one: (one.name == UNASSIGNED, -one.n)):
        outside = group.name == UNASSIGNED
        middle, half = group.start + group.n / 2, (22.0 if outside else 4.0 + 2.0 * len(group.name)) * point
        if any(abs(middle - other) < half + room for other, room in taken):
            continue
        taken.append((middle, half))
        band.annotate(
            group.name,
            (middle, 1.0),
            xycoords=band.get_xaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize="x-small" if outside else "small",
            fontweight="normal" if outside else "bold",
            annotation_clip=False,
        )


def _keys(
    rows: Rows, groups: Groups, columns: list[Group], strips: list[Strip], norm: Normalize
) -> list[Section]:
    sections: list[Section] = []
    if rows.rows:
        limit = f"{norm.vmax:g}"
        missing, cells = int(np.isnan(rows.values).sum()), rows.values.size
        lines = [scale_line(ScalarMappable(norm, _COLOURS), f"\u2264 \u2212{limit}", f"\u2265 {limit}")]
        if missing:
            what = "missing or left out" if any(row.left_out for row in rows.rows) else "missing"
            lines.append(swatch_line(f"{what}, {percent(missing, cells)} of cells", **_MISSING))
        sections.append(("z-score", lines))
    members = [
        swatch_line(counted(name, int(groups.mask(name).sum())), facecolor=colour_of(name))
        for name in (*groups.names, UNASSIGNED)
    ]
    return [*sections, ("Subphenotype", members), *(strip_section(strip) for strip in strips)]


def _write_note(panel: Axes, frame: Axes, text: str) -> None:
    """Write below the heatmap: to the edge of our own figures, as wide as axes that the caller gave."""
    own = isinstance(frame, PictureAxes)
    if not own:
        text = fold(text, max(24, int(points_of(frame)[0] / (0.4 * point_size("font.size")))))
    panel.set_xlabel(text, loc="left", fontsize="x-small", color=FAINT_INK, wrap=own)
