"""The main way to find groups: UMAP layouts with many seeds and settings, each clustered by HDBSCAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.cluster import Clustering, cluster
from phenotyper.discover.contract import MethodTask, Runs, finds_groups
from phenotyper.discover.embed import Graph, graph_of, lay_out, neighbour_graph, starting_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from phenotyper.integrate.contract import Integrated

CLUSTERING_MIN_DIST = 0.0
MAP_MIN_DIST = 0.1


@finds_groups("hdbscan")
def layouts(task: MethodTask) -> Runs:
    """Lay the patients out, once for every seed and number of neighbours, and cluster each layout.

    Every layout is clustered with each least size and each ``min_samples`` that the recipe tries; HDBSCAN
    costs little beside a layout.
    """
    n, f = task.integrated.points.shape
    sizes, samples = task.recipe.cluster_sizes_for(n), task.recipe.samples_tried()
    found: list[Clustering] = []
    settings: list[dict[str, Any]] = []
    for neighbors in task.recipe.neighbors_for(n):
        graph = graph_for(task.integrated, n_neighbors=neighbors)
        for number, layout in enumerate(_drawn(task, graph, min(task.recipe.n_dims, f)), start=1):
            for near in samples:
                found += cluster(layout, min_cluster_sizes=sizes, min_samples=near)
                for size in sizes:
                    tried = {"n_neighbors": neighbors, "min_cluster_size": size, "min_samples": near}
                    settings.append({**tried, "seed": number})
            task.done()
    labels = np.array([one.labels for one in found], dtype=np.intp)
    return Runs(labels, settings, [one.tree for one in found])


def _drawn(task: MethodTask, graph: Graph, n_dims: int) -> Iterator[NDArray[np.float32]]:
    """Draw a layout a seed, in as many threads as asked for, in order."""
    from joblib import Parallel, delayed

    start = starting_places(graph, n_dims=n_dims)
    jobs = [
        delayed(lay_out)(graph, start, min_dist=CLUSTERING_MIN_DIST, seed=int_seed(one)) for one in task.seeds
    ]
    if task.n_jobs == 1:
        return (lay_out(*job[1], **job[2]) for job in jobs)
    drawn: Iterator[NDArray[np.float32]] = Parallel(
        n_jobs=task.n_jobs, prefer="threads", return_as="generator"
    )(jobs)
    return drawn


def draw_map(
    integrated: Integrated, neighbors: Sequence[int], *, seed: np.random.SeedSequence
) -> NDArray[np.float32]:
    """Draw the map for eyes, (n, 2), with the middle one of the numbers of neighbours."""
    graph = graph_for(integrated, n_neighbors=sorted(neighbors)[len(neighbors) // 2])
    return lay_out(graph, starting_places(graph, n_dims=2), min_dist=MAP_MIN_DIST, seed=int_seed(seed))


def graph_for(integrated: Integrated, *, n_neighbors: int) -> Graph:
    """Return the graph of an integration that has one, else that of the nearest neighbours."""
    if integrated.graph is not None:
        return graph_of(integrated.points, integrated.graph, n_neighbors=n_neighbors)
    return neighbour_graph(integrated.points, n_neighbors=n_neighbors)


def int_seed(sequence: np.random.SeedSequence) -> int:
    """Return a whole number from a seed sequence."""
    return int(sequence.generate_state(1)[0])
