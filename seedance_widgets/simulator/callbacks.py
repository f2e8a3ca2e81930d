"""Deliver callbacks: one POST a change of status, with the service's retries.

A task that ended is announced up to three times more when no success answer comes within 5 seconds;
other statuses once. Only addresses on this machine are called: a simulator does not reach out.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from seedance_widgets.simulator.service import Service

__all__ = ["Callbacks"]

_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 5.0
_MORE_TRIES = 3
_TICK_SECONDS = 0.05


class Callbacks:
    """Sends what is due, as long as any task may still change."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Have the running loop deliver until nothing is left to announce."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        # a simulator that is closed has nothing left to announce
        with contextlib.suppress(sqlite3.ProgrammingError):
            await self._deliver_all()

    async def _deliver_all(self) -> None:
        while await asyncio.to_thread(self._pending):
            if due := await asyncio.to_thread(self._due):
                # made only here: its TLS setup takes longer than a create, and few tasks ask for callbacks
                async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
                    for callback in due:
                        outcome = await self._post(client, callback)
                        await asyncio.to_thread(self._settle, callback, outcome)
            await asyncio.sleep(_TICK_SECONDS)

    def _pending(self) -> bool:
        now = self._service.clock()
        with self._service.world.transaction(now) as world:
            if world.due_callbacks(float("inf")):
                return True
            return any(
                task.facts["callback_url"] and task.status in ("queued", "running") for task in world.tasks()
            )

    def _due(self) -> list[dict[str, Any]]:
        now = self._service.clock()
        with self._service.world.transaction(now) as world:
            return world.due_callbacks(now)

    async def _post(self, client: httpx.AsyncClient, callback: dict[str, Any]) -> str:
        if not _is_local(callback["url"]):
            return "not delivered: not an address of this machine"
        try:
            answer = await client.post(callback["url"], json=json.loads(callback["body"]))
        except httpx.HTTPError as error:
            return f"failed: {type(error).__name__}"
        return "delivered" if answer.is_success else f"failed: HTTP {answer.status_code}"

    def _settle(self, callback: dict[str, Any], outcome: str) -> None:
        again = (
            outcome.startswith("failed")
            and callback["status"] in ("succeeded", "failed")
            and callback["tries"] < _MORE_TRIES
        )
        now = self._service.clock()
        with self._service.world.transaction(now) as world:
            world.settle_callback(
                callback["number"],
                tries=callback["tries"] + 1,
                due_at=now + _RETRY_SECONDS / self._service.speed,
                outcome=None if again else outcome,
            )


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
