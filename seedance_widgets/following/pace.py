"""How long tasks of a kind take, learned from the log, and when to look next at a live one.

A pace is learned from tasks that succeeded, as finished_at - created_at, both by the service's clock.
Alike are tasks of one model, tier, resolution, length, and draft or not; where none of these has finished
yet, all tasks of the model and tier stand in; where there are none either, `DEFAULT_SECONDS` does, with a
count of 0, which is good for drawing a bar and not for promising anybody a time.

For one task the fewest looks at a given delay lie apart by one over the square root of its chance to end
just then, if it is still there. So they are few at first, dense from a little before the earliest usual end,
densest when most of its kind have ended, and ever fewer in the tail. Where one call looks at many tasks
together, their chances add up and the looks move closer, by the square root of their number.

The tail grows with how late a task is, not with how long it has been there: the first of a batch to end are
its quickest, and a pace that was learned from them alone calls all others late.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from seedance_widgets.background_loop import engine
from seedance_widgets.log.row import Status
from seedance_widgets.log.schema import tasks
from seedance_widgets.units import duration_text, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.log.store import Store

__all__ = [
    "DEFAULT_SECONDS",
    "Followed",
    "LearnedPaces",
    "Life",
    "Pace",
    "Paces",
    "Rhythm",
    "rhythm_of",
]

# fewer have no spread to go by
_ENOUGH = 5
# What a look costs against a second of delay, in square roots of seconds: of this size, a task that may end
# anywhere between 20 s and 90 s is looked at some 20 times, and its end is known after a second.
_PRICE = 0.29
# summed chances to end before low, from there to usual, and to high, by which 10, 50 and 90 in 100 have ended
_CHANCES = (math.log(1 / 0.9), math.log(0.9 / 0.5), math.log(0.5 / 0.1))
_LATE_SHARE = 0.05
# seconds at the real service
_FIRST = 3.0
_UNLEARNED = {"default": 2.0, "flex": 10.0}
_SHORTEST = {"default": 1.0, "flex": 5.0}
_LONGEST = 30.0
_DOUBLINGS = 8


# Nobody publishes a figure: a minute on the default tier, and on flex, whose answers the service's own guide
# expects "on the order of hours", one hour.
DEFAULT_SECONDS = {"default": 60.0, "flex": 3600.0}
# newer tasks tell more about today's service than the whole history does
_LATEST = 500
# fewer than this have no tails to cut off
_FOR_TENTHS = 5
_LATE = 1.25
_WIDE = 1.3


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
            return f"usually {duration_text(self.low)} to {duration_text(self.high)}"
        return f"usually {duration_text(self.usual)}"


class Life(NamedTuple):
    """Columns of a row that say how long its task took, and what tasks are like it."""

    model: str | None
    service_tier: str | None
    resolution: str | None
    duration: int | None
    frames: int | None
    kind: str
    created_at: int = 0
    finished_at: int | None = None


class Paces:
    """The paces of all kinds.

    Parameters
    ----------
    lives
        Of tasks that succeeded.
    """

    def __init__(self, lives: Iterable[Life]) -> None:
        self._taken: dict[tuple[Any, ...], list[float]] = {}
        for row in lives:
            if row.finished_at is None or row.finished_at < row.created_at:
                continue
            # the service tells whole seconds: less than one may look like none
            seconds = max(1.0, seconds_of(row.finished_at - row.created_at))
            for kind in (_kind(row), _broad(row)):
                self._taken.setdefault(kind, []).append(seconds)

    def of(self, row: TaskRow | Life) -> Pace:
        """The pace of tasks like this one."""
        for kind, same in ((_kind(row), True), (_broad(row), False)):
            if taken := self._taken.get(kind):
                return _pace(taken, same=same)
        seconds = DEFAULT_SECONDS.get(_tier(row), DEFAULT_SECONDS["default"])
        return Pace(seconds, seconds, seconds, 0, same=False)


class LearnedPaces:
    """The paces of one log, read when first asked for, and again once more was learned.

    They come from the latest successes; simulated tasks, whose speed is anybody's choice, are apart.

    Parameters
    ----------
    store
        The open log.
    simulated
        Which rows.
    """

    def __init__(self, store: Store, *, simulated: bool) -> None:
        self._store = store
        self._simulated = simulated
        self._paces: Paces | None = None

    async def of(self, row: TaskRow) -> Pace:
        """The pace of tasks like this one; the log is read off the loop."""
        if self._paces is None:
            self._paces = await engine.write(self.read)
        return self._paces.of(row)

    def read(self) -> Paces:
        """The paces as the log has them now; blocks for a read."""
        latest = (
            select(*(tasks.c[name] for name in Life._fields))
            .where(tasks.c.status == Status.SUCCEEDED, tasks.c.simulated.is_(self._simulated))
            .order_by(tasks.c.intent_at.desc())
            .limit(_LATEST)
        )
        with self._store.read() as connection:
            return Paces([Life(*line) for line in connection.execute(latest)])

    def learn_anew(self) -> None:
        """A task has succeeded: what was learned is read again when it is next asked for."""
        self._paces = None


def _pace(taken: list[float], *, same: bool) -> Pace:
    low, high = min(taken), max(taken)
    if len(taken) >= _FOR_TENTHS:
        tenths = statistics.quantiles(taken, n=10, method="inclusive")
        low, high = tenths[0], tenths[-1]
    return Pace(statistics.median(taken), low, high, len(taken), same)


def _kind(row: TaskRow | Life) -> tuple[Any, ...]:
    # a length is asked for in seconds or in frames, and told in either
    length = row.duration or row.frames
    return (*_broad(row), row.resolution, length, row.kind == "draft")


def _broad(row: TaskRow | Life) -> tuple[Any, ...]:
    return (row.model, _tier(row))


def _tier(row: TaskRow | Life) -> str:
    return str(row.service_tier or "default")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long to leave a task alone, by its age; all in seconds.

    Before ``begin`` looks are few: each at three times the age of the one before, from ``first`` on. Then
    ``steps`` hold: ages, and the pause until each. After the last age its pause goes on, and grows with the
    time since. No pause is below ``shortest`` or above ``longest``.
    """

    begin: float
    steps: tuple[tuple[float, float], ...]
    first: float
    shortest: float
    longest: float

    def pause(self, age: float, together: int = 1) -> float:
        """Seconds from a look at a task of this age to the next one.

        Parameters
        ----------
        age
            Seconds since the service made the task.
        together
            How many tasks the same call looks at.
        """
        if age < self.begin:
            pause = min(max(self.first, 2 * age), self.begin - age)
        else:
            end, last = self.steps[-1]
            pause = next((step for until, step in self.steps if age < until), last)
            pause += _LATE_SHARE * max(0.0, age - end)
        return min(self.longest, max(self.shortest, pause / math.sqrt(together)))


def rhythm_of(pace: Pace | None, tier: str, scale: float = 1.0) -> Rhythm:
    """The rhythm for tasks of a pace.

    Parameters
    ----------
    pace
        As the log has it. Used if it rests on 5 tasks or more of exactly this kind; otherwise, or with None,
        looks are 2 s apart from the start, on flex 10 s.
    tier
        default or flex.
    scale
        By how much shorter everything is on a simulator that is faster than the service: 1 / speed. A
        learned pace is that fast already.
    """
    longest, first = _LONGEST * scale, _FIRST * scale
    shortest = _SHORTEST.get(tier, _SHORTEST["default"]) * scale
    if pace is None or not pace.same or pace.count < _ENOUGH:
        usual = DEFAULT_SECONDS.get(tier, DEFAULT_SECONDS["default"]) * scale
        step = _UNLEARNED.get(tier, _UNLEARNED["default"]) * scale
        return Rhythm(0.0, ((2 * usual, step),), first, shortest, longest)
    # one in ten ended before low: most of those are caught by beginning a little earlier
    begin = max(0.0, pace.low - max((pace.usual - pace.low) / 4, pace.low / 10))
    ages = (begin, pace.low, pace.usual, pace.high)
    steps = tuple(
        (until, min(longest, max(shortest, _PRICE * math.sqrt(scale * (until - since) / chance))))
        for (since, until), chance in zip(itertools.pairwise(ages), _CHANCES, strict=True)
    )
    return Rhythm(begin, steps, first, shortest, longest)


@dataclass(slots=True, eq=False)
class Followed:
    """A live task and when it is due; moments are monotonic seconds.

    ``pause`` leads from its last look, begun at ``looked``, to ``due``. ``failures`` are those since it was
    last read; ``hinted`` says that somebody saw it change, ``asked`` that a call about it is under way, and
    ``seen`` is the last answer that was handed on.
    """

    key: str
    task_id: str
    tier: str
    born: float
    rhythm: Rhythm
    due: float = 0.0
    pause: float = 0.0
    looked: float = -math.inf
    failures: int = 0
    hinted: bool = False
    asked: bool = False
    seen: Mapping[str, Any] | None = None

    def plan(self, now: float, together: int = 1) -> None:
        """Set when it is due next, from its last look on, or if there was none, from its birth on."""
        if self.looked == -math.inf:
            self.pause = self.rhythm.pause(0.0)
            self.due = max(now, self.born + self.pause)
            return
        pause = self.rhythm.pause(self.looked - self.born, together)
        self.pause = min(self.rhythm.longest, math.ldexp(pause, min(self.failures, _DOUBLINGS)))
        self.due = self.looked + self.pause

    def ask(self, now: float) -> None:
        """A call about it begins."""
        self.asked, self.hinted, self.looked = True, False, now

    def hurry(self, now: float, apart: float) -> None:
        """Have it due as soon as ``apart`` seconds are over since the last look."""
        self.due = min(self.due, max(now, self.looked + apart))
