"""A plain output that can be drawn anew: HTML and words in a notebook, words in a terminal.

It needs no widget and no kernel afterwards, so it stays readable in a saved notebook.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

__all__ = ["Shown", "current_cell", "in_notebook"]


def in_notebook() -> bool:
    """Whether what is displayed now lands in a notebook's cell."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")


def current_cell() -> str | None:
    """The id of the cell run that is under way, None outside a notebook."""
    if not in_notebook():
        return None
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    cell: str | None = shell.get_parent().get("header", {}).get("msg_id")
    return cell


class Shown:
    """One output of the current cell. In a terminal each drawing is printed, below the one before."""

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, text: str, html: str) -> None:
        """Show this in place of what was drawn before."""
        if not in_notebook():
            print(text)  # noqa: T201 - a terminal has no place to update
            return
        bundle = {"text/plain": text, "text/html": html}
        if self._handle is not None:
            # a front end that is gone must not stop what is being shown
            with contextlib.suppress(Exception):
                self._handle.update(bundle, raw=True)
            return
        from IPython.display import display

        self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
