"""What several recipes find in the same patients, as one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.discover.consensus import LEAST_STABILITY
from phenotyper.discover.phenotypes import UNASSIGNED
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import Problem, ResultError, did_you_mean, listed, number_of
from phenotyper.refit.agree import partitions_said
from phenotyper.results import CANDIDATE, Result, frame_of, read_parts, record_of, write_parts

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray


SCHEMA = 1
CONSENSUS = "consensus"
FRAMES = ("table", "pairs", "selection", "known")


@dataclass(frozen=True, repr=False, eq=False)
class MethodComparison(Result):
    """What several recipes find in the same patients.

    Parameters
    ----------
    table : DataFrame
        One row a recipe: ``recipe`` (its name), ``integration``, ``method``, ``n_subphenotypes``,
        ``coverage`` (share of the patients in a subphenotype), ``smallest`` (patients), ``silhouette`` (of
        the assigned, in the common factors), ``agreement_of_runs`` (pair Jaccard within the recipe),
        ``mean_adjusted_rand`` (with the other recipes).
    pairs : DataFrame
        One row a pair of recipes: ``first``, ``second``, ``n_both`` and ``coverage`` (patients assigned in
        both), ``adjusted_rand``, ``adjusted_mutual_info`` among those; ``adjusted_rand_all``,
        ``adjusted_mutual_info_all`` over all patients, the unassigned of each as one group; ``pair_jaccard``.
        NaN where there is nothing to compare: nobody assigned in both, or a recipe that divides nobody.
    selection : DataFrame
        One row a setting or number of groups that a recipe tried: ``recipe``, ``integration``,
        ``method``, ``k``, ``chosen``, the setting, and what it was judged by (``SELECTION`` in
        ``refit/selection.py``); NaN where a method has no such thing. ``chosen`` marks what the runs were
        made with that the groups start from; how many are found in the end is in ``table``.
    labels : DataFrame
        One row a patient (index ``patient_id``), one column a recipe: "A", "B", ... or "unassigned". Letters
        of different recipes are not matched.
    consensus : DataFrame
        One row a patient: ``patient_id``, ``group`` (of the consensus over recipes), ``share`` (how far the
        recipes place the patient in this company; of the unassigned the largest), ``n_recipes`` (that
        assign the patient).
    known : DataFrame
        One row a recipe and known class asked for; looked at after the fits, never in them.
    recipes : mapping
        The recipes by name.
    fingerprint : str
        Of the cohort.
    status : str
        What may be said of the groups.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    selection: pd.DataFrame
    labels: pd.DataFrame
    consensus: pd.DataFrame
    known: pd.DataFrame
    recipes: Mapping[str, Recipe]
    fingerprint: str
    status: str = CANDIDATE

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the recipes."""
        return tuple(self.recipes)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.labels)

    @cached_property
    def consensus_sizes(self) -> dict[str, int]:
        """Patients in each group of the consensus, and unassigned."""
        counts = self.consensus["group"].value_counts()
        groups = sorted(
            (name for name in counts.index if name != UNASSIGNED), key=lambda name: (len(name), name)
        )
        return {name: int(counts.get(name, 0)) for name in (*groups, UNASSIGNED)}

    def agreement(self, measure: str = "adjusted_rand") -> pd.DataFrame:
        """Return a measure of ``pairs`` as a matrix, recipes by recipes; NaN on the diagonal."""
        import pandas as pd

        if measure not in self.pairs.columns[2:]:
            known = list(self.pairs.columns[2:])
            message = f"agreement has no measure {measure!r}"
            remedy = f"There are {listed(known, 12)}.{did_you_mean(measure, known)}"
            raise ResultError(Problem("UNKNOWN_NAME", message, remedy))
        matrix = pd.DataFrame(np.nan, index=list(self.names), columns=list(self.names))
        for first, second, value in zip(
            self.pairs["first"], self.pairs["second"], self.pairs[measure], strict=True
        ):
            matrix.loc[first, second] = matrix.loc[second, first] = value
        return matrix

    def partitions(self) -> list[pd.Series]:
        """Return the labels of every recipe and of the consensus by patient id: ``plot_alluvial(*these)``."""
        import pandas as pd

        own = [self.labels[name] for name in self.names]
        together = pd.Series(
            self.consensus["group"].to_numpy(), index=self.consensus["patient_id"], name=CONSENSUS
        )
        return [*own, together]

    def sentence(self) -> str:
        """Say the finding in a sentence."""
        sizes = self.consensus_sizes
        groups = [name for name in sizes if name != UNASSIGNED]
        covered = 1 - sizes[UNASSIGNED] / max(self.n_patients, 1)
        values = self.pairs["adjusted_rand"].dropna()
        some = (
            f" of {number_of(len(values), 'pair')} of {len(self.pairs)}"
            if len(values) < len(self.pairs)
            else ""
        )
        agree = (
            f"adjusted Rand between two of them {values.median():.2f} (median{some}; {values.min():.2f} to "
            f"{values.max():.2f}), among patients whom both assign"
            if len(values)
            else "no two of them can be compared"
        )
        together = (
            f"together they find {number_of(len(groups), 'subphenotype')} ("
            f"{', '.join(f'{name} {sizes[name]}' for name in groups)}; {100 * covered:.0f} % assigned"
            f"{', no division' if len(groups) == 1 else ''})"
            if groups
            else f"together they find no subphenotypes, as {self._why_none()}"
        )
        many = number_of(len(self.names), "recipe")
        found = partitions_said(self.table["n_subphenotypes"].tolist())
        return f"{many}, {self.n_patients} patients: {found}; {agree}; {together} ({self.status})"

    def _why_none(self) -> str:
        """Say why the consensus assigns nobody."""
        numbers = self.table["n_subphenotypes"]
        if not (numbers > 0).any():
            return "none of them finds any"
        if self.consensus["share"].max() > 0:
            return "most of them leave each patient unassigned or in other company"
        undivided = int((numbers < 2).sum())
        divide = "divides" if undivided == 1 else "divide"
        also = f"; {undivided} of {len(numbers)} {divide} nobody" if undivided else ""
        return f"no group is found again by the recipes (mean Jaccard {LEAST_STABILITY} or more{also})"

    def _repr_html_(self) -> str:
        shown = self.table.round(2).to_html(index=False, border=0, na_rep="-")
        return f"{super()._repr_html_()}{shown}"

    def save(self, folder: str | Path) -> None:
        """Write ``comparison.json`` and ``.npz``; they hold patient ids and belong under ``private/``."""
        meta = {
            "recipes": {name: recipe.to_dict() for name, recipe in self.recipes.items()},
            "order": list(self.names),
            "fingerprint": self.fingerprint,
            "status": self.status,
            **{name: record_of(getattr(self, name)) for name in FRAMES},
        }
        arrays = {
            "patient_id": self.labels.index.to_numpy(dtype=str),
            "labels": self.labels.to_numpy(dtype=str),
            "group": self.consensus["group"].to_numpy(dtype=str),
            "share": self.consensus["share"].to_numpy(dtype=np.float64),
            "n_recipes": self.consensus["n_recipes"].to_numpy(dtype=np.intp),
        }
        write_parts(folder, kind="comparison", schema=SCHEMA, meta=meta, arrays=arrays)


def load_comparison(folder: str | Path) -> MethodComparison:
    """Read what :meth:`MethodComparison.save` wrote.

    Raises
    ------
    ResultError
        The files are absent, changed, or of a newer version.
    """
    meta, arrays = read_parts(folder, kind="comparison", schema=SCHEMA)
    recipes = {name: Recipe.from_dict(meta["recipes"][name]) for name in meta["order"]}
    frames = {name: frame_of(meta[name]) for name in FRAMES}
    labels = label_frame(arrays["patient_id"], arrays["labels"], list(recipes))
    together = consensus_frame(arrays["patient_id"], arrays["group"], arrays["share"], arrays["n_recipes"])
    return MethodComparison(
        frames["table"],
        frames["pairs"],
        frames["selection"],
        labels,
        together,
        frames["known"],
        recipes,
        meta["fingerprint"],
        meta["status"],
    )


def label_frame(ids: NDArray[np.str_], labels: NDArray[np.str_], names: list[str]) -> pd.DataFrame:
    """Return one row a patient, one column a recipe."""
    import pandas as pd

    return pd.DataFrame(labels, index=pd.Index(ids, name="patient_id"), columns=names)


def consensus_frame(
    ids: NDArray[np.str_], groups: NDArray[np.str_], share: NDArray[np.float64], n: NDArray[np.intp]
) -> pd.DataFrame:
    """Return one row a patient: group, share, number of recipes that assign the patient."""
    import pandas as pd

    return pd.DataFrame({"patient_id": ids, "group": groups, "share": share, "n_recipes": n})
