"""One labelled control for one parameter, built from what the catalog offers.

A control knows its `Parameter` and nothing of any model. Its value is plain Python, None where the
parameter is left open or not offered; a text that cannot be a number stays text, for the strict check to
name. What is wrong with the value is written under it.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from seedance_widgets.request.fields import FIELDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.request.model_options import Parameter

__all__ = ["STYLE", "Control", "Words", "say"]

_TIERS = {"default": "default (now)", "flex": "flex (half the price, hours)"}
STYLE = {"description_width": "120px"}
_WIDTH = "320px"


class Words:
    """Lines of words under the controls of one form, and what the controls share with each other.

    Layouts and styles are widgets of their own, saved with the notebook: one of each does for all.
    """

    def __init__(self) -> None:
        self._layout = w.Layout()
        self._style = w.HTML().style
        self._styles: dict[type[w.Widget], w.Widget] = {}
        # ipywidgets leaves 2 px around a control
        self.field = w.Layout(width=_WIDTH, max_width="calc(100% - 4px)")

    def label_control(self, kind: type[w.Widget], label: str, **options: Any) -> w.ValueWidget:
        """A control with its label before it, as wide as the others."""
        made = kind(description=label, style=self._styles.get(kind, STYLE), layout=self.field, **options)
        self._styles.setdefault(kind, made.style)
        return made

    def line(self, kind: str = "problem") -> w.HTML:
        """An empty line, which takes no room; `say` fills it."""
        line = w.HTML(layout=self._layout, style=self._style)
        line.add_class(f"sw-form-{kind}")
        return line


def say(line: w.HTML, text: str) -> None:
    """Show text, as typed, in a message line; an empty text takes no room."""
    line.value = f'<span role="status">{escape(text)}</span>' if text else ""


class Control:
    """The control of one parameter.

    Parameters
    ----------
    parameter
        As one model takes it now; `offer` brings in another model's.
    words
        Makes the line under the control.
    changed
        Called after a person or `set` has changed the value.
    """

    def __init__(self, parameter: Parameter, words: Words, changed: Callable[[], None]) -> None:
        self.name = parameter.name
        self._changed = changed
        self._quiet = False
        self._parameter = parameter
        self._input = self._make(parameter, words)
        self._line = words.line()
        self.box = w.VBox([self._input, self._line])
        self.box.add_class(f"sw-form-{self.name.replace('_', '-')}")
        self._show_offer(parameter)
        self._input.observe(self._on_value, "value")

    @property
    def value(self) -> Any:
        """What to ask for, None for the service's default or where nothing is offered."""
        if not self._parameter.is_offered:
            return None
        value = self._input.value
        if self._parameter.kind is Kind.CHOICE:
            return value
        if self._parameter.kind is Kind.FLAG:
            # a switch that is off by default says nothing by being off
            return value if value or self._parameter.default else None
        text = value.strip()
        if not text:
            return None
        is_number = self._parameter.kind is Kind.NUMBER and re.fullmatch(r"-?\d+", text, re.ASCII)
        return int(text) if is_number else text

    @property
    def default(self) -> Any:
        """What the service takes where it is left open."""
        return self._parameter.default

    def set(self, value: Any) -> None:
        """Show a value; None shows the default."""
        if value is None:
            value = self._parameter.default if self._parameter.kind in (Kind.CHOICE, Kind.FLAG) else ""
        if self._parameter.kind is Kind.CHOICE and value not in self._parameter.choices:
            return
        self._input.value = bool(value) if self._parameter.kind is Kind.FLAG else str(value)

    def offer(self, parameter: Parameter) -> str:
        """Take on another model's parameter; returns in words what had to change, if anything did."""
        if parameter == self._parameter:
            return ""
        self._parameter = parameter
        return self._show_offer(parameter)

    def _show_offer(self, parameter: Parameter) -> str:
        self.box.layout.display = "" if parameter.is_offered else "none"
        if not parameter.is_offered:
            return ""
        if parameter.kind is Kind.CHOICE:
            return self._offer_choices(parameter)
        if parameter.kind is Kind.NUMBER:
            self._input.placeholder = self._hint(parameter)
        return ""

    def explain(self, text: str) -> None:
        """Say what is wrong, or with an empty text nothing."""
        say(self._line, text)

    def _offer_choices(self, parameter: Parameter) -> str:
        before = self._input.value
        labels = _TIERS if self.name == "service_tier" else {}
        options = [(labels.get(choice, choice), choice) for choice in parameter.choices]
        kept = before if before in parameter.choices else parameter.default
        self._quiet = True
        try:
            self._input.options = options
            self._input.value = kept
        finally:
            self._quiet = False
        if before in (None, kept):
            return ""
        return f"{FIELDS[self.name].label} {before} is not offered here: now {kept}."

    def _hint(self, parameter: Parameter) -> str:
        if hint := FIELDS[self.name].hint:
            return hint
        span = parameter.range
        takes = "" if span is None else f"{span.min} to {span.max}" + (", -1: auto" if span.auto else "")
        return takes if parameter.default is None else f"{parameter.default} ({takes})"

    def _make(self, parameter: Parameter, words: Words) -> w.ValueWidget:
        label = FIELDS[parameter.name].label
        if parameter.kind is Kind.CHOICE:
            return words.label_control(w.Dropdown, label)
        if parameter.kind is Kind.FLAG:
            return words.label_control(w.Checkbox, label, value=bool(parameter.default))
        return words.label_control(w.Text, label, continuous_update=True)

    def _on_value(self, _: Any) -> None:
        if not self._quiet:
            self._changed()
