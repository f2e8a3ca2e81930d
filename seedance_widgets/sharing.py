"""Several kernels on one log: be heard of, look on at what others look after, and take over when they die.

What another kernel looks after is read from the log once a second, so that a handle of it is as live here
as there, without a call to the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from seedance_widgets.engine import engine
from seedance_widgets.errors import LogError
from seedance_widgets.log.leases import BEAT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.log.leases import Leases

__all__ = ["Sharing"]

_LOOK_SECONDS = 1.0


class Sharing:
    """One kernel's side of a shared log; runs on the engine.

    Parameters
    ----------
    journal
        Of the rows.
    leases
        Of this kernel.
    is_busy
        Whether this kernel looks after anything.
    changed
        Given the newer row of a task that another kernel looks after.
    inherited
        Given the row of a task that is ours from now on, because its kernel has gone.
    """

    def __init__(
        self,
        journal: Journal,
        leases: Leases,
        *,
        is_busy: Callable[[], bool],
        changed: Callable[[Row], None],
        inherited: Callable[[Row], object],
    ) -> None:
        self.owner = leases.owner
        self._journal = journal
        self._leases = leases
        self._is_busy = is_busy
        self._changed = changed
        self._inherited = inherited
        self._revisions: dict[str, int] = {}
        self._heard_at: float | None = None
        self._claimed_at = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def present(self) -> None:
        """Be heard of before taking anything on, and as long as there is something to look after."""
        if self._heard_at is None or time.monotonic() - self._heard_at >= BEAT_SECONDS:
            await self._beat()
        if self._beating is None or self._beating.done():
            self._beating = asyncio.get_running_loop().create_task(self._keep_beating())

    async def claim(self, keys: Iterable[str]) -> set[str]:
        """Those of the tasks that are ours from now on; the rest is looked after by other kernels."""
        wanted = list(keys)
        if not wanted:
            return set()
        await self.present()
        return await engine.write(self._leases.claim, wanted)

    async def last_heard(self, owner: str | None) -> int | None:
        """When a kernel was last heard of, in microseconds since 1970; None for one that has left."""
        return await engine.write(self._leases.last_heard, owner)

    def look_on(self, row: Row) -> None:
        """Follow through the log what another kernel looks after."""
        self._revisions[row["key"]] = row["revision"]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    def looks_on(self, key: str) -> bool:
        """Whether a task is followed through the log."""
        return key in self._revisions

    def forget(self, key: str) -> None:
        """Stop following a task."""
        self._revisions.pop(key, None)

    async def stop(self) -> None:
        """Leave everything to others."""
        self._revisions.clear()
        running = [task for task in (self._beating, self._looking) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._heard_at is not None:
            # with the log gone or locked, the others will find out by themselves
            with contextlib.suppress(LogError):
                await engine.write(self._leases.leave)

    async def _beat(self) -> None:
        await engine.write(self._leases.beat)
        self._heard_at = time.monotonic()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if not self._is_busy():
                return
            # a log that cannot be written now may be writable again in a moment
            with contextlib.suppress(LogError):
                await self._beat()

    async def _keep_looking(self) -> None:
        while self._revisions:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(LogError):
                await self._look()

    async def _look(self) -> None:
        for row in await engine.write(self._journal.rows, list(self._revisions)):
            if row["revision"] != self._revisions.get(row["key"]):
                self._revisions[row["key"]] = row["revision"]
                self._changed(row)
        if time.monotonic() - self._claimed_at >= BEAT_SECONDS and self._revisions:
            self._claimed_at = time.monotonic()
            ours = await self.claim(self._revisions)
            for row in await engine.write(self._journal.rows, ours):
                self.forget(row["key"])
                self._inherited(row)
