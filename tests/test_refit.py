"""The executor: the same answer wherever it runs, kept and resumed, errors with the tag of their refit."""

import os
import signal
import subprocess
import sys
import time
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from phenotyper import Recipe, read_cohort
from phenotyper.cohort.blocks import blocks_of
from phenotyper.errors import FitError, RecipeError
from phenotyper.refit import executor, loop
from phenotyper.refit.draws import draw_subsamples, spawn_recipes
from phenotyper.refit.executor import Job, refit
from phenotyper.refit.keep import digest
from phenotyper.refit.matching import pair_agreement

RECIPE = Recipe(adjust_for=(), seed=7, n_layouts=2, n_factors=3)
SCRIPT = """
import hashlib, pathlib, sys
import numpy as np
from joblib import parallel_config
sys.path.insert(0, {tests!r})
from test_refit import jobs_of, planted_blocks
from phenotyper.refit.executor import refit
backend, n_jobs, keep, n = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
blocks = planted_blocks()
with parallel_config(backend):
    found = refit(blocks, jobs_of(blocks, n), n_jobs=n_jobs, keep=pathlib.Path(keep) if keep != "-" else None)
print(hashlib.sha256(b"".join(one.labels.tobytes() + one.memberships.tobytes() for one in found)).hexdigest())
"""


def planted_blocks(seed=0, n=90):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 12))
    values += 3.0 * np.kron(np.eye(3), np.ones(4))[np.arange(n) % 3]
    ids = [f"P{i:03d}" for i in range(n)]
    frame = pd.DataFrame(values, index=ids, columns=[f"f{j:02d}" for j in range(12)])
    cohort = read_cohort({"blocks": {"block": {"file": frame, "kind": "number"}}}, quiet=True)
    return blocks_of(cohort)[0]


def jobs_of(blocks, n=4):
    subsamples = draw_subsamples(blocks.n_patients, n=n, seed=7)
    recipes = spawn_recipes(RECIPE, n)
    return [Job(*pair, tag=f"subsample {i}") for i, pair in enumerate(zip(recipes, subsamples, strict=True))]


def script():
    return [sys.executable, "-c", SCRIPT.format(tests=os.path.dirname(__file__))]


def same(one, other):
    return [found.tag for found in one] == [found.tag for found in other] and all(
        (a.labels == b.labels).all() and np.array_equal(a.memberships, b.memberships, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def blocks():
    return planted_blocks()


@pytest.fixture(scope="module")
def jobs(blocks):
    return jobs_of(blocks)


@pytest.fixture(scope="module")
def serial(blocks, jobs):
    return refit(blocks, jobs)


@pytest.fixture
def fits(monkeypatch):
    """Count the fits that are really run."""
    seen = []

    def counting(recipe, part, **more):
        seen.append(recipe.seed)
        return fit(recipe, part, **more)

    fit = executor.fit_blocks
    monkeypatch.setattr(executor, "fit_blocks", counting)
    return seen


def stop_after(number):
    def progress(done, total):
        if done == number:
            raise KeyboardInterrupt

    return progress


def test_refits_of_subsamples_find_the_planted_groups_again(blocks, jobs, serial):
    found = pair_agreement(np.array([one.labels for one in serial])).means()
    assert found["assigned"] > 0.9
    for job, one in zip(jobs, serial, strict=True):
        inside = np.isin(np.arange(blocks.n_patients), job.rows)
        assert (one.labels[~inside] == -2).all()
        assert (one.labels[inside] >= -1).all()
        assert np.isnan(one.memberships[~inside]).all()
        assert one.n_groups == 3
        assert one.coverage == (one.labels >= 0).sum() / len(job.rows) > 0.6
        assert 0 <= one.agreement <= 1
        assert one.seconds > 0


def test_a_job_over_all_patients_is_the_fit_itself(blocks):
    one = refit(blocks, [Job(RECIPE)])[0]
    fitted = executor.fit_blocks(RECIPE, blocks)
    assert (one.labels == fitted.labels).all()
    assert one.memberships == pytest.approx(fitted.memberships, abs=1e-7)


def test_threads_give_the_answer_of_one_worker_and_leave_the_process_as_it_was(blocks, jobs, serial):
    from threadpoolctl import threadpool_info

    before = list(warnings.filters), [pool["num_threads"] for pool in threadpool_info()]
    with parallel_config("threading"):
        found = refit(blocks, jobs, n_jobs=4)
    assert same(found, serial)
    assert (list(warnings.filters), [pool["num_threads"] for pool in threadpool_info()]) == before


@pytest.mark.filterwarnings("default")
def test_processes_give_the_answer_of_one_worker(blocks, jobs, serial):
    with parallel_config("loky"):
        assert same(refit(blocks, jobs, n_jobs=2), serial)


@pytest.mark.filterwarnings("default")
def test_a_dask_cluster_gives_the_answer_of_one_worker(blocks, jobs, serial):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None)
    with cluster, distributed.Client(cluster), parallel_config("dask"):
        assert same(refit(blocks, jobs), serial)


def test_a_cohort_says_its_size_so_that_dask_sends_it_ahead_of_the_tasks(blocks):
    shared = loop.Shared((blocks,), loop.bytes_of((blocks,)))
    assert loop.bytes_of(blocks) >= blocks.blocks[0].values.nbytes + blocks.ties.nbytes
    assert sys.getsizeof(shared) > blocks.blocks[0].values.nbytes


def test_eight_fits_in_four_threads_do_not_end_the_process_on_numbas_plainest_threads():
    env = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "2"}
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    ran = subprocess.run([*script(), "threading", "4", "-", "8"], env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert len(ran.stdout.strip()) == 64


def test_a_method_of_the_users_own_goes_along_to_workers_that_do_not_know_it(blocks, tmp_path, fits):
    from phenotyper.discover import contract
    from phenotyper.refit.brought import brought_along, register

    cloudpickle = pytest.importorskip("cloudpickle")

    def alternating(task):
        labels = np.arange(len(task.integrated.points)) % 2
        return contract.Runs(labels[None], [{"seed": 1}], [np.empty((0, 4))])

    contract.finds_groups("test: alternating")(alternating)
    recipe = Recipe(adjust_for=(), method="test: alternating")
    try:
        shipped = cloudpickle.dumps(brought_along([RECIPE, recipe]))
        contract._KNOWN.pop("test: alternating")
        with pytest.raises(RecipeError, match="METHOD_UNKNOWN"):
            refit(blocks, [Job(recipe)])
        register(cloudpickle.loads(shipped))
        refit(blocks, [Job(recipe)], keep=tmp_path)
        contract.finds_groups("test: alternating")(lambda task: alternating(task))
        refit(blocks, [Job(recipe)], keep=tmp_path)
    finally:
        contract._KNOWN.pop("test: alternating", None)
    assert brought_along([RECIPE]) == ()
    assert len(fits) == 2, "another text under the same name is another method"


def test_the_order_in_which_refits_end_does_not_matter(blocks, jobs, serial, monkeypatch):
    run = executor.run_tasks
    monkeypatch.setattr(
        executor, "run_tasks", lambda *given, **more: (one for one in list(run(*given, **more))[::-1])
    )
    assert same(refit(blocks, jobs), serial)


def test_an_interruption_keeps_what_ended_and_the_rest_is_run_later(blocks, jobs, serial, fits, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        refit(blocks, jobs, keep=tmp_path / "keep", progress=stop_after(2))
    assert len(list((tmp_path / "keep").iterdir())) == 2
    done = []
    found = refit(
        blocks, jobs, keep=tmp_path / "keep", progress=lambda ended, total: done.append((ended, total))
    )
    assert same(found, serial)
    assert sorted(fits) == sorted(job.recipe.seed for job in jobs)
    assert done == [(3, 4), (4, 4)]
    assert found[0].seconds > 0


def test_threads_that_are_interrupted_are_resumed_by_one_worker(blocks, jobs, serial, fits, tmp_path):
    with parallel_config("threading"), pytest.raises(KeyboardInterrupt):
        refit(blocks, jobs, n_jobs=2, keep=tmp_path, progress=stop_after(1))
    kept = len(list(tmp_path.iterdir()))
    assert 1 <= kept < len(jobs)
    fits.clear()
    assert same(refit(blocks, jobs, keep=tmp_path), serial)
    assert len(fits) == len(jobs) - kept


def test_a_killed_process_is_resumed(blocks, serial, fits, tmp_path):
    many = jobs_of(blocks, 40)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([*script(), "threading", "1", str(tmp_path), "40"], env=env)
    while len(list(tmp_path.glob("[!.]*.npz"))) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(tmp_path.glob("[!.]*.npz")))
    assert 4 <= kept < 40
    assert same(refit(blocks, many[:4], keep=tmp_path), serial)
    assert fits == []


def test_a_damaged_file_is_made_again(blocks, jobs, serial, fits, tmp_path):
    refit(blocks, jobs, keep=tmp_path)
    cut, flipped, strange, _ = sorted(tmp_path.iterdir())
    cut.write_bytes(cut.read_bytes()[:200])
    content = bytearray(flipped.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(255 - byte for byte in content[middle : middle + 40])
    flipped.write_bytes(bytes(content))
    np.savez(strange, key=np.array(strange.stem), labels=np.zeros(3))
    fits.clear()
    assert same(refit(blocks, jobs, keep=tmp_path), serial)
    assert len(fits) == 3
    fits.clear()
    assert same(refit(blocks, jobs, keep=tmp_path), serial)
    assert fits == []


def test_a_file_under_the_name_of_another_is_not_believed(blocks, jobs, serial, fits, tmp_path):
    refit(blocks, jobs, keep=tmp_path)
    one, other, *_ = sorted(tmp_path.iterdir())
    one.write_bytes(other.read_bytes())
    fits.clear()
    assert same(refit(blocks, jobs, keep=tmp_path), serial)
    assert len(fits) == 1


def test_what_is_kept_of_another_cohort_recipe_or_subsample_is_not_used(blocks, jobs, fits, tmp_path):
    refit(blocks, jobs[:1], keep=tmp_path)
    job = jobs[0]
    others = [Job(Recipe(**{**RECIPE.to_dict(), "min_samples": 4}), job.rows), Job(job.recipe, job.rows[1:])]
    other = planted_blocks(seed=1)
    fits.clear()
    refit(blocks, others, keep=tmp_path)
    refit(other, jobs[:1], keep=tmp_path)
    assert len(fits) == 3
    refit(blocks, [Job(job.recipe, job.rows[::-1], tag="the same")], keep=tmp_path)
    assert len(fits) == 3


def test_nothing_kept_is_a_pickle(blocks, jobs, tmp_path):
    refit(blocks, jobs[:1], keep=tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.suffix == ".npz"
    with zipfile.ZipFile(file) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(file, allow_pickle=False) as parts:
        assert all(parts[name].dtype.kind in "ifU" for name in parts.files)


def test_a_digest_depends_on_every_part_of_a_cohort():
    from dataclasses import replace

    blocks = planted_blocks()
    block = blocks.blocks[0]
    values = block.values.copy()
    values[3, 2] += 1e-9
    changed = [
        replace(blocks, blocks=(replace(block, values=values),)),
        replace(blocks, blocks=(replace(block, kinds=("log", *block.kinds[1:])),)),
        replace(blocks, blocks=(replace(block, present=~block.present),)),
        replace(blocks, ties=blocks.ties[::-1]),
    ]
    found = {digest(one) for one in (blocks, *changed)}
    assert len(found) == 5
    assert digest(planted_blocks()) in found


def test_the_first_error_names_its_refit_and_others_are_kept(blocks, jobs, fits, tmp_path):
    bad = Job(RECIPE, np.arange(9), tag="half 3 of 6")
    with pytest.raises(FitError, match=r"MIN_N: in the refit 'half 3 of 6': the cohort has 9 patients"):
        refit(blocks, [jobs[0], bad, jobs[1]], keep=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    fits.clear()
    refit(blocks, jobs[:2], keep=tmp_path)
    assert len(fits) == 1


def test_an_error_without_a_code_names_its_refit_too(blocks, jobs, monkeypatch):
    def broken(*given, **more):
        message = "a defect"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(executor, "fit_blocks", broken)
    with pytest.raises(ZeroDivisionError, match="a defect") as caught:
        refit(blocks, jobs)
    assert caught.value.__notes__ == ["in the refit 'subsample 0'"]


def test_jobs_that_ask_for_the_same_are_run_once(blocks, jobs, serial, fits):
    again = Job(jobs[0].recipe, jobs[0].rows, tag="again")
    found = refit(blocks, [jobs[0], again])
    assert len(fits) == 1
    assert [one.tag for one in found] == ["subsample 0", "again"]
    assert (found[1].labels == serial[0].labels).all()


def test_a_job_chooses_among_several_sources(blocks):
    other = planted_blocks(seed=3)
    first, second = refit((blocks, other), [Job(RECIPE), Job(RECIPE, source=1)])
    assert same([first], refit(blocks, [Job(RECIPE)]))
    assert same([second], refit(other, [Job(RECIPE)]))
    assert not (first.labels == second.labels).all()


def test_no_job_gives_no_refit(blocks, tmp_path):
    assert refit(blocks, [], keep=tmp_path) == ()


@pytest.mark.parametrize("rows", [[1, 1, 2], [], [0, 400], [-1, 3]])
def test_rows_that_are_not_there_or_stand_twice_are_refused(blocks, rows):
    with pytest.raises(ValueError, match="job 'odd'"):
        refit(blocks, [Job(RECIPE, np.array(rows, dtype=int), tag="odd")])


def test_a_source_that_is_not_there_is_refused(blocks):
    with pytest.raises(ValueError, match="asks for source 1; there are 1"):
        refit(blocks, [Job(RECIPE, source=1)])


def test_no_workers_are_refused(blocks, jobs):
    with pytest.raises(RecipeError, match="n_jobs is 0"):
        refit(blocks, jobs, n_jobs=0)


def test_seeds_and_subsamples_do_not_depend_on_how_many_are_drawn():
    assert spawn_recipes(RECIPE, 3) == spawn_recipes(RECIPE, 9)[:3]
    assert len({recipe.seed for recipe in spawn_recipes(RECIPE, 100)}) == 100
    assert spawn_recipes(RECIPE, 1) != spawn_recipes(Recipe(**{**RECIPE.to_dict(), "seed": 8}), 1)
    few, many = draw_subsamples(50, n=2, seed=1), draw_subsamples(50, n=5, seed=1)
    assert all((a == b).all() for a, b in zip(few, many, strict=False))
    assert [len(np.unique(rows)) for rows in many] == [40] * 5


def test_a_bar_shows_what_was_kept_and_what_is_left(blocks, jobs, tmp_path, capsys):
    refit(blocks, jobs[:2], keep=tmp_path)
    refit(blocks, jobs[:3], keep=tmp_path, progress=True)
    shown = capsys.readouterr().err
    assert "2/3" in shown
    assert "3/3" in shown
