# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. The cohort: can the files be trusted, and who is in them?
#
# Before anything is grouped: do the files agree with each other, who is in the cohort, what was measured, what is missing.
#
# The cohort below is **simulated**: 412 children with wheeze in two hospitals. To look at yours, put the path of its `cohort.toml` between
# the quotes (or in the environment variable `PHENOTYPER_COHORT`) and choose *Run > Run All Cells*. How to write a `cohort.toml`:
# [docs/cohort_toml.md](../docs/cohort_toml.md). Nothing on disk is changed.
#
# For research only, not a medical device.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")

# %%
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
from IPython.display import display

import phenotyper as ph

# %% [markdown]
# ## In short

# %%
ph.check_cohort(COHORT)

# %% [markdown]
# "Can be used" means that the files and `cohort.toml` fit together. Anything odd is a warning, listed here and kept with the cohort.
# A refused cohort stops the notebook at the next cell; each problem says where it is and what to do (all of them:
# [docs/errors.md](../docs/errors.md)).

# %%
cohort = ph.read_cohort(COHORT, quiet=True)
patients = ph.patients_of(cohort)

# %% [markdown]
# ## Who is in it?
#
# Patients of any table count. Without consent to research a patient is left out everywhere. Nobody is dropped for lacking a sample.

# %%
ph.plot_flow(cohort)


# %%
def in_words(column):
    """Say what a column of the patients holds."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(known) and known.nunique() > 2:
        quartiles = known.quantile([0.25, 0.5, 0.75])
        low, middle, high = (f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" for value in quartiles)
        return f"median {middle}, half of the patients between {low} and {high}"
    counts = known.map("{:g}".format if known.dtype == "float64" else str).value_counts()
    if len(counts) > 12:
        return f"{len(counts)} different values"
    return ", ".join(f"{value}: {n}" for value, n in counts.items())


rows = [(name, str(patients[name].notna().sum()), in_words(patients[name])) for name in patients]
ph.Table("What is known of the patients", ("", "Known", "Values"), tuple(rows))

# %% [markdown]
# Age is in years, whatever the unit in the file. An event is 1, none 0 (2: a competing event). Outcomes and treatments are kept apart:
# **the search for groups never reads them.**
#
# ## What was measured?

# %%
about = ph.describe_cohort(cohort)
rows = [
    (
        row.block,
        f"{row.patients:,}",
        f"{row.features:,}: {row.kinds}",
        f"{100 * row.missing:.1f} %",
        f"{row.complete:,}",
    )
    for row in about.blocks.itertuples()
]
heads = ("Block", "Patients", "Features", "Values missing", "Patients without a gap")
ph.Table("Blocks of features", heads, tuple(rows))

# %% [markdown]
# And feature by feature (the first of the smaller blocks): how many have it, and its range. Do the medians look right?

# %%
facts = about.table[about.table["block"] != about.blocks.sort_values("features")["block"].iloc[-1]]
facts = facts if len(facts) else about.table
numbers = ["block", "feature", "unit", "patients", "low", "q25", "median", "q75", "high"]
facts.loc[facts["median"].notna(), numbers].head(10).round(2).reset_index(drop=True)

# %%
facts.loc[facts["levels"] != "", ["block", "feature", "patients", "levels"]].head(8).reset_index(drop=True)

# %% [markdown]
# The kind of a feature decides how it is treated; please check it for yours ([the kinds](../docs/cohort_toml.md#kinds)).
#
# ## What is missing?

# %%
ph.plot_missingness(cohort)

# %% [markdown]
# Hatched: these patients have no such block at all. Blue: single values are missing. No gap is filled with a mean: a patient is placed by
# what was measured.
#
# **Look for patterns.** A block that one hospital rarely measures, or a feature that is missing in the sickest, can make groups of its own.
# Which blocks do patients have together?

# %%
ph.plot_upset(cohort)

# %% [markdown]
# Within a block: what is missing together was not ordered together, or not asked.

# %%
smallest = about.blocks.loc[about.blocks["missing"] > 0].sort_values("features")["block"]
ph.plot_missing_patterns(cohort, block=smallest.iloc[0]) if len(smallest) else print("Nothing is missing.")

# %%
if "site" in patients:
    has = pd.DataFrame(
        {block: patients.index.isin(cohort[block].obs_names) for block in about.blocks["block"]}
    )
    share = has.groupby(patients["site"].astype(str).to_numpy()).mean()
    display((100 * share).round(0).astype(int).rename_axis("patients with the block, %"))
else:
    print("No site is declared.")

# %% [markdown]
# ## Does the order of the patients leave a trace?
#
# Patients who stand near each other in the file were often measured in one run. They should not resemble each other more than others do,
# beyond what site and batch explain. A stretch of patients who differ is named: ask the laboratory about it.

# %%
print(about.sentence())
display(about.order.round(3)) if len(about.order) else None

# %% [markdown]
# ## What a refused cohort looks like
#
# A copy of the demo, spoiled by four common accidents: an id stands twice, somebody typed a comment among the numbers, the outcome was
# pasted into the laboratory table, and `cohort.toml` names a column that is not there. All of it is reported at once, with spreadsheet rows.

# %%
with tempfile.TemporaryDirectory() as folder:
    spoiled = Path(shutil.copytree("../data/demo", Path(folder) / "spoiled"))
    labs = pd.read_csv(spoiled / "labs.csv", dtype=str, keep_default_na=False)
    clinical = pd.read_csv(spoiled / "clinical.csv", dtype=str, keep_default_na=False)
    labs["exacerbation"] = labs["patient_id"].map(clinical.set_index("patient_id")["exacerbation"])
    labs.loc[2, "patient_id"] = labs.loc[1, "patient_id"]
    labs.loc[8, "crp"] = "not done"
    labs.to_csv(spoiled / "labs.csv", index=False)
    toml = (spoiled / "cohort.toml").read_text(encoding="utf-8")
    (spoiled / "cohort.toml").write_text(toml.replace('"plate"', '"plates"'), encoding="utf-8")
    report = ph.check_cohort(spoiled)
replace(report, name="The spoiled copy")

# %% [markdown]
# ## What not to conclude
#
# - *Can be used* is not *is right*. Two units in one column, impossible ages and values, copied rows, dates, names and free text among the
#   features are noticed ([the codes](../docs/errors.md)); a sample of the wrong patient is not, nor a value that is wrong and plausible.
# - Few missing values do not mean that they are missing by chance.
#
# ## What to do next
#
# 1. Read every warning above; correct the files, or say in `cohort.toml` what is meant.
# 2. Ask somebody who knows the ward whether the numbers of patients and the medians are what they should be.
# 3. Then look for groups: [02_subphenotypes](02_subphenotypes.ipynb).
#
# The cohort is a plain `MuData` object: it opens in scanpy and muon, and `cohort.write("cohort.h5mu")` keeps all of it.
