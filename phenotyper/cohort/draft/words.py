"""Words that tell what a column is: the vocabulary of the draft, and nothing else.

Names are split into tokens (``AppendixDiameter_mm`` -> appendix, diameter, mm); a word counts only as a whole
token, so that "stage" holds no age.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEAMS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_BRACKET = re.compile(r"[(\[]\s*([^()\[\]]{1,15})\s*[)\]]\s*$")


def words(text: str) -> frozenset[str]:
    """Return a text of words as a set."""
    return frozenset(text.split())


ID = words(
    "id ids patient patientid pid subject subjectid participant record mrn case sample sampleid barcode"
)
PATIENT_ID = words("patientid subjectid participantid recordid pid studyid sampleid caseid id childid")
FEATURE_NAMES = words(
    "gene genes symbol hugo feature features probe taxon taxa otu asv cpg metabolite protein snp"
)
AGE = words("age alter edad")
NOT_AGE = words(
    "group grp category cat gestational mother maternal mothers father paternal parent parental bone"
)
SEX = words("sex gender geschlecht sexe sexo")
SITE = words("site centre center hospital clinic institution centrum klinik krankenhaus zentrum cohort ward")
BATCH = words("batch plate run lane chip array slide flowcell")
FAMILY = words("family fam household twin sibling sibship familyid")
INDEX_DATE = words(
    "admitted admission index enrolment enrollment enrolled inclusion included baseline visit entry"
)
TREATMENT = words(
    "arm treatment therapy therapie behandlung placebo randomised randomized randomisation randomization "
    "drug intervention"
)
OUTCOME = words(
    "outcome endpoint relapse relapsed recurrence recurred death dead died mortality vital event progression "
    "progressed remission response responder diagnosis complication complications exacerbation exacerbated "
    "readmission readmitted hospitalised hospitalized hospitalisation icu flare survival os efs pfs dfs rfs "
    "los stay dss ttp failure rejection deceased survived management tod verstorben rezidiv komplikation "
    "komplikationen diagnose"
)
SURVIVAL = words("os efs pfs dfs rfs dss ttp survival relapse recurrence death progression event failure tod")
EVENT = words(
    "event status seen censor censored censoring died dead relapse relapsed death vital recurrence tod"
)
TIME = words("time days months years weeks duration followup follow fu followed ttp survival")
CLASS = words(
    "cluster class subtype subgroup subphenotype phenotype endotype stage staging grade risk signature "
    "subclass classification histology histological karyotype"
)
CLASS_NAMES = words("favorable favourable unfavorable prognosis")
MOLECULAR = words(
    "rna mrna mirna methy methylation scna cnv onco oncosign immune pam mycn amplified mutation"
)
MARKER_LEVELS = words("amplified mutated mutant wildtype wt deleted unclassified rearranged translocated")
DESIGN = words("subcohort sampling weights flag fold split sampled excluded")
SPLIT = words("split fold")
BODY = words("height weight bmi")
SCORE = words("score index")
NAMED_PERSON = words(
    "surname firstname lastname forename vorname nachname email mail phone telephone telefon address adresse "
    "street zip zipcode postcode postal plz mrn ssn nhs dob birthdate birthday geburtsdatum"
)
CONSENT = words("consent einwilligung")
PROPORTION = words("perc percent percentage pct proportion fraction frac prop saturation percentile")
ORDERED = words(
    "grade stage score scale severity level asa ecog nyha apgar cat mcat category class rating likert "
    "tertile quartile quintile ter degree parity edu edumc education frequency"
)
COUNTED = words("count counts number n num times courses episodes admissions siblings persons pers visits")
NAMED_TYPE = words("type code colour color region country site centre center ethnicity race")
LOGGED = words("log log2 ln log10 logarithm lg")
VISIT_TIME = words("day days visit time week weeks month months date timepoint")

SURELY_MISSING = frozenset(
    (
        "na",
        "n/a",
        "n.a.",
        "nan",
        "null",
        "<na>",
        "#n/a",
        ".",
        "?",
        "missing",
        "not available",
        "k.a.",
        "k. a.",
    )
)
MAYBE_MISSING = frozenset(
    (
        "unknown",
        "not known",
        "unk",
        "unbekannt",
        "not done",
        "nd",
        "n.d.",
        "not applicable",
        "not recorded",
        "-",
    )
)
MISSING_NUMBERS = (-9, -99, -999, -9999, -8, -88, -888, -7, -77, 99, 888, 999, 9999, 99999)

CONTROL = (
    "placebo", "control", "none", "no", "0", "standard", "usual care", "standard of care", "untreated",
    "conservative", "sham", "false", "n", "nein",
)  # fmt: skip
RANDOMISED = words("arm placebo randomised randomized randomisation randomization")

_UNITS = {
    "mg dl": "mg/dL", "mg l": "mg/L", "g dl": "g/dL", "g l": "g/L", "ug l": "ug/L", "ug dl": "ug/dL",
    "ng ml": "ng/mL", "pg ml": "pg/mL", "ug ml": "ug/mL", "mg ml": "mg/mL", "ng l": "ng/L",
    "mmol l": "mmol/L", "umol l": "umol/L", "nmol l": "nmol/L", "pmol l": "pmol/L", "mmol mol": "mmol/mol",
    "u l": "U/L", "iu l": "IU/L", "iu ml": "IU/mL", "ku l": "kU/L", "kg m 2": "kg/m2",
    "kg": "kg", "cm": "cm", "mm": "mm", "mmhg": "mmHg", "bpm": "/min", "ml": "mL", "ppb": "ppb",
    "days": "days", "day": "days", "tage": "days", "months": "months", "month": "months", "monate": "months",
    "mo": "months", "years": "years", "year": "years", "yrs": "years", "yr": "years", "jahre": "years",
    "weeks": "weeks", "week": "weeks", "wochen": "weeks", "hours": "hours", "hrs": "hours", "minutes": "min",
    "percent": "%", "pct": "%", "perc": "%", "celsius": "°C", "degc": "°C",
}  # fmt: skip
TIME_UNITS = ("days", "weeks", "months", "years")


def tokens(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words and numbers.

    Examples
    --------
    >>> tokens("WBCCount"), tokens("age_at_diagnosis_days"), tokens("COC1")
    (('wbc', 'count'), ('age', 'at', 'diagnosis', 'days'), ('coc', '1'))
    """
    return tuple(re.sub(r"[\W_]+", " ", _SEAMS.sub("_", name)).casefold().split())


def says(name: str, known: Iterable[str]) -> bool:
    """Tell whether a name holds one of some words."""
    return not frozenset(known).isdisjoint(tokens(name))


def unit_in(name: str) -> str:
    """Return the unit that a name or a description ends in, or an empty text.

    Examples
    --------
    >>> unit_in("age_months"), unit_in("crp_mg_dl"), unit_in("CRP (mg/l)"), unit_in("stage")
    ('months', 'mg/dL', 'mg/l', '')
    """
    bracket = _BRACKET.search(name)
    if bracket and not re.search(r"[=:;]|\d{4}|\bto\b", bracket[1]):
        inside = " ".join(tokens(bracket[1]))
        plain = _UNITS.get(inside, "")
        return plain if plain in TIME_UNITS else (bracket[1] if plain or "/" in bracket[1] else "")
    parts = tokens(name)
    for length in (3, 2, 1):
        found = _UNITS.get(" ".join(parts[-length:]))
        if found and len(parts) > length:
            return found
    return ""
