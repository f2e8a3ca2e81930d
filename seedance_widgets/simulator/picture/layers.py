"""Pictures as the encoder wants them: YUV planes, and layers laid over them.

A layer is converted to YUV 4:2:0 once, its colours already multiplied by their alpha, so that putting it on
a frame costs one multiply and one add over a slice of rows, however often it moves. That is what lets a
whole clip with parallax be drawn in the time a few of its frames would take in RGB.

Planes are the Y, U and V arrays of one frame, uint8, U and V at half size. Alpha is 0..256, not 255: then a
shift by 8 divides exactly and an opaque layer keeps its colours.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
Words: TypeAlias = "NDArray[np.uint16]"
Floats: TypeAlias = "NDArray[np.float32]"
Planes: TypeAlias = tuple[Pixels, Pixels, Pixels]

WHITE = 235
"""The luma of white in the limited range that H.264 players expect."""

_OPAQUE = 255
_thread = threading.local()


def frame_planes(frame: av.VideoFrame) -> Planes:
    """The writable planes of a yuv420p frame, without the padding at the end of each row."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return y, u, v


def to_planes(pixels: Pixels) -> Planes:
    """RGB or RGBA of even size as planes, in BT.601 as every stream here is tagged."""
    name = "rgb24" if pixels.shape[2] == 3 else "rgba"  # noqa: PLR2004
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=name)
    y, u, v = frame_planes(
        frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601, interpolation=Interpolation.AREA)
    )
    return y.copy(), u.copy(), v.copy()


def blend(target: Pixels, ink: Words, keep: Words) -> None:
    """Put premultiplied `ink` over `target`, of which `keep` / 256 remains."""
    mixed = _scratch(target.size).reshape(target.shape)
    np.multiply(target, keep, out=mixed)
    np.add(mixed, ink, out=mixed)
    np.right_shift(mixed, 8, out=mixed)
    target[...] = mixed


def _scratch(size: int) -> Words:
    """Room for a product, kept from call to call: fresh memory would cost more than the arithmetic."""
    room: Words | None = getattr(_thread, "room", None)
    if room is None or room.size < size:
        room = _thread.room = np.empty(size, np.uint16)
    return room[:size]


def empty_planes(width: int, height: int) -> Planes:
    """Planes of that size, not yet filled."""
    half = height // 2, width // 2
    return np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)


def dissolve(target: Planes, other: Planes, share: float) -> None:
    """Let the other picture show through, up to wholly."""
    weight = round(256 * share)
    for old, new in zip(target, other, strict=True):
        # The type is said, for older numpy would keep eight bits beside a small number.
        mixed = np.multiply(old, 256 - weight, dtype=np.uint16)
        mixed += np.multiply(new, weight, dtype=np.uint16)
        mixed >>= 8
        old[...] = mixed


def _seen(alpha: Pixels, axis: int) -> tuple[int, int]:
    """From the first to the last line with anything on it, in whole chroma pixels."""
    found = np.flatnonzero(alpha.max(axis=axis, initial=0))
    return (int(found[0]) // 2 * 2, int(found[-1]) // 2 * 2 + 2) if found.size else (0, 0)


class Layer:
    """An RGBA picture that slides over frames; `speed` is in pixels a frame, to the left.

    Rows from `solid` on are opaque over the whole width: they are copied, not mixed, and whoever stacks
    layers need not draw what lies beneath them.
    """

    def __init__(self, pixels: Pixels, *, x: int = 0, y: int = 0, speed: float = 0.0) -> None:
        height, width = pixels.shape[:2]
        if x % 2 or y % 2 or width % 2 or height % 2:
            # Chroma has half the resolution: what starts or ends between two of its pixels is padded.
            pad = ((y % 2, (height + y) % 2), (x % 2, (width + x) % 2), (0, 0))
            pixels = np.pad(pixels, pad)
        first, last = _seen(pixels[..., 3], axis=1)
        left, right = _seen(pixels[..., 3], axis=0)
        pixels = pixels[first:last, left:right]
        self.x, self.speed = x - x % 2 + left, speed
        self.top = y - y % 2 + first
        self.width = pixels.shape[1]
        self.bottom = self.top + pixels.shape[0]
        alpha = pixels[..., 3]
        mixed = np.flatnonzero((alpha < _OPAQUE).any(axis=1))
        rows = (int(mixed[-1]) // 2 + 1) * 2 if mixed.size else 0
        self.solid = self.top + rows
        quad = alpha[0:rows:2].astype(np.uint16) + alpha[1:rows:2]
        half = (quad[:, ::2] + quad[:, 1::2] + 2) >> 2
        self._plain = to_planes(pixels) if pixels.size else (alpha, alpha, alpha)
        self._ink: list[Words] = []
        self._keep: list[Words] = []
        for plane, mask in zip(self._plain, (alpha[:rows].astype(np.uint16), half, half), strict=True):
            weight = mask + (mask >> 7)
            self._ink.append(np.multiply(plane[: weight.shape[0]], weight, dtype=np.uint16))
            self._keep.append(256 - weight)

    def draw(self, planes: Planes, index: int = 0, *, dy: int = 0) -> None:
        """Lay the layer over the frame numbered `index`; whatever falls outside is cut off."""
        x = self.x - int(index * self.speed)
        for number, plane in enumerate(planes):
            shift = 1 if number else 0
            height, width = plane.shape
            left, top = x >> shift, (self.top + dy) >> shift
            solid, bottom = (self.solid + dy) >> shift, min(height, (self.bottom + dy) >> shift)
            start, stop = max(0, left), min(width, left + self._plain[number].shape[1])
            if stop <= start:
                continue
            columns = slice(start - left, stop - left)
            first, last = max(0, top), min(solid, bottom)
            if last > first:
                rows = slice(first - top, last - top)
                ink, keep = self._ink[number][rows, columns], self._keep[number][rows, columns]
                blend(plane[first:last, start:stop], ink, keep)
            first = max(0, solid)
            if bottom > first:
                plane[first:bottom, start:stop] = self._plain[number][first - top : bottom - top, columns]


class Glow:
    """Light without colour: it only raises the luma towards white, so one plane is all it touches."""

    def __init__(self, alpha: Floats) -> None:
        weight = np.clip(np.rint(alpha * 256), 0, 256).astype(np.uint16)
        self._ink: Words = weight * np.uint16(WHITE)
        self._keep: Words = 256 - weight
        self.height, self.width = weight.shape

    def draw(self, planes: Planes, x: int, y: int) -> None:
        """Shine with the top left corner at (x, y), which may lie outside the frame."""
        luma = planes[0]
        height, width = luma.shape
        left, right = max(0, x), min(width, x + self.width)
        top, bottom = max(0, y), min(height, y + self.height)
        if right > left and bottom > top:
            rows, columns = slice(top - y, bottom - y), slice(left - x, right - x)
            blend(luma[top:bottom, left:right], self._ink[rows, columns], self._keep[rows, columns])


def sweep(width: int, height: int) -> Glow:
    """A slanted band of light, as wide as the picture and nothing at its sides."""
    slope = np.float32(0.45)
    across = np.arange(width, dtype=np.float32)[None, :]
    down = np.arange(height, dtype=np.float32)[:, None]
    place = (across + slope * down) / (width + slope * height)
    return Glow(np.float32(0.13) * np.sin(np.float32(np.pi) * np.clip(place, 0, 1)) ** 4)
