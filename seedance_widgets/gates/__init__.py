"""Where a create waits between its durable intent and its POST; one gate a wire model and tier.

The default tier has requests a minute and tasks at once, flex has tokens a day (ModelArk docs 1366799).
What the service answers all the same is handed in: `Gates.hold` for "later", `Gates.refuse` for "not until
somebody acts". Everything here runs on one event loop and needs no lock.

>>> with await gates.enter(spec, "default", 100_000, waiting=note) as place:     # doctest: +SKIP
...     answer = await client.create(body)
...     await journal_accepted(answer)
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

from seedance_widgets.gates.allowances import Crowd, Day
from seedance_widgets.gates.gate import Gate
from seedance_widgets.gates.place import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.gates.allowances import Allowance, Lane
    from seedance_widgets.limits import Limits
    from seedance_widgets.model import Model

__all__ = ["Gates"]


class Gates:
    """The gates of one log.

    Parameters
    ----------
    limits
        What to keep to.
    live
        Given a wire model and a tier, counts the tasks that the service has queued or running, of every
        kernel on this log. An intent of our own that is being sent is counted here, not there.
    tokens_since
        Given a wire model, a tier and a time (seconds since 1970), adds up the tokens, billed or else
        estimated, of the tasks accepted since then.
    clock
        Seconds since 1970 UTC; tells where a day begins.
    monotonic, sleep
        Seconds that only grow, and a pause in them.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        live: Callable[[str, str], Awaitable[int]],
        tokens_since: Callable[[str, str, float], Awaitable[int]],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._live = live
        self._tokens_since = tokens_since
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._gates: dict[tuple[str, str], Gate] = {}
        self._turns = itertools.count()
        self._closed: str | None = None

    async def enter(
        self,
        spec: Model,
        tier: str,
        tokens: int | None,
        *,
        lane: Lane = "interactive",
        waiting: Callable[[str], Awaitable[None]],
    ) -> Place:
        """Wait until one create may be sent.

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
        waiting
            Told why, if the wait is longer than about a second, and again whenever the reason changes.
            What it raises ends the wait.

        Returns
        -------
        Place
            To be handed back when the row says how the sending ended.

        Raises
        ------
        GateClosed
            Waiting is of no use; nothing was sent.
        """
        place = Place(self._gate(spec, tier), next(self._turns), lane, tokens or 0, waiting)
        await place.stand()
        return place

    def ended(self) -> None:
        """Some task has ended, or a row has changed: see who may go."""
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
        wire = spec.wire_id
        if tier == "flex":
            return Day(spec.name, limits, lambda since: self._tokens_since(wire, tier, since), self._clock)
        return Crowd(spec.name, limits, lambda: self._live(wire, tier))
