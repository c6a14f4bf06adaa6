"""The list of rules by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from phenotyper.errors import Problem

Rule = Callable[[Any], Iterable[Problem]]

STAGES = {
    "table": "RawTable: one table as read",
    "joined": "Tables: all tables together, with every patient",
    "cohort": "Tables: all tables together, without the patients who do not consent",
    "cells": "CodedBlock: one block as numbers, with every row of its table",
    "block": "CodedBlock: one block as numbers, one row a patient",
    "assembled": "Parts: blocks and patients as they will stand in the cohort",
}
"""What a rule of each stage is given."""

RULES: dict[str, list[Rule]] = {stage: [] for stage in STAGES}


def rule(stage: str) -> Callable[[Rule], Rule]:
    """Register a function that yields a problem for each thing that is wrong at a stage."""

    def register(function: Rule) -> Rule:
        RULES[stage].append(function)
        return function

    return register


def run(stage: str, thing: Any) -> list[Problem]:
    """Return what every rule of a stage finds, in the order of the rules."""
    return [problem for check in RULES[stage] for problem in check(thing)]
