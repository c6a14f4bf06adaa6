"""Folders and files of records (FHIR, Phenopackets, OMOP): told apart, not drafted; what to write is said."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

_JSON = re.compile(r"\.(json|ndjson|jsonl)(\.gz)?$", re.IGNORECASE)
_START = 20_000
_WHAT = {"fhir": "FHIR resources", "phenopackets": "phenopackets", "omop": "tables of OMOP"}
_BLOCKS = {
    "fhir": 'format = "fhir", kind = "mixed", aggregate = "mean"',
    "phenopackets": 'format = "phenopackets", kind = "yes/no"',
    "omop": 'format = "omop", table = "measurement", kind = "mixed", aggregate = "mean"',
}


def form_of(path: Path) -> str:
    """Return the format of a JSON file by how it starts: fhir, phenopackets, or an empty text."""
    if not _JSON.search(path.name):
        return ""
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            text = file.read(_START).decode("utf-8", errors="replace")
    except (OSError, EOFError):
        return ""
    if '"resourceType"' in text:
        return "fhir"
    packet = re.search(r'"(phenotypicFeatures|phenopacketSchemaVersion|subject)"', text)
    return "phenopackets" if packet else ""


def is_omop(folder: Path) -> bool:
    """Tell whether a folder holds the tables of the OMOP common data model."""
    for path in folder.iterdir():
        if re.match(r"person\.(csv|tsv)$", path.name, re.IGNORECASE) and path.is_file():
            with path.open("rb") as file:
                head = file.read(_START).decode("utf-8", errors="replace").casefold()
            return "person_id" in head and "gender_concept_id" in head
    return False


def records_in(folder: Path) -> dict[str, str]:
    """Return where records stand, in the folder and in those in it, and their format."""
    found: dict[str, str] = {}
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        try:
            forms = list(_forms(place))
        except OSError:
            continue
        name = "." if place is folder else place.name
        for form in dict.fromkeys(form for form, _ in forms):
            files = [file for one, file in forms if one == form]
            alone = place is folder and len(files) == 1 and form != "omop"
            found.setdefault(files[0] if alone else name, form)
    return found


def _forms(folder: Path) -> Iterator[tuple[str, str]]:
    if is_omop(folder):
        yield "omop", ""
    for path in sorted(folder.iterdir()):
        if path.is_file() and (form := form_of(path)):
            yield form, path.name


def what_to_write(place: str, form: str) -> str:
    """Return what of a cohort.toml reads some records."""
    where = "this folder" if place == "." else place
    return (
        f'{where} holds {_WHAT[form]}, which are not drafted: write a block with file = "{place}", '
        f"{_BLOCKS[form]}; more in docs/formats.md, {form}"
    )
