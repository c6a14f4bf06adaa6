"""What stands above a drafted cohort.toml: what to do, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence

from phenotyper.cohort.draft.look import Seen
from phenotyper.cohort.draft.plan import Plan
from phenotyper.cohort.draft.text import Text, plain

_MOST_TABLES = 12


def counted(number: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def header(text: Text, plan: Plan, *, questions: int, command: str) -> None:
    """Write what to do with the draft and what was seen of the folder."""
    text.say("Drafted by phenotyper init from how the files look. Nothing here is decided: you decide.")
    if questions:
        text.say(
            f'{counted(questions, "open question")}, marked "# ?", above the line in question: correct the '
            "line where it is wrong, and delete the question."
        )
    text.say(f"Then: {command}")
    text.say()
    text.say("What was seen:")
    width = max((len(table.label) for table in plan.tables), default=0)
    for table in plan.tables:
        note = "  (the table of patients)" if table is plan.patients else ""
        note += "  (features are rows)" if table.rows else ""
        note += f"  (samples; {plain(table.samples['file'])} names their patients)" if table.samples else ""
        counts = f"{counted(len(table.patients), 'patient'):>15}  {counted(len(table.names), 'column'):>14}"
        text.lines.append(f"#   {plain(table.label):<{width}}  {counts}{note}")
    for book in plan.books:
        text.say(
            f"{book.file} describes {counted(len(book.hints), 'column')}: kinds and labels were taken from "
            "it."
        )
    for name in plan.annotations:
        text.say(f"{name} describes features, not patients: not used.")
    _overlap(text, plan.tables)
    text.say()


def _overlap(text: Text, tables: Sequence[Seen]) -> None:
    if not 1 < len(tables) <= _MOST_TABLES:
        return
    everybody = frozenset().union(*(table.patients for table in tables))
    if all(table.patients == everybody for table in tables):
        text.say(f"All of them hold the same {len(everybody):,} patients.")
        return
    width = max(len(table.label) for table in tables)
    text.say(f"Patients in both of two files ({len(everybody):,} in any, "
             f"{len(frozenset.intersection(*(table.patients for table in tables))):,} in all):")  # fmt: skip
    heads = "".join(f"{f'({place})':>7}" for place in range(1, len(tables) + 1))
    text.lines.append(f"#   {'':<{width + 4}}{heads}")
    for place, table in enumerate(tables, start=1):
        cells = "".join(f"{len(table.patients & other.patients):>7}" for other in tables[:place])
        text.lines.append(f"#   ({place}) {plain(table.label):<{width}}{cells}")
