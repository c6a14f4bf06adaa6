"""What every picture keeps to: one colour a name, no global state, text as text, the same bytes again."""

import ast
import re
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from plot_checks import assert_inside
from plot_factory import cohort, curves, found_with

from phenotyper.errors import OutputError, PhenotyperWarning
from phenotyper.present.plots import (
    plot_flow,
    plot_kaplan_meier,
    plot_map,
    plot_missingness,
    save_figure,
    style,
)
from phenotyper.present.plots.style import (
    COLOURS,
    category_colours,
    clean,
    colour_of,
    fold,
    house_style,
    new_axes,
)

PICTURES = {
    "map": lambda ax=None: plot_map(found_with(), ax=ax),
    "map by a number": lambda ax=None: plot_map(found_with(), cohort(), colour_by="labs:crp", ax=ax),
    "flow": lambda ax=None: plot_flow(cohort(), found_with(), ax=ax),
    "missingness": lambda ax=None: plot_missingness(cohort(), ax=ax),
    "kaplan meier": lambda ax=None: plot_kaplan_meier(curves(), ax=ax),
}


every_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())


def test_a_name_keeps_its_colour():
    assert [colour_of(name) for name in "ABCDEFGH"] == list(COLOURS)
    okabe_ito = {"#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}
    assert set(COLOURS) == okabe_ito


def test_the_unassigned_are_grey_whatever_the_reason():
    assert colour_of("unassigned") == colour_of("unassigned (unstable)") == "#9a9a9a"


def test_names_after_h_have_colours_of_their_own():
    names = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]
    assert len({colour_of(name) for name in names}) == len(names)
    assert colour_of("AZZ").startswith("#")


def test_other_names_are_dark_grey():
    assert len({colour_of(name) for name in ("all", "site 1", "\u0391", "")}) == 1


def test_ordered_levels_get_lighter():
    light = [sum(to_rgb(colour)) for colour in category_colours(["a", "b", "c", "d"], ordered=True).values()]
    assert light == sorted(light)
    assert not set(category_colours(["a", "b", "c"]).values()) & set(COLOURS)


def test_text_is_cleaned_of_control_characters_and_cut():
    assert clean("a\n\x00b\t c") == "a b c"
    assert len(clean("x" * 100, 20)) == 20


def test_a_p_value_is_not_broken_over_lines():
    assert "p < 0.001" in fold("Log-rank A vs B vs C p < 0.001", 26)
    assert "(64.0 %)" in fold("n = 258 (64.0 %)", 14)


@every_picture
def test_no_global_setting_changes_and_no_figure_of_pyplot_is_left(draw, tmp_path):
    before = dict(mpl.rcParams)
    open_before = set(Gcf.figs)
    save_figure(draw(), tmp_path / "picture.svg")
    assert dict(mpl.rcParams) == before
    assert set(Gcf.figs) == open_before


def test_no_picture_imports_pyplot():
    for path in Path(style.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            assert not any("pyplot" in name for name in names), path.name


@every_picture
@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_two_saves_and_two_pictures_are_the_same_bytes(draw, ending, tmp_path):
    ax = draw()
    first = save_figure(ax, tmp_path / f"first{ending}").read_bytes()
    save_figure(ax, tmp_path / "between.svg")
    assert save_figure(ax, tmp_path / f"again{ending}").read_bytes() == first
    assert save_figure(draw(), tmp_path / f"drawn again{ending}").read_bytes() == first
    assert not re.search(rb"CreationDate|<dc:date>|tEXtSoftware", first)


@every_picture
def test_text_stays_text_in_svg(draw, tmp_path):
    ax = draw()
    drawn = save_figure(ax, tmp_path / "picture.svg").read_text()
    assert "<text" in drawn
    for line in ax.get_title().split("\n"):
        assert f">{line}</text>" in drawn or f">{line}</tspan>" in drawn


def test_text_stays_text_in_pdf(tmp_path):
    drawn = save_figure(plot_map(found_with()), tmp_path / "picture.pdf").read_bytes()
    assert b"/Subtype /Type0" in drawn or b"/FontFile2" in drawn
    assert b"/Subtype /Type3" not in drawn


@every_picture
def test_all_text_and_keys_are_inside_the_picture(draw):
    assert_inside(draw)


@every_picture
def test_axes_of_the_caller_are_drawn_on_and_returned(draw):
    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.add_subplot()
    assert draw(ax) is ax
    assert figure.axes[0] is ax
    figure.draw_without_rendering()


@every_picture
def test_a_notebook_shows_the_whole_figure(draw):
    ax = draw()
    image, about = ax._repr_png_()
    assert image.startswith(b"\x89PNG")
    assert about["width"] == round(ax.figure.get_figwidth() * 96)
    assert ax.figure._repr_png_()[0] == image


def test_a_picture_looks_the_same_under_any_global_style():
    plain = plot_map(found_with())._repr_png_()[0]
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 30, "svg.fonttype": "path"}):
        assert plot_map(found_with())._repr_png_()[0] == plain


def test_settings_return_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), house_style():
        1 / 0  # noqa: B018
    assert dict(mpl.rcParams) == before


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"PICTURE_FORMAT.*\.svg, \.pdf or \.png"):
        save_figure(new_axes((2, 2)), tmp_path / "picture.bmp")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_refused_with_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="NOT_WRITABLE"):
        save_figure(new_axes((2, 2)), tmp_path / "file" / "picture.svg")


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    path = save_figure(new_axes((2, 2)), tmp_path / "figures" / "empty.png")
    assert [entry.name for entry in path.parent.iterdir()] == ["empty.png"]


def test_axes_without_a_figure_are_refused():
    ax = new_axes((2, 2))
    ax.remove()
    with pytest.raises(OutputError, match="NO_FIGURE"):
        save_figure(ax, "picture.png")


def test_letters_that_the_font_lacks_are_told_once_and_kept_in_svg(tmp_path):
    ax = new_axes((2, 2))
    ax.set_title("\u5c0f\u5150")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "\u5c0f\u5150" in save_figure(ax, tmp_path / "picture.svg").read_text(encoding="utf-8")
    with pytest.warns(PhenotyperWarning, match="drawn as boxes") as told:
        save_figure(ax, tmp_path / "picture.png")
    assert len(told) == 1
