"""The Human Phenotype Ontology from the user's ``hp.json`` (OBO Graphs): is_a, labels, replaced ids.

Obsolete terms carry ``meta.deprecated`` and may name a successor (IAO:0100001); merged ids stand as
oboInOwl:hasAlternativeId of the term that took them up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from phenotyper.cohort.readers.contract import Source, require_file
from phenotyper.cohort.readers.json_files import read_json
from phenotyper.errors import CohortError, Problem

ROOTS = frozenset({"HP:0000001", "HP:0000118"})
"""All, and Phenotypic abnormality: everybody has them."""
_SUCCESSOR = "IAO_0100001"
_ALTERNATIVE = "hasAlternativeId"
_IS_A = frozenset({"is_a", "subClassOf", "http://www.w3.org/2000/01/rdf-schema#subClassOf"})


@dataclass(frozen=True)
class Ontology:
    """Terms and what stands above them.

    Parameters
    ----------
    labels : mapping of str to str
        Name of each living term by its id, ``HP:0001250``.
    parents : mapping of str to tuple of str
        The terms just above each term.
    replaced : mapping of str to str
        Obsolete and merged ids, and the term that stands for them now.

    Examples
    --------
    >>> tree = Ontology({"HP:1": "a", "HP:2": "b"}, {"HP:2": ("HP:1",)}, {"HP:9": "HP:2"})
    >>> sorted(tree.ancestors("HP:2")), tree.current("HP:9"), tree.current("HP:7")
    (['HP:1'], 'HP:2', '')
    """

    labels: Mapping[str, str]
    parents: Mapping[str, tuple[str, ...]]
    replaced: Mapping[str, str]
    _known: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def ancestors(self, term: str) -> frozenset[str]:
        """Return every term above a term, itself and the roots left out."""
        if term not in self._known:
            found: set[str] = set()
            waiting = list(self.parents.get(term, ()))
            while waiting:
                above = waiting.pop()
                if above not in found:
                    found.add(above)
                    waiting += self.parents.get(above, ())
            self._known[term] = frozenset(found - ROOTS - {term})
        return self._known[term]

    def current(self, term: str) -> str:
        """Return the living term of an id; empty when there is none."""
        seen: set[str] = set()
        while term not in self.labels and term in self.replaced and term not in seen:
            seen.add(term)
            term = self.replaced[term]
        return term if term in self.labels else ""


def read_ontology(source: Source) -> Ontology:
    """Read an OBO Graphs file.

    Raises
    ------
    CohortError
        FILE_ABSENT, FILE_DAMAGED, HPO_FILE when it is no such ontology.
    """
    if source.path is None:
        raise _no_ontology(source.name, "is a table in memory")
    require_file(source.path)
    whole = read_json(source.path, source.name)
    graphs = whole.get("graphs") if isinstance(whole, dict) else None
    if not isinstance(graphs, list):
        raise _no_ontology(source.name, 'has no "graphs"')
    nodes = [node for graph in _objects(graphs) for node in _objects(graph.get("nodes"))]
    edges = [edge for graph in _objects(graphs) for edge in _objects(graph.get("edges"))]
    labels: dict[str, str] = {}
    replaced: dict[str, str] = {}
    for node in nodes:
        term = curie(node.get("id"))
        if term.startswith("HP:"):
            _take_up(term, node, labels, replaced)
    if not labels:
        raise _no_ontology(source.name, "holds no HP: terms")
    parents: dict[str, list[str]] = {}
    for edge in edges:
        if str(edge.get("pred")) in _IS_A:
            parents.setdefault(curie(edge.get("sub")), []).append(curie(edge.get("obj")))
    kept = {
        term: tuple(above for above in found if above in labels)
        for term, found in parents.items()
        if term in labels
    }
    return Ontology(labels, kept, {old: new for old, new in replaced.items() if old not in labels})


def _take_up(term: str, node: Mapping[str, Any], labels: dict[str, str], replaced: dict[str, str]) -> None:
    """Note a node as a living term with its merged ids, or as an obsolete one with its successor."""
    meta = node.get("meta") if isinstance(node.get("meta"), dict) else {}
    values = [
        (str(entry.get("pred")), curie(entry.get("val")))
        for entry in _objects((meta or {}).get("basicPropertyValues"))
    ]
    if (meta or {}).get("deprecated") is True:
        for predicate, value in values:
            if predicate.endswith((_SUCCESSOR, "IAO:0100001")):
                replaced[term] = value
        return
    labels[term] = str(node.get("lbl") or term)
    for predicate, value in values:
        if predicate.endswith(_ALTERNATIVE):
            replaced.setdefault(value, term)


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    yield from (value for value in (values if isinstance(values, list) else []) if isinstance(value, dict))


def curie(name: Any) -> str:
    """Return the short form of a term's name.

    Examples
    --------
    >>> curie("http://purl.obolibrary.org/obo/HP_0001250"), curie("HP:0001250")
    ('HP:0001250', 'HP:0001250')
    """
    text = str(name or "").strip()
    if "/" in text:
        text = text.rsplit("/", 1)[-1]
        return text.replace("_", ":", 1)
    return text


def _no_ontology(name: str, said: str) -> CohortError:
    message = f"{name} is no ontology in OBO Graphs form: it {said}"
    remedy = "Take hp.json from https://hpo.jax.org or http://purl.obolibrary.org/obo/hp.json."
    return CohortError(Problem("HPO_FILE", message, remedy, where=name))
