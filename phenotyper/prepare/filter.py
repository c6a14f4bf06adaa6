"""Which features are left out, and why: hardly observed, hardly varying, or not among the most variable."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block

    Matrix = NDArray[np.float64]

LEAST_OBSERVED = 10
"""A feature observed in fewer patients than this is left out."""
MOST_MISSING = 0.8
"""A feature missing in more than this share of the patients who have its block is left out."""
FEW_DIFFER = 3
SHARE_DIFFERS = 0.01
"""A feature in which fewer patients than the larger of these differ from all others is nearly constant."""
LEAST_FREQUENCY = 0.01
"""A variant is rare when its rarer allele is below this."""
FEW_VALUES = 5
"""A feature with this many different values or fewer comes in lumps, whatever its kind."""


@dataclass(frozen=True)
class Facts:
    """What the columns of a block hold, each of shape (p,).

    Parameters
    ----------
    observed : ndarray of int
        Patients with a value.
    differ : ndarray of int
        Patients whose value is not the most common one, where that is the median, lowest or highest.
    distinct : ndarray of int
        Different values.
    missing : ndarray
        Share of the patients with the block who lack the value.
    """

    observed: NDArray[np.intp]
    differ: NDArray[np.intp]
    distinct: NDArray[np.intp]
    missing: Matrix

    @classmethod
    def of(cls, values: Matrix, present: NDArray[np.bool_]) -> Facts:
        """Look at (n, p) values."""
        ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
        p, n = ordered.shape
        count = n - np.isnan(ordered).sum(axis=1)
        at, last = np.arange(p), np.maximum(count - 1, 0)
        if n == 0:
            return cls(count, count, count, np.ones(p))
        common = [
            (ordered == ordered[at, place][:, None]).sum(axis=1) for place in (last // 2, 0 * last, last)
        ]
        distinct = np.minimum(count, 1) + (np.diff(ordered, axis=1) > 0).sum(axis=1)
        missing = 1 - count / max(int(present.sum()), 1)
        return cls(count, count - np.max(common, axis=0), distinct, missing)

    @property
    def few(self) -> NDArray[np.bool_]:
        """Return which columns take few different values."""
        return self.distinct <= FEW_VALUES


def reasons(
    facts: Facts,
    *,
    max_missing: float,
    kept: NDArray[np.bool_],
    dropped: NDArray[np.bool_],
    rare: NDArray[np.bool_],
) -> dict[int, str]:
    """Return why columns are left out.

    Parameters
    ----------
    facts : Facts
        Of p columns.
    max_missing : float
        Largest share of missing values.
    kept : ndarray of bool, shape (p,)
        Columns that a person keeps: only what cannot be used at all is left out of them.
    dropped : ndarray of bool, shape (p,)
        Columns that a person leaves out.
    rare : ndarray of bool, shape (p,)
        Variants that hardly anybody carries.
    """
    few = np.maximum(FEW_DIFFER, np.ceil(SHARE_DIFFERS * facts.observed))
    count, differ, missing = facts.observed, facts.differ, 100 * facts.missing
    tests: tuple[tuple[NDArray[np.bool_], Callable[[int], str]], ...] = (
        (dropped, lambda j: "asked for"),
        (facts.distinct == 0, lambda j: "observed in no patient"),
        (~kept & (count < LEAST_OBSERVED), lambda j: f"observed in {number_of(count[j], 'patient')}"),
        (facts.distinct == 1, lambda j: "constant"),
        (~kept & (facts.missing > max_missing), lambda j: f"{missing[j]:.0f} % missing"),
        (~kept & rare, lambda j: f"rare variant: allele frequency below {100 * LEAST_FREQUENCY:.0f} %"),
        (
            ~kept & (differ < few),
            lambda j: f"nearly constant: {number_of(differ[j], 'patient')} unlike the rest",
        ),
    )
    found: dict[int, str] = {}
    for failed, reason in tests:
        for j in np.flatnonzero(failed).tolist():
            found.setdefault(j, reason(j))
    return found


def rare_variants(block: Block) -> NDArray[np.bool_]:
    """Return which features of a block are dosages of an allele that is hardly there, or hardly lacking."""
    dosage = np.array([kind == "dosage" for kind in block.kinds], dtype=bool)
    rare = np.zeros(len(dosage), dtype=bool)
    if dosage.any():
        values = block.values[:, dosage]
        share = np.nansum(values, axis=0) / np.maximum(2 * np.isfinite(values).sum(axis=0), 1)
        rare[dosage] = np.minimum(share, 1 - share) < LEAST_FREQUENCY
    return rare


def most_variable(spread: Matrix, source: NDArray[np.intp], most: int) -> NDArray[np.bool_]:
    """Return which columns belong to the features of the largest spread; those without one (NaN) all do.

    Parameters
    ----------
    spread : ndarray, shape (q,)
        How much each column varies, on a scale common to them; NaN where there is none.
    source : ndarray of int, shape (q,)
        Feature of each column.
    most : int
        Number of features to keep among those with a spread.
    """
    ranked = np.flatnonzero(~np.isnan(spread))
    order = ranked[np.argsort(-spread[ranked], kind="stable")][:most]
    return np.isnan(spread) | np.isin(source, source[order])


def dispersions(logs: Matrix, most: int) -> Matrix:
    """Return scanpy's normalised dispersion of each gene (Satija 2015), (n, q) log(1 + normalised counts).

    Missing counts stand at the gene's mean.
    """
    import anndata
    import scanpy

    rows = logs[~np.isnan(logs).all(axis=1)]
    filled = np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)
    genes = anndata.AnnData(filled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy.pp.highly_variable_genes(genes, flavor="seurat", n_top_genes=min(most, genes.n_vars))
    found = genes.var["dispersions_norm"].to_numpy(dtype=np.float64)
    return np.where(np.isnan(found), -np.inf, found)
