"""Where, when and how patients were treated: site, batch, family, index date, treatments."""

from __future__ import annotations

from phenotyper.cohort.draft.column import Column
from phenotyper.cohort.draft.sorting import Sorting, TreatmentDraft
from phenotyper.cohort.draft.words import (
    BATCH,
    CONTROL,
    FAMILY,
    INDEX_DATE,
    RANDOMISED,
    SITE,
    TREATMENT,
    says,
    tokens,
    words,
)

BODY_SITE = words("tissue tumor tumour body primary anatomic anatomical biopsy metastatic of")


def places(sorting: Sorting) -> None:
    """Find the hospital, the batch, and the family."""

    def some(column: Column) -> bool:
        return 1 <= len(column.counts) <= 60

    def shared(column: Column) -> bool:
        return 1 < len(column.counts) < column.known and not column.dates

    def place(column: Column) -> bool:
        return some(column) and not says(column.name, BODY_SITE)

    for role, known, fits in (("site", SITE, place), ("batch", BATCH, some), ("family", FAMILY, shared)):
        found = sorting.named(known, fits)
        if role == "family":
            found = [
                name
                for name in found
                if len(sorting.columns[name].counts) > 0.3 * sorting.columns[name].known
            ]
        if found and not getattr(sorting.roles, role):
            best = min(found, key=lambda name: ("cohort" in tokens(name), len(tokens(name))))
            setattr(sorting.roles, role, best)
            sorting.take(best)


def dates(sorting: Sorting) -> None:
    """Find the index date; every other date is left out."""
    found = [name for name, column in sorting.columns.items() if column.dates]
    named = [name for name in found if says(name, INDEX_DATE)]
    roles = sorting.roles
    if len(found) == 1 or named:
        roles.index_date = (named or found)[0]
        column = sorting.columns[roles.index_date]
        if not all(level[4:5] == "-" for level in column.levels):
            roles.index_date_off = True
            roles.asked["index_date"] = (
                "its dates are not written as 2021-04-03: write them so, then delete the #"
            )
        elif len(found) > 1 or not named:
            roles.asked["index_date"] = "the day the patient entered the study? Leave the line out if not"
    for name in found:
        sorting.take(name)
        if name != roles.index_date:
            roles.left_out[name] = "holds dates"


def treatments(sorting: Sorting) -> None:
    """Find treatments and their control arm."""
    found = sorting.named(TREATMENT, lambda column: 2 <= len(column.counts) <= 6)
    for name in found:
        if sorting.hint(name).role:
            continue
        column = sorting.take(name)
        levels = {level.casefold(): level for level in column.levels}
        control = next((levels[word] for word in CONTROL if word in levels), "")
        random = says(name, RANDOMISED) or "placebo" in levels
        question = "randomised, or as the doctor chose (observed)?"
        if not random and says(name, ("group", "treatment")):
            question += " If it is what came of the illness, make it an outcome"
        questions = {"assigned": question}
        if not control:
            control = sorted(column.levels)[0]
            questions = {
                "": f"which value is the control ({', '.join(sorted(column.levels))})? Then delete the #"
            }
        treatment = TreatmentDraft(
            name, name, control, "randomised" if random else "observed", questions, off="" in questions
        )
        sorting.roles.treatments.append(treatment)
