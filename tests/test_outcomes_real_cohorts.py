"""Log-rank of real cohorts of children: the known answers of their READMEs (skipped where absent)."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenotyper.outcomes.survival_kernels import kaplan_meier, log_rank

DATA = Path(os.environ.get("PHENOTYPER_DATA", Path(__file__).parents[2] / "shared" / "data"))


def clinical(cohort):
    path = DATA / cohort / "clinical.csv"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return pd.read_csv(path)


def test_of(table, *, time, event, by):
    codes, levels = pd.factorize(table[by], sort=True)
    return log_rank(table[time].to_numpy(float), table[event].to_numpy(bool), codes=codes, k=len(levels))


test_of.__test__ = False


def at_four_years(table, level):
    here = table[table["histology_central"] == level]
    curve = kaplan_meier(
        here["time_to_relapse_or_last_seen_days"].to_numpy(float), here["relapse"].to_numpy(bool)
    )
    return round(curve.at(4 * 365.25).estimate, 2)


@pytest.mark.parametrize(
    ("by", "chi2", "df"), [("histology_central", 421, 1), ("histology_local", 269, 1), ("stage", 121, 3)]
)
def test_wilms_tumour_relapse_differs_as_known(by, chi2, df):
    test = test_of(clinical("wilms_nwtco"), time="time_to_relapse_or_last_seen_days", event="relapse", by=by)
    assert (round(test.chi2), test.df) == (chi2, df)
    assert test.p < 1e-20


def test_wilms_tumour_study_is_a_negative_control():
    test = test_of(
        clinical("wilms_nwtco"), time="time_to_relapse_or_last_seen_days", event="relapse", by="study"
    )
    assert round(test.p, 2) == 0.41


def test_wilms_tumour_relapse_free_survival_at_four_years():
    table = clinical("wilms_nwtco")
    assert (at_four_years(table, "favourable"), at_four_years(table, "unfavourable")) == (0.89, 0.56)


@pytest.mark.parametrize(
    ("by", "efs", "os", "df"),
    [
        ("mycn_status", 59, 145, 1),
        ("high_risk", 133, 209, 1),
        ("inss_stage", 109, 128, 4),
        ("age_group", 58, 100, 1),
    ],
)
def test_neuroblastoma_survival_differs_as_known(by, efs, os, df):
    table = clinical("neuroblastoma_seqc")
    for outcome, chi2 in (("efs", efs), ("os", os)):
        test = test_of(table, time=f"{outcome}_days", event=f"{outcome}_event", by=by)
        assert test.chi2 == pytest.approx(chi2, abs=0.6)  # MYCN, overall: 144.496, also by lifelines 0.30.0
        assert test.df == df


@pytest.mark.parametrize(("status", "efs", "os"), [("Normal", 0.70, 0.88), ("Amplified", 0.30, 0.37)])
def test_neuroblastoma_survival_at_five_years(status, efs, os):
    table = clinical("neuroblastoma_seqc")
    table = table[table["mycn_status"] == status]
    for outcome, share in (("efs", efs), ("os", os)):
        curve = kaplan_meier(
            table[f"{outcome}_days"].to_numpy(float), table[f"{outcome}_event"].to_numpy(bool)
        )
        assert round(curve.at(5 * 365.25).estimate, 2) == share


def test_neuroblastoma_sex_is_a_negative_control():
    table = clinical("neuroblastoma_seqc")
    p = [test_of(table, time=f"{name}_days", event=f"{name}_event", by="sex").p for name in ("efs", "os")]
    assert np.round(p, 2).tolist() == [0.39, 0.25]
