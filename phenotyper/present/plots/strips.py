"""Annotations along the patients of a picture: a strip of colours a variable, and its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb

from phenotyper.outcomes.wording import decimals_for, rounded
from phenotyper.present.plots.keys import Section, scale_line, swatch_line
from phenotyper.present.plots.style import (
    CATEGORY_COLOURS,
    MISSING_COLOUR,
    NUMBER_COLOURS,
    OTHER_COLOUR,
    category_colours,
    clean,
    counted,
    distinct,
)
from phenotyper.present.plots.values import values_of

if TYPE_CHECKING:
    from mudata import MuData
    from numpy.typing import NDArray

_WINSORISED = (2, 98)
_LETTERS = 24


@dataclass(frozen=True, eq=False)
class Strip:
    """One annotation of a list of patients.

    Parameters
    ----------
    label : str
        Name for a reader.
    data : ndarray, patients
        Numbers, or numbers of entries of ``levels``; NaN = missing.
    levels : tuple of (str, str, int)
        Name, colour and number of patients of each category; empty for numbers.
    limits : tuple of float
        Ends of the colours of numbers.
    """

    label: str
    data: NDArray[np.float64]
    levels: tuple[tuple[str, str, int], ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)

    @property
    def scale(self) -> ScalarMappable:
        """Colours of numbers."""
        return ScalarMappable(Normalize(*self.limits), mpl.colormaps[NUMBER_COLOURS])

    def picture(self, bins: Sequence[NDArray[np.intp]]) -> NDArray[np.float64]:
        """Return one row of colours, 1 x bins x 3: the mean, or the most frequent category, of each bin."""
        values = np.array([self._of(self.data[members]) for members in bins])
        missing = np.isnan(values)
        colours = np.tile(np.array(to_rgb(MISSING_COLOUR)), (len(values), 1))
        if self.levels:
            table = np.array([to_rgb(colour) for _, colour, _ in self.levels])
            colours[~missing] = table[values[~missing].astype(np.intp)]
        else:
            colours[~missing] = self.scale.to_rgba(values[~missing])[:, :3]
        return colours[None]

    def _of(self, part: NDArray[np.float64]) -> float:
        known = part[np.isfinite(part)]
        if not known.size:
            return float("nan")
        return float(np.bincount(known.astype(np.intp)).argmax()) if self.levels else float(known.mean())


def strip_of(cohort: MuData, name: str, ids: Sequence[str] | NDArray[np.str_], *, turn: int = 0) -> Strip:
    """Return the annotation of patients by a column or ``block:feature``.

    Parameters
    ----------
    cohort : MuData
        Their cohort.
    name : str
        As in ``values_of``.
    ids : sequence of str
        Patients in the order wanted.
    turn : int
        Number of the strip: neighbours begin at another colour.

    Raises
    ------
    CohortError
        UNKNOWN_NAME.
    """
    values = values_of(cohort, name).of([str(patient) for patient in ids])
    if not values.levels:
        data = values.data.to_numpy(dtype=np.float64)
        known = data[np.isfinite(data)]
        low, high = np.percentile(known, _WINSORISED) if known.size else (0.0, 1.0)
        return Strip(values.label, data, limits=(float(low), float(high if high > low else low + 1)))
    counts = {str(level): int(n) for level, n in values.data.value_counts().items()}
    shown, pooled = _shown(values.levels, counts, ordered=values.ordered)
    colours = _turned(shown, turn, ordered=values.ordered)
    levels = [(level, colours[level], counts.get(level, 0)) for level in shown]
    if pooled:
        others = sum(counts.get(level, 0) for level in pooled)
        levels.append((f"{len(pooled)} others", OTHER_COLOUR, others))
    code = {level: at for at, level in enumerate(shown)} | dict.fromkeys(pooled, len(shown))
    data = np.array([code.get(str(value), np.nan) if value is not None else np.nan for value in values.data])
    return Strip(values.label, data.astype(np.float64), tuple(levels))


def _shown(levels: Sequence[str], counts: dict[str, int], *, ordered: bool) -> tuple[list[str], list[str]]:
    """Return the levels with a colour of their own, and the rarest, pooled when there are too many."""
    if ordered or len(levels) <= len(CATEGORY_COLOURS):
        return list(levels), []
    frequent = sorted(levels, key=lambda level: -counts.get(level, 0))[: len(CATEGORY_COLOURS) - 1]
    return [one for one in levels if one in frequent], [one for one in levels if one not in frequent]


def _turned(levels: Sequence[str], turn: int, *, ordered: bool) -> dict[str, str]:
    if ordered:
        return category_colours(levels, ordered=True)
    palette = list(CATEGORY_COLOURS)
    first = (3 * turn) % len(palette)
    return dict(zip(levels, palette[first:] + palette[:first], strict=False))


def strip_section(strip: Strip) -> Section:
    """Return the key of an annotation: every category, or the ends of the scale, with numbers of patients."""
    missing = int(np.isnan(strip.data).sum())
    names = distinct([name for name, _, _ in strip.levels], _LETTERS)
    lines = [
        swatch_line(counted(shown, n), facecolor=colour)
        for shown, (_, colour, n) in zip(names, strip.levels, strict=True)
    ]
    heading = clean(strip.label, 44)
    if not strip.levels:
        known = len(strip.data) - missing
        if known:
            low, high = strip.limits
            decimals = decimals_for(high - low)
            ends = [rounded(end, decimals).replace("-", "\u2212") for end in (low, high)]
            lines.append(scale_line(strip.scale, *ends))
        heading = counted(heading, known)
    if missing:
        lines.append(swatch_line(counted("missing", missing), facecolor=MISSING_COLOUR))
    return heading, lines
