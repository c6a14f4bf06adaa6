"""The families by name: what each is, and what a verdict should be. A further family is one more entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from phenotyper.datasets.degrade import Missing

Kind = Literal["null", "planted"]
Background = Literal["independent", "correlated", "heavy", "siblings"]
Structure = Literal["none", "groups", "gradient", "sigmoid", "site", "sex", "age"]
Record = Literal["number", "skewed", "mixed", "counts", "composition"]

GROUPED: Final = ("groups", "site", "sex", "age")
"""Structures with levels that lie apart; ``separation`` and ``share_informative`` are theirs."""
THREE_BLOCKS: Final = ("genes", "metabolites", "proteins")


@dataclass(frozen=True)
class Family:
    """A family of cohorts; its numbers are the defaults of :func:`~phenotyper.datasets.simulate_family`.

    Parameters
    ----------
    name, about, source : str
        Its name, one sentence, and where it comes from.
    expected : str
        The verdict that is right: none, graded, distinct or explained.
    kind : str
        "null" (without subphenotypes) or "planted".
    adjust_for : tuple of str
        What must be adjusted for before ``expected`` holds.
    background : str
        What there is without groups: independent features; five sets of correlated ones; those with the heavy
        tails of a t distribution common to all features; those with siblings alike.
    structure : str
        What else moves features.
    record : str
        What the scores are recorded as.
    blocks, informative : tuple of str
        Blocks, and those of them that show the structure (all when empty).
    n_patients, n_features : int
        Patients, features over all blocks.
    n_groups : int
        Groups (sites, for a site effect); 0 without.
    sizes : tuple of float
        Share of each group among the patients in groups; equal when empty.
    separation : float
        See :func:`~phenotyper.datasets.simulate_family`.
    share_informative : float
        Share of the features of an informative block that show the structure.
    share_without : float
        Share of patients in no group.
    slope : float
        How far the continuum moves a feature: standard deviation of its part, in those of the rest. It moves
        half of the features, up or down.
    correlation : float
        Of the features of a set.
    sets : int
        Sets of correlated features in a block.
    share_missing, share_absent : float
        Share of values missing, and of patient-blocks absent.
    missing : str
        Why they are missing, see :func:`~phenotyper.datasets.degrade.degrade`.
    dealt : int
        Blocks that the features of the only block are dealt out to.
    """

    name: str
    about: str
    expected: str
    source: str = "EVIDENCE, calibration suite"
    kind: Kind = "null"
    adjust_for: tuple[str, ...] = ()
    background: Background = "correlated"
    structure: Structure = "none"
    record: Record = "number"
    blocks: tuple[str, ...] = ("features",)
    informative: tuple[str, ...] = ()
    n_patients: int = 300
    n_features: int = 50
    n_groups: int = 0
    sizes: tuple[float, ...] = ()
    separation: float = 0.0
    share_informative: float = 0.0
    share_without: float = 0.0
    slope: float = 0.0
    correlation: float = 0.5
    sets: int = 5
    share_missing: float = 0.0
    share_absent: float = 0.0
    missing: Missing = "mcar"
    dealt: int = 1


_THREE = Family("", "", "", blocks=THREE_BLOCKS, n_features=120)
_PLANTED = Family(
    "planted",
    "three groups of equal size that differ in about a quarter of the correlated features",
    "distinct",
    kind="planted",
    structure="groups",
    n_groups=3,
    separation=2.5,
    share_informative=0.24,
    correlation=0.3,
)
_SITE = Family(
    "site",
    "three hospitals whose values lie apart, and nothing else: a partition by site",
    "explained",
    structure="site",
    n_groups=3,
    separation=2.5,
    share_informative=0.3,
)
_SIGMOID = Family(
    "sigmoid",
    "a continuum with most patients near its two ends, along a declared exposure",
    "explained",
    background="independent",
    structure="sigmoid",
    slope=1.0,
)

NULL: Final[tuple[Family, ...]] = (
    Family(
        "independent", "features that have nothing to do with each other", "none", background="independent"
    ),
    Family("correlated", "one table of five sets of correlated features", "none"),
    Family("skewed", "correlated features with long right tails (lognormal)", "none", record="skewed"),
    Family(
        "heavy_tails",
        "correlated features whose patients lie far out in all features together (t, 3 degrees of freedom)",
        "none",
        background="heavy",
    ),
    Family("mixed", "correlated numbers, ordinal, yes/no and category features", "none", record="mixed"),
    Family(
        "gradient",
        "a continuum: patients spread evenly along one direction, with noise",
        "graded",
        background="independent",
        structure="gradient",
        slope=1.0,
    ),
    _SIGMOID,
    replace(
        _SIGMOID,
        name="sigmoid_residualised",
        about="the same continuum, its exposure to be adjusted for",
        expected="none",
        adjust_for=("exposure",),
    ),
    replace(
        _SITE,
        name="batch_residualised",
        about="three hospitals that shift every feature, the hospital to be adjusted for",
        expected="none",
        adjust_for=("site",),
        share_informative=1.0,
        separation=2.0,
    ),
    Family(
        "wide",
        "many more features than patients, in 20 sets of correlated ones",
        "none",
        n_patients=100,
        n_features=5000,
        sets=20,
    ),
    replace(
        _THREE,
        name="three_blocks",
        about="three blocks correlated within and between, three in ten patient-blocks absent",
        expected="none",
        share_absent=0.3,
    ),
    Family("missing", "correlated features, a fifth of the values missing", "none", share_missing=0.2),
    Family("zero_inflated", "correlated counts with more zeros than a Poisson has", "none", record="counts"),
    Family("composition", "correlated parts of a whole, rare ones not seen", "none", record="composition"),
    Family(
        "siblings",
        "correlated features of families of three, who are alike in everything",
        "none",
        background="siblings",
        source="PAEDIATRICS",
    ),
    _SITE,
    replace(
        _SITE,
        name="sex",
        about="girls and boys who lie apart, and nothing else: a partition by sex",
        structure="sex",
        n_groups=2,
    ),
    replace(
        _SITE,
        name="age",
        about="the young and the old who lie apart, and nothing else: a partition by age",
        structure="age",
        n_groups=2,
    ),
)

PLANTED: Final[tuple[Family, ...]] = (
    _PLANTED,
    replace(
        _PLANTED, name="planted_unequal", about="three groups of 60, 25 and 15 %", sizes=(0.6, 0.25, 0.15)
    ),
    replace(
        _PLANTED,
        name="planted_small",
        about="one group of 8 % that differs from the rest in 30 % of 60 features",
        n_patients=800,
        n_features=60,
        n_groups=2,
        sizes=(0.92, 0.08),
        separation=2.5,
        share_informative=0.3,
        source="EVIDENCE, part 1",
    ),
    replace(
        _PLANTED,
        name="planted_one_block",
        about="three groups that only one of three blocks shows",
        blocks=THREE_BLOCKS,
        informative=("proteins",),
        n_features=120,
        share_informative=0.3,
    ),
    replace(
        _PLANTED,
        name="planted_all_blocks",
        about="three groups that all of three blocks show, none of them well",
        blocks=THREE_BLOCKS,
        n_features=120,
        share_informative=0.1,
    ),
    replace(
        _PLANTED,
        name="planted_gradient",
        about="three groups, and a continuum across them",
        slope=1.0,
    ),
    replace(
        _PLANTED,
        name="planted_mixed",
        about="three groups on numbers, ordinal, yes/no and category features",
        record="mixed",
        share_informative=0.4,
    ),
    replace(
        _PLANTED,
        name="planted_skewed",
        about="three groups on features with long right tails",
        record="skewed",
    ),
    replace(
        _PLANTED,
        name="planted_noise",
        about="three groups, and 15 % of patients scattered between and around them who belong to none",
        share_without=0.15,
    ),
    replace(
        _PLANTED,
        name="planted_wide",
        about="two groups that differ in a tenth of 1,500 features, of 100 patients",
        n_patients=100,
        n_features=1500,
        n_groups=2,
        sets=20,
        share_informative=0.1,
        separation=2.0,
        source="EVIDENCE, part 1",
    ),
)

FAMILIES: Final[dict[str, Family]] = {family.name: family for family in (*NULL, *PLANTED)}
