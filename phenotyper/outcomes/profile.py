"""What the subphenotypes mean: patients, outcomes and features, in one call."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from phenotyper.cohort.container import declaration_of, patients_of
from phenotyper.outcomes.declared import chosen_outcomes, outcome_of
from phenotyper.outcomes.facts import Described, Outcome, to_frame
from phenotyper.outcomes.features import feature_differences, feature_table
from phenotyper.outcomes.groups import Groups, groups_of
from phenotyper.outcomes.simple_kinds import (
    describe_binary,
    describe_count,
    describe_number,
    describe_ordinal,
)
from phenotyper.outcomes.survival import describe_survival
from phenotyper.outcomes.table_one import table_one
from phenotyper.results import Result, Table

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData

    from phenotyper.outcomes.curves import SurvivalCurves

DESCRIBE: Mapping[str, Callable[[Outcome, Groups], Described]] = MappingProxyType(
    {
        "binary": describe_binary,
        "number": describe_number,
        "count": describe_count,
        "ordinal": describe_ordinal,
        "survival": describe_survival,
    }
)
"""One function a kind of outcome."""


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Result):
    """Patients, outcomes and features by subphenotype.

    Parameters
    ----------
    status : str
        What may be said of the subphenotypes; it ends every title.
    names : tuple of str
        Subphenotypes, largest first.
    n_patients, n_unassigned : int
        Patients of the cohort, and those in no subphenotype.
    table : DataFrame
        Outcomes, one fact a row: outcome, kind, subphenotype (a name, "unassigned", "all", or "assigned" for
        tests), n, n_missing, events, statistic, estimate, ci_low, ci_high, unit, level, time, note.
    table_one : Table
        Patients by subphenotype.
    outcome_tables : Mapping of str to Table
        A printed table an outcome.
    survival : Mapping of str to SurvivalCurves
        Curves of each survival outcome.
    features : DataFrame
        Standardised mean difference of each feature and subphenotype against the rest of the assigned, see
        ``feature_differences``.
    feature_table : Table
        The features that differ most; descriptive, without p.
    recipe, seed, fingerprint
        What the subphenotypes were made by and from.
    """

    status: str
    names: tuple[str, ...]
    n_patients: int
    n_unassigned: int
    table: pd.DataFrame
    table_one: Table
    outcome_tables: Mapping[str, Table]
    survival: Mapping[str, SurvivalCurves]
    features: pd.DataFrame
    feature_table: Table
    recipe: Any
    seed: int
    fingerprint: str

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every printed table, in order."""
        return (self.table_one, *self.outcome_tables.values(), self.feature_table)

    def sentence(self) -> str:
        """Say who was described by which outcomes."""
        k = len(self.names)
        found = f"{k or 'no'} subphenotype{'' if k == 1 else 's'}"
        who = f"{found} among {self.n_patients} patients, {self.n_unassigned} unassigned"
        what = (
            f"outcomes: {', '.join(self.outcome_tables)}"
            if self.outcome_tables
            else "no outcomes declared or asked for"
        )
        return f"{who}; {what} ({self.status})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>" + "".join(table.to_html() for table in self.tables)


def profile(found: Any, cohort: MuData, *, outcomes: Iterable[str] | None = None) -> Profile:
    """Describe each subphenotype: who the patients are, how they fared, which features differ.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes; none, one or many.
    cohort : MuData
        From ``read_cohort``: the cohort that they were found in, or a part of it.
    outcomes : iterable of str, optional
        Declared outcomes; all by default.

    Returns
    -------
    Profile
        With tables, survival curves and tidy facts. The unassigned are a group of their own throughout;
        missing outcomes are counted.

    Raises
    ------
    ResultError
        UNKNOWN_OUTCOME, OTHER_COHORT.

    Notes
    -----
    95 % intervals: Wilson (proportions), Student's t (means), robust Poisson on the log scale (counts),
    log(-log) with Greenwood's variance (Kaplan-Meier). Survival is compared over the assigned subphenotypes
    by the log-rank test. Features carry no p values.
    """
    specs = chosen_outcomes(declaration_of(cohort).outcomes, outcomes)
    patients = patients_of(cohort)
    groups = groups_of(found, patients.index)
    described = {spec.name: DESCRIBE[spec.kind](outcome_of(spec, patients), groups) for spec in specs}
    differences = feature_differences(found, cohort)
    return Profile(
        status=found.status,
        names=groups.names,
        n_patients=len(patients),
        n_unassigned=int((groups.codes < 0).sum()),
        table=to_frame(fact for one in described.values() for fact in one.facts),
        table_one=table_one(found, cohort),
        outcome_tables=MappingProxyType({name: one.table for name, one in described.items()}),
        survival=MappingProxyType(
            {name: one.curves for name, one in described.items() if one.curves is not None}
        ),
        features=differences,
        feature_table=feature_table(differences, groups),
        recipe=found.recipe,
        seed=found.seed,
        fingerprint=found.fingerprint,
    )
