"""The text of cohort.toml and the table of dictionary.csv, with every open question above its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from phenotyper.cohort.dictionary import COLUMNS
from phenotyper.cohort.draft.blocks import BlockDraft, dictionary_rows, doubts_of, visit_column
from phenotyper.cohort.draft.head import counted, header
from phenotyper.cohort.draft.ids import repeats
from phenotyper.cohort.draft.look import OWN_IDS, Seen
from phenotyper.cohort.draft.outcomes import OutcomeDraft, time_unit
from phenotyper.cohort.draft.plan import Plan
from phenotyper.cohort.draft.sorting import TreatmentDraft
from phenotyper.cohort.draft.text import MOST_NAMES, Text, bare
from phenotyper.errors import listed

_FEW_REPEAT = 0.05
"""Share of patients with several rows up to which those are slips rather than visits."""


def cohort_toml(plan: Plan, *, folder: str, dictionary: str, command: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of cohort.toml and its open questions.

    Parameters
    ----------
    plan : Plan
        What to declare.
    folder : str
        The data as seen from cohort.toml; empty when it stands among them.
    dictionary : str
        File name of the dictionary, empty when there is none.
    command : str
        What to type next.
    """
    body = Text()
    body.key("name", plan.title)
    body.key("id", plan.id_column)
    if folder:
        body.key("folder", folder)
    if plan.spelled:
        body.ask(
            f"{counted(plan.spelled, 'id')} unlike another only in spaces, case or Unicode form: the same "
            "patients? Then delete the # of the line",
            about="id",
        )
        body.key("normalise_ids", value=True, off=True)
    _codes(body, plan)
    for aside in plan.asides:
        body.say()
        body.ask(aside)
    for block in plan.blocks:
        _block(body, block, plan, dictionary)
    if plan.patients is not None:
        _patients(body, plan, plan.patients)
        for outcome in plan.roles.outcomes:
            _outcome(body, outcome)
        for treatment in plan.roles.treatments:
            _treatment(body, treatment)
        if plan.roles.consent:
            body.say()
            body.lines.append("[consent]")
            for key, column in plan.roles.consent.items():
                body.key(key, column)
    head = Text()
    header(head, plan, questions=len(body.questions), command=command)
    return "\n".join([*head.lines, *body.lines, ""]), tuple(body.questions)


def _codes(text: Text, plan: Plan) -> None:
    if not plan.codes:
        return
    for code in plan.codes:
        if code.elsewhere:
            where = listed(code.elsewhere, MOST_NAMES)
            text.ask(
                f"{code.text} stands apart in {listed(code.columns, MOST_NAMES)}; but it looks like a value "
                f"in {where}, where it will be missing too",
                about="missing_codes",
            )
        elif not code.sure:
            text.ask(
                f'"{code.text}" in {listed(code.columns, MOST_NAMES)}: missing, or an answer of its own?',
                about="missing_codes",
            )
        else:
            text.say(f'"{code.text}" stands in {listed(code.columns, MOST_NAMES)}.')
    text.key("missing_codes", [code.text for code in plan.codes])


def _where(text: Text, table: Seen, plan: Plan) -> None:
    text.key("file", table.file)
    if table.part:
        text.key("part", table.part)
    if table.format:
        text.key("format", table.format)
    for key, value in table.options.items():
        text.key(key, value)
    if table.rows:
        text.key("rows", table.rows)
    elif table.id_column not in {plan.id_column, OWN_IDS}:
        text.key("id", table.id_column)
    if table.samples:
        text.key("samples", table.samples)
    if table.delimiter:
        text.key("delimiter", "tab" if table.delimiter == "\t" else table.delimiter)
    if table.decimal:
        text.key("decimal", table.decimal)


def _block(text: Text, block: BlockDraft, plan: Plan, dictionary: str) -> None:
    table = block.table
    count = len(block.columns) or len(table.names) - len(block.exclude) - len(table.hidden)
    text.say()
    text.say(f"{counted(len(table.patients), 'patient')}, {counted(count, 'column')}.")
    for note in block.notes:
        text.say(f"{note}.")
    text.lines.append(f"[blocks.{bare(block.name)}]")
    _where(text, table, plan)
    if block.question:
        text.ask(block.question, about=f"blocks.{block.name}")
    text.key("kind", block.kind)
    if block.kind == "mixed":
        for doubt, columns in doubts_of(block).items():
            text.ask(f"{listed(columns, MOST_NAMES)}: {doubt}", about=f"blocks.{block.name}")
        if block.guesses:
            text.key("dictionary", dictionary)
    if block.censored:
        text.say("Cells such as <0.5 are values below a limit of detection.")
        text.key("censored", "lod")
    _many_rows(text, block)
    if block.columns:
        text.names("columns", block.columns, said={}, asked=plan.roles.asked)
    elif block.exclude:
        text.names("exclude", tuple(block.exclude), said=block.exclude, asked={})


def _many_rows(text: Text, block: BlockDraft) -> None:
    """Say how several rows of a patient become one."""
    times = repeats(block.table)
    if not times or block.table.rows:
        return
    visit = visit_column(block.table, block.table.columns())
    about = f"blocks.{block.name}"
    who = f"{counted(times, 'patient')} {'has' if times == 1 else 'have'} several rows"
    if visit:
        text.ask(
            f"{who}: visits by {visit}; the first is taken. Others: baseline, last, mean, slope",
            about=about,
        )
        unit = time_unit(visit)
        text.key("visits", {"time": visit, **({"unit": unit} if unit else {}), "summaries": ["first"]})
    elif times <= _FEW_REPEAT * len(block.table.patients):
        text.ask(
            f"{who}: a wrong id? Correct the file; or delete the # of the line, and their mean is taken",
            about=about,
        )
        text.key("aggregate", "mean", off=True)
    else:
        text.ask(f"{who}: their mean is taken; or first, or last", about=about)
        text.key("aggregate", "mean")


def _patients(text: Text, plan: Plan, table: Seen) -> None:
    roles, asked = plan.roles, plan.roles.asked
    text.say()
    used = {name: reason for name, reason in roles.left_out.items()}
    text.say(f"{counted(len(table.patients), 'patient')}, {counted(len(table.names), 'column')}.")
    for reason in dict.fromkeys(used.values()):
        names = [name for name, why in used.items() if why == reason]
        text.say(f"Not used: {listed(names, MOST_NAMES)} ({reason}).")
    text.lines.append("[patients]")
    if times := repeats(table):
        text.ask(
            f"{counted(times, 'patient')} {'stands' if times == 1 else 'stand'} on several rows: this table "
            "needs one row a patient; correct the file",
            about="patients",
        )
    _where(text, table, plan)
    if roles.age[0]:
        _asked(text, asked, "age")
        text.key("age", {"column": roles.age[0], "unit": roles.age[1]})
    elif roles.birth_date and roles.index_date:
        text.ask("the age on the index date, from the date of birth? Then delete the #", about="age")
        text.key("age", {"birth_date": roles.birth_date}, off=True)
    if roles.sex[0]:
        _asked(text, asked, "sex")
        text.key(
            "sex",
            dict(zip(("column", "female", "male"), map(_code, roles.sex), strict=True)),
            off=roles.sex_off,
        )
    for role in ("site", "batch", "family", "index_date"):
        if column := getattr(roles, role):
            _asked(text, asked, role)
            text.key(role, column, off=role == "index_date" and roles.index_date_off)
    if roles.known_classes:
        if not any(asked.get(name) for name in roles.known_classes):
            text.say("Compared with, never used to find groups.")
        text.names("known_classes", roles.known_classes, said={}, asked=asked)
    if roles.covariates:
        text.say("For Table 1, and to adjust for; never features.")
        text.names("covariates", roles.covariates, said={}, asked=asked)


def _code(code: str) -> object:
    return int(code) if code.lstrip("-").isdigit() and code == str(int(code)) else code


def _asked(text: Text, asked: Mapping[str, str], key: str) -> None:
    if asked.get(key):
        text.ask(asked[key], about=key)


def _section(
    text: Text, header: str, keys: Iterable[tuple[str, object]], questions: Mapping[str, str], *, off: bool
) -> None:
    text.say()
    if question := questions.get(""):
        text.ask(question, about=header)
    text.lines.append(f"{'# ' if off else ''}[{header}]")
    for key, value in keys:
        if question := questions.get(key):
            text.ask(question, about=header)
        text.key(key, value, off=off)


def _outcome(text: Text, outcome: OutcomeDraft) -> None:
    keys: list[tuple[str, object]] = [
        ("kind", outcome.kind),
        ("column", outcome.column),
        *outcome.keys.items(),
    ]
    if outcome.label:
        keys.append(("label", outcome.label))
    _section(text, f"outcomes.{bare(outcome.name)}", keys, outcome.questions, off=outcome.off)


def _treatment(text: Text, treatment: TreatmentDraft) -> None:
    keys: list[tuple[str, object]] = [
        ("column", treatment.column),
        ("control", _code(treatment.control)),
        ("assigned", treatment.assigned),
    ]
    _section(text, f"treatments.{bare(treatment.name)}", keys, treatment.questions, off=treatment.off)


def dictionary_table(blocks: Sequence[BlockDraft]) -> pd.DataFrame:
    """Return the dictionary: one row a column of the mixed blocks."""
    rows = [
        (
            guess.column,
            guess.kind,
            guess.unit,
            guess.label,
            " | ".join(guess.levels),
            guess.lod,
            guess.reference,
        )
        for guess in dictionary_rows(blocks)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
