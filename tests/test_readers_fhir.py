"""FHIR bundles and bulk exports: patients, values over time and conditions come in as typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raw_tables import cells, ids, said

from phenotyper.cohort.container import block_frame, patients_of, warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.errors import CohortError

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
Json = dict[str, Any]


def concept(code: str, display: str = "", system: str = LOINC) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def patient(name: str, **more: Any) -> Json:
    return {
        "resourceType": "Patient",
        "id": name,
        "gender": "female",
        "birthDate": "2012-03-04",
        "name": [{"family": "Geheim"}],
        "telecom": [{"value": "+41 61 000 00 00"}],
        "address": [{"postalCode": "4056"}],
        **more,
    }


def observation(name: str, code: Json, value: Json, of: str = "Patient/a", **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": code,
        "subject": {"reference": of},
        "effectiveDateTime": "2020-01-05T08:00:00+01:00",
        **value,
        **more,
    }


def quantity(value: float, unit: str = "g/dL", **more: Any) -> Json:
    return {"valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", **more}}


def condition(name: str, code: Json, of: str, status: str = "confirmed", **more: Any) -> Json:
    return {
        "resourceType": "Condition",
        "id": name,
        "verificationStatus": {"coding": [{"code": status}]},
        "code": code,
        "subject": {"reference": of},
        **more,
    }


def bundle(*resources: Json, urls: dict[int, str] | None = None, **more: Any) -> Json:
    entries = [
        {"resource": resource} | ({"fullUrl": urls[place]} if urls and place in urls else {})
        for place, resource in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


HB = concept("718-7", "Haemoglobin")
PATIENTS = (patient("a"), patient("b", gender="male"))


def write(path: Path, whole: Json) -> Path:
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def read(path: Path, part: str = "", **options: Any) -> RawTable:
    return read_table(Source("f", path, part=part, format="fhir", options=options))


def refused(path: Path, part: str = "", **options: Any) -> CohortError:
    with pytest.raises(CohortError) as caught:
        read(path, part, **options)
    return caught.value


def test_patients_have_sex_birth_death_and_site_and_never_a_name(tmp_path: Path):
    north = {"resourceType": "Organization", "id": "o1", "name": "North"}
    dead = patient(
        "b", gender="unknown", birthDate="2015-06", deceasedDateTime="2020-02-01T10:00:00Z",
        managingOrganization={"reference": "Organization/o1"},
    )  # fmt: skip
    file = write(tmp_path / "b.json", bundle(patient("a", deceasedBoolean=False), dead, north))
    table = read(file, "Patient")
    assert ids(table) == ["a", "b"]
    assert cells(table) == {
        "sex": ["female", None],
        "birth_date": ["2012-03-04", None],
        "birth_year": [2012.0, 2015.0],
        "deceased": ["no", "yes"],
        "death_date": [None, "2020-02-01"],
        "site": [None, "North"],
    }
    assert "1 patient" in said(table)["FHIR_DATE"]
    everything = repr(table) + table.frame.to_csv()
    assert not any(word in everything for word in ("Geheim", "+41", "4056"))


def test_values_of_every_type_have_their_kind_unit_and_day(tmp_path: Path):
    local = {"coding": [{"system": "urn:local", "code": "HB"}, *HB["coding"]]}
    resources = [
        observation("1", local, quantity(11.5)),
        observation("2", HB, quantity(10, comparator="<"), of="Patient/b", effectiveDateTime="2020-02-01"),
        observation("3", concept("883-9", "Blood group"), {"valueCodeableConcept": concept("A", "Group A")}),
        observation("4", concept("x1"), {"valueBoolean": True}),
        observation("5", concept("x2"), {"valueString": "3.5"}),
        observation("6", concept("x3"), {"valueString": "cloudy"}),
        observation("7", concept("x4"), {"valueInteger": 4}),
        observation("8", concept("x5"), {"valuePeriod": {"start": "2020-01-01"}}),
        observation("9", concept("x6"), {"dataAbsentReason": concept("unknown")}),
    ]
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, *resources)))
    assert ids(table) == ["a", "b"]
    assert cells(table) == {
        "date": ["2020-01-05", "2020-02-01"],
        "718-7": ["11.5", "<10"],
        "883-9": ["Group A", None],
        "x1": ["yes", None],
        "x2": [3.5, None],
        "x3": ["cloudy", None],
        "x4": [4.0, None],
    }
    assert table.features["718-7"] == {"kind": "number", "label": "Haemoglobin", "unit": "g/dL"}
    kinds = {name: facts["kind"] for name, facts in table.features.items()}
    assert (kinds["883-9"], kinds["x1"], kinds["x2"]) == ("category", "yes/no", "number")
    assert "1 with valuePeriod, 1 with dataAbsentReason" in said(table)["FHIR_NO_VALUE"]


def test_the_components_of_a_blood_pressure_are_features_of_their_own(tmp_path: Path):
    parts = [
        {"code": concept("8480-6", "Systolic"), **quantity(110, "mm[Hg]")},
        {"code": concept("8462-4", "Diastolic"), **quantity(70, "mm[Hg]")},
    ]
    pressure = observation("1", concept("85354-9", "Blood pressure"), {"component": parts})
    alone = observation("2", concept("8480-6"), quantity(120, "mm[Hg]"), effectiveDateTime="2020-01-06")
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, pressure, alone)))
    assert cells(table) == {
        "date": ["2020-01-05", "2020-01-06"],
        "8462-4": [70.0, None],
        "8480-6": [110.0, 120.0],
    }
    assert "FHIR_NO_VALUE" not in said(table)


def test_two_values_on_one_day_stay_two_rows_in_the_order_of_their_time(tmp_path: Path):
    late = observation("1", HB, quantity(9), effectiveDateTime="2020-01-05T20:00:00Z")
    early = observation("2", HB, quantity(8), effectiveDateTime="2020-01-05T07:00:00Z")
    period = observation("3", HB, quantity(7), effectivePeriod={"start": "2020-03-01", "end": "2020-03-02"})
    del period["effectiveDateTime"]
    vague = observation("4", HB, quantity(6), effectiveDateTime="2020")
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, late, early, period, vague)))
    assert cells(table) == {
        "date": [None, "2020-01-05", "2020-01-05", "2020-03-01"],
        "718-7": [6.0, 8.0, 9.0, 7.0],
    }
    assert "1 observation without a day" in said(table)["FHIR_DATE"]


def test_what_was_entered_in_error_or_cancelled_is_left_out_and_counted(tmp_path: Path):
    wrong = observation("1", HB, quantity(99), status="entered-in-error")
    stopped = observation("2", HB, quantity(98), status="cancelled")
    table = read(
        write(tmp_path / "b.json", bundle(*PATIENTS, wrong, stopped, observation("3", HB, quantity(11))))
    )
    assert cells(table)["718-7"] == [11.0]
    assert "1 entered-in-error, 1 cancelled" in said(table)["FHIR_STATUS"]


def test_conditions_are_yes_ever_no_without_and_missing_when_unconfirmed(tmp_path: Path):
    asthma, fever = concept("195967001", "Asthma", SNOMED), concept("386661006", "Fever", SNOMED)
    people = [*PATIENTS, patient("c"), patient("d")]
    found = [
        condition("1", asthma, "Patient/a", onsetDateTime="2019-05-01"),
        condition("2", asthma, "Patient/a", "refuted"),
        condition("3", asthma, "Patient/b", "provisional"),
        condition("4", fever, "Patient/c", recordedDate="2020-01-01"),
        condition("5", fever, "Patient/d", "entered-in-error"),
        condition("6", fever, "Patient/b", "refuted"),
    ]
    file = write(tmp_path / "b.json", bundle(*people, *found))
    table = read(file, "Condition")
    assert ids(table) == ["a", "b", "c", "d"]
    assert cells(table) == {"195967001": ["yes", None, "no", "no"], "386661006": ["no", "no", "yes", "no"]}
    assert table.features["195967001"] == {"kind": "yes/no", "label": "Asthma"}
    assert "1 condition" in said(table)["FHIR_UNCONFIRMED"]
    assert "1 entered-in-error" in said(table)["FHIR_STATUS"]
    assert "2019-05-01 to 2020-01-01" in said(table)["RECORD_ANY_DATE"]
    each = read(file, "Condition", every=True)
    assert list(zip(ids(each), each.frame["date"].fillna(""), strict=True)) == [
        ("a", "2019-05-01"), ("c", "2020-01-01"), ("b", ""), ("d", ""),
    ]  # fmt: skip


def test_references_are_found_by_url_by_type_and_with_versions(tmp_path: Path):
    nameless = patient("x")
    del nameless["id"]
    found = [
        observation("1", HB, quantity(1), of="urn:uuid:11"),
        observation("2", HB, quantity(2), of="Patient/b/_history/3"),
        observation("3", HB, quantity(3), of="https://s.org/r4/Patient/b", effectiveDateTime="2020-02-02"),
        observation("4", HB, quantity(4), of="urn:uuid:22"),
        observation("5", HB, quantity(5), of="Device/7"),
    ]
    urls = {0: "urn:uuid:11", 2: "urn:uuid:22"}
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, nameless, *found, urls=urls)))
    assert dict(zip(ids(table), table.frame["718-7"], strict=True)) == {"a": 1.0, "b": 3.0, "22": 4.0}
    assert "1 value of groups" in said(table)["FHIR_SUBJECT"]


def test_a_reference_to_nobody_is_refused_and_counted(tmp_path: Path):
    lost = [
        observation("1", HB, quantity(1), of="urn:uuid:99"),
        observation("2", HB, quantity(2), of="Patient/z"),
        observation("3", HB, quantity(3), of="Patient/z", effectiveDateTime="2020-02-02"),
    ]
    error = refused(write(tmp_path / "b.json", bundle(*PATIENTS, *lost)))
    assert error.codes == ("FHIR_REFERENCE",)
    assert "3 resources" in str(error)
    assert '"Patient/z"' in str(error)
    alone = read(write(tmp_path / "c.json", bundle(*lost[1:])))
    assert ids(alone) == ["z", "z"]


def test_several_units_are_refused_and_one_may_be_kept(tmp_path: Path):
    found = [
        observation("1", HB, quantity(11.5, code="g/dL")),
        observation("2", HB, quantity(115, "g/L", code="g/L"), of="Patient/b"),
    ]
    file = write(tmp_path / "b.json", bundle(*PATIENTS, *found))
    error = refused(file)
    assert error.codes == ("FHIR_UNITS",)
    assert "718-7 (Haemoglobin) in g/L (1 time), g/dL (1 time)" in str(error)
    table = read(file, unit_of=(("Haemoglobin", ("g/L",)),))
    assert (ids(table), cells(table)["718-7"], table.features["718-7"]["unit"]) == (["b"], [115.0], "g/L")


def test_pages_that_are_named_but_absent_are_said_and_those_present_are_not(tmp_path: Path):
    folder = tmp_path / "pages"
    folder.mkdir()
    first = [{"relation": "self", "url": "http://s/1"}, {"relation": "next", "url": "http://s/2"}]
    write(folder / "1.json", bundle(*PATIENTS, observation("1", HB, quantity(1)), link=first))
    assert "1 further page" in said(read(folder))["FHIR_PAGES"]
    assert "1.json" in said(read(folder))["FHIR_PAGES"]
    last = [{"relation": "self", "url": "http://s/2"}]
    write(
        folder / "2.json", bundle(patient("a"), observation("2", HB, quantity(2), of="Patient/b"), link=last)
    )
    table = read(folder)
    assert "FHIR_PAGES" not in said(table)
    assert "1 resource more than once" in said(table)["FHIR_REPEATED"]
    assert ids(table) == ["a", "b"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_versions_of_a_resource_the_last_updated_counts(tmp_path: Path, order: int):
    versions = [
        observation("1", HB, quantity(value), meta={"lastUpdated": f"2020-01-0{value}T00:00:00Z"})
        for value in (1, 2)
    ]
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, *versions[::order])))
    assert cells(table)["718-7"] == [2.0]


def test_a_bulk_export_reads_as_the_bundle_does(tmp_path: Path):
    found = [observation("1", HB, quantity(1)), observation("2", HB, quantity(2), of="Patient/b")]
    folder = tmp_path / "bulk"
    folder.mkdir()
    for name, resources in {"Patient": PATIENTS, "Observation": found}.items():
        (folder / f"{name}.ndjson").write_text("\n".join(map(json.dumps, resources)) + "\n", encoding="utf-8")
    (folder / "notes.txt").write_text("nothing", encoding="utf-8")
    bulk, whole = read(folder), read(write(tmp_path / "b.json", bundle(*PATIENTS, *found)))
    assert ids(bulk) == ids(whole) == ["a", "b"]
    assert cells(bulk) == cells(whole)


def test_a_code_of_two_systems_is_two_features(tmp_path: Path):
    found = [
        observation("1", concept("1"), quantity(1)),
        observation("2", concept("1", system="urn:local"), quantity(2)),
    ]
    table = read(write(tmp_path / "b.json", bundle(*PATIENTS, *found)))
    assert set(table.features) == {f"{LOINC}|1", "urn:local|1"}


def damaged_line(folder: Path) -> None:
    (folder / "o.ndjson").write_text('{"resourceType": "Observation"}\n{"resourceType": \n', encoding="utf-8")


def no_resource(folder: Path) -> None:
    write(folder / "o.json", {"hello": 1})


def not_utf8(folder: Path) -> None:
    (folder / "o.ndjson").write_bytes(b'{"resourceType": "Organization"}\n{"resourceType": "\xff"}\n')


def nothing(folder: Path) -> None:
    (folder / "o.json").write_text(" ", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (damaged_line, "FILE_DAMAGED", "o.ndjson is not whole JSON (line 2, column"),
        (no_resource, "FILE_DAMAGED", "o.json"),
        (not_utf8, "ENCODING", "o.ndjson is not UTF-8 (line 2"),
        (nothing, "FILE_EMPTY", "o.json is empty"),
    ],
)
def test_a_spoiled_file_is_named_with_its_place(
    tmp_path: Path, spoil: Callable[[Path], None], code: str, words: str
):
    folder = tmp_path / "f"
    folder.mkdir()
    write(folder / "a.json", bundle(*PATIENTS, observation("1", HB, quantity(1))))
    spoil(folder)
    error = refused(folder)
    assert error.codes == (code,)
    assert words in str(error)


def test_an_empty_folder_an_absent_part_and_a_wrong_part_are_refused(tmp_path: Path):
    assert refused(tmp_path).codes == ("FILE_EMPTY",)
    file = write(tmp_path / "b.json", bundle(*PATIENTS))
    error = refused(file, "Condition")
    assert error.codes == ("FILE_EMPTY",)
    assert "Patient (2)" in str(error)
    assert 'Did you mean "Observation"' in str(refused(file, "Observations"))


TOML = """
[patients]
file = "bulk"
format = "fhir"
sex = "sex"
age = { birth_date = "birth_date" }
index_date = "death_date"

[blocks.labs]
file = "bulk"
format = "fhir"
kind = "mixed"
aggregate = "mean"

[blocks.course]
file = "bulk"
format = "fhir"
kind = "mixed"
visits = { summaries = ["first", "last"] }

[blocks.conditions]
file = "bulk"
format = "fhir"
resource = "Condition"
kind = "yes/no"
"""


def cohort_of(home: Path, *spoiled: Json) -> Path:
    people = [
        patient(f"p{one:02d}", gender="male" if one % 2 else "female", deceasedDateTime="2020-06-01")
        for one in range(20)
    ]
    values = [
        observation(f"{one}-{month}", HB, quantity(10 + one / 10 + month), of=f"Patient/p{one:02d}",
                    effectiveDateTime=f"2020-0{month}-01")
        for one in range(20) for month in (1, 3)
    ]  # fmt: skip
    asthma = concept("195967001", "Asthma", SNOMED)
    ill = [condition(str(one), asthma, f"Patient/p{one:02d}") for one in range(0, 20, 2)]
    (home / "bulk").mkdir()
    resources = [*people, *values, *ill, *spoiled]
    text = "\n".join(map(json.dumps, resources))
    (home / "bulk" / "all.ndjson").write_text(text, encoding="utf-8")
    (home / "cohort.toml").write_text(TOML, encoding="utf-8")
    return home / "cohort.toml"


def test_a_cohort_of_fhir_resources_is_read_from_its_declaration(tmp_path: Path):
    cohort = read_cohort(cohort_of(tmp_path), quiet=True)
    patients = patients_of(cohort).sort_index()
    assert patients["sex"].tolist()[:2] == ["female", "male"]
    assert patients["age"].iloc[0] == pytest.approx((8 * 365 + 2 + 89) / 365.25)
    labs = block_frame(cohort, "labs")
    assert labs.loc["p05", "718-7"] == pytest.approx(10.5 + 2)
    course = block_frame(cohort, "course")
    assert course.loc["p05", ["718-7 (first)", "718-7 (last)"]].tolist() == pytest.approx([11.5, 13.5])
    conditions = block_frame(cohort, "conditions").sort_index()
    assert conditions["195967001"].tolist() == ["yes", "no"] * 10
    assert not {"FHIR_PAGES", "FHIR_STATUS"} & {problem.code for problem in warnings_of(cohort)}


def test_a_spoiled_cohort_of_fhir_resources_says_what_and_where(tmp_path: Path):
    spoiled = [
        observation("x", HB, quantity(120, "g/L"), of="Patient/p01"),
        condition("y", concept("1", system=SNOMED), "Patient/nobody"),
    ]
    report = check_cohort(cohort_of(tmp_path, *spoiled))
    codes = {problem.code for problem in report.errors}
    assert {"FHIR_UNITS", "FHIR_REFERENCE"} <= codes


def test_an_option_without_use_is_said(tmp_path: Path):
    file = write(tmp_path / "b.json", bundle(*PATIENTS, observation("1", HB, quantity(1))))
    assert "without every" in said(read(file, every=True))["OPTION_UNUSED"]
    assert "OPTION_UNUSED" not in said(read(file, least=0.0))
