"""The real cohorts of ../shared/data: features for the naive pipeline, and what groups are compared with."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from naive import SETTINGS, UNASSIGNED, naive_labels

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY.parent / "shared" / "data"
COHORTS = REPOSITORY / "tests" / "cohorts"

README = {
    "helix_children": "6 clusters, ARI 0.99 to h_cohort; the metabolome alone 0.05 or less",
    "neuroblastoma_seqc": "genes alone 4-5 clusters, ARI 0.33-0.42 to MYCN, 0.49-0.55 to high risk; "
    "all blocks 2 clusters (460 and 38) unrelated to MYCN in four of five seeds, 6 in the fifth",
    "appendicitis_two_hospitals": "seed 0: 2 clusters (109 and 321), AMI 0.73 to urinalysis done, "
    "ARI 0.00 to the diagnosis; seeds 1-4: 8-10 clusters, AMI to the diagnosis 0.12; ARI between seeds 0.57",
    "appendicitis_duesseldorf": "not given",
    "appendicitis_pooled": "4-5 clusters, ARI 0.25-0.34 to the hospital",
    "wilms_nwtco": "6-12 clusters, ARI between seeds 0.15; a re-coding of stage and histology",
    "acc_tcga": "counts as given, seed 0: 3 clusters, coverage 0.63-0.69, ARI to COC 0.31-0.35 assigned, "
    "0.18-0.23 all; other seeds 2-3 clusters, coverage 0.42-0.82; ARI between seeds 0.29; "
    "log2(x + 1): ARI to COC 0.06-0.33",
}
"""The naive figures of the cohorts' READMEs; their settings are not stated there."""


@dataclass(frozen=True)
class Study:
    """One cohort: features for the naive pipeline, what to compare with, and its declaration.

    Parameters
    ----------
    name : str
        Name of the cohort.
    features : mapping of str to DataFrame
        Raw features of each way to run the naive pipeline.
    questions : DataFrame
        Labels to compare with, a column each, missing where unknown; index: patient ids.
    roles : mapping of str to str
        ``class``, ``outcome`` or ``trap`` for each question.
    adjust_for : tuple of str
        Covariates of the adjusted recipe.
    missing_level : bool
        Whether a missing category counts as a level of its own.
    cohort : callable
        Returns what ``read_cohort`` takes.
    """

    name: str
    features: Mapping[str, pd.DataFrame]
    questions: pd.DataFrame
    roles: Mapping[str, str]
    adjust_for: tuple[str, ...]
    missing_level: bool = False
    cohort: Callable[[], Any] = field(default=lambda: None)


def study(
    name: str,
    features: Mapping[str, pd.DataFrame],
    questions: Mapping[tuple[str, str], pd.Series],
    **more: Any,
) -> Study:
    """Put the questions, keyed by role and name, into one table."""
    table = pd.DataFrame({text: labels for (_, text), labels in questions.items()})
    roles = {text: role for role, text in questions}
    return Study(name, features, table, roles, **{"cohort": lambda: COHORTS / f"{name}.toml", **more})


def read(folder: str, file: str) -> pd.DataFrame:
    """Read a table as a hurried analyst would."""
    return pd.read_csv(DATA / folder / file, index_col="patient_id")


def joined(blocks: Mapping[str, pd.DataFrame], patients: pd.Index) -> pd.DataFrame:
    """Put blocks side by side over all patients; a patient without a block has missing values there."""
    return pd.concat({name: table.reindex(patients) for name, table in blocks.items()}, axis=1)


def thirds(age: pd.Series) -> pd.Series:
    """Return thirds of an age."""
    return pd.qcut(age, 3, labels=["young", "middle", "old"]).astype(object)


def pattern(blocks: Mapping[str, pd.DataFrame], patients: pd.Index) -> pd.Series:
    """Name the blocks each patient has."""
    has = {name: patients.isin(table.index) for name, table in blocks.items()}
    return pd.Series(
        ["+".join(name for name in has if has[name][row]) for row in range(len(patients))], index=patients
    )


def helix() -> Study:
    """HELIX children: the six centres are the trap."""
    clinical = read("helix_children", "clinical.csv")
    exposures = {
        name: read("helix_children", f"{name}.csv.gz") for name in ("chemicals", "lifestyle", "outdoor")
    }
    metabolome = read("helix_children", "serum_metabolome.csv.gz")
    blocks = {**exposures, "metabolome": metabolome}
    return study(
        "helix_children",
        {
            "exposures": joined(exposures, clinical.index),
            "all blocks": joined(blocks, clinical.index),
            "metabolome alone": metabolome,
        },
        {
            ("trap", "h_cohort (centre)"): clinical["h_cohort"].astype(str),
            ("trap", "metabolome absent"): pattern({"metabolome": metabolome}, clinical.index),
            ("trap", "age (thirds)"): thirds(clinical["hs_child_age_None"]),
            ("outcome", "asthma"): clinical["hs_asthma"],
        },
        adjust_for=("age", "site"),
    )


def neuroblastoma() -> Study:
    """Neuroblastoma: a technical group of about 38 with nearly consecutive ids."""
    clinical = read("neuroblastoma_seqc", "clinical.csv")
    blocks = {
        name: read("neuroblastoma_seqc", f"{name}.csv.gz") for name in ("genes", "transcripts", "introns")
    }
    number = clinical.index.str[-3:].astype(int)
    late = pd.Series(np.where((number >= 329) & (number <= 488), "329-488", "other"), index=clinical.index)
    every = joined(blocks, clinical.index)
    questions = {
        ("class", name): clinical[name]
        for name in ("mycn_status", "high_risk", "inss_stage", "age_group", "favorable")
    }
    questions |= {
        ("trap", "ids 329-488"): late,
        ("trap", "the naive group of 38"): richest(naive_labels(every, SETTINGS[0], 0), late == "329-488"),
        ("trap", "age (thirds)"): thirds(clinical["age_at_diagnosis_days"]),
    }
    return study(
        "neuroblastoma_seqc",
        {"genes alone": blocks["genes"], "all blocks": every},
        questions,
        adjust_for=("age",),
    )


def richest(labels: pd.Series, wanted: pd.Series) -> pd.Series:
    """Mark the group with the largest share of wanted patients."""
    share = wanted.groupby(labels).mean().drop(UNASSIGNED, errors="ignore")
    return (labels == share.idxmax()).map({True: "in it", False: "not in it"})


def appendicitis(files: Sequence[str], name: str, **more: Any) -> Study:
    """Return a study of suspected appendicitis, where the trap is which items are missing."""
    clinical = pd.concat([read("appendicitis_two_hospitals", file) for file in files])
    outcomes = ["DiagnosisByCriteria", "TreatmentGroupBinar", "AppendicitisComplications"]
    features = clinical.drop(columns=[*outcomes, "hospital"])
    empty = features.isna().sum(axis=1)
    questions = {("outcome", text): clinical[text] for text in outcomes}
    questions |= {
        ("trap", "urinalysis done"): clinical["KetonesInUrine"].notna().astype(str),
        ("trap", "ultrasound items recorded"): clinical["Kokarde"].notna().astype(str),
        ("trap", "empty cells (quarters)"): pd.qcut(
            empty.rank(method="average"), 4, labels=False, duplicates="drop"
        ),
        ("trap", "age (thirds)"): thirds(clinical["Age"]),
    }
    if len(files) > 1:
        questions["trap", "hospital"] = clinical["hospital"]
    return study(name, {"all columns": features}, questions, missing_level=True, **more)


def pooled_declaration() -> dict[str, Any]:
    """Return the declaration of both hospitals as one cohort, the tables in memory."""
    declared = tomllib.loads((COHORTS / "appendicitis_two_hospitals.toml").read_text(encoding="utf-8"))
    folder = (COHORTS / declared.pop("folder")).resolve()
    files = [folder / file for file in ("clinical.csv", "external_clinical.csv")]
    table = pd.concat(
        [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files], ignore_index=True
    )
    for block in declared["blocks"].values():
        block |= {"file": table, "dictionary": str(COHORTS / block["dictionary"])}
    declared["patients"]["file"] = table
    return {**declared, "name": "Suspected appendicitis, both hospitals"}


def wilms() -> Study:
    """Wilms tumour: no clusters beyond the coded categories."""
    clinical = read("wilms_nwtco", "clinical.csv")
    cells = clinical["histology_local"] + ", " + clinical["histology_central"] + ", " + clinical["stage"]
    return study(
        "wilms_nwtco",
        {"histology, stage, age": clinical[["histology_local", "histology_central", "stage", "age_months"]]},
        {
            ("trap", "histology x histology x stage"): cells,
            ("trap", "stage"): clinical["stage"],
            ("trap", "central histology"): clinical["histology_central"],
            ("trap", "age (thirds)"): thirds(clinical["age_months"]),
        },
        adjust_for=("age",),
    )


def acc() -> Study:
    """Adrenocortical carcinoma: who lacks which block is the trap."""
    clinical = read("acc_tcga", "clinical.csv")
    blocks = {
        name: read("acc_tcga", f"{name}.csv")
        for name in ("mrna", "copy_number", "protein", "mutations", "mirna")
    }
    logged = {
        name: np.log2(table + 1) if name in {"mrna", "mirna"} else table for name, table in blocks.items()
    }
    classes = (
        "COC",
        "C1A.C1B",
        "mRNA_K4",
        "MethyLevel",
        "miRNA.cluster",
        "SCNA.cluster",
        "protein.cluster",
        "OncoSign",
    )
    questions = {("class", name): clinical[name] for name in classes}
    questions["trap", "blocks present"] = pattern(blocks, clinical.index)
    questions["trap", "age (thirds)"] = thirds(clinical["age_years"])
    return study(
        "acc_tcga",
        {
            "counts as given": joined(blocks, clinical.index),
            "counts log2(x + 1)": joined(logged, clinical.index),
        },
        questions,
        adjust_for=("age",),
    )


STUDIES: dict[str, Callable[[], Study]] = {
    "helix_children": helix,
    "neuroblastoma_seqc": neuroblastoma,
    "appendicitis_two_hospitals": lambda: appendicitis(
        ["clinical.csv"], "appendicitis_two_hospitals", adjust_for=("age",)
    ),
    "appendicitis_duesseldorf": lambda: appendicitis(
        ["external_clinical.csv"], "appendicitis_duesseldorf", adjust_for=("age",)
    ),
    "appendicitis_pooled": lambda: appendicitis(
        ["clinical.csv", "external_clinical.csv"],
        "appendicitis_pooled",
        adjust_for=("age", "site"),
        cohort=pooled_declaration,
    ),
    "wilms_nwtco": wilms,
    "acc_tcga": acc,
}
