"""Communities of the neighbour graph by Leiden, the resolution by what stays the same on parts."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.contract import MethodTask, Runs, finds_groups
from phenotyper.discover.embed import neighbour_graph
from phenotyper.discover.methods.common import (
    evaluation_rng,
    int_seed,
    least_patients,
    numbers_tried,
    part_of,
    repeated,
    silhouette,
    smallest,
)
from phenotyper.discover.methods.kmeans import standing_out
from phenotyper.errors import MissingExtraError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import coo_matrix, csr_matrix

    Labels = NDArray[np.intp]

RESOLUTIONS = tuple(float(value) for value in np.geomspace(0.1, 2.0, 12).round(3))
PARTS = 8
"""Parts of the patients on which each resolution is tried."""
ROUNDS = 4
_one_at_a_time = threading.Lock()
"""igraph has one generator for the whole process."""


@finds_groups("leiden")
def leiden(task: MethodTask) -> Runs:
    """Find groups as communities of the neighbour graph (Traag, Waltman and van Eck 2019).

    Modularity with a resolution (Reichardt and Bornholdt 2006) on the graph of the integration, or on the
    fuzzy graph of the nearest neighbours of its points. Resolutions from .1 to 2 are tried on all patients
    and on parts of 80 %; the one whose partitions agree best (mean adjusted Rand) is taken among those that
    leave no group too small. A graph without groups has communities too, so that whether there are groups is
    tested on the points, as ``kmeans`` does; of an integration's own graph it is not tested. Needs the extra
    ``leiden`` (igraph: GPL).

    Raises
    ------
    MissingExtraError
        MISSING_EXTRA.
    """
    _igraph()
    points, rng = task.integrated.points, evaluation_rng(task)
    graph = _graph_of(task)
    seed, most = int_seed(rng), max(numbers_tried(task))
    copied = task.integrated.graph is None
    p = standing_out(points, numbers_tried(task), rng=rng) if copied else float("nan")
    parts = [part_of(len(points), rng=rng) for _ in range(PARTS)]
    rows = [_judged(task, graph, value, parts, seed=seed) for value in RESOLUTIONS] if most > 1 else []
    open_to = [
        row
        for row in rows
        if row["k"] > 1 and row["smallest"] >= least_patients(task) and not p > 0.05 + 1e-9
    ]
    best = max(open_to, key=lambda row: (row["stability"], -row["k"])) if open_to else None
    for row in rows:
        row |= {"p": p, "chosen": row is best}
    if best is None:
        one = {"k": 1, "chosen": True, "p": p, "smallest": len(points)}
        return repeated(task, None, criteria=[one, *rows], setting={"k": 1})
    value = float(best["resolution"])
    setting = {"k": int(best["k"]), "resolution": value}
    return repeated(task, lambda one: _drawn(graph, value, rng=one), criteria=rows, setting=setting)


def _igraph() -> Any:
    try:
        import igraph
    except ImportError as error:
        remedy = 'pip install "phenotyper[leiden]", or another method.'
        problem = Problem("MISSING_EXTRA", 'method "leiden" needs the package igraph', remedy)
        raise MissingExtraError(problem) from error
    return igraph


def _graph_of(task: MethodTask) -> csr_matrix:
    graph: coo_matrix | None = task.integrated.graph
    if graph is None:
        n = len(task.integrated.points)
        graph = neighbour_graph(task.integrated.points, n_neighbors=_neighbors(task, n)).fuzzy
    return graph.tocsr().astype(np.float64)


def _neighbors(task: MethodTask, n: int) -> int:
    return min(n, task.recipe.neighbors_for(n)[0])


def _communities(graph: csr_matrix, resolution: float, *, seed: int) -> tuple[Labels, float]:
    """Return communities and their modularity."""
    from scipy.sparse import triu

    igraph, upper = _igraph(), triu(graph, 1).tocoo()
    edges, weights = np.column_stack([upper.row, upper.col]).tolist(), upper.data.tolist()
    network = igraph.Graph(n=graph.shape[0], edges=edges)
    with _one_at_a_time:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            found = network.community_leiden(
                "modularity", weights=weights, resolution=resolution, n_iterations=ROUNDS
            )
        finally:
            igraph.set_random_number_generator(random)
    labels = np.asarray(found.membership, dtype=np.intp)
    return labels, float(network.modularity(labels.tolist(), weights=weights)) if weights else 0.0


def _placed(graph: csr_matrix, resolution: float, part: NDArray[np.intp], *, seed: int) -> Labels:
    """Find communities of a part of the patients; the others join the one they are tied to most."""
    inside, _ = _communities(graph[part][:, part], resolution, seed=seed)
    member = (inside[:, None] == np.arange(inside.max() + 1)).astype(np.float64)
    ties = graph[:, part] @ member
    labels = np.where(ties.sum(axis=1) > 0, np.argmax(ties, axis=1), -1).astype(np.intp)
    labels[part] = inside
    return labels


def _drawn(graph: csr_matrix, resolution: float, *, rng: np.random.Generator) -> Labels:
    """Find communities of a part drawn at random; a single one is no group."""
    labels = _placed(graph, resolution, part_of(graph.shape[0], rng=rng), seed=int_seed(rng))
    return labels if labels.max() > 0 else np.full_like(labels, -1)


def _alike(one: Labels, two: Labels) -> float:
    """Return the adjusted Rand index; 0 where either is a single community, which any two parts agree on."""
    from sklearn.metrics import adjusted_rand_score

    several = min(one.max(initial=-1), two.max(initial=-1)) > 0
    return float(adjusted_rand_score(one, two)) if several else 0.0


def _judged(
    task: MethodTask, graph: csr_matrix, resolution: float, parts: list[NDArray[np.intp]], *, seed: int
) -> dict[str, Any]:
    labels, quality = _communities(graph, resolution, seed=seed)
    again = [_placed(graph, resolution, part, seed=seed + 1 + at) for at, part in enumerate(parts)]
    pairs = [_alike(one, two) for at, one in enumerate(again) for two in again[:at]]
    return {
        "k": int(labels.max()) + 1,
        "resolution": resolution,
        "quality": quality,
        "stability": float(np.mean(pairs)),
        "silhouette": silhouette(task.integrated.points, labels),
        "smallest": smallest(labels),
    }
