"""The package's other integrations, one a file; importing this registers them all.

Your own is a function of an ``IntegrationTask`` that returns an ``Integrated``: one point for every patient,
in their order, and if it works on graphs one graph. It never sees an outcome, draws only from ``task.rng``,
and says what it does with a missing value.

Examples
--------
Ranks in place of values; a patient's missing value counts as the middle rank:

>>> import numpy as np
>>> from phenotyper import Recipe
>>> from phenotyper.integrate.contract import Integrated, integrates
>>> @integrates("ranks")
... def ranks(task):
...     columns = []
...     for block in task.blocks:                            # comparable columns, NaN = missing
...         seen = np.isfinite(block.values)
...         order = np.where(seen, block.values, np.inf).argsort(axis=0).argsort(axis=0)
...         share = (order + 0.5) / np.maximum(seen.sum(axis=0), 1)
...         centred = np.where(seen, share - 0.5, 0.0)       # the middle rank is 0
...         columns.append(centred / np.sqrt(centred.shape[1]))  # each block counts alike
...     whole = np.hstack(columns)
...     u, d, _ = np.linalg.svd(whole, full_matrices=False)
...     f = task.scores.mean.shape[1]                        # as many dimensions as factors
...     return Integrated((u * d)[:, :f])
>>> Recipe(integration="ranks", method="kmeans", seed=7).integration
'ranks'
"""

from phenotyper.integrate.others import concat, graph, mofa, snf

__all__ = ["concat", "graph", "mofa", "snf"]
