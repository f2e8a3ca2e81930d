"""LogTable: the log as people look at it, for ten thousand rows: search, sort, filter, choose, and act.

Searching and sorting are the kernel's, and a page of rows is what the browser gets: widgets that take a whole
table to the browser bring 0.5 to 1.5 MB of code and all rows into every notebook.

Synced are ``rows`` (key, cells, and the numbers of poster and clip on the shelf), ``columns``, ``query``,
``facts``, ``selected``, ``notice``, ``ask`` (what a person has to agree to) and ``below`` (the widget that is
open). The browser sends ``{kind}``: query, columns, every, act, agree, close.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import pandas as pd
import traitlets

from seedance_widgets.background_loop import engine, keep_going
from seedance_widgets.errors import InvalidRequest, Problem, SeedanceError, error_text
from seedance_widgets.log.exports import write_log
from seedance_widgets.log.row import CLIPLESS
from seedance_widgets.request.pricing import estimate
from seedance_widgets.request.rules import shown
from seedance_widgets.task.card import shorten
from seedance_widgets.units import count_text, relative_path, usd_text
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.log_table_rows import FIRST_COLUMNS, Query, TableRows
from seedance_widgets.widgets.on_demand import Shelf

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.studio import Studio
    from seedance_widgets.task.task import Task

__all__ = ["LogTable"]

_HERE = Path(__file__)
_NOTICE = 400
_PAUSE_SECONDS = 0.5
_REST = 5.0
_TEXT_ROWS = 10
_FEWEST, _MOST = 2, 9  # clips side by side
_CODE = 20  # tasks whose code is copied at once


class LogTable(anywidget.AnyWidget):
    """The tasks of a studio, or of a DataFrame of its log, as a table; nothing paid happens without a yes.

    Parameters
    ----------
    source
        A `Studio`, whose table follows its work; or a DataFrame of the log's rows, which stays as it is and
        has no actions at the service.
    columns
        Which are shown, in this order.

    Attributes
    ----------
    selected : list of str
        Keys of the chosen rows, which may be set too.

    Raises
    ------
    InvalidRequest
        It is neither, or there is no such column.
    """

    _esm = pack_module(_HERE.with_suffix(".js"))
    _css = join_stylesheet(_HERE.with_suffix(".css"))

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    query = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    selected: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    ask = traitlets.Dict().tag(sync=True)
    _open: Any = None
    below = traitlets.Dict().tag(sync=True)

    def __init__(self, source: Studio | pd.DataFrame, *, columns: Sequence[str] | None = None) -> None:
        self._studio, frame = _read_source(source)
        self._data = TableRows(frame)
        known = [name for name in FIRST_COLUMNS if name in frame.columns]
        named = [name for name in self._data.columns if name.startswith(("tags.", "metrics."))]
        self._chosen = self._data.check_columns(columns or [*known, *named] or self._data.columns[:8])
        self._query = Query(sort="created_at" if "created_at" in frame.columns else self._chosen[0])
        self._found: list[str] = []
        self._lock = threading.RLock()  # the kernel's own thread and the engine's show it
        self._changed: set[str] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._agreed: Callable[[], Awaitable[None]] | None = None
        super().__init__()
        self._shelf = Shelf(self)
        self._show()
        self.on_msg(self._on_message)
        # the first word that is typed finds it ready
        engine.submit(asyncio.to_thread(self._data.prepare_search))
        if self._studio is not None:
            self._unsubscribe = self._studio.runtime.registry.subscribe(self._on_row)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows that are chosen, as the log has them; all that were found where none is."""
        keys = [key for key in self.selected if self._data.place(key) is not None] or self._found
        return self._data.frame.loc[keys]

    def close(self) -> None:
        """Take the table away, and stop listening to the studio; tasks go on."""
        if unsubscribe := self.__dict__.pop("_unsubscribe", None):
            unsubscribe()
        self._close_below()
        super().close()

    def __repr__(self) -> str:
        lines = [f"LogTable of {count_text(len(self._data), 'task')}"]
        lines += [" | ".join(row["cells"]) for row in self.rows[:_TEXT_ROWS]]
        return "\n".join(lines)

    # --- what is shown -----------------------------------------------------------------------------------

    def _show(self) -> None:
        with self._lock, self.hold_sync():
            looked, kinds = self._data.look(self._query, self._chosen), self._data.kinds(self._chosen)
            self._found = looked.found
            self.query = {**self._query.told(), "page": looked.page}
            self.columns = [{"name": name, "kind": kinds[name]} for name in self._chosen]
            self.rows = [
                {"key": key, "cells": cells, **self._media_of(key)}
                for key, cells in zip(looked.keys, looked.cells, strict=True)
            ]
            self.facts = {
                "found": len(looked.found),
                "total": len(self._data),
                "all": self._data.columns,
                "choices": self._data.choices(self._chosen),
                "acts": [] if self._studio is None else list(_ACTS),
            }
            self.selected = [key for key in self.selected if self._data.place(key) is not None]

    def _media_of(self, key: str) -> dict[str, int]:
        """The numbers of a row's poster and clip, where their files are there."""
        row, found = self._data.frame.loc[key], {}
        for name, column in (("poster", "poster_path"), ("clip", "preview_path"), ("clip", "video_path")):
            path = row.get(column)
            if name not in found and isinstance(path, str) and Path(path).is_file():
                found[name] = self._shelf.put(Path(path))
        return found

    # --- following the log -------------------------------------------------------------------------------

    def _on_row(self, row: TaskRow | None) -> None:
        """A row was published; this is the engine's thread."""
        if row is None:
            return
        self._changed.add(row.key)
        if self._refreshing is None or self._refreshing.done():
            refreshing = keep_going("showing the table of the log", self._refresh)
            self._refreshing = asyncio.get_running_loop().create_task(refreshing)

    async def _refresh(self) -> bool:
        """Show what has changed; says whether to go on."""
        if self._studio is None or not self._changed or self._studio.runtime.closed or self.comm is None:
            return False
        keys, self._changed, began = self._changed, set(), time.monotonic()
        await self._read_again(keys)
        # of a long log a look takes longer: looking on must stay a small part of the kernel's work
        await asyncio.sleep(max(_PAUSE_SECONDS, _REST * (time.monotonic() - began)))
        return True

    async def _read_again(self, keys: Iterable[str]) -> None:
        """Show these rows as the log has them now."""
        assert self._studio is not None
        newer = await engine.write(self._studio.log.rows_of, list(keys))
        await asyncio.to_thread(self._take, newer)

    def _take(self, newer: pd.DataFrame) -> None:
        with self._lock:
            self._data = self._data.with_rows(newer)
            self._show()

    # --- what the browser asks for -----------------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """A message; in whichever thread the kernel handles it, so that longer work goes to the engine."""
        told = content if isinstance(content, dict) else {}
        match told.get("kind"):
            case "query":
                self._query = Query.read(told.get("query"))
                self._show()
            case "columns":
                self._attempt_now(functools.partial(self._choose, told.get("names")))
            case "every":
                self.selected = list(self._found)
            case "act":
                act, value = str(told.get("act")), str(told.get("value") or "")
                if act in _ACTS or act in _OWN_ACTS:
                    engine.submit(self._attempt(act, functools.partial(self._act, act, value)))
            case "agree":
                work, self._agreed, self.ask = self._agreed, None, {}
                if told.get("yes") is True and work is not None:
                    engine.submit(self._attempt("what was asked for", work))
            case "close":
                self._close_below()

    def _choose(self, names: Any) -> None:
        self._chosen = self._data.check_columns(names if isinstance(names, list) else [])
        self._show()

    def _attempt_now(self, work: Callable[[], None]) -> None:
        self.notice = ""
        try:
            work()
        except SeedanceError as error:
            self.notice = shorten(error_text(error), _NOTICE)

    async def _attempt(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; an error is for the person who pressed, not for a log that nobody reads."""
        self.notice = ""
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
            self.notice = shorten(f"{what}: {error_text(error)}", _NOTICE)

    # --- acting on what is chosen ------------------------------------------------------------------------

    async def _act(self, act: str, value: str) -> None:
        keys = list(self.selected)
        if not keys and act != "export":
            raise SeedanceError("choose rows first")
        await getattr(self, f"_{act}")(keys, value)

    async def _export(self, keys: Sequence[str], value: str) -> None:
        frame = self._data.frame.loc[list(keys or self._found)]
        path = Path(value.strip() or "log.csv")
        kind = path.suffix.lower().lstrip(".")
        if kind not in ("csv", "xlsx", "parquet"):
            raise InvalidRequest(
                [Problem("path", value, "is no .csv, .xlsx or .parquet")], refused="nothing was written"
            )
        written = await asyncio.to_thread(write_log, frame, path, kind)
        self.notice = f"{count_text(len(frame), 'row')} written to {relative_path(written.resolve())}"

    async def _keys(self, keys: Sequence[str], _: str) -> None:
        self.send({"kind": "copy", "text": "\n".join(keys), "what": count_text(len(keys), "key")})

    async def _code(self, keys: Sequence[str], _: str) -> None:
        if len(keys) > _CODE:
            raise SeedanceError(f"choose at most {_CODE} tasks")
        codes = [str((await self._task(key)).to_code()) for key in keys]
        self.send(
            {"kind": "copy", "text": "\n\n".join(codes), "what": f"code of {count_text(len(keys), 'task')}"}
        )

    async def _tag(self, keys: Sequence[str], value: str) -> None:
        name, sign, told = (part.strip() for part in value.partition("="))
        if not sign or not name:
            raise InvalidRequest(
                [Problem("tag", value, "is no tag: campaign=spring")], refused="nothing was tagged"
            )
        assert self._studio is not None
        await asyncio.to_thread(self._studio.log.tag, keys, **{name: told or None})
        await self._read_again(keys)
        column = f"tags.{name}"
        if told and column not in self._chosen and column in self._data.columns:
            self._chosen = [*self._chosen, column]
            await asyncio.to_thread(self._show)
        self.notice = (
            f"{count_text(len(keys), 'task')} tagged {name}={told}" if told else f"{name} taken away"
        )

    async def _compare(self, keys: Sequence[str], _: str) -> None:
        from seedance_widgets.widgets.compare import CompareGrid

        if not _FEWEST <= len(keys) <= _MOST:
            raise SeedanceError(f"choose {_FEWEST} to {_MOST} tasks to compare")
        tasks = [await self._task(key) for key in keys]
        self._show_below(await asyncio.to_thread(CompareGrid, tasks), f"{len(tasks)} clips")

    async def _promote(self, keys: Sequence[str], value: str) -> None:
        assert self._studio is not None
        resolution = value.strip() or "1080p"
        drafts = [await self._task(key) for key in keys]
        prices = [estimate(draft_task=draft, resolution=resolution).usd_max for draft in drafts]
        words = f"Promote {count_text(len(keys), 'draft')} to {resolution}, {_most(prices)}?"
        studio = self._studio
        self._ask(words, "Promote", functools.partial(studio.promote, drafts, resolution))

    async def _rerun(self, keys: Sequence[str], _: str) -> None:
        tasks = [await self._task(key) for key in keys]
        what = f"{count_text(len(tasks), 'request')} again, each for a new clip"
        self._ask_to_send(tasks, what, seed=None)

    async def _retry(self, keys: Sequence[str], _: str) -> None:
        tasks = [task for key in keys if (task := await self._task(key)).status in CLIPLESS]
        if not tasks:
            raise SeedanceError("none of the chosen tasks has failed")
        self._ask_to_send(tasks, f"{count_text(len(tasks), 'failed request')} again")

    def _ask_to_send(self, tasks: Sequence[Task], what: str, **changes: Any) -> None:
        assert self._studio is not None
        studio = self._studio
        price = _most(estimate(task.request.replace(**changes)).usd_max for task in tasks)

        async def send() -> None:
            for task in tasks:
                await studio.rerun(task, **changes)

        self._ask(f"Send {what}, {price}?", "Send", send)

    async def _task(self, key: str) -> Task:
        if self._studio is None:
            raise SeedanceError("this table is of a DataFrame, which has no tasks")
        return await self._studio.task(key)

    def _ask(self, words: str, yes: str, work: Callable[[], Awaitable[Any]]) -> None:
        async def do() -> None:
            await work()
            self.notice = "done; new tasks are in the table"

        self._agreed = do
        self.ask = {"words": words, "yes": yes}

    def _show_below(self, widget: Any, title: str) -> None:
        self._close_below()
        self._open = widget
        self.below = {"ref": f"anywidget:{widget.model_id}", "title": title}

    def _close_below(self) -> None:
        widget, self._open = self._open, None
        if widget is not None:
            widget.close()
        if self.below:
            self.below = {}


# what a table of a studio offers; and what one of a DataFrame has too
_ACTS = ("compare", "promote", "rerun", "retry", "tag", "code")
_OWN_ACTS = ("keys", "export")


def _read_source(source: Any) -> tuple[Studio | None, pd.DataFrame]:
    from seedance_widgets.studio import Studio

    if isinstance(source, Studio):
        return source, source.log.to_pandas(where={"simulated": source.runtime.simulated})
    if isinstance(source, pd.DataFrame):
        return None, _frame_of(source)
    problem = Problem("source", shown(source), "is no Studio and no DataFrame of its log")
    raise InvalidRequest([problem], refused="there is no such table")


def _frame_of(source: pd.DataFrame) -> pd.DataFrame:
    """A person's own DataFrame as a table shows it: its rows by their keys, its columns by their names."""
    reason = None
    if source.index.name != "key" and "key" not in source.columns:
        reason = "is a DataFrame without keys: give one of studio.log.to_pandas() or sw.read_log"
    else:
        frame = source if source.index.name == "key" else source.set_index("key")
        frame = frame.rename(columns=str).set_axis(frame.index.astype("string"))
        if frame.columns.has_duplicates:
            twice = frame.columns[frame.columns.duplicated()][0]
            reason = f"is a DataFrame with two columns of the name {twice!r}"
        elif frame.index.hasnans:
            reason = "is a DataFrame with a row that has no key"
        else:
            return frame[~frame.index.duplicated()]
    raise InvalidRequest([Problem("source", "<DataFrame>", reason)], refused="there is no such table")


def _most(prices: Iterable[float | None]) -> str:
    known = list(prices)
    if None in known:
        return "for a price that is not known"
    return f"at most {usd_text(sum(price or 0.0 for price in known))}"
