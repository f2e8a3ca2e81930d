"""What the service last told about a task, in the service's own terms, for who asks in these terms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from seedance_widgets.log.schema import answers, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.log.store import Store

__all__ = ["told"]

_SECOND = 1_000_000


def told(store: Store, task_id: str, *, simulated: bool) -> dict[str, Any] | None:
    """The state of a task as the log has it, None if it has no such task.

    The status is the row's, which only the service's own answers move. What the service never said, and
    what was not sent to it either, is None.

    Returns
    -------
    dict
        ``task_id``, ``model``, ``status``, ``created_at`` and ``updated_at`` (whole seconds since 1970
        UTC), ``service_tier``, ``execution_expires_after`` (seconds).
    """
    with store.read() as connection:
        wanted = (tasks.c.task_id == task_id, tasks.c.simulated.is_(simulated))
        row = connection.execute(select(tasks).where(*wanted)).mappings().first()
        if row is None:
            return None
        newest = select(answers.c.body).where(answers.c.key == row["key"]).order_by(answers.c.id.desc())
        last = connection.execute(newest.limit(1)).scalar()
    answer = json.loads(last) if last else {}
    sent = json.loads(row["body"]) if row["body"] else {}
    changed_at = row["finished_at"] or row["created_at"]
    return {
        "task_id": task_id,
        "model": row["wire_model"] or row["model"],
        "status": row["status"],
        "created_at": row["created_at"] // _SECOND,
        "updated_at": _whole(answer, "updated_at") or changed_at // _SECOND,
        "service_tier": row["service_tier"],
        "execution_expires_after": _whole(answer, "execution_expires_after")
        or _whole(sent, "execution_expires_after"),
    }


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if type(value) is int else None
