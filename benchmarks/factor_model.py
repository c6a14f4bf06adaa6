"""The factor model: levels as intervals or numbers, number of factors by shuffled copies or held-out cells.

    OMP_NUM_THREADS=1 python benchmarks/factor_model.py

Simulated cohorts with known groups, complete and with 30 % of the values and 20 % of the patients' blocks
taken away. Judged in the space of the scores: the adjusted Rand index of k-means at the true number of
groups, and of a Gaussian mixture with one covariance started at the true centres (what the space allows at
best). Writes benchmarks/results/factor_model.csv (one fit a row) and .md. Run twice with the same versions,
only the seconds differ.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenotyper import read_cohort, simulate_cohort
from phenotyper.cohort.blocks import Blocks, blocks_of
from phenotyper.integrate.factors import FactorModel, fit_factors
from phenotyper.integrate.maximisation import Fit
from phenotyper.prepare.preparation import Preparation, PreparedBlock

RESULTS = Path(__file__).resolve().parent / "results"
ADJUST = ("age", "site")
HOLES = {"complete": (0.0, 0.0), "30 % of values, 20 % of blocks away": (0.3, 0.2)}
VARIANTS: dict[str, dict[str, Any]] = {
    "intervals, both rules (default)": {},
    "middles as numbers, both rules": {"numbers": True},
    "intervals, shuffled copies": {"rule": "shuffled"},
    "intervals, held-out cells": {"rule": "held out"},
    "intervals, 6 factors": {"n_factors": 6},
    "intervals, 15 factors": {"n_factors": 15},
}
TALL, WIDE = 10_000, 1_000


def punched(blocks: Blocks, *, values: float, whole: float, seed: int) -> Blocks:
    """Take away a share of the values and of the patients' blocks; every patient keeps one block."""
    rng = np.random.default_rng(seed)
    present = np.array([block.present for block in blocks.blocks])
    gone = present & (rng.random(present.shape) < whole)
    for i in np.flatnonzero(~(present & ~gone).any(axis=0)):
        gone[rng.choice(np.flatnonzero(present[:, i])), i] = False
    parts = []
    for block, lost in zip(blocks.blocks, gone, strict=True):
        table = np.where(rng.random(block.values.shape) < values, np.nan, block.values)
        table[lost] = np.nan
        flags = np.where(np.isnan(table), 0, block.censored).astype(np.int8)
        parts.append(replace(block, values=table, present=block.present & ~lost, censored=flags))
    return replace(blocks, blocks=tuple(parts))


def as_numbers(prepared: tuple[PreparedBlock, ...]) -> tuple[PreparedBlock, ...]:
    """Return the blocks with the middle of each interval as if it had been measured."""
    none = np.zeros(0, dtype=np.intp)
    return tuple(
        replace(block, coarse=none, lower=block.lower[:, :0], upper=block.upper[:, :0]) for block in prepared
    )


def separation_of(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compare the groups that the space of the scores gives with the planted ones."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from sklearn.mixture import GaussianMixture

    names, codes = np.unique(truth, return_inverse=True)
    k = len(names)
    centres = np.array([scores[codes == g].mean(axis=0) for g in range(k)])
    mixture = GaussianMixture(
        k, covariance_type="tied", means_init=centres, max_iter=50, random_state=0, reg_covar=1e-3
    )
    return {
        "ari_kmeans": adjusted_rand_score(codes, KMeans(k, n_init=10, random_state=0).fit_predict(scores)),
        "ari_mixture": adjusted_rand_score(codes, mixture.fit_predict(scores)),
    }


def one(separation: float, seed: int) -> list[dict[str, Any]]:
    """Fit every variant to one cohort, complete and with holes."""
    simulated = simulate_cohort(seed=seed, separation=separation)
    cohort = read_cohort(simulated.declaration, quiet=True)
    whole, ids = blocks_of(cohort, adjust_for=ADJUST)
    truth = simulated.truth.set_index("patient_id")["subphenotype"].loc[ids].to_numpy(dtype=str)
    rows = []
    for holes, (values, gone) in HOLES.items():
        blocks = punched(whole, values=values, whole=gone, seed=seed) if values else whole
        prepared = Preparation.fit_apply(blocks)[1]
        for name, settings in VARIANTS.items():
            model, scores, seconds = fitted(prepared, **settings)
            found = separation_of(scores, truth)
            key = {"separation": separation, "seed": seed, "holes": holes, "variant": name}
            rows.append({**key, "n_factors": model.n_factors, **found, "seconds": seconds})
    return rows


def fitted(
    prepared: tuple[PreparedBlock, ...],
    *,
    numbers: bool = False,
    n_factors: int | None = None,
    **settings: Any,
) -> tuple[FactorModel, np.ndarray, float]:
    """Fit a variant; return the model, the scores and the seconds of the processor."""
    parts = as_numbers(prepared) if numbers else prepared
    started = time.process_time()
    model = fit_factors(parts, n_factors=n_factors, rng=np.random.default_rng(0), **settings)
    return model, model.scores(parts).mean, time.process_time() - started


def speed() -> float:
    """Return the processor seconds of placing 10,000 patients by 1,000 columns, a fifth missing."""
    rng = np.random.default_rng(0)
    fit = Fit(rng.normal(size=(WIDE, 15)) / 4, np.full(WIDE, 0.5))
    model = FactorModel(
        np.ones(WIDE), fit.loadings, fit.noise, np.ones(WIDE, dtype=bool), np.ones(15), np.zeros(15)
    )
    values = np.where(rng.random((TALL, WIDE)) < 0.2, np.nan, rng.normal(size=(TALL, WIDE)))
    empty = np.zeros((TALL, 0))
    block = PreparedBlock(
        "a",
        values,
        np.ones(TALL, dtype=bool),
        np.arange(WIDE),
        np.zeros(WIDE, dtype=bool),
        np.zeros(0, dtype=np.intp),
        empty,
        empty,
    )
    model.scores([block.rows(np.arange(TALL) < 2)])
    started = time.process_time()
    model.scores([block])
    return time.process_time() - started


def page(table: pd.DataFrame, seconds: float) -> str:
    """Return means (standard errors) by separation and holes as Markdown."""
    lines = [
        "# The factor model",
        "",
        f"Seeds {table['seed'].min()} to {table['seed'].max()}, adjusted for age and site; {_machine()}. "
        "Adjusted Rand indices over all patients in the space of the scores, at the true number of groups: "
        "k-means, and a mixture started at the true centres.",
        "",
    ]
    for (separation, holes), part in table.groupby(["separation", "holes"], sort=False):
        lines += [
            f"## Separation {separation}, {holes}",
            "",
            "| variant | factors | k-means | mixture | processor, s |",
            "|---|---|---|---|---|",
        ]
        for variant, rows in part.groupby("variant", sort=False):
            cells = [_mean(rows[column]) for column in ("n_factors", "ari_kmeans", "ari_mixture", "seconds")]
            lines.append(f"| {variant} | {' | '.join(cells)} |")
        lines.append("")
    lines += [
        f"Placing {TALL:,} patients by {WIDE:,} columns, a fifth of the cells missing, 15 factors: "
        f"{seconds:.1f} s of one processor.",
        "",
    ]
    return "\n".join(lines)


def _mean(values: pd.Series) -> str:
    return f"{values.mean():.2f} ({values.sem():.2f})"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "scikit-learn"))
    return f"Python {platform.python_version()}, {packages}; BLAS at one thread"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6, help="cohorts of each kind (default: %(default)s)")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for separation in (3.8, 3.2):
        for seed in range(101, 101 + chosen.seeds):
            rows += one(separation, seed)
            print(separation, seed, flush=True)
    table = pd.DataFrame(rows).round({"ari_kmeans": 4, "ari_mixture": 4, "seconds": 2})
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "factor_model.csv", index=False, lineterminator="\n")
    text = page(table, speed())
    (RESULTS / "factor_model.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
