"""Latent classes of mixed features: numbers normal, levels by chance, missing values left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.contract import MethodTask, Runs, finds_groups
from phenotyper.discover.methods.common import (
    evaluation_rng,
    least_patients,
    numbers_tried,
    part_of,
    repeated,
    silhouette,
    smallest,
)
from phenotyper.discover.methods.mixture import chosen, doubt, entropy
from phenotyper.discover.place import LEAST_PROBABILITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

CATEGORICAL = ("yes/no", "category", "ordinal")
FORMS = ("equal", "free")
"""Variances of a number: the same in all classes, or each class its own."""
STARTS = 4
STEPS = 500
TOLERANCE = 1e-6
PRIOR = 1.0
"""Patients' worth of the whole cohort mixed into each class (Vermunt and Magidson 2016, Bayes constants)."""


@dataclass(frozen=True)
class Mixed:
    """Mixed features of n patients.

    Parameters
    ----------
    numbers : ndarray, shape (n, p)
        NaN = missing.
    levels : ndarray, shape (n, l)
        1 where the patient is at the level, 0 elsewhere; a feature's columns are 0 where it is missing.
    feature : ndarray of int, shape (l,)
        Number of the feature that a level belongs to.
    """

    numbers: Matrix
    levels: Matrix
    feature: NDArray[np.intp]

    def rows(self, part: NDArray[np.intp]) -> Mixed:
        """Return some patients."""
        return Mixed(self.numbers[part], self.levels[part], self.feature)


@dataclass(frozen=True)
class Classes:
    """Fitted latent classes: shares (k,), means and variances (k, p), chances of levels (k, l)."""

    shares: Matrix
    means: Matrix
    variances: Matrix
    chances: Matrix
    log_likelihood: float
    n_parameters: int

    def joint(self, data: Mixed) -> Matrix:
        """Return log probabilities of each patient's observed values with each class, shape (n, k)."""
        seen = np.isfinite(data.numbers).astype(np.float64)
        x = np.where(seen > 0, data.numbers, 0.0)
        precision = 1 / self.variances
        constant = np.log(2 * np.pi * self.variances) + self.means**2 * precision
        quadratic = seen @ constant.T + x**2 @ precision.T - 2 * x @ (self.means * precision).T
        return np.log(self.shares) - quadratic / 2 + data.levels @ np.log(self.chances).T

    def posterior(self, data: Mixed) -> Matrix:
        """Return the probability of each class given a patient's observed values, shape (n, k)."""
        return _posterior(self.joint(data))[0]

    def bic(self, n: int) -> float:
        """Return Schwarz's criterion."""
        return -2 * self.log_likelihood + self.n_parameters * float(np.log(n))


@finds_groups("latent_class")
def latent_class(task: MethodTask) -> Runs:
    """Find groups as latent classes of the features themselves (Lazarsfeld; Vermunt and Magidson 2002).

    Within a class features are independent: numbers normal, yes/no, categories and ordinal levels with a
    chance each. What is missing is left open (full information); the integration only gives a start and the
    silhouette. Numbers of classes from one upwards, with variances common or free, are compared by BIC on all
    patients; one class means no groups. Each repetition fits the winner to 80 % of the patients and places
    all; who belongs to no class with a probability of .8 or more is unassigned. Levels are taken as measured;
    where covariates are adjusted for, their adjusted columns count as numbers. For clinical tables: features
    that go together for another reason, as genes do, look like classes.
    """
    data, rng = mixed_of(task), evaluation_rng(task)
    starts = [(k, _starts(task, k, rng=rng)) for k in numbers_tried(task)]
    rows = [
        _judged(task, data, fit_classes(data, begin, form=form), form)
        for k, begin in starts
        for form in (FORMS if k > 1 else FORMS[1:])
    ]
    best = chosen(rows, least=least_patients(task), by="bic")
    k, form = int(best["k"]), str(best["form"])
    once = None if k == 1 else lambda one: _on_a_part(task, data, k, form, rng=one)
    return repeated(task, once, criteria=rows, setting={"k": k, "form": form})


def mixed_of(task: MethodTask) -> Mixed:
    """Return the prepared numbers and, as measured, the levels of all features in use."""
    as_measured = not task.blocks.covariates
    by_name = {block.name: block for block in task.blocks.blocks}
    numbers, levels, feature = [np.zeros((len(task.integrated.points), 0))], [], []
    for part in task.prepared:
        block = by_name[part.name]
        categorical = np.array(
            [block.kinds[j] in CATEGORICAL and as_measured for j in part.source], dtype=bool
        )
        numbers.append(part.values[:, ~categorical])
        for j in np.unique(part.source[categorical]):
            codes = block.values[:, j]
            for code in np.unique(codes[np.isfinite(codes)]):
                levels.append((codes == code).astype(np.float64))
                feature.append((part.name, int(j)))
    place = {key: number for number, key in enumerate(dict.fromkeys(feature))}
    whole = np.hstack(numbers)
    of_level = np.array([place[key] for key in feature], dtype=np.intp)
    return Mixed(whole, np.array(levels).reshape(len(levels), len(whole)).T, of_level)


def fit_classes(
    data: Mixed, starts: list[Matrix], *, form: str = "free", prior: float = PRIOR, steps: int = STEPS
) -> Classes:
    """Fit latent classes by expectation-maximisation from each start; return the likeliest.

    Parameters
    ----------
    data : Mixed
    starts : list of ndarray, shape (n, k)
        Memberships to begin with.
    form : {"free", "equal"}
        Variances of each class, or common to all.
    prior : float
        Patients' worth of the whole cohort mixed into each class: no variance or chance becomes 0.
    steps : int
        Most rounds.

    Returns
    -------
    Classes
    """
    found = [_climbed(data, start, form=form, prior=prior, steps=steps) for start in starts]
    return max(found, key=lambda one: one.log_likelihood)


def _climbed(data: Mixed, start: Matrix, *, form: str, prior: float, steps: int) -> Classes:
    before = -np.inf
    membership, classes = start, _estimate(data, start, form=form, prior=prior)
    for _ in range(steps):
        membership, after = _posterior(classes.joint(data))
        classes = _estimate(data, membership, form=form, prior=prior)
        if after - before <= TOLERANCE * abs(after):
            break
        before = after
    likelihood = _posterior(classes.joint(data))[1]
    return Classes(
        classes.shares,
        classes.means,
        classes.variances,
        classes.chances,
        likelihood,
        _parameters(data, start.shape[1], form),
    )


def _estimate(data: Mixed, membership: Matrix, *, form: str, prior: float) -> Classes:
    """Return the parameters given memberships (the maximisation step), each mixed with the whole cohort."""
    k = membership.shape[1]
    seen = np.isfinite(data.numbers).astype(np.float64)
    x = np.where(seen > 0, data.numbers, 0.0)
    count = seen.sum(axis=0)
    centre = x.sum(axis=0) / np.maximum(count, 1)
    spread = np.maximum((x**2).sum(axis=0) / np.maximum(count, 1) - centre**2, 1e-9)
    weight = membership.T @ seen
    means = (membership.T @ x + 1e-9 * centre) / (weight + 1e-9)
    squares = np.maximum(membership.T @ x**2 - weight * means**2, 0.0)
    if form == "equal":
        common = (squares.sum(axis=0) + prior * spread) / (count + prior)
        variances = np.tile(common, (k, 1))
    else:
        variances = (squares + prior * spread) / (weight + prior)
    shares = (membership.sum(axis=0) + prior / k) / (len(membership) + prior)
    chances = _chances(data, membership, prior)
    return Classes(shares, means, np.maximum(variances, 1e-6 * spread), chances, np.nan, 0)


def _chances(data: Mixed, membership: Matrix, prior: float) -> Matrix:
    one_of = (data.feature[:, None] == np.arange(data.feature.max(initial=-1) + 1)).astype(np.float64)
    total = data.levels.sum(axis=0)
    share = total / np.maximum(one_of @ (one_of.T @ total), 1e-300)
    counted = membership.T @ data.levels + prior * share
    return np.maximum(counted / np.maximum(counted @ one_of @ one_of.T, 1e-300), 1e-12)


def _posterior(joint: Matrix) -> tuple[Matrix, float]:
    """Return memberships and the log likelihood."""
    top = joint.max(axis=1, keepdims=True)
    weight = np.exp(joint - top)
    total = weight.sum(axis=1, keepdims=True)
    return weight / total, float((top + np.log(total)).sum())


def _parameters(data: Mixed, k: int, form: str) -> int:
    p, free_levels = data.numbers.shape[1], len(data.feature) - len(np.unique(data.feature))
    return k - 1 + k * p + (p if form == "equal" else k * p) + k * free_levels


def _starts(task: MethodTask, k: int, *, rng: np.random.Generator) -> list[Matrix]:
    """Return memberships by nearness to patients drawn far from each other (k-means++), some starts."""
    from scipy.spatial.distance import cdist
    from sklearn.cluster import kmeans_plusplus

    points = task.integrated.points
    if k == 1:
        return [np.ones((len(points), 1))]
    found = []
    for _ in range(STARTS):
        centres, _ = kmeans_plusplus(points, k, random_state=int(rng.integers(2**31 - 1)))
        found.append((np.argmin(cdist(points, centres), axis=1)[:, None] == np.arange(k)).astype(np.float64))
    return found


def _judged(task: MethodTask, data: Mixed, classes: Classes, form: str) -> dict[str, Any]:
    posterior = classes.posterior(data)
    labels = np.argmax(posterior, axis=1).astype(np.intp)
    n, k = posterior.shape
    whole = np.bincount(labels, minlength=k).all()
    return {
        "k": k,
        "form": form,
        "bic": classes.bic(n),
        "icl": classes.bic(n) + 2 * doubt(posterior),
        "entropy": entropy(posterior),
        "silhouette": silhouette(task.integrated.points, labels),
        "smallest": smallest(labels) if whole else 0,
        "unsure": float((posterior.max(axis=1) < LEAST_PROBABILITY).mean()),
    }


def _on_a_part(
    task: MethodTask, data: Mixed, k: int, form: str, *, rng: np.random.Generator
) -> NDArray[np.intp]:
    part = part_of(len(data.numbers), rng=rng)
    starts = [start[part] for start in _starts(task, k, rng=rng)]
    posterior = fit_classes(data.rows(part), starts, form=form).posterior(data)
    sure = posterior.max(axis=1) >= LEAST_PROBABILITY
    return np.where(sure, np.argmax(posterior, axis=1), -1).astype(np.intp)
