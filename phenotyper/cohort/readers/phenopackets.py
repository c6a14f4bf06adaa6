"""Phenopackets (GA4GH): HPO terms as yes/no features, subjects, measurements, causative genes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.parsing import codes, one_of
from phenotyper.cohort.readers.contract import RawTable, Source, file_problem, reads_format
from phenotyper.cohort.readers.hpo_terms import Phenotypes, phenotypes_of
from phenotyper.cohort.readers.long import (
    chosen,
    named,
    one_unit,
    records_of,
    share,
    units_asked,
    unused,
)
from phenotyper.cohort.readers.ontology import Ontology, read_ontology
from phenotyper.cohort.readers.packet_subjects import subjects_of
from phenotyper.cohort.readers.packets import (
    Packet,
    date_of,
    entries,
    mapping,
    note,
    read_packets,
    term_of,
    word_of,
)
from phenotyper.cohort.readers.packets import major as version_of
from phenotyper.cohort.readers.wide import spread
from phenotyper.errors import Problem, did_you_mean, listed, number_of

PARTS = ("phenotypes", "subjects", "measurements", "genes")
_USED = {
    "phenotypes": ("ontology", "unmentioned", "conflicts", "least", "concepts"),
    "measurements": ("concepts", "least", "unit_of"),
}
_STATUS = {1: "REJECTED", 4: "CAUSATIVE"}
_WORDS = np.array(["no", "yes", None], dtype=object)


@reads_format(
    "phenopackets",
    options={
        "unmentioned": one_of("missing", "no"),
        "conflicts": one_of("error", "missing"),
        "least": share,
        "concepts": codes,
        "unit_of": units_asked,
    },
    files=("ontology",),
    folder=True,
    endings=(".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz"),
    parts=lambda path: list(PARTS),
    patients_part="subjects",
)
def read_phenopackets(source: Source) -> RawTable:
    """Read a part of phenopackets: a folder of JSON files, one file with a list, or one packet a line.

    Raises
    ------
    CohortError
        PHENOPACKET_VERSION, PHENOPACKET_UNITS, HPO_CONFLICT, HPO_UNKNOWN, HPO_FILE, PART_UNKNOWN, and what
        is wrong with the files.
    """
    part = source.part or PARTS[0]
    if part not in PARTS:
        remedy = f"Give part = one of {listed(PARTS, most=9)}.{did_you_mean(part, PARTS)}"
        raise file_problem(source, "PART_UNKNOWN", f'has no part "{part}"', remedy)
    further = source.beside("ontology")
    apart: tuple[Path, ...] = (further.path,) if further and further.path else ()
    packets, problems = read_packets(source, apart=apart)
    problems += unused(source, _USED.get(part, ()))
    ontology = read_ontology(further) if further and part == "phenotypes" else None
    return _PARTS[part](source, packets, problems, ontology)


def _table(source: Source, packets: list[Packet], frame: pd.DataFrame, **facts: Any) -> RawTable:
    ids = np.array([packet.patient for packet in packets], dtype=object)
    rows = np.array([packet.row for packet in packets])
    return RawTable(source.name, frame, ids, rows, source.id_column, **facts)


def _phenotypes(
    source: Source, packets: list[Packet], problems: list[Problem], ontology: Ontology | None
) -> RawTable:
    known = phenotypes_of(source, packets, ontology)
    state = known.state
    problems = [*problems, *known.problems, *_left_out(source, packets), *_unmentioned(source, known)]
    if source.options.get("unmentioned") == "no":
        state = np.where(known.mentioned | (state >= 0), state, 0)
    least = float(source.options.get("least", 0.0))
    enough = (state == 1).mean(axis=0) >= least
    if asked := source.options.get("concepts"):
        wanted = named(source, asked, known.terms, labels=known.labels)
        enough = np.array([term in wanted for term in known.terms], dtype=bool)
    elif not enough.all():
        said = f"has {int((~enough).sum())} of {len(enough)} terms in less than {least:.3g} of the patients"
        problems.append(note(source, "CONCEPT_RARE", said, "They were left out, as least says."))
    terms = [term for term, kept in zip(known.terms, enough, strict=True) if kept]
    columns = {
        term: pd.Series(_WORDS[state[:, place]], dtype="str")
        for place, term in enumerate(known.terms)
        if enough[place]
    }
    frame = pd.DataFrame(columns, index=range(len(packets)))
    facts = {term: {"kind": "yes/no", "label": known.labels.get(term, "")} for term in terms}
    return _table(source, packets, frame, features=facts, problems=tuple(problems))


def _unmentioned(source: Source, known: Phenotypes) -> list[Problem]:
    silent = known.state < 0
    if source.options.get("unmentioned") == "no":
        if not silent.any():
            return []
        said = f"does not mention {silent.mean():.0%} of patients x terms; they were taken as no"
        remedy = "That holds only where every term was looked for in every patient."
        return [note(source, "PHENOPACKET_UNMENTIONED", said, remedy)]
    never = int((~(known.state == 0).any(axis=0)).sum())
    if not never:
        return []
    said = f"has {never} of {len(known.terms)} terms that nobody was said not to have"
    remedy = (
        'They hold yes or missing only, and tell nobody apart: say unmentioned = "no" if every term was '
        "looked for in every patient."
    )
    return [note(source, "PHENOPACKET_UNMENTIONED", said, remedy)]


def _left_out(source: Source, packets: list[Packet]) -> list[Problem]:
    """Say how much of the packets is no feature: onset, severity, modifiers, treatments, samples."""
    counts: Counter[str] = Counter()
    for packet in packets:
        for feature in packet.entries("phenotypicFeatures"):
            onset = feature.keys() & {"onset", "ageOfOnset", "classOfOnset"}
            counts["onset"] += bool(onset)
            counts["severity"] += "severity" in feature
            counts["modifier"] += bool(feature.get("modifiers"))
        counts["medical action"] += len(list(packet.entries("medicalActions")))
        counts["biosample"] += len(list(packet.entries("biosamples")))
    several = {"severity": "severities"}
    found = [number_of(number, what, several.get(what, "")) for what, number in counts.items() if number]
    if not found:
        return []
    remedy = "They are not read: give what you need of it as a table of its own."
    return [note(source, "PHENOPACKET_LEFT_OUT", f"holds {listed(found, most=9)}", remedy)]


def _subjects(
    source: Source, packets: list[Packet], problems: list[Problem], ontology: Ontology | None
) -> RawTable:
    del ontology
    frame, notes = subjects_of(source, packets)
    return _table(source, packets, frame, problems=(*problems, *notes))


def _measurements(
    source: Source, packets: list[Packet], problems: list[Problem], ontology: Ontology | None
) -> RawTable:
    del ontology
    columns: dict[str, list[Any]] = {
        key: [] for key in ("id", "date", "feature", "number", "text", "unit", "row")
    }
    labels: dict[str, str] = {}
    undated = unread = 0
    for packet in packets:
        for entry in packet.entries("measurements"):
            when = date_of(mapping(entry.get("timeObserved")).get("timestamp"))
            undated += not when
            values = list(_values(entry))
            unread += not values
            for (term, label), number, text, unit in values:
                labels.setdefault(term, label)
                cells = (packet.patient, when, term, number, text, unit, packet.row)
                for key, cell in zip(columns, cells, strict=True):
                    columns[key].append(cell)
    if not columns["id"]:
        raise file_problem(
            source, "FILE_EMPTY", "holds no measurements", "Give another part, or leave it out."
        )
    if undated:
        said = f"has {number_of(undated, 'measurement')} without a timestamp"
        problems.append(
            note(source, "PHENOPACKET_TIME", said, "Their date is missing; visits leave them out.")
        )
    if unread:
        said = f"has {number_of(unread, 'measurement')} without a value that is read"
        problems.append(note(source, "PHENOPACKET_LEFT_OUT", said, "They were left out."))
    records = records_of(columns, labels=labels, problems=problems)
    if "concepts" in source.options or "least" in source.options:
        records = chosen(source, records, sorted(set(columns["id"])))
    records, units = one_unit(source, records, "PHENOPACKET_UNITS")
    return spread(source, records, units)


Value = tuple[tuple[str, str], float, str, str]


def _values(entry: Mapping[str, Any]) -> Iterable[Value]:
    """Yield what a measurement measured: term, number, level, unit; several for a complex value."""
    assay = term_of(entry.get("assay"))
    value = mapping(entry.get("value"))
    complex_value = mapping(entry.get("complexValue") or value.get("complexValue"))
    found = [(assay, mapping(value.get("quantity")))] if "quantity" in value else []
    found += [
        (term_of(part.get("type")), mapping(part.get("quantity")))
        for part in entries(complex_value, "typedQuantities")
    ]
    for (term, label), quantity in found:
        number = quantity.get("value", 0.0)
        unit, unit_label = term_of(quantity.get("unit"))
        if (term or label) and isinstance(number, (int, float)) and not isinstance(number, bool):
            yield (term or label, label), float(number), "", unit_label or unit
    level, level_label = term_of(value.get("ontologyClass"))
    if (level or level_label) and any(assay):
        yield (assay[0] or assay[1], assay[1]), float("nan"), level_label or level, ""


def _genes(
    source: Source, packets: list[Packet], problems: list[Problem], ontology: Ontology | None
) -> RawTable:
    del ontology
    old = [packet for packet in packets if version_of(packet) == "1"]
    if old:
        said = "holds phenopackets of version 1, which do not say which gene is causative"
        remedy = "Convert them with phenopacket-tools, or leave the genes out."
        rows = tuple(packet.row for packet in old)
        raise file_problem(source, "PHENOPACKET_VERSION", said, remedy, rows=rows)
    found = [_findings(packet) for packet in packets]
    labels = {gene: name for findings in found for gene, (_, name) in findings.items()}
    genes = sorted({gene for findings in found for gene, (state, _) in findings.items() if state == 1})
    if not genes:
        raise file_problem(
            source, "FILE_EMPTY", "holds no causative gene", "Give another part, or leave it out."
        )
    looked_at = [bool(packet.body.get("interpretations")) for packet in packets]
    columns = {}
    for gene in genes:
        states = [
            findings.get(gene, (0, ""))[0] if seen else -1
            for findings, seen in zip(found, looked_at, strict=True)
        ]
        columns[gene] = pd.Series(_WORDS[states], dtype="str")
    open_findings = sum(state < 0 for findings in found for state, _ in findings.values())
    if open_findings:
        said = (
            f"has {number_of(open_findings, 'gene')} that are candidates, contributory or of unknown status"
        )
        problems.append(note(source, "PHENOPACKET_LEFT_OUT", said, "They are missing, neither yes nor no."))
    facts = {gene: {"kind": "yes/no", "label": labels[gene]} for gene in genes}
    return _table(source, packets, pd.DataFrame(columns), features=facts, problems=tuple(problems))


def _findings(packet: Packet) -> dict[str, tuple[int, str]]:
    """Return state (1 causative, 0 rejected, -1 open) and id of each gene of a packet."""
    found: dict[str, tuple[int, str]] = {}
    states = {"CAUSATIVE": 1, "REJECTED": 0}
    for interpretation in packet.entries("interpretations"):
        for genomic in entries(mapping(interpretation.get("diagnosis")), "genomicInterpretations"):
            variant = mapping(mapping(genomic.get("variantInterpretation")).get("variationDescriptor"))
            gene = mapping(genomic.get("gene") or variant.get("geneContext"))
            name = str(gene.get("symbol") or gene.get("valueId") or "")
            state = states.get(word_of(genomic.get("interpretationStatus"), _STATUS), -1)
            if name and (name not in found or state > found[name][0]):
                found[name] = (state, str(gene.get("valueId") or name))
    return found


_Reader = Callable[[Source, list[Packet], list[Problem], Ontology | None], RawTable]
_PARTS: Mapping[str, _Reader] = {
    "phenotypes": _phenotypes,
    "subjects": _subjects,
    "measurements": _measurements,
    "genes": _genes,
}
