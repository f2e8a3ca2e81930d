"""The simulated service's memory: tasks, pictures and callbacks in one SQLite file, moved on by the clock.

Nothing runs in the background. Whoever asks first calls the `World`, which plays every event up to
now in order: a queued task starts when it is ready and a place is free, a running one ends at its time,
an unfinished one expires. So a restarted kernel finds its tasks where they would be.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["SimulatedTask", "World"]

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, wire_model TEXT NOT NULL, tier TEXT NOT NULL,
    status TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    ready_at REAL NOT NULL, run_seconds REAL NOT NULL, ends_at REAL, expires_at REAL NOT NULL,
    error_code TEXT, error_message TEXT, facts TEXT NOT NULL, billed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS tasks_status ON tasks (status);
CREATE TABLE IF NOT EXISTS pictures (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS creates (
    model TEXT NOT NULL, tier TEXT NOT NULL, at REAL NOT NULL, tokens INTEGER
);
CREATE TABLE IF NOT EXISTS callbacks (
    number INTEGER PRIMARY KEY, task_id TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
    status TEXT NOT NULL, due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, outcome TEXT
);
"""


@dataclass
class SimulatedTask:
    """One task as the service holds it; times are seconds since 1970, ``facts`` what it will answer."""

    id: str
    model: str
    wire_model: str
    tier: str
    status: str
    created_at: float
    updated_at: float
    ready_at: float
    run_seconds: float
    ends_at: float | None
    expires_at: float
    error_code: str | None
    error_message: str | None
    facts: dict[str, Any]
    billed: int = 0


class World:
    """The state behind one simulator.

    Parameters
    ----------
    path
        SQLite file; None keeps everything in memory.
    concurrency
        Tasks of a model that run at once on the default tier, by dated id.
    on_change
        Called inside the transaction for every change of status.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        concurrency: Callable[[str], int | None],
        on_change: Callable[[World, SimulatedTask], None],
    ) -> None:
        self._concurrency = concurrency
        self._on_change = on_change
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=30
        )
        self._db.row_factory = sqlite3.Row
        if path:
            # losing the last moment of a simulation in a power cut costs nobody anything
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    @contextlib.contextmanager
    def transaction(self, now: float) -> Iterator[World]:
        """One exclusive step at time ``now``, with everything due by then played first."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._advance(now)
                yield self
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    # --- tasks -------------------------------------------------------------------------------------------

    def add(self, task: SimulatedTask) -> None:
        """A new task, queued."""
        row = {**task.__dict__, "facts": json.dumps(task.facts)}
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        self._db.execute(f"INSERT INTO tasks ({names}) VALUES ({places})", row)  # noqa: S608
        self._on_change(self, task)

    def task(self, task_id: str) -> SimulatedTask | None:
        """The task of that id, None where there is none."""
        row = self._db.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
        return None if row is None else _task(row)

    def tasks(self, *, since: float = 0.0) -> list[SimulatedTask]:
        """Tasks created at or after ``since``, newest first."""
        rows = self._db.execute(
            "SELECT * FROM tasks WHERE created_at >= ? ORDER BY created_at DESC, rowid DESC", (since,)
        )
        return [_task(row) for row in rows]

    def change(self, task: SimulatedTask, status: str, at: float) -> None:
        """The task takes on a status at a moment, and whoever listens is told."""
        task.status, task.updated_at = status, at
        self._db.execute(
            "UPDATE tasks SET status = ?, updated_at = ?, ends_at = ?, error_code = ?, error_message = ?, "
            "billed = ? WHERE id = ?",
            (status, at, task.ends_at, task.error_code, task.error_message, task.billed, task.id),
        )
        self._on_change(self, task)

    def remove(self, task: SimulatedTask) -> None:
        """The record is gone."""
        self._db.execute("DELETE FROM tasks WHERE id = ?", (task.id,))

    # --- rates -------------------------------------------------------------------------------------------

    def count_create(self, model: str, tier: str, at: float, tokens: int) -> None:
        """Remember an accepted create for the rate limits."""
        self._db.execute("INSERT INTO creates VALUES (?, ?, ?, ?)", (model, tier, at, tokens))

    def creates(self, model: str, tier: str, since: float) -> tuple[int, int, float]:
        """Creates of a model since a moment: how many, their tokens, and the time of the first."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(tokens), 0), coalesce(min(at), 0) FROM creates "
            "WHERE model = ? AND tier = ? AND at > ?",
            (model, tier, since),
        ).fetchone()
        return int(row[0]), int(row[1]), float(row[2])

    # --- pictures ----------------------------------------------------------------------------------------

    def keep_picture(self, sha256: str, data: bytes) -> None:
        """Store an input picture once."""
        self._db.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?)", (sha256, data))

    def picture(self, sha256: str) -> bytes:
        """The bytes of a stored picture."""
        with self._lock:
            row = self._db.execute("SELECT data FROM pictures WHERE sha256 = ?", (sha256,)).fetchone()
        return bytes(row[0])

    # --- callbacks ---------------------------------------------------------------------------------------

    def queue_callback(self, task: SimulatedTask, url: str, body: dict[str, Any], due_at: float) -> None:
        """A POST to be sent at ``due_at``."""
        self._db.execute(
            "INSERT INTO callbacks (task_id, url, body, status, due_at) VALUES (?, ?, ?, ?, ?)",
            (task.id, url, json.dumps(body), task.status, due_at),
        )

    def due_callbacks(self, now: float) -> list[dict[str, Any]]:
        """Callbacks whose time has come and that have no outcome yet, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM callbacks WHERE outcome IS NULL AND due_at <= ? ORDER BY number", (now,)
        )
        return [dict(row) for row in rows]

    def settle_callback(self, number: int, *, tries: int, due_at: float, outcome: str | None) -> None:
        """Record a try; an outcome of None leaves the callback due again at ``due_at``."""
        self._db.execute(
            "UPDATE callbacks SET tries = ?, due_at = ?, outcome = ? WHERE number = ?",
            (tries, due_at, outcome, number),
        )

    # --- time --------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        rows = self._db.execute(
            "SELECT * FROM tasks WHERE status IN ('queued', 'running') ORDER BY created_at, rowid"
        )
        live = [_task(row) for row in rows]
        queues: dict[tuple[str, str], list[SimulatedTask]] = {}
        for task in live:
            queues.setdefault((task.model, task.tier), []).append(task)
        for (model, tier), waiting in queues.items():
            self._play(waiting, self._concurrency(model) if tier == "default" else None, now)

    def _play(self, live: list[SimulatedTask], places: int | None, now: float) -> None:
        """Play one model's events in order of time."""
        at = 0.0
        while live:
            running = [task for task in live if task.status == "running"]
            events = [(task.ends_at or now, 0, task) for task in running]
            events += [(task.expires_at, 1, task) for task in live]
            if places is None or len(running) < places:
                events += [(max(task.ready_at, at), 2, task) for task in live if task.status == "queued"][:1]
            at, kind, task = min(events, key=lambda event: (event[0], event[1]))
            if at > now:
                return
            if kind == 2:  # noqa: PLR2004
                task.ends_at = at + task.run_seconds
                self.change(task, "running", at)
                continue
            live.remove(task)
            if kind == 1:
                self.change(task, "expired", at)
            elif task.error_code:
                self.change(task, "failed", at)
            else:
                task.billed = int(task.facts["tokens"])
                self.change(task, "succeeded", at)


def _task(row: sqlite3.Row) -> SimulatedTask:
    return SimulatedTask(**{**dict(row), "facts": json.loads(row["facts"])})
