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
# # 2. Candidate subphenotypes
#
# One recipe prepares the features, brings the blocks into one latent space, lays the patients out with UMAP ten times, clusters each layout
# with HDBSCAN and keeps what the layouts agree on. What it finds are **candidates**: UMAP followed by HDBSCAN reports groups in data that has
# none (see the end of this notebook). For research only, not a medical device.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")
SEED = 7

# %%
from pathlib import Path

import pandas as pd
from IPython.display import display

import phenotyper as ph
from phenotyper.cohort.container import patients_of

cohort = ph.read_cohort(COHORT, quiet=True)
patients = patients_of(cohort)
adjust_for = [name for name in ("age", "site") if name in patients and patients[name].nunique() > 1]
adjust_for

# %% [markdown]
# ## The groups
#
# Age and hospital move many features; taken as they are, the groups would follow them. `adjust_for` takes their effects out of every feature.

# %%
recipe = ph.Recipe(adjust_for=adjust_for, seed=SEED)
found = recipe.fit(cohort)
found

# %%
ph.plot_map(found)

# %%
ph.plot_map(found, colour_by="membership")

# %% [markdown]
# A map shows neighbours, not distances: how far two groups lie apart on it, and how large they look, carries no meaning.

# %%
if "age" in patients:
    display(ph.plot_map(found, cohort, colour_by="age"))

# %% [markdown]
# ## Do the layouts agree?
#
# Ten layouts with different seeds. `agreement` is the share of pairs of patients that two layouts put together of those that either does
# (1 = the same groups). A group that the others do not find again is not reported.

# %%
found.layouts.round(2)

# %% [markdown]
# ## Who is unassigned, and why?
#
# Nobody is forced into a group.

# %%
found.table["reason"].replace("", "assigned").value_counts().to_frame("patients")

# %% [markdown]
# ## What the preparation did
#
# One row a feature: what was done and why, how often it was observed, how much of it age and site explained.

# %%
found.features.sample(8, random_state=1).sort_values(["block", "feature"]).round(2)

# %% [markdown]
# ## Is it only the hospital?
#
# The same recipe without adjustment, against the site. Where the two go together, the groups are the hospital, not the children.

# %%
if "site" in adjust_for:
    raw = ph.Recipe(seed=SEED).fit(cohort)
    site = patients["site"].astype(str)
    tables = {
        name: pd.crosstab(
            pd.Series(fit.labels(site.index), index=site.index, name="subphenotype"), site, normalize="index"
        )
        for name, fit in {"as measured": raw, "adjusted": found}.items()
    }
    display(pd.concat(tables, axis=1).fillna(0).round(2))

# %% [markdown]
# ## Against the truth
#
# The demo is simulated, so for once the truth is known: 15 % of the children are in no subphenotype.

# %%
truth_file = Path(COHORT).parent / "truth.csv"
if truth_file.is_file():
    truth = pd.read_csv(truth_file, dtype=str).set_index("patient_id")["subphenotype"]
    display(
        pd.crosstab(
            truth.loc[found.table["patient_id"]].to_numpy(),
            found.table["subphenotype"].to_numpy(),
            rownames=["truth"],
            colnames=["found"],
        )
    )

# %% [markdown]
# ## A warning: groups in data that has none
#
# `data/no_subphenotypes` has the same features, correlations, age gradient and hospital effect, and **no groups**. The recipe still names
# candidates. Their layouts agree little, and few children are assigned, but a map alone would not tell. Whether candidates are real has
# to be tested by refitting; this version does not do that yet.

# %%
nothing = ph.read_cohort("../data/no_subphenotypes/cohort.toml", quiet=True)
false = ph.Recipe(adjust_for=["age", "site"], seed=SEED).fit(nothing)
pd.DataFrame(
    {
        "this cohort": [
            len(found.names),
            f"{found.coverage:.0%}",
            round(found.layouts["agreement"].mean(), 2),
        ],
        "no subphenotypes": [
            len(false.names),
            f"{false.coverage:.0%}",
            round(false.layouts["agreement"].mean(), 2),
        ],
    },
    index=["candidate subphenotypes", "patients assigned", "agreement of the layouts"],
)

# %%
ph.plot_map(false)

# %% [markdown]
# Next: [03_profile](03_profile.ipynb).
