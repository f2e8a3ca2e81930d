"""What a request, an answer and a match say, as columns of a row; and which task of the service a row is of.

Every field of an answer but id and status is optional: the service leaves most of them out before success,
and newer ones appear. A field of an unexpected type is passed over here; the raw answer is kept beside the
row.

A row carries a fingerprint in the expiry of its request, which every answer echoes, and a seed, which is
shown once a task has succeeded: these tell tasks apart.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import BigInteger, String, and_, select

from seedance_widgets import catalog
from seedance_widgets.inputs.video import VideoInput
from seedance_widgets.log.billing import read_tokens, settle
from seedance_widgets.log.queries import NONCE_DAYS
from seedance_widgets.log.row import ENDED, OPEN_TO_MATCH, SERVICE_STATUSES, RowChanges, Status, TaskRow
from seedance_widgets.log.schema import tasks
from seedance_widgets.request.fields import MEDIA, PARAMETERS, SEVERAL, Kind
from seedance_widgets.units import DAY, micros_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from seedance_widgets.inputs.medium import Medium
    from seedance_widgets.request.pricing import Estimate

__all__ = [
    "Order",
    "columns_from_draft",
    "columns_of",
    "columns_of_request",
    "drawn_seed",
    "find_lost_intent",
    "has_drawn_seed",
    "links_of",
    "match",
    "reopen",
    "seed_differs",
    "unmatch",
]

_FROM_DRAFT = [
    "prompt",
    *(row.name for row in MEDIA),
    *(name for name, row in PARAMETERS.items() if row.reused and row.logged),
]
_LAST = 1 << 31  # no expiry is beyond
_LAST_SECOND = 1 << 33  # the year 2242; a later one is no date
_TYPES = {Kind.FLAG: bool, Kind.NUMBER: int, Kind.CHOICE: str, Kind.TEXT: str}
# column, path in the answer, type
_FIELDS: tuple[tuple[str, tuple[str, ...], type], ...] = (
    *(
        (name, (name,), _TYPES[row.kind])
        for name, row in PARAMETERS.items()
        if row.answered and name in tasks.c
    ),
    ("video_url", ("content", "video_url"), str),
    ("last_frame_url", ("content", "last_frame_url"), str),
    ("error_code", ("error", "code"), str),
    ("error_message", ("error", "message"), str),
)


def columns_of(answer: Mapping[str, Any], row: TaskRow) -> RowChanges:
    """Columns that a GET or LIST item sets on a row, given the row as it stands.

    `billing.settle` says what a clip cost; a task that ended without one was not billed and costs 0.0.
    """
    found: dict[str, Any] = {}
    for column, path, kind in _FIELDS:
        value = _at(answer, path)
        if type(value) is kind and _has_room(column, value):
            found[column] = value
    tokens = read_tokens(answer)
    if tokens is not None and _has_room("tokens", tokens):
        found["tokens"] = tokens
    status = answer.get("status")
    if status in SERVICE_STATUSES:
        found["status"] = Status(status)
    elif status is not None:
        found["trouble"] = f"the service answered with a status that is not known here: {status!r:.60}"
    dated = {"created_at": "created_at"} | ({"updated_at": "finished_at"} if status in ENDED else {})
    for name, column in dated.items():
        seconds = answer.get(name)
        if seconds is not True and isinstance(seconds, int | float) and 0 < seconds < _LAST_SECOND:
            found[column] = micros_of(seconds)
    if status in ENDED:
        ended = row.with_changes(cast("RowChanges", found))
        found |= settle(ended, answer) if status == Status.SUCCEEDED else {"usd": 0.0, "reserved_usd": 0.0}
    return cast("RowChanges", found)


def links_of(changes: RowChanges) -> RowChanges:
    """Of what an answer says, only the addresses of files."""
    links: RowChanges = {}
    if "video_url" in changes:
        links["video_url"] = changes["video_url"]
    if "last_frame_url" in changes:
        links["last_frame_url"] = changes["last_frame_url"]
    return links


def _has_room(column: str, value: Any) -> bool:
    """Whether the column can hold it: a number too large for its column would stop the whole row."""
    kind = tasks.c[column].type
    if isinstance(value, str):
        return not isinstance(kind, String) or kind.length is None or len(value) <= kind.length
    # -1 stands for "the service chooses"
    return bool(-1 <= value < 1 << (62 if isinstance(kind, BigInteger) else 31))


def _at(answer: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = answer
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Order:
    """A request that is to be begun.

    ``estimate`` has the request in it, ``stored`` says where its pictures are (sha256 -> path relative to the
    home), ``extra`` has further columns of its row, such as ``parent_key`` or ``study``. ``instead_of`` is
    the key of a row that was never made, of which this one is sent in place: once at most. ``tags`` are what
    people call it, and are not sent.
    """

    estimate: Estimate
    stored: Mapping[str, str] = field(default_factory=dict)
    extra: RowChanges = field(default_factory=RowChanges)
    instead_of: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def columns_of_request(estimate: Estimate, stored: Mapping[str, str], sent: Mapping[str, Any]) -> RowChanges:
    """Columns of a request that was estimated.

    Parameters
    ----------
    estimate
        With the request in it.
    stored
        Where the bytes of each picture and sound are: sha256 -> path relative to the home. The logged body
        holds the path, and with it the hash, in place of the data.
    sent
        Body fields that are chosen at sending: the seed, and the fingerprint in the expiry.
    """
    request = estimate.request

    def address(medium: Medium) -> str:
        if isinstance(medium, VideoInput) and medium.task:
            return medium.label  # its link expires; the log has its task
        return stored[medium.sha256] if medium.sha256 else medium.data_url

    asked = {name: request.effective(name) for name, row in PARAMETERS.items() if row.logged}
    for row, media in request.media():
        shown = [stored[medium.sha256] if medium.sha256 else medium.label for medium in media]
        if row.kind is Kind.PICTURES:
            asked[row.name] = json.dumps(shown) if request.mode == row.mode else None
        elif row.kind in SEVERAL:
            asked[row.name] = json.dumps(shown) if shown else None
        else:
            asked[row.name] = shown[0] if shown else None
    return {
        "kind": request.kind,
        "mode": request.mode,
        "model": request.spec.id,
        "wire_model": request.spec.wire_id,
        "prompt": request.prompt or None,
        **cast("RowChanges", asked),
        "width": estimate.width,
        "height": estimate.height,
        "frames": estimate.frames,
        "requested_seed": sent.get("seed", request.seed),
        "est_tokens": estimate.tokens,
        "est_usd": estimate.usd,
        "price_id": estimate.price_id,
        "usd_per_million": estimate.price.usd_per_million if estimate.price else None,
        "reserved_usd": estimate.usd_max or 0.0,
        "body": json.dumps({**request.to_dict(address=address), **sent}, ensure_ascii=False),
    }


def columns_from_draft(draft: TaskRow | None) -> RowChanges:
    """Columns that a final's row has from its draft's: its request does not name them, and reuses them.

    The seed stands where the service tells it, as it is not sent again.
    """
    if draft is None:
        return {}
    reused = {name: getattr(draft, name) for name in _FROM_DRAFT}
    seed = draft.requested_seed if draft.seed is None else draft.seed
    return cast("RowChanges", {"parent_key": draft.key, "seed": seed, **reused})


def drawn_seed(key: str) -> int:
    """The seed that is drawn for a row where nobody gave one: of its key, so that it shows who drew it."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) >> 1


def has_drawn_seed(row: TaskRow) -> bool:
    """Whether the row's seed was drawn for it: a person's own may be sent by many."""
    return row.requested_seed == drawn_seed(row.key)


def seed_differs(row: TaskRow, seed: object) -> bool:
    """Whether a task that shows this seed cannot be the one that the row asked for."""
    return None not in (row.requested_seed, seed) and seed != row.requested_seed


def find_lost_intent(
    connection: Connection, answer: Mapping[str, Any], *, simulated: bool, now: int
) -> TaskRow | None:
    """The one row that waits for the task of an answer: its fingerprint and its seed say so.

    Parameters
    ----------
    connection
        In a transaction.
    answer
        About the task, as the service gives it.
    simulated
        Kind of the rows.
    now
        Microseconds since 1970: a fingerprint is unique among the intents of some days.
    """
    told, seed, model = (answer.get(name) for name in ("execution_expires_after", "seed", "model"))
    if type(told) is not int or not 0 < told < _LAST:
        return None
    lost = and_(
        tasks.c.status.in_(OPEN_TO_MATCH),
        tasks.c.task_id.is_(None),
        tasks.c.nonce == told - catalog.rules().expires_after_default,
        tasks.c.wire_model == (model if isinstance(model, str) else None),
        tasks.c.intent_at > now - micros_of(NONCE_DAYS * DAY),
        tasks.c.simulated.is_(simulated),
    )
    rows = [TaskRow.read(line) for line in connection.execute(select(tasks).where(lost))]
    found = [row for row in rows if not seed_differs(row, seed if type(seed) is int else None)]
    return found[0] if len(found) == 1 else None


def reopen(row: TaskRow) -> RowChanges:
    """Columns of a row that may cost something, which is reserved again if it was not any more."""
    return {
        "candidates": None,
        "trouble": None,
        "finished_at": None,
        "usd": None,
        "reserved_usd": row.reserved_usd or row.est_usd or 0.0,
    }


def match(row: TaskRow, task_id: str, by: str | None) -> RowChanges:
    """Columns of a row whose task is known.

    ``by`` is ``fingerprint``, ``nonce``, ``person``, or None for its sender.
    """
    return {
        **reopen(row),
        "task_id": task_id,
        "status": Status.QUEUED,
        "matched_by": by,
        "error_message": None,
    }


def unmatch(row: TaskRow, seed: object) -> RowChanges:
    """Columns of a row whose task turned out to be another's."""
    return {
        "task_id": None,
        "status": Status.UNKNOWN,
        "matched_by": None,
        "candidates": json.dumps([row.task_id]),
        "error_message": f"task {row.task_id} had its fingerprint, but has seed {seed}, not "
        f"{row.requested_seed}",
    }
