"""Readers, one file each: a further one is a module with ``@reads(".ending")``, named in the import below."""

from phenotyper.cohort.readers import delimited, h5mu, memory
from phenotyper.cohort.readers.contract import RawTable, Source, read_table

__all__ = ["RawTable", "Source", "delimited", "h5mu", "memory", "read_table"]
