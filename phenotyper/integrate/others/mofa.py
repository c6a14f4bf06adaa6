"""MOFA: factors of all blocks by variational Bayes, with lacking blocks left open."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.errors import MissingExtraError, Problem
from phenotyper.integrate.contract import Integrated, IntegrationTask, integrates

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ROUNDS = 1000


@integrates("mofa")
def mofa(task: IntegrationTask) -> Integrated:
    """Return the factors of MOFA (Argelaguet et al. 2018), as many as the common model has.

    Gaussian likelihood, each block scaled to unit variance, missing values and lacking blocks left open.
    Needs the extra ``mofa`` (mofapy2).

    Raises
    ------
    MissingExtraError
        MISSING_EXTRA.
    """
    entry = _entry_point()
    seed = int(task.rng.integers(2**31 - 1))
    with _silent():
        model = entry()
        model.set_data_options(scale_views=True, scale_groups=False, center_groups=True)
        model.set_data_matrix(
            [[block.values.astype(np.float64).copy()] for block in task.blocks],
            likelihoods=["gaussian"] * len(task.blocks),
            views_names=[block.name for block in task.blocks],
            groups_names=["all"],
        )
        model.set_model_options(factors=task.scores.mean.shape[1], spikeslab_weights=False)
        model.set_train_options(iter=MOST_ROUNDS, convergence_mode="fast", seed=seed, quiet=True)
        model.build()
        model.run()
    return Integrated(np.asarray(model.model.nodes["Z"].getExpectation(), dtype=np.float64))


def _entry_point() -> Any:
    try:
        with _silent():
            from mofapy2.run.entry_point import entry_point
    except ImportError as error:
        remedy = 'pip install "phenotyper[mofa]", or another integration.'
        problem = Problem("MISSING_EXTRA", 'integration "mofa" needs the package mofapy2', remedy)
        raise MissingExtraError(problem) from error
    return entry_point


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what mofapy2 prints and warns of to itself, and put numpy's global random state back."""
    state = np.random.get_state()  # noqa: NPY002  (mofapy2 seeds the global state)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
