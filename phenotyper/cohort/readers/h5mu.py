"""One modality of an .h5mu file as a block, or its obs as the table of patients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads, require_file
from phenotyper.cohort.readers.memory import OBS, from_anndata, from_frame
from phenotyper.errors import CohortError, Problem, did_you_mean, listed

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

PATIENTS = "patients"


def modalities(path: Path) -> list[str]:
    """Return the names of the modalities, the one of patients left out."""
    import h5py

    with _explained(path), h5py.File(path, "r") as file:
        return [str(name) for name in file["mod"] if name != PATIENTS]


@reads(".h5mu", parts=modalities, patients_part=OBS)
def read_modality(source: Source) -> RawTable:
    """Read a modality (the only one when none is named), or ``obs`` for the table of patients.

    Raises
    ------
    CohortError
        FILE_DAMAGED, MODALITY.
    """
    if source.part == OBS:
        frame = pd.DataFrame(open_h5mu(source.file).obs)
        frame.index = frame.index.astype("str").rename("patient")
        return from_frame(source, frame)
    return from_anndata(source, _one_modality(source, source.file))


def _one_modality(source: Source, path: Path) -> AnnData:
    import mudata

    names = modalities(path)
    name = source.part or (names[0] if len(names) == 1 else "")
    if name in names:
        with _explained(path), third_party_quiet():
            return mudata.read_h5ad(path, name)
    said = f'has no modality "{name}"' if name else f"has {len(names)} modalities"
    remedy = f'Add part = "..." to the block, one of: {listed(names, most=20)}.{did_you_mean(name, names)}'
    raise file_problem(source, "MODALITY", said, remedy)


def open_h5mu(path: Path) -> MuData:
    """Open an .h5mu file whole.

    Raises
    ------
    CohortError
        FILE_ABSENT, FILE_DAMAGED.
    """
    import mudata

    require_file(path)
    with _explained(path), third_party_quiet():
        return mudata.read_h5mu(path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:120]
        message = f"{path.name} cannot be read as .h5mu ({reason})"
        raise CohortError(
            Problem("FILE_DAMAGED", message, "Copy it again from where it came.", where=path.name)
        ) from error
