"""Until when something of the log must be done: clips that are not saved, and drafts without a final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from seedance_widgets import catalog
from seedance_widgets.log.row import CLIPLESS, TO_SAVE, Status
from seedance_widgets.log.schema import tasks
from seedance_widgets.units import DAY, HOUR, micros_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from seedance_widgets.log.store import Store

__all__ = ["Deadline", "deadlines", "still_there"]


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
    file_micros, draft_micros = micros_of(rules.file_hours * HOUR), micros_of(rules.draft_task_days * DAY)
    moment = micros_of(now)
    made = tasks.c.status == Status.SUCCEEDED
    final = tasks.alias("final")
    promoted = (
        select(final.c.key)
        .where(final.c.parent_key == tasks.c.key, final.c.kind == "final", final.c.status.not_in(CLIPLESS))
        .exists()
    )
    unsaved = and_(made, tasks.c.file.in_(TO_SAVE), tasks.c.finished_at > moment - file_micros)
    young = tasks.c.created_at > moment - draft_micros
    open_draft = and_(made, tasks.c.kind == "draft", young, ~promoted)
    file_until, draft_until = tasks.c.finished_at + file_micros, tasks.c.created_at + draft_micros
    return ("clip", unsaved, file_until), ("draft", open_draft, draft_until)
