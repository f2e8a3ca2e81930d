"""What people decide about one task: take it in, say which it is, judge it, give it up, resend it, end it.

None of these happens by itself. Each checks first, and what it refuses changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import AnswerLost, Conflict, InvalidRequest, NotFound, Problem
from seedance_widgets.log.row import DELETABLE, FOLLOWED, LIVE, TO_SAVE, RowChanges, Status
from seedance_widgets.log.row_mapping import columns_from_draft

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from seedance_widgets.log.clip_verdicts import Verdicts
    from seedance_widgets.log.journal import Journal
    from seedance_widgets.modelark.client import Answer, Client
    from seedance_widgets.recovery.leases import Peers
    from seedance_widgets.sending.outbox import Outbox
    from seedance_widgets.task.registry import Registry
    from seedance_widgets.task.task import Task

__all__ = ["Actions"]


class Actions:
    """Acts on the tasks of one runtime; all run on the engine.

    Parameters
    ----------
    client, journal, verdicts, registry, peers, outbox
        Of the runtime.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        registry: Registry,
        *,
        verdicts: Verdicts,
        peers: Peers,
        outbox: Outbox,
    ) -> None:
        self._client = client
        self._journal = journal
        self._registry = registry
        self._verdicts = verdicts
        self._peers = peers
        self._outbox = outbox

    async def adopt(self, task_id: str) -> Task:
        """A task made elsewhere: log it, follow it, save its clip."""
        return await self.take_in((await self._get(task_id)).data, counted=True)

    async def take_in(self, answer: Mapping[str, Any], *, counted: bool) -> Task:
        """A task made elsewhere, as the service's list tells it; as `adopt`."""
        self._outbox.check_open()
        row = await engine.write(self._journal.adopted, answer, counted=counted)
        await self._peers.claim([row.key])
        return self._registry.take_up(row)

    async def assign(self, task: Task, task_id: str) -> None:
        """A person says which task at the service a row asked for."""
        row = await engine.write(self._journal.row, task.key)
        answer = await self._get(task_id)
        model = answer.data.get("model")
        # the service may name a model otherwise than it was asked: what was offered may be taken
        offered = task_id in json.loads(row.candidates or "[]")
        if not offered and model not in (None, row.wire_model, row.model):
            reason = f"is a task of {model}; this one asked for {row.model}"
            raise InvalidRequest(
                [Problem("task_id", task_id, reason)], refused="it cannot be that task; nothing was changed"
            )
        await self._peers.claim([task.key])
        self._registry.take_up(await engine.write(self._journal.matched, task.key, answer.data, "person"))

    async def abandon(self, task: Task) -> None:
        """A person says that nothing came of a row: its outcome is unknown, or it has no record any more."""
        row = await engine.write(self._journal.row, task.key)
        has_record = True
        if row.task_id is not None and row.status in FOLLOWED:
            try:
                await self._get(row.task_id)
            except NotFound:
                has_record = False
        await self._registry.record(self._journal.abandoned, task.key, has_record=has_record)

    async def judge(self, task: Task, verdict: str | None) -> None:
        """What a person thinks of the clip."""
        await self._registry.record(self._verdicts.judge, task.key, verdict)

    async def resend(self, task: Task) -> tuple[Task, Future[None]]:
        """Send once more what was never made, as a row of its own."""
        row = await engine.write(self._journal.row, task.key)
        kept = RowChanges(
            chain=row.chain,
            study=row.study,
            arm=row.arm,
            item=row.item,
            study_seed=row.study_seed,
            batch=row.batch,
            batch_row=row.batch_row,
            note=row.note,
        )
        if row.kind == "final" and row.parent_key:
            kept |= columns_from_draft(await engine.write(self._journal.row, row.parent_key))
        else:
            kept["parent_key"] = row.parent_key
        begun = await self._outbox.again(task.request, columns=kept, instead_of=task.key)
        await self._registry.record(self._journal.row, task.key)
        return begun

    async def cancel(self, task: Task) -> None:
        """Take back what is not sent, or DELETE a queued task: the row follows."""
        self._outbox.check_open()
        if task.status == Status.INTENT:
            await self._outbox.withdraw([task.key])
            await self._outbox.heard(task.key)
        if task.status == Status.WITHDRAWN:
            return
        if task.status == Status.INTENT:
            raise Conflict(
                409,
                code="SentElsewhere",
                message=f"task {task.key} is being sent by another kernel",
                advice="Cancel it there. Once that kernel is closed, `await studio.resume()` looks for it.",
            )
        _refuse_unless(task, "cancelled", task.id is not None and task.status in LIVE, "a queued task")
        # Asked first: DELETE of a task that has ended since removes its record, and with it a paid clip.
        await self._look_at(task)
        if task.status == Status.RUNNING:
            raise Conflict(
                409,
                code="TaskRunningCannotCancel",
                message=f"task {task.id} is running and cannot be cancelled",
                advice="Only queued tasks can be cancelled; delete it once it has ended.",
            )
        _refuse_unless(task, "cancelled", task.status == Status.QUEUED, "a queued task")
        await self._client.delete(str(task.id))
        await self._look_at(task)

    async def _get(self, task_id: str) -> Answer:
        """What the service says of a task, which must be of this one."""
        self._outbox.check_open()
        answer = await self._client.get(task_id)
        if answer.data.get("id") != task_id:
            raise AnswerLost(
                f"the service's answer does not say that it is of task {task_id}; nothing was taken in",
                client_request_id=answer.client_request_id,
                raw=answer.raw,
            )
        return answer

    async def _look_at(self, task: Task) -> None:
        answer = await self._client.get(str(task.id))
        await self._registry.record(self._journal.observed, task.key, answer.data)

    async def delete_remote(self, task: Task) -> None:
        """DELETE the service's record of an ended task."""
        self._outbox.check_open()
        row = await engine.write(self._journal.row, task.key)
        unsaved = row.status is Status.SUCCEEDED and row.file in TO_SAVE
        fits = row.status in DELETABLE and not unsaved
        _refuse_unless(task, "deleted", fits, "an ended task whose clip is saved")
        await self._client.delete(str(task.id))
        await self._registry.record(self._journal.forgotten, task.key)


def _refuse_unless(task: Task, act: str, fits: bool, which: str) -> None:
    if not fits:
        reason = f"the task is {task.status}; only {which} can be {act}"
        refused = f"the task cannot be {act}; nothing was changed"
        raise InvalidRequest([Problem("task", task.key, reason)], refused=refused)
