"""One watcher for all live tasks of a studio: asks the service, hands answers on, notes troubles.

A few tasks are asked for one by one, more of them by list: one list call a round serves any number.
Tasks on flex have a list of their own. An id that a list leaves out is confirmed by GET, and a 404 there
is only noted: a wrong key looks the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import APIError, RateLimited, ServerFault, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from seedance_widgets.client import Client

__all__ = ["Watcher"]

_LIST_FROM = 4  # live tasks of one tier
_IDS_A_CALL = 150  # 41 bytes an id: many gateways stop at 8 kB of address
_GETS_AT_ONCE = 10
_SLOWEST = 30.0
_DOUBLINGS = 8


class Watcher:
    """Follows live tasks until they end.

    Parameters
    ----------
    client
        Of the service.
    observed
        Given a key and an answer, returns whether the task is over.
    troubled
        Given a key and an error that changes no status.
    ticked
        Called once a round.
    interval
        Seconds between rounds.
    """

    def __init__(
        self,
        client: Client,
        *,
        observed: Callable[[str, Mapping[str, Any]], Awaitable[bool]],
        troubled: Callable[[str, Exception], Awaitable[None]],
        ticked: Callable[[], None],
        interval: float,
    ) -> None:
        self._client = client
        self._observed = observed
        self._troubled = troubled
        self._ticked = ticked
        self._interval = interval
        self._live: dict[str, tuple[str, str]] = {}  # key -> task id, tier
        self._round: asyncio.Task[None] | None = None
        self._failures = 0

    def watch(self, key: str, task_id: str, tier: str) -> None:
        """Follow a task from now on; called on the engine's loop."""
        self._live[key] = (task_id, tier)
        if self._round is None or self._round.done():
            self._round = asyncio.get_running_loop().create_task(self._run())

    def forget(self, key: str) -> None:
        """Stop following a task."""
        self._live.pop(key, None)

    async def stop(self) -> None:
        """Follow nothing any more."""
        self._live.clear()
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)

    async def _run(self) -> None:
        while self._live:
            await asyncio.sleep(min(_SLOWEST, self._interval * 2 ** min(self._failures, _DOUBLINGS)))
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - a watcher that dies leaves paid clips behind
                self._failures += 1
                for key in list(self._live):
                    with contextlib.suppress(Exception):
                        await self._troubled(key, error)
            else:
                self._failures = 0
            with contextlib.suppress(Exception):
                self._ticked()

    async def _look(self) -> None:
        by_tier: dict[str, dict[str, str]] = {}
        for key, (task_id, tier) in self._live.items():
            by_tier.setdefault(tier, {})[task_id] = key
        single: dict[str, str] = {}
        for tier, keys in by_tier.items():
            single |= keys if len(keys) < _LIST_FROM else await self._look_by_list(tier, keys)
        limit = asyncio.Semaphore(_GETS_AT_ONCE)

        async def look(task_id: str, key: str) -> None:
            async with limit:
                try:
                    answer = await self._client.get(task_id)
                except ServiceError as error:
                    await self._troubled(key, error)
                else:
                    await self._hand_on(key, answer.data)

        await asyncio.gather(*(look(task_id, key) for task_id, key in single.items()))

    async def _look_by_list(self, tier: str, keys: dict[str, str]) -> dict[str, str]:
        """Hand on what lists say; returns what they left out."""
        missing = dict(keys)
        ids = list(keys)
        for start in range(0, len(ids), _IDS_A_CALL):
            asked = ids[start : start + _IDS_A_CALL]
            try:
                answer = await self._client.list(task_ids=asked, service_tier=tier, page_size=len(asked))
            except APIError as error:
                if isinstance(error, RateLimited | ServerFault):
                    raise
                # a key with Custom permission may read each task and not the list without a model
                break
            items = answer.data.get("items")
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and (key := missing.pop(str(item.get("id")), None)):
                    await self._hand_on(key, item)
        return missing

    async def _hand_on(self, key: str, answer: Mapping[str, Any]) -> None:
        if await self._observed(key, answer):
            self.forget(key)
