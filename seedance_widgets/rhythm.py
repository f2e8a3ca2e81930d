"""When to look next at a live task, and when the next call may start; pure, so that it can be reasoned about.

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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets.log.pace import DEFAULT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.log.pace import Pace

__all__ = ["Followed", "Rhythm", "Spacing", "rhythm_of"]

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
# the service counts arrivals, and a network does not keep distances
_MARGIN = 1.05
_DOUBLINGS = 8


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


class Spacing:
    """Keeps the starts of calls apart.

    Parameters
    ----------
    per_second
        Calls the service allows.
    scale
        As of `rhythm_of`.
    """

    def __init__(self, per_second: float, scale: float = 1.0) -> None:
        self._apart = _MARGIN * scale / per_second
        self.free_at = -math.inf

    def take(self, now: float) -> float:
        """When the next call may start, now or later; that place is then taken."""
        start = max(now, self.free_at)
        self.free_at = start + self._apart
        return start

    def hold(self, until: float) -> None:
        """Let no call start before then, those aside that have their place already."""
        self.free_at = max(self.free_at, until)
