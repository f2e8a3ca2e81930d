"""What an answer about a task says, as columns of its row.

Every field but id and status is optional: the service leaves most of them out before success, and newer
ones appear. A field of an unexpected type is passed over here; the raw answer is kept beside the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, String

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.log.schema import tasks
from seedance_widgets.pricing import cost_usd, frames_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDED", "FINAL", "LIVE", "SERVICE_STATUSES", "UNCLEAR", "columns_of"]

LIVE = ("queued", "running")
ENDED = ("succeeded", "failed", "cancelled", "expired")
SERVICE_STATUSES = (*LIVE, *ENDED)
# sent or not, made or not: only a listing can tell
UNCLEAR = ("intent", "unknown")
# no status follows one of these
FINAL = (*ENDED, "rejected", "not_created")

_SECOND = 1_000_000
_LAST_SECOND = 1 << 33  # the year 2242; a later one is no date


# column, path in the answer, type
_FIELDS: tuple[tuple[str, tuple[str, ...], type], ...] = (
    ("resolution", ("resolution",), str),
    ("ratio", ("ratio",), str),
    ("service_tier", ("service_tier",), str),
    ("seed", ("seed",), int),
    ("duration", ("duration",), int),
    ("frames", ("frames",), int),
    ("generate_audio", ("generate_audio",), bool),
    ("tokens", ("usage", "completion_tokens"), int),
    ("video_url", ("content", "video_url"), str),
    ("last_frame_url", ("content", "last_frame_url"), str),
    ("error_code", ("error", "code"), str),
    ("error_message", ("error", "message"), str),
)


def columns_of(answer: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that a GET or LIST item sets on a row, given the row as it stands.

    ``usd`` is the billed tokens at the price the row was estimated with; a task that ended without a
    clip was not billed and costs 0.0.
    """
    found: dict[str, Any] = {}
    for column, path, kind in _FIELDS:
        value = _at(answer, path)
        if type(value) is kind and _has_room(column, value):
            found[column] = value
    status = answer.get("status")
    if status in SERVICE_STATUSES:
        found["status"] = status
    elif status is not None:
        found["note"] = f"the service answered with a status that is not known here: {status!r:.60}"
    dated = {"created_at": "created_at"} | ({"updated_at": "finished_at"} if status in ENDED else {})
    for name, column in dated.items():
        seconds = answer.get(name)
        if seconds is not True and isinstance(seconds, int | float) and 0 < seconds < _LAST_SECOND:
            found[column] = int(seconds * _SECOND)
    if status in ENDED:
        found.update(_settled({**row, **found}, answer))
    return found


def _has_room(column: str, value: Any) -> bool:
    """Whether the column can hold it: a number too large for its column would stop the whole row."""
    kind = tasks.c[column].type
    if isinstance(value, str):
        return not isinstance(kind, String) or kind.length is None or len(value) <= kind.length
    # -1 stands for "the service chooses"; no clip takes less than no tokens
    least = 0 if column == "tokens" else -1
    return bool(least <= value < 1 << (62 if isinstance(kind, BigInteger) else 31))


def _at(answer: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = answer
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _settled(row: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Size and cost of a task that has ended; nothing stays reserved for it."""
    if row["status"] != "succeeded":
        return {"usd": 0.0, "reserved_usd": 0.0}
    settled: dict[str, Any] = {"reserved_usd": 0.0}
    if "frames" not in answer and isinstance(row.get("duration"), int):
        settled["frames"] = frames_of(row["duration"])
    try:
        spec = catalog.find(str(row.get("model")))
    except InvalidRequest:
        spec = None
    size = spec.size(str(row.get("resolution")), str(row.get("ratio"))) if spec else None
    if size:
        settled["width"], settled["height"] = size
    price: float | None = row.get("usd_per_million")
    if price is None and spec is not None:
        known = spec.price_for(
            tier=str(row.get("service_tier") or "default"),
            resolution=str(row.get("resolution")),
            audio=spec.audio if row.get("generate_audio") is None else bool(row["generate_audio"]),
        )
        price = known.usd_per_million if known else None
        settled["price_id"] = known.id if known else None
    settled["usd_per_million"] = price
    settled["usd"] = cost_usd(row.get("tokens"), price)
    if row.get("tokens") is None:
        # billed, and not said how much: what was reserved stands in for it
        del settled["reserved_usd"]
    return settled
