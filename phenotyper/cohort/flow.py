"""How many patients came in, left, and have each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet


def patient_flow(
    found: AbstractSet[str], gone: AbstractSet[str], blocks: Mapping[str, Sequence[str]], *, consent: bool
) -> list[tuple[str, int]]:
    """Return label and number of patients, in order.

    Examples
    --------
    >>> patient_flow({"p1", "p2", "p3"}, {"p3"}, {"labs": ["p1", "p2"], "rna": ["p1"]}, consent=True)[-1]
    ('with all blocks', 1)
    """
    kept = set(found) - set(gone)
    flow = [("in any table", len(found))]
    if consent:
        flow.append(("without research consent, removed", len(set(gone) & set(found))))
    flow.append(("in the cohort", len(kept)))
    flow += [(f"with {name}", len(kept & set(ids))) for name, ids in blocks.items()]
    if len(blocks) > 1:
        flow.append(("with all blocks", len(kept.intersection(*(set(ids) for ids in blocks.values())))))
    return flow
