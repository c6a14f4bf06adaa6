"""Gaussian mixture, its number of groups and the shape of its covariances by ICL, one group included."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.contract import MethodTask, Runs, finds_groups
from phenotyper.discover.methods.common import (
    evaluation_rng,
    int_seed,
    least_patients,
    numbers_tried,
    part_of,
    repeated,
    silhouette,
    smallest,
)
from phenotyper.discover.place import LEAST_PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

FORMS = ("tied", "full")
"""Covariances common to all classes, or free. Not round or axis-parallel ones: the axes and the scale of the
points were made from the same patients, so that one class of such a form would be favoured."""
STARTS = 3
LEAST_VARIANCE = 1e-2
"""Added to variances, as a share of the points' mean variance: a few equal patients are no group by it."""


@finds_groups("mixture")
def mixture(task: MethodTask) -> Runs:
    """Find groups as the classes of a Gaussian mixture (Fraley and Raftery 2002).

    Numbers of classes from one upwards, with a covariance common to all classes or one each, are compared on
    all patients by the integrated completed likelihood (ICL; Biernacki, Celeux and Govaert 2000): BIC and
    twice the doubt of the memberships. The smallest wins among those that leave no class too small; one class
    means no groups. Each repetition fits the winner to 80 % of the patients and places all; who belongs to no
    class with a probability of .8 or more is unassigned. The points should be roughly normal within a group:
    skewed ones look like two classes.
    """
    points, seed = task.integrated.points, int_seed(evaluation_rng(task))
    rows = [_judged(points, k, form, seed=seed) for k in numbers_tried(task) for form in _forms(points, k)]
    best = chosen(rows, least=least_patients(task), by="icl")
    k, form = int(best["k"]), str(best["form"])
    once = None if k == 1 else lambda rng: _on_a_part(points, k, form, rng=rng)
    return repeated(task, once, criteria=rows, setting={"k": k, "form": form})


def chosen(rows: Sequence[dict[str, Any]], *, least: int, by: str) -> Mapping[str, Any]:
    """Mark and return the row of the smallest criterion without a class too small; one class is open."""
    best = min((row for row in rows if row["k"] == 1 or row["smallest"] >= least), key=lambda row: row[by])
    for row in rows:
        row["chosen"] = row is best
    return best


def entropy(posterior: Points) -> float:
    """Return 1 for sure classes, 0 for a toss-up (Celeux and Soromenho 1996); NaN for one class.

    Examples
    --------
    >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]]))
    0.5
    """
    n, k = posterior.shape
    return float(1 - doubt(posterior) / (n * np.log(k))) if k > 1 else float("nan")


def doubt(posterior: Points) -> float:
    """Return the sum of -p log p."""
    return float(-(posterior * np.log(np.maximum(posterior, 1e-300))).sum())


def _forms(points: Points, k: int) -> tuple[str, ...]:
    """Return the forms of covariance that differ and have patients enough."""
    n, f = points.shape
    return FORMS if k > 1 and n / k > f + 1 else FORMS[:1]


def _judged(points: Points, k: int, form: str, *, seed: int) -> dict[str, Any]:
    """Return what a fit to all patients is judged by."""
    model = _fitted(points, k, form, seed=seed)
    posterior = model.predict_proba(points)
    labels = np.argmax(posterior, axis=1).astype(np.intp)
    counts = np.bincount(labels, minlength=k)
    bic = float(model.bic(points))
    return {
        "k": k,
        "form": form,
        "bic": bic,
        "icl": bic + 2 * doubt(posterior),
        "entropy": entropy(posterior),
        "silhouette": silhouette(points, labels),
        "smallest": smallest(labels) if counts.all() else 0,
        "unsure": float((posterior.max(axis=1) < LEAST_PROBABILITY).mean()),
    }


def _fitted(points: Points, k: int, form: str, *, seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    floor = max(LEAST_VARIANCE * float(points.var(axis=0).mean()), 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(
            k, covariance_type=form, n_init=STARTS if k > 1 else 1, reg_covar=floor, random_state=seed
        ).fit(points)


def _on_a_part(points: Points, k: int, form: str, *, rng: np.random.Generator) -> NDArray[np.intp]:
    part = part_of(len(points), rng=rng)
    posterior = _fitted(points[part], k, form, seed=int_seed(rng)).predict_proba(points)
    sure = posterior.max(axis=1) >= LEAST_PROBABILITY
    return np.where(sure, np.argmax(posterior, axis=1), -1).astype(np.intp)
