"""An exception that nobody foresaw, at each place where the engine waits: work goes on, and the log tells it.

The places are counted, not guessed: a schedule is run once to number every call that the engine awaits (of the
client, of the log's writer, of its own pauses), and then again with the n-th of them raising. A call is refused
before it is made, so that nothing is done twice by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import warnings

import pytest

import seedance_widgets as sw
from seedance_widgets.background_loop import Engine, engine
from seedance_widgets.modelark.client import Client

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
# rooms whose pauses are the engine's own
_LOOPS = (
    "seedance_widgets.following", "seedance_widgets.recovery", "seedance_widgets.sending",
    "seedance_widgets.modelark", "seedance_widgets.background_loop",
)  # fmt: skip


class Unforeseen(Exception):
    """No error of this package, and of no library that it knows."""


class Places:
    """Numbers the calls that the engine awaits, and lets one of them raise."""

    def __init__(self, monkeypatch):
        self.count, self.struck, self._at, self._counting = 0, None, None, False
        for owner, name in [(Client, "get"), (Client, "list"), (Client, "download"), (Engine, "write")]:
            monkeypatch.setattr(owner, name, self._guarded(getattr(owner, name), name))
        sleep = asyncio.sleep

        async def watched_sleep(seconds, *rest):
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if seconds > 0 and caller.startswith(_LOOPS) and engine.is_here:
                self._pass(f"sleep in {caller}")
            return await sleep(min(seconds, 0.2), *rest)

        monkeypatch.setattr(asyncio, "sleep", watched_sleep)

    def _guarded(self, call, name):
        async def guarded(*args, **kwargs):
            if engine.is_here:
                what = getattr(args[1], "__name__", "") if name == "write" else ""
                self._pass(f"{name} {what}")
            return await call(*args, **kwargs)

        return guarded

    def _pass(self, what):
        if not self._counting:
            return
        self.count += 1
        if self.count == self._at:
            self.struck = what
            raise Unforeseen(f"at place {self.count}: {what}")

    @contextlib.contextmanager
    def counted(self, at=None):
        self.count, self.struck, self._at, self._counting = 0, None, at, True
        try:
            yield
        finally:
            self._counting = False


@pytest.fixture
def places(monkeypatch):
    monkeypatch.setattr("seedance_widgets.background_loop._AFTER_FAILURE", 0.02)
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    monkeypatch.setattr("seedance_widgets.following.saver._LATER", 0.05)
    monkeypatch.setattr("seedance_widgets.sending.outbox._FIRST_WAIT", 0.01)
    monkeypatch.setattr("seedance_widgets.recovery.recovery._LOOKS", (0.05, 0.05, 0.05, 0.05))
    monkeypatch.setattr("seedance_widgets.recovery.recovery._NOW_AND_THEN", 0.2)
    return Places(monkeypatch)


async def follow(studio, simulator):
    """Tasks that are watched one by one and by list, and one clip whose host fails at first."""
    simulator.faults.half_body(on="file", times=5)
    return [await begun(studio, f"fox {n}") for n in range(5)]


async def lose(studio, simulator):
    """A create whose answer is lost is looked for and found."""
    simulator.faults.drop_reply()
    return [await begun(studio, "a lost fox"), await begun(studio, "a fox")]


async def table(studio, simulator):
    """A table of requests, run again where its first run heard of what went wrong."""
    simulator.faults.drop_reply(on="get", times=2)
    rows = [f"fox {n}" for n in range(4)]
    batch = studio.batch(rows, **SMALL)
    for _ in range(3):
        try:
            await batch.run(progress=False)
        except Exception as error:  # noqa: BLE001 - several may come together
            for each in getattr(error, "exceptions", [error]):
                logging.getLogger("seedance_widgets").info("told to the caller: %s", each)
    return rows


async def begun(studio, prompt):
    """Whoever calls hears of what happens before anything is sent; the rest is the loops' own."""
    try:
        await studio.submit(prompt, **SMALL)
    except (sw.SeedanceError, Unforeseen) as error:
        logging.getLogger("seedance_widgets").info("told to the caller: %s", error)
    return prompt


async def settled(studio, prompts):
    """Every prompt has one row, with its clip, or with the word that it was never made."""
    async with asyncio.timeout(60):
        while True:
            rows = studio.runtime.journal.recent(99)
            if all(row.status in ("not_created", "rejected") or row.file == "saved" for row in rows):
                return {row.prompt: row for row in rows}
            await asyncio.sleep(0.05)


async def run(home, places, schedule, at=None):
    """One schedule, with the n-th place raising; how many places there were."""
    simulator = sw.Simulator(speed=100)
    with sw.Studio(home, simulate=simulator) as studio:
        with places.counted(at):
            prompts = await schedule(studio, simulator)
            rows = await settled(studio, prompts)
        made = simulator.tasks()
        assert rows.keys() <= set(prompts)
        ids = [row.task_id for row in rows.values() if row.task_id is not None]
        assert sorted(ids) == sorted(task["id"] for task in made)  # nothing lost, nothing twice
    simulator.close()
    return places.count


@pytest.mark.parametrize("schedule", [follow, lose, table])
async def test_work_goes_on_whichever_place_raises(tmp_path, places, schedule, caplog, request):
    caplog.set_level(logging.DEBUG, "seedance_widgets")
    total = await run(tmp_path / "whole", places, schedule)
    assert total > 20
    step = 1 if request.config.getoption("--soak") else max(1, total // 12)
    for at in range(1, total + 1, step):
        caplog.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            await run(tmp_path / f"at-{at}", places, schedule, at)
        if places.struck is not None:  # timing may make fewer of them
            told = [line for line in caplog.records if f"at place {at}:" in line.getMessage() or (
                line.exc_info and f"at place {at}:" in str(line.exc_info[1]))]  # fmt: skip
            assert told, places.struck
