"""What is typed into a form stays in the form.

A notebook takes single keys for commands wherever the focus is not in a text: two presses of d on a button of
an ipywidgets form delete the cell, x cuts it, m makes it text. Our own widgets keep such keys by themselves;
for a form that is made of ipywidgets controls this invisible part of it does.
"""

from __future__ import annotations

from pathlib import Path

import anywidget

__all__ = ["Keys"]

_HERE = Path(__file__)


class Keys(anywidget.AnyWidget):
    """An invisible child of the element with class ``sw-form`` that keeps keys from the notebook."""

    _esm = _HERE.with_suffix(".js")
    _css = _HERE.with_suffix(".css")

    def __init__(self) -> None:
        super().__init__()
        self.add_class("sw-keys")
