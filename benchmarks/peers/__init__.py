"""Other ways from the same cohort to groups, each as its users run it.

A peer takes the blocks of a cohort (:class:`peers.tables.Tables`) and a seed and returns a
:class:`peers.tables.Grouping`. All get the same least size of a group where they have one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from peers.tables import LOST, Grouping, Tables, least_size, placed, tables_of

Peer = Callable[..., Grouping]

_WHERE: dict[str, tuple[str, dict[str, str]]] = {
    "PCA + UMAP + HDBSCAN, 5-D": ("concatenated", {"setting": "5-D"}),
    "PCA + UMAP + HDBSCAN, as installed": ("concatenated", {"setting": "as installed"}),
    "DenseClus, intersection_union_mapper": ("mixed", {"combine": "intersection_union_mapper"}),
    "DenseClus, ensemble": ("mixed", {"combine": "ensemble"}),
    "SNF + spectral, complete patients": ("fusion", {"absent": "lost"}),
    "SNF + spectral, mean-filled": ("fusion", {"absent": "filled"}),
    "MOFA + k-means": ("mofa", {"grouping": "k-means"}),
    "MOFA + HDBSCAN": ("mofa", {"grouping": "HDBSCAN"}),
    "MOFA + UMAP + HDBSCAN": ("mofa", {"grouping": "UMAP + HDBSCAN"}),
    "WNN + Leiden": ("weighted", {}),
}
PEERS = tuple(_WHERE)
NEEDS = {"concatenated": "umap", "mixed": "denseclus", "fusion": "snf", "mofa": "mofapy2", "weighted": "muon"}
"""The package that a module of peers runs."""


def peer_named(name: str) -> Peer:
    """Return a peer; its package is loaded when it runs."""
    module, options = _WHERE[name]
    return partial(import_module(f"peers.{module}").group, **options)


def package_of(name: str) -> str:
    """Return the name of the package that a peer runs."""
    return NEEDS[_WHERE[name][0]]


__all__ = [
    "LOST",
    "PEERS",
    "Grouping",
    "Peer",
    "Tables",
    "least_size",
    "package_of",
    "peer_named",
    "placed",
    "tables_of",
]
