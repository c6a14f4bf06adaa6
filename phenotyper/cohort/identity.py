"""Patient ids that mean the same patient: spaces, case and Unicode forms."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from phenotyper.cohort.tables import Tables
from phenotyper.errors import Problem, listed

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")


def tidy(text: str) -> str:
    """Return an id without invisible characters and outer spaces, in one Unicode form; case is kept."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))).strip()


def key_of(text: str) -> str:
    r"""Return what two spellings of one patient have in common.

    Examples
    --------
    >>> key_of(" P01\u00a0") == key_of("p01")
    True
    """
    return tidy(text).casefold()


def normalised(tables: Tables) -> tuple[Tables, list[Problem]]:
    """Give each patient one spelling everywhere: that of the table of patients, else the first."""
    spellings: dict[str, str] = {}
    for table in tables.with_ids():
        for text in sorted({tidy(text) for text in np.asarray(table.ids).tolist()}):
            spellings.setdefault(text.casefold(), text)
    changed, counts = {}, {}
    for table in tables.with_ids():
        old = np.asarray(table.ids, dtype=object)
        new = np.array([spellings[key_of(text)] for text in old.tolist()], dtype=object)
        changed[id(table)] = table.with_ids_as(new)
        counts[table.name] = int((old != new).sum())
    total = sum(counts.values())
    if not total:
        return tables, []
    where = listed(f"{number} in {name}" for name, number in counts.items() if number)
    ids = "1 patient id was" if total == 1 else f"{total} patient ids were"
    message = f"{ids} written another way ({where}), because normalise_ids = true"
    return tables.mapped(changed), [
        Problem("ID_NORMALISED", message, "Correct the files to be rid of this note.", severity="warning")
    ]
