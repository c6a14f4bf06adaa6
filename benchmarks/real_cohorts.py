"""The real cohorts of ../shared/data: the naive pipeline beside phenotyper.

For every cohort: how many groups, how many patients are in one, and how well the groups agree with what is
known (published classes) and with what they must not be (centre, missing cells, batch). The naive pipeline is
the one of the cohorts' READMEs: StandardScaler, mean fill, one-hot, PCA, UMAP, HDBSCAN.

    OMP_NUM_THREADS=1 python benchmarks/real_cohorts.py --only naive --cohort helix_children

Writes benchmarks/results/real_cohorts.csv (one fact a row) and .md; what is not run again is kept. Run twice
with the same versions, only the seconds differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from naive import SETTINGS, UNASSIGNED, naive_labels
from real_studies import README, STUDIES, Study

RESULTS = Path(__file__).resolve().parent / "results"
SEEDS = tuple(range(5))
RECIPE_SEED = 7
SOURCE = ["cohort", "pipeline"]
KEY = [*SOURCE, "features", "setting", "seed", "against"]
SCORES = ["ari_assigned", "ami_assigned", "ari_all", "ami_all"]
FACTS = ["patients", "groups", "coverage"]
COLUMNS = [*KEY, "role", *FACTS, "compared", *SCORES, "seconds", "note"]


def our_labels(cohort: Any, adjust_for: tuple[str, ...], patients: pd.Index) -> pd.Series:
    """Return the subphenotype of every patient by phenotyper."""
    from phenotyper import Recipe

    found = Recipe(adjust_for=adjust_for, seed=RECIPE_SEED).fit(cohort)
    return pd.Series(found.labels(patients), index=patients)


def agreement(labels: pd.Series, known: pd.Series) -> dict[str, float]:
    """Compare groups with known labels, among the assigned and over all with the unassigned as a group."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    known = known.reindex(labels.index).dropna().astype(str)
    found: dict[str, float] = {"compared": len(known)}
    for part, chosen in (
        ("assigned", labels[known.index] != UNASSIGNED),
        ("all", labels[known.index].notna()),
    ):
        if chosen.sum() >= 2:
            pair = known[chosen], labels[known.index][chosen]
            found |= {
                f"ari_{part}": adjusted_rand_score(*pair),
                f"ami_{part}": adjusted_mutual_info_score(*pair),
            }
    return found


def facts(labels: pd.Series) -> dict[str, float]:
    """Count patients, groups and those assigned."""
    assigned = labels[labels != UNASSIGNED]
    return {"patients": len(labels), "groups": assigned.nunique(), "coverage": len(assigned) / len(labels)}


def rows_of(about: Study, labels: pd.Series, **key: Any) -> list[dict[str, Any]]:
    """Return one row a question."""
    shared = {"cohort": about.name, **key, **facts(labels)}
    return [
        {**shared, "against": name, "role": about.roles[name], **agreement(labels, about.questions[name])}
        for name in about.questions
    ]


def run_naive(about: Study, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Run the naive pipeline with every setting and seed."""
    rows: list[dict[str, Any]] = []
    for features, table in about.features.items():
        for setting in SETTINGS:
            key = {"pipeline": "naive", "features": features, "setting": setting.name}
            partitions = []
            for seed in seeds:
                start = time.perf_counter()
                partitions.append(naive_labels(table, setting, seed, missing_level=about.missing_level))
                rows += rows_of(
                    about, partitions[-1], **key, seed=str(seed), seconds=time.perf_counter() - start
                )
                print(
                    f"{about.name}: naive, {features}, {setting.name}, seed {seed}: {sizes(partitions[-1])}",
                    flush=True,
                )
            rows += between_seeds(about, partitions, key)
    return rows


def between_seeds(
    about: Study, partitions: Sequence[pd.Series], key: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the mean agreement of pairs of seeds, the unassigned as a group."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    pairs = list(combinations(partitions, 2))
    if not pairs or all((labels == UNASSIGNED).all() for labels in partitions):
        return []
    scores = {
        f"{name}_all": float(np.mean([score(*pair) for pair in pairs]))
        for name, score in (("ari", adjusted_rand_score), ("ami", adjusted_mutual_info_score))
    }
    return [
        {
            "cohort": about.name,
            **key,
            "seed": "all",
            "against": "other seeds",
            "role": "stability",
            "patients": len(partitions[0]),
            **scores,
        }
    ]


def run_ours(about: Study) -> list[dict[str, Any]]:
    """Run phenotyper, unadjusted and adjusted; a refusal is written down with its code."""
    from phenotyper import read_cohort
    from phenotyper.errors import PhenotyperError

    rows: list[dict[str, Any]] = []
    for adjust_for in ((), about.adjust_for):
        setting = f"adjusted for {' and '.join(adjust_for)}" if adjust_for else "unadjusted"
        key = {
            "pipeline": "phenotyper",
            "features": "as declared",
            "setting": setting,
            "seed": str(RECIPE_SEED),
        }
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                labels = our_labels(read_cohort(about.cohort()), adjust_for, about.questions.index)
        except PhenotyperError as error:
            rows.append({"cohort": about.name, **key, "against": "", "note": f"refused: {error}"})
            print(f"{about.name}: phenotyper, {setting}: {error}", flush=True)
            continue
        rows += rows_of(about, labels, **key, seconds=time.perf_counter() - start)
        print(f"{about.name}: phenotyper, {setting}: {sizes(labels)}", flush=True)
    return rows


def sizes(labels: pd.Series) -> str:
    """Say the sizes of the groups."""
    counts = labels[labels != UNASSIGNED].value_counts().tolist()
    shown = f"{counts[:10]}{' and more' if len(counts) > 10 else ''}"
    return f"{len(counts)} groups {shown}, coverage {facts(labels)['coverage']:.2f}"


@cache
def environment() -> str:
    """Return versions and the size of the machine."""
    packages = ("numpy", "scipy", "pandas", "scikit-learn", "numba", "umap-learn", "hdbscan", "scanpy")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    words = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    return ", ".join([*words, f"{os.cpu_count()} cores, {memory:.0f} GB, {threads} BLAS threads"])


def written(rows: Sequence[Mapping[str, Any]], path: Path) -> pd.DataFrame:
    """Write the rows in the place of those of the same cohort and pipeline; return the table as written."""
    pairs = sorted({(row["cohort"], row["pipeline"]) for row in rows})
    made = [
        {"cohort": cohort, "pipeline": pipeline, "role": "environment", "note": environment()}
        for cohort, pipeline in pairs
    ]
    table = pd.DataFrame([*rows, *made]).reindex(columns=COLUMNS)
    if path.is_file():
        old = pd.read_csv(path, dtype={"seed": str})
        same = pd.MultiIndex.from_frame(old[SOURCE]).isin(pd.MultiIndex.from_frame(table[SOURCE]))
        table = pd.concat([old[~same], table], ignore_index=True) if not same.all() else table
    order = table["cohort"].map({name: place for place, name in enumerate(STUDIES)})
    table = table.assign(order=order).sort_values(["order", "pipeline"], kind="stable")[COLUMNS]
    table = table.astype(dict.fromkeys(["patients", "groups", "compared"], "Int64")).round({"seconds": 1})
    table.to_csv(path, index=False, float_format="%.4g", lineterminator="\n")
    return pd.read_csv(path, dtype={"seed": str})


def number(value: float) -> str:
    """Return two decimals, or a dash for nothing."""
    return "-" if np.isnan(value) else f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def cell(part: pd.DataFrame) -> str:
    """Return the mean agreement over seeds."""
    one = [number(value) for value in part[SCORES].mean()]
    return f"{one[0]} / {one[1]} ({one[2]} / {one[3]})"


def span(values: pd.Series, form: str, absent: str = "-") -> str:
    """Return the range of values over seeds."""
    if values.isna().all():
        return absent
    low, high = f"{values.min():{form}}", f"{values.max():{form}}"
    return low if low == high else f"{low} to {high}"


def section(name: str, table: pd.DataFrame) -> list[str]:
    """Return the part of one cohort: settings across, questions down."""
    columns, parts = zip(*table.groupby(["pipeline", "features", "setting"], sort=False), strict=True)
    runs = [part[part["seed"] != "all"].drop_duplicates("seed") for part in parts]
    rows = {
        "groups": [span(part["groups"], ".0f", "refused") for part in runs],
        "coverage": [span(part["coverage"], ".2f") for part in runs],
        "seconds": [span(part["seconds"].round(), ".0f") for part in runs],
        "ARI between seeds": [
            number(part.loc[part["role"] == "stability", "ari_all"].mean()) for part in parts
        ],
    }
    questions = table.loc[
        table["role"].isin(["class", "outcome", "trap"]), ["role", "against"]
    ].drop_duplicates()
    for role, against in questions.itertuples(index=False):
        rows[f"{role}: {against}"] = [cell(part[part["against"] == against]) for part in parts]
    return [
        f"## {name}",
        "",
        f"Naive in its README: {README[name]}.",
        "",
        f"| | {' | '.join('<br>'.join(column) for column in columns)} |",
        "|---" * (len(columns) + 1) + "|",
        *(f"| {label} | {' | '.join(cells)} |" for label, cells in rows.items()),
        "",
        *(f"- {note}\n" for note in table.loc[table["role"] != "environment", "note"].dropna().unique()),
    ]


EXPLAINED = """# Real cohorts: naive pipeline and phenotyper

Cells: adjusted Rand / adjusted mutual information among the assigned (over all, the unassigned as a group),
mean over seeds. Groups, coverage, seconds: range over seeds (naive 0 to 4, phenotyper one). A trap is what
groups must *not* be.
"""


def markdown(table: pd.DataFrame) -> str:
    """Return the report."""
    lines = [EXPLAINED]
    made = table.loc[table["role"] == "environment", "note"].unique()
    for name, part in table.groupby("cohort", sort=False):
        lines += section(str(name), part)
    return "\n".join([*lines, "Machine and versions:", *(f"- {words}" for words in made), ""])


def main() -> None:
    """Run what was asked for, cohort by cohort, and write after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["naive", "ours"])
    parser.add_argument("--cohort", choices=list(STUDIES), action="append")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), help="seeds of the naive pipeline"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.cohort or STUDIES:
        about = STUDIES[name]()
        rows = [] if asked.only == "ours" else run_naive(about, asked.seeds)
        rows += [] if asked.only == "naive" else run_ours(about)
        table = written(rows, asked.out / "real_cohorts.csv")
        (asked.out / "real_cohorts.md").write_text(markdown(table), encoding="utf-8")


if __name__ == "__main__":
    main()
