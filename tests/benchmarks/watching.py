"""Watching tasks: the watcher against the polling loop of the service's own samples, one thread a task.

    python tests/benchmarks/watching.py [--rounds N]

Both follow the same 200 tasks, whose lifetimes are lognormal around 60 s, one side after the other, over
loopback from a simulator in a process of its own. Time runs twice as fast as for real, for the tasks, the
rhythm, the rates, and the ten seconds that the loop sleeps; all figures are in seconds of the service. The
loop's threads begin within its first ten seconds, as if their tasks had been sent one after the other: all
at once they would queue at the server, and look worse than they are. The watcher has no log to learn from here.

Alone: a task by itself, after twenty of its kind. Each has a watcher and a log of its own, so that those twenty
differ too; the whole seconds that a log is told in are half as long, as everything.

A delay lasts from success to the moment at which the client knows. Rates are taken where requests leave. On a
machine with more to do than it can, the loop's requests queue at the server: then its delays say nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import statistics
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import measure

import seedance_widgets as sw
from seedance_widgets.following.pace import Life, Paces
from seedance_widgets.following.watcher import LEAST_SCALE, Watcher
from seedance_widgets.log.row import Status, TaskRow
from seedance_widgets.modelark.client import Client, Spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seedance_widgets.following.pace import Pace

SPEED = 2
TASKS = 8 if measure.SMALL else 200
MEDIAN, SIGMA = 12.0 if measure.SMALL else 60.0, 0.35
LOOP_SLEEP = 10.0
LEARNED = 20
ALONE = 4 if measure.SMALL else 48
SECOND = 1_000_000
KEY = "a-key"
TASK_PATH = "/contents/generations/tasks"
LIFE = Life("seedance-1-5-pro-251215", "default", "720p", 5, 121, "standard")
SERVER = """
import sys, threading
import seedance_widgets as sw

simulator = sw.Simulator(state=sys.argv[1], limits={"concurrency": 100_000})
with simulator.serve() as url:
    print(url, flush=True)
    threading.Event().wait()
"""


@dataclass
class Wire:
    """When requests left, and which of them were lists."""

    gets: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)

    def note(self, request: httpx.Request) -> None:
        (self.lists if request.url.query else self.gets).append(time.monotonic())

    @property
    def count(self) -> int:
        return len(self.gets) + len(self.lists)

    def busiest(self, moments: list[float], seconds: float) -> int:
        """The most requests within so many seconds of the service."""
        return max((sum(at <= each < at + seconds / SPEED for each in moments) for at in moments), default=0)


class NotedTransport(httpx.AsyncBaseTransport):
    """The network, with a note of each request."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._inner = httpx.AsyncHTTPTransport(verify=False, limits=httpx.Limits(max_connections=20))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._wire.note(request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Outcome:
    """What following some tasks took: requests, and delays in seconds of the service."""

    wire: Wire
    delays: list[float]


class Works:
    """Puts tasks of chosen lifetimes into the state that the server works on."""

    def __init__(self, path: Path) -> None:
        self._service = sw.Simulator(state=path)._service
        body = {"model": LIFE.model, "content": [{"type": "text", "text": "a fox"}]}
        made = self._service.create(body, "http://127.0.0.1")
        with self._service.world.transaction(time.time()) as world:
            self._like = world.task(made["id"])

    def close(self) -> None:
        self._service.world.close()

    def begin(self, lives: Iterable[float]) -> dict[str, float]:
        """Begin tasks that end after so many seconds of the service; their ids, and when they will end."""
        now = time.time()
        ends: dict[str, float] = {}
        with self._service.world.transaction(now) as world:
            for old in world.tasks():
                world.remove(old)
            for number, life in enumerate(lives):
                task = dataclasses.replace(
                    self._like, id=f"cgt-20270101000000-{number:04d}x", created_at=now, updated_at=now,
                    ready_at=now, run_seconds=life / SPEED, expires_at=now + 86_400,
                )  # fmt: skip
                world.add(task)
                ends[task.id] = now + task.run_seconds
        return ends


async def follow(url: str, ends: Mapping[str, float], paces: Paces) -> Outcome:
    """One watcher for these tasks."""
    wire, delays, done = Wire(), [], asyncio.Event()

    class NoLog:
        """Journal, registry and paces in one, with nothing on disk."""

        async def record(self, change: Callable[..., Any], *args: Any) -> Any:
            return change(*args)

        def tick(self) -> None:
            return

        def observed(self, key: str, answer: Mapping[str, Any]) -> Any:
            if answer["status"] == "succeeded":
                delays.append(SPEED * (time.time() - ends[key]))
                if len(delays) == len(ends):
                    done.set()
            return SimpleNamespace(task_id=key, status=answer["status"])

        def troubled(self, key: str, error: Exception) -> Any:
            raise error

        async def of(self, row: TaskRow) -> Pace:
            return paces.of(row)

    log: Any = NoLog()
    scale = 1 / SPEED
    lists = Spacing(1.0, max(scale, LEAST_SCALE))
    async with Client(KEY, url, transport=NotedTransport(wire)) as client:
        watcher = Watcher(client, log, log, log, lists=lists, scale=scale)
        for task_id in ends:
            born = LIFE._replace(created_at=int(time.time() * SECOND))._asdict()
            ids = {"key": task_id, "task_id": task_id}
            watcher.watch(TaskRow(**ids, **born, status=Status.QUEUED, simulated=False, intent_at=0))
        await done.wait()
        await watcher.stop()
    return Outcome(wire, delays)


def watched(url: str, works: Works, lives: Sequence[float]) -> Outcome:
    """All tasks by one watcher without a log."""
    return asyncio.run(follow(url, works.begin(lives), Paces([])))


def looped(url: str, works: Works, lives: Sequence[float]) -> Outcome:
    """Every task by a thread that asks, sleeps ten seconds, and asks again."""
    wire, delays = Wire(), []
    # the server closes what is idle for five seconds
    limits = httpx.Limits(max_connections=len(lives), keepalive_expiry=2)
    http = httpx.Client(
        headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, verify=False, timeout=60, limits=limits,
        event_hooks={"request": [wire.note]},
    )  # fmt: skip

    def poll(task_id: str, end: float) -> None:
        time.sleep(random.uniform(0, LOOP_SLEEP) / SPEED)
        while http.get(f"{url}{TASK_PATH}/{task_id}").raise_for_status().json()["status"] != "succeeded":
            time.sleep(LOOP_SLEEP / SPEED)
        delays.append(SPEED * (time.time() - end))

    ends = works.begin(lives)
    threads = [threading.Thread(target=poll, args=each) for each in ends.items()]
    with http:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(delays) == len(lives)
    return Outcome(wire, delays)


def drawn(chance: random.Random) -> float:
    return chance.lognormvariate(math.log(MEDIAN), SIGMA)


def as_logged(chance: random.Random) -> Paces:
    """What a log says after some tasks, in whole seconds as the service does."""
    lives = [round(drawn(chance)) / SPEED for _ in range(LEARNED)]
    return Paces([LIFE._replace(finished_at=round(life * SECOND)) for life in lives])


def alone(url: str, works: Works, lives: Sequence[float], chance: random.Random) -> list[Outcome]:
    """Each task by a watcher of its own."""

    async def all_of_them() -> list[Outcome]:
        ends = works.begin(lives)
        return await asyncio.gather(
            *(follow(url, {task_id: end}, as_logged(chance)) for task_id, end in ends.items())
        )

    return asyncio.run(all_of_them())


def together(url: str, works: Works, rounds: int) -> None:
    """Compare both ways, with the same lifetimes in each round."""
    chance = random.Random(1)
    worlds = [[drawn(chance) for _ in range(TASKS)] for _ in range(rounds)]
    ways = (looped, watched)
    outcomes = measure.alternate(
        rounds, {way.__name__: partial(_next, way, url, works, iter(worlds)) for way in ways}, warm_up=0
    )
    table = measure.Table(f"{TASKS} tasks at once, no log")
    loop, ours = ([outcome.wire for outcome in outcomes[way.__name__]] for way in ways)
    counts = [wire.count for wire in loop]
    table.row("requests: a loop a task", counts, "")
    table.row("requests: watcher", [wire.count for wire in ours], "", against=counts, at_most=0.15)
    loop_delays, our_delays = (
        [statistics.fmean(outcome.delays) for outcome in outcomes[way.__name__]] for way in ways
    )
    table.row("mean delay: a loop a task", loop_delays, "s")
    table.row("mean delay: watcher", our_delays, "s", against=loop_delays, at_most=0.25)
    # over ten seconds, since on the way here a busy machine brings single ones closer together
    table.row("most LISTs within 10 s", [wire.busiest(wire.lists, 10) for wire in ours], "", at_most=10)
    table.row("most GETs within a second", [wire.busiest(wire.gets, 1) for wire in ours], "", at_most=20)
    table.print()


def by_itself(url: str, works: Works, rounds: int) -> None:
    """A task after twenty of its kind: how late its end is known, and what a usual one costs."""
    chance = random.Random(2)
    delays, costs = [], []
    for _ in range(rounds):
        lives = [*(drawn(chance) for _ in range(ALONE)), *[MEDIAN] * (ALONE // 2)]
        outcomes = alone(url, works, lives, chance)
        delays.append(statistics.fmean(delay for outcome in outcomes[:ALONE] for delay in outcome.delays))
        costs.append(statistics.fmean(outcome.wire.count for outcome in outcomes[ALONE:]))
    table = measure.Table(f"A task alone, {LEARNED} of its kind in the log")
    table.row("mean delay", delays, "s", at_most=1.5)
    table.row(f"requests for one of {MEDIAN:.0f} s", costs, "", at_most=25)
    table.print()


def _next(way: Any, url: str, works: Works, worlds: Iterator[list[float]]) -> Outcome:
    outcome: Outcome = way(url, works, next(worlds))
    return outcome


def main() -> None:
    rounds = measure.rounds(__doc__, 1)
    with (
        measure.folder() as home,
        closing(Works(home / "simulator.sqlite")) as works,
        measure.process(SERVER, home / "simulator.sqlite") as url,
    ):
        together(url, works, rounds)
        by_itself(url, works, rounds)


if __name__ == "__main__":
    main()
