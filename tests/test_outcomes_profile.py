"""Profile and Table 1 through their public edge, on small cohorts."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from phenotyper.cohort.read import read_cohort
from phenotyper.disclosure.cells import banner, small_cells
from phenotyper.errors import ResultError
from phenotyper.outcomes.facts import FACT_COLUMNS, Outcome
from phenotyper.outcomes.groups import Groups
from phenotyper.outcomes.profile import DESCRIBE, Profile, profile
from phenotyper.outcomes.table_one import table_one

STATUS = "candidate, evidence not assessed"
N = 60
IDS = [f"p{number:02d}" for number in range(N)]
LABELS = ["A"] * 25 + ["B"] * 20 + ["unassigned"] * 15


@dataclasses.dataclass(frozen=True)
class Found:
    """Stands for Phenotypes: the attributes that a profile reads."""

    table: pd.DataFrame
    names: tuple[str, ...]
    status: str = STATUS
    recipe: None = None
    seed: int = 7
    fingerprint: str = "0" * 64

    def labels(self, ids):
        return self.table.set_index("patient_id").loc[list(ids), "subphenotype"].to_numpy(dtype=str)


def found_with(labels=LABELS, ids=IDS):
    table = pd.DataFrame({"patient_id": ids, "subphenotype": labels})
    return Found(table, tuple(sorted(set(labels) - {"unassigned"})))


def patients_table():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "patient_id": IDS,
            "age_months": rng.integers(10, 200, N).astype(float),
            "sex": rng.choice(["f", "m"], N),
            "hospital": rng.choice(["North", "South", "West"], N),
            "stage": rng.choice(["I", "II"], N),
            "weight": rng.normal(30, 8, N).round(1),
            "relapse": ["yes"] * 10 + ["no"] * 12 + [""] * 3 + ["yes"] * 5 + ["no"] * 15 + ["no"] * 14 + [""],
            "days": np.r_[rng.integers(1, 400, N - 1), 0].astype(float),
            "status": ["1"] * 12 + ["0"] * 13 + ["0"] * 20 + ["1"] * 5 + ["0"] * 10,
            "fate": rng.choice(["alive", "relapse", "died"], N),
            "fev": rng.normal(size=N).round(2),
            "grade": rng.choice(["mild", "moderate", "severe"], N),
            "visits": rng.poisson(2, N),
            "arm": rng.choice(["placebo", "drug"], N),
        }
    )
    table.loc[[1, 2], "age_months"] = np.nan
    table.loc[30, "days"] = np.nan
    table.loc[[0, 26], "fev"] = np.nan
    return table


def labs_table():
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "patient_id": IDS,
            "crp": rng.normal(5, 1, N) + 3 * (np.array(LABELS) == "A"),
            "wbc": rng.normal(8, 2, N),
            "fever": rng.choice(["no", "yes"], N),
            "tone": rng.choice(["low", "middle", "high"], N),
        }
    )
    table.loc[3:6, "crp"] = np.nan
    return table


DICTIONARY = pd.DataFrame(
    {
        "column": ["crp", "wbc", "fever", "tone"],
        "kind": ["number", "number", "yes/no", "category"],
        "label": ["C-reactive protein", "", "", ""],
        "levels": ["", "", "no | yes", "low | middle | high"],
    }
)

OUTCOMES = {
    "relapse": {"kind": "binary", "column": "relapse", "event": "yes"},
    "death": {"kind": "survival", "column": "status", "event": "1", "time": "days", "unit": "days"},
    "fev": {"kind": "number", "column": "fev", "unit": "z", "label": "FEV1"},
    "grade": {"kind": "ordinal", "column": "grade", "levels": ["mild", "moderate", "severe"]},
    "visits": {"kind": "count", "column": "visits"},
}


def cohort_of(patients=None, *, outcomes=OUTCOMES, labs=None):
    expression = pd.DataFrame(
        np.random.default_rng(5).normal(size=(40, 12)), columns=[f"g{at}" for at in range(12)]
    )
    expression.insert(0, "patient_id", IDS[:40])
    return read_cohort(
        {
            "blocks": {
                "labs": {
                    "file": labs_table() if labs is None else labs,
                    "kind": "mixed",
                    "dictionary": DICTIONARY,
                },
                "expression": {"file": expression, "kind": "log"},
            },
            "patients": {
                "file": patients_table() if patients is None else patients,
                "age": {"column": "age_months", "unit": "months"},
                "sex": {"column": "sex"},
                "site": "hospital",
                "known_classes": ["stage"],
                "covariates": ["weight"],
            },
            "outcomes": outcomes,
            "treatments": {"steroid": {"column": "arm", "control": "placebo"}},
        },
        quiet=True,
    )


@pytest.fixture(scope="module")
def cohort():
    return cohort_of()


@pytest.fixture(scope="module")
def described(cohort):
    return profile(found_with(), cohort)


def fact(described, **where):
    rows = described.table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def cell(table, row, column):
    return table.to_frame().loc[row, column]


# Outcomes


def test_facts_stand_one_a_row_under_documented_columns(described):
    assert tuple(described.table.columns) == FACT_COLUMNS
    assert all(name in Profile.__doc__ for name in FACT_COLUMNS)
    keys = ["outcome", "subphenotype", "statistic", "level"]
    assert not described.table.duplicated(keys).any()


def test_every_outcome_reports_the_unassigned_and_all_beside_the_subphenotypes(described):
    for _, rows in described.table.groupby("outcome"):
        assert {"A", "B", "unassigned", "all"} <= set(rows["subphenotype"])


def test_missing_outcomes_are_counted_and_nobody_is_dropped(described):
    for outcome, missing in {"relapse": 4, "death": 1, "fev": 2, "grade": 0, "visits": 0}.items():
        rows = described.table[
            (described.table["outcome"] == outcome) & (described.table["subphenotype"] == "all")
        ]
        assert (rows["n"] + rows["n_missing"] == N).all()
        assert (rows["n_missing"] == missing).all()


def test_a_binary_outcome_is_a_proportion_with_wilsons_interval(described):
    row = fact(described, outcome="relapse", subphenotype="A")
    assert (row["n"], row["n_missing"], row["events"], row["statistic"]) == (22, 3, 10, "proportion")
    assert row["estimate"] == pytest.approx(10 / 22)
    expected = binomtest(10, 22).proportion_ci(method="wilson")
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
    assert cell(described.outcome_tables["relapse"], "A", "Proportion (95 % interval)") == "45 % (27 to 65)"


def test_a_number_is_a_mean_with_interval_and_quartiles(described):
    known = patients_table()["fev"].iloc[:25].dropna()
    mean = fact(described, outcome="fev", subphenotype="A", statistic="mean")
    assert mean["estimate"] == pytest.approx(known.mean())
    half = 2.068658 * known.std() / np.sqrt(24)  # t with 23 degrees of freedom
    assert (mean["ci_low"], mean["ci_high"]) == pytest.approx(
        (known.mean() - half, known.mean() + half), abs=1e-6
    )
    assert fact(described, outcome="fev", subphenotype="A", statistic="median")["estimate"] == known.median()
    assert mean["unit"] == "z"


def test_an_ordinal_outcome_gives_every_level_and_the_median_level(described):
    grades = patients_table()["grade"].iloc[25:45]
    levels = described.table[
        (described.table["outcome"] == "grade") & (described.table["subphenotype"] == "B")
    ]
    shares = levels[levels["statistic"] == "proportion"].set_index("level")["events"].astype(int)
    assert shares.to_dict() == {level: (grades == level).sum() for level in ("mild", "moderate", "severe")}
    middle = sorted(grades, key=["mild", "moderate", "severe"].index)[9]
    assert fact(described, outcome="grade", subphenotype="B", statistic="median level")["level"] == middle


def test_a_count_gives_its_sum_and_mean(described):
    visits = patients_table()["visits"].iloc[45:]
    row = fact(described, outcome="visits", subphenotype="unassigned", statistic="mean")
    assert (row["events"], row["estimate"]) == (visits.sum(), pytest.approx(visits.mean()))
    assert 0 < row["ci_low"] < row["estimate"] < row["ci_high"]


def test_only_the_outcomes_asked_for_are_read(cohort):
    some = profile(found_with(), cohort, outcomes=["fev", "relapse", "fev"])
    assert tuple(some.outcome_tables) == ("fev", "relapse")
    assert dict(some.survival) == {}


def test_an_outcome_that_is_not_declared_is_named_with_the_nearest(cohort):
    with pytest.raises(ResultError, match=r"UNKNOWN_OUTCOME") as raised:
        profile(found_with(), cohort, outcomes=["relaps", "zzz"])
    assert raised.value.codes == ("UNKNOWN_OUTCOME", "UNKNOWN_OUTCOME")
    assert 'Did you mean "relapse"?' in str(raised.value)


def test_a_cohort_without_outcomes_has_a_profile_all_the_same():
    empty = profile(found_with(), cohort_of(outcomes={}))
    assert tuple(empty.table.columns) == FACT_COLUMNS
    assert len(empty.table) == 0
    assert "no outcomes" in repr(empty)


# Survival


def test_a_survival_outcome_has_curves_numbers_at_risk_and_a_test(described):
    curves = described.survival["death"]
    assert tuple(curves.curves) == ("A", "B", "unassigned", "all")
    assert curves.risk_times[0] == 0
    days = patients_table()["days"].iloc[:25]
    assert curves.curves["A"].at_risk.tolist() == [int((days >= when).sum()) for when in curves.risk_times]
    assert curves.log_rank.compared == ("A", "B")
    assert curves.log_rank.df == 1
    assert (
        fact(described, outcome="death", subphenotype="assigned", statistic="log-rank p")["estimate"]
        == curves.log_rank.p
    )


def test_the_unassigned_are_drawn_and_not_tested_and_that_is_said(cohort, described):
    curves = described.survival["death"]
    assert curves.drawn == ("A", "B", "unassigned")
    assert "The unassigned are drawn, not tested." in curves.note
    assert "The unassigned are shown, not tested." in described.outcome_tables["death"].footnotes
    alone = profile(found_with(), cohort[IDS[:45]]).survival["death"]
    assert alone.log_rank.chi2 == pytest.approx(curves.log_rank.chi2)


def test_a_group_without_events_is_not_estimable(described):
    row = fact(described, outcome="death", subphenotype="B", statistic="median survival")
    assert (row["events"], row["note"]) == (0, "not estimable: 0 events")
    assert np.isnan(row["estimate"])
    at = fact(described, outcome="death", subphenotype="B", statistic="survival")
    assert at["estimate"] == 1
    assert np.isnan([at["ci_low"], at["ci_high"]]).all()
    table = described.outcome_tables["death"]
    assert cell(table, "B", "Median time to event (95 % interval)") == "not estimable: 0 events"


def test_an_event_at_time_zero_counts(described):
    assert described.survival["death"].curves["unassigned"].n == 15


def test_without_events_there_is_no_test_and_the_reason_stands_there():
    patients = patients_table().assign(status=["0"] * 59 + ["1"])
    none = profile(found_with(), cohort_of(patients)).survival["death"]
    assert none.log_rank.compared == ()
    assert np.isnan(none.log_rank.p)
    assert none.log_rank.sentence() == "No log-rank test: no events in the subphenotypes."


def test_competing_events_give_a_cumulative_incidence_that_says_so():
    fate = {
        "kind": "survival",
        "column": "fate",
        "event": "relapse",
        "competing": "died",
        "time": "days",
        "unit": "days",
    }
    described = profile(found_with(), cohort_of(outcomes={"relapse_first": fate}))
    curves = described.survival["relapse_first"]
    assert curves.quantity == "cumulative incidence"
    assert curves.y_label == "Cumulative incidence"
    assert curves.curves["A"].estimate[0] == 0
    assert (np.diff(curves.curves["all"].estimate) >= 0).all()
    died = int((patients_table()["fate"].where(patients_table()["days"].notna()) == "died").sum())
    assert curves.curves["all"].competing_events == died
    table = described.outcome_tables["relapse_first"]
    assert cell(table, "All", "Competing events") == str(died)
    assert any(head.startswith("Cumulative incidence at") for head in table.columns)
    assert any("Aalen-Johansen" in note for note in table.footnotes)
    assert "cause-specific" in curves.log_rank.note
    assert "median survival" not in set(described.table["statistic"])


def test_curves_beyond_a_groups_follow_up_are_not_read():
    patients = patients_table()
    patients.loc[25:44, "days"] = 2.0
    row = fact(
        profile(found_with(), cohort_of(patients)), outcome="death", subphenotype="B", statistic="survival"
    )
    assert np.isnan(row["estimate"])
    assert row["note"] == "follow-up ends earlier"


def test_an_outcome_that_nobody_has_is_described_without_estimates():
    groups = Groups(("A", "B"), np.array(LABELS), STATUS)
    nothing = np.full(N, np.nan)
    for kind, describe in DESCRIBE.items():
        outcome = Outcome("gone", "Gone", kind, "days", nothing, nothing, levels=("low", "high"))
        facts = describe(outcome, groups).facts
        assert all(np.isnan(fact.estimate) for fact in facts)
        assert {(fact.n, fact.n_missing) for fact in facts if fact.subphenotype == "all"} == {(0, N)}


# Serious cases


def test_one_subphenotype_is_described_without_comparisons(cohort):
    one = profile(found_with(["A"] * 45 + ["unassigned"] * 15), cohort)
    assert set(one.table_one.to_frame()["SMD"]) <= {"-", ""}
    assert one.survival["death"].log_rank.sentence() == "No log-rank test: there is only one subphenotype."
    assert len(one.features) == 0
    assert "nothing to compare" in one.feature_table.footnotes[0]


def test_nobody_assigned_is_a_profile_of_the_whole_cohort(cohort):
    none = profile(found_with(["unassigned"] * N), cohort)
    assert none.table_one.columns == ("Characteristic", "All", "Unassigned", "SMD")
    assert none.survival["death"].drawn == ("all",)
    assert none.survival["death"].log_rank.sentence() == "No log-rank test: there are no subphenotypes."
    assert "no subphenotypes among 60 patients, 60 unassigned" in repr(none)


def test_a_subphenotype_of_one_patient_is_described(cohort):
    tiny = profile(found_with(["A"] * 40 + ["B"] + ["unassigned"] * 19), cohort)
    row = fact(tiny, outcome="fev", subphenotype="B", statistic="mean")
    assert row["note"] == "1 value: no interval"
    assert tiny.features.loc[tiny.features["subphenotype"] == "B", "smd"].isna().all()


def test_an_outcome_missing_in_a_whole_group_says_so():
    patients = patients_table()
    patients.loc[25:44, ["relapse", "fev", "days", "grade", "visits"]] = np.nan
    described = profile(found_with(), cohort_of(patients))
    for outcome in OUTCOMES:
        rows = described.table[
            (described.table["outcome"] == outcome) & (described.table["subphenotype"] == "B")
        ]
        assert (rows["n"] == 0).all()
        assert (rows["n_missing"] == 20).all()
        assert rows["estimate"].isna().all() or set(rows["statistic"]) == {"competing events"}
        assert set(rows["note"]) == {"no known values"}


def test_patients_are_matched_by_id_not_by_place(cohort, described):
    shuffled = np.random.default_rng(0).permutation(N)
    other = profile(found_with([LABELS[at] for at in shuffled], [IDS[at] for at in shuffled]), cohort)
    pd.testing.assert_frame_equal(other.table, described.table)
    assert other.table_one == described.table_one


def test_a_cohort_with_unknown_patients_is_refused(cohort):
    with pytest.raises(ResultError, match="OTHER_COHORT"):
        profile(found_with(LABELS[:50], IDS[:50]), cohort)


def test_patients_of_the_result_who_are_not_in_the_cohort_are_told(cohort):
    table = table_one(found_with(), cohort[IDS[:50]])
    assert "10 patients of the phenotypes are not in this cohort." in table.footnotes
    assert cell(table, "Patients, n", "Unassigned") == "5"


def test_the_cohort_is_not_changed(cohort):
    before = cohort.obs.copy(), cohort["labs"].X.copy()
    profile(found_with(), cohort)
    pd.testing.assert_frame_equal(cohort.obs, before[0])
    assert np.array_equal(cohort["labs"].X, before[1], equal_nan=True)


def test_a_profile_cannot_be_changed(described):
    with pytest.raises(dataclasses.FrozenInstanceError):
        described.status = "proven"
    with pytest.raises(TypeError):
        described.survival["death"] = None


def test_every_title_ends_with_the_status(described):
    titles = [table.title for table in described.tables] + [
        curves.title for curves in described.survival.values()
    ]
    assert all(title.endswith(f" ({STATUS})") for title in titles)


# Table 1


def test_table_one_has_the_unassigned_as_a_column_even_when_there_are_none(cohort):
    table = table_one(found_with(["A"] * 30 + ["B"] * 30), cohort)
    assert table.columns == ("Characteristic", "All", "A", "B", "Unassigned", "SMD")
    assert cell(table, "Patients, n", "Unassigned") == "0"
    assert cell(table, "Age (years), median [IQR]", "Unassigned") == "-"


def test_table_one_shows_declared_roles_in_order_with_missing_and_blocks(described):
    heads = [
        row[0]
        for row, indent in zip(described.table_one.rows, described.table_one.indents, strict=True)
        if not indent
    ]
    assert heads == [
        "Patients, n",
        "Age (years), median [IQR]",
        "Sex, n (%)",
        "Site, n (%)",
        "stage, n (%)",
        "weight, median [IQR]",
        "steroid, n (%)",
        "Block measured, n (%)",
    ]
    assert cell(described.table_one, "missing", "A") == "2 (8 %)"
    assert cell(described.table_one, "expression", "Unassigned") == "0 (0 %)"
    assert cell(described.table_one, "expression", "B") == "15 (75 %)"


def test_numbers_of_table_one_are_those_of_pandas(described):
    years = patients_table()["age_months"].iloc[25:45] / 12
    expected = [f"{years.quantile(share):.4f}" for share in (0.5, 0.25, 0.75)]
    shown = re.findall(r"[\d.]+", cell(described.table_one, "Age (years), median [IQR]", "B"))
    assert [float(text) for text in shown] == pytest.approx([float(text) for text in expected], abs=0.051)


def test_levels_add_up_to_the_known_and_stand_behind_each_cell(described):
    table = described.table_one
    at = {row[0]: place for place, row in enumerate(table.rows)}
    for column in range(1, 5):
        assert (
            table.counts[at["female"]][column][0] + table.counts[at["male"]][column][0]
            == table.counts[0][column][0]
        )
    assert table.counts[at["Age (years), median [IQR]"]][2] == (23,)
    assert [row[-1] for row in table.counts] == [()] * len(table.rows)


def test_the_largest_difference_names_its_pair():
    patients = patients_table()
    patients.loc[:44, "sex"] = ["f"] * 13 + ["m"] * 12 + ["f"] * 5 + ["m"] * 15
    table = table_one(found_with(), cohort_of(patients))
    p, q = 13 / 25, 5 / 20
    expected = (p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert cell(table, "Sex, n (%)", "SMD") == f"{expected:.2f} (A vs B)"


def test_variables_can_be_chosen_and_unknown_ones_are_named(cohort):
    table = table_one(found_with(), cohort, variables=["fev", "sex", "grade"])
    assert [row[0] for row in table.rows][1] == "FEV1, median [IQR]"
    with pytest.raises(ResultError, match=r'UNKNOWN_VARIABLE.*"sexx".*Did you mean "sex"'):
        table_one(found_with(), cohort, variables=["sexx"])


def test_table_one_has_no_p_value(described):
    assert " p " not in " ".join(" ".join(row) for row in described.table_one.rows)


def test_small_cells_are_found_and_the_banner_counts_them(described):
    small = small_cells(described.table_one)
    shown = [described.table_one.rows[row][column] for row, column in small]
    assert "2 (8 %)" in shown
    assert "60" not in shown
    assert banner(described.tables).startswith("Internal: ")


# Features


def test_features_carry_effects_with_intervals_and_no_p(described):
    names = {
        "block",
        "feature",
        "level",
        "label",
        "kind",
        "scale",
        "subphenotype",
        "n",
        "n_rest",
        "smd",
        "ci_low",
        "ci_high",
    }
    assert set(described.features.columns) == names
    assert "descriptive: these features defined the clusters" in described.feature_table.title
    assert not any(re.search(r"\bp [=<>]", text) for row in described.feature_table.rows for text in row)


def test_a_feature_is_compared_with_the_rest_of_the_assigned_only(described):
    crp = described.features.query("feature == 'crp' and subphenotype == 'A'").iloc[0]
    values = labs_table()["crp"]
    ours, rest = values.iloc[:25].dropna(), values.iloc[25:45].dropna()
    pooled = np.sqrt(
        ((len(ours) - 1) * ours.var() + (len(rest) - 1) * rest.var()) / (len(ours) + len(rest) - 2)
    )
    j = 1 - 3 / (4 * (len(ours) + len(rest) - 2) - 1)
    assert (crp["n"], crp["n_rest"], crp["label"]) == (21, 20, "C-reactive protein")
    assert crp["smd"] == pytest.approx(j * (ours.mean() - rest.mean()) / pooled)
    assert crp["ci_low"] < crp["smd"] < crp["ci_high"]


def test_patients_lacking_a_block_are_not_counted_in_its_features(described):
    assert set(described.features.query("block == 'expression' and subphenotype == 'B'")["n"]) == {15}


def test_categories_have_a_row_a_level_and_yes_no_its_yes(described):
    levels = described.features.query("subphenotype == 'A'").groupby("feature")["level"].apply(list)
    assert levels["tone"] == ["low", "middle", "high"]
    assert levels["fever"] == ["yes"]


def test_the_surest_feature_stands_first_and_ten_a_block_at_most(described):
    rows = [row[0] for row in described.feature_table.rows]
    assert rows[:2] == ["labs", "C-reactive protein"]
    assert len(rows) - 1 - rows.index("expression") == 10


def test_every_subphenotype_has_its_turn_among_the_printed_features():
    groups = ["A"] * 30 + ["B"] * 18 + ["C"] * 12
    labs = pd.DataFrame(
        np.random.default_rng(9).normal(size=(N, 20)), columns=[f"x{at}" for at in range(20)], index=IDS
    )
    labs.iloc[:30, :15] += 3
    labs.iloc[30:48, 18] += 2
    labs.iloc[48:, 19] += 2
    shown = profile(
        found_with(groups), read_cohort({"blocks": {"labs": {"file": labs, "kind": "log"}}}, quiet=True)
    )
    rows = [row[0] for row in shown.feature_table.rows]
    assert {"x18", "x19"} <= set(rows)
    assert len(rows) == 11


def test_a_class_that_is_the_subphenotype_differs_infinitely_and_a_footnote_explains():
    patients = patients_table().assign(stage=np.where(np.array(LABELS) == "A", "I", "II"))
    table = table_one(found_with(), cohort_of(patients))
    assert cell(table, "stage, n (%)", "SMD") == "\u221e (A vs B)"
    assert "\u221e: the two subphenotypes have no value in common." in table.footnotes


def test_counts_and_compositions_are_compared_on_their_own_scales():
    rng = np.random.default_rng(6)
    depth = rng.uniform(0.2, 5, (N, 1))
    counts = pd.DataFrame(
        rng.poisson(50 * depth * np.ones((N, 30))), columns=[f"t{at}" for at in range(30)], index=IDS
    )
    shares = pd.DataFrame(rng.dirichlet(np.ones(8), N), columns=[f"otu{at}" for at in range(8)], index=IDS)
    cohort = read_cohort(
        {
            "blocks": {
                "rna": {"file": counts, "kind": "counts"},
                "gut": {"file": shares, "kind": "composition"},
            }
        },
        quiet=True,
    )
    deep = np.where(depth[:, 0] > np.median(depth), "A", "B").tolist()
    features = profile(found_with(deep), cohort).features
    said = features.groupby("block")["scale"].first()
    assert said["gut"] == "centred log ratio"
    assert re.fullmatch(r"counts per [\d.e+]+, log\(1 \+ x\)", said["rna"])
    assert features.query("block == 'rna'")["smd"].abs().median() < 0.5


def test_a_long_right_tail_is_compared_on_the_log_scale_as_in_the_fit():
    labs = pd.DataFrame(
        {"ige": np.exp(np.random.default_rng(8).normal(4, 1.5, N)), "wbc": labs_table()["wbc"]}
    )
    labs.index = IDS
    features = profile(
        found_with(), read_cohort({"blocks": {"labs": {"file": labs, "kind": "number"}}}, quiet=True)
    ).features
    assert features.groupby("feature")["scale"].first().to_dict() == {
        "ige": "log (long right tail)",
        "wbc": "as measured",
    }
    a, b = np.log(labs["ige"].iloc[:25]), np.log(labs["ige"].iloc[25:45])
    pooled = np.sqrt((24 * a.var() + 19 * b.var()) / 43)
    assert features["smd"].iloc[0] == pytest.approx((1 - 3 / (4 * 43 - 1)) * (a.mean() - b.mean()) / pooled)


def test_the_notebook_view_escapes_what_files_contain():
    labs = labs_table().rename(columns={"wbc": "<script>x</script>"})
    dictionary = DICTIONARY.replace("wbc", "<script>x</script>")
    cohort = read_cohort(
        {"blocks": {"labs": {"file": labs, "kind": "mixed", "dictionary": dictionary}}}, quiet=True
    )
    shown = profile(found_with(), cohort)._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_facts_become_json(described):
    assert json.loads(described.table.to_json(orient="records"))[0]["outcome"] in OUTCOMES
