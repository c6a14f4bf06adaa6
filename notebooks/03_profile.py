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
# # 3. Who are they, and how did they fare?
#
# Candidate subphenotypes against the patients' characteristics and outcomes. Outcomes were never read by the fit. Every table says
# "candidate, evidence not assessed": differences between groups that may not exist are not findings. For research only, not a medical device.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")
SEED = 7

# %%
import tempfile
from pathlib import Path

from IPython.display import display

import phenotyper as ph
from phenotyper.cohort.container import patients_of

cohort = ph.read_cohort(COHORT, quiet=True)
patients = patients_of(cohort)
adjust_for = [name for name in ("age", "site") if name in patients and patients[name].nunique() > 1]
found = ph.Recipe(adjust_for=adjust_for, seed=SEED).fit(cohort)
profile = ph.profile(found, cohort)
profile.sentence()

# %% [markdown]
# ## Table 1
#
# The unassigned are a column of their own. SMD: the largest standardised difference between two subphenotypes; above 0.2 is worth a look.

# %%
profile.table_one

# %% [markdown]
# ## Outcomes
#
# With 95 % intervals. Patients whose outcome is unknown are counted, never dropped silently.

# %%
for table in profile.outcome_tables.values():
    display(table)

# %%
for outcome in profile.survival:
    display(ph.plot_kaplan_meier(profile, outcome))

# %% [markdown]
# The same as tidy facts, one a row:

# %%
profile.table[["outcome", "subphenotype", "statistic", "n", "events", "estimate", "ci_low", "ci_high"]].head(
    8
).round(3)

# %% [markdown]
# ## Which features differ?
#
# Features that made the groups always differ between them; testing them as if they had not would be wrong. The table is descriptive: effect
# sizes with intervals, no p-values.

# %%
profile.feature_table

# %%
top = profile.features.reindex(profile.features["smd"].abs().sort_values(ascending=False).index)
if len(top):
    display(ph.plot_map(found, cohort, colour_by=f"{top['block'].iloc[0]}:{top['feature'].iloc[0]}"))

# %% [markdown]
# ## Out of the notebook
#
# Tables to CSV and HTML, figures to SVG, PDF or PNG; text stays text. Maps show one point a patient: keep them inside the project.

# %%
with tempfile.TemporaryDirectory() as folder:
    profile.table_one.to_csv(Path(folder) / "table_one.csv")
    ph.save_figure(ph.plot_flow(cohort, found), Path(folder) / "patient_flow.svg")
    for outcome in profile.survival:
        ph.save_figure(ph.plot_kaplan_meier(profile, outcome), Path(folder) / "survival.pdf")
    written = sorted(path.name for path in Path(folder).iterdir())
written

# %% [markdown]
# The whole study, in one folder, by one command: `phenotyper run cohort.toml --out results/study --adjust-for age,site`.
