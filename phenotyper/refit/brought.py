"""Methods and integrations of the user's own, taken along to workers that would not know them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from phenotyper.discover.contract import finds_groups, method_named
from phenotyper.integrate.contract import integrates, integration_named

if TYPE_CHECKING:
    from phenotyper.discover.recipe import Recipe

Brought = tuple[tuple[str, str, Any], ...]
"""Kind ("method" or "integration"), name, function."""


def brought_along(recipes: Iterable[Recipe]) -> Brought:
    """Return the functions of recipes that the package does not bring itself.

    Raises
    ------
    RecipeError
        METHOD_UNKNOWN or INTEGRATION_UNKNOWN, before anything is computed.
    """
    recipes = tuple(recipes)
    methods = {recipe.method: method_named(recipe.method) for recipe in recipes}
    integrations = {recipe.integration: integration_named(recipe.integration) for recipe in recipes}
    every: list[tuple[str, str, Any]] = [("method", *pair) for pair in methods.items()]
    every += [("integration", *pair) for pair in integrations.items()]
    return tuple(one for one in sorted(every, key=lambda one: one[:2]) if not _of_package(one[2]))


def register(brought: Brought) -> None:
    """Make the functions known in this process."""
    for kind, name, function in brought:
        keep: Any = finds_groups if kind == "method" else integrates
        keep(name)(function)


def texts_of(brought: Brought) -> tuple[tuple[str, str, str], ...]:
    """Return kind, name and source text of each function, so that another text makes another answer.

    A function without a text that can be read gets one that never comes again: what it made is not resumed.
    """
    return tuple((kind, name, _text(function)) for kind, name, function in brought)


def _text(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return uuid4().hex


def _of_package(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).split(".")[0] == "phenotyper"
