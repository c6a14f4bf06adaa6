"""Integrations and methods of one's own: what they may return, and under which names."""

import numpy as np
import pytest
from test_recipe import cohort_of, planted

import phenotyper as ph
from phenotyper.discover import contract as methods
from phenotyper.errors import RecipeError
from phenotyper.integrate import contract as integrations


@pytest.fixture
def cohort():
    return cohort_of(planted(n=60, p=6)[0])


@pytest.fixture(autouse=True)
def registers(monkeypatch):
    monkeypatch.setattr(integrations, "_KNOWN", dict(integrations._KNOWN))
    monkeypatch.setattr(methods, "_KNOWN", dict(methods._KNOWN))


def test_an_integration_of_ones_own_is_used(cohort):
    seen = []

    @ph.integrates("mine")
    def mine(task):
        seen.append(len(task.scores.mean))
        return ph.Integrated(np.hstack([np.nan_to_num(block.values) for block in task.blocks]))

    found = ph.Recipe(integration="mine", n_layouts=1).fit(cohort)
    assert seen == [60]
    assert found.n_patients == 60


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (lambda n: 3, "gave int, not Integrated"),
        (lambda n: ph.Integrated(np.zeros(n)), "no array of patients x dimensions"),
        (lambda n: ph.Integrated(np.zeros((n - 1, 2))), r"shape \(59, 2\) for 60 patients"),
        (lambda n: ph.Integrated(np.full((n, 2), np.nan)), "not finite"),
    ],
)
def test_what_an_integration_must_not_return_is_refused_by_its_name(cohort, gives, said):
    ph.integrates("mine")(lambda task: gives(len(task.scores.mean)))
    with pytest.raises(RecipeError, match=f"the integration 'mine' .*{said}") as caught:
        ph.Recipe(integration="mine", n_layouts=1).fit(cohort)
    assert caught.value.codes == ("INTEGRATION_RESULT",)


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (lambda n: None, "gave NoneType, not Runs"),
        (lambda n: ph.Runs(np.zeros((1, 3), dtype=int), [{}], [None]), r"shape \(1, 3\) for 60 patients"),
        (lambda n: ph.Runs(np.zeros((1, n)), [{}], [None]), "not whole numbers"),
        (lambda n: ph.Runs(np.zeros((1, n), dtype=int), [], []), "one setting and one tree"),
    ],
)
def test_what_a_method_must_not_return_is_refused_by_its_name(cohort, gives, said):
    ph.finds_groups("mine")(lambda task: gives(task.blocks.n_patients))
    with pytest.raises(RecipeError, match=f"the method 'mine' .*({said})") as caught:
        ph.Recipe(method="mine", n_layouts=1).fit(cohort)
    assert caught.value.codes == ("METHOD_RESULT",)


def test_the_packages_own_names_cannot_be_taken():
    for register in (ph.integrates("factors"), ph.integrates("snf"), ph.finds_groups("hdbscan")):
        with pytest.raises(RecipeError) as caught:
            register(lambda task: None)
        assert caught.value.codes == ("NAME_TAKEN",)
