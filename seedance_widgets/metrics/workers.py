"""Many clips measured at once, in processes of their own.

loky's, for its workers take functions that were written in a cell, and a worker that dies is noticed. Then
the clips that are left are measured one at a time, so that it is known which of them does it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from seedance_widgets.metrics.figures import Measured, measure_clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from seedance_widgets.metrics.figures import Job

__all__ = ["measure_all"]

_IDLE_SECONDS = 60


async def measure_all(jobs: Sequence[Job]) -> AsyncIterator[tuple[int, list[Measured]]]:
    """Measure clips; yields the number of each in ``jobs`` and its figures, as they come.

    Whoever ends the iteration leaves what has not begun unmeasured.
    """
    done = set[int]()
    try:
        async for number, found in _together(jobs):
            done.add(number)
            yield number, found
    except Exception as error:
        if not _is_broken(error):
            raise
    for number, job in enumerate(jobs):
        if number not in done:
            yield number, await _alone(job)


async def _together(jobs: Sequence[Job]) -> AsyncIterator[tuple[int, list[Measured]]]:
    executor = await asyncio.to_thread(_executor, min(len(jobs), os.cpu_count() or 1))
    running = {
        asyncio.wrap_future(executor.submit(measure_clip, job)): number for number, job in enumerate(jobs)
    }
    try:
        waiting = set(running)
        while waiting:
            ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            # what has ended well is kept, whatever else has happened meanwhile
            for future in sorted(ended, key=lambda future: future.exception() is not None):
                yield running[future], future.result()
    finally:
        for future in running:
            future.cancel()
            future.add_done_callback(_look)


async def _alone(job: Job) -> list[Measured]:
    executor = await asyncio.to_thread(_executor, 1)
    try:
        return await asyncio.wrap_future(executor.submit(measure_clip, job))
    except Exception as error:
        if not _is_broken(error):
            raise
        if len(job.measures) > 1:  # which of them it is
            return [found for each in job.measures for found in await _alone(job._replace(measures=(each,)))]
        name = job.measures[0].name
        return [Measured(name, name, None, "the process that measured it ended abruptly")]


def _executor(workers: int) -> Any:
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=max(1, workers), timeout=_IDLE_SECONDS)


def _is_broken(error: BaseException) -> bool:
    from concurrent.futures.process import BrokenProcessPool

    return isinstance(error, BrokenProcessPool)


def _look(future: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more, and nobody is to be told of its error."""
    if not future.cancelled():
        future.exception()
