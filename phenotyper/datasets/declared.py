"""How a simulated cohort is declared: its dictionary, and the keys of cohort.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from phenotyper.datasets.features import LABS, LIFESTYLE, Feature

BLOCKS: Final = ("expression", "labs", "microbiome", "lifestyle")
TABLES: Final[Mapping[str, tuple[Feature, ...]]] = {"labs": LABS, "lifestyle": LIFESTYLE}


def dictionary_of(tables: Sequence[str]) -> pd.DataFrame:
    """Return the dictionary of the tables of mixed features."""
    features = [feature for table in tables for feature in TABLES[table]]
    return pd.DataFrame(
        {
            "column": [feature.name for feature in features],
            "kind": [feature.kind for feature in features],
            "unit": [feature.unit for feature in features],
            "label": [feature.label for feature in features],
            "levels": [" | ".join(feature.levels) for feature in features],
            "lod": ["" if feature.lod is None else f"{feature.lod:g}" for feature in features],
        }
    )


def declare(name: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the declaration of a simulated cohort with its DataFrames in place of files."""
    of_block: dict[str, dict[str, Any]] = {
        "expression": {"kind": "log"},
        "labs": {"kind": "mixed", "censored": "lod"},
        "microbiome": {"kind": "composition"},
        "lifestyle": {"kind": "mixed"},
    }
    blocks = {block: {"file": tables[block], **of_block[block]} for block in BLOCKS if block in tables}
    for block in TABLES:
        if block in blocks:
            blocks[block]["dictionary"] = tables["dictionary"]
    return {
        "name": name,
        "id": "patient_id",
        "missing_codes": ["NA"],
        "blocks": blocks,
        "patients": {
            "file": tables["clinical"],
            "age": {"column": "age_months", "unit": "months"},
            "sex": {"column": "sex", "female": "F", "male": "M"},
            "site": "hospital",
            "batch": "plate",
            "family": "family_id",
            "index_date": "admitted",
        },
        "outcomes": {
            "exacerbation": {
                "kind": "binary",
                "column": "exacerbation",
                "event": "yes",
                "label": "Exacerbation",
            },
            "time_to_exacerbation": {
                "kind": "survival",
                "time": "days_followed",
                "column": "exacerbation_seen",
                "event": 1,
                "unit": "days",
                "label": "Time to exacerbation",
            },
            "fev1_z": {"kind": "number", "column": "fev1_z", "label": "FEV1, z score"},
        },
        "treatments": {"steroid": {"column": "arm", "control": "placebo", "assigned": "randomised"}},
        "consent": {"research": "consent_research", "sharing": "consent_sharing"},
    }
