"""What one request holds while it waits at its gate, and while it is being sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.errors import GateClosed
    from seedance_widgets.gates.allowances import Lane
    from seedance_widgets.gates.gate import Gate

__all__ = ["Place"]


class Place:
    """One request's turn at a gate; a context manager that hands it back at its end.

    Hand it back when the row says how the sending ended: until then the gate counts the place, from then
    on the log counts the row.
    """

    def __init__(
        self, gate: Gate, turn: int, lane: Lane, tokens: int, waiting: Callable[[str], Awaitable[None]]
    ) -> None:
        self.lane = lane
        self.tokens = tokens
        self.turn = turn
        self.since = 0.0
        self.passed_at: float | None = None
        self._gate = gate
        self._waiting = waiting
        self._news = asyncio.Event()
        self._error: GateClosed | None = None
        self._told: object = None
        self._to_tell: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Hand the place back; a second time does nothing."""
        self._gate.left(self)

    async def again(self) -> None:
        """Wait once more after an answer which proves that nothing was made, with the old turn.

        Raises
        ------
        GateClosed
            Nobody gets through any more; nothing was sent.
        """
        self.leave()
        await self.stand()

    async def stand(self) -> None:
        """Wait for one's turn; see `again`."""
        self.passed_at = self._told = self._to_tell = None
        self._news.clear()
        try:
            self._gate.queue(self)
            while self.passed_at is None:
                await self._news.wait()
                self._news.clear()
                if self._error is not None:
                    raise self._error
                if self._to_tell is not None:
                    text, self._to_tell = self._to_tell, None
                    await self._waiting(text)
        except BaseException:
            self._gate.dropped(self)
            raise

    def let_through(self, now: float) -> None:
        """Called by the gate: it is this one's turn."""
        self.passed_at = now
        self._to_tell = None
        self._news.set()

    def turn_away(self, error: GateClosed) -> None:
        """Called by the gate: waiting is of no use."""
        self._error = error
        self._news.set()

    def tell(self, about: object, text: str) -> None:
        """Called by the gate: what keeps this one waiting; said once for each cause."""
        if about != self._told:
            self._told, self._to_tell = about, text
            self._news.set()
