"""When a lost task was first looked for, by the service's clock.

Clocks of kernels jump, and a kernel may not live long enough to look twice. So the first look's Date is kept
beside the answers, and how long ago that was is reckoned by the service's clock alone.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from sqlalchemy import select

from seedance_widgets.log.schema import answers
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.log.store import Store

__all__ = ["LOOK", "Looks"]

LOOK = "look"
"""The call of an entry in ``answers`` that is of a look, and not of a task."""


class Looks:
    """First looks for the lost tasks of one log; all methods block.

    Parameters
    ----------
    store
        The open log.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def first(self, row: TaskRow, date: int) -> int:
        """The Date of the first look for a row since it was sent for the last time; kept if it is this one.

        Parameters
        ----------
        row
            Which is looked for.
        date
            The service's Date, in microseconds since 1970.
        """
        sent_at = row.sent_at or row.intent_at
        kept = select(answers.c.body).where(answers.c.key == row.key, answers.c.call == LOOK)
        with self._store.write() as connection:
            looks = [json.loads(body) for body in connection.execute(kept).scalars()]
            dates = [int(look["date"]) for look in looks if look["sent_at"] == sent_at]
            if dates:
                return min(dates)
            body = json.dumps({"sent_at": sent_at, "date": date})
            entry = {"key": row.key, "at": micros_of(self._clock()), "call": LOOK, "body": body}
            connection.execute(answers.insert().values(entry))
        return date
