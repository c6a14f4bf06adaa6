"""Ranked standardised means: which features set the subphenotypes apart, and in which direction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.container import block_names
from phenotyper.errors import Problem, ResultError, did_you_mean, listed
from phenotyper.outcomes.groups import groups_of
from phenotyper.outcomes.means import standardised_means
from phenotyper.present.plots.keys import dot, legend_right
from phenotyper.present.plots.style import FAINT_INK, clean, colour_of, counted, drawing, point_size, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mudata import MuData

MOST = 25
WIDTH = 5.6
_ROW, _EDGES, _LETTERS = 0.17, 1.1, 34
_SPREAD = 0.5
"""Share of a row's height over which its subphenotypes are spread, so that no interval hides another."""


def plot_means(
    found: Any,
    cohort: MuData,
    *,
    features: Sequence[str] | None = None,
    most: int = MOST,
    ax: Axes | None = None,
) -> Axes:
    """Draw the standardised mean of each feature in each subphenotype, the most separating first.

    Dots are means in standard deviations of the whole cohort, bars 95 % intervals. No test: these features
    made the groups.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes.
    cohort : MuData
        Their cohort.
    features : sequence of str, optional
        Features to draw, as ``"crp"`` or ``"labs:crp"``; by default the ``most`` that separate most.
    most : int
        How many.
    ax : Axes, optional
        Axes to draw on.

    Returns
    -------
    Axes
        A notebook shows it.

    Raises
    ------
    ResultError
        UNKNOWN_NAME: the cohort has no such feature. OTHER_COHORT: another cohort's result.
    """
    means = standardised_means(found, cohort)
    chosen = _chosen(means, cohort, features=features, most=most)
    rows = list(dict.fromkeys(zip(chosen["block"], chosen["feature"], chosen["level"], strict=True)))
    groups = groups_of(
        found, [patient for patient in cohort.obs_names if patient in set(found.table["patient_id"])]
    )
    with drawing(ax, size=(WIDTH, _EDGES + _ROW * max(len(rows), 4))) as axes:
        if rows:
            _draw(axes, chosen, rows, names=groups.names)
            entries = [
                (counted(name, int(groups.mask(name).sum())), dot(colour_of(name))) for name in groups.names
            ]
            legend_right(axes, entries)
            axes.set_xlabel("mean, in standard deviations\nof all patients (95 % interval)")
        else:
            _say(axes, "no subphenotypes" if not groups.names else "no feature with two values in a group")
        title(axes, _heading(rows, means), groups.status)
    return axes


def _heading(rows: list[tuple[str, str, str]], means: pd.DataFrame) -> str:
    total = means[["block", "feature", "level"]].drop_duplicates().shape[0]
    return (
        f"Standardised means, {len(rows):,} of {total:,} features"
        if len(rows) < total
        else "Standardised means"
    )


def _chosen(
    means: pd.DataFrame, cohort: MuData, *, features: Sequence[str] | None, most: int
) -> pd.DataFrame:
    if features is None:
        usable = means[means["separation"].notna()]
        keys = usable.drop_duplicates(["block", "feature", "level"])
        keys = keys.sort_values("separation", ascending=False, kind="stable").head(most)
        order = {key: place for place, key in enumerate(_keys(keys))}
        kept = usable[np.array([key in order for key in _keys(usable)], dtype=bool)]
        return kept.iloc[np.argsort([order[key] for key in _keys(kept)], kind="stable")]
    known = {f"{block}:{name}" for block in block_names(cohort) for name in cohort[block].var_names}
    plain = {text.partition(":")[2] for text in known}
    unknown = [name for name in features if name not in known and name not in plain]
    if unknown:
        raise ResultError(
            Problem(
                "UNKNOWN_NAME",
                f"the cohort has no feature {listed(unknown)}",
                f'Give "feature" or "block:feature".{did_you_mean(unknown[0], plain | known)}',
            )
        )
    wanted = [means[(means["feature"] == name) | (_full(means) == name)] for name in features]
    return pd.concat(wanted) if wanted else means.iloc[:0]


def _keys(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(zip(table["block"], table["feature"], table["level"], strict=True))


def _full(table: pd.DataFrame) -> pd.Series:
    return table["block"].str.cat(table["feature"], sep=":")


def _draw(
    axes: Axes, chosen: pd.DataFrame, rows: list[tuple[str, str, str]], *, names: tuple[str, ...]
) -> None:
    place = {row: len(rows) - 1 - at for at, row in enumerate(rows)}
    offset = np.linspace(_SPREAD / 2, -_SPREAD / 2, len(names)) if len(names) > 1 else np.zeros(1)
    axes.axvline(0, color=FAINT_INK, linewidth=0.7, zorder=0)
    for at in range(0, len(rows), 2):
        axes.axhspan(at - 0.5, at + 0.5, color="#f5f5f5", linewidth=0, zorder=-1)
    for name, aside in zip(names, offset, strict=True):
        mine = chosen[chosen["subphenotype"] == name]
        y = np.array([place[key] for key in _keys(mine)], dtype=float) + aside
        x, low, high = (mine[column].to_numpy(dtype=float) for column in ("mean", "ci_low", "ci_high"))
        colour = colour_of(name)
        axes.hlines(y, low, high, color=colour, linewidth=1.1, alpha=0.65)
        axes.plot(x, y, linestyle="none", marker="o", markersize=3.6, color=colour, markeredgewidth=0)
    twice = Counter(label for _, label in _labels(chosen, rows))
    many_blocks = chosen["block"].nunique() > 1
    texts = [
        clean(f"{label} ({block})" if twice[label] > 1 and many_blocks else label, longest=_LETTERS)
        for (block, _, _), (_, label) in zip(rows, _labels(chosen, rows), strict=True)
    ]
    axes.set_yticks([place[row] for row in rows], texts)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _labels(chosen: pd.DataFrame, rows: list[tuple[str, str, str]]) -> list[tuple[tuple[str, str, str], str]]:
    label = dict(zip(_keys(chosen), chosen["label"], strict=True))
    return [(row, f"{label[row]}: {row[2]}" if row[2] else label[row]) for row in rows]


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.0, 0.9, text, transform=axes.transAxes, color=FAINT_INK, fontsize=point_size("font.size"))
