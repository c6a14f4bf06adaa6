"""Placing new patients: their own label back, half placed by the other half, groups never seen, units, time.

    OMP_NUM_THREADS=1 python benchmarks/assigning.py

Writes benchmarks/results/assigning.csv (one figure a row) and .md (means with standard errors). Run twice
with the same versions, only the seconds differ.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenotyper import PhenotyperError, Recipe, assign, degrade, read_cohort, simulate_cohort, simulate_family
from phenotyper.cohort.blocks import Blocks, blocks_of
from phenotyper.discover.assign import place_newcomers
from phenotyper.discover.fitting import fit_blocks
from phenotyper.discover.frozen import Frozen
from phenotyper.discover.newcomers import Newcomers
from phenotyper.discover.phenotypes import group_name
from phenotyper.discover.slips import Typical, slips_of

RESULTS = Path(__file__).resolve().parent / "results"
REAL = Path(__file__).resolve().parents[1] / "tests" / "cohorts"
WITHOUT = ("none", "unassigned", "")
COHORTS: dict[str, dict[str, Any]] = {
    "demo, separation 3.8": {"n_patients": 412, "adjust_for": ("age", "site")},
    "planted": {"n_patients": 600},
    "planted_unequal": {"n_patients": 600},
    "planted_all_blocks": {"n_patients": 600},
    "planted_mixed": {"n_patients": 600},
    "planted_noise": {"n_patients": 600},
}
Row = dict[str, Any]


def read(name: str, seed: int) -> tuple[Blocks, np.ndarray, Any]:
    """Return the blocks of a simulated cohort, the truth in the same order, and the simulation."""
    settings = dict(COHORTS[name])
    adjust_for = settings.pop("adjust_for", ())
    simulated = (
        simulate_cohort(seed=seed, **settings)
        if name.startswith("demo")
        else simulate_family(name, seed=seed, **settings)
    )
    blocks, ids = blocks_of(read_cohort(simulated.declaration, quiet=True), adjust_for=adjust_for)
    truth = simulated.truth.set_index("patient_id")["subphenotype"].loc[ids].to_numpy(dtype=str)
    return blocks, truth, simulated


def freeze(blocks: Blocks, *, layouts: int) -> tuple[Frozen, np.ndarray]:
    """Fit and freeze; return the names given to the patients as well."""
    fitted = fit_blocks(Recipe(seed=1, n_layouts=layouts), blocks)
    names = [group_name(g) for g in range(fitted.probabilities.shape[1])]
    labels = np.array([*names, "unassigned"])[fitted.labels]
    return Frozen.of(fitted, blocks, names=names, seed=1), labels


def place(frozen: Frozen, blocks: Blocks) -> np.ndarray:
    """Return the names given to new patients by a frozen fit."""
    ids = np.array([f"p{number:06d}" for number in range(blocks.n_patients)])
    return place_newcomers(frozen, Newcomers(blocks, blocks, ids, []))[0]["subphenotype"].to_numpy(dtype=str)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return the adjusted Rand index over those whom both put in a group."""
    from sklearn.metrics import adjusted_rand_score

    both = ~np.isin(first, WITHOUT) & ~np.isin(second, WITHOUT)
    return float(adjusted_rand_score(first[both], second[both])) if both.any() else np.nan


def covered(names: np.ndarray) -> float:
    """Return the share of patients in a group."""
    return float(np.mean(~np.isin(names, WITHOUT)))


def one(name: str, seed: int, *, layouts: int) -> list[Row]:
    """Measure one simulated cohort."""
    blocks, truth, _ = read(name, seed)
    rng = np.random.default_rng(seed)
    whole, labels = freeze(blocks, layouts=layouts)
    again = place(whole, blocks)
    figures = {
        "groups found": len(whole.names),
        "own label back": float(np.mean(labels == again)),
        "coverage of the fit": covered(labels),
        "coverage when assigned": covered(again),
        "fit: adjusted Rand with the truth": agreement(labels, truth),
    }
    chosen = rng.permutation(len(truth))
    first, second = np.sort(chosen[: len(truth) // 2]), np.sort(chosen[len(truth) // 2 :])
    half, _ = freeze(blocks.rows(first), layouts=layouts)
    placed = place(half, blocks.rows(second))
    in_group = truth[second] != "none"
    figures |= {
        "half: groups found": len(half.names),
        "half: adjusted Rand with the fit on all": agreement(placed, labels[second]),
        "half: adjusted Rand with the truth": agreement(placed, truth[second]),
        "half: patients of groups placed": covered(placed[in_group]),
    }
    if not in_group.all():
        figures["half: patients of no group unassigned"] = 1 - covered(placed[~in_group])
    figures |= _with_holes(half, blocks.rows(second), truth[second], seed)
    figures |= _group_left_out(blocks, truth, seed, layouts=layouts)
    return [
        {"data": name, "seed": seed, "figure": figure, "value": value} for figure, value in figures.items()
    ]


def _with_holes(half: Frozen, blocks: Blocks, truth: np.ndarray, seed: int) -> dict[str, float]:
    """Hide 30 % of the values, then 20 % of the patient-blocks as well, of the patients that are placed."""
    found = {}
    for words, absent in (("30 % of values missing", 0.0), ("and 20 % of blocks", 0.2)):
        if absent and len(blocks.blocks) == 1:
            continue
        holed = degrade(blocks, share_missing=0.3, share_absent=absent, seed=seed)
        placed = place(half, holed)
        found[f"half, {words}: adjusted Rand with the truth"] = agreement(placed, truth)
        found[f"half, {words}: placed"] = covered(placed)
    return found


def _group_left_out(blocks: Blocks, truth: np.ndarray, seed: int, *, layouts: int) -> dict[str, float]:
    groups = sorted(set(truth) - {"none"})
    out = groups[seed % len(groups)]
    rest, _ = freeze(blocks.rows(np.flatnonzero(truth != out)), layouts=layouts)
    placed = place(rest, blocks.rows(np.flatnonzero(truth == out)))
    return {
        "left out: groups found": len(rest.names),
        "left out: its patients unassigned": 1 - covered(placed),
    }


def units(splits: int = 100) -> list[Row]:
    """Count false alarms on random parts of shared cohorts, and slips that are found."""
    rows: list[Row] = []
    for path in sorted(REAL.glob("*.toml")):
        try:
            blocks, _ = blocks_of(read_cohort(path, quiet=True))
        except PhenotyperError as error:  # files that are not here
            print(f"{path.stem}: not read ({type(error).__name__})")
            continue
        if blocks.n_features > 2000:
            continue
        rng, alarms = np.random.default_rng(0), 0
        for split in range(splits):
            order = rng.permutation(blocks.n_patients)
            half = blocks.n_patients // 2
            size = (half, max(10, half // 10), 1)[split % 3]
            typical = tuple(Typical.fit(block) for block in blocks.rows(order[:half]).blocks)
            alarms += bool(slips_of(typical, blocks.rows(order[half : half + size])))
        rows.append(_row(path.stem, "random parts with a unit named", alarms / splits))
    return rows + _white_cells()


def _white_cells() -> list[Row]:
    paths = [REAL / f"appendicitis_{name}.toml" for name in ("two_hospitals", "duesseldorf")]
    if not all(path.is_file() for path in paths):
        return []
    first, second = (blocks_of(read_cohort(path, quiet=True))[0] for path in paths)
    problems = slips_of(tuple(Typical.fit(block) for block in first.blocks), second)
    for problem in problems:
        print(problem.text())
    return [_row("Regensburg to Duesseldorf", "units named", len(problems))]


def _row(data: str, figure: str, value: float, seed: int = 0) -> Row:
    return {"data": data, "seed": seed, "figure": figure, "value": value}


def timed() -> list[Row]:
    """Place 10,000 patients with 1,000 features, and one."""
    settings: dict[str, Any] = {"n_features": 1000, "share_missing": 0.05}
    first = simulate_family("planted_all_blocks", n_patients=400, seed=1, **settings)
    second = simulate_family("planted_all_blocks", n_patients=10_000, seed=2, **settings)
    found = Recipe(seed=1, n_layouts=2).fit(read_cohort(first.declaration, quiet=True))
    cohort = read_cohort(second.declaration, quiet=True)
    assert found.frozen is not None
    rows = []
    for words, run in (
        ("whole verb, from the cohort", lambda: assign(found, cohort, quiet=True)),
        ("from arrays", _from_arrays(found.frozen, cohort)),
    ):
        run()
        started, busy = time.perf_counter(), time.process_time()
        run()
        rows.append(_row("10,000 x 1,000", f"{words}: seconds", time.perf_counter() - started))
        rows.append(_row("10,000 x 1,000", f"{words}: seconds of processor", time.process_time() - busy))
    return rows


def _from_arrays(frozen: Frozen, cohort: Any) -> Any:
    blocks, ids = blocks_of(cohort)
    newcomers = Newcomers(blocks, blocks, ids, [])
    return lambda: place_newcomers(frozen, newcomers)


def page(table: pd.DataFrame) -> str:
    """Return means (standard errors) by data and figure as Markdown."""
    lines = [
        "# Placing new patients",
        "",
        f"Seeds {table['seed'].min()} to {table['seed'].max()}; {_machine()}.",
        "",
    ]
    for data, part in table.groupby("data", sort=False):
        lines += [f"## {data}", "", "| figure | mean (standard error) |", "|---|---|"]
        lines += [
            f"| {figure} | {_mean(rows['value'])} |" for figure, rows in part.groupby("figure", sort=False)
        ]
        lines.append("")
    return "\n".join(lines)


def _mean(values: pd.Series) -> str:
    known = values.dropna()
    if known.empty:
        return "-"
    return f"{known.mean():.3f}" + (f" ({known.sem():.3f})" if len(known) > 1 else "")


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("umap-learn", "hdbscan", "numpy", "scipy"))
    return f"Python {platform.python_version()}, {packages}; {os.cpu_count()} cores, BLAS at one thread"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="cohorts of each kind (default: %(default)s)")
    parser.add_argument(
        "--layouts", type=int, default=10, help="layouts of each graph (default: %(default)s)"
    )
    parser.add_argument("--data", nargs="*", default=[*COHORTS], help="which cohorts (default: all)")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for name in chosen.data:
        for seed in range(1, chosen.seeds + 1):
            rows += one(name, seed, layouts=chosen.layouts)
            print(pd.DataFrame(rows[-16:]).to_string(index=False, header=False), flush=True)
    rows += [*units(), *timed()]
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.assign(value=table["value"].round(4)).to_csv(
        RESULTS / "assigning.csv", index=False, lineterminator="\n"
    )
    (RESULTS / "assigning.md").write_text(page(table), encoding="utf-8")
    print(page(table))


if __name__ == "__main__":
    main()
