"""Which gene symbol a spreadsheet read as a day of a month.

Sources: Ziemann 2016 (Genome Biology 17:177) on the conversion; HGNC 2020 (Bruford, Nature Genetics 52:754)
on the symbols that replace SEPT, MARCH, MARC and DEC.
"""

from __future__ import annotations

_SEPTINS = {*range(1, 13), 14}
_MARCH = set(range(1, 12))
_MARC = {1, 2}
_OTHERS = {
    (9, 15): "SEP15, now SELENOF",
    (12, 1): "DEC1, now DELEC1, or an alias of BHLHE40",
    (12, 2): "DEC2, an alias of BHLHE41",
    (10, 1): "OCT1, an alias of POU2F1 and of SLC22A1",
    (10, 2): "OCT2, an alias of POU2F2 and of SLC22A2",
    (10, 3): "OCT3, an alias of POU5F1 and of SLC22A3",
    (10, 4): "OCT4, an alias of POU5F1",
    (10, 6): "OCT6, an alias of POU3F1",
    (11, 1): "NOV1 or NOV, now CCN3",
}
_SHORT = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def gene_of(month: int, day: int, *, sure: bool = True) -> str:
    """Return the gene that became a day of a month, with its present symbol.

    Parameters
    ----------
    month, day : int
        1-12 and 1-31.
    sure : bool
        Name a gene even where none is known of that day; otherwise return "".

    Examples
    --------
    >>> gene_of(9, 2), gene_of(9, 15), gene_of(2, 30, sure=False)
    ('SEPT2, now SEPTIN2', 'SEP15, now SELENOF', '')
    """
    found = []
    if month == 9 and day in _SEPTINS:
        found.append(f"SEPT{day}, now SEPTIN{day}")
    if month == 3 and day in _MARCH:
        found.append(f"MARCH{day}, now MARCHF{day}")
    if month == 3 and day in _MARC:
        found.append(f"MARC{day}, now MTARC{day}")
    if (month, day) in _OTHERS:
        found.append(_OTHERS[month, day])
    if found or not sure or not 1 <= month <= 12:
        return ", or ".join(found)
    return f"perhaps {_SHORT[month - 1]}{day}"
