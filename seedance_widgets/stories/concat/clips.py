"""A clip to be joined, read from end to end, so that a broken one is found before anything is written.

Broken bytes may make the decoder raise anything; here every such error becomes a `MediaError`.

Times are exact fractions of a second, and zero is the moment of the first frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import av
import numpy as np

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from numpy.typing import NDArray

    AnyPacket: TypeAlias = av.Packet[av.VideoStream] | av.Packet[av.AudioStream]

__all__ = [
    "NOTHING_LOST",
    "Clip",
    "Place",
    "Sound",
    "Video",
    "decode",
    "is_end",
    "look",
    "packets",
    "place",
    "repeats",
]

# A frame that was given to go on from comes back with a codec's noise: on simulated chains nine of ten pixels
# of such a small grey picture were within 6 of 255 levels, and labels on it differ. Of unrelated clips half
# were 10 and more levels apart.
_SIZE = (160, 90)

_LEVELS = 8

_ALIKE = 90  # per cent


NOTHING_LOST = "Nothing was written, and no clip was changed."
_BASE = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A clip's video stream. Sides are in pixels, ``rate`` in frames a second, the other times in seconds."""

    codec: str
    profile: str
    tag: str
    width: int
    height: int
    pixels: str
    colours: tuple[int, int, int]
    """Matrix, primaries and transfer, by their numbers in ISO/IEC 23091-2; 2 is unspecified."""
    aspect: Fraction | None
    rate: Fraction
    time_base: Fraction
    parameters: bytes
    frames: int
    seconds: Fraction
    start: Fraction
    """When the file lets the first frame begin: what all times of its packets are lessened by."""
    last_seconds: Fraction
    """How long the last frame stands."""
    first_dts: Fraction
    last_dts: Fraction
    hidden: bool
    """Whether the file has frames that it says not to show."""
    untimed: bool
    """Whether the file leaves out when some frames are to be decoded."""
    last_is_free: bool
    """Whether the last frame shown is the last one decoded, so that no other is built on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A clip's sound stream. ``rate`` is in samples a second, ``packet`` in samples."""

    codec: str
    profile: str
    rate: int
    layout: str
    channels: int
    packet: int
    parameters: bytes
    end: Fraction
    """When it ends, in seconds after the first frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One clip; ``name`` is what messages call it, ``title`` its chapter."""

    name: str
    title: str
    path: Path
    video: Video
    sound: Sound | None


@dataclass(slots=True)
class _Pass:
    """One stream read through: when each packet is shown and decoded and how long it stands, in ``base``.

    ``hidden`` counts packets that are only there for others to be built on: those before a cut.
    """

    base: Fraction
    times: list[tuple[int, int, int]] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)
    hidden: int = 0
    broken: bool = False
    untimed: bool = False

    def take(self, packet: AnyPacket) -> None:
        """Add one packet to the figures."""
        if is_end(packet):
            return
        self.broken |= packet.is_corrupt
        shown = packet.dts if packet.pts is None else packet.pts
        decoded = shown if packet.dts is None else packet.dts
        self.untimed |= packet.dts is None
        if shown is None or decoded is None:
            self.broken = True
            return
        self.decoded.append(decoded)
        if packet.is_discard:
            self.hidden += 1
            return
        self.times.append((shown, decoded, packet.duration or 0))


def look(path: Path, *, name: str, title: str) -> Clip:
    """Read a clip through.

    Raises
    ------
    MediaError
        The file is missing, is no clip, or breaks off.
    """
    try:
        with av.open(str(path)) as container:
            streams = _streams(container)
            if not streams or streams[0].type != "video":
                raise MediaError(f"{name} has no video. {NOTHING_LOST}")
            passes = {stream.index: _Pass(Fraction(stream.time_base or _BASE)) for stream in streams}
            for packet in packets(container):
                passes[packet.stream.index].take(packet)
            for stream in streams:
                _check_whole(name, stream, passes[stream.index], path)
            video = _video(container.streams.video[0], passes[streams[0].index])
            heard = container.streams.audio[0] if container.streams.audio else None
            sound = _sound(heard, passes[heard.index], video.start) if heard else None
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"{name} is not a clip that can be read: {_words(error)}. {NOTHING_LOST}") from error
    return Clip(name=name, title=title, path=path, video=video, sound=sound)


def packets(container: InputContainer) -> Iterator[AnyPacket]:
    """The packets of a clip's video and sound in the order of the file; a stream's last one is empty."""
    return cast("Iterator[AnyPacket]", container.demux(*_streams(container)))


def is_end(packet: av.Packet[Any]) -> bool:
    """Whether this is the empty packet that ends a stream; some files leave out the times of others."""
    return packet.dts is None and not packet.size


def decode(packet: AnyPacket, clip: Clip) -> list[Any]:
    """The frames of one of a clip's packets; an empty packet returns the frames that its decoder still holds.

    Raises
    ------
    MediaError
        The packet cannot be decoded.
    """
    try:
        return list(packet.decode())
    except Exception as error:
        raise MediaError(f"{clip.name} is damaged: {_words(error)}. {NOTHING_LOST}") from error


def _words(error: Exception) -> str:
    """An error's own words, without the path, which may be long."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _streams(container: InputContainer) -> list[av.VideoStream | av.AudioStream]:
    return [*container.streams.video[:1], *container.streams.audio[:1]]


def _check_whole(name: str, stream: av.VideoStream | av.AudioStream, read: _Pass, path: Path) -> None:
    whole = len(read.decoded) - read.broken
    if whole < stream.frames and not read.broken:
        whole = _count_all(path, stream.index)
    if read.broken or whole < stream.frames:
        what = "frames" if stream.type == "video" else "packets of sound"
        told = f"only {whole} of {stream.frames}" if stream.frames else f"only {whole}"
        raise MediaError(f"{name} breaks off: {told} {what} are there. {NOTHING_LOST}")
    if not read.times and stream.type == "video":
        raise MediaError(f"{name} has no frames. {NOTHING_LOST}")


def _count_all(path: Path, index: int) -> int:
    """The packets of a stream, with those that the file says to leave out: a cut that copied what it kept."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        return sum(not is_end(packet) for packet in container.demux(container.streams[index]))


def _video(stream: av.VideoStream, read: _Pass) -> Video:
    context = stream.codec_context
    rate = Fraction(stream.average_rate or stream.guessed_rate or 24)
    stands = round(1 / rate / read.base)
    ends = {pts: pts + (duration or stands) for pts, _, duration in read.times}
    first, last = min(ends), max(ends)
    return Video(
        codec=context.name,
        profile=stream.profile or "",
        tag=context.codec_tag,
        width=context.width,
        height=context.height,
        pixels=context.pix_fmt or "",
        colours=(context.colorspace, context.color_primaries, context.color_trc),
        aspect=context.sample_aspect_ratio,
        rate=rate,
        time_base=read.base,
        parameters=bytes(context.extradata or b""),
        frames=len(read.times),
        seconds=(ends[last] - first) * read.base,
        start=first * read.base,
        last_seconds=(ends[last] - last) * read.base,
        first_dts=(read.decoded[0] - first) * read.base,
        last_dts=(read.decoded[-1] - first) * read.base,
        hidden=bool(read.hidden),
        untimed=read.untimed,
        last_is_free=read.times[-1][0] == last,
    )


def _sound(stream: av.AudioStream, read: _Pass, start: Fraction) -> Sound | None:
    if not read.times:
        return None
    context = stream.codec_context
    return Sound(
        codec=context.name,
        profile=stream.profile or "",
        rate=context.sample_rate,
        layout=context.layout.name,
        channels=context.channels,
        packet=context.frame_size,
        parameters=bytes(context.extradata or b""),
        end=max(pts + duration for pts, _, duration in read.times) * read.base - start,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A clip in the story: from ``start`` to ``end``, in seconds, with its first ``frames`` frames."""

    clip: Clip
    start: Fraction
    end: Fraction
    frames: int


def place(clips: Sequence[Clip], cut: Collection[int]) -> list[Place]:
    """Put clips one after the other; ``cut`` counts those that lose their last frame."""
    places, at = [], Fraction(0)
    for number, clip in enumerate(clips):
        video, dropped = clip.video, number in cut
        end = at + video.seconds - (video.last_seconds if dropped else 0)
        places.append(Place(clip, at, end, video.frames - dropped))
        at = end
    return places


def repeats(before: Clip, after: Clip) -> bool:
    """Whether the first frame of ``after`` is the last of ``before`` once more.

    Raises
    ------
    MediaError
        One of the two frames cannot be decoded.
    """
    apart = _small(before, last=True) - _small(after, last=False)
    return bool(np.percentile(np.abs(apart), _ALIKE) <= _LEVELS)


def _small(clip: Clip, *, last: bool) -> NDArray[np.int16]:
    found = None
    try:
        with av.open(str(clip.path)) as container:
            stream = container.streams.video[0]
            if last and stream.duration:
                # to the key frame before the end
                container.seek((stream.start_time or 0) + stream.duration, stream=stream)
            for found in container.decode(stream):  # noqa: B007 - the last one is wanted
                if not last:
                    break
            if found is not None:
                return found.reformat(*_SIZE, "gray").to_ndarray().astype(np.int16)
    except Exception as error:
        raise MediaError(f"{clip.name} cannot be decoded: {error}. {NOTHING_LOST}") from error
    raise MediaError(f"{clip.name} cannot be decoded where it meets another. {NOTHING_LOST}")
