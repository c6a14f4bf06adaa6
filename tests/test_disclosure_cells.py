"""Small cells of a table, and the banner that counts them."""

from phenotyper.disclosure.cells import banner, small_cells
from phenotyper.results import Table

MIXED = Table(
    "Sex",
    ("", "A", "B", "C"),
    (("female, n", "9", "10", "0"), ("pairs", "12 / 1", "-", "")),
    counts=(((), (9,), (10,), (0,)), ((), (12, 1), (), ())),
)


def test_one_to_nine_patients_are_small_and_zero_and_ten_are_not():
    assert small_cells(MIXED) == [(0, 1), (1, 1)]


def test_the_threshold_can_be_another():
    assert small_cells(MIXED, threshold=11) == [(0, 1), (0, 2), (1, 1)]
    assert small_cells(MIXED, threshold=1) == []


def test_a_table_without_counts_has_no_small_cells():
    assert small_cells(Table("Text", ("", "A"), (("note", "3"),))) == []


def test_the_banner_counts_cells_and_the_tables_that_hold_them():
    plain = Table("Text", ("", "A"), (("note", "3"),))
    expected = (
        "Internal: 4 cells in 2 tables show fewer than 10 patients and would be hidden in a publication."
    )
    assert banner([MIXED, plain, MIXED]) == expected


def test_the_banner_of_nothing_small_says_so():
    assert banner([]) == "Internal: no table cell shows fewer than 10 patients."
