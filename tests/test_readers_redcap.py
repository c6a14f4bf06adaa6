"""REDCap exports: every field type comes in rightly, in any form of export, or is refused with words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from redcap_factory import BOXES, LEVELS, NUMBERS, Project, write

from phenotyper.cohort.container import block_frame, patients_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.cohort.readers.redcap_branching import UnsupportedError, shown
from phenotyper.cohort.readers.redcap_dictionary import choices_of, unit_of
from phenotyper.errors import CohortError


@pytest.fixture(scope="module")
def project() -> Project:
    return Project()


def read(
    export: pd.DataFrame, dictionary: pd.DataFrame, *, id_column: str = "record_id",
    missing_codes: tuple[str, ...] = (), **options: Any,
) -> RawTable:  # fmt: skip
    given = {"data_dictionary": "dictionary.csv", **options}
    return read_table(
        Source(
            "export.csv", table=export, id_column=id_column, missing_codes=missing_codes, format="redcap",
            options=given, others={"dictionary.csv": dictionary},
        )
    )  # fmt: skip


def read_files(folder: Path, export: str, dictionary: str, **more: Any) -> RawTable:
    options = {"data_dictionary": dictionary}
    return read_table(
        Source(
            export,
            folder / export,
            id_column="record_id",
            format="redcap",
            options=options,
            home=folder,
            **more,
        )
    )


def differing(table: RawTable, truth: pd.DataFrame) -> list[str]:
    """Return every cell that is not as it truly is."""
    wrong = []
    for name in truth.columns:
        for row, (found, true) in enumerate(zip(table.frame[name], truth[name], strict=True)):
            same = (pd.isna(found) and pd.isna(true)) or found == true
            wrong += [] if same else [f"{name} {row}: {found!r} is {true!r}"]
    return wrong


def problem(table: RawTable, code: str) -> Any:
    found = [one for one in table.problems if one.code == code]
    assert len(found) == 1, [one.code for one in table.problems]
    return found[0]


def refusal(*args: Any, **options: Any) -> CohortError:
    with pytest.raises(CohortError) as caught:
        read(*args, **options)
    return caught.value


@pytest.mark.parametrize("shuffled", [None, 1, 2])
def test_every_field_type_comes_in_rightly_however_the_dictionary_is_ordered(
    project: Project, shuffled: int | None
):
    table = read(project.codes, project.dictionary(shuffled=shuffled))
    assert differing(table, project.truth) == []
    assert len(project.truth.columns) == 23
    assert table.ids is not None
    assert table.ids.tolist() == [f"{number:04d}" for number in range(400)]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_labelled_export_says_the_same_as_a_raw_one(seed: int):
    project = Project(patients=120, seed=seed)
    raw, labelled = (read(table, project.dictionary()) for table in (project.codes, project.labelled()))
    truth = project.truth.drop(columns="cause")
    assert differing(raw, project.truth) == []
    assert differing(labelled, truth) == []
    cause = project.codes["cause"].map({"1": "Other", "2": "Other", "3": "None"})
    assert differing(labelled, cause.to_frame("cause")) == []
    assert problem(labelled, "REDCAP_LABELS").severity == "warning"
    assert "REDCAP_LABELS" not in {one.code for one in raw.problems}
    told = read(project.labelled(), project.dictionary(), labels=True)
    assert "REDCAP_LABELS" not in {one.code for one in told.problems}
    assert differing(told, truth) == []


@pytest.mark.parametrize("labels", [True, False])
def test_labels_that_are_declared_against_all_cells_are_refused(project: Project, labels: bool):
    export = project.codes if labels else project.labelled()
    error = refusal(export, project.dictionary(), labels=labels)
    assert error.codes == ("REDCAP_LABELS",)
    assert f"labels = {str(labels).lower()} is declared" in str(error)


def test_a_code_in_a_labelled_export_is_refused(project: Project):
    export = project.labelled()
    export.loc[[3, 4], "sex"] = "2"
    table = read(export, project.dictionary())
    assert problem(table, "REDCAP_CHOICE").rows == (5, 6)
    assert "labels" in problem(table, "REDCAP_CHOICE").remedy


@pytest.mark.parametrize(("mark", "bom", "api"), [(",", True, False), (";", True, False), (";", False, True)])
def test_files_with_bom_and_semicolons_are_read(
    project: Project, tmp_path: Path, mark: str, bom: bool, api: bool
):
    write(tmp_path / "export.csv", project.codes, mark=mark, bom=bom)
    other = "," if mark == ";" and api else mark
    write(tmp_path / "dictionary.csv", project.dictionary(api=api, shuffled=3), mark=other, bom=bom)
    table = read_files(tmp_path, "export.csv", "dictionary.csv")
    assert differing(table, project.truth) == []
    assert table.rows[:2].tolist() == [2, 3]


def test_a_sheet_that_made_numbers_of_the_codes_says_the_same(tmp_path: Path):
    pytest.importorskip("openpyxl")
    project = Project(patients=60, seed=4)
    export = project.codes.copy()
    for name in export.columns.drop("record_id"):
        numbers = pd.to_numeric(export[name], errors="coerce")
        if (numbers.notna() == export[name].ne("")).all():
            export[name] = numbers
    assert export["ethnicity"].dtype == float
    export.to_excel(tmp_path / "export.xlsx", index=False)
    project.dictionary().to_excel(tmp_path / "dictionary.xlsx", index=False)
    assert differing(read_files(tmp_path, "export.xlsx", "dictionary.xlsx"), project.truth) == []
    assert differing(read(export, project.dictionary()), project.truth) == []


def test_a_form_with_a_status_was_opened_and_a_computed_field_alone_does_not_open_one():
    export = pd.DataFrame(
        {
            "record_id": list("1234"), "sum": ["7", "7", "", ""], "dose": ["", "", "3", ""],
            "drugs___1": "0", "clinic_complete": ["1", "0", "0", ""],
        }
    )  # fmt: skip
    dictionary = pd.DataFrame(
        {
            "field_name": ["record_id", "sum", "dose", "drugs"], "form_name": "clinic",
            "field_type": ["text", "calc", "slider", "checkbox"],
            "select_choices_or_calculations": ["", "", "", "1, Steroid"], "branching_logic": "",
        }
    )  # fmt: skip
    assert read(export, dictionary).frame["drugs___1"].fillna("-").tolist() == ["no", "-", "no", "-"]


def test_boxes_alone_of_a_form_cannot_be_told_and_that_is_said():
    export = pd.DataFrame({"record_id": ["1", "2"], "drugs___1": ["0", "1"], "age": ["3", "4"]})
    dictionary = pd.DataFrame(
        {
            "field_name": ["record_id", "age", "drugs"], "form_name": ["a", "a", "b"],
            "field_type": ["text", "slider", "checkbox"],
            "select_choices_or_calculations": ["", "", "1, Steroid"], "branching_logic": "",
        }
    )  # fmt: skip
    table = read(export, dictionary)
    assert table.frame["drugs___1"].tolist() == ["no", "yes"]
    assert "drugs (neither b_complete" in problem(table, "REDCAP_BRANCHING").message


def test_logic_on_the_row_of_the_record_holds_in_a_repeating_instrument():
    export, dictionary = longitudinal()
    export["helps___1"] = ["0", "0", "1", "0", "0", "0", "0", "0"]
    row = dict.fromkeys(dictionary.columns, "")
    row |= {"field_name": "helps", "form_name": "lab", "field_type": "checkbox"}
    row |= {"select_choices_or_calculations": "1, Well", "branching_logic": "[sex] = '1'"}
    table = read(export, pd.concat([dictionary, pd.DataFrame([row])]), instrument="lab")
    assert table.frame["helps___1"].fillna("-").tolist() == ["no", "yes", "-"]


def test_the_facts_of_a_field_are_those_of_the_dictionary(project: Project):
    facts = read(project.codes, project.dictionary()).features
    assert {name: facts[name]["kind"] for name in NUMBERS} == dict.fromkeys(NUMBERS, "number")
    assert facts["height"] == {
        "kind": "number", "unit": "cm", "label": "Height (cm)", "reference": "40-210",
    }  # fmt: skip
    assert (facts["crp"]["unit"], facts["birth_weight"]["unit"], facts["ferritin"]["unit"]) == (
        "mg/L",
        "g",
        "(µg/L)"[1:-1],
    )
    assert facts["bmi"]["label"] == "BMI (computed)"
    assert {name: facts[name]["levels"] for name in LEVELS} == LEVELS
    assert {name: facts[name]["kind"] for name in LEVELS} == dict.fromkeys(LEVELS, "category")
    assert facts["symptoms___2"] == {"kind": "yes/no", "label": "Symptoms: Joint pain, any"}
    assert {facts[name]["kind"] for name in ("fever", "vaccinated", "cough")} == {"yes/no"}
    assert {facts[name]["kind"] for name in ("ward", "diagnosis")} == {"category"}


def test_dates_and_texts_are_hidden_and_files_and_identifiers_are_left_out(project: Project):
    table = read(project.codes, project.dictionary())
    assert table.hidden == {
        "redcap_data_access_group", "demographics_timestamp", "seen_on", "admitted", "comments", "remark",
        "came_at", "demographics_complete", "clinic_complete", "follow_up_complete",
    }  # fmt: skip
    assert set(table.frame.columns) == table.hidden | set(project.truth.columns)
    assert table.frame["admitted"][0] == "2024-02-01 11:22:33"
    said = problem(table, "REDCAP_IDENTIFIERS")
    assert all(name in said.message for name in ("full_name", "email", "born", "redcap_survey_identifier"))
    assert "Child" not in said.text()


def test_identifiers_are_kept_when_asked_for_and_are_no_features(project: Project):
    one = read(project.codes, project.dictionary(), identifiers=("born",))
    assert one.frame["born"].tolist() == project.codes["born"].tolist()
    assert "born" in one.hidden
    assert "full_name" not in one.frame
    everything = read(project.codes, project.dictionary(), identifiers=("keep",))
    assert {"born", "full_name", "email"} <= everything.hidden
    assert "REDCAP_IDENTIFIERS" not in {found.code for found in everything.problems}


def test_boxes_that_nobody_was_asked_are_missing_and_counted(project: Project):
    table = read(project.codes, project.dictionary())
    expected = {
        name: len(BOXES[name]) * (~np.array(project.asked[name])).sum()
        for name in ("symptoms", "drugs", "triggers")
    }
    said = problem(table, "REDCAP_UNASKED")
    assert f"has {sum(expected.values())} empty boxes" in said.message
    missing = {name: table.frame[list(BOXES[name].values())].isna().to_numpy().sum() for name in BOXES}
    assert missing == expected
    assert all(expected.values())


def test_without_the_column_of_branching_logic_empty_boxes_are_no_and_that_is_said(project: Project):
    dictionary = project.dictionary().drop(columns="Branching Logic (Show field only if...)")
    table = read(project.codes, dictionary)
    truth = project.truth.copy()
    opened = project.codes["fever"].ne("") | project.codes["severity"].ne("")
    boxes = list(BOXES["symptoms"].values())
    assert table.frame.loc[opened, boxes].notna().to_numpy().all()
    assert "symptoms" in problem(table, "REDCAP_BRANCHING").message
    assert differing(table, truth.drop(columns=[*boxes, *BOXES["triggers"].values()])) == []


def test_logic_on_fields_that_were_not_exported_is_named(project: Project):
    export = project.codes.drop(columns="height")
    table = read(export, project.dictionary())
    said = problem(table, "REDCAP_BRANCHING")
    assert 'triggers (its branching logic has "[height]")' in said.message
    assert "symptoms (" not in said.message
    truth = project.truth.drop(columns=["height", *BOXES["triggers"].values()])
    assert differing(table, truth) == []
    assert "the fields height" in problem(table, "REDCAP_ABSENT").message


def test_forms_that_were_not_exported_are_named_once(project: Project):
    gone = [name for name in project.codes if name.startswith(("cough", "triggers", "follow_up"))]
    said = problem(read(project.codes.drop(columns=gone), project.dictionary()), "REDCAP_ABSENT")
    assert "the forms follow_up" in said.message
    assert "cough" not in said.message


def test_a_code_that_is_no_choice_is_refused_with_its_rows(project: Project):
    export = project.codes.copy()
    export.loc[[3, 7], "sex"] = "7"
    export.loc[5, "fever"] = "2"
    export.loc[9, "drugs___1"] = "x"
    table = read(export, project.dictionary())
    found = [one for one in table.problems if one.code == "REDCAP_CHOICE"]
    assert [one.rows for one in found] == [(5, 9), (7,), (11,)]
    assert all(one.severity == "error" for one in found)
    assert 'field "sex" holds "7" (2 times)' in found[0].message
    assert "1 Female, 2 Male" in found[0].message


def test_a_box_of_a_missing_data_code_makes_its_checkbox_missing():
    codes = ["1", "2", "3"]
    export = pd.DataFrame(
        {
            "record_id": codes,
            "drugs___1": ["0", "1", "0"],
            "drugs___unk": ["1", "0", "0"],
            "dose": ["3", "4", "5"],
        }
    )
    dictionary = pd.DataFrame(
        {
            "field_name": ["record_id", "drugs", "dose"],
            "form_name": "a",
            "field_type": ["text", "checkbox", "slider"],
            "select_choices_or_calculations": ["", "1, Steroid", ""],
            "branching_logic": "",
        }
    )
    table = read(export, dictionary, missing_data_codes=("UNK",))
    assert table.frame["drugs___1"].fillna("-").tolist() == ["-", "yes", "no"]
    assert "drugs___unk" not in table.frame
    assert "drugs___unk" in read(export, dictionary).hidden


def test_boxes_that_hold_their_label_are_ticked_and_the_others_are_not(project: Project):
    export = project.labelled()
    for column, label in {"drugs___1": "Steroid", "drugs___2": "Biological"}.items():
        export[column] = export[column].map({"Checked": label, "Unchecked": ""})
    table = read(export, project.dictionary())
    assert differing(table, project.truth.drop(columns="cause")) == []


def test_missing_data_codes_are_missing(project: Project):
    export = project.codes.copy()
    export.loc[[3, 7], "sex"] = "NASK"
    export.loc[4, "crp"] = "NASK"
    table = read(export, project.dictionary(), missing_data_codes=("NASK",))
    assert table.frame["sex"].isna()[[3, 7]].all()
    assert np.isnan(table.frame["crp"][4])
    assert "REDCAP_CHOICE" not in {one.code for one in table.problems}
    undeclared = read(export, project.dictionary())
    assert "missing_data_codes" in problem(undeclared, "REDCAP_CHOICE").remedy


def test_numbers_outside_the_range_of_data_entry_are_kept_and_named(project: Project):
    export = project.codes.copy()
    export.loc[[1, 8], "height"] = ["1.52", "900"]
    table = read(export, project.dictionary())
    said = problem(table, "REDCAP_RANGE")
    assert said.rows == (3, 10)
    assert "2 values outside 40-210" in said.message
    assert table.frame["height"][8] == 900


def test_a_number_below_a_limit_stays_text_for_the_block_to_say(project: Project):
    export = project.codes.copy()
    export.loc[2, "crp"] = "<0.3"
    assert read(export, project.dictionary()).frame["crp"][2] == "<0.3"


def test_computed_fields_and_fields_of_many_choices_are_named(project: Project):
    table = read(project.codes, project.dictionary())
    assert problem(table, "REDCAP_CALC").message.endswith("bmi")
    assert problem(table, "REDCAP_ORDER").message.endswith("ethnicity, severity, cause")


def test_text_fields_that_hold_numbers_are_named(project: Project):
    assert "REDCAP_TEXT" not in {one.code for one in read(project.codes, project.dictionary()).problems}
    export = project.codes.assign(remark=[str(place / 4) for place in range(400)])
    table = read(export, project.dictionary())
    assert problem(table, "REDCAP_TEXT").message.endswith("remark")
    assert "remark" in table.hidden


def test_columns_that_the_dictionary_does_not_describe_are_named_and_hidden(project: Project):
    export = project.codes.assign(strange="1", sex___9="0")
    table = read(export, project.dictionary())
    assert problem(table, "REDCAP_FIELD").message.endswith("strange, sex___9")
    assert {"strange", "sex___9"} <= table.hidden


@pytest.mark.parametrize("names", [{"crp": "CRP (mg/L)"}, {"symptoms___1": "Symptoms (choice=Rash)"}])
def test_headers_that_are_labels_are_refused(project: Project, names: dict[str, str]):
    error = refusal(project.codes.rename(columns=names), project.dictionary())
    assert error.codes == ("REDCAP_FIELD",)
    assert "raw" in str(error)


def test_an_absent_id_column_is_told_which_it_may_be(project: Project, tmp_path: Path):
    write(tmp_path / "export.csv", project.codes)
    write(tmp_path / "dictionary.csv", project.dictionary(shuffled=5))
    options = {"data_dictionary": "dictionary.csv"}
    source = Source("export.csv", tmp_path / "export.csv", format="redcap", options=options, home=tmp_path)
    with pytest.raises(CohortError, match='set id = "record_id"') as caught:
        read_table(source)
    assert caught.value.codes == ("COLUMN_ABSENT",)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("Field Type", "radioo", 'Did you mean "radio"'),
        ("Choices, Calculations, OR Slider Labels", "1, a | b", 'the choice "b"'),
        ("Choices, Calculations, OR Slider Labels", "1, a | 1, b", 'the choice "1"'),
        ("Choices, Calculations, OR Slider Labels", "", "has no choices"),
        ("Variable / Field Name", "height", "height more than once"),
    ],
)
def test_a_spoiled_dictionary_is_refused_with_its_row(project: Project, column: str, cell: str, said: str):
    dictionary = project.dictionary()
    dictionary.loc[6, column] = cell
    error = refusal(project.codes, dictionary)
    assert set(error.codes) == {"REDCAP_DICTIONARY"}
    assert said in str(error)
    assert "row 8" in str(error) or "more than once" in str(error)


def test_another_table_in_place_of_the_dictionary_is_refused(project: Project):
    assert refusal(project.codes, project.codes).codes == ("REDCAP_DICTIONARY",)


def test_choices_are_split_at_the_first_comma():
    assert choices_of("1, Yes | 2, No, never") == (("1", "Yes"), ("2", "No, never"))
    assert choices_of("01, <5 years|-9, a <i>b</i>") == (("01", "<5 years"), ("-9", "a b"))


@pytest.mark.parametrize("label", ["Pain (0-10)", "Asthma (yes/no)", "Grip left (L)", "Visit (first)", "CRP"])
def test_what_stands_in_brackets_is_no_unit_unless_it_is_one(label: str):
    assert unit_of(label, "") == ""


@pytest.mark.parametrize(
    "unit",
    ["mg/dL", "10^9/L", "x10^9/L", "mL/min/1.73 m2", "%", "mmHg", "µmol/L", "years", "kg/m²", "°C", "ng/mL"],
)
def test_units_in_brackets_are_units(unit: str):
    assert unit_of(f"Value ({unit})", "") == unit


def _rows(event: str, field: str) -> np.ndarray:
    known = {
        "a": ["1", "2", ""], "age": ["4", "12.5", ""], "race(3)": ["1", "0", "0"],
        "day": ["2024-05-01", "2023-01-01", ""],
    }  # fmt: skip
    if event not in {"", "first_arm_1"} or field not in known:
        raise UnsupportedError(field)
    return np.array(known[field], dtype=object)


@pytest.mark.parametrize(
    ("logic", "true", "false"),
    [
        ("[a]='1'", "100", "011"),
        ("[a] <> '1'", "011", "100"),
        ('[a]!="1"', "011", "100"),
        ("[a] = ''", "001", "110"),
        ("[age]<5", "100", "010"),
        ("[age] >= 12.5", "010", "100"),
        ("[age] <= '4.0'", "100", "010"),
        ("5 > [age]", "100", "010"),
        ("[race(3)]='1' or [a]='2'", "110", "001"),
        ("[a]='1' or [age]>5 and [race(3)]='0'", "110", "000"),
        ("([a]='1' or [age]>5) and [race(3)]='1'", "100", "011"),
        ("[first_arm_1][a] = 2 AND\n[age] > 1", "010", "101"),
        ("[day] > '2024-01-01'", "100", "010"),
    ],
)
def test_branching_logic_is_evaluated_and_a_blank_in_an_inequality_cannot_be_told(
    logic: str, true: str, false: str
):
    found = shown(logic, _rows)
    assert "".join(str(int(value)) for value in found.true) == true
    assert "".join(str(int(value)) for value in found.false) == false


@pytest.mark.parametrize(
    "logic",
    [
        "datediff([a],'today','y')>1",
        "[a]+1=2",
        "[a]",
        "[a]='1' and",
        "([a]='1'",
        "[a][2]='1'",
        "[user-name]='x'",
        "1=1",
    ],
)
def test_logic_that_is_not_understood_is_not_evaluated(logic: str):
    with pytest.raises(UnsupportedError):
        shown(logic, _rows)


def longitudinal() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three patients: baseline, two labs at baseline, an outcome at month 6; one has no second event."""
    header = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,race___1"
    header += ",baseline_complete,crp,lab_complete,well,side___1,end_complete"
    lines = [
        "1,start_arm_1,,,1,1,2,,,,0,",
        "1,start_arm_1,lab,1,,0,,3.5,2,,0,", "1,start_arm_1,lab,2,,0,,4.5,2,,0,",
        "1,month_6_arm_1,,,,0,,,,1,0,2",
        "2,start_arm_1,,,2,0,2,,,,0,", "2,start_arm_1,lab,1,,0,,9,2,,0,", "2,month_6_arm_1,,,,0,,,,0,1,2",
        "3,start_arm_1,,,2,0,0,,,,0,",
    ]  # fmt: skip
    rows = [line.split(",") for line in lines]
    fields = [
        ("record_id", "baseline", "text", "", ""), ("sex", "baseline", "radio", "1, Girl | 2, Boy", ""),
        ("race", "baseline", "checkbox", "1, Inuit", ""), ("crp", "lab", "text", "", ""),
        ("well", "end", "yesno", "", ""),
        ("side", "end", "checkbox", "1, Nausea", "[start_arm_1][sex]='2' and [event-name]='month_6_arm_1'"),
    ]  # fmt: skip
    dictionary = pd.DataFrame(
        fields,
        columns=[
            "field_name",
            "form_name",
            "field_type",
            "select_choices_or_calculations",
            "branching_logic",
        ],
    )
    dictionary["text_validation_type_or_show_slider_number"] = ["", "", "", "number", "", ""]
    return pd.DataFrame(rows, columns=header.split(",")), dictionary


def test_several_events_are_refused_with_three_ways_out():
    error = refusal(*longitudinal())
    assert error.codes == ("REDCAP_EVENTS",)
    assert all(word in str(error) for word in ("start_arm_1", "month_6_arm_1", '"merge"', "aggregate"))
    assert "(rows 5, 8)" in str(error)


def test_one_event_is_one_row_a_patient_and_repeats_are_left_out_and_counted():
    table = read(*longitudinal(), event=("start_arm_1",))
    assert table.ids is not None
    assert table.ids.tolist() == ["1", "2", "3"]
    assert table.rows.tolist() == [2, 6, 9]
    assert table.frame["sex"].tolist() == ["Girl", "Boy", "Boy"]
    assert table.frame["race___1"].tolist() == ["yes", "no", "no"]
    assert table.frame["side___1"].isna().all()
    assert "lab (3 rows)" in problem(table, "REDCAP_REPEATS").message


def test_events_are_merged_to_one_row_a_patient_when_that_is_declared():
    table = read(*longitudinal(), event=("merge",))
    assert table.ids is not None
    assert table.ids.tolist() == ["1", "2", "3"]
    assert table.rows.tolist() == [2, 6, 9]
    assert table.frame["sex"].tolist() == ["Girl", "Boy", "Boy"]
    assert table.frame["race___1"].tolist() == ["yes", "no", "no"]
    assert table.frame["well"].fillna("-").tolist() == ["yes", "no", "-"]
    assert table.frame["side___1"].fillna("-").tolist() == ["-", "yes", "-"]


def test_logic_on_another_event_is_looked_up_there():
    export, dictionary = longitudinal()
    export.loc[6, "side___1"] = "0"
    table = read(export, dictionary, event=("month_6_arm_1",))
    assert table.frame["side___1"].fillna("-").tolist() == ["-", "no"]


def test_patients_in_two_arms_and_a_repeated_event_are_not_several_events():
    export, dictionary = longitudinal()
    arms = export.iloc[[0, 0, 4]].assign(redcap_event_name=["start_arm_1", "start_arm_1", "start_arm_2"])
    table = read(arms, dictionary)
    assert table.ids is not None
    assert table.ids.tolist() == ["1", "1", "2"]


def test_two_values_of_a_field_in_the_events_of_a_patient_are_not_merged():
    export, dictionary = longitudinal()
    export.loc[6, "sex"] = "1"
    said = problem(read(export, dictionary, event=("merge",)), "REDCAP_MERGE")
    assert said.severity == "error"
    assert said.rows == (6,)
    assert said.message.endswith("sex")


def test_dates_that_differ_between_events_are_left_out_of_a_merge_and_named():
    export, dictionary = longitudinal()
    export["seen_on"] = [f"2024-0{place + 1}-01" for place in range(8)]
    export["born"] = ["2015-01-01", "", "", "", "2016-01-01", "", "", ""]
    fields = pd.DataFrame({"field_name": ["seen_on", "born"], "form_name": "visit", "field_type": "text"})
    table = read(export, pd.concat([dictionary, fields]).fillna(""), event=("merge",))
    said = problem(table, "REDCAP_MERGE")
    assert (said.severity, said.message.split(": ")[1]) == ("warning", "seen_on")
    assert "seen_on" not in table.frame
    assert "seen_on" not in table.hidden
    assert table.frame["born"].fillna("-").tolist() == ["2015-01-01", "2016-01-01", "-"]


def test_a_repeating_instrument_gives_many_rows_a_patient_and_its_own_fields():
    table = read(*longitudinal(), instrument="lab")
    assert table.ids is not None
    assert table.ids.tolist() == ["1", "1", "2"]
    assert table.frame["crp"].tolist() == [3.5, 4.5, 9.0]
    assert [name for name in table.frame if name not in table.hidden] == ["crp"]


def test_all_events_stay_rows_when_that_is_declared():
    table = read(*longitudinal(), event=("all",))
    assert table.ids is not None
    assert table.ids.tolist() == ["1", "1", "2", "2", "3"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"event": ("strat_arm_1",)}, "REDCAP_EVENTS", 'Did you mean "start_arm_1"'),
        ({"instrument": "labs"}, "REDCAP_INSTRUMENT", "It has lab"),
    ],
)
def test_events_and_instruments_that_are_not_there_are_refused(options: dict[str, Any], code: str, said: str):
    error = refusal(*longitudinal(), **options)
    assert error.codes == (code,)
    assert said in str(error)


def test_an_id_that_stands_in_one_event_only_holds_for_the_whole_record():
    export, dictionary = longitudinal()
    export["study_id"] = ["A", "", "", "", "B", "", "", "C"]
    more = pd.DataFrame([{"field_name": "study_id", "form_name": "baseline", "field_type": "text"}])
    dictionary = pd.concat([dictionary, more]).fillna("")
    table = read(export, dictionary, id_column="study_id", instrument="lab")
    assert table.ids is not None
    assert table.ids.tolist() == ["A", "A", "B"]


def toml(folder: Path, project: Project, **more: str) -> Path:
    write(folder / "export.csv", project.codes, mark=";", bom=True)
    write(folder / "fields.csv", project.dictionary(shuffled=8))
    extra = "\n".join(f"{key} = {value}" for key, value in more.items())
    how = f'file = "export.csv"\nformat = "redcap"\ndata_dictionary = "fields.csv"\n{extra}\n'
    text = f'id = "record_id"\n[blocks.clinic]\n{how}kind = "mixed"\nexclude = ["sex", "cough"]\n'
    text += f'[patients]\n{how}site = "redcap_data_access_group"\n'
    text += 'sex = { column = "sex", female = "Female", male = "Male" }\n'
    text += '[outcomes.coughs]\nkind = "binary"\ncolumn = "cough"\nevent = "yes"\n'
    (folder / "cohort.toml").write_text(text, encoding="utf-8")
    return folder / "cohort.toml"


def test_a_cohort_is_read_from_an_export_by_its_declaration(project: Project, tmp_path: Path):
    cohort = read_cohort(toml(tmp_path, project), quiet=True)
    frame, patients = block_frame(cohort, "clinic"), patients_of(cohort)
    assert set(frame.columns) == set(project.truth.columns) - {"sex", "cough"}
    np.testing.assert_array_equal(frame.loc[[f"{n:04d}" for n in range(400)], "crp"], project.truth["crp"])
    assert patients["sex"].str.capitalize().fillna("").tolist() == project.truth["sex"].fillna("").tolist()
    assert patients["site"].tolist() == project.codes["redcap_data_access_group"].tolist()
    assert cohort["clinic"].var.loc["ethnicity", "levels"] == '["African", "Asian", "Other, not listed"]'
    report = check_cohort(tmp_path / "cohort.toml")
    assert report.ok
    assert {"REDCAP_CALC", "REDCAP_UNASKED", "REDCAP_IDENTIFIERS"} <= {one.code for one in report.warnings}


def test_a_cell_that_is_no_number_is_refused_by_the_block_with_its_row(project: Project, tmp_path: Path):
    path = toml(tmp_path, project)
    export = project.codes.copy()
    export.loc[10, "crp"] = "12 mg"
    write(tmp_path / "export.csv", export, mark=";")
    error = next(one for one in check_cohort(path).errors if one.code == "COERCE")
    assert "12 mg" in error.message
    assert error.rows == (12,)


def test_a_file_with_events_and_repeats_feeds_several_blocks(tmp_path: Path):
    export, dictionary = longitudinal()
    write(tmp_path / "export.csv", export)
    write(tmp_path / "fields.csv", dictionary)
    how = 'file = "export.csv"\nformat = "redcap"\ndata_dictionary = "fields.csv"\n'
    (tmp_path / "cohort.toml").write_text(
        f'id = "record_id"\n[blocks.lab]\n{how}instrument = "lab"\naggregate = "mean"\nkind = "mixed"\n'
        f'[blocks.start]\n{how}event = ["start_arm_1"]\nkind = "mixed"\ncolumns = ["sex", "race___1"]\n'
        f'[patients]\n{how}event = "merge"\n[outcomes.well]\nkind = "binary"\ncolumn = "well"\n',
        encoding="utf-8",
    )
    cohort = read_cohort(tmp_path, quiet=True)
    assert block_frame(cohort, "lab")["crp"].to_dict() == {"1": 4.0, "2": 9.0}
    assert block_frame(cohort, "start")["sex"].astype(str).to_dict() == {"1": "Girl", "2": "Boy", "3": "Boy"}
    assert patients_of(cohort)["well"].fillna(-1).to_dict() == {"1": 1.0, "2": 0.0, "3": -1.0}


def test_a_declaration_without_the_dictionary_is_refused(project: Project, tmp_path: Path):
    path = toml(tmp_path, project)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('data_dictionary = "fields.csv"', ""), encoding="utf-8")
    assert "REDCAP_DICTIONARY" in {one.code for one in check_cohort(path).errors}
    path.write_text(text.replace("fields.csv", "field.csv"), encoding="utf-8")
    error = next(one for one in check_cohort(path).errors if one.code == "FILE_ABSENT")
    assert 'Did you mean "fields.csv"' in error.remedy


def test_options_of_the_wrong_type_are_refused(project: Project, tmp_path: Path):
    path = toml(tmp_path, project, event="3", identifiers='"all"', labels='"yes"')
    errors = check_cohort(path).errors
    assert {one.code for one in errors} == {"DECLARATION"}
    assert len(errors) == 6
