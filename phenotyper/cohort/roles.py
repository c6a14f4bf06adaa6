"""The table of patients to ``obs``: age in years, sex, site, outcomes, treatments, consent."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenotyper.cohort.days import ages_at_index
from phenotyper.cohort.declaration import AGE_UNITS, BORN, Declaration, OutcomeSpec, SexSpec, TreatmentSpec
from phenotyper.cohort.kinds import all_numbers, level_places, sorted_levels
from phenotyper.cohort.readers import RawTable
from phenotyper.cohort.values import code_text, numbers_of, text_of

CONSENT_GIVEN = {"yes", "true", "1"}
CONSENT_REFUSED = {"no", "false", "0"}
BINARY = ({"0": 0.0, "1": 1.0}, {"no": 0.0, "yes": 1.0}, {"false": 0.0, "true": 1.0})


def texts(table: RawTable, column: str) -> pd.Series:
    """Return a column of the table as text, NaN = missing; all missing when the column is absent."""
    if column not in table.frame.columns:
        return pd.Series([None] * len(table.rows), dtype="str")
    values = table.frame.loc[:, ~table.frame.columns.duplicated()][column]
    return text_of(values).reset_index(drop=True)


def distinct_codes(table: RawTable, column: str) -> list[str]:
    """Return the codes that occur in a column, sorted."""
    return list(sorted_levels(code_text(text) for text in texts(table, column).dropna().unique()))


def sex_codes(spec: SexSpec) -> dict[str, str]:
    """Return the code -> sex of a declaration; codes are compared in any case when none was declared."""
    if spec.female:
        return {code_text(spec.female): "female", code_text(spec.male): "male"}
    return {"f": "female", "female": "female", "m": "male", "male": "male"}


def binary_codes(spec: OutcomeSpec, found: Iterable[str]) -> dict[str, float]:
    """Return the code -> 1.0 or 0.0 of a binary outcome, given the codes that occur."""
    found = list(found)
    if not spec.event:
        known = next((pair for pair in BINARY if {code.casefold() for code in found} <= set(pair)), BINARY[0])
        return {code: known[code.casefold()] for code in found if code.casefold() in known}
    event = code_text(spec.event)
    others = [code for code in found if code != event]
    return {event: 1.0} | ({others[0]: 0.0} if len(others) == 1 else {})


def status_codes(spec: OutcomeSpec, found: Iterable[str]) -> dict[str, float]:
    """Return the code -> 0.0 censored, 1.0 event, 2.0 competing event, given the codes that occur."""
    event = code_text(spec.event) if spec.event else "1"
    codes = {event: 1.0}
    if spec.competing:
        codes[code_text(spec.competing)] = 2.0
    if spec.censored:
        return codes | {code_text(code): 0.0 for code in spec.censored}
    others = [code for code in found if code not in codes]
    if not spec.event and not spec.competing:
        return codes | {"0": 0.0}
    return codes | ({others[0]: 0.0} if len(others) == 1 else {})


def ordinal_levels(spec: OutcomeSpec, found: Iterable[str]) -> tuple[str, ...]:
    """Return the levels of an ordinal outcome: declared, or its numbers in order; none when it holds text."""
    found = list(found)
    return spec.levels or (sorted_levels(found) if all_numbers(found) else ())


def treatment_levels(spec: TreatmentSpec, found: Iterable[str]) -> list[str]:
    """Return the arms of a treatment, the control first."""
    control = code_text(spec.control)
    return [control, *(code for code in found if code != control)]


def consent_of(table: RawTable, column: str) -> np.ndarray:
    """Return who consents: yes, true or 1; everything else, an empty cell included, is no."""
    answers = texts(table, column).map(
        lambda text: code_text(text).casefold() in CONSENT_GIVEN, na_action="ignore"
    )
    return (answers == 1).to_numpy(dtype=bool)


def obs_of(table: RawTable, declaration: Declaration) -> pd.DataFrame:
    """Return the standardised columns of the declaration, one row a patient of the table.

    Cells that a check refuses become missing here, so that all checks can be made before anything is raised.
    """
    patients = declaration.patients
    columns: dict[str, pd.Series] = {}
    if patients.age:
        columns["age"] = pd.Series(years_of(table, declaration))
    if patients.sex:
        columns["sex"] = _sex(table, patients.sex)
    for role in ("site", "batch", "family"):
        if getattr(patients, role):
            columns[role] = _category(table, getattr(patients, role))
    if patients.index_date:
        columns["index_date"] = texts(table, patients.index_date).str.strip()
    columns |= {name: _category(table, name) for name in patients.known_classes}
    columns |= {name: _covariate(table, name) for name in patients.covariates}
    for outcome in declaration.outcomes:
        columns |= _outcome(table, outcome)
    columns |= {treatment.name: _treatment(table, treatment) for treatment in declaration.treatments}
    if declaration.consent:
        pairs = {"research": declaration.consent.research, "sharing": declaration.consent.sharing}
        columns |= {
            f"consent_{name}": pd.Series(consent_of(table, column))
            for name, column in pairs.items()
            if column
        }
    ids = pd.Index(np.asarray(table.ids, dtype=object), dtype="str")
    return pd.DataFrame({name: column.array for name, column in columns.items()}, index=ids)


def years_of(table: RawTable, declaration: Declaration) -> np.ndarray:
    """Return the age in years of each row of the table of patients, NaN where it is not known."""
    age = declaration.patients.age
    if age is None:
        return np.full(len(table.rows), np.nan)
    if age.unit == BORN:
        return ages_at_index(table, declaration)
    return _numbers(table, age.column) / AGE_UNITS[age.unit]


def _numbers(table: RawTable, column: str) -> np.ndarray:
    return numbers_of(texts(table, column), table.rows, decimal=table.decimal)[0]


def _codes(table: RawTable, column: str) -> pd.Series:
    return texts(table, column).map(code_text, na_action="ignore").astype("str")


def _sex(table: RawTable, spec: SexSpec) -> pd.Series:
    known = sex_codes(spec)
    found = _codes(table, spec.column)
    found = found if spec.female else found.str.casefold()
    return pd.Series(pd.Categorical(found.map(known), categories=["female", "male"]))


def _category(table: RawTable, column: str) -> pd.Series:
    found = texts(table, column).str.strip()
    return pd.Series(pd.Categorical(found, categories=_text_levels(found)))


def _text_levels(found: pd.Series) -> list[str]:
    levels = found.dropna().unique().tolist()
    return sorted(levels, key=lambda level: (float(level), level)) if all_numbers(levels) else sorted(levels)


def _covariate(table: RawTable, column: str) -> pd.Series:
    numbers, misfits = numbers_of(texts(table, column), table.rows, decimal=table.decimal)
    return _category(table, column) if misfits else pd.Series(numbers)


def _outcome(table: RawTable, spec: OutcomeSpec) -> dict[str, pd.Series]:
    found = distinct_codes(table, spec.column)
    if spec.kind == "survival":
        status = _codes(table, spec.column).map(status_codes(spec, found)).astype(np.float64)
        return {f"{spec.name}_time": pd.Series(_numbers(table, spec.time)), f"{spec.name}_event": status}
    if spec.kind == "binary":
        return {spec.name: _codes(table, spec.column).map(binary_codes(spec, found)).astype(np.float64)}
    if spec.kind == "ordinal":
        levels = ordinal_levels(spec, found)
        places = level_places(levels)
        codes = (
            _codes(table, spec.column).map(lambda code: places.get(code, -1), na_action="ignore").fillna(-1)
        )
        return {
            spec.name: pd.Series(
                pd.Categorical.from_codes(codes.to_numpy(dtype=int), categories=list(levels), ordered=True)
            )
        }
    return {spec.name: pd.Series(_numbers(table, spec.column))}


def _treatment(table: RawTable, spec: TreatmentSpec) -> pd.Series:
    levels = treatment_levels(spec, distinct_codes(table, spec.column))
    return pd.Series(pd.Categorical(_codes(table, spec.column), categories=levels))
