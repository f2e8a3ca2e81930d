"""A studio that has made thousands of tasks holds no more than one that has made a few."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gc
import os
import threading
import tracemalloc

import pytest
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.background_loop import engine

TOGETHER = 50
BYTES_A_TASK = 256


class Footprint:
    """What the process holds: threads, open files, the engine's tasks, objects by type, bytes."""

    def __init__(self):
        for _ in range(3):
            gc.collect()
        self.counts = {
            "threads": threading.active_count(),
            "open files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
            "tasks of the engine": len(asyncio.all_tasks(engine._running_loop())),
        }
        self.bytes = tracemalloc.get_traced_memory()[0]
        kinds = [type(each) for each in gc.get_objects()]
        self.kinds = collections.Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)


@contextlib.contextmanager
def traced():
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def make(studio, simulator, name, count):
    """So many tasks and their clips; one in ten is refused, one in ten fails."""
    for start in range(0, count, TOGETHER):
        simulator.faults.refuse(400, "InputTextSensitiveContentDetected", times=TOGETHER // 10)
        simulator.faults.fail_task("OutputVideoSensitiveContentDetected", times=TOGETHER // 10)
        made = await asyncio.gather(
            *(studio.generate(f"fox {name} {start + n}", model="tiny") for n in range(TOGETHER)),
            return_exceptions=True,
        )
        errors = [each for each in made if isinstance(each, BaseException)]
        assert len(errors) == 2 * (TOGETHER // 10)
        for error in errors:
            assert isinstance(error, (sw.RequestRejected, sw.TaskFailed))
            error.__traceback__ = None


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.soak)])
async def test_nothing_stays_of_a_task_that_has_ended(tmp_path, fresh_catalog, count):
    register_tiny(fresh_catalog)
    simulator = sw.Simulator(speed=1000)
    with contextlib.closing(simulator), sw.Studio(tmp_path / "runs", simulate=simulator) as studio, traced():
        await make(studio, simulator, "first", 2 * TOGETHER)
        before = Footprint()
        await make(studio, simulator, "second", count)
        async with asyncio.timeout(30):  # what a task's end sets off may end a moment later
            while Footprint().counts["tasks of the engine"] > before.counts["tasks of the engine"]:
                await asyncio.sleep(0.2)
        after = Footprint()
        assert len(studio.runtime.registry) == 0
    assert not {name: count for name, count in after.counts.items() if count > before.counts[name]}
    grown = {kind: more for kind, more in (after.kinds - before.kinds).items() if more >= 3 * count // 4}
    assert not grown
    assert after.bytes - before.bytes < max(count, 1000) * BYTES_A_TASK
