"""The naive pipeline: StandardScaler, mean fill, one-hot, PCA, UMAP, HDBSCAN, each as it comes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

UNASSIGNED = "unassigned"


@dataclass(frozen=True)
class Naive:
    """A setting of the naive pipeline; ``smallest`` is HDBSCAN's min_cluster_size for n patients."""

    name: str
    umap: Mapping[str, Any]
    smallest: Callable[[int], int]


SETTINGS = (
    Naive("as installed, 2-D, min_cluster_size 15", {}, lambda n: 15),
    Naive(
        "5-D, min_dist 0, min_cluster_size n/40",
        {"n_components": 5, "min_dist": 0.0},
        lambda n: max(10, n // 40),
    ),
)


def numbers(table: pd.DataFrame, *, missing_level: bool) -> np.ndarray:
    """Fill means, code text one-hot: the naive matrix."""
    measured = table.select_dtypes("number")
    measured = measured.fillna(measured.mean()).fillna(0.0)
    text = table.drop(columns=measured.columns)
    levels = (
        pd.get_dummies(text.set_axis(range(text.shape[1]), axis=1).astype("str"), dummy_na=missing_level)
        if text.shape[1]
        else text
    )
    return np.hstack([measured.to_numpy(dtype=float), levels.to_numpy(dtype=float)])


def naive_labels(table: pd.DataFrame, setting: Naive, seed: int, *, missing_level: bool = False) -> pd.Series:
    """Return the group of every patient by the naive pipeline."""
    import hdbscan
    import umap
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    values = StandardScaler().fit_transform(numbers(table, missing_level=missing_level))
    if values.shape[1] > 50:
        values = PCA(min(50, *values.shape), random_state=seed).fit_transform(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = umap.UMAP(random_state=seed, **setting.umap).fit_transform(values)
        codes = hdbscan.HDBSCAN(min_cluster_size=setting.smallest(len(table))).fit_predict(points)
    return pd.Series([UNASSIGNED if code < 0 else f"group {code}" for code in codes], index=table.index)
