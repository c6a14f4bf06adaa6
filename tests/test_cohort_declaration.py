"""The declaration: every fault at once, with a hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cohort_factory import sound, toml_of

from phenotyper.cohort.declaration import Declaration
from phenotyper.cohort.declare import declare, read_toml
from phenotyper.errors import CohortError

LABS = {"file": "labs.csv", "kind": "number"}


def faults_of(values: dict[str, Any]) -> str:
    with pytest.raises(CohortError) as caught:
        Declaration.from_dict(values)
    assert set(caught.value.codes) == {"DECLARATION"}
    return str(caught.value)


def with_outcome(**outcome: Any) -> dict[str, Any]:
    return {"blocks": {"labs": LABS}, "patients": {"file": "c.csv"}, "outcomes": {"relapse": outcome}}


def test_a_whole_declaration_survives_json():
    declared = Declaration.from_dict(sound().declared)
    assert Declaration.from_json(declared.to_json()) == declared
    assert [spec.name for spec in Declaration.from_json(declared.to_json()).blocks] == [
        "expression",
        "labs",
        "microbes",
    ]


def test_what_was_declared_is_where_the_contract_says(tmp_path: Path):
    path = tmp_path / "cohort.toml"
    path.write_text(toml_of(sound().declared), encoding="utf-8")
    declared = declare(read_toml(path)).declaration
    assert declared.patients.age is not None
    assert declared.patients.age.unit == "months"
    assert declared.patients.known_classes == ("stage",)
    assert declared.id_column == "patient_id"
    followed = declared.outcomes[1]
    assert (followed.column, followed.time, followed.event, followed.competing) == (
        "status",
        "days",
        "1",
        "2",
    )
    assert declared.treatments[0].assigned == "randomised"
    assert declared.consent is not None
    assert declared.consent.sharing == "consent_sharing"


def test_every_fault_is_reported_at_once_with_hints():
    text = faults_of(
        {
            "naem": "x",
            "missing_codes": "-9",
            "blocks": {
                "labs": {"file": "labs.csv", "kind": "numbr", "colums": ["crp"]},
                "rna": {"kind": "log"},
            },
        }
    )
    assert 'unknown key "naem". Did you mean "name"?' in text
    assert 'missing_codes = "-9"' in text
    assert 'Did you mean "number"?' in text
    assert 'Did you mean "columns"?' in text
    assert "[blocks.rna] lacks file" in text


def test_a_declaration_without_blocks_is_refused():
    assert "lacks blocks" in faults_of({"name": "x"})
    assert "at least one block" in faults_of({"blocks": {}})


def test_repeated_outcomes_are_named_as_not_read():
    assert "this version does not read" in faults_of(with_outcome(kind="repeated", column="fev"))


def test_an_unknown_outcome_kind_names_the_known_ones():
    assert '"survival"' in faults_of(with_outcome(kind="survivl", column="fev"))


def test_keys_of_another_outcome_kind_are_unknown():
    assert 'unknown key "time"' in faults_of(with_outcome(kind="binary", column="fev", time="days"))


def test_survival_needs_its_time():
    assert "lacks time" in faults_of(with_outcome(kind="survival", column="status"))


def test_survival_without_column_takes_event_as_the_column():
    declared = Declaration.from_dict(
        with_outcome(kind="survival", time="days", event="os_event", unit="days")
    )
    assert (declared.outcomes[0].column, declared.outcomes[0].event) == ("os_event", "")


def test_codes_may_be_written_as_numbers():
    declared = Declaration.from_dict({"blocks": {"labs": LABS}, "missing_codes": [-9, 999.0, "NA"]})
    assert declared.missing_codes == ("-9", "999", "NA")


def test_two_columns_of_one_name_are_refused():
    values = with_outcome(kind="binary", column="relapse")
    values["patients"]["covariates"] = ["relapse"]
    assert 'gives the name "relapse" to 2 columns (covariate, outcome)' in faults_of(values)


def test_an_outcome_may_not_take_the_name_of_a_role():
    values = {**with_outcome(), "outcomes": {"sex": {"kind": "binary", "column": "x"}}}
    values["patients"]["sex"] = "sex"
    assert 'gives the name "sex" to 2 columns' in faults_of(values)


def test_names_that_h5mu_cannot_hold_are_refused():
    assert "h5mu" in faults_of(
        {"blocks": {"labs": LABS}, "patients": {"file": "c.csv", "covariates": ["Na/K"]}}
    )


def test_a_block_may_not_be_called_patients():
    assert "cannot be used" in faults_of({"blocks": {"patients": LABS}})


def test_outcomes_need_a_table_of_patients():
    values = with_outcome(kind="binary", column="x")
    del values["patients"]
    assert "[patients] lacks file" in faults_of(values)


def test_an_age_needs_its_unit():
    values = {"blocks": {"labs": LABS}, "patients": {"file": "c.csv", "age": "age"}}
    assert "with its unit" in faults_of(values)
    values["patients"]["age"] = {"column": "age", "unit": "month"}
    assert 'Did you mean "months"?' in faults_of(values)


def test_columns_and_exclude_contradict_each_other():
    assert "both columns and exclude" in faults_of(
        {"blocks": {"labs": {**LABS, "columns": ["a"], "exclude": ["b"]}}}
    )


def test_one_file_has_one_delimiter():
    blocks = {"a": {**LABS, "delimiter": ";"}, "b": {**LABS, "delimiter": "tab"}}
    assert "two delimiters" in faults_of({"blocks": blocks})


def test_a_file_that_is_not_toml_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "cohort.toml"
    path.write_text("name = 'x'\nid = \n", encoding="utf-8")
    with pytest.raises(CohortError, match="line 2"):
        read_toml(path)
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(CohortError, match="UTF-8"):
        read_toml(path)


def test_a_section_that_is_a_text_is_a_fault():
    assert "is not a section" in faults_of({"blocks": {"labs": "labs.csv"}})
    assert "not a set of named sections" in faults_of({"blocks": ["labs"]})
