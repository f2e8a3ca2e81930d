"""Two kernels on one log: neither spends the other's dollar, nor does its work again, nor leaves it undone."""

from __future__ import annotations

from collections import Counter

import pytest
from kernel_process import CLIP
from processes import Process, Recording, eventually, is_whole, rows_of

import seedance_widgets as sw

FRAMES = 101  # a dollar buys half of fifty


@pytest.fixture
def service():
    simulator = Recording(speed=400)
    with simulator.serve() as simulator.url:
        yield simulator
    simulator.close()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "runs"


def at_once(processes):
    for process in processes:
        assert process.hear() == "ready"
    for process in processes:
        process.tell()


def left_behind(home, service, count):
    """Tasks of a kernel that was killed once all were accepted."""
    with Process("submit", home, service.url, count=count) as dead:
        at_once([dead])
        keys = dead.hear()
    eventually(lambda: {task["status"] for task in service.tasks()} == {"succeeded"})
    return keys


def test_fifty_submits_of_two_processes_stay_under_a_dollar(home, service):
    price = sw.estimate(frames=FRAMES, **CLIP).usd_max
    fit = 24
    assert fit * price < 1 < (fit + 1) * price
    with (
        Process("submit", home, service.url, count=25, frames=FRAMES, budget_usd=1) as one,
        Process("submit", home, service.url, count=25, frames=FRAMES, budget_usd=1) as other,
    ):
        at_once([one, other])
        said = one.hear() + other.hear()
        rows = rows_of(home)
        assert sum(row["usd"] or row["reserved_usd"] for row in rows) <= 1
    accepted = [each for each in said if isinstance(each, str)]
    refused = [each for each in said if not isinstance(each, str)]
    assert len(service.tasks()) == len(service.creates()) == len(accepted) == fit
    assert {row["key"] for row in rows} == set(accepted)
    assert {name for name, _ in refused} == {"BudgetExceeded"}
    # whatever has ended by then has cost what was reserved for it
    assert [short_by for _, short_by in refused] == pytest.approx([price * (fit + 1) - 1] * (50 - fit))


def test_two_processes_resume_one_log_and_share_the_work(home, service):
    keys = left_behind(home, service, 6)
    # neither is done before the other has begun
    service.gate.clear()
    with (
        Process("resume", home, service.url) as one,
        Process("resume", home, service.url) as other,
    ):
        at_once([one, other])
        taken = [one.hear(), other.hear()]
        service.gate.set()
        ends = [one.hear(), other.hear()]
    # both see every task to its end, and each task is one's only
    assert ends == [dict.fromkeys(keys, "succeeded")] * 2
    assert set(taken[0]["elsewhere"]) ^ set(taken[1]["elsewhere"]) == set(keys)
    assert Counter(service.files()) == dict.fromkeys(service.files(), 1)
    assert len(service.files()) == len(service.creates()) == len(keys)
    rows = rows_of(home)
    assert {row["task_id"] for row in rows} == {task["id"] for task in service.tasks()}
    assert all(row["file"] == "saved" and is_whole(home, row) for row in rows)


def test_what_a_dead_kernel_leaves_is_taken_over_by_one_that_looks_on(home, service):
    with (
        Process("submit", home, service.url, count=1) as accepted,
        Process("submit", home, service.url, count=1) as sending,
        Process("resume", home, service.url) as other,
    ):
        at_once([accepted])
        accepted.hear()
        # nobody learns of its end before its kernel is dead
        service.faults.refuse(503, "ServiceUnavailable", on="get", times=10_000)
        service.faults.slow(600, on="create")
        at_once([sending])
        eventually(lambda: len(service.tasks()) == 2)
        at_once([other])
        taken = other.hear()
        accepted.kill()
        sending.kill()
        service.faults.clear()
        assert len(taken["elsewhere"]) == 2
        eventually(lambda: all(row["file"] == "saved" for row in rows_of(home)))
    rows = rows_of(home)
    assert {row["task_id"] for row in rows} == {task["id"] for task in service.tasks()}
    assert len(service.creates()) == 2
    assert all(is_whole(home, row) for row in rows)
