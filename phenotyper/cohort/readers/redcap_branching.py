"""Branching logic of REDCap: ``[sex] = '2' and ([race(3)] = '1' or [age] >= 12)``, over all rows at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

_TOKEN = re.compile(
    r"""\s*(?:\[(?P<field>[^\[\]]+)\] | (?P<text>"[^"]*"|'[^']*') | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<sign><>|!=|<=|>=|=|<|>) | (?P<word>and\b|or\b|&&|\|\||\(|\)))""",
    re.IGNORECASE | re.VERBOSE,
)
_WORDS = {"&&": "and", "||": "or"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.*")

Cells = Callable[[str, str], np.ndarray]
"""(event or "", field or field(code)) to the raw codes of all rows, "" where empty."""


class UnsupportedError(ValueError):
    """Logic that is not evaluated here: functions, arithmetic, smart variables, fields not in the export."""


@dataclass(frozen=True)
class Shown:
    """Where logic is true and where it is false; both are false where it cannot be told (a blank < 5)."""

    true: np.ndarray
    false: np.ndarray


def shown(logic: str, cells: Cells) -> Shown:
    """Evaluate branching logic.

    Parameters
    ----------
    logic : str
        As the dictionary gives it.
    cells : callable
        Gives the raw codes of a field, shape (n,); raises UnsupportedError for one that is not there.

    Raises
    ------
    UnsupportedError
        With the part that is not understood.

    Examples
    --------
    >>> found = shown("[sex]='2' and [age]>=12", lambda event, field: np.array(["2", "1", "2"])
    ...               if field == "sex" else np.array(["13", "13", ""]))
    >>> found.true, found.false
    (array([ True, False, False]), array([False,  True, False]))
    """
    reading = _Reading(_tokens(logic), cells)
    found = reading.either()
    if reading.at < len(reading.tokens):
        raise UnsupportedError(reading.tokens[reading.at][1])
    return found


def _tokens(logic: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = logic.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnsupportedError(text[at:].strip()[:30])
        kind = str(match.lastgroup)
        token = match[kind].strip()
        if kind == "word":
            token = _WORDS.get(token, token.lower())
        found.append((kind, token[1:-1] if kind == "text" else token))
        at = match.end()
    return found


class _Reading:
    def __init__(self, tokens: list[tuple[str, str]], cells: Cells) -> None:
        self.tokens = tokens
        self.cells = cells
        self.at = 0

    def either(self) -> Shown:
        found = self.both()
        while self._next_is("word", "or"):
            other = self.both()
            found = Shown(found.true | other.true, found.false & other.false)
        return found

    def both(self) -> Shown:
        found = self.one()
        while self._next_is("word", "and"):
            other = self.one()
            found = Shown(found.true & other.true, found.false | other.false)
        return found

    def one(self) -> Shown:
        if self._next_is("word", "("):
            found = self.either()
            if not self._next_is("word", ")"):
                raise UnsupportedError(self._rest())
            return found
        left = self._operand()
        sign = self._take("sign")
        return _compared(left, sign, self._operand())

    def _operand(self) -> np.ndarray | str:
        kind = self.tokens[self.at][0] if self.at < len(self.tokens) else ""
        if kind in {"text", "number"}:
            return self._take(kind)
        name = self._take("field")
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "field":
            return self.cells(name, self._take("field"))
        return self.cells("", name)

    def _take(self, kind: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != kind:
            raise UnsupportedError(self._rest())
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _next_is(self, kind: str, token: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == (kind, token)
        self.at += found
        return found

    def _rest(self) -> str:
        return " ".join(token for _, token in self.tokens[self.at :])[:30] or "it ends too soon"


def _compared(left: np.ndarray | str, sign: str, right: np.ndarray | str) -> Shown:
    if isinstance(left, str) and isinstance(right, str):
        message = f"{left} {sign} {right}"
        raise UnsupportedError(message)
    length = len(left) if not isinstance(left, str) else len(right)
    first, second = _wide(left, length), _wide(right, length)
    a, b = _numbers(first), _numbers(second)
    numeric = ~np.isnan(a) & ~np.isnan(b)
    if sign in {"=", "<>", "!="}:
        same = np.where(numeric, a == b, first == second).astype(bool)
        return Shown(same, ~same) if sign == "=" else Shown(~same, same)
    dates = np.array(
        [bool(_DATE.fullmatch(x) and _DATE.fullmatch(y)) for x, y in zip(first, second, strict=True)]
    )
    larger = np.where(numeric, a > b, first > second).astype(bool)
    smaller = np.where(numeric, a < b, first < second).astype(bool)
    true = {">": larger, "<": smaller, ">=": ~smaller, "<=": ~larger}[sign]
    known = numeric | dates
    return Shown(true & known, ~true & known)


def _wide(values: np.ndarray | str, length: int) -> np.ndarray:
    found = np.empty(length, dtype=object)
    found[:] = values
    return found


def _numbers(values: np.ndarray) -> np.ndarray:
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
