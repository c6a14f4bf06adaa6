"""Everything that is refitted goes through here: the same answer wherever it runs, kept, resumed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.cohort.blocks import Blocks
from phenotyper.discover.fitting import fit_blocks
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import PhenotyperError, Problem, RecipeError
from phenotyper.refit.brought import Brought, brought_along, register, texts_of
from phenotyper.refit.keep import Keep, digest, key_of
from phenotyper.refit.loop import Failed, Shared, bytes_of, counted, run_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from phenotyper.discover.recipe import Progress

NOT_IN_JOB = -2

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class Job:
    """One refit.

    Parameters
    ----------
    recipe : Recipe
        With the seed of this refit (see ``draws.spawn_recipes``).
    rows : ndarray of int, optional
        Patients that take part, as rows of the blocks, each once; by default all. Their order
        does not matter.
    tag : str
        What an error of this refit is reported with.
    source : int
        Which of several ``Blocks`` is refitted: a twin, or residuals.

    Raises
    ------
    ValueError
        A row stands twice, or there is none.
    """

    recipe: Recipe
    rows: NDArray[np.intp] | None = None
    tag: str = ""
    source: int = 0

    def __post_init__(self) -> None:
        if self.rows is None:
            return
        rows = np.unique(np.asarray(self.rows, dtype=np.intp))
        if len(rows) != np.size(self.rows) or not len(rows):
            message = f"job {self.tag!r} needs rows that each stand once, and one at least"
            raise ValueError(message)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True, eq=False)
class Refit:
    """What a refit found, over all n patients of the blocks.

    Parameters
    ----------
    tag : str
        Of the job.
    labels : ndarray of int, shape (n,)
        0 for the largest group and so on; -1 unassigned, -2 not in the job.
    memberships : ndarray of float32, shape (n, k)
        Membership in each group; NaN for patients who are not in the job.
    agreement : float
        Mean agreement of the runs within the fit; NaN when there were none.
    seconds : float
        Of the processor, when it was made.
    """

    tag: str
    labels: NDArray[np.intp]
    memberships: NDArray[np.float32]
    agreement: float
    seconds: float

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return self.memberships.shape[1]

    @property
    def coverage(self) -> float:
        """Share of the patients of the job who are in a group."""
        return float((self.labels >= 0).sum() / (self.labels != NOT_IN_JOB).sum())


def refit(
    blocks: Blocks | Sequence[Blocks],
    jobs: Sequence[Job],
    *,
    n_jobs: int = 1,
    keep: Path | None = None,
    progress: Progress = False,
) -> tuple[Refit, ...]:
    """Run jobs and return what they found, in their order.

    The answer does not depend on the number of workers, on where they run or on which ends first: whatever is
    random follows from each job's recipe. ``joblib.parallel_config`` chooses where: "loky" (processes, the
    default of several workers), "threading", or "dask" (all of the client's cluster, whatever ``n_jobs``).

    Parameters
    ----------
    blocks : Blocks or sequence of Blocks
        Patients in canonical order; ``Job.source`` chooses among several.
    jobs : sequence of Job
        Two that ask for the same are run once.
    n_jobs : int
        Workers; -1 for all cores.
    keep : Path, optional
        Folder in which finished refits are kept and looked for; after an interruption only the others are
        run. It holds patients' groups, without ids.
    progress : bool or callable
        A bar with the time left, or called with (done, in all).

    Returns
    -------
    tuple of Refit

    Raises
    ------
    RecipeError
        RECIPE_SETTING: ``n_jobs`` is 0.
    PhenotyperError
        Of the first refit that fails, with its tag; those that ended before are kept.
    ValueError
        A job names rows or a source that are not there.
    """
    if n_jobs == 0:
        raise RecipeError(Problem("RECIPE_SETTING", "n_jobs is 0", "Give 1 or more, or -1 for all cores."))
    sources = (blocks,) if isinstance(blocks, Blocks) else tuple(blocks)
    _check(sources, jobs)
    store = None if keep is None else Keep(keep)
    brought = brought_along(job.recipe for job in jobs)
    keys = _keys(sources, jobs, brought, by_content=store is not None)
    wanted = {key: job for key, job in zip(reversed(keys), reversed(jobs), strict=True)}
    found = {} if store is None else _kept(store, wanted, sources)
    todo = [key for key in dict.fromkeys(keys) if key not in found]
    shared = Shared((sources, brought), bytes_of(sources))
    answers = run_tasks(_fit, shared, [wanted[key] for key in todo], n_jobs=min(n_jobs, max(len(todo), 1)))
    with counted(progress, len(wanted), done=len(found)) as step, closing(answers):
        for number, answer in answers:
            if isinstance(answer, Failed):
                raise _with_tag(answer.error, wanted[todo[number]].tag)
            found[todo[number]] = answer
            if store is not None:
                store.write(todo[number], answer)
            step()
    return tuple(_refit_of(found[key], job.tag) for key, job in zip(keys, jobs, strict=True))


def _fit(shared: tuple[tuple[Blocks, ...], Brought], job: Job) -> Arrays:
    """Run one job in a worker."""
    sources, brought = shared
    register(brought)
    blocks = sources[job.source]
    rows = np.arange(blocks.n_patients) if job.rows is None else job.rows
    start = time.thread_time()
    fitted = fit_blocks(job.recipe, blocks if job.rows is None else blocks.rows(rows))
    seconds = time.thread_time() - start
    labels = np.full(blocks.n_patients, NOT_IN_JOB, dtype=np.intp)
    labels[rows] = fitted.labels
    memberships = np.full((blocks.n_patients, fitted.memberships.shape[1]), np.nan, dtype=np.float32)
    memberships[rows] = fitted.memberships
    figures = np.array([fitted.consensus.mean_agreement, seconds])
    return {"labels": labels, "memberships": memberships, "figures": figures}


def _refit_of(answer: Arrays, tag: str) -> Refit:
    agreement, seconds = answer["figures"].tolist()
    return Refit(tag, answer["labels"], answer["memberships"], agreement, seconds)


def _kept(store: Keep, wanted: Mapping[str, Job], sources: Sequence[Blocks]) -> dict[str, Arrays]:
    """Return what is kept of the jobs; a file that does not hold what it should is left out."""
    found = {}
    for key, job in wanted.items():
        answer = store.read(key)
        if answer is not None and _whole(answer, job, sources[job.source].n_patients):
            found[key] = answer
    return found


def _whole(answer: Arrays, job: Job, n: int) -> bool:
    if set(answer) != {"labels", "memberships", "figures"}:
        return False
    labels, memberships, figures = answer["labels"], answer["memberships"], answer["figures"]
    inside = np.zeros(n, dtype=bool)
    inside[slice(None) if job.rows is None else job.rows] = True
    return (
        labels.shape == (n,)
        and memberships.ndim == 2
        and len(memberships) == n
        and labels.max() < memberships.shape[1]
        and figures.shape == (2,)
        and bool((inside == (labels != NOT_IN_JOB)).all())
    )


def _keys(sources: Sequence[Blocks], jobs: Sequence[Job], brought: Brought, *, by_content: bool) -> list[str]:
    """Name each job by all that decides its answer: blocks, recipe, rows, functions of the user's own."""
    names = [digest(source) if by_content else str(number) for number, source in enumerate(sources)]
    own = texts_of(brought)
    return [key_of(names[job.source], job.recipe.to_dict(), job.rows, own) for job in jobs]


def _check(sources: Sequence[Blocks], jobs: Sequence[Job]) -> None:
    for job in jobs:
        if not 0 <= job.source < len(sources):
            message = f"job {job.tag!r} asks for source {job.source}; there are {len(sources)}"
            raise ValueError(message)
        n = sources[job.source].n_patients
        if job.rows is not None and (job.rows[0] < 0 or job.rows[-1] >= n):
            message = f"job {job.tag!r} asks for rows up to {job.rows[-1]}; there are {n} patients"
            raise ValueError(message)


def _with_tag(error: Exception, tag: str) -> Exception:
    """Return the error with the tag of its refit."""
    if isinstance(error, PhenotyperError) and tag:
        problems = [replace(one, message=f"in the refit {tag!r}: {one.message}") for one in error.problems]
        return type(error)(problems).with_traceback(error.__traceback__)
    error.add_note(f"in the refit {tag!r}")
    return error
