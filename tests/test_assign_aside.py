"""What is in another unit is not used for placing: exactly as if it had not been observed."""

import re

import numpy as np
import pandas as pd
import pytest
from assign_factory import GENES, LABS, draw, fitted, freeze

from phenotyper.discover.assign import assign
from phenotyper.discover.assignment import load_assignment
from phenotyper.discover.units import same_unit
from phenotyper.errors import PhenotyperWarning


def placed(drawn, found=None, **blocks):
    return assign(found or fitted(), drawn.cohort(**blocks), quiet=True)


def same_places(found, other):
    """Compare to the last bit all but what was set aside."""
    mine, theirs = (one.table.drop(columns="set_aside") for one in (found, other))
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    pd.testing.assert_frame_equal(found.features, other.features, check_exact=True)
    assert (found.probabilities == other.probabilities).all()


def slips(found):
    return [problem for problem in found.problems if problem.code == "UNIT_SLIP"]


def dictionary(**units):
    return pd.DataFrame({"column": LABS, "kind": "number", "unit": [units.get(name, "") for name in LABS]})


def test_a_slip_of_all_places_as_if_the_feature_were_missing_exactly():
    new = draw(60, seed=30, prefix="n")
    found = placed(new, labs=new.tables["labs"].assign(glucose=new.tables["labs"]["glucose"] * 18.016))
    same_places(found, placed(new, labs=new.tables["labs"].drop(columns="glucose")))
    (problem,) = slips(found)
    assert problem.message.endswith("not used in 60 patients")
    assert set(found.table["set_aside"]) == {"labs.glucose"}
    assert not np.allclose(found.probabilities, placed(new).probabilities)


def test_a_slip_of_some_leaves_out_their_cells_alone_and_names_them():
    new = draw(80, seed=31, prefix="n")
    wrong, holes = new.tables["labs"].copy(), new.tables["labs"].copy()
    column = wrong.columns.get_loc("wbc")
    wrong.iloc[10:17, column] *= 1000
    holes.iloc[10:17, column] = np.nan
    found, whole = placed(new, labs=wrong), placed(new)
    same_places(found, placed(new, labs=holes))
    (problem,) = slips(found)
    assert "labs.wbc: 7 patients have values that look 1,000 times as large" in problem.message
    named = "(n0010, n0011, n0012, n0013, n0014 and 2 more)"
    assert problem.message.endswith(f"not used in 7 patients {named}")
    aside = found.table["set_aside"]
    assert (aside.iloc[10:17] == "labs.wbc").all()
    assert (aside.drop(range(10, 17)) == "").all()
    others = [*range(10), *range(17, 80)]
    pd.testing.assert_frame_equal(found.table.iloc[others], whole.table.iloc[others], check_exact=True)


def test_a_single_patient_with_a_slip_is_named_and_placed_by_the_rest():
    new = draw(1, seed=32, prefix="n")
    labs = new.tables["labs"]
    wrong = labs.assign(wbc=labs["wbc"] * 1000)
    found = placed(new, labs=wrong, genes=new.tables["genes"])
    same_places(found, placed(new, labs=labs.drop(columns="wbc")))
    assert slips(found)[0].message.endswith("not used in 1 patient (n0000)")
    assert found.table["set_aside"].tolist() == ["labs.wbc"]


def test_two_features_of_one_patient_are_both_set_aside():
    new = draw(40, seed=33, prefix="n")
    wrong = new.tables["labs"].copy()
    wrong["glucose"] *= 18.016
    wrong.iloc[3, wrong.columns.get_loc("wbc")] *= 1000
    found = placed(new, labs=wrong)
    assert set(found.table["set_aside"].iloc[3].split(", ")) == {"labs.glucose", "labs.wbc"}
    assert "; 2 features look to be in another unit and not used; 2 warnings in" in found.sentence()


def test_a_declared_unit_that_differs_is_not_used_and_one_spelled_otherwise_is():
    drawn, new = draw(), draw(50, seed=34, prefix="n")
    fit = freeze(drawn.cohort(dictionary=dictionary(crp="mg/L", wbc="10^9/l")), drawn.truth)
    plain = placed(new, fit, dictionary=dictionary(crp="mg/l", wbc="G/L"))
    assert not plain.problems
    found = placed(new, fit, dictionary=dictionary(crp="mg/dL", wbc="10*9/L"))
    (problem,) = slips(found)
    told = "labs.crp is declared in mg/dL, in the training cohort in mg/L; not used in 50 patients"
    assert problem.message == told
    same_places(found, placed(new, fit, labs=new.tables["labs"].drop(columns="crp")))
    assert set(found.table["set_aside"]) == {"labs.crp"}
    assert set(plain.table["set_aside"]) == {""}


def test_logarithms_to_another_base_are_not_used_in_the_whole_block():
    new = draw(50, seed=35, prefix="n")
    found = placed(new, genes=new.tables["genes"] * np.log10(2))
    same_places(found, placed(new, genes=None))
    assert set(found.table["set_aside"]) == {f"genes ({len(GENES)} features)"}
    assert "; 1 block looks to be in another unit and not used" in found.sentence()


def test_the_sentence_and_the_warning_tell_of_the_slip():
    new = draw(40, seed=36, prefix="n")
    cohort = new.cohort(labs=new.tables["labs"].assign(glucose=new.tables["labs"]["glucose"] * 18.016))
    with pytest.warns(PhenotyperWarning, match="UNIT_SLIP"):
        found = assign(fitted(), cohort)
    said = r"\d+ % of 40 patients placed .*; 1 feature looks to be in another unit and not used; 1 warning in"
    assert re.match(said, found.sentence())
    assert "another unit" not in placed(new).sentence()


def test_what_was_set_aside_comes_back_from_disk_and_is_in_the_csv(tmp_path):
    new = draw(40, seed=37, prefix="n")
    wrong = new.tables["labs"].copy()
    wrong.iloc[:4, wrong.columns.get_loc("wbc")] *= 1000
    found = placed(new, labs=wrong)
    found.save(tmp_path)
    again = load_assignment(tmp_path)
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)
    assert again.problems == found.problems
    found.to_csv(tmp_path / "placed.csv")
    table = pd.read_csv(tmp_path / "placed.csv", keep_default_na=False)
    assert table["set_aside"].tolist() == ["labs.wbc"] * 4 + [""] * 36


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("µmol/l", "umol/L", True),
        ("°C", "deg C", True),
        ("mg/L", "ug/mL", True),
        ("x10^9/L", "G/l", True),
        ("10^3/µl", "10⁹/l", True),
        ("G/l", "g/l", False),
        ("mg/L", "mg/dL", False),
        ("°C", "°F", False),
        ("m", "mm", False),
        ("1.5 m", "15 m", False),
    ],
)
def test_spellings_of_one_unit_are_told_from_other_units(first, second, same):
    assert same_unit(first, second) is same
    assert same_unit(second, first) is same


def test_an_ordinal_declared_as_category_is_read_by_its_levels():
    new = draw(40, seed=38, prefix="n")
    from phenotyper.cohort.read import read_cohort

    facts = pd.DataFrame({"column": ["smoke", "pets", "area", "sport"]})
    facts["kind"] = ["yes/no", "yes/no", "category", "category"]
    facts["levels"] = ["", "", "", "never | weekly | daily"]
    blocks = {"labs": {"file": new.tables["labs"], "kind": "number"}}
    blocks["genes"] = {"file": new.tables["genes"], "kind": "log"}
    blocks["habits"] = {"file": new.tables["habits"], "kind": "mixed", "dictionary": facts}
    found = assign(fitted(), read_cohort({"blocks": blocks}, quiet=True), quiet=True)
    assert not [problem for problem in found.problems if problem.code == "KIND_DIFFERS"]
    assert (found.probabilities == placed(new).probabilities).all()
