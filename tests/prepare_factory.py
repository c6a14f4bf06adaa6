"""Blocks for the tests of preparation."""

import numpy as np

from phenotyper.cohort.blocks import Block, Blocks
from phenotyper.prepare.preparation import Preparation


def block_of(values, kinds, *, levels=(), units=(), censored=None, name="a", features=()):
    values = np.asarray(values, dtype=np.float64)
    n, p = values.shape
    return Block(
        name,
        values,
        np.isfinite(values).any(axis=1),
        np.zeros((n, p), dtype=np.int8) if censored is None else np.asarray(censored, dtype=np.int8),
        tuple(features) or tuple(f"f{j}" for j in range(p)),
        (kinds,) * p if isinstance(kinds, str) else tuple(kinds),
        tuple(units) or ("",) * p,
        tuple(levels) or ((),) * p,
    )


def blocks_of(*blocks, covariates=()):
    return Blocks(tuple(blocks), tuple(covariates), np.arange(len(blocks[0].values)))


def prepared(*blocks, covariates=(), **settings):
    """Return the preparation and the columns of the patients of the fit."""
    return Preparation.fit_apply(blocks_of(*blocks, covariates=covariates), **settings)


def row_of(preparation, feature):
    """Return the row of the table of a feature."""
    table = preparation.table
    return table[table["feature"] == feature].iloc[0]
