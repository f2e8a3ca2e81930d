"""Send one request exactly once: the durable intent first, then the POST, then the durable id.

A create has no idempotency key, so it is repeated only when an answer proves that nothing was made: the
call never left, or the service refused it before any work. Whatever else happens, the row says what is
known, and nothing is re-sent.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import httpx

from seedance_widgets.engine import engine
from seedance_widgets.errors import AnswerLost, APIError, InvalidRequest, LogError, NotSent, ServerFault
from seedance_widgets.refusals import is_retryable_refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Intent, Journal, Row

__all__ = ["send"]

_CONNECT_TRIES = 3
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
# a queue that has not drained by then is a refusal that a person should hear of
_PATIENCE = 900.0
_WRITE_TRIES = 10


async def send(
    client: Client,
    journal: Journal,
    intent: Intent,
    *,
    publish: Callable[[Row], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    stopped: Callable[[], bool] = lambda: False,
) -> Row:
    """Send an intent and record the outcome; runs on the engine.

    Returns
    -------
    Row
        With status queued, rejected, not_created or unknown; it is published already.
    """
    row = await _outcome(client, journal, intent, publish, sleep, stopped)
    publish(row)
    return row


async def _outcome(  # noqa: C901, PLR0917 - one branch an outcome, in one place on purpose
    client: Client,
    journal: Journal,
    intent: Intent,
    publish: Callable[[Row], None],
    sleep: Callable[[float], Awaitable[None]],
    stopped: Callable[[], bool],
) -> Row:
    key, tries, waited = intent.key, 0, 0.0
    while True:
        tries += 1
        try:
            answer = await client.create(intent.body)
        except NotSent as error:
            if tries >= _CONNECT_TRIES:
                return await engine.write(journal.not_created, key, str(error))
            pause = _pause(tries)
        except InvalidRequest as error:  # the body is not JSON: nothing left this machine
            return await engine.write(journal.not_created, key, str(error))
        except (AnswerLost, ServerFault) as error:
            return await engine.write(journal.unknown, key, str(error), error.client_request_id)
        except APIError as error:
            if error.status_code == httpx.codes.REQUEST_TIMEOUT:
                # a gateway gave up waiting: what it had passed on nobody knows
                return await engine.write(journal.unknown, key, str(error), error.client_request_id)
            pause = max(error.retry_after or 0.0, _pause(tries))
            if not is_retryable_refusal(error) or waited + pause > _PATIENCE:
                return await engine.write(journal.rejected, key, error)
            note = f"waiting {pause:.0f} s to send: {error.code}"
            publish(await engine.write(journal.noted, key, note))
        else:
            ids: dict[str, Any] = {
                "request_id": answer.request_id,
                "client_request_id": answer.client_request_id,
                "note": None,
            }
            return await _kept(journal, key, answer.data, ids, sleep)
        waited += pause
        await sleep(pause)
        if stopped():
            return await engine.write(journal.not_created, key, "the studio was closed before it was sent")


async def _kept(
    journal: Journal,
    key: str,
    answer: dict[str, Any],
    ids: dict[str, Any],
    sleep: Callable[[float], Awaitable[None]],
) -> Row:
    """Write down a task id: until that has worked, only this process knows of a paid task."""
    for tries in range(1, _WRITE_TRIES + 1):
        try:
            return await engine.write(journal.accepted, key, answer, **ids)
        except LogError as error:
            if tries == _WRITE_TRIES:
                text = (
                    f"{error} The service has accepted the task {answer['id']}: adopt it once the log works."
                )
                raise LogError(text) from error
        await sleep(_pause(tries))
    raise AssertionError


def _pause(tries: int) -> float:
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
