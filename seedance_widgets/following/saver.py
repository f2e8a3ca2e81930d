"""Fetch the files of tasks that succeeded, a few at a time, and write down that they are there.

The service keeps files for 24 hours, so whatever stops a download is tried again: by itself a few times, then
by the next `resume`. Only with those hours over is a missing file final.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
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
_TRIES = 4
_PAUSE = 1.0
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
        self._running: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def start(self, row: TaskRow) -> None:
        """Save a row's files, unless that goes on already or is done."""
        if row.key not in self._running and row.file is not FileState.SAVED:
            self._running[row.key] = asyncio.get_running_loop().create_task(self._save(row))

    async def stop(self) -> None:
        """Break off; what is half done leaves nothing behind."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _save(self, row: TaskRow) -> None:
        try:
            async with self._places:
                if await self._peers.claim([row.key]):
                    await self._try(row)
                else:
                    self._failover.look_on(await engine.write(self._journal.row, row.key))
        except Exception as error:
            # whatever it was, whoever waits is told, and `resume` finds the row unsaved
            if not isinstance(error, LogError):
                logger.exception("the clip of task %s could not be saved", row.key)
            self._registry.publish(replace(row, file=FileState.FAILED, note=str(error)))
        finally:
            self._running.pop(row.key, None)

    async def _try(self, row: TaskRow) -> None:
        asked_at = None
        for tries in range(1, _TRIES + 1):
            try:
                if tries > 1 or not row.video_url:
                    asked_at = self._clock()
                    row, asked_at = await self._with_links(row)
                files, whole = await self._media.save(
                    self._client, row.key, row.video_url or "", row.last_frame_url
                )
                if not whole and tries < _TRIES:
                    await asyncio.sleep(_PAUSE * tries)
                    continue
                await self._registry.record(self._journal.filed, row.key, whole=whole, **files)
            except (MediaError, ServiceError, LogError, OSError) as error:
                # 403 and 404 also come from a proxy or a wrong key: only with the hours over it is final
                gone = getattr(error, "status_code", None) in _GONE and _is_over(row, asked_at)
                if gone or tries == _TRIES:
                    file = FileState.EXPIRED if gone else FileState.FAILED
                    logger.warning("task %s: its clip is not saved: %s", row.key, error)
                    await self._registry.record(self._journal.unfiled, row.key, file, str(error))
                    return
                logger.debug("task %s: its clip could not be fetched, it is tried again: %s", row.key, error)
                await asyncio.sleep(_PAUSE * tries)
            else:
                return

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


def _is_over(row: TaskRow, asked_at: float | None) -> bool:
    """Whether the hours of a file were over when a link to it was last asked for."""
    kept = catalog.rules().file_hours * HOUR
    ended: int = row.finished_at or row.created_at
    return asked_at is not None and asked_at > seconds_of(ended) + kept
