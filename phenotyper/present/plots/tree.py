"""The condensed tree of the layout that agrees best with the others: where density splits into groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.present.plots.keys import dot, legend_right
from phenotyper.present.plots.style import (
    FAINT_INK,
    OTHER_COLOUR,
    UNASSIGNED,
    blend,
    colour_of,
    counted,
    drawing,
    point_size,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDTH, HEIGHT = 4.6, 3.2
_MAJORITY = 0.5
_STEPS = 200


@dataclass(frozen=True, eq=False)
class Branch:
    """One branch of the tree.

    Parameters
    ----------
    number, parent : int
        Its own number and its parent's (-1 for the root).
    birth : float
        Density (1 / distance) at which it parts from its parent.
    leaves : ndarray
        Density at which each patient leaves it for good, those of its children left out.
    points : ndarray of int
        Rows of the patients who leave it.
    """

    number: int
    parent: int
    birth: float
    leaves: Floats
    points: NDArray[np.intp]


def plot_tree(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the condensed tree (Campello 2013) as icicles: wide where many patients are, down to high density.

    A branch has the colour of the subphenotype that most of its patients belong to; branches of mixed or
    unassigned patients are grey. The tree is that of one layout, the groups are the consensus of all.

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
    tree = np.asarray(found.tree, dtype=float).reshape(-1, 4)
    branches = branches_of(tree, len(found.table))
    labels = found.table["subphenotype"].to_numpy(dtype=str)
    with drawing(ax, size=(WIDTH, HEIGHT)) as axes:
        if branches:
            _draw(axes, branches, labels)
            _scales(axes, branches)
            entries = [
                (counted(name, found.sizes[name]), dot(colour_of(name)))
                for name in (*found.names, UNASSIGNED)
                if found.sizes[name]
            ]
            legend_right(axes, entries)
        else:
            axes.set_axis_off()
            said = "no tree: too few different profiles to lay the patients out"
            axes.text(
                0.0, 0.9, said, transform=axes.transAxes, color=FAINT_INK, fontsize=point_size("font.size")
            )
        title(axes, "Condensed tree of one layout", found.status)
    return axes


def branches_of(tree: Floats, n_patients: int) -> list[Branch]:
    """Return the branches of a condensed tree, parents before children.

    Parameters
    ----------
    tree : ndarray, shape (m, 4)
        Parent, child, density, size; children below ``n_patients`` are patients (rows of the table).
    n_patients : int
        Patients of the table.
    """
    if not len(tree):
        return []
    parent, child, density = tree[:, 0].astype(int), tree[:, 1].astype(int), tree[:, 2]
    largest = density[np.isfinite(density)].max(initial=1.0)
    density = np.where(np.isfinite(density), density, largest)
    point = child < n_patients
    born = {
        int(one): (int(of), float(at))
        for of, one, at in zip(parent[~point], child[~point], density[~point], strict=True)
    }
    found = []
    for number in sorted(set(parent.tolist())):
        mine = point & (parent == number)
        of, at = born.get(number, (-1, 0.0))
        found.append(Branch(number, of, at, density[mine], child[mine]))
    return found


def _members(branches: list[Branch]) -> dict[int, NDArray[np.intp]]:
    """Return the patients of each branch, those of its children included."""
    own = {branch.number: [branch.points] for branch in branches}
    for branch in reversed(branches):
        if branch.parent >= 0:
            own[branch.parent] += own[branch.number]
    return {number: np.concatenate(parts) for number, parts in own.items()}


def _colour(labels: NDArray[np.str_]) -> str:
    names, counts = np.unique(labels, return_counts=True)
    top = int(np.argmax(counts))
    if counts[top] <= _MAJORITY * len(labels) or names[top] == UNASSIGNED:
        return blend(OTHER_COLOUR, "white", 0.6)
    return blend(
        colour_of(str(names[top])), "white", 0.45 * (1 - counts[top] / len(labels)) / (1 - _MAJORITY)
    )


def _draw(axes: Axes, branches: list[Branch], labels: NDArray[np.str_]) -> None:
    members = _members(branches)
    children: dict[int, list[Branch]] = {}
    for branch in branches:
        children.setdefault(branch.parent, []).append(branch)
    lowest = min((float(branch.leaves.min()) for branch in branches if len(branch.leaves)), default=0.0)
    middle = {branches[0].number: 0.0}
    for branch in branches:
        below = children.get(branch.number, [])
        end = max([*(child.birth for child in below), *branch.leaves.tolist(), branch.birth])
        start = branch.birth if branch.parent >= 0 else lowest
        levels = np.linspace(start, end, _STEPS)
        width = (branch.leaves[None, :] >= levels[:, None]).sum(axis=1).astype(float)
        for child in below:
            width += np.where(levels <= child.birth, len(members[child.number]), 0)
        centre = middle[branch.number]
        colour = _colour(labels[members[branch.number]])
        axes.fill_betweenx(
            levels, centre - width / 2, centre + width / 2, color=colour, linewidth=0, zorder=2
        )
        left = centre - sum(len(members[child.number]) for child in below) / 2
        for child in below:
            size = len(members[child.number])
            middle[child.number] = left + size / 2
            left += size
            axes.plot(
                [middle[child.number] - size / 2, middle[child.number] + size / 2],
                [child.birth, child.birth],
                color="white",
                linewidth=0.8,
                zorder=3,
            )


def _scales(axes: Axes, branches: list[Branch]) -> None:
    every = np.concatenate([branch.leaves for branch in branches])
    high = float(np.quantile(every, 0.995))
    low = float(every.min())
    pad = 0.03 * max(high - low, 1e-9)
    axes.set_ylim(high + pad, max(0.0, low - pad))
    axes.set_ylabel("density (1 / distance)")
    axes.set_xticks([])
    axes.set_xlabel(f"patients (width), n = {len(every):,}")
    axes.spines["bottom"].set_visible(False)
