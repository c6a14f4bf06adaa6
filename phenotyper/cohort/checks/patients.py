"""Rules on the table of patients: sex, consent, dates."""

from __future__ import annotations

from collections.abc import Iterator

from phenotyper.cohort.checks.dates import dated_columns
from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.dateforms import forms_met, is_iso
from phenotyper.cohort.roles import CONSENT_GIVEN, CONSENT_REFUSED, distinct_codes, sex_codes, texts
from phenotyper.cohort.tables import Tables
from phenotyper.cohort.values import code_text, counted, offences
from phenotyper.errors import Problem, listed, number_of


@rule("cohort")
def sex_is_known(tables: Tables) -> Iterator[Problem]:
    """Refuse codes of sex without a declared meaning."""
    spec, table = tables.declaration.patients.sex, tables.patients
    if spec is None or table is None:
        return
    known = sex_codes(spec)
    unknown = [
        code
        for code in distinct_codes(table, spec.column)
        if (code if spec.female else code.casefold()) not in known
    ]
    if unknown:
        found = offences(texts(table, spec.column).map(code_text, na_action="ignore"), table.rows, unknown)
        message = (
            f"{table.name} has codes in {spec.column} that are neither female nor male as declared: "
            f"{listed(counted(found))}"
        )
        remedy = (
            'Set sex = { column = "...", female = "...", male = "..." }; add codes for unknown to '
            "missing_codes."
        )
        rows = tuple(sorted(row for some in found.values() for row in some))
        yield Problem("SEX_CODES", message, remedy, where=table.name, rows=rows)


@rule("joined")
def consent_is_clear(tables: Tables) -> Iterator[Problem]:
    """Refuse answers of consent that are neither yes nor no; an empty cell is no."""
    consent, table = tables.declaration.consent, tables.patients
    if consent is None or table is None:
        return
    for column in filter(None, (consent.research, consent.sharing)):
        codes = texts(table, column).map(lambda text: code_text(text).casefold(), na_action="ignore")
        unclear = [code for code in codes.dropna().unique() if code not in CONSENT_GIVEN | CONSENT_REFUSED]
        if unclear:
            found = offences(codes, table.rows, unclear)
            rows = tuple(sorted(row for some in found.values() for row in some))
            message = (
                f"{table.name} has answers in {column} that are neither yes nor no: {listed(counted(found))}"
            )
            yield Problem(
                "CONSENT_VALUE",
                message,
                "Write yes, true or 1, or no, false or 0; empty means no.",
                where=table.name,
                rows=rows,
            )


@rule("cohort")
def dates_are_iso(tables: Tables) -> Iterator[Problem]:
    """Refuse index dates and dates of birth that are not written as 2021-04-03, with their forms."""
    for column, dates, table in dated_columns(tables):
        wrong = [str(text) for text in dates.dropna().unique() if not is_iso(str(text))]
        if wrong:
            found = offences(dates, table.rows, wrong)
            rows = tuple(sorted(row for some in found.values() for row in some))
            message = (
                f"{table.name} has {number_of(len(rows), 'date')} in {column} that "
                f"{'is' if len(rows) == 1 else 'are'} not written as 2021-04-03: {listed(found)}"
            )
            message += f"; forms met: {' / '.join(forms_met(wrong))}"
            remedy = (
                "Write dates as year-month-day; which number is the day is never guessed, and years of two "
                "digits are refused."
            )
            yield Problem("DATE_FORMAT", message, remedy, where=table.name, rows=rows)
