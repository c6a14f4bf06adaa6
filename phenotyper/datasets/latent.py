"""From children to scores: processes, factors, age and noise give a feature a score of mean 0, deviation 1.

A feature's score is ``effects . process + loadings . factors + age * curve(age) + noise``, standardised by
the moments of the model (not of the sample), so that cohorts with and without subphenotypes, and other
hospitals, share one scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenotyper.datasets.ages import age_curve
from phenotyper.datasets.features import Feature
from phenotyper.datasets.omics import GENE_MODULES, GENERA
from phenotyper.datasets.streams import Floats, stream, weighted_sum
from phenotyper.datasets.structure import Population, Structure

MODEL_SEED = 20240501
"""Loadings are the same in every cohort: hospitals and seeds differ in children, not in biology."""
SHARED_FACTORS = 4
"""Continuous factors behind all blocks; the first is the severity that outcomes depend on as well."""
SHARED_WEIGHT = 0.25
MODULE_WEIGHT = 0.35


@dataclass(frozen=True)
class BlockModel:
    """What moves the scores of one block with p columns.

    Parameters
    ----------
    strength : float
        How clearly the block shows the subphenotypes, relative to the strongest.
    effects : array, shape (p, 3)
        Weights of the processes.
    loadings : array, shape (p, factors)
        Weights of the shared factors, then of the block's own.
    age : array, shape (p,)
        Weight of the age curve.
    curves : tuple of str
        Form of the change with age.
    noise : array, shape (p,)
        Standard deviation of the rest.
    """

    strength: float
    effects: Floats
    loadings: Floats
    age: Floats
    curves: tuple[str, ...]
    noise: Floats


@dataclass(frozen=True)
class Children:
    """What blocks may see of children: the truth, shared factors (children x factors), ages in months."""

    structure: Structure
    factors: Floats
    months: Floats


def block_scores(
    block: str, model: BlockModel, children: Children, *, mixture: Population, separation: float, seed: int
) -> Floats:
    """Return standardised scores, children x columns.

    ``separation`` is the distance of two subphenotypes' centres in a block of strength 1, in standard
    deviations of what makes children of one subphenotype differ in the processes of that block; more features
    in a block do not average that away.
    """
    n, axes = children.structure.position.shape
    scale = separation * model.strength / np.sqrt(2)
    process = scale * children.structure.position + stream(seed, block, "process").standard_normal((n, axes))
    own = stream(seed, block, "factors").standard_normal((n, model.loadings.shape[1] - SHARED_FACTORS))
    scores = weighted_sum(process, model.effects)
    scores += weighted_sum(
        children.structure.stretch[:, None] * np.hstack([children.factors, own]), model.loadings
    )
    for curve in sorted(set(model.curves)):
        columns = np.array([name == curve for name in model.curves])
        scores[:, columns] += age_curve(curve, children.months)[:, None] * model.age[columns]
    scores += model.noise * stream(seed, block, "noise").standard_normal(scores.shape)
    mean, deviation = _moments(model, mixture, scale)
    return (scores - mean) / deviation


def _moments(model: BlockModel, mixture: Population, scale: float) -> tuple[Floats, Floats]:
    process = scale**2 * mixture.covariance + np.eye(len(mixture.mean))
    explained = (model.effects[:, :, None] * model.effects[:, None, :] * process).sum(axis=(1, 2))
    variance = (
        explained + mixture.factor_variance * (model.loadings**2).sum(axis=1) + model.age**2 + model.noise**2
    )
    return scale * (model.effects * mixture.mean).sum(axis=1), np.sqrt(variance)


def expression_model(strength: float) -> BlockModel:
    """Return the model of the gene block: genes follow their module, each in its own degree."""
    modules = [module for module in GENE_MODULES for _ in module.genes]
    weight = stream(MODEL_SEED, "expression", "weight").uniform(0.5, 1.0, len(modules))[:, None]
    module_of = np.repeat(np.eye(len(GENE_MODULES)), [len(module.genes) for module in GENE_MODULES], axis=0)
    shared = SHARED_WEIGHT * stream(MODEL_SEED, "expression", "shared").standard_normal(
        (len(GENE_MODULES), SHARED_FACTORS)
    )
    shared_of = np.repeat(shared, [len(module.genes) for module in GENE_MODULES], axis=0)
    return BlockModel(
        strength,
        weight * np.array([module.effects for module in modules]),
        weight * np.hstack([shared_of, MODULE_WEIGHT * module_of]),
        weight[:, 0] * np.array([module.age for module in modules]),
        tuple(module.curve for module in modules),
        np.full(len(modules), 0.9),
    )


def microbiome_model(strength: float) -> BlockModel:
    """Return the model of the airway genera."""
    loadings = SHARED_WEIGHT * stream(MODEL_SEED, "microbiome", "loadings").standard_normal(
        (len(GENERA), SHARED_FACTORS + 3)
    )
    return BlockModel(
        strength,
        np.array([genus.effects for genus in GENERA]),
        loadings,
        np.array([genus.age for genus in GENERA]),
        ("early",) * len(GENERA),
        np.full(len(GENERA), 0.9),
    )


def table_model(block: str, features: tuple[Feature, ...], strength: float) -> BlockModel:
    """Return the model of a table of mixed features: a column a feature, for a category a column a level."""
    rows = [
        (feature, effects)
        for feature in features
        for effects in (feature.level_effects or (feature.effects,))
    ]
    loadings = SHARED_WEIGHT * stream(MODEL_SEED, block, "loadings").standard_normal(
        (len(rows), SHARED_FACTORS + 2)
    )
    return BlockModel(
        strength,
        np.array([effects for _, effects in rows]),
        loadings,
        np.array([feature.age for feature, _ in rows]),
        tuple(feature.curve for feature, _ in rows),
        np.array([feature.noise for feature, _ in rows]),
    )
