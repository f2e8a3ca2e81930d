"""What lasts of a widget's work: a plain output with the cards of its tasks, which needs no kernel.

A widget without a kernel is an error message. So whatever makes tasks shows this output under itself, and
keeps it up to date by its display id; it is saved with the notebook and plays after reopening.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ipywidgets as w

    from seedance_widgets.task import Task

__all__ = ["LastingOutput", "display_widget"]

_CARDS = 12


def display_widget(widget: w.Widget) -> None:
    """Show a widget in the current cell, bypassing its own display hook."""
    from IPython.display import display

    bundle = widget._repr_mimebundle_()
    # anywidget's comes with metadata
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    display(data, metadata=metadata, raw=True)


class LastingOutput:
    """The cards of some tasks, newest first, as plain HTML and text."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []
        self._handles: list[Any] = []

    def show(self) -> None:
        """Open a place for the cards in the current cell's output."""
        from IPython.display import display

        handle = display(self._bundle(), raw=True, display_id=True)
        if handle is not None:
            self._handles.append(handle)

    def add(self, task: Task) -> None:
        """One more task."""
        self._tasks.append(task)
        self.redraw()

    def redraw(self) -> None:
        """Show the tasks as they are now."""
        bundle = self._bundle()
        for handle in self._handles:
            # a front end that is gone must not stop the task
            with contextlib.suppress(Exception):
                handle.update(bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        newest, older = self._tasks[: -_CARDS - 1 : -1], max(0, len(self._tasks) - _CARDS)
        texts, pages = [repr(task) for task in newest], [task._repr_html_() for task in newest]
        if older:
            said = f"{older} older: see studio.log"
            texts.append(said)
            pages.append(f"<div>{said}</div>")
        return {"text/plain": "\n".join(texts), "text/html": "".join(pages)}
