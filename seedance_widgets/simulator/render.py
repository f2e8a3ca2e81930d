"""Real MP4 files for the simulated service: H.264 and AAC of exactly the size and length that were ordered.

Everything downstream of the service (saving, hashing, posters, chains, players, prices by frame) can then
be tried for nothing on files that behave like the real ones. They are also what people see in the demo, so
they are meant to be looked at; and each frame says SIMULATED, so that nobody takes one for the model's work.

A `Scene` is what was ordered. A picture draws its frames one by one onto the planes of a video frame (package
`picture`: landscapes for text, given pictures as they are), marks go on top, `sound` beside it. No more than
a frame is held at a time. The same scene gives the same bytes.
"""

from __future__ import annotations

import io
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import av
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedance_widgets.simulator.picture.landscape import Landscape
from seedance_widgets.simulator.picture.marks import Marks, label
from seedance_widgets.simulator.picture.stills import MARKS_KEY, Stills, board, fit, open_picture
from seedance_widgets.simulator.picture.yuv import frame_planes
from seedance_widgets.simulator.sound import RATE, melody

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from seedance_widgets.simulator.picture.yuv import Planes

FPS = 24
_SAMPLES = RATE // FPS
_AAC_FRAME = 1024
_LEAST = 32
_GOP = 2 * FPS
_BT601 = 6
_LIMITED = 1
_X264 = {
    "preset": "ultrafast",
    # A constant quantiser: for a constant quality each frame is looked at twice, which takes longer by half.
    "qp": "24",
    "bf": "0",
    "threads": "1",
    # What the preset leaves out and skies need: smooth edges of blocks, and good key frames, for a sky that
    # stands still is shown as its key frame was coded.
    "x264-params": "deblock=0,0:ipratio=1.6",
}


@dataclass(frozen=True)
class Scene:
    """One clip as it was ordered; pictures are encoded image files."""

    width: int
    height: int
    frames: int
    seed: int
    prompt: str = ""
    first_frame: bytes | None = None
    last_frame: bytes | None = None
    references: tuple[bytes, ...] = ()
    audio: bool = False
    camera_fixed: bool = False
    watermark: bool = False
    draft: bool = False
    ratio: str | None = None
    """The ratio to which the service crops given pictures; None is that of width to height."""

    def __post_init__(self) -> None:
        if min(self.width, self.height) < _LEAST or self.width % 2 or self.height % 2:
            raise ValueError(
                f"width and height must be even and at least {_LEAST}, not {self.width}x{self.height}"
            )
        if self.frames < 1:
            raise ValueError(f"a clip has at least one frame, not {self.frames}")


class Picture(Protocol):
    """Anything that can fill the planes of a frame."""

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`, whatever is there before."""


def render_mp4(scene: Scene) -> bytes:
    """The clip as an MP4 file that can be played while it loads.

    Raises what Pillow raises (an OSError) where a given picture cannot be read.
    """
    picture = _picture(scene)
    marks = _marks(scene)
    frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
    with tempfile.TemporaryDirectory(prefix="seedance-render-") as folder:
        # A file, not memory: to put the index first, the muxer opens its own output again by name.
        path = Path(folder) / "clip.mp4"
        with av.open(path, "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
            container.metadata["comment"] = _comment(scene, marks)
            video = _video_stream(container, scene)
            sound = _Sound(container, scene) if scene.audio else None
            for index in range(scene.frames):
                frame.make_writable()
                planes = frame_planes(frame)
                picture.draw(planes, index)
                marks.draw(planes, index)
                frame.pts = index
                container.mux(video.encode(frame))
                if sound:
                    sound.mux_until(index + 1)
            container.mux(video.encode())
            if sound:
                sound.finish()
        return path.read_bytes()


def last_frame_png(mp4: bytes) -> bytes:
    """The true last frame of a clip, as the service returns it: decoded, in the size of the clip."""
    with av.open(io.BytesIO(mp4), "r") as container:
        stream = container.streams.video[0]
        marks = container.metadata.get("comment", "").partition("marks ")[2]
        if stream.duration:
            container.seek((stream.start_time or 0) + stream.duration, stream=stream)
        last = deque(container.decode(stream), maxlen=1)
        if not last:
            container.seek(0)
            last.extend(container.decode(stream))
    if not last:
        raise ValueError("a video without frames has no last one")
    text = PngInfo()
    if marks:
        text.add_text(MARKS_KEY, marks)
    return _png(_image(last[0]), text)


def stand_in_png(url: str, size: tuple[int, int] = (1024, 768)) -> bytes:
    """A picture to stand for one at a URL that is not fetched: its words and hash choose the scene."""
    width, height = (side + side % 2 for side in size)
    image = _first_frame(Landscape((width, height), 1, prompt=url, seed=0, still=True)).crop((0, 0, *size))
    sign = label("stand-in: this URL was not fetched", max(9, min(size) * 0.022))
    image.paste(sign, ((size[0] - sign.width) // 2, round(size[1] * 0.24)), sign)
    return _png(image)


def _first_frame(place: Landscape) -> Image.Image:
    frame = av.VideoFrame(*place.size, "yuv420p")
    place.draw(frame_planes(frame), 0)
    return _image(frame)


def _image(frame: av.VideoFrame) -> Image.Image:
    return Image.fromarray(frame.to_ndarray(format="rgb24"))


def _png(image: Image.Image, text: PngInfo | None = None) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=text, compress_level=4)
    return out.getvalue()


def _picture(scene: Scene) -> Picture:
    size = (scene.width, scene.height)
    ratio = scene.ratio or f"{scene.width}:{scene.height}"
    given = [fit(data, size, ratio) for data in (scene.first_frame, scene.last_frame) if data is not None]
    if not given:
        frames = 1 if scene.references else scene.frames
        place = Landscape(size, frames, prompt=scene.prompt, seed=scene.seed, still=scene.camera_fixed)
        if not scene.references:
            return place
        given = [board(_first_frame(place), [open_picture(data) for data in scene.references])]
    return Stills(given, scene.frames, seed=scene.seed, still=scene.camera_fixed)


def _marks(scene: Scene) -> Marks:
    text = f"SIMULATED {'DRAFT ' if scene.draft else ''}· seed {scene.seed}"
    title = "" if scene.first_frame or scene.last_frame or scene.references else scene.prompt
    return Marks((scene.width, scene.height), scene.frames, text=text, title=title, watermark=scene.watermark)


def _comment(scene: Scene, marks: Marks) -> str:
    boxes = ";".join(",".join(map(str, box)) for box in marks.boxes)
    title = ",".join(map(str, marks.title_box)) + f" until {marks.title_end}" if marks.title_box else "none"
    return f"SIMULATED by seedance_widgets, seed {scene.seed}; title {title}; marks {boxes}"


def _video_stream(container: OutputContainer, scene: Scene) -> VideoStream:
    stream = container.add_stream("libx264", rate=FPS, options=_X264)
    stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
    stream.gop_size = _GOP
    context = stream.codec_context
    context.thread_count = 1
    # Without these tags players guess the matrix by the height, and skies change colour at 720 lines.
    context.colorspace = context.color_primaries = context.color_trc = _BT601
    context.color_range = _LIMITED
    return stream


class _Sound:
    """The sound track, muxed in step with the frames."""

    def __init__(self, container: OutputContainer, scene: Scene) -> None:
        self._container = container
        self._stream = container.add_stream(
            "aac", rate=RATE, layout="mono", bit_rate=64_000, options={"aac_coder": "fast"}
        )
        self._track = melody(scene.frames * _SAMPLES, scene.seed)
        self._at = 0

    def mux_until(self, frame: int) -> None:
        """Whatever is heard before that frame."""
        while self._at < frame * _SAMPLES:
            part = self._track[None, self._at : self._at + _AAC_FRAME]
            samples = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = RATE, self._at
            self._container.mux(self._stream.encode(samples))
            self._at += _AAC_FRAME

    def finish(self) -> None:
        """What the encoder still holds."""
        self._container.mux(self._stream.encode())
