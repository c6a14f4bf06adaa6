"""Candidate subphenotypes: who belongs where, and how it was found."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.blocks import blocks_of
from phenotyper.cohort.container import block_names
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.discover.fitting import REASONS, Fitted, fit_blocks
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import Problem, RecipeError, ResultError, did_you_mean, listed
from phenotyper.results import CANDIDATE, Result, read_parts, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.recipe import Progress

SCHEMA = 1
UNASSIGNED = "unassigned"


@dataclass(frozen=True, repr=False, eq=False)
class Phenotypes(Result):
    """Candidate subphenotypes of a cohort.

    Parameters
    ----------
    table : DataFrame
        One row a patient, sorted by ``patient_id``: ``subphenotype`` ("A", "B", ... or "unassigned"),
        ``membership`` (0 to 1: how far the layouts place the patient in this company), ``reason`` (why
        unassigned, else empty), ``map_x``, ``map_y``.
    memberships : ndarray, shape (n, k)
        The same for every subphenotype, rows as in ``table``.
    latent : ndarray, shape (n, f)
        Scores on the factors, rows as in ``table``.
    layouts : DataFrame
        One row a layout: number, n_subphenotypes, coverage, agreement (mean pair Jaccard with the others).
    features : DataFrame
        One row a feature: what the preparation did with it and why.
    factors : DataFrame
        One row an eigenvalue: observed, permuted (95th percentile), kept.
    tree : ndarray, shape (m, 4)
        Condensed tree of the layout that agrees best with the others: parent, child, lambda, size; a child
        below n is the patient in that row of ``table``.
    recipe : Recipe
        The settings.
    fingerprint : str
        Of the cohort.
    status : str
        What may be said of the groups.
    """

    table: pd.DataFrame
    memberships: NDArray[np.float64]
    latent: NDArray[np.float64]
    layouts: pd.DataFrame
    features: pd.DataFrame
    factors: pd.DataFrame
    tree: NDArray[np.float64]
    recipe: Recipe
    fingerprint: str
    status: str = CANDIDATE

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return self.recipe.seed

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Subphenotypes, largest first; empty when there are none."""
        return tuple(group_name(g) for g in range(self.memberships.shape[1]))

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Patients in each subphenotype, and unassigned."""
        counts = self.table["subphenotype"].value_counts()
        return {name: int(counts.get(name, 0)) for name in (*self.names, UNASSIGNED)}

    @property
    def coverage(self) -> float:
        """Share of the patients who are in a subphenotype."""
        return 1 - self.sizes[UNASSIGNED] / self.n_patients

    def labels(self, ids: Iterable[str]) -> NDArray[np.str_]:
        """Return the subphenotype of each of these patients.

        Raises
        ------
        ResultError
            UNKNOWN_PATIENT: somebody took no part in the fit.
        """
        known = dict(zip(self.table["patient_id"], self.table["subphenotype"], strict=True))
        wanted = [str(patient) for patient in ids]
        unknown = sum(patient not in known for patient in wanted)
        if unknown:
            raise ResultError(
                Problem(
                    "UNKNOWN_PATIENT",
                    f"{unknown} of {len(wanted)} patients took no part in this fit",
                    "Use the cohort that was fitted, or fit the recipe again.",
                )
            )
        return np.array([known[patient] for patient in wanted], dtype=str)

    @property
    def agreement(self) -> float:
        """Mean pair Jaccard between the layouts; NaN when the patients were not laid out."""
        return float(self.layouts["agreement"].mean())

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        if not self.names:
            return f"no subphenotypes among {self.n_patients} patients: {self._why_none()} ({self.status})"
        number = "1 subphenotype" if len(self.names) == 1 else f"{len(self.names)} subphenotypes"
        sizes = ", ".join(f"{name} {self.sizes[name]}" for name in self.names)
        assigned = f"{100 * self.coverage:.0f} % of {self.n_patients} patients assigned"
        return f"{number} ({self.status}): {sizes}; {assigned}; {self._agreement_text()}"

    def _why_none(self) -> str:
        if self.layouts.empty:
            return "they have too few different profiles"
        if not self.layouts["n_subphenotypes"].any():
            return "no layout shows groups"
        return f"the layouts find no group again ({self._agreement_text()})"

    def _agreement_text(self) -> str:
        word = "weak" if self.agreement < 0.5 else "fair" if self.agreement < 0.75 else "good"
        return f"agreement of the layouts {self.agreement:.2f}, {word}"

    def save(self, folder: str | Path) -> None:
        """Write ``phenotypes.json`` and ``.npz``; they hold patient ids and belong under ``private/``."""
        meta = {
            "recipe": self.recipe.to_dict(),
            "fingerprint": self.fingerprint,
            "status": self.status,
            "layouts": _records(self.layouts),
            "features": _records(self.features),
            "factors": _records(self.factors),
            "python": platform.python_version(),
        }
        arrays = {
            "patient_id": self.table["patient_id"].to_numpy(dtype=str),
            "subphenotype": self.table["subphenotype"].to_numpy(dtype=str),
            "membership": self.table["membership"].to_numpy(dtype=np.float64),
            "reason": self.table["reason"].to_numpy(dtype=str),
            "map": self.table[["map_x", "map_y"]].to_numpy(dtype=np.float64),
            "memberships": self.memberships,
            "latent": self.latent,
            "tree": self.tree,
        }
        write_parts(folder, kind="phenotypes", schema=SCHEMA, meta=meta, arrays=arrays)


def group_name(number: int) -> str:
    """Return the name of the number-th group: A to Z, then AA, AB and so on.

    Examples
    --------
    >>> [group_name(g) for g in (0, 25, 26)]
    ['A', 'Z', 'AA']
    """
    name = chr(ord("A") + number % 26)
    return name if number < 26 else group_name(number // 26 - 1) + name


def load_phenotypes(folder: str | Path) -> Phenotypes:
    """Read what :meth:`Phenotypes.save` wrote.

    Raises
    ------
    ResultError
        The files are absent, changed, or of a newer version.
    """
    import pandas as pd

    meta, arrays = read_parts(folder, kind="phenotypes", schema=SCHEMA)
    table = _table(
        arrays["patient_id"], arrays["subphenotype"], arrays["membership"], arrays["reason"], arrays["map"]
    )
    frames = {
        name: pd.DataFrame(meta[name]["cells"], columns=meta[name]["columns"])
        for name in ("layouts", "features", "factors")
    }
    return Phenotypes(
        table,
        arrays["memberships"],
        arrays["latent"],
        frames["layouts"],
        frames["features"],
        frames["factors"],
        arrays["tree"],
        Recipe.from_dict(meta["recipe"]),
        meta["fingerprint"],
        meta["status"],
    )


def phenotypes_of(recipe: Recipe, cohort: MuData, *, n_jobs: int, progress: Progress) -> Phenotypes:
    """Fit a recipe to a cohort; see :meth:`Recipe.fit`."""
    _known_blocks(recipe, cohort)
    blocks, ids = blocks_of(cohort, adjust_for=recipe.adjust_for, blocks=recipe.blocks)
    fitted = fit_blocks(recipe, blocks, n_jobs=n_jobs, progress=progress)
    order = np.argsort(ids, kind="stable")
    names = np.array([*(group_name(g) for g in range(fitted.memberships.shape[1])), UNASSIGNED], dtype=str)
    reasons = np.array(REASONS, dtype=str)[fitted.reasons]
    table = _table(
        ids[order],
        names[fitted.labels[order]],
        _own_membership(fitted)[order],
        reasons[order],
        fitted.map[order],
    )
    return Phenotypes(
        table,
        fitted.memberships[order],
        fitted.scores.mean[order],
        _layout_table(fitted),
        _feature_table(fitted),
        _factor_table(fitted),
        _tree_of_rows(fitted, order),
        recipe,
        fingerprint(cohort),
    )


def _tree_of_rows(fitted: Fitted, order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the tree with rows of the table in place of measured patients in canonical order."""
    tree = fitted.tree.copy()
    row = np.empty(len(order), dtype=np.intp)
    row[order] = np.arange(len(order))
    rows = row[fitted.measured]
    for column in (0, 1):
        numbers = tree[:, column].astype(np.intp)
        point = numbers < len(rows)
        tree[:, column] = np.where(point, rows[np.where(point, numbers, 0)], numbers + len(order) - len(rows))
    return tree


def _records(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as plain types that keep the order of its columns."""
    return {"columns": list(frame.columns), "cells": frame.to_dict("split", index=False)["data"]}


def _known_blocks(recipe: Recipe, cohort: MuData) -> None:
    known = block_names(cohort)
    unknown = [name for name in recipe.blocks or () if name not in known]
    if unknown or (recipe.blocks is not None and not recipe.blocks):
        said = f"names {listed(unknown)}, which the cohort does not have" if unknown else "is empty"
        near = did_you_mean(unknown[0], known) if unknown else ""
        raise RecipeError(
            Problem("BLOCK_UNKNOWN", f"blocks {said}", f"The cohort's blocks are {listed(known, 12)}.{near}")
        )


def _own_membership(fitted: Fitted) -> NDArray[np.float64]:
    """Return the membership in the assigned group; of an unassigned patient the largest in any."""
    if fitted.memberships.shape[1] == 0:
        return np.zeros(len(fitted.labels))
    rows = np.arange(len(fitted.labels))
    own = fitted.memberships[rows, np.maximum(fitted.labels, 0)]
    return np.where(fitted.labels >= 0, own, fitted.memberships.max(axis=1))


def _table(
    ids: NDArray[np.str_],
    subphenotype: NDArray[np.str_],
    membership: NDArray[np.float64],
    reason: NDArray[np.str_],
    positions: NDArray[np.float64],
) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "patient_id": ids,
            "subphenotype": subphenotype,
            "membership": membership,
            "reason": reason,
            "map_x": positions[:, 0],
            "map_y": positions[:, 1],
        }
    )


def _layout_table(fitted: Fitted) -> pd.DataFrame:
    import pandas as pd

    r = len(fitted.runs)
    others = (fitted.agreement.sum(axis=0) - 1) / max(r - 1, 1)
    measured = fitted.runs[:, fitted.measured]
    rows: dict[str, Any] = {
        "layout": list(range(1, r + 1)),
        "n_subphenotypes": [int(run.max(initial=-1)) + 1 for run in measured],
        "coverage": [float((run >= 0).mean()) for run in measured],
        "agreement": others.tolist() if r > 1 else [1.0] * r,
        "reference": [i == fitted.reference for i in range(r)],
    }
    return pd.DataFrame(rows)


def _feature_table(fitted: Fitted) -> pd.DataFrame:
    """Return the preparation's table, with the features that the factors set aside."""
    table = fitted.preparation.table
    start = 0
    for part in fitted.preparation.blocks:
        used = fitted.factors.used[start : start + len(part.source)]
        start += len(part.source)
        for j in np.unique(part.source[~used]):
            row = (table["block"] == part.name) & (table["feature"] == part.features[j])
            table.loc[row, "done"] = "set aside: it would make a group by itself"
            table.loc[row, "n_columns"] = 0
    return table


def _factor_table(fitted: Fitted) -> pd.DataFrame:
    import pandas as pd

    model = fitted.factors
    kept = np.arange(len(model.eigenvalues)) < model.n_factors
    return pd.DataFrame({"eigenvalue": model.eigenvalues, "permuted": model.permuted, "kept": kept})
