"""What the hospitals measure: laboratory values and questionnaire items of the simulated wheeze cohort.

``effects`` are the weights of the three processes behind the subphenotypes, in the order atopic (type 2
inflammation), neutrophilic (infection), metabolic (overweight).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Effects = tuple[float, float, float]
YES_NO = ("no", "yes")


@dataclass(frozen=True)
class Feature:
    """One column: what it is called, how it is recorded, what moves it.

    Parameters
    ----------
    name, label, kind, unit : str
        As in dictionary.csv. Kinds here: number, proportion, ordinal, yes/no, category.
    effects : tuple of float
        Weights of the three processes.
    age, curve : float, str
        Weight and form of the change with age.
    middle, spread : float
        Number: median and standard deviation (of the logarithm if ``skewed``). Proportion: median in %, and
        standard deviation on the logit scale.
    skewed : bool
        Lognormal.
    bounds : tuple of float
        Values beyond are recorded as the bound.
    lod : float or None
        Lower limit of detection; smaller values are recorded as ``<lod``.
    levels, shares : tuple
        Levels in order, and the share of children in each.
    level_effects : tuple of effects
        Category: weights of the processes for each level.
    noise : float
        Standard deviation of what nothing else explains; 1 in the scale of ``effects``.
    """

    name: str
    label: str
    kind: str
    effects: Effects = (0.0, 0.0, 0.0)
    unit: str = ""
    age: float = 0.0
    curve: str = "steady"
    middle: float = 0.0
    spread: float = 1.0
    skewed: bool = False
    bounds: tuple[float, float] = (-1e9, 1e9)
    lod: float | None = None
    decimals: int = 1
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    level_effects: tuple[Effects, ...] = ()
    noise: float = 1.0


def _number(
    name: str, label: str, unit: str, effects: Effects, middle: float, spread: float, **more: Any
) -> Feature:
    return Feature(name, label, "number", effects, unit, middle=middle, spread=spread, **more)


def _skewed(
    name: str, label: str, unit: str, effects: Effects, middle: float, spread: float, **more: Any
) -> Feature:
    return _number(name, label, unit, effects, middle, spread, skewed=True, **more)


def _steps(name: str, label: str, effects: Effects, levels: dict[str, float], **more: Any) -> Feature:
    return Feature(
        name, label, "ordinal", effects, levels=tuple(levels), shares=tuple(levels.values()), **more
    )


def _yes_no(name: str, label: str, effects: Effects, share: float, **more: Any) -> Feature:
    return Feature(name, label, "yes/no", effects, levels=YES_NO, shares=(1 - share, share), **more)


def _category(name: str, label: str, levels: dict[str, tuple[float, Effects]]) -> Feature:
    shares, effects = zip(*levels.values(), strict=True)
    return Feature(name, label, "category", levels=tuple(levels), shares=shares, level_effects=effects)


LABS: tuple[Feature, ...] = (
    _skewed("eosinophils", "Blood eosinophils", "10^9/L", (1.0, -0.3, -0.1), 0.32, 0.75, decimals=2),
    _skewed(
        "neutrophils", "Blood neutrophils", "10^9/L", (-0.2, 0.9, 0.1), 4.6, 0.45, age=0.5, curve="early"
    ),
    _skewed(
        "lymphocytes", "Blood lymphocytes", "10^9/L", (0.1, -0.3, 0.0), 3.1, 0.4, age=-1.6, curve="early"
    ),
    _number(
        "platelets",
        "Platelets",
        "10^9/L",
        (0.0, 0.3, 0.5),
        315,
        75,
        age=-0.9,
        curve="steady",
        decimals=0,
        bounds=(90, 800),
    ),
    _number(
        "haemoglobin",
        "Haemoglobin",
        "g/L",
        (0.1, -0.4, 0.0),
        126,
        11,
        age=1.6,
        curve="early",
        decimals=0,
        bounds=(75, 180),
    ),
    _skewed("crp", "C-reactive protein", "mg/L", (-0.3, 1.0, 0.3), 3.0, 1.25, lod=0.6),
    _skewed("procalcitonin", "Procalcitonin", "ug/L", (-0.1, 0.8, -0.1), 0.1, 0.95, lod=0.05, decimals=2),
    _skewed(
        "total_ige",
        "Total IgE",
        "kU/L",
        (1.0, -0.2, 0.0),
        95,
        1.3,
        age=1.0,
        curve="early",
        lod=10.0,
        decimals=0,
    ),
    _skewed(
        "feno",
        "Exhaled nitric oxide",
        "ppb",
        (0.9, -0.2, -0.2),
        16,
        0.6,
        age=0.8,
        curve="steady",
        lod=5.0,
        decimals=0,
    ),
    Feature(
        "sputum_neutrophils",
        "Neutrophils in sputum",
        "proportion",
        (-0.3, 0.9, 0.0),
        "%",
        middle=38,
        spread=0.95,
    ),
    Feature(
        "oxygen_saturation",
        "Oxygen saturation at admission",
        "proportion",
        (-0.2, -0.5, 0.2),
        "%",
        middle=94.5,
        spread=0.5,
    ),
    _number(
        "bmi_z", "Body mass index, z score", "z", (-0.2, -0.1, 1.0), 0.45, 1.1, decimals=2, bounds=(-4, 5)
    ),
    _skewed("leptin", "Leptin", "ug/L", (-0.1, 0.0, 0.9), 6.5, 0.85, age=0.8, curve="puberty"),
    _skewed("triglycerides", "Triglycerides", "mmol/L", (-0.1, 0.1, 0.8), 0.95, 0.4, decimals=2),
    _number(
        "hba1c", "Glycated haemoglobin", "mmol/mol", (0.0, 0.0, 0.7), 34, 2.6, decimals=0, bounds=(22, 60)
    ),
    _number(
        "vitamin_d",
        "25-hydroxyvitamin D",
        "nmol/L",
        (-0.2, 0.1, -0.6),
        58,
        19,
        age=-0.5,
        curve="steady",
        bounds=(10, 160),
    ),
    _skewed(
        "alkaline_phosphatase",
        "Alkaline phosphatase",
        "U/L",
        (0.0, 0.0, 0.1),
        235,
        0.3,
        age=0.9,
        curve="hump",
        decimals=0,
    ),
    _steps(
        "nasal_eosinophils",
        "Eosinophils in nasal smear",
        (0.9, -0.2, 0.0),
        {"neg": 0.45, "+": 0.25, "++": 0.18, "+++": 0.12},
    ),
    _yes_no("skin_prick", "Skin prick test positive", (0.9, -0.1, 0.0), 0.45, age=0.5, curve="early"),
)

LIFESTYLE: tuple[Feature, ...] = (
    _yes_no("eczema", "Eczema ever", (1.0, 0.0, 0.0), 0.4),
    _yes_no("hay_fever", "Hay fever", (1.0, -0.1, 0.0), 0.35),
    _yes_no("food_allergy", "Food allergy", (0.8, 0.0, 0.0), 0.2),
    _yes_no("parental_asthma", "Asthma of a parent", (0.7, 0.0, 0.1), 0.4),
    _steps(
        "parental_smoking",
        "Smoking of the parents",
        (-0.2, 0.7, 0.2),
        {"none": 0.55, "outside only": 0.3, "indoors": 0.15},
    ),
    _steps(
        "older_siblings",
        "Older siblings at home",
        (-0.3, 0.8, 0.0),
        {"none": 0.45, "one": 0.35, "two or more": 0.2},
    ),
    _yes_no("day_care", "Day care before the age of one", (-0.2, 0.9, 0.0), 0.4),
    _steps(
        "antibiotic_courses",
        "Courses of antibiotics in the last year",
        (0.0, 1.0, 0.0),
        {"none": 0.4, "one or two": 0.38, "three or more": 0.22},
    ),
    _yes_no("damp_home", "Damp or mould at home", (0.0, 0.6, 0.1), 0.22),
    _steps(
        "screen_time",
        "Screen time a day",
        (0.0, -0.1, 0.9),
        {"under 1 h": 0.25, "1 to 2 h": 0.35, "2 to 4 h": 0.25, "over 4 h": 0.15},
    ),
    _steps(
        "physical_activity",
        "Sport or active play",
        (0.1, 0.0, -0.9),
        {"rarely": 0.2, "some days": 0.3, "most days": 0.3, "daily": 0.2},
    ),
    _steps(
        "sugary_drinks",
        "Sugary drinks",
        (0.0, 0.1, 0.8),
        {"never": 0.2, "weekly": 0.4, "most days": 0.25, "daily": 0.15},
    ),
    _steps("snoring", "Snoring", (0.1, 0.1, 0.7), {"never": 0.5, "sometimes": 0.3, "often": 0.2}),
    _category(
        "wheeze_trigger",
        "Main trigger of wheeze",
        {
            "allergens": (0.3, (0.9, -0.2, -0.1)),
            "colds": (0.35, (-0.2, 0.9, -0.2)),
            "exercise": (0.2, (-0.1, -0.2, 0.9)),
            "several": (0.15, (0.0, 0.0, 0.0)),
        },
    ),
    _category(
        "worst_season",
        "Season with most wheeze",
        {
            "spring": (0.25, (0.7, -0.1, 0.0)),
            "autumn": (0.2, (0.1, 0.1, 0.0)),
            "winter": (0.3, (-0.1, 0.7, 0.0)),
            "no season": (0.25, (0.0, 0.0, 0.5)),
        },
    ),
    _category(
        "pets",
        "Pets at home",
        {
            "none": (0.55, (0.2, 0.0, 0.0)),
            "cat": (0.2, (0.0,) * 3),
            "dog": (0.15, (0.0,) * 3),
            "other": (0.1, (0.0,) * 3),
        },
    ),
)
