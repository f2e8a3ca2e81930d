"""Fetch the files of tasks that succeeded, a few at a time, and write down that they are there.

The service keeps files for 24 hours, so whatever stops a download is tried again. After a few tries close
together the row says what is wrong, and whoever awaits the task is told. The tries go on at growing pauses,
with new links each time, until those hours are over. `resume` has all of them tried at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.errors import DownloadError, LogError, MediaError, NotFound, ServiceError
from seedance_widgets.log.row import FileState
from seedance_widgets.units import HOUR, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.media.store import Media
    from seedance_widgets.modelark.client import Client
    from seedance_widgets.recovery.failover import Failover
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.task.registry import Registry

__all__ = ["Saver"]

logger = logging.getLogger(__name__)
_AT_ONCE = 4
_TRIES = 4  # close together
_PAUSE = 1.0
_LATER, _LONGEST_PAUSE = 8.0, 1800.0  # from there on
_GONE = (403, 404)


class Saver:
    """Saves what succeeded; runs on the engine.

    Parameters
    ----------
    client, journal, media, registry
        Of the studio.
    peers
        Asked whether this kernel is the one to save a clip.
    failover
        Handed what another kernel saves.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        media: Media,
        registry: Registry,
        *,
        peers: Peers,
        failover: Failover,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._journal = journal
        self._media = media
        self._registry = registry
        self._peers = peers
        self._failover = failover
        self._clock = clock
        self._running: dict[str, _Saving] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def start(self, row: TaskRow) -> None:
        """Save a row's files, unless that is done; where it waits for its next try, try now."""
        if row.file is FileState.SAVED:
            return
        saving = self._running.get(row.key)
        if saving is None:
            saving = self._running[row.key] = _Saving()
            saving.work = asyncio.get_running_loop().create_task(self._save(row, saving))
        elif row.file is FileState.NONE:
            saving.soon.set()

    async def stop(self) -> None:
        """Break off; what is half done leaves nothing behind."""
        running = [saving.work for saving in self._running.values() if saving.work]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _save(self, row: TaskRow, saving: _Saving) -> None:
        """Try until the clip is saved, or until nobody has it any more."""

        async def step() -> bool:
            await saving.rest()
            saving.tries += 1
            async with self._places:
                return not await self._try(row, saving)

        try:
            await keep_going(f"saving the clip of task {row.key}", step)
        finally:
            self._running.pop(row.key, None)

    async def _try(self, row: TaskRow, saving: _Saving) -> bool:
        """One try; says whether it was the last. Whatever goes wrong is told, and does not end the tries."""
        linked_at = None
        try:
            if not await self._peers.claim([row.key]):
                self._failover.look_on(await engine.write(self._journal.row, row.key))
                return True
            if saving.used_links or not row.video_url:
                linked_at = self._clock()
                row, linked_at = await self._with_links(row)
            saving.used_links = True
            files, whole = await self._media.save(
                self._client, row.key, row.video_url or "", row.last_frame_url
            )
            if whole or saving.tries >= _TRIES:
                await self._registry.record(self._journal.filed, row.key, whole=whole, **files)
        except Exception as error:
            saving.used_links = True
            if not isinstance(error, MediaError | ServiceError | LogError | OSError):
                logger.exception("the clip of task %s could not be saved", row.key)
            return await self._tell(row, error, saving, linked_at)
        return whole

    async def _tell(self, row: TaskRow, error: Exception, saving: _Saving, linked_at: float | None) -> bool:
        """Say what is wrong, once there were a few tries; says whether to try no more."""
        # 403 and 404 also come from a proxy or a wrong key: only with the hours over it is final
        is_over = _is_over(row, linked_at)
        gone = getattr(error, "status_code", None) in _GONE and is_over
        if not gone and saving.tries < _TRIES:
            logger.debug("task %s: its clip could not be fetched, it is tried again: %s", row.key, error)
            return False
        file = FileState.EXPIRED if gone else FileState.FAILED
        logger.warning("task %s: its clip is not saved: %s", row.key, error)
        try:
            await self._registry.record(self._journal.unfiled, row.key, file, str(error))
        except Exception as unwritten:  # noqa: BLE001 - whoever waits is told in any case
            logger.debug("task %s: this could not be written down: %s", row.key, unwritten)
            self._registry.publish(replace(self._registry.newest(row), file=file, trouble=str(error)))
        # where a clock was set the hours are over too early: what cannot be reached is tried for all of them
        return gone or (is_over and time.monotonic() - saving.began > catalog.rules().file_hours * HOUR)

    async def _with_links(self, row: TaskRow) -> tuple[TaskRow, float]:
        """The row with links that were asked for anew, and when that was (seconds since 1970).

        By the service's clock and by ours, whichever is behind: one of them may have been set wrong.
        """
        try:
            answer = await self._client.get(str(row.task_id))
        except NotFound as error:
            raise DownloadError(
                f"the service no longer has the task: {error}", status_code=error.status_code
            ) from error
        content: Any = answer.data.get("content")
        links = content if isinstance(content, dict) else {}
        told_at = self._clock() if answer.date is None else answer.date.timestamp()
        newer = replace(
            row,
            video_url=links.get("video_url") or row.video_url,
            last_frame_url=links.get("last_frame_url") or row.last_frame_url,
        )
        return newer, min(told_at, self._clock())


class _Saving:
    """One clip that is being saved, or waits for its next try."""

    def __init__(self) -> None:
        self.work: asyncio.Task[None] | None = None
        self.tries = 0
        self.began = time.monotonic()
        self.used_links = False  # those of the row: each later try asks for new ones
        self.soon = asyncio.Event()

    async def rest(self) -> None:
        """Wait as long as it takes to the next try, or until somebody wants it at once."""
        if not self.tries:
            return
        later = min(_LATER * 2 ** max(0, self.tries - _TRIES), _LONGEST_PAUSE)
        pause = _PAUSE * self.tries if self.tries < _TRIES else later
        # not wait_for, which on Python 3.11 loses a cancellation that comes together with the event
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self.soon.wait()
                self.tries = 0
        self.soon.clear()


def _is_over(row: TaskRow, linked_at: float | None) -> bool:
    """Whether the hours of a file were over when a link to it was last asked for."""
    kept = catalog.rules().file_hours * HOUR
    ended: int = row.finished_at or row.created_at
    return linked_at is not None and linked_at > seconds_of(ended) + kept
