"""Readers, one file each: a further one is a module with ``@reads(".ending")`` or ``@reads_format("name")``.

Name it in the import below, and it is read.
"""

from phenotyper.cohort.readers import (
    delimited,
    excel,
    fhir,
    h5ad,
    h5mu,
    memory,
    olink,
    omop,
    parquet,
    phenopackets,
    redcap,
    statistical,
    taxa,
)
from phenotyper.cohort.readers.contract import FORMATS, READERS, RawTable, Source, read_table

__all__ = [
    "FORMATS",
    "READERS",
    "RawTable",
    "Source",
    "delimited",
    "excel",
    "fhir",
    "h5ad",
    "h5mu",
    "memory",
    "olink",
    "omop",
    "parquet",
    "phenopackets",
    "read_table",
    "redcap",
    "statistical",
    "taxa",
]
