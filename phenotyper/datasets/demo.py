"""The three cohorts of ``data/``, made anew: ``python -m phenotyper.datasets.demo FOLDER``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from phenotyper.datasets.declared import declare
from phenotyper.datasets.simulate import SimulatedCohort, simulate_cohort
from phenotyper.datasets.streams import shuffled, stream
from phenotyper.datasets.write import write_cohort
from phenotyper.files import write_text

DEMO_SEED, SECOND_SEED, WITHOUT_SEED = 7, 21, 35
SECOND_PATIENTS = 206

_COMMON = """
Everything here is simulated: no real child is in it, and no figure says anything about asthma. The genes and
genera are real names, the values are invented.

| file | what |
|---|---|
| `cohort.toml` | how the files are to be read |
| `clinical.csv` | one row a child: age, sex, hospital, family, arm of the trial, outcomes, consent |
{blocks}| `dictionary.csv` | kind, unit, label, levels, limit of detection of labs and questionnaire |
| `truth.csv` | the simulated subphenotype of each child; cohort.toml does not name this file |

{truth}

Made by `{call}`; `python -m phenotyper.datasets.demo data`
writes the same bytes again, and a test compares them.
"""
_BLOCK_ROWS = {
    "expression": "| `expression.csv` | expression of 302 genes in blood, log2, 70 % of the children |\n",
    "labs": "| `labs.csv` | 19 laboratory values and examinations of all kinds |\n",
    "microbiome": "| `microbiome.csv` | relative abundance of 50 airway genera, 60 % of the children |\n",
    "lifestyle": "| `lifestyle.csv` | 16 questionnaire items |\n",
}
_TRUTH = """
Subphenotypes: `atopic` (type 2 inflammation, allergy; the steroid helps), `neutrophilic` (infections; it does
not), `metabolic` (overweight, little inflammation); `none`: 15 % are in none and scatter widely. No block
shows them all clearly. Age moves many features, hospitals shift expression, siblings are alike, 8 % of values
are missing.
""".strip()
_NO_TRUTH = """
There are no subphenotypes here: features have the distributions and correlations of `data/demo`, from
continuous factors, age and hospital. A method that reports distinct subphenotypes here is wrong.
""".strip()


def demo_cohort() -> SimulatedCohort:
    """Return the demo: 412 children with wheeze in two hospitals, three subphenotypes."""
    return simulate_cohort(seed=DEMO_SEED)


def second_hospital() -> SimulatedCohort:
    """Return children of another hospital: same subphenotypes, no microbiome, columns in another order."""
    cohort = simulate_cohort(
        n_patients=SECOND_PATIENTS,
        seed=SECOND_SEED,
        hospital="Southlake",
        blocks=("expression", "labs", "lifestyle"),
        id_prefix="SH",
        name="Childhood wheeze, second hospital (simulated)",
    )
    tables = {name: _other_order(name, table) for name, table in cohort.tables.items()}
    return replace(cohort, tables=tables, declaration=declare(cohort.declaration["name"], tables))


def cohort_without_subphenotypes() -> SimulatedCohort:
    """Return children who differ by continuous factors, age and hospital only."""
    return simulate_cohort(
        subphenotypes=0, seed=WITHOUT_SEED, name="Childhood wheeze without subphenotypes (simulated)"
    )


def _other_order(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Shuffle the columns behind the patient id; of the dictionary, the rows."""
    rng = stream(SECOND_SEED, name, "columns")
    if name == "dictionary":
        return table.iloc[shuffled(rng, len(table))].reset_index(drop=True)
    first, *rest = table.columns
    return table[[first, *(rest[column] for column in shuffled(rng, len(rest)))]]


def write_demo_data(folder: str | Path) -> tuple[Path, ...]:
    """Write ``demo``, ``second_hospital`` and ``no_subphenotypes`` into a folder; always the same bytes.

    Parameters
    ----------
    folder : str or Path
        Made if it is absent; files of the same name are replaced.

    Returns
    -------
    tuple of Path
        The three folders.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    cohorts = {
        "demo": (demo_cohort(), "demo_cohort()", _TRUTH),
        "second_hospital": (second_hospital(), "second_hospital()", _TRUTH),
        "no_subphenotypes": (cohort_without_subphenotypes(), "cohort_without_subphenotypes()", _NO_TRUTH),
    }
    for name, (cohort, call, truth) in cohorts.items():
        write_cohort(cohort, Path(folder) / name)
        write_text(Path(folder) / name / "README.md", _readme(name, cohort, call, truth))
    return tuple(Path(folder) / name for name in cohorts)


def _readme(name: str, cohort: SimulatedCohort, call: str, truth: str) -> str:
    blocks = "".join(_BLOCK_ROWS[block] for block in cohort.declaration["blocks"])
    title = f"# {name}: {cohort.declaration['name']}, {len(cohort.truth)} children\n"
    return title + _COMMON.format(blocks=blocks, truth=truth, call=f"phenotyper.datasets.demo.{call}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the cohorts into the folder named on the command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1:
        print("usage: python -m phenotyper.datasets.demo FOLDER", file=sys.stderr)
        return 2
    for folder in write_demo_data(given[0]):
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
