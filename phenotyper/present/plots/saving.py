"""Pictures to files: text stays text, no dates, so that two saves are the same bytes."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist

from phenotyper.errors import OutputError, PhenotyperWarning, Problem
from phenotyper.present.plots.style import FILE_SETTINGS, RASTER_DPI, PictureFigure, figure_of, fresh_layout

PNG_DPI = 300
_FORMATS: dict[str, dict[str, Any]] = {
    ".svg": {"dpi": RASTER_DPI, "metadata": {"Date": None}},
    ".pdf": {"dpi": RASTER_DPI, "metadata": {"CreationDate": None}},
    ".png": {"dpi": PNG_DPI, "metadata": {"Software": None}},
}


def save_figure(figure: Artist, path: str | Path) -> Path:
    """Save a figure, or the figure of given axes, as SVG, PDF or PNG by the path's ending.

    Text stays text in SVG and PDF, points drawn as an image have 200 dots an inch, a PNG has 300. No date is
    written: the same picture gives the same bytes.

    Parameters
    ----------
    figure : Figure or Axes
        What a ``plot_`` function returned, or any figure.
    path : str or Path
        File to write; its folder is made. The file is whole or absent.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        PICTURE_FORMAT for another ending, NOT_WRITABLE when the disk refuses, NO_FIGURE for axes taken
        off their figure.

    Examples
    --------
    >>> import tempfile
    >>> from phenotyper.present.plots.style import new_axes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(new_axes((2, 2)), f"{folder}/empty.svg").name
    'empty.svg'
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise OutputError(
            Problem(
                "PICTURE_FORMAT",
                f'{path.name} ends in "{path.suffix}"',
                "Give a name that ends in .svg, .pdf or .png.",
                str(path),
            )
        )
    _write_whole(path, picture_bytes(figure, ending))
    return path


def picture_bytes(figure: Artist, ending: str) -> bytes:
    """Return the bytes that :func:`save_figure` writes for ``.svg``, ``.pdf`` or ``.png``."""
    root = figure_of(figure)
    image = BytesIO()
    with mpl.rc_context(FILE_SETTINGS), _absent_letters_told(ending):
        if not isinstance(root, PictureFigure):
            fresh_layout(root)
        root.savefig(image, format=ending.removeprefix("."), **_FORMATS[ending])
    return image.getvalue()


@contextmanager
def _absent_letters_told(ending: str) -> Iterator[None]:
    """Say once which letters the font lacks; in SVG the reader's font draws them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    absent = [
        found[1] for one in caught if (found := re.match(r"Glyph \d+ \((.*?)\) missing", str(one.message)))
    ]
    for one in caught:
        if not str(one.message).startswith("Glyph "):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if absent and ending != ".svg":
        names = ", ".join(sorted(set(absent))[:5])
        warnings.warn(
            f"the font has no letters {names}: they are drawn as boxes. Save as .svg.",
            PhenotyperWarning,
            stacklevel=4,
        )


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        reason = (error.strerror or "not possible").lower()
        problem = Problem(
            "NOT_WRITABLE",
            f"{path} cannot be written ({reason})",
            "Choose a folder that you may write to.",
            str(path),
        )
        raise OutputError(problem) from error
    finally:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)
