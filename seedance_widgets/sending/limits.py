"""How fast and how much is sent: the limits, what the log says is used of them, and who may go by that.

The default tier has tasks at once, flex has tokens a day. Both go by the log, whose figure is read anew each
time somebody may go, and by the places of those who are being sent, whom the log does not show yet. A place
that is left while the log is read still counts: too many for one look, never too few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import GateClosed, InvalidRequest, Problem
from seedance_widgets.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.log.journal import Journal

__all__ = ["Allowance", "Asking", "Crowd", "Day", "Lane", "Limits", "Usage"]

Lane = Literal["interactive", "batch"]
# the others count something
_RATES = ("lists_per_second", "gets_per_second")
_FROM_CATALOG = ("rpm", "concurrency", "tokens_per_day")


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast and how much is sent. None stands for what the catalog says of the model.

    Parameters
    ----------
    rpm
        Creates a minute and model, default tier.
    concurrency
        Tasks of a model that the service runs at once, default tier.
    tokens_per_day
        Tokens a day and model, flex, from midnight UTC.
    queued
        Tasks of a model that may stand in the service's own queue, beyond those that run. The service took
        120 an account in 2025 (ModelArk docs 1520757); later figures are not known.
    lists_per_second, gets_per_second
        Status calls of a studio. An account has 1 LIST and 20 GETs a second (reported, not official).

    Raises
    ------
    InvalidRequest
        A value is not a number, or too small; all faults at once.
    """

    rpm: int | None = None
    concurrency: int | None = None
    tokens_per_day: int | None = None
    queued: int = 100
    lists_per_second: float = 1.0
    gets_per_second: float = 20.0

    def __post_init__(self) -> None:
        problems = [
            problem
            for item in fields(self)
            if (problem := _fault(item.name, getattr(self, item.name))) is not None
        ]
        if problems:
            raise InvalidRequest(problems, refused="these limits cannot be kept")

    def of(self, model: Model) -> Limits:
        """These limits with the catalog's values of a model filled in; None is left where it has none."""
        filled = {name: getattr(model.limits, name) for name in _FROM_CATALOG if getattr(self, name) is None}
        return replace(self, **filled)


def _fault(name: str, value: object) -> Problem | None:
    if value is None and name in _FROM_CATALOG:
        return None
    if name in _RATES:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and 0 < value < math.inf:  # type: ignore[operator]  # narrowed by the line above
            return None
        return Problem(name, value, "a number of calls a second, above 0")
    least = 0 if name == "queued" else 1
    if isinstance(value, int) and not isinstance(value, bool):
        if value >= least:
            return None
        return Problem(name, value, f"at least {least}", nearest=least)
    return Problem(name, value, f"a whole number from {least} on")


class Usage:
    """What the log says is used of a limit, of every kernel on it, read off the loop.

    An intent of our own that is being sent is counted by its gate, not here.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def live(self, wire_model: str, tier: str) -> int:
        """How many tasks of a model the service has queued or running."""
        return await engine.write(self._journal.live, wire_model, tier)

    async def tokens_since(self, wire_model: str, tier: str, since: float) -> int:
        """Tokens, billed or else estimated, of the tasks accepted since then (seconds since 1970)."""
        return await engine.write(self._journal.tokens_since, wire_model, tier, since)


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

    def __init__(self, model: Model, limits: Limits, usage: Usage) -> None:
        self.limits = limits
        self._model = model
        self._usage = usage
        self._used = 0

    async def read(self, sending: Collection[Asking]) -> None:
        """Count the live tasks."""
        if self.limits.concurrency is not None:
            self._used = await self._usage.live(self._model.wire_id, "default") + len(sending)

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
        return f"waiting for a place: {most} of {most} {self._model.name} tasks are {doing}"

    def refusal(self, asking: Asking) -> GateClosed | None:  # noqa: ARG002 - tasks end
        """Nobody waits in vain."""
        return None


class Day:
    """Tokens a day, counted from midnight UTC."""

    def __init__(
        self,
        model: Model,
        limits: Limits,
        usage: Usage,
        clock: Callable[[], float],
    ) -> None:
        self.limits = limits
        self._model = model
        self._usage = usage
        self._clock = clock
        self._midnight = 0.0
        self._used = 0
        self._sending = 0

    async def read(self, sending: Collection[Asking]) -> None:
        """Add up the tokens of today."""
        if self.limits.tokens_per_day is not None:
            now = self._clock()
            self._midnight = now - now % DAY
            self._used = await self._usage.tokens_since(self._model.wire_id, "flex", self._midnight)
            self._sending = sum(asking.tokens for asking in sending)

    def take(self, asking: Asking) -> None:
        """Count the tokens of one more."""
        self._sending += asking.tokens

    def obstacle(self, asking: Asking) -> str | None:
        """Those on their way may yet be refused: worth waiting for."""
        most = self.limits.tokens_per_day
        if most is None or self._used + self._sending + asking.tokens <= most:
            return None
        return (
            f"waiting for tokens: the last of the {most:,} that {self._model.name} has a day are being used"
        )

    def refusal(self, asking: Asking) -> GateClosed | None:
        """Too many tokens for what is left of today, or for any day."""
        most = self.limits.tokens_per_day
        if most is None or self._used + asking.tokens <= most:
            return None
        text = (
            f"nothing was sent: {self._model.name} on flex takes {most:,} tokens a day; "
            f"{self._used:,} are used and this needs {asking.tokens:,}"
        )
        if asking.tokens > most:
            return GateClosed(text)
        until = datetime.fromtimestamp(self._midnight + DAY, UTC)
        return GateClosed(f"{text}. The next day begins at {until:%Y-%m-%d %H:%M} UTC.", until=until)
