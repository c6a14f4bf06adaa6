"""The real cohorts of ../shared/data are read as declared, with the pitfalls of their READMEs."""

import json
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenotyper.cohort.container import (
    block_frame,
    block_names,
    declaration_of,
    flow_of,
    patients_of,
    warnings_of,
)
from phenotyper.cohort.declaration import Declaration
from phenotyper.cohort.read import read_cohort

COHORTS = Path(__file__).parent / "cohorts"
DATA = Path(__file__).parents[2] / "shared" / "data"

SIZES = {
    "helix_children": (
        1301,
        {"chemicals": (1301, 106), "lifestyle": (1301, 39), "outdoor": (1301, 77), "metabolome": (1198, 177)},
    ),
    "neuroblastoma_seqc": (498, {"genes": (498, 2040), "transcripts": (498, 2204), "introns": (498, 2286)}),
    "appendicitis_two_hospitals": (430, {"findings": (430, 17), "ultrasound": (428, 14)}),
    "appendicitis_duesseldorf": (301, {"findings": (301, 17), "ultrasound": (295, 11)}),
    "wilms_nwtco": (4028, {"tumour": (4028, 3)}),
    "acc_tcga": (
        92,
        {
            "mrna": (79, 198),
            "mirna": (80, 471),
            "copy_number": (90, 198),
            "protein": (46, 33),
            "mutations": (90, 73),
        },
    ),
}
FOLDERS = {name: "appendicitis_two_hospitals" if name.startswith("appendicitis") else name for name in SIZES}


def need(name):
    """Skip a test whose cohort is not beside the repository."""
    if not (DATA / FOLDERS[name]).is_dir():
        pytest.skip(f"{DATA / FOLDERS[name]} is absent")


@cache
def cohort(name):
    need(name)
    return read_cohort(COHORTS / f"{name}.toml", quiet=True)


def raw(name, file):
    """Read a file as text, the way it was written."""
    need(name)
    return pd.read_csv(DATA / FOLDERS[name] / file, dtype=str, keep_default_na=False, index_col="patient_id")


def features(name, block):
    return cohort(name)[block].var


def levels(name, block, feature):
    return json.loads(features(name, block).loc[feature, "levels"])


def column(name, block, feature):
    """Return the numbers of one feature by patient id."""
    part = cohort(name)[block]
    return pd.Series(np.asarray(part[:, feature].X).ravel(), index=part.obs_names)


def test_every_declaration_can_be_parsed_without_the_data():
    assert {path.stem for path in COHORTS.glob("*.toml")} == set(SIZES)
    for path in COHORTS.glob("*.toml"):
        declared = Declaration.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        assert declared.folder == f"../../../shared/data/{FOLDERS[path.stem]}"
        assert declared.outcomes


@pytest.mark.parametrize("name", SIZES)
def test_a_real_cohort_is_read_whole(name):
    patients, blocks = SIZES[name]
    found = cohort(name)
    assert found.n_obs == patients
    assert {block: found[block].shape for block in blocks} == blocks


@pytest.mark.parametrize("name", SIZES)
def test_no_feature_is_an_outcome_a_class_a_role_or_a_covariate(name):
    declared = declaration_of(cohort(name))
    patients = declared.patients
    apart = {column for spec in declared.outcomes for column in (spec.column, spec.time) if column}
    apart |= {spec.column for spec in (patients.age, patients.sex) if spec} | {patients.site}
    apart |= {*patients.known_classes, *patients.covariates, *(spec.column for spec in declared.treatments)}
    for block in block_names(cohort(name)):
        assert not apart & set(cohort(name)[block].var_names)


@pytest.mark.parametrize("name", SIZES)
def test_a_dictionary_describes_columns_that_exist(name):
    described_by = [spec for spec in declaration_of(cohort(name)).blocks if spec.dictionary]
    known = set().union(*(raw(name, spec.file).columns for spec in described_by))
    for dictionary in {spec.dictionary for spec in described_by}:
        described = pd.read_csv(COHORTS / dictionary, keep_default_na=False)["column"]
        assert described.is_unique
        assert set(described) <= known


def test_the_level_none_of_helix_is_a_level_and_not_missing():
    activity = block_frame(cohort("helix_children"), "lifestyle")["h_pamod_t3_None"]
    organisations = block_frame(cohort("helix_children"), "chemicals")["hs_participation_3cat_None"]
    assert activity.value_counts()["None"] == 42
    assert organisations.value_counts()["None"] == 748
    assert levels("helix_children", "lifestyle", "h_pamod_t3_None") == [
        "None",
        "Sometimes",
        "Often",
        "Very Often",
    ]
    for block in block_names(cohort("helix_children")):
        assert not np.isnan(cohort("helix_children")[block].X).any()


def test_interval_categories_of_helix_are_ordered_by_value():
    table = features("helix_children", "lifestyle")
    tertiles = table[table.index.str.endswith("_Ter")]
    assert len(tertiles) == 28
    assert set(tertiles["kind"]) == {"ordinal"}
    for text in tertiles["levels"]:
        starts = [float(level[1:].split(",")[0]) for level in json.loads(text)]
        assert starts == sorted(starts)
    assert levels("helix_children", "lifestyle", "h_bfdur_Ter") == ["(0,10.8]", "(10.8,34.9]", "(34.9,Inf]"]
    written = raw("helix_children", "lifestyle.csv.gz")["h_meat_preg_Ter"].map(
        {"(0,6.5]": 0.0, "(6.5,10]": 1.0, "(10,Inf]": 2.0}
    )
    pd.testing.assert_series_equal(
        column("helix_children", "lifestyle", "h_meat_preg_Ter"),
        written,
        check_names=False,
        check_index_type=False,
    )


def test_factors_of_helix_are_the_factors_of_its_codebook():
    cohort("helix_children")
    types = raw_codebook()
    for block in ("chemicals", "lifestyle", "outdoor"):
        kinds = features("helix_children", block)["kind"]
        coded = kinds.isin(["ordinal", "category", "yes/no"])
        expected = (types.loc[kinds.index] == "factor") | kinds.index.str.endswith("_dic0")
        assert coded.eq(expected).all()
    assert levels("helix_children", "lifestyle", "h_folic_t1_None") == ["0", "1"]
    assert levels("helix_children", "outdoor", "hs_ln_cat_h_None") == ["1", "2", "3", "4", "5"]


def raw_codebook():
    table = pd.read_csv(DATA / "helix_children" / "codebook.csv", keep_default_na=False)
    return table.set_index("variable_name")["var_type"]


def test_the_metabolome_of_helix_is_joined_by_id_and_lacks_103_children():
    written = raw("helix_children", "serum_metabolome.csv.gz")
    assert list(written.index) != sorted(written.index)
    found = cohort("helix_children")["metabolome"]
    here = pd.DataFrame(found.X, index=found.obs_names, columns=found.var_names).loc[written.index]
    np.testing.assert_array_equal(here.to_numpy(), written[list(found.var_names)].to_numpy(dtype=float))
    absent = ~cohort("helix_children").obs_names.isin(found.obs_names)
    site = patients_of(cohort("helix_children"))["site"]
    assert site[absent].value_counts().sort_index().tolist() == [0, 44, 12, 2, 45, 0]


def test_height_and_weight_from_which_the_bmi_outcome_is_computed_are_nowhere():
    for name in ("hs_c_height_None", "hs_c_weight_None"):
        assert name not in cohort("helix_children").var_names
        assert name not in patients_of(cohort("helix_children"))


def test_the_outcomes_of_helix_have_the_frequencies_of_its_readme():
    patients = patients_of(cohort("helix_children"))
    assert patients["asthma"].value_counts().to_dict() == {0.0: 1154, 1.0: 140}
    assert patients["bmi_category"].value_counts().reindex(["1", "2", "3", "4"]).tolist() == [
        13,
        904,
        253,
        131,
    ]
    assert patients["bmi_category"].cat.ordered
    assert patients["age"].median() == pytest.approx(8.0, abs=0.1)


def test_newborns_with_neuroblastoma_are_zero_years_old():
    age = patients_of(cohort("neuroblastoma_seqc"))["age"]
    assert (age == 0).sum() == 15
    assert age["SEQC_NB001"] == pytest.approx(987 / 365.25)
    assert age.notna().all()


def test_odd_feature_names_of_neuroblastoma_are_kept():
    assert {"SEPT2", "MYCN"} <= set(cohort("neuroblastoma_seqc")["genes"].var_names)
    assert "chr1:1325838-1325752" in cohort("neuroblastoma_seqc")["introns"].var_names
    assert "NBPF14andNBPF24.vgAug10" in cohort("neuroblastoma_seqc")["transcripts"].var_names


def test_survival_and_known_classes_of_neuroblastoma_are_those_of_its_readme():
    patients = patients_of(cohort("neuroblastoma_seqc"))
    assert patients[["efs_event", "os_event"]].sum().tolist() == [183, 105]
    assert patients["mycn_status"].value_counts().to_dict() == {"Normal": 401, "Amplified": 92}
    assert patients["favorable"].value_counts().to_dict() == {
        "Neither": 226,
        "Favorable": 181,
        "Unfavorable": 91,
    }


@pytest.mark.parametrize("name", ["appendicitis_two_hospitals", "appendicitis_duesseldorf"])
def test_graded_urine_findings_of_appendicitis_are_ordered_and_missing_together(name):
    urine = ["KetonesInUrine", "ErythrocytesInUrine", "WBCInUrine"]
    assert all(levels(name, "findings", item) == ["no", "+", "++", "+++"] for item in urine)
    missing = pd.DataFrame({item: column(name, "findings", item).isna() for item in urine})
    assert missing.nunique(axis=1).eq(1).all()
    assert (
        missing[urine[0]].sum() == {"appendicitis_two_hospitals": 123, "appendicitis_duesseldorf": 81}[name]
    )


def test_both_hospitals_code_the_same_levels_although_one_lacks_some():
    here, there = (
        features(name, "findings") for name in ("appendicitis_two_hospitals", "appendicitis_duesseldorf")
    )
    pd.testing.assert_frame_equal(here, there)
    assert column("appendicitis_two_hospitals", "findings", "Peritonitis").max() == 2
    assert column("appendicitis_duesseldorf", "findings", "Peritonitis").max() == 1


def test_empty_and_constant_columns_of_the_second_hospital_are_dropped_with_a_warning():
    dropped = {"TissuePerfusion", "Ileus", "Enteritis"}
    assert not dropped & set(cohort("appendicitis_duesseldorf")["ultrasound"].var_names)
    said = {problem.code: problem.message for problem in warnings_of(cohort("appendicitis_duesseldorf"))}
    assert "TissuePerfusion" in said["ALL_MISSING"]
    assert "Ileus" in said["CONSTANT"]
    assert "Enteritis" in said["CONSTANT"]
    assert dropped <= set(cohort("appendicitis_two_hospitals")["ultrasound"].var_names)


@pytest.mark.parametrize(
    ("name", "events"),
    [("appendicitis_two_hospitals", [246, 165, 51]), ("appendicitis_duesseldorf", [230, 243, 51])],
)
def test_outcomes_of_appendicitis_count_as_in_its_readme(name, events):
    assert patients_of(cohort(name))[["diagnosis", "management", "complications"]].sum().tolist() == events


def test_wilms_has_sixteen_combinations_and_age_in_years():
    found = cohort("wilms_nwtco")
    assert len(np.unique(found["tumour"].X, axis=0)) == 16
    assert levels("wilms_nwtco", "tumour", "stage") == ["I", "II", "III", "IV"]
    patients = patients_of(found)
    assert patients["age"].max() == pytest.approx(191 / 12)
    assert patients["relapse_event"].sum() == 571
    assert "in_subcohort" not in patients


def test_only_43_of_92_patients_of_acc_have_all_five_blocks():
    assert dict(flow_of(cohort("acc_tcga")))["with all blocks"] == 43
    assert cohort("acc_tcga").n_obs == 92


def test_a_gene_in_three_blocks_of_acc_keeps_its_own_values_in_each():
    shared = set(cohort("acc_tcga")["mrna"].var_names) & set(cohort("acc_tcga")["copy_number"].var_names)
    assert len(shared) == 197
    for block in ("mrna", "copy_number"):
        written = raw("acc_tcga", f"{block}.csv")["ERBB2"].astype(float)
        labelled = block_frame(cohort("acc_tcga"), block)["ERBB2"].astype(float)
        np.testing.assert_array_equal(labelled.loc[written.index].to_numpy(), written.to_numpy())


def test_counts_of_acc_are_taken_as_counts_without_a_log():
    assert (
        set(features("acc_tcga", "mrna")["kind"]) == set(features("acc_tcga", "mirna")["kind"]) == {"counts"}
    )
    assert cohort("acc_tcga")["mrna"].X.max() == 355326.1035
    assert cohort("acc_tcga")["mirna"].X.max() == 5727255


def test_copy_number_of_acc_is_ordered_from_deletion_to_amplification():
    assert set(features("acc_tcga", "copy_number")["levels"]) == {json.dumps(["-2", "-1", "0", "1", "2"])}


def test_constant_mutations_of_acc_are_dropped_with_a_warning_and_do_not_refuse_the_cohort():
    said = [problem.message for problem in warnings_of(cohort("acc_tcga")) if problem.code == "CONSTANT"]
    assert any("24 features of block mutations" in message for message in said)
    assert (np.ptp(cohort("acc_tcga")["mutations"].X, axis=0) == 1).all()


def test_published_classes_of_acc_are_known_classes():
    patients = patients_of(cohort("acc_tcga"))
    known = declaration_of(cohort("acc_tcga")).patients.known_classes
    assert [patients[name].nunique() for name in known] == [3, 2, 4, 3, 6, 3, 3, 6]
    assert patients["COC"].value_counts().to_dict() == {"COC1": 33, "COC3": 24, "COC2": 19}
    assert patients["os_event"].sum() == 34
    assert list(patients["radiation"].cat.categories) == ["no", "yes"]
