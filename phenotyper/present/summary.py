"""A finding in sentences, and as a page of Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from phenotyper.cohort.container import flow_of, warnings_of
from phenotyper.disclosure.cells import banner
from phenotyper.errors import listed
from phenotyper.files import safe_name
from phenotyper.outcomes.wording import decimals_for, number, with_interval

if TYPE_CHECKING:
    from mudata import MuData

    from phenotyper.discover.phenotypes import Phenotypes
    from phenotyper.outcomes.profile import Profile
    from phenotyper.results import Table

NOT_A_DEVICE = "For research only, not a medical device."
_HEADLINE = {"binary": "proportion", "number": "mean", "count": "mean", "ordinal": "median level"}
"""The statistic of each kind of outcome that stands in the sentence; survival: its curve at a round time."""
_INDENT = "  "


def found_sentence(found: Phenotypes) -> str:
    """Say what was found, as a sentence with a capital and a full stop."""
    return f"{_capital(found.sentence())}."


def outcome_sentence(profile: Profile) -> str:
    """Say how the subphenotypes fared in the first outcome that is known in any of them.

    Without subphenotypes it says how the whole cohort fared.
    """
    for outcome in profile.outcome_tables:
        figures = _figures(profile, outcome)
        if figures:
            said = f"{_headline(profile, outcome)}: {'; '.join(figures)}."
            return _capital(said) if profile.names else f"In the whole cohort, {said}"
    if not profile.outcome_tables:
        return "No outcome is declared, so none is compared."
    return "No declared outcome has a known value in the subphenotypes."


def _headline(profile: Profile, outcome: str) -> str:
    """Return what the figures of the sentence are, by the outcome's label."""
    if outcome in profile.survival:
        curves = profile.survival[outcome]
        at = f"{number(curves.landmark, 2, whole=True)} {curves.unit}".rstrip()
        what = "event-free" if curves.quantity == "survival" else curves.quantity
        return f"{curves.label}, {what} at {at} (95 % interval)"
    facts = profile.table
    kind = str(facts.loc[facts["outcome"] == outcome, "kind"].iloc[0])
    interval = "" if kind == "ordinal" else " (95 % interval)"
    return f"{label_of(profile, outcome)}, {_HEADLINE[kind]}{interval}"


def label_of(profile: Profile, outcome: str) -> str:
    """Return what people read for an outcome, with its unit."""
    return profile.outcome_tables[outcome].title.removesuffix(f" ({profile.status})")


def _figures(profile: Profile, outcome: str) -> list[str]:
    """Return the figure of each subphenotype, or of all patients; none when no figure is known."""
    facts = profile.table[profile.table["outcome"] == outcome]
    kind = str(facts["kind"].iloc[0])
    statistic = profile.survival[outcome].quantity if outcome in profile.survival else _HEADLINE[kind]
    rows = facts[facts["statistic"] == statistic].set_index("subphenotype")
    groups = [name for name in profile.names or ("all",) if name in rows.index]
    if rows.loc[groups, "estimate"].isna().all():
        return []
    shown = {name: _figure(rows.loc[name], kind=kind) for name in groups}
    return [f"{name} {figure}" if profile.names else figure for name, figure in shown.items()]


def _figure(fact: Any, *, kind: str) -> str:
    if fact["estimate"] != fact["estimate"]:
        return "not known"
    if kind == "ordinal":
        return str(fact["level"])
    limits = (fact["estimate"], fact["ci_low"], fact["ci_high"])
    if kind in ("binary", "survival"):
        return with_interval(*limits, decimals=0, scale=100, unit=" %")
    return with_interval(*limits, decimals=decimals_for(fact["ci_high"] - fact["ci_low"]))


def summary_page(
    found: Phenotypes, cohort: MuData, profile: Profile, *, name: str, figures: Mapping[str, str]
) -> str:
    """Return ``summary.md``: finding, patients, outcomes, Table 1, files, settings, warnings.

    Parameters
    ----------
    found, cohort, profile
        What the page is about.
    name : str
        Its heading.
    figures : Mapping of str to str
        Title of each picture, and its path from the page.
    """
    pictures = [f"![{_plain(title)}]({path})" for title, path in figures.items()]
    lines = [
        f"# {_plain(name)}",
        f"{_plain(found_sentence(found))} {_plain(outcome_sentence(profile))}",
        f"**Status: {found.status}.** UMAP and HDBSCAN report groups in data that has none: until structure "
        f"and stability have been tested, these are candidates, not findings. {NOT_A_DEVICE}",
        f"**{banner(profile.tables)}** Keep this folder inside the project.",
        "## Patients",
        _bullets(f"{_plain(label)}: {n}" for label, n in flow_of(cohort)),
        "In the cohort:",
        "\n".join([_bullets(f"{group}: {n}" for group, n in found.sizes.items()), *_reasons(found)]),
        *pictures[:1],
        "The map has one dot a patient, so it is not here but in `private/figures/map.png`.",
        "## Outcomes",
        *([_markdown(table) for table in profile.outcome_tables.values()] or ["None is declared."]),
        *pictures[1:],
        "## Who they are",
        _markdown(profile.table_one),
        "Which features differ: [tables/features.html](tables/features.html).",
        "## How it was made",
        _bullets(_settings(found)),
        "## Warnings when the cohort was read",
        _bullets([_plain(problem.text()) for problem in warnings_of(cohort)] or ["none"]),
        "## Tables as files",
        _bullets(_files(profile)),
    ]
    return "\n\n".join(lines) + "\n"


def _reasons(found: Phenotypes) -> list[str]:
    counts = found.table.loc[found.table["reason"] != "", "reason"].value_counts()
    return [f"{_INDENT}- {reason}: {n}" for reason, n in counts.items()]


def _settings(found: Phenotypes) -> list[str]:
    n = found.n_patients
    used = found.features["n_columns"] > 0
    return [
        *(f"`{setting}`: {_setting(value)}" for setting, value in found.recipe.to_dict().items()),
        f"adjusted for: {listed(found.adjusted_for, 12) or 'nothing'}",
        f"neighbours used: {listed(found.recipe.neighbors_for(n), 12)}",
        f"least patients of a subphenotype used: {listed(found.recipe.cluster_sizes_for(n), 12)}",
        f"factors used: {found.latent.shape[1]}",
        f"features used: {int(used.sum())} of {len(found.features)}",
    ]


def _setting(value: object) -> str:
    if value is None:
        return "by default"
    if isinstance(value, dict):
        value = [f"{name} = {what}" for name, what in value.items()]
    if isinstance(value, list):
        return _plain(", ".join(str(item) for item in value)) or "none"
    return str(value)


def _files(profile: Profile) -> list[str]:
    names = {"table_one": "Table 1", "features": "features that differ most"}
    for outcome in profile.outcome_tables:
        names[f"outcome_{safe_name(outcome)}"] = _plain(label_of(profile, outcome))
    return [
        *(f"{title}: [html](tables/{name}.html), [csv](tables/{name}.csv)" for name, title in names.items()),
        "one fact a row: [outcomes](tables/outcome_facts.csv), [features](tables/feature_differences.csv)",
    ]


def _markdown(table: Table) -> str:
    """Return a table in Markdown; a section's head is bold, a spanner leads the first head below it."""
    above = {first: f"{text}: " for text, first, _ in table.spanners}
    heads = [above.get(at, "") + head for at, head in enumerate(table.columns)]
    indents = table.indents or (0,) * len(table.rows)
    rows = [_row(heads), "|" + "---|" * len(heads)]
    for (label, *cells), indent in zip(table.rows, indents, strict=True):
        shown = _plain(label) if any(cells) else f"**{_plain(label)}**"
        rows.append(f"| {'&emsp;' * indent}{shown} {_row(cells)}")
    notes = [_plain(note) for note in table.footnotes]
    return "\n\n".join([f"**{_plain(table.title)}**", "\n".join(rows), *notes])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _plain(text: str) -> str:
    r"""Return text on one line that Markdown and HTML leave as it is.

    Examples
    --------
    >>> _plain("a|b <i>*x* fev1_z")
    'a\\|b &lt;i&gt;\\*x\\* fev1_z'
    """
    one_line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*\[\]|]|(?<!\w)_|_(?!\w))", r"\\\1", one_line)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
