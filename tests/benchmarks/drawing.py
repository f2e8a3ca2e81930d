"""How long drawing cards holds the engine's loop, on which everything paid for is watched and saved.

    python tests/benchmarks/drawing.py [--rounds N]

In a real ipykernel whose notebook listens, with the simulator in a process of its own. A heartbeat on the engine
wants to wake every 5 ms; the longest it was late is how long the loop was held, by whatever held it. Two notebooks:

* 20 live cards, every query of the log slowed by 50 ms, as with a database far away. What is slowed is the cursor,
  so that a query costs its time in whatever thread it is made; how many were made on the loop does not depend on
  how busy the machine is.
* 200 live cards, first beside an idle cell, then, once the first clips are saved, beside one that computes and
  never rests; more clips have to be saved meanwhile. The cell that computes holds the interpreter for 5 ms at a time: the same without cards says how late that
  alone makes a heartbeat.

A heartbeat that is late says that the loop was held or that the machine was busy: run this on a quiet one.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import measure
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = (4, 12) if measure.SMALL else (20, 200)
SECONDS = 2 if measure.SMALL else 10
# clips are made within 20 to 90 s at this speed; the first window ends before any clip does
SPEED = 6 if measure.SMALL else 1
QUERY_SECONDS = 0.05
BEAT_SECONDS = 0.005

SERVER = f"""
import sys, threading
import seedance_widgets as sw

limits = {{"rpm": 100_000, "concurrency": 100_000}}
with sw.Simulator(state=sys.argv[1], speed={SPEED}, limits=limits).serve() as url:
    print(url, flush=True)
    threading.Event().wait()
"""
OPEN = """
import asyncio, json, time
import seedance_widgets as sw
from seedance_widgets.background_loop import engine
from sqlalchemy import event
from sqlalchemy.engine import Engine

studio = sw.Studio(HOME, api_key="a-key", base_url=URL, limits=sw.Limits(rpm=100_000, concurrency=100_000))
slowed = 0.0
here = 0

@event.listens_for(Engine, "before_cursor_execute")
def slow(*_):
    global here
    here += engine.is_here
    if slowed:
        time.sleep(slowed)

async def submitted(count):
    clip = dict(model="seedance-1-0-pro-fast", resolution="480p", ratio="1:1", frames=29)
    return await asyncio.gather(*(studio.submit(f"fox {number}", **clip) for number in range(count)))

def saved():
    return sum(task.video_path is not None for task in tasks)

def computed(seconds):
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        count += sum(range(100))

async def beaten(seconds):
    late, end = [], time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        await asyncio.sleep(BEAT)
        late.append(1e3 * (time.monotonic() - now - BEAT))
    return late

def report(future, **more):
    late = sorted(future.result())
    print(json.dumps({"longest": late[-1], "p99": late[int(0.99 * len(late))], **more}))
"""
SUBMIT = "tasks = await submitted({count})"
SHOW = "for task in tasks: task.show()"
SLOW = f"""
slowed, here = {QUERY_SECONDS}, 0
beating = engine.submit(beaten({SECONDS}))
await asyncio.sleep({SECONDS} + 0.1)
slowed = 0.0
report(beating, here=here, live=sum(task.status in ("queued", "running") for task in tasks))
"""
IDLE = f"""
beating = engine.submit(beaten({SECONDS}))
await asyncio.sleep({SECONDS} + 0.1)
report(beating, live=sum(task.status in ("queued", "running") for task in tasks))
"""
BUSY = f"""
while not saved(): await asyncio.sleep(0.1)
before = saved()
beating = engine.submit(beaten({SECONDS}))
computed({SECONDS} + 0.1)
report(beating, saved=saved() - before)
"""
ALONE = f"""
beating = engine.submit(beaten({SECONDS}))
computed({SECONDS} + 0.1)
report(beating)
"""
CLOSE = "studio.close()"


class Notebook:
    """A kernel and the notebook that listens to it."""

    def __init__(self, folder: str) -> None:
        self._manager = KernelManager()
        # what goes wrong in a cell comes as a message
        self._manager.start_kernel(cwd=folder, stderr=subprocess.DEVNULL)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, cell: str) -> dict[str, Any]:
        """What a cell printed as JSON, and as ``redrawn`` how many cards were redrawn meanwhile."""
        asked, text, redrawn = self._client.execute(cell), "", 0
        while True:
            message = self._client.get_iopub_msg(timeout=120)
            kind, content = message["msg_type"], message["content"]
            redrawn += kind == "update_display_data"
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if kind == "stream" and content["name"] == "stdout":
                text += content["text"]
            if kind == "status" and content["execution_state"] == "idle":
                return {**(json.loads(text) if text else {}), "redrawn": redrawn}

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def notebook() -> Iterator[Notebook]:
    """A studio in a kernel, and its service in a process of its own."""
    with tempfile.TemporaryDirectory() as home, measure.process(SERVER, f"{home}/service") as url:
        kernel = Notebook(home)
        try:
            kernel.run(f"HOME, URL, BEAT = {home + '/runs'!r}, {url!r}, {BEAT_SECONDS}")
            kernel.run(OPEN)
            yield kernel
            kernel.run(CLOSE)
        finally:
            kernel.close()


def few() -> dict[str, dict[str, Any]]:
    """Cards whose log answers slowly."""
    with notebook() as kernel:
        kernel.run(SUBMIT.format(count=FEW))
        kernel.run(SHOW)
        return {"slow": kernel.run(SLOW)}


def many() -> dict[str, dict[str, Any]]:
    """Many cards, beside an idle cell and beside one that computes."""
    with notebook() as kernel:
        alone = kernel.run(ALONE)
        kernel.run(SUBMIT.format(count=MANY))
        kernel.run(SHOW)
        return {"alone": alone, "idle": kernel.run(IDLE), "busy": kernel.run(BUSY)}


def main() -> None:
    rounds = measure.rounds(__doc__, 3)
    runs = measure.alternate(rounds, {"few": few, "many": many}, warm_up=0)

    def figures(notebook: str, window: str, name: str) -> list[float]:
        return [run[window][name] for run in runs[notebook]]

    table = measure.Table(f"How late a heartbeat on the engine is, {SECONDS} s each")
    for title, which, limit in (
        (f"{FEW} cards, every query {1e3 * QUERY_SECONDS:.0f} ms slower", ("few", "slow"), 50),
        (f"{MANY} cards, an idle cell", ("many", "idle"), None),
        (f"{MANY} cards, a cell that computes", ("many", "busy"), 100),
        ("no cards, a cell that computes", ("many", "alone"), None),
    ):
        table.row(f"{title}: at most", figures(*which, "longest"), "ms", at_most=limit)
        table.row("  99 of 100 beats", figures(*which, "p99"), "ms")
        table.row("  cards redrawn a second", [n / SECONDS for n in figures(*which, "redrawn")], "")
        run = runs[which[0]][0][which[1]]
        if "here" in run:
            table.row("  queries made on the loop", figures(*which, "here"), "", at_most=0)
        for name in ("live", "saved"):
            if name in run:
                table.row(f"  clips {name}", figures(*which, name), "", at_least=1)
    table.print()


if __name__ == "__main__":
    main()
