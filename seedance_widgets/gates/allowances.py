"""What the service allows of a model at once: tasks on the default tier, tokens a day on flex.

Both go by the log, whose figure is read anew each time somebody may go, and by the places of those who are
being sent, whom the log does not show yet. A place that is handed back while the log is read still counts:
too many for one look, never too few.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from seedance_widgets.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from seedance_widgets.limits import Limits

__all__ = ["Allowance", "Asking", "Crowd", "Day", "Lane"]

Lane = Literal["interactive", "batch"]

_DAY = 86_400


class Asking(Protocol):
    """Who asks: the lane, and the tokens that the task is expected to cost."""

    lane: Lane
    tokens: int


class Allowance(Protocol):
    """One tier's rule. ``limits`` are those of the model, the catalog's values filled in."""

    limits: Limits

    async def read(self, sending: Collection[Asking]) -> None:
        """Read the log's figure; ``sending`` are those on their way now."""

    def take(self, asking: Asking) -> None:
        """Count somebody who has just been let through."""

    def obstacle(self, asking: Asking) -> str | None:
        """What keeps this one waiting, None if nothing does."""

    def refusal(self, asking: Asking) -> GateClosed | None:
        """Why waiting is of no use for this one, None if it is."""


class Crowd:
    """Tasks at once: those that run, and for a person also those that the service queues.

    A study or a list goes only where the service would run it at once, so that it never stands in front of
    what a person has just asked for.
    """

    def __init__(self, model: str, limits: Limits, live: Callable[[], Awaitable[int]]) -> None:
        self.limits = limits
        self._model = model
        self._live = live
        self._used = 0

    async def read(self, sending: Collection[Asking]) -> None:
        """Count the live tasks."""
        if self.limits.concurrency is not None:
            self._used = await self._live() + len(sending)

    def take(self, asking: Asking) -> None:  # noqa: ARG002 - every task is one
        """Count one more."""
        self._used += 1

    def obstacle(self, asking: Asking) -> str | None:
        """As in "waiting for a place: 10 of 10 seedance-1-5-pro tasks are running"."""
        running = self.limits.concurrency
        if running is None:
            return None
        most, doing = running, "running"
        if asking.lane == "interactive":
            most, doing = running + self.limits.queued, "queued or running"
        if self._used < most:
            return None
        return f"waiting for a place: {most} of {most} {self._model} tasks are {doing}"

    def refusal(self, asking: Asking) -> GateClosed | None:  # noqa: ARG002 - tasks end
        """Nobody waits in vain."""
        return None


class Day:
    """Tokens a day, counted from midnight UTC."""

    def __init__(
        self,
        model: str,
        limits: Limits,
        tokens_since: Callable[[float], Awaitable[int]],
        clock: Callable[[], float],
    ) -> None:
        self.limits = limits
        self._model = model
        self._tokens_since = tokens_since
        self._clock = clock
        self._midnight = 0.0
        self._used = 0
        self._sending = 0

    async def read(self, sending: Collection[Asking]) -> None:
        """Add up the tokens of today."""
        if self.limits.tokens_per_day is not None:
            now = self._clock()
            self._midnight = now - now % _DAY
            self._used = await self._tokens_since(self._midnight)
            self._sending = sum(asking.tokens for asking in sending)

    def take(self, asking: Asking) -> None:
        """Count the tokens of one more."""
        self._sending += asking.tokens

    def obstacle(self, asking: Asking) -> str | None:
        """Those on their way may yet be refused: worth waiting for."""
        most = self.limits.tokens_per_day
        if most is None or self._used + self._sending + asking.tokens <= most:
            return None
        return f"waiting for tokens: the last of the {most:,} that {self._model} has a day are being used"

    def refusal(self, asking: Asking) -> GateClosed | None:
        """Too many tokens for what is left of today, or for any day."""
        most = self.limits.tokens_per_day
        if most is None or self._used + asking.tokens <= most:
            return None
        text = (
            f"nothing was sent: {self._model} on flex takes {most:,} tokens a day; "
            f"{self._used:,} are used and this needs {asking.tokens:,}"
        )
        if asking.tokens > most:
            return GateClosed(text)
        until = datetime.fromtimestamp(self._midnight + _DAY, UTC)
        return GateClosed(f"{text}. The next day begins at {until:%Y-%m-%d %H:%M} UTC.", until=until)
