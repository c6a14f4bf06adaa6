"""Phenopackets: published packets typed by hand give the values of the papers; spoiled ones are refused."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw_tables import cells, said

from phenotyper.cohort.container import block_frame, patients_of, warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.cohort.readers.ontology import Ontology
from phenotyper.cohort.readers.packets import duration_years
from phenotyper.errors import CohortError

SEIZURE, GENERALISED, NERVOUS, HEART = "HP:0001250", "HP:0002197", "HP:0000707", "HP:0001627"


def feature(term: str, label: str, **more: Any) -> dict[str, Any]:
    return {"type": {"id": term, "label": label}, **more}


def packet(name: str, *features: dict[str, Any], **more: Any) -> dict[str, Any]:
    subject = {"id": name, "sex": "FEMALE", "timeAtLastEncounter": {"age": {"iso8601duration": "P3Y6M"}}}
    return {
        "id": f"packet {name}",
        "subject": {**subject, **more.pop("subject", {})},
        "phenotypicFeatures": list(features),
        "metaData": {"phenopacketSchemaVersion": "2.0"},
        **more,
    }


# Bao et al. 2019, BMC Neurology 19:32 (PMID 30808312), as the example of a family of schema version 1
BETHLEM = {
    "id": "family",
    "proband": {
        "id": "14 year-old boy",
        "subject": {"id": "14 year-old boy", "ageAtCollection": {"age": "P14Y"}, "sex": "MALE"},
        "phenotypicFeatures": [
            feature("HP:0001558", "Decreased fetal movement", classOfOnset={"id": "HP:0011461"}),
            feature("HP:0031910", "Abnormal cranial nerve physiology", negated=True),
            feature("HP:0011463", "Macroscopic hematuria", ageOfOnset={"age": "P14Y"}),
            feature("HP:0001270", "Motor delay", severity={"id": "HP:0012825", "label": "Mild"}),
        ],
    },
    "relatives": [
        {"subject": {"id": "MOTHER", "sex": "FEMALE"}},
        {"subject": {"id": "FATHER", "sex": "MALE"}},
    ],
    "metaData": {"created": "2019-04-04T13:49:22.827Z", "createdBy": "Peter R."},
}

# Sandhu et al. 2020, JACC Case Reports (PMID 32292915), as the COVID-19 example of schema version 2
COVID = {
    "id": "covid-example",
    "subject": {
        "id": "P123542",
        "sex": "MALE",
        "timeAtLastEncounter": {"age": {"iso8601duration": "P70Y"}},
        "vitalStatus": {
            "status": "DECEASED",
            "timeOfDeath": {"timestamp": "2020-03-28T00:00:00Z"},
            "causeOfDeath": {"id": "MONDO:0100096", "label": "COVID-19"},
        },
    },
    "phenotypicFeatures": [feature("NCIT:C3038", "Fever", onset={"timestamp": "2020-03-17T00:00:00Z"})],
    "measurements": [
        {
            "assay": {"id": "NCIT:C113237", "label": "Absolute Blood Lymphocyte Count"},
            "value": {"quantity": {"unit": {"id": "NCIT:C67245", "label": "Thousand Cells"}, "value": 1.4}},
            "timeObserved": {"interval": {"start": "2019-09-01T00:00:00Z", "end": "2020-03-01T00:00:00Z"}},
        },
        {
            "assay": {"id": "NCIT:C113237", "label": "Absolute Blood Lymphocyte Count"},
            "value": {"quantity": {"unit": {"id": "NCIT:C67245", "label": "Thousand Cells"}, "value": 0.7}},
            "timeObserved": {"timestamp": "2020-03-20T00:00:00Z"},
        },
    ],
    "diseases": [
        {"term": {"id": "NCIT:C2985", "label": "Diabetes Mellitus"}, "excluded": True},
        {"term": {"id": "NCIT:C3283", "label": "Obesity"}},
        {"term": {"id": "MONDO:0100096", "label": "COVID-19"}},
    ],
    "metaData": {"phenopacketSchemaVersion": "2.0"},
}

OBO = "http://purl.obolibrary.org/obo/"


def node(term: str, label: str, **meta: Any) -> dict[str, Any]:
    return {"id": OBO + term.replace(":", "_"), "lbl": label, "type": "CLASS", "meta": meta}


def is_a(below: str, above: str) -> dict[str, str]:
    return {"sub": OBO + below.replace(":", "_"), "pred": "is_a", "obj": OBO + above.replace(":", "_")}


HPO = {
    "graphs": [
        {
            "nodes": [
                node("HP:0000001", "All"),
                node("HP:0000118", "Phenotypic abnormality"),
                node(NERVOUS, "Abnormality of the nervous system"),
                node("HP:0012638", "Abnormal nervous system physiology"),
                node(
                    SEIZURE,
                    "Seizure",
                    basicPropertyValues=[
                        {
                            "pred": "http://www.geneontology.org/formats/oboInOwl#hasAlternativeId",
                            "val": "HP:0002279",
                        }
                    ],
                ),
                node(GENERALISED, "Generalized-onset seizure"),
                node(HEART, "Abnormal heart morphology"),
                node(
                    "HP:0000007",
                    "obsolete old seizure",
                    deprecated=True,
                    basicPropertyValues=[{"pred": OBO + "IAO_0100001", "val": OBO + "HP_0001250"}],
                ),
                {"id": OBO + "BFO_0000050", "lbl": "part of", "type": "PROPERTY"},
            ],
            "edges": [
                is_a("HP:0000118", "HP:0000001"),
                is_a(NERVOUS, "HP:0000118"),
                is_a("HP:0012638", NERVOUS),
                is_a(SEIZURE, "HP:0012638"),
                is_a(GENERALISED, SEIZURE),
                is_a(HEART, "HP:0000118"),
            ],
        }
    ]
}


def write(folder: Path, *packets: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(packets, start=1):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    return folder


def read(path: Path, part: str = "", **options: Any) -> RawTable:
    return read_table(Source("p", path, part=part, format="phenopackets", options=options, home=path.parent))


def with_tree(folder: Path, *packets: dict[str, Any], **options: Any) -> RawTable:
    write(folder, *packets)
    (folder / "hp.json").write_text(json.dumps(HPO), encoding="utf-8")
    return read(folder, ontology=f"{folder.name}/hp.json", **options)


def refused(path: Path, part: str = "", **options: Any) -> CohortError:
    with pytest.raises(CohortError) as caught:
        read(path, part, **options)
    return caught.value


def test_a_published_family_of_version_1_gives_its_proband_as_the_paper_says(tmp_path: Path):
    folder = write(tmp_path / "p", BETHLEM)
    table = read(folder)
    assert np.asarray(table.ids).tolist() == ["14 year-old boy"]
    assert cells(table) == {
        "HP:0001270": ["yes"],
        "HP:0001558": ["yes"],
        "HP:0011463": ["yes"],
        "HP:0031910": ["no"],
    }
    assert table.features["HP:0011463"] == {"kind": "yes/no", "label": "Macroscopic hematuria"}
    told = said(table)
    assert "2 relatives" in told["PHENOPACKET_FAMILY"]
    assert "1 phenopacket of version 1" in told["PHENOPACKET_VERSION"]
    assert "2 onsets, 1 severity" in told["PHENOPACKET_LEFT_OUT"]
    subjects = cells(read(folder, "subjects"))
    assert (subjects["age"], subjects["sex"], subjects["family"]) == ([14.0], ["male"], ["family"])


def test_the_published_covid_packet_gives_death_diseases_and_lymphocytes_over_time(tmp_path: Path):
    folder = write(tmp_path / "p", COVID)
    subjects = cells(read(folder, "subjects"))
    assert {name: subjects[name] for name in ("age", "sex", "vital_status", "death_date", "disease")} == {
        "age": [70.0],
        "sex": ["male"],
        "vital_status": ["deceased"],
        "death_date": ["2020-03-28"],
        "disease": ["COVID-19 | Obesity"],
    }
    assert subjects["disease_id"] == ["MONDO:0100096 | NCIT:C3283"]
    table = read(folder, "measurements")
    assert cells(table) == {"date": [None, "2020-03-20"], "NCIT:C113237": [1.4, 0.7]}
    assert table.time_column == "date"
    assert table.features["NCIT:C113237"] == {
        "kind": "number", "label": "Absolute Blood Lymphocyte Count", "unit": "Thousand Cells",
    }  # fmt: skip
    assert "1 measurement without a timestamp" in said(table)["PHENOPACKET_TIME"]


def test_a_term_that_is_not_mentioned_is_missing_and_no_only_on_request(tmp_path: Path):
    folder = write(
        tmp_path / "p",
        packet("a", feature(SEIZURE, "Seizure")),
        packet("b", feature(SEIZURE, "", excluded=True)),
        packet("c", feature(HEART, "Heart")),
    )
    table = read(folder)
    assert cells(table) == {SEIZURE: ["yes", "no", None], HEART: [None, None, "yes"]}
    assert "1 of 2 terms" in said(table)["PHENOPACKET_UNMENTIONED"]
    taken = read(folder, unmentioned="no")
    assert cells(taken) == {SEIZURE: ["yes", "no", "no"], HEART: ["no", "no", "yes"]}
    assert "50%" in said(taken)["PHENOPACKET_UNMENTIONED"]


def test_a_present_term_makes_those_above_present_and_an_excluded_one_those_below_absent(tmp_path: Path):
    table = with_tree(
        tmp_path / "p",
        packet("a", feature(GENERALISED, "wrong label")),
        packet("b", feature(SEIZURE, "Seizure", excluded=True)),
        packet("c", feature(HEART, "Heart"), feature("HP:0000118", "Phenotypic abnormality")),
    )
    assert cells(table) == {
        NERVOUS: ["yes", None, None],
        SEIZURE: ["yes", "no", None],
        HEART: [None, None, "yes"],
        GENERALISED: ["yes", "no", None],
        "HP:0012638": ["yes", None, None],
    }
    assert table.features[GENERALISED]["label"] == "Generalized-onset seizure"


def test_obsolete_and_merged_ids_are_replaced_and_said(tmp_path: Path):
    table = with_tree(
        tmp_path / "p",
        packet("a", feature("HP:0000007", "old")),
        packet("b", feature("HP:0002279", "merged")),
    )
    assert cells(table)[SEIZURE] == ["yes", "yes"]
    assert "HP:0000007" not in table.frame
    told = said(table)["HPO_REPLACED"]
    assert "HP:0000007 by HP:0001250" in told
    assert "HP:0002279 by HP:0001250" in told
    assert "(rows 2, 3)" in told


def test_an_id_that_the_ontology_does_not_hold_is_refused_with_its_row(tmp_path: Path):
    with pytest.raises(CohortError) as caught:
        with_tree(
            tmp_path / "p", packet("a", feature(HEART, "Heart")), packet("b", feature("HP:9999999", "Typo"))
        )
    assert caught.value.codes == ("HPO_UNKNOWN",)
    assert "HP:9999999 (Typo)" in str(caught.value)
    assert caught.value.problems[0].rows == (3,)


def test_a_patient_with_a_term_but_without_a_more_general_one_is_refused_or_made_missing(tmp_path: Path):
    packets = (
        packet("a", feature(HEART, "Heart")),
        packet("b", feature(GENERALISED, "G"), feature(SEIZURE, "S", excluded=True)),
    )
    with pytest.raises(CohortError) as caught:
        with_tree(tmp_path / "p", *packets)
    problem = caught.value.problems[0]
    assert (problem.code, problem.rows, problem.severity) == ("HPO_CONFLICT", (3,), "error")
    assert "HP:0001250 (Seizure) in 2.json" in problem.message
    table = with_tree(tmp_path / "p", *packets, conflicts="missing", unmentioned="no")
    assert cells(table)[SEIZURE] == ["no", None]
    assert cells(table)[GENERALISED] == ["no", None]
    assert cells(table)[NERVOUS] == ["no", "yes"]


def test_a_term_said_to_be_there_and_not_there_is_a_conflict_without_an_ontology(tmp_path: Path):
    spoiled = packet("a", feature(SEIZURE, "S"), feature(SEIZURE, "S", excluded=True))
    assert refused(write(tmp_path / "p", spoiled)).codes == ("HPO_CONFLICT",)


def test_terms_of_other_vocabularies_stay_and_are_said(tmp_path: Path):
    table = with_tree(tmp_path / "p", COVID)
    assert cells(table) == {"NCIT:C3038": ["yes"]}
    assert "NCIT" in said(table)["HPO_OTHER"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("{}", "HPO_FILE"), ('{"graphs": [{"nodes": []}]}', "HPO_FILE"), ('{"graphs"', "FILE_DAMAGED")],
)
def test_a_file_that_is_no_ontology_is_refused(tmp_path: Path, text: str, code: str):
    folder = write(tmp_path / "p", packet("a", feature(SEIZURE, "S")))
    (tmp_path / "hp.json").write_text(text, encoding="utf-8")
    assert refused(folder, ontology="hp.json").codes == (code,)
    assert refused(folder, ontology="nowhere.json").codes == ("FILE_ABSENT",)


def test_a_ring_of_is_a_ends(tmp_path: Path):
    ring = Ontology({"a": "", "b": ""}, {"a": ("b",), "b": ("a",)}, {"c": "d", "d": "c"})
    assert ring.ancestors("a") == {"b"}
    assert ring.current("c") == ""


@pytest.mark.parametrize("name", ["all.json", "all.jsonl", "all.json.gz"])
def test_one_file_with_all_packets_reads_as_the_folder_does(tmp_path: Path, name: str):
    packets = [packet("a", feature(SEIZURE, "S")), packet("b", feature(SEIZURE, "S", excluded=True))]
    text = "\n".join(map(json.dumps, packets)) if "jsonl" in name else json.dumps(packets)
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    whole, parts = read(tmp_path / name), read(write(tmp_path / "p", *packets))
    assert np.asarray(whole.ids).tolist() == np.asarray(parts.ids).tolist() == ["a", "b"]
    assert cells(whole) == cells(parts)
    snake = {"phenotypic_features": packets[1]["phenotypicFeatures"], "subject": {"id": "b"}}
    assert cells(read(write(tmp_path / "s", packets[0], snake))) == cells(parts)


def test_a_line_separator_within_a_text_does_not_end_a_line(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps(packet("a", feature(SEIZURE, "S\u2028x")), ensure_ascii=False), encoding="utf-8"
    )
    assert read(tmp_path / "a.jsonl").features[SEIZURE]["label"] == "S\u2028x"


def test_every_damaged_file_is_named_with_its_place(tmp_path: Path):
    folder = write(tmp_path / "p", packet("a", feature(SEIZURE, "S")))
    (folder / "2.json").write_text('{"id": "x",\n "subject": }', encoding="utf-8")
    (folder / "3.json").write_bytes(b"\xff\xfe{")
    (folder / "4.json").write_text("", encoding="utf-8")
    (folder / "5.json.gz").write_bytes(gzip.compress(b"{}" * 50)[:30])
    error = refused(folder)
    assert error.codes == ("FILE_DAMAGED", "ENCODING", "FILE_EMPTY", "FILE_DAMAGED")
    assert "2.json is not whole JSON (line 2, column 13" in str(error)
    assert "5.json.gz" in error.problems[3].message


def test_what_is_no_phenopacket_or_of_an_unknown_version_is_refused(tmp_path: Path):
    folder = write(tmp_path / "p", packet("a", feature(SEIZURE, "S")), {"fruit": "apple"})
    error = refused(folder)
    assert error.codes == ("FILE_DAMAGED",)
    assert "2.json" in str(error)
    newer = packet("b")
    newer["metaData"]["phenopacketSchemaVersion"] = "3.0"
    error = refused(write(tmp_path / "q", packet("a"), newer))
    assert error.codes == ("PHENOPACKET_VERSION",)
    assert error.problems[0].rows == (3,)
    assert refused(folder, "phenotype").codes == ("PART_UNKNOWN",)
    assert 'Did you mean "phenotypes"' in str(refused(folder, "phenotype"))


def test_ages_come_from_durations_ranges_and_dates_and_else_are_missing(tmp_path: Path):
    times = [
        {"age": {"iso8601duration": "P3Y2M5D"}},
        {"ageRange": {"start": {"iso8601duration": "P4Y"}, "end": {"iso8601duration": "P6Y"}}},
        {"ontologyClass": {"id": "HP:0011463", "label": "Childhood onset"}},
        {"timestamp": "2020-07-01T00:00:00Z"},
        {"age": {"iso8601duration": "three years"}},
    ]
    packets = [
        packet(f"p{place}", subject={"timeAtLastEncounter": time, "dateOfBirth": "2010-07-01T00:00:00Z"})
        for place, time in enumerate(times)
    ]
    table = read(write(tmp_path / "p", *packets), "subjects")
    ages = table.frame["age"].to_numpy()
    assert ages[:2] == pytest.approx([3 + 2 / 12 + 5 / 365.25, 5.0])
    assert ages[3] == pytest.approx(3653 / 365.25)
    assert np.isnan(ages[[2, 4]]).all()
    assert cells(table)["age_span"][2] == "Childhood onset"
    assert [problem.rows for problem in table.problems] == [(3,), (4,), (6,)]
    assert {problem.code for problem in table.problems} == {"PHENOPACKET_AGE"}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("P1Y", 1.0),
        ("P18M", 1.5),
        ("P2W", 14 / 365.25),
        ("P0D", 0.0),
        ("PT12H", 0.5 / 365.25),
        ("P1.5Y", 1.5),
    ],
)
def test_durations_are_years(text: str, years: float):
    assert duration_years(text) == pytest.approx(years)


@pytest.mark.parametrize("text", ["", "P", "3Y", "PT", "P-1Y"])
def test_texts_that_are_no_durations_are_nan(text: str):
    assert np.isnan(duration_years(text))


def test_a_subject_that_is_no_human_is_said(tmp_path: Path):
    mouse = packet("m", subject={"taxonomy": {"id": "NCBITaxon:10090", "label": "Mus musculus"}})
    human = packet("h", subject={"taxonomy": {"id": "NCBITaxon:9606"}})
    table = read(write(tmp_path / "p", human, mouse), "subjects")
    assert [(problem.code, problem.rows) for problem in table.problems] == [("PHENOPACKET_TAXON", (3,))]


def assay(value: Any, unit: str = "mg/dL", day: str = "2020-01-01", **more: Any) -> dict[str, Any]:
    quantity = {"unit": {"id": f"UCUM:{unit}", "label": unit}, "value": value}
    return {
        "assay": {"id": "LOINC:2160-0", "label": "Creatinine"},
        "value": {"quantity": quantity},
        "timeObserved": {"timestamp": f"{day}T08:00:00Z"},
        **more,
    }


def test_measurements_in_two_units_are_refused_until_one_is_chosen(tmp_path: Path):
    folder = write(
        tmp_path / "p", packet("a", measurements=[assay(0.4), assay(0.5, day="2020-02-01")]),
        packet("b", measurements=[assay(35.0, "umol/L"), assay(0.6)]),
    )  # fmt: skip
    error = refused(folder, "measurements")
    assert error.codes == ("PHENOPACKET_UNITS",)
    assert "LOINC:2160-0 (Creatinine) in mg/dL (3 times), umol/L (1 time)" in str(error)
    table = read(folder, "measurements", unit_of=(("LOINC:2160-0", ("mg/dL",)),))
    assert np.asarray(table.ids).tolist() == ["a", "a", "b"]
    assert cells(table)["LOINC:2160-0"] == [0.4, 0.5, 0.6]
    assert "1 number in other units" in said(table)["PHENOPACKET_UNITS"]


def test_both_parts_of_a_blood_pressure_and_a_level_are_read(tmp_path: Path):
    pressure = assay(0)
    del pressure["value"]
    parts = [("NCIT:C25298", "Systolic", 110), ("NCIT:C25299", "Diastolic", 70)]
    pressure["complexValue"] = {
        "typedQuantities": [
            {"type": {"id": term, "label": label}, "quantity": {"unit": {"label": "mmHg"}, "value": value}}
            for term, label, value in parts
        ]
    }
    blood = {
        "assay": {"id": "LOINC:883-9"},
        "value": {"ontologyClass": {"id": "NCIT:C1", "label": "Group A"}},
    }
    table = read(write(tmp_path / "p", packet("a", measurements=[pressure, blood])), "measurements")
    assert cells(table) == {
        "date": [None, "2020-01-01"],
        "LOINC:883-9": ["Group A", None],
        "NCIT:C25298": [None, 110.0],
        "NCIT:C25299": [None, 70.0],
    }
    assert table.features["LOINC:883-9"]["kind"] == "category"


def genomic(symbol: str, status: str) -> dict[str, Any]:
    context = {"symbol": symbol, "valueId": f"HGNC:{symbol}"}
    return {
        "interpretationStatus": status,
        "variantInterpretation": {"variationDescriptor": {"geneContext": context}},
    }


def solved(*findings: dict[str, Any]) -> list[dict[str, Any]]:
    disease = {"id": "OMIM:154700", "label": "Marfan syndrome"}
    return [
        {
            "progressStatus": "SOLVED",
            "diagnosis": {"disease": disease, "genomicInterpretations": list(findings)},
        }
    ]


def test_causative_genes_are_yes_others_no_candidates_missing(tmp_path: Path):
    folder = write(
        tmp_path / "p",
        packet("a", interpretations=solved(genomic("FBN1", "CAUSATIVE"), genomic("TTN", "REJECTED"))),
        packet("b", interpretations=solved(genomic("TTN", "CAUSATIVE"), genomic("FBN1", "CANDIDATE"))),
        packet("c"),
    )
    table = read(folder, "genes")
    assert cells(table) == {"FBN1": ["yes", None, None], "TTN": ["no", "yes", None]}
    assert table.features["FBN1"]["label"] == "HGNC:FBN1"
    assert "1 gene" in said(table)["PHENOPACKET_LEFT_OUT"]
    assert cells(read(folder, "subjects"))["diagnosis"] == ["Marfan syndrome", "Marfan syndrome", None]
    assert refused(write(tmp_path / "q", BETHLEM), "genes").codes == ("PHENOPACKET_VERSION",)


def cohort_of(folder: Path, number: int = 12) -> Path:
    packets = []
    for place in range(number):
        features = [
            feature(GENERALISED, "G", excluded=place % 2 == 0),
            feature(HEART, "H", excluded=place % 3 == 0),
        ]
        creatinine = [assay(0.3 + place / 100, day=f"2020-01-{day:02d}") for day in (1, 5)]
        subject = {"sex": "MALE" if place % 4 else "FEMALE"}
        packets.append(packet(f"p{place:02d}", *features, measurements=creatinine, subject=subject))
    write(folder / "packets", *packets)
    (folder / "hp.json").write_text(json.dumps(HPO), encoding="utf-8")
    (folder / "cohort.toml").write_text(
        """
[patients]
file = "packets"
format = "phenopackets"
age = { column = "age", unit = "years" }
sex = "sex"

[blocks.hpo]
file = "packets"
format = "phenopackets"
ontology = "hp.json"
kind = "yes/no"
unmentioned = "no"

[blocks.labs]
file = "packets"
format = "phenopackets"
part = "measurements"
kind = "number"
aggregate = "mean"
""",
        encoding="utf-8",
    )
    return folder / "cohort.toml"


def test_a_cohort_of_phenopackets_is_read_from_its_declaration(tmp_path: Path):
    cohort = read_cohort(cohort_of(tmp_path), quiet=True)
    patients = patients_of(cohort).sort_index()
    assert patients["age"].tolist() == [3.5] * 12
    assert patients["sex"].tolist()[:5] == ["female", "male", "male", "male", "female"]
    hpo = block_frame(cohort, "hpo").sort_index()
    assert set(hpo.columns) >= {GENERALISED, SEIZURE, HEART}
    assert hpo[GENERALISED].tolist() == ["no", "yes"] * 6
    assert hpo[HEART].tolist() == ["no", "yes", "yes"] * 4
    labs = block_frame(cohort, "labs").sort_index()
    assert labs["LOINC:2160-0"].to_numpy() == pytest.approx(0.3 + np.arange(12) / 100)
    assert "PHENOPACKET_UNMENTIONED" in {problem.code for problem in warnings_of(cohort)}
    assert cohort["labs"].var["unit"].tolist() == ["mg/dL"]


def test_a_spoiled_cohort_of_phenopackets_says_what_and_where(tmp_path: Path):
    path = cohort_of(tmp_path)
    file = tmp_path / "packets" / "3.json"
    whole = json.loads(file.read_text())
    spoiled = copy.deepcopy(whole)
    spoiled["phenotypicFeatures"].append(feature(SEIZURE, "S", excluded=True))
    spoiled["phenotypicFeatures"].append(feature(GENERALISED, "G"))
    file.write_text(json.dumps(spoiled), encoding="utf-8")
    report = check_cohort(path)
    assert "HPO_CONFLICT" in {problem.code for problem in report.errors}
    whole["subject"]["id"] = "p00"
    file.write_text(json.dumps(whole), encoding="utf-8")
    assert "DUP_ID" in {problem.code for problem in check_cohort(path).errors}


def test_a_wrong_option_is_a_fault_of_the_declaration(tmp_path: Path):
    path = cohort_of(tmp_path)
    path.write_text(
        path.read_text().replace('unmentioned = "no"', 'unmentioned = "absent"'), encoding="utf-8"
    )
    assert [problem.code for problem in check_cohort(path).errors] == ["DECLARATION"]


def test_terms_are_chosen_by_id_or_name_and_an_option_without_use_is_said(tmp_path: Path):
    folder = write(
        tmp_path / "p",
        packet("a", feature(SEIZURE, "Seizure"), feature(HEART, "Heart"), measurements=[assay(1.0)]),
    )
    for words in ((SEIZURE,), ("seizure",)):
        assert list(read(folder, concepts=words).frame) == [SEIZURE]
    error = refused(folder, concepts=("Seizur",))
    assert error.codes == ("CONCEPT_UNKNOWN",)
    assert 'Did you mean "Seizure"' in str(error)
    assert "without unmentioned" in said(read(folder, "measurements", unmentioned="no"))["OPTION_UNUSED"]
    assert "without least" in said(read(folder, "subjects", least=0.1))["OPTION_UNUSED"]
    assert "OPTION_UNUSED" not in said(read(folder, unmentioned="no", least=0.1))
