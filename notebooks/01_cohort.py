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
# # 1. The cohort
#
# Before anything is clustered: what came in, who is there, what is missing. The demo is a **simulated** cohort of children with wheeze in two
# hospitals. To look at your own, give the path of its `cohort.toml` in the next cell (or in the environment variable `PHENOTYPER_COHORT`).
#
# For research only, not a medical device.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")

# %%
import shutil
import tempfile
from pathlib import Path

import pandas as pd

import phenotyper as ph
from phenotyper.cohort.container import block_names, features_of, patients_of

# %% [markdown]
# ## Are the files sound?
#
# `check_cohort` lists every problem at once and writes nothing. What cannot be used is refused; what looks odd is a warning.

# %%
ph.check_cohort(COHORT)

# %%
cohort = ph.read_cohort(COHORT, quiet=True)
cohort

# %% [markdown]
# The cohort is a plain `MuData`: one modality a block of features, `obs` with one row a patient. It opens in scanpy and muon, and
# `cohort.write("cohort.h5mu")` keeps all of it.

# %% [markdown]
# ## Who is in it?
#
# Children without consent to research are left out everywhere, and counted.

# %%
ph.plot_flow(cohort)

# %%
patients = patients_of(cohort)
patients.describe(include="all").T.iloc[:, :7].fillna("")

# %% [markdown]
# ## What was measured, and what is missing?
#
# Hatched: the patient lacks the whole block. Blue: single values are missing. Neither is ever filled with a mean.

# %%
ph.plot_missingness(cohort)

# %%
kinds = pd.concat(
    {block: features_of(cohort, block)["kind"].value_counts() for block in block_names(cohort)}, axis=1
)
kinds.fillna(0).astype(int)

# %% [markdown]
# ## What happens with spoiled files?
#
# A copy of the demo with three common accidents: an id twice, a comment among the numbers, and a column named wrongly.

# %%
with tempfile.TemporaryDirectory() as folder:
    spoiled = Path(folder) / "spoiled"
    shutil.copytree("../data/demo", spoiled)
    labs = (spoiled / "labs.csv").read_text(encoding="utf-8").splitlines()
    labs[3] = labs[2].split(",")[0] + "," + labs[3].split(",", 1)[1]
    cells = labs[9].split(",")
    labs[9] = ",".join([cells[0], "not done", *cells[2:]])
    (spoiled / "labs.csv").write_text("\n".join(labs) + "\n", encoding="utf-8")
    declaration = (spoiled / "cohort.toml").read_text(encoding="utf-8")
    (spoiled / "cohort.toml").write_text(declaration.replace('"plate"', '"plates"'), encoding="utf-8")
    report = ph.check_cohort(spoiled)
for problem in report.problems:
    print(problem.text(), end="\n\n")

# %% [markdown]
# Next: [02_subphenotypes](02_subphenotypes.ipynb).
