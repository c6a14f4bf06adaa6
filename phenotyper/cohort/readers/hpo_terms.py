"""Which term each phenopacket says of its patient, with what an ontology lets one conclude."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from phenotyper.cohort.readers.contract import Source
from phenotyper.cohort.readers.ontology import ROOTS, Ontology
from phenotyper.cohort.readers.packets import Packet, is_excluded, note, term_of
from phenotyper.errors import CohortError, Problem, listed, number_of

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Phenotypes:
    """Terms of all packets.

    Parameters
    ----------
    terms : tuple of str, length p
        Sorted by id.
    labels : mapping of str to str
        Name of each term.
    state : ndarray of int8, shape (n, p)
        1 has it, 0 has it not, -1 unknown.
    mentioned : ndarray of bool, shape (n, p)
        Where the packet says something, a contradiction included.
    problems : tuple of Problem
        What was noticed.
    """

    terms: tuple[str, ...]
    labels: Mapping[str, str]
    state: np.ndarray
    mentioned: np.ndarray
    problems: tuple[Problem, ...] = ()


@dataclass
class _Said:
    """What one packet says: terms that its patient has, and has not."""

    packet: Packet
    has: set[str]
    lacks: set[str]


def phenotypes_of(source: Source, packets: list[Packet], ontology: Ontology | None) -> Phenotypes:
    """Return the terms of all packets; present ones go up the tree, absent ones down.

    Raises
    ------
    CohortError
        HPO_UNKNOWN for ids that the ontology does not hold; HPO_CONFLICT for patients who have a term and
        have not the same, or a more general one; FILE_EMPTY without any term.
    """
    said, labels = _said(packets)
    problems: list[Problem] = []
    if ontology is not None:
        labels |= ontology.labels
        problems += _to_current(source, said, ontology, labels)
    for one in said:
        one.has -= ROOTS
        one.lacks -= ROOTS
    above = {
        term: ontology.ancestors(term) if ontology else _NOTHING
        for one in said
        for term in one.has | one.lacks
    }
    every = set().union(*(one.has | one.lacks for one in said))
    every |= set().union(*(above[term] for one in said for term in one.has))
    if not every:
        problem = Problem(
            "FILE_EMPTY", f"{source.name} holds no phenotypic features", "Look at file.", where=source.name
        )
        raise CohortError(problem)
    terms = tuple(sorted(every))
    above |= {term: ontology.ancestors(term) if ontology else _NOTHING for term in terms}
    state, clash = _states(said, terms, above)
    if clash.any():
        problems += _conflicts(source, said, clash, terms=terms, labels=labels)
    known = np.where(clash, np.int8(-1), state)
    return Phenotypes(terms, labels, known, clash | (state >= 0), tuple(problems))


def _said(packets: list[Packet]) -> tuple[list[_Said], dict[str, str]]:
    names: dict[str, Counter[str]] = {}
    said = []
    for packet in packets:
        one = _Said(packet, set(), set())
        for feature in packet.entries("phenotypicFeatures"):
            term, label = term_of(feature.get("type"))
            if not term:
                continue
            names.setdefault(term, Counter())[label] += 1
            (one.lacks if is_excluded(feature) else one.has).add(term)
        said.append(one)
    return said, {term: found.most_common(1)[0][0] for term, found in names.items()}


def _to_current(
    source: Source, said: list[_Said], ontology: Ontology, labels: Mapping[str, str]
) -> list[Problem]:
    """Replace obsolete and merged ids; refuse those of HPO that the ontology does not hold."""
    met = sorted({term for one in said for term in one.has | one.lacks})
    unknown = [term for term in met if term.startswith("HP:") and not ontology.current(term)]
    if unknown:
        rows = tuple(one.packet.row for one in said if (one.has | one.lacks) & set(unknown))
        shown = listed(f"{term} ({labels.get(term) or 'no label'})" for term in unknown)
        message = (
            f"{source.name} has {number_of(len(unknown), 'term')} that the ontology does not hold: {shown}"
        )
        remedy = "Correct the ids, or take a newer hp.json."
        raise CohortError(Problem("HPO_UNKNOWN", message, remedy, where=source.name, rows=rows))
    new = {term: now for term in met if (now := ontology.current(term)) and now != term}
    problems = []
    if new:
        shown = listed(f"{old} by {now}" for old, now in new.items())
        message = f"has {number_of(len(new), 'obsolete or merged term')}, which were replaced: {shown}"
        packets = [one.packet for one in said if (one.has | one.lacks) & new.keys()]
        problems.append(note(source, "HPO_REPLACED", message, "Nothing to do.", packets))
        for one in said:
            one.has = {new.get(term, term) for term in one.has}
            one.lacks = {new.get(term, term) for term in one.lacks}
    other = [term for term in met if not term.startswith("HP:")]
    if other:
        shown = listed(sorted({term.split(":", 1)[0] for term in other}))
        message = f"has {number_of(len(other), 'term')} of other vocabularies ({shown})"
        remedy = "They stay as they are, without more general terms."
        problems.append(note(source, "HPO_OTHER", message, remedy))
    return problems


def _states(
    said: list[_Said], terms: tuple[str, ...], above: Mapping[str, frozenset[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return 1, 0 or -1 for each packet and term, and where both 1 and 0 follow."""
    place = {term: column for column, term in enumerate(terms)}
    below: dict[str, list[int]] = {}
    for term in terms:
        for general in above[term] | {term}:
            below.setdefault(general, []).append(place[term])
    yes = np.zeros((len(said), len(terms)), dtype=bool)
    no = np.zeros_like(yes)
    for row, one in enumerate(said):
        for term in one.has:
            yes[row, [place[general] for general in above[term] | {term}]] = True
        for term in one.lacks:
            no[row, below[term]] = True
    state = np.where(yes, 1, np.where(no, 0, -1)).astype(np.int8)
    return state, yes & no


def _conflicts(
    source: Source, said: list[_Said], clash: np.ndarray, *, terms: tuple[str, ...], labels: Mapping[str, str]
) -> list[Problem]:
    patients = np.flatnonzero(clash.any(axis=1))
    shown = []
    for patient in patients:
        one = said[patient]
        found = [terms[column] for column in np.flatnonzero(clash[patient])]
        term = next(name for name in found if name in one.lacks)
        shown.append(f"{term} ({labels.get(term) or 'no label'}) in {one.packet.where}")
    message = (
        f"has {number_of(len(patients), 'patient')} without a term who have it or a more special one: "
        f"{listed(shown, most=3)}"
    )
    packets = [said[patient].packet for patient in patients]
    if source.options.get("conflicts") == "missing":
        return [note(source, "HPO_CONFLICT", message, "Both were taken as missing.", packets)]
    remedy = 'Correct the packets, or say conflicts = "missing" to have such cells missing.'
    raise CohortError(replace(note(source, "HPO_CONFLICT", message, remedy, packets), severity="error"))
