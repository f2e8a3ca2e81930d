"""What the log costs: writing a task's life durably, and reading 10,000 tasks back as a DataFrame.

Writing. A task is logged in five transitions (begun, accepted, running, succeeded, filed), each a commit that
is on the disk when it returns. Compared with the ``Journal`` is plain sqlite3 that writes the very same rows:
the values of each transition are taken from a task that the journal logged before, so it neither reads,
decides, formats nor checks anything. Tables, indexes, pragmas (WAL, synchronous=FULL), file system and number
of commits are the same, and the files lie side by side. The journal has a budget to check, its slowest way.
For information: plain sqlite3 with two commits, and a log that already holds 10,000 recent tasks, where the
journal has fingerprints to tell apart and money to add up. Two processes then write to one log at the same
time, plain ones with the same BEGIN IMMEDIATE and patience; none of the journal's writes may be refused.

Reading. ``Log.to_pandas`` against ``pd.read_sql_query`` of the same columns followed by the same typing as a
user would write it in pandas, and a second query for the stars. Both frames are compared and must be equal.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import measure

import seedance_widgets as sw
from seedance_widgets.log import Log
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.schema import FRAME_COLUMNS, tasks
from seedance_widgets.log.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    import pandas as pd

BATCH = 2 if measure.SMALL else 10  # tasks a round
TOGETHER = 5 if measure.SMALL else 50  # tasks a process and round, when two write at once
MANY = 500 if measure.SMALL else 10_000
PROMPT = (
    "A red fox trots along a frozen river at first light, breath steaming, snow creaking under its paws; the "
    "camera follows low and close from the side, then rises over birches into a pale pink sky, slow and quiet"
)
BUDGET = sw.Budget(1e6)
INSERT_ANSWER = "INSERT INTO answers (key, at, call, body) VALUES (?, ?, ?, ?)"


class Kit:
    """Tasks logged by the journal."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.journal = Journal(self.store)
        asked = {"model": "seedance-1-5-pro", "ratio": "16:9", "resolution": "720p", "duration": 5}
        self.estimate = sw.estimate(sw.TaskRequest(PROMPT, **asked))

    def log(self, *, failed: bool = False) -> list[dict[str, Any]]:
        """Log one task; its row after each transition."""
        intent = self.journal.begin(self.estimate, budgets=(BUDGET,), stored={})
        key, now = intent.key, int(time.time())
        known = {
            "id": f"cgt-{key}",
            "model": intent.row.wire_model,
            "created_at": now,
            "updated_at": now + 84,
        }
        rows = [
            intent.row,
            self.journal.accepted(
                key, {"id": known["id"]}, request_id=f"r-{key}", client_request_id=f"c-{key}"
            ),
            self.journal.observed(key, {**known, "status": "running"}),
        ]
        if failed:
            error = {"code": "OutputVideoSensitiveContentDetected", "message": "The output may be sensitive."}
            rows.append(self.journal.observed(key, {**known, "status": "failed", "error": error}))
            return [row.to_dict() for row in rows]
        success = {
            **known,
            "status": "succeeded",
            "content": {"video_url": f"https://ark-content.example/{key}.mp4?signature={'0' * 200}"},
            "usage": {"completion_tokens": 108_900, "total_tokens": 108_900},
            "seed": intent.body["seed"],
            "resolution": "720p",
            "ratio": "16:9",
            "duration": 5,
            "framespersecond": 24,
            "generate_audio": True,
            "service_tier": "default",
        }
        rows.append(self.journal.observed(key, success))
        files = {name: f"media/{key}/{name}" for name in ("video.mp4", "poster.jpg")}
        rows.append(
            self.journal.filed(
                key, video_path=files["video.mp4"], poster_path=files["poster.jpg"], sha256="0" * 64
            )
        )
        return [row.to_dict() for row in rows]


class Plain:
    """The same tasks in the same tables through sqlite3, from values that are at hand."""

    def __init__(self, path: Path, rows: list[dict[str, Any]], answers: list[tuple[Any, ...]]) -> None:
        Store(path).close()
        self.connection = connected(path)
        self._first = rows[0]
        self._answers = [answer[1:] for answer in answers]
        self._changes = [
            {name: value for name, value in after.items() if value != before[name]}
            for before, after in itertools.pairwise(rows)
        ]
        self._merged = {name: value for changes in self._changes for name, value in changes.items()}
        self._insert = inserting(self._first)

    def log(self) -> None:
        """Five commits: the intent, three answers, the file."""
        key = self._begin()
        for number, changes in enumerate(self._changes):
            self.connection.execute("BEGIN IMMEDIATE")
            self._update(key, changes)
            if number < len(self._answers):
                self.connection.execute(INSERT_ANSWER, (key, *self._answers[number]))
            self.connection.execute("COMMIT")

    def log_in_two(self) -> None:
        """Two commits: the intent, and everything else at the end."""
        key = self._begin()
        self.connection.execute("BEGIN IMMEDIATE")
        self._update(key, self._merged)
        self.connection.executemany(INSERT_ANSWER, [(key, *answer) for answer in self._answers])
        self.connection.execute("COMMIT")

    def _begin(self) -> str:
        key = f"{random.getrandbits(96):024x}"
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(self._insert, (key, *list(self._first.values())[1:]))
        self.connection.execute("COMMIT")
        return key

    def _update(self, key: str, changes: dict[str, Any]) -> None:
        if "task_id" in changes:
            changes = {**changes, "task_id": f"cgt-{key}"}
        assigned = ", ".join(f"{name} = ?" for name in changes)
        self.connection.execute(f"UPDATE tasks SET {assigned} WHERE key = ?", (*changes.values(), key))


def connected(path: Path) -> sqlite3.Connection:
    """A plain connection with the pragmas of `Store`."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL", "cache_size = -8192"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def inserting(row: dict[str, Any]) -> str:
    """The INSERT of a row whose first column is its key."""
    assert next(iter(row)) == "key"
    return f"INSERT INTO tasks ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"


def answers_of(kit: Kit, key: str) -> list[tuple[Any, ...]]:
    """What the journal kept of the answers about a task."""
    with kit.store.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT key, at, call, body FROM answers WHERE key = ? ORDER BY id", (key,)
        )
        return [tuple(answer) for answer in found]


def fill(path: Path, templates: list[dict[str, Any]]) -> None:
    """Add many ended tasks at once, copies of those given, a minute apart until now."""
    now = int(time.time()) * 1_000_000
    chosen = random.Random(1)
    rows = []
    for number in range(MANY):
        row = dict(templates[number % len(templates)])
        begun = now - (MANY - number) * 60_000_000
        key = f"{time.strftime('%y%m%d-%H%M%S', time.gmtime(begun / 1e6))}-{number:05}"
        row |= {
            "key": key,
            "task_id": f"cgt-{key}",
            "requested_seed": chosen.getrandbits(31),
            "nonce": number,
        }
        row |= {"prompt": f"{PROMPT} ({number})", "created_at": begun, "intent_at": begun}
        row |= {name: begun + 84_000_000 for name in ("finished_at", "saved_at") if row[name]}
        row |= {"seed": row["requested_seed"]} if row["seed"] else {}
        row |= {name: f"media/{key}/{name}" for name in ("video_path", "poster_path") if row[name]}
        rows.append(row)
    connection = connected(path)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(inserting(rows[0]), [tuple(row.values()) for row in rows])
    connection.execute("COMMIT")
    connection.close()


def judge(path: Path) -> None:
    """Give a fifth of the clips a verdict, and half of these a star."""
    connection = connected(path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "UPDATE tasks SET verdict = 'accept' WHERE status = 'succeeded' AND nonce % 10 IN (0, 1)"
    )
    connection.execute(
        "INSERT INTO verdicts (key, verdict, at)"
        " SELECT key, CASE nonce % 10 WHEN 0 THEN 'star' ELSE 'accept' END, finished_at"
        " FROM tasks WHERE verdict IS NOT NULL"
    )
    connection.execute("COMMIT")
    connection.close()


# --- writing ---------------------------------------------------------------------------------------------


def timed(log: Callable[[], object], count: int) -> float:
    """Milliseconds a task."""
    began = time.perf_counter()
    for _ in range(count):
        log()
    return (time.perf_counter() - began) * 1e3 / count


def write(home: Path, rounds: int) -> None:
    """Log tasks in turn, first one process, then two."""
    kit = Kit(home / "kit.sqlite")
    rows = kit.log()
    answers = answers_of(kit, rows[0]["key"])
    plain = Plain(home / "plain.sqlite", rows, answers)
    for name in ("kit-full.sqlite", "plain-full.sqlite"):
        Store(home / name).close()
        fill(home / name, [rows[-1]])
    full_kit, full_plain = Kit(home / "kit-full.sqlite"), Plain(home / "plain-full.sqlite", rows, answers)
    subjects: dict[str, Callable[[], object]] = {
        "plain": plain.log,
        "kit": kit.log,
        "two": plain.log_in_two,
        "full plain": full_plain.log,
        "full kit": full_kit.log,
    }
    ms = measure.alternate(rounds, {name: partial(timed, log, BATCH) for name, log in subjects.items()})
    table = measure.Table("Logging a task, every commit fsynced (a task each)")
    table.row("plain sqlite3, 2 commits", ms["two"], "ms")
    table.row("plain sqlite3, 5 commits", ms["plain"], "ms")
    table.row("Journal, 5 commits", ms["kit"], "ms", against=ms["plain"], at_most=3)
    table.row(f"plain sqlite3, 5 commits, {MANY:,} tasks in the log", ms["full plain"], "ms")
    table.row(
        f"Journal, 5 commits, {MANY:,} tasks in the log", ms["full kit"], "ms", against=ms["full plain"]
    )
    table.print()
    together(home, max(3, rounds // 5), rows, answers)


def writer(path: Path, plain: tuple[Any, ...], start: Barrier, results: Queue[tuple[float, int]]) -> None:
    """One of two processes: milliseconds a task, and how many writes were refused."""
    log = Plain(path, *plain).log if plain else Kit(path).log
    refused = 0

    def counted() -> None:
        nonlocal refused
        try:
            log()
        except (sw.LogError, sqlite3.OperationalError):
            refused += 1

    start.wait()
    results.put((timed(counted, TOGETHER), refused))


def together(home: Path, rounds: int, *plain: Any) -> None:
    """Two processes log to one file at the same time."""
    context = multiprocessing.get_context("spawn")

    def both(path: Path, plain: tuple[Any, ...]) -> tuple[float, int]:
        Store(path).close()
        start, results = context.Barrier(2), context.Queue()
        writers = [context.Process(target=writer, args=(path, plain, start, results)) for _ in range(2)]
        for process in writers:
            process.start()
        ended = [results.get(timeout=600) for _ in writers]
        for process in writers:
            process.join()
        return max(ms for ms, _ in ended), sum(refused for _, refused in ended)

    runs = measure.alternate(
        rounds,
        {
            "plain": lambda: both(home / "plain-both.sqlite", plain),
            "kit": lambda: both(home / "kit-both.sqlite", ()),
        },
    )
    ms = {name: [ms for ms, _ in results] for name, results in runs.items()}
    refused = {name: [sum(refused for _, refused in results)] for name, results in runs.items()}
    table = measure.Table(
        f"Two processes logging to one file at once ({rounds} rounds of {TOGETHER} tasks each)"
    )
    table.row("plain sqlite3, a task", ms["plain"], "ms")
    table.row("Journal, a task", ms["kit"], "ms", against=ms["plain"], at_most=3)
    table.row("plain sqlite3, refused writes in all", refused["plain"], "")
    table.row("Journal, refused writes in all", refused["kit"], "", at_most=0)
    table.print()


# --- reading ---------------------------------------------------------------------------------------------


def plain_frame(path: Path, home: Path) -> pd.DataFrame:
    """The log as one would read it with pandas alone."""
    import pandas as pd

    names = ", ".join(column.name for column in FRAME_COLUMNS)
    with sqlite3.connect(path) as connection:
        frame = pd.read_sql_query(f"SELECT {names} FROM tasks ORDER BY intent_at, key", connection)
        newest = pd.read_sql_query("SELECT key, verdict, MAX(id) FROM verdicts GROUP BY key", connection)
    connection.close()
    kinds = {"BIGINT": "Int64", "INTEGER": "Int64", "FLOAT": "Float64", "BOOLEAN": "boolean"}
    frame = frame.astype({column.name: kinds.get(str(column.type), "string") for column in FRAME_COLUMNS})
    for column in FRAME_COLUMNS:
        if column.info.get("time"):
            frame[column.name] = pd.to_datetime(frame[column.name], unit="us", utc=True)
        elif column.info.get("path"):
            frame[column.name] = f"{home}/" + frame[column.name]
    frame = frame.set_index("key")
    stars = frame.index.isin(newest["key"][newest["verdict"] == "star"])
    frame["starred"] = (stars & frame["verdict"].eq("accept").fillna(value=False)).astype("boolean")
    return frame


def read(home: Path, rounds: int) -> None:
    """Read a filled log in turn."""
    import pandas as pd

    path = home / "read.sqlite"
    kit = Kit(path)
    templates = [kit.log()[-1] for _ in range(9)] + [kit.log(failed=True)[-1]]
    with kit.store.write() as connection:
        connection.execute(tasks.delete())
    fill(path, templates)
    judge(path)
    log = Log(kit.store, home)
    ours, theirs = log.to_pandas(), plain_frame(path, home)
    assert len(ours) == MANY
    assert ours["starred"].any()
    pd.testing.assert_frame_equal(ours, theirs)
    ms = measure.alternate(
        rounds,
        {
            "plain": partial(timed, partial(plain_frame, path, home), 1),
            "kit": partial(timed, log.to_pandas, 1),
        },
    )
    table = measure.Table(f"Reading {MANY:,} tasks back, {len(FRAME_COLUMNS)} typed columns")
    table.row("pd.read_sql_query and typing", ms["plain"], "ms")
    table.row("Log.to_pandas", ms["kit"], "ms", against=ms["plain"], at_most=1.5)
    table.print()


def main() -> None:
    rounds = measure.rounds(__doc__, 40)
    with measure.folder() as home:
        write(home, rounds)
        read(home, max(3, rounds // 2))


if __name__ == "__main__":
    main()
