"""What becomes of tasks that were sent: each row is followed where it stands, until nothing more happens.

A live task is watched, a succeeded one has its files saved, and what another kernel looks after is read from
the log. Every answer goes through the journal first, and then to those who hold the task.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from seedance_widgets.engine import engine
from seedance_widgets.errors import LogError, ServiceError
from seedance_widgets.log.answers import FINAL, LIVE, UNCLEAR
from seedance_widgets.saving import Saver
from seedance_widgets.sharing import Sharing
from seedance_widgets.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedance_widgets.client import Client
    from seedance_widgets.handles import Handles
    from seedance_widgets.limits import Limits
    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.log.leases import Leases
    from seedance_widgets.log.pace import Pace, Paces
    from seedance_widgets.media import Media
    from seedance_widgets.task import Task

__all__ = ["Following"]

_HINT_SECONDS = 1.0


class Following:
    """Follows the tasks of one runtime; runs on the engine.

    Parameters
    ----------
    client, journal, media, handles
        Of the runtime.
    leases
        Of this kernel.
    limits
        How often the service may be asked.
    scale
        1 / speed of a simulator: how fast tasks are watched follows it.
    clock
        Seconds since 1970 UTC.
    paces
        Reads from the log how long tasks take; it may block.
    ended
        Called when a task at the service has ended.
    lost
        Given the key of a task that has no id any more, or whose kernel has gone before it had one.

    Attributes
    ----------
    sharing : Sharing
        This kernel's side of a shared log.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        media: Media,
        handles: Handles,
        leases: Leases,
        *,
        limits: Limits,
        scale: float,
        clock: Callable[[], float],
        paces: Callable[[], Paces],
        ended: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._handles = handles
        self._read_paces = paces
        self._ended = ended
        self._lost = lost
        self._paces: Paces | None = None
        self._looked_at: dict[str, float] = {}
        self._watcher = Watcher(
            client,
            observed=self.observed,
            troubled=self._troubled,
            ticked=handles.tick,
            pace=self._pace,
            lists_per_second=limits.lists_per_second,
            gets_per_second=limits.gets_per_second,
            scale=scale,
            clock=clock,
        )
        self.sharing = Sharing(
            journal,
            leases,
            is_busy=lambda: len(handles) > 0,
            changed=self._changed_elsewhere,
            inherited=self._inherit,
        )
        self._saver = Saver(
            client,
            media,
            journal,
            may_save=self._may_save,
            saved=handles.publish,
            ended=self._saving_ended,
            clock=clock,
        )

    def follow(self, row: Row) -> None:
        """See to what is to happen to a row next, if anything is."""
        self._handles.hold(row)
        if row["task_id"] is not None and row["status"] in (*LIVE, "unknown"):
            self._watcher.watch(row)
        elif row["status"] == "succeeded" and row["file"] != "saved":
            self._saver.start(row)
        else:
            self._handles.let_go(row["key"])

    def take_up(self, row: Row) -> Task:
        """Publish a row and follow it where it stands."""
        if row["status"] == "succeeded" and row["file"] in ("failed", "expired"):
            row = {**row, "file": "none"}  # asked for: there is something to wait for again
        task = self._handles.of(row)
        self._handles.publish(row)
        self.follow(row)
        return task

    def look_on(self, row: Row) -> Task:
        """Follow what another kernel looks after, through the log."""
        task = self._handles.hold(row)
        self._handles.publish(row)
        self.sharing.look_on(row)
        return task

    async def observed(self, key: str, answer: Mapping[str, Any]) -> bool:
        """The service said this of a task; returns whether it is over."""
        row = await engine.write(self._journal.observed, key, answer)
        if row["task_id"] is None:  # it turned out to be another's
            self._handles.let_go(key)
            self._lost(key)
        over = row["task_id"] is None or row["status"] in FINAL
        if over:
            self._ended()
        if row["status"] == "succeeded":
            self._paces = None
            self._saver.start(row)
        elif over:
            self._handles.let_go(key)
        self._handles.publish(row)
        return over

    async def look_at(self, task_id: str) -> None:
        """Somebody says that a task has changed: ask the service, at most once a second."""
        if self._watcher.hint(task_id):
            return
        # another kernel follows it, and may look only minutes from now
        now = time.monotonic()
        self._looked_at = {key: at for key, at in self._looked_at.items() if now - at < _HINT_SECONDS}
        row = None if task_id in self._looked_at else await engine.write(self._journal.by_task_id, task_id)
        if row is None or row["status"] in FINAL or task_id in self._looked_at:
            return
        self._looked_at[task_id] = now
        if await self.sharing.claim([row["key"]]):  # nobody follows it any more: its clip is to be saved
            self.take_up(row)
            self._watcher.hint(task_id)
            return
        with contextlib.suppress(ServiceError, LogError):
            answer = await self._client.get(task_id)
            self._handles.publish(await engine.write(self._journal.observed, row["key"], answer.data))

    async def list_turn(self) -> None:
        """Wait until a LIST call may be made beside the watcher's own."""
        await self._watcher.list_turn()

    async def stop(self) -> None:
        """Follow nothing any more, and leave it to others."""
        await self._watcher.stop()
        await self._saver.stop()
        await self.sharing.stop()

    # --- what watcher, saver and the log say --------------------------------------------------------------

    async def _troubled(self, key: str, error: Exception) -> None:
        self._handles.publish(await engine.write(self._journal.noted, key, str(error)))

    async def _pace(self, row: Mapping[str, Any]) -> Pace:
        """How long tasks like this one take; what was learned is read anew when more has been."""
        if self._paces is None:
            self._paces = await engine.write(self._read_paces)
        return self._paces.of(row)

    async def _may_save(self, key: str) -> bool:
        if await self.sharing.claim([key]):
            return True
        self.look_on(await engine.write(self._journal.row, key))
        return False

    def _saving_ended(self, key: str) -> None:
        if not self.sharing.looks_on(key):
            self._handles.let_go(key)

    def _inherit(self, row: Row) -> None:
        """Look after a task whose kernel has gone, and after one that it had not accepted, look for it."""
        self.take_up(row)
        if row["task_id"] is None and row["status"] in UNCLEAR:
            self._lost(row["key"])

    def _changed_elsewhere(self, row: Row) -> None:
        if row["status"] in FINAL and (row["status"] != "succeeded" or row["file"] != "none"):
            self.sharing.forget(row["key"])
            self._handles.let_go(row["key"])
        self._handles.publish(row)
