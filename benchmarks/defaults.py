"""The recipe's defaults against other settings, on simulated cohorts with known truth and without groups.

    OMP_NUM_THREADS=1 python benchmarks/defaults.py

Writes benchmarks/results/defaults.csv (one fit a row) and .md (means with standard errors). Run twice with
the same versions, only the seconds differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from phenotyper import Recipe, read_cohort, simulate_cohort

RESULTS = Path(__file__).resolve().parent / "results"
ADJUST = ("age", "site")
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one layout": {"n_layouts": 1},
    "one setting (5 %, min_samples 5)": {"min_cluster_size": 21, "min_samples": 5},
    "one setting (5 %, min_samples 15)": {"min_cluster_size": 21, "min_samples": 15},
    "15, 30 and 45 neighbours": {"n_neighbors": (15, 30, 45), "n_layouts": 4},
    "6 and 10 factors": {"n_factors": (6, 10), "n_layouts": 5},
    "2 dimensions": {"n_dims": 2},
    "15 factors": {"n_factors": 15},
    "k-means": {"method": "kmeans"},
    "not adjusted": {"adjust_for": ()},
}
COHORTS: dict[str, dict[str, Any]] = {
    "3 groups, separation 3.8": {"separation": 3.8},
    "3 groups, separation 3.2": {"separation": 3.2},
    "no groups": {"subphenotypes": 0},
    "3 groups, 3.8, holes": {"separation": 3.8, "share_missing": 0.3},
}


def one(cohort_name: str, seed: int) -> list[dict[str, Any]]:
    """Fit every setting on one simulated cohort."""
    simulated = simulate_cohort(seed=seed, **COHORTS[cohort_name])
    cohort = read_cohort(simulated.declaration, quiet=True)
    return [
        {"data": cohort_name, "seed": seed, "setting": name, **_scores(simulated, cohort, settings)}
        for name, settings in SETTINGS.items()
    ]


def _scores(simulated: Any, cohort: Any, settings: dict[str, Any]) -> dict[str, Any]:
    from sklearn.metrics import adjusted_rand_score

    started = time.perf_counter()
    found = Recipe(**{"adjust_for": ADJUST, "seed": 1, **settings}).fit(cohort)
    seconds = time.perf_counter() - started
    truth = simulated.truth.set_index("patient_id")["subphenotype"].loc[found.table["patient_id"]].to_numpy()
    labels = found.table["subphenotype"].to_numpy()
    inside = labels != "unassigned"
    return {
        "groups": len(found.names),
        "coverage": round(found.coverage, 4),
        "ari_assigned": round(float(adjusted_rand_score(truth[inside], labels[inside])), 4)
        if inside.any() and len(set(truth)) > 1
        else None,
        "agreement": round(found.agreement, 4),
        "seconds": round(seconds, 1),
    }


def page(table: pd.DataFrame) -> str:
    """Return means (standard errors) by data and setting as Markdown."""
    lines = [
        "# Defaults of the recipe",
        "",
        f"Seeds {table['seed'].min()} to {table['seed'].max()}; {_machine()}.",
        "",
    ]
    for data, part in table.groupby("data", sort=False):
        lines += [
            f"## {data}",
            "",
            "| setting | groups | coverage | adjusted Rand (assigned) | runs agree | seconds |",
            "|---|---|---|---|---|---|",
        ]
        for setting, rows in part.groupby("setting", sort=False):
            cells = [
                _mean(rows[column])
                for column in ("groups", "coverage", "ari_assigned", "agreement", "seconds")
            ]
            lines.append(f"| {setting} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _mean(values: pd.Series) -> str:
    known = values.dropna()
    return "-" if known.empty else f"{known.mean():.2f} ({known.sem():.2f})"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("umap-learn", "hdbscan", "numpy"))
    return f"Python {platform.python_version()}, {packages}; {os.cpu_count()} cores, BLAS at one thread"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6, help="cohorts of each kind (default: %(default)s)")
    chosen = parser.parse_args()
    rows = [row for name in COHORTS for seed in range(101, 101 + chosen.seeds) for row in one(name, seed)]
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "defaults.csv", index=False, lineterminator="\n")
    (RESULTS / "defaults.md").write_text(page(table), encoding="utf-8")
    print(page(table))


if __name__ == "__main__":
    main()
