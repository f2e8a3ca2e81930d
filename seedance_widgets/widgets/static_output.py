"""What lasts of a widget's work: a plain output with the cards of its tasks, which needs no kernel.

A widget without a kernel is an error message. So whatever makes tasks shows this output under itself, and
keeps it up to date by its display id; it is saved with the notebook and plays after reopening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedance_widgets.live_output import LiveOutput

if TYPE_CHECKING:
    import ipywidgets as w

    from seedance_widgets.live_output import Bundle
    from seedance_widgets.task.task import Task

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
        self._output = LiveOutput(self._bundle)

    def show(self) -> None:
        """Open a place for the cards in the current cell's output."""
        self._output.show()

    def add(self, task: Task) -> None:
        """One more task."""
        self._tasks.append(task)
        self.redraw()

    def redraw(self) -> None:
        """Show the tasks as they are now."""
        self._output.redraw()

    def _bundle(self) -> Bundle:
        newest, older = self._tasks[: -_CARDS - 1 : -1], max(0, len(self._tasks) - _CARDS)
        texts, pages = [repr(task) for task in newest], [task._repr_html_() for task in newest]
        if older:
            said = f"{older} older: see studio.log"
            texts.append(said)
            pages.append(f"<div>{said}</div>")
        return {"text/plain": "\n".join(texts), "text/html": "".join(pages)}
