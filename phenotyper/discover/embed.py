"""UMAP in stages: the graph of exact neighbours and where to start once a fit, then one descent a seed."""

from __future__ import annotations

import atexit
import functools
import shutil
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper._kernels.linalg import leading_svd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from numpy.typing import NDArray
    from scipy.sparse import coo_matrix

MANY_PATIENTS = 10_000
EPOCHS, EPOCHS_OF_MANY = 500, 200
"""Rounds of the descent, umap-learn's own defaults up to and above so many patients."""
NOISE = 1e-4
MOST_RESTARTS = 200
"""Restarts of the eigensolver; those that settle take a few dozen at most."""
_INT32 = np.iinfo(np.int32)
_one_at_a_time = threading.RLock()
"""umap's parallel functions end the process when two threads call them at once (numba's workqueue layer)."""


@functools.cache
def umap_module() -> ModuleType:
    """Import umap and let numba keep its compiled functions on disk, for a quick second process."""
    from numba.core.dispatcher import Dispatcher

    keep_compiled()
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


def keep_compiled() -> None:
    """Give numba a folder of this process where neither the packages' own nor the user's can be written."""
    import numba
    from numba.core.caching import FunctionCache

    config: Any = numba.config
    if config.CACHE_DIR:
        return
    try:
        FunctionCache(keep_compiled)
    except RuntimeError:
        config.CACHE_DIR = tempfile.mkdtemp(prefix="phenotyper_numba_")
        atexit.register(shutil.rmtree, config.CACHE_DIR, ignore_errors=True)


@dataclass(frozen=True)
class Graph:
    """What all layouts of one fit share.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Latent coordinates.
    fuzzy : coo_matrix, shape (n, n)
        Symmetric memberships of the fuzzy simplicial set (McInnes, Healy and Melville 2018, section 3.1),
        those too weak to be visited in so many rounds left out.
    every : ndarray of float64, shape (m,)
        Rounds between two visits of each edge.
    n_epochs : int
        Rounds of a descent.
    """

    points: NDArray[np.float64]
    fuzzy: coo_matrix
    every: NDArray[np.float64]
    n_epochs: int


def neighbour_graph(points: NDArray[np.float64], *, n_neighbors: int) -> Graph:
    """Join points to their exact nearest neighbours.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Latent coordinates; n >= n_neighbors.
    n_neighbors : int
        Neighbours of a point, itself included.

    Returns
    -------
    Graph
    """
    umap = umap_module().umap_
    from phenotyper._kernels.neighbours import nearest_neighbours

    index, distance = nearest_neighbours(points, n_neighbors)
    with _one_at_a_time, _one_numba_thread():
        fuzzy = umap.fuzzy_simplicial_set(
            points, n_neighbors, None, "euclidean", knn_indices=index, knn_dists=distance
        )[0].tocoo()
    return graph_of(points, fuzzy, n_neighbors=n_neighbors)


def graph_of(points: NDArray[np.float64], fuzzy: coo_matrix, *, n_neighbors: int) -> Graph:
    """Make ready a graph of memberships for the descent.

    Parameters
    ----------
    points : ndarray of float64, shape (n, f)
        Coordinates, for the start where the graph does not give one.
    fuzzy : coo_matrix, shape (n, n)
        Symmetric memberships in (0, 1], zero diagonal.
    n_neighbors : int
        Neighbours of a point, itself included.

    Returns
    -------
    Graph
    """
    fuzzy = fuzzy.copy()
    fuzzy.sum_duplicates()
    n_epochs = _rounds(fuzzy.data, len(points), n_neighbors)
    fuzzy.data[fuzzy.data < fuzzy.data.max() / n_epochs] = 0.0
    fuzzy.eliminate_zeros()
    every = umap_module().umap_.make_epochs_per_sample(fuzzy.data, n_epochs)
    return Graph(points, fuzzy, every, n_epochs)


def _rounds(weights: NDArray[np.float32], n: int, n_neighbors: int) -> int:
    """Return umap-learn's number of rounds, fewer for a graph in which each round costs more than it may.

    Memberships are scaled so that each point's add up to log2 of its neighbours (section 3.1), which makes at
    most twice that once both directions are joined. Where most neighbours are equal patients every membership
    is 1 and the scaling fails: the same number of moves of a point then takes fewer rounds.
    """
    rounds = EPOCHS if n <= MANY_PATIENTS else EPOCHS_OF_MANY
    moves, most = weights.sum() / weights.max(), 2 * n * np.log2(max(n_neighbors, 2))
    return int(np.ceil(rounds * min(1.0, most / moves)))


def starting_places(graph: Graph, *, n_dims: int) -> NDArray[np.float64]:
    """Return where the layouts of a graph start from, the same for every seed.

    The eigenvectors of the normalised Laplacian, as in umap-learn; or the principal components, where fewer
    than half of the points differ or the eigensolver does not settle (many cliques of equal patients).

    Parameters
    ----------
    graph : Graph
    n_dims : int
        Dimensions of the layouts.

    Returns
    -------
    ndarray of float64, shape (n, n_dims)
    """
    if len(np.unique(graph.points.round(9), axis=0)) <= len(graph.points) / 2:
        return _principal(graph.points, n_dims)
    from umap.spectral import spectral_layout

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Graph is not fully connected", category=UserWarning)
        warnings.filterwarnings("ignore", message="Spectral initialisation failed", category=UserWarning)
        try:
            found = spectral_layout(
                graph.points.astype(np.float32), graph.fuzzy, n_dims, _NoRefuge(0), maxiter=MOST_RESTARTS
            )
        except _NotSettledError:
            return _principal(graph.points, n_dims)
    return np.asarray(found, dtype=np.float64)


class _NotSettledError(Exception):
    """The eigensolver did not settle."""


class _NoRefuge(np.random.RandomState):
    """Says so when umap draws the random places that it falls back on.

    Its warning would not do: filters of warnings belong to the process, and other threads change them.
    """

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        if (low, high) == (-10.0, 10.0):
            raise _NotSettledError
        return super().uniform(low, high, size)


def lay_out(
    graph: Graph, start: NDArray[np.float64], *, min_dist: float, seed: int, n_epochs: int | None = None
) -> NDArray[np.float32]:
    """Lay out a graph by UMAP's stochastic gradient descent.

    Parameters
    ----------
    graph : Graph
        From ``neighbour_graph``.
    start : ndarray of float64, shape (n, d)
        From ``starting_places``; scaled to 10 and blurred by the seed, as in umap-learn.
    min_dist : float
        Least distance between points of the layout; 0 for clustering.
    seed : int
        Seed of the layout; the same seed gives the same bytes on one machine.
    n_epochs : int, optional
        Rounds, when fewer than the graph's.

    Returns
    -------
    ndarray of float32, shape (n, d)
    """
    from phenotyper._kernels.descent import descend

    rng = np.random.RandomState(seed)
    blurred = umap_module().umap_.noisy_scale_coords(start, rng, max_coord=10.0, noise=NOISE)
    low, high = blurred.min(axis=0), blurred.max(axis=0)
    place = np.ascontiguousarray(10.0 * (blurred - low) / (high - low), dtype=np.float32)
    of_seed = rng.randint(_INT32.min, _INT32.max, 3).astype(np.int64)
    of_point = place[:, :1].astype(np.float64).view(np.int64)
    rounds = graph.n_epochs if n_epochs is None else n_epochs
    head, tail = graph.fuzzy.row.astype(np.int32), graph.fuzzy.col.astype(np.int32)
    descend(place, head, tail, graph.every, of_seed + of_point, *_coefficients(min_dist), rounds)
    return place


@functools.cache
def _coefficients(min_dist: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from phenotyper._kernels.descent import coefficients

    return coefficients(*umap_module().umap_.find_ab_params(1.0, min_dist))


def _principal(points: NDArray[np.float64], n_dims: int) -> NDArray[np.float64]:
    """Return the leading principal components, with zeros where there are no more."""
    u, d, _ = leading_svd(points - points.mean(axis=0), min(n_dims, *points.shape))
    return np.hstack([u * d, np.zeros((len(points), n_dims))])[:, :n_dims]


@contextmanager
def _one_numba_thread() -> Iterator[None]:
    """Hold numba at one thread: parallel sums differ in the last digit with the number of cores."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
