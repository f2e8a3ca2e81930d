"""Requests on their way out: estimated, logged all or none, then each sent by a `Submission` of its own.

A sending goes on whoever waits for it, and outlives the wait; closing waits for the answers that are on their
way, for each of them names a paid task.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from seedance_widgets.engine import engine
from seedance_widgets.errors import SeedanceError
from seedance_widgets.log.intents import Order
from seedance_widgets.pricing import estimate
from seedance_widgets.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Future

    from seedance_widgets.client import Client
    from seedance_widgets.gates import Gates
    from seedance_widgets.gates.allowances import Lane
    from seedance_widgets.handles import Handles
    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.media import Media
    from seedance_widgets.request import TaskRequest
    from seedance_widgets.sharing import Sharing
    from seedance_widgets.task import Task

__all__ = ["CLOSED", "Outbox"]

CLOSED = "this studio is closed; nothing was sent. Make another one: Studio(home)."
_LAST_ANSWER = 75.0


class Outbox:
    """What one runtime sends; runs on the engine.

    Parameters
    ----------
    client, journal, media, gates, sharing, handles
        Of the runtime.
    sent
        Given each row that was accepted, or whose outcome is unknown.
    lost
        Given the key of a row whose outcome could not be written down.
    sleep
        Waits for some seconds, or until the studio is closed.

    Attributes
    ----------
    budget_usd : float or None
        The last one given, in USD; for what is sent `again`.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        media: Media,
        *,
        gates: Gates,
        sharing: Sharing,
        handles: Handles,
        sent: Callable[[Row], None],
        lost: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.budget_usd: float | None = None
        self._client = client
        self._journal = journal
        self._media = media
        self._gates = gates
        self._sharing = sharing
        self._handles = handles
        self._sent = sent
        self._lost = lost
        self._sleep = sleep
        self._sends: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def begin(
        self,
        request: TaskRequest,
        *,
        budget_usd: float | None,
        columns: Mapping[str, Any],
        lane: Lane = "interactive",
    ) -> tuple[Task, Future[None]]:
        """Log a request and start sending it.

        Parameters
        ----------
        request
            What to send.
        budget_usd
            Cap in USD, None for none.
        columns
            Further columns of its row, such as ``parent_key`` or ``study``.
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
        return (await self._begin([(request, columns, None)], budget_usd=budget_usd, lane=lane))[0]

    async def begin_all(
        self,
        requests: Sequence[tuple[TaskRequest, Mapping[str, Any]]],
        *,
        budget_usd: float | None,
        lane: Lane = "batch",
    ) -> list[tuple[Task, Future[None]]]:
        """`begin` for several requests, each with further columns of its row: all are logged, or none."""
        asked = [(request, columns, None) for request, columns in requests]
        return await self._begin(asked, budget_usd=budget_usd, lane=lane)

    async def again(
        self, request: TaskRequest, *, columns: Mapping[str, Any], instead_of: str
    ) -> tuple[Task, Future[None]]:
        """`begin` in place of a row that was never made, whose key is ``instead_of``."""
        asked = [(request, columns, instead_of)]
        return (await self._begin(asked, budget_usd=self.budget_usd, lane="interactive"))[0]

    async def close(self) -> None:
        """Turn away what waits at a gate, and hear the answers that are on their way."""
        self._closed = True
        self._gates.close("the studio was closed before it was sent")
        if self._sends:  # an answer that is on its way names a paid task
            await asyncio.wait(self._sends, timeout=_LAST_ANSWER)

    async def _begin(
        self,
        asked: Sequence[tuple[TaskRequest, Mapping[str, Any], str | None]],
        *,
        budget_usd: float | None,
        lane: Lane,
    ) -> list[tuple[Task, Future[None]]]:
        if self._closed:
            raise SeedanceError(CLOSED)
        if budget_usd is not None:
            self.budget_usd = budget_usd
        orders = [
            Order(
                estimate(request),
                await asyncio.to_thread(self._media.keep_inputs, request),
                {**columns, "owner": self._sharing.owner},
                instead_of,
            )
            for request, columns, instead_of in asked
        ]
        await self._sharing.present()
        intents = await engine.write(self._journal.begin_all, orders, budget_usd=budget_usd)
        begun = []
        for order, intent in zip(orders, intents, strict=True):
            task = self._handles.hold(intent.row, order.estimate.request)
            self._handles.tell(intent.row)
            submission = Submission(
                self._client,
                self._journal,
                self._gates,
                intent,
                order.estimate,
                publish=self._handles.publish,
                sleep=self._sleep,
            )
            begun.append((task, engine.submit(self._send(task, submission, lane))))
        return begun

    async def _send(self, task: Task, submission: Submission, lane: Lane) -> None:
        sending = asyncio.current_task()
        assert sending is not None
        self._sends.add(sending)
        sending.add_done_callback(self._sends.discard)
        try:
            row = await submission.send(lane)
        except Exception as error:
            self._handles.let_go(task.key)
            task.give_up(error)
            if not self._closed:
                self._lost(task.key)
            raise
        if not self._closed:
            self._sent(row)
        if row["task_id"] is None and task.error is not None:
            raise task.error
