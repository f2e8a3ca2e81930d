"""What all handles of one home share in a process: log, client, watcher, files, and the live tasks.

A request's way is straight: journal (intent) -> `submission.send` -> journal (id) -> watcher -> media ->
journal (file). All coroutines here run on the engine; each new row is published to the task that people
hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import weakref
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog, submission
from seedance_widgets.engine import engine
from seedance_widgets.errors import (
    Conflict,
    DownloadError,
    InvalidRequest,
    MediaError,
    NotFound,
    Problem,
    SeedanceError,
    ServiceError,
)
from seedance_widgets.log import Log
from seedance_widgets.log.answers import FINAL, LIVE
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.pace import deadlines, learned
from seedance_widgets.log.store import Store
from seedance_widgets.pricing import estimate
from seedance_widgets.request import TaskRequest
from seedance_widgets.task import Task, model_of
from seedance_widgets.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Intent, Row
    from seedance_widgets.log.pace import Deadline, Paces
    from seedance_widgets.media import Media

    Listener = Callable[[Row | None], None]

__all__ = ["StudioRuntime"]

_SAVES_AT_ONCE = 4
_SAVE_TRIES = 4
_SAVE_PAUSE = 1.0
_GONE = (403, 404)
_TICK_SECONDS = 1.0
_LAST_ANSWER = 75.0


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
    interval
        Seconds between the watcher's rounds.
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
        interval: float,
        clock: Callable[[], float] = time.time,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self.home = home
        self.client = client
        self.media = media
        self.simulated = simulated
        self.clock = clock
        self._closing = closing
        self._store = Store(log_location)
        self.log = Log(self._store, home)
        self.journal = Journal(self._store, simulated=simulated, clock=clock)
        self._tasks: weakref.WeakValueDictionary[str, Task] = weakref.WeakValueDictionary()
        self._held: dict[str, Task] = {}  # alive as long as something may still happen to them
        self._saves: set[asyncio.Task[None]] = set()
        self._saving: set[str] = set()
        self._sends: set[asyncio.Task[Any]] = set()
        self._closing_now = asyncio.Event()
        self._save_places: asyncio.Semaphore | None = None
        self._listeners: dict[object, Listener] = {}
        self._tick_told = 0.0
        self.closed = False
        self._watcher = Watcher(
            client,
            observed=self._observed,
            troubled=self._troubled,
            ticked=self._ticked,
            interval=interval,
        )

    # --- a task's life, on the engine --------------------------------------------------------------------

    async def begin(
        self, request: TaskRequest, *, budget_usd: float | None, columns: Mapping[str, Any]
    ) -> tuple[Task, Future[None]]:
        """Log a request and start sending it.

        Returns
        -------
        tuple of Task and Future
            The task, whose intent is on disk; and its sending, which goes on whoever waits for it, and
            raises what the task's ``error`` says if the service did not accept.
        """
        if self.closed:
            raise SeedanceError("this studio is closed; nothing was sent. Make another one: Studio(home).")
        stored = await asyncio.to_thread(self.media.keep_inputs, request)
        intent = await engine.write(
            self.journal.begin, estimate(request), budget_usd=budget_usd, stored=stored, extra=columns
        )
        task = self._held[intent.key] = self._task(intent.row, request)
        self._tell(intent.row)
        return task, engine.submit(self._send(task, intent))

    async def _send(self, task: Task, intent: Intent) -> None:
        sending = asyncio.current_task()
        assert sending is not None
        self._sends.add(sending)
        sending.add_done_callback(self._sends.discard)
        try:
            row = await submission.send(
                self.client, self.journal, intent,
                publish=self._publish, sleep=self._pause, stopped=lambda: self.closed,
            )  # fmt: skip
        except Exception as error:
            self._held.pop(task.key, None)
            task.give_up(error)
            raise
        if row["task_id"] is not None:
            if self.closed:
                return
            self._watcher.watch(task.key, row["task_id"], row["service_tier"])
            return
        self._held.pop(task.key, None)
        if task.error is not None:
            raise task.error

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing_now.wait(), seconds)

    async def adopt(self, task_id: str) -> Task:
        """A task made elsewhere: log it, follow it, save its clip."""
        answer = await self.client.get(task_id)
        row = await engine.write(self.journal.adopted, answer.data)
        if row["status"] == "succeeded" and row["file"] in ("failed", "expired"):
            row = {**row, "file": "none"}  # asked for: there is something to wait for again
        task = self._task(row)
        self._publish(row)
        self._follow(row)
        return task

    async def resume(self) -> list[Task]:
        """Follow again what was live when the last kernel ended, and fetch what is not saved."""
        resumed = []
        for row in await engine.write(self.journal.unfinished):
            if not self.follows(row["key"]):
                if row["file"] == "failed":
                    row = {**row, "file": "none"}  # noqa: PLW2901 - there is something to wait for again
                resumed.append(self._task(row))
                self._publish(row)
                self._follow(row)
        return resumed

    async def cancel(self, task: Task) -> None:
        """DELETE a queued task; the row follows what the service then says."""
        _refuse_unless(task, task.id is not None and task.status in LIVE, "queued")
        # Asked first: DELETE of a task that has ended since removes its record, and with it a paid clip.
        await self._ask(task)
        if task.status == "running":
            raise Conflict(
                409,
                code="TaskRunningCannotCancel",
                message=f"task {task.id} is running and cannot be cancelled",
                advice="Only queued tasks can be cancelled; delete it once it has ended.",
            )
        _refuse_unless(task, task.status == "queued", "queued")
        await self.client.delete(str(task.id))
        await self._ask(task)

    async def _ask(self, task: Task) -> None:
        answer = await self.client.get(str(task.id))
        await self._observed(task.key, answer.data)

    async def delete_remote(self, task: Task) -> None:
        """DELETE the service's record of an ended task."""
        row = await engine.write(self.journal.row, task.key)
        ended = row["status"] in ("failed", "expired")
        safe = row["status"] == "succeeded" and row["file"] in ("saved", "expired")
        _refuse_unless(task, ended or safe, "an ended task whose clip is saved")
        await self.client.delete(str(task.id))
        self._publish(await engine.write(self.journal.forgotten, task.key))

    async def close(self) -> None:
        """Stop watching; unfinished tasks stay in the log for `resume`."""
        self.closed = True
        self._closing_now.set()
        self._listeners.clear()
        if self._sends:  # an answer that is on its way names a paid task
            await asyncio.wait(self._sends, timeout=_LAST_ANSWER)
        await self._watcher.stop()
        for save in self._saves:
            save.cancel()
        await asyncio.gather(*self._saves, return_exceptions=True)
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
        return self._task(await engine.write(self.journal.row, key))

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

    def _follow(self, row: Row) -> None:
        """Take a row up where it stands."""
        self._held[row["key"]] = self._task(row)
        if row["status"] in LIVE:
            self._watcher.watch(row["key"], row["task_id"], row["service_tier"] or "default")
        elif row["status"] == "succeeded" and row["file"] != "saved":
            self._start_saving(row)
        else:
            self._held.pop(row["key"])

    async def _observed(self, key: str, answer: Mapping[str, Any]) -> bool:
        row = await engine.write(self.journal.observed, key, answer)
        over = row["status"] in FINAL
        if over and row["status"] == "succeeded":
            self._start_saving(row)
        elif over:
            self._held.pop(key, None)
        self._publish(row)
        return over

    async def _troubled(self, key: str, error: Exception) -> None:
        self._publish(await engine.write(self.journal.noted, key, str(error)))

    def _ticked(self) -> None:
        for task in list(self._held.values()):
            task.update()
        if time.monotonic() - self._tick_told >= _TICK_SECONDS:
            self._tick_told = time.monotonic()
            self._tell(None)

    def _start_saving(self, row: Row) -> None:
        if row["key"] in self._saving or row["file"] == "saved":
            return
        self._saving.add(row["key"])
        saving = asyncio.get_running_loop().create_task(self._save(row))
        self._saves.add(saving)
        saving.add_done_callback(self._saves.discard)

    async def _save(self, row: Row) -> None:
        try:
            await self._save_file(row)
        finally:
            self._saving.discard(row["key"])
            self._held.pop(row["key"], None)

    async def _save_file(self, row: Row) -> None:
        key = row["key"]
        if self._save_places is None:
            self._save_places = asyncio.Semaphore(_SAVES_AT_ONCE)
        async with self._save_places:
            for tries in range(1, _SAVE_TRIES + 1):
                try:
                    row = await self._fresh(row, again=tries > 1)
                    columns = await self.media.save(
                        self.client, key, row["video_url"] or "", row["last_frame_url"]
                    )
                except (MediaError, ServiceError, OSError) as error:
                    # 403 and 404 also come from a proxy or a wrong key: only with the hours over it is final
                    gone = getattr(error, "status_code", None) in _GONE and self._is_over(row)
                    if gone or tries == _SAVE_TRIES:
                        file = "expired" if gone else "failed"
                        self._publish(await engine.write(self.journal.unfiled, key, file, str(error)))
                        break
                    await asyncio.sleep(_SAVE_PAUSE * tries)
                else:
                    self._publish(await engine.write(self.journal.filed, key, **columns))
                    break

    def _is_over(self, row: Row) -> bool:
        kept = catalog.rules().file_hours * 3600
        ended: int = row["finished_at"] or row["created_at"]
        return self.clock() > ended / 1_000_000 + kept

    async def _fresh(self, row: Row, *, again: bool) -> Row:
        """The row with links to fetch from: after a failure, or where none is known, newly asked for."""
        if row["video_url"] and not again:
            return row
        try:
            answer = await self.client.get(row["task_id"])
        except NotFound as error:
            raise DownloadError(
                f"the service no longer has the task: {error}", status_code=error.status_code
            ) from error
        content = answer.data.get("content")
        links = content if isinstance(content, dict) else {}
        return {
            **row,
            "video_url": links.get("video_url") or row["video_url"],
            "last_frame_url": links.get("last_frame_url") or row["last_frame_url"],
        }


def _refuse_unless(task: Task, fits: bool, takes: str) -> None:
    if not fits:
        raise InvalidRequest([Problem("task", task.key, f"the task is {task.status}; this takes {takes}")])
