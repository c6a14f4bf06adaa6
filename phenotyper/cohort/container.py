"""The cohort as a plain ``MuData``: how it is put together, read back, and told apart from another.

Later steps use these helpers, never ``cohort.obs`` itself: mudata changes types of columns when it reads
a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.declaration import LEVEL_KINDS, Declaration, ObsColumn
from phenotyper.cohort.kinds import Feature
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.values import code_text
from phenotyper.errors import CohortError, Problem, listed

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

KEY = "phenotyper"
PATIENTS = "patients"
VISITS = "visits"
SCHEMA = 1
VAR_TEXT = ("kind", "unit", "label", "levels", "reference")


def build(
    declaration: Declaration, blocks: Sequence[CodedBlock], obs: pd.DataFrame, *, about: dict[str, Any]
) -> MuData:
    """Return the cohort.

    Parameters
    ----------
    declaration : Declaration
        Kept as JSON text.
    blocks : sequence of CodedBlock
        One modality each.
    obs : DataFrame
        All patients (index: ids) and the standardised columns.
    about : dict
        flow, problems, sources, dropped: plain types for JSON.
    """
    import anndata
    import mudata

    with third_party_quiet():
        nobody_lost = anndata.AnnData(np.empty((len(obs), 0)), obs=pd.DataFrame(index=obs.index))
        pairs = zip(blocks, _own_values(blocks), strict=True)
        cohort = mudata.MuData(
            {PATIENTS: nobody_lost} | {block.spec.name: _modality(block, values) for block, values in pairs}
        )
        cohort.obs = obs.loc[cohort.obs_names]
        cohort.uns[KEY] = json.dumps(
            {"schema": SCHEMA, "declaration": declaration.to_dict(), **about}, ensure_ascii=False
        )
    return cohort


def _own_values(blocks: Sequence[CodedBlock]) -> list[np.ndarray]:
    """Return the values of each block, writable and shared with no other, copied only where they must."""
    found: list[np.ndarray] = []
    for block in blocks:
        values = block.values.view()
        try:
            values.flags.writeable = True
        except ValueError:
            values = values.copy()
        found.append(values.copy() if any(np.may_share_memory(values, one) for one in found) else values)
    return found


def _modality(block: CodedBlock, values: np.ndarray) -> AnnData:
    import anndata

    index = pd.Index(block.ids, dtype="str")
    modality = anndata.AnnData(values, obs=pd.DataFrame(index=index), var=var_of(block.features))
    if block.censored is not None and block.censored.any():
        modality.layers["censored"] = block.censored.astype(np.int8)
    if block.errors is not None and np.isfinite(block.errors).any():
        modality.layers["error"] = block.errors
    if block.visits is not None:
        ids, day, names, visits = block.visits
        modality.uns[VISITS] = {
            "patient_id": ids,
            "day": day,
            "features": np.array(names, dtype=object),
            "values": visits,
        }
    return modality


def var_of(features: Sequence[Feature]) -> pd.DataFrame:
    """Return the ``var`` table of features: kind, unit, label, levels (JSON text), lod, reference."""
    columns = {
        "kind": [feature.kind for feature in features],
        "unit": [feature.unit for feature in features],
        "label": [feature.label for feature in features],
        "levels": [
            json.dumps(list(feature.levels), ensure_ascii=False) if feature.kind in LEVEL_KINDS else ""
            for feature in features
        ],
        "reference": [feature.reference for feature in features],
    }
    table = pd.DataFrame({name: pd.array(values, dtype="str") for name, values in columns.items()})
    table.insert(4, "lod", np.array([feature.lod for feature in features], dtype=np.float64))
    table.index = pd.Index([feature.name for feature in features], dtype="str")
    return table


def _about(cohort: MuData) -> dict[str, Any]:
    text = cohort.uns.get(KEY) if hasattr(cohort, "uns") else None
    if text is None or PATIENTS not in cohort.mod:
        names = listed(cohort.mod, most=3) if hasattr(cohort, "mod") else ""
        example = (
            '{"blocks": {"rna": {"file": mdata["rna"], "kind": "log"}}, "patients": {"file": frame, ...}}'
        )
        message = f"this MuData ({names}) carries no declaration, so nobody knows the kinds of its features"
        raise CohortError(
            Problem(
                "NO_DECLARATION",
                message,
                f"Give its modalities as AnnData in a dict: read_cohort({example}).",
            )
        )
    about: dict[str, Any] = json.loads(str(text))
    if about.get("schema", 0) > SCHEMA:
        raise CohortError(
            Problem(
                "COHORT_NEWER",
                f"the cohort has schema {about['schema']}, this version reads up to {SCHEMA}",
                "Update phenotyper.",
            )
        )
    return about


def declaration_of(cohort: MuData) -> Declaration:
    """Return what was declared.

    Raises
    ------
    CohortError
        NO_DECLARATION when the MuData was not made by ``read_cohort``.
    """
    return Declaration.from_dict(_about(cohort)["declaration"])


def flow_of(cohort: MuData) -> list[tuple[str, int]]:
    """Return the patient flow: label and number of patients, in order."""
    return [(str(label), int(number)) for label, number in _about(cohort)["flow"]]


def warnings_of(cohort: MuData) -> tuple[Problem, ...]:
    """Return the warnings that were recorded when the cohort was read."""
    return tuple(Problem.from_dict(problem) for problem in _about(cohort)["problems"])


def sources_of(cohort: MuData) -> dict[str, str]:
    """Return the SHA-256 of each file that was read ("memory" for tables in memory)."""
    return {str(name): str(digest) for name, digest in _about(cohort)["sources"].items()}


def dropped_of(cohort: MuData) -> dict[str, dict[str, float | None]]:
    """Return the features that were dropped, by block: the value of a constant one, None for an empty one."""
    return {str(block): dict(features) for block, features in _about(cohort)["dropped"].items()}


def block_names(cohort: MuData) -> tuple[str, ...]:
    """Return the names of the blocks, in the order of the declaration."""
    return tuple(name for name in cohort.mod if name != PATIENTS)


def patients_of(cohort: MuData) -> pd.DataFrame:
    """Return one row a patient (index: ids) with the declared columns and their declared types."""
    obs = pd.DataFrame(cohort.obs)
    index = pd.Index([str(name) for name in cohort.obs_names], dtype="str")
    columns = {
        column.name: _restored(obs[column.name], column)
        for column in declaration_of(cohort).obs_columns()
        if column.name in obs
    }
    return pd.DataFrame(columns, index=index)


def _restored(values: pd.Series, column: ObsColumn) -> Any:
    kind = column.type
    if kind == "either":
        kind = "number" if pd.api.types.is_numeric_dtype(values.dtype) else "category"
    if kind == "number":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "flag":
        return (values == 1).to_numpy(dtype=bool)
    if kind == "text":
        return pd.array([None if pd.isna(cell) else str(cell) for cell in values], dtype="str")
    found = values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category")
    levels = pd.Index(
        [code_text(level) if not isinstance(level, str) else level for level in found.cat.categories],
        dtype="str",
    )
    return pd.Categorical.from_codes(
        found.cat.codes.to_numpy(), categories=levels, ordered=column.type == "levels"
    )


def features_of(cohort: MuData, name: str) -> pd.DataFrame:
    """Return the ``var`` table of a block with its types: text, and float for lod."""
    var = pd.DataFrame(cohort[name].var)
    columns: dict[str, Any] = {
        fact: pd.array([_text(cell) for cell in var[fact]], dtype="str") for fact in VAR_TEXT
    }
    table = pd.DataFrame(columns, index=pd.Index([str(feature) for feature in var.index], dtype="str"))
    table.insert(4, "lod", var["lod"].to_numpy(dtype=np.float64, na_value=np.nan))
    return table


def _text(cell: Any) -> str:
    return "" if pd.isna(cell) else str(cell)


def block_frame(cohort: MuData, name: str) -> pd.DataFrame:
    """Return a block as patients x features: labels for levels, floats for all else."""
    modality = cohort[name]
    facts = features_of(cohort, name)
    values = dense(modality)
    index = pd.Index([str(patient) for patient in modality.obs_names], dtype="str")
    columns: dict[str, Any] = {}
    for place, (feature, kind, levels) in enumerate(
        zip(facts.index, facts["kind"], facts["levels"], strict=True)
    ):
        columns[feature] = (
            _labels(values[:, place], json.loads(levels), kind) if kind in LEVEL_KINDS else values[:, place]
        )
    return pd.DataFrame(columns, index=index)


def visits_of(cohort: MuData, name: str) -> pd.DataFrame:
    """Return the visits that a block's features were made of: patient_id, day since the index date, values.

    A measurement that is called patient_id or day itself has " (value)" behind its name. Empty for a block
    that was not declared with visits.
    """
    kept = cohort[name].uns.get(VISITS)
    if kept is None:
        return pd.DataFrame({"patient_id": pd.array([], dtype="str"), "day": np.empty(0)})
    ids, day = [str(patient) for patient in kept["patient_id"]], np.asarray(kept["day"], dtype=np.float64)
    table = pd.DataFrame({"patient_id": pd.array(ids, dtype="str"), "day": day})
    names = [f"{name} (value)" if name in table else str(name) for name in kept["features"]]
    values = np.asarray(kept["values"], dtype=np.float64).reshape(len(day), len(names))
    return pd.concat([table, pd.DataFrame(values, columns=pd.Index(names, dtype="str"))], axis=1)


def _labels(codes: np.ndarray, levels: list[str], kind: str) -> pd.Categorical:
    places = np.where(np.isnan(codes), -1, codes).astype(int)
    return pd.Categorical.from_codes(places, categories=levels, ordered=kind == "ordinal")


def dense(modality: AnnData) -> np.ndarray:
    """Return the values of a block as a matrix of float64."""
    values: Any = modality.X
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def restored(cohort: MuData) -> MuData:
    """Return a copy of a cohort with the types that its declaration asks for."""
    with third_party_quiet():
        fresh = cohort.copy()
        for name in block_names(fresh):
            fresh[name].var = features_of(cohort, name)
        fresh.update()
        fresh.obs = pd.DataFrame(fresh.obs).assign(**patients_of(cohort))
    return fresh
