"""What every picture must keep to, as assertions on a function that draws it."""

from __future__ import annotations

import os
import re
from itertools import combinations

import matplotlib as mpl
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from phenotyper.present.plots import save_figure


def assert_same_bytes(draw, folder):
    """Two saves of a picture, and of the picture drawn again, are the same bytes without a date."""
    ax = draw()
    endings = (".svg", ".pdf", ".png")
    first = {ending: save_figure(ax, folder / f"first{ending}").read_bytes() for ending in endings}
    for ending in (".svg",):
        assert save_figure(ax, folder / f"again{ending}").read_bytes() == first[ending]
    other = draw()
    for ending in (".pdf", ".svg", ".png"):
        assert save_figure(other, folder / f"other{ending}").read_bytes() == first[ending]
        assert not re.search(rb"CreationDate|<dc:date>|tEXtSoftware", first[ending])


def assert_leaves_no_trace(draw, folder=None):
    """Neither a global setting nor a figure of pyplot is left behind."""
    before, figures = dict(mpl.rcParams), set(Gcf.figs)
    draw()._repr_png_()
    assert dict(mpl.rcParams) == before
    assert set(Gcf.figs) == figures


def assert_text_is_text(draw, folder):
    """Every line of the title stands in the SVG as text."""
    ax = draw()
    drawn = save_figure(ax, folder / "picture.svg").read_text(encoding="utf-8")
    for line in ax.get_title(loc="left").split("\n") + ax.get_title().split("\n"):
        plain = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert not plain or f">{plain}</text>" in drawn or f">{plain}</tspan>" in drawn
    pdf = save_figure(ax, folder / "picture.pdf").read_bytes()
    assert b"/Subtype /Type3" not in pdf


def assert_inside(draw, folder=None, *, widths=(None, 3.5)):
    """All ink is inside the figure, at its own size and at the width of a column."""
    for width in widths:
        figure = draw().figure
        if width is not None:
            height = figure.get_figheight() * width / figure.get_figwidth()
            figure.set_size_inches(width, max(height, 2.8))
        figure.savefig(os.devnull, format="png")
        inked = figure.get_tightbbox()
        wide, high = figure.get_size_inches()
        assert inked.x0 > -0.02
        assert inked.y0 > -0.02
        assert inked.x1 < wide + 0.02
        assert inked.y1 < high + 0.02


def assert_draws_on_given_axes(draw, folder=None):
    figure = Figure(figsize=(6, 5), layout="constrained")
    ax = figure.add_subplot()
    assert draw(ax) is ax
    figure.draw_without_rendering()


def assert_no_text_overlaps(draw, folder=None):
    """No two texts of the picture lie on each other."""
    figure = draw().figure
    figure.savefig(os.devnull, format="png")
    texts = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    off = [one for axes in figure.findobj(Axes) if not axes.axison for one in (axes.xaxis, axes.yaxis)]
    hidden = {id(text) for axis in off for text in axis.findobj(Text)} | _beyond_the_view(figure)
    texts = [text for text in texts if id(text) not in hidden]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text().strip()]
    boxes = [(said, box.padded(-0.6)) for said, box in boxes if box.width > 2 and box.height > 2]
    met = [(a, b) for (a, one), (b, two) in combinations(boxes, 2) if one.overlaps(two)]
    assert not met, met[:5]


def _beyond_the_view(figure):
    """Return the tick labels that matplotlib keeps and does not draw."""
    found = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            outside = [tick for tick in ticks if not low <= tick.get_loc() <= high]
            found |= {id(text) for tick in outside for text in (tick.label1, tick.label2)}
    return found


CHECKS = (
    assert_same_bytes,
    assert_leaves_no_trace,
    assert_text_is_text,
    assert_inside,
    assert_draws_on_given_axes,
    assert_no_text_overlaps,
)
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
"""A test that takes ``check`` and calls ``check(draw, tmp_path)`` holds a picture to all rules."""
