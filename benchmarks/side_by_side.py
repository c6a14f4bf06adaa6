"""phenotyper beside other tools, on the same cohorts with known groups.

    OMP_NUM_THREADS=1 python benchmarks/side_by_side.py

Writes benchmarks/results/side_by_side.csv (one method on one cohort a row, at once: a run that was ended
goes on where it was) and .md. Nobody adjusts for anything, but in the rows that say so. Delete rows to have
them run again; those made on other values than the cohort has now are forgotten.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers.running import (
    FACTS,
    METHODS,
    OURS,
    SCORES,
    Rows,
    applies,
    attempted,
    digest_of,
    environment,
    facts,
    measured,
    scores,
)

from phenotyper import read_cohort, simulate_cohort
from phenotyper.cohort.blocks import Blocks, blocks_of

RESULTS = Path(__file__).resolve().parent / "results"
COHORTS = Path(__file__).resolve().parents[1] / "tests" / "cohorts"
ADJUSTED = {
    f"{OURS}, adjusted for age (its default)": ("age",),
    f"{OURS}, adjusted for age and site": ("age", "site"),
}
"""Where the cohort has children and their age, and several hospitals."""


@dataclass(frozen=True)
class Data:
    """A cohort for a seed: its blocks and what the groups are compared with, by name."""

    about: str
    make: Callable[[int], tuple[dict[str, Blocks], dict[str, np.ndarray]]]
    seeds: tuple[int, ...]


def from_simulator(seed: int, *, make: Callable[..., Any], children: bool = False, **settings: Any) -> Any:
    """Return the blocks of a simulated cohort and its truth."""
    simulated = make(seed=seed, **settings)
    cohort = read_cohort(simulated.declaration, quiet=True)
    blocks, ids = blocks_of(cohort)
    truth = simulated.truth.set_index("patient_id")["subphenotype"].loc[ids].to_numpy(dtype=str)
    if len(set(truth)) == 1:
        truth = np.full(len(ids), "")
    found = {OURS: blocks}
    if children:
        found |= {name: adjusted(cohort, adjust_for, ids) for name, adjust_for in ADJUSTED.items()}
    return found, {"planted groups": truth}


def adjusted(cohort: Any, adjust_for: tuple[str, ...], ids: np.ndarray) -> Blocks:
    """Return the blocks with covariates to take out, patients in the order of ``ids``."""
    blocks, again = blocks_of(cohort, adjust_for=adjust_for)
    return blocks.rows(pd.Index(again).get_indexer(ids))


def family(name: str, **settings: Any) -> Callable[[int], Any]:
    """Return cohorts of a family of the simulator."""
    from phenotyper.datasets.families import simulate_family

    return partial(from_simulator, make=partial(simulate_family, name), **settings)


def real(seed: int, *, cohort_name: str, classes: Mapping[str, str], children: bool) -> Any:
    """Return the blocks of a shared cohort and its published classes; the seed is only the methods'."""
    declared = COHORTS / f"{cohort_name}.toml"
    cohort = read_cohort(declared, quiet=True)
    blocks, ids = blocks_of(cohort)
    about = tomllib.loads(declared.read_text(encoding="utf-8"))
    clinical = pd.read_csv(
        (COHORTS / about["folder"]).resolve() / "clinical.csv", index_col="patient_id", dtype=str
    )
    found = {OURS: blocks}
    if children:
        name, adjust_for = next(iter(ADJUSTED.items()))
        found[name] = adjusted(cohort, adjust_for, ids)
    known = clinical.reindex(ids).fillna("")
    return found, {label: known[column].to_numpy(dtype=str) for column, label in classes.items()}


FIVE = (1, 2, 3, 4, 5)
DATA: dict[str, Data] = {
    "2 groups": Data("one block, sd 2.0", family("planted", n_groups=2, separation=2.0), FIVE),
    "3 groups": Data("one block, sd 2.5", family("planted", separation=2.5), FIVE),
    "3 groups, 2.0 sd": Data("one block, sd 2.0", family("planted", separation=2.0), FIVE),
    "4 groups": Data("one block, sd 2.5", family("planted", n_groups=4, separation=2.5), FIVE),
    "3 unequal groups": Data("60, 25 and 15 %", family("planted_unequal", separation=2.5), FIVE),
    "in one block of three": Data("sd 2.5", family("planted_one_block", separation=2.5), FIVE),
    "in all of three blocks": Data("sd 2.5", family("planted_all_blocks", separation=2.5), FIVE),
    "mixed kinds": Data("sd 2.0", family("planted_mixed", separation=2.0), FIVE),
    "the demo": Data(
        "412 children, 4 blocks, 15 % in no group",
        partial(from_simulator, make=simulate_cohort, children=True),
        (101, 102, 103, 104, 105),
    ),
    "no groups": Data("correlated features", family("correlated"), FIVE),
    "acc_tcga": Data(
        "92 patients, 5 blocks, 43 have all",
        partial(real, cohort_name="acc_tcga", classes={"COC": "COC"}, children=False),
        FIVE,
    ),
    "neuroblastoma_seqc": Data(
        "498 children, one RNA measured three times",
        partial(
            real,
            cohort_name="neuroblastoma_seqc",
            classes={"mycn_status": "MYCN", "high_risk": "high risk"},
            children=True,
        ),
        (1, 2, 3),
    ),
}


def run(rows: Rows, data: list[str], methods: list[str], most: int) -> None:
    """Run what is not there, seed by seed so that every cohort has some."""
    for turn in range(most):
        for name in data:
            if turn < len(DATA[name].seeds):
                one(rows, name, DATA[name].seeds[turn], methods)


def one(rows: Rows, name: str, seed: int, methods: list[str]) -> None:
    """Run the methods on one cohort."""
    found, truths = DATA[name].make(seed)
    digest = digest_of(found[OURS])
    rows.only_of(digest, data=name, seed=seed)
    for method in [*methods, *(ADJUSTED.keys() & found.keys() if OURS in methods else ())]:
        blocks = found.get(method, found[OURS])
        if rows.has(data=name, method=method, seed=seed) or not applies(method, blocks):
            continue

        def scored(method: str = method, blocks: Blocks = blocks) -> dict[str, Any]:
            groups, cost = measured(OURS if method in ADJUSTED else method, blocks, seed)
            return {
                **facts(groups),
                **cost,
                "scores": {label: scores(groups, truths[label]) for label in truths},
            }

        got = attempted(scored)
        of = got.pop("scores", {label: {} for label in truths})
        for label in truths:
            key = {"data": name, "method": method, "seed": seed, "against": label, "values": digest}
            rows.add({**key, **got, **of[label]})


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=5, help="at most so many seeds (default: %(default)s)")
    parser.add_argument("--again", nargs="*", default=[], help="methods whose rows are forgotten first")
    parser.add_argument("--report", action="store_true", help="write the page from the rows that are there")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows = Rows(
        asked.out / "side_by_side.csv",
        key=["data", "method", "seed"],
        columns=["against", "values", *FACTS, *SCORES, "note"],
    )
    rows.forget(asked.again)
    if not asked.report:
        run(rows, asked.data, asked.methods, asked.seeds)
    from peers.page import side_by_side_page

    abouts = {name: data.about for name, data in DATA.items()}
    (asked.out / "side_by_side.md").write_text(
        side_by_side_page(rows.table, abouts, environment()), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
