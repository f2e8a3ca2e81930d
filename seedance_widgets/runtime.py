"""What all handles of one home share in a process: log, client, watcher, files, and the live tasks.

A request's way is straight: journal (intent) -> `submission.send` -> journal (id) -> watcher -> media ->
journal (file). All coroutines here run on the engine; each new row is published to the task that people
hold.
"""

from __future__ import annotations

import asyncio
import json
import time
import weakref
from typing import TYPE_CHECKING, Any

from seedance_widgets import submission
from seedance_widgets.engine import engine
from seedance_widgets.errors import DownloadError, InvalidRequest, MediaError, NotFound, Problem, ServiceError
from seedance_widgets.log import Log
from seedance_widgets.log.answers import FINAL, LIVE
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.store import Store
from seedance_widgets.pricing import estimate
from seedance_widgets.request import TaskRequest
from seedance_widgets.task import Task
from seedance_widgets.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Intent, Row
    from seedance_widgets.media import Media

__all__ = ["StudioRuntime"]

_SAVES_AT_ONCE = 4
_SAVE_TRIES = 4
_SAVE_PAUSE = 1.0
_GONE = (403, 404)


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
        self._save_places: asyncio.Semaphore | None = None
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
        stored = await asyncio.to_thread(self.media.keep_inputs, request)
        intent = await engine.write(
            self.journal.begin, estimate(request), budget_usd=budget_usd, stored=stored, extra=columns
        )
        task = self._held[intent.key] = self._task(intent.row, request)
        return task, engine.submit(self._send(task, intent))

    async def _send(self, task: Task, intent: Intent) -> None:
        row = await submission.send(self.client, self.journal, intent, publish=self._publish)
        if row["task_id"] is not None:
            self._watcher.watch(task.key, row["task_id"], row["service_tier"])
            return
        self._held.pop(task.key, None)
        if task.error is not None:
            raise task.error

    async def adopt(self, task_id: str) -> Task:
        """A task made elsewhere: log it, follow it, save its clip."""
        answer = await self.client.get(task_id)
        row = await engine.write(self.journal.adopted, answer.data)
        task = self._task(row)
        self._follow(row)
        return task

    async def resume(self) -> list[Task]:
        """Follow again what was live when the last kernel ended, and fetch what is not saved."""
        resumed = []
        for row in await engine.write(self.journal.unfinished):
            if row["key"] not in self._held:
                if row["file"] == "failed":
                    row = {**row, "file": "none"}  # noqa: PLW2901 - there is something to wait for again
                resumed.append(self._task(row))
                self._task(row).update(row)
                self._follow(row)
        return resumed

    async def cancel(self, task: Task) -> None:
        """DELETE a queued task; the row follows what the service then says."""
        await self._delete(task, when=("queued",))
        answer = await self.client.get(str(task.id))
        await self._observed(task.key, answer.data)

    async def delete_remote(self, task: Task) -> None:
        """DELETE the service's record of an ended task."""
        await self._delete(task, when=("succeeded", "failed", "expired"))
        self._publish(await engine.write(self.journal.forgotten, task.key))

    async def close(self) -> None:
        """Stop watching; unfinished tasks stay in the log for `resume`."""
        await self._watcher.stop()
        for save in self._saves:
            save.cancel()
        await asyncio.gather(*self._saves, return_exceptions=True)
        await self.client.aclose()
        self._held.clear()

    def release(self) -> None:
        """Let go of the database."""
        self._store.close()
        if self._closing:
            self._closing()

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
        if task := self._tasks.get(row["key"]):
            task.update(row)

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

    async def _troubled(self, key: str, error: ServiceError) -> None:
        self._publish(await engine.write(self.journal.noted, key, str(error)))

    def _ticked(self) -> None:
        for task in list(self._held.values()):
            task.update()

    async def _delete(self, task: Task, *, when: tuple[str, ...]) -> None:
        if task.id is None or task.status not in (*when, *LIVE):
            reason = f"the task is {task.status}; this takes {' or '.join(when)}"
            raise InvalidRequest([Problem("task", task.key, reason)])
        await self.client.delete(task.id)

    def _start_saving(self, row: Row) -> None:
        saving = asyncio.get_running_loop().create_task(self._save(row))
        self._saves.add(saving)
        saving.add_done_callback(self._saves.discard)

    async def _save(self, row: Row) -> None:
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
                    # a link that was asked for anew and still says so has expired for good
                    gone = tries > 1 and getattr(error, "status_code", None) in _GONE
                    if gone or tries == _SAVE_TRIES:
                        file = "expired" if gone else "failed"
                        self._publish(await engine.write(self.journal.unfiled, key, file, str(error)))
                        break
                    await asyncio.sleep(_SAVE_PAUSE * tries)
                else:
                    self._publish(await engine.write(self.journal.filed, key, **columns))
                    break
        self._held.pop(key, None)

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
