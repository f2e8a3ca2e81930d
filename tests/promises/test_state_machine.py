"""Whatever happens in whatever order: what the service bills is what the log says, once each.

Two kernels share a log and a service. Hypothesis drives them through submits, faults, deaths, frozen calls,
foreign tasks and what people do by hand. The oracle is the service's own table of tasks; the log is read by
plain SQL. Every intent's expiry and seed tell which task at the service was made for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import struct
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from clock import Clock
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from mortal import PATIENCE, Kernel, Stop, kernels_that_die
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.background_loop import engine
from seedance_widgets.modelark.client import Client
from seedance_widgets.simulator import EMBEDDED_BASE_URL
from seedance_widgets.simulator.render import render_mp4

USD_PER_MILLION = 1.0
BASE_EXPIRY = 172_800
OUR_SEEDS = 1 << 31  # drawn below; foreign tasks take theirs from above
MEMORY = Path("/dev/shm")  # dying leaves to a disk what it leaves to this; losing power is another test's
FINAL = ("succeeded", "failed", "cancelled", "expired", "rejected", "not_created")

# the faults of one create, ordered from the simulator or put on the kernel's line
CREATE_FAULTS = {
    "none": lambda faults, line: None,
    "slow": lambda faults, line: faults.slow(0.02, on="create"),
    "lost reply": lambda faults, line: faults.drop_reply(),
    "half a body": lambda faults, line: faults.half_body(),
    "500 after the work": lambda faults, line: faults.break_after(500),
    "504 after the work": lambda faults, line: faults.break_after(504),
    "408 after the work": lambda faults, line: faults.break_after(408),
    "500 before the work": lambda faults, line: faults.refuse(500, "InternalServiceError"),
    "429": lambda faults, line: faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded"),
    "429, then a lost reply": lambda faults, line: (
        faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded"),
        faults.drop_reply(),
    ),
    "quota": lambda faults, line: faults.refuse(429, "SetLimitExceeded"),
    "400": lambda faults, line: faults.refuse(400, "InputTextSensitiveContentDetected"),
    "no way there, once": lambda faults, line: setattr(line, "unreachable", 1),
    "no way there": lambda faults, line: setattr(line, "unreachable", 3),
    "a task that fails": lambda faults, line: faults.fail_task("OutputVideoSensitiveContentDetected"),
}
READ_FAULTS = {
    "none": lambda faults: None,
    "list lost": lambda faults: faults.drop_reply(on="list", times=2),
    "list lags": lambda faults: faults.lag(100, times=8),
    "list refused": lambda faults: faults.refuse(503, "ServiceUnavailable", on="list", times=8),
    "get half": lambda faults: faults.half_body(on="get"),
    "get 404": lambda faults: faults.refuse(404, "NotFound.Task", on="get"),
    "file half": lambda faults: faults.half_body(on="file"),
    "file refused": lambda faults: faults.refuse(403, "AccessDenied", on="file", times=4),
}
TWO = st.integers(0, 1)
ANY = st.integers(0, 99)
STOPS = st.sampled_from(
    [("create", False), ("create", True), ("status", True), ("file", False), ("file", True)]
)


class Promise(RuleBasedStateMachine):
    def __init__(self, make_service=sw.Simulator):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="promise-", dir=MEMORY if MEMORY.is_dir() else None)
        self.home = Path(self.folder.name) / "runs"
        self.clock = Clock()
        self.service = make_service(speed=1000, clock=self.clock)
        self.kernels = [self.kernel(), self.kernel()]
        self.lines = [kernel.line for kernel in self.kernels]
        self.foreign = Client("another", EMBEDDED_BASE_URL, transport=self.service.transport())
        self.frozen = []
        self.ended = {}

    def kernel(self):
        return Kernel(self.home, self.service, self.clock)

    def replace(self, number):
        self.kernels[number] = self.kernel()
        self.lines.append(self.kernels[number].line)

    # --- what happens ------------------------------------------------------------------------------------

    @rule(number=TWO, fault=st.sampled_from(sorted(CREATE_FAULTS)))
    def submit(self, number, fault):
        kernel = self.kernels[number]
        CREATE_FAULTS[fault](self.service.faults, kernel.line)
        with contextlib.suppress(sw.SeedanceError):
            kernel.do(kernel.studio.submit("a fox", model="tiny"))
        self.service.faults.clear()
        kernel.line.unreachable = 0

    @rule(number=TWO, stop=STOPS)
    def die_on_the_line(self, number, stop):
        kernel = self.kernels[number]
        self.stopped_submit(kernel, *stop)
        kernel.die()
        self.replace(number)

    @rule(number=TWO, answered=st.booleans(), lost=st.booleans())
    def freeze(self, number, answered, lost):
        kernel = self.kernels[number]
        self.frozen.append(self.stopped_submit(kernel, "create", answered, lost=lost))

    def stopped_submit(self, kernel, call, answered, *, lost=False):
        stop = kernel.line.stop = Stop(call, answered=answered, lost=lost)
        work = kernel.start(kernel.studio.submit("a fox", model="tiny"))
        if call != "create":
            work.exception(10)
            self.clock.pass_(1)
        # a task that another kernel has taken over is not looked at from here
        assert stop.reached.wait(2 if call != "create" else 10) or call != "create"
        return kernel, stop, work

    @rule()
    def thaw(self):
        frozen, self.frozen = self.frozen, []
        for kernel, stop, work in frozen:
            stop.let_go()
            if kernel in self.kernels:
                error = work.exception(10)
                assert error is None or isinstance(error, sw.SeedanceError), error

    @rule(number=TWO)
    def die(self, number):
        self.kernels[number].die()
        self.replace(number)

    @rule(number=TWO)
    def restart(self, number):
        kernel = self.kernels[number]
        for owner, stop, _ in self.frozen:
            if owner is kernel:
                stop.let_go()
        kernel.close()
        self.replace(number)

    @rule(number=TWO, fault=st.sampled_from(sorted(READ_FAULTS)))
    def resume(self, number, fault):
        kernel = self.kernels[number]
        READ_FAULTS[fault](self.service.faults)
        kernel.do(kernel.studio.resume())
        self.service.faults.clear()

    @rule()
    def resume_all_at_once(self):
        begun = [kernel.start(kernel.studio.resume()) for kernel in self.kernels * 2]
        for each in begun:
            each.result(20)

    @rule(seconds=st.sampled_from([1, 6, 16, 130, 600]))
    def time_passes(self, seconds):
        self.clock.pass_(seconds)
        time.sleep(0.05)

    @rule(like=st.sampled_from(["plain", "of another home", "twin"]), index=ANY, fails=st.booleans())
    def foreign_task(self, like, index, fails):
        expiry, rows = BASE_EXPIRY + 31 * index, self.asked()
        if like == "twin" and rows:
            expiry = BASE_EXPIRY + rows[index % len(rows)]["nonce"]
        body = {
            "model": "tiny",
            "content": [{"type": "text", "text": "a goose"}],
            "frames": 29,
            "seed": OUR_SEEDS + len(self.service.tasks()),
            "execution_expires_after": None if like == "plain" else expiry,
        }
        if fails:
            self.service.faults.fail_task("OutputVideoSensitiveContentDetected")
        engine.run(self.foreign.create(body))

    # --- what people do ----------------------------------------------------------------------------------

    @rule(number=TWO, index=ANY)
    def say_which(self, number, index):
        kernel = self.kernels[number]
        lost = [row for row in self.asked() if row["task_id"] is None and self.made_for(row)]
        if lost:
            row = lost[index % len(lost)]
            with contextlib.suppress(sw.SeedanceError):
                kernel.do(kernel.task(row["key"]).adopt(self.made_for(row)[0]["id"]))

    @rule(number=TWO, index=ANY)
    def adopt_any(self, number, index):
        kernel, tasks = self.kernels[number], self.service.tasks()
        if tasks:
            kernel.do(kernel.studio.adopt(tasks[index % len(tasks)]["id"]))

    @rule(number=TWO, index=ANY, act=st.sampled_from(["abandon", "resend", "cancel"]))
    def decide(self, number, index, act):
        kernel, rows = self.kernels[number], self.rows()
        if rows:
            task = kernel.task(rows[index % len(rows)]["key"])
            work = kernel.start(getattr(task, act)())
            # one that is cancelled while it is sent waits for the answer, which may be held up
            is_held_up = any(frozen is kernel for frozen, *_ in self.frozen)
            with contextlib.suppress(sw.SeedanceError, *((TimeoutError,) if is_held_up else ())):
                work.result(2 if is_held_up else PATIENCE)

    # --- what must hold at every moment -------------------------------------------------------------------

    @invariant()
    def nothing_is_sent_or_made_twice(self):
        sent = Counter()
        for line in self.lines:
            sent.update(line.sent)
        assert all(times <= 1 for times in sent.values()), sent
        made = Counter(fingerprint(task) for task in self.ours())
        assert all(times == 1 for times in made.values()), made

    @invariant()
    def an_id_has_one_row(self):
        ids = Counter(row["task_id"] for row in self.rows() if row["task_id"])
        assert all(times == 1 for times in ids.values()), ids

    @invariant()
    def nothing_that_was_made_is_held_to_be_unmade(self):
        for row in self.asked():
            if row["status"] == "not_created" and "by hand" not in row["error_message"]:
                assert not self.made_for(row), row

    @invariant()
    def a_final_status_stays(self):
        now = {row["key"]: row for row in self.rows()}
        for key, status in self.ended.items():
            # who sent it knows better than who took it over
            revived = status == "not_created" and (now[key]["task_id"] or now[key]["status"] == "unknown")
            assert now[key]["status"] == status or revived, (status, now[key])
        self.ended = {key: row["status"] for key, row in now.items() if row["status"] in FINAL}

    @invariant()
    def money_is_reserved_exactly_while_it_may_be_spent(self):
        for row in self.asked():
            assert (row["reserved_usd"] == 0) == (row["status"] in FINAL), row

    # --- what must hold in the end -----------------------------------------------------------------------

    def teardown(self):
        try:
            self.thaw()
            self.service.faults.clear()
            for kernel in self.kernels:
                kernel.die()
            self.everything_is_resumed()
            self.log_agrees_with_the_service()
        finally:
            self.service.close()
            self.folder.cleanup()

    def everything_is_resumed(self):
        self.clock.pass_(60)
        last = self.kernel()
        self.lines.append(last.line)
        try:
            for _ in range(3):
                resumed = last.do(last.studio.resume())
                self.finish(last, resumed)
                self.clock.pass_(200)
            # what people gave up by hand: the service has it, and a person can take it in
            ours = {task["id"] for task in self.ours()}
            self.finish(last, [last.do(last.studio.adopt(each)) for each in resumed.orphans if each in ours])
        finally:
            last.close()

    def finish(self, kernel, tasks):
        for task in tasks:
            with contextlib.suppress(sw.SeedanceError):
                kernel.do(task.wait(20))

    def log_agrees_with_the_service(self):
        self.nothing_is_sent_or_made_twice()
        self.an_id_has_one_row()
        self.nothing_that_was_made_is_held_to_be_unmade()
        self.a_final_status_stays()
        self.money_is_reserved_exactly_while_it_may_be_spent()
        rows = self.rows()
        by_id = {row["task_id"]: row for row in rows if row["task_id"]}
        at_service = {task["id"]: task for task in self.service.tasks()}
        undecidable = {}
        for row in rows:
            assert row["status"] in (*FINAL, "unknown"), row
            if row["status"] == "unknown":
                # its own task and one that failed with its fingerprint: nothing tells them apart; or tasks
                # of others, and none of ours that shows whether the service tells what it was sent
                twins = [task for task in self.twins_of(row) if task["status"] == "failed"]
                assert twins or not any(each["task_id"] and each["nonce"] for each in rows), row
                assert row["candidates"], row
                undecidable |= {task["id"]: row for task in self.made_for(row)}
        for task in self.ours():
            row = by_id.get(task["id"])
            assert row or task["id"] in undecidable, task
            if row:
                assert row["status"] == task["status"], (row, task)
        for task_id, row in by_id.items():
            self.row_agrees(row, at_service[task_id])
        billed = sum(row["tokens"] or 0 for row in rows)
        expected = [at_service[each]["billed_tokens"] for each in by_id]
        assert billed == sum(expected)

    def row_agrees(self, row, task):
        assert (row["tokens"] or 0) == task["billed_tokens"], (row, task)
        assert row["usd"] == pytest.approx(task["billed_tokens"] * USD_PER_MILLION / 1e6)
        if task["status"] == "succeeded":
            assert row["file"] == "saved", row
            clip = self.home / row["video_path"]
            assert hashlib.sha256(clip.read_bytes()).hexdigest() == row["sha256"]

    # --- the two sides -----------------------------------------------------------------------------------

    def rows(self):
        """All rows, read past the product."""
        with contextlib.closing(sqlite3.connect(self.home / "log.sqlite", timeout=30)) as log:
            log.row_factory = sqlite3.Row
            return [dict(row) for row in log.execute("SELECT * FROM tasks ORDER BY intent_at, key")]

    def asked(self):
        return [row for row in self.rows() if row["nonce"] is not None]

    def ours(self):
        return [task for task in self.service.tasks() if task["seed"] < OUR_SEEDS]

    def made_for(self, row):
        wanted = (BASE_EXPIRY + row["nonce"], row["requested_seed"])
        return [task for task in self.service.tasks() if fingerprint(task) == wanted]

    def twins_of(self, row):
        expiry = BASE_EXPIRY + row["nonce"]
        return [
            task
            for task in self.service.tasks()
            if task["execution_expires_after"] == expiry and task["seed"] >= OUR_SEEDS
        ]


def fingerprint(task):
    return task["execution_expires_after"], task["seed"]


@pytest.fixture
def tiny(fresh_catalog):
    """A model of small clips."""
    return register_tiny(fresh_catalog, usd_per_million=USD_PER_MILLION)


class Drawn:
    """Draws one clip, and marks it for each task by a box that players pass over."""

    def __init__(self):
        self.clip = b""

    def __call__(self, scene):
        self.clip = self.clip or render_mp4(scene)
        mark = str(scene.seed).encode()
        return self.clip + struct.pack(">I4s", 8 + len(mark), b"free") + mark


@pytest.fixture
def mortal(tiny, monkeypatch):
    # only how long is waited between tries changes, not what is tried, and what is seen in a clip
    for pause in ("sending.outbox._FIRST_WAIT", "modelark.client._FIRST_WAIT", "following.saver._PAUSE"):
        monkeypatch.setattr(f"seedance_widgets.{pause}", 0.01)
    monkeypatch.setattr("seedance_widgets.simulator.render.render_mp4", Drawn())
    with kernels_that_die():
        yield


@pytest.fixture
def promise(mortal, make_service):
    """What a test does with it ends as every run of the machine does."""
    machine = Promise(make_service)
    yield machine
    machine.teardown()


# a kernel that dies while it connects has a coroutine of anyio's that nobody awaits any more
@pytest.mark.filterwarnings("ignore:.*coroutine object connect_tcp:pytest.PytestUnraisableExceptionWarning")
def test_whatever_happens_nothing_paid_is_lost_or_paid_twice(request, mortal, make_service):
    soak = request.config.getoption("--soak")
    run_state_machine_as_test(
        lambda: Promise(make_service),
        settings=settings(
            max_examples=200 if soak else 24,
            stateful_step_count=50 if soak else 12,
            deadline=None,
            database=None,
            derandomize=not soak,
            # a dozen steps can be read as they are, and to look for fewer takes minutes
            phases=[Phase.generate, Phase.shrink] if soak else [Phase.generate],
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def judge_not_created_before_the_answer(promise, *, lost):
    """One kernel is held up while it sends, and another settles its row; then the first goes on."""
    promise.freeze(number=0, answered=False, lost=lost)
    promise.time_passes(seconds=16)
    promise.resume(number=1, fault="none")
    promise.time_passes(seconds=600)
    promise.resume(number=1, fault="none")
    assert [row["status"] for row in promise.rows()] == ["not_created"]
    promise.thaw()


def test_an_answer_later_than_the_verdict_that_nothing_was_made(promise):
    judge_not_created_before_the_answer(promise, lost=False)
    (row,), (task,) = promise.rows(), promise.ours()
    assert row["task_id"] == task["id"]
    promise.money_is_reserved_exactly_while_it_may_be_spent()


def test_an_answer_that_is_lost_after_the_verdict_that_nothing_was_made(promise):
    judge_not_created_before_the_answer(promise, lost=True)
    # only now it was sent, and a task may exist
    assert [row["status"] for row in promise.rows()] == ["unknown"]
    promise.money_is_reserved_exactly_while_it_may_be_spent()
    promise.resume(number=0, fault="list lags")
    assert [row["status"] for row in promise.rows()] == ["unknown"]
    promise.resume(number=0, fault="none")
    assert [row["task_id"] for row in promise.rows()] == [task["id"] for task in promise.ours()]


def test_a_list_that_lags_behind_settles_nothing(promise):
    promise.submit(number=0, fault="lost reply")
    promise.time_passes(seconds=16)
    for number in (0, 1):
        promise.resume(number=number, fault="list lags")
        assert [row["status"] for row in promise.rows()] == ["unknown"]
    promise.time_passes(seconds=130)
    promise.resume(number=1, fault="list lags")
    assert [row["task_id"] for row in promise.rows()] == [task["id"] for task in promise.ours()]


def test_an_answer_later_than_its_resend(promise):
    promise.freeze(number=0, answered=True, lost=False)
    promise.time_passes(seconds=16)
    promise.resume(number=1, fault="list refused")
    promise.decide(number=1, index=0, act="abandon")
    promise.decide(number=1, index=0, act="resend")
    promise.thaw()
    assert {row["task_id"] for row in promise.rows()} == {task["id"] for task in promise.ours()}
    assert len(promise.ours()) == 2


def test_a_request_that_others_settled_while_it_waited_is_not_sent(promise):
    kernel = promise.kernels[0]
    promise.service.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=2)
    sending = kernel.start(kernel.studio.submit("a fox", model="tiny"))
    while not kernel.line.sent:
        time.sleep(0.01)
    promise.time_passes(seconds=16)
    promise.resume(number=1, fault="none")
    promise.time_passes(seconds=600)
    promise.resume(number=1, fault="none")
    with pytest.raises(sw.RequestRejected, match="nothing was made"):
        sending.result(20)
    assert promise.ours() == []


def test_many_looks_at_once_for_the_same_lost_answers(promise):
    for fault in ("lost reply", "half a body", "504 after the work"):
        promise.submit(number=0, fault=fault)
    promise.time_passes(seconds=16)
    promise.resume_all_at_once()
    assert {row["task_id"] for row in promise.rows()} == {task["id"] for task in promise.ours()}


def test_a_foreign_task_with_the_same_fingerprint_is_given_back(promise):
    # by this one it is known that the service keeps the seeds that it is sent
    promise.submit(number=0, fault="none")
    promise.everything_is_resumed()
    promise.submit(number=0, fault="500 before the work")
    promise.foreign_task(like="twin", index=1, fails=False)
    promise.resume(number=0, fault="none")
    assert promise.rows()[1]["matched_by"] == "fingerprint"
    promise.everything_is_resumed()
    assert [row["status"] for row in promise.rows()] == ["succeeded", "not_created"]


def test_a_task_with_our_fingerprint_and_another_seed_is_never_held_to_be_unmade(promise):
    # the same evidence as a service that draws a seed of its own: nobody knows yet whether this one does
    promise.submit(number=0, fault="500 before the work")
    promise.foreign_task(like="twin", index=0, fails=False)
    promise.time_passes(seconds=6)
    promise.resume(number=0, fault="none")
    assert [row["status"] for row in promise.rows()] == ["unknown"]
    promise.everything_is_resumed()
    assert [(row["status"], row["matched_by"]) for row in promise.rows()] == [("succeeded", "nonce")]
