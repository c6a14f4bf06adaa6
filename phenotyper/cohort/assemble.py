"""Coded blocks and the table of patients to one cohort: all patients stay, empty and constant features go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenotyper.cohort.coding import CodedBlock, code_block
from phenotyper.cohort.container import build
from phenotyper.cohort.days import index_days
from phenotyper.cohort.declaration import Declaration
from phenotyper.cohort.flow import patient_flow
from phenotyper.cohort.kinds import all_missing, constant
from phenotyper.cohort.presence import empty_rows
from phenotyper.cohort.roles import obs_of
from phenotyper.cohort.tables import Tables, all_ids
from phenotyper.errors import Problem

if TYPE_CHECKING:
    from mudata import MuData


@dataclass(frozen=True)
class Parts:
    """What a cohort is made from, all coded and nothing dropped.

    Parameters
    ----------
    declaration : Declaration
        What was declared.
    blocks : tuple of CodedBlock
        Blocks that could be coded.
    obs : DataFrame
        All patients (index: ids) and the standardised columns; empty where a patient has no row for them.
    """

    declaration: Declaration
    blocks: tuple[CodedBlock, ...]
    obs: pd.DataFrame


def parts_of(tables: Tables) -> Parts:
    """Code every table. A patient who stands twice in a table is taken once; that is for the checks."""
    declared = tables.declaration.patients.index_date
    index = index_days(tables.patients, tables.declaration) if declared else None
    coded = tuple(
        code_block(tables.spec(name), table, tables.dictionaries.get(name, {}), index=index)
        for name, table in tables.blocks.items()
        if table.ids is not None
    )
    everyone = pd.Index(all_ids(tables.with_ids()), dtype="str")
    obs = pd.DataFrame(index=everyone)
    if tables.patients is not None and tables.patients.ids is not None:
        known = obs_of(tables.patients, tables.declaration)
        obs = known[~known.index.duplicated()].reindex(everyone)
        flags = [column.name for column in tables.declaration.obs_columns() if column.type == "flag"]
        obs = obs.assign(**{name: (obs[name] == 1).to_numpy(dtype=bool) for name in flags})
    return Parts(tables.declaration, coded, obs)


def useless(block: CodedBlock) -> np.ndarray:
    """Return which features hold nothing, or one value."""
    return all_missing(block.values) | constant(block.values)


def dropped_features(block: CodedBlock) -> dict[str, float | None]:
    """Return the dropped features: the value of a constant one, None for an empty one.

    The value lets a later patient be compared.
    """
    still = constant(block.values)
    names = [feature.name for feature in block.features]
    return {
        names[place]: float(np.nanmax(block.values[:, place])) if still[place] else None
        for place in np.flatnonzero(useless(block))
    }


def _held(block: CodedBlock) -> CodedBlock:
    """Return a block without its useless features, and without patients of whom it knows nothing."""
    useful = ~useless(block)
    return block.part(patients=~empty_rows(block.values, useful), features=useful)


def cohort_of(
    parts: Parts, *, found: set[str], gone: set[str], problems: list[Problem], sources: Mapping[str, str]
) -> MuData:
    """Return the cohort of parts that no check refuses."""
    blocks = [_held(block) for block in parts.blocks]
    consent = bool(parts.declaration.consent and parts.declaration.consent.research)
    flow = patient_flow(
        found, gone, {block.spec.name: block.ids.tolist() for block in blocks}, consent=consent
    )
    about = {
        "flow": [list(step) for step in flow],
        "problems": [problem.to_dict() for problem in problems],
        "sources": dict(sources),
        "dropped": {block.spec.name: dropped_features(block) for block in parts.blocks},
    }
    return build(parts.declaration, blocks, parts.obs, about=about)
