"""What is to be said of an Olink export: warnings of quality, versions and normalisations that are mixed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from phenotyper.errors import Problem, listed, number_of

_FINE = {"pass", ""}
_PRODUCT = re.compile(
    r"(Explore[ _]HT|Reveal|Target[ _]?96|Target[ _]?48|3072|1536|384|Flex|Focus)", re.IGNORECASE
)


def quality(frame: pd.DataFrame, *, name: str, drop: bool) -> tuple[np.ndarray, list[Problem]]:
    """Return which values have a warning of quality, and say how many.

    Parameters
    ----------
    frame : DataFrame
        The long table, texts as categoricals; ``sample_qc`` and ``assay_qc`` where the file has them.
    name : str
        The table as people know it.
    drop : bool
        Whether such values are set missing.
    """
    flags = np.zeros(len(frame), dtype=bool)
    parts = []
    for column, said in (("sample_qc", "by sample"), ("assay_qc", "by assay")):
        if column in frame:
            words = frame[column].cat.categories
            bad = np.array([str(word).casefold() not in _FINE for word in words], dtype=bool)
            bad = bad[frame[column].cat.codes.to_numpy()]
            parts += [f"{int(bad.sum())} {said}"] if bad.any() else []
            flags |= bad
    if not flags.any():
        return flags, []
    samples = frame.loc[flags, "sample"].nunique()
    values, of = int(flags.sum()), number_of(samples, "sample")
    message = f"{name} has {number_of(values, 'value')} of {of} with a warning of quality "
    message += f"({', '.join(parts)})"
    remedy = "They were set missing." if drop else 'They were kept; qc = "drop" sets them missing.'
    return flags, [Problem("OLINK_QC", message, remedy, where=name, severity="warning")]


def mixed_notes(frame: pd.DataFrame, *, name: str) -> list[Problem]:
    """Return what is said of products, lots and normalisations that cannot be compared without more ado."""
    found = []
    if "panel" in frame:
        panels = frame["panel"].unique()
        products = sorted(
            {match[1].upper().replace("_", " ") for text in panels if (match := _PRODUCT.search(text))}
        )
        if len(products) > 1:
            found.append(f"the products {listed(products)}")
    if "panel" in frame and "version" in frame:
        pairs = frame.loc[frame["version"] != "", ["panel", "version"]].drop_duplicates()
        several = pairs["panel"].value_counts()
        for panel in sorted(several.index[several > 1])[:5]:
            versions = sorted(pairs.loc[pairs["panel"] == panel, "version"])
            found.append(f"the versions {listed(versions)} of {panel}")
    problems = []
    if found:
        message = f"{name} mixes {' and '.join(found)}"
        remedy = "NPX of the two cannot be compared unless it was bridged: ask the laboratory."
        problems.append(Problem("OLINK_MIXED", message, remedy, where=name, severity="warning"))
    return problems + _normalisations(frame, name)


def _normalisations(frame: pd.DataFrame, name: str) -> list[Problem]:
    if "normalization" not in frame:
        return []
    kinds = frame["normalization"].cat.categories
    words = [word for word in kinds if word.casefold() not in {"", "excluded"}]
    used = frame.loc[frame["normalization"].isin(words), ["protein", "normalization"]]
    times = used["normalization"].value_counts()
    times = times[times > 0]
    if len(times) < 2:
        return []
    both = int((used.drop_duplicates()["protein"].value_counts() > 1).sum())
    shown = listed(f"{kind} ({number} values)" for kind, number in times.items())
    message = f"{name} mixes normalisations, {shown}; {both} proteins have more than one"
    remedy = "Values of one protein under two normalisations cannot be compared: export all with one."
    return [Problem("OLINK_NORMALISATION", message, remedy, where=name, severity="warning")]
