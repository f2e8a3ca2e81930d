"""Keeping a widget up to date while tasks that it shows are on their way."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Protocol

from seedance_widgets.background_loop import engine, keep_going

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedance_widgets.task.task import Task

__all__ = ["Follower"]

_POLL_SECONDS = 0.5


class _Shows(Protocol):
    """A widget that shows sources."""

    comm: Any

    def refresh(self) -> None:
        """Look at the sources again."""


class Follower:
    """Refreshes a widget while tasks that it shows are on their way.

    It looks at the tasks' rows now and then rather than await the tasks: the end of an await draws a task's
    cards in the name of the cell that waited, and that cell is not this one.

    Parameters
    ----------
    widget
        Is let go of when it is closed.
    pending
        The tasks that may still change; [] ends the following.
    """

    def __init__(self, widget: _Shows, pending: Callable[[], Sequence[Task]]) -> None:
        self._widget = widget
        self._pending = pending
        self._lock = threading.Lock()
        self._running = False
        self._seen: list[tuple[str, int]] = []

    def start(self) -> None:
        """Follow, where there is something to follow and nobody does yet; from any thread."""
        with self._lock:
            if self._running or not self._pending():
                return
            self._running = True
        self._seen = []
        engine.submit(keep_going("showing tasks that change", self._follow))

    async def _follow(self) -> bool:
        with self._lock:
            tasks = [] if self._widget.comm is None else self._pending()
            if not tasks:
                self._running = False
                return False
        now = [(task.key, task.row.revision) for task in tasks]
        if now != self._seen:
            self._seen = now
            # files are looked into: not on the loop that watches the service
            await asyncio.to_thread(self._widget.refresh)
        await asyncio.sleep(_POLL_SECONDS)
        return True
