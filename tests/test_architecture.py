"""The house as DESIGN draws it, read from the imports: one folder a stage, heavy libraries loaded late."""

import ast
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import phenotyper

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "phenotyper"

# files stand before results, which are written with them
ORDER = (
    "errors",
    "files",
    "results",
    "disclosure",
    "_kernels",
    "cohort",
    "datasets",
    "prepare",
    "integrate",
    "discover",
    "refit",
    "evidence",
    "outcomes",
    "signature",
    "present",
    "study",
    "cli",
)
FRONT_DOORS = ("__init__", "__main__")
HEAVY = {
    *("anndata", "hdbscan", "matplotlib", "mudata", "numba", "openpyxl", "pyarrow", "pyreadstat", "scanpy"),
    *("sklearn", "statsmodels", "umap"),
}
EXTRAS = {"stat": {"pyreadstat"}, "mofa": {"mofapy2"}, "leiden": {"igraph"}}
"""What only an extra brings, and may be imported where its absence is explained."""
IMPORT_NAMES = {"scikit-learn": "sklearn", "umap-learn": "umap"}
DRAWING = "phenotyper.present.plots"  # itself loaded only when a picture is drawn, so it may load matplotlib


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def modules():
    found = sorted(PACKAGE.rglob("*.py"))
    assert found, "no module was found, so nothing would be tested"
    return found


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def stage_of(path):
    """Return the folder, or the module at the top, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree):
    """Return every absolute module name that is imported anywhere in a tree, inside functions as well."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def imported_on_loading(tree):
    """Return what is imported when the module is loaded: not inside functions, not for type checkers only."""
    names = []
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        names += imported(ast.Module([node], [])) if isinstance(node, ast.Import | ast.ImportFrom) else []
        todo += list(ast.iter_child_nodes(node))
    return names


def later_stages(path):
    """Return imports of ``path`` that point to a later folder."""
    here = ORDER.index(stage_of(path))
    parts = [name.split(".") for name in imported(parsed(path)) if name.startswith("phenotyper.")]
    return sorted({".".join(part) for part in parts if part[1] in ORDER and ORDER.index(part[1]) > here})


@pytest.mark.parametrize(
    "path", [path for path in modules() if stage_of(path) not in FRONT_DOORS], ids=name_of
)
def test_a_folder_imports_only_from_those_before_it(path):
    assert later_stages(path) == []


def test_every_folder_has_its_place_in_the_order():
    assert {stage_of(path) for path in modules()} <= {*ORDER, *FRONT_DOORS}


def test_no_public_verb_or_result_has_the_name_of_a_folder():
    assert not set(phenotyper.__all__) & set(ORDER)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_heavy_library_is_imported_where_it_is_used(path):
    draws = name_of(path).startswith(DRAWING.replace(".", "/"))
    allowed = {"numba"} if stage_of(path) == "_kernels" else {"matplotlib", DRAWING} if draws else set()
    names = imported_on_loading(parsed(path))
    on_loading = {name.split(".")[0] for name in names} | {
        DRAWING for name in names if name.startswith(DRAWING)
    }
    assert not on_loading & {*HEAVY, DRAWING} - allowed


def test_kernels_know_arrays_only():
    for path in (PACKAGE / "_kernels").glob("*.py"):
        known = {name.split(".")[0] for name in imported(parsed(path))}
        ours = {name for name in imported(parsed(path)) if name.startswith("phenotyper.")}
        assert not known & {"pandas", "anndata", "mudata", "pathlib"}, path.name
        assert all(name.startswith("phenotyper._kernels") for name in ours), path.name


def test_a_fit_reads_no_outcomes():
    for stage in ("prepare", "integrate", "discover"):
        for path in (PACKAGE / stage).rglob("*.py"):
            assert not [name for name in imported(parsed(path)) if name.startswith("phenotyper.outcomes")], (
                path.name
            )


def test_what_the_package_imports_is_declared_as_a_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {Requirement(text).name for text in project["dependencies"]}
    for extra, names in EXTRAS.items():
        assert names == {Requirement(text).name for text in project["optional-dependencies"][extra]}
        declared |= names
    known = {IMPORT_NAMES.get(name, name) for name in declared} | sys.stdlib_module_names | {"phenotyper"}
    used = {(name.split(".")[0], name_of(path)) for path in modules() for name in imported(parsed(path))}
    assert {pair for pair in used if pair[0] not in known} == set()


def test_the_reading_of_imports_sees_what_it_must():
    tree = ast.parse(
        "import umap\nif TYPE_CHECKING:\n    import scanpy\nclass C:\n    import hdbscan\n"
        "def f():\n    from sklearn.decomposition import PCA\n"
        "try:\n    import numba\nexcept ImportError:\n    pass\n"
    )
    assert sorted(imported(tree)) == ["hdbscan", "numba", "scanpy", "sklearn.decomposition.PCA", "umap"]
    assert sorted(imported_on_loading(tree)) == ["hdbscan", "numba", "umap"]
