"""What is to happen next to each task that was sent, by the state of its row.

A live task is watched, a succeeded one has its files saved, one whose answer was lost is looked for, and what
another kernel looks after is read from the log. `Dispatcher.react` is told of every row that is published and
held (`task.registry`); nothing else decides what is done by itself.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import LogError, ServiceError
from seedance_widgets.log.row import FINAL, FOLLOWED, Status

if TYPE_CHECKING:
    from seedance_widgets.following.pace import LearnedPaces
    from seedance_widgets.following.saver import Saver
    from seedance_widgets.following.watcher import Watcher
    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client
    from seedance_widgets.recovery.failover import Failover
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.recovery.recovery import Recovery
    from seedance_widgets.sending.gates import Gates
    from seedance_widgets.task.registry import Registry

__all__ = ["Dispatcher"]

logger = logging.getLogger(__name__)
_HINT_SECONDS = 1.0


class Dispatcher:
    """Sees to what happens next to the tasks of one runtime; runs on the engine.

    Parameters
    ----------
    client, journal, registry, peers, paces
        Of the runtime.
    gates, watcher, saver, recovery, failover
        Who does what a row's state calls for.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        registry: Registry,
        *,
        peers: Peers,
        paces: LearnedPaces,
        gates: Gates,
        watcher: Watcher,
        saver: Saver,
        recovery: Recovery,
        failover: Failover,
    ) -> None:
        self._client = client
        self._journal = journal
        self._registry = registry
        self._peers = peers
        self._paces = paces
        self._gates = gates
        self._watcher = watcher
        self._saver = saver
        self._recovery = recovery
        self._failover = failover
        self._looked_at: dict[str, float] = {}

    def react(self, row: TaskRow) -> None:
        """Do what the row's state calls for; for each row of a task that is held, once or many times."""
        key = row.key
        at_service = row.task_id is not None and row.status in FOLLOWED
        if not at_service and self._watcher.forget(key):
            self._gates.look()  # its place at the service is free
        if not (row.is_waiting or at_service):
            self._failover.revisions.pop(key, None)
            self._registry.release(key)
            if row.is_unclear:
                self._recovery.look_for(key)
        elif key in self._failover.revisions:
            return
        elif at_service:
            self._watcher.watch(row)
        elif row.status is Status.SUCCEEDED:
            self._paces.learn_anew()
            self._saver.start(row)

    async def look_at(self, task_id: str) -> None:
        """Somebody says that a task has changed: ask the service, at most once a second."""
        if self._watcher.hint(task_id):
            return
        # another kernel follows it, and may look only minutes from now
        now = time.monotonic()
        self._looked_at = {key: at for key, at in self._looked_at.items() if now - at < _HINT_SECONDS}
        row = None if task_id in self._looked_at else await engine.write(self._journal.by_task_id, task_id)
        if row is None or row.status in FINAL or task_id in self._looked_at:
            return
        self._looked_at[task_id] = now
        if await self._peers.claim([row.key]):  # nobody follows it any more: its clip is to be saved
            self._registry.take_up(row)
            self._watcher.hint(task_id)
            return
        try:
            answer = await self._client.get(task_id)
            await self._registry.record(self._journal.observed, row.key, answer.data)
        except (ServiceError, LogError) as error:
            logger.debug("task %s was hinted at and could not be read: %s", row.key, error)

    async def stop(self) -> None:
        """Follow nothing any more, and leave it to others."""
        await self._recovery.stop()
        await self._watcher.stop()
        await self._saver.stop()
        await self._failover.stop()
        await self._peers.stop()
