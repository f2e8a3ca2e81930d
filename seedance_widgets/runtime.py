"""What all handles of one home share in a process: log, client, files, and the tasks that are at work.

A request's way is straight: `outbox` (intent in the journal, gate, `submission`, id in the journal) ->
`following` (`watcher`, then `saving`, then the file in the journal); each new row goes to those who hold the
task (`handles`). What becomes of tasks after a crash or a lost answer is in `recovery`, beside other kernels
in `sharing`, and what people decide about one in `acts`. All coroutines here run on the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from seedance_widgets.acts import Acts
from seedance_widgets.engine import engine
from seedance_widgets.errors import LogError, SeedanceError, ServiceError
from seedance_widgets.following import Following
from seedance_widgets.gates import Gates
from seedance_widgets.handles import Handles
from seedance_widgets.log import Log
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.leases import Leases
from seedance_widgets.log.pace import deadlines, learned
from seedance_widgets.log.store import Store
from seedance_widgets.log.studies import Studies
from seedance_widgets.log.told import told
from seedance_widgets.log.verdicts import Verdicts
from seedance_widgets.outbox import CLOSED, Outbox
from seedance_widgets.recovery import Recovery
from seedance_widgets.resuming import Resumed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seedance_widgets.client import Client
    from seedance_widgets.limits import Limits
    from seedance_widgets.log.journal import Row
    from seedance_widgets.log.pace import Deadline, Paces
    from seedance_widgets.media import Media
    from seedance_widgets.task import Task

__all__ = ["StudioRuntime"]

# the search for tasks without a row is an extra, and must not hold up those with one
_ORPHAN_SECONDS = 10.0


class StudioRuntime:
    """The shared heart of every `Studio` on one home.

    Parameters
    ----------
    home
        Absolute folder.
    log_location
        SQLite path or SQLAlchemy URL.
    client
        Of the service or the simulator.
    media
        Where files go.
    simulated
        Marks this runtime's rows.
    scale
        1 / speed of a simulator: how fast tasks are watched follows it.
    limits
        What is kept to when the service is called.
    clock
        Seconds since 1970 UTC.
    closing
        Called last, when the runtime is let go of.
    """

    def __init__(
        self,
        home: Path,
        log_location: Path | str,
        client: Client,
        media: Media,
        *,
        simulated: bool,
        scale: float,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self.home = home
        self.client = client
        self.media = media
        self.simulated = simulated
        self.clock = clock
        self.limits = limits
        self._closing = closing
        self._store = Store(log_location)
        self.log = Log(self._store, home, clock=clock)
        self.journal = Journal(self._store, simulated=simulated, clock=clock)
        self.verdicts = Verdicts(self._store, clock=clock)
        self.studies = Studies(self._store, simulated=simulated, clock=clock)
        self._closing_now = asyncio.Event()
        self.closed = False
        gates = Gates(limits, live=self._live, tokens_since=self._tokens_since, clock=clock)
        self._handles = Handles(self)
        self._following = Following(
            client,
            self.journal,
            media,
            self._handles,
            Leases(self._store, clock=clock),
            limits=limits,
            scale=scale,
            clock=clock,
            paces=lambda: learned(self._store, simulated=simulated),
            ended=gates.ended,
            lost=self._look_for,
        )
        sharing = self._following.sharing
        self.outbox = Outbox(
            client,
            self.journal,
            media,
            gates=gates,
            sharing=sharing,
            handles=self._handles,
            sent=self._sent,
            lost=self._look_for,
            sleep=self._pause,
        )
        self.acts = Acts(
            client,
            self.journal,
            self.verdicts,
            sharing,
            check_open=self.check_open,
            begin=self.outbox.again,
            take_up=self._following.take_up,
            publish=self._handles.publish,
            observed=self._following.observed,
        )
        self._recovery = Recovery(
            client,
            self.journal,
            sharing,
            turn=self._following.list_turn,
            clock=clock,
            settled=self._following.take_up,
        )

    # --- from one start to the next ----------------------------------------------------------------------

    async def resume(self) -> Resumed:
        """Follow what nobody follows, look for what is unclear, and fetch what is not saved."""
        self.check_open()
        stock = await self._recovery.take_stock(self._handles)
        tasks = [self._following.take_up(row) for row in (*stock.ours, *stock.settled)]
        for row in stock.settled:
            if row["status"] == "unknown":
                self._recovery.look_for(row["key"])
        tasks += [self._following.look_on(row) for row in stock.elsewhere]
        return Resumed(
            tasks,
            elsewhere=[row["key"] for row in stock.elsewhere],
            settled=[row["key"] for row in stock.settled],
            orphans=await self._orphan_ids(),
        )

    async def orphans(self) -> list[Mapping[str, Any]]:
        """Tasks at the service that look like ours and are in no row."""
        return await self._recovery.orphans()

    async def _orphan_ids(self) -> list[str] | None:
        try:
            async with asyncio.timeout(_ORPHAN_SECONDS):
                return [str(item["id"]) for item in await self.orphans()]
        except (ServiceError, TimeoutError):
            return None

    async def close(self) -> None:
        """Stop watching; unfinished tasks stay in the log for `resume`."""
        self.closed = True
        self._closing_now.set()
        self._handles.unsubscribe_all()
        await self.outbox.close()
        await self._recovery.stop()
        await self._following.stop()
        await self.client.aclose()
        self._handles.give_up()
        # whoever still reads for a listener does so in the writer's thread: what was begun ends first
        await engine.write(lambda: None)

    def release(self) -> None:
        """Let go of the database."""
        self._store.close()
        if self._closing:
            self._closing()

    def check_open(self) -> None:
        """Refuse what would send, follow or save something.

        Raises
        ------
        SeedanceError
            The runtime is closed.
        """
        if self.closed:
            raise SeedanceError(CLOSED)

    # --- for those who look on ---------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[Row | None], None]) -> Callable[[], None]:
        """As `Studio.subscribe`."""
        return self._handles.subscribe(callback)

    async def task(self, key: str) -> Task:
        """The handle of a row, named by its key or by the service's id.

        Raises
        ------
        LogError
            There is no such row.
        """
        try:
            row = await engine.write(self.journal.row, key)
        except LogError:
            with_id = await engine.write(self.journal.by_task_id, key)
            if with_id is None:
                raise
            row = with_id
        task = self._handles.of(row)
        # another kernel may have brought it further than this one was told
        task.update(row)
        return task

    def recent(self, limit: int) -> list[Row]:
        """Rows of this runtime's kind, the newest first; blocks for a read."""
        return self.journal.recent(limit)

    def unfollowed(self) -> list[Row]:
        """Rows that wait for the service or for their file while nobody here follows them; blocks."""
        return [row for row in self.journal.unfinished() if not self.follows(row["key"])]

    def follows(self, key: str) -> bool:
        """Whether something may still happen to a task by itself."""
        return key in self._handles

    def timing(self) -> tuple[Paces, list[Deadline]]:
        """How long tasks take, and what must be saved or finished soon; blocks for a read."""
        kind = {"simulated": self.simulated}
        return learned(self._store, **kind), deadlines(self._store, self.clock(), **kind)

    def told(self, task_id: str) -> dict[str, Any] | None:
        """What the log holds of a task, in the service's terms; None for one it does not know. Blocks."""
        return told(self._store, task_id, simulated=self.simulated)

    def hint(self, task_id: str) -> None:
        """Somebody says that a task has changed: the service is asked, at most once a second; any thread."""
        if not self.closed:
            engine.submit(self._following.look_at(task_id))

    # --- what a task asks of it --------------------------------------------------------------------------

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""
        return self.media.absolute(stored)

    def money(self) -> tuple[float, float]:
        """Dollars settled and reserved, of rows of this runtime's kind."""
        return self.journal.money()

    def starred(self, key: str) -> bool:
        """Whether the verdict that stands on a task is a star; blocks for a read."""
        return self.verdicts.standing([key]).get(key) == "star"

    def task_by_id(self, task_id: str) -> Task | None:
        """The task that the log has under a service's id, None if it has none."""
        row = self.journal.by_task_id(task_id)
        return None if row is None else self._handles.of(row)

    # --- inside ------------------------------------------------------------------------------------------

    def _sent(self, row: Row) -> None:
        self._following.follow(row)
        if row["status"] == "unknown":
            self._look_for(row["key"])

    def _look_for(self, key: str) -> None:
        self._recovery.look_for(key)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        # not wait_for, which on Python 3.11 loses a cancellation that comes together with the closing
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing_now.wait()

    async def _live(self, wire_model: str, tier: str) -> int:
        return await engine.write(self.journal.live, wire_model, tier)

    async def _tokens_since(self, wire_model: str, tier: str, since: float) -> int:
        return await engine.write(self.journal.tokens_since, wire_model, tier, since)
