"""TaskBoard: every task of a studio with its progress, its cost and what can be done about it.

The log is the only source. Whenever a task changes, the board is read from it anew, at most about three
times a second, and what differs is sent; the passing of time is the browser's own business. So a board
made after a restart shows what the last one showed, and asks whether to go on.

Synced are ``rows``, ``money`` and ``summary``, whose shapes ``board_rows`` tells, ``player`` (ref, path and
title of the open clip) and ``notice`` (the last error in words). The browser sends ``{kind, key}``: hello,
poster, cancel, open, resume, close.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.errors import LogError, SeedanceError, error_text
from seedance_widgets.task.card import shorten
from seedance_widgets.units import relative_path
from seedance_widgets.widgets.board_rows import read_board
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.runtime import StudioRuntime
    from seedance_widgets.studio import Studio
    from seedance_widgets.task.task import Task
    from seedance_widgets.widgets.player import VideoPlayer

__all__ = ["TaskBoard"]

_HERE = Path(__file__)
_PAUSE_SECONDS = 0.35
_REST = 5.0
_TITLE = 120
_NOTICE = 400


class TaskBoard(anywidget.AnyWidget):
    """A live table of a studio's tasks, the newest first; nothing paid happens by itself.

    Parameters
    ----------
    studio
        Its log fills the board; rows of the other kind (simulated or real) are left out.
    limit
        Rows at most; older ones are in ``studio.log``.
    on_open
        See `on_open`.

    Attributes
    ----------
    studio : Studio
    limit : int
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    money = traitlets.Dict().tag(sync=True)
    summary = traitlets.Dict().tag(sync=True)
    player = traitlets.Dict().tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, studio: Studio, *, limit: int = 50, on_open: Callable[[Task], object] | None = None
    ) -> None:
        self.studio = studio
        self.limit = limit
        self._runtime = studio.runtime
        self._openers: list[Callable[[Task], object]] = [] if on_open is None else [on_open]
        self._video: VideoPlayer | None = None
        self._known: dict[str, tuple[Any, ...]] = {}
        self._stale = False
        self._refreshing: asyncio.Task[None] | None = None
        self._acting: set[tuple[Any, ...]] = set()
        super().__init__(**self._read())
        self.on_msg(self._on_message)
        if on_open is None and _in_marimo():
            self._player_made()
        self._unsubscribe = self._runtime.registry.subscribe(self._on_row)

    def on_open(self, callback: Callable[[Task], object], *, remove: bool = False) -> None:
        """Call back with the task whose clip someone opens, in place of showing it below the table.

        Parameters
        ----------
        callback
            Given the `Task`, in a thread of its own; may be a coroutine function, which then runs on the
            engine. What it raises is shown on the board.
        remove
            True takes the callback away again.
        """
        if remove:
            self._openers.remove(callback)
        else:
            self._openers.append(callback)

    def close(self) -> None:
        """Take the board and its player away, and stop listening to the studio; tasks go on."""
        if unsubscribe := self.__dict__.pop("_unsubscribe", None):
            unsubscribe()
        video, self._video = getattr(self, "_video", None), None
        if video is not None:
            video.close()
        super().close()

    def __repr__(self) -> str:
        return f"TaskBoard({self.studio.home.name!r})"

    # --- following the log -------------------------------------------------------------------------------

    def _read(self) -> dict[str, Any]:
        return read_board(self._runtime, self.limit, self.studio.own_budgets)

    def _on_row(self, row: TaskRow | None) -> None:
        """A row was published; this is the engine's thread."""
        if row is None or self._known.get(row.key) == (news := (row.revision, row.file)):
            return
        self._known[row.key] = news
        self._stale = True
        if self._refreshing is None or self._refreshing.done():
            refreshing = keep_going("showing the board", self._refresh)
            self._refreshing = asyncio.get_running_loop().create_task(refreshing)

    async def _refresh(self) -> bool:
        """Show what has changed; says whether to go on."""
        if not self._stale or self._runtime.closed or self.comm is None:
            return False
        self._stale, began = False, time.monotonic()
        try:
            state = await engine.write(self._read)
        except LogError as error:
            state = {"notice": shorten(f"not up to date: {error}", _NOTICE)}
        with self.hold_sync():
            for name, value in state.items():
                setattr(self, name, value)
        # a long log takes longer to read: looking on must stay a small part of the writer's work
        await asyncio.sleep(max(_PAUSE_SECONDS, _REST * (time.monotonic() - began)))
        return True

    # --- what the browser asks for -----------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """A message; in whichever thread the kernel handles it, so that work goes to the engine."""
        kind, key = (content.get(name) for name in ("kind", "key")) if isinstance(content, dict) else ("", "")
        acts: dict[str, tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = {
            "cancel": (f"{key} is not cancelled", lambda: self._cancel(str(key))),
            "open": (f"{key} cannot be shown", lambda: self._open(str(key))),
            "resume": ("not resumed", self._resume),
            "close": ("the player is not closed", self._close_player),
        }
        if kind == "hello":
            # the two clocks may differ, and elapsed time is counted over there
            self.send({"kind": "now", "now": int(self._runtime.clock() * 1000)})
        elif kind == "poster":
            engine.submit(self._send_poster(str(key)))
        elif kind in acts and (kind, key) not in self._acting:
            self._acting.add((kind, key))
            failed, work = acts[kind]
            engine.submit(self._attempt((kind, key), failed, work))

    async def _attempt(self, act: tuple[Any, ...], failed: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; an error is for the person who pressed, not for a log that nobody reads."""
        self.notice = ""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
            self.notice = shorten(f"{failed}: {error_text(error)}", _NOTICE)
        finally:
            self._acting.discard(act)

    def _open_runtime(self) -> StudioRuntime:
        if self._runtime.closed:
            raise SeedanceError("the studio is closed; make it again and show its board")
        return self._runtime

    async def _cancel(self, key: str) -> None:
        await (await self._open_runtime().task(key)).cancel()

    async def _resume(self) -> None:
        await self._open_runtime().resume()

    def _player_made(self) -> VideoPlayer:
        """The board's own player, one for all clips that are opened."""
        from seedance_widgets.widgets.player import VideoPlayer

        if self._video is None:
            self._video = VideoPlayer({"key": "", "status": "queued"})  # until there is a task to show
        return self._video

    async def _open(self, key: str) -> None:
        task = await self._open_runtime().task(key)
        if not self._openers:
            await asyncio.to_thread(self._show, task)
        for opener in list(self._openers):
            answer = await asyncio.to_thread(opener, task)
            if inspect.isawaitable(answer):
                await answer

    def _show(self, task: Task) -> None:
        video = self._player_made()
        video.show(task)
        path = task.video_path
        self.player = {
            "ref": f"anywidget:{video.model_id}",
            "path": "" if path is None else relative_path(path),
            "title": shorten(task.row.prompt or "", _TITLE) or task.key,
        }

    async def _close_player(self) -> None:
        self.player = {}

    async def _send_poster(self, key: str) -> None:
        try:
            path = (await self._open_runtime().task(key)).poster_path
            if path is None:
                raise SeedanceError("there is no poster")
            picture = await asyncio.to_thread(path.read_bytes)
        except (SeedanceError, OSError) as error:
            self.send({"kind": "failed", "key": key, "reason": str(error)})
        else:
            self.send({"kind": "poster", "key": key, "type": "image/jpeg"}, buffers=[picture])


def _in_marimo() -> bool:
    """Whether widgets are made while a cell runs or not at all: marimo hands out their code by the cell."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())
