"""HDBSCAN on a layout."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Clustering:
    """One partition: labels (n,), -1 for none; HDBSCAN's strength (n,); condensed tree as an (m, 4) array.

    The tree's columns are parent, child, lambda and child size (Campello 2013); children below n are single
    points.
    """

    labels: NDArray[np.intp]
    strength: NDArray[np.float64]
    tree: NDArray[np.float64]


def cluster(layout: NDArray[np.float32], *, min_cluster_size: int, min_samples: int) -> Clustering:
    """Cluster a layout by HDBSCAN (excess of mass).

    Parameters
    ----------
    layout : ndarray, shape (n, d)
    min_cluster_size, min_samples : int
        As in hdbscan; both at most n.

    Returns
    -------
    Clustering
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        from hdbscan import HDBSCAN

        found = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, core_dist_n_jobs=1).fit(
            np.asarray(layout, dtype=np.float64)
        )
    tree = found.condensed_tree_.to_numpy()
    columns = np.column_stack(
        [tree[name].astype(np.float64) for name in ("parent", "child", "lambda_val", "child_size")]
    )
    return Clustering(
        np.asarray(found.labels_, dtype=np.intp), np.asarray(found.probabilities_, dtype=np.float64), columns
    )
