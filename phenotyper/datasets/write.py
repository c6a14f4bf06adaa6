"""A simulated cohort as files: csv with fixed formats and a commented cohort.toml."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from phenotyper.files import write_text

if TYPE_CHECKING:
    from phenotyper.datasets.simulate import SimulatedCohort

UNANSWERED = "NA"
"""Questionnaires mark an open answer so; the other files leave the cell empty."""

BLOCK_COMMENTS: Final[Mapping[str, str]] = {
    "expression": "Gene expression in blood, log2. A child without a blood sample has no row.",
    "labs": "Laboratory and examination. Values below the limit of detection stand as <0.6.",
    "microbiome": "Airway microbiome: relative abundance of genera; each row sums to 1.",
    "lifestyle": "Questionnaire of the parents; NA = not answered.",
}
SECTION_COMMENTS: Final[Mapping[str, str]] = {
    "exacerbation": "Within a year of admission; empty where the child was lost before.",
    "time_to_exacerbation": "Days from admission to the first exacerbation, or to the end of follow-up.",
    "fev1_z": "Lung function a year later; children under five cannot do spirometry.",
}
CONSENT_COMMENT: Final = "Children without consent to research are left out everywhere."


def write_cohort(cohort: SimulatedCohort, folder: Path) -> Path:
    """Write all files of a cohort into a folder, which is made if it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in cohort.tables.items():
        write_text(folder / f"{name}.csv", csv_text(table, missing=UNANSWERED if name == "lifestyle" else ""))
    write_text(folder / "truth.csv", csv_text(cohort.truth))
    write_text(folder / "cohort.toml", toml_text(cohort.declaration, cohort.tables))
    return folder


def csv_text(table: pd.DataFrame, *, missing: str = "") -> str:
    r"""Return csv text; numbers in the shortest form of at most ten digits.

    Examples
    --------
    >>> csv_text(pd.DataFrame({"a": [1.0, 2.5], "b": ["x", None]}))
    'a,b\n1,x\n2.5,\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_cells(table[column], missing) for column in table.columns), strict=True))
    return text.getvalue()


def _cells(column: pd.Series, missing: str) -> list[str]:
    empty = column.isna().tolist()
    cells = [f"{value:.10g}" if isinstance(value, float) else str(value) for value in column.tolist()]
    return [missing if gone else cell for cell, gone in zip(cells, empty, strict=True)]


def toml_text(declaration: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the declaration as cohort.toml, tables named by their files."""
    file_of = {id(table): f"{name}.csv" for name, table in tables.items()}
    children = set(declaration["blocks"]) <= set(BLOCK_COMMENTS)
    lines = [
        f"# A simulated cohort of phenotyper: no real {'child' if children else 'patient'} is in it.",
        f"name = {_value(declaration['name'], file_of)}",
        f"id = {_value(declaration['id'], file_of)}",
        f"missing_codes = {_value(declaration['missing_codes'], file_of)}",
    ]
    for block, values in declaration["blocks"].items():
        lines += _section(f"blocks.{block}", values, file_of, comment=BLOCK_COMMENTS.get(block, ""))
    if "patients" in declaration:
        lines += _section("patients", declaration["patients"], file_of)
    for group in ("outcomes", "treatments"):
        for name, values in declaration.get(group, {}).items():
            lines += _section(f"{group}.{name}", values, file_of, comment=SECTION_COMMENTS.get(name, ""))
    if "consent" in declaration:
        lines += _section("consent", declaration["consent"], file_of, comment=CONSENT_COMMENT)
    return "\n".join(lines) + "\n"


def _section(
    title: str, values: Mapping[str, Any], file_of: Mapping[int, str], *, comment: str = ""
) -> list[str]:
    above = ["", f"# {comment}"] if comment else [""]
    return [*above, f"[{title}]", *(f"{key} = {_value(value, file_of)}" for key, value in values.items())]


def _value(value: Any, file_of: Mapping[int, str]) -> str:
    if isinstance(value, pd.DataFrame):
        return f'"{file_of[id(value)]}"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item, file_of)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item, file_of) for item in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
