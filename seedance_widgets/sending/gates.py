"""Where a create waits between its durable intent and its POST; one gate for each wire model and tier.

The default tier has requests a minute and tasks at once, flex has tokens a day (ModelArk docs 1366799). What
the service answers all the same is handed in: `Gates.hold` for "later", `Gates.refuse` for "not until
somebody acts". Everything here runs on one event loop and needs no lock.

Who waits stands in one of two lanes, in the order of their turns, and the lanes go in turn. While anybody
waits, one asyncio task looks: at once when something has changed, when a pause or a minute is over, and every
2 seconds in any case, for other kernels end tasks too. A wait under a second has no reason given. After a
pause that the service asked for, one goes first and the others see how it fares: fifty at once would be
refused at once.

>>> with gates.place(spec, "default", 100_000) as place:                         # doctest: +SKIP
...     async for reason in place.wait():
...         print(reason)
...     answer = await client.create(body)
...     await registry.record(journal.accepted, key, answer)
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

from seedance_widgets.errors import GateClosed, LogError
from seedance_widgets.sending.limits import Crowd, Day

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.sending.limits import Allowance, Lane, Limits, Usage

__all__ = ["Gate", "Gates", "Place"]

_MINUTE = 60.0
_LOOK_SECONDS = 2.0
_QUIET_SECONDS = 1.0
_FAILURES = 5  # one after the other; nobody is to wait for ever
logger = logging.getLogger(__name__)


class Gates:
    """The gates of one log.

    Parameters
    ----------
    limits
        What to keep to.
    usage
        What the log says is used of them.
    clock
        Seconds since 1970 UTC; tells where a day begins.
    monotonic, sleep
        Seconds that only grow, and a pause in them.
    """

    def __init__(
        self,
        limits: Limits,
        usage: Usage,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._usage = usage
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._gates: dict[tuple[str, str], Gate] = {}
        self._turns = itertools.count()
        self._closed: str | None = None

    def place(self, spec: Model, tier: str, tokens: int | None, lane: Lane = "interactive") -> Place:
        """A place at the gate, for one create: `Place.wait` until it may be sent.

        Parameters
        ----------
        spec
            The model.
        tier
            ``default`` or ``flex``.
        tokens
            What the task is expected to cost at most, None where that is not known.
        lane
            ``interactive`` for what a person asked for, ``batch`` for one of many: each lane in its own
            order, the two in turn, and ``batch`` only where the service would run the task at once.

        Returns
        -------
        Place
            A context manager, to be left when the row says how the sending ended.
        """
        return Place(self._gate(spec, tier), next(self._turns), lane, tokens or 0)

    def look(self) -> None:
        """Some task has ended: see who may go."""
        for gate in self._gates.values():
            gate.look()

    def hold(self, spec: Model, tier: str, seconds: float, reason: str) -> None:
        """Send nothing of this model and tier for so long, as after a 429; then one first, to see.

        A hold is never shortened: several at once end with the last.
        """
        self._gate(spec, tier).hold(seconds, reason)

    def refuse(self, spec: Model, tier: str, reason: str) -> None:
        """Turn away all who wait now, as after a used-up quota; who comes later tries again."""
        self._gate(spec, tier).refuse(reason)

    def close(self, reason: str) -> None:
        """Turn away all who wait and all who come, as when the studio is closed."""
        self._closed = reason
        for gate in self._gates.values():
            gate.close(reason)

    def _gate(self, spec: Model, tier: str) -> Gate:
        limits = self._limits.of(spec)
        wire = spec.wire_id
        gate = self._gates.get((wire, tier))
        if gate is None:
            gate = self._gates[wire, tier] = Gate(
                spec.name,
                self._allowance(spec, tier, limits),
                rpm=None,
                monotonic=self._monotonic,
                sleep=self._sleep,
                closed=self._closed,
            )
        # the catalog may have been told better since the gate was made
        gate.allowance.limits = limits
        gate.rpm = None if tier == "flex" else limits.rpm
        return gate

    def _allowance(self, spec: Model, tier: str, limits: Limits) -> Allowance:
        if tier == "flex":
            return Day(spec, limits, self._usage, self._clock)
        return Crowd(spec, limits, self._usage)


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

    def drop(self, place: Place) -> None:
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
        failures = 0
        while self._somebody_waits():
            try:
                self._changed = False
                shut = await self._let_through()
                self._give_reasons(shut)
                if self._somebody_waits() and not self._changed:
                    await self._rest(self._next_look(shut) - self._monotonic())
                failures = 0
            except Exception as error:
                failures += 1
                if isinstance(error, LogError) or failures == _FAILURES:
                    self.refuse(f"the log cannot be counted ({error})", error)
                    return
                logger.exception("the gate of %s failed to look who may go, it looks again", self._model)
                await self._sleep(_LOOK_SECONDS)

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

    def _give_reasons(self, shut: _Shut | None) -> None:
        now = self._monotonic()
        for queue in self._lanes.values():
            if not queue:
                continue
            text = shut.text if shut else self.allowance.obstacle(queue[0])
            for place in queue:
                if text is not None and place.since + _QUIET_SECONDS <= now:
                    place.keep_waiting(shut.about if shut else text, text)

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


class Place:
    """One request's turn at a gate; a context manager that leaves it at its end.

    Leave it when the row says how the sending ended: until then the gate counts the place, from then on the
    log counts the row.
    """

    def __init__(self, gate: Gate, turn: int, lane: Lane, tokens: int) -> None:
        self.lane = lane
        self.tokens = tokens
        self.turn = turn
        self.since = 0.0
        self.passed_at: float | None = None
        self._gate = gate
        self._news = asyncio.Event()
        self._error: GateClosed | None = None
        self._last_cause: object = None
        self._reason: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Leave the place; a second time does nothing."""
        if self.passed_at is None:
            self._gate.drop(self)
        else:
            self._gate.left(self)

    async def wait(self) -> AsyncIterator[str]:
        """Wait until the request may be sent.

        Waited for once more, after an answer which proves that nothing was made, the place keeps its turn.

        Yields
        ------
        str
            Why it waits, if the wait is longer than about a second, and again whenever the reason changes.

        Raises
        ------
        GateClosed
            Waiting is of no use; nothing was sent.
        """
        if self.passed_at is not None:
            self._gate.left(self)
        self.passed_at = self._last_cause = self._reason = None
        self._news.clear()
        try:
            self._gate.queue(self)
            while self.passed_at is None:
                await self._news.wait()
                self._news.clear()
                if self._error is not None:
                    raise self._error
                if self._reason is not None:
                    reason, self._reason = self._reason, None
                    yield reason
        except BaseException:
            self._gate.drop(self)
            raise

    def let_through(self, now: float) -> None:
        """Called by the gate: it is this one's turn."""
        self.passed_at = now
        self._reason = None
        self._news.set()

    def turn_away(self, error: GateClosed) -> None:
        """Called by the gate: waiting is of no use."""
        self._error = error
        self._news.set()

    def keep_waiting(self, cause: object, reason: str) -> None:
        """Called by the gate: what keeps this one waiting; yielded once for each cause."""
        if cause != self._last_cause:
            self._last_cause, self._reason = cause, reason
            self._news.set()
