"""A log of many rows: copies of its first ones, past the kit, for tests that look at long logs."""

from __future__ import annotations

import contextlib
import sqlite3

from seedance_widgets.log.store import Store
from seedance_widgets.log.totals import EVERYTHING, keep_total


def lengthen(path, count):
    """Copy the log's rows until it has so many more; each a minute before the one that it follows."""
    with contextlib.closing(sqlite3.connect(path)) as log:
        log.row_factory = sqlite3.Row
        rows = [dict(row) for row in log.execute("SELECT * FROM tasks ORDER BY intent_at")]
        names = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join("?" * len(rows[0]))
        for number in range(count):
            row = dict(rows[number % len(rows)])
            at = row["intent_at"] - (number + 1) * 60_000_000
            row |= {"key": f"copy-{number:06d}", "task_id": None, "created_at": at, "intent_at": at, "nonce": None,
                    "prompt": f"{row['prompt']}, copy {number}", "batch_row": None}  # fmt: skip
            log.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", tuple(row.values()))
        log.commit()
    store = Store(path)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM totals")
        connection.exec_driver_sql("DELETE FROM scopes")
        keep_total(connection, EVERYTHING)
    store.close()
