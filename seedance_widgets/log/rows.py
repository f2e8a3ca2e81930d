"""Questions to the log about its rows, as plain dicts; all block for a read.

A log may hold real and simulated tasks. Each `Rows` sees one kind, so that the money of a rehearsal is never
mixed with the real.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, or_, select

from seedance_widgets import catalog
from seedance_widgets.errors import LogError
from seedance_widgets.log.admission import money
from seedance_widgets.log.answers import LIVE, UNCLEAR
from seedance_widgets.log.schema import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy import ColumnElement, Connection, Select

    from seedance_widgets.log.store import Store

__all__ = ["Row", "Rows"]

Row = dict[str, Any]

_SECOND = 1_000_000
_NOTHING_MADE = ("failed", "cancelled", "expired", "rejected", "not_created")
_MANY = 500  # values in one statement; SQLite has a limit
# Made once: it takes SQLAlchemy longer to build a statement than to run it.
_BY_KEY = select(tasks).where(tasks.c.key == bindparam("key"))
_BY_TASK_ID = select(tasks).where(tasks.c.task_id == bindparam("task_id"))
_LIVE_COUNT = select(func.count()).where(
    tasks.c.status.in_(LIVE),
    tasks.c.wire_model == bindparam("wire_model"),
    tasks.c.service_tier == bindparam("tier"),
    tasks.c.simulated == bindparam("simulated"),
)
_TOKENS_SINCE = select(
    func.coalesce(func.sum(func.coalesce(tasks.c.tokens, tasks.c.est_tokens, 0)), 0)
).where(
    tasks.c.wire_model == bindparam("wire_model"),
    tasks.c.service_tier == bindparam("tier"),
    tasks.c.simulated == bindparam("simulated"),
    tasks.c.task_id.is_not(None),
    tasks.c.intent_at >= bindparam("since"),
)


class Rows:
    """Rows of one kind, simulated or real.

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

    def row(self, key: str) -> Row:
        """One row by its key.

        Raises
        ------
        LogError
            There is none.
        """
        with self._store.read() as connection:
            return self._row(connection, key)

    def rows(self, keys: Iterable[str]) -> list[Row]:
        """Those rows that the log has of some keys."""
        wanted = list(keys)
        found: list[Row] = []
        for start in range(0, len(wanted), _MANY):
            found += self._all(select(tasks).where(tasks.c.key.in_(wanted[start : start + _MANY])))
        return found

    def by_task_id(self, task_id: str) -> Row | None:
        """The row of a task id, None if no row has it."""
        with self._store.read() as connection:
            return self._with_id(connection, task_id)

    def known_ids(self, task_ids: Collection[str]) -> set[str]:
        """Which of these ids have a row, of whatever kind."""
        wanted, known = list(task_ids), set[str]()
        with self._store.read() as connection:
            for start in range(0, len(wanted), _MANY):
                part = wanted[start : start + _MANY]
                rows = connection.execute(select(tasks.c.task_id).where(tasks.c.task_id.in_(part)))
                known.update(str(task_id) for task_id in rows.scalars())
        return known

    def unfinished(self) -> list[Row]:
        """Rows that wait for the service or for their file."""
        waiting = or_(
            tasks.c.status.in_((*LIVE, "unknown")),
            and_(tasks.c.status == "succeeded", tasks.c.file.in_(("none", "failed"))),
        )
        return self._all(select(tasks).where(waiting, self._mine(), tasks.c.task_id.is_not(None)))

    def unsettled(self) -> list[Row]:
        """Rows of creates whose outcome is not known: being sent just now, cut off, or unanswered."""
        unclear = tasks.c.status.in_(UNCLEAR)
        return self._all(select(tasks).where(unclear, self._mine(), tasks.c.task_id.is_(None)))

    def recent(self, limit: int) -> list[Row]:
        """The newest rows first."""
        newest = select(tasks).where(self._mine()).order_by(tasks.c.intent_at.desc(), tasks.c.key.desc())
        return self._all(newest.limit(limit))

    def count(self) -> int:
        """How many rows there are."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).where(self._mine())).scalar_one()

    def drafts(self) -> list[Row]:
        """Succeeded drafts whose id the service still takes for a final, newest first."""
        since = self._now() - catalog.rules().draft_task_days * 86_400 * _SECOND
        good = and_(tasks.c.kind == "draft", tasks.c.status == "succeeded", tasks.c.created_at > since)
        return self._all(select(tasks).where(good, self._mine()).order_by(tasks.c.created_at.desc()))

    def finals_of(self, keys: Iterable[str]) -> dict[str, list[Row]]:
        """The finals that drafts have, made or on their way: draft's key -> their rows."""
        wanted, found = list(keys), dict[str, list[Row]]()
        for start in range(0, len(wanted), _MANY):
            those = and_(tasks.c.parent_key.in_(wanted[start : start + _MANY]), tasks.c.kind == "final")
            for row in self._all(select(tasks).where(those, tasks.c.status.not_in(_NOTHING_MADE))):
                found.setdefault(row["parent_key"], []).append(row)
        return found

    def link(self, chain: str) -> Row | None:
        """The newest row of a chain's link that is made, or may still be; None where there is none."""
        with self._store.read() as connection:
            return self._link(connection, chain)

    def with_last_frame(self, path: str) -> Row | None:
        """The row whose last frame was saved as this path, relative to the home."""
        found = self._all(select(tasks).where(tasks.c.last_frame_path == path, self._mine()).limit(1))
        return found[0] if found else None

    def money(self) -> tuple[float, float]:
        """Dollars settled and dollars reserved."""
        with self._store.read() as connection:
            return money(connection, simulated=self._simulated)

    def live(self, wire_model: str, tier: str) -> int:
        """How many tasks of a model are queued or running."""
        of = {"wire_model": wire_model, "tier": tier, "simulated": self._simulated}
        with self._store.read() as connection:
            return connection.execute(_LIVE_COUNT, of).scalar_one()

    def tokens_since(self, wire_model: str, tier: str, since: float) -> int:
        """Tokens, billed or else estimated, of tasks accepted since then (seconds since 1970)."""
        of = {"wire_model": wire_model, "tier": tier, "simulated": self._simulated}
        with self._store.read() as connection:
            found = connection.execute(_TOKENS_SINCE, {**of, "since": int(since * _SECOND)})
            return int(found.scalar_one())

    # --- for those who are inside a transaction ----------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * _SECOND)

    def _mine(self) -> ColumnElement[bool]:
        return tasks.c.simulated.is_(self._simulated)

    def _all(self, query: Select[Any]) -> list[Row]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _row(self, connection: Connection, key: str) -> Row:
        found = connection.execute(_BY_KEY, {"key": key}).mappings().first()
        if found is None:
            raise LogError(f"the log {self._store.name} has no task {key!r}")
        return dict(found)

    def _link(self, connection: Connection, chain: str) -> Row | None:
        those = and_(tasks.c.chain == chain, tasks.c.status.not_in(_NOTHING_MADE), self._mine())
        newest = select(tasks).where(those).order_by(tasks.c.intent_at.desc()).limit(1)
        found = connection.execute(newest).mappings().first()
        return None if found is None else dict(found)

    def _with_id(self, connection: Connection, task_id: str) -> Row | None:
        found = connection.execute(_BY_TASK_ID, {"task_id": task_id}).mappings().first()
        return None if found is None else dict(found)
