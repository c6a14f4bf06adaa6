"""Consensus k-means, its number of groups tested against copies without groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.contract import MethodTask, Runs, finds_groups
from phenotyper.discover.methods.common import (
    K_MAX,
    copies_of,
    evaluation_rng,
    int_seed,
    least_patients,
    numbers_tried,
    part_of,
    repeated,
    silhouette,
    smallest,
)
from phenotyper.integrate.others.pieces import spectral

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import coo_matrix

    Labels = NDArray[np.intp]
    Points = NDArray[np.float64]

STARTS, STARTS_OF_PARTS = 5, 3
PARTS = 20
"""Parts of the patients whose partitions are compared for the PAC."""
MOST_PAIRED = 1000
"""Patients among whom pairs are counted."""
AMBIGUOUS = (0.1, 0.9)


@finds_groups("kmeans")
def kmeans(task: MethodTask) -> Runs:
    """Find groups by k-means on many parts of the patients (Monti et al. 2003).

    Each repetition sees 80 % of the patients and places the others at the nearest centre. Whether there are
    groups at all is tested by the gap statistic (Tibshirani et al. 2001) against normal copies of the points
    with the same covariance, as in M3C (John et al. 2020): over all numbers tried, k-means must fit better,
    relative to the copies, than in every one of 19 copies (p = 1/20). If so, the number with the largest
    silhouette is taken among those that leave no group too small. Beside these the criteria hold the share of
    ambiguous pairs (PAC; Senbabaoglu et al. 2014) and Calinski and Harabasz's ratio.

    Where the integration gives a graph this is spectral clustering: k groups in the first k - 1 columns of
    its diffusion map, the number by the largest gap between the eigenvalues (von Luxburg 2007). A graph has
    no copies without groups to be held against, so that one group is never the answer there.
    """
    if task.integrated.graph is not None:
        return _in_graph(task, task.integrated.graph)
    points, rng = task.integrated.points, evaluation_rng(task)
    tried = numbers_tried(task)
    if len(tried) == 1:
        row = {"k": 1, "chosen": True, "smallest": len(points), "within": _spread(points)}
        return repeated(task, None, criteria=[row], setting={"k": 1})
    rows = _judged(points, tried, rng=rng)
    best = _chosen(rows, least=least_patients(task))
    for row in rows:
        row["chosen"] = row["k"] == best
    once = None if best == 1 else lambda one: _on_a_part(points, best, rng=one)[0]
    return repeated(task, once, criteria=rows, setting={"k": best})


def _in_graph(task: MethodTask, graph: coo_matrix) -> Runs:
    """Cluster the diffusion map of a graph."""
    tried, rng = [k for k in numbers_tried(task) if k > 1], evaluation_rng(task)
    if not tried:
        one = {"k": 1, "chosen": True, "smallest": graph.shape[0]}
        return repeated(task, None, criteria=[one], setting={"k": 1})
    places, degree = spectral(graph, K_MAX), np.asarray(graph.sum(axis=1)).ravel()
    values = np.sqrt(degree @ places**2 / degree.sum())
    parts = np.random.SeedSequence(int_seed(rng)).spawn(PARTS)
    rows: list[dict[str, Any]] = []
    for k in tried:
        own = places[:, : k - 1]
        labels, _ = _cluster(own, k, starts=STARTS, seed=int_seed(rng))
        about = {"silhouette": silhouette(own, labels), "pac": _pac(own, k, parts)}
        rows.append(
            {"k": k, "smallest": smallest(labels), "eigengap": float(values[k - 2] - values[k - 1]), **about}
        )
    open_to = [row for row in rows if row["smallest"] >= least_patients(task)]
    best = int(max(open_to, key=lambda row: (row["eigengap"], -row["k"]))["k"]) if open_to else 1
    for row in rows:
        row["chosen"] = row["k"] == best
    if best == 1:
        one = {"k": 1, "chosen": True, "smallest": len(places)}
        return repeated(task, None, criteria=[one, *rows], setting={"k": 1})
    own = places[:, : best - 1]
    return repeated(task, lambda one: _on_a_part(own, best, rng=one)[0], criteria=rows, setting={"k": best})


def _judged(points: Points, tried: Sequence[int], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return one row a number of groups."""
    n, seed = len(points), int_seed(rng)
    found = [_cluster(points, k, starts=STARTS, seed=seed) for k in tried]
    within = np.array([inertia for _, inertia in found])
    gap, error, p = gap_statistic(within, _copied(points, tried, seed=seed, rng=rng))
    parts = np.random.SeedSequence(seed).spawn(PARTS)
    rows = []
    for at, (k, (labels, _)) in enumerate(zip(tried, found, strict=True)):
        between = within[0] - within[at]
        rows.append(
            {
                "k": k,
                "smallest": smallest(labels),
                "within": float(within[at]),
                "gap": float(gap[at]),
                "gap_error": float(error[at]),
                "p": p,
                "silhouette": silhouette(points, labels),
                "calinski": float(between / (k - 1) / (within[at] / (n - k))) if k > 1 else float("nan"),
                "pac": _pac(points, k, parts) if k > 1 else float("nan"),
            }
        )
    return rows


def standing_out(points: Points, tried: Sequence[int], *, rng: np.random.Generator) -> float:
    """Return the p of k-means fitting better than in copies without groups, for any number tried."""
    if len(tried) == 1:
        return 1.0
    seed = int_seed(rng)
    within = np.array([_cluster(points, k, starts=STARTS, seed=seed)[1] for k in tried])
    return gap_statistic(within, _copied(points, tried, seed=seed, rng=rng))[2]


def _copied(points: Points, tried: Sequence[int], *, seed: int, rng: np.random.Generator) -> Points:
    """Return the dispersions of copies without groups, one row a copy."""
    copies = copies_of(points, rng=rng)
    return np.array([[_cluster(copy, k, starts=1, seed=seed)[1] for k in tried] for copy in copies])


def gap_statistic(within: Points, copied: Points) -> tuple[Points, Points, float]:
    """Compare log dispersions with those of copies.

    Parameters
    ----------
    within : ndarray, shape (t,)
        Dispersion within groups for each number of groups tried, the first being one group.
    copied : ndarray, shape (b, t)
        The same of copies without groups.

    Returns
    -------
    gap, error : ndarray, shape (t,)
        Tibshirani's gap and its standard error.
    p : float
        Of the mean gap in standard deviations, among those of the copies.
    """
    tiny = np.finfo(float).tiny
    every = np.log(np.maximum(np.vstack([within, copied]), tiny))
    every = every - every[:, :1]
    gap, spread = every[1:].mean(axis=0) - every[0], every[1:].std(axis=0)
    best = np.array([_excess(every, at) for at in range(len(every))])
    p = (1 + int((best[1:] >= best[0]).sum())) / len(every)
    return gap, spread * np.sqrt(1 + 1 / len(copied)), float(p)


def _excess(logs: Points, at: int) -> float:
    """Return the mean gap of one data set over the other copies, each in their standard deviations."""
    others = np.delete(logs[1:], at - 1, axis=0) if at else logs[1:]
    spread = np.maximum(others.std(axis=0), 1e-9)
    return float(((others.mean(axis=0) - logs[at]) / spread)[1:].mean())


def _chosen(rows: Sequence[Mapping[str, Any]], *, least: int) -> int:
    """Return the number of groups: 1 unless the data stand out from the copies."""
    open_to = [row for row in rows if row["k"] > 1 and row["smallest"] >= least]
    if not open_to or rows[0]["p"] > 0.05 + 1e-9:
        return 1
    return int(max(open_to, key=lambda row: (row["silhouette"], -row["k"]))["k"])


def _spread(points: Points) -> float:
    return float(((points - points.mean(axis=0)) ** 2).sum())


def _cluster(points: Points, k: int, *, starts: int, seed: int) -> tuple[Labels, float]:
    """Return labels and dispersion of k-means."""
    if k == 1:
        return np.zeros(len(points), dtype=np.intp), _spread(points)
    labels, _, within = _fitted(points, k, starts=starts, seed=seed)
    return labels, within


def _fitted(points: Points, k: int, *, starts: int, seed: int) -> tuple[Labels, Points, float]:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(k, n_init=starts, random_state=seed).fit(points)
    return model.labels_.astype(np.intp), model.cluster_centers_, float(model.inertia_)


def _on_a_part(
    points: Points, k: int, *, rng: np.random.Generator, starts: int = STARTS
) -> tuple[Labels, NDArray[np.intp]]:
    """Cluster a part of the patients; return labels of all by the nearest centre, and the part."""
    from scipy.spatial.distance import cdist

    part = part_of(len(points), rng=rng)
    _, centres, _ = _fitted(points[part], k, starts=starts, seed=int_seed(rng))
    return np.argmin(cdist(points, centres), axis=1).astype(np.intp), part


def _pac(points: Points, k: int, parts: Sequence[np.random.SeedSequence]) -> float:
    """Return the share of pairs that some parts put together and others apart."""
    n = len(points)
    shown = np.arange(n) if n <= MOST_PAIRED else np.linspace(0, n - 1, MOST_PAIRED).astype(np.intp)
    together, seen = np.zeros((len(shown), len(shown))), np.zeros((len(shown), len(shown)))
    for one in parts:
        labels, part = _on_a_part(points, k, starts=STARTS_OF_PARTS, rng=np.random.default_rng(one))
        inside = np.isin(shown, part).astype(np.float64)
        member = (labels[shown, None] == np.arange(k)) * inside[:, None]
        together += member @ member.T
        seen += np.outer(inside, inside)
    upper = np.triu_indices(len(shown), 1)
    share = (together / np.maximum(seen, 1))[upper][seen[upper] > 0]
    low, high = AMBIGUOUS
    return float(((share > low) & (share < high)).mean()) if len(share) else float("nan")
