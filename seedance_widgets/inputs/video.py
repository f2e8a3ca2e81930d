"""Input clips: the service fetches them from an address, so nothing but an address is ever sent.

What is known of a clip (its length above all) is known because a task of ours made it, or because somebody
says so; nothing is fetched here.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError, Problem
from seedance_widgets.inputs.address import is_address, without_query
from seedance_widgets.inputs.given import shorten_name
from seedance_widgets.units import bytes_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TASK", "VideoInput", "load_video", "video_problems"]

TASK = "task:"
"""Begins what the log has in place of the address of a clip of its own: the task's key follows."""


@dataclass(frozen=True)
class VideoInput:
    """One clip among a request's inputs.

    Parameters
    ----------
    address
        Where the service fetches it: http(s), or an ``asset://`` id.
    seconds
        Its length, if known. It moves the price that is expected, and not the bound of it.
    width, height
        Pixels, if known.
    size_bytes
        Length of its file, if known.
    task
        Key of the task of this log that made it, None for any other. Its length is certain.
    """

    address: str
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    task: str | None = None

    def __post_init__(self) -> None:
        if self.task is None and self.address.startswith(TASK):
            object.__setattr__(self, "task", self.address.removeprefix(TASK))
        if not is_address(self.address) and not self.address.startswith(TASK):
            raise MediaError(_NOT_LOCAL.format(shorten_name(self.address) or "an empty text"))
        is_number = isinstance(self.seconds, Real) and not isinstance(self.seconds, bool)
        if self.seconds is not None and not (is_number and 0 < self.seconds < _LONGEST):
            raise MediaError(f"seconds={self.seconds!r} is no length of a clip")

    @property
    def name(self) -> str:
        """What to call it: the task's key, or the end of the address."""
        return self.task or without_query(self.address).rstrip("/").rsplit("/", 1)[-1] or self.address

    @property
    def label(self) -> str:
        """How tables tell it: the task, or the address without its query, which may hold a signature."""
        return f"{TASK}{self.task}" if self.task else without_query(self.address)

    @property
    def data_url(self) -> str:
        """What the request's ``url`` field carries."""
        return self.address

    @property
    def encoded_bytes(self) -> int:
        """Length of the address."""
        return len(self.address)

    @property
    def sha256(self) -> str | None:
        """None: its bytes are never at hand."""
        return None


_LONGEST = 86_400.0
_NOT_LOCAL = (
    "{} is no address: the service fetches a clip itself, and takes no file. Give the task that made it, or "
    "upload it to where the service reaches it and give that https:// address or asset:// id"
)


def load_video(source: Any) -> VideoInput:
    """A clip from an address, an ``asset://`` id, a `Task`, or a `VideoInput`.

    Raises
    ------
    MediaError
        A file on this machine, or a task whose clip is not there (any more).
    """
    if isinstance(source, VideoInput):
        return source
    if hasattr(source, "as_video"):
        clip: VideoInput = source.as_video()
        return clip
    if isinstance(source, Path):
        raise MediaError(_NOT_LOCAL.format(source.name))
    if isinstance(source, str):
        text = source.strip()
        shown = f"{text[:40]}..." if text.startswith("data:") else shorten_name(text)
        if not is_address(text) and not text.startswith(TASK):
            raise MediaError(_NOT_LOCAL.format(shown or "an empty text"))
        return VideoInput(text)
    raise MediaError(_NOT_LOCAL.format(f"a {type(source).__name__}"))


def video_problems(parameter: str, clip: VideoInput) -> Iterator[Problem]:
    """Yield what the service would refuse about one clip, as far as that is known."""
    rule = catalog.rules().video
    suffix = clip.name.rpartition(".")[2].lower()
    if suffix in _OTHER_FORMATS:
        takes = " or ".join(rule.formats)
        yield Problem(parameter, clip.name, f"format {suffix}; clips are {takes}", nearest=rule.formats[0])
    if clip.size_bytes is not None and clip.size_bytes > rule.max_bytes:
        yield Problem(
            parameter,
            clip.name,
            f"{bytes_text(clip.size_bytes)}; at most {bytes_text(rule.max_bytes)}",
        )
    if clip.width and clip.height and not rule.pixels_min <= clip.width * clip.height <= rule.pixels_max:
        yield Problem(
            parameter,
            clip.name,
            f"{clip.width} x {clip.height} px are {clip.width * clip.height:,}; a clip has "
            f"{rule.pixels_min:,} to {rule.pixels_max:,}",
        )


_OTHER_FORMATS = ("avi", "webm", "mkv", "wmv", "flv", "gif", "mpg", "mpeg", "ogv", "3gp", "ts")
