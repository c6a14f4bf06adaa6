"""The recipe: prepare, integrate, embed, cluster, with all settings, as one thing that can be refitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from phenotyper.errors import FitError, Problem, RecipeError, did_you_mean, listed

if TYPE_CHECKING:
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

SMALLEST_CLUSTER = 10
CLUSTER_SHARE = 0.05
MOST_NEIGHBORS = 30
LEAST_NEIGHBORS = 10

Progress = bool | Callable[[int, int], None]


@dataclass(frozen=True)
class Recipe:
    """Settings of the whole procedure; ``fit`` runs it.

    Every default is one that was measured (benchmarks/), none reads an outcome.

    Parameters
    ----------
    adjust_for : sequence of str
        Covariates whose effects are taken out of every feature: ``age``, ``sex``, ``site``, ``batch`` or a
        declared covariate.
    seed : int
        The same seed on the same machine gives the same bytes.
    blocks : sequence of str, optional
        Blocks to use; by default all.
    n_factors : int, optional
        Latent factors; by default those that exceed column-permuted copies of the data (2 to 15).
    n_neighbors : int, optional
        Neighbours of the UMAP layouts; by default 30, in cohorts below 180 a sixth of the patients, at
        least 10.
    n_dims : int
        Dimensions of the layouts that are clustered (at most the number of factors). The map for eyes
        always has two.
    min_cluster_size : int, optional
        Least patients of a subphenotype; by default 5 % of the cohort, at least 10.
    min_samples : int
        HDBSCAN's neighbourhood for density.
    n_layouts : int
        Layouts with different seeds whose clusterings are combined: one layout alone changes with its seed.

    Raises
    ------
    RecipeError
        A setting is impossible.

    Examples
    --------
    >>> Recipe(adjust_for=["age", "site"], seed=7).adjust_for
    ('age', 'site')
    """

    adjust_for: tuple[str, ...] = ()
    seed: int = 0
    blocks: tuple[str, ...] | None = None
    n_factors: int | None = None
    n_neighbors: int | None = None
    n_dims: int = 5
    min_cluster_size: int | None = None
    min_samples: int = 5
    n_layouts: int = 10

    def __post_init__(self) -> None:
        for name in ("adjust_for", "blocks"):
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, (value,))
            elif value is not None:
                object.__setattr__(self, name, tuple(value))
        problems = [
            problem
            for problem in (_whole_number(self, name, least) for name, least in _LEAST.items())
            if problem
        ]
        if problems:
            raise RecipeError(problems)

    def fit(self, cohort: MuData, *, n_jobs: int = 1, progress: Progress = False) -> Phenotypes:
        """Run the recipe on a cohort.

        Parameters
        ----------
        cohort : MuData
            From :func:`phenotyper.read_cohort`.
        n_jobs : int
            Threads for the layouts; -1 for all cores. The answer does not depend on it.
        progress : bool or callable
            Show a bar, or call with (layouts done, layouts in all).

        Returns
        -------
        Phenotypes
            Candidate subphenotypes; possibly none.

        Raises
        ------
        FitError
            MIN_N: too few patients. NO_FEATURES: nothing varies.
        RecipeError
            A block or covariate that the cohort does not have; ``n_jobs`` of 0.
        """
        if n_jobs == 0:
            raise RecipeError(
                Problem("RECIPE_SETTING", "n_jobs is 0", "Give 1 or more, or -1 for all cores.")
            )
        from phenotyper.discover.phenotypes import phenotypes_of

        return phenotypes_of(self, cohort, n_jobs=n_jobs, progress=progress)

    def neighbors_for(self, n_patients: int) -> int:
        """Return the number of neighbours for a cohort of this size."""
        return self.n_neighbors or min(MOST_NEIGHBORS, max(LEAST_NEIGHBORS, n_patients // 6))

    def cluster_size_for(self, n_patients: int) -> int:
        """Return the least size of a subphenotype for a cohort of this size."""
        return self.min_cluster_size or max(SMALLEST_CLUSTER, -int(-CLUSTER_SHARE * n_patients // 1))

    def demand(self, n_patients: int) -> None:
        """Refuse a cohort that is too small, before anything is computed.

        Raises
        ------
        FitError
            MIN_N, with the number that is needed.
        """
        neighbors, size = self.n_neighbors or LEAST_NEIGHBORS, self.min_cluster_size or SMALLEST_CLUSTER
        needed = max(neighbors + 1, 2 * size, self.min_samples + 1)
        if n_patients < needed:
            who = "1 patient" if n_patients == 1 else f"{n_patients} patients"
            why = f"two subphenotypes of {size}, {neighbors} neighbours"
            raise FitError(
                Problem(
                    "MIN_N",
                    f"the cohort has {who} with data; these settings need {needed} ({why})",
                    "Add patients. Smaller n_neighbors and min_cluster_size are possible, but so few "
                    "patients cannot show subphenotypes.",
                )
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        values = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """Rebuild a recipe from :meth:`to_dict`.

        Raises
        ------
        RecipeError
            RECIPE_SETTING: unknown settings.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise RecipeError(
                Problem(
                    "RECIPE_SETTING",
                    f"a recipe has no setting {listed(unknown)}",
                    f"Settings are {listed(known, 20)}.{did_you_mean(unknown[0], known)}",
                )
            )
        return cls(**values)


_LEAST = {
    "seed": 0,
    "n_factors": 1,
    "n_neighbors": 2,
    "n_dims": 1,
    "min_cluster_size": 2,
    "min_samples": 1,
    "n_layouts": 1,
}
_OPTIONAL = ("n_factors", "n_neighbors", "min_cluster_size")


def _whole_number(recipe: Recipe, name: str, least: int) -> Problem | None:
    value = getattr(recipe, name)
    if value is None and name in _OPTIONAL:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return None
    return Problem("RECIPE_SETTING", f"{name} is {value!r}", f"Give a whole number of {least} or more.")
