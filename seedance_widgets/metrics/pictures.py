"""Figures of a clip's pictures: one pass over its frames, whatever is wanted of them."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from seedance_widgets.media.video_file import open_clip
from seedance_widgets.metrics.stretches import Stretches, pull_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from av import VideoFrame, VideoStream
    from numpy.typing import NDArray

__all__ = ["measure_pictures"]

_BLACK, _RANGE, _FULL = 16.0, 219.0, 255.0
_FULL_RANGE = 2  # FFmpeg's AVCOL_RANGE_JPEG
_SHARP_A_SECOND = 4
# luma lies alone in their first plane, in whole bytes or in words of so many bits
_BYTES = {"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p", "nv12", "gray"}
_WORDS = {"yuv420p10le": 10, "yuv422p10le": 10, "yuv444p10le": 10, "yuv420p12le": 12}
_FILTERS = {
    "frozen": ("freezedetect", "n=0.001:d=0.5"),
    "black": ("blackdetect", "d=0.1:pic_th=0.98:pix_th=0.10"),
}
# what they call the beginning and the end of a stretch, and how long one lasts at least, in seconds
_STRETCHES = {
    "frozen": ("lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end", 0.5),
    "black": ("lavfi.black_start", "lavfi.black_end", 0.1),
}


def measure_pictures(path: Path, wanted: Collection[str]) -> dict[str, float]:
    """Figures of a clip's pictures by name; 0.0 where it has too few frames to tell.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    filters = [_FILTERS[name] for name in _FILTERS if name in wanted]
    stretches = {name: Stretches(*_STRETCHES[name]) for name in _FILTERS if name in wanted}
    looks = _Looks(wanted)
    with open_clip(path) as (container, stream):
        # one clip a process: several threads in each would only be in each other's way
        stream.codec_context.thread_count = 1
        graph = _graph_of(stream, filters) if filters else None
        end = 0.0
        for frame in container.decode(stream):
            looks.look(frame)
            at = float(frame.time or 0.0)
            end = max(end, at + float((frame.duration or 0) * (frame.time_base or 0)))
            if graph is not None:
                graph.push(frame)
                for passed in pull_all(graph):
                    for each in stretches.values():
                        each.note(passed.metadata)
        end = max(end, looks.frames / float(stream.average_rate or 24))
    return looks.figures() | {name: each.seconds(end) for name, each in stretches.items()}


def _graph_of(stream: VideoStream, filters: list[tuple[str, str]]) -> Any:
    from av.filter import Graph

    graph = Graph()
    nodes = [graph.add_buffer(template=stream), *(graph.add(name, args) for name, args in filters)]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


class _Looks:
    """What the frames say, one after the other."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.frames = 0
        self._wanted = [name for name in _OF_LUMA if name in wanted]
        self._means: list[float] = []
        self._changes: list[float] = []
        self._sharp: list[float] = []
        self._before: NDArray[Any] | None = None
        self._range, self._black, self._step = _RANGE, _BLACK, 1

    def look(self, frame: VideoFrame) -> None:
        """Take the next frame in."""
        self.frames += 1
        if not self._wanted:
            return
        luma, levels = _luma_of(frame)
        if self.frames == 1:
            is_full = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
            self._range, self._black = (_FULL, 0.0) if is_full else (_RANGE, _BLACK)
        if "brightness" in self._wanted or "flicker" in self._wanted:
            self._means.append(_mean(luma) / levels)
        if "motion" in self._wanted:
            if self._before is not None and self._before.shape == luma.shape:
                # unsigned numbers cannot be below 0: the greater less the smaller
                apart = np.maximum(luma, self._before) - np.minimum(luma, self._before)
                self._changes.append(_mean(apart) / levels)
            self._before = luma.copy()  # its memory is the decoder's
        if "sharpness" in self._wanted and (self.frames - 1) % self._every(frame) == 0:
            self._sharp.append(_laplacian_variance(luma) / levels**2)

    def _every(self, frame: VideoFrame) -> int:
        duration = float((frame.duration or 0) * (frame.time_base or 0)) or 1 / 24
        return max(1, round(1 / duration / _SHARP_A_SECOND))

    def figures(self) -> dict[str, float]:
        """What was wanted of luma."""
        return {name: _OF_LUMA[name](self) for name in self._wanted}

    def motion(self) -> float:
        return statistics.fmean(self._changes) / self._range if self._changes else 0.0

    def flicker(self) -> float:
        means = np.array(self._means)
        if len(means) < 3:  # noqa: PLR2004 - a frame and its two neighbours
            return 0.0
        return float(np.abs(means[1:-1] - (means[:-2] + means[2:]) / 2).mean()) / self._range

    def sharpness(self) -> float:
        return statistics.fmean(self._sharp) if self._sharp else 0.0

    def brightness(self) -> float:
        if not self._means:
            return 0.0
        return min(1.0, max(0.0, (statistics.fmean(self._means) - self._black) / self._range))


_OF_LUMA: dict[str, Callable[[_Looks], float]] = {
    "motion": _Looks.motion,
    "flicker": _Looks.flicker,
    "sharpness": _Looks.sharpness,
    "brightness": _Looks.brightness,
}


def _luma_of(frame: VideoFrame) -> tuple[NDArray[Any], float]:
    """A frame's luma, and how many of its levels are one of 255."""
    name = frame.format.name
    if name not in _BYTES and name not in _WORDS:
        frame, name = frame.reformat(format="yuv420p"), "yuv420p"
    plane = frame.planes[0]
    kind = np.dtype("uint8" if name in _BYTES else "<u2")
    rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)  # type: ignore[call-overload]
    levels = 1.0 if name in _BYTES else float(1 << (_WORDS[name] - 8))
    return rows[: frame.height, : frame.width], levels


def _mean(levels: NDArray[Any]) -> float:
    """Mean of whole numbers, exactly: a row's sum fits in 32 bits, and these are quick."""
    return int(levels.sum(axis=1, dtype=np.uint32).sum(dtype=np.uint64)) / max(1, levels.size)


def _laplacian_variance(luma: NDArray[Any]) -> float:
    levels: NDArray[np.int16] = luma.astype(np.int16)  # 12 bits times 8 at most
    edges = levels[1:-1, 1:-1] * np.int16(4)
    for beside in (levels[:-2, 1:-1], levels[2:, 1:-1], levels[1:-1, :-2], levels[1:-1, 2:]):
        edges -= beside
    if not edges.size:
        return 0.0
    mean = float(edges.sum(dtype=np.int64)) / edges.size
    several = edges.astype(np.float32)
    squares = np.einsum("ij,ij->i", several, several)  # by rows, which single precision can hold
    return float(squares.sum(dtype=np.float64)) / edges.size - mean**2
