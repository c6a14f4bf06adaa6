"""What every result shares: a sentence, a tidy table, a printed :class:`Table`, JSON + npz on disk."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.errors import Problem, ResultError
from phenotyper.files import make_folder, sha256_of, write_bytes, write_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CANDIDATE = "candidate, evidence not assessed"
"""Status of every partition until its evidence has been assessed."""


class Result:
    """A frozen finding that prints as a sentence and shows as a table.

    Subclasses give :meth:`sentence` and ``table`` (a tidy DataFrame, one fact a row).
    """

    table: pd.DataFrame

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        message = f"{type(self).__name__} lacks sentence()"
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>"


@dataclass(frozen=True)
class Table:
    """A printed table: text cells, the counts behind them, spanners and footnotes.

    Parameters
    ----------
    title : str
        Title, with the status of the finding.
    columns : tuple of str
        Column heads; the first heads the row labels.
    rows : tuple of tuple of str
        Formatted cells. A row whose label alone is filled is a section head.
    indents : tuple of int
        Steps by which each row's label is set in; empty for none.
    spanners : tuple of (str, int, int)
        Text over the columns first to last (both included, counted from 0).
    footnotes : tuple of str
        Notes below the table.
    counts : tuple of tuple of tuple of int
        For each cell the patient counts that it shows, so that disclosure rules can act; empty for none.

    Examples
    --------
    >>> table = Table("Sex", ("", "A"), (("female, n", "3"),), counts=(((), (3,)),))
    >>> table.to_frame().iloc[0, 0]
    '3'
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    indents: tuple[int, ...] = ()
    spanners: tuple[tuple[str, int, int], ...] = ()
    footnotes: tuple[str, ...] = ()
    counts: tuple[tuple[tuple[int, ...], ...], ...] = ()

    def __post_init__(self) -> None:
        width, height = len(self.columns), len(self.rows)
        faults = {
            f"every row needs {width} cells": any(len(row) != width for row in self.rows),
            f"indents need {height} steps": len(self.indents) not in (0, height),
            "counts need the shape of the rows": len(self.counts) not in (0, height)
            or any(len(row) != width for row in self.counts),
        }
        if any(faults.values()):
            message = f"table {self.title!r}: {', '.join(fault for fault, found in faults.items() if found)}"
            raise ValueError(message)

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as a DataFrame of text, indexed by row label."""
        import pandas as pd

        index = pd.Index([row[0] for row in self.rows], name=self.columns[0])
        return pd.DataFrame([row[1:] for row in self.rows], index=index, columns=list(self.columns[1:]))

    def to_csv(self, path: str | Path) -> None:
        """Write title, heads, cells and footnotes as CSV; cells that a spreadsheet would run are quoted."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([inert(self.title)])
        writer.writerow([inert(column) for column in self.columns])
        writer.writerows([inert(cell) for cell in row] for row in self.rows)
        writer.writerows([inert(note)] for note in self.footnotes)
        write_text(path, text.getvalue())

    def to_html(self) -> str:
        """Return an HTML table without scripts; every text is escaped."""
        indents = self.indents or (0,) * len(self.rows)
        heads = "".join(_head(text) for text in self.columns)
        body = "".join(_body_row(row, indent) for row, indent in zip(self.rows, indents, strict=True))
        return (
            '<table class="phenotyper-table" style="border-collapse:collapse;font-size:0.9em">'
            f'<caption style="{_LEFT};font-weight:bold">{html.escape(self.title)}</caption>'
            f"<thead>{self._spanner_row()}<tr>{heads}</tr></thead><tbody>{body}</tbody>{self._notes()}</table>"
        )

    def _notes(self) -> str:
        if not self.footnotes:
            return ""
        notes = "<br>".join(html.escape(note) for note in self.footnotes)
        look = f"{_LEFT};font-size:0.85em"
        return f'<tfoot><tr><td colspan="{len(self.columns)}" style="{look}">{notes}</td></tr></tfoot>'

    def _spanner_row(self) -> str:
        if not self.spanners:
            return ""
        look = "border-bottom:1px solid;text-align:center"
        cells, at = [], 0
        for text, first, last in sorted(self.spanners, key=lambda spanner: spanner[1]):
            cells.append("<th></th>" * (first - at))
            cells.append(f'<th colspan="{last - first + 1}" style="{look}">{html.escape(text)}</th>')
            at = last + 1
        cells.append("<th></th>" * (len(self.columns) - at))
        return f"<tr>{''.join(cells)}</tr>"

    def _repr_html_(self) -> str:
        return self.to_html()


_LEFT = "text-align:left"


def _head(text: str) -> str:
    return f'<th scope="col" style="{_LEFT};border-bottom:1px solid;padding:2px 8px">{html.escape(text)}</th>'


def _body_row(row: tuple[str, ...], indent: int) -> str:
    label, *cells = row
    weight = "normal" if any(cells) else "bold"
    pad = f"padding:2px 8px 2px {8 + 16 * indent}px"
    first = f'<td style="{_LEFT};font-weight:{weight};{pad}">{html.escape(label)}</td>'
    look = f"{_LEFT};padding:2px 8px"
    rest = "".join(f'<td style="{look}{_unbroken(cell)}">{html.escape(cell)}</td>' for cell in cells)
    return f"<tr>{first}{rest}</tr>"


def _unbroken(cell: str) -> str:
    """Keep a figure with its interval on one line; only words are broken."""
    return ";white-space:nowrap" if _FIGURES.fullmatch(cell) else ""


_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+|\u221e)(?:e[+-]?\d+)?(?: %)?"
_LIMIT = rf"(?:{_NUMBER}|not reached|-)"
_FIGURES = re.compile(
    rf"-|{_NUMBER}(?: [(\[]{_LIMIT}(?:(?: to |, ){_LIMIT})*[)\]])?", re.ASCII | re.IGNORECASE
)


def inert(cell: str) -> str:
    """Put a quote before a text that a spreadsheet would run as a formula; figures stay as they are.

    Examples
    --------
    >>> inert("=cmd()"), inert("-0.50 (-0.80 to -0.20)"), inert("-2+3")
    ("'=cmd()", '-0.50 (-0.80 to -0.20)', "'-2+3")
    """
    runs = cell.lstrip(" ").startswith(_FORMULA_STARTS) and not _FIGURES.fullmatch(cell)
    return f"'{cell}" if runs else cell


def csv_text(frame: pd.DataFrame) -> str:
    """Return a tidy table as CSV without its index; texts that a spreadsheet would run are quoted."""
    texts = {
        name: [_inert_cell(cell) for cell in frame[name]]
        for name in frame
        if frame[name].dtype.kind not in "biuf"
    }
    shown = frame.assign(**texts).rename(columns=lambda name: inert(str(name)))
    return str(shown.to_csv(index=False, lineterminator="\n"))


def _inert_cell(cell: Any) -> Any:
    return inert(cell) if isinstance(cell, str) else cell


def to_json(values: Any) -> str:
    """Return JSON text with sorted keys and a final newline: the same values give the same bytes."""
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    # A file name that is not UTF-8 has lone surrogates, which only their escapes can write.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def record_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as plain types for JSON, with the type of each column; a missing value is None."""
    cells = frame.astype(object).where(frame.notna(), None)
    return {
        "columns": list(frame.columns),
        "types": [str(kind) for kind in frame.dtypes],
        "cells": cells.to_dict("split", index=False)["data"],
    }


def frame_of(record: Mapping[str, Any]) -> pd.DataFrame:
    """Rebuild a table from :func:`record_of`."""
    import pandas as pd

    frame = pd.DataFrame(record["cells"], columns=record["columns"], dtype=object)
    return frame.astype(dict(zip(record["columns"], record["types"], strict=True)))


def write_parts(
    folder: str | Path, *, kind: str, schema: int, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a result as ``<kind>.json`` + ``<kind>.npz`` in a folder; no pickle.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    import numpy as np

    folder = Path(folder)
    make_folder(folder)
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    write_bytes(folder / f"{kind}.npz", archive.getvalue())
    about = {
        "kind": kind,
        "schema": schema,
        "npz_sha256": sha256_of(folder / f"{kind}.npz"),
        "meta": dict(meta),
    }
    write_text(folder / f"{kind}.json", to_json(about))


def read_parts(folder: str | Path, *, kind: str, schema: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what :func:`write_parts` wrote.

    Raises
    ------
    ResultError
        Files are absent, changed since they were written, or of a newer schema.
    """
    import numpy as np

    folder = Path(folder)
    path, archive = folder / f"{kind}.json", folder / f"{kind}.npz"
    again = "Take it from a backup or run again."
    if not path.is_file() or not archive.is_file():
        message, remedy = f"{folder} holds no saved {kind}", f"Give the folder that {kind}.save() wrote."
        raise ResultError(Problem("RESULT_ABSENT", message, remedy))
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        found_schema, expected_hash, meta = int(about["schema"]), about["npz_sha256"], dict(about["meta"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} cannot be read as JSON of a {kind}"
        raise ResultError(Problem("RESULT_DAMAGED", message, again)) from error
    if found_schema > schema:
        message = f"{path} has schema {found_schema}, this version reads up to {schema}"
        raise ResultError(Problem("RESULT_NEWER", message, "Update phenotyper."))
    if sha256_of(archive) != expected_hash:
        raise ResultError(Problem("RESULT_CHANGED", f"{archive} is not the file that was written", again))
    with np.load(archive, allow_pickle=False) as parts:
        return meta, {name: parts[name] for name in parts.files}
