"""Counts and rows in messages."""

from __future__ import annotations

from collections.abc import Iterable

from phenotyper.errors import listed


def quoted(names: Iterable[str], most: int = 5) -> str:
    """Return names as they stand in a list of cohort.toml, the first few.

    Examples
    --------
    >>> quoted(["crp", "wbc"])
    '"crp", "wbc"'
    """
    names = list(names)
    return ", ".join(f'"{name}"' for name in names[:most]) + (", ..." if len(names) > most else "")


def described(found: Iterable[tuple[str, str]], most: int = 5) -> str:
    """Return ``name (what)`` for each pair.

    Examples
    --------
    >>> described([("born", "birth dates")])
    'born (birth dates)'
    """
    return listed((f"{name} ({what})" for name, what in found), most=most)
