"""The forms in which dates are written; which number is the day is never guessed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache

ISO = "2021-04-03"
TWO_DIGITS = "03/04/21, a year of two digits"
DAY_OR_MONTH_FIRST = "03/04/2021, day or month first"
_MONTHS = (
    ("jan", "january", "januar", "janvier", "ene"),
    ("feb", "february", "februar", "fev", "fév"),
    ("mar", "march", "mrz", "mär", "märz", "mars"),
    ("apr", "april", "avr", "avril", "abr"),
    ("may", "mai", "mayo"),
    ("jun", "june", "juni", "juin", "junio"),
    ("jul", "july", "juli", "juil", "juillet", "julio"),
    ("aug", "august", "août", "ago"),
    ("sep", "sept", "september", "septembre"),
    ("oct", "october", "okt", "oktober", "octobre"),
    ("nov", "november", "novembre"),
    ("dec", "december", "dez", "dezember", "déc", "dic"),
)
MONTHS = {word: number for number, words in enumerate(_MONTHS, start=1) for word in words}
"""Month by its name or short name in English, German, French or Spanish."""
_WORD = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_FORMS = (
    (ISO, rf"(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}}){_TIME}"),
    ("2021/04/03", rf"(?P<y>\d{{4}})([/.])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}}){_TIME}"),
    (DAY_OR_MONTH_FIRST, rf"(?P<a>\d{{1,2}})([/.-])(?P<b>\d{{1,2}})\2(?P<y>\d{{4}}){_TIME}"),
    (TWO_DIGITS, rf"(?P<a>\d{{1,2}})([/.-])(?P<b>\d{{1,2}})\2(?P<y>\d{{2}}){_TIME}"),
    ("3 Apr 2021", rf"(?P<d>\d{{1,2}})[ .-]{{1,2}}(?:{_WORD})[ .,-]{{1,2}}\d{{4}}"),
    ("3 Apr 2021", rf"(?:{_WORD})\.? (?P<d>\d{{1,2}}),? \d{{4}}"),
    ("3-Apr-21, a year of two digits", rf"(?P<d>\d{{1,2}})[ .-]{{1,2}}(?:{_WORD})[ .-]{{1,2}}\d{{2}}"),
    ("3-Apr, without a year", rf"(?P<d>\d{{1,2}})(?:-|\. ?)(?:{_WORD})\.?"),
    ("Apr-21, month and a number", rf"(?:{_WORD})-\d{{1,2}}"),
)
_PATTERNS = tuple((form, re.compile(pattern, re.IGNORECASE)) for form, pattern in _FORMS)
_START = re.compile(r"\d{1,4}[/.\- ]|[a-zà-ÿ]{3,9}[ .-]", re.IGNORECASE)


def date_form(text: str) -> str:
    """Return the form of a text that is a date, or "".

    Examples
    --------
    >>> date_form("2021-04-03"), date_form("03.04.2021"), date_form("3-Apr"), date_form("1.5")
    ('2021-04-03', '03/04/2021, day or month first', '3-Apr, without a year', '')
    """
    text = text.strip()
    if not _START.match(text):
        return ""
    for form, pattern in _PATTERNS:
        if (match := pattern.fullmatch(text)) and _possible(match.groupdict()):
            return form
    return ""


def _possible(parts: dict[str, str | None]) -> bool:
    day, month = parts.get("d"), parts.get("m")
    first, second = sorted((int(parts.get("a") or 1), int(parts.get("b") or 1)))
    return 1 <= int(day or 1) <= 31 and 1 <= int(month or 1) <= 12 and 1 <= first <= 12 and 1 <= second <= 31


@lru_cache(maxsize=4096)
def forms_of(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the form of each text, "" where it is no date; remembered, as levels repeat."""
    return tuple(date_form(text) for text in texts)


def forms_met(texts: Iterable[str]) -> list[str]:
    """Return the distinct forms of dates among texts, the most frequent first; no date is "no date"."""
    found = [form or "no date" for form in forms_of(tuple(texts))]
    return sorted(dict.fromkeys(found), key=lambda form: (-found.count(form), form))


def is_iso(text: str) -> bool:
    """Tell whether a text is a date that exists, written as 2021-04-03 (a time may follow)."""
    return day_of(text) is not None


def moment_of(text: str) -> dt.datetime | None:
    """Return a date written as 2021-04-03 with its time of day, if it has one; None for anything else."""
    text = text.strip()
    try:
        return dt.datetime.fromisoformat(text) if text[4:5] == "-" and text[7:8] == "-" else None
    except ValueError:
        return None


def day_of(text: str) -> dt.date | None:
    """Return the day of a date written as 2021-04-03, None for anything else."""
    moment = moment_of(text)
    return None if moment is None else moment.date()


def compact(number: float) -> bool:
    """Tell whether a number is a date such as 20210403."""
    text = f"{number:.0f}"
    return len(text) == 8 and 1900 <= int(text[:4]) <= 2100 and is_iso(f"{text[:4]}-{text[4:6]}-{text[6:]}")
