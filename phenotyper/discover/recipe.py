"""The recipe: prepare, integrate, embed, cluster, with all settings, as one thing that can be refitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from phenotyper.errors import FitError, Problem, RecipeError, did_you_mean, listed

if TYPE_CHECKING:
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes

SMALLEST_CLUSTER = 10
CLUSTER_SHARES = (0.05, 0.08)
MOST_NEIGHBORS = 30
LEAST_NEIGHBORS = 10

DEFAULT_SAMPLES = (5, 10, 15)
SEARCHED = ("n_factors", "n_neighbors", "min_cluster_size", "min_samples")

Progress = bool | Callable[[int, int], None]
Setting = int | Sequence[int]
"""A number, or several that are tried."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the whole procedure; ``fit`` runs it.

    Every default is one that was measured (benchmarks/), none reads an outcome.

    Parameters
    ----------
    adjust_for : sequence of str, optional
        Covariates whose effects are taken out of every feature: ``age``, ``sex``, ``site``, ``batch`` or a
        declared covariate. By default age where the cohort has patients under 18 and their age, else none;
        an empty sequence means none.
    seed : int
        The same seed on the same machine gives the same bytes.
    blocks : sequence of str, optional
        Blocks to use; by default all.
    n_factors : int or sequence of int, optional
        Latent factors; by default chosen from the data (2 to 15, at most one for 20 patients). There are
        always fewer than columns and than patients.
    n_neighbors : int or sequence of int, optional
        Neighbours of the UMAP layouts; by default 30, in cohorts below 180 a sixth of the patients, at
        least 10.
    n_dims : int
        Dimensions of the layouts that are clustered (at most the number of factors). The map for eyes
        always has two.
    min_cluster_size : int or sequence of int, optional
        Least patients of a subphenotype; by default 5 % and 8 % of the cohort, at least 10.
    min_samples : int or sequence of int
        HDBSCAN's neighbourhood for density.
    n_layouts : int
        Layouts (of other methods: repetitions) with different seeds, for each number of factors and of
        neighbours: one alone changes with its seed. All runs, over seeds and settings, are combined.
    integration : str
        How blocks become one space: ``factors``, ``concat``, ``graph``, ``snf``, ``mofa``, or one of your own
        (``integrate/contract.py``).
    method : str
        How groups are found there: ``hdbscan``, ``kmeans``, ``mixture``, ``latent_class``, ``leiden``, or one
        of your own (``discover/contract.py``).
    features : mapping, optional
        What to do with single features in place of what the preparation would do: ``{"labs.crp": "log",
        "labs.id_of_tube": "leave out", "genes.*": "normal scores"}``. Actions are the scales ``log``, ``as
        measured``, ``logit``, ``normal scores`` and ``indicators``, and ``leave out``, ``keep`` (whatever
        the filter says) and ``not adjusted``; several with commas between. What came of it:
        :func:`phenotyper.prepare_cohort`.
    max_missing : float
        Features missing in more than this share of the patients who have their block are left out.
    top_features : int, optional
        In each block only so many features, those that vary most, beside those that cannot be ranked
        (levels, dosages, normal scores); by default all.

    Raises
    ------
    RecipeError
        A setting is impossible.

    Examples
    --------
    >>> Recipe(adjust_for=["age", "site"], seed=7).adjust_for
    ('age', 'site')
    """

    adjust_for: Sequence[str] | None = None
    seed: int = 0
    blocks: Sequence[str] | None = None
    n_factors: Setting | None = None
    n_neighbors: Setting | None = None
    n_dims: int = 5
    min_cluster_size: Setting | None = None
    min_samples: Setting = DEFAULT_SAMPLES
    n_layouts: int = 10
    integration: str = "factors"
    method: str = "hdbscan"
    features: Mapping[str, str] = field(default_factory=dict, hash=False)
    max_missing: float = 0.8
    top_features: int | None = None

    def __post_init__(self) -> None:
        for name in ("adjust_for", "blocks"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        for name in SEARCHED:
            value = getattr(self, name)
            if isinstance(value, Sequence | range) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(dict.fromkeys(value)))
        if isinstance(self.features, Mapping):
            object.__setattr__(self, "features", dict(self.features))
        problems = [problem for problem in _impossible(self) if problem]
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
            A block or covariate that the cohort does not have; an unknown integration or method; ``n_jobs``
            of 0.
        MissingExtraError
            An integration or method needs a package that is not installed.
        """
        if n_jobs == 0:
            raise RecipeError(
                Problem("RECIPE_SETTING", "n_jobs is 0", "Give 1 or more, or -1 for all cores.")
            )
        from phenotyper.discover.phenotypes import phenotypes_of

        return phenotypes_of(self, cohort, n_jobs=n_jobs, progress=progress)

    def factors_tried(self) -> tuple[int | None, ...]:
        """Return the numbers of factors to try; None is the number that the data choose."""
        return (None,) if self.n_factors is None else _several(self.n_factors)

    def neighbors_for(self, n_patients: int) -> tuple[int, ...]:
        """Return the numbers of neighbours to try in a cohort of this size."""
        if self.n_neighbors is not None:
            return _several(self.n_neighbors)
        return (min(MOST_NEIGHBORS, max(LEAST_NEIGHBORS, n_patients // 6)),)

    def cluster_sizes_for(self, n_patients: int) -> tuple[int, ...]:
        """Return the least sizes of a subphenotype to try in a cohort of this size."""
        if self.min_cluster_size is not None:
            return _several(self.min_cluster_size)
        sizes = (max(SMALLEST_CLUSTER, -int(-share * n_patients // 1)) for share in CLUSTER_SHARES)
        return tuple(dict.fromkeys(sizes))

    def samples_tried(self) -> tuple[int, ...]:
        """Return the neighbourhoods for density to try."""
        return _several(self.min_samples)

    def demand(self, n_patients: int) -> None:
        """Refuse a cohort that is too small, before anything is computed.

        Raises
        ------
        FitError
            MIN_N, with the number that is needed.
        """
        neighbors = LEAST_NEIGHBORS if self.n_neighbors is None else max(_several(self.n_neighbors))
        size = SMALLEST_CLUSTER if self.min_cluster_size is None else max(_several(self.min_cluster_size))
        samples = max(self.samples_tried())
        needed = max(neighbors + 1, 2 * size, samples + 1)
        if n_patients < needed:
            who = "1 patient" if n_patients == 1 else f"{n_patients} patients"
            why = f"two subphenotypes of {size}, {neighbors} neighbours"
            if samples + 1 == needed:
                why += f", min_samples {samples}"
            raise FitError(
                Problem(
                    "MIN_N",
                    f"the cohort has {who} with data; these settings need {needed} ({why})",
                    "Add patients. Smaller n_neighbors, min_cluster_size and min_samples are possible, but "
                    "so few patients cannot show subphenotypes.",
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
    "top_features": 2,
}
_OPTIONAL = ("n_factors", "n_neighbors", "min_cluster_size", "top_features")


def _several(value: Setting) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _impossible(recipe: Recipe) -> list[Problem | None]:
    return [
        *(_whole_number(recipe, name, least) for name, least in _LEAST.items()),
        *(_text(recipe, name) for name in ("integration", "method")),
        _share(recipe),
        _pairs_of_text(recipe),
    ]


def _whole_number(recipe: Recipe, name: str, least: int) -> Problem | None:
    value = getattr(recipe, name)
    if value is None and name in _OPTIONAL:
        return None
    several = name in SEARCHED and isinstance(value, tuple)
    if value != () and all(_whole(one, least) for one in (value if several else (value,))):
        return None
    or_several = ", or several to try" if name in SEARCHED else ""
    return _setting(name, value, f"Give a whole number of {least} or more{or_several}.")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _text(recipe: Recipe, name: str) -> Problem | None:
    value = getattr(recipe, name)
    return None if isinstance(value, str) else _setting(name, value, "Give its name.")


def _share(recipe: Recipe) -> Problem | None:
    value = recipe.max_missing
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return None if fits else _setting("max_missing", value, "Give a share from 0 to 1.")


def _pairs_of_text(recipe: Recipe) -> Problem | None:
    value = recipe.features
    if isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair):
        return None
    return _setting("features", value, 'Give a mapping such as {"labs.crp": "log"}.')


def _setting(name: str, value: object, remedy: str) -> Problem:
    return Problem("RECIPE_SETTING", f"{name} is {value!r}", remedy)
