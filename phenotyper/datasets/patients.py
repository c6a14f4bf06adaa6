"""The children themselves: families, hospitals, ages, and what happened to them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phenotyper.datasets.ages import OLDEST_MONTHS, YOUNGEST_MONTHS
from phenotyper.datasets.latent import SHARED_FACTORS
from phenotyper.datasets.streams import Floats, rounded, shuffled, stream
from phenotyper.datasets.structure import WITHOUT, Structure

SHARE_WITH_SIBLING = 0.10
SHARE_REFUSING = 0.02
SHARE_NOT_SHARING = 0.10
SHARE_LOST = 0.08
FOLLOW_UP_DAYS = 365
FIRST_DAY = datetime.date(2019, 1, 7)
ADMISSION_DAYS = 1400
SPIROMETRY_MONTHS = 60
PATIENTS_A_PLATE = 90

AGE_POWER = {"atopic": 0.9, "neutrophilic": 1.35, "metabolic": 0.8, WITHOUT: 1.0}
"""Age is uniform to this power: children with infections are a little younger."""


@dataclass(frozen=True)
class Course:
    """How children of one subphenotype fare.

    Parameters
    ----------
    yearly_rate : float
        Exacerbations a year on placebo.
    steroid_ratio : float
        Hazard ratio of the steroid.
    fev1_z : float
        Mean z score of FEV1.
    """

    yearly_rate: float
    steroid_ratio: float
    fev1_z: float


COURSES = {
    "atopic": Course(1.15, 0.30, -1.2),
    "neutrophilic": Course(1.25, 1.10, -0.7),
    "metabolic": Course(0.70, 0.90, -0.2),
    WITHOUT: Course(0.55, 0.75, -0.3),
}
COURSE_OF_ALL = Course(0.95, 0.70, -0.7)
"""The course of every child in a cohort without subphenotypes."""


@dataclass(frozen=True)
class Background:
    """What was there before any measurement: families, hospitals, ages in months, factors of each child."""

    family: NDArray[np.intp]
    hospital: NDArray[np.str_]
    months: Floats
    factors: Floats


def draw_background(structure: Structure, *, hospitals: tuple[str, ...], seed: int) -> Background:
    """Draw families, hospitals and ages; siblings share the hospital and half of the factors."""
    n = len(structure.label)
    family = _families(n, stream(seed, "family"))
    hospital = np.array(hospitals)[_unequal(len(hospitals), n, stream(seed, "hospital"))][family]
    power = np.array([AGE_POWER[label] for label in structure.label])
    span = OLDEST_MONTHS - YOUNGEST_MONTHS + 1
    months = YOUNGEST_MONTHS + np.floor(span * stream(seed, "age").random(n) ** power)
    own = stream(seed, "factors").standard_normal((n, SHARED_FACTORS))
    of_family = stream(seed, "factors", "family").standard_normal((n, SHARED_FACTORS))[family]
    return Background(family, hospital, months, np.sqrt(0.5) * (own + of_family))


def _families(n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    order = shuffled(rng, n)
    family = np.arange(n)
    pairs = round(n * SHARE_WITH_SIBLING / 2)
    family[order[:pairs]] = order[pairs : 2 * pairs]
    return family


def _unequal(choices: int, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw 0..choices-1, the first a little more often."""
    weights = np.linspace(1.2, 0.8, choices)
    return np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(n), side="right")


def clinical_table(
    structure: Structure, background: Background, *, id_prefix: str, seed: int
) -> pd.DataFrame:
    """Return one row a child in the order of the ids: who they are, arm, outcomes, consent."""
    n = len(structure.label)
    treated = _randomised(background.hospital, stream(seed, "arm"))
    table = pd.DataFrame(
        {
            "patient_id": [f"{id_prefix}-{number:04d}" for number in range(1, n + 1)],
            "age_months": background.months.astype(int),
            "sex": np.where(stream(seed, "sex").random(n) < 0.56, "M", "F").astype(object),
            "hospital": background.hospital.astype(object),
            "plate": _plates(background.hospital, stream(seed, "plate")).astype(object),
            "family_id": _family_ids(background.family, id_prefix, stream(seed, "family", "id")),
            "admitted": _admissions(n, stream(seed, "admitted")),
            "arm": np.where(treated, "steroid", "placebo").astype(object),
        }
    )
    severity = background.factors[:, 0]
    for name, values in _outcomes(structure.label, treated, severity, background.months, seed).items():
        table[name] = values
    table["consent_research"] = _consents(n, SHARE_REFUSING, stream(seed, "consent", "research"))
    table["consent_sharing"] = _consents(n, SHARE_NOT_SHARING, stream(seed, "consent", "sharing"))
    return table


def _randomised(hospital: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Half of each hospital's children are treated."""
    treated = np.zeros(len(hospital), dtype=bool)
    for name in sorted(set(hospital.tolist())):
        members = np.flatnonzero(hospital == name)
        treated[members[shuffled(rng, len(members))[: len(members) // 2]]] = True
    return treated


def _plates(hospital: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.str_]:
    draws = rng.random(len(hospital))
    plates = []
    for name, draw in zip(hospital.tolist(), draws, strict=True):
        count = -(-int((hospital == name).sum()) // PATIENTS_A_PLATE)
        plates.append(f"{name[:1]}{1 + int(draw * count)}")
    return np.array(plates)


def _family_ids(family: NDArray[np.intp], id_prefix: str, rng: np.random.Generator) -> list[str]:
    number = shuffled(rng, len(family)) + 1
    return [f"{id_prefix[:1]}F{number[member]:03d}" for member in family]


def _admissions(n: int, rng: np.random.Generator) -> list[str]:
    days = np.floor(rng.random(n) * ADMISSION_DAYS).astype(int)
    return [(FIRST_DAY + datetime.timedelta(days=int(day))).isoformat() for day in days]


def _consents(n: int, share_refusing: float, rng: np.random.Generator) -> NDArray[np.object_]:
    answers = np.full(n, "yes", dtype=object)
    answers[shuffled(rng, n)[: round(n * share_refusing)]] = "no"
    return answers


def _outcomes(
    label: NDArray[np.str_], treated: NDArray[np.bool_], severity: Floats, months: Floats, seed: int
) -> dict[str, NDArray[np.object_] | Floats]:
    """Draw the year after admission; a child lost before any exacerbation has no yes or no."""
    n = len(label)
    grouped = bool((label != WITHOUT).any())
    courses = [COURSES[name] if grouped else COURSE_OF_ALL for name in label.tolist()]
    ratio = np.where(treated, [course.steroid_ratio for course in courses], 1.0)
    rate = np.array([course.yearly_rate for course in courses]) * ratio * np.exp(0.25 * severity)
    event_day = np.ceil(-np.log1p(-stream(seed, "exacerbation").random(n)) / rate * FOLLOW_UP_DAYS).clip(1)
    lost, lost_day = stream(seed, "lost").random((2, n))
    last_day = np.where(lost < SHARE_LOST, np.ceil(lost_day * FOLLOW_UP_DAYS).clip(1), FOLLOW_UP_DAYS)
    seen = event_day <= last_day
    answer = np.full(n, np.nan, dtype=object)
    answer[last_day == FOLLOW_UP_DAYS] = "no"
    answer[seen] = "yes"
    rng = stream(seed, "fev1")
    fev1 = np.array([course.fev1_z for course in courses]) - 0.3 * severity + 0.95 * rng.standard_normal(n)
    unmeasured = (months < SPIROMETRY_MONTHS) | (rng.random(n) < 0.03)
    return {
        "fev1_z": np.where(unmeasured, np.nan, rounded(fev1, 2)),
        "exacerbation": answer,
        "days_followed": np.minimum(event_day, last_day).astype(int),
        "exacerbation_seen": seen.astype(int),
    }
