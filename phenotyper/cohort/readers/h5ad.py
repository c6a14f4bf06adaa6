"""An .h5ad file: X, a layer or raw as a block, obs as the table of patients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads
from phenotyper.cohort.readers.frames import with_problems
from phenotyper.cohort.readers.memory import OBS, from_anndata, from_frame
from phenotyper.errors import CohortError, Problem, did_you_mean, listed

if TYPE_CHECKING:
    from anndata import AnnData

_LAYER = "layer:"


def matrices(path: Path) -> list[str]:
    """Return the names of the matrices of a file: X, layer:NAME, raw."""
    import h5py

    with _explained(path.name, path.name), h5py.File(path, "r") as file:
        return _matrices(file)


@reads(".h5ad", parts=matrices, patients_part=OBS)
def read_h5ad(source: Source) -> RawTable:
    """Read X, or the matrix that ``part`` names; ``obs`` for the table of patients.

    The ids are a column of obs called as the id column, else obs_names.

    Raises
    ------
    CohortError
        FILE_DAMAGED, FILE_EMPTY, ANNDATA_PART, COERCE.
    """
    import h5py

    where = source.file.name
    with _explained(source.name, where), third_party_quiet(), h5py.File(source.file, "r") as file:
        obs = _element(file["obs"])
        obs.index = obs.index.astype("str")
        if source.part == OBS:
            return from_frame(source, obs.rename_axis("patient"))
        adata, others = _matrix(source, file, obs)
    table = from_anndata(source, adata)
    if source.id_column in obs.columns:
        table = table.with_ids_as(
            np.array(["" if pd.isna(cell) else str(cell) for cell in obs[source.id_column]], dtype=object)
        )
    return with_problems(table, _others(source, others))


def _element(group: Any) -> Any:
    from anndata.io import read_elem

    return read_elem(group)


def _matrices(file: Any) -> list[str]:
    layers = [f"{_LAYER}{name}" for name in file["layers"]] if "layers" in file else []
    return [*(["X"] if "X" in file else []), *layers, *(["raw"] if "raw" in file else [])]


def _matrix(source: Source, file: Any, obs: pd.DataFrame) -> tuple[AnnData, list[str]]:
    """Return one matrix with its features, and the names of the others when none was asked for."""
    import anndata

    names = _matrices(file)
    name = source.part or ("X" if "X" in names else names[0] if len(names) == 1 else "")
    if name not in names:
        said = f'has no matrix "{name}"' if name else "has no X"
        remedy = (
            f'Add part = "..." to the block, one of: {listed(names, most=20)}.{did_you_mean(name, names)}'
        )
        raise file_problem(source, "ANNDATA_PART", said, remedy)
    place = f"layers/{name.removeprefix(_LAYER)}" if name.startswith(_LAYER) else name
    group = file["raw"] if name == "raw" else file
    values = _element(group["X"] if name == "raw" else file[place])
    var = _element(group["var"])
    var.index = var.index.astype("str")
    if not isinstance(values, np.ndarray) and hasattr(values, "tocsr"):
        values = values.tocsr()
    adata = anndata.AnnData(values, obs=pd.DataFrame(index=obs.index), var=var)
    return adata, [] if source.part else [other for other in names if other != name]


def _others(source: Source, names: list[str]) -> list[Problem]:
    if not names:
        return []
    message = f"{source.name} holds further matrices beside X: {listed(names)}"
    remedy = f'X was read; part = "{names[0]}" reads another, part = "X" says that X is meant.'
    return [Problem("ANNDATA_LAYERS", message, remedy, where=source.name, severity="warning")]


@contextmanager
def _explained(name: str, where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:120]
        message = f"{where} cannot be read as .h5ad ({reason})"
        raise CohortError(
            Problem("FILE_DAMAGED", message, "Copy it again from where it came.", where=name)
        ) from error
