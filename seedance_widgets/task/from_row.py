"""What a row of the log asked for, as the requests and drafts that people pass around."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.media.store import is_as_stored
from seedance_widgets.request.rules import DraftTask
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.units import moment_of

if TYPE_CHECKING:
    from pathlib import Path

    from seedance_widgets.log.row import TaskRow

__all__ = ["draft_of", "model_of", "request_of"]


def request_of(row: TaskRow, home: Path) -> TaskRequest:
    """The request that a row was begun with, its pictures and sounds read from the home.

    Raises
    ------
    InvalidRequest
        The task was made elsewhere: nobody knows what was asked. Or a stored input was changed since.
    """
    if row.body is None:
        reason = "made elsewhere: the service does not tell what was asked"
        refused = "the request is not known"
        raise InvalidRequest([Problem("request", row.key, reason)], refused=refused)
    body = json.loads(row.body)
    body["model"] = model_of(row)
    for item in body["content"]:
        medium = item.get(item.get("type"))
        if isinstance(medium, dict) and str(medium.get("url")).startswith("inputs/"):
            medium["url"] = str(_unchanged(home / medium["url"], row.key))
    if row.nonce is not None:
        del body["execution_expires_after"]
    return TaskRequest.from_dict(body)


def _unchanged(path: Path, key: str) -> Path:
    """A stored input's path, refused where the file is no longer what was sent."""
    if path.exists() and not is_as_stored(path):
        reason = f"has changed since task {key} was sent: its hash is not its name; put the original back"
        raise InvalidRequest([Problem("input", path, reason)], refused="the request is not known")
    return path


def draft_of(row: TaskRow) -> DraftTask:
    """A row as the draft of a final.

    Raises
    ------
    InvalidRequest
        The task has no id at the service.
    """
    if row.task_id is None:
        reason = f"is {row.status} and has no id at the service"
        raise InvalidRequest([Problem("draft_task", row.key, reason)])
    by_frames = row.duration is None
    return DraftTask(
        id=row.task_id,
        model=model_of(row),
        created_at=moment_of(row.created_at),
        ratio=row.ratio,
        duration=row.duration,
        frames=row.frames if by_frames else None,
        generate_audio=row.generate_audio,
    )


def model_of(row: TaskRow) -> str:
    """A row's model as a request names it: an endpoint, and another service's name, with its family."""
    endpoint = str(row.wire_model or "")
    return f"{endpoint}@{row.model}" if endpoint not in ("", row.model) else str(row.model)
