"""Who of a new cohort was placed where, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import Problem, ResultError, listed, number_of
from phenotyper.results import CANDIDATE, Result, csv_text, read_parts, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

SCHEMA = 1
UNASSIGNED = "unassigned"
_TEXTS = ("patient_id", "subphenotype", "nearest", "second", "reason", "set_aside", "deciding")
_NUMBERS = ("probability", "n_observed", "information", "map_x", "map_y")
_ORDER = (
    *("patient_id", "subphenotype", "probability", "nearest", "second", "reason", "n_observed"),
    *("set_aside", "information", "deciding", "map_x", "map_y"),
)
_FEATURE_TEXTS = ("patient_id", "block", "feature", "value", "speaks_for")


@dataclass(frozen=True, repr=False, eq=False)
class Assignment(Result):
    """New patients among the subphenotypes of a fit.

    Parameters
    ----------
    table : DataFrame
        One row a patient, sorted by ``patient_id``: ``subphenotype`` ("A", "B", ... or "unassigned"),
        ``probability`` (of the nearest, given that the patient is of one of them), ``nearest`` and ``second``
        subphenotype, ``reason`` (why unassigned, else empty), ``n_observed`` (features that the fit used),
        ``set_aside`` (features not used for this patient: in another unit, or so it looks; else empty),
        ``information`` (0 to 1: share of the variance of the scores that was observed), ``deciding`` (the
        features that decided, and the subphenotype each speaks for), ``map_x`` and ``map_y`` (approximate).
    probabilities : ndarray, shape (n, k)
        Of every subphenotype, rows as in ``table``, columns as ``names``.
    features : DataFrame
        One row a patient and deciding feature (five at most, the largest first): block, feature, value (a
        level, "high" or "low"), speaks_for (empty in somebody unlike any patient seen), contribution (in log
        odds of the nearest against the second; in somebody unlike to the squared distance).
    problems : tuple of Problem
        What was missing, additional, unknown, or looks like measured in another unit.
    names : tuple of str, length k
        Subphenotypes.
    status : str
        What may be said of them.
    fitted, fingerprint : str
        Fingerprints of the cohort that was fitted and of this one.
    """

    table: pd.DataFrame
    probabilities: NDArray[np.float64]
    features: pd.DataFrame
    problems: tuple[Problem, ...]
    names: tuple[str, ...]
    status: str = CANDIDATE
    fitted: str = ""
    fingerprint: str = ""

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.table)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Patients in each subphenotype, and unassigned."""
        counts = self.table["subphenotype"].value_counts()
        return {name: int(counts.get(name, 0)) for name in (*self.names, UNASSIGNED)}

    @property
    def coverage(self) -> float:
        """Share of the patients who are in a subphenotype."""
        return 1 - self.sizes[UNASSIGNED] / max(self.n_patients, 1)

    def labels(self, ids: Iterable[str]) -> NDArray[np.str_]:
        """Return the subphenotype of each of these patients.

        Raises
        ------
        ResultError
            UNKNOWN_PATIENT: somebody was not among those placed.
        """
        known = dict(zip(self.table["patient_id"], self.table["subphenotype"], strict=True))
        wanted = [str(patient) for patient in ids]
        unknown = sum(patient not in known for patient in wanted)
        if unknown:
            said = f"{unknown} of {number_of(len(wanted), 'patient')} were not among those placed"
            raise ResultError(Problem("UNKNOWN_PATIENT", said, "Assign the cohort that they are in."))
        return np.array([known[patient] for patient in wanted], dtype=str)

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        if not self.names:
            return f"{number_of(self.n_patients, 'patient')}, none placed: the fit found no subphenotypes"
        sizes = ", ".join(f"{name} {self.sizes[name]}" for name in self.names)
        placed = (
            f"{100 * self.coverage:.0f} % of {number_of(self.n_patients, 'patient')} placed ({self.status})"
        )
        who = f"{placed}: {sizes}; unassigned {self.sizes[UNASSIGNED]}{self._why()}"
        return f"{who}{self._slipped()}{self._warned()}"

    def _why(self) -> str:
        reasons = self.table["reason"].str.replace(r"^between .*", "between two", regex=True)
        reasons = reasons.str.replace(r":.*", "", regex=True)
        counts = reasons[reasons != ""].value_counts()
        return f" ({listed(f'{n} {reason}' for reason, n in counts.items())})" if len(counts) else ""

    def _slipped(self) -> str:
        places = [problem.where for problem in self.problems if problem.code == "UNIT_SLIP"]
        single = sum("." in place for place in places)
        counts = [number_of(single, "feature")] * (single > 0)
        counts += [number_of(len(places) - single, "block")] * (single < len(places))
        looks = "looks" if len(places) == 1 else "look"
        return f"; {' and '.join(counts)} {looks} to be in another unit and not used" if places else ""

    def _warned(self) -> str:
        return f"; {number_of(len(self.problems), 'warning')} in .problems" if self.problems else ""

    def to_csv(self, path: str | Path) -> None:
        """Write the table as CSV; it holds patient ids.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        from phenotyper.files import write_text

        write_text(path, csv_text(self.table))

    def save(self, folder: str | Path) -> None:
        """Write ``assignment.json`` and ``.npz``; they hold patient ids and belong under ``private/``."""
        meta = {
            "problems": [problem.to_dict() for problem in self.problems],
            "names": list(self.names),
            "status": self.status,
            "fitted": self.fitted,
            "fingerprint": self.fingerprint,
        }
        arrays = {name: self.table[name].to_numpy(dtype=str) for name in _TEXTS}
        arrays |= {name: self.table[name].to_numpy(dtype=np.float64) for name in _NUMBERS}
        arrays |= {f"features.{name}": self.features[name].to_numpy(dtype=str) for name in _FEATURE_TEXTS}
        arrays["features.contribution"] = self.features["contribution"].to_numpy(dtype=np.float64)
        arrays["probabilities"] = self.probabilities
        write_parts(folder, kind="assignment", schema=SCHEMA, meta=meta, arrays=arrays)


def load_assignment(folder: str | Path) -> Assignment:
    """Read what :meth:`Assignment.save` wrote.

    Raises
    ------
    ResultError
        The files are absent, changed, or of a newer version.
    """
    import pandas as pd

    meta, arrays = read_parts(folder, kind="assignment", schema=SCHEMA)
    if "set_aside" not in arrays:  # an earlier version
        arrays["set_aside"] = np.full(len(arrays["patient_id"]), "")
    columns = {name: arrays[name].astype(object) if name in _TEXTS else arrays[name] for name in _ORDER}
    columns["n_observed"] = columns["n_observed"].astype(np.intp)
    features = {name: arrays[f"features.{name}"].astype(object) for name in _FEATURE_TEXTS}
    features["contribution"] = arrays["features.contribution"]
    return Assignment(
        pd.DataFrame(columns),
        arrays["probabilities"],
        pd.DataFrame(features),
        tuple(Problem.from_dict(problem) for problem in meta["problems"]),
        tuple(meta["names"]),
        meta["status"],
        meta["fitted"],
        meta["fingerprint"],
    )
