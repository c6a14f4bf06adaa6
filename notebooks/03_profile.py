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
# The candidate groups of [02_subphenotypes](02_subphenotypes.ipynb), described by what is known of the patients, by their outcomes, and by the
# features. The search for groups never read an outcome; they are looked at here for the first time.
#
# Every title ends with **candidate, evidence not assessed**: differences between groups that may not exist are not findings.
# For research only, not a medical device.
#
# The cohort is simulated; put the path of your own `cohort.toml` here. Give `EXPORT` a folder (as `"../results/my_study"`) to keep tables and
# figures; left empty, they are thrown away again.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")
SEED = 7
EXPORT = ""

# %%
import tempfile
from pathlib import Path

from IPython.display import display

import phenotyper as ph
from phenotyper.cohort.container import patients_of
from phenotyper.present.summary import found_sentence, outcome_sentence

cohort = ph.read_cohort(COHORT, quiet=True)
patients = patients_of(cohort)
adjust_for = [name for name in ("age", "site") if name in patients and patients[name].nunique() > 1]
found = ph.Recipe(adjust_for=adjust_for, seed=SEED).fit(cohort)
profile = ph.profile(found, cohort)

# %% [markdown]
# ## In short

# %%
print(found_sentence(found), outcome_sentence(profile), sep="\n")

# %% [markdown]
# ## Who are they?
#
# Table 1, as a paper prints it. The unassigned are a column, always. *SMD*, the standardised mean difference, is the difference of the two
# subphenotypes that differ most, in standard deviations; above 0.2 it is worth a look. There are no p-values.

# %%
profile.table_one

# %% [markdown]
# Look at age, site, batch and the measured blocks first: where subphenotypes differ in these, other differences may follow from them.
#
# ## How did they fare?
#
# Each outcome with its 95 % interval. Unknown outcomes are counted as missing, never left out silently.

# %%
for table in profile.outcome_tables.values():
    display(table)
if not profile.outcome_tables:
    print("No outcome is declared.")

# %%
for outcome in profile.survival:
    display(ph.plot_kaplan_meier(profile, outcome))
if not profile.survival:
    print("No survival outcome is declared.")

# %% [markdown]
# Bands are 95 % intervals, ticks patients whose follow-up ended. The log-rank test compares the subphenotypes with each other; since outcomes
# did not make them, it is no circle. It says whether these labels differ in this outcome, **not that the subphenotypes exist**. With several
# outcomes, one small p is expected by chance.
#
# ## Which features differ?
#
# The groups were made from the features, so features differ between them by construction: a p-value would be circular, and there is none. The
# table describes: for each block the features that differ most surely between a group and the other assigned patients, in standard deviations.

# %%
profile.feature_table

# %% [markdown]
# The feature that marks each subphenotype most surely, and the first of them on the map:

# %%
differ = profile.features[profile.features["ci_low"] * profile.features["ci_high"] > 0]
sure = differ[["ci_low", "ci_high"]].abs().min(axis=1).sort_values(ascending=False).index
marks = differ.loc[sure].drop_duplicates("subphenotype").sort_values("subphenotype").set_index("subphenotype")
if marks.empty:
    print("Fewer than two subphenotypes: no feature marks them.")
else:
    display(marks[["block", "label", "level", "smd", "ci_low", "ci_high"]].round(2))
for mark in marks.drop_duplicates(["block", "feature"])[:4].itertuples():
    display(ph.plot_map(found, cohort, colour_by=f"{mark.block}:{mark.feature}"))

# %% [markdown]
# Grey points have no value: that block, or that feature, was not measured in them.
#
# ## Take it out of the notebook
#
# Tables as CSV (opens in a spreadsheet) or HTML, figures as SVG, PDF or PNG by the ending of the name. Text stays text, so that a journal can
# edit it. `share` holds counts, `private` holds patients: **the second stays inside the project**, and before the first leaves it, cells with
# fewer than 10 patients have to be hidden by hand in this version.

# %%
with tempfile.TemporaryDirectory() as thrown_away:
    share, private = (Path(EXPORT or thrown_away) / name for name in ("share", "private"))
    for folder in (share, private):
        folder.mkdir(parents=True, exist_ok=True)
    profile.table_one.to_csv(share / "table_one.csv")
    profile.feature_table.to_csv(share / "features.csv")
    profile.table.to_csv(share / "outcome_facts.csv", index=False)
    ph.save_figure(ph.plot_flow(cohort, found), share / "patient_flow.pdf")
    for outcome in profile.survival:
        ph.save_figure(ph.plot_kaplan_meier(profile, outcome), share / f"{outcome}.pdf")
    ph.save_figure(ph.plot_map(found), private / "map.svg")
    found.save(private / "phenotypes")
    written = [path for folder in (share, private) for path in sorted(folder.rglob("*")) if path.is_file()]
    print(*(path.relative_to(share.parent) for path in written), sep="\n")

# %% [markdown]
# `outcome_facts.csv` holds one fact a row, for your own statistics; here the first of them:

# %%
columns = ["outcome", "subphenotype", "statistic", "n", "events", "estimate", "ci_low", "ci_high"]
profile.table[columns].head(5).round(3)

# %% [markdown]
# ## What not to conclude
#
# - **Not that a subphenotype causes an outcome**, or predicts it in a new patient. Nothing was validated.
# - Not that a treatment works in one subphenotype and not in another: treatments are described here, not compared.
# - Not that a feature above is a marker. It helped to make the groups; that it differs is where it came from.
# - An outcome known in few patients of a group (*Missing*) may be known in those who came back.
#
# ## What to do next
#
# 1. Ask whether Table 1 makes sense at the bedside. If nobody can say who these children are, be suspicious of the group.
# 2. Write down which outcomes matter *before* looking at further cohorts.
# 3. The whole study in one folder, by one command, with everything that is needed to run it again
#    ([what is in it](../docs/run_folder.md)):
#
#        phenotyper run cohort.toml --out results/study --adjust-for age,site --seed 7
