"""OMOP CDM 5 tables: persons, measurements and observations over time, conditions and drugs as yes/no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import codes, flag
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads_format
from phenotyper.cohort.readers.long import (
    Records,
    chosen,
    one_unit,
    records_of,
    share,
    units_asked,
    unused,
    warning,
)
from phenotyper.cohort.readers.omop_files import concept_names, read_columns, require_table, tables_of
from phenotyper.cohort.readers.wide import each, ever, spread
from phenotyper.errors import did_you_mean, listed, number_of

EVENTS = {
    "measurement": ("measurement_concept_id", "measurement_date"),
    "observation": ("observation_concept_id", "observation_date"),
    "condition_occurrence": ("condition_concept_id", "condition_start_date"),
    "drug_exposure": ("drug_concept_id", "drug_exposure_start_date"),
    "procedure_occurrence": ("procedure_concept_id", "procedure_date"),
    "device_exposure": ("device_concept_id", "device_exposure_start_date"),
    "visit_occurrence": ("visit_concept_id", "visit_start_date"),
}
"""Concept and day of each table of events (OMOP CDM 5.4)."""
_SEX = {8507: "male", 8532: "female", 8551: "", 0: ""}
_SIGNS = {4171756: "<", 4171754: "<=", 4172704: ">", 4171755: ">=", 4172703: "", 0: ""}


def parts_of_folder(path: Path) -> list[str]:
    """Return the tables of a folder that can be read."""
    return [name for name in tables_of(path) if name == "person" or name in EVENTS] if path.is_dir() else []


@reads_format(
    "omop",
    options={"concepts": codes, "least": share, "unit_of": units_asked, "values": flag, "every": flag},
    folder=True,
    parts=parts_of_folder,
    patients_part="person",
)
def read_omop(source: Source) -> RawTable:
    """Read a table of a folder of OMOP CDM tables (CSV, TSV, .gz, Parquet).

    Raises
    ------
    CohortError
        PART_UNKNOWN, OMOP_TABLE, OMOP_COLUMNS, OMOP_UNITS, OMOP_DATE, OMOP_NUMBER, CONCEPT_UNKNOWN, and what
        is wrong with the files.
    """
    if source.path is None or not source.path.is_dir():
        raise file_problem(source, "FILE_TYPE", "is no folder", "Give the folder of the OMOP tables.")
    known = ("person", *EVENTS)
    if source.part not in known:
        said = f'has no part "{source.part}"' if source.part else "needs a part: which table to read"
        remedy = f"Give part = one of {listed(known, most=9)}.{did_you_mean(source.part, known)}"
        raise file_problem(source, "PART_UNKNOWN", said, remedy)
    tables = tables_of(source.path)
    if source.part == "person":
        return _persons(source, tables)
    values = bool(source.options.get("values", source.part == "measurement"))
    records = _records(source, tables, values=values)
    spare = unused(source, ("concepts", "least", "values", "unit_of" if values else "every"))
    records = replace(records, problems=(*records.problems, *spare))
    everybody = _everybody(source, tables, records)
    if values:
        records = chosen(source, _with_value(source, records), everybody)
        records, units = one_unit(source, records, "OMOP_UNITS")
        return spread(source, records, units)
    records = chosen(source, records, everybody)
    shape = each if source.options.get("every") else ever
    return shape(source, records, everybody)


def _persons(source: Source, tables: Mapping[str, Path]) -> RawTable:
    concepts = ("gender_concept_id", "race_concept_id", "ethnicity_concept_id")
    born = ("year_of_birth", "month_of_birth", "day_of_birth")
    kinds = {"person_id": "id", **dict.fromkeys((*concepts, *born), "number")}
    kinds |= {"care_site_id": "id", "location_id": "id"}
    file = require_table(source, tables, "person")
    read = read_columns(source, file, kinds, optional=(*kinds,)[2:])
    names = concept_names(source, tables, pd.unique(read[list(concepts)].to_numpy().ravel()))
    frame = pd.DataFrame({"sex": _words(read[concepts[0]], {**names, **_SEX})})
    frame["year_of_birth"] = read["year_of_birth"]
    frame["birth_date"], partial = _birth_dates(read)
    frame["race"] = _words(read[concepts[1]], names)
    frame["ethnicity"] = _words(read[concepts[2]], names)
    frame["site"] = _texts(read["care_site_id"])
    frame["location"] = _texts(read["location_id"])
    ids = read["person_id"].astype("str").to_numpy(dtype=object)
    frame = pd.concat([frame, _further(source, tables, ids)], axis=1)
    problems = unused(source, ())
    if partial:
        said = f"{source.name} has {number_of(partial, 'person')} without a whole birth date"
        remedy = "birth_date is missing for them; year_of_birth stands in its own column."
        problems.append(warning(source, "OMOP_BIRTH", said, remedy))
    rows = read["row"].to_numpy()
    return RawTable(source.name, frame, ids, rows, source.id_column, problems=tuple(problems))


def _words(numbers: pd.Series, names: Mapping[int, str]) -> pd.Series:
    """Return the names of concepts; 0 is missing."""
    return pd.Series(
        [names.get(int(number), "") or None if number > 0 else None for number in numbers], dtype="str"
    )


def _texts(cells: pd.Series) -> pd.Series:
    return cells.astype("str").replace("", None).astype("str")


def _birth_dates(read: pd.DataFrame) -> tuple[pd.Series, int]:
    """Return the birth date where year, month and day are there, and how many lack it."""
    parts = read[["year_of_birth", "month_of_birth", "day_of_birth"]]
    parts = parts.set_axis(["year", "month", "day"], axis=1)
    days = pd.to_datetime(parts.where(parts.notna().all(axis=1)), errors="coerce")
    texts = [None if pd.isna(day) else day.date().isoformat() for day in days]
    return pd.Series(texts, dtype="str"), int(days.isna().sum())


def _further(source: Source, tables: Mapping[str, Path], ids: np.ndarray) -> pd.DataFrame:
    """Return what death and observation_period say of each person."""
    found = pd.DataFrame(index=range(len(ids)))
    if "death" in tables:
        dead = read_columns(source, tables["death"], {"person_id": "id", "death_date": "date"})
        day = dead.astype({"person_id": "str", "death_date": "str"}).groupby("person_id")["death_date"].min()
        found["died"] = pd.Series(np.where(pd.Index(ids).isin(day.index), "yes", "no"), dtype="str")
        found["death_date"] = _by_person(day, ids)
    if "observation_period" in tables:
        start, end = "observation_period_start_date", "observation_period_end_date"
        kinds = {"person_id": "id", start: "date", end: "date"}
        read = read_columns(source, tables["observation_period"], kinds).astype(dict.fromkeys(kinds, "str"))
        found["observed_from"] = _by_person(read.groupby("person_id")[start].min(), ids)
        found["observed_to"] = _by_person(read.groupby("person_id")[end].max(), ids)
    return found


def _by_person(values: pd.Series, ids: np.ndarray) -> pd.Series:
    return values.reindex(ids).reset_index(drop=True).replace("", None).astype("str")


def _records(source: Source, tables: Mapping[str, Path], *, values: bool) -> Records:
    """Return the records of a table with numbers, levels and units; those without a concept are left out."""
    concept, day = EVENTS[source.part]
    kinds = {"person_id": "id", concept: "number", day: "date"}
    if values and source.part in {"measurement", "observation"}:
        kinds |= {
            f"{source.part}_datetime": "text",
            "value_as_number": "number",
            "value_as_concept_id": "number",
        }
        kinds |= {"value_as_string": "text"} if source.part == "observation" else {}
        kinds |= {"operator_concept_id": "number"} if source.part == "measurement" else {}
        kinds |= {"unit_concept_id": "number", "unit_source_value": "text"}
    file = require_table(source, tables, source.part)
    read = read_columns(source, file, kinds, optional=tuple(kinds)[3:])
    unmapped = ~(read[concept] > 0).to_numpy()
    problems = []
    if unmapped.any():
        said = f"{source.name} has {number_of(int(unmapped.sum()), 'record')} without a concept ({concept} 0)"
        problems.append(warning(source, "OMOP_UNMAPPED", said, "They were left out: map them to keep them."))
        read = read[~unmapped].reset_index(drop=True)
        if not len(read):
            remedy = "Map the source codes to standard concepts."
            raise file_problem(source, "FILE_EMPTY", "has no record with a standard concept", remedy)
    columns = ("value_as_concept_id", "unit_concept_id")
    used = [pd.unique(read[name]) for name in (concept, *columns) if name in read]
    names = concept_names(source, tables, np.concatenate(used))
    number, labels = pd.factorize(read[concept])
    features = [str(int(label)) for label in labels]
    data = {
        "id": read["person_id"],
        "date": read[day],
        "feature": pd.Series(pd.Categorical.from_codes(number, categories=features)),
        "row": read["row"].to_numpy(),
    }
    data |= _values(source, read, names) if len(kinds) > 3 else {}
    shown = {feature: names[int(feature)] for feature in features if names[int(feature)] != feature}
    return records_of(data, labels=shown, problems=problems)


def _values(source: Source, read: pd.DataFrame, names: Mapping[int, str]) -> dict[str, object]:
    number = read["value_as_number"].to_numpy()
    level = _named(read["value_as_concept_id"], names, otherwise=read.get("value_as_string"))
    level[~np.isnan(number)] = ""
    moment = read[f"{source.part}_datetime"].cat
    rank = np.argsort(np.argsort(moment.categories.to_numpy(dtype=object)))
    found: dict[str, object] = {
        "number": number,
        "text": level,
        "unit": _named(read["unit_concept_id"], names, otherwise=read["unit_source_value"]),
        "moment": rank[moment.codes],
    }
    if "operator_concept_id" in read:
        operator = read["operator_concept_id"].fillna(0)
        sign = operator.map(_SIGNS)
        found["sign"] = sign.fillna("")
        found["number"] = np.where(sign.isna(), np.nan, number)
    return found


def _named(concepts: pd.Series, names: Mapping[int, str], *, otherwise: pd.Series | None) -> np.ndarray:
    """Return the name of each concept as text; where there is none, the other text."""
    place, numbers = pd.factorize(concepts.fillna(0))
    words = np.array([names.get(int(number), "") for number in numbers], dtype=object)[place]
    if otherwise is None or not otherwise.cat.categories.astype(bool).any():
        return words
    return np.where(words == "", otherwise.astype("str").to_numpy(dtype=object), words)


def _with_value(source: Source, records: Records) -> Records:
    frame = records.frame
    kept = (frame["number"].notna() | (frame["text"] != "")).to_numpy()
    if kept.all():
        return records
    if not kept.any():
        remedy = "values = false reads which patients have a record."
        raise file_problem(source, "FILE_EMPTY", "has no record with a value", remedy)
    lost = number_of(int((~kept).sum()), "record")
    said = f"{source.name} has {lost} without a value, or with an unknown operator"
    return records.where(kept, warning(source, "OMOP_NO_VALUE", said, "They were left out."))


def _everybody(source: Source, tables: Mapping[str, Path], records: Records) -> list[str]:
    """Return the ids of all persons; those with records when there is no table of persons."""
    if "person" in tables:
        read = read_columns(source, tables["person"], {"person_id": "id"})
        return list(dict.fromkeys(read["person_id"].astype("str")))
    return [str(person) for person in records.frame["id"].unique()]
