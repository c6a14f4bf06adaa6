"""How features move with age: smooth curves with mean 0 and standard deviation 1 over 1 to 17 years."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from phenotyper.datasets.streams import Floats

YOUNGEST_MONTHS, OLDEST_MONTHS = 12, 215
_MONTHS: Final = np.arange(YOUNGEST_MONTHS, OLDEST_MONTHS + 1, dtype=float)


def _logistic(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


CURVES: Final[dict[str, Callable[[Floats], Floats]]] = {
    "steady": lambda years: years,
    "early": lambda years: np.log(years + 0.5),
    "puberty": lambda years: _logistic((years - 11.5) / 1.5),
    "hump": lambda years: np.exp(-0.5 * ((years - 10.0) / 4.0) ** 2),
}


def age_curve(name: str, months: Floats) -> Floats:
    """Return a curve at ages in months, mean 0 and standard deviation 1 over 12 to 215 months.

    Examples
    --------
    >>> age_curve("steady", np.array([113.5])).round(3).tolist()
    [0.0]
    """
    shape = CURVES[name]
    reference = shape(_MONTHS / 12)
    return (shape(months / 12) - reference.mean()) / reference.std()
