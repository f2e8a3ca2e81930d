"""The gate of one model and tier: who waits, who is being sent, and when the next one may go.

Who waits stands in one of two lanes, in the order of their turns, and the lanes go in turn. While anybody
waits, one asyncio task looks: at once when something has changed, when a pause or a minute is over, and
every 2 seconds in any case, for other kernels end tasks too. Nobody is told of a wait under a second.

After a pause that the service asked for, one goes first and the others see how it fares: fifty that go at
once would be refused at once.
"""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from seedance_widgets.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.gates.allowances import Allowance, Lane
    from seedance_widgets.gates.place import Place

__all__ = ["Gate"]

_MINUTE = 60.0
_LOOK_SECONDS = 2.0
_QUIET_SECONDS = 1.0


class _Shut(NamedTuple):
    """Why nobody at all may go, and until when by the monotonic clock, None if that is not known."""

    about: object
    text: str
    until: float | None


class Gate:
    """The gate of one model and tier.

    Parameters
    ----------
    model
        Its name, for people.
    allowance
        The tier's rule.
    rpm
        Requests in any 60 seconds, None for no limit.
    monotonic, sleep
        Seconds that only grow, and a pause in them.
    closed
        Why nobody gets through, None where that is not so.
    """

    def __init__(
        self,
        model: str,
        allowance: Allowance,
        *,
        rpm: int | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        closed: str | None = None,
    ) -> None:
        self.allowance = allowance
        self.rpm = rpm
        self._model = model
        self._monotonic = monotonic
        self._sleep = sleep
        self._closed = closed
        self._lanes: dict[Lane, list[Place]] = {"interactive": [], "batch": []}
        self._last: Lane = "batch"
        self._sending: set[Place] = set()
        self._sent: deque[float] = deque()
        self._held_until = -math.inf
        self._held_for = ""
        self._feeling = False
        self._changed = False
        self._nap: asyncio.Future[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    # --- what happens to it ------------------------------------------------------------------------------

    def queue(self, place: Place) -> None:
        """Take a place into its lane."""
        if self._closed is not None:
            raise GateClosed(f"nothing was sent: {self._closed}")
        place.since = self._monotonic()
        insort(self._lanes[place.lane], place, key=lambda waiting: waiting.turn)
        self.look()

    def left(self, place: Place) -> None:
        """Count no longer one who was sent, but for another minute against the requests a minute.

        The service may have seen the request at any moment until now: a minute from here is a minute there.
        """
        if place not in self._sending:
            return
        self._sending.discard(place)
        self._sent.append(self._monotonic())
        if place.passed_at is not None and place.passed_at >= self._held_until:
            self._feeling = False
        self.look()

    def dropped(self, place: Place) -> None:
        """Forget one who gave up before sending."""
        self._sending.discard(place)
        if place in self._lanes[place.lane]:
            self._lanes[place.lane].remove(place)
        self.look()

    def hold(self, seconds: float, reason: str) -> None:
        """Let nobody through for so long; never shortens a hold."""
        until = self._monotonic() + seconds
        if until > self._held_until:
            self._held_until, self._held_for = until, reason
        self._feeling = True
        self.look()

    def refuse(self, reason: str, cause: Exception | None = None) -> None:
        """Turn away everybody who waits now."""
        for queue in self._lanes.values():
            while queue:
                error = GateClosed(f"nothing was sent: {reason}")
                error.__cause__ = cause
                queue.pop(0).turn_away(error)

    def close(self, reason: str) -> None:
        """Turn away everybody, from now on."""
        self._closed = reason
        self.refuse(reason)

    def look(self) -> None:
        """Something has changed: see who may go now."""
        self._changed = True
        if self._nap is not None:
            self._nap.cancel()
        if self._somebody_waits() and (self._watch is None or self._watch.done()):
            self._watch = asyncio.get_running_loop().create_task(self._run())

    # --- while somebody waits ----------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while self._somebody_waits():
                self._changed = False
                shut = await self._let_through()
                self._tell(shut)
                if self._somebody_waits() and not self._changed:
                    await self._rest(self._next_look(shut) - self._monotonic())
        except Exception as error:  # noqa: BLE001 - nobody may wait for a gate that has stopped looking
            self.refuse(f"the log cannot be counted ({error})", error)

    async def _let_through(self) -> _Shut | None:
        """Let through who may go; returns why nobody else may, None where that differs by lane."""
        if shut := self._shut():
            return shut
        await self.allowance.read(tuple(self._sending))
        while not (shut := self._shut()) and (place := self._next()):
            self._lanes[place.lane].remove(place)
            self._last = place.lane
            self._sending.add(place)
            self.allowance.take(place)
            place.let_through(self._monotonic())
        return shut

    def _next(self) -> Place | None:
        """Who goes next: from the lane whose turn it is, or else from the other."""
        for lane in sorted(self._lanes, key=lambda lane: lane == self._last):
            queue = self._lanes[lane]
            while queue and (error := self.allowance.refusal(queue[0])) is not None:
                queue.pop(0).turn_away(error)
            if queue and self.allowance.obstacle(queue[0]) is None:
                return queue[0]
        return None

    def _shut(self) -> _Shut | None:
        now = self._monotonic()
        hold = (self._held_until, self._held_for)
        if now < self._held_until:
            text = f"waiting {math.ceil(self._held_until - now)} s: {self._held_for}"
            return _Shut(hold, text, self._held_until)
        if self._feeling and any((place.passed_at or 0.0) >= self._held_until for place in self._sending):
            text = f"waiting for how the first one fares after the pause: {self._held_for}"
            return _Shut(hold, text, None)  # no news to those who know of the hold
        while self._sent and self._sent[0] + _MINUTE <= now:
            self._sent.popleft()
        if self.rpm is not None and len(self._sent) + len(self._sending) >= self.rpm:
            text = f"waiting for a place: {self.rpm} of {self.rpm} {self._model} requests a minute are sent"
            return _Shut(text, text, self._sent[0] + _MINUTE if self._sent else None)
        return None

    def _tell(self, shut: _Shut | None) -> None:
        now = self._monotonic()
        for queue in self._lanes.values():
            if not queue:
                continue
            text = shut.text if shut else self.allowance.obstacle(queue[0])
            for place in queue:
                if text is not None and place.since + _QUIET_SECONDS <= now:
                    place.tell(shut.about if shut else text, text)

    def _next_look(self, shut: _Shut | None) -> float:
        now = self._monotonic()
        until = now + _LOOK_SECONDS if shut is None or shut.until is None else shut.until
        quiet = (place.since + _QUIET_SECONDS for queue in self._lanes.values() for place in queue)
        return min([until, *(end for end in quiet if end > now)])

    async def _rest(self, seconds: float) -> None:
        self._nap = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({self._nap})
        finally:
            self._nap.cancel()
            self._nap = None

    def _somebody_waits(self) -> bool:
        return any(self._lanes.values())
