"""Every setting and number of groups that fits tried, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    type Rows = Sequence[Mapping[str, Any]]

SETTINGS = ("n_factors", "n_neighbors", "min_cluster_size", "min_samples", "form", "resolution")
CRITERIA = (
    *("bic", "icl", "silhouette", "gap", "gap_error", "p", "pac", "calinski", "eigengap", "stability"),
    *("agreement", "entropy", "unsure", "smallest", "coverage"),
)
"""Schwarz's criterion, the same plus twice the doubt of the memberships (both: less is better); mean
silhouette; gap statistic, its standard error, the p of there being any groups; share of ambiguous pairs;
ratio of Calinski and Harabasz; gap between the eigenvalues of a graph; adjusted Rand between parts of the
patients; pair Jaccard between all runs; sureness of the memberships from 0 to 1; share of patients below the
probability asked for; patients of the smallest group; share of patients in a group."""
SELECTION = ("recipe", "integration", "method", "k", "chosen", *SETTINGS, *CRITERIA)
_SEARCHED = SETTINGS[:4]


@dataclass(frozen=True)
class Tried:
    """What one fit tried: criteria by number of groups (of methods that choose one), and all its runs."""

    integration: str
    method: str
    criteria: Rows
    runs: Rows


def selection_of(tried: Mapping[str, Tried]) -> pd.DataFrame:
    """Return one row a number of groups or setting that was tried.

    Parameters
    ----------
    tried : mapping of str to Tried
        By name of the recipe.

    Returns
    -------
    DataFrame
        Columns ``SELECTION``, then whatever else methods report. ``chosen``: the number of groups that the
        criteria chose for the runs; of a method without criteria, which has one row a setting, the setting
        of the run that the groups start from. It is no result: the consensus of all runs may have another
        number. Of such a setting ``k`` is the number of groups that most of its runs show, the fewer of two,
        the others are means over them.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, one in tried.items():
        about = {"recipe": name, "integration": one.integration, "method": one.method}
        rows += [{**about, **row} for row in one.criteria or _settings_tried(one.runs)]
    table = pd.DataFrame(rows, columns=None if rows else list(SELECTION))
    return table.reindex(columns=[*SELECTION, *(name for name in table if name not in SELECTION)])


def _settings_tried(runs: Rows) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault(tuple(run.get(name) for name in _SEARCHED), []).append(run)
    return [
        {
            **{name: value for name, value in zip(_SEARCHED, key, strict=True) if value is not None},
            "k": _most_frequent([int(run["n_subphenotypes"]) for run in part]),
            "chosen": any(bool(run["reference"]) for run in part),
            **{name: _mean(part, name) for name in ("coverage", "agreement", "smallest")},
        }
        for key, part in groups.items()
    ]


def _most_frequent(numbers: list[int]) -> int:
    return max(sorted(set(numbers)), key=numbers.count)


def _mean(runs: Rows, name: str) -> float:
    values = [float(run[name]) for run in runs if name in run]
    return sum(values) / len(values) if values else float("nan")
