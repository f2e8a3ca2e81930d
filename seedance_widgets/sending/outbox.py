"""Requests on their way out: estimated, logged all or none, then each sent exactly once by a `Submission`.

The durable intent comes first, then the gate, then the POST, then the durable id. A create has no idempotency
key, so it is repeated only when an answer proves that nothing was made: the call never left, or the service
refused it before any work. Whatever else happens, the row says what is known, and nothing is re-sent.

A sending goes on whoever waits for it; closing waits for the answers that are on their way, for each of them
names a paid task.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import (
    AnswerLost,
    APIError,
    GateClosed,
    InvalidRequest,
    LogError,
    NotSent,
    SeedanceError,
)
from seedance_widgets.inputs.address import is_local
from seedance_widgets.log.learned_prices import BILLS, raise_bound
from seedance_widgets.log.row import Status
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.modelark.error_codes import is_retryable_refusal, proves_refusal, refuses_every_create
from seedance_widgets.request.input_rules import unreachable_problems
from seedance_widgets.request.pricing import estimate
from seedance_widgets.task.input_clips import renew_links
from seedance_widgets.terminal import say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from seedance_widgets.errors import ServiceError
    from seedance_widgets.log.budget import Budget
    from seedance_widgets.log.journal import Intent, Journal
    from seedance_widgets.log.row import RowChanges, TaskRow
    from seedance_widgets.media.store import Media
    from seedance_widgets.modelark.client import Answer, Client
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.recovery.recovery import Recovery
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.request.task_request import TaskRequest
    from seedance_widgets.sending.gates import Gates, Place
    from seedance_widgets.sending.limits import Lane
    from seedance_widgets.task.registry import Registry
    from seedance_widgets.task.task import Task

__all__ = ["Outbox", "Submission"]

_CONNECT_TRIES = 3
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
# a queue that has not drained by then is a refusal that a person should hear of
_PATIENCE = 900.0
_WRITE_TRIES = 10
_ELSEWHERE = (
    "this studio was made in another process ({}), which follows its tasks; nothing was sent. Make one here: "
    "Studio(home). `await studio.task(key)` finds any task of it."
)
_CLOSED = "this studio is closed; nothing was sent. Make another one: Studio(home)."
logger = logging.getLogger(__name__)
_LAST_ANSWER = 75.0


class Outbox:
    """What one runtime sends; runs on the engine.

    Parameters
    ----------
    client, journal, media, registry, gates, peers
        Of the runtime.
    recovery
        Looks for a task whose outcome could not be written down.
    sleep
        Waits for some seconds, or until the studio is closed.

    Attributes
    ----------
    budgets : tuple of Budget
        The last ones given; for what is sent `again`, and for new tags.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        media: Media,
        *,
        registry: Registry,
        gates: Gates,
        peers: Peers,
        recovery: Recovery,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.budgets: Sequence[Budget] = ()
        self._client = client
        self._journal = journal
        self._media = media
        self._registry = registry
        self._gates = gates
        self._peers = peers
        self._recovery = recovery
        self._sleep = sleep
        self._sends: dict[str, tuple[Submission, Future[None]]] = {}
        self._closed = False
        self._process = os.getpid()

    async def begin(
        self,
        request: TaskRequest,
        *,
        budgets: Sequence[Budget],
        columns: RowChanges,
        tags: Mapping[str, str] | None = None,
        lane: Lane = "interactive",
    ) -> tuple[Task, Future[None]]:
        """Log a request and start sending it.

        Parameters
        ----------
        request
            What to send.
        budgets
            Those that count.
        columns
            Further columns of its row, such as ``parent_key`` or ``study``.
        tags
            What people call it.
        lane
            ``batch`` yields to what a person has just asked for.

        Returns
        -------
        tuple of Task and Future
            The task, whose intent is on disk; and its sending, which goes on whoever waits for it, and
            raises what the task's ``error`` says if the service did not accept.

        Raises
        ------
        SeedanceError
            The studio is closed; or as the journal refuses an intent. Nothing was sent.
        """
        wanted = [(request, columns, None)]
        return (await self._begin(wanted, budgets=budgets, lane=lane, tags=tags))[0]

    async def begin_all(
        self,
        requests: Sequence[tuple[TaskRequest, RowChanges]],
        *,
        budgets: Sequence[Budget],
        lane: Lane = "batch",
    ) -> list[tuple[Task, Future[None]]]:
        """`begin` for several requests, each with further columns of its row: all are logged, or none."""
        wanted = [(request, columns, None) for request, columns in requests]
        return await self._begin(wanted, budgets=budgets, lane=lane)

    async def again(
        self, request: TaskRequest, *, columns: RowChanges, instead_of: str
    ) -> tuple[Task, Future[None]]:
        """`begin` in place of a row that was never made, whose key is ``instead_of``."""
        wanted = [(request, columns, instead_of)]
        return (await self._begin(wanted, budgets=self.budgets, lane="interactive"))[0]

    def check_open(self) -> None:
        """Refuse what would send, follow or save something.

        Raises
        ------
        SeedanceError
            The studio is closed, or was made in another process.
        """
        self.check_process()
        if self._closed:
            raise SeedanceError(_CLOSED)

    def check_process(self) -> None:
        """Refuse to wait or work in a forked child, where nothing is followed.

        Raises
        ------
        SeedanceError
            The studio was made in another process.
        """
        if os.getpid() != self._process:
            raise SeedanceError(_ELSEWHERE.format(self._process))

    async def close(self) -> None:
        """Turn away what waits at a gate, and hear the answers that are on their way."""
        self._closed = True
        self._gates.close("the studio was closed before it was sent")
        # an answer that is on its way names a paid task
        await _wait_for([sending for _, sending in self._sends.values()], timeout=_LAST_ANSWER)

    async def withdraw(self, keys: Iterable[str]) -> None:
        """Take back what this process has not sent yet, as the rows then say; none of it is sent any more.

        All else is sent, is being sent, or is another process's.
        """
        known = [self._sends[key] for key in keys if key in self._sends]
        await _wait_for([sending for submission, sending in known if submission.withdraw()])

    async def heard(self, key: str) -> None:
        """Wait for the answer to what this process is sending; at once where it sends no such thing."""
        if key in self._sends:
            await _wait_for([self._sends[key][1]])

    async def _begin(
        self,
        wanted: Sequence[tuple[TaskRequest, RowChanges, str | None]],
        *,
        budgets: Sequence[Budget],
        lane: Lane,
        tags: Mapping[str, str] | None = None,
    ) -> list[tuple[Task, Future[None]]]:
        self.check_open()
        if budgets:
            self.budgets = budgets
        orders = [
            await asyncio.to_thread(
                self._order, request, {**columns, "owner": self._peers.owner}, instead_of, tags or {}
            )
            for request, columns, instead_of in wanted
        ]
        await self._peers.be_present()
        intents = await engine.write(self._journal.begin_all, orders, budgets=budgets)
        begun = []
        for order, intent in zip(orders, intents, strict=True):
            task = self._registry.hold(intent.row, order.estimate.request)
            self._registry.publish(intent.row)
            logger.info("task %s: written down, at most $%.4f reserved", intent.key, intent.row.reserved_usd)
            submission = Submission(
                self._client,
                self._journal,
                self._registry,
                self._gates,
                intent=intent,
                estimate=order.estimate,
                sleep=self._sleep,
            )
            sending = engine.submit(self._send(task, submission, lane), awaited=True)
            self._sends[task.key] = submission, sending
            begun.append((task, sending))
        return begun

    def _order(
        self, request: TaskRequest, columns: RowChanges, instead_of: str | None, tags: Mapping[str, str]
    ) -> Order:
        """What is to be begun, its files on the disk; blocks."""
        current = renew_links(request, self._journal, self._media.absolute)
        # a simulator on this machine reaches it too
        if not is_local(self._client.base_url) and (problems := list(unreachable_problems(current))):
            raise InvalidRequest(problems)
        billed = self._journal.billed(current.spec, current.mode, current.kind, BILLS)
        bounded = raise_bound(estimate(current), billed)
        return Order(bounded, self._media.keep_inputs(current), columns, instead_of, tags)

    async def _send(self, task: Task, submission: Submission, lane: Lane) -> None:
        try:
            row = await submission.send(lane)
        except Exception as error:
            self._registry.release(task.key)
            task.give_up(error)
            if not self._closed:
                self._recovery.look_for(task.key)
            raise
        finally:
            self._sends.pop(task.key, None)
        if row.task_id is None and task.error is not None:
            raise task.error


class Submission:
    """One intent on its way to the service; runs on the engine.

    Parameters
    ----------
    client, journal, registry, gates
        Of the studio.
    intent
        What to send.
    estimate
        Of its request.
    sleep
        Waits for some seconds, or until the studio is closed.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        registry: Registry,
        gates: Gates,
        *,
        intent: Intent,
        estimate: Estimate,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._journal = journal
        self._registry = registry
        self._gates = gates
        self._intent = intent
        self._tokens = estimate.tokens_max
        self._spec = estimate.request.spec
        self._tier = estimate.request.effective("service_tier")
        self._sleep = sleep
        self._place: Place | None = None
        self._taken_back = self._on_the_wire = False

    def withdraw(self) -> bool:
        """Never send it from now on; False where it is on its way, or its answer is here already."""
        if self._on_the_wire:
            return False
        self._taken_back = True
        if self._place is not None:
            self._place.turn_away(GateClosed("it was withdrawn"))
        return True

    async def send(self, lane: Lane) -> TaskRow:
        """Wait for a place in a lane, send, and record the outcome.

        Returns
        -------
        TaskRow
            With status queued, rejected, not_created, withdrawn or unknown; it is published already.

        Raises
        ------
        LogError
            The outcome could not be written down; the message says what it was.
        """
        try:
            with self._gates.place(self._spec, self._tier, self._tokens, lane) as self._place:
                row = await self._post(self._place)
        except GateClosed as closed:
            row = await (self._record_withdrawn() if self._taken_back else self._record_not_made(str(closed)))
        self._registry.publish(row)
        return row

    async def _post(self, place: Place) -> TaskRow:  # noqa: C901, PLR0912 - one branch an outcome, in one place on purpose
        key, tries, waited = self._intent.key, 0, 0.0
        while True:
            tries += 1
            async for reason in place.wait():
                await self._registry.record(self._journal.noted, key, reason)
            row = await self._insist(f"Task {key} was not sent.", self._journal.row)
            if row.status is not Status.INTENT:  # this machine slept, and another kernel has settled the row
                return row
            if self._taken_back:
                return await self._record_withdrawn()
            # nothing is waited for between the look above and the POST
            self._on_the_wire = True
            try:
                answer = await self._client.create(self._intent.body)
            except NotSent as error:
                if tries >= _CONNECT_TRIES:
                    return await self._record_not_made(str(error))
                self._on_the_wire = False
                await self._sleep(_pause(tries))
            except InvalidRequest as error:  # the body is not JSON: nothing left this machine
                return await self._record_not_made(str(error))
            except AnswerLost as error:
                return await self._record_unclear(error)
            except APIError as error:
                if not proves_refusal(error):
                    return await self._record_unclear(error)
                pause = (error.retry_after or 0.0) + _pause(tries)
                waited += pause
                if not is_retryable_refusal(error) or waited > _PATIENCE:
                    if refuses_every_create(error):
                        self._gates.refuse(self._spec, self._tier, f"{error.code}: {error.message}")
                    refused = f"The service refused task {key} ({error}), so nothing was made."
                    return await self._insist(refused, self._journal.rejected, error)
                self._on_the_wire = False
                self._gates.hold(self._spec, self._tier, pause, str(error.code))
            else:
                return await self._record_accepted(answer)

    # --- how it ended ------------------------------------------------------------------------------------

    async def _record_accepted(self, answer: Answer) -> TaskRow:
        return await self._insist(
            f"The service has accepted task {self._intent.key} as {answer.data['id']}.",
            self._journal.accepted,
            answer.data,
            request_id=answer.request_id,
            client_request_id=answer.client_request_id,
            # somebody who took this kernel for dead may have taken the task over
            owner=self._intent.row.owner,
        )

    async def _record_unclear(self, error: ServiceError) -> TaskRow:
        return await self._insist(
            f"The answer to task {self._intent.key} was lost ({error}), so a paid task may exist.",
            self._journal.unknown,
            str(error),
            raw=error.raw if isinstance(error, AnswerLost) else None,
            client_request_id=error.client_request_id,
            owner=self._intent.row.owner,
        )

    async def _record_withdrawn(self) -> TaskRow:
        return await self._insist(f"Task {self._intent.key} was withdrawn unsent.", self._journal.withdrawn)

    async def _record_not_made(self, reason: str) -> TaskRow:
        happened = f"Task {self._intent.key} was not made: {reason.rstrip('.')}."
        return await self._insist(happened, self._journal.not_created, reason)

    async def _insist(self, happened: str, act: Callable[..., TaskRow], *args: Any, **kwargs: Any) -> TaskRow:
        """Read or write the row: until that has worked, only this process knows what happened."""
        tries = 0
        while True:
            tries += 1
            try:
                return await engine.write(act, self._intent.key, *args, **kwargs)
            except Exception as error:
                text = f"{error} {happened}"
                trace = None if isinstance(error, LogError) else error
                logger.warning("task %s: the log cannot be used: %s", self._intent.key, error, exc_info=trace)
                if tries == 1:
                    # the card and whoever reads the terminal know it, whatever becomes of the disk
                    say(f"seedance-widgets: {text} Tried again.", error=True)
                    trouble = f"{happened} Not written down yet: {error}"
                    self._registry.publish(replace(self._intent.row, trouble=trouble))
                if tries == _WRITE_TRIES:
                    raise LogError(
                        f"{text} Nothing is lost: what was asked is in the log and its cost stays reserved. "
                        "Nothing is sent again. Once the log works, `await studio.resume()` settles it."
                    ) from error
            await self._sleep(_pause(tries))


async def _wait_for(sendings: Sequence[Future[None]], timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Wait until these have ended, however they ended."""
    if not sendings:
        return
    waited = [asyncio.wrap_future(sending) for sending in sendings]
    for each in waited:  # whoever began it hears of its error
        each.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait(waited, timeout=timeout)


def _pause(tries: int) -> float:
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
