"""Values on another scale than the declared kind: logarithms as counts, raw counts as logarithms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phenotyper.cohort.checks.columns import is_kind, number_rule, order_of, rows_where
from phenotyper.cohort.coding import CodedBlock
from phenotyper.errors import Problem, listed

LOGGED_BELOW = 30.0
"""No log2 of a count lies above."""
RAW_ABOVE = 50.0
"""Hardly a logarithm lies above: 2 to the 50th is 1e15."""
NEVER_LOG = 1000.0
"""No logarithm lies above."""
LEAST = 10
NPX_RANGE = (-10.0, 40.0)


def _names(block: CodedBlock, chosen: np.ndarray) -> list[str]:
    return [block.features[place].name for place in np.flatnonzero(chosen)]


def _named(block: CodedBlock, chosen: np.ndarray) -> str:
    names = _names(block, chosen)
    return f"{len(names)} {'feature' if len(names) == 1 else 'features'} ({listed(names)})"


def _whole(values: np.ndarray) -> bool:
    known = values[np.isfinite(values)]
    return bool((known == np.rint(known)).all())


@number_rule("cells")
def logged_counts(block: CodedBlock) -> Iterator[Problem]:
    """Warn of counts that are fractions and all below 30: those are logarithms, or no counts."""
    order, counts = order_of(block), is_kind(block, "counts") & (order_of(block).known >= LEAST)
    if not counts.any() or np.nanmax(order.high[counts]) >= LOGGED_BELOW:
        return
    odd = counts & np.array([not _whole(block.values[:, place]) for place in range(len(block.features))])
    if odd.sum() > 0.5 * counts.sum() and np.nanmin(order.low[odd]) >= 0:
        message = (
            f"{_named(block, odd)} of block {block.spec.name} are declared as counts but hold fractions from "
            f"{np.nanmin(order.low[odd]):g} to {np.nanmax(order.high[odd]):g}, as logarithms do"
        )
        remedy = (
            f'If they are logarithms, set kind = "log" for [blocks.{block.spec.name}]; if they are '
            'measurements, kind = "number". Counts are logged again.'
        )
        yield Problem("LOOKS_LOGGED", message, remedy, where=block.source, severity="warning")


@number_rule("cells")
def raw_logs(block: CodedBlock) -> Iterator[Problem]:
    """Refuse logarithms in the thousands, warn of such above 50 with a long tail: raw counts, it seems."""
    order = order_of(block)
    logs = is_kind(block, "log") & (order.known >= LEAST)
    with np.errstate(invalid="ignore"):
        centre, high, most = order.quartiles[:, 1], order.high, order.tails[:, 1]
        never = logs & (most > NEVER_LOG) & (order.low >= 0)
        tail = (high - centre) > 3 * (centre - order.low)
        raw = logs & (most > RAW_ABOVE) & (order.low >= 0) & (tail | (centre > RAW_ABOVE))
    if not raw.any():
        return
    surely = never.sum() >= max(1, 0.1 * logs.sum())
    message = (
        f"{_named(block, raw)} of block {block.spec.name} are declared as logarithms but reach "
        f"{np.nanmax(high[raw]):,.0f} (median {np.nanmedian(centre[raw]):,.0f}), as raw counts or "
        "intensities do"
    )
    remedy = (
        f'If they are counts, set kind = "counts" for [blocks.{block.spec.name}] (they are then logged); if '
        'they are measurements, kind = "number".'
    )
    severity = "error" if surely else "warning"
    yield Problem("LOOKS_RAW", message, remedy, where=block.source, severity=severity)  # type: ignore[arg-type]


@number_rule("cells")
def odd_npx(block: CodedBlock) -> Iterator[Problem]:
    """Warn of NPX values outside -10 to 40."""
    order, npx = order_of(block), is_kind(block, "npx")
    low, high = NPX_RANGE
    with np.errstate(invalid="ignore"):
        wide = npx & ((order.low < low) | (order.high > high))
    if wide.any():
        with np.errstate(invalid="ignore"):
            wrong = (block.values[:, wide] < low) | (block.values[:, wide] > high)
        ends = f"{np.nanmin(order.low[wide]):g} to {np.nanmax(order.high[wide]):g}"
        message = f"{_named(block, wide)} of block {block.spec.name} have NPX outside -10 to 40 ({ends})"
        remedy = (
            "NPX is a log2 scale: look whether these are counts or concentrations (kind), or codes for "
            "missing (missing_codes)."
        )
        rows = rows_where(block.rows, wrong.any(axis=1))
        yield Problem("NPX_RANGE", message, remedy, where=block.source, rows=rows, severity="warning")
