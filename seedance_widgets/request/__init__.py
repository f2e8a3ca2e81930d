"""What may be asked of a model, and what it costs."""

from __future__ import annotations

from seedance_widgets.request.task_request import TaskRequest

__all__ = ["TaskRequest"]
