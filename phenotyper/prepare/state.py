"""Frozen transforms as plain types for JSON and named arrays, and back; no pickle, known classes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def to_state(value: Any, arrays: Arrays, *, place: str = "a") -> Any:
    """Return plain types for a value; its arrays go to ``arrays``, under names that tell where they were.

    Parameters
    ----------
    value : dataclass, tuple, list, dict, array, text, number, None
        What is to be kept.
    arrays : dict
        Is added to.
    place : str
        Begin of the names of arrays.
    """
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {"array": place}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {
            field.name: to_state(getattr(value, field.name), arrays, place=f"{place}.{field.name}")
            for field in fields(value)
        }
        return {"class": type(value).__name__, "fields": parts}
    if isinstance(value, Mapping):
        pairs = [
            [_plain(key), to_state(one, arrays, place=f"{place}.{n}")]
            for n, (key, one) in enumerate(value.items())
        ]
        return {"pairs": pairs}
    if isinstance(value, tuple | list):
        ragged = _ragged(value, arrays, place)
        return ragged or [to_state(one, arrays, place=f"{place}.{n}") for n, one in enumerate(value)]
    return _plain(value)


def _ragged(value: tuple[Any, ...] | list[Any], arrays: Arrays, place: str) -> dict[str, str] | None:
    """Keep a tuple of flat float arrays as one array with its bounds: features may be many."""
    flat = all(isinstance(one, np.ndarray) and one.ndim == 1 and one.dtype == np.float64 for one in value)
    if not value or not flat:
        return None
    arrays[f"{place}.values"] = np.concatenate(value)
    arrays[f"{place}.bounds"] = np.cumsum([0, *(len(one) for one in value)])
    return {"ragged": place}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    message = f"{type(value).__name__} is nothing that can be kept"
    raise TypeError(message)


def from_state(state: Any, arrays: Mapping[str, np.ndarray], *, classes: Mapping[str, type]) -> Any:
    """Rebuild what :func:`to_state` took apart; sequences become tuples.

    Raises
    ------
    KeyError
        A class that is not among ``classes``, or an array that is not there.
    """
    if isinstance(state, list):
        return tuple(from_state(one, arrays, classes=classes) for one in state)
    if not isinstance(state, Mapping):
        return state
    if "array" in state:
        return np.array(arrays[state["array"]])
    if "ragged" in state:
        values, bounds = (arrays[f"{state['ragged']}.{part}"] for part in ("values", "bounds"))
        return tuple(values[first:last].copy() for first, last in pairwise(bounds))
    if "pairs" in state:
        return {key: from_state(one, arrays, classes=classes) for key, one in state["pairs"]}
    parts = {name: from_state(one, arrays, classes=classes) for name, one in state["fields"].items()}
    return classes[state["class"]](**parts)
