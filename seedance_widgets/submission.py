"""Send one request exactly once: the durable intent first, then the gate, then the POST, then the durable id.

A create has no idempotency key, so it is repeated only when an answer proves that nothing was made: the
call never left, or the service refused it before any work. Whatever else happens, the row says what is
known, and nothing is re-sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from typing import TYPE_CHECKING, Any

import httpx

from seedance_widgets.engine import engine
from seedance_widgets.errors import (
    AnswerLost,
    APIError,
    GateClosed,
    InvalidRequest,
    LogError,
    NotSent,
    ServerFault,
)
from seedance_widgets.refusals import is_retryable_refusal, refuses_every_create

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.client import Answer, Client
    from seedance_widgets.errors import ServiceError
    from seedance_widgets.gates import Gates
    from seedance_widgets.gates.allowances import Lane
    from seedance_widgets.gates.place import Place
    from seedance_widgets.log.journal import Intent, Journal, Row
    from seedance_widgets.pricing import Estimate

__all__ = ["Submission"]

_CONNECT_TRIES = 3
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
# a queue that has not drained by then is a refusal that a person should hear of
_PATIENCE = 900.0
_WRITE_TRIES = 10


class Submission:
    """One intent on its way to the service; runs on the engine.

    Parameters
    ----------
    client, journal, gates
        Of the studio.
    intent
        What to send.
    estimate
        Of its request.
    publish
        Given each newer row.
    sleep
        Waits for some seconds, or until the studio is closed.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        gates: Gates,
        intent: Intent,
        estimate: Estimate,
        *,
        publish: Callable[[Row], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._journal = journal
        self._gates = gates
        self._intent = intent
        self._tokens = estimate.tokens_max
        self._spec = estimate.request.spec
        self._tier = estimate.request.effective("service_tier")
        self._publish = publish
        self._sleep = sleep

    async def send(self, lane: Lane) -> Row:
        """Wait for a place in a lane, send, and record the outcome.

        Returns
        -------
        Row
            With status queued, rejected, not_created or unknown; it is published already.

        Raises
        ------
        LogError
            The outcome could not be written down; the message says what it was.
        """
        try:
            place = await self._gates.enter(
                self._spec, self._tier, self._tokens, lane=lane, waiting=self._waiting
            )
            with place:
                row = await self._sent(place)
        except GateClosed as closed:
            row = await self._not_made(str(closed))
        self._publish(row)
        return row

    async def _sent(self, place: Place) -> Row:  # noqa: C901 - one branch an outcome, in one place on purpose
        key, tries, waited = self._intent.key, 0, 0.0
        while True:
            tries += 1
            row = await self._log(f"Task {key} was not sent.", self._journal.row)
            if row["status"] != "intent":  # this machine slept, and another kernel has settled the row
                return row
            try:
                answer = await self._client.create(self._intent.body)
            except NotSent as error:
                if tries >= _CONNECT_TRIES:
                    return await self._not_made(str(error))
                await self._sleep(_pause(tries))
            except InvalidRequest as error:  # the body is not JSON: nothing left this machine
                return await self._not_made(str(error))
            except (AnswerLost, ServerFault) as error:
                return await self._unclear(error)
            except APIError as error:
                if error.status_code == httpx.codes.REQUEST_TIMEOUT:
                    # a gateway gave up waiting: what it had passed on nobody knows
                    return await self._unclear(error)
                pause = (error.retry_after or 0.0) + _pause(tries)
                waited += pause
                if not is_retryable_refusal(error) or waited > _PATIENCE:
                    if refuses_every_create(error):
                        self._gates.refuse(self._spec, self._tier, f"{error.code}: {error.message}")
                    refused = f"The service refused task {key} ({error}), so nothing was made."
                    return await self._log(refused, self._journal.rejected, error)
                self._gates.hold(self._spec, self._tier, pause, str(error.code))
            else:
                return await self._accepted(answer)
            await place.again()

    async def _waiting(self, reason: str) -> None:
        self._publish(await engine.write(self._journal.noted, self._intent.key, reason))

    # --- how it ended ------------------------------------------------------------------------------------

    async def _accepted(self, answer: Answer) -> Row:
        return await self._log(
            f"The service has accepted task {self._intent.key} as {answer.data['id']}.",
            self._journal.accepted,
            answer.data,
            request_id=answer.request_id,
            client_request_id=answer.client_request_id,
            # somebody who took this kernel for dead may have taken the task over
            owner=self._intent.row["owner"],
        )

    async def _unclear(self, error: ServiceError) -> Row:
        return await self._log(
            f"The answer to task {self._intent.key} was lost ({error}), so a paid task may exist.",
            self._journal.unknown,
            str(error),
            raw=error.raw if isinstance(error, AnswerLost) else None,
            client_request_id=error.client_request_id,
            owner=self._intent.row["owner"],
        )

    async def _not_made(self, reason: str) -> Row:
        happened = f"Task {self._intent.key} was not made: {reason.rstrip('.')}."
        return await self._log(happened, self._journal.not_created, reason)

    async def _log(self, happened: str, act: Callable[..., Row], *args: Any, **kwargs: Any) -> Row:
        """Read or write the row: until that has worked, only this process knows what happened."""
        tries = 0
        while True:
            tries += 1
            try:
                return await engine.write(act, self._intent.key, *args, **kwargs)
            except LogError as error:
                text = f"{error} {happened}"
                if tries == 1:
                    # the card and whoever reads the terminal know it, whatever becomes of the disk,
                    # which may be the one that stderr is written to as well
                    with contextlib.suppress(OSError, ValueError):
                        print(f"seedance-widgets: {text} Tried again.", file=sys.stderr)  # noqa: T201
                    self._publish({**self._intent.row, "note": f"{happened} Not written down yet: {error}"})
                if tries == _WRITE_TRIES:
                    raise LogError(
                        f"{text} Nothing is lost: what was asked is in the log and its cost stays reserved. "
                        "Nothing is sent again. Once the log works, `await studio.resume()` settles it."
                    ) from error
            await self._sleep(_pause(tries))


def _pause(tries: int) -> float:
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
