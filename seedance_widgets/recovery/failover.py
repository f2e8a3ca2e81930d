"""Tasks that other kernels look after: followed through the log, and taken over when those kernels die.

The log is read once a second, so that a task of another kernel is as live here as there, without a call to
the service.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.recovery.leases import BEAT_SECONDS

if TYPE_CHECKING:
    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.recovery.recovery import Recovery
    from seedance_widgets.task.registry import Registry
    from seedance_widgets.task.task import Task

__all__ = ["Failover"]

logger = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


class Failover:
    """Looks on at what other kernels do; runs on the engine.

    Parameters
    ----------
    journal, registry, peers, recovery
        Of the studio.

    Attributes
    ----------
    revisions : dict of str to int
        The revision last seen of each task that is followed through the log, by its key.
    """

    def __init__(self, journal: Journal, registry: Registry, peers: Peers, recovery: Recovery) -> None:
        self._journal = journal
        self._registry = registry
        self._peers = peers
        self._recovery = recovery
        self.revisions: dict[str, int] = {}
        self._claimed_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    def look_on(self, row: TaskRow) -> Task:
        """Follow through the log what another kernel looks after."""
        self.revisions[row.key] = row.revision
        task = self._registry.hold(row)
        self._registry.publish(row)
        if self._looking is None or self._looking.done():
            looking = keep_going("following tasks of other kernels", self._look)
            self._looking = asyncio.get_running_loop().create_task(looking)
        return task

    async def stop(self) -> None:
        """Follow nothing any more."""
        self.revisions.clear()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> bool:
        """Look once a second; says whether there is anything left to follow."""
        await asyncio.sleep(_LOOK_SECONDS)
        rows = await engine.write(self._journal.rows, list(self.revisions))
        newer = [row for row in rows if row.revision != self.revisions.get(row.key)]
        if any(row.usd for row in newer):
            await engine.write(self._journal.money)  # for their cards, which do not ask
        for row in newer:
            self.revisions[row.key] = row.revision
            self._registry.publish(row)
        if time.monotonic() - self._claimed_at >= BEAT_SECONDS and self.revisions:
            self._claimed_at = time.monotonic()
            await self._take_over()
        return bool(self.revisions)

    async def _take_over(self) -> None:
        """Look after the tasks whose kernel has gone; one that it had not accepted is looked for."""
        ours = await self._peers.claim(self.revisions)
        for row in await engine.write(self._journal.rows, ours):
            logger.info("task %s: its kernel has gone, this one takes over", row.key)
            del self.revisions[row.key]
            self._registry.take_up(row)
            if row.is_unclear:
                self._recovery.look_for(row.key)
