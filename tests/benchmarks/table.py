"""The table of a log of 10,000 tasks: until it can be used, until a word is found, and what a notebook keeps of it.

In the kernel's part: making the widget, the first search (when the texts are ready, as after a second of looking)
and a later one, each until the traits are set. The browser draws 25 rows whatever the log has. Bytes are those of
the widget's state, as a notebook saves it, its code included.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from functools import partial
from typing import TYPE_CHECKING

import measure

import seedance_widgets as sw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 200 if measure.SMALL else 10_000
WORDS = ["fox", "owl", "hen", "hare", "elk", "snow", "sea", "night", "slow", "camera"]


def fill(home: Path) -> sw.Studio:
    """A studio whose log has so many rows."""
    chance = random.Random(1)
    studio = sw.Studio(home, simulate=True)
    rows = [
        {
            "model": "seedance-1-5-pro",
            "prompt": " ".join(chance.choices(WORDS, k=30)) + f" {number}",
            "created_at": 1_750_000_000 + number,
            "status": chance.choice(["succeeded", "failed"]),
            "simulated": True,
            "usd": round(chance.random(), 4),
            "seed": chance.randrange(1 << 32),
            "tags.campaign": chance.choice(["spring", "autumn"]),
        }
        for number in range(ROWS)
    ]
    for row in rows:
        row["created_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(str(row["created_at"]))))
    studio.log.add(rows)
    return studio


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """So many rounds."""
    rounds = measure.rounds(__doc__, 5)
    made, first, later, sizes = [], [], [], []
    with measure.folder() as folder:
        studio = fill(folder / "runs")
        for number in range(rounds + 1):
            began = time.perf_counter()
            table = sw.LogTable(studio)
            took = time.perf_counter() - began
            asyncio.run(asyncio.sleep(1.0))
            searches = [
                seconds(partial(_search, table, words))
                for words in (f"fox owl {number}", f"hare elk {number}")
            ]
            state = {name: value for name, value in table.get_state().items() if name != "layout"}
            table.close()
            if number:
                made.append(took)
                first.append(searches[0] * 1e3)
                later.append(searches[1] * 1e3)
                sizes.append(len(json.dumps(state, default=str)) / 1e3)
        studio.close()
    shown = measure.Table(f"The table of a log of {ROWS:,} tasks")
    shown.row("made, in the kernel", made, "s", at_most=3.0)
    shown.row("the first search", first, "ms", at_most=200.0)
    shown.row("a later search", later, "ms", at_most=200.0)
    shown.row("kept in a notebook", sizes, "kB", at_most=300.0)
    shown.print()


def _search(table: sw.LogTable, words: str) -> None:
    table._handle_custom_msg({"kind": "query", "query": {"search": words}}, [])


if __name__ == "__main__":
    main()
