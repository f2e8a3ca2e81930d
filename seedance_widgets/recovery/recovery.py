"""After a crash or a lost answer: find out what became of each task, and see that somebody looks after it.

Rows whose kernel has gone are taken over. A create that was cut off or went unanswered is looked for in the
service's list, at once by `take_stock`, and by itself while the kernel lives: soon, since most tasks show at
once, again when not to be in the list means not to have been made, and from then on now and then, for the
service or the log may have been out of reach all the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.log.row import Status
from seedance_widgets.recovery.leases import BEAT_SECONDS
from seedance_widgets.recovery.listing import listing
from seedance_widgets.recovery.reconcile import SETTLE_SECONDS, Settler
from seedance_widgets.recovery.signs import whole_of
from seedance_widgets.units import HOUR, micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.looks import Looks
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client, Spacing
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.task.registry import Registry

__all__ = ["Recovery", "Stock"]


logger = logging.getLogger(__name__)
# seconds between looks for a lost task: after the third the service's list must have shown it
_LOOKS = (5.0, 25.0, SETTLE_SECONDS - 20.0, 60.0)
_NOW_AND_THEN = 600.0
# one list shows all that are due so close together
_TOGETHER = 1.0
# a list that lags further behind than any is known to shows what was held to be unmade
_HEAL_SECONDS = HOUR
_NONCES = 1 << 16


@dataclass(slots=True)
class Stock:
    """What was left to do, as rows.

    ``ours`` are to be followed or fetched here, ``settled`` were unclear, and ``elsewhere`` are those that
    another kernel looks after.
    """

    ours: list[TaskRow] = field(default_factory=list)
    settled: list[TaskRow] = field(default_factory=list)
    elsewhere: list[TaskRow] = field(default_factory=list)


@dataclass(slots=True)
class _Lost:
    """A task that is looked for: how often it was, when it is due, and when it is given up.

    Both are monotonic seconds. Only what is held to be unmade is given up.
    """

    looks: int
    due: float
    until: float | None = None


class Recovery:
    """Takes over and settles; runs on the engine.

    Parameters
    ----------
    client, journal, registry, peers
        Of the studio.
    looks
        When lost tasks were first looked for.
    lists
        The account's rate of LIST calls.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        registry: Registry,
        peers: Peers,
        *,
        looks: Looks,
        lists: Spacing,
        clock: Callable[[], float],
    ) -> None:
        self._settler = Settler(client, journal, looks, lists=lists)
        self._client = client
        self._journal = journal
        self._registry = registry
        self._peers = peers
        self._lists = lists
        self._clock = clock
        self._lost: dict[str, _Lost] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def take_stock(self) -> Stock:
        """Take over what nobody looks after any more, and look for what is unclear.

        Rows of tasks that are followed or being sent here already are left alone, but for those whose
        outcome is unknown.
        """
        held = self._registry
        unsettled = await engine.write(self._journal.rows_to_settle)
        waiting = await engine.write(self._journal.rows_to_follow)
        left = [row for row in (*unsettled, *waiting) if row.status is Status.UNKNOWN or row.key not in held]
        mine = await self._peers.claim(row.key for row in left)
        stock = Stock(elsewhere=[row for row in left if row.key not in mine])
        unclear = [await self._cut_off(row) for row in unsettled if row.key in mine]
        stock.settled = await self._settle(row for row in unclear if row.status is Status.UNKNOWN)
        stock.settled += await self._heal(await engine.write(self._journal.rows_to_heal))
        stock.ours = [row for row in waiting if row.key in mine and row.key not in held]
        return stock

    def look_for(self, key: str) -> None:
        """Look for a lost task by and by, or for one whose kernel has gone while it was being sent."""
        if key in self._lost:
            return
        logger.info("task %s: its outcome is not known, it is looked for in the service's list", key)
        self._lost[key] = _Lost(0, time.monotonic() + _LOOKS[0])
        self._news.set()
        if self._looking is None or self._looking.done():
            looking = keep_going("looking for lost tasks", self._look_around)
            self._looking = asyncio.get_running_loop().create_task(looking)

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
            told = await listing(self._client, None, tier, lists=self._lists)
            for item in told.items:
                expiry = whole_of(item.get("execution_expires_after"))
                # the bare default is what everybody else sends
                if expiry is not None and base < expiry < base + _NONCES:
                    found.append(item)
        known = await engine.write(self._journal.ids_with_row, [str(item["id"]) for item in found])
        return [item for item in found if str(item["id"]) not in known]

    async def stop(self) -> None:
        """Look for nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _cut_off(self, row: TaskRow) -> TaskRow:
        """An intent whose kernel has gone may have been sent until it was last heard of."""
        if row.status is not Status.INTENT:
            return row
        heard = await self._peers.last_heard(row.owner)
        # whoever left in good order may have sent until a moment ago
        sent_at = self._now() if heard is None else heard + micros_of(BEAT_SECONDS)
        return await engine.write(
            self._journal.cut_off,
            row.key,
            "no answer was written down: its kernel ended, or could not write to the log",
            max(sent_at, row.intent_at),
        )

    async def _settle(self, rows: Iterable[TaskRow]) -> list[TaskRow]:
        return await self._settler.settle(rows, now=self._now())

    async def _heal(self, rows: Iterable[TaskRow]) -> list[TaskRow]:
        """Those rows that were held to be unmade, and whose task the service shows after all."""
        healed = [row for row in await self._settle(rows) if row.task_id is not None]
        mine = await self._peers.claim(row.key for row in healed)
        for row in healed:
            logger.warning("task %s was made after all: the service lists it as %s", row.key, row.task_id)
        return [row for row in healed if row.key in mine]

    async def _look_around(self) -> bool:
        """Look for those that are due, or wait until some are; says whether any are left."""
        self._news.clear()
        now = time.monotonic()
        due = [key for key, lost in self._lost.items() if lost.due <= now + _TOGETHER]
        soonest = min((lost.due for lost in self._lost.values()), default=now)
        if soonest > now:
            # not wait_for, which on Python 3.11 loses a cancellation that comes together with news
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(soonest - now):
                    await self._news.wait()
            return True
        try:
            await self._look_for(due)
        finally:
            for key in due:
                if lost := self._lost.get(key):
                    lost.looks += 1
                    often = lost.until is None and lost.looks < len(_LOOKS)
                    lost.due = time.monotonic() + (_LOOKS[lost.looks] if often else _NOW_AND_THEN)
                    if lost.until is not None and lost.due > lost.until:
                        del self._lost[key]
        return bool(self._lost)

    async def _look_for(self, keys: Collection[str]) -> None:
        """Look once, and no more for what is settled by then."""
        rows = await engine.write(self._journal.rows, list(keys))
        unmade = [row for row in rows if self._may_heal(row) and self._lost[row.key].until is not None]
        news = [
            row for row in rows if not row.is_unclear and row.owner == self._peers.owner and row not in unmade
        ]
        unclear = [await self._cut_off(row) for row in rows if row.is_unclear]
        news += await self._settle(unclear)
        news += await self._heal(unmade)
        open_still = {row.key for row in news if row.is_unclear}
        for row in news:
            if self._may_heal(row) and (lost := self._lost.get(row.key)):
                lost.until = time.monotonic() + _HEAL_SECONDS
                open_still.add(row.key)
        open_still |= {row.key for row in unmade} - {row.key for row in news}
        for key in set(keys) - open_still:
            self._lost.pop(key, None)
        for row in news:
            self._registry.take_up(row)

    @staticmethod
    def _may_heal(row: TaskRow) -> bool:
        """Whether a row was sent and is held to be unmade: a list that lags may show its task later."""
        return row.status is Status.NOT_CREATED and row.task_id is None and row.sent_at is not None

    def _now(self) -> int:
        return micros_of(self._clock())
