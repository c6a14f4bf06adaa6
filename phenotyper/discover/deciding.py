"""Which features decided where a patient is placed.

A score is a weighted sum of the patient's values, and the step from one group to another is a direction in
the scores: so each value has its part in it (as in linear discriminant analysis). In a patient who is unlike
any group the parts are of the distance to the nearest group and of what the factors leave over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.discover.place import UNLIKE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from phenotyper.discover.frozen import Frozen
    from phenotyper.discover.place import Placement
    from phenotyper.integrate.factors import Scores
    from phenotyper.prepare.preparation import PreparedBlock

    Matrix = NDArray[np.float64]

SHOWN = 5


@dataclass(frozen=True)
class Parts:
    """The features that mattered most in each of n patients.

    Parameters
    ----------
    feature : ndarray of int, shape (n, m)
        Number of the feature among those of all blocks, -1 for none; the largest part first.
    part : ndarray, shape (n, m)
        Contribution: above 0 for the nearest group rather than the second (in somebody unlike: away from the
        nearest).
    side : ndarray of int, shape (n, m)
        1 where the value is above, -1 where below what lies half way (at the centre of the nearest group).
    """

    feature: NDArray[np.intp]
    part: Matrix
    side: NDArray[np.intp]


def deciding_features(
    frozen: Frozen, left: Matrix, scores: Scores, placement: Placement, *, number: NDArray[np.intp]
) -> Parts:
    """Return the features that decided; each patient by itself.

    Parameters
    ----------
    frozen : Frozen
    left : ndarray, shape (n, q)
        From ``residuals.leftover``.
    scores, placement : Scores, Placement
        Of the same n patients.
    number : ndarray of int, shape (q,)
        From :func:`feature_numbers`.
    """
    n, k = placement.probability.shape
    if k == 0 or n == 0:
        nothing = np.zeros((n, 0))
        return Parts(nothing.astype(np.intp), nothing, nothing.astype(np.intp))
    why = placement.decide()[1]
    direction, reference = _directions(frozen, scores, placement, why == UNLIKE)
    model = frozen.factors
    seen = np.isfinite(left)
    said = ((scores.mean - reference)[:, None, :] @ model.loadings.T)[:, 0, :]
    away = np.where(seen, left + said, 0.0)
    posterior = frozen.whole_cov + scores.missing_cov
    pull = (direction[:, None, :] @ posterior @ (model.loadings / model.noise[:, None]).T)[:, 0, :]
    parts = pull * away
    unlike = np.flatnonzero(why == UNLIKE)
    odd = np.maximum(left[unlike] ** 2 / frozen.residuals.variance - 1, 0.0)
    parts[unlike] += np.where(seen[unlike], odd, 0.0)
    return _largest(parts, away, number)


def feature_numbers(prepared: Sequence[PreparedBlock], widths: Sequence[int]) -> NDArray[np.intp]:
    """Return for each of the q columns the number of its feature, counted through all blocks."""
    starts = np.cumsum([0, *widths])
    return np.concatenate(
        [block.source + start for block, start in zip(prepared, starts[:-1], strict=True)]
    ).astype(np.intp)


def _directions(
    frozen: Frozen, scores: Scores, placement: Placement, unlike: NDArray[np.bool_]
) -> tuple[Matrix, Matrix]:
    """Return (n, f) directions in which the scores decide, and (n, f) points that they are seen from."""
    placer = frozen.placer
    order = np.argsort(-placement.probability, axis=1, kind="stable")
    first = order[:, 0]
    centre, covariance = placer.centres[first], placer.covariances[first]
    if placement.probability.shape[1] > 1:
        second = order[:, 1]
        other, other_covariance = placer.centres[second], placer.covariances[second]
    else:
        other = np.broadcast_to(placer.middle, centre.shape)
        other_covariance = np.broadcast_to(placer.spread, covariance.shape)
    away = np.where(unlike[:, None], scores.mean - centre, centre - other)
    within = np.where(unlike[:, None, None], covariance, (covariance + other_covariance) / 2)
    solved = np.linalg.solve(within, away[:, :, None])[:, :, 0]
    return solved, np.where(unlike[:, None], centre, (centre + other) / 2)


def _largest(parts: Matrix, away: Matrix, number: NDArray[np.intp]) -> Parts:
    """Add up the columns of each feature and keep the features with the largest parts."""
    order = np.argsort(number, kind="stable")
    features, starts = np.unique(number[order], return_index=True)
    summed = np.add.reduceat(np.ascontiguousarray(parts[:, order]), starts, axis=1)
    most = min(SHOWN, len(features))
    rough = np.argpartition(-np.abs(summed), most - 1, axis=1)[:, :most]
    size = np.take_along_axis(summed, rough, axis=1)
    best = np.take_along_axis(rough, np.lexsort((rough, -np.abs(size))), axis=1)
    part = np.take_along_axis(summed, best, axis=1)
    column = _leading_column(parts[:, order], starts, best)
    side = np.sign(np.take_along_axis(away[:, order], column, axis=1)).astype(np.intp)
    return Parts(np.where(part != 0, features[best], -1), part, side)


def _leading_column(parts: Matrix, starts: NDArray[np.intp], best: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each feature kept the column of it with the largest part."""
    ends = np.append(starts[1:], parts.shape[1])
    column = starts[best]
    for step in range(1, int((ends - starts).max(initial=1))):
        next_one = np.minimum(starts[best] + step, ends[best] - 1)
        larger = np.abs(np.take_along_axis(parts, next_one, axis=1)) > np.abs(
            np.take_along_axis(parts, column, axis=1)
        )
        column = np.where(larger, next_one, column)
    return column
