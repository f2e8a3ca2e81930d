"""Many requests one after the other, a few of each gate at a time.

Only a few intents wait at a gate at a time. A kernel that is killed thus leaves few creates of which nobody
knows whether they were sent, and a service that turns one away for good is not asked a hundred times.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seedance_widgets.errors import RequestRejected, SeedanceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator

    from seedance_widgets.request.task_request import TaskRequest

__all__ = ["InTurn", "look_on"]

_AHEAD = 4
_LOOK_SECONDS = 1.0
T = TypeVar("T")


class InTurn(Generic[T]):
    """Sends what it is given, until it is done, halted, or the service will take no more.

    Parameters
    ----------
    send
        Begins one and waits until the service has accepted it, or raises why it did not.
    request_of
        The request of one, which says which gate it goes through.

    Attributes
    ----------
    stopped : dict
        Why nothing more goes through a gate, by gate.
    order : asyncio.Lock
        Held by who begins one, until its intent is in the log: so the log has them in the order given.
    """

    def __init__(self, send: Callable[[T], Awaitable[None]], request_of: Callable[[T], TaskRequest]) -> None:
        self.stopped: dict[str, str] = {}
        self.is_halted = False
        self.order = asyncio.Lock()
        self._send = send
        self._request_of = request_of

    def halt(self) -> None:
        """Begin nothing any more."""
        self.is_halted = True

    async def go(self, wanted: Iterable[T]) -> None:
        """Send the requests of each gate in a queue of its own; returns when none is to be sent any more."""
        by_gate: dict[str, list[T]] = defaultdict(list)
        for one in wanted:
            request = self._request_of(one)
            by_gate[f"{request.spec.wire_id} {request.effective('service_tier')}"].append(one)
        async with asyncio.TaskGroup() as group:
            for gate, queue in by_gate.items():
                waiting = iter(queue)
                for _ in range(_AHEAD):
                    group.create_task(self._work(gate, waiting))

    async def _work(self, gate: str, waiting: Iterator[T]) -> None:
        """Send one after the other."""
        for one in waiting:
            if self.is_halted or gate in self.stopped:
                return
            try:
                await self._send(one)
            except SeedanceError as error:
                if not _is_about_content(error):
                    self.stopped[gate] = str(error)


async def look_on(work: Coroutine[Any, Any, None], look: Callable[[], Awaitable[None]]) -> None:
    """Do some work to its end, with a look at it about once a second.

    Whoever ends the waiting ends the work too; what was sent by it goes on.
    """
    doing = asyncio.ensure_future(work)
    try:
        while not doing.done():
            await look()
            await asyncio.wait([doing], timeout=_LOOK_SECONDS)
    finally:
        doing.cancel()
    await doing


def _is_about_content(error: SeedanceError) -> bool:
    """Whether the next may fare better: not at a closed gate, or with a used-up quota or budget."""
    code = (error.code if isinstance(error, RequestRejected) else None) or ""
    return "SensitiveContentDetected" in code or code.startswith(("InvalidParameter", "MissingParameter"))
