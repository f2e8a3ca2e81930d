"""The files of a task, in a folder that people can see: saved whole, hashed, probed, with a small poster.

``media/<key>/video.mp4``, ``last_frame.png`` and ``poster.jpg``; input pictures once each under
``inputs/<sha256>.<ext>``. All paths that leave this module are relative to the home, with ``/``.
A clip whose codec no browser plays keeps its original beside an H.264 ``preview.mp4``.
Every error of the decoder becomes ours: bytes that went wrong may make it raise anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedance_widgets.boxes import check_whole
from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer
    from PIL import Image as PillowImage

    from seedance_widgets.client import Client
    from seedance_widgets.images import Image
    from seedance_widgets.request import TaskRequest

__all__ = ["Media", "Probe", "first_picture", "last_picture", "poster_jpeg", "probe", "shrunk_jpeg"]

_POSTER_WIDTH = 320
_POSTER_BYTES = 6_000
_PREVIEW_HEIGHT = 720
_MOST_PIXELS = 1 << 26  # 8k has half of it; beyond, a broken header asks for gigabytes
_PLAYABLE = ("h264", "vp8", "vp9", "av1")


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
        It is no clip that can be read.
    """
    import av

    try:
        with av.open(str(path)) as container:
            stream = _video(container)
            return Probe(
                width=stream.codec_context.width,
                height=stream.codec_context.height,
                frames=stream.frames or sum(1 for packet in container.demux(stream) if packet.size),
                fps=float(stream.average_rate or 0),
                codec=stream.codec_context.name,
                audio=bool(container.streams.audio),
            )
    except Exception as error:
        raise MediaError(f"{path.name} is not a clip that can be read: {_said(error)}") from error


def poster_jpeg(path: Path, *, width: int = _POSTER_WIDTH, max_bytes: int = _POSTER_BYTES) -> bytes:
    """The clip's first frame as a small JPEG.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    return shrunk_jpeg(first_picture(path), width=width, max_bytes=max_bytes)


def first_picture(path: Path) -> PillowImage.Image:
    """The clip's first frame, in its own size.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    import av

    try:
        with av.open(str(path)) as container:
            _video(container)
            frame = next(container.decode(video=0))
            picture: PillowImage.Image = frame.to_image()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise MediaError(f"{path.name} is not a clip that can be read: {_said(error)}") from error
    return picture


def _video(container: InputContainer) -> VideoStream:
    """The picture of a clip, of a codec and a size that can be decoded."""
    if not container.streams.video or container.streams.video[0].codec_context is None:
        raise ValueError("it has no picture in a codec that is known here")
    stream = container.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > _MOST_PIXELS:
        raise ValueError(f"{stream.codec_context.width} x {stream.codec_context.height} is no size of a clip")
    return stream


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def last_picture(path: Path) -> bytes:
    """The clip's last frame as a PNG of its own size.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    import av

    last = None
    try:
        with av.open(str(path)) as container:
            stream = _video(container)
            if stream.duration:  # to the key frame before the end
                container.seek((stream.start_time or 0) + stream.duration, stream=stream)
            for last in container.decode(stream):  # noqa: B007 - the last one is wanted
                pass
        if last is None:
            raise ValueError("it has no last frame that can be decoded")
        out = io.BytesIO()
        last.to_image().save(out, "PNG")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise MediaError(f"{path.name} is not a clip that can be read: {_said(error)}") from error
    return out.getvalue()


def shrunk_jpeg(picture: PillowImage.Image, *, width: int, max_bytes: int) -> bytes:
    """A picture as a JPEG at most so wide, in px, and as good as so many bytes allow."""
    picture = picture.convert("RGB")
    picture.thumbnail((width, width))
    data = b""
    for quality in (70, 50, 35, 25, 15):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        data = out.getvalue()
        if len(data) <= max_bytes:
            break
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
            video = _video(clip)
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
        raise MediaError(f"no preview of {source.name} can be made: {_said(error)}") from error


class Media:
    """Files of one home.

    Parameters
    ----------
    home
        The studio's folder; stored paths are relative to it.
    folder
        Where clips go, ``home/media`` by default.
    """

    def __init__(self, home: Path, folder: Path | None = None) -> None:
        self._home = home
        self._folder = folder or home / "media"

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""
        return None if stored is None else (self._home / stored).resolve()

    def keep_inputs(self, request: TaskRequest) -> dict[str, str]:
        """Write a request's pictures once each; sha256 -> stored path.

        Raises
        ------
        MediaError
            They cannot be written; nothing was sent.
        """
        return {image.sha256: self._keep(image) for image in request.images if image.sha256}

    async def save(
        self, client: Client, key: str, video_url: str, last_frame_url: str | None
    ) -> dict[str, object]:
        """Fetch a task's files and look into the clip; returns columns of its row.

        Raises
        ------
        DownloadError
            A file did not arrive whole; nothing half-done carries its final name.
        MediaError
            There is no folder to put them in.

        What arrived and is no clip, or ends too early, is kept with file ``failed``: it may be had better.
        """
        folder = self._folder / key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"the folder {folder} cannot be made: {error}; nothing was saved") from error
        _clear(folder)
        video = folder / "video.mp4"
        fetched = await client.download(video_url, video)
        # The clip is what was paid for: nothing that goes wrong from here on may unsave it.
        columns: dict[str, object] = {"video_path": self._stored(video), "sha256": fetched.sha256}
        lacking = []
        if last_frame_url:
            last_frame = folder / "last_frame.png"
            try:
                await client.download(last_frame_url, last_frame)
                columns["last_frame_path"] = self._stored(last_frame)
            except MediaError as error:
                lacking.append(f"no last frame: {error}")
        try:
            described, trouble = await asyncio.to_thread(self._described, video)
            columns |= described
        except MediaError as error:
            trouble = str(error)
            columns |= {"file": "failed", "saved_at": None}
        lacking += [trouble] if trouble else []
        return columns | ({"note": "; ".join(lacking)} if lacking else {})

    def _described(self, video: Path) -> tuple[dict[str, object], str | None]:
        """Columns that the clip itself tells, and what went wrong with a clip that is whole."""
        columns: dict[str, object] = {}
        is_whole = check_whole(video)
        try:
            facts = probe(video)
        except MediaError as error:
            if not is_whole:
                raise
            return columns, str(error)
        columns |= {"width": facts.width, "height": facts.height, "frames": facts.frames}
        try:
            poster = video.with_name("poster.jpg")
            poster.write_bytes(poster_jpeg(video))
            columns["poster_path"] = self._stored(poster)
            if facts.codec not in _PLAYABLE:
                preview = video.with_name("preview.mp4")
                make_preview(video, preview)
                columns["preview_path"] = self._stored(preview)
        except (MediaError, OSError) as error:
            return columns, str(error)
        return columns, None

    def _keep(self, image: Image) -> str:
        assert image.data is not None
        path = self._home / "inputs" / f"{image.sha256}.{image.format}"
        if not path.exists():
            part = path.with_suffix(f".{secrets.token_hex(4)}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with part.open("wb") as file:
                    file.write(image.data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            except OSError as error:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise MediaError(
                    f"the picture {image.name} cannot be stored in {path.parent}: {error}. Nothing was sent."
                ) from error
        return self._stored(path)

    def _stored(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self._home)).as_posix()
        except ValueError:  # another drive of a Windows machine
            return path.as_posix()


def _clear(folder: Path) -> None:
    """Remove what a download left that was cut off with its process; a task has one saver at a time."""
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            part.unlink()
