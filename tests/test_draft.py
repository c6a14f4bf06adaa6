"""phenotyper init: a folder is looked at, and its declaration drafted with every doubt marked."""

import csv
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import redcap_factory

from phenotyper.cli import main
from phenotyper.cohort.declaration import Declaration
from phenotyper.cohort.dictionary import read_dictionary
from phenotyper.cohort.draft import draft_cohort
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.guess import guess_column
from phenotyper.cohort.draft.levels import in_order, yes_no
from phenotyper.cohort.draft.matrix import kind_of_matrix
from phenotyper.cohort.draft.words import tokens, unit_in
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.errors import CohortError, OutputError

ROOT = Path(__file__).resolve().parents[1]
COHORTS = Path(__file__).parent / "cohorts"
DATA = ROOT.parent / "shared" / "data"
N = 80


# A drafted folder, and what is in it


def ids():
    return [f"{number:03d}" for number in range(1, N + 1)]


def labs(**more):
    rng = np.random.default_rng(1)
    table = {
        "patient_id": ids(),
        "crp_mg_l": rng.gamma(2, 5, N).round(2),
        "wbc": rng.normal(9, 2, N).round(1),
        "severity": rng.choice(["mild", "moderate", "severe"], N),
    }
    return pd.DataFrame(table | more)


def clinical(**more):
    rng = np.random.default_rng(2)
    table = {
        "patient_id": ids(),
        "age_months": rng.integers(3, 200, N),
        "sex": rng.choice(["m", "w"], N),
        "hospital": rng.choice(["North", "South"], N),
        "relapse": rng.choice(["yes", "no"], N),
    }
    return pd.DataFrame(table | more)


def matrix(columns=60, *, seed=3, low=0.0):
    values = np.random.default_rng(seed).normal(low, 1, (N, columns)).round(3)
    table = pd.DataFrame(values, columns=[f"G{place}" for place in range(columns)])
    table.insert(0, "patient_id", ids())
    return table


def folder_of(place, tables, **options):
    place.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if isinstance(table, pd.DataFrame):
            table.to_csv(place / name, index=False, **options)
        else:
            (place / name).write_text(table, encoding="utf-8")
    return place


def drafted(place, tables, **options):
    """Draft a folder and return the draft, its keys and the dictionary by column."""
    draft = draft_cohort(folder_of(place, tables, **options))
    return draft, tomllib.loads(draft.toml), draft.dictionary.set_index("column")


def kind_of(cells, name="x"):
    series = pd.Series(cells) if not isinstance(cells[0], str) else pd.Series(cells, dtype="str")
    return guess_column(Column(name, series.astype(float) if series.dtype.kind in "iu" else series))


# Real cohorts: how many edits from the draft to what a person declared


def moved(*names, start, end=None):
    """Return edits that move names from one list to another (or out)."""
    return [("move", name, start, end) for name in names]


EDITS = {
    "helix_children": [],
    "neuroblastoma_seqc": [],
    "wilms_nwtco": [],
    "acc_tcga": [
        ("line", 'file = "protein.csv"\nkind = "log"', 'file = "protein.csv"\nkind = "number"'),
        *moved("pathologic_stage", "pathology_T_stage", start="known_classes", end="covariates"),
        *moved("pathology_N_stage", "Histology", start="known_classes", end="covariates"),
        *moved("histological_type", start="known_classes"),
        *moved("number_of_lymph_nodes", start="covariates"),
    ],
    "appendicitis_two_hospitals": [
        ("line", "[treatments.TreatmentGroupBinar]", "[outcomes.management]"),
        ("line", 'control = "conservative"', 'event = "surgical"'),
        ("line", 'assigned = "observed"', 'kind = "binary"'),
    ],
}  # fmt: skip
"""For each cohort, every edit of the draft after which it says what tests/cohorts/<name>.toml says."""


def edited(text, edits):
    """Apply the edits of a person; each must find its place."""
    for what, *edit in edits:
        if what == "line":
            before, after = edit
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        else:
            name, start, end = edit
            text = without(text, start, name)
            text = text if end is None else including(text, end, name)
    return text


def without(text, key, name):
    found, count = re.subn(rf'(^{key} = \[[^\]]*?)\s*"{re.escape(name)}",?', r"\1", text, flags=re.MULTILINE)
    assert count == 1, (key, name)
    return found


def including(text, key, name):
    found, count = re.subn(rf"^{key} = \[", f'{key} = ["{name}", ', text, flags=re.MULTILINE)
    assert count == 1, (key, name)
    return found


def substance(path):
    """Return what a declaration says, names and labels for people aside."""
    keys = tomllib.loads(path.read_text(encoding="utf-8"))
    declared = Declaration.from_dict(keys)
    patients = declared.patients
    features = {}
    for block in declared.blocks:
        header = pd.read_csv(path.parent / declared.folder / block.file, nrows=0).columns
        known = read_dictionary("d", path=path.parent / block.dictionary) if block.dictionary else {}
        for name in block.columns or [
            name for name in header if name not in {declared.id_column, *block.exclude}
        ]:
            kind = block.kind if block.kind != "mixed" else known[name].kind
            features[block.file, name] = (kind, ordered(kind, known[name].levels if name in known else ()))
    return {
        "features": features,
        "roles": {
            role: getattr(patients, role) for role in ("age", "sex", "site", "batch", "family", "index_date")
        },
        "known": set(patients.known_classes),
        "covariates": set(patients.covariates),
        "outcomes": {
            (one.kind, one.column, one.time, one.event, one.competing, one.levels)
            for one in declared.outcomes
        },
        "treatments": {(one.column, one.control, one.assigned) for one in declared.treatments},
        "consent": declared.consent,
        "codes": set(declared.missing_codes),
        "censored": any(block.censored for block in declared.blocks),
    }


def ordered(kind, levels):
    """Return levels where their order counts and is not that of numbers."""
    numbers = all(re.fullmatch(r"-?\d+", level) for level in levels)
    return () if kind == "category" or numbers else levels


@pytest.mark.parametrize("name", EDITS)
def test_the_draft_of_a_real_cohort_needs_fewer_than_ten_edits(name, tmp_path):
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is absent")
    out = tmp_path / "cohort.toml"
    draft = draft_cohort(DATA / name, out=out)
    assert len(EDITS[name]) < 10
    out.write_text(edited(draft.toml, EDITS[name]), encoding="utf-8")
    found, wanted = substance(out), substance(COHORTS / f"{name}.toml")
    for what in wanted:
        assert found[what] == wanted[what]


@pytest.mark.parametrize("name", ["acc_tcga", "appendicitis_two_hospitals", "wilms_nwtco"])
def test_the_untouched_draft_of_a_real_cohort_has_no_error(name, tmp_path):
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is absent")
    draft_cohort(DATA / name, out=tmp_path)
    report = check_cohort(tmp_path)
    assert report.ok, str(report)


def test_every_open_question_of_a_draft_stands_above_its_line():
    draft = draft_cohort(ROOT / "data" / "demo")
    lines = draft.toml.splitlines()
    asked = [place for place, line in enumerate(lines) if line.startswith("# ? ")]
    assert len(asked) == len(draft.questions) > 0
    assert f"{len(asked)} open questions" in draft.toml
    assert f"{len(asked)} open questions" in draft.sentence()


def test_the_demo_is_found_again_within_a_few_edits(tmp_path):
    out = tmp_path / "cohort.toml"
    draft = draft_cohort(ROOT / "data" / "demo", out=out)
    outcome = '[outcomes.fev1_z]\nkind = "number"\ncolumn = "fev1_z"\n'
    edits = [("line", 'covariates = ["fev1_z"]', ""), ("line", "[consent]", f"{outcome}\n[consent]")]
    out.write_text(edited(draft.toml, edits), encoding="utf-8")
    assert substance(out) == substance(ROOT / "data" / "demo" / "cohort.toml")
    keys = tomllib.loads(draft.toml)
    assert keys["consent"] == {"research": "consent_research", "sharing": "consent_sharing"}
    assert "truth.csv" in draft.questions[0]
    assert "truth" not in keys["blocks"]


# Ids


def test_files_that_name_the_id_differently_are_joined_by_its_values(tmp_path):
    tables = {
        "rna.csv": matrix().rename(columns={"patient_id": "SampleID"}),
        "labs.csv": labs().rename(columns={"patient_id": "Record"}).sample(frac=1, random_state=0),
        "clinical.csv": clinical(),
    }
    _, keys, _ = drafted(tmp_path, tables)
    found = {
        keys["id"],
        keys["blocks"]["rna"].get("id"),
        keys["blocks"]["labs"].get("id"),
        keys["patients"].get("id"),
    }
    assert {"SampleID", "Record", "patient_id"} <= found
    (tmp_path / "cohort.toml").write_text("", encoding="utf-8")
    draft_cohort(tmp_path, out=tmp_path, overwrite=True)
    report = check_cohort(tmp_path)
    assert report.ok, str(report)
    assert report.n_patients == N


def test_numbers_as_ids_keep_their_zeros(tmp_path):
    draft_cohort(folder_of(tmp_path, {"labs.csv": labs()}), out=tmp_path)
    assert "001" in read_cohort(tmp_path, quiet=True).obs_names


def test_a_matrix_with_features_as_rows_is_said_to_be_one(tmp_path):
    turned = matrix().set_index("patient_id").T.rename_axis("gene").reset_index()
    turned.insert(1, "chr", "1")
    draft_cohort(folder_of(tmp_path, {"rna.csv": turned, "clinical.csv": clinical()}), out=tmp_path)
    keys = tomllib.loads((tmp_path / "cohort.toml").read_text())
    assert keys["blocks"]["rna"] == {"file": "rna.csv", "rows": "features", "kind": "log"}
    assert read_cohort(tmp_path, quiet=True)["rna"].shape == (N, 60)


def test_rows_of_visits_are_recognised_by_their_time(tmp_path):
    visits = pd.concat([labs(day=day) for day in (0, 30, 60)])
    draft, keys, _ = drafted(tmp_path, {"labs.csv": visits, "clinical.csv": clinical()})
    assert keys["blocks"]["labs"]["visits"] == {"time": "day", "unit": "days", "summaries": ["first"]}
    assert any("several rows" in question for question in draft.questions)
    twice = pd.concat([labs(), labs()])
    _, keys, _ = drafted(tmp_path / "twice", {"labs.csv": twice, "clinical.csv": clinical()})
    assert keys["blocks"]["labs"]["aggregate"] == "mean"


def test_a_second_cohort_with_the_same_columns_is_left_out_and_named(tmp_path):
    other = clinical(patient_id=[f"X{number}" for number in range(N)])
    tables = {"clinical.csv": clinical(), "external_clinical.csv": other, "labs.csv": labs()}
    draft, keys, _ = drafted(tmp_path, tables)
    assert keys["patients"]["file"] == "clinical.csv"
    assert len(keys["blocks"]) == 1
    assert "external_clinical.csv" in draft.questions[0]


def test_how_many_patients_two_files_share_is_written_down(tmp_path):
    draft, _, _ = drafted(
        tmp_path, {"labs.csv": labs().head(50), "clinical.csv": clinical(), "rna.csv": matrix().tail(40)}
    )
    rows = [line.split() for line in draft.toml.splitlines() if re.match(r"#\s+\(\d\) \w", line)]
    assert rows[1][-2:] == ["50", "50"]
    assert rows[2][-3:] == ["40", "10", "40"]


def test_ids_that_differ_in_case_only_are_asked_about_not_joined(tmp_path):
    low = labs(patient_id=[f"p{number}" for number in range(N)])
    high = clinical(patient_id=[f"P{number}" for number in range(N)])
    draft, keys, _ = drafted(tmp_path, {"labs.csv": low, "clinical.csv": high})
    assert "normalise_ids" not in keys
    assert "# normalise_ids = true" in draft.toml
    assert any(question.startswith("id: 80 ids") for question in draft.questions)


def test_a_table_that_describes_genes_is_no_block_and_holds_no_patients(tmp_path):
    turned = matrix().set_index("patient_id").T.rename_axis("Hugo_Symbol").reset_index()
    genes = pd.DataFrame({"gene": [f"G{place}" for place in range(60)], "chr": "1", "name": "a gene"})
    for place, rna in (("rows", turned), ("columns", matrix())):
        tables = {"rna.csv": rna, "genes.csv": genes, "clinical.csv": clinical()}
        draft, keys, _ = drafted(tmp_path / place, tables)
        assert list(keys["blocks"]) == ["rna"]
        assert keys["blocks"]["rna"].get("rows", "") == ("features" if place == "rows" else "")
        assert "genes.csv describes features" in draft.toml


# Files as they come


def test_semicolons_and_decimal_commas_are_declared(tmp_path):
    place = folder_of(tmp_path, {"labs.csv": labs()}, sep=";", decimal=",")
    draft_cohort(place, out=place)
    keys = tomllib.loads((place / "cohort.toml").read_text())
    assert (keys["blocks"]["labs"]["delimiter"], keys["blocks"]["labs"]["decimal"]) == (";", ",")
    values = np.asarray(read_cohort(place, quiet=True)["labs"].X)
    assert np.allclose(np.sort(values[:, 0]), np.sort(labs()["crp_mg_l"]))


def test_a_broken_file_is_named_and_the_others_are_drafted(tmp_path):
    draft, keys, _ = drafted(tmp_path, {"labs.csv": labs(), "bad.csv": 'a,b\n1,"x\n', "none.csv": ""})
    assert list(keys["blocks"]) == ["labs"]
    assert any(question.startswith("bad.csv is not in this draft") for question in draft.questions)
    assert any(question.startswith("none.csv is not in this draft") for question in draft.questions)


def test_files_that_are_not_read_and_names_that_stand_twice_are_named(tmp_path):
    twice = labs().rename(columns={"wbc": "crp_mg_l"})
    draft, _, _ = drafted(
        tmp_path, {"labs.csv": twice, "matrix.rds": "x", "README.md": "x", "picture.png": "x"}
    )
    assert any(question.startswith("matrix.rds is not in this draft") for question in draft.questions)
    assert any("several columns called crp_mg_l" in question for question in draft.questions)
    assert "README" not in draft.toml
    assert "picture" not in draft.toml


def test_a_table_without_ids_is_refused_with_the_reason(tmp_path):
    table = labs().drop(columns="patient_id").assign(wbc=3.5)
    with pytest.raises(CohortError, match=r"DRAFT_EMPTY.*labs\.csv has no column of patient ids"):
        draft_cohort(folder_of(tmp_path, {"labs.csv": table}))


def test_a_table_in_which_nothing_differs_is_no_block(tmp_path):
    truth = pd.DataFrame({"patient_id": ids(), "cluster": "none"})
    draft, keys, _ = drafted(tmp_path, {"labs.csv": labs(), "truth.csv": truth})
    assert list(keys["blocks"]) == ["labs"]
    assert any("truth.csv" in question for question in draft.questions)


@pytest.mark.parametrize("tables", [{}, {"README.md": "text"}, {"only.csv": "patient_id\nP1\nP2\n"}])
def test_a_folder_without_features_is_refused_with_a_code(tables, tmp_path):
    with pytest.raises(CohortError) as caught:
        draft_cohort(folder_of(tmp_path / "data", tables), out=tmp_path / "data")
    assert caught.value.codes == ("DRAFT_EMPTY",)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(tables)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CohortError) as caught:
        draft_cohort(tmp_path / "nowhere")
    assert caught.value.codes == ("FILE_ABSENT",)


def test_sheets_of_a_workbook_become_blocks_and_patients(tmp_path):
    with pd.ExcelWriter(tmp_path / "all.xlsx") as book:
        labs().to_excel(book, sheet_name="labs", index=False)
        clinical().to_excel(book, sheet_name="patients", index=False)
    draft_cohort(tmp_path, out=tmp_path)
    keys = tomllib.loads((tmp_path / "cohort.toml").read_text())
    assert keys["blocks"]["labs"]["part"] == "labs"
    assert keys["patients"]["part"] == "patients"
    assert check_cohort(tmp_path).ok


def test_a_redcap_export_is_read_by_its_data_dictionary(tmp_path):
    project = redcap_factory.Project(patients=120)
    redcap_factory.write(tmp_path / "export.csv", project.codes)
    redcap_factory.write(tmp_path / "dict.csv", project.dictionary())
    draft_cohort(tmp_path, out=tmp_path)
    keys = tomllib.loads((tmp_path / "cohort.toml").read_text())
    block = keys["blocks"]["export"]
    assert (keys["id"], block["format"], block["data_dictionary"]) == ("record_id", "redcap", "dict.csv")
    assert keys["patients"]["sex"] == {"column": "sex", "female": "Female", "male": "Male"}
    assert {"crp", "symptoms___1", "severity"} <= set(block["columns"])
    assert not {"full_name", "email", "born", "comments", "remark", "scan"} & set(block["columns"])
    report = check_cohort(tmp_path)
    assert report.ok, str(report)


def test_long_olink_tables_and_tables_of_taxa_get_their_format(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (one, f"OID{place:05d}", f"U{place}", f"P{place}", "Inflammation", round(float(rng.normal()), 3), 0.1)
        for one in ids()
        for place in range(20)
    ]
    npx = pd.DataFrame(rows, columns=["SampleID", "OlinkID", "UniProt", "Assay", "Panel", "NPX", "LOD"])
    taxa = pd.DataFrame(rng.integers(0, 500, (30, N)), columns=ids())
    taxa.insert(0, "#OTU ID", [f"k__Bacteria;p__Firmicutes;g__G{place}" for place in range(30)])
    draft_cohort(
        folder_of(tmp_path, {"npx.csv": npx, "otu.csv": taxa, "clinical.csv": clinical()}), out=tmp_path
    )
    keys = tomllib.loads((tmp_path / "cohort.toml").read_text())
    assert (keys["blocks"]["npx"]["format"], keys["blocks"]["npx"]["kind"]) == ("olink", "npx")
    assert (keys["blocks"]["otu"]["format"], keys["blocks"]["otu"]["kind"]) == ("taxa", "counts")
    assert check_cohort(tmp_path).ok


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")
def test_an_h5ad_file_gives_features_and_patients(tmp_path):
    anndata = pytest.importorskip("anndata")
    obs = clinical().set_index("patient_id")
    data = anndata.AnnData(matrix().drop(columns="patient_id").to_numpy(), obs=obs)
    data.write_h5ad(tmp_path / "rna.h5ad")
    draft_cohort(tmp_path, out=tmp_path)
    keys = tomllib.loads((tmp_path / "cohort.toml").read_text())
    assert keys["patients"]["age"] == {"column": "age_months", "unit": "months"}
    report = check_cohort(tmp_path)
    assert report.ok, str(report)
    assert report.n_patients == N


# Codebooks


def test_a_codebook_gives_kinds_labels_and_roles_and_is_no_block(tmp_path):
    rng = np.random.default_rng(5)
    table = labs(smoke=rng.integers(0, 3, N), iq=rng.normal(100, 15, N).round())
    book = pd.DataFrame(
        [
            ("crp_mg_l", "Laboratory", "numeric", "C-reactive protein (mg/l)"),
            ("smoke", "Lifestyle", "numeric", "Cigarettes a day"),
            ("severity", "Clinic", "factor", "How ill"),
            ("relapse", "Outcome", "factor", "Relapse within a year"),
        ],
        columns=["variable_name", "domain", "var_type", "description"],
    )
    draft, keys, rows = drafted(
        tmp_path, {"labs.csv": table, "codebook.csv": book, "clinical.csv": clinical()}
    )
    assert list(keys["blocks"]) == ["labs"]
    assert rows.loc["crp_mg_l", ["kind", "unit", "label"]].tolist() == [
        "number",
        "mg/l",
        "C-reactive protein (mg/l)",
    ]
    assert rows.loc["smoke", "kind"] == "number"
    assert keys["outcomes"]["relapse"]["label"] == "Relapse within a year"
    assert "codebook.csv describes 4 columns" in draft.toml


def test_a_table_of_patients_is_no_codebook_because_a_matrix_has_patients_as_columns(tmp_path):
    turned = matrix().set_index("patient_id").T.rename_axis("gene").reset_index()
    _, keys, _ = drafted(tmp_path, {"rna.csv": turned, "clinical.csv": clinical()})
    assert keys["patients"]["file"] == "clinical.csv"


# Kinds


@pytest.mark.parametrize(
    ("cells", "kind", "levels"),
    [
        (["yes", "no", "no", "yes"], "yes/no", ("no", "yes")),
        (["ja", "nein", "ja"], "yes/no", ("nein", "ja")),
        (["+", "-", "+", "-"], "yes/no", ("-", "+")),
        (["appendicitis", "noAppendicitis"], "yes/no", ("noAppendicitis", "appendicitis")),
        ([0, 1, 1, 0], "yes/no", ("0", "1")),
        (["III", "I", "IV", "II"], "ordinal", ("I", "II", "III", "IV")),
        (["high", "low", "medium"], "ordinal", ("low", "medium", "high")),
        (["+++", "+", "neg", "++"], "ordinal", ("neg", "+", "++", "+++")),
        (["(10.8,34.9]", "(34.9,Inf]", "(0,10.8]"], "ordinal", ("(0,10.8]", "(10.8,34.9]", "(34.9,Inf]")),
        (["(9,27]", "(27,Inf]", "(0,9]"], "ordinal", ("(0,9]", "(9,27]", "(27,Inf]")),
        (["cat", "dog", "other"], "category", ("cat", "dog", "other")),
        (["<0.5", "1.2", "3.4", "8.8"], "number", ()),
        ([1.5, 2.25, 9.125], "number", ()),
    ],
)
def test_the_kind_and_the_order_of_levels_are_read_from_the_cells(cells, kind, levels):
    guess = kind_of(cells)
    assert (guess.kind, guess.levels) == (kind, levels)


@pytest.mark.parametrize(
    ("name", "cells", "kind", "unit"),
    [
        ("NeutrophilPerc", [55.0, 62.5, 71.0], "proportion", "%"),
        ("tumour_fraction", [0.5, 0.25, 0.75], "proportion", ""),
        ("hs_as_c_Log2", [-1.5, 2.5, 0.3], "log", ""),
        ("BodyTemp", [37.1, 38.4, 39.5], "number", "°C"),
        ("weight_kg", [12.5, 40.1, 33.3], "number", "kg"),
        ("apgar_score", [7, 8, 9, 10, 7], "ordinal", ""),
        ("number_of_siblings", [0, 1, 2, 3, 1], "number", ""),
        ("wbc", [5, 8, 21, 9, 30, 12, 11, 7], "number", ""),
    ],
)
def test_the_name_tells_scale_and_unit(name, cells, kind, unit):
    guess = kind_of(cells, name)
    assert (guess.kind, guess.unit) == (kind, unit)


def test_a_limit_of_detection_is_found_and_declared(tmp_path):
    table = labs()
    table["crp_mg_l"] = [
        "<0.5" if place % 9 == 0 else str(value) for place, value in enumerate(table["crp_mg_l"])
    ]
    _, keys, rows = drafted(tmp_path, {"labs.csv": table})
    assert keys["blocks"]["labs"]["censored"] == "lod"
    assert rows.loc["crp_mg_l", ["kind", "lod"]].tolist() == ["number", "0.5"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.random.default_rng(0).normal(size=(40, 60)), "log"),
        (np.random.default_rng(0).lognormal(5, 2, (40, 60)).round(4), "counts"),
        (np.random.default_rng(0).poisson(50, (40, 60)) * 1.0, "counts"),
        (np.random.default_rng(0).dirichlet(np.ones(30), 40), "composition"),
        (np.random.default_rng(0).uniform(0, 1, (40, 60)), "proportion"),
        (np.random.default_rng(0).integers(0, 3, (40, 60)) * 1.0, "dosage"),
        (np.random.default_rng(0).integers(0, 2, (40, 60)) * 1.0, "yes/no"),
        (np.random.default_rng(0).integers(-2, 3, (40, 60)) * 1.0, "ordinal"),
    ],
)
def test_the_kind_of_a_matrix_is_read_from_all_its_columns(values, kind):
    assert kind_of_matrix(values)[0] == kind


def test_codes_among_fractions_keep_a_matrix_from_one_kind():
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=(40, 55)), rng.integers(0, 2, (40, 5))])
    assert kind_of_matrix(values) == ("", "")


def test_an_order_is_never_the_alphabet():
    assert in_order(["dog", "cat", "bird"]) == ()
    assert in_order(["COC1", "COC2", "COC3"]) == ()
    assert yes_no(["cat", "dog"]) == ()


def test_names_are_compared_by_whole_words():
    assert "age" not in tokens("pathologic_stage")
    assert unit_in("stage") == unit_in("e3_bw") == ""
    assert unit_in("Maternal BMI (kg/m2)") == "kg/m2"


# Missing


def test_codes_for_missing_are_found_and_none_is_not_one_of_them(tmp_path):
    rng = np.random.default_rng(4)
    table = labs(
        activity=rng.choice(["None", "Sometimes", "Often"], N),
        pets=rng.choice(["cat", "dog", "n/a"], N),
        visits_seen=rng.choice(["red", "blue", "unknown"], N),
    )
    table.loc[[3, 9], "wbc"] = -9
    table.loc[[4, 8], "crp_mg_l"] = 999
    draft, keys, rows = drafted(tmp_path, {"labs.csv": table})
    assert set(keys["missing_codes"]) == {"n/a", "unknown", "-9", "999"}
    assert rows.loc["activity", "levels"] == "None | Sometimes | Often"
    assert any('"None"' in question and "activity" in question for question in draft.questions)
    assert any('"unknown"' in question for question in draft.questions)


def test_a_number_that_is_a_value_elsewhere_is_asked_about(tmp_path):
    table = labs(balance=np.random.default_rng(0).integers(-20, 20, N))
    table.loc[[3, 9], "wbc"] = -9
    table.loc[0, "balance"] = -9
    draft, keys, _ = drafted(tmp_path, {"labs.csv": table})
    assert keys["missing_codes"] == ["-9"]
    assert any("-9" in question and "balance" in question for question in draft.questions)


def test_the_child_is_taken_for_the_age_and_the_other_ages_are_named(tmp_path):
    rng = np.random.default_rng(0)
    more = {"h_age": rng.normal(30, 4, N).round(1), "hs_child_age": rng.uniform(5, 12, N).round(2)}
    table = clinical(**more).drop(columns="age_months")
    draft, keys, _ = drafted(tmp_path, {"clinical.csv": table, "labs.csv": labs()})
    assert keys["patients"]["age"] == {"column": "hs_child_age", "unit": "years"}
    assert any("h_age" in question and "unit" in question for question in draft.questions)


# Roles


def test_times_and_events_become_survival_and_what_repeats_them_is_left_out(tmp_path):
    rng = np.random.default_rng(0)
    event = rng.integers(0, 2, N)
    more = {
        "os_days": rng.integers(10, 3000, N),
        "os_event": event,
        "death_from_disease": np.where(event == 1, "Y", "N"),
        "relapse_time_months": rng.integers(1, 90, N),
    }
    draft, keys, _ = drafted(tmp_path, {"clinical.csv": clinical(**more), "labs.csv": labs()})
    assert keys["outcomes"]["os"] == {
        "kind": "survival", "column": "os_event", "time": "os_days", "event": 1, "unit": "days",
    }  # fmt: skip
    assert keys["outcomes"]["relapse"]["time"] == "relapse_time_months"
    assert keys["outcomes"]["relapse"]["event"] == "yes"
    assert keys["outcomes"]["relapse"]["unit"] == "months"
    assert "death_from_disease (the same as os_event)" in draft.toml


def test_competing_events_and_unclear_codes_are_asked_about(tmp_path):
    rng = np.random.default_rng(0)
    more = {"os_days": rng.integers(10, 3000, N), "os_status": rng.integers(0, 3, N)}
    draft, keys, _ = drafted(tmp_path, {"clinical.csv": clinical(**more), "labs.csv": labs()})
    assert keys["outcomes"]["os"]["competing"] == 2
    assert any("competing" in question for question in draft.questions)


def test_treatments_classes_and_consent_are_found(tmp_path):
    rng = np.random.default_rng(0)
    more = {
        "arm": rng.choice(["placebo", "steroid"], N),
        "therapy": rng.choice(["red", "blue"], N),
        "mrna_cluster": rng.choice(["1", "2", "3"], N),
        "COC": rng.choice(["COC1", "COC2"], N),
        "consent_sharing": "yes",
        "plate": rng.choice(["P1", "P2"], N),
        "family_id": [f"F{place // 2}" for place in range(N)],
        "admitted": [f"2021-03-{place % 28 + 1:02d}" for place in range(N)],
    }
    more["consent_research"] = rng.choice(["yes", "no"], N)
    draft, keys, _ = drafted(tmp_path, {"clinical.csv": clinical(**more), "labs.csv": labs()})
    patients = keys["patients"]
    assert keys["treatments"] == {"arm": {"column": "arm", "control": "placebo", "assigned": "randomised"}}
    assert set(patients["known_classes"]) == {"mrna_cluster", "COC"}
    assert {role: patients[role] for role in ("site", "batch", "family", "index_date")} == {
        "site": "hospital", "batch": "plate", "family": "family_id", "index_date": "admitted",
    }  # fmt: skip
    assert keys["consent"] == {"research": "consent_research", "sharing": "consent_sharing"}
    assert "# [treatments.therapy]" in draft.toml
    assert any("control" in question for question in draft.questions)


def test_coded_sex_is_written_commented_out_with_a_question(tmp_path):
    sex = np.random.default_rng(0).integers(1, 3, N)
    draft, keys, _ = drafted(tmp_path, {"clinical.csv": clinical(sex=sex), "labs.csv": labs()})
    assert "sex" not in keys["patients"]
    assert '# sex = { column = "sex", female = 2, male = 1 }' in draft.toml
    assert any("which code is female" in question for question in draft.questions)


def test_columns_that_must_not_be_features_are_named_and_left_out(tmp_path):
    table = labs(
        surname=[f"Child {place}" for place in range(N)],
        sampled_on=[f"2021-03-{place % 28 + 1:02d}" for place in range(N)],
        comment=[f"was seen by doctor {place} and sent home" for place in range(N)],
        hospital="North",
    )
    draft, keys, rows = drafted(tmp_path, {"labs.csv": table, "clinical.csv": clinical()})
    left = {"surname", "sampled_on", "comment", "hospital"}
    assert set(keys["blocks"]["labs"]["exclude"]) == left
    assert not left & set(rows.index)
    assert "Child 3" not in draft.toml


def test_gene_names_that_look_like_words_stay_features(tmp_path):
    names = {"G1": "HLA-DOB", "G2": "SEX", "G3": "ARM", "G4": "AGE"}
    _, keys, _ = drafted(tmp_path, {"rna.csv": matrix().rename(columns=names), "clinical.csv": clinical()})
    assert keys["blocks"]["rna"] == {"file": "rna.csv", "kind": "log"}


def test_no_id_and_no_value_of_a_patient_stands_in_the_draft(tmp_path):
    table = labs(patient_id=[f"SECRET{place}" for place in range(N)])
    table.loc[5, "crp_mg_l"] = 77.123
    draft, _, _ = drafted(tmp_path, {"labs.csv": table})
    text = draft.toml + draft.dictionary.to_csv() + "".join(draft.questions)
    assert "SECRET" not in text
    assert "77.123" not in text


# Writing


def test_both_files_are_written_or_none_and_never_over_others(tmp_path):
    data = folder_of(tmp_path / "data", {"labs.csv": labs()})
    draft = draft_cohort(data, out=tmp_path / "declared" / "asthma.toml")
    assert sorted(path.name for path in (tmp_path / "declared").iterdir()) == [
        "asthma.toml",
        "dictionary.csv",
    ]
    assert tomllib.loads(draft.toml)["folder"] == "../data"
    assert check_cohort(tmp_path / "declared" / "asthma.toml").ok
    (tmp_path / "declared" / "asthma.toml").unlink()
    before = (tmp_path / "declared" / "dictionary.csv").read_bytes()
    with pytest.raises(OutputError) as caught:
        draft_cohort(data, out=tmp_path / "declared" / "asthma.toml")
    assert caught.value.codes == ("EXISTS",)
    assert not (tmp_path / "declared" / "asthma.toml").exists()
    assert (tmp_path / "declared" / "dictionary.csv").read_bytes() == before
    draft_cohort(data, out=tmp_path / "declared" / "asthma.toml", overwrite=True)
    assert sorted(path.name for path in data.iterdir()) == ["labs.csv"]


def test_the_dictionary_is_taken_back_when_the_declaration_cannot_be_written(tmp_path):
    data = folder_of(tmp_path / "data", {"labs.csv": labs()})
    (tmp_path / "out" / "cohort.toml").mkdir(parents=True)
    with pytest.raises(OutputError):
        draft_cohort(data, out=tmp_path / "out", overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cohort.toml"]


def test_a_dictionary_that_was_read_is_never_written_over(tmp_path):
    book = "column,kind,unit,label\ncrp_mg_l,number,mg/L,CRP\nwbc,number,10^9/L,White cells\n"
    data = folder_of(tmp_path, {"labs.csv": labs(), "dictionary.csv": book})
    draft_cohort(data, out=data)
    assert (data / "dictionary.csv").read_text() == book
    with (data / "dictionary_draft.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)][:2] == ["CRP", "White cells"]
    assert check_cohort(data).ok


def test_the_same_folder_gives_the_same_bytes(tmp_path):
    data = folder_of(tmp_path, {"labs.csv": labs(), "clinical.csv": clinical(), "rna.csv": matrix()})
    assert draft_cohort(data).toml == draft_cohort(data).toml


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a]b", "a\tb", "=cmd()", "Größe", "a#b", "x" * 300])
def test_odd_column_names_give_a_declaration_that_is_read(name, tmp_path):
    data = folder_of(
        tmp_path,
        {"labs.csv": labs(**{name: labs()["wbc"] + 1, f"{name} sex": "x"}), "clinical.csv": clinical()},
    )
    draft_cohort(data, out=data)
    report = check_cohort(data)
    assert report.ok, str(report)


def test_a_draft_shows_as_a_sentence_and_as_escaped_html(tmp_path):
    draft, _, _ = drafted(tmp_path / "a<b", {"labs.csv": labs(), "clinical.csv": clinical()})
    assert repr(draft).startswith("<Draft: Draft of ")
    assert "<b" not in draft._repr_html_().replace("<br", "")
    with pytest.raises(AttributeError):
        draft.toml = ""


# The command


def asked(capsys, *arguments):
    """Return exit code, stdout and stderr of a command."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    found = capsys.readouterr()
    return code, found.out, found.err


def test_init_writes_the_draft_and_says_what_it_saw_and_what_comes_next(tmp_path, capsys):
    data = folder_of(tmp_path, {"labs.csv": labs(), "clinical.csv": clinical()})
    code, out, err = asked(capsys, "init", data)
    assert (code, err) == (0, "")
    assert "80 patients, 1 block" in out
    assert "age age_months, sex sex, site hospital" in out
    assert out.rstrip().endswith(f"Next: phenotyper check {data}")
    assert asked(capsys, "check", data)[0] == 0


def test_init_refuses_to_overwrite_unless_asked(tmp_path, capsys):
    data = folder_of(tmp_path, {"labs.csv": labs()})
    assert asked(capsys, "init", data)[0] == 0
    code, out, err = asked(capsys, "init", data)
    assert (code, out) == (4, "")
    assert "EXISTS" in err
    assert asked(capsys, "init", data, "--overwrite")[0] == 0


def test_init_of_an_empty_folder_writes_nothing(tmp_path, capsys):
    code, out, err = asked(capsys, "init", tmp_path)
    assert (code, out) == (2, "")
    assert "DRAFT_EMPTY" in err
    assert list(tmp_path.iterdir()) == []
