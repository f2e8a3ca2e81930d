"""What is typed into a form stays in the form, and arrives before the button that is pressed after it.

A notebook takes single keys for commands wherever the focus is not in a text: two presses of d on a button of
an ipywidgets form delete the cell, x cuts it, m makes it text. Our own widgets keep such keys by themselves;
for a form that is made of ipywidgets controls this invisible part of it does.

And while the kernel is busy ipywidgets holds back what is typed, but not a press: it would overtake the end
of the prompt, and what is paid for would not be what is seen. So the browser is asked after each press. When
it hears that, it has sent what it had held back, and its answer comes behind. Where it does not answer, as
after a page that was closed, nothing is sent. A client that shows no widgets is not waited for.

The browser sends ``{kind: "here"}`` first, and returns each ``{asked: number}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets as w

from seedance_widgets.widgets.front_end import pack_module

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Keys", "Press"]

_HERE = Path(__file__)


class Keys(anywidget.AnyWidget):
    """An invisible child of the element with class ``sw-form`` that keeps keys from the notebook."""

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = _HERE.with_suffix(".css")

    def __init__(self) -> None:
        super().__init__()
        self._is_shown = False
        self._asked = 0
        self._then: Callable[[], None] | None = None
        self.add_class("sw-keys")
        self.on_msg(lambda _, content, __: self._on_message(content))

    def after_typing(self, then: Callable[[], None]) -> None:
        """Call something when all that was typed until now has arrived; the next call takes its place."""
        if not self._is_shown:
            then()
            return
        self._asked += 1
        self._then = then
        self.send({"asked": self._asked})

    def _on_message(self, content: Any) -> None:
        self._is_shown = True
        if content.get("asked") == self._asked and self._then is not None:
            then, self._then = self._then, None
            then()


class Press(w.Button):
    """A button whose press in the browser is heard after what was typed before it; `click` acts at once."""

    def __init__(self, keys: Keys, **traits: Any) -> None:
        self._keys = keys
        super().__init__(**traits)

    def _handle_button_msg(self, _: Any, content: Any, __: Any) -> None:
        if content.get("event") == "click":
            self._keys.after_typing(self.click)
