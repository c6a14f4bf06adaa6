"""Reading large files: peak memory against the size of their arrays, and time, beside ``pandas.read_csv``.

    OMP_NUM_THREADS=1 python benchmarks/large_files.py --gigabytes 2

Writes a table of random numbers of that size into a temporary folder as CSV, as Parquet and as a matrix with
features as rows, reads each in a process of its own, and writes benchmarks/results/large_files.csv and .md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = Path(__file__).resolve().parents[1]
FEATURES = 20_000
BYTES_A_CELL = 8.1
"""Of a number with five decimals and its comma."""

_READ = """
import json, re, sys, time
import anndata, mudata, numpy, pandas, scipy.stats
from phenotyper.cohort.read import read_cohort
import phenotyper.cohort.checks

file, rows, peer = sys.argv[1], sys.argv[2], sys.argv[3] == "pandas"
def memory(line):
    return 1024 * int(re.search(line + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before, started, reports = memory("VmRSS"), time.perf_counter(), []
if peer:
    size = pandas.read_csv(file, index_col=0).drop(columns="assay").to_numpy().nbytes
else:
    aside = {"exclude": ["assay"]} if file.endswith("patients.csv") else {}
    block = {"file": file, "kind": "log", **({"rows": rows} if rows else {}), **aside}
    cohort = read_cohort(
        {"blocks": {"x": block}}, quiet=True, progress=lambda name, done, total: reports.append(done / total)
    )
    size = cohort["x"].X.nbytes
seconds = time.perf_counter() - started
print(json.dumps({"array_gb": size / 1e9, "peak_gb": (memory("VmHWM") - before) / 1e9, "seconds": seconds,
                  "reports": len(reports)}))
"""


def write_tables(folder: Path, gigabytes: float) -> dict[str, tuple[Path, str]]:
    """Write a table in three forms; return the file and its ``rows`` for each.

    The CSV has a column of text, a constant feature and a blank line, as files do.
    """
    patients = max(20, round(gigabytes * 1e9 / (FEATURES * BYTES_A_CELL)))
    rng = np.random.default_rng(0)
    names = [f"g{place}" for place in range(FEATURES)]
    few = np.char.mod("%.5f", rng.normal(8, 2, (200, FEATURES)))
    csv = folder / "patients.csv"
    with csv.open("w", encoding="utf-8") as file:
        file.write(",".join(["patient_id", *names, "assay"]) + "\n")
        for patient in range(patients):
            row = np.roll(few[patient % 200], int(rng.integers(FEATURES)))
            row[7] = "1"
            file.write(f"P{patient:06d}," + ",".join(row) + ",v2\n" + "\n" * (patient == 50))
    turned = folder / "features.csv"
    with turned.open("w", encoding="utf-8") as file:
        file.write(",".join(["gene", *(f"P{patient:06d}" for patient in range(patients))]) + "\n")
        for place, name in enumerate(names):
            row = np.resize(few[place % 200], patients)
            file.write(f"{name}," + ",".join(np.roll(row, place)) + "\n")
    parquet = folder / "patients.parquet"
    frame = pd.DataFrame(rng.normal(8, 2, (patients, FEATURES)), columns=names)
    frame.insert(0, "patient_id", [f"P{patient:06d}" for patient in range(patients)])
    frame.to_parquet(parquet)
    return {"CSV": (csv, ""), "features as rows": (turned, "features"), "Parquet": (parquet, "")}


def measured(file: Path, rows: str, *, reader: str) -> dict[str, float]:
    """Read a file in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(file), rows, reader],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def page(table: pd.DataFrame) -> str:
    """Return the table as Markdown."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("pandas", "pyarrow", "numpy"))
    lines = [
        "# Large files",
        "",
        f"{FEATURES:,} features; Python {platform.python_version()}, {libraries}; {os.cpu_count()} cores.",
        "Memory is the peak above the process with its imports; the ratio is to the array that comes out.",
        "",
        "| file | reader | GB on disk | array, GB | peak, GB | peak / array | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.file} | {row.reader} | {row.disk_gb:.2f} | {row.array_gb:.2f} | {row.peak_gb:.2f} "
        f"| {row.ratio:.2f} | {row.seconds:.0f} |"
        for row in table.itertuples()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write, read, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, help="where the tables are written (a temporary folder)")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        for name, (file, turned) in write_tables(Path(folder), chosen.gigabytes).items():
            for reader in ("phenotyper", "pandas") if name == "CSV" else ("phenotyper",):
                found = measured(file, turned, reader=reader)
                ratio = found["peak_gb"] / found["array_gb"]
                disk = file.stat().st_size / 1e9
                rows.append({"file": name, "reader": reader, "disk_gb": disk, **found, "ratio": ratio})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(3)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "large_files.csv", index=False)
    (RESULTS / "large_files.md").write_text(page(table), encoding="utf-8")


if __name__ == "__main__":
    main()
