"""Files and their declaration to one checked cohort: readers, checks, consent, flow."""
