"""The one `Task` of each row in this process, and whoever else is told of new rows.

A handle lives as long as somebody holds it, and as long as something may still happen to its task by itself.
"""

from __future__ import annotations

import contextlib
import time
import weakref
from typing import TYPE_CHECKING

from seedance_widgets.errors import SeedanceError
from seedance_widgets.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.log.journal import Row
    from seedance_widgets.request import TaskRequest
    from seedance_widgets.task import Runtime

    Listener = Callable[[Row | None], None]

__all__ = ["Handles"]

_TICK_SECONDS = 1.0


class Handles:
    """The tasks of one runtime; rows are published on the engine.

    Parameters
    ----------
    runtime
        What each task is handed.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tasks: weakref.WeakValueDictionary[str, Task] = weakref.WeakValueDictionary()
        self._held: dict[str, Task] = {}
        self._listeners: dict[object, Listener] = {}
        self._ticked = 0.0

    def __contains__(self, key: object) -> bool:
        """Whether something may still happen to a task by itself."""
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def of(self, row: Row, request: TaskRequest | None = None) -> Task:
        """The handle of a row; ``request`` is what it was begun with, where that is at hand."""
        task = self._tasks.get(row["key"])
        if task is None:
            task = self._tasks[row["key"]] = Task(self._runtime, row, request)
        return task

    def hold(self, row: Row, request: TaskRequest | None = None) -> Task:
        """The handle of a row, kept alive from now on."""
        task = self._held[row["key"]] = self.of(row, request)
        return task

    def let_go(self, key: str) -> None:
        """Nothing happens to a task by itself any more."""
        self._held.pop(key, None)

    def give_up(self) -> None:
        """The studio is closed: whoever awaits a task is told so."""
        for task in self._held.values():
            text = f"task {task.key} is {task.status}, and its studio is closed"
            task.give_up(SeedanceError(f"{text}; resume() of a new one follows it"))
        self._held.clear()

    def publish(self, row: Row) -> None:
        """Tell everybody of a new row."""
        # first, so that whoever awaits the task finds the listeners told
        self.tell(row)
        if task := self._tasks.get(row["key"]):
            task.update(row)

    def tick(self) -> None:
        """Time passes for what is at work; listeners hear of it about once a second."""
        for task in list(self._held.values()):
            task.update()
        if time.monotonic() - self._ticked >= _TICK_SECONDS:
            self._ticked = time.monotonic()
            self.tell(None)

    def tell(self, row: Row | None) -> None:
        """Hand a row to all listeners."""
        for listener in list(self._listeners.values()):
            with contextlib.suppress(Exception):
                listener(row and dict(row))

    def subscribe(self, callback: Listener) -> Callable[[], None]:
        """Have every newly published row handed to a callback, on the engine's thread.

        Parameters
        ----------
        callback
            Given a row; and about once a second, while tasks are live, None. It must not block. What it
            raises is dropped: nobody who looks on may stop a task.

        Returns
        -------
        callable
            Ends the subscription.
        """
        token = object()
        self._listeners[token] = callback
        return lambda: self._listeners.pop(token, None) and None

    def unsubscribe_all(self) -> None:
        """Tell nobody any more but those who hold the tasks."""
        self._listeners.clear()
