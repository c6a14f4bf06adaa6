"""One method on one cohort: groups, scores, time and memory; rows are kept, so that a run resumes."""

from __future__ import annotations

import csv
import ctypes
import gc
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peers import LOST, PEERS, Grouping, peer_named, placed, tables_of
from peers.tables import DISCRETE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks

NONE = "none"
"""In the truth: of no group."""
OURS = "phenotyper"
METHODS = (OURS, *PEERS)
SCORES = [f"{score}_{part}" for part in ("all", "placed", "assigned") for score in ("ari", "ami")]
FACTS = ["patients", "groups", "coverage", "lost", "seconds", "clock", "peak_mb"]


def groups_by(method: str, blocks: Blocks, seed: int) -> Grouping:
    """Run a method on the blocks of a cohort."""
    return ours(blocks, seed) if method == OURS else peer_named(method)(tables_of(blocks), seed)


def ours(blocks: Blocks, seed: int, **settings: Any) -> Grouping:
    """Run the recipe as it comes; everybody's nearest group is the most probable one by its placer."""
    from phenotyper.discover.fitting import fit_blocks
    from phenotyper.discover.recipe import Recipe

    found = fit_blocks(Recipe(seed=seed, **settings), blocks)
    n, k = found.probabilities.shape
    everyone = found.probabilities.argmax(axis=1) if k else np.zeros(n, dtype=np.intp)
    return Grouping(found.labels, None, np.where(found.labels >= 0, found.labels, everyone))


def applies(method: str, blocks: Blocks) -> bool:
    """Whether a method differs from the others here: without categories DenseClus has one way to combine."""
    discrete = any(kind in DISCRETE for block in blocks.blocks for kind in block.kinds)
    return discrete or method != "DenseClus, ensemble"


def measured(method: str, blocks: Blocks, seed: int) -> tuple[Grouping, dict[str, float]]:
    """Run a method; return its groups, seconds of the processor and the clock, and memory in MB.

    Memory is the highest resident size during the run (VmHWM, set back before by clear_refs) above that at
    its start, after the heap was trimmed.
    """
    warmed(method)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, clock, processor = _memory("VmRSS"), time.perf_counter(), time.process_time()
    found = groups_by(method, blocks, seed)
    return found, {
        "seconds": round(time.process_time() - processor, 2),
        "clock": round(time.perf_counter() - clock, 2),
        "peak_mb": round(_memory("VmHWM") - before, 1),
    }


def _memory(which: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


@cache
def warmed(method: str) -> None:
    """Run a method once on a small cohort: compiling is not counted."""
    from phenotyper import read_cohort, simulate_cohort
    from phenotyper.cohort.blocks import blocks_of

    simulated = simulate_cohort(n_patients=120, blocks=("labs", "lifestyle"), seed=1)
    groups_by(method, blocks_of(read_cohort(simulated.declaration, quiet=True))[0], 1)


def scores(found: Grouping, truth: NDArray[np.str_]) -> dict[str, float]:
    """Compare groups with the truth, (n,) of names, "none" for patients of no group, "" where unknown.

    ``all``: over all patients, those unassigned as one group, those lost as another, those of no group as a
    class. ``placed``: every unassigned patient in the nearest group, the lost a group of their own; without
    those of no group. ``assigned``: among the assigned.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    known = truth != ""
    parts = {
        "all": (found.labels, known),
        "placed": (placed(found), known & (truth != NONE)),
        "assigned": (found.labels, known & (found.labels >= 0)),
    }
    results: dict[str, float] = {}
    for name, (labels, chosen) in parts.items():
        if chosen.sum() > 1 and len(np.unique(truth[known])) > 1:
            results[f"ari_{name}"] = round(float(adjusted_rand_score(truth[chosen], labels[chosen])), 4)
            results[f"ami_{name}"] = round(
                float(adjusted_mutual_info_score(truth[chosen], labels[chosen])), 4
            )
    return results


def facts(found: Grouping) -> dict[str, float]:
    """Count patients, groups, and who is in one or lost."""
    inside = found.labels >= 0
    return {
        "patients": len(inside),
        "groups": len(np.unique(found.labels[inside])),
        "coverage": round(float(inside.mean()), 4),
        "lost": int((found.labels == LOST).sum()),
    }


class Rows:
    """A table on disk that rows are added to at once; what is there already is not run again."""

    def __init__(self, path: Path, *, key: Sequence[str], columns: Sequence[str]) -> None:
        self.path, self.key, self.columns = path, list(key), [*key, *columns]
        path.parent.mkdir(exist_ok=True)
        if not path.is_file():
            path.write_text(",".join(self.columns) + "\n", encoding="utf-8")
        self._done = set(map(tuple, self.table[self.key].astype(str).to_numpy().tolist()))

    @property
    def table(self) -> pd.DataFrame:
        """The rows so far."""
        return pd.read_csv(self.path, keep_default_na=False, na_values=[""])

    def has(self, **key: object) -> bool:
        """Whether a row is there."""
        return tuple(str(key[name]) for name in self.key) in self._done

    def only_of(self, digest: str, **where: object) -> None:
        """Forget the rows of these cells that were made on other values."""
        table = self.table
        here = np.all([table[name].astype(str) == str(value) for name, value in where.items()], axis=0)
        self._keep(table[~(here & (table["values"].astype(str) != digest).to_numpy())])

    def forget(self, methods: Sequence[str]) -> None:
        """Forget all rows of these methods (a name and whatever follows it)."""
        table = self.table
        self._keep(table[~table["method"].str.startswith(tuple(methods))] if methods else table)

    def _keep(self, table: pd.DataFrame) -> None:
        if len(table) < len(self._done) or len(table) < len(self.table):
            table.to_csv(self.path, index=False, lineterminator="\n")
            self._done = set(map(tuple, table[self.key].astype(str).to_numpy().tolist()))

    def add(self, row: Mapping[str, object]) -> None:
        """Write a row."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(dict(row))
        self._done.add(tuple(str(row[name]) for name in self.key))
        print(*(row.get(name) for name in self.columns), flush=True)


def digest_of(blocks: Blocks) -> str:
    """Return a short digest of the values of a cohort."""
    import hashlib

    digest = hashlib.blake2b(digest_size=4)
    for block in blocks.blocks:
        digest.update(np.nan_to_num(block.values, nan=-9e9).tobytes())
    return "v" + digest.hexdigest()


def attempted(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a run gives, or a note of what it ended in."""
    try:
        return run()
    except (Exception, SystemExit) as error:  # a peer's failure is a result
        return {"note": f"failed: {type(error).__name__}: {str(error)[:120]}"}


def mean(values: pd.Series, form: str = ".2f") -> str:
    """Return a mean with its standard error."""
    known = values.dropna().astype(float)
    if known.empty:
        return "-"
    error = f" ({known.sem():{form}})" if len(known) > 1 else ""
    return f"{known.mean():{form}}{error}".replace("-0.00", "0.00")


def environment() -> str:
    """Return versions and the size of the machine."""
    packages = [
        "numpy",
        "scipy",
        "scikit-learn",
        "umap-learn",
        "hdbscan",
        "Amazon-DenseClus",
        "snfpy",
        "mofapy2",
    ]
    words = [f"Python {platform.python_version()}"]
    for name in [*packages, "muon", "leidenalg"]:
        try:
            words.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            words.append(f"{name} absent")
    return ", ".join([*words, f"{os.cpu_count()} cores, BLAS at one thread"])
