"""One watcher for all live tasks of a studio: asks the service, hands answers on, notes troubles.

Each task is due when its `Rhythm` says so. A few due tasks are asked for one by one, more of them by list:
one call looks at any number, so it takes along whoever is not due yet. Tasks on flex have a list of their
own. An id that a list leaves out is confirmed by GET, and a 404 there is only noted: a wrong key looks the
same. Calls are made side by side, so that a slow one holds up nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import keep_going
from seedance_widgets.errors import APIError, LogError, RateLimited, ServerFault
from seedance_widgets.following.pace import Followed, rhythm_of
from seedance_widgets.log.row import FINAL
from seedance_widgets.modelark.client import Spacing
from seedance_widgets.units import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from seedance_widgets.following.pace import LearnedPaces
    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client
    from seedance_widgets.task.registry import Registry

__all__ = ["LEAST_SCALE", "Watcher"]

logger = logging.getLogger(__name__)
_LIST_FROM = 4  # due tasks of one tier
_IDS_A_CALL = 150  # 41 bytes an id: many gateways stop at 8 kB of address
_GETS_AT_ONCE = 10
_TICK_SECONDS = 1.0
# to look closer than every 50 ms serves nobody
LEAST_SCALE = 0.05
# seconds at the real service
_HINTS_APART = 1.0
_LISTLESS = 600.0
_LONGEST_HOLD = 300.0


class Watcher:
    """Follows live tasks until they end.

    Parameters
    ----------
    client, journal, registry
        Of the studio: what is asked, where an answer is written down, and where the row is published.
    paces
        How long tasks like one take.
    lists
        The account's rate of LIST calls, tiers together.
    gets_per_second
        The account's rate of GET calls (api-facts 6: reported by third parties).
    scale
        1 / speed of a simulator: pauses and rates follow it.
    clock
        Seconds since 1970 UTC; only for the age of tasks that were made before.
    monotonic, sleep
        The time that passes, in seconds.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        registry: Registry,
        paces: LearnedPaces,
        *,
        lists: Spacing,
        gets_per_second: float = 20.0,
        scale: float = 1.0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._journal = journal
        self._registry = registry
        self._paces = paces
        self._scale = max(scale, LEAST_SCALE)
        self._lists = lists
        self._gets = Spacing(gets_per_second, self._scale, monotonic=monotonic, sleep=sleep)
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._live: dict[str, Followed] = {}
        self._listless: dict[str, float] = {}  # tier -> until when it goes without lists
        self._work: set[asyncio.Task[None]] = set()
        self._rounds: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._places = asyncio.Semaphore(_GETS_AT_ONCE)
        self._learning = asyncio.Lock()

    def watch(self, row: TaskRow) -> None:
        """Follow the task of a row, if it has an id and is not followed yet; called on the engine's loop."""
        followed = self._live.get(row.key)
        if row.task_id is None or (followed is not None and followed.task_id == row.task_id):
            return
        now = self._monotonic()
        tier = row.service_tier or "default"
        born = now - self._age(seconds_of(row.created_at))
        each = Followed(row.key, row.task_id, tier, born, rhythm_of(None, tier, self._scale))
        each.plan(now)
        self._live[each.key] = each
        self._begin(self._learn(each, row))
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.get_running_loop().create_task(self._run())
            self._begin(self._tick(self._rounds))
        self._wake.set()

    def forget(self, key: str) -> bool:
        """Stop following a task; says whether it was followed."""
        followed = self._live.pop(key, None) is not None
        if followed:
            self._wake.set()
        return followed

    def hint(self, task_id: str) -> bool:
        """Somebody says that a task has changed: look soon, but at most once a second.

        Nothing is believed. A task that could not be read the last time waits until its turn.

        Returns
        -------
        bool
            Whether the task is followed here.
        """
        followed = [each for each in self._live.values() if each.task_id == task_id]
        for each in followed:
            if not each.failures:
                each.hinted = True
                each.hurry(self._monotonic(), _HINTS_APART * self._scale)
                self._wake.set()
        return bool(followed)

    async def stop(self) -> None:
        """Follow nothing any more."""
        self._live.clear()
        running = [*self._work, *([self._rounds] if self._rounds else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # --- when ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        await keep_going("looking at tasks", self._look_around)

    async def _look_around(self) -> bool:
        """Start the calls that are due, and wait until the next ones are; says whether there are any."""
        self._wake.clear()
        now = self._monotonic()
        idle = [each for each in self._live.values() if not each.asked]
        idle.sort(key=lambda each: each.due)
        for tier in dict.fromkeys(each.tier for each in idle):
            self._ask([each for each in idle if each.tier == tier], now)
        waiting = [each.due for each in idle if not each.asked]
        # whoever is due and was not asked for waits for the next list
        moments = [due if due > now else self._lists.free_at for due in waiting]
        await self._rest(min(moments, default=math.inf) - now)
        return bool(self._live)

    def _ask(self, idle: Sequence[Followed], now: float) -> None:
        """Start the calls of one tier that are due; those due first stand first."""
        due = [each for each in idle if each.due <= now]
        if not due:
            return
        # whoever comes due before the first would be due again
        soon = now + min(each.pause for each in due)
        count = sum(each.due <= soon for each in idle)
        listless = self._listless.get(idle[0].tier, -math.inf) > now
        hinted = [each for each in due if each.hinted]
        if listless or count < _LIST_FROM:
            single = due
        else:
            single = hinted if len(hinted) < _LIST_FROM else []
            rest = [each for each in idle if each not in single]
            if rest and rest[0].due <= now and self._lists.free_at <= now:
                self._lists.take(now)
                asked = rest[:_IDS_A_CALL]
                for each in asked:
                    each.ask(now)
                self._begin_call(partial(self._look_by_list, asked, soon), asked)
        for each in single:
            each.ask(now)
            self._begin_call(partial(self._look, each), [each])

    async def _rest(self, seconds: float) -> None:
        """Until the time is over or something has changed."""
        waits: set[asyncio.Task[Any]] = {asyncio.ensure_future(self._wake.wait())}
        if seconds < math.inf:
            waits.add(asyncio.ensure_future(self._sleep(max(0.0, seconds))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _tick(self, rounds: asyncio.Task[None]) -> None:
        async def show_time() -> bool:
            await self._sleep(_TICK_SECONDS)
            self._registry.tick()
            return not rounds.done()

        await keep_going("showing the time that passes", show_time)

    async def _learn(self, each: Followed, row: TaskRow) -> None:
        try:
            # one by one, since the first of a batch reads for all
            async with self._learning:
                each.rhythm = rhythm_of(await self._paces.of(row), each.tier, self._scale)
        except Exception:
            logger.debug("no pace for task %s: the rhythm that it has will do", each.key, exc_info=True)
            return
        if not each.asked and not each.hinted:
            each.plan(self._monotonic())
            self._wake.set()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _begin_call(self, call: Callable[[], Coroutine[Any, Any, None]], asked: Sequence[Followed]) -> None:
        """Begin a call; whatever goes wrong in it, those that it asks for are asked for again."""

        async def survive() -> None:
            try:
                await call()
            except Exception:
                logger.exception("a look at %d tasks failed, they are looked at again", len(asked))
                for each in asked:
                    each.failures += 1
                    each.plan(self._monotonic())
                    self._free(each)

        self._begin(survive())

    # --- what ---------------------------------------------------------------------------------------------

    async def _look(self, each: Followed) -> None:
        """Ask for one task."""
        async with self._places:
            await self._gets.turn()
            if self._live.get(each.key) is not each:
                return
            each.looked = self._monotonic()
            try:
                answer = await self._client.get(each.task_id)
            except Exception as error:  # noqa: BLE001 - a watcher that dies leaves paid clips behind
                await self._fail([each], error, self._gets)
            else:
                await self._hand_on(each, answer.data, 1)

    async def _look_by_list(self, asked: Sequence[Followed], soon: float) -> None:
        """Ask for tasks of one tier together, and one by one for those due by ``soon`` that are left out."""
        tier = asked[0].tier
        missing = {each.task_id: each for each in asked}
        try:
            # once: a failed list comes back in its turn, and the account's rate is kept
            answer = await self._client.list(
                task_ids=list(missing), service_tier=tier, page_size=len(missing), retries=1
            )
        except APIError as error:
            if isinstance(error, RateLimited | ServerFault):
                await self._fail(asked, error, self._lists)
                return
            # a key with Custom permission may read each task and not the list without a model
            self._listless[tier] = self._monotonic() + _LISTLESS * self._scale
        except Exception as error:  # noqa: BLE001 - as in _look
            await self._fail(asked, error, self._lists)
            return
        else:
            items = answer.data.get("items")
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and (each := missing.pop(str(item.get("id")), None)):
                    await self._hand_on(each, item, len(asked))
        for each in missing.values():
            if each.due <= soon:
                self._begin_call(partial(self._look, each), [each])
            else:
                self._free(each)

    async def _hand_on(self, each: Followed, answer: Mapping[str, Any], together: int) -> None:
        if self._live.get(each.key) is not each:
            return
        try:
            if answer != each.seen:
                row = await self._registry.record(self._journal.observed, each.key, answer)
                if row.task_id is None or row.status in FINAL:
                    self.forget(each.key)
        except Exception as error:  # noqa: BLE001 - what could not be written down is asked for again
            await self._fail([each], error)
            return
        if each.seen is None and isinstance(created := answer.get("created_at"), int | float):
            # the row's own may be of its intent, which then waited to be sent
            each.born = max(each.born, each.looked - self._age(created))
        each.seen, each.failures = answer, 0
        each.plan(self._monotonic(), together)
        self._free(each)

    async def _fail(
        self, asked: Sequence[Followed], error: Exception, spacing: Spacing | None = None
    ) -> None:
        """Note a trouble, and come back later each time."""
        now = self._monotonic()
        logger.debug("%d tasks could not be looked at, they are again later: %r", len(asked), error)
        for each in asked:
            each.seen, each.hinted = None, False
            each.failures += 1
            each.plan(now)
        if spacing and isinstance(error, RateLimited):
            hint = min(error.retry_after or 0.0, _LONGEST_HOLD)
            spacing.hold(max(now + hint, min(each.due for each in asked)))
        for each in asked:
            if self._live.get(each.key) is each:
                try:
                    await self._registry.record(self._journal.troubled, each.key, error)
                except LogError as unwritten:
                    self._registry.remark(each.key, unwritten)
                except Exception:
                    logger.exception(
                        "the trouble with task %s could not be written down: %s", each.key, error
                    )
            self._free(each)

    def _age(self, created_at: float) -> float:
        now = self._clock()
        # an answer may say anything; no number of that size is a float
        return now - created_at if 0 < created_at < now else 0.0

    def _free(self, each: Followed) -> None:
        each.asked = False
        if each.hinted:
            each.hurry(self._monotonic(), _HINTS_APART * self._scale)
        self._wake.set()
