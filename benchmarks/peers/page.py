"""The pages of results, from the rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from peers.running import METHODS, OURS, mean

HEAD = [
    ("ari_all", "adjusted Rand, all"),
    ("ari_placed", "all placed"),
    ("ari_assigned", "assigned"),
    ("ami_all", "mutual information, all"),
    ("ami_placed", "all placed"),
]
JUDGED = [("ari_all", "all"), ("ari_placed", "all placed"), ("ami_all", "all"), ("ami_placed", "all placed")]
WORDS = """# Side by side

The same cohorts, values as measured with their kinds known; nobody adjusts for anything (but in the rows
that say so). Mean (standard error) over seeds; of simulated cohorts a seed is a new cohort, of real ones
only the methods'.

- **all**: over all patients; those unassigned count as one group, those lost as another, patients of no
  group (demo) as a class. Whoever leaves patients out pays for it.
- **all placed**: every unassigned patient is given to the nearest group (phenotyper: the most probable by
  its placer; others: nearest centroid where they looked for groups); the lost are a group of their own;
  patients of no group are left out. How good the groups are, whoever is left out.
- **assigned**: among the assigned only.
- lost: patients that the method cannot take. seconds: of the processor, one thread, compiled code warm. MB:
  highest resident memory during the run above that at its start.

The usual preparation, the same for every peer, is in `benchmarks/peers/tables.py`; each peer's settings are
at the top of its module. All that have a least size of a group have the same: 5 % of the patients, at least
10 ("as installed": 15).
"""

READING = """## Reading

- In *all* whoever is left out counts as wrong. phenotyper leaves out 3 to 5 % by design (its 99 % region)
  even where every group is found; so it stays behind methods that assign everybody wherever everybody belongs
  to a group, and gains where some belong to none. *All placed* takes this out of the comparison.
- The strongest other is MOFA + k-means: round groups in few dimensions are what k-means is made for, and
  sparse loadings take features of noise out. It assigns everybody always, and names groups where there are
  none ("no groups" below; so do all others but HDBSCAN on raw factors, which mostly finds nothing anywhere).
- Fusion of networks weighs blocks alike: a block of noise counts as much as one that shows the groups.
- The planted cohorts come from phenotyper's own simulator. Its settings were chosen on other seeds of the
  same families (placing: some of these seeds too), the limit of one factor for 20 patients with the
  published classes of acc_tcga in view; the other tools have their usual settings.
"""


def standing(table: pd.DataFrame, score: str, mine: str = OURS) -> tuple[str, str]:
    """Return the best other method with its mean, and how ours stands: best, within 1 se, or behind.

    Of the others those that were run on the same cohorts, all of them. The standard error is that of the
    differences (of one run: 0).
    """
    wide = table.pivot_table(index="seed", columns="method", values=score)
    if mine not in wide:
        return "-", "-"
    others = wide.drop(columns=[name for name in wide if name.startswith(OURS)])
    shared = wide[mine].notna() & others.notna().any(axis=1)
    wide, others = (
        (wide[shared], others[shared].dropna(axis=1)) if shared.any() else (wide, others.iloc[:, :0])
    )
    if not others.shape[1]:
        return "-", f"{mean(wide[mine])}"
    best = str(others.mean().idxmax())
    behind = wide[best] - wide[mine]
    error = behind.sem() if len(behind) > 1 else 0.0
    lag = behind.mean()
    word = "best" if lag <= 0 else "within 1 se" if lag <= error else f"behind by {lag:.2f} (se {error:.2f})"
    return f"{best}: {mean(others[best])}", f"{mean(wide[mine])}, {word}"


def side_by_side_page(table: pd.DataFrame, abouts: Mapping[str, str], made: str) -> str:
    """Return the page of side_by_side.csv."""
    order = [*METHODS[:1], *(name for name in table["method"].unique() if name not in METHODS), *METHODS[1:]]
    lines = [WORDS, *_summary(table, abouts), "", READING.rstrip()]
    for name, about in abouts.items():
        for against, part in table[table["data"] == name].groupby("against", sort=False):
            lines += ["", f"## {name}: {against}", "", f"{about}; {part['seed'].nunique()} seeds.", ""]
            lines += _methods(part, order)
    failed = table[table["note"].notna()].groupby(["data", "method"], sort=False)["note"].first()
    lines += ["", "## Failed", ""] if len(failed) else []
    lines += [f"- {data}, {method}: {note}" for (data, method), note in failed.items()]
    return "\n".join([*lines, "", made + ".", ""])


def _summary(table: pd.DataFrame, abouts: Mapping[str, str]) -> list[str]:
    rows, words = [], []
    for name in abouts:
        for against, part in table[table["data"] == name].groupby("against", sort=False):
            if part["ari_all"].notna().any():
                found = [standing(part, score) for score, _ in JUDGED]
                words.append([word for _, word in found])
                shown = name if against == "planted groups" else f"{name}: {against}"
                rows.append(f"| {shown} | {' | '.join(text for pair in found for text in pair)} |")
    counts = []
    for place, (score, what) in enumerate(JUDGED):
        judged = [line[place] for line in words if "," in line[place]]
        held = sum("behind" not in word for word in judged)
        counts.append(f"{score[:3].upper()}, {what}: {held} of {len(judged)}")
    return [
        "## How phenotyper stands to the best of the others",
        "",
        "The best other is chosen anew for each cohort and figure. Best: mean not below any other's.",
        "Within 1 se: behind by no more than the standard error of the differences on the same cohorts.",
        f"Best or within 1 se in {'; '.join(counts)}.",
        "",
        f"| data | {' | '.join(f'{name[:3].upper()}, {what}: best peer | ours' for name, what in JUDGED)} |",
        "|---" * (1 + 2 * len(JUDGED)) + "|",
        *rows,
        "",
        *_overall(table),
    ]


def _overall(table: pd.DataFrame) -> list[str]:
    """Return each method's mean over cohorts with known groups, and its worst."""
    known = table[table["ari_all"].notna()]
    lines = [
        "## One setting for all: mean and worst cohort",
        "",
        "Mean over seeds for each cohort, then over cohorts; the worst cohort beside it.",
        "",
        "| method | ARI, all: mean | worst | ARI, all placed: mean | worst |",
        "|---|---|---|---|---|",
    ]
    for method in METHODS:
        part = known[known["method"] == method]
        if len(part):
            cells = []
            for score in ("ari_all", "ari_placed"):
                each = part.groupby(["data", "against"])[score].mean()
                cells += [
                    f"{each.mean():.2f}",
                    f"{each.min():.2f} ({each.idxmin()[0]})".replace("-0.00", "0.00"),
                ]
            lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines


def _methods(part: pd.DataFrame, order: list[str]) -> list[str]:
    lines = [
        f"| method | {' | '.join(text for _, text in HEAD)} | groups | coverage | lost | seconds | MB |",
        "|---" * (len(HEAD) + 6) + "|",
    ]
    for method in order:
        rows = part[part["method"] == method]
        if len(rows):
            cells = [mean(rows[score]) for score, _ in HEAD]
            cells += [mean(rows["groups"], ".1f"), mean(rows["coverage"]), f"{rows['lost'].mean():.0f}"]
            cells += [f"{rows['seconds'].mean():.1f}", f"{rows['peak_mb'].mean():.0f}"]
            lines.append(f"| {method} | {' | '.join(cells)} |".replace("nan", "-"))
    return lines


def missingness_page(table: pd.DataFrame, about: str, made: str) -> str:
    """Return the page of missingness.csv: adjusted Rand, and the share of that of the full data."""
    lines = ["# Missing values and absent blocks", "", about]
    for data, part in table.groupby("data", sort=False):
        lines += ["", f"## Three groups, {data}", ""]
        for score, what in (
            (
                "ari_placed",
                "Adjusted Rand, all placed: mean (standard error), share of that on full data",
            ),
            ("ari_all", "Adjusted Rand, all: mean (standard error), share of that on full data"),
            ("coverage", "Coverage"),
            ("lost", "Patients lost, of 300"),
        ):
            lines += [f"{what}:", "", *_grid(part, score), ""]
    seeds = ", ".join(map(str, sorted(table["seed"].unique())))
    return "\n".join([*lines, f"Seeds {seeds}; {made}.", ""])


def _grid(table: pd.DataFrame, score: str) -> list[str]:
    cells = table[["missing", "absent"]].drop_duplicates().sort_values(["missing", "absent"])
    pairs = [(float(missing), float(absent)) for missing, absent in cells.to_numpy().tolist()]
    heads = [f"{100 * missing:.0f} % / {100 * absent:.0f} %" for missing, absent in pairs]
    lines = [f"| values missing / blocks absent | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for method in [name for name in METHODS if name in set(table["method"])]:
        rows = table[table["method"] == method]
        parts = {pair: part.set_index("seed")[score] for pair, part in rows.groupby(["missing", "absent"])}
        full = parts.get((0.0, 0.0), pd.Series(dtype=float))
        shown = [_cell(parts.get(pair), full if any(pair) else None, score) for pair in pairs]
        lines.append(f"| {method} | {' | '.join(shown)} |")
    return lines


def _cell(part: pd.Series | None, full: pd.Series | None, score: str) -> str:
    """Return a mean, for adjusted Rand with the share of what the same seeds give on full data."""
    if part is None or part.dropna().empty:
        return "-"
    if score == "lost":
        return f"{part.mean():.0f}"
    base = np.nan if full is None else full.reindex(part.index).mean()
    kept = score.startswith("ari") and np.isfinite(base) and base > 0
    return mean(part) + (f", {100 * part.mean() / base:.0f} %" if kept else "")
