"""Studies in the log: what they are, who voted what, and when their results were opened.

A vote names two tasks; which arms these are is in the tasks' own rows, so that a table of votes alone tells
nobody. Every method is one transaction, durable when it returns, and any thread may call it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, or_, select

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.log.row import CLIPLESS, SAVE_ENDED_BADLY, Status, TaskRow
from seedance_widgets.log.schema import looks, studies, tasks, votes
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from seedance_widgets.log.row import RowChanges
    from seedance_widgets.log.store import Store

__all__ = ["Look", "Studies", "Vote", "refuse_second"]


class Vote(NamedTuple):
    """A vote as the log has it; arms, item and seed are those of its two tasks.

    ``kind`` is what the trial was for (see ``trials``), ``at`` is set as the vote is cast (microseconds since
    1970).
    """

    rater: str
    trial: str
    left_key: str
    right_key: str
    choice: str
    criterion: str | None
    kind: str
    seconds: float | None
    sound: bool | None
    at: int = 0


class Look(NamedTuple):
    """One look at a study's results: a ``peek``, or the ``reveal``; who, at how many votes, and when."""

    kind: str
    by: str | None
    seen: int
    at: int


_VOTE = select(*(votes.c[name] for name in Vote._fields))
_LOOK = select(*(looks.c[name] for name in Look._fields))


def refuse_second(connection: Connection, columns: RowChanges, *, simulated: bool) -> None:
    """Refuse to begin a clip of a study that another run, of this kernel or another, makes or has made.

    Inside the intent's own transaction, so that a cell that is run twice at once pays once.

    Parameters
    ----------
    connection
        Of that transaction.
    columns
        Of the row that is to be begun; only ``study``, ``arm``, ``item`` and ``study_seed`` count.
    simulated
        Which kind the row is of.

    Raises
    ------
    InvalidStudy
        There is such a task, and it may have a clip.
    """
    same = and_(
        *(
            tasks.c[name].is_not_distinct_from(columns.get(name))
            for name in ("study", "arm", "item", "study_seed")
        ),
        tasks.c.simulated.is_(simulated),
    )
    lost = and_(tasks.c.status == Status.SUCCEEDED, tasks.c.file.in_(SAVE_ENDED_BADLY))
    there = select(tasks.c.key).where(same, ~or_(tasks.c.status.in_(CLIPLESS), lost)).limit(1)
    if key := connection.execute(there).scalar():
        raise InvalidStudy(f"this clip of the study is made by task {key} already; nothing was sent")


class Studies:
    """Studies of one kind, simulated or real.

    Parameters
    ----------
    store
        The open log.
    simulated
        Which kind.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self, store: Store, *, simulated: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._simulated = simulated
        self._clock = clock

    def definition(self, name: str) -> str | None:
        """The definition that the log has under this name, None where it has none."""
        with self._store.read() as connection:
            return connection.execute(select(studies.c.definition).where(self._one(name))).scalar()

    def define(self, name: str, definition: str) -> str:
        """Keep a study's definition, or hand back the one that the log has under this name."""
        with self._store.write() as connection:
            known = connection.execute(select(studies.c.definition).where(self._one(name))).scalar()
            if known is None:
                connection.execute(
                    studies.insert().values(
                        name=name,
                        simulated=self._simulated,
                        definition=definition,
                        defined_at=self._now(),
                    )
                )
            return definition if known is None else str(known)

    def revealed_at(self, name: str) -> int | None:
        """When it was revealed, in microseconds since 1970; None where it was not."""
        with self._store.read() as connection:
            return connection.execute(select(studies.c.revealed_at).where(self._one(name))).scalar()

    def tasks(self, name: str) -> list[TaskRow]:
        """Rows of its clips in the order they were begun, failed ones and their successors too."""
        query = select(tasks).where(tasks.c.study == name, tasks.c.simulated.is_(self._simulated))
        with self._store.read() as connection:
            found = connection.execute(query.order_by(tasks.c.intent_at, tasks.c.key))
            return [TaskRow.read(line) for line in found]

    # --- votes -------------------------------------------------------------------------------------------

    def cast(self, name: str, cast: Sequence[Vote]) -> None:
        """Write votes, all or none; one on a trial and criterion that the rater voted on replaces it.

        Parameters
        ----------
        name
            Of the study.
        cast
            Each vote; when it is cast is set here.

        Raises
        ------
        InvalidStudy
            The study was revealed; nothing was written.
        """
        now = self._now()
        with self._store.write() as connection:
            self._refuse_revealed(connection, name)
            for vote in cast:
                before = and_(
                    self._standing(name),
                    votes.c.rater == vote.rater,
                    votes.c.trial == vote.trial,
                    votes.c.criterion.is_not_distinct_from(vote.criterion),
                )
                connection.execute(votes.update().where(before).values(undone_at=now))
            rows = [
                {**vote._asdict(), "study": name, "simulated": self._simulated, "at": now} for vote in cast
            ]
            connection.execute(votes.insert(), rows)

    def undo(self, name: str, rater: str) -> str | None:
        """Take back a rater's last vote; returns its trial, None where there is none.

        Raises
        ------
        InvalidStudy
            The study was revealed; nothing was changed.
        """
        with self._store.write() as connection:
            self._refuse_revealed(connection, name)
            own = and_(self._standing(name), votes.c.rater == rater)
            last = connection.execute(
                select(votes.c.id, votes.c.trial).where(own).order_by(votes.c.id.desc()).limit(1)
            ).first()
            if last is None:
                return None
            connection.execute(votes.update().where(votes.c.id == last.id).values(undone_at=self._now()))
            return str(last.trial)

    def votes(self, name: str, rater: str | None = None) -> list[Vote]:
        """Votes that stand, of all raters or one, in the order they were cast."""
        query = _VOTE.where(self._standing(name))
        if rater is not None:
            query = query.where(votes.c.rater == rater)
        with self._store.read() as connection:
            return [Vote(*line) for line in connection.execute(query.order_by(votes.c.id))]

    # --- results -----------------------------------------------------------------------------------------

    def look(self, name: str, by: str | None = None) -> None:
        """Remember that results were looked at while votes may still come."""
        with self._store.write() as connection:
            self._add_look(connection, name, "peek", by)

    def reveal(self, name: str, by: str | None = None) -> int:
        """End voting for good; returns when that was, in microseconds since 1970."""
        with self._store.write() as connection:
            known = connection.execute(select(studies.c.revealed_at).where(self._one(name))).scalar()
            if known is not None:
                return int(known)
            now = self._now()
            connection.execute(studies.update().where(self._one(name)).values(revealed_at=now))
            self._add_look(connection, name, "reveal", by)
            return now

    def looks(self, name: str) -> list[Look]:
        """Every look at the results, in order.

        Two looks with the same ``seen`` saw the same votes.
        """
        query = _LOOK.where(looks.c.study == name, looks.c.simulated.is_(self._simulated))
        with self._store.read() as connection:
            return [Look(*line) for line in connection.execute(query.order_by(looks.c.id))]

    # --- inside ------------------------------------------------------------------------------------------

    def _add_look(self, connection: Connection, name: str, kind: str, by: str | None) -> None:
        mine = and_(votes.c.study == name, votes.c.simulated.is_(self._simulated))
        # counts up only: a vote that is cast and taken back makes two changes
        seen = select(func.count(votes.c.id) + func.count(votes.c.undone_at)).where(mine)
        row = {
            "study": name,
            "simulated": self._simulated,
            "kind": kind,
            "by": by,
            "seen": connection.execute(seen).scalar_one(),
            "at": self._now(),
        }
        connection.execute(looks.insert(), row)

    def _refuse_revealed(self, connection: Connection, name: str) -> None:
        if connection.execute(select(studies.c.revealed_at).where(self._one(name))).scalar() is not None:
            raise InvalidStudy(f"the study {name!r} was revealed: blind voting has ended")

    def _one(self, name: str) -> ColumnElement[bool]:
        return and_(studies.c.name == name, studies.c.simulated.is_(self._simulated))

    def _standing(self, name: str) -> ColumnElement[bool]:
        return and_(
            votes.c.study == name, votes.c.simulated.is_(self._simulated), votes.c.undone_at.is_(None)
        )

    def _now(self) -> int:
        return micros_of(self._clock())
