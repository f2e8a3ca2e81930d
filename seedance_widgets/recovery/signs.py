"""What speaks for and against a listed task being the one that a row asked for.

Signs add up. Strong ones are those that we drew ourselves: the nonce in the expiry, and a drawn seed. Only
they make a match. A differing expiry or seed speaks against one only where the service is known to tell what
it was sent, which is learned from tasks whose ids are known. All else is weak (times, names, sizes, a seed of
a person's own): it orders candidates, and decides nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.log.row_mapping import has_drawn_seed
from seedance_widgets.request.fields import PARAMETERS
from seedance_widgets.units import DAY, HOUR, micros_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.log.row import TaskRow

__all__ = [
    "SKEW_SECONDS",
    "Echoes",
    "Listed",
    "Moment",
    "Verdict",
    "Wanted",
    "is_named_alike",
    "likeness",
    "strong_signs",
    "weigh",
    "whole_of",
]

SKEW_SECONDS = 300.0
"""Clocks of two machines may disagree by so much without being called wrong."""
# a gateway may hold a request back before the service makes the task
_HELD_SECONDS = HOUR
# a time zone in a stamp, and a clock that was wrong when the request was sent
_FAR_SECONDS = DAY
# in whole seconds, milliseconds, microseconds or nanoseconds
_UNITS = (1, 10**3, 10**6, 10**9)
_ROUND = 10


class Verdict(Enum):
    """Whether a listed task is the row's."""

    OURS = auto()
    """A sign that we drew says so, and no strong one says no."""
    LIKELY = auto()
    """It has the row's nonce and another seed, on a service of which nobody knows whether it keeps seeds."""
    PERHAPS = auto()
    """Nothing tells."""
    NOT = auto()
    """A strong sign says no, or it was made long before the row's request."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a list was read, in microseconds since 1970: by the service's clock, if it tells, and by ours."""

    theirs: int | None
    ours: int


class Wanted:
    """What a row asked for, read once.

    Parameters
    ----------
    row
        Without a task id.
    """

    def __init__(self, row: TaskRow) -> None:
        self.row = row
        self.body: dict[str, Any] = json.loads(row.body) if row.body else {}
        self.expiry = _expiry_of(row, self.body)
        self.has_nonce = bool(row.nonce)  # of 0, the expiry is what everybody sends
        self.seed = row.requested_seed
        self.has_drawn_seed = has_drawn_seed(row)
        content = self.body.get("content")
        drafts = [part["draft_task"] for part in content or () if part.get("type") == "draft_task"]
        self.draft_id = drafts[0].get("id") if drafts else None


class Listed:
    """What a list tells of one task, read once; a field that makes no sense is None, and says nothing.

    Parameters
    ----------
    item
        Of the list.
    moment
        When the list was read.
    """

    def __init__(self, item: Mapping[str, Any], moment: Moment) -> None:
        self.item = item
        self.id = str(item["id"])
        self.expiry = whole_of(item.get("execution_expires_after"))
        self.seed = whole_of(item.get("seed"))
        self.created = _time_of(item.get("created_at"), seconds_of(moment.theirs or moment.ours))


@dataclass(slots=True)
class _Echo:
    """How often a model's tasks told what was sent, and how often something else."""

    same: int = 0
    other: int = 0

    @property
    def is_exact(self) -> bool:
        return self.same > 0 and not self.other


@dataclass(slots=True)
class Echoes:
    """What the service tells of what it was sent, by the model as it was sent."""

    _expiry: defaultdict[str | None, _Echo] = field(default_factory=lambda: defaultdict(_Echo))
    _seed: defaultdict[str | None, _Echo] = field(default_factory=lambda: defaultdict(_Echo))

    def learn(self, row: TaskRow, listed: Listed) -> None:
        """From a task that is known to be a row's."""
        sent = _expiry_of(row, json.loads(row.body) if row.body else {})
        _count(self._expiry[row.wire_model], sent, listed.expiry)
        _count(self._seed[row.wire_model], row.requested_seed, listed.seed)

    def learn_same(self, wanted: Wanted, listed: Listed) -> None:
        """From a task with a sign of a row: what it tells alike is told, whosever it turns out to be."""
        if wanted.expiry == listed.expiry:
            _count(self._expiry[wanted.row.wire_model], wanted.expiry, listed.expiry)
        if wanted.seed == listed.seed:
            _count(self._seed[wanted.row.wire_model], wanted.seed, listed.seed)

    def tells_expiry(self, row: TaskRow) -> bool:
        """Whether another expiry than the one sent means another task."""
        return self._expiry[row.wire_model].is_exact

    def tells_seed(self, row: TaskRow) -> bool | None:
        """Whether another seed than the one sent means another task; None where nothing is known."""
        echo = self._seed[row.wire_model]
        return echo.is_exact if echo.same or echo.other else None


def weigh(wanted: Wanted, listed: Listed, echoes: Echoes, moment: Moment) -> Verdict:
    """Add up what speaks for and against."""
    row = wanted.row
    same_nonce, same_seed = strong_signs(wanted, listed)
    other_expiry = None not in (wanted.expiry, listed.expiry) and wanted.expiry != listed.expiry
    other_seed = None not in (wanted.seed, listed.seed) and wanted.seed != listed.seed
    other_expiry_counts = other_expiry and echoes.tells_expiry(row)
    other_seed_counts = other_seed and echoes.tells_seed(row) is True
    far = _other_input(wanted, listed) or _is_long_before(row, listed, moment)
    if not (same_nonce or same_seed):
        return Verdict.NOT if other_expiry_counts or other_seed_counts or far else Verdict.PERHAPS
    # one of our two signs is the same: only the other one, which has to be known to be told, outweighs it
    if other_expiry_counts or (other_seed_counts and wanted.has_drawn_seed):
        return Verdict.NOT
    if far:
        return Verdict.PERHAPS
    if other_seed and echoes.tells_seed(row) is not False:
        return Verdict.LIKELY
    return Verdict.OURS


def strong_signs(wanted: Wanted, listed: Listed) -> tuple[bool, bool]:
    """Whether a task has the nonce, and the drawn seed, of a row."""
    same_nonce = wanted.has_nonce and listed.expiry == wanted.expiry
    same_seed = wanted.has_drawn_seed and listed.seed == wanted.seed
    return same_nonce, same_seed


def likeness(wanted: Wanted, listed: Listed) -> int:
    """How much more of the weak signs agree than differ."""
    row, item = wanted.row, listed.item
    agree = 0
    for name, parameter in PARAMETERS.items():
        sent, told = wanted.body.get(name), item.get(name)
        if parameter.answered and None not in (sent, told):
            agree += 1 if sent == told else -1
    model = item.get("model")
    if isinstance(model, str):
        agree += 1 if is_named_alike(row, listed) else -1
    if listed.created is not None:
        first = seconds_of(row.intent_at) - SKEW_SECONDS
        last = seconds_of(row.sent_at or row.intent_at) + SKEW_SECONDS + _HELD_SECONDS
        agree += 1 if first <= listed.created <= last else -1
    return agree


def is_named_alike(row: TaskRow, listed: Listed) -> bool:
    """Whether a task is told to be of the row's model."""
    return listed.item.get("model") in (row.wire_model, row.model)


def _expiry_of(row: TaskRow, body: Mapping[str, Any]) -> int | None:
    """The expiry that was sent with a row, in seconds."""
    if row.nonce is not None:
        return catalog.rules().expires_after_default + int(row.nonce)
    return whole_of(body.get("execution_expires_after"))


def whole_of(told: object) -> int | None:
    """A whole number, however it is written; None for anything else."""
    if type(told) is int:
        return told
    if isinstance(told, float) and told.is_integer():
        return int(told)
    if isinstance(told, str) and told.isascii() and told.removeprefix("-").isdigit():
        return int(told[:20])
    return None


def _count(echo: _Echo, sent: int | None, told: int | None) -> None:
    if sent is None or told is None:
        return
    if sent != told:
        echo.other += 1
    elif sent % _ROUND:
        # a service that rounds, or tells its default, tells a round figure alike too
        echo.same += 1


def _other_input(wanted: Wanted, listed: Listed) -> bool:
    """Whether a task was made of another kind of input."""
    draft_id = listed.item.get("draft_task_id")
    if isinstance(draft_id, str) and draft_id and draft_id != wanted.draft_id:
        return True
    return listed.item.get("draft") is True and wanted.row.kind != "draft"


def _is_long_before(row: TaskRow, listed: Listed, moment: Moment) -> bool:
    """Whether a task was made before the row's request under whatever reading of the clocks."""
    if listed.created is None or row.intent_at > moment.ours + micros_of(SKEW_SECONDS):
        return False
    if moment.theirs is None:  # nobody knows how far apart the clocks are
        return False
    apart = seconds_of(abs(moment.theirs - moment.ours))
    return listed.created < seconds_of(row.intent_at) - _FAR_SECONDS - apart


def _time_of(told: object, now: float) -> float | None:
    """Seconds since 1970 of a stamp, in whichever unit puts it into the days that a list shows."""
    number = whole_of(told) if not isinstance(told, float) else told
    if number is None:
        return None
    oldest = now - (catalog.rules().record_days + 1) * DAY
    return next((number / unit for unit in _UNITS if oldest <= number / unit <= now + _FAR_SECONDS), None)
