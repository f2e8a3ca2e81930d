"""What the players share: one clip as it stands now, with its facts, notes and poster.

A clip is given as a `Task`, a path, or a row of the log (a mapping, or ``df.loc[key]``). `look` turns it into
a `Clip`: the file that a browser can play, or words that say why there is none yet.

Posters are shrunk to what a saved notebook can bear; the clips' own bytes stay out of it (see `on_demand`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from seedance_widgets.errors import InvalidRequest, MediaError, Problem
from seedance_widgets.log.row import UNDERWAY, FileState, Status
from seedance_widgets.media.video_file import PLAYABLE_CODECS, Probe, first_picture, probe, shrink
from seedance_widgets.request.rules import shown
from seedance_widgets.task.card import brief
from seedance_widgets.task.task import Task
from seedance_widgets.units import bytes_text, data_url, is_absent

__all__ = ["Clip", "Source", "look", "notes", "poster_url"]

Source: TypeAlias = "Task | Path | str | Mapping[str, Any]"

# of a poster, px
_WIDTHS = (320, 240, 160, 96, 48)
_STATUS = {
    Status.INTENT: "The task is being sent.",
    Status.QUEUED: "The task is queued at the service.",
    Status.RUNNING: "The task is running. The clip appears here when it is saved.",
    Status.SUCCEEDED: "The task has succeeded. Its clip is being saved.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip as it stood when it was looked at.

    ``columns`` are the log's, of a mere file only its size and frames. ``file`` is what plays, None while
    there is nothing, and ``bytes`` its size; ``original`` is what the service delivered, where that is
    another file. ``words`` say why there is nothing to play. ``waiting`` is True while that may change by
    itself, ``failed`` where it is a fault.
    """

    columns: Mapping[str, Any]
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
        return str(self.columns.get("prompt") or "")

    @property
    def duration(self) -> float:
        """Seconds, 0.0 where unknown."""
        return self.probe.frames / self.probe.fps if self.probe and self.probe.fps else 0.0

    def facts(self) -> dict[str, Any]:
        """What both players tell the browser about it, small and without bytes."""
        seen, columns = self.probe, self.columns
        return {
            "name": self.file.name if self.file else "",
            "bytes": self.bytes,
            "width": seen.width if seen else columns.get("width") or 16,
            "height": seen.height if seen else columns.get("height") or 9,
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
        row = source.row
        absolute = source.runtime.absolute
        problem = source.error
        return _described(row.to_dict(), absolute(row.video_path), absolute(row.preview_path), problem)
    if isinstance(source, str | Path):
        path = Path(source).expanduser().absolute()
        return _with_file({}, path.name, path, None)
    if isinstance(source, Mapping) or hasattr(source, "to_dict"):
        given = _columns_of(source)
        video, preview = (Path(given[c]) if given.get(c) else None for c in ("video_path", "preview_path"))
        return _described(given, video, preview, None)
    problem = Problem("tasks", shown(source), "a clip is a Task, a path or a row of the log")
    raise InvalidRequest([problem], refused="nothing is shown")


def _columns_of(source: Any) -> dict[str, Any]:
    columns = dict(source) if isinstance(source, Mapping) else source.to_dict()
    if "key" not in columns:
        columns["key"] = getattr(source, "name", None) or "clip"
    return {name: None if is_absent(value) else value for name, value in columns.items()}


def _described(columns: Mapping[str, Any], video: Path | None, preview: Path | None, problem: Any) -> Clip:
    label, status = str(columns["key"]), columns.get("status") or Status.SUCCEEDED
    saving = status == Status.SUCCEEDED and columns.get("file") == FileState.NONE
    if problem is not None:
        return Clip(columns=columns, label=label, words=brief(str(problem)), failed=True)
    if status in UNDERWAY or saving:
        return Clip(columns=columns, label=label, words=_STATUS[status], waiting=True)
    if video is None:
        said = columns.get("error_message") or columns.get("trouble") or columns.get("remark")
        words = f"The task is {status} and has no clip{f': {brief(said)}' if said else '.'}"
        return Clip(columns=columns, label=label, words=words, failed=True)
    return _with_file(columns, label, video, preview)


def _with_file(columns: Mapping[str, Any], label: str, video: Path, preview: Path | None) -> Clip:
    try:
        shown = preview if preview is not None and preview.exists() else video
        size = shown.stat().st_size
        seen = probe(shown)
        original = video if shown != video and video.exists() else None
    except FileNotFoundError:
        gone = "is not there any more: was it moved?" if columns else "is not there."
        words = f"{video.name} {gone}"
        return Clip(columns=columns, label=label, words=words, failed=True)
    except (MediaError, OSError) as error:
        return Clip(columns=columns, label=label, words=str(error), failed=True)
    if not columns:
        columns = {"width": seen.width, "height": seen.height, "frames": seen.frames}
    return Clip(columns=columns, label=label, file=shown, original=original, probe=seen, bytes=size)


def notes(clip: Clip) -> list[str]:
    """What a person should know about what is shown; [] where there is nothing to say."""
    said = []
    if clip.original is not None and clip.probe is not None:
        try:
            seen = probe(clip.original)
            size = bytes_text(clip.original.stat().st_size)
            what = f"{seen.codec}, {seen.width}x{seen.height}, {size}"
        except (MediaError, OSError) as error:
            what = str(error)
        said.append(
            f"This is an H.264 preview of {clip.probe.width}x{clip.probe.height}, for browsers; "
            f"the original is {clip.original.name} ({what})."
        )
    elif clip.probe is not None and clip.probe.codec not in PLAYABLE_CODECS:
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
    saved = source.poster_path if isinstance(source, Task) else clip.columns.get("poster_path")
    try:
        poster = Path(saved) if saved and Path(saved).exists() else None
        if poster is not None and poster.stat().st_size <= max_bytes:
            data = poster.read_bytes()
        else:
            # narrower too: noise does not shrink by quality alone
            data = shrink(poster or first_picture(clip.file), max_bytes, widths=_WIDTHS, qualities=(70, 40))
    except (MediaError, OSError, SyntaxError, ValueError):
        return ""  # a player without a poster still plays
    return data_url(data, "image/jpeg") if len(data) <= max_bytes else ""
