"""Plain outputs that are drawn anew in their place: HTML and words in a notebook, words in a terminal.

They need no widget and no kernel afterwards, so they stay readable in a saved notebook. Whoever sends one to
the front end waits for other threads, and beside a cell that computes each wait is a long one. So one thread
of a process draws all that has changed: a few outputs at a time, in turn, each as it is by then.
"""

from __future__ import annotations

import contextvars
import logging
import os
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from seedance_widgets.background_loop import engine
from seedance_widgets.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bundle", "LiveOutput", "bundle_of", "current_cell", "in_notebook", "show_once"]

Bundle: TypeAlias = dict[str, str]

logger = logging.getLogger(__name__)
_TICK_SECONDS = 0.1
_PLACES_A_TICK = 5
# places of one output that are kept up to date; an older one keeps what it last showed
_PLACES_KEPT = 8


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


def bundle_of(shown: Any) -> Bundle:
    """How something that has both shows itself: as text, and as HTML."""
    return {"text/plain": repr(shown), "text/html": shown._repr_html_()}


def show_once(bundle: Bundle) -> Any:
    """Put something into the current cell's output; in a terminal print it.

    Parameters
    ----------
    bundle
        By MIME type: ``text/plain`` and ``text/html``.

    Returns
    -------
    IPython.display.DisplayHandle or None
        What draws it anew; None in a terminal, which has no place to update.
    """
    if not in_notebook():
        say(bundle["text/plain"])
        return None
    from IPython.display import display

    try:
        return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    except Exception:
        logger.warning("an output could not be shown; what it tells of goes on", exc_info=True)
        return None


@dataclass(slots=True)
class _Place:
    """One place in a notebook, and what is to be seen there."""

    handle: Any
    bundle: Bundle

    def update(self, bundle: Bundle) -> None:
        self.bundle = bundle
        try:
            self.handle.update(bundle, raw=True)
        except Exception:
            logger.debug("an output was not drawn anew", exc_info=True)


class LiveOutput:
    """Something that is shown in cells' outputs and drawn anew there when it has changed.

    Parameters
    ----------
    picture
        Gives what is to be seen now, by MIME type: ``text/plain`` and ``text/html``. It is called in the
        thread that draws, so it must wait for nothing: not for the log, and not for the service.
    """

    def __init__(self, picture: Callable[[], Bundle]) -> None:
        self._picture = picture
        self._lock = threading.Lock()
        self._places: list[_Place] = []

    def show(self, *, live: bool = True) -> None:
        """Put it into the current cell's output; in a terminal print it.

        Parameters
        ----------
        live
            False where it will not change any more, and needs no drawing anew.
        """
        bundle = self._picture()
        handle = show_once(bundle)
        if live and handle is not None:
            with self._lock:
                self._places = [*self._places[1 - _PLACES_KEPT :], _Place(handle, bundle)]
            self.redraw()  # it may have changed meanwhile

    def redraw(self) -> None:
        """Say that it has changed. It is drawn soon; any thread may say so, and waits for nothing."""
        if self._places:
            _drawing.ask(self)

    async def finish(self) -> None:
        """Draw it for the last time, in the name of the cell that waits for this.

        A runner without a browser drops updates that carry another cell's name.
        """
        if self._places:
            await engine.wait(_drawing.call(self._draw_last))

    def draw(self) -> int:
        """Draw those places that are not up to date, and say how many; for the thread that draws."""
        return self._draw(self._places, anew=False)

    def _draw_last(self) -> None:
        with self._lock:
            places, self._places = self._places, []
        self._draw(places, anew=True)

    def _draw(self, places: list[_Place], *, anew: bool) -> int:
        try:
            bundle = self._picture()
        except Exception:
            logger.debug("an output could not be made", exc_info=True)
            return 0
        stale = [place for place in places if anew or place.bundle != bundle]
        for place in stale:
            place.update(bundle)
        return len(stale)


class _Drawing:
    """The thread that draws, started when first needed."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be as new, in a forked child."""
        self._news = threading.Condition()
        self._changed: dict[LiveOutput, None] = {}  # in their turn
        self._urgent: list[tuple[Future[None], Callable[[], object]]] = []
        self._thread: threading.Thread | None = None

    def ask(self, output: LiveOutput) -> None:
        """Have an output drawn when its turn comes."""
        with self._news:
            self._changed.setdefault(output)
            self._wake()

    def call(self, draw: Callable[[], None]) -> Future[None]:
        """Draw something before all else, in the name of the cell that asks. ``draw`` must not raise."""
        done: Future[None] = Future()
        in_its_name = partial(contextvars.copy_context().run, draw)
        with self._news:
            self._urgent.append((done, in_its_name))
            self._wake()
        return done

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            # in no cell's name: an update goes out in that of the cell which runs by then
            run = contextvars.Context().run
            self._thread = threading.Thread(
                target=run, args=(self._serve,), name="seedance-drawing", daemon=True
            )
            self._thread.start()
        self._news.notify()

    def _serve(self) -> None:
        due = 0.0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._urgent or self._changed)
                self._news.wait_for(lambda: self._urgent, due - time.monotonic())
                urgent, self._urgent = self._urgent, []
            for done, draw in urgent:
                draw()
                done.set_result(None)
            if time.monotonic() >= due:
                self._draw_some()
                due = time.monotonic() + _TICK_SECONDS

    def _draw_some(self) -> None:
        drawn = 0
        while drawn < _PLACES_A_TICK:
            with self._news:
                output = next(iter(self._changed), None)
                if output is None:
                    return
                del self._changed[output]
            drawn += output.draw()


_drawing = _Drawing()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawing.begin_anew)
