"""UMAP on exact neighbours, with compiled code kept between processes."""

from __future__ import annotations

import functools
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper._kernels.neighbours import nearest_neighbours

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray


@functools.cache
def umap_module() -> ModuleType:
    """Import umap and let numba keep its compiled functions on disk, for a quick second process."""
    from numba.core.dispatcher import Dispatcher

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        warnings.filterwarnings("ignore", message="IProgress not found")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        import umap
    for name, module in list(sys.modules.items()):
        if name == "umap" or name.startswith("umap."):
            for value in list(vars(module).values()):
                if isinstance(value, Dispatcher):
                    value.enable_caching()
    return umap


def embed(
    points: NDArray[np.float64], *, n_neighbors: int, min_dist: float, n_dims: int, seed: int
) -> NDArray[np.float32]:
    """Lay out points by UMAP (McInnes 2018) from their exact nearest neighbours.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Latent coordinates; n > n_neighbors.
    n_neighbors : int
        Neighbours a point, itself included.
    min_dist : float
        Least distance between points of the layout; 0 for clustering.
    n_dims : int
        Dimensions of the layout.
    seed : int
        Seed of the layout; the same seed gives the same bytes on one machine.

    Returns
    -------
    ndarray of float32, shape (n, n_dims)
    """
    index, distance = nearest_neighbours(points, n_neighbors)
    settings: dict[str, Any] = {
        "n_neighbors": n_neighbors,
        "min_dist": min_dist,
        "n_components": n_dims,
        "random_state": seed,
        # The spectral start does not converge on graphs that fall into many cliques of equal patients.
        "init": "spectral" if len(np.unique(points.round(9), axis=0)) > len(points) / 2 else "pca",
        "n_jobs": 1,
        "precomputed_knn": (index, distance, None),
    }
    with warnings.catch_warnings():
        # Both are by design: no transform is wanted from the layout, and a seeded layout runs on one thread.
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)
        warnings.filterwarnings("ignore", message="n_jobs value", category=UserWarning)
        warnings.filterwarnings("ignore", message="Spectral initialisation failed", category=UserWarning)
        warnings.filterwarnings("ignore", message="Graph is not fully connected", category=UserWarning)
        layout = umap_module().UMAP(**settings).fit_transform(points.astype(np.float32))
    return np.asarray(layout, dtype=np.float32)
