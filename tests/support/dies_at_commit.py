"""Run as a process of its own: works on a home, and is killed right before or after its n-th commit.

    python dies_at_commit.py HOME ADDRESS LOG NUMBER before|after

LOG is the log's address, or "-" for the home's own. At the end it says how many commits there were.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from stage import SMALL

import seedance_widgets as sw
from seedance_widgets.log.store import Store


class Commits:
    """Counts the commits of the log, and ends the process at one of them."""

    def __init__(self, number: int, when: str) -> None:
        self.count = 0
        self._number, self._when = number, when
        self._end = Store._end
        counted = self

        def end(store, connection, how):
            counted.end(store, connection, how)

        Store._end = end

    def end(self, store, connection, how) -> None:
        if how != "COMMIT":
            self._end(store, connection, how)
            return
        self.count += 1
        is_now = self.count == self._number
        if is_now and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self._end(store, connection, how)
        if is_now:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(home, address, log, number, when) -> None:
    commits = Commits(int(number), when)
    async with sw.Studio(home, api_key="a-test", base_url=address, log=None if log == "-" else log) as studio:
        await asyncio.gather(*(studio.generate(f"a fox {n}", **SMALL) for n in range(2)))
    print(commits.count)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
