"""MOFA (mofapy2 0.7.5) as in its tutorial, then k-means, HDBSCAN, or UMAP and HDBSCAN on its factors.

A view a block and sort of data (Gaussian numbers, Bernoulli yes/no and levels), views scaled, 10 factors at
the start, those that explain less than 0.1 % dropped, "fast" convergence. Missing values and absent blocks
are its own business. k-means takes the k of 2 to 8 with the best silhouette. Where MOFA ends for
want of any factor nobody is assigned.
"""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout

import numpy as np
from numpy.typing import NDArray

from peers.tables import UNASSIGNED, Grouping, Tables, least_size

FACTORS = 10
MOST_GROUPS = 8


def group(tables: Tables, seed: int, *, grouping: str) -> Grouping:
    """Find groups in the factors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            points = factors(tables, seed)
        except SystemExit:  # "All factors shut down, no structure found in the data."
            n = len(tables[0].present)
            return Grouping(np.full(n, UNASSIGNED), np.zeros((n, 1)))
        if grouping == "k-means":
            return Grouping(_kmeans(points, seed), points)
        if grouping == "UMAP + HDBSCAN":
            import umap

            points = umap.UMAP(random_state=seed, n_neighbors=15, min_dist=0.0).fit_transform(points)
        import hdbscan

        return Grouping(hdbscan.HDBSCAN(min_cluster_size=least_size(len(points))).fit_predict(points), points)


def factors(tables: Tables, seed: int) -> NDArray[np.float64]:
    """Return the factors of every patient, (n, f)."""
    from mofapy2.run.entry_point import entry_point

    views, likelihoods = [], []
    for table in tables:
        for values, likelihood in ((table.numbers, "gaussian"), (table.levels, "bernoulli")):
            if values.shape[1]:
                views.append([values.copy()])
                likelihoods.append(likelihood)
    with redirect_stdout(io.StringIO()):
        model = entry_point()
        model.set_data_options(scale_views=True)
        model.set_data_matrix(views, likelihoods=likelihoods)
        model.set_model_options(factors=FACTORS, spikeslab_weights=True, ard_weights=True)
        model.set_train_options(convergence_mode="fast", dropR2=0.001, seed=seed, quiet=True)
        model.build()
        model.run()
    return np.asarray(model.model.nodes["Z"].getExpectation(), dtype=float)


def _kmeans(points: NDArray[np.float64], seed: int) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    tried = [KMeans(k, n_init=10, random_state=seed).fit_predict(points) for k in range(2, MOST_GROUPS + 1)]
    return max(tried, key=lambda labels: float(silhouette_score(points, labels)))
