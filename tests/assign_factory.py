"""A cohort with three known groups, and what a fit would keep of it had it found just them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.blocks import blocks_of
from phenotyper.cohort.read import read_cohort
from phenotyper.discover.anchors import Anchors
from phenotyper.discover.frozen import Frozen, Known
from phenotyper.discover.place import Placer
from phenotyper.discover.residuals import Residuals
from phenotyper.discover.slips import Typical
from phenotyper.integrate.factors import fit_factors
from phenotyper.prepare.preparation import Preparation

LABS = ("crp", "wbc", "glucose", "ferritin", "albumin", "sodium", "ige", "ldl", "urea", "iron")
GENES = tuple(f"gene{number:02d}" for number in range(24))
GROUPS = ("A", "B", "C")
MIDDLES = np.array([3.0, 8.0, 5.0, 60.0, 42.0, 140.0, 90.0, 2.8, 5.0, 15.0])
HABITS = pd.DataFrame(
    {
        "column": ["smoke", "pets", "area", "sport"],
        "kind": ["yes/no", "yes/no", "category", "ordinal"],
        "levels": ["", "", "", "never | weekly | daily"],
    }
)
LOADS = np.random.default_rng(99).normal(size=(4, 40))


@dataclass(frozen=True)
class Drawn:
    """Tables as they would be read, and the truth by patient."""

    tables: dict[str, pd.DataFrame]
    truth: pd.Series

    def cohort(self, *, dictionary: pd.DataFrame | None = None, **blocks: pd.DataFrame | None) -> Any:
        """Read it, with other blocks in place of some; None leaves a block out."""
        tables = {**self.tables, **blocks}
        facts: dict[str, dict[str, Any]] = {
            "labs": {"kind": "number"} if dictionary is None else {"kind": "mixed", "dictionary": dictionary},
            "genes": {"kind": "log"},
            "habits": {"kind": "mixed", "dictionary": HABITS},
        }
        declared = {
            name: {"file": tables[name], **said}
            for name, said in facts.items()
            if tables.get(name) is not None
        }
        declared |= {
            name: {"file": table, "kind": "number"}
            for name, table in blocks.items()
            if name not in facts and name != "clinical" and table is not None
        }
        patients = {"file": tables["clinical"], "age": {"column": "age", "unit": "years"}}
        return read_cohort({"blocks": declared, "patients": patients}, quiet=True)


def draw(n: int = 240, seed: int = 0, *, groups: tuple[str, ...] = GROUPS, prefix: str = "p") -> Drawn:
    """Draw patients of these groups, 3.5 standard deviations apart over all 40 features."""
    rng = np.random.default_rng(seed)
    group = np.array(groups)[np.arange(n) % len(groups)]
    scores = rng.normal(size=n)
    centre = {"A": LOADS[0], "B": LOADS[1], "C": LOADS[2], "D": -LOADS[0] - LOADS[1] - LOADS[2]}
    hidden = np.array([centre[name] for name in group]) * 0.8 + 0.5 * scores[:, None] * LOADS[3]
    hidden = hidden + rng.normal(size=(n, 40))
    ids = [f"{prefix}{number:04d}" for number in range(n)]
    labs = pd.DataFrame(MIDDLES * np.exp(0.2 * hidden[:, :10]), columns=list(LABS), index=ids)
    genes = pd.DataFrame(7 + hidden[:, 10:34], columns=list(GENES), index=ids)
    habits = pd.DataFrame(
        {
            "smoke": np.where(hidden[:, 34] > 0.5, "yes", "no"),
            "pets": np.where(hidden[:, 35] > 0, "yes", "no"),
            "area": np.select([hidden[:, 36] < -0.7, hidden[:, 36] < 0.7], ["town", "village"], "farm"),
            "sport": np.select([hidden[:, 37] < -0.7, hidden[:, 37] < 0.7], ["never", "weekly"], "daily"),
        },
        index=ids,
    )
    clinical = pd.DataFrame({"patient_id": ids, "age": rng.uniform(20, 60, n).round(1)})
    tables = {"clinical": clinical, "labs": labs.round(4), "genes": genes.round(4), "habits": habits}
    return Drawn(tables, pd.Series(group, index=ids))


@dataclass(frozen=True)
class Found:
    """Stands for Phenotypes: what assign reads."""

    frozen: Frozen | None
    status: str = "candidate, evidence not assessed"
    fingerprint: str = "fit"


def freeze(cohort: Any, truth: pd.Series, *, adjust_for: tuple[str, ...] = ()) -> Found:
    """Keep what a fit keeps, as if it had found the groups of ``truth``."""
    blocks, ids = blocks_of(cohort, adjust_for=adjust_for)
    names = sorted(set(truth))
    labels = np.array([names.index(truth[patient]) for patient in ids])
    preparation, prepared = Preparation.fit_apply(blocks)
    factors = fit_factors(prepared, n_factors=None, rng=np.random.default_rng(0))
    scores = factors.scores(prepared)
    age = blocks_of(cohort, adjust_for=("age",))[0].covariates
    return Found(
        Frozen(
            preparation,
            factors,
            Placer.fit(scores.mean, labels, missing_cov=scores.missing_cov),
            Residuals.fit(prepared, factors, scores),
            Anchors.fit(scores.mean, scores.mean[:, :2]),
            tuple(Typical.fit(block) for block in blocks.blocks),
            tuple(Known.of(one, adjusted="age" in adjust_for) for one in age),
            tuple(names),
        )
    )


@cache
def fitted() -> Found:
    """Return the fit of the patients that ``draw()`` gives."""
    drawn = draw()
    return freeze(drawn.cohort(), drawn.truth)
