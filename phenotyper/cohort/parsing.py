"""The tools that parse a declaration: conversions with a word on what was expected, and a list of faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phenotyper.errors import Problem, did_you_mean, listed

_NAME = re.compile(r"[^\W_][\w .+-]*")
RESERVED = {"patients", "_index", "_sample"}

A_TEXT = 'a text in quotes, as "crp"'
TEXTS = 'a list of texts, as ["crp", "wbc"]'
A_CODE = 'a value of the column, as "yes" or 1'
CODES = 'a list of values, as ["-9", "NA"]'
A_FLAG = "true or false"
A_DELIMITER = 'one character, as ";" or "tab"'
A_WINDOW = "the first and the last day, as [-30, 365]"
LIMITS = "a limit for each column, as { crp = 10 }"
A_TABLE = "a file name, a DataFrame or an AnnData"


class Wrong(ValueError):
    """A value of the wrong type; the text says what was expected."""


def text(value: Any) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Wrong(A_TEXT)
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):
        raise Wrong(TEXTS)
    return tuple(value)


def code(value: Any) -> str:
    """Return a value of a column as text; 1.0 and 1 are the same, true is "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(int(value)) if float(value).is_integer() else repr(value)
    if not isinstance(value, str) or not value.strip():
        raise Wrong(A_CODE)
    return value.strip()


def codes(value: Any) -> tuple[str, ...]:
    """Return a list of values as texts."""
    if not isinstance(value, (list, tuple)):
        raise Wrong(CODES)
    return tuple(code(item) for item in value)


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Wrong(A_FLAG)
    return value


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Return a check that takes one of a few words."""

    def check(value: Any) -> str:
        if value not in allowed:
            raise Wrong(listed((f'"{word}"' for word in allowed), most=20) + _hint(value, allowed))
        return str(value)

    return check


def several_of(*allowed: str) -> Callable[[Any], tuple[str, ...]]:
    """Return a check that takes a list of a few words."""
    one = one_of(*allowed)
    expected = f"a list of {listed((f'"{word}"' for word in allowed), most=20)}"

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not value:
            raise Wrong(expected)
        return tuple(dict.fromkeys(one(word) for word in value))

    return check


def window(value: Any) -> tuple[float, float]:
    """Return the first and the last day of a window."""
    plain = isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(day) for day in value)
    if not plain or not value[0] <= value[1]:
        raise Wrong(A_WINDOW)
    return float(value[0]), float(value[1])


def limits(value: Any) -> tuple[tuple[str, float], ...]:
    """Return limits by the name of a column."""
    if not isinstance(value, Mapping) or not value or not all(_is_number(limit) for limit in value.values()):
        raise Wrong(LIMITS)
    return tuple((str(column), float(limit)) for column, limit in value.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _hint(value: Any, known: Iterable[str]) -> str:
    return f".{did_you_mean(value, known)}".rstrip(".") if isinstance(value, str) else ""


def delimiter(value: Any) -> str:
    """Return one character; "tab" stands for a tab."""
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}
    value = named.get(value, value) if isinstance(value, str) else value
    if not isinstance(value, str) or len(value) != 1 or value.isalnum() or value in "\"'.\n\r":
        raise Wrong(A_DELIMITER)
    return value


@dataclass
class Parser:
    """Walks the raw keys, keeps faults and tables in memory."""

    title: str
    faults: list[Problem] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)

    def fault(self, where: str, message: str, remedy: str) -> None:
        """Note a fault of a place of the declaration."""
        place = f"{self.title} {where}".rstrip()
        self.faults.append(Problem("DECLARATION", f"{place} {message}", remedy, where=place))

    def section(
        self, raw: Any, where: str, keys: Mapping[str, Callable[[Any], Any]], needed: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the keys that are right; unknown, wrong and absent ones become faults."""
        if not isinstance(raw, Mapping):
            self.fault(
                where,
                "is not a section of keys",
                f"Write it as a table with the keys {listed(keys, most=20)}.",
            )
            return {}
        found: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in keys:
                remedy = (
                    f"{did_you_mean(str(key), keys).strip()} Known keys: {listed(sorted(keys), most=20)}."
                )
                self.fault(where, f'has the unknown key "{key}"', remedy.strip())
                continue
            try:
                found[key] = keys[key](value)
            except Wrong as wrong:
                self.fault(
                    where,
                    f"has {key} = {shown(value)}",
                    f"Expected {wrong}{'' if str(wrong).endswith('?') else '.'}",
                )
        for key in needed:
            if key not in raw:
                self.fault(where, f"lacks {key}", f"Add {key} = ... to it.")
        return found

    def sections(self, raw: Any, where: str) -> dict[str, Any]:
        """Return named subsections, ``[blocks.NAME]``, whose names can stand in a file."""
        if not isinstance(raw, Mapping):
            self.fault(f"[{where}]", "is not a set of named sections", f"Write [{where}.NAME] for each.")
            return {}
        for name in raw:
            if not _NAME.fullmatch(str(name)) or name in RESERVED:
                self.fault(
                    f"[{where}.{name}]",
                    "has a name that cannot be used",
                    "Use letters, digits, spaces, _ . + and -, and not the name patients.",
                )
        return {str(name): value for name, value in raw.items()}

    def file(self, label: str) -> Callable[[Any], str]:
        """Return a check that takes a path, or keeps a table in memory under a name."""

        def check(value: Any) -> str:
            if isinstance(value, (str, Path)) and str(value):
                return str(value)
            if type(value).__name__ not in {"DataFrame", "AnnData"}:
                raise Wrong(A_TABLE)
            known = next((name for name, table in self.memory.items() if table is value), None)
            name = known or f"{label} ({type(value).__name__})"
            self.memory[name] = value
            return name

        return check


def shown(value: Any) -> str:
    """Return a value for a message, cut when it is long."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else f"{text[:57]}..."
