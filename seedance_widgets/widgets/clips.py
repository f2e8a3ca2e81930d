"""What the players share: one clip as it stands now, with its facts, notes and poster.

A clip is given as a `Task`, a path, or a row of the log (a mapping, or ``df.loc[key]``). `look` turns it into
a `Clip`: the file that a browser can play, or words that say why there is none yet.

Posters are shrunk to what a saved notebook can bear; the clips' own bytes stay out of it (see `shelf`).
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from seedance_widgets.card import brief
from seedance_widgets.errors import MediaError
from seedance_widgets.media import Probe, poster_jpeg, probe
from seedance_widgets.task import Task

__all__ = ["Clip", "Source", "absent", "look", "megabytes", "notes", "poster_url"]

Source: TypeAlias = "Task | Path | str | Mapping[str, Any]"

_PLAYABLE = ("h264", "vp8", "vp9", "av1")
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

    ``row`` has the log's columns, of a mere file only its size and frames. ``file`` is what plays, None while
    there is nothing, and ``bytes`` its size; ``original`` is what the service delivered, where that is
    another file. ``words`` say why there is nothing to play. ``waiting`` is True while that may change by
    itself, ``failed`` where it is a fault.
    """

    row: Mapping[str, Any]
    label: str
    file: Path | None = None
    original: Path | None = None
    probe: Probe | None = None
    bytes: int = 0
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
            "bytes": self.bytes,
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
        return Clip(row=row, label=label, words=brief(str(problem)), failed=True)
    if status in _OPEN or saving:
        return Clip(row=row, label=label, words=_STATUS[status], waiting=True)
    if video is None:
        said = row.get("error_message") or row.get("note")
        words = f"The task is {status} and has no clip{f': {brief(said)}' if said else '.'}"
        return Clip(row=row, label=label, words=words, failed=True)
    return _with_file(row, label, video, preview)


def _with_file(row: Mapping[str, Any], label: str, video: Path, preview: Path | None) -> Clip:
    try:
        shown = preview if preview is not None and preview.exists() else video
        size = shown.stat().st_size
        seen = probe(shown)
        original = video if shown != video and video.exists() else None
    except FileNotFoundError:
        words = f"{video.name} is not there any more: was it moved?" if row else f"{video.name} is not there."
        return Clip(row=row, label=label, words=words, failed=True)
    except (MediaError, OSError) as error:
        return Clip(row=row, label=label, words=str(error), failed=True)
    if not row:
        row = {"width": seen.width, "height": seen.height, "frames": seen.frames}
    return Clip(row=row, label=label, file=shown, original=original, probe=seen, bytes=size)


def notes(clip: Clip) -> list[str]:
    """What a person should know about what is shown; [] where there is nothing to say."""
    said = []
    if clip.original is not None and clip.probe is not None:
        try:
            seen = probe(clip.original)
            size = megabytes(clip.original.stat().st_size)
            what = f"{seen.codec}, {seen.width}x{seen.height}, {size}"
        except (MediaError, OSError) as error:
            what = str(error)
        said.append(
            f"This is an H.264 preview of {clip.probe.width}x{clip.probe.height}, for browsers; "
            f"the original is {clip.original.name} ({what})."
        )
    elif clip.probe is not None and clip.probe.codec not in _PLAYABLE:
        said.append(f"The clip is coded as {clip.probe.codec}, which most browsers do not play.")
    return said


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
        made = Path(saved) if saved and Path(saved).exists() else None
        data = made.read_bytes() if made else poster_jpeg(clip.file, max_bytes=max_bytes)
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


def megabytes(size: int) -> str:
    """A file's size in words, as the players write it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"  # noqa: PLR2004
