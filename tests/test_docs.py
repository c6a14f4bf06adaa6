"""The pages say what the code says."""

import ast
import re
from pathlib import Path

from phenotyper.discover import fitting, place, recipe
from phenotyper.prepare import preparation, standardise

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
NO_CODES = {"NFKC", "NFKD", "EDQUOT"}


def codes_in_the_code():
    """Return every text in capitals that is passed to a call, as codes are."""
    found = set()
    for path in (ROOT / "phenotyper").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                found |= {
                    text
                    for text in texts
                    if isinstance(text, str) and re.fullmatch(r"[A-Z]+(_[A-Z]+)+|[A-Z]{4,}", text)
                }
    return found - NO_CODES


def test_every_code_stands_on_the_page_of_codes():
    on_the_page = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", PAGES["errors.md"]))
    assert len(codes_in_the_code()) > 50
    assert codes_in_the_code() - on_the_page == set()


def test_links_between_pages_lead_somewhere():
    pages = {
        **{f"docs/{name}": text for name, text in PAGES.items()},
        "README.md": (ROOT / "README.md").read_text(encoding="utf-8"),
    }
    dead = []
    for name, text in pages.items():
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if not target.startswith("http") and not ((ROOT / name).parent / target).exists():
                dead.append(f"{name}: {target}")
    assert dead == []


def test_how_it_works_states_the_defaults_of_the_code():
    page = " ".join(PAGES["how_it_works.md"].split())
    defaults = recipe.Recipe()
    for said in (
        f"winsorised at {standardise.WINSOR:.0f}",
        f"fewer than {preparation.LEAST_OBSERVED} patients",
        f"missing in more than {preparation.MOST_MISSING * 100:.0f} %",
        f"{recipe.MOST_NEIGHBORS} neighbours",
        f"at least {recipe.LEAST_NEIGHBORS})",
        f"{defaults.n_dims} dimensions",
        f"at least {recipe.CLUSTER_SHARE * 100:.0f} % of the patients and {recipe.SMALLEST_CLUSTER}",
        f"`min_samples` {defaults.min_samples}",
        f"below {fitting.LEAST_STABILITY}",
        f"{fitting.LEAST_MEMBERSHIP} is needed",
        f"{place.REGION * 100:.0f} % region and at least {place.LEAST_PROBABILITY * 100:.0f} % likely",
    ):
        assert said in page, said
    assert defaults.n_layouts == 10
    assert "Ten UMAP layouts" in page
