"""What a form's prompt says by flags, as in ``--rs 720p``: a line under it, and a button that moves them.

Both are made when a prompt first has flags: what is never shown is not saved with the notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from seedance_widgets.request.legacy_flags import LENGTHS
from seedance_widgets.widgets.controls import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from seedance_widgets.errors import Problem
    from seedance_widgets.request.legacy_flags import Taken
    from seedance_widgets.widgets.controls import Words

__all__ = ["PromptFlags", "with_flags"]


def with_flags(params: Mapping[str, Any], taken: Taken) -> dict[str, Any]:
    """A request's fields as controls give them, with what its prompt says in their place."""
    rival = LENGTHS if taken.params.keys() & set(LENGTHS) else ()
    kept = {name: value for name, value in params.items() if name not in rival}
    return {**kept, **taken.params, "prompt": taken.prompt}


class PromptFlags:
    """The line and the button under one prompt.

    Parameters
    ----------
    words
        Makes the line.
    box
        Of the prompt: they are added at its end.
    take
        Called when the button is pressed.
    """

    def __init__(self, words: Words, box: w.VBox, take: Callable[[], None]) -> None:
        self._words = words
        self._box = box
        self._take = take
        self._line: w.HTML | None = None
        self._button: w.Button | None = None

    def show(self, taken: Taken, problems: Iterable[Problem]) -> None:
        """Say what is taken from the prompt; the button waits until the controls can hold it."""
        if self._line is None or self._button is None:
            if not taken.said:
                return
            self._line = self._words.line("hint")
            self._button = w.Button(description="Take them into the form", layout=w.Layout(width="auto"))
            self._button.add_class("sw-form-flags")
            self._button.on_click(lambda _: self._take())
            self._box.children = (*self._box.children, self._line, self._button)
        first = " They count before the controls." if taken.params else ""
        say(self._line, f"The prompt has --flags: {taken.said}.{first}" if taken.said else "")
        self._button.layout.display = "" if taken.params else "none"
        self._button.disabled = any(problem.parameter in taken.params for problem in problems)
