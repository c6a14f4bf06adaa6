"""Standardised means: how far each subphenotype lies from the whole cohort in each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.container import block_names
from phenotyper.outcomes.differences import moments
from phenotyper.outcomes.features import scaled_columns
from phenotyper.outcomes.groups import Groups, groups_of
from phenotyper.outcomes.intervals import Z

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

COLUMNS = (
    "block",
    "feature",
    "level",
    "label",
    "subphenotype",
    "n",
    "mean",
    "ci_low",
    "ci_high",
    "separation",
)


def standardised_means(found: Any, cohort: MuData) -> pd.DataFrame:
    """Return the mean of each feature in each subphenotype, in standard deviations of the whole cohort.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes.
    cohort : MuData
        Their cohort.

    Returns
    -------
    DataFrame
        A row a feature (a category: a row a level) and subphenotype: block, feature, level, label,
        subphenotype, n (known values), mean (0 = that of all patients, the unassigned included; on the scale
        of a fit), ci_low and ci_high (95 %, normal), separation (largest minus smallest mean of the feature
        over the subphenotypes with two values or more). NaN where nothing can be estimated.

    Raises
    ------
    ResultError
        OTHER_COHORT: some patients are unknown to the result.
    """
    import pandas as pd

    parts = []
    for block in block_names(cohort):
        groups = groups_of(found, cohort[block].obs_names)
        if groups.names:
            parts += [
                _rows(block, columns.values, about=columns.about, groups=groups)
                for columns in scaled_columns(cohort, block)
            ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _rows(
    block: str, values: NDArray[np.float64], *, about: list[tuple[str, str, str, str, str]], groups: Groups
) -> pd.DataFrame:
    import pandas as pd

    k, p = len(groups.names), values.shape[1]
    everyone = moments(values, np.zeros(len(values), dtype=np.intp), 1)
    each = moments(values, groups.codes, k)
    spread = np.sqrt(everyone.variance[0])
    spread = np.where(spread > 0, spread, np.nan)
    mean = (each.mean - everyone.mean[0]) / spread
    half = Z * np.sqrt(each.variance / np.maximum(each.n, 1)) / spread
    shown = np.where(each.n > 1, mean, np.nan)
    known = ~np.isnan(shown).all(axis=0)
    separation = np.full(p, np.nan)
    separation[known] = np.nanmax(shown[:, known], axis=0) - np.nanmin(shown[:, known], axis=0)
    frame = {"block": np.full(p * k, block)}
    for position, name in enumerate(("feature", "level", "label")):
        frame[name] = np.repeat([str(row[position]) for row in about], k)
    frame["subphenotype"] = np.tile(groups.names, p)
    frame |= {"n": each.n.T.ravel().astype(np.int64), "mean": mean.T.ravel()}
    frame |= {"ci_low": (mean - half).T.ravel(), "ci_high": (mean + half).T.ravel()}
    frame["separation"] = np.repeat(separation, k)
    return pd.DataFrame(frame, columns=list(COLUMNS))
