"""Similarity network fusion (snfpy 0.2.2) and spectral clustering.

The number of groups is snfpy's own choice, by the eigengap, of 2 to 5; 20 neighbours, mu 0.5, as it comes.
snfpy calls check_array with an argument that scikit-learn has renamed; the call is translated, nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from peers.tables import LOST, Grouping, Tables, least_pieces

NEIGHBORS = 20


def group(tables: Tables, seed: int, *, absent: str) -> Grouping:
    """Find groups; who lacks a block is ``lost`` or has its means ``filled`` in."""
    from sklearn.cluster import SpectralClustering

    n = len(tables[0].present)
    chosen = least_pieces(tables) if absent == "lost" else np.ones(n, dtype=bool)
    labels = np.full(n, LOST)
    if chosen.sum() < 2 * NEIGHBORS:
        return Grouping(labels)
    with warnings.catch_warnings(), _translated() as snf:
        warnings.simplefilter("ignore")
        near = min(NEIGHBORS, int(chosen.sum()) // 3)
        parts = [
            snf.make_affinity(table.filled[chosen], metric="sqeuclidean", K=near, mu=0.5) for table in tables
        ]
        fused = snf.snf(*parts, K=near) if len(parts) > 1 else parts[0]
        k = int(snf.get_n_clusters(fused)[0])
        labels[chosen] = SpectralClustering(k, affinity="precomputed", random_state=seed).fit_predict(fused)
    return Grouping(labels)


@contextmanager
def _translated() -> Iterator[Any]:
    import snf.compute

    check = snf.compute.check_array

    def renamed(values: Any, **options: Any) -> Any:
        if "force_all_finite" in options:
            options["ensure_all_finite"] = options.pop("force_all_finite")
        return check(values, **options)

    snf.compute.check_array = renamed
    try:
        yield snf.compute
    finally:
        snf.compute.check_array = check
