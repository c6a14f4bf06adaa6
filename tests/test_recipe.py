"""The recipe through the public edge: what it finds, what it refuses, the same bytes for the same data."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from phenotyper import Phenotypes, Recipe, load_phenotypes, read_cohort
from phenotyper.discover.phenotypes import group_name
from phenotyper.errors import FitError, RecipeError, ResultError

DATA = Path(__file__).parents[1] / "data"


def planted(n=240, p=24, separation=2.5, seed=0, groups=3):
    """Return correlated features with planted groups (the first n labels cycle through the groups)."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % max(groups, 1)
    values = rng.normal(size=(n, 4)) @ rng.normal(size=(4, p)) * 0.5 + rng.normal(size=(n, p))
    for g in range(groups):
        chosen = rng.choice(p, p // 3, replace=False)
        values[np.ix_(truth == g, chosen)] += separation * rng.choice([-1, 1], size=len(chosen))
    ids = [f"P{i:04d}" for i in range(n)]
    frame = pd.DataFrame(values, index=ids, columns=[f"f{j:02d}" for j in range(p)])
    return frame, pd.Series(truth, index=ids)


def cohort_of(*frames, kind="number", patients=None, **more):
    blocks = {f"block{i}": {"file": frame, "kind": kind} for i, frame in enumerate(frames)}
    declaration = {"blocks": blocks, **more}
    if patients is not None:
        declaration["patients"] = {"file": patients, **more.pop("roles", {})}
        declaration.pop("roles", None)
    return read_cohort(declaration, quiet=True)


def text_of(found):
    return found.table.to_csv(index=False)


@pytest.fixture(scope="module")
def demo():
    cohort = read_cohort(DATA / "demo" / "cohort.toml", quiet=True)
    return cohort, Recipe(adjust_for=["age", "site"], seed=7).fit(cohort)


@pytest.fixture(scope="module")
def small():
    frame, truth = planted()
    cohort = cohort_of(frame)
    return frame, truth, cohort, Recipe(n_layouts=3, seed=1).fit(cohort)


def test_the_demo_is_solved_after_age_and_site_are_taken_out(demo):
    _, found = demo
    truth = pd.read_csv(DATA / "demo" / "truth.csv").set_index("patient_id")["subphenotype"]
    labels = found.table.set_index("patient_id")["subphenotype"]
    inside = labels[labels != "unassigned"]
    assert found.coverage >= 0.75
    assert adjusted_rand_score(truth.loc[inside.index], inside) >= 0.8
    assert found.names == ("A", "B", "C")


def test_lacking_a_block_is_no_subphenotype(demo):
    cohort, found = demo
    ids = found.table["patient_id"]
    lacks = [
        tuple(patient in cohort[block].obs_names for block in ("expression", "microbiome")) for patient in ids
    ]
    pattern = [str(row) for row in lacks]
    assert adjusted_mutual_info_score(pattern, found.table["subphenotype"]) < 0.05


def test_every_patient_is_in_the_table_with_a_reason_if_unassigned(demo):
    cohort, found = demo
    assert found.table["patient_id"].tolist() == sorted(cohort.obs_names)
    unassigned = found.table["subphenotype"] == "unassigned"
    assert (found.table["reason"] != "").equals(unassigned)
    assert sum(found.sizes.values()) == found.n_patients == cohort.n_obs
    assert found.table["membership"].between(0, 1).all()


def test_planted_groups_are_found(small):
    _, truth, _, found = small
    labels = found.labels(truth.index)
    assert len(found.names) == 3
    inside = labels != "unassigned"
    assert inside.mean() > 0.8
    assert adjusted_rand_score(truth[inside], labels[inside]) >= 0.95
    assert list(found.sizes.values())[:3] == sorted(list(found.sizes.values())[:3], reverse=True)


def test_two_workers_give_the_same_bytes(small):
    _, _, cohort, found = small
    again = Recipe(n_layouts=3, seed=1).fit(cohort, n_jobs=2)
    assert text_of(again) == text_of(found)
    assert (again.latent == found.latent).all()


def test_order_of_rows_and_columns_and_names_of_patients_change_no_byte(small):
    frame, _, _, found = small
    rng = np.random.default_rng(3)
    shuffled = frame.iloc[rng.permutation(len(frame)), rng.permutation(frame.shape[1])]
    names = pd.Series([f"X{i}" for i in rng.permutation(len(frame))], index=shuffled.index)
    again = Recipe(n_layouts=3, seed=1).fit(cohort_of(shuffled.rename(index=names)))
    back = {new: old for old, new in names.items()}
    table = again.table.assign(patient_id=again.table["patient_id"].map(back)).sort_values("patient_id")
    assert table.to_csv(index=False) == text_of(found)


def test_the_order_of_blocks_changes_no_byte():
    first, _ = planted(n=60, p=6, seed=1)
    second, _ = planted(n=60, p=4, seed=2)
    second.columns = [f"g{j}" for j in range(4)]
    recipe = Recipe(n_layouts=1)
    one = read_cohort(
        {"blocks": {"a": {"file": first, "kind": "number"}, "b": {"file": second, "kind": "log"}}}
    )
    other = read_cohort(
        {"blocks": {"b": {"file": second, "kind": "log"}, "a": {"file": first, "kind": "number"}}}
    )
    assert text_of(recipe.fit(one)) == text_of(recipe.fit(other))


def test_another_seed_lays_out_anew(small):
    _, _, cohort, found = small
    assert not np.allclose(Recipe(n_layouts=1, seed=2).fit(cohort).table["map_x"], found.table["map_x"])


def test_patients_with_the_same_data_get_the_same_answer():
    frame, _ = planted(n=90, p=10)
    twice = pd.concat([frame, frame.iloc[:45].rename(index=lambda name: f"copy_{name}")])
    found = Recipe(n_layouts=3).fit(cohort_of(twice))
    rows = found.table.set_index("patient_id")
    originals, copies = rows.loc[frame.index[:45]], rows.loc[[f"copy_{name}" for name in frame.index[:45]]]
    for column in rows.columns:
        assert originals[column].tolist() == copies[column].tolist()


def test_outcomes_and_known_classes_never_change_a_fit():
    frame, truth = planted(n=90, p=10)
    recipe = Recipe(n_layouts=1)
    texts = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        clinical = pd.DataFrame(
            {"bad": rng.choice(["y", "n"], 90), "stage": rng.choice(["I", "II"], 90)}, index=truth.index
        )
        cohort = read_cohort(
            {
                "blocks": {"a": {"file": frame, "kind": "number"}},
                "patients": {"file": clinical, "known_classes": ["stage"]},
                "outcomes": {"bad": {"kind": "binary", "column": "bad", "event": "y"}},
            },
            quiet=True,
        )
        texts.append(text_of(recipe.fit(cohort)))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("levels", [2, 4])
def test_no_single_discrete_feature_carves_out_groups(levels):
    frame, _ = planted(n=300, p=16, groups=0, seed=4)
    answer = np.random.default_rng(5).choice([f"level{i}" for i in range(levels)], size=300)
    if levels == 2:
        answer = np.where(answer == "level0", "yes", "no")
    kind = "yes/no" if levels == 2 else "category"
    cohort = read_cohort(
        {
            "blocks": {
                "numbers": {"file": frame, "kind": "number"},
                "item": {"file": pd.DataFrame({"q": answer}, index=frame.index), "kind": kind},
            }
        }
    )
    found = Recipe(n_layouts=3).fit(cohort)
    labels = found.labels(frame.index)
    assert adjusted_mutual_info_score(answer, labels) < 0.1


def test_a_patient_of_whom_nothing_was_measured_is_unassigned_and_says_so():
    frame, _ = planted(n=90, p=8)
    frame.iloc[7] = np.nan
    found = Recipe(n_layouts=1).fit(cohort_of(frame))
    row = found.table.set_index("patient_id").loc["P0007"]
    assert (row["subphenotype"], row["reason"]) == ("unassigned", "nothing measured")
    assert np.isnan(row["map_x"])


@pytest.mark.parametrize("n", [3, 19])
def test_too_few_patients_are_refused_with_the_number_needed(n):
    frame, _ = planted(n=n, p=5)
    with pytest.raises(
        FitError, match=f"the cohort has {n} patients with data; these settings need 20"
    ) as caught:
        Recipe().fit(cohort_of(frame))
    assert caught.value.codes == ("MIN_N",)


def test_one_blob_of_twenty_ends_well():
    frame, _ = planted(n=20, p=5, groups=0)
    found = Recipe(n_layouts=2).fit(cohort_of(frame))
    assert found.n_patients == 20
    if not found.names:
        assert found.sentence().startswith("no subphenotypes among 20 patients")
        assert found.coverage == 0


def test_a_cross_table_of_few_answers_is_not_clustered():
    answers = np.random.default_rng(1).choice(["yes", "no"], size=(80, 3))
    frame = pd.DataFrame(answers, index=[f"P{i}" for i in range(80)], columns=list("abc"))
    found = Recipe().fit(cohort_of(frame, kind="yes/no"))
    assert found.names == ()
    assert set(found.table["reason"]) == {"too few different profiles"}
    assert "too few different profiles" in found.sentence()
    assert found.runs.empty


def test_everything_missing_but_a_few_cells_is_refused():
    frame, _ = planted(n=60, p=4)
    frame.iloc[5:] = np.nan
    with pytest.raises(FitError) as caught:
        Recipe().fit(cohort_of(frame))
    assert caught.value.codes == ("NO_FEATURES",)


@pytest.mark.parametrize(
    "wrong", [{"n_neighbors": 1}, {"seed": -1}, {"n_layouts": 0}, {"min_cluster_size": 2.5}, {"n_dims": True}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(RecipeError) as caught:
        Recipe(**wrong)
    assert caught.value.codes == ("RECIPE_SETTING",)
    assert next(iter(wrong)) in str(caught.value)


def test_unknown_names_are_refused_with_a_hint(demo):
    cohort, _ = demo
    with pytest.raises(RecipeError, match='Did you mean "site"'):
        Recipe(adjust_for=["sit"]).fit(cohort)
    with pytest.raises(RecipeError, match='Did you mean "labs"'):
        Recipe(blocks=["lab"]).fit(cohort)
    with pytest.raises(RecipeError, match='Did you mean "n_layouts"'):
        Recipe.from_dict({"n_layout": 3})


def test_a_recipe_is_the_same_after_json():
    recipe = Recipe(adjust_for=["age"], blocks="labs", n_factors=4, seed=3)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_blocks_may_be_chosen(demo):
    cohort, _ = demo
    found = Recipe(blocks=["labs"], n_layouts=1).fit(cohort)
    assert set(found.features["block"]) == {"labs"}


def test_a_saved_result_comes_back_whole(small, tmp_path):
    _, _, _, found = small
    found.save(tmp_path)
    back = load_phenotypes(tmp_path)
    assert isinstance(back, Phenotypes)
    pd.testing.assert_frame_equal(back.table, found.table)
    for name in ("runs", "criteria", "features", "factors"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(found, name))
    assert (back.recipe, back.fingerprint, back.status) == (found.recipe, found.fingerprint, found.status)
    assert back.sentence() == found.sentence()


def test_a_saved_result_that_was_altered_is_refused(small, tmp_path):
    small[3].save(tmp_path)
    archive = tmp_path / "phenotypes.npz"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(ResultError) as caught:
        load_phenotypes(tmp_path)
    assert caught.value.codes == ("RESULT_CHANGED",)


def test_patients_who_took_no_part_have_no_label(small):
    with pytest.raises(ResultError) as caught:
        small[3].labels(["P0000", "somebody else"])
    assert caught.value.codes == ("UNKNOWN_PATIENT",)


def test_progress_counts_every_layout_and_the_map():
    frame, _ = planted(n=60, p=5)
    said = []
    Recipe(n_layouts=2).fit(cohort_of(frame), progress=lambda done, total: said.append((done, total)))
    assert said == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "ages",
    [
        np.full(60, 5.0),
        np.repeat([3.0, 9.0], 30),
        np.where(np.arange(60) < 50, np.nan, 8.0),
        np.full(60, np.nan),
    ],
    ids=["constant", "two ages", "mostly missing", "all missing"],
)
def test_any_age_column_can_be_adjusted_for(ages):
    frame, _ = planted(n=60, p=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cohort = read_cohort(
            {
                "blocks": {"a": {"file": frame, "kind": "number"}},
                "patients": {
                    "file": pd.DataFrame({"age": ages}, index=frame.index),
                    "age": {"column": "age", "unit": "years"},
                },
            },
            quiet=True,
        )
        found = Recipe(adjust_for=["age"], n_layouts=1).fit(cohort)
    assert found.n_patients == 60


def test_names_of_groups_go_on_after_z():
    assert [group_name(g) for g in (0, 1, 25, 26, 27, 52)] == ["A", "B", "Z", "AA", "AB", "BA"]
