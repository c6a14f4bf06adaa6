"""What remains when values go missing and patients come to lack blocks: phenotyper and other tools.

    OMP_NUM_THREADS=1 python benchmarks/missingness.py

Writes benchmarks/results/missingness.csv (one method on one cohort with its holes a row, at once: a run
that was ended goes on where it was) and .md.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers.page import missingness_page
from peers.running import (
    FACTS,
    METHODS,
    SCORES,
    Rows,
    attempted,
    digest_of,
    environment,
    facts,
    measured,
    scores,
)
from side_by_side import family

from phenotyper.cohort.blocks import Blocks
from phenotyper.datasets.degrade import degrade

RESULTS = Path(__file__).resolve().parent / "results"
FAMILIES: dict[str, dict[str, float]] = {
    "shown by a quarter of the features, 2.5 sd": {"separation": 2.5, "share_informative": 0.25},
    "shown by a tenth of the features, 3.0 sd": {"separation": 3.0, "share_informative": 0.1},
}
SKIPPED = ("PCA + UMAP + HDBSCAN, as installed", "DenseClus, ensemble", "MOFA + HDBSCAN")
"""Settings that are not better on full data than the other ones of the same tool, or the same."""
CELLS = [(0.0, 0.0), (0.3, 0.2), (0.1, 0.0), (0.3, 0.0), (0.5, 0.0), (0.0, 0.2), (0.0, 0.4)]
CELLS += [(0.1, 0.2), (0.5, 0.2), (0.1, 0.4), (0.3, 0.4), (0.5, 0.4)]
ABOUT = """Three planted groups that all of three blocks show, with many features or with few (300 patients,
120 features), values missing completely at random, patient-blocks absent at random; every patient keeps a
block. Holes are nested and the same for all methods. Words as in [side_by_side.md](side_by_side.md)."""


def run(rows: Rows, methods: list[str], seeds: list[int]) -> None:
    """Run what is not there, seed by seed, the cells that matter most first."""
    for seed, name in product(seeds, FAMILIES):
        found, truths = family("planted_all_blocks", **FAMILIES[name])(seed)
        (whole,), (truth,) = found.values(), truths.values()
        for missing, absent in CELLS:
            key: dict[str, Any] = {"data": name, "missing": missing, "absent": absent, "seed": seed}
            blocks = degrade(whole, share_missing=missing, share_absent=absent, seed=seed)
            rows.only_of(digest_of(blocks), **key)
            for method in methods:
                if not rows.has(**key, method=method):
                    row = attempted(partial(_one, method, blocks, truth=truth, seed=seed))
                    rows.add({**key, "method": method, "values": digest_of(blocks), **row})


def _one(method: str, blocks: Blocks, *, truth: NDArray[np.str_], seed: int) -> dict[str, Any]:
    groups, cost = measured(method, blocks, seed)
    return {**facts(groups), **cost, **scores(groups, truth)}


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = [name for name in METHODS if name not in SKIPPED]
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=usual)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--again", nargs="*", default=[], help="methods whose rows are forgotten first")
    parser.add_argument("--report", action="store_true", help="write the page from the rows that are there")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows = Rows(
        asked.out / "missingness.csv",
        key=["data", "missing", "absent", "method", "seed"],
        columns=["values", *FACTS, *SCORES, "note"],
    )
    rows.forget(asked.again)
    if not asked.report:
        run(rows, asked.methods, asked.seeds)
    page = missingness_page(rows.table, ABOUT, environment())
    (asked.out / "missingness.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
