"""Two clips as files that differ in nothing but their pictures and sound.

A clip's file says more than it shows: tags, a seed in a comment, the encoder's notes between the frames, a
length, a size in bytes. All of it would reach the browser of someone who rates blind. So the coded pictures
and the sound are copied, as they are, into a new bare MP4, up to the length that both have; and the smaller
of the two ends in a ``free`` box, which players skip.
"""

from __future__ import annotations

import io
import math
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedance_widgets.errors import MediaError
from seedance_widgets.media.video_file import PLAYABLE_CODECS, make_preview, probe
from seedance_widgets.study.judging.title_masks import Title, cover, title_of

__all__ = ["BlindPair", "blind_pair"]

_BOX_BYTES = 8
# ISO/IEC 14496-10, table 7-1: the unit type of messages (SEI); 14496-15: the version of a header (avcC) after
# which units stand behind their lengths, as in every MP4
_MESSAGE = 6
_LENGTHS_FIRST = 1
# seconds: less than any frame, more than what times lose as fractions
_HAIR = 0.001
# an MP4 has no place for VP8
_COPIED_CODECS = frozenset(PLAYABLE_CODECS) - {"vp8"}


@dataclass(frozen=True, slots=True)
class BlindPair:
    """Two MP4 files of equally many bytes, the seconds that both last, and one shape for both boxes.

    ``ratio`` is width by height, between those of the clips, so that neither fits better than the other.
    """

    left: bytes
    right: bytes
    seconds: float
    ratio: float


def blind_pair(left: Path, right: Path) -> BlindPair:
    """Read two clips and take away what names or tells them apart, other than what is seen and heard.

    A codec that browsers do not play is encoded anew as H.264, and so is a simulated clip, without the words
    of its prompt.

    Raises
    ------
    MediaError
        A clip is not there, or cannot be read. The message names the file.
    """
    seen = [probe(path) for path in (left, right)]
    try:
        seconds = min(each.frames / each.fps for each in seen)
    except ZeroDivisionError:
        raise MediaError(f"{left.name} or {right.name} does not say how fast it plays") from None
    with tempfile.TemporaryDirectory(prefix="seedance-blind-") as folder:
        titles = [title for path in (left, right) if (title := title_of(path))]
        bare = []
        for path, each in zip((left, right), seen, strict=True):
            shown = path
            if each.codec not in _COPIED_CODECS:
                shown = Path(folder) / "preview.mp4"
                make_preview(path, shown)
            elif titles:
                shown = Path(folder) / "covered.mp4"
                cover(path, shown, Title(*map(max, zip(*titles, strict=True))))
            bare.append(_bare(shown, seconds))
    # a box has at least its own head: both get one, so that which is padded shows as little as by how much
    size = max(map(len, bare)) + _BOX_BYTES
    first, second = (data + _free(size - len(data)) for data in bare)
    ratio = math.sqrt(math.prod(each.width / each.height for each in seen))
    return BlindPair(first, second, seconds, ratio)


def _free(size: int) -> bytes:
    return struct.pack(">I4s", size, b"free") + bytes(size - _BOX_BYTES)


def _bare(path: Path, seconds: float) -> bytes:
    """The clip's first pictures and sound in a new file without a tag."""
    import av

    out = io.BytesIO()
    try:
        with (
            av.open(str(path)) as clip,
            av.open(out, "w", format="mp4", container_options={"fflags": "+bitexact"}) as bare,
        ):
            chosen = [clip.streams.video[0], *clip.streams.audio[:1]]
            packets: dict[Any, list[Any]] = {stream: [] for stream in chosen}
            for packet in clip.demux(chosen):
                if packet.dts is not None and packet.pts is not None:
                    packets[packet.stream].append(packet)
            copied = []
            for stream in chosen:
                target = bare.add_stream_from_template(stream)
                kept = _until(packets[stream], seconds)
                if stream.codec_context.name == "h264":
                    kept = _without_notes(kept, stream)
                copied += [(packet.dts * stream.time_base, target, packet) for packet in kept]
            for _, target, packet in sorted(copied, key=lambda each: each[0]):
                packet.stream = target
                bare.mux(packet)
    except (av.error.FFmpegError, IndexError, OSError, ValueError) as error:
        raise MediaError(f"{path.name} cannot be copied: {error}") from error
    return out.getvalue()


def _until(packets: list[Any], seconds: float) -> list[Any]:
    """Packets in their order of coding, up to the last that is shown before that time.

    One beyond it may stay in between: a picture before it may be coded as the difference to it.
    """
    if not packets:
        return []
    origin = min(packet.pts for packet in packets)
    end = seconds - _HAIR
    shown = [index for index, packet in enumerate(packets) if (packet.pts - origin) * packet.time_base < end]
    return packets[: shown[-1] + 1]


def _without_notes(packets: list[Any], stream: Any) -> list[Any]:
    """Packets without the messages (SEI) in which encoders sign; no decoder needs them."""
    import av

    header = stream.codec_context.extradata
    if not header or header[0] != _LENGTHS_FIRST:
        return packets
    kept = []
    for packet in packets:
        clean = av.Packet(_without_messages(bytes(packet), (header[4] & 3) + 1))
        clean.pts, clean.dts, clean.duration = packet.pts, packet.dts, packet.duration
        clean.time_base, clean.is_keyframe = packet.time_base, packet.is_keyframe
        kept.append(clean)
    return kept


def _without_messages(data: bytes, width: int) -> bytes:
    """Units of a coded picture, each behind its length of ``width`` bytes, but those that are messages."""
    kept, at = [], 0
    while at + width < len(data):
        end = at + width + int.from_bytes(data[at : at + width], "big")
        if data[at + width] & 31 != _MESSAGE:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)
