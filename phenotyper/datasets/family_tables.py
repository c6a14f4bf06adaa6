"""Blocks of a simulated family as tables, how they are declared, and the table of patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.declaration import LEVEL_KINDS
from phenotyper.datasets.family_draw import Layout, labels_of
from phenotyper.datasets.family_list import Family
from phenotyper.datasets.simulate import SimulatedCohort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Blocks
    from phenotyper.datasets.streams import Floats

Roles = Mapping[str, "NDArray[np.object_] | Floats"]


def cohort_of(family: Family, blocks: Blocks, layout: Layout, *, ids: NDArray[np.str_]) -> SimulatedCohort:
    """Return the cohort of blocks whose patients stand in the order of their ids."""
    tables = tables_of(blocks, ids, layout.roles)
    title = f"{family.name.replace('_', ' ').capitalize()} (simulated)"
    truth = pd.DataFrame(
        {"patient_id": ids.astype(object), "subphenotype": labels_of(family, layout).astype(object)}
    )
    return SimulatedCohort(tables, declared(title, blocks, tables), truth)


def tables_of(blocks: Blocks, ids: NDArray[np.str_], roles: Roles) -> dict[str, pd.DataFrame]:
    """Return ``clinical`` (where patients have roles), a table a block, ``dictionary`` (of mixed blocks)."""
    tables = {}
    if roles:
        tables["clinical"] = pd.DataFrame({"patient_id": ids.astype(object), **roles})
    for block in blocks.blocks:
        tables[block.name] = _table(block, ids)
    mixed = [block for block in blocks.blocks if kind_of(block) == "mixed"]
    if mixed:
        tables["dictionary"] = pd.concat([_dictionary(block) for block in mixed], ignore_index=True)
    return tables


def kind_of(block: Block) -> str:
    """Return the kind of all features of a block, or "mixed"."""
    return block.kinds[0] if len(set(block.kinds)) == 1 and block.kinds[0] not in LEVEL_KINDS else "mixed"


def declared(title: str, blocks: Blocks, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the keys of cohort.toml with the DataFrames in place of files."""
    found: dict[str, Any] = {"name": title, "id": "patient_id", "missing_codes": [], "blocks": {}}
    for block in blocks.blocks:
        found["blocks"][block.name] = {"file": tables[block.name], "kind": kind_of(block)}
        if kind_of(block) == "mixed":
            found["blocks"][block.name]["dictionary"] = tables["dictionary"]
    if "clinical" in tables:
        found["patients"] = {"file": tables["clinical"], **_declared_roles(set(tables["clinical"]))}
    return found


def _declared_roles(columns: set[str]) -> dict[str, Any]:
    how: dict[str, Any] = {
        "age": {"column": "age", "unit": "years"},
        "sex": {"column": "sex", "female": "F", "male": "M"},
        "site": "site",
        "family": "family",
    }
    roles = {role: value for role, value in how.items() if role in columns}
    return roles | ({"covariates": ["exposure"]} if "exposure" in columns else {})


def _table(block: Block, ids: NDArray[np.str_]) -> pd.DataFrame:
    """Return the patients who have the block; levels as text."""
    columns: dict[str, Any] = {"patient_id": ids[block.present].astype(object)}
    values = block.values[block.present]
    for place, (feature, levels) in enumerate(zip(block.features, block.levels, strict=True)):
        column = values[:, place]
        columns[feature] = _texts(column, levels) if levels else column.copy()
    return pd.DataFrame(columns)


def _texts(codes: Floats, levels: tuple[str, ...]) -> NDArray[np.object_]:
    names = np.array([*levels, np.nan], dtype=object)
    return names[np.where(np.isnan(codes), len(levels), codes).astype(np.intp)]


def _dictionary(block: Block) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "column": block.features,
            "kind": block.kinds,
            "levels": [" | ".join(levels) for levels in block.levels],
        }
    )
