"""The same refits serial, in two threads, two processes and on a Dask cluster of two, in turn in one run.

    OMP_NUM_THREADS=1 python benchmarks/executor.py            # the demo, 20 refits; about 15 minutes
    OMP_NUM_THREADS=1 python benchmarks/executor.py --quick    # 4 refits

Each way runs in a process of its own, start of workers included. Refits are of subsamples of 80 %. Beside
them a loop of plain arithmetic, once and in two processes at once: what two workers can gain on this machine
at this time. Memory is read from /proc five times a second: what a process has for itself (anonymous and
in shared memory) and in all (libraries and mapped files that processes share as well).

Writes benchmarks/results/executor.csv (a row a run) and .md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RESULTS = Path(__file__).resolve().parent / "results"
DEMO = Path(__file__).resolve().parents[1] / "data" / "demo" / "cohort.toml"
WAYS = {"serial": 1, "threading": 2, "loky": 2, "dask": 2}
PACKAGES = ("joblib", "distributed", "numba", "umap-learn", "hdbscan", "numpy", "scikit-learn")
LARGE = (1_000, 10_000)
ALLOWED_TIMES, ALLOWED_MORE = 1.5, 300
"""What a worker may hold: so many times the arrays and so many MB more."""
SPIN = "x = 0\nfor i in range(30_000_000):\n    x += i & 7\n"


def demo() -> tuple[Any, Any]:
    """Return the demo cohort as arrays, with the recipe of the notebooks."""
    from phenotyper import Recipe, read_cohort
    from phenotyper.cohort.blocks import blocks_of

    recipe = Recipe(adjust_for=["age", "site"], seed=7)
    return blocks_of(read_cohort(DEMO, quiet=True), adjust_for=recipe.adjust_for)[0], recipe


def large() -> tuple[Any, Any]:
    """Return a large block of numbers with planted groups, as arrays."""
    from phenotyper import Recipe
    from phenotyper.cohort.blocks import Block, Blocks

    n, p = LARGE
    rng = np.random.default_rng(1)
    values = rng.normal(size=(n, p))
    values[:, : p // 10] += 0.8 * rng.choice([-1, 1], size=(3, p // 10))[np.arange(n) % 3]
    names, same = tuple(f"f{j:05d}" for j in range(p)), ("",) * p
    block = Block(
        "omics", values, np.ones(n, bool), np.zeros((n, p), np.int8), names, ("number",) * p, same, ((),) * p
    )
    return Blocks((block,), (), np.arange(n)), Recipe(adjust_for=(), seed=7, n_layouts=2, n_factors=5)


COHORTS = {"demo": demo, "large": large}


def run(way: str, cohort: str, refits: int) -> dict[str, Any]:
    """Run the refits one way, in this process."""
    from joblib import parallel_config

    from phenotyper.refit.draws import draw_subsamples, spawn_recipes
    from phenotyper.refit.executor import Job, refit
    from phenotyper.refit.loop import bytes_of

    blocks, recipe = COHORTS[cohort]()
    subsamples = draw_subsamples(blocks.n_patients, n=refits, seed=recipe.seed)
    jobs = [Job(*pair) for pair in zip(spawn_recipes(recipe, refits), subsamples, strict=True)]
    start = time.perf_counter()
    with ExitStack() as stack:
        if way == "dask":
            from distributed import Client, LocalCluster

            cluster = LocalCluster(n_workers=WAYS[way], threads_per_worker=1, dashboard_address=None)
            stack.enter_context(Client(stack.enter_context(cluster)))
        if way != "serial":
            stack.enter_context(parallel_config(way))
        found = refit(blocks, jobs, n_jobs=WAYS[way])
        seconds = time.perf_counter() - start
    content = b"".join(one.labels.tobytes() + one.memberships.tobytes() for one in found)
    return {
        "seconds": seconds,
        "arrays_mb": bytes_of(blocks) / 1e6,
        "groups": " ".join(str(one.n_groups) for one in found),
        "digest": hashlib.sha256(content).hexdigest()[:16],
    }


def processes_of(root: int) -> list[int]:
    """Return a process and all below it."""
    below: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                below[int((entry / "stat").read_text().rpartition(")")[2].split()[1])].append(int(entry.name))
            except OSError:
                continue
    found = [root]
    for process in found:
        found += below[process]
    return found


def look(process: int) -> tuple[float, float, float] | None:
    """Return memory of its own and in all (MB), and seconds of the processor."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return None
    kb = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if "Rss" in name
    }
    if not kb:
        return None
    own = (kb["RssAnon"] + kb["RssShmem"]) / 1024
    return own, own + kb["RssFile"] / 1024, sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def watched(way: str, cohort: str, refits: int) -> dict[str, Any]:
    """Run one way in a process of its own and watch it and its workers."""
    command = [sys.executable, __file__, "--run", way, "--cohort", cohort, "--refits", str(refits)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most: dict[int, list[float]] = {}
    while process.poll() is None:
        for one in processes_of(process.pid):
            seen = look(one)
            if seen:
                most[one] = [max(pair) for pair in zip(most.get(one, seen), seen, strict=True)]
        time.sleep(0.2)
    said = process.stdout.read().strip().splitlines() if process.stdout else []
    if process.returncode or not said:
        message = f"{way} ended with {process.returncode}"
        raise RuntimeError(message)
    alone = way in {"serial", "threading"}
    workers = [seen for one, seen in most.items() if (one == process.pid) == alone]
    return {
        "cohort": cohort,
        "way": way,
        "workers": WAYS[way],
        "refits": refits,
        **json.loads(said[-1]),
        "processor_seconds": sum(seen[2] for seen in most.values()),
        "worker_own_mb": max(seen[0] for seen in workers),
        "worker_all_mb": max(seen[1] for seen in workers),
    }


def spin(workers: int) -> float:
    """Return the seconds of plain arithmetic in so many processes at once."""
    start = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(workers)]
    for process in running:
        process.wait()
    return time.perf_counter() - start


def gained(table: pd.DataFrame) -> pd.DataFrame:
    """Return the medians over repeats, with what each way gains over serial."""
    keys = ["cohort", "way", "workers", "refits"]
    figures = ["seconds", "processor_seconds", "worker_own_mb", "worker_all_mb", "arrays_mb", "spin_gain"]
    medians = table.groupby(keys, sort=False)[figures].median().reset_index()
    serial = medians[medians["way"] == "serial"].set_index("cohort")["seconds"]
    medians["gain"] = medians["cohort"].map(serial) / medians["seconds"]
    same = table.groupby("cohort")["digest"].nunique() == 1
    return medians.assign(same=medians["cohort"].map(same))


def markdown(table: pd.DataFrame) -> str:
    """Return the report."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# The executor: where refits run",
        "",
        f"Refits of 80 % subsamples, seed 7; medians of {table['repeat'].nunique()} runs of every way in "
        "turn, a process each, start of workers included. Gain: serial seconds over these. Plain arithmetic: "
        "what two processes gain at the same time. Allowed: 1.5 times the arrays + 300 MB.",
        "",
        "| cohort | way | workers | refits | seconds | gain | plain arithmetic | processor, s "
        "| worker's own MB | with shared, MB | arrays, MB | allowed, MB | the same bytes |",
        "|---" * 13 + "|",
    ]
    for row in gained(table).itertuples():
        allowed, same = ALLOWED_TIMES * row.arrays_mb + ALLOWED_MORE, "yes" if row.same else "NO"
        lines.append(
            f"| {row.cohort} | {row.way} | {row.workers} | {row.refits} | {row.seconds:.1f} | {row.gain:.2f} "
            f"| {row.spin_gain:.2f} | {row.processor_seconds:.1f} | {row.worker_own_mb:.0f} "
            f"| {row.worker_all_mb:.0f} | {row.arrays_mb:.1f} | {allowed:.0f} | {same} |"
        )
    cores = len(os.sched_getaffinity(0))
    made = f"Python {platform.python_version()}, {versions}; {cores} cores ({platform.machine()})."
    return "\n".join([*lines, "", made, ""])


def main() -> None:
    """Run every way in turn and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", choices=list(WAYS), help="one way, in this process")
    parser.add_argument("--cohort", choices=list(COHORTS), action="append")
    parser.add_argument("--refits", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="4 refits, once")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.run:
        print(json.dumps(run(asked.run, asked.cohort[0], asked.refits)))
        return
    rows = []
    for repeat in range(1 if asked.quick else asked.repeats):
        for cohort in asked.cohort or COHORTS:
            refits = asked.refits or (4 if asked.quick or cohort == "large" else 20)
            spin_gain = 2 * spin(1) / spin(2)
            for way in WAYS:
                row = watched(way, cohort, refits) | {"repeat": repeat, "spin_gain": spin_gain}
                rows.append(row)
                print(
                    {key: row[key] for key in ("cohort", "way", "seconds", "worker_own_mb", "digest")},
                    flush=True,
                )
    table = pd.DataFrame(rows).round(3)
    asked.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(asked.out / "executor.csv", index=False, lineterminator="\n")
    (asked.out / "executor.md").write_text(markdown(table), encoding="utf-8")


if __name__ == "__main__":
    main()
