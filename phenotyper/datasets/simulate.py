"""A simulated cohort of children with wheeze, with the truth beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from phenotyper.datasets.declared import BLOCKS, TABLES, declare, dictionary_of
from phenotyper.datasets.latent import (
    BlockModel,
    Children,
    block_scores,
    expression_model,
    microbiome_model,
    table_model,
)
from phenotyper.datasets.measure import record_expression, record_microbiome, record_table, with_missing
from phenotyper.datasets.patients import clinical_table, draw_background
from phenotyper.datasets.streams import shuffled, stream
from phenotyper.datasets.structure import (
    SUBPHENOTYPES,
    Population,
    Structure,
    draw_continuum,
    draw_groups,
    population,
)
from phenotyper.errors import CohortError, Problem

STRENGTH: Final[Mapping[str, float]] = {"expression": 1.0, "labs": 0.9, "microbiome": 0.75, "lifestyle": 0.85}
"""How clearly each block shows the subphenotypes, as a share of ``separation``."""
SHARE_MEASURED: Final[Mapping[str, float]] = {
    "expression": 0.70,
    "labs": 1.0,
    "microbiome": 0.60,
    "lifestyle": 0.98,
}


@dataclass(frozen=True)
class SimulatedCohort:
    """Tables as hospitals would send them, how they are declared, and the truth.

    Parameters
    ----------
    tables : dict of str to DataFrame
        ``clinical``, one table a block, and ``dictionary``, the first and the last where there is something
        to put there. Missing values are NaN; values below a limit of detection are text (``<0.6``).
    declaration : dict
        What cohort.toml says, with DataFrames in place of files: ``read_cohort(simulated.declaration)``.
    truth : DataFrame
        patient_id, subphenotype ("none" for patients in no subphenotype), in order of the ids.
    """

    tables: dict[str, pd.DataFrame]
    declaration: dict[str, Any]
    truth: pd.DataFrame

    def __repr__(self) -> str:
        """Say what is in it."""
        groups = sorted(set(self.truth["subphenotype"]) - {"none"})
        found = f"{len(groups)} subphenotypes" if groups else "no subphenotypes"
        blocks = ", ".join(self.declaration["blocks"])
        return f"<SimulatedCohort: {len(self.truth)} {self.who}, {found}, blocks {blocks}>"

    @property
    def who(self) -> str:
        """Whom it is about: children with wheeze, or patients of nowhere."""
        return "children" if set(self.declaration["blocks"]) <= set(BLOCKS) else "patients"

    @property
    def covariates(self) -> pd.DataFrame:
        """What the table of patients declares (age, sex, site, batch, family, ...), in order of the ids."""
        patients = self.declaration.get("patients", {})
        named = {role: patients.get(role) for role in ("age", "sex", "site", "batch", "family")}
        columns = {
            role: column["column"] if isinstance(column, Mapping) else column
            for role, column in named.items()
            if column
        } | {column: column for column in patients.get("covariates", ())}
        if not columns:
            return self.truth[["patient_id"]].copy()
        clinical = self.tables["clinical"].set_index("patient_id").loc[self.truth["patient_id"]]
        return pd.DataFrame(
            {"patient_id": clinical.index, **{role: clinical[name].array for role, name in columns.items()}}
        )

    def write(self, folder: str | Path) -> Path:
        """Write cohort.toml, a csv file a table and truth.csv; the same cohort gives the same bytes.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        from phenotyper.datasets.write import write_cohort

        return write_cohort(self, Path(folder))


def simulate_cohort(
    *,
    n_patients: int = 412,
    subphenotypes: int = 3,
    share_without: float = 0.15,
    separation: float = 3.8,
    share_missing: float = 0.08,
    seed: int = 7,
    hospital: str | Sequence[str] = ("Northfield", "Eastbrook"),
    blocks: Sequence[str] = BLOCKS,
    id_prefix: str = "WZ",
    name: str = "Childhood wheeze, two hospitals (simulated)",
) -> SimulatedCohort:
    """Simulate children with wheeze: four blocks, outcomes and a randomised treatment, with the truth beside.

    Loadings, limits and age curves are fixed; ``seed`` draws the children. Each part has its own child of the
    seed, so that a change in one part leaves the others as they were.

    Parameters
    ----------
    n_patients : int
        Number of children, 20 or more.
    subphenotypes : int
        0 to 3. With 0 features keep their distributions and correlations (from continuous factors, age and
        hospital), without groups.
    share_without : float
        Share of children in no subphenotype, scattered between and around the groups; 0 to 0.9.
    separation : float
        Distance of two subphenotypes' centres in the strongest block, in standard deviations within a
        subphenotype. The other blocks have 0.75 to 0.9 of it.
    share_missing : float
        Share of values missing at random, in all blocks but the composition; 0 to 0.5.
    seed : int
        Seed of everything that is drawn.
    hospital : str or sequence of str
        Names of the hospitals; each shifts expression in its own way.
    blocks : sequence of str
        Blocks to measure, of "expression", "labs", "microbiome", "lifestyle".
    id_prefix : str
        Ids are the prefix and a number: ``WZ-0001``.
    name : str
        Name of the cohort.

    Returns
    -------
    SimulatedCohort
        Tables, declaration and truth.

    Raises
    ------
    CohortError
        A setting lies outside its range.

    Examples
    --------
    >>> cohort = simulate_cohort(n_patients=60, seed=1)
    >>> cohort
    <SimulatedCohort: 60 children, 3 subphenotypes, blocks expression, labs, microbiome, lifestyle>
    >>> cohort.truth["subphenotype"].value_counts().to_dict()
    {'atopic': 22, 'neutrophilic': 17, 'metabolic': 12, 'none': 9}
    """
    hospitals = (hospital,) if isinstance(hospital, str) else tuple(hospital)
    _refuse_bad_settings(
        n_patients, subphenotypes, share_without, separation, share_missing, hospitals, tuple(blocks)
    )
    mixture = population(subphenotypes, share_without)
    structure = (
        draw_groups(mixture, n_patients, seed) if subphenotypes else draw_continuum(mixture, n_patients, seed)
    )
    background = draw_background(structure, hospitals=hospitals, seed=seed)
    clinical = clinical_table(structure, background, id_prefix=id_prefix, seed=seed)
    children = Children(structure, background.factors, background.months)
    tables = {"clinical": _in_random_order(clinical, "clinical", seed)}
    for block in (block for block in BLOCKS if block in blocks):
        values = _measure(block, children, clinical, mixture=mixture, separation=separation, seed=seed)
        if block != "microbiome":
            values = with_missing(values, share_missing, stream(seed, block, "missing"))
        values.insert(0, "patient_id", clinical["patient_id"])
        tables[block] = _in_random_order(values, block, seed, share=SHARE_MEASURED[block])
    tables["dictionary"] = dictionary_of([block for block in TABLES if block in blocks])
    return SimulatedCohort(tables, declare(name, tables), _truth(structure, clinical))


def _measure(
    block: str,
    children: Children,
    clinical: pd.DataFrame,
    *,
    mixture: Population,
    separation: float,
    seed: int,
) -> pd.DataFrame:
    model = _model(block)
    scores = block_scores(block, model, children, mixture=mixture, separation=separation, seed=seed)
    if block == "expression":
        return record_expression(
            scores, hospital=clinical["hospital"].to_numpy(str), plate=clinical["plate"].to_numpy(str)
        )
    return record_microbiome(scores) if block == "microbiome" else record_table(TABLES[block], scores)


def _model(block: str) -> BlockModel:
    if block == "expression":
        return expression_model(STRENGTH[block])
    if block == "microbiome":
        return microbiome_model(STRENGTH[block])
    return table_model(block, TABLES[block], STRENGTH[block])


def _in_random_order(table: pd.DataFrame, part: str, seed: int, *, share: float = 1.0) -> pd.DataFrame:
    """Return a share of the rows, shuffled."""
    rows = shuffled(stream(seed, part, "rows"), len(table))[: round(share * len(table))]
    return table.iloc[rows].reset_index(drop=True)


def _truth(structure: Structure, clinical: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"patient_id": clinical["patient_id"], "subphenotype": structure.label.astype(object)}
    )


def _refuse_bad_settings(
    n_patients: int,
    subphenotypes: int,
    share_without: float,
    separation: float,
    share_missing: float,
    hospitals: tuple[str, ...],
    blocks: tuple[str, ...],
) -> None:
    rules = [
        (n_patients >= 20, f"n_patients is {n_patients}", "Give 20 or more."),
        (
            0 <= subphenotypes <= len(SUBPHENOTYPES),
            f"subphenotypes is {subphenotypes}",
            f"Give 0 to {len(SUBPHENOTYPES)}.",
        ),
        (0 <= share_without <= 0.9, f"share_without is {share_without}", "Give a share from 0 to 0.9."),
        (
            separation >= 0 and np.isfinite(separation),
            f"separation is {separation}",
            "Give a number of standard deviations, 0 or more.",
        ),
        (0 <= share_missing <= 0.5, f"share_missing is {share_missing}", "Give a share from 0 to 0.5."),
        (
            len(set(hospitals)) == len(hospitals) > 0,
            f"hospital is {hospitals}",
            "Give one name or several different ones.",
        ),
        (
            bool(blocks) and set(blocks) <= set(BLOCKS),
            f"blocks is {blocks}",
            f"Choose from {', '.join(BLOCKS)}.",
        ),
    ]
    problems = [Problem("SIMULATION", message, remedy) for holds, message, remedy in rules if not holds]
    if problems:
        raise CohortError(problems)
