"""Subphenotypes, a cohort and survival curves to draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from phenotyper.cohort.read import read_cohort
from phenotyper.outcomes.facts import Outcome
from phenotyper.outcomes.groups import Groups
from phenotyper.outcomes.survival import describe_survival

STATUS = "candidate, evidence not assessed"
IDS = [f"p{number:03d}" for number in range(60)]
LABELS = ["A"] * 25 + ["B"] * 20 + ["unassigned"] * 15
NASTY = '<img onerror="x">'


@dataclass(frozen=True)
class Found:
    """Stands for Phenotypes: the attributes that pictures read."""

    table: pd.DataFrame
    names: tuple[str, ...]
    status: str = STATUS

    @property
    def sizes(self):
        return {name: int((self.table["subphenotype"] == name).sum()) for name in (*self.names, "unassigned")}

    def labels(self, ids):
        return self.table.set_index("patient_id").loc[list(ids), "subphenotype"].to_numpy(dtype=str)


def found_with(labels=LABELS, ids=IDS) -> Any:
    rng = np.random.default_rng(5)
    names = tuple(sorted(set(labels) - {"unassigned"}, key=lambda name: (len(name), name)))
    centre = np.array([7.0 * (names.index(label) if label in names else -1) for label in labels])
    table = pd.DataFrame(
        {
            "patient_id": list(ids),
            "subphenotype": list(labels),
            "membership": rng.uniform(0, 1, len(ids)),
            "probability": rng.uniform(0, 1, len(ids)),
            "map_x": centre + rng.normal(size=len(ids)),
            "map_y": rng.normal(size=len(ids)),
        }
    )
    return Found(table, names)


def many(groups: int, each: int = 3) -> Any:
    """Return that many subphenotypes (A to Z, AA, ...) and some unassigned."""
    names = [*ascii_uppercase, *(f"A{letter}" for letter in ascii_uppercase)][:groups]
    labels = [name for name in names for _ in range(each)] + ["unassigned"] * 5
    return found_with(labels, [f"p{number:05d}" for number in range(len(labels))])


@cache
def cohort() -> Any:
    """Return 60 children: labs for all, expression for 40, diet for 30; 4 more gave no consent."""
    rng = np.random.default_rng(1)
    everyone = [*IDS, "q1", "q2", "q3", "q4"]
    clinical = pd.DataFrame(
        {
            "patient_id": everyone,
            "age": [float("nan")] * 7 + list(np.linspace(1, 17, 57)),
            "site": ["north", "south"] * 32,
            "ward": ["$x", "_y", NASTY, "\u03b1"] * 16,
            "clinic": [f"clinic {number % 13:02d}" for number in range(64)],
            "height": 100.0,
            "relapse": ["yes", "no", "no", ""] * 16,
            "consent": ["yes"] * 60 + ["no"] * 4,
        }
    )
    labs = pd.DataFrame(rng.lognormal(size=(60, 3)), columns=["crp", "wbc", "flat"], index=IDS)
    labs.iloc[:9, 0] = np.nan
    labs["hunger"] = rng.choice(["none", "some", "much"], 60)
    dictionary = pd.DataFrame(
        [
            ("crp", "number", "mg/L", "C-reactive protein", ""),
            ("wbc", "number", "", "", ""),
            ("flat", "number", "", "", ""),
            ("hunger", "ordinal", "", "", "none | some | much"),
        ],
        columns=["column", "kind", "unit", "label", "levels"],
    )
    expression = pd.DataFrame(
        rng.normal(size=(40, 260)), columns=[f"gene{i}" for i in range(260)], index=IDS[:40]
    )
    expression.iloc[::2, 7] = np.nan
    diet = pd.DataFrame(rng.normal(size=(30, 2)), columns=["milk", "nuts"], index=IDS[30:])
    return read_cohort(
        {
            "name": "pictures",
            "blocks": {
                "labs": {"file": labs, "kind": "mixed", "dictionary": dictionary},
                "expression": {"file": expression, "kind": "log"},
                "diet": {"file": diet, "kind": "number"},
            },
            "id": "patient_id",
            "patients": {
                "file": clinical,
                "age": {"column": "age", "unit": "years"},
                "site": "site",
                "covariates": ["ward", "clinic", "height"],
            },
            "outcomes": {
                "relapse": {"kind": "binary", "column": "relapse", "event": "yes", "label": "asthma relapse"}
            },
            "consent": {"research": "consent"},
        },
        quiet=True,
    )


def curves(found=None, *, competing: bool = False, events: bool = True) -> Any:
    """Return survival curves of the subphenotypes; the first two patients' outcome is missing."""
    found = found or found_with()
    labels = found.table["subphenotype"].to_numpy(dtype=str)
    rng = np.random.default_rng(2)
    times = np.ceil(rng.exponential(400, len(labels)))
    status = rng.choice([0.0, 1.0, 2.0] if competing else [0.0, 1.0], len(labels)) * events
    times[:2], status[:2] = np.nan, np.nan
    outcome = Outcome("death", "death", "survival", "days", times, status, competing=competing)
    return describe_survival(outcome, Groups(found.names, labels, found.status)).curves


def legend_of(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts_of(ax) -> list[str]:
    """Return every text of the figure that is drawn and not empty."""
    from matplotlib.text import Text

    found = ax.figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text.get_text() for text in found if text.get_text()]
