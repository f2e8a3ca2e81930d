"""How far a batch is: a live output in a notebook, a bar on a terminal's error output, nothing elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tqdm import tqdm

from seedance_widgets.live_output import LiveOutput, in_notebook
from seedance_widgets.task.card import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedance_widgets.batch.plan import Fate
    from seedance_widgets.live_output import Bundle

__all__ = ["Progress"]

_OVER = ("made", "failed", "refused")


class Progress:
    """The progress of one run.

    Parameters
    ----------
    name, total
        Of the batch, and how many rows it has.
    headline
        Says in a line how the rows stand.
    wanted
        Whether to show it at all.
    """

    def __init__(
        self, name: str, total: int, headline: Callable[[Sequence[Fate]], str], *, wanted: bool
    ) -> None:
        self._headline = headline
        self._text = ""
        self._output = LiveOutput(self._picture) if wanted and in_notebook() else None
        self._bar = None
        if wanted and self._output is None:
            # None: not where the error output is no terminal
            self._bar = tqdm(total=total, desc=name, unit="clip", disable=None)

    def show(self, fates: Sequence[Fate]) -> None:
        """Show how far it is now."""
        is_first, self._text = not self._text, self._headline(fates)
        if self._output is not None:
            self._output.show() if is_first else self._output.redraw()
        if self._bar is not None:
            self._bar.update(sum(fate.state in _OVER for fate in fates) - self._bar.n)

    async def finish(self, fates: Sequence[Fate]) -> None:
        """Show the last of it."""
        self.show(fates)
        if self._output is not None:
            await self._output.finish()
        if self._bar is not None:
            self._bar.close()

    def _picture(self) -> Bundle:
        return {"text/plain": self._text, "text/html": f"<div>{as_text(self._text)}</div>"}
