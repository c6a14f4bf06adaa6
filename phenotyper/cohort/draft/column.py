"""One column of a table and its facts: counts, numbers, limits, dates, free text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from phenotyper.cohort.values import LIMIT, NUMBER, code_text

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")


@dataclass(frozen=True)
class Column:
    """One column and its facts; ``given`` holds its cells, or gets them when they are first asked for."""

    name: str
    given: pd.Series | Callable[[], pd.Series]

    @cached_property
    def cells(self) -> pd.Series:
        """The cells: float64 or text, NaN = missing (missing codes included)."""
        return self.given() if callable(self.given) else self.given

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How often each value occurs, as codes (``1.0`` is ``1``), in the order of frequency."""
        found: dict[str, int] = {}
        for value, times in self.cells.value_counts().items():
            code = code_text(value)
            found[code] = found.get(code, 0) + int(times)
        return found

    @property
    def levels(self) -> tuple[str, ...]:
        """The distinct values, most frequent first."""
        return tuple(self.counts)

    @property
    def known(self) -> int:
        """How many patients have a value."""
        return sum(self.counts.values())

    @cached_property
    def odd(self) -> tuple[str, ...]:
        """Distinct texts that are no numbers."""
        if self.cells.dtype == np.float64:
            return ()
        return tuple(text for text in self.counts if not NUMBER.fullmatch(text))

    @property
    def limits(self) -> tuple[str, ...]:
        """Distinct texts such as <0.5."""
        return tuple(text for text in self.odd if LIMIT.fullmatch(text))

    @cached_property
    def numbers(self) -> np.ndarray:
        """The values that are numbers, a limit of detection counting as its number."""
        if self.cells.dtype == np.float64:
            values = self.cells.to_numpy()
            return values[np.isfinite(values)]
        limits = {text: found[2] for text in self.odd if (found := LIMIT.fullmatch(text))}
        plain = [
            float(limits.get(text, text)) for text in self.counts if text in limits or text not in self.odd
        ]
        return np.array([value for value in plain if np.isfinite(value)])

    @property
    def numeric(self) -> bool:
        """Whether every value is a number or a limit of detection."""
        return bool(self.counts) and len(self.odd) == len(self.limits) < max(len(self.counts), 1)

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.numeric and bool((self.numbers == np.floor(self.numbers)).all())

    @property
    def low(self) -> float:
        """Least value."""
        return float(self.numbers.min())

    @property
    def high(self) -> float:
        """Greatest value."""
        return float(self.numbers.max())

    @property
    def dates(self) -> bool:
        """Whether the values are dates."""
        return bool(self.odd) and len(self.odd) == len(self.counts) and all(map(_DATE.fullmatch, self.odd))

    @property
    def constant(self) -> bool:
        """Whether the column holds one value or none."""
        return len(self.counts) <= 1

    @property
    def free_text(self) -> bool:
        """Whether the column is text that tells patients apart: nearly every value is new, or a sentence."""
        if self.numeric or not self.odd:
            return False
        new = len(self.counts) > max(20, 0.5 * self.known) or (len(self.counts) == self.known >= 8)
        long = np.mean([len(text.split()) for text in self.odd]) > 6
        return bool(new or (long and len(self.counts) > 8))
