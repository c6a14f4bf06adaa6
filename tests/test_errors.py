"""What a problem looks like to the person who has it."""

import json
import pickle

import pytest

from phenotyper.errors import (
    CohortError,
    FitError,
    MissingExtraError,
    OutputError,
    PhenotyperError,
    PhenotyperWarning,
    Problem,
    RecipeError,
    ResultError,
    did_you_mean,
    listed,
)

TWICE = Problem(
    "DUP_ID", "labs.csv has 3 patient ids on more than one row", "Give one row a patient.", rows=(14, 90, 233)
)
ABSENT = Problem("FILE_ABSENT", "labs.csv is not there", "Look at file in cohort.toml.", "labs.csv")


def test_one_problem_is_one_sentence_with_class_code_rows_and_remedy():
    assert str(CohortError(TWICE)) == (
        "CohortError DUP_ID: labs.csv has 3 patient ids on more than one row (rows 14, 90, 233). "
        "Give one row a patient."
    )


def test_several_problems_are_all_told_at_once_and_numbered():
    lines = str(CohortError([TWICE, ABSENT])).splitlines()
    assert lines[0] == "CohortError: 2 problems"
    assert lines[1:] == [f"  1. {TWICE.text()}", f"  2. {ABSENT.text()}"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "labs.csv. Correct it."),
        ((4,), "labs.csv (row 4). Correct it."),
        ((2, 3, 4, 5, 6), "labs.csv (rows 2, 3, 4, 5, 6). Correct it."),
        (tuple(range(2, 19)), "labs.csv (rows 2, 3, 4, 5, 6 and 12 more). Correct it."),
    ],
)
def test_five_rows_are_named_and_the_others_counted(rows, said):
    assert Problem("X", "labs.csv", "Correct it.", rows=rows).text() == f"X: {said}"


def test_a_problem_without_a_remedy_ends_in_a_full_stop():
    assert Problem("X", "labs.csv is empty", "").text() == "X: labs.csv is empty."


def test_a_problem_is_an_error_unless_it_says_warning():
    assert TWICE.severity == "error"
    assert Problem("X", "", "", severity="warning").severity == "warning"


def test_a_problem_survives_json():
    warning = Problem("X", "µ", "r", "labs.csv", (2, 9), "warning")
    assert Problem.from_dict(json.loads(json.dumps(warning.to_dict()))) == warning


@pytest.mark.parametrize("kind", [CohortError, RecipeError, FitError, ResultError, MissingExtraError])
def test_bad_input_ends_the_command_with_2(kind):
    assert issubclass(kind, PhenotyperError)
    assert kind.exit_code == 2


def test_a_disk_that_refuses_ends_the_command_with_4():
    assert OutputError.exit_code == 4


def test_codes_are_those_of_all_problems_in_order():
    assert CohortError([TWICE, ABSENT]).codes == ("DUP_ID", "FILE_ABSENT")
    assert CohortError(TWICE).codes == ("DUP_ID",)
    assert CohortError(problem for problem in (ABSENT, TWICE)).problems == (ABSENT, TWICE)


@pytest.mark.parametrize("problems", [TWICE, [TWICE, ABSENT]])
def test_an_error_comes_out_of_a_worker_process_with_its_problems(problems):
    before = FitError(problems)
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is FitError
    assert after.problems == before.problems
    assert str(after) == str(before)


def test_a_warning_of_ours_is_shown_by_default_and_is_no_error():
    assert issubclass(PhenotyperWarning, UserWarning)
    assert not issubclass(PhenotyperWarning, PhenotyperError)


def test_the_nearest_known_word_is_offered_and_only_a_near_one():
    assert did_you_mean("outcoms", ["blocks", "outcomes"]) == ' Did you mean "outcomes"?'
    assert did_you_mean("zebra", ["blocks", "outcomes"]) == ""


def test_long_lists_are_cut_with_the_number_left_out():
    assert listed(range(5)) == "0, 1, 2, 3, 4"
    assert listed(range(8)) == "0, 1, 2, 3, 4 and 3 more"
    assert listed([]) == ""
