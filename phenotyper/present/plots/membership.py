"""How surely each patient belongs: the probability of every patient, sorted within each subphenotype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from phenotyper.discover.place import LEAST_PROBABILITY
from phenotyper.present.plots.style import (
    FAINT_INK,
    INK,
    RASTER_ABOVE,
    UNASSIGNED,
    colour_of,
    drawing,
    fold,
    point_size,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.6, 3.4
_GAP = 0.02
_LEAST_ROOM = 0.07
_NOTE_LETTERS = 30


def plot_membership(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how surely each patient is of his subphenotype: one bar a patient, sorted within the group.

    The probability holds given that the patient is of one of the subphenotypes; of the unassigned it is the
    largest of any, in grey, with the reasons counted beside. The line marks the probability from which a
    patient can be assigned.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes.
    ax : Axes, optional
        Axes to draw on.

    Returns
    -------
    Axes
        A notebook shows it.
    """
    table = found.table
    groups = [name for name in (*found.names, UNASSIGNED) if found.sizes[name]]
    with drawing(ax, size=(WIDTH, HEIGHT)) as axes:
        rooms = _rooms([found.sizes[name] for name in groups])
        top = 1.0
        for name, room in zip(groups, rooms, strict=True):
            mine = table[table["subphenotype"] == name]
            values = np.sort(mine["probability"].to_numpy(dtype=float))[::-1]
            edges = np.linspace(top, top - room, len(values) + 1)
            axes.fill_betweenx(
                np.repeat(edges, 2)[1:-1],
                np.repeat(values, 2),
                color=colour_of(name),
                linewidth=0,
                rasterized=len(table) > RASTER_ABOVE,
            )
            note = _note(name, values, mine["reason"].tolist() if "reason" in mine else [])
            axes.annotate(
                note,
                (1.0, top - room / 2),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                color=INK,
                fontsize=point_size("legend.fontsize"),
                annotation_clip=False,
            )
            top -= room + _GAP
        axes.axvline(LEAST_PROBABILITY, color=FAINT_INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlim(0, 1)
        axes.set_ylim(min(top + _GAP, 0.99), 1.0)
        axes.set_yticks([])
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_xlabel("probability of the subphenotype")
        axes.spines["left"].set_visible(False)
        title(axes, f"Probability of {len(table):,} patients", found.status)
    return axes


def _rooms(sizes: list[int]) -> list[float]:
    """Return the height of each group: by its size, but never too small for its words."""
    shares = np.array(sizes, dtype=float) / max(1, sum(sizes))
    room = np.maximum(shares, _LEAST_ROOM)
    return (room / room.sum()).tolist()


def _note(name: str, values: np.ndarray, reasons: list[str]) -> str:
    n = f"{name}, n = {len(values):,}"
    if name != UNASSIGNED:
        return f"{n}\nmedian {100 * np.median(values):.0f} %"
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons) if reason}
    said = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda it: -it[1]))
    return fold(f"{n}\n{said}" if said else n, _NOTE_LETTERS)
