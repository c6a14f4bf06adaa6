"""The simulated cohort has the properties that it states."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenotyper.cohort.read import read_cohort
from phenotyper.datasets import SimulatedCohort, simulate_cohort
from phenotyper.datasets.ages import CURVES, age_curve
from phenotyper.datasets.measure import record_expression
from phenotyper.datasets.streams import stream, weighted_sum, whole_parts
from phenotyper.datasets.structure import draw_continuum, draw_groups, population
from phenotyper.errors import CohortError


@pytest.fixture(scope="module")
def demo() -> SimulatedCohort:
    return simulate_cohort(seed=7)


@pytest.fixture(scope="module")
def large() -> SimulatedCohort:
    return simulate_cohort(n_patients=4000, seed=11, blocks=["labs"])


@pytest.fixture(scope="module")
def large_without() -> SimulatedCohort:
    return simulate_cohort(n_patients=4000, subphenotypes=0, seed=12, blocks=["labs", "lifestyle"])


def numbers(cohort: SimulatedCohort, block: str) -> pd.DataFrame:
    """Return numeric columns by id; a value below its limit counts as the limit."""
    table = cohort.tables[block].set_index("patient_id").sort_index()
    kinds = cohort.tables["dictionary"].set_index("column")["kind"]
    measured = [column for column in table if kinds.get(column, "number") in ("number", "proportion")]
    cells = table[measured].astype(object)
    return cells.map(lambda cell: cell.lstrip("<") if isinstance(cell, str) else cell).astype(float)


def clinical_with_truth(cohort: SimulatedCohort) -> pd.DataFrame:
    return cohort.tables["clinical"].merge(cohort.truth, on="patient_id", validate="one_to_one")


def exacerbated(cohort: SimulatedCohort) -> pd.DataFrame:
    """Return the observed share with an exacerbation, subphenotype by arm, among those who were followed."""
    children = clinical_with_truth(cohort).dropna(subset=["exacerbation"])
    event = (children["exacerbation"] == "yes").astype(float)
    return event.groupby([children["subphenotype"], children["arm"]]).mean().unstack()


def as_bytes(cohort: SimulatedCohort, folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cohort.write(folder).iterdir()}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_ones(tmp_path, demo):
    first = as_bytes(demo, tmp_path / "first")
    again = as_bytes(simulate_cohort(seed=7), tmp_path / "again")
    other = as_bytes(simulate_cohort(seed=8), tmp_path / "other")
    assert first == again
    assert {name for name in first if first[name] == other[name]} == {"cohort.toml", "dictionary.csv"}
    assert not any(b"\r" in content for content in first.values())


def test_the_global_random_state_is_neither_read_nor_moved():
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    simulate_cohort(n_patients=30, seed=1)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_leaving_a_block_out_changes_no_other_table(demo):
    fewer = simulate_cohort(seed=7, blocks=["labs", "lifestyle"])
    for name in ("clinical", "labs", "lifestyle"):
        pd.testing.assert_frame_equal(fewer.tables[name], demo.tables[name])


def test_every_child_has_one_truth(demo):
    ids = demo.tables["clinical"]["patient_id"]
    assert demo.truth["patient_id"].is_unique
    assert set(demo.truth["patient_id"]) == set(ids)
    assert len(ids) == 412


def test_subphenotypes_have_their_shares_and_fifteen_percent_are_in_none(demo):
    shares = demo.truth["subphenotype"].value_counts(normalize=True)
    assert shares["none"] == pytest.approx(0.15, abs=0.005)
    assert shares[["atopic", "neutrophilic", "metabolic"]].tolist() == pytest.approx(
        [0.36, 0.29, 0.20], abs=0.005
    )


def test_share_without_and_the_number_of_subphenotypes_are_obeyed():
    two = simulate_cohort(n_patients=100, subphenotypes=2, share_without=0.3, seed=1).truth["subphenotype"]
    assert (two == "none").sum() == 30
    assert set(two) == {"atopic", "neutrophilic", "none"}


def test_blocks_cover_their_shares_of_children(demo):
    rows = {block: len(demo.tables[block]) for block in demo.declaration["blocks"]}
    assert rows == {"expression": 288, "labs": 412, "microbiome": 247, "lifestyle": 404}


def test_rows_and_ids_stand_in_no_order(demo):
    clinical, labs = demo.tables["clinical"]["patient_id"], demo.tables["labs"]["patient_id"]
    assert not clinical.is_monotonic_increasing
    assert clinical.tolist() != labs.tolist()
    labels = demo.truth["subphenotype"].to_numpy()
    assert (labels[1:] == labels[:-1]).mean() < 0.4


def test_eight_percent_of_values_are_missing_in_every_block_but_the_composition(demo):
    for block in ("expression", "labs", "lifestyle"):
        assert demo.tables[block].drop(columns="patient_id").isna().to_numpy().mean() == pytest.approx(
            0.08, abs=0.01
        )
    assert not demo.tables["microbiome"].isna().to_numpy().any()


def test_relative_abundances_sum_to_one_with_many_zeros(demo):
    shares = demo.tables["microbiome"].drop(columns="patient_id").to_numpy()
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-12
    assert 0.3 < (shares == 0).mean() < 0.6
    assert (shares > 0).mean(axis=0).min() > 0.1


def test_children_are_one_to_seventeen_years_old(demo):
    months = demo.tables["clinical"]["age_months"]
    assert months.between(12, 215).all()
    assert months.min() < 30
    assert months.max() > 200


def test_a_tenth_of_the_children_have_a_sibling_in_the_same_hospital(demo):
    clinical = demo.tables["clinical"]
    family = clinical.groupby("family_id")["hospital"].agg(["size", "nunique"])
    assert family["size"].max() == 2
    assert family.loc[family["size"] == 2, "size"].sum() == pytest.approx(41, abs=1)
    assert family["nunique"].max() == 1


def test_few_children_refuse_research(demo):
    clinical = demo.tables["clinical"]
    assert (clinical["consent_research"] == "no").sum() == 8
    assert (clinical["consent_sharing"] == "no").sum() == 41


def test_values_below_a_limit_of_detection_are_written_as_such(demo):
    limits = demo.tables["dictionary"].set_index("column")["lod"]
    for column in limits.index[limits != ""]:
        cells = demo.tables["labs"][column].dropna().astype(str)
        below = cells.str.startswith("<")
        assert set(cells[below]) == {f"<{limits[column]}"}
        assert cells[~below].astype(float).min() >= float(limits[column])


def test_every_level_of_the_dictionary_occurs_and_no_other(demo):
    dictionary = demo.tables["dictionary"]
    tables = demo.tables["labs"].merge(demo.tables["lifestyle"], on="patient_id", how="outer")
    for column, levels in dictionary.loc[dictionary["levels"] != "", ["column", "levels"]].itertuples(
        index=False
    ):
        assert set(tables[column].dropna()) == set(levels.split(" | "))


def test_the_steroid_helps_atopic_children_only(large):
    risk = exacerbated(large)
    benefit = risk["placebo"] - risk["steroid"]
    assert benefit["atopic"] > 0.3
    assert abs(benefit["neutrophilic"]) < 0.1
    assert abs(benefit["metabolic"]) < 0.1


def test_arms_are_randomised_within_hospitals(demo):
    arms = pd.crosstab(demo.tables["clinical"]["hospital"], demo.tables["clinical"]["arm"])
    assert (arms["steroid"] - arms["placebo"]).abs().max() <= 1


def test_lung_function_differs_between_subphenotypes_and_is_absent_under_five(large):
    children = clinical_with_truth(large)
    means = children.groupby("subphenotype")["fev1_z"].mean()
    assert means["atopic"] < means["neutrophilic"] < means["metabolic"]
    assert children.loc[children["age_months"] < 60, "fev1_z"].isna().all()


def test_time_and_event_agree_with_the_answer_within_a_year(demo):
    clinical = demo.tables["clinical"]
    seen = clinical["exacerbation_seen"] == 1
    assert clinical["days_followed"].between(1, 365).all()
    assert (clinical.loc[seen, "exacerbation"] == "yes").all()
    lost = ~seen & (clinical["days_followed"] < 365)
    assert clinical.loc[lost, "exacerbation"].isna().all()
    assert (clinical.loc[~seen & ~lost, "exacerbation"] == "no").all()
    assert 0 < lost.mean() < 0.12


def test_a_hospital_shifts_expression_and_no_laboratory_value(demo):
    hospital = demo.tables["clinical"].set_index("patient_id")["hospital"]

    def largest_shifts(block: str) -> pd.Series:
        table = numbers(demo, block)
        by_hospital = table.groupby(hospital.reindex(table.index)).mean()
        return (by_hospital.iloc[0] - by_hospital.iloc[1]).abs() / table.std()

    assert largest_shifts("expression").median() > 0.5
    assert largest_shifts("labs").median() < 0.15


def test_age_moves_many_features_of_omics_and_labs(demo):
    age = demo.tables["clinical"].set_index("patient_id")["age_months"]
    for block, least in (("expression", 0.3), ("labs", 0.3), ("microbiome", 0.2)):
        table = numbers(demo, block)
        related = table.corrwith(age.reindex(table.index), method="spearman").abs()
        assert (related > 0.25).mean() > least, block


def test_each_block_shows_the_subphenotypes(demo):
    label = demo.truth.set_index("patient_id")["subphenotype"]
    for block in ("expression", "labs", "microbiome"):
        table = numbers(demo, block).rank()
        group = label.reindex(table.index)
        inside = table[group != "none"]
        between = inside.groupby(group).transform("mean").var() / inside.var()
        assert (between > 0.1).mean() > 0.15, block
    answers = demo.tables["lifestyle"].set_index("patient_id")
    hay_fever = (answers["hay_fever"] == "yes").groupby(label.reindex(answers.index)).mean()
    assert hay_fever["atopic"] > hay_fever["metabolic"] + 0.3


def test_children_in_none_scatter_around_the_middle_of_the_groups():
    mixture = population(3, 0.15)
    drawn = draw_groups(mixture, 4000, seed=3)
    without = drawn.position[drawn.label == "none"]
    assert without.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.1)
    assert without.std(axis=0) == pytest.approx([mixture.scatter] * 3, abs=0.06)
    assert (drawn.position[drawn.label == "neutrophilic"] == [0, 1, 0]).all()


def test_a_continuum_has_the_mean_and_covariance_of_the_groups():
    mixture = population(3, 0.15)
    for drawn in (draw_groups(mixture, 40_000, seed=4), draw_continuum(mixture, 40_000, seed=5)):
        assert drawn.position.mean(axis=0) == pytest.approx(mixture.mean, abs=0.02)
        assert np.cov(drawn.position.T) == pytest.approx(mixture.covariance, abs=0.02)
        assert (drawn.stretch**2).mean() == pytest.approx(mixture.factor_variance, abs=0.02)


def test_without_subphenotypes_correlations_and_quartiles_stay(large, large_without):
    with_groups, without = numbers(large, "labs").rank(), numbers(large_without, "labs").rank()
    difference = (with_groups.corr() - without.corr()).abs().to_numpy()
    assert difference.max() < 0.15
    assert difference.mean() < 0.03
    quartiles = [numbers(cohort, "labs").quantile([0.25, 0.75]) for cohort in (large, large_without)]
    spread = quartiles[0].iloc[1] - quartiles[0].iloc[0]
    assert ((quartiles[0] - quartiles[1]).abs() / spread).to_numpy().max() < 0.2


def test_without_subphenotypes_all_are_none_and_the_steroid_does_the_same_for_all(large_without):
    assert set(large_without.truth["subphenotype"]) == {"none"}
    children = clinical_with_truth(large_without).dropna(subset=["exacerbation"])
    children = children.set_index("patient_id")
    atopic = (numbers(large_without, "labs")["eosinophils"].reindex(children.index) > 0.5).to_numpy()
    event = (children["exacerbation"] == "yes").astype(float)
    risk = event.groupby([atopic, children["arm"]]).mean().unstack()
    benefit = risk["placebo"] - risk["steroid"]
    assert benefit.to_numpy() == pytest.approx([0.12, 0.12], abs=0.08)


def test_read_cohort_takes_the_declaration_in_memory_and_from_files_alike(tmp_path):
    simulated = simulate_cohort(n_patients=120, seed=2)
    memory = read_cohort(simulated.declaration)
    files = read_cohort(simulated.write(tmp_path) / "cohort.toml")
    assert memory.n_obs == 118
    pd.testing.assert_frame_equal(memory.obs, files.obs)
    for block in simulated.declaration["blocks"]:
        pd.testing.assert_frame_equal(memory[block].to_df(), files[block].to_df())


def test_settings_out_of_range_are_all_named():
    with pytest.raises(CohortError) as caught:
        simulate_cohort(
            n_patients=5,
            subphenotypes=9,
            share_without=2,
            separation=-1,
            share_missing=1,
            blocks=["x"],
            hospital=[],
        )
    assert caught.value.codes == ("SIMULATION",) * 7


def test_the_cohort_says_what_it_is(demo):
    assert repr(demo) == (
        "<SimulatedCohort: 412 children, 3 subphenotypes, blocks expression, labs, microbiome, lifestyle>"
    )


def test_a_hospital_keeps_its_shift_whoever_is_measured_beside():
    scores = np.zeros((2, 302))
    plate = np.array(["N1", "N1"])
    alone = record_expression(scores, hospital=np.array(["Northfield", "Northfield"]), plate=plate)
    beside = record_expression(scores, hospital=np.array(["Northfield", "Eastbrook"]), plate=plate)
    pd.testing.assert_series_equal(alone.loc[0], beside.loc[0])
    assert (beside.loc[0] != beside.loc[1]).mean() > 0.9


@pytest.mark.parametrize("name", sorted(CURVES))
def test_age_curves_have_mean_zero_and_deviation_one(name):
    curve = age_curve(name, np.arange(12, 216, dtype=float))
    assert curve.mean() == pytest.approx(0, abs=1e-12)
    assert curve.std() == pytest.approx(1, abs=1e-12)


def test_streams_are_pinned_to_values_that_numpy_must_keep():
    assert stream(7, "labs", "noise").random(3).round(6).tolist() == [0.798306, 0.325242, 0.74101]
    assert stream(7, "labs").random() != stream(8, "labs").random()


def test_weighted_sum_is_the_matrix_product():
    rng = np.random.default_rng(0)
    scores, weights = rng.standard_normal((5, 3)), rng.standard_normal((4, 3))
    assert weighted_sum(scores, weights) == pytest.approx(scores @ weights.T)


def test_whole_parts_sum_to_the_total_and_stay_within_one():
    shares = np.random.default_rng(1).dirichlet(np.ones(9), size=50)
    parts = whole_parts(shares, 10_000)
    assert (parts.sum(axis=1) == 10_000).all()
    assert np.abs(parts - shares * 10_000).max() < 1
