"""What all tests share: drawing without a screen, repeatable property tests, a tree left as it was."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

HYPOTHESIS_FILES = tempfile.TemporaryDirectory(prefix="phenotyper-hypothesis-")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = HYPOTHESIS_FILES.name
os.environ["MPLBACKEND"] = "Agg"

from hypothesis import settings  # noqa: E402  (it reads the variables above)

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("phenotyper", deadline=None, derandomize=True, database=None)
settings.load_profile("phenotyper")


@pytest.fixture(scope="session", autouse=True)
def tree_left_as_it_was():
    """Fail when the tests change a file of the repository (in CI: elsewhere someone may be editing)."""
    before = _changed_files()
    yield
    after = _changed_files()
    assert after == before, "the tests left files behind, or changed some"


def _changed_files():
    if not os.environ.get("CI") or not (ROOT / ".git").exists():
        return ""
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
