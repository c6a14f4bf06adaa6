"""Ratios between units of the same thing, as laboratories and registries mix them up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import Problem, listed, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Slip:
    """One confusion: a value ``x`` stands there as ``factor * x + offset``.

    Parameters
    ----------
    factor, offset : float
        The line from the right value to what stands there.
    units : tuple of (str, str)
        Unit that stands there, unit meant; empty where any units of that ratio fit.
    names : str
        Pattern of the features that it applies to; empty for all.
    """

    factor: float
    offset: float = 0.0
    units: tuple[str, str] = ("", "")
    names: str = ""

    def applies(self, feature: str) -> bool:
        """Tell whether the feature is one that it applies to."""
        return not self.names or re.search(self.names, plain(feature)) is not None

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what stands there for right values."""
        return self.factor * values + self.offset

    def undone(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the right values for what stands there."""
        return (values - self.offset) / self.factor

    def backwards(self) -> Slip:
        """Return the opposite confusion."""
        return Slip(1 / self.factor, -self.offset / self.factor, self.units[::-1], self.names)

    def words(self) -> str:
        """Say how the values look beside those meant.

        Examples
        --------
        >>> Slip(18.016, units=("mg/dL", "mmol/L")).words()
        '18 times as large as (mg/dL for mmol/L?)'
        >>> Slip(0.001).words()
        '1,000 times as small as (another unit?)'
        """
        first, second = self.units
        which = f"({first} for {second}?)" if first else "(another unit?)"
        if self.offset:
            return f"on another scale than {which}"
        ratio, way = (self.factor, "large") if self.factor > 1 else (1 / self.factor, "small")
        number = f"{ratio:,.0f}" if ratio > 999 else f"{ratio:.3g}"
        return f"{number} times as {way} as {which}"


@dataclass(frozen=True)
class Slipped:
    """Values of a new cohort that are, or look to be, in another unit.

    Parameters
    ----------
    block : str
    features : tuple of str
        One, or all logarithms of the block.
    rows : ndarray of bool, shape (n,)
        The patients whose values they are.
    problem : Problem
        UNIT_SLIP.
    """

    block: str
    features: tuple[str, ...]
    rows: NDArray[np.bool_]
    problem: Problem

    @classmethod
    def of(
        cls,
        said: str,
        block: str,
        features: tuple[str, ...],
        rows: NDArray[np.bool_],
        ids: Sequence[str] = (),
    ) -> Slipped:
        """Say it, with the first patients of ``ids``."""
        whom = [str(ids[int(row)]) for row in np.flatnonzero(rows)] if len(ids) else []
        said += f"; not used in {number_of(int(rows.sum()), 'patient')}"
        said += f" ({listed(whom)})" if whom else ""
        remedy = "Nothing was converted: correct the file or its declared unit, then assign again."
        where = f"{block}.{features[0]}" if len(features) == 1 else block
        return cls(block, features, rows, Problem("UNIT_SLIP", said, remedy, where=where, severity="warning"))


def plain(name: str) -> str:
    """Return a name in lower case, words split by blanks where the writer split them in some way.

    Examples
    --------
    >>> plain("BodyTemp"), plain("ldl-cholesterol_mgdl")
    ('body temp', 'ldl cholesterol mgdl')
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()


_SPELLED = (
    (r"[\s\u00b7*^]|\.(?!\d)", ""),
    (r"\u00b5|\u03bc|mcg", lambda found: "ug" if found[0] == "mcg" else "u"),
    (r"\u00b0|deg(ree)?s?(?=[cf])", ""),
    (r"celsius", "c"),
    (r"fahrenheit", "f"),
    (r"percent", "%"),
    (r"per", "/"),
    (r"lit(er|re)s?", "l"),
    (r"\u2079", "9"),
    (r"\u00b2", "2"),
    (r"^(year|month|week|day|hour|minute)s$", r"\1"),
    (r"^(x?10(9/l|3/ul|6/ml)|/nl|k/ul)$", "10^9/l"),
)
_CONCENTRATION = re.compile(r"([pnumkdc]?)(g|mol|iu|u|eq)/([pnumkdc]?)l")
_POWERS = {"p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "d": -1, "": 0, "k": 3}


def same_unit(first: str, second: str) -> bool:
    """Tell whether two units are one, spelled alike or not.

    Examples
    --------
    >>> same_unit("\u00b5mol/l", "umol / L"), same_unit("mg/L", "ug/mL"), same_unit("mg/L", "mg/dL")
    (True, True, False)
    """
    return _spelled(first) == _spelled(second)


def _spelled(unit: str) -> str:
    unit = "10^9/l" if unit in ("G/l", "G/L", "Gpt/l", "Gpt/L") else unit.lower()
    for pattern, instead in _SPELLED:
        unit = re.sub(pattern, instead, unit)
    found = _CONCENTRATION.fullmatch(unit)
    if found is None:
        return unit
    return f"10^{_POWERS[found[1]] - _POWERS[found[3]]} {found[2]}/l"


_MASS = (
    # US mg/dL (or as said) for SI, and the ratio: Young 1987, Ann Intern Med 106:114
    (18.016, "mg/dL", "mmol/L", r"gluc|blood sugar"),
    (38.67, "mg/dL", "mmol/L", r"chol|\bldl|\bhdl"),
    (88.57, "mg/dL", "mmol/L", r"triglyc|\btg\b|\btrig"),
    (88.42, "umol/L", "mg/dL", r"creat|\bcrea"),
    (17.1, "umol/L", "mg/dL", r"bilirub|\bbili"),
    (59.48, "umol/L", "mg/dL", r"urate|uric"),
    (6.006, "mg/dL", "mmol/L", r"\burea\b"),
    (2.801, "mg/dL", "mmol/L", r"\bbun\b|urea nitrogen"),
    (4.008, "mg/dL", "mmol/L", r"calcium|\bca\b"),
    (3.097, "mg/dL", "mmol/L", r"phosph"),
    (2.431, "mg/dL", "mmol/L", r"magnes|\bmg\b"),
    (9.008, "mg/dL", "mmol/L", r"lactate|lactic"),
    (5.585, "ug/dL", "umol/L", r"\biron\b|\bfe\b"),
    (2.496, "nmol/L", "ng/mL", r"vitamin d|vit d|25 ?oh"),
    (27.59, "nmol/L", "ug/dL", r"cortisol"),
    (1.611, "g/dL", "mmol/L", r"h(a?)emoglobin|\bhgb?\b|\bhb\b"),
    (7.5006, "mmHg", "kPa", r"pa?o2|pa?co2|pressure|\b[sd]?bp\b|systol|diastol"),
    (2.54, "cm", "inches", r"height|length|waist|hip|circum|diameter|size"),
    (2.2046, "lb", "kg", r"weight|mass"),
    (12.0, "months", "years", r"\bage\b|month|year|durat|time|interval"),
    (365.25, "days", "years", r"\bage\b|day|year|durat|time|interval"),
    (30.44, "days", "months", r"\bage\b|day|month|durat|time|interval"),
    (7.0, "days", "weeks", r"\bage\b|day|week|gestat|durat|time|interval"),
    (24.0, "hours", "days", r"day|hour|durat|time|interval"),
    (60.0, "minutes", "hours", r"hour|min|durat|time|interval"),
)
_ONE_WAY = (
    *(Slip(10.0**power) for power in (1, 2, 3, 6)),
    *(Slip(ratio, units=(first, second), names=names) for ratio, first, second, names in _MASS),
    Slip(1.8, 32.0, ("degrees F", "degrees C"), r"temp|fever"),
    Slip(10.929, -23.5, ("mmol/mol", "%"), r"a1c"),
)
SLIPS: tuple[Slip, ...] = tuple(one for slip in _ONE_WAY for one in (slip, slip.backwards()))
"""Confusions of single features."""
LOG_SLIPS: tuple[Slip, ...] = tuple(
    Slip(float(np.log(meant) / np.log(there)), units=(f"log{there:.3g}", f"log{meant:.3g}"))
    for there in (2.0, np.e, 10.0)
    for meant in (2.0, np.e, 10.0)
    if there != meant
)
"""Confusions of the base of a logarithm, of a whole block at once."""
