"""Placing new patients among the subphenotypes of a fit, which stays as it is."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phenotyper.discover.assignment import UNASSIGNED, Assignment
from phenotyper.discover.deciding import Parts, deciding_features, feature_numbers
from phenotyper.discover.newcomers import Newcomers, newcomers_of
from phenotyper.discover.place import BETWEEN, CHUNK, TOO_LITTLE, UNLIKE, Placement
from phenotyper.discover.residuals import leftover
from phenotyper.discover.slips import slipped_in
from phenotyper.errors import PhenotyperWarning, Problem, ResultError, listed, number_of

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

    from phenotyper.discover.frozen import Frozen
    from phenotyper.integrate.factors import Scores
    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

NOTHING = "nothing measured"
NO_GROUPS = "the fit found no subphenotypes"


class Placeable(Protocol):
    """What new patients can be placed in: a fit, or a signature."""

    @property
    def frozen(self) -> Frozen | None:
        """What is needed to place a new patient."""
        ...

    @property
    def status(self) -> str:
        """What may be said of the groups."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of the cohort that was fitted."""
        ...


def assign(found: Placeable, cohort: MuData, *, quiet: bool = False) -> Assignment:
    """Place the patients of a cohort among subphenotypes that were found in another (or in the same).

    Every patient is placed alone: who else is in the cohort changes nothing, except where a unit slip is
    named. A slip is judged over the whole cohort; what slipped counts as not observed, nothing is converted.
    Nobody is forced into a subphenotype; features and blocks may be missing, and come in any order.

    Parameters
    ----------
    found : Phenotypes
        What ``Recipe.fit`` or ``load_phenotypes`` gave; anything with ``.frozen``.
    cohort : MuData
        From :func:`phenotyper.read_cohort`.
    quiet : bool
        Keep warnings in the result only.

    Returns
    -------
    Assignment
        ``.table`` has one row a patient.

    Raises
    ------
    CohortError
        ASSIGN_NOTHING: no feature in common.
    ResultError
        NOT_FROZEN: the fit was saved by a version that did not keep what placing needs.
    """
    frozen = found.frozen
    if frozen is None:
        said = "this result holds nothing by which new patients could be placed"
        raise ResultError(Problem("NOT_FROZEN", said, "Fit the recipe again with this version."))
    from phenotyper.cohort.fingerprint import fingerprint

    newcomers = newcomers_of(frozen, cohort)
    slipped = slipped_in(frozen.typical, newcomers.measured, ids=newcomers.ids.tolist())
    newcomers = newcomers.without(slipped)
    table, probabilities, features, shifted = place_newcomers(frozen, newcomers)
    problems = (*newcomers.problems, *shifted)
    if problems and not quiet:
        warnings.warn(_summary(problems), PhenotyperWarning, stacklevel=2)
    return Assignment(
        table,
        probabilities,
        features,
        problems,
        frozen.names,
        found.status,
        found.fingerprint,
        fingerprint(cohort),
    )


def place_newcomers(
    frozen: Frozen, newcomers: Newcomers
) -> tuple[pd.DataFrame, Matrix, pd.DataFrame, list[Problem]]:
    """Return the table of an :class:`Assignment`, probabilities (n, k), features and warnings."""
    import pandas as pd

    from phenotyper.discover.fitting import one_thread

    with one_thread():
        prepared = frozen.preparation.apply(newcomers.blocks)
        scores = frozen.factors.scores(prepared)
        left = leftover(prepared, frozen.factors, scores)
        excess = frozen.residuals.excess(prepared, left)
        shifted = frozen.residuals.shifted(excess, [block.name for block in prepared])
        placement = frozen.placer.place(scores, oddness=frozen.residuals.oddness_of(excess))
        labels, why = placement.decide()
        parts = _in_chunks(frozen, prepared, left, (scores, placement))
        places = frozen.anchors.place(scores.mean)
    measured = np.any([np.isfinite(block.values).any(axis=1) for block in prepared], axis=0)
    places[~measured] = np.nan
    labels[~measured] = -1
    names = np.array([*frozen.names, UNASSIGNED], dtype=object)
    first, second = _nearest(placement, frozen.names, measured)
    features = _feature_table(frozen, newcomers, parts, np.where(measured, why, -1), (first, second))
    table = pd.DataFrame(
        {
            "patient_id": newcomers.ids,
            "subphenotype": names[labels],
            "probability": _largest(placement.probability, measured),
            "nearest": first,
            "second": second,
            "reason": _reasons(placement, why, measured, (first, second)),
            "n_observed": _observed(prepared, frozen),
            "set_aside": list(newcomers.aside) or [""] * len(labels),
            "information": placement.information,
            "deciding": _deciding(features, newcomers.ids),
            "map_x": places[:, 0],
            "map_y": places[:, 1],
        }
    )
    return table, placement.probability, features, [_shifted(name, *facts) for name, facts in shifted.items()]


def _shifted(block: str, odd: int, having: int, ratio: float) -> Problem:
    said = f"block {block}: {odd} of {number_of(having, 'patient')} are odd in it (what the factors leave"
    said += f" over is {ratio:.1f} times the usual)"
    remedy = (
        "Look for another batch, platform or unit. It counts less here; the other blocks place the patients."
    )
    return Problem("BLOCK_SHIFTED", said, remedy, where=block, severity="warning")


def _in_chunks(
    frozen: Frozen, prepared: Sequence[PreparedBlock], left: Matrix, placed: tuple[Scores, Placement]
) -> Parts:
    """Look for deciding features some patients at a time: the parts of all features take much memory."""
    number = feature_numbers(prepared, [len(part.features) for part in frozen.typical])
    scores, placement = placed
    n = len(left)
    found = []
    for start in range(0, max(n, 1), CHUNK):
        rows = np.arange(n) // CHUNK == start // CHUNK
        some, there = scores.rows(rows), placement.rows(rows)
        found.append(deciding_features(frozen, left[rows], some, there, number=number))
    return Parts(*(np.concatenate([getattr(one, field.name) for one in found]) for field in fields(Parts)))


def _nearest(
    placement: Placement, names: Sequence[str], measured: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the most probable subphenotype of each patient and the next, empty where there is none."""
    order = np.argsort(-placement.probability, axis=1, kind="stable")
    known = np.array([*names, ""], dtype=object)
    found = []
    for rank in (0, 1):
        place = order[:, rank] if order.shape[1] > rank else np.full(len(order), len(names))
        found.append(known[np.where(measured, place, len(names))])
    return found[0], found[1]


def _largest(probability: Matrix, measured: NDArray[np.bool_]) -> Matrix:
    return np.where(measured, probability.max(axis=1, initial=0.0), 0.0)


def _reasons(
    placement: Placement,
    why: NDArray[np.intp],
    measured: NDArray[np.bool_],
    nearest: tuple[NDArray[np.object_], NDArray[np.object_]],
) -> list[str]:
    if placement.probability.shape[1] == 0:
        return [NO_GROUPS] * len(why)
    found = []
    for i, code in enumerate(why):
        first, second = nearest[0][i], nearest[1][i]
        information = placement.information[i]
        words = {
            BETWEEN: f"between {first} and {second}",
            UNLIKE: "unlike any patient seen",
            TOO_LITTLE: f"too little observed: {100 * information:.0f} % of the information",
        }
        found.append(words.get(code, "") if measured[i] else NOTHING)
    return found


def _observed(prepared: Sequence[PreparedBlock], frozen: Frozen) -> NDArray[np.intp]:
    """Return how many of the features that the factors use were observed in each patient."""
    total, start = np.zeros(len(prepared[0].values), dtype=np.intp), 0
    for block in prepared:
        used = frozen.factors.used[start : start + len(block.source)]
        start += len(block.source)
        _, first = np.unique(np.where(used, block.source, -1), return_index=True)
        total += np.isfinite(block.values[:, [j for j in first if used[j]]]).sum(axis=1)
    return total


def _feature_table(
    frozen: Frozen,
    newcomers: Newcomers,
    parts: Parts,
    why: NDArray[np.intp],
    nearest: tuple[NDArray[np.object_], NDArray[np.object_]],
) -> pd.DataFrame:
    """Return one row a patient and deciding feature, the largest contribution first."""
    import pandas as pd

    rows, ranks = np.nonzero((parts.feature >= 0) & (why >= 0)[:, None])
    feature = parts.feature[rows, ranks]
    contribution, side = parts.part[rows, ranks], parts.side[rows, ranks]
    block_of = np.concatenate([[part.name] * len(part.features) for part in frozen.typical])
    name_of = np.concatenate([part.features for part in frozen.typical])
    toward = np.where(contribution > 0, nearest[0][rows], nearest[1][rows])
    return pd.DataFrame(
        {
            "patient_id": newcomers.ids[rows],
            "block": block_of[feature],
            "feature": name_of[feature],
            "value": _values(frozen, newcomers, rows, feature, side),
            "speaks_for": np.where(why[rows] == UNLIKE, "", toward),
            "contribution": contribution,
        }
    )


def _values(
    frozen: Frozen,
    newcomers: Newcomers,
    rows: NDArray[np.intp],
    feature: NDArray[np.intp],
    side: NDArray[np.intp],
) -> NDArray[np.object_]:
    """Say each value: the level, or "high" or "low" of a number."""
    values = np.hstack([block.values for block in newcomers.blocks.blocks])[rows, feature]
    levels = [names for part in frozen.typical for names in part.levels]
    words = np.where(side > 0, "high", "low").astype(object)
    for j in np.unique(feature):
        if levels[j]:
            here = np.flatnonzero(feature == j)
            words[here] = np.array(levels[j], dtype=object)[values[here].astype(np.intp)]
    return words


def _deciding(features: pd.DataFrame, ids: NDArray[np.str_]) -> list[str]:
    """Return the deciding features of each patient as text."""
    said: dict[str, list[str]] = {str(patient): [] for patient in ids}
    columns = (features[name].tolist() for name in ("patient_id", "block", "feature", "value", "speaks_for"))
    for patient, block, feature, value, group in zip(*columns, strict=True):
        said[patient].append(f"{block}.{feature} {value}" + (f" ({group})" if group else ""))
    return [", ".join(parts) for parts in said.values()]


def _summary(problems: Sequence[Problem]) -> str:
    if len(problems) == 1:
        return problems[0].text()
    times: Mapping[str, int] = Counter(problem.code for problem in problems)
    counted = listed(
        (f"{code} ({number})" if number > 1 else code for code, number in times.items()), most=20
    )
    return f"The patients were placed with {len(problems)} warnings: {counted}. They are in .problems."
