"""All blocks to comparable columns: scale by kind, take covariates out; fitted once, replayed on anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from phenotyper.errors import FitError, Problem, ResultError, listed, number_of
from phenotyper.prepare.adjust import Adjustment, Basis
from phenotyper.prepare.block import BlockPreparation, PreparedBlock, Settings
from phenotyper.prepare.censored import Limits, Piles
from phenotyper.prepare.crossfit import folds_of
from phenotyper.prepare.filter import FEW_VALUES, LEAST_OBSERVED, MOST_MISSING
from phenotyper.prepare.levels import Levels, Ordered
from phenotyper.prepare.overrides import Wish, wishes_of
from phenotyper.prepare.scales import CentredLogRatio, Counts, Dosage, Logit, NormalScores, Number, Plain
from phenotyper.prepare.standardise import Standard
from phenotyper.prepare.state import from_state, to_state
from phenotyper.prepare.table import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks

__all__ = [
    "FEW_VALUES",
    "LEAST_OBSERVED",
    "MOST_MISSING",
    "BlockPreparation",
    "Preparation",
    "PreparedBlock",
]


@dataclass(frozen=True)
class Preparation:
    """Frozen transforms of every block of a cohort.

    ``blocks`` are those with a usable feature, ``empty`` the others.
    """

    blocks: tuple[BlockPreparation, ...]
    empty: tuple[BlockPreparation, ...] = ()

    @classmethod
    def fit(
        cls,
        blocks: Blocks,
        *,
        overrides: Mapping[str, str] | None = None,
        max_missing: float = MOST_MISSING,
        top_features: int | None = None,
    ) -> Preparation:
        """Fit on a cohort's arrays; see :meth:`fit_apply`."""
        return cls.fit_apply(blocks, overrides=overrides, max_missing=max_missing, top_features=top_features)[
            0
        ]

    @classmethod
    def fit_apply(
        cls,
        blocks: Blocks,
        *,
        overrides: Mapping[str, str] | None = None,
        max_missing: float = MOST_MISSING,
        top_features: int | None = None,
    ) -> tuple[Preparation, tuple[PreparedBlock, ...]]:
        """Fit on a cohort's arrays and return the columns of its patients, cross-fitted where adjusted.

        Parameters
        ----------
        blocks : Blocks
            Arrays of n patients.
        overrides : mapping of str to str, optional
            What to do with single features, see :func:`phenotyper.prepare.overrides.wishes_of`.
        max_missing : float
            Features missing in more than this share of the patients who have their block are left out.
        top_features : int, optional
            In each block only so many of the features that can be ranked by how much they vary.

        Raises
        ------
        FitError
            NO_FEATURES: no feature is left.
        RecipeError
            OVERRIDE_UNKNOWN, OVERRIDE_IMPOSSIBLE.
        """
        wishes = wishes_of(overrides or {}, blocks.blocks)
        folds = folds_of(blocks.ties)
        fitted = []
        for block in blocks.blocks:
            own = [wishes.get((block.name, feature), Wish()) for feature in block.features]
            settings = Settings(own, max_missing, top_features)
            fitted.append(BlockPreparation.fit(block, blocks.covariates, folds=folds, settings=settings))
        full = [pair for pair in fitted if len(pair[0].source)]
        if not full:
            raise _nothing_left([part for part, _ in fitted])
        empty = tuple(part for part, _ in fitted if not len(part.source))
        return cls(tuple(part for part, _ in full), empty), tuple(block for _, block in full)

    def apply(self, blocks: Blocks) -> tuple[PreparedBlock, ...]:
        """Replay on arrays with the same blocks and features; every row by itself."""
        by_name = {block.name: block for block in blocks.blocks}
        return tuple(part.apply(by_name[part.name], blocks.covariates) for part in self.blocks)

    @property
    def table(self) -> pd.DataFrame:
        """One row a feature.

        ``block``, ``feature``, ``kind``; ``n_observed`` patients with a value; ``missing``, share of the
        patients with the block who lack it; ``done`` and ``why``; ``n_columns`` that it became;
        ``winsorised_share`` and ``censored_share`` of the values; levels ``merged``;
        ``explained_by_covariates``, share of the variance in patients who were not fitted; ``adjusted_for``.
        """
        return table_of(sorted((*self.blocks, *self.empty), key=lambda part: part.name))

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain types for JSON, and arrays; no array has an entry a patient."""
        arrays: dict[str, NDArray[Any]] = {}
        return {"preparation": to_state(self, arrays)}, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Preparation:
        """Rebuild from :meth:`to_state`, to the last bit.

        Raises
        ------
        ResultError
            RESULT_DAMAGED.
        """
        try:
            found = from_state(state["preparation"], arrays, classes={one.__name__: one for one in _KEPT})
        except (KeyError, TypeError) as error:
            message = f"the saved preparation cannot be read: {error}"
            remedy = "Take it from a backup or fit again."
            raise ResultError(Problem("RESULT_DAMAGED", message, remedy)) from error
        return cast("Preparation", found)


def _nothing_left(blocks: Sequence[BlockPreparation]) -> FitError:
    why = [f"{part.name}.{part.features[j]} ({part.left_out[j]})" for part in blocks for j in part.left_out]
    message = f"none of {number_of(len(why), 'feature')} is left to use: {listed(why)}"
    remedy = "Add features or patients, or see max_missing and features of the recipe."
    return FitError(Problem("NO_FEATURES", message, remedy))


_SCALES = (CentredLogRatio, Counts, Dosage, Levels, Logit, NormalScores, Number, Ordered, Plain)
_KEPT = (*_SCALES, Adjustment, Basis, BlockPreparation, Limits, Piles, Preparation, Standard, Wish)
"""Classes that a saved preparation may hold."""
