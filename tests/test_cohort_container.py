"""The container: nothing is lost in .h5mu, order does not matter, foreign data are told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from cohort_factory import sound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mudata import MuData

from phenotyper.cohort.container import (
    block_frame,
    block_names,
    declaration_of,
    dropped_of,
    features_of,
    flow_of,
    patients_of,
    sources_of,
    warnings_of,
)
from phenotyper.cohort.fingerprint import fingerprint
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.errors import CohortError
from phenotyper.files import sha256_of


def assert_same(one: MuData, other: MuData) -> None:
    """Compare everything that later steps read."""
    assert declaration_of(one) == declaration_of(other)
    assert flow_of(one) == flow_of(other)
    assert warnings_of(one) == warnings_of(other)
    assert sources_of(one) == sources_of(other)
    assert dropped_of(one) == dropped_of(other)
    assert block_names(one) == block_names(other)
    pd.testing.assert_frame_equal(patients_of(one), patients_of(other))
    for name in block_names(one):
        pd.testing.assert_frame_equal(features_of(one, name), features_of(other, name))
        pd.testing.assert_frame_equal(block_frame(one, name), block_frame(other, name))
        assert np.array_equal(one[name].X, other[name].X, equal_nan=True)
        assert ("censored" in one[name].layers) == ("censored" in other[name].layers)
        if "censored" in one[name].layers:
            assert np.array_equal(one[name].layers["censored"], other[name].layers["censored"])
    assert fingerprint(one) == fingerprint(other)


def write(cohort: MuData, path: Path) -> Path:
    with third_party_quiet():
        cohort.write(path)
    return path


def read_plainly(path: Path) -> MuData:
    with third_party_quiet():
        return mudata.read_h5mu(path)


@pytest.fixture
def cohort(tmp_path: Path) -> MuData:
    children = sound()
    children.set("labs.csv", "crp", 3, "<0.5")
    children.set("clinical.csv", "weight", 3, "")
    children.set("clinical.csv", "stage", 4, "")
    children.set("clinical.csv", "consent_research", 5, "no")
    children.tables["labs.csv"]["wbc"] = "7"
    children.declared["blocks"]["labs"]["censored"] = "lod"
    children.tables["clinical.csv"]["fev"] = [str(place) for place in range(40)]
    children.set("clinical.csv", "fev", 6, "")
    return read_cohort(children.write(tmp_path), quiet=True)


def test_nothing_is_lost_in_h5mu(cohort: MuData, tmp_path: Path):
    path = write(cohort, tmp_path / "cohort.h5mu")
    assert_same(cohort, read_cohort(path, quiet=True))


def test_nothing_is_lost_when_mudata_itself_reads_the_file(cohort: MuData, tmp_path: Path):
    assert_same(cohort, read_plainly(write(cohort, tmp_path / "cohort.h5mu")))


def test_a_cohort_that_was_read_back_has_its_types_in_obs_and_var(cohort: MuData, tmp_path: Path):
    again = read_cohort(write(cohort, tmp_path / "cohort.h5mu"), quiet=True)
    assert again.obs["lung"].dtype == np.float64
    assert again["labs"].var["kind"].dtype == "str"
    assert again["labs"].var["lod"].dtype == np.float64


def test_the_container_is_what_the_contract_says(cohort: MuData):
    assert list(cohort.mod) == ["patients", "expression", "labs", "microbes"]
    assert cohort["patients"].shape == (39, 0)
    assert cohort["labs"].X.dtype == np.float64
    assert list(cohort["labs"].var.columns) == ["kind", "unit", "label", "levels", "lod", "reference"]
    assert list(cohort.obs.columns) == [column.name for column in declaration_of(cohort).obs_columns()]
    about = json.loads(cohort.uns["phenotyper"])
    assert about["schema"] == 1
    assert about["declaration"]["blocks"]["labs"]["censored"] == "lod"
    assert cohort["labs"].layers["censored"].sum() == -1


def test_the_flow_counts_consent_and_blocks(cohort: MuData):
    assert flow_of(cohort) == [
        ("in any table", 40),
        ("without research consent, removed", 1),
        ("in the cohort", 39),
        ("with expression", 29),
        ("with labs", 38),
        ("with microbes", 30),
        ("with all blocks", 23),
    ]


def test_sources_carry_the_hash_of_each_file(cohort: MuData, tmp_path: Path):
    assert sources_of(cohort)["labs.csv"] == sha256_of(tmp_path / "labs.csv")
    assert set(sources_of(cohort)) == {
        "clinical.csv",
        "labs.csv",
        "expression.csv.gz",
        "microbes.tsv",
        "dictionary.csv",
    }


def test_a_cohort_is_read_again_from_memory_without_being_changed(cohort: MuData):
    cohort.obs["cluster"] = "A"
    before = cohort.obs.copy()
    again = read_cohort(cohort, quiet=True)
    assert_same(cohort, again)
    pd.testing.assert_frame_equal(cohort.obs, before)
    assert "cluster" in again.obs
    assert again is not cohort


def test_a_part_of_a_cohort_keeps_its_declaration(cohort: MuData):
    with third_party_quiet():
        part = cohort[:10].copy()
    assert len(patients_of(part)) == 10
    assert fingerprint(part) != fingerprint(cohort)


def test_one_feature_name_may_stand_in_two_blocks(tmp_path: Path):
    children = sound()
    children.tables["microbes.tsv"] = children.tables["microbes.tsv"].rename(columns={"Taxon 1": "GENE1"})
    cohort = read_cohort(children.write(tmp_path))
    assert_same(cohort, read_cohort(write(cohort, tmp_path / "cohort.h5mu")))


def test_a_foreign_mudata_is_refused_with_the_way_in():
    with third_party_quiet():
        part = anndata.AnnData(np.eye(3), obs=pd.DataFrame(index=["a", "b", "c"]))
        foreign = MuData({"rna": part})
    with pytest.raises(CohortError, match=r"NO_DECLARATION.*AnnData in a dict"):
        read_cohort(foreign)
    assert check_cohort(foreign).errors[0].code == "NO_DECLARATION"
    with pytest.raises(CohortError, match="NO_DECLARATION"):
        fingerprint(foreign)


def test_a_cohort_of_a_later_version_is_refused(cohort: MuData):
    about = json.loads(cohort.uns["phenotyper"])
    cohort.uns["phenotyper"] = json.dumps({**about, "schema": 2})
    with pytest.raises(CohortError, match="COHORT_NEWER"):
        read_cohort(cohort)


def in_memory(
    values: np.ndarray, ids: list[str], names: list[str], rows: list[int], columns: list[int]
) -> MuData:
    kinds = ["number", "ordinal", "category"]
    frame = pd.DataFrame(values, index=ids, columns=names)
    people = pd.DataFrame(
        {"age": np.arange(len(ids)) + 0.5, "status": [place % 2 for place in range(len(ids))]}, index=ids
    )
    parts = pd.DataFrame({"column": names, "kind": [kinds[place % 3] for place in range(len(names))]})
    with_levels = frame.copy()
    for place, name in enumerate(names):
        if place % 3:
            with_levels[name] = np.where(np.isnan(frame[name]), np.nan, np.round(frame[name]))
    return read_cohort(
        {
            "blocks": {
                "labs": {"file": with_levels.iloc[rows, columns], "kind": "mixed", "dictionary": parts}
            },
            "patients": {
                "file": people.iloc[rows],
                "age": {"column": "age", "unit": "years"},
                "covariates": ["status"],
            },
        },
        quiet=True,
    )


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Any, ...]:
    n, p = draw(st.integers(3, 8)), draw(st.integers(1, 5))
    cell = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, allow_nan=False))
    values = np.array(draw(st.lists(st.lists(cell, min_size=p, max_size=p), min_size=n, max_size=n)))
    values[:, 0] = np.arange(n)
    ids = draw(
        st.lists(
            st.text(st.characters(categories=("Lu", "Nd")), min_size=1, max_size=4),
            min_size=n,
            max_size=n,
            unique_by=str.casefold,
        )
    )
    rows, columns = draw(st.permutations(range(n))), draw(st.permutations(range(p)))
    return values, [f"i{text}" for text in ids], [f"g{place}" for place in range(p)], rows, columns


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(shuffled())
def test_shuffled_rows_and_columns_give_the_same_fingerprint(drawn: tuple[Any, ...]):
    values, ids, names, rows, columns = drawn
    if not check_keys(ids):
        return
    plain = in_memory(values, ids, names, list(range(len(ids))), list(range(len(names))))
    assert fingerprint(plain) == fingerprint(in_memory(values, ids, names, rows, columns))


def check_keys(ids: list[str]) -> bool:
    """Tell whether ids stay apart when they are normalised."""
    from phenotyper.cohort.identity import key_of

    return len({key_of(text) for text in ids}) == len(ids)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(shuffled())
def test_any_values_survive_h5mu(tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Any, ...]):
    values, ids, names, rows, columns = drawn
    if not check_keys(ids):
        return
    cohort = in_memory(values, ids, names, rows, columns)
    path = write(cohort, tmp_path_factory.getbasetemp() / "any.h5mu")
    assert_same(cohort, read_plainly(path))
    path.unlink()


def test_the_fingerprint_sees_a_value_an_id_a_feature_and_an_outcome(tmp_path: Path):
    def of(change: str = "") -> str:
        children = sound()
        if change == "value":
            children.set("labs.csv", "crp", 4, "99")
        if change == "missing":
            children.set("labs.csv", "crp", 4, "")
        if change == "id":
            for table in children.tables.values():
                if "patient_id" in table:
                    table["patient_id"] = table["patient_id"].replace("P005", "P999")
        if change == "feature":
            children.tables["microbes.tsv"] = children.tables["microbes.tsv"].rename(
                columns={"Taxon 1": "Taxon 9"}
            )
        if change == "unit":
            children.set("dictionary.csv", "unit", 2, "g/l")
        if change == "outcome":
            children.set("clinical.csv", "fev", 4, "9")
        return fingerprint(read_cohort(children.write(tmp_path)))

    changes = ["", "value", "missing", "id", "feature", "unit", "outcome"]
    assert len({of(change) for change in changes}) == len(changes)
    assert of() == of()


def test_the_order_of_blocks_does_not_matter_to_the_fingerprint(tmp_path: Path):
    children = sound()
    one = read_cohort(children.write(tmp_path))
    children.declared["blocks"] = dict(reversed(children.declared["blocks"].items()))
    other = read_cohort(children.write(tmp_path))
    assert block_names(other) == tuple(reversed(block_names(one)))
    assert fingerprint(one) == fingerprint(other)


def test_files_and_tables_in_memory_give_the_same_fingerprint(tmp_path: Path):
    children = sound()
    from_files = read_cohort(children.write(tmp_path))
    declared = {**children.declared, "blocks": {}}
    for name, spec in children.declared["blocks"].items():
        table = children.tables[spec["file"]].set_index("patient_id")
        numeric = [column for column in table if column not in {"fever", "cough", "diet"}]
        table = table.replace("", None).astype(dict.fromkeys(numeric, float))
        declared["blocks"][name] = {**spec, "file": table}
    declared["blocks"]["labs"]["dictionary"] = children.tables["dictionary.csv"]
    declared["patients"] = {**declared["patients"], "file": children.tables["clinical.csv"]}
    in_memory_too = read_cohort(declared)
    assert fingerprint(in_memory_too) == fingerprint(from_files)
    assert set(sources_of(in_memory_too).values()) == {"memory"}


def test_an_anndata_brings_kinds_and_levels_of_its_own():
    ids = [f"p{place}" for place in range(4)]
    var = pd.DataFrame(
        {"kind": ["number", "ordinal"], "levels": ["", '["0", "1", "2"]'], "lod": [0.5, np.nan]},
        index=["a", "b"],
    )
    obs = pd.DataFrame({"age": [3.0, 4.0, 5.0, 6.0]}, index=ids)
    with third_party_quiet():
        adata = anndata.AnnData(
            np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [np.nan, 1.0]]), obs=obs, var=var
        )
    cohort = read_cohort(
        {
            "blocks": {"labs": {"file": adata, "kind": "mixed"}},
            "patients": {"file": adata, "covariates": ["age"]},
        }
    )
    assert features_of(cohort, "labs")["kind"].tolist() == ["number", "ordinal"]
    assert features_of(cohort, "labs").loc["b", "levels"] == '["0", "1", "2"]'
    assert patients_of(cohort)["age"].tolist() == [3.0, 4.0, 5.0, 6.0]


def test_modalities_of_an_h5mu_file_are_blocks_and_its_obs_the_patients(cohort: MuData, tmp_path: Path):
    write(cohort, tmp_path / "all.h5mu")
    again = read_cohort(
        {
            "folder": str(tmp_path),
            "blocks": {
                "genes": {"file": "all.h5mu", "modality": "expression", "kind": "log"},
                "labs": {"file": "all.h5mu", "modality": "labs", "kind": "mixed"},
            },
            "patients": {"file": "all.h5mu", "site": "site", "family": "family", "covariates": ["age"]},
        }
    )
    assert np.array_equal(again["genes"].X, cohort["expression"].X)
    pd.testing.assert_frame_equal(block_frame(again, "labs"), block_frame(cohort, "labs"))
    assert patients_of(again)["age"].tolist() == patients_of(cohort)["age"].tolist()
