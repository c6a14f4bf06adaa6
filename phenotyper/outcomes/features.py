"""Which features differ between the subphenotypes: effect sizes with intervals, and never a p value.

Features that made the clusters always differ between them, so testing them as if they had not is wrong
(design: EVIDENCE, part 5).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.container import block_names, features_of
from phenotyper.outcomes.differences import hedges_against_rest, moments
from phenotyper.outcomes.groups import Groups, groups_of
from phenotyper.outcomes.wording import with_interval
from phenotyper.results import Table

if TYPE_CHECKING:
    import pandas as pd
    from mudata import MuData
    from numpy.typing import NDArray

DESCRIPTIVE = "descriptive: these features defined the clusters"
TOP = 10

_CHUNK = 4_000_000
"""Values handled at a time."""
COLUMNS = (
    "block",
    "feature",
    "level",
    "label",
    "kind",
    "scale",
    "subphenotype",
    "n",
    "n_rest",
    "smd",
    "ci_low",
    "ci_high",
)


@dataclass(frozen=True)
class ScaledColumns:
    """Numeric columns of one block with what they mean."""

    values: NDArray[np.float64]
    about: list[tuple[str, str, str, str, str]]
    """Feature, level, label, kind, scale."""


def feature_differences(found: Any, cohort: MuData) -> pd.DataFrame:
    """Return how far each feature's mean in each subphenotype is from that of the rest of the assigned.

    Parameters
    ----------
    found : Phenotypes
        Subphenotypes.
    cohort : MuData
        Their cohort.

    Returns
    -------
    DataFrame
        A row a feature (a category: a row a level) and subphenotype: block, feature, level, label, kind,
        scale (on which the difference is taken), subphenotype, n and n_rest (known values), smd (Hedges' g)
        with ci_low and ci_high; NaN where it cannot be estimated. No rows when there are fewer than two
        subphenotypes.
    """
    import pandas as pd

    parts = []
    for name in block_names(cohort):
        groups = groups_of(found, cohort[name].obs_names)
        if len(groups.names) > 1:
            parts += [_differences(name, columns, groups) for columns in scaled_columns(cohort, name)]
    return pd.concat(parts, ignore_index=True) if parts else _no_rows()


def feature_table(differences: pd.DataFrame, groups: Groups, *, top: int = TOP) -> Table:
    """Return the features of each block that differ most surely, each subphenotype taking its turn."""
    rows: list[tuple[str, ...]] = []
    counts: list[tuple[tuple[int, ...], ...]] = []
    indents: list[int] = []
    for block, part in differences.groupby("block", sort=False):
        rows.append((str(block), *[""] * len(groups.names)))
        counts.append(((),) * (1 + len(groups.names)))
        indents.append(0)
        for key in _surest(part, groups.names, top):
            row, count = _feature_row(part, key, groups.names)
            rows.append(row)
            counts.append(count)
            indents.append(1)
    return Table(
        title=groups.title(f"Features that differ most, {DESCRIPTIVE}"),
        columns=("Feature", *groups.names),
        rows=tuple(rows),
        indents=tuple(indents),
        footnotes=_notes(groups, top),
        counts=tuple(counts),
    )


def scaled_columns(cohort: MuData, block: str) -> Iterator[ScaledColumns]:
    """Yield the features of a block on the scale of a fit, kind by kind; categories as a column a level."""
    facts, stored = features_of(cohort, block), cohort[block].X
    values = np.asarray(stored.toarray() if hasattr(stored, "toarray") else stored, dtype=np.float64)
    kinds = facts["kind"].to_numpy(dtype=str)
    for kind in dict.fromkeys(kinds.tolist()):
        where = np.flatnonzero(kinds == kind)
        if kind in ("category", "yes/no"):
            yield _indicators(values, facts, where, kind)
            continue
        some = facts.iloc[where]
        whole = len(where) == len(kinds) > 1
        scaled, words = comparable(values[:, where], kind, units=some["unit"].tolist(), whole_block=whole)
        named = zip(some.index, some["label"], words, strict=True)
        yield ScaledColumns(scaled, [(name, "", label or name, kind, said) for name, label, said in named])


def comparable(
    values: NDArray[np.float64], kind: str, *, units: Sequence[str], whole_block: bool
) -> tuple[NDArray[np.float64], list[str]]:
    """Return features of one kind on the scale that a fit takes them to, and its name for each feature.

    Parameters
    ----------
    values : ndarray, patients x features
        As measured; NaN = missing.
    kind : str
        Any kind but categories and yes/no. Ordered levels stay positions.
    units : sequence of str
        Unit of each feature.
    whole_block : bool
        Whether the block has no other features, so that the total of its counts is a library size.
    """
    from phenotyper.prepare.scales import CentredLogRatio, Counts, Logit, Number, Scale

    p = values.shape[1]
    if kind == "number":
        seen = np.isfinite(values).any(axis=0)
        number = Number.fit(values[:, seen])
        scaled = values.copy()
        scaled[:, seen] = number.apply(values[:, seen])
        words = np.full(p, "as measured", dtype=object)
        words[seen] = [number.words(at) for at in range(int(seen.sum()))]
        return scaled, words.tolist()
    scale: Scale
    if kind == "counts":
        scale = Counts.fit(values, whole_block=whole_block)
    elif kind == "proportion":
        scale = Logit.fit(values, units)
    elif kind == "composition":
        scale = CentredLogRatio.fit(values)
    else:
        return values, ["position of the level" if kind == "ordinal" else "as measured"] * p
    return scale.apply(values), [scale.words(at) for at in range(p)]


def _indicators(
    values: NDArray[np.float64], facts: pd.DataFrame, where: NDArray[np.intp], kind: str
) -> ScaledColumns:
    columns, about = [], []
    for at in where.tolist():
        name, codes = facts.index[at], values[:, at]
        levels = [str(level) for level in json.loads(facts["levels"].iloc[at])]
        for code, level in list(enumerate(levels))[1 if kind == "yes/no" else 0 :]:
            columns.append(np.where(np.isnan(codes), np.nan, codes == code))
            about.append((name, level, facts["label"].iloc[at] or name, kind, "share"))
    return ScaledColumns(np.column_stack(columns) if columns else np.empty((len(values), 0)), about)


def _differences(block: str, columns: ScaledColumns, groups: Groups) -> pd.DataFrame:
    import pandas as pd

    k, p = len(groups.names), columns.values.shape[1]
    n, n_rest, g, low, high = (np.empty((k, p)) for _ in range(5))
    width = max(_CHUNK // max(len(columns.values), 1), 1)
    for start in range(0, p, width):
        part = slice(start, start + width)
        each = moments(columns.values[:, part], groups.codes, k)
        n[:, part] = each.n
        g[:, part], low[:, part], high[:, part], n_rest[:, part] = hedges_against_rest(each)
    frame = {"block": np.full(p * k, block)}
    for position, name in enumerate(("feature", "level", "label", "kind", "scale")):
        frame[name] = np.repeat([str(row[position]) for row in columns.about], k)
    frame["subphenotype"] = np.tile(groups.names, p)
    frame |= {"n": n.T.ravel().astype(np.int64), "n_rest": n_rest.T.ravel().astype(np.int64)}
    frame |= {"smd": g.T.ravel(), "ci_low": low.T.ravel(), "ci_high": high.T.ravel()}
    return pd.DataFrame(frame, columns=list(COLUMNS))


def _no_rows() -> pd.DataFrame:
    import pandas as pd

    types = (
        dict.fromkeys(COLUMNS[:7], "str")
        | dict.fromkeys(COLUMNS[7:9], "int64")
        | dict.fromkeys(COLUMNS[9:], "float64")
    )
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def _surest(part: pd.DataFrame, names: tuple[str, ...], top: int) -> list[tuple[str, str]]:
    """Return feature and level of the rows to print, each subphenotype choosing its surest in turn."""
    low, high = part["ci_low"].to_numpy(), part["ci_high"].to_numpy()
    distance = np.where(low > 0, low, np.where(high < 0, -high, 0.0)).reshape(-1, len(names))
    distance[part["smd"].isna().to_numpy().reshape(-1, len(names))] = -1.0
    usable = np.flatnonzero(distance.max(axis=1) >= 0).tolist()
    queues = [sorted(usable, key=lambda row: -of_one[row]) for of_one in distance.T]
    chosen: dict[int, int] = {}
    for turn in range(min(top, len(usable))):
        mine = turn % len(names)
        chosen[next(row for row in queues[mine] if row not in chosen)] = mine
    keys = part.iloc[:: len(names)][["feature", "level"]].to_numpy(dtype=str)
    order = sorted(chosen, key=lambda row: (chosen[row], -distance[row].max()))
    return [(keys[row][0], keys[row][1]) for row in order]


def _feature_row(
    part: pd.DataFrame, key: tuple[str, str], names: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    feature, level = key
    rows = part[(part["feature"] == feature) & (part["level"] == level)].set_index("subphenotype")
    label = str(rows["label"].iloc[0]) + (f": {level}" if level else "")
    cells = [
        with_interval(*(float(rows.loc[name, column]) for column in ("smd", "ci_low", "ci_high")), decimals=2)
        for name in names
    ]
    return (label, *cells), ((), *((int(rows.loc[name, "n"]),) for name in names))


def _notes(groups: Groups, top: int) -> tuple[str, ...]:
    if len(groups.names) < 2:
        return ("Fewer than two subphenotypes: there is nothing to compare.",)
    return (
        "Hedges' g (95 % interval) of each subphenotype against all other assigned patients.",
        "No p values: these features made the groups.",
        f"Up to {top} features a block, each subphenotype in turn: the interval that keeps farthest from 0.",
    )
