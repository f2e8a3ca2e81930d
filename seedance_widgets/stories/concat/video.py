"""The story's video: packets copied as they are, or frames encoded anew to one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import av.filter

from seedance_widgets.errors import MediaError
from seedance_widgets.stories.concat.clips import NOTHING_LOST, decode

if TYPE_CHECKING:
    from fractions import Fraction

    from av.container import OutputContainer

    from seedance_widgets.stories.concat.clips import Place, Video

__all__ = ["CopiedVideo", "EncodedVideo"]

# visually lossless for most eyes; a story that is encoded anew is not to look worse than its clips
_X264 = {"preset": "veryfast", "crf": "18"}
_LIMITED = 1
# names of the scaler for numbers of ISO/IEC 23091-2
_MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
# where a clip does not say, players take the matrix of HD from this height on
_HD = 720
_APPLE_HEVC = "hvc1"


class CopiedVideo:
    """Frames as they were encoded, moved in time."""

    def __init__(self, out: OutputContainer, like: av.VideoStream, base: Fraction) -> None:
        self._out = out
        self._base = base
        self._stream = out.add_stream_from_template(like)
        self._stream.time_base = base
        if (
            like.codec_context.codec_tag == _APPLE_HEVC
        ):  # else the muxer writes hev1, which Apple does not play
            self._stream.codec_context.codec_tag = _APPLE_HEVC

    def begin(self, place: Place) -> None:
        """The packets that follow are of this clip."""
        self._place = place
        self.done = 0

    def take(self, packet: av.Packet[av.VideoStream]) -> None:
        """One packet of the clip."""
        if packet.dts is None or self.done == self._place.frames:
            return
        steps = packet.time_base / self._base
        moved = (self._place.start - self._place.clip.video.start) / self._base
        packet.pts = int((packet.dts if packet.pts is None else packet.pts) * steps + moved)
        packet.dts = int(packet.dts * steps + moved)
        packet.duration = int((packet.duration or 0) * steps)
        packet.time_base = self._base
        packet.stream = self._stream
        self._out.mux(packet)
        self.done += 1

    def end(self) -> None:
        """The clip has no more packets."""

    def finish(self) -> None:
        """There are no more clips."""


class EncodedVideo:
    """Frames fitted into the first clip's size and colours and encoded as H.264. Each keeps its time."""

    def __init__(self, out: OutputContainer, first: Video, base: Fraction) -> None:
        self._out = out
        self._base = base
        self._stands = round(1 / first.rate / base)
        self._size = first.width // 2 * 2, first.height // 2 * 2
        self._matrix = _matrix(first)
        self._stream = out.add_stream("libx264", rate=first.rate, options=dict(_X264))
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.gop_size = max(1, round(2 * first.rate))
        context = self._stream.codec_context
        context.time_base = base
        context.colorspace, context.color_primaries, context.color_trc = first.colours
        context.color_range = _LIMITED

    def begin(self, place: Place) -> None:
        """The packets that follow are of this clip."""
        self._place = place
        self._fitting: av.filter.Graph | None = None
        self.done = 0

    def take(self, packet: av.Packet[av.VideoStream]) -> None:
        """One packet of the clip; an empty packet returns what its decoder still holds."""
        for frame in decode(packet, self._place.clip):
            self._encode(frame, packet.stream)

    def end(self) -> None:
        """The clip has no more packets.

        Raises
        ------
        MediaError
            Not all frames of the clip could be decoded.
        """
        clip = self._place.clip
        if self.done < self._place.frames:
            told = f"{self.done} of {clip.video.frames} frames"
            raise MediaError(f"{clip.name} is damaged: {told} can be decoded. {NOTHING_LOST}")

    def finish(self) -> None:
        """There are no more clips."""
        self._mux(self._stream.encode(None))

    def _encode(self, frame: av.VideoFrame, source: av.VideoStream) -> None:
        if self.done == self._place.frames:
            return
        if self._fitting is None:
            self._fitting = self._scaling_graph(source)
        assert frame.pts is not None
        video = self._place.clip.video
        shown = frame.pts * video.time_base - video.start
        self._fitting.vpush(frame)
        fitted = self._fitting.vpull()
        fitted.pts, fitted.time_base = round((self._place.start + shown) / self._base), self._base
        fitted.pict_type = 0  # the encoder chooses its own key frames
        self._mux(self._stream.encode(fitted))
        self.done += 1

    def _mux(self, packets: list[av.Packet[av.VideoStream]]) -> None:
        end = round(self._place.end / self._base)
        last = round(self._place.clip.video.last_seconds / self._base)
        for packet in packets:
            assert packet.pts is not None
            # only that of the very last frame counts, the others stand until the next
            left = end - packet.pts
            packet.duration = left if left <= last else min(left, self._stands)
            self._out.mux(packet)

    def _scaling_graph(self, source: av.VideoStream) -> av.filter.Graph:
        """Scale into the size without distortion, black bars around, colours as the first clip's."""
        width, height = self._size
        graph = av.filter.Graph()
        nodes = [
            graph.add_buffer(template=source),
            graph.add(
                "scale",
                f"{width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=lanczos"
                f":in_color_matrix={_matrix(self._place.clip.video)}:out_color_matrix={self._matrix}"
                ":out_range=limited",
            ),
            graph.add("pad", f"{width}:{height}:-1:-1"),
            graph.add("setsar", "1"),
            graph.add("format", "yuv420p"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph


def _matrix(video: Video) -> str:
    return _MATRICES.get(video.colours[0], "bt709" if video.height >= _HD else "bt601")
