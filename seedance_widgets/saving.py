"""Fetch the files of tasks that succeeded, a few at a time, and write down that they are there.

The service keeps files for 24 hours, so whatever stops a download is tried again: by itself a few times, then
by the next `resume`. Only with those hours over is a missing file final.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.engine import engine
from seedance_widgets.errors import DownloadError, LogError, MediaError, NotFound, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.media import Media

__all__ = ["Saver"]

_AT_ONCE = 4
_TRIES = 4
_PAUSE = 1.0
_GONE = (403, 404)
_SECOND = 1_000_000


class Saver:
    """Saves what succeeded; runs on the engine.

    Parameters
    ----------
    client
        Of the service.
    media
        Where files go.
    journal
        Of the rows.
    may_save
        Given a key, whether this kernel is the one to save it.
    saved
        Given each row that has changed.
    ended
        Given a key once nothing more happens to it by itself.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        client: Client,
        media: Media,
        journal: Journal,
        *,
        may_save: Callable[[str], Awaitable[bool]],
        saved: Callable[[Row], None],
        ended: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._media = media
        self._journal = journal
        self._may_save = may_save
        self._saved = saved
        self._ended = ended
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}
        self._places: asyncio.Semaphore | None = None

    def start(self, row: Row) -> None:
        """Save a row's files, unless that goes on already or is done."""
        key = row["key"]
        if key not in self._running and row["file"] != "saved":
            self._running[key] = asyncio.get_running_loop().create_task(self._save(row))

    async def stop(self) -> None:
        """Break off; what is half done leaves nothing behind."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _save(self, row: Row) -> None:
        key = row["key"]
        if self._places is None:
            self._places = asyncio.Semaphore(_AT_ONCE)
        try:
            async with self._places:
                if await self._may_save(key):
                    await self._try(row)
        except LogError as error:
            # not even this can be written down: whoever waits is told, and `resume` finds the row unsaved
            self._saved({**row, "file": "failed", "note": str(error)})
        finally:
            del self._running[key]
            self._ended(key)

    async def _try(self, row: Row) -> None:
        key, asked_at = row["key"], None
        for tries in range(1, _TRIES + 1):
            try:
                if tries > 1 or not row["video_url"]:
                    asked_at = self._clock()
                    row, asked_at = await self._with_links(row)
                columns = await self._media.save(
                    self._client, key, row["video_url"] or "", row["last_frame_url"]
                )
                if columns.get("file") == "failed" and tries < _TRIES:
                    await asyncio.sleep(_PAUSE * tries)
                    continue
                self._saved(await engine.write(self._journal.filed, key, **columns))
            except (MediaError, ServiceError, LogError, OSError) as error:
                # 403 and 404 also come from a proxy or a wrong key: only with the hours over it is final
                gone = getattr(error, "status_code", None) in _GONE and _is_over(row, asked_at)
                if gone or tries == _TRIES:
                    file = "expired" if gone else "failed"
                    self._saved(await engine.write(self._journal.unfiled, key, file, str(error)))
                    return
                await asyncio.sleep(_PAUSE * tries)
            else:
                return

    async def _with_links(self, row: Row) -> tuple[Row, float]:
        """The row with links that were asked for anew, and when that was (seconds since 1970).

        By the service's clock and by ours, whichever is behind: one of them may have been set wrong.
        """
        try:
            answer = await self._client.get(row["task_id"])
        except NotFound as error:
            raise DownloadError(
                f"the service no longer has the task: {error}", status_code=error.status_code
            ) from error
        content: Any = answer.data.get("content")
        links = content if isinstance(content, dict) else {}
        told_at = self._clock() if answer.date is None else answer.date.timestamp()
        newer = {
            **row,
            "video_url": links.get("video_url") or row["video_url"],
            "last_frame_url": links.get("last_frame_url") or row["last_frame_url"],
        }
        return newer, min(told_at, self._clock())


def _is_over(row: Row, asked_at: float | None) -> bool:
    """Whether the hours of a file were over when a link to it was last asked for."""
    kept = catalog.rules().file_hours * 3600
    ended: int = row["finished_at"] or row["created_at"]
    return asked_at is not None and asked_at > ended / _SECOND + kept
