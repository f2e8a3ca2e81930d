"""Which kernel looks after a task, so that two of them on one log do not do the same work twice.

A kernel that looks after tasks is heard of in ``kernels`` every few seconds, and the tasks' rows carry its
name. It counts as alive while it was heard of lately and, where it runs on this machine, while its process
exists: after a crash the next kernel takes over at once, and after a sleep of the machine within seconds.
A lease only divides the work. That nothing is sent twice rests on the journal, never on a clock.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import or_, select

from seedance_widgets.log.schema import kernels, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from seedance_widgets.log.store import Store

__all__ = ["BEAT_SECONDS", "Leases"]

BEAT_SECONDS = 5.0
_LEASE_SECONDS = 15.0
_SECOND = 1_000_000
_FORGOTTEN_DAYS = 30
# the process's start, as the system tells it twice, may differ in the last digits
_SAME_START = 1.0


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
        self._host = _where()
        self._pid = os.getpid()
        self._born_at = psutil.Process().create_time()

    def beat(self) -> None:
        """Be heard of; whoever died long ago without a word is forgotten at the first time."""
        now = self._now()
        values = {"host": self._host, "pid": self._pid, "born_at": self._born_at, "beat_at": now}
        mine = kernels.c.owner == self.owner
        with self._store.write() as connection:
            if not connection.execute(kernels.update().where(mine).values(values)).rowcount:
                long_ago = kernels.c.beat_at < now - _FORGOTTEN_DAYS * 86_400 * _SECOND
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
        return {kernel.owner for kernel in connection.execute(select(kernels)) if self._is_alive(kernel, now)}

    def _is_alive(self, kernel: Any, now: int) -> bool:
        # a clock that was set back leaves times in the future: these say as little as old ones
        if abs(now - kernel.beat_at) > _LEASE_SECONDS * _SECOND:
            return False
        if kernel.host != self._host:
            return True
        try:
            born_at: float = psutil.Process(kernel.pid).create_time()
        except psutil.Error:
            return False
        return abs(born_at - float(kernel.born_at)) < _SAME_START

    def _now(self) -> int:
        return int(self._clock() * _SECOND)


def _where() -> str:
    """Where numbers of processes mean the same: this machine since it was started, this container on it.

    A name alone does not tell machines made from one image apart, nor containers on their host's network.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux only
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
