"""Other processes: a child works or says what it cannot do, never hangs, and errors cross over whole."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import pickle
import warnings

import dask
import joblib
import loky
import pytest
import worker

import seedance_widgets as sw
from seedance_widgets import errors

SECONDS = 120


def by_multiprocessing(method):
    def run(work, *arguments):
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(work, *arguments).result(SECONDS)

    return run


def by_joblib(work, *arguments):
    return joblib.Parallel(n_jobs=2, timeout=SECONDS)([joblib.delayed(work)(*arguments)])[0]


def by_loky(work, *arguments):
    with loky.ProcessPoolExecutor(1) as pool:
        return pool.submit(work, *arguments).result(SECONDS)


def by_dask(work, *arguments):
    return dask.delayed(work)(*arguments).compute(scheduler="processes", num_workers=1)


WAYS = {
    "fork": by_multiprocessing("fork"),
    "spawn": by_multiprocessing("spawn"),
    "forkserver": by_multiprocessing("forkserver"),
    "joblib": by_joblib,
    "loky": by_loky,
    "dask": by_dask,
}


@pytest.fixture(autouse=True)
def _forked_with_threads():
    """Newer Pythons warn of every fork beside threads: that one works all the same is what is shown here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
        yield


@pytest.mark.parametrize("way", WAYS)
def test_a_child_works_on_the_same_home(tmp_path, simulator, way):
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        own = sw.run(studio.generate("a fox", **worker.SMALL))
        key, status = WAYS[way](worker.generate, tmp_path, "a hare")
        assert status == "succeeded"
        frame = studio.log.to_pandas()
        assert list(frame.index) == [own.key, key]
        again = sw.run(studio.generate("a second fox", **worker.SMALL))  # the parent goes on
        assert again.status == "succeeded"


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_a_child_keeps_its_words_and_its_tasks_key(tmp_path, way):
    with pytest.raises(sw.RequestRejected, match="InvalidParameter: no") as caught:
        WAYS[way](worker.fail, tmp_path)
    assert caught.value.code == "InvalidParameter"
    assert caught.value.message.startswith("no")
    with sw.Studio(tmp_path, simulate=True) as studio:
        assert list(studio.log.to_pandas().index) == [caught.value.task_key]
        assert sw.run(studio.task(caught.value.task_key)).status == "rejected"


def _use(studio, task, pipe):
    pipe.send(worker.use(studio, task))


def test_a_forked_child_says_whose_studio_it_was_handed(tmp_path, clock):
    """By inheritance, as a fork hands over everything."""
    simulator = sw.Simulator(clock=clock)
    with sw.Studio(tmp_path, simulate=simulator, clock=clock) as studio:
        task = sw.run(studio.submit("a fox", **worker.SMALL))
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_use, args=(studio, task, theirs))
        child.start()
        assert ours.poll(SECONDS)
        rows, *refused = ours.recv()
        child.join(SECONDS)
        assert child.exitcode == 0
        assert rows == "1 rows"
        assert len(refused) == 6
        assert all("was made in another process" in text and "Studio(" in text for text in refused), refused
        clock.pass_(1000)
        assert sw.run(task).status == "succeeded"  # the parent follows it all the while
    simulator.close()


def test_tasks_and_studios_say_what_to_keep_in_place_of_a_pickle(studio):
    task = sw.run(studio.generate("a fox", **worker.SMALL))
    with pytest.raises(TypeError, match=rf"keep task.key \('{task.key}'\).*await studio.task\(key\)"):
        pickle.dumps(task)
    with pytest.raises(TypeError, match=r"a studio is not pickled.*Make one where it is needed: Studio\("):
        pickle.dumps(studio)


ERRORS = [
    sw.InvalidRequest(
        [errors.Problem("x", 1, "no", 2), errors.Problem("y", print, "no")], refused="it is not"
    ),
    sw.MissingAPIKey(),
    sw.BudgetExceeded("too dear", short_by=1.5),
    errors.GateClosed("shut"),
    sw.OutcomeUnknown("lost"),
    sw.RequestRejected("no", code="C", message="m", param="p", request_id="r"),
    errors.ChainStopped("stopped", link=2),
    errors.NotSent("not sent", client_request_id="c"),
    errors.AnswerLost("lost", client_request_id="c", raw=b"{}"),
    errors.RateLimited(429, code="C", message="m", retry_after=2.0, advice="wait"),
    errors.DownloadError("gone", status_code=404),
    sw.WaitTimeout("over"),
    sw.LogError("locked"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_is_the_same_after_a_pickle(error):
    error.add_note("noted")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, again.__notes__) == (str(error), error.args, ["noted"])
    told = {name: value for name, value in vars(error).items() if name != "problems"}
    assert {name: value for name, value in vars(again).items() if name != "problems"} == told
    if isinstance(error, sw.InvalidRequest):
        assert [str(each) for each in again.problems][:1] == [str(each) for each in error.problems][:1]
