"""The one loop: joblib over tasks, serial, in threads, in processes or on a Dask cluster, with one answer."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType

PREFERRED = "processes"
"""Where several workers run unless ``joblib.parallel_config`` says otherwise (benchmarks/executor.py)."""


@dataclass(frozen=True)
class Shared:
    """What all tasks use, shipped to each worker once.

    joblib gives processes a view of one file for each large array in it; Dask sends it ahead of the tasks
    when it says that it is large.
    """

    content: Any
    n_bytes: int

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.n_bytes


@dataclass(frozen=True)
class Failed:
    """What a task gives in place of an answer: the error, which ends the loop only where it is read."""

    error: Exception


def run_tasks(
    work: Callable[[Any, Any], Any], shared: Shared, tasks: Sequence[Any], *, n_jobs: int
) -> Generator[tuple[int, Any]]:
    """Yield (number of the task, its answer or ``Failed``) as the tasks end, in any order.

    Parameters
    ----------
    work : callable
        Takes the shared content and a task; to be found by its name in a module.
    shared : Shared
        Read-only for the tasks.
    tasks : sequence
        Small things that can be pickled.
    n_jobs : int
        Workers; -1 for all cores. Dask uses its whole cluster.

    Notes
    -----
    Closing the generator cancels what has not begun.
    """
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend(prefer=PREFERRED)
    how = "generator_unordered" if getattr(backend, "supports_return_generator", False) else "list"
    parallel = Parallel(n_jobs=n_jobs, prefer=PREFERRED, return_as=how, batch_size=1)
    answers = parallel(delayed(_attempt)(work, shared, number, task) for number, task in enumerate(tasks))
    if how == "list":
        yield from answers
        return
    with closing(answers):
        yield from answers


def _attempt(work: Callable[[Any, Any], Any], shared: Shared, number: int, task: Any) -> tuple[int, Any]:
    from joblib import parallel_config

    with _STEADY, parallel_config(backend="sequential"):
        try:
            return number, work(shared.content, task)
        except Exception as error:
            return number, Failed(error)


class _Steady:
    """Holds what belongs to the whole process while any task runs in it.

    BLAS and OpenMP have one thread, and no warning is shown or turned into an error: a hundred refits would
    say the same thing. Both are set by the first task to begin and put back by the last to end, for threads
    that set and put them back each for itself would leave behind what another had set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._running:
                self._stack.enter_context(threadpool_limits(limits=1))
                self._stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            self._running += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._stack.close()


_STEADY = _Steady()


@contextmanager
def counted(progress: Any, total: int, *, done: int = 0) -> Iterator[Callable[[], None]]:
    """Give a function to call after each task: it moves a bar, or calls ``progress(done, total)``."""
    if callable(progress):
        count = done

        def step() -> None:
            nonlocal count
            count += 1
            progress(count, total)

        yield step
    elif progress:
        from tqdm.auto import tqdm

        with tqdm(total=total, initial=done, desc="refits", unit="refit", file=sys.stderr) as bar:
            yield lambda: bar.update() and None
    else:
        yield lambda: None


def bytes_of(thing: Any) -> int:
    """Return the bytes of all arrays in nested dataclasses, tuples and lists."""
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if isinstance(thing, tuple | list):
        return sum(bytes_of(part) for part in thing)
    return sum(bytes_of(part) for part in vars(thing).values()) if hasattr(thing, "__dict__") else 0
