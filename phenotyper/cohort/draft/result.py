"""A draft of ``cohort.toml``: made, shown, and written whole or not at all."""

from __future__ import annotations

import html
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phenotyper.cohort.draft.plan import Plan, plan_of
from phenotyper.cohort.draft.write import cohort_toml, dictionary_table
from phenotyper.errors import CohortError, OutputError, Problem, listed, number_of
from phenotyper.files import make_folder, write_text

_UP = 3


@dataclass(frozen=True)
class Draft:
    """A drafted declaration.

    Parameters
    ----------
    toml : str
        Text of ``cohort.toml``; a line that begins with ``# ?`` asks something.
    dictionary : DataFrame
        Rows of ``dictionary.csv``: column, kind, unit, label, levels, lod, reference; empty when no block is
        mixed.
    questions : tuple of str
        What could not be decided, in the order of the text.
    folder : str
        Where the data are.
    summary : tuple of str
        What was found, a line each: files, blocks, patients, roles.
    written : tuple of str
        Files that were written.
    command : str
        What to type next.
    """

    toml: str
    dictionary: pd.DataFrame
    questions: tuple[str, ...]
    folder: str
    summary: tuple[str, ...]
    written: tuple[str, ...]
    command: str

    def sentence(self) -> str:
        """Say the draft in a sentence."""
        count = len(self.questions)
        asked = "no open question" if not count else number_of(count, "open question")
        return f"Draft of {self.folder}: {self.summary[0]}, {asked}."

    def __repr__(self) -> str:
        return f"<Draft: {self.sentence()}>"

    def __str__(self) -> str:
        lines = [self.sentence(), *(f"  {line}" for line in self.summary[1:])]
        lines += ["Open questions:"] if self.questions else []
        lines += [f"  {number}. {question}" for number, question in enumerate(self.questions, start=1)]
        lines += [f"Written: {', '.join(self.written)}"] if self.written else []
        return "\n".join([*lines, f"Next: {self.command}"])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(question)}</li>" for question in self.questions)
        asked = f"<ol>{items}</ol>" if items else ""
        return f"<p>{html.escape(self.sentence())}</p>{asked}<pre>{html.escape(self.toml)}</pre>"


def draft_cohort(folder: str | Path, *, out: str | Path | None = None, overwrite: bool = False) -> Draft:
    r"""Look at the files of a folder and draft ``cohort.toml`` and, where kinds differ, ``dictionary.csv``.

    Nothing is decided in silence: where two readings are possible the safe one is taken and a comment that
    begins with ``# ?`` stands above it; what cannot be decided is commented out. Folders within it are not
    read.

    Parameters
    ----------
    folder : path
        Where the tables are.
    out : path, optional
        ``cohort.toml`` to write, or the folder to write it into; its dictionary stands beside it. By default
        nothing is written.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    Draft
        ``.toml``, ``.dictionary``, ``.questions``.

    Raises
    ------
    CohortError
        FILE_ABSENT, or DRAFT_EMPTY when no table of patients or features is found.
    OutputError
        EXISTS, NOT_WRITABLE or NO_SPACE; then neither file is written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     text = "patient_id,crp_mg_l,stage\nP1,3.5,I\nP2,80.1,III\nP3,9.9,II\n"
    ...     _ = (Path(home) / "labs.csv").write_text(text)
    ...     draft = draft_cohort(home)
    >>> draft.dictionary[["column", "kind", "unit", "levels"]].values.tolist()
    [['crp_mg_l', 'number', 'mg/L', ''], ['stage', 'ordinal', '', 'I | II | III']]
    """
    source = Path(folder).expanduser()
    _require_folder(source)
    place = _place(source, out)
    if out is not None:
        _refuse_existing([place], overwrite=overwrite)
    plan = plan_of(source)
    if not plan.blocks:
        raise CohortError(_empty(source, plan))
    table = dictionary_table(plan.blocks)
    name = _dictionary_name(plan, place, source) if len(table) else ""
    command = f"phenotyper check {_shown(place) if out is not None else _shown(source)}"
    text, questions = cohort_toml(plan, folder=_seen_from(source, place), dictionary=name, command=command)
    written: tuple[str, ...] = ()
    if out is not None:
        written = _written(place, text, place.with_name(name) if name else None, table, overwrite=overwrite)
    return Draft(text, table, questions, str(folder), _summary(plan), written, command)


def _require_folder(folder: Path) -> None:
    what = "is a file, not a folder" if folder.exists() else "does not exist"
    if folder.is_dir():
        try:
            next(folder.iterdir(), None)
        except OSError:
            what = "may not be read by you"
        else:
            return
    remedy = "Give the folder that holds the tables."
    raise CohortError(Problem("FILE_ABSENT", f"{folder} {what}", remedy, where=str(folder)))


def _empty(folder: Path, plan: Plan) -> Problem:
    remedy = "Put the tables into it: one row a patient, a column of patient ids, one column a feature."
    if plan.records:
        reason, remedy = f"; {plan.asides[0]}", "The examples there can be copied into a cohort.toml."
    elif plan.unread:
        reason = f"; {plan.unread[0].file} was not read: {plan.unread[0].reason}"
        remedy = plan.unread[0].remedy or remedy
    elif plan.tables:
        reason = f"; {listed(table.label for table in plan.tables)} hold no column that could be a feature"
    else:
        reason = f"; {plan.asides[0]}" if plan.asides else ""
    return Problem("DRAFT_EMPTY", f"{folder} holds no table of features that can be read{reason}", remedy)


def _place(folder: Path, out: str | Path | None) -> Path:
    if out is None:
        return folder / "cohort.toml"
    place = Path(out).expanduser()
    return place if place.suffix.lower() == ".toml" else place / "cohort.toml"


def _seen_from(folder: Path, place: Path) -> str:
    """Return the folder of the data as cohort.toml names it: empty when it stands in it."""
    here, there = place.parent.resolve(), folder.resolve()
    if here == there:
        return ""
    try:
        relative = Path(os.path.relpath(there, here))
    except ValueError:
        return there.as_posix()
    return relative.as_posix() if relative.parts.count("..") <= _UP else there.as_posix()


def _shown(path: Path) -> str:
    text = str(path.parent) if path.name == "cohort.toml" else str(path)
    return f'"{text}"' if " " in text else text


def _dictionary_name(plan: Plan, place: Path, folder: Path) -> str:
    """Return the name of the dictionary; never that of a codebook that was read."""
    beside = place.parent.resolve() == folder.resolve()
    taken = {book.file for book in plan.books} if beside else set()
    return "dictionary.csv" if "dictionary.csv" not in taken else "dictionary_draft.csv"


def _refuse_existing(paths: list[Path], *, overwrite: bool) -> None:
    found = [path for path in paths if path.exists() and (not overwrite or path.is_dir())]
    if found:
        remedy = "Give another place with out (--out), or overwrite (--overwrite, overwrite=True)."
        message = f"{listed(found)} exists already; nothing was written"
        raise OutputError(Problem("EXISTS", message, remedy, where=str(found[0])))


def _written(
    place: Path, text: str, dictionary: Path | None, table: pd.DataFrame, *, overwrite: bool
) -> tuple[str, ...]:
    """Write both files or none: the dictionary is taken back when cohort.toml cannot be written."""
    _refuse_existing([path for path in (place, dictionary) if path is not None], overwrite=overwrite)
    make_folder(place.parent)
    if dictionary is None:
        write_text(place, text)
        return (str(place),)
    before = dictionary.read_bytes() if dictionary.exists() else None
    write_text(dictionary, table.to_csv(index=False, lineterminator="\n"))
    try:
        write_text(place, text)
    except BaseException:
        with suppress(OSError):
            dictionary.unlink() if before is None else dictionary.write_bytes(before)
        raise
    return (str(place), str(dictionary))


def _summary(plan: Plan) -> tuple[str, ...]:
    everybody = frozenset().union(*(table.patients for table in plan.tables))
    blocks = ", ".join(f"{block.name} ({block.kind})" for block in plan.blocks)
    count = len(plan.blocks)
    lines = [
        f"{len(everybody):,} patients, {number_of(count, 'block')}",
        f"files: {listed((table.label for table in plan.tables), 12)}",
        f"blocks: {blocks}",
    ]
    if plan.books:
        lines.append(f"codebook: {listed(book.file for book in plan.books)}")
    if plan.patients is not None:
        lines += _roles(plan)
    return tuple(lines)


def _roles(plan: Plan) -> list[str]:
    roles = plan.roles
    single = {
        "age": roles.age[0], "sex": roles.sex[0], "site": roles.site, "batch": roles.batch,
        "family": roles.family, "index date": roles.index_date,
    }  # fmt: skip
    found = [f"{role} {column}" for role, column in single.items() if column]
    lines = [
        f"patients: {plan.patients.label if plan.patients else ''} ({', '.join(found) or 'no role found'})"
    ]
    several = {
        "outcomes": [outcome.name for outcome in roles.outcomes],
        "treatments": [treatment.name for treatment in roles.treatments],
        "known classes": roles.known_classes,
        "covariates": roles.covariates,
        "not used": list(roles.left_out),
    }
    return [*lines, *(f"{what}: {listed(names, 8)}" for what, names in several.items() if names)]
