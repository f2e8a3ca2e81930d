"""One clip's file: what it is, its first and last picture, a poster, and a preview for browsers.

Every error of the decoder becomes ours: bytes that went wrong may make it raise anything.
"""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av import VideoStream
    from av.container import InputContainer
    from PIL import Image as PillowImage

__all__ = [
    "PLAYABLE_CODECS",
    "Probe",
    "check_whole",
    "first_picture",
    "last_picture",
    "make_preview",
    "open_clip",
    "poster_jpeg",
    "probe",
    "shrink",
]

_HEAD = 8  # bytes: size and kind
_LONG_HEAD = 16  # where the size is 1 and the true one follows
_MOST_BOXES = 10_000


# what most browsers play
PLAYABLE_CODECS = ("h264", "vp8", "vp9", "av1")
_POSTER_WIDTH = 320
_POSTER_BYTES = 6_000
_PREVIEW_HEIGHT = 720
_MOST_PIXELS = 1 << 26  # 8k has half of it; beyond, a broken header asks for gigabytes


@dataclass(frozen=True, slots=True)
class Probe:
    """What a clip is: sides in pixels, its frames, frames a second, codec, and whether it has sound."""

    width: int
    height: int
    frames: int
    fps: float
    codec: str
    audio: bool


def probe(path: Path) -> Probe:
    """Look into a clip.

    Raises
    ------
    MediaError
        The file is no clip that can be read.
    """
    with open_clip(path) as (container, stream):
        return Probe(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            frames=stream.frames or sum(1 for packet in container.demux(stream) if packet.size),
            fps=float(stream.average_rate or 0),
            codec=stream.codec_context.name,
            audio=bool(container.streams.audio),
        )


def poster_jpeg(path: Path, *, width: int = _POSTER_WIDTH, max_bytes: int = _POSTER_BYTES) -> bytes:
    """The clip's first frame as a small JPEG.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    return shrink(first_picture(path), max_bytes, widths=(width,))


def first_picture(path: Path) -> PillowImage.Image:
    """The clip's first frame, in its own size.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    with open_clip(path) as (container, stream):
        picture: PillowImage.Image = next(container.decode(stream)).to_image()  # type: ignore[no-untyped-call]
    return picture


@contextlib.contextmanager
def open_clip(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A clip's container and its video; every error inside becomes a `MediaError`."""
    import av

    try:
        with av.open(str(path)) as container:
            yield container, _video_stream(container)
    except Exception as error:
        raise MediaError(f"{path.name} is not a clip that can be read: {_reason(error)}") from error


def _video_stream(container: InputContainer) -> VideoStream:
    """A clip's video; ValueError where its codec or its size cannot be decoded."""
    if not container.streams.video or container.streams.video[0].codec_context is None:
        raise ValueError("it has no picture in a codec that is known here")
    stream = container.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > _MOST_PIXELS:
        raise ValueError(f"{stream.codec_context.width} x {stream.codec_context.height} is no size of a clip")
    return stream


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def last_picture(path: Path) -> bytes:
    """The clip's last frame as a PNG of its own size.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    out, last = io.BytesIO(), None
    with open_clip(path) as (container, stream):
        if stream.duration:  # to the key frame before the end
            container.seek((stream.start_time or 0) + stream.duration, stream=stream)
        for last in container.decode(stream):  # noqa: B007 - the last one is wanted
            pass
        if last is None:
            raise ValueError("it has no last frame that can be decoded")
        last.to_image().save(out, "PNG")  # type: ignore[no-untyped-call]
    return out.getvalue()


def shrink(
    picture: PillowImage.Image | Path,
    max_bytes: int,
    *,
    widths: Sequence[int],
    qualities: Sequence[int] = (70, 50, 35, 25, 15),
    kind: str = "JPEG",
) -> bytes:
    """A picture as a small file: the largest width, at its best quality, that so many bytes allow.

    Parameters
    ----------
    picture
        A picture, or the file of one.
    max_bytes
        Of the result. Where nothing fits, the last width at the last quality is returned, which is larger.
    widths
        The longer side at most, in px, largest first.
    qualities
        Pillow's, 1 to 95, best first.
    kind
        A format that Pillow writes by quality.

    Raises
    ------
    OSError, SyntaxError, ValueError
        The file is no picture that can be read.
    """
    if isinstance(picture, Path):
        from PIL import Image

        with Image.open(picture) as opened:
            picture = opened.convert("RGB")
    data = b""
    for width in widths:
        small = picture.convert("RGB")
        small.thumbnail((width, width))
        for quality in qualities:
            out = io.BytesIO()
            small.save(out, kind, quality=quality, optimize=True)
            data = out.getvalue()
            if len(data) <= max_bytes:
                return data
    return data


def make_preview(source: Path, target: Path) -> None:
    """Re-encode a clip as H.264 of at most 720 lines, sound kept, for browsers.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    import av

    part = target.with_suffix(".part.mp4")
    try:
        with av.open(str(source)) as clip, av.open(str(part), "w", options={"movflags": "+faststart"}) as out:
            video = _video_stream(clip)
            height = min(_PREVIEW_HEIGHT, video.codec_context.height)
            width = round(video.codec_context.width * height / video.codec_context.height)
            made = out.add_stream("libx264", rate=video.average_rate, options={"preset": "veryfast"})
            made.width, made.height, made.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
            sound = clip.streams.audio[0] if clip.streams.audio else None
            copied = out.add_stream_from_template(sound) if sound else None
            for packet in clip.demux([stream for stream in (video, sound) if stream]):
                if packet.stream is video:
                    for frame in packet.decode():
                        out.mux(made.encode(frame.reformat(made.width, made.height, "yuv420p")))  # type: ignore[union-attr]
                elif copied is not None and packet.dts is not None:
                    packet.stream = copied
                    out.mux(packet)
            out.mux(made.encode())
        part.replace(target)
    except Exception as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise MediaError(f"no preview of {source.name} can be made: {_reason(error)}") from error


def check_whole(path: Path) -> bool:
    """Refuse an MP4 that ends too early; whether the file is a whole one, and not of another kind.

    Raises
    ------
    MediaError
        The file ends inside a box, or has no index, or cannot be read.
    """
    try:
        kinds = _kinds(path)
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read: {error}") from error
    if kinds and b"moov" not in kinds:
        raise MediaError(f"{path.name} is cut off: it has no index")
    return bool(kinds)


def _kinds(path: Path) -> set[bytes]:
    """Of the boxes of an MP4; none for a file of another kind."""
    kinds: set[bytes] = set()
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        start = 0
        for _ in range(_MOST_BOXES):
            if start == end:
                break
            file.seek(start)
            head = file.read(_LONG_HEAD)
            size, kind = int.from_bytes(head[:4]), head[4:_HEAD]
            if start == 0 and kind != b"ftyp":
                return kinds
            least = _HEAD
            if size == 0:  # to the end of the file
                size = end - start
            elif size == 1:
                size, least = int.from_bytes(head[_HEAD:]), _LONG_HEAD
            if size < least or start + size > end:
                raise MediaError(f"{path.name} is cut off: it ends inside a part that starts at {start}")
            kinds.add(kind)
            start += size
    return kinds
