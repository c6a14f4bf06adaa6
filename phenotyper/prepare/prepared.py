"""The comparable columns of a cohort, to look at: what a recipe does with its features at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.blocks import blocks_of
from phenotyper.errors import Problem, ResultError, did_you_mean, listed, number_of
from phenotyper.prepare.automatic import resolve_adjustment
from phenotyper.prepare.preparation import Preparation
from phenotyper.results import Result, Table

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.prepare.block import PreparedBlock

_SHOWN = 12


@dataclass(frozen=True, repr=False, eq=False)
class Prepared(Result):
    """Features of a cohort as comparable numbers.

    Parameters
    ----------
    preparation : Preparation
        The frozen transforms.
    blocks : tuple of PreparedBlock
        Columns of the n patients; adjusted ones by what the other patients show.
    ids : ndarray of str, shape (n,)
        Patients, in the order of the rows.
    adjustment : str
        What was adjusted for and why.
    """

    preparation: Preparation
    blocks: tuple[PreparedBlock, ...]
    ids: NDArray[np.str_]
    adjustment: str

    @property
    def table(self) -> pd.DataFrame:
        """One row a feature: what was done and why; see :attr:`Preparation.table`."""
        return self.preparation.table

    def frame(self, block: str) -> pd.DataFrame:
        """Return the columns of a block: patients (sorted) x features, levels as ``feature: level``.

        Raises
        ------
        ResultError
            UNKNOWN_NAME: there is no such block, or nothing of it is used.
        """
        import pandas as pd

        names = [part.name for part in self.blocks]
        if block not in names:
            message = f'no block "{block}" was prepared'
            remedy = f"Blocks are {listed(names, 12)}.{did_you_mean(block, names)}"
            raise ResultError(Problem("UNKNOWN_NAME", message, remedy, where=block))
        at = names.index(block)
        part = self.preparation.blocks[at]
        columns = [
            f"{part.features[j]}: {level}" if level and level != "yes" else part.features[j]
            for j, level in part.column_names()
        ]
        order = np.argsort(self.ids, kind="stable")
        index = pd.Index(self.ids[order].tolist(), dtype="str", name="patient_id")
        return pd.DataFrame(
            self.blocks[at].values[order], index=index, columns=pd.Index(columns, dtype="str")
        )

    def sentence(self) -> str:
        """Say what became of the features."""
        table = self.table
        used = int((table["n_columns"] > 0).sum())
        features = f"{used} of {number_of(len(table), 'feature')} in {number_of(len(self.blocks), 'block')}"
        return f"{features} made comparable for {number_of(len(self.ids), 'patient')}, {self.adjustment}"

    def summary(self) -> Table:
        """Return how many features of each block and kind had what done, for what reason."""
        counted = self.table.groupby(["block", "kind", "done", "why"], sort=False).size()
        rows = [
            (str(block), str(kind), str(done), str(why), str(count))
            for (block, kind, done, why), count in counted.items()
        ]
        rest = len(rows) - _SHOWN
        notes = (
            self.sentence(),
            *((f"{number_of(rest, 'further row')} not shown: see .table",) if rest > 0 else ()),
        )
        columns = ("Block", "Kind", "Done", "Why", "Features")
        return Table("Features", columns, tuple(rows[:_SHOWN]), footnotes=notes)

    def _repr_html_(self) -> str:
        return self.summary().to_html()


def prepare_cohort(cohort: MuData, recipe: Any) -> Prepared:
    """Show what a recipe does with the features of a cohort; nothing is clustered.

    Parameters
    ----------
    cohort : MuData
        From :func:`phenotyper.read_cohort`.
    recipe : Recipe
        Its ``blocks``, ``adjust_for``, ``features``, ``max_missing`` and ``top_features`` count here.
        ``features`` maps ``"block.feature"`` (a star stands for any text) to an action, or several with
        commas between ("log, not adjusted"): a scale ("log", "as measured", "logit", "normal scores",
        "indicators"), "leave out", "keep" (whatever the filter says), "not adjusted" (covariates stay in).

    Returns
    -------
    Prepared
        ``.table`` says what was done with each feature and why, ``.frame("labs")`` holds the numbers.

    Raises
    ------
    RecipeError
        COVARIATE_UNKNOWN, OVERRIDE_UNKNOWN, OVERRIDE_IMPOSSIBLE.
    FitError
        NO_FEATURES.
    """
    adjusting = resolve_adjustment(cohort, recipe.adjust_for)
    blocks, ids = blocks_of(cohort, adjust_for=adjusting.names, blocks=recipe.blocks)
    preparation, prepared = Preparation.fit_apply(
        blocks, overrides=recipe.features, max_missing=recipe.max_missing, top_features=recipe.top_features
    )
    return Prepared(preparation, prepared, ids, adjusting.sentence)
