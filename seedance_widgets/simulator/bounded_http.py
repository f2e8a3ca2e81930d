"""HTTP connections of a server that strangers may reach: so many, and none that waits for ever.

Whoever opens connections and says nothing would use up the file descriptors of the whole process, and with
them the log and the downloads of paid clips. So there is a most; beyond it, whoever has kept the server
waiting longest has to go, and the newest one where the server is at work for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["BACKLOG", "BoundedProtocol"]

BACKLOG = 64
"""Connections that are taken in at once, each with a file descriptor, before the most is looked at."""
_MOST = 200
_HEADER_SECONDS = 10.0
_BODY_SECONDS = 60.0


class BoundedProtocol(H11Protocol):
    """One connection of uvicorn's, which is closed where its client keeps the server waiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waits_since = self.loop.time()
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, and let another go where there are too many."""
        super().connection_made(transport)
        self._look_later(_HEADER_SECONDS)
        if len(self.connections) > _MOST:
            others: set[Any] = self.connections - {self}
            waiting = [each for each in others if each.seconds_left() is not None]
            longest = min(waiting, key=lambda each: each.waits_since, default=self)
            longest.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request from now on."""
        super().on_response_complete()
        self.waits_since = self.loop.time()

    def seconds_left(self) -> float | None:
        """How long its client may still keep the server waiting; None where the server is at work for it."""
        most = {h11.IDLE: _HEADER_SECONDS, h11.SEND_BODY: _BODY_SECONDS}.get(self.conn.their_state)
        return None if most is None else self.waits_since + most - self.loop.time()

    def drop(self) -> None:
        """Close it at once."""
        self.connections.discard(self)
        self.transport.abort()

    def _look_later(self, seconds: float) -> None:
        self._look = self.loop.call_later(seconds, self._look_now)

    def _look_now(self) -> None:
        left = self.seconds_left()
        if left is not None and left <= 0:
            self.drop()
        else:
            self._look_later(_HEADER_SECONDS if left is None else left)
