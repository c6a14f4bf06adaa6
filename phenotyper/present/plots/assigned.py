"""New patients on the map of a fit, about where they would lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from phenotyper.present.plots.keys import Entry, dot, legend_right
from phenotyper.present.plots.map import SIZE, plot_map
from phenotyper.present.plots.style import (
    RASTER_ABOVE,
    UNASSIGNED,
    UNASSIGNED_COLOUR,
    colour_of,
    counted,
    drawing,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from phenotyper.discover.assignment import Assignment
    from phenotyper.discover.phenotypes import Phenotypes

FAINT = 0.22
RING = 0.9


def plot_assigned(assignment: Assignment, found: Phenotypes, *, ax: Axes | None = None) -> Axes:
    """Draw new patients as rings on the map of the patients of the fit, which is drawn faintly.

    A map has no place for anybody new: each ring lies among the groups of patients of the fit whose scores
    are nearest. Who is placed where was decided in the space of the scores, not on the map.

    Parameters
    ----------
    assignment : Assignment
        From :func:`phenotyper.assign`.
    found : Phenotypes
        The fit that they were placed in.
    ax : Axes, optional
        Axes to draw on.

    Returns
    -------
    Axes
        The map; a notebook shows it.
    """
    with drawing(ax, size=SIZE) as axes:
        plot_map(found, ax=axes)
        for layer in axes.collections:
            layer.set_alpha(FAINT)
        _rings(axes, assignment)
        legend_right(axes, _entries(assignment, found), heading="New patients (approximate position)")
        number = f"{assignment.n_patients:,} new patient{'' if assignment.n_patients == 1 else 's'}"
        title(axes, f"{number}, {100 * assignment.coverage:.0f} % placed", assignment.status)
    return axes


def _rings(axes: Axes, assignment: Assignment) -> None:
    table = assignment.table
    table = table[np.isfinite(table["map_x"]) & np.isfinite(table["map_y"])]
    order = np.random.default_rng(0).permutation(len(table))
    few = len(table) <= RASTER_ABOVE
    colours = np.array([_colour(name) for name in table["subphenotype"]], dtype=object)
    axes.scatter(
        table["map_x"].to_numpy()[order],
        table["map_y"].to_numpy()[order],
        s=float(np.clip(9000 / max(len(table), 1), 3, 20)),
        facecolors="none",
        edgecolors=list(colours[order]),
        linewidths=RING if few else RING / 2,
        zorder=3,
        rasterized=not few,
    )


def _entries(assignment: Assignment, found: Phenotypes) -> list[Entry]:
    entries = [(counted(name, n), _ring(_colour(name))) for name, n in assignment.sizes.items()]
    absent = int((~np.isfinite(assignment.table["map_x"])).sum())
    if absent:
        entries.append((counted("not on the map", absent), dot("none")))
    fitted = dot("#d0d0d0")
    return [*entries, (counted("patients of the fit", len(found.table)), fitted)]


def _colour(name: str) -> str:
    return UNASSIGNED_COLOUR if name == UNASSIGNED else colour_of(name)


def _ring(colour: str) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker="o",
        markersize=4.5,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=RING,
    )
