"""Questions to the log about its rows; all block for a read.

A log may hold real and simulated tasks. Each `Rows` sees one kind, so that the money of a rehearsal is never
mixed with the real.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, select

from seedance_widgets import catalog
from seedance_widgets.errors import LogError
from seedance_widgets.log.budget import standing
from seedance_widgets.log.row import CLIPLESS, FOLLOWED, LIVE, TO_SAVE, UNCLEAR, FileState, Status, TaskRow
from seedance_widgets.log.schema import tags, tasks
from seedance_widgets.log.store import Store, batches
from seedance_widgets.log.totals import EVERYTHING, total
from seedance_widgets.units import DAY, HOUR, micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.log.budget import Budget, Standing

__all__ = ["NONCE_DAYS", "Rows", "free_nonce"]

_NONCES = 1 << 16
# 0 is what everybody sends, and a service that rounds tells a round expiry as if it did not
_ROUND = 10
NONCE_DAYS = 8  # records answer for 7 days; one more for clocks that disagree
_NONCE_DRAWS = 16  # so many taken ones in a row, and the free ones are looked up
# Made once: it takes SQLAlchemy longer to build a statement than to run it.
_NONCES_SINCE = select(tasks.c.nonce).where(
    tasks.c.wire_model == bindparam("wire_model"),
    tasks.c.service_tier == bindparam("tier"),
    tasks.c.nonce.is_not(None),
    tasks.c.intent_at > bindparam("since"),
)
_NONCE_SINCE = _NONCES_SINCE.where(tasks.c.nonce == bindparam("nonce"))
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
    home
        Id of the home that is at work, None where it has none.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        store: Store,
        *,
        simulated: bool = False,
        home: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.home = home
        self._store = store
        self._simulated = simulated
        self._clock = clock
        self._spent = 0.0

    def row(self, key: str) -> TaskRow:
        """One row by its key.

        Raises
        ------
        LogError
            There is none.
        """
        with self._store.read() as connection:
            return self._row(connection, key)

    def rows(self, keys: Iterable[str]) -> list[TaskRow]:
        """Those rows that the log has of some keys."""
        return [
            row for some in batches(keys) for row in self._all(select(tasks).where(tasks.c.key.in_(some)))
        ]

    def by_task_id(self, task_id: str) -> TaskRow | None:
        """The row of a task id, None if no row has it."""
        with self._store.read() as connection:
            return self._with_id(connection, task_id)

    def by_name(self, name: str) -> TaskRow | None:
        """The row of a key or of a service's id, None if there is none."""
        return next(iter(self.rows([name])), None) or self.by_task_id(name)

    def ids_with_row(self, task_ids: Collection[str]) -> set[str]:
        """Which of these ids have a row, of whatever kind."""
        known = set[str]()
        with self._store.read() as connection:
            for some in batches(task_ids):
                rows = connection.execute(select(tasks.c.task_id).where(tasks.c.task_id.in_(some)))
                known.update(str(task_id) for task_id in rows.scalars())
        return known

    def rows_to_follow(self) -> list[TaskRow]:
        """Rows that wait for the service or for their file."""
        live = tasks.c.status.in_(FOLLOWED)
        unsaved = and_(tasks.c.status == Status.SUCCEEDED, tasks.c.file.in_(TO_SAVE))
        # one query each: of two conditions that are one or the other, neither finds its index
        return [
            row
            for waiting in (live, unsaved)
            for row in self._all(select(tasks).where(waiting, self._mine(), tasks.c.task_id.is_not(None)))
        ]

    def rows_at_home(self) -> list[TaskRow]:
        """Rows whose clip was saved and that the service may still have."""
        hours = catalog.rules().file_hours * HOUR
        # a task of the slower tier may take two days
        begun = tasks.c.intent_at > self.now() - micros_of(hours + 3 * DAY)
        saved = and_(tasks.c.status == Status.SUCCEEDED, tasks.c.file.in_((FileState.SAVED, FileState.LOST)))
        young = tasks.c.finished_at > self.now() - micros_of(hours)
        return self._all(select(tasks).where(self._mine(), begun, saved, young))

    def rows_to_settle(self) -> list[TaskRow]:
        """Rows of creates whose outcome is not known: being sent just now, cut off, or unanswered."""
        unclear = tasks.c.status.in_(UNCLEAR)
        return self._all(select(tasks).where(unclear, self._mine(), tasks.c.task_id.is_(None)))

    def rows_to_heal(self) -> list[TaskRow]:
        """Rows that were sent and held to be unmade, whose tasks the service may still show."""
        recent = tasks.c.sent_at > self.now() - micros_of(NONCE_DAYS * DAY)
        lost = and_(tasks.c.status == Status.NOT_CREATED, tasks.c.task_id.is_(None), recent)
        return self._all(select(tasks).where(lost, self._mine()))

    def rows_of_ids(self, task_ids: Iterable[str]) -> list[TaskRow]:
        """Those rows that the log has of some ids of the service."""
        return [
            row
            for some in batches(task_ids)
            for row in self._all(select(tasks).where(tasks.c.task_id.in_(some), self._mine()))
        ]

    def rows_of_batch(self, name: str) -> list[TaskRow]:
        """The rows of a batch in the order they were begun."""
        of_batch = select(tasks).where(tasks.c.batch == name, self._mine())
        return self._all(of_batch.order_by(tasks.c.intent_at, tasks.c.key))

    def recent(self, limit: int) -> list[TaskRow]:
        """The newest rows first."""
        newest = select(tasks).where(self._mine()).order_by(tasks.c.intent_at.desc(), tasks.c.key.desc())
        return self._all(newest.limit(limit))

    def billed(self, model: Model, mode: str, kind: str, limit: int) -> list[TaskRow]:
        """Succeeded tasks of a model, mode and kind whose tokens are known, the newest first."""
        same = and_(
            tasks.c.wire_model == model.wire_id,
            tasks.c.mode == mode,
            tasks.c.kind == kind,
            tasks.c.status == Status.SUCCEEDED,
            tasks.c.tokens > 0,
        )
        newest = select(tasks).where(same, self._mine()).order_by(tasks.c.intent_at.desc()).limit(limit)
        return self._all(newest)

    def count(self) -> int:
        """How many rows there are."""
        with self._store.read() as connection:
            return total(connection, EVERYTHING, 0, simulated=self._simulated).rows

    def drafts(self) -> list[TaskRow]:
        """Succeeded drafts whose id the service still takes for a final, newest first."""
        since = self.now() - micros_of(catalog.rules().draft_task_days * DAY)
        good = and_(tasks.c.kind == "draft", tasks.c.status == Status.SUCCEEDED, tasks.c.created_at > since)
        return self._all(select(tasks).where(good, self._mine()).order_by(tasks.c.created_at.desc()))

    def finals_of(self, keys: Iterable[str]) -> dict[str, list[TaskRow]]:
        """The finals that drafts have, made or on their way: draft's key -> their rows."""
        found: dict[str, list[TaskRow]] = {}
        for some in batches(keys):
            those = and_(tasks.c.parent_key.in_(some), tasks.c.kind == "final")
            for row in self._all(select(tasks).where(those, tasks.c.status.not_in(CLIPLESS))):
                found.setdefault(str(row.parent_key), []).append(row)
        return found

    def link(self, chain: str) -> TaskRow | None:
        """The newest row of a chain's link that is made, or may still be; None where there is none."""
        with self._store.read() as connection:
            return self._link(connection, chain)

    def with_last_frame(self, path: str) -> TaskRow | None:
        """The row whose last frame was saved as this path, relative to the home."""
        found = self._all(select(tasks).where(tasks.c.last_frame_path == path, self._mine()).limit(1))
        return found[0] if found else None

    def money(self) -> tuple[float, float]:
        """Dollars settled and dollars reserved."""
        with self._store.read() as connection:
            found = total(connection, EVERYTHING, 0, simulated=self._simulated)
        self._spent = found.settled
        return found.settled, found.reserved

    def standings(self, budgets: Sequence[Budget]) -> list[Standing]:
        """How budgets stand now."""
        with self._store.read() as connection:
            return [self._standing(connection, budget, self.now()) for budget in budgets]

    @property
    def spent(self) -> float:
        """Dollars settled, as `money` last read them; asks nothing."""
        return self._spent

    def tags_of(self, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """The tags of each of these tasks that has some."""
        found: dict[str, dict[str, str]] = {}
        with self._store.read() as connection:
            for part in batches(keys):
                those = select(tags).where(tags.c.key.in_(part)).order_by(tags.c.key, tags.c.name)
                for row in connection.execute(those):
                    found.setdefault(row.key, {})[row.name] = row.value
        return found

    def live(self, wire_model: str, tier: str) -> int:
        """How many tasks of a model are queued or running."""
        of = {"wire_model": wire_model, "tier": tier, "simulated": self._simulated}
        with self._store.read() as connection:
            return connection.execute(_LIVE_COUNT, of).scalar_one()

    def tokens_since(self, wire_model: str, tier: str, since: float) -> int:
        """Tokens, billed or else estimated, of tasks accepted since then (seconds since 1970)."""
        of = {"wire_model": wire_model, "tier": tier, "simulated": self._simulated}
        with self._store.read() as connection:
            found = connection.execute(_TOKENS_SINCE, {**of, "since": micros_of(since)})
            return int(found.scalar_one())

    # --- for those who are inside a transaction ----------------------------------------------------------

    def now(self) -> int:
        return micros_of(self._clock())

    def _mine(self) -> ColumnElement[bool]:
        return tasks.c.simulated.is_(self._simulated)

    def _all(self, query: Select[Any]) -> list[TaskRow]:
        with self._store.read() as connection:
            return [TaskRow.read(line) for line in connection.execute(query)]

    def _row(self, connection: Connection, key: str) -> TaskRow:
        found = connection.execute(_BY_KEY, {"key": key}).first()
        if found is None:
            raise LogError(f"the log {self._store.name} has no task {key!r}")
        return TaskRow.read(found)

    def _standing(self, connection: Connection, budget: Budget, at: int) -> Standing:
        return standing(connection, budget, at, home=self.home, simulated=self._simulated)

    def _link(self, connection: Connection, chain: str) -> TaskRow | None:
        those = and_(tasks.c.chain == chain, tasks.c.status.not_in(CLIPLESS), self._mine())
        newest = select(tasks).where(those).order_by(tasks.c.intent_at.desc()).limit(1)
        found = connection.execute(newest).first()
        return None if found is None else TaskRow.read(found)

    def _of_batch(self, connection: Connection, batch: str | None, batch_row: str) -> TaskRow | None:
        those = and_(tasks.c.batch == batch, tasks.c.batch_row == batch_row, self._mine())
        alive = select(tasks).where(those, tasks.c.status.not_in(CLIPLESS)).limit(1)
        found = connection.execute(alive).first()
        return None if found is None else TaskRow.read(found)

    def _with_id(self, connection: Connection, task_id: str) -> TaskRow | None:
        found = connection.execute(_BY_TASK_ID, {"task_id": task_id}).first()
        return None if found is None else TaskRow.read(found)


def free_nonce(connection: Connection, wire_model: str, tier: str, now: int) -> int:
    """16 bits that no other recent intent for this model and tier carries.

    Raises
    ------
    LogError
        All are taken.
    """
    recent = {"wire_model": wire_model, "tier": tier, "since": now - micros_of(NONCE_DAYS * DAY)}
    for _ in range(_NONCE_DRAWS):
        nonce = secrets.randbelow(_NONCES)
        if nonce % _ROUND and connection.execute(_NONCE_SINCE, {**recent, "nonce": nonce}).first() is None:
            return nonce
    usable = {nonce for nonce in range(_NONCES) if nonce % _ROUND}
    free = usable.difference(connection.execute(_NONCES_SINCE, recent).scalars())
    if not free:
        raise LogError(
            f"{len(usable):,} tasks of {wire_model} in {NONCE_DAYS} days: no free fingerprint is left. "
            "Set execution_expires_after yourself to send without one."
        )
    return secrets.choice(sorted(free))
