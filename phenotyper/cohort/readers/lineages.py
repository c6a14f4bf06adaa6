"""Lineages of taxa as QIIME 2, BIOM, MetaPhlAn, SILVA, Greengenes and GTDB write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

RANKS = ("domain", "phylum", "class", "order", "family", "genus", "species")
_LETTERS = {"d": 0, "k": 0, "p": 1, "c": 2, "o": 3, "f": 4, "g": 5, "s": 6, "t": 7}
_PART = re.compile(r"(?:([dkpcofgst])__|D_(\d+)__)(.*)", re.DOTALL)
_UNKNOWN = re.compile(
    r"|_+|(?:uncultured|unclassified|unidentified|unassigned|ambiguous|metagenome|incertae|unknown)\b.*",
    re.IGNORECASE,
)

Lineage = tuple[str, ...]
"""Names from the domain on; "" where one is not known, no trailing empty ones."""


def depth_of(name: str) -> int:
    """Return the last rank that a lineage has a place for, -1 where the text is no lineage.

    Examples
    --------
    >>> depth_of("k__Bacteria|p__Firmicutes"), depth_of("d__Bacteria; p__; c__"), depth_of("OTU_17")
    (1, 2, -1)
    """
    found = [_ranked(part) for part in _parts(name)]
    return max((rank for rank, _ in found if rank is not None), default=-1)


def lineage_of(name: str) -> Lineage:
    """Return the names of a lineage by rank, a strain last.

    Examples
    --------
    >>> lineage_of("k__Bacteria; p__Firmicutes; c__; o__; f__; g__; s__")
    ('Bacteria', 'Firmicutes')
    >>> lineage_of("D_0__Bacteria;D_1__Firmicutes;D_2__uncultured bacterium")
    ('Bacteria', 'Firmicutes')
    """
    names = [""] * (len(RANKS) + 1)
    for rank, known in map(_ranked, _parts(name)):
        if rank is not None and rank < len(names):
            names[rank] = known
    return _trimmed(names)


def _trimmed(names: Sequence[str]) -> Lineage:
    last = max((place + 1 for place, name in enumerate(names) if name), default=0)
    return tuple(names[:last])


def _parts(name: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;|]", name)]


def _ranked(part: str) -> tuple[int | None, str]:
    found = _PART.fullmatch(part)
    if found is None:
        return None, ""
    rank = _LETTERS[found[1]] if found[1] else int(found[2])
    known = found[3].strip()
    return rank, "" if _UNKNOWN.fullmatch(known.replace("_", " ").strip()) else known


def cut(lineage: Lineage, rank: int) -> Lineage:
    """Return a lineage down to a rank."""
    return _trimmed(lineage[: rank + 1])


def short_names(lineages: Sequence[Lineage], rank: int | None = None) -> list[str]:
    """Return a name for each lineage: the last one known, with its parent where it means two things.

    Parameters
    ----------
    lineages : sequence of Lineage
        Distinct ones get distinct names.
    rank : int or None
        The rank that all should have; one that ends above it is "unclassified" of its last name.

    Examples
    --------
    >>> short_names([("B", "F", "C", "O", "Lachno", "Clostridium"), ("B", "F", "C", "O", "Clostri",
    ...              "Clostridium"), ("B", "F", "C", "O", "Lachno")], 5)
    ['Clostridium (Lachno)', 'Clostridium (Clostri)', 'unclassified Lachno']
    """
    names = [_short(lineage, rank) for lineage in lineages]
    for described in (_with_parent, _in_full):
        twice = _ambiguous(names, lineages)
        names = [
            described(name, lineage) if name in twice else name
            for name, lineage in zip(names, lineages, strict=True)
        ]
    return names


def _short(lineage: Lineage, rank: int | None) -> str:
    if not lineage:
        return "unclassified"
    name = lineage[-1]
    if rank is not None and len(lineage) <= rank:
        return f"unclassified {name}"
    genus = lineage[5] if len(lineage) == len(RANKS) else ""
    return f"{genus} {name}" if genus and not re.search(r"[ _]", name) else name


def _ambiguous(names: Sequence[str], lineages: Sequence[Lineage]) -> set[str]:
    """Return names that stand for several lineages."""
    pairs = Counter(name for name, _ in set(zip(names, lineages, strict=True)))
    return {name for name, times in pairs.items() if times > 1}


def _with_parent(name: str, lineage: Lineage) -> str:
    parent = next((known for known in reversed(lineage[:-1]) if known), "")
    return f"{name} ({parent})" if parent else name


def _in_full(name: str, lineage: Lineage) -> str:
    return f"{name.split(' (', maxsplit=1)[0]} ({'; '.join(known or '-' for known in lineage[:-1])})"


def nested(lineages: Iterable[Lineage]) -> dict[Lineage, list[Lineage]]:
    """Return the rows that stand right below a row, for each row that has such."""
    known = set(lineages)
    below: dict[Lineage, list[Lineage]] = {}
    for lineage in known:
        above = (_trimmed(lineage[:size]) for size in range(len(lineage) - 1, 0, -1))
        parent = next((shorter for shorter in above if shorter in known), None)
        if parent is not None:
            below.setdefault(parent, []).append(lineage)
    return below
