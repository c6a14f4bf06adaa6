"""phenotyper init in folders as they are met: samples, records, tables of taxa, files that cannot be read."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest
import redcap_factory

from phenotyper.cohort.draft import draft_cohort
from phenotyper.cohort.read import check_cohort
from phenotyper.errors import CohortError

N = 40
IDS = [f"K{number:02d}" for number in range(N)]


def clinical():
    rng = np.random.default_rng(0)
    table = {"patient_id": IDS, "age_years": rng.integers(1, 18, N), "sex": rng.choice(["f", "m"], N)}
    return pd.DataFrame({**table, "relapse": rng.choice(["yes", "no"], N)})


def labs():
    rng = np.random.default_rng(1)
    return pd.DataFrame({"patient_id": IDS, "crp": rng.gamma(2, 5, N).round(2), "wbc": rng.normal(9, 2, N)})


def genes():
    rng = np.random.default_rng(2)
    barcodes = [f"{patient}-01A" for patient in IDS]
    matrix = pd.DataFrame(rng.normal(8, 2, (30, N)).round(3), columns=barcodes)
    matrix.insert(0, "gene", [f"G{number}" for number in range(30)])
    return matrix, pd.DataFrame({"barcode": barcodes, "patient_id": IDS})


def refusal(folder):
    with pytest.raises(CohortError) as caught:
        draft_cohort(folder)
    (problem,) = caught.value.problems
    assert problem.code == "DRAFT_EMPTY"
    return problem


def test_a_table_of_samples_is_found_and_its_patients_are_joined(tmp_path):
    matrix, manifest = genes()
    for name, table in {"rna.csv": matrix, "manifest.csv": manifest, "clinical.csv": clinical()}.items():
        table.to_csv(tmp_path / name, index=False)
    draft = draft_cohort(tmp_path, out=tmp_path)
    declared = tomllib.loads(draft.toml)["blocks"]
    assert declared["rna"]["samples"] == {
        "file": "manifest.csv",
        "sample": "barcode",
        "patient": "patient_id",
    }
    assert list(declared) == ["rna"]
    assert draft.summary[0].startswith(f"{N} patients")
    assert "(samples; manifest.csv names their patients)" in draft.toml
    report = check_cohort(tmp_path)
    assert (report.ok, report.n_patients) == (True, N)


def test_a_table_of_the_same_patients_is_no_table_of_samples(tmp_path):
    clinical().assign(patient_no=range(N)).to_csv(tmp_path / "clinical.csv", index=False)
    labs().to_csv(tmp_path / "labs.csv", index=False)
    assert "samples" not in draft_cohort(tmp_path).toml


@pytest.mark.parametrize(
    ("record", "form"),
    [
        ({"id": "a", "subject": {"id": "K01"}, "phenotypicFeatures": []}, "phenopackets"),
        ({"resourceType": "Bundle", "entry": []}, "fhir"),
    ],
)
def test_a_folder_of_records_is_told_what_to_write(tmp_path, record, form):
    (tmp_path / "records").mkdir()
    for name in "ab":
        (tmp_path / "records" / f"{name}.json").write_text(json.dumps(record))
    assert f'file = "records", format = "{form}"' in refusal(tmp_path).message
    assert f'file = ".", format = "{form}"' in refusal(tmp_path / "records").message


def test_records_beside_tables_are_one_question_and_the_tables_are_drafted(tmp_path):
    labs().to_csv(tmp_path / "labs.csv", index=False)
    for name in "abc":
        (tmp_path / f"{name}.json").write_text(json.dumps({"resourceType": "Patient", "id": name}))
    draft = draft_cohort(tmp_path)
    assert [question for question in draft.questions if "FHIR" in question] == [draft.questions[0]]
    assert list(tomllib.loads(draft.toml)["blocks"]) == ["labs"]


def test_tables_of_omop_are_not_taken_for_tables_of_patients(tmp_path):
    (tmp_path / "person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth\n1,8507,2012\n2,8532,2013\n"
    )
    (tmp_path / "measurement.csv").write_text("measurement_id,person_id,value_as_number\n1,1,2.5\n2,2,3.5\n")
    assert 'format = "omop", table = "measurement"' in refusal(tmp_path).message


@pytest.mark.parametrize("head", ["# Constructed from biom file", "#mpa_vJan21_CHOCOPhlAnSGB_202103"])
def test_a_table_of_taxa_below_a_comment_is_drafted(tmp_path, head):
    rng = np.random.default_rng(3)
    first = "#OTU ID" if "biom" in head else "clade_name"
    lines = [head, "\t".join([first, *IDS])]
    for number in range(20):
        name = f"k__Bacteria|p__P|c__C|o__O|f__F|g__G{number}" if "mpa" in head else f"otu{number}"
        lines.append("\t".join([name, *(f"{value:.1f}" for value in rng.poisson(30, N))]))
    (tmp_path / "taxa.tsv").write_text("\n".join(lines) + "\n")
    draft = draft_cohort(tmp_path, out=tmp_path)
    assert tomllib.loads(draft.toml)["blocks"]["taxa"]["format"] == "taxa"
    assert check_cohort(tmp_path).n_patients == N


def test_a_file_that_cannot_be_read_is_named_with_the_reason_and_the_remedy_in_whole_sentences(tmp_path):
    (tmp_path / "labs.csv").write_bytes("patient_id,Größe\nK1,2\nK2,3\n".encode("latin-1"))
    problem = refusal(tmp_path)
    assert "; labs.csv was not read: it is not UTF-8" in problem.message
    assert "ENCODING" not in problem.message
    assert problem.remedy.startswith("Save it as UTF-8")
    assert ".." not in problem.text()


def test_one_patient_on_two_rows_is_a_question_not_a_mean(tmp_path):
    table = labs()
    table.loc[5, "patient_id"] = table.loc[4, "patient_id"]
    table.to_csv(tmp_path / "labs.csv", index=False)
    draft = draft_cohort(tmp_path, out=tmp_path)
    assert any("1 patient has several rows: a wrong id?" in question for question in draft.questions)
    assert "aggregate" not in tomllib.loads(draft.toml)["blocks"]["labs"]
    assert [problem.code for problem in check_cohort(tmp_path).errors] == ["DUP_ID"]


def test_the_data_access_group_of_redcap_is_the_site(tmp_path):
    project = redcap_factory.Project()
    redcap_factory.write(tmp_path / "export.csv", project.codes)
    redcap_factory.write(tmp_path / "dictionary.csv", project.dictionary())
    draft = draft_cohort(tmp_path, out=tmp_path)
    assert tomllib.loads(draft.toml)["patients"]["site"] == "redcap_data_access_group"
    assert check_cohort(tmp_path).ok
