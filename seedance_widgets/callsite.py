"""Where in people's own code this package was called from, so that a warning points there.

On the engine there is no such line on the stack: `run` leaves word of its caller in the context, which what
it starts there inherits. A coroutine that somebody wrapped in a task of their own has neither.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from seedance_widgets.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["point_warnings_here", "warn"]

# what stands between us and the line of a person
_BETWEEN = ("seedance_widgets", "IPython", "anywidget", "contextlib", "ipywidgets", "traitlets")
# below these nobody's line has led here
_LOOPS = ("asyncio", "concurrent", "threading", "tornado")


class _Place(NamedTuple):
    file: str
    line: int
    module: str
    registry: dict[Any, Any]


_caller: ContextVar[_Place | None] = ContextVar("seedance_caller", default=None)


def warn(message: str, category: type[Warning]) -> None:
    """Warn, at the line that called this package where there is one."""
    message = printable(message)
    place = _place() or _caller.get()
    if place is None:
        warnings.warn(message, category, stacklevel=2)
        return
    warnings.warn_explicit(
        message, category, place.file, place.line, module=place.module, registry=place.registry
    )


@contextlib.contextmanager
def point_warnings_here() -> Iterator[None]:
    """A context whose work, in whatever thread it runs, warns at the line that entered it."""
    token = _caller.set(_place() or _caller.get())
    try:
        yield
    finally:
        _caller.reset(token)


def _place() -> _Place | None:
    frame = sys._getframe(1)  # noqa: SLF001 - what warnings itself does
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        root = module.partition(".")[0]
        if root in _LOOPS:
            return None
        if root not in _BETWEEN:
            registry = frame.f_globals.setdefault("__warningregistry__", {})
            return _Place(frame.f_code.co_filename, frame.f_lineno, module, registry)
        frame = frame.f_back  # type: ignore[assignment]
    return None
