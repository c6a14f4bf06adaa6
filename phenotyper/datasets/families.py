"""Simulated cohorts by family: null ones, which hold no subphenotype, and ones with planted groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, Unpack

import numpy as np

from phenotyper.cohort.blocks import Block, Blocks, Covariate, in_order
from phenotyper.cohort.kinds import all_missing, constant
from phenotyper.cohort.presence import empty_rows
from phenotyper.datasets.degrade import Missing, degrade
from phenotyper.datasets.family_draw import draw_layout, draw_scores, labels_of
from phenotyper.datasets.family_list import FAMILIES, Family
from phenotyper.datasets.family_record import record
from phenotyper.datasets.family_settings import Settings, with_settings
from phenotyper.errors import CohortError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from phenotyper.datasets.family_draw import Layout
    from phenotyper.datasets.simulate import SimulatedCohort

KINDS: Final = ("null", "planted")
READ_AS: Final = {"F": "female", "M": "male"}


def family_names(kind: Literal["null", "planted"] | None = None) -> tuple[str, ...]:
    """Return the names of the families.

    Parameters
    ----------
    kind : {"null", "planted"}, optional
        Those without subphenotypes, or those with planted groups; by default both.

    Raises
    ------
    CohortError
        There is no such kind.

    Examples
    --------
    >>> family_names("planted")[:3]
    ('planted', 'planted_unequal', 'planted_small')
    """
    if kind not in (None, *KINDS):
        raise CohortError(Problem("SIMULATION", f"kind is {kind!r}", f"Choose from {', '.join(KINDS)}."))
    return tuple(name for name, family in FAMILIES.items() if kind in (None, family.kind))


def families() -> pd.DataFrame:
    """Return one row a family.

    Returns
    -------
    DataFrame
        ``name``, ``kind`` (null, planted), ``about`` (what it is), ``expected`` (the verdict that is right:
        none, graded, distinct, explained), ``adjust_for`` (what must be adjusted for before that holds),
        ``patients``, ``features``, ``blocks``, ``separation`` (unless others are asked for) and ``source``.

    Examples
    --------
    >>> families().set_index("name").loc["gradient", ["kind", "expected"]].tolist()
    ['null', 'graded']
    """
    import pandas as pd

    return pd.DataFrame([_row(family) for family in FAMILIES.values()])


def _row(family: Family) -> dict[str, object]:
    return {
        "name": family.name,
        "kind": family.kind,
        "about": family.about,
        "expected": family.expected,
        "adjust_for": ", ".join(family.adjust_for),
        "patients": family.n_patients,
        "features": family.n_features,
        "blocks": len(family.blocks),
        "separation": family.separation or np.nan,
        "source": family.source,
    }


def simulate_family(
    name: str,
    *,
    n_patients: int | None = None,
    seed: int = 0,
    separation: float | None = None,
    n_groups: int | None = None,
    sizes: Sequence[float] | None = None,
    n_features: int | None = None,
    share_informative: float | None = None,
    share_without: float | None = None,
    slope: float | None = None,
    correlation: float | None = None,
    n_blocks: int | None = None,
    share_missing: float | None = None,
    share_absent: float | None = None,
    missing: Missing = "mcar",
) -> SimulatedCohort:
    """Simulate a cohort of a named family: without subphenotypes, or with planted ones.

    What is not given is the family's own (:func:`families` has it). Each part of a cohort has its own child
    of the seed: holes, or another separation, leave everything else as it was.

    Parameters
    ----------
    name : str
        One of :func:`family_names`.
    n_patients : int, optional
        20 or more; mostly 300.
    seed : int
        Seed of everything that is drawn.
    separation : float, optional
        How far groups lie apart. Each informative feature marks one group (they are dealt in turn, each up or
        down by chance): the mean of that group differs from that of every other by ``separation`` standard
        deviations within a group, before scores become levels, counts and the like. With m informative
        features and k groups the centres of two groups lie ``separation * sqrt(2 m / k)`` apart.
    n_groups, sizes : int, sequence of float, optional
        Number of groups, and their shares among the patients in groups (equal by default).
    n_features : int, optional
        Over all blocks; mostly 50.
    share_informative : float, optional
        Share of the features, of each block that shows groups, that are informative.
    share_without : float, optional
        Share of patients in no group: in informative features they are scattered normally, with mean and
        variance of the groups.
    slope : float, optional
        Standard deviation of the continuum's part in the half of the features that it moves, in standard
        deviations of the rest.
    correlation : float, optional
        Of two features of one set; 0 to 1.
    n_blocks : int, optional
        Deals the features of a family of one block out to up to three, in turn. Where patients are to lack
        blocks this is 3.
    share_missing, share_absent : float, optional
        Share of values missing (0 to 0.9), and of patient-blocks absent; every patient keeps a block.
    missing : {"mcar", "mar"}
        Whether they are missing completely at random, or depending on another feature (see
        :func:`~phenotyper.datasets.degrade.degrade`).

    Returns
    -------
    SimulatedCohort
        Tables, declaration for :func:`~phenotyper.read_cohort`, truth, and the covariates there are.

    Raises
    ------
    CohortError
        SIMULATION: no such family, a setting outside its range, or one that the family does not have.

    Examples
    --------
    >>> simulate_family("planted", seed=1, separation=3.0)
    <SimulatedCohort: 300 patients, 3 subphenotypes, blocks features>
    """
    from phenotyper.datasets.family_tables import cohort_of

    family = with_settings(
        name,
        {
            "n_patients": n_patients,
            "separation": separation,
            "n_groups": n_groups,
            "sizes": sizes,
            "n_features": n_features,
            "share_informative": share_informative,
            "share_without": share_without,
            "slope": slope,
            "correlation": correlation,
            "n_blocks": n_blocks,
            "share_missing": share_missing,
            "share_absent": share_absent,
            "missing": missing,
        },
    )
    layout = draw_layout(family, seed)
    return cohort_of(family, _drawn(family, layout, seed), layout, ids=_ids(family))


def family_blocks(
    name: str, *, seed: int = 0, adjust_for: Sequence[str] = (), **settings: Unpack[Settings]
) -> tuple[Blocks, NDArray[np.str_]]:
    """Simulate a cohort of a family as arrays, without tables: what ``blocks_of`` would give of it read.

    Parameters
    ----------
    name, seed, settings
        As for :func:`simulate_family`.
    adjust_for : sequence of str
        Covariates to hand on: of site, sex, age, exposure those that the family has.

    Returns
    -------
    Blocks
        Arrays, patients in canonical order.
    ndarray of str, shape (n,)
        Subphenotype of each ("group 1" on, or "none").

    Raises
    ------
    CohortError
        As :func:`simulate_family`; or the family has no such covariate.

    Examples
    --------
    >>> blocks, truth = family_blocks("planted", seed=1, n_patients=60)
    >>> blocks.blocks[0].values.shape, sorted(set(truth.tolist()))
    ((60, 50), ['group 1', 'group 2', 'group 3'])
    """
    family = with_settings(name, settings)
    layout = draw_layout(family, seed)
    blocks = _drawn(family, layout, seed)
    covariates = _covariates(family, layout, adjust_for)
    whole = replace(blocks, blocks=tuple(map(_held, blocks.blocks)), covariates=covariates)
    order, found = in_order(whole, _ids(family))
    return found, labels_of(family, layout)[order]


def _ids(family: Family) -> NDArray[np.str_]:
    digits = max(4, len(str(family.n_patients)))
    return np.array([f"P-{number:0{digits}d}" for number in range(1, family.n_patients + 1)])


def _drawn(family: Family, layout: Layout, seed: int) -> Blocks:
    """Return the blocks with their holes, patients in the order of their ids."""
    scores = draw_scores(family, layout, seed)
    blocks = tuple(record(family, block, values, seed=seed) for block, values in scores.items())
    if family.dealt > 1:
        blocks = tuple(_dealt(blocks[0], place, family.dealt) for place in range(family.dealt))
    whole = Blocks(blocks, (), np.arange(family.n_patients))
    if not family.share_missing and not family.share_absent:
        return whole
    shares = {"share_missing": family.share_missing, "share_absent": family.share_absent}
    return degrade(whole, **shares, missing=family.missing, seed=seed)


def _dealt(block: Block, place: int, count: int) -> Block:
    """Return every ``count``-th feature as a block of its own."""
    chosen = np.arange(place, len(block.features), count)
    return replace(_with_features(block, chosen), name=f"part{place + 1}")


def _with_features(block: Block, chosen: NDArray[np.intp]) -> Block:
    return replace(
        block,
        values=block.values[:, chosen],
        censored=block.censored[:, chosen],
        features=tuple(block.features[place] for place in chosen),
        kinds=tuple(block.kinds[place] for place in chosen),
        units=tuple(block.units[place] for place in chosen),
        levels=tuple(block.levels[place] for place in chosen),
    )


def _held(block: Block) -> Block:
    """Leave out what reading leaves out: features with one value or none, patients without a value."""
    useful = ~(all_missing(block.values) | constant(block.values))
    kept = block if useful.all() else _with_features(block, np.flatnonzero(useful))
    return replace(kept, present=block.present & ~empty_rows(kept.values))


def _covariates(family: Family, layout: Layout, names: Sequence[str]) -> tuple[Covariate, ...]:
    known = [role for role in layout.roles if role != "family"]
    unknown = [name for name in names if name not in known]
    if unknown:
        message = f"adjust_for names {', '.join(unknown)}, which {family.name!r} does not have"
        raise CohortError(Problem("SIMULATION", message, f"It has {', '.join(known) or 'no covariate'}."))
    return tuple(_covariate(name, layout.roles[name]) for name in sorted(set(names)))


def _covariate(name: str, values: NDArray[np.object_] | NDArray[np.float64]) -> Covariate:
    if values.dtype != object:
        return Covariate(name, values.astype(np.float64))
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    return Covariate(name, codes.astype(np.float64), tuple(READ_AS.get(level, level) for level in levels))
