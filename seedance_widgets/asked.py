"""What a row of the log asked for, as the requests and drafts that people pass around."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seedance_widgets.coercion import DraftTask
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request import TaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["draft_of", "model_of", "request_of"]

_MICROSECONDS = 1_000_000


def request_of(row: Mapping[str, Any], home: Path) -> TaskRequest:
    """The request that a row was begun with, its pictures read from the home.

    Raises
    ------
    InvalidRequest
        The task was made elsewhere: nobody knows what was asked.
    """
    if row["body"] is None:
        reason = "made elsewhere: the service does not tell what was asked"
        refused = "the request is not known"
        raise InvalidRequest([Problem("request", row["key"], reason)], refused=refused)
    body = json.loads(row["body"])
    body["model"] = model_of(row)
    for item in body["content"]:
        picture = item.get("image_url")
        if picture and str(picture["url"]).startswith("inputs/"):
            picture["url"] = str(home / picture["url"])
    if row["nonce"] is not None:
        del body["execution_expires_after"]
    return TaskRequest.from_dict(body)


def draft_of(row: Mapping[str, Any]) -> DraftTask:
    """A row that has a task id, as the draft of a final."""
    by_frames = row["duration"] is None
    return DraftTask(
        id=row["task_id"],
        model=model_of(row),
        created_at=datetime.fromtimestamp(row["created_at"] / _MICROSECONDS, UTC),
        ratio=row["ratio"],
        duration=row["duration"],
        frames=row["frames"] if by_frames else None,
        generate_audio=row["generate_audio"],
    )


def model_of(row: Mapping[str, Any]) -> str:
    """A row's model as a request names it: an endpoint with its family."""
    endpoint = str(row["wire_model"] or "")
    return f"{endpoint}@{row['model']}" if endpoint.startswith("ep-") else str(row["model"])
