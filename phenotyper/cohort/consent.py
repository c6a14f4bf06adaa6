"""Patients without consent to research are removed before anything is looked at."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from phenotyper.cohort.roles import consent_of
from phenotyper.cohort.tables import Tables, all_ids


def without_research_consent(tables: Tables) -> set[str]:
    """Return the patients who may not enter: consent refused, empty, or not in the table of patients at all.

    Without a declared column of research consent nobody is in the set.
    """
    consent = tables.declaration.consent
    if (
        consent is None
        or tables.patients is None
        or tables.patients.ids is None
        or consent.research not in tables.patients.frame
    ):
        return set()
    given = consent_of(tables.patients, consent.research)
    return set(all_ids(tables.with_ids())) - set(tables.patients.ids[given].tolist())


def remove(tables: Tables, gone: AbstractSet[str]) -> Tables:
    """Return the tables without some patients."""
    if not gone:
        return tables
    kept = {}
    for table in tables.with_ids():
        chosen = np.array([patient not in gone for patient in np.asarray(table.ids).tolist()], dtype=bool)
        kept[id(table)] = table.keep(np.flatnonzero(chosen))
    return tables.mapped(kept)
