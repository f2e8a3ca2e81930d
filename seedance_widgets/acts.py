"""What people decide about one task: take it in, say which it is, judge it, give it up, resend it, end it.

None of these happens by itself. Each checks first, and what it refuses changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.engine import engine
from seedance_widgets.errors import AnswerLost, Conflict, InvalidRequest, Problem
from seedance_widgets.log.answers import LIVE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Future

    from seedance_widgets.client import Answer, Client
    from seedance_widgets.log.journal import Journal, Row
    from seedance_widgets.log.verdicts import Verdicts
    from seedance_widgets.sharing import Sharing
    from seedance_widgets.task import Task

__all__ = ["Acts"]

_KEPT = ("prompt", "parent_key", "chain", "study", "arm", "item", "study_seed")


class Acts:
    """Acts on the tasks of one runtime; all run on the engine.

    Parameters
    ----------
    client, journal, verdicts, sharing
        Of the runtime.
    check_open
        Raises where the studio is closed.
    begin
        As `Outbox.again`.
    take_up
        Publishes a row and follows it where it stands.
    publish
        Publishes a row.
    observed
        Given a key and the service's answer about it.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        verdicts: Verdicts,
        sharing: Sharing,
        *,
        check_open: Callable[[], None],
        begin: Callable[..., Awaitable[tuple[Task, Future[None]]]],
        take_up: Callable[[Row], Task],
        publish: Callable[[Row], None],
        observed: Callable[[str, Mapping[str, Any]], Awaitable[bool]],
    ) -> None:
        self._client = client
        self._journal = journal
        self._verdicts = verdicts
        self._sharing = sharing
        self._check_open = check_open
        self._begin = begin
        self._take_up = take_up
        self._publish = publish
        self._observed = observed

    async def adopt(self, task_id: str) -> Task:
        """A task made elsewhere: log it, follow it, save its clip."""
        answer = await self._told(task_id)
        row = await engine.write(self._journal.adopted, answer.data)
        await self._sharing.claim([row["key"]])
        return self._take_up(row)

    async def assign(self, task: Task, task_id: str) -> None:
        """A person says which task at the service a row asked for."""
        row = await engine.write(self._journal.row, task.key)
        answer = await self._told(task_id)
        model = answer.data.get("model")
        if model not in (None, row["wire_model"], row["model"]):
            reason = f"is a task of {model}; this one asked for {row['model']}"
            raise InvalidRequest(
                [Problem("task_id", task_id, reason)], refused="it cannot be that task; nothing was changed"
            )
        await self._sharing.claim([task.key])
        self._take_up(await engine.write(self._journal.matched, task.key, answer.data, "person"))

    async def abandon(self, task: Task) -> None:
        """A person says that nothing came of a row whose outcome is unknown."""
        self._publish(await engine.write(self._journal.abandoned, task.key))

    async def judge(self, task: Task, verdict: str | None) -> None:
        """What a person thinks of the clip."""
        self._publish(await engine.write(self._verdicts.judge, task.key, verdict))

    async def resend(self, task: Task) -> tuple[Task, Future[None]]:
        """Send once more what was never made, as a row of its own."""
        row = await engine.write(self._journal.row, task.key)
        columns = {name: row[name] for name in _KEPT}
        begun = await self._begin(task.request, columns=columns, instead_of=task.key)
        self._publish(await engine.write(self._journal.row, task.key))
        return begun

    async def cancel(self, task: Task) -> None:
        """DELETE a queued task; the row follows what the service then says."""
        _refuse_unless(task, "cancelled", task.id is not None and task.status in LIVE, "a queued task")
        self._check_open()
        # Asked first: DELETE of a task that has ended since removes its record, and with it a paid clip.
        await self._ask(task)
        if task.status == "running":
            raise Conflict(
                409,
                code="TaskRunningCannotCancel",
                message=f"task {task.id} is running and cannot be cancelled",
                advice="Only queued tasks can be cancelled; delete it once it has ended.",
            )
        _refuse_unless(task, "cancelled", task.status == "queued", "a queued task")
        await self._client.delete(str(task.id))
        await self._ask(task)

    async def _told(self, task_id: str) -> Answer:
        """What the service says of a task, which must be of this one."""
        self._check_open()
        answer = await self._client.get(task_id)
        if answer.data.get("id") != task_id:
            raise AnswerLost(
                f"the service's answer does not say that it is of task {task_id}; nothing was taken in",
                client_request_id=answer.client_request_id,
                raw=answer.raw,
            )
        return answer

    async def _ask(self, task: Task) -> None:
        answer = await self._client.get(str(task.id))
        await self._observed(task.key, answer.data)

    async def delete_remote(self, task: Task) -> None:
        """DELETE the service's record of an ended task."""
        self._check_open()
        row = await engine.write(self._journal.row, task.key)
        ended = row["status"] in ("failed", "expired")
        safe = row["status"] == "succeeded" and row["file"] in ("saved", "expired")
        _refuse_unless(task, "deleted", ended or safe, "an ended task whose clip is saved")
        await self._client.delete(str(task.id))
        self._publish(await engine.write(self._journal.forgotten, task.key))


def _refuse_unless(task: Task, act: str, fits: bool, which: str) -> None:
    if not fits:
        reason = f"the task is {task.status}; only {which} can be {act}"
        refused = f"the task cannot be {act}; nothing was changed"
        raise InvalidRequest([Problem("task", task.key, reason)], refused=refused)
