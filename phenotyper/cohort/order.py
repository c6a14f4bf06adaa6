"""Do patients who stand near each other in the files resemble each other? Batches leave that trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenotyper._kernels.linalg import leading_svd
from phenotyper._kernels.order import rank_von_neumann, strangest_stretch
from phenotyper.cohort.container import block_names, patients_of

if TYPE_CHECKING:
    from mudata import MuData
    from numpy.typing import NDArray

COMPONENTS = 5
"""Leading components of each block that are looked at."""
LEAST = 40
"""Patients of a block from which its order is looked at."""
ALPHA = 0.01
COLUMNS = ("block", "component", "share", "ratio", "p", "first", "last", "difference")


def order_effects(cohort: MuData) -> pd.DataFrame:
    """Look for a trace of the order of the patients in the leading components of each block.

    Features are brought to normal scores of their ranks, the components taken of them, the means of site and
    batch (where declared) taken off the components, and neighbours compared by the rank von Neumann ratio
    (Bartels 1982), p-values times the number of components looked at (Bonferroni).

    Parameters
    ----------
    cohort : MuData
        Patients in the order of the table of patients, else of the first block.

    Returns
    -------
    DataFrame
        A row a component whose neighbours are alike (p < 0.01), the least p first: ``block``, ``component``
        (1 = largest), ``share`` of the block's variance, ``ratio`` (2 = random order), ``p``, and the stretch
        that differs most: ``first`` and ``last`` patient (1 = first of the block) and ``difference`` in
        standard deviations.
    """
    people = patients_of(cohort)
    blocks = [name for name in block_names(cohort) if cohort[name].n_obs >= LEAST and cohort[name].n_vars]
    rows: list[dict[str, Any]] = []
    tests = 0
    for name in blocks:
        present = set(cohort[name].obs_names)
        ids = [str(patient) for patient in people.index if patient in present]
        scores, share = _components(np.asarray(cohort[name][ids].X, dtype=np.float64))
        for role in ("site", "batch"):
            if role in people:
                scores = _within(scores, people.loc[ids, role])
        ratio, p = rank_von_neumann(scores)
        tests += len(p)
        for place in range(len(p)):
            stretch = strangest_stretch(scores[:, place])
            found = (stretch.first + 1, stretch.last + 1, stretch.difference)
            row = (name, place + 1, share[place], ratio[place], p[place], *found)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p"] = np.minimum(1.0, table["p"].astype(float) * tests)
    return table[table["p"] < ALPHA].sort_values("p", kind="stable").reset_index(drop=True)


def _components(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    known = ~np.isnan(values)
    ranks = rankdata(values, axis=0, nan_policy="omit")
    scores = np.where(known, ndtri(np.where(known, ranks, 1.0) / (known.sum(axis=0) + 1)), 0.0)
    scores -= scores.mean(axis=0)
    k = min(COMPONENTS, *values.shape)
    left, size, _ = leading_svd(scores, k)
    total = (scores**2).sum()
    kept = size > 1e-9 * max(1.0, float(size.max(initial=0.0)))
    return (left * size)[:, kept], (size**2 / total if total > 0 else size)[kept]


def _within(scores: NDArray[np.float64], groups: pd.Series) -> NDArray[np.float64]:
    """Take the mean of each group off; patients of an unknown group are one more group."""
    codes = pd.factorize(groups.astype(object), use_na_sentinel=False)[0]
    count = np.bincount(codes)
    means = np.column_stack([np.bincount(codes, column) / count for column in scores.T])
    return scores - means[codes]
