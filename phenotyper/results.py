"""What every result shares: a sentence, a tidy table, a printed :class:`Table`, and plain JSON + npz on disk."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.errors import Problem, ResultError
from phenotyper.files import sha256_of, write_text

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
        raise TypeError(f"{type(self).__name__} lacks sentence()")

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
        For each cell the patient counts that it shows, so that disclosure rules can act; empty when there are none.

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
        width = len(self.columns)
        if any(len(row) != width for row in self.rows):
            raise ValueError(f"every row of {self.title!r} needs {width} cells")
        if self.counts and [len(row) for row in self.counts] != [len(row) for row in self.rows]:
            raise ValueError(f"counts of {self.title!r} do not have the shape of its rows")

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as a DataFrame of text, indexed by row label."""
        import pandas as pd

        index = pd.Index([row[0] for row in self.rows], name=self.columns[0])
        return pd.DataFrame([row[1:] for row in self.rows], index=index, columns=list(self.columns[1:]))

    def to_csv(self, path: str | Path) -> None:
        """Write title, heads, cells and footnotes as CSV; cells that a spreadsheet would run are quoted."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([_inert(self.title)])
        writer.writerow([_inert(column) for column in self.columns])
        writer.writerows([_inert(cell) for cell in row] for row in self.rows)
        writer.writerows([_inert(note)] for note in self.footnotes)
        write_text(path, text.getvalue())

    def to_html(self) -> str:
        """Return an HTML table without scripts; every text is escaped."""
        parts = ['<table class="phenotyper-table" style="border-collapse:collapse;font-size:0.9em">']
        parts.append(f'<caption style="text-align:left;font-weight:bold">{html.escape(self.title)}</caption>')
        parts.append(f"<thead>{self._spanner_row()}<tr>{''.join(_head(text) for text in self.columns)}</tr></thead><tbody>")
        indents = self.indents or (0,) * len(self.rows)
        parts += [_body_row(row, indent) for row, indent in zip(self.rows, indents, strict=True)]
        parts.append("</tbody>")
        if self.footnotes:
            notes = "<br>".join(html.escape(note) for note in self.footnotes)
            parts.append(f'<tfoot><tr><td colspan="{len(self.columns)}" style="text-align:left;font-size:0.85em">{notes}</td></tr></tfoot>')
        parts.append("</table>")
        return "".join(parts)

    def _spanner_row(self) -> str:
        if not self.spanners:
            return ""
        cells, at = [], 0
        for text, first, last in sorted(self.spanners, key=lambda spanner: spanner[1]):
            cells.append("<th></th>" * (first - at))
            cells.append(f'<th colspan="{last - first + 1}" style="border-bottom:1px solid;text-align:center">{html.escape(text)}</th>')
            at = last + 1
        cells.append("<th></th>" * (len(self.columns) - at))
        return f"<tr>{''.join(cells)}</tr>"

    def _repr_html_(self) -> str:
        return self.to_html()


def _head(text: str) -> str:
    return f'<th style="text-align:left;border-bottom:1px solid;padding:2px 8px">{html.escape(text)}</th>'


def _body_row(row: tuple[str, ...], indent: int) -> str:
    label, *cells = row
    weight = "bold" if not any(cells) else "normal"
    pad = f"padding:2px 8px 2px {8 + 16 * indent}px"
    first = f'<td style="text-align:left;font-weight:{weight};{pad}">{html.escape(label)}</td>'
    rest = "".join(f'<td style="text-align:left;padding:2px 8px">{html.escape(cell)}</td>' for cell in cells)
    return f"<tr>{first}{rest}</tr>"


def _inert(cell: str) -> str:
    """Put a quote before a cell that a spreadsheet would take for a formula; plain numbers stay as they are."""
    if not cell or cell[0] not in "=+-@\t\r":
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


def to_json(values: Any) -> str:
    """Return JSON text with sorted keys and a final newline: the same values give the same bytes."""
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_parts(folder: str | Path, *, kind: str, schema: int, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a result as ``<kind>.json`` + ``<kind>.npz`` in a folder; no pickle.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    import numpy as np

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    (folder / f"{kind}.npz").write_bytes(archive.getvalue())
    about = {"kind": kind, "schema": schema, "npz_sha256": sha256_of(folder / f"{kind}.npz"), "meta": dict(meta)}
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
    if not path.is_file() or not archive.is_file():
        raise ResultError(Problem("RESULT_ABSENT", f"{folder} holds no saved {kind}", f"Give the folder that {kind}.save() wrote."))
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        found_schema, expected_hash, meta = int(about["schema"]), about["npz_sha256"], about["meta"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResultError(Problem("RESULT_DAMAGED", f"{path} cannot be read as JSON of a {kind}", "Take it from a backup or run again.")) from error
    if found_schema > schema:
        raise ResultError(
            Problem("RESULT_NEWER", f"{path} has schema {found_schema}, this version reads up to {schema}", "Update phenotyper.")
        )
    if sha256_of(archive) != expected_hash:
        raise ResultError(Problem("RESULT_CHANGED", f"{archive} is not the file that was written", "Take it from a backup or run again."))
    with np.load(archive, allow_pickle=False) as parts:
        return meta, {name: parts[name] for name in parts.files}
