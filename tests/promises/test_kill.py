"""SIGKILL at any moment of a kernel's day: nothing paid is lost, nothing is paid twice.

Processes work on one home one after the other, each killed at a random moment: opening the log, resuming what
the last one left, sending, waiting, saving. The service is a process of its own, behind a socket. The oracle
is its table of tasks.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from processes import Process, is_whole, rows_of, rows_on_server

import seedance_widgets as sw

BASE_EXPIRY = 172_800
DIES = Path(__file__).parents[1] / "support" / "dies_at_commit.py"
SENT = 4
USD_PER_TOKEN = 1e-6
# seconds at most, in turn: sending is over in no time, and an end is seen after three seconds
MOMENTS = (4.5, 0.3, 0.2, 0.1)


@pytest.fixture
def served(tmp_path):
    """The address of a simulator process, and the folder with its state."""
    state = tmp_path / "service"
    command = [
        sys.executable,
        "-m",
        "seedance_widgets.cli",
        "simulate",
        "--speed",
        "100",
        "--state",
        str(state),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip(), state
        server.terminate()


def made_for(row, tasks):
    wanted = (BASE_EXPIRY + row["nonce"], row["requested_seed"])
    return [task for task in tasks if (task["execution_expires_after"], task["seed"]) == wanted]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def log(request):
    """The address of the log, None for the home's own."""
    return None if request.param == "SQLite" else request.getfixturevalue("postgres")


def read_rows(home, log):
    return rows_of(home) if log is None else rows_on_server(log)


def settle_and_check(home, state, log, keys, usd_per_token=USD_PER_TOKEN):
    """Resume some minutes later: every row is settled, and what the service made is what the log says."""
    passed = [300.0]

    def later():
        return time.time() + sum(passed)

    with (
        sw.Simulator(state=state, clock=later).serve() as url,
        sw.Studio(home, api_key="a-test", base_url=url, clock=later, log=log) as studio,
    ):
        for _ in range(2):
            for task in sw.run(studio.resume()):
                if task.status not in ("not_created", "unknown"):
                    sw.run(task, 60)
            # past the time after which what was looked for and is not in the list was never made
            passed.append(300.0)
        assert repr(sw.run(studio.resume())) == "nothing was left to do"
        spent, reserved = studio.spent, studio.reserved
    tasks = sw.Simulator(state=state).tasks()
    rows = read_rows(home, log)

    assert {row["key"] for row in rows} == keys
    made = {row["key"]: made_for(row, tasks) for row in rows}
    assert all(len(each) <= 1 for each in made.values())
    assert sum(len(each) for each in made.values()) == len(tasks)
    assert {row["key"]: row["task_id"] for row in rows} == {
        key: each[0]["id"] if each else None for key, each in made.items()
    }
    for row in rows:
        if row["task_id"] is None:
            assert (row["status"], row["usd"]) == ("not_created", 0.0)
        else:
            assert (row["status"], row["file"]) == ("succeeded", "saved")
            assert row["tokens"] == made[row["key"]][0]["billed_tokens"]
            assert is_whole(home, row)
    assert reserved == 0
    assert spent == pytest.approx(sum(task["billed_tokens"] for task in tasks) * usd_per_token)


def test_kill_at_random_moments(request, tmp_path, served, log):
    kills = 200 if request.config.getoption("--soak") else 8
    base_url, state = served
    home = tmp_path / "runs"
    chance, struck = random.Random(8), Counter()
    for number in range(kills):
        with Process("work", home, base_url, count=SENT, log=log) as kernel:
            assert kernel.hear() == "ready"
            time.sleep(chance.uniform(0, MOMENTS[number % len(MOMENTS)]))
            kernel.kill()
        cut_off = read_rows(home, log)
        struck.update((row["status"], row["file"]) for row in cut_off)
    # the kills were no rehearsal
    assert set(struck) - {("succeeded", "saved")}, struck

    settle_and_check(home, state, log, {row["key"] for row in cut_off})


def run_until(home, base_url, log, number, when):
    """A kernel that is killed at a commit; how many there were, None where it was killed."""
    command = [sys.executable, DIES, home, base_url, log or "-", str(number), when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return int(done.stdout) if done.returncode == 0 else None


def test_kill_before_and_after_every_commit(request, tmp_path, served, log):
    base_url, state = served
    home = tmp_path / "runs"
    total = run_until(home, base_url, log, 0, "before")
    assert total > 8
    step = 1 if request.config.getoption("--soak") else max(1, total // 3)
    killed = 0
    for number in range(1, total + 1, step):
        for when in ("before", "after"):
            killed += run_until(home, base_url, log, number, when) is None
    assert killed > total // step
    keys = {row["key"] for row in read_rows(home, log)}
    settle_and_check(home, state, log, keys, usd_per_token=2.5e-6)  # of seedance-1-0-pro
