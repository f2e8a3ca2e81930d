"""One task's row in the log: its columns with their types, and its status.

`TaskRow` is the one place that says which columns there are. The table in ``schema`` is made from it, so that
a column's name, its type in Python and its type in the database cannot differ, and a misspelt column is found
by the type check. Times are whole microseconds since 1970 UTC, money is in USD, absent is None.

>>> row.status is Status.RUNNING, row.status in LIVE                            # doctest: +SKIP
(True, True)
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Self, TypedDict, get_args, get_type_hints

from sqlalchemy import BigInteger, Boolean, Column, Enum, Float, Integer, Row, String, Text, true

__all__ = [
    "CLIPLESS",
    "DELETABLE",
    "ENDED",
    "FAULTED",
    "FINAL",
    "FOLLOWED",
    "LIVE",
    "NEVER_MADE",
    "OPEN_TO_MATCH",
    "SAVE_ENDED_BADLY",
    "SERVICE_STATUSES",
    "TO_SAVE",
    "UNCLEAR",
    "UNDERWAY",
    "WORRYING",
    "FileState",
    "RowChanges",
    "Status",
    "TaskRow",
    "table_columns",
]


class Status(StrEnum):
    """Where a task stands: the service's six statuses, and five of ours."""

    INTENT = "intent"
    """Written down, and not accepted yet: it waits at a gate or is being sent."""
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """Sent, and the answer was lost: a paid task may exist."""
    NOT_CREATED = "not_created"
    """It provably never arrived, or a person said so."""
    REJECTED = "rejected"
    """The service refused it, and made nothing."""
    WITHDRAWN = "withdrawn"
    """A person took it back before it was sent."""


class FileState(StrEnum):
    """Where a task's clip is."""

    NONE = "none"
    SAVED = "saved"
    FAILED = "failed"
    EXPIRED = "expired"
    LOST = "lost"
    """It was saved, and is not there any more."""


LIVE = (Status.QUEUED, Status.RUNNING)
"""At the service, with an end to wait for."""
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED)
"""Ended at the service."""
SERVICE_STATUSES = (*LIVE, *ENDED)
"""Those that an answer may say."""
UNCLEAR = (Status.INTENT, Status.UNKNOWN)
"""Sent or not, made or not: only a listing can tell."""
FOLLOWED = (*LIVE, Status.UNKNOWN)
"""Of a task with an id: the service is asked how it stands."""
UNDERWAY = (Status.INTENT, *LIVE)
"""On the way: whoever awaits the task waits."""
FINAL = (*ENDED, Status.REJECTED, Status.NOT_CREATED, Status.WITHDRAWN)
"""No status follows one of these."""
OPEN_TO_MATCH = (*UNCLEAR, Status.NOT_CREATED)
"""The service's own record of the task may still be matched: what was believed is weaker evidence."""
NEVER_MADE = (Status.REJECTED, Status.NOT_CREATED, Status.WITHDRAWN)
"""No task came of the request: it may be sent again."""
CLIPLESS = (Status.FAILED, Status.CANCELLED, Status.EXPIRED, *NEVER_MADE)
"""Final without a clip: nothing was billed."""
FAULTED = (Status.FAILED, Status.REJECTED)
"""The service said what is wrong, and the row has its code."""
DELETABLE = (Status.SUCCEEDED, Status.FAILED, Status.EXPIRED)
"""Ended, with a record at the service that it lets one delete."""
WORRYING = (Status.UNKNOWN, Status.EXPIRED, Status.CANCELLED)
"""Neither going well nor plainly wrong: a person should look."""

TO_SAVE = (FileState.NONE, FileState.FAILED)
"""Of a clip that was made: it may still be saved."""
SAVE_ENDED_BADLY = (FileState.FAILED, FileState.EXPIRED, FileState.LOST)
"""Of a clip that was made: it is not on the disk, and nobody tries any more by itself."""


def _enum_column(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, length=16, values_callable=lambda of: [each.value for each in of])


# how a column is stored, besides its name and whether it may be absent, which its annotation says
_as = partial(partial, Column)

Text32 = Annotated[str | None, _as(type_=String(32))]
Text16 = Annotated[str | None, _as(type_=String(16))]
LongText = Annotated[str | None, _as(type_=Text)]
Text64 = Annotated[str | None, _as(type_=String(64))]
Text24 = Annotated[str | None, _as(type_=String(24))]
Count = Annotated[int | None, _as(type_=Integer)]
BigCount = Annotated[int | None, _as(type_=BigInteger)]
Figure = Annotated[float | None, _as(type_=Float)]
Flag = Annotated[bool | None, _as(type_=Boolean)]
Time = Annotated[int | None, _as(type_=BigInteger, info={"time": True})]
StoredPath = Annotated[str | None, _as(type_=Text, info={"path": True})]


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task as the log has it, as of one revision. Never changed: news make another."""

    key: Annotated[str, _as(type_=String(32), primary_key=True)]
    task_id: Annotated[str | None, _as(type_=String(128), index=True)] = None
    status: Annotated[Status, _as(type_=_enum_column(Status))]
    kind: Annotated[str, _as(type_=String(16))]
    mode: Text24 = None
    model: Text64 = None
    prompt: LongText = None
    resolution: Text16 = None
    ratio: Text16 = None
    width: Count = None
    height: Count = None
    duration: Count = None
    frames: Count = None
    seed: BigCount = None
    requested_seed: BigCount = None
    camera_fixed: Flag = None
    watermark: Flag = None
    generate_audio: Flag = None
    service_tier: Text16 = None
    first_frame: LongText = None
    last_frame: LongText = None
    reference_images: LongText = None  # a JSON list
    reference_videos: LongText = None  # the same: task:<key>, asset ids, addresses without their query
    reference_audios: LongText = None
    tokens: BigCount = None
    usd: Figure = None
    est_tokens: BigCount = None
    est_usd: Figure = None
    price_id: LongText = None
    file: Annotated[FileState, _as(type_=_enum_column(FileState))] = FileState.NONE
    video_path: StoredPath = None
    last_frame_path: StoredPath = None
    sha256: Text64 = None
    error_code: LongText = None
    error_message: LongText = None
    created_at: Annotated[int, _as(type_=BigInteger, info={"time": True}, nullable=True)]
    """Ours until the service has said its own."""
    finished_at: Time = None
    saved_at: Time = None
    parent_key: Text32 = None
    study: LongText = None
    arm: LongText = None
    item: LongText = None
    verdict: LongText = None
    simulated: Annotated[bool, _as(type_=Boolean)]
    # --- further columns, free to change -----------------------------------------------------------------
    poster_path: StoredPath = None
    preview_path: StoredPath = None  # H.264, where the clip's own codec does not play in browsers
    error_param: LongText = None
    note: LongText = None  # a person's
    batch: LongText = None  # of a table of requests: its name
    batch_row: Text64 = None  # which of its requests: their hash, and how many equal ones come before it
    trouble: LongText = None  # the last trouble that did not change the status
    remark: LongText = None  # what came otherwise than asked for, or was billed otherwise than estimated
    usd_per_million: Figure = None
    reserved_usd: Annotated[float, _as(type_=Float)] = 0.0
    counted: Annotated[bool, _as(type_=Boolean, server_default=true())] = True  # against budgets
    home: Text32 = None  # id of the home it was begun in
    nonce: Count = None
    matched_by: Text16 = None  # how a lost id was found again: fingerprint, nonce, or person
    candidates: LongText = None  # JSON list of ids, where only a person can say which one it is
    owner: Text32 = None  # the kernel that looks after the task
    chain: Text64 = None  # of a link: hash of its definition and of those of the links before it
    resent_as: Text32 = None  # key of the row that was sent in place of this one
    study_seed: BigCount = None  # which of its study's seeds a clip stands for, sent or not
    wire_model: LongText = None
    body: LongText = None  # what was sent, pictures as inputs/<sha256>.<ext>
    request_id: LongText = None
    client_request_id: LongText = None
    video_url: LongText = None
    last_frame_url: LongText = None
    intent_at: Annotated[int, _as(type_=BigInteger, info={"time": True}, nullable=True)]
    sent_at: Time = None  # of an unclear create: the last moment at which it may have been sent
    revision: Annotated[int, _as(type_=Integer)] = 0

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to come by itself: its end, or its file."""
        return self.status in UNDERWAY or (self.status is Status.SUCCEEDED and self.file is FileState.NONE)

    @property
    def words(self) -> str | None:
        """What is remarkable about it and what its last trouble was, for people."""
        return "; ".join(filter(None, (self.remark, self.trouble))) or None

    @property
    def is_unclear(self) -> bool:
        """Whether only the service's list can tell if a task was made of it."""
        return self.task_id is None and self.status in UNCLEAR

    @classmethod
    def read(cls, line: Row[Any]) -> Self:
        """The row of a line of the table, as ``select(tasks)`` gives it: every column, in the row's order."""
        row = cls.__new__(cls)
        # past __init__, which sets 60 frozen fields one by one: a table of 10,000 tasks is read at once
        row.__dict__.update(zip(_NAMES, line, strict=True))
        return row

    def with_changes(self, changes: "RowChanges") -> Self:
        """The newer row, in which some columns are others; `dataclasses.replace` takes ten times as long."""
        row = type(self).__new__(type(self))
        row.__dict__.update(self.__dict__, **changes)
        return row

    def to_dict(self) -> dict[str, Any]:
        """Its columns by name, as plain values; for people, who may change what they are given."""
        return {**self.__dict__, "status": str(self.status), "file": str(self.file)}


class RowChanges(TypedDict, total=False):
    """Columns that one step changes or sets, and no others; a row is made of them, and is not one of them."""

    task_id: str | None
    status: Status
    kind: str
    mode: str | None
    model: str | None
    prompt: str | None
    resolution: str | None
    ratio: str | None
    width: int | None
    height: int | None
    duration: int | None
    frames: int | None
    seed: int | None
    requested_seed: int | None
    camera_fixed: bool | None
    watermark: bool | None
    generate_audio: bool | None
    service_tier: str | None
    first_frame: str | None
    last_frame: str | None
    reference_images: str | None
    reference_videos: str | None
    reference_audios: str | None
    tokens: int | None
    usd: float | None
    est_tokens: int | None
    est_usd: float | None
    price_id: str | None
    file: FileState
    video_path: str | None
    last_frame_path: str | None
    sha256: str | None
    error_code: str | None
    error_message: str | None
    created_at: int
    finished_at: int | None
    saved_at: int | None
    parent_key: str | None
    study: str | None
    arm: str | None
    item: str | None
    verdict: str | None
    poster_path: str | None
    preview_path: str | None
    error_param: str | None
    note: str | None
    batch: str | None
    batch_row: str | None
    trouble: str | None
    remark: str | None
    usd_per_million: float | None
    reserved_usd: float
    counted: bool
    home: str | None
    matched_by: str | None
    candidates: str | None
    nonce: int | None
    chain: str | None
    owner: str | None
    resent_as: str | None
    study_seed: int | None
    wire_model: str | None
    body: str | None
    request_id: str | None
    client_request_id: str | None
    video_url: str | None
    last_frame_url: str | None
    sent_at: int | None
    revision: int


_NAMES = tuple(each.name for each in fields(TaskRow))


def table_columns() -> list[Column[Any]]:
    """The columns of the table ``tasks``, in the row's own order."""
    made = []
    for name, hint in get_type_hints(TaskRow, include_extras=True).items():
        kind, stored = get_args(hint)
        may_be_absent = type(None) in get_args(kind)
        made.append(stored(name, **({} if "nullable" in stored.keywords else {"nullable": may_be_absent})))
    return made
