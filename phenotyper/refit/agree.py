"""How far partitions that leave patients unassigned agree: beside every figure its coverage."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper._kernels.agreement import pair_jaccard
from phenotyper.errors import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Labels = NDArray[np.intp]


def partition_agreement(first: Labels, second: Labels) -> dict[str, Any]:
    """Compare two partitions of the same n patients.

    Parameters
    ----------
    first, second : ndarray of int, shape (n,)
        Groups from 0; -1 for the unassigned (or unknown).

    Returns
    -------
    dict
        ``n_both`` and ``coverage`` of those assigned in both; ``adjusted_rand`` (Hubert and Arabie 1985) and
        ``adjusted_mutual_info`` (Vinh 2010) among them, NaN where either has fewer than two groups there (one
        group divides nobody); the same ``..._all`` over all patients with the unassigned of each as a group,
        NaN where either has no groups; ``pair_jaccard``.

    Examples
    --------
    >>> found = partition_agreement(np.array([0, 0, 1, 1, -1]), np.array([1, 1, 0, 0, 0]))
    >>> found["adjusted_rand"], found["coverage"]
    (1.0, 0.8)
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    both = (first >= 0) & (second >= 0)
    some = bool((first >= 0).any() and (second >= 0).any())
    ways = {"": both & some, "_all": np.full(len(first), some)}
    found: dict[str, Any] = {"n_both": int(both.sum()), "coverage": float(both.mean())}
    for ending, rows in ways.items():
        one, two = first[rows], second[rows]
        sizes = len(np.unique(one)), len(np.unique(two))
        told = (max(sizes) if ending else min(sizes)) > 1
        found[f"adjusted_rand{ending}"] = float(adjusted_rand_score(one, two)) if told else np.nan
        found[f"adjusted_mutual_info{ending}"] = (
            float(adjusted_mutual_info_score(one, two)) if told else np.nan
        )
    return {**found, "pair_jaccard": pair_jaccard(first, second) if some else np.nan}


def pair_table(names: Sequence[str], codes: NDArray[np.intp]) -> pd.DataFrame:
    """Return one row a pair of partitions; see :func:`partition_agreement`."""
    import pandas as pd

    rows = [
        {"first": names[i], "second": names[j], **partition_agreement(codes[i], codes[j])}
        for i, j in combinations(range(len(names)), 2)
    ]
    return pd.DataFrame(rows)


def known_table(
    names: Sequence[str], codes: Sequence[Labels], ids: pd.Index, classes: Mapping[str, pd.Series]
) -> pd.DataFrame:
    """Return one row a partition and known class; patients whose class is missing do not count as assigned.

    Parameters
    ----------
    names : sequence of str
        Of the partitions.
    codes : sequence of ndarray of int, shape (n,)
        Groups from 0, -1 for the unassigned.
    ids : Index
        Of the n patients.
    classes : mapping of str to Series
        Known classes by patient id.
    """
    import pandas as pd

    truth = {title: pd.factorize(column.reindex(ids))[0].astype(np.intp) for title, column in classes.items()}
    rows = [
        {"recipe": name, "known": title, **partition_agreement(mine, known)}
        for title, known in truth.items()
        for name, mine in zip(names, codes, strict=True)
    ]
    return pd.DataFrame(rows, columns=None if rows else ["recipe", "known", "n_both", "coverage"])


def partitions_said(numbers: Sequence[int]) -> str:
    """Say how many partitions have how many groups.

    Examples
    --------
    >>> partitions_said([3, 3, 0, 2])
    '2 find 3 subphenotypes, 1 finds 2, 1 finds none'
    """
    counts = sorted(Counter(numbers).items(), key=lambda pair: (-pair[1], -pair[0]))
    said = []
    for at, (groups, times) in enumerate(counts):
        what = number_of(groups, "subphenotype") if at == 0 and groups else str(groups) if groups else "none"
        division = " (no division)" if groups == 1 else ""
        said.append(f"{times} {'finds' if times == 1 else 'find'} {what}{division}")
    return ", ".join(said)
