"""Several kernels on one log: this one is heard of, and claims the tasks that nobody else looks after.

A kernel that looks after tasks is heard of in ``kernels`` every few seconds, and the tasks' rows carry its
name. A lease only divides the work. That nothing is sent twice rests on the journal, never on a clock.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.errors import LogError
from seedance_widgets.log.liveness import is_alive, this_process
from seedance_widgets.log.schema import kernels, tasks
from seedance_widgets.units import DAY, micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from seedance_widgets.log.store import Store
    from seedance_widgets.task.registry import Registry

__all__ = ["BEAT_SECONDS", "Leases", "Peers"]

BEAT_SECONDS = 5.0
_LEASE_SECONDS = 15.0
_FORGOTTEN_DAYS = 30
logger = logging.getLogger(__name__)


class Peers:
    """What this kernel is to the others on its log; runs on the engine.

    Parameters
    ----------
    leases
        Of this kernel.
    registry
        Knows whether this kernel looks after anything.
    """

    def __init__(self, leases: Leases, registry: Registry) -> None:
        self.owner = leases.owner
        self._leases = leases
        self._registry = registry
        self._heard_at: float | None = None
        self._beating: asyncio.Task[None] | None = None

    async def be_present(self) -> None:
        """Be heard of before taking anything on, and as long as there is something to look after."""
        if self._heard_at is None or time.monotonic() - self._heard_at >= BEAT_SECONDS:
            await self._beat()
        if self._beating is None or self._beating.done():
            beating = keep_going("being heard of by other kernels", self._beat_again)
            self._beating = asyncio.get_running_loop().create_task(beating)

    async def claim(self, keys: Iterable[str]) -> set[str]:
        """Those of the tasks that are ours from now on; the rest is looked after by other kernels."""
        wanted = list(keys)
        if not wanted:
            return set()
        await self.be_present()
        return await engine.write(self._leases.claim, wanted)

    async def last_heard(self, owner: str | None) -> int | None:
        """When a kernel was last heard of, in microseconds since 1970; None for one that has left."""
        return await engine.write(self._leases.last_heard, owner)

    async def stop(self) -> None:
        """Leave everything to others."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._heard_at is not None:
            try:
                await engine.write(self._leases.leave)
            except LogError as error:
                logger.warning("other kernels will find out by themselves that this one has left: %s", error)

    async def _beat(self) -> None:
        await engine.write(self._leases.beat)
        self._heard_at = time.monotonic()

    async def _beat_again(self) -> bool:
        await asyncio.sleep(BEAT_SECONDS)
        if len(self._registry) == 0:
            return False
        await self._beat()
        return True


class Leases:
    """The leases of one kernel on one log. All methods block for the database.

    Parameters
    ----------
    store
        The open log.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self.owner = secrets.token_hex(8)
        self._store = store
        self._clock = clock
        self._process = asdict(this_process())

    def beat(self) -> None:
        """Be heard of; whoever died long ago without a word is forgotten at the first time."""
        now = self._now()
        values = {**self._process, "beat_at": now, "version": self._store.version}
        mine = kernels.c.owner == self.owner
        with self._store.write() as connection:
            if not connection.execute(kernels.update().where(mine).values(values)).rowcount:
                long_ago = kernels.c.beat_at < now - micros_of(_FORGOTTEN_DAYS * DAY)
                connection.execute(kernels.delete().where(long_ago))
                connection.execute(kernels.insert().values(owner=self.owner, **values))

    def leave(self) -> None:
        """Let go of all tasks, for others to look after."""
        with self._store.write() as connection:
            connection.execute(tasks.update().where(tasks.c.owner == self.owner).values(owner=None))
            connection.execute(kernels.delete().where(kernels.c.owner == self.owner))

    def claim(self, keys: Iterable[str]) -> set[str]:
        """Take over those tasks that no other kernel looks after; returns the keys of all that are ours."""
        with self._store.write() as connection:
            others = self._alive(connection) - {self.owner}
            free = or_(tasks.c.owner.is_(None), tasks.c.owner.not_in(others))
            ours = set()
            for key in keys:
                taken = tasks.update().where(tasks.c.key == key, free).values(owner=self.owner)
                if connection.execute(taken).rowcount:
                    ours.add(key)
            return ours

    def last_heard(self, owner: str | None) -> int | None:
        """When a kernel was last heard of, in microseconds since 1970; None for one that has left."""
        with self._store.read() as connection:
            found = connection.execute(select(kernels.c.beat_at).where(kernels.c.owner == owner))
            return found.scalar_one_or_none()

    def _alive(self, connection: Connection) -> set[str]:
        now = self._now()
        heard = connection.execute(select(kernels))
        return {kernel.owner for kernel in heard if is_alive(kernel, now=now, within=_LEASE_SECONDS)}

    def _now(self) -> int:
        return micros_of(self._clock())
