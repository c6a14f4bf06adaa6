"""From scores to what a hospital records: numbers, shares, levels, values below a limit, compositions."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phenotyper.datasets.features import Feature
from phenotyper.datasets.latent import MODEL_SEED
from phenotyper.datasets.omics import GENE_MODULES, GENERA
from phenotyper.datasets.streams import Floats, rounded, stream, whole_parts

READS = 10_000
"""Relative abundances are whole multiples of 1/10,000 and sum to 1."""
SEEN = 0.003
"""A genus below this share of the reads is not seen."""
HOSPITAL_SHIFT = 0.9
PLATE_SHIFT = 0.1


def record_table(features: tuple[Feature, ...], scores: Floats) -> pd.DataFrame:
    """Return the columns of a table of mixed features from its scores."""
    columns: dict[str, NDArray[np.object_] | Floats] = {}
    at = 0
    for feature in features:
        width = max(1, len(feature.level_effects))
        columns[feature.name] = _recorded(feature, scores[:, at : at + width])
        at += width
    return pd.DataFrame(columns)


def _recorded(feature: Feature, scores: Floats) -> NDArray[np.object_] | Floats:
    if feature.kind == "category":
        return _named(feature, np.argmax(scores + 0.9 * np.log(feature.shares), axis=1))
    if feature.kind in ("ordinal", "yes/no"):
        cuts = [NormalDist().inv_cdf(share) for share in np.cumsum(feature.shares)[:-1]]
        return _named(feature, np.searchsorted(cuts, scores[:, 0]))
    values = _numbers(feature, scores[:, 0])
    return values if feature.lod is None else _with_limit(feature, values)


def _named(feature: Feature, code: NDArray[np.intp]) -> NDArray[np.object_]:
    return np.array(feature.levels, dtype=object)[code]


def _numbers(feature: Feature, scores: Floats) -> Floats:
    if feature.kind == "proportion":
        middle = np.log(feature.middle / (100 - feature.middle))
        return rounded(100 / (1 + np.exp(-(middle + feature.spread * scores))), feature.decimals)
    if feature.skewed:
        return rounded(feature.middle * np.exp(feature.spread * scores), feature.decimals)
    return rounded(np.clip(feature.middle + feature.spread * scores, *feature.bounds), feature.decimals)


def _with_limit(feature: Feature, values: Floats) -> NDArray[np.object_]:
    below = f"<{feature.lod:g}"
    return np.array(
        [below if value < feature.lod else f"{value:.{feature.decimals}f}" for value in values], dtype=object
    )


def record_expression(scores: Floats, *, hospital: NDArray[np.str_], plate: NDArray[np.str_]) -> pd.DataFrame:
    """Return log2 expression; each hospital and each plate shifts every gene by its own amount."""
    names = [gene for module in GENE_MODULES for gene in module.genes]
    rng = stream(MODEL_SEED, "expression", "scale")
    middle, spread = rng.uniform(4.5, 10.5, len(names)), rng.uniform(0.35, 0.85, len(names))
    shifted = (
        scores
        + _shifts("hospital", hospital, len(names), HOSPITAL_SHIFT)
        + _shifts("plate", plate, len(names), PLATE_SHIFT)
    )
    return pd.DataFrame(rounded(middle + spread * shifted, 2), columns=names)


def _shifts(what: str, where: NDArray[np.str_], width: int, size: float) -> Floats:
    shifts = np.zeros((len(where), width))
    for name in sorted(set(where.tolist())):
        shifts[where == name] = size * stream(MODEL_SEED, what, name).standard_normal(width)
    return shifts


def record_microbiome(scores: Floats) -> pd.DataFrame:
    """Return relative abundances of the genera that were seen; each row sums to 1."""
    spread = stream(MODEL_SEED, "microbiome", "scale").uniform(1.0, 1.6, len(GENERA))
    abundance = np.exp(np.array([genus.abundance for genus in GENERA]) + spread * scores)
    share = abundance / abundance.sum(axis=1, keepdims=True)
    seen = np.where(share >= SEEN, share, 0.0)
    reads = whole_parts(seen / seen.sum(axis=1, keepdims=True), READS)
    return pd.DataFrame(reads / READS, columns=[genus.name for genus in GENERA])


def with_missing(table: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table with values missing at random."""
    return table.mask(rng.random(table.shape) < share)
