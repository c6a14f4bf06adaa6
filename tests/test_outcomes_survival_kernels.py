"""Kaplan-Meier, cumulative incidence and log-rank against published values, R and lifelines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenotyper.outcomes.survival_kernels import (
    cumulative_incidence,
    kaplan_meier,
    log_rank,
    median_follow_up,
    median_of,
    number_at_risk,
)

# Freireich 1963, remission in weeks of children with acute leukaemia: 6-mercaptopurine and placebo.
SIX_MP = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float)
SIX_MP_EVENT = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], dtype=float)

# R survival::aml, maintained and not.
AML_TIME = np.array(
    [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161, 5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], dtype=float
)
AML_EVENT = np.array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1], dtype=bool)
AML_GROUP = np.repeat([0, 1], [11, 12])

# Larynx cancer by stage (Klein & Moeschberger 2003, data of section 1.8): years, a minus = censored.
LARYNX = (
    ".6 1.3 2.4 -2.5 -3.2 3.2 -3.3 3.3 3.5 3.5 4 4 4.3 -4.5 -4.5 5.3 -5.5 -5.9 -5.9 6 -6.1 -6.2 6.4 -6.5 6.5 "
    "-6.7 -7 -7.4 7.4 -8.1 -8.1 -9.6 -10.7",
    ".2 1.8 2 -2.2 -2.6 -3.3 -3.6 3.6 4 -4.3 -4.3 -5 6.2 7 -7.5 -7.6 -9.3",
    ".3 .3 .5 .7 .8 1 1.3 1.6 1.8 1.9 1.9 3.2 3.5 -3.7 -4.5 -4.8 -4.8 -5 5 -5.1 6.3 6.4 -6.5 7.8 -8 "
    "-9.3 -10.1",
    ".1 .3 .4 .8 .8 1 1.5 2 2.3 -2.9 3.6 3.8 -4.3",
)


def test_kaplan_meier_on_the_freireich_data_is_as_stata_and_sas_print_it():
    # Survival and log(-log) limits: Stata, sts list; SAS, proc lifetest (conftype = loglog), 6-MP arm.
    curve = kaplan_meier(SIX_MP, SIX_MP_EVENT)
    assert curve.times.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.estimate.round(4).tolist() == [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert curve.low.round(4).tolist() == [1, 0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881]
    assert curve.high.round(4).tolist() == [1, 0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801]


def test_the_log_rank_test_on_the_freireich_data_gives_16_79():
    test = log_rank(
        np.concatenate([SIX_MP, PLACEBO]),
        np.concatenate([SIX_MP_EVENT, np.ones(21, dtype=bool)]),
        codes=np.repeat([0, 1], 21),
        k=2,
    )
    assert (round(test.chi2, 2), test.df) == (16.79, 1)
    assert test.p == pytest.approx(4.17e-05, rel=1e-3)


def test_medians_of_the_freireich_data_are_23_and_8_weeks():
    # R survfit(conf.type = "log-log"): 23 (13, NA) and 8 (4, 11).
    assert median_of(kaplan_meier(SIX_MP, SIX_MP_EVENT))[:2] == (23, 13)
    assert np.isnan(median_of(kaplan_meier(SIX_MP, SIX_MP_EVENT)).high)
    assert median_of(kaplan_meier(PLACEBO, np.ones(21, dtype=bool))) == (8, 4, 11)


def test_the_aml_data_of_r_give_its_survival_medians_and_chi_square():
    # R: summary(survfit(Surv(time, status) ~ x, aml)) and survdiff: chisq 3.4 on 1 df, p 0.0653.
    maintained = kaplan_meier(AML_TIME[AML_GROUP == 0], AML_EVENT[AML_GROUP == 0])
    assert maintained.estimate.round(3).tolist() == [1, 0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184]
    assert median_of(maintained).estimate == 31
    other = kaplan_meier(AML_TIME[AML_GROUP == 1], AML_EVENT[AML_GROUP == 1])
    assert median_of(other).estimate == 23
    test = log_rank(AML_TIME, AML_EVENT, codes=AML_GROUP, k=2)
    assert (round(test.chi2, 1), round(test.p, 4)) == (3.4, 0.0653)


def test_limits_are_lacking_where_nobody_is_left():
    # R prints NA there as well.
    curve = kaplan_meier(PLACEBO, np.ones(21, dtype=bool))
    assert curve.estimate[-1] == 0
    assert np.isnan([curve.low[-1], curve.high[-1]]).all()


def test_four_stages_of_larynx_cancer_give_the_chi_square_of_klein_and_moeschberger():
    # Klein & Moeschberger 2003; R survdiff: chisq 22.8 on 3 df, p 4.53e-05; lifelines 0.30.0: 22.762757.
    signed = [np.array(row.split(), dtype=float) for row in LARYNX]
    codes = np.repeat(np.arange(4), [len(row) for row in signed])
    everybody = np.concatenate(signed)
    test = log_rank(np.abs(everybody), everybody > 0, codes=codes, k=4)
    assert test.chi2 == pytest.approx(22.762757, abs=1e-6)
    assert (test.df, round(test.p, 7)) == (3, 4.53e-05)


def test_tiny_p_values_do_not_become_zero():
    time = np.concatenate([np.linspace(1, 2, 400), np.linspace(50, 60, 400)])
    test = log_rank(time, np.ones(800, dtype=bool), codes=np.repeat([0, 1], 400), k=2)
    assert 0 < test.p < 1e-60


def test_cumulative_incidence_beside_competing_events_is_as_lifelines_gives_it():
    # lifelines 0.30.0, AalenJohansenFitter(calculate_variance=True): cumulative density, log(-log) limits.
    time = np.arange(1.0, 17)
    event = np.array([1, 0, 2, 1, 1, 2, 0, 1, 2, 0, 1, 1, 0, 2, 1, 0], dtype=float)
    curve = cumulative_incidence(time, event)
    for when, expected in {
        1: (0.0625, 0.004098, 0.246994),
        4: (0.129464, 0.021227, 0.337954),
        7: (0.196429, 0.047873, 0.418331),
        8.5: (0.270833, 0.082917, 0.503949),
        12: (0.444444, 0.179536, 0.681872),
        16: (0.560185, 0.245453, 0.787362),
    }.items():
        assert curve.at(when) == pytest.approx(expected, abs=1e-6)


def test_censoring_competing_events_would_overstate_the_incidence():
    time = np.arange(1.0, 17)
    event = np.array([1, 0, 2, 1, 1, 2, 0, 1, 2, 0, 1, 1, 0, 2, 1, 0], dtype=float)
    assert (
        cumulative_incidence(time, event).estimate[-1] < 1 - kaplan_meier(time, event == 1).estimate[-1] - 0.1
    )


follow_up = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=40)


@settings(max_examples=80, deadline=None)
@given(follow_up)
def test_incidence_equals_statsmodels_wherever_that_is_finite(rows):
    from statsmodels.duration.survfunc import CumIncidenceRight

    time, event = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    curve = cumulative_incidence(time, event)
    assert ((curve.estimate >= 0) & (curve.estimate <= 1 + 1e-12)).all()
    if not (event == 1).any():
        assert (curve.estimate == 0).all()
        return
    with np.errstate(all="ignore"):
        other = CumIncidenceRight(time, event)
    at = np.searchsorted(other.times, curve.times[1:])
    assert np.allclose(curve.estimate[1:], other.cinc[0][at])
    known = np.isfinite(other.cinc_se[0][at]) & (curve.estimate[1:] > 0) & (curve.estimate[1:] < 1 - 1e-9)
    error, estimate = other.cinc_se[0][at][known], curve.estimate[1:][known]
    shift = np.exp(1.959963984540054 * error / (estimate * np.abs(np.log(estimate))))
    usable = error > 1e-7
    assert np.allclose(curve.low[1:][known][usable], (estimate**shift)[usable], atol=1e-7)


@settings(max_examples=80, deadline=None)
@given(follow_up)
def test_kaplan_meier_equals_the_plain_product(rows):
    time, event = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    event = event > 0
    curve = kaplan_meier(time, event)
    survival = 1.0
    for when in np.unique(time[event]):
        survival *= 1 - (event & (time == when)).sum() / (time >= when).sum()
        assert curve.at(when).estimate == pytest.approx(survival, abs=1e-12)
    inside = (curve.estimate > 0) & (curve.estimate < 1)
    assert (curve.low[inside] <= curve.estimate[inside]).all()
    assert (curve.high[inside] >= curve.estimate[inside]).all()


@settings(max_examples=60, deadline=None)
@given(follow_up, st.integers(0, 1000))
def test_log_rank_does_not_depend_on_the_numbering_of_groups_or_on_the_unassigned(rows, seed):
    time, event = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    event = event > 0
    codes = np.random.default_rng(seed).integers(-1, 3, len(time))
    test = log_rank(time, event, codes=codes, k=3)
    mirrored = log_rank(time, event, codes=np.where(codes < 0, -1, 2 - codes), k=3)
    alone = log_rank(time[codes >= 0], event[codes >= 0], codes=codes[codes >= 0], k=3)
    assert test[:3] == pytest.approx(mirrored[:3], rel=1e-6, abs=1e-9, nan_ok=True)
    assert test[:3] == pytest.approx(alone[:3], nan_ok=True)
    assert np.isnan(test.chi2) == (test.used == ())


def test_an_event_at_time_zero_is_accepted():
    curve = kaplan_meier(np.array([0.0, 0.0, 3.0, 4.0]), np.array([True, False, True, False]))
    assert curve.at(0).estimate == 0.75
    assert curve.times.tolist() == [0, 0, 3]


def test_without_events_the_curve_is_level():
    curve = kaplan_meier(np.array([1.0, 2.0]), np.zeros(2, dtype=bool))
    assert (curve.times.tolist(), curve.estimate.tolist()) == ([0], [1])


def test_no_test_where_no_event_happens_or_only_one_group_is_at_risk():
    time, codes = np.array([1.0, 2.0, 5.0, 6.0]), np.array([0, 0, 1, 1])
    assert log_rank(time, np.zeros(4, dtype=bool), codes=codes, k=2).used == ()
    assert log_rank(time, np.array([0, 0, 1, 1], dtype=bool), codes=codes, k=2).used == ()


def test_no_test_where_all_patients_have_the_event_at_once():
    assert log_rank(np.ones(4), np.ones(4, dtype=bool), codes=np.array([0, 0, 1, 1]), k=2).used == ()


def test_a_group_with_nobody_at_risk_when_events_happen_is_left_out():
    time = np.array([1.0, 1.0, 5.0, 6.0, 7.0, 5.5, 8.0])
    event = np.array([0, 0, 1, 1, 0, 1, 1], dtype=bool)
    codes = np.array([2, 2, 0, 0, 0, 1, 1])
    assert log_rank(time, event, codes=codes, k=3).used == (0, 1)


def test_median_follow_up_takes_the_events_as_censored():
    # By hand, 6-MP arm: 20/21 15/16 14/15 12/13 9/10 8/9 7/8 = .538 until 20 weeks, x 4/5 = .431 at 25.
    assert median_follow_up(SIX_MP, SIX_MP_EVENT.astype(float)) == 25
    assert np.isnan(median_follow_up(np.array([1.0, 2.0]), np.ones(2)))


def test_a_level_stretch_at_one_half_gives_the_middle_as_in_r():
    curve = kaplan_meier(np.array([1.0, 2.0, 4.0, 9.0]), np.ones(4, dtype=bool))
    assert median_of(curve).estimate == 3


def test_patients_are_at_risk_up_to_and_at_their_own_time():
    assert number_at_risk(np.array([2.0, 2.0, 5.0]), np.array([0.0, 2.0, 2.1, 9.0])).tolist() == [3, 3, 1, 0]
