"""Work that other processes are given: what they make of a home, and of what they are handed."""

from __future__ import annotations

import asyncio

import seedance_widgets as sw

SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}


def generate(home, prompt):
    """Make a clip in a studio of one's own; its key and its status."""
    with sw.Studio(home, simulate=sw.Simulator(speed=2000)) as studio:
        task = sw.run(studio.generate(prompt, **SMALL))
        return task.key, task.status


def fail(home):
    """Fail as a request can fail."""
    simulator = sw.Simulator(speed=2000)
    simulator.faults.refuse(400, "InvalidParameter", message="no")
    with sw.Studio(home, simulate=simulator) as studio:
        sw.run(studio.submit("a fox", **SMALL))


def use(studio, task):
    """What a forked child can do with its parent's studio and a live task of it."""
    said = [f"{len(studio.log.to_pandas())} rows"]
    for work in (lambda: studio.submit("a hare", **SMALL), task.wait, studio.resume):
        try:
            said.append(repr(sw.run(work(), timeout=30)))
        except sw.SeedanceError as error:
            said.append(str(error))
        try:
            asyncio.run(asyncio.wait_for(work(), 30))
        except sw.SeedanceError as error:
            said.append(str(error))
    studio.close()
    return said
