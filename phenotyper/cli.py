"""The command ``phenotyper``: one sub-command a public verb. Heavy imports stay inside the commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from phenotyper import __version__
from phenotyper.errors import PhenotyperError

INTERRUPTED = 130
DEFECT = 1
BAD_INPUT = 2

EPILOG = """\
exit codes: 0 done (also when no subphenotype is found), 2 bad input (nothing written), 4 disk, lock or
permission, 1 a defect of ours, 130 interrupted. For research only, not a medical device.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        return command(chosen)
    except PhenotyperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; nothing was kept.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="phenotyper",
        description="Unsupervised patient phenotyping: from a cohort's files to candidate subphenotypes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"phenotyper {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_check(commands)
    _add_run(commands)
    return parser


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="write the demo cohort and run a whole study on it")
    demo.add_argument("--out", default="results/demo", metavar="DIR", help="folder to write (default: %(default)s)")
    _add_common(demo)
    demo.set_defaults(command=_demo)


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="list every problem of a cohort's files; nothing is written")
    check.add_argument("cohort", metavar="COHORT", help="cohort.toml, its folder, or an .h5mu file")
    check.set_defaults(command=_check)


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="fit, profile, tables, figures and an executed notebook, in one folder")
    run.add_argument("cohort", metavar="COHORT", help="cohort.toml, its folder, or an .h5mu file")
    run.add_argument("--out", required=True, metavar="DIR", help="folder to write, whole or not at all")
    run.add_argument("--adjust-for", type=_words, default=(), metavar="A,B", help="covariates to take out: age,sex,site,batch or declared ones")
    run.add_argument("--blocks", type=_words, default=None, metavar="A,B", help="blocks to use (default: all)")
    run.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default: %(default)s)")
    run.add_argument("--n-factors", type=int, metavar="N", help="latent factors (default: found from the data)")
    run.add_argument("--n-neighbors", type=int, metavar="N", help="neighbours of the layouts (default: by cohort size)")
    run.add_argument("--min-cluster-size", type=int, metavar="N", help="least patients of a subphenotype (default: 5 %%, at least 10)")
    run.add_argument("--n-layouts", type=int, default=10, metavar="N", help="layouts that are combined (default: %(default)s)")
    _add_common(run)
    run.set_defaults(command=_run)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n-jobs", type=int, default=1, metavar="N", help="processes; -1 for all cores (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR once the new one is whole")
    parser.add_argument("--no-notebook", action="store_true", help="do not write and execute analysis.ipynb")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _demo(chosen: argparse.Namespace) -> int:
    from phenotyper.study import run_demo

    study = run_demo(out=chosen.out, **_common(chosen))
    print(*study.sentences(), sep="\n")
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from phenotyper.cohort.read import check_cohort

    report = check_cohort(chosen.cohort)
    print(report)
    return 0 if report.ok else BAD_INPUT


def _run(chosen: argparse.Namespace) -> int:
    from phenotyper.discover.recipe import Recipe
    from phenotyper.study import run_study

    recipe = Recipe(
        adjust_for=chosen.adjust_for,
        seed=chosen.seed,
        blocks=chosen.blocks,
        n_factors=chosen.n_factors,
        n_neighbors=chosen.n_neighbors,
        min_cluster_size=chosen.min_cluster_size,
        n_layouts=chosen.n_layouts,
    )
    study = run_study(chosen.cohort, out=chosen.out, recipe=recipe, **_common(chosen))
    print(*study.sentences(), sep="\n")
    return 0


def _common(chosen: argparse.Namespace) -> dict[str, Any]:
    return {
        "n_jobs": chosen.n_jobs,
        "overwrite": chosen.overwrite,
        "notebook": not chosen.no_notebook,
        "progress": not chosen.quiet,
    }
