"""How far a long work is: a live output in a notebook, a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdm import tqdm

from seedance_widgets.live_output import LiveOutput, in_notebook
from seedance_widgets.task.card import as_text

if TYPE_CHECKING:
    from seedance_widgets.live_output import Bundle

__all__ = ["Progress"]


class Progress:
    """The progress of one work.

    Parameters
    ----------
    name
        What is at work, as a terminal names its bar.
    total
        How many things it is about.
    unit
        What one of them is.
    wanted
        Whether to show it at all.
    """

    def __init__(self, name: str, total: int, *, unit: str = "clip", wanted: bool = True) -> None:
        self._text = ""
        self._output = LiveOutput(self._picture) if wanted and in_notebook() else None
        self._bar = None
        if wanted and self._output is None:
            # None: not where the error output is no terminal
            self._bar = tqdm(total=total, desc=name, unit=unit, disable=None)

    def show(self, done: int, text: str) -> None:
        """Show how many are done, and a line that says how it stands."""
        is_first, self._text = not self._text, text
        if self._output is not None:
            self._output.show() if is_first else self._output.redraw()
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    async def finish(self, done: int, text: str) -> None:
        """Show the last of it."""
        self.show(done, text)
        if self._output is not None:
            await self._output.finish()
        if self._bar is not None:
            self._bar.close()

    def _picture(self) -> Bundle:
        return {"text/plain": self._text, "text/html": f"<div>{as_text(self._text)}</div>"}
