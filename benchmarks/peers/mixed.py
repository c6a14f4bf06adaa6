"""Amazon DenseClus 0.2.2: UMAP of numbers and of categories, combined, then HDBSCAN.

The package itself, with its power transform, medians, "Missing" as a level, 30 neighbours, 5 dimensions. Of
HDBSCAN only the least size is ours: its own (100) finds no three groups in 300 patients. The package
refuses a cohort without categories; there its numerical half is run with the same settings.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from peers.tables import Grouping, Tables, least_size


def group(tables: Tables, seed: int, *, combine: str) -> Grouping:
    """Find groups with one of the package's ways to combine the two maps."""
    n = len(tables[0].present)
    numbers = pd.DataFrame(np.hstack([table.numbers for table in tables])).add_prefix("number ")
    text = pd.concat([table.text.add_prefix(f"{table.name} ") for table in tables], axis=1).astype(object)
    settings = {"min_cluster_size": least_size(n), "min_samples": min(15, least_size(n))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if text.shape[1] and numbers.shape[1]:
            return _both(pd.concat([numbers, text], axis=1), settings, seed, combine)
        return _one(numbers if numbers.shape[1] else pd.get_dummies(text), settings, seed)


def _both(table: pd.DataFrame, settings: dict[str, int], seed: int, combine: str) -> Grouping:
    from denseclus import DenseClus

    model = DenseClus(random_state=seed, umap_combine_method=combine, hdbscan_params=settings)
    model.fit(table)
    if combine == "ensemble":
        points = np.hstack([model.numerical_umap_.embedding_, model.categorical_umap_.embedding_])
    else:
        points = model.mapper_.embedding_
    return Grouping(np.asarray(model.labels_).astype(np.intp), points)


def _one(table: pd.DataFrame, settings: dict[str, int], seed: int) -> Grouping:
    import hdbscan
    import umap
    from denseclus.numerical import extract_numerical

    measured = table.select_dtypes("float").shape[1] > 0
    values = extract_numerical(table.copy()) if measured else table
    points = umap.UMAP(
        random_state=seed,
        metric="l2" if measured else "hamming",
        n_neighbors=30,
        n_components=5,
        min_dist=0.0,
    ).fit_transform(values)
    return Grouping(hdbscan.HDBSCAN(**settings).fit_predict(points), points)
