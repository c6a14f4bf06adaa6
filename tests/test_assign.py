"""Placing new patients: who goes where, what is said of missing, additional and unknown things."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from assign_factory import GENES, LABS, Found, draw, fitted, freeze

from phenotyper.discover.assign import assign, place_newcomers
from phenotyper.discover.assignment import UNASSIGNED, load_assignment
from phenotyper.discover.frozen import Frozen
from phenotyper.discover.newcomers import newcomers_of
from phenotyper.errors import CohortError, PhenotyperWarning, ResultError
from phenotyper.results import to_json


def placed(drawn, found=None, **blocks):
    return assign(found or fitted(), drawn.cohort(**blocks), quiet=True)


def right(assignment, truth):
    """Return the shares of the placed who are placed rightly, and of the placed."""
    table = assignment.table
    inside = (table["subphenotype"] != UNASSIGNED).to_numpy()
    same = table["subphenotype"].to_numpy() == truth.loc[table["patient_id"]].to_numpy()
    return same[inside].mean(), inside.mean()


def codes(assignment):
    return [problem.code for problem in assignment.problems]


def test_new_patients_of_known_groups_are_placed_where_they_belong():
    new = draw(300, seed=1, prefix="n")
    found = placed(new)
    accuracy, coverage = right(found, new.truth)
    assert accuracy > 0.98
    assert coverage > 0.85
    assert found.table["patient_id"].tolist() == sorted(new.truth.index)
    assert found.probabilities.sum(axis=1) == pytest.approx(1.0)
    assert (found.table["probability"] == found.probabilities.max(axis=1)).all()
    assert not found.problems


def test_patients_of_a_group_that_the_fit_did_not_see_stay_unassigned():
    new = draw(200, seed=2, groups=("D",), prefix="n")
    found = placed(new)
    assert found.coverage < 0.2
    assert (found.table["reason"] == "unlike any patient seen").mean() > 0.7
    without_c = draw(240, seed=3, groups=("A", "B"))
    narrow = freeze(without_c.cohort(), without_c.truth)
    assert placed(draw(200, seed=4, groups=("C",), prefix="n"), narrow).coverage < 0.2


def test_a_patient_far_outside_everything_is_never_forced_into_a_group():
    new = draw(30, seed=5, prefix="n")
    genes = new.tables["genes"].copy()
    genes.iloc[0] = 7 + 50.0 * np.where(np.arange(len(GENES)) % 2, 1, -1)
    table = placed(new, genes=genes).table
    assert table["subphenotype"].iloc[0] == UNASSIGNED
    assert table["reason"].iloc[0] == "unlike any patient seen"
    assert (table["subphenotype"].iloc[1:] != UNASSIGNED).mean() > 0.7


def test_alone_or_among_others_in_any_order_a_patient_is_placed_the_same_to_the_last_bit():
    new = draw(60, seed=6, prefix="n")
    labs = new.tables["labs"].mask(np.random.default_rng(0).random((60, len(LABS))) < 0.2)
    together = placed(new, labs=labs)
    newcomers = newcomers_of(fitted().frozen, new.cohort(labs=labs))
    for row in (0, 17, 59):
        index = np.array([row])
        one = replace(newcomers, blocks=newcomers.blocks.rows(index), ids=newcomers.ids[index])
        table, probabilities, features, _ = place_newcomers(fitted().frozen, one)
        pd.testing.assert_frame_equal(
            table, together.table.iloc[[row]].reset_index(drop=True), check_exact=True
        )
        assert (probabilities[0] == together.probabilities[row]).all()
        own = together.features[together.features["patient_id"] == newcomers.ids[row]].reset_index(drop=True)
        pd.testing.assert_frame_equal(features, own, check_exact=True)
    few = new.truth.index[10:40]
    some = {name: new.tables[name].loc[few] for name in ("genes", "habits")}
    part = placed(new, clinical=new.tables["clinical"].iloc[10:40], labs=labs.loc[few], **some)
    pd.testing.assert_frame_equal(
        part.table, together.table.iloc[10:40].reset_index(drop=True), check_exact=True
    )
    shuffled = {name: new.tables[name].iloc[::-1, ::-1] for name in ("genes", "habits")}
    again = placed(new, labs=labs.iloc[::-1, ::-1], **shuffled)
    pd.testing.assert_frame_equal(again.table, together.table, check_exact=True)


def test_missing_features_and_blocks_are_said_and_the_patients_still_placed():
    new = draw(200, seed=7, prefix="n")
    found = placed(new, labs=new.tables["labs"].drop(columns=["crp", "wbc"]), habits=None)
    assert codes(found) == ["MISSING_FEATURES", "MISSING_FEATURES"]
    said = " ".join(problem.message for problem in found.problems)
    assert "habits" in said
    assert "crp" in said
    assert "2 of the 10 features" in said
    accuracy, coverage = right(found, new.truth)
    assert accuracy > 0.95
    assert coverage > 0.7
    assert (found.table["n_observed"] == 8 + len(GENES)).all()
    assert found.table["information"].max() < placed(new).table["information"].min()


def test_additional_features_and_blocks_are_warned_of_and_change_nothing():
    new = draw(40, seed=8, prefix="n")
    more = new.tables["labs"].assign(zinc=1.0 + np.arange(40))
    extra = pd.DataFrame({"mass1": np.arange(40.0)}, index=new.truth.index)
    found = placed(new, labs=more, metabolites=extra)
    assert codes(found) == ["EXTRA_FEATURES", "EXTRA_FEATURES"]
    assert "metabolites" in found.problems[0].message
    assert "zinc" in found.problems[1].message
    pd.testing.assert_frame_equal(found.table, placed(new).table, check_exact=True)


def test_a_level_that_the_fit_did_not_see_counts_as_missing_and_is_said():
    new = draw(40, seed=9, prefix="n")
    habits = new.tables["habits"].copy()
    habits.iloc[:3, habits.columns.get_loc("area")] = "island"
    found = placed(new, habits=habits)
    assert codes(found) == ["UNSEEN_LEVEL"]
    assert (
        'habits.area has a level that the fit did not see: "island" (3 patients)' in found.problems[0].message
    )
    missing = habits.replace("island", None)
    pd.testing.assert_frame_equal(found.table, placed(new, habits=missing).table, check_exact=True)


def test_levels_are_matched_by_name_not_by_code():
    new = draw(120, seed=10, prefix="n")
    keep = new.tables["habits"]["area"] != "farm"
    some = {name: new.tables[name][keep] for name in ("genes", "labs", "habits")}
    found = placed(new, clinical=new.tables["clinical"][keep.to_numpy()], **some)
    whole = placed(new).table
    expected = whole[whole["patient_id"].isin(keep.index[keep])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.table, expected, check_exact=True)


def test_a_level_where_the_fit_had_a_number_is_not_used():
    new = draw(40, seed=11, prefix="n")
    labs = new.tables["labs"].assign(crp=np.where(new.tables["labs"]["crp"] > 3, "high", "low"))
    declared = pd.DataFrame({"column": LABS, "kind": ["category", *["number"] * 9]})
    cohort = new.cohort(labs=labs, dictionary=declared)
    found = assign(fitted(), cohort, quiet=True)
    assert codes(found) == ["KIND_DIFFERS"]
    assert "labs.crp is of kind category, in the fit it was number" in found.problems[0].message
    assert (found.table["n_observed"] == placed(new).table["n_observed"] - 1).all()


def test_a_feature_that_is_the_same_in_all_new_patients_still_counts():
    new = draw(40, seed=21, prefix="n")
    smokers = (new.tables["habits"]["smoke"] == "no").to_numpy()
    some = {name: new.tables[name][smokers] for name in ("genes", "labs", "habits")}
    found = placed(new, clinical=new.tables["clinical"][smokers], **some)
    whole = placed(new).table
    expected = whole[np.isin(whole["patient_id"], found.table["patient_id"])].reset_index(drop=True)
    assert not found.problems
    pd.testing.assert_frame_equal(found.table, expected, check_exact=True)


def test_nothing_in_common_is_refused():
    new = draw(40, seed=12, prefix="n")
    other = pd.DataFrame({"mass1": np.arange(40.0)}, index=new.truth.index)
    with pytest.raises(CohortError, match="no feature in common") as caught:
        placed(new, labs=None, genes=None, habits=None, metabolites=other)
    assert caught.value.codes == ("ASSIGN_NOTHING",)
    renamed = new.tables["labs"].add_prefix("lab ")
    with pytest.raises(CohortError, match="no feature in common"):
        placed(new, labs=renamed, genes=None, habits=None)


def test_a_fit_that_kept_nothing_for_placing_is_refused():
    with pytest.raises(ResultError) as caught:
        assign(Found(None), draw(40).cohort())
    assert caught.value.codes == ("NOT_FROZEN",)


def test_of_whom_too_little_was_observed_is_said_with_the_share():
    new = draw(60, seed=13, prefix="n")
    hidden = {name: new.tables[name].copy() for name in ("genes", "labs")}
    for table in hidden.values():
        table.iloc[:20, 1:] = np.nan
    habits = new.tables["habits"].copy().astype(object)
    habits.iloc[:20] = None
    hidden["genes"].iloc[:5] = np.nan
    hidden["labs"].iloc[:5] = np.nan
    table = placed(new, habits=habits, **hidden).table
    assert (table["reason"].iloc[:5] == "nothing measured").all()
    assert table["map_x"].iloc[:5].isna().all()
    little = table.iloc[5:20]
    assert little["reason"].str.fullmatch(r"too little observed: \d+ % of the information").all()
    assert (little["n_observed"] == 2).all()
    assert (table["subphenotype"].iloc[20:] != UNASSIGNED).mean() > 0.7


def test_a_warning_is_issued_once_and_only_when_wanted():
    new = draw(40, seed=14, prefix="n")
    cohort = new.cohort(habits=None)
    with pytest.warns(PhenotyperWarning, match="MISSING_FEATURES"):
        assign(fitted(), cohort)
    assign(fitted(), cohort, quiet=True)


def test_ages_outside_those_seen_are_said():
    new = draw(40, seed=15, prefix="n")
    clinical = new.tables["clinical"].copy()
    clinical.loc[:5, "age"] = 88.0
    found = placed(new, clinical=clinical)
    assert codes(found) == ["OUTSIDE_RANGE"]
    assert found.problems[0].message.startswith("6 patients of 40 lie outside the range of age")


def test_the_features_that_decided_are_those_that_differ():
    """Only one block tells A from B here: the deciding features are all of it, and on the right side."""
    rng = np.random.default_rng(16)
    drawn = draw(240, seed=16, groups=("A", "B"))
    flat = drawn.tables["genes"] * 0 + rng.normal(size=(240, len(GENES)))
    labs = pd.DataFrame(np.exp(rng.normal(size=(240, 10))), columns=list(LABS), index=drawn.truth.index)
    high = (drawn.truth == "B").to_numpy()
    for name in ("crp", "wbc", "ige", "iron"):
        labs.loc[high, name] *= np.exp(3.0)
    found = freeze(drawn.cohort(labs=labs, genes=flat, habits=None), drawn.truth)
    result = placed(drawn, found, labs=labs, genes=flat, habits=None)
    best = result.features[result.features["speaks_for"] != ""].groupby("patient_id").head(1)
    best = best.merge(result.table[["patient_id", "nearest"]], on="patient_id")
    assert len(best) > 150
    assert best["feature"].isin(["crp", "wbc", "ige", "iron"]).mean() > 0.97
    right_side = (best["value"] == "high") == (best["speaks_for"] == "B")
    assert right_side.mean() > 0.97
    assert (best["speaks_for"] == best["nearest"]).mean() > 0.97
    assert result.table["deciding"].str.contains(r"labs\.\w+ (?:high|low)").mean() > 0.97


def test_what_makes_a_patient_unlike_is_named():
    new = draw(40, seed=17, prefix="n")
    genes = new.tables["genes"].copy()
    genes.iloc[3, [4, 5, 6, 7, 8, 9, 10, 11]] += [9.0, -9.0] * 4
    found = placed(new, genes=genes)
    one = found.table.iloc[3]
    assert one["reason"] == "unlike any patient seen"
    own = found.features[found.features["patient_id"] == one["patient_id"]]
    assert own["feature"].isin([f"gene{number:02d}" for number in range(4, 12)]).mean() >= 0.8
    assert (own["speaks_for"] == "").all()


def test_the_sentence_counts_everybody():
    new = draw(100, seed=18, groups=("A", "D"), prefix="n")
    found = placed(new)
    said = found.sentence()
    assert "of 100 patients placed (candidate, evidence not assessed)" in said
    assert f"unassigned {found.sizes[UNASSIGNED]}" in said
    assert sum(found.sizes.values()) == 100
    assert "unlike any patient seen" in said
    assert found._repr_html_().startswith("<p>")
    assert found.labels(["n0003", "n0000"]).tolist() == found.table["subphenotype"].iloc[[3, 0]].tolist()
    with pytest.raises(ResultError, match="UNKNOWN_PATIENT"):
        found.labels(["somebody"])


def test_an_assignment_comes_back_from_disk_as_it_was(tmp_path):
    found = placed(draw(40, seed=19, prefix="n"), habits=None)
    found.save(tmp_path)
    again = load_assignment(tmp_path)
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)
    pd.testing.assert_frame_equal(again.features, found.features, check_exact=True)
    assert (again.probabilities == found.probabilities).all()
    assert again.problems == found.problems
    assert again.sentence() == found.sentence()
    found.to_csv(tmp_path / "placed.csv")
    lines = (tmp_path / "placed.csv").read_text().splitlines()
    assert len(lines) == 41
    assert lines[0].startswith("patient_id,subphenotype,probability")


def test_what_is_frozen_places_the_same_after_it_was_saved_and_holds_no_patient():
    drawn = draw()
    frozen = fitted().frozen
    state, arrays = frozen.to_state()
    again = Frozen.from_state(state, arrays)
    new = draw(40, seed=20, prefix="n")
    first, second = placed(new), placed(new, Found(again))
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    text = to_json(state)
    assert not any(patient in text for patient in drawn.truth.index)
    assert max(len(values) for values in arrays.values() if values.ndim) < len(drawn.truth)


def test_a_fit_without_groups_places_nobody_and_says_why():
    drawn = draw()
    frozen = fitted().frozen
    none = Found(Frozen(**{**vars(frozen), "placer": frozen.placer.subset([]), "names": ()}))
    found = placed(drawn, none)
    assert found.coverage == 0
    assert set(found.table["reason"]) == {"the fit found no subphenotypes"}
    assert "none placed" in found.sentence()
