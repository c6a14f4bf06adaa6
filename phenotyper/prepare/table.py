"""What was done with every feature, and why, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import listed
from phenotyper.prepare.overrides import Wish
from phenotyper.prepare.ways import INTERVALS, why

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from phenotyper.prepare.block import BlockPreparation

COLUMNS = {
    "block": "str",
    "feature": "str",
    "kind": "str",
    "n_observed": "int64",
    "missing": "float64",
    "done": "str",
    "why": "str",
    "n_columns": "int64",
    "winsorised_share": "float64",
    "censored_share": "float64",
    "merged": "str",
    "explained_by_covariates": "float64",
    "adjusted_for": "str",
}


def table_of(blocks: Sequence[BlockPreparation]) -> pd.DataFrame:
    """Return one row a feature of all blocks."""
    import pandas as pd

    parts = [_columns_of(block) for block in blocks]
    joined = {name: [cell for part in parts for cell in part[name]] for name in COLUMNS}
    return pd.DataFrame({name: pd.Series(joined[name], dtype=kind) for name, kind in COLUMNS.items()})


def _columns_of(block: BlockPreparation) -> dict[str, Sequence[object]]:
    p = len(block.features)
    done, merged = ["left out"] * p, [""] * p
    for features, scale in block.groups:
        for at, j in enumerate(features.tolist()):
            done[j] = scale.words(at)
            merged[j] = scale.merges(at) if isinstance(scale, INTERVALS) else ""
    reasons = [block.left_out.get(j, "") for j in range(p)]
    said, beyond = _beyond(block)
    wishes = [block.wishes.get(j, Wish()) for j in range(p)]
    for j in range(p):
        if j in block.left_out:
            done[j], merged[j] = "left out", ""
        else:
            reasons[j] = "; ".join(
                part for part in (why(block.ways[j], done[j], wishes[j]), *said.get(j, ())) if part
            )
            reasons[j] += "; kept as asked for" if wishes[j].use else ""
    names = listed([basis.name for basis in block.adjustment.bases], 12)
    adjusted = ["" if j in block.left_out or not wishes[j].adjusted else names for j in range(p)]
    return {
        "block": [block.name] * p,
        "feature": block.features,
        "kind": block.kinds,
        "n_observed": block.observed.tolist(),
        "missing": block.missing.tolist(),
        "done": done,
        "why": reasons,
        "n_columns": np.bincount(block.source, minlength=p).tolist(),
        "winsorised_share": _largest(block.source, block.winsorised, p),
        "censored_share": beyond,
        "merged": merged,
        "explained_by_covariates": _largest(block.source, block.adjustment.explained, p),
        "adjusted_for": adjusted,
    }


def _largest(source: np.ndarray, values: np.ndarray, p: int) -> list[float]:
    found = np.zeros(p)
    np.maximum.at(found, source, values)
    return found.tolist()


def _beyond(block: BlockPreparation) -> tuple[dict[int, list[str]], list[float]]:
    """Return what is said of values beyond a limit by feature, and their share."""
    said: dict[int, list[str]] = {}
    share = np.zeros(len(block.features))
    limits, piles = block.limits, block.piles
    for column, side, part in zip(limits.columns, limits.side, limits.share, strict=True):
        j = int(block.source[column])
        ends = (("lowest", piles.low[j]), ("highest", piles.high[j]))
        heaps = [name for name, value in ends if np.isfinite(value)]
        what = f"many at the {' or '.join(heaps)} value" if heaps else "some beyond a limit"
        said[j] = [f"{what}: intervals, by a fitted normal"]
        if side != 0:
            said[j] = [f"{what.replace('some', 'most')}: only on which side counts"]
        share[j] = part
    return said, share.tolist()
