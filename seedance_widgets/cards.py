"""The cards of a task in a notebook's cells: what its row gives them to show, and keeping them up to date."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.card import CardFacts
from seedance_widgets.media import shrunk_jpeg
from seedance_widgets.showing import current_cell, in_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedance_widgets.task import Runtime

__all__ = ["Cards", "facts_of"]

_MICROSECONDS = 1_000_000
_REDRAWN_SECONDS = 0.9
# cards of one task that are kept up to date; an older one keeps what it last showed
_KEPT = 4
_POSTER_WIDTH = 176
_POSTER_BYTES = 1_000
_POSTERS = 512


class Cards:
    """Those of one task.

    Parameters
    ----------
    bundle
        Gives what a card shows now, by MIME type.
    """

    def __init__(self, bundle: Callable[[], dict[str, str]]) -> None:
        self._bundle = bundle
        self._shown: list[Any] = []
        self._drawn = 0.0
        self._cell: str | None = None

    def show(self, *, live: bool) -> None:
        """Put a card into the current cell's output, once a cell; in a terminal print it."""
        if not in_notebook():
            print(self._bundle()["text/plain"])  # noqa: T201 - a terminal has no place to update
            return
        from IPython.display import display

        cell = current_cell()
        if cell is not None and cell == self._cell:
            return
        self._cell = cell
        card = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if live and card is not None:
            self._shown = [*self._shown[1 - _KEPT :], card]

    def redraw(self, *, changed: bool) -> None:
        """Bring all cards up to date, where something has changed at once, else about once a second."""
        if self._shown and (changed or time.monotonic() - self._drawn >= _REDRAWN_SECONDS):
            # what cannot be drawn must not stop the task
            with contextlib.suppress(Exception):
                self._draw()

    def finish(self) -> None:
        """Draw them for the last time, in the name of the cell that waited.

        A runner without a browser drops updates that carry another cell's name.
        """
        if self._shown:
            self._draw()
            self._shown = []

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        bundle = self._bundle()
        for card in self._shown:
            # a front end that is gone must not stop the task
            with contextlib.suppress(Exception):
                card.update(bundle, raw=True)


def facts_of(
    row: Mapping[str, Any], runtime: Runtime, error: Exception | None, *, with_poster: bool = True
) -> CardFacts:
    """What a card shows of a task.

    Parameters
    ----------
    row
        Of the task, as it stands.
    runtime
        Knows its files and what has been spent.
    error
        What went wrong with it.
    with_poster
        Whether the poster is read, too.
    """
    saved, poster = runtime.absolute(row["video_path"]), runtime.absolute(row["poster_path"])
    ended = row["finished_at"] or time.time() * _MICROSECONDS
    began = row["created_at"] if row["finished_at"] else row["intent_at"]
    return CardFacts(
        key=row["key"],
        status=row["status"],
        model=row["model"] or "",
        prompt=row["prompt"] or ("final of a draft" if row["kind"] == "final" else ""),
        simulated=bool(row["simulated"]),
        elapsed=(ended - began) / _MICROSECONDS,
        width=row["width"],
        height=row["height"],
        frames=row["frames"],
        seed=row["requested_seed"] if row["seed"] is None else row["seed"],
        est_usd=row["est_usd"],
        most_usd=row["reserved_usd"] or None,
        usd=row["usd"],
        tokens=row["tokens"],
        spent=runtime.money()[0],
        task_id=row["task_id"],
        problem=str(error) if error else None,
        note=row["note"] if not error else None,
        video=_relative(runtime.absolute(row["preview_path"]) or saved),
        download=_relative(saved),
        poster=_small(poster) if with_poster and poster and poster.exists() else None,
        until=_forgotten_at(row),
        is_draft=row["kind"] == "draft" and row["file"] == "saved",
    )


def _forgotten_at(row: Mapping[str, Any]) -> datetime | None:
    """When the service forgets what is still needed of it: a file that is not saved, or a draft."""
    rules = catalog.rules()
    if row["status"] == "succeeded" and row["file"] in ("none", "failed") and row["finished_at"]:
        return _moment(row["finished_at"]) + timedelta(hours=rules.file_hours)
    if row["status"] == "succeeded" and row["kind"] == "draft":
        return _moment(row["created_at"]) + timedelta(days=rules.draft_task_days)
    return None


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / _MICROSECONDS, UTC)


@functools.lru_cache(_POSTERS)
def _small(poster: Path) -> bytes | None:
    """Smaller still than the poster: twenty cards in a notebook carry it twenty times."""
    from PIL import Image

    with Image.open(poster) as picture:
        return shrunk_jpeg(picture, width=_POSTER_WIDTH, max_bytes=_POSTER_BYTES)


def _relative(path: Path | None) -> str | None:
    """As seen from the notebook, whose folder is the kernel's."""
    if path is None:
        return None
    try:
        return Path(os.path.relpath(path)).as_posix()
    except (ValueError, OSError):  # another Windows drive, or the working directory is gone
        return path.as_posix()
