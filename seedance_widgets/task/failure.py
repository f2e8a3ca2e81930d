"""How a task ended badly, read from its row: the error that awaiting it raises, and the next step in words.

What the service wrote is shortened here for reading; the row and the error's attributes have all of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedance_widgets.errors import (
    DownloadError,
    OutcomeUnknown,
    RequestRejected,
    SeedanceError,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    shorten_text,
)
from seedance_widgets.log.row import NEVER_MADE, SAVE_ENDED_BADLY, FileState, Status

if TYPE_CHECKING:
    from seedance_widgets.log.row import TaskRow

__all__ = ["error_of"]


def error_of(row: TaskRow) -> SeedanceError | None:
    """What went wrong with the task of a row, None where nothing did or nothing has yet."""
    key, status = row.key, row.status
    if status == Status.FAILED:
        return TaskFailed(f"task {key} failed, nothing is billed. {_service_words(row)}")
    if status == Status.EXPIRED:
        return TaskExpired(
            f"task {key} was not finished in time and expired, nothing is billed. "
            "Send it again with a longer execution_expires_after.",
        )
    if status == Status.CANCELLED:
        return TaskCancelled(f"task {key} was cancelled, nothing is billed.")
    if status == Status.WITHDRAWN:
        again = (
            f"It was sent again as {row.resent_as}." if row.resent_as else "`await task.resend()` sends it."
        )
        return TaskCancelled(
            f"task {key} was withdrawn before it was sent: nothing was made, nothing is billed. {again}"
        )
    if status in NEVER_MADE:
        return _never_made(row)
    if status == Status.UNKNOWN:
        return OutcomeUnknown(_unclear(row))
    if status == Status.SUCCEEDED and row.file in SAVE_ENDED_BADLY:
        return DownloadError(_not_saved(row))
    return None


def _never_made(row: TaskRow) -> RequestRejected:
    refused = row.status == Status.REJECTED
    if row.resent_as:
        advice = f" It was sent again as {row.resent_as}."
    elif refused:
        advice = f" What to do: {row.trouble}" if row.trouble else ""
    else:
        advice = " `await task.resend()` sends it again."
    what = "was refused" if refused else "was not made"
    return RequestRejected(
        f"task {row.key} {what}, nothing is billed. {_service_words(row)}{advice}",
        code=row.error_code,
        message=row.error_message,
        param=row.error_param,
        request_id=row.request_id,
    )


def _unclear(row: TaskRow) -> str:
    key, reason = row.key, shorten_text(row.error_message or "")
    found = json.loads(row.candidates or "[]")
    known = f"It may be {' or '.join(found)}." if found else "`studio.log.unknown()` shows what is known."
    return (
        f"task {key}: the answer to its create was lost ({reason}). It may exist and be billed: nothing is "
        "re-sent, its cost stays reserved, and it is looked for in the service's list, by itself and by "
        f'`await studio.resume()`. To decide by hand: `task = await studio.task("{key}")`, then '
        f"`await task.adopt(id)` or `await task.abandon()`. {known}"
    )


def _not_saved(row: TaskRow) -> str:
    reason = shorten_text(str(row.trouble)).rstrip(".")
    if row.file == FileState.LOST:
        return (
            f"task {row.key} succeeded, and its clip is lost: {reason}. Put it back where it was, or "
            "`await studio.resume()` fetches it again within 24 hours of its end."
        )
    after = (
        "The kernel that followed it goes on trying, `await studio.resume()` tries at once. "
        "The service keeps files for 24 hours."
    )
    if row.file == FileState.EXPIRED:
        after = "The service keeps files for 24 hours, and they are over."
    return f"task {row.key} succeeded, but its clip is not saved: {reason}. {after}"


def _service_words(row: TaskRow) -> str:
    """What the service said, as a sentence."""
    words = ": ".join(filter(None, (row.error_code, row.error_message))) or "It did not say why."
    words = shorten_text(words)
    return words if words.endswith((".", "!", "?")) else f"{words}."
