"""Styles of the widgets that are made of ipywidgets controls: one CSS file each, shown with the widget."""

from __future__ import annotations

from functools import cache
from importlib import resources

import ipywidgets as w

__all__ = ["style"]


def style(stem: str) -> w.HTML:
    """An invisible element that brings in ``stem.css``."""
    element = w.HTML(f"<style>{_css(stem)}</style>")
    element.layout.display = "none"
    return element


@cache
def _css(stem: str) -> str:
    return resources.files("seedance_widgets.widgets").joinpath(f"{stem}.css").read_text("utf-8")
