"""One fit against the bare chain with as many layouts, in turn in one run; then the first fit of a process.

    python benchmarks/one_fit.py

The bare chain is StandardScaler, PCA(50), one seeded umap.UMAP a layout with the recipe's neighbours,
dimensions, least distance and umap-learn's own number of epochs, HDBSCAN on every layout but the map; BLAS
threads as installed and held at one. From 4,000 patients on it makes the map and one other layout, and the
latter's time is counted as often as the recipe has layouts. A fit does more than the chain: it prepares,
chooses the number of factors, combines the layouts and places the patients.

Writes benchmarks/results/one_fit.csv (one timing a row) and .md (ratios). Seconds of the processor are given
beside those of the clock: the machine may have been shared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenotyper import Recipe, read_cohort

RESULTS = Path(__file__).resolve().parent / "results"
FEATURES = 2_000
WHOLE_TO = 1_000  # patients up to which the bare chain makes every layout
REPEATS = {300: 3, 1_000: 1, 4_000: 1, 5_000: 1}
FIRST_FIT = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, {here!r})
import one_fit, phenotyper, hdbscan, joblib, scipy.linalg, sklearn, threadpoolctl
{umap}
imports = time.perf_counter() - start
values, cohort = one_fit.planted(300, 200)
run = {run}
seconds = []
for _ in range(2):
    start, processor = time.perf_counter(), time.process_time()
    run()
    seconds += [time.perf_counter() - start, time.process_time() - processor]
print(json.dumps([imports, *seconds]))
"""
UMAPS = {
    "phenotyper": "from phenotyper.discover.embed import umap_module; umap_module()",
    "bare": "import umap",
}
RUNS = {
    "phenotyper": "lambda: phenotyper.Recipe(n_layouts=1, seed=1).fit(cohort)",
    "bare": "lambda: one_fit.chain(values, one_fit.Recipe(n_layouts=1), seed=1)",
}


def planted(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, Any]:
    """Return n x p correlated features with three planted groups, as an array and as a cohort."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4)) @ rng.normal(size=(4, p)) * 0.5 + rng.normal(size=(n, p))
    for group in range(3):
        columns = rng.choice(p, p // 10, replace=False)
        values[np.ix_(np.arange(n) % 3 == group, columns)] += 0.8 * rng.choice([-1, 1], size=len(columns))
    frame = pd.DataFrame(
        values, index=[f"P{i:05d}" for i in range(n)], columns=[f"f{j:04d}" for j in range(p)]
    )
    return values, read_cohort({"blocks": {"omics": {"file": frame, "kind": "number"}}}, quiet=True)


def chain(values: np.ndarray, recipe: Recipe, *, seed: int, layouts: int | None = None) -> list[float]:
    """Run the bare chain; return seconds of scaling and PCA, of the map and of each clustered layout."""
    import hdbscan
    import umap
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    n = len(values)
    marks = [time.perf_counter()]
    scaled = StandardScaler().fit_transform(values)
    points = PCA(50, random_state=seed).fit_transform(scaled)
    marks.append(time.perf_counter())
    for layout in range(1 + (recipe.n_layouts if layouts is None else layouts)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            place = umap.UMAP(
                n_neighbors=recipe.neighbors_for(n),
                n_components=recipe.n_dims if layout else 2,
                min_dist=0.0 if layout else 0.1,
                random_state=seed + layout,
            ).fit_transform(points)
            if layout:
                hdbscan.HDBSCAN(
                    min_cluster_size=recipe.cluster_size_for(n), min_samples=recipe.min_samples
                ).fit(place)
        marks.append(time.perf_counter())
    return np.diff(marks).tolist()


def _timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - clock, time.process_time() - processor


def compare(n: int, repeat: int) -> list[dict[str, Any]]:
    """Time a fit and the chain on one cohort, in turn."""
    from threadpoolctl import threadpool_limits

    values, cohort = planted(n, FEATURES, seed=repeat)
    recipe = Recipe(seed=1)
    layouts = recipe.n_layouts if n <= WHOLE_TO else 1
    rows = []
    for side, limit in (("phenotyper", None), ("bare, BLAS as installed", None), ("bare, BLAS at 1", 1)):
        with threadpool_limits(limits=limit) if limit else nullcontext():
            if side == "phenotyper":
                _, clock, processor = _timed(lambda: recipe.fit(cohort))
            else:
                parts, clock, processor = _timed(lambda: chain(values, recipe, seed=1, layouts=layouts))
                whole = sum(parts[:2]) + sum(parts[2:]) * recipe.n_layouts / layouts
                clock, processor = whole, processor * whole / clock
        rows.append(
            {
                "patients": n,
                "repeat": repeat,
                "side": side,
                "seconds": round(clock, 2),
                "processor_seconds": round(processor, 2),
                "layouts_timed": 1 + (recipe.n_layouts if side == "phenotyper" else layouts),
            }
        )
        print(rows[-1], flush=True)
    return rows


def first_fits() -> list[dict[str, Any]]:
    """Time the first fit of two processes in a row that share a folder for compiled code."""
    rows = []
    for side, run in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            for process in (1, 2):
                code = FIRST_FIT.format(here=str(Path(__file__).parent), umap=UMAPS[side], run=run)
                done = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", code],
                    env={**os.environ, "NUMBA_CACHE_DIR": folder},
                    check=True,
                    capture_output=True,
                    text=True,
                )
                imports, *fits = json.loads(done.stdout.splitlines()[-1])
                named = ("first_fit", "first_fit_processor", "same_fit_again", "same_fit_again_processor")
                rows.append(
                    {
                        "side": side,
                        "process": process,
                        "imports": round(imports, 2),
                        **{name: round(value, 2) for name, value in zip(named, fits, strict=True)},
                    }
                )
                print(rows[-1], flush=True)
    return rows


def page(table: pd.DataFrame, first: pd.DataFrame) -> str:
    """Return ratios as Markdown."""
    recipe = Recipe()
    lines = [
        "# One fit against the bare chain",
        "",
        f"{FEATURES} features, one block, seed 1; {recipe.n_layouts} clustered layouts of {recipe.n_dims} "
        f"dimensions and a map, 30 neighbours, 500 epochs on both sides; {_machine()}. The fit holds BLAS "
        "at one thread and runs on one core. Medians of the repeats; ratios are chain over fit, by the clock "
        "and by the processor.",
        "",
        "| patients | fit, s | chain, s | ratio | chain, BLAS at 1, s | ratio | layouts of the chain timed |",
        "|---|---|---|---|---|---|---|",
    ]
    for n, part in table.groupby("patients"):
        middle = part.groupby("side")[["seconds", "processor_seconds"]].median()
        ours = middle.loc["phenotyper"]
        cells = [f"{n:,}", f"{ours['seconds']:.1f}"]
        for side in ("bare, BLAS as installed", "bare, BLAS at 1"):
            ratio = middle.loc[side] / ours
            cells += [
                f"{middle.loc[side, 'seconds']:.1f}",
                f"{ratio['seconds']:.2f} (processor {ratio['processor_seconds']:.2f})",
            ]
        cells.append(f"{part['layouts_timed'].min()} of {recipe.n_layouts + 1}")
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "## The first fit of a process",
        "",
        "300 patients x 200 features, one clustered layout and the map; imports are counted apart. Two "
        "processes in a row share one empty folder for compiled code.",
        "",
        "| side | process | imports, s | first fit, s (processor) | the same fit again, s (processor) |",
        "|---|---|---|---|---|",
    ]
    for row in first.itertuples():
        seconds = [
            f"{row.first_fit:.2f} ({row.first_fit_processor:.2f})",
            f"{row.same_fit_again:.2f} ({row.same_fit_again_processor:.2f})",
        ]
        lines.append(f"| {row.side} | {row.process} | {row.imports:.2f} | {' | '.join(seconds)} |")
    return "\n".join([*lines, ""])


def _machine() -> str:
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("umap-learn", "hdbscan", "numba", "numpy", "scipy", "scikit-learn")
    )
    return f"Python {platform.python_version()}, {packages}; {os.cpu_count()} cores ({platform.machine()})"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(REPEATS), help="numbers of patients")
    chosen = parser.parse_args()
    values, cohort = planted(120, 60)
    Recipe(n_layouts=1).fit(cohort)
    chain(values, Recipe(n_layouts=1), seed=1)
    rows = [row for n in chosen.sizes for repeat in range(REPEATS.get(n, 1)) for row in compare(n, repeat)]
    table, first = pd.DataFrame(rows), pd.DataFrame(first_fits())
    RESULTS.mkdir(exist_ok=True)
    pd.concat([table.assign(part="fit"), first.assign(part="first fit")]).to_csv(
        RESULTS / "one_fit.csv", index=False, lineterminator="\n"
    )
    (RESULTS / "one_fit.md").write_text(page(table, first), encoding="utf-8")
    print(page(table, first))


if __name__ == "__main__":
    main()
