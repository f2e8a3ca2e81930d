"""What people think of clips: accept, reject or star, each with its time, the newest in the clip's own row.

A star is an acceptance that stands out. So the row's ``verdict`` is ``accept`` for both, and whoever counts
acceptances counts all of them; which of them are starred is told by the entries alone. An entry without a
verdict takes the one before back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from seedance_widgets.errors import InvalidRequest, LogError, Problem
from seedance_widgets.log.row import Status, TaskRow
from seedance_widgets.log.schema import tasks, verdicts
from seedance_widgets.log.store import Store, batches
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from seedance_widgets.log.row import RowChanges

__all__ = ["VERDICTS", "Verdicts", "starred"]

_NOT_JUDGED = "this is no verdict; nothing was written"
# verdict -> what the row says of it
VERDICTS = {"accept": "accept", "reject": "reject", "star": "accept"}


class Verdicts:
    """Verdicts on the clips of one log; all methods block, and any thread may call them.

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

    def judge(self, key: str, verdict: str | None) -> TaskRow:
        """Log a verdict and its time, and put it into the row, in one transaction; what stands is no news.

        Parameters
        ----------
        key
            Of the task.
        verdict
            ``accept``, ``reject``, ``star``, or None to take the last one back.

        Returns
        -------
        TaskRow
            The task's row as it is now.

        Raises
        ------
        InvalidRequest
            There is no such verdict, or the task has no clip to judge; nothing was written.
        LogError
            There is no such task.
        """
        if verdict is not None and verdict not in VERDICTS:
            problem = Problem("verdict", str(verdict), "is none of accept, reject and star")
            raise InvalidRequest([problem], refused=_NOT_JUDGED)
        with self._store.write() as connection:
            row = _row(connection, self._store.name, key)
            if row.status != Status.SUCCEEDED:
                reason = f"the task {key} is {row.status}: there is no clip to judge"
                raise InvalidRequest([Problem("verdict", verdict, reason)], refused=_NOT_JUDGED)
            newest = (
                select(verdicts.c.verdict)
                .where(verdicts.c.key == key)
                .order_by(verdicts.c.id.desc())
                .limit(1)
            )
            if _standing(row.verdict, connection.execute(newest).scalar()) == verdict:
                return row
            news: RowChanges = {
                "verdict": None if verdict is None else VERDICTS[verdict],
                "revision": row.revision + 1,
            }
            entry = {"key": key, "verdict": verdict, "at": micros_of(self._clock())}
            connection.execute(verdicts.insert(), entry)
            connection.execute(tasks.update().where(tasks.c.key == key).values(**news))
            return row.with_changes(news)

    def standing(self, keys: Iterable[str]) -> dict[str, str]:
        """The verdict that stands on each of these tasks that has one: accept, reject or star."""
        found: dict[str, str] = {}
        with self._store.read() as connection:
            for part in batches(keys):
                rows = select(tasks.c.key, tasks.c.verdict).where(
                    tasks.c.key.in_(part), tasks.c.verdict.is_not(None)
                )
                newest = (
                    select(func.max(verdicts.c.id)).where(verdicts.c.key.in_(part)).group_by(verdicts.c.key)
                )
                entries = select(verdicts.c.key, verdicts.c.verdict).where(verdicts.c.id.in_(newest))
                last = {entry.key: entry.verdict for entry in connection.execute(entries)}
                for key, verdict in connection.execute(rows):
                    found[key] = str(_standing(verdict, last.get(key)))
        return found


def starred(connection: Connection) -> set[str]:
    """Keys of the tasks whose newest entry is a star."""
    later = verdicts.alias()
    newest = select(func.max(later.c.id)).where(later.c.key == verdicts.c.key).scalar_subquery()
    rows = select(verdicts.c.key).where(verdicts.c.verdict == "star", verdicts.c.id == newest)
    return set(connection.execute(rows).scalars())


def _standing(verdict: str | None, newest: str | None) -> str | None:
    """A row's verdict, with the star of its newest entry; the row decides where an entry does not fit it."""
    return "star" if newest == "star" and verdict == VERDICTS["star"] else verdict


def _row(connection: Connection, log: str, key: str) -> TaskRow:
    found = connection.execute(select(tasks).where(tasks.c.key == key)).first()
    if found is None:
        raise LogError(f"the log {log} has no task {key!r}")
    return TaskRow.read(found)
