"""How a task ended badly, read from its row: the error that awaiting it raises, and the next step in words.

What the service wrote is shortened here for reading; the row and the error's attributes have all of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import (
    DownloadError,
    OutcomeUnknown,
    RequestRejected,
    SeedanceError,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    clipped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.task import Task

__all__ = ["error_of"]


def error_of(row: Mapping[str, Any], task: Task) -> SeedanceError | None:
    """What went wrong with a task, None where nothing did or nothing has yet.

    Parameters
    ----------
    row
        Of the task, as it stands.
    task
        Hangs on the error.
    """
    key, status = row["key"], row["status"]
    if status == "failed":
        return TaskFailed(f"task {key} failed, nothing is billed. {_said(row)}", task=task)
    if status == "expired":
        return TaskExpired(
            f"task {key} was not finished in time and expired, nothing is billed. "
            "Send it again with a longer execution_expires_after.",
            task=task,
        )
    if status == "cancelled":
        return TaskCancelled(f"task {key} was cancelled, nothing is billed.", task=task)
    if status in ("rejected", "not_created"):
        return _never_made(row, task)
    if status == "unknown":
        return OutcomeUnknown(_unclear(row), task=task)
    if status == "succeeded" and row["file"] in ("failed", "expired"):
        return DownloadError(_not_saved(row))
    return None


def _never_made(row: Mapping[str, Any], task: Task) -> RequestRejected:
    refused = row["status"] == "rejected"
    if row["resent_as"]:
        advice = f" It was sent again as {row['resent_as']}."
    elif refused:
        advice = f" What to do: {row['note']}" if row["note"] else ""
    else:
        advice = " `await task.resend()` sends it again."
    what = "was refused" if refused else "was not made"
    return RequestRejected(
        f"task {row['key']} {what}, nothing is billed. {_said(row)}{advice}",
        task=task,
        code=row["error_code"],
        message=row["error_message"],
        param=row["error_param"],
        request_id=row["request_id"],
    )


def _unclear(row: Mapping[str, Any]) -> str:
    key, reason = row["key"], clipped(row["error_message"] or "")
    found = json.loads(row["candidates"] or "[]")
    known = f"It may be {' or '.join(found)}." if found else "`studio.log.unknown()` shows what is known."
    return (
        f"task {key}: the answer to its create was lost ({reason}). It may exist and be billed: nothing is "
        "re-sent, its cost stays reserved, and it is looked for in the service's list, by itself and by "
        f'`await studio.resume()`. To decide by hand: `task = await studio.task("{key}")`, then '
        f"`await task.adopt(id)` or `await task.abandon()`. {known}"
    )


def _not_saved(row: Mapping[str, Any]) -> str:
    reason = clipped(str(row["note"])).rstrip(".")
    after = "`await studio.resume()` tries again; the service keeps files for 24 hours."
    if row["file"] == "expired":
        after = "The service keeps files for 24 hours, and they are over."
    return f"task {row['key']} succeeded, but its clip is not saved: {reason}. {after}"


def _said(row: Mapping[str, Any]) -> str:
    """What the service said, as a sentence."""
    told = ": ".join(filter(None, (row["error_code"], row["error_message"]))) or "It did not say why."
    shown = clipped(told)
    return shown if shown.endswith((".", "!", "?")) else f"{shown}."
