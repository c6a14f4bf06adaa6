"""What the seed alone changes: the recipe, the same with one layout, and the naive pipeline, ten seeds each.

    OMP_NUM_THREADS=1 python benchmarks/luck.py                          # every cohort
    OMP_NUM_THREADS=1 python benchmarks/luck.py --quick                  # the demo, 3 seeds
    OMP_NUM_THREADS=1 python benchmarks/luck.py --cohort acc_tcga --only ours

All patients, seeds 0 to 9. Agreement of two seeds is the adjusted Rand index, among patients assigned by both
and over all with the unassigned as one more group; the mean is over all pairs. Naive: StandardScaler, mean
fill, one-hot, PCA, seeded UMAP, HDBSCAN with two settings (naive.py). The cost of consensus is the recipe's
seconds of the processor over those of one layout, in the same run.

Writes benchmarks/results/luck.csv (a row a seed, and one "all" with the agreement) and .md; what is not run
again is kept. An interrupted run takes up where it was with --keep FOLDER.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from naive import SETTINGS, UNASSIGNED, naive_labels
from real_studies import STUDIES

RESULTS = Path(__file__).resolve().parent / "results"
DEMO = Path(__file__).resolve().parents[1] / "data" / "demo" / "cohort.toml"
KEY = ["cohort", "pipeline", "features", "setting"]
FIGURES = ["patients", "groups", "coverage", "seconds", "ari_assigned", "ari_overall", "coverage_both"]
COLUMNS = [*KEY, "seed", *FIGURES, "note"]
PACKAGES = ("umap-learn", "hdbscan", "scikit-learn", "numba", "numpy", "pandas")
OURS = {"the recipe": {}, "the recipe with one layout": {"n_layouts": 1}}


def demo_features(cohort: Any) -> dict[str, pd.DataFrame]:
    """Return the demo's features side by side, categories as text."""
    parts = []
    for name, block in cohort.mod.items():
        if name == "patients":
            continue
        frame = block.to_df().reindex(cohort.obs_names)
        text = frame.columns[(block.var["kind"] == "category").to_numpy()]
        parts.append(frame.astype(dict.fromkeys(text, object)).add_prefix(f"{name}."))
    return {"all blocks": pd.concat(parts, axis=1)}


def rows_of(key: dict[str, str], labels: np.ndarray, seconds: Sequence[float]) -> list[dict[str, Any]]:
    """Return a row a seed and one with the agreement of all pairs."""
    from phenotyper.refit.matching import pair_agreement

    rows = [
        {
            **key,
            "seed": str(seed),
            "patients": len(run),
            "groups": int(run.max(initial=-1)) + 1,
            "coverage": float((run >= 0).mean()),
            "seconds": taken,
        }
        for seed, (run, taken) in enumerate(zip(labels, seconds, strict=True))
    ]
    means = pair_agreement(labels).means()
    together = {
        "ari_assigned": means["assigned"],
        "ari_overall": means["overall"],
        "coverage_both": means["coverage"],
    }
    middle = {name: float(np.mean([row[name] for row in rows])) for name in ("coverage", "seconds")}
    return [*rows, {**key, "seed": "all", "patients": labels.shape[1], **middle, **together}]


def run_naive(name: str, features: dict[str, pd.DataFrame], seeds: int, **more: Any) -> list[dict[str, Any]]:
    """Run the naive pipeline with each setting and seed."""
    rows = []
    for part, table in features.items():
        for setting in SETTINGS:
            labels, seconds = [], []
            for seed in range(seeds):
                start = time.process_time()
                found = naive_labels(table, setting, seed, **more)
                seconds.append(time.process_time() - start)
                labels.append(pd.factorize(found.where(found != UNASSIGNED), sort=True)[0])
            key = {"cohort": name, "pipeline": "naive", "features": part, "setting": setting.name}
            rows += rows_of(key, np.array(labels), seconds)
            print(said(rows[-seeds - 1 :]), flush=True)
    return rows


def run_ours(
    name: str, cohort: Any, adjust_for: Sequence[str], seeds: int, keep: Path | None
) -> list[dict[str, Any]]:
    """Run the recipe and the same with one layout, a seed after the other."""
    from phenotyper import Recipe
    from phenotyper.cohort.blocks import blocks_of
    from phenotyper.errors import PhenotyperError
    from phenotyper.refit.executor import Job, refit

    recipe = Recipe(adjust_for=adjust_for)
    blocks, _ = blocks_of(cohort, adjust_for=adjust_for)
    rows = []
    for setting, change in OURS.items():
        key = {"cohort": name, "pipeline": "phenotyper", "features": "as declared", "setting": setting}
        jobs = [Job(replace(recipe, seed=seed, **change), tag=f"seed {seed}") for seed in range(seeds)]
        try:
            found = refit(blocks, jobs, keep=keep)
        except PhenotyperError as error:
            rows.append({**key, "seed": "all", "note": str(error)})
            continue
        rows += rows_of(key, np.array([one.labels for one in found]), [one.seconds for one in found])
        print(said(rows[-seeds - 1 :]), flush=True)
    return rows


def said(rows: Sequence[dict[str, Any]]) -> str:
    """Say the seeds of one pipeline in a line."""
    *seeds, together = rows
    name = ", ".join(together[part] for part in KEY)
    groups = " ".join(str(row["groups"]) for row in seeds)
    return (
        f"{name}: ARI {together['ari_assigned']:.2f} assigned, {together['ari_overall']:.2f} overall, "
        f"coverage {together['coverage']:.2f}, groups {groups}, {together['seconds']:.1f} s"
    )


def run(name: str, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Run one cohort."""
    from phenotyper import read_cohort

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "demo":
            cohort = read_cohort(DEMO, quiet=True)
            features, adjust_for, more = demo_features(cohort), ("age", "site"), {"missing_level": False}
        else:
            about = STUDIES[name]()
            cohort = read_cohort(about.cohort(), quiet=True)
            features, adjust_for, more = (
                about.features,
                about.adjust_for,
                {"missing_level": about.missing_level},
            )
        rows = [] if asked.only == "ours" else run_naive(name, dict(features), asked.seeds, **more)
        return rows + (
            [] if asked.only == "naive" else run_ours(name, cohort, adjust_for, asked.seeds, asked.keep)
        )


def written(rows: Sequence[dict[str, Any]], path: Path) -> pd.DataFrame:
    """Put new rows in the place of those of the same cohort and pipeline, and write the table."""
    table = pd.DataFrame(rows, columns=COLUMNS).round(4)
    if path.exists():
        old = pd.read_csv(path, dtype={"seed": str})
        again = pd.MultiIndex.from_frame(table[KEY[:2]])
        old = old[~pd.MultiIndex.from_frame(old[KEY[:2]]).isin(again)]
        table = pd.concat([part for part in (old, table) if len(part)], ignore_index=True)
    order = {name: place for place, name in enumerate(["demo", *STUDIES])}
    table = table.sort_values("cohort", key=lambda names: names.map(order), kind="stable")
    table.to_csv(path, index=False, lineterminator="\n")
    return table


def line(part: pd.DataFrame, alone: float) -> str:
    """Return one pipeline as a row of the report; ``alone`` are the seconds of one layout."""
    seeds, together = part[part["seed"] != "all"], part[part["seed"] == "all"].iloc[0]
    head = f"| {together['cohort']} | {together['pipeline']}: {together['features']}, {together['setting']} "
    if pd.notna(together["note"]):
        return f"{head}| - | - | - | - | - | - | {together['note']} |"
    counts = seeds["groups"].astype(int).value_counts().sort_index()
    groups = ", ".join(f"{k} ({times})" for k, times in counts.items())
    cost = f"{together['seconds'] / alone:.1f}" if together["setting"] == "the recipe" and alone else ""
    return (
        f"{head}| {together['ari_assigned']:.2f} | {together['ari_overall']:.2f} "
        f"| {together['coverage']:.2f} ({seeds['coverage'].min():.2f}-{seeds['coverage'].max():.2f}) "
        f"| {groups} | {together['seconds']:.1f} | {cost} | |"
    )


def markdown(table: pd.DataFrame) -> str:
    """Return the report."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Luck: what the seed alone changes",
        "",
        f"Mean over all pairs of {table['seed'].nunique() - 1} seeds of the adjusted Rand index, among "
        "patients assigned by both seeds (left) and over all, the unassigned as one more group (right). "
        "Groups: their number and how many seeds found it. Seconds of the processor. Cost: seconds over "
        "those with one layout.",
        "",
        "| cohort | pipeline | assigned | overall | coverage (range) | groups (seeds) | seconds | cost | |",
        "|---" * 9 + "|",
    ]
    one_layout = table[(table["seed"] == "all") & (table["setting"] == "the recipe with one layout")]
    alone = one_layout.set_index("cohort")["seconds"]
    for (cohort, *_), part in table.groupby(KEY, sort=False):
        lines.append(line(part, float(alone.get(cohort, 0.0))))
    return "\n".join(
        [*lines, "", f"Python {platform.python_version()}, {versions}; {platform.machine()}.", ""]
    )


def main() -> None:
    """Run what was asked for, cohort by cohort, and write after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cohort", choices=["demo", *STUDIES], action="append")
    parser.add_argument("--only", choices=["naive", "ours"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="the demo, 3 seeds")
    parser.add_argument("--keep", type=Path, help="folder for finished refits")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.quick:
        asked.cohort, asked.seeds = asked.cohort or ["demo"], 3
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.cohort or ["demo", *STUDIES]:
        table = written(run(name, asked), asked.out / "luck.csv")
        (asked.out / "luck.md").write_text(markdown(table), encoding="utf-8")


if __name__ == "__main__":
    main()
