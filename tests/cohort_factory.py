"""A sound cohort of 40 children, in memory or as files, to be spoiled by a test."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

N = 40


def _clinical(rng: np.random.Generator, ids: list[str]) -> pd.DataFrame:
    number = len(ids)
    return pd.DataFrame(
        {
            "patient_id": ids,
            "age_months": rng.integers(12, 200, number).astype(str),
            "sex": rng.choice(["F", "M"], number),
            "hospital": rng.choice(["north", "south"], number),
            "plate": rng.choice(["1", "2", "3"], number),
            "family_id": [f"f{place // 2}" for place in range(number)],
            "admitted": [f"2020-{place % 12 + 1:02d}-{place % 28 + 1:02d}" for place in range(number)],
            "stage": rng.choice(["I", "II", "III"], number),
            "weight": rng.normal(30, 5, number).round(1).astype(str),
            "relapse": ["yes" if place % 3 == 0 else "no" for place in range(number)],
            "days": rng.integers(1, 900, number).astype(str),
            "status": [str(place % 3) for place in range(number)],
            "fev": rng.normal(0, 1, number).round(3).astype(str),
            "attacks": rng.poisson(2, number).astype(str),
            "grade": rng.choice(["mild", "moderate", "severe"], number),
            "arm": ["placebo" if place % 2 else "steroid" for place in range(number)],
            "consent_research": "yes",
            "consent_sharing": ["yes" if place % 4 else "no" for place in range(number)],
        }
    )


def _labs(rng: np.random.Generator, ids: list[str]) -> pd.DataFrame:
    number = len(ids)
    crp = rng.lognormal(1, 1, number).round(2).astype(str)
    crp[5] = ""
    return pd.DataFrame(
        {
            "patient_id": ids,
            "crp": crp,
            "wbc": rng.normal(9, 2, number).round(2).astype(str),
            "neutrophils": rng.uniform(20, 90, number).round(1).astype(str),
            "fever": rng.choice(["yes", "no"], number),
            "cough": rng.choice(["none", "some", "much"], number),
            "diet": rng.choice(["None", "mixed", "vegan"], number),
        }
    )


def _dictionary() -> pd.DataFrame:
    rows = [
        ("crp", "number", "mg/l", "C-reactive protein", "", "0.5", ""),
        ("wbc", "number", "10^9/l", "white cells", "", "", "4-12"),
        ("neutrophils", "proportion", "%", "", "", "", ""),
        ("fever", "yes/no", "", "", "", "", ""),
        ("cough", "ordinal", "", "", "none | some | much", "", ""),
        ("diet", "category", "", "", "", "", ""),
    ]
    return pd.DataFrame(rows, columns=["column", "kind", "unit", "label", "levels", "lod", "reference"])


def _matrix(
    rng: np.random.Generator, ids: list[str], names: list[str], *, parts: bool = False
) -> pd.DataFrame:
    values = (
        rng.dirichlet(np.ones(len(names)), len(ids)) if parts else rng.normal(8, 2, (len(ids), len(names)))
    )
    table = pd.DataFrame(values.round(4), columns=names).astype(str)
    table.insert(0, "patient_id", ids)
    return table


def _declared() -> dict[str, Any]:
    return {
        "name": "Forty children",
        "blocks": {
            "expression": {"file": "expression.csv.gz", "kind": "log", "unit": "log2"},
            "labs": {"file": "labs.csv", "kind": "mixed", "dictionary": "dictionary.csv"},
            "microbes": {"file": "microbes.tsv", "kind": "composition"},
        },
        "patients": {
            "file": "clinical.csv",
            "age": {"column": "age_months", "unit": "months"},
            "sex": {"column": "sex", "female": "F", "male": "M"},
            "site": "hospital",
            "batch": "plate",
            "family": "family_id",
            "index_date": "admitted",
            "known_classes": ["stage"],
            "covariates": ["weight"],
        },
        "outcomes": {
            "relapsed": {"kind": "binary", "column": "relapse", "event": "yes"},
            "followed": {
                "kind": "survival",
                "column": "status",
                "time": "days",
                "unit": "days",
                "event": 1,
                "competing": 2,
            },
            "lung": {"kind": "number", "column": "fev"},
            "visits": {"kind": "count", "column": "attacks"},
            "severity": {"kind": "ordinal", "column": "grade", "levels": ["mild", "moderate", "severe"]},
        },
        "treatments": {"treatment": {"column": "arm", "control": "placebo", "assigned": "randomised"}},
        "consent": {"research": "consent_research", "sharing": "consent_sharing"},
    }


@dataclass
class Cohort:
    """Tables as text cells, and their declaration; change both, then write or hand over."""

    tables: dict[str, pd.DataFrame]
    declared: dict[str, Any] = field(default_factory=_declared)

    def set(self, file: str, column: str, row: int, text: str) -> None:
        """Write a cell by its spreadsheet row (the header is row 1)."""
        table = self.tables[file]
        table[column] = table[column].astype(object)
        table.loc[table.index[row - 2], column] = text

    def write(self, folder: Path) -> Path:
        """Write every table and ``cohort.toml``; return the path of the latter."""
        for name, table in self.tables.items():
            write_table(folder / name, table)
        path = folder / "cohort.toml"
        path.write_text(toml_of(self.declared), encoding="utf-8")
        return path


def sound(seed: int = 0) -> Cohort:
    """Return a cohort that no check has anything to say about."""
    rng = np.random.default_rng(seed)
    ids = [f"P{number:03d}" for number in range(1, N + 1)]
    return Cohort(
        {
            "clinical.csv": _clinical(rng, ids),
            "labs.csv": _labs(rng, ids[:-1]),
            "expression.csv.gz": _matrix(rng, ids[3:33], [f"GENE{place}" for place in range(8)]),
            "microbes.tsv": _matrix(rng, ids[10:], [f"Taxon {place}" for place in range(5)], parts=True),
            "dictionary.csv": _dictionary(),
        }
    )


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table of text cells, by the ending of its name."""
    text = table.to_csv(None, index=False, sep="\t" if ".tsv" in path.name else ",")
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write text, packed when the name ends in .gz."""
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def toml_of(values: dict[str, Any]) -> str:
    """Return nested dicts as TOML."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            lines += _section(_key(key), value)
    return "\n".join(lines) + "\n"


def _section(name: str, values: dict[str, Any]) -> list[str]:
    nested = name in {"blocks", "outcomes", "treatments"}
    if nested:
        return [line for key, value in values.items() for line in _section(f"{name}.{_key(key)}", value)]
    return [f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in values.items())]


def _key(text: str) -> str:
    return text if text.replace("_", "").isalnum() and text.isascii() else json.dumps(text)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def found(report: Any, code: str) -> Any:
    """Return the one problem of a report with a code."""
    problems = [problem for problem in report.problems if problem.code == code]
    assert len(problems) == 1, str(report)
    return problems[0]
