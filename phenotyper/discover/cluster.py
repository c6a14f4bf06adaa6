"""HDBSCAN on a layout."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def cluster(
    layout: NDArray[np.float32], *, min_cluster_sizes: Sequence[int], min_samples: int
) -> list[Clustering]:
    """Cluster a layout by HDBSCAN (excess of mass), once for each least size.

    The sizes share core distances and spanning tree, which take nearly all of the time.

    Parameters
    ----------
    layout : ndarray, shape (n, d)
    min_cluster_sizes : sequence of int
    min_samples : int
        As in hdbscan; all at most n.

    Returns
    -------
    list of Clustering
    """
    points = np.asarray(layout, dtype=np.float64)
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category)
        from hdbscan import HDBSCAN
        from hdbscan.hdbscan_ import _tree_to_labels

        first = HDBSCAN(min_cluster_size=min_cluster_sizes[0], min_samples=min_samples, core_dist_n_jobs=1)
        linkage = first.fit(points).single_linkage_tree_.to_numpy()
        found = [_tree_to_labels(points, linkage, min_cluster_size=size)[:4] for size in min_cluster_sizes]
    return [
        Clustering(np.asarray(labels, dtype=np.intp), np.asarray(strength, dtype=np.float64), _columns(tree))
        for labels, strength, _, tree in found
    ]


def _columns(tree: NDArray[np.void]) -> NDArray[np.float64]:
    return np.column_stack(
        [tree[name].astype(np.float64) for name in ("parent", "child", "lambda_val", "child_size")]
    )
