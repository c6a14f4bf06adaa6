"""What a person wants done with single features, in place of what the preparation would do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phenotyper.errors import Problem, RecipeError, did_you_mean, listed, number_of

if TYPE_CHECKING:
    from phenotyper.cohort.blocks import Block

NUMBERS = ("number", "log", "npx", "counts", "proportion", "composition", "dosage")
SCALES = {
    "log": ("number", "counts", "proportion", "composition"),
    "as measured": (*NUMBERS, "ordinal"),
    "logit": ("number", "proportion"),
    "normal scores": (*NUMBERS, "ordinal"),
    "indicators": ("ordinal", "category", "yes/no"),
}
"""Scales that may be asked for, and the kinds of features that can go to them."""
LEAVE_OUT, KEEP, NOT_ADJUSTED = "leave out", "keep", "not adjusted"
ALWAYS = (LEAVE_OUT, KEEP, NOT_ADJUSTED)
ACTIONS = (*SCALES, *ALWAYS)


@dataclass(frozen=True)
class Wish:
    """What is asked for one feature.

    Parameters
    ----------
    scale : str
        One of ``SCALES``; empty for what its kind and values call for.
    use : str
        "leave out", "keep" (whatever the filter says) or empty.
    adjusted : bool
        Whether covariates are taken out.
    """

    scale: str = ""
    use: str = ""
    adjusted: bool = True

    @property
    def words(self) -> str:
        """What was asked for, as it was written."""
        parts = (self.scale, self.use, "" if self.adjusted else NOT_ADJUSTED)
        return ", ".join(part for part in parts if part)


Wishes = dict[tuple[str, str], Wish]


def wishes_of(overrides: Mapping[str, str], blocks: Sequence[Block]) -> Wishes:
    """Return what is asked for, by block and feature.

    Parameters
    ----------
    overrides : mapping of str to str
        ``"block.feature"`` to an action, or several with commas between ("log, not adjusted"). A star stands
        for any text: ``"labs.*"``. A name without a star goes before one with, a longer one before a shorter.
    blocks : sequence of Block
        The blocks of the recipe.

    Raises
    ------
    RecipeError
        OVERRIDE_UNKNOWN: there is no such feature or action. OVERRIDE_IMPOSSIBLE: the kind of the feature
        does not allow it.

    Examples
    --------
    >>> wishes_of({}, [])
    {}
    """
    if not overrides:
        return {}
    kinds = {
        f"{block.name}.{feature}": (block.name, feature, kind)
        for block in blocks
        for feature, kind in zip(block.features, block.kinds, strict=True)
    }
    problems: list[Problem] = []
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for key in sorted(overrides, key=lambda key: (key in kinds, len(key.replace("*", "")), key)):
        actions = _actions(key, overrides[key], problems)
        problems += _at_odds(key, actions)
        found = [kinds[key]] if key in kinds else _matching(key, kinds)
        if not found:
            problems.append(_unknown(key, kinds))
        for action in actions:
            refused = [
                (block, name, kind) for block, name, kind in found if kind not in SCALES.get(action, (kind,))
            ]
            if refused:
                problems.append(_impossible(key, action, refused))
            for block, name, _ in found:
                asked.setdefault((block, name), {})[_what(action)] = action
    if problems:
        raise RecipeError(problems)
    return {
        at: Wish(parts.get("scale", ""), parts.get("use", ""), "adjusted" not in parts)
        for at, parts in asked.items()
    }


def impossible(block: str, feature: str, *, action: str, why: str) -> RecipeError:
    """Return the error of an action that the values of a feature do not allow."""
    message = f"features asks for {block}.{feature}: {action!r}, but {why}"
    remedy = f"Ask for another scale or for {listed(ALWAYS)}, or correct the values."
    return RecipeError(Problem("OVERRIDE_IMPOSSIBLE", message, remedy))


def _what(action: str) -> str:
    if action in SCALES:
        return "scale"
    return "adjusted" if action == NOT_ADJUSTED else "use"


def _actions(key: str, text: str, problems: list[Problem]) -> list[str]:
    found = [part.strip() for part in str(text).split(",")]
    for action in found:
        if action not in ACTIONS:
            message = f"features asks for {key}: {action!r}, which is no action"
            remedy = f"Actions are {listed(ACTIONS, 12)}.{did_you_mean(action, ACTIONS)}"
            problems.append(Problem("OVERRIDE_UNKNOWN", message, remedy))
    return [action for action in found if action in ACTIONS]


def _at_odds(key: str, actions: Sequence[str]) -> list[Problem]:
    """Return what cannot be done together: two scales, or leaving out and keeping."""
    said: dict[str, list[str]] = {}
    for action in dict.fromkeys(actions):
        said.setdefault(_what(action), []).append(action)
    return [
        Problem(
            "OVERRIDE_IMPOSSIBLE", f"features asks for {key}: {listed(own)} at once", "Ask for one of them."
        )
        for own in said.values()
        if len(own) > 1
    ]


def _matching(key: str, kinds: Mapping[str, tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    if "*" not in key:
        return []
    pattern = re.compile(".*".join(re.escape(part) for part in key.split("*")), re.DOTALL)
    return [found for name, found in kinds.items() if pattern.fullmatch(name)]


def _unknown(key: str, kinds: Mapping[str, tuple[str, str, str]]) -> Problem:
    message = f"features names {key}, but the blocks of the recipe have no such feature"
    remedy = f'Write "block.feature"; a star stands for any text.{did_you_mean(key, kinds)}'
    return Problem("OVERRIDE_UNKNOWN", message, remedy)


def _impossible(key: str, action: str, refused: Sequence[tuple[str, str, str]]) -> Problem:
    kinds = sorted({kind for _, _, kind in refused})
    names = listed([f"{block}.{name}" for block, name, _ in refused], 3)
    what = f"{number_of(len(refused), 'feature')} ({names})"
    message = (
        f"features asks for {key}: {action!r}, which a feature of kind {listed(kinds)} cannot be: {what}"
    )
    can = [name for name, allowed in SCALES.items() if all(kind in allowed for kind in kinds)]
    scales = "" if can else " Name the features one by one for a scale that fits each."
    remedy = f"Possible are {listed([*can, *ALWAYS], 12)}.{scales}"
    return Problem("OVERRIDE_IMPOSSIBLE", message, remedy)
