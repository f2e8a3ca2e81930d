"""What all handles of one home share in a process: log, client, watcher, files, and the live tasks.

A request's way is straight: journal (intent) -> gates -> `Submission` -> journal (id) -> `Watcher` -> `Saver`
-> journal (file). All coroutines here run on the engine; each new row is published to the task that people
hold. What becomes of them after a crash or a lost answer is in `recovery`, beside other kernels in `sharing`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import weakref
from typing import TYPE_CHECKING, Any

from seedance_widgets.acts import Acts
from seedance_widgets.engine import engine
from seedance_widgets.errors import (
    InvalidRequest,
    LogError,
    Problem,
    SeedanceError,
    ServiceError,
)
from seedance_widgets.gates import Gates
from seedance_widgets.log import Log
from seedance_widgets.log.answers import FINAL, LIVE, UNCLEAR
from seedance_widgets.log.intents import Order
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.leases import Leases
from seedance_widgets.log.pace import deadlines, learned
from seedance_widgets.log.store import Store
from seedance_widgets.log.studies import Studies
from seedance_widgets.log.told import told
from seedance_widgets.log.verdicts import Verdicts
from seedance_widgets.pricing import estimate
from seedance_widgets.recovery import Recovery
from seedance_widgets.request import TaskRequest
from seedance_widgets.resuming import Resumed
from seedance_widgets.saving import Saver
from seedance_widgets.sharing import Sharing
from seedance_widgets.submission import Submission
from seedance_widgets.task import Task, model_of
from seedance_widgets.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from seedance_widgets.client import Client
    from seedance_widgets.gates.allowances import Lane
    from seedance_widgets.limits import Limits
    from seedance_widgets.log.journal import Row
    from seedance_widgets.log.pace import Deadline, Pace, Paces
    from seedance_widgets.media import Media

    Listener = Callable[[Row | None], None]

__all__ = ["StudioRuntime"]

_TICK_SECONDS = 1.0
_HINT_SECONDS = 1.0
_LAST_ANSWER = 75.0
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
        self.budget_usd: float | None = None  # the last one given, for what is sent again
        self._closing = closing
        self._store = Store(log_location)
        self.log = Log(self._store, home, clock=clock)
        self.journal = Journal(self._store, simulated=simulated, clock=clock)
        self.verdicts = Verdicts(self._store, clock=clock)
        self.studies = Studies(self._store, simulated=simulated, clock=clock)
        self._tasks: weakref.WeakValueDictionary[str, Task] = weakref.WeakValueDictionary()
        self._held: dict[str, Task] = {}  # alive as long as something may still happen to them
        self._sends: set[asyncio.Task[Any]] = set()
        self._closing_now = asyncio.Event()
        self._listeners: dict[object, Listener] = {}
        self._tick_told = 0.0
        self._looked_at: dict[str, float] = {}
        self._paces: Paces | None = None
        self.closed = False
        self._gates = Gates(limits, live=self._live, tokens_since=self._tokens_since, clock=clock)
        self._watcher = Watcher(
            client,
            observed=self._observed,
            troubled=self._troubled,
            ticked=self._ticked,
            pace=self._pace,
            lists_per_second=limits.lists_per_second,
            gets_per_second=limits.gets_per_second,
            scale=scale,
            clock=clock,
        )
        self._sharing = Sharing(
            self.journal,
            Leases(self._store, clock=clock),
            is_busy=lambda: bool(self._held),
            changed=self._changed_elsewhere,
            inherited=self._inherit,
        )
        self._saver = Saver(
            client,
            media,
            self.journal,
            may_save=self._may_save,
            saved=self._publish,
            ended=self._saving_ended,
            clock=clock,
        )
        self.acts = Acts(
            client,
            self.journal,
            self.verdicts,
            self._sharing,
            begin=self._begin_again,
            take_up=self._take_up,
            publish=self._publish,
            observed=self._observed,
        )
        self._recovery = Recovery(
            client,
            self.journal,
            self._sharing,
            turn=self._watcher.list_turn,
            sleep=self._pause,
            clock=clock,
            settled=self._take_up,
        )

    # --- a task's life, on the engine --------------------------------------------------------------------

    async def begin(
        self,
        request: TaskRequest,
        *,
        budget_usd: float | None,
        columns: Mapping[str, Any],
        lane: Lane = "interactive",
        instead_of: str | None = None,
    ) -> tuple[Task, Future[None]]:
        """Log a request and start sending it.

        Parameters
        ----------
        request
            What to send.
        budget_usd
            Cap in USD, None for none.
        columns
            Further columns of its row.
        lane
            ``batch`` for one of many, which never stands in front of what a person has just asked for.
        instead_of
            Key of a row that was never made, of which this is sent in place.

        Returns
        -------
        tuple of Task and Future
            The task, whose intent is on disk; and its sending, which goes on whoever waits for it, and
            raises what the task's ``error`` says if the service did not accept.
        """
        asked = [(request, columns, instead_of)]
        return (await self._begin(asked, budget_usd=budget_usd, lane=lane))[0]

    async def begin_all(
        self,
        requests: Sequence[tuple[TaskRequest, Mapping[str, Any]]],
        *,
        budget_usd: float | None,
        lane: Lane = "batch",
    ) -> list[tuple[Task, Future[None]]]:
        """`begin` for several requests, each with further columns of its row: all are logged, or none."""
        asked = [(request, columns, None) for request, columns in requests]
        return await self._begin(asked, budget_usd=budget_usd, lane=lane)

    async def _begin(
        self,
        asked: Sequence[tuple[TaskRequest, Mapping[str, Any], str | None]],
        *,
        budget_usd: float | None,
        lane: Lane,
    ) -> list[tuple[Task, Future[None]]]:
        if self.closed:
            raise SeedanceError("this studio is closed; nothing was sent. Make another one: Studio(home).")
        if budget_usd is not None:
            self.budget_usd = budget_usd
        orders = [
            Order(
                estimate(request),
                await asyncio.to_thread(self.media.keep_inputs, request),
                {**columns, "owner": self._sharing.owner},
                instead_of,
            )
            for request, columns, instead_of in asked
        ]
        await self._sharing.present()
        intents = await engine.write(self.journal.begin_all, orders, budget_usd=budget_usd)
        begun = []
        for order, intent in zip(orders, intents, strict=True):
            task = self._held[intent.key] = self._task(intent.row, order.estimate.request)
            self._tell(intent.row)
            submission = Submission(
                self.client,
                self.journal,
                self._gates,
                intent,
                order.estimate,
                publish=self._publish,
                sleep=self._pause,
            )
            begun.append((task, engine.submit(self._send(task, submission, lane))))
        return begun

    async def _begin_again(
        self, request: TaskRequest, *, columns: Mapping[str, Any], instead_of: str
    ) -> tuple[Task, Future[None]]:
        return await self.begin(request, budget_usd=self.budget_usd, columns=columns, instead_of=instead_of)

    async def _send(self, task: Task, submission: Submission, lane: Lane) -> None:
        sending = asyncio.current_task()
        assert sending is not None
        self._sends.add(sending)
        sending.add_done_callback(self._sends.discard)
        try:
            row = await submission.send(lane)
        except Exception as error:
            self._held.pop(task.key, None)
            task.give_up(error)
            raise
        if not self.closed:
            self._follow(row)
        if row["status"] == "unknown" and not self.closed:
            self._recovery.look_for(task.key)
        if row["task_id"] is None and task.error is not None:
            raise task.error

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing_now.wait(), seconds)

    async def resume(self) -> Resumed:
        """Follow what nobody follows, look for what is unclear, and fetch what is not saved."""
        stock = await self._recovery.take_stock(self._held)
        tasks = [self._take_up(row) for row in (*stock.ours, *stock.settled)]
        for row in stock.settled:
            if row["status"] == "unknown":
                self._recovery.look_for(row["key"])
        tasks += [self._look_on(row) for row in stock.elsewhere]
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
        self._listeners.clear()
        self._gates.close("the studio was closed before it was sent")
        if self._sends:  # an answer that is on its way names a paid task
            await asyncio.wait(self._sends, timeout=_LAST_ANSWER)
        await self._recovery.stop()
        await self._watcher.stop()
        await self._saver.stop()
        await self._sharing.stop()
        await self.client.aclose()
        for task in self._held.values():
            text = f"task {task.key} is {task.status}, and its studio is closed"
            task.give_up(SeedanceError(f"{text}; resume() of a new one follows it"))
        self._held.clear()
        # whoever still reads for a listener does so in the writer's thread: what was begun ends first
        await engine.write(lambda: None)

    def release(self) -> None:
        """Let go of the database."""
        self._store.close()
        if self._closing:
            self._closing()

    # --- for those who look on ---------------------------------------------------------------------------

    def subscribe(self, callback: Listener) -> Callable[[], None]:
        """Have every newly published row handed to a callback, on the engine's thread.

        Parameters
        ----------
        callback
            Given a row; and about once a second, while tasks are live, None. It must not block. What it
            raises is dropped: nobody who looks on may stop a task.

        Returns
        -------
        callable
            Ends the subscription.
        """
        token = object()
        self._listeners[token] = callback
        return lambda: self._listeners.pop(token, None) and None

    async def task(self, key: str) -> Task:
        """The handle of a row.

        Raises
        ------
        LogError
            There is no such row.
        """
        row = await engine.write(self.journal.row, key)
        task = self._task(row)
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
        return key in self._held

    def timing(self) -> tuple[Paces, list[Deadline]]:
        """How long tasks take, and what must be saved or finished soon; blocks for a read."""
        kind = {"simulated": self.simulated}
        return learned(self._store, **kind), deadlines(self._store, self.clock(), **kind)

    def told(self, task_id: str) -> dict[str, Any] | None:
        """What the log holds of a task, in the service's terms; None for one it does not know. Blocks."""
        return told(self._store, task_id, simulated=self.simulated)

    def hint(self, task_id: str) -> None:
        """Somebody says that a task has changed: the service is asked, at most once a second; any thread."""
        engine.submit(self._look_at(task_id))

    # --- what a task asks of it --------------------------------------------------------------------------

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""
        return self.media.absolute(stored)

    def money(self) -> tuple[float, float]:
        """Dollars settled and reserved, of rows of this runtime's kind."""
        return self.journal.money()

    def request_of(self, row: Mapping[str, Any]) -> TaskRequest:
        """The request that a row was begun with, its pictures read from their files."""
        if row["body"] is None:
            raise InvalidRequest(
                [Problem("request", row["key"], "made elsewhere: the service does not tell what was asked")]
            )
        body = json.loads(row["body"])
        body["model"] = model_of(row)
        for item in body["content"]:
            picture = item.get("image_url")
            if picture and str(picture["url"]).startswith("inputs/"):
                picture["url"] = str(self.home / picture["url"])
        if row["nonce"] is not None:
            del body["execution_expires_after"]
        return TaskRequest.from_dict(body)

    def task_by_id(self, task_id: str) -> Task | None:
        """The task that the log has under a service's id, None if it has none."""
        row = self.journal.by_task_id(task_id)
        return None if row is None else self._task(row)

    # --- inside ------------------------------------------------------------------------------------------

    def _task(self, row: Row, request: TaskRequest | None = None) -> Task:
        """The one handle of a row in this process."""
        task = self._tasks.get(row["key"])
        if task is None:
            task = self._tasks[row["key"]] = Task(self, row, request)
        return task

    def _publish(self, row: Row) -> None:
        # first, so that whoever awaits the task finds the listeners told
        self._tell(row)
        if task := self._tasks.get(row["key"]):
            task.update(row)

    def _tell(self, row: Row | None) -> None:
        for listener in list(self._listeners.values()):
            with contextlib.suppress(Exception):
                listener(row and dict(row))

    def _take_up(self, row: Row) -> Task:
        """Publish a row and follow it where it stands."""
        if row["status"] == "succeeded" and row["file"] in ("failed", "expired"):
            row = {**row, "file": "none"}  # asked for: there is something to wait for again
        task = self._task(row)
        self._publish(row)
        self._follow(row)
        return task

    def _follow(self, row: Row) -> None:
        key = row["key"]
        self._held[key] = self._task(row)
        if row["task_id"] is not None and row["status"] in (*LIVE, "unknown"):
            self._watcher.watch(row)
        elif row["status"] == "succeeded" and row["file"] != "saved":
            self._saver.start(row)
        else:
            self._held.pop(key)

    def _look_on(self, row: Row) -> Task:
        """Follow what another kernel looks after, through the log."""
        task = self._held[row["key"]] = self._task(row)
        self._publish(row)
        self._sharing.look_on(row)
        return task

    def _inherit(self, row: Row) -> None:
        """Look after a task whose kernel has gone, and after one that it had not accepted, look for it."""
        self._take_up(row)
        if row["task_id"] is None and row["status"] in UNCLEAR:
            self._recovery.look_for(row["key"])

    def _changed_elsewhere(self, row: Row) -> None:
        if row["status"] in FINAL and (row["status"] != "succeeded" or row["file"] != "none"):
            self._sharing.forget(row["key"])
            self._held.pop(row["key"], None)
        self._publish(row)

    async def _observed(self, key: str, answer: Mapping[str, Any]) -> bool:
        row = await engine.write(self.journal.observed, key, answer)
        if row["task_id"] is None:  # it turned out to be another's
            self._held.pop(key, None)
            self._recovery.look_for(key)
        over = row["task_id"] is None or row["status"] in FINAL
        if over:
            self._gates.ended()
        if row["status"] == "succeeded":
            self._paces = None
            self._saver.start(row)
        elif over:
            self._held.pop(key, None)
        self._publish(row)
        return over

    async def _troubled(self, key: str, error: Exception) -> None:
        self._publish(await engine.write(self.journal.noted, key, str(error)))

    async def _look_at(self, task_id: str) -> None:
        if self.closed or self._watcher.hint(task_id):
            return
        # another kernel follows it, and may look only minutes from now
        now = time.monotonic()
        self._looked_at = {key: at for key, at in self._looked_at.items() if now - at < _HINT_SECONDS}
        row = None if task_id in self._looked_at else await engine.write(self.journal.by_task_id, task_id)
        if row is None or row["status"] in FINAL or task_id in self._looked_at:
            return
        self._looked_at[task_id] = now
        if await self._sharing.claim([row["key"]]):  # nobody follows it any more: its clip is to be saved
            self._take_up(row)
            self._watcher.hint(task_id)
            return
        with contextlib.suppress(ServiceError, LogError):
            answer = await self.client.get(task_id)
            self._publish(await engine.write(self.journal.observed, row["key"], answer.data))

    def _ticked(self) -> None:
        for task in list(self._held.values()):
            task.update()
        if time.monotonic() - self._tick_told >= _TICK_SECONDS:
            self._tick_told = time.monotonic()
            self._tell(None)

    async def _may_save(self, key: str) -> bool:
        if await self._sharing.claim([key]):
            return True
        self._look_on(await engine.write(self.journal.row, key))
        return False

    def _saving_ended(self, key: str) -> None:
        if not self._sharing.looks_on(key):
            self._held.pop(key, None)

    async def _live(self, wire_model: str, tier: str) -> int:
        return await engine.write(self.journal.live, wire_model, tier)

    async def _tokens_since(self, wire_model: str, tier: str, since: float) -> int:
        return await engine.write(self.journal.tokens_since, wire_model, tier, since)

    async def _pace(self, row: Mapping[str, Any]) -> Pace:
        """How long tasks like this one take; what was learned is read anew when more has been."""
        if self._paces is None:
            self._paces = await engine.write(learned, self._store, simulated=self.simulated)
        return self._paces.of(row)
