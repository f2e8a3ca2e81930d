"""What the board shows, read from the log: small dicts without bytes, which stay in a saved notebook.

Everything is said in words here; the browser only adds the time that passes. A row holds what it has and
no more, so that fifty of them stay small:

====================== ===============================================================================
key, name, what        name is the shortened prompt, what the model and the parameters
group                  live, done or failed; what the filter goes by
word, warn             the status in words; warn where a person should look
start, took            begun, milliseconds since 1970; seconds it took
pace                   of a task that is followed: usual and late in seconds, words, from (what it rests on)
cost                   in words
cancel                 "" where the service allows it, else why it does not; absent where it makes no sense
clip, poster           whether there is one to open, to show
problem, advice, note  in words
====================== ===============================================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.log.answers import LIVE
from seedance_widgets.refusals import refusal_of

if TYPE_CHECKING:
    from seedance_widgets.log.journal import Row
    from seedance_widgets.log.pace import Deadline, Pace
    from seedance_widgets.runtime import StudioRuntime

__all__ = ["board_money", "board_row", "read_board", "shortened"]

_PROMPT = 120
_LENGTH = 300
_MILLISECOND = 1000  # in the log's microseconds
_SECOND = 1_000_000

_WORDS = {
    "intent": "sending",
    "unknown": "outcome unknown",
    "not_created": "not sent",
    "rejected": "refused",
}
_UNNAMED = {"final": "final of a draft"}
_CANCEL = {
    "queued": "",
    "running": "It runs already: the service cancels queued tasks only, and bills this one if it succeeds.",
}
_NOT_BILLED = "Nothing is billed."
_LOST = (
    "A task may exist and be billed; nothing is re-sent. `await studio.resume()` looks for it at the service."
)


def read_board(runtime: StudioRuntime, limit: int, budget_usd: float | None) -> dict[str, Any]:
    """The board's traits as the log has them now; blocks for some reads.

    Parameters
    ----------
    runtime
        Whose log it is, and who follows what.
    limit
        Rows at most; the newest are taken.
    budget_usd
        Cap in USD, None for none.
    """
    paces, ending = runtime.timing()
    rows = runtime.recent(limit)
    unfollowed = len(runtime.unfollowed())
    return {
        "rows": [board_row(row, paces.of(row), followed=runtime.follows(row["key"])) for row in rows],
        "money": board_money(*runtime.money(), budget_usd, simulated=runtime.simulated),
        "summary": {
            "older": max(0, runtime.journal.count() - len(rows)),
            "resume": f"{_counted(unfollowed, 'unfinished task')} not followed here." if unfollowed else "",
            "expiring": [{"what": _expiry(each), "until": each.until // _MILLISECOND} for each in ending],
        },
    }


def board_money(
    spent: float, reserved: float, budget_usd: float | None, *, simulated: bool
) -> dict[str, Any]:
    """Dollars spent, reserved and left, as figures for a bar and in words."""
    words = f"Spent {_usd(spent)}" + (f" and {_usd(reserved)} reserved" if reserved else "")
    if budget_usd is not None:
        left = budget_usd - spent - reserved
        words += f" of ${budget_usd:.2f}, " + (f"{_usd(-left)} over" if left < 0 else f"{_usd(left)} left")
    figures = {"spent": round(spent, 6), "reserved": round(reserved, 6), "budget": budget_usd}
    return {**figures, "words": words, "simulated": simulated}


def board_row(row: Row, pace: Pace, *, followed: bool) -> dict[str, Any]:
    """One row of the log as the board shows it.

    Parameters
    ----------
    row
        With all columns.
    pace
        Of tasks like it.
    followed
        Whether something may still happen to it by itself.
    """
    status = row["status"]
    if status == "intent" and not followed:
        # cut off between the intent and the answer, or another kernel's: nobody here will hear of it
        status, row = (
            "unknown",
            {**row, "status": "unknown", "error_message": "its kernel ended, or is another"},
        )
    saving = status == "succeeded" and row["file"] != "saved" and followed
    open_ = status in ("intent", *LIVE)
    problem, advice = (None, None) if saving else _trouble(row)
    lost = status == "succeeded" and problem is not None
    took = None
    if row["finished_at"] and row["finished_at"] >= row["created_at"]:
        took = round((row["finished_at"] - row["created_at"]) / _SECOND, 1)
    shown = {
        "key": row["key"],
        "group": "live" if open_ or saving else "done" if status == "succeeded" else "failed",
        "word": "saving clip" if saving else "clip not saved" if lost else _WORDS.get(status, status),
        "warn": lost or status in ("unknown", "expired", "cancelled") or None,
        "name": shortened(row["prompt"], _PROMPT) or _UNNAMED.get(row["kind"], "no prompt"),
        "what": " · ".join(_what(row)),
        "start": _began(row) // _MILLISECOND,
        "took": took,
        "pace": _figures(pace) if open_ and followed else None,
        "cost": _cost(row),
        "cancel": _CANCEL.get(status),
        "clip": bool(row["video_path"]) or None,
        "poster": bool(row["poster_path"]) or None,
        "problem": shortened(problem, _LENGTH),
        "advice": shortened(advice, _LENGTH),
        "note": None if problem else shortened(row["note"], _LENGTH),
    }
    return {name: value for name, value in shown.items() if value is not None}


def shortened(text: str | None, limit: int) -> str | None:
    """At most ``limit`` characters, with three dots where some are left out."""
    return text if text is None or len(text) <= limit else text[: limit - 3] + "..."


def _began(row: Row) -> int:
    # The wait before a create was accepted is no part of making the clip. The service's clock may be behind
    # ours, but a task that was made elsewhere began when the service says.
    return int(row["created_at"] if row["body"] is None else max(row["created_at"], row["intent_at"]))


def _cost(row: Row) -> str:
    if row["usd"] is not None:
        return _usd(row["usd"]) if row["usd"] else "not billed"
    if row["est_usd"] is not None:
        return f"about {_usd(row['est_usd'])}"
    return f"at most {_usd(row['reserved_usd'])}" if row["reserved_usd"] else "price not known"


def _usd(value: float) -> str:
    return f"${value:.4f}"


def _counted(count: int, name: str) -> str:
    return f"1 {name} is" if count == 1 else f"{count} {name}s are"


def _expiry(each: Deadline) -> str:
    """As in "2 clips not saved yet, the first gone in", before the time that is left."""
    name = each.what + ("s" if each.count > 1 else "")
    lacks = "not saved yet" if each.what == "clip" else "without a final"
    return f"{each.count} {name} {lacks}, {'the first ' if each.count > 1 else ''}gone in"


def _name(model: str | None) -> str:
    if not model:
        return "unknown model"
    try:
        return catalog.find(model).name
    except InvalidRequest:
        return model


def _what(row: Row) -> list[str]:
    seed = row["requested_seed"] if row["seed"] is None else row["seed"]
    length = f"{row['duration']} s" if row["duration"] else f"{row['frames']} frames"
    if not row["duration"] and not row["frames"]:
        length = ""
    elif row["duration"] == -1:
        length = "length by the model"
    parts = [
        _name(row["model"]),
        row["resolution"],
        row["ratio"],
        length,
        row["kind"] if row["kind"] != "standard" else "",
        "flex" if row["service_tier"] == "flex" else "",
        "" if seed is None else f"seed {seed}",
    ]
    return [part for part in parts if part]


def _figures(pace: Pace) -> dict[str, Any]:
    like = "model, resolution and length" if pace.same else "model"
    rests = f"from {pace.count} finished task{'' if pace.count == 1 else 's'} of this {like}"
    return {
        "usual": round(pace.usual, 1),
        "late": round(pace.late, 1),
        "words": pace.words,
        "from": rests
        if pace.count
        else "no task like it has finished yet: the bar only shows that time passes",
    }


def _trouble(row: Row) -> tuple[str | None, str | None]:
    """What went wrong and what to do about it, in words; None for what did not."""
    status, file, note = row["status"], row["file"], row["note"]
    said = f"{row['error_code'] or 'no code'}: {row['error_message'] or 'no message'}"
    if status in ("failed", "rejected"):
        advice = _advice(row["error_code"] or "", row["error_message"] or "")
        return said, f"{advice} {_NOT_BILLED}" if advice else _NOT_BILLED
    if status == "expired":
        return (
            "It was not finished in time.",
            f"Send it again with a longer execution_expires_after. {_NOT_BILLED}",
        )
    if status == "not_created":
        return f"It never reached the service: {row['error_message']}", f"Send it again. {_NOT_BILLED}"
    if status == "unknown":
        return f"The answer was lost: {row['error_message']}", _LOST
    if status == "succeeded" and file == "expired":
        return f"Its clip is gone: {note}", "The service keeps files for 24 hours. Generate it again."
    if status == "succeeded" and file != "saved":
        why = f": {note}" if note else ""
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
    return refusal_of(httpx.Response(status), json.dumps({"error": fault}).encode(), "", str).advice
