"""A cohort as arrays: all that preparing, integrating and clustering ever see. No outcomes, no pandas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.cohort.container import block_names, declaration_of, patients_of
from phenotyper.errors import CohortError, Problem, RecipeError, did_you_mean, listed

if TYPE_CHECKING:
    from mudata import MuData
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Block:
    """One block of features over all patients of the cohort.

    Parameters
    ----------
    name : str
        Name of the block.
    values : ndarray of float64, shape (n, p)
        NaN where missing; a patient who lacks the block has NaN in the whole row.
    present : ndarray of bool, shape (n,)
        Whether the patient has the block at all.
    censored : ndarray of int8, shape (n, p)
        -1 where the value is below the limit that ``values`` holds, +1 above, 0 elsewhere.
    features, kinds, units : tuple of str, length p
        Names, kinds and units of the columns.
    levels : tuple of tuple of str, length p
        Levels in the order of their codes; empty for numbers.
    """

    name: str
    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    censored: NDArray[np.int8]
    features: tuple[str, ...]
    kinds: tuple[str, ...]
    units: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]

    def rows(self, index: NDArray[np.intp]) -> Block:
        """Return the block for some patients."""
        return replace(
            self, values=self.values[index], present=self.present[index], censored=self.censored[index]
        )


@dataclass(frozen=True)
class Covariate:
    """A covariate to adjust for: numbers, or codes of ``levels`` (NaN = missing)."""

    name: str
    values: NDArray[np.float64]
    levels: tuple[str, ...] = ()

    def rows(self, index: NDArray[np.intp]) -> Covariate:
        """Return the covariate for some patients."""
        return replace(self, values=self.values[index])


@dataclass(frozen=True)
class Blocks:
    """Blocks and covariates of the same n patients, patients and features in canonical order.

    ``ties[i]`` numbers the distinct contents: patients with the same number have the same values throughout.
    """

    blocks: tuple[Block, ...]
    covariates: tuple[Covariate, ...]
    ties: NDArray[np.intp]

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.ties)

    @property
    def n_features(self) -> int:
        """Number of features over all blocks."""
        return sum(len(block.features) for block in self.blocks)

    def rows(self, index: NDArray[np.intp]) -> Blocks:
        """Return the same blocks for some patients: what a refit on a subsample takes."""
        return Blocks(
            tuple(block.rows(index) for block in self.blocks),
            tuple(covariate.rows(index) for covariate in self.covariates),
            np.unique(self.ties[index], return_inverse=True)[1],
        )


def blocks_of(
    cohort: MuData, *, adjust_for: Sequence[str] = (), blocks: Sequence[str] | None = None
) -> tuple[Blocks, NDArray[np.str_]]:
    """Turn a cohort into arrays in canonical order.

    Blocks and features are sorted by name, patients by a hash of their content, so that the order of rows
    and columns in the files, and the names of the patients, change nothing downstream.

    Parameters
    ----------
    cohort : MuData
        From :func:`phenotyper.read_cohort`.
    adjust_for : sequence of str
        Covariates: ``age``, ``sex``, ``site``, ``batch`` or a declared covariate.
    blocks : sequence of str, optional
        Names of the blocks wanted; by default all.

    Returns
    -------
    Blocks
        Arrays of n patients.
    ndarray of str, shape (n,)
        Patient ids in the same order.

    Raises
    ------
    RecipeError
        A covariate is not declared.
    CohortError
        The cohort has no block.
    """
    ids = np.asarray(cohort.obs_names, dtype=str)
    names = sorted(name for name in block_names(cohort) if blocks is None or name in blocks)
    if not names:
        raise CohortError(
            Problem(
                "NO_BLOCK", "the cohort has no block of features", "Declare at least one [blocks.<name>]."
            )
        )
    parts = tuple(_block(cohort, name, ids) for name in names)
    order, found = in_order(Blocks(parts, _covariates(cohort, adjust_for), np.arange(len(ids))), ids)
    return found, ids[order]


def in_order(blocks: Blocks, ids: NDArray[np.str_]) -> tuple[NDArray[np.intp], Blocks]:
    """Return the canonical order of patients (a hash of their content, then their ids), and blocks in it."""
    order = np.lexsort((ids, _digests(blocks.blocks, blocks.covariates)))
    return order, tied(blocks.rows(order))


def tied(blocks: Blocks) -> Blocks:
    """Return the blocks with ``ties`` of what they hold."""
    digests = _digests(blocks.blocks, blocks.covariates)
    return replace(blocks, ties=np.unique(digests, return_inverse=True)[1])


def _block(cohort: MuData, name: str, ids: NDArray[np.str_]) -> Block:
    part = cohort.mod[name]
    columns = np.argsort(np.asarray(part.var_names, dtype=str), kind="stable")
    var = part.var.iloc[columns]
    position = {patient: row for row, patient in enumerate(ids)}
    rows = np.array([position[patient] for patient in part.obs_names], dtype=np.intp)
    values = np.full((len(ids), len(columns)), np.nan)
    values[rows] = np.asarray(part.X, dtype=np.float64)[:, columns]
    censored = np.zeros(values.shape, dtype=np.int8)
    if "censored" in part.layers:
        censored[rows] = np.asarray(part.layers["censored"], dtype=np.int8)[:, columns]
    present = np.zeros(len(ids), dtype=bool)
    present[rows] = True
    levels = tuple(tuple(json.loads(text)) if text else () for text in var["levels"].astype(str))
    return Block(
        name,
        values,
        present,
        censored,
        tuple(str(feature) for feature in var.index),
        tuple(var["kind"].astype(str)),
        tuple(var["unit"].astype(str)),
        levels,
    )


def _covariates(cohort: MuData, names: Sequence[str]) -> tuple[Covariate, ...]:
    patients = patients_of(cohort)
    declared = declaration_of(cohort).patients.covariates
    known = [*(role for role in ("age", "sex", "site", "batch") if role in patients), *declared]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RecipeError(
            Problem(
                "COVARIATE_UNKNOWN",
                f"adjust_for names {listed(unknown)}, which the cohort does not declare",
                f"Declared are: {listed(known, 12) or 'none'}.{did_you_mean(unknown[0], known)}",
            )
        )
    return tuple(_covariate(name, patients[name]) for name in sorted(set(names)))


def _covariate(name: str, column: object) -> Covariate:
    import pandas as pd

    series = pd.Series(column)
    if isinstance(series.dtype, pd.CategoricalDtype):
        text = series.astype(object)
        levels = tuple(sorted({str(value) for value in text.dropna()}))
        codes = {level: code for code, level in enumerate(levels)}
        values = np.array(
            [np.nan if pd.isna(value) else codes[str(value)] for value in text], dtype=np.float64
        )
        return Covariate(name, values, levels)
    return Covariate(name, series.to_numpy(dtype=np.float64, na_value=np.nan))


def _digests(blocks: Sequence[Block], covariates: Sequence[Covariate]) -> NDArray[np.str_]:
    arrays = [block.values for block in blocks] + [covariate.values[:, None] for covariate in covariates]
    arrays += [block.present[:, None].astype(np.float64) for block in blocks]
    arrays += [block.censored.astype(np.float64) for block in blocks if block.censored.any()]
    table = np.ascontiguousarray(np.hstack(arrays), dtype="<f8") + 0.0
    table[np.isnan(table)] = np.nan
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in table])
