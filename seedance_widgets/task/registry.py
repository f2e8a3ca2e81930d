"""The one event of a studio: a row has changed. And the one `Task` of each row in this process.

Every change of a row goes the same way: it is made durable in the log, then published here. `publish` tells,
in this order, who sees to what happens next (the dispatcher), whoever subscribed (widgets, people's own
code), and the row's `Task`, whose card is drawn anew.

A `Task` lives as long as somebody has it in hand, and is held here as long as something may still happen to
it by itself.
"""

from __future__ import annotations

import logging
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import LogMoved, SeedanceError
from seedance_widgets.log.row import SAVE_ENDED_BADLY, FileState, Status
from seedance_widgets.task.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.errors import LogError
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.task_request import TaskRequest
    from seedance_widgets.task.task import Runtime

    Listener = Callable[[TaskRow | None], None]

__all__ = ["Follower", "Registry"]

logger = logging.getLogger(__name__)
_TICK_SECONDS = 1.0


class Follower(Protocol):
    """Sees to what happens next to the tasks that are held, as `following.dispatcher.Dispatcher` does."""

    def react(self, row: TaskRow) -> None:
        """Do what the row's state calls for."""


class Registry:
    """The tasks of one runtime; rows are published on the engine.

    Parameters
    ----------
    runtime
        What each task is handed.

    Attributes
    ----------
    follower : Follower or None
        Told first of the rows of tasks that are held; None where nothing is followed any more.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.follower: Follower | None = None
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

    def held(self) -> list[Task]:
        """The tasks to which something may still happen by itself."""
        return list(self._held.values())

    # --- who has which task ------------------------------------------------------------------------------

    def task_of(self, row: TaskRow, request: TaskRequest | None = None) -> Task:
        """The task of a row; ``request`` is what it was begun with, where that is at hand."""
        task = self._tasks.get(row.key)
        if task is None:
            task = self._tasks[row.key] = Task(self._runtime, row, request)
        return task

    def hold(self, row: TaskRow, request: TaskRequest | None = None) -> Task:
        """The task of a row, held from now on."""
        task = self._held[row.key] = self.task_of(row, request)
        return task

    def release(self, key: str) -> None:
        """Hold a task no longer: nothing happens to it by itself any more."""
        self._held.pop(key, None)

    def newest(self, row: TaskRow) -> TaskRow:
        """A row that was read from the log, or what was published of it since, which nobody tells again."""
        known = self._tasks.get(row.key)
        return known.row if known is not None and known.row.revision >= row.revision else row

    # --- the one event -----------------------------------------------------------------------------------

    async def record(self, change: Callable[..., TaskRow], *args: Any, **kwargs: Any) -> TaskRow:
        """Make a change durable, off the loop, and publish the row that it leads to.

        Parameters
        ----------
        change
            A method of the journal, or of the verdicts, that writes and returns the row.
        *args, **kwargs
            Its arguments.

        Raises
        ------
        LogError
            It could not be written down; nothing was published.
        """
        row = await engine.write(change, *args, **kwargs)
        self.publish(row)
        return row

    def publish(self, row: TaskRow) -> None:
        """Tell everybody of a new row."""
        self._log_news(row)
        if self.follower is not None and row.key in self._held:
            self.follower.react(row)
        # before the task, so that whoever awaits it finds the listeners told
        self._tell(row)
        if task := self._tasks.get(row.key):
            task.update(row)

    def remark(self, key: str, error: LogError) -> None:
        """Tell of a trouble with a task that cannot be written down, until its next row."""
        if task := self._held.get(key):
            self.publish(replace(task.row, trouble=str(error)))
            if isinstance(error, LogMoved):  # nothing can be written until somebody moves it back
                task.interrupt(error)

    def _log_news(self, row: TaskRow) -> None:
        known = self._tasks.get(row.key)
        if known is None or known.row.status is not row.status:
            id_ = f" as {row.task_id}" if row.status is Status.QUEUED else ""
            cost = f", {row.tokens:,} tokens" if row.status is Status.SUCCEEDED and row.tokens else ""
            logger.info("task %s: %s%s%s", row.key, row.status, id_, cost)
        if row.file is not FileState.NONE and (known is None or known.row.file is not row.file):
            logger.info("task %s: its clip is %s", row.key, row.file)

    def take_up(self, row: TaskRow) -> Task:
        """Hold a task whose row is found in the log, and see to what is to happen next to it."""
        row = self.newest(row)
        if row.status is Status.SUCCEEDED and row.file in SAVE_ENDED_BADLY:
            row = replace(row, file=FileState.NONE)  # there is something to wait for again
        task = self.hold(row)
        self.publish(row)
        return task

    def tick(self) -> None:
        """Time passes for what is at work; listeners hear of it about once a second."""
        for task in list(self._held.values()):
            task.update()
        if time.monotonic() - self._ticked >= _TICK_SECONDS:
            self._ticked = time.monotonic()
            self._tell(None)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have every newly published row handed to a listener, on the engine's thread.

        Parameters
        ----------
        listener
            Given the row; and about once a second, while tasks are live, None. It must not block.
            What it raises is logged and dropped: nobody who looks on may stop a task.

        Returns
        -------
        callable
            Ends the subscription.
        """
        token = object()
        self._listeners[token] = listener
        return lambda: self._listeners.pop(token, None) and None

    def _tell(self, row: TaskRow | None) -> None:
        for listener in list(self._listeners.values()):
            try:
                listener(row)
            except Exception:
                logger.exception("a listener of studio.subscribe failed; the task goes on")

    # --- the end -----------------------------------------------------------------------------------------

    def stop_reacting(self) -> None:
        """Tell nobody any more but those who have the tasks in hand."""
        self.follower = None
        self._listeners.clear()

    def give_up(self) -> None:
        """The studio is closed: whoever awaits a task is told so."""
        for task in self._held.values():
            text = f"task {task.key} is {task.status}, and its studio is closed"
            task.give_up(SeedanceError(f"{text}; resume() of a new one follows it"))
        self._held.clear()
