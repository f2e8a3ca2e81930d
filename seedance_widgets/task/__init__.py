"""What people hold: a task, what can be done with it, and what a cell shows of it."""

from __future__ import annotations

from seedance_widgets.task.task import Task

__all__ = ["Task"]
