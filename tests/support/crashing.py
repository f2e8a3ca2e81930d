"""Run as a process of its own: submits to a home, and is killed at a point of its way, as a kernel is.

    python crashing.py HOME ADDRESS POINT COUNT

The points are told by the database driver and the interpreter: ``before-intent`` and ``after-intent``, the
commit of a new row; ``before-id``, the commit of its task id; ``before-name``, a clip that is whole taking
its final name; ``before-filed``, the commit that says so. At any other word it goes on until somebody
kills it.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import Engine, event
from stage import SMALL, Reached, Route

import seedance_widgets as sw


class Point:
    """Kills the process when the log comes to a point."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._doing = ""
        event.listen(Engine, "before_cursor_execute", self.before)
        event.listen(Engine, "after_cursor_execute", self.after)
        sys.addaudithook(self.heard)

    def before(self, _connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("BEGIN"):
            self._doing = ""
        elif statement.startswith("INSERT INTO tasks"):
            self._doing = "intent"
        elif statement.startswith("UPDATE tasks SET") and "task_id=" in statement:
            self._doing = "id"
        elif statement.startswith("UPDATE tasks SET") and "saved_at=" in statement:
            self._doing = "filed"
        self._come_to("before", statement)

    def after(self, _connection, _cursor, statement, *_rest) -> None:
        self._come_to("after", statement)

    def heard(self, what: str, about: tuple[object, ...]) -> None:
        if what == "os.rename" and self._name == "before-name" and str(about[1]).endswith("video.mp4"):
            self._die()

    def _come_to(self, when: str, statement: str) -> None:
        if statement == "COMMIT" and self._name == f"{when}-{self._doing}":
            self._die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def main(home: str, address: str, point: str, count: str) -> None:
    """Submit, say each task's id, and wait for the clips."""
    # whoever started the tests in the background has interrupts ignored, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Point(point)
    studio = sw.Studio(home, simulate=Reached(Route(address)))
    tasks = []
    for number in range(int(count)):
        tasks.append(sw.run(studio.submit(f"fox {number}", **SMALL)))
        print(tasks[-1].id, flush=True)
    for task in tasks:
        sw.run(task)


if __name__ == "__main__":
    main(*sys.argv[1:])
