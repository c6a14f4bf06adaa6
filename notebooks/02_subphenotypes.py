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
# # 2. Are there groups of patients who are alike?
#
# One *recipe* looks for them in all blocks at once: it puts every feature on a comparable scale, takes out what age and hospital explain,
# joins the blocks, lays the patients out ten times (UMAP), looks for groups in each layout under several settings (HDBSCAN), and keeps what
# these runs agree on.
# Outcomes and treatments are never read. How: [docs/how_it_works.md](../docs/how_it_works.md).
#
# What comes out are **candidates, their evidence not assessed**: this method names groups in data that has none, as the end of this notebook
# shows. For research only, not a medical device.
#
# The cohort is simulated; put the path of your own `cohort.toml` here. A run takes about a minute.

# %% tags=["parameters"]
import os

COHORT = os.environ.get("PHENOTYPER_COHORT", "../data/demo/cohort.toml")
SEED = 7

# %%
from pathlib import Path

import pandas as pd
from IPython.display import display
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

import phenotyper as ph

cohort = ph.read_cohort(COHORT, quiet=True)
patients = ph.patients_of(cohort)
adjust_for = [name for name in ("age", "site") if name in patients and patients[name].nunique() > 1]
print("Adjusted for:", ", ".join(adjust_for) or "nothing")

# %% [markdown]
# ## In short

# %%
found = ph.Recipe(adjust_for=adjust_for, seed=SEED).fit(cohort)
found

# %%
ph.plot_map(found)

# %% [markdown]
# One point a patient; neighbours on the map are alike in their features. A, B, C go by size. Grey patients are in no group, and nobody is
# forced into one. **The map is for the eye:** how far two groups lie apart, and how much room they take, means nothing.
#
# ## Do the ten layouts agree?
#
# Each layout starts from another seed, and each is clustered under six settings. *Agreement* is the share of the pairs of patients grouped
# together in one run or another that are together in both: 1 is the same groups every time; below 0.5 it is called weak, below 0.75 fair.
# Simulated cohorts with clear groups come to about 0.8, without any to about 0.3 ([benchmarks](../benchmarks/results/defaults.md)). A group that
# the runs do not find again is not reported. In blue the setting of the run from which the groups start.

# %%
ph.plot_settings(found)

# %% [markdown]
# ## How firmly does each patient belong?
#
# The probability that the patient is of this group, given that the patient is of one of them; below 0.8 nobody is assigned. It is no
# probability of a disease.

# %%
ph.plot_membership(found)

# %% [markdown]
# The same on the map; and the tree of the layout that is used: from top to bottom the patients come to lie closer together, and where the
# tree splits, a gap opens between two groups.

# %%
ph.plot_map(found, colour_by="probability")

# %%
ph.plot_tree(found)

# %% [markdown]
# ## Who is in no group, and why?

# %%
meaning = {
    "no stable group": "there is no group that the runs find again",
    "between groups": "like more than one group; none is at least 80 % likely",
    "unlike any group": "outside the 99 % region of the nearest group, or more like nobody",
    "too little observed": "what was measured could not tell the groups apart",
    "group too small": "too few such patients were left to make a group",
    "nothing measured": "no usable value",
    "too few different profiles": "the cohort has too few different patients to look for groups",
}
counts = found.table.loc[found.table["reason"] != "", "reason"].value_counts()
rows = [(reason, str(n), meaning[reason]) for reason, n in counts.items()]
ph.Table(
    f"{found.sizes['unassigned']} of {found.n_patients} patients are in no group",
    ("Reason", "Patients", "In words"),
    tuple(rows),
)

# %% [markdown]
# ## What sets them apart?
#
# The features with the largest differences, patients in columns. Hatched: not measured. They made the groups, so that they differ is no
# finding by itself; whether the picture makes sense to a clinician is.

# %%
ph.plot_heatmap(found, cohort, most=30, annotate=adjust_for)

# %%
ph.plot_means(found, cohort, most=15)

# %% [markdown]
# ## Are the groups only age, or the hospital?
#
# Children differ by age, hospitals by how they measure. The question is always: would the same groups come out if nobody had a disease?

# %%
for name in adjust_for:
    display(ph.plot_map(found, cohort, colour_by=name))

# %% [markdown]
# Colours should be mixed within each group. Beside it, the same recipe **without** adjustment, and in numbers how far the groups go with age
# (in quarters) and site: 0 is no more than chance, 1 the same thing. From 0.1 on it is worth a look; from 0.5 on the groups largely *are* age
# or site.

# %%
raw = ph.Recipe(seed=SEED).fit(cohort) if adjust_for else found


def goes_with(fit, column):
    """Adjusted mutual information of the groups with a column, among the assigned."""
    group = pd.Series(fit.labels(column.index), index=column.index)
    known = group.isin(fit.names) & column.notna()
    bands = pd.qcut(column, 4, labels=False, duplicates="drop") if column.dtype == "float64" else column
    if not known.any():
        return "-"
    return f"{max(adjusted_mutual_info_score(bands[known].astype(str), group[known]), 0):.2f}"


def beside(title, fits, columns=()):
    """Put fits beside each other."""
    rows = [
        ("Groups named", *(str(len(fit.names)) for fit in fits.values())),
        ("Patients in a group", *(f"{100 * fit.coverage:.0f} %" for fit in fits.values())),
        ("Agreement of the layouts", *(f"{fit.agreement:.2f}" for fit in fits.values())),
    ]
    for name in columns:
        rows.append((f"Goes with {name}", *(goes_with(fit, patients[name]) for fit in fits.values())))
    return ph.Table(title, ("", *fits), tuple(rows))


fits = {"As measured": raw, "Adjusted": found}
beside("The same recipe with and without adjustment", fits, adjust_for)

# %% [markdown]
# Where do the patients of each group go when age and site are taken out?

# %%
ph.plot_alluvial(raw, found, names=["as measured", "adjusted"])

# %% [markdown]
# The patients of each group by site, in percent of the group; *All* is what a group would show that has nothing to do with the site.

# %%
if "site" in adjust_for:
    site = patients["site"].astype(str)
    shares = {}
    for name, fit in fits.items():
        group = pd.Series(fit.labels(site.index), index=site.index, name="group")
        shares[name] = pd.crosstab(group, site, normalize="index", margins=True).mul(100).round()
    display(pd.concat(shares, axis=1).map(lambda share: "" if pd.isna(share) else f"{share:.0f}"))
else:
    print("One site only, or none declared: nothing to compare.")

# %% [markdown]
# In the demo the unadjusted groups are hospitals as much as children: one disease comes out twice, once in each hospital, and a quarter of
# the patients is in no group. Adjustment has a price as well: where a disease and a hospital go together, both are taken out.
#
# ## What was found in the features?
#
# The recipe describes the patients by a few *factors*. A factor is kept when it is larger than the same factor in data whose columns were
# shuffled. None above chance would mean that the features have little in common.

# %%
heads = ["size", "size by chance (95th percentile)", "kept"]
found.factors.set_axis(heads, axis=1).rename(index=lambda row: row + 1).round(2)

# %% [markdown]
# What the preparation did with how many features, and the features of which age and site explained most:

# %%
found.features.groupby(["block", "kind", "done"], sort=False)["feature"].count().to_frame("features")

# %%
most = found.features.nlargest(8, "explained_by_covariates").set_index("feature")
most[["block", "explained_by_covariates"]].set_axis(["block", "share explained"], axis=1).round(2)

# %% [markdown]
# ## Is it true?
#
# For once it can be told: the demo is simulated, and `truth.csv` lies beside it (of the children, 15 % are in no subphenotype). Your cohort has
# no such file.

# %%
truth_file = Path(COHORT).parent / "truth.csv"
if truth_file.is_file():
    truth = pd.read_csv(truth_file, dtype=str).set_index("patient_id")["subphenotype"]
    table = found.table.assign(truth=truth.reindex(found.table["patient_id"]).to_numpy())
    display(pd.crosstab(table["truth"], table["subphenotype"], colnames=["found"]))
    assigned = table[table["subphenotype"] != "unassigned"]
    if len(assigned):
        score = adjusted_rand_score(assigned["truth"], assigned["subphenotype"])
        print(f"Adjusted Rand index among the assigned: {score:.2f} (1 = the same groups, 0 = chance).")
else:
    print("No truth.csv beside this cohort: nothing is known.")

# %% [markdown]
# ## A warning: groups where there are none
#
# `data/no_subphenotypes` is simulated with the same features, correlations, ages and hospitals, and **without any groups**. The recipe still
# names candidates.

# %%
nothing = ph.read_cohort("../data/no_subphenotypes/cohort.toml", quiet=True)
false = ph.Recipe(adjust_for=["age", "site"], seed=SEED).fit(nothing)
beside("Beside a cohort without groups", {"This cohort": found, "Simulated without groups": false})

# %%
ph.plot_map(false)

# %% [markdown]
# Coloured groups on a map look like a finding. What gives them away here: the layouts agree little, and few patients are assigned. But this is
# a comparison, not a test: agreement can be high for a bad reason (a hospital, a batch, who had which sample) and low in a small cohort with
# true groups.
#
# ## What not to conclude
#
# - **Not that subphenotypes exist.** Structure, stability and confounding have not been tested; this version cannot do it. Say "candidate".
# - Not that there are exactly this many: another setting gives another number. Decide on the settings before looking at outcomes.
# - Not that the unassigned are healthy, or a group: they have nothing in common but that they fit nowhere.
# - Not what to do for a patient.
#
# ## What to do next
#
# 1. Who are they and how did they fare: [03_profile](03_profile.ipynb).
# 2. Adjust for what else could make groups (`batch`, `sex`), and see whether they stay: `ph.Recipe(adjust_for=["age", "site", "batch"], seed=7)`.
# 3. Leave a block out: `ph.Recipe(blocks=[...])`. Groups that rest on one block alone may be how that block was measured.
# 4. Think of a second cohort. Nothing replaces it.
