"""What the board shows, read from the log: small dicts without bytes, which stay in a saved notebook.

Everything is said in words here; the browser only adds the time that passes. A `BoardRow` holds what it has
and no more, so that fifty of them stay small.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict, cast

import httpx

from seedance_widgets import catalog
from seedance_widgets.log.budget import Budget
from seedance_widgets.log.row import FAULTED, UNDERWAY, WORRYING, FileState, Status
from seedance_widgets.modelark.error_codes import refusal_of
from seedance_widgets.task.card import STATUS_WORDS, shorten
from seedance_widgets.units import cost_text, count_text, seconds_of, usd_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedance_widgets.following.pace import Pace
    from seedance_widgets.log.budget import Standing
    from seedance_widgets.log.expiry import Deadline
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.runtime import StudioRuntime

__all__ = ["BoardRow", "board_money", "board_row", "read_board"]

_PROMPT = 120
_LENGTH = 300
_TAG = 60
_MILLISECOND = 1000  # in the log's microseconds

_UNNAMED = {"final": "final of a draft"}
_CANCEL = {
    Status.QUEUED: "",
    Status.RUNNING: (
        "It runs already: the service cancels queued tasks only, and bills this one if it succeeds."
    ),
}
_NOT_BILLED = "Nothing is billed."
_LOST = (
    "A task may exist and be billed; nothing is re-sent. `await studio.resume()` looks for it at the service."
)


class BoardRow(TypedDict, total=False):
    """One task as the board shows it."""

    key: str
    name: str
    """Its prompt, shortened."""
    what: str
    """The model and the parameters."""
    group: str
    """live, done or failed: what the filter goes by."""
    word: str
    """The status."""
    warn: bool
    """Whether a person should look."""
    start: int
    """Begun, milliseconds since 1970."""
    took: float
    """Seconds."""
    pace: dict[str, Any]
    """Of a task that is followed: usual and late in seconds, words, from (what it rests on)."""
    cost: str
    cancel: str
    """Empty where the service allows it, else why it does not; absent where it makes no sense."""
    clip: bool
    """Whether there is one to open."""
    poster: bool
    problem: str
    advice: str
    note: str


def read_board(runtime: StudioRuntime, limit: int, budgets: Sequence[Budget]) -> dict[str, Any]:
    """The board's traits as the log has them now; blocks for some reads.

    Parameters
    ----------
    runtime
        Whose log it is, and who follows what.
    limit
        Rows at most; the newest are taken.
    budgets
        Of the studio.
    """
    paces, ending = runtime.timing()
    rows = runtime.recent(limit)
    tags = runtime.journal.tags_of(row.key for row in rows)
    unfollowed = len(runtime.unfollowed())
    return {
        "rows": [
            board_row(row, paces.of(row), followed=runtime.follows(row.key), tags=tags.get(row.key, {}))
            for row in rows
        ],
        "money": board_money(
            *runtime.money(), runtime.journal.standings(budgets), simulated=runtime.simulated
        ),
        "summary": {
            "older": max(0, runtime.journal.count() - len(rows)),
            "resume": _left_alone_text(unfollowed),
            "expiring": [{"what": _expiry(each), "until": each.until // _MILLISECOND} for each in ending],
        },
    }


def board_money(
    spent: float, reserved: float, standings: Sequence[Standing], *, simulated: bool
) -> dict[str, Any]:
    """Dollars spent, reserved and left, as figures and in words; of several budgets, by the tightest."""
    words, usd = "", None
    if standings:
        tightest = min(standings, key=lambda each: each.left)
        counts_all = tightest.budget == Budget(tightest.budget.usd)
        words = "" if counts_all else f"{_spent_text(spent, reserved)} in all. "
        spent, reserved, usd = tightest.spent, tightest.reserved, tightest.budget.usd
    words += _spent_text(spent, reserved)
    if standings:
        left = tightest.left
        words += f" of {tightest.budget}, " + (
            f"{usd_text(-left)} over" if left < 0 else f"{usd_text(left)} left"
        )
        if len(standings) > 1:
            others = len(standings) - 1
            words += f"; the other {count_text(others, 'budget')} {'leaves' if others == 1 else 'leave'} more"
    figures = {"spent": round(spent, 6), "reserved": round(reserved, 6), "budget": usd}
    return {**figures, "words": words, "simulated": simulated}


def _spent_text(spent: float, reserved: float) -> str:
    return f"Spent {usd_text(spent)}" + (f" and {usd_text(reserved)} reserved" if reserved else "")


def board_row(
    row: TaskRow, pace: Pace, *, followed: bool, tags: Mapping[str, str] = MappingProxyType({})
) -> BoardRow:
    """One row of the log as the board shows it.

    Parameters
    ----------
    row
        With all columns.
    pace
        Of tasks like it.
    followed
        Whether something may still happen to it by itself.
    tags
        Of the task.
    """
    if row.status == Status.INTENT and not followed:
        # cut off between the intent and the answer, or another kernel's: nobody here will hear of it
        row = replace(row, status=Status.UNKNOWN, error_message="its kernel ended, or is another")
    status = row.status
    saving = status == Status.SUCCEEDED and row.file != FileState.SAVED and followed
    open_ = status in UNDERWAY
    problem, advice = (None, None) if saving else _trouble(row)
    lost = status == Status.SUCCEEDED and problem is not None
    word = "saving clip" if saving else "clip not saved" if lost else STATUS_WORDS.get(status, str(status))
    took = None
    if row.finished_at and row.finished_at >= row.created_at:
        took = round(seconds_of(row.finished_at - row.created_at), 1)
    shown = {
        "key": row.key,
        "group": "live" if open_ or saving else "done" if status == Status.SUCCEEDED else "failed",
        "word": word,
        "warn": lost or status in WORRYING or None,
        "name": shorten(row.prompt or "", _PROMPT) or _UNNAMED.get(row.kind, "no prompt"),
        "what": " · ".join(
            [*_what(row), *(shorten(f"{name}={value}", _TAG) for name, value in tags.items())]
        ),
        "start": _began(row) // _MILLISECOND,
        "took": took,
        "pace": _figures(pace) if open_ and followed else None,
        "cost": _cost(row),
        "cancel": _CANCEL.get(status),
        "clip": bool(row.video_path) or None,
        "poster": bool(row.poster_path) or None,
        "problem": problem and shorten(problem, _LENGTH),
        "advice": advice and shorten(advice, _LENGTH),
        "note": None if problem or row.words is None else shorten(row.words, _LENGTH),
    }
    return cast("BoardRow", {name: value for name, value in shown.items() if value is not None})


def _began(row: TaskRow) -> int:
    # The wait before a create was accepted is no part of making the clip. The service's clock may be behind
    # ours, but a task that was made elsewhere began when the service says.
    return row.created_at if row.body is None else max(row.created_at, row.intent_at)


def _cost(row: TaskRow) -> str:
    if row.usd == 0:
        return "not billed"
    return cost_text(row.usd, row.est_usd, row.reserved_usd or None)


def _left_alone_text(count: int) -> str:
    return (
        f"{count_text(count, 'unfinished task')} {'is' if count == 1 else 'are'} not followed here."
        if count
        else ""
    )


def _expiry(each: Deadline) -> str:
    """As in "2 clips not saved yet, the first gone in", before the time that is left."""
    lacks = "not saved yet" if each.what == "clip" else "without a final"
    return f"{count_text(each.count, each.what)} {lacks}, {'the first ' if each.count > 1 else ''}gone in"


def _name(model: str | None) -> str:
    return catalog.short_name(model) if model else "unknown model"


def _what(row: TaskRow) -> list[str]:
    seed = row.requested_seed if row.seed is None else row.seed
    length = f"{row.duration} s" if row.duration else f"{row.frames} frames"
    if not row.duration and not row.frames:
        length = ""
    elif row.duration == -1:
        length = "length by the model"
    parts = [
        _name(row.model),
        row.resolution,
        row.ratio,
        length,
        row.kind if row.kind != "standard" else "",
        "flex" if row.service_tier == "flex" else "",
        "" if seed is None else f"seed {seed}",
    ]
    return [part for part in parts if part]


def _figures(pace: Pace) -> dict[str, Any]:
    like = "model, resolution and length" if pace.same else "model"
    rests = f"from {count_text(pace.count, 'finished task')} of this {like}"
    return {
        "usual": round(pace.usual, 1),
        "late": round(pace.late, 1),
        "words": pace.words,
        "from": rests
        if pace.count
        else "no task like it has finished yet: the bar only shows that time passes",
    }


def _trouble(row: TaskRow) -> tuple[str | None, str | None]:
    """What went wrong and what to do about it, in words; None for what did not."""
    status, file, trouble = row.status, row.file, row.trouble
    said = f"{row.error_code or 'no code'}: {row.error_message or 'no message'}"
    if status in FAULTED:
        advice = _advice(row.error_code or "", row.error_message or "")
        return said, f"{advice} {_NOT_BILLED}" if advice else _NOT_BILLED
    if status == Status.EXPIRED:
        return (
            "It was not finished in time.",
            f"Send it again with a longer execution_expires_after. {_NOT_BILLED}",
        )
    if status == Status.NOT_CREATED:
        return f"It never reached the service: {row.error_message}", f"Send it again. {_NOT_BILLED}"
    if status == Status.UNKNOWN:
        return f"The answer was lost: {row.error_message}", _LOST
    if status == Status.SUCCEEDED and file == FileState.LOST:
        return f"Its clip is lost: {trouble}", "Put it back, or resume within 24 hours of its end."
    if status == Status.SUCCEEDED and file == FileState.EXPIRED:
        return f"Its clip is gone: {trouble}", "The service keeps files for 24 hours. Generate it again."
    if status == Status.SUCCEEDED and file != FileState.SAVED:
        why = f": {trouble}" if trouble else ""
        return (
            f"Its clip is not saved yet{why}",
            "Resume fetches it; the service keeps files for 24 hours.",
        )
    return None, None


def _advice(code: str, message: str) -> str | None:
    """The advice for a code, from the one table that knows them all, which takes answers."""
    told = code.removeprefix("HTTP ")
    status = int(told) if told.isdigit() and told != code else httpx.codes.OK
    fault = {"message": message} if told != code else {"code": code, "message": message}
    return refusal_of(status, fault).advice
