"""A cohort described before anything is fitted: who has what, what is missing, what looks odd."""

from __future__ import annotations

import html
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.container import (
    block_names,
    declaration_of,
    features_of,
    flow_of,
    patients_of,
    warnings_of,
)
from phenotyper.cohort.declaration import LEVEL_KINDS
from phenotyper.cohort.order import order_effects
from phenotyper.cohort.patterns import missing_patterns
from phenotyper.cohort.values import reference_of
from phenotyper.errors import Problem, listed, number_of
from phenotyper.results import Result

if TYPE_CHECKING:
    from mudata import MuData

DUPLICATES = ("DUP_ROWS", "FEW_PROFILES", "FAMILY", "ID_VISITS")
_SHOWN = 8


@dataclass(frozen=True, repr=False, eq=False)
class CohortDescription(Result):
    """What a cohort holds.

    Parameters
    ----------
    name : str
        Title of the cohort.
    n_patients : int
        Patients of the cohort.
    blocks : DataFrame
        A row a block: ``block``, ``patients`` who have it, ``features``, ``kinds`` in words, ``missing``
        (share of the cells of those patients), ``complete`` patients.
    table : DataFrame
        A row a feature: ``block``, ``feature``, ``label``, ``kind``, ``unit``, ``patients`` with a value,
        ``missing`` (share of those who have the block), ``low``, ``q25``, ``median``, ``q75``, ``high`` of
        numbers, ``levels`` with their counts, ``reference`` and ``outside`` (patients outside it).
    patterns : DataFrame
        What is missing together, see ``missing_patterns``.
    order : DataFrame
        Traces of the order of the patients, see ``order_effects``.
    flow : tuple of (str, int)
        How many patients came in, left, and have each block.
    problems : tuple of Problem
        Warnings that were recorded when the cohort was read.
    """

    name: str
    n_patients: int
    blocks: pd.DataFrame
    table: pd.DataFrame
    patterns: pd.DataFrame
    order: pd.DataFrame
    flow: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]

    @property
    def duplicates(self) -> tuple[Problem, ...]:
        """Warnings of patients who may be the same person, or of one family."""
        return tuple(problem for problem in self.problems if problem.code in DUPLICATES)

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        complete = dict(self.flow).get("with all blocks")
        blocks = number_of(len(self.blocks), "block")
        whole = f"; {complete:,} have all blocks" if complete is not None else ""
        missing = np.average(
            self.blocks["missing"], weights=self.blocks["patients"] * self.blocks["features"]
        )
        return (
            f"{self.name or 'The cohort'}: {self.n_patients:,} patients, {blocks}, {len(self.table):,} "
            f"features, {missing:.0%} of their values missing{whole}. {_order_sentence(self.order)}"
        )

    def _repr_html_(self) -> str:
        shown = self.blocks.assign(missing=self.blocks["missing"].map("{:.0%}".format))
        parts = [f"<p>{html.escape(self.sentence())}</p>", shown.to_html(index=False, border=0)]
        patterns = self.patterns.head(_SHOWN)[["pattern", "patients"]]
        parts += ["<p>Missing together:</p>", patterns.to_html(index=False, border=0)]
        if len(self.order):
            parts += [
                "<p>Patients near each other in the files resemble each other (a run, a batch?):</p>",
                self.order.head(_SHOWN).round(3).to_html(index=False, border=0),
            ]
        if self.problems:
            items = "".join(f"<li>{html.escape(problem.text())}</li>" for problem in self.problems)
            parts.append(f"<p>Warnings:</p><ol>{items}</ol>")
        return "".join(parts)


def describe_cohort(cohort: MuData) -> CohortDescription:
    """Describe a cohort: sizes, kinds, missing values, ranges, possible duplicates, traces of batches.

    Parameters
    ----------
    cohort : MuData
        From ``read_cohort``.

    Returns
    -------
    CohortDescription
        ``.table`` (features), ``.blocks``, ``.patterns``, ``.order``, ``.flow``, ``.problems``.

    Examples
    --------
    >>> from phenotyper.cohort.read import read_cohort
    >>> labs = pd.DataFrame({"crp": [1.0, 2, None, 4], "wbc": [1.0, 2, 7, 5]}, index=list("abcd"))
    >>> cohort = read_cohort({"blocks": {"labs": {"file": labs, "kind": "number"}}}, quiet=True)
    >>> describe_cohort(cohort).table[["feature", "patients", "median"]].values.tolist()
    [['crp', 3, 2.0], ['wbc', 4, 3.5]]
    """
    names = block_names(cohort)
    return CohortDescription(
        name=declaration_of(cohort).name,
        n_patients=len(patients_of(cohort)),
        blocks=pd.DataFrame([_block(cohort, name) for name in names]),
        table=pd.concat([_features(cohort, name) for name in names], ignore_index=True),
        patterns=missing_patterns(cohort),
        order=order_effects(cohort),
        flow=tuple(flow_of(cohort)),
        problems=warnings_of(cohort),
    )


def _order_sentence(order: pd.DataFrame) -> str:
    if not len(order):
        return "The order of the patients leaves no trace."
    top = order.iloc[0]
    return (
        f"The order of the patients leaves a trace in {listed(dict.fromkeys(order['block']))}: patients "
        f"{top['first']} to {top['last']} of {top['block']} differ by {abs(top['difference']):.1f} standard "
        f"deviations in component {top['component']}."
    )


def _values(cohort: MuData, name: str) -> np.ndarray:
    return np.asarray(cohort[name].X, dtype=np.float64)


def _block(cohort: MuData, name: str) -> dict[str, Any]:
    gaps = np.isnan(_values(cohort, name))
    kinds = Counter(features_of(cohort, name)["kind"])
    return {
        "block": name,
        "patients": gaps.shape[0],
        "features": gaps.shape[1],
        "kinds": ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common()),
        "missing": float(gaps.mean()) if gaps.size else 0.0,
        "complete": int((~gaps.any(axis=1)).sum()),
    }


def _features(cohort: MuData, name: str) -> pd.DataFrame:
    facts, values = features_of(cohort, name), _values(cohort, name)
    known = ~np.isnan(values)
    numeric = ~facts["kind"].isin(LEVEL_KINDS).to_numpy()
    ranges = np.full((5, values.shape[1]), np.nan)
    some = numeric & known.any(axis=0)
    if some.any():
        ranges[:, some] = np.nanquantile(values[:, some], [0, 0.25, 0.5, 0.75, 1], axis=0)
    table = pd.DataFrame(
        {
            "block": name,
            "feature": facts.index.to_numpy(),
            "label": facts["label"].to_numpy(),
            "kind": facts["kind"].to_numpy(),
            "unit": facts["unit"].to_numpy(),
            "patients": known.sum(axis=0),
            "missing": 1 - known.mean(axis=0),
            **dict(zip(("low", "q25", "median", "q75", "high"), ranges, strict=True)),
        }
    )
    table["levels"] = [
        "" if plain else _levels(column, json.loads(levels))
        for plain, column, levels in zip(numeric, values.T, facts["levels"], strict=True)
    ]
    table["reference"] = facts["reference"].to_numpy()
    table["outside"] = [
        _outside(column, reference) for column, reference in zip(values.T, facts["reference"], strict=True)
    ]
    return table


def _levels(codes: np.ndarray, levels: list[str]) -> str:
    counts = np.bincount(codes[~np.isnan(codes)].astype(int), minlength=len(levels))
    return ", ".join(f"{level} {count:,}" for level, count in zip(levels, counts, strict=True))


def _outside(column: np.ndarray, reference: str) -> float:
    """Return how many values lie outside a reference interval; NaN where none can be read."""
    interval = reference_of(reference)
    if interval is None:
        return np.nan
    with np.errstate(invalid="ignore"):
        return float(((column < interval[0]) | (column > interval[1])).sum())
