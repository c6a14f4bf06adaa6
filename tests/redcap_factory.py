"""A REDCap project with every field type: the truth of each patient, its dictionary and its exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HEADER = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?", "Custom Alignment",
    "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?", "Field Annotation",
)  # fmt: skip
API = (
    "field_name", "form_name", "section_header", "field_type", "field_label",
    "select_choices_or_calculations", "field_note", "text_validation_type_or_show_slider_number",
    "text_validation_min", "text_validation_max", "identifier", "branching_logic", "required_field",
    "custom_alignment", "question_number", "matrix_group_name", "matrix_ranking", "field_annotation",
)  # fmt: skip
CHOICES: dict[str, dict[str, str]] = {
    "sex": {"1": "Female", "2": "Male"},
    "ethnicity": {"01": "African", "02": "Asian", "-9": "Other, not listed"},
    "severity": {"0": "none", "1": "<b>mild</b>", "2": "severe &amp; fast"},
    "cause": {"1": "Other", "2": "Other", "3": "None"},
    "symptoms": {"1": "Rash", "2": "Joint pain, any", "-1": "Other", "A_b": "Eye"},
    "drugs": {"1": "Steroid", "2": "Biological"},
    "triggers": {"10": "Cold", "11": "Pollen"},
}
LEVELS = {
    "sex": ["Female", "Male"],
    "ethnicity": ["African", "Asian", "Other, not listed"],
    "severity": ["none", "mild", "severe & fast"],
    "cause": ["Other (1)", "Other (2)", "None"],
}
BOXES = {
    "symptoms": {"1": "symptoms___1", "2": "symptoms___2", "-1": "symptoms____1", "A_b": "symptoms___a_b"},
    "drugs": {"1": "drugs___1", "2": "drugs___2"},
    "triggers": {"10": "triggers___10", "11": "triggers___11"},
}
NUMBERS = ("height", "birth_weight", "crp", "ferritin", "bmi", "pain")
FORMS = ("demographics", "clinic", "follow_up")


def _fields() -> list[dict[str, str]]:
    def one(name: str, form: int, kind: str, label: str, **more: str) -> dict[str, str]:
        keys = {"choices": HEADER[5], "note": HEADER[6], "validation": HEADER[7], "low": HEADER[8]}
        keys |= {"high": HEADER[9], "identifier": HEADER[10], "branching": HEADER[11]}
        row = dict.fromkeys(HEADER, "")
        row |= {HEADER[0]: name, HEADER[1]: FORMS[form], HEADER[3]: kind, HEADER[4]: label}
        if name in CHOICES:
            row[HEADER[5]] = " | ".join(f"{code}, {text}" for code, text in CHOICES[name].items())
        return row | {keys[key]: value for key, value in more.items()}

    seen = "[symptoms(1)] = '1' or ([height] >= 100 and\n [sex] = \"2\")"
    return [
        one("record_id", 0, "text", "Record ID"),
        one("full_name", 0, "text", "Name", identifier="y"),
        one("email", 0, "text", "Mail", validation="email"),
        one("born", 0, "text", "Date of birth", validation="date_ymd", identifier="y"),
        one("seen_on", 0, "text", "Seen on", validation="date_dmy"),
        one("admitted", 0, "text", "Admitted", validation="datetime_seconds_ymd"),
        one("sex", 0, "radio", "Sex at birth"),
        one("height", 0, "text", "Height (cm)", validation="number", low="40", high="210"),
        one("birth_weight", 0, "text", "Birth weight", validation="integer", note="g"),
        one("ethnicity", 0, "dropdown", "Ethnicity", validation="autocomplete"),
        one("intro", 1, "descriptive", "<p>Please fill in</p>"),
        one("crp", 1, "text", "CRP (mg/L)", validation="number_2dp"),
        one("ferritin", 1, "text", "Ferritin", note="(µg/L)", validation="number_1dp_comma_decimal"),
        one("bmi", 1, "calc", "BMI", choices="round([weight]/[height], 1)"),
        one("fever", 1, "yesno", "Fever"),
        one("vaccinated", 1, "truefalse", "Vaccinated"),
        one("symptoms", 1, "checkbox", "Symptoms", branching="[fever] = '1'"),
        one("drugs", 1, "checkbox", "Drugs"),
        one("pain", 1, "slider", "Pain", choices="none | some | worst"),
        one("severity", 1, "dropdown", "Severity"),
        one("cause", 1, "radio", "Cause"),
        one("comments", 1, "notes", "Comments"),
        one("remark", 1, "text", "Remark"),
        one("came_at", 1, "text", "Came at", validation="time"),
        one("scan", 1, "file", "Scan"),
        one("signed", 1, "file", "Signature", validation="signature"),
        one("ward", 1, "sql", "Ward", choices="select ward from wards"),
        one("diagnosis", 1, "text", "Diagnosis", choices="BIOPORTAL:ICD10"),
        one("cough", 2, "yesno", "Cough"),
        one("triggers", 2, "checkbox", "Triggers", branching=seen),
    ]


@dataclass
class Project:
    """Patients of a project: codes as REDCap stores them ("" = empty), and what is true of each.

    Parameters
    ----------
    patients : int
        How many.
    seed : int
        Of the values.
    """

    patients: int = 400
    seed: int = 0
    codes: pd.DataFrame = field(init=False)
    truth: pd.DataFrame = field(init=False)
    asked: dict[str, list[bool]] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        rows = [self._patient(rng, number) for number in range(self.patients)]
        self.asked = {name: [bool(row.pop(f"asked {name}")) for row in rows] for name in BOXES}
        self.codes = pd.DataFrame(rows)
        self.truth = self._truth()

    def _patient(self, rng: np.random.Generator, number: int) -> dict[str, Any]:
        def some(value: object, share: float = 0.1) -> str:
            return "" if rng.random() < share else str(value)

        def box(name: str, *, asked: bool) -> dict[str, Any]:
            ticks = {column: str(int(asked and rng.random() < 0.3)) for column in BOXES[name].values()}
            return {**ticks, f"asked {name}": asked}

        clinic, later = rng.random() < 0.9, rng.random() < 0.6
        form = lambda value, there: some(value) if there else ""  # noqa: E731
        sex, height = some(rng.integers(1, 3), 0.05), some(round(rng.uniform(60, 190), 1), 0.05)
        fever = form(rng.integers(0, 2), clinic)
        row: dict[str, Any] = {
            "record_id": f"{number:04d}", 
            "redcap_data_access_group": str(rng.choice(["north", "south"])),
            "redcap_survey_identifier": f"child{number}@mail.org",
            "demographics_timestamp": "2024-01-02 10:00",
            "full_name": f"Child {number}", "email": f"c{number}@mail.org", "born": "2015-03-04",
            "seen_on": f"2024-02-{number % 28 + 1:02d}", "admitted": "2024-02-01 11:22:33", "sex": sex,
            "height": height, "birth_weight": some(rng.integers(900, 4500)),
            "ethnicity": some(rng.choice(list(CHOICES["ethnicity"]))), "demographics_complete": "2",
            "crp": form(f"{rng.lognormal(1, 1):.2f}", clinic),
            "ferritin": form(f"{rng.uniform(5, 900):.1f}".replace(".", ","), clinic),
            "bmi": some(round(rng.uniform(12, 35), 1)), "fever": fever,
            "vaccinated": form(rng.integers(0, 2), clinic),
        }  # fmt: skip
        symptoms = box("symptoms", asked=clinic and fever == "1")
        row |= symptoms | box("drugs", asked=clinic)
        row |= {
            "pain": form(rng.integers(0, 101), clinic), "severity": form(rng.integers(0, 3), clinic),
            "cause": form(rng.integers(1, 4), clinic), "comments": form(f"text, {number}\nmore", clinic),
            "remark": form("a; b", clinic), "came_at": form("10:30", clinic),
            "scan": form("[document]", clinic), "signed": form("sig.png", clinic),
            "ward": form(rng.choice(["W1", "W2"]), clinic),
            "diagnosis": form(rng.choice(["J45", "M08"]), clinic),
            "clinic_complete": str(rng.integers(0, 3)) if clinic else str(rng.choice(["", "0"])),
        }  # fmt: skip
        if clinic and row["clinic_complete"] == "0":
            row["severity"] = row["severity"] or "0"
        tall_boy = sex == "2" and height != "" and float(height) >= 100
        triggers = box("triggers", asked=later and (symptoms["symptoms___1"] == "1" or tall_boy))
        row |= {"cough": form(rng.integers(0, 2), later), **triggers}
        row["follow_up_complete"] = "2" if later else "0"
        return row

    def _truth(self) -> pd.DataFrame:
        found: dict[str, list[Any]] = {}
        for name in NUMBERS:
            found[name] = [float(cell.replace(",", ".")) if cell else np.nan for cell in self.codes[name]]
        for name, levels in LEVELS.items():
            words = dict(zip(CHOICES[name], levels, strict=True))
            found[name] = [words.get(cell) for cell in self.codes[name]]
        for name in ("fever", "vaccinated", "cough"):
            found[name] = [{"1": "yes", "0": "no"}.get(cell) for cell in self.codes[name]]
        for name in ("ward", "diagnosis"):
            found[name] = [cell or None for cell in self.codes[name]]
        for name, columns in BOXES.items():
            for column in columns.values():
                found[column] = [
                    {"1": "yes", "0": "no"}[cell] if asked else None
                    for cell, asked in zip(self.codes[column], self.asked[name], strict=True)
                ]
        return pd.DataFrame(found)

    def dictionary(self, *, api: bool = False, shuffled: int | None = None) -> pd.DataFrame:
        """Return the data dictionary, its rows and columns in another order when shuffled."""
        table = pd.DataFrame(_fields())[list(HEADER)]
        if api:
            table.columns = pd.Index(API)
        if shuffled is not None:
            rng = np.random.default_rng(shuffled)
            table = table.iloc[rng.permutation(len(table)), rng.permutation(len(HEADER))]
        return table

    def labelled(self) -> pd.DataFrame:
        """Return the export with labels in its cells."""
        table = self.codes.copy()
        for name, choices in CHOICES.items():
            words = {code: text.replace("<b>", "").replace("</b>", "") for code, text in choices.items()}
            if name in table:
                table[name] = [words.get(cell, "") for cell in table[name]]
        for name, words in _WORDS.items():
            table[name] = [words.get(cell, "") for cell in table[name]]
        for column in (column for columns in BOXES.values() for column in columns.values()):
            table[column] = ["Checked" if cell == "1" else "Unchecked" for cell in table[column]]
        status = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
        for form in FORMS:
            table[f"{form}_complete"] = [status.get(cell, "") for cell in table[f"{form}_complete"]]
        return table


_YES, _TRUE = {"1": "Yes", "0": "No"}, {"1": "True", "0": "False"}
_WORDS: Mapping[str, Mapping[str, str]] = {"fever": _YES, "cough": _YES, "vaccinated": _TRUE}


def write(path: Path, table: pd.DataFrame, *, mark: str = ",", bom: bool = False) -> str:
    """Write a table as CSV; return its name."""
    table.to_csv(path, index=False, sep=mark, encoding="utf-8-sig" if bom else "utf-8")
    return path.name
