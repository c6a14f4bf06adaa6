"""Holes: values that go missing and blocks that patients come to lack, in any cohort's arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from phenotyper.cohort.blocks import tied
from phenotyper.datasets.streams import Floats, shuffled, stream
from phenotyper.errors import CohortError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Block, Blocks

Missing = Literal["mcar", "mar"]
WHYS = ("mcar", "mar")
MOST_MISSING = 0.9
A_DRIVER_FOR = 10
"""Features whose missing values one observed feature decides, under "mar"."""


def degrade(
    cohort_blocks: Blocks,
    *,
    share_missing: float = 0.0,
    share_absent: float = 0.0,
    missing: Missing = "mcar",
    seed: int = 0,
) -> Blocks:
    """Take values, and whole blocks of patients, away.

    Holes of the same seed are nested: what is missing at 10 % is missing at 30 % as well. Blocks that go
    leave the holes of the others where they are. Every patient keeps a block, and a value in each block that
    stays.

    Parameters
    ----------
    cohort_blocks : Blocks
        Of a simulated or a real cohort.
    share_missing : float
        Share of the observed values to take away, 0 to 0.9; beside those that are missing already.
    share_absent : float
        Share of the patient-blocks to take away, 0 to 0.9; beside those that are absent already.
    missing : {"mcar", "mar"}
        Completely at random, cell by cell; or at random given others: in each block a tenth of the features
        (the most observed) stay as they are, and each decides which values of some of the others go: the
        higher it is, the more.
    seed : int
        Seed of the holes.

    Returns
    -------
    Blocks
        Patients in the order of ``cohort_blocks``.

    Raises
    ------
    CohortError
        SIMULATION: a share that cannot be reached.

    Examples
    --------
    >>> from phenotyper.datasets import family_blocks
    >>> whole, truth = family_blocks("planted_all_blocks", seed=1)
    >>> holed = degrade(whole, share_missing=0.3, share_absent=0.2, seed=1)
    >>> sum(int(block.present.sum()) for block in holed.blocks) / 900
    0.8
    """
    _refuse(cohort_blocks, share_missing=share_missing, share_absent=share_absent, missing=missing)
    present = np.column_stack([block.present for block in cohort_blocks.blocks])
    kept = present & ~_absent(present, share_absent, stream(seed, "absent"))
    blocks = tuple(
        _holed(block, kept[:, place], share=share_missing, missing=missing, seed=seed)
        for place, block in enumerate(cohort_blocks.blocks)
    )
    return tied(replace(cohort_blocks, blocks=blocks))


def _absent(present: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose patient-blocks (n x blocks) to take away; every patient keeps one."""
    gone = np.zeros_like(present)
    left = present.sum(axis=1)
    wanted = round(share * int(present.sum()))
    for place in shuffled(rng, present.size).tolist():
        patient, block = divmod(place, present.shape[1])
        if wanted and present[patient, block] and left[patient] > 1:
            gone[patient, block] = True
            left[patient] -= 1
            wanted -= 1
    return gone


def _holed(block: Block, kept: NDArray[np.bool_], *, share: float, missing: Missing, seed: int) -> Block:
    known = np.isfinite(block.values)
    draw = stream(seed, block.name, "missing").random(block.values.shape)
    chance = np.full(block.values.shape, share) if missing == "mcar" else _chances(block.values, share)
    gone = known & (draw < chance)
    last = np.where(known & (chance < 1), draw, -1.0).argmax(axis=1)
    emptied = known.any(axis=1) & (gone == known).all(axis=1)
    gone[emptied, last[emptied]] = False
    gone |= ~kept[:, None]
    return replace(
        block,
        values=np.where(gone, np.nan, block.values),
        present=kept,
        censored=np.where(gone, 0, block.censored).astype(np.int8),
    )


def _chances(values: Floats, share: float) -> Floats:
    """Return the chance of each cell (n x p) to go by the rank of an observed feature; the mean is ``share``.

    Where that feature itself is missing its rank counts as the middle one.
    """
    n, p = values.shape
    drivers = np.argsort(np.isnan(values).sum(axis=0), kind="stable")[: -(-p // A_DRIVER_FOR)]
    others = np.setdiff1d(np.arange(p), drivers)
    mean = share * p / len(others)
    chances = np.zeros((n, p))
    for place, feature in enumerate(others.tolist()):
        high = _rank(values[:, drivers[place % len(drivers)]])
        chances[:, feature] = 2 * mean * high if mean <= 0.5 else 1 - 2 * (1 - mean) * (1 - high)
    return chances


def _rank(values: Floats) -> Floats:
    """Return ranks between 0 and 1, tied values alike, 0.5 where missing."""
    known = np.isfinite(values)
    levels, place, times = np.unique(values[known], return_inverse=True, return_counts=True)
    middle = (np.cumsum(times) - times / 2) / max(1, int(known.sum()))
    rank = np.full(len(values), 0.5)
    if len(levels):
        rank[known] = middle[place]
    return rank


def _refuse(cohort_blocks: Blocks, *, share_missing: float, share_absent: float, missing: str) -> None:
    present = np.column_stack([block.present for block in cohort_blocks.blocks])
    most = float(np.maximum(present.sum(axis=1) - 1, 0).sum() / max(1, present.sum()))
    narrow = [block.name for block in cohort_blocks.blocks if len(block.features) < 2]
    of_others = max((p / (p - -(-p // A_DRIVER_FOR)) for p in _widths(cohort_blocks) if p > 1), default=1.0)
    rules = [
        (missing in WHYS, f"missing is {missing!r}", f"Choose from {', '.join(WHYS)}."),
        (
            0 <= share_missing <= MOST_MISSING,
            f"share_missing is {share_missing}",
            f"Give a share from 0 to {MOST_MISSING}.",
        ),
        (
            0 <= share_absent <= most,
            f"share_absent is {share_absent}",
            f"Every patient keeps a block: give a share from 0 to {int(100 * most) / 100:g}.",
        ),
        (
            missing != "mar" or not narrow,
            f'missing is "mar", but the block {", ".join(narrow)} has one feature',
            'Take "mcar": there is no other feature that could decide.',
        ),
        (
            missing != "mar" or share_missing * of_others <= MOST_MISSING,
            f'share_missing is {share_missing} with "mar"',
            f"Some features stay whole: give 0 to {int(100 * MOST_MISSING / of_others) / 100:g}.",
        ),
    ]
    problems = [Problem("SIMULATION", message, remedy) for holds, message, remedy in rules if not holds]
    if problems:
        raise CohortError(problems)


def _widths(cohort_blocks: Blocks) -> list[int]:
    return [len(block.features) for block in cohort_blocks.blocks]
