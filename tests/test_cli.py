"""The command line: what it says, where, and with which exit code."""

import io
import json
import re
import subprocess
import sys
import warnings

import cohort_factory
import pytest
from study_factory import ids_of, keep_only, listing, small_cohort

from phenotyper import __version__, cli, study
from phenotyper.cli import main
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import PhenotyperWarning
from phenotyper.files import sha256_of

QUICK = ("--n-layouts", "2", "--no-notebook")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return small_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture
def spoiled(tmp_path):
    """Return a cohort.toml with errors in three files, and a warning."""
    sound = cohort_factory.sound()
    sound.set("labs.csv", "crp", 4, "<0.5")
    sound.set("labs.csv", "patient_id", 6, "P001")
    sound.set("clinical.csv", "days", 3, "-4")
    sound.declared["outcomes"]["relapsed"]["event"] = "maybe"
    sound.tables["microbes.tsv"]["Taxon 3"] = "0"
    (tmp_path / "cohort").mkdir()
    return sound.write(tmp_path / "cohort")


@pytest.fixture
def no_pictures(monkeypatch):
    """Draw nothing, where pictures are not what a test is about."""
    monkeypatch.setattr(study, "_pictures", lambda *_: ({}, {}))


def asked(capsys, *arguments):
    """Return exit code, stdout and stderr of a command."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err


# Help


def test_help_in_a_process_of_its_own_lists_commands_and_exit_codes():
    done = subprocess.run([sys.executable, "-m", "phenotyper", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    for word in ("demo", "check", "run", "exit codes: 0 done", "130 interrupted", "not a medical device"):
        assert word in done.stdout


def test_the_command_alone_shows_the_help_and_fails(capsys):
    code, out, err = asked(capsys)
    assert (code, out) == (2, "")
    assert "usage: phenotyper" in err
    assert "list every problem of a cohort's files" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "invalid choice: 'chekc' (choose from demo, check, run)\nSee phenotyper --help."),
        (["run"], "required: COHORT, --out\nSee phenotyper run --help."),
        (["run", "x"], "phenotyper run: the following arguments are required: --out\n"),
        (["check"], "required: COHORT\nSee phenotyper check --help."),
        (["run", "x", "--out", "y", "--seed", "one"], "argument --seed: invalid int value: 'one'"),
        (["run", "x", "--out", "y", "--n-jobs", "0"], "give 1 or more, or -1 for all cores"),
        (["run", "x", "--out", "y", "--n-jobs", "two"], "'two' is no number of threads"),
        (["run", "x", "--out", "y", "--overwrit"], "unrecognized arguments: --overwrit"),
        (["run", "x", "--out", "y", "--adjust-for", "age", "site"], "unrecognized arguments: site"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_be_understood_says_why_and_where_help_is(capsys, arguments, said):
    code, out, err = asked(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said.replace("(choose from demo, check, run)", "") in re.sub(r"\(choose from .*?\)", "", err)
    assert err.startswith("usage: phenotyper")
    assert err.endswith(" --help.\n")


def test_the_version_is_told(capsys):
    assert asked(capsys, "--version") == (0, f"phenotyper {__version__}\n", "")


def test_help_of_run_shows_every_setting_and_an_example(capsys):
    code, out, _ = asked(capsys, "run", "--help")
    assert code == 0
    for word in (
        "--adjust-for A,B",
        "--n-layouts N",
        "(10)",
        "--overwrite",
        "example: phenotyper run",
    ):
        assert word in out


# check


def test_check_of_a_sound_cohort_says_so_and_writes_nothing(capsys, cohort):
    before = {name: sha256_of(cohort / name) for name in listing(cohort)}
    code, out, err = asked(capsys, "check", cohort / "cohort.toml")
    assert (code, err) == (0, "")
    assert out == f"{cohort}/cohort.toml can be used: 118 patients, 0 warnings.\n"
    assert {name: sha256_of(cohort / name) for name in listing(cohort)} == before


def test_check_prints_warnings_too(capsys, tmp_path):
    sound = cohort_factory.sound()
    sound.tables["microbes.tsv"]["Taxon 3"] = "0"
    sound.tables["labs.csv"]["wbc"] = ""
    code, out, _ = asked(capsys, "check", sound.write(tmp_path))
    assert code == 0
    assert "can be used: 40 patients, 2 warnings." in out
    assert "  1. warning ALL_MISSING: 1 feature of block labs without a value: wbc. " in out
    assert "  2. warning CONSTANT: 1 feature of block microbes " in out


def test_check_lists_every_problem_at_once(capsys, spoiled):
    code, out, err = asked(capsys, "check", spoiled)
    assert (code, err) == (2, "")
    assert "is refused: 4 errors, 1 warning." in out
    codes = re.findall(r"^  \d\. (\w+) (\w+): ", out, flags=re.MULTILINE)
    assert sorted(codes[:4]) == [("error", code) for code in ("COERCE", "DUP_ID", "EVENT_CODES", "NEG_TIME")]
    assert codes[4:] == [("warning", "CONSTANT")]


def test_a_cohort_that_is_not_there_is_bad_input(capsys, tmp_path):
    code, out, _ = asked(capsys, "check", tmp_path / "absent.toml")
    assert code == 2
    assert "error FILE_ABSENT: absent.toml is not in " in out


# run


def test_run_prints_three_sentences_and_the_bar_elsewhere(capsys, cohort, tmp_path):
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "a" / "run", *QUICK)
    assert code == 0
    first, second, third = out.splitlines()
    about = json.loads((tmp_path / "a" / "run" / "run.json").read_text())
    assert first.lower() == f"{about['finding']['sentence'].lower()}."
    assert "xacerbation, proportion (95 % interval): " in second
    assert third.startswith(f"Look at {tmp_path}/a/run: ")
    steps = re.findall(r"(\w+): +(\d+)%.*?\| (\d+) of (\d+) steps, \S+ gone, (\S+) left", err)
    assert [stage for stage in dict.fromkeys(step[0] for step in steps)] == ["layouts", "profile", "figures"]
    assert {step[3] for step in steps} == {"10"}
    done = [int(step[2]) for step in steps]
    assert done == sorted(done)
    assert steps[-1][1:] == ("100", "10", "10", "00:00")
    assert not (tmp_path / "a" / "run" / "analysis.ipynb").exists()


@pytest.mark.usefixtures("no_pictures")
def test_every_setting_reaches_the_recipe_and_quiet_is_quiet(capsys, cohort, tmp_path):
    settings = ["--adjust-for", "age, sex", "--blocks", "labs,lifestyle", "--seed", "5", "--n-factors", "3"]
    settings += ["--n-neighbors", "12", "--min-cluster-size", "11", "--quiet"]
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "run", *QUICK, *settings)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 3
    recipe = Recipe(("age", "sex"), 5, ("labs", "lifestyle"), 3, 12, min_cluster_size=11, n_layouts=2)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recipe"] == recipe.to_dict()


@pytest.mark.usefixtures("no_pictures")
def test_no_subphenotypes_is_a_good_answer(capsys, cohort, tmp_path):
    nobody = ("--min-cluster-size", "59", "--quiet")
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "run", *QUICK, *nobody)
    assert (code, err) == (0, "")
    assert out.startswith("No subphenotypes")
    assert "\nIn the whole cohort, Exacerbation, " in out
    assert "share/summary.md" in listing(tmp_path / "run")


@pytest.mark.usefixtures("no_pictures")
def test_run_counts_the_warnings_unless_it_is_to_be_quiet(capsys, tmp_path):
    sound = cohort_factory.sound()
    sound.tables["microbes.tsv"]["Taxon 3"] = "0"
    sound.tables["labs.csv"]["wbc"] = ""
    (tmp_path / "cohort").mkdir()
    path = sound.write(tmp_path / "cohort")
    code, out, err = asked(capsys, "run", path, "--out", tmp_path / "run", *QUICK)
    assert code == 0
    assert len(out.splitlines()) == 3
    assert "The cohort was read with 2 warnings (ALL_MISSING, CONSTANT): share/summary.md lists" in err
    code, _, err = asked(capsys, "run", path, "--out", tmp_path / "run", "--overwrite", "--quiet", *QUICK)
    assert (code, err) == (0, "")


def test_run_of_a_spoiled_cohort_lists_every_problem_and_writes_nothing(capsys, spoiled, tmp_path):
    code, out, err = asked(capsys, "run", spoiled, "--out", tmp_path / "a" / "b" / "run")
    assert (code, out) == (2, "")
    assert err.startswith("CohortError: 4 problems\n")
    assert all(f"{name}: " in err for name in ("DUP_ID", "NEG_TIME", "EVENT_CODES", "COERCE"))
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]


def test_five_patients_are_refused_with_the_number_needed(capsys, tmp_path):
    cohort = small_cohort(tmp_path / "cohort", n_patients=20)
    keep_only(cohort, set(ids_of(cohort)[:5]))
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "a" / "run", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("FitError MIN_N: the cohort has 5 patients with data; these settings need 20")
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ["--blocks", "labz"],
            "RecipeError BLOCK_UNKNOWN: blocks names labz, which the cohort",
        ),
        (["--adjust-for", "smoke"], "RecipeError COVARIATE_UNKNOWN: adjust_for names smoke"),
        (["--seed", "-1"], "RecipeError RECIPE_SETTING: seed is -1."),
        (["--n-layouts", "0"], "RecipeError RECIPE_SETTING: n_layouts is 0."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_setting_that_cannot_be_is_bad_input_and_nothing_is_written(capsys, cohort, tmp_path, option, said):
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "a" / "run", "--quiet", *option)
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_needs_overwrite(capsys, cohort, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").touch()
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "run", *QUICK)
    assert (code, out) == (4, "")
    assert err.startswith(f"OutputError EXISTS: {tmp_path}/run was not written by phenotyper")
    (tmp_path / "run" / "run.json").touch()
    code, _, err = asked(capsys, "run", cohort, "--out", tmp_path / "run", *QUICK)
    assert code == 4
    assert err.startswith(
        f"OutputError EXISTS: {tmp_path}/run exists already. Choose another folder, or overwrite"
    )
    code, out, _ = asked(capsys, "demo", "--out", tmp_path / "run", "--quiet")
    assert (code, out) == (4, "")


def test_control_c_ends_with_130_and_nothing_is_left(capsys, cohort, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "profile", interrupted)
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "a" / "run", "--quiet", *QUICK)
    assert (code, out) == (130, "")
    assert err == "Interrupted; nothing of this run was kept.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_defect_of_ours_ends_with_1_and_the_lines_to_report(capsys, cohort, tmp_path, monkeypatch):
    def broken(*_, **__):
        return 1 / 0

    monkeypatch.setattr(study, "profile", broken)
    code, out, err = asked(capsys, "run", cohort, "--out", tmp_path / "a" / "run", "--quiet", *QUICK)
    assert (code, out) == (1, "")
    assert "ZeroDivisionError: division by zero\nThis is a defect of phenotyper" in err
    assert list(tmp_path.iterdir()) == []


def test_demo_hands_on_its_options_and_prints_the_note(capsys, monkeypatch):
    given = {}

    class Ran:
        note, warnings = "The truth is known.", ()

        def sentences(self):
            return "One.", "Two.", "Three."

    def run_demo(**options):
        given.update(options)
        return Ran()

    monkeypatch.setattr(study, "run_demo", run_demo)
    code, out, err = asked(capsys, "demo", "--n-jobs", "-1", "--overwrite", "--quiet")
    assert (code, out, err) == (0, "One.\nTwo.\nThree.\nThe truth is known.\n", "")
    usual = {"out": "results/demo", "n_jobs": -1, "overwrite": True, "notebook": True, "progress": False}
    assert given == usual


# Printing


def test_our_warnings_are_printed_as_sentences_and_those_of_others_as_usual(capsys, monkeypatch):
    def warn(_):
        warnings.warn("the font has no letters X.", PhenotyperWarning, stacklevel=1)
        warnings.warn("something of a library", FutureWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "_check", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *what, **_: print("usual:", what[0], file=sys.stderr)
        _, _, err = asked(capsys, "check", "x")
        assert warnings.showwarning.__name__ == "<lambda>"
    assert err == "Warning: the font has no letters X.\nusual: something of a library\n"


def test_a_terminal_without_the_letters_gets_escapes(cohort, monkeypatch, tmp_path):
    sound = cohort_factory.sound()
    sound.set("labs.csv", "crp", 4, "µ")
    path = sound.write(tmp_path)
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["check", str(path)]) == 2
    screen.flush()
    assert b"\\xb5" in screen.buffer.getvalue()


def test_a_reader_that_stops_reading_is_no_defect():
    code = "import phenotyper.cli as cli\ndef stop(_): raise BrokenPipeError\ncli._check = stop\n"
    code += "raise SystemExit(cli.main(['check', 'x']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
