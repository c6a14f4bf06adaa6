"""Weighted nearest neighbours and Leiden (muon 0.2.0 with scanpy, leidenalg), resolution 1.

Per block PCA (30 at most) and scanpy's neighbours, then ``mu.pp.neighbors`` and ``mu.tl.leiden``. Absent
blocks are filled with means: muon says that a patient may have no row in a block, but ends in an IndexError
then. Its approximate search for neighbours compiles anew in every call (a minute); it is replaced by an exact
search with the same distances, which only does muon good. A single block has nothing to weigh: scanpy's
neighbours, Leiden.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from peers.tables import Grouping, Tables

COMPONENTS = 30
CANDIDATES = 200


def group(tables: Tables, seed: int, *, resolution: float = 1.0) -> Grouping:
    """Find communities in the weighted graph."""
    n = len(tables[0].present)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import muon
        import scanpy
        from anndata import AnnData

        parts = {}
        for table in tables:
            part = AnnData(table.filled.astype(np.float32))
            scanpy.pp.pca(
                part, n_comps=min(COMPONENTS, *(side - 1 for side in part.shape)), random_state=seed
            )
            scanpy.pp.neighbors(part, use_rep="X_pca", random_state=seed)
            parts[table.name] = part
        if len(parts) == 1:
            scanpy.tl.leiden(part, resolution=resolution, random_state=seed, flavor="leidenalg")
            return Grouping(part.obs["leiden"].astype(int).to_numpy(dtype=np.intp))
        data = muon.MuData(parts)
        with _exact():
            muon.pp.neighbors(data, n_multineighbors=min(CANDIDATES, n - 1), random_state=seed)
        muon.tl.leiden(data, resolution=resolution, random_state=seed)
    return Grouping(data.obs["leiden"].astype(int).to_numpy(dtype=np.intp))


@contextmanager
def _exact() -> Iterator[None]:
    from muon import pp

    approximate = pp.nearest_neighbors
    pp.nearest_neighbors = _nearest
    try:
        yield
    finally:
        pp.nearest_neighbors = approximate


def _nearest(values: Any, *, n_neighbors: int, metric: Any, metric_kwds: Any, **ignored: Any) -> Any:
    from scipy.spatial.distance import cdist

    if isinstance(metric, str):
        distances = cdist(values, values, metric=metric)
        np.fill_diagonal(distances, -1.0)
    else:
        distances = _jaccard(metric_kwds)
    near = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    return near, np.take_along_axis(distances, near, axis=1).clip(0), None


def _jaccard(about: Any) -> Any:
    """Return muon's distance: the least Jaccard overlap of neighbours first, ties by Euclidean distance."""
    from scipy.sparse import csr_array
    from scipy.spatial.distance import cdist

    n = about["N"]
    graph = csr_array(
        (about["neighbors_data"], about["neighbors_indices"], about["neighbors_indptr"]), (n, n)
    )
    edges = (graph.toarray() > 0).astype(float)
    both = edges @ edges.T
    sizes = edges.sum(axis=1)
    unlike = 1 - both / (sizes[:, None] + sizes - both).clip(1)
    away = cdist(about["X"], about["X"])
    found = np.where(unlike < 1, n - unlike * n + (about["bbox_norm"] - away) / about["bbox_norm"], n + 1.0)
    np.fill_diagonal(found, n + 1.0)
    return found
