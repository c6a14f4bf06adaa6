"""From the cohort's declaration to outcomes with values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import Problem, ResultError, did_you_mean, listed
from phenotyper.outcomes.facts import Outcome
from phenotyper.outcomes.survival_kernels import COMPETING

if TYPE_CHECKING:
    import pandas as pd

    from phenotyper.cohort.declaration import OutcomeSpec


def chosen_outcomes(declared: Iterable[OutcomeSpec], names: Iterable[str] | None) -> list[OutcomeSpec]:
    """Return the outcomes asked for, or all that are declared.

    Raises
    ------
    ResultError
        UNKNOWN_OUTCOME, for every name that is not declared.
    """
    specs = {spec.name: spec for spec in declared}
    if names is None:
        return list(specs.values())
    wanted = list(dict.fromkeys([names] if isinstance(names, str) else names))
    refuse_unknown(wanted, specs, code="UNKNOWN_OUTCOME", what="outcome")
    return [specs[name] for name in wanted]


def refuse_unknown(wanted: Iterable[str], known: Iterable[str], *, code: str, what: str) -> None:
    """Raise a ResultError that names every unknown word and the nearest known one."""
    known = list(known)
    problems = [
        Problem(
            code,
            f'the cohort declares no {what} "{name}"',
            f"It declares {listed(known, most=10) if known else 'none'}.{did_you_mean(str(name), known)}",
        )
        for name in wanted
        if name not in known
    ]
    if problems:
        raise ResultError(problems)


def outcome_of(spec: OutcomeSpec, patients: pd.DataFrame) -> Outcome:
    """Take an outcome's values from the table of patients."""
    label = spec.label or spec.name.replace("_", " ")
    if spec.kind == "survival":
        time, event = (_floats(patients[f"{spec.name}_{part}"]) for part in ("time", "event"))
        competing = bool(spec.competing) or bool(np.any(event == COMPETING))
        return Outcome(spec.name, label, spec.kind, spec.unit, time, event, competing=competing)
    if spec.kind == "ordinal":
        column = patients[spec.name]
        codes = column.cat.codes.to_numpy().astype(np.float64)
        codes[codes < 0] = np.nan
        levels = tuple(str(level) for level in column.cat.categories)
        return Outcome(spec.name, label, spec.kind, spec.unit, codes, levels=levels)
    return Outcome(spec.name, label, spec.kind, spec.unit, _floats(patients[spec.name]))


def _floats(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
