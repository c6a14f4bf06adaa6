"""Read a cohort, or say everything that is wrong with it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phenotyper.cohort import checks
from phenotyper.cohort.assemble import Parts, cohort_of, parts_of
from phenotyper.cohort.consent import remove, without_research_consent
from phenotyper.cohort.container import declaration_of, restored, warnings_of
from phenotyper.cohort.declare import Declared, declare, read_toml
from phenotyper.cohort.identity import normalised
from phenotyper.cohort.readers.contract import require_file
from phenotyper.cohort.readers.h5mu import open_h5mu
from phenotyper.cohort.report import CheckReport
from phenotyper.cohort.tables import Progress, all_ids, read_tables
from phenotyper.errors import CohortError, PhenotyperWarning, Problem, listed

if TYPE_CHECKING:
    from mudata import MuData

LARGE_FILE = 20_000_000
"""Bytes from which reading a file shows a bar."""
Source = str | Path | Mapping[str, Any] | Any
Reporting = bool | Progress


@dataclass(frozen=True)
class _Outcome:
    """What reading came to: a cohort unless there are errors."""

    problems: tuple[Problem, ...]
    cohort: MuData | None = None


def read_cohort(source: Source, *, quiet: bool = False, progress: Reporting = False) -> MuData:
    """Read a cohort into one ``MuData``.

    Parameters
    ----------
    source : path, dict or MuData
        ``cohort.toml`` or the folder that holds it; an ``.h5mu`` file that ``MuData.write`` made of a cohort;
        a dict with the keys of ``cohort.toml``, where ``file`` may be a DataFrame or an AnnData and
        ``dictionary`` a DataFrame; or a MuData read before. Where an AnnData's var gives levels, its X holds
        their codes.
    quiet : bool
        Keep warnings in the cohort only.
    progress : bool or callable
        Show a bar for each large file (on a terminal or in a notebook), or call with the name of the file,
        the bytes done and the bytes in all.

    Returns
    -------
    MuData
        A modality a block (X float64, NaN = missing) and ``patients``; ``obs`` has one row a patient. Use
        ``patients_of``, ``block_frame`` and the other helpers of ``phenotyper.cohort.container``.

    Raises
    ------
    CohortError
        With every problem that was found.

    Examples
    --------
    >>> import pandas as pd
    >>> labs = pd.DataFrame({"crp": [1.0, 80.0, None], "wbc": [7.1, 12.0, 9.0]}, index=["p1", "p2", "p3"])
    >>> cohort = read_cohort({"blocks": {"labs": {"file": labs, "kind": "number"}}})
    >>> cohort["labs"].shape
    (3, 2)
    """
    outcome = _outcome(source, progress=progress)
    if outcome.cohort is None:
        raise CohortError([problem for problem in outcome.problems if problem.severity == "error"])
    if outcome.problems and not quiet:
        warnings.warn(_summary(outcome.problems), PhenotyperWarning, stacklevel=2)
    return outcome.cohort


def check_cohort(source: Source, *, progress: Reporting = False) -> CheckReport:
    """Say everything that is wrong with a cohort; nothing is raised for a bad one and nothing is written.

    Parameters
    ----------
    source : path, dict or MuData
        As for :func:`read_cohort`.
    progress : bool or callable
        As for :func:`read_cohort`.

    Returns
    -------
    CheckReport
        ``.ok``, ``.errors``, ``.warnings``, ``.table``.

    Examples
    --------
    >>> check_cohort({"blocks": {"labs": {"file": "nowhere/labs.csv", "kind": "numbers"}}}).errors[0].code
    'DECLARATION'
    """
    outcome = _outcome(source, progress=progress)
    name = str(source) if isinstance(source, (str, Path)) else f"cohort in memory ({type(source).__name__})"
    patients = None if outcome.cohort is None else outcome.cohort.n_obs
    return CheckReport(
        name, tuple(sorted(outcome.problems, key=lambda problem: problem.severity != "error")), patients
    )


def _summary(problems: tuple[Problem, ...]) -> str:
    if len(problems) == 1:
        return problems[0].text()
    times = Counter(problem.code for problem in problems)
    counted = listed(
        (f"{code} ({number})" if number > 1 else code for code, number in times.items()), most=20
    )
    return f"The cohort was read with {len(problems)} warnings: {counted}. check_cohort() lists them."


@contextmanager
def _reporting(progress: Reporting) -> Iterator[Progress | None]:
    """Give what is to be called while files are read: nothing, the caller's function, or bars."""
    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield None
    else:
        from tqdm.auto import tqdm

        with ExitStack() as stack:
            bars: dict[str, Any] = {}

            def show(file: str, done: int, total: int) -> None:
                if total < LARGE_FILE:
                    return
                if file not in bars:
                    bar = tqdm(total=total, desc=file, unit="B", unit_scale=True)
                    bars[file] = stack.enter_context(bar)
                bars[file].update(done - bars[file].n)

            yield show


def _outcome(source: Source, *, progress: Reporting = False) -> _Outcome:
    try:
        if isinstance(source, (str, Path)):
            path = Path(source).expanduser()
            path = path / "cohort.toml" if path.is_dir() else path
            require_file(path)
            if path.name.lower().endswith(".h5mu"):
                return _again(open_h5mu(path))
            declared = declare(read_toml(path), title=path.name, home=path.parent)
            return _from_declared(declared, progress)
        if isinstance(source, Mapping):
            return _from_declared(declare(source, title="the declaration"), progress)
        if type(source).__name__ == "MuData":
            return _again(source)
        message = f"a {type(source).__name__} is not a cohort"
        remedy = "Give the path of cohort.toml or of an .h5mu file, a dict with its keys, or a MuData."
        return _Outcome((Problem("COHORT_TYPE", message, remedy),))
    except CohortError as error:
        return _Outcome(error.problems)


def _again(cohort: MuData) -> _Outcome:
    declaration_of(cohort)
    return _Outcome(warnings_of(cohort), restored(cohort))


def _from_declared(declared: Declared, progress: Reporting) -> _Outcome:
    with _reporting(progress) as report:
        tables, problems = read_tables(declared, progress=report)
    problems += [problem for table in tables.distinct() for problem in checks.run("table", table)]
    if declared.declaration.normalise_ids:
        tables, notes = normalised(tables)
        problems += notes
    problems += (joined := checks.run("joined", tables))
    tables = tables.without({problem.where for problem in joined if problem.code == "TRANSPOSED"})
    found = set(all_ids(tables.with_ids()))
    gone = without_research_consent(tables)
    if found and found == gone:
        remedy = "Look at [consent] research and its column."
        problems.append(Problem("CONSENT_NOBODY", "no patient consents to research", remedy))
        return _Outcome(_once(problems))
    tables = remove(tables, gone)
    problems += checks.run("cohort", tables)
    parts, sources = parts_of(tables), tables.sources
    del tables  # as large as the cohort, and needed no more
    problems += _of_parts(parts)
    told = _once(problems)
    if any(problem.severity == "error" for problem in told):
        return _Outcome(told)
    return _Outcome(told, cohort_of(parts, found=found, gone=gone, problems=list(told), sources=sources))


def _of_parts(parts: Parts) -> list[Problem]:
    found = []
    for block in parts.blocks:
        found += checks.run("cells", block.cells or block) + checks.run("block", block)
    return found + checks.run("assembled", parts)


def _once(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return each problem once: a file that is read for two parts of the declaration says all of it twice."""
    return tuple(dict.fromkeys(problems))
