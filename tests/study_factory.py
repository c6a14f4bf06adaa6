"""A small cohort on disk and the settings of a quick run."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from phenotyper.datasets.simulate import simulate_cohort
from phenotyper.discover.recipe import Recipe

RECIPE = Recipe(adjust_for=("age",), seed=1, n_layouts=2)
TABLES = ("clinical", "expression", "labs", "microbiome", "lifestyle")


def small_cohort(folder: Path, **options) -> Path:
    """Write 120 children, or as ``simulate_cohort`` is told; return the folder."""
    return simulate_cohort(**({"n_patients": 120, "seed": 3} | options)).write(folder)


def listing(folder: Path) -> list[str]:
    """Return every file below a folder, by relative path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write_rows(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def ids_of(cohort: Path) -> list[str]:
    """Return the ids of all patients, those without consent as well."""
    return [row[0] for row in rows_of(cohort / "clinical.csv")[1:]]


def keep_only(cohort: Path, patients: set[str]) -> Path:
    """Take all other patients out of every table."""
    for name in TABLES:
        head, *rows = rows_of(cohort / f"{name}.csv")
        write_rows(cohort / f"{name}.csv", [head, *(row for row in rows if row[0] in patients)])
    return cohort


def shuffle(cohort: Path, seed: int = 5) -> Path:
    """Put rows and columns of every table, and the features of the dictionary, in another order."""
    rng = random.Random(seed)
    for name in TABLES:
        head, *rows = rows_of(cohort / f"{name}.csv")
        order = rng.sample(range(len(head)), len(head))
        rng.shuffle(rows)
        write_rows(cohort / f"{name}.csv", [[row[place] for place in order] for row in [head, *rows]])
    head, *rows = rows_of(cohort / "dictionary.csv")
    rng.shuffle(rows)
    write_rows(cohort / "dictionary.csv", [head, *rows])
    return cohort


def rename(cohort: Path) -> dict[str, str]:
    """Give every patient an id that sorts the other way; return the old id of each new one."""
    old = ids_of(cohort)
    new = {name: f"k{9999 - place}" for place, name in enumerate(sorted(old))}
    for name in TABLES:
        head, *rows = rows_of(cohort / f"{name}.csv")
        write_rows(cohort / f"{name}.csv", [head, *([new[row[0]], *row[1:]] for row in rows)])
    return {after: before for before, after in new.items()}


def without(cohort: Path, *sections: str) -> Path:
    """Take sections out of cohort.toml."""
    kept, skipped = [], False
    for line in (cohort / "cohort.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            skipped = line.strip("[]").split(".")[0] in sections
        kept += [] if skipped else [line]
    (cohort / "cohort.toml").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return cohort
