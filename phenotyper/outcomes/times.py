"""Round times: where to read a survival curve, and where to count the patients at risk."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_ROUND = {
    "days": (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650, 7300),
    "weeks": (1, 2, 4, 8, 13, 26, 52, 104, 156, 260, 520, 1040),
    "months": (1, 2, 3, 6, 12, 24, 36, 60, 120, 240),
}
MOST_STEPS = 6


def landmark(follow_up: float, *, unit: str = "") -> float:
    """Return the longest round time that half of the patients were followed for.

    Parameters
    ----------
    follow_up : float
        Median follow-up, in ``unit``.
    unit : str
        "days", "weeks", "months"; any other is counted in 1, 2, 3, 5, 10, ...

    Examples
    --------
    >>> landmark(1939, unit="days"), landmark(40, unit="months"), landmark(0.4, unit="years")
    (1825.0, 36.0, 0.3)
    """
    fitting = [step for step in _steps(follow_up, unit) if step <= follow_up * (1 + 1e-9)]
    return float(max(fitting, default=follow_up))


def risk_times(longest: float, *, unit: str = "") -> NDArray[np.float64]:
    """Return 0 and up to six round times that reach the longest follow-up.

    Examples
    --------
    >>> risk_times(2100, unit="days").tolist()
    [0.0, 365.0, 730.0, 1095.0, 1460.0, 1825.0]
    """
    if not longest > 0:
        return np.zeros(1)
    fitting = [step for step in _steps(longest, unit) if longest / step < MOST_STEPS + 1]
    step = min(fitting, default=longest)
    return np.round(np.arange(0, math.floor(longest / step * (1 + 1e-9)) + 1) * step, 9)


def _steps(longest: float, unit: str) -> list[float]:
    known = _ROUND.get(_plural(unit), ())
    if known and known[0] <= longest <= MOST_STEPS * known[-1]:
        return [float(step) for step in known]
    if not longest > 0:
        return []
    size = math.floor(math.log10(longest))
    return [round(step * 10.0**power, 9) for power in (size - 1, size) for step in (1, 2, 3, 5)]


def _plural(unit: str) -> str:
    unit = unit.strip().lower()
    return unit if unit.endswith("s") else f"{unit}s"
