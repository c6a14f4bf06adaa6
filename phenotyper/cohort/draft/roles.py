"""What the columns of the table of patients are for: every column gets one role, or none."""

from __future__ import annotations

from collections.abc import Mapping

from phenotyper.cohort.draft.classes import MOST_CLASSES, is_class, never_a_feature
from phenotyper.cohort.draft.codebook import Hint
from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.outcomes import (
    is_outcome,
    is_year,
    outcome_of,
    survival_of,
    time_unit,
)
from phenotyper.cohort.draft.settings import BODY_SITE, dates, places, treatments
from phenotyper.cohort.draft.sorting import Roles, Sorting
from phenotyper.cohort.draft.words import (
    AGE,
    BATCH,
    BODY,
    CONSENT,
    DESIGN,
    FAMILY,
    NOT_AGE,
    SCORE,
    SEX,
    SITE,
    SPLIT,
    says,
    tokens,
    words,
)
from phenotyper.errors import listed

_FEMALE = words("f female w weiblich woman girl frau feminine mujer fem")
_MALE = words("m male maennlich männlich man boy mann masculine hombre")
DATA_ACCESS_GROUP = "redcap_data_access_group"
_STUDY = words("study protocol trial")
_DESCRIPTIVE = words("stage staging grade risk histology histological classification group karyotype")


def roles_of(
    columns: Mapping[str, Column], hints: Mapping[str, Hint], *, hidden: frozenset[str] = frozenset()
) -> Roles:
    """Give every column of the table of patients one role, or none; ``hidden`` ones none but a date's."""
    sorting = Sorting(columns, hints)
    for name in columns:
        if name == DATA_ACCESS_GROUP and len(columns[name].counts) > 1:
            sorting.take(name)
            sorting.roles.site = name
        elif name in hidden and not columns[name].dates:
            sorting.take(name)
            sorting.roles.left_out[name] = "free text, or a field of the export itself"
    for step in (
        _never,
        _consent,
        _age,
        _sex,
        _survival,
        places,
        dates,
        treatments,
        _outcomes,
        _classes,
        _others,
    ):
        step(sorting)
    sorting.roles.rest = list(sorting.columns)
    return sorting.roles


def _never(sorting: Sorting) -> None:
    for name, column in list(sorting.columns.items()):
        reason = never_a_feature(column, sorting.hint(name))
        if ("birth" in tokens(name) and column.dates) or says(name, ("dob", "birthdate", "geburtsdatum")):
            sorting.roles.birth_date = name
        kept = (column.dates and "person" not in reason) or says(name, FAMILY)
        if reason and not kept:
            sorting.roles.left_out[name] = reason
            sorting.take(name)
        elif column.constant and not (says(name, SITE | BATCH | CONSENT) and not says(name, BODY_SITE)):
            sorting.roles.left_out[name] = "holds one value only"
            sorting.take(name)


def _consent(sorting: Sorting) -> None:
    for name in sorting.named(CONSENT):
        part = "sharing" if says(name, ("sharing", "share", "transfer")) else "research"
        if part not in sorting.roles.consent:
            sorting.roles.consent[part] = name
            sorting.take(name)
    if "research" not in sorting.roles.consent:
        sorting.roles.left_out |= dict.fromkeys(
            sorting.roles.consent.values(), "consent, but not to research"
        )
        sorting.roles.consent = {}


def _age(sorting: Sorting) -> None:
    def fits(column: Column) -> bool:
        label = sorting.hint(column.name).label
        other = says(column.name, NOT_AGE) or says(label, NOT_AGE)
        return column.numeric and column.low >= 0 and not other and len(column.counts) > 2

    found = sorting.named(AGE, fits)
    if not found:
        return
    child = words("child patient entry inclusion enrolment")
    best = min(found, key=lambda name: (not says(name, child), not time_unit(name), len(tokens(name))))
    column, hint = sorting.take(best), sorting.hint(best)
    others = [name for name in found if name != best]
    unit = time_unit(best) or (hint.unit if hint.unit in {"days", "weeks", "months", "years"} else "")
    if not unit:
        unit = "days" if column.high > 1500 else ("months" if column.high > 125 else "years")
    if not time_unit(best) and not hint.unit and not (column.low >= 15 and column.high <= 120):
        other = [f'"{one}"' for one in ("days", "weeks", "months", "years") if one != unit]
        sorting.roles.asked["age"] = (
            f'no unit is stated: "{unit}" fits the values; or is it one of {", ".join(other)}?'
        )
    if others:
        unit_asked = sorting.roles.asked.get("age", "")
        which = f"the age of the patient? There is {listed(others)} as well"
        sorting.roles.asked["age"] = f"{which}; {unit_asked}" if unit_asked else which
    sorting.roles.age = (best, unit)


def _sex(sorting: Sorting) -> None:
    found = sorting.named(SEX, lambda column: len(column.counts) in (2, 3))
    if not found:
        return
    column = sorting.take(found[0])
    meanings = dict(sorting.hint(found[0]).meanings)
    codes: dict[str, str] = {}
    for level in column.levels:
        said = {meanings.get(level, level).strip().casefold(), level.strip().casefold()}
        if said & _FEMALE:
            codes.setdefault("female", level)
        elif said & _MALE:
            codes.setdefault("male", level)
    roles = sorting.roles
    if len(codes) == 2:
        roles.sex = (column.name, codes["female"], codes["male"])
        other = [level for level in column.levels if level not in codes.values()]
        if other:
            roles.asked["sex"] = f'"{other[0]}" is neither: add it to missing_codes if it means unknown'
        return
    first, second = (*sorted(column.levels), "?")[:2]
    roles.sex, roles.sex_off = (column.name, second, first), True
    roles.asked["sex"] = (
        f'which code is female, "{first}" or "{second}"? Write it in and delete the # of the line'
    )


def _survival(sorting: Sorting) -> None:
    found = survival_of(
        {name: column for name, column in sorting.columns.items() if not sorting.hint(name).role}
    )
    sorting.roles.outcomes += found.outcomes
    sorting.roles.left_out |= found.left_out
    for name in [
        *found.left_out,
        *(part for item in found.outcomes for part in (item.column, str(item.keys["time"]))),
    ]:
        sorting.columns.pop(name, None)


def _outcomes(sorting: Sorting) -> None:
    roles = sorting.roles
    for name in list(sorting.columns):
        if is_outcome(sorting.columns[name], sorting.hint(name)):
            column = sorting.take(name)
            outcome = outcome_of(column, sorting.hint(name))
            if outcome is not None:
                roles.outcomes.append(outcome)
            elif len(column.counts) <= MOST_CLASSES:
                roles.known_classes.append(name)
                roles.asked[name] = (
                    "named as an outcome, with classes that have no order: compared with, no more"
                )
            else:
                roles.left_out[name] = "named as an outcome, with more classes than can be compared"


def _classes(sorting: Sorting) -> None:
    for name in list(sorting.columns):
        if not sorting.hint(name).role and is_class(sorting.columns[name]):
            column = sorting.take(name)
            sorting.roles.known_classes.append(name)
            if says(name, _DESCRIPTIVE) and not says(column.name, ("cluster", "subtype")):
                sorting.roles.asked[name] = (
                    "compared with, never used to find groups; move to covariates what should be adjusted for"
                )


def _others(sorting: Sorting) -> None:
    """Part covariates from what may be a feature: body size, scores, years, the design of the study."""
    for name, column in list(sorting.columns.items()):
        if says(name, DESIGN) and not says(name, SPLIT):
            sorting.roles.left_out[name] = "a flag of the study's design, no trait"
            sorting.take(name)
        elif (
            sorting.hint(name).role == "covariate"
            or says(name, BODY | _STUDY | SPLIT | SITE | BATCH)
            or is_year(column)
        ):
            sorting.roles.covariates.append(name)
            sorting.take(name)
        elif says(name, SCORE) and column.numeric:
            sorting.roles.covariates.append(name)
            sorting.roles.asked[name] = (
                "a score is made of other columns, and would count them twice as a feature"
            )
            sorting.take(name)
    bmi = [item for item in sorting.roles.outcomes if "bmi" in "".join(tokens(item.name))]
    for name in [name for name in sorting.roles.covariates if bmi and says(name, ("height", "weight"))]:
        if not says(name, ("gain", "birth")):
            sorting.roles.covariates.remove(name)
            sorting.roles.left_out[name] = f"{bmi[0].name} is computed from it"


def to_features(roles: Roles) -> None:
    """Give descriptive classes (stage, grade, histology) back as features where hardly any would be left."""
    for name in [name for name in roles.known_classes if says(name, _DESCRIPTIVE)]:
        roles.known_classes.remove(name)
        roles.rest.append(name)
        roles.asked[name] = (
            "taken for want of other features; move to known_classes what should be compared with instead"
        )
