"""What every picture shares: colours, local settings, axes that a notebook shows, small text helpers.

Nothing here touches pyplot, the backend or a global setting. A picture on the caller's axes keeps the
caller's style.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import Stroke, withStroke

from phenotyper.errors import OutputError, Problem

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000", "#f0e442")
"""Okabe and Ito's colours for A to H (yellow, faint on white, last)."""
UNASSIGNED = "unassigned"
UNASSIGNED_COLOUR = "#9a9a9a"
OTHER_COLOUR = "#5a5a5a"
MISSING_COLOUR = "#d9d9d9"
INK = "#222222"
FAINT_INK = "#666666"
CATEGORY_COLOURS = (
    "#332288",
    "#cc6677",
    "#44aa99",
    "#ddcc77",
    "#882255",
    "#88ccee",
    "#117733",
    "#aa4499",
    "#999933",
)
"""Tol's muted colours for categories, so that a site is not taken for a subphenotype."""
NUMBER_COLOURS = "viridis"
ONE_COLUMN, TWO_COLUMNS = 3.5, 7.2
"""Widths of a journal's page in inches."""
RASTER_ABOVE = 2000
"""More points than these are drawn as an image inside vector files."""
RASTER_DPI = 200
SCREEN_DPI = 192
_ROUNDS = 2

FILE_SETTINGS: Any = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "phenotyper",
}
LITERAL_TEXT: Any = {"text.parse_math": False}
HOUSE_SETTINGS: Any = {
    **FILE_SETTINGS,
    **LITERAL_TEXT,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.borderaxespad": 0.0,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.5,
    "hatch.color": "#b5b5b5",
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
}


class PictureFigure(Figure):
    """A figure outside pyplot that draws and saves itself in the house style."""

    def savefig(self, fname: Any, *, transparent: bool | None = None, **kwargs: Any) -> None:
        """Save as matplotlib does, in the house style whatever the global settings are."""
        with house_style():
            fresh_layout(self)
            super().savefig(fname, transparent=transparent, **kwargs)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return png_of(self)


class PictureAxes(Axes):
    """Axes that a notebook shows as their whole figure."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return png_of(figure_of(self))


def fresh_layout(figure: Figure) -> None:
    """Lay the axes out anew, whatever an earlier drawing did: the same picture has the same layout.

    Axes of a fixed shape need more than the one round that a drawing gives them.
    """
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        for ax in figure.axes:
            place = ax.get_subplotspec()
            if place is not None:
                ax.set_subplotspec(place)
        for _ in range(_ROUNDS):
            engine.execute(figure)


def png_of(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """Return a figure as PNG with its width and height on screen at 96 pixels an inch, for IPython."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=SCREEN_DPI, metadata={"Software": None})
    width, height = figure.get_size_inches()
    return image.getvalue(), {"width": round(width * 96), "height": round(height * 96)}


@contextmanager
def house_style() -> Iterator[None]:
    """Use phenotyper's settings inside the block, whatever the caller's are; they return afterwards."""
    with matplotlib.style.context(["default", HOUSE_SETTINGS]):
        yield


@contextmanager
def drawing(ax: Axes | None, *, size: tuple[float, float]) -> Iterator[Axes]:
    """Give axes to draw on: the caller's in the caller's style, else new ones in ours.

    Text is literal inside the block: a column named ``$x`` is not taken for a formula.
    """
    if ax is not None:
        with mpl.rc_context(LITERAL_TEXT):
            yield ax
    else:
        with house_style():
            yield new_axes(size)


def new_axes(size: tuple[float, float]) -> Axes:
    """Return axes on a new figure of that width and height in inches, unknown to pyplot."""
    figure = PictureFigure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot(axes_class=PictureAxes)


def colour_of(name: str) -> str:
    """Return the colour of a subphenotype, the same in every picture.

    Names after H take lighter and darker shades. The unassigned are grey; any other text is dark grey.

    Examples
    --------
    >>> colour_of("A"), colour_of("unassigned"), colour_of("all patients")
    ('#0072b2', '#9a9a9a', '#5a5a5a')
    """
    if name.startswith(UNASSIGNED):
        return UNASSIGNED_COLOUR
    if not (name.isascii() and name.isalpha() and name.isupper()):
        return OTHER_COLOUR
    index = 0
    for letter in name:
        index = index * 26 + ord(letter) - ord("A") + 1
    return _shade(index - 1)


def blend(colour: str, towards: str, share: float) -> str:
    """Return a colour mixed with that share of another.

    Examples
    --------
    >>> blend("#000000", "#ffffff", 0.5)
    '#808080'
    """
    red, green, blue = (
        (1 - share) * a + share * b for a, b in zip(to_rgb(colour), to_rgb(towards), strict=True)
    )
    return to_hex((red, green, blue))


def _shade(index: int) -> str:
    if index < len(COLOURS):
        return COLOURS[index]
    chromatic = [colour for colour in COLOURS if colour != "#000000"]
    turn, place = divmod(index - len(COLOURS), len(chromatic))
    towards, share = (("black", 0.4), ("white", 0.5), ("black", 0.65), ("white", 0.75))[turn % 4]
    return blend(chromatic[place], towards, share)


def category_colours(levels: Sequence[str], *, ordered: bool = False) -> dict[str, str]:
    """Return a colour for each level: distinct ones, or for ordered levels from dark to light."""
    if ordered and len(levels) > 2:
        scale = mpl.colormaps[NUMBER_COLOURS]
        return {level: to_hex(scale(0.05 + 0.9 * at / (len(levels) - 1))) for at, level in enumerate(levels)}
    return {level: CATEGORY_COLOURS[at % len(CATEGORY_COLOURS)] for at, level in enumerate(levels)}


def counted(label: str, n: int) -> str:
    """Return a legend entry with its number of patients.

    Examples
    --------
    >>> counted("A", 1204)
    'A, n = 1,204'
    """
    return f"{label}, n = {n:,}"


def clean(text: object, longest: int = 40) -> str:
    """Return text on one line without control characters, cut in the middle when it is long.

    Examples
    --------
    >>> clean("a very long name of a laboratory value", longest=15)
    'a very…y value'
    """
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    if len(plain) <= longest:
        return plain
    head = longest // 2
    return f"{plain[:head].rstrip()}…{plain[-(longest - head - 1) :].lstrip()}"


def fold(text: str, width: int) -> str:
    """Break text into lines of about that many letters, never inside ``p = 0.01`` or ``5 %``."""
    held = re.sub(r" ([=<>]) ", "\x1f\\1\x1f", text).replace(" %", "\x1f%")
    lines = ["\n".join(textwrap.wrap(line, width)) for line in held.split("\n")]
    return "\n".join(lines).replace("\x1f", " ")


def title(ax: Axes, what: str, status: str = "", *, pad: float | None = None) -> None:
    """Set the title flush left, with the status of the finding below it, ``pad`` points above the axes.

    It wraps at the edge of our own figures, and at the width of axes that the caller gave.
    """
    text = "\n".join(line for line in (what, status) if line)
    own = isinstance(ax, PictureAxes)
    if not own:
        letters = points_of(ax)[0] / (0.56 * point_size("axes.titlesize"))
        text = fold(text, max(24, int(letters)))
    ax.set_title(text, x=0.0, horizontalalignment="left", wrap=own, pad=pad)


def figure_of(ax: Artist) -> Figure:
    """Return the figure, never a part of it, that axes stand in."""
    figure = ax.get_figure(root=True)
    if not isinstance(figure, Figure):
        raise OutputError(
            Problem("NO_FIGURE", "these axes belong to no figure any more", "Draw the picture again.")
        )
    return figure


def points_of(ax: Axes) -> tuple[float, float]:
    """Return width and height of axes in points, before any later change of layout."""
    place, (width, height) = ax.get_position(), figure_of(ax).get_size_inches()
    return float(place.width * width * 72), float(place.height * height * 72)


def setting(name: str) -> Any:
    """Return a setting of matplotlib as it is now."""
    settings: Any = mpl.rcParams
    return settings[name]


def point_size(name: str) -> float:
    """Return a font size of the current settings in points, ``"xtick.labelsize"``."""
    return float(FontProperties(size=setting(name)).get_size_in_points())


def halo(width: float = 2.5) -> list[Stroke]:
    """Return the white edge that keeps letters readable on points."""
    return [withStroke(linewidth=width, foreground="white")]


def distinct(texts: Sequence[str], longest: int = 40) -> list[str]:
    """Return texts as :func:`clean` does, less cut where two different ones would look the same.

    Examples
    --------
    >>> distinct(["group of the low dose", "group of the raw dose"], longest=9)
    ['group of…low dose', 'group of…raw dose']
    """
    for length in (longest, 2 * longest, 4 * longest):
        shown = [clean(text, length) for text in texts]
        if len(set(shown)) == len(set(texts)):
            break
    return shown
