"""The map: every patient in two dimensions, by subphenotype or any variable. For eyes, not for claims."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from phenotyper.cohort.container import patients_of
from phenotyper.errors import Problem, ResultError
from phenotyper.outcomes.groups import groups_of
from phenotyper.present.plots.keys import ENTRIES_A_COLUMN, Entry, colour_bar_right, dot, legend_right
from phenotyper.present.plots.style import (
    CATEGORY_COLOURS,
    FAINT_INK,
    MISSING_COLOUR,
    NUMBER_COLOURS,
    OTHER_COLOUR,
    RASTER_ABOVE,
    UNASSIGNED,
    UNASSIGNED_COLOUR,
    category_colours,
    clean,
    colour_of,
    counted,
    drawing,
    halo,
    title,
)
from phenotyper.present.plots.values import Values, values_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.phenotypes import Phenotypes

SIZE = (4.6, 3.6)
Limits = tuple[float, float]
_WINSORISED = (2, 98)
OF_THE_FIT = ("probability", "membership")


def plot_map(
    found: Phenotypes,
    cohort: MuData | None = None,
    *,
    colour_by: str = "subphenotype",
    ax: Axes | None = None,
) -> Axes:
    """Draw the two-dimensional map of the patients.

    Parameters
    ----------
    found : Phenotypes
        Result of ``Recipe.fit``.
    cohort : MuData, optional
        Cohort of those patients; needed to colour by a variable.
    colour_by : str
        ``"subphenotype"``, ``"probability"``, ``"membership"``, a column of the patients (``"age"``) or
        ``"block:feature"``. Numbers are coloured between their 2nd and 98th percentile; missing values are
        light grey, below, and counted.
    ax : Axes, optional
        Axes to draw on.

    Returns
    -------
    Axes
        The map; a notebook shows it.

    Raises
    ------
    ResultError
        NEEDS_COHORT or OTHER_COHORT: the variable cannot be looked up for these patients.
    CohortError
        UNKNOWN_NAME: neither a column nor a feature.
    """
    if colour_by == "subphenotype":
        values = None
    elif colour_by in OF_THE_FIT:
        values = Values(f"{colour_by} (0 to 1)", _by_patient(found, colour_by).astype(float))
    else:
        values = _aligned(found, cohort, colour_by)
    with drawing(ax, size=SIZE) as axes:
        _frame(axes)
        _square(axes, found)
        if values is None:
            _draw_subphenotypes(axes, found)
        elif values.levels:
            _draw_categories(axes, found, values)
        else:
            _draw_numbers(axes, found, values, limits=(0.0, 1.0) if colour_by in OF_THE_FIT else None)
        _letters(axes, found)
        title(axes, _heading(found, values), found.status)
    return axes


def _by_patient(found: Phenotypes, column: str) -> pd.Series:
    return found.table.set_index("patient_id")[column]


def _aligned(found: Phenotypes, cohort: MuData | None, name: str) -> Values:
    if cohort is None:
        what = f'the map cannot be coloured by "{name}" without the cohort'
        raise ResultError(Problem("NEEDS_COHORT", what, "Give it: plot_map(found, cohort, colour_by=...)."))
    groups_of(found, patients_of(cohort).index)
    return values_of(cohort, name).of(found.table["patient_id"])


def _heading(found: Phenotypes, values: Values | None) -> str:
    if values is not None:
        return f"Map by {values.label}"
    count = len(found.names)
    if count == 0:
        return "Map: no subphenotypes"
    return f"Map: {count} subphenotype{'s' if count > 1 else ''}"


def _frame(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_box_aspect(1)
    axes.set_anchor("W")
    faint: Any = {"fontsize": "small", "color": FAINT_INK}
    axes.set_xlabel("UMAP 1\n(distances between groups carry no meaning)", loc="left", **faint)
    axes.set_ylabel("UMAP 2", loc="bottom", **faint)
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#bbbbbb")


def _square(axes: Axes, found: Phenotypes) -> None:
    """Show the same range along both axes, so that distances mean the same both ways."""
    places = found.table[["map_x", "map_y"]].to_numpy(dtype=float)
    places = places[np.isfinite(places).all(axis=1)]
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
        (x, y), half = (low + high) / 2, max(float((high - low).max()), 1e-6) * 0.56
        axes.set_xlim(x - half, x + half)
        axes.set_ylim(y - half, y + half)


def _scatter(axes: Axes, table: pd.DataFrame, colours: Any, *, above: int, total: int) -> None:
    """Draw points in an order that favours no group."""
    order = np.random.default_rng(0).permutation(len(table))
    few = total <= RASTER_ABOVE
    axes.scatter(
        table["map_x"].to_numpy()[order],
        table["map_y"].to_numpy()[order],
        s=float(np.clip(7000 / max(total, 1), 1.5, 18)),
        c=colours if isinstance(colours, str) else np.asarray(colours)[order],
        edgecolors="white" if few else "none",
        linewidths=0.25 if few else 0,
        zorder=above,
        rasterized=not few,
    )


def _placed(found: Phenotypes) -> tuple[pd.DataFrame, list[Entry]]:
    """Return the patients with a place on the map, and a legend entry that counts the others."""
    on_map = np.isfinite(found.table["map_x"]) & np.isfinite(found.table["map_y"])
    absent = int((~on_map).sum())
    return found.table[on_map], [(counted("not on the map", absent), dot("none"))] if absent else []


def _draw_subphenotypes(axes: Axes, found: Phenotypes) -> None:
    table, absent = _placed(found)
    outside = table["subphenotype"].str.startswith(UNASSIGNED)
    inside = table[~outside]
    _scatter(axes, table[outside], UNASSIGNED_COLOUR, above=1, total=len(table))
    _scatter(axes, inside, [colour_of(name) for name in inside["subphenotype"]], above=2, total=len(table))
    entries = [(counted(name, n), dot(colour_of(name))) for name, n in found.sizes.items()]
    legend_right(axes, entries + absent, heading="Subphenotype")


def _draw_categories(axes: Axes, found: Phenotypes, values: Values) -> None:
    table, absent = _placed(found)
    data = values.of(table["patient_id"]).data
    counts = {str(level): int(n) for level, n in data.value_counts().items()}
    shown, pooled = _shown_levels(values, counts)
    colours = category_colours(shown, ordered=values.ordered)
    missing = data.isna().to_numpy()
    drawn = [colours.get(level, OTHER_COLOUR) for level in data[~missing]]
    _scatter(axes, table[missing], MISSING_COLOUR, above=1, total=len(table))
    _scatter(axes, table[~missing], drawn, above=2, total=len(table))
    entries = [(counted(clean(level, 24), counts.get(level, 0)), dot(colours[level])) for level in shown]
    if pooled:
        others = sum(counts.get(level, 0) for level in pooled)
        entries.append((counted(f"{len(pooled)} others", others), dot(OTHER_COLOUR)))
    legend_right(axes, entries + _missing_entry(missing) + absent, heading=values.label)


def _shown_levels(values: Values, counts: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Return the levels with a colour of their own, and the rarest, pooled when there are too many."""
    levels, most = list(values.levels), len(CATEGORY_COLOURS)
    if values.ordered or len(levels) <= most:
        return levels, []
    frequent = set(sorted(levels, key=lambda level: -counts.get(level, 0))[: most - 1])
    return [level for level in levels if level in frequent], [
        level for level in levels if level not in frequent
    ]


def _draw_numbers(axes: Axes, found: Phenotypes, values: Values, *, limits: Limits | None) -> None:
    table, absent = _placed(found)
    data = values.of(table["patient_id"]).data.to_numpy(dtype=float)
    missing = ~np.isfinite(data)
    known = data[~missing]
    colours = ScalarMappable(Normalize(*(limits or _limits(known))), mpl.colormaps[NUMBER_COLOURS])
    _scatter(axes, table[missing], MISSING_COLOUR, above=1, total=len(table))
    _scatter(axes, table[~missing], colours.to_rgba(known), above=2, total=len(table))
    if known.size:
        heading = f"{values.label}\nn = {known.size:,}"
        colour_bar_right(axes, colours, known, heading=heading)
        legend_right(axes, _missing_entry(missing) + absent, top=0.28)
    else:
        legend_right(axes, _missing_entry(missing) + absent, heading=values.label)


def _limits(data: NDArray[np.float64]) -> Limits:
    """Return the 2nd and 98th percentile, or what spans the data where these are the same."""
    if data.size == 0:
        return 0.0, 1.0
    for pair in (np.percentile(data, _WINSORISED), (data.min(), data.max())):
        low, high = (float(limit) for limit in pair)
        if high > low:
            return low, high
    return low - 0.5, high + 0.5


def _missing_entry(missing: NDArray[np.bool_]) -> list[Entry]:
    return [(counted("missing", int(missing.sum())), dot(MISSING_COLOUR))] if missing.any() else []


def _letters(axes: Axes, found: Phenotypes) -> None:
    """Write each subphenotype's letter on its most central patient, or beside it where letters overlap."""
    table, _ = _placed(found)
    groups = {
        name: table.loc[table["subphenotype"] == name, ["map_x", "map_y"]].to_numpy() for name in found.names
    }
    centres = {name: _centre(points) for name, points in groups.items() if len(points)}
    size = "large" if len(centres) <= ENTRIES_A_COLUMN else "small"
    look: Any = {"ha": "center", "va": "center", "weight": "bold", "size": size, "color": "black"}
    low, high = axes.get_xlim()
    places = _apart(np.array(list(centres.values())).reshape(-1, 2), least=0.05 * (high - low))
    for name, (x, y) in zip(centres, places, strict=True):
        axes.text(x, y, name, path_effects=halo(), zorder=5, **look)


def _centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the point nearest to the median."""
    nearest = np.argmin(((points - np.median(points, axis=0)) ** 2).sum(axis=1))
    return np.asarray(points[nearest])


def _apart(places: NDArray[np.float64], *, least: float) -> NDArray[np.float64]:
    """Push points that are nearer than ``least`` away from each other, a little at a time."""
    places = places.copy()
    for _ in range(50):
        still = True
        for first, second in combinations(range(len(places)), 2):
            away = places[second] - places[first]
            distance = float(np.hypot(*away))
            if distance < least:
                direction = away / distance if distance else np.array([1.0, 0.0])
                places[first] -= direction * (least - distance) / 2
                places[second] += direction * (least - distance) / 2
                still = False
        if still:
            break
    return places
