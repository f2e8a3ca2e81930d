"""What the players share: one clip as it stands now, and its bytes when the browser asks for them.

A clip is given as a `Task`, a path, or a row of the log (a mapping, or ``df.loc[key]``). `look` turns it into
a `Clip`: the file that a browser can play, or words that say why there is none yet.

Bytes never sit in a synced trait, which a notebook would save. They lie on a `Shelf` under a number, and the
browser asks for that number by a custom message; so it can ask for nothing that the widget did not offer.
Texts too long for saved state (a prompt of 10,000 characters) lie there as well, behind an excerpt.
"""

from __future__ import annotations

import asyncio
import base64
import io
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from seedance_widgets.engine import engine
from seedance_widgets.errors import MediaError
from seedance_widgets.media import Probe, poster_jpeg, probe
from seedance_widgets.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anywidget import AnyWidget

__all__ = [
    "Clip",
    "Follower",
    "Shelf",
    "Source",
    "absent",
    "excerpt",
    "look",
    "megabytes",
    "notes",
    "poster_url",
]

Source: TypeAlias = "Task | Path | str | Mapping[str, Any]"

EXCERPT = 300
_POLL_SECONDS = 0.5
_PLAYABLE = ("h264", "vp8", "vp9", "av1")
_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}
_OPEN = ("intent", "queued", "running")
_STATUS = {
    "intent": "The task is being sent.",
    "queued": "The task is queued at the service.",
    "running": "The task is running. The clip appears here when it is saved.",
    "succeeded": "The task has succeeded. Its clip is being saved.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip as it stood when it was looked at.

    ``file`` is what plays, None while there is nothing; ``original`` is what the service delivered, where
    that is another file. ``words`` say why there is nothing to play. ``waiting`` is True while that may
    change by itself, ``failed`` where it is a fault.
    """

    row: Mapping[str, Any]
    label: str
    file: Path | None = None
    original: Path | None = None
    probe: Probe | None = None
    words: str = ""
    waiting: bool = False
    failed: bool = False

    @property
    def prompt(self) -> str:
        """What was asked for, "" where that is not known."""
        return str(self.row.get("prompt") or "")

    @property
    def duration(self) -> float:
        """Seconds, 0.0 where unknown."""
        return self.probe.frames / self.probe.fps if self.probe and self.probe.fps else 0.0

    def facts(self) -> dict[str, Any]:
        """What both players tell the browser about it, small and without bytes."""
        seen, row = self.probe, self.row
        return {
            "name": self.file.name if self.file else "",
            "bytes": self.file.stat().st_size if self.file and self.file.exists() else 0,
            "width": seen.width if seen else row.get("width") or 16,
            "height": seen.height if seen else row.get("height") or 9,
            "fps": seen.fps if seen and seen.fps else 24.0,
            "duration": round(self.duration, 4),
            "audio": bool(seen and seen.audio),
            "words": self.words,
            "failed": self.failed,
        }


def look(source: Source) -> Clip:
    """The clip behind a task, a path or a row, as it is now. Never raises for a clip that is not there.

    Raises
    ------
    TypeError
        It is none of these.
    """
    if isinstance(source, Task):
        # one reference: the engine's thread may put a newer row in its place meanwhile
        row = source._row  # noqa: SLF001 - the seam that widgets share with the task
        absolute = source._runtime.absolute  # noqa: SLF001
        problem = source.error
        return _of_row(row, absolute(row["video_path"]), absolute(row["preview_path"]), problem)
    if isinstance(source, str | Path):
        path = Path(source).expanduser().absolute()
        return _with_file({}, path.name, path, None)
    if isinstance(source, Mapping) or hasattr(source, "to_dict"):
        row = _as_row(source)
        video, preview = (Path(row[c]) if row.get(c) else None for c in ("video_path", "preview_path"))
        return _of_row(row, video, preview, None)
    raise TypeError(f"a clip is a Task, a path or a row of the log, not {type(source).__name__}")


def _as_row(source: Any) -> dict[str, Any]:
    row = dict(source) if isinstance(source, Mapping) else source.to_dict()
    if "key" not in row:
        row["key"] = getattr(source, "name", None) or "clip"
    return {name: None if absent(value) else value for name, value in row.items()}


def absent(value: Any) -> bool:
    """Whether it stands for nothing, for pandas too."""
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    )


def _of_row(row: Mapping[str, Any], video: Path | None, preview: Path | None, problem: Any) -> Clip:
    label, status = str(row["key"]), row.get("status") or "succeeded"
    saving = status == "succeeded" and row.get("file") == "none"
    if problem is not None:
        return Clip(row=row, label=label, words=str(problem), failed=True)
    if status in _OPEN or saving:
        return Clip(row=row, label=label, words=_STATUS[status], waiting=True)
    if video is None:
        said = row.get("error_message") or row.get("note")
        words = f"The task is {status} and has no clip{f': {said}' if said else '.'}"
        return Clip(row=row, label=label, words=words, failed=True)
    return _with_file(row, label, video, preview)


def _with_file(row: Mapping[str, Any], label: str, video: Path, preview: Path | None) -> Clip:
    shown = preview if preview is not None and preview.exists() else video
    if not shown.exists():
        words = f"{shown.name} is not there any more: was it moved?" if row else f"{shown.name} is not there."
        return Clip(row=row, label=label, words=words, failed=True)
    try:
        seen = probe(shown)
    except MediaError as error:
        return Clip(row=row, label=label, words=str(error), failed=True)
    if not row:
        row = {"width": seen.width, "height": seen.height, "frames": seen.frames}
    original = video if shown != video and video.exists() else None
    return Clip(row=row, label=label, file=shown, original=original, probe=seen)


def notes(clip: Clip) -> list[str]:
    """What a person should know about what is shown; [] where there is nothing to say."""
    said = []
    if clip.original is not None and clip.probe is not None:
        size = megabytes(clip.original.stat().st_size)
        try:
            seen = probe(clip.original)
            what = f"{seen.codec}, {seen.width}x{seen.height}, {size}"
        except MediaError:
            what = size
        said.append(
            f"This is an H.264 preview of {clip.probe.width}x{clip.probe.height}, for browsers; "
            f"the original is {clip.original.name} ({what}). The link saves the original."
        )
    elif clip.probe is not None and clip.probe.codec not in _PLAYABLE:
        said.append(f"The clip is coded as {clip.probe.codec}, which most browsers do not play.")
    return said


# --- posters and texts that fit into saved state ---------------------------------------------------------


def poster_url(source: Source, clip: Clip, max_bytes: int) -> str:
    """A small JPEG of the first frame as a data URL, "" where there is none.

    Parameters
    ----------
    source
        Where the clip came from: a task has a poster already.
    clip
        As `look` saw it.
    max_bytes
        Of the JPEG; the data URL is a third longer.
    """
    if clip.file is None:
        return ""
    saved = source.poster_path if isinstance(source, Task) else clip.row.get("poster_path")
    try:
        data = Path(saved).read_bytes() if saved else poster_jpeg(clip.file, max_bytes=max_bytes)
        data = _shrunk(data, max_bytes)
    except (MediaError, OSError, ValueError):
        return ""  # a player without a poster still plays
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"


def _shrunk(jpeg: bytes, max_bytes: int) -> bytes:
    """The picture at the largest width that fits, for noise does not shrink by quality alone."""
    if len(jpeg) <= max_bytes:
        return jpeg
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        for width in (320, 240, 160, 96, 48):
            smaller = picture.convert("RGB")
            smaller.thumbnail((width, width))
            out = io.BytesIO()
            smaller.save(out, "JPEG", quality=40, optimize=True)
            if out.tell() <= max_bytes:
                return out.getvalue()
    raise ValueError("no poster is that small")


def excerpt(text: str, around: int = 0, limit: int = EXCERPT) -> str:
    """At most ``limit`` characters of a text, cut where needed so that the one at ``around`` is in it."""
    if len(text) <= limit:
        return text
    start = max(0, min(around - limit // 4, len(text) - limit))
    return f"{'…' if start else ''}{text[start : start + limit]}{'…' if start + limit < len(text) else ''}"


def megabytes(size: int) -> str:
    """A file's size in words, as the players write it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"  # noqa: PLR2004


# --- what the browser may ask for ------------------------------------------------------------------------


class Shelf:
    """Files and texts of one widget that its view may ask for, by number.

    Answers ``{"kind": "load", "id": N}`` with ``{"kind": "loaded", "id": N, "type": ...}`` and the bytes as
    a buffer, or with ``{"kind": "failed", "id": N, "reason": ...}``. A file that is written anew gets a new
    number, so that the browser knows it from the one it has.
    """

    def __init__(self, widget: AnyWidget) -> None:
        self._items: dict[int, Path | str] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        widget.on_msg(self._asked)

    def put(self, item: Path | str, place: int = 0) -> int:
        """A number for a file (`Path`) or a text (`str`); the same for the same, as long as it is unchanged.

        ``place`` tells apart two that show the same file, so that each gets an answer of its own.
        """
        version: tuple[Any, ...] = (item, place)
        if isinstance(item, Path):
            stat = item.stat()
            version = (item, place, stat.st_mtime_ns, stat.st_size)
        number = self._numbers.setdefault(version, len(self._numbers) + 1)
        self._items[number] = item
        return number

    def text(self, text: str, around: int = 0) -> dict[str, Any]:
        """A text for saved state: whole, or an excerpt with the number of the whole and its length."""
        if len(text) <= EXCERPT:
            return {"text": text}
        return {"text": excerpt(text, around), "id": self.put(text), "length": len(text)}

    def _asked(self, widget: AnyWidget, content: Any, _buffers: Any) -> None:
        if not isinstance(content, Mapping) or content.get("kind") != "load":
            return
        number = content.get("id")
        try:
            item = self._items[cast("int", number)]
            if isinstance(item, Path):
                data, kind = item.read_bytes(), _TYPES.get(item.suffix.lower(), "video/mp4")
            else:
                data, kind = item.encode(), "text/plain"
        except (KeyError, TypeError):
            widget.send({"kind": "failed", "id": number, "reason": "This is not offered any more."})
        except Exception as error:  # noqa: BLE001 - whatever it is, the person who pressed play is told
            reason = f"{getattr(error, 'strerror', None) or error}"
            widget.send({"kind": "failed", "id": number, "reason": reason})
        else:
            widget.send({"kind": "loaded", "id": number, "type": kind}, buffers=[data])


# --- following tasks that are not done -------------------------------------------------------------------


class _Shows(Protocol):
    """A widget that shows sources."""

    comm: Any

    def refresh(self) -> None:
        """Look at the sources again."""


class Follower:
    """Refreshes a widget while tasks that it shows are on their way.

    It looks at the tasks' rows now and then rather than await the tasks: the end of an await draws a task's
    cards in the name of the cell that waited, and that cell is not this one.

    Parameters
    ----------
    widget
        Is let go of when it is closed.
    pending
        The tasks that may still change; [] ends the following.
    """

    def __init__(self, widget: _Shows, pending: Callable[[], Sequence[Task]]) -> None:
        self._widget = widget
        self._pending = pending
        self._lock = threading.Lock()
        self._running = False

    def start(self) -> None:
        """Follow, where there is something to follow and nobody does yet; from any thread."""
        with self._lock:
            if self._running or not self._pending():
                return
            self._running = True
        engine.submit(self._follow())

    async def _follow(self) -> None:
        seen: list[Any] = []
        while True:
            with self._lock:
                tasks = [] if self._widget.comm is None else self._pending()
                if not tasks:
                    self._running = False
                    return
            now = [(task.key, task._row["revision"]) for task in tasks]  # noqa: SLF001
            if now != seen:
                # files are looked into: not on the loop that watches the service
                await asyncio.to_thread(self._widget.refresh)
                seen = now
            await asyncio.sleep(_POLL_SECONDS)
