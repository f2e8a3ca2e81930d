"""Simulated clips without the words of their prompts.

The simulator writes the start of the prompt into the first seconds of a picture made from text, and says in
the file where. Who rehearses a study blind would read there which clip is which, so the place is made
unreadable, equally large in both clips: a title's length says something too. Clips of the service are left as
they are: nothing is written into them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from numpy.typing import NDArray

__all__ = ["Title", "cover", "title_of"]

_SAID = re.compile(r"SIMULATED by seedance_widgets\b.*; title (-?\d+),(-?\d+),(\d+),(\d+) until (\d+);")
# squares by the shorter side: each larger than a letter
_SQUARES = 20
# someone waits for it, and it is looked at once
_X264 = {"preset": "ultrafast", "crf": "20"}


class Title(NamedTuple):
    """How far a prompt reaches from the upper left corner, in shares of the sides, and its frames."""

    right: float
    bottom: float
    frames: int


def title_of(path: Path) -> Title | None:
    """Where the prompt is written in a simulated clip; None where nothing is written.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    import av

    try:
        with av.open(str(path)) as clip:
            said = _SAID.match(clip.metadata.get("comment", ""))
            shape = clip.streams.video[0].codec_context
            if said is None:
                return None
            left, top, width, height, frames = map(int, said.groups())
            return Title((left + width) / shape.width, (top + height) / shape.height, frames)
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise MediaError(f"{path.name} is not a clip that can be read: {error}") from error


def cover(source: Path, target: Path, title: Title) -> None:
    """Write the clip with coarse squares in place of a title, the sound as it is.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    import av

    try:
        with av.open(str(source)) as clip, av.open(str(target), "w") as out:
            video, sound = clip.streams.video[0], next(iter(clip.streams.audio), None)
            seen = video.codec_context
            made = out.add_stream("libx264", rate=video.average_rate, options=_X264)
            made.width, made.height, made.pix_fmt = seen.width, seen.height, "yuv420p"
            for tag in ("colorspace", "color_primaries", "color_trc", "color_range"):
                setattr(made.codec_context, tag, getattr(seen, tag))
            copied = out.add_stream_from_template(sound) if sound else None
            for packet in clip.demux([stream for stream in (video, sound) if stream]):
                if copied is not None and packet.stream is sound and packet.dts is not None:
                    packet.stream = copied
                    out.mux(packet)
            clip.seek(0)
            for number, frame in enumerate(clip.decode(video)):
                out.mux(made.encode(_cover_frame(frame, title) if number < title.frames else frame))
            out.mux(made.encode())
    except (av.error.FFmpegError, IndexError, OSError, ValueError) as error:
        raise MediaError(f"{source.name} cannot be copied: {error}") from error


def _cover_frame(frame: VideoFrame, title: Title) -> VideoFrame:
    import av

    # a copy: the decoder makes later frames from this one
    rows = frame.to_ndarray(format="yuv420p")
    height, width = frame.height, frame.width
    square = max(2, min(width, height) // _SQUARES // 2 * 2)
    planes = [rows[:height], *rows[height:].reshape(2, height // 2, width // 2)]
    for plane, side in zip(planes, (square, square // 2, square // 2), strict=True):
        _coarsen(plane, title, side)
    covered = av.VideoFrame.from_ndarray(rows, format="yuv420p")
    covered.pts, covered.time_base = frame.pts, frame.time_base
    return covered


def _coarsen(plane: NDArray[Any], title: Title, side: int) -> None:
    height, width = plane.shape
    for y in range(0, min(height, round(height * title.bottom)), side):
        for x in range(0, min(width, round(width * title.right)), side):
            square = plane[y : y + side, x : x + side]
            square[:] = round(float(square.mean()))
