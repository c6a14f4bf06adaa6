"""All blocks side by side: mean fill, PCA (50), UMAP, HDBSCAN."""

from __future__ import annotations

import warnings

import numpy as np

from peers.tables import Grouping, Tables, least_size


def group(tables: Tables, seed: int, *, setting: str) -> Grouping:
    """Find groups; ``5-D`` (min_dist 0, the common least size) or ``as installed`` (2-D, least size 15)."""
    import hdbscan
    import umap
    from sklearn.decomposition import PCA

    values = np.hstack([table.filled for table in tables])
    if values.shape[1] > 50:
        values = PCA(min(50, *values.shape), random_state=seed).fit_transform(values)
    fine = setting == "5-D"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = umap.UMAP(
            random_state=seed, **({"n_components": 5, "min_dist": 0.0} if fine else {})
        ).fit_transform(values)
        labels = hdbscan.HDBSCAN(min_cluster_size=least_size(len(values)) if fine else 15).fit_predict(points)
    return Grouping(labels, points)
