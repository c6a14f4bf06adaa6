"""All columns side by side, balanced by block, as principal components: what most papers do."""

from __future__ import annotations

import numpy as np

from phenotyper._kernels.linalg import leading_eigenvalues, leading_svd
from phenotyper.integrate.contract import Integrated, IntegrationTask, integrates


@integrates("concat")
def concat(task: IntegrationTask) -> Integrated:
    """Return principal components of all columns side by side, as many as there are factors.

    Each block is divided by the root of its first eigenvalue, as in multiple factor analysis (Escofier and
    Pages 1983), so that a large block does not drown a small one. **A missing value is replaced by the mean
    of its column**, and so is every value of a patient who lacks a block: such patients are drawn towards the
    middle and towards each other. Meant for comparison; ``factors`` fills nothing in.
    """
    columns = []
    for block in task.blocks:
        seen = np.isfinite(block.values)
        centre = np.where(seen, block.values, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        filled = np.where(seen, block.values - centre, 0.0)
        first = leading_eigenvalues(filled, 1)[0]
        columns.append(filled / np.sqrt(first) if first > 0 else filled)
    whole = np.hstack(columns)
    u, d, _ = leading_svd(whole, min(task.scores.mean.shape[1], *whole.shape))
    return Integrated(u * d)
