"""A whole study: what is in its folder, what is not, and what is left when it fails."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cohort_factory
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from study_factory import (
    RECIPE,
    ids_of,
    keep_only,
    listing,
    rename,
    rows_of,
    shuffle,
    small_cohort,
    without,
)

import phenotyper.datasets.demo
from phenotyper import __version__, study
from phenotyper.cohort.read import read_cohort
from phenotyper.datasets.simulate import simulate_cohort
from phenotyper.discover.phenotypes import load_phenotypes
from phenotyper.discover.recipe import Recipe
from phenotyper.errors import CohortError, FitError, OutputError, RecipeError
from phenotyper.files import sha256_of
from phenotyper.outcomes.profile import profile
from phenotyper.present.summary import found_sentence, outcome_sentence, summary_page
from phenotyper.study import assignments_text, run_demo, run_study

SHARED = [
    "share/figures/kaplan_meier_time_to_exacerbation.png",
    "share/figures/kaplan_meier_time_to_exacerbation.svg",
    "share/figures/patient_flow.png",
    "share/figures/patient_flow.svg",
    "share/figures/settings.png",
    "share/figures/settings.svg",
    "share/summary.md",
    "share/tables/factors.csv",
    "share/tables/feature_differences.csv",
    "share/tables/features.csv",
    "share/tables/features.html",
    "share/tables/outcome_exacerbation.csv",
    "share/tables/outcome_exacerbation.html",
    "share/tables/outcome_facts.csv",
    "share/tables/outcome_fev1_z.csv",
    "share/tables/outcome_fev1_z.html",
    "share/tables/outcome_time_to_exacerbation.csv",
    "share/tables/outcome_time_to_exacerbation.html",
    "share/tables/prepared_features.csv",
    "share/tables/runs.csv",
    "share/tables/settings_tried.csv",
    "share/tables/table_one.csv",
    "share/tables/table_one.html",
]
PRIVATE = [
    "private/assignments.csv",
    "private/figures/map.png",
    "private/figures/map.svg",
    "private/figures/map_probability.png",
    "private/figures/map_probability.svg",
    "private/figures/missingness.png",
    "private/figures/missingness.svg",
    "private/phenotypes/phenotypes.json",
    "private/phenotypes/phenotypes.npz",
    "private/phenotypes/placing.json",
    "private/phenotypes/placing.npz",
]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return small_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def finished(cohort, tmp_path_factory):
    """Return a finished run."""
    return run_study(cohort, out=tmp_path_factory.mktemp("runs") / "run", recipe=RECIPE, notebook=False)


@pytest.fixture(scope="module")
def about(finished):
    return json.loads((finished.folder / "run.json").read_text(encoding="utf-8"))


@pytest.fixture
def no_pictures(monkeypatch):
    """Draw nothing, where pictures are not what a test is about."""
    monkeypatch.setattr(study, "_pictures", lambda *_: ({}, {}))


# What is in the folder


def test_a_run_holds_these_files_and_no_others(finished):
    assert listing(finished.folder) == sorted([*PRIVATE, "run.json", *SHARED])
    assert listing(finished.folder.parent) == [f"run/{name}" for name in listing(finished.folder)]


def test_run_json_hashes_every_other_file(finished, about):
    expected = {
        name: sha256_of(finished.folder / name) for name in listing(finished.folder) if name != "run.json"
    }
    assert about["files"] == expected


def test_run_json_says_what_was_read_and_how_it_was_run(finished, about, cohort):
    assert Recipe.from_dict(about["recipe"]) == RECIPE
    assert about["recipes_tried"] == [about["recipe"]]
    assert about["seed"] == 1
    assert about["cohort"]["declaration"] == str(cohort / "cohort.toml")
    assert about["cohort"]["declaration_sha256"] == sha256_of(cohort / "cohort.toml")
    read = [
        f"{name}.csv" for name in ("clinical", "dictionary", "expression", "labs", "lifestyle", "microbiome")
    ]
    assert about["cohort"]["sources_sha256"] == {name: sha256_of(cohort / name) for name in read}
    assert about["cohort"]["fingerprint"] == finished.found.fingerprint
    assert about["cohort"]["blocks"]["labs"] == [finished.found.n_patients, 19]
    assert about["cohort"]["flow"][0] == ["in any table", 120]
    assert about["finding"]["sizes"] == finished.found.sizes
    assert about["finding"]["sentence"] == finished.found.sentence()
    assert about["status"] == "candidate, evidence not assessed"
    assert about["disclosure"] == "internal"
    assert about["versions"]["phenotyper"] == __version__
    assert "absent" not in about["versions"].values()
    assert about["machine"]["n_jobs"] == 1


@pytest.mark.usefixtures("no_pictures")
def test_run_json_is_enough_to_run_again_with_more_processes_to_the_same_bytes(finished, about, tmp_path):
    recipe, declaration = Recipe.from_dict(about["recipe"]), about["cohort"]["declaration"]
    again = run_study(declaration, out=tmp_path / "again", recipe=recipe, n_jobs=2, notebook=False)
    names = [name for name in listing(again.folder) if name not in ("run.json", "share/summary.md")]
    assert len(names) == 21
    for name in names:
        assert (again.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name


def test_assignments_are_sorted_by_patient_and_say_what_was_found(finished):
    head, *rows = rows_of(finished.folder / "private" / "assignments.csv")
    assert head == finished.found.table.columns.tolist()
    assert head[:2] == ["patient_id", "subphenotype"]
    assert [row[:2] for row in rows] == finished.found.table[
        ["patient_id", "subphenotype"]
    ].to_numpy().tolist()
    ids = [row[0] for row in rows]
    assert ids == sorted(ids)
    assert max(len(cell.partition(".")[2]) for row in rows for cell in row) <= 6


def test_shuffled_rows_and_columns_give_the_same_assignments(finished, tmp_path):
    shuffled = shuffle(small_cohort(tmp_path))
    assert (shuffled / "labs.csv").read_bytes() != small_cohort(tmp_path / "as_it_was").joinpath(
        "labs.csv"
    ).read_bytes()
    text = assignments_text(RECIPE.fit(read_cohort(shuffled, quiet=True)))
    assert text.encode() == (finished.folder / "private" / "assignments.csv").read_bytes()


def test_renamed_patients_get_the_same_assignments(finished, tmp_path):
    old = rename(small_cohort(tmp_path))
    table = RECIPE.fit(read_cohort(tmp_path, quiet=True)).table
    assert table["patient_id"].tolist() != sorted(old[name] for name in table["patient_id"])
    table = table.assign(patient_id=table["patient_id"].map(old)).sort_values("patient_id")
    text = str(table.round(6).to_csv(index=False, lineterminator="\n"))
    assert text.encode() == (finished.folder / "private" / "assignments.csv").read_bytes()


def test_what_was_found_can_be_loaded_again(finished):
    loaded = load_phenotypes(finished.folder / "private" / "phenotypes")
    assert assignments_text(loaded) == assignments_text(finished.found)


def test_no_patient_is_named_in_share_or_run_json(finished, cohort):
    ids = [name.encode() for name in ids_of(cohort)]
    assert len(ids) == 120
    private = (finished.folder / "private" / "assignments.csv").read_bytes()
    assert sum(name in private for name in ids) == finished.found.n_patients
    for name in [*SHARED, "run.json"]:
        content = (finished.folder / name).read_bytes()
        assert not [patient for patient in ids if patient in content], name


def test_pictures_with_a_mark_a_patient_are_private(finished):
    def marks(name):
        return (finished.folder / name).read_text(encoding="utf-8").count("<use ")

    n = finished.found.n_patients
    assert marks("private/figures/map.svg") >= n
    assert marks("private/figures/map_probability.svg") >= n
    assert marks("share/figures/patient_flow.svg") == 0
    assert marks("share/figures/kaplan_meier_time_to_exacerbation.svg") < n


def test_tables_carry_the_status_and_what_the_profile_says(finished):
    for table, name in [
        (finished.profile.table_one, "table_one"),
        (finished.profile.feature_table, "features"),
        (finished.profile.outcome_tables["exacerbation"], "outcome_exacerbation"),
    ]:
        place = finished.folder / "share" / "tables"
        assert "candidate, evidence not assessed" in table.title
        assert rows_of(place / f"{name}.csv")[0] == [table.title]
        assert rows_of(place / f"{name}.csv")[1] == list(table.columns)
        assert table.to_html() in (place / f"{name}.html").read_text(encoding="utf-8")
    facts = pd.read_csv(finished.folder / "share" / "tables" / "outcome_facts.csv")
    assert facts["statistic"].tolist() == finished.profile.table["statistic"].tolist()


def test_the_page_shows_finding_patients_outcomes_settings_and_links_that_exist(finished):
    page = (finished.folder / "share" / "summary.md").read_text(encoding="utf-8")
    found_said, fared_said, _ = finished.sentences()
    assert page.startswith("# Childhood wheeze, two hospitals (simulated)\n\n")
    assert f"{found_said} {fared_said}" in page
    assert "not a medical device" in page
    assert "- in any table: 120\n- without research consent, removed: 2\n- in the cohort: 118" in page
    table = finished.found.table
    for reason, n in table.loc[table["subphenotype"] == "unassigned", "reason"].value_counts().items():
        assert f"\n  - {reason}: {n}\n" in page
    assert f"\n- unassigned: {finished.found.sizes['unassigned']}\n" in page
    assert "- `adjust_for`: age\n- `seed`: 1\n- `blocks`: by default" in page
    assert "| All | " in page
    assert "- none\n" in page
    links = re.findall(r"\]\((.*?)\)", page)
    assert len(links) >= 10
    assert [link for link in links if not (finished.folder / "share" / link).is_file()] == []
    for said in ("None", "nan", "[]"):
        assert said not in page.replace("None is declared", "")


def test_three_sentences_say_what_was_found_and_where_to_look(finished, monkeypatch):
    monkeypatch.chdir(finished.folder.parent)
    found_said, fared_said, look = finished.sentences()
    assert finished.found.names
    assert found_said == f"{finished.found.sentence()}."
    assert fared_said.startswith("Exacerbation, proportion (95 % interval): A ")
    assert look.startswith("Look at run: ")
    assert "analysis.ipynb" not in look
    assert all(said.endswith(".") and "None" not in said for said in finished.sentences())
    monkeypatch.chdir("/")
    assert f"Look at {finished.folder.relative_to('/')}: " in finished.sentences()[2]
    assert repr(finished).startswith(f"<Study: {finished.found.sentence()}; in ")


# Other cohorts


def test_a_cohort_without_subphenotypes_has_a_whole_folder(tmp_path):
    small_cohort(tmp_path / "cohort", subphenotypes=0)
    recipe = replace(RECIPE, min_cluster_size=59, min_samples=50)
    run = run_study(tmp_path / "cohort", out=tmp_path / "run", recipe=recipe, notebook=False)
    assert run.found.names == ()
    assert listing(run.folder) == sorted([*PRIVATE, "run.json", *SHARED])
    found_said, fared_said, _ = run.sentences()
    assert "no subphenotypes" in found_said.lower()
    assert fared_said.startswith("In the whole cohort, Exacerbation, proportion (95 % interval): ")
    page = run.folder.joinpath("share", "summary.md").read_text(encoding="utf-8")
    assert "In the cohort:\n\n- unassigned: 118\n  - " in page


def test_a_cohort_with_one_block_and_nothing_else_has_a_folder(tmp_path):
    cohort = without(
        small_cohort(tmp_path / "cohort", blocks=("labs",)), "patients", "outcomes", "treatments", "consent"
    )
    recipe = replace(RECIPE, adjust_for=())
    run = run_study(cohort / "cohort.toml", out=tmp_path / "run", recipe=recipe, notebook=False)
    assert [name for name in listing(run.folder) if "outcome_" in name] == ["share/tables/outcome_facts.csv"]
    assert run.sentences()[1] == "No outcome is declared, so none is compared."
    assert "None is declared." in run.folder.joinpath("share", "summary.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_pictures")
def test_odd_names_become_file_names_and_run_no_formula(tmp_path):
    cohort = small_cohort(tmp_path / "cohort")
    for name in ("labs.csv", "dictionary.csv"):
        path = cohort / name
        path.write_text(path.read_text(encoding="utf-8").replace("eosinophils", "=cmd()"), encoding="utf-8")
    toml = (cohort / "cohort.toml").read_text(encoding="utf-8")
    toml = toml.replace("[outcomes.exacerbation]", '[outcomes."a..b x"]')
    toml = toml.replace('label = "Exacerbation"', 'label = "+1|<b>../x*"')
    (cohort / "cohort.toml").write_text(toml, encoding="utf-8")
    run = run_study(cohort, out=tmp_path / "run", recipe=RECIPE, notebook=False)
    tables = run.folder / "share" / "tables"
    names = [name for name in listing(tables) if name.endswith(".csv")]
    assert [name for name in names if re.fullmatch(r"outcome_a-b-x-[0-9a-f]{8}\.csv", name)]
    cells = [cell for name in names for row in rows_of(tables / name) for cell in row]
    assert "'=cmd()" in cells
    assert "'+1|<b>../x* (candidate, evidence not assessed)" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+"))] == []
    page = run.folder.joinpath("share", "summary.md").read_text(encoding="utf-8")
    assert r"+1\|&lt;b&gt;../x\*, proportion" in page
    assert "<b>" not in page


@pytest.mark.usefixtures("no_pictures")
def test_warnings_of_the_cohort_are_kept_with_the_run(tmp_path):
    cohort = small_cohort(tmp_path / "cohort")
    head, *rows = rows_of(cohort / "labs.csv")
    (cohort / "labs.csv").write_text(
        "\n".join(",".join(row) for row in [[*head, "flat"], *([*row, "1"] for row in rows)]) + "\n",
        encoding="utf-8",
    )
    with (cohort / "dictionary.csv").open("a", encoding="utf-8") as file:
        file.write("flat,number,,,,\n")
    run = run_study(cohort, out=tmp_path / "run", recipe=RECIPE, notebook=False)
    assert [problem.code for problem in run.warnings] == ["CONSTANT"]
    about = json.loads(run.folder.joinpath("run.json").read_text(encoding="utf-8"))
    assert about["cohort"]["warnings"] == [{"code": "CONSTANT", "where": "labs.csv"}]
    assert "- CONSTANT: 1 feature of block labs" in run.folder.joinpath("share", "summary.md").read_text(
        encoding="utf-8"
    )


def test_a_cohort_without_a_name_takes_that_of_its_folder(tmp_path):
    cohort = small_cohort(tmp_path / "wheeze")
    toml = (cohort / "cohort.toml").read_text(encoding="utf-8")
    (cohort / "cohort.toml").write_text(re.sub("(?m)^name = .*$", "", toml), encoding="utf-8")
    run = study._Run(read_cohort(cohort, quiet=True), cohort / "cohort.toml", "", RECIPE, 1, notebook=False)
    assert run.name == "wheeze"


# Runs that cannot be


def refused(kind, *arguments, **options):
    """Return the codes of the error that a run ends with."""
    with pytest.raises(kind) as caught:
        run_study(*arguments, notebook=False, **options)
    return caught.value.codes


def test_a_cohort_that_is_refused_leaves_nothing_not_even_folders_above(tmp_path):
    spoiled = cohort_factory.sound()
    spoiled.set("labs.csv", "crp", 4, "<0.5")
    spoiled.set("clinical.csv", "days", 3, "-4")
    (tmp_path / "cohort").mkdir()
    path = spoiled.write(tmp_path / "cohort")
    before = listing(tmp_path)
    assert set(refused(CohortError, path, out=tmp_path / "a" / "run")) == {"COERCE", "NEG_TIME"}
    assert listing(tmp_path) == before
    assert not (tmp_path / "a").exists()


def test_five_patients_are_too_few_and_leave_nothing(tmp_path):
    cohort = small_cohort(tmp_path / "cohort", n_patients=20)
    keep_only(cohort, set(ids_of(cohort)[:5]))
    assert refused(FitError, cohort, out=tmp_path / "a" / "run", recipe=RECIPE) == ("MIN_N",)
    assert not (tmp_path / "a").exists()


def test_a_covariate_that_is_not_declared_leaves_nothing(cohort, tmp_path):
    recipe = Recipe(adjust_for=("smoke",))
    assert refused(RecipeError, cohort, out=tmp_path / "a" / "run", recipe=recipe) == ("COVARIATE_UNKNOWN",)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_before_the_cohort_is_read(tmp_path):
    (tmp_path / "run").mkdir()
    assert refused(OutputError, tmp_path / "no cohort", out=tmp_path / "run") == ("EXISTS",)
    assert refused(OutputError, tmp_path / "no cohort", out=f"{tmp_path}/x/../run/") == ("EXISTS",)


def test_a_folder_that_the_cohort_is_read_from_is_not_replaced(tmp_path):
    out = tmp_path / "run"
    cohort = small_cohort(out / "cohort")
    (out / "run.json").write_text("{}")
    before = listing(tmp_path)
    for source in (cohort, cohort / "cohort.toml"):
        assert refused(OutputError, source, out=out, recipe=RECIPE, overwrite=True) == ("EXISTS",)
    (tmp_path / "elsewhere").mkdir()
    toml = (cohort / "cohort.toml").read_text(encoding="utf-8")
    (tmp_path / "elsewhere" / "dictionary.csv").write_bytes((cohort / "dictionary.csv").read_bytes())
    (tmp_path / "elsewhere" / "cohort.toml").write_text(f'folder = "{cohort}"\n{toml}', encoding="utf-8")
    assert refused(OutputError, tmp_path / "elsewhere", out=out, recipe=RECIPE, overwrite=True) == ("EXISTS",)
    assert [name for name in listing(tmp_path) if not name.startswith("elsewhere")] == before


def breaks(*_, **__):
    raise ZeroDivisionError


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    "place", ["profile", "assignments_text", "summary_page", "write_notebook", "to_json"]
)
def test_a_defect_anywhere_leaves_the_old_run_whole(finished, cohort, tmp_path, monkeypatch, place):
    notebook = place == "write_notebook"
    monkeypatch.setattr(study, place, breaks)
    with pytest.raises(ZeroDivisionError):
        run_study(cohort, out=tmp_path / "a" / "run", recipe=RECIPE, notebook=notebook)
    assert list(tmp_path.iterdir()) == []
    before = {name: (finished.folder / name).read_bytes() for name in listing(finished.folder.parent / "run")}
    with pytest.raises(ZeroDivisionError):
        run_study(cohort, out=finished.folder, recipe=RECIPE, notebook=notebook, overwrite=True)
    assert listing(finished.folder.parent) == [f"run/{name}" for name in before]
    assert {name: (finished.folder / name).read_bytes() for name in before} == before


# The demo


@pytest.mark.usefixtures("no_pictures")
def test_the_demo_holds_its_cohort_and_compares_with_the_truth(tmp_path, monkeypatch):
    simulated = simulate_cohort(n_patients=120, seed=3)
    monkeypatch.setattr(phenotyper.datasets.demo, "demo_cohort", lambda: simulated)
    run = run_demo(out=tmp_path / "demo", recipe=RECIPE, notebook=False)
    cohort = [f"cohort/{name}" for name in listing(small_cohort(tmp_path / "same"))]
    drawn = [name for name in [*PRIVATE, *SHARED] if "figures" in name]
    assert listing(run.folder) == sorted({*cohort, *PRIVATE, "run.json", *SHARED} - {*drawn})
    about = json.loads(run.folder.joinpath("run.json").read_text(encoding="utf-8"))
    assert about["cohort"]["declaration"] == "cohort/cohort.toml"
    assert about["cohort"]["declaration_sha256"] == sha256_of(run.folder / "cohort" / "cohort.toml")
    assert set(cohort) <= about["files"].keys()
    truth = dict(rows_of(run.folder / "cohort" / "truth.csv")[1:])
    assigned = run.found.table[run.found.table["subphenotype"] != "unassigned"]
    score = adjusted_rand_score(assigned["patient_id"].map(truth), assigned["subphenotype"])
    assert f"among the {len(assigned)} assigned" in run.note
    assert f" is {score:.2f} (" in run.note


def test_the_demo_that_finds_nothing_says_so():
    table = pd.DataFrame({"patient_id": ["p1"], "subphenotype": ["unassigned"]})
    truth = pd.DataFrame({"patient_id": ["p1"], "subphenotype": ["atopic"]})
    said = study._beside_the_truth(SimpleNamespace(table=table, names=()), truth)
    assert said == "The cohort is simulated and has subphenotypes: none was found."


def test_the_demo_is_run_with_the_settings_of_the_readme():
    assert Recipe(adjust_for=("age", "site"), seed=7) == study.DEMO_RECIPE


# Sentences


@pytest.fixture(scope="module")
def sound():
    return read_cohort(_in_memory(cohort_factory.sound()), quiet=True)


def _in_memory(sound):
    """Return a declaration with the tables in place of their files."""
    declared = json.loads(json.dumps(sound.declared))
    for section in (*declared["blocks"].values(), declared["patients"]):
        for key in ("file", "dictionary"):
            if key in section:
                section[key] = sound.tables[section[key]]
    return declared


def found_in(cohort, groups=("A", "B")):
    """Return a stand-in for Phenotypes: patients in groups by chance."""
    ids = sorted(cohort.obs_names)
    labels = np.random.default_rng(0).choice([*groups, "unassigned"], len(ids)).tolist()
    table = pd.DataFrame({"patient_id": ids, "subphenotype": labels, "reason": ["" for _ in ids]})
    known = dict(zip(ids, labels, strict=True))
    return SimpleNamespace(
        table=table,
        names=groups,
        status="candidate, evidence not assessed",
        labels=lambda wanted: np.array([known[patient] for patient in wanted]),
        recipe=Recipe(),
        seed=0,
        fingerprint="f",
    )


def figure_of(described, outcome, group, statistic):
    facts = described.table
    rows = facts[
        (facts["outcome"] == outcome) & (facts["subphenotype"] == group) & (facts["statistic"] == statistic)
    ]
    return rows.iloc[0]


def test_a_binary_outcome_is_told_in_percent(sound):
    described = profile(found_in(sound), sound, outcomes=["relapsed"])
    fact = figure_of(described, "relapsed", "A", "proportion")
    said = outcome_sentence(described)
    assert said.startswith("Relapsed, proportion (95 % interval): A ")
    assert f"A {fact.estimate:.0%}".replace("%", " %") in said
    assert f"({100 * fact.ci_low:.0f} to {100 * fact.ci_high:.0f}); B " in said


def test_a_number_is_told_by_its_mean_and_a_count_as_well(sound):
    described = profile(found_in(sound), sound, outcomes=["lung"])
    fact = figure_of(described, "lung", "B", "mean")
    said = outcome_sentence(described)
    assert said.startswith("Lung, mean (95 % interval): A ")
    assert said.endswith(f"; B {fact.estimate:.1f} ({fact.ci_low:.1f} to {fact.ci_high:.1f}).")
    assert outcome_sentence(profile(found_in(sound), sound, outcomes=["visits"])).startswith(
        "Visits, mean (95 %"
    )


def test_an_ordinal_outcome_is_told_by_its_median_level(sound):
    described = profile(found_in(sound), sound, outcomes=["severity"])
    levels = [figure_of(described, "severity", group, "median level").level for group in "AB"]
    assert outcome_sentence(described) == f"Severity, median level: A {levels[0]}; B {levels[1]}."


def test_survival_is_told_at_a_round_time(sound):
    described = profile(found_in(sound), sound, outcomes=["followed"])
    curves = described.survival["followed"]
    said = outcome_sentence(described)
    assert said.startswith(f"Followed, cumulative incidence at {curves.landmark:g} days (95 % interval): A ")
    assert f"A {100 * curves.curves['A'].at_landmark.estimate:.0f} % (" in said


def test_survival_without_competing_events_is_told_as_event_free(tmp_path):
    plain = cohort_factory.sound()
    del plain.declared["outcomes"]["followed"]["competing"]
    plain.declared["outcomes"] = {
        "followed": {**plain.declared["outcomes"]["followed"], "label": "Time to relapse"}
    }
    plain.tables["clinical.csv"]["status"] = plain.tables["clinical.csv"]["status"].replace("2", "0")
    cohort = read_cohort(_in_memory(plain), quiet=True)
    said = outcome_sentence(profile(found_in(cohort), cohort))
    assert re.match(
        r"Time to relapse, event-free at \d+ days \(95 % interval\): A \d+ % \(\d+ to \d+\); B ", said
    )


def test_the_first_outcome_that_is_known_is_told(sound):
    described = profile(found_in(sound), sound, outcomes=["relapsed", "lung"])
    unknown = described.table.copy()
    unknown.loc[unknown["outcome"] == "relapsed", ["estimate", "ci_low", "ci_high"]] = np.nan
    assert outcome_sentence(replace(described, table=unknown)).startswith("Lung, mean")
    unknown["estimate"] = np.nan
    assert outcome_sentence(replace(described, table=unknown)) == (
        "No declared outcome has a known value in the subphenotypes."
    )
    partly = described.table.copy()
    partly.loc[(partly["subphenotype"] == "A"), ["estimate", "ci_low", "ci_high"]] = np.nan
    assert "A not known; B " in outcome_sentence(replace(described, table=partly))


def test_without_subphenotypes_the_whole_cohort_is_told(sound):
    described = profile(found_in(sound, ()), sound, outcomes=["relapsed"])
    share = figure_of(described, "relapsed", "all", "proportion").estimate
    assert outcome_sentence(described).startswith(
        f"In the whole cohort, relapsed, proportion (95 % interval): {100 * share:.0f} % ("
    )


def test_the_sentence_of_what_was_found_begins_with_a_capital():
    assert found_sentence(SimpleNamespace(sentence=lambda: "no subphenotypes (x)")) == "No subphenotypes (x)."


def test_the_page_keeps_what_looks_like_markdown_as_text(finished, cohort):
    data = read_cohort(cohort, quiet=True)
    page = summary_page(
        finished.found, data, finished.profile, name="A *b*\n# <i>c_d [e](f)", figures={"g]": "h.png"}
    )
    assert page.splitlines()[0] == r"# A \*b\* # &lt;i&gt;c_d \[e\](f)"
    assert r"![g\]](h.png)" in page


def test_the_progress_bar_is_full_at_the_end_whatever_was_skipped(cohort, capsys):
    data = read_cohort(cohort, quiet=True)
    run = study._Run(data, Path("x"), "x", RECIPE, 1, notebook=True)
    with run.bar(shown=True) as step:
        step("layouts", 1, 3)
        step("profile", 0, 1)
        step("figures", 2, 5)
    said = re.findall(r"(\w+): .*? (\d+) of (\d+) steps, .*? left", capsys.readouterr().err)
    assert [(stage, int(n), int(of)) for stage, n, of in dict.fromkeys(said)] == [
        ("layouts", 0, 13), ("layouts", 1, 13), ("profile", 3, 13), ("figures", 6, 13), ("figures", 13, 13),
    ]  # fmt: skip
