"""Rows of the log for tests that need no log."""

from __future__ import annotations

from seedance_widgets.log.row import FileState, Status, TaskRow


def task_row(**columns):
    """The row of a running task, but for the columns that a test cares about."""
    born = {"key": "k", "kind": "standard", "simulated": False, "created_at": 0, "intent_at": 0}
    states = {
        "status": Status(columns.pop("status", "running")),
        "file": FileState(columns.pop("file", "none")),
    }
    return TaskRow(**{**born, **states, **columns})
