"""Rule on names of genes that a spreadsheet has turned into dates or numbers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from phenotyper.cohort.checks.registry import rule
from phenotyper.cohort.coding import CodedBlock
from phenotyper.cohort.dateforms import MONTHS
from phenotyper.cohort.genedates import gene_of
from phenotyper.errors import Problem, listed, number_of

MANY = 20
_GENE = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*[a-z]{0,4}\d*|[A-Z][a-z0-9]{2,}|C\d+orf\d+")
_MONTH = re.compile(
    r"(?:(?P<day>\d{1,2})(?:-|\. ?|/)(?P<word>[^\W\d]{3,9})|(?P<word2>[^\W\d]{3,9})[-/](?P<day2>\d{1,2}))\.?"
)
_DATE = re.compile(r"(?:19|20)\d{2}[-/.](?P<month>\d{2})[-/.](?P<day>\d{2})(?:[T ]00:00(?::00)?)?")
_SERIAL = re.compile(r"[34]\d{4}(?:\.0)?")
_RIKEN = re.compile(r"\d(?:\.\d+)?[eE]\+?\d{1,2}|[1-9]\d{6}0{6,13}")
_SUSPECT = re.compile(r"^(?=[\d]|(?:[^\W\d]{3,9}[-/]\d))")


@rule("cells")
def genes_turned_into_dates(block: CodedBlock) -> Iterator[Problem]:
    """Refuse names such as 2-Sep or 2.31E+13 among genes; which gene it was is proposed, never put in."""
    names = [feature.name for feature in block.features]
    suspects = [name for name in names if _SUSPECT.match(name)]
    if not suspects or 2 * len(suspects) > len(names):
        return
    others = [name for name in names if not _SUSPECT.match(name)]
    like_genes = sum(bool(_GENE.fullmatch(name)) for name in others) > 0.6 * len(others)
    found = {name: was for name in suspects if (was := former_name(name, numbers=like_genes))}
    if not found or not (like_genes or len(names) >= MANY):
        return
    shown = listed((f'"{name}" ({was})' for name, was in found.items()), most=8)
    message = (
        f"{block.source} has {number_of(len(found), 'feature name')} of block {block.spec.name} that a "
        f"spreadsheet has turned into {'a date or a number' if len(found) == 1 else 'dates or numbers'}: "
        f"{shown}"
    )
    remedy = (
        "Put the names of the genes right in the file (the present symbols cannot be mistaken), exported as "
        "text from where they came; nothing is renamed here."
    )
    yield Problem("GENE_DATE", message, remedy, where=block.source)


def former_name(name: str, *, numbers: bool = True) -> str:
    """Return what a name was before a spreadsheet read it, or "" when it is not such a name.

    Parameters
    ----------
    name : str
        As in the file.
    numbers : bool
        Take plain numbers and numbers with an exponent for such names too.

    Examples
    --------
    >>> former_name("2-Sep"), former_name("2021-03-05"), former_name("SEPT2")
    ('SEPT2, now SEPTIN2', 'MARCH5, now MARCHF5', '')
    >>> former_name("1-Mar")
    'MARCH1, now MARCHF1, or MARC1, now MTARC1'
    """
    if match := _MONTH.fullmatch(name):
        month = MONTHS.get((match["word"] or match["word2"]).casefold(), 0)
        return gene_of(month, int(match["day"] or match["day2"])) if month else ""
    if match := _DATE.fullmatch(name):
        return gene_of(int(match["month"]), int(match["day"]))
    if numbers and _SERIAL.fullmatch(name):
        day = dt.date(1899, 12, 30) + dt.timedelta(days=int(float(name)))
        return gene_of(day.month, day.day, sure=False)
    if numbers and _RIKEN.fullmatch(name):
        return "a RIKEN clone such as 2310009E13Rik, whose digits are lost"
    return ""
