"""The command ``phenotyper``: one sub-command a public verb. Heavy imports stay inside the commands."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from phenotyper import __version__
from phenotyper.errors import PhenotyperError, PhenotyperWarning, listed, number_of

if TYPE_CHECKING:
    from phenotyper.study import Study

INTERRUPTED = 130
DEFECT = 1
BAD_INPUT = 2

EPILOG = """\
exit codes: 0 done (also when no subphenotype is found), 2 bad input (nothing written), 4 disk, lock or
permission, 1 a defect of ours, 130 interrupted. For research only, not a medical device.
"""
EXAMPLE = "example: phenotyper run cohort.toml --out results/asthma --adjust-for age,site"
PLACING = "example: phenotyper assign results/asthma second/cohort.toml --out placed.csv"
SIMULATION = "example: phenotyper simulate planted --n 300 --seed 1 --share-missing 0.1 --out results/planted"
SIMULATED: dict[str, tuple[type, str, str]] = {
    "n": (int, "N", "patients"),
    "n-features": (int, "N", "features over all blocks"),
    "n-groups": (int, "N", "planted groups"),
    "n-blocks": (int, "N", "blocks"),
    "separation": (float, "X", "distance of groups in an informative feature, in standard deviations"),
    "share-informative": (float, "X", "share of informative features"),
    "share-without": (float, "X", "share of patients in no group"),
    "share-missing": (float, "X", "share of values missing"),
    "share-absent": (float, "X", "share of patient-blocks absent"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _never_fail_to_print()
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    if not given:
        parser.print_help(sys.stderr)
        return BAD_INPUT
    chosen = parser.parse_args(given)
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        with _plain_warnings():
            return command(chosen)
    except PhenotyperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except KeyboardInterrupt:
        print("Interrupted; nothing of this run was kept.", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        import traceback

        traceback.print_exc()
        print(
            "This is a defect of phenotyper, nothing was written: please report the lines above.",
            file=sys.stderr,
        )
        return DEFECT


def _never_fail_to_print() -> None:
    """Write what a terminal cannot show as escapes: a finished run must not end in an encoding error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print our own warnings as a sentence, without the line of code."""
    import warnings

    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, PhenotyperWarning):
            print(f"Warning: {message}", file=sys.stderr)
        else:
            usual(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


class _Parser(argparse.ArgumentParser):
    """A parser whose errors say where help is."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BAD_INPUT, f"{self.prog}: {message}\nSee {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="phenotyper",
        description="Unsupervised patient phenotyping: from a cohort's files to candidate subphenotypes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"phenotyper {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_init(commands)
    _add_check(commands)
    _add_run(commands)
    _add_assign(commands)
    _add_simulate(commands)
    return parser


def _add_demo(commands: Any) -> None:
    about = "write the demo cohort and run a whole study on it"
    demo = commands.add_parser("demo", help=about, description=_capital(about), allow_abbrev=False)
    demo.add_argument("--out", default="results/demo", metavar="DIR", help="folder to write (%(default)s)")
    _add_common(demo)
    demo.set_defaults(command=_demo)


def _add_init(commands: Any) -> None:
    about = "look at the files of a folder and draft cohort.toml, with what could not be decided marked"
    init = commands.add_parser("init", help=about, description=_capital(about), allow_abbrev=False)
    init.add_argument(
        "folder", metavar="FOLDER", help="folder of the tables (folders inside it are not read)"
    )
    place = "file to write, its dictionary.csv beside it (FOLDER/cohort.toml)"
    init.add_argument("--out", metavar="FILE", help=place)
    init.add_argument("--overwrite", action="store_true", help="replace an earlier draft")
    init.set_defaults(command=_init)


def _add_check(commands: Any) -> None:
    about = "list every problem of a cohort's files; nothing is written"
    check = commands.add_parser("check", help=about, description=_capital(about), allow_abbrev=False)
    check.add_argument("cohort", metavar="COHORT", help="cohort.toml, its folder, or an .h5mu file")
    check.set_defaults(command=_check)


def _add_run(commands: Any) -> None:
    about = "fit, profile, tables, figures and an executed notebook, in one folder"
    run = commands.add_parser(
        "run", help=about, description=_capital(about), epilog=EXAMPLE, allow_abbrev=False
    )
    add = run.add_argument
    add("cohort", metavar="COHORT", help="cohort.toml, its folder, or an .h5mu file")
    add("--out", required=True, metavar="DIR", help="folder to write, whole or not at all")
    covariates = "what to take out, or none: age, sex, site, batch, covariates (age, if any is under 18)"
    add("--adjust-for", type=_covariates, metavar="A,B", help=covariates)
    add("--blocks", type=_words, metavar="A,B", help="blocks to use (all)")
    add("--seed", type=int, default=0, metavar="N", help="same seed, same bytes (%(default)s)")
    add("--n-factors", type=_numbers, metavar="N,..", help="latent factors (found from the data)")
    add("--n-neighbors", type=_numbers, metavar="N,..", help="neighbours of the layouts (by cohort size)")
    least = "least patients of a group (5 and 8 %%, at least 10)"
    add("--min-cluster-size", type=_numbers, metavar="N,..", help=least)
    add("--min-samples", type=_numbers, metavar="N,..", help="patients that make a place dense (5,10,15)")
    layouts = "layouts for each number of factors and neighbours (%(default)s)"
    add("--n-layouts", type=int, default=10, metavar="N", help=layouts)
    add("--integration", metavar="NAME", help="factors, concat, graph, snf, mofa (factors)")
    methods = "hdbscan, kmeans, mixture, latent_class, leiden (hdbscan)"
    add("--method", metavar="NAME", help=methods)
    add("--top-features", type=int, metavar="N", help="of each block the N features that vary most (all)")
    add("--max-missing", type=float, metavar="X", help="features missing in a larger share are left out (.8)")
    _add_common(run)
    run.set_defaults(command=_run)


def _add_assign(commands: Any) -> None:
    about = "place the patients of another cohort among the subphenotypes of a finished run"
    assign = commands.add_parser(
        "assign", help=about, description=_capital(about), epilog=PLACING, allow_abbrev=False
    )
    add = assign.add_argument
    add("found", metavar="RUN", help="folder that run wrote, or its private/phenotypes")
    add("cohort", metavar="COHORT", help="cohort.toml, its folder, or an .h5mu file")
    add("--out", required=True, metavar="FILE", help="table to write (.csv), one row a patient, with ids")
    add("--overwrite", action="store_true", help="replace FILE")
    add("--quiet", action="store_true", help="no warnings")
    assign.set_defaults(command=_assign)


def _add_simulate(commands: Any) -> None:
    about = "write a simulated cohort of a named family, its truth beside it"
    simulate = commands.add_parser(
        "simulate", help=about, description=_capital(about), epilog=SIMULATION, allow_abbrev=False
    )
    add = simulate.add_argument
    add("family", nargs="?", metavar="FAMILY", help="name of the family")
    add("--list", action="store_true", help="list the families")
    add("--out", metavar="DIR", help="folder to write, whole or not at all")
    add("--seed", type=int, default=0, metavar="N", help="same seed, same bytes (%(default)s)")
    for name, (kind, metavar, said) in SIMULATED.items():
        add(f"--{name}", type=kind, metavar=metavar, help=f"{said} (the family's own)")
    add("--missing", default="mcar", metavar="WHY", help="mcar, or mar: by another feature (%(default)s)")
    add("--overwrite", action="store_true", help="replace an earlier cohort in DIR")
    simulate.set_defaults(command=_simulate, complain=simulate.error)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--n-jobs", type=_workers, default=1, metavar="N", help="threads; -1 for all cores (%(default)s)")
    add("--overwrite", action="store_true", help="replace an earlier run in DIR once the new one is whole")
    add("--no-notebook", action="store_true", help="do not write and execute analysis.ipynb")
    add("--quiet", action="store_true", help="no progress bar and no count of warnings")


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _covariates(text: str) -> tuple[str, ...]:
    return () if text.strip().lower() == "none" else _words(text)


def _numbers(text: str) -> int | tuple[int, ...]:
    try:
        numbers = tuple(int(word) for word in _words(text))
    except ValueError:
        numbers = ()
    if not numbers:
        message = f"{text!r} is no number, nor several with commas between them"
        raise argparse.ArgumentTypeError(message)
    return numbers[0] if len(numbers) == 1 else numbers


def _workers(text: str) -> int:
    if not re.fullmatch(r"-?[1-9]\d*", text):
        message = f"{text!r} is no number of threads: give 1 or more, or -1 for all cores"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _demo(chosen: argparse.Namespace) -> int:
    from phenotyper.study import run_demo

    return _say(run_demo(out=chosen.out, **_common(chosen)), quiet=chosen.quiet)


def _init(chosen: argparse.Namespace) -> int:
    from phenotyper.cohort.draft import draft_cohort

    out = chosen.out if chosen.out is not None else chosen.folder
    print(draft_cohort(chosen.folder, out=out, overwrite=chosen.overwrite))
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from phenotyper.cohort.read import check_cohort

    report = check_cohort(chosen.cohort, progress=True)
    print(report)
    return 0 if report.ok else BAD_INPUT


def _run(chosen: argparse.Namespace) -> int:
    from dataclasses import fields

    from phenotyper.discover.recipe import Recipe
    from phenotyper.study import run_study

    names = {field.name for field in fields(Recipe)}
    given = {name: value for name, value in vars(chosen).items() if name in names and value is not None}
    recipe = Recipe(**given)
    study = run_study(chosen.cohort, out=chosen.out, recipe=recipe, **_common(chosen))
    return _say(study, quiet=chosen.quiet)


def _assign(chosen: argparse.Namespace) -> int:
    from pathlib import Path

    from phenotyper.cohort.read import read_cohort
    from phenotyper.discover.assign import assign
    from phenotyper.discover.phenotypes import load_phenotypes
    from phenotyper.errors import OutputError, Problem, ResultError

    out, run = Path(chosen.out), Path(chosen.found)
    if out.suffix.lower() != ".csv":
        raise OutputError(
            Problem("TABLE_FORMAT", f'{out.name} does not end in ".csv"', "Give a .csv: --out placed.csv.")
        )
    if out.exists() and not chosen.overwrite:
        raise OutputError(Problem("EXISTS", f"{out} exists already", "Choose another file, or --overwrite."))
    inner = run / "private" / "phenotypes"
    try:
        found = load_phenotypes(inner if inner.is_dir() else run)
    except ResultError as error:
        if error.codes != ("RESULT_ABSENT",):
            raise
        remedy = "Give the folder that `phenotyper run` wrote."
        raise ResultError(Problem("RESULT_ABSENT", f"{run} holds no finished run", remedy)) from error
    placed = assign(found, read_cohort(chosen.cohort, quiet=chosen.quiet), quiet=True)
    placed.to_csv(out)
    print(f"{out}: {placed.sentence()}")
    if not chosen.quiet:
        for problem in placed.problems:
            print(f"Warning: {problem.text()}", file=sys.stderr)
    return 0


def _simulate(chosen: argparse.Namespace) -> int:
    from phenotyper.datasets.families import families, simulate_family
    from phenotyper.files import whole_folder

    if chosen.list:
        for family in families().to_dict("records"):
            print(f"{family['name']:<22} {family['expected']:<10} {family['about']}")
        return 0
    if chosen.family is None or chosen.out is None:
        chosen.complain("give FAMILY and --out, or --list")
    given = {name: getattr(chosen, name.replace("-", "_")) for name in SIMULATED}
    given["n-patients"] = given.pop("n")
    settings = {name.replace("-", "_"): value for name, value in given.items()}
    cohort = simulate_family(chosen.family, seed=chosen.seed, missing=chosen.missing, **settings)
    with whole_folder(chosen.out, overwrite=chosen.overwrite, marker="truth.csv") as folder:
        cohort.write(folder)
    print(f"{chosen.out}: {cohort!r}")
    return 0


def _common(chosen: argparse.Namespace) -> dict[str, Any]:
    return {
        "n_jobs": chosen.n_jobs,
        "overwrite": chosen.overwrite,
        "notebook": not chosen.no_notebook,
        "progress": not chosen.quiet,
    }


def _say(study: Study, *, quiet: bool) -> int:
    """Print what was found; the count of warnings goes to stderr."""
    print(*study.sentences(), sep="\n")
    if study.note:
        print(study.note)
    if study.warnings and not quiet:
        count = len(study.warnings)
        codes = listed(dict.fromkeys(problem.code for problem in study.warnings))
        said = f"The cohort was read with {number_of(count, 'warning')} ({codes})"
        print(f"{said}: share/summary.md lists what was odd.", file=sys.stderr)
    return 0
