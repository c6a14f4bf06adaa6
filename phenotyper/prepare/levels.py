"""Levels as intervals of a normal score: yes/no, categories, ordered levels, numbers of few values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenotyper.errors import listed
from phenotyper.prepare.intervals import cuts, interval_mean, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

RARE_COUNT = 10
RARE_SHARE = 0.02
"""Levels of fewer patients than both say are merged."""
POOL = "other (rare)"


def least_patients(observed: int) -> float:
    """Return how many patients a level needs to stand by itself."""
    return max(RARE_COUNT, RARE_SHARE * observed)


@dataclass(frozen=True)
class Levels:
    """Yes/no and categories: a column a level but one, each an interval above or below a normal threshold.

    The most frequent level of three or more has none: columns of which always one is true go together by
    construction, and would make a factor by themselves.

    A level that a share p of the patients has lies above ndtri(1 - p); the columns' values are the means of
    the standard normal above and below. Their variance is 2 / pi at p = 1/2 and falls towards 0 for rare
    levels, and a step counts 1.6 to 2.5, so that no single rare one carves out a cluster.

    Parameters
    ----------
    source : ndarray of int, shape (q,)
        Feature (0..p-1) of every column.
    names : tuple of str, length q
        Level that a column stands for.
    cut : ndarray, shape (q,)
        Threshold.
    start : ndarray of int, shape (q + 1,)
        Where the part of a column begins in ``member``.
    member : ndarray
        For each code of the feature: 1 in the level, 0 in another, NaN not known.
    said : tuple of str, length p
        Levels that were merged.
    """

    source: NDArray[np.intp]
    names: tuple[str, ...]
    cut: Matrix
    start: NDArray[np.intp]
    member: Matrix
    said: tuple[str, ...]

    @classmethod
    def fit(cls, values: Matrix, levels: Sequence[Sequence[str]] = ()) -> Levels:
        """Fit on (n, p) codes; two levels give one column."""
        source, names, shares, parts, said = [], [], [], [], []
        for j, column in enumerate(values.T):
            seen = column[np.isfinite(column)].astype(np.intp)
            labels = list(levels[j]) if len(levels) else []
            labels += [str(code) for code in range(len(labels), int(seen.max(initial=0)) + 1)]
            counts = np.bincount(seen, minlength=len(labels))
            columns, merge = _columns(counts, labels)
            said.append(merge)
            for name, inside in columns:
                source.append(j)
                names.append(name)
                shares.append(counts[inside].sum() / counts.sum())
                parts.append(np.where(counts > 0, inside.astype(np.float64), np.nan))
        start = np.cumsum([0, *(len(part) for part in parts)])
        from scipy.special import ndtri

        return cls(
            np.array(source, dtype=np.intp),
            tuple(names),
            ndtri(1 - np.array(shares, dtype=np.float64)),
            start.astype(np.intp),
            np.concatenate([np.zeros(0), *parts]),
            tuple(said),
        )

    def _inside(self, values: Matrix) -> Matrix:
        """Return (n, q): 1 where the patient has the column's level, 0 where another, NaN where not known."""
        code = np.take(values, self.source, axis=1)
        size = np.diff(self.start)
        known = (code >= 0) & (code < size) & (code == np.floor(code))
        place = np.where(known, code, 0).astype(np.intp) + self.start[:-1]
        return np.where(known, self.member[place], np.nan) if len(self.member) else code

    def cells(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Return lower and upper bounds (n, q)."""
        inside = self._inside(values)
        lower = np.where(inside == 1, self.cut, -np.inf)
        upper = np.where(inside == 1, np.inf, self.cut)
        missing = np.isnan(inside)
        lower[missing], upper[missing] = np.nan, np.nan
        return lower, upper

    def apply(self, values: Matrix) -> Matrix:
        """Return the means of the intervals; codes that were not seen are missing."""
        above = interval_mean(self.cut, np.full(len(self.cut), np.inf))
        below = interval_mean(np.full(len(self.cut), -np.inf), self.cut)
        inside = self._inside(values)
        return np.where(np.isnan(inside), np.nan, np.where(inside == 1, above, below))

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "levels as intervals of a normal score"

    def merges(self, feature: int) -> str:
        """Say which levels were merged."""
        return self.said[feature]


def _columns(
    counts: NDArray[np.intp], labels: Sequence[str]
) -> tuple[list[tuple[str, NDArray[np.bool_]]], str]:
    """Return the columns of one feature (name, which codes are in), and what was merged."""
    seen = np.flatnonzero(counts).tolist()
    if len(seen) <= 2:
        return [(labels[code], np.arange(len(counts)) == code) for code in seen[1:]], ""
    least = least_patients(int(counts.sum()))
    rare = [code for code in seen if counts[code] < least]
    groups = [(labels[code], np.arange(len(counts)) == code) for code in seen if code not in rare]
    if len(rare) > 1 or (rare and not groups):
        groups.append((POOL, np.isin(np.arange(len(counts)), rare)))
    elif rare:
        groups.append((labels[rare[0]], np.arange(len(counts)) == rare[0]))
    merge = f"{listed([labels[code] for code in rare])} in {POOL}" if len(rare) > 1 else ""
    sizes = [int(counts[inside].sum()) for _, inside in groups]
    left = int(np.argmax(sizes)) if len(groups) > 2 else 0
    return [group for at, group in enumerate(groups) if at != left], merge


@dataclass(frozen=True)
class Ordered:
    """Ordered levels and numbers of few values: intervals between cumulative shares on the normal scale.

    Parameters
    ----------
    source : ndarray of int, shape (p,)
    cut : tuple of ndarray, length p
        Values that part the groups of levels, ascending, shape (K - 1,).
    edge : tuple of ndarray, length p
        Bounds of the K groups on the normal scale, from -inf to inf, shape (K + 1,).
    most : ndarray, shape (p,)
        Largest code of declared levels; infinite for numbers.
    said : tuple of str, length p
        Levels that were merged.
    """

    source: NDArray[np.intp]
    cut: tuple[Matrix, ...]
    edge: tuple[Matrix, ...]
    most: Matrix
    said: tuple[str, ...]

    @classmethod
    def fit(cls, values: Matrix, levels: Sequence[Sequence[str]] = ()) -> Ordered:
        """Fit on (n, p) codes of ``levels``, or on numbers where a feature has none."""
        cut, edge, most, said = [], [], [], []
        for j, column in enumerate(values.T):
            seen, counts = np.unique(column[np.isfinite(column)], return_counts=True)
            labels = [f"{value:g}" for value in seen]
            if len(levels) and levels[j]:
                labels = list(levels[j])
                counts = np.bincount(np.repeat(seen, counts).astype(np.intp), minlength=len(labels))
                seen = np.arange(len(counts), dtype=np.float64)
                labels += [str(code) for code in range(len(labels), len(counts))]
            group = merged(counts, least=least_patients(int(counts.sum())))
            steps = np.flatnonzero(np.diff(group))
            cut.append((seen[steps] + seen[steps + 1]) / 2)
            edge.append(cuts(np.bincount(group, weights=counts)))
            most.append(seen[-1] if len(levels) and levels[j] else np.inf)
            said.append(_merges(group, labels))
        return cls(np.arange(values.shape[1]), tuple(cut), tuple(edge), np.array(most), tuple(said))

    def _places(self, values: Matrix) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        place = np.zeros(values.shape, dtype=np.intp)
        for j, cut in enumerate(self.cut):
            place[:, j] = np.searchsorted(cut, values[:, j], side="right")
        coded = np.isfinite(self.most)
        known = ~np.isnan(values) & (~coded | ((values >= 0) & (values <= self.most)))
        return np.where(known, place, 0), known

    def _looked_up(self, values: Matrix, tables: Sequence[Sequence[Matrix]]) -> list[Matrix]:
        place, known = self._places(values)
        found = []
        for table in tables:
            result = np.empty(values.shape)
            for j, column in enumerate(table):
                result[:, j] = column[place[:, j]]
            result[~known] = np.nan
            found.append(result)
        return found

    def cells(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Return lower and upper bounds (n, p)."""
        lower, upper = self._looked_up(
            values, [[edge[:-1] for edge in self.edge], [edge[1:] for edge in self.edge]]
        )
        return lower, upper

    def apply(self, values: Matrix) -> Matrix:
        """Return the means of the intervals; codes outside of the levels are missing."""
        return self._looked_up(values, [[interval_mean(edge[:-1], edge[1:]) for edge in self.edge]])[0]

    def words(self, feature: int) -> str:
        """Say what was done."""
        return "ordered values as intervals of a normal score"

    def merges(self, feature: int) -> str:
        """Say which levels were merged."""
        return self.said[feature]


def _merges(group: NDArray[np.intp], labels: Sequence[str]) -> str:
    joined = [[labels[at] for at in np.flatnonzero(group == number).tolist()] for number in np.unique(group)]
    return "; ".join(" + ".join(some) for some in joined if len(some) > 1)
