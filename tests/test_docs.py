"""The pages say what the code says: every code, key, kind, default and link."""

import ast
import re
import tomllib
from collections import defaultdict
from dataclasses import fields
from functools import cache
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

import phenotyper as ph
from phenotyper import cli, errors
from phenotyper.cohort.container import block_names
from phenotyper.cohort.declaration import (
    AGE_UNITS,
    KINDS,
    OUTCOME_KINDS,
    SUMMARIES,
    BlockSpec,
    ConsentSpec,
    OutcomeSpec,
    PatientsSpec,
    TreatmentSpec,
    VisitSpec,
)
from phenotyper.cohort.declare import declare
from phenotyper.cohort.dictionary import COLUMNS
from phenotyper.cohort.quiet import third_party_quiet
from phenotyper.cohort.readers.contract import FORMATS, READERS
from phenotyper.disclosure.cells import THRESHOLD
from phenotyper.discover import consensus, layouts, place, recipe
from phenotyper.discover.groups import REASONS
from phenotyper.integrate import factors, maximisation, rank
from phenotyper.prepare import adjust, automatic, censored, crossfit, levels, scales, standardise
from phenotyper.prepare import filter as filtering

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[A-Z]{2,}(?:_[A-Z]+)*")
NO_CODES = {"AUC", "EDQUOT", "MARC", "MARCH", "NFKC", "NFKD", "SEPT"}
WARNING_MAKERS = {"_dropped", "_warning", "note", "warning", "self._say"}
"""Functions that are given a code and make a warning of it."""
PASSED_ON = {*("FHIR_UNITS", "HPO_CONFLICT", "LOOKS_RAW", "OMOP_UNITS", "PHENOPACKET_UNITS")}
"""Codes whose severity is decided elsewhere than in the call that names them: both on the page."""


@cache
def page(name):
    """Return a page with its line breaks taken for spaces."""
    return " ".join(text_of(name).split())


def text_of(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def code_blocks(name, language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text_of(name), re.DOTALL | re.MULTILINE)
    return [text for written_in, text in found if written_in == language]


def texts_in(node):
    """Return the texts of an expression; a call in it speaks for itself."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.Call):
        return set()
    return set().union(*map(texts_in, ast.iter_child_nodes(node)))


def severities_in_the_code():
    """Return E, W or both for each code that is given to a call or named ``code``."""
    found = defaultdict(set)
    for path in (ROOT / "phenotyper").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                given, severity = texts_in(node.value), {"error"}
            elif isinstance(node, ast.Call):
                keywords = {keyword.arg: keyword.value for keyword in node.keywords}
                parts = [*node.args, *([keywords["code"]] if "code" in keywords else [])]
                given = set().union(*map(texts_in, parts)) if parts else set()
                severity = texts_in(keywords["severity"]) if "severity" in keywords else {"error"}
                severity = {"warning"} if ast.unparse(node.func) in WARNING_MAKERS else severity
            else:
                continue
            for code in given:
                if CODE.fullmatch(code) and code not in NO_CODES:
                    found[code] |= {word[0].upper() for word in severity & {"error", "warning"}}
    return found


def severities_on_the_page():
    rows = re.findall(r"^\| ([A-Z_]+) \| ([EW, ]+) \| \S.* \| \S.* \|$", text_of("errors.md"), re.MULTILINE)
    assert len(dict(rows)) == len(rows), "a code stands twice"
    return {code: set(marks.split(", ")) for code, marks in rows}


def test_every_code_of_the_code_stands_on_the_page_of_codes_and_no_other():
    assert len(severities_in_the_code()) > 70
    assert set(severities_on_the_page()) == set(severities_in_the_code())


def test_the_page_says_of_every_code_whether_it_refuses_or_warns():
    in_the_code = severities_in_the_code() | {code: {"E", "W"} for code in PASSED_ON}
    assert severities_on_the_page() == in_the_code


def test_links_lead_somewhere_and_their_anchors_exist():
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "figures" / "README.md"]
    pages += (ROOT / "notebooks").glob("*.py")
    dead = []
    for source in pages:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", source.read_text(encoding="utf-8")):
            if target.startswith("http"):
                continue
            aim = source.parent / target if target else source
            if not aim.exists() or (anchor and anchor[1:] not in anchors(aim)):
                dead.append(f"{source.name}: {target}{anchor}")
    assert dead == []


def anchors(path):
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_the_first_page_names_every_page():
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert names == set(re.findall(r"\]\((\w+\.md)", text_of("index.md")))


@pytest.mark.parametrize(
    ("heading", "spec", "beside"),
    [
        ("## [blocks.NAME]", BlockSpec, set()),
        ("## [patients]", PatientsSpec, {"column", "unit", "female", "male"}),
        ("## [outcomes.NAME]", OutcomeSpec, set()),
        ("## [treatments.NAME]", TreatmentSpec, set()),
        ("## [consent]", ConsentSpec, set()),
    ],
)
def test_every_key_of_a_section_is_explained_there(heading, spec, beside):
    section = text_of("cohort_toml.md").split(heading)[1].split("\n## ")[0]
    said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", section))))
    assert {field.name for field in fields(spec)} - {"name", "kind"} | beside <= said


def test_every_key_at_the_top_is_explained():
    section = text_of("cohort_toml.md").split("## At the top")[1].split("\n## ")[0]
    keys = {"name", "id", "folder", "missing_codes", "normalise_ids", "allow_leak"}
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == keys
    declare(
        {"blocks": {"labs": {"file": "labs.csv", "kind": "number"}}, **dict.fromkeys(["name", "id"], "x")}
    )
    with pytest.raises(errors.CohortError) as refused:
        declare({"unknown": 1})
    named = str(refused.value).split("Known keys: ")[1].split(".")[0].split(", ")
    assert set(named) == keys | {"blocks", "patients", "outcomes", "treatments", "consent"}


def test_every_kind_unit_ending_and_column_of_the_dictionary_is_named():
    text = text_of("cohort_toml.md")
    kinds = re.findall(r"^\| `([\w/]+)` \| ", text.split("### Kinds")[1].split("### ")[0], re.MULTILINE)
    assert set(kinds) == set(KINDS)
    outcomes = text.split("## [outcomes.NAME]")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", outcomes, re.MULTILINE)) - {"kind"} == set(OUTCOME_KINDS)
    for word in (*AGE_UNITS, *(ending.removesuffix(".gz") for ending in READERS)):
        assert f"`{word}`" in text, word
    assert f"\n{','.join(COLUMNS)}\n" in text


def test_the_examples_of_cohort_toml_are_sound_declarations():
    examples = [tomllib.loads(text) for text in code_blocks("cohort_toml.md", "toml")]
    assert len(examples) == 4
    for example in examples:
        declare(example)
    whole = examples[1]
    assert set(whole) == {
        *("name", "id", "missing_codes", "blocks", "patients", "outcomes", "treatments", "consent")
    }


def test_every_format_has_its_section_with_its_keys_and_a_sound_example():
    text = text_of("formats.md")
    for name, form in FORMATS.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", section))))
        assert {*form.options, *form.files} <= said, name
        assert f'format = "{name}"' in section
    examples = [tomllib.loads(block) for block in code_blocks("formats.md", "toml")]
    assert len(examples) == len(FORMATS)
    for example in examples:
        declare(example if "blocks" in example else {"blocks": {}, **example})


def test_every_summary_of_visits_is_explained():
    section = text_of("cohort_toml.md").split("### Repeated visits")[1].split("\n### ")[0]
    said = set(re.findall(r"`(\w+)`", section))
    assert {*SUMMARIES, *(field.name for field in fields(VisitSpec))} <= said


def test_the_example_from_memory_reads_and_comes_back_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, ids = np.random.default_rng(3), [f"p{number}" for number in range(30)]
    counts = rng.poisson(20, (30, 4)).astype(float)
    with third_party_quiet():
        names = {"obs": pd.DataFrame(index=ids), "var": pd.DataFrame(index=list("abcd"))}
        adata = anndata.AnnData(counts, **names)
    given = {
        "ph": ph,
        "adata": adata,
        "labs": pd.DataFrame(
            {"crp": rng.normal(size=30), "pets": ["cat", "dog", "none", "none", "cat"] * 6}, index=ids
        ),
        "dictionary": pd.DataFrame({"column": ["crp", "pets"], "kind": ["number", "category"]}),
        "clinical": pd.DataFrame(
            {"patient_id": ids, "hospital": ["n"] * 12 + ["s"] * 18, "relapse": ["yes", "no"] * 15}
        ),
    }
    read, write_and_read_again = code_blocks("cohort_toml.md", "python")
    exec(read, given)
    with third_party_quiet():
        exec(write_and_read_again, given)
    assert block_names(given["again"]) == ("rna", "labs")
    assert given["again"].shape == given["cohort"].shape == (30, 6)


def test_the_dictionary_of_the_page_is_a_sound_one(tmp_path):
    text = code_blocks("cohort_toml.md", "")[0]
    (tmp_path / "dictionary.csv").write_text(text, encoding="utf-8")
    (tmp_path / "labs.csv").write_text(
        "patient_id,crp,sputum_neutrophils,snoring,skin_prick,pets\n"
        + "".join(f"p{n},{n},{7 * n % 20 + 5},{'never' if n % 2 else 'often'},yes,cat\n" for n in range(20)),
        encoding="utf-8",
    )
    labs = {"file": "labs.csv", "kind": "mixed", "dictionary": "dictionary.csv"}
    (tmp_path / "cohort.toml").write_text(
        "[blocks.labs]\n" + "".join(f'{key} = "{value}"\n' for key, value in labs.items()), encoding="utf-8"
    )
    report = ph.check_cohort(tmp_path)
    assert report.ok, report
    assert [problem.code for problem in report.warnings] == ["CONSTANT"]


def test_how_it_works_states_the_constants_of_the_code():
    defaults = recipe.Recipe()
    knots = [f"{100 * quantile:.0f}" for quantile in adjust.KNOT_QUANTILES]
    small, large = (f"{100 * share:.0f} %" for share in recipe.CLUSTER_SHARES)
    for said in (
        f"winsorised at {standardise.WINSOR:.0f}",
        f"numbers of {filtering.FEW_VALUES} different values or fewer",
        f"{100 * censored.PILE_SHARE:.0f} % of the values or more, and {censored.PILE_COUNT}",
        f"Levels of fewer than {levels.RARE_COUNT} patients (or {100 * levels.RARE_SHARE:.0f} %) are merged",
        f"fewer than {filtering.LEAST_OBSERVED} patients",
        f"missing in more than {filtering.MOST_MISSING * 100:.0f} %",
        f"fewer than {filtering.FEW_DIFFER} patients, or {100 * filtering.SHARE_DIFFERS:.0f} %, differ",
        f"alleles below {100 * filtering.LEAST_FREQUENCY:.0f} %",
        f"its {', '.join(knots[:-1])} and {knots[-1]} % quantiles",
        f"levels of fewer than {adjust.RARE_LEVEL} patients",
        f"dealt into {crossfit.FOLDS} folds",
        f"a patient is under {automatic.ADULT:.0f}",
        f"change by less than {maximisation.TOLERANCE} of it, after {maximisation.EM_STEPS} rounds",
        f"of {rank.PERMUTATIONS} copies with shuffled columns",
        f"It is {factors.LEAST_FACTORS} to {factors.MOST_FACTORS}, and at most one for "
        f"{factors.PATIENTS_A_FACTOR} patients",
        f"A feature of {filtering.FEW_VALUES} different",
        f"{recipe.MOST_NEIGHBORS} neighbours (a sixth of a cohort below {6 * recipe.MOST_NEIGHBORS}, "
        f"at least {recipe.LEAST_NEIGHBORS}), {defaults.n_dims} dimensions",
        f"at least {small} and of at least {large} of the patients ({recipe.SMALLEST_CLUSTER} at least)",
        "`min_samples` {}, {} and {}".format(*defaults.min_samples),
        f"`min_dist` {layouts.MAP_MIN_DIST:g}, is the map",
        f"not below {consensus.LEAST_STABILITY} (Hennig",
        f"goes where {consensus.LEAST_MEMBERSHIP} is reached",
        f"as if {place.SHRINKAGE:.0f} x f patients",
        f"{place.TAIL:.0f} degrees of freedom",
        f"{place.REGION * 100:.0f} % region",
        f"at least {place.LEAST_PROBABILITY * 100:.0f} % likely",
    ):
        assert said in page("how_it_works.md"), said
    assert rank.HELD_OUT == 0.1
    assert "held-out tenth" in page("how_it_works.md")
    assert factors.MOST_LEVERAGE == 0.5
    assert "by more than half on itself" in page("how_it_works.md")
    assert defaults.n_layouts == 10
    assert "Ten UMAP layouts" in page("how_it_works.md")


def test_the_kinds_table_states_the_constants_of_the_code():
    for said in (
        f"skewness above {scales.LOG_SKEW:.0f}",
        f"values beyond {standardise.WINSOR:.0f} of it brought to {standardise.WINSOR:.0f}",
        f"fewer than {filtering.LEAST_OBSERVED} patients, missing in more than "
        f"{filtering.MOST_MISSING * 100:.0f} %",
    ):
        assert said in page("cohort_toml.md"), said


def test_how_it_works_lists_every_setting_with_its_default():
    section = text_of("how_it_works.md").split("## The settings")[1].split("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    assert set(said) == {field.name for field in fields(recipe.Recipe)}
    numbers = {name: value for name, value in recipe.Recipe().to_dict().items() if isinstance(value, int)}
    assert {name: said[name] for name in numbers} == {name: str(value) for name, value in numbers.items()}


def test_how_it_works_explains_every_reason_for_being_unassigned():
    section = text_of("how_it_works.md").split("## Who is unassigned")[1].split("\n## ")[0]
    said = set(re.findall(r"^\| (.*?) \|", section, re.MULTILINE)) - {"reason", "---"}
    assert said == set(REASONS) - {""}
    told = (ROOT / "notebooks" / "02_subphenotypes.py").read_text(encoding="utf-8")
    assert all(f'"{reason}":' in told for reason in said)


def test_how_it_works_says_how_many_patients_are_needed():
    with pytest.raises(errors.FitError, match="MIN_N"):
        recipe.Recipe().demand(19)
    recipe.Recipe().demand(20)
    assert "A cohort needs 20 patients" in page("how_it_works.md")


def test_the_page_of_a_run_lists_the_exit_codes_and_the_threshold():
    said = set(re.findall(r"^\| (\d+) \| ", text_of("run_folder.md"), re.MULTILINE))
    classes = [
        errors.CohortError,
        errors.RecipeError,
        errors.FitError,
        errors.ResultError,
        errors.OutputError,
    ]
    codes = {0, cli.DEFECT, cli.BAD_INPUT, cli.INTERRUPTED, *(kind.exit_code for kind in classes)}
    assert said == {str(code) for code in codes}
    assert f"counts below {THRESHOLD}" in page("run_folder.md")


def test_the_map_of_the_code_has_every_folder_in_order():
    there = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "phenotyper").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    }
    said = re.findall(r"^\| `([\w./]+)` \| ", text_of("architecture.md"), re.MULTILINE)
    assert set(said) == there | {"files.py"}
    assert said.index("cohort/") < said.index("prepare/") < said.index("discover/") < said.index("cli.py")


def test_pictures_for_pages_are_small_and_all_are_drawn_by_the_tool():
    drawn = re.findall(r'"(demo_\w+)": ', (ROOT / "tools" / "make_figures.py").read_text(encoding="utf-8"))
    pictures = {path.stem: path.stat().st_size for path in (ROOT / "figures").glob("*.png")}
    assert set(pictures) == set(drawn)
    assert max(pictures.values()) < 200_000
