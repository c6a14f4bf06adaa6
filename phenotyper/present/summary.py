"""A finding in three sentences, and as a page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phenotyper.cohort.container import flow_of, warnings_of
from phenotyper.disclosure.cells import banner

if TYPE_CHECKING:
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes
    from phenotyper.outcomes.profile import Profile

HEADLINE = {"binary": "proportion", "number": "mean", "count": "mean", "survival": "survival at landmark"}
NOT_A_DEVICE = "For research only, not a medical device."


def found_sentence(found: Phenotypes) -> str:
    """Say what was found, as a sentence with a capital and a full stop."""
    text = found.sentence()
    return f"{text[0].upper()}{text[1:]}."


def outcome_sentence(profile: Profile) -> str:
    """Say how the subphenotypes fared in the first declared outcome that has figures for each of them."""
    facts = profile.table
    for outcome in profile.outcome_tables:
        of_outcome = facts[facts["outcome"] == outcome]
        kind = str(of_outcome["kind"].iloc[0])
        rows = of_outcome[(of_outcome["statistic"] == HEADLINE.get(kind)) & of_outcome["subphenotype"].isin(profile.names)]
        rows = rows[rows["estimate"].notna()]
        if not rows.empty:
            percent = kind in ("binary", "survival")
            said = "; ".join(
                f"{row.subphenotype} {_figure(row.estimate, percent=percent)} ({_figure(row.ci_low, percent=percent)} to {_figure(row.ci_high, percent=percent)})"
                for row in rows.itertuples()
            )
            return f"{outcome} by subphenotype, {HEADLINE[kind]} with 95 % interval: {said}."
    if not profile.names:
        return "There is no subphenotype to compare outcomes of; the tables describe the whole cohort."
    return "No outcome with an estimate for every subphenotype was declared." if not profile.outcome_tables else "See the outcome tables."


def _figure(value: float, *, percent: bool) -> str:
    return f"{value:.0%}" if percent else f"{value:.2f}"


def summary_page(found: Phenotypes, cohort: MuData, profile: Profile, *, name: str) -> str:
    """Return ``summary.md``: finding, flow, reasons, settings, warnings, what a publication would hide."""
    reasons = found.table.loc[found.table["reason"] != "", "reason"].value_counts()
    lines = [
        f"# {name}",
        "",
        f"{found_sentence(found)} {outcome_sentence(profile)} {NOT_A_DEVICE}",
        "",
        f"**Status: {found.status}.** UMAP and HDBSCAN report groups in data that has none; until structure and stability have been "
        "tested these are candidates, not findings.",
        "",
        f"**{banner(profile.tables)}** These files are internal: figures and tables here show small counts.",
        "",
        "## Patients",
        "",
        *(f"- {label}: {n}" for label, n in flow_of(cohort)),
        *(f"- {group}: {n}" for group, n in found.sizes.items()),
        *(f"- unassigned because {reason}: {n}" for reason, n in reasons.items()),
        "",
        "## Settings",
        "",
        *(f"- {setting}: {_setting(value)}" for setting, value in found.recipe.to_dict().items()),
        f"- neighbours and least size used: {found.recipe.neighbors_for(found.n_patients)}, {found.recipe.cluster_size_for(found.n_patients)}",
        f"- factors: {found.latent.shape[1]}",
        f"- features used: {int((found.features['n_columns'] > 0).sum())} of {len(found.features)}",
        "",
        "## Warnings when the cohort was read",
        "",
        *([f"- {problem.text()}" for problem in warnings_of(cohort)] or ["- none"]),
    ]
    return "\n".join(lines) + "\n"


def _setting(value: object) -> str:
    if value is None:
        return "by default"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
