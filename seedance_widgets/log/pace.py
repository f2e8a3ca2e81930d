"""What the log says about time: how long tasks of a kind take, and until when something must be done.

A pace is learned from tasks that succeeded, as finished_at - created_at, both by the service's clock.
Alike are tasks of one model, tier, resolution, length, and draft or not; where none of these has finished
yet, all tasks of the model and tier stand in; where there are none either, `DEFAULT_SECONDS` does, with a
count of 0, which is good for drawing a bar and not for promising anybody a time.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from seedance_widgets import catalog
from seedance_widgets.log.schema import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement

    from seedance_widgets.log.store import Store

__all__ = ["DEFAULT_SECONDS", "Deadline", "Pace", "Paces", "deadlines", "learned", "span"]

# Nobody publishes a figure: a minute on the default tier, and on flex, whose answers the service's own guide
# expects "on the order of hours", one hour.
DEFAULT_SECONDS = {"default": 60.0, "flex": 3600.0}

_SECOND = 1_000_000
# newer tasks tell more about today's service than the whole history does
_LATEST = 500
# fewer than this have no tails to cut off
_FOR_TENTHS = 5
_LATE = 1.25
_WIDE = 1.3
_STILL_POSSIBLE = ("intent", "unknown", "queued", "running", "succeeded")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long tasks of a kind take, in seconds: the median, and what eight in ten lie between.

    Under 5 tasks ``low`` and ``high`` are the extremes. ``count`` is the number of tasks it rests on, 0
    where it is the default; ``same`` says whether they were of exactly this kind.
    """

    usual: float
    low: float
    high: float
    count: int
    same: bool

    @property
    def late(self) -> float:
        """From when on a task takes longer than usual."""
        return max(self.high, _LATE * self.usual)

    @property
    def words(self) -> str:
        """As in "usually 40 s", or "usually 30 s to 1 min"; nothing where nothing was learned."""
        if not self.count:
            return ""
        if self.count >= _FOR_TENTHS and self.high > _WIDE * self.low:
            return f"usually {span(self.low)} to {span(self.high)}"
        return f"usually {span(self.usual)}"


def span(seconds: float) -> str:
    """Seconds as people say them: "40 s", "2 min 5 s", "1 h 10 min"."""
    whole = max(0, round(seconds))
    for big, name, small, rest in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= big:
            over = whole % big // small
            return f"{whole // big} {name}" + (f" {over} {rest}" if over else "")
    return f"{whole} s"


class Paces:
    """The paces of all kinds.

    Parameters
    ----------
    rows
        Tasks that succeeded; read are model, service_tier, resolution, duration, frames, kind,
        created_at and finished_at.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._taken: dict[tuple[Any, ...], list[float]] = {}
        for row in rows:
            if row["finished_at"] is None or row["finished_at"] < row["created_at"]:
                continue
            # the service tells whole seconds: less than one may look like none
            seconds = max(1.0, (row["finished_at"] - row["created_at"]) / _SECOND)
            for kind in (_kind(row), _broad(row)):
                self._taken.setdefault(kind, []).append(seconds)

    def of(self, row: Mapping[str, Any]) -> Pace:
        """The pace of tasks like this one."""
        for kind, same in ((_kind(row), True), (_broad(row), False)):
            if taken := self._taken.get(kind):
                return _pace(taken, same=same)
        seconds = DEFAULT_SECONDS.get(_tier(row), DEFAULT_SECONDS["default"])
        return Pace(seconds, seconds, seconds, 0, same=False)


def learned(store: Store, *, simulated: bool) -> Paces:
    """Paces from a log's latest successes; simulated tasks, whose speed is anybody's choice, apart."""
    wanted = (
        "model",
        "service_tier",
        "resolution",
        "duration",
        "frames",
        "kind",
        "created_at",
        "finished_at",
    )
    latest = (
        select(*(tasks.c[name] for name in wanted))
        .where(tasks.c.status == "succeeded", tasks.c.simulated.is_(simulated))
        .order_by(tasks.c.intent_at.desc())
        .limit(_LATEST)
    )
    with store.read() as connection:
        return Paces([dict(row) for row in connection.execute(latest).mappings()])


@dataclass(frozen=True, slots=True)
class Deadline:
    """Things of one sort that will be gone: how many, and when the first is (microseconds since 1970).

    ``what`` is ``clip``, not saved yet, whose file the service keeps for 24 hours; or ``draft``
    without a final, whose ids it takes for 7 days.
    """

    what: str
    count: int
    until: int


def deadlines(store: Store, now: float, *, simulated: bool) -> list[Deadline]:
    """What is still there at ``now`` (seconds since 1970) and will not be for ever."""
    found = []
    with store.read() as connection:
        for what, those, until in still_there(now):
            mine = tasks.c.simulated.is_(simulated)
            count, first = connection.execute(select(func.count(), func.min(until)).where(mine, those)).one()
            if count:
                found.append(Deadline(what, count, first))
    return found


def still_there(now: float) -> tuple[tuple[str, ColumnElement[bool], ColumnElement[int]], ...]:
    """Each sort of thing that is there at ``now`` and will be gone: its name, which rows, and until when.

    The latter as an expression, in microseconds since 1970.
    """
    rules = catalog.rules()
    file_until = tasks.c.finished_at + rules.file_hours * 3600 * _SECOND
    draft_until = tasks.c.created_at + rules.draft_task_days * 86_400 * _SECOND
    moment = int(now * _SECOND)
    made = tasks.c.status == "succeeded"
    promoted = select(tasks.c.parent_key).where(
        tasks.c.kind == "final", tasks.c.parent_key.is_not(None), tasks.c.status.in_(_STILL_POSSIBLE)
    )
    unsaved = and_(made, tasks.c.file.in_(("none", "failed")), file_until > moment)
    open_draft = and_(made, tasks.c.kind == "draft", tasks.c.key.not_in(promoted), draft_until > moment)
    return ("clip", unsaved, file_until), ("draft", open_draft, draft_until)


def _pace(taken: list[float], *, same: bool) -> Pace:
    low, high = min(taken), max(taken)
    if len(taken) >= _FOR_TENTHS:
        tenths = statistics.quantiles(taken, n=10, method="inclusive")
        low, high = tenths[0], tenths[-1]
    return Pace(statistics.median(taken), low, high, len(taken), same)


def _kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    # a length is asked for in seconds or in frames, and told in either
    length = row["duration"] or row["frames"]
    return (*_broad(row), row["resolution"], length, row["kind"] == "draft")


def _broad(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["model"], _tier(row))


def _tier(row: Mapping[str, Any]) -> str:
    return str(row["service_tier"] or "default")
