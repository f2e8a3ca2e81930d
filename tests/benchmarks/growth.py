"""What a year of work costs the next request: the same calls on a new log and on one of 100,000 rows.

Both logs belong to studios in this process, with a budget to check, and send to one service in a process of its
own (the simulator over loopback), so that CPU times are the kit's alone. Rows are copies of a real one, spread
over a year: most succeeded, some failed or were never made, a fifth are drafts.

Measured are: submits, one after the other until the service has accepted each; ``spent``, ``left`` and
``reserved`` together; what the board and the form read; and `resume` with nothing to do.
``--rows N`` makes another number.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import measure

import seedance_widgets as sw
from seedance_widgets.log.store import Store
from seedance_widgets.log.totals import EVERYTHING, keep_total

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_size = argparse.ArgumentParser(add_help=False)
_size.add_argument("--rows", type=int, default=500 if measure.SMALL else 100_000)
_known, _rest = _size.parse_known_args()
ROWS = _known.rows
sys.argv[1:] = _rest
SUBMITS = 2 if measure.SMALL else 20
READS = 2 if measure.SMALL else 50
YEAR = 365 * 86_400 * 1_000_000
ASKED = {"model": "seedance-1-0-pro-fast", "resolution": "480p", "ratio": "1:1", "frames": 29}
SERVICE = """
import sys
from seedance_widgets.cli import main
main(["simulate", "--port", "0", "--speed", "2000"])
"""


def fill(log: Path, count: int) -> None:
    """Add copies of the log's one row, spread over the year before it."""
    connection = sqlite3.connect(log)
    connection.row_factory = sqlite3.Row
    first = dict(connection.execute("SELECT * FROM tasks LIMIT 1").fetchone())
    chance = random.Random(1)
    statement = f"INSERT INTO tasks ({', '.join(map(_quoted, first))}) VALUES ({', '.join('?' * len(first))})"
    connection.executemany(statement, (tuple(_copy(first, n, count, chance).values()) for n in range(count)))
    connection.commit()
    connection.close()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _copy(row: dict[str, Any], number: int, count: int, chance: random.Random) -> dict[str, Any]:
    status = chance.choices(("succeeded", "failed", "rejected", "not_created"), (90, 5, 4, 1))[0]
    at = row["intent_at"] - YEAR + YEAR * number // (count + 1)
    draft = chance.random() < 0.2
    return {
        **row,
        "key": f"copy-{number:09d}",
        "task_id": f"cgt-copy-{number:09d}" if status in {"succeeded", "failed"} else None,
        "status": status,
        "kind": "draft" if draft else "standard",
        "usd": row["usd"] if status == "succeeded" else 0.0,
        "reserved_usd": 0.0,
        "file": "saved" if status == "succeeded" else "none",
        "created_at": at,
        "intent_at": at,
        "sent_at": None,
        "finished_at": at + 60_000_000,
        "saved_at": at + 62_000_000 if status == "succeeded" else None,
        "nonce": chance.randrange(1 << 16),
        "owner": None,
        "study": None,
    }


async def studio_with(home: Path, service: str, rows: int) -> sw.Studio:
    """A studio whose log has one real row and so many copies."""
    with sw.Studio(home, base_url=service, api_key="sk-growth") as studio:
        await studio.generate("a fox", **ASKED)
    if rows:
        fill(home / "log.sqlite", rows)
    count_up(home / "log.sqlite")
    return sw.Studio(home, base_url=service, api_key="sk-growth", budget_usd=1e6)


def count_up(log: Path) -> None:
    """Add up what was written past the kit, as for a log of an older version."""
    store = Store(log)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM totals")
        connection.exec_driver_sql("DELETE FROM scopes")
        keep_total(connection, EVERYTHING)
    store.close()


async def cpu_of(work: Callable[[], Awaitable[object]], times: int) -> float:
    """Milliseconds of CPU of this process, each time."""
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) * 1e3 / times


async def measured(studio: sw.Studio, number: int) -> dict[str, float]:
    """One round on one studio."""
    tasks: list[sw.Task] = []

    async def submit() -> None:
        tasks.append(await studio.submit(f"a fox {number} {len(tasks)}", **ASKED))

    async def money() -> None:
        assert studio.left == 1e6 - studio.spent - studio.reserved

    async def board() -> None:
        from seedance_widgets.widgets.board_rows import read_board

        read_board(studio.runtime, 100, studio.own_budgets)

    async def drafts() -> None:
        studio.runtime.journal.drafts()

    await money()
    found = {"a submit": await cpu_of(submit, SUBMITS)}
    await asyncio.gather(*tasks)
    await asyncio.sleep(0.3)
    found["spent, left, reserved"] = await cpu_of(money, READS)
    found["the board's read"] = await cpu_of(board, max(1, READS // 10))
    found["drafts to promote"] = await cpu_of(drafts, max(1, READS // 10))
    found["resume, nothing to do"] = await cpu_of(studio.resume, max(1, READS // 10))
    return found


async def main() -> None:
    """Both logs in turn."""
    rounds = measure.rounds(__doc__, 5)
    with measure.folder() as folder, measure.process(SERVICE) as service:
        studios = {
            "new": await studio_with(folder / "new", service, 0),
            "old": await studio_with(folder / "old", service, ROWS),
        }
        results: dict[str, list[dict[str, float]]] = {name: [] for name in studios}
        for number in range(rounds + 1):
            for name, studio in list(studios.items())[:: -1 if number % 2 else 1]:
                found = await measured(studio, number)
                if number:
                    results[name].append(found)
        for studio in studios.values():
            studio.close()
    table = measure.Table(f"CPU on a log of {ROWS:,} rows, against a new one")
    limits = {"a submit": 1.3}
    for what in results["new"][0]:
        new, old = ([found[what] for found in results[name]] for name in ("new", "old"))
        table.row(f"{what}, new", new, "ms")
        table.row(f"{what}, {ROWS:,} rows", old, "ms", against=new, at_most=limits.get(what))
    table.row(
        "spent, left, reserved, at most",
        [statistics.median(found["spent, left, reserved"] for found in results["old"])],
        "ms",
        at_most=1.0,
    )
    table.print()


if __name__ == "__main__":
    asyncio.run(main())
