"""Candidate subphenotypes: who belongs where, and how it was found."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.blocks import Covariate, blocks_of
from phenotyper.cohort.container import block_names, patients_of
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.discover.fitting import Fitted, fit_blocks
from phenotyper.discover.frozen import Frozen
from phenotyper.discover.groups import REASONS
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import Problem, RecipeError, ResultError, did_you_mean, listed
from phenotyper.prepare.automatic import resolve_adjustment
from phenotyper.results import CANDIDATE, Result, frame_of, read_parts, record_of, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks
    from phenotyper.discover.recipe import Progress

SCHEMA = 2
TRIED = ("n_factors", "n_neighbors", "min_cluster_size", "min_samples", "k")
UNASSIGNED = "unassigned"
COLUMNS = ("subphenotype", "probability", "membership", "reason", "uncertainty")


@dataclass(frozen=True, repr=False, eq=False)
class Phenotypes(Result):
    """Candidate subphenotypes of a cohort.

    Parameters
    ----------
    table : DataFrame
        One row a patient, sorted by ``patient_id``: ``subphenotype`` ("A", "B", ... or "unassigned"),
        ``probability`` (0 to 1: of this subphenotype, given that the patient is of one; of an unassigned
        patient the largest), ``membership`` (0 to 1: how far the runs place the patient in this company),
        ``reason`` (why unassigned, else empty), ``uncertainty`` (standard deviation of the patient's scores
        that is due to what was not measured, mean over the factors, each of standard deviation 1; 0 for a
        complete patient), ``map_x``, ``map_y``.
    memberships, probabilities : ndarray, shape (n, k)
        The same for every subphenotype, rows as in ``table``.
    latent : ndarray, shape (n, f)
        Scores on the factors, rows as in ``table``.
    runs : DataFrame
        One row a run: the settings tried (n_factors, n_neighbors, min_cluster_size, min_samples, seed, or of
        other methods k), n_subphenotypes, coverage, agreement (mean pair Jaccard with the other runs),
        reference.
    criteria : DataFrame
        One row a number of groups tried, of methods that choose one: k, chosen, bic, silhouette, ...
    features : DataFrame
        One row a feature: what the preparation did with it and why.
    factors : DataFrame
        One row an eigenvalue: observed, permuted (95th percentile), kept.
    tree : ndarray, shape (m, 4)
        Condensed tree of the run that agrees best with the others: parent, child, lambda, size; a child
        below n is the patient in that row of ``table``.
    recipe : Recipe
        The settings.
    fingerprint : str
        Of the cohort.
    status : str
        What may be said of the groups.
    adjusted_for : tuple of str
        Covariates whose effects were taken out.
    frozen : Frozen, optional
        All that placing a new patient needs, without any patient: see :func:`phenotyper.assign`.
    """

    table: pd.DataFrame
    memberships: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    latent: NDArray[np.float64]
    runs: pd.DataFrame
    criteria: pd.DataFrame
    features: pd.DataFrame
    factors: pd.DataFrame
    tree: NDArray[np.float64]
    recipe: Recipe
    fingerprint: str
    adjusted_for: tuple[str, ...] = ()
    frozen: Frozen | None = None
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
        """Mean pair Jaccard between the runs; NaN when there was none."""
        return float(self.runs["agreement"].mean())

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row a setting tried: what it found over its seeds, and how far all runs agree with it."""
        tried = [name for name in TRIED if name in self.runs]
        if not tried:
            return self.runs.drop(columns=["run", "reference"])
        groups = self.runs.groupby(tried, sort=False, dropna=False)
        found = groups[["n_subphenotypes", "coverage", "agreement"]].mean()
        found.insert(0, "n_runs", groups.size())
        spread = groups["n_subphenotypes"].agg(["min", "max"])
        found.insert(2, "fewest", spread["min"])
        found.insert(3, "most", spread["max"])
        return found.reset_index()

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        if not self.names:
            why = f"{self._why_none()} ({self.status})"
            return f"no subphenotypes among {self.n_patients} patients: {why}{self._adjusted_text()}"
        number = "1 subphenotype" if len(self.names) == 1 else f"{len(self.names)} subphenotypes"
        sizes = ", ".join(f"{name} {self.sizes[name]}" for name in self.names)
        assigned = f"{100 * self.coverage:.0f} % of {self.n_patients} patients assigned"
        agreement = f"{self._agreement_text()}{self._adjusted_text()}"
        return f"{number} ({self.status}): {sizes}; {assigned}; {agreement}"

    def _why_none(self) -> str:
        if self.runs.empty:
            return "they have too few different profiles"
        if not self.runs["n_subphenotypes"].any():
            return f"no {self._run} shows groups"
        return f"the {self._run}s find no group again ({self._agreement_text()})"

    @property
    def _run(self) -> str:
        return "layout" if self.recipe.method == "hdbscan" else "run"

    def _agreement_text(self) -> str:
        word = "weak" if self.agreement < 0.5 else "fair" if self.agreement < 0.75 else "good"
        return f"agreement of the {self._run}s {self.agreement:.2f}, {word}"

    def _adjusted_text(self) -> str:
        if not self.adjusted_for:
            return ""
        by_itself = ", as patients are under 18 (adjust_for=() for none)"
        because = by_itself if self.recipe.adjust_for is None else ""
        return f"; adjusted for {listed(self.adjusted_for, 12)}{because}"

    def save(self, folder: str | Path) -> None:
        """Write ``phenotypes.json`` and ``.npz``, ``placing.json`` and ``.npz``.

        The first two hold patient ids and belong under ``private/``; the others hold what places new
        patients, and no patient's row.
        """
        meta = {
            "recipe": self.recipe.to_dict(),
            "fingerprint": self.fingerprint,
            "status": self.status,
            "runs": record_of(self.runs),
            "criteria": record_of(self.criteria),
            "adjusted_for": list(self.adjusted_for),
            "features": record_of(self.features),
            "factors": record_of(self.factors),
            "python": platform.python_version(),
        }
        arrays = {
            "patient_id": self.table["patient_id"].to_numpy(dtype=str),
            "subphenotype": self.table["subphenotype"].to_numpy(dtype=str),
            "probability": self.table["probability"].to_numpy(dtype=np.float64),
            "membership": self.table["membership"].to_numpy(dtype=np.float64),
            "uncertainty": self.table["uncertainty"].to_numpy(dtype=np.float64),
            "reason": self.table["reason"].to_numpy(dtype=str),
            "map": self.table[["map_x", "map_y"]].to_numpy(dtype=np.float64),
            "memberships": self.memberships,
            "probabilities": self.probabilities,
            "latent": self.latent,
            "tree": self.tree,
        }
        write_parts(folder, kind="phenotypes", schema=SCHEMA, meta=meta, arrays=arrays)
        if self.frozen is not None:
            state, frozen = self.frozen.to_state()
            write_parts(folder, kind="placing", schema=SCHEMA, meta=state, arrays=frozen)


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
    meta, arrays = read_parts(folder, kind="phenotypes", schema=SCHEMA)
    table = _table({name: arrays[name] for name in ("patient_id", *COLUMNS)}, arrays["map"])
    frames = {name: frame_of(meta[name]) for name in ("runs", "criteria", "features", "factors")}
    return Phenotypes(
        table,
        arrays["memberships"],
        arrays["probabilities"],
        arrays["latent"],
        frames["runs"],
        frames["criteria"],
        frames["features"],
        frames["factors"],
        arrays["tree"],
        Recipe.from_dict(meta["recipe"]),
        meta["fingerprint"],
        tuple(meta["adjusted_for"]),
        Frozen.from_state(*read_parts(folder, kind="placing", schema=SCHEMA)),
        meta["status"],
    )


def phenotypes_of(recipe: Recipe, cohort: MuData, *, n_jobs: int, progress: Progress) -> Phenotypes:
    """Fit a recipe to a cohort; see :meth:`Recipe.fit`."""
    _known_blocks(recipe, cohort)
    adjust_for = resolve_adjustment(cohort, recipe.adjust_for).names
    blocks, ids = blocks_of(cohort, adjust_for=adjust_for, blocks=recipe.blocks)
    fitted = fit_blocks(recipe, blocks, n_jobs=n_jobs, progress=progress)
    order = np.argsort(ids, kind="stable")
    names = np.array([*(group_name(g) for g in range(fitted.memberships.shape[1])), UNASSIGNED], dtype=str)
    columns = {
        "patient_id": ids,
        "subphenotype": names[fitted.labels],
        "probability": _own(fitted.probabilities, fitted.labels),
        "membership": _own(fitted.memberships, fitted.labels),
        "reason": np.array(REASONS, dtype=str)[fitted.reasons],
        "uncertainty": np.sqrt(np.einsum("nff->n", fitted.scores.missing_cov) / fitted.scores.mean.shape[1]),
    }
    return Phenotypes(
        _table({name: values[order] for name, values in columns.items()}, fitted.map[order]),
        fitted.memberships[order],
        fitted.probabilities[order],
        fitted.scores.mean[order],
        _run_table(fitted),
        pd_frame(fitted.criteria),
        _feature_table(fitted),
        _factor_table(fitted),
        _tree_of_rows(fitted, order),
        recipe,
        fingerprint(cohort),
        adjust_for,
        Frozen.of(
            fitted,
            blocks,
            names=names[:-1].tolist(),
            seed=recipe.seed,
            others=_also_known(cohort, ids, blocks),
        ),
    )


def _also_known(cohort: MuData, ids: NDArray[np.str_], blocks: Blocks) -> list[Covariate]:
    """Return the patients' ages, where they are known and not adjusted for."""
    patients = patients_of(cohort)
    if "age" not in patients or any(covariate.name == "age" for covariate in blocks.covariates):
        return []
    return [Covariate("age", patients["age"].loc[ids].to_numpy(dtype=np.float64, na_value=np.nan))]


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


def _known_blocks(recipe: Recipe, cohort: MuData) -> None:
    known = block_names(cohort)
    unknown = [name for name in recipe.blocks or () if name not in known]
    if unknown or (recipe.blocks is not None and not recipe.blocks):
        said = f"names {listed(unknown)}, which the cohort does not have" if unknown else "is empty"
        near = did_you_mean(unknown[0], known) if unknown else ""
        raise RecipeError(
            Problem("BLOCK_UNKNOWN", f"blocks {said}", f"The cohort's blocks are {listed(known, 12)}.{near}")
        )


def _own(values: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return each patient's value for the assigned group; of an unassigned patient the largest of any."""
    if values.shape[1] == 0:
        return np.zeros(len(labels))
    own = values[np.arange(len(labels)), np.maximum(labels, 0)]
    return np.where(labels >= 0, own, values.max(axis=1))


def _table(columns: Mapping[str, NDArray[Any]], positions: NDArray[np.float64]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({**columns, "map_x": positions[:, 0], "map_y": positions[:, 1]})


def _run_table(fitted: Fitted) -> pd.DataFrame:
    measured = fitted.runs[:, fitted.measured]
    return pd_frame(
        [
            {
                "run": i + 1,
                **setting,
                "n_subphenotypes": int(run.max(initial=-1)) + 1,
                "coverage": float((run >= 0).mean()),
                "agreement": float(fitted.consensus.agreement[i]),
                "reference": i == fitted.consensus.reference,
            }
            for i, (run, setting) in enumerate(zip(measured, fitted.settings, strict=True))
        ],
        ("run", "n_subphenotypes", "coverage", "agreement", "reference"),
    )


def pd_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows as a table, with these columns where there is no row."""
    import pandas as pd

    return pd.DataFrame([dict(row) for row in rows]) if len(rows) else pd.DataFrame(columns=list(columns))


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
