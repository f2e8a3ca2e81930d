"""After a crash or a lost answer: find out what became of each task, and see that somebody looks after it.

Rows whose kernel has gone are taken over. A create that was cut off or went unanswered is looked for in the
service's list, at once by `take_stock`, and by itself while the kernel lives: soon, since most tasks show at
once, again when not to be in the list means not to have been made, and from then on now and then, for the
service or the log may have been out of reach all the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedance_widgets import catalog
from seedance_widgets.engine import engine
from seedance_widgets.errors import LogError, ServiceError
from seedance_widgets.log.answers import UNCLEAR
from seedance_widgets.log.leases import BEAT_SECONDS
from seedance_widgets.reconcile import SETTLE_SECONDS, listing, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Mapping

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.sharing import Sharing

__all__ = ["Recovery", "Stock"]

_SECOND = 1_000_000
# seconds between looks for a lost task: after the third the service's list must have shown it
_LOOKS = (5.0, 25.0, SETTLE_SECONDS - 25.0, 60.0)
_NOW_AND_THEN = 600.0
# one list shows all that are due so close together
_TOGETHER = 1.0
_NONCES = 1 << 16


@dataclass(slots=True)
class Stock:
    """What was left to do, as rows.

    ``ours`` are to be followed or fetched here, ``settled`` were unclear, and ``elsewhere`` are those that
    another kernel looks after.
    """

    ours: list[Row] = field(default_factory=list)
    settled: list[Row] = field(default_factory=list)
    elsewhere: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class _Lost:
    """A task that is looked for: how often it was, and when it is due (monotonic seconds)."""

    looks: int
    due: float


class Recovery:
    """Takes over and settles; runs on the engine.

    Parameters
    ----------
    client, journal, sharing
        Of the studio.
    turn
        Awaited before each LIST call.
    clock
        Seconds since 1970 UTC.
    settled
        Given each row after it was looked for by itself.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        sharing: Sharing,
        *,
        turn: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
        settled: Callable[[Row], object],
    ) -> None:
        self._client = client
        self._journal = journal
        self._sharing = sharing
        self._turn = turn
        self._clock = clock
        self._settled = settled
        self._lost: dict[str, _Lost] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def take_stock(self, held: Container[str]) -> Stock:
        """Take over what nobody looks after any more, and look for what is unclear.

        ``held`` has the keys of those tasks that are followed or being sent here already; their rows are
        left alone, but for those whose outcome is unknown.
        """
        unsettled = await engine.write(self._journal.unsettled)
        waiting = await engine.write(self._journal.unfinished)
        left = [row for row in (*unsettled, *waiting) if row["status"] == "unknown" or row["key"] not in held]
        mine = await self._sharing.claim(row["key"] for row in left)
        stock = Stock(elsewhere=[row for row in left if row["key"] not in mine])
        unclear = [await self._cut_off(row) for row in unsettled if row["key"] in mine]
        stock.settled = await self._settle(row for row in unclear if row["status"] == "unknown")
        stock.ours = [row for row in waiting if row["key"] in mine and row["key"] not in held]
        return stock

    def look_for(self, key: str) -> None:
        """Look for a lost task by and by, or for one whose kernel has gone while it was being sent."""
        self._lost[key] = _Lost(0, time.monotonic() + _LOOKS[0])
        self._news.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    async def orphans(self) -> list[Mapping[str, object]]:
        """Tasks at the service that carry a fingerprint of this package and have no row in this log.

        Such are left by a log that was lost or restored from an older copy, or belong to another home of
        the same account.

        Raises
        ------
        ServiceError
            The service could not be asked.
        """
        base = catalog.rules().expires_after_default
        found = []
        for tier in ("default", "flex"):
            told = await listing(self._client, None, tier, now=self._now(), turn=self._turn)
            for item in told.items:
                expiry = item.get("execution_expires_after")
                # the bare default is what everybody else sends
                if isinstance(expiry, int) and base < expiry < base + _NONCES:
                    found.append(item)
        known = await engine.write(self._journal.known_ids, [str(item["id"]) for item in found])
        return [item for item in found if str(item["id"]) not in known]

    async def stop(self) -> None:
        """Look for nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _cut_off(self, row: Row) -> Row:
        """An intent whose kernel has gone may have been sent until it was last heard of."""
        if row["status"] != "intent":
            return row
        heard = await self._sharing.last_heard(row["owner"])
        # whoever left in good order may have sent until a moment ago
        sent_at = self._now() if heard is None else heard + int(BEAT_SECONDS * _SECOND)
        return await engine.write(
            self._journal.cut_off,
            row["key"],
            "no answer was written down: its kernel ended, or could not write to the log",
            max(sent_at, row["intent_at"]),
        )

    async def _settle(self, rows: Iterable[Row]) -> list[Row]:
        return await settle(self._client, self._journal, rows, now=self._now(), turn=self._turn)

    async def _keep_looking(self) -> None:
        while self._lost:
            self._news.clear()
            soonest = min(lost.due for lost in self._lost.values()) - time.monotonic()
            if soonest > 0:
                # not wait_for, which on Python 3.11 loses a cancellation that comes together with news
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(soonest):
                        await self._news.wait()
                continue
            until = time.monotonic() + _TOGETHER
            due = [key for key, lost in self._lost.items() if lost.due <= until]
            # a log that cannot be used now, or a service that cannot be asked, is no reason to give up
            with contextlib.suppress(LogError, ServiceError):
                await self._look_for(due)
            for key in due:
                if lost := self._lost.get(key):
                    lost.looks += 1
                    pause = _LOOKS[lost.looks] if lost.looks < len(_LOOKS) else _NOW_AND_THEN
                    lost.due = time.monotonic() + pause

    async def _look_for(self, keys: Collection[str]) -> None:
        """Look once, and no more for what is settled by then."""
        rows = await engine.write(self._journal.rows, list(keys))
        settled = [row for row in rows if not _is_unclear(row) and row["owner"] == self._sharing.owner]
        unclear = [await self._cut_off(row) for row in rows if _is_unclear(row)]
        settled += await self._settle(unclear)
        for key in set(keys) - {row["key"] for row in settled if _is_unclear(row)}:
            self._lost.pop(key, None)
        for row in settled:
            self._settled(row)

    def _now(self) -> int:
        return int(self._clock() * _SECOND)


def _is_unclear(row: Row) -> bool:
    return row["task_id"] is None and row["status"] in UNCLEAR
