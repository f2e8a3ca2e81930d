"""Stop paying: withdraw what is not sent, cancel what is queued, and say what goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidRequest, ServiceError
from seedance_widgets.log.row import Status
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from seedance_widgets.following.actions import Actions
    from seedance_widgets.sending.outbox import Outbox
    from seedance_widgets.task.registry import Registry
    from seedance_widgets.task.task import Task

__all__ = ["Stopped", "stop_tasks"]

_AT_ONCE = 8  # each takes three calls


@dataclass(frozen=True, slots=True, repr=False)
class Stopped:
    """What was stopped, by the keys of the tasks.

    ``withdrawn`` were not sent and are free, ``cancelled`` were queued at the service and are free, and
    ``going_on`` cannot be stopped: they run, or the service could not be asked.
    """

    withdrawn: tuple[str, ...]
    cancelled: tuple[str, ...]
    going_on: tuple[str, ...]

    def __repr__(self) -> str:
        if not (self.withdrawn or self.cancelled or self.going_on):
            return "Nothing was at work."
        said = [f"{count_text(len(self.withdrawn), 'task')} withdrawn before sending"]
        said.append(f"{len(self.cancelled):,} cancelled while queued")
        if self.going_on:
            said.append(f"{len(self.going_on):,} cannot be stopped and go on, and are billed if they succeed")
        return ", ".join(said) + "."


async def stop_tasks(
    registry: Registry, outbox: Outbox, actions: Actions, keys: Collection[str] | None = None
) -> Stopped:
    """Stop the tasks of these keys, or all that are at work here; runs on the engine."""
    tasks = [task for task in registry.held() if keys is None or task.key in keys]
    await outbox.withdraw([task.key for task in tasks])
    sent = [task for task in tasks if task.status not in (Status.WITHDRAWN, Status.SUCCEEDED)]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def cancel(task: Task) -> None:
        async with turns:
            try:
                await actions.cancel(task)
            except (InvalidRequest, ServiceError):  # it runs, has ended, or cannot be asked for
                return

    await asyncio.gather(*(cancel(task) for task in sent))
    return Stopped(
        tuple(task.key for task in tasks if task.status == Status.WITHDRAWN),
        tuple(task.key for task in sent if task.status == Status.CANCELLED),
        tuple(task.key for task in sent if task.row.is_waiting or task.status == Status.UNKNOWN),
    )
