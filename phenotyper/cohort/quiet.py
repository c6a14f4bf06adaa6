"""Silence of third-party warnings that are no concern of the person who reads a cohort."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd


@contextmanager
def third_party_quiet() -> Iterator[None]:
    """Hide what mudata and anndata say about pandas to come, and about one feature name in several blocks."""
    with warnings.catch_warnings():
        later = getattr(pd.errors, "Pandas4Warning", None)
        if later is not None:
            warnings.simplefilter("ignore", later)
        warnings.filterwarnings("ignore", message="var_names are not unique", category=UserWarning)
        yield
