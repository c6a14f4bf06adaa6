"""What tells one cohort from another: a hash of ids, values and declared columns."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.container import (
    SCHEMA,
    block_names,
    declaration_of,
    dense,
    features_of,
    patients_of,
)

if TYPE_CHECKING:
    from mudata import MuData


def fingerprint(cohort: MuData) -> str:
    """Return 64 hexadecimal digits that depend on ids, values and declared columns, in whatever order."""
    digest = hashlib.sha256()
    declaration = declaration_of(cohort)
    names = [[spec.name, spec.kind] for spec in declaration.outcomes] + [
        [spec.name, "treatment"] for spec in declaration.treatments
    ]
    _feed(digest, ["phenotyper cohort", SCHEMA, sorted(names), sorted(block_names(cohort))])
    for name in sorted(block_names(cohort)):
        _feed_block(digest, cohort, name)
    patients = patients_of(cohort).sort_index()
    _feed(digest, patients.index.tolist())
    for column in sorted(patients.columns):
        _feed(digest, [column, [_plain(cell) for cell in patients[column]]])
    return digest.hexdigest()


def _feed_block(digest: Any, cohort: MuData, name: str) -> None:
    modality, facts = cohort[name], features_of(cohort, name)
    ids = np.array([str(patient) for patient in modality.obs_names], dtype=object)
    rows, columns = np.argsort(ids), np.argsort(facts.index.to_numpy(dtype=object))
    _feed(digest, [name, ids[rows].tolist(), facts.index[columns].tolist()])
    _feed(
        digest,
        [[_plain(cell) for cell in row] for row in facts.iloc[columns].to_numpy(dtype=object).tolist()],
    )
    values = dense(modality)[np.ix_(rows, columns)] + 0.0
    values[np.isnan(values)] = np.nan
    digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    if "censored" in modality.layers:
        digest.update(
            np.ascontiguousarray(
                np.asarray(modality.layers["censored"])[np.ix_(rows, columns)], dtype=np.int8
            ).tobytes()
        )


def _feed(digest: Any, values: Any) -> None:
    digest.update(json.dumps(values, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass"))


def _plain(cell: Any) -> Any:
    if isinstance(cell, (float, np.floating)):
        return None if math.isnan(cell) else float(cell) + 0.0
    if isinstance(cell, (bool, np.bool_)):
        return bool(cell)
    return None if cell is None or pd.isna(cell) else str(cell)
